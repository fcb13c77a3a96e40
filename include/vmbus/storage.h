/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The storage protocol (class VMBUS_CLASS_SCSI), as it lies in packets. All fields are
 * little-endian.
 *
 * The guest opens the first channel and asks, one after the other: BEGIN_INITIALIZATION,
 * QUERY_PROTOCOL_VERSION until one is taken, QUERY_PROPERTIES, END_INITIALIZATION, and
 * where it wants more channels CREATE_SUB_CHANNELS. From then on SCSI commands come on all
 * channels, data as GPA_DIRECT. All packets have the size of struct vstor_packet; an
 * answer has the size of its question and operation COMPLETE_IO. Unasked, the host sends
 * ENUMERATE_BUS with transaction 0.
 *
 * Facts: Linux, drivers/scsi/storvsc_drv.c (struct vstor_packet, struct vmscsi_request);
 * OpenVMM, vm/devices/storage/storvsp/src/protocol.rs (statuses).
 */
#ifndef VMBUS_STORAGE_H
#define VMBUS_STORAGE_H

#include <vmbus/ring.h>

enum vstor_operation {
	VSTOR_COMPLETE_IO = 1,
	VSTOR_REMOVE_DEVICE = 2,
	VSTOR_EXECUTE_SRB = 3,
	VSTOR_RESET_LUN = 4,
	VSTOR_RESET_ADAPTER = 5,
	VSTOR_RESET_BUS = 6,
	VSTOR_BEGIN_INITIALIZATION = 7,
	VSTOR_END_INITIALIZATION = 8,
	VSTOR_QUERY_PROTOCOL_VERSION = 9,
	VSTOR_QUERY_PROPERTIES = 10,
	VSTOR_ENUMERATE_BUS = 11,
	VSTOR_CREATE_SUB_CHANNELS = 13,
};

/* vstor_packet.status: NTSTATUS */
#define VSTOR_STATUS_SUCCESS 0u
#define VSTOR_STATUS_BUSY 0x80000011u
#define VSTOR_STATUS_INVALID_PARAMETER 0xc000000du
#define VSTOR_STATUS_INVALID_REQUEST 0xc0000010u
#define VSTOR_STATUS_REVISION_MISMATCH 0xc0000059u
#define VSTOR_STATUS_NO_DEVICE 0xc00000c0u
#define VSTOR_STATUS_INVALID_STATE 0xc0000184u
#define VSTOR_STATUS_IO_ERROR 0xc0000185u

/* Protocol versions with the long struct vstor_srb; 4.2 and 2.0 have the short one. */
#define VSTOR_VERSION_5_1 0x0501u /* sub-channels */
#define VSTOR_VERSION_6_0 0x0600u
#define VSTOR_VERSION_6_2 0x0602u /* Linux uses WRITE SAME */

struct vstor_version {
	__u16 version; /* VSTOR_VERSION_* */
	__u16 revision; /* 0 */
};

struct vstor_properties {
	__u32 reserved1;
	__u16 max_sub_channels; /* beside the first */
	__u16 reserved2;
	__u32 flags; /* VSTOR_MULTI_CHANNEL */
	__u32 max_transfer; /* bytes of one request's data */
	__u32 reserved3[2];
};

#define VSTOR_MULTI_CHANNEL 1u

#define VSTOR_CDB_MAX 16u
#define VSTOR_SENSE_MAX 20u

enum vstor_direction {
	VSTOR_DATA_OUT = 0, /* to the disk */
	VSTOR_DATA_IN = 1,
	VSTOR_DATA_UNKNOWN = 2, /* none, or by the command */
};

/* A SCSI command; the answer is the same with what came of it. */
struct vstor_srb {
	__u16 size; /* of this structure */
	__u8 srb_status; /* VSTOR_SRB_* */
	__u8 scsi_status;
	__u8 port, path, target, lun;
	__u8 cdb_size;
	__u8 sense_size; /* room; in the answer bytes of sense[] */
	__u8 direction; /* enum vstor_direction */
	__u8 reserved1;
	__u32 data_size; /* bytes; in the answer those transferred */
	union {
		__u8 cdb[VSTOR_CDB_MAX];
		__u8 sense[VSTOR_SENSE_MAX];
	};
	__u16 reserved2;
	__u8 queue_tag, queue_action;
	__u32 flags;
	__u32 timeout; /* seconds */
	__u32 sort_key;
};

#define VSTOR_SRB_SUCCESS 0x01u
#define VSTOR_SRB_ERROR 0x04u
#define VSTOR_SRB_BUSY 0x05u
#define VSTOR_SRB_INVALID_REQUEST 0x06u
#define VSTOR_SRB_INVALID_LUN 0x20u /* Linux removes the disk */
#define VSTOR_SRB_SENSE_VALID 0x80u /* beside one of the above: sense[] is there */

struct vstor_packet {
	__u32 operation; /* enum vstor_operation */
	__u32 flags; /* 1: an answer is wanted; the ring's packet says it too */
	__u32 status; /* VSTOR_STATUS_* */
	union {
		struct vstor_srb srb;
		struct vstor_properties properties;
		struct vstor_version version;
		__u16 sub_channels; /* of CREATE_SUB_CHANNELS */
		__u8 bytes[52];
	};
};

#endif
