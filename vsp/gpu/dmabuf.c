/* SPDX-License-Identifier: GPL-2.0-only */
/* See dmabuf.h: by udmabuf (linux/udmabuf.h). */
#include "dmabuf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest.h"

#define DEVICE "/dev/udmabuf"

static int device = -1; /* open until the process ends, which opens no devices later */

bool dmabuf_can(void)
{
	if (device < 0)
		device = open(DEVICE, O_RDWR | O_CLOEXEC);
	return device >= 0;
}

/* NULL with errno set. */
static struct udmabuf_create_list *list_of(const struct guest *guest, const struct iovec *pieces,
					   uint32_t count)
{
	struct udmabuf_create_list *list =
		calloc(1, sizeof(*list) + count * sizeof(struct udmabuf_create_item));

	if (!list)
		return NULL;
	list->flags = UDMABUF_FLAGS_CLOEXEC;
	list->count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t offset = 0;
		int fd = guest_file(guest, pieces[i].iov_base, pieces[i].iov_len, &offset);

		if (fd < 0) {
			free(list);
			errno = EFAULT;
			return NULL;
		}
		list->list[i] = (struct udmabuf_create_item){
			.memfd = (uint32_t)fd,
			.offset = offset,
			.size = pieces[i].iov_len,
		};
	}
	return list;
}

int dmabuf_make(const struct guest *guest, const struct iovec *pieces, uint32_t count)
{
	struct udmabuf_create_list *list = list_of(guest, pieces, count);
	int fd, error;

	if (!list)
		return -1;
	fd = ioctl(device, UDMABUF_CREATE_LIST, list);
	error = errno;
	free(list);
	errno = error;
	return fd;
}

/* The kernel tells how many references there are to an open dma-buf (dma-buf's fdinfo,
 * "count"). Where that cannot be read it is in use: too long is better than too early. */
bool dmabuf_is_in_use(int fd)
{
	char path[64], text[512], *found;
	ssize_t size;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return true;
	size = read(info, text, sizeof(text) - 1);
	close(info);
	text[size > 0 ? size : 0] = '\0';
	found = strstr(text, "\ncount:");
	return !found || strtol(found + sizeof("\ncount:") - 1, NULL, 10) != 1;
}
