/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checks of the unit tests.
 *
 * A test program is a main() that calls test functions by CHECK_RUN and ends
 * with return check_done(). A failed CHECK is printed with file, line and
 * values, counted, and the test goes on; a failed REQUIRE ends the program.
 * CHECK_NOTE adds a line to the next failure, for the row of a table or the
 * step of a random walk.
 *
 * Random tests draw from check_rand(), a fixed sequence. check_seed() starts
 * it: the seed is printed, and MULLION_TEST_SEED in the environment replaces
 * it, so that a failure can be run again and a long run can vary it.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_state {
	unsigned long checks;
	unsigned long failures;
	const char *test;
	char note[160];
	uint64_t random;
};

static struct check_state check_state;

/* After so many failures a program stops: the rest would say the same. */
#define CHECK_MAX_FAILURES 50

static inline int check_done(void)
{
	printf("%lu checks, %lu failed\n", check_state.checks, check_state.failures);
	return check_state.failures || !check_state.checks ? EXIT_FAILURE : EXIT_SUCCESS;
}

__attribute__((format(printf, 3, 4))) static inline void check_fail(const char *file, int line,
								    const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: %s: ", file, line, check_state.test ? check_state.test : "main");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (check_state.note[0])
		fprintf(stderr, " [%s]", check_state.note);
	fputc('\n', stderr);
	if (++check_state.failures >= CHECK_MAX_FAILURES) {
		fprintf(stderr, "too many failures, stopped\n");
		exit(check_done());
	}
}

__attribute__((format(printf, 1, 2))) static inline void check_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check_state.note, sizeof(check_state.note), format, args);
	va_end(args);
}

static inline bool check_true(const char *file, int line, bool ok, const char *text)
{
	check_state.checks++;
	if (!ok)
		check_fail(file, line, "failed: %s", text);
	return ok;
}

static inline bool check_u64(const char *file, int line, uint64_t got, uint64_t want,
			     const char *text)
{
	check_state.checks++;
	if (got != want)
		check_fail(file, line,
			   "%s is 0x%" PRIx64 " (%" PRIu64 "), not 0x%" PRIx64 " (%" PRIu64 ")",
			   text, got, got, want, want);
	return got == want;
}

static inline bool check_i64(const char *file, int line, int64_t got, int64_t want,
			     const char *text)
{
	check_state.checks++;
	if (got != want)
		check_fail(file, line, "%s is %" PRId64 ", not %" PRId64, text, got, want);
	return got == want;
}

static inline bool check_str(const char *file, int line, const char *got, const char *want,
			     const char *text)
{
	bool ok = got && strcmp(got, want) == 0;

	check_state.checks++;
	if (!ok)
		check_fail(file, line, "%s is \"%s\", not \"%s\"", text, got ? got : "(null)",
			   want);
	return ok;
}

static inline bool check_mem(const char *file, int line, const void *got, const void *want,
			     size_t size, const char *text)
{
	const unsigned char *g = got, *w = want;

	check_state.checks++;
	for (size_t i = 0; i < size; i++) {
		if (g[i] != w[i]) {
			check_fail(file, line, "%s: byte %zu of %zu is 0x%02x, not 0x%02x", text, i,
				   size, g[i], w[i]);
			return false;
		}
	}
	return true;
}

/* Each gives true when it holds. CHECK_EQ is for unsigned, CHECK_INT for signed. */
#define CHECK(condition) check_true(__FILE__, __LINE__, (condition) ? true : false, #condition)
#define CHECK_EQ(got, want) check_u64(__FILE__, __LINE__, (uint64_t)(got), (uint64_t)(want), #got)
#define CHECK_INT(got, want) check_i64(__FILE__, __LINE__, (int64_t)(got), (int64_t)(want), #got)
#define CHECK_STR(got, want) check_str(__FILE__, __LINE__, (got), (want), #got)
#define CHECK_MEM(got, want, size) check_mem(__FILE__, __LINE__, (got), (want), (size), #got)

#define CHECK_NOTE(...) check_note(__VA_ARGS__)

#define REQUIRE(condition)                  \
	do {                                \
		if (!CHECK(condition))      \
			exit(check_done()); \
	} while (0)

#define CHECK_RUN(function)                   \
	do {                                  \
		check_state.test = #function; \
		check_state.note[0] = '\0';   \
		function();                   \
		check_state.test = NULL;      \
		check_state.note[0] = '\0';   \
	} while (0)

/* Steele, Lea, Flood: SplitMix64. */
static inline uint64_t check_rand(void)
{
	uint64_t z = check_state.random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A number below limit; limit must not be 0. */
static inline uint64_t check_below(uint64_t limit)
{
	return check_rand() % limit;
}

static inline void check_seed(uint64_t seed)
{
	const char *text = getenv("MULLION_TEST_SEED");

	if (text && text[0])
		seed = strtoull(text, NULL, 0);
	check_state.random = seed;
	printf("%s: MULLION_TEST_SEED=0x%" PRIx64 "\n",
	       check_state.test ? check_state.test : "main", seed);
	fflush(stdout);
}

#endif
