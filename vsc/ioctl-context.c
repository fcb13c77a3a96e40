// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is, and how a file wants its context: GETPARAM, GET_CAPS, CONTEXT_INIT.
 */
#include <linux/uaccess.h>

#include <drm/drm_file.h>

#include "context.h"
#include "ioctl.h"

/* Capsets that a context may be made with; their numbers are bits. */
u64 mgpu_capset_mask(const struct mgpu *gpu)
{
	u64 mask = 0;

	if (!mgpu_has(gpu, MULLION_GPU_FEATURE_3D))
		return 0;
	for (u32 i = 0; i < gpu->welcome.capset_count; i++)
		if (gpu->welcome.capsets[i].capset < 64)
			mask |= BIT_ULL(gpu->welcome.capsets[i].capset);
	return mask;
}

/* Mesa's, not in the kernel's header: a context's memory is the guest's own. */
#define PARAM_GUEST_VRAM 9

int mgpu_getparam_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_getparam *args = data;
	struct mgpu *gpu = to_mgpu(drm);
	int value;

	switch (args->param) {
	case VIRTGPU_PARAM_3D_FEATURES:
		value = mgpu_has(gpu, MULLION_GPU_FEATURE_3D);
		break;
	case VIRTGPU_PARAM_CAPSET_QUERY_FIX:
	case VIRTGPU_PARAM_CONTEXT_INIT:
	case VIRTGPU_PARAM_EXPLICIT_DEBUG_NAME:
		value = 1;
		break;
	case VIRTGPU_PARAM_RESOURCE_BLOB:
	case PARAM_GUEST_VRAM:
		value = mgpu_has(gpu, MULLION_GPU_FEATURE_SHARE);
		break;
	case VIRTGPU_PARAM_HOST_VISIBLE:
	case VIRTGPU_PARAM_CROSS_DEVICE:
		value = 0;
		break;
	case VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs:
		value = (int)mgpu_capset_mask(gpu);
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(u64_to_user_ptr(args->value), &value, sizeof(value)) ? -EFAULT : 0;
}

int mgpu_get_caps_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_get_caps *args = data;
	const struct mgpu_capset *capset;
	u32 size;
	int error;

	if (!to_mgpu(drm)->welcome.capset_count)
		return -ENOSYS;
	if (!args->size)
		return -EINVAL;
	error = mgpu_capset(to_mgpu(drm), args->cap_set_id, args->cap_set_ver, &capset);
	if (error)
		return error;
	size = min(args->size, mgpu_capset_copy_size(capset));
	if (copy_to_user(u64_to_user_ptr(args->addr), mgpu_capset_data(capset), size))
		return -EFAULT;
	return 0;
}

/* ---- CONTEXT_INIT ---- */

#define PARAMETERS_MAX 4

struct seen {
	bool capset, rings, polled, name;
};

static int set_once(bool *seen)
{
	if (*seen)
		return -EINVAL;
	*seen = true;
	return 0;
}

static int set_capset(struct mgpu *gpu, u64 value, struct mgpu_context_wish *wish)
{
	if (value >= 64 || !(mgpu_capset_mask(gpu) & BIT_ULL(value)))
		return -EINVAL;
	wish->capset = value;
	return 0;
}

static int set_rings(u64 value, struct mgpu_context_wish *wish)
{
	if (!value || value > MULLION_GPU_RINGS_MAX)
		return -EINVAL;
	wish->rings = value;
	wish->rings_chosen = true;
	return 0;
}

static int set_name(u64 value, struct mgpu_context_wish *wish)
{
	char name[sizeof(wish->name)];
	long length = strncpy_from_user(name, u64_to_user_ptr(value), sizeof(name));

	if (length < 0)
		return length;
	name[sizeof(name) - 1] = 0;
	mgpu_context_name(wish, name);
	return 0;
}

static int set_parameter(struct mgpu *gpu, const struct drm_virtgpu_context_set_param *parameter,
			 struct mgpu_context_wish *wish, struct seen *seen)
{
	int error;

	switch (parameter->param) {
	case VIRTGPU_CONTEXT_PARAM_CAPSET_ID:
		error = set_once(&seen->capset);
		return error ?: set_capset(gpu, parameter->value, wish);
	case VIRTGPU_CONTEXT_PARAM_NUM_RINGS:
		error = set_once(&seen->rings);
		return error ?: set_rings(parameter->value, wish);
	case VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK:
		error = set_once(&seen->polled);
		wish->polled = parameter->value;
		return error;
	case VIRTGPU_CONTEXT_PARAM_DEBUG_NAME:
		error = set_once(&seen->name);
		return error ?: set_name(parameter->value, wish);
	default:
		return -EINVAL;
	}
}

/* A ring whose fences are events must be there. */
static bool polls_what_is_there(const struct mgpu_context_wish *wish)
{
	return !wish->polled ||
	       (wish->rings_chosen && (wish->rings == 64 || !(wish->polled >> wish->rings)));
}

int mgpu_context_init_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_context_set_param parameters[PARAMETERS_MAX];
	struct drm_virtgpu_context_init *args = data;
	struct mgpu_context_wish wish = { .rings = 1 };
	struct mgpu_file *own = file->driver_priv;
	struct mgpu *gpu = to_mgpu(drm);
	struct seen seen = {};
	int error;

	if (!mgpu_has(gpu, MULLION_GPU_FEATURE_3D) || !args->num_params ||
	    args->num_params > PARAMETERS_MAX || args->pad)
		return -EINVAL;
	if (copy_from_user(parameters, u64_to_user_ptr(args->ctx_set_params),
			   args->num_params * sizeof(parameters[0])))
		return -EFAULT;
	mgpu_context_name(&wish, current->comm);
	for (u32 i = 0; i < args->num_params; i++) {
		error = set_parameter(gpu, &parameters[i], &wish, &seen);
		if (error)
			return error;
	}
	if (!seen.capset && mgpu_capset_mask(gpu) & (BIT(1) | BIT(2)))
		wish.capset = mgpu_capset_mask(gpu) & BIT(2) ? 2 : 1;
	if (!wish.capset || !polls_what_is_there(&wish))
		return -EINVAL;
	if (mutex_lock_interruptible(&own->lock))
		return -ERESTARTSYS;
	error = mgpu_context_make(gpu, own, &wish);
	mutex_unlock(&own->lock);
	return error;
}
