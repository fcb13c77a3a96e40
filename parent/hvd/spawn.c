/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes of partitions, see spawn.h. */
#include "spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "log.h"
#include "operation.h"
#include "partition.h"
#include "pump.h"

#define UNIT_PREFIX "mullion-"
#define UNIT_SUFFIX ".service"
#define LIBEXEC "/usr/libexec/mullion/"
#define IMAGE "image"
#define NETWORK "network"
#define NETWORKD "org.freedesktop.network1"
#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT_SIZE (IMAGE_NAME_MAX + 40u)
#define PATH_SIZE 256u
#define FILE_SIZE (PATH_SIZE + IMAGE_NAME_MAX + 32u)

/* In units' names and directories. */
static const char *const role_names[PEER_COUNT] = {
	[PEER_WORKER] = "worker", [PEER_VSP] = "vsp", [PEER_STORAGE] = "storage",
	[PEER_NET] = "net",	  [PEER_GPU] = "gpu",
};

struct spawner {
	struct hvd *hvd;
	char directory[PATH_SIZE];
	sd_bus *bus; /* NULL: not connected */
	struct pump *pump; /* of bus */
	struct event *children; /* SIGCHLD; NULL: by systemd */
};

static void path_of(const struct spawner *spawner, const char *kind, const char *name,
		    const char *file, char path[static FILE_SIZE])
{
	snprintf(path, FILE_SIZE, "%s/%s/%s%s%s", spawner->directory, kind, name,
		 file[0] ? "/" : "", file);
}

bool spawner_socket(const struct spawner *spawner, enum peer_role role, const char *name,
		    char *path, size_t size)
{
	int length =
		snprintf(path, size, "%s/%s/%s/socket", spawner->directory, role_names[role], name);

	return length > 0 && (size_t)length < size;
}

bool spawner_is_known(const struct spawner *spawner, enum peer_role role, const char *name)
{
	char path[FILE_SIZE];

	path_of(spawner, role_names[role], name, "", path);
	return access(path, F_OK) == 0;
}

/* Whether hvd starts processes itself. */
static bool is_parent(const struct spawner *spawner)
{
	return spawner->hvd->settings.programs[PEER_WORKER];
}

bool spawner_has(const struct spawner *spawner, enum peer_role role)
{
	char path[64];

	if (is_parent(spawner))
		return spawner->hvd->settings.programs[role];
	snprintf(path, sizeof(path), LIBEXEC "hv-%s", role_names[role]);
	return access(path, X_OK) == 0;
}

static pid_t read_pid(const struct spawner *spawner, const char *kind, const char *name);

/* One of hvd's own children is gone: whose was it? */
static void child_ended(struct spawner *spawner, pid_t pid)
{
	for (struct partition *at = spawner->hvd->partitions; at; at = at->next) {
		for (int role = 0; role < PEER_COUNT; role++) {
			if (read_pid(spawner, role_names[role], partition_name(at)) != pid)
				continue;
			operation_process_failed(at, (enum peer_role)role, "it has ended");
			return;
		}
	}
}

static void on_child(evutil_socket_t number, short what, void *context)
{
	pid_t pid;

	(void)number, (void)what;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		child_ended(context, pid);
}

/* The directories that systemd makes elsewhere. */
static bool make_directories(const struct spawner *spawner)
{
	char path[FILE_SIZE];

	for (int role = 0; role <= PEER_COUNT; role++) {
		snprintf(path, sizeof(path), "%s/%s", spawner->directory,
			 role < PEER_COUNT ? role_names[role] : IMAGE);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return false;
	}
	return true;
}

struct spawner *spawner_new(struct hvd *hvd)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));

	if (!spawner)
		return NULL;
	spawner->hvd = hvd;
	snprintf(spawner->directory, sizeof(spawner->directory), "%s", hvd->settings.run);
	if (!is_parent(spawner))
		return spawner;
	spawner->children = evsignal_new(hvd->base, SIGCHLD, on_child, spawner);
	if (!spawner->children || event_add(spawner->children, NULL) < 0 ||
	    !make_directories(spawner)) {
		spawner_free(spawner);
		return NULL;
	}
	return spawner;
}

static void drop_bus(void *context)
{
	struct spawner *spawner = context;

	pump_free(spawner->pump);
	spawner->pump = NULL;
	spawner->bus = sd_bus_close_unref(spawner->bus);
}

void spawner_free(struct spawner *spawner)
{
	if (!spawner)
		return;
	drop_bus(spawner);
	if (spawner->children)
		event_free(spawner->children);
	free(spawner);
}

/* ---- by systemd ---- */

/* The partition that a unit belongs to, and its role there; NULL: it is none of ours. */
static struct partition *of_unit(struct hvd *hvd, const char *unit, enum peer_role *role)
{
	char name[DOMAIN_NAME_MAX], prefix[UNIT_SIZE];
	size_t length = strlen(unit), suffix = strlen(UNIT_SUFFIX);

	for (int i = 0; i < PEER_COUNT; i++) {
		size_t before =
			(size_t)snprintf(prefix, sizeof(prefix), UNIT_PREFIX "%s@", role_names[i]);

		if (strncmp(unit, prefix, before) != 0 || length <= before + suffix ||
		    length - before - suffix >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(length - before - suffix),
			 unit + before);
		*role = (enum peer_role)i;
		return partition_by_name(hvd, name);
	}
	return NULL;
}

static void name_unit(const char *kind, const char *name, char unit[static UNIT_SIZE])
{
	snprintf(unit, UNIT_SIZE, UNIT_PREFIX "%s@%s" UNIT_SUFFIX, kind, name);
}

static bool is_network(const char *unit)
{
	static const char prefix[] = UNIT_PREFIX NETWORK "@";

	return strncmp(unit, prefix, sizeof(prefix) - 1) == 0;
}

/* Systemd has come to an end with a unit. */
static int on_job_removed(sd_bus_message *message, void *context, sd_bus_error *ignored)
{
	struct spawner *spawner = context;
	const char *unit, *result;
	struct partition *partition;
	enum peer_role role;
	uint32_t number;

	(void)ignored;
	if (sd_bus_message_read(message, "uoss", &number, NULL, &unit, &result) < 0 ||
	    strcmp(result, "done") == 0)
		return 0;
	if (is_network(unit))
		log_error("%s: %s: its guests reach nobody outside", unit, result);
	partition = of_unit(spawner->hvd, unit, &role);
	if (partition)
		operation_process_failed(partition, role, result);
	return 0;
}

/* Asks for the news of units. */
static int subscribe(struct spawner *spawner)
{
	int error = sd_bus_match_signal_async(spawner->bus, NULL, SYSTEMD, SYSTEMD_PATH,
					      SYSTEMD_MANAGER, "JobRemoved", on_job_removed, NULL,
					      spawner);

	if (error < 0)
		return error;
	return sd_bus_call_method_async(spawner->bus, NULL, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER,
					"Subscribe", NULL, NULL, NULL);
}

static int need_bus(struct spawner *spawner)
{
	int error;

	if (spawner->bus)
		return 0;
	error = sd_bus_open_system(&spawner->bus);
	if (error >= 0)
		error = subscribe(spawner);
	if (error < 0) {
		drop_bus(spawner);
		return error;
	}
	spawner->pump = pump_new(spawner->hvd->base, &pump_bus, spawner->bus, drop_bus, spawner);
	if (spawner->pump)
		return 0;
	drop_bus(spawner);
	return -ENOMEM;
}

/* What systemd was asked to start. */
struct asked {
	struct hvd *hvd;
	enum peer_role role;
	char name[DOMAIN_NAME_MAX];
};

static int on_start_answer(sd_bus_message *message, void *context, sd_bus_error *ignored)
{
	struct asked *asked = context;
	const sd_bus_error *error = sd_bus_message_get_error(message);
	struct partition *partition;

	(void)ignored;
	if (!error)
		return 0;
	log_error("systemd does not start mullion-%s@%s: %s", role_names[asked->role], asked->name,
		  error->message);
	partition = partition_by_name(asked->hvd, asked->name);
	if (partition)
		operation_process_failed(partition, asked->role, error->message);
	return 0;
}

static int ask_start(struct spawner *spawner, enum peer_role role, const char *name)
{
	struct asked *asked = calloc(1, sizeof(*asked));
	char unit[UNIT_SIZE];
	sd_bus_slot *slot;
	int error;

	if (!asked)
		return -ENOMEM;
	asked->hvd = spawner->hvd;
	asked->role = role;
	snprintf(asked->name, sizeof(asked->name), "%s", name);
	name_unit(role_names[role], name, unit);
	/* Restarted, not started: to systemd the one before may still be active, whose end it
	 * has not seen yet, and an active unit is not started. */
	error = sd_bus_call_method_async(spawner->bus, &slot, SYSTEMD, SYSTEMD_PATH,
					 SYSTEMD_MANAGER, "RestartUnit", on_start_answer, asked,
					 "ss", unit, "replace");
	if (error < 0) {
		free(asked);
		return error;
	}
	/* The slot is the bus's from here on, and takes the memory with it. */
	sd_bus_slot_set_destroy_callback(slot, free);
	sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
	pump_update(spawner->pump);
	return 0;
}

/* Limits that systemd was asked to set. */
struct limiting {
	char unit[UNIT_SIZE];
	void (*done)(void *context, const struct failure *failure); /* NULL: called, or nobody's */
	void *context;
};

static void settle_limiting(struct limiting *limiting, const struct failure *failure)
{
	void (*done)(void *context, const struct failure *failure) = limiting->done;

	limiting->done = NULL;
	if (failure)
		log_error("%s cannot be limited: %s", limiting->unit, failure->message);
	if (done)
		done(limiting->context, failure);
}

static int on_limited(sd_bus_message *message, void *context, sd_bus_error *ignored)
{
	const sd_bus_error *error = sd_bus_message_get_error(message);
	struct failure failure;

	(void)ignored;
	if (error)
		fail(&failure, FAILURE_FAILED, "%.200s", error->message ? error->message : "?");
	settle_limiting(context, error ? &failure : NULL);
	return 0;
}

/* The call is over, answered or not. */
static void free_limiting(void *context)
{
	struct limiting *limiting = context;
	struct failure failure;

	if (limiting->done) {
		fail(&failure, FAILURE_FAILED, "systemd does not answer");
		settle_limiting(limiting, &failure);
	}
	free(limiting);
}

#define CAP_ONE_PERCENT UINT64_C(10000) /* microseconds of a second */

static int ask_limit(struct spawner *spawner, struct limiting *limiting,
		     const struct spawner_limits *limits)
{
	uint64_t quota = limits->cap ? limits->cap * CAP_ONE_PERCENT : UINT64_MAX;
	sd_bus_slot *slot;
	int error;

	/* Not for longer than the parent is up. */
	error = sd_bus_call_method_async(spawner->bus, &slot, SYSTEMD, SYSTEMD_PATH,
					 SYSTEMD_MANAGER, "SetUnitProperties", on_limited, limiting,
					 "sba(sv)", limiting->unit, 1, 3, "MemoryMax", "t",
					 limits->memory, "CPUWeight", "t", (uint64_t)limits->weight,
					 "CPUQuotaPerSecUSec", "t", quota);
	if (error < 0)
		return error;
	sd_bus_slot_set_destroy_callback(slot, free_limiting);
	sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
	pump_update(spawner->pump);
	return 0;
}

static void kill_unit(struct spawner *spawner, const char *unit)
{
	int error = need_bus(spawner);

	if (error >= 0)
		error = sd_bus_call_method_async(spawner->bus, NULL, SYSTEMD, SYSTEMD_PATH,
						 SYSTEMD_MANAGER, "KillUnit", NULL, NULL, "ssi",
						 unit, "all", SIGKILL);
	if (error < 0)
		log_error("cannot kill %s: %s", unit, strerror(-error));
	else
		pump_update(spawner->pump);
}

/* ---- by hvd itself ---- */

static void write_pid(const struct spawner *spawner, const char *kind, const char *name, pid_t pid)
{
	char path[FILE_SIZE];
	FILE *file;

	path_of(spawner, kind, name, "pid", path);
	file = fopen(path, "we");
	if (!file)
		return;
	fprintf(file, "%d\n", (int)pid);
	fclose(file);
}

static pid_t read_pid(const struct spawner *spawner, const char *kind, const char *name)
{
	char path[FILE_SIZE], text[16] = "";
	long pid;
	FILE *file;

	path_of(spawner, kind, name, "pid", path);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	pid = strtol(text, NULL, 10);
	return pid > 1 ? (pid_t)pid : 0;
}

/* In the new process: signals as a program expects them, then the program. */
__attribute__((noreturn)) static void become(const char *program, const char *socket)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	unsetenv("NOTIFY_SOCKET");
	execl(program, program, "--listen", socket, (char *)NULL);
	_exit(127);
}

static bool start_child(struct spawner *spawner, enum peer_role role, const char *name,
			struct failure *failure)
{
	char path[FILE_SIZE], socket[108];
	pid_t pid;

	path_of(spawner, role_names[role], name, "", path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_errno(failure, errno, "%s", path);
	if (!spawner_socket(spawner, role, name, socket, sizeof(socket)))
		return fail(failure, FAILURE_FAILED, "%s: too long for a socket", path);
	unlink(socket);
	pid = fork();
	if (pid < 0)
		return fail_errno(failure, errno, "no new process");
	if (!pid)
		become(spawner->hvd->settings.programs[role], socket);
	write_pid(spawner, role_names[role], name, pid);
	return true;
}

/* The same for an image. */
__attribute__((noreturn)) static void become_image(const char *program, const char *blockdev,
						   const char *export, const char *chardev)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	execl(program, program, "--blockdev", blockdev, "--export", export, "--chardev", chardev,
	      "--monitor", "chardev=monitor", (char *)NULL);
	_exit(127);
}

/* A directory with the file that the export is mounted on. */
static bool make_mount_point(struct spawner *spawner, const char *name, struct failure *failure)
{
	char path[FILE_SIZE];
	int fd;

	path_of(spawner, IMAGE, name, "", path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_errno(failure, errno, "%s", path);
	path_of(spawner, IMAGE, name, "socket", path);
	unlink(path);
	path_of(spawner, IMAGE, name, "disk", path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(failure, errno, "%s", path);
	close(fd);
	return true;
}

static bool start_image_child(struct spawner *spawner, const char *name, const char *blockdev,
			      const char *export, struct failure *failure)
{
	const char *program = spawner->hvd->settings.image;
	char path[FILE_SIZE], chardev[FILE_SIZE + 64];
	pid_t pid;

	if (!program)
		return fail(failure, FAILURE_UNSUPPORTED, "there is no program for %s", name);
	if (!make_mount_point(spawner, name, failure))
		return false;
	path_of(spawner, IMAGE, name, "socket", path);
	snprintf(chardev, sizeof(chardev), "socket,id=monitor,server=on,wait=off,path=%s", path);
	pid = fork();
	if (pid < 0)
		return fail_errno(failure, errno, "no new process");
	if (!pid)
		become_image(program, blockdev, export, chardev);
	write_pid(spawner, IMAGE, name, pid);
	return true;
}

static void end_image_child(struct spawner *spawner, const char *name)
{
	static const char *const files[] = { "pid", "socket", "disk", "" };
	pid_t pid = read_pid(spawner, IMAGE, name);
	char path[FILE_SIZE];

	if (pid)
		kill(pid, SIGTERM);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_of(spawner, IMAGE, name, files[i], path);
		if (files[i][0])
			unlink(path);
		else
			rmdir(path);
	}
}

/* ---- both ---- */

bool spawner_start(struct spawner *spawner, enum peer_role role, const char *name,
		   struct failure *failure)
{
	char socket[108];
	int error;

	if (is_parent(spawner))
		return start_child(spawner, role, name, failure);
	/* One before it may be about to end, and must not be taken for it. */
	if (spawner_socket(spawner, role, name, socket, sizeof(socket)))
		unlink(socket);
	error = need_bus(spawner);
	if (error >= 0)
		error = ask_start(spawner, role, name);
	return error >= 0 || fail_errno(failure, -error, "systemd cannot be reached");
}

bool spawner_limit(struct spawner *spawner, enum peer_role role, const char *name,
		   const struct spawner_limits *limits,
		   void (*done)(void *context, const struct failure *failure), void *context,
		   struct failure *failure)
{
	struct limiting *limiting;
	int error;

	if (is_parent(spawner)) {
		if (done)
			done(context, NULL);
		return true;
	}
	limiting = calloc(1, sizeof(*limiting));
	if (!limiting)
		return fail(failure, FAILURE_BUSY, "out of memory");
	name_unit(role_names[role], name, limiting->unit);
	limiting->done = done;
	limiting->context = context;
	error = need_bus(spawner);
	if (error >= 0)
		error = ask_limit(spawner, limiting, limits);
	if (error >= 0)
		return true;
	free(limiting);
	return fail_errno(failure, -error, "systemd cannot be reached");
}

void spawner_kill(struct spawner *spawner, enum peer_role role, const char *name)
{
	char unit[UNIT_SIZE];
	pid_t pid;

	if (!is_parent(spawner)) {
		name_unit(role_names[role], name, unit);
		kill_unit(spawner, unit);
		return;
	}
	pid = read_pid(spawner, role_names[role], name);
	if (pid)
		kill(pid, SIGKILL);
}

void spawner_clean(struct spawner *spawner, enum peer_role role, const char *name)
{
	char path[FILE_SIZE];

	/* Elsewhere it is systemd who does it. */
	if (!is_parent(spawner))
		return;
	path_of(spawner, role_names[role], name, "socket", path);
	unlink(path);
	path_of(spawner, role_names[role], name, "pid", path);
	unlink(path);
	path_of(spawner, role_names[role], name, "", path);
	rmdir(path);
}

/* A job of systemd's for a unit; nobody waits for its end. */
static int ask_job(struct spawner *spawner, const char *method, const char *unit)
{
	int error = need_bus(spawner);

	if (error >= 0)
		error = sd_bus_call_method_async(spawner->bus, NULL, SYSTEMD, SYSTEMD_PATH,
						 SYSTEMD_MANAGER, method, NULL, NULL, "ss", unit,
						 "replace");
	if (error >= 0)
		pump_update(spawner->pump);
	return error;
}

static int on_networkd_answer(sd_bus_message *message, void *context, sd_bus_error *ignored)
{
	const sd_bus_error *error = sd_bus_message_get_error(message);

	(void)context, (void)ignored;
	if (error)
		log_error("systemd-networkd does not serve guests' networks: %s", error->message);
	return 0;
}

/* networkd reads its files again; it is started if it does not run and is enabled. */
static int ask_networkd(struct spawner *spawner)
{
	int error = need_bus(spawner);

	if (error >= 0)
		error = sd_bus_call_method_async(spawner->bus, NULL, NETWORKD,
						 "/org/freedesktop/network1", NETWORKD ".Manager",
						 "Reload", on_networkd_answer, NULL, NULL);
	if (error >= 0)
		pump_update(spawner->pump);
	return error;
}

bool spawner_need_network(struct spawner *spawner, const char *bridge, bool rules,
			  bool configuration, struct failure *failure)
{
	char unit[UNIT_SIZE];
	int error;

	name_unit(NETWORK, bridge, unit);
	error = ask_job(spawner, rules ? "ReloadOrRestartUnit" : "StartUnit", unit);
	if (error >= 0 && configuration)
		error = ask_networkd(spawner);
	return error >= 0 || fail_errno(failure, -error, "systemd cannot be reached");
}

bool spawner_start_image(struct spawner *spawner, const char *name, const char *blockdev,
			 const char *export, struct failure *failure)
{
	char unit[UNIT_SIZE];
	int error;

	if (is_parent(spawner))
		return start_image_child(spawner, name, blockdev, export, failure);
	name_unit(IMAGE, name, unit);
	error = ask_job(spawner, "RestartUnit", unit);
	return error >= 0 || fail_errno(failure, -error, "systemd cannot be reached");
}

void spawner_end_image(struct spawner *spawner, const char *name)
{
	char unit[UNIT_SIZE], path[FILE_SIZE];
	int error;

	snprintf(path, sizeof(path), "%s/" IMAGE "/%s.env", spawner->directory, name);
	unlink(path);
	if (is_parent(spawner)) {
		end_image_child(spawner, name);
		return;
	}
	name_unit(IMAGE, name, unit);
	error = ask_job(spawner, "StopUnit", unit);
	if (error < 0)
		log_error("%s cannot be stopped: %s", unit, strerror(-error));
}

uint64_t spawner_image(const struct spawner *spawner, const char *name)
{
	char path[FILE_SIZE];
	struct stat status;
	pid_t pid;

	if (is_parent(spawner)) {
		pid = read_pid(spawner, IMAGE, name);
		return pid && kill(pid, 0) == 0 ? (uint64_t)pid : 0;
	}
	/* Systemd makes the directory for it, and removes it behind it. */
	path_of(spawner, IMAGE, name, "", path);
	return stat(path, &status) == 0 ? status.st_ino : 0;
}

void spawner_list(struct spawner *spawner, void (*each)(void *context, const char *name),
		  void *context)
{
	const struct dirent *entry;
	char path[FILE_SIZE];
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", spawner->directory, role_names[PEER_WORKER]);
	directory = opendir(path);
	if (!directory)
		return;
	/* One thread reads directories here. */
	while ((entry = readdir(directory))) { /* NOLINT(concurrency-mt-unsafe) */
		if (domain_name_is_valid(entry->d_name))
			each(context, entry->d_name);
	}
	closedir(directory);
}
