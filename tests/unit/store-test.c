/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root's decoder of stores, against what the assembler makes of them: the
 * bytes below are gas's for the instructions beside them.
 */
#include "check.h"
#include "store.h"

static const uint64_t registers[16] = {
	0x1122334455667788, 0x2122334455667788, 0x3122334455667788, 0x4122334455667788,
	0x5122334455667788, 0x6122334455667788, 0x7122334455667788, 0x8122334455667788,
	0x9122334455667788, 0xa122334455667788, 0xb122334455667788, 0xc122334455667788,
	0xd122334455667788, 0xe122334455667788, 0xf122334455667788, 0x0122334455667788,
};

static const struct {
	const char *text;
	unsigned char bytes[16];
	unsigned int length;
	int long_mode;
	unsigned int size;
	uint64_t value;
} stores[] = {
	{ "mov %al,(%rdi)", { 0x88, 0x07 }, 2, 1, 1, 0x88 },
	{ "mov %ah,(%rdi)", { 0x88, 0x27 }, 2, 1, 1, 0x77 },
	{ "mov %spl,(%rdi)", { 0x40, 0x88, 0x27 }, 3, 1, 1, 0x88 },
	{ "mov %r9b,(%rdi)", { 0x44, 0x88, 0x0f }, 3, 1, 1, 0x88 },
	{ "mov %ax,(%rdi)", { 0x66, 0x89, 0x07 }, 3, 1, 2, 0x7788 },
	{ "mov %eax,(%rdi)", { 0x89, 0x07 }, 2, 1, 4, 0x55667788 },
	{ "mov %rdx,(%rdi)", { 0x48, 0x89, 0x17 }, 3, 1, 8, 0x3122334455667788 },
	{ "mov %r15,(%rdi)", { 0x4c, 0x89, 0x3f }, 3, 1, 8, 0x0122334455667788 },
	{ "mov %r8,0x10(%r12)", { 0x4d, 0x89, 0x44, 0x24, 0x10 }, 5, 1, 8, 0x9122334455667788 },
	{ "mov %ecx,0x12345678(%rbp,%rax,4)",
	  { 0x89, 0x8c, 0x85, 0x78, 0x56, 0x34, 0x12 },
	  7,
	  1,
	  4,
	  0x55667788 },
	{ "mov %ecx,0x1000(%rip)", { 0x89, 0x0d, 0x00, 0x10, 0x00, 0x00 }, 6, 1, 4, 0x55667788 },
	{ "mov %ecx,0x1000", { 0x89, 0x0c, 0x25, 0x00, 0x10, 0, 0 }, 7, 1, 4, 0x55667788 },
	{ "mov %ecx,%gs:(%rdi)", { 0x65, 0x89, 0x0f }, 3, 1, 4, 0x55667788 },
	{ "mov %ecx,(%edi)", { 0x67, 0x89, 0x0f }, 3, 1, 4, 0x55667788 },
	{ "movb $0x80,(%rdi)", { 0xc6, 0x07, 0x80 }, 3, 1, 1, 0x80 },
	{ "movw $0x1234,(%rdi)", { 0x66, 0xc7, 0x07, 0x34, 0x12 }, 5, 1, 2, 0x1234 },
	{ "movl $0x89abcdef,(%rdi)", { 0xc7, 0x07, 0xef, 0xcd, 0xab, 0x89 }, 6, 1, 4, 0x89abcdef },
	{ "movq $-2,(%rdi)",
	  { 0x48, 0xc7, 0x07, 0xfe, 0xff, 0xff, 0xff },
	  7,
	  1,
	  8,
	  0xfffffffffffffffe },
	{ "movabs %al,0x1122334455667788",
	  { 0xa2, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 },
	  9,
	  1,
	  1,
	  0x88 },
	{ "movabs %rax,0x1122334455667788",
	  { 0x48, 0xa3, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 },
	  10,
	  1,
	  8,
	  0x1122334455667788 },
	{ "mov %eax,0x12345678, 32 bits", { 0xa3, 0x78, 0x56, 0x34, 0x12 }, 5, 0, 4, 0x55667788 },
	{ "mov %bx,(%esi), 32 bits", { 0x66, 0x89, 0x1e }, 3, 0, 2, 0x7788 },
	{ "mov %dl,0x7f(%ebp), 32 bits", { 0x88, 0x55, 0x7f }, 3, 0, 1, 0x88 },
	{ "movl $1,0x12345678, 32 bits",
	  { 0xc7, 0x05, 0x78, 0x56, 0x34, 0x12, 0x01, 0, 0, 0 },
	  10,
	  0,
	  4,
	  1 },
};

static void whole(void)
{
	struct store store;

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		CHECK_NOTE("%s", stores[i].text);
		CHECK(mullion_decode_store(stores[i].bytes, 16, stores[i].long_mode, registers,
					   &store));
		CHECK_EQ(store.length, stores[i].length);
		CHECK_EQ(store.size, stores[i].size);
		CHECK_EQ(store.value, stores[i].value);
	}
}

/* With a byte less it is no instruction. The bytes end where the array does: ASan. */
static void cut(void)
{
	struct store store;

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		for (unsigned int count = 0; count < stores[i].length; count++) {
			unsigned char *bytes = malloc(count + 1);

			REQUIRE(bytes != NULL);
			memcpy(bytes + 1, stores[i].bytes, count);
			CHECK_NOTE("%s, %u bytes", stores[i].text, count);
			CHECK(!mullion_decode_store(bytes + 1, count, stores[i].long_mode,
						    registers, &store));
			free(bytes);
		}
	}
}

static const struct {
	const char *text;
	unsigned char bytes[16];
	int long_mode;
} others[] = {
	{ "mov %eax,%ecx", { 0x89, 0xc1 }, 1 },
	{ "mov (%rdi),%eax", { 0x8b, 0x07 }, 1 },
	{ "add %eax,(%rdi)", { 0x01, 0x07 }, 1 },
	{ "lock add %eax,(%rdi)", { 0xf0, 0x01, 0x07 }, 1 },
	{ "lock mov %eax,(%rdi)", { 0xf0, 0x89, 0x07 }, 1 },
	{ "rep stos", { 0xf3, 0xab }, 1 },
	{ "c7 /1", { 0xc7, 0x0f, 1, 0, 0, 0 }, 1 },
	{ "inc %eax, then mov, 32 bits", { 0x40, 0x89, 0x07 }, 0 },
	{ "16-bit address, 32 bits", { 0x67, 0x89, 0x07 }, 0 },
	{ "sixteen prefixes",
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x89, 0x07 },
	  1 },
};

static void refused(void)
{
	struct store store;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		CHECK_NOTE("%s", others[i].text);
		CHECK(!mullion_decode_store(others[i].bytes, 16, others[i].long_mode, registers,
					    &store));
	}
}

/* REX counts only right before the opcode. */
static void rex_and_then_a_prefix(void)
{
	static const unsigned char bytes[16] = { 0x48, 0x66, 0x89, 0x07 };
	struct store store;

	CHECK(mullion_decode_store(bytes, 16, 1, registers, &store));
	CHECK_EQ(store.size, 2);
	CHECK_EQ(store.length, 4);
}

int main(void)
{
	CHECK_RUN(whole);
	CHECK_RUN(cut);
	CHECK_RUN(refused);
	CHECK_RUN(rex_and_then_a_prefix);
	return check_done();
}
