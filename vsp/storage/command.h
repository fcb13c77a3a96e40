/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the target: how a command is ended, how it gets at its data, and the commands.
 * A command function ends by exactly one of command_good(), command_fail(),
 * command_busy(), command_answer() and command_io().
 */
#ifndef VSP_STORAGE_COMMAND_H
#define VSP_STORAGE_COMMAND_H

#include <stddef.h>

#include "disk.h"
#include "target.h"

/* Identification in INQUIRY. "Msft": Linux's hv_storvsc uses WRITE SAME with no other. */
#define TARGET_VENDOR "Msft    "
#define TARGET_PRODUCT "Virtual Disk    "
#define TARGET_REVISION "1.0 "

/* One UNMAP or WRITE SAME, in blocks and block descriptors. */
#define UNMAP_BLOCKS_MAX 0x800000u
#define UNMAP_DESCRIPTORS_MAX 256u
/* Where the file cannot zero a range these bytes are written one by one. */
#define WRITE_SAME_BYTES_MAX (64u * 1024u * 1024u)

void command_good(struct scsi_command *command);
void command_fail(struct scsi_command *command, enum scsi_sense sense);
void command_busy(struct scsi_command *command); /* no memory: try again */

/* Ends it with data for the guest: as much of it as allocation and buffer take. */
void command_answer(struct scsi_command *command, const void *data, size_t size,
		    uint32_t allocation);

/* Sense data in fixed format, SCSI_SENSE_SIZE bytes. */
void command_sense(uint8_t *bytes, enum scsi_sense sense);

/* Sets command->memory, freed at the command's end. False: the command has ended, BUSY. */
bool command_memory(struct scsi_command *command, uint32_t size);

/* Copies the first bytes that the guest sends. False: there are fewer. */
bool command_take(struct scsi_command *command, void *to, size_t size);

/* Where a command reads or writes, by the layout of its group of CDBs. */
struct command_range {
	uint64_t lba;
	uint32_t count; /* blocks */
	uint8_t flags; /* byte 1; 0 in CDBs of 6 bytes */
};
struct command_range command_range(const struct scsi_command *command);
/* False: it is not all on the disk, and the command has ended. */
bool command_in_range(struct scsi_command *command, uint64_t lba, uint64_t count);

/* Data of `bytes` bytes, all of io.iov: false: the guest's buffer is smaller, the command
 * has ended. */
bool command_data(struct scsi_command *command, uint64_t bytes);

/* Starts command->io for blocks, with what else is set there; then next(), or the end with
 * what the error means. */
void command_io(struct scsi_command *command, enum backend_op op, uint64_t lba, uint64_t count,
		void (*next)(struct scsi_command *command));

/* The commands. */
void command_inquiry(struct scsi_command *command);
void command_inquiry_no_unit(struct scsi_command *command);
void command_mode_sense(struct scsi_command *command);
void command_read(struct scsi_command *command);
void command_write(struct scsi_command *command);
void command_verify(struct scsi_command *command);
void command_synchronize_cache(struct scsi_command *command);
void command_start_stop(struct scsi_command *command);
void command_unmap(struct scsi_command *command);
void command_write_same(struct scsi_command *command);

#endif
