/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before hv-vsp's host and this test: a partition that is none. Its file is one
 * end of a socket pair, its memory a memory file, and its calls are counted and kept for
 * the guest to look at.
 */
#ifndef HOST_FAKE_H
#define HOST_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define FAKE_POSTS 256u
#define FAKE_PORTS 128u

struct fake_post {
	uint32_t vp, size;
	uint8_t bytes[240] __attribute__((aligned(8)));
};

struct fake_port {
	uint32_t connection, type;
	int eventfd; /* a duplicate; -1: free */
};

struct fake_signal {
	uint32_t vp, flag;
	int eventfd; /* a duplicate; -1: free */
};

struct fake {
	int file, other; /* the partition's, and what ends it when it is closed */
	int memory;
	bool gone;
	uint32_t fail; /* a call (its number) that fails with EIO; 0: none */

	struct fake_post posts[FAKE_POSTS]; /* to the guest */
	uint32_t post_count, post_room; /* EAGAIN with so many */
	struct fake_post messages[FAKE_POSTS]; /* from the guest; vp is the connection */
	uint32_t message_count;
	uint32_t endless; /* so many times a message stays there when it is read */

	struct fake_port ports[FAKE_PORTS];
	struct fake_signal signals[FAKE_PORTS];
};

extern struct fake fake;

void fake_new(size_t memory);
/* Checks that nothing is bound any more. */
void fake_end(void);
/* The partition ends. */
void fake_gone(void);
/* The guest posts. */
void fake_message(uint32_t connection, uint32_t type, const void *bytes, uint32_t size);
struct fake_port *fake_find_port(uint32_t connection);
struct fake_signal *fake_find_signal(uint32_t flag);
unsigned int fake_bound(void);

int fake_ioctl(int fd, unsigned long call, void *argument);
void *fake_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

#define ioctl fake_ioctl
#define mmap fake_mmap

#endif
