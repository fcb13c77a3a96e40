/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The renderer over virglrenderer, see renderer.h. Its state is the process's: there is one.
 *
 * Threads: all calls come from the loop's thread. virglrenderer's own thread waits for
 * fences and calls back; what it says is kept under `lock`, which is a leaf, and an eventfd
 * wakes the loop. The loop also looks at the library's poll descriptor: queries that the
 * guest waits for get on by it.
 */
#include <EGL/egl.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <virgl/virglrenderer.h>

#include "error.h"
#include "renderer.h"
#include "vulkan-server.h"
#include "watchdog.h"

/* virgl_hw.h, which is not installed */
struct virgl_box {
	uint32_t x, y, z, w, h, d;
};

#define CAPSET_VENUS 4u

#define GL_RENDERER 0x1f01u
#define GL_VERSION 0x1f02u

/* Lines about what a guest did wrong, in so many seconds. */
#define LINES_MAX 10u
#define LINES_SECONDS 5

struct virgl {
	struct renderer renderer;
	struct event *readable; /* the library's */
	struct event *woken; /* wake_fd */
	int wake_fd, render_fd;
	int server_fd; /* to the process for Vulkan, until the library has it; -1 */
	pthread_t loop;
	uint64_t own_id; /* of the last fence of context 0: the library has 32 bits of it */
	char why[160];
	struct {
		time_t since;
		unsigned int count;
	} lines;

	pthread_mutex_t lock;
	struct renderer_fence *done; /* under lock */
	unsigned int done_count, done_room; /* under lock */
};

static struct virgl self;

/* ---- fences that are done ---- */

/* A later one of the same context and ring says all that an earlier one did. */
static bool replace(const struct renderer_fence *fence)
{
	for (unsigned int i = 0; i < self.done_count; i++) {
		struct renderer_fence *known = &self.done[i];

		if (known->context != fence->context || known->ring != fence->ring)
			continue;
		if (known->id < fence->id)
			known->id = fence->id;
		return true;
	}
	return false;
}

static void add(const struct renderer_fence *fence)
{
	unsigned int room = self.done_room ? 2 * self.done_room : 64;

	if (self.done_count == self.done_room) {
		struct renderer_fence *more = realloc(self.done, room * sizeof(*more));

		if (!more) {
			notice("no memory for a fence: the process ends");
			_exit(ERROR_RESOURCES);
		}
		self.done = more;
		self.done_room = room;
	}
	self.done[self.done_count++] = *fence;
}

/* On any thread. */
static void tell(struct renderer_fence fence)
{
	bool first;

	pthread_mutex_lock(&self.lock);
	first = !self.done_count;
	if (!replace(&fence))
		add(&fence);
	pthread_mutex_unlock(&self.lock);
	if (first)
		eventfd_write(self.wake_fd, 1);
}

static void on_own_fence(void *cookie, uint32_t fence)
{
	/* The last one with these low bits. */
	uint64_t last = __atomic_load_n(&self.own_id, __ATOMIC_ACQUIRE);
	uint64_t id = last - (uint32_t)((uint32_t)last - fence);

	(void)cookie;
	tell((struct renderer_fence){ .id = id });
}

static void on_fence(void *cookie, uint32_t context, uint32_t ring, uint64_t fence)
{
	(void)cookie;
	tell((struct renderer_fence){ .context = context, .ring = ring, .id = fence });
}

static void on_woken(evutil_socket_t fd, short what, void *context)
{
	struct renderer_fence *done;
	unsigned int count;
	eventfd_t woken;

	(void)what, (void)context;
	eventfd_read(fd, &woken);
	pthread_mutex_lock(&self.lock);
	done = self.done;
	count = self.done_count;
	self.done = NULL;
	self.done_count = self.done_room = 0;
	pthread_mutex_unlock(&self.lock);
	if (count && self.renderer.listener.done)
		self.renderer.listener.done(self.renderer.listener.context, done, count);
	free(done);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	watchdog_enter();
	virgl_renderer_poll();
	watchdog_leave();
}

/* ---- what it says ---- */

static bool may_print(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - self.lines.since >= LINES_SECONDS) {
		self.lines.since = now.tv_sec;
		self.lines.count = 0;
	}
	return self.lines.count++ < LINES_MAX;
}

static void on_log(enum virgl_log_level_flags level, const char *message, void *context)
{
	(void)context;
	if (level < VIRGL_LOG_LEVEL_WARNING || !pthread_equal(pthread_self(), self.loop))
		return;
	if (!self.why[0]) {
		error_clean(self.why, message, sizeof(self.why));
		/* It ends its lines. */
		if (strlen(message) < sizeof(self.why) && strchr(message, '\n'))
			self.why[strcspn(message, "\n")] = '\0';
	}
	if (may_print())
		notice("virglrenderer: %.*s", (int)strcspn(message, "\n"), message);
}

/* ---- the table ---- */

static void enter(void)
{
	self.why[0] = '\0';
	watchdog_enter();
}

static int leave(int result)
{
	watchdog_leave();
	if (!result)
		return 0;
	return result < 0 ? -result : result;
}

static unsigned int on_capsets(struct renderer *renderer, struct mullion_gpu_capset_info *infos)
{
	static const uint32_t ids[] = { 1, 2, CAPSET_VENUS }; /* virgl, virgl2 */
	unsigned int count = 0;

	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct mullion_gpu_capset_info *info = &infos[count];

		*info = (struct mullion_gpu_capset_info){ .capset = ids[i] };
		if (ids[i] != CAPSET_VENUS || renderer->imports)
			virgl_renderer_get_cap_set(ids[i], &info->version, &info->size);
		count += info->size && info->size < MULLION_GPU_MESSAGE_MAX / 2;
	}
	return count;
}

static void on_fill(struct renderer *renderer, uint32_t capset, uint32_t version, void *to)
{
	(void)renderer;
	enter();
	virgl_renderer_fill_caps(capset, version, to);
	leave(0);
}

static int on_context_create(struct renderer *renderer, uint32_t context, uint32_t capset,
			     const char *name)
{
	int error;

	(void)renderer;
	enter();
	error = leave(virgl_renderer_context_create_with_flags(context, capset,
							       (uint32_t)strlen(name), name));
	if (error && capset == CAPSET_VENUS && vulkan_server_is_gone()) {
		notice("virgl_render_server has ended: the process ends, so that another one begins");
		_exit(ERROR_FAILED);
	}
	return error;
}

static void on_context_destroy(struct renderer *renderer, uint32_t context)
{
	(void)renderer;
	enter();
	virgl_renderer_context_destroy(context);
	leave(0);
}

static void on_attach(struct renderer *renderer, uint32_t context, uint32_t resource)
{
	(void)renderer;
	virgl_renderer_ctx_attach_resource((int)context, (int)resource);
}

static void on_detach(struct renderer *renderer, uint32_t context, uint32_t resource)
{
	(void)renderer;
	enter();
	virgl_renderer_ctx_detach_resource((int)context, (int)resource);
	leave(0);
}

static int on_create(struct renderer *renderer, const struct mullion_gpu_resource_create *create)
{
	struct virgl_renderer_resource_create_args args = {
		.handle = create->resource,
		.target = create->target,
		.format = create->format,
		.bind = create->bind,
		.width = create->width,
		.height = create->height,
		.depth = create->depth,
		.array_size = create->array_size,
		.last_level = create->last_level,
		.nr_samples = create->samples,
		.flags = create->flags,
	};

	(void)renderer;
	enter();
	return leave(virgl_renderer_resource_create(&args, NULL, 0));
}

/* The library closes what it was given. */
static int on_import(struct renderer *renderer, uint32_t resource, uint32_t as, int fd,
		     uint64_t size)
{
	struct virgl_renderer_resource_import_blob_args args = {
		.res_handle = resource,
		.blob_mem = as == MULLION_GPU_SHARE_SHM ? VIRGL_RENDERER_BLOB_MEM_HOST3D :
							  VIRGL_RENDERER_BLOB_MEM_GUEST_VRAM,
		.fd_type = as == MULLION_GPU_SHARE_SHM ? VIRGL_RENDERER_BLOB_FD_TYPE_SHM :
							 VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF,
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
		.size = size,
	};
	int error;

	(void)renderer;
	if (args.fd < 0)
		return errno;
	enter();
	error = leave(virgl_renderer_resource_import_blob(&args));
	if (error)
		close(args.fd);
	return error;
}

static void on_destroy(struct renderer *renderer, uint32_t resource)
{
	(void)renderer;
	enter();
	virgl_renderer_resource_unref(resource);
	leave(0);
}

static int on_give_pages(struct renderer *renderer, uint32_t resource, struct iovec *pieces,
			 int count)
{
	(void)renderer;
	return leave(virgl_renderer_resource_attach_iov((int)resource, pieces, count));
}

static void on_drop_pages(struct renderer *renderer, uint32_t resource)
{
	struct iovec *pieces;
	int count;

	(void)renderer;
	virgl_renderer_resource_detach_iov((int)resource, &pieces, &count);
}

static int on_transfer(struct renderer *renderer, bool to,
		       const struct mullion_gpu_transfer *transfer)
{
	struct virgl_box box = { transfer->x,	  transfer->y,	    transfer->z,
				 transfer->width, transfer->height, transfer->depth };
	uint32_t context = transfer->header.context;

	(void)renderer;
	enter();
	if (to)
		return leave(virgl_renderer_transfer_write_iov(
			transfer->resource, context, (int)transfer->level, transfer->stride,
			transfer->layer_stride, &box, transfer->offset, NULL, 0));
	return leave(virgl_renderer_transfer_read_iov(transfer->resource, context, transfer->level,
						      transfer->stride, transfer->layer_stride,
						      &box, transfer->offset, NULL, 0));
}

static int on_submit(struct renderer *renderer, uint32_t context, const void *words, uint32_t count)
{
	(void)renderer;
	enter();
	return leave(virgl_renderer_submit_cmd((void *)(uintptr_t)words, (int)context, (int)count));
}

static int on_new_fence(struct renderer *renderer, uint32_t context, uint32_t ring, uint64_t id)
{
	int result;

	(void)renderer;
	enter();
	if (context) {
		result = virgl_renderer_context_create_fence(context, 0, ring, id);
	} else {
		__atomic_store_n(&self.own_id, id, __ATOMIC_RELEASE);
		result = virgl_renderer_create_fence((int)(uint32_t)id, 0);
	}
	return leave(result);
}

static int on_read(struct renderer *renderer, uint32_t resource, uint32_t x, uint32_t y,
		   uint32_t width, uint32_t height, void *to, uint32_t stride)
{
	struct virgl_box box = { x, y, 0, width, height, 1 };
	struct iovec piece = { to, (size_t)stride * height };

	(void)renderer;
	enter();
	return leave(
		virgl_renderer_transfer_read_iov(resource, 0, 0, stride, 0, &box, 0, &piece, 1));
}

static const char *on_why(struct renderer *renderer)
{
	(void)renderer;
	return self.why;
}

static void free_events(void)
{
	if (self.readable)
		event_free(self.readable);
	if (self.woken)
		event_free(self.woken);
	self.readable = self.woken = NULL;
	if (self.render_fd >= 0)
		close(self.render_fd);
	self.render_fd = -1;
}

static void on_free(struct renderer *renderer)
{
	(void)renderer;
	enter();
	virgl_renderer_cleanup(&self);
	leave(0);
	watchdog_stop();
	free_events();
	close(self.wake_fd);
	free(self.done);
	pthread_mutex_destroy(&self.lock);
}

static const struct renderer_ops ops = {
	.capsets = on_capsets,
	.fill_capset = on_fill,
	.context_create = on_context_create,
	.context_destroy = on_context_destroy,
	.attach = on_attach,
	.detach = on_detach,
	.create = on_create,
	.import = on_import,
	.destroy = on_destroy,
	.give_pages = on_give_pages,
	.drop_pages = on_drop_pages,
	.transfer = on_transfer,
	.submit = on_submit,
	.fence = on_new_fence,
	.read = on_read,
	.why = on_why,
	.free = on_free,
};

/* ---- the beginning ---- */

static int on_drm_fd(void *cookie)
{
	(void)cookie;
	return self.render_fd < 0 ? -1 : fcntl(self.render_fd, F_DUPFD_CLOEXEC, 3);
}

/* The library's from then on. */
static int on_server_fd(void *cookie, uint32_t version)
{
	int fd = version == 0 ? self.server_fd : -1;

	(void)cookie;
	if (fd >= 0)
		self.server_fd = -1;
	return fd;
}

static struct virgl_renderer_callbacks callbacks = {
	.version = 3,
	.write_fence = on_own_fence,
	.get_drm_fd = on_drm_fd,
	.write_context_fence = on_fence,
	.get_server_fd = on_server_fd,
};

static void set_environment(void)
{
	/* What one guest had compiled is nothing for another process; nor is there a home. */
	setenv("MESA_SHADER_CACHE_DISABLE", "true", 0);
	if (self.render_fd < 0)
		setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
	/* The process that draws Vulkan may not open a server's GPU: only what needs none. */
	setenv("VK_LOADER_DRIVERS_SELECT", "lvp*", 0);
}

/* virglrenderer finds OpenGL's functions by libepoxy, which ends the process where these
 * are missing. They stay loaded. */
static bool has_opengl(void)
{
	return dlopen("libOpenGL.so.0", RTLD_LAZY) || dlopen("libGL.so.1", RTLD_LAZY);
}

/* more: flags. */
static bool start_library_with(int more)
{
	int flags = VIRGL_RENDERER_USE_EGL | VIRGL_RENDERER_THREAD_SYNC |
		    VIRGL_RENDERER_ASYNC_FENCE_CB | more;

	/* Without a node there is no GBM either. */
	if (self.render_fd < 0)
		flags |= VIRGL_RENDERER_USE_SURFACELESS;
	virgl_set_log_callback(on_log, NULL, NULL);
	enter();
	return !leave(virgl_renderer_init(&self, flags, &callbacks));
}

/* Vulkan is drawn by other processes, in the guest's own pages (venus), where the program
 * for it is installed; OpenGL needs none of that. */
static bool start_library(bool imports)
{
	self.server_fd = imports ? vulkan_server_start() : -1;
	if (imports && self.server_fd < 0)
		notice("no Vulkan: virgl_render_server: %s", strerror(errno));
	if (self.server_fd >= 0 &&
	    start_library_with(VIRGL_RENDERER_VENUS | VIRGL_RENDERER_RENDER_SERVER |
			       VIRGL_RENDERER_USE_GUEST_VRAM)) {
		self.renderer.imports = true;
		return true;
	}
	if (self.server_fd >= 0)
		close(self.server_fd);
	return start_library_with(0);
}

static void describe(void)
{
	const unsigned char *(*get)(unsigned int name);
	void (*found)(void);
	const char *name, *version;

	virgl_renderer_force_ctx_0();
	found = eglGetProcAddress("glGetString");
	memcpy(&get, &found, sizeof(get)); /* a cast would break aliasing, or be warned of */
	name = get ? (const char *)get(GL_RENDERER) : NULL;
	version = get ? (const char *)get(GL_VERSION) : NULL;
	error_clean(self.renderer.name, name ? name : "?", sizeof(self.renderer.name));
	error_clean(self.renderer.gl_version, version ? version : "?",
		    sizeof(self.renderer.gl_version));
	snprintf(self.renderer.library, sizeof(self.renderer.library), "%d.%d.%d",
		 VIRGL_MAJOR_VERSION, VIRGL_MINOR_VERSION, VIRGL_MICRO_VERSION);
	self.renderer.software = self.render_fd < 0;
}

static bool watch(struct event_base *base)
{
	int fd = virgl_renderer_get_poll_fd();

	self.woken = event_new(base, self.wake_fd, EV_READ | EV_PERSIST, on_woken, NULL);
	if (fd >= 0)
		self.readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, NULL);
	return self.woken && event_add(self.woken, NULL) == 0 &&
	       (fd < 0 || (self.readable && event_add(self.readable, NULL) == 0));
}

struct renderer *renderer_virgl(struct event_base *base, int render_fd, bool imports,
				unsigned int seconds, char why[160])
{
	self = (struct virgl){ .renderer.ops = &ops, .loop = pthread_self() };
	pthread_mutex_init(&self.lock, NULL);
	self.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	self.render_fd = render_fd < 0 ? -1 : fcntl(render_fd, F_DUPFD_CLOEXEC, 3);
	set_environment();
	if (self.wake_fd < 0 || (render_fd >= 0 && self.render_fd < 0) ||
	    !watchdog_start(seconds)) {
		snprintf(why, 160, "renderer: %s", strerror(errno));
	} else if (!has_opengl()) {
		snprintf(why, 160, "no OpenGL here: neither libOpenGL.so.0 nor libGL.so.1");
	} else if (!start_library(imports)) {
		snprintf(why, 160, "virglrenderer does not start: %.100s",
			 self.why[0] ? self.why : "no reason told");
	} else if (!watch(base)) {
		snprintf(why, 160, "renderer: no memory");
		virgl_renderer_cleanup(&self);
	} else {
		describe();
		return &self.renderer;
	}
	watchdog_stop();
	free_events();
	if (self.wake_fd >= 0)
		close(self.wake_fd);
	pthread_mutex_destroy(&self.lock);
	return NULL;
}
