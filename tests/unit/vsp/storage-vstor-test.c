/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The storage protocol: a driver's questions in order and out of it, processes that take
 * up one another's work, disks that come, go and change, and packets that no driver sends.
 */
#include "check.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller.h"
#include "scsi.h"
#include "storage-fake.h"

#define MEMORY (8u << 20)

static struct event_base *base;
static struct storage *storage;
static struct fake first, sub;
static struct storage_event last_event;
static unsigned int events;

static void on_event(void *context, const struct storage_event *event)
{
	(void)context;
	last_event = *event;
	events++;
}

static void make(uint32_t subs)
{
	struct storage_options options = { .base = base, .subs = subs, .event = on_event };

	storage = storage_new(&options);
	REQUIRE(storage);
	events = 0;
}

static struct ram *add(uint32_t lun, uint64_t size)
{
	static const struct storage_disk_options options = { .discard = true, .serial = "S" };
	struct ram *ram = ram_new(size);
	const char *why;
	struct disk *disk = disk_new(&ram->backend, lun, &options, &why);

	REQUIRE(disk);
	controller_add(storage, disk);
	return ram;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool open_first(bool resumed)
{
	return fake_open(&first, storage_device(storage), base, 0, resumed);
}

static void close_first(void)
{
	fake_close(&first, storage_device(storage));
}

/* The status of a packet that is answered at once. */
static uint32_t ask(struct fake *fake, struct vstor_packet *packet, bool replayed)
{
	uint32_t ticket = fake_packet(fake, packet, sizeof(*packet), NULL, 0, replayed);
	const struct vstor_packet *answer = fake_answer(fake, ticket);

	if (!CHECK(answer))
		return ~0u;
	CHECK_EQ(answer->operation, VSTOR_COMPLETE_IO);
	CHECK_EQ(fake->answers[ticket].size, sizeof(*packet));
	*packet = *answer;
	return answer->status;
}

static uint32_t question(uint32_t operation, bool replayed)
{
	struct vstor_packet packet = { .operation = operation };

	if (operation == VSTOR_QUERY_PROTOCOL_VERSION)
		packet.version.version = VSTOR_VERSION_6_2;
	return ask(&first, &packet, replayed);
}

static const uint32_t order[] = { VSTOR_BEGIN_INITIALIZATION, VSTOR_QUERY_PROTOCOL_VERSION,
				  VSTOR_QUERY_PROPERTIES, VSTOR_END_INITIALIZATION };

static void negotiate(void)
{
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(question(order[i], false), VSTOR_STATUS_SUCCESS);
}

static void begin(uint32_t subs)
{
	make(subs);
	REQUIRE(open_first(false));
}

/* ---- Commands ---- */

static struct vstor_packet command(const uint8_t *cdb, uint8_t size, uint32_t lun,
				   uint8_t direction, uint32_t bytes)
{
	struct vstor_packet packet = { .operation = VSTOR_EXECUTE_SRB, .flags = 1 };

	packet.srb.size = sizeof(packet.srb);
	packet.srb.lun = (uint8_t)lun;
	packet.srb.cdb_size = size;
	packet.srb.sense_size = VSTOR_SENSE_MAX;
	packet.srb.direction = direction;
	packet.srb.data_size = bytes;
	memcpy(packet.srb.cdb, cdb, size);
	return packet;
}

static struct vstor_packet test_ready(uint32_t lun)
{
	static const uint8_t cdb[6];

	return command(cdb, 6, lun, VSTOR_DATA_UNKNOWN, 0);
}

/* Reads or writes blocks; data lie from page `page` on, pages backwards. */
static uint32_t transfer(struct fake *fake, uint8_t opcode, uint32_t lun, uint32_t lba,
			 uint32_t count, uint32_t page)
{
	uint8_t cdb[10] = { opcode };
	struct vstor_packet packet;
	uint64_t pfns[257];
	struct fake_range range = { .length = count * 512, .offset = 512, .pfns = pfns };

	scsi_put32(&cdb[2], lba);
	scsi_put16(&cdb[7], count);
	range.count = (range.offset + range.length + 4095) / 4096;
	for (uint32_t i = 0; i < range.count; i++)
		pfns[i] = page + range.count - 1 - i;
	packet = command(cdb, 10, lun, opcode == SCSI_READ_10 ? VSTOR_DATA_IN : VSTOR_DATA_OUT,
			 range.length);
	return fake_packet(fake, &packet, sizeof(packet), &range, 1, false);
}

/* The sense of TEST UNIT READY, 0 where it is good. */
static uint32_t sense_of(uint32_t lun)
{
	struct vstor_packet packet = test_ready(lun);

	ask(&first, &packet, false);
	if (packet.srb.srb_status == VSTOR_SRB_SUCCESS)
		return 0;
	CHECK_EQ(packet.srb.srb_status & VSTOR_SRB_SENSE_VALID, VSTOR_SRB_SENSE_VALID);
	CHECK_EQ(packet.srb.scsi_status, SCSI_CHECK_CONDITION);
	CHECK_EQ(packet.srb.sense_size, SCSI_SENSE_SIZE);
	return (uint32_t)packet.srb.sense[2] << 16 | scsi_get16(&packet.srb.sense[12]);
}

/* ---- Negotiation ---- */

static void test_negotiation(void)
{
	struct vstor_packet packet = { .operation = VSTOR_QUERY_PROTOCOL_VERSION };

	begin(3);
	CHECK_EQ(question(VSTOR_BEGIN_INITIALIZATION, false), VSTOR_STATUS_SUCCESS);
	packet.version.version = 0x0700;
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_REVISION_MISMATCH);
	packet.operation = VSTOR_QUERY_PROTOCOL_VERSION;
	packet.version.version = 0x0402;
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_REVISION_MISMATCH);
	packet.operation = VSTOR_QUERY_PROTOCOL_VERSION;
	packet.version.version = VSTOR_VERSION_5_1;
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_SUCCESS);
	packet.operation = VSTOR_QUERY_PROPERTIES;
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_SUCCESS);
	CHECK_EQ(packet.properties.flags, VSTOR_MULTI_CHANNEL);
	CHECK_EQ(packet.properties.max_sub_channels, 3);
	CHECK_EQ(packet.properties.max_transfer, 1 << 20);
	CHECK_EQ(question(VSTOR_END_INITIALIZATION, false), VSTOR_STATUS_SUCCESS);
	packet = (struct vstor_packet){ .operation = VSTOR_CREATE_SUB_CHANNELS, .sub_channels = 4 };
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_INVALID_PARAMETER);
	packet = (struct vstor_packet){ .operation = VSTOR_CREATE_SUB_CHANNELS, .sub_channels = 2 };
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_SUCCESS);
	CHECK_EQ(first.subs, 2);
	first.no_subs = true;
	packet = (struct vstor_packet){ .operation = VSTOR_CREATE_SUB_CHANNELS, .sub_channels = 3 };
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_INVALID_PARAMETER);
	first.no_subs = false;
	CHECK_EQ(question(VSTOR_COMPLETE_IO, false), VSTOR_STATUS_INVALID_REQUEST);
	CHECK_EQ(question(0xffffffffu, false), VSTOR_STATUS_INVALID_REQUEST);
	close_first();
	storage_free(storage);
}

/* In each state each question: only its own goes on. */
static void test_order(void)
{
	struct vstor_packet tur = test_ready(0);

	for (unsigned int state = 0; state <= 4; state++) {
		begin(0);
		for (unsigned int i = 0; i < state; i++)
			CHECK_EQ(question(order[i], false), VSTOR_STATUS_SUCCESS);
		for (unsigned int i = 0; i < 4; i++) {
			CHECK_NOTE("state %u question %u", state, i);
			if (i != state)
				CHECK_EQ(question(order[i], false), VSTOR_STATUS_INVALID_STATE);
		}
		if (state < 4) {
			struct vstor_packet packet = tur;

			CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_INVALID_STATE);
			CHECK_EQ(question(VSTOR_RESET_BUS, false), VSTOR_STATUS_INVALID_STATE);
		}
		if (state < 3)
			CHECK_EQ(question(VSTOR_CREATE_SUB_CHANNELS, false),
				 VSTOR_STATUS_INVALID_STATE);
		CHECK_EQ(storage->memo->state, state);
		close_first();
		storage_free(storage);
	}
	CHECK_NOTE("%s", "");
}

/* A process ends before or after it took a question into its memo: the question comes
 * again, and the driver sees one answer as it should be. */
static void test_replayed_questions(void)
{
	for (unsigned int at = 0; at < 8; at++) {
		unsigned int cut = at / 2;

		CHECK_NOTE("cut at question %u", cut);
		begin(0);
		for (unsigned int i = 0; i < cut + at % 2; i++)
			CHECK_EQ(question(order[i], false), VSTOR_STATUS_SUCCESS);
		close_first();
		storage_free(storage);
		make(0);
		CHECK(open_first(true));
		CHECK_EQ(question(order[cut], true), VSTOR_STATUS_SUCCESS);
		for (unsigned int i = cut + 1; i < 4; i++)
			CHECK_EQ(question(order[i], false), VSTOR_STATUS_SUCCESS);
		CHECK_EQ(storage->memo->state, VSTOR_READY);
		close_first();
		storage_free(storage);
	}
	CHECK_NOTE("%s", "");
}

/* Another driver opens the channel anew: nothing of the one before is left. */
static void test_reopen(void)
{
	begin(0);
	add(0, 1 << 20);
	negotiate();
	CHECK_EQ(question(VSTOR_RESET_BUS, false), VSTOR_STATUS_SUCCESS);
	CHECK(!fake_open(&sub, storage_device(storage), base, 0, false)); /* it is open */
	close_first();
	CHECK(open_first(false));
	CHECK_EQ(question(VSTOR_QUERY_PROPERTIES, false), VSTOR_STATUS_INVALID_STATE);
	negotiate();
	CHECK_EQ(sense_of(0), 0);
	close_first();
	storage_free(storage);
}

static void test_no_sense_memo(void)
{
	make(0);
	memset(first.memo, 0xee, sizeof(first.memo));
	CHECK(open_first(true));
	CHECK_EQ(storage->memo->state, VSTOR_BEGIN);
	negotiate();
	close_first();
	storage_free(storage);
}

/* ---- Commands ---- */

static void test_transfer(void)
{
	struct storage_stats stats;
	const struct vstor_packet *answer;
	struct ram *ram;
	uint32_t ticket;

	begin(0);
	ram = add(3, 4 << 20);
	negotiate();
	for (uint32_t i = 0; i < MEMORY; i++)
		first.guest.memory[i] = (uint8_t)check_rand();
	ticket = transfer(&first, SCSI_WRITE_10, 3, 8, 20, 16);
	answer = fake_answer(&first, ticket);
	REQUIRE(answer);
	CHECK_EQ(answer->status, 0);
	CHECK_EQ(answer->srb.srb_status, VSTOR_SRB_SUCCESS);
	CHECK_EQ(answer->srb.data_size, 20 * 512);
	/* 512 bytes into the first page, which is the last of the three */
	CHECK_MEM(ram->bytes + 4096, first.guest.memory + 18ul * 4096 + 512, 3584);
	CHECK_MEM(ram->bytes + 4096 + 3584, first.guest.memory + 17ul * 4096, 4096);
	CHECK_MEM(ram->bytes + 4096 + 7680, first.guest.memory + 16ul * 4096, 2560);
	ticket = transfer(&first, SCSI_READ_10, 3, 8, 20, 100);
	CHECK(fake_answer(&first, ticket));
	CHECK_MEM(first.guest.memory + 102ul * 4096 + 512, ram->bytes + 4096, 3584);
	/* The largest: a MiB in 257 pages. */
	ticket = transfer(&first, SCSI_READ_10, 3, 0, 2048, 600);
	answer = fake_answer(&first, ticket);
	REQUIRE(answer);
	CHECK_EQ(answer->srb.data_size, 1 << 20);
	CHECK_MEM(first.guest.memory + 600ul * 4096, ram->bytes + (1 << 20) - 512, 512);
	ticket = transfer(&first, SCSI_READ_10, 3, 8000, 2000, 600);
	answer = fake_answer(&first, ticket);
	REQUIRE(answer);
	CHECK_EQ(answer->srb.srb_status, VSTOR_SRB_ERROR | VSTOR_SRB_SENSE_VALID);
	CHECK_EQ(answer->srb.data_size, 0);
	CHECK_EQ(answer->srb.sense[12], 0x21);

	CHECK_INT(storage_disk_stats(storage, 2, &stats), -ENOENT);
	CHECK_INT(storage_disk_stats(storage, 3, &stats), 0);
	CHECK_EQ(stats.writes, 1);
	CHECK_EQ(stats.write_bytes, 20 * 512);
	CHECK_EQ(stats.reads, 2);
	CHECK_EQ(stats.read_bytes, 20 * 512 + (1 << 20));
	CHECK_EQ(stats.errors, 1);
	CHECK_EQ(stats.in_flight, 0);
	CHECK_EQ(stats.size, 4 << 20);
	CHECK(stats.read_nsec && stats.write_nsec);
	close_first();
	storage_free(storage);
}

/* Data in several ranges, one with more than is used. */
static void test_ranges(void)
{
	static const uint8_t cdb[10] = { SCSI_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 4 };
	static const uint64_t a[] = { 5 }, b[] = { 9, 7 };
	struct fake_range ranges[] = { { 1000, 100, 1, a }, { 1500, 4000, 2, b } };
	struct vstor_packet packet = command(cdb, 10, 0, VSTOR_DATA_OUT, 2048);
	struct ram *ram;

	begin(0);
	ram = add(0, 1 << 20);
	negotiate();
	for (uint32_t i = 0; i < 65536; i++)
		first.guest.memory[i] = (uint8_t)check_rand();
	CHECK(fake_answer(&first, fake_packet(&first, &packet, sizeof(packet), ranges, 2, false)));
	CHECK_MEM(ram->bytes, first.guest.memory + 5ul * 4096 + 100, 1000);
	CHECK_MEM(ram->bytes + 1000, first.guest.memory + 9ul * 4096 + 4000, 96);
	CHECK_MEM(ram->bytes + 1096, first.guest.memory + 7ul * 4096, 952);
	close_first();
	storage_free(storage);
}

static void refused(const struct vstor_packet *packet, const struct fake_range *ranges,
		    uint32_t count)
{
	uint32_t ticket = fake_packet(&first, packet, sizeof(*packet), ranges, count, false);
	const struct vstor_packet *answer = fake_answer(&first, ticket);

	REQUIRE(answer);
	CHECK_EQ(answer->status, VSTOR_STATUS_INVALID_PARAMETER);
	CHECK_EQ(answer->srb.srb_status, VSTOR_SRB_INVALID_REQUEST);
	CHECK_EQ(answer->srb.data_size, 0);
}

static void test_hostile(void)
{
	static const uint8_t cdb[10] = { SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint64_t outside[] = { MEMORY / 4096 }, wild[] = { UINT64_MAX };
	static const uint64_t good[] = { 1 };
	uint64_t many[258];
	struct fake_range range = { 512, 0, 1, good };
	struct vstor_packet packet, read = command(cdb, 10, 0, VSTOR_DATA_IN, 512);

	begin(0);
	add(0, 1 << 20);
	negotiate();
	refused(&read, NULL, 0); /* data without memory */
	range.pfns = outside;
	refused(&read, &range, 1);
	range.pfns = wild;
	refused(&read, &range, 1);
	range = (struct fake_range){ 511, 0, 1, good };
	refused(&read, &range, 1);
	range = (struct fake_range){ 512, 4000, 1, good }; /* a page is missing */
	refused(&read, &range, 1);
	range = (struct fake_range){ 512, 0, 1, good };
	packet = read;
	packet.srb.data_size = (1 << 20) + 1;
	refused(&packet, &range, 1);
	packet.srb.data_size = UINT32_MAX;
	refused(&packet, &range, 1);
	for (uint32_t i = 0; i < 258; i++)
		many[i] = i;
	range = (struct fake_range){ 258 * 4096, 0, 258, many };
	packet.srb.data_size = (1 << 20) + 512;
	refused(&packet, &range, 1);
	range = (struct fake_range){ 512, 0, 1, good };
	packet = read;
	packet.srb.cdb_size = 17;
	refused(&packet, &range, 1);
	packet.srb.cdb_size = 0;
	refused(&packet, &range, 1);
	/* Other paths, targets, units. */
	packet = test_ready(64);
	ask(&first, &packet, false);
	CHECK_EQ(packet.srb.srb_status, VSTOR_SRB_INVALID_LUN | VSTOR_SRB_SENSE_VALID);
	CHECK_EQ(packet.status, VSTOR_STATUS_NO_DEVICE);
	packet = test_ready(0);
	packet.srb.target = 1;
	ask(&first, &packet, false);
	CHECK_EQ(packet.srb.srb_status, VSTOR_SRB_INVALID_LUN | VSTOR_SRB_SENSE_VALID);
	packet = test_ready(0);
	packet.srb.path = 255;
	ask(&first, &packet, false);
	CHECK_EQ(packet.srb.srb_status, VSTOR_SRB_INVALID_LUN | VSTOR_SRB_SENSE_VALID);
	/* Room for sense: none, too much. */
	packet = test_ready(255);
	packet.srb.sense_size = 0;
	ask(&first, &packet, false);
	CHECK_EQ(packet.srb.srb_status, VSTOR_SRB_INVALID_LUN);
	CHECK_EQ(packet.srb.sense_size, 0);
	packet = test_ready(255);
	packet.srb.sense_size = 255;
	ask(&first, &packet, false);
	CHECK_EQ(packet.srb.sense_size, SCSI_SENSE_SIZE);
	CHECK(!first.broken);
	close_first();
	storage_free(storage);
}

/* Packets that are shorter than any that has a meaning. */
static void test_short(void)
{
	struct vstor_packet packet = test_ready(0);
	uint32_t ticket;

	begin(0);
	add(0, 1 << 20);
	negotiate();
	ticket = fake_packet(&first, &packet, 40, NULL, 0, false);
	CHECK(fake_answer(&first, ticket));
	CHECK_EQ(first.answers[ticket].packet.status, VSTOR_STATUS_INVALID_PARAMETER);
	CHECK_EQ(first.answers[ticket].size, 40);
	ticket = fake_packet(&first, &packet, 48, NULL, 0, false);
	CHECK(fake_answer(&first, ticket));
	CHECK_EQ(first.answers[ticket].packet.srb.srb_status, VSTOR_SRB_SUCCESS);
	CHECK_EQ(first.answers[ticket].size, 48);
	CHECK(!first.broken);
	fake_packet(&first, &packet, 8, NULL, 0, false);
	CHECK(first.broken);
	first.broken = false;
	fake_packet(&first, &packet, 0, NULL, 0, false);
	CHECK(first.broken);
	close_first();
	storage_free(storage);
}

/* REPORT LUNS and INQUIRY where unit 0 is not there, and on other targets. */
static void test_scan(void)
{
	static const uint8_t report[12] = { SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64 };
	static const uint8_t inquiry[6] = { SCSI_INQUIRY, 0, 0, 0, 36 };
	static const uint64_t pages[] = { 1 };
	struct fake_range range = { 64, 0, 1, pages };
	const uint8_t *data = first.guest.memory + 4096;
	struct vstor_packet packet;

	begin(0);
	add(7, 1 << 20);
	negotiate();
	packet = command(inquiry, 6, 0, VSTOR_DATA_IN, 36);
	CHECK(fake_answer(&first, fake_packet(&first, &packet, 64, &range, 1, false)));
	CHECK_EQ(data[0], 0x7f);
	packet = command(report, 12, 0, VSTOR_DATA_IN, 64);
	CHECK(fake_answer(&first, fake_packet(&first, &packet, 64, &range, 1, false)));
	CHECK_EQ(scsi_get32(data), 8);
	CHECK_EQ(data[9], 7);
	packet.srb.target = 1;
	CHECK(fake_answer(&first, fake_packet(&first, &packet, 64, &range, 1, false)));
	CHECK_EQ(scsi_get32(data), 0);
	packet = command(inquiry, 6, 7, VSTOR_DATA_IN, 36);
	packet.srb.path = 1;
	CHECK(fake_answer(&first, fake_packet(&first, &packet, 64, &range, 1, false)));
	CHECK_EQ(data[0], 0x7f);
	packet.srb.path = 0;
	CHECK(fake_answer(&first, fake_packet(&first, &packet, 64, &range, 1, false)));
	CHECK_EQ(data[0], 0);
	close_first();
	storage_free(storage);
}

/* ---- Disks that come, go and change ---- */

static void test_hot_plug(void)
{
	bool freed = false;
	struct ram *ram;

	begin(0);
	add(0, 1 << 20);
	add(1, 1 << 20);
	turn();
	CHECK_EQ(first.sends, 0); /* nobody is there yet */
	negotiate();
	turn();
	CHECK_EQ(first.sends, 0);
	CHECK_EQ(sense_of(0), 0);
	ram = add(2, 1 << 20);
	ram->freed = &freed;
	turn();
	CHECK_EQ(first.sends, 1);
	CHECK_EQ(first.flushes, 1);
	CHECK_EQ(first.sent.operation, VSTOR_ENUMERATE_BUS);
	CHECK_EQ(sense_of(0), SENSE_LUNS_CHANGED);
	CHECK_EQ(sense_of(1), SENSE_LUNS_CHANGED);
	CHECK_EQ(sense_of(2), 0);
	CHECK_EQ(sense_of(0), 0);
	/* It goes with something under way. */
	ram->wait = true;
	transfer(&first, SCSI_WRITE_10, 2, 0, 8, 16);
	CHECK_INT(storage_remove_disk(storage, 2), 0);
	CHECK_INT(storage_remove_disk(storage, 2), -ENOENT);
	CHECK(!freed);
	CHECK_EQ(events, 0);
	CHECK_EQ(sense_of(2), SENSE_NO_UNIT);
	add(2, 2 << 20); /* another one in its place */
	CHECK_EQ(sense_of(2), 0);
	CHECK(ram_go(ram, 0));
	CHECK(freed);
	CHECK_EQ(events, 1);
	CHECK_EQ(last_event.kind, STORAGE_EVENT_REMOVED);
	turn();
	CHECK_EQ(first.sends, 2);
	close_first();
	storage_free(storage);
	first.sends = first.flushes = 0;
}

static void test_resize(void)
{
	uint64_t bytes = 0;
	struct ram *ram;

	begin(0);
	ram = add(0, 1 << 20);
	add(1, 1 << 20);
	negotiate();
	CHECK_INT(storage_resize_disk(storage, 0, &bytes), 0);
	CHECK_EQ(bytes, 1 << 20);
	CHECK_EQ(sense_of(0), 0);
	ram->size = 2 << 20;
	free(ram->bytes);
	ram->bytes = calloc(1, ram->size);
	REQUIRE(ram->bytes);
	CHECK_INT(storage_resize_disk(storage, 0, &bytes), 0);
	CHECK_EQ(bytes, 2 << 20);
	turn();
	CHECK_EQ(first.sends, 1);
	CHECK_EQ(sense_of(1), 0);
	CHECK_EQ(sense_of(0), SENSE_CAPACITY_CHANGED);
	CHECK_EQ(sense_of(0), 0);
	CHECK(fake_answer(&first, transfer(&first, SCSI_READ_10, 0, 4090, 6, 16)));
	ram->size = 100;
	CHECK_INT(storage_resize_disk(storage, 0, &bytes), -EMEDIUMTYPE);
	CHECK_INT(storage_resize_disk(storage, 5, &bytes), -ENOENT);
	CHECK_INT(storage_resize_disk(storage, 64, &bytes), -ENOENT);
	ram->size = 2 << 20;
	close_first();
	storage_free(storage);
	first.sends = first.flushes = 0;
}

/* The ring is full: the guest is told when it is not. */
static void test_full(void)
{
	begin(0);
	negotiate();
	first.full = true;
	add(0, 1 << 20);
	turn();
	CHECK_EQ(first.sends, 0);
	first.channel.ops->ready(&first.channel);
	CHECK_EQ(first.sends, 0);
	first.full = false;
	first.channel.ops->ready(&first.channel);
	CHECK_EQ(first.sends, 1);
	first.channel.ops->ready(&first.channel);
	CHECK_EQ(first.sends, 1);
	close_first();
	storage_free(storage);
	first.sends = 0;
}

/* A process ends; while there is none a disk comes, one goes, one grows, one stays. */
static void test_resume(void)
{
	const struct vstor_packet *answer;
	struct vstor_packet packet;
	uint32_t ticket;

	begin(1);
	add(0, 1 << 20);
	add(1, 1 << 20);
	add(2, 1 << 20);
	negotiate();
	packet = (struct vstor_packet){ .operation = VSTOR_CREATE_SUB_CHANNELS, .sub_channels = 1 };
	CHECK_EQ(ask(&first, &packet, false), VSTOR_STATUS_SUCCESS);
	CHECK(fake_open(&sub, storage_device(storage), base, 1, false));
	packet = test_ready(0);
	CHECK_EQ(ask(&sub, &packet, false), VSTOR_STATUS_SUCCESS);
	CHECK_EQ(question(VSTOR_RESET_LUN, false), VSTOR_STATUS_SUCCESS);
	fake_close(&sub, storage_device(storage));
	close_first();
	storage_free(storage);

	make(1);
	add(0, 1 << 20);
	add(2, 2 << 20);
	add(3, 1 << 20);
	/* The sub-channel comes first, with what was under way. */
	CHECK(fake_open(&sub, storage_device(storage), base, 1, true));
	packet = test_ready(3);
	ticket = fake_packet(&sub, &packet, 64, NULL, 0, true);
	answer = fake_answer(&sub, ticket);
	REQUIRE(answer);
	CHECK_EQ(answer->srb.srb_status, VSTOR_SRB_SUCCESS);
	CHECK(open_first(true));
	CHECK_EQ(storage->memo->subs, 1);
	turn();
	CHECK_EQ(first.sends, 1);
	CHECK_EQ(sense_of(0), SENSE_RESET);
	CHECK_EQ(sense_of(0), SENSE_LUNS_CHANGED);
	CHECK_EQ(sense_of(0), 0);
	CHECK_EQ(sense_of(2), SENSE_CAPACITY_CHANGED);
	CHECK_EQ(sense_of(2), SENSE_LUNS_CHANGED);
	CHECK_EQ(sense_of(3), 0);
	CHECK_EQ(sense_of(1), SENSE_NO_UNIT);
	fake_close(&sub, storage_device(storage));
	close_first();
	storage_free(storage);

	/* Once more, and nothing has changed. */
	make(1);
	add(0, 1 << 20);
	add(2, 2 << 20);
	add(3, 1 << 20);
	CHECK(open_first(true));
	turn();
	CHECK_EQ(first.sends, 1);
	CHECK_EQ(sense_of(0), 0);
	close_first();
	storage_free(storage);
	first.sends = first.flushes = 0;
}

/* ---- Many at once ---- */

/* A reset is answered after all that came before it; a channel that is closed with
 * requests under way is let go by the last of them. */
static void test_reset_and_close(void)
{
	struct vstor_packet packet = { .operation = VSTOR_RESET_BUS };
	uint32_t ticket, one, two;
	struct ram *ram;

	begin(0);
	ram = add(0, 1 << 20);
	negotiate();
	ram->wait = true;
	one = transfer(&first, SCSI_WRITE_10, 0, 0, 8, 16);
	two = transfer(&first, SCSI_READ_10, 0, 0, 8, 32);
	ticket = fake_packet(&first, &packet, 64, NULL, 0, false);
	CHECK(!fake_answer(&first, ticket));
	CHECK(ram_go(ram, 0));
	CHECK(!fake_answer(&first, ticket));
	CHECK(ram_go(ram, 0));
	CHECK(fake_answer(&first, one) && fake_answer(&first, two));
	CHECK(fake_answer(&first, ticket));
	CHECK_EQ(sense_of(0), SENSE_RESET);

	transfer(&first, SCSI_WRITE_10, 0, 0, 8, 16);
	transfer(&first, SCSI_WRITE_10, 0, 8, 8, 16);
	fake_packet(&first, &packet, 64, NULL, 0, false); /* never answered */
	close_first();
	CHECK(first.channel.held && !first.let_go);
	CHECK(ram_go(ram, 1));
	CHECK(!first.let_go);
	CHECK(ram_go(ram, 0));
	CHECK(first.let_go);
	CHECK(open_first(false));
	negotiate();
	CHECK_EQ(sense_of(0), 0);
	close_first();
	CHECK(!first.channel.held);
	storage_free(storage);
}

static void test_sub_channels(void)
{
	struct vstor_packet packet = test_ready(0);
	struct ram *ram;
	uint32_t ticket;

	begin(1);
	ram = add(0, 1 << 20);
	CHECK(!fake_open(&sub, storage_device(storage), base, 1, false)); /* too early */
	for (unsigned int i = 0; i < 3; i++)
		question(order[i], false);
	CHECK(fake_open(&sub, storage_device(storage), base, 1, false)); /* some drivers do */
	CHECK_EQ(ask(&sub, &packet, false), VSTOR_STATUS_INVALID_STATE);
	packet = test_ready(0);
	fake_close(&sub, storage_device(storage));
	CHECK_EQ(question(VSTOR_END_INITIALIZATION, false), VSTOR_STATUS_SUCCESS);
	CHECK(!fake_open(&sub, storage_device(storage), base, 2, false)); /* too many */
	CHECK(fake_open(&sub, storage_device(storage), base, 1, false));
	CHECK_EQ(ask(&sub, &packet, false), VSTOR_STATUS_SUCCESS);
	packet = (struct vstor_packet){ .operation = VSTOR_BEGIN_INITIALIZATION };
	CHECK_EQ(ask(&sub, &packet, false), VSTOR_STATUS_INVALID_STATE);
	ram->wait = true;
	ticket = transfer(&sub, SCSI_WRITE_10, 0, 0, 8, 4);
	/* The first channel goes, the sub-channel's request does not care. */
	close_first();
	CHECK(ram_go(ram, 0));
	CHECK(fake_answer(&sub, ticket));
	packet = test_ready(0);
	CHECK_EQ(ask(&sub, &packet, false), VSTOR_STATUS_INVALID_STATE);
	fake_close(&sub, storage_device(storage));
	CHECK(open_first(false));
	negotiate();
	close_first();
	storage_free(storage);
}

/* Requests in any number, ended in any order; each has one answer. */
static void test_many(void)
{
	uint64_t before;
	struct ram *ram;
	unsigned int out = 0, total = 0;

	check_seed(0x57094);
	begin(0);
	ram = add(0, 1 << 20);
	negotiate();
	ram->wait = true;
	before = first.answered;
	for (unsigned int i = 0; i < 20000; i++) {
		if (check_below(2) && out < FAKE_TICKETS - 1) {
			transfer(&first, check_below(2) ? SCSI_READ_10 : SCSI_WRITE_10, 0,
				 (uint32_t)check_below(2000), 1 + (uint32_t)check_below(40), 8);
			out++;
			total++;
		} else if (ram_go(ram, check_rand())) {
			out--;
		}
		for (uint32_t t = 0; t < FAKE_TICKETS; t++)
			fake_answer(&first, t);
		CHECK_EQ(first.answered - before, total - out);
	}
	while (ram_go(ram, check_rand()))
		out--;
	CHECK_EQ(out, 0);
	CHECK_EQ(first.answered - before, total);
	close_first();
	storage_free(storage);
}

/* ---- By the functions of storage.h ---- */

static void test_add(void)
{
	static const struct storage_disk_options options = { .cache = STORAGE_WRITEBACK };
	static const struct storage_disk_options wrong = { .logical_block = 513 };
	struct storage_event none = last_event;
	const char *why;
	int fd = memfd_create("disk", MFD_CLOEXEC), pipes[2], read_only;
	char path[64];

	REQUIRE(fd >= 0 && !pipe(pipes));
	begin(0);
	CHECK_INT(storage_add_disk(storage, 0, fd, &options, &why), -EMEDIUMTYPE);
	CHECK(why);
	REQUIRE(!ftruncate(fd, 1 << 20));
	CHECK_INT(storage_add_disk(storage, 0, fd, &wrong, &why), -EINVAL);
	CHECK(why);
	CHECK_INT(storage_add_disk(storage, 64, fd, &options, NULL), -EINVAL);
	CHECK_INT(storage_add_disk(storage, 0, pipes[0], &options, &why), -EMEDIUMTYPE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_INT(storage_add_disk(storage, 0, read_only, &options, &why), -EACCES);
	CHECK_INT(storage_add_disk(storage, 63, fd, &options, &why), 0);
	CHECK(!why);
	CHECK_INT(storage_add_disk(storage, 63, read_only, &options, &why), -EEXIST);
	CHECK_INT(storage_remove_disk(storage, 63), 0);
	CHECK_EQ(events, 1);
	CHECK_INT(fcntl(fd, F_GETFD), -1); /* it is closed */
	CHECK(!none.count || last_event.lun == 63);
	close(read_only);
	close(pipes[0]);
	close(pipes[1]);
	close_first();
	storage_free(storage);
}

int main(void)
{
	check_seed(0x57095);
	base = event_base_new();
	REQUIRE(base);
	fake_init(&first, MEMORY);
	fake_init(&sub, MEMORY);
	CHECK_RUN(test_negotiation);
	CHECK_RUN(test_order);
	CHECK_RUN(test_replayed_questions);
	CHECK_RUN(test_reopen);
	CHECK_RUN(test_no_sense_memo);
	CHECK_RUN(test_transfer);
	CHECK_RUN(test_ranges);
	CHECK_RUN(test_hostile);
	CHECK_RUN(test_short);
	CHECK_RUN(test_scan);
	CHECK_RUN(test_hot_plug);
	CHECK_RUN(test_resize);
	CHECK_RUN(test_full);
	CHECK_RUN(test_resume);
	CHECK_RUN(test_reset_and_close);
	CHECK_RUN(test_sub_channels);
	CHECK_RUN(test_many);
	CHECK_RUN(test_add);
	fake_free(&first);
	fake_free(&sub);
	event_base_free(base);
	return check_done();
}
