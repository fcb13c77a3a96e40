/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SCSI target: does commands on disks, knows nothing of how they come. What it offers
 * is what Linux's sd and sg, blkid, fstrim and lsscsi use; anything else is refused by its
 * sense data.
 *
 * Commands are done beside one another, in any order; there is one task attribute, simple.
 */
#ifndef VSP_STORAGE_TARGET_H
#define VSP_STORAGE_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "backend.h"
#include "scsi.h"
#include "storage.h"

struct disk;

#define TARGET_SCRATCH_MAX (16u * 1024u * 1024u)

/* What a logical unit has to tell with the next command: unit attention conditions. */
enum target_attention {
	ATTENTION_RESET = 1,
	ATTENTION_CAPACITY = 2,
	ATTENTION_LUNS = 4,
};

enum scsi_direction {
	SCSI_DATA_OUT,
	SCSI_DATA_IN,
	SCSI_DATA_EITHER
};

/* For counting. */
enum scsi_kind {
	SCSI_KIND_OTHER,
	SCSI_KIND_READ,
	SCSI_KIND_WRITE,
	SCSI_KIND_FLUSH,
	SCSI_KIND_DISCARD
};

struct scsi_command {
	/* The caller's. All stays until done(). */
	struct disk *disk; /* NULL: there is no such unit */
	uint32_t lun; /* below STORAGE_LUNS where there is a disk */
	uint64_t luns; /* the units that the addressed target has, a bit each */
	uint8_t *attention; /* of STORAGE_LUNS units: ATTENTION_*; NULL: no such target */
	/* Bytes that all commands of the controller hold, to TARGET_SCRATCH_MAX; a command
	 * that finds no more is BUSY. */
	uint32_t *scratch;
	uint8_t cdb[16];
	uint32_t cdb_size;
	enum scsi_direction direction;
	struct iovec *iov; /* guest memory, `size` bytes; the target may change the array */
	int iov_count;
	uint32_t size;
	/* May be called within target_start(). */
	void (*done)(struct scsi_command *command);

	/* What came of it. */
	enum scsi_status status;
	bool no_unit; /* the command needs a unit and there is none */
	uint8_t sense[SCSI_SENSE_SIZE]; /* with CHECK CONDITION */
	uint32_t transferred; /* bytes of iov that were filled or used */
	enum scsi_kind kind;
	uint64_t bytes; /* of the medium: read, written, freed */

	/* The target's, while it is under way. */
	struct backend_io io;
	struct iovec one;
	void *memory; /* of memory_size bytes, counted in *scratch */
	uint32_t memory_size;
	void (*next)(struct scsi_command *command); /* when io is done well */
	uint32_t step, steps;
	uint64_t position, end; /* blocks */
};

void target_start(struct scsi_command *command);

#endif
