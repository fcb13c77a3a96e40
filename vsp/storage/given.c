/* SPDX-License-Identifier: GPL-2.0-only */
/* See given.h. */
#include "given.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "../service/parse.h"
#include "../service/service.h"

/* The fields as they come. */
struct fields {
	uint32_t lun, fd;
	const char *name;
	bool read_only, discard;
	enum storage_cache cache;
	const char *serial;
	uint32_t logical_block, physical_block, discard_granularity;
	sd_id128_t identity;
};

static int dispatch_cache(const char *name, sd_json_variant *json, sd_json_dispatch_flags_t flags,
			  void *userdata)
{
	static const char *const names[] = {
		[STORAGE_UNCACHED] = "none",
		[STORAGE_WRITEBACK] = "writeback",
		[STORAGE_WRITETHROUGH] = "writethrough",
	};
	const char *text = sd_json_variant_string(json);

	(void)name, (void)flags;
	for (unsigned int i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) == 0) {
			*(enum storage_cache *)userdata = (enum storage_cache)i;
			return 0;
		}
	}
	return -EINVAL;
}

#define FIELD(field, kind, dispatch, flags) SERVICE_FIELD(fields, field, kind, dispatch, flags)

static const sd_json_dispatch_field table[] = {
	FIELD(lun, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
	FIELD(fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
	FIELD(name, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(read_only, BOOLEAN, sd_json_dispatch_stdbool, SD_JSON_MANDATORY),
	FIELD(cache, STRING, dispatch_cache, SD_JSON_MANDATORY),
	FIELD(discard, BOOLEAN, sd_json_dispatch_stdbool, SD_JSON_MANDATORY),
	FIELD(serial, STRING, sd_json_dispatch_const_string, SD_JSON_NULLABLE),
	FIELD(logical_block, NUMBER, sd_json_dispatch_uint32, SD_JSON_NULLABLE),
	FIELD(physical_block, NUMBER, sd_json_dispatch_uint32, SD_JSON_NULLABLE),
	FIELD(discard_granularity, NUMBER, sd_json_dispatch_uint32, SD_JSON_NULLABLE),
	FIELD(identity, STRING, sd_json_dispatch_id128, SD_JSON_NULLABLE),
	{ .name = NULL },
};

/* A number that is missing: 0 is one that was given, and wrong. */
#define MISSING UINT32_MAX

static bool check(const struct fields *fields, struct error *error)
{
	if (!is_name(fields->name, GIVEN_NAME_MAX))
		return error_set(error, ERROR_CONFIG, "disk %u: its name is no name", fields->lun);
	if (fields->lun >= STORAGE_LUNS)
		return error_set(error, ERROR_CONFIG, "disk %s: LUN %u is larger than %u",
				 fields->name, fields->lun, STORAGE_LUNS - 1);
	if (!fields->logical_block || !fields->physical_block || !fields->discard_granularity)
		return error_set(error, ERROR_CONFIG, "disk %s: a block of 0 bytes", fields->name);
	return true;
}

static uint32_t given_or_0(uint32_t value)
{
	return value == MISSING ? 0 : value;
}

static void take_fields(struct given_disk *disk, const struct fields *fields)
{
	disk->lun = fields->lun;
	disk->name = fields->name;
	disk->options = (struct storage_disk_options){
		.read_only = fields->read_only,
		.cache = fields->cache,
		.discard = fields->discard,
		.logical_block = given_or_0(fields->logical_block),
		.physical_block = given_or_0(fields->physical_block),
		.discard_granularity = given_or_0(fields->discard_granularity),
		.serial = fields->serial,
	};
	memcpy(disk->options.identity, fields->identity.bytes, sizeof(disk->options.identity));
}

int given_disk_read(sd_varlink *link, sd_json_variant *json, struct given_disk *disk,
		    struct error *error)
{
	struct fields fields = { .logical_block = MISSING,
				 .physical_block = MISSING,
				 .discard_granularity = MISSING };
	const char *bad = NULL;

	disk->fd = -1;
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	if (sd_json_dispatch_full(json, table, NULL, 0, &fields, &bad) < 0)
		return sd_varlink_error_invalid_parameter_name(link, bad ? bad : "disk");
	if (!check(&fields, error))
		return 1;
	take_fields(disk, &fields);
	return !service_take(link, fields.fd, "fd", &disk->fd, error);
}

void given_disk_drop(struct given_disk *disk)
{
	if (disk->fd >= 0)
		close(disk->fd);
	disk->fd = -1;
}
