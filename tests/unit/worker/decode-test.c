/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent/worker/decode.c: encodings as an assembler makes them, each also cut off
 * at every byte, and any bytes at all.
 */
#include "check.h"

#include "decode.h"

#define BYTES(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

static const struct {
	const char *text;
	enum code_size code;
	uint8_t bytes[15];
	size_t length;
	struct move move; /* length comes from the row */
} good[] = {
	/* clang-format off */
	{ "mov %eax,(%rdi)", CODE_64, BYTES(0x89, 0x07), { .size = 4, .target = 4, .write = true } },
	{ "mov (%rdi),%eax", CODE_64, BYTES(0x8b, 0x07), { .size = 4, .target = 4 } },
	{ "mov %r9d,0x10(%r12)", CODE_64, BYTES(0x45, 0x89, 0x4c, 0x24, 0x10),
	  { .size = 4, .target = 4, .reg = 9, .write = true } },
	{ "mov %rsi,0x12345678(,%rax,8)", CODE_64, BYTES(0x48, 0x89, 0x34, 0xc5, 0x78, 0x56, 0x34, 0x12),
	  { .size = 8, .target = 8, .reg = 6, .write = true } },
	{ "mov 0x100(%rip),%ecx", CODE_64, BYTES(0x8b, 0x0d, 0x00, 0x01, 0x00, 0x00),
	  { .size = 4, .target = 4, .reg = 1 } },
	{ "mov %ah,(%rbx)", CODE_64, BYTES(0x88, 0x23), { .size = 1, .target = 1, .high = true, .write = true } },
	{ "mov %spl,(%rbx)", CODE_64, BYTES(0x40, 0x88, 0x23), { .size = 1, .target = 1, .reg = 4, .write = true } },
	{ "mov %fs:(%rbx),%bh", CODE_64, BYTES(0x64, 0x8a, 0x3b), { .size = 1, .target = 1, .reg = 3, .high = true } },
	{ "movw %dx,-8(%rbp)", CODE_64, BYTES(0x66, 0x89, 0x55, 0xf8),
	  { .size = 2, .target = 2, .reg = 2, .write = true } },
	{ "movl $0x11223344,(%rax)", CODE_64, BYTES(0xc7, 0x00, 0x44, 0x33, 0x22, 0x11),
	  { .size = 4, .target = 4, .write = true, .immediate = true, .value = 0x11223344 } },
	{ "movq $-2,8(%rax)", CODE_64, BYTES(0x48, 0xc7, 0x40, 0x08, 0xfe, 0xff, 0xff, 0xff),
	  { .size = 8, .target = 8, .write = true, .immediate = true, .value = ~1ull } },
	{ "movw $0x1234,(%rax)", CODE_64, BYTES(0x66, 0xc7, 0x00, 0x34, 0x12),
	  { .size = 2, .target = 2, .write = true, .immediate = true, .value = 0x1234 } },
	{ "movb $0x7f,(%rax)", CODE_64, BYTES(0xc6, 0x00, 0x7f),
	  { .size = 1, .target = 1, .write = true, .immediate = true, .value = 0x7f } },
	{ "movzbl (%rsi),%eax", CODE_64, BYTES(0x0f, 0xb6, 0x06), { .size = 1, .target = 4 } },
	{ "movzwq (%rsi),%r15", CODE_64, BYTES(0x4c, 0x0f, 0xb7, 0x3e), { .size = 2, .target = 8, .reg = 15 } },
	{ "movsbw (%rsi),%si", CODE_64, BYTES(0x66, 0x0f, 0xbe, 0x36),
	  { .size = 1, .target = 2, .reg = 6, .sign = true } },
	{ "movswl (%rsi),%esp", CODE_64, BYTES(0x0f, 0xbf, 0x26), { .size = 2, .target = 4, .reg = 4, .sign = true } },
	{ "movabs %al,0x1122334455667788", CODE_64,
	  BYTES(0xa2, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11), { .size = 1, .target = 1, .write = true } },
	{ "addr32 mov 0xfec00010,%eax", CODE_64, BYTES(0x67, 0xa1, 0x10, 0x00, 0xc0, 0xfe),
	  { .size = 4, .target = 4 } },
	{ "mov %eax,0xfec00000", CODE_32, BYTES(0xa3, 0x00, 0x00, 0xc0, 0xfe),
	  { .size = 4, .target = 4, .write = true } },
	{ "mov %edi,0xfec00010", CODE_32, BYTES(0x89, 0x3d, 0x10, 0x00, 0xc0, 0xfe),
	  { .size = 4, .target = 4, .reg = 7, .write = true } },
	{ "mov %eax,(%bx,%si) 16-bit address", CODE_32, BYTES(0x67, 0x89, 0x00), { .size = 4, .target = 4, .write = true } },
	{ "mov %ax,0x1234", CODE_16, BYTES(0x89, 0x06, 0x34, 0x12), { .size = 2, .target = 2, .write = true } },
	{ "mov %eax,0x12(%bp)", CODE_16, BYTES(0x66, 0x89, 0x46, 0x12), { .size = 4, .target = 4, .write = true } },
	{ "mov (%eax),%ax", CODE_16, BYTES(0x67, 0x8b, 0x00), { .size = 2, .target = 2 } },
	{ "mov %al,0x1234(%bx)", CODE_16, BYTES(0x88, 0x87, 0x34, 0x12), { .size = 1, .target = 1, .write = true } },
	/* clang-format on */
};

static const struct {
	const char *text;
	enum code_size code;
	uint8_t bytes[15];
	size_t length;
} bad[] = {
	{ "mov %eax,%ecx: no memory", CODE_64, BYTES(0x89, 0xc1, 0, 0, 0, 0) },
	{ "rep movsl", CODE_64, BYTES(0xf3, 0xa5, 0, 0, 0, 0) },
	{ "add %eax,(%rdi)", CODE_64, BYTES(0x01, 0x07, 0, 0, 0, 0) },
	{ "c7 /1", CODE_64, BYTES(0xc7, 0x08, 0, 0, 0, 0) },
	{ "lock", CODE_64, BYTES(0xf0, 0x89, 0x07, 0, 0, 0) },
	{ "prefixes only", CODE_64,
	  BYTES(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		0x66) },
	{ "REX is INC in 32 bits", CODE_32, BYTES(0x48, 0x89, 0x07, 0, 0, 0) },
};

static bool decode(const uint8_t *bytes, size_t count, enum code_size code, struct move *move)
{
	uint8_t *copy = malloc(count ? count : 1);
	bool known;

	REQUIRE(copy);
	memcpy(copy, bytes, count);
	known = decode_move(copy, (unsigned)count, code, move);
	free(copy);
	return known;
}

static void test_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct move *want = &good[i].move;
		struct move move;

		CHECK_NOTE("%s", good[i].text);
		if (!CHECK(decode(good[i].bytes, good[i].length, good[i].code, &move)))
			continue;
		CHECK_EQ(move.length, good[i].length);
		CHECK_EQ(move.size, want->size);
		CHECK_EQ(move.target, want->target);
		CHECK_EQ(move.reg, want->reg);
		CHECK_EQ(move.high, want->high);
		CHECK_EQ(move.write, want->write);
		CHECK_EQ(move.sign, want->sign);
		CHECK_EQ(move.immediate, want->immediate);
		CHECK_EQ(move.value, want->value);
		for (size_t n = 0; n < good[i].length; n++)
			CHECK(!decode(good[i].bytes, n, good[i].code, &move));
	}
}

static void test_bad(void)
{
	struct move move;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_NOTE("%s", bad[i].text);
		CHECK(!decode(bad[i].bytes, bad[i].length, bad[i].code, &move));
	}
}

static void test_values(void)
{
	const uint64_t old = 0x1122334455667788, ones = ~0ull;
	struct move move = { .size = 4, .target = 4 };

	CHECK_EQ(decode_load(&move, old, ones), 0xffffffff);
	move = (struct move){ .size = 1, .target = 1 };
	CHECK_EQ(decode_load(&move, old, 0xab), 0x11223344556677ab);
	move.high = true;
	CHECK_EQ(decode_load(&move, old, 0xab), 0x112233445566ab88);
	CHECK_EQ(decode_store(&move, old), 0x77);
	move = (struct move){ .size = 2, .target = 2 };
	CHECK_EQ(decode_load(&move, old, ones), 0x112233445566ffff);
	CHECK_EQ(decode_store(&move, old), 0x7788);
	move = (struct move){ .size = 1, .target = 4, .sign = true };
	CHECK_EQ(decode_load(&move, old, 0x80), 0xffffff80);
	move = (struct move){ .size = 1, .target = 8 };
	CHECK_EQ(decode_load(&move, old, 0x180), 0x80);
	move = (struct move){ .size = 2, .target = 8, .sign = true };
	CHECK_EQ(decode_load(&move, old, 0x8000), 0xffffffffffff8000);
	move = (struct move){ .size = 8, .target = 8 };
	CHECK_EQ(decode_load(&move, old, ones), ones);
	CHECK_EQ(decode_store(&move, old), old);
	move = (struct move){ .size = 4, .immediate = true, .value = ones };
	CHECK_EQ(decode_store(&move, old), 0xffffffff);
}

/* Whatever the bytes are, the answer stays within them. */
static void test_random(void)
{
	check_seed(0xdec0de);
	for (unsigned i = 0; i < 300000; i++) {
		static const uint8_t likely[] = { 0x66, 0x67, 0x48, 0x89, 0x8b, 0x0f,
						  0xb6, 0xc7, 0xa1, 0x04, 0x25 };
		size_t count = check_below(17);
		uint8_t bytes[17] = { 0 };
		struct move move;

		for (size_t n = 0; n < count; n++)
			bytes[n] = check_below(2) ? likely[check_below(sizeof(likely))] :
						    (uint8_t)check_rand();
		if (!decode(bytes, count, (enum code_size)check_below(3), &move))
			continue;
		CHECK(move.length >= 2 && move.length <= count && move.length <= DECODE_MAX);
		CHECK(move.size && !(move.size & (move.size - 1)) && move.size <= 8);
		CHECK(move.target >= move.size && move.target <= 8 && move.reg < 16);
	}
}

int main(void)
{
	CHECK_RUN(test_good);
	CHECK_RUN(test_bad);
	CHECK_RUN(test_values);
	CHECK_RUN(test_random);
	return check_done();
}
