/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Messages of VMBus's control protocol, in the payload of SynIC messages of type 1. All
 * fields are little-endian; structures are packed as on the wire. Unused fields are 0
 * from the server and may be anything from the guest.
 *
 * Facts: Linux, include/linux/hyperv.h, drivers/hv/{connection,channel_mgmt,channel}.c;
 * OpenVMM, vm/devices/vmbus/vmbus_core/src/protocol.rs (versions, sizes).
 */
#ifndef VMBUS_MESSAGE_H
#define VMBUS_MESSAGE_H

#include <vmbus/guid.h>

/* Connections that a guest posts to: the old one up to version 4.1, the new one for
 * INITIATE_CONTACT from 5.0 on; then what VERSION_RESPONSE tells. */
#define VMBUS_CONNECTION_OLD 1u
#define VMBUS_CONNECTION_NEW 4u
/* Where messages and signals go to the guest, and the type of messages both ways. */
#define VMBUS_SINT 2u
#define VMBUS_MESSAGE_TYPE 1u
/* Bytes of a message, SynIC's limit. */
#define VMBUS_MESSAGE_MAX 240u

#define VMBUS_VERSION(major, minor) ((__u32)(major) << 16 | (minor))

/* Relids and event flags are below this, and not 0. */
#define VMBUS_RELIDS 2048u

#define VMBUS_USER_BYTES 120u

/* NT status codes of answers; a guest looks at 0 or not 0. */
#define VMBUS_STATUS_OK 0u
#define VMBUS_STATUS_UNSUCCESSFUL 0xc0000001u

enum vmbus_message_type {
	VMBUS_MSG_OFFER_CHANNEL = 1, /* to the guest */
	VMBUS_MSG_RESCIND_OFFER = 2, /* to the guest */
	VMBUS_MSG_REQUEST_OFFERS = 3, /* header only */
	VMBUS_MSG_ALL_OFFERS_DELIVERED = 4, /* to the guest, header only */
	VMBUS_MSG_OPEN_CHANNEL = 5,
	VMBUS_MSG_OPEN_RESULT = 6, /* to the guest */
	VMBUS_MSG_CLOSE_CHANNEL = 7, /* has no answer */
	VMBUS_MSG_GPADL_HEADER = 8,
	VMBUS_MSG_GPADL_BODY = 9,
	VMBUS_MSG_GPADL_CREATED = 10, /* to the guest */
	VMBUS_MSG_GPADL_TEARDOWN = 11,
	VMBUS_MSG_GPADL_TORNDOWN = 12, /* to the guest */
	VMBUS_MSG_RELID_RELEASED = 13,
	VMBUS_MSG_INITIATE_CONTACT = 14,
	VMBUS_MSG_VERSION_RESPONSE = 15, /* to the guest */
	VMBUS_MSG_UNLOAD = 16, /* header only */
	VMBUS_MSG_UNLOAD_RESPONSE = 17, /* to the guest, header only */
	VMBUS_MSG_OPEN_RESERVED = 18, /* 18..20: channels of another kind, not served */
	VMBUS_MSG_CLOSE_RESERVED = 19,
	VMBUS_MSG_CLOSE_RESERVED_RESULT = 20,
	VMBUS_MSG_TL_CONNECT_REQUEST = 21, /* 21, 23: hvsock, not served */
	VMBUS_MSG_MODIFY_CHANNEL = 22, /* from 4.1 on */
	VMBUS_MSG_TL_CONNECT_RESULT = 23, /* to the guest */
	VMBUS_MSG_MODIFY_RESULT = 24, /* to the guest, from 5.3 on */
};

struct vmbus_message_header {
	__u32 type; /* enum vmbus_message_type */
	__u32 reserved;
} __attribute__((packed));

/* flags of an offer */
#define VMBUS_OFFER_ENUMERATE 0x0001u /* shows as a device of its interface */
#define VMBUS_OFFER_PIPE 0x0010u /* user bytes begin with struct vmbus_pipe_user */
#define VMBUS_OFFER_TLNPI 0x2000u /* hvsock */

struct vmbus_pipe_user {
	__u32 mode; /* VMBUS_PIPE_* */
	__u8 user[VMBUS_USER_BYTES - 4];
} __attribute__((packed));

#define VMBUS_PIPE_BYTES 0u
#define VMBUS_PIPE_MESSAGES 4u

/* monitor_allocated, dedicated_interrupt */
#define VMBUS_OFFER_MONITORED 1u
#define VMBUS_OFFER_DEDICATED 1u

struct vmbus_msg_offer {
	struct vmbus_message_header header;
	struct vmbus_guid class;
	struct vmbus_guid instance;
	__u64 reserved1[2];
	__u16 flags; /* VMBUS_OFFER_* */
	__u16 mmio_megabytes;
	__u8 user[VMBUS_USER_BYTES];
	__u16 sub; /* 0: the device's first channel */
	__u16 reserved2;
	__u32 relid;
	__u8 monitor;
	__u8 monitor_allocated; /* VMBUS_OFFER_MONITORED */
	__u16 dedicated_interrupt; /* VMBUS_OFFER_DEDICATED: signals without the bitmap page */
	__u32 connection; /* that the guest signals: HvSignalEvent */
} __attribute__((packed));

/* RESCIND_OFFER, CLOSE_CHANNEL, RELID_RELEASED. */
struct vmbus_msg_relid {
	struct vmbus_message_header header;
	__u32 relid;
} __attribute__((packed));

struct vmbus_msg_open {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 open; /* the guest's number for this try, comes back */
	__u32 gpadl; /* of both rings */
	__u32 vp; /* that is signalled */
	__u32 downstream; /* page of the GPADL where the ring to the guest begins */
	__u8 user[VMBUS_USER_BYTES];
} __attribute__((packed));

struct vmbus_msg_open_result {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 open;
	__u32 status; /* VMBUS_STATUS_* */
} __attribute__((packed));

/* Behind it page numbers, as many as fit; the others come in bodies. */
struct vmbus_msg_gpadl_header {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 gpadl; /* the guest's number for it */
	__u16 ranges_size; /* bytes of all ranges with all of their page numbers */
	__u16 range_count;
	__u32 length; /* of the first range: bytes */
	__u32 offset; /* bytes into its first page */
	/* __u64 pfn[]; */
} __attribute__((packed));

struct vmbus_msg_gpadl_body {
	struct vmbus_message_header header;
	__u32 number; /* of the message; nobody looks at it */
	__u32 gpadl;
	/* __u64 pfn[]; */
} __attribute__((packed));

struct vmbus_msg_gpadl_created {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 gpadl;
	__u32 status; /* VMBUS_STATUS_* */
} __attribute__((packed));

struct vmbus_msg_gpadl_teardown {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 gpadl;
} __attribute__((packed));

struct vmbus_msg_gpadl_torndown {
	struct vmbus_message_header header;
	__u32 gpadl;
} __attribute__((packed));

struct vmbus_msg_contact {
	struct vmbus_message_header header;
	__u32 version; /* VMBUS_VERSION(...) */
	__u32 vp; /* that gets all messages */
	union {
		__u64 interrupt_page; /* up to 4.1: GPA of the bitmap page, not used here */
		struct { /* from 5.0 on */
			__u8 sint; /* that gets all messages */
			__u8 vtl;
			__u8 reserved[6];
		};
	};
	__u64 monitor_pages[2]; /* GPAs, not used here */
} __attribute__((packed));

struct vmbus_msg_version_response {
	struct vmbus_message_header header;
	__u8 supported; /* 0: try another version */
	__u8 state; /* 0: connected */
	__u16 reserved;
	__u32 connection; /* from 5.0 on: where to post from now on; below: the version */
} __attribute__((packed));

struct vmbus_msg_modify {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 vp;
} __attribute__((packed));

struct vmbus_msg_modify_result {
	struct vmbus_message_header header;
	__u32 relid;
	__u32 status; /* VMBUS_STATUS_* */
} __attribute__((packed));

_Static_assert(sizeof(struct vmbus_message_header) == 8, "wire");
_Static_assert(sizeof(struct vmbus_pipe_user) == 120, "wire");
_Static_assert(sizeof(struct vmbus_msg_offer) == 196, "wire");
_Static_assert(sizeof(struct vmbus_msg_relid) == 12, "wire");
_Static_assert(sizeof(struct vmbus_msg_open) == 148, "wire");
_Static_assert(sizeof(struct vmbus_msg_open_result) == 20, "wire");
_Static_assert(sizeof(struct vmbus_msg_gpadl_header) == 28, "wire");
_Static_assert(sizeof(struct vmbus_msg_gpadl_body) == 16, "wire");
_Static_assert(sizeof(struct vmbus_msg_gpadl_created) == 20, "wire");
_Static_assert(sizeof(struct vmbus_msg_gpadl_teardown) == 16, "wire");
_Static_assert(sizeof(struct vmbus_msg_gpadl_torndown) == 12, "wire");
_Static_assert(sizeof(struct vmbus_msg_contact) == 40, "wire");
_Static_assert(sizeof(struct vmbus_msg_version_response) == 16, "wire");
_Static_assert(sizeof(struct vmbus_msg_modify) == 16, "wire");
_Static_assert(sizeof(struct vmbus_msg_modify_result) == 16, "wire");

#endif
