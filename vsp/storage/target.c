/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See target.h: what comes before and after each command, and the commands about units.
 */
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* ---- Ends ---- */

static void end(struct scsi_command *command, enum scsi_status status)
{
	command->status = status;
	if (status != SCSI_GOOD)
		command->transferred = 0;
	if (command->memory) {
		*command->scratch -= command->memory_size;
		free(command->memory);
		command->memory = NULL;
	}
	command->done(command);
}

void command_good(struct scsi_command *command)
{
	end(command, SCSI_GOOD);
}

void command_sense(uint8_t *bytes, enum scsi_sense sense)
{
	memset(bytes, 0, SCSI_SENSE_SIZE);
	bytes[0] = 0x70; /* current, fixed format */
	bytes[2] = (uint8_t)(sense >> 16);
	bytes[7] = SCSI_SENSE_SIZE - 8;
	bytes[12] = (uint8_t)(sense >> 8);
	bytes[13] = (uint8_t)sense;
}

void command_fail(struct scsi_command *command, enum scsi_sense sense)
{
	command_sense(command->sense, sense);
	end(command, SCSI_CHECK_CONDITION);
}

void command_busy(struct scsi_command *command)
{
	end(command, SCSI_BUSY);
}

/* ---- Data ---- */

bool command_memory(struct scsi_command *command, uint32_t size)
{
	if (size <= TARGET_SCRATCH_MAX - *command->scratch)
		command->memory = malloc(size);
	if (!command->memory) {
		command_busy(command);
		return false;
	}
	command->memory_size = size;
	*command->scratch += size;
	return true;
}

void command_answer(struct scsi_command *command, const void *data, size_t size,
		    uint32_t allocation)
{
	const uint8_t *from = data;
	uint32_t left = size < allocation ? (uint32_t)size : allocation;

	for (int i = 0; i < command->iov_count && left; i++) {
		const struct iovec *iov = &command->iov[i];
		uint32_t now = left < iov->iov_len ? left : (uint32_t)iov->iov_len;

		memcpy(iov->iov_base, from, now);
		from += now;
		left -= now;
		command->transferred += now;
	}
	command_good(command);
}

bool command_take(struct scsi_command *command, void *to, size_t size)
{
	uint8_t *at = to;

	if (size > command->size)
		return false;
	for (int i = 0; i < command->iov_count && size; i++) {
		const struct iovec *iov = &command->iov[i];
		size_t now = size < iov->iov_len ? size : iov->iov_len;

		memcpy(at, iov->iov_base, now);
		at += now;
		size -= now;
	}
	return !size;
}

bool command_data(struct scsi_command *command, uint64_t bytes)
{
	size_t left;
	int count = 0;

	if (bytes > command->size) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return false;
	}
	for (left = bytes; left; count++) {
		struct iovec *iov = &command->iov[count];

		if (iov->iov_len > left)
			iov->iov_len = left;
		left -= iov->iov_len;
	}
	command->io.iov = command->iov;
	command->io.iov_count = count;
	return true;
}

struct command_range command_range(const struct scsi_command *command)
{
	const uint8_t *cdb = command->cdb;
	struct command_range range = { .flags = cdb[1] };

	switch (cdb[0] >> 5) {
	case 0:
		range.lba = (uint32_t)(cdb[1] & 0x1f) << 16 | scsi_get16(&cdb[2]);
		range.count = cdb[4] ? cdb[4] : 256;
		range.flags = 0;
		break;
	case 4:
		range.lba = scsi_get64(&cdb[2]);
		range.count = scsi_get32(&cdb[10]);
		break;
	case 5:
		range.lba = scsi_get32(&cdb[2]);
		range.count = scsi_get32(&cdb[6]);
		break;
	default:
		range.lba = scsi_get32(&cdb[2]);
		range.count = scsi_get16(&cdb[7]);
		break;
	}
	return range;
}

bool command_in_range(struct scsi_command *command, uint64_t lba, uint64_t count)
{
	uint64_t blocks = command->disk->blocks;

	if (lba <= blocks && count <= blocks - lba)
		return true;
	command_fail(command, SENSE_LBA_OUT_OF_RANGE);
	return false;
}

/* ---- The backend ---- */

static enum storage_event_kind event_of(enum backend_op op, int error)
{
	if (op == BACKEND_READ)
		return STORAGE_EVENT_READ_ERROR;
	if (error == ENOSPC || error == EDQUOT)
		return STORAGE_EVENT_NO_SPACE;
	return op == BACKEND_FLUSH ? STORAGE_EVENT_FLUSH_ERROR : STORAGE_EVENT_WRITE_ERROR;
}

static enum scsi_sense sense_of(enum backend_op op, int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return op == BACKEND_READ ? SENSE_READ_ERROR : SENSE_NO_SPACE;
	case EROFS:
	case EPERM:
	case EACCES:
		return op == BACKEND_READ ? SENSE_TARGET_FAILURE : SENSE_WRITE_PROTECTED;
	case EIO:
	case EILSEQ:
	case ENODATA:
	case EFBIG:
		return op == BACKEND_READ ? SENSE_READ_ERROR : SENSE_WRITE_ERROR;
	default:
		return SENSE_TARGET_FAILURE;
	}
}

static void io_done(struct backend_io *io, int error)
{
	struct scsi_command *command =
		(struct scsi_command *)((char *)io - offsetof(struct scsi_command, io));

	if (!error) {
		command->next(command);
		return;
	}
	if (error == ENOMEM) {
		command_busy(command);
		return;
	}
	disk_event(command->disk, event_of(io->op, error), error, io->offset, io->length);
	command_fail(command, sense_of(io->op, error));
}

void command_io(struct scsi_command *command, enum backend_op op, uint64_t lba, uint64_t count,
		void (*next)(struct scsi_command *command))
{
	struct backend *backend = command->disk->backend;

	command->io.op = op;
	command->io.offset = lba * command->disk->block;
	command->io.length = count * command->disk->block;
	command->io.done = io_done;
	command->next = next;
	backend->ops->start(backend, &command->io);
}

/* ---- Commands about units ---- */

/* The most urgent condition, and it is told from then on. */
static enum scsi_sense take_attention(struct scsi_command *command)
{
	uint8_t *attention = &command->attention[command->lun];

	if (*attention & ATTENTION_RESET) {
		*attention &= (uint8_t)~ATTENTION_RESET;
		return SENSE_RESET;
	}
	if (*attention & ATTENTION_CAPACITY) {
		*attention &= (uint8_t)~ATTENTION_CAPACITY;
		return SENSE_CAPACITY_CHANGED;
	}
	if (*attention & ATTENTION_LUNS) {
		*attention &= (uint8_t)~ATTENTION_LUNS;
		return SENSE_LUNS_CHANGED;
	}
	return SENSE_NONE;
}

static void request_sense(struct scsi_command *command)
{
	enum scsi_sense sense = SENSE_NO_UNIT;
	uint8_t bytes[SCSI_SENSE_SIZE];

	if (command->cdb[1] & 1) { /* descriptor format */
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	if (command->disk)
		sense = take_attention(command);
	command_sense(bytes, sense);
	command_answer(command, bytes, sizeof(bytes), command->cdb[4]);
}

static void report_luns(struct scsi_command *command)
{
	uint8_t list[8 + 8 * STORAGE_LUNS] = { 0 };
	uint32_t allocation = scsi_get32(&command->cdb[6]), size = 8;
	uint8_t report = command->cdb[2];

	/* 1: well-known units only, of which there are none */
	if (report > 2 || allocation < 16) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	for (uint32_t lun = 0; lun < STORAGE_LUNS && report != 1; lun++) {
		if (command->luns >> lun & 1) {
			list[size + 1] = (uint8_t)lun;
			size += 8;
		}
	}
	for (uint32_t lun = 0; lun < STORAGE_LUNS && command->attention; lun++)
		command->attention[lun] &= (uint8_t)~ATTENTION_LUNS;
	scsi_put32(list, size - 8);
	command_answer(command, list, size, allocation);
}

static void read_capacity_10(struct scsi_command *command)
{
	uint64_t last = command->disk->blocks - 1;
	uint8_t data[8];

	if (scsi_get32(&command->cdb[2]) || command->cdb[8] & 1) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	scsi_put32(data, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
	scsi_put32(&data[4], command->disk->block);
	command_answer(command, data, sizeof(data), sizeof(data));
}

static void service_action_in_16(struct scsi_command *command)
{
	const struct disk *disk = command->disk;
	uint8_t data[32] = { 0 };

	if ((command->cdb[1] & 0x1f) != SCSI_READ_CAPACITY_16) {
		command_fail(command, SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	scsi_put64(data, disk->blocks - 1);
	scsi_put32(&data[8], disk->block);
	data[13] = disk->physical_block > disk->block ? 3 : 0; /* 8 logical in a physical one */
	if (disk->discard)
		data[14] = disk->backend->discard_zeroes ? 0xc0 : 0x80; /* LBPME, LBPRZ */
	command_answer(command, data, sizeof(data), scsi_get32(&command->cdb[10]));
}

/* ---- All commands ---- */

enum {
	TAKES = 1, /* data from the guest */
	GIVES = 2, /* data to the guest */
	CHANGES = 4, /* the medium: not on a read-only disk */
	ALWAYS = 8, /* unit attention conditions wait for another command */
};

static const struct {
	void (*run)(struct scsi_command *command);
	void (*no_unit)(struct scsi_command *command); /* NULL: needs a unit */
	unsigned int flags;
} commands[256] = {
	[SCSI_TEST_UNIT_READY] = { command_good, NULL, 0 },
	[SCSI_REQUEST_SENSE] = { request_sense, request_sense, GIVES | ALWAYS },
	[SCSI_READ_6] = { command_read, NULL, GIVES },
	[SCSI_WRITE_6] = { command_write, NULL, TAKES | CHANGES },
	[SCSI_INQUIRY] = { command_inquiry, command_inquiry_no_unit, GIVES | ALWAYS },
	[SCSI_MODE_SENSE_6] = { command_mode_sense, NULL, GIVES },
	[SCSI_START_STOP_UNIT] = { command_start_stop, NULL, 0 },
	[SCSI_READ_CAPACITY_10] = { read_capacity_10, NULL, GIVES },
	[SCSI_READ_10] = { command_read, NULL, GIVES },
	[SCSI_WRITE_10] = { command_write, NULL, TAKES | CHANGES },
	[SCSI_VERIFY_10] = { command_verify, NULL, TAKES },
	[SCSI_SYNCHRONIZE_CACHE_10] = { command_synchronize_cache, NULL, 0 },
	[SCSI_WRITE_SAME_10] = { command_write_same, NULL, TAKES | CHANGES },
	[SCSI_UNMAP] = { command_unmap, NULL, TAKES | CHANGES },
	[SCSI_MODE_SENSE_10] = { command_mode_sense, NULL, GIVES },
	[SCSI_READ_16] = { command_read, NULL, GIVES },
	[SCSI_WRITE_16] = { command_write, NULL, TAKES | CHANGES },
	[SCSI_VERIFY_16] = { command_verify, NULL, TAKES },
	[SCSI_SYNCHRONIZE_CACHE_16] = { command_synchronize_cache, NULL, 0 },
	[SCSI_WRITE_SAME_16] = { command_write_same, NULL, TAKES | CHANGES },
	[SCSI_SERVICE_ACTION_IN_16] = { service_action_in_16, NULL, GIVES },
	[SCSI_REPORT_LUNS] = { report_luns, report_luns, GIVES | ALWAYS },
	[SCSI_READ_12] = { command_read, NULL, GIVES },
	[SCSI_WRITE_12] = { command_write, NULL, TAKES | CHANGES },
	[SCSI_VERIFY_12] = { command_verify, NULL, TAKES },
};

/* Bytes of a CDB by its group, bits 7:5 of the opcode; 0: none that is known here. */
static const uint8_t cdb_sizes[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };

static bool has_wrong_direction(const struct scsi_command *command, unsigned int flags)
{
	if (!command->size || command->direction == SCSI_DATA_EITHER)
		return false;
	return command->direction == SCSI_DATA_IN ? flags & TAKES : flags & GIVES;
}

/* What is wrong with the command itself, or SENSE_NONE. */
static enum scsi_sense find_fault(const struct scsi_command *command)
{
	uint8_t opcode = command->cdb[0];

	if (!commands[opcode].run)
		return SENSE_INVALID_OPCODE;
	if (command->cdb_size < cdb_sizes[opcode >> 5] ||
	    has_wrong_direction(command, commands[opcode].flags))
		return SENSE_INVALID_FIELD_IN_CDB;
	return SENSE_NONE;
}

static void start_without_unit(struct scsi_command *command)
{
	void (*run)(struct scsi_command *) = commands[command->cdb[0]].no_unit;
	enum scsi_sense sense = run ? find_fault(command) : SENSE_NO_UNIT;

	command->no_unit = !run;
	if (sense == SENSE_NONE)
		run(command);
	else
		command_fail(command, sense);
}

static void start_at_unit(struct scsi_command *command)
{
	unsigned int flags = commands[command->cdb[0]].flags;
	enum scsi_sense sense = SENSE_NONE;

	if (!(flags & ALWAYS))
		sense = take_attention(command);
	if (sense == SENSE_NONE)
		sense = find_fault(command);
	if (sense == SENSE_NONE && flags & CHANGES && command->disk->read_only)
		sense = SENSE_WRITE_PROTECTED;
	if (sense == SENSE_NONE)
		commands[command->cdb[0]].run(command);
	else
		command_fail(command, sense);
}

void target_start(struct scsi_command *command)
{
	if (command->disk)
		start_at_unit(command);
	else
		start_without_unit(command);
}
