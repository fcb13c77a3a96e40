// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: the guest's memory is memory of the VMM, pinned.
 *
 * A region remembers its pages as runs that are contiguous in physical memory. As
 * large pages are mapped what is contiguous, and aligned alike in guest and
 * machine, for 2 MiB, whatever this kernel calls the pages.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/list.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include <mullion/uapi.h>
#include "calls.h"
#include "partition.h"

#define LARGE_PAGES 512u

/* Pages [first, first + count) of a region lie at page frame pfn and on. */
struct run {
	u64 first;
	u64 pfn;
	u64 count;
};

struct region {
	struct list_head list;
	u64 gfn;
	u64 pages;
	u64 address; /* in mm */
	u32 map_flags;
	struct mm_struct *mm; /* whose locked memory it counts as; only the structure is held */
	bool mapped; /* hv may have some of its pages in the guest's map */
	struct file *file; /* that the VMM has it in, for providers, or NULL */
	u64 offset; /* in file, bytes */
	u64 pinned; /* pages that are, the first ones */
	struct run *runs; /* of these, by first */
	size_t run_count, run_room;
};

void mullion_memory_init(struct partition_memory *memory)
{
	mutex_init(&memory->lock);
	init_rwsem(&memory->regions_lock);
	INIT_LIST_HEAD(&memory->regions);
}

/* The run that holds page at, which is pinned. */
static const struct run *find_run(const struct region *region, u64 at)
{
	size_t low = 0, high = region->run_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (region->runs[middle].first <= at)
			low = middle;
		else
			high = middle;
	}
	return &region->runs[low];
}

static int add_page(struct region *region, u64 pfn)
{
	struct run *last = region->runs + region->run_count - 1, *runs;
	size_t room;

	if (region->run_count && last->pfn + last->count == pfn) {
		last->count++;
		return 0;
	}
	if (region->run_count == region->run_room) {
		room = max_t(size_t, 16, 2 * region->run_room);
		runs = kvmalloc_array(room, sizeof(*runs), GFP_KERNEL_ACCOUNT);
		if (!runs)
			return -ENOMEM;
		if (region->run_count)
			memcpy(runs, region->runs, region->run_count * sizeof(*runs));
		kvfree(region->runs);
		region->runs = runs;
		region->run_room = room;
	}
	region->runs[region->run_count++] =
		(struct run){ .first = region->pinned, .pfn = pfn, .count = 1 };
	return 0;
}

static void unpin(struct region *region)
{
	bool dirty = region->map_flags & HV_MAP_GPA_WRITABLE;
	size_t i;

	for (i = 0; i < region->run_count; i++) {
		unpin_user_page_range_dirty_lock(pfn_to_page(region->runs[i].pfn),
						 region->runs[i].count, dirty);
		cond_resched();
	}
	kvfree(region->runs);
}

static int pin_batch(struct region *region, struct page **batch, unsigned int room)
{
	unsigned int want = min_t(u64, room, region->pages - region->pinned);
	int got = pin_user_pages_fast(region->address + region->pinned * PAGE_SIZE, want,
				      FOLL_WRITE | FOLL_LONGTERM, batch);
	int i, error = 0;

	if (got <= 0)
		return got ?: -EFAULT;
	for (i = 0; i < got && !error; i++) {
		error = add_page(region, page_to_pfn(batch[i]));
		if (!error)
			region->pinned++;
	}
	if (error)
		unpin_user_pages(batch + i - 1, got - i + 1);
	return error;
}

static int pin(struct region *region)
{
	struct page **batch = (void *)__get_free_page(GFP_KERNEL);
	int error = 0;

	if (!batch)
		return -ENOMEM;
	while (region->pinned < region->pages && !error) {
		error = pin_batch(region, batch, PAGE_SIZE / sizeof(*batch));
		if (!error && fatal_signal_pending(current))
			error = -EINTR;
		cond_resched();
	}
	free_page((unsigned long)batch);
	return error;
}

static bool is_large(const struct region *region, const struct run *run, u64 at)
{
	u64 gfn = region->gfn + at, pfn = run->pfn + (at - run->first);

	return gfn % LARGE_PAGES == 0 && pfn % LARGE_PAGES == 0 &&
	       run->first + run->count - at >= LARGE_PAGES;
}

/*
 * What can be mapped by one call from page *at on, at most max repetitions: moves
 * *at behind it, tells whether these are large, and their page frames if wanted.
 */
static unsigned int next_chunk(const struct region *region, u64 *at, unsigned int max, u64 *pfns,
			       bool *large)
{
	const struct run *run = find_run(region, *at);
	unsigned int count = 0;

	*large = is_large(region, run, *at);
	while (count < max) {
		if (pfns)
			pfns[count] = run->pfn + (*at - run->first);
		count++;
		*at += *large ? LARGE_PAGES : 1;
		if (*at == region->pinned)
			break;
		if (*at == run->first + run->count)
			run++;
		if (is_large(region, run, *at) != *large)
			break;
	}
	return count;
}

/* Page frames that fit behind a call's input. */
#define MAP_MAX ((PAGE_SIZE - sizeof(struct hv_input_map_gpa_pages)) / sizeof(u64))

/* The region's pages up to end. What is not mapped does not matter. */
static int unmap(struct mshv_partition *partition, struct region *region, u64 end,
		 struct hv_input_unmap_gpa_pages *input)
{
	unsigned int count, done;
	u16 status;
	bool large;
	u64 at = 0;

	while (at < end) {
		memset(input, 0, sizeof(*input));
		input->target_partition_id = partition->id;
		input->target_gpa_base = region->gfn + at;
		count = next_chunk(region, &at, MAP_MAX, NULL, &large);
		input->unmap_flags = large ? HV_UNMAP_GPA_LARGE_PAGE : 0;
		status = mullion_partition_rep_call(partition->id, HVCALL_UNMAP_GPA_PAGES, count,
						    input, NULL, &done);
		if (status != HV_STATUS_SUCCESS)
			return mullion_errno(status);
		cond_resched();
	}
	region->mapped = false;
	return 0;
}

/* All of it, or nothing if region->mapped says so. A chunk that fails half-way is
 * unmapped as a whole. */
static int map(struct mshv_partition *partition, struct region *region)
{
	struct hv_input_map_gpa_pages *input = (void *)get_zeroed_page(GFP_KERNEL);
	unsigned int count, done;
	u16 status = HV_STATUS_SUCCESS;
	bool large;
	u64 at = 0;

	if (!input)
		return -ENOMEM;
	region->mapped = true;
	while (at < region->pages && status == HV_STATUS_SUCCESS) {
		input->target_partition_id = partition->id;
		input->target_gpa_base = region->gfn + at;
		count = next_chunk(region, &at, MAP_MAX, input->source_pages, &large);
		input->map_flags = region->map_flags | (large ? HV_MAP_GPA_LARGE_PAGE : 0);
		status = mullion_partition_rep_call(partition->id, HVCALL_MAP_GPA_PAGES, count,
						    input, NULL, &done);
		cond_resched();
	}
	if (status != HV_STATUS_SUCCESS)
		unmap(partition, region, at, (void *)input);
	free_page((unsigned long)input);
	return mullion_errno(status);
}

/* What memfd_create makes, and nobody can change the size of. */
static bool is_sealed(struct file *file)
{
	const unsigned int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct inode *inode = file_inode(file);

	if (shmem_mapping(file->f_mapping))
		return (READ_ONCE(SHMEM_I(inode)->seals) & wanted) == wanted;
#ifdef CONFIG_HUGETLBFS
	if (inode->i_sb->s_magic == HUGETLBFS_MAGIC)
		return (READ_ONCE(HUGETLBFS_I(inode)->seals) & wanted) == wanted;
#endif
	return false;
}

/*
 * The file of a region that is one shared mapping. A VMM that maps something else there
 * while this goes on deceives its own providers alone.
 */
static void find_file(struct region *region)
{
	const unsigned long flags = VM_SHARED | VM_MAYWRITE;
	struct vm_area_struct *vma;

	mmap_read_lock(region->mm);
	vma = vma_lookup(region->mm, region->address);
	if (vma && vma->vm_file && (vma->vm_flags & flags) == flags &&
	    vma->vm_end - region->address >= region->pages << PAGE_SHIFT &&
	    is_sealed(vma->vm_file)) {
		region->file = get_file(vma->vm_file);
		region->offset =
			((u64)vma->vm_pgoff << PAGE_SHIFT) + (region->address - vma->vm_start);
	}
	mmap_read_unlock(region->mm);
}

static void free_region(struct region *region)
{
	if (region->file)
		fput(region->file);
	unpin(region);
	account_locked_vm(region->mm, region->pages, false);
	mmdrop(region->mm);
	kfree(region);
}

static bool overlaps(const struct region *region, u64 gfn, u64 pages)
{
	return gfn < region->gfn + region->pages && region->gfn < gfn + pages;
}

static struct region *find_overlap(struct mshv_partition *partition, u64 gfn, u64 pages)
{
	struct region *region;

	list_for_each_entry(region, &partition->memory.regions, list) {
		if (overlaps(region, gfn, pages))
			return region;
	}
	return NULL;
}

/* Among the others, by address. The lock of the regions is held for writing. */
static void enter(struct partition_memory *memory, struct region *region)
{
	struct list_head *next = &memory->regions;
	struct region *other;

	list_for_each_entry(other, &memory->regions, list) {
		if (other->gfn > region->gfn) {
			next = &other->list;
			break;
		}
	}
	list_add_tail(&region->list, next);
}

static struct region *new_region(const struct mshv_user_mem_region *user)
{
	struct region *region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);

	if (!region)
		return NULL;
	region->gfn = user->guest_pfn;
	region->pages = user->size / PAGE_SIZE;
	region->address = user->userspace_addr;
	region->map_flags = HV_MAP_GPA_READABLE | HV_MAP_GPA_ADJUSTABLE;
	if (user->flags & 1u << MSHV_SET_MEM_BIT_WRITABLE)
		region->map_flags |= HV_MAP_GPA_WRITABLE;
	if (user->flags & 1u << MSHV_SET_MEM_BIT_EXECUTABLE)
		region->map_flags |= HV_MAP_GPA_EXECUTABLE;
	region->mm = current->mm;
	return region;
}

static long map_region(struct mshv_partition *partition, const struct mshv_user_mem_region *user)
{
	struct partition_memory *memory = &partition->memory;
	struct region *region;
	int error;

	if (find_overlap(partition, user->guest_pfn, user->size / PAGE_SIZE))
		return -EEXIST;
	region = new_region(user);
	if (!region)
		return -ENOMEM;
	error = account_locked_vm(region->mm, region->pages, true);
	if (error) {
		kfree(region);
		return error;
	}
	mmgrab(region->mm);
	find_file(region);
	error = pin(region);
	if (!error)
		error = map(partition, region);
	if (!region->mapped) {
		free_region(region);
		return error;
	}
	/* Also if that failed and hv could not undo it. */
	down_write(&memory->regions_lock);
	enter(memory, region);
	up_write(&memory->regions_lock);
	return error;
}

/* VMMs unmap what is not mapped any more: that is no error. */
static long unmap_region(struct mshv_partition *partition, const struct mshv_user_mem_region *user)
{
	struct region *region = find_overlap(partition, user->guest_pfn, user->size / PAGE_SIZE);
	struct hv_input_unmap_gpa_pages *input;
	int error;

	if (!region)
		return 0;
	if (region->gfn != user->guest_pfn || region->pages != user->size / PAGE_SIZE ||
	    region->address != user->userspace_addr)
		return -EINVAL;
	input = (void *)__get_free_page(GFP_KERNEL);
	if (!input)
		return -ENOMEM;
	down_write(&partition->memory.regions_lock);
	list_del(&region->list);
	up_write(&partition->memory.regions_lock);
	/* Nobody finds it any more: the mappings that there are go, then hv's. */
	mullion_attached_unmap(partition, region->gfn, region->pages);
	error = unmap(partition, region, region->pages, input);
	free_page((unsigned long)input);
	if (error) {
		down_write(&partition->memory.regions_lock);
		enter(&partition->memory, region);
		up_write(&partition->memory.regions_lock);
		return error;
	}
	free_region(region);
	return 0;
}

long mullion_memory_set(struct mshv_partition *partition, const struct mshv_user_mem_region *user)
{
	u64 end;
	long result;

	if (!user->size || !PAGE_ALIGNED(user->size) || !PAGE_ALIGNED(user->userspace_addr) ||
	    user->flags & ~MSHV_SET_MEM_FLAGS_MASK ||
	    memchr_inv(user->rsvd, 0, sizeof(user->rsvd)) ||
	    check_add_overflow(user->guest_pfn, user->size / PAGE_SIZE, &end) ||
	    end > 1ull << (BITS_PER_LONG_LONG - PAGE_SHIFT) ||
	    check_add_overflow(user->userspace_addr, user->size, &end))
		return -EINVAL;
	if (mutex_lock_killable(&partition->memory.lock))
		return -EINTR;
	if (user->flags & 1u << MSHV_SET_MEM_BIT_UNMAP)
		result = unmap_region(partition, user);
	else
		result = map_region(partition, user);
	mutex_unlock(&partition->memory.lock);
	return result;
}

void mullion_memory_release(struct mshv_partition *partition)
{
	struct partition_memory *memory = &partition->memory;
	struct region *region, *next;
	LIST_HEAD(regions);

	down_write(&memory->regions_lock);
	list_splice_init(&memory->regions, &regions);
	up_write(&memory->regions_lock);
	list_for_each_entry_safe(region, next, &regions, list)
	{
		mullion_attached_unmap(partition, region->gfn, region->pages);
		free_region(region);
	}
}

bool mullion_memory_has(struct mshv_partition *partition, u64 gfn, u64 count, bool *writable)
{
	u64 at = gfn, end = gfn + count;
	struct region *region;
	bool write = true;

	down_read(&partition->memory.regions_lock);
	list_for_each_entry(region, &partition->memory.regions, list) {
		if (at < region->gfn || at >= end)
			break;
		if (at >= region->gfn + region->pages)
			continue;
		at = region->gfn + region->pages;
		write = write && region->map_flags & HV_MAP_GPA_WRITABLE;
	}
	up_read(&partition->memory.regions_lock);
	*writable = write;
	return at >= end;
}

u32 mullion_memory_ranges(struct mshv_partition *partition, struct mullion_range *ranges, u32 room)
{
	struct region *region;
	u64 end = 0; /* of the range before, in pages */
	u32 count = 0;

	down_read(&partition->memory.regions_lock);
	list_for_each_entry(region, &partition->memory.regions, list) {
		if (!(region->map_flags & HV_MAP_GPA_WRITABLE))
			continue;
		if (!count || region->gfn != end) {
			if (count < room)
				ranges[count] =
					(struct mullion_range){ .gpa = region->gfn << PAGE_SHIFT };
			count++;
		}
		if (count <= room)
			ranges[count - 1].size += region->pages << PAGE_SHIFT;
		end = region->gfn + region->pages;
	}
	up_read(&partition->memory.regions_lock);
	return count;
}

struct file *mullion_memory_file(struct mshv_partition *partition, struct mullion_memory_file *args)
{
	struct file *file = ERR_PTR(-EFAULT);
	struct region *region;

	down_read(&partition->memory.regions_lock);
	region = find_overlap(partition, args->gpa >> PAGE_SHIFT, 1);
	if (region && !(region->map_flags & HV_MAP_GPA_WRITABLE)) {
		file = ERR_PTR(-EACCES);
	} else if (region && !region->file) {
		file = ERR_PTR(-EOPNOTSUPP);
	} else if (region) {
		file = get_file(region->file);
		args->gpa = region->gfn << PAGE_SHIFT;
		args->size = region->pages << PAGE_SHIFT;
		args->offset = region->offset;
	}
	up_read(&partition->memory.regions_lock);
	return file;
}

vm_fault_t mullion_memory_fault(struct mshv_partition *partition, u64 gfn, struct vm_fault *fault,
				vm_fault_t (*insert)(struct vm_fault *fault, unsigned long pfn))
{
	vm_fault_t result = VM_FAULT_SIGBUS;
	const struct run *run;
	struct region *region;

	down_read(&partition->memory.regions_lock);
	region = find_overlap(partition, gfn, 1);
	if (region) {
		run = find_run(region, gfn - region->gfn);
		result = insert(fault, run->pfn + (gfn - region->gfn - run->first));
	}
	up_read(&partition->memory.regions_lock);
	return result;
}
