/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory as a service provider has it: mapped, reached by GPA.
 *
 * The guest reads and writes it at the same time, and it can go away (the partition
 * ends): then pages of zeros stand in its place and guest_is_gone() says so. Whoever
 * reads, copies once and looks at the copy.
 *
 * Descriptors are the caller's business. Any thread may copy.
 */
#ifndef VSP_GUEST_H
#define VSP_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct guest;

/* Some contiguous guest memory. */
struct guest_range {
	uint64_t gpa;
	uint64_t size; /* bytes */
};

/*
 * fd: a file of MULLION_IOC_ATTACH, or for tests any file that holds the memory at
 * offsets that are GPAs; it is duplicated. NULL with errno set: no memory, or nothing
 * to map.
 */
struct guest *guest_new(int fd, const struct guest_range *ranges, unsigned int count);
void guest_free(struct guest *guest); /* guest may be NULL */

/*
 * Has the range mapped from a file of its own, from offset on, in which the same memory
 * lies: one whose pages the kernel can pin, as O_DIRECT wants it. Before anybody has
 * looked at the range. False with errno set: it stays as it was.
 */
bool guest_use_file(struct guest *guest, unsigned int range, int fd, uint64_t offset);
/* All ranges have such a file. */
bool guest_is_pinnable(const struct guest *guest);
/* That file, and where in it the bytes of our mapping from `at` on lie; it stays the guest's.
 * -1: they are not in one range that has one. */
int guest_file(const struct guest *guest, const void *at, size_t size, uint64_t *offset);

/* The bytes of [gpa, gpa + size); NULL where that is not all memory of one range. */
void *guest_at(const struct guest *guest, uint64_t gpa, uint64_t size);

/* False: not all of it is the guest's memory; then nothing was copied. */
bool guest_read(const struct guest *guest, uint64_t gpa, void *to, size_t size);
bool guest_write(const struct guest *guest, uint64_t gpa, const void *from, size_t size);

bool guest_is_gone(const struct guest *guest);

/*
 * Maps the pages (numbers of 4 KiB) one behind the other, and from page `twice` on all
 * once more behind them: a ring's header page and its data, twice. NULL with errno set:
 * EFAULT where a page is not the guest's. To be given to guest_unmap().
 */
void *guest_map_pages(const struct guest *guest, const uint64_t *pfns, uint32_t count,
		      uint32_t twice);
void guest_unmap_pages(void *map, uint32_t count, uint32_t twice);

/*
 * Memory that a request names: bytes of pages, first offset bytes into pfns[0]. Fills
 * iov with addresses, joined where they adjoin. Returns how many, or -1: not all is the
 * guest's memory, more than max pieces, or fewer pages than length needs.
 */
int guest_iov(const struct guest *guest, const uint64_t *pfns, uint32_t count, uint32_t offset,
	      uint32_t length, struct iovec *iov, int max);

#endif
