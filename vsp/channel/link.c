/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's end of a link, see link.h, and what both ends share.
 *
 * The provider asks hv-vsp and waits for the answer (channel_gpadl, channel_offer_subs);
 * what else comes meanwhile is kept in order for later.
 */
#include "link.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
/* Two of the largest rings, or a buffer of 128 MiB. */
#define PFNS_MAX 32768u

/* ---- both ends ---- */

union control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(int) * LINK_FDS)];
};

bool link_send(int fd, const struct link_message *message, const int *fds, unsigned int fd_count,
	       int flags)
{
	struct iovec part = { (void *)(uintptr_t)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };

	if (fd_count) {
		struct cmsghdr *c = &control.header;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	for (;;) {
		ssize_t sent = sendmsg(fd, &header, flags | MSG_NOSIGNAL);

		if (sent >= 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}

static void close_all(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count && i < LINK_FDS; i++)
		close(fds[i]);
}

static unsigned int take_fds(struct msghdr *header, int fds[LINK_FDS])
{
	unsigned int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && count < LINK_FDS; i++)
			memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return count;
}

int link_receive(int fd, struct link_message *message, int fds[LINK_FDS], unsigned int *fd_count,
		 int flags)
{
	struct iovec part = { message, sizeof(*message) };
	union control control;
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t size;

	do {
		size = recvmsg(fd, &header, flags | MSG_CMSG_CLOEXEC);
	} while (size < 0 && errno == EINTR);
	*fd_count = 0;
	if (size < 0)
		return errno != ECONNRESET ? -1 : 0;
	/* One without a byte looks as the end does, and may carry descriptors. */
	*fd_count = take_fds(&header, fds);
	if (size == sizeof(*message) && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 1;
	close_all(fds, *fd_count);
	*fd_count = 0;
	errno = EPROTO;
	return size ? -1 : 0;
}

int link_pages_write(const uint64_t *pfns, uint32_t count)
{
	size_t size = count * sizeof(*pfns);
	int error, fd = memfd_create("mullion-pages", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	errno = EIO;
	if (pwrite(fd, pfns, size, 0) == (ssize_t)size)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

uint64_t *link_pages_read(int fd, uint32_t count)
{
	size_t size = count * sizeof(uint64_t);
	uint64_t *pfns = count && count <= PFNS_MAX ? malloc(size) : NULL;

	if (pfns && pread(fd, pfns, size, 0) == (ssize_t)size)
		return pfns;
	free(pfns);
	errno = EPROTO;
	return NULL;
}

/* ---- the provider's end ---- */

struct linked {
	struct linked *next;
	struct channel *channel; /* NULL: closed, and not let go yet */
	struct device *device;
	struct vmbus_guid instance;
	uint32_t sub;
	int fds[LINK_FDS];
};

struct kept {
	struct kept *next;
	struct link_message message;
	int fds[LINK_FDS];
	unsigned int fd_count;
};

struct link {
	struct event_base *base;
	const struct guest *guest;
	struct device *(*find)(void *context, const struct vmbus_guid *instance);
	void (*ended)(void *context);
	void *context;
	int fd;
	struct event *readable;
	struct linked *channels;
	struct kept *kept; /* messages that came while an answer was waited for */
	bool wrong; /* hv-vsp, or no memory: the loop ends the link */
	bool dead;
	bool freed; /* by its owner; lives until all channels are let go */
};

static void free_linked(struct linked *l)
{
	close_all(l->fds, LINK_FDS);
	free(l);
}

static void free_link(struct link *link)
{
	while (link->kept) {
		struct kept *kept = link->kept;

		link->kept = kept->next;
		close_all(kept->fds, kept->fd_count);
		free(kept);
	}
	event_free(link->readable);
	close(link->fd);
	free(link);
}

/* One that is open: closing one may free others. */
static struct linked *open_one(const struct link *link)
{
	struct linked *l = link->channels;

	while (l && !l->channel)
		l = l->next;
	return l;
}

static void close_linked(struct linked *l)
{
	struct channel *channel = l->channel;

	l->channel = NULL;
	channel_close(channel);
}

/* Nothing is to be said to hv-vsp any more. */
static void die(struct link *link)
{
	struct linked *l;

	link->dead = true;
	event_del(link->readable);
	while ((l = open_one(link)))
		close_linked(l);
}

/* The link is wrong, or at its end. The caller does not touch it again. */
static void end(struct link *link)
{
	die(link);
	link->ended(link->context);
}

/* The same, from within what a channel does. */
static void end_later(struct link *link)
{
	link->wrong = true;
	event_active(link->readable, EV_READ, 0);
}

static bool say(struct link *link, struct link_message *message, uint32_t type,
		const struct vmbus_guid *instance, uint32_t sub)
{
	message->type = type;
	message->instance = *instance;
	message->sub = sub;
	return !link->dead && link_send(link->fd, message, NULL, 0, 0);
}

static struct linked *find_linked(const struct link *link, const struct vmbus_guid *instance,
				  uint32_t sub)
{
	struct linked *l = link->channels;

	while (l && (l->sub != sub || memcmp(&l->instance, instance, sizeof(*instance)) != 0))
		l = l->next;
	return l;
}

static struct linked *of_device(const struct link *link, const struct device *device, uint32_t sub)
{
	struct linked *l = link->channels;

	while (l && (l->sub != sub || l->device != device))
		l = l->next;
	return l;
}

static void keep(struct link *link, const struct link_message *message, const int *fds,
		 unsigned int fd_count)
{
	struct kept *kept = calloc(1, sizeof(*kept)), **end = &link->kept;

	if (!kept) {
		close_all(fds, fd_count);
		end_later(link);
		return;
	}
	kept->message = *message;
	memcpy(kept->fds, fds, fd_count * sizeof(*fds));
	kept->fd_count = fd_count;
	while (*end)
		end = &(*end)->next;
	*end = kept;
	/* The loop's next turn handles it. */
	event_active(link->readable, EV_READ, 0);
}

/* Asks and waits for the answer of that type about the same channel. */
static bool ask(struct link *link, struct link_message *message, uint32_t answer, int *fd)
{
	struct vmbus_guid instance = message->instance;
	uint32_t sub = message->sub;
	unsigned int count;
	int fds[LINK_FDS];

	if (!say(link, message, message->type, &instance, sub))
		return false;
	while (!link->wrong && link_receive(link->fd, message, fds, &count, 0) == 1) {
		if (message->type != answer) {
			keep(link, message, fds, count);
			continue;
		}
		*fd = count == 1 ? fds[0] : -1;
		if (count > 1)
			close_all(fds, count);
		return true;
	}
	end_later(link);
	return false;
}

/* ---- what channels ask ---- */

/* A buffer that lies in its pages. */
static bool is_sound(const struct link_message *message)
{
	uint64_t end = (uint64_t)message->pages.offset + message->pages.length;

	return message->pages.length && message->pages.offset < PAGE &&
	       (end + PAGE - 1) / PAGE <= message->pages.count;
}

static uint32_t on_gpadl(struct channel *channel, uint32_t gpadl, uint64_t **pfns, uint32_t *offset,
			 uint32_t *length)
{
	struct link *link = channel->device->host;
	const struct linked *l = of_device(link, channel->device, channel->sub);
	struct link_message message = { .type = LINK_GET_GPADL, .gpadl = gpadl };
	uint32_t count = 0;
	int fd = -1;

	*pfns = NULL;
	if (!l)
		return 0;
	message.instance = l->instance;
	message.sub = l->sub;
	if (ask(link, &message, LINK_GPADL, &fd) && fd >= 0 && is_sound(&message)) {
		*pfns = link_pages_read(fd, message.pages.count);
		count = *pfns ? message.pages.count : 0;
		*offset = message.pages.offset;
		*length = message.pages.length;
	}
	if (fd >= 0)
		close(fd);
	return count;
}

static bool on_offer_subs(struct channel *channel, uint32_t count)
{
	struct link *link = channel->device->host;
	const struct linked *l = of_device(link, channel->device, channel->sub);
	struct link_message message = { .type = LINK_OFFER_SUBS, .count = count };
	int fd = -1;
	bool ok;

	if (!l)
		return false;
	message.instance = l->instance;
	message.sub = l->sub;
	ok = ask(link, &message, LINK_RESULT, &fd) && message.ok;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void on_closed(struct device *device, uint32_t sub)
{
	struct link *link = device->host;
	struct linked **at = &link->channels, *l = of_device(link, device, sub);
	struct link_message message = { 0 };

	if (!l)
		return;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	say(link, &message, LINK_CLOSED, &l->instance, sub);
	free_linked(l);
	if (!link_open_channels(link, device))
		device->host = NULL;
	if (link->freed && !link->channels)
		free_link(link);
}

static void on_complain(struct device *device, uint32_t sub, const char *text)
{
	struct link *link = device->host;
	const struct linked *l = of_device(link, device, sub);
	struct link_message message = { 0 };

	if (!l)
		return;
	strncpy(message.text, text, LINK_TEXT - 1);
	say(link, &message, LINK_COMPLAIN, &l->instance, sub);
}

static void on_replaces(struct channel *channel, const struct vmbus_guid *instance)
{
	struct link *link = channel->device->host;
	const struct linked *l = of_device(link, channel->device, channel->sub);
	struct link_message message = { .other = *instance };

	if (l)
		say(link, &message, LINK_REPLACES, &l->instance, channel->sub);
}

static const struct channel_owner owner = {
	.gpadl = on_gpadl,
	.offer_subs = on_offer_subs,
	.replaces = on_replaces,
	.closed = on_closed,
	.complain = on_complain,
};

/* ---- what hv-vsp says ---- */

static struct channel *open_linked(struct link *link, struct linked *l,
				   const struct link_message *message)
{
	uint32_t count = message->open.pfn_count;
	uint64_t *pfns = link_pages_read(l->fds[LINK_FD_PAGES], count);
	struct channel_parts parts = {
		.base = link->base,
		.device = l->device,
		.sub = l->sub,
		.vp = message->open.vp,
		.guest = link->guest,
		.pfns = pfns,
		.pfn_count = count,
		.downstream = message->open.downstream,
		.signal_in = l->fds[LINK_FD_SIGNAL_IN],
		.signal_out = l->fds[LINK_FD_SIGNAL_OUT],
		.journal = l->fds[LINK_FD_JOURNAL],
		.resumed = message->open.resumed,
	};
	struct channel *channel = pfns ? channel_open(&parts, &owner) : NULL;

	free(pfns);
	return channel;
}

/* The descriptors are taken. False: hv-vsp is wrong. */
static bool do_open(struct link *link, const struct link_message *message, const int *fds,
		    unsigned int fd_count)
{
	struct device *device = link->find(link->context, &message->instance);
	struct link_message answer = { 0 };
	struct linked *l;

	if (fd_count != LINK_FDS || find_linked(link, &message->instance, message->sub)) {
		close_all(fds, fd_count);
		return false;
	}
	/* What an earlier link's channels have not let go is not open a second time. */
	l = device && (!device->host || device->host == link) ? calloc(1, sizeof(*l)) : NULL;
	if (!l) {
		close_all(fds, fd_count);
		return say(link, &answer, LINK_OPENED, &message->instance, message->sub);
	}
	*l = (struct linked){ .device = device,
			      .instance = message->instance,
			      .sub = message->sub };
	memcpy(l->fds, fds, sizeof(l->fds));
	device->host = link;
	l->next = link->channels;
	link->channels = l;
	l->channel = open_linked(link, l, message);
	answer.ok = l->channel != NULL;
	if (!l->channel) {
		link->channels = l->next;
		free_linked(l);
		if (!link_open_channels(link, device))
			device->host = NULL;
	}
	return say(link, &answer, LINK_OPENED, &message->instance, message->sub);
}

static bool obey(struct link *link, const struct link_message *message, const int *fds,
		 unsigned int fd_count)
{
	struct linked *l;

	if (message->type == LINK_OPEN)
		return do_open(link, message, fds, fd_count);
	close_all(fds, fd_count);
	if (message->type != LINK_CLOSE && message->type != LINK_VP)
		return false;
	/* It may not have heard yet that the channel was refused. */
	l = find_linked(link, &message->instance, message->sub);
	if (!l || !l->channel)
		return true;
	if (message->type == LINK_VP) {
		channel_set_vp(l->channel, message->vp);
		return true;
	}
	close_linked(l);
	return true;
}

/* False: hv-vsp is wrong. */
static bool obey_kept(struct link *link)
{
	struct kept *kept;
	bool ok = true;

	while (ok && link->kept) {
		kept = link->kept;
		link->kept = kept->next;
		ok = obey(link, &kept->message, kept->fds, kept->fd_count);
		free(kept);
	}
	return ok;
}

static bool obey_next(struct link *link)
{
	struct link_message message;
	unsigned int count;
	int fds[LINK_FDS];
	int result = link_receive(link->fd, &message, fds, &count, MSG_DONTWAIT);

	if (result < 0 && errno == EAGAIN)
		return true;
	return result == 1 && obey(link, &message, fds, count);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct link *link = context;

	(void)fd, (void)what;
	if (!link->wrong && obey_kept(link) && !link->wrong && obey_next(link))
		return;
	end(link);
}

struct link *link_new(struct event_base *base, int fd, const struct guest *guest,
		      struct device *(*find)(void *context, const struct vmbus_guid *instance),
		      void (*ended)(void *context), void *context)
{
	struct link *link = calloc(1, sizeof(*link));

	/* We wait for what we ask; and poll with MSG_DONTWAIT. */
	if (!link || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0) {
		free(link);
		return NULL;
	}
	*link = (struct link){
		.base = base,
		.guest = guest,
		.find = find,
		.ended = ended,
		.context = context,
		.fd = fd,
	};
	link->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, link);
	if (link->readable && event_add(link->readable, NULL) == 0)
		return link;
	if (link->readable)
		event_free(link->readable);
	free(link);
	errno = ENOMEM;
	return NULL;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	die(link);
	link->freed = true;
	if (!link->channels)
		free_link(link);
}

unsigned int link_open_channels(const struct link *link, const struct device *device)
{
	unsigned int count = 0;

	for (const struct linked *l = link->channels; l; l = l->next)
		count += l->device == device;
	return count;
}
