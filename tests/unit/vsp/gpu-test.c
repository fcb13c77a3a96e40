/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/gpu with a renderer that draws nothing: sessions, the form of messages, who pays for
 * what is wrong, fences, the screen of a guest that draws itself.
 */
#include <errno.h>
#include <unistd.h>

#include "check.h"
#include "decode.h"
#include "gpu-dmabuf.h"
#include "gpu-fake.h"
#include "gpu-renderer.h"
#include "gpu.h"

#define CONTEXT 9u
#define SLOT 20u
#define XRGB 0x34325258u
#define ARGB 0x34325241u
#define MEMORY_MAX (1ull << 20)

static struct fake_renderer fake;
static struct gpu *gpu;
static struct gpu_guest guest;
static unsigned int works, ends, resumes, losses, looks;
static char lost_text[200];

static void on_working(void *context, bool working)
{
	(void)context;
	works += working;
	ends += !working;
}

static void on_resumed(void *context)
{
	(void)context;
	resumes++;
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
	looks++;
}

static const struct gpu_calls calls = { on_working, on_resumed, on_lost, on_look };

/* ---- what the tests begin and end with ---- */

static void make(bool renderer)
{
	const struct gpu_config config = { .memory_max = MEMORY_MAX,
					   .width = 1024,
					   .height = 768,
					   .replaces = { .bytes = { 1 } } };

	works = ends = resumes = losses = 0;
	gpu = gpu_new(&config, renderer ? fake_renderer(&fake) : NULL, &calls, NULL);
	REQUIRE(gpu);
	gpu_guest_new(&guest, gpu_device(gpu));
}

static void begin(void)
{
	make(true);
	REQUIRE(gpu_guest_open(&guest, false));
	gpu_guest_hello(&guest);
	REQUIRE(gpu_works(gpu));
}

static void end(void)
{
	gpu_guest_close(&guest);
	CHECK(fake_renderer_is_empty(&fake));
	CHECK(!gpu_works(gpu));
	CHECK_EQ(ends, works);
	gpu_guest_free(&guest);
	gpu_free(gpu);
}

static void create_context(uint32_t id, uint32_t slot)
{
	struct mullion_gpu_context_create create = {
		.capset = FAKE_CAPSET, .rings = 2, .slot = slot, .name = "test"
	};

	gpu_guest_say(&guest, MULLION_GPU_CONTEXT_CREATE, id, &create, sizeof(create));
}

static void create_resource(uint32_t context, uint32_t id, uint32_t width)
{
	struct mullion_gpu_resource_create create = { .resource = id,
						      .target = 2,
						      .format = 1,
						      .width = width,
						      .height = 64,
						      .depth = 1,
						      .array_size = 1 };

	gpu_guest_say(&guest, MULLION_GPU_RESOURCE_CREATE, context, &create, sizeof(create));
}

static void create_plain(uint32_t id, uint64_t size)
{
	struct mullion_gpu_plain_create create = { .resource = id, .size = size };

	gpu_guest_say(&guest, MULLION_GPU_PLAIN_CREATE, 0, &create, sizeof(create));
}

static void name(uint32_t type, uint32_t context, uint32_t resource)
{
	struct mullion_gpu_name message = { .resource = resource };

	gpu_guest_say(&guest, type, context, &message, sizeof(message));
}

/* One run, as a part of a larger list. */
static void pages(uint32_t resource, uint32_t total, uint32_t first, uint64_t pfn, uint32_t count)
{
	struct {
		struct mullion_gpu_pages pages;
		struct mullion_gpu_run run;
	} message = { .pages = { .resource = resource,
				 .total = total,
				 .first = first,
				 .count = count != 0 },
		      .run = { .pfn = pfn, .count = count } };

	gpu_guest_say(&guest, MULLION_GPU_PAGES, 0, &message,
		      count ? sizeof(message) : sizeof(message.pages));
}

static void transfer(uint32_t context, uint32_t resource, uint32_t ring, uint64_t fence)
{
	struct mullion_gpu_transfer message = {
		.resource = resource, .width = 1, .height = 1, .depth = 1
	};

	if (fence)
		gpu_guest_ask(&guest, MULLION_GPU_TRANSFER_TO, context, &message, sizeof(message),
			      ring, fence);
	else
		gpu_guest_say(&guest, MULLION_GPU_TRANSFER_TO, context, &message, sizeof(message));
}

static void submit(uint32_t context, uint32_t ring, uint64_t fence)
{
	struct {
		struct mullion_gpu_header header;
		uint32_t words[3];
	} message = { .words = { 1, 2, 3 } };
	size_t size = sizeof(message.header) + sizeof(message.words);

	if (fence)
		gpu_guest_ask(&guest, MULLION_GPU_SUBMIT, context, &message, size, ring, fence);
	else
		gpu_guest_say(&guest, MULLION_GPU_SUBMIT, context, &message, size);
}

/* The guest was told that it is lost, for that reason. */
static bool is_lost(uint32_t context, uint32_t reason)
{
	const struct mullion_gpu_lost *lost = gpu_guest_told(&guest, MULLION_GPU_CONTEXT_LOST);

	return CHECK(lost) && CHECK_EQ(lost->header.context, context) &&
	       CHECK_EQ(lost->reason, reason);
}

static uint64_t done(uint32_t slot)
{
	return gpu_guest_slot(&guest, slot)->done;
}

/* ---- sessions ---- */

static void test_hello(void)
{
	const struct mullion_gpu_welcome *welcome;
	const struct mullion_gpu_display *display;
	struct gpu_info info;

	begin();
	CHECK_EQ(works, 1);
	CHECK_EQ(guest.replaces, 1);
	welcome = gpu_guest_told(&guest, MULLION_GPU_WELCOME);
	REQUIRE(welcome);
	CHECK_EQ(welcome->header.size, sizeof(*welcome));
	CHECK_EQ(welcome->version, 1);
	CHECK_EQ(welcome->features, MULLION_GPU_FEATURE_3D | MULLION_GPU_FEATURE_SHARE);
	CHECK_EQ(welcome->capset_count, 2);
	CHECK_EQ(welcome->capsets[0].size, FAKE_CAPSET_SIZE);
	CHECK_STR(welcome->renderer, "nothing");
	display = gpu_guest_told(&guest, MULLION_GPU_DISPLAY);
	REQUIRE(display);
	CHECK_EQ(display->width, 1024);
	CHECK_EQ(display->height, 768);
	CHECK_EQ(display->edid_size, 128);
	gpu_info(gpu, &info);
	CHECK_EQ(info.version, 1);
	CHECK_STR(info.driver, "test");
	CHECK_STR(info.kernel, "none");
	CHECK_STR(info.problem, "");
	end();
	CHECK_EQ(ends, 1);
}

static void hello_with(void (*change)(struct mullion_gpu_hello *hello))
{
	struct mullion_gpu_hello hello = {
		.version_min = 1, .version_max = 1, .page_count = 2, .pfns = { 1, 2 }
	};

	change(&hello);
	gpu_guest_say(&guest, MULLION_GPU_HELLO, 0, &hello, sizeof(hello));
	gpu_guest_turn(&guest);
}

static void newer(struct mullion_gpu_hello *hello)
{
	hello->version_min = 2;
	hello->version_max = 3;
}

static void elsewhere(struct mullion_gpu_hello *hello)
{
	hello->pfns[1] = GPU_GUEST_PAGES;
}

static void both(struct mullion_gpu_hello *hello)
{
	hello->version_max = 7;
}

static void test_versions(void)
{
	const struct mullion_gpu_welcome *welcome;
	struct gpu_info info;

	make(true);
	REQUIRE(gpu_guest_open(&guest, false));
	hello_with(newer);
	welcome = gpu_guest_told(&guest, MULLION_GPU_WELCOME);
	REQUIRE(welcome);
	CHECK_EQ(welcome->version, 0);
	CHECK_EQ(welcome->version_min, 1);
	CHECK_EQ(welcome->version_max, 1);
	gpu_info(gpu, &info);
	CHECK(strstr(info.problem, "versions 2 to 3"));
	/* Nothing else is taken. */
	create_context(CONTEXT, SLOT);
	gpu_guest_hello(&guest);
	CHECK_EQ(guest.told_count, 0);
	CHECK(!gpu_works(gpu));
	gpu_guest_close(&guest);
	REQUIRE(gpu_guest_open(&guest, false));
	hello_with(both);
	CHECK(gpu_works(gpu));
	/* Features that the guest does not know are not spoken of. */
	welcome = gpu_guest_told(&guest, MULLION_GPU_WELCOME);
	REQUIRE(welcome);
	CHECK_EQ(welcome->features, 0);
	create_context(CONTEXT, SLOT);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	gpu_guest_close(&guest);
	REQUIRE(gpu_guest_open(&guest, false));
	hello_with(elsewhere);
	CHECK(guest.broken);
	end();
}

/* What comes before HELLO is dropped; after the death of a process the guest is told. */
static void test_resume(void)
{
	make(true);
	REQUIRE(gpu_guest_open(&guest, true));
	CHECK_EQ(resumes, 1);
	CHECK(gpu_guest_told(&guest, MULLION_GPU_RESET));
	gpu_guest_slot(&guest, SLOT)->done = 5;
	submit(CONTEXT, 0, 7);
	create_context(CONTEXT, SLOT);
	CHECK_EQ(guest.told_count, 0);
	CHECK_EQ(done(SLOT), 5);
	gpu_guest_hello(&guest);
	create_context(CONTEXT, SLOT);
	/* Numbers go on from what the slot has. */
	submit(CONTEXT, 0, 6);
	gpu_guest_turn(&guest);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(done(SLOT), 6);
	/* Whoever says HELLO again has nothing more. */
	create_resource(0, 1, 8);
	CHECK(!fake_renderer_is_empty(&fake));
	gpu_guest_hello(&guest);
	CHECK(fake_renderer_is_empty(&fake));
	CHECK_EQ(works, 2);
	create_context(CONTEXT, SLOT);
	CHECK_EQ(losses, 0);
	end();
}

static void test_without_renderer(void)
{
	const struct mullion_gpu_welcome *welcome;

	make(false);
	REQUIRE(gpu_guest_open(&guest, false));
	gpu_guest_hello(&guest);
	welcome = gpu_guest_told(&guest, MULLION_GPU_WELCOME);
	REQUIRE(welcome);
	CHECK_EQ(welcome->features, 0);
	CHECK_EQ(welcome->capset_count, 0);
	create_resource(0, 1, 8);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	create_context(CONTEXT, SLOT);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	end();
}

/* ---- the form of messages ---- */

static const uint32_t sizes[MULLION_GPU_TO_HOST_END] = {
	[MULLION_GPU_HELLO] = sizeof(struct mullion_gpu_hello),
	[MULLION_GPU_GET_CAPSET] = sizeof(struct mullion_gpu_get_capset),
	[MULLION_GPU_CONTEXT_CREATE] = sizeof(struct mullion_gpu_context_create),
	[MULLION_GPU_CONTEXT_DESTROY] = sizeof(struct mullion_gpu_header),
	[MULLION_GPU_ATTACH] = sizeof(struct mullion_gpu_name),
	[MULLION_GPU_DETACH] = sizeof(struct mullion_gpu_name),
	[MULLION_GPU_PLAIN_CREATE] = sizeof(struct mullion_gpu_plain_create),
	[MULLION_GPU_RESOURCE_CREATE] = sizeof(struct mullion_gpu_resource_create),
	[MULLION_GPU_SHARE] = sizeof(struct mullion_gpu_share),
	[MULLION_GPU_RESOURCE_DESTROY] = sizeof(struct mullion_gpu_name),
	[MULLION_GPU_PAGES] = sizeof(struct mullion_gpu_pages),
	[MULLION_GPU_TRANSFER_TO] = sizeof(struct mullion_gpu_transfer),
	[MULLION_GPU_TRANSFER_FROM] = sizeof(struct mullion_gpu_transfer),
	[MULLION_GPU_SUBMIT] = sizeof(struct mullion_gpu_header),
	[MULLION_GPU_SUBMIT_PAGES] = sizeof(struct mullion_gpu_submit_pages),
	[MULLION_GPU_SCANOUT] = sizeof(struct mullion_gpu_scanout),
	[MULLION_GPU_FLUSH] = sizeof(struct mullion_gpu_flush),
	[MULLION_GPU_CURSOR] = sizeof(struct mullion_gpu_cursor),
};

#define ROOM 512u

static _Alignas(8) uint8_t bytes[ROOM];

static struct mullion_gpu_header *header_of(uint32_t type, uint32_t size)
{
	struct mullion_gpu_header *header = (void *)bytes;

	memset(bytes, 0, sizeof(bytes));
	header->type = (uint16_t)type;
	header->size = size;
	return header;
}

/* Fields that are right where zeros are not. */
static void fill_in(uint32_t type)
{
	struct mullion_gpu_header *header = (void *)bytes;
	struct mullion_gpu_hello *hello = (void *)bytes;
	uint32_t *body = (void *)(header + 1);

	switch (type) {
	case MULLION_GPU_HELLO:
		hello->version_min = hello->version_max = 1;
		hello->page_count = 2;
		return;
	case MULLION_GPU_CONTEXT_CREATE:
		header->context = 1;
		body[1] = 1; /* rings */
		return;
	case MULLION_GPU_CONTEXT_DESTROY:
	case MULLION_GPU_SUBMIT:
		header->context = 1;
		return;
	case MULLION_GPU_SHARE:
		body[1] = MULLION_GPU_SHARE_SHM;
		break;
	case MULLION_GPU_PLAIN_CREATE:
		body[2] = 4096;
		break;
	case MULLION_GPU_RESOURCE_CREATE:
		for (unsigned int i = 0; i < 8; i++)
			body[i] = 1;
		break;
	case MULLION_GPU_SUBMIT_PAGES:
		header->context = 1;
		body[0] = 4;
		body[2] = 1; /* a run */
		body[3] = 0;
		body[8] = 1; /* its count */
		header->size += sizeof(struct mullion_gpu_run);
		return;
	case MULLION_GPU_ATTACH:
	case MULLION_GPU_DETACH:
		header->context = 1;
		break;
	case MULLION_GPU_FLUSH:
	case MULLION_GPU_GET_CAPSET:
	case MULLION_GPU_SCANOUT:
		return;
	case MULLION_GPU_CURSOR:
		body[1] = 1;
		return;
	default:
		break;
	}
	body[0] = 1; /* the resource */
}

static uint32_t packet_size(uint32_t size)
{
	return (size + 7) & ~7u;
}

/* Of each type: the right size, and every other one. */
static void test_sizes(void)
{
	struct mullion_gpu_header *header = (void *)bytes;

	for (uint32_t type = 1; type < MULLION_GPU_TO_HOST_END; type++) {
		struct message message;
		uint32_t right;

		header_of(type, sizes[type]);
		fill_in(type);
		right = header->size;
		CHECK_NOTE("type %u", type);
		CHECK(!decode_message(bytes, packet_size(right), &message));
		for (uint32_t size = 0; size <= ROOM; size++) {
			bool runs = type == MULLION_GPU_SUBMIT && size >= right && size % 4 == 0;

			CHECK_NOTE("type %u, size %u", type, size);
			if (size == right || runs)
				continue;
			header->size = size;
			CHECK(decode_message(bytes, packet_size(size), &message));
		}
		/* The header and the packet do not agree. */
		header->size = right;
		CHECK(decode_message(bytes, packet_size(right) + 8, &message));
		CHECK(decode_message(bytes, packet_size(right) - 8, &message));
	}
}

/* Of each type: a header that is wrong in one thing. */
static void test_headers(void)
{
	struct mullion_gpu_header *header = (void *)bytes;
	struct message message;

	for (uint32_t type = 1; type < MULLION_GPU_TO_HOST_END; type++) {
		for (unsigned int what = 0; what < 7; what++) {
			header_of(type, sizes[type]);
			fill_in(type);
			switch (what) {
			case 0:
				header->flags = 2;
				break;
			case 1:
				header->reserved = 1;
				break;
			case 2:
				header->fence = 1;
				break;
			case 3:
				header->ring = 1;
				break;
			case 4:
				header->flags = MULLION_GPU_FENCE;
				break;
			case 5:
				header->flags = MULLION_GPU_FENCE;
				header->fence = 1;
				header->ring = MULLION_GPU_RINGS_MAX;
				break;
			default:
				header->type |= 0x100;
				break;
			}
			CHECK_NOTE("type %u, %u", type, what);
			CHECK(decode_message(bytes, packet_size(header->size), &message));
			CHECK(!message.has_header);
		}
	}
	header_of(0, sizeof(*header));
	CHECK(decode_message(bytes, sizeof(*header), &message));
	header_of(MULLION_GPU_TO_HOST_END, sizeof(*header));
	CHECK(decode_message(bytes, sizeof(*header), &message));
	/* Contexts where there are none, and the other way round. */
	header_of(MULLION_GPU_FLUSH, sizes[MULLION_GPU_FLUSH])->context = 1;
	CHECK(decode_message(bytes, sizes[MULLION_GPU_FLUSH], &message));
	CHECK(message.has_header);
	header_of(MULLION_GPU_SUBMIT, sizes[MULLION_GPU_SUBMIT]);
	CHECK(decode_message(bytes, sizes[MULLION_GPU_SUBMIT], &message));
}

struct bad_pages {
	uint32_t total, first;
	struct mullion_gpu_run run;
};

static void test_page_lists(void)
{
	static const struct bad_pages rows[] = {
		{ 1, 0, { 0, 0, 0 } },	      { 1, 0, { 0, 1, 1 } }, { 1, 0, { 1ull << 52, 1, 0 } },
		{ 1, 0, { 0, 2, 0 } },	      { 2, 1, { 0, 2, 0 } }, { 2, 3, { 0, 1, 0 } },
		{ 1u << 21, 0, { 0, 1, 0 } }, { 0, 0, { 0, 1, 0 } }, { 5, 4, { 0, UINT32_MAX, 0 } },
	};
	struct mullion_gpu_pages *list = (void *)bytes;
	struct message message;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		header_of(MULLION_GPU_PAGES, sizeof(*list) + sizeof(list->runs[0]));
		list->resource = 1;
		list->total = rows[i].total;
		list->first = rows[i].first;
		list->count = 1;
		list->runs[0] = rows[i].run;
		CHECK_NOTE("row %zu", i);
		CHECK(decode_message(bytes, list->header.size, &message));
	}
	header_of(MULLION_GPU_PAGES, sizeof(*list));
	list->resource = 1;
	list->total = 1;
	CHECK(decode_message(bytes, list->header.size, &message));
	list->total = 0;
	list->count = 1;
	CHECK(decode_message(bytes, list->header.size, &message));
}

/* What a message that is none does to its context, or to nobody. */
static void test_malformed(void)
{
	struct mullion_gpu_header *header;

	begin();
	create_context(CONTEXT, SLOT);
	header = header_of(MULLION_GPU_ATTACH, sizeof(*header));
	header->context = CONTEXT;
	gpu_guest_packet(&guest, bytes, sizeof(*header));
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_PROTOCOL));
	header_of(77, sizeof(*header));
	gpu_guest_packet(&guest, bytes, sizeof(*header));
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	gpu_guest_packet(&guest, bytes, 8);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	/* A fence of the driver's own is done nevertheless. */
	header = header_of(MULLION_GPU_SCANOUT, sizeof(*header));
	header->flags = MULLION_GPU_FENCE;
	header->ring = MULLION_GPU_RING_SCREEN;
	header->fence = 3;
	gpu_guest_packet(&guest, bytes, sizeof(*header));
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	CHECK_EQ(done(MULLION_GPU_RING_SCREEN), 3);
	CHECK(!guest.broken);
	CHECK_EQ(losses, 4);
	end();
}

/* ---- contexts ---- */

static void test_contexts(void)
{
	static const struct {
		uint32_t capset, rings, slot;
	} rows[] = {
		{ 5, 1, 20 },
		{ FAKE_CAPSET, 1, 2 },
		{ FAKE_CAPSET, 1, 512 },
		{ FAKE_CAPSET, 2, 511 },
		{ FAKE_CAPSET, 64, 449 },
		{ FAKE_CAPSET, 1, UINT32_MAX },
	};
	struct gpu_context info;

	begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mullion_gpu_context_create create = { .capset = rows[i].capset,
							     .rings = rows[i].rings,
							     .slot = rows[i].slot };

		CHECK_NOTE("row %zu", i);
		gpu_guest_say(&guest, MULLION_GPU_CONTEXT_CREATE, CONTEXT, &create, sizeof(create));
		CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
		CHECK(fake_renderer_is_empty(&fake));
	}
	create_context(CONTEXT, SLOT);
	create_context(CONTEXT, SLOT + 2);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	REQUIRE(gpu_context(gpu, 0, &info));
	CHECK_EQ(info.id, CONTEXT);
	CHECK_STR(info.name, "test");
	CHECK(!info.lost);
	CHECK(!gpu_context(gpu, 1, &info));
	submit(CONTEXT + 1, 0, 0);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	for (uint32_t i = 1; i < MULLION_GPU_CONTEXTS_MAX; i++)
		create_context(1000 + i, SLOT);
	CHECK_EQ(guest.told_count, 5); /* WELCOME and DISPLAY */
	create_context(999, SLOT);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	end();
}

static void test_lost(void)
{
	struct mullion_gpu_header destroy = { 0 };
	struct gpu_context info;

	begin();
	create_context(CONTEXT, SLOT);
	create_context(CONTEXT + 1, SLOT + 2);
	submit(CONTEXT, 0, 1);
	submit(CONTEXT, 1, 1);
	gpu_guest_turn(&guest);
	submit(CONTEXT, 0, 2);
	CHECK_EQ(done(SLOT), 0);
	fake.result = EINVAL;
	gpu_guest_slot(&guest, SLOT)->wanted = 2;
	submit(CONTEXT, 0, 3);
	fake.result = 0;
	gpu_guest_turn(&guest);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_COMMANDS));
	CHECK_EQ(done(SLOT), 3);
	CHECK_EQ(done(SLOT + 1), 1);
	CHECK_EQ(guest.signals, 1);
	CHECK_EQ(fake.fence_count, 0);
	/* Ignored, but done. */
	submit(CONTEXT, 0, 4);
	name(MULLION_GPU_ATTACH, CONTEXT, 12345);
	CHECK_EQ(done(SLOT), 4);
	CHECK_EQ(guest.told_count, 5);
	REQUIRE(gpu_context(gpu, 0, &info));
	CHECK(info.lost && info.lost[0]);
	/* The other goes on. */
	submit(CONTEXT + 1, 0, 1);
	gpu_guest_turn(&guest);
	CHECK_EQ(done(SLOT + 2), 0);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(done(SLOT + 2), 1);
	gpu_guest_say(&guest, MULLION_GPU_CONTEXT_DESTROY, CONTEXT, &destroy, sizeof(destroy));
	CHECK(gpu_context(gpu, 0, &info) && info.id == CONTEXT + 1);
	create_context(CONTEXT, SLOT);
	CHECK_EQ(losses, 1);
	end();
}

/* ---- fences ---- */

static void test_fences(void)
{
	struct gpu_statistics statistics;

	begin();
	create_context(CONTEXT, SLOT);
	for (uint64_t i = 1; i <= 10; i++)
		submit(CONTEXT, 0, i);
	submit(CONTEXT, 1, 100);
	CHECK_EQ(fake.fence_count, 0);
	gpu_guest_turn(&guest);
	/* One for each timeline. */
	CHECK_EQ(fake.fence_count, 2);
	CHECK_EQ(done(SLOT), 0);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(done(SLOT), 10);
	CHECK_EQ(done(SLOT + 1), 0);
	CHECK_EQ(guest.signals, 0);
	gpu_guest_slot(&guest, SLOT + 1)->wanted = 99;
	fake_renderer_done(&fake, 1);
	CHECK_EQ(done(SLOT + 1), 100);
	CHECK_EQ(guest.signals, 1);
	/* Not a second time. */
	submit(CONTEXT, 1, 101);
	gpu_guest_turn(&guest);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(guest.signals, 1);
	/* What is wanted later is not told before. */
	gpu_guest_slot(&guest, SLOT)->wanted = 12;
	submit(CONTEXT, 0, 11);
	gpu_guest_turn(&guest);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(guest.signals, 1);
	submit(CONTEXT, 0, 12);
	gpu_guest_turn(&guest);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(guest.signals, 2);
	/* One that was done when it was stored, and may hide a later one: told, once. */
	gpu_guest_slot(&guest, SLOT)->wanted = 11;
	for (uint64_t i = 13; i <= 14; i++) {
		submit(CONTEXT, 0, i);
		gpu_guest_turn(&guest);
		fake_renderer_done(&fake, 1);
		CHECK_EQ(guest.signals, 3);
	}
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.fences, 16);
	CHECK_EQ(statistics.submissions, 16);
	CHECK_EQ(statistics.command_bytes, 16 * 12);
	/* A number that does not go up. */
	submit(CONTEXT, 0, 12);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_PROTOCOL));
	CHECK_EQ(gpu_oldest_fence(gpu), 0);
	end();
}

static void test_own_fences(void)
{
	begin();
	create_resource(0, 1, 8);
	pages(1, 1, 0, GPU_FREE_PFN, 1);
	transfer(0, 1, MULLION_GPU_RING_DRAWN, 5);
	transfer(0, 1, MULLION_GPU_RING_TAKEN, 6);
	CHECK_EQ(done(MULLION_GPU_RING_TAKEN), 6);
	CHECK_EQ(done(MULLION_GPU_RING_DRAWN), 0);
	gpu_guest_turn(&guest);
	CHECK_EQ(fake.fence_count, 1);
	CHECK_EQ(fake.fences[0].context, 0);
	CHECK(gpu_oldest_fence(gpu) != 0);
	CHECK(gpu_without_progress(gpu) != 0);
	fake_renderer_done(&fake, 1);
	CHECK_EQ(done(MULLION_GPU_RING_DRAWN), 5);
	CHECK_EQ(gpu_oldest_fence(gpu), 0);
	CHECK_EQ(gpu_without_progress(gpu), 0);
	/* One is late, another done. */
	transfer(0, 1, MULLION_GPU_RING_DRAWN, 6);
	gpu_guest_turn(&guest);
	create_context(CONTEXT, SLOT);
	submit(CONTEXT, 0, 1);
	gpu_guest_turn(&guest);
	usleep(20000);
	fake_renderer_done(&fake, 1);
	CHECK(gpu_without_progress(gpu) <= gpu_oldest_fence(gpu));
	usleep(20000);
	CHECK(gpu_oldest_fence(gpu) >= 40000000);
	CHECK(gpu_without_progress(gpu) >= 20000000);
	fake_renderer_done(&fake, 1);
	transfer(0, 1, MULLION_GPU_RING_DRAWN, 5);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	end();
}

/* A renderer that owes much makes the guest wait. */
static void test_throttle(void)
{
	uint64_t number = 0;

	begin();
	create_context(CONTEXT, SLOT);
	for (unsigned int i = 0; i < 3 * RENDERER_FENCES_MAX && !guest.paused; i++) {
		submit(CONTEXT, 0, ++number);
		gpu_guest_turn(&guest);
	}
	CHECK(guest.paused);
	CHECK(fake.fence_count <= RENDERER_FENCES_MAX);
	fake_renderer_done(&fake, 1);
	CHECK(!guest.paused);
	fake_renderer_done(&fake, FAKE_FENCES);
	CHECK_EQ(done(SLOT), number);
	end();
}

/* ---- what the guest is told, where it does not read ---- */

static void test_full(void)
{
	struct mullion_gpu_get_capset get = { .capset = FAKE_CAPSET, .version = 1 };
	const struct mullion_gpu_capset *capset;

	begin();
	create_context(CONTEXT, SLOT);
	guest.told_count = 0;
	guest.full = true;
	gpu_guest_say(&guest, MULLION_GPU_GET_CAPSET, 0, &get, sizeof(get));
	CHECK(guest.paused);
	gpu_set_display(gpu, 1, true, 640, 480);
	CHECK_EQ(guest.told_count, 0);
	guest.full = false;
	guest.channel.ops->ready(&guest.channel);
	CHECK(!guest.paused);
	CHECK_EQ(guest.told_count, 2);
	capset = gpu_guest_told(&guest, MULLION_GPU_CAPSET);
	REQUIRE(capset);
	CHECK_EQ(capset->header.size, sizeof(*capset) + FAKE_CAPSET_SIZE);
	CHECK_EQ(capset->data[0], 0xca);
	CHECK(gpu_guest_told(&guest, MULLION_GPU_DISPLAY));
	get.capset = 5;
	gpu_guest_say(&guest, MULLION_GPU_GET_CAPSET, 0, &get, sizeof(get));
	capset = gpu_guest_told(&guest, MULLION_GPU_CAPSET);
	REQUIRE(capset);
	CHECK_EQ(capset->header.size, sizeof(*capset));
	/* Closed with something unsent. */
	guest.full = true;
	gpu_guest_say(&guest, MULLION_GPU_GET_CAPSET, 0, &get, sizeof(get));
	end();
}

/* ---- resources ---- */

static void test_resources(void)
{
	struct gpu_statistics statistics;

	begin();
	create_context(CONTEXT, SLOT);
	create_resource(CONTEXT, 1, 64); /* 16 KiB */
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.memory, 64 * 64 * 4 + 1);
	name(MULLION_GPU_ATTACH, CONTEXT, 1);
	name(MULLION_GPU_DETACH, CONTEXT, 1);
	CHECK_EQ(fake.attaches, 1);
	CHECK_EQ(fake.detaches, 1);
	/* PLAIN, then the renderer's, with its pages. */
	create_plain(2, 4096);
	pages(2, 1, 0, GPU_FREE_PFN, 1);
	CHECK_EQ(fake.creates, 1);
	create_resource(0, 2, 8);
	CHECK_EQ(fake.creates, 2);
	transfer(0, 2, 0, 0);
	CHECK_EQ(fake.transfers, 1);
	create_resource(0, 2, 8);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	create_plain(2, 4096);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	name(MULLION_GPU_RESOURCE_DESTROY, 0, 2);
	name(MULLION_GPU_RESOURCE_DESTROY, 0, 2);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	/* One that cannot be made: its context pays, its id stays. */
	create_resource(CONTEXT, 3, 1u << 20);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_MEMORY));
	losses = 0;
	transfer(0, 3, 0, 0);
	pages(3, 1, 0, GPU_FREE_PFN, 1);
	create_resource(0, 3, 8);
	CHECK_EQ(losses, 0);
	name(MULLION_GPU_RESOURCE_DESTROY, 0, 3);
	create_resource(0, 3, 8);
	CHECK_EQ(losses, 0);
	CHECK_EQ(fake.creates, 3);
	fake.result = EINVAL;
	create_resource(0, 4, 8);
	CHECK(is_lost(0, MULLION_GPU_LOST_COMMANDS));
	fake.result = 0;
	/* Memory that is no number any more. */
	for (uint32_t i = 0; i < 2; i++) {
		struct mullion_gpu_resource_create create = { .resource = 10 + i,
							      .width = UINT32_MAX,
							      .height = UINT32_MAX,
							      .depth = i ? UINT32_MAX : 1,
							      .array_size = UINT32_MAX,
							      .last_level = 31,
							      .samples = UINT32_MAX };

		gpu_guest_say(&guest, MULLION_GPU_RESOURCE_CREATE, 0, &create, sizeof(create));
		CHECK(is_lost(0, MULLION_GPU_LOST_MEMORY));
	}
	name(MULLION_GPU_RESOURCE_DESTROY, 0, 1);
	name(MULLION_GPU_RESOURCE_DESTROY, 0, 3);
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.memory, 0);
	CHECK_EQ(statistics.resources, 3);
	end();
}

static void test_too_many(void)
{
	struct gpu_statistics statistics;

	begin();
	for (uint32_t i = 1; i <= GPU_RESOURCES_MAX; i++)
		create_plain(i * 7919, 4096);
	CHECK_EQ(losses, 0);
	create_plain(1, 4096);
	CHECK(is_lost(0, MULLION_GPU_LOST_MEMORY));
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.resources, GPU_RESOURCES_MAX);
	end();
}

static void share(uint32_t context, uint32_t resource, uint32_t as)
{
	struct mullion_gpu_share message = { .resource = resource, .as = as };

	gpu_guest_say(&guest, MULLION_GPU_SHARE, context, &message, sizeof(message));
}

static void destroy_returned(uint32_t resource, uint64_t number)
{
	struct mullion_gpu_name message = { .resource = resource };

	gpu_guest_ask(&guest, MULLION_GPU_RESOURCE_DESTROY, 0, &message, sizeof(message),
		      MULLION_GPU_RING_RETURNED, number);
}

static void create_process_context(void)
{
	struct mullion_gpu_context_create create = {
		.capset = FAKE_PROCESS_CAPSET, .rings = 2, .slot = SLOT, .name = "vulkan"
	};

	gpu_guest_say(&guest, MULLION_GPU_CONTEXT_CREATE, CONTEXT, &create, sizeof(create));
}

/* A process that reads what it is sent keeps its context; one that does not has lost it. */
static void test_probe(void)
{
	begin();
	create_context(CONTEXT + 1, SLOT + 8);
	create_process_context();
	gpu_probe(gpu);
	CHECK_EQ(fake.fence_count, 1); /* virgl's is not asked */
	CHECK_EQ(fake.fences[0].context, CONTEXT);
	CHECK_EQ(fake.fences[0].ring, 0);
	gpu_probe(gpu);
	CHECK_EQ(fake.fence_count, 1); /* one at a time */
	fake_renderer_done(&fake, 1);
	CHECK_EQ(losses, 0);
	/* Numbers of another ring are not done by it. */
	submit(CONTEXT, 1, 7);
	gpu_guest_turn(&guest);
	gpu_probe(gpu);
	CHECK_EQ(fake.fence_count, 2);
	CHECK_EQ(fake.fences[0].ring, 1);
	fake.process_ended = true;
	gpu_probe(gpu);
	CHECK_EQ(losses, 0); /* it may be slow */
	fake_renderer_done(&fake, 2);
	CHECK_EQ(done(SLOT + 1), 7);
	/* That it reads what it is sent does not tell that anybody's drawing goes on. */
	fake.process_ended = false;
	submit(CONTEXT + 1, 0, 1);
	gpu_guest_turn(&guest);
	usleep(20000);
	gpu_probe(gpu);
	CHECK_EQ(fake.fence_count, 2);
	fake.renderer.listener.done(fake.renderer.listener.context, &fake.fences[1], 1);
	CHECK(gpu_without_progress(gpu) >= 20000000);
	fake_renderer_done(&fake, 2);
	CHECK_EQ(gpu_without_progress(gpu), 0);
	fake.process_ended = true;
	submit(CONTEXT, 1, 8);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_RENDERER));
	CHECK_EQ(done(SLOT + 1), 8); /* nobody waits for it */
	CHECK_EQ(losses, 1);
	end();
	begin();
	create_process_context();
	fake.process_ended = true;
	gpu_probe(gpu);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_RENDERER));
	gpu_probe(gpu);
	CHECK_EQ(losses, 1);
	end();
}

/* Pages that contexts work in: what can be shared, and when it is the guest's again. */
static void test_shared(void)
{
	begin();
	create_context(CONTEXT, SLOT);
	create_plain(1, 8192);
	share(0, 1, MULLION_GPU_SHARE_SHM);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* no pages */
	name(MULLION_GPU_ATTACH, CONTEXT, 1);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_PROTOCOL)); /* not shared */
	name(MULLION_GPU_CONTEXT_DESTROY, CONTEXT, 0);
	pages(1, 4, 0, GPU_FREE_PFN, 2);
	share(0, 1, MULLION_GPU_SHARE_SHM);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* not all */
	pages(1, 4, 2, GPU_FREE_PFN + 8, 2);
	share(0, 1, MULLION_GPU_SHARE_DMABUF);
	CHECK_EQ(fake.imports, 1);
	CHECK_EQ(fake_dmabuf_pieces, 2);
	losses = 0;
	share(0, 1, MULLION_GPU_SHARE_DMABUF);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* twice */
	pages(1, 1, 0, GPU_FREE_PFN, 1);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* its pages stay */
	create_resource(0, 1, 8);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* it is no picture of the renderer's */
	create_resource(0, 2, 8);
	share(0, 2, MULLION_GPU_SHARE_SHM);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	share(0, 3, MULLION_GPU_SHARE_SHM);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	end();
}

static void create_shared(uint32_t id)
{
	create_plain(id, 4096);
	pages(id, 1, 0, GPU_FREE_PFN + id, 1);
	share(0, id, MULLION_GPU_SHARE_SHM);
}

static void test_returned(void)
{
	begin();
	create_shared(1);
	create_shared(2);
	create_shared(3);
	destroy_returned(1, 1);
	CHECK_EQ(done(MULLION_GPU_RING_RETURNED), 1);
	fake_dmabuf_used = true;
	looks = 0;
	destroy_returned(2, 2);
	create_plain(4, 4096);
	destroy_returned(4, 3);
	CHECK_EQ(done(MULLION_GPU_RING_RETURNED), 1);
	CHECK(looks > 0);
	gpu_look(gpu);
	CHECK_EQ(done(MULLION_GPU_RING_RETURNED), 1);
	CHECK(gpu_oldest_fence(gpu) > 0); /* it counts as what is owed */
	fake_dmabuf_used = false;
	gpu_look(gpu);
	CHECK_EQ(done(MULLION_GPU_RING_RETURNED), 3);
	CHECK_EQ(gpu_oldest_fence(gpu), 0);
	/* A driver that goes leaves nothing behind, also what is still in use. */
	fake_dmabuf_used = true;
	destroy_returned(3, 4);
	CHECK_EQ(losses, 0);
	end();
	fake_dmabuf_used = false;
}

static void test_not_shared(void)
{
	begin();
	create_context(CONTEXT, SLOT);
	create_plain(1, 4096);
	pages(1, 1, 0, GPU_FREE_PFN, 1);
	fake_dmabuf_error = ENOMEM;
	share(CONTEXT, 1, MULLION_GPU_SHARE_SHM);
	fake_dmabuf_error = 0;
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_MEMORY));
	fake.result = EINVAL;
	share(0, 1, MULLION_GPU_SHARE_SHM);
	CHECK(is_lost(0, MULLION_GPU_LOST_MEMORY));
	fake.result = 0;
	share(0, 1, MULLION_GPU_SHARE_SHM);
	CHECK_EQ(fake.imports, 1);
	end();
	make(true);
	fake.renderer.imports = false;
	REQUIRE(gpu_guest_open(&guest, false));
	gpu_guest_hello(&guest);
	create_plain(1, 4096);
	pages(1, 1, 0, GPU_FREE_PFN, 1);
	share(0, 1, MULLION_GPU_SHARE_SHM);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* not agreed on */
	end();
}

static void test_pages(void)
{
	struct gpu_statistics statistics;

	begin();
	create_resource(0, 1, 8);
	transfer(0, 1, 0, 0);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* it has none */
	pages(1, 6, 0, GPU_FREE_PFN, 2);
	transfer(0, 1, 0, 0);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL)); /* not all */
	pages(1, 6, 2, GPU_FREE_PFN + 2, 2); /* adjoins */
	pages(1, 6, 4, GPU_FREE_PFN + 100, 2);
	transfer(0, 1, 0, 0);
	CHECK_EQ(fake.transfers, 1);
	CHECK_EQ(fake.resources[0].count, 2);
	/* Others in their place, then none. */
	pages(1, 1, 0, GPU_FREE_PFN, 1);
	CHECK_EQ(fake.resources[0].count, 1);
	pages(1, 0, 0, 0, 0);
	CHECK(!fake.resources[0].pieces);
	/* Out of order, another total, not the guest's. */
	pages(1, 4, 2, GPU_FREE_PFN, 1);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	pages(1, 4, 0, GPU_FREE_PFN, 1);
	pages(1, 5, 1, GPU_FREE_PFN, 1);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	pages(1, 2, 0, GPU_GUEST_PAGES - 1, 2);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	pages(1, 1, 0, (1ull << 52) - 1, 1);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	pages(2, 1, 0, GPU_FREE_PFN, 1);
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	/* Lists cost memory too: each second page is a piece of its own. */
	losses = 0;
	for (uint32_t i = 0; i < 1u << 18 && !losses; i++)
		pages(1, 1u << 20, i, GPU_FREE_PFN + 2 * (i % 64), 1);
	CHECK(is_lost(0, MULLION_GPU_LOST_MEMORY));
	gpu_statistics(gpu, &statistics);
	CHECK_EQ(statistics.memory, 8 * 64 * 4 + 1);
	end();
}

static void test_submit_pages(void)
{
	struct {
		struct mullion_gpu_submit_pages submit;
		struct mullion_gpu_run runs[2];
	} message = { .submit = { .bytes = 4096, .offset = 4096 - 8, .count = 2, .taken = 4 },
		      .runs = { { .pfn = GPU_FREE_PFN + 9, .count = 1 },
				{ .pfn = GPU_FREE_PFN, .count = 1 } } };
	uint32_t sum = 0, *words;

	begin();
	create_context(CONTEXT, SLOT);
	words = gpu_guest_page(&guest, GPU_FREE_PFN + 9);
	for (uint32_t i = 0; i < 2; i++)
		sum += words[1022 + i] = 77 + i;
	words = gpu_guest_page(&guest, GPU_FREE_PFN);
	for (uint32_t i = 0; i < 1022; i++)
		sum += words[i] = i * i;
	gpu_guest_ask(&guest, MULLION_GPU_SUBMIT_PAGES, CONTEXT, &message, sizeof(message), 0, 9);
	CHECK_EQ(fake.submitted, 1024);
	CHECK_EQ(fake.sum, sum);
	/* The pages are the guest's again. */
	CHECK_EQ(done(MULLION_GPU_RING_TAKEN), 4);
	CHECK_EQ(done(SLOT), 0);
	message.submit.taken = 0;
	message.runs[1].pfn = GPU_GUEST_PAGES;
	gpu_guest_ask(&guest, MULLION_GPU_SUBMIT_PAGES, CONTEXT, &message, sizeof(message), 0, 10);
	CHECK(is_lost(CONTEXT, MULLION_GPU_LOST_PROTOCOL));
	CHECK_EQ(fake.submits, 1);
	end();
}

/* ---- the screen ---- */

#define SCREEN_PFN 256u
#define SCREEN_PAGES 40u
#define SCREEN 5u /* resource */
#define STRIDE 400u

static void flush(uint32_t display)
{
	struct mullion_gpu_flush message = { .display = display };

	gpu_guest_say(&guest, MULLION_GPU_FLUSH, 0, &message, sizeof(message));
}

static void scanout(uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint32_t stride,
		    uint64_t offset)
{
	struct mullion_gpu_scanout message = { .resource = SCREEN,
					       .x = x,
					       .y = y,
					       .width = width,
					       .height = height,
					       .format = XRGB,
					       .stride = stride,
					       .offset = offset };

	gpu_guest_say(&guest, MULLION_GPU_SCANOUT, 0, &message, sizeof(message));
}

/* Pages one by one in the other order. */
static void make_screen(void)
{
	uint32_t *pixels = gpu_guest_page(&guest, SCREEN_PFN);

	create_plain(SCREEN, SCREEN_PAGES * 4096ul);
	for (uint32_t i = 0; i < SCREEN_PAGES; i++)
		pages(SCREEN, SCREEN_PAGES, i, SCREEN_PFN + SCREEN_PAGES - 1 - i, 1);
	for (uint32_t i = 0; i < SCREEN_PAGES * 1024; i++)
		pixels[i] = 0xff000000 | i * 37;
}

/* What the resource has at a byte of its own. */
static uint32_t pixel_at(uint64_t offset)
{
	uint32_t pixel;

	memcpy(&pixel,
	       (uint8_t *)gpu_guest_page(&guest, SCREEN_PFN + SCREEN_PAGES - 1 - offset / 4096) +
		       offset % 4096,
	       4);
	return pixel & 0xffffff;
}

static void test_screen(void)
{
	struct image image;

	begin();
	make_screen();
	scanout(3, 5, 60, 70, STRIDE, 808);
	CHECK_INT(gpu_picture(gpu, 0, &image), ENODATA);
	flush(0);
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	CHECK_EQ(image.width, 60);
	CHECK_EQ(image.height, 70);
	for (uint32_t y = 0; y < 70; y++)
		for (uint32_t x = 0; x < 60; x++)
			if (!CHECK_EQ(image.pixels[y * 60 + x],
				      pixel_at(808 + (uint64_t)(y + 5) * STRIDE + (x + 3) * 4ul)))
				y = x = 100;
	image_free(&image);
	/* The last byte of it, and one more. */
	scanout(0, 0, 100, SCREEN_PAGES * 4096 / STRIDE, STRIDE, 240);
	CHECK_EQ(losses, 0);
	scanout(0, 0, 100, SCREEN_PAGES * 4096 / STRIDE, STRIDE, 244);
	scanout(0, 0, 101, 1, STRIDE, 0);
	scanout(1, 0, UINT32_MAX, 1, STRIDE, 0);
	scanout(0, UINT32_MAX, 1, UINT32_MAX, UINT32_MAX, UINT64_MAX);
	scanout(0, 0, 4096, 1, 4 * 4096, 0);
	CHECK_EQ(losses, 5);
	flush(0);
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	CHECK_EQ(image.pixels[0], pixel_at(240));
	image_free(&image);
	/* With its pages the picture is gone. */
	pages(SCREEN, 0, 0, 0, 0);
	CHECK_INT(gpu_picture(gpu, 0, &image), ENODATA);
	end();
}

static void test_cursor(void)
{
	struct mullion_gpu_cursor cursor = { .resource = 6, .hot_x = 2, .hot_y = 3 };
	struct mullion_gpu_shared *shared;
	uint32_t *pixels;
	struct image image;

	begin();
	make_screen();
	scanout(0, 0, 100, 100, STRIDE, 0);
	flush(0);
	create_plain(6, 64ul * 64 * 4);
	pages(6, 4, 0, GPU_FREE_PFN, 4);
	pixels = gpu_guest_page(&guest, GPU_FREE_PFN);
	pixels[0] = 0xff112233;
	pixels[1] = 0x80404040;
	pixels[64 * 64 - 1] = 0xffffffff;
	shared = gpu_guest_page(&guest, GPU_SHARED_PFN);
	shared->cursor[0] = 12 | 13 << 16;
	gpu_guest_say(&guest, MULLION_GPU_CURSOR, 0, &cursor, sizeof(cursor));
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	CHECK_EQ(image.pixels[10 * 100 + 10], 0x112233);
	CHECK_EQ(image.pixels[10 * 100 + 11] >> 16,
		 0x40 + ((pixel_at(10 * STRIDE + 44) >> 16) * 127 + 127) / 255);
	CHECK_EQ(image.pixels[73 * 100 + 73], 0xffffff);
	CHECK_EQ(image.pixels[10 * 100 + 12], pixel_at(10 * STRIDE + 48));
	image_free(&image);
	/* Partly outside. */
	shared->cursor[0] = (uint16_t)-61 | (uint32_t)(uint16_t)-60 << 16;
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	CHECK_EQ(image.pixels[0], 0xffffff);
	image_free(&image);
	cursor.resource = 0;
	gpu_guest_say(&guest, MULLION_GPU_CURSOR, 0, &cursor, sizeof(cursor));
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	CHECK_EQ(image.pixels[0], pixel_at(0));
	image_free(&image);
	CHECK_EQ(losses, 0);
	cursor.resource = 7;
	gpu_guest_say(&guest, MULLION_GPU_CURSOR, 0, &cursor, sizeof(cursor));
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	create_plain(7, 64ul * 64 * 4 - 1);
	pages(7, 4, 0, GPU_FREE_PFN, 4);
	gpu_guest_say(&guest, MULLION_GPU_CURSOR, 0, &cursor, sizeof(cursor));
	CHECK(is_lost(0, MULLION_GPU_LOST_PROTOCOL));
	end();
}

/* A resource of the renderer's on the screen, and one that cannot be there. */
static void test_drawn_screen(void)
{
	struct image image;

	begin();
	create_resource(0, SCREEN, 64);
	scanout(0, 0, 64, 64, 0, 0);
	flush(0);
	CHECK_EQ(fake.reads, 0);
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	CHECK_EQ(fake.reads, 1);
	CHECK_EQ(image.pixels[64 * 64 - 1], 0x444444);
	image_free(&image);
	fake.result = EIO;
	CHECK_INT(gpu_picture(gpu, 0, &image), EIO);
	fake.result = 0;
	scanout(1, 0, 64, 64, 0, 0);
	scanout(0, 1, 64, 64, 0, 0);
	CHECK_EQ(losses, 2);
	/* Other pages are nothing to it. */
	pages(SCREEN, 4, 0, SCREEN_PFN, 4);
	REQUIRE(gpu_picture(gpu, 0, &image) == 0);
	image_free(&image);
	name(MULLION_GPU_RESOURCE_DESTROY, 0, SCREEN);
	CHECK_INT(gpu_picture(gpu, 0, &image), ENODATA);
	end();
}

/* A buffer of the guest's own that becomes the renderer's while it is shown. */
static void test_promoted(void)
{
	struct image image;

	for (uint32_t height = 64; height <= 65; height++) {
		begin();
		make_screen();
		scanout(0, 0, 60, height, STRIDE, 0);
		flush(0);
		REQUIRE(gpu_picture(gpu, 0, &image) == 0);
		CHECK_EQ(fake.reads, 0);
		image_free(&image);
		create_resource(0, SCREEN, 60);
		/* One that is smaller than what was shown cannot be. */
		CHECK_INT(gpu_picture(gpu, 0, &image), height == 64 ? 0 : ENODATA);
		CHECK_EQ(fake.reads, height == 64);
		image_free(&image);
		CHECK_EQ(losses, 0);
		end();
	}
}

static void test_displays(void)
{
	const struct mullion_gpu_display *told;
	struct gpu_display display;

	begin();
	guest.told_count = 0;
	gpu_set_display(gpu, 2, true, 1920, 1080);
	told = gpu_guest_told(&guest, MULLION_GPU_DISPLAY);
	REQUIRE(told);
	CHECK_EQ(told->display, 2);
	CHECK_EQ(told->connected, 1);
	CHECK_EQ(told->width, 1920);
	/* The preferred mode of the EDID. */
	CHECK_EQ(told->edid[56] | (told->edid[58] & 0xf0) << 4, 1920);
	CHECK_EQ(told->edid[59] | (told->edid[61] & 0xf0) << 4, 1080);
	gpu_set_display(gpu, 2, false, 0, 0);
	told = gpu_guest_told(&guest, MULLION_GPU_DISPLAY);
	REQUIRE(told);
	CHECK_EQ(told->connected, 0);
	CHECK_EQ(told->edid_size, 0);
	gpu_display(gpu, 0, &display);
	CHECK(display.connected);
	CHECK_EQ(display.width, 1024);
	CHECK_EQ(display.shown_width, 0);
	end();
	/* Without a session it is kept for the next. */
}

int main(void)
{
	check_seed(0x691);
	CHECK_RUN(test_hello);
	CHECK_RUN(test_versions);
	CHECK_RUN(test_resume);
	CHECK_RUN(test_without_renderer);
	CHECK_RUN(test_sizes);
	CHECK_RUN(test_headers);
	CHECK_RUN(test_page_lists);
	CHECK_RUN(test_malformed);
	CHECK_RUN(test_contexts);
	CHECK_RUN(test_lost);
	CHECK_RUN(test_fences);
	CHECK_RUN(test_own_fences);
	CHECK_RUN(test_throttle);
	CHECK_RUN(test_full);
	CHECK_RUN(test_resources);
	CHECK_RUN(test_too_many);
	CHECK_RUN(test_pages);
	CHECK_RUN(test_probe);
	CHECK_RUN(test_shared);
	CHECK_RUN(test_returned);
	CHECK_RUN(test_not_shared);
	CHECK_RUN(test_submit_pages);
	CHECK_RUN(test_screen);
	CHECK_RUN(test_cursor);
	CHECK_RUN(test_drawn_screen);
	CHECK_RUN(test_promoted);
	CHECK_RUN(test_displays);
	return check_done();
}
