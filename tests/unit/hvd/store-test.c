/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Definitions on disk: what is left when a system call fails, and what is left
 * when the power goes, at each step. The disk is a model that knows what has
 * reached it: a power cut keeps that, and of the rest any part.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "store.h"

#define FILES 8
#define NAME_SIZE 80
#define CONTENT 64
#define DIRECTORY 1000
#define AUTOSTART 1001
/* Of a model that has no such thing. */
#define NOWHERE (-1)

/* A file; names point to it, as directories do to inodes. */
struct inode {
	char now[CONTENT];
	char durable[CONTENT];
	bool dirty; /* now has not reached the disk */
};

struct names {
	char name[FILES][NAME_SIZE]; /* "": free */
	int inode[FILES];
};

static struct {
	struct inode inodes[FILES];
	int inode_count;
	struct names now, durable; /* of DIRECTORY */
	struct names links; /* of AUTOSTART */
	int step; /* calls so far */
	int fail_at; /* the call that fails; -1: none */
	int error;
	int cut_at; /* the call before which the power goes; -1: none */
	bool dead; /* it went */
	size_t room; /* bytes that the disk still takes */
} disk;

static void reset_disk(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.fail_at = disk.cut_at = -1;
	disk.room = 10000;
}

static int find(const struct names *names, const char *name)
{
	for (int i = 0; i < FILES; i++) {
		if (strcmp(names->name[i], name) == 0)
			return i;
	}
	return NOWHERE;
}

static void put(struct names *names, const char *name, int inode)
{
	int at = find(names, name);

	if (at == NOWHERE)
		at = find(names, "");
	REQUIRE(at != NOWHERE);
	snprintf(names->name[at], NAME_SIZE, "%s", name);
	names->inode[at] = inode;
}

/* Counts a call; true: it fails, with errno. */
static bool fails(void)
{
	int step = disk.step++;

	if (step == disk.cut_at)
		disk.dead = true;
	if (disk.dead) {
		errno = EIO;
		return true;
	}
	if (step == disk.fail_at) {
		errno = disk.error;
		return true;
	}
	return false;
}

static int model_openat(int directory, const char *name, int flags, mode_t mode)
{
	int at;

	CHECK_EQ(directory, DIRECTORY);
	CHECK_EQ(mode, 0600);
	CHECK((flags & (O_CREAT | O_TRUNC | O_WRONLY)) == (O_CREAT | O_TRUNC | O_WRONLY));
	if (fails())
		return -1;
	at = find(&disk.now, name);
	if (at == NOWHERE) {
		REQUIRE(disk.inode_count < FILES);
		put(&disk.now, name, disk.inode_count++);
		at = find(&disk.now, name);
	}
	disk.inodes[disk.now.inode[at]].now[0] = '\0';
	disk.inodes[disk.now.inode[at]].dirty = true;
	return disk.now.inode[at];
}

/* A few bytes at a time, as a disk that is nearly full does. */
static ssize_t model_write(int fd, const void *bytes, size_t size)
{
	size_t some = size < 5 ? size : 5, used = strlen(disk.inodes[fd].now);

	if (fails())
		return -1;
	if (!disk.room) {
		errno = ENOSPC;
		return -1;
	}
	if (some > disk.room)
		some = disk.room;
	REQUIRE(used + some < CONTENT);
	memcpy(disk.inodes[fd].now + used, bytes, some);
	disk.inodes[fd].now[used + some] = '\0';
	disk.inodes[fd].dirty = true;
	disk.room -= some;
	return (ssize_t)some;
}

static int model_fsync(int fd)
{
	if (fails())
		return -1;
	if (fd == DIRECTORY) {
		disk.durable = disk.now;
	} else if (fd != AUTOSTART) {
		memcpy(disk.inodes[fd].durable, disk.inodes[fd].now, CONTENT);
		disk.inodes[fd].dirty = false;
	}
	return 0;
}

static int model_close(int fd)
{
	(void)fd;
	return fails() ? -1 : 0;
}

static int model_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	int at;

	(void)from_directory, (void)to_directory;
	if (fails())
		return -1;
	at = find(&disk.now, from);
	REQUIRE(at != NOWHERE);
	put(&disk.now, to, disk.now.inode[at]);
	disk.now.name[at][0] = '\0';
	return 0;
}

static int model_unlinkat(int directory, const char *name, int flags)
{
	struct names *names = directory == AUTOSTART ? &disk.links : &disk.now;
	int at = find(names, name);

	(void)flags;
	if (fails())
		return -1;
	if (at == NOWHERE) {
		errno = ENOENT;
		return -1;
	}
	names->name[at][0] = '\0';
	return 0;
}

static int model_symlinkat(const char *target, int directory, const char *name)
{
	CHECK_STR(target, "../vm.xml");
	CHECK_EQ(directory, AUTOSTART);
	if (fails())
		return -1;
	if (find(&disk.links, name) != NOWHERE) {
		errno = EEXIST;
		return -1;
	}
	put(&disk.links, name, 0);
	return 0;
}

static const struct store_calls model = {
	.openat = model_openat,
	.write = model_write,
	.fsync = model_fsync,
	.close = model_close,
	.renameat = model_renameat,
	.unlinkat = model_unlinkat,
	.symlinkat = model_symlinkat,
};

static struct store store = { .calls = &model, .directory = DIRECTORY, .autostart = AUTOSTART };

static const char old_text[] = "<old definition/>";
static const char new_text[] = "<the new one, which is longer/>";

/* What a reader finds now; "": nothing. */
static const char *content(void)
{
	int at = find(&disk.now, "vm.xml");

	return at == NOWHERE ? "" : disk.inodes[disk.now.inode[at]].now;
}

/* The power goes: names and contents that did not reach the disk may be there or
 * not, contents in part. */
static void cut_power(void)
{
	if (check_below(2))
		disk.now = disk.durable;
	for (int i = 0; i < disk.inode_count; i++) {
		struct inode *inode = &disk.inodes[i];

		if (!inode->dirty)
			continue;
		if (check_below(2))
			memcpy(inode->now, inode->durable, CONTENT);
		else
			inode->now[check_below(strlen(inode->now) + 1)] = '\0';
	}
}

static void test_write(void)
{
	reset_disk();
	CHECK_INT(store_write(&store, "vm", old_text), 0);
	CHECK_STR(content(), old_text);
	CHECK_INT(store_write(&store, "vm", new_text), 0);
	CHECK_STR(content(), new_text);
	CHECK_EQ(find(&disk.now, ".vm.xml"), NOWHERE);
}

/* F7: each call fails once. */
static void test_failures(void)
{
	static const int errors[] = { ENOSPC, EIO, EDQUOT, EINTR };
	int steps;

	reset_disk();
	store_write(&store, "vm", old_text);
	disk.step = 0;
	store_write(&store, "vm", new_text);
	steps = disk.step;
	CHECK(steps > 8);
	for (int i = 0; i < steps * 4; i++) {
		int result;

		reset_disk();
		store_write(&store, "vm", old_text);
		disk.step = 0;
		disk.fail_at = i / 4;
		disk.error = errors[i % 4];
		CHECK_NOTE("call %d fails with %d", disk.fail_at, disk.error);
		result = store_write(&store, "vm", new_text);
		CHECK_STR(content(), result ? old_text : new_text);
		CHECK(result == 0 || result == -disk.error);
		CHECK_EQ(find(&disk.now, ".vm.xml"), NOWHERE);
	}
}

static void test_full(void)
{
	for (size_t room = 0; room <= sizeof(new_text); room++) {
		int result;

		reset_disk();
		store_write(&store, "vm", old_text);
		disk.room = room;
		result = store_write(&store, "vm", new_text);
		CHECK_NOTE("room for %zu bytes", room);
		CHECK_INT(result, room >= strlen(new_text) ? 0 : -ENOSPC);
		CHECK_STR(content(), result ? old_text : new_text);
	}
}

/* F6: the power goes before each call, or after all; the disk keeps what it likes. */
static void test_power(void)
{
	unsigned int olds = 0, news = 0;

	check_seed(0x5eed0010);
	for (int i = 0; i < 3000; i++) {
		bool first = check_below(4) == 0;
		const char *left;
		int result;

		reset_disk();
		if (!first)
			REQUIRE(store_write(&store, "vm", old_text) == 0);
		disk.step = 0;
		disk.cut_at = i % 16;
		result = store_write(&store, "vm", new_text);
		cut_power();
		left = content();
		CHECK_NOTE("power cut before call %d, %s", disk.cut_at, first ? "new" : "replaced");
		CHECK(strcmp(left, new_text) == 0 || strcmp(left, first ? "" : old_text) == 0);
		/* Who was told that it is done finds it done. */
		if (!result && !disk.dead)
			CHECK_STR(left, new_text);
		news += strcmp(left, new_text) == 0;
		olds += strcmp(left, new_text) != 0;
	}
	CHECK(olds > 300 && news > 300);
}

static void test_autostart(void)
{
	reset_disk();
	CHECK_INT(store_set_autostart(&store, "vm", true), 0);
	CHECK_INT(store_set_autostart(&store, "vm", true), 0);
	CHECK(find(&disk.links, "vm.xml") != NOWHERE);
	CHECK_INT(store_set_autostart(&store, "vm", false), 0);
	CHECK_INT(store_set_autostart(&store, "vm", false), 0);
	CHECK_EQ(find(&disk.links, "vm.xml"), NOWHERE);
	disk.step = disk.fail_at = 0;
	disk.error = ENOSPC;
	CHECK_INT(store_set_autostart(&store, "vm", true), -ENOSPC);
}

static void count_name(void *context, const char *name)
{
	CHECK_STR(name, "vm");
	++*(int *)context;
}

static void touch(const char *directory, const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0);
	close(fd);
}

/* The same on a real file system. */
static void test_real(void)
{
	char path[] = "/tmp/store-test-XXXXXX", command[128], file[64], *text;
	struct store real;
	int count = 0;

	REQUIRE(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/new", path);
	CHECK_INT(store_open(&real, file), 0);
	CHECK_INT(store_write(&real, "vm", old_text), 0);
	CHECK_INT(store_write(&real, "vm", new_text), 0);
	CHECK(store_time(&real, "vm") > 1600000000000000000ull);
	text = store_read(&real, "vm");
	CHECK_STR(text, new_text);
	free(text);
	CHECK(!store_read(&real, "other") && errno == ENOENT);
	touch(file, ".vm.xml");
	touch(file, "12.xml");
	touch(file, "vm.xml~");
	touch(file, ".xml");
	CHECK_INT(store_list(&real, count_name, &count), 0);
	CHECK_EQ(count, 1);
	snprintf(command, sizeof(command), "%s/.vm.xml", file);
	CHECK(access(command, F_OK) < 0);
	CHECK(!store_has_autostart(&real, "vm"));
	CHECK_INT(store_set_autostart(&real, "vm", true), 0);
	CHECK(store_has_autostart(&real, "vm"));
	CHECK_INT(store_remove(&real, "vm"), 0);
	CHECK(!store_has_autostart(&real, "vm"));
	CHECK_INT(store_remove(&real, "vm"), -ENOENT);
	store_close(&real);
	snprintf(command, sizeof(command), "rm -r '%s'", path);
	CHECK_EQ(system(command), 0); /* NOLINT(cert-env33-c) */
}

int main(void)
{
	CHECK_RUN(test_write);
	CHECK_RUN(test_failures);
	CHECK_RUN(test_full);
	CHECK_RUN(test_power);
	CHECK_RUN(test_autostart);
	CHECK_RUN(test_real);
	return check_done();
}
