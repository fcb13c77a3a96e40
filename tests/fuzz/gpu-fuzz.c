/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/gpu: a guest that says anything, nearly right at most times, to a renderer that keeps
 * account and fails at times; fences that are done late, a ring that is full at times,
 * channels that close and processes that end, in any order.
 */
#include "fuzz.h"

#include "gpu-dmabuf.h"
#include "gpu-fake.h"
#include "gpu-renderer.h"
#include "gpu.h"
#include "state.h"

#define ROOM 1024u
#define STEPS_MAX 200u

static const struct gpu_config config = { .memory_max = 1u << 20, .width = 640, .height = 480 };

static struct fake_renderer fake;
static struct gpu_guest guest;
static struct gpu *gpu;
static bool open;
static unsigned int looks; /* asked for */
static uint64_t numbers; /* for fences that go up */
static _Alignas(8) uint8_t bytes[ROOM];

static void on_working(void *context, bool works)
{
	(void)context, (void)works;
}

static void on_resumed(void *context)
{
	(void)context;
}

static void on_lost(void *context, uint32_t id, const char *text)
{
	(void)context, (void)id;
	FUZZ_CHECK(text[0]);
}

static void on_look(void *context)
{
	(void)context;
	looks++;
}

static const struct gpu_calls calls = { on_working, on_resumed, on_lost, on_look };

/* ---- what must always hold ---- */

static void check(void)
{
	uint64_t memory = 0;
	unsigned int fences = 0;

	for (uint32_t i = 0; i < RESOURCE_BUCKETS; i++)
		for (const struct resource *r = gpu->buckets[i]; r; r = r->next) {
			memory += r->memory;
			FUZZ_CHECK(r->piece_count <= r->piece_room);
			FUZZ_CHECK(r->page_count <= r->page_total);
			FUZZ_CHECK(!r->given || r->kind == RESOURCE_DRAWN);
		}
	FUZZ_CHECK(memory == gpu->memory && memory <= config.memory_max);
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++) {
		const struct context *context = gpu->contexts[i];

		for (const struct fence *f = context ? context->fences : NULL; f; f = f->next)
			fences++;
		FUZZ_CHECK(!context || !context->lost || (!context->fences && !context->due));
	}
	for (const struct fence *f = gpu->own ? gpu->own->fences : NULL; f; f = f->next)
		fences++;
	for (const struct fence *f = gpu->orphans; f; f = f->next)
		fences++;
	FUZZ_CHECK(fences == gpu->fences && fences == fake.fence_count);
	FUZZ_CHECK(guest.paused || guest.broken || !gpu->unsent);
}

/* With fences done, every number that was asked for is stored. */
static void settle(void)
{
	if (open && !guest.broken)
		gpu_guest_turn(&guest);
	while (fake.fence_count)
		fake_renderer_done(&fake, FAKE_FENCES);
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++) {
		const struct context *context = gpu->contexts[i];

		for (uint32_t ring = 0; context && ring < context->rings; ring++)
			FUZZ_CHECK(context->timelines[ring].done == context->timelines[ring].last);
	}
}

/* ---- messages ---- */

static const uint16_t sizes[MULLION_GPU_TO_HOST_END] = {
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

/* A byte of the input for each word of the body: small numbers, or a large one. */
static void fill(const uint8_t **data, size_t *left, uint32_t size)
{
	uint32_t *words = (void *)bytes;

	for (uint32_t i = sizeof(struct mullion_gpu_header) / 4; i < size / 4; i++) {
		uint8_t byte = (uint8_t)fuzz_u64(data, left, 1);

		words[i] = byte < 0xf0 ? byte : byte == 0xff ? UINT32_MAX : 1u << (byte & 0xf) * 2;
	}
}

/* Runs and their count agree, at most times. */
static uint32_t add_runs(const uint8_t **data, size_t *left, uint32_t size, uint32_t *count,
			 struct mullion_gpu_run *runs)
{
	uint32_t n = (uint32_t)fuzz_u64(data, left, 1) % 8;

	*count = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t word = fuzz_u64(data, left, 3);

		runs[i] = (struct mullion_gpu_run){ .pfn = word % (GPU_GUEST_PAGES + 4),
						    .count = (uint32_t)(word >> 13) % 16 };
	}
	return size + n * (uint32_t)sizeof(runs[0]);
}

static void make_hello(void)
{
	struct mullion_gpu_hello *hello = (void *)bytes;

	hello->version_min = 1;
	hello->version_max = 1;
	hello->features = MULLION_GPU_FEATURE_3D | MULLION_GPU_FEATURE_SHARE;
	hello->page_count = GPU_SHARED_PAGES;
	memset(hello->pfns, 0, sizeof(hello->pfns));
	for (uint32_t i = 0; i < GPU_SHARED_PAGES; i++)
		hello->pfns[i] = GPU_SHARED_PFN + i;
	memset(hello->driver, 0, sizeof(hello->driver));
	memset(hello->kernel, 0, sizeof(hello->kernel));
}

/* What would be wrong at nearly all times if it were left to chance. */
static uint32_t repair(const uint8_t **data, size_t *left, uint32_t type, uint32_t size)
{
	struct mullion_gpu_context_create *create = (void *)bytes;
	struct mullion_gpu_resource_create *resource = (void *)bytes;
	struct mullion_gpu_submit_pages *submit = (void *)bytes;
	struct mullion_gpu_pages *pages = (void *)bytes;
	struct mullion_gpu_scanout *scanout = (void *)bytes;
	struct mullion_gpu_share *share = (void *)bytes;
	struct mullion_gpu_name *name = (void *)bytes;

	switch (type) {
	case MULLION_GPU_HELLO:
		make_hello();
		return size;
	case MULLION_GPU_CONTEXT_CREATE:
		create->capset = FAKE_CAPSET;
		create->rings = create->rings % 8 + 1;
		create->reserved = 0;
		memset(create->name, 0, sizeof(create->name));
		return size;
	case MULLION_GPU_RESOURCE_CREATE:
		resource->target = 2;
		resource->format = 1;
		resource->last_level = resource->flags = resource->reserved = 0;
		return size;
	case MULLION_GPU_PAGES:
		return add_runs(data, left, size, &pages->count, pages->runs);
	case MULLION_GPU_SUBMIT:
		return size + 4 * ((uint32_t)fuzz_u64(data, left, 1) % 16);
	case MULLION_GPU_SUBMIT_PAGES:
		submit->bytes *= 4;
		submit->reserved = 0;
		submit->taken = submit->taken ? ++numbers : 0;
		return add_runs(data, left, size, &submit->count, submit->runs);
	case MULLION_GPU_SCANOUT:
		scanout->format = 0x34325258;
		return size;
	case MULLION_GPU_SHARE:
		share->as %= 3;
		return size;
	case MULLION_GPU_ATTACH:
	case MULLION_GPU_DETACH:
	case MULLION_GPU_RESOURCE_DESTROY:
	case MULLION_GPU_PLAIN_CREATE:
		name->reserved = 0;
		return size;
	default:
		return size;
	}
}

static void say(const uint8_t **data, size_t *left, uint32_t type)
{
	struct mullion_gpu_header *header = (void *)bytes;
	uint8_t how = (uint8_t)fuzz_u64(data, left, 1);
	uint32_t size = sizes[type];

	memset(bytes, 0, sizeof(bytes));
	fill(data, left, size);
	if (how & 0x80)
		size = repair(data, left, type, size);
	header->type = (uint16_t)type;
	header->context = how & 3;
	header->size = size;
	if (how & 4) {
		header->flags = MULLION_GPU_FENCE;
		header->ring = how >> 4 & 1;
		header->fence = how & 8 ? ++numbers : fuzz_u64(data, left, 1);
	}
	gpu_guest_packet(&guest, bytes, size);
}

static void say_anything(const uint8_t **data, size_t *left)
{
	size_t size = fuzz_u64(data, left, 1);

	fuzz_take(data, left, bytes, size);
	gpu_guest_packet(&guest, bytes, size);
}

/* ---- what else happens ---- */

static void look(uint8_t display)
{
	struct image image;

	if (gpu_picture(gpu, display % MULLION_GPU_DISPLAYS_MAX, &image) == 0)
		image_free(&image);
}

static void reopen(bool resumed)
{
	if (open)
		gpu_guest_close(&guest);
	FUZZ_CHECK(fake_renderer_is_empty(&fake));
	open = gpu_guest_open(&guest, resumed);
	FUZZ_CHECK(open);
}

static void step(const uint8_t **data, size_t *left)
{
	uint8_t what = (uint8_t)fuzz_u64(data, left, 1);

	if (what < 0xc0) {
		uint32_t type = what % MULLION_GPU_TO_HOST_END;

		if (type)
			say(data, left, type);
		else
			say_anything(data, left);
		return;
	}
	switch (what & 15) {
	case 0:
		fake_renderer_done(&fake, 1);
		break;
	case 1:
		fake.result = fake.result ? 0 : 22;
		break;
	case 2:
		guest.full = !guest.full;
		if (!guest.full && !guest.broken)
			guest.channel.ops->ready(&guest.channel);
		break;
	case 3:
		reopen(what & 16);
		break;
	case 4:
		gpu_set_display(gpu, what >> 4 & 3, true, 800, 600);
		break;
	case 5:
		look(what >> 4);
		break;
	case 6:
		gpu_guest_slot(&guest, what >> 4)->wanted = fuzz_u64(data, left, 1);
		break;
	case 7:
		fake_renderer_done(&fake, FAKE_FENCES);
		break;
	default:
		gpu_guest_turn(&guest);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;

	if (!made) {
		gpu_guest_new(&guest, NULL);
		made = true;
	}
	gpu = gpu_new(&config, fake_renderer(&fake), &calls, NULL);
	FUZZ_CHECK(gpu);
	guest.channel.device = gpu_device(gpu);
	numbers = 1000;
	memset(gpu_guest_slot(&guest, 0), 0, 8192);
	open = false;
	reopen(size && data[0] & 1);
	if (size && data[0] & 2)
		gpu_guest_hello(&guest);
	for (unsigned int i = 0; i < STEPS_MAX && size; i++) {
		step(&data, &size);
		check();
	}
	fake.result = 0;
	settle();
	check();
	gpu_guest_close(&guest);
	FUZZ_CHECK(fake_renderer_is_empty(&fake) && !gpu->memory && !gpu->resource_count);
	gpu_free(gpu);
	return 0;
}
