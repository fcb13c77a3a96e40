/* SPDX-License-Identifier: GPL-2.0-only */
/* UNMAP and WRITE SAME. */
#include <string.h>

#include "command.h"

#define ANCHOR 0x10u
#define PATTERN_BYTES_MAX (256u * 1024u)

/* ---- UNMAP ---- */

/* A block descriptor of the parameter list, 16 bytes each from byte 8 on. */
static const uint8_t *descriptor(const struct scsi_command *command, uint32_t index)
{
	return (const uint8_t *)command->memory + 8 + (size_t)16 * index;
}

/* False: the command has ended. */
static bool check_descriptors(struct scsi_command *command)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < command->steps; i++) {
		uint64_t lba = scsi_get64(descriptor(command, i));
		uint32_t count = scsi_get32(descriptor(command, i) + 8);

		total += count;
		if (!command_in_range(command, lba, count))
			return false;
	}
	if (total <= UNMAP_BLOCKS_MAX)
		return true;
	command_fail(command, SENSE_INVALID_FIELD_IN_LIST);
	return false;
}

static void unmap_next(struct scsi_command *command)
{
	command->bytes += command->step ? command->io.length : 0;
	while (command->step < command->steps) {
		const uint8_t *at = descriptor(command, command->step);
		uint64_t lba = scsi_get64(at);
		uint32_t count = scsi_get32(at + 8);

		command->step++;
		if (count) {
			command_io(command, BACKEND_DISCARD, lba, count, unmap_next);
			return;
		}
		command->io.length = 0;
	}
	command_good(command);
}

void command_unmap(struct scsi_command *command)
{
	uint32_t size = scsi_get16(&command->cdb[7]), descriptors;

	command->kind = SCSI_KIND_DISCARD;
	if (!command->disk->discard) {
		command_fail(command, SENSE_INVALID_OPCODE);
		return;
	}
	if (command->cdb[1] & 1 || size > command->size) { /* anchor; data are missing */
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	if (size && size < 8) {
		command_fail(command, SENSE_PARAMETER_LIST_LENGTH);
		return;
	}
	if (!size) {
		command_good(command);
		return;
	}
	if (!command_memory(command, size))
		return;
	command_take(command, command->memory, size); /* there is as much */
	descriptors = scsi_get16((const uint8_t *)command->memory + 2);
	if (descriptors > size - 8)
		descriptors = size - 8;
	command->steps = descriptors / 16;
	command->transferred = size;
	command->io.durable = disk_writes_through(command->disk);
	if (command->steps > UNMAP_DESCRIPTORS_MAX)
		command_fail(command, SENSE_INVALID_FIELD_IN_LIST);
	else if (check_descriptors(command))
		unmap_next(command);
}

/* ---- WRITE SAME ---- */

static void same_done(struct scsi_command *command)
{
	command->transferred = command->size < command->disk->block ? command->size :
								      command->disk->block;
	command_good(command);
}

/* Writes the pattern piece by piece; what the last one flushes is all of them. */
static void same_next(struct scsi_command *command)
{
	uint64_t left = command->end - command->position, lba = command->position;
	uint32_t block = command->disk->block;

	if (!left) {
		same_done(command);
		return;
	}
	if (left > command->steps)
		left = command->steps;
	command->position += left;
	command->one = (struct iovec){ .iov_base = command->memory, .iov_len = left * block };
	command->io.iov = &command->one;
	command->io.iov_count = 1;
	command->io.durable = command->position == command->end &&
			      disk_writes_through(command->disk);
	command_io(command, BACKEND_WRITE, lba, left, same_next);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, size - 1);
}

/* Fills memory with as much of the pattern as is written at once. False: no memory, the
 * command has ended. */
static bool make_pattern(struct scsi_command *command, const uint8_t *pattern)
{
	uint64_t blocks = command->end - command->position;
	uint32_t block = command->disk->block;

	command->steps = PATTERN_BYTES_MAX / block;
	if (blocks < command->steps)
		command->steps = (uint32_t)blocks;
	if (!command_memory(command, command->steps * block))
		return false;
	for (uint32_t i = 0; i < command->steps; i++)
		memcpy((uint8_t *)command->memory + (size_t)i * block, pattern, block);
	return true;
}

/* Of blocks; 0 is refused: "as many as there are" is more than one command may take. */
static bool has_count(const struct scsi_command *command, uint32_t count)
{
	return count && count <= WRITE_SAME_BYTES_MAX / command->disk->block;
}

static void write_same(struct scsi_command *command, const struct command_range *range,
		       const uint8_t *pattern)
{
	command->position = range->lba;
	command->end = range->lba + range->count;
	command->bytes = (uint64_t)range->count * command->disk->block;
	command->io.durable = disk_writes_through(command->disk);
	if (is_zero(pattern, command->disk->block)) {
		command->io.may_free = range->flags & 0x08 && command->disk->discard;
		command_io(command, BACKEND_ZERO, range->lba, range->count, same_done);
	} else if (make_pattern(command, pattern)) {
		same_next(command);
	}
}

void command_write_same(struct scsi_command *command)
{
	struct command_range range = command_range(command);
	/* Zeros without data in the command: only its long form has the bit. */
	bool no_data = command->cdb[0] == SCSI_WRITE_SAME_16 && range.flags & 1;
	uint8_t pattern[4096] = { 0 };

	command->kind = SCSI_KIND_DISCARD;
	/* Protection, anchoring, the address in each block; the short form's last bit. */
	if (range.flags & (0xe0u | ANCHOR | 0x06u) || (range.flags & 1 && !no_data) ||
	    !has_count(command, range.count)) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	if (!command_in_range(command, range.lba, range.count))
		return;
	if (!no_data && !command_take(command, pattern, command->disk->block)) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	write_same(command, &range, pattern);
}
