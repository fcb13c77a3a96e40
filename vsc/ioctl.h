/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of virtgpu_drm.h, each for a render node too. */
#ifndef MGPU_IOCTL_H
#define MGPU_IOCTL_H

struct drm_device;
struct drm_file;

/* ioctl-context.c */
int mgpu_getparam_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_get_caps_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_context_init_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* ioctl-resource.c */
int mgpu_map_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_resource_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_resource_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_resource_create_blob_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_transfer_from_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_transfer_to_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int mgpu_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* ioctl-submit.c */
int mgpu_execbuffer_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif
