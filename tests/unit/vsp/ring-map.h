/* SPDX-License-Identifier: GPL-2.0-only */
/* A ring's memory for tests: its data twice in a row, and pages on both sides of it that
 * nobody may touch. Failure ends the program. */
#ifndef RING_MAP_H
#define RING_MAP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmbus/ring.h>

struct ring_map {
	struct vmbus_ring_header *header;
	uint8_t *data;
	uint32_t size; /* of data */
};

static inline void ring_map_need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

static inline void *ring_map_part(void *at, size_t size, int fd, off_t offset)
{
	void *got = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset);

	ring_map_need(got != MAP_FAILED, "mmap");
	return got;
}

/* Guard, header, guard, data, data, guard. All zeros. */
static inline struct ring_map ring_map_new(uint32_t size)
{
	const size_t page = VMBUS_PAGE_SIZE, all = 4 * page + 2 * (size_t)size;
	int fd = memfd_create("ring", MFD_CLOEXEC);
	struct ring_map map = { .size = size };
	uint8_t *at;

	ring_map_need(fd >= 0 && ftruncate(fd, (off_t)(page + size)) == 0, "memfd");
	at = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ring_map_need(at != MAP_FAILED, "mmap");
	map.header = ring_map_part(at + page, page, fd, 0);
	map.data = ring_map_part(at + 3 * page, size, fd, (off_t)page);
	ring_map_part(at + 3 * page + size, size, fd, (off_t)page);
	close(fd);
	return map;
}

static inline void ring_map_free(struct ring_map *map)
{
	const size_t page = VMBUS_PAGE_SIZE;

	munmap(map->data - 3 * page, 4 * page + 2 * (size_t)map->size);
}

#endif
