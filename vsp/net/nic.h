/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network card from within: what its files share.
 *
 * What the guest has agreed on lives in struct nic_memo and nowhere else, in the first
 * channel's memo while that is open: the next process has it as it was. Memory that
 * belongs to it (page lists, sections that are taken) is made again from it.
 */
#ifndef VSP_NET_NIC_H
#define VSP_NET_NIC_H

#include <vmbus/net.h>

#include "backend.h"
#include "channel.h"
#include "net.h"

/* Parts of the receive buffer that are used; the guest's may have more. */
#define NIC_SECTIONS_MAX 4096u
/* Sections that only control messages take, where there are many. */
#define NIC_SECTIONS_SPARE 4u
/* The guest's large buffers, bytes. */
#define NIC_BUFFER_MAX (64u << 20)
/* Of the send buffer, as guests know it. */
#define NIC_SEND_SECTION 6144u
/* Frames that go to the guest in one packet. */
#define NIC_BATCH 48u
/* Where a frame lies in its section: behind RNDIS's headers. */
#define NIC_FRAME_OFFSET 96u
/* RNDIS packets that the guest is told to send in one message at most, and those taken. */
#define NIC_PACKETS_TOLD 8u
#define NIC_PACKETS_MAX 16u
/* Pieces of memory that one message may lie in. */
#define NIC_PIECES 160
/* Bytes of frames that wait for the backend, in each queue. */
#define NIC_HELD_MAX (1u << 20)
/* A control message of the guest, and an answer to it. */
#define NIC_CONTROL_MAX 1024u
#define NIC_REPLY_MAX 640u
#define NIC_REPLIES 16u

/* What the guest may leave to the host, as bits. */
#define NIC_TRANSMIT_HEADER4 0x001u
#define NIC_TRANSMIT_TCP4 0x002u
#define NIC_TRANSMIT_UDP4 0x004u
#define NIC_TRANSMIT_TCP6 0x008u
#define NIC_TRANSMIT_UDP6 0x010u
#define NIC_RECEIVE_HEADER4 0x020u /* that many bits above: never offered */
#define NIC_RECEIVE_TCP4 0x040u
#define NIC_RECEIVE_UDP4 0x080u
#define NIC_RECEIVE_TCP6 0x100u
#define NIC_RECEIVE_UDP6 0x200u
#define NIC_RECEIVE_SHIFT 5u
#define NIC_LARGE4 0x400u
#define NIC_LARGE6 0x800u
#define NIC_COALESCE4 0x1000u /* large segments go to the guest in parts */
#define NIC_COALESCE6 0x2000u
#define NIC_OFFLOADS 0xfdfu /* that are on at first: all but NIC_RECEIVE_HEADER4 and these */

enum nic_link {
	NIC_LINK_UNKNOWN,
	NIC_LINK_UP,
	NIC_LINK_DOWN
};

#define NIC_MEMO_MAGIC 0x4e494331u /* another one for another layout */

struct nic_memo {
	uint32_t magic; /* 0: nothing agreed on */
	uint32_t version; /* NVSP's; 0: none */
	uint32_t ndis_major, ndis_minor;
	uint32_t frame_size; /* the guest's largest, header included */
	uint32_t capabilities; /* NVSP_CAPABLE_* of the guest */
	uint32_t receive_gpadl, send_gpadl;
	uint32_t section_size, section_count; /* count 0: there is no receive buffer */
	uint32_t filter; /* RNDIS_FILTER_* */
	uint32_t offloads; /* NIC_* that are on */
	uint32_t hash; /* NDIS_HASH_* */
	uint32_t subs; /* sub-channels that the guest was promised */
	uint16_t receive_id, send_id;
	uint16_t generation; /* of the receive buffer: answers to an earlier one say another */
	uint8_t mac[6];
	uint8_t has_send; /* there is a send buffer */
	uint8_t rndis; /* initialised */
	uint8_t link; /* enum nic_link that the guest knows */
	uint8_t scaling; /* receive side scaling is on */
	uint8_t table[NDIS_RSS_TABLE_MAX]; /* channel by hash */
	uint8_t key[NDIS_RSS_KEY_SIZE];
	uint64_t busy[NIC_SECTIONS_MAX / 64]; /* sections that the guest has, as bits */
};

_Static_assert(sizeof(struct nic_memo) <= CHANNEL_MEMO, "it must fit a channel's memo");

/* A large buffer of the guest. */
struct nic_buffer {
	uint64_t *pfns; /* NULL: there is none */
	uint32_t pfn_count;
	uint32_t offset, length; /* bytes, into the pages */
};

/* A frame that waits for the backend. */
struct nic_held {
	struct nic_held *next;
	uint32_t ticket; /* answered when the frame is gone, or CHANNEL_NO_TICKET */
	struct frame_header header;
	uint32_t size;
	uint8_t bytes[];
};

struct nic_queue {
	struct net *net;
	uint32_t index; /* of the channel, and of the backend's queue */
	struct channel *channel; /* NULL: closed */
	bool blocked; /* its ring was full: `ready` will come */
	/* Sections first .. first + count - 1 are filled, and not sent yet. */
	uint32_t first, count;
	uint32_t sizes[NIC_BATCH]; /* bytes in each */
	uint32_t batch_frames; /* in them: a large one has several */
	uint64_t batch_bytes; /* of their frames */
	struct nic_held *held, **held_end;
	size_t held_bytes;
	bool receiving; /* what the backend was told */
};

/* An answer of RNDIS that waits for a section or for room in the ring. */
struct nic_reply {
	uint32_t ticket; /* of the question, answered when this is sent */
	uint32_t size;
	uint8_t bytes[NIC_REPLY_MAX];
};

struct net {
	struct device device;
	struct net_config config;
	struct net_backend *backend;
	bool link; /* the cable is in */
	bool running; /* the guest takes frames */
	bool large; /* what the backend was told */
	bool table_due; /* the guest is to hear which channels there are */
	uint32_t open; /* channels */
	struct nic_memo *memo; /* the first channel's, or idle */
	struct nic_memo idle;
	struct nic_buffer receive_buffer, send_buffer;
	uint64_t taken[NIC_SECTIONS_MAX / 64]; /* the guest has them, or they are filled */
	uint32_t free_count; /* sections that are not taken */
	uint32_t cursor; /* where the next one is looked for */
	struct nic_reply replies[NIC_REPLIES];
	uint32_t reply_first, reply_count;
	struct net_statistics statistics; /* without the signals of channels that are open */
	struct nic_queue queues[NET_QUEUES_MAX];
	/* Work space of one call. */
	struct iovec pieces[NIC_PIECES], parts[NIC_PIECES + 2];
	uint8_t control[NIC_CONTROL_MAX];
};

/* ---- net.c ---- */

struct channel *nic_first(struct net *net); /* NULL: closed */
uint32_t nic_channels(const struct net *net); /* that there can be */
/* Largest frame that the guest takes, without a tag. */
uint32_t nic_frame_size(const struct net *net);
/* Looks again at whether frames are wanted from the backend. */
void nic_update(struct net *net);
/* Its ring was full: no frames until there is room. */
void nic_blocked(struct nic_queue *queue);
/* Sends what could not be sent before. */
void nic_pump(struct net *net);
/* Nothing is agreed on any more. */
void nic_reset(struct net *net);

/* ---- buffer.c ---- */

/* Takes a buffer of the guest. False: it is none, or too large or too small. */
bool nic_buffer_take(struct net *net, struct nic_buffer *buffer, uint32_t gpadl, uint32_t least);
void nic_buffer_drop(struct nic_buffer *buffer);
/* size bytes at offset of a buffer as memory. -1: not inside, or not the guest's memory. */
int nic_buffer_iov(struct net *net, const struct nic_buffer *buffer, uint64_t offset, uint32_t size,
		   struct iovec *iov, int max);

/* Divides the receive buffer by the memo's section_size and count. */
void nic_sections_begin(struct net *net);
void nic_sections_end(struct net *net);
/* A section, for now taken; spare: also one of the last. False: none is free. */
bool nic_section_take(struct net *net, bool spare, uint32_t *section);
/* The same for several that follow one another. */
bool nic_sections_take(struct net *net, uint32_t count, uint32_t *first);
void nic_section_drop(struct net *net, uint32_t section);
/* Copies size bytes to its begin. False: the guest's memory is not there. */
bool nic_section_write(struct net *net, uint32_t section, const void *bytes, uint32_t size);
/* Sends sections first .. first + count - 1; they are the guest's from then on. */
enum channel_send nic_sections_send(struct net *net, struct channel *channel, uint32_t kind,
				    uint32_t first, const uint32_t *sizes, uint32_t count);
/* The guest gives sections back: id is the transaction. */
void nic_sections_back(struct net *net, uint64_t id);

/* ---- nvsp.c ---- */

void nvsp_packet(struct nic_queue *queue, const struct packet *packet);
/* Tells the guest which channels it may send by. False: not now. */
bool nvsp_send_table(struct net *net);

/* ---- rndis.c ---- */

/* A control message of the guest, size bytes in net->control. */
void rndis_control(struct net *net, uint32_t size, uint32_t ticket);
/* Sends answers that wait, and the state of the link where the guest does not know it. */
void rndis_pump(struct net *net);
/* Gives up answers that wait: there is nowhere to write them. */
void rndis_give_up(struct net *net);

/* ---- oid.c ---- */

/* RNDIS_STATUS_*; size: in: room, out: bytes of the answer. */
uint32_t oid_query(struct net *net, uint32_t oid, uint8_t *bytes, uint32_t *size);
uint32_t oid_set(struct net *net, uint32_t oid, const uint8_t *value, uint32_t size);
/* What can be left to this card's backend. */
uint32_t oid_offloads(const struct net *net);

/* ---- transmit.c ---- */

/* Lists the memory of a message: a part of the send buffer, then the packet's ranges.
 * Returns the number of net->pieces and *size, or -1. */
int transmit_gather(struct nic_queue *queue, const struct packet *packet,
		    const struct nvsp_rndis *rndis, uint32_t *size);
/* Copies size bytes at offset of the pieces; they are there. */
void transmit_copy(const struct iovec *pieces, int count, uint32_t offset, void *to, uint32_t size);
/* RNDIS packets of the guest. Answers the packet, now or when its frames are gone. */
void transmit_packet(struct nic_queue *queue, const struct packet *packet,
		     const struct nvsp_rndis *rndis);
void transmit_answer(struct channel *channel, uint32_t ticket, uint32_t status);
void transmit_close(struct nic_queue *queue);

/* ---- receive.c ---- */

/* Sends the queue's batch. False: its ring is full, or the batch was lost. */
bool receive_flush(struct nic_queue *queue);
/* Whether the guest knows large segments in parts, and has room for them. */
bool receive_has_parts(const struct net *net);
/* Whether it takes them now. */
bool receive_takes_large(const struct net *net);
/* The batch is thrown away. */
void receive_close(struct nic_queue *queue);
/* Where frames of a backend's queue go when nothing else decides. NULL: nowhere. */
struct nic_queue *receive_queue(struct net *net, unsigned int queue);

#endif
