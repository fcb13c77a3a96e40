// SPDX-License-Identifier: GPL-2.0-only
/*
 * EXECBUFFER: commands go from the program's memory straight to the ring.
 *
 * In the ring's place faults are off: memory that is not there now, or lies in a buffer
 * whose fault needs a reservation that is held, is copied to a buffer first, and then
 * sent. What is longer than a message is left in such a buffer for hv-gpu to fetch. There
 * is a fence only when one is asked for, or buffers are named that it keeps busy.
 *
 * Fences of contexts whose drawing is in the channel's order are not waited for.
 */
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_syncobj.h>

#include "context.h"
#include "ioctl.h"
#include "object.h"

#define FLAGS \
	(VIRTGPU_EXECBUF_FENCE_FD_IN | VIRTGPU_EXECBUF_FENCE_FD_OUT | VIRTGPU_EXECBUF_RING_IDX)
#define INLINE_MAX (MULLION_GPU_MESSAGE_MAX - sizeof(struct mullion_gpu_header))
#define FEW 16 /* buffers for which nothing is allocated */
#define SYNCOBJS_MAX 1024
#define BUFFERS_MAX 65536

struct out_syncobj {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain; /* of a timeline */
	u64 point;
};

struct submission {
	struct mgpu *gpu;
	struct mgpu_context *context;
	struct drm_file *file;
	struct mgpu_execbuffer *args;
	struct mgpu_timeline *timeline;

	struct drm_gem_object *few[FEW];
	struct drm_gem_object **buffers;
	u32 buffer_count;

	struct drm_syncobj **resets; /* of what is waited for, those to be emptied */
	u32 reset_count;
	struct out_syncobj *outs;
	u32 out_count;

	struct mgpu_fence *fence;
	struct fence_event *event;
	struct sync_file *sync_file;
	int fd;
	void *copy; /* the commands, when they could not go straight */
};

/* ---- in-fences ---- */

static int wait_for_one(struct submission *s, struct dma_fence *fence)
{
	if (fence->context == s->timeline->dma_context ||
	    (s->context->rings->in_order && mgpu_fence_in_order(s->gpu->shared, fence)))
		return 0;
	return dma_fence_wait(fence, true);
}

static int wait_for(struct submission *s, struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *one;
	int error;

	dma_fence_unwrap_for_each(one, &cursor, fence)
	{
		error = wait_for_one(s, one);
		if (error) {
			dma_fence_put(cursor.chain);
			return error;
		}
	}
	return 0;
}

static int wait_for_fd(struct submission *s, int fd)
{
	struct dma_fence *fence = sync_file_get_fence(fd);
	int error;

	if (!fence)
		return -EINVAL;
	error = wait_for(s, fence);
	dma_fence_put(fence);
	return error;
}

static int get_syncobj(struct submission *s, u64 list, u32 number, struct mgpu_syncobj *to)
{
	u32 stride = s->args->syncobj_stride;

	memset(to, 0, sizeof(*to));
	if (copy_from_user(to, u64_to_user_ptr(list + (u64)number * stride),
			   min_t(size_t, stride, sizeof(*to))))
		return -EFAULT;
	return 0;
}

static int wait_for_syncobj(struct submission *s, u32 number)
{
	struct dma_fence *fence;
	struct mgpu_syncobj in;
	int error = get_syncobj(s, s->args->in_syncobjs, number, &in);

	if (error)
		return error;
	if (in.flags & ~VIRTGPU_EXECBUF_SYNCOBJ_RESET)
		return -EINVAL;
	error = drm_syncobj_find_fence(s->file, in.handle, in.point, 0, &fence);
	if (error)
		return error;
	error = wait_for(s, fence);
	dma_fence_put(fence);
	if (error || !(in.flags & VIRTGPU_EXECBUF_SYNCOBJ_RESET))
		return error;
	s->resets[s->reset_count] = drm_syncobj_find(s->file, in.handle);
	if (!s->resets[s->reset_count])
		return -EINVAL;
	s->reset_count++;
	return 0;
}

static int wait_for_syncobjs(struct submission *s)
{
	u32 count = s->args->num_in_syncobjs;
	int error = 0;

	if (!count)
		return 0;
	if (count > SYNCOBJS_MAX)
		return -EINVAL;
	s->resets = kvcalloc(count, sizeof(*s->resets), GFP_KERNEL);
	if (!s->resets)
		return -ENOMEM;
	for (u32 i = 0; i < count && !error; i++)
		error = wait_for_syncobj(s, i);
	return error;
}

/* ---- what comes out ---- */

static int get_out_syncobj(struct submission *s, u32 number)
{
	struct out_syncobj *out = &s->outs[number];
	struct mgpu_syncobj wanted;
	int error = get_syncobj(s, s->args->out_syncobjs, number, &wanted);

	if (error)
		return error;
	if (wanted.flags)
		return -EINVAL;
	out->point = wanted.point;
	out->syncobj = drm_syncobj_find(s->file, wanted.handle);
	if (!out->syncobj)
		return -EINVAL;
	s->out_count++;
	if (!wanted.point)
		return 0;
	out->chain = dma_fence_chain_alloc();
	return out->chain ? 0 : -ENOMEM;
}

static int get_out_syncobjs(struct submission *s)
{
	u32 count = s->args->num_out_syncobjs;
	int error = 0;

	if (!count)
		return 0;
	if (count > SYNCOBJS_MAX)
		return -EINVAL;
	s->outs = kvcalloc(count, sizeof(*s->outs), GFP_KERNEL);
	if (!s->outs)
		return -ENOMEM;
	for (u32 i = 0; i < count && !error; i++)
		error = get_out_syncobj(s, i);
	return error;
}

static void fill_out_syncobjs(struct submission *s)
{
	for (u32 i = 0; i < s->out_count; i++) {
		struct out_syncobj *out = &s->outs[i];

		if (out->chain) {
			drm_syncobj_add_point(out->syncobj, out->chain, &s->fence->base,
					      out->point);
			out->chain = NULL;
		} else {
			drm_syncobj_replace_fence(out->syncobj, &s->fence->base);
		}
	}
}

static bool is_polled(const struct submission *s)
{
	const struct mgpu_file *own = s->file->driver_priv;

	return s->args->flags & VIRTGPU_EXECBUF_RING_IDX &&
	       own->polled & BIT_ULL(s->args->ring_idx);
}

static int make_fence(struct submission *s)
{
	bool out = s->args->flags & VIRTGPU_EXECBUF_FENCE_FD_OUT;
	struct fence_event *event;

	if (!out && !s->out_count && !s->buffer_count && !is_polled(s))
		return 0;
	s->fence = mgpu_fence_new(s->timeline);
	if (!s->fence)
		return -ENOMEM;
	if (is_polled(s)) {
		event = mgpu_fence_event_new(s->gpu->drm, s->file);
		if (IS_ERR(event))
			return PTR_ERR(event);
		s->event = event;
	}
	if (!out)
		return 0;
	s->fd = get_unused_fd_flags(O_CLOEXEC);
	if (s->fd < 0)
		return s->fd;
	s->sync_file = sync_file_create(&s->fence->base);
	return s->sync_file ? 0 : -ENOMEM;
}

/* ---- buffers ---- */

static int find_buffers(struct submission *s)
{
	const u32 __user *handles = u64_to_user_ptr(s->args->bo_handles);
	u32 count = s->args->num_bo_handles, handle;

	if (count > BUFFERS_MAX)
		return -EINVAL;
	s->buffers = s->few;
	if (count > FEW) {
		s->buffers = kvcalloc(count, sizeof(*s->buffers), GFP_KERNEL);
		if (!s->buffers)
			return -ENOMEM;
	}
	for (u32 i = 0; i < count; i++) {
		if (get_user(handle, &handles[i]))
			return -EFAULT;
		s->buffers[i] = drm_gem_object_lookup(s->file, handle);
		if (!s->buffers[i])
			return -ENOENT;
		s->buffer_count++;
	}
	return 0;
}

static int lock_buffers(struct submission *s, struct ww_acquire_ctx *ticket)
{
	int error = 0;

	if (!s->buffer_count)
		return 0;
	if (s->buffer_count == 1)
		error = dma_resv_lock_interruptible(s->buffers[0]->resv, NULL);
	else
		error = drm_gem_lock_reservations(s->buffers, s->buffer_count, ticket);
	return error;
}

static void unlock_buffers(struct submission *s, struct ww_acquire_ctx *ticket)
{
	if (s->buffer_count == 1)
		dma_resv_unlock(s->buffers[0]->resv);
	else if (s->buffer_count)
		drm_gem_unlock_reservations(s->buffers, s->buffer_count, ticket);
}

static int reserve_buffers(struct submission *s)
{
	int error = 0;

	for (u32 i = 0; i < s->buffer_count && !error; i++)
		error = dma_resv_reserve_fences(s->buffers[i]->resv, 1);
	return error;
}

static void fence_buffers(struct submission *s)
{
	for (u32 i = 0; i < s->buffer_count; i++)
		dma_resv_add_fence(s->buffers[i]->resv, &s->fence->base, DMA_RESV_USAGE_WRITE);
}

/* ---- commands ---- */

/* Pages of commands that hv-gpu fetches, until it has. */
struct long_commands {
	struct mgpu_dying dying;
	struct mgpu *gpu;
	void *bytes;
};

static void long_commands_end(struct mgpu *gpu, struct mgpu_dying *dying)
{
	struct long_commands *commands = container_of(dying, struct long_commands, dying);

	kvfree(commands->bytes);
	kfree(commands);
}

static u64 pfn_of(const void *bytes)
{
	const struct page *page = is_vmalloc_addr(bytes) ? vmalloc_to_page(bytes) :
							   virt_to_page(bytes);

	return page_to_pfn(page);
}

/* The commands' pages one behind the other; with to NULL they are counted. */
static u32 fill_runs(const u8 *bytes, u32 size, struct mullion_gpu_run *to)
{
	struct mullion_gpu_run run = {};
	u32 count = 0;

	for (u32 at = 0; at < size; at += PAGE_SIZE) {
		u64 pfn = pfn_of(bytes + at);

		if (run.count && pfn == run.pfn + run.count) {
			run.count++;
		} else {
			run = (struct mullion_gpu_run){ .pfn = pfn, .count = 1 };
			count++;
		}
		if (to)
			to[count - 1] = run;
	}
	return count;
}

static void give_fence(struct submission *s, struct mullion_gpu_header *header)
{
	if (s->fence)
		mgpu_fence_give(s->gpu, s->fence, header);
}

/* The buffer is page-aligned: s->copy of more than a page is. */
static int send_long(struct submission *s, struct long_commands *commands)
{
	u32 size = s->args->size, count = fill_runs(s->copy, size, NULL);
	struct mgpu_timeline *taken = &s->gpu->own->list[MULLION_GPU_RING_TAKEN];
	struct mullion_gpu_submit_pages *message;

	if (struct_size(message, runs, count) > MULLION_GPU_MESSAGE_MAX)
		return -EINVAL;
	message = mgpu_message(s->gpu, MULLION_GPU_SUBMIT_PAGES, s->context->id,
			       struct_size(message, runs, count));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->bytes = size;
	message->count = count;
	message->taken = ++taken->last;
	fill_runs(s->copy, size, message->runs);
	give_fence(s, &message->header);
	commands->bytes = s->copy;
	s->copy = NULL;
	commands->dying.end = long_commands_end;
	mgpu_reap_later(s->gpu, &commands->dying, message->taken);
	s->gpu->statistics.submit_pages++;
	mgpu_send(s->gpu);
	return 0;
}

/* -EFAULT: they are not in memory now. */
static int send_inline(struct submission *s)
{
	u32 size = s->args->size;
	struct mullion_gpu_header *message;
	unsigned long left = 0;

	message = mgpu_message(s->gpu, MULLION_GPU_SUBMIT, s->context->id, sizeof(*message) + size);
	if (IS_ERR(message))
		return PTR_ERR(message);
	if (s->copy) {
		memcpy(message + 1, s->copy, size);
	} else if (size) {
		pagefault_disable();
		left = copy_from_user(message + 1, u64_to_user_ptr(s->args->command), size);
		pagefault_enable();
	}
	if (left)
		return -EFAULT;
	give_fence(s, message);
	mgpu_send(s->gpu);
	return 0;
}

static int send_locked(struct submission *s, struct long_commands *commands)
{
	int error;

	if (s->context->generation != s->gpu->generation || READ_ONCE(s->context->lost))
		return -EIO;
	error = commands ? send_long(s, commands) : send_inline(s);
	if (error)
		return error;
	s->gpu->statistics.submits++;
	s->gpu->statistics.submit_bytes += s->args->size;
	s->gpu->statistics.submit_copies += s->copy || commands;
	return 0;
}

static int send_commands(struct submission *s, struct long_commands *commands)
{
	struct ww_acquire_ctx ticket;
	int error = lock_buffers(s, &ticket);

	if (error)
		return error;
	error = reserve_buffers(s);
	if (!error)
		error = mgpu_lock(s->gpu, MGPU_INTERRUPTIBLE);
	if (!error) {
		error = send_locked(s, commands);
		mgpu_unlock(s->gpu);
	}
	if (!error)
		fence_buffers(s);
	unlock_buffers(s, &ticket);
	return error;
}

/* What goes through a buffer; one that hv-gpu fetches begins with a page. */
static int copy_commands(struct submission *s)
{
	u32 size = s->args->size;

	s->copy = kvmalloc(size > INLINE_MAX ? round_up(size, PAGE_SIZE) : size, GFP_KERNEL);
	if (!s->copy)
		return -ENOMEM;
	return copy_from_user(s->copy, u64_to_user_ptr(s->args->command), size) ? -EFAULT : 0;
}

static int send_long_commands(struct submission *s)
{
	struct long_commands *commands;
	int error = copy_commands(s);

	if (error)
		return error;
	commands = kzalloc(sizeof(*commands), GFP_KERNEL);
	if (!commands)
		return -ENOMEM;
	error = send_commands(s, commands);
	if (error)
		kfree(commands);
	else
		mgpu_reap(s->gpu);
	return error;
}

static int submit(struct submission *s)
{
	int error;

	if (s->args->size > INLINE_MAX)
		return send_long_commands(s);
	error = send_commands(s, NULL);
	if (error != -EFAULT)
		return error;
	error = copy_commands(s);
	return error ?: send_commands(s, NULL);
}

/* ---- the ioctl ---- */

static int check(struct mgpu *gpu, const struct mgpu_file *own, const struct mgpu_execbuffer *args)
{
	if (!mgpu_has(gpu, MULLION_GPU_FEATURE_3D))
		return -ENOSYS;
	if (args->flags & ~FLAGS || args->size % 4 || args->size > MULLION_GPU_SUBMIT_MAX)
		return -EINVAL;
	if (args->flags & VIRTGPU_EXECBUF_RING_IDX && !own->rings_chosen)
		return -EINVAL;
	return 0;
}

static int prepare(struct submission *s)
{
	int error = find_buffers(s);

	if (!error)
		error = get_out_syncobjs(s);
	if (!error)
		error = make_fence(s);
	if (!error)
		error = wait_for_syncobjs(s);
	if (!error && s->args->flags & VIRTGPU_EXECBUF_FENCE_FD_IN)
		error = wait_for_fd(s, s->args->fence_fd);
	return error;
}

/* It is sent. */
static void complete_submission(struct submission *s)
{
	for (u32 i = 0; i < s->reset_count; i++)
		drm_syncobj_replace_fence(s->resets[i], NULL);
	if (s->fence)
		fill_out_syncobjs(s);
	if (s->event)
		mgpu_fence_event_at(s->event, &s->fence->base);
	s->event = NULL;
	if (s->sync_file) {
		s->args->fence_fd = s->fd;
		fd_install(s->fd, s->sync_file->file);
		s->sync_file = NULL;
		s->fd = -1;
	}
}

static void release(struct submission *s)
{
	if (s->sync_file)
		fput(s->sync_file->file);
	if (s->fd >= 0)
		put_unused_fd(s->fd);
	if (s->event)
		mgpu_fence_event_free(s->event);
	if (s->fence)
		dma_fence_put(&s->fence->base);
	for (u32 i = 0; i < s->buffer_count; i++)
		drm_gem_object_put(s->buffers[i]);
	if (s->buffers != s->few)
		kvfree(s->buffers);
	for (u32 i = 0; i < s->reset_count; i++)
		drm_syncobj_put(s->resets[i]);
	kvfree(s->resets);
	for (u32 i = 0; i < s->out_count; i++) {
		dma_fence_chain_free(s->outs[i].chain);
		drm_syncobj_put(s->outs[i].syncobj);
	}
	kvfree(s->outs);
	kvfree(s->copy);
}

int mgpu_execbuffer_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mgpu_execbuffer *args = data;
	struct submission s = { .gpu = to_mgpu(drm), .file = file, .args = args, .fd = -1 };
	u32 ring = args->flags & VIRTGPU_EXECBUF_RING_IDX ? args->ring_idx : 0;
	int error = check(s.gpu, file->driver_priv, args);

	if (error)
		return error;
	s.context = mgpu_context_get(s.gpu, file->driver_priv);
	if (IS_ERR(s.context))
		return PTR_ERR(s.context);
	if (ring >= s.context->rings->count)
		return -EINVAL;
	s.timeline = &s.context->rings->list[ring];
	error = prepare(&s);
	if (!error)
		error = submit(&s);
	if (!error)
		complete_submission(&s);
	release(&s);
	return error;
}
