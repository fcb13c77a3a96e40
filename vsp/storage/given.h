/* SPDX-License-Identifier: GPL-2.0-only */
/* Disks as org.mullion.Storage describes them. */
#ifndef VSP_STORAGE_GIVEN_H
#define VSP_STORAGE_GIVEN_H

#include "../service/error.h"
#include "../service/varlink.h"
#include "storage.h"

#define GIVEN_NAME_MAX 128u

/* A disk that is to be. What it points to lives as long as the message. */
struct given_disk {
	uint32_t lun;
	int fd; /* -1: none, or no more ours */
	const char *name;
	struct storage_disk_options options;
};

/*
 * Reads the description and takes its descriptor. 0; negative: the caller was answered,
 * and that is what the method returns; positive: error says why not. disk is always to be
 * dropped.
 */
int given_disk_read(sd_varlink *link, sd_json_variant *json, struct given_disk *disk,
		    struct error *error);
/* Closes the descriptor if it is still ours. */
void given_disk_drop(struct given_disk *disk);

#endif
