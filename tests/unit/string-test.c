/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/string.c against the C library. The build renames hv's functions
 * (hv_memcpy and so on), which this file then declares by those names.
 */
#include "check.h"

void *hv_memcpy(void *dest, const void *src, size_t n);
void *hv_memmove(void *dest, const void *src, size_t n);
void *hv_memset(void *dest, int c, size_t n);
int hv_memcmp(const void *a, const void *b, size_t n);
size_t hv_strlen(const char *s);
int hv_strncmp(const char *a, const char *b, size_t n);

#define SPAN 96

static void fill(unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)check_rand();
}

/* Every pair of offsets and every length: overlaps in both directions too. */
static void move_and_copy(void)
{
	unsigned char start[SPAN], got[SPAN], want[SPAN];

	check_seed(0x6d6f7665);
	fill(start, sizeof(start));
	for (size_t to = 0; to < 32; to++) {
		for (size_t from = 0; from < 32; from++) {
			for (size_t n = 0; n < 60; n++) {
				CHECK_NOTE("to %zu from %zu n %zu", to, from, n);
				memcpy(got, start, SPAN);
				memcpy(want, start, SPAN);
				memmove(want + to, want + from, n);
				CHECK(hv_memmove(got + to, got + from, n) == got + to);
				CHECK_MEM(got, want, SPAN);
				memcpy(got, start, SPAN);
				memcpy(want, start, SPAN);
				memcpy(want + to, start + from, n);
				CHECK(hv_memcpy(got + to, start + from, n) == got + to);
				CHECK_MEM(got, want, SPAN);
			}
		}
	}
}

static void set(void)
{
	unsigned char got[SPAN], want[SPAN];

	for (size_t to = 0; to < 16; to++) {
		for (size_t n = 0; n < 64; n++) {
			memset(got, 0x55, SPAN);
			memset(want, 0x55, SPAN);
			memset(want + to, 0x1aa & 0xff, n);
			CHECK(hv_memset(got + to, 0x1aa, n) == got + to);
			CHECK_MEM(got, want, SPAN);
		}
	}
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void compare(void)
{
	check_seed(0x636d70);
	for (int i = 0; i < 100000; i++) {
		char a[8], b[8];
		size_t n = check_below(9);

		for (size_t k = 0; k < 8; k++) {
			a[k] = (char)(check_below(3) * 127);
			b[k] = check_below(8) ? a[k] : (char)(check_below(3) * 127);
		}
		CHECK_INT(sign(hv_memcmp(a, b, n)), sign(memcmp(a, b, n)));
		CHECK_INT(sign(hv_strncmp(a, b, n)), sign(strncmp(a, b, n)));
		a[7] = '\0';
		CHECK_EQ(hv_strlen(a), strlen(a));
	}
}

int main(void)
{
	CHECK_RUN(move_and_copy);
	CHECK_RUN(set);
	CHECK_RUN(compare);
	return check_done();
}
