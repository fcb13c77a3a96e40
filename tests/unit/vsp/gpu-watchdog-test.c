/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/gpu/watchdog.c: a call that does not come back ends the process; others do not. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "error.h"
#include "watchdog.h"

/* The exit status of a process with a watchdog of a second, that goes in and out as told. */
static int status_of(bool stuck)
{
	pid_t pid = fork();
	int status;

	REQUIRE(pid >= 0);
	if (!pid) {
		if (!watchdog_start(1))
			_exit(99);
		for (unsigned int i = 0; i < 40; i++) {
			if (!stuck || !i)
				watchdog_enter();
			usleep(100000);
			if (!stuck)
				watchdog_leave();
		}
		watchdog_stop();
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_stuck(void)
{
	CHECK_INT(status_of(true), ERROR_FAILED);
}

static void test_busy(void)
{
	CHECK_INT(status_of(false), 0);
}

int main(void)
{
	error_name("watchdog");
	alarm(60);
	CHECK_RUN(test_stuck);
	CHECK_RUN(test_busy);
	return check_done();
}
