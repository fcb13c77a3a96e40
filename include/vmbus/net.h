/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a network card's channels carry: NVSP messages in the packets, and RNDIS messages
 * in buffers that both ends share or in memory that a packet names. All fields are
 * little-endian; sizes and offsets are bytes.
 *
 * Facts: Linux, drivers/net/hyperv/hyperv_net.h, drivers/net/hyperv/rndis_filter.c,
 * include/linux/rndis.h; OpenVMM, vm/devices/net/netvsp/src/{protocol,rndisprot}.rs.
 */
#ifndef VMBUS_NET_H
#define VMBUS_NET_H

#include <vmbus/ring.h>

/* ---- NVSP ---- */

#define NVSP_VERSION_1 0x2u
#define NVSP_VERSION_2 0x30002u
#define NVSP_VERSION_4 0x40000u
#define NVSP_VERSION_5 0x50000u
#define NVSP_VERSION_6 0x60000u
#define NVSP_VERSION_61 0x60001u

enum nvsp_type {
	NVSP_INIT = 1, /* struct nvsp_init */
	NVSP_INIT_COMPLETE = 2, /* struct nvsp_init_complete */
	/* since version 1 */
	NVSP_NDIS_VERSION = 100, /* struct nvsp_ndis_version */
	NVSP_RECEIVE_BUFFER = 101, /* struct nvsp_buffer */
	NVSP_RECEIVE_BUFFER_COMPLETE = 102, /* struct nvsp_receive_buffer_complete */
	NVSP_REVOKE_RECEIVE_BUFFER = 103, /* struct nvsp_revoke */
	NVSP_SEND_BUFFER = 104, /* struct nvsp_buffer */
	NVSP_SEND_BUFFER_COMPLETE = 105, /* struct nvsp_send_buffer_complete */
	NVSP_REVOKE_SEND_BUFFER = 106, /* struct nvsp_revoke */
	NVSP_RNDIS = 107, /* struct nvsp_rndis, both ways */
	NVSP_RNDIS_COMPLETE = 108, /* struct nvsp_status, both ways */
	/* since version 2 */
	NVSP_NDIS_CONFIG = 125, /* struct nvsp_ndis_config */
	/* since version 4 */
	NVSP_VF_ASSOCIATION = 128, /* to the guest: struct nvsp_vf_association */
	NVSP_SWITCH_DATA_PATH = 129, /* struct nvsp_data_path */
	/* since version 5 */
	NVSP_OID_QUERY_EX = 131,
	NVSP_OID_QUERY_EX_COMPLETE = 132, /* struct nvsp_oid_query_complete */
	NVSP_SUBCHANNELS = 133, /* struct nvsp_subchannels, and its answer */
	NVSP_SEND_TABLE = 134, /* to the guest: struct nvsp_send_table */
};

enum nvsp_status_code {
	NVSP_STATUS_NONE = 0,
	NVSP_STATUS_SUCCESS = 1,
	NVSP_STATUS_FAIL = 2,
	NVSP_STATUS_TOO_NEW = 3,
	NVSP_STATUS_TOO_OLD = 4,
	NVSP_STATUS_INVALID_RNDIS = 5,
	NVSP_STATUS_BUSY = 6,
	NVSP_STATUS_UNSUPPORTED = 7,
};

struct nvsp_init {
	__u32 version; /* NVSP_VERSION_*; guests ask for one at a time */
	__u32 version_max; /* the same */
};

struct nvsp_init_complete {
	__u32 version;
	__u32 chain_max; /* pieces of memory in one packet */
	__u32 status;
};

struct nvsp_ndis_version {
	__u32 major, minor; /* 6.1, or since version 5 of NVSP 6.30 */
};

struct nvsp_buffer {
	__u32 gpadl;
	__u16 id; /* of a receive buffer: named in the packets that use it */
	__u16 reserved;
};

struct nvsp_revoke {
	__u16 id;
	__u16 reserved;
};

struct nvsp_receive_section {
	__u32 offset; /* guests take no other than 0 */
	__u32 size; /* of one part */
	__u32 count; /* of parts */
	__u32 end;
};

struct nvsp_receive_buffer_complete {
	__u32 status;
	__u32 section_count; /* guests take no other than 1 */
	struct nvsp_receive_section section;
};

struct nvsp_send_buffer_complete {
	__u32 status;
	__u32 section_size;
};

#define NVSP_CHANNEL_DATA 0u
#define NVSP_CHANNEL_CONTROL 1u
#define NVSP_NO_SECTION 0xffffffffu

struct nvsp_rndis {
	__u32 channel; /* NVSP_CHANNEL_* */
	__u32 section; /* of the send buffer, with the message's first bytes, or none */
	__u32 section_size; /* so many of them; the rest is in memory that the packet names */
};

struct nvsp_status {
	__u32 status;
};

/* Capabilities, in the first word. */
#define NVSP_CAPABLE_VMQ 1u
#define NVSP_CAPABLE_CHIMNEY 2u
#define NVSP_CAPABLE_SRIOV 4u
#define NVSP_CAPABLE_8021Q 8u
#define NVSP_CAPABLE_CORRELATION 16u
#define NVSP_CAPABLE_TEAMING 32u
#define NVSP_CAPABLE_SUBNET 64u
#define NVSP_CAPABLE_RSC 128u

struct nvsp_ndis_config {
	__u32 frame_size; /* "mtu": the largest frame, its header of 14 included */
	__u32 reserved;
	__u32 capabilities[2];
};

struct nvsp_vf_association {
	__u32 allocated;
	__u32 serial;
};

struct nvsp_data_path {
	__u32 active; /* 0: this one, 1: a virtual function's */
};

struct nvsp_oid_query_complete {
	__u32 status;
	__u32 bytes;
};

#define NVSP_SUBCHANNELS_ALLOCATE 1u

struct nvsp_subchannels {
	__u32 operation; /* in the answer: the status */
	__u32 count;
};

/* Entries for each hash of what the guest sends. */
#define NVSP_SEND_TABLE_SIZE 16u

struct nvsp_send_table {
	__u32 count;
	__u32 offset; /* of __u32[count], from the message's begin */
};

/* As large as version 6.1's largest. */
struct nvsp_message {
	__u32 type; /* enum nvsp_type */
	union {
		struct nvsp_init init;
		struct nvsp_init_complete init_complete;
		struct nvsp_ndis_version ndis_version;
		struct nvsp_buffer buffer;
		struct nvsp_revoke revoke;
		struct nvsp_receive_buffer_complete receive_buffer_complete;
		struct nvsp_send_buffer_complete send_buffer_complete;
		struct nvsp_rndis rndis;
		struct nvsp_status status;
		struct nvsp_ndis_config ndis_config;
		struct nvsp_vf_association vf_association;
		struct nvsp_data_path data_path;
		struct nvsp_oid_query_complete oid_query_complete;
		struct nvsp_subchannels subchannels;
		struct nvsp_send_table send_table;
		__u32 words[9];
	} u;
};

/* ---- RNDIS ---- */

enum rndis_type {
	RNDIS_PACKET = 0x1,
	RNDIS_INITIALIZE = 0x2,
	RNDIS_HALT = 0x3, /* has no answer */
	RNDIS_QUERY = 0x4,
	RNDIS_SET = 0x5,
	RNDIS_RESET = 0x6,
	RNDIS_INDICATE = 0x7, /* to the guest */
	RNDIS_KEEPALIVE = 0x8,
};

#define RNDIS_COMPLETE 0x80000000u /* in the type of an answer */

enum rndis_status {
	RNDIS_STATUS_SUCCESS = 0x0,
	RNDIS_STATUS_MEDIA_CONNECT = 0x4001000b,
	RNDIS_STATUS_MEDIA_DISCONNECT = 0x4001000c,
};

/* Those with the high bit set, which no enum of C17 has. */
#define RNDIS_STATUS_FAILURE 0xc0000001u
#define RNDIS_STATUS_NOT_SUPPORTED 0xc00000bbu
#define RNDIS_STATUS_INVALID_LENGTH 0xc0010014u
#define RNDIS_STATUS_INVALID_DATA 0xc0010015u
#define RNDIS_STATUS_INVALID_OID 0xc0010017u

/* Begins each message. */
struct rndis_header {
	__u32 type;
	__u32 size; /* of all of it, this header included */
};

/* The bodies follow the header; offsets in them count from the body's begin. */

struct rndis_initialize {
	__u32 request;
	__u32 major, minor; /* 1.0 */
	__u32 transfer_max;
};

struct rndis_initialize_complete {
	__u32 request;
	__u32 status;
	__u32 major, minor;
	__u32 flags; /* RNDIS_CONNECTIONLESS */
	__u32 medium; /* 0: 802.3 */
	__u32 packets_max; /* in one message */
	__u32 transfer_max;
	__u32 alignment; /* of packets in a message, as a power of 2 */
	__u32 reserved[2];
};

#define RNDIS_CONNECTIONLESS 1u

/* QUERY and SET. */
struct rndis_request {
	__u32 request;
	__u32 oid;
	__u32 size;
	__u32 offset;
	__u32 handle; /* 0 */
};

struct rndis_query_complete {
	__u32 request;
	__u32 status;
	__u32 size;
	__u32 offset;
};

/* SET and KEEPALIVE. */
struct rndis_complete {
	__u32 request;
	__u32 status;
};

struct rndis_reset_complete {
	__u32 status;
	__u32 addressing_reset;
};

struct rndis_indicate {
	__u32 status;
	__u32 size;
	__u32 offset;
};

struct rndis_packet {
	__u32 offset; /* of the frame */
	__u32 size;
	__u32 oob_offset, oob_size, oob_count; /* 0 */
	__u32 info_offset; /* of a chain of struct rndis_info */
	__u32 info_size;
	__u32 handle; /* 0 */
	__u32 reserved;
};

/* More about a packet. */
struct rndis_info {
	__u32 size; /* to the next one */
	__u32 type; /* enum rndis_info_type; bit 31: of a list of its own */
	__u32 offset; /* of the value, from here */
};

enum rndis_info_type {
	RNDIS_INFO_CHECKSUM = 0,
	RNDIS_INFO_LARGE_SEND = 2,
	RNDIS_INFO_VLAN = 6,
	RNDIS_INFO_HASH = 8,
};

/* Of the other list (RNDIS_INFO_OTHER is set in the type): which part of a frame this is. */
#define RNDIS_INFO_OTHER 0x80000000u
#define RNDIS_INFO_PART 1u

/* A large TCP segment for the guest comes in parts: one RNDIS packet each, one behind the
 * other in one VMBus packet. What is said about the frame is said with the first. */
struct rndis_part {
	__u8 version; /* 1 */
	__u8 flags; /* RNDIS_PART_* */
	__u16 id;
};

#define RNDIS_PART_IS 1u
#define RNDIS_PART_FIRST 2u
#define RNDIS_PART_LAST 4u

/* RNDIS_INFO_CHECKSUM from the guest: what is to be filled in. */
#define RNDIS_CHECKSUM_IPV4 0x1u
#define RNDIS_CHECKSUM_IPV6 0x2u
#define RNDIS_CHECKSUM_TCP 0x4u
#define RNDIS_CHECKSUM_UDP 0x8u
#define RNDIS_CHECKSUM_HEADER 0x10u /* IPv4's own */
#define RNDIS_CHECKSUM_OFFSET(value) ((value) >> 16 & 0x3ffu) /* of TCP's or UDP's header */

/* RNDIS_INFO_CHECKSUM to the guest: what was looked at. */
#define RNDIS_CHECKED_TCP 0x8u
#define RNDIS_CHECKED_UDP 0x10u
#define RNDIS_CHECKED_HEADER 0x20u

/* RNDIS_INFO_LARGE_SEND from the guest, version 2. The lengths in the frame's headers and
 * in the sum of its pseudo-header are 0 then. */
#define RNDIS_LARGE_SEND_SEGMENT(value) ((value) & 0xfffffu)
#define RNDIS_LARGE_SEND_OFFSET(value) ((value) >> 20 & 0x3ffu) /* of TCP's header */
#define RNDIS_LARGE_SEND_2 0x40000000u
#define RNDIS_LARGE_SEND_IPV6 0x80000000u

/* RNDIS_INFO_VLAN: not in the order of 802.1Q's own tag. */
#define RNDIS_VLAN_PRIORITY(value) ((value) & 7u)
#define RNDIS_VLAN_CFI(value) ((value) >> 3 & 1u)
#define RNDIS_VLAN_ID(value) ((value) >> 4 & 0xfffu)

/* ---- objects of QUERY and SET ---- */

enum rndis_oid {
	OID_GEN_SUPPORTED_LIST = 0x00010101,
	OID_GEN_HARDWARE_STATUS = 0x00010102,
	OID_GEN_MEDIA_SUPPORTED = 0x00010103,
	OID_GEN_MEDIA_IN_USE = 0x00010104,
	OID_GEN_MAXIMUM_LOOKAHEAD = 0x00010105,
	OID_GEN_MAXIMUM_FRAME_SIZE = 0x00010106, /* without the frame's header */
	OID_GEN_LINK_SPEED = 0x00010107, /* in 100 bits a second */
	OID_GEN_TRANSMIT_BUFFER_SPACE = 0x00010108,
	OID_GEN_RECEIVE_BUFFER_SPACE = 0x00010109,
	OID_GEN_TRANSMIT_BLOCK_SIZE = 0x0001010a,
	OID_GEN_RECEIVE_BLOCK_SIZE = 0x0001010b,
	OID_GEN_VENDOR_ID = 0x0001010c,
	OID_GEN_VENDOR_DESCRIPTION = 0x0001010d,
	OID_GEN_CURRENT_PACKET_FILTER = 0x0001010e, /* RNDIS_FILTER_* */
	OID_GEN_CURRENT_LOOKAHEAD = 0x0001010f,
	OID_GEN_DRIVER_VERSION = 0x00010110,
	OID_GEN_MAXIMUM_TOTAL_SIZE = 0x00010111, /* with the frame's header */
	OID_GEN_MAC_OPTIONS = 0x00010113,
	OID_GEN_MEDIA_CONNECT_STATUS = 0x00010114, /* 0: the cable is in */
	OID_GEN_MAXIMUM_SEND_PACKETS = 0x00010115,
	OID_GEN_VENDOR_DRIVER_VERSION = 0x00010116,
	OID_GEN_NETWORK_LAYER_ADDRESSES = 0x00010118,
	OID_GEN_RECEIVE_SCALE_CAPABILITIES = 0x00010203, /* struct ndis_rss_capabilities */
	OID_GEN_RECEIVE_SCALE_PARAMETERS = 0x00010204, /* struct ndis_rss_parameters */
	OID_GEN_MAX_LINK_SPEED = 0x00010206, /* __u64 each way, bits a second */
	OID_GEN_LINK_STATE = 0x00010207, /* struct ndis_link_state */
	OID_GEN_RNDIS_CONFIG_PARAMETER = 0x0001021b, /* struct rndis_parameter */
	OID_GEN_XMIT_OK = 0x00020101,
	OID_GEN_RCV_OK = 0x00020102,
	OID_GEN_XMIT_ERROR = 0x00020103,
	OID_GEN_RCV_ERROR = 0x00020104,
	OID_GEN_RCV_NO_BUFFER = 0x00020105,
	OID_GEN_FRIENDLY_NAME = 0x00020216, /* __u16[256] */
	OID_GEN_BYTES_RCV = 0x00020219,
	OID_GEN_BYTES_XMIT = 0x0002021a,
	OID_802_3_PERMANENT_ADDRESS = 0x01010101,
	OID_802_3_CURRENT_ADDRESS = 0x01010102,
	OID_802_3_MULTICAST_LIST = 0x01010103,
	OID_802_3_MAXIMUM_LIST_SIZE = 0x01010104,
	OID_802_3_RCV_ERROR_ALIGNMENT = 0x01020101,
	OID_802_3_XMIT_ONE_COLLISION = 0x01020102,
	OID_802_3_XMIT_MORE_COLLISIONS = 0x01020103,
	OID_OFFLOAD_ENCAPSULATION = 0x0101010a,
};

/* Those with the high bit set. */
#define OID_TCP_OFFLOAD_CURRENT_CONFIG 0xfc01020bu /* struct ndis_offload */
#define OID_TCP_OFFLOAD_PARAMETERS 0xfc01020cu /* struct ndis_offload_parameters */
#define OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES 0xfc01020du /* struct ndis_offload */

/* Which frames the guest wants; 0: none. */
#define RNDIS_FILTER_DIRECTED 0x1u
#define RNDIS_FILTER_MULTICAST 0x2u
#define RNDIS_FILTER_ALL_MULTICAST 0x4u
#define RNDIS_FILTER_BROADCAST 0x8u
#define RNDIS_FILTER_PROMISCUOUS 0x20u

#define NDIS_OBJECT_DEFAULT 0x80u
#define NDIS_OBJECT_RSS_CAPABILITIES 0x88u
#define NDIS_OBJECT_RSS_PARAMETERS 0x89u
#define NDIS_OBJECT_OFFLOAD 0xa7u
#define NDIS_OBJECT_ENCAPSULATION 0xa8u

struct ndis_header {
	__u8 type; /* NDIS_OBJECT_* */
	__u8 revision;
	__u16 size;
};

struct ndis_link_state {
	struct ndis_header header;
	__u32 connected; /* 1: in, 2: out */
	__u32 duplex; /* 0: unknown, 2: full */
	__u32 reserved;
	__u64 transmit_speed, receive_speed; /* bits a second */
	__u32 pause;
	__u32 negotiation;
};

struct ndis_rss_capabilities {
	struct ndis_header header;
	__u32 flags; /* NDIS_RSS_*, and NDIS_HASH_TOEPLITZ */
	__u32 interrupts;
	__u32 queues;
	__u16 table_size; /* entries */
	__u16 reserved; /* no part of revision 2 */
};

#define NDIS_RSS_CAPABILITIES_2 18u /* bytes of revision 2 */
#define NDIS_RSS_TCP_IPV4 0x100u
#define NDIS_RSS_TCP_IPV6 0x200u

#define NDIS_HASH_FUNCTION 0xffu
#define NDIS_HASH_TOEPLITZ 0x1u
#define NDIS_HASH_IPV4 0x100u
#define NDIS_HASH_TCP_IPV4 0x200u
#define NDIS_HASH_IPV6 0x400u
#define NDIS_HASH_TCP_IPV6 0x1000u

#define NDIS_RSS_TABLE_MAX 128u
#define NDIS_RSS_KEY_SIZE 40u

/* Offsets count from here. */
struct ndis_rss_parameters {
	struct ndis_header header;
	__u16 flags; /* NDIS_RSS_UNCHANGED_*, NDIS_RSS_DISABLE */
	__u16 base_cpu;
	__u32 hash; /* NDIS_HASH_* */
	__u16 table_size; /* bytes, of __u32 channel numbers */
	__u16 reserved1;
	__u32 table_offset;
	__u16 key_size;
	__u16 reserved2;
	__u32 key_offset;
	__u32 masks_offset, masks_count, masks_size;
};

#define NDIS_RSS_UNCHANGED_HASH 0x2u
#define NDIS_RSS_UNCHANGED_TABLE 0x4u
#define NDIS_RSS_UNCHANGED_KEY 0x8u
#define NDIS_RSS_DISABLE 0x10u

#define NDIS_ENCAPSULATION_8023 2u

#define NDIS_CHECKSUM_IPV4_OPTIONS 0x1u
#define NDIS_CHECKSUM_TCP_OPTIONS 0x4u
#define NDIS_CHECKSUM_TCP 0x10u
#define NDIS_CHECKSUM_UDP 0x40u
#define NDIS_CHECKSUM_IPV4 0x100u /* the header's */
#define NDIS_CHECKSUM_IPV6_EXTENSIONS 0x1u

struct ndis_checksums {
	__u32 encapsulation;
	__u32 what; /* NDIS_CHECKSUM_* */
};

struct ndis_offload {
	struct ndis_header header;
	struct ndis_checksums transmit4, receive4, transmit6, receive6;
	__u32 large_send_1[4];
	__u32 ipsec_1[7];
	__u32 large4_encapsulation, large4_max, large4_segments_min;
	__u32 large6_encapsulation, large6_max, large6_segments_min;
	__u32 large6_options; /* NDIS_CHECKSUM_IPV6_EXTENSIONS, NDIS_CHECKSUM_TCP_OPTIONS */
	__u32 flags;
	__u32 ipsec_2[8]; /* since revision 2 */
	__u8 coalesce4, coalesce6; /* since revision 3: large segments for the guest */
	__u16 reserved;
	__u32 encapsulated[2];
};

#define NDIS_OFFLOAD_1 112u /* bytes of each revision */
#define NDIS_OFFLOAD_2 144u
#define NDIS_OFFLOAD_3 156u

/* Values of struct ndis_offload_parameters; 0: as it was. */
enum ndis_offload_checksum {
	NDIS_CHECKSUM_OFF = 1,
	NDIS_CHECKSUM_TRANSMIT = 2,
	NDIS_CHECKSUM_RECEIVE = 3,
	NDIS_CHECKSUM_BOTH = 4,
};

enum ndis_offload_switch {
	NDIS_OFFLOAD_OFF = 1,
	NDIS_OFFLOAD_ON = 2,
};

struct ndis_offload_parameters {
	struct ndis_header header;
	__u8 header4, tcp4, udp4, tcp6, udp6; /* enum ndis_offload_checksum */
	__u8 large_send_1, ipsec_1;
	__u8 large4, large6; /* enum ndis_offload_switch */
	__u8 connection4, connection6;
	__u8 reserved;
	__u32 flags;
	/* since revision 3 */
	__u8 ipsec_2, ipsec_2_ip4;
	__u8 coalesce4, coalesce6; /* enum ndis_offload_switch */
	__u8 encapsulated, encapsulations;
	__u16 reserved2;
};

/* Of OID_GEN_RNDIS_CONFIG_PARAMETER: offsets count from here; text is UTF-16. */
struct rndis_parameter {
	__u32 name_offset, name_size;
	__u32 type; /* RNDIS_PARAMETER_* */
	__u32 value_offset, value_size;
};

#define RNDIS_PARAMETER_INTEGER 0u
#define RNDIS_PARAMETER_STRING 2u

#ifndef __cplusplus
_Static_assert(sizeof(struct nvsp_message) == 40, "NVSP 6.1");
_Static_assert(sizeof(struct nvsp_receive_buffer_complete) + 4 == 28, "NVSP 1");
_Static_assert(sizeof(struct nvsp_ndis_config) == 16, "NVSP 2");
_Static_assert(sizeof(struct nvsp_rndis) == 12, "NVSP 1");
_Static_assert(sizeof(struct rndis_packet) == 36, "RNDIS");
_Static_assert(sizeof(struct rndis_initialize_complete) == 44, "RNDIS");
_Static_assert(sizeof(struct rndis_info) == 12, "RNDIS");
_Static_assert(sizeof(struct ndis_link_state) == 40, "NDIS 6");
_Static_assert(sizeof(struct ndis_rss_capabilities) == 20, "NDIS 6.30");
_Static_assert(sizeof(struct ndis_rss_parameters) == 40, "NDIS 6.30");
_Static_assert(sizeof(struct ndis_offload) == NDIS_OFFLOAD_3, "NDIS 6.30");
_Static_assert(sizeof(struct ndis_offload_parameters) == 28, "NDIS 6.30");
#endif

#endif
