/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/crash.c: a guest's last words. */
#include "check.h"

#include "hyperv/crash.h"

static bool ctl(u64 value, u64 gpa, u64 size, u64 *text, u32 *text_size)
{
	struct crash c = { { 1, 2, 3, gpa, size } };

	*text_size = 0xdead;
	return crash_write(&c, HV_X64_MSR_CRASH_CTL, value, text, text_size);
}

static void registers(void)
{
	struct crash c = { { 0 } };
	u64 value, text;
	u32 size;

	for (u32 i = 0; i < 5; i++)
		CHECK(!crash_write(&c, 0x40000100 + i, 0x1111ul * (i + 1), &text, &size));
	for (u32 i = 0; i < 5; i++) {
		CHECK(crash_read(&c, 0x40000100 + i, &value));
		CHECK_EQ(value, 0x1111ul * (i + 1));
	}
	/* What may be written, not what was. */
	CHECK(crash_read(&c, 0x40000105, &value));
	CHECK_EQ(value, 0xc000000000000000);
	CHECK(!crash_read(&c, 0x400000ff, &value));
	CHECK(!crash_read(&c, 0x40000106, &value));
	CHECK(!crash_write(&c, 0x400000ff, 5, &text, &size));
	CHECK(!crash_write(&c, 0x40000106, ~0ul, &text, &size));
	for (u32 i = 0; i < 5; i++)
		CHECK_EQ(c.p[i], 0x1111ul * (i + 1));
}

static void control(void)
{
	static const struct {
		u64 gpa, size;
		u32 want;
	} rows[] = {
		{ 0x1000, 0, 0 },
		{ 0x1000, 1, 1 },
		{ 0x1000, 4096, 4096 },
		{ 0x1000, 4097, 4096 },
		{ 0x1001, 4096, 4095 },
		{ 0x1fff, 2, 1 },
		{ 0x1fff, 0, 0 },
		{ 0x1000, UINT64_MAX, 4096 },
		{ 0x1000, 0x100000001, 4096 },
		{ UINT64_MAX, UINT64_MAX, 1 },
	};
	u64 text;
	u32 size;

	CHECK(!ctl(0, 0x1000, 5, &text, &size));
	CHECK(!ctl(HV_CRASH_CTL_MESSAGE, 0x1000, 5, &text, &size));
	CHECK(!ctl(~HV_CRASH_CTL_NOTIFY, 0x1000, 5, &text, &size));
	CHECK(ctl(HV_CRASH_CTL_NOTIFY, 0x1000, 5, &text, &size));
	CHECK_EQ(size, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_NOTE("row %zu", i);
		CHECK(ctl(HV_CRASH_CTL_NOTIFY | HV_CRASH_CTL_MESSAGE, rows[i].gpa, rows[i].size,
			  &text, &size));
		CHECK_EQ(text, rows[i].gpa);
		CHECK_EQ(size, rows[i].want);
	}
}

static void test_keeping(void)
{
	static const struct {
		u32 room;
		const char *text, *kept;
	} rows[] = {
		{ 40, "", "" },
		{ 40, "one\ntwo\x1b\xff\n", "one\ntwo??\n" },
		/* All of it, just so. */
		{ 23, "one\nKernel panic\nthree", "one\nKernel panic\nthree" },
		/* The reason's line from its beginning, as much as there is room for. */
		{ 22, "one\n[1] Kernel panic: x\nthree\nfour", "[1] Kernel panic: x\nt" },
		{ 22, "[1] Kernel panic: x\nthree\nfour", "[1] Kernel panic: x\nt" },
		{ 14, "one one one\nKernel panic", "Kernel panic" },
		/* None: the end. */
		{ 5, "one\nKernel pani", "pani" },
		{ 1, "one", "" },
	};
	char kept[40];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(kept, 'x', sizeof(kept));
		crash_keep(kept, rows[i].room, rows[i].text, (u32)strlen(rows[i].text));
		CHECK_STR(kept, rows[i].kept);
	}
}

int main(void)
{
	CHECK_RUN(test_keeping);
	CHECK_RUN(registers);
	CHECK_RUN(control);
	return check_done();
}
