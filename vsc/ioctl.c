// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the virtgpu ioctls. They are guarded by DRM's own drm_dev_enter() against
 * a device that is unplugged; the channel answers -ENODEV then.
 */
#include <drm/drm_ioctl.h>

#include "driver.h"
#include "ioctl.h"

const struct drm_ioctl_desc mgpu_ioctls[MGPU_IOCTLS] = {
	DRM_IOCTL_DEF_DRV(VIRTGPU_MAP, mgpu_map_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MGPU_EXECBUFFER, mgpu_execbuffer_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_GETPARAM, mgpu_getparam_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_RESOURCE_CREATE, mgpu_resource_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_RESOURCE_INFO, mgpu_resource_info_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_TRANSFER_FROM_HOST, mgpu_transfer_from_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_TRANSFER_TO_HOST, mgpu_transfer_to_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_WAIT, mgpu_wait_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_GET_CAPS, mgpu_get_caps_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_RESOURCE_CREATE_BLOB, mgpu_resource_create_blob_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTGPU_CONTEXT_INIT, mgpu_context_init_ioctl, DRM_RENDER_ALLOW),
};
