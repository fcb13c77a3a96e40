/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the processes that serve one partition's devices have in common: options, sockets,
 * signals, the event loop, and a varlink interface with Hello, Subscribe and Stop.
 *
 * One thread. A program is a struct service_program and a main() that calls
 * service_main().
 */
#ifndef VSP_SERVICE_H
#define VSP_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "varlink.h"

struct event_base;
struct service;

#define SERVICE_ABI 1u
#define SERVICE_SUBSCRIBERS_MAX 16u
/* Events that wait for a subscriber that does not read; it is cut off then. */
#define SERVICE_EVENTS_MAX 256u

struct service_method {
	const char *name; /* without the interface's */
	sd_varlink_method_t call; /* userdata: the struct service */
};

struct service_program {
	const char *name; /* as "hv-storage" */
	const char *about; /* for --help: some lines, each with a newline */
	const char *interface_name; /* as "org.mullion.Storage" */
	const sd_varlink_interface *interface;
	/* Beside Hello and Stop. */
	const struct service_method *methods;
	size_t method_count;
	/* Before the first call and after the last. */
	void (*begin)(struct service *service);
	void (*end)(struct service *service);
	/* A connection is gone: it is not to be answered any more. May be NULL. */
	void (*gone)(struct service *service, const sd_varlink *link);
};

/* Returns the exit status. */
int service_main(const struct service_program *program, int argc, char *const *argv);

struct event_base *service_base(const struct service *service);

/* ---- answers ---- */

/* For "return service_reply(...)" in a method: done, or the error. */
int service_reply(struct service *service, sd_varlink *link, bool good, const struct error *error);
int service_reply_error(struct service *service, sd_varlink *link, const struct error *error);

/* A method without parameters was given none; else it is answered, and the result is what
 * the method returns. */
int service_no_parameters(sd_varlink *link, sd_json_variant *parameters);

/* To be called when a connection was answered outside of its method. */
void service_answered(struct service *service);

/* ---- parameters ---- */

/* A field that is an index of a descriptor, when it is missing. */
#define SERVICE_NO_FD UINT32_MAX

/* The value of a field that is not a table row's own: as sd-json wants its tables. */
#define SERVICE_FIELD(type, field, kind, dispatch, flags) \
	{ #field, SD_JSON_VARIANT_##kind, dispatch, offsetof(struct type, field), flags }

/* Takes a descriptor that came with the message: the caller's. */
bool service_take(sd_varlink *link, uint32_t index, const char *field, int *fd,
		  struct error *error);
/* The same, and it is to be one end of a SOCK_SEQPACKET pair. */
bool service_take_socket(sd_varlink *link, uint32_t index, const char *field, int *fd,
			 struct error *error);

/* ---- events ---- */

/* The method Subscribe. event: the first one, without sequence and time. */
int service_subscribe(struct service *service, sd_varlink *link, sd_varlink_method_flags_t flags,
		      sd_json_variant *event);

/* Tells all subscribers; event as above. It may be NULL where there was no memory. */
void service_notify(struct service *service, sd_json_variant *event);

#endif
