/* SPDX-License-Identifier: GPL-2.0-only */
/* A partition that is none, see host-fake.h. */
#undef ioctl
#undef mmap

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h> /* before <mullion/parent.h>, which has them too */
#include <hyperv/message.h>
#include <mullion/uapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbus/message.h>

struct fake fake;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "host-fake: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

void fake_new(size_t memory)
{
	int pair[2];

	memset(&fake, 0, sizeof(fake));
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	fake.file = pair[0];
	fake.other = pair[1];
	fake.memory = memfd_create("partition", MFD_CLOEXEC);
	need(fake.memory >= 0 && ftruncate(fake.memory, (off_t)memory) == 0, "memory");
	for (uint32_t i = 0; i < FAKE_PORTS; i++)
		fake.ports[i].eventfd = fake.signals[i].eventfd = -1;
	fake.post_room = FAKE_POSTS;
}

unsigned int fake_bound(void)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < FAKE_PORTS; i++) {
		count += fake.ports[i].eventfd >= 0;
		count += fake.signals[i].eventfd >= 0;
	}
	return count;
}

static void drop_ports(void)
{
	for (uint32_t i = 0; i < FAKE_PORTS; i++) {
		if (fake.ports[i].eventfd >= 0)
			close(fake.ports[i].eventfd);
		if (fake.signals[i].eventfd >= 0)
			close(fake.signals[i].eventfd);
		fake.ports[i].eventfd = fake.signals[i].eventfd = -1;
	}
}

void fake_gone(void)
{
	drop_ports();
	fake.gone = true;
	close(fake.other);
	fake.other = -1;
}

void fake_end(void)
{
	need(!fake_bound(), "something is still bound");
	close(fake.file);
	if (fake.other >= 0)
		close(fake.other);
	close(fake.memory);
}

/* ---- the guest ---- */

struct fake_port *fake_find_port(uint32_t connection)
{
	for (uint32_t i = 0; i < FAKE_PORTS; i++) {
		if (fake.ports[i].eventfd >= 0 && fake.ports[i].connection == connection)
			return &fake.ports[i];
	}
	return NULL;
}

struct fake_signal *fake_find_signal(uint32_t flag)
{
	for (uint32_t i = 0; i < FAKE_PORTS; i++) {
		if (fake.signals[i].eventfd >= 0 && fake.signals[i].flag == flag)
			return &fake.signals[i];
	}
	return NULL;
}

void fake_message(uint32_t connection, uint32_t type, const void *bytes, uint32_t size)
{
	static const uint64_t one = 1;
	struct fake_post *message = &fake.messages[fake.message_count];
	const struct fake_port *port = fake_find_port(connection);

	if (!port || fake.message_count == FAKE_POSTS)
		return;
	fake.message_count++;
	message->vp = connection;
	message->size = size | type << 16;
	memcpy(message->bytes, bytes, size < 240 ? size : 240);
	need(write(port->eventfd, &one, sizeof(one)) == sizeof(one), "signal");
}

/* ---- calls ---- */

static int fails(int error)
{
	errno = error;
	return -1;
}

static int bind_port(const struct mullion_port *port)
{
	if (fake_find_port(port->connection))
		return fails(EEXIST);
	for (uint32_t i = 0; i < FAKE_PORTS; i++) {
		if (fake.ports[i].eventfd >= 0)
			continue;
		fake.ports[i] =
			(struct fake_port){ .connection = port->connection,
					    .type = port->type,
					    .eventfd = fcntl(port->eventfd, F_DUPFD_CLOEXEC, 3) };
		return fake.ports[i].eventfd < 0 ? -1 : 0;
	}
	return fails(ENOSPC);
}

static int unbind_port(const struct mullion_port *port)
{
	struct fake_port *bound = fake_find_port(port->connection);

	if (!bound)
		return fails(ENOENT);
	close(bound->eventfd);
	bound->eventfd = -1;
	return 0;
}

static int read_message(struct mullion_message *message)
{
	struct hv_message *hv = (struct hv_message *)(void *)message->message;

	if (!fake_find_port(message->connection))
		return fails(ENOENT);
	for (uint32_t i = 0; i < fake.message_count; i++) {
		const struct fake_post *post = &fake.messages[i];

		if (post->vp != message->connection)
			continue;
		hv->header.message_type = post->size >> 16;
		hv->header.payload_size = (__u8)post->size;
		memcpy(hv->bytes, post->bytes, sizeof(post->bytes));
		if (fake.endless) {
			fake.endless--;
			return 0;
		}
		fake.message_count--;
		memmove(&fake.messages[i], &fake.messages[i + 1],
			(fake.message_count - i) * sizeof(*post));
		return 0;
	}
	return fails(EAGAIN);
}

static int post_message(const struct mullion_message *message)
{
	const struct hv_message *hv = (const struct hv_message *)(const void *)message->message;
	struct fake_post *post = &fake.posts[fake.post_count];

	if (message->sint != VMBUS_SINT || hv->header.message_type != VMBUS_MESSAGE_TYPE)
		return fails(EINVAL);
	if (fake.post_count >= fake.post_room)
		return fails(EAGAIN);
	fake.post_count++;
	post->vp = message->vp;
	post->size = hv->header.payload_size;
	memcpy(post->bytes, hv->bytes, sizeof(post->bytes));
	return 0;
}

/* What an eventfd is, whatever its descriptor. */
static long identity(int fd)
{
	char path[64], line[128];
	long id = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "eventfd-id:", 11) == 0)
			id = strtol(line + 11, NULL, 10);
	}
	if (file)
		fclose(file);
	return id;
}

static struct fake_signal *signal_of(int fd)
{
	long id = identity(fd);

	for (uint32_t i = 0; i < FAKE_PORTS; i++) {
		if (fake.signals[i].eventfd >= 0 && identity(fake.signals[i].eventfd) == id)
			return &fake.signals[i];
	}
	return NULL;
}

static int bind_signal(const struct mullion_signal_binding *binding)
{
	struct fake_signal *signal = signal_of(binding->eventfd);

	if (identity(binding->eventfd) < 0)
		return fails(EINVAL);
	for (uint32_t i = 0; !signal && i < FAKE_PORTS; i++) {
		if (fake.signals[i].eventfd < 0) {
			signal = &fake.signals[i];
			signal->eventfd = fcntl(binding->eventfd, F_DUPFD_CLOEXEC, 3);
		}
	}
	if (!signal)
		return fails(ENOSPC);
	signal->vp = binding->vp;
	signal->flag = binding->flag;
	return 0;
}

static int unbind_signal(const struct mullion_signal_binding *binding)
{
	struct fake_signal *signal = signal_of(binding->eventfd);

	if (binding->vp || binding->sint || binding->flag)
		return fails(EINVAL);
	if (!signal)
		return fails(ENOENT);
	close(signal->eventfd);
	signal->eventfd = -1;
	return 0;
}

static int list_memory(struct mullion_memory *memory)
{
	struct mullion_range *ranges = (struct mullion_range *)(uintptr_t)memory->ranges;
	struct stat status;

	if (fstat(fake.memory, &status) < 0)
		return -1;
	ranges[0] = (struct mullion_range){ .gpa = 0, .size = (__u64)status.st_size };
	memory->count = 1;
	return 0;
}

static bool is_partition(int fd)
{
	struct stat a, b;

	return fd >= 0 && fstat(fd, &a) == 0 && fstat(fake.file, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

int fake_ioctl(int fd, unsigned long call, void *argument)
{
	if (!is_partition(fd))
		return fails(ENOTTY);
	if (fake.gone)
		return fails(ENODEV);
	if (fake.fail && fake.fail == call)
		return fails(EIO);
	switch (call) {
	case MULLION_IOC_BIND_PORT:
		return bind_port(argument);
	case MULLION_IOC_UNBIND_PORT:
		return unbind_port(argument);
	case MULLION_IOC_READ_MESSAGE:
		return read_message(argument);
	case MULLION_IOC_POST_MESSAGE:
		return post_message(argument);
	case MULLION_IOC_BIND_SIGNAL:
		return bind_signal(argument);
	case MULLION_IOC_UNBIND_SIGNAL:
		return unbind_signal(argument);
	case MULLION_IOC_MEMORY:
		return list_memory(argument);
	case MULLION_IOC_REFERENCE_TIME:
		*(__u64 *)argument = 12345;
		return 0;
	default:
		return fails(ENOTTY);
	}
}

void *fake_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	return mmap(at, size, protection, flags, is_partition(fd) ? fake.memory : fd, offset);
}
