/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SCSI by its public names: what SAM-5, SPC-4 and SBC-3 number. Fields of commands and
 * answers are big-endian.
 */
#ifndef VSP_STORAGE_SCSI_H
#define VSP_STORAGE_SCSI_H

#include <stdint.h>

enum scsi_opcode {
	SCSI_TEST_UNIT_READY = 0x00,
	SCSI_REQUEST_SENSE = 0x03,
	SCSI_READ_6 = 0x08,
	SCSI_WRITE_6 = 0x0a,
	SCSI_INQUIRY = 0x12,
	SCSI_MODE_SENSE_6 = 0x1a,
	SCSI_START_STOP_UNIT = 0x1b,
	SCSI_READ_CAPACITY_10 = 0x25,
	SCSI_READ_10 = 0x28,
	SCSI_WRITE_10 = 0x2a,
	SCSI_VERIFY_10 = 0x2f,
	SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	SCSI_WRITE_SAME_10 = 0x41,
	SCSI_UNMAP = 0x42,
	SCSI_MODE_SENSE_10 = 0x5a,
	SCSI_PERSISTENT_RESERVE_IN = 0x5e,
	SCSI_PERSISTENT_RESERVE_OUT = 0x5f,
	SCSI_READ_16 = 0x88,
	SCSI_WRITE_16 = 0x8a,
	SCSI_VERIFY_16 = 0x8f,
	SCSI_SYNCHRONIZE_CACHE_16 = 0x91,
	SCSI_WRITE_SAME_16 = 0x93,
	SCSI_SERVICE_ACTION_IN_16 = 0x9e,
	SCSI_REPORT_LUNS = 0xa0,
	SCSI_READ_12 = 0xa8,
	SCSI_WRITE_12 = 0xaa,
	SCSI_VERIFY_12 = 0xaf,
};

/* Service action of SERVICE ACTION IN (16). */
#define SCSI_READ_CAPACITY_16 0x10u

enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_BUSY = 0x08,
};

/* Sense: key, additional code and its qualifier in one number, 0xKKAAQQ. */
#define SCSI_SENSE(key, asc, ascq) ((uint32_t)(key) << 16 | (uint32_t)(asc) << 8 | (ascq))
enum scsi_sense {
	SENSE_NONE = SCSI_SENSE(0x0, 0x00, 0x00),
	SENSE_WRITE_ERROR = SCSI_SENSE(0x3, 0x0c, 0x00),
	SENSE_READ_ERROR = SCSI_SENSE(0x3, 0x11, 0x00),
	SENSE_TARGET_FAILURE = SCSI_SENSE(0x4, 0x44, 0x00), /* internal */
	SENSE_PARAMETER_LIST_LENGTH = SCSI_SENSE(0x5, 0x1a, 0x00),
	SENSE_INVALID_OPCODE = SCSI_SENSE(0x5, 0x20, 0x00),
	SENSE_LBA_OUT_OF_RANGE = SCSI_SENSE(0x5, 0x21, 0x00),
	SENSE_INVALID_FIELD_IN_CDB = SCSI_SENSE(0x5, 0x24, 0x00),
	SENSE_NO_UNIT = SCSI_SENSE(0x5, 0x25, 0x00),
	SENSE_INVALID_FIELD_IN_LIST = SCSI_SENSE(0x5, 0x26, 0x00),
	SENSE_NO_SAVING = SCSI_SENSE(0x5, 0x39, 0x00),
	SENSE_RESET = SCSI_SENSE(0x6, 0x29, 0x00),
	SENSE_CAPACITY_CHANGED = SCSI_SENSE(0x6, 0x2a, 0x09),
	SENSE_LUNS_CHANGED = SCSI_SENSE(0x6, 0x3f, 0x0e),
	SENSE_WRITE_PROTECTED = SCSI_SENSE(0x7, 0x27, 0x00),
	SENSE_NO_SPACE = SCSI_SENSE(0x7, 0x27, 0x07), /* space allocation failed */
	SENSE_MISCOMPARE = SCSI_SENSE(0xe, 0x1d, 0x00),
};

/* Fixed format. */
#define SCSI_SENSE_SIZE 18u

static inline uint16_t scsi_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t scsi_get32(const uint8_t *at)
{
	return (uint32_t)scsi_get16(at) << 16 | scsi_get16(at + 2);
}

static inline uint64_t scsi_get64(const uint8_t *at)
{
	return (uint64_t)scsi_get32(at) << 32 | scsi_get32(at + 4);
}

static inline void scsi_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void scsi_put32(uint8_t *at, uint32_t value)
{
	scsi_put16(at, value >> 16);
	scsi_put16(at + 2, value);
}

static inline void scsi_put64(uint8_t *at, uint64_t value)
{
	scsi_put32(at, (uint32_t)(value >> 32));
	scsi_put32(at + 4, (uint32_t)value);
}

#endif
