/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What draws: a table of functions over virglrenderer (renderer-virgl.c), or for tests over
 * nothing. Ids are the guest's and were checked: contexts and resources exist, pages are
 * the guest's memory. What is inside of commands and boxes was not.
 *
 * One thread. Results are 0 or an errno.
 */
#ifndef VSP_GPU_RENDERER_H
#define VSP_GPU_RENDERER_H

#include <linux/types.h>
#include <mullion/gpu.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct event_base;
struct renderer;

/* A fence is done, and with it all before it of the same context and ring. */
struct renderer_fence {
	uint32_t context, ring;
	uint64_t id;
};

/* What the renderer tells, on the loop's thread and never from within a call. */
struct renderer_listener {
	void (*done)(void *context, const struct renderer_fence *fences, unsigned int count);
	void *context;
};

/* Fences that it may owe at a time. */
#define RENDERER_FENCES_MAX 1024u

struct renderer_ops {
	/* Returns how many there are, at most MULLION_GPU_CAPSETS_MAX. */
	unsigned int (*capsets)(struct renderer *renderer, struct mullion_gpu_capset_info *infos);
	/* to has the size that capsets() told. */
	void (*fill_capset)(struct renderer *renderer, uint32_t capset, uint32_t version, void *to);
	int (*context_create)(struct renderer *renderer, uint32_t context, uint32_t capset,
			      const char *name);
	/* Its fences are not done any more. */
	void (*context_destroy)(struct renderer *renderer, uint32_t context);
	void (*attach)(struct renderer *renderer, uint32_t context, uint32_t resource);
	void (*detach)(struct renderer *renderer, uint32_t context, uint32_t resource);
	int (*create)(struct renderer *renderer, const struct mullion_gpu_resource_create *create);
	/* A dma-buf of that many bytes as a resource that contexts attach; fd stays the caller's.
	 * as: enum mullion_gpu_share_as. */
	int (*import)(struct renderer *renderer, uint32_t resource, uint32_t as, int fd,
		      uint64_t size);
	/* It has no pages any more. */
	void (*destroy)(struct renderer *renderer, uint32_t resource);
	/* The pieces stay the caller's and where they are until drop_pages(). */
	int (*give_pages)(struct renderer *renderer, uint32_t resource, struct iovec *pieces,
			  int count);
	void (*drop_pages)(struct renderer *renderer, uint32_t resource);
	/* Between a resource and its pages; to: pages to resource. */
	int (*transfer)(struct renderer *renderer, bool to,
			const struct mullion_gpu_transfer *transfer);
	/* Words of 4 bytes, 8-byte aligned, that nobody changes meanwhile. */
	int (*submit)(struct renderer *renderer, uint32_t context, const void *words,
		      uint32_t count);
	/* ids go up from one call to the next. Context 0: transfers of context 0. Contexts of
	 * capsets 1 and 2, and context 0, have but ring 0. */
	int (*fence)(struct renderer *renderer, uint32_t context, uint32_t ring, uint64_t id);
	/* Pixels of level 0 as the resource has them, lines of stride bytes. */
	int (*read)(struct renderer *renderer, uint32_t resource, uint32_t x, uint32_t y,
		    uint32_t width, uint32_t height, void *to, uint32_t stride);
	/* Why the last call failed, for people; "": not known. */
	const char *(*why)(struct renderer *renderer);
	void (*free)(struct renderer *renderer);
};

struct renderer {
	const struct renderer_ops *ops;
	struct renderer_listener listener; /* of whoever uses it */
	/* For people. */
	char name[128], gl_version[128], library[32];
	bool software; /* it draws on the CPU */
	bool imports; /* import() can be called */
};

/*
 * virglrenderer, once in a process. render_fd: a DRM render node, duplicated; -1: Mesa draws
 * on the CPU. imports: guests' pages can be had as dma-bufs, which Vulkan needs. seconds:
 * after which a call that does not come back ends the process. NULL: why says it in one line.
 */
struct renderer *renderer_virgl(struct event_base *base, int render_fd, bool imports,
				unsigned int seconds, char why[160]);

#endif
