/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's GPU: see gpu.h. */
#include "gpu.h"

#include <stdio.h>

#include "error.h"
#include "table.h"
#include "text.h"

#define LABEL "%-16s"
#define MIB (1 << 20)

/* ---- what both ways have in common ---- */

/* Texts of a Gpu, with their labels; those in front are always there. */
static const struct {
	const char *name;
	const char *label;
	bool required;
} texts[] = {
	{ "source", "screen", true },
	{ "renderer", "renderer", true },
	{ "gl_version", "OpenGL", true },
	{ "backend", "backend", true },
	{ "virglrenderer", "virglrenderer", true },
	{ "vulkan", "Vulkan", false },
	{ "driver", "driver", false },
	{ "kernel", "guest kernel", false },
	{ "problem", "problem", false },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

struct gpu {
	const char *texts[TEXTS];
	uint64_t channel; /* REPLY_NO_NUMBER: closed */
	sd_json_variant *displays, *contexts;
	uint64_t memory, memory_max; /* bytes */
};

struct video {
	const char *model;
	const char *render_node; /* or NULL */
	uint64_t vram, memory; /* bytes */
	uint64_t width, height;
	uint64_t weight, cap;
	bool accel3d;
};

static enum hvctl_status read_gpu(struct gpu *gpu, sd_json_variant *object)
{
	struct reply reply = { .object = object };

	for (size_t i = 0; i < TEXTS; i++)
		gpu->texts[i] = reply_text(&reply, texts[i].name, texts[i].required);
	gpu->channel = reply_number(&reply, "channel", false);
	gpu->displays = reply_array(&reply, "displays", true);
	gpu->contexts = reply_array(&reply, "contexts", true);
	gpu->memory = reply_number(&reply, "memory", true);
	gpu->memory_max = reply_number(&reply, "memory_max", true);
	return reply_check(&reply);
}

static enum hvctl_status read_video(struct video *video, sd_json_variant *object)
{
	struct reply reply = { .object = object };

	*video = (struct video){
		.model = reply_text(&reply, "model", true),
		.render_node = reply_text(&reply, "render_node", false),
		.vram = reply_number(&reply, "vram", true),
		.memory = reply_number(&reply, "memory", true),
		.width = reply_number(&reply, "width", true),
		.height = reply_number(&reply, "height", true),
		.weight = reply_number(&reply, "weight", true),
		.cap = reply_number(&reply, "cap", true),
		.accel3d = reply_flag(&reply, "accel3d", true),
	};
	return reply_check(&reply);
}

static int video_json(sd_json_variant **object, const struct video *video)
{
	return sd_json_buildo(
		object, SD_JSON_BUILD_PAIR_STRING("model", video->model),
		SD_JSON_BUILD_PAIR_UNSIGNED("vram_bytes", video->vram),
		SD_JSON_BUILD_PAIR_UNSIGNED("width", video->width),
		SD_JSON_BUILD_PAIR_UNSIGNED("height", video->height),
		SD_JSON_BUILD_PAIR_BOOLEAN("accel3d", video->accel3d),
		SD_JSON_BUILD_PAIR_CONDITION(!!video->render_node, "render_node",
					     SD_JSON_BUILD_STRING(video->render_node)),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_bytes", video->memory),
		SD_JSON_BUILD_PAIR_UNSIGNED("weight", video->weight),
		SD_JSON_BUILD_PAIR_UNSIGNED("cap_percent", video->cap));
}

enum hvctl_status gpu_video_json(sd_json_variant **object, sd_json_variant *video)
{
	enum hvctl_status status;
	struct video read;
	int error;

	status = read_video(&read, video);
	if (status != HVCTL_OK)
		return status;
	error = video_json(object, &read);
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

static void print_text(const char *label, const char *text)
{
	char printable[1024];

	printf(LABEL "%s\n", label, text_printable(printable, sizeof(printable), text));
}

static void print_tuning(const struct video *video)
{
	printf(LABEL "%llu\n", "weight", (unsigned long long)video->weight);
	if (video->cap)
		printf(LABEL "%llu %% of a CPU\n", "cap", (unsigned long long)video->cap);
	else
		printf(LABEL "none\n", "cap");
}

/* ---- info ---- */

/* Those that are connected, or show something all the same. */
static enum hvctl_status print_displays(sd_json_variant *displays)
{
	for (size_t i = 0; i < sd_json_variant_elements(displays); i++) {
		struct reply reply = { .object = sd_json_variant_by_index(displays, i) };
		uint64_t number[] = { reply_number(&reply, "index", true),
				      reply_number(&reply, "width", true),
				      reply_number(&reply, "height", true),
				      reply_number(&reply, "shown_width", true),
				      reply_number(&reply, "shown_height", true) };
		bool connected = reply_flag(&reply, "connected", true);
		char label[24];

		if (reply.fault)
			return reply_check(&reply);
		if (!connected && !number[3])
			continue;
		snprintf(label, sizeof(label), "display %llu", (unsigned long long)number[0]);
		printf(LABEL "%llux%llu%s, ", label, (unsigned long long)number[1],
		       (unsigned long long)number[2], connected ? "" : " (not connected)");
		if (number[3])
			printf("shows %llux%llu\n", (unsigned long long)number[3],
			       (unsigned long long)number[4]);
		else
			puts("dark");
	}
	return HVCTL_OK;
}

static enum hvctl_status print_contexts(const struct cli_call *call, sd_json_variant *contexts)
{
	enum hvctl_status status = HVCTL_OK;
	struct table table = { 0 };
	char printable[256];

	table_column(&table, true, "CONTEXT");
	table_column(&table, false, "CAPSET");
	table_column(&table, false, "NAME");
	table_column(&table, false, "STATE");
	for (size_t i = 0; i < sd_json_variant_elements(contexts) && status == HVCTL_OK; i++) {
		struct reply reply = { .object = sd_json_variant_by_index(contexts, i) };
		const char *capset = reply_text(&reply, "capset", true);
		const char *name = reply_text(&reply, "name", true);
		const char *lost = reply_text(&reply, "lost", false);

		table_cell(&table, "%llu", (unsigned long long)reply_number(&reply, "id", true));
		table_cell(&table, "%s", text_printable(printable, sizeof(printable), capset));
		table_cell(&table, "%s", text_printable(printable, sizeof(printable), name));
		table_cell(&table, "%s%s", lost ? "lost: " : "works",
			   lost ? text_printable(printable, sizeof(printable), lost) : "");
		status = reply_check(&reply);
	}
	putchar('\n');
	if (status == HVCTL_OK && !table_print(&table, stdout, !call->line->globals.no_headers))
		status = error_report(HVCTL_BUSY, "out of memory");
	table_free(&table);
	return status;
}

static enum hvctl_status print_table(const struct cli_call *call, const struct gpu *gpu,
				     const struct video *video)
{
	enum hvctl_status status;

	print_text("model", video->model);
	for (size_t i = 0; i < TEXTS; i++)
		if (gpu->texts[i])
			print_text(texts[i].label, gpu->texts[i]);
	if (video->render_node)
		print_text("render node", video->render_node);
	if (gpu->channel != REPLY_NO_NUMBER)
		printf(LABEL "version %llu\n", "channel", (unsigned long long)gpu->channel);
	else if (video->accel3d)
		printf(LABEL "closed\n", "channel");
	printf(LABEL "%.1f MiB of %.1f MiB\n", "GPU memory", (double)gpu->memory / MIB,
	       (double)gpu->memory_max / MIB);
	printf(LABEL "%.1f MiB\n", "vram", (double)video->vram / MIB);
	print_tuning(video);
	status = print_displays(gpu->displays);
	if (status == HVCTL_OK && sd_json_variant_elements(gpu->contexts))
		status = print_contexts(call, gpu->contexts);
	return status;
}

static int gpu_json(sd_json_variant **object, const struct gpu *gpu)
{
	bool open = gpu->channel != REPLY_NO_NUMBER;
	int error = 0;

	for (size_t i = 0; i < TEXTS && error >= 0; i++)
		if (gpu->texts[i])
			error = sd_json_variant_set_field_string(object, texts[i].name,
								 gpu->texts[i]);
	if (error < 0)
		return error;
	return sd_json_variant_merge_objectbo(
		object,
		SD_JSON_BUILD_PAIR_CONDITION(open, "channel", SD_JSON_BUILD_UNSIGNED(gpu->channel)),
		SD_JSON_BUILD_PAIR_VARIANT("displays", gpu->displays),
		SD_JSON_BUILD_PAIR_VARIANT("contexts", gpu->contexts),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_bytes", gpu->memory),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_max_bytes", gpu->memory_max));
}

static enum hvctl_status print_json(const struct cli_call *call, const struct gpu *gpu,
				    const struct video *video)
{
	sd_json_variant *gpu_object JSON_AUTO = NULL, *video_object JSON_AUTO = NULL;
	int error = gpu_json(&gpu_object, gpu);

	if (error >= 0)
		error = video_json(&video_object, video);
	return error < 0 ? json_failed(error) :
			   json_show(!call->line->globals.no_color,
				     SD_JSON_BUILD_PAIR_VARIANT("gpu", gpu_object),
				     SD_JSON_BUILD_PAIR_VARIANT("video", video_object));
}

enum hvctl_status gpu_print_info(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	sd_json_variant *gpu_object = reply_object(&reply, "gpu", true);
	sd_json_variant *video_object = reply_object(&reply, "video", true);
	enum hvctl_status status = reply_check(&reply);
	struct video video;
	struct gpu gpu;

	if (status == HVCTL_OK)
		status = read_gpu(&gpu, gpu_object);
	if (status == HVCTL_OK)
		status = read_video(&video, video_object);
	if (status != HVCTL_OK)
		return status;
	return call->line->globals.format == HVCTL_JSON ? print_json(call, &gpu, &video) :
							  print_table(call, &gpu, &video);
}

/* ---- limits ---- */

enum hvctl_status gpu_print_limits(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	sd_json_variant *object JSON_AUTO = NULL, *inner = reply_object(&reply, "video", true);
	enum hvctl_status status = reply_check(&reply);
	struct video video;
	int error;

	if (status == HVCTL_OK)
		status = read_video(&video, inner);
	if (status != HVCTL_OK)
		return status;
	if (call->line->globals.format != HVCTL_JSON) {
		printf(LABEL "%.1f MiB\n", "GPU memory", (double)video.memory / MIB);
		print_tuning(&video);
		return HVCTL_OK;
	}
	error = video_json(&object, &video);
	return error < 0 ? json_failed(error) :
			   json_show(!call->line->globals.no_color,
				     SD_JSON_BUILD_PAIR_VARIANT("video", object));
}

/* ---- statistics ---- */

static const struct {
	const char *name; /* of the interface */
	const char *json; /* where the unit is part of it */
	const char *label;
} counters[] = {
	{ "messages", "messages", "messages" },
	{ "submissions", "submissions", "submissions" },
	{ "command_bytes", "command_bytes", "command bytes" },
	{ "transfers", "transfers", "transfers" },
	{ "transfer_bytes", "transfer_bytes", "transfer bytes" },
	{ "flushes", "flushes", "flushes" },
	{ "signals_in", "signals_in", "signals in" },
	{ "signals_out", "signals_out", "signals out" },
	{ "fences", "fences", "fences" },
	{ "fence_ns", "fence_ns", "fence ns" },
	{ "fence_max_ns", "fence_max_ns", "fence max ns" },
	{ "cpu_ns", "cpu_ns", "CPU ns" },
	{ "memory", "memory_bytes", "memory bytes" },
	{ "memory_max", "memory_max_bytes", "memory max" },
	{ "resources", "resources", "resources" },
	{ "contexts", "contexts", "contexts" },
	{ "contexts_lost", "contexts_lost", "contexts lost" },
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

enum hvctl_status gpu_print_stats(sd_json_variant *stats)
{
	struct reply reply = { .object = stats };
	uint64_t values[COUNTERS];

	for (size_t i = 0; i < COUNTERS; i++)
		values[i] = reply_number(&reply, counters[i].name, true);
	if (reply.fault)
		return reply_check(&reply);
	for (size_t i = 0; i < COUNTERS; i++)
		printf(LABEL "%llu\n", counters[i].label, (unsigned long long)values[i]);
	return HVCTL_OK;
}

enum hvctl_status gpu_stats_json(sd_json_variant **object, sd_json_variant *stats)
{
	struct reply reply = { .object = stats };
	int error = 0;

	for (size_t i = 0; i < COUNTERS && error >= 0; i++)
		error = sd_json_variant_set_field_unsigned(
			object, counters[i].json, reply_number(&reply, counters[i].name, true));
	if (reply.fault)
		return reply_check(&reply);
	return error < 0 ? json_failed(error) : HVCTL_OK;
}
