/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks in real files through the kernel's io_uring: a random walk beside a model, with
 * many commands under way, in each cache mode; what full, cut and sealed files give; the
 * pool of buffers.
 *
 * unit-storage-file FILE... walks on these instead (their content is lost): block devices,
 * files of FUSE.
 */
#include "check.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "bounce.h"
#include "command.h"
#include "file.h"
#include "lock.h"
#include "storage-short.h"
#include "uring.h"

#define SIZE (16u << 20)
#define SLOTS 64u
#define DATA_MAX (1u << 20)

static struct event_base *base;
static struct uring *uring;
static struct bounce *bounce;
static struct disk *disk;
static struct storage_event last_event;
static unsigned int events;
static uint8_t *model;

/* A command under way, and what it uses of the disk. */
static struct slot {
	struct scsi_command command;
	bool busy;
	uint64_t lba, count; /* nobody else's */
	uint8_t *room; /* DATA_MAX bytes */
	uint8_t *data; /* at the end of room */
	struct iovec iov[2];
} slots[SLOTS];
static unsigned int busy, failed;

static void on_event(void *context, const struct storage_event *event)
{
	(void)context;
	last_event = *event;
	events++;
}

/* ---- One disk ---- */

static int temporary(uint64_t size)
{
	char path[] = "/tmp/storage-XXXXXX";
	int fd = mkstemp(path);

	REQUIRE(fd >= 0 && !ftruncate(fd, (off_t)size));
	unlink(path);
	return fd;
}

static int try_open_disk(int fd, const struct storage_disk_options *options, const char **why)
{
	struct file_options file = { .fd = fd,
				     .read_only = options->read_only,
				     .direct = options->cache == STORAGE_UNCACHED,
				     .uring = uring,
				     .bounce = bounce };
	struct backend *backend;
	uint32_t physical;

	REQUIRE(disk_check(options, &file.block, &physical, why));
	backend = file_new(&file, why);
	if (!backend)
		return errno;
	disk = disk_new(backend, 0, options, why);
	REQUIRE(disk);
	disk->event = on_event;
	events = 0;
	return 0;
}

static void open_disk(int fd, const struct storage_disk_options *options)
{
	const char *why = NULL;
	int error = try_open_disk(fd, options, &why);

	CHECK_INT(error, 0);
	if (error)
		fprintf(stderr, "%s\n", why ? why : strerror(error));
	REQUIRE(!error);
}

static void close_disk(void)
{
	CHECK_EQ(disk->users, 1);
	disk_put(disk);
	disk = NULL;
}

/* ---- The walk ---- */

static void fill(uint8_t *at, size_t size)
{
	uint64_t value = check_rand();

	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (i % 8 * 8)) ^ (uint8_t)(i >> 8);
}

static uint8_t *at_model(const struct slot *slot)
{
	return model + slot->lba * disk->block;
}

static void ended(struct scsi_command *command)
{
	struct slot *slot = (struct slot *)command;
	uint64_t bytes = slot->count * disk->block;

	if (!CHECK_EQ(command->status, SCSI_GOOD))
		failed++;
	switch (command->cdb[0]) {
	case SCSI_READ_16:
		CHECK_MEM(slot->data, at_model(slot), bytes);
		break;
	case SCSI_WRITE_16:
		memcpy(at_model(slot), slot->data, bytes);
		break;
	case SCSI_UNMAP:
		if (disk->backend->discard_zeroes && !events)
			memset(at_model(slot), 0, bytes);
		break;
	case SCSI_WRITE_SAME_16:
		for (uint64_t i = 0; i < slot->count; i++)
			memcpy(at_model(slot) + i * disk->block, slot->data, disk->block);
		break;
	default:
		break;
	}
	slot->busy = false;
	busy--;
}

/* A range that no other command uses. */
static bool find_range(struct slot *slot, uint64_t max)
{
	slot->count = 1 + check_below(check_below(4) ? 16 : max);
	slot->lba = check_below(disk->blocks - slot->count + 1);
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (slots[i].busy && slots[i].lba < slot->lba + slot->count &&
		    slot->lba < slots[i].lba + slots[i].count)
			return false;
	}
	return true;
}

static void run(struct slot *slot, uint32_t size, enum scsi_direction direction)
{
	struct scsi_command *command = &slot->command;
	uint32_t first = size ? (uint32_t)check_below(size) : 0;

	/* As the kernel takes it without a copy, or not. */
	command->io.pinnable = check_below(4);
	if (check_below(2))
		first &= ~(disk->block - 1);
	slot->iov[0] = (struct iovec){ .iov_base = slot->data, .iov_len = first };
	slot->iov[1] = (struct iovec){ .iov_base = slot->data + first, .iov_len = size - first };
	command->disk = disk;
	command->iov = first ? slot->iov : slot->iov + 1;
	command->iov_count = !size ? 0 : first ? 2 : 1;
	command->size = size;
	command->direction = direction;
	command->cdb_size = 16;
	command->done = ended;
	slot->busy = true;
	busy++;
	target_start(command);
}

static void start_unmap(struct slot *slot)
{
	scsi_put16(&slot->command.cdb[7], 24);
	scsi_put16(slot->data, 22);
	scsi_put16(slot->data + 2, 16);
	scsi_put64(slot->data + 8, slot->lba);
	scsi_put32(slot->data + 16, (uint32_t)slot->count);
	run(slot, 24, SCSI_DATA_OUT);
}

static void start_same(struct slot *slot)
{
	if (check_below(3))
		memset(slot->data, 0, disk->block);
	slot->command.cdb[1] = check_below(2) ? 0x08 : 0;
	run(slot, disk->block, SCSI_DATA_OUT);
}

/* Whether a command was started. */
static bool step(struct slot *slot)
{
	static const uint8_t opcodes[] = { SCSI_READ_16,  SCSI_READ_16, SCSI_WRITE_16,
					   SCSI_WRITE_16, SCSI_UNMAP,	SCSI_WRITE_SAME_16 };
	static uint8_t attention[STORAGE_LUNS];
	static uint32_t scratch;
	uint8_t opcode = opcodes[check_below(sizeof(opcodes))];
	uint32_t bytes;

	if (opcode == SCSI_UNMAP && !disk->discard)
		opcode = SCSI_WRITE_16;
	if (slot->busy || !find_range(slot, DATA_MAX / disk->block))
		return false;
	memset(&slot->command, 0, sizeof(slot->command));
	slot->command.attention = attention;
	slot->command.scratch = &scratch;
	slot->command.cdb[0] = opcode;
	scsi_put64(&slot->command.cdb[2], slot->lba);
	scsi_put32(&slot->command.cdb[10], (uint32_t)slot->count);
	bytes = (uint32_t)slot->count * disk->block;
	slot->data = slot->room + (DATA_MAX - bytes);
	fill(slot->data, bytes);
	if (!check_below(10)) {
		slot->command.cdb[0] = SCSI_SYNCHRONIZE_CACHE_16;
		run(slot, 0, SCSI_DATA_EITHER);
	} else if (opcode == SCSI_UNMAP) {
		memset(&slot->command.cdb[1], 0, 15);
		start_unmap(slot);
	} else if (opcode == SCSI_WRITE_SAME_16) {
		start_same(slot);
	} else {
		slot->command.cdb[1] = check_below(16) ? 0 : 0x08; /* FUA */
		run(slot, bytes, opcode == SCSI_READ_16 ? SCSI_DATA_IN : SCSI_DATA_OUT);
	}
	return true;
}

static void settle(void)
{
	while (busy)
		event_base_loop(base, EVLOOP_ONCE);
}

/* Reads the file past the disk. */
static void compare(int fd)
{
	uint64_t size = disk->blocks * disk->block, done = 0;
	uint8_t *bytes = aligned_alloc(4096, DATA_MAX);

	REQUIRE(bytes);
	while (done < size) {
		ssize_t got = pread(fd, bytes, size - done < DATA_MAX ? size - done : DATA_MAX,
				    (off_t)done);

		REQUIRE(got > 0);
		CHECK_MEM(bytes, model + done, (size_t)got);
		done += (uint64_t)got;
	}
	free(bytes);
}

static void walk(int fd, const struct storage_disk_options *options, unsigned int steps)
{
	unsigned int at_once = 0;
	uint64_t size;

	open_disk(fd, options);
	size = disk->blocks * disk->block;
	model = calloc(1, size);
	REQUIRE(model);
	failed = 0;
	for (unsigned int started = 0; started < steps && !failed;) {
		struct slot *slot = &slots[check_below(SLOTS)];

		if (!check_below(16)) /* a multiple of the block for O_DIRECT */
			storage_short = check_below(2) ?
						0 :
					options->cache == STORAGE_UNCACHED ?
						4096u * (1 + (unsigned int)check_below(9)) :
						1 + (unsigned int)check_below(20000);
		started += step(slot);
		at_once = busy > at_once ? busy : at_once;
		if (!check_below(8) || busy == SLOTS)
			event_base_loop(base,
					busy && check_below(2) ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
	}
	settle();
	storage_short = 0;
	CHECK(at_once > 8);
	compare(fd);
	free(model);
	close_disk();
}

static void test_walk(void)
{
	check_seed(0x57096);
	for (unsigned int cache = 0; cache < 3; cache++) {
		struct storage_disk_options options = { .cache = (enum storage_cache)cache,
							.discard = true,
							.logical_block = cache ? 512 : 4096 };
		int fd = temporary(SIZE + 100);

		CHECK_NOTE("cache %u", cache);
		walk(fd, &options, cache == 2 ? 1000 : 2000);
	}
	CHECK_NOTE("%s", "");
}

/* A file system in memory: no ZERO_RANGE, other limits to O_DIRECT. */
static void test_walk_memory(void)
{
	struct storage_disk_options options = { .cache = STORAGE_WRITEBACK, .discard = true };
	int fd = memfd_create("disk", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && !ftruncate(fd, SIZE));
	walk(fd, &options, 1500);
}

/* ---- One command ---- */

static bool is_over;

static void over(struct scsi_command *command)
{
	(void)command;
	is_over = true;
}

/* Blocks from lba on; 0: it went well. The data are of bytes 0x5a. */
static uint32_t sense_of(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t count)
{
	static uint8_t data[65536], attention[STORAGE_LUNS];
	static uint32_t scratch;
	bool is_flush = opcode == SCSI_SYNCHRONIZE_CACHE_16;
	struct iovec iov = { .iov_base = data, .iov_len = (size_t)count * disk->block };
	struct scsi_command command = {
		.disk = disk,
		.attention = attention,
		.scratch = &scratch,
		.cdb = { opcode, flags },
		.cdb_size = 16,
		.iov = &iov,
		.iov_count = !is_flush,
		.size = is_flush ? 0 : (uint32_t)iov.iov_len,
		.direction = opcode == SCSI_READ_16 ? SCSI_DATA_IN : SCSI_DATA_OUT,
		.done = over,
	};

	REQUIRE(iov.iov_len <= sizeof(data));
	memset(data, 0x5a, sizeof(data));
	scsi_put64(&command.cdb[2], lba);
	scsi_put32(&command.cdb[10], count);
	is_over = false;
	target_start(&command);
	while (!is_over)
		event_base_loop(base, EVLOOP_ONCE);
	if (command.status == SCSI_GOOD)
		return 0;
	return (uint32_t)command.sense[2] << 16 | scsi_get16(&command.sense[12]);
}

static const struct storage_disk_options plain = { .cache = STORAGE_WRITEBACK, .discard = true };

/* More at once than the ring takes: the rest waits. */
static void test_many(void)
{
	int fd = temporary(SIZE);

	open_disk(fd, &plain);
	model = calloc(1, SIZE);
	REQUIRE(model);
	for (unsigned int i = 0; i < SLOTS; i++) {
		static uint8_t attention[STORAGE_LUNS];
		struct slot *slot = &slots[i];

		memset(&slot->command, 0, sizeof(slot->command));
		slot->lba = i;
		slot->count = 1;
		slot->command.attention = attention;
		slot->command.cdb[0] = SCSI_WRITE_16;
		slot->command.cdb[9] = (uint8_t)i;
		slot->command.cdb[13] = 1;
		slot->data = slot->room + (DATA_MAX - 512);
		fill(slot->data, 512);
		run(slot, 512, SCSI_DATA_OUT);
	}
	CHECK_EQ(busy, SLOTS);
	settle();
	compare(fd);
	free(model);
	close_disk();
}

static void flush_over(struct backend_io *io, int error)
{
	(void)io;
	busy--;
	failed += error != 0;
}

/* Flushes that wait for one share the next; where one fails all that it was for do. */
static void share_flushes(struct backend_io *ios, unsigned int count)
{
	busy = count;
	failed = 0;
	for (unsigned int i = 0; i < count; i++) {
		ios[i] = (struct backend_io){ .op = BACKEND_FLUSH, .done = flush_over };
		disk->backend->ops->start(disk->backend, &ios[i]);
	}
	settle();
}

static void test_flush(void)
{
	static const struct storage_disk_options through = { .cache = STORAGE_WRITETHROUGH };
	static const struct storage_disk_options uncached = { .logical_block = 4096 };
	struct backend_io ios[10];

	open_disk(temporary(1 << 20), &plain);
	storage_flushes = 0;
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 8), 0);
	CHECK_EQ(storage_flushes, 0);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0x08, 0, 8), 0);
	CHECK_EQ(storage_flushes, 1);
	CHECK_EQ(sense_of(SCSI_SYNCHRONIZE_CACHE_16, 0, 0, 0), 0);
	CHECK_EQ(storage_flushes, 2);
	share_flushes(ios, 10);
	CHECK_EQ(failed, 0);
	CHECK_EQ(storage_flushes, 4);
	storage_flush_fails = true;
	share_flushes(ios, 10);
	CHECK_EQ(failed, 10);
	CHECK_EQ(sense_of(SCSI_SYNCHRONIZE_CACHE_16, 0, 0, 0), SENSE_TARGET_FAILURE);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_FLUSH_ERROR);
	CHECK_INT(last_event.error, EBADF);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0x08, 0, 8), SENSE_TARGET_FAILURE);
	storage_flush_fails = false;
	close_disk();

	storage_flushes = 0;
	open_disk(temporary(1 << 20), &through);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 8), 0);
	CHECK_EQ(storage_flushes, 1);
	CHECK_EQ(sense_of(SCSI_WRITE_SAME_16, 0x01, 0, 8), 0);
	CHECK_EQ(storage_flushes, 2);
	CHECK_EQ(sense_of(SCSI_READ_16, 0, 0, 8), 0);
	CHECK_EQ(storage_flushes, 2);
	close_disk();

	open_disk(temporary(1 << 20), &uncached);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 8), 0);
	CHECK_EQ(storage_flushes, 2);
	CHECK_EQ(sense_of(SCSI_SYNCHRONIZE_CACHE_16, 0, 0, 0), 0);
	CHECK_EQ(storage_flushes, 3);
	close_disk();
}

static int io_error;

static void io_over(struct backend_io *io, int error)
{
	(void)io;
	io_error = error;
	is_over = true;
}

/* An operation on the first pages, by itself. */
static int do_io(enum backend_op op, uint64_t length)
{
	struct backend_io io = { .op = op, .may_free = true, .length = length, .done = io_over };

	is_over = false;
	disk->backend->ops->start(disk->backend, &io);
	while (!is_over)
		event_base_loop(base, EVLOOP_ONCE);
	return io_error;
}

/* A file that refuses to free: success all the same, and some time an event. */
static void test_no_discard(void)
{
	int fd = temporary(1 << 20);
	uint8_t byte = 0;

	open_disk(fd, &plain);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 16), 0);
	storage_no_fallocate = true;
	for (unsigned int i = 0; i < 15; i++)
		CHECK_INT(do_io(BACKEND_DISCARD, 4096), 0);
	CHECK_EQ(events, 0);
	CHECK_INT(do_io(BACKEND_DISCARD, 4096), 0);
	CHECK_EQ(events, 1);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_NO_DISCARD);
	CHECK_INT(last_event.error, EOPNOTSUPP);
	storage_no_fallocate = false;
	CHECK_INT(do_io(BACKEND_DISCARD, 4096), 0); /* it is not asked any more */
	CHECK(pread(fd, &byte, 1, 0) == 1 && byte == 0x5a);
	close_disk();

	/* One that has done it once is asked for ever. Zeros are written. */
	fd = temporary(1 << 20);
	open_disk(fd, &plain);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 16), 0);
	CHECK_INT(do_io(BACKEND_DISCARD, 4096), 0);
	CHECK(pread(fd, &byte, 1, 0) == 1 && byte == 0);
	storage_no_fallocate = true;
	for (unsigned int i = 0; i < 40; i++)
		CHECK_INT(do_io(BACKEND_DISCARD, 8192), 0);
	CHECK_EQ(events, 0);
	CHECK(pread(fd, &byte, 1, 8191) == 1 && byte == 0x5a);
	CHECK_INT(do_io(BACKEND_ZERO, 8192), 0);
	CHECK(pread(fd, &byte, 1, 8191) == 1 && byte == 0);
	storage_no_fallocate = false;
	close_disk();
}

/* The file is cut behind the disk's back; it grows again and the disk with it. */
static void test_cut(void)
{
	int fd = temporary(1 << 20);

	open_disk(fd, &plain);
	CHECK_EQ(sense_of(SCSI_READ_16, 0, 2040, 8), 0);
	REQUIRE(!ftruncate(fd, 1046528));
	CHECK_EQ(sense_of(SCSI_READ_16, 0, 2040, 4), 0);
	CHECK_EQ(sense_of(SCSI_READ_16, 0, 2040, 8), SENSE_READ_ERROR);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_READ_ERROR);
	CHECK_INT(last_event.error, EIO);
	REQUIRE(!ftruncate(fd, 2 << 20));
	CHECK_INT(disk_resize(disk), 0);
	CHECK_EQ(disk->blocks, 4096);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 4090, 6), 0);
	CHECK_EQ(sense_of(SCSI_READ_16, 0, 4090, 7), SENSE_LBA_OUT_OF_RANGE);
	REQUIRE(!ftruncate(fd, 0));
	CHECK_INT(disk_resize(disk), EMEDIUMTYPE);
	CHECK_EQ(disk->blocks, 4096);
	close_disk();
}

/* A file that may not be written any more. */
static void test_sealed(void)
{
	int fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	REQUIRE(fd >= 0 && !ftruncate(fd, 1 << 20));
	REQUIRE(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	open_disk(fd, &plain);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 8), SENSE_WRITE_PROTECTED);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_WRITE_ERROR);
	CHECK_EQ(sense_of(SCSI_READ_16, 0, 0, 8), 0);
	close_disk();
}

/* A sparse file on a file system that is full: in namespaces of our own. */
static void test_full(void)
{
	char path[] = "/tmp/storage-XXXXXX", file[64];
	int fd;

	REQUIRE(mkdtemp(path));
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", path, "tmpfs", 0, "size=256k")) {
		printf("no mount here: a full file system is not tested\n");
		rmdir(path);
		return;
	}
	snprintf(file, sizeof(file), "%s/disk", path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0 && !ftruncate(fd, 1 << 20));
	open_disk(fd, &plain);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 128), 0);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 128, 128), 0);
	for (uint32_t lba = 256; lba < 512; lba += 128)
		sense_of(SCSI_WRITE_16, 0, lba, 128);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 1024, 128), SENSE_NO_SPACE);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_NO_SPACE);
	CHECK_EQ(sense_of(SCSI_SYNCHRONIZE_CACHE_16, 0, 0, 0), 0);
	CHECK_EQ(sense_of(SCSI_WRITE_SAME_16, 0x09, 0, 128), 0); /* frees: there is room again */
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 1024, 64), 0);
	close_disk();
	umount2(path, MNT_DETACH);
	rmdir(path);
}

static void test_refused(void)
{
	struct storage_disk_options options = { .cache = STORAGE_WRITEBACK };
	const char *why = NULL;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK_INT(try_open_disk(fd, &options, &why), EMEDIUMTYPE);
	CHECK(why);
	close(fd);
	/* With O_APPEND each write would go to the end: it is taken away. */
	fd = temporary(1 << 20);
	REQUIRE(!fcntl(fd, F_SETFL, O_APPEND));
	open_disk(fd, &options);
	CHECK_EQ(sense_of(SCSI_WRITE_16, 0, 0, 8), 0);
	CHECK_INT(disk_resize(disk), 0);
	CHECK_EQ(disk->blocks, 2048);
	close_disk();
}

/* ---- The pool ---- */

static struct waiter {
	struct bounce_wait wait;
	void *buffer;
	unsigned int at; /* 0: waits */
} waiters[200];
static unsigned int served;

static void got(struct bounce_wait *wait, void *buffer)
{
	struct waiter *waiter = (struct waiter *)wait;

	waiter->buffer = buffer;
	waiter->at = ++served;
}

static unsigned int waited;

static void on_waiting(void *context)
{
	*(unsigned int *)context += 1;
}

/* How long it is waited for a lock, and that it is the open file's. */
static void test_lock(void)
{
	int fd = temporary(4096), other, third;
	char path[64];
	struct timespec now;
	uint64_t until;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	third = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(other >= 0 && third >= 0);
	CHECK_INT(lock_file(fd, false, 0, NULL, NULL), 0);
	CHECK_INT(lock_file(fd, false, 0, NULL, NULL), 0);
	CHECK_INT(lock_file(other, false, 0, on_waiting, &waited), EBUSY);
	CHECK_INT(lock_file(third, true, 0, on_waiting, &waited), EBUSY);
	CHECK_EQ(waited, 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	until = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 200) * 1000000;
	CHECK_INT(lock_file(other, false, until, on_waiting, &waited), EBUSY);
	CHECK_EQ(waited, 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	CHECK((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= until);
	/* All of a file that has become longer. */
	REQUIRE(ftruncate(fd, 1 << 20) == 0);
	CHECK_INT(lock_file(other, false, 0, NULL, NULL), EBUSY);
	close(fd);
	CHECK_INT(lock_file(third, true, 0, NULL, NULL), 0);
	CHECK_INT(lock_file(other, true, 0, NULL, NULL), 0);
	CHECK_INT(lock_file(other, false, 0, NULL, NULL), EBUSY);
	CHECK_INT(lock_file(third, false, 0, NULL, NULL), EBADF);
	close(other);
	close(third);
}

static void test_bounce(void)
{
	struct bounce *pool = bounce_new(4ul * BOUNCE_MAX);
	unsigned int next = 0;

	REQUIRE(pool);
	for (unsigned int i = 0; i < 200; i++) {
		waiters[i].wait.size = 1 + check_below(check_below(2) ? BOUNCE_MAX : 30000);
		waiters[i].wait.ready = got;
		bounce_get(pool, &waiters[i].wait);
	}
	CHECK(served >= 4 && served < 200);
	/* In order, each with room to its end. */
	while (next < 200) {
		struct waiter *waiter = &waiters[next++];

		REQUIRE(waiter->at == next && waiter->buffer);
		CHECK_EQ((uintptr_t)waiter->buffer % 4096, 0);
		memset(waiter->buffer, 0xaa, waiter->wait.size);
		bounce_put(pool, waiter->buffer, waiter->wait.size);
	}
	bounce_free(pool);
}

/* ---- O_DIRECT without a copy ---- */

#define PIECES 1025 /* more than one call of the kernel takes */
static int direct_error;

static void direct_done(struct backend_io *io, int error)
{
	(void)io;
	direct_error = error;
}

/* Whether the read is done though all buffers of the pool are out; then they come back,
 * and it has to be. */
static bool reads_without_buffer(struct iovec *iov, int count, bool pinnable)
{
	struct backend_io io = { .op = BACKEND_READ,
				 .iov = iov,
				 .iov_count = count,
				 .pinnable = pinnable,
				 .done = direct_done };
	static struct waiter all[8];
	bool done;

	for (int i = 0; i < count; i++)
		io.length += iov[i].iov_len;
	for (unsigned int i = 0; i < 8; i++) {
		all[i] = (struct waiter){ .wait = { .size = BOUNCE_MAX, .ready = got } };
		bounce_get(bounce, &all[i].wait);
		REQUIRE(all[i].buffer);
	}
	direct_error = -1;
	disk->backend->ops->start(disk->backend, &io);
	for (int i = 0; i < 100 && direct_error < 0; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	done = !direct_error;
	for (unsigned int i = 0; i < 8; i++)
		bounce_put(bounce, all[i].buffer, BOUNCE_MAX);
	while (direct_error < 0)
		event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT(direct_error, 0);
	return done;
}

static void test_direct(void)
{
	struct storage_disk_options options = { .cache = STORAGE_UNCACHED };
	uint8_t *bytes = aligned_alloc(4096, 1 << 20), *wanted = aligned_alloc(4096, 1 << 20);
	static struct iovec many[PIECES];
	struct iovec whole = { .iov_base = bytes, .iov_len = 65536 };
	struct iovec odd[2] = { { bytes, 100 }, { bytes + 100, 65436 } };
	int fd = temporary(1 << 20);

	REQUIRE(bytes && wanted);
	fill(wanted, 1 << 20);
	REQUIRE(pwrite(fd, wanted, 1 << 20, 0) == 1 << 20);
	open_disk(fd, &options);
	CHECK(reads_without_buffer(&whole, 1, true));
	CHECK_MEM(bytes, wanted, 65536);
	memset(bytes, 0, 65536);
	CHECK(!reads_without_buffer(&whole, 1, false));
	CHECK_MEM(bytes, wanted, 65536);
	memset(bytes, 0, 65536);
	CHECK(!reads_without_buffer(odd, 2, true));
	CHECK_MEM(bytes, wanted, 65536);
	/* What O_DIRECT refuses is read all the same, and from then on nothing is tried. */
	for (unsigned int i = 0; i < PIECES; i++)
		many[i] = (struct iovec){ .iov_base = bytes + 512ul * (PIECES - 1 - i),
					  .iov_len = 512 };
	CHECK(!reads_without_buffer(many, PIECES, true));
	for (unsigned int i = 0; i < PIECES; i++)
		CHECK_MEM(bytes + 512ul * (PIECES - 1 - i), wanted + 512ul * i, 512);
	CHECK(!reads_without_buffer(&whole, 1, true));
	close_disk();
	served = 0;
	free(bytes);
	free(wanted);
}

/* Whether a file frees space is its own; that it does not is no error. */
static void discard_on(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t *bytes = malloc(DATA_MAX);

	REQUIRE(bytes);
	open_disk(fd, &plain);
	CHECK_INT(do_io(BACKEND_DISCARD, DATA_MAX), 0);
	CHECK(pread(fd, bytes, DATA_MAX, 0) == DATA_MAX);
	printf("%s: %s\n", path,
	       bytes[0] || memcmp(bytes, bytes + 1, DATA_MAX - 1) != 0 ? "frees no space" :
									 "frees space");
	free(bytes);
	close_disk();
}

static void walk_on(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CHECK_NOTE("%s", path);
	REQUIRE(fd >= 0);
	for (unsigned int cache = 0; cache < 3; cache++) {
		/* What UNMAP leaves is not known here. */
		struct storage_disk_options options = { .cache = (enum storage_cache)cache };
		uint8_t zeros[4096] = { 0 };
		off_t size = lseek(fd, 0, SEEK_END);
		int copy = open(path, O_RDWR | O_CLOEXEC);

		for (off_t at = 0; at < size; at += 4096)
			REQUIRE(pwrite(copy, zeros, 4096, at) > 0);
		walk(copy, &options, 2000);
	}
	close(fd);
	discard_on(path);
}

int main(int argc, char **argv)
{
	base = event_base_new();
	REQUIRE(base);
	uring = uring_new(base, 32);
	bounce = bounce_new(8u << 20);
	REQUIRE(uring && bounce);
	for (unsigned int i = 0; i < SLOTS; i++) {
		slots[i].room = aligned_alloc(4096, DATA_MAX);
		REQUIRE(slots[i].room);
	}
	if (argc > 1)
		check_seed(0x57097);
	for (int i = 1; i < argc; i++)
		walk_on(argv[i]);
	if (argc == 1) {
		CHECK_RUN(test_walk);
		CHECK_RUN(test_walk_memory);
		CHECK_RUN(test_many);
		CHECK_RUN(test_flush);
		CHECK_RUN(test_no_discard);
		CHECK_RUN(test_cut);
		CHECK_RUN(test_sealed);
		CHECK_RUN(test_refused);
		CHECK_RUN(test_lock);
		CHECK_RUN(test_direct);
		CHECK_RUN(test_bounce);
		CHECK_RUN(test_full);
	}
	for (unsigned int i = 0; i < SLOTS; i++)
		free(slots[i].room);
	uring_free(uring);
	bounce_free(bounce);
	event_base_free(base);
	return check_done();
}
