/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl screenshot. The picture is drawn to memory and copied when it is complete: a file
 * that is there stays as it is when there is no picture, and nobody waits for a reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "partition.h"
#include "verbs.h"

struct settings {
	uint64_t screen;
};

static const struct settings defaults = { 0 };

struct picture {
	int memory; /* a file without a name */
	uint64_t width, height;
	const char *source; /* who has drawn it; of the answer */
	sd_json_variant *answer;
};

/* Where it goes. */
struct target {
	const char *path; /* NULL: standard output */
	int fd;
	bool made; /* by us: it goes again when there is no picture */
};

/* NAME-DATE.png, as virsh has it. */
static void name_file(char *path, size_t size, const char *name)
{
	time_t now = time(NULL);
	struct tm broken = { 0 };
	char date[32] = "";

	localtime_r(&now, &broken);
	strftime(date, sizeof(date), "%Y-%m-%d-%H:%M:%S", &broken);
	snprintf(path, size, "%s-%s.png", name, date);
}

static enum hvctl_status open_target(struct target *target, const char *path)
{
	int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;

	*target = (struct target){ .path = path, .fd = STDOUT_FILENO };
	if (!path && isatty(STDOUT_FILENO))
		return error_report(HVCTL_USAGE, "screenshot: a picture is nothing for a terminal");
	if (!path)
		return HVCTL_OK;
	target->fd = open(path, flags | O_CREAT | O_EXCL, 0666);
	target->made = target->fd >= 0;
	if (target->fd < 0 && errno == EEXIST)
		target->fd = open(path, flags);
	return target->fd < 0 ? error_errno(errno, "%s", path) : HVCTL_OK;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t count = write(fd, bytes, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		bytes += count;
		size -= (size_t)count;
	}
	return true;
}

/* The same for a file from its beginning, which ends behind it. */
static bool copy_bytes(int from, int to)
{
	char bytes[65536];
	off_t at = 0;
	ssize_t count;
	struct stat status;

	while ((count = pread(from, bytes, sizeof(bytes), at)) > 0) {
		if (!write_all(to, bytes, (size_t)count))
			return false;
		at += count;
	}
	if (count < 0 || fstat(to, &status) < 0)
		return false;
	return !S_ISREG(status.st_mode) || to == STDOUT_FILENO || ftruncate(to, at) == 0;
}

static enum hvctl_status close_target(struct target *target, const struct picture *picture,
				      enum hvctl_status status)
{
	const char *name = target->path ? target->path : "standard output";

	if (target->fd < 0)
		return status;
	if (status == HVCTL_OK && !copy_bytes(picture->memory, target->fd))
		status = error_errno(errno, "%s", name);
	if (!target->path)
		return status;
	if (close(target->fd) < 0 && status == HVCTL_OK)
		status = error_errno(errno, "%s", name);
	if (status != HVCTL_OK && target->made)
		unlink(target->path);
	return status;
}

static enum hvctl_status take(struct client *client, const struct cli_call *call,
			      const char *partition, struct picture *picture)
{
	const struct settings *settings = call->line->settings;
	struct reply reply = { 0 };
	sd_json_variant *parameters = NULL;
	enum hvctl_status status;
	uint64_t index;
	int error;

	picture->memory = memfd_create("screenshot", MFD_CLOEXEC);
	if (picture->memory < 0)
		return error_errno(errno, "no memory for a picture");
	status = client_push(client, picture->memory, &index);
	if (status != HVCTL_OK)
		return status;
	error = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("partition", partition),
			       SD_JSON_BUILD_PAIR_UNSIGNED("display", settings->screen),
			       SD_JSON_BUILD_PAIR_UNSIGNED("file_fd", index));
	if (error < 0)
		return json_failed(error);
	status = client_call(client, "Screenshot", parameters, &picture->answer);
	if (status != HVCTL_OK)
		return status;
	reply.object = picture->answer;
	picture->width = reply_number(&reply, "width", true);
	picture->height = reply_number(&reply, "height", true);
	picture->source = reply_text(&reply, "source", true);
	return reply_check(&reply);
}

/* chosen: the user has not said where it goes. */
static enum hvctl_status tell(const struct cli_call *call, const struct target *target,
			      const struct picture *picture, bool chosen)
{
	if (call->line->globals.format == HVCTL_JSON && target->path)
		return json_show(!call->line->globals.no_color,
				 SD_JSON_BUILD_PAIR_STRING("file", target->path),
				 SD_JSON_BUILD_PAIR_UNSIGNED("width", picture->width),
				 SD_JSON_BUILD_PAIR_UNSIGNED("height", picture->height),
				 SD_JSON_BUILD_PAIR_STRING("source", picture->source));
	if (chosen)
		puts(target->path);
	else
		error_progress("%s: %llux%llu, drawn by %s",
			       target->path ? target->path : "screenshot",
			       (unsigned long long)picture->width,
			       (unsigned long long)picture->height, picture->source);
	return HVCTL_OK;
}

static enum hvctl_status shoot(struct client *client, const struct cli_call *call)
{
	const char *file = call->line->operands[1];
	bool chosen = !file, stdout_too = file && strcmp(file, "-") == 0;
	sd_json_variant *object JSON_AUTO = NULL;
	struct picture picture = { .memory = -1 };
	struct partition partition;
	struct target target;
	enum hvctl_status status;
	char path[160];

	status = partition_find(client, call->line->operands[0], &partition, &object);
	if (status != HVCTL_OK)
		return status;
	if (chosen)
		name_file(path, sizeof(path), partition.name);
	status = open_target(&target, stdout_too ? NULL : chosen ? path : file);
	if (status != HVCTL_OK)
		return status;
	status = take(client, call, partition.uuid, &picture);
	status = close_target(&target, &picture, status);
	if (status == HVCTL_OK)
		status = tell(call, &target, &picture, chosen);
	sd_json_variant_unref(picture.answer);
	if (picture.memory >= 0)
		close(picture.memory);
	return status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct client client;

	if (call->line->globals.format == HVCTL_JSON && call->line->operands[1] &&
	    strcmp(call->line->operands[1], "-") == 0)
		return error_report(HVCTL_USAGE,
				    "screenshot: JSON and the picture both on standard output");
	status = client_open(&client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK)
		return status;
	status = shoot(&client, call);
	client_close(&client);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = "FILE",
	  .words = CLI_FILES,
	  .help = "Where the picture goes; - is standard output. Without it NAME-DATE.png, whose "
		  "name is printed" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	{ .name = "screen",
	  .kind = CLI_NUMBER,
	  .value = "N",
	  .maximum = 3,
	  .offset = offsetof(struct settings, screen),
	  .help = "Which of its displays; 0 is the first" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl screenshot web web.png", "What its screen shows" },
	{ "hvctl screenshot web - | display -", "At once" },
	{ NULL, NULL },
};

const struct cli_verb verb_screenshot = {
	.name = "screenshot",
	.summary = "Save what a guest's screen shows as a PNG",
	.description =
		"Writes a picture of the guest's screen, with its cursor, as PNG: to FILE, which is "
		"replaced, to standard output, or to a file of its own. A guest that has not drawn "
		"anything yet is in the wrong state for it (exit status 4); one without a screen "
		"has none (7).",
	.operands = operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
