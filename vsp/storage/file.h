/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk in a file or on a block device, by io_uring. */
#ifndef VSP_STORAGE_FILE_H
#define VSP_STORAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct bounce;
struct uring;

struct file_options {
	int fd; /* the backend's to close once there is one */
	bool read_only;
	bool direct; /* O_DIRECT, by buffers of the pool */
	uint32_t block; /* bytes: all offsets and lengths are multiples */
	struct uring *uring;
	struct bounce *bounce;
};

/* NULL with errno set: see storage_add_disk(). *why: a sentence's end, or NULL. */
struct backend *file_new(const struct file_options *options, const char **why);

#endif
