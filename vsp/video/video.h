/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A screen for guests without a driver of ours. Linux's driver: hyperv_drm.
 *
 * It is a struct device for channel.h: its owner offers it to a guest, with class
 * VMBUS_CLASS_VIDEO and as many megabytes as the window has, and frees it when it is
 * offered no more and its channel is closed. The guest writes its picture into its own
 * memory, anywhere in the window, and tells what has changed. A process that takes up
 * another's work knows the picture from the channel's memo. All is called on the event
 * loop's thread.
 *
 * The cursor is part of the picture: what the guest tells of a pointer of its own is
 * checked and dropped, as Linux sends it only to hide it.
 */
#ifndef VSP_VIDEO_H
#define VSP_VIDEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

#define VIDEO_SIZE_MIN 64u /* pixels, both ways, that can be preferred */
#define VIDEO_SIZE_MAX 8192u /* that a picture has at most */
#define VIDEO_EDID 128u

struct video_rect {
	uint32_t x, y, width, height; /* pixels */
};

struct video_picture {
	uint32_t width, height; /* pixels, not 0 */
	uint32_t stride; /* bytes from line to line */
	uint32_t bits; /* of a pixel: 32 (XRGB8888) or 16 (RGB565) */
	/* The guest's memory, which it writes at the same time. Valid until the next turn
	 * of the loop. */
	const uint8_t *pixels;
};

/* Each may be NULL. None is called from within a call of the owner's. */
struct video_ops {
	/* The guest's driver is there. */
	void (*opened)(void *context);
	/* It is gone, or has sent what is no message; so is the picture. */
	void (*closed)(void *context);
	/* The picture is another: shown for the first time, of another size, or dark. */
	void (*mode)(void *context);
	/* That part of it was drawn anew; within the picture, and not empty. */
	void (*changed)(void *context, const struct video_rect *part);
};

struct video;

/* The window [gpa, gpa + size) is where the guest may have its picture; at least 4 MiB. NULL:
 * no memory. */
struct video *video_new(uint64_t gpa, uint64_t size, const struct video_ops *ops, void *context);

/* video may be NULL, and must not be open. */
void video_free(struct video *video);

/* To be offered: VMBUS_CLASS_VIDEO. Lives as long as video. */
struct device *video_device(struct video *video);

/*
 * The size that a guest should have: what it is told when its driver starts the next time.
 * Linux takes it if it is one of VESA's. False: not VIDEO_SIZE_MIN to VIDEO_SIZE_MAX, or
 * more than the window holds.
 */
bool video_prefer(struct video *video, uint32_t width, uint32_t height);

/* What the guest shows now. False: nothing. */
bool video_picture(const struct video *video, struct video_picture *picture);

/* The guest's driver is there, and agrees with us about the version. */
bool video_is_open(const struct video *video);

/*
 * What a monitor that prefers this size tells about itself (VESA E-EDID 1.4): one block.
 * The name is cut to 13 characters.
 */
void video_edid(uint8_t edid[VIDEO_EDID], uint32_t width, uint32_t height, const char *name);

#endif
