/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_gpu: what belongs to one device.
 *
 * Locks, outermost first:
 *   modeset locks, a file's lock, reservation objects of GEM
 *   channel.lock      the order of messages, and with it all that tells what hv-gpu knows:
 *                     the generation, objects' `known`, timelines' `last`
 *   contexts (xa_lock_bh), display_lock (bh)
 *   shared->lock      fences (irqsave); it is the lock of each dma_fence of the device
 * No reference to an object is dropped under channel.lock: the last one sends a message.
 *
 * A generation is one hv-gpu's life: it begins with HELLO. What hv-gpu knows is only true
 * within one; contexts end with theirs, objects and the screen are told anew.
 */
#ifndef MGPU_DRIVER_H
#define MGPU_DRIVER_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/hyperv.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_connector.h>
#include <drm/drm_crtc.h>
#include <drm/drm_device.h>
#include <drm/drm_encoder.h>
#include <drm/drm_plane.h>
#include <drm/drm_print.h>

#include <mullion/gpu.h>

#include "channel.h"
#include "compat.h"
#include "fence.h"
#include "reap.h"

#define MGPU_NAME "virtio_gpu"
#define MGPU_DESCRIPTION "Mullion paravirtual GPU"
#define MGPU_SIZE_MAX 8192 /* pixels of a screen, each way */

/* What hv-gpu said of a display. Under display_lock. */
struct mgpu_display {
	bool connected;
	u32 width, height;
	u32 edid_size;
	u8 edid[MULLION_GPU_EDID_MAX];
};

struct mgpu_output {
	struct drm_plane primary;
	struct drm_plane cursor;
	struct drm_crtc crtc;
	struct drm_encoder encoder;
	struct drm_connector connector;
	unsigned int index;

	/* vblank.c. */
	struct hrtimer timer;
	spinlock_t timer_lock; /* ticking; what the timer begins */
	bool ticking;
	ktime_t epoch; /* a vblank; all others lie whole periods behind it */
	u64 period; /* ns; 0: the display is off */

	/* The flip that is under way: its event, and RING_SCREEN's number. Under event_lock. */
	struct drm_pending_vblank_event *event;
	u64 event_number;
	ktime_t event_limit; /* it is not waited for any longer */
	u64 number; /* of the last FLUSH; of the commit's */
	struct mgpu_fence *flip_fence; /* of the last asynchronous flip */
	struct dma_fence_cb flip_callback;

	/* Two images, so that one is drawn to while hv-gpu copies the other. */
	struct drm_gem_object *cursor_images[2];
	void *cursor_bytes[2];
	u64 cursor_numbers[2];
	unsigned int cursor_next;
};

struct mgpu {
	struct drm_device *drm;
	struct hv_device *hdev; /* until remove */
	struct platform_device *pdev;
	int number; /* of pdev's name */

	struct mgpu_channel channel;
	struct mullion_gpu_welcome welcome;
	struct completion welcomed;
	u32 generation; /* channel.lock; 0 before the first */

	struct mgpu_shared *shared;
	struct mgpu_rings *own; /* context 0's */
	struct mgpu_reaper reaper;

	struct xarray contexts; /* id: struct mgpu_context */
	u32 context_next;
	struct xarray objects; /* ids that are taken */
	u32 object_next;

	struct mutex capsets_lock;
	struct list_head capsets;
	wait_queue_head_t answers;
	struct mgpu_capset *asked; /* the one under way; display_lock */

	spinlock_t display_lock;
	struct mgpu_display displays[MULLION_GPU_DISPLAYS_MAX];
	struct work_struct hotplug_work;
	struct mgpu_output outputs[MULLION_GPU_DISPLAYS_MAX];
	unsigned int output_count;
	bool registered;

	struct work_struct reset_work;
	struct mgpu_statistics statistics;
};

static inline struct mgpu *to_mgpu(struct drm_device *drm)
{
	return drm->dev_private;
}

static inline bool mgpu_has(const struct mgpu *gpu, u64 feature)
{
	return gpu->welcome.features & feature;
}

#define crtc_to_output(c) container_of(c, struct mgpu_output, crtc)
#define connector_to_output(c) container_of(c, struct mgpu_output, connector)

/* hello.c */
int mgpu_open_channel(struct mgpu *gpu);
void mgpu_close_channel(struct mgpu *gpu);
int mgpu_greet(struct mgpu *gpu, unsigned int seconds);

/* receive.c */
void mgpu_receive(void *context);

/* reset.c */
void mgpu_lose_all(struct mgpu *gpu);
void mgpu_reset_work(struct work_struct *work);
int mgpu_come_back(struct mgpu *gpu);

/* capset.c */
struct mgpu_capset;
int mgpu_capset(struct mgpu *gpu, u32 id, u32 version, const struct mgpu_capset **found);
u32 mgpu_capset_copy_size(const struct mgpu_capset *capset);
const void *mgpu_capset_data(const struct mgpu_capset *capset);
void mgpu_capset_answer(struct mgpu *gpu, const struct mullion_gpu_capset *answer, u32 size);
void mgpu_capsets_forget(struct mgpu *gpu);
u64 mgpu_capset_mask(const struct mgpu *gpu);

/* modeset.c, crtc.c, vblank.c, plane.c, cursor.c, connector.c */
int mgpu_modeset_init(struct mgpu *gpu);
void mgpu_show_again(struct mgpu *gpu);
int mgpu_crtc_init(struct mgpu *gpu, struct mgpu_output *output);
void mgpu_flip_check(struct mgpu_output *output);
void mgpu_vblank_init(struct mgpu_output *output);
void mgpu_vblank_on(struct mgpu_output *output);
void mgpu_vblank_off(struct mgpu_output *output);
int mgpu_enable_vblank(struct drm_crtc *crtc);
void mgpu_disable_vblank(struct drm_crtc *crtc);
u32 mgpu_vblank_counter(struct drm_crtc *crtc);
bool mgpu_vblank_timestamp(struct drm_crtc *crtc, int *error, ktime_t *time, bool in_irq);
int mgpu_primary_init(struct mgpu *gpu, struct mgpu_output *output);
void mgpu_primary_show(struct mgpu *gpu, struct mgpu_output *output, struct drm_plane_state *state,
		       const struct drm_rect *damage, bool scanout, struct mgpu_fence *fence);
void mgpu_primary_dark(struct mgpu *gpu, struct mgpu_output *output);
void mgpu_primary_fini(struct mgpu_output *output);
int mgpu_plane_fences(struct mgpu *gpu, struct drm_plane *plane, struct drm_plane_state *state);
int mgpu_cursor_init(struct mgpu *gpu, struct mgpu_output *output);
void mgpu_cursor_fini(struct mgpu_output *output);
void mgpu_cursor_show(struct mgpu *gpu, struct mgpu_output *output, struct drm_plane_state *state);
int mgpu_connector_init(struct mgpu *gpu, struct mgpu_output *output);
void mgpu_display_told(struct mgpu *gpu, const struct mullion_gpu_display *told);
void mgpu_hotplug_work(struct work_struct *work);

/* dumb.c */
int mgpu_dumb_create(struct drm_file *file, struct drm_device *drm,
		     struct drm_mode_create_dumb *args);

/* ioctl.c */
#define MGPU_IOCTLS (DRM_VIRTGPU_CONTEXT_INIT + 1)
extern const struct drm_ioctl_desc mgpu_ioctls[MGPU_IOCTLS];

/* statistics.c */
void mgpu_statistics_init(struct drm_minor *minor);

#endif
