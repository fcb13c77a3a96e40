/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network in the process itself: libslirp answers the guest's DHCP and DNS, and makes
 * its connections as sockets of this process.
 *
 * libslirp says which descriptors it waits for whenever it has done something; what
 * changed since then is told to the event loop. Its frames are kept until the loop's next
 * turn, because it answers out of the call that gives it a frame, and then nobody is
 * ready for one. A descriptor that it closes is forgotten at once: its number may be
 * another one's a moment later.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "net.h"

/* Frames that wait for the guest, bytes of all; more are lost, as on any network. */
#define WAITING_MAX (1u << 20)
/* Descriptors: connections of the guest. */
#define FDS_MAX 4096u

struct waiting {
	struct waiting *next;
	size_t size;
	uint8_t room[]; /* BACKEND_HEADROOM, then the frame */
};

/* A descriptor that libslirp waits for. */
struct watched {
	struct user *user;
	int fd; /* -1: closed meanwhile */
	int wanted; /* SLIRP_POLL_* */
	int happened;
	bool seen; /* named again */
	struct event *event;
};

struct timer {
	struct user *user;
	SlirpTimerId id;
	void *context;
	struct event *event;
};

struct user {
	struct net_backend backend;
	struct event_base *base;
	Slirp *slirp;
	bool on; /* frames are wanted */
	struct event *turn; /* something has happened */
	struct event *timeout; /* libslirp wants to be called */
	struct waiting *first, **end;
	size_t waiting_bytes;
	/* In the order in which libslirp named them the last time, gaps included. */
	struct watched *watched[FDS_MAX];
	unsigned int watched_count;
	uint8_t frame[FRAME_MAX];
};

static struct user *to_user(struct net_backend *backend)
{
	return (struct user *)backend;
}

static void wake(struct user *user)
{
	event_active(user->turn, 0, 0);
}

/* ---- frames ---- */

static slirp_ssize_t on_frame(const void *bytes, size_t size, void *context)
{
	struct user *user = context;
	struct waiting *waiting;

	if (!user->backend.net || !user->on || size > FRAME_MAX ||
	    user->waiting_bytes + size > WAITING_MAX)
		return (slirp_ssize_t)size;
	waiting = malloc(sizeof(*waiting) + BACKEND_HEADROOM + size);
	if (!waiting)
		return (slirp_ssize_t)size;
	waiting->next = NULL;
	waiting->size = size;
	memcpy(waiting->room + BACKEND_HEADROOM, bytes, size);
	*user->end = waiting;
	user->end = &waiting->next;
	user->waiting_bytes += size;
	wake(user);
	return (slirp_ssize_t)size;
}

/* Takes the first frame away. */
static struct waiting *next_frame(struct user *user)
{
	struct waiting *waiting = user->first;

	if (!waiting)
		return NULL;
	user->first = waiting->next;
	if (!user->first)
		user->end = &user->first;
	user->waiting_bytes -= waiting->size;
	return waiting;
}

static void deliver(struct user *user)
{
	struct waiting *waiting;

	if (!user->backend.net || !user->first)
		return;
	for (unsigned int i = 0; i < BACKEND_TURN && user->on; i++) {
		waiting = next_frame(user);
		if (!waiting)
			break;
		net_receive(user->backend.net, 0, NULL, waiting->room + BACKEND_HEADROOM,
			    waiting->size);
		free(waiting);
	}
	net_received(user->backend.net);
	if (user->first && user->on)
		wake(user);
}

static int user_send(struct net_backend *backend, unsigned int queue,
		     const struct frame_header *header, const struct iovec *parts, int count)
{
	struct user *user = to_user(backend);
	size_t size = 0;

	(void)queue;
	(void)header;
	for (int i = 0; i < count; i++) {
		if (parts[i].iov_len > sizeof(user->frame) - size)
			return EMSGSIZE;
		memcpy(user->frame + size, parts[i].iov_base, parts[i].iov_len);
		size += parts[i].iov_len;
	}
	slirp_input(user->slirp, user->frame, (int)size);
	wake(user);
	return 0;
}

static void user_receive(struct net_backend *backend, unsigned int queue, bool on)
{
	struct user *user = to_user(backend);

	(void)queue;
	user->on = on;
	if (on && user->first)
		wake(user);
}

static void user_discard(struct net_backend *backend, unsigned int queue)
{
	(void)queue;
	for (struct waiting *waiting; (waiting = next_frame(to_user(backend)));)
		free(waiting);
}

/* ---- descriptors ---- */

static void on_fd(evutil_socket_t fd, short what, void *context)
{
	struct watched *watched = context;

	(void)fd;
	/* Not SLIRP_POLL_PRI: the loop does not tell urgent data apart. */
	if (what & EV_READ)
		watched->happened |= watched->wanted & SLIRP_POLL_IN;
	if (what & EV_WRITE)
		watched->happened |= watched->wanted & SLIRP_POLL_OUT;
	/* An error comes as both: it is found in trying. */
	wake(watched->user);
}

/* Not more than what is heeded, or the loop would turn for nothing. */
static short events_of(int wanted)
{
	return (short)((wanted & SLIRP_POLL_IN ? EV_READ : 0) |
		       (wanted & SLIRP_POLL_OUT ? EV_WRITE : 0));
}

static void unwatch(struct watched *watched)
{
	if (!watched)
		return;
	event_free(watched->event);
	free(watched);
}

static struct watched *watch(struct user *user, int fd, int wanted)
{
	struct watched *watched = calloc(1, sizeof(*watched));

	if (!watched)
		return NULL;
	*watched = (struct watched){ .user = user, .fd = fd, .wanted = wanted };
	watched->event = event_new(user->base, fd, events_of(wanted), on_fd, watched);
	if (!watched->event || event_add(watched->event, NULL)) {
		if (watched->event)
			event_free(watched->event);
		free(watched);
		return NULL;
	}
	return watched;
}

/* What libslirp named before under this number and wants the same of. */
static struct watched *take_known(struct watched **known, unsigned int count, unsigned int *at,
				  int fd, int wanted)
{
	/* Mostly they come in the same order. */
	for (unsigned int i = 0; i < count; i++) {
		unsigned int index = (*at + i) % count;
		struct watched *watched = known[index];

		if (!watched || watched->fd != fd)
			continue;
		known[index] = NULL;
		*at = index + 1;
		if (watched->wanted == wanted)
			return watched;
		unwatch(watched);
		return NULL;
	}
	return NULL;
}

/* The list under construction. */
struct naming {
	struct user *user;
	struct watched *known[FDS_MAX];
	unsigned int known_count, at;
};

static int on_named(int fd, int wanted, void *context)
{
	struct naming *naming = context;
	struct user *user = naming->user;
	struct watched *watched;

	if (user->watched_count == FDS_MAX)
		return -1;
	watched = take_known(naming->known, naming->known_count, &naming->at, fd, wanted);
	if (!watched)
		watched = watch(user, fd, wanted);
	else if (!event_pending(watched->event, EV_READ | EV_WRITE, NULL))
		event_add(watched->event, NULL);
	if (!watched)
		return -1;
	watched->happened = 0;
	user->watched[user->watched_count] = watched;
	return (int)user->watched_count++;
}

static int on_asked(int index, void *context)
{
	struct user *user = context;

	if (index < 0 || (unsigned int)index >= user->watched_count || !user->watched[index])
		return 0;
	return user->watched[index]->happened;
}

static void watch_again(struct user *user)
{
	static struct naming naming; /* large; one thread */
	uint32_t wait = UINT32_MAX;
	struct timeval time;

	naming.user = user;
	naming.known_count = user->watched_count;
	naming.at = 0;
	memcpy(naming.known, user->watched, user->watched_count * sizeof(user->watched[0]));
	user->watched_count = 0;
	slirp_pollfds_fill(user->slirp, &wait, on_named, &naming);
	for (unsigned int i = 0; i < naming.known_count; i++)
		unwatch(naming.known[i]);
	if (wait == UINT32_MAX) {
		event_del(user->timeout);
		return;
	}
	time = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = (long)(wait % 1000) * 1000 };
	event_add(user->timeout, &time);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct user *user = context;

	(void)fd;
	(void)what;
	slirp_pollfds_poll(user->slirp, 0, on_asked, user);
	watch_again(user);
	deliver(user);
}

static void on_registered(int fd, void *context)
{
	(void)fd;
	wake(context);
}

static void on_closed(int fd, void *context)
{
	struct user *user = context;

	for (unsigned int i = 0; i < user->watched_count; i++) {
		if (!user->watched[i] || user->watched[i]->fd != fd)
			continue;
		unwatch(user->watched[i]);
		user->watched[i] = NULL;
	}
	wake(user);
}

/* ---- time ---- */

static int64_t on_clock(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct timer *timer = context;

	(void)fd;
	(void)what;
	slirp_handle_timer(timer->user->slirp, timer->id, timer->context);
	wake(timer->user);
}

static void *new_timer(SlirpTimerId id, void *timer_context, void *context)
{
	struct timer *timer = calloc(1, sizeof(*timer));
	struct user *user = context;

	if (!timer)
		return NULL;
	*timer = (struct timer){ .user = user, .id = id, .context = timer_context };
	timer->event = event_new(user->base, -1, 0, on_timer, timer);
	return timer;
}

static void free_timer(void *timer_context, void *context)
{
	struct timer *timer = timer_context;

	(void)context;
	if (timer && timer->event)
		event_free(timer->event);
	free(timer);
}

/* when: milliseconds of on_clock(). */
static void set_timer(void *timer_context, int64_t when, void *context)
{
	struct timer *timer = timer_context;
	int64_t wait = when - on_clock(NULL) / 1000000;
	struct timeval time;

	(void)context;
	wait = wait < 0 ? 0 : wait;
	time = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	if (timer && timer->event)
		event_add(timer->event, &time);
}

static void on_notify(void *context)
{
	wake(context);
}

static void on_guest_error(const char *text, void *context)
{
	(void)text; /* as many as the guest likes: not for the log */
	(void)context;
}

static const SlirpCb callbacks = {
	.send_packet = on_frame,
	.guest_error = on_guest_error,
	.clock_get_ns = on_clock,
	.timer_free = free_timer,
	.timer_mod = set_timer,
	.register_poll_fd = on_registered,
	.unregister_poll_fd = on_closed,
	.notify = on_notify,
	.timer_new_opaque = new_timer,
};

/* ---- life ---- */

static void user_free(struct net_backend *backend)
{
	struct user *user = to_user(backend);

	user->backend.net = NULL;
	if (user->slirp)
		slirp_cleanup(user->slirp);
	user_discard(backend, 0);
	for (unsigned int i = 0; i < user->watched_count; i++)
		unwatch(user->watched[i]);
	if (user->turn)
		event_free(user->turn);
	if (user->timeout)
		event_free(user->timeout);
	free(user);
}

static const struct net_backend_ops user_ops = {
	.send = user_send,
	.receive = user_receive,
	.discard = user_discard,
	.free = user_free,
};

static struct in_addr address_or(struct in_addr address, uint32_t otherwise)
{
	return address.s_addr ? address : (struct in_addr){ htonl(otherwise) };
}

static bool begin(struct user *user, const struct net_user_config *config)
{
	struct in_addr network = address_or(config->network, 0x0a000200);
	uint32_t base = ntohl(network.s_addr);
	SlirpConfig slirp = {
		.version = 4,
		.restricted = config->restricted,
		.in_enabled = true,
		.vnetwork = network,
		.vnetmask = address_or(config->mask, 0xffffff00),
		.vhost = address_or(config->host, base + 2),
		.vnameserver = address_or(config->dns, base + 3),
		.vdhcp_start = address_or(config->dhcp, base + 15),
		.in6_enabled = config->ipv6,
		.vprefix_len = 64,
		.vhostname = config->hostname,
		.if_mtu = config->mtu ? config->mtu : NET_MTU_DEFAULT,
		.if_mru = config->mtu ? config->mtu : NET_MTU_DEFAULT,
		.disable_host_loopback = !config->host_loopback,
	};

	inet_pton(AF_INET6, "fec0::", &slirp.vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &slirp.vhost6);
	inet_pton(AF_INET6, "fec0::3", &slirp.vnameserver6);
	user->turn = event_new(user->base, -1, 0, on_turn, user);
	user->timeout = event_new(user->base, -1, 0, on_turn, user);
	if (user->turn && user->timeout)
		user->slirp = slirp_new(&slirp, &callbacks, user);
	return user->slirp;
}

/* Returns how many could be had. */
static unsigned int forward_all(struct user *user, const struct net_user_config *config)
{
	for (unsigned int i = 0; i < config->forward_count; i++) {
		const struct net_forward *forward = &config->forwards[i];

		if (slirp_add_hostfwd(user->slirp, forward->udp, forward->host, forward->host_port,
				      forward->guest, forward->guest_port))
			return i;
	}
	return config->forward_count;
}

/* Returns errno. */
static int start(struct user *user, const struct net_user_config *config, unsigned int *done)
{
	errno = 0;
	if (!begin(user, config))
		return errno ? errno : ENOMEM;
	*done = forward_all(user, config);
	if (*done < config->forward_count)
		return errno ? errno : EADDRINUSE;
	wake(user);
	return 0;
}

struct net_backend *net_backend_user(struct event_base *base, const struct net_user_config *config,
				     unsigned int *forward)
{
	struct user *user = calloc(1, sizeof(*user));
	unsigned int done = config->forward_count;
	int error = user ? EINVAL : ENOMEM;

	if (user) {
		user->base = base;
		user->end = &user->first;
		user->backend = (struct net_backend){ .ops = &user_ops, .queues = 1 };
		if (config->mtu <= NET_MTU_MAX)
			error = start(user, config, &done);
		if (!error)
			return &user->backend;
		user_free(&user->backend);
	}
	if (forward)
		*forward = done;
	errno = error;
	return NULL;
}
