/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before vsp/storage/file.c in tests: what the kernel may do at any time and
 * seldom does: transfers that end early, flushes that fail, files that free nothing.
 */
#ifndef STORAGE_SHORT_H
#define STORAGE_SHORT_H

#include <liburing.h>
#include <stdbool.h>

/* Bytes that a transfer has at most; 0: as many as it should. For O_DIRECT a multiple of
 * the block. */
extern unsigned int storage_short;

/* Flushes are counted; they fail with EBADF. */
extern unsigned int storage_flushes;
extern bool storage_flush_fails;

static inline void counted_fsync(struct io_uring_sqe *sqe, int fd, unsigned int flags)
{
	storage_flushes++;
	io_uring_prep_fsync(sqe, storage_flush_fails ? -1 : fd, flags);
}

static inline void short_readv(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
			       unsigned int count, uint64_t offset)
{
	if (storage_short && storage_short < iov->iov_len)
		io_uring_prep_read(sqe, fd, iov->iov_base, storage_short, offset);
	else
		io_uring_prep_readv(sqe, fd, iov, storage_short ? 1 : count, offset);
}

static inline void short_writev(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				unsigned int count, uint64_t offset)
{
	if (storage_short && storage_short < iov->iov_len)
		io_uring_prep_write(sqe, fd, iov->iov_base, storage_short, offset);
	else
		io_uring_prep_writev(sqe, fd, iov, storage_short ? 1 : count, offset);
}

/* Nothing of fallocate() is possible. */
extern bool storage_no_fallocate;

static inline void refused_fallocate(struct io_uring_sqe *sqe, int fd, int mode, uint64_t offset,
				     uint64_t length)
{
	io_uring_prep_fallocate(sqe, fd, storage_no_fallocate ? 0x4000 : mode, offset, length);
}

#define io_uring_prep_fallocate refused_fallocate
#define io_uring_prep_fsync counted_fsync
#define io_uring_prep_readv short_readv
#define io_uring_prep_writev short_writev

#endif
