/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands that read, write and flush. */
#include <string.h>

#include "command.h"

#define PROTECT 0xe0u /* protection information, which the disks have not */
#define FUA 0x08u

static void transferred(struct scsi_command *command)
{
	command->transferred = (uint32_t)command->io.length;
	command->bytes = command->io.length;
	command_good(command);
}

static void read_now(struct scsi_command *command)
{
	command_io(command, BACKEND_READ, command->position, command->end - command->position,
		   transferred);
}

/* Whether there is something to do: the range is on the disk, the buffer is large enough,
 * and neither is nothing. Else the command has ended. */
static bool begin(struct scsi_command *command, const struct command_range *range)
{
	if (range->flags & PROTECT) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return false;
	}
	if (!command_in_range(command, range->lba, range->count) ||
	    !command_data(command, (uint64_t)range->count * command->disk->block))
		return false;
	if (!range->count) {
		command_good(command);
		return false;
	}
	command->position = range->lba;
	command->end = range->lba + range->count;
	return true;
}

void command_read(struct scsi_command *command)
{
	struct command_range range = command_range(command);

	command->kind = SCSI_KIND_READ;
	if (!begin(command, &range))
		return;
	/* FUA: what is read is on the medium. */
	if (range.flags & FUA && !command->disk->read_only)
		command_io(command, BACKEND_FLUSH, 0, 0, read_now);
	else
		read_now(command);
}

void command_write(struct scsi_command *command)
{
	struct command_range range = command_range(command);

	command->kind = SCSI_KIND_WRITE;
	if (!begin(command, &range))
		return;
	command->io.durable = range.flags & FUA || disk_writes_through(command->disk);
	command_io(command, BACKEND_WRITE, range.lba, range.count, transferred);
}

/* ---- VERIFY ---- */

static void compare(struct scsi_command *command)
{
	const uint8_t *at = command->memory;
	uint64_t left = command->io.length;

	for (int i = 0; left; i++) {
		size_t now = command->iov[i].iov_len;

		if (memcmp(at, command->iov[i].iov_base, now) != 0) {
			command_fail(command, SENSE_MISCOMPARE);
			return;
		}
		at += now;
		left -= now;
	}
	command->transferred = (uint32_t)command->io.length;
	command_good(command);
}

/* BYTCHK 0: nothing is compared, and that the medium can be read is the backend's care. */
void command_verify(struct scsi_command *command)
{
	struct command_range range = command_range(command);
	uint64_t bytes = (uint64_t)range.count * command->disk->block;
	unsigned int check = range.flags >> 1 & 3;

	if (range.flags & PROTECT || check > 1) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	if (!check) {
		if (command_in_range(command, range.lba, range.count))
			command_good(command);
		return;
	}
	if (!begin(command, &range))
		return;
	if (!command_memory(command, (uint32_t)bytes))
		return;
	command->one = (struct iovec){ .iov_base = command->memory, .iov_len = bytes };
	command->io.iov = &command->one;
	command->io.iov_count = 1;
	command_io(command, BACKEND_READ, range.lba, range.count, compare);
}

/* ---- Flush ---- */

void command_synchronize_cache(struct scsi_command *command)
{
	struct command_range range = command_range(command);

	command->kind = SCSI_KIND_FLUSH;
	if (command_in_range(command, range.lba, range.count))
		command_io(command, BACKEND_FLUSH, 0, 0, command_good);
}

/* Stopping flushes; the disk goes on to answer. */
void command_start_stop(struct scsi_command *command)
{
	uint8_t flags = command->cdb[4];

	if (flags & 2) /* loading and ejecting */
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
	else if (flags & 1 || flags & 4) /* start; stop without flush */
		command_good(command);
	else
		command_io(command, BACKEND_FLUSH, 0, 0, command_good);
}
