/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv-gpu, the program: what hvd may get wrong, and a guest whose picture is taken, also from
 * a process that took up the work of one that died. The first argument is the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <mullion/gpu.h>
#include <png.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "process-guest.h"
#include "process.h"

#define VIDEO "9c1d4a52-0b7e-4c1f-8d6a-3e2f1a0b9c8d"
#define GPU "9c1d4a52-0b7e-4c1f-8d6a-3e2f1a0b9c8e"
#define INVALID "org.varlink.service.InvalidParameter"
#define FDS "\"partition_fd\":0,\"socket_fd\":1"
#define VRAM "\"vram_gpa\":3221225472,\"vram_size\":67108864"
#define REST "\"memory_max\":67108864,\"width\":1024,\"height\":768"
#define SCREEN "\"name\":\"n\",\"video\":\"" VIDEO "\""
#define FOURCC_XRGB8888 0x34325258u

static struct process_guest guest;

static void test_common(void)
{
	static const char *const methods[] = {
		"Info",	      "{}",
		"Stats",      "{}",
		"Screenshot", "{\"display\":0,\"fd\":0}",
		"SetDisplay", "{\"display\":0,\"connected\":true,\"width\":800,\"height\":600}",
		NULL,
	};

	process_check_common(methods);
}

/* ---- Configure ---- */

/* 0 memory, 1 a socket of hv-vsp, 2 a plain file. */
static void give_all(void)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	process_give_away(process_file(GUEST_MEMORY));
	process_give_away(pair[1]);
	process_give_away(process_file(4096));
	close(pair[0]);
}

static const struct {
	const char *parameters, *error, *message;
} wrong[] = {
	{ "\"name\":\"\",\"video\":\"" VIDEO "\"," FDS "," VRAM "," REST, "BadConfiguration",
	  "name" },
	{ "\"name\":\"n\",\"video\":\"x\"," FDS "," VRAM "," REST, "BadConfiguration", "video" },
	{ SCREEN ",\"gpu\":\"x\"," FDS "," VRAM "," REST, "BadConfiguration", "gpu" },
	{ SCREEN ",\"partition_fd\":7,\"socket_fd\":1," VRAM "," REST, "BadConfiguration",
	  "partition_fd" },
	{ SCREEN ",\"partition_fd\":0,\"socket_fd\":2," VRAM "," REST, "BadConfiguration",
	  "socket_fd" },
	{ SCREEN "," FDS ",\"render_fd\":9," VRAM "," REST, "BadConfiguration", "render_fd" },
	{ SCREEN "," FDS ",\"vram_gpa\":1,\"vram_size\":67108864," REST, "BadConfiguration",
	  "vram" },
	{ SCREEN "," FDS ",\"vram_gpa\":0,\"vram_size\":0," REST, "BadConfiguration", "vram" },
	{ SCREEN "," FDS "," VRAM ",\"memory_max\":0,\"width\":63,\"height\":768",
	  "BadConfiguration", "width" },
	{ SCREEN "," FDS "," VRAM ",\"memory_max\":0,\"width\":640,\"height\":4096",
	  "BadConfiguration", "width" },
	{ SCREEN "," FDS "," VRAM, INVALID, NULL },
	{ SCREEN "," FDS "," REST, INVALID, NULL },
};

static void test_wrong(void)
{
	process_begin();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_NOTE("row %zu", i);
		give_all();
		process_call("Configure", "{%s}", wrong[i].parameters);
		process_failed(wrong[i].error, wrong[i].message);
		process_call("Info", "{}");
		process_failed("Failed", "no partition");
	}
	CHECK_NOTE("at last");
	give_all();
	CHECK(process_call("Configure", "{" SCREEN "," FDS "," VRAM "," REST "}"));
	give_all();
	process_call("Configure", "{" SCREEN "," FDS "," VRAM "," REST "}");
	process_failed("Failed", "already");
	CHECK(process_call("Info", "{}"));
	CHECK_STR(process_text(process.answer, "source"), "none");
	CHECK_STR(process_text(process.answer, "renderer"), "none");
	process_give_away(process_file(0));
	process_call("Screenshot", "{\"display\":0,\"fd\":0}");
	process_failed("NotReady", "nothing was shown");
	process_call("Screenshot", "{\"display\":0,\"fd\":3}");
	process_failed("BadConfiguration", "no descriptor");
	process_give_away(process_file(0));
	process_call("Screenshot", "{\"display\":1,\"fd\":0}");
	process_failed("BadConfiguration", "display");
	process_call("SetDisplay", "{\"display\":1,\"connected\":true,\"width\":8,\"height\":8}");
	process_failed("BadConfiguration", "display");
	process_call("SetDisplay", "{\"display\":0,\"connected\":true,\"width\":8,\"height\":8}");
	process_failed("BadConfiguration", "width");
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

/* ---- a guest ---- */

static void begin_with_guest(bool resumed)
{
	process_begin();
	process_give(guest.memory);
	process_give_away(process_guest_socket(&guest));
	CHECK(process_call("Configure",
			   "{" SCREEN ",\"gpu\":\"" GPU "\"," FDS "," VRAM "," REST "}"));
	CHECK(process_guest_open(&guest, resumed));
}

static void say(void *message, uint32_t type, uint32_t size)
{
	struct mullion_gpu_header *header = message;

	header->type = (uint16_t)type;
	header->size = size;
	REQUIRE(process_guest_send(&guest, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, message, size));
}

/* The next message's header, its type checked. */
static const void *hear(uint32_t type)
{
	static _Alignas(8) uint8_t bytes[4096];
	struct mullion_gpu_header header;
	struct ring_packet packet;

	REQUIRE(process_guest_receive(&guest, &packet, 20000));
	REQUIRE(packet.payload_size >= sizeof(header) && packet.payload_size <= sizeof(bytes));
	memcpy(bytes, packet.payload, packet.payload_size);
	memcpy(&header, bytes, sizeof(header));
	CHECK_EQ(header.type, type);
	return bytes;
}

#define SHARED (GUEST_FREE + 1)
#define PICTURE (GUEST_FREE + 16)
#define PICTURE_PAGES 20u
#define WIDTH 160u
#define HEIGHT 120u
#define BYTES ((size_t)WIDTH * HEIGHT * 4)

static void greet(void)
{
	struct mullion_gpu_hello hello = {
		.version_min = 1,
		.version_max = 1,
		.features = MULLION_GPU_FEATURE_3D,
		.page_count = 2,
		.pfns = { SHARED, SHARED + 1 },
		.driver = "test 1",
		.kernel = "6.12",
	};
	const struct mullion_gpu_welcome *welcome;
	struct link_message message;
	struct vmbus_guid video;

	say(&hello, MULLION_GPU_HELLO, sizeof(hello));
	welcome = hear(MULLION_GPU_WELCOME);
	CHECK_EQ(welcome->version, 1);
	CHECK_EQ(welcome->features, MULLION_GPU_FEATURE_3D);
	for (uint32_t i = welcome->displays; i; i--)
		hear(MULLION_GPU_DISPLAY);
	/* The other device is not shown any more. */
	process_guest_link(&guest, &message);
	CHECK_EQ(message.type, LINK_REPLACES);
	REQUIRE(parse_guid(VIDEO, &video));
	CHECK_MEM(&message.other, &video, sizeof(video));
}

/* A picture in the guest's memory becomes the screen. */
static void show(uint32_t seed)
{
	struct mullion_gpu_plain_create create = { .resource = 3, .size = BYTES };
	struct {
		struct mullion_gpu_pages pages;
		struct mullion_gpu_run run;
	} pages = { .pages = { .resource = 3, .total = PICTURE_PAGES, .count = 1 },
		    .run = { .pfn = PICTURE, .count = PICTURE_PAGES } };
	struct mullion_gpu_scanout scanout = { .resource = 3,
					       .width = WIDTH,
					       .height = HEIGHT,
					       .format = FOURCC_XRGB8888,
					       .stride = WIDTH * 4 };
	struct mullion_gpu_flush flush = { .width = WIDTH, .height = HEIGHT };
	static uint64_t number; /* goes on with the next process */
	uint32_t *pixels = guest_at(guest.guest, PICTURE * 4096ul, BYTES);
	uint64_t *done = guest_at(guest.guest, (SHARED + 1) * 4096ul, 4096);

	REQUIRE(pixels);
	for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
		pixels[i] = i * seed;
	done = &done[2ul * MULLION_GPU_RING_SCREEN];
	number++;
	say(&create, MULLION_GPU_PLAIN_CREATE, sizeof(create));
	say(&pages, MULLION_GPU_PAGES, sizeof(pages));
	say(&scanout, MULLION_GPU_SCANOUT, sizeof(scanout));
	flush.header.flags = MULLION_GPU_FENCE;
	flush.header.ring = MULLION_GPU_RING_SCREEN;
	flush.header.fence = number;
	say(&flush, MULLION_GPU_FLUSH, sizeof(flush));
	for (unsigned int i = 0; i < 1000 && __atomic_load_n(done, __ATOMIC_ACQUIRE) < number; i++)
		usleep(10000);
	CHECK_EQ(*done, number);
}

static void check_png(const uint8_t *bytes, size_t size, uint32_t seed)
{
	static uint8_t rgb[WIDTH * HEIGHT * 3];
	png_image image = { .version = PNG_IMAGE_VERSION };

	REQUIRE(png_image_begin_read_from_memory(&image, bytes, size));
	CHECK_EQ(image.width, WIDTH);
	CHECK_EQ(image.height, HEIGHT);
	image.format = PNG_FORMAT_RGB;
	REQUIRE(image.width == WIDTH && image.height == HEIGHT);
	REQUIRE(png_image_finish_read(&image, NULL, rgb, 0, NULL));
	for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
		const uint8_t *at = rgb + 3ul * i;
		uint32_t pixel = (uint32_t)(at[0] << 16 | at[1] << 8 | at[2]);

		if (!CHECK_EQ(pixel, i * seed & 0xffffff))
			break;
	}
}

static bool has_end(const uint8_t *bytes, size_t size)
{
	return size > 8 && memcmp(bytes + size - 8, "IEND\xae\x42\x60\x82", 8) == 0;
}

/* To a file, and to a pipe that is read late. */
static void shoot(uint32_t seed, bool to_pipe)
{
	static uint8_t bytes[1 << 20];
	int ends[2], file = process_file(0);
	sd_json_variant *parameters = NULL;
	sd_varlink *caller;
	size_t size = 0;
	ssize_t got;

	if (!to_pipe) {
		process_give(file);
		CHECK(process_call("Screenshot", "{\"display\":0,\"fd\":0}"));
		CHECK_EQ(process_number(process.answer, "width"), WIDTH);
		CHECK_EQ(process_number(process.answer, "height"), HEIGHT);
		CHECK_STR(process_text(process.answer, "source"), "gpu");
		got = pread(file, bytes, sizeof(bytes), 0);
		REQUIRE(got > 0);
		check_png(bytes, (size_t)got, seed);
		close(file);
		return;
	}
	close(file);
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
	caller = process_connect();
	REQUIRE(sd_varlink_set_allow_fd_passing_output(caller, true) >= 0);
	REQUIRE(sd_varlink_bind_reply(caller, process_on_reply) >= 0);
	REQUIRE(sd_varlink_push_fd(caller, ends[1]) >= 0);
	REQUIRE(sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_UNSIGNED("display", 0),
			       SD_JSON_BUILD_PAIR_UNSIGNED("fd", 0)) >= 0);
	REQUIRE(sd_varlink_invoke(caller, "org.mullion.Gpu.Screenshot", parameters) >= 0);
	while (sd_varlink_process(caller) > 0)
		;
	REQUIRE(sd_varlink_flush(caller) >= 0);
	sd_json_variant_unref(parameters);
	usleep(200000);
	/* Others are served meanwhile. */
	CHECK(process_call("Stats", "{}"));
	/* The caller's own end stays open: a PNG says where it ends. */
	while (!has_end(bytes, size)) {
		got = read(ends[0], bytes + size, sizeof(bytes) - size);
		REQUIRE(got > 0);
		size += (size_t)got;
	}
	close(ends[0]);
	CHECK(process_reply(caller));
	sd_varlink_close_unref(caller);
	check_png(bytes, size, seed);
}

static void check_info(void)
{
	sd_json_variant *statistics, *displays;

	CHECK(process_call("Info", "{}"));
	CHECK_STR(process_text(process.answer, "source"), "gpu");
	CHECK(strstr(process_text(process.answer, "renderer"), "llvmpipe"));
	CHECK_STR(process_text(process.answer, "backend"), "software");
	CHECK_STR(process_text(process.answer, "driver"), "test 1");
	CHECK_STR(process_text(process.answer, "kernel"), "6.12");
	CHECK(!process_text(process.answer, "problem"));
	CHECK_EQ(process_number(process.answer, "channel"), 1);
	displays = sd_json_variant_by_key(process.answer, "displays");
	REQUIRE(sd_json_variant_elements(displays) == MULLION_GPU_DISPLAYS_MAX);
	CHECK_EQ(process_number(sd_json_variant_by_index(displays, 0), "shown_width"), WIDTH);
	CHECK(process_call("Stats", "{}"));
	statistics = sd_json_variant_by_key(process.answer, "statistics");
	CHECK_EQ(process_number(statistics, "messages"), 5);
	CHECK_EQ(process_number(statistics, "flushes"), 1);
	CHECK_EQ(process_number(statistics, "resources"), 1);
}

static void check_display(void)
{
	const struct mullion_gpu_display *told;

	CHECK(process_call("SetDisplay",
			   "{\"display\":0,\"connected\":true,\"width\":800,\"height\":600}"));
	told = hear(MULLION_GPU_DISPLAY);
	CHECK_EQ(told->width, 800);
	CHECK_EQ(told->height, 600);
	process_call("SetDisplay",
		     "{\"display\":4,\"connected\":true,\"width\":800,\"height\":600}");
	process_failed("BadConfiguration", "display");
}

static void test_guest(void)
{
	const struct device device = { .packet_max = CHANNEL_PACKET_GPU };
	struct link_message message = { 0 };
	sd_varlink *subscriber;

	process_guest_new(&guest, GPU, 16, 16);
	close(guest.journal);
	guest.journal = journal_create(device_packet_max(&device));
	begin_with_guest(false);
	subscriber = process_subscribe();
	CHECK_STR(process_text(process_event(subscriber), "kind"), "started");
	greet();
	CHECK_STR(process_text(process_event(subscriber), "source"), "gpu");
	show(77777);
	shoot(77777, false);
	shoot(77777, true);
	check_info();
	check_display();
	sd_varlink_close_unref(subscriber);
	kill(process.pid, SIGKILL);
	CHECK_INT(process_end(), -SIGKILL);

	begin_with_guest(true);
	hear(MULLION_GPU_RESET);
	CHECK(process_call("Info", "{}"));
	CHECK_STR(process_text(process.answer, "source"), "none");
	greet();
	show(1234567);
	shoot(1234567, false);
	process_guest_say(&guest, &message, LINK_CLOSE, -1);
	process_guest_link(&guest, &message);
	CHECK_EQ(message.type, LINK_CLOSED);
	CHECK(process_call("Info", "{}"));
	CHECK_STR(process_text(process.answer, "source"), "none");
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	process_guest_free(&guest);
}

int main(int argc, char **argv)
{
	REQUIRE(argc == 2);
	process_setup(argv[1], "org.mullion.Gpu");
	CHECK_RUN(test_common);
	CHECK_RUN(test_wrong);
	CHECK_RUN(test_guest);
	process_teardown();
	return check_done();
}
