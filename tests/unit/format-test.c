/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/core/format.c, against a table and against the C library's printf. */
#include "check.h"

#include "core/format.h"

/* The text is compared and the buffer behind it must be untouched. */
#define CHECK_FORMAT(want, ...)                                                     \
	do {                                                                        \
		char check_buf[128];                                                \
		size_t check_n;                                                     \
		memset(check_buf, '#', sizeof(check_buf));                          \
		check_n = hv_format(check_buf, sizeof(check_buf) - 1, __VA_ARGS__); \
		CHECK_STR(check_buf, want);                                         \
		CHECK_EQ(check_n, strlen(want));                                    \
		CHECK(check_buf[sizeof(check_buf) - 1] == '#');                     \
	} while (0)

static void table(void)
{
	CHECK_FORMAT("", "%s", "");
	CHECK_FORMAT("plain", "plain");
	CHECK_FORMAT("0", "%d", 0);
	CHECK_FORMAT("-2147483648", "%d", INT32_MIN);
	CHECK_FORMAT("2147483647", "%d", INT32_MAX);
	CHECK_FORMAT("4294967295", "%u", UINT32_MAX);
	CHECK_FORMAT("-9223372036854775808", "%ld", INT64_MIN);
	CHECK_FORMAT("18446744073709551615", "%lu", UINT64_MAX);
	CHECK_FORMAT("ffffffffffffffff", "%lx", UINT64_MAX);
	CHECK_FORMAT("18446744073709551615", "%zu", SIZE_MAX);
	CHECK_FORMAT("deadbeef", "%x", 0xdeadbeefu);
	CHECK_FORMAT("00000042", "%08d", 42);
	CHECK_FORMAT("-0000042", "%08d", -42);
	CHECK_FORMAT("      42", "%8d", 42);
	CHECK_FORMAT("     -42", "%8d", -42);
	CHECK_FORMAT("42      |", "%-8d|", 42);
	CHECK_FORMAT("-42     |", "%-8d|", -42);
	CHECK_FORMAT("   42", "%*d", 5, 42);
	CHECK_FORMAT("12345", "%3d", 12345);
	CHECK_FORMAT("abc  |", "%-5s|", "abc");
	CHECK_FORMAT("  abc|", "%5s|", "abc");
	CHECK_FORMAT("ab|", "%.2s|", "abc");
	CHECK_FORMAT("|", "%.0s|", "abc");
	CHECK_FORMAT("   ab|", "%5.2s|", "abc");
	CHECK_FORMAT("ab|", "%.*s|", 2, "abc");
	CHECK_FORMAT("x%y", "%c%%%c", 'x', 'y');
}

/* What the compiler's check of formats would refuse: by a pointer it cannot see through. */
static size_t (*volatile unchecked)(char *, size_t, const char *, ...) = hv_format;

static void unusual(void)
{
	char buf[64];

	unchecked(buf, sizeof(buf), "%s", (const char *)NULL);
	CHECK_STR(buf, "(null)");
	unchecked(buf, sizeof(buf), "%");
	CHECK_STR(buf, "%");
	unchecked(buf, sizeof(buf), "a%08");
	CHECK_STR(buf, "a%08");
	unchecked(buf, sizeof(buf), "%q %n");
	CHECK_STR(buf, "%q %n");
	unchecked(buf, sizeof(buf), "%p", (void *)0x1234);
	CHECK_STR(buf, "1234");
	unchecked(buf, sizeof(buf), "%*d|", -5, 42);
	CHECK_STR(buf, "42|");
	unchecked(buf, sizeof(buf), "%.*s|", -5, "cut");
	CHECK_STR(buf, "|");
}

/* A width without end must neither write past the buffer nor take forever. */
static void wide(void)
{
	char buf[8];

	CHECK_EQ(unchecked(buf, sizeof(buf), "%99999999999999999999d", 1), 7);
	CHECK_STR(buf, "       ");
	CHECK_EQ(unchecked(buf, sizeof(buf), "%099999999d", -1), 7);
	CHECK_STR(buf, "-000000");
	CHECK_EQ(unchecked(buf, sizeof(buf), "%-2147483647s", "ab"), 7);
	CHECK_STR(buf, "ab     ");
}

/* Each size of buffer, on the heap so that one byte too far is seen. */
static void sizes(void)
{
	static const char whole[] = "cpu 03: fault at ffffffff80001234 (write)";

	for (size_t size = 1; size < sizeof(whole) + 4; size++) {
		char *buf = malloc(size);
		size_t want = size - 1 < sizeof(whole) - 1 ? size - 1 : sizeof(whole) - 1;
		size_t n;

		REQUIRE(buf);
		CHECK_NOTE("size %zu", size);
		n = hv_format(buf, size, "cpu %02d: %s at %lx (%.5s)", 3, "fault",
			      0xffffffff80001234ul, "writeback");
		CHECK_EQ(n, want);
		CHECK_EQ(strlen(buf), want);
		CHECK_MEM(buf, whole, want);
		free(buf);
	}
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* Random conversions must read as the C library's. */
static void like_printf(void)
{
	static const char *const flags[] = { "", "0", "-" };

	check_seed(0x666f726d6174);
	for (int i = 0; i < 200000; i++) {
		const char *flag = flags[check_below(3)];
		unsigned int width = (unsigned int)check_below(25);
		uint64_t value = check_rand() >> check_below(64);
		char format[32], got[64], want[64];
		size_t n;
		int m;

		if (check_below(3) == 0)
			value = 0 - value;
		snprintf(format, sizeof(format), width ? "<%%%s%u%s%c>" : "<%%%s%.0u%s%c>", flag,
			 width, "l", "dux"[check_below(3)]);
		if (check_below(2)) {
			n = unchecked(got, sizeof(got), format, value);
			m = snprintf(want, sizeof(want), format, value);
		} else {
			char *l = strchr(format, 'l');

			memmove(l, l + 1, strlen(l));
			n = unchecked(got, sizeof(got), format, (uint32_t)value);
			m = snprintf(want, sizeof(want), format, (uint32_t)value);
		}
		CHECK_NOTE("%s of 0x%" PRIx64, format, value);
		CHECK_STR(got, want);
		CHECK_EQ(n, m);
	}
}

int main(void)
{
	CHECK_RUN(table);
	CHECK_RUN(unusual);
	CHECK_RUN(wide);
	CHECK_RUN(sizes);
	CHECK_RUN(like_printf);
	return check_done();
}
