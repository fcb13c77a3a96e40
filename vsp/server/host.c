/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host around the protocol core, see host.h: events in, actions done in their order.
 *
 * The core is stepped by one event at a time. What comes up while its actions are done
 * (a provider's answer) waits in a queue for the next step. The guest's messages are not
 * read while one of ours waits for room: so the guest bounds its own queue.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <hyperv/message.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "attached.h"
#include "connect.h"
#include "journal.h"

#define MESSAGES_A_TURN 64
#define RETRY_US 1000
#define VPS_RETRY_US 10000

static const uint32_t message_connections[] = { VMBUS_CONNECTION_OLD, VMBUS_CONNECTION_NEW };

/* ---- the owner ---- */

void host_tell_later(struct host *host)
{
	event_active(host->tell, EV_TIMEOUT, 0);
}

static void on_tell(evutil_socket_t fd, short what, void *context)
{
	struct host *host = context;
	uint32_t lost = host->lost_providers;

	(void)fd, (void)what;
	host->lost_providers = 0;
	if (host->version_changed) {
		host->version_changed = false;
		host->calls->connected(host->context, vmbus_server_version(host->server));
	}
	for (int i = 0; lost; i++, lost >>= 1) {
		if (lost & 1)
			host->calls->provider_lost(host->context, i);
	}
	if (!host->ended || host->ended_told)
		return;
	host->ended_told = true;
	/* It may free the host. */
	host->calls->ended(host->context);
}

/* True: one more line may be said in this period. */
static bool may_warn(struct host *host)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - host->warnings.since >= (time_t)HOST_WARNINGS_S) {
		host->warnings.since = now.tv_sec;
		host->warnings.count = 0;
	}
	if (host->warnings.count++ < HOST_WARNINGS)
		return true;
	host->warnings.left_out++;
	return false;
}

void host_warn(struct host *host, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length = 0;

	if (host->freed || !may_warn(host))
		return;
	if (host->warnings.left_out)
		length = snprintf(text, sizeof(text), "(%u lines left out) ",
				  host->warnings.left_out);
	host->warnings.left_out = 0;
	va_start(arguments, format);
	vsnprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
	va_end(arguments);
	host->calls->warning(host->context, text);
}

/* ---- messages to the guest ---- */

/* 0, or an errno; EAGAIN: the guest has no room. */
static int post(const struct host *host, uint32_t vp, const void *bytes, uint32_t size)
{
	struct mullion_message message = { .vp = vp, .sint = VMBUS_SINT };
	struct hv_message *hv = (void *)message.message;

	hv->header.message_type = VMBUS_MESSAGE_TYPE;
	hv->header.payload_size = (__u8)size;
	memcpy(hv->bytes, bytes, size);
	return ioctl(host->partition, MULLION_IOC_POST_MESSAGE, &message) == 0 ? 0 : errno;
}

static void retry_later(struct host *host)
{
	static const struct timeval soon = { .tv_usec = RETRY_US };

	event_add(host->retry, &soon);
}

static void post_or_wait(struct host *host, uint32_t vp, const uint8_t *bytes, uint32_t size)
{
	struct waiting_post *waiting;
	int error;

	if (host->ended)
		return;
	error = host->posts ? EAGAIN : post(host, vp, bytes, size);
	if (error && error != EAGAIN)
		host_warn(host, "a message to the guest cannot be posted: %s", strerror(error));
	if (error != EAGAIN)
		return;
	waiting = malloc(sizeof(*waiting));
	if (!waiting) {
		host_warn(host, "a message to the guest is lost: no memory");
		return;
	}
	waiting->next = NULL;
	waiting->vp = vp;
	waiting->size = size;
	memcpy(waiting->bytes, bytes, size);
	*host->posts_end = waiting;
	host->posts_end = &waiting->next;
	retry_later(host);
}

static void drop_first_post(struct host *host)
{
	struct waiting_post *first = host->posts;

	host->posts = first->next;
	if (!host->posts)
		host->posts_end = &host->posts;
	free(first);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
	struct host *host = context;

	(void)fd, (void)what;
	while (host->posts) {
		if (post(host, host->posts->vp, host->posts->bytes, host->posts->size) == EAGAIN) {
			retry_later(host);
			return;
		}
		drop_first_post(host);
	}
	event_active(host->message, EV_READ, 0);
}

/* ---- ports ---- */

struct port *host_port(struct host *host, uint32_t device, uint32_t sub)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct port *port = &host->ports[i];

		if (port->state != PORT_FREE && port->device == device && port->sub == sub)
			return port;
	}
	return NULL;
}

static struct port *free_port(struct host *host)
{
	struct port *port = host->ports;

	/* As many as the core has channels. */
	while (port->state != PORT_FREE)
		port++;
	return port;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void unbind(const struct host *host, uint32_t connection)
{
	struct mullion_port bind = { .connection = connection, .eventfd = -1 };

	ioctl(host->partition, MULLION_IOC_UNBIND_PORT, &bind);
}

/* A device comes back that a channel had replaced; where the core has still to say that it
 * is gone, then. */
static void show(struct host *host, int number);

static void forget_port(struct host *host, struct port *port)
{
	struct mullion_signal_binding signal = { .eventfd = port->signal_out };

	if (port->bound)
		unbind(host, port->connection);
	port->bound = false;
	/* A provider may still have it. */
	if (port->signal_out >= 0)
		ioctl(host->partition, MULLION_IOC_UNBIND_SIGNAL, &signal);
	close_fd(&port->signal_in);
	close_fd(&port->signal_out);
	close_fd(&port->journal);
	free(port->pfns);
	port->pfns = NULL;
	port->state = PORT_FREE;
	if (port->replaces >= 0)
		show(host, port->replaces);
	port->replaces = -1;
}

static void bind_port(struct host *host, const struct vmbus_action *action)
{
	struct mullion_port bind = {
		.connection = action->bind.connection,
		.type = MULLION_PORT_EVENT,
	};
	struct port *port = free_port(host);

	*port = (struct port){
		.state = PORT_BOUND,
		.device = action->device,
		.sub = action->sub,
		.connection = action->bind.connection,
		.signal_in = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.signal_out = -1,
		.journal = -1,
		.replaces = -1,
	};
	bind.eventfd = port->signal_in;
	port->bound = port->signal_in >= 0 &&
		      ioctl(host->partition, MULLION_IOC_BIND_PORT, &bind) == 0;
	if (port->bound)
		return;
	host_warn(host, "the guest's connection %u cannot be bound: %s", bind.connection,
		  strerror(errno));
	close_fd(&port->signal_in);
}

static void unbind_port(struct host *host, const struct vmbus_action *action)
{
	struct port *port = host_port(host, action->device, action->sub);

	if (!port)
		return;
	if (port->bound)
		unbind(host, port->connection);
	port->bound = false;
	/* Nobody has a channel that was refused. */
	if (port->state == PORT_BOUND)
		forget_port(host, port);
}

static bool aim(const struct host *host, const struct port *port)
{
	struct mullion_signal_binding binding = {
		.eventfd = port->signal_out,
		.vp = port->vp,
		.sint = VMBUS_SINT,
		.flag = port->flag,
	};

	return ioctl(host->partition, MULLION_IOC_BIND_SIGNAL, &binding) == 0;
}

/* ---- opening and closing ---- */

static void try_destroy(struct host *host);

static uint32_t on_gpadl(struct channel *channel, uint32_t gpadl, uint64_t **pfns, uint32_t *offset,
			 uint32_t *length)
{
	struct host *host = channel->device->host;
	struct vmbus_pages pages;

	for (uint32_t i = 0; i < HOST_DEVICES; i++) {
		if (!host->offers[i].used || host->offers[i].local != channel->device)
			continue;
		if (!vmbus_server_gpadl(host->server, i, channel->sub, gpadl, &pages))
			return 0;
		*pfns = malloc(pages.count * sizeof(**pfns));
		if (!*pfns)
			return 0;
		memcpy(*pfns, pages.pfns, pages.count * sizeof(**pfns));
		*offset = pages.offset;
		*length = pages.length;
		return pages.count;
	}
	return 0;
}

static struct port *port_of_local(struct host *host, const struct device *device, uint32_t sub)
{
	for (uint32_t i = 0; i < HOST_DEVICES; i++) {
		if (host->offers[i].used && host->offers[i].local == device)
			return host_port(host, i, sub);
	}
	return NULL;
}

static bool on_offer_subs(struct channel *channel, uint32_t count)
{
	struct host *host = channel->device->host;
	const struct port *port = port_of_local(host, channel->device, channel->sub);
	struct vmbus_event event = { .type = VMBUS_EVENT_SUBS, .subs = count };

	if (!port)
		return false;
	event.device = port->device;
	return host_event(host, &event);
}

static void on_closed(struct device *device, uint32_t sub)
{
	struct host *host = device->host;
	struct port *port = port_of_local(host, device, sub);

	if (!port)
		return;
	port->channel = NULL;
	host_closed(host, port);
	if (host->freed)
		try_destroy(host);
}

static void on_complain(struct device *device, uint32_t sub, const char *text)
{
	(void)sub;
	host_warn(device->host, "%s", text);
}

static const struct channel_owner owner = {
	.gpadl = on_gpadl,
	.offer_subs = on_offer_subs,
	.closed = on_closed,
	.complain = on_complain,
};

static bool prepare(struct host *host, struct port *port, const struct vmbus_open *open)
{
	size_t size = open->ring.count * sizeof(*port->pfns);

	port->pfns = malloc(size);
	if (!port->pfns)
		return false;
	memcpy(port->pfns, open->ring.pfns, size);
	port->pfn_count = open->ring.count;
	port->downstream = open->downstream;
	port->vp = open->vp;
	port->flag = open->flag;
	port->was_open = open->resumed;
	port->signal_out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	port->journal = journal_create(host->offers[port->device].packet_max);
	return port->signal_in >= 0 && port->signal_out >= 0 && port->journal >= 0 &&
	       aim(host, port);
}

static void open_local(struct host *host, struct port *port)
{
	struct channel_parts parts = {
		.base = host->base,
		.device = host->offers[port->device].local,
		.sub = port->sub,
		.vp = port->vp,
		.guest = host->guest,
		.pfns = port->pfns,
		.pfn_count = port->pfn_count,
		.downstream = port->downstream,
		.signal_in = port->signal_in,
		.signal_out = port->signal_out,
		.journal = port->journal,
		.resumed = port->was_open,
	};

	port->channel = channel_open(&parts, &owner);
	host_opened(host, port, port->channel != NULL);
}

static void open_port(struct host *host, const struct vmbus_action *action)
{
	struct port *port = host_port(host, action->device, action->sub);

	if (!port)
		return;
	port->state = PORT_OPENING;
	if (!prepare(host, port, &action->open)) {
		host_warn(host, "a channel cannot be opened: %s", strerror(errno));
		host_opened(host, port, false);
	} else if (host->offers[port->device].local) {
		open_local(host, port);
	} else {
		remote_open(host, port);
	}
}

void host_opened(struct host *host, struct port *port, bool ok)
{
	struct vmbus_event event = {
		.type = VMBUS_EVENT_OPEN_ANSWERED,
		.device = port->device,
		.sub = port->sub,
		.ok = ok,
	};

	port->state = ok ? PORT_OPEN : PORT_BOUND;
	port->handed &= ok;
	if (!port->was_open) {
		host_event(host, &event);
		return;
	}
	port->was_open = false;
	if (ok)
		return;
	/* The guest knows it as open: all that is left is to take the device away. */
	host_warn(host, "a provider cannot go on with a channel: its device is taken away");
	port->state = PORT_OPENING;
	host->offers[port->device].withdrawn = true;
	host_event(host,
		   &(struct vmbus_event){ .type = VMBUS_EVENT_RESCIND, .device = port->device });
}

static void tell_closed(struct host *host, uint32_t device, uint32_t sub)
{
	host_event(host, &(struct vmbus_event){
				 .type = VMBUS_EVENT_CLOSED, .device = device, .sub = sub });
}

static void close_port(struct host *host, const struct vmbus_action *action)
{
	struct port *port = host_port(host, action->device, action->sub);

	/* A refusal that the core has not heard of yet: there is nothing left to close. */
	if (!port) {
		tell_closed(host, action->device, action->sub);
		return;
	}
	port->state = PORT_CLOSING;
	if (port->channel)
		channel_close(port->channel);
	else if (host->offers[port->device].local || !remote_close(host, port))
		host_closed(host, port);
}

void host_closed(struct host *host, struct port *port)
{
	/* remote_close() may have dropped the provider, and come here, before it returned. */
	if (port->state != PORT_CLOSING)
		return;
	forget_port(host, port);
	tell_closed(host, port->device, port->sub);
}

static void let_go_of_gpadl(struct host *host, const struct vmbus_action *action)
{
	struct vmbus_event event = {
		.type = VMBUS_EVENT_GPADL_LET_GO,
		.device = action->device,
		.sub = action->sub,
		.gpadl = action->gpadl,
	};

	/* A provider knows pages of the guest's memory, nothing of GPADLs: none is kept. */
	host_event(host, &event);
}

static void modify(struct host *host, const struct vmbus_action *action)
{
	struct port *port = host_port(host, action->device, action->sub);
	struct vmbus_event event = {
		.type = VMBUS_EVENT_MODIFY_ANSWERED,
		.device = action->device,
		.sub = action->sub,
	};
	uint32_t before;

	if (!port)
		return;
	before = port->vp;
	port->vp = action->vp;
	event.ok = aim(host, port);
	if (!event.ok)
		port->vp = before;
	else if (port->channel)
		channel_set_vp(port->channel, port->vp);
	else
		remote_set_vp(host, port);
	host_event(host, &event);
}

/* ---- steps ---- */

static void log_action(struct host *host, const struct vmbus_action *action)
{
	if (action->log.warning)
		host_warn(host, "the guest: %s (message %u, channel %u, %x)", action->log.text,
			  action->log.type, action->log.relid, action->log.value);
}

static void device_gone(struct host *host, int number)
{
	struct host_offer *offer = &host->offers[number];

	offer->unknown = true;
	if (offer->withdrawn)
		offer->used = false;
	else if (!offer->hidden)
		show(host, number);
}

static void disconnected(struct host *host)
{
	while (host->posts)
		drop_first_post(host);
}

static void do_action(struct host *host, const struct vmbus_action *action)
{
	switch (action->type) {
	case VMBUS_ACTION_POST:
		post_or_wait(host, action->post.vp, action->post.bytes, action->post.size);
		break;
	case VMBUS_ACTION_BIND:
		bind_port(host, action);
		break;
	case VMBUS_ACTION_UNBIND:
		unbind_port(host, action);
		break;
	case VMBUS_ACTION_OPEN:
		open_port(host, action);
		break;
	case VMBUS_ACTION_CLOSE:
		close_port(host, action);
		break;
	case VMBUS_ACTION_RELEASE_GPADL:
		let_go_of_gpadl(host, action);
		break;
	case VMBUS_ACTION_MODIFY:
		modify(host, action);
		break;
	case VMBUS_ACTION_GONE:
		device_gone(host, (int)action->device);
		break;
	case VMBUS_ACTION_DISCONNECTED:
		disconnected(host);
		/* fallthrough */
	case VMBUS_ACTION_CONNECTED:
		host->version_changed = true;
		host_tell_later(host);
		break;
	case VMBUS_ACTION_LOG:
		log_action(host, action);
		break;
	}
}

static bool step(struct host *host, const struct vmbus_event *event)
{
	bool ok = vmbus_server_step(host->server, event, host->actions);

	for (uint32_t i = 0; i < host->actions->count; i++)
		do_action(host, &host->actions->list[i]);
	return ok;
}

static bool queue_event(struct host *host, const struct vmbus_event *event)
{
	struct queued_event *queued = calloc(1, sizeof(*queued));

	if (!queued)
		return false;
	queued->event = *event;
	if (event->offer) {
		queued->offer = *event->offer;
		queued->event.offer = &queued->offer;
	}
	*host->queue_end = queued;
	host->queue_end = &queued->next;
	return true;
}

bool host_event(struct host *host, const struct vmbus_event *event)
{
	bool ok;

	if (host->stepping)
		return queue_event(host, event);
	host->stepping = true;
	ok = step(host, event);
	while (host->queue) {
		struct queued_event *first = host->queue;

		host->queue = first->next;
		if (!host->queue)
			host->queue_end = &host->queue;
		step(host, &first->event);
		free(first);
	}
	host->stepping = false;
	return ok;
}

/* ---- messages from the guest ---- */

/* False: there is none. */
static bool read_message(struct host *host, uint32_t connection)
{
	struct mullion_message message = { .connection = connection };
	const struct hv_message *hv = (const void *)message.message;
	struct vmbus_event event = { .type = VMBUS_EVENT_MESSAGE, .message = hv->bytes };

	if (ioctl(host->partition, MULLION_IOC_READ_MESSAGE, &message) < 0)
		return false;
	event.size = hv->header.payload_size;
	if (hv->header.message_type != VMBUS_MESSAGE_TYPE || event.size > VMBUS_MESSAGE_MAX)
		host_warn(host, "the guest: a message of type %x that is none of VMBus's",
			  hv->header.message_type);
	else
		host_event(host, &event);
	return true;
}

static void on_message(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval now = { 0 };
	struct host *host = context;
	uint64_t count;
	int n = 0;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	for (size_t i = 0; i < 2; i++) {
		while (!host->posts && n < MESSAGES_A_TURN &&
		       read_message(host, message_connections[i]))
			n++;
	}
	/* Where posts wait their end is where we go on. Else after the loop has looked at all
	 * others: an event that is made active here would come before them, again and again. */
	if (n == MESSAGES_A_TURN && !host->posts)
		event_add(host->retry, &now);
}

static void on_gone(evutil_socket_t fd, short what, void *context)
{
	struct host *host = context;

	(void)fd, (void)what;
	event_del(host->gone);
	event_del(host->message);
	event_del(host->retry);
	host->ended = true;
	host_tell_later(host);
}

/* ---- devices ---- */

static int free_number(const struct host *host)
{
	for (int i = 0; i < (int)HOST_DEVICES; i++) {
		if (!host->offers[i].used)
			return i;
	}
	return -1;
}

static int find_offer(const struct host *host, const struct vmbus_guid *instance)
{
	for (int i = 0; i < (int)HOST_DEVICES; i++) {
		if (host->offers[i].used && !host->offers[i].withdrawn &&
		    memcmp(&host->offers[i].instance, instance, sizeof(*instance)) == 0)
			return i;
	}
	return -1;
}

/* Tells the core of the device of that number. */
static bool make_known(struct host *host, int number)
{
	const struct host_device *what = &host->offers[number].what;
	struct vmbus_pipe_user pipe = { .mode = VMBUS_PIPE_MESSAGES };
	struct vmbus_device device = {
		.number = (uint32_t)number,
		.class = what->class,
		.instance = what->instance,
		.flags = VMBUS_OFFER_ENUMERATE | (what->pipe ? VMBUS_OFFER_PIPE : 0),
		.mmio_megabytes = what->mmio_megabytes,
	};
	struct vmbus_event event = { .type = VMBUS_EVENT_OFFER, .offer = &device };

	if (what->pipe)
		memcpy(device.user, &pipe, sizeof(pipe));
	return host_event(host, &event);
}

static uint32_t packet_max_of(const struct host_device *what, const struct device *local)
{
	const struct device far = { .packet_max = what->packet_max };

	return device_packet_max(local ? local : &far);
}

static bool offer(struct host *host, const struct host_device *what, struct device *local,
		  int provider)
{
	int number = free_number(host);

	if (number < 0 || !vmbus_server_room(host->server))
		return false;
	host->offers[number] = (struct host_offer){
		.used = true,
		.what = *what,
		.instance = what->instance,
		.local = local,
		.packet_max = packet_max_of(what, local),
		.provider = provider,
	};
	if (make_known(host, number))
		return true;
	host->offers[number].used = false;
	return false;
}

static void show(struct host *host, int number)
{
	struct host_offer *offer = &host->offers[number];

	offer->hidden = false;
	if (!offer->used || offer->withdrawn || !offer->unknown)
		return;
	offer->unknown = false;
	if (!make_known(host, number))
		host_warn(host, "a device cannot be offered again");
}

void host_replaces(struct host *host, struct port *port, int number)
{
	if (port->replaces == number || host->offers[number].hidden)
		return;
	port->replaces = number;
	host->offers[number].hidden = true;
	host_event(host, &(struct vmbus_event){ .type = VMBUS_EVENT_RESCIND,
						.device = (uint32_t)number });
}

bool host_offer(struct host *host, const struct host_device *what, struct device *device)
{
	device->host = host;
	return find_offer(host, &what->instance) < 0 && offer(host, what, device, -1);
}

static bool waits_for_provider(const struct port *port)
{
	return port->state == PORT_OPENING && !port->handed && port->pfns;
}

/* All channels that wait for it; a device's first one before its others. */
static void resume(struct host *host, int number, int provider)
{
	host->offers[number].provider = provider;
	for (uint32_t i = 0; i < 2 * VMBUS_CHANNELS_MAX; i++) {
		struct port *port = &host->ports[i % VMBUS_CHANNELS_MAX];

		if (waits_for_provider(port) && port->device == (uint32_t)number &&
		    !port->sub == (i < VMBUS_CHANNELS_MAX))
			remote_open(host, port);
	}
}

/* Is the device there, and nobody else's? One whose process has ended is nobody's. */
static bool may_have(struct host *host, int number)
{
	const struct host_offer *offer = &host->offers[number];

	if (!offer->local && offer->provider >= 0 && remote_is_gone(host, offer->provider))
		remote_drop(host, offer->provider);
	return !offer->local && offer->provider < 0;
}

static unsigned int free_numbers(const struct host *host)
{
	unsigned int count = 0, room = vmbus_server_room(host->server);

	for (uint32_t i = 0; i < HOST_DEVICES; i++)
		count += !host->offers[i].used;
	return count < room ? count : room;
}

/* Is the last one of so many there before? */
static bool is_twice(const struct host_device *what, unsigned int count)
{
	const struct vmbus_guid *instance = &what[count - 1].instance;

	for (unsigned int i = 0; i < count - 1; i++) {
		if (memcmp(&what[i].instance, instance, sizeof(*instance)) == 0)
			return true;
	}
	return false;
}

/* Can all of them be given to a new provider? 0, or an errno. */
static int may_provide(struct host *host, const struct host_device *what, unsigned int count)
{
	unsigned int new = 0;

	if (!count)
		return EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		int number = find_offer(host, &what[i].instance);

		if (is_twice(what, i + 1))
			return EINVAL;
		if (number >= 0 && !may_have(host, number))
			return EEXIST;
		new += number < 0;
	}
	return new > free_numbers(host) ? ENOSPC : 0;
}

int host_provide(struct host *host, const struct host_device *what, unsigned int count, int socket)
{
	int provider, error = may_provide(host, what, count);

	if (error) {
		close(socket);
		errno = error;
		return -1;
	}
	provider = remote_add(host, socket);
	/* It may be gone before it has got all of them. */
	for (unsigned int i = 0; provider >= 0 && i < count; i++) {
		int number = find_offer(host, &what[i].instance);
		bool lives = host->providers[provider].fd >= 0;

		if (number < 0)
			offer(host, &what[i], NULL, lives ? provider : -1);
		else if (lives)
			resume(host, number, provider);
	}
	return provider;
}

bool host_withdraw(struct host *host, const struct vmbus_guid *instance)
{
	int number = find_offer(host, instance);
	struct vmbus_event event = { .type = VMBUS_EVENT_RESCIND, .device = (uint32_t)number };

	if (number < 0 || host->offers[number].local)
		return false;
	host->offers[number].withdrawn = true;
	if (!host->offers[number].unknown)
		return host_event(host, &event);
	host->offers[number].used = false;
	return true;
}

/* ---- the whole ---- */

static bool bind_messages(struct host *host)
{
	for (size_t i = 0; i < 2; i++) {
		struct mullion_port bind = {
			.connection = message_connections[i],
			.type = MULLION_PORT_MESSAGE,
			.eventfd = host->message_fd,
		};

		if (ioctl(host->partition, MULLION_IOC_BIND_PORT, &bind) < 0) {
			errno = errno == EEXIST ? EBUSY : errno;
			return false;
		}
		host->bound_messages++;
	}
	return true;
}

static void on_vps(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval soon = { .tv_usec = VPS_RETRY_US };
	struct host *host = context;

	(void)fd, (void)what;
	if (!remote_tell_vps(host))
		event_add(host->vps, &soon);
}

static bool make_events(struct host *host)
{
	host->message =
		event_new(host->base, host->message_fd, EV_READ | EV_PERSIST, on_message, host);
	host->gone = event_new(host->base, host->partition, EV_READ | EV_PERSIST, on_gone, host);
	host->retry = event_new(host->base, -1, 0, on_retry, host);
	host->tell = event_new(host->base, -1, 0, on_tell, host);
	host->vps = event_new(host->base, -1, 0, on_vps, host);
	errno = ENOMEM;
	return host->message && host->gone && host->retry && host->tell && host->vps &&
	       event_add(host->message, NULL) == 0 && event_add(host->gone, NULL) == 0;
}

static bool make(struct host *host, int partition, uint32_t vps)
{
	host->partition = fcntl(partition, F_DUPFD_CLOEXEC, 3);
	host->message_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (host->partition < 0 || host->message_fd < 0)
		return false;
	host->guest = attached_guest(host->partition, false);
	if (!host->guest)
		return false;
	host->server = vmbus_server_new(vps);
	host->actions = malloc(sizeof(*host->actions));
	errno = ENOMEM;
	return host->server && host->actions && make_events(host) && bind_messages(host);
}

struct host *host_new(struct event_base *base, int partition, uint32_t vps,
		      const struct host_calls *calls, void *context)
{
	struct host *host = calloc(1, sizeof(*host));
	int error;

	if (!host)
		return NULL;
	host->base = base;
	host->calls = calls;
	host->context = context;
	host->queue_end = &host->queue;
	host->posts_end = &host->posts;
	for (uint32_t i = 0; i < HOST_PROVIDERS; i++)
		host->providers[i].fd = -1;
	if (make(host, partition, vps))
		return host;
	error = errno;
	host_free(host);
	errno = error;
	return NULL;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void drop_queue(struct host *host)
{
	while (host->queue) {
		struct queued_event *first = host->queue;

		host->queue = first->next;
		free(first);
	}
	while (host->posts)
		drop_first_post(host);
}

/* Unless a device still holds a channel. */
static void try_destroy(struct host *host)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		if (host->ports[i].channel)
			return;
	}
	drop_queue(host);
	vmbus_server_free(host->server);
	free(host->actions);
	guest_free(host->guest);
	close_fd(&host->message_fd);
	close_fd(&host->partition);
	free(host);
}

static void close_all(struct host *host)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct port *port = &host->ports[i];
		bool closing = port->state == PORT_CLOSING;

		if (port->state != PORT_FREE)
			port->state = PORT_CLOSING;
		if (port->channel && !closing)
			channel_close(port->channel);
		if (port->state != PORT_FREE && !port->channel)
			forget_port(host, port);
	}
	for (int i = 0; i < (int)HOST_PROVIDERS; i++) {
		if (host->providers[i].fd >= 0)
			remote_drop(host, i);
	}
}

void host_free(struct host *host)
{
	if (!host)
		return;
	/* Nothing that follows is news for the core. */
	host->stepping = true;
	close_all(host);
	for (unsigned int i = 0; i < 2; i++) {
		if (i < host->bound_messages)
			unbind(host, message_connections[i]);
	}
	free_event(host->message);
	free_event(host->gone);
	free_event(host->retry);
	free_event(host->tell);
	free_event(host->vps);
	host->freed = true;
	try_destroy(host);
}

bool host_reference_time(const struct host *host, uint64_t *time)
{
	__u64 value;

	if (ioctl(host->partition, MULLION_IOC_REFERENCE_TIME, &value) < 0)
		return false;
	*time = value;
	return true;
}

void host_count(const struct host *host, struct vmbus_counters *counters)
{
	vmbus_server_count(host->server, counters);
}
