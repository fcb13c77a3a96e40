/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Synthetic video (class VMBUS_CLASS_VIDEO), as it lies in in-band packets: struct
 * vmbus_pipe, struct vmbus_video, then what the type says. All fields are little-endian,
 * nothing is aligned.
 *
 * The guest begins with the version that it speaks, asks for sizes from 3.5 on, and tells
 * where in its space the video memory lies; it has asked its firmware for so many
 * megabytes of it as the offer says. A situation says how the picture lies in there. The
 * guest draws by writing; what it has changed it tells as dirt, when the host wants that.
 *
 * Facts: Linux, drivers/gpu/drm/hyperv/hyperv_drm_proto.c, drivers/video/fbdev/hyperv_fb.c.
 */
#ifndef VMBUS_VIDEO_H
#define VMBUS_VIDEO_H

#include <vmbus/ring.h>
#include <vmbus/utils.h>

/* The minor version is in the upper half. */
#define VMBUS_VIDEO_VERSION(major, minor) ((__u32)(minor) << 16 | (major))
#define VMBUS_VIDEO_3_2 VMBUS_VIDEO_VERSION(3, 2)
#define VMBUS_VIDEO_3_5 VMBUS_VIDEO_VERSION(3, 5) /* with SIZES */

enum vmbus_video_type {
	VMBUS_VIDEO_REQUEST = 1, /* guest: struct vmbus_video_request */
	VMBUS_VIDEO_RESPONSE = 2,
	VMBUS_VIDEO_MEMORY = 3, /* guest */
	VMBUS_VIDEO_MEMORY_ACK = 4, /* struct vmbus_video_ack */
	VMBUS_VIDEO_SITUATION = 5, /* guest */
	VMBUS_VIDEO_SITUATION_ACK = 6, /* struct vmbus_video_ack */
	VMBUS_VIDEO_POINTER = 7, /* guest */
	VMBUS_VIDEO_SHAPE = 8, /* guest */
	VMBUS_VIDEO_WANTED = 9,
	VMBUS_VIDEO_DIRT = 10, /* guest */
	VMBUS_VIDEO_SIZES_REQUEST = 13, /* guest */
	VMBUS_VIDEO_SIZES = 14,
};

struct vmbus_video {
	__u32 type;
	__u32 size; /* bytes, this header included; the same as the pipe's */
} VMBUS_PACKED;

struct vmbus_video_request {
	struct vmbus_video header;
	__u32 version;
} VMBUS_PACKED;

struct vmbus_video_response {
	struct vmbus_video header;
	__u32 version; /* as it was asked for */
	__u8 accepted;
	__u8 outputs; /* at most */
} VMBUS_PACKED;

struct vmbus_video_memory {
	struct vmbus_video header;
	__u64 tag; /* for the ack */
	__u8 has_gpa;
	__u64 gpa;
} VMBUS_PACKED;

/* A guest takes another tag than its own for a no. */
struct vmbus_video_ack {
	struct vmbus_video header;
	__u64 tag;
} VMBUS_PACKED;

struct vmbus_video_output {
	__u8 active;
	__u32 offset; /* into the video memory, bytes */
	__u8 bits; /* of a pixel */
	__u32 width, height; /* pixels */
	__u32 stride; /* bytes of a line */
} VMBUS_PACKED;

struct vmbus_video_situation {
	struct vmbus_video header;
	__u64 tag; /* for the ack */
	__u8 count; /* outputs: 1 */
	struct vmbus_video_output output;
} VMBUS_PACKED;

struct vmbus_video_pointer {
	struct vmbus_video header;
	__u8 visible;
	__u8 output;
	__s32 x, y;
} VMBUS_PACKED;

#define VMBUS_VIDEO_SHAPE_MAX 96u /* pixels, both ways */

/* Bytes of the image follow. */
struct vmbus_video_shape {
	struct vmbus_video header;
	__u8 part; /* 255: it is all */
	__u8 argb;
	__u32 width, height;
	__u32 hot_x, hot_y;
} VMBUS_PACKED;

/* What the guest is to send: 0 or 1. */
struct vmbus_video_wanted {
	struct vmbus_video header;
	__u8 dirt;
	__u8 pointer;
	__u8 shape;
	__u8 situation; /* now, once more */
} VMBUS_PACKED;

struct vmbus_video_rect {
	__s32 left, top;
	__s32 right, bottom; /* the first that are not of it */
} VMBUS_PACKED;

/* Rectangles follow. */
struct vmbus_video_dirt {
	struct vmbus_video header;
	__u8 output;
	__u8 count;
} VMBUS_PACKED;

#define VMBUS_VIDEO_SIZES_MAX 64u
#define VMBUS_VIDEO_EDID 128u

struct vmbus_video_sizes_request {
	struct vmbus_video header;
	__u8 count; /* at most */
} VMBUS_PACKED;

struct vmbus_video_size {
	__u16 width, height; /* pixels */
} VMBUS_PACKED;

/* Linux finds the largest width and height here, and the size that it should have. */
struct vmbus_video_sizes {
	struct vmbus_video header;
	__u8 edid[VMBUS_VIDEO_EDID];
	__u8 count;
	__u8 preferred; /* index */
	__u8 standard;
	struct vmbus_video_size sizes[VMBUS_VIDEO_SIZES_MAX];
} VMBUS_PACKED;

_Static_assert(sizeof(struct vmbus_video_request) == 12, "struct synthvid_version_req");
_Static_assert(sizeof(struct vmbus_video_response) == 14, "struct synthvid_version_resp");
_Static_assert(sizeof(struct vmbus_video_memory) == 25, "struct synthvid_vram_location");
_Static_assert(sizeof(struct vmbus_video_ack) == 16, "struct synthvid_vram_location_ack");
_Static_assert(sizeof(struct vmbus_video_situation) == 35, "struct synthvid_situation_update");
_Static_assert(sizeof(struct vmbus_video_pointer) == 18, "struct synthvid_pointer_position");
_Static_assert(sizeof(struct vmbus_video_shape) == 26, "struct synthvid_pointer_shape, data 0");
_Static_assert(sizeof(struct vmbus_video_wanted) == 12, "struct synthvid_feature_change");
_Static_assert(sizeof(struct vmbus_video_dirt) == 10, "struct synthvid_dirt, rect 0");
_Static_assert(sizeof(struct vmbus_video_sizes) == 395,
	       "struct synthvid_supported_resolution_resp");

#endif
