/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/core/loglimit.h: at most 10 lines in any 5 s, and none of the others forgotten. */
#include "check.h"

#include "core/loglimit.h"

#define MS 1000000ul

static void a_flood(void)
{
	static uint64_t passed[100000];
	struct log_limit limit = { 0 };
	uint64_t now = 0, count = 0, left_out = 0, tried = 0;
	uint32_t before = 0;

	check_seed(0x6c6f67);
	for (; tried < 200000; tried++) {
		now += check_below(20) ? check_below(MS) : check_below(3000 * MS);
		if (!log_limit_pass(&limit, now, &before))
			continue;
		left_out += before;
		CHECK_EQ(count + left_out, tried);
		passed[count++] = now;
		if (count > 10)
			CHECK(now - passed[count - 11] >= 5000 * MS);
	}
	CHECK(count > 1000);
	CHECK_EQ(count + left_out + limit.left_out, tried);
}

static void now_and_then(void)
{
	struct log_limit limit = { 0 };
	uint32_t left_out = 7;

	for (uint64_t i = 0; i < 1000; i++) {
		CHECK(log_limit_pass(&limit, i * 1250 * MS, &left_out));
		CHECK_EQ(left_out, 0);
	}
}

int main(void)
{
	CHECK_RUN(a_flood);
	CHECK_RUN(now_and_then);
	return check_done();
}
