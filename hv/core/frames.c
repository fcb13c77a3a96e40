/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/frames.h"

#include "core/lock.h"
#include "core/memory.h"
#include "core/string.h"

static struct {
	struct spinlock lock;
	u8 *owner;
	u64 count; /* of frames in the table */
	u64 owned[FRAME_OWNERS];
} frames;

u64 frames_size(u64 ram_end)
{
	return align_up(ram_end >> PAGE_SHIFT, PAGE_SIZE);
}

void frames_init(u8 *owner, u64 ram_end, const struct memmap *map)
{
	frames.owner = owner;
	frames.count = ram_end >> PAGE_SHIFT;
	memset(owner, FRAME_NONE, frames_size(ram_end));
	memset(frames.owned, 0, sizeof(frames.owned));
	for (u32 i = 0; i < map->count; i++) {
		const struct memrange *r = &map->r[i];
		u64 first = align_up(r->base, PAGE_SIZE) >> PAGE_SHIFT;
		u64 end = min_u64((r->base + r->size) >> PAGE_SHIFT, frames.count);

		if (r->type != MEM_USABLE || first >= end)
			continue;
		memset(owner + first, FRAME_PARENT, end - first);
		frames.owned[FRAME_PARENT] += end - first;
	}
	frames.owned[FRAME_NONE] = frames.count - frames.owned[FRAME_PARENT];
}

enum frame_owner frames_owner(u64 frame)
{
	return frame < frames.count ? __atomic_load_n(&frames.owner[frame], __ATOMIC_ACQUIRE) :
				      FRAME_NONE;
}

/* The lock is held. */
static bool all_owned(u64 first, u64 count, enum frame_owner owner)
{
	if (first >= frames.count || count > frames.count - first)
		return false;
	for (u64 i = first; i < first + count; i++) {
		if (frames.owner[i] != owner)
			return false;
	}
	return true;
}

bool frames_move(u64 first, u64 count, enum frame_owner from, enum frame_owner to)
{
	bool ok;

	spin_lock(&frames.lock);
	ok = all_owned(first, count, from);
	for (u64 i = first; ok && i < first + count; i++)
		__atomic_store_n(&frames.owner[i], (u8)to, __ATOMIC_RELEASE);
	frames.owned[from] -= ok ? count : 0;
	frames.owned[to] += ok ? count : 0;
	spin_unlock(&frames.lock);
	return ok;
}

void frames_claim(u64 base, u64 size)
{
	frames_move(base >> PAGE_SHIFT, size >> PAGE_SHIFT, FRAME_NONE, FRAME_HV);
}

void *frame_share(gpa_t gpa)
{
	if (gpa.v % PAGE_SIZE || !frames_move(gpa.v >> PAGE_SHIFT, 1, FRAME_PARENT, FRAME_SHARED))
		return NULL;
	return phys_to_virt(HPA(gpa.v));
}

void frame_unshare(hpa_t page)
{
	frames_move(page.v >> PAGE_SHIFT, 1, FRAME_SHARED, FRAME_PARENT);
}

u64 frames_count(enum frame_owner owner)
{
	return READ_ONCE(frames.owned[owner]);
}

bool frames_visible(u64 pa, u64 size)
{
	if (!size || pa + size < pa)
		return false;
	for (u64 frame = pa >> PAGE_SHIFT; frame <= (pa + size - 1) >> PAGE_SHIFT; frame++) {
		enum frame_owner owner = frames_owner(frame);

		if (owner != FRAME_PARENT && owner != FRAME_MAPPED && owner != FRAME_SHARED)
			return false;
	}
	return true;
}

bool frames_copy(u64 pa, void *dest, const void *src, u64 size)
{
	bool ok;

	spin_lock(&frames.lock);
	ok = frames_visible(pa, size);
	if (ok)
		memcpy(dest, src, size);
	spin_unlock(&frames.lock);
	return ok;
}
