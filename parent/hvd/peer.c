/* SPDX-License-Identifier: GPL-2.0-only */
/* hvd's end of a partition's processes, see peer.h. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "partition.h"
#include "pump.h"
#include "spawn.h"

#define ABI 1
#define TRY_INTERVAL 50000 /* microseconds */
#define HELLO_SECONDS 10u
#define METHOD_SIZE 64u
/* Descriptors of one message: SCM_MAX_FD of Linux. */
#define FDS_MAX 253u
/* Calls that wait for their turn. */
#define CALLS_MAX 64u

/* A call that is under way or waits for its turn. */
struct call {
	struct call *next;
	char method[METHOD_SIZE];
	sd_json_variant *parameters;
	unsigned int seconds;
	peer_done done;
	void *context;
	int *fds;
	size_t fd_count;
};

struct peer {
	struct hvd *hvd;
	enum peer_role role;
	const struct peer_hooks *hooks;
	void *context;
	char name[DOMAIN_NAME_MAX];
	unsigned int tries;
	struct event *timer; /* the next try */
	sd_varlink *calls, *events;
	struct pump *calls_pump, *events_pump;
	struct call *queue; /* the first is under way */
	bool ready;
	int fds[FDS_MAX]; /* for the next call */
	size_t fd_count;

	/* What is to be told. A connection takes no call while it hands out an answer,
	 * so the owner hears of everything in a turn of its own, in this order. */
	struct event *tell;
	bool answered;
	bool refused; /* answered, and failure says why */
	bool gone;
	sd_json_variant *answer;
	struct failure failure;
};

static const struct {
	const char *interface;
	const char *name;
	bool has_news;
} roles[PEER_COUNT] = {
	[PEER_WORKER] = { "org.mullion.Worker.", "worker", true },
	[PEER_VSP] = { "org.mullion.Vsp.", "hv-vsp", true },
	[PEER_STORAGE] = { "org.mullion.Storage.", "hv-storage", true },
	[PEER_NET] = { "org.mullion.Network.", "hv-net", false },
	[PEER_GPU] = { "org.mullion.Gpu.", "hv-gpu", true },
};

const char *peer_role_name(enum peer_role role)
{
	return roles[role].name;
}

static void drop(sd_varlink **link, struct pump **pump)
{
	pump_free(*pump);
	*pump = NULL;
	if (*link)
		sd_varlink_set_userdata(*link, NULL);
	*link = sd_varlink_close_unref(*link);
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void call_free(struct call *call)
{
	close_all(call->fds, call->fd_count);
	free(call->fds);
	sd_json_variant_unref(call->parameters);
	free(call);
}

void peer_free(struct peer *peer)
{
	if (!peer)
		return;
	drop(&peer->calls, &peer->calls_pump);
	drop(&peer->events, &peer->events_pump);
	while (peer->queue) {
		struct call *first = peer->queue;

		peer->queue = first->next;
		call_free(first);
	}
	close_all(peer->fds, peer->fd_count);
	event_free(peer->timer);
	event_free(peer->tell);
	sd_json_variant_unref(peer->answer);
	free(peer);
}

static void tell_later(struct peer *peer)
{
	static const struct timeval now = { 0 };

	event_add(peer->tell, &now);
}

static void give_up(struct peer *peer, const char *why)
{
	struct failure failure;

	fail(&failure, FAILURE_FAILED, "the %s of %s: %s", roles[peer->role].name, peer->name, why);
	peer->hooks->failed(peer->context, &failure);
}

/* The call whose turn it is has come to nothing. */
static void refuse(struct peer *peer, const char *why)
{
	fail(&peer->failure, FAILURE_FAILED, "the %s of %s %s", roles[peer->role].name, peer->name,
	     why);
	peer->answered = true;
	peer->refused = true;
	tell_later(peer);
}

static void on_calls_end(void *context)
{
	struct peer *peer = context;

	drop(&peer->calls, &peer->calls_pump);
	peer->gone = true;
	tell_later(peer);
}

/* Sends the first of the queue. */
static void send_first(struct peer *peer)
{
	struct call *call = peer->queue;
	bool good = peer->calls;

	if (!call)
		return;
	/* What was pushed and not sent would go along with the next call: after a failure
	 * there is none. */
	for (size_t i = 0; good && i < call->fd_count; i++)
		good = sd_varlink_push_dup_fd(peer->calls, call->fds[i]) >= 0;
	if (good) {
		sd_varlink_set_relative_timeout(peer->calls, call->seconds * UINT64_C(1000000));
		good = sd_varlink_invoke(peer->calls, call->method, call->parameters) >= 0;
	}
	if (good) {
		pump_update(peer->calls_pump);
		return;
	}
	if (peer->calls)
		on_calls_end(peer);
	refuse(peer, "cannot be called");
}

static void tell_answer(struct peer *peer)
{
	JSON_AUTO sd_json_variant *answer = peer->answer;
	struct call *call = peer->queue;
	struct failure failure = peer->failure;
	bool refused = peer->refused;
	void *context = call->context;
	peer_done done = call->done;

	peer->answered = false;
	peer->answer = NULL;
	peer->queue = call->next;
	call_free(call);
	send_first(peer);
	if (done)
		done(context, refused ? &failure : NULL, answer);
}

/* What the answer to Hello says. */
static void tell_hello(struct peer *peer)
{
	sd_json_variant *abi = peer->refused ? NULL : sd_json_variant_by_key(peer->answer, "abi");
	bool same = abi && sd_json_variant_integer(abi) == ABI;

	peer->answered = false;
	peer->answer = sd_json_variant_unref(peer->answer);
	peer->ready = same;
	if (same)
		peer->hooks->ready(peer->context);
	else
		give_up(peer, peer->refused ? "does not answer" : "is of another version");
}

static void on_tell(evutil_socket_t fd, short what, void *context)
{
	struct peer *peer = context;

	(void)fd, (void)what;
	if (peer->answered && peer->gone)
		tell_later(peer);
	if (peer->answered && peer->ready)
		tell_answer(peer);
	else if (peer->answered)
		tell_hello(peer);
	else if (peer->gone && peer->ready)
		peer->hooks->lost(peer->context);
	else if (peer->gone)
		give_up(peer, "has gone away");
}

/* The calls' connection tells whether it is gone. */
static void on_events_end(void *context)
{
	struct peer *peer = context;

	drop(&peer->events, &peer->events_pump);
}

static int on_event(sd_varlink *link, sd_json_variant *parameters, const char *error,
		    sd_varlink_reply_flags_t flags, void *userdata)
{
	struct peer *peer = userdata;

	(void)link, (void)flags;
	if (peer && !error)
		peer->hooks->news(peer->context, json_object(parameters, "event"));
	return 0;
}

/* The last name of an error of the peer's interface, or all of another. */
static const char *last_name(const struct peer *peer, const char *error)
{
	const char *interface = roles[peer->role].interface;
	size_t length = strlen(interface);

	return strncmp(error, interface, length) == 0 ? error + length : error;
}

static enum failure_kind kind_of(const char *name)
{
	static const struct {
		const char *name;
		enum failure_kind kind;
	} kinds[] = {
		{ "BadConfiguration", FAILURE_BAD_CONFIGURATION },
		{ "NoResources", FAILURE_BUSY },
		{ "Unsupported", FAILURE_UNSUPPORTED },
		{ "Denied", FAILURE_DENIED },
		{ "WrongState", FAILURE_WRONG_STATE },
		{ "NotReady", FAILURE_WRONG_STATE },
		{ SD_VARLINK_ERROR_TIMEOUT, FAILURE_TIMEOUT },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	}
	return FAILURE_FAILED;
}

/* What an error is to us, and the line that came with it. */
static void read_error(const struct peer *peer, const char *error, sd_json_variant *parameters,
		       struct failure *failure)
{
	enum failure_kind kind = kind_of(last_name(peer, error));
	const char *text = json_text(parameters, "message");
	const char *role = roles[peer->role].name;
	char message[DOMAIN_MESSAGE];

	if (text[0]) {
		partition_clean(message, sizeof(message), text);
		fail(failure, kind, "%s", message);
	} else if (kind == FAILURE_TIMEOUT) {
		fail(failure, kind, "the %s of %s does not answer", role, peer->name);
	} else if (strcmp(error, SD_VARLINK_ERROR_DISCONNECTED) == 0) {
		fail(failure, kind, "the %s of %s has died", role, peer->name);
	} else {
		fail(failure, kind, "the %s of %s says %.100s", role, peer->name, error);
	}
}

static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error,
		    sd_varlink_reply_flags_t flags, void *userdata)
{
	struct peer *peer = userdata;

	(void)link, (void)flags;
	if (!peer || peer->answered || (peer->ready && !peer->queue))
		return 0;
	peer->answered = true;
	peer->refused = error != NULL;
	if (error)
		read_error(peer, error, parameters, &peer->failure);
	peer->answer = sd_json_variant_ref(parameters);
	tell_later(peer);
	return 0;
}

static struct call *call_new(struct peer *peer, const char *method, sd_json_variant *parameters)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	if (peer->fd_count) {
		call->fds = reallocarray(NULL, peer->fd_count, sizeof(*call->fds));
		if (!call->fds) {
			free(call);
			return NULL;
		}
		memcpy(call->fds, peer->fds, peer->fd_count * sizeof(*call->fds));
	}
	call->fd_count = peer->fd_count;
	peer->fd_count = 0;
	call->parameters = sd_json_variant_ref(parameters);
	snprintf(call->method, sizeof(call->method), "%s%s", roles[peer->role].interface, method);
	return call;
}

bool peer_call(struct peer *peer, const char *method, sd_json_variant *parameters,
	       unsigned int seconds, peer_done done, void *context)
{
	struct call **end = &peer->queue;
	struct call *call = NULL;
	unsigned int count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	/* Before it is ready Hello is under way. */
	if (peer->ready && peer->calls && count < CALLS_MAX)
		call = call_new(peer, method, parameters);
	if (!call) {
		peer_drop_fds(peer);
		return false;
	}
	call->seconds = seconds;
	call->done = done;
	call->context = context;
	*end = call;
	if (peer->queue == call)
		send_first(peer);
	return true;
}

void peer_cancel(struct peer *peer, const void *context)
{
	for (struct call *at = peer ? peer->queue : NULL; at; at = at->next) {
		if (at->context == context)
			at->done = NULL;
	}
}

int peer_add_fd(struct peer *peer, int fd)
{
	int own = peer->fd_count < FDS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (own < 0)
		return -EMFILE;
	peer->fds[peer->fd_count] = own;
	return (int)peer->fd_count++;
}

void peer_drop_fds(struct peer *peer)
{
	close_all(peer->fds, peer->fd_count);
	peer->fd_count = 0;
}

bool peer_is_user(const struct peer *peer, uid_t uid)
{
	uid_t its;

	return peer->calls && sd_varlink_get_peer_uid(peer->calls, &its) >= 0 && its == uid;
}

int peer_pid(const struct peer *peer)
{
	pid_t pid = 0;

	return peer->calls && sd_varlink_get_peer_pid(peer->calls, &pid) >= 0 ? (int)pid : 0;
}

/* ---- connecting ---- */

static bool set_up(struct peer *peer, sd_varlink **link, struct pump **pump, sd_varlink_reply_t on,
		   void (*ended)(void *context))
{
	char path[108];

	if (!spawner_socket(peer->hvd->spawner, peer->role, peer->name, path, sizeof(path)) ||
	    sd_varlink_connect_address(link, path) < 0)
		return false;
	sd_varlink_set_userdata(*link, peer);
	sd_varlink_bind_reply(*link, on);
	sd_varlink_set_allow_fd_passing_output(*link, 1);
	*pump = pump_new(peer->hvd->base, &pump_varlink, *link, ended, peer);
	return *pump != NULL;
}

static bool say_hello(struct peer *peer)
{
	char method[METHOD_SIZE];

	snprintf(method, sizeof(method), "%sHello", roles[peer->role].interface);
	sd_varlink_set_relative_timeout(peer->calls, HELLO_SECONDS * UINT64_C(1000000));
	return sd_varlink_invoke(peer->calls, method, NULL) >= 0;
}

static bool subscribe(struct peer *peer)
{
	char method[METHOD_SIZE];

	if (!roles[peer->role].has_news)
		return true;
	if (!set_up(peer, &peer->events, &peer->events_pump, on_event, on_events_end))
		return false;
	snprintf(method, sizeof(method), "%sSubscribe", roles[peer->role].interface);
	sd_varlink_set_relative_timeout(peer->events, UINT64_MAX);
	return sd_varlink_observe(peer->events, method, NULL) >= 0;
}

static void on_try(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval interval = { .tv_usec = TRY_INTERVAL };
	struct peer *peer = context;

	(void)fd, (void)what;
	if (set_up(peer, &peer->calls, &peer->calls_pump, on_reply, on_calls_end) &&
	    subscribe(peer) && say_hello(peer))
		return;
	drop(&peer->calls, &peer->calls_pump);
	drop(&peer->events, &peer->events_pump);
	if (--peer->tries)
		event_add(peer->timer, &interval);
	else
		give_up(peer, "cannot be reached");
}

struct peer *peer_new(struct hvd *hvd, enum peer_role role, const char *name, unsigned int tries,
		      const struct peer_hooks *hooks, void *context)
{
	static const struct timeval now = { 0 };
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->hvd = hvd;
	peer->role = role;
	peer->hooks = hooks;
	peer->context = context;
	peer->tries = tries;
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	peer->timer = evtimer_new(hvd->base, on_try, peer);
	peer->tell = evtimer_new(hvd->base, on_tell, peer);
	if (!peer->timer || !peer->tell || event_add(peer->timer, &now) < 0) {
		if (peer->timer)
			event_free(peer->timer);
		if (peer->tell)
			event_free(peer->tell);
		free(peer);
		return NULL;
	}
	return peer;
}
