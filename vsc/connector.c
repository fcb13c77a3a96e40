// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connectors: whether a display is there, its EDID and the size that it should have, as
 * hv-gpu told last. A program may choose any mode of the usual sizes up to that: as with a
 * monitor, programs that take the largest one they are offered get the one that is meant.
 */
#include <drm/drm_atomic_helper.h>
#include <drm/drm_atomic_state_helper.h>
#include <drm/drm_edid.h>
#include <drm/drm_managed.h>
#include <drm/drm_modes.h>
#include <drm/drm_probe_helper.h>

#include "driver.h"

#define DEFAULT_WIDTH 1024
#define DEFAULT_HEIGHT 768

static struct mgpu_display display_of(const struct drm_connector *connector)
{
	struct mgpu *gpu = to_mgpu(connector->dev);
	struct mgpu_display display;

	spin_lock_bh(&gpu->display_lock);
	display = gpu->displays[connector_to_output(connector)->index];
	spin_unlock_bh(&gpu->display_lock);
	return display;
}

static enum drm_connector_status detect(struct drm_connector *connector, bool force)
{
	return display_of(connector).connected ? connector_status_connected :
						 connector_status_disconnected;
}

static int add_edid(struct drm_connector *connector, const struct mgpu_display *display)
{
	const struct drm_edid *edid = NULL;
	int count;

	if (display->edid_size)
		edid = drm_edid_alloc(display->edid, display->edid_size);
	count = mgpu_add_edid_modes(connector, edid);
	drm_edid_free(edid);
	return count;
}

/* The size that the display has now comes before what its EDID prefers. */
static int add_wanted(struct drm_connector *connector, u32 width, u32 height)
{
	struct drm_display_mode *mode =
		drm_cvt_mode(connector->dev, width, height, 60, false, false, false);

	if (!mode)
		return 0;
	/* CVT counts in eights. */
	mode->hdisplay = width;
	drm_mode_set_name(mode);
	mode->type |= DRM_MODE_TYPE_PREFERRED;
	drm_mode_probed_add(connector, mode);
	return 1;
}

static bool is_there(struct drm_connector *connector, u32 width, u32 height)
{
	struct drm_display_mode *mode;

	list_for_each_entry(mode, &connector->probed_modes, head)
		if (mode->type & DRM_MODE_TYPE_PREFERRED && mode->hdisplay == width &&
		    mode->vdisplay == height)
			return true;
	return false;
}

static int get_modes(struct drm_connector *connector)
{
	struct mgpu_display display = display_of(connector);
	u32 width = display.width ?: DEFAULT_WIDTH, height = display.height ?: DEFAULT_HEIGHT;
	struct drm_display_mode *mode;
	int count = add_edid(connector, &display);

	width = min_t(u32, width, MGPU_SIZE_MAX);
	height = min_t(u32, height, MGPU_SIZE_MAX);
	if (!is_there(connector, width, height)) {
		list_for_each_entry(mode, &connector->probed_modes, head)
			mode->type &= ~DRM_MODE_TYPE_PREFERRED;
		count += add_wanted(connector, width, height);
	}
	return count + drm_add_modes_noedid(connector, width, height);
}

static const struct drm_connector_helper_funcs helpers = {
	.get_modes = get_modes,
};

static const struct drm_connector_funcs funcs = {
	.detect = detect,
	.fill_modes = drm_helper_probe_single_connector_modes,
	.destroy = drm_connector_cleanup,
	.reset = drm_atomic_helper_connector_reset,
	.atomic_duplicate_state = drm_atomic_helper_connector_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_connector_destroy_state,
};

int mgpu_connector_init(struct mgpu *gpu, struct mgpu_output *output)
{
	struct drm_connector *connector = &output->connector;
	int error = drm_connector_init(gpu->drm, connector, &funcs, DRM_MODE_CONNECTOR_VIRTUAL);

	if (error)
		return error;
	drm_connector_helper_add(connector, &helpers);
	connector->polled = DRM_CONNECTOR_POLL_HPD;
	drm_connector_attach_edid_property(connector);
	return drm_connector_attach_encoder(connector, &output->encoder);
}

/* From the channel's callback. */
void mgpu_display_told(struct mgpu *gpu, const struct mullion_gpu_display *told)
{
	struct mgpu_display display = {
		.connected = told->connected,
		.width = told->width,
		.height = told->height,
		.edid_size = told->edid_size,
	};

	if (told->display >= MULLION_GPU_DISPLAYS_MAX)
		return;
	if (display.edid_size > sizeof(display.edid) || display.edid_size % 128)
		display.edid_size = 0;
	memcpy(display.edid, told->edid, display.edid_size);
	spin_lock(&gpu->display_lock);
	gpu->displays[told->display] = display;
	spin_unlock(&gpu->display_lock);
	if (READ_ONCE(gpu->registered))
		schedule_work(&gpu->hotplug_work);
}

void mgpu_hotplug_work(struct work_struct *work)
{
	struct mgpu *gpu = container_of(work, struct mgpu, hotplug_work);
	int guard;

	if (!drm_dev_enter(gpu->drm, &guard))
		return;
	drm_kms_helper_hotplug_event(gpu->drm);
	drm_dev_exit(guard);
}
