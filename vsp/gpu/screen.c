/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the displays show. A PLAIN resource is looked at where it lies, in the guest's
 * pages; one of the renderer's is read back. Both only when somebody wants a picture:
 * a flush says that there is a new one and costs nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "state.h"
#include "video.h"

/* DRM fourccs (drm_fourcc.h). */
#define FOURCC_XRGB8888 0x34325258u
#define FOURCC_ARGB8888 0x34325241u
/* enum pipe_texture_target (Mesa, p_defines.h) */
#define TARGET_2D 2u
#define TARGET_RECT 5u

#define CURSOR_BYTES sizeof(((struct cursor *)0)->pixels)

static void blame(struct gpu *gpu, struct context *context, const struct message *message,
		  const char *wrong)
{
	session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type, "%s", wrong);
}

/* ---- what is to be shown ---- */

/* Bytes of its pages that a resource has. */
static uint64_t bytes_of(const struct resource *resource)
{
	uint64_t pages = (uint64_t)resource->page_count * 4096;

	return resource->kind == RESOURCE_PLAIN && resource->size < pages ? resource->size : pages;
}

static const char *take_plain(struct picture *picture, const struct mullion_gpu_scanout *scanout)
{
	uint64_t end = ((uint64_t)scanout->x + scanout->width) * 4, last;

	if (scanout->format != FOURCC_XRGB8888 && scanout->format != FOURCC_ARGB8888)
		return "a format that is not shown";
	if (scanout->stride < end)
		return "lines that lie over each other";
	last = ((uint64_t)scanout->y + scanout->height - 1) * scanout->stride;
	if (scanout->offset > UINT64_MAX - last - end ||
	    scanout->offset + last + end > bytes_of(picture->resource))
		return "more than the resource has";
	picture->format = IMAGE_BGRX;
	picture->stride = scanout->stride;
	picture->offset =
		scanout->offset + (uint64_t)scanout->y * scanout->stride + (uint64_t)scanout->x * 4;
	return NULL;
}

static const char *take_drawn(struct picture *picture)
{
	const struct resource *resource = picture->resource;

	picture->format = format_shown(resource->format);
	if (picture->format == IMAGE_NONE)
		return "a format that is not shown";
	if (resource->target != TARGET_2D && resource->target != TARGET_RECT)
		return "a resource that is no picture";
	if ((uint64_t)picture->x + picture->width > resource->width ||
	    (uint64_t)picture->y + picture->height > resource->height)
		return "more than the resource has";
	return NULL;
}

void screen_scanout(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_scanout *scanout = message->scanout;
	struct display *display = &gpu->displays[scanout->display];
	struct picture picture = { .x = scanout->x, .y = scanout->y };
	const char *wrong;

	if (!scanout->resource) {
		display->next = (struct picture){ 0 };
		return;
	}
	picture.resource = resource_named(gpu, context, message, scanout->resource);
	if (!picture.resource)
		return;
	picture.width = scanout->width;
	picture.height = scanout->height;
	if (scanout->width > GPU_SIZE_MAX || scanout->height > GPU_SIZE_MAX)
		wrong = "more than a display can show";
	else if (picture.resource->kind == RESOURCE_PLAIN)
		wrong = take_plain(&picture, scanout);
	else
		wrong = take_drawn(&picture);
	if (wrong)
		blame(gpu, context, message, wrong);
	else
		display->next = picture;
}

void screen_flush(struct gpu *gpu, struct context *context, const struct message *message)
{
	struct display *display = &gpu->displays[message->flush->display];

	(void)context;
	gpu->statistics.flushes++;
	display->now = display->next;
}

void screen_cursor(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_cursor *wanted = message->cursor;
	struct cursor *cursor = &gpu->displays[wanted->display].cursor;
	struct resource *resource;

	if (!wanted->resource) {
		cursor->shown = false;
		return;
	}
	resource = resource_named(gpu, context, message, wanted->resource);
	if (!resource)
		return;
	if (resource->kind != RESOURCE_PLAIN || bytes_of(resource) < CURSOR_BYTES ||
	    !pieces_read(resource->pieces, (int)resource->piece_count, 0, cursor->pixels,
			 CURSOR_BYTES)) {
		blame(gpu, context, message, "a resource that is no cursor's image");
		return;
	}
	cursor->hot_x = wanted->hot_x;
	cursor->hot_y = wanted->hot_y;
	cursor->shown = true;
}

void screen_forget(struct gpu *gpu, const struct resource *resource)
{
	for (uint32_t i = 0; i < MULLION_GPU_DISPLAYS_MAX; i++) {
		struct display *display = &gpu->displays[i];

		if (display->next.resource == resource)
			display->next = (struct picture){ 0 };
		if (display->now.resource == resource)
			display->now = (struct picture){ 0 };
	}
}

static void promote(struct picture *picture, const struct resource *resource)
{
	if (picture->resource == resource && take_drawn(picture))
		*picture = (struct picture){ 0 };
}

void screen_promote(struct gpu *gpu, const struct resource *resource)
{
	for (uint32_t i = 0; i < MULLION_GPU_DISPLAYS_MAX; i++) {
		promote(&gpu->displays[i].next, resource);
		promote(&gpu->displays[i].now, resource);
	}
}

void screen_drop_all(struct gpu *gpu)
{
	for (uint32_t i = 0; i < MULLION_GPU_DISPLAYS_MAX; i++) {
		struct display *display = &gpu->displays[i];

		display->next = display->now = (struct picture){ 0 };
		display->cursor.shown = false;
	}
}

/* ---- pictures ---- */

static int read_plain(const struct picture *picture, struct image *image)
{
	const struct resource *resource = picture->resource;

	return image_fill(image, picture->format, resource->pieces, (int)resource->piece_count,
			  picture->offset, picture->stride) ?
		       0 :
		       ENOMEM;
}

static int read_drawn(struct gpu *gpu, const struct picture *picture, struct image *image)
{
	uint32_t stride = picture->width * image_pixel_size(picture->format);
	size_t size = (size_t)stride * picture->height;
	struct iovec piece = { .iov_base = calloc(1, size), .iov_len = size };
	int error = ENOMEM;

	if (piece.iov_base)
		error = gpu->renderer->ops->read(gpu->renderer, picture->resource->id, picture->x,
						 picture->y, picture->width, picture->height,
						 piece.iov_base, stride);
	if (!error && !image_fill(image, picture->format, &piece, 1, 0, stride))
		error = ENOMEM;
	free(piece.iov_base);
	return error;
}

static void draw_cursor(const struct gpu *gpu, unsigned int number, struct image *image)
{
	const struct cursor *cursor = &gpu->displays[number].cursor;
	const struct mullion_gpu_shared *shared = (const void *)gpu->shared;
	uint32_t at;

	if (!cursor->shown || !shared)
		return;
	at = __atomic_load_n(&shared->cursor[number], __ATOMIC_RELAXED);
	image_blend(image, cursor->pixels, MULLION_GPU_CURSOR_SIZE,
		    (int16_t)(at & 0xffff) - (int32_t)cursor->hot_x,
		    (int16_t)(at >> 16) - (int32_t)cursor->hot_y);
}

int gpu_picture(struct gpu *gpu, unsigned int display, struct image *image)
{
	const struct picture *picture = &gpu->displays[display].now;
	int error;

	*image = (struct image){ 0 };
	if (!picture->resource)
		return ENODATA;
	if (!image_new(image, picture->width, picture->height))
		return ENOMEM;
	error = picture->resource->kind == RESOURCE_PLAIN ? read_plain(picture, image) :
							    read_drawn(gpu, picture, image);
	if (error)
		image_free(image);
	else
		draw_cursor(gpu, display, image);
	return error;
}

/* ---- what the guest is asked for ---- */

void screen_tell(struct gpu *gpu, uint32_t number)
{
	const struct display *display = &gpu->displays[number];
	struct mullion_gpu_display message = {
		.display = number,
		.connected = display->connected,
		.width = display->width,
		.height = display->height,
	};

	if (display->connected) {
		video_edid(message.edid, display->width, display->height, "Mullion");
		message.edid_size = VIDEO_EDID;
	}
	session_send(gpu, MULLION_GPU_DISPLAY, &message, sizeof(message));
}

void gpu_set_display(struct gpu *gpu, unsigned int number, bool connected, uint32_t width,
		     uint32_t height)
{
	struct display *display = &gpu->displays[number];

	display->connected = connected;
	display->width = connected ? width : 0;
	display->height = connected ? height : 0;
	if (gpu->state != SESSION_WORKING)
		return;
	screen_tell(gpu, number);
	channel_flush(gpu->channel);
}

void gpu_display(const struct gpu *gpu, unsigned int number, struct gpu_display *info)
{
	const struct display *display = &gpu->displays[number];

	*info = (struct gpu_display){
		.connected = display->connected,
		.width = display->width,
		.height = display->height,
		.shown_width = display->now.width,
		.shown_height = display->now.height,
	};
}
