/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A screen and a GPU without either, see fake-devices.c. SIGUSR1: the guest's driver opens
 * the GPU, and another program's context is lost. SIGUSR2: contexts were lost with the
 * process before. What it tells has bytes in it that no terminal should get. In a partition
 * called "dark" nothing was shown yet.
 */
#include "fake-devices.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	uint64_t memory_max; /* 0: not configured */
	uint64_t width, height;
	const char *source;
} gpu = { .source = "none" };

static uint64_t number(sd_json_variant *json, const char *field)
{
	sd_json_variant *value = sd_json_variant_by_key(json, field);

	return value ? sd_json_variant_unsigned(value) : 0;
}

bool gpu_configure(sd_varlink *link, sd_json_variant *json)
{
	gpu.memory_max = number(json, "memory_max");
	gpu.width = number(json, "width");
	gpu.height = number(json, "height");
	return descriptor(link, json, "socket_fd") >= 0 && number(json, "vram_size") &&
	       sd_json_variant_by_key(json, "video") &&
	       (!sd_json_variant_by_key(json, "render_fd") ||
		descriptor(link, json, "render_fd") >= 0);
}

static void tell_of(const char *kind, const char *detail)
{
	sd_json_variant *event = NULL;

	sd_json_buildo(&event, SD_JSON_BUILD_PAIR_UNSIGNED("sequence", ++fake.sequence),
		       SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", (uint64_t)time(NULL) * 1000000000),
		       SD_JSON_BUILD_PAIR_STRING("kind", kind),
		       SD_JSON_BUILD_PAIR_STRING("source", gpu.source),
		       SD_JSON_BUILD_PAIR_CONDITION(detail != NULL, "detail",
						    SD_JSON_BUILD_STRING(detail)));
	tell(event);
	sd_json_variant_unref(event);
}

void tell_gpu(const char *kind)
{
	tell_of(kind, NULL);
}

void gpu_signal(int number_of)
{
	if (number_of == SIGUSR2) {
		tell_of("renderer_lost", "the process before has died");
		return;
	}
	gpu.source = "gpu";
	tell_of("source", NULL);
	tell_of("context_lost", "context 3 (glx\x1b[2J): bad commands");
}

int on_gpu_info(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		void *data)
{
	bool open = strcmp(gpu.source, "gpu") == 0;

	(void)flags, (void)data;
	note("Info", json);
	return sd_varlink_replybo(
		link, SD_JSON_BUILD_PAIR_STRING("source", gpu.source),
		SD_JSON_BUILD_PAIR_STRING("renderer", "llvmpipe (LLVM 19.1.7, 256 bits)"),
		SD_JSON_BUILD_PAIR_STRING("gl_version", "4.5 Mesa 25.0.7"),
		SD_JSON_BUILD_PAIR_STRING("backend", "software"),
		SD_JSON_BUILD_PAIR_STRING("virglrenderer", "1.1.0"),
		SD_JSON_BUILD_PAIR_CONDITION(open, "channel", SD_JSON_BUILD_UNSIGNED(1)),
		SD_JSON_BUILD_PAIR_CONDITION(open, "driver",
					     SD_JSON_BUILD_STRING("mullion_gpu\x1b[31m 1.0")),
		SD_JSON_BUILD_PAIR_CONDITION(open, "kernel", SD_JSON_BUILD_STRING("6.12.0")),
		SD_JSON_BUILD_PAIR("displays",
				   SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_OBJECT(
					   SD_JSON_BUILD_PAIR_UNSIGNED("index", 0),
					   SD_JSON_BUILD_PAIR_BOOLEAN("connected", true),
					   SD_JSON_BUILD_PAIR_UNSIGNED("width", gpu.width),
					   SD_JSON_BUILD_PAIR_UNSIGNED("height", gpu.height),
					   SD_JSON_BUILD_PAIR_UNSIGNED("shown_width", 1024),
					   SD_JSON_BUILD_PAIR_UNSIGNED("shown_height", 768)))),
		SD_JSON_BUILD_PAIR(
			"contexts",
			SD_JSON_BUILD_ARRAY(
				SD_JSON_BUILD_OBJECT(SD_JSON_BUILD_PAIR_UNSIGNED("id", 2),
						     SD_JSON_BUILD_PAIR_STRING("name", "weston"),
						     SD_JSON_BUILD_PAIR_STRING("capset", "virgl2")),
				SD_JSON_BUILD_OBJECT(
					SD_JSON_BUILD_PAIR_UNSIGNED("id", 3),
					SD_JSON_BUILD_PAIR_STRING("name", "glx\x1b[2J"),
					SD_JSON_BUILD_PAIR_STRING("capset", "virgl2"),
					SD_JSON_BUILD_PAIR_STRING("lost", "bad commands")))),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory", 3145728),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_max", gpu.memory_max));
}

int on_gpu_stats(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		 void *data)
{
	static const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "messages", 100 },	 { "submissions", 40 },	     { "command_bytes", 65536 },
		{ "transfers", 8 },	 { "transfer_bytes", 8192 }, { "fences", 40 },
		{ "fence_ns", 4000000 }, { "fence_max_ns", 250000 }, { "flushes", 20 },
		{ "signals_in", 30 },	 { "signals_out", 10 },	     { "cpu_ns", 1500000000 },
		{ "memory", 3145728 },	 { "contexts", 2 },	     { "contexts_lost", 1 },
		{ "resources", 12 },
	};
	sd_json_variant *all = NULL;
	int result = sd_json_variant_new_object(&all, NULL, 0);

	(void)json, (void)flags, (void)data;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && result >= 0; i++)
		result = sd_json_variant_set_field_unsigned(&all, fields[i].name, fields[i].value);
	if (result >= 0)
		result = sd_json_variant_set_field_unsigned(&all, "memory_max", gpu.memory_max);
	if (result >= 0)
		result = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("statistics", all));
	sd_json_variant_unref(all);
	return result;
}

int on_set_display(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		   void *data)
{
	(void)flags, (void)data;
	note("SetDisplay", json);
	if (number(json, "width") < 64 || number(json, "display"))
		return refuse(link, "BadConfiguration", "no such mode, or no such display");
	gpu.width = number(json, "width");
	gpu.height = number(json, "height");
	return sd_varlink_reply(link, NULL);
}

int on_screenshot(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		  void *data)
{
	static const char picture[] = "\x89PNG\r\n\x1a\n, as it were";
	int fd = descriptor(link, json, "fd");

	(void)flags, (void)data;
	note("Screenshot", json);
	if (strcmp(fake.name, "dark") == 0)
		return refuse(link, "NotReady", "nothing was shown yet");
	if (number(json, "display"))
		return refuse(link, "BadConfiguration", "there is no such display");
	if (write(fd, picture, sizeof(picture) - 1) != (ssize_t)sizeof(picture) - 1)
		return refuse(link, "Failed", "the file cannot be written to");
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("width", 1024),
				  SD_JSON_BUILD_PAIR_UNSIGNED("height", 768),
				  SD_JSON_BUILD_PAIR_STRING("source", gpu.source));
}
