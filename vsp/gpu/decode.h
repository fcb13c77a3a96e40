/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A message of the guest: is it one of mullion/gpu.h? Looks at its form alone: sizes,
 * flags, ranges of numbers, reserved fields; not at whether what it names is there. Pure.
 */
#ifndef VSP_GPU_DECODE_H
#define VSP_GPU_DECODE_H

#include <linux/types.h>
#include <mullion/gpu.h>
#include <stdbool.h>
#include <stdint.h>

/* The bytes stay the caller's, who keeps them as they are. */
struct message {
	bool has_header; /* the header is sound, whatever the rest */
	struct mullion_gpu_header header;
	union {
		const void *bytes;
		const struct mullion_gpu_hello *hello;
		const struct mullion_gpu_get_capset *get_capset;
		const struct mullion_gpu_context_create *context_create;
		const struct mullion_gpu_name *name;
		const struct mullion_gpu_plain_create *plain_create;
		const struct mullion_gpu_resource_create *resource_create;
		const struct mullion_gpu_share *share;
		const struct mullion_gpu_pages *pages;
		const struct mullion_gpu_transfer *transfer;
		const struct mullion_gpu_submit_pages *submit_pages;
		const struct mullion_gpu_scanout *scanout;
		const struct mullion_gpu_flush *flush;
		const struct mullion_gpu_cursor *cursor;
	};
	const uint32_t *commands; /* of SUBMIT */
	uint32_t command_count;
};

/* bytes: a packet's payload, 8-byte aligned; size: a multiple of 8. NULL: it is one. Else
 * what is wrong, in a few words. */
const char *decode_message(const void *bytes, uint32_t size, struct message *message);

/* As "TRANSFER_TO"; "?" for what is no type of the guest's. */
const char *decode_name(uint32_t type);

/* Pages that a resource may have: 4 GiB. */
#define DECODE_PAGES_MAX (1u << 20)

#endif
