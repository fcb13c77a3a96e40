/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest is made of. Descriptors and strings belong to the structure. */
#ifndef WORKER_CONFIG_H
#define WORKER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-id128.h>

#include "error.h"

#define CONFIG_VCPUS_MAX 64u

struct config {
	char *name;
	sd_id128_t uuid; /* null: none */
	uint64_t memory; /* bytes */
	uint64_t vram; /* bytes of the screen's memory; 0: none */
	bool hugepages;
	unsigned vcpus;
	char *loader; /* as in struct loader, or NULL */
	char *cmdline; /* never NULL once checked */
	int kernel; /* descriptors, -1: none */
	int initrd;
	int mshv;
	char *kernel_name; /* for messages */
	char *initrd_name;
	bool debug_exit;
};

#define CONFIG_EMPTY ((struct config){ .kernel = -1, .initrd = -1, .mshv = -1, .vcpus = 1 })

/* Finds what can be wrong without the machine; fills in what may be missing. */
bool config_check(struct config *config, struct error *error);

void config_clear(struct config *config);

#endif
