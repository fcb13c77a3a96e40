// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contexts of the renderer, and what is attached to them.
 *
 * A context's slots are given back when hv-gpu has taken its CONTEXT_DESTROY; what it has
 * still under way then counts as done. Ids are not used again soon: CONTEXT_LOST of one
 * may be on its way when it goes.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include <drm/drm_file.h>

#include "context.h"
#include "object.h"

static void context_free(struct mgpu_context *context)
{
	mgpu_rings_put(context->rings);
	kfree(context);
}

/* hv-gpu has it no more. */
static void context_end(struct mgpu *gpu, struct mgpu_dying *dying)
{
	struct mgpu_context *context = container_of(dying, struct mgpu_context, dying);

	mgpu_rings_lose(context->rings, 0);
	mgpu_lock_any(gpu);
	mgpu_rings_free_slots(context->rings);
	mgpu_unlock(gpu);
	context_free(context);
}

static struct mgpu_context *context_new(struct mgpu *gpu, const struct mgpu_context_wish *wish)
{
	struct mgpu_context *context = kzalloc(sizeof(*context), GFP_KERNEL);
	bool in_order = wish->capset <= 2;
	int error;

	if (!context)
		return ERR_PTR(-ENOMEM);
	context->capset = wish->capset;
	mgpu_lock_any(gpu);
	context->rings = mgpu_rings_new(gpu->shared, wish->rings, in_order);
	mgpu_unlock(gpu);
	if (!context->rings) {
		kfree(context);
		return ERR_PTR(-ENOMEM);
	}
	xa_lock_bh(&gpu->contexts);
	error = __xa_alloc_cyclic(&gpu->contexts, &context->id, context, xa_limit_32b,
				  &gpu->context_next, GFP_KERNEL);
	xa_unlock_bh(&gpu->contexts);
	if (error >= 0)
		return context;
	mgpu_lock_any(gpu);
	mgpu_rings_free_slots(context->rings);
	mgpu_unlock(gpu);
	context_free(context);
	return ERR_PTR(error);
}

static int send_create(struct mgpu *gpu, struct mgpu_context *context,
		       const struct mgpu_context_wish *wish)
{
	struct mullion_gpu_context_create *message;

	message = mgpu_message(gpu, MULLION_GPU_CONTEXT_CREATE, context->id, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->capset = wish->capset;
	message->rings = wish->rings;
	message->slot = context->rings->slot;
	strscpy(message->name, wish->name, sizeof(message->name));
	mgpu_send(gpu);
	context->generation = gpu->generation;
	return 0;
}

static int send_name(struct mgpu *gpu, u16 type, u32 context, u32 resource)
{
	struct mullion_gpu_name *message = mgpu_message(gpu, type, context, sizeof(*message));

	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = resource;
	mgpu_send(gpu);
	return 0;
}

static u64 send_destroy(struct mgpu *gpu, struct mgpu_context *context)
{
	struct mullion_gpu_header *message;

	message = mgpu_message(gpu, MULLION_GPU_CONTEXT_DESTROY, context->id, sizeof(*message));
	if (IS_ERR(message))
		return U64_MAX;
	mgpu_send(gpu);
	return mgpu_send_marker(gpu);
}

static void context_destroy(struct mgpu *gpu, struct mgpu_context *context)
{
	bool later = false;

	xa_erase_bh(&gpu->contexts, context->id);
	mgpu_lock_any(gpu);
	if (context->generation == gpu->generation && mgpu_ready(gpu)) {
		mgpu_reap_later(gpu, &context->dying, send_destroy(gpu, context));
		later = true;
	}
	mgpu_unlock(gpu);
	if (later)
		mgpu_reap(gpu);
	else
		context_end(gpu, &context->dying);
}

/* What the file has imported before it had a context. */
static int attach_all(struct mgpu *gpu, struct mgpu_file *file, struct mgpu_context *context)
{
	unsigned long id;
	void *entry;
	int error = 0;

	xa_for_each(&file->attached, id, entry)
	{
		error = send_name(gpu, MULLION_GPU_ATTACH, context->id, id);
		if (error)
			break;
	}
	return error;
}

int mgpu_context_make(struct mgpu *gpu, struct mgpu_file *file,
		      const struct mgpu_context_wish *wish)
{
	struct mgpu_context *context;
	int error;

	lockdep_assert_held(&file->lock);
	if (file->context)
		return -EEXIST;
	mgpu_reap(gpu);
	context = context_new(gpu, wish);
	if (IS_ERR(context))
		return PTR_ERR(context);
	context->dying.end = context_end;
	error = mgpu_lock(gpu, MGPU_INTERRUPTIBLE);
	if (!error) {
		error = send_create(gpu, context, wish);
		if (!error)
			error = attach_all(gpu, file, context);
		mgpu_unlock(gpu);
	}
	if (error) {
		context_destroy(gpu, context);
		return error;
	}
	file->polled = wish->polled;
	file->rings_chosen = wish->rings_chosen;
	WRITE_ONCE(file->context, context);
	return 0;
}

void mgpu_context_name(struct mgpu_context_wish *wish, const char *name)
{
	strscpy(wish->name, name, sizeof(wish->name));
	/* It goes to logs of the parent's. */
	for (char *c = wish->name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* virgl, the newest there is, as files have it that know of no CONTEXT_INIT. */
static int make_default(struct mgpu *gpu, struct mgpu_file *file)
{
	struct mgpu_context_wish wish = { .rings = 1 };
	u64 mask = mgpu_capset_mask(gpu);

	if (mask & BIT(2))
		wish.capset = 2;
	else if (mask & BIT(1))
		wish.capset = 1;
	else
		return -ENODEV;
	mgpu_context_name(&wish, current->comm);
	return mgpu_context_make(gpu, file, &wish);
}

struct mgpu_context *mgpu_context_get(struct mgpu *gpu, struct mgpu_file *file)
{
	struct mgpu_context *context = READ_ONCE(file->context);
	int error = 0;

	if (!context) {
		if (mutex_lock_interruptible(&file->lock))
			return ERR_PTR(-ERESTARTSYS);
		if (!file->context)
			error = make_default(gpu, file);
		context = file->context;
		mutex_unlock(&file->lock);
	}
	if (error)
		return ERR_PTR(error);
	return READ_ONCE(context->lost) ? ERR_PTR(-EIO) : context;
}

/* ---- attaching ---- */

int mgpu_attach(struct mgpu *gpu, struct mgpu_file *file, struct mgpu_object *object)
{
	struct mgpu_context *context = file->context;
	bool known;
	int error;

	lockdep_assert_held(&file->lock);
	if (xa_load(&file->attached, object->id))
		return 0;
	error = mgpu_object_pin_for_renderer(gpu, object);
	if (error)
		return error;
	error = mgpu_lock(gpu, MGPU_INTERRUPTIBLE);
	if (error)
		return error;
	known = context && !READ_ONCE(context->lost) && context->generation == gpu->generation;
	error = mgpu_object_for_renderer(gpu, object, known ? context->id : 0);
	if (!error && known)
		error = send_name(gpu, MULLION_GPU_ATTACH, context->id, object->id);
	mgpu_unlock(gpu);
	if (error)
		return error;
	return xa_err(xa_store(&file->attached, object->id, xa_mk_value(1), GFP_KERNEL));
}

void mgpu_detach(struct mgpu *gpu, struct mgpu_file *file, struct mgpu_object *object)
{
	struct mgpu_context *context;

	mutex_lock(&file->lock);
	context = file->context;
	if (xa_erase(&file->attached, object->id) && context && !READ_ONCE(context->lost) &&
	    !mgpu_lock(gpu, MGPU_PATIENT)) {
		if (context->generation == gpu->generation)
			send_name(gpu, MULLION_GPU_DETACH, context->id, object->id);
		mgpu_unlock(gpu);
	}
	mutex_unlock(&file->lock);
}

/* ---- losing ---- */

static void lose(struct mgpu_context *context, int error)
{
	WRITE_ONCE(context->lost, true);
	mgpu_rings_lose(context->rings, error);
}

void mgpu_context_lost(struct mgpu *gpu, u32 id)
{
	struct mgpu_context *context;

	xa_lock_bh(&gpu->contexts);
	context = xa_load(&gpu->contexts, id);
	if (context)
		lose(context, -EIO);
	xa_unlock_bh(&gpu->contexts);
}

void mgpu_contexts_lost(struct mgpu *gpu, int error)
{
	struct mgpu_context *context;
	unsigned long id;

	xa_lock_bh(&gpu->contexts);
	xa_for_each(&gpu->contexts, id, context) lose(context, error);
	xa_unlock_bh(&gpu->contexts);
}

/* ---- files ---- */

int mgpu_file_open(struct drm_device *drm, struct drm_file *file)
{
	struct mgpu_file *own = kzalloc(sizeof(*own), GFP_KERNEL);

	if (!own)
		return -ENOMEM;
	mutex_init(&own->lock);
	xa_init(&own->attached);
	file->driver_priv = own;
	return 0;
}

/* Its handles are closed by now. */
void mgpu_file_close(struct drm_device *drm, struct drm_file *file)
{
	struct mgpu_file *own = file->driver_priv;

	if (own->context)
		context_destroy(to_mgpu(drm), own->context);
	xa_destroy(&own->attached);
	mutex_destroy(&own->lock);
	kfree(own);
}
