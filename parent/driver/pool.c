// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: the memory that hv's pools are made of.
 *
 * The parent gives memory away in blocks of 2 MiB, so that its own map keeps its
 * large pages; partitions get single pages of them. A block whose pages are all
 * back is taken back at once. Donated pages look offline to this kernel: nobody
 * who walks over memory (dumps, /proc/kcore) reads them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-flags.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include "calls.h"
#include "mullion_root.h"
#include "pool.h"

#define BLOCK_PAGES (MULLION_BLOCK_SIZE / PAGE_SIZE)
#define BLOCK_ORDER 9

static_assert(BLOCK_PAGES == 1u << BLOCK_ORDER);

struct block {
	unsigned long number; /* of its first page, divided by BLOCK_PAGES */
	unsigned int used; /* pages deposited somewhere */
	struct list_head list; /* in with_room while used < BLOCK_PAGES */
	DECLARE_BITMAP(in_use, BLOCK_PAGES);
};

static DEFINE_MUTEX(pool_lock); /* all below, and the two calls about blocks */
static DEFINE_XARRAY(blocks); /* by number */
static LIST_HEAD(with_room);

static struct page *first_page(const struct block *block)
{
	return pfn_to_page(block->number * BLOCK_PAGES);
}

static void set_offline(struct page *page, bool offline)
{
	unsigned int i;

	for (i = 0; i < BLOCK_PAGES; i++) {
		if (offline)
			__SetPageOffline(page + i);
		else
			__ClearPageOffline(page + i);
	}
}

static int new_block(void)
{
	struct block *block = kzalloc(sizeof(*block), GFP_KERNEL);
	struct page *page;
	u16 status;

	if (!block)
		return -ENOMEM;
	page = alloc_pages(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN, BLOCK_ORDER);
	if (!page)
		goto no_page;
	block->number = page_to_pfn(page) / BLOCK_PAGES;
	if (xa_insert(&blocks, block->number, block, GFP_KERNEL))
		goto no_entry;
	set_offline(page, true);
	status = mullion_hypercall(MULLION_CALL_DONATE, page_to_phys(page), 0);
	if (status != HV_STATUS_SUCCESS) {
		pr_err("hv does not take the block at 0x%llx, status 0x%x\n", page_to_phys(page),
		       status);
		goto refused;
	}
	list_add(&block->list, &with_room);
	return 0;

refused:
	set_offline(page, false);
	xa_erase(&blocks, block->number);
no_entry:
	__free_pages(page, BLOCK_ORDER);
no_page:
	kfree(block);
	return -ENOMEM;
}

/* All its pages are back. What hv does not give back is lost: it is not ours. */
static void drop_block(struct block *block)
{
	struct page *page = first_page(block);
	u16 status = mullion_hypercall(MULLION_CALL_RECLAIM, page_to_phys(page), 0);

	list_del(&block->list);
	xa_erase(&blocks, block->number);
	if (status == HV_STATUS_SUCCESS) {
		set_offline(page, false);
		__free_pages(page, BLOCK_ORDER);
	} else {
		pr_err("hv keeps the block at 0x%llx, status 0x%x\n", page_to_phys(page), status);
	}
	kfree(block);
}

/* One page that is in no pool yet, by its number. */
static int take_page(u64 *number)
{
	struct block *block;
	unsigned int i;
	int error;

	if (list_empty(&with_room)) {
		error = new_block();
		if (error)
			return error;
	}
	block = list_first_entry(&with_room, struct block, list);
	i = find_first_zero_bit(block->in_use, BLOCK_PAGES);
	__set_bit(i, block->in_use);
	if (++block->used == BLOCK_PAGES)
		list_del_init(&block->list);
	*number = block->number * BLOCK_PAGES + i;
	return 0;
}

static void return_page(u64 number)
{
	struct block *block = xa_load(&blocks, number / BLOCK_PAGES);

	if (!block || !__test_and_clear_bit(number % BLOCK_PAGES, block->in_use)) {
		pr_err("hv gave back page 0x%llx, which it did not have\n", number);
		return;
	}
	if (block->used-- == BLOCK_PAGES)
		list_add_tail(&block->list, &with_room);
	if (!block->used)
		drop_block(block);
}

int mullion_pool_deposit(u64 owner, unsigned int count)
{
	struct hv_input_deposit_memory *input = (void *)get_zeroed_page(GFP_KERNEL);
	unsigned int taken = 0, done = 0;
	u16 status = HV_STATUS_SUCCESS;
	int error = 0;

	if (!input)
		return -ENOMEM;
	input->partition_id = owner;
	mutex_lock(&pool_lock);
	while (taken < count && !error) {
		error = take_page(&input->pages[taken]);
		if (!error)
			taken++;
	}
	if (taken)
		status = mullion_rep_call(HVCALL_DEPOSIT_MEMORY, taken, input, NULL, &done);
	if (done)
		error = 0; /* some are better than none */
	else if (!error)
		error = mullion_errno(status) ?: -EIO;
	while (taken > done)
		return_page(input->pages[--taken]);
	mutex_unlock(&pool_lock);
	free_page((unsigned long)input);
	return error;
}

void mullion_pool_withdraw(u64 owner)
{
	struct hv_input_withdraw_memory *input;
	u64 *pages = (void *)__get_free_page(GFP_KERNEL | __GFP_NOFAIL);
	unsigned int i, done;
	u16 status;

	/* The input fits behind as many elements as one call asks for. */
	input = (void *)(pages + PAGE_SIZE / sizeof(*pages) - 2);
	memset(input, 0, sizeof(*input));
	input->partition_id = owner;
	do {
		done = 0;
		mutex_lock(&pool_lock);
		status = mullion_rep_call(HVCALL_WITHDRAW_MEMORY, PAGE_SIZE / sizeof(*pages) - 2,
					  input, pages, &done);
		for (i = 0; i < done; i++)
			return_page(pages[i]);
		mutex_unlock(&pool_lock);
	} while (status == HV_STATUS_SUCCESS && done);
	free_page((unsigned long)pages);
}

void mullion_pool_exit(void)
{
	struct block *block;
	unsigned long number;

	xa_for_each(&blocks, number, block)
	{
		pr_err("%u pages of the block at 0x%llx are still hv's\n", block->used,
		       page_to_phys(first_page(block)));
		kfree(block);
	}
	xa_destroy(&blocks);
}
