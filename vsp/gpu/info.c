/* SPDX-License-Identifier: GPL-2.0-only */
/* See info.h. Texts of the guest were checked to be printable. */
#include "info.h"

#include <errno.h>
#include <sys/resource.h>

#include "video.h"

const char *source_name(enum source source)
{
	static const char *const names[] = { "none", "video", "gpu" };

	return names[source];
}

static const char *capset_name(uint32_t capset)
{
	switch (capset) {
	case 1:
		return "virgl";
	case 2:
		return "virgl2";
	case 4:
		return "venus";
	default:
		return "?";
	}
}

/* ---- the displays ---- */

/* Of the first one where the synthetic device draws it. */
static void look_at(const struct info_parts *parts, unsigned int number,
		    struct gpu_display *display)
{
	struct video_picture picture;

	*display = (struct gpu_display){ 0 };
	if (parts->gpu)
		gpu_display(parts->gpu, number, display);
	if (number || parts->source == SOURCE_GPU || !video_picture(parts->video, &picture))
		return;
	display->shown_width = picture.width;
	display->shown_height = picture.height;
}

static int add_displays(sd_json_variant **array, const struct info_parts *parts)
{
	int result = sd_json_variant_new_array(array, NULL, 0);

	for (unsigned int i = 0; i < (parts->gpu ? MULLION_GPU_DISPLAYS_MAX : 1) && result >= 0;
	     i++) {
		struct gpu_display display;

		look_at(parts, i, &display);
		result = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_UNSIGNED("index", i),
			SD_JSON_BUILD_PAIR_BOOLEAN("connected", display.connected),
			SD_JSON_BUILD_PAIR_UNSIGNED("width", display.width),
			SD_JSON_BUILD_PAIR_UNSIGNED("height", display.height),
			SD_JSON_BUILD_PAIR_UNSIGNED("shown_width", display.shown_width),
			SD_JSON_BUILD_PAIR_UNSIGNED("shown_height", display.shown_height));
	}
	return result;
}

static int add_contexts(sd_json_variant **array, const struct gpu *gpu)
{
	int result = sd_json_variant_new_array(array, NULL, 0);
	struct gpu_context context;

	for (unsigned int i = 0; gpu && result >= 0 && gpu_context(gpu, i, &context); i++)
		result = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_UNSIGNED("id", context.id),
			SD_JSON_BUILD_PAIR_STRING("name", context.name),
			SD_JSON_BUILD_PAIR_STRING("capset", capset_name(context.capset)),
			SD_JSON_BUILD_PAIR_CONDITION(context.lost != NULL, "lost",
						     SD_JSON_BUILD_STRING(context.lost)));
	return result;
}

/* ---- the answers ---- */

static int reply(sd_varlink *link, const struct info_parts *parts, sd_json_variant *displays,
		 sd_json_variant *contexts)
{
	const struct renderer *renderer = parts->renderer;
	struct gpu_info info = { .driver = "", .kernel = "", .problem = "" };
	struct gpu_statistics statistics = { 0 };
	const char *problem;

	if (parts->gpu) {
		gpu_info(parts->gpu, &info);
		gpu_statistics(parts->gpu, &statistics);
	}
	problem = parts->problem[0] ? parts->problem : info.problem;
	return sd_varlink_replybo(
		link, SD_JSON_BUILD_PAIR_STRING("source", source_name(parts->source)),
		SD_JSON_BUILD_PAIR_STRING("renderer", renderer ? renderer->name : "none"),
		SD_JSON_BUILD_PAIR_STRING("gl_version", renderer ? renderer->gl_version : "none"),
		SD_JSON_BUILD_PAIR_STRING(
			"backend", renderer && !renderer->software ? "render node" : "software"),
		SD_JSON_BUILD_PAIR_STRING("virglrenderer", renderer ? renderer->library : "none"),
		SD_JSON_BUILD_PAIR_CONDITION(info.version != 0, "channel",
					     SD_JSON_BUILD_UNSIGNED(info.version)),
		SD_JSON_BUILD_PAIR_CONDITION(info.driver[0] != '\0', "driver",
					     SD_JSON_BUILD_STRING(info.driver)),
		SD_JSON_BUILD_PAIR_CONDITION(info.kernel[0] != '\0', "kernel",
					     SD_JSON_BUILD_STRING(info.kernel)),
		SD_JSON_BUILD_PAIR_CONDITION(problem[0] != '\0', "problem",
					     SD_JSON_BUILD_STRING(problem)),
		SD_JSON_BUILD_PAIR_VARIANT("displays", displays),
		SD_JSON_BUILD_PAIR_VARIANT("contexts", contexts),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory", statistics.memory),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_max", parts->memory_max));
}

int info_reply(sd_varlink *link, const struct info_parts *parts)
{
	sd_json_variant *displays JSON_AUTO = NULL;
	sd_json_variant *contexts JSON_AUTO = NULL;
	int result = add_displays(&displays, parts);

	if (result >= 0)
		result = add_contexts(&contexts, parts->gpu);
	return result < 0 ? result : reply(link, parts, displays, contexts);
}

static uint64_t cpu_ns(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return 0;
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static int build_statistics(sd_json_variant **object, const struct gpu_statistics *s)
{
	return sd_json_buildo(object, SD_JSON_BUILD_PAIR_UNSIGNED("messages", s->messages),
			      SD_JSON_BUILD_PAIR_UNSIGNED("submissions", s->submissions),
			      SD_JSON_BUILD_PAIR_UNSIGNED("command_bytes", s->command_bytes),
			      SD_JSON_BUILD_PAIR_UNSIGNED("transfers", s->transfers),
			      SD_JSON_BUILD_PAIR_UNSIGNED("transfer_bytes", s->transfer_bytes),
			      SD_JSON_BUILD_PAIR_UNSIGNED("fences", s->fences),
			      SD_JSON_BUILD_PAIR_UNSIGNED("fence_ns", s->fence_ns),
			      SD_JSON_BUILD_PAIR_UNSIGNED("fence_max_ns", s->fence_max_ns),
			      SD_JSON_BUILD_PAIR_UNSIGNED("flushes", s->flushes),
			      SD_JSON_BUILD_PAIR_UNSIGNED("signals_in", s->signals_in),
			      SD_JSON_BUILD_PAIR_UNSIGNED("signals_out", s->signals_out),
			      SD_JSON_BUILD_PAIR_UNSIGNED("cpu_ns", cpu_ns()),
			      SD_JSON_BUILD_PAIR_UNSIGNED("memory", s->memory),
			      SD_JSON_BUILD_PAIR_UNSIGNED("memory_max", s->memory_max),
			      SD_JSON_BUILD_PAIR_UNSIGNED("contexts", s->contexts),
			      SD_JSON_BUILD_PAIR_UNSIGNED("contexts_lost", s->contexts_lost),
			      SD_JSON_BUILD_PAIR_UNSIGNED("resources", s->resources));
}

int info_reply_statistics(sd_varlink *link, const struct info_parts *parts)
{
	struct gpu_statistics statistics = { .memory_max = parts->memory_max };
	sd_json_variant *object JSON_AUTO = NULL;
	int result;

	if (parts->gpu)
		gpu_statistics(parts->gpu, &statistics);
	result = build_statistics(&object, &statistics);
	return result < 0 ?
		       result :
		       sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("statistics", object));
}
