/* SPDX-License-Identifier: GPL-2.0-only */
/* A screen without a compositor: see paint.h. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <fcntl.h>
#include <gbm.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "paint.h"

#define FLIP_MS 60000 /* longer than any flip takes, on an emulated machine too */

int drm_node(const char *driver, bool primary)
{
	char path[64];

	for (int i = 0; i < 16; i++) {
		drmVersionPtr version;
		bool same;
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/%s%d", primary ? "card" : "renderD",
			 primary ? i : 128 + i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		same = version && strcmp(version->name, driver) == 0;
		drmFreeVersion(version);
		if (same)
			return fd;
		close(fd);
	}
	die("no device of %s", driver);
}

struct screen {
	int node;
	drmModeModeInfo mode;
	uint32_t connector, crtc;
};

static bool find_crtc(const drmModeRes *all, const drmModeConnector *connector,
		      struct screen *screen)
{
	for (int i = 0; i < connector->count_encoders; i++) {
		drmModeEncoder *encoder = drmModeGetEncoder(screen->node, connector->encoders[i]);

		for (int j = 0; encoder && j < all->count_crtcs && !screen->crtc; j++) {
			if (encoder->possible_crtcs & 1u << j)
				screen->crtc = all->crtcs[j];
		}
		drmModeFreeEncoder(encoder);
	}
	return screen->crtc;
}

/* The mode that its monitor prefers, or the first. */
static void find_screen(struct screen *screen)
{
	drmModeRes *all = drmModeGetResources(screen->node);

	for (int i = 0; all && i < all->count_connectors && !screen->crtc; i++) {
		drmModeConnector *connector = drmModeGetConnector(screen->node, all->connectors[i]);

		if (connector && connector->connection == DRM_MODE_CONNECTED &&
		    connector->count_modes && find_crtc(all, connector, screen)) {
			screen->connector = connector->connector_id;
			screen->mode = connector->modes[0];
			for (int j = connector->count_modes; j--;) {
				if (connector->modes[j].type & DRM_MODE_TYPE_PREFERRED)
					screen->mode = connector->modes[j];
			}
		}
		drmModeFreeConnector(connector);
	}
	drmModeFreeResources(all);
	if (!screen->crtc)
		die("no screen");
}

static void flipped(int fd, unsigned int frame, unsigned int seconds, unsigned int us, void *data)
{
	(void)fd, (void)frame, (void)seconds, (void)us;
	*(bool *)data = true;
}

static void flip(const struct screen *screen, uint32_t framebuffer)
{
	drmEventContext events = { .version = 2, .page_flip_handler = flipped };
	struct pollfd wait = { .fd = screen->node, .events = POLLIN };
	bool done = false;

	if (drmModePageFlip(screen->node, screen->crtc, framebuffer, DRM_MODE_PAGE_FLIP_EVENT,
			    &done) != 0)
		die("no flip: %m");
	while (!done) {
		if (poll(&wait, 1, FLIP_MS) != 1)
			die("a flip does not come to an end");
		drmHandleEvent(screen->node, &events);
	}
}

static uint32_t framebuffer_of(int node, struct gbm_bo *bo)
{
	uint32_t handles[4] = { gbm_bo_get_handle(bo).u32 };
	uint32_t strides[4] = { gbm_bo_get_stride(bo) }, offsets[4] = { 0 };
	uint32_t framebuffer = 0;

	if (drmModeAddFB2(node, gbm_bo_get_width(bo), gbm_bo_get_height(bo), GBM_FORMAT_XRGB8888,
			  handles, strides, offsets, &framebuffer, 0) != 0)
		die("no framebuffer: %m");
	return framebuffer;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void paint_screen(int node, struct gbm_device *gbm, void *display, void *config, void *context,
		  uint32_t frames, uint32_t seed, unsigned int hold)
{
	struct screen screen = { .node = node };
	struct gbm_surface *surface;
	struct gbm_bo *before = NULL;
	uint32_t width, height, old = 0;
	EGLSurface window;
	double begin;

	find_screen(&screen);
	width = screen.mode.hdisplay;
	height = screen.mode.vdisplay;
	surface = gbm_surface_create(gbm, width, height, GBM_FORMAT_XRGB8888,
				     GBM_BO_USE_SCANOUT | GBM_BO_USE_RENDERING);
	window = surface ? eglCreatePlatformWindowSurface(display, config, surface, NULL) : NULL;
	if (!window || !eglMakeCurrent(display, window, window, context))
		die("no surface of %ux%u", width, height);
	begin = seconds();
	for (uint32_t i = frames; i--;) {
		struct gbm_bo *bo;
		uint32_t framebuffer;

		gl_pattern(width, height, seed - i);
		if (i == 0 && !gl_pattern_is_right(width, height, seed))
			die("the last frame is not as it must be");
		if (!eglSwapBuffers(display, window))
			die("no swap: 0x%x", (unsigned int)eglGetError());
		bo = gbm_surface_lock_front_buffer(surface);
		if (!bo)
			die("no front buffer");
		framebuffer = framebuffer_of(node, bo);
		if (old)
			flip(&screen, framebuffer);
		else if (drmModeSetCrtc(node, screen.crtc, framebuffer, 0, 0, &screen.connector, 1,
					&screen.mode) != 0)
			die("no mode: %m");
		if (old)
			drmModeRmFB(node, old);
		if (before)
			gbm_surface_release_buffer(surface, before);
		old = framebuffer;
		before = bo;
	}
	printf("paint: %u frames of %ux%u in %.2f s\npaint: shown\n", frames, width, height,
	       seconds() - begin);
	fflush(stdout);
	sleep(hold);
	drmModeRmFB(node, old);
	eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
	eglDestroySurface(display, window);
	gbm_surface_release_buffer(surface, before);
	gbm_surface_destroy(surface);
}
