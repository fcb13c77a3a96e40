/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the guest: see decode.h. */
#include "decode.h"

#include <string.h>

static const char too_short[] = "a message that is too short";

static const char *memory(const uint8_t *data, uint32_t size, struct video_message *message)
{
	struct vmbus_video_memory raw;

	if (size < sizeof(raw))
		return too_short;
	memcpy(&raw, data, sizeof(raw));
	message->memory.tag = raw.tag;
	message->memory.gpa = raw.gpa;
	message->memory.has_gpa = raw.has_gpa;
	return NULL;
}

bool video_output_is_good(const struct vmbus_video_output *output)
{
	if (!output->active)
		return true;
	return (output->bits == 32 || output->bits == 16) && output->width && output->height &&
	       output->width <= VIDEO_SIZE_MAX && output->height <= VIDEO_SIZE_MAX &&
	       output->stride >= output->width * (output->bits / 8u) && output->stride % 4 == 0 &&
	       output->offset % 4 == 0;
}

static const char *situation(const uint8_t *data, uint32_t size, struct video_message *message)
{
	struct vmbus_video_situation raw;

	if (size < sizeof(raw))
		return too_short;
	memcpy(&raw, data, sizeof(raw));
	if (raw.count != 1)
		return "not one output";
	if (!video_output_is_good(&raw.output))
		return "a picture that cannot be";
	message->situation.tag = raw.tag;
	message->situation.output = raw.output;
	return NULL;
}

static const char *pointer(const uint8_t *data, uint32_t size)
{
	struct vmbus_video_pointer raw;

	if (size < sizeof(raw))
		return too_short;
	memcpy(&raw, data, sizeof(raw));
	return raw.output ? "an output that is none" : NULL;
}

static const char *shape(const uint8_t *data, uint32_t size)
{
	struct vmbus_video_shape raw;

	if (size < sizeof(raw))
		return too_short;
	memcpy(&raw, data, sizeof(raw));
	if (raw.width > VMBUS_VIDEO_SHAPE_MAX || raw.height > VMBUS_VIDEO_SHAPE_MAX)
		return "a pointer that is too large";
	return NULL;
}

static uint32_t within(__s32 position)
{
	if (position < 0)
		return 0;
	return position > (__s32)VIDEO_SIZE_MAX ? VIDEO_SIZE_MAX : (uint32_t)position;
}

/* Makes around as large as to hold that too. */
static void join(struct video_rect *around, const struct vmbus_video_rect *raw)
{
	uint32_t left = within(raw->left), top = within(raw->top);
	uint32_t right = within(raw->right), bottom = within(raw->bottom);

	if (left >= right || top >= bottom)
		return;
	if (around->width) {
		uint32_t end_x = around->x + around->width, end_y = around->y + around->height;

		left = around->x < left ? around->x : left;
		top = around->y < top ? around->y : top;
		right = end_x > right ? end_x : right;
		bottom = end_y > bottom ? end_y : bottom;
	}
	*around = (struct video_rect){ left, top, right - left, bottom - top };
}

static const char *dirt(const uint8_t *data, uint32_t size, struct video_message *message)
{
	struct vmbus_video_dirt raw;
	struct vmbus_video_rect rect;

	if (size < sizeof(raw))
		return too_short;
	memcpy(&raw, data, sizeof(raw));
	if (raw.output)
		return "an output that is none";
	if (raw.count > (size - sizeof(raw)) / sizeof(rect))
		return too_short;
	message->dirt = (struct video_rect){ 0 };
	for (uint32_t i = 0; i < raw.count; i++) {
		memcpy(&rect, data + sizeof(raw) + i * sizeof(rect), sizeof(rect));
		join(&message->dirt, &rect);
	}
	return NULL;
}

/* data: from the header on, all of it the message. */
static const char *body(const uint8_t *data, uint32_t size, struct video_message *message)
{
	switch (message->type) {
	case VMBUS_VIDEO_REQUEST:
		if (size < sizeof(struct vmbus_video_request))
			return too_short;
		memcpy(&message->version, data + sizeof(struct vmbus_video),
		       sizeof(message->version));
		return NULL;
	case VMBUS_VIDEO_MEMORY:
		return memory(data, size, message);
	case VMBUS_VIDEO_SITUATION:
		return situation(data, size, message);
	case VMBUS_VIDEO_POINTER:
		return pointer(data, size);
	case VMBUS_VIDEO_SHAPE:
		return shape(data, size);
	case VMBUS_VIDEO_DIRT:
		return dirt(data, size, message);
	case VMBUS_VIDEO_SIZES_REQUEST:
		if (size < sizeof(struct vmbus_video_sizes_request))
			return too_short;
		message->size_count = data[sizeof(struct vmbus_video)];
		return NULL;
	default:
		return "a message that is no guest's";
	}
}

const char *video_decode(const uint8_t *data, uint32_t size, struct video_message *message)
{
	struct vmbus_pipe pipe;
	struct vmbus_video head;

	if (size < sizeof(pipe) + sizeof(head))
		return too_short;
	memcpy(&pipe, data, sizeof(pipe));
	memcpy(&head, data + sizeof(pipe), sizeof(head));
	if (pipe.type != VMBUS_PIPE_DATA || pipe.size > size - sizeof(pipe) ||
	    head.size > pipe.size || head.size < sizeof(head))
		return "sizes that do not fit";
	message->type = head.type;
	return body(data + sizeof(pipe), head.size, message);
}
