/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl version */
#include <mullion/cpuid.h>

#include <string.h>

#include "client.h"
#include "device.h"
#include "error.h"
#include "json.h"
#include "mullion_version.h"
#include "reply.h"
#include "text.h"
#include "verbs.h"

static const struct {
	uint32_t bit;
	const char *name;
} features[] = {
	{ MULLION_FEATURE_LOG, "log" },
	{ MULLION_FEATURE_STATS, "stats" },
	{ MULLION_FEATURE_CRASH, "crash" },
	{ MULLION_FEATURE_NATIVE_CPUID, "native_cpuid" },
	{ MULLION_FEATURE_NATIVE_ICR, "native_icr" },
};

#define FEATURES (sizeof(features) / sizeof(features[0]))

/* What hv tells about itself, ready to print. */
struct hv_text {
	char version[48];
	char backend[TEXT_ESCAPED_SIZE(8)];
	char build[TEXT_ESCAPED_SIZE(64)];
	char options[TEXT_ESCAPED_SIZE(128)];
};

static void make_text(struct hv_text *text, const struct mullion_hv_info *info)
{
	snprintf(text->version, sizeof(text->version), "%u.%u.%u", info->version >> 16,
		 info->version & 0xffff, info->patch);
	text_escape(text->backend, sizeof(text->backend), info->backend, strlen(info->backend));
	text_escape(text->build, sizeof(text->build), info->build, strlen(info->build));
	text_escape(text->options, sizeof(text->options), info->options, strlen(info->options));
}

/* hvd's answer; its fields are NULL where there is no hvd. */
struct daemon {
	sd_json_variant *answer; /* owned */
	const char *version;
	const char *build;
};

static void ask_daemon(struct daemon *hvd, const struct cli_call *call)
{
	struct reply reply = { 0 };
	struct client client;

	*hvd = (struct daemon){ 0 };
	if (client_open_silent(&client, call) &&
	    client_call(&client, "Version", NULL, &hvd->answer) == HVCTL_OK) {
		reply.object = hvd->answer;
		hvd->version = reply_text(&reply, "version", false);
		hvd->build = reply_text(&reply, "build", false);
	}
	client_close(&client);
}

static void print_programs(const struct daemon *hvd)
{
	char build[TEXT_ESCAPED_SIZE(80)] = "-";

	if (hvd->build)
		text_printable(build, sizeof(build), hvd->build);
	printf("hvctl       %s\n", MULLION_BUILD);
	printf("hvd         %s\n", build);
}

static void print_hv(const struct mullion_hv_info *info)
{
	struct hv_text text;

	make_text(&text, info);
	printf("hv          %s\n", text.version);
	printf("build       %s\n", text.build);
	printf("backend     %s\n", text.backend);
	printf("parent ABI  %u\n", info->abi);
	printf("CPUs        %u\n", info->cpu_count);
	printf("memory      %.1f MiB\n", (double)info->memory_bytes / (1 << 20));
	printf("TSC         %.3f MHz\n", (double)info->tsc_hz / 1e6);
	printf("features   ");
	for (size_t i = 0; i < FEATURES; i++)
		if (info->features & features[i].bit)
			printf(" %s", features[i].name);
	putchar('\n');
	if (text.options[0])
		printf("options     %s\n", text.options);
}

static int make_features(sd_json_variant **array, uint32_t bits)
{
	int error = sd_json_variant_new_array(array, NULL, 0);

	for (size_t i = 0; i < FEATURES && error >= 0; i++)
		if (bits & features[i].bit)
			error = sd_json_variant_append_arrayb(
				array, SD_JSON_BUILD_STRING(features[i].name));
	return error;
}

static int make_hv(sd_json_variant **object, const struct mullion_hv_info *info)
{
	sd_json_variant *names JSON_AUTO = NULL;
	struct hv_text text;
	int error;

	make_text(&text, info);
	error = make_features(&names, info->features);
	if (error < 0)
		return error;
	return sd_json_buildo(object, SD_JSON_BUILD_PAIR_STRING("version", text.version),
			      SD_JSON_BUILD_PAIR_STRING("build", text.build),
			      SD_JSON_BUILD_PAIR_STRING("backend", text.backend),
			      SD_JSON_BUILD_PAIR_UNSIGNED("parent_abi", info->abi),
			      SD_JSON_BUILD_PAIR_UNSIGNED("cpus", info->cpu_count),
			      SD_JSON_BUILD_PAIR_UNSIGNED("memory_bytes", info->memory_bytes),
			      SD_JSON_BUILD_PAIR_UNSIGNED("tsc_hz", info->tsc_hz),
			      SD_JSON_BUILD_PAIR_VARIANT("features", names),
			      SD_JSON_BUILD_PAIR_STRING("options", text.options));
}

/* info is NULL where there is no hv to ask. */
static enum hvctl_status print_json(const struct mullion_hv_info *info, const struct daemon *hvd,
				    bool color)
{
	sd_json_variant *hv JSON_AUTO = NULL, *program JSON_AUTO = NULL;
	int error = 0;

	if (info)
		error = make_hv(&hv, info);
	if (error >= 0 && hvd->version && hvd->build)
		error = sd_json_buildo(&program, SD_JSON_BUILD_PAIR_STRING("version", hvd->version),
				       SD_JSON_BUILD_PAIR_STRING("build", hvd->build));
	if (error < 0)
		return json_failed(error);
	return json_show(color,
			 SD_JSON_BUILD_PAIR_OBJECT(
				 "hvctl", SD_JSON_BUILD_PAIR_STRING("build", MULLION_BUILD)),
			 SD_JSON_BUILD_PAIR_VARIANT("hv", hv),
			 SD_JSON_BUILD_PAIR_VARIANT("hvd", program));
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct cli_globals *globals = &call->line->globals;
	enum hvctl_status status, printed;
	struct device device;
	struct daemon hvd;

	ask_daemon(&hvd, call);
	if (globals->format != HVCTL_JSON)
		print_programs(&hvd);
	fflush(stdout); /* before an error comes */
	status = device_open(&device);
	if (globals->format == HVCTL_JSON) {
		printed = print_json(status == HVCTL_OK ? &device.info : NULL, &hvd,
				     !globals->no_color);
		if (printed != HVCTL_OK)
			status = printed;
	} else if (status == HVCTL_OK) {
		print_hv(&device.info);
	}
	if (device.fd >= 0)
		device_close(&device);
	sd_json_variant_unref(hvd.answer);
	return status;
}

static const struct cli_example examples[] = {
	{ "hvctl version --json | jq -r .hv.version", "The hypervisor's version alone" },
	{ NULL, NULL },
};

const struct cli_verb verb_version = {
	.name = "version",
	.summary = "Show the versions of hvctl, the daemon and the hypervisor",
	.description =
		"Shows what hvctl and the daemon were built from, and what the hypervisor below tells of itself: "
		"version, build, the processor's virtualization that it uses (svm or vmx), the "
		"number of CPUs in guest mode, the memory that it keeps for itself, the frequency "
		"of the TSC, the interfaces that it offers, and the options it was started with. "
		"Without a hypervisor, hvctl's own build is printed all the same.",
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
