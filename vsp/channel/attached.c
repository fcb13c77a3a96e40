/* SPDX-License-Identifier: GPL-2.0-only */
#include "attached.h"

#include <errno.h>
#include <linux/types.h> /* before <mullion/parent.h>, which has them too */
#include <mullion/uapi.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define RANGES_MAX 64u

static struct guest *file_guest(int fd)
{
	struct guest_range range = { 0 };
	struct stat status;

	if (fstat(fd, &status) < 0)
		return NULL;
	if (!S_ISREG(status.st_mode)) {
		errno = ENOTTY;
		return NULL;
	}
	range.size = (uint64_t)status.st_size & ~(uint64_t)4095;
	return guest_new(fd, &range, 1);
}

struct guest *attached_guest(int fd)
{
	struct mullion_range there[RANGES_MAX];
	struct mullion_memory memory = { .count = RANGES_MAX, .ranges = (__u64)(uintptr_t)there };
	struct guest_range ranges[RANGES_MAX];

	if (ioctl(fd, MULLION_IOC_MEMORY, &memory) < 0)
		return errno == ENOTTY ? file_guest(fd) : NULL;
	for (__u32 i = 0; i < memory.count; i++)
		ranges[i] = (struct guest_range){ .gpa = there[i].gpa, .size = there[i].size };
	return guest_new(fd, ranges, memory.count);
}
