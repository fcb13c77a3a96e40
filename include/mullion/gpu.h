/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The GPU channel: between mullion_gpu.ko in a guest and hv-gpu in the parent, over one
 * VMBus channel of class MULLION_GPU_CLASS. All fields are little-endian; reserved ones
 * are 0.
 *
 * Messages are INBAND packets of VMBus without completion, one message a packet, each
 * begins with struct mullion_gpu_header. What is not a message of this file, has another
 * size, or names what is not there, is the guest's fault: see CONTEXT_LOST. Messages are
 * taken in the order of the ring; nothing is answered that does not have to be.
 *
 * Life. The guest sends HELLO first. The answer is WELCOME with the version and features
 * from then on, or with version 0: they have no version in common, nothing else is taken,
 * and the guest closes the channel. When hv-gpu has died, the next one sends RESET: all
 * that the guest had made is gone, all messages before the next HELLO are dropped unread,
 * and `done` of all slots stands still until that HELLO.
 *
 * Shared pages. HELLO names pages of guest memory that both sides have mapped: struct
 * mullion_gpu_shared, then slots. A slot is a timeline of 64-bit numbers that the guest
 * counts upwards. A message with MULLION_GPU_FENCE asks for its number to be stored in
 * `done` when it, and all before it on its timeline, are finished; hv-gpu may leave out
 * numbers that later ones pass. The guest reads `done` when it likes. When it wants to be
 * woken it stores the number in `wanted`, (full barrier) and looks at `done` again; hv-gpu
 * stores `done`, (full barrier) looks at `wanted`, and signals the channel if that is not
 * more, not 0, and not what it has signalled for last on this timeline: a number that was
 * done before it was stored too, since another one may hide behind it. The signal may come
 * without a packet.
 *
 * A context that is lost stays so: CONTEXT_LOST is sent, what it still has under way
 * is finished or dropped, all its numbers count as done, and its messages but
 * CONTEXT_DESTROY are ignored.
 *
 * Resources have ids that the guest chooses, not 0, in one space for all contexts. A
 * resource is PLAIN (pages of the guest that only the screen looks at), or the renderer's.
 * SHARE makes a PLAIN one's pages memory that contexts work in, as it is, without a copy: the
 * guest and the renderer's processes have it mapped at the same time. Such pages are the
 * guest's again when RING_RETURNED of its RESOURCE_DESTROY is done.
 *
 * Facts: contexts, capsets, resources, boxes and blobs mean what virglrenderer's
 * interface (virglrenderer.h) and virtio-gpu (Virtual I/O Device 1.3, 5.7) say.
 */
#ifndef MULLION_GPU_H
#define MULLION_GPU_H

#include <linux/types.h>

/* 7997454c-6611-4df8-9226-6ee81030bbba, to be given to VMBUS_GUID_OF(); to Linux's GUID_INIT() by a
 * macro that passes its arguments on. */
#define MULLION_GPU_CLASS 0x7997454c, 0x6611, 0x4df8, 0x92, 0x26, 0x6e, 0xe8, 0x10, 0x30, 0xbb, 0xba

#define MULLION_GPU_VERSION 1u

/* Bytes of a message, header included. */
#define MULLION_GPU_MESSAGE_MAX 65536u
/* Bytes of commands that one submission has at most, by whichever way. */
#define MULLION_GPU_SUBMIT_MAX (16u << 20)
#define MULLION_GPU_CONTEXTS_MAX 256u /* at a time, beside context 0 */
#define MULLION_GPU_RINGS_MAX 64u /* timelines of a context */
#define MULLION_GPU_DISPLAYS_MAX 4u
#define MULLION_GPU_CAPSETS_MAX 8u
#define MULLION_GPU_EDID_MAX 256u
#define MULLION_GPU_CURSOR_SIZE 64u /* pixels, both ways */

enum mullion_gpu_type {
	/* to hv-gpu */
	MULLION_GPU_HELLO = 1,
	MULLION_GPU_GET_CAPSET, /* answered by CAPSET */
	MULLION_GPU_CONTEXT_CREATE,
	MULLION_GPU_CONTEXT_DESTROY, /* no body */
	MULLION_GPU_ATTACH, /* a resource to the header's context; struct mullion_gpu_name */
	MULLION_GPU_DETACH, /* struct mullion_gpu_name */
	MULLION_GPU_PLAIN_CREATE,
	MULLION_GPU_RESOURCE_CREATE,
	MULLION_GPU_SHARE, /* a PLAIN resource with contexts */
	MULLION_GPU_RESOURCE_DESTROY, /* struct mullion_gpu_name */
	MULLION_GPU_PAGES, /* of a resource */
	MULLION_GPU_TRANSFER_TO, /* guest's pages to the renderer */
	MULLION_GPU_TRANSFER_FROM,
	MULLION_GPU_SUBMIT, /* commands follow the header, up to the message's size */
	MULLION_GPU_SUBMIT_PAGES, /* commands lie in guest memory */
	MULLION_GPU_SCANOUT,
	MULLION_GPU_FLUSH,
	MULLION_GPU_CURSOR,
	MULLION_GPU_TO_HOST_END,
	/* to the guest */
	MULLION_GPU_WELCOME = 0x100,
	MULLION_GPU_CAPSET,
	MULLION_GPU_DISPLAY, /* a display is there now, changed, or gone */
	MULLION_GPU_CONTEXT_LOST,
	MULLION_GPU_RESET, /* no body */
	MULLION_GPU_TO_GUEST_END,
};

/* flags */
#define MULLION_GPU_FENCE 1u /* fence and ring are given */

struct mullion_gpu_header {
	__u16 type; /* enum mullion_gpu_type */
	__u8 flags;
	__u8 ring; /* of the context: its timeline; with FENCE */
	__u32 context; /* 0: none */
	__u32 size; /* bytes of the message, this included */
	__u32 reserved;
	__u64 fence; /* with FENCE: larger than that timeline's last one */
};

/* Timelines of context 0; their slots are the first ones. */
enum mullion_gpu_ring {
	MULLION_GPU_RING_TAKEN = 0, /* done as soon as the message was copied */
	MULLION_GPU_RING_DRAWN = 1, /* transfers of context 0 */
	MULLION_GPU_RING_SCREEN = 2, /* SCANOUT, FLUSH, CURSOR: it is on the screen */
	MULLION_GPU_RING_RETURNED = 3, /* RESOURCE_DESTROY: no process has its pages any more */
	MULLION_GPU_OWN_RINGS = 4,
};

/* ---- shared pages ---- */

/* The first page. Guest: written by the guest only; host: by hv-gpu only. */
struct mullion_gpu_shared {
	/* Guest: where the cursor is, without a message. The position is the image's
	 * hot spot; x in bits 15:0, y in 31:16, two's complement, pixels. */
	__u32 cursor[MULLION_GPU_DISPLAYS_MAX];
	__u32 reserved[1024 - MULLION_GPU_DISPLAYS_MAX];
};

struct mullion_gpu_slot {
	__u64 done; /* host */
	__u64 wanted; /* guest; 0: none */
};

#define MULLION_GPU_SLOTS_PER_PAGE 256u
#define MULLION_GPU_SHARED_PAGES_MAX 17u /* the first, and 4096 slots */

/* ---- to hv-gpu ---- */

/* Features. 3D: contexts, and the renderer's resources. SHARE: the message of that name. */
#define MULLION_GPU_FEATURE_3D (1ull << 0)
#define MULLION_GPU_FEATURE_SHARE (1ull << 1)

struct mullion_gpu_hello {
	struct mullion_gpu_header header;
	__u32 version_min, version_max; /* that the guest speaks */
	__u64 features; /* that it can use */
	__u32 driver_version; /* major << 16 | minor; for people */
	__u32 page_count; /* 2..MULLION_GPU_SHARED_PAGES_MAX */
	__u64 pfns[MULLION_GPU_SHARED_PAGES_MAX]; /* the rest 0 */
	char driver[32]; /* what it is, for people; printable ASCII, ends with 0 */
	char kernel[64]; /* the same, of the guest's kernel */
};

struct mullion_gpu_get_capset {
	struct mullion_gpu_header header;
	__u32 capset; /* id */
	__u32 version;
};

struct mullion_gpu_context_create {
	struct mullion_gpu_header header; /* context: its id, not in use */
	__u32 capset; /* id */
	__u32 rings; /* 1..MULLION_GPU_RINGS_MAX */
	__u32 slot; /* of ring 0, the others follow; the guest sees to it that no other
		     * context has them, and begins with numbers above `done` as it is */
	__u32 reserved;
	char name[64]; /* for people, as in HELLO */
};

struct mullion_gpu_name {
	struct mullion_gpu_header header;
	__u32 resource;
	__u32 reserved;
};

/* Only the screen will look at it, by SCANOUT. RESOURCE_CREATE of the same id makes it
 * the renderer's, SHARE one that contexts have too; its pages stay. */
struct mullion_gpu_plain_create {
	struct mullion_gpu_header header;
	__u32 resource;
	__u32 reserved;
	__u64 size; /* bytes */
};

/* As struct virgl_renderer_resource_create_args. */
struct mullion_gpu_resource_create {
	struct mullion_gpu_header header; /* context: who pays when it fails, or 0 */
	__u32 resource;
	__u32 target; /* enum pipe_texture_target */
	__u32 format; /* enum virgl_formats */
	__u32 bind; /* VIRGL_BIND_* */
	__u32 width, height, depth;
	__u32 array_size;
	__u32 last_level;
	__u32 samples;
	__u32 flags; /* VIRGL_RESOURCE_* */
	__u32 reserved;
};

enum mullion_gpu_share_as {
	MULLION_GPU_SHARE_SHM = 1, /* what the processes themselves write to each other in */
	MULLION_GPU_SHARE_DMABUF, /* what is drawn from and to: a device may import it */
};

/* All of its pages are known, and stay until it is destroyed. */
struct mullion_gpu_share {
	struct mullion_gpu_header header; /* context: who pays when it fails, or 0 */
	__u32 resource; /* PLAIN, not shared yet */
	__u32 as; /* enum mullion_gpu_share_as */
};

/* Pages one behind the other. */
struct mullion_gpu_run {
	__u64 pfn; /* 4 KiB pages of guest memory */
	__u32 count; /* not 0 */
	__u32 reserved;
};

/*
 * The memory of a resource, page by page from its begin; in as many messages as it needs,
 * each goes on where the one before ended. count 0: it has none any more.
 */
struct mullion_gpu_pages {
	struct mullion_gpu_header header;
	__u32 resource;
	__u32 total; /* pages that it will have in all; the same in each message */
	__u32 first; /* page of the resource where runs begin */
	__u32 count; /* runs */
	struct mullion_gpu_run runs[];
};

/* As VIRTGPU_TRANSFER_*: a box of a level, and where it lies in the pages. */
struct mullion_gpu_transfer {
	struct mullion_gpu_header header;
	__u32 resource;
	__u32 level;
	__u32 x, y, z, width, height, depth;
	__u64 offset; /* bytes into the pages */
	__u32 stride; /* bytes of a line in the pages; 0: as the format has it */
	__u32 layer_stride;
};

/* The pages are the guest's again when RING_TAKEN of a later or this message is done. */
struct mullion_gpu_submit_pages {
	struct mullion_gpu_header header;
	__u32 bytes; /* of commands, at most MULLION_GPU_SUBMIT_MAX, a multiple of 4 */
	__u32 offset; /* into the first page */
	__u32 count; /* runs */
	__u32 reserved;
	__u64 taken; /* number for RING_TAKEN of context 0; 0: none */
	struct mullion_gpu_run runs[];
};

/* What a display shows from now on. context 0. The picture changes with the next FLUSH. */
struct mullion_gpu_scanout {
	struct mullion_gpu_header header;
	__u32 display;
	__u32 resource; /* 0: it is dark */
	__u32 x, y, width, height; /* pixels of the resource */
	/* of PLAIN ones: */
	__u32 format; /* DRM fourcc: XRGB8888 or ARGB8888 */
	__u32 stride; /* bytes of a line */
	__u64 offset; /* bytes into the pages */
};

struct mullion_gpu_flush {
	struct mullion_gpu_header header;
	__u32 display;
	__u32 x, y, width, height; /* what has changed, pixels of the display */
	__u32 reserved;
};

/* The cursor's image: of a PLAIN resource of ARGB8888, premultiplied, 64 by 64, its lines
 * one behind the other. It is copied: RING_SCREEN tells when. */
struct mullion_gpu_cursor {
	struct mullion_gpu_header header;
	__u32 display;
	__u32 resource; /* 0: none is shown */
	__u32 hot_x, hot_y;
};

/* ---- to the guest ---- */

struct mullion_gpu_capset_info {
	__u32 capset; /* id: 1 and 2 virgl, 4 venus */
	__u32 version; /* the highest */
	__u32 size; /* bytes, at most; below MULLION_GPU_MESSAGE_MAX / 2 */
	__u32 reserved;
};

struct mullion_gpu_welcome {
	struct mullion_gpu_header header;
	__u32 version; /* 0: none in common */
	__u32 version_min, version_max; /* that hv-gpu speaks */
	__u32 displays; /* each is told of by DISPLAY */
	__u64 features; /* of both */
	__u32 capset_count;
	__u32 reserved;
	struct mullion_gpu_capset_info capsets[MULLION_GPU_CAPSETS_MAX];
	char renderer[128]; /* for people */
};

struct mullion_gpu_capset {
	struct mullion_gpu_header header;
	__u32 capset, version; /* as asked */
	__u8 data[]; /* up to the message's size; none: there is no such capset */
};

struct mullion_gpu_display {
	struct mullion_gpu_header header;
	__u32 display;
	__u32 connected; /* 0 or 1 */
	__u32 width, height; /* it should have, pixels */
	__u32 edid_size; /* bytes, a multiple of 128 */
	__u32 reserved;
	__u8 edid[MULLION_GPU_EDID_MAX];
};

enum mullion_gpu_reason {
	MULLION_GPU_LOST_PROTOCOL = 1, /* a message that is none */
	MULLION_GPU_LOST_COMMANDS, /* the renderer did not take them */
	MULLION_GPU_LOST_MEMORY, /* more than the partition may have */
	MULLION_GPU_LOST_TIMEOUT, /* it did not come to an end */
	MULLION_GPU_LOST_RENDERER, /* its process has ended */
};

/* header.context: which. With context 0 nobody's but the driver's own message was wrong. */
struct mullion_gpu_lost {
	struct mullion_gpu_header header;
	__u32 reason; /* enum mullion_gpu_reason */
	__u32 type; /* of the message that was the cause, or 0 */
	char text[112]; /* for people */
};

#endif
