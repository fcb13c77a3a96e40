/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints what hv's account of memory says, in pages of 4 KiB: what the parent has
 * donated, what of it is in children's pools and what of its own memory they have
 * mapped, then a line for each child. Runs in the parent.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <mullion/uapi.h>

static void print(const struct mullion_partition_info *info)
{
	if (info->id == 0)
		printf("donated: %" PRIu64 ", deposited %" PRIu64 "\nmapped: %" PRIu64 "\n",
		       (uint64_t)info->pool_pages, (uint64_t)(info->pool_pages - info->pool_free),
		       (uint64_t)info->mapped_pages);
	else
		printf("child %s: pool %" PRIu64 ", mapped %" PRIu64 "\n", info->name,
		       (uint64_t)info->pool_pages, (uint64_t)info->mapped_pages);
}

int main(void)
{
	struct mullion_partition_query query = { .id = 0 };
	int device = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0) {
		perror(MULLION_DEVICE);
		return 1;
	}
	while (ioctl(device, MULLION_IOC_PARTITION, &query) == 0) {
		print(&query.info);
		query.id = query.info.id + 1;
	}
	return 0;
}
