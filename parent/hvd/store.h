/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Definitions on disk: NAME.xml in one directory, and a link of the same name in
 * its folder autostart for what is started at boot.
 *
 * A file is replaced by writing another one beside it, which takes its place when
 * all of it is on the disk: a full disk or a power cut leaves the old one or the
 * new one. Left-overs of writes that were cut short are removed by store_list().
 */
#ifndef HVD_STORE_H
#define HVD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The system calls that change something; a test puts its own here. */
struct store_calls {
	int (*openat)(int directory, const char *name, int flags, mode_t mode);
	ssize_t (*write)(int fd, const void *bytes, size_t size);
	int (*fsync)(int fd);
	int (*close)(int fd);
	int (*renameat)(int from_directory, const char *from, int to_directory, const char *to);
	int (*unlinkat)(int directory, const char *name, int flags);
	int (*symlinkat)(const char *target, int directory, const char *name);
};

struct store {
	const struct store_calls *calls;
	int directory;
	int autostart;
};

/* Opens the directory, which is made (one level) when it is missing. 0 or -errno. */
int store_open(struct store *store, const char *path);
void store_close(struct store *store);

/* name: domain_name_is_valid(). All return 0 or -errno; after an error the old
 * content is there. */
int store_write(struct store *store, const char *name, const char *text);
int store_remove(struct store *store, const char *name);
int store_set_autostart(struct store *store, const char *name, bool enable);

bool store_has_autostart(const struct store *store, const char *name);

/* The text, to be freed; NULL with errno. */
char *store_read(const struct store *store, const char *name);

/* When name was last written, CLOCK_REALTIME in nanoseconds; 0: unknown. */
unsigned long long store_time(const struct store *store, const char *name);

/* Calls each(context, name) for every definition, in any order. */
int store_list(struct store *store, void (*each)(void *context, const char *name), void *context);

#endif
