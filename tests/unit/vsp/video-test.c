/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/video, with a guest that does what Linux's hyperv_drm does, one that does not read,
 * and ones that send what no driver sends.
 */
#include <event2/event.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmbus/video.h>

#include "../check.h"
#include "utils-fake.h"
#include "video.h"

#define WINDOW_GPA 0x100000ull
#define WINDOW (8ull << 20)
#define END (WINDOW_GPA + WINDOW)

static struct event_base *base;
static struct guest *guest;
static struct fake fake;
static struct {
	unsigned int opened, closed, modes, changes;
	struct video_rect part;
} seen;

static void opened(void *context)
{
	(void)context;
	seen.opened++;
}

static void closed(void *context)
{
	(void)context;
	seen.closed++;
}

static void mode(void *context)
{
	(void)context;
	seen.modes++;
}

static void changed(void *context, const struct video_rect *part)
{
	(void)context;
	seen.changes++;
	seen.part = *part;
}

static const struct video_ops ops = { opened, closed, mode, changed };

/* ---- the guest ---- */

/* data begins with a header that is filled in. */
static void put(uint32_t type, void *data, uint32_t size)
{
	struct {
		struct vmbus_pipe pipe;
		uint8_t bytes[4200];
	} VMBUS_PACKED message = { .pipe = { VMBUS_PIPE_DATA, size } };
	struct vmbus_video head = { type, size };

	memcpy(data, &head, sizeof(head));
	memcpy(message.bytes, data, size);
	fake_put(&fake, &message, sizeof(message.pipe) + size);
}

static void put_request(uint32_t version)
{
	struct vmbus_video_request request = { .version = version };

	put(VMBUS_VIDEO_REQUEST, &request, sizeof(request));
}

static void put_sizes_request(uint8_t count)
{
	struct vmbus_video_sizes_request request = { .count = count };

	put(VMBUS_VIDEO_SIZES_REQUEST, &request, sizeof(request));
}

static void put_memory(uint64_t gpa)
{
	struct vmbus_video_memory memory = { .tag = gpa, .has_gpa = 1, .gpa = gpa };

	put(VMBUS_VIDEO_MEMORY, &memory, sizeof(memory));
}

static void put_output(struct vmbus_video_output output)
{
	struct vmbus_video_situation situation = { .tag = 9, .count = 1, .output = output };

	put(VMBUS_VIDEO_SITUATION, &situation, sizeof(situation));
}

static void put_situation(uint32_t width, uint32_t height)
{
	put_output((struct vmbus_video_output){ 1, 0, 32, width, height, width * 4 });
}

static void put_dirt(const struct vmbus_video_rect *rects, uint8_t count)
{
	struct {
		struct vmbus_video_dirt dirt;
		struct vmbus_video_rect rects[255];
	} VMBUS_PACKED data = { .dirt.count = count };

	memcpy(data.rects, rects, count * sizeof(rects[0]));
	put(VMBUS_VIDEO_DIRT, &data,
	    (uint32_t)(sizeof(data.dirt) + (uint32_t)count * sizeof(rects[0])));
}

/* The next message, of that type and of size bytes. */
static bool take(uint32_t type, void *message, uint32_t size)
{
	const struct fake_packet *packet = fake_take(&fake);
	struct vmbus_pipe pipe;
	struct vmbus_video head;

	memset(message, 0, size);
	if (!CHECK(packet))
		return false;
	memcpy(&pipe, packet->bytes, sizeof(pipe));
	memcpy(&head, packet->bytes + sizeof(pipe), sizeof(head));
	CHECK_EQ(packet->type, VMBUS_PACKET_INBAND);
	CHECK_EQ(packet->flags, 0);
	CHECK_EQ(pipe.type, VMBUS_PIPE_DATA);
	CHECK_EQ(pipe.size, size);
	CHECK_EQ(head.size, size);
	CHECK_EQ(packet->size, (sizeof(pipe) + size + 7) & ~7u);
	memcpy(message, packet->bytes + sizeof(pipe), size);
	return CHECK_EQ(head.type, type);
}

static void expect_response(uint32_t version, bool accepted)
{
	struct vmbus_video_response response;

	take(VMBUS_VIDEO_RESPONSE, &response, sizeof(response));
	CHECK_EQ(response.version, version);
	CHECK_EQ(response.accepted, accepted);
	CHECK_EQ(response.outputs, 1);
}

static void expect_ack(uint32_t type, uint64_t tag)
{
	struct vmbus_video_ack ack;

	take(type, &ack, sizeof(ack));
	CHECK_EQ(ack.tag, tag);
}

static void expect_wanted(void)
{
	struct vmbus_video_wanted wanted;

	take(VMBUS_VIDEO_WANTED, &wanted, sizeof(wanted));
	CHECK_EQ(wanted.dirt, 1);
	CHECK_EQ(wanted.pointer + wanted.shape + wanted.situation, 0);
}

static struct video *new_video(void)
{
	struct video *video = video_new(WINDOW_GPA, WINDOW, &ops, NULL);

	REQUIRE(video);
	memset(&seen, 0, sizeof(seen));
	return video;
}

static void open_it(struct video *video, bool resumed)
{
	REQUIRE(fake_open(&fake, base, video_device(video), resumed));
	fake.channel.guest = guest;
	fake_run(base, 0);
}

/* All that hyperv_drm does until the screen is on. */
static struct video *screen(uint64_t gpa, uint32_t width, uint32_t height)
{
	struct video *video = new_video();
	struct vmbus_video_sizes sizes;

	open_it(video, false);
	CHECK(!video_is_open(video));
	put_request(VMBUS_VIDEO_3_5);
	expect_response(VMBUS_VIDEO_3_5, true);
	CHECK(video_is_open(video));
	CHECK_EQ(seen.opened, 1);
	put_sizes_request(VMBUS_VIDEO_SIZES_MAX);
	take(VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
	put_memory(gpa);
	expect_ack(VMBUS_VIDEO_MEMORY_ACK, gpa);
	expect_wanted();
	CHECK_EQ(seen.modes, 0);
	put_situation(width, height);
	expect_ack(VMBUS_VIDEO_SITUATION_ACK, 9);
	CHECK_EQ(seen.modes, 1);
	CHECK(!fake.broken);
	return video;
}

static void close_and_free(struct video *video)
{
	struct video_picture picture;

	fake_close(&fake);
	CHECK_EQ(seen.closed, seen.opened);
	CHECK(!video_is_open(video));
	CHECK(!video_picture(video, &picture));
	video_free(video);
}

/* ---- tests ---- */

static void picture_is_the_guests_memory(void)
{
	struct video *video = screen(WINDOW_GPA + 0x200000, 640, 480);
	uint8_t *memory = guest_at(guest, WINDOW_GPA + 0x200000, 4);
	struct video_picture picture;

	memory[0] = 0x5a;
	REQUIRE(video_picture(video, &picture));
	CHECK_EQ(picture.width, 640);
	CHECK_EQ(picture.height, 480);
	CHECK_EQ(picture.stride, 2560);
	CHECK_EQ(picture.bits, 32);
	CHECK(picture.pixels == memory);
	put_output((struct vmbus_video_output){ 1, 4096, 16, 800, 600, 1604 });
	REQUIRE(video_picture(video, &picture));
	CHECK_EQ(picture.stride, 1604);
	CHECK_EQ(picture.bits, 16);
	CHECK(picture.pixels == memory + 4096);
	put_output((struct vmbus_video_output){ 0 });
	CHECK(!video_picture(video, &picture));
	CHECK_EQ(seen.modes, 3);
	close_and_free(video);
}

static void sizes_that_are_told(void)
{
	struct video *video = new_video();
	struct vmbus_video_sizes sizes;
	unsigned int widest = 0;
	uint8_t sum = 0;

	CHECK(!video_prefer(video, 63, 480));
	CHECK(!video_prefer(video, 8193, 64));
	CHECK(!video_prefer(video, 2048, 1025));
	CHECK(video_prefer(video, 2048, 1024));
	CHECK(video_prefer(video, 1280, 720));
	open_it(video, false);
	put_request(VMBUS_VIDEO_3_5);
	expect_response(VMBUS_VIDEO_3_5, true);
	put_sizes_request(VMBUS_VIDEO_SIZES_MAX);
	take(VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
	CHECK_EQ(sizes.sizes[sizes.preferred].width, 1280);
	CHECK_EQ(sizes.sizes[sizes.preferred].height, 720);
	CHECK(sizes.count > 10);
	for (unsigned int i = 0; i < sizes.count; i++) {
		const struct vmbus_video_size *size = &sizes.sizes[i];

		CHECK((uint64_t)size->width * size->height * 4 <= WINDOW);
		CHECK(i == 0 || size->width != 1280 || size->height != 720);
		widest = size->width > widest ? size->width : widest;
	}
	CHECK_EQ(widest, 1920);
	CHECK_MEM(sizes.edid, "\0\xff\xff\xff\xff\xff\xff\0", 8);
	for (unsigned int i = 0; i < VIDEO_EDID; i++)
		sum = (uint8_t)(sum + sizes.edid[i]);
	CHECK_EQ(sum, 0);
	put_sizes_request(1);
	take(VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
	CHECK_EQ(sizes.count, 1);
	CHECK_EQ(sizes.sizes[0].width, 1280);
	put_sizes_request(0);
	take(VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
	CHECK_EQ(sizes.count, 0);
	put_sizes_request(255);
	take(VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
	CHECK(sizes.count <= VMBUS_VIDEO_SIZES_MAX);
	close_and_free(video);
}

/* The first timing, as its fields say it; and a size and a name that have no room. */
static void edid_tells_the_size(void)
{
	uint8_t edid[VIDEO_EDID];

	video_edid(edid, 1920, 1080, "A screen");
	CHECK_EQ(edid[56] | edid[58] >> 4 << 8, 1920);
	CHECK_EQ(edid[59] | edid[61] >> 4 << 8, 1080);
	CHECK_EQ(edid[54] | edid[55] << 8, 2080 * 1115 * 60 / 10000);
	CHECK_EQ(edid[66] | edid[68] >> 4 << 8, 508);
	CHECK_MEM(edid + 77, "A screen\n    ", 13);
	video_edid(edid, 5000, 70, "A very long name of a screen");
	CHECK_EQ(edid[56] | edid[58] >> 4 << 8, 4095);
	CHECK_MEM(edid + 77, "A very long n", 13);
	CHECK_EQ(edid[93], 0x10);
}

static void versions(void)
{
	static const struct {
		uint32_t version;
		bool good;
	} rows[] = {
		{ VMBUS_VIDEO_3_2, true },
		{ VMBUS_VIDEO_VERSION(3, 4), true },
		{ VMBUS_VIDEO_VERSION(3, 0), false },
		{ VMBUS_VIDEO_VERSION(3, 6), false },
		{ VMBUS_VIDEO_VERSION(4, 2), false },
		{ 0, false },
		{ VMBUS_VIDEO_3_5, true },
	};
	struct video *video = new_video();

	open_it(video, false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		put_request(rows[i].version);
		expect_response(rows[i].version, rows[i].good);
		CHECK_EQ(video_is_open(video), rows[i].good);
	}
	CHECK(!fake.broken);
	CHECK_EQ(seen.opened, 3);
	CHECK_EQ(seen.closed, 2);
	close_and_free(video);
}

/* A guest whose memory lies elsewhere is told so; its picture is not looked at. */
static void memory_outside_of_the_window(void)
{
	static const uint64_t gpas[] = {
		0,	    WINDOW_GPA - 4096, WINDOW_GPA + 1,
		END,	    END - 4096 + 8,    UINT64_MAX & ~0xfffull,
		END + 4096,
	};
	struct video *video = screen(WINDOW_GPA, 640, 480);
	struct video_picture picture;
	struct vmbus_video_memory none = { .tag = 5, .gpa = WINDOW_GPA };

	for (size_t i = 0; i < sizeof(gpas) / sizeof(gpas[0]); i++) {
		CHECK_NOTE("row %zu", i);
		put_memory(gpas[i]);
		expect_ack(VMBUS_VIDEO_MEMORY_ACK, ~gpas[i]);
		expect_wanted();
		CHECK(!video_picture(video, &picture));
		put_situation(640, 480);
		expect_ack(VMBUS_VIDEO_SITUATION_ACK, 9);
		CHECK(!video_picture(video, &picture));
	}
	put(VMBUS_VIDEO_MEMORY, &none, sizeof(none));
	expect_ack(VMBUS_VIDEO_MEMORY_ACK, ~5ull);
	expect_wanted();
	/* It is in the window, but the picture is not. */
	put_memory(END - 4096);
	expect_ack(VMBUS_VIDEO_MEMORY_ACK, END - 4096);
	CHECK(!video_picture(video, &picture));
	CHECK(!fake.broken);
	close_and_free(video);
}

/* A window that is larger than what the guest has there. */
static void memory_that_is_not_there(void)
{
	struct video *video = video_new(WINDOW_GPA, WINDOW + (1 << 20), &ops, NULL);
	struct video_picture picture;

	memset(&seen, 0, sizeof(seen));
	open_it(video, false);
	put_request(VMBUS_VIDEO_3_2);
	put_memory(END);
	put_situation(64, 64);
	CHECK(fake.broken);
	CHECK(!video_picture(video, &picture));
	close_and_free(video);
}

static void pictures_at_the_border(void)
{
	const uint32_t largest = (uint32_t)WINDOW / 4096;
	struct video *video = screen(WINDOW_GPA, 1024, largest);
	struct video_picture picture;

	CHECK(video_picture(video, &picture));
	/* The last line is not as long as the others. */
	put_output((struct vmbus_video_output){ 1, 96, 32, 1000, largest, 4096 });
	CHECK(video_picture(video, &picture));
	put_output((struct vmbus_video_output){ 1, 100, 32, 1000, largest, 4096 });
	CHECK(fake.broken);
	CHECK(!video_picture(video, &picture));
	CHECK_EQ(seen.closed, 1);
	close_and_free(video);
}

static void pictures_that_cannot_be(void)
{
	static const struct vmbus_video_output rows[] = {
		{ 1, 0, 24, 64, 64, 256 },
		{ 1, 0, 0, 64, 64, 256 },
		{ 1, 0, 32, 0, 64, 256 },
		{ 1, 0, 32, 64, 0, 256 },
		{ 1, 0, 32, 64, 64, 252 },
		{ 1, 0, 32, 64, 64, 0 },
		{ 1, 0, 32, 64, 64, 258 },
		{ 1, 2, 32, 64, 64, 256 },
		{ 1, 0, 32, 8193, 1, 65536 },
		{ 1, 0, 32, 1, 8193, 4 },
		{ 1, 0, 32, 0x40000000, 64, 0 },
		{ 1, 0, 32, 1, 8192, UINT32_MAX - 3 },
		{ 1, UINT32_MAX - 3, 32, 64, 64, 256 },
		{ 1, 0, 32, 1, 8192, 0x00200000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct video *video = screen(WINDOW_GPA, 640, 480);
		struct video_picture picture;

		CHECK_NOTE("row %zu", i);
		put_output(rows[i]);
		CHECK(fake.broken);
		CHECK(!video_picture(video, &picture));
		CHECK_EQ(seen.modes, 1);
		close_and_free(video);
	}
}

static void damage(void)
{
	static const struct {
		unsigned int count;
		struct vmbus_video_rect rects[3];
		struct video_rect part; /* width 0: none */
	} rows[] = {
		{ 1, { { 1, 2, 4, 6 } }, { 1, 2, 3, 4 } },
		{ 1, { { 0, 0, INT32_MAX, INT32_MAX } }, { 0, 0, 640, 480 } },
		{ 1, { { -5, -5, 3, 3 } }, { 0, 0, 3, 3 } },
		{ 1, { { INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX } }, { 0, 0, 640, 480 } },
		{ 1, { { 639, 479, 700, 700 } }, { 639, 479, 1, 1 } },
		{ 1, { { 640, 0, 700, 700 } }, { 0 } },
		{ 1, { { 0, 480, 700, 700 } }, { 0 } },
		{ 1, { { 5, 5, 5, 9 } }, { 0 } },
		{ 1, { { 5, 9, 9, 5 } }, { 0 } },
		{ 1, { { INT32_MAX, 0, INT32_MIN, 5 } }, { 0 } },
		{ 0, { { 0 } }, { 0 } },
		{ 3, { { 10, 10, 20, 20 }, { 5, 30, 6, 31 }, { 12, 2, 90, 3 } }, { 5, 2, 85, 29 } },
		{ 3, { { 9, 9, 9, 9 }, { 5, 30, 6, 31 }, { 1, 1, 0, 0 } }, { 5, 30, 1, 1 } },
	};
	struct video *video = screen(WINDOW_GPA, 640, 480);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		seen.changes = 0;
		memset(&seen.part, 0, sizeof(seen.part));
		put_dirt(rows[i].rects, (uint8_t)rows[i].count);
		CHECK_EQ(seen.changes, rows[i].part.width != 0);
		CHECK_MEM(&seen.part, &rows[i].part, sizeof(seen.part));
	}
	put_output((struct vmbus_video_output){ 0 });
	seen.changes = 0;
	put_dirt(rows[0].rects, 1);
	CHECK_EQ(seen.changes, 0);
	CHECK(!fake.broken);
	close_and_free(video);
}

/* hyperv_drm sends both to hide a pointer that the host might draw. */
static void pointers_are_ignored(void)
{
	struct video *video = screen(WINDOW_GPA, 640, 480);
	struct vmbus_video_pointer pointer = { .visible = 1 };
	struct {
		struct vmbus_video_shape shape;
		uint8_t data[4];
	} VMBUS_PACKED shape = { .shape = { .part = 255, .argb = 1, .width = 1, .height = 1 } };
	uint32_t words[4] = { 0 };

	put(VMBUS_VIDEO_POINTER, &pointer, sizeof(pointer));
	put(VMBUS_VIDEO_SHAPE, &shape, sizeof(shape));
	fake_put_type(&fake, VMBUS_PACKET_COMPLETION, words, sizeof(words), false);
	CHECK(!fake.broken);
	CHECK(!fake_take(&fake));
	CHECK_EQ(seen.modes, 1);
	close_and_free(video);
}

static void messages_that_are_too_short(void)
{
	static const struct {
		uint32_t type, size;
	} rows[] = {
		{ VMBUS_VIDEO_REQUEST, sizeof(struct vmbus_video_request) },
		{ VMBUS_VIDEO_MEMORY, sizeof(struct vmbus_video_memory) },
		{ VMBUS_VIDEO_SITUATION, sizeof(struct vmbus_video_situation) },
		{ VMBUS_VIDEO_POINTER, sizeof(struct vmbus_video_pointer) },
		{ VMBUS_VIDEO_SHAPE, sizeof(struct vmbus_video_shape) },
		{ VMBUS_VIDEO_DIRT, sizeof(struct vmbus_video_dirt) },
		{ VMBUS_VIDEO_SIZES_REQUEST, sizeof(struct vmbus_video_sizes_request) },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t size = sizeof(struct vmbus_video); size < rows[i].size; size++) {
			struct video *video = screen(WINDOW_GPA, 640, 480);
			uint8_t bytes[64] = { 0 };

			CHECK_NOTE("row %zu, %u bytes", i, size);
			put(rows[i].type, bytes, size);
			CHECK(fake.broken);
			CHECK(!video_is_open(video));
			fake_run(base, 0);
			close_and_free(video);
		}
	}
}

/* Sizes in headers, types, and what comes too early. */
static void messages_that_cannot_be(void)
{
	for (unsigned int row = 0; row < 14; row++) {
		struct video *video = screen(WINDOW_GPA, 640, 480);
		struct {
			struct vmbus_pipe pipe;
			struct vmbus_video_request request;
		} VMBUS_PACKED message = { { VMBUS_PIPE_DATA, 12 },
					   { { VMBUS_VIDEO_REQUEST, 12 }, VMBUS_VIDEO_3_5 } };
		size_t size = sizeof(message);
		struct vmbus_video_situation two = { .count = 2 };
		struct vmbus_video_dirt dirt = { .count = 1 };
		struct vmbus_video_shape shape = { .width = 97 };
		struct vmbus_video_pointer pointer = { .output = 1 };

		CHECK_NOTE("row %u", row);
		message.pipe.type = row == 0 ? 2 : VMBUS_PIPE_DATA;
		message.pipe.size = row == 1 ? 100 : row == 2 ? 7 : 12;
		message.request.header.size = row == 3 ? 13 : row == 4 ? 7 : 12;
		message.request.header.type = row == 5 ? VMBUS_VIDEO_RESPONSE :
					      row == 6 ? 0 :
					      row == 7 ? 99 :
							 VMBUS_VIDEO_REQUEST;
		size = row == 8 ? 8 : size;
		if (row < 9)
			fake_put(&fake, &message, size);
		else if (row == 9)
			fake_put_type(&fake, VMBUS_PACKET_GPA_DIRECT, &message, size, true);
		else if (row == 10)
			put(VMBUS_VIDEO_SITUATION, &two, sizeof(two));
		else if (row == 11)
			put(VMBUS_VIDEO_DIRT, &dirt, sizeof(dirt));
		else if (row == 12)
			put(VMBUS_VIDEO_SHAPE, &shape, sizeof(shape));
		else
			put(VMBUS_VIDEO_POINTER, &pointer, sizeof(pointer));
		CHECK(fake.broken);
		CHECK_EQ(seen.closed, 1);
		CHECK_EQ(fake.answers, row == 9);
		close_and_free(video);
	}
}

static void nothing_before_the_version(void)
{
	struct video *video = new_video();

	open_it(video, false);
	put_situation(640, 480);
	CHECK(fake.broken);
	close_and_free(video);
	video = new_video();
	open_it(video, false);
	put_request(VMBUS_VIDEO_VERSION(9, 9));
	expect_response(VMBUS_VIDEO_VERSION(9, 9), false);
	put_memory(WINDOW_GPA);
	CHECK(fake.broken);
	close_and_free(video);
}

/* As many messages as it likes, while there is no room: one answer of each kind. */
static void guest_that_does_not_read(void)
{
	struct video *video = screen(WINDOW_GPA, 640, 480);
	struct vmbus_video_sizes sizes;

	fake.room = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		put_sizes_request(64);
		put_memory(WINDOW_GPA + 4096 * (i + 1ull));
		put_situation(320, 200 + i % 2);
	}
	CHECK(!fake_take(&fake));
	fake_room(&fake, 1);
	take(VMBUS_VIDEO_SIZES, &sizes, sizeof(sizes));
	CHECK(!fake_take(&fake));
	fake_room(&fake, 100);
	expect_ack(VMBUS_VIDEO_MEMORY_ACK, WINDOW_GPA + 4096 * 1000ull);
	expect_ack(VMBUS_VIDEO_SITUATION_ACK, 9);
	expect_wanted();
	CHECK(!fake_take(&fake));
	CHECK_EQ(seen.modes, 1 + 2000);
	close_and_free(video);
}

/* The next process shows what the one before it showed. */
static void resumes(void)
{
	struct video *video = screen(WINDOW_GPA + 4096, 800, 600);
	struct video_picture picture;

	close_and_free(video);
	video = new_video();
	open_it(video, true);
	CHECK_EQ(seen.opened, 1);
	CHECK_EQ(seen.modes, 1);
	CHECK(!fake_take(&fake));
	REQUIRE(video_picture(video, &picture));
	CHECK_EQ(picture.width, 800);
	CHECK(picture.pixels == guest_at(guest, WINDOW_GPA + 4096, 1));
	/* Before the guest was answered. */
	fake.room = 0;
	put_memory(WINDOW_GPA);
	close_and_free(video);
	video = new_video();
	open_it(video, true);
	expect_ack(VMBUS_VIDEO_MEMORY_ACK, WINDOW_GPA);
	expect_wanted();
	close_and_free(video);
	/* Closed before its first turn. */
	video = new_video();
	REQUIRE(fake_open(&fake, base, video_device(video), true));
	close_and_free(video);
	CHECK_EQ(seen.closed, 0);
}

/* The window is another one, the memo is nobody's, or of a guest that was broken. */
static void resumes_only_what_is_good(void)
{
	struct video *video = screen(WINDOW_GPA, 800, 600);
	struct video_picture picture;

	close_and_free(video);
	video = video_new(WINDOW_GPA + (1 << 20), WINDOW - (1 << 20), &ops, NULL);
	memset(&seen, 0, sizeof(seen));
	open_it(video, true);
	CHECK(video_is_open(video));
	CHECK(!video_picture(video, &picture));
	close_and_free(video);
	for (unsigned int i = 0; i < 64; i++) {
		video = new_video();
		/* From behind the magic on; a dark output is a good one. */
		for (unsigned int at = i % 2 ? 4 : 8; at < 128; at++)
			fake.memo[at] = i < 32 ? (uint8_t)check_rand() : (uint8_t)check_below(2);
		open_it(video, true);
		video_picture(video, &picture);
		close_and_free(video);
	}
	video = screen(WINDOW_GPA, 800, 600);
	fake_put(&fake, &picture, 8);
	CHECK(fake.broken);
	close_and_free(video);
	video = new_video();
	open_it(video, true);
	CHECK(!video_is_open(video));
	close_and_free(video);
}

static void one_channel_at_a_time(void)
{
	struct video *video = screen(WINDOW_GPA, 640, 480);
	struct channel other = { .device = video_device(video), .base = base };

	CHECK(!video_device(video)->ops->open(video_device(video), &other));
	video_device(video)->ops->close(video_device(video), &other);
	CHECK(video_is_open(video));
	close_and_free(video);
	video = new_video();
	other = (struct channel){ .device = video_device(video), .base = base, .sub = 1 };
	CHECK(!video_device(video)->ops->open(video_device(video), &other));
	video_free(video);
	video_free(NULL);
}

static void make_guest(void)
{
	struct guest_range range = { WINDOW_GPA, WINDOW };
	int fd = memfd_create("guest", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && ftruncate(fd, (off_t)END) == 0);
	guest = guest_new(fd, &range, 1);
	REQUIRE(guest);
	close(fd);
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	check_seed(0x766964656f31);
	make_guest();
	CHECK_RUN(picture_is_the_guests_memory);
	CHECK_RUN(sizes_that_are_told);
	CHECK_RUN(edid_tells_the_size);
	CHECK_RUN(versions);
	CHECK_RUN(memory_outside_of_the_window);
	CHECK_RUN(memory_that_is_not_there);
	CHECK_RUN(pictures_at_the_border);
	CHECK_RUN(pictures_that_cannot_be);
	CHECK_RUN(damage);
	CHECK_RUN(pointers_are_ignored);
	CHECK_RUN(messages_that_are_too_short);
	CHECK_RUN(messages_that_cannot_be);
	CHECK_RUN(nothing_before_the_version);
	CHECK_RUN(guest_that_does_not_read);
	CHECK_RUN(resumes);
	CHECK_RUN(resumes_only_what_is_good);
	CHECK_RUN(one_channel_at_a_time);
	fake_end(&fake);
	guest_free(guest);
	event_base_free(base);
	return check_done();
}
