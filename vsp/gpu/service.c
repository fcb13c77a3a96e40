/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mullion.Gpu: the screen and the GPU of one partition, from Configure to the process's
 * end. What was made by a call that fails is undone before its answer.
 *
 * The GPU is the screen while the guest's driver of it works, and hv-vsp hides the synthetic
 * device so long; else that one is.
 */
#include "../service/service.h"

#include <errno.h>
#include <event2/event.h>
#include <mullion/vram.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dmabuf.h"
#include "gpu.h"
#include "info.h"
#include "interface-gpu.h"
#include "link.h"
#include "parse.h"
#include "partition.h"
#include "program.h"
#include "renderer.h"
#include "shot.h"
#include "video.h"

#define NAME_MAX_LENGTH 128u
#define SHOTS_MAX 4u
/* After so long a renderer that does not come back, or owes fences and finishes none, is
 * stuck; after so much longer also where it finishes others. */
#define STUCK_S 60u
#define ENDLESS_S 300u
#define LOOK_S 1
/* A guest can do wrong, and change the screen's source, as often as it likes. */
#define LINES_MAX 10u
#define LINES_S 5
#define NEWS_MS 100

struct pending_shot {
	struct shot *shot; /* NULL: free */
	sd_varlink *asked; /* NULL: nobody waits any more */
	uint32_t width, height;
	enum source source;
};

static struct screen {
	struct service *service;
	struct vmbus_guid video_instance, gpu_instance;
	struct guest *guest;
	struct video *video; /* NULL: not configured */
	struct renderer *renderer; /* NULL: none */
	struct gpu *gpu; /* NULL: none */
	struct link *link;
	struct event *look; /* for what is stuck */
	struct event *soon; /* gpu_look() */
	uint64_t memory_max;
	char problem[160]; /* why there is no 3D; "": there is */
	enum source told; /* what subscribers know */
	struct event *news; /* tells them of another one */
	struct {
		time_t since; /* of the period, seconds */
		unsigned int count, left_out;
	} lines;
	struct pending_shot shots[SHOTS_MAX];
} self;

static bool need_screen(struct error *error)
{
	return self.link || error_set(error, ERROR_FAILED, "there is no partition yet");
}

/* ---- events ---- */

static enum source source(void)
{
	if (self.gpu && gpu_works(self.gpu))
		return SOURCE_GPU;
	return self.video && video_is_open(self.video) ? SOURCE_VIDEO : SOURCE_NONE;
}

static int build_event(sd_json_variant **event, const char *kind, const char *detail)
{
	return sd_json_buildo(event, SD_JSON_BUILD_PAIR_STRING("kind", kind),
			      SD_JSON_BUILD_PAIR_STRING("source", source_name(source())),
			      SD_JSON_BUILD_PAIR_CONDITION(detail != NULL, "detail",
							   SD_JSON_BUILD_STRING(detail)));
}

static void tell(const char *kind, const char *detail)
{
	char line[sizeof(((struct error *)0)->text)];
	sd_json_variant *event JSON_AUTO = NULL;

	if (detail) {
		error_clean(line, detail, sizeof(line));
		notice("%s", line);
	}
	build_event(&event, kind, detail ? line : NULL);
	service_notify(self.service, event);
}

static void on_news(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	if (source() == self.told)
		return;
	self.told = source();
	tell("source", NULL);
}

/* Soon: a driver that begins anew is nothing to be told of. */
static void tell_source(void)
{
	static const struct timeval soon = { .tv_usec = NEWS_MS * 1000L };

	if (self.news && !event_pending(self.news, EV_TIMEOUT, NULL))
		event_add(self.news, &soon);
}

/* True: one more line may be said about what the guest does. */
static bool may_say(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - self.lines.since >= LINES_S) {
		if (self.lines.left_out)
			notice("the guest: %u lines left out", self.lines.left_out);
		self.lines.since = now.tv_sec;
		self.lines.count = self.lines.left_out = 0;
	}
	if (self.lines.count++ < LINES_MAX)
		return true;
	self.lines.left_out++;
	return false;
}

static void on_working(void *context, bool works)
{
	(void)context, (void)works;
	tell_source();
}

static void on_resumed(void *context)
{
	(void)context;
	tell("renderer_lost", "the process before this one has ended");
}

static void on_lost(void *context, uint32_t id, const char *text)
{
	(void)context;
	if (!may_say())
		return;
	if (id)
		tell("context_lost", text);
	else
		notice("the guest's driver: %s", text);
}

static void on_video(void *context)
{
	(void)context;
	tell_source();
}

static void on_soon(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	gpu_look(self.gpu);
}

static void on_look_soon(void *context)
{
	static const struct timeval soon = { .tv_usec = GPU_LOOK_MS * 1000L };

	(void)context;
	if (self.soon && !event_pending(self.soon, EV_TIMEOUT, NULL))
		event_add(self.soon, &soon);
}

static const struct gpu_calls gpu_calls = {
	.working = on_working,
	.resumed = on_resumed,
	.lost = on_lost,
	.look = on_look_soon,
};

static const struct video_ops video_ops = { .opened = on_video, .closed = on_video };

static int on_subscribe(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *event JSON_AUTO = NULL;
	int result = service_no_parameters(link, parameters);

	if (result != 0)
		return result;
	result = build_event(&event, "started", NULL);
	return result < 0 ? result : service_subscribe(userdata, link, flags, event);
}

/* ---- a renderer that is stuck ---- */

static void on_look(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	gpu_probe(self.gpu);
	if (gpu_without_progress(self.gpu) < STUCK_S * 1000000000ull &&
	    gpu_oldest_fence(self.gpu) < ENDLESS_S * 1000000000ull)
		return;
	/* Nothing can be done about it from within. */
	notice("the renderer has not finished within %u seconds: the process ends",
	       (unsigned int)(gpu_oldest_fence(self.gpu) / 1000000000u));
	_exit(ERROR_FAILED);
}

static bool look_after(void)
{
	static const struct timeval period = { .tv_sec = LOOK_S };

	self.look = event_new(service_base(self.service), -1, EV_PERSIST, on_look, NULL);
	self.soon = evtimer_new(service_base(self.service), on_soon, NULL);
	return self.soon && self.look && event_add(self.look, &period) == 0;
}

/* ---- Configure ---- */

struct given {
	const char *name, *video, *gpu;
	uint32_t partition_fd, socket_fd, render_fd;
	uint64_t vram_gpa, vram_size, memory_max;
	uint32_t width, height;
};

static void unmake(void)
{
	link_free(self.link);
	self.link = NULL;
	if (self.look)
		event_free(self.look);
	if (self.news)
		event_free(self.news);
	if (self.soon)
		event_free(self.soon);
	self.look = self.news = self.soon = NULL;
	gpu_free(self.gpu);
	self.gpu = NULL;
	if (self.renderer)
		self.renderer->ops->free(self.renderer);
	self.renderer = NULL;
	video_free(self.video);
	self.video = NULL;
	guest_free(self.guest);
	self.guest = NULL;
	self.problem[0] = '\0';
}

static bool check_given(const struct given *given, struct error *error)
{
	if (self.link)
		return error_set(error, ERROR_FAILED, "there is a partition already");
	if (!is_name(given->name, NAME_MAX_LENGTH))
		return error_set(error, ERROR_CONFIG, "the partition's name is no name");
	if (!parse_guid(given->video, &self.video_instance))
		return error_set(error, ERROR_CONFIG, "video: not a GUID");
	if (given->gpu && !parse_guid(given->gpu, &self.gpu_instance))
		return error_set(error, ERROR_CONFIG, "gpu: not a GUID");
	if (given->width < GPU_SIZE_MIN || given->width > GPU_SIZE_MAX ||
	    given->height < GPU_SIZE_MIN || given->height > GPU_SIZE_MAX)
		return error_set(error, ERROR_CONFIG, "width, height: not %u to %u", GPU_SIZE_MIN,
				 GPU_SIZE_MAX);
	if (given->vram_size < MULLION_VRAM_MIN || given->vram_size > MULLION_VRAM_MAX ||
	    given->vram_gpa % 4096 || given->vram_gpa + given->vram_size < given->vram_gpa)
		return error_set(error, ERROR_CONFIG, "vram: a window that cannot be");
	return true;
}

static struct device *find_device(void *context, const struct vmbus_guid *instance)
{
	(void)context;
	if (memcmp(instance, &self.video_instance, sizeof(*instance)) == 0)
		return video_device(self.video);
	if (self.gpu && memcmp(instance, &self.gpu_instance, sizeof(*instance)) == 0)
		return gpu_device(self.gpu);
	return NULL;
}

static void on_link_end(void *context)
{
	(void)context;
	notice("hv-vsp is gone: the guest has no screen any more");
}

static bool make_video(const struct given *given, struct error *error)
{
	self.video = video_new(given->vram_gpa, given->vram_size, &video_ops, NULL);
	if (!self.video)
		return error_errno(error, ENOMEM, "video");
	if (!video_prefer(self.video, given->width, given->height))
		return error_set(error, ERROR_CONFIG, "vram: less than the picture needs");
	return true;
}

/* Guests' pages can be had as dma-bufs. */
static bool can_share(void)
{
	return guest_is_pinnable(self.guest) && dmabuf_can();
}

/* Without a renderer the GPU shows what the guest draws itself. */
static bool make_gpu(const struct given *given, int render_fd, struct error *error)
{
	struct gpu_config config = {
		.memory_max = given->memory_max,
		.width = given->width,
		.height = given->height,
		.replaces = self.video_instance,
	};

	self.renderer = renderer_virgl(service_base(self.service), render_fd, can_share(), STUCK_S,
				       self.problem);
	if (!self.renderer)
		notice("%s", self.problem);
	self.gpu = gpu_new(&config, self.renderer, &gpu_calls, NULL);
	return (self.gpu && look_after()) || error_errno(error, ENOMEM, "gpu");
}

/* socket becomes the link's, or is closed. */
static bool make(const struct given *given, int partition, int socket, int render_fd,
		 struct error *error)
{
	self.memory_max = given->memory_max;
	self.news = evtimer_new(service_base(self.service), on_news, NULL);
	if (!self.news)
		error_fill_errno(error, ENOMEM, "events");
	else
		self.guest = partition_guest(partition, true, error);
	if (self.guest && make_video(given, error) &&
	    (!given->gpu || make_gpu(given, render_fd, error))) {
		self.link = link_new(service_base(self.service), socket, self.guest, find_device,
				     on_link_end, NULL);
		if (self.link)
			return true;
		error_fill_errno(error, errno, "socket_fd");
	}
	unmake();
	close(socket);
	return false;
}

static bool take_render_fd(sd_varlink *link, const struct given *given, int *fd,
			   struct error *error)
{
	*fd = -1;
	return given->render_fd == SERVICE_NO_FD ||
	       service_take(link, given->render_fd, "render_fd", fd, error);
}

static bool configure(sd_varlink *link, const struct given *given, struct error *error)
{
	int partition, socket, render_fd = -1;
	bool made = false;

	if (!check_given(given, error) ||
	    !service_take(link, given->partition_fd, "partition_fd", &partition, error))
		return false;
	if (take_render_fd(link, given, &render_fd, error) &&
	    service_take_socket(link, given->socket_fd, "socket_fd", &socket, error))
		made = make(given, partition, socket, render_fd, error);
	if (render_fd >= 0)
		close(render_fd);
	close(partition);
	return made;
}

static int on_configure(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(given, name, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, video, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, gpu, STRING, sd_json_dispatch_const_string, SD_JSON_NULLABLE),
		SERVICE_FIELD(given, partition_fd, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, socket_fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		SERVICE_FIELD(given, vram_gpa, NUMBER, sd_json_dispatch_uint64, SD_JSON_MANDATORY),
		SERVICE_FIELD(given, vram_size, NUMBER, sd_json_dispatch_uint64, SD_JSON_MANDATORY),
		SERVICE_FIELD(given, render_fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_NULLABLE),
		SERVICE_FIELD(given, memory_max, NUMBER, sd_json_dispatch_uint64,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, width, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		SERVICE_FIELD(given, height, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct given given = { .render_fd = SERVICE_NO_FD };
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &given);

	(void)flags;
	if (result != 0)
		return result;
	return service_reply(userdata, link, configure(link, &given, &error), &error);
}

/* ---- Info, Stats ---- */

static struct info_parts info_parts(void)
{
	return (struct info_parts){
		.gpu = self.gpu,
		.video = self.video,
		.renderer = self.renderer,
		.problem = self.problem,
		.source = source(),
		.memory_max = self.memory_max,
	};
}

static int ask(sd_varlink *link, sd_json_variant *parameters, struct service *service,
	       int (*answer)(sd_varlink *link, const struct info_parts *parts))
{
	const struct info_parts parts = info_parts();
	struct error error;
	int result = service_no_parameters(link, parameters);

	if (result != 0)
		return result;
	return need_screen(&error) ? answer(link, &parts) :
				     service_reply_error(service, link, &error);
}

static int on_info(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		   void *userdata)
{
	(void)flags;
	return ask(link, parameters, userdata, info_reply);
}

static int on_stats(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	(void)flags;
	return ask(link, parameters, userdata, info_reply_statistics);
}

/* ---- SetDisplay ---- */

struct mode {
	uint32_t display, width, height;
	bool connected;
};

static bool set_display(const struct mode *mode, struct error *error)
{
	if (!need_screen(error))
		return false;
	if (mode->display >= (self.gpu ? MULLION_GPU_DISPLAYS_MAX : 1))
		return error_set(error, ERROR_CONFIG, "display: there is no such");
	if (mode->connected && (mode->width < GPU_SIZE_MIN || mode->width > GPU_SIZE_MAX ||
				mode->height < GPU_SIZE_MIN || mode->height > GPU_SIZE_MAX))
		return error_set(error, ERROR_CONFIG, "width, height: not %u to %u", GPU_SIZE_MIN,
				 GPU_SIZE_MAX);
	if (!mode->display && mode->connected &&
	    !video_prefer(self.video, mode->width, mode->height) && !self.gpu)
		return error_set(error, ERROR_CONFIG, "more than the screen's memory holds");
	if (self.gpu)
		gpu_set_display(self.gpu, mode->display, mode->connected, mode->width,
				mode->height);
	return true;
}

static int on_set_display(sd_varlink *link, sd_json_variant *parameters,
			  sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(mode, display, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		SERVICE_FIELD(mode, connected, BOOLEAN, sd_json_dispatch_stdbool,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(mode, width, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		SERVICE_FIELD(mode, height, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct mode mode = { 0 };
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &mode);

	(void)flags;
	if (result != 0)
		return result;
	return service_reply(userdata, link, set_display(&mode, &error), &error);
}

/* ---- Screenshot ---- */

static void on_shot(void *context, int number)
{
	struct pending_shot *pending = context;
	sd_varlink *link = pending->asked;
	struct error error;

	pending->shot = NULL;
	pending->asked = NULL;
	if (!link)
		return;
	if (number) {
		error_fill_errno(&error, number, "fd");
		service_reply_error(self.service, link, &error);
	} else {
		sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("width", pending->width),
				   SD_JSON_BUILD_PAIR_UNSIGNED("height", pending->height),
				   SD_JSON_BUILD_PAIR_STRING("source",
							     source_name(pending->source)));
	}
	sd_varlink_unref(link);
	service_answered(self.service);
}

/* 0, or an errno as of gpu_picture(). */
static int copy_video(struct image *image)
{
	struct video_picture picture;
	struct iovec piece;

	if (!video_picture(self.video, &picture))
		return ENODATA;
	piece = (struct iovec){ (void *)(uintptr_t)picture.pixels,
				(size_t)picture.stride * picture.height };
	if (!image_new(image, picture.width, picture.height))
		return ENOMEM;
	if (image_fill(image, picture.bits == 16 ? IMAGE_RGB565 : IMAGE_BGRX, &piece, 1, 0,
		       picture.stride))
		return 0;
	image_free(image);
	return ENOMEM;
}

static bool take_picture(uint32_t display, struct image *image, enum source *from,
			 struct error *error)
{
	int number = ENODATA;

	if (display >= (self.gpu ? MULLION_GPU_DISPLAYS_MAX : 1))
		return error_set(error, ERROR_CONFIG, "display: there is no such");
	*from = source();
	if (*from == SOURCE_GPU)
		number = gpu_picture(self.gpu, display, image);
	else if (!display)
		number = copy_video(image);
	if (number == ENODATA)
		return error_set(error, ERROR_NOT_READY, "nothing was shown yet");
	return !number || error_errno(error, number, "display %u", display);
}

static struct pending_shot *free_shot(void)
{
	for (unsigned int i = 0; i < SHOTS_MAX; i++)
		if (!self.shots[i].shot)
			return &self.shots[i];
	return NULL;
}

/* The descriptor is taken or closed. */
static bool shoot(sd_varlink *link, uint32_t display, int fd, struct error *error)
{
	struct pending_shot *pending = free_shot();
	struct image image;
	enum source from;

	if (!pending || !take_picture(display, &image, &from, error)) {
		if (!pending)
			error_fill(error, ERROR_RESOURCES, "more than %u pictures at a time",
				   SHOTS_MAX);
		close(fd);
		return false;
	}
	*pending = (struct pending_shot){ .width = image.width,
					  .height = image.height,
					  .source = from };
	pending->shot = shot_start(service_base(self.service), &image, fd, on_shot, pending);
	if (!pending->shot)
		return error_errno(error, errno, "picture");
	pending->asked = sd_varlink_ref(link);
	return true;
}

struct asked_shot {
	uint32_t display, fd;
};

static int on_screenshot(sd_varlink *link, sd_json_variant *parameters,
			 sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(asked_shot, display, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(asked_shot, fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct asked_shot asked = { 0 };
	struct error error;
	int fd, result = sd_varlink_dispatch(link, parameters, fields, &asked);

	(void)flags;
	if (result != 0)
		return result;
	if (need_screen(&error) && service_take(link, asked.fd, "fd", &fd, &error) &&
	    shoot(link, asked.display, fd, &error))
		return 0; /* answered by on_shot() */
	return service_reply_error(userdata, link, &error);
}

static void on_gone(struct service *service, const sd_varlink *link)
{
	(void)service;
	for (unsigned int i = 0; i < SHOTS_MAX; i++)
		if (self.shots[i].asked == link)
			self.shots[i].asked = sd_varlink_unref(self.shots[i].asked);
}

/* ---- the program ---- */

static void begin(struct service *service)
{
	self.service = service;
}

static void end(struct service *service)
{
	(void)service;
	for (unsigned int i = 0; i < SHOTS_MAX; i++) {
		if (self.shots[i].shot)
			shot_cancel(self.shots[i].shot);
		self.shots[i].shot = NULL;
		self.shots[i].asked = sd_varlink_unref(self.shots[i].asked);
	}
	unmake();
}

static const struct service_method methods[] = {
	{ "Configure", on_configure },
	{ "Info", on_info },
	{ "Stats", on_stats },
	{ "Screenshot", on_screenshot },
	{ "SetDisplay", on_set_display },
	{ "Subscribe", on_subscribe },
};

const struct service_program gpu_program = {
	.name = "hv-gpu",
	.about = "Serves the screen and the GPU of one partition to its guest, as hvd directs.\n",
	.interface_name = "org.mullion.Gpu",
	.interface = &org_mullion_Gpu,
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.begin = begin,
	.end = end,
	.gone = on_gone,
};
