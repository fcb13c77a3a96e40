/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/video: a guest that sends messages of its protocol with any content, or bytes, does
 * or does not read, closes and opens again. Whatever picture there is, all of it can be
 * read.
 */
#include "fuzz.h"

#include <event2/event.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmbus/video.h>

#include "utils-fake.h"
#include "video.h"

#define WINDOW_GPA 0x100000ull
#define WINDOW (4ull << 20)

static struct event_base *base;
static struct guest *guest;
static struct fake fake;
static struct video *video;
static unsigned int opened;

static void on_opened(void *context)
{
	(void)context;
	FUZZ_CHECK(!opened++);
}

static void on_closed(void *context)
{
	(void)context;
	FUZZ_CHECK(opened--);
}

static void on_changed(void *context, const struct video_rect *part)
{
	struct video_picture picture;

	(void)context;
	FUZZ_CHECK(video_picture(video, &picture));
	FUZZ_CHECK(part->width && part->width <= picture.width &&
		   part->x <= picture.width - part->width);
	FUZZ_CHECK(part->height && part->height <= picture.height &&
		   part->y <= picture.height - part->height);
}

static const struct video_ops ops = { on_opened, on_closed, NULL, on_changed };

static void look(void)
{
	const uint8_t *window = guest_at(guest, WINDOW_GPA, WINDOW);
	struct video_picture picture;
	uint64_t size;

	if (!video_picture(video, &picture))
		return;
	FUZZ_CHECK(opened == 1 && picture.stride >= picture.width * (picture.bits / 8));
	size = (uint64_t)picture.stride * (picture.height - 1) +
	       (uint64_t)picture.width * (picture.bits / 8);
	FUZZ_CHECK(picture.pixels >= window && size <= WINDOW &&
		   (uint64_t)(picture.pixels - window) <= WINDOW - size);
}

static void reopen(bool resumed)
{
	fake_close(&fake);
	FUZZ_CHECK(!opened);
	FUZZ_CHECK(fake_open(&fake, base, video_device(video), resumed));
	fake.channel.guest = guest;
}

/* A message of that type; a good one apart from what the input says of its fields. */
static void put(uint64_t type, const uint8_t **data, size_t *size)
{
	static const uint8_t sizes[16] = {
		[1] = 12, [3] = 25, [5] = 35, [7] = 18, [8] = 30, [10] = 42, [13] = 9
	};
	struct {
		struct vmbus_pipe pipe;
		struct vmbus_video head;
		union {
			struct {
				uint64_t tag;
				uint8_t has_gpa;
				uint64_t gpa;
			} VMBUS_PACKED memory;
			struct {
				uint64_t tag;
				uint8_t count;
				struct vmbus_video_output output;
			} VMBUS_PACKED situation;
			uint32_t version;
			uint8_t bytes[64];
		};
	} VMBUS_PACKED message = { 0 };
	uint32_t length = sizes[type % 16] ? sizes[type % 16] : 16;
	uint64_t value = fuzz_u64(data, size, 4);

	message.pipe = (struct vmbus_pipe){ VMBUS_PIPE_DATA, length };
	message.head = (struct vmbus_video){ type % 16, length };
	switch (type % 16) {
	case VMBUS_VIDEO_REQUEST:
		message.version = value % 3 ? VMBUS_VIDEO_3_5 : (uint32_t)value;
		break;
	case VMBUS_VIDEO_MEMORY:
		message.memory.has_gpa = value % 16 != 0;
		message.memory.gpa = WINDOW_GPA + value / 16 * 4096;
		break;
	case VMBUS_VIDEO_SITUATION:
		message.situation.count = value % 16 != 0;
		message.situation.output = (struct vmbus_video_output){
			.active = value % 16 != 1,
			.offset = (uint32_t)fuzz_u64(data, size, 2) * 4,
			.bits = value & 2 ? 32 : 16,
			.width = (uint32_t)fuzz_u64(data, size, 2) % 9000,
			.height = (uint32_t)fuzz_u64(data, size, 2) % 9000,
			.stride = (uint32_t)(value >> 4 & 0xffff) * 4,
		};
		break;
	default:
		fuzz_take(data, size, message.bytes, length - sizeof(message.head));
		break;
	}
	fake_put_type(&fake, VMBUS_PACKET_INBAND, &message, sizeof(message.pipe) + length,
		      value & 1);
}

static void step(const uint8_t **data, size_t *size)
{
	uint64_t op = fuzz_u64(data, size, 1), how = fuzz_u64(data, size, 1);
	uint8_t bytes[128];

	switch (op % 8) {
	case 0:
		fuzz_take(data, size, bytes, sizeof(bytes));
		fake_put_type(&fake, how & 1 ? (uint16_t)(how >> 1) : VMBUS_PACKET_INBAND, bytes,
			      how % sizeof(bytes), how & 2);
		break;
	case 1:
		fake_room(&fake, (unsigned int)how % 5);
		break;
	case 2:
		reopen(how & 1);
		break;
	case 3:
		fake_run(base, 0);
		while (fake_take(&fake))
			;
		break;
	case 4:
		video_prefer(video, (uint32_t)how * 8, 480);
		break;
	default:
		put(how, data, size);
		break;
	}
}

static void prepare(void)
{
	struct guest_range range = { WINDOW_GPA, WINDOW };
	int fd = memfd_create("guest", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)(WINDOW_GPA + WINDOW)) == 0);
	guest = guest_new(fd, &range, 1);
	base = event_base_new();
	FUZZ_CHECK(guest && base);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!base)
		prepare();
	video = video_new(WINDOW_GPA, WINDOW, &ops, NULL);
	FUZZ_CHECK(video);
	reopen(false);
	while (size) {
		step(&data, &size);
		look();
	}
	fake_close(&fake);
	FUZZ_CHECK(!opened);
	video_free(video);
	return 0;
}
