/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/pool.h"

#include "core/frames.h"
#include "core/memory.h"
#include "core/string.h"

/* What a free page holds. */
struct free_page {
	u64 next;
};

static void push(struct pool *pool, u64 pa)
{
	struct free_page *page = phys_to_virt(HPA(pa));

	page->next = pool->first;
	pool->first = pa;
	pool->free++;
}

/* The pool has a free page. */
static u64 pop(struct pool *pool)
{
	const struct free_page *page = phys_to_virt(HPA(pool->first));
	u64 pa = pool->first;

	pool->first = page->next;
	pool->free--;
	return pa;
}

bool pool_deposit(struct pool *pool, u64 frame)
{
	if (!frames_move(frame, 1, FRAME_DONATED, FRAME_POOL))
		return false;
	spin_lock(&pool->lock);
	push(pool, frame << PAGE_SHIFT);
	pool->pages++;
	spin_unlock(&pool->lock);
	return true;
}

bool pool_withdraw(struct pool *pool, u64 *frame)
{
	bool ok;

	spin_lock(&pool->lock);
	ok = pool->free;
	if (ok) {
		*frame = pop(pool) >> PAGE_SHIFT;
		pool->pages--;
		frames_move(*frame, 1, FRAME_POOL, FRAME_DONATED);
	}
	spin_unlock(&pool->lock);
	return ok;
}

void *pool_alloc(struct pool *pool)
{
	void *page = NULL;

	spin_lock(&pool->lock);
	if (pool->free)
		page = phys_to_virt(HPA(pop(pool)));
	spin_unlock(&pool->lock);
	if (page)
		memset(page, 0, PAGE_SIZE);
	return page;
}

void pool_free(struct pool *pool, void *page)
{
	spin_lock(&pool->lock);
	push(pool, virt_to_phys(page).v);
	spin_unlock(&pool->lock);
}
