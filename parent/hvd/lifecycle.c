/* SPDX-License-Identifier: GPL-2.0-only */
/* A partition's states, see lifecycle.h. */
#include "lifecycle.h"

#include <string.h>

const char *const state_names[STATE_COUNT] = {
	"shutoff", "starting", "running", "paused", "stopping", "crashed",
};

const char *const reason_names[REASON_COUNT] = {
	"none",	    "started", "adopted", "resumed",	  "restarted",	"reset",  "requested",
	"poweroff", "reboot",  "panic",	  "triple_fault", "debug_exit", "failed", "lost",
};

const char *const event_names[EVENT_COUNT] = {
	"defined",	  "undefined",	  "started",   "paused",  "resumed",
	"reset",	  "stopped",	  "crashed",   "changed", "device_added",
	"device_removed", "device_error", "heartbeat", "screen",
};

int name_index(const char *const names[], int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

bool lifecycle_allows(enum state state, enum request request)
{
	static const unsigned int allowed[REQUEST_COUNT] = {
		[REQUEST_START] = 1u << STATE_SHUTOFF,
		[REQUEST_DESTROY] = 1u << STATE_STARTING | 1u << STATE_RUNNING |
				    1u << STATE_PAUSED | 1u << STATE_STOPPING | 1u << STATE_CRASHED,
		[REQUEST_RESET] = 1u << STATE_RUNNING | 1u << STATE_PAUSED | 1u << STATE_CRASHED,
		[REQUEST_SUSPEND] = 1u << STATE_RUNNING,
		[REQUEST_RESUME] = 1u << STATE_PAUSED,
		[REQUEST_CONSOLE] = 1u << STATE_RUNNING | 1u << STATE_PAUSED | 1u << STATE_CRASHED,
	};

	return allowed[request] >> state & 1;
}

const char *lifecycle_verb(enum request request)
{
	static const char *const verbs[REQUEST_COUNT] = {
		[REQUEST_START] = "start",   [REQUEST_DESTROY] = "destroy",
		[REQUEST_RESET] = "reset",   [REQUEST_SUSPEND] = "suspend",
		[REQUEST_RESUME] = "resume", [REQUEST_CONSOLE] = "open the console of",
	};

	return verbs[request];
}

bool lifecycle_is_failure(enum reason reason)
{
	return reason == REASON_PANIC || reason == REASON_TRIPLE_FAULT || reason == REASON_FAILED ||
	       reason == REASON_LOST;
}

static enum verdict by_action(enum domain_action action)
{
	if (action == DOMAIN_RESTART)
		return VERDICT_RESTART;
	return action == DOMAIN_PRESERVE ? VERDICT_KEEP : VERDICT_STOP;
}

enum verdict lifecycle_ended(enum reason reason, const struct domain *domain)
{
	if (reason == REASON_POWEROFF)
		return by_action(domain->on_poweroff);
	if (reason == REASON_REBOOT)
		return by_action(domain->on_reboot);
	/* Of a worker that is gone nothing is left to keep. */
	if (reason == REASON_LOST && domain->on_crash == DOMAIN_PRESERVE)
		return VERDICT_STOP;
	return lifecycle_is_failure(reason) ? by_action(domain->on_crash) : VERDICT_STOP;
}

enum event_type lifecycle_end_event(enum reason reason)
{
	return lifecycle_is_failure(reason) ? EVENT_CRASHED : EVENT_STOPPED;
}

const char *lifecycle_panic_line(char *text)
{
	char *at = strstr(text, "Kernel panic");

	if (!at) {
		at = text + strlen(text);
		while (at > text && at[-1] == '\n')
			*--at = '\0';
		while (at > text && at[-1] != '\n')
			at--;
	}
	at[strcspn(at, "\n")] = '\0';
	return at;
}
