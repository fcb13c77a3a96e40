/* SPDX-License-Identifier: GPL-2.0-only */
/* See lock.h. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define TRY_NS 10000000

static int try_lock(int fd, bool read_only)
{
	/* All of it, however long it becomes. */
	struct flock lock = { .l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? EBUSY : errno;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The kernel could tell when the lock is free only to one who sleeps in the call, without
 * an end. */
int lock_file(int fd, bool read_only, uint64_t until, void (*waiting)(void *context), void *context)
{
	static const struct timespec pause = { .tv_nsec = TRY_NS };
	int error = try_lock(fd, read_only);

	if (error == EBUSY && until && waiting)
		waiting(context);
	while (error == EBUSY && until && now() < until) {
		nanosleep(&pause, NULL);
		error = try_lock(fd, read_only);
	}
	return error;
}
