// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of an object as runs for hv-gpu, written straight into the ring.
 *
 * Without an IOMMU, as in a partition, what a device sees is what the guest sees: imported
 * dma-bufs, of which only that is known, are told by it, our own pages by their numbers.
 */
#include <linux/highmem.h>
#include <linux/scatterlist.h>

#include "object.h"

#define RUNS_MAX                                                        \
	((MULLION_GPU_MESSAGE_MAX - sizeof(struct mullion_gpu_pages)) / \
	 sizeof(struct mullion_gpu_run))

/* Where the next message begins. */
struct walk {
	struct scatterlist *piece;
	u32 index, count; /* of pieces */
	u32 skip; /* pages of it that were told */
	bool imported;
};

static u64 piece_pfn(const struct walk *walk)
{
	u64 address = walk->imported ? sg_dma_address(walk->piece) : sg_phys(walk->piece);

	return (address >> PAGE_SHIFT) + walk->skip;
}

static u32 piece_pages(const struct walk *walk)
{
	u32 bytes = walk->imported ? sg_dma_len(walk->piece) : walk->piece->length;

	return (bytes >> PAGE_SHIFT) - walk->skip;
}

static bool next_run(struct walk *walk, u32 most, struct mullion_gpu_run *run)
{
	while (walk->index < walk->count && !piece_pages(walk)) {
		walk->piece = sg_next(walk->piece);
		walk->index++;
		walk->skip = 0;
	}
	if (walk->index >= walk->count || !most)
		return false;
	run->pfn = piece_pfn(walk);
	run->count = min(piece_pages(walk), most);
	run->reserved = 0;
	walk->skip += run->count;
	return true;
}

static struct walk walk_of(struct mgpu_object *object)
{
	bool imported = object->base.base.import_attach;

	return (struct walk){ .piece = object->pages->sgl,
			      .count = imported ? object->pages->nents : object->pages->orig_nents,
			      .imported = imported };
}

static u32 count_runs(const struct walk *from, u32 total)
{
	struct walk walk = *from;
	struct mullion_gpu_run run;
	u32 count = 0;

	while (count < RUNS_MAX && next_run(&walk, total, &run)) {
		total -= run.count;
		count++;
	}
	return count;
}

static int send_some(struct mgpu *gpu, struct mgpu_object *object, struct walk *walk, u32 *first,
		     u32 total)
{
	u32 count = count_runs(walk, total - *first);
	struct mullion_gpu_pages *message;

	if (!count)
		return -EIO;
	message = mgpu_message(gpu, MULLION_GPU_PAGES, 0, struct_size(message, runs, count));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = object->id;
	message->total = total;
	message->first = *first;
	message->count = count;
	for (u32 i = 0; i < count; i++) {
		next_run(walk, total - *first, &message->runs[i]);
		*first += message->runs[i].count;
	}
	mgpu_send(gpu);
	return 0;
}

int mgpu_send_pages(struct mgpu *gpu, struct mgpu_object *object)
{
	u32 total = object->base.base.size >> PAGE_SHIFT, first = 0;
	struct walk walk;
	int error = 0;

	if (WARN_ON_ONCE(!object->pages))
		return -EIO;
	walk = walk_of(object);
	while (!error && first < total)
		error = send_some(gpu, object, &walk, &first, total);
	return error;
}

void mgpu_object_read(struct mgpu_object *object, u64 offset, void *to, u32 size)
{
	while (size) {
		u32 within = offset_in_page(offset), some = min_t(u32, size, PAGE_SIZE - within);
		u8 *from = kmap_local_page(object->base.pages[offset >> PAGE_SHIFT]);

		memcpy(to, from + within, some);
		kunmap_local(from);
		to += some;
		offset += some;
		size -= some;
	}
}
