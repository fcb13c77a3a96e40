/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lock of a disk's file: one that writes has it alone, those that only read share it.
 *
 * It is the open file's (F_OFD_SETLK), not the process's. A process that is killed leaves
 * requests in the kernel's hands, and writes past the page cache go on; each of them holds
 * the open file, and with it the lock, until it is done. So whoever opens the file anew and
 * gets the lock comes after all of them. Other VMMs lock ranges of their images in the same
 * way: they are kept out too.
 */
#ifndef VSP_STORAGE_LOCK_H
#define VSP_STORAGE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Locks the file, and waits for others until a time of CLOCK_MONOTONIC in ns; 0: does not
 * wait. waiting, if not NULL, is called once before it does.
 *
 * 0, or a positive errno: EBUSY another one has it still. What cannot be locked is so: a
 * file system without locks (ENOLCK), a file that is not open for what the disk needs.
 */
int lock_file(int fd, bool read_only, uint64_t until, void (*waiting)(void *context),
	      void *context);

#endif
