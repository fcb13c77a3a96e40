/* SPDX-License-Identifier: GPL-2.0-only */
/* See gpu-renderer.h. */
#include "gpu-renderer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "the GPU broke a rule of renderer.h: %s\n", what);
	abort();
}

#define MUST(condition, what)       \
	do {                        \
		if (!(condition))   \
			fail(what); \
	} while (0)

static struct fake_renderer *of(struct renderer *renderer)
{
	return (struct fake_renderer *)renderer;
}

/* Where the context is; 0: a free place. */
static uint32_t *context_at(struct fake_renderer *fake, uint32_t id)
{
	for (unsigned int i = 0; i < FAKE_IDS; i++)
		if (fake->contexts[i] == id)
			return &fake->contexts[i];
	return NULL;
}

static struct fake_resource *resource_at(struct fake_renderer *fake, uint32_t id)
{
	for (unsigned int i = 0; i < FAKE_IDS; i++)
		if (fake->resources[i].id == id)
			return &fake->resources[i];
	return NULL;
}

static unsigned int on_capsets(struct renderer *renderer, struct mullion_gpu_capset_info *infos)
{
	(void)renderer;
	infos[0] = (struct mullion_gpu_capset_info){ .capset = FAKE_CAPSET,
						     .version = 2,
						     .size = FAKE_CAPSET_SIZE };
	infos[1] = infos[0];
	infos[1].capset = FAKE_PROCESS_CAPSET;
	return 2;
}

static void on_fill(struct renderer *renderer, uint32_t capset, uint32_t version, void *to)
{
	(void)renderer, (void)version;
	MUST(capset == FAKE_CAPSET || capset == FAKE_PROCESS_CAPSET, "a capset that is not there");
	memset(to, 0xca, FAKE_CAPSET_SIZE);
}

static int on_context_create(struct renderer *renderer, uint32_t context, uint32_t capset,
			     const char *name)
{
	struct fake_renderer *fake = of(renderer);

	MUST(context && !context_at(fake, context), "a context that is there");
	MUST(capset == FAKE_CAPSET || capset == FAKE_PROCESS_CAPSET, "a context that cannot be");
	MUST(strlen(name) < 64, "a context's name");
	MUST(context_at(fake, 0), "too many contexts");
	*context_at(fake, 0) = context;
	if (capset == FAKE_PROCESS_CAPSET)
		fake->process_context = context;
	return fake->result;
}

static void on_context_destroy(struct renderer *renderer, uint32_t context)
{
	struct fake_renderer *fake = of(renderer);
	unsigned int left = 0;

	MUST(context && context_at(fake, context), "a context that is not there");
	*context_at(fake, context) = 0;
	for (unsigned int i = 0; i < fake->fence_count; i++)
		if (fake->fences[i].context != context)
			fake->fences[left++] = fake->fences[i];
	fake->fence_count = left;
}

static void on_attach(struct renderer *renderer, uint32_t context, uint32_t resource)
{
	struct fake_renderer *fake = of(renderer);

	MUST(context && context_at(fake, context), "attach: no context");
	MUST(resource && resource_at(fake, resource), "attach: no resource");
	fake->attaches++;
}

static void on_detach(struct renderer *renderer, uint32_t context, uint32_t resource)
{
	on_attach(renderer, context, resource);
	of(renderer)->attaches--;
	of(renderer)->detaches++;
}

static int on_import(struct renderer *renderer, uint32_t resource, uint32_t as, int fd,
		     uint64_t size)
{
	struct fake_renderer *fake = of(renderer);

	MUST(resource && !resource_at(fake, resource), "a resource that is there");
	MUST(fd >= 0 && size && size % 4096 == 0, "no dma-buf");
	MUST(as == MULLION_GPU_SHARE_SHM || as == MULLION_GPU_SHARE_DMABUF, "shared as nothing");
	if (fake->result)
		return fake->result;
	if (!resource_at(fake, 0))
		return ENOMEM;
	*resource_at(fake, 0) = (struct fake_resource){ .id = resource };
	fake->imports++;
	return 0;
}

static int on_create(struct renderer *renderer, const struct mullion_gpu_resource_create *create)
{
	struct fake_renderer *fake = of(renderer);

	MUST(create->resource && !resource_at(fake, create->resource), "a resource that is there");
	fake->creates++;
	if (fake->result)
		return fake->result;
	if (!resource_at(fake, 0))
		return ENOMEM;
	*resource_at(fake, 0) = (struct fake_resource){ .id = create->resource };
	return 0;
}

static void on_destroy(struct renderer *renderer, uint32_t resource)
{
	struct fake_renderer *fake = of(renderer);
	struct fake_resource *at = resource_at(fake, resource);

	MUST(resource && at, "a resource that is not there");
	MUST(!at->pieces, "a resource with pages is destroyed");
	at->id = 0;
	fake->destroys++;
}

static int on_give_pages(struct renderer *renderer, uint32_t resource, struct iovec *pieces,
			 int count)
{
	struct fake_resource *at = resource_at(of(renderer), resource);

	MUST(resource && at, "pages: no resource");
	MUST(!at->pieces && pieces && count > 0, "pages that cannot be");
	if (of(renderer)->result)
		return of(renderer)->result;
	at->pieces = pieces;
	at->count = count;
	return 0;
}

static void on_drop_pages(struct renderer *renderer, uint32_t resource)
{
	struct fake_resource *at = resource_at(of(renderer), resource);

	MUST(resource && at && at->pieces, "no pages to be dropped");
	at->pieces = NULL;
}

/* All of the pages are touched: what is not the guest's memory is found. */
static int on_transfer(struct renderer *renderer, bool to,
		       const struct mullion_gpu_transfer *transfer)
{
	struct fake_renderer *fake = of(renderer);
	const struct fake_resource *at = resource_at(fake, transfer->resource);

	MUST(at && at->pieces, "transfer: no resource, or no pages");
	MUST(!transfer->header.context || context_at(fake, transfer->header.context),
	     "transfer: no context");
	for (int i = 0; i < at->count; i++) {
		volatile uint8_t *bytes = at->pieces[i].iov_base;

		MUST(at->pieces[i].iov_len && at->pieces[i].iov_len % 4096 == 0, "part of a page");
		for (size_t j = 0; j < at->pieces[i].iov_len; j += 4096)
			bytes[j] = to ? bytes[j] : 0x77;
	}
	fake->transfers++;
	return fake->result;
}

static int on_submit(struct renderer *renderer, uint32_t context, const void *words, uint32_t count)
{
	struct fake_renderer *fake = of(renderer);
	const uint32_t *at = words;

	MUST(context && context_at(fake, context), "submit: no context");
	MUST((uintptr_t)words % 8 == 0 && count, "submit: no commands");
	for (uint32_t i = 0; i < count; i++)
		fake->sum += at[i];
	fake->submits++;
	fake->submitted += count;
	if (context == fake->process_context && fake->process_ended)
		return EPIPE;
	return fake->result;
}

static int on_fence(struct renderer *renderer, uint32_t context, uint32_t ring, uint64_t id)
{
	struct fake_renderer *fake = of(renderer);

	MUST(!context || context_at(fake, context), "fence: no context");
	MUST(!ring || (context && context == fake->process_context), "virgl has one ring");
	MUST(id > fake->last_id, "fence: ids do not go up");
	MUST(fake->fence_count < FAKE_FENCES, "too many fences");
	fake->last_id = id;
	if (context && context == fake->process_context && fake->process_ended)
		return EPIPE;
	fake->fences[fake->fence_count++] =
		(struct renderer_fence){ .context = context, .ring = ring, .id = id };
	return 0;
}

static int on_read(struct renderer *renderer, uint32_t resource, uint32_t x, uint32_t y,
		   uint32_t width, uint32_t height, void *to, uint32_t stride)
{
	struct fake_renderer *fake = of(renderer);

	MUST(resource && resource_at(fake, resource), "read: no resource");
	(void)x, (void)y, (void)width;
	memset(to, 0x44, (size_t)stride * height);
	fake->reads++;
	return fake->result;
}

static const char *on_why(struct renderer *renderer)
{
	(void)renderer;
	return "";
}

static void on_free(struct renderer *renderer)
{
	(void)renderer;
}

static const struct renderer_ops ops = {
	.capsets = on_capsets,
	.fill_capset = on_fill,
	.context_create = on_context_create,
	.context_destroy = on_context_destroy,
	.attach = on_attach,
	.detach = on_detach,
	.create = on_create,
	.import = on_import,
	.destroy = on_destroy,
	.give_pages = on_give_pages,
	.drop_pages = on_drop_pages,
	.transfer = on_transfer,
	.submit = on_submit,
	.fence = on_fence,
	.read = on_read,
	.why = on_why,
	.free = on_free,
};

struct renderer *fake_renderer(struct fake_renderer *fake)
{
	*fake = (struct fake_renderer){ .renderer = {
						.ops = &ops, .name = "nothing", .imports = true } };
	return &fake->renderer;
}

void fake_renderer_done(struct fake_renderer *fake, unsigned int count)
{
	struct renderer_fence done[FAKE_FENCES];

	count = count < fake->fence_count ? count : fake->fence_count;
	if (!count)
		return;
	memcpy(done, fake->fences, count * sizeof(done[0]));
	fake->fence_count -= count;
	memmove(fake->fences, fake->fences + count, fake->fence_count * sizeof(done[0]));
	fake->renderer.listener.done(fake->renderer.listener.context, done, count);
}

bool fake_renderer_is_empty(const struct fake_renderer *fake)
{
	for (unsigned int i = 0; i < FAKE_IDS; i++)
		if (fake->contexts[i] || fake->resources[i].id)
			return false;
	return true;
}
