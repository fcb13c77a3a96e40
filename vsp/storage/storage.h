/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A SCSI controller with disks, for a guest's hv_storvsc: what a process that serves one
 * needs. It makes the controller, adds disks, and connects storage_device() with the guest
 * (channel.h). The controller has no descriptors but those that it is given, and one
 * io_uring; it opens nothing.
 *
 * All calls are made on the event loop's thread, and so come all callbacks.
 *
 * What is kept: what the guest has flushed (SYNCHRONIZE CACHE, FUA, or any write where the
 * disk is STORAGE_WRITETHROUGH) is on the disk before the guest sees the answer. Requests
 * that were under way when the process ended are done again by the next one, by the
 * channel's journal. What the kernel had in hand for the one that ended goes on for a
 * moment and must be over before the next one writes: see lock.h.
 */
#ifndef VSP_STORAGE_H
#define VSP_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

struct device;
struct event_base;
struct storage;

/* Logical units of a controller: 0 to 63, all on one target. */
#define STORAGE_LUNS 64u
/* Sub-channels that a controller can be told to have. */
#define STORAGE_SUBS_MAX 16u
#define STORAGE_SERIAL_MAX 32u

enum storage_cache {
	/* O_DIRECT: nothing is cached in the parent. The disk's own cache is the guest's to
	 * flush. */
	STORAGE_UNCACHED,
	/* The parent's page cache; the guest sees a write cache and flushes it. */
	STORAGE_WRITEBACK,
	/* The parent's page cache for reads; each write is on the disk when it is answered.
	 * The guest sees no write cache. */
	STORAGE_WRITETHROUGH,
};

struct storage_disk_options {
	bool read_only;
	enum storage_cache cache;
	bool discard; /* UNMAP frees space; else the disk is not thin to the guest */
	/* What is freed at least at once, bytes: a power of two, not less than the physical
	 * block; an image's clusters. 0: 4096. */
	uint32_t discard_granularity;
	/* Bytes: 512 or 4096, the physical one not less than the logical one. 0: 512, and
	 * for the physical block the same as the logical one. With STORAGE_UNCACHED the
	 * logical block must not be less than what O_DIRECT on the file takes. */
	uint32_t logical_block, physical_block;
	/* Printable ASCII, at most STORAGE_SERIAL_MAX, copied; NULL: made from `identity`
	 * or, that being zeros, none. */
	const char *serial;
	/* 16 bytes that stay with the disk wherever it goes, for VPD page 0x83; zeros: made
	 * from the serial. */
	uint8_t identity[16];
};

enum storage_event_kind {
	STORAGE_EVENT_READ_ERROR, /* error: of read */
	STORAGE_EVENT_WRITE_ERROR, /* error: of write or fallocate, but not ENOSPC */
	STORAGE_EVENT_NO_SPACE, /* a write found no room: ENOSPC, EDQUOT */
	STORAGE_EVENT_FLUSH_ERROR, /* flushed data may be lost; the guest was told */
	STORAGE_EVENT_NO_DISCARD, /* the file never could: from now on UNMAP does nothing */
	STORAGE_EVENT_REMOVED, /* a removed disk is closed: nothing uses it any more */
	STORAGE_EVENT_KINDS,
};

/* Something that the administrator should know. Errors of one kind on one disk come once
 * and then at most once in STORAGE_EVENT_PAUSE seconds, with how many there were. */
struct storage_event {
	enum storage_event_kind kind;
	uint32_t lun;
	int error; /* an errno, positive; 0 where there is none */
	uint64_t offset, length; /* bytes, of the first request that failed */
	uint64_t count; /* requests of that kind since the last event, this one included */
};

#define STORAGE_EVENT_PAUSE 60u

struct storage_options {
	struct event_base *base; /* the loop that all channels of it are on */
	uint32_t subs; /* sub-channels that the guest may ask for, to STORAGE_SUBS_MAX */
	void (*event)(void *context, const struct storage_event *event); /* may be NULL */
	void *context;
};

/* NULL with errno set: no memory, no io_uring. */
struct storage *storage_new(const struct storage_options *options);

/* For storage that no channel is open of and none is held. Closes all disks. May be NULL. */
void storage_free(struct storage *storage);

/* What is offered to the guest as VMBUS_CLASS_SCSI. Its `host` is the caller's. */
struct device *storage_device(struct storage *storage);

/*
 * Adds a disk: fd is a regular file, a file of FUSE or a block device, opened for reading
 * and, unless it is read-only, writing. It is the controller's from then on. The size is
 * that of the file in whole logical blocks, a rest is not seen. A guest that is connected
 * looks for new disks. O_DIRECT and O_APPEND of the open file are set as the disk needs
 * them, for everybody who shares it. Disks that are there when the guest connects are simply there; a
 * process that takes up another's work adds the disks first and connects then, and what
 * has changed meanwhile is made known to the guest.
 *
 * 0, or -errno with the fd still the caller's: -EEXIST the LUN is taken, -EINVAL the
 * options, -ENOTSUP O_DIRECT is not possible on this file with this logical block,
 * -EMEDIUMTYPE neither a file nor a block device, or empty, others of the file. Where
 * `why` is not NULL, *why is a sentence's end for the administrator, or NULL.
 */
int storage_add_disk(struct storage *storage, uint32_t lun, int fd,
		     const struct storage_disk_options *options, const char **why);

/*
 * Takes a disk away, at once: new requests find no unit, those under way finish, then
 * STORAGE_EVENT_REMOVED comes and the fd is closed (with nothing under way: within the
 * call). The LUN can be used again at once. -ENOENT: there is none.
 */
int storage_remove_disk(struct storage *storage, uint32_t lun);

/* Looks at the file's size again and tells the guest where it is another. *bytes (may be
 * NULL): as it is now. -ENOENT: no such disk; -EMEDIUMTYPE: empty now, nothing changed. */
int storage_resize_disk(struct storage *storage, uint32_t lun, uint64_t *bytes);

/* Of a disk since it was added. Bytes and requests are what the guest asked for and got;
 * times are from taking a request to answering it, in nanoseconds, added up. */
struct storage_stats {
	uint64_t size; /* bytes, now */
	uint64_t reads, read_bytes, read_nsec;
	uint64_t writes, write_bytes, write_nsec;
	uint64_t flushes, flush_nsec;
	uint64_t discards, discard_bytes, discard_nsec; /* UNMAP and WRITE SAME */
	uint64_t errors; /* requests of these kinds that failed */
	uint32_t in_flight; /* requests under way */
};

/* -ENOENT: there is none. */
int storage_disk_stats(const struct storage *storage, uint32_t lun, struct storage_stats *stats);

#endif
