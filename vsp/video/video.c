/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The synthetic screen: see video.h and vmbus/video.h.
 *
 * What is known of the guest is in struct state, and a copy of it in the channel's memo.
 * Where the picture lies is checked each time that it is looked at: the guest may change
 * memory and situation in any order. Replies that the ring has no room for are due, one of
 * a kind, however often the guest asks.
 */
#include "video.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "decode.h"

#define MEMO_MAGIC 0x31444956u
#define WIDTH 1024u
#define HEIGHT 768u

/* Replies. */
#define DUE_RESPONSE 1u
#define DUE_SIZES 2u
#define DUE_MEMORY_ACK 4u
#define DUE_SITUATION_ACK 8u
#define DUE_WANTED 16u

struct state {
	uint32_t magic; /* MEMO_MAGIC */
	uint32_t version; /* that both speak; 0: none yet */
	uint32_t asked; /* the version that the guest asked for */
	uint32_t due; /* DUE_* */
	uint64_t memory_tag, situation_tag;
	uint64_t gpa;
	uint8_t has_memory;
	uint8_t size_count;
	struct vmbus_video_output output; /* checked for form */
};

_Static_assert(sizeof(struct state) <= CHANNEL_MEMO, "a memo");

struct video {
	struct device device;
	const struct video_ops *ops;
	void *context;
	uint64_t window_gpa, window_size;
	uint32_t width, height; /* preferred */
	struct channel *channel; /* NULL: closed, or the guest has broken it */
	struct channel *opened; /* NULL: closed */
	struct event *start;
	bool told; /* the owner: opened */
	struct state state;
};

/* ---- The picture ---- */

static uint64_t bytes_of(const struct vmbus_video_output *output)
{
	return (uint64_t)output->stride * (output->height - 1) +
	       (uint64_t)output->width * (output->bits / 8u);
}

static bool is_in_window(const struct video *video, uint64_t gpa, uint64_t size)
{
	return gpa >= video->window_gpa && gpa - video->window_gpa <= video->window_size &&
	       size <= video->window_size - (gpa - video->window_gpa);
}

static const uint8_t *pixels(const struct video *video)
{
	const struct vmbus_video_output *output = &video->state.output;
	uint64_t size = bytes_of(output);

	if (!is_in_window(video, video->state.gpa, output->offset + size))
		return NULL;
	return guest_at(video->channel->guest, video->state.gpa + output->offset, size);
}

bool video_is_open(const struct video *video)
{
	return video->channel && video->state.version;
}

bool video_picture(const struct video *video, struct video_picture *picture)
{
	const struct vmbus_video_output *output = &video->state.output;

	if (!video_is_open(video) || !video->state.has_memory || !output->active)
		return false;
	*picture = (struct video_picture){
		.width = output->width,
		.height = output->height,
		.stride = output->stride,
		.bits = output->bits,
		.pixels = pixels(video),
	};
	return picture->pixels;
}

/* ---- Sending ---- */

/* True: sent, or it never will be; false: no room now. */
static bool put(struct video *video, enum vmbus_video_type type, void *message, size_t size)
{
	struct vmbus_pipe pipe = { VMBUS_PIPE_DATA, (uint32_t)size };
	struct vmbus_video head = { type, (uint32_t)size };
	struct iovec parts[] = { { &pipe, sizeof(pipe) }, { message, size } };

	memcpy(message, &head, sizeof(head));
	return channel_send(video->channel, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, parts, 2) !=
	       CHANNEL_FULL;
}

static bool put_response(struct video *video)
{
	struct vmbus_video_response response = {
		.version = video->state.asked,
		.accepted = video->state.version != 0,
		.outputs = 1,
	};

	return put(video, VMBUS_VIDEO_RESPONSE, &response, sizeof(response));
}

/* Sizes of VESA's and others that Linux has modes for. */
static const struct vmbus_video_size standard[] = {
	{ 640, 480 },	{ 800, 600 },	{ 1024, 768 },	{ 1152, 864 },	{ 1280, 720 },
	{ 1280, 800 },	{ 1280, 960 },	{ 1280, 1024 }, { 1366, 768 },	{ 1400, 1050 },
	{ 1440, 900 },	{ 1600, 900 },	{ 1600, 1200 }, { 1680, 1050 }, { 1920, 1080 },
	{ 1920, 1200 }, { 2048, 1152 }, { 2560, 1440 }, { 2560, 1600 }, { 3840, 2160 },
};

static bool fits(const struct video *video, uint32_t width, uint32_t height)
{
	return (uint64_t)width * height * 4 <= video->window_size;
}

/* The preferred one first. */
static uint8_t list_sizes(const struct video *video, struct vmbus_video_size *sizes, uint8_t max)
{
	uint8_t count = 0;

	if (max)
		sizes[count++] = (struct vmbus_video_size){ (uint16_t)video->width,
							    (uint16_t)video->height };
	for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]) && count < max; i++) {
		const struct vmbus_video_size *size = &standard[i];

		if (fits(video, size->width, size->height) &&
		    (size->width != video->width || size->height != video->height))
			sizes[count++] = *size;
	}
	return count;
}

static bool put_sizes(struct video *video)
{
	uint8_t max = video->state.size_count;
	struct vmbus_video_sizes sizes = { .standard = 1 };

	video_edid(sizes.edid, video->width, video->height, "Mullion");
	sizes.count = list_sizes(video, sizes.sizes,
				 max < VMBUS_VIDEO_SIZES_MAX ? max : VMBUS_VIDEO_SIZES_MAX);
	return put(video, VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
}

static bool put_memory_ack(struct video *video)
{
	uint64_t tag = video->state.memory_tag;
	struct vmbus_video_ack ack = { .tag = video->state.has_memory ? tag : ~tag };

	return put(video, VMBUS_VIDEO_MEMORY_ACK, &ack, sizeof(ack));
}

static bool put_situation_ack(struct video *video)
{
	struct vmbus_video_ack ack = { .tag = video->state.situation_tag };

	return put(video, VMBUS_VIDEO_SITUATION_ACK, &ack, sizeof(ack));
}

/* The pointer is drawn by the guest, in the picture. */
static bool put_wanted(struct video *video)
{
	struct vmbus_video_wanted wanted = { .dirt = 1 };

	return put(video, VMBUS_VIDEO_WANTED, &wanted, sizeof(wanted));
}

static void save(struct video *video)
{
	memcpy(video->channel->memo, &video->state, sizeof(video->state));
}

/* Sends what is due, in this order, until there is no room. */
static void pump(struct video *video)
{
	static const struct {
		uint32_t due;
		bool (*put)(struct video *video);
	} replies[] = {
		{ DUE_RESPONSE, put_response },	    { DUE_SIZES, put_sizes },
		{ DUE_MEMORY_ACK, put_memory_ack }, { DUE_SITUATION_ACK, put_situation_ack },
		{ DUE_WANTED, put_wanted },
	};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		if (!(video->state.due & replies[i].due))
			continue;
		if (!replies[i].put(video))
			break;
		video->state.due &= ~replies[i].due;
	}
	save(video);
}

/* ---- The guest ---- */

static void tell_mode(struct video *video)
{
	if (video->ops->mode)
		video->ops->mode(video->context);
}

/* Forgets all: the guest's driver is gone. */
static void forget(struct video *video)
{
	bool told = video->told;

	video->state = (struct state){ .magic = MEMO_MAGIC };
	video->told = false;
	if (told && video->ops->closed)
		video->ops->closed(video->context);
}

static void tell_opened(struct video *video)
{
	if (video->told)
		return;
	video->told = true;
	if (video->ops->opened)
		video->ops->opened(video->context);
}

static bool is_known(uint32_t version)
{
	uint32_t minor = version >> 16;

	return (version & 0xffff) == 3 && minor >= 2 && minor <= 5;
}

static const char *request(struct video *video, uint32_t version)
{
	bool known = is_known(version);

	/* It begins anew; so it does when the same request comes twice. */
	forget(video);
	video->state.asked = version;
	video->state.version = known ? version : 0;
	video->state.due = DUE_RESPONSE;
	if (known)
		tell_opened(video);
	return NULL;
}

static const char *memory(struct video *video, const struct video_message *message)
{
	struct state *state = &video->state;

	state->gpa = message->memory.gpa;
	state->has_memory = message->memory.has_gpa && state->gpa % VMBUS_PAGE_SIZE == 0 &&
			    is_in_window(video, state->gpa, VMBUS_PAGE_SIZE);
	state->memory_tag = message->memory.tag;
	/* Damage is of use from now on. */
	state->due |= DUE_MEMORY_ACK | DUE_WANTED;
	if (state->output.active)
		tell_mode(video);
	return NULL;
}

static const char *situation(struct video *video, const struct video_message *message)
{
	struct state *state = &video->state;

	state->output = message->situation.output;
	state->situation_tag = message->situation.tag;
	state->due |= DUE_SITUATION_ACK;
	if (state->output.active && state->has_memory && !pixels(video))
		return "a picture outside of its memory";
	tell_mode(video);
	return NULL;
}

static const char *dirt(struct video *video, struct video_rect part)
{
	struct video_picture picture;

	if (!video->ops->changed || !part.width || !video_picture(video, &picture) ||
	    part.x >= picture.width || part.y >= picture.height)
		return NULL;
	if (part.width > picture.width - part.x)
		part.width = picture.width - part.x;
	if (part.height > picture.height - part.y)
		part.height = picture.height - part.y;
	video->ops->changed(video->context, &part);
	return NULL;
}

/* NULL: good; else what is wrong with it. */
static const char *take(struct video *video, const struct packet *packet)
{
	struct video_message message;
	const char *wrong;

	if (packet->type != VMBUS_PACKET_INBAND)
		return "no message of its protocol";
	wrong = video_decode(packet->payload, packet->size, &message);
	if (wrong)
		return wrong;
	if (message.type == VMBUS_VIDEO_REQUEST)
		return request(video, message.version);
	if (!video->state.version)
		return "a message before its version";
	tell_opened(video);
	switch (message.type) {
	case VMBUS_VIDEO_SIZES_REQUEST:
		video->state.size_count = message.size_count;
		video->state.due |= DUE_SIZES;
		return NULL;
	case VMBUS_VIDEO_MEMORY:
		return memory(video, &message);
	case VMBUS_VIDEO_SITUATION:
		return situation(video, &message);
	case VMBUS_VIDEO_DIRT:
		return dirt(video, message.dirt);
	default:
		return NULL;
	}
}

static void packet_came(struct channel *channel, const struct packet *packet)
{
	struct video *video = channel->context;
	const char *wrong = NULL;

	if (video->channel && packet->type != VMBUS_PACKET_COMPLETION)
		wrong = take(video, packet);
	if (packet->ticket != CHANNEL_NO_TICKET)
		channel_answer(channel, packet->ticket, NULL, 0);
	if (wrong) {
		channel_broken(channel, "video: %s", wrong);
		forget(video);
		save(video);
		video->channel = NULL;
	} else if (video->channel) {
		pump(video);
	}
}

static void room(struct channel *channel)
{
	struct video *video = channel->context;

	if (video->channel)
		pump(video);
}

static const struct channel_ops channel_ops = { .packet = packet_came, .ready = room };

/* The first turn after the channel was opened. */
static void started(evutil_socket_t fd, short what, void *context)
{
	struct video *video = context;

	(void)fd;
	(void)what;
	if (!video->channel)
		return;
	if (video->state.version) {
		tell_opened(video);
		if (video->state.output.active)
			tell_mode(video);
	}
	pump(video);
}

/* The state of the process before this one, if it was a good one. */
static void resume(struct video *video)
{
	struct state state;

	memcpy(&state, video->channel->memo, sizeof(state));
	if (state.magic == MEMO_MAGIC && (!state.version || is_known(state.version)) &&
	    video_output_is_good(&state.output))
		video->state = state;
}

static bool open_channel(struct device *device, struct channel *channel)
{
	struct video *video = device->context;
	struct timeval now = { 0 };

	if (video->opened || channel->sub)
		return false;
	video->state = (struct state){ .magic = MEMO_MAGIC };
	video->channel = channel;
	/* Only then there is something to say before the guest has said something. */
	if (channel->resumed) {
		video->start = evtimer_new(channel->base, started, video);
		if (!video->start) {
			video->channel = NULL;
			return false;
		}
		event_add(video->start, &now);
		resume(video);
	}
	video->opened = channel;
	channel->ops = &channel_ops;
	channel->context = video;
	return true;
}

static void close_channel(struct device *device, struct channel *channel)
{
	struct video *video = device->context;

	if (video->opened != channel)
		return;
	if (video->start)
		event_free(video->start);
	video->start = NULL;
	video->opened = NULL;
	video->channel = NULL;
	forget(video);
}

static const struct device_ops device_ops = { .open = open_channel, .close = close_channel };

/* ---- The owner ---- */

struct video *video_new(uint64_t gpa, uint64_t size, const struct video_ops *ops, void *context)
{
	struct video *video = calloc(1, sizeof(*video));

	if (!video)
		return NULL;
	video->device.ops = &device_ops;
	video->device.context = video;
	video->ops = ops;
	video->context = context;
	video->window_gpa = gpa;
	video->window_size = size;
	video->width = WIDTH;
	video->height = HEIGHT;
	return video;
}

void video_free(struct video *video)
{
	free(video);
}

struct device *video_device(struct video *video)
{
	return &video->device;
}

bool video_prefer(struct video *video, uint32_t width, uint32_t height)
{
	if (width < VIDEO_SIZE_MIN || height < VIDEO_SIZE_MIN || width > VIDEO_SIZE_MAX ||
	    height > VIDEO_SIZE_MAX || !fits(video, width, height))
		return false;
	video->width = width;
	video->height = height;
	return true;
}
