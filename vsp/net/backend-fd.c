/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames by descriptors: queues of a tap device, or sockets that keep frames apart.
 *
 * A descriptor that fails (a tap that is down, a peer that is gone) is left alone for a
 * while and tried again: it must not keep the loop busy.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend.h"
#include "net.h"

/* How long a failed descriptor is left alone, seconds. */
#define REST 1
/* Frames that are thrown away at once, at most: more than a tap keeps. */
#define DISCARD_MAX 2048u
/* Pieces of one frame that is sent, its header included. */
#define PARTS_MAX 170

struct backend_fd {
	struct net_backend backend;
	struct queue {
		struct backend_fd *all;
		unsigned int index;
		int fd;
		bool socket; /* else a tap */
		bool on; /* frames are wanted */
		bool resting;
		bool full; /* it could take no more */
		struct event *readable, *writable, *rested;
	} queues[NET_QUEUES_MAX];
	/* Frames are read one at a time. */
	uint8_t room[BACKEND_HEADROOM + FRAME_MAX + 1];
};

static struct backend_fd *to_fd(struct net_backend *backend)
{
	return (struct backend_fd *)backend;
}

/* ---- receiving ---- */

static void listen_to(struct queue *queue)
{
	if (queue->on && !queue->resting)
		event_add(queue->readable, NULL);
	else
		event_del(queue->readable);
}

static void rest(struct queue *queue)
{
	const struct timeval time = { .tv_sec = REST };

	queue->resting = true;
	listen_to(queue);
	event_add(queue->rested, &time);
}

static void on_rested(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	queue->resting = false;
	listen_to(queue);
}

/* Returns bytes, header included; 0: nothing now, or the descriptor rests. */
static size_t read_frame(struct queue *queue, struct frame_header *header)
{
	struct backend_fd *all = queue->all;
	struct iovec parts[2] = { { header, sizeof(*header) },
				  { all->room + BACKEND_HEADROOM,
				    sizeof(all->room) - BACKEND_HEADROOM } };
	unsigned int skip = all->backend.headers ? 0 : 1;
	ssize_t size = readv(queue->fd, parts + skip, (int)(2 - skip));

	if (size > 0)
		return (size_t)size;
	if (size == 0 || (errno != EAGAIN && errno != EINTR))
		rest(queue);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;
	struct backend_fd *all = queue->all;
	size_t head = all->backend.headers ? sizeof(struct frame_header) : 0;

	(void)fd;
	(void)what;
	for (unsigned int i = 0; i < BACKEND_TURN && queue->on; i++) {
		struct frame_header header = { 0 };
		size_t size = read_frame(queue, &header);

		if (!size)
			break;
		if (size < head || size - head > FRAME_MAX)
			net_receive_error(all->backend.net);
		else
			net_receive(all->backend.net, queue->index, &header,
				    all->room + BACKEND_HEADROOM, size - head);
	}
	net_received(all->backend.net);
}

static void fd_receive(struct net_backend *backend, unsigned int index, bool on)
{
	struct queue *queue = &to_fd(backend)->queues[index];

	queue->on = on;
	listen_to(queue);
}

static void fd_discard(struct net_backend *backend, unsigned int index)
{
	struct queue *queue = &to_fd(backend)->queues[index];
	struct frame_header header;

	for (unsigned int i = 0; i < DISCARD_MAX && read_frame(queue, &header); i++) {
	}
}

static void fd_large(struct net_backend *backend, bool on)
{
	unsigned long offloads = TUN_F_CSUM | (on ? TUN_F_TSO4 | TUN_F_TSO6 : 0u);
	const struct queue *first = &to_fd(backend)->queues[0];

	/* It holds for all queues of a device. Where it is refused none come. */
	if (!first->socket)
		ioctl(first->fd, TUNSETOFFLOAD, offloads);
}

/* ---- sending ---- */

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	queue->full = false;
	net_writable(queue->all->backend.net, queue->index);
}

/* A peer that is gone is an error here and no signal. */
static ssize_t write_parts(struct queue *queue, struct iovec *parts, size_t count)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };

	if (queue->socket)
		return sendmsg(queue->fd, &message, MSG_NOSIGNAL);
	return writev(queue->fd, parts, (int)count);
}

static int fd_send(struct net_backend *backend, unsigned int index,
		   const struct frame_header *header, const struct iovec *parts, int count)
{
	struct queue *queue = &to_fd(backend)->queues[index];
	struct frame_header copy = *header;
	struct iovec all[PARTS_MAX];
	unsigned int skip = backend->headers ? 0 : 1;

	if (queue->full)
		return EAGAIN;
	if (count >= PARTS_MAX)
		return EMSGSIZE;
	all[0] = (struct iovec){ &copy, sizeof(copy) };
	memcpy(all + 1, parts, (size_t)count * sizeof(*parts));
	if (write_parts(queue, all + skip, (size_t)count + 1 - skip) >= 0)
		return 0;
	/* A tap that is out of memory for now says ENOBUFS: the frame is lost, as on a wire. */
	if (errno != EAGAIN)
		return errno;
	queue->full = true;
	event_add(queue->writable, NULL);
	return EAGAIN;
}

/* ---- life ---- */

static void fd_free(struct net_backend *backend)
{
	struct backend_fd *all = to_fd(backend);

	for (unsigned int i = 0; i < backend->queues; i++) {
		struct queue *queue = &all->queues[i];

		if (queue->readable)
			event_free(queue->readable);
		if (queue->writable)
			event_free(queue->writable);
		if (queue->rested)
			event_free(queue->rested);
		close(queue->fd);
	}
	free(all);
}

static const struct net_backend_ops fd_ops = {
	.send = fd_send,
	.receive = fd_receive,
	.discard = fd_discard,
	.large = fd_large,
	.free = fd_free,
};

static bool begin(struct queue *queue, struct event_base *base)
{
	int flags = fcntl(queue->fd, F_GETFL), type;
	socklen_t size = sizeof(type);

	queue->socket = !getsockopt(queue->fd, SOL_SOCKET, SO_TYPE, &type, &size);
	if (flags < 0 || fcntl(queue->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return false;
	queue->readable = event_new(base, queue->fd, EV_READ | EV_PERSIST, on_readable, queue);
	queue->writable = event_new(base, queue->fd, EV_WRITE, on_writable, queue);
	queue->rested = event_new(base, -1, 0, on_rested, queue);
	errno = ENOMEM;
	return queue->readable && queue->writable && queue->rested;
}

static void close_all(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

struct net_backend *net_backend_fd(struct event_base *base, const int *fds, unsigned int count,
				   bool headers)
{
	struct backend_fd *all = NULL;
	bool good = true;
	int error;

	errno = EINVAL;
	if (count && count <= NET_QUEUES_MAX)
		all = calloc(1, sizeof(*all));
	if (!all) {
		close_all(fds, count);
		return NULL;
	}
	all->backend = (struct net_backend){ .ops = &fd_ops, .queues = count, .headers = headers };
	for (unsigned int i = 0; i < count; i++)
		all->queues[i] = (struct queue){ .all = all, .index = i, .fd = fds[i] };
	for (unsigned int i = 0; i < count && good; i++)
		good = begin(&all->queues[i], base);
	if (good)
		return (struct net_backend *)all;
	error = errno;
	fd_free(&all->backend);
	errno = error;
	return NULL;
}
