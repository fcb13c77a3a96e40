/* SPDX-License-Identifier: GPL-2.0-only */
/* See disk.h. */
#include "disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC 1000000000u

/* ---- Events ---- */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NSEC + (uint64_t)time.tv_nsec;
}

void disk_event(struct disk *disk, enum storage_event_kind kind, int error, uint64_t offset,
		uint64_t length)
{
	struct disk_errors *errors = &disk->errors[kind];
	struct storage_event event;
	uint64_t time = now();

	if (!disk->event)
		return;
	if (!errors->first.count)
		errors->first = (struct storage_event){ .kind = kind,
							.lun = disk->lun,
							.error = error,
							.offset = offset,
							.length = length };
	errors->first.count++;
	if (errors->after && time < errors->after)
		return;
	errors->after = time + (uint64_t)STORAGE_EVENT_PAUSE * NSEC;
	event = errors->first;
	errors->first.count = 0;
	disk->event(disk->context, &event);
}

static void no_discard(void *context, int error)
{
	disk_event(context, STORAGE_EVENT_NO_DISCARD, error, 0, 0);
}

/* ---- What it is called ---- */

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

static bool has_identity(const uint8_t *identity)
{
	static const uint8_t none[16];

	return memcmp(identity, none, sizeof(none)) != 0;
}

/* Fowler, Noll, Vo: FNV-1a. */
static uint64_t hash(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t value = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		value = (value ^ bytes[i]) * 0x100000001b3u;
	return value;
}

static void name(struct disk *disk, const struct storage_disk_options *options)
{
	uint64_t value = 0;

	if (options->serial)
		snprintf(disk->serial, sizeof(disk->serial), "%s", options->serial);
	else if (has_identity(options->identity)) {
		for (size_t i = 0; i < 16; i++)
			snprintf(disk->serial + 2 * i, 3, "%02x", options->identity[i]);
	}
	if (has_identity(options->identity))
		value = hash(options->identity, 16);
	else if (disk->serial[0])
		value = hash(disk->serial, strlen(disk->serial));
	disk->locally_assigned = value & 0x0fffffffffffffffu;
}

/* ---- Life ---- */

bool disk_check(const struct storage_disk_options *options, uint32_t *block, uint32_t *physical,
		const char **why)
{
	*block = options->logical_block ? options->logical_block : 512;
	*physical = options->physical_block ? options->physical_block : *block;
	*why = NULL;
	if ((*block != 512 && *block != 4096) || (*physical != 512 && *physical != 4096) ||
	    *physical < *block)
		*why = "blocks are of 512 or 4096 bytes, the physical one not the smaller";
	else if ((unsigned int)options->cache > STORAGE_WRITETHROUGH)
		*why = "there is no such cache mode";
	else if (options->discard_granularity &&
		 (options->discard_granularity < *physical ||
		  options->discard_granularity & (options->discard_granularity - 1)))
		*why = "space is freed in powers of two, not less than a block";
	else if (options->serial &&
		 (strlen(options->serial) > STORAGE_SERIAL_MAX || !is_printable(options->serial)))
		*why = "the serial number is too long or has characters that are not ASCII";
	return !*why;
}

int disk_resize(struct disk *disk)
{
	uint64_t bytes = 0;
	int error = disk->backend->ops->size(disk->backend, &bytes);

	if (!error && bytes < disk->block)
		error = EMEDIUMTYPE;
	if (error)
		return error;
	disk->blocks = bytes / disk->block;
	disk->stats.size = disk->blocks * disk->block;
	return 0;
}

struct disk *disk_new(struct backend *backend, uint32_t lun,
		      const struct storage_disk_options *options, const char **why)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	int error;

	*why = NULL;
	if (!disk)
		return NULL;
	disk->backend = backend;
	disk->lun = lun;
	disk->users = 1;
	error = disk_check(options, &disk->block, &disk->physical_block, why) ? disk_resize(disk) :
										EINVAL;
	if (error) {
		free(disk);
		errno = error;
		return NULL;
	}
	disk->read_only = options->read_only;
	disk->discard = options->discard && !options->read_only;
	disk->cache = options->cache;
	disk->granularity = options->discard_granularity ? options->discard_granularity : 4096;
	name(disk, options);
	backend->no_discard = no_discard;
	backend->context = disk;
	return disk;
}

void disk_get(struct disk *disk)
{
	disk->users++;
}

void disk_put(struct disk *disk)
{
	struct storage_event event = { .kind = STORAGE_EVENT_REMOVED,
				       .lun = disk->lun,
				       .count = 1 };
	void (*tell)(void *context, const struct storage_event *event) = disk->event;
	void *context = disk->context;
	bool removed = disk->removed;

	if (--disk->users)
		return;
	disk->backend->ops->free(disk->backend);
	free(disk);
	if (removed && tell)
		tell(context, &event);
}
