/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SCSI target on a disk in memory: each command, its sense data, its bounds. Data lie
 * in buffers of their exact size, in pieces.
 */
#include "check.h"

#include <errno.h>

#include "command.h"
#include "storage-fake.h"

#define BLOCKS 2048u

static struct ram *ram;
static struct disk *disk;
static uint8_t attention[STORAGE_LUNS];
static uint64_t luns = 1;
static uint32_t scratch;

/* What the last command gave. */
static struct scsi_command result;
static uint8_t data[1024 * 1024 + 4096];
static bool is_done;

static struct storage_event last_event;
static unsigned int events;

static void on_event(void *context, const struct storage_event *event)
{
	(void)context;
	last_event = *event;
	events++;
}

static void begin_with(const struct storage_disk_options *options, uint64_t blocks)
{
	const char *why;
	uint32_t block = options->logical_block ? options->logical_block : 512;

	ram = ram_new(blocks * block + 100); /* a rest is not seen */
	disk = disk_new(&ram->backend, 0, options, &why);
	REQUIRE(disk);
	disk->event = on_event;
	memset(attention, 0, sizeof(attention));
	memset(data, 0, sizeof(data));
	luns = 1;
	events = 0;
}

static void begin(void)
{
	static const struct storage_disk_options options = { .discard = true, .serial = "S1" };

	begin_with(&options, BLOCKS);
}

static void finish(void)
{
	CHECK_EQ(scratch, 0);
	CHECK_EQ(disk->users, 1);
	disk_put(disk);
}

static void done(struct scsi_command *command)
{
	(void)command;
	is_done = true;
}

/* Cuts `size` bytes in up to three pieces of memory of their own. */
static int cut(struct iovec *iov, uint32_t size)
{
	int count = 0;

	for (; count < 3 && size; count++) {
		uint32_t now = count == 2 ? size : 1 + (uint32_t)check_below(size);

		iov[count].iov_base = malloc(now);
		REQUIRE(iov[count].iov_base);
		iov[count].iov_len = now;
		size -= now;
	}
	return count;
}

static void run_on(struct disk *on, const uint8_t *cdb, uint32_t cdb_size, uint32_t size,
		   enum scsi_direction direction)
{
	struct iovec iov[3] = { 0 }, pieces[3];
	uint8_t *at = data;

	memset(&result, 0, sizeof(result));
	result.disk = on;
	result.luns = luns;
	result.attention = attention;
	result.scratch = &scratch;
	memcpy(result.cdb, cdb, cdb_size);
	result.cdb_size = cdb_size;
	result.direction = direction;
	result.size = size;
	result.iov_count = cut(iov, size);
	result.iov = pieces;
	result.done = done;
	for (int i = 0; i < result.iov_count; at += iov[i++].iov_len) {
		memcpy(iov[i].iov_base, at, iov[i].iov_len);
		pieces[i] = iov[i];
	}
	is_done = false;
	target_start(&result);
	while (!is_done && ram_go(ram, 0))
		continue;
	REQUIRE(is_done);
	at = data;
	for (int i = 0; i < 3; at += iov[i++].iov_len) {
		if (iov[i].iov_len)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		free(iov[i].iov_base);
	}
}

#define RUN(size, direction, ...)                                      \
	do {                                                           \
		static const uint8_t cdb_[] = { __VA_ARGS__ };         \
		run_on(disk, cdb_, sizeof(cdb_), (size), (direction)); \
	} while (0)
#define IN(size, ...) RUN(size, SCSI_DATA_IN, __VA_ARGS__)
#define OUT(size, ...) RUN(size, SCSI_DATA_OUT, __VA_ARGS__)
#define NO(...) RUN(0, SCSI_DATA_EITHER, __VA_ARGS__)

static void check_sense(int line, enum scsi_sense sense)
{
	CHECK_NOTE("line %d", line);
	if (sense == SENSE_NONE) {
		CHECK_EQ(result.status, SCSI_GOOD);
		CHECK_EQ(result.sense[0], 0);
	} else {
		CHECK_EQ(result.status, SCSI_CHECK_CONDITION);
		CHECK_EQ(result.transferred, 0);
		CHECK_EQ(result.sense[0], 0x70);
		CHECK_EQ(result.sense[7], 10);
		CHECK_EQ((uint32_t)result.sense[2] << 16 | scsi_get16(&result.sense[12]), sense);
	}
	CHECK_NOTE("%s", "");
}
#define GOOD() check_sense(__LINE__, SENSE_NONE)
#define FAILS(sense) check_sense(__LINE__, (sense))

/* A command of one of the four lengths for an address and a count. */
static void run_at(uint8_t opcode, uint64_t lba, uint32_t count, uint8_t flags, uint32_t size,
		   enum scsi_direction direction)
{
	static const uint8_t sizes[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };
	uint8_t cdb[16] = { opcode, flags };

	switch (opcode >> 5) {
	case 0:
		cdb[1] = (uint8_t)(lba >> 16);
		scsi_put16(&cdb[2], (uint32_t)lba);
		cdb[4] = (uint8_t)count;
		break;
	case 4:
		scsi_put64(&cdb[2], lba);
		scsi_put32(&cdb[10], count);
		break;
	case 5:
		scsi_put32(&cdb[2], (uint32_t)lba);
		scsi_put32(&cdb[6], count);
		break;
	default:
		scsi_put32(&cdb[2], (uint32_t)lba);
		scsi_put16(&cdb[7], count);
		break;
	}
	run_on(disk, cdb, sizes[opcode >> 5], size, direction);
}

/* ---- What it is ---- */

static void test_inquiry(void)
{
	begin();
	IN(96, SCSI_INQUIRY, 0, 0, 0, 255, 0);
	GOOD();
	CHECK_EQ(result.transferred, 96);
	CHECK_EQ(data[0], 0);
	CHECK_EQ(data[2], 6);
	CHECK_EQ(data[3] & 0xf, 2);
	CHECK_EQ(data[4], 91);
	CHECK_EQ(data[7] & 2, 2);
	CHECK_MEM(data + 8, "Msft    Virtual Disk    ", 24);
	/* Less than there is: by the allocation length, by the buffer. */
	data[36] = 0xee;
	IN(96, SCSI_INQUIRY, 0, 0, 0, 36, 0);
	CHECK_EQ(result.transferred, 36);
	CHECK_EQ(data[4], 91);
	CHECK_EQ(data[36], 0xee);
	IN(5, SCSI_INQUIRY, 0, 0, 0, 255, 0);
	GOOD();
	CHECK_EQ(result.transferred, 5);
	NO(SCSI_INQUIRY, 0, 0, 0, 0, 0);
	GOOD();
	CHECK_EQ(result.transferred, 0);
	IN(96, SCSI_INQUIRY, 0, 0x80, 0, 96, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	IN(96, SCSI_INQUIRY, 1, 0x99, 0, 96, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	OUT(96, SCSI_INQUIRY, 0, 0, 0, 96, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	IN(96, SCSI_INQUIRY, 0, 0, 0, 96);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	finish();
}

static void test_pages(void)
{
	static const uint8_t list[] = { 0, 0, 0, 6, 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };

	begin();
	IN(255, SCSI_INQUIRY, 1, 0, 0, 255, 0);
	CHECK_EQ(result.transferred, sizeof(list));
	CHECK_MEM(data, list, sizeof(list));
	IN(255, SCSI_INQUIRY, 1, 0x80, 0, 255, 0);
	CHECK_MEM(data, "\0\x80\0\2S1", 6);
	CHECK_EQ(result.transferred, 6);
	IN(255, SCSI_INQUIRY, 1, 0x83, 0, 255, 0);
	CHECK_EQ(data[3], 12 + 14);
	CHECK_EQ(result.transferred, 4 + 12 + 14);
	CHECK_MEM(data + 4, "\1\3\0\10", 4);
	CHECK_EQ(data[8] >> 4, 3);
	CHECK_MEM(data + 16, "\2\1\0\12Msft    S1", 14);
	IN(255, SCSI_INQUIRY, 1, 0xb0, 0, 255, 0);
	CHECK_EQ(result.transferred, 64);
	CHECK_EQ(data[4], 1);
	CHECK_EQ(scsi_get16(data + 6), 1);
	CHECK_EQ(scsi_get32(data + 8), 2048);
	CHECK_EQ(scsi_get32(data + 20), UNMAP_BLOCKS_MAX);
	CHECK_EQ(scsi_get32(data + 24), UNMAP_DESCRIPTORS_MAX);
	CHECK_EQ(scsi_get32(data + 28), 8);
	CHECK_EQ(scsi_get32(data + 32), 0x80000000u);
	CHECK_EQ(scsi_get64(data + 36), 131072);
	IN(255, SCSI_INQUIRY, 1, 0xb1, 0, 255, 0);
	CHECK_EQ(result.transferred, 64);
	CHECK_EQ(scsi_get16(data + 4), 1);
	IN(255, SCSI_INQUIRY, 1, 0xb2, 0, 255, 0);
	CHECK_MEM(data, "\0\xb2\0\4\0\xe4\2\0", 8);
	CHECK_EQ(result.transferred, 8);
	finish();
}

/* A disk that is not thin, without a name, read-only, of 4 KiB blocks. */
static void test_pages_plain(void)
{
	static const struct storage_disk_options options = { .read_only = true,
							     .discard = true,
							     .logical_block = 4096 };

	begin_with(&options, 100);
	IN(255, SCSI_INQUIRY, 1, 0, 0, 255, 0);
	CHECK_MEM(data, "\0\0\0\5\0\x83\xb0\xb1\xb2", 9);
	IN(255, SCSI_INQUIRY, 1, 0x80, 0, 255, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	IN(255, SCSI_INQUIRY, 1, 0x83, 0, 255, 0);
	CHECK_EQ(result.transferred, 4);
	IN(255, SCSI_INQUIRY, 1, 0xb0, 0, 255, 0);
	CHECK_EQ(scsi_get32(data + 8), 256);
	CHECK_EQ(scsi_get32(data + 20), 0);
	CHECK_EQ(scsi_get64(data + 36), 0);
	IN(255, SCSI_INQUIRY, 1, 0xb2, 0, 255, 0);
	CHECK_MEM(data, "\0\xb2\0\4\0\0\0\0", 8);
	IN(32, SCSI_SERVICE_ACTION_IN_16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
	CHECK_EQ(scsi_get64(data), 99);
	CHECK_EQ(scsi_get32(data + 8), 4096);
	CHECK_EQ(data[13], 0);
	CHECK_EQ(data[14], 0);
	finish();
}

static void test_names(void)
{
	static const struct storage_disk_options options = {
		.identity = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff },
		.physical_block = 4096,
		.discard = true,
		.discard_granularity = 65536,
	};
	struct storage_disk_options wrong = { .logical_block = 1024 };
	uint32_t block, physical;
	const char *why;

	begin_with(&options, 100);
	IN(255, SCSI_INQUIRY, 1, 0x80, 0, 255, 0);
	CHECK_MEM(data + 4, "0102030405060708090a0b0c0d0e0fff", 32);
	CHECK_EQ(result.transferred, 36);
	IN(255, SCSI_INQUIRY, 1, 0x83, 0, 255, 0);
	CHECK_EQ(result.transferred, 4 + 12 + 12 + 32);
	IN(255, SCSI_INQUIRY, 1, 0xb0, 0, 255, 0);
	CHECK_EQ(scsi_get16(data + 6), 8);
	CHECK_EQ(scsi_get32(data + 28), 128);
	IN(32, SCSI_SERVICE_ACTION_IN_16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
	CHECK_EQ(data[13], 3);
	finish();

	CHECK(!disk_check(&wrong, &block, &physical, &why) && why);
	wrong = (struct storage_disk_options){ .logical_block = 4096, .physical_block = 512 };
	CHECK(!disk_check(&wrong, &block, &physical, &why) && why);
	wrong = (struct storage_disk_options){ .serial = "123456789012345678901234567890123" };
	CHECK(!disk_check(&wrong, &block, &physical, &why) && why);
	wrong = (struct storage_disk_options){ .discard_granularity = 65535 };
	CHECK(!disk_check(&wrong, &block, &physical, &why) && why);
	wrong = (struct storage_disk_options){ .discard_granularity = 2048, .logical_block = 4096 };
	CHECK(!disk_check(&wrong, &block, &physical, &why) && why);
	wrong = (struct storage_disk_options){ .serial = "a\nb" };
	CHECK(!disk_check(&wrong, &block, &physical, &why) && why);
	wrong = (struct storage_disk_options){ .serial = "12345678901234567890123456789012" };
	CHECK(disk_check(&wrong, &block, &physical, &why) && !why);
}

static void test_capacity(void)
{
	begin();
	IN(8, SCSI_READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	CHECK_EQ(result.transferred, 8);
	CHECK_EQ(scsi_get32(data), BLOCKS - 1);
	CHECK_EQ(scsi_get32(data + 4), 512);
	IN(8, SCSI_READ_CAPACITY_10, 0, 0, 0, 0, 1, 0, 0, 0, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	IN(32, SCSI_SERVICE_ACTION_IN_16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
	CHECK_EQ(result.transferred, 32);
	CHECK_EQ(scsi_get64(data), BLOCKS - 1);
	CHECK_EQ(data[13], 0);
	CHECK_EQ(data[14], 0xc0);
	IN(32, SCSI_SERVICE_ACTION_IN_16, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	disk->blocks = 0x100000000ull;
	IN(8, SCSI_READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	CHECK_EQ(scsi_get32(data), 0xffffffffu);
	disk->blocks = 0x100000001ull;
	IN(8, SCSI_READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	CHECK_EQ(scsi_get32(data), 0xffffffffu);
	finish();
}

static void test_mode_sense(void)
{
	begin();
	IN(64, SCSI_MODE_SENSE_6, 0, 0x3f, 0, 64, 0);
	GOOD();
	CHECK_EQ(result.transferred, 4 + 8 + 20 + 12);
	CHECK_EQ(data[0], result.transferred - 1);
	CHECK_EQ(data[2], 0x10);
	CHECK_EQ(data[3], 8);
	CHECK_EQ(scsi_get32(data + 4), BLOCKS);
	CHECK_EQ(scsi_get32(data + 8), 512);
	CHECK_EQ(data[12], 0x08);
	CHECK_EQ(data[13], 0x12);
	CHECK_EQ(data[14], 4);
	CHECK_EQ(data[32], 0x0a);
	CHECK_EQ(data[35], 0x10);
	IN(64, SCSI_MODE_SENSE_6, 8, 0x08, 0, 64, 0); /* no block descriptor */
	CHECK_EQ(result.transferred, 24);
	CHECK_EQ(data[3], 0);
	CHECK_EQ(data[6], 4);
	IN(64, SCSI_MODE_SENSE_6, 8, 0x48, 0, 64, 0); /* what can be changed: nothing */
	CHECK_EQ(data[4], 8);
	CHECK_EQ(data[6], 0);
	IN(64, SCSI_MODE_SENSE_10, 8, 0x0a, 0, 0, 0, 0, 0, 64, 0);
	CHECK_EQ(result.transferred, 20);
	CHECK_EQ(scsi_get16(data), 18);
	CHECK_EQ(data[3], 0x10);
	CHECK_EQ(data[8], 0x0a);
	IN(64, SCSI_MODE_SENSE_6, 0, 0xc8, 0, 64, 0);
	FAILS(SENSE_NO_SAVING);
	IN(64, SCSI_MODE_SENSE_6, 0, 0x1c, 0, 64, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	IN(64, SCSI_MODE_SENSE_10, 8, 0x0a, 5, 0, 0, 0, 0, 64, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	disk->cache = STORAGE_WRITETHROUGH;
	IN(64, SCSI_MODE_SENSE_6, 8, 0x08, 0, 64, 0);
	CHECK_EQ(data[6], 0);
	disk->cache = STORAGE_WRITEBACK;
	IN(64, SCSI_MODE_SENSE_6, 8, 0x08, 0, 64, 0);
	CHECK_EQ(data[6], 4);
	disk->read_only = true;
	IN(64, SCSI_MODE_SENSE_6, 8, 0x08, 0, 64, 0);
	CHECK_EQ(data[2], 0x90);
	finish();
}

static void test_units(void)
{
	begin();
	luns = 1 | 1ull << 5 | 1ull << 63;
	IN(64, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0);
	CHECK_EQ(result.transferred, 32);
	CHECK_EQ(scsi_get32(data), 24);
	CHECK_EQ(scsi_get64(data + 8), 0);
	CHECK_EQ(scsi_get64(data + 16), 5ull << 48);
	CHECK_EQ(scsi_get64(data + 24), 63ull << 48);
	/* The size is that of all, however much is taken. */
	IN(16, SCSI_REPORT_LUNS, 0, 2, 0, 0, 0, 0, 0, 0, 16, 0, 0);
	CHECK_EQ(result.transferred, 16);
	CHECK_EQ(scsi_get32(data), 24);
	IN(16, SCSI_REPORT_LUNS, 0, 1, 0, 0, 0, 0, 0, 0, 16, 0, 0);
	CHECK_EQ(scsi_get32(data), 0);
	IN(16, SCSI_REPORT_LUNS, 0, 3, 0, 0, 0, 0, 0, 0, 16, 0, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	IN(16, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	finish();
}

/* Runs a command at a unit that is not there. */
#define ABSENT(size, ...)                                               \
	do {                                                            \
		static const uint8_t cdb_[] = { __VA_ARGS__ };          \
		run_on(NULL, cdb_, sizeof(cdb_), (size), SCSI_DATA_IN); \
	} while (0)

static void test_no_unit(void)
{
	begin();
	ABSENT(0, SCSI_TEST_UNIT_READY, 0, 0, 0, 0, 0);
	FAILS(SENSE_NO_UNIT);
	CHECK(result.no_unit);
	ABSENT(512, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1, 0);
	CHECK(result.no_unit);
	ABSENT(0, 0xff, 0, 0, 0, 0, 0);
	CHECK(result.no_unit);
	ABSENT(96, SCSI_INQUIRY, 0, 0, 0, 96, 0);
	GOOD();
	CHECK_EQ(data[0], 0x7f);
	CHECK_EQ(data[2], 6);
	ABSENT(96, SCSI_INQUIRY, 1, 0x80, 0, 96, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	CHECK(!result.no_unit);
	ABSENT(64, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0);
	GOOD();
	CHECK_EQ(scsi_get32(data), 8);
	ABSENT(18, SCSI_REQUEST_SENSE, 0, 0, 0, 18, 0);
	GOOD();
	CHECK_EQ(data[2], 5);
	CHECK_EQ(data[12], 0x25);
	finish();
}

/* ---- Unit attention, and what is refused ---- */

static void test_attention(void)
{
	begin();
	attention[0] = ATTENTION_RESET | ATTENTION_CAPACITY | ATTENTION_LUNS;
	IN(96, SCSI_INQUIRY, 0, 0, 0, 96, 0);
	GOOD();
	NO(SCSI_TEST_UNIT_READY, 0, 0, 0, 0, 0);
	FAILS(SENSE_RESET);
	NO(SCSI_PERSISTENT_RESERVE_IN, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	FAILS(SENSE_CAPACITY_CHANGED);
	IN(18, SCSI_REQUEST_SENSE, 0, 0, 0, 252, 0);
	GOOD();
	CHECK_EQ(data[2], 6);
	CHECK_EQ(data[12], 0x3f);
	CHECK_EQ(data[13], 0x0e);
	IN(18, SCSI_REQUEST_SENSE, 0, 0, 0, 252, 0);
	CHECK_EQ(result.transferred, 18);
	CHECK_EQ(data[2], 0);
	IN(18, SCSI_REQUEST_SENSE, 1, 0, 0, 252, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	attention[0] = attention[7] = ATTENTION_LUNS;
	IN(64, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0);
	CHECK_EQ(attention[0] | attention[7], 0);
	NO(SCSI_TEST_UNIT_READY, 0, 0, 0, 0, 0);
	GOOD();
	finish();
}

/* Every opcode: what is not offered says so, nothing else does. */
static void test_refused(void)
{
	static const uint8_t offered[] = { 0x00, 0x03, 0x08, 0x0a, 0x12, 0x1a, 0x1b, 0x25, 0x28,
					   0x2a, 0x2f, 0x35, 0x41, 0x42, 0x5a, 0x88, 0x8a, 0x8f,
					   0x91, 0x93, 0x9e, 0xa0, 0xa8, 0xaa, 0xaf };
	uint8_t cdb[16] = { 0 };

	begin();
	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		bool is = memchr(offered, (int)opcode, sizeof(offered));

		cdb[0] = (uint8_t)opcode;
		run_on(disk, cdb, 16, 0, SCSI_DATA_EITHER);
		CHECK_NOTE("opcode %x", opcode);
		CHECK_EQ(result.status == SCSI_CHECK_CONDITION && result.sense[12] == 0x20, !is);
	}
	CHECK_NOTE("%s", "");
	finish();
}

/* ---- Data ---- */

static void fill(uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)check_rand();
}

static void test_read_write(void)
{
	static const uint8_t reads[] = { SCSI_READ_6, SCSI_READ_10, SCSI_READ_12, SCSI_READ_16 };
	static const uint8_t writes[] = { SCSI_WRITE_6, SCSI_WRITE_10, SCSI_WRITE_12,
					  SCSI_WRITE_16 };

	begin();
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t lba = 100 + 10 * i;

		CHECK_NOTE("form %u", i);
		fill(data, 1536);
		run_at(writes[i], lba, 3, 0, 1536, SCSI_DATA_OUT);
		GOOD();
		CHECK_EQ(result.transferred, 1536);
		CHECK_EQ(result.bytes, 1536);
		CHECK_EQ(result.kind, SCSI_KIND_WRITE);
		CHECK_MEM(ram->bytes + (size_t)lba * 512, data, 1536);
		memset(data, 0, 1536);
		run_at(reads[i], lba, 3, 0, 1536, SCSI_DATA_IN);
		GOOD();
		CHECK_EQ(result.kind, SCSI_KIND_READ);
		CHECK_MEM(data, ram->bytes + (size_t)lba * 512, 1536);
		/* At the end, over it, far over it; nothing. */
		run_at(reads[i], BLOCKS - 3, 3, 0, 1536, SCSI_DATA_IN);
		GOOD();
		run_at(reads[i], BLOCKS - 2, 3, 0, 1536, SCSI_DATA_IN);
		FAILS(SENSE_LBA_OUT_OF_RANGE);
		run_at(writes[i], BLOCKS - 2, 3, 0, 1536, SCSI_DATA_OUT);
		FAILS(SENSE_LBA_OUT_OF_RANGE);
		run_at(writes[i], 0x1fffff, 1, 0, 512, SCSI_DATA_OUT);
		FAILS(SENSE_LBA_OUT_OF_RANGE);
		/* Less room than the command says; more. */
		run_at(reads[i], 0, 3, 0, 1535, SCSI_DATA_IN);
		FAILS(SENSE_INVALID_FIELD_IN_CDB);
		run_at(writes[i], 0, 3, 0, 1024, SCSI_DATA_OUT);
		FAILS(SENSE_INVALID_FIELD_IN_CDB);
		run_at(reads[i], 0, 1, 0, 4096, SCSI_DATA_IN);
		GOOD();
		CHECK_EQ(result.transferred, 512);
		run_at(writes[i], 0, 1, 0, 512, SCSI_DATA_IN);
		FAILS(SENSE_INVALID_FIELD_IN_CDB);
	}
	CHECK_NOTE("%s", "");
	CHECK_EQ(ram->durable, 0);
	finish();
}

static void test_read_write_edges(void)
{
	begin();
	/* A count of 0: 256 blocks in the short form, nothing in others. */
	run_at(SCSI_READ_6, 0, 0, 0, 256 * 512, SCSI_DATA_IN);
	GOOD();
	CHECK_EQ(result.transferred, 256 * 512);
	run_at(SCSI_READ_10, BLOCKS, 0, 0, 0, SCSI_DATA_IN);
	GOOD();
	run_at(SCSI_READ_10, BLOCKS + 1, 0, 0, 0, SCSI_DATA_IN);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	run_at(SCSI_WRITE_16, 5, 0, 0, 512, SCSI_DATA_OUT);
	GOOD();
	CHECK_EQ(result.transferred, 0);
	/* Numbers that overflow when they are added or multiplied. */
	run_at(SCSI_READ_16, UINT64_MAX, 1, 0, 512, SCSI_DATA_IN);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	run_at(SCSI_READ_16, UINT64_MAX - 5, 10, 0, 512, SCSI_DATA_IN);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	run_at(SCSI_READ_16, 1ull << 55, 0, 0, 512, SCSI_DATA_IN);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	disk->blocks = 1ull << 40;
	run_at(SCSI_READ_16, 0, UINT32_MAX, 0, 4096, SCSI_DATA_IN);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	run_at(SCSI_READ_16, 0, 0x800000, 0, 4096, SCSI_DATA_IN);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	disk->blocks = BLOCKS;
	/* The largest. */
	fill(data, 1 << 20);
	run_at(SCSI_WRITE_10, 0, 2048, 0, 1 << 20, SCSI_DATA_OUT);
	GOOD();
	CHECK_MEM(ram->bytes, data, 1 << 20);
	/* Protection information there is none. */
	run_at(SCSI_READ_10, 0, 1, 0x20, 512, SCSI_DATA_IN);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	finish();
}

static void test_durable(void)
{
	begin();
	run_at(SCSI_WRITE_10, 0, 1, 0, 512, SCSI_DATA_OUT);
	CHECK_EQ(ram->durable, 0);
	run_at(SCSI_WRITE_10, 0, 1, 0x08, 512, SCSI_DATA_OUT);
	CHECK_EQ(ram->durable, 1);
	run_at(SCSI_READ_10, 0, 1, 0x08, 512, SCSI_DATA_IN);
	GOOD();
	CHECK_EQ(ram->ops[BACKEND_FLUSH], 1);
	run_at(SCSI_SYNCHRONIZE_CACHE_10, 0, 0, 0, 0, SCSI_DATA_EITHER);
	GOOD();
	CHECK_EQ(result.kind, SCSI_KIND_FLUSH);
	run_at(SCSI_SYNCHRONIZE_CACHE_16, 0, BLOCKS, 0, 0, SCSI_DATA_EITHER);
	GOOD();
	CHECK_EQ(ram->ops[BACKEND_FLUSH], 3);
	run_at(SCSI_SYNCHRONIZE_CACHE_16, 1, BLOCKS, 0, 0, SCSI_DATA_EITHER);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	NO(SCSI_START_STOP_UNIT, 0, 0, 0, 0, 0);
	GOOD();
	CHECK_EQ(ram->ops[BACKEND_FLUSH], 4);
	NO(SCSI_START_STOP_UNIT, 0, 0, 0, 1, 0);
	GOOD();
	NO(SCSI_START_STOP_UNIT, 0, 0, 0, 2, 0);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	CHECK_EQ(ram->ops[BACKEND_FLUSH], 4);
	disk->cache = STORAGE_WRITETHROUGH;
	run_at(SCSI_WRITE_10, 0, 1, 0, 512, SCSI_DATA_OUT);
	CHECK_EQ(ram->durable, 2);
	finish();
}

static void test_verify(void)
{
	begin();
	fill(ram->bytes, 2048);
	memcpy(data, ram->bytes, 2048);
	run_at(SCSI_VERIFY_10, 0, 4, 0, 0, SCSI_DATA_EITHER);
	GOOD();
	run_at(SCSI_VERIFY_16, BLOCKS, 1, 0, 0, SCSI_DATA_EITHER);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	run_at(SCSI_VERIFY_10, 0, 4, 2, 2048, SCSI_DATA_OUT);
	GOOD();
	scratch = TARGET_SCRATCH_MAX - 2047; /* others have taken nearly all */
	run_at(SCSI_VERIFY_10, 0, 4, 2, 2048, SCSI_DATA_OUT);
	CHECK_EQ(result.status, SCSI_BUSY);
	scratch = 0;
	data[2047] ^= 1;
	run_at(SCSI_VERIFY_12, 0, 4, 2, 2048, SCSI_DATA_OUT);
	FAILS(SENSE_MISCOMPARE);
	run_at(SCSI_VERIFY_16, 0, 4, 2, 2047, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	run_at(SCSI_VERIFY_10, 0, 4, 4, 2048, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	finish();
}

/* A list of UNMAP with pairs of address and count. */
static void unmap_list(unsigned int count, const uint64_t *pairs)
{
	memset(data, 0, sizeof(data));
	scsi_put16(data, 6 + 16 * count);
	scsi_put16(data + 2, 16 * count);
	for (unsigned int i = 0; i < count; i++) {
		scsi_put64(data + 8 + 16ul * i, pairs[2ul * i]);
		scsi_put32(data + 16 + 16ul * i, (uint32_t)pairs[2ul * i + 1]);
	}
}

static void run_unmap(uint32_t size, uint32_t buffer)
{
	run_at(SCSI_UNMAP, 0, size, 0, buffer, SCSI_DATA_OUT);
}

static void test_unmap(void)
{
	static const uint64_t pairs[] = { 0, 1, 7, 0, 10, 2, BLOCKS, 0, BLOCKS - 1, 1 };
	static const uint64_t over[] = { 0, 1, BLOCKS - 1, 2 };
	static const uint64_t huge[] = { UINT64_MAX, 2 };
	static const uint8_t zero[1024];

	begin();
	memset(ram->bytes, 0xff, ram->size);
	unmap_list(5, pairs);
	run_unmap(88, 88);
	GOOD();
	CHECK_EQ(result.kind, SCSI_KIND_DISCARD);
	CHECK_EQ(result.bytes, 4 * 512);
	CHECK_EQ(ram->ops[BACKEND_DISCARD], 3);
	CHECK_MEM(ram->bytes, zero, 512);
	CHECK_EQ(ram->bytes[512], 0xff);
	CHECK_MEM(ram->bytes + 5120, zero, 1024);
	CHECK_MEM(ram->bytes + (BLOCKS - 1) * 512ul, zero, 512);
	/* Nothing of a list is done where one is wrong. */
	unmap_list(2, over);
	run_unmap(40, 40);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	unmap_list(1, huge);
	run_unmap(24, 24);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	run_unmap(0, 0);
	GOOD();
	run_unmap(7, 7);
	FAILS(SENSE_PARAMETER_LIST_LENGTH);
	run_unmap(24, 23);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	/* A list that says more than it is: what is there. */
	unmap_list(5, pairs);
	run_unmap(24, 24);
	GOOD();
	CHECK_EQ(ram->ops[BACKEND_DISCARD], 4);
	memset(data, 0, 8 + 16 * 257);
	scsi_put16(data + 2, 16 * 257);
	run_unmap(8 + 16 * 257, 8 + 16 * 257);
	FAILS(SENSE_INVALID_FIELD_IN_LIST);
	disk->discard = false;
	run_unmap(24, 24);
	FAILS(SENSE_INVALID_OPCODE);
	finish();
}

static void test_write_same(void)
{
	begin();
	fill(data, 512);
	run_at(SCSI_WRITE_SAME_16, 10, 1500, 0, 512, SCSI_DATA_OUT);
	GOOD();
	CHECK_EQ(result.transferred, 512);
	CHECK_EQ(result.bytes, 1500 * 512);
	for (unsigned int i = 0; i < 1500; i++)
		CHECK_MEM(ram->bytes + (10 + i) * 512ul, data, 512);
	CHECK_EQ(ram->bytes[9ul * 512 + 511], 0);
	CHECK_EQ(ram->bytes[1510ul * 512], 0);
	CHECK_EQ(ram->ops[BACKEND_WRITE], 3);
	memset(data, 0, 512);
	run_at(SCSI_WRITE_SAME_10, 20, 4, 0x08, 512, SCSI_DATA_OUT);
	GOOD();
	CHECK_EQ(ram->ops[BACKEND_ZERO], 1);
	CHECK(result.io.may_free);
	CHECK_EQ(ram->bytes[20ul * 512], 0);
	run_at(SCSI_WRITE_SAME_16, 30, 4, 0x01, 0, SCSI_DATA_EITHER); /* no data: zeros */
	GOOD();
	CHECK(!result.io.may_free);
	CHECK_EQ(ram->ops[BACKEND_ZERO], 2);
	run_at(SCSI_WRITE_SAME_10, 30, 4, 0x01, 512, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	run_at(SCSI_WRITE_SAME_16, 0, 1, 0, 511, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	run_at(SCSI_WRITE_SAME_16, 0, 0, 0, 512, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	run_at(SCSI_WRITE_SAME_16, 0, 1, 0x10, 512, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	run_at(SCSI_WRITE_SAME_16, BLOCKS - 1, 2, 0, 512, SCSI_DATA_OUT);
	FAILS(SENSE_LBA_OUT_OF_RANGE);
	run_at(SCSI_WRITE_SAME_16, 0, 131073, 0, 512, SCSI_DATA_OUT);
	FAILS(SENSE_INVALID_FIELD_IN_CDB);
	/* Durable: the last piece flushes all. */
	disk->cache = STORAGE_WRITETHROUGH;
	data[5] = 1;
	run_at(SCSI_WRITE_SAME_16, 0, 1500, 0, 512, SCSI_DATA_OUT);
	CHECK_EQ(ram->durable, 1);
	finish();
}

static void test_read_only(void)
{
	begin();
	disk->read_only = true;
	run_at(SCSI_WRITE_10, 0, 1, 0, 512, SCSI_DATA_OUT);
	FAILS(SENSE_WRITE_PROTECTED);
	run_at(SCSI_WRITE_SAME_16, 0, 1, 0, 512, SCSI_DATA_OUT);
	FAILS(SENSE_WRITE_PROTECTED);
	run_unmap(24, 24);
	FAILS(SENSE_WRITE_PROTECTED);
	run_at(SCSI_READ_10, 0, 1, 8, 512, SCSI_DATA_IN);
	GOOD();
	CHECK_EQ(ram->ops[BACKEND_WRITE] + ram->ops[BACKEND_ZERO] + ram->ops[BACKEND_DISCARD], 0);
	finish();
}

/* ---- Errors ---- */

static void test_errors(void)
{
	static const struct {
		int error;
		enum scsi_sense read, write;
	} rows[] = {
		{ EIO, SENSE_READ_ERROR, SENSE_WRITE_ERROR },
		{ ENOSPC, SENSE_READ_ERROR, SENSE_NO_SPACE },
		{ EDQUOT, SENSE_READ_ERROR, SENSE_NO_SPACE },
		{ EROFS, SENSE_TARGET_FAILURE, SENSE_WRITE_PROTECTED },
		{ EFBIG, SENSE_READ_ERROR, SENSE_WRITE_ERROR },
		{ EINVAL, SENSE_TARGET_FAILURE, SENSE_TARGET_FAILURE },
		{ ENODEV, SENSE_TARGET_FAILURE, SENSE_TARGET_FAILURE },
	};

	begin();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int op = 0; op <= BACKEND_ZERO; op++)
			ram->errors[op] = rows[i].error;
		run_at(SCSI_READ_10, 0, 1, 0, 512, SCSI_DATA_IN);
		FAILS(rows[i].read);
		run_at(SCSI_WRITE_10, 0, 1, 0, 512, SCSI_DATA_OUT);
		FAILS(rows[i].write);
		CHECK_EQ(result.kind, SCSI_KIND_WRITE);
		run_at(SCSI_SYNCHRONIZE_CACHE_10, 0, 0, 0, 0, SCSI_DATA_EITHER);
		FAILS(rows[i].write);
		run_at(SCSI_WRITE_SAME_16, 0, 1, 1, 0, SCSI_DATA_EITHER);
		FAILS(rows[i].write);
	}
	for (unsigned int op = 0; op <= BACKEND_ZERO; op++)
		ram->errors[op] = ENOMEM;
	run_at(SCSI_WRITE_10, 0, 1, 0, 512, SCSI_DATA_OUT);
	CHECK_EQ(result.status, SCSI_BUSY);
	finish();
}

static void test_events(void)
{
	begin();
	ram->errors[BACKEND_READ] = EIO;
	run_at(SCSI_READ_10, 8, 2, 0, 1024, SCSI_DATA_IN);
	CHECK_EQ(events, 1);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_READ_ERROR);
	CHECK_INT(last_event.error, EIO);
	CHECK_EQ(last_event.offset, 4096);
	CHECK_EQ(last_event.length, 1024);
	CHECK_EQ(last_event.count, 1);
	/* The same again is counted, another kind is told. */
	run_at(SCSI_READ_10, 9, 1, 0, 512, SCSI_DATA_IN);
	run_at(SCSI_READ_10, 10, 1, 0, 512, SCSI_DATA_IN);
	CHECK_EQ(events, 1);
	ram->errors[BACKEND_WRITE] = ENOSPC;
	run_at(SCSI_WRITE_10, 8, 1, 0, 512, SCSI_DATA_OUT);
	CHECK_EQ(events, 2);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_NO_SPACE);
	ram->errors[BACKEND_FLUSH] = EIO;
	run_at(SCSI_SYNCHRONIZE_CACHE_10, 0, 0, 0, 0, SCSI_DATA_EITHER);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_FLUSH_ERROR);
	/* The pause is over. */
	disk->errors[STORAGE_EVENT_READ_ERROR].after = 1;
	run_at(SCSI_READ_10, 11, 1, 0, 512, SCSI_DATA_IN);
	CHECK_EQ(events, 4);
	CHECK_EQ(last_event.count, 3);
	CHECK_EQ(last_event.offset, 9 * 512);
	disk->removed = true;
	finish();
	CHECK_EQ(events, 5);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_REMOVED);
}

int main(void)
{
	check_seed(0x57093);
	CHECK_RUN(test_inquiry);
	CHECK_RUN(test_pages);
	CHECK_RUN(test_pages_plain);
	CHECK_RUN(test_names);
	CHECK_RUN(test_capacity);
	CHECK_RUN(test_mode_sense);
	CHECK_RUN(test_units);
	CHECK_RUN(test_no_unit);
	CHECK_RUN(test_attention);
	CHECK_RUN(test_refused);
	CHECK_RUN(test_read_write);
	CHECK_RUN(test_read_write_edges);
	CHECK_RUN(test_durable);
	CHECK_RUN(test_verify);
	CHECK_RUN(test_unmap);
	CHECK_RUN(test_write_same);
	CHECK_RUN(test_read_only);
	CHECK_RUN(test_errors);
	CHECK_RUN(test_events);
	return check_done();
}
