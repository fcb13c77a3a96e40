/* SPDX-License-Identifier: GPL-2.0-only */
/* The controller as its process has it (storage.h), and what the guest knows of units. */
#include "controller.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "bounce.h"
#include "disk.h"
#include "file.h"
#include "uring.h"

/* Operations in the kernel at once, of all disks; more wait. */
#define DEPTH 128u
/* Copies for disks without a cache, bytes. */
#define BOUNCE_LIMIT ((size_t)32 * 1024 * 1024)

/* ---- What the guest knows ---- */

static uint64_t bit(uint32_t lun)
{
	return (uint64_t)1 << lun;
}

void controller_all_known(struct storage *storage)
{
	struct controller_memo *memo = storage->memo;

	memo->luns = storage->luns;
	memo->rescan = 0;
	for (uint32_t lun = 0; lun < STORAGE_LUNS; lun++) {
		memo->blocks[lun] = storage->disks[lun] ? storage->disks[lun]->blocks : 0;
		memo->attention[lun] = 0;
	}
}

/* Whether there is something that the guest does not know. */
static bool changed(struct storage *storage)
{
	struct controller_memo *memo = storage->memo;
	uint64_t stayed = memo->luns & storage->luns;
	bool others = memo->luns != storage->luns, any = others;

	for (uint32_t lun = 0; lun < STORAGE_LUNS; lun++) {
		uint64_t blocks = storage->disks[lun] ? storage->disks[lun]->blocks : 0;

		if (!(stayed & bit(lun))) {
			memo->attention[lun] = 0;
		} else {
			if (others)
				memo->attention[lun] |= ATTENTION_LUNS;
			if (blocks != memo->blocks[lun]) {
				memo->attention[lun] |= ATTENTION_CAPACITY;
				any = true;
			}
		}
		memo->blocks[lun] = blocks;
	}
	memo->luns = storage->luns;
	return any;
}

void controller_tell(struct storage *storage)
{
	if (!storage->first || storage->memo->state != VSTOR_READY)
		return;
	if (changed(storage))
		storage->memo->rescan = 1;
	if (storage->memo->rescan)
		event_active(storage->rescan, EV_TIMEOUT, 0);
}

/* ---- Disks ---- */

static struct disk *make_disk(struct storage *storage, uint32_t lun, int fd,
			      const struct storage_disk_options *options, const char **why)
{
	struct file_options file = {
		.fd = fd,
		.read_only = options->read_only,
		.direct = options->cache == STORAGE_UNCACHED,
		.uring = storage->uring,
		.bounce = storage->bounce,
	};
	struct backend *backend;
	struct disk *disk;
	uint32_t physical;

	errno = EINVAL;
	if (!disk_check(options, &file.block, &physical, why))
		return NULL;
	backend = file_new(&file, why);
	if (!backend)
		return NULL;
	disk = disk_new(backend, lun, options, why);
	if (!disk)
		free(backend); /* not its fd, which stays the caller's */
	return disk;
}

void controller_add(struct storage *storage, struct disk *disk)
{
	disk->event = storage->options.event;
	disk->context = storage->options.context;
	storage->disks[disk->lun] = disk;
	storage->luns |= bit(disk->lun);
	controller_tell(storage);
}

int storage_add_disk(struct storage *storage, uint32_t lun, int fd,
		     const struct storage_disk_options *options, const char **why)
{
	const char *unheard = NULL;
	struct disk *disk;

	if (!why)
		why = &unheard;
	*why = NULL;
	if (lun >= STORAGE_LUNS)
		return -EINVAL;
	if (storage->disks[lun])
		return -EEXIST;
	disk = make_disk(storage, lun, fd, options, why);
	if (!disk)
		return -errno;
	controller_add(storage, disk);
	return 0;
}

int storage_remove_disk(struct storage *storage, uint32_t lun)
{
	struct disk *disk = lun < STORAGE_LUNS ? storage->disks[lun] : NULL;

	if (!disk)
		return -ENOENT;
	storage->disks[lun] = NULL;
	storage->luns &= ~bit(lun);
	controller_tell(storage);
	disk->removed = true;
	disk_put(disk);
	return 0;
}

int storage_resize_disk(struct storage *storage, uint32_t lun, uint64_t *bytes)
{
	struct disk *disk = lun < STORAGE_LUNS ? storage->disks[lun] : NULL;
	int error;

	if (!disk)
		return -ENOENT;
	error = disk_resize(disk);
	if (error)
		return -error;
	if (bytes)
		*bytes = disk->stats.size;
	controller_tell(storage);
	return 0;
}

int storage_disk_stats(const struct storage *storage, uint32_t lun, struct storage_stats *stats)
{
	if (lun >= STORAGE_LUNS || !storage->disks[lun])
		return -ENOENT;
	*stats = storage->disks[lun]->stats;
	return 0;
}

/* ---- Life ---- */

static void on_rescan(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	vstor_rescan(context);
}

static bool set_up(struct storage *storage)
{
	storage->bounce = bounce_new(BOUNCE_LIMIT);
	storage->rescan = event_new(storage->options.base, -1, 0, on_rescan, storage);
	errno = ENOMEM;
	if (!storage->bounce || !storage->rescan)
		return false;
	storage->uring = uring_new(storage->options.base, DEPTH);
	return storage->uring;
}

struct storage *storage_new(const struct storage_options *options)
{
	struct storage *storage = calloc(1, sizeof(*storage));
	int error;

	if (!storage)
		return NULL;
	storage->options = *options;
	if (storage->options.subs > STORAGE_SUBS_MAX)
		storage->options.subs = STORAGE_SUBS_MAX;
	storage->memo = &storage->own;
	storage->device.ops = &vstor_device_ops;
	storage->device.context = storage;
	if (set_up(storage))
		return storage;
	error = errno;
	storage_free(storage);
	errno = error;
	return NULL;
}

void storage_free(struct storage *storage)
{
	if (!storage)
		return;
	for (uint32_t lun = 0; lun < STORAGE_LUNS; lun++) {
		if (storage->disks[lun])
			disk_put(storage->disks[lun]);
	}
	uring_free(storage->uring);
	if (storage->rescan)
		event_free(storage->rescan);
	bounce_free(storage->bounce);
	free(storage);
}

struct device *storage_device(struct storage *storage)
{
	return &storage->device;
}
