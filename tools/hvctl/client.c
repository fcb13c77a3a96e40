/* SPDX-License-Identifier: GPL-2.0-only */
/* Talking to hvd: see client.h. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "partition.h"
#include "reply.h"

#define INTERFACE "org.mullion."

/* So long a verb waits for what is only an addition. */
#define SILENT_NS CLOCK_SECOND

/* A varlink error as hvctl's, with what is said where it brings no message. */
static const struct {
	const char *id;
	enum hvctl_status status;
	const char *text;
} errors[] = {
	{ INTERFACE "NoSuchPartition", HVCTL_NO_PARTITION, "no such partition" },
	{ INTERFACE "WrongState", HVCTL_WRONG_STATE, "the partition's state does not allow it" },
	{ INTERFACE "BadConfiguration", HVCTL_BAD_CONFIGURATION, "bad configuration" },
	{ INTERFACE "Unsupported", HVCTL_UNSUPPORTED, "not supported" },
	{ INTERFACE "Denied", HVCTL_DENIED, "permission denied" },
	{ INTERFACE "Timeout", HVCTL_TIMEOUT, "not done in time" },
	{ INTERFACE "Busy", HVCTL_BUSY, "busy" },
	{ INTERFACE "Failed", HVCTL_FAILED, "failed" },
	{ "org.varlink.service.MethodNotFound", HVCTL_UNSUPPORTED,
	  "the daemon does not know this method (is it of another version?)" },
	{ "org.varlink.service.MethodNotImplemented", HVCTL_UNSUPPORTED,
	  "the daemon does not offer this" },
	{ "org.varlink.service.InterfaceNotFound", HVCTL_UNSUPPORTED,
	  "the daemon does not know this method (is it of another version?)" },
	{ "org.varlink.service.InvalidParameter", HVCTL_UNSUPPORTED,
	  "the daemon does not accept a parameter (is it of another version?)" },
	{ "org.varlink.service.PermissionDenied", HVCTL_DENIED, "permission denied" },
	{ "io.systemd.Disconnected", HVCTL_UNREACHABLE, "the connection to the daemon ended" },
	{ "io.systemd.TimedOut", HVCTL_TIMEOUT, "the daemon did not answer in time" },
	{ "io.systemd.Protocol", HVCTL_FAILED, "the daemon's answer is not understood" },
};

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static size_t find_error(const char *id)
{
	size_t i = 0;

	while (i < ERRORS && strcmp(errors[i].id, id) != 0)
		i++;
	return i;
}

static enum hvctl_status report_fault(const struct client *client, const char *id,
				      sd_json_variant *parameters)
{
	struct reply reply = { .object = parameters };
	const char *message = reply_text(&reply, "message", false);
	const char *file = reply_text(&reply, "file", false);
	const char *state = reply_text(&reply, "state", false);
	uint64_t line = reply_number(&reply, "line", false);
	size_t i = find_error(id);
	enum hvctl_status status = i < ERRORS ? errors[i].status : HVCTL_FAILED;

	if (status == HVCTL_WRONG_STATE && state && partition_state(state) & client->forgiven)
		return HVCTL_OK;
	if (status == HVCTL_WRONG_STATE && client->patient && state &&
	    partition_state(state) == PARTITION_RUNNING)
		return HVCTL_BUSY;
	if (status == client->expected)
		return status;
	/* hvd names the file only with a line in it. */
	if (!file && (status == HVCTL_BAD_CONFIGURATION || status == HVCTL_UNSUPPORTED))
		file = client->file;
	if (!message)
		message = i < ERRORS ? errors[i].text : id;
	if (!file)
		return error_report(status, "%s", message);
	return error_in_file(status, file, line == REPLY_NO_NUMBER ? 0 : line, "%s", message);
}

/* What sd-varlink itself says (negative): the connection, not a method, failed. */
static enum hvctl_status report_link(int error)
{
	switch (-error) {
	case ETIME:
	case ETIMEDOUT:
		return error_report(HVCTL_TIMEOUT, "the daemon did not answer in time");
	case ECONNRESET:
	case ENOTCONN:
	case EPIPE:
		return error_report(HVCTL_UNREACHABLE, "the connection to the daemon ended");
	case EACCES:
	case ENOMEM:
		return error_errno(-error, "cannot talk to the daemon");
	default:
		return error_report(HVCTL_FAILED, "the daemon's answer is not understood (%s)",
				    strerror(-error));
	}
}

static enum hvctl_status report_connect(const char *address, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
	case ENOTSOCK:
	case EPROTOTYPE:
		return error_report(HVCTL_UNREACHABLE, "no daemon at %s: %s (is hvd running?)",
				    address, strerror(error));
	case EAGAIN:
		return error_report(HVCTL_TIMEOUT, "the daemon at %s takes no connection", address);
	default:
		return error_errno(error, "cannot reach the daemon at %s", address);
	}
}

/* Microseconds from now to when, rounded up so that a wait of them is enough. */
static uint64_t microseconds_to(uint64_t when)
{
	uint64_t now = clock_now();

	if (when == UINT64_MAX)
		return UINT64_MAX;
	return when > now ? (when - now + 999) / 1000 : 0;
}

/* A socket's send timeout bounds its connect() too; 0 there is no timeout. */
static void limit_connect(int fd, uint64_t deadline)
{
	uint64_t left = microseconds_to(deadline);
	struct timeval time;

	if (deadline == UINT64_MAX)
		return;
	left = left ? left : 1;
	time.tv_sec = (time_t)(left / 1000000);
	time.tv_usec = (suseconds_t)(left % 1000000);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

static enum hvctl_status open_socket(const struct client *client, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int error;

	if (strlen(client->address) >= sizeof(address.sun_path))
		return error_report(HVCTL_USAGE, "--connect: the name of the socket is too long");
	memcpy(address.sun_path, client->address, strlen(client->address));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return error_errno(errno, "cannot make a socket");
	limit_connect(*fd, client->deadline);
	while (connect(*fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EINTR)
			continue;
		error = errno;
		close(*fd);
		return report_connect(client->address, error);
	}
	return HVCTL_OK;
}

static enum hvctl_status open_link(struct client *client)
{
	enum hvctl_status status;
	int fd = -1, error;

	status = open_socket(client, &fd);
	if (status != HVCTL_OK)
		return status;
	error = sd_varlink_connect_fd(&client->link, fd);
	if (error < 0) {
		close(fd);
		return report_link(error);
	}
	sd_varlink_set_allow_fd_passing_input(client->link, true);
	error_detail("connected to %s", client->address);
	return HVCTL_OK;
}

enum hvctl_status client_open(struct client *client, const struct cli_call *call,
			      enum client_access purpose)
{
	const char *address = call->line->globals.connect;

	*client = (struct client){
		.address = address ? address : CLIENT_SOCKET,
		.deadline = call->deadline,
	};
	if (!address && purpose == CLIENT_READ && access(CLIENT_SOCKET, W_OK) < 0 &&
	    errno == EACCES)
		client->address = CLIENT_SOCKET_READ;
	return open_link(client);
}

/* The deadline, or for an addition an earlier one. */
static uint64_t end_of_call(bool silent, uint64_t deadline)
{
	uint64_t soon = clock_now() + SILENT_NS;

	return silent && soon < deadline ? soon : deadline;
}

bool client_open_silent(struct client *client, const struct cli_call *call)
{
	struct cli_call hasty = { .line = call->line };
	enum hvctl_status status;

	hasty.deadline = end_of_call(true, call->deadline);
	error_mute(true);
	status = client_open(client, &hasty, CLIENT_READ);
	error_mute(false);
	client->deadline = call->deadline;
	client->silent = true;
	return status == HVCTL_OK;
}

void client_close(struct client *client)
{
	sd_varlink_close_unref(client->link);
	sd_json_variant_unref(client->reply);
	*client = (struct client){ 0 };
}

static void name_method(char *name, size_t size, const char *method)
{
	snprintf(name, size, INTERFACE "%s", method);
	error_detail("calling %s", name);
}

static enum hvctl_status call_method(struct client *client, const char *name,
				     sd_json_variant *parameters, sd_json_variant **reply)
{
	uint64_t left = microseconds_to(end_of_call(client->silent, client->deadline));
	sd_json_variant *answer = NULL;
	const char *id = NULL;
	int error;

	/* sd-varlink does not take 0. */
	sd_varlink_set_relative_timeout(client->link, left ? left : 1);
	error = sd_varlink_call(client->link, name, parameters, &answer, &id);
	if (error < 0)
		return report_link(error);
	if (id)
		return report_fault(client, id, answer);
	if (reply)
		*reply = sd_json_variant_ref(answer);
	return HVCTL_OK;
}

enum hvctl_status client_call(struct client *client, const char *method,
			      sd_json_variant *parameters, sd_json_variant **reply)
{
	enum hvctl_status status;
	char name[80];

	name_method(name, sizeof(name), method);
	error_mute(client->silent);
	status = call_method(client, name, parameters, reply);
	error_mute(false);
	sd_json_variant_unref(parameters);
	return status;
}

enum hvctl_status client_push(struct client *client, int fd, uint64_t *index)
{
	int error = sd_varlink_set_allow_fd_passing_output(client->link, true);

	if (error >= 0)
		error = sd_varlink_push_dup_fd(client->link, fd);
	if (error < 0)
		return report_link(error);
	*index = (uint64_t)error;
	return HVCTL_OK;
}

/* A reply of the stream. The connection brings the next only when this returns. */
static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
		    sd_varlink_reply_flags_t flags, void *userdata)
{
	struct client *client = userdata;

	(void)link;
	if (error_id)
		client->status = report_fault(client, error_id, parameters);
	else
		client->reply = sd_json_variant_ref(parameters);
	client->ended = !(flags & SD_VARLINK_REPLY_CONTINUES);
	return 0;
}

enum hvctl_status client_stream(struct client *client, const char *method,
				sd_json_variant *parameters)
{
	sd_json_variant *owned JSON_AUTO = parameters;
	char name[80];
	int error;

	client->ended = false;
	sd_varlink_set_userdata(client->link, client);
	sd_varlink_set_relative_timeout(client->link, UINT64_MAX);
	name_method(name, sizeof(name), method);
	error = sd_varlink_bind_reply(client->link, on_reply);
	if (error >= 0)
		error = sd_varlink_observe(client->link, name, owned);
	return error < 0 ? report_link(error) : HVCTL_OK;
}

/* Whether there is something to tell, or to wait for no longer. */
static bool is_settled(const struct client *client)
{
	return client->reply || client->status != HVCTL_OK || client->ended;
}

enum hvctl_status client_next(struct client *client, uint64_t when, sd_json_variant **reply)
{
	uint64_t end = when < client->deadline ? when : client->deadline;

	while (!is_settled(client)) {
		int done = sd_varlink_process(client->link);
		uint64_t left = microseconds_to(end);

		if (done == 0 && left)
			done = sd_varlink_wait(client->link, left);
		else if (done == 0)
			break;
		if (done < 0 && done != -EINTR && !is_settled(client))
			return report_link(done);
	}
	*reply = client->reply;
	client->reply = NULL;
	if (!*reply && client->status == HVCTL_OK && !client->ended && end == client->deadline)
		return error_report(HVCTL_TIMEOUT, "the time is over");
	return *reply ? HVCTL_OK : client->status;
}
