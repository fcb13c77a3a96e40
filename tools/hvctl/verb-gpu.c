/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl gpu info, set and display */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "gpu.h"
#include "text.h"
#include "tuning.h"
#include "verbs.h"

#define NOT_GIVEN UINT64_MAX

struct settings {
	struct tuning_settings tuning;
	uint64_t memory; /* MiB */
	uint64_t weight;
	uint64_t cap; /* percent */
	uint64_t screen;
	const char *size; /* or NULL */
};

static const struct settings defaults = {
	.memory = NOT_GIVEN,
	.weight = NOT_GIVEN,
	.cap = NOT_GIVEN,
};

static const char *const actions[] = { "info", "set", "display", NULL };

enum action {
	ACTION_INFO,
	ACTION_SET,
	ACTION_DISPLAY,
};

/* Connects and calls a method; takes parameters over. */
static enum hvctl_status ask(const struct cli_call *call, enum client_access purpose,
			     const char *method, sd_json_variant *parameters,
			     sd_json_variant **answer)
{
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, purpose);
	if (status != HVCTL_OK) {
		sd_json_variant_unref(parameters);
		return status;
	}
	status = client_call(&client, method, parameters, answer);
	client_close(&client);
	return status;
}

static enum hvctl_status info(const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status = ask(call, CLIENT_READ, "GpuInfo",
				       partition_parameters(call->line->operands[1]), &answer);

	return status == HVCTL_OK ? gpu_print_info(call, answer) : status;
}

static enum hvctl_status set(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	const char *scope = tuning_scope(&settings->tuning);
	sd_json_variant *parameters = NULL, *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	int error;

	error = sd_json_buildo(
		&parameters, SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[1]),
		SD_JSON_BUILD_PAIR_CONDITION(settings->memory != NOT_GIVEN, "memory",
					     SD_JSON_BUILD_UNSIGNED(settings->memory << 20)),
		SD_JSON_BUILD_PAIR_CONDITION(settings->weight != NOT_GIVEN, "weight",
					     SD_JSON_BUILD_UNSIGNED(settings->weight)),
		SD_JSON_BUILD_PAIR_CONDITION(settings->cap != NOT_GIVEN, "cap",
					     SD_JSON_BUILD_UNSIGNED(settings->cap)),
		SD_JSON_BUILD_PAIR_CONDITION(!!scope, "scope", SD_JSON_BUILD_STRING(scope)));
	if (error < 0)
		return json_failed(error);
	status = ask(call, CLIENT_CHANGE, "SetGpu", parameters, &answer);
	return status == HVCTL_OK ? gpu_print_limits(call, answer) : status;
}

/* "1280x800" */
static bool parse_size(const char *text, uint64_t *width, uint64_t *height)
{
	const char *cross = strchr(text, 'x');
	char first[24];

	if (!cross || (size_t)(cross - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(cross - text), text);
	return text_parse_number(first, width) && text_parse_number(cross + 1, height);
}

static enum hvctl_status display(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	sd_json_variant *parameters = NULL;
	uint64_t width, height;
	enum hvctl_status status;
	int error;

	if (!parse_size(settings->size, &width, &height))
		return error_report(HVCTL_USAGE, "gpu: --size: '%s' is no size, as in 1280x800",
				    settings->size);
	error = sd_json_buildo(&parameters,
			       SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[1]),
			       SD_JSON_BUILD_PAIR_UNSIGNED("display", settings->screen),
			       SD_JSON_BUILD_PAIR_UNSIGNED("width", width),
			       SD_JSON_BUILD_PAIR_UNSIGNED("height", height));
	if (error < 0)
		return json_failed(error);
	status = ask(call, CLIENT_CHANGE, "SetDisplay", parameters, NULL);
	if (status != HVCTL_OK)
		return status;
	error_progress("partition '%s': asked for %s", call->line->operands[1], settings->size);
	return call->line->globals.format == HVCTL_JSON ?
		       json_show(!call->line->globals.no_color,
				 SD_JSON_BUILD_PAIR_UNSIGNED("width", width),
				 SD_JSON_BUILD_PAIR_UNSIGNED("height", height)) :
		       HVCTL_OK;
}

/* Options of another action, or too few of this one. */
static enum hvctl_status check(enum action action, const struct settings *settings)
{
	bool sets = settings->memory != NOT_GIVEN || settings->weight != NOT_GIVEN ||
		    settings->cap != NOT_GIVEN;
	bool scope = settings->tuning.live || settings->tuning.config;

	if (action != ACTION_SET && (sets || scope))
		return error_report(HVCTL_USAGE, "gpu: --memory, --weight, --cap, --live and "
						 "--config go with set alone");
	if (action != ACTION_DISPLAY && (settings->size || settings->screen))
		return error_report(HVCTL_USAGE, "gpu: --size and --screen go with display alone");
	if (action == ACTION_SET && !sets)
		return error_report(HVCTL_USAGE, "gpu: what is to be set (--memory, --weight or "
						 "--cap)?");
	if (action == ACTION_DISPLAY && !settings->size)
		return error_report(HVCTL_USAGE, "gpu: --size is missing");
	return HVCTL_OK;
}

static enum hvctl_status run(const struct cli_call *call)
{
	static enum hvctl_status (*const does[])(const struct cli_call *call) = {
		[ACTION_INFO] = info,
		[ACTION_SET] = set,
		[ACTION_DISPLAY] = display,
	};
	enum hvctl_status status;
	size_t action = 0;

	/* One of them it is: the operand's choices are these. */
	while (action < ACTION_DISPLAY && strcmp(actions[action], call->line->operands[0]) != 0)
		action++;
	status = check((enum action)action, call->line->settings);
	return status == HVCTL_OK ? does[action](call) : status;
}

static const struct cli_operand operands[] = {
	{ .name = "ACTION", .required = true, .choices = actions, .help = "info, set or display" },
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	{ .name = "memory",
	  .kind = CLI_NUMBER,
	  .value = "MIB",
	  .minimum = 16,
	  .maximum = 1 << 20,
	  .offset = offsetof(struct settings, memory),
	  .help = "Set what the guest's textures and buffers may have, in MiB; only of the "
		  "definition" },
	{ .name = "weight",
	  .kind = CLI_NUMBER,
	  .value = "WEIGHT",
	  .minimum = 1,
	  .maximum = 10000,
	  .offset = offsetof(struct settings, weight),
	  .help = "Set the share of the time beside those who draw for others; 100 is usual" },
	{ .name = "cap",
	  .kind = CLI_NUMBER,
	  .value = "PERCENT",
	  .maximum = 6400,
	  .offset = offsetof(struct settings, cap),
	  .help = "Set the most that it gets, in percent of one CPU; 0 is no cap" },
	TUNING_OPTION_LIVE,
	TUNING_OPTION_CONFIG,
	{ .name = "size",
	  .kind = CLI_TEXT,
	  .value = "WxH",
	  .offset = offsetof(struct settings, size),
	  .help = "The mode to ask the guest for, as in 1280x800" },
	{ .name = "screen",
	  .kind = CLI_NUMBER,
	  .value = "N",
	  .maximum = 3,
	  .offset = offsetof(struct settings, screen),
	  .help = "Which of its displays; 0 is the first" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl gpu info web", "What draws for it, and for which of its programs" },
	{ "hvctl gpu info web --json | jq -r .gpu.renderer", "Is it a GPU, or llvmpipe?" },
	{ "hvctl gpu set web --weight 50 --cap 150 --live --config",
	  "Half of what others get and at most one and a half CPUs, now and after its next start" },
	{ "hvctl gpu display web --size 1920x1080", "Another mode for its screen" },
	{ NULL, NULL },
};

const struct cli_verb verb_gpu = {
	.name = "gpu",
	.summary = "Show or limit a guest's GPU, or set its display",
	.description =
		"info shows what draws for a guest with a screen: the renderer and its versions, "
		"whether a GPU (render node) or the CPU (software) draws, the guest's driver, or why "
		"there is no 3D, its memory, its displays, and the contexts of the guest's "
		"programs. screen tells who draws what is shown: video is Hyper-V's synthetic "
		"screen, gpu the guest's mullion_gpu, none that nobody has begun.\n\n"
		"set changes the limits of the process that draws. Without --live and --config the "
		"partition that runs is meant, or the definition of one that does not run. Weight "
		"and cap are of its time on the CPUs; the memory can be changed for the next start "
		"only.\n\n"
		"display asks the guest for another mode, which its driver may take or not.",
	.operands = operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
