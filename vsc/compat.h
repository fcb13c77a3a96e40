/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the driver is built for: 6.1 to the newest of
 * Debian's backports. Above 6.12 Kbuild looks into the headers (MGPU_HAVE_*), as some of
 * these changes are carried back.
 */
#ifndef MGPU_COMPAT_H
#define MGPU_COMPAT_H

#include <linux/version.h>

#include <linux/hrtimer.h>
#include <drm/drm_drv.h>
#include <drm/drm_edid.h>
#include <drm/drm_fb_helper.h>
#include <drm/drm_gem_framebuffer_helper.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_modeset_helper_vtables.h>
#include <drm/drm_plane.h>
#include <drm/drm_prime.h>
#include <drm/virtgpu_drm.h>

/* The screen of the firmware goes, and the console comes. */
#ifdef MGPU_HAVE_CLIENT_SETUP
#include <drm/clients/drm_client_setup.h>
#include <drm/drm_fbdev_shmem.h>
#include <linux/aperture.h>
#define MGPU_FBDEV_OPS DRM_FBDEV_SHMEM_DRIVER_OPS,
static inline void mgpu_start_console(struct drm_device *drm)
{
	drm_client_setup(drm, NULL);
}

static inline int mgpu_evict_firmware(const struct drm_driver *driver)
{
	return aperture_remove_all_conflicting_devices(driver->name);
}
#else
#include <drm/drm_aperture.h>
#define MGPU_FBDEV_OPS
static inline int mgpu_evict_firmware(const struct drm_driver *driver)
{
	return drm_aperture_remove_framebuffers(driver);
}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#include <drm/drm_fbdev_shmem.h>
static inline void mgpu_start_console(struct drm_device *drm)
{
	drm_fbdev_shmem_setup(drm, 32);
}
#else
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#include <drm/drm_fbdev_generic.h>
#endif
static inline void mgpu_start_console(struct drm_device *drm)
{
	drm_fbdev_generic_setup(drm, 32);
}
#endif
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define MGPU_PRIME_OPS
#else
#define MGPU_PRIME_OPS                                    \
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd, \
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle, .gem_prime_mmap = drm_gem_prime_mmap,
#endif

#ifdef MGPU_HAVE_DRIVER_DATE
#define MGPU_DATE(text) .date = (text),
#else
#define MGPU_DATE(text)
#endif

/* Where a cursor's hot spot is told. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define MGPU_CURSOR_HOTSPOT DRIVER_CURSOR_HOTSPOT
#define mgpu_hot_x(state) ((state)->hotspot_x)
#define mgpu_hot_y(state) ((state)->hotspot_y)
#else
#define MGPU_CURSOR_HOTSPOT 0
#define mgpu_hot_x(state) ((state)->fb ? (state)->fb->hot_x : 0)
#define mgpu_hot_y(state) ((state)->fb ? (state)->fb->hot_y : 0)
#endif

#ifdef MGPU_HAVE_ATOMIC_COMMIT
#define drm_atomic_state drm_atomic_commit
#endif

#ifdef MGPU_HAVE_ASYNC_FLIP_ARGUMENT
#define MGPU_ASYNC_CHECK_ARGUMENTS \
	struct drm_plane *plane, struct drm_atomic_state *state, bool flip
#else
#define MGPU_ASYNC_CHECK_ARGUMENTS struct drm_plane *plane, struct drm_atomic_state *state
#endif

#ifdef MGPU_HAVE_FENCE_OPS_RCU
#define mgpu_fence_operations(fence) rcu_access_pointer((fence)->ops)
#else
#define mgpu_fence_operations(fence) ((fence)->ops)
#endif

#ifdef MGPU_HAVE_HRTIMER_SETUP
#define mgpu_timer_setup(timer, function) \
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_ABS)
#else
#define mgpu_timer_setup(timer, callback)                               \
	do {                                                            \
		hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS); \
		(timer)->function = (callback);                         \
	} while (0)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define MGPU_HV_REMOVE void
#define MGPU_HV_REMOVED
#else
#define MGPU_HV_REMOVE int
#define MGPU_HV_REMOVED 0
#endif

/* Before 6.3 a frame buffer was made of any format, and only a commit refused it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define mgpu_fb_create drm_gem_fb_create_with_dirty
#else
static inline struct drm_framebuffer *mgpu_fb_create(struct drm_device *drm, struct drm_file *file,
						     const struct drm_mode_fb_cmd2 *command)
{
	if (!drm_any_plane_has_format(drm, command->pixel_format, command->modifier[0]))
		return ERR_PTR(-EINVAL);
	return drm_gem_fb_create_with_dirty(drm, file, command);
}
#endif

/* The modes out of an EDID that drm_edid_connector_update() has been given. */
static inline int mgpu_add_edid_modes(struct drm_connector *connector, const struct drm_edid *edid)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	drm_edid_connector_update(connector, edid);
	return drm_edid_connector_add_modes(connector);
#else
	return drm_edid_connector_update(connector, edid);
#endif
}

#ifndef VIRTGPU_PARAM_EXPLICIT_DEBUG_NAME
#define VIRTGPU_PARAM_EXPLICIT_DEBUG_NAME 8
#endif
#ifndef VIRTGPU_CONTEXT_PARAM_DEBUG_NAME
#define VIRTGPU_CONTEXT_PARAM_DEBUG_NAME 4
#endif
#ifndef VIRTGPU_EXECBUF_SYNCOBJ_RESET
#define VIRTGPU_EXECBUF_SYNCOBJ_RESET 1
#endif

/* As struct drm_virtgpu_execbuffer of 6.6 and later has it: the older ones lack syncobjs. */
struct mgpu_execbuffer {
	__u32 flags;
	__u32 size;
	__u64 command;
	__u64 bo_handles;
	__u32 num_bo_handles;
	__s32 fence_fd;
	__u32 ring_idx;
	__u32 syncobj_stride;
	__u32 num_in_syncobjs;
	__u32 num_out_syncobjs;
	__u64 in_syncobjs;
	__u64 out_syncobjs;
};

struct mgpu_syncobj {
	__u32 handle;
	__u32 flags;
	__u64 point;
};

#define DRM_IOCTL_MGPU_EXECBUFFER \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VIRTGPU_EXECBUFFER, struct mgpu_execbuffer)

#endif
