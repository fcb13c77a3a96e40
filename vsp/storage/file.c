/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See file.h. Guest memory goes to readv and writev as it is; with O_DIRECT data passes
 * through a buffer of the pool where the kernel cannot pin that memory, or it is not
 * aligned as the file needs it.
 *
 * One fdatasync at a time and file: the kernel reports a lost write to one fdatasync of a
 * descriptor, and with two at once the other one would call the same data safe. Flushes
 * that come while one runs wait and then share the next one.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "bounce.h"
#include "uring.h"

#define PAGE 4096u
/* Written at once where zeros have to be written. */
#define ZEROS 262144u
/* The kernel asks for another try; it does not do so for ever. */
#define TRIES 32u

/* How ZERO is done: the first way that the file can. */
enum zero_way {
	ZERO_FREE,
	ZERO_RANGE,
	ZERO_WRITE
};

/*
 * Whether the file can do something: asked by doing it. One refusal says little: an image
 * format behind FUSE refuses ranges that are not of its own clusters. A file that has
 * refused so often and never done it is not asked any more.
 */
#define REFUSALS 16u
struct ability {
	bool works, never;
	unsigned int refusals;
};

struct transfer;
struct transfers {
	struct transfer *first, **last;
};

struct file {
	struct backend backend;
	int fd;
	bool device, direct;
	bool picky; /* O_DIRECT wants more of memory than multiples of a block */
	uint32_t block;
	struct ability discard, free, range;
	struct uring *uring;
	struct bounce *bounce;

	bool flushing;
	struct uring_op flush;
	struct transfer *flushed; /* by the fdatasync that runs */
	struct transfers waiting; /* for the next one */
};

/* An operation under way. */
struct transfer {
	struct uring_op op;
	struct bounce_wait wait;
	struct file *file;
	struct backend_io *io;
	struct iovec *iov; /* what is left of it */
	int iov_count;
	struct iovec one; /* buffer */
	void *buffer; /* of the pool, or NULL */
	uint64_t done; /* bytes */
	unsigned int tries;
	enum zero_way way;
	struct transfer *next;
};

static uint8_t zeros[ZEROS] __attribute__((aligned(PAGE)));

static struct file *file_of(struct backend *backend)
{
	return (struct file *)backend;
}

static struct transfer *transfer_of(struct uring_op *op)
{
	return (struct transfer *)op;
}

static void list_init(struct transfers *list)
{
	list->first = NULL;
	list->last = &list->first;
}

/* ---- The end ---- */

static void finish(struct transfer *transfer, int error)
{
	struct backend_io *io = transfer->io;

	if (transfer->buffer)
		bounce_put(transfer->file->bounce, transfer->buffer, io->length);
	free(transfer);
	io->done(io, error);
}

static void start_flush(struct file *file)
{
	if (file->flushing || !file->waiting.first)
		return;
	file->flushing = true;
	file->flushed = file->waiting.first;
	list_init(&file->waiting);
	uring_start(file->uring, &file->flush);
}

static void prepare_flush(struct uring_op *op, struct io_uring_sqe *sqe)
{
	struct file *file = (struct file *)((char *)op - offsetof(struct file, flush));

	io_uring_prep_fsync(sqe, file->fd, IORING_FSYNC_DATASYNC);
}

static void flush_done(struct uring_op *op, int result)
{
	struct file *file = (struct file *)((char *)op - offsetof(struct file, flush));
	struct transfer *next, *transfer = file->flushed;

	if (result == -EINTR || result == -EAGAIN) {
		uring_start(file->uring, op);
		return;
	}
	/* The last one to finish may be the last use of the file. */
	file->flushing = false;
	start_flush(file);
	for (; transfer; transfer = next) {
		next = transfer->next;
		finish(transfer, result < 0 ? -result : 0);
	}
}

static void join_flush(struct transfer *transfer)
{
	struct file *file = transfer->file;

	transfer->next = NULL;
	*file->waiting.last = transfer;
	file->waiting.last = &transfer->next;
	start_flush(file);
}

/* All is written, freed or zeroed. */
static void finish_change(struct transfer *transfer)
{
	if (transfer->io->durable)
		join_flush(transfer);
	else
		finish(transfer, 0);
}

/* Whether the operation was started once more. */
static bool retried(struct transfer *transfer, int result)
{
	if ((result != -EINTR && result != -EAGAIN) || transfer->tries++ >= TRIES)
		return false;
	uring_start(transfer->file->uring, &transfer->op);
	return true;
}

/* ---- READ and WRITE ---- */

static size_t copy(struct iovec *iov, int count, uint8_t *buffer, bool to_buffer)
{
	size_t done = 0;

	for (int i = 0; i < count; i++) {
		if (to_buffer)
			memcpy(buffer + done, iov[i].iov_base, iov[i].iov_len);
		else
			memcpy(iov[i].iov_base, buffer + done, iov[i].iov_len);
		done += iov[i].iov_len;
	}
	return done;
}

static void prepare_data(struct uring_op *op, struct io_uring_sqe *sqe)
{
	struct transfer *t = transfer_of(op);
	uint64_t offset = t->io->offset + t->done;

	if (t->io->op == BACKEND_READ)
		io_uring_prep_readv(sqe, t->file->fd, t->iov, (unsigned int)t->iov_count, offset);
	else
		io_uring_prep_writev(sqe, t->file->fd, t->iov, (unsigned int)t->iov_count, offset);
}

static void advance(struct transfer *transfer, size_t bytes)
{
	while (bytes && bytes >= transfer->iov->iov_len) {
		bytes -= transfer->iov->iov_len;
		transfer->iov++;
		transfer->iov_count--;
	}
	if (bytes) {
		transfer->iov->iov_base = (uint8_t *)transfer->iov->iov_base + bytes;
		transfer->iov->iov_len -= bytes;
	}
}

static void start_data(struct transfer *transfer);

/* Whether O_DIRECT does not like the guest's memory, and the operation was started anew. */
static bool refused_memory(struct transfer *transfer, int result)
{
	struct file *file = transfer->file;

	if (result != -EINVAL || !file->direct || transfer->buffer || transfer->done)
		return false;
	file->picky = true;
	start_data(transfer);
	return true;
}

static void data_done(struct uring_op *op, int result)
{
	struct transfer *transfer = transfer_of(op);
	struct backend_io *io = transfer->io;

	if (retried(transfer, result) || refused_memory(transfer, result))
		return;
	if (result <= 0) { /* 0: behind the end of a file that was cut */
		finish(transfer, result ? -result : EIO);
		return;
	}
	transfer->done += (unsigned int)result;
	transfer->tries = 0;
	if (transfer->done < io->length) {
		advance(transfer, (unsigned int)result);
		uring_start(transfer->file->uring, op);
		return;
	}
	if (io->op == BACKEND_WRITE) {
		finish_change(transfer);
		return;
	}
	if (transfer->buffer)
		copy(io->iov, io->iov_count, transfer->buffer, false);
	finish(transfer, 0);
}

static void start_buffered(struct bounce_wait *wait, void *buffer)
{
	struct transfer *transfer =
		(struct transfer *)((char *)wait - offsetof(struct transfer, wait));
	struct backend_io *io = transfer->io;

	if (!buffer) {
		finish(transfer, ENOMEM);
		return;
	}
	transfer->buffer = buffer;
	transfer->one = (struct iovec){ .iov_base = buffer, .iov_len = io->length };
	transfer->iov = &transfer->one;
	transfer->iov_count = 1;
	if (io->op == BACKEND_WRITE)
		copy(io->iov, io->iov_count, buffer, true);
	uring_start(transfer->file->uring, &transfer->op);
}

/* Whether the kernel can do with the memory as it is. */
static bool is_suitable(const struct file *file, const struct backend_io *io)
{
	if (!file->direct)
		return true;
	if (!io->pinnable || file->picky)
		return false;
	for (int i = 0; i < io->iov_count; i++) {
		if (((uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len) & (file->block - 1))
			return false;
	}
	return true;
}

static void start_data(struct transfer *transfer)
{
	struct backend_io *io = transfer->io;

	transfer->op.prepare = prepare_data;
	transfer->op.done = data_done;
	if (is_suitable(transfer->file, io)) {
		transfer->iov = io->iov;
		transfer->iov_count = io->iov_count;
		uring_start(transfer->file->uring, &transfer->op);
		return;
	}
	transfer->wait.size = io->length;
	transfer->wait.ready = start_buffered;
	bounce_get(transfer->file->bounce, &transfer->wait);
}

/* A refusal. Whether it is given up with this one. */
static bool give_up(struct ability *ability)
{
	if (ability->works || ability->never || ++ability->refusals < REFUSALS)
		return false;
	ability->never = true;
	return true;
}

/* ---- DISCARD ---- */

static bool is_unsupported(int result)
{
	return result == -EOPNOTSUPP || result == -ENOSYS || result == -ENOTTY;
}

static void prepare_discard(struct uring_op *op, struct io_uring_sqe *sqe)
{
	struct transfer *transfer = transfer_of(op);
	struct backend_io *io = transfer->io;

	if (transfer->file->device)
		io_uring_prep_cmd_discard(sqe, transfer->file->fd, io->offset, io->length);
	else
		io_uring_prep_fallocate(sqe, transfer->file->fd,
					FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, io->offset,
					io->length);
}

/* It is a hint: what cannot be freed is left. EINVAL: not by the device's own blocks. */
static void discard_done(struct uring_op *op, int result)
{
	struct transfer *transfer = transfer_of(op);
	struct file *file = transfer->file;

	if (retried(transfer, result))
		return;
	if (result >= 0) {
		file->discard.works = true;
		finish_change(transfer);
		return;
	}
	if (is_unsupported(result) && give_up(&file->discard) && file->backend.no_discard)
		file->backend.no_discard(file->backend.context, -result);
	finish(transfer, is_unsupported(result) || result == -EINVAL ? 0 : -result);
}

static void start_discard(struct transfer *transfer)
{
	if (transfer->file->discard.never) {
		finish(transfer, 0);
		return;
	}
	transfer->op.prepare = prepare_discard;
	transfer->op.done = discard_done;
	uring_start(transfer->file->uring, &transfer->op);
}

/* ---- ZERO ---- */

static void choose_zero_way(struct transfer *transfer)
{
	if (transfer->way == ZERO_FREE && (!transfer->io->may_free || transfer->file->free.never))
		transfer->way = ZERO_RANGE;
	if (transfer->way == ZERO_RANGE && transfer->file->range.never)
		transfer->way = ZERO_WRITE;
}

static void prepare_zero(struct uring_op *op, struct io_uring_sqe *sqe)
{
	struct transfer *transfer = transfer_of(op);
	struct backend_io *io = transfer->io;
	uint64_t left = io->length - transfer->done;
	int mode = FALLOC_FL_KEEP_SIZE;

	if (transfer->way == ZERO_WRITE) {
		io_uring_prep_write(sqe, transfer->file->fd, zeros,
				    (unsigned int)(left < ZEROS ? left : ZEROS),
				    io->offset + transfer->done);
		return;
	}
	mode |= transfer->way == ZERO_FREE ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	io_uring_prep_fallocate(sqe, transfer->file->fd, mode, io->offset, io->length);
}

static void next_zero_way(struct transfer *transfer, int result)
{
	struct file *file = transfer->file;

	if (is_unsupported(result))
		give_up(transfer->way == ZERO_FREE ? &file->free : &file->range);
	transfer->way++;
	choose_zero_way(transfer);
	uring_start(file->uring, &transfer->op);
}

static void zero_done(struct uring_op *op, int result)
{
	struct transfer *transfer = transfer_of(op);
	bool wrote = transfer->way == ZERO_WRITE;

	if (retried(transfer, result))
		return;
	if (!wrote && (is_unsupported(result) || result == -EINVAL)) {
		next_zero_way(transfer, result);
		return;
	}
	if (result < 0 || (wrote && !result)) {
		finish(transfer, result ? -result : EIO);
		return;
	}
	if (transfer->way == ZERO_FREE)
		transfer->file->free.works = true;
	else if (transfer->way == ZERO_RANGE)
		transfer->file->range.works = true;
	transfer->tries = 0;
	transfer->done += wrote ? (unsigned int)result : transfer->io->length;
	if (transfer->done < transfer->io->length)
		uring_start(transfer->file->uring, op);
	else
		finish_change(transfer);
}

static void start_zero(struct transfer *transfer)
{
	transfer->way = ZERO_FREE;
	choose_zero_way(transfer);
	transfer->op.prepare = prepare_zero;
	transfer->op.done = zero_done;
	uring_start(transfer->file->uring, &transfer->op);
}

/* ---- The backend ---- */

static void file_start(struct backend *backend, struct backend_io *io)
{
	struct file *file = file_of(backend);
	struct transfer *transfer;

	if (file->direct && io->length > BOUNCE_MAX && io->op <= BACKEND_WRITE) {
		io->done(io, EINVAL);
		return;
	}
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer) {
		io->done(io, ENOMEM);
		return;
	}
	transfer->file = file;
	transfer->io = io;
	switch (io->op) {
	case BACKEND_READ:
	case BACKEND_WRITE:
		start_data(transfer);
		break;
	case BACKEND_FLUSH:
		join_flush(transfer);
		break;
	case BACKEND_DISCARD:
		start_discard(transfer);
		break;
	case BACKEND_ZERO:
		start_zero(transfer);
		break;
	}
}

static int size_of(int fd, uint64_t *bytes, bool *device)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return errno;
	*device = S_ISBLK(stat.st_mode);
	if (*device)
		return ioctl(fd, BLKGETSIZE64, bytes) < 0 ? errno : 0;
	if (!S_ISREG(stat.st_mode))
		return EMEDIUMTYPE;
	*bytes = (uint64_t)stat.st_size;
	return 0;
}

static int file_size(struct backend *backend, uint64_t *bytes)
{
	bool device;

	return size_of(file_of(backend)->fd, bytes, &device);
}

static void file_free(struct backend *backend)
{
	close(file_of(backend)->fd);
	free(file_of(backend));
}

static const struct backend_ops file_ops = {
	.start = file_start,
	.size = file_size,
	.free = file_free,
};

/* ---- Making one ---- */

/* Reads a block as the guest will: what O_DIRECT refuses, it refuses here. */
static int try_direct(int fd, uint32_t block, const char **why)
{
	void *buffer = aligned_alloc(PAGE, PAGE);
	ssize_t got;
	int error;

	if (!buffer)
		return ENOMEM;
	got = pread(fd, buffer, block, 0);
	error = got < 0 ? errno : 0;
	free(buffer);
	if (error != EINVAL)
		return error;
	*why = "the file's storage takes only larger blocks without a cache";
	return ENOTSUP;
}

static int set_flags(const struct file_options *options, const char **why)
{
	int flags = fcntl(options->fd, F_GETFL);

	if (flags < 0 || fcntl(options->fd, F_SETFD, FD_CLOEXEC) < 0)
		return errno;
	if ((flags & O_ACCMODE) == O_WRONLY ||
	    ((flags & O_ACCMODE) == O_RDONLY && !options->read_only)) {
		*why = "the file is not open for what the disk needs";
		return EACCES;
	}
	/* With O_APPEND each write would go to the end. */
	flags &= ~(O_APPEND | O_DIRECT);
	if (options->direct)
		flags |= O_DIRECT;
	if (fcntl(options->fd, F_SETFL, flags) < 0) {
		*why = "the file cannot do without a cache";
		return errno == EINVAL ? ENOTSUP : errno;
	}
	return options->direct ? try_direct(options->fd, options->block, why) : 0;
}

static int check(const struct file_options *options, bool *device, const char **why)
{
	uint64_t bytes = 0;
	int error = size_of(options->fd, &bytes, device);

	*why = NULL;
	if (!error && bytes < options->block)
		error = EMEDIUMTYPE;
	if (error == EMEDIUMTYPE)
		*why = "it is neither a file nor a block device, or it is empty";
	return error ? error : set_flags(options, why);
}

struct backend *file_new(const struct file_options *options, const char **why)
{
	struct file *file;
	bool device = false;
	int error = check(options, &device, why);

	if (error) {
		errno = error;
		return NULL;
	}
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->backend.ops = &file_ops;
	file->backend.discard_zeroes = !device;
	file->fd = options->fd;
	file->device = device;
	file->direct = options->direct;
	file->block = options->block;
	file->uring = options->uring;
	file->bounce = options->bounce;
	file->flush = (struct uring_op){ .prepare = prepare_flush, .done = flush_done };
	list_init(&file->waiting);
	return &file->backend;
}
