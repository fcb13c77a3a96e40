/* SPDX-License-Identifier: GPL-2.0-only */
/* The varlink server of a program, see service.h. */
#include "service.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "mullion_version.h"
#include "serve.h"

#define CONNECTIONS_MAX 32u

struct subscriber {
	sd_varlink *link; /* NULL: free */
	unsigned int unsent; /* events since all was sent */
};

struct service {
	const struct service_program *program;
	struct event_base *base;
	struct loop *loop;
	sd_varlink_server *server;
	/* To be closed at the end; each is its own owner. NULL: free. */
	sd_varlink *connections[CONNECTIONS_MAX];
	struct subscriber subscribers[SERVICE_SUBSCRIBERS_MAX];
	uint64_t sequence;
};

struct event_base *service_base(const struct service *service)
{
	return service->base;
}

/* ---- answers ---- */

int service_reply_error(struct service *service, sd_varlink *link, const struct error *error)
{
	static const struct {
		enum error_kind kind;
		const char *name;
	} names[] = {
		{ ERROR_CONFIG, "BadConfiguration" }, { ERROR_RESOURCES, "NoResources" },
		{ ERROR_UNSUPPORTED, "Unsupported" }, { ERROR_DENIED, "Denied" },
		{ ERROR_NOT_READY, "NotReady" },
	};
	char id[96], text[sizeof(error->text)];
	const char *name = "Failed";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].kind == error->kind)
			name = names[i].name;
	snprintf(id, sizeof(id), "%s.%s", service->program->interface_name, name);
	error_clean(text, error->text, sizeof(text));
	return sd_varlink_errorbo(link, id, SD_JSON_BUILD_PAIR_STRING("message", text));
}

int service_reply(struct service *service, sd_varlink *link, bool good, const struct error *error)
{
	return good ? sd_varlink_reply(link, NULL) : service_reply_error(service, link, error);
}

int service_no_parameters(sd_varlink *link, sd_json_variant *parameters)
{
	static const sd_json_dispatch_field none[] = { { .name = NULL } };

	return sd_varlink_dispatch(link, parameters, none, NULL);
}

void service_answered(struct service *service)
{
	loop_kick(service->loop);
}

/* ---- parameters ---- */

bool service_take(sd_varlink *link, uint32_t index, const char *field, int *fd, struct error *error)
{
	*fd = sd_varlink_take_fd(link, index);
	if (*fd >= 0)
		return true;
	*fd = -1;
	return error_set(error, ERROR_CONFIG, "%s: no descriptor %u came with the message", field,
			 index);
}

static bool is_socket(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int type = 0;

	/* Only one that is connected knows a peer. */
	if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0 || peer.ss_family != AF_UNIX)
		return false;
	size = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

bool service_take_socket(sd_varlink *link, uint32_t index, const char *field, int *fd,
			 struct error *error)
{
	if (!service_take(link, index, field, fd, error))
		return false;
	if (is_socket(*fd))
		return true;
	close(*fd);
	*fd = -1;
	return error_set(error, ERROR_CONFIG, "%s: not one end of a SOCK_SEQPACKET pair", field);
}

/* ---- events ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The event with what all have; to be unreferenced. NULL: no memory. */
static sd_json_variant *complete(const struct service *service, sd_json_variant *event)
{
	sd_json_variant *whole = sd_json_variant_ref(event);

	if (sd_json_variant_set_field_unsigned(&whole, "sequence", service->sequence) >= 0 &&
	    sd_json_variant_set_field_unsigned(&whole, "time_ns", now_ns()) >= 0)
		return whole;
	sd_json_variant_unref(whole);
	return NULL;
}

/* False: the subscriber cannot be told, or does not read. */
static bool tell(struct subscriber *subscriber, sd_json_variant *event)
{
	if (!(sd_varlink_get_events(subscriber->link) & POLLOUT))
		subscriber->unsent = 0;
	return ++subscriber->unsent <= SERVICE_EVENTS_MAX &&
	       sd_varlink_notifybo(subscriber->link, SD_JSON_BUILD_PAIR_VARIANT("event", event)) >=
		       0;
}

void service_notify(struct service *service, sd_json_variant *event)
{
	sd_json_variant *whole JSON_AUTO = NULL;

	service->sequence++;
	whole = event ? complete(service, event) : NULL;
	for (size_t i = 0; i < SERVICE_SUBSCRIBERS_MAX; i++) {
		struct subscriber *subscriber = &service->subscribers[i];
		sd_varlink *link = subscriber->link;

		if (!link || (whole && tell(subscriber, whole)))
			continue;
		/* One that misses an event begins anew. */
		notice("a subscriber does not read its events and is disconnected");
		subscriber->link = NULL;
		sd_varlink_close_unref(link);
	}
	loop_kick(service->loop);
}

int service_subscribe(struct service *service, sd_varlink *link, sd_varlink_method_flags_t flags,
		      sd_json_variant *event)
{
	struct error full = { .kind = ERROR_RESOURCES, .text = "too many subscribers" };
	sd_json_variant *whole JSON_AUTO = NULL;

	if (!(flags & SD_VARLINK_METHOD_MORE))
		return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
	whole = event ? complete(service, event) : NULL;
	if (!whole)
		return -ENOMEM;
	for (size_t i = 0; i < SERVICE_SUBSCRIBERS_MAX; i++) {
		struct subscriber *subscriber = &service->subscribers[i];

		if (subscriber->link)
			continue;
		*subscriber = (struct subscriber){ .link = sd_varlink_ref(link) };
		return sd_varlink_notifybo(link, SD_JSON_BUILD_PAIR_VARIANT("event", whole));
	}
	return service_reply_error(service, link, &full);
}

static void forget(struct service *service, const sd_varlink *link)
{
	for (size_t i = 0; i < SERVICE_SUBSCRIBERS_MAX; i++) {
		sd_varlink *known = service->subscribers[i].link;

		if (known != link)
			continue;
		service->subscribers[i].link = NULL;
		sd_varlink_unref(known);
	}
}

/* ---- methods that all have ---- */

static int on_hello(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	int result = service_no_parameters(link, parameters);

	(void)flags, (void)userdata;
	if (result != 0)
		return result;
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("abi", SERVICE_ABI),
				  SD_JSON_BUILD_PAIR_STRING("build", MULLION_BUILD),
				  SD_JSON_BUILD_PAIR_UNSIGNED("pid", (uint64_t)getpid()));
}

static int on_stop(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		   void *userdata)
{
	struct service *service = userdata;
	int result = service_no_parameters(link, parameters);

	(void)flags;
	if (result != 0)
		return result;
	result = sd_varlink_reply(link, NULL);
	sd_varlink_flush(link);
	event_base_loopbreak(service->base);
	return result;
}

/* ---- the server ---- */

/* Where the connection is noted; link NULL: where there is room. NULL: nowhere. */
static sd_varlink **place_of(struct service *service, const sd_varlink *link)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (service->connections[i] == link)
			return &service->connections[i];
	return NULL;
}

static int on_connect(sd_varlink_server *server, sd_varlink *link, void *userdata)
{
	sd_varlink **place = place_of(userdata, NULL);

	(void)server;
	if (!place)
		return -EMFILE;
	*place = link;
	return sd_varlink_set_allow_fd_passing_input(link, true);
}

static void on_disconnect(sd_varlink_server *server, sd_varlink *link, void *userdata)
{
	struct service *service = userdata;
	sd_varlink **place = place_of(service, link);

	(void)server;
	if (place)
		*place = NULL;
	forget(service, link);
	if (service->program->gone)
		service->program->gone(service, link);
}

static int bind_method(struct service *service, const char *name, sd_varlink_method_t call)
{
	char full[96];

	snprintf(full, sizeof(full), "%s.%s", service->program->interface_name, name);
	return sd_varlink_server_bind_method(service->server, full, call);
}

static int bind_all(struct service *service)
{
	const struct service_program *program = service->program;
	int result = bind_method(service, "Hello", on_hello);

	if (result >= 0)
		result = bind_method(service, "Stop", on_stop);
	for (size_t i = 0; i < program->method_count && result >= 0; i++)
		result = bind_method(service, program->methods[i].name, program->methods[i].call);
	if (result >= 0)
		result = sd_varlink_server_bind_connect(service->server, on_connect);
	if (result >= 0)
		result = sd_varlink_server_bind_disconnect(service->server, on_disconnect);
	return result;
}

static int listen_on(struct service *service, const char *path)
{
	int count = sd_listen_fds(true), result = 0;

	for (int i = 0; i < count && result >= 0; i++)
		result = sd_varlink_server_listen_fd(service->server, SD_LISTEN_FDS_START + i);
	if (result >= 0 && path)
		result = sd_varlink_server_listen_address(service->server, path, 0600);
	if (result >= 0 && count <= 0 && !path)
		result = -EDESTADDRREQ;
	return result;
}

static int set_up(struct service *service, const char *path)
{
	const struct service_program *program = service->program;
	int result = sd_varlink_server_new(&service->server, SD_VARLINK_SERVER_INHERIT_USERDATA);

	if (result < 0)
		return result;
	sd_varlink_server_set_userdata(service->server, service);
	sd_varlink_server_set_connections_max(service->server, CONNECTIONS_MAX);
	sd_varlink_server_set_info(service->server, "Mullion", program->name, MULLION_BUILD, NULL);
	result = sd_varlink_server_add_interface(service->server, program->interface);
	if (result >= 0)
		result = bind_all(service);
	if (result >= 0)
		result = listen_on(service, path);
	if (result >= 0)
		result = sd_varlink_server_attach_event(service->server, loop_event(service->loop),
							0);
	return result;
}

struct service *service_new(const struct service_program *program, struct event_base *base,
			    const char *path, struct error *error)
{
	struct service *service = calloc(1, sizeof(*service));
	int result;

	if (!service) {
		error_fill_errno(error, ENOMEM, "service");
		return NULL;
	}
	service->program = program;
	service->base = base;
	service->loop = loop_new(base);
	result = service->loop ? set_up(service, path) : -errno;
	if (result >= 0)
		return service;
	if (result == -EDESTADDRREQ)
		error_fill(error, ERROR_USAGE, "no socket: neither --listen nor one of systemd's");
	else
		error_fill_errno(error, -result, "%s", path ? path : "systemd's socket");
	service_free(service);
	return NULL;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	/* Each takes itself out, of the subscribers too. */
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (service->connections[i])
			sd_varlink_close(service->connections[i]);
	if (service->server)
		sd_varlink_server_shutdown(service->server);
	sd_varlink_server_unref(service->server);
	loop_free(service->loop);
	free(service);
}
