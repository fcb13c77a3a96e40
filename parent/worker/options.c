/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: see options.h. One table makes the parser and the help. */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	FLAG,
	TEXT,
	SIZE,
	COUNT,
	CONSOLE
};

static const struct option {
	const char *name;
	const char *value; /* what the help calls it; NULL: takes none */
	enum kind kind;
	size_t offset;
	const char *help;
} table[] = {
	{ "listen", "PATH", TEXT, offsetof(struct options, listen),
	  "Serve org.mullion.Worker on a socket at PATH" },
	{ "run", NULL, FLAG, offsetof(struct options, run),
	  "Run the guest that the options below describe" },
	{ "memory", "SIZE", SIZE, offsetof(struct options, memory),
	  "Guest memory, in bytes or with K, M, G (256M)" },
	{ "vcpus", "N", COUNT, offsetof(struct options, vcpus), "Virtual processors (1)" },
	{ "kernel", "FILE", TEXT, offsetof(struct options, kernel),
	  "bzImage, or ELF with a PVH note, or multiboot kernel" },
	{ "initrd", "FILE", TEXT, offsetof(struct options, initrd), "Initramfs, or first module" },
	{ "cmdline", "TEXT", TEXT, offsetof(struct options, cmdline), "The kernel's command line" },
	{ "loader", "NAME", TEXT, offsetof(struct options, loader),
	  "auto (default), bzimage, pvh or multiboot" },
	{ "console", "WHERE", CONSOLE, offsetof(struct options, pty),
	  "stdio (default; ctrl-] ends) or pty" },
	{ "vram", "SIZE", SIZE, offsetof(struct options, vram),
	  "Memory of the guest's screen (none)" },
	{ "hugepages", NULL, FLAG, offsetof(struct options, hugepages),
	  "Guest memory from hugetlbfs, in pages of 2 MiB" },
	{ "debug-exit", NULL, FLAG, offsetof(struct options, debug_exit),
	  "Port 0xf4 ends the guest, with status 2 * value + 1" },
	{ "no-reboot", NULL, FLAG, offsetof(struct options, no_reboot), "A reboot ends the guest" },
	{ "name", "NAME", TEXT, offsetof(struct options, name), "The partition's name (guest)" },
	{ "uuid", "UUID", TEXT, offsetof(struct options, uuid), "The partition's UUID" },
	{ "help", NULL, FLAG, offsetof(struct options, help), "Print this and exit" },
	{ "version", NULL, FLAG, offsetof(struct options, version), "Print the version and exit" },
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

bool options_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMG";
	const char *unit;
	unsigned shift;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*size = strtoull(text, &end, 10);
	if (errno || !*end)
		return !errno;
	unit = strchr(units, *end);
	shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (!shift || end[1] || *size > UINT64_MAX >> shift)
		return false;
	*size <<= shift;
	return true;
}

static bool store(struct options *options, const struct option *option, const char *value,
		  struct error *error)
{
	void *target = (char *)options + option->offset;
	uint64_t number;

	if (option->kind == FLAG) {
		*(bool *)target = true;
		return true;
	}
	if (!value)
		return error_set(error, ERROR_USAGE, "--%s needs a value", option->name);
	switch (option->kind) {
	case TEXT:
		*(const char **)target = value;
		return true;
	case SIZE:
		return options_size(value, target) ||
		       error_set(error, ERROR_USAGE, "--%s: '%s' is no size", option->name, value);
	case COUNT:
		if (!options_size(value, &number) || number > UINT16_MAX)
			return error_set(error, ERROR_USAGE, "--%s: '%s' is no number",
					 option->name, value);
		*(unsigned *)target = (unsigned)number;
		return true;
	case CONSOLE:
		*(bool *)target = strcmp(value, "pty") == 0;
		return *(bool *)target || strcmp(value, "stdio") == 0 ||
		       error_set(error, ERROR_USAGE, "--%s: '%s' is neither stdio nor pty",
				 option->name, value);
	default:
		return false;
	}
}

static const struct option *find(const char *name, size_t length)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
			return &table[i];
	return NULL;
}

static bool check(const struct options *options, struct error *error)
{
	if (options->help || options->version)
		return true;
	if (options->run && options->listen)
		return error_set(error, ERROR_USAGE, "--run and --listen exclude each other");
	if (options->run && !options->kernel)
		return error_set(error, ERROR_USAGE, "--kernel is missing");
	return true;
}

bool options_parse(struct options *options, char *const *words, struct error *error)
{
	*options = (struct options){ .memory = 256u << 20, .vcpus = 1 };
	for (; *words; words++) {
		size_t length = strcspn(*words, "=");
		const struct option *option;
		const char *value = NULL;

		option = strncmp(*words, "--", 2) == 0 ? find(*words + 2, length - 2) : NULL;
		if (!option)
			return error_set(error, ERROR_USAGE, "unknown option '%s' (see --help)",
					 *words);
		if ((*words)[length])
			value = *words + length + 1;
		if (value && !option->value)
			return error_set(error, ERROR_USAGE, "--%s takes no value", option->name);
		if (!value && option->value)
			value = *++words;
		if (!store(options, option, value, error))
			return false;
	}
	return check(options, error);
}

void options_help(void)
{
	char left[40];

	printf("Usage: hv-worker [--listen PATH]\n"
	       "       hv-worker --run --kernel FILE [OPTION...]\n\n"
	       "Runs one guest under the Mullion hypervisor: as a service that hvd directs\n"
	       "(without --listen on the socket that systemd gives), or by itself.\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].value ? " " : "",
			 table[i].value ? table[i].value : "");
		printf("  %-18s %s\n", left, table[i].help);
	}
}
