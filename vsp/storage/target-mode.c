/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MODE SENSE: pages of parameters. None can be changed or saved: whether a disk has a
 * write cache is the administrator's to say, and MODE SELECT is refused.
 */
#include <string.h>

#include "command.h"

#define PAGE_CACHING 0x08u
#define PAGE_CONTROL 0x0au
#define PAGE_ALL 0x3fu

enum {
	CURRENT,
	CHANGEABLE,
	DEFAULT,
	SAVED
};

static uint32_t put_caching(const struct disk *disk, uint8_t *at, bool values)
{
	at[0] = PAGE_CACHING;
	at[1] = 0x12;
	if (values && !disk_writes_through(disk) && !disk->read_only)
		at[2] = 0x04; /* a write cache */
	return 2 + 0x12;
}

static uint32_t put_control(uint8_t *at, bool values)
{
	at[0] = PAGE_CONTROL;
	at[1] = 0x0a;
	if (values)
		at[3] = 0x10; /* commands may be done in any order */
	return 2 + 0x0a;
}

/* The short form, 8 bytes. */
static uint32_t put_descriptor(const struct disk *disk, uint8_t *at)
{
	scsi_put32(at, disk->blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)disk->blocks);
	scsi_put32(&at[4], disk->block);
	return 8;
}

static void put_header(const struct disk *disk, uint8_t *data, bool is_long, uint32_t size,
		       uint32_t descriptor)
{
	/* Read-only; FUA is understood. */
	uint8_t specific = (uint8_t)((disk->read_only ? 0x80u : 0) | 0x10u);

	if (is_long) {
		scsi_put16(data, size - 2);
		data[3] = specific;
		scsi_put16(&data[6], descriptor);
	} else {
		data[0] = (uint8_t)(size - 1);
		data[2] = specific;
		data[3] = (uint8_t)descriptor;
	}
}

void command_mode_sense(struct scsi_command *command)
{
	const uint8_t *cdb = command->cdb;
	bool is_long = cdb[0] == SCSI_MODE_SENSE_10;
	uint8_t page = cdb[2] & 0x3f, control = cdb[2] >> 6, subpage = cdb[3];
	uint8_t data[64] = { 0 };
	uint32_t size = is_long ? 8 : 4, descriptor = 0;

	if (control == SAVED) {
		command_fail(command, SENSE_NO_SAVING);
		return;
	}
	if ((page != PAGE_ALL && page != PAGE_CACHING && page != PAGE_CONTROL) ||
	    (subpage && subpage != 0xff)) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	if (!(cdb[1] & 0x08)) /* block descriptors are not disabled */
		descriptor = put_descriptor(command->disk, &data[size]);
	size += descriptor;
	if (page != PAGE_CONTROL)
		size += put_caching(command->disk, &data[size], control != CHANGEABLE);
	if (page != PAGE_CACHING)
		size += put_control(&data[size], control != CHANGEABLE);
	put_header(command->disk, data, is_long, size, descriptor);
	command_answer(command, data, size, is_long ? scsi_get16(&cdb[7]) : cdb[4]);
}
