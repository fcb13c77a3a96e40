/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Providers at the other end of a socket, see channel/link.h. One is never waited for: where
 * its socket is full, or it says what does not fit, it is dropped, and its channels wait
 * for the next process.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "state.h"

#define TURN 64

static struct provider *provider_of(struct host *host, const struct port *port)
{
	int provider = host->offers[port->device].provider;

	return provider < 0 ? NULL : &host->providers[provider];
}

static void drop(struct provider *provider)
{
	struct host *host = provider->host;

	remote_drop(host, (int)(provider - host->providers));
}

/* False: the provider is dropped. */
static bool say(struct host *host, const struct port *port, struct link_message *message,
		uint32_t type, const int *fds, unsigned int count)
{
	struct provider *provider = provider_of(host, port);

	if (!provider)
		return false;
	message->type = type;
	message->sub = port->sub;
	message->instance = host->offers[port->device].instance;
	if (link_send(provider->fd, message, fds, count, MSG_DONTWAIT))
		return true;
	drop(provider);
	return false;
}

bool remote_open(struct host *host, struct port *port)
{
	struct link_message message = {
		.open = {
			.vp = port->vp,
			.pfn_count = port->pfn_count,
			.downstream = port->downstream,
			.resumed = port->was_open || port->served,
		},
	};
	int fds[LINK_FDS];

	if (!provider_of(host, port))
		return false;
	fds[LINK_FD_PAGES] = link_pages_write(port->pfns, port->pfn_count);
	fds[LINK_FD_SIGNAL_IN] = port->signal_in;
	fds[LINK_FD_SIGNAL_OUT] = port->signal_out;
	fds[LINK_FD_JOURNAL] = port->journal;
	if (fds[LINK_FD_PAGES] < 0) {
		drop(provider_of(host, port));
		return false;
	}
	port->handed = true;
	port->vp_due = false;
	say(host, port, &message, LINK_OPEN, fds, LINK_FDS);
	close(fds[LINK_FD_PAGES]);
	return port->handed;
}

bool remote_close(struct host *host, struct port *port)
{
	struct link_message message = { 0 };

	if (!provider_of(host, port) || !port->handed)
		return false;
	return say(host, port, &message, LINK_CLOSE, NULL, 0);
}

void remote_set_vp(struct host *host, struct port *port)
{
	static const struct timeval now = { 0 };

	port->vp_due = true;
	event_add(host->vps, &now);
}

/* False: the provider does not listen now. */
static bool tell_vp(struct host *host, struct port *port)
{
	const struct provider *provider = provider_of(host, port);
	struct link_message message = { .vp = port->vp };
	struct pollfd look = { .events = POLLOUT };

	/* With the next one the channel is handed over anew. */
	if (provider && port->handed) {
		look.fd = provider->fd;
		if (poll(&look, 1, 0) == 0)
			return false;
		say(host, port, &message, LINK_VP, NULL, 0);
	}
	port->vp_due = false;
	return true;
}

bool remote_tell_vps(struct host *host)
{
	bool all = true;

	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct port *port = &host->ports[i];

		if (port->state != PORT_FREE && port->vp_due)
			all = tell_vp(host, port) && all;
	}
	return all;
}

/* ---- what a provider says ---- */

static struct port *port_of(struct provider *provider, const struct link_message *message)
{
	struct host *host = provider->host;
	struct port *port;

	for (uint32_t i = 0; i < HOST_DEVICES; i++) {
		const struct host_offer *offer = &host->offers[i];

		if (!offer->used || offer->provider != provider - host->providers ||
		    memcmp(&offer->instance, &message->instance, sizeof(offer->instance)) != 0)
			continue;
		port = host_port(host, i, message->sub);
		if (port && port->handed)
			return port;
	}
	return NULL;
}

static void give_gpadl(struct host *host, const struct port *port, uint32_t gpadl)
{
	struct link_message message = { 0 };
	struct vmbus_pages pages;
	int fd = -1;

	if (vmbus_server_gpadl(host->server, port->device, port->sub, gpadl, &pages))
		fd = link_pages_write(pages.pfns, pages.count);
	if (fd >= 0) {
		message.pages.count = pages.count;
		message.pages.offset = pages.offset;
		message.pages.length = pages.length;
	}
	say(host, port, &message, LINK_GPADL, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void offer_subs(struct host *host, const struct port *port, uint32_t count)
{
	struct vmbus_event event = { .type = VMBUS_EVENT_SUBS,
				     .device = port->device,
				     .subs = count };
	struct link_message message = { 0 };

	message.ok = host_event(host, &event);
	say(host, port, &message, LINK_RESULT, NULL, 0);
}

/* False: that is no other one of its devices, or a second one. */
static bool replaces(struct host *host, struct port *port, const struct vmbus_guid *other)
{
	int provider = host->offers[port->device].provider;

	for (int i = 0; i < (int)HOST_DEVICES; i++) {
		const struct host_offer *offer = &host->offers[i];

		if (!offer->used || offer->withdrawn || offer->provider != provider ||
		    memcmp(&offer->instance, other, sizeof(*other)) != 0)
			continue;
		if (port->replaces >= 0 && port->replaces != i)
			return false;
		if (i == (int)port->device || port->sub)
			return false;
		if (port->state == PORT_OPENING || port->state == PORT_OPEN)
			host_replaces(host, port, i);
		return true;
	}
	return false;
}

static void complain(struct host *host, struct link_message *message)
{
	message->text[LINK_TEXT - 1] = '\0';
	for (char *c = message->text; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	host_warn(host, "%s", message->text);
}

/* False: it says what does not fit. */
static bool listen_to(struct provider *provider, struct link_message *message)
{
	struct port *port = port_of(provider, message);
	struct host *host = provider->host;

	if (!port)
		return false;
	switch (message->type) {
	case LINK_OPENED:
		if (port->state == PORT_OPENING)
			host_opened(host, port, message->ok);
		else if (port->state == PORT_CLOSING && !message->ok)
			host_closed(host, port);
		else if (!message->ok)
			return false;
		return true;
	case LINK_CLOSED:
		if (port->state != PORT_CLOSING)
			return false;
		host_closed(host, port);
		return true;
	case LINK_GET_GPADL:
		give_gpadl(host, port, message->gpadl);
		return true;
	case LINK_OFFER_SUBS:
		offer_subs(host, port, message->count);
		return true;
	case LINK_REPLACES:
		return replaces(host, port, &message->other);
	case LINK_COMPLAIN:
		complain(host, message);
		return true;
	default:
		return false;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct provider *provider = context;
	struct link_message message;
	int fds[LINK_FDS], result = 1;
	unsigned int count;

	(void)fd, (void)what;
	for (int i = 0; i < TURN && provider->fd >= 0; i++) {
		result = link_receive(provider->fd, &message, fds, &count, MSG_DONTWAIT);
		if (result < 0 && errno == EAGAIN)
			return;
		if (result <= 0)
			break;
		for (unsigned int n = 0; n < count && n < LINK_FDS; n++)
			close(fds[n]);
		if (!listen_to(provider, &message)) {
			host_warn(provider->host, "a provider says what does not fit (%u)",
				  message.type);
			result = 0;
			break;
		}
	}
	if (result <= 0 && provider->fd >= 0)
		drop(provider);
}

int remote_add(struct host *host, int socket)
{
	int number = 0;
	struct provider *provider;

	/* Not one of which the owner has still to hear that it is lost. */
	while (number < (int)HOST_PROVIDERS &&
	       (host->providers[number].fd >= 0 || host->lost_providers >> number & 1))
		number++;
	if (number == (int)HOST_PROVIDERS) {
		close(socket);
		errno = ENOSPC;
		return -1;
	}
	provider = &host->providers[number];
	provider->host = host;
	provider->fd = socket;
	provider->readable =
		event_new(host->base, socket, EV_READ | EV_PERSIST, on_readable, provider);
	if (provider->readable && event_add(provider->readable, NULL) == 0)
		return number;
	if (provider->readable)
		event_free(provider->readable);
	provider->fd = -1;
	close(socket);
	errno = ENOMEM;
	return -1;
}

/* Its channels: those that were to be closed are; the others wait. */
static void orphan(struct host *host, struct port *port)
{
	port->handed = false;
	port->served = true;
	switch (port->state) {
	case PORT_OPEN:
		port->was_open = true;
		port->state = PORT_OPENING;
		break;
	case PORT_CLOSING:
		host_closed(host, port);
		break;
	default:
		break;
	}
}

bool remote_is_gone(const struct host *host, int number)
{
	struct pollfd look = { .fd = host->providers[number].fd };

	return poll(&look, 1, 0) > 0 && look.revents & (POLLHUP | POLLERR);
}

void remote_drop(struct host *host, int number)
{
	struct provider *provider = &host->providers[number];

	event_free(provider->readable);
	close(provider->fd);
	provider->fd = -1;
	for (uint32_t i = 0; i < HOST_DEVICES; i++) {
		if (host->offers[i].used && host->offers[i].provider == number)
			host->offers[i].provider = -1;
	}
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct port *port = &host->ports[i];

		if (port->state != PORT_FREE && port->handed &&
		    host->offers[port->device].provider < 0)
			orphan(host, port);
	}
	host->lost_providers |= 1u << number;
	host_tell_later(host);
}
