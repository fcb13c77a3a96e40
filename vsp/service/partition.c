/* SPDX-License-Identifier: GPL-2.0-only */
/* See partition.h. */
#include "partition.h"

#include <errno.h>
#include <linux/types.h> /* before <mullion/parent.h>, which has them too */
#include <mullion/uapi.h>
#include <sys/ioctl.h>

#include "attached.h"

bool partition_error(struct error *error, int number)
{
	switch (number) {
	case ENOTTY:
	case EINVAL:
		return error_set(error, ERROR_CONFIG, "partition_fd: not an attached partition");
	case ENODEV:
		return error_set(error, ERROR_FAILED, "the partition has ended");
	default:
		return error_errno(error, number, "partition");
	}
}

bool partition_check(int fd, struct error *error)
{
	__u64 time;

	return ioctl(fd, MULLION_IOC_REFERENCE_TIME, &time) == 0 || partition_error(error, errno);
}

struct guest *partition_guest(int fd, bool pinnable, struct error *error)
{
	struct guest *guest = attached_guest(fd, pinnable);

	if (!guest)
		partition_error(error, errno);
	return guest;
}
