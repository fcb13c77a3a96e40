/* SPDX-License-Identifier: GPL-2.0-only */
#include "attached.h"

#include <errno.h>
#include <linux/types.h> /* before <mullion/parent.h>, which has them too */
#include <mullion/uapi.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANGES_MAX 64u

static struct guest *file_guest(int fd, bool pinnable)
{
	struct guest_range range = { 0 };
	struct guest *guest;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return NULL;
	if (!S_ISREG(status.st_mode)) {
		errno = ENOTTY;
		return NULL;
	}
	range.size = (uint64_t)status.st_size & ~(uint64_t)4095;
	guest = guest_new(fd, &range, 1);
	if (guest && pinnable)
		guest_use_file(guest, 0, fd, 0);
	return guest;
}

/* One region of the VMM has to have all of the range. */
static void use_file(struct guest *guest, int fd, unsigned int i, const struct guest_range *range)
{
	struct mullion_memory_file args = { .gpa = range->gpa };
	uint64_t in;

	if (ioctl(fd, MULLION_IOC_MEMORY_FILE, &args) < 0)
		return;
	in = range->gpa - args.gpa;
	if (args.gpa <= range->gpa && in + range->size <= args.size)
		guest_use_file(guest, i, args.fd, args.offset + in);
	close(args.fd);
}

struct guest *attached_guest(int fd, bool pinnable)
{
	struct mullion_range there[RANGES_MAX];
	struct mullion_memory memory = { .count = RANGES_MAX, .ranges = (__u64)(uintptr_t)there };
	struct guest_range ranges[RANGES_MAX];
	struct guest *guest;

	if (ioctl(fd, MULLION_IOC_MEMORY, &memory) < 0)
		return errno == ENOTTY ? file_guest(fd, pinnable) : NULL;
	for (__u32 i = 0; i < memory.count; i++)
		ranges[i] = (struct guest_range){ .gpa = there[i].gpa, .size = there[i].size };
	guest = guest_new(fd, ranges, memory.count);
	for (__u32 i = 0; guest && pinnable && i < memory.count; i++)
		use_file(guest, fd, i, &ranges[i]);
	return guest;
}
