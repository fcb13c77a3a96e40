/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk: a backend, what the guest is told of it, and counts. It is used by the
 * controller and by each command under way, and freed when the last of them lets go.
 */
#ifndef VSP_STORAGE_DISK_H
#define VSP_STORAGE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "storage.h"

/* Of one request's data, bytes. What the guest is told, and held to. */
#define DISK_TRANSFER_MAX (1024u * 1024u)

struct disk {
	struct backend *backend;
	uint32_t lun;
	bool read_only, discard;
	enum storage_cache cache;
	uint32_t block, physical_block, granularity; /* bytes; the last one of discards */
	uint64_t blocks; /* logical; not 0 */
	char serial[STORAGE_SERIAL_MAX + 1]; /* may be empty */
	uint64_t locally_assigned; /* 60 bits that tell it from others; 0: none */

	struct storage_stats stats;
	void (*event)(void *context, const struct storage_event *event); /* may be NULL */
	void *context;
	struct disk_errors {
		uint64_t after; /* CLOCK_MONOTONIC, ns: no event before */
		struct storage_event first; /* of those that were not told; count 0: none */
	} errors[STORAGE_EVENT_KINDS];

	uint32_t users;
	bool removed;
};

/* Checks the options, not the backend, which is the disk's from then on. NULL with errno:
 * EINVAL, ENOMEM, EMEDIUMTYPE (empty), or the backend's. *why: see storage_add_disk(). */
struct disk *disk_new(struct backend *backend, uint32_t lun,
		      const struct storage_disk_options *options, const char **why);

/* Whether the options can be, and blocks where none are given. */
bool disk_check(const struct storage_disk_options *options, uint32_t *block, uint32_t *physical,
		const char **why);

void disk_get(struct disk *disk);
/* The last one frees it, and says so where it was removed. */
void disk_put(struct disk *disk);

/* Reads the size anew. 0 or a positive errno, with nothing changed. */
int disk_resize(struct disk *disk);

/* Each write is to be on the disk when it is answered. */
static inline bool disk_writes_through(const struct disk *disk)
{
	return disk->cache == STORAGE_WRITETHROUGH;
}

/* Something for the administrator; told at most so often, see storage.h. */
void disk_event(struct disk *disk, enum storage_event_kind kind, int error, uint64_t offset,
		uint64_t length);

#endif
