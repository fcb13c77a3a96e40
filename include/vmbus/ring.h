/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * VMBus rings and packets, as both ends see them in shared memory. All fields are
 * little-endian.
 *
 * A channel has two rings in one GPADL: guest to host, then host to guest. Each is a
 * page of struct vmbus_ring_header and whole pages of data. Indices are bytes from the
 * begin of the data, multiples of 8, below the data's size. Equal indices: empty; a
 * writer leaves 8 bytes free so that full is different.
 *
 * Facts: Linux, include/linux/hyperv.h (struct hv_ring_buffer, struct
 * vmpacket_descriptor), drivers/hv/ring_buffer.c.
 */
#ifndef VMBUS_RING_H
#define VMBUS_RING_H

#include <linux/types.h>

#define VMBUS_PAGE_SIZE 4096u

struct vmbus_ring_header {
	__u32 write_index; /* the writer's */
	__u32 read_index; /* the reader's */
	__u32 interrupt_mask; /* the reader's: not 0: it wants no signal */
	__u32 pending_send_size; /* the writer's: not 0: it waits for more than that to be
				  * free, and wants a signal then. Upper bits may hold
				  * anything: at most the data's size counts. */
	__u32 reserved1[12];
	__u32 features; /* VMBUS_RING_* */
	__u32 reserved2[VMBUS_PAGE_SIZE / 4 - 17];
};

/* The ring's reader heeds pending_send_size. */
#define VMBUS_RING_PENDING_SEND_SIZE 1u

/*
 * A packet: this, more of a header by its type, the payload up to the next multiple of
 * 8, and 8 bytes behind: the write index at the packet's begin in bits 63:32 (nobody
 * reads it). Sizes are in units of 8 bytes and count from here, without those last 8.
 */
struct vmbus_packet {
	__u16 type; /* enum vmbus_packet_type */
	__u16 header_size; /* where the payload begins */
	__u16 size; /* header and payload */
	__u16 flags; /* VMBUS_PACKET_* */
	__u64 transaction; /* an answer has its question's */
};

#define VMBUS_PACKET_ANSWER_WANTED 1u /* completion requested */
#define VMBUS_PACKET_TRAILER 8u
/* What 16 bits can say. */
#define VMBUS_PACKET_MAX (65535u * 8u)

enum vmbus_packet_type {
	VMBUS_PACKET_INBAND = 6,
	VMBUS_PACKET_TRANSFER_PAGES = 7, /* struct vmbus_transfer_pages */
	VMBUS_PACKET_GPA_DIRECT = 9, /* struct vmbus_gpa_direct */
	VMBUS_PACKET_COMPLETION = 11, /* an answer */
};

/* Behind the header of a GPA_DIRECT packet: memory of the guest, in ranges that follow
 * one another, each struct vmbus_gpa_range and its page numbers. */
struct vmbus_gpa_direct {
	__u32 reserved;
	__u32 range_count;
};

struct vmbus_gpa_range {
	__u32 length; /* bytes */
	__u32 offset; /* bytes into the first page */
	/* __u64 pfn[]: as many pages as offset and length cover */
};

/* Behind the header of a TRANSFER_PAGES packet: parts of a buffer that was agreed on. */
struct vmbus_transfer_pages {
	__u16 buffer; /* id of the buffer */
	__u8 sender_owns;
	__u8 reserved;
	__u32 range_count;
	struct vmbus_transfer_range {
		__u32 length;
		__u32 offset;
	} ranges[];
};

#endif
