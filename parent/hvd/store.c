/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions on disk, see store.h. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain.h"

#define SUFFIX ".xml"
/* Before the name of a file that is not all there yet. No definition's name begins so. */
#define UNFINISHED "."
#define FILE_NAME_SIZE (DOMAIN_NAME_MAX + sizeof(SUFFIX) + sizeof(UNFINISHED))

static int real_openat(int directory, const char *name, int flags, mode_t mode)
{
	return openat(directory, name, flags, mode);
}

static const struct store_calls real_calls = {
	.openat = real_openat,
	.write = write,
	.fsync = fsync,
	.close = close,
	.renameat = renameat,
	.unlinkat = unlinkat,
	.symlinkat = symlinkat,
};

static int open_directory(int at, const char *path)
{
	int fd;

	if (mkdirat(at, path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int store_open(struct store *store, const char *path)
{
	store->calls = &real_calls;
	store->directory = open_directory(AT_FDCWD, path);
	if (store->directory < 0)
		return store->directory;
	store->autostart = open_directory(store->directory, "autostart");
	if (store->autostart >= 0)
		return 0;
	close(store->directory);
	return store->autostart;
}

void store_close(struct store *store)
{
	close(store->autostart);
	close(store->directory);
}

static void file_name(char *file, const char *prefix, const char *name)
{
	snprintf(file, FILE_NAME_SIZE, "%s%s" SUFFIX, prefix, name);
}

static int write_all(const struct store_calls *calls, int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t written = calls->write(fd, text, left);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			text += written;
			left -= (size_t)written;
		}
	}
	return calls->fsync(fd) < 0 ? -errno : 0;
}

/* A whole file by that name, on the disk but for its name; 0 or -errno. */
static int write_unfinished(const struct store *store, const char *file, const char *text)
{
	int fd = store->calls->openat(store->directory, file,
				      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return -errno;
	error = write_all(store->calls, fd, text);
	if (store->calls->close(fd) < 0 && !error)
		error = -errno;
	return error;
}

int store_write(struct store *store, const char *name, const char *text)
{
	char unfinished[FILE_NAME_SIZE], file[FILE_NAME_SIZE];
	int error;

	file_name(unfinished, UNFINISHED, name);
	file_name(file, "", name);
	error = write_unfinished(store, unfinished, text);
	if (!error &&
	    store->calls->renameat(store->directory, unfinished, store->directory, file) < 0)
		error = -errno;
	if (error) {
		store->calls->unlinkat(store->directory, unfinished, 0);
		return error;
	}
	/* It is the new one from here on, whatever becomes of this. */
	store->calls->fsync(store->directory);
	return 0;
}

int store_remove(struct store *store, const char *name)
{
	char file[FILE_NAME_SIZE];

	file_name(file, "", name);
	if (store->calls->unlinkat(store->directory, file, 0) < 0)
		return -errno;
	store->calls->unlinkat(store->autostart, file, 0);
	store->calls->fsync(store->autostart);
	store->calls->fsync(store->directory);
	return 0;
}

int store_set_autostart(struct store *store, const char *name, bool enable)
{
	char file[FILE_NAME_SIZE], target[FILE_NAME_SIZE + 3];
	int error = 0;

	file_name(file, "", name);
	snprintf(target, sizeof(target), "../%s", file);
	if (enable && store->calls->symlinkat(target, store->autostart, file) < 0 &&
	    errno != EEXIST)
		error = -errno;
	if (!enable && store->calls->unlinkat(store->autostart, file, 0) < 0 && errno != ENOENT)
		error = -errno;
	if (!error)
		store->calls->fsync(store->autostart);
	return error;
}

bool store_has_autostart(const struct store *store, const char *name)
{
	char file[FILE_NAME_SIZE];
	struct stat status;

	file_name(file, "", name);
	return fstatat(store->autostart, file, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

unsigned long long store_time(const struct store *store, const char *name)
{
	char file[FILE_NAME_SIZE];
	struct stat status;

	file_name(file, "", name);
	if (fstatat(store->directory, file, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (unsigned long long)status.st_mtim.tv_sec * 1000000000u +
	       (unsigned long long)status.st_mtim.tv_nsec;
}

static char *read_all(int fd)
{
	char *text = malloc(DOMAIN_XML_MAX + 1);
	size_t size = 0;
	ssize_t got = 1;

	while (text && got > 0 && size < DOMAIN_XML_MAX) {
		got = read(fd, text + size, DOMAIN_XML_MAX - size);
		if (got > 0)
			size += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (!text || got < 0) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

char *store_read(const struct store *store, const char *name)
{
	char file[FILE_NAME_SIZE], *text;
	int fd, error;

	file_name(file, "", name);
	fd = openat(store->directory, file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	text = read_all(fd);
	error = errno;
	close(fd);
	errno = error;
	return text;
}

/* The definition's name if the file is one, in name. */
static bool is_definition(const char *file, char name[static DOMAIN_NAME_MAX])
{
	size_t length = strlen(file), suffix = strlen(SUFFIX);

	if (length <= suffix || length - suffix >= DOMAIN_NAME_MAX ||
	    strcmp(file + length - suffix, SUFFIX) != 0)
		return false;
	memcpy(name, file, length - suffix);
	name[length - suffix] = '\0';
	return domain_name_is_valid(name);
}

static bool is_unfinished(const char *file)
{
	char name[DOMAIN_NAME_MAX];

	return file[0] == UNFINISHED[0] && is_definition(file + strlen(UNFINISHED), name);
}

int store_list(struct store *store, void (*each)(void *context, const char *name), void *context)
{
	int fd = openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!directory) {
		int error = -errno;

		if (fd >= 0)
			close(fd);
		return error;
	}
	/* One thread reads directories here. */
	while ((entry = readdir(directory))) { /* NOLINT(concurrency-mt-unsafe) */
		char name[DOMAIN_NAME_MAX];

		if (is_unfinished(entry->d_name))
			store->calls->unlinkat(store->directory, entry->d_name, 0);
		else if (is_definition(entry->d_name, name))
			each(context, name);
	}
	closedir(directory);
	return 0;
}
