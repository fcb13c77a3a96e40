/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mullion.Storage: one controller for one partition, from Configure to the process's
 * end. What was made by a call that fails is undone before its answer.
 */
#include "../service/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../channel/link.h"
#include "../service/parse.h"
#include "../service/partition.h"
#include "given.h"
#include "interface-storage.h"
#include "lock.h"
#include "program.h"

/* What a process before this one has left in the kernel's hands is over by then, or takes
 * no end: hvd waits a little longer for Configure. */
#define LOCK_SECONDS 15u

static struct controller {
	struct service *service;
	char name[GIVEN_NAME_MAX + 1]; /* of the partition */
	struct vmbus_guid instance;
	struct guest *guest;
	struct storage *storage; /* NULL: not configured */
	struct link *link;
	char names[STORAGE_LUNS][GIVEN_NAME_MAX + 1]; /* of disks, also of the last one */
} self;

static bool need_storage(struct error *error)
{
	return self.storage || error_set(error, ERROR_FAILED, "there is no controller yet");
}

/* ---- events ---- */

static const char *const kinds[STORAGE_EVENT_KINDS] = {
	[STORAGE_EVENT_READ_ERROR] = "read_error", [STORAGE_EVENT_WRITE_ERROR] = "write_error",
	[STORAGE_EVENT_NO_SPACE] = "no_space",	   [STORAGE_EVENT_FLUSH_ERROR] = "flush_error",
	[STORAGE_EVENT_NO_DISCARD] = "no_discard", [STORAGE_EVENT_REMOVED] = "removed",
};

static void describe(const struct storage_event *event, char *text, size_t room)
{
	static const char *const what[STORAGE_EVENT_KINDS] = {
		[STORAGE_EVENT_READ_ERROR] = "reading",
		[STORAGE_EVENT_WRITE_ERROR] = "writing",
		[STORAGE_EVENT_NO_SPACE] = "no room for a write",
		[STORAGE_EVENT_FLUSH_ERROR] = "flushing: data may be lost",
		[STORAGE_EVENT_NO_DISCARD] = "giving space back is not possible",
		[STORAGE_EVENT_REMOVED] = "closed",
	};
	int used = snprintf(text, room, "disk %s: %s", self.names[event->lun], what[event->kind]);

	if (event->length && used >= 0 && (size_t)used < room)
		used += snprintf(text + used, room - (size_t)used, ", %llu bytes at %llu",
				 (unsigned long long)event->length,
				 (unsigned long long)event->offset);
	if (event->error && used >= 0 && (size_t)used < room)
		used += snprintf(text + used, room - (size_t)used, ": %s", strerror(event->error));
	if (event->count > 1 && used >= 0 && (size_t)used < room)
		snprintf(text + used, room - (size_t)used, " (%llu times)",
			 (unsigned long long)event->count);
}

static void on_event(void *context, const struct storage_event *event)
{
	sd_json_variant *json JSON_AUTO = NULL;
	char text[sizeof(((struct error *)0)->text)];

	(void)context;
	describe(event, text, sizeof(text));
	if (event->kind != STORAGE_EVENT_REMOVED)
		notice("%s", text);
	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("kind", kinds[event->kind]),
		       SD_JSON_BUILD_PAIR_UNSIGNED("lun", event->lun),
		       SD_JSON_BUILD_PAIR_STRING("detail", text));
	service_notify(self.service, json);
}

static int on_subscribe(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *json JSON_AUTO = NULL;
	int result = service_no_parameters(link, parameters);

	if (result != 0)
		return result;
	result = sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("kind", "started"));
	return result < 0 ? result : service_subscribe(userdata, link, flags, json);
}

/* ---- disks ---- */

static enum error_kind kind_of(int number)
{
	switch (number) {
	case EEXIST:
	case EINVAL:
	case EMEDIUMTYPE:
		return ERROR_CONFIG;
	case ENOTSUP:
		return ERROR_UNSUPPORTED;
	default:
		return ERROR_NONE;
	}
}

static void on_waiting(void *context)
{
	const struct given_disk *disk = context;

	notice("disk %s: waits for requests of the process before, or for another program",
	       disk->name);
}

/* False: somebody else has it, until a time of CLOCK_MONOTONIC in ns. */
static bool lock_disk(struct given_disk *disk, uint64_t until, struct error *error)
{
	int result = lock_file(disk->fd, disk->options.read_only, until, on_waiting, disk);

	if (result == EBUSY)
		return error_set(error, ERROR_RESOURCES,
				 "disk %s: its file is locked, by requests that are still under "
				 "way or by another program",
				 disk->name);
	/* One that is not open as it has to be is found out next. */
	if (result && result != EBADF)
		notice("disk %s: its file cannot be locked: %s", disk->name, strerror(result));
	return true;
}

static bool add_disk(struct storage *storage, struct given_disk *disk, uint64_t until,
		     struct error *error)
{
	const char *why = NULL;
	enum error_kind kind;
	int result;

	if (!lock_disk(disk, until, error))
		return false;
	result = storage_add_disk(storage, disk->lun, disk->fd, &disk->options, &why);
	if (result == 0) {
		disk->fd = -1;
		snprintf(self.names[disk->lun], sizeof(self.names[0]), "%s", disk->name);
		return true;
	}
	if (result == -EEXIST)
		why = "its LUN is taken";
	error_fill_errno(error, -result, "disk %s", disk->name);
	kind = kind_of(-result);
	if (kind)
		error->kind = kind;
	if (why)
		snprintf(error->text, sizeof(error->text), "disk %s: %s", disk->name, why);
	return false;
}

/* ---- Configure ---- */

struct given {
	const char *name, *instance;
	uint32_t subs, partition_fd, socket_fd;
	sd_json_variant *disks;
	/* made of these */
	int partition, socket; /* -1: none, or not ours */
	struct given_disk *disk; /* of disk_count */
	unsigned int disk_count;
};

#define FIELD(field, kind, dispatch, flags) SERVICE_FIELD(given, field, kind, dispatch, flags)

static const sd_json_dispatch_field configure_fields[] = {
	FIELD(name, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(instance, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(subs, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
	FIELD(partition_fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
	FIELD(socket_fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
	FIELD(disks, ARRAY, sd_json_dispatch_variant_noref, SD_JSON_MANDATORY),
	{ .name = NULL },
};

static void drop_given(struct given *given)
{
	for (unsigned int i = 0; i < given->disk_count; i++)
		given_disk_drop(&given->disk[i]);
	free(given->disk);
	if (given->partition >= 0)
		close(given->partition);
	if (given->socket >= 0)
		close(given->socket);
}

static bool check_given(const struct given *given, struct vmbus_guid *instance, struct error *error)
{
	if (self.storage)
		return error_set(error, ERROR_FAILED, "there is a controller already");
	if (!is_name(given->name, GIVEN_NAME_MAX))
		return error_set(error, ERROR_CONFIG, "the partition's name is no name");
	if (!parse_guid(given->instance, instance))
		return error_set(error, ERROR_CONFIG, "instance: not a GUID");
	if (given->subs > STORAGE_SUBS_MAX)
		return error_set(error, ERROR_CONFIG, "subs: more than %u", STORAGE_SUBS_MAX);
	if (sd_json_variant_elements(given->disks) > STORAGE_LUNS)
		return error_set(error, ERROR_CONFIG, "more than %u disks", STORAGE_LUNS);
	return true;
}

/* As given_disk_read(). */
static int take_disks(sd_varlink *link, struct given *given, struct error *error)
{
	size_t count = sd_json_variant_elements(given->disks);

	given->disk = calloc(count ? count : 1, sizeof(*given->disk));
	if (!given->disk)
		return !error_errno(error, ENOMEM, "disks");
	while (given->disk_count < count) {
		sd_json_variant *json = sd_json_variant_by_index(given->disks, given->disk_count);
		struct given_disk *disk = &given->disk[given->disk_count++];
		int result = given_disk_read(link, json, disk, error);

		if (result != 0)
			return result;
	}
	return 0;
}

static struct device *find_device(void *context, const struct vmbus_guid *instance)
{
	const struct controller *controller = context;

	if (memcmp(instance, &controller->instance, sizeof(*instance)) != 0)
		return NULL;
	return storage_device(controller->storage);
}

static void on_link_end(void *context)
{
	(void)context;
	notice("hv-vsp is gone: the guest has no disks any more");
}

static uint64_t lock_deadline(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec + LOCK_SECONDS) * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The controller without the guest, and its disks. */
static struct storage *make_storage(struct given *given, struct error *error)
{
	uint64_t until = lock_deadline();
	struct storage_options options = {
		.base = service_base(self.service),
		.subs = given->subs,
		.event = on_event,
	};
	struct storage *storage = storage_new(&options);

	if (!storage) {
		error_fill_errno(error, errno, "controller");
		return NULL;
	}
	for (unsigned int i = 0; i < given->disk_count; i++) {
		if (!add_disk(storage, &given->disk[i], until, error)) {
			storage_free(storage);
			return NULL;
		}
	}
	return storage;
}

/* All or nothing. */
static bool make(struct given *given, struct error *error)
{
	self.guest = partition_guest(given->partition, true, error);
	if (!self.guest)
		return false;
	self.storage = make_storage(given, error);
	if (self.storage) {
		self.link = link_new(service_base(self.service), given->socket, self.guest,
				     find_device, on_link_end, &self);
		if (self.link) {
			given->socket = -1;
			snprintf(self.name, sizeof(self.name), "%s", given->name);
			return true;
		}
		error_fill_errno(error, errno, "socket_fd");
	}
	if (self.storage)
		storage_free(self.storage);
	guest_free(self.guest);
	self.storage = NULL;
	self.guest = NULL;
	return false;
}

static int on_configure(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	struct given given = { .partition = -1, .socket = -1 };
	struct vmbus_guid instance;
	struct error error;
	int result;

	(void)flags;
	result = sd_varlink_dispatch(link, parameters, configure_fields, &given);
	if (result != 0)
		return result;
	if (!check_given(&given, &instance, &error))
		return service_reply_error(userdata, link, &error);
	result = take_disks(link, &given, &error);
	if (result == 0) {
		self.instance = instance;
		result = !(service_take(link, given.partition_fd, "partition_fd", &given.partition,
					&error) &&
			   service_take_socket(link, given.socket_fd, "socket_fd", &given.socket,
					       &error) &&
			   make(&given, &error));
	}
	drop_given(&given);
	return result < 0 ? result : service_reply(userdata, link, result == 0, &error);
}

/* ---- the other methods ---- */

static int on_add(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		  void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		{ "disk", SD_JSON_VARIANT_OBJECT, sd_json_dispatch_variant_noref, 0,
		  SD_JSON_MANDATORY },
		{ .name = NULL },
	};
	sd_json_variant *json = NULL;
	struct given_disk disk;
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &json);

	(void)flags;
	if (result != 0)
		return result;
	if (!need_storage(&error))
		return service_reply_error(userdata, link, &error);
	result = given_disk_read(link, json, &disk, &error);
	/* Others are being served: no waiting. */
	if (result == 0)
		result = !add_disk(self.storage, &disk, 0, &error);
	given_disk_drop(&disk);
	return result < 0 ? result : service_reply(userdata, link, result == 0, &error);
}

/* Reads the only parameter of a method; false: *result is what the method returns. */
static bool take_lun(sd_varlink *link, sd_json_variant *parameters, uint32_t *lun, int *result)
{
	static const sd_json_dispatch_field fields[] = {
		{ "lun", SD_JSON_VARIANT_NUMBER, sd_json_dispatch_uint32, 0, SD_JSON_MANDATORY },
		{ .name = NULL },
	};
	struct error error;

	*result = sd_varlink_dispatch(link, parameters, fields, lun);
	if (*result != 0)
		return false;
	if (need_storage(&error))
		return true;
	*result = service_reply_error(sd_varlink_get_userdata(link), link, &error);
	return false;
}

static bool lun_error(struct error *error, int number, uint32_t lun)
{
	if (number == ENOENT)
		return error_set(error, ERROR_CONFIG, "there is no disk %u", lun);
	if (number == EMEDIUMTYPE)
		return error_set(error, ERROR_CONFIG, "disk %s is empty", self.names[lun]);
	return error_errno(error, number, "disk %s", self.names[lun]);
}

static int on_remove(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	struct error error;
	uint32_t lun;
	int result;

	(void)flags;
	if (!take_lun(link, parameters, &lun, &result))
		return result;
	result = storage_remove_disk(self.storage, lun);
	return service_reply(userdata, link, result == 0 || lun_error(&error, -result, lun),
			     &error);
}

static int on_resize(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	struct error error;
	uint64_t size;
	uint32_t lun;
	int result;

	(void)flags;
	if (!take_lun(link, parameters, &lun, &result))
		return result;
	result = storage_resize_disk(self.storage, lun, &size);
	if (result == 0)
		return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("size", size));
	lun_error(&error, -result, lun);
	return service_reply_error(userdata, link, &error);
}

static int add_statistics(sd_json_variant **array, uint32_t lun, const struct storage_stats *stats)
{
	return sd_json_variant_append_arraybo(
		array, SD_JSON_BUILD_PAIR_UNSIGNED("lun", lun),
		SD_JSON_BUILD_PAIR_UNSIGNED("size", stats->size),
		SD_JSON_BUILD_PAIR_UNSIGNED("reads", stats->reads),
		SD_JSON_BUILD_PAIR_UNSIGNED("read_bytes", stats->read_bytes),
		SD_JSON_BUILD_PAIR_UNSIGNED("read_ns", stats->read_nsec),
		SD_JSON_BUILD_PAIR_UNSIGNED("writes", stats->writes),
		SD_JSON_BUILD_PAIR_UNSIGNED("write_bytes", stats->write_bytes),
		SD_JSON_BUILD_PAIR_UNSIGNED("write_ns", stats->write_nsec),
		SD_JSON_BUILD_PAIR_UNSIGNED("flushes", stats->flushes),
		SD_JSON_BUILD_PAIR_UNSIGNED("flush_ns", stats->flush_nsec),
		SD_JSON_BUILD_PAIR_UNSIGNED("discards", stats->discards),
		SD_JSON_BUILD_PAIR_UNSIGNED("discard_bytes", stats->discard_bytes),
		SD_JSON_BUILD_PAIR_UNSIGNED("errors", stats->errors));
}

static int on_stats(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	sd_json_variant *array JSON_AUTO = NULL;
	struct storage_stats stats;
	struct error error;
	int result = service_no_parameters(link, parameters);

	(void)flags;
	if (result != 0)
		return result;
	if (!need_storage(&error))
		return service_reply_error(userdata, link, &error);
	result = sd_json_variant_new_array(&array, NULL, 0);
	for (uint32_t lun = 0; lun < STORAGE_LUNS && result >= 0; lun++)
		if (storage_disk_stats(self.storage, lun, &stats) == 0)
			result = add_statistics(&array, lun, &stats);
	return result < 0 ? result :
			    sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("disks", array));
}

/* ---- the program ---- */

static void begin(struct service *service)
{
	self.service = service;
}

/* What the kernel has in hand still uses disks and guest memory: then all is left to the
 * end of the process, and the journal keeps what was not answered. */
static void end(struct service *service)
{
	(void)service;
	if (!self.storage || link_open_channels(self.link, storage_device(self.storage)))
		return;
	link_free(self.link);
	storage_free(self.storage);
	guest_free(self.guest);
	self = (struct controller){ 0 };
}

static const struct service_method methods[] = {
	{ "Configure", on_configure }, { "AddDisk", on_add }, { "RemoveDisk", on_remove },
	{ "ResizeDisk", on_resize },   { "Stats", on_stats }, { "Subscribe", on_subscribe },
};

const struct service_program storage_program = {
	.name = "hv-storage",
	.about = "Serves the disks of one partition to its guest, as hvd directs.\n",
	.interface_name = "org.mullion.Storage",
	.interface = &org_mullion_Storage,
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.begin = begin,
	.end = end,
};
