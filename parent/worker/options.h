/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct options {
	bool help, version;
	bool run; /* a guest of the command line, instead of a service */
	const char *listen; /* path of the service's socket */

	/* With run; pointers into the command line. */
	const char *name, *uuid, *kernel, *initrd, *cmdline, *loader;
	uint64_t memory, vram;
	unsigned vcpus;
	bool hugepages, debug_exit, no_reboot, pty;
};

/* Reads and checks; words are argv behind the program's name. */
bool options_parse(struct options *options, char *const *words, struct error *error);

/* "512M", "2G", "1048576": bytes. */
bool options_size(const char *text, uint64_t *size);

void options_help(void);

#endif
