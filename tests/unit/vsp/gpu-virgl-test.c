/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/gpu with virglrenderer on Mesa's software renderer: a guest that is made up draws, and
 * what it drew is compared pixel by pixel with what it must be.
 */
#include <errno.h>
#include <event2/event.h>

#include "check.h"
#include "gpu-fake.h"
#include "gpu.h"
#include "renderer.h"

#define WIDTH 64u
#define HEIGHT 32u
#define BYTES ((size_t)WIDTH * HEIGHT * 4)
#define CONTEXT 7u
#define SLOT 16u /* of CONTEXT's first ring */
#define DRAWN 100u /* resource */
#define DRAWN_PFN 64u
#define MEMORY_MAX (64ull << 20)

/* virgl_protocol.h: command | object << 8 | words << 16 */
#define COMMAND(command, object, words) ((command) | (object) << 8 | (uint32_t)(words) << 16)
#define CREATE_OBJECT 1u
#define OBJECT_SURFACE 8u
#define SET_FRAMEBUFFER 5u
#define CLEAR 7u
#define CLEAR_COLOUR0 4u /* PIPE_CLEAR_COLOR0 */
#define CREATE_SUB_CTX 29u
#define SET_SUB_CTX 28u
/* virgl_hw.h, p_defines.h */
#define FORMAT_B8G8R8A8 1u
#define BIND_RENDER_TARGET 2u
#define TARGET_2D 2u
#define TARGET_BUFFER 0u
#define FORMAT_R8 64u
#define BIND_VERTEX_BUFFER 16u

static struct event_base *base;
static struct renderer *renderer;
static struct gpu *gpu;
static struct gpu_guest guest;
static unsigned int losses, works;
static char lost_text[200];

static void on_working(void *context, bool working)
{
	(void)context;
	works += working;
}

static void on_resumed(void *context)
{
	(void)context;
}

static void on_lost(void *context, uint32_t id, const char *text)
{
	(void)context, (void)id;
	losses++;
	snprintf(lost_text, sizeof(lost_text), "%s", text);
}

static void on_look(void *context)
{
	(void)context;
}

static const struct gpu_calls calls = { on_working, on_resumed, on_lost, on_look };

/* ---- what the tests begin with ---- */

static void begin(void)
{
	const struct gpu_config config = { .memory_max = MEMORY_MAX, .width = 800, .height = 600 };

	losses = works = 0;
	gpu = gpu_new(&config, renderer, &calls, NULL);
	REQUIRE(gpu);
	gpu_guest_new(&guest, gpu_device(gpu));
	REQUIRE(gpu_guest_open(&guest, false));
	gpu_guest_hello(&guest);
	CHECK_EQ(works, 1);
}

static void end(void)
{
	gpu_guest_close(&guest);
	gpu_guest_free(&guest);
	gpu_free(gpu);
}

static void create_context(uint32_t id, uint32_t slot)
{
	struct mullion_gpu_context_create create = {
		.capset = 2, .rings = 2, .slot = slot, .name = "test"
	};

	gpu_guest_say(&guest, MULLION_GPU_CONTEXT_CREATE, id, &create, sizeof(create));
}

static void create_resource(uint32_t id)
{
	struct mullion_gpu_resource_create create = {
		.resource = id,
		.target = TARGET_2D,
		.format = FORMAT_B8G8R8A8,
		.bind = BIND_RENDER_TARGET,
		.width = WIDTH,
		.height = HEIGHT,
		.depth = 1,
		.array_size = 1,
	};

	gpu_guest_say(&guest, MULLION_GPU_RESOURCE_CREATE, 0, &create, sizeof(create));
}

static void name(uint32_t type, uint32_t context, uint32_t resource)
{
	struct mullion_gpu_name message = { .resource = resource };

	gpu_guest_say(&guest, type, context, &message, sizeof(message));
}

/* In two runs that do not adjoin, the second page first. */
static void give_pages(uint32_t resource, uint64_t pfn, uint32_t count)
{
	struct {
		struct mullion_gpu_pages pages;
		struct mullion_gpu_run runs[2];
	} message = { .pages = { .resource = resource, .total = count, .count = 2 },
		      .runs = { { .pfn = pfn + count, .count = 1 },
				{ .pfn = pfn, .count = count - 1 } } };

	gpu_guest_say(&guest, MULLION_GPU_PAGES, 0, &message, sizeof(message));
}

/* A surface of the resource as the framebuffer, cleared with a colour. */
static void submit_clear(uint32_t context, uint32_t resource, const float colour[4], uint64_t fence)
{
	struct {
		struct mullion_gpu_header header;
		uint32_t words[30];
	} message = { 0 };
	uint32_t n = 0, *words = message.words;

	words[n++] = COMMAND(CREATE_SUB_CTX, 0, 1);
	words[n++] = 1;
	words[n++] = COMMAND(SET_SUB_CTX, 0, 1);
	words[n++] = 1;
	words[n++] = COMMAND(CREATE_OBJECT, OBJECT_SURFACE, 5);
	words[n++] = 1; /* its handle */
	words[n++] = resource;
	words[n++] = FORMAT_B8G8R8A8;
	words[n++] = 0; /* level */
	words[n++] = 0; /* layers */
	words[n++] = COMMAND(SET_FRAMEBUFFER, 0, 3);
	words[n++] = 1; /* colours */
	words[n++] = 0; /* depth */
	words[n++] = 1; /* the surface */
	words[n++] = COMMAND(CLEAR, 0, 8);
	words[n++] = CLEAR_COLOUR0;
	memcpy(&words[n], colour, 4 * sizeof(float));
	n += 4;
	n += 3; /* depth, stencil */
	gpu_guest_ask(&guest, MULLION_GPU_SUBMIT, context, &message,
		      sizeof(message.header) + n * sizeof(uint32_t), 0, fence);
}

static void transfer(uint32_t type, uint32_t context, uint32_t resource, uint32_t ring,
		     uint64_t fence)
{
	struct mullion_gpu_transfer message = {
		.resource = resource,
		.width = WIDTH,
		.height = HEIGHT,
		.depth = 1,
		.stride = WIDTH * 4,
	};

	gpu_guest_ask(&guest, type, context, &message, sizeof(message), ring, fence);
}

/* Until the slot has the number. */
static void wait_for(uint32_t slot, uint64_t number)
{
	const struct timeval step = { .tv_usec = 10000 };

	for (unsigned int i = 0; i < 2000; i++) {
		if (__atomic_load_n(&gpu_guest_slot(&guest, slot)->done, __ATOMIC_ACQUIRE) >=
		    number)
			return;
		event_base_loopexit(base, &step);
		event_base_loop(base, EVLOOP_ONCE);
	}
	/* It is never done. */
	REQUIRE(false);
}

/* As many bytes of the pages that give_pages() gave. */
static void read_pages(uint64_t pfn, uint32_t count, uint8_t *to)
{
	memcpy(to, gpu_guest_page(&guest, pfn + count), 4096);
	memcpy(to + 4096, gpu_guest_page(&guest, pfn), (count - 1) * 4096ul);
}

/* ---- tests ---- */

static void test_welcome(void)
{
	const struct mullion_gpu_welcome *welcome;
	const struct mullion_gpu_display *display;

	begin();
	welcome = gpu_guest_told(&guest, MULLION_GPU_WELCOME);
	REQUIRE(welcome);
	CHECK_EQ(welcome->version, MULLION_GPU_VERSION);
	CHECK_EQ(welcome->features, MULLION_GPU_FEATURE_3D);
	CHECK_EQ(welcome->capset_count, 2);
	CHECK_EQ(welcome->capsets[0].capset, 1);
	CHECK_EQ(welcome->capsets[1].capset, 2);
	CHECK(welcome->capsets[1].size > welcome->capsets[0].size);
	CHECK(strstr(welcome->renderer, "llvmpipe"));
	CHECK(renderer->software);
	for (uint32_t i = 0; i < welcome->displays; i++) {
		display = gpu_guest_told(&guest, MULLION_GPU_DISPLAY);
		REQUIRE(display);
		CHECK_EQ(display->display, i);
		CHECK_EQ(display->connected, i == 0);
	}
	end();
}

static void test_capset(void)
{
	struct mullion_gpu_get_capset get = { .capset = 2, .version = 2 };
	const struct mullion_gpu_capset *capset;
	uint32_t version;

	begin();
	gpu_guest_say(&guest, MULLION_GPU_GET_CAPSET, 0, &get, sizeof(get));
	capset = gpu_guest_told(&guest, MULLION_GPU_CAPSET);
	REQUIRE(capset);
	CHECK_EQ(capset->capset, 2);
	CHECK(capset->header.size > sizeof(*capset) + 300);
	/* union virgl_caps begins with its version. */
	memcpy(&version, capset->data, sizeof(version));
	CHECK_EQ(version, 2);
	get.capset = 3;
	gpu_guest_say(&guest, MULLION_GPU_GET_CAPSET, 0, &get, sizeof(get));
	capset = gpu_guest_told(&guest, MULLION_GPU_CAPSET);
	REQUIRE(capset);
	CHECK_EQ(capset->header.size, sizeof(*capset));
	end();
}

static void draw(const float colour[4], uint64_t fence)
{
	create_context(CONTEXT, SLOT);
	create_resource(DRAWN);
	give_pages(DRAWN, DRAWN_PFN, 2);
	name(MULLION_GPU_ATTACH, CONTEXT, DRAWN);
	submit_clear(CONTEXT, DRAWN, colour, fence);
	transfer(MULLION_GPU_TRANSFER_FROM, CONTEXT, DRAWN, 0, fence + 1);
	gpu_guest_turn(&guest);
}

static void test_clear(void)
{
	static const float colour[4] = { 1.0f, 0.2f, 0.4f, 1.0f };
	uint8_t pixels[BYTES];

	begin();
	gpu_guest_slot(&guest, SLOT)->wanted = 12;
	draw(colour, 11);
	wait_for(SLOT, 12);
	CHECK_EQ(losses, 0);
	CHECK_EQ(guest.signals, 1);
	read_pages(DRAWN_PFN, 2, pixels);
	for (uint32_t i = 0; i < BYTES; i += 4) {
		static const uint8_t pixel[4] = { 0x66, 0x33, 0xff, 0xff };

		CHECK_NOTE("pixel %u", i / 4);
		if (!CHECK_MEM(pixels + i, pixel, 4))
			break;
	}
	end();
}

/* What is written to the renderer comes back, line by line. */
static void test_transfer(void)
{
	uint8_t before[BYTES], after[BYTES];

	begin();
	create_resource(DRAWN);
	give_pages(DRAWN, DRAWN_PFN, 2);
	for (uint32_t i = 0; i < 3 * 4096u; i++)
		((uint8_t *)gpu_guest_page(&guest, DRAWN_PFN))[i] = (uint8_t)(i * 7 + i / 256);
	read_pages(DRAWN_PFN, 2, before);
	transfer(MULLION_GPU_TRANSFER_TO, 0, DRAWN, MULLION_GPU_RING_DRAWN, 1);
	gpu_guest_turn(&guest);
	wait_for(MULLION_GPU_RING_DRAWN, 1);
	memset(gpu_guest_page(&guest, DRAWN_PFN), 0, 3 * 4096ul);
	transfer(MULLION_GPU_TRANSFER_FROM, 0, DRAWN, MULLION_GPU_RING_DRAWN, 2);
	gpu_guest_turn(&guest);
	wait_for(MULLION_GPU_RING_DRAWN, 2);
	CHECK_EQ(guest.signals, 0);
	read_pages(DRAWN_PFN, 2, after);
	CHECK_MEM(after, before, BYTES);
	CHECK_EQ(losses, 0);
	end();
}

static void test_scanout(void)
{
	static const float colour[4] = { 0.0f, 1.0f, 0.6f, 1.0f };
	struct mullion_gpu_scanout scanout = {
		.resource = DRAWN, .x = 8, .y = 4, .width = 40, .height = 20
	};
	struct mullion_gpu_flush flush = { .width = 40, .height = 20 };
	struct gpu_display display;
	struct image image;

	begin();
	draw(colour, 1);
	CHECK_INT(gpu_picture(gpu, 0, &image), ENODATA);
	gpu_guest_ask(&guest, MULLION_GPU_SCANOUT, 0, &scanout, sizeof(scanout),
		      MULLION_GPU_RING_SCREEN, 5);
	CHECK_EQ(gpu_guest_slot(&guest, MULLION_GPU_RING_SCREEN)->done, 5);
	CHECK_INT(gpu_picture(gpu, 0, &image), ENODATA);
	gpu_guest_say(&guest, MULLION_GPU_FLUSH, 0, &flush, sizeof(flush));
	gpu_display(gpu, 0, &display);
	CHECK_EQ(display.shown_width, 40);
	CHECK_EQ(display.shown_height, 20);
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	for (uint32_t i = 0; i < image.width * image.height; i++)
		if (!CHECK_EQ(image.pixels[i], 0x00ff99))
			break;
	image_free(&image);
	/* A picture whose resource is gone is none. */
	name(MULLION_GPU_RESOURCE_DESTROY, 0, DRAWN);
	CHECK_INT(gpu_picture(gpu, 0, &image), ENODATA);
	CHECK_EQ(losses, 0);
	end();
}

/* One context sends garbage; the other draws. */
static void test_garbage(void)
{
	static const float colour[4] = { 1.0f, 1.0f, 1.0f, 1.0f };
	struct {
		struct mullion_gpu_header header;
		uint32_t words[64];
	} message = { 0 };
	const struct mullion_gpu_lost *lost;
	uint8_t pixels[BYTES];

	begin();
	create_context(CONTEXT + 1, SLOT + 4);
	for (uint32_t i = 0; i < 64; i++)
		message.words[i] = (uint32_t)check_rand();
	gpu_guest_ask(&guest, MULLION_GPU_SUBMIT, CONTEXT + 1, &message, sizeof(message), 0, 3);
	lost = gpu_guest_told(&guest, MULLION_GPU_CONTEXT_LOST);
	REQUIRE(lost);
	CHECK_EQ(lost->header.context, CONTEXT + 1);
	CHECK_EQ(lost->reason, MULLION_GPU_LOST_COMMANDS);
	CHECK_EQ(lost->type, MULLION_GPU_SUBMIT);
	CHECK(lost->text[0]);
	CHECK_EQ(gpu_guest_slot(&guest, SLOT + 4)->done, 3);
	/* It stays lost, and its numbers count as done. */
	submit_clear(CONTEXT + 1, DRAWN, colour, 4);
	CHECK_EQ(gpu_guest_slot(&guest, SLOT + 4)->done, 4);
	CHECK(!gpu_guest_told(&guest, MULLION_GPU_CONTEXT_LOST));
	draw(colour, 1);
	wait_for(SLOT, 2);
	read_pages(DRAWN_PFN, 2, pixels);
	for (uint32_t i = 0; i < BYTES; i++)
		if (!CHECK_EQ(pixels[i], 0xff))
			break;
	CHECK_EQ(losses, 1);
	end();
}

/* More than the guest may have. */
static void test_flood(void)
{
	struct mullion_gpu_resource_create create = {
		.target = TARGET_BUFFER,
		.format = FORMAT_R8,
		.bind = BIND_VERTEX_BUFFER,
		.width = 4 << 20,
		.height = 1,
		.depth = 1,
		.array_size = 1,
	};
	struct gpu_statistics statistics;
	const struct mullion_gpu_lost *lost;

	begin();
	create_context(CONTEXT, SLOT);
	for (uint32_t i = 1; i <= 20; i++) {
		create.resource = i;
		gpu_guest_say(&guest, MULLION_GPU_RESOURCE_CREATE, CONTEXT, &create,
			      sizeof(create));
	}
	lost = gpu_guest_told(&guest, MULLION_GPU_CONTEXT_LOST);
	REQUIRE(lost);
	CHECK_EQ(lost->header.context, CONTEXT);
	CHECK_EQ(lost->reason, MULLION_GPU_LOST_MEMORY);
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.resources, 20);
	CHECK(statistics.memory <= MEMORY_MAX && statistics.memory > MEMORY_MAX / 2);
	for (uint32_t i = 1; i <= 20; i++)
		name(MULLION_GPU_RESOURCE_DESTROY, 0, i);
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.resources, 0);
	CHECK_EQ(statistics.memory, 0);
	CHECK_EQ(losses, 1);
	end();
}

/* Many contexts come and go with work under way. */
static void test_many(void)
{
	static const float colour[4] = { 0.0f, 0.0f, 1.0f, 1.0f };
	struct mullion_gpu_header destroy = { 0 };

	begin();
	for (uint64_t i = 1; i <= 15; i++) {
		draw(colour, 2 * i);
		if (i % 3)
			wait_for(SLOT, 2 * i + 1);
		gpu_guest_say(&guest, MULLION_GPU_CONTEXT_DESTROY, CONTEXT, &destroy,
			      sizeof(destroy));
		CHECK_EQ(gpu_guest_slot(&guest, SLOT)->done, 2 * i + 1);
		name(MULLION_GPU_RESOURCE_DESTROY, 0, DRAWN);
		gpu_guest_turn(&guest);
	}
	CHECK_EQ(losses, 0);
	CHECK_EQ(gpu_oldest_fence(gpu), 0);
	end();
}

int main(void)
{
	char why[160];

	check_seed(0x6b0);
	base = event_base_new();
	REQUIRE(base);
	renderer = renderer_virgl(base, -1, false, 60, why);
	if (!renderer)
		fprintf(stderr, "%s\n", why);
	REQUIRE(renderer);
	printf("%s, %s\n", renderer->name, renderer->gl_version);
	CHECK_RUN(test_welcome);
	CHECK_RUN(test_capset);
	CHECK_RUN(test_clear);
	CHECK_RUN(test_transfer);
	CHECK_RUN(test_scanout);
	CHECK_RUN(test_garbage);
	CHECK_RUN(test_flood);
	CHECK_RUN(test_many);
	renderer->ops->free(renderer);
	event_base_free(base);
	return check_done();
}
