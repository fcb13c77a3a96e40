/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talking to hvd: the connection, calls and streams of its varlink interface,
 * org.mullion (include/mullion/org.mullion.varlink), and its errors as hvctl's.
 */
#ifndef HVCTL_CLIENT_H
#define HVCTL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "json.h"

#ifdef __CHECKER__
#define __EDG__ /* see json.h */
#endif
#include <systemd/sd-varlink.h>

#define CLIENT_SOCKET "/run/mullion/hvd.sock"
#define CLIENT_SOCKET_READ "/run/mullion/hvd-ro.sock"

struct client {
	sd_varlink *link;
	const char *address; /* of the socket */
	bool silent; /* errors of calls are not reported, and no call takes long */
	unsigned forgiven; /* enum partition_state: WrongState in one of these is HVCTL_OK,
			    * without a reply */
	const char *file; /* whose definition is being sent, or NULL */
	enum hvctl_status expected; /* an error of this status is not reported */
	bool patient; /* that a guest which runs is not ready is HVCTL_BUSY, and not reported */
	uint64_t deadline;
	sd_json_variant *reply; /* of a stream, not taken yet; owned */
	enum hvctl_status status; /* of a stream: an error came, which is reported */
	bool ended; /* the stream has no more replies */
};

/* What is going to be asked: CLIENT_READ goes to the socket for everybody where need be. */
enum client_access {
	CLIENT_READ,
	CLIENT_CHANGE,
};

/*
 * Connects to hvd by the call's options. Errors are reported; on HVCTL_OK
 * client_close() gives it back. All waiting ends at the call's deadline with
 * HVCTL_TIMEOUT.
 */
enum hvctl_status client_open(struct client *client, const struct cli_call *call,
			      enum client_access purpose);

/*
 * The same for what is only an addition: a client that reports no errors, waits
 * a second and no longer, and false where there is no hvd.
 */
bool client_open_silent(struct client *client, const struct cli_call *call);
void client_close(struct client *client);

/*
 * Calls a method, named without its interface. Takes over the reference to
 * parameters, which may be NULL for none. Errors are reported. On HVCTL_OK
 * *reply is a reference to the reply; reply may be NULL. Descriptors that come with
 * it stay in the link (sd_varlink_take_fd()) until the next call.
 */
enum hvctl_status client_call(struct client *client, const char *method,
			      sd_json_variant *parameters, sd_json_variant **reply);

/*
 * Gives a descriptor along with the next call; it stays the caller's. Errors are reported.
 * On HVCTL_OK *index is what the parameters call it.
 */
enum hvctl_status client_push(struct client *client, int fd, uint64_t *index);

/* Begins a stream (varlink's "more"), as client_call() does. */
enum hvctl_status client_stream(struct client *client, const char *method,
				sd_json_variant *parameters);

/*
 * Waits for the next reply of the stream until when (clock_now(); UINT64_MAX: as
 * long as it takes) or the deadline, whichever comes first. HVCTL_OK with a
 * reference in *reply; HVCTL_OK with NULL when the stream has ended or when has
 * passed. Errors are reported.
 */
enum hvctl_status client_next(struct client *client, uint64_t when, sd_json_variant **reply);

#endif
