/* SPDX-License-Identifier: GPL-2.0-only */
/* INQUIRY: what a unit is. Pages of vital product data: the numbers are SPC-4's, SBC-3's. */
#include <string.h>

#include "command.h"

#define STANDARD_SIZE 96u

static void fill_standard(uint8_t *data)
{
	data[2] = 6; /* SPC-4 */
	data[3] = 0x12; /* units by hierarchical addresses; the format of these data */
	data[4] = STANDARD_SIZE - 5;
	data[7] = 0x02; /* many commands at once */
	memcpy(&data[8], TARGET_VENDOR, 8);
	memcpy(&data[16], TARGET_PRODUCT, 16);
	memcpy(&data[32], TARGET_REVISION, 4);
	scsi_put16(&data[58], 0x00a0); /* SAM-5 */
	scsi_put16(&data[60], 0x0460); /* SPC-4 */
	scsi_put16(&data[62], 0x04c0); /* SBC-3 */
}

/* The device is no disk, and there is none: lets a guest go on to REPORT LUNS. */
void command_inquiry_no_unit(struct scsi_command *command)
{
	uint8_t data[STANDARD_SIZE] = { 0x7f };

	if (command->cdb[1] & 1 || command->cdb[2]) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	fill_standard(data);
	command_answer(command, data, sizeof(data), scsi_get16(&command->cdb[3]));
}

/* ---- Pages ----
 * Each fills data from byte 4 on and returns the bytes that it filled. */

#define PAGE_MAX 128u

static uint32_t page_list(const struct disk *disk, uint8_t *data)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	uint32_t size = 0;

	for (uint32_t i = 0; i < sizeof(pages); i++) {
		if (pages[i] != 0x80 || disk->serial[0])
			data[4 + size++] = pages[i];
	}
	return size;
}

static uint32_t page_serial(const struct disk *disk, uint8_t *data)
{
	uint32_t size = (uint32_t)strlen(disk->serial);

	memcpy(&data[4], disk->serial, size);
	return size;
}

static uint32_t page_identification(const struct disk *disk, uint8_t *data)
{
	uint32_t length = (uint32_t)strlen(disk->serial);
	uint8_t *at = &data[4];

	if (disk->locally_assigned) {
		at[0] = 1; /* binary */
		at[1] = 3; /* NAA */
		at[3] = 8;
		/* NAA 3: locally assigned, unique where it is used */
		scsi_put64(&at[4], 3ull << 60 | disk->locally_assigned);
		at += 12;
	}
	if (length) {
		at[0] = 2; /* ASCII */
		at[1] = 1; /* vendor, then what is the vendor's */
		at[3] = (uint8_t)(8 + length);
		memcpy(&at[4], TARGET_VENDOR, 8);
		memcpy(&at[12], disk->serial, length);
		at += 12 + length;
	}
	return (uint32_t)(at - data) - 4;
}

static uint32_t page_limits(const struct disk *disk, uint8_t *data)
{
	data[4] = 1; /* WRITE SAME of 0 blocks is refused */
	scsi_put16(&data[6], disk->physical_block / disk->block);
	scsi_put32(&data[8], DISK_TRANSFER_MAX / disk->block);
	if (disk->discard) {
		scsi_put32(&data[20], UNMAP_BLOCKS_MAX);
		scsi_put32(&data[24], UNMAP_DESCRIPTORS_MAX);
		scsi_put32(&data[28], disk->granularity / disk->block);
		scsi_put32(&data[32], 0x80000000u); /* alignment: valid, 0 */
	}
	if (!disk->read_only)
		scsi_put64(&data[36], WRITE_SAME_BYTES_MAX / disk->block);
	return 0x3c;
}

static uint32_t page_characteristics(const struct disk *disk, uint8_t *data)
{
	(void)disk;
	scsi_put16(&data[4], 1); /* nothing rotates */
	return 0x3c;
}

static uint32_t page_provisioning(const struct disk *disk, uint8_t *data)
{
	if (disk->discard) {
		data[5] = 0xe0; /* UNMAP and both forms of WRITE SAME free space */
		if (disk->backend->discard_zeroes)
			data[5] |= 1 << 2;
		data[6] = 2; /* thin */
	}
	return 4;
}

static uint32_t (*page_of(const struct disk *disk, uint8_t page))(const struct disk *, uint8_t *)
{
	switch (page) {
	case 0x00:
		return page_list;
	case 0x80:
		return disk->serial[0] ? page_serial : NULL;
	case 0x83:
		return page_identification;
	case 0xb0:
		return page_limits;
	case 0xb1:
		return page_characteristics;
	case 0xb2:
		return page_provisioning;
	default:
		return NULL;
	}
}

void command_inquiry(struct scsi_command *command)
{
	uint32_t (*fill)(const struct disk *, uint8_t *) = NULL;
	uint8_t data[PAGE_MAX] = { 0 };
	uint32_t size = STANDARD_SIZE;

	if (command->cdb[1] & 1) {
		fill = page_of(command->disk, command->cdb[2]);
		if (!fill) {
			command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
			return;
		}
		data[1] = command->cdb[2];
		size = fill(command->disk, data);
		scsi_put16(&data[2], size);
		size += 4;
	} else if (command->cdb[2]) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	} else {
		fill_standard(data);
	}
	command_answer(command, data, size, scsi_get16(&command->cdb[3]));
}
