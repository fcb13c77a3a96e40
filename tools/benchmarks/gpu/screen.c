/* SPDX-License-Identifier: GPL-2.0-only */
/* See screen.h. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <errno.h>
#include <fcntl.h>
#include <gbm.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "context.h"
#include "gl.h"
#include "screen.h"

#define DRIVER "virtio_gpu"
#define DEVICES_MAX 8
#define FLIP_MS 60000 /* the longest that one may take */

static struct {
	int device;
	uint32_t connector, crtc;
	drmModeModeInfo mode;
	struct gbm_surface *surface;
	EGLDisplay display;
	EGLSurface window;
	/* What is on the screen, and what will be with the flip that is under way. */
	struct gbm_bo *shown, *coming;
} screen;

static bool failed(const char *what)
{
	fprintf(stderr, "screen: %s: %s\n", what, strerror(errno));
	return false;
}

static bool is_ours(int device)
{
	drmVersion *version = drmGetVersion(device);
	bool ours = version && !strcmp(version->name, DRIVER);

	drmFreeVersion(version);
	return ours;
}

static bool open_device(void)
{
	drmDevice *devices[DEVICES_MAX];
	int count = drmGetDevices2(0, devices, DEVICES_MAX);

	screen.device = -1;
	for (int n = 0; n < count && screen.device < 0; n++) {
		if (!(devices[n]->available_nodes & 1 << DRM_NODE_PRIMARY))
			continue;
		screen.device = open(devices[n]->nodes[DRM_NODE_PRIMARY], O_RDWR | O_CLOEXEC);
		if (screen.device >= 0 && !is_ours(screen.device)) {
			close(screen.device);
			screen.device = -1;
		}
	}
	if (count > 0)
		drmFreeDevices(devices, count);
	return screen.device >= 0 || failed("no device of " DRIVER);
}

static bool take_mode(const drmModeConnector *connector, const struct canvas *canvas)
{
	for (int n = 0; n < connector->count_modes; n++) {
		if (connector->modes[n].hdisplay == canvas->width &&
		    connector->modes[n].vdisplay == canvas->height) {
			screen.mode = connector->modes[n];
			screen.connector = connector->connector_id;
			return true;
		}
	}
	return false;
}

static bool choose_mode(const struct canvas *canvas)
{
	drmModeRes *resources = drmModeGetResources(screen.device);
	bool found = false;

	for (int n = 0; resources && n < resources->count_connectors && !found; n++) {
		drmModeConnector *connector =
			drmModeGetConnector(screen.device, resources->connectors[n]);

		found = connector && connector->connection == DRM_MODE_CONNECTED &&
			take_mode(connector, canvas);
		drmModeFreeConnector(connector);
	}
	if (found && resources->count_crtcs > 0)
		screen.crtc = resources->crtcs[0];
	drmModeFreeResources(resources);
	return screen.crtc || failed("no mode of that size");
}

static bool open_window(const struct canvas *canvas)
{
	struct gbm_device *gbm = gbm_create_device(screen.device);
	EGLConfig config;
	EGLContext context;

	if (!gbm)
		return failed("no GBM");
	screen.display = eglGetPlatformDisplay(EGL_PLATFORM_GBM_MESA, gbm, NULL);
	context = context_create(screen.display, EGL_WINDOW_BIT, GBM_FORMAT_XRGB8888, &config);
	if (!context)
		return false;
	screen.surface = gbm_surface_create(gbm, canvas->width, canvas->height, GBM_FORMAT_XRGB8888,
					    GBM_BO_USE_SCANOUT | GBM_BO_USE_RENDERING);
	if (!screen.surface)
		return failed("no buffers for the screen");
	screen.window =
		eglCreatePlatformWindowSurface(screen.display, config, screen.surface, NULL);
	return eglMakeCurrent(screen.display, screen.window, screen.window, context) ||
	       failed("no window for the screen");
}

bool screen_open(struct canvas *canvas)
{
	if (!open_device() || !choose_mode(canvas) || !open_window(canvas))
		return false;
	canvas->buffer = 0;
	glViewport(0, 0, (GLsizei)canvas->width, (GLsizei)canvas->height);
	return true;
}

/* The frame buffer of a buffer object, made when it is first shown; they stay. */
static uint32_t framebuffer_of(struct gbm_bo *buffer)
{
	uint32_t handles[4] = { gbm_bo_get_handle(buffer).u32 };
	uint32_t strides[4] = { gbm_bo_get_stride(buffer) }, offsets[4] = { 0 };
	uint32_t *kept = gbm_bo_get_user_data(buffer);
	static uint32_t numbers[8];
	static unsigned count;

	if (kept)
		return *kept;
	if (count == sizeof(numbers) / sizeof(numbers[0]))
		return 0;
	if (drmModeAddFB2(screen.device, gbm_bo_get_width(buffer), gbm_bo_get_height(buffer),
			  GBM_FORMAT_XRGB8888, handles, strides, offsets, &numbers[count], 0))
		return 0;
	gbm_bo_set_user_data(buffer, &numbers[count], NULL);
	return numbers[count++];
}

static void flipped(int device, unsigned sequence, unsigned seconds, unsigned microseconds,
		    void *data)
{
	(void)device, (void)sequence, (void)seconds, (void)microseconds, (void)data;
	if (screen.shown)
		gbm_surface_release_buffer(screen.surface, screen.shown);
	screen.shown = screen.coming;
	screen.coming = NULL;
}

bool screen_wait(void)
{
	drmEventContext context = { .version = 2, .page_flip_handler = flipped };
	struct pollfd wanted = { .fd = screen.device, .events = POLLIN };

	while (screen.coming) {
		int ready = poll(&wanted, 1, FLIP_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || drmHandleEvent(screen.device, &context)) {
			errno = ready ? errno : ETIMEDOUT;
			return failed("a flip does not end");
		}
	}
	return true;
}

bool screen_show(void)
{
	struct gbm_bo *buffer;
	uint32_t number;

	if (!eglSwapBuffers(screen.display, screen.window))
		return failed("the buffers are not swapped");
	buffer = gbm_surface_lock_front_buffer(screen.surface);
	number = buffer ? framebuffer_of(buffer) : 0;
	if (!number || !screen_wait())
		return failed("no buffer to show");
	if (!screen.shown) {
		screen.shown = buffer;
		return !drmModeSetCrtc(screen.device, screen.crtc, number, 0, 0, &screen.connector,
				       1, &screen.mode) ||
		       failed("the mode is not set");
	}
	screen.coming = buffer;
	return !drmModePageFlip(screen.device, screen.crtc, number, DRM_MODE_PAGE_FLIP_EVENT,
				NULL) ||
	       failed("no flip");
}
