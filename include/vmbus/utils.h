/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Integration components: shutdown, time, heartbeat and key-value exchange, as they lie
 * in packets. All fields are little-endian, nothing is aligned.
 *
 * Each message is the payload of an in-band packet: struct vmbus_pipe, struct vmbus_ic,
 * then what the type says. The host asks; the guest sends the same message back with
 * VMBUS_IC_RESPONSE, a status and its part filled in. First comes VMBUS_IC_NEGOTIATE,
 * with versions of the frame and of the messages; the guest's answer has one of each, or
 * counts of 0 where it knows none.
 *
 * Facts: Linux, include/linux/hyperv.h (struct icmsg_hdr and what follows it),
 * include/uapi/linux/hyperv.h (KVP), drivers/hv/hv_util.c, drivers/hv/hv_kvp.c.
 */
#ifndef VMBUS_UTILS_H
#define VMBUS_UTILS_H

#include <vmbus/ring.h>

#define VMBUS_PACKED __attribute__((packed))

/* The begin of a message in a pipe. */
struct vmbus_pipe {
	__u32 type; /* VMBUS_PIPE_DATA */
	__u32 size; /* bytes that follow */
} VMBUS_PACKED;

#define VMBUS_PIPE_DATA 1u

struct vmbus_ic_version {
	__u16 major;
	__u16 minor;
} VMBUS_PACKED;

struct vmbus_ic {
	struct vmbus_ic_version frame;
	__u16 type; /* enum vmbus_ic_type */
	struct vmbus_ic_version message;
	__u16 size; /* bytes that follow */
	__u32 status; /* an answer's: VMBUS_IC_OK, or an HRESULT */
	__u8 transaction; /* an answer has its question's */
	__u8 flags; /* VMBUS_IC_TRANSACTION and what follows it */
	__u8 reserved[2];
} VMBUS_PACKED;

enum vmbus_ic_type {
	VMBUS_IC_NEGOTIATE = 0,
	VMBUS_IC_HEARTBEAT = 1,
	VMBUS_IC_KVP = 2,
	VMBUS_IC_SHUTDOWN = 3,
	VMBUS_IC_TIMESYNC = 4,
};

#define VMBUS_IC_TRANSACTION 1u /* an answer is wanted, or this is one */
#define VMBUS_IC_REQUEST 2u
#define VMBUS_IC_RESPONSE 4u

#define VMBUS_IC_OK 0u
#define VMBUS_IC_FAIL 0x80004005u
#define VMBUS_IC_NO_MORE 0x80070103u /* KVP: no key of that index */

/* Versions of the frame follow, then versions of the messages. */
struct vmbus_ic_negotiate {
	__u16 frame_count;
	__u16 message_count;
	__u32 reserved;
} VMBUS_PACKED;

/* ---- shutdown ---- */

#define VMBUS_SHUTDOWN_TEXT 2048u

struct vmbus_ic_shutdown {
	__u32 reason; /* of Windows, VMBUS_SHUTDOWN_PLANNED */
	__u32 timeout; /* seconds */
	__u32 flags; /* VMBUS_SHUTDOWN_* */
	__u8 text[VMBUS_SHUTDOWN_TEXT]; /* UTF-16 that ends with 0 */
} VMBUS_PACKED;

#define VMBUS_SHUTDOWN_PLANNED 0x80000000u
/* Flags. None of RESTART and HIBERNATE: power off. */
#define VMBUS_SHUTDOWN_FORCE 1u
#define VMBUS_SHUTDOWN_RESTART 2u
#define VMBUS_SHUTDOWN_HIBERNATE 4u

/* ---- time ---- */

/* Units of 100 ns from 1601-01-01 to 1970-01-01, both UTC. */
#define VMBUS_TIME_EPOCH 116444736000000000ull

#define VMBUS_TIME_SYNC 1u /* set the clock */
#define VMBUS_TIME_SAMPLE 2u /* take it as a hint */

/* Message versions below 4.0. */
struct vmbus_ic_time {
	__u64 parent; /* the host's UTC, 100 ns since 1601 */
	__u64 child;
	__u64 round_trip;
	__u8 flags; /* VMBUS_TIME_* */
} VMBUS_PACKED;

/* From 4.0. */
struct vmbus_ic_time_reference {
	__u64 parent; /* as above */
	__u64 reference; /* the partition's reference counter at that time, 100 ns */
	__u8 flags; /* VMBUS_TIME_* */
	__u8 leap;
	__u8 stratum;
	__u8 reserved[3];
} VMBUS_PACKED;

/* ---- heartbeat ---- */

struct vmbus_ic_heartbeat {
	__u64 sequence; /* the guest adds 1 */
	__u32 state; /* of applications, from version 3.0 on; Linux says 0 */
	__u32 reserved[7];
} VMBUS_PACKED;

/* ---- keys and values ---- */

enum vmbus_kvp_operation {
	VMBUS_KVP_GET = 0,
	VMBUS_KVP_SET = 1,
	VMBUS_KVP_DELETE = 2,
	VMBUS_KVP_ENUMERATE = 3,
	VMBUS_KVP_GET_IP = 4,
	VMBUS_KVP_SET_IP = 5,
};

enum vmbus_kvp_pool {
	VMBUS_KVP_EXTERNAL = 0, /* from the host */
	VMBUS_KVP_GUEST = 1, /* from programs in the guest */
	VMBUS_KVP_AUTO = 2, /* made by the guest's daemon: system, names, addresses */
};

#define VMBUS_KVP_KEY 512u
#define VMBUS_KVP_VALUE 2048u

/* Types of a value. */
#define VMBUS_KVP_STRING 1u /* UTF-16 */
#define VMBUS_KVP_U32 4u
#define VMBUS_KVP_U64 8u

struct vmbus_kvp_enumerate {
	__u8 operation; /* enum vmbus_kvp_operation */
	__u8 pool; /* enum vmbus_kvp_pool */
	__u16 reserved;
	__u32 index;
	__u32 type; /* VMBUS_KVP_STRING .. */
	__u32 key_size; /* bytes, with the 0 at the end */
	__u32 value_size; /* the same */
	__u8 key[VMBUS_KVP_KEY]; /* UTF-16 */
	__u8 value[VMBUS_KVP_VALUE];
} VMBUS_PACKED;

#define VMBUS_KVP_ADAPTER 128u
#define VMBUS_KVP_ADDRESS 1024u
#define VMBUS_KVP_GATEWAY 512u

#define VMBUS_KVP_IPV4 1u
#define VMBUS_KVP_IPV6 2u

/* Of GET_IP and SET_IP, from version 4.0 on. Strings are UTF-16 that ends with 0; lists
 * in them are parted by semicolons. */
struct vmbus_kvp_ip {
	__u8 operation;
	__u8 pool;
	/* GET_IP: the MAC address, "00:15:5D:01:02:03". */
	__u8 adapter[2 * VMBUS_KVP_ADAPTER];
	__u8 family; /* VMBUS_KVP_IPV4 | VMBUS_KVP_IPV6 */
	__u8 dhcp;
	__u8 address[2 * VMBUS_KVP_ADDRESS];
	__u8 subnet[2 * VMBUS_KVP_ADDRESS];
	__u8 gateway[2 * VMBUS_KVP_GATEWAY];
	__u8 dns[2 * VMBUS_KVP_ADDRESS];
} VMBUS_PACKED;

_Static_assert(sizeof(struct vmbus_pipe) == 8, "struct vmbuspipe_hdr");
_Static_assert(sizeof(struct vmbus_ic) == 20, "struct icmsg_hdr");
_Static_assert(sizeof(struct vmbus_ic_negotiate) == 8, "struct icmsg_negotiate");
_Static_assert(sizeof(struct vmbus_ic_shutdown) == 2060, "struct shutdown_msg_data");
_Static_assert(sizeof(struct vmbus_ic_time) == 25, "struct ictimesync_data");
_Static_assert(sizeof(struct vmbus_ic_time_reference) == 22, "struct ictimesync_ref_data");
_Static_assert(sizeof(struct vmbus_ic_heartbeat) == 40, "struct heartbeat_msg_data");
_Static_assert(sizeof(struct vmbus_kvp_enumerate) == 2580, "enumeration in struct hv_kvp_msg");
_Static_assert(sizeof(struct vmbus_kvp_ip) == 7428, "struct hv_kvp_ip_msg");

#endif
