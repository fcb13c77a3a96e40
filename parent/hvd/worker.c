/* SPDX-License-Identifier: GPL-2.0-only */
/* What a worker says of itself, see worker.h. */
#include "worker.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "partition.h"

/* A terminal, by its name; what lies behind it is looked at when it is opened. */
static bool is_console(const char *path)
{
	static const char directory[] = "/dev/pts/";
	size_t before = sizeof(directory) - 1, digits;

	if (strncmp(path, directory, before) != 0)
		return false;
	digits = strspn(path + before, "0123456789");
	return digits > 0 && digits < 10 && !path[before + digits];
}

static enum reason reason_of(const char *name)
{
	static const enum reason known[] = { REASON_POWEROFF, REASON_REBOOT, REASON_TRIPLE_FAULT,
					     REASON_DEBUG_EXIT };

	if (strcmp(name, reason_names[REASON_NONE]) == 0)
		return REASON_NONE;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(reason_names[known[i]], name) == 0)
			return known[i];
	}
	return REASON_FAILED;
}

bool worker_status_read(sd_json_variant *json, struct worker_status *status)
{
	static const char *const states[WORKER_STATE_COUNT] = { "idle", "created", "running",
								"suspended", "stopped" };
	int state = name_index(states, WORKER_STATE_COUNT, json_text(json, "state"));
	sd_json_variant *code = sd_json_variant_by_key(json, "code");

	memset(status, 0, sizeof(*status));
	if (state < 0)
		return false;
	status->state = (enum worker_state)state;
	status->reason = reason_of(json_text(json, "reason"));
	status->code = -1;
	if (code && sd_json_variant_is_unsigned(code) && sd_json_variant_unsigned(code) <= 255)
		status->code = (int)sd_json_variant_unsigned(code);
	status->pid = (int)(json_number(json, "pid") & 0x7fffffff);
	status->id = json_number(json, "partition_id");
	status->memory = json_number(json, "memory");
	status->vcpus = (uint32_t)(json_number(json, "vcpus") & 0xffffffff);
	partition_clean(status->detail, sizeof(status->detail), json_text(json, "detail"));
	if (is_console(json_text(json, "pty")))
		snprintf(status->console, sizeof(status->console), "%s", json_text(json, "pty"));
	return true;
}
