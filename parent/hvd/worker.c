/* SPDX-License-Identifier: GPL-2.0-only */
/* hvd's end of a worker, see worker.h. */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "partition.h"
#include "pump.h"
#include "spawn.h"

#define INTERFACE "org.mullion.Worker."
#define ABI 1
#define TRY_INTERVAL 50000 /* microseconds */
#define HELLO_SECONDS 10u

struct worker {
	struct hvd *hvd;
	const struct worker_hooks *hooks;
	void *context;
	char name[DOMAIN_NAME_MAX];
	unsigned int tries;
	struct event *timer; /* the next try */
	sd_varlink *calls, *events;
	struct pump *calls_pump, *events_pump;
	worker_done done; /* of the call under way */
	bool ready;

	/* What is to be told. A connection takes no call while it hands out an answer,
	 * so the owner hears of everything in a turn of its own, in this order. */
	struct event *tell;
	bool answered;
	bool refused; /* answered, and failure says why */
	bool gone;
	sd_json_variant *answer;
	struct failure failure;
};

static void drop(sd_varlink **link, struct pump **pump)
{
	pump_free(*pump);
	*pump = NULL;
	if (*link)
		sd_varlink_set_userdata(*link, NULL);
	*link = sd_varlink_close_unref(*link);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	drop(&worker->calls, &worker->calls_pump);
	drop(&worker->events, &worker->events_pump);
	event_free(worker->timer);
	event_free(worker->tell);
	sd_json_variant_unref(worker->answer);
	free(worker);
}

static void tell_later(struct worker *worker)
{
	static const struct timeval now = { 0 };

	event_add(worker->tell, &now);
}

static void give_up(struct worker *worker, const char *why)
{
	struct failure failure;

	fail(&failure, FAILURE_FAILED, "the worker of %s: %s", worker->name, why);
	worker->hooks->failed(worker->context, &failure);
}

static void tell_answer(struct worker *worker)
{
	JSON_AUTO sd_json_variant *answer = worker->answer;
	struct failure failure = worker->failure;
	bool refused = worker->refused;
	worker_done done = worker->done;

	worker->answered = false;
	worker->answer = NULL;
	worker->done = NULL;
	if (done)
		done(worker->context, refused ? &failure : NULL, answer);
}

/* What the answer to Hello says. */
static void tell_hello(struct worker *worker)
{
	sd_json_variant *abi = worker->refused ? NULL :
						 sd_json_variant_by_key(worker->answer, "abi");
	bool same = abi && sd_json_variant_integer(abi) == ABI;

	worker->answered = false;
	worker->answer = sd_json_variant_unref(worker->answer);
	worker->ready = same;
	if (same)
		worker->hooks->ready(worker->context);
	else
		give_up(worker, worker->refused ? "does not answer" : "is of another version");
}

static void on_tell(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;

	(void)fd, (void)what;
	if (worker->answered && worker->gone)
		tell_later(worker);
	if (worker->answered && worker->ready)
		tell_answer(worker);
	else if (worker->answered)
		tell_hello(worker);
	else if (worker->gone && worker->ready)
		worker->hooks->lost(worker->context);
	else if (worker->gone)
		give_up(worker, "has gone away");
}

static void on_calls_end(void *context)
{
	struct worker *worker = context;

	drop(&worker->calls, &worker->calls_pump);
	worker->gone = true;
	tell_later(worker);
}

/* The calls' connection tells whether it is gone. */
static void on_events_end(void *context)
{
	struct worker *worker = context;

	drop(&worker->events, &worker->events_pump);
}

static int on_event(sd_varlink *link, sd_json_variant *parameters, const char *error,
		    sd_varlink_reply_flags_t flags, void *userdata)
{
	struct worker *worker = userdata;

	(void)link, (void)parameters, (void)flags;
	if (worker && !error)
		worker->hooks->news(worker->context);
	return 0;
}

/* The last name of an error, and the line that came with it. */
static void read_error(const struct worker *worker, const char *error, sd_json_variant *parameters,
		       struct failure *failure)
{
	static const struct {
		const char *name;
		enum failure_kind kind;
	} kinds[] = {
		{ INTERFACE "BadConfiguration", FAILURE_BAD_CONFIGURATION },
		{ INTERFACE "NoResources", FAILURE_BUSY },
		{ INTERFACE "Unsupported", FAILURE_UNSUPPORTED },
		{ INTERFACE "Denied", FAILURE_DENIED },
		{ INTERFACE "WrongState", FAILURE_WRONG_STATE },
		{ SD_VARLINK_ERROR_TIMEOUT, FAILURE_TIMEOUT },
	};
	sd_json_variant *text = parameters ? sd_json_variant_by_key(parameters, "message") : NULL;
	enum failure_kind kind = FAILURE_FAILED;
	char message[DOMAIN_MESSAGE];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, error) == 0)
			kind = kinds[i].kind;
	}
	if (text && sd_json_variant_is_string(text)) {
		partition_clean(message, sizeof(message), sd_json_variant_string(text));
		fail(failure, kind, "%s", message);
	} else if (kind == FAILURE_TIMEOUT) {
		fail(failure, kind, "the worker of %s does not answer", worker->name);
	} else if (strcmp(error, SD_VARLINK_ERROR_DISCONNECTED) == 0) {
		fail(failure, kind, "the worker of %s has died", worker->name);
	} else {
		fail(failure, kind, "the worker of %s says %.100s", worker->name, error);
	}
}

static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error,
		    sd_varlink_reply_flags_t flags, void *userdata)
{
	struct worker *worker = userdata;

	(void)link, (void)flags;
	if (!worker || worker->answered)
		return 0;
	worker->answered = true;
	worker->refused = error != NULL;
	if (error)
		read_error(worker, error, parameters, &worker->failure);
	worker->answer = sd_json_variant_ref(parameters);
	tell_later(worker);
	return 0;
}

bool worker_call(struct worker *worker, const char *method, sd_json_variant *parameters,
		 unsigned int seconds, worker_done done)
{
	char name[64];

	/* Before it is ready Hello is under way. */
	if (!worker->ready || !worker->calls || worker->done || worker->answered)
		return false;
	snprintf(name, sizeof(name), INTERFACE "%s", method);
	sd_varlink_set_relative_timeout(worker->calls, seconds * UINT64_C(1000000));
	if (sd_varlink_invoke(worker->calls, name, parameters) < 0)
		return false;
	worker->done = done;
	pump_update(worker->calls_pump);
	return true;
}

void worker_cancel(struct worker *worker)
{
	if (worker)
		worker->done = NULL;
}

bool worker_is_user(const struct worker *worker, uid_t uid)
{
	uid_t its;

	return worker->calls && sd_varlink_get_peer_uid(worker->calls, &its) >= 0 && its == uid;
}

int worker_add_fd(struct worker *worker, int fd)
{
	return sd_varlink_push_dup_fd(worker->calls, fd);
}

/* ---- connecting ---- */

static bool set_up(struct worker *worker, sd_varlink **link, struct pump **pump,
		   sd_varlink_reply_t on, void (*ended)(void *context))
{
	char path[108];

	if (!spawner_socket(worker->hvd->spawner, worker->name, path, sizeof(path)) ||
	    sd_varlink_connect_address(link, path) < 0)
		return false;
	sd_varlink_set_userdata(*link, worker);
	sd_varlink_bind_reply(*link, on);
	sd_varlink_set_allow_fd_passing_output(*link, 1);
	*pump = pump_new(worker->hvd->base, &pump_varlink, *link, ended, worker);
	return *pump != NULL;
}

static bool connect_both(struct worker *worker)
{
	if (!set_up(worker, &worker->calls, &worker->calls_pump, on_reply, on_calls_end) ||
	    !set_up(worker, &worker->events, &worker->events_pump, on_event, on_events_end))
		return false;
	sd_varlink_set_relative_timeout(worker->calls, HELLO_SECONDS * UINT64_C(1000000));
	sd_varlink_set_relative_timeout(worker->events, UINT64_MAX);
	return sd_varlink_invoke(worker->calls, INTERFACE "Hello", NULL) >= 0 &&
	       sd_varlink_observe(worker->events, INTERFACE "Subscribe", NULL) >= 0;
}

static void on_try(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval interval = { .tv_usec = TRY_INTERVAL };
	struct worker *worker = context;

	(void)fd, (void)what;
	if (connect_both(worker))
		return;
	drop(&worker->calls, &worker->calls_pump);
	drop(&worker->events, &worker->events_pump);
	if (--worker->tries)
		event_add(worker->timer, &interval);
	else
		give_up(worker, "cannot be reached");
}

struct worker *worker_new(struct hvd *hvd, const char *name, unsigned int tries,
			  const struct worker_hooks *hooks, void *context)
{
	static const struct timeval now = { 0 };
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->hvd = hvd;
	worker->hooks = hooks;
	worker->context = context;
	worker->tries = tries;
	snprintf(worker->name, sizeof(worker->name), "%s", name);
	worker->timer = evtimer_new(hvd->base, on_try, worker);
	worker->tell = evtimer_new(hvd->base, on_tell, worker);
	if (!worker->timer || !worker->tell || event_add(worker->timer, &now) < 0) {
		if (worker->timer)
			event_free(worker->timer);
		if (worker->tell)
			event_free(worker->tell);
		free(worker);
		return NULL;
	}
	return worker;
}

/* ---- what it says ---- */

static uint64_t number(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = sd_json_variant_by_key(json, key);

	return value && sd_json_variant_is_unsigned(value) ? sd_json_variant_unsigned(value) : 0;
}

static const char *text(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = sd_json_variant_by_key(json, key);

	return value && sd_json_variant_is_string(value) ? sd_json_variant_string(value) : "";
}

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
	int state = name_index(states, WORKER_STATE_COUNT, text(json, "state"));
	sd_json_variant *code = sd_json_variant_by_key(json, "code");

	memset(status, 0, sizeof(*status));
	if (state < 0)
		return false;
	status->state = (enum worker_state)state;
	status->reason = reason_of(text(json, "reason"));
	status->code = -1;
	if (code && sd_json_variant_is_unsigned(code) && sd_json_variant_unsigned(code) <= 255)
		status->code = (int)sd_json_variant_unsigned(code);
	status->pid = (int)(number(json, "pid") & 0x7fffffff);
	status->id = number(json, "partition_id");
	status->memory = number(json, "memory");
	status->vcpus = (uint32_t)(number(json, "vcpus") & 0xffffffff);
	partition_clean(status->detail, sizeof(status->detail), text(json, "detail"));
	if (is_console(text(json, "pty")))
		snprintf(status->console, sizeof(status->console), "%s", text(json, "pty"));
	return true;
}
