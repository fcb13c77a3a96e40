/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virgl_render_server, started before the renderer is.
 *
 * What Vulkan draws with (lavapipe, in that process's children) needs /dev/udmabuf to import
 * the guest's pages. llvmpipe, in our own process, finds it too if it can, says then that it
 * has native fences, and with these Mesa 25.0.7 crashes under many small submissions (it
 * draws a triangle without a scene). So this process may not open it, nor anything else for
 * writing: what it needs is open already. Landlock forbids it for good, and for the threads
 * that come after.
 */
#include "vulkan-server.h"

#include <errno.h>
#include <linux/landlock.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/usr/libexec/virgl_render_server"
#define SOCKET "3" /* as the program gets it */

static pid_t server; /* 0: none */

static bool forbid_writing(void)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	long rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	bool done;

	if (rules < 0)
		return false;
	done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	close((int)rules);
	return done;
}

/* 0, or an errno. */
static int spawn(int socket)
{
	char program[] = PROGRAM, option[] = "--socket-fd", number[] = SOCKET;
	char *arguments[] = { program, option, number, NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, socket, SOCKET[0] - '0');
	if (!error)
		error = posix_spawn(&server, program, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int vulkan_server_start(void)
{
	int sockets[2], error;

	if (access(PROGRAM, X_OK) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	error = spawn(sockets[1]);
	close(sockets[1]);
	if (!error && !forbid_writing())
		error = errno;
	if (!error)
		return sockets[0];
	/* Without its socket it ends. */
	close(sockets[0]);
	errno = error;
	return -1;
}

bool vulkan_server_is_gone(void)
{
	siginfo_t info = { 0 };

	return server && waitid(P_PID, (id_t)server, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid;
}
