/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checks must see failures: each runs once with what holds and once with
 * what does not, and the sanitizers must be there.
 */
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static void fails_true(void)
{
	CHECK(false);
}

static void fails_eq(void)
{
	CHECK_EQ(1u, 2u);
}

static void fails_int(void)
{
	CHECK_INT(-1, 1);
}

static void fails_str(void)
{
	CHECK_STR("left", "right");
}

static void fails_str_null(void)
{
	CHECK_STR(NULL, "right");
}

static void fails_mem(void)
{
	CHECK_MEM("abc", "abd", 3);
}

static void fails_require(void)
{
	REQUIRE(false);
	_exit(EXIT_SUCCESS); /* not reached */
}

static void fails_empty(void)
{
}

/* The numbers come from strtol so that no checker sees the fault beforehand. */
static void fails_address(void)
{
	char bytes[4] = { 0 };

	CHECK(bytes[strtoul("4", NULL, 10)] < 128);
}

static void fails_undefined(void)
{
	int most = (int)strtol("2147483647", NULL, 10);

	CHECK_INT(most + 1, INT32_MIN);
}

static void holds(void)
{
	CHECK(true);
	CHECK_EQ(0xffffffffffffffffu, UINT64_MAX);
	CHECK_INT(-1, -1);
	CHECK_STR("same", "same");
	CHECK_MEM("abc", "abd", 2);
	REQUIRE(true);
}

/* Runs test as a program of its own, quietly, and tells its exit status. */
static int status_of(void (*test)(void))
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(EXIT_SUCCESS);
		check_state = (struct check_state){ 0 };
		test();
		exit(check_done());
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int main(void)
{
	CHECK_INT(status_of(holds), EXIT_SUCCESS);
	CHECK_INT(status_of(fails_true), EXIT_FAILURE);
	CHECK_INT(status_of(fails_eq), EXIT_FAILURE);
	CHECK_INT(status_of(fails_int), EXIT_FAILURE);
	CHECK_INT(status_of(fails_str), EXIT_FAILURE);
	CHECK_INT(status_of(fails_str_null), EXIT_FAILURE);
	CHECK_INT(status_of(fails_mem), EXIT_FAILURE);
	CHECK_INT(status_of(fails_require), EXIT_FAILURE);
	CHECK_INT(status_of(fails_empty), EXIT_FAILURE);
	CHECK(status_of(fails_address) > 0);
	CHECK(status_of(fails_undefined) > 0);
	return check_done();
}
