/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images that are shown as raw files, see image.h. The unit gets its command line by a
 * file of variables, since paths may have any character but those that end a line.
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "spawn.h"

#define TRY_US 50000
#define TRIES 400u /* 20 s: a large image is checked when it is opened */
#define ADOPT_TRIES 2u
/* On one line; the flag for that alone is none. */
#define FORMAT SD_JSON_FORMAT_CENSOR_SENSITIVE

struct image {
	struct image *next;
	struct images *images;
	char target[DOMAIN_TARGET_MAX];
	char name[IMAGE_NAME_MAX]; /* of the unit and the directory */
	int monitor; /* -1: not connected */
	unsigned int tries;
	bool released; /* nobody has its raw file open */
	uint64_t before; /* the process that it takes the place of; 0: none */
	bool seen; /* its process was there */
	struct event *timer; /* the next try */
	struct event *end; /* of monitor; NULL: not connected */
};

struct images {
	struct partition *partition;
	struct image *first;
	struct event *kick; /* tells how a start has ended */
	void (*lost)(struct partition *partition, const char *target);
	void (*done)(struct partition *partition, const struct failure *failure);
	bool failed;
	struct failure failure;
};

static void name_of(const struct partition *partition, const char *target,
		    char name[static IMAGE_NAME_MAX])
{
	snprintf(name, IMAGE_NAME_MAX, "%.63s:%.15s", partition_name(partition), target);
}

void images_path(const struct partition *partition, const struct domain_disk *disk, char *path,
		 size_t size)
{
	char name[IMAGE_NAME_MAX];

	name_of(partition, disk->target, name);
	snprintf(path, size, "%s/image/%s/disk", partition->hvd->settings.run, name);
}

static struct spawner *spawner_of(const struct image *image)
{
	return image->images->partition->hvd->spawner;
}

static void tell_later(struct images *images)
{
	static const struct timeval now = { 0 };

	event_add(images->kick, &now);
}

/* ---- the command line ---- */

/* What the daemon is told of the image: QEMU's options as JSON. */
static sd_json_variant *image_json(const struct domain_disk *disk)
{
	bool direct = disk->cache == DOMAIN_CACHE_NONE;
	sd_json_variant *json = NULL;

	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("driver", domain_format_name(disk->format)),
		       SD_JSON_BUILD_PAIR_STRING("node-name", "image"),
		       SD_JSON_BUILD_PAIR_BOOLEAN("read-only", disk->read_only),
		       SD_JSON_BUILD_PAIR_STRING("discard", disk->discard ? "unmap" : "ignore"),
		       SD_JSON_BUILD_PAIR_OBJECT(
			       "file", SD_JSON_BUILD_PAIR_STRING("driver", "file"),
			       SD_JSON_BUILD_PAIR_STRING("filename", disk->source),
			       SD_JSON_BUILD_PAIR_OBJECT(
				       "cache", SD_JSON_BUILD_PAIR_BOOLEAN("direct", direct))));
	return json;
}

static sd_json_variant *export_json(const struct partition *partition,
				    const struct domain_disk *disk)
{
	sd_json_variant *json = NULL;
	char path[256];

	images_path(partition, disk, path, sizeof(path));
	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("type", "fuse"),
		       SD_JSON_BUILD_PAIR_STRING("id", "disk"),
		       SD_JSON_BUILD_PAIR_STRING("node-name", "image"),
		       SD_JSON_BUILD_PAIR_STRING("mountpoint", path),
		       SD_JSON_BUILD_PAIR_BOOLEAN("writable", !disk->read_only),
		       /* hv-storage, which has it open, runs as somebody else; by its path nobody
			* but root gets there. */
		       SD_JSON_BUILD_PAIR_STRING("allow-other", "on"));
	return json;
}

/* NAME="text" as systemd reads it (systemd.exec(5), EnvironmentFile=). */
static void put_variable(FILE *out, const char *name, const char *text)
{
	fprintf(out, "%s=\"", name);
	for (; *text; text++) {
		if (strchr("\"\\$`", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
	fputs("\"\n", out);
}

static bool write_variables(const struct image *image, const char *blockdev, const char *export)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/image/%s.env", image->images->partition->hvd->settings.run,
		 image->name);
	out = fopen(path, "we");
	if (!out)
		return false;
	put_variable(out, "BLOCKDEV", blockdev);
	put_variable(out, "EXPORT", export);
	return fclose(out) == 0;
}

/* The process begins; whether it comes up shows on its monitor. */
static bool launch(struct image *image, const struct domain_disk *disk, struct failure *failure)
{
	JSON_AUTO sd_json_variant *blockdev = image_json(disk);
	JSON_AUTO sd_json_variant *export = export_json(image->images->partition, disk);
	char *texts[2] = { NULL, NULL }, path[256];
	bool good;

	/* One before it may be about to end, and must not be taken for it. */
	image->before = spawner_image(spawner_of(image), image->name);
	snprintf(path, sizeof(path), "%s/image/%s/socket",
		 image->images->partition->hvd->settings.run, image->name);
	unlink(path);
	good = blockdev && export && sd_json_variant_format(blockdev, FORMAT, &texts[0]) >= 0 &&
	       sd_json_variant_format(export, FORMAT, &texts[1]) >= 0;
	if (!good)
		fail(failure, FAILURE_BUSY, "out of memory");
	else if (!write_variables(image, texts[0], texts[1]))
		good = fail_errno(failure, errno, "the image of %s cannot be described",
				  image->name);
	else
		good = spawner_start_image(spawner_of(image), image->name, texts[0], texts[1],
					   failure);
	free(texts[0]);
	free(texts[1]);
	return good;
}

/* ---- the monitor ---- */

static void destroy(struct image *image)
{
	if (image->end)
		event_free(image->end);
	if (image->timer)
		event_free(image->timer);
	if (image->monitor >= 0)
		close(image->monitor);
	free(image);
}

static void image_free(struct image *image)
{
	struct image **at = &image->images->first;

	while (*at != image)
		at = &(*at)->next;
	*at = image->next;
	destroy(image);
}

/* The first, taken out; NULL: there is none. */
static struct image *take_first(struct images *images)
{
	struct image *first = images->first;

	if (first)
		images->first = first->next;
	return first;
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
	struct image *image = context;
	struct images *images = image->images;
	char target[DOMAIN_TARGET_MAX], bytes[512];
	ssize_t size = read(fd, bytes, sizeof(bytes));

	(void)what;
	/* Its greeting is not of interest. */
	if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	memcpy(target, image->target, sizeof(target));
	spawner_end_image(spawner_of(image), image->name);
	image_free(image);
	images->lost(images->partition, target);
}

static int connect_monitor(const struct image *image)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/image/%s/socket",
			      image->images->partition->hvd->settings.run, image->name);

	if (fd < 0)
		return -1;
	if (length > 0 && (size_t)length < sizeof(address.sun_path) &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_complete(const struct images *images)
{
	for (const struct image *at = images->first; at; at = at->next) {
		if (at->monitor < 0)
			return false;
	}
	return true;
}

static void give_up(struct image *image)
{
	struct images *images = image->images;

	if (images->done && !images->failed) {
		images->failed = true;
		fail(&images->failure, FAILURE_FAILED,
		     "the image of %s is not shown: see journalctl -u mullion-image@%s",
		     image->name, image->name);
	}
	spawner_end_image(spawner_of(image), image->name);
	image_free(image);
	tell_later(images);
}

static void on_try(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval interval = { .tv_usec = TRY_US };
	struct image *image = context;
	struct images *images = image->images;
	uint64_t process;
	bool there;

	(void)fd, (void)what;
	image->monitor = connect_monitor(image);
	process = spawner_image(spawner_of(image), image->name);
	there = process && process != image->before;
	/* It has come and gone: the image is none, or the like. */
	if (image->seen && !there)
		image->tries = 1;
	image->seen = there;
	if (image->monitor < 0 && --image->tries) {
		event_add(image->timer, &interval);
		return;
	}
	if (image->monitor >= 0)
		image->end = event_new(images->partition->hvd->base, image->monitor,
				       EV_READ | EV_PERSIST, on_end, image);
	if (!image->end || event_add(image->end, NULL) < 0) {
		give_up(image);
		return;
	}
	if (is_complete(images))
		tell_later(images);
}

static struct image *image_new(struct images *images, const char *target, unsigned int tries)
{
	static const struct timeval now = { 0 };
	struct image *image = calloc(1, sizeof(*image));

	if (!image)
		return NULL;
	image->images = images;
	image->monitor = -1;
	image->tries = tries;
	snprintf(image->target, sizeof(image->target), "%s", target);
	name_of(images->partition, target, image->name);
	image->next = images->first;
	images->first = image;
	image->timer = evtimer_new(images->partition->hvd->base, on_try, image);
	if (image->timer && event_add(image->timer, &now) == 0)
		return image;
	image_free(image);
	return NULL;
}

static struct image *find(const struct images *images, const char *target)
{
	struct image *at = images->first;

	while (at && strcmp(at->target, target) != 0)
		at = at->next;
	return at;
}

/* Whether the live definition has the disk. */
static bool is_wanted(const struct image *image)
{
	const struct domain *live = image->images->partition->live;
	const struct domain_disk *disk = live ? domain_disk(live, image->target) : NULL;

	return disk && disk->format != DOMAIN_RAW;
}

/* ---- for devices.c ---- */

static void on_kick(evutil_socket_t fd, short what, void *context)
{
	struct images *images = context;
	void (*done)(struct partition *partition, const struct failure *failure) = images->done;
	struct failure failure = images->failure;
	bool failed = images->failed;

	(void)fd, (void)what;
	if (!done || (!failed && !is_complete(images)))
		return;
	images->done = NULL;
	images->failed = false;
	done(images->partition, failed ? &failure : NULL);
}

bool images_has(const struct images *images, const char *target)
{
	return find(images, target);
}

void images_trim(struct images *images)
{
	struct image *next;

	for (struct image *at = images->first; at; at = next) {
		next = at->next;
		if (!at->released || is_wanted(at))
			continue;
		spawner_end_image(spawner_of(at), at->name);
		image_free(at);
	}
	/* A start that waited for one of them waits no more. */
	tell_later(images);
}

void images_release(struct images *images, const char *target)
{
	struct image *image = find(images, target);

	if (image)
		image->released = true;
	images_trim(images);
}

static void release_all(struct images *images)
{
	for (struct image *at = images->first; at; at = at->next)
		at->released = true;
	images_trim(images);
	for (struct image *at = images->first; at; at = at->next)
		at->released = false;
}

void images_start(struct images *images, bool anew,
		  void (*done)(struct partition *partition, const struct failure *failure))
{
	const struct domain *live = images->partition->live;

	if (anew)
		release_all(images);
	images->done = done;
	images->failed = false;
	for (size_t i = 0; i < live->disk_count && !images->failed; i++) {
		const struct domain_disk *disk = &live->disks[i];
		struct image *image;

		if (disk->format == DOMAIN_RAW || find(images, disk->target))
			continue;
		image = image_new(images, disk->target, TRIES);
		if (!image)
			images->failed = !fail(&images->failure, FAILURE_BUSY, "out of memory");
		else
			images->failed = !launch(image, disk, &images->failure);
	}
	tell_later(images);
}

void images_end(struct images *images)
{
	struct image *image;

	images->done = NULL;
	while ((image = take_first(images))) {
		spawner_end_image(spawner_of(image), image->name);
		destroy(image);
	}
}

void images_adopt(struct images *images)
{
	const struct domain *live = images->partition->live;

	for (size_t i = 0; i < live->disk_count; i++) {
		if (live->disks[i].format != DOMAIN_RAW)
			image_new(images, live->disks[i].target, ADOPT_TRIES);
	}
}

struct images *images_new(struct partition *partition,
			  void (*lost)(struct partition *partition, const char *target))
{
	struct images *images = calloc(1, sizeof(*images));

	if (!images)
		return NULL;
	images->partition = partition;
	images->lost = lost;
	images->kick = evtimer_new(partition->hvd->base, on_kick, images);
	if (images->kick)
		return images;
	free(images);
	return NULL;
}

void images_free(struct images *images)
{
	struct image *image;

	if (!images)
		return;
	while ((image = take_first(images)))
		destroy(image);
	event_free(images->kick);
	free(images);
}
