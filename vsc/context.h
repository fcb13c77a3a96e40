/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contexts of the renderer: at most one of an open file, made when it is first needed.
 */
#ifndef MGPU_CONTEXT_H
#define MGPU_CONTEXT_H

#include <linux/mutex.h>
#include <linux/xarray.h>

#include "driver.h"

struct drm_file;
struct mgpu_object;

struct mgpu_context {
	u32 id;
	u32 capset;
	u32 generation;
	bool lost; /* for good; READ_ONCE */
	struct mgpu_rings *rings;
	struct mgpu_dying dying;
};

/* Of an open file. */
struct mgpu_file {
	struct mutex lock; /* context's making, and attached */
	struct mgpu_context *context;
	struct xarray attached; /* resources' ids; told when there is a context */
	bool rings_chosen; /* by CONTEXT_INIT: submissions may name one */
	u64 polled; /* rings whose fences are events */
};

struct mgpu_context_wish {
	u32 capset;
	u32 rings;
	u64 polled;
	bool rings_chosen;
	char name[64];
};

int mgpu_file_open(struct drm_device *drm, struct drm_file *file);
void mgpu_file_close(struct drm_device *drm, struct drm_file *file);

void mgpu_context_name(struct mgpu_context_wish *wish, const char *name);
/* With the file's lock. */
int mgpu_context_make(struct mgpu *gpu, struct mgpu_file *file,
		      const struct mgpu_context_wish *wish);
/* The file's, made if it has none yet; -EIO when it is lost. */
struct mgpu_context *mgpu_context_get(struct mgpu *gpu, struct mgpu_file *file);

/* With the file's lock, before the first command that names it. */
int mgpu_attach(struct mgpu *gpu, struct mgpu_file *file, struct mgpu_object *object);
void mgpu_detach(struct mgpu *gpu, struct mgpu_file *file, struct mgpu_object *object);

/* From the channel's callback. */
void mgpu_context_lost(struct mgpu *gpu, u32 id);
void mgpu_contexts_lost(struct mgpu *gpu, int error);

#endif
