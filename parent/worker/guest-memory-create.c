/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking guest memory: a memfd, mapped on a boundary of 2 MiB so that the kernel
 * can use large pages for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-memory.h"

/* Kibibytes that /proc/meminfo tells under name, or -1. */
static long long meminfo(const char *name)
{
	size_t length = strlen(name);
	long long value = -1;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			value = strtoll(line + length + 1, NULL, 10);
	fclose(file);
	return value;
}

/*
 * The partition pins all of its memory when it is made: what is not there now
 * would end as an out-of-memory kill of somebody.
 */
static bool enough(uint64_t size, bool hugepages, struct error *error)
{
	long long total = meminfo("MemTotal"), available = meminfo("MemAvailable");
	long long huge = meminfo("HugePages_Free");
	unsigned long long want = size >> 20;

	if (total >= 0 && size >> 10 > (uint64_t)total)
		return error_set(error, ERROR_CONFIG,
				 "%llu MiB of memory: this machine has %lld MiB", want,
				 total >> 10);
	if (hugepages && huge >= 0 && size / RAM_UNIT > (uint64_t)huge)
		return error_set(error, ERROR_RESOURCES,
				 "%llu MiB of memory in huge pages: %lld MiB of them are free "
				 "(vm.nr_hugepages)",
				 want, huge * 2);
	if (!hugepages && available >= 0 && size >> 10 > (uint64_t)available)
		return error_set(error, ERROR_RESOURCES,
				 "%llu MiB of memory: %lld MiB are available", want,
				 available >> 10);
	return true;
}

/* Maps the file at a multiple of RAM_UNIT. */
static bool map(struct ram *ram, uint64_t size, struct error *error)
{
	uint8_t *space, *aligned;

	space = mmap(NULL, size + RAM_UNIT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		     -1, 0);
	if (space == MAP_FAILED)
		return error_errno(error, errno, "guest memory: no room for %llu MiB",
				   (unsigned long long)size >> 20);
	aligned = (uint8_t *)(((uintptr_t)space + RAM_UNIT - 1) & ~(RAM_UNIT - 1));
	if (mmap(aligned, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ram->fd, 0) ==
	    MAP_FAILED) {
		error_fill_errno(error, errno, "guest memory: cannot map %llu MiB",
				 (unsigned long long)size >> 20);
		munmap(space, size + RAM_UNIT);
		return false;
	}
	if (aligned > space)
		munmap(space, (size_t)(aligned - space));
	if (aligned < space + RAM_UNIT)
		munmap(aligned + size, (size_t)(space + RAM_UNIT - aligned));
	ram->bytes = aligned;
	return true;
}

bool ram_create(struct ram *ram, uint64_t size, uint64_t vram, bool hugepages, struct error *error)
{
	uint64_t all = size + vram;
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING |
			 (hugepages ? MFD_HUGETLB | MFD_HUGE_2MB : 0);

	*ram = (struct ram){ .fd = -1 };
	if (!size || size % RAM_UNIT || vram % RAM_UNIT || all < size)
		return error_set(error, ERROR_CONFIG,
				 "%llu bytes of memory: not a multiple of 2 MiB",
				 (unsigned long long)size);
	if (!enough(all, hugepages, error))
		return false;
	ram->fd = memfd_create("guest", flags);
	if (ram->fd < 0)
		return error_errno(error, errno, "guest memory");
	/* Sealed: then mullion_root gives it to the service providers. */
	if (ftruncate(ram->fd, (off_t)all) < 0 ||
	    fcntl(ram->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		error_fill_errno(error, errno, "guest memory: %llu MiB",
				 (unsigned long long)all >> 20);
		ram_destroy(ram);
		return false;
	}
	if (!map(ram, all, error)) {
		ram_destroy(ram);
		return false;
	}
	ram_layout(ram, size, vram);
	/* Advice only: without large pages it is slower, not wrong. A core dump of
	 * the worker does not hold the guest's secrets. */
	if (!hugepages)
		madvise(ram->bytes, all, MADV_HUGEPAGE);
	madvise(ram->bytes, all, MADV_DONTDUMP);
	return true;
}

bool ram_clear(struct ram *ram, struct error *error)
{
	if (fallocate(ram->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      (off_t)ram_size(ram)) == 0)
		return true;
	return error_errno(error, errno, "guest memory: cannot clear it");
}

void ram_destroy(struct ram *ram)
{
	if (ram->bytes)
		munmap(ram->bytes, ram_size(ram));
	if (ram->fd >= 0)
		close(ram->fd);
	*ram = (struct ram){ .fd = -1 };
}
