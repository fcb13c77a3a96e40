/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet of the guest's as a message of vmbus/video.h: copied, and checked for what can
 * be said without knowing what came before.
 */
#ifndef VSP_VIDEO_DECODE_H
#define VSP_VIDEO_DECODE_H

#include <stdbool.h>
#include <stdint.h>
#include <vmbus/video.h>

#include "video.h"

struct video_message {
	enum vmbus_video_type type;
	union {
		uint32_t version; /* REQUEST */
		struct {
			uint64_t tag, gpa;
			bool has_gpa;
		} memory;
		struct {
			uint64_t tag;
			struct vmbus_video_output output;
		} situation;
		uint8_t size_count; /* SIZES_REQUEST */
		struct video_rect dirt; /* around all; width 0: nothing */
	};
};

/* A picture that can be, wherever it lies; or a dark one. */
bool video_output_is_good(const struct vmbus_video_output *output);

/* NULL: done; else what is wrong. */
const char *video_decode(const uint8_t *data, uint32_t size, struct video_message *message);

#endif
