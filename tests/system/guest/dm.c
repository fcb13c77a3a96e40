/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device of the kernel's device-mapper, for tests of media that fail or are slow:
 *
 *   dm create NAME SECTORS TARGET PARAMETERS   prints the device's path
 *   dm load NAME SECTORS TARGET PARAMETERS     takes the place of what it was
 *   dm remove NAME
 */
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static union {
	struct dm_ioctl header;
	char bytes[4096];
} request;

static int control;

static void ask(unsigned long number, const char *what, const char *name, uint32_t flags)
{
	request.header.version[0] = DM_VERSION_MAJOR;
	request.header.data_size = sizeof(request);
	request.header.data_start = sizeof(request.header);
	request.header.flags = flags;
	snprintf(request.header.name, sizeof(request.header.name), "%s", name);
	if (ioctl(control, number, &request) < 0) {
		perror(what);
		exit(1);
	}
	if (number == DM_DEV_CREATE)
		printf("/dev/dm-%u\n", minor((dev_t)request.header.dev));
	memset(&request, 0, sizeof(request));
}

/* A table of one target that is the whole device. */
static void load(const char *name, const char *sectors, const char *type, const char *parameters)
{
	struct dm_target_spec *target =
		(struct dm_target_spec *)(request.bytes + sizeof(request.header));

	target->length = strtoull(sectors, NULL, 10);
	snprintf(target->target_type, sizeof(target->target_type), "%s", type);
	snprintf((char *)(target + 1), 1024, "%s", parameters);
	request.header.target_count = 1;
	ask(DM_TABLE_LOAD, "DM_TABLE_LOAD", name, 0);
	/* Both ways: out of use with the old one, into use with the new one. */
	ask(DM_DEV_SUSPEND, "DM_DEV_SUSPEND", name, DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG);
	ask(DM_DEV_SUSPEND, "DM_DEV_SUSPEND", name, 0);
}

int main(int argc, char **argv)
{
	const char *action = argc > 1 ? argv[1] : "";

	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		perror("/dev/mapper/control");
		return 1;
	}
	if (argc == 6 && strcmp(action, "create") == 0) {
		ask(DM_DEV_CREATE, "DM_DEV_CREATE", argv[2], 0);
		load(argv[2], argv[3], argv[4], argv[5]);
	} else if (argc == 6 && strcmp(action, "load") == 0) {
		load(argv[2], argv[3], argv[4], argv[5]);
	} else if (argc == 3 && strcmp(action, "remove") == 0) {
		ask(DM_DEV_REMOVE, "DM_DEV_REMOVE", argv[2], 0);
	} else {
		fprintf(stderr, "dm: called wrongly\n");
		return 2;
	}
	return 0;
}
