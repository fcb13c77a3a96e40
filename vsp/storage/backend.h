/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What holds a disk's bytes: something that reads, writes, flushes and frees ranges, all
 * at once and in any order. Below are a file (file.h) and what tests bring.
 *
 * An operation is done as a whole or fails; of one that fails any part may have been done.
 * Ranges may lie behind the end only where the disk has shrunk meanwhile.
 */
#ifndef VSP_STORAGE_BACKEND_H
#define VSP_STORAGE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum backend_op {
	BACKEND_READ,
	BACKEND_WRITE,
	BACKEND_FLUSH, /* all that was done before is on the disk */
	BACKEND_DISCARD, /* frees the range where it can: success also where not */
	BACKEND_ZERO, /* the range reads as zeros */
};

struct backend_io {
	enum backend_op op;
	bool durable; /* a change is on the disk before done() */
	bool may_free; /* ZERO: may free the space */
	uint64_t offset, length; /* bytes, multiples of the disk's logical block */
	/* READ, WRITE: `length` bytes together. The array stays until done(); the backend
	 * may change it. */
	struct iovec *iov;
	int iov_count;
	bool pinnable; /* the kernel can pin that memory, as O_DIRECT does */
	/* 0 or a positive errno. May be called within start(). */
	void (*done)(struct backend_io *io, int error);
};

struct backend;
struct backend_ops {
	void (*start)(struct backend *backend, struct backend_io *io);
	/* 0 with the size in bytes, or a positive errno. */
	int (*size)(struct backend *backend, uint64_t *bytes);
	/* Nothing is under way. */
	void (*free)(struct backend *backend);
};

struct backend {
	const struct backend_ops *ops;
	bool discard_zeroes; /* what DISCARD has freed reads as zeros */
	/* DISCARD is given up: the backend cannot. May be NULL. */
	void (*no_discard)(void *context, int error);
	void *context;
};

#endif
