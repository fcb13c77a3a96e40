/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/storage: a guest that sends packets and commands of any kind, disks in memory that
 * come, go, wait and fail, and processes that take up one another's work.
 */
#include "fuzz.h"

#include <errno.h>
#include <event2/event.h>

#include "controller.h"
#include "scsi.h"
#include "storage-fake.h"

#define PAGES 24u

static struct event_base *base;
static struct storage *storage;
static struct fake fake;
static struct ram *rams[4]; /* of units 0 to 3 */
static uint32_t sizes[FAKE_TICKETS]; /* data of what is under way */

static void add(uint32_t lun, uint64_t how)
{
	struct storage_disk_options options = { .read_only = how & 1,
						.discard = how & 2,
						.logical_block = how & 4 ? 4096 : 0,
						.serial = how & 8 ? "FUZZ" : NULL,
						.cache = (enum storage_cache)(how >> 4 & 1) };
	struct ram *ram = ram_new(65536 + (how >> 5 & 7) * 4096);
	const char *why;
	struct disk *disk = disk_new(&ram->backend, lun, &options, &why);

	FUZZ_CHECK(disk);
	ram->wait = how & 0x80;
	rams[lun] = ram;
	controller_add(storage, disk);
}

static bool drain(void)
{
	bool any = false;

	for (unsigned int i = 0; i < 4; i++) {
		while (rams[i] && ram_go(rams[i], 0))
			any = true;
	}
	return any;
}

static void remove_disk(uint32_t lun)
{
	drain(); /* then it is freed at once */
	FUZZ_CHECK(!storage_remove_disk(storage, lun));
	rams[lun] = NULL;
}

static void check_answers(void)
{
	for (uint32_t i = 0; i < FAKE_TICKETS; i++) {
		const struct vstor_packet *answer = fake_answer(&fake, i);

		if (!answer)
			continue;
		FUZZ_CHECK(answer->operation == VSTOR_COMPLETE_IO);
		if (sizes[i] == UINT32_MAX)
			continue;
		FUZZ_CHECK(answer->srb.data_size <= sizes[i]);
		FUZZ_CHECK(answer->srb.sense_size <= VSTOR_SENSE_MAX);
		FUZZ_CHECK(answer->srb.srb_status);
	}
}

static void send_packet(const struct vstor_packet *packet, uint32_t size,
			const struct fake_range *ranges, uint32_t count, bool replayed)
{
	uint32_t ticket = 0;

	while (ticket < FAKE_TICKETS && fake.outstanding[ticket])
		ticket++;
	if (ticket == FAKE_TICKETS || fake.broken)
		return;
	sizes[ticket] = packet->operation == VSTOR_EXECUTE_SRB && size == sizeof(*packet) &&
					storage->memo->state == VSTOR_READY ?
				packet->srb.data_size :
				UINT32_MAX;
	fake_packet(&fake, packet, size, ranges, count, replayed);
}

/* A command that is mostly as it should be. */
static void send_command(const uint8_t **data, size_t *size)
{
	static const uint8_t sizes_of[8] = { 6, 10, 10, 16, 16, 12, 16, 16 };
	uint64_t how = fuzz_u64(data, size, 4), pfns[2][4];
	struct vstor_packet packet = { .operation = VSTOR_EXECUTE_SRB };
	struct fake_range ranges[2];
	uint32_t count = how >> 4 & 3;

	packet.srb.lun = how & 7;
	packet.srb.target = (how & 0x88) == 0x88;
	packet.srb.direction = how >> 8 & 3;
	packet.srb.sense_size = (uint8_t)(how >> 10 & 31);
	packet.srb.data_size = (uint32_t)((how >> 15 & 31) * 512 + (how >> 20 & 1));
	for (unsigned int i = 0; i < 16; i++)
		packet.srb.cdb[i] = (uint8_t)fuzz_u64(data, size, 1);
	packet.srb.cdb_size = sizes_of[packet.srb.cdb[0] >> 5];
	if (how >> 21 & 1) { /* addresses that can be on the disk */
		memset(&packet.srb.cdb[2], 0, packet.srb.cdb[0] >> 5 == 4 ? 7 : 3);
		if (packet.srb.cdb[0] >> 5 == 4)
			packet.srb.cdb[10] = packet.srb.cdb[11] = packet.srb.cdb[12] = 0;
		else
			packet.srb.cdb[6] = packet.srb.cdb[7] = 0;
	}
	count = count > 2 ? 1 : count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t where = fuzz_u64(data, size, 2);

		ranges[i] = (struct fake_range){ .offset = where & 0xfff,
						 .count = 4,
						 .length = packet.srb.data_size / count + 1,
						 .pfns = pfns[i] };
		for (uint64_t j = 0; j < 4; j++)
			pfns[i][j] = ((where >> 12) + j * 5) % (PAGES + (how >> 22 & 1));
	}
	send_packet(&packet, sizeof(packet), ranges, count, how >> 23 & 1);
}

static void send_bytes(const uint8_t **data, size_t *size)
{
	uint64_t how = fuzz_u64(data, size, 1);
	struct vstor_packet packet = { .operation = how & 15, .flags = 1 };
	uint8_t *bytes = (uint8_t *)&packet;

	if (how & 0x10)
		packet.version.version = VSTOR_VERSION_6_2;
	for (size_t i = how & 0x20 ? 0 : 16; how & 0x40 && i < sizeof(packet) && *size; i++)
		bytes[i] = (uint8_t)fuzz_u64(data, size, 1);
	send_packet(&packet, how & 0x80 ? (uint32_t)fuzz_u64(data, size, 1) & 0x38 : 64, NULL, 0,
		    how >> 3 & 1);
}

static void negotiate(void)
{
	struct vstor_packet packet = { .version.version = VSTOR_VERSION_6_0 };

	packet.operation = VSTOR_BEGIN_INITIALIZATION;
	send_packet(&packet, 64, NULL, 0, false);
	packet.operation = VSTOR_QUERY_PROTOCOL_VERSION;
	send_packet(&packet, 64, NULL, 0, false);
	packet.operation = VSTOR_QUERY_PROPERTIES;
	send_packet(&packet, 64, NULL, 0, false);
	packet.operation = VSTOR_END_INITIALIZATION;
	send_packet(&packet, 64, NULL, 0, false);
	check_answers();
}

static void reopen(bool resumed)
{
	fake_close(&fake, storage_device(storage));
	drain();
	FUZZ_CHECK(fake.let_go == fake.channel.held);
	FUZZ_CHECK(!storage->busy && !storage->resets && !storage->scratch);
	FUZZ_CHECK(fake_open(&fake, storage_device(storage), base, 0, resumed));
}

static void change_disk(const uint8_t **data, size_t *size)
{
	uint64_t how = fuzz_u64(data, size, 2);
	struct ram *ram = rams[how & 3];

	if (!ram) {
		add(how & 3, how >> 2);
	} else if (how & 4) {
		remove_disk(how & 3);
	} else if (how & 8) {
		ram->errors[how >> 4 & 3] = how & 0x40 ? EIO : ENOSPC;
	} else {
		ram->size = 4096 + (how >> 4 & 0xf) * 4096; /* not above what it has */
		drain();
		storage_resize_disk(storage, how & 3, NULL);
	}
}

static void step(const uint8_t **data, size_t *size)
{
	uint64_t op = fuzz_u64(data, size, 1);

	switch (op & 15) {
	default:
		send_command(data, size);
		break;
	case 9:
	case 10:
		send_bytes(data, size);
		break;
	case 11:
		change_disk(data, size);
		break;
	case 12:
		if (rams[op >> 4 & 3])
			ram_go(rams[op >> 4 & 3], op >> 6);
		break;
	case 13:
		event_base_loop(base, EVLOOP_NONBLOCK);
		break;
	case 14:
		fake.full = op & 0x10;
		if (!fake.full)
			fake.channel.ops->ready(&fake.channel);
		break;
	case 15:
		reopen(op & 0x10);
		if (op & 0x20)
			negotiate();
		break;
	}
}

static void set_up(void)
{
	struct storage_options options = { .subs = 2 };

	base = event_base_new();
	options.base = base;
	storage = storage_new(&options);
	FUZZ_CHECK(base && storage);
	fake_init(&fake, PAGES * 4096ul);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!storage)
		set_up();
	memset(fake.guest.memory, 0, fake.guest.size);
	fake.full = false;
	FUZZ_CHECK(fake_open(&fake, storage_device(storage), base, 0, false));
	add(0, 0x0a);
	add(1, fuzz_u64(&data, &size, 1));
	negotiate();
	while (size) {
		step(&data, &size);
		check_answers();
	}
	drain();
	check_answers();
	for (uint32_t i = 0; i < FAKE_TICKETS; i++)
		FUZZ_CHECK(!fake.outstanding[i] || fake.broken);
	fake_close(&fake, storage_device(storage));
	for (uint32_t lun = 0; lun < 4; lun++) {
		if (rams[lun])
			remove_disk(lun);
	}
	return 0;
}
