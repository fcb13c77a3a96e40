/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/decode.c. The assembler is the witness: it encodes the instructions of
 * the tables, the decoder must say what their text says. Then encodings are put
 * together at random, with prefixes that the assembler would not write.
 */
#include "check.h"

#include "x86/decode.h"

/* An entry of the table that the assembler makes: 32 bytes. */
struct encoded {
	uint8_t mode; /* 16, 32, 64 */
	uint8_t length;
	uint8_t bytes[30]; /* what follows the instruction is 0xcc */
};

struct expected {
	const char *text;
	enum insn_kind kind;
	uint8_t size;
	uint8_t reg;
	bool high_byte;
	uint64_t imm;
};

#define NO 0, 0, false, 0
#define REG(size, reg) size, reg, false, 0
#define HIGH(reg) 1, reg, true, 0
#define IMM(size, imm) size, 0, false, (uint64_t)(imm)

/* X(mode, text, kind, what is expected) */
#define ROWS(X)                                                                \
	X(64, "cpuid", CPUID, NO)                                              \
	X(64, "rdmsr", RDMSR, NO)                                              \
	X(64, "wrmsr", WRMSR, NO)                                              \
	X(64, "hlt", HLT, NO)                                                  \
	X(64, "vmcall", VMMCALL, NO)                                           \
	X(64, "vmmcall", VMMCALL, NO)                                          \
	X(32, "cpuid", CPUID, NO)                                              \
	X(32, "hlt", HLT, NO)                                                  \
	X(16, "wrmsr", WRMSR, NO)                                              \
	X(16, "rdmsr", RDMSR, NO)                                              \
	X(16, "hlt", HLT, NO)                                                  \
	X(16, "vmmcall", VMMCALL, NO)                                          \
	X(64, "movl %eax, (%rdi)", STORE_REG, REG(4, 0))                       \
	X(64, "movl %ecx, 0x300(%rdi)", STORE_REG, REG(4, 1))                  \
	X(64, "movl %r15d, 0x300(%r8)", STORE_REG, REG(4, 15))                 \
	X(64, "movl %esi, (%rsp)", STORE_REG, REG(4, 6))                       \
	X(64, "movl %esi, (%r12)", STORE_REG, REG(4, 6))                       \
	X(64, "movl %ebp, (%rbp)", STORE_REG, REG(4, 5))                       \
	X(64, "movl %ebp, (%r13)", STORE_REG, REG(4, 5))                       \
	X(64, "movl %ebx, -8(%rax,%rcx,8)", STORE_REG, REG(4, 3))              \
	X(64, "movl %ebx, 0x12345(%rax,%r9,2)", STORE_REG, REG(4, 3))          \
	X(64, "movl %ebx, (,%rcx,4)", STORE_REG, REG(4, 3))                    \
	X(64, "movl %r9d, (%rbp,%rcx,4)", STORE_REG, REG(4, 9))                \
	X(64, "movl %edx, 0x1234(%rip)", STORE_REG, REG(4, 2))                 \
	X(64, "movl %edx, -0xdf000", STORE_REG, REG(4, 2))                     \
	X(64, "movl %edx, -0xdf000(%eax)", STORE_REG, REG(4, 2))               \
	X(64, "movl %edx, %gs:-0xdf000", STORE_REG, REG(4, 2))                 \
	X(64, "movq %rdx, (%rax)", STORE_REG, REG(8, 2))                       \
	X(64, "movq %r10, 8(%rax)", STORE_REG, REG(8, 10))                     \
	X(64, "movw %r10w, 8(%rax)", STORE_REG, REG(2, 10))                    \
	X(64, "movw %dx, (%rax)", STORE_REG, REG(2, 2))                        \
	X(64, "movb %dl, (%rax)", STORE_REG, REG(1, 2))                        \
	X(64, "movb %sil, (%rax)", STORE_REG, REG(1, 6))                       \
	X(64, "movb %spl, (%rax)", STORE_REG, REG(1, 4))                       \
	X(64, "movb %r12b, (%rax)", STORE_REG, REG(1, 12))                     \
	X(64, "movb %ah, (%rcx)", STORE_REG, HIGH(0))                          \
	X(64, "movb %ch, (%rcx)", STORE_REG, HIGH(1))                          \
	X(64, "movb %dh, (%rcx)", STORE_REG, HIGH(2))                          \
	X(64, "movb %bh, (%rcx)", STORE_REG, HIGH(3))                          \
	X(32, "movb %bh, (%ecx)", STORE_REG, HIGH(3))                          \
	X(64, "movabsl %eax, 0x123456789abcdef0", STORE_REG, REG(4, 0))        \
	X(64, "movabsq %rax, 0x123456789abcdef0", STORE_REG, REG(8, 0))        \
	X(64, "movabsw %ax, 0x123456789abcdef0", STORE_REG, REG(2, 0))         \
	X(64, "movabsb %al, 0x123456789abcdef0", STORE_REG, REG(1, 0))         \
	X(64, "addr32 movabsl %eax, 0x12345678", STORE_REG, REG(4, 0))         \
	X(32, "movl %eax, 0xfee00300", STORE_REG, REG(4, 0))                   \
	X(32, "movl %esi, 0xfee00300", STORE_REG, REG(4, 6))                   \
	X(32, "movl %esi, (%bx,%si)", STORE_REG, REG(4, 6))                    \
	X(32, "movl %esi, 4(%bx)", STORE_REG, REG(4, 6))                       \
	X(32, "movl %esi, 0x1234(%bp,%di)", STORE_REG, REG(4, 6))              \
	X(32, "addr16 movl %esi, 0x1234", STORE_REG, REG(4, 6))                \
	X(32, "movw %si, 4(%ebx,%esi,2)", STORE_REG, REG(2, 6))                \
	X(16, "movw %ax, 0x1234", STORE_REG, REG(2, 0))                        \
	X(16, "movw %cx, 0x1234", STORE_REG, REG(2, 1))                        \
	X(16, "movl %ecx, (%bp)", STORE_REG, REG(4, 1))                        \
	X(16, "movl %ecx, (%si)", STORE_REG, REG(4, 1))                        \
	X(16, "movl %ecx, 0x300(%edi)", STORE_REG, REG(4, 1))                  \
	X(16, "movl %eax, (%esp)", STORE_REG, REG(4, 0))                       \
	X(64, "movl $0, 0xb0(%rdi)", STORE_IMM, IMM(4, 0))                     \
	X(64, "movl $0xc4500, 0x300(%rdi)", STORE_IMM, IMM(4, 0xc4500))        \
	X(64, "movl $-2, 0x300(%rdi,%rax,8)", STORE_IMM, IMM(4, -2))           \
	X(64, "movl $0x7fffffff, 0x1234(%rip)", STORE_IMM, IMM(4, 0x7fffffff)) \
	X(64, "movl $0, -0xdff50", STORE_IMM, IMM(4, 0))                       \
	X(64, "movq $-3, (%r8)", STORE_IMM, IMM(8, -3))                        \
	X(64, "movw $0x8000, (%r8)", STORE_IMM, IMM(2, -32768))                \
	X(64, "movb $0x80, (%r8)", STORE_IMM, IMM(1, -128))                    \
	X(64, "movb $0x7f, 1(%rax)", STORE_IMM, IMM(1, 0x7f))                  \
	X(32, "movl $0x12345678, 0xfee00300", STORE_IMM, IMM(4, 0x12345678))   \
	X(32, "movw $0x1234, (%bx)", STORE_IMM, IMM(2, 0x1234))                \
	X(16, "movw $0x1234, (%bx)", STORE_IMM, IMM(2, 0x1234))                \
	X(16, "movl $0x12345678, 0x10(%ebx)", STORE_IMM, IMM(4, 0x12345678))   \
	X(64, "xchgl %eax, (%rdi)", XCHG, REG(4, 0))                           \
	X(64, "xchgl %r11d, 0xb0(%rdi)", XCHG, REG(4, 11))                     \
	X(64, "lock xchgl %edx, 0xb0(%rdi)", XCHG, REG(4, 2))                  \
	X(64, "xchgb %dh, (%rdi)", XCHG, HIGH(2))                              \
	X(32, "xchgl %ecx, 0xfee000b0", XCHG, REG(4, 1))                       \
	/* Neither exits nor stores as an APIC register is stored. */          \
	X(64, "nop", UNKNOWN, NO)                                              \
	X(64, "movl (%rdi), %eax", UNKNOWN, NO)                                \
	X(64, "movl %eax, %edi", UNKNOWN, NO)                                  \
	X(64, "xchgl %ecx, %edi", UNKNOWN, NO)                                 \
	X(64, "movl $5, %edi", UNKNOWN, NO)                                    \
	X(64, "orl %eax, (%rdi)", UNKNOWN, NO)                                 \
	X(64, "addl $1, (%rdi)", UNKNOWN, NO)                                  \
	X(64, "incl (%rdi)", UNKNOWN, NO)                                      \
	X(64, "pushq (%rdi)", UNKNOWN, NO)                                     \
	X(64, "stosl", UNKNOWN, NO)                                            \
	X(64, "movsl", UNKNOWN, NO)                                            \
	X(64, "movntil %eax, (%rdi)", UNKNOWN, NO)                             \
	X(64, "movups %xmm0, (%rdi)", UNKNOWN, NO)                             \
	X(64, "cmpxchgl %eax, (%rdi)", UNKNOWN, NO)                            \
	X(64, "movabsl 0x123456789abcdef0, %eax", UNKNOWN, NO)                 \
	X(64, "vmrun", UNKNOWN, NO)                                            \
	X(64, "vmload", UNKNOWN, NO)                                           \
	X(64, "xgetbv", UNKNOWN, NO)                                           \
	X(64, "rdtsc", UNKNOWN, NO)                                            \
	X(64, "syscall", UNKNOWN, NO)                                          \
	X(64, "xabort $0", UNKNOWN, NO)                                        \
	X(32, "incl %eax", UNKNOWN, NO)                                        \
	X(16, "iretw", UNKNOWN, NO)

#define ASSEMBLE(mode, text, ...) "row " #mode ", \"" text "\"\n"
#define EXPECT(mode, text, kind, ...) { text, INSN_##kind, __VA_ARGS__ },

__asm__(".macro row mode, text\n"
	".byte \\mode, 2f - 1f\n"
	".code\\mode\n"
	"1: \\text\n"
	"2: .code64\n"
	".fill 30 - (2b - 1b), 1, 0xcc\n"
	".endm\n"
	".pushsection .rodata\n"
	"encoded_rows:\n" ROWS(ASSEMBLE) "encoded_rows_end:\n"
					 ".popsection\n");

extern const struct encoded encoded_rows[];
extern const struct encoded encoded_rows_end[];

static const struct expected expected_rows[] = { ROWS(EXPECT) };

static enum insn_mode mode_of(uint8_t bits)
{
	return bits == 64 ? INSN_64 : bits == 32 ? INSN_32 : INSN_16;
}

/* From a heap block of exactly n bytes: a look behind them is seen. */
static bool decode(const uint8_t *bytes, size_t n, enum insn_mode mode, struct insn *insn)
{
	uint8_t *copy = malloc(n ? n : 1);
	bool ok;

	REQUIRE(copy);
	memcpy(copy, bytes, n);
	ok = insn_decode(n ? copy : copy + 1, n, mode, insn);
	free(copy);
	CHECK(ok == (insn->kind != INSN_UNKNOWN));
	CHECK(insn->length <= INSN_MAX && insn->length <= n);
	return ok;
}

static void check_insn(const struct insn *insn, const struct expected *e, size_t length)
{
	CHECK_EQ(insn->kind, e->kind);
	CHECK_EQ(insn->length, length);
	if (e->kind < INSN_STORE_REG)
		return;
	CHECK_EQ(insn->size, e->size);
	if (e->kind == INSN_STORE_IMM) {
		CHECK_EQ(insn->imm, e->imm);
	} else {
		CHECK_EQ(insn->reg, e->reg);
		CHECK(insn->high_byte == e->high_byte);
	}
}

static void by_assembler(void)
{
	const size_t rows = sizeof(expected_rows) / sizeof(expected_rows[0]);

	REQUIRE(encoded_rows_end == encoded_rows + rows);
	for (size_t i = 0; i < rows; i++) {
		const struct encoded *code = &encoded_rows[i];
		const struct expected *e = &expected_rows[i];
		struct insn insn;

		CHECK_NOTE("%u bits: %s", code->mode, e->text);
		for (size_t n = 0; n <= sizeof(code->bytes); n++) {
			bool ok = decode(code->bytes, n, mode_of(code->mode), &insn);

			CHECK(ok == (e->kind != INSN_UNKNOWN && n >= code->length));
			if (ok)
				check_insn(&insn, e, code->length);
		}
	}
}

/* A REX prefix that another prefix follows counts for nothing on hardware; hv
 * gives such instructions up. In the other modes it is an instruction. */
static void rex_not_last(void)
{
	static const uint8_t before[] = { 0x26, 0x2e, 0x36, 0x3e, 0x40, 0x48, 0x4f,
					  0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 };

	for (size_t i = 0; i < sizeof(before); i++) {
		const uint8_t bytes[] = { 0x48, before[i], 0x89, 0x07, 0, 0 };
		struct insn insn;

		CHECK_NOTE("prefix 0x%02x", before[i]);
		CHECK(!decode(bytes, sizeof(bytes), INSN_64, &insn));
		CHECK(!decode(bytes, sizeof(bytes), INSN_32, &insn));
		CHECK(!decode(bytes, sizeof(bytes), INSN_16, &insn));
	}
}

struct builder {
	uint8_t bytes[40];
	size_t n;
};

static void add(struct builder *b, uint64_t value, size_t n)
{
	for (; n; n--, value >>= 8)
		b->bytes[b->n++] = (uint8_t)value;
}

/* ModRM and what it asks for, reg given, any memory form. */
static void add_memory(struct builder *b, unsigned int reg, unsigned int address)
{
	unsigned int mod = (unsigned int)check_below(3), rm = (unsigned int)check_below(8);
	unsigned int disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	add(b, mod << 6 | reg << 3 | rm, 1);
	if (address == 16) {
		disp = mod == 0 && rm == 6 ? 2 : mod;
	} else if (rm == 4) {
		uint8_t sib = (uint8_t)check_rand();

		add(b, sib, 1);
		if (mod == 0 && (sib & 7) == 5)
			disp = 4;
	} else if (mod == 0 && rm == 5) {
		disp = 4;
	}
	add(b, check_rand(), disp);
}

/* Random prefixes, REX, form and operands; what comes out is known beforehand. */
static void built(void)
{
	static const uint8_t plain[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3 };

	check_seed(0x6465636f6465);
	for (int i = 0; i < 300000; i++) {
		static const unsigned int bits[] = { 16, 32, 64 };
		unsigned int mode = bits[check_below(3)], address = mode,
			     operand = mode == 16 ? 2 : 4;
		bool opsize = false, addrsize = false;
		unsigned int reg = (unsigned int)check_below(8);
		struct builder b = { .n = 0 };
		struct expected e = { .kind = INSN_UNKNOWN };
		struct insn insn;
		uint8_t rex = 0;
		bool byte = check_below(2), ok;

		for (uint64_t n = check_below(3) ? check_below(3) : check_below(12); n; n--) {
			switch (check_below(4)) {
			case 0:
				opsize = true;
				add(&b, 0x66, 1);
				break;
			case 1:
				addrsize = true;
				add(&b, 0x67, 1);
				break;
			default:
				add(&b, plain[check_below(sizeof(plain))], 1);
			}
		}
		if (mode == 64 && check_below(2)) {
			rex = (uint8_t)(0x40 | check_below(16));
			add(&b, rex, 1);
		}
		if (opsize)
			operand = mode == 16 ? 4 : 2;
		if (rex & 8)
			operand = 8;
		if (addrsize)
			address = mode == 64 ? 32 : mode == 32 ? 16 : 32;
		e.size = byte ? 1 : (uint8_t)operand;
		e.reg = (uint8_t)(reg | (rex & 4 ? 8 : 0));
		if (byte && !rex && reg >= 4) {
			e.high_byte = true;
			e.reg = (uint8_t)(reg - 4);
		}
		switch (check_below(8)) {
		case 0:
			add(&b, 0xa20f, 2);
			e.kind = INSN_CPUID;
			break;
		case 1:
			add(&b, 0x300f, 2);
			e.kind = INSN_WRMSR;
			break;
		case 2:
			add(&b, check_below(2) ? 0xd9010f : 0xc1010f, 3);
			e.kind = INSN_VMMCALL;
			break;
		case 3:
			add(&b, 0xf4, 1);
			e.kind = INSN_HLT;
			break;
		case 4:
			add(&b, byte ? 0x86 : 0x87, 1);
			add_memory(&b, reg, address);
			e.kind = INSN_XCHG;
			break;
		case 5: {
			size_t n = e.size == 8 ? 4 : e.size;
			uint64_t imm = check_rand();

			add(&b, byte ? 0xc6 : 0xc7, 1);
			add_memory(&b, 0, address);
			add(&b, imm, n);
			e.imm = n == 1 ? (uint64_t)(int8_t)imm :
				n == 2 ? (uint64_t)(int16_t)imm :
					 (uint64_t)(int32_t)imm;
			e.kind = INSN_STORE_IMM;
			break;
		}
		case 6:
			add(&b, byte ? 0xa2 : 0xa3, 1);
			add(&b, check_rand(), address / 8);
			e.reg = 0;
			e.high_byte = false;
			e.kind = INSN_STORE_REG;
			break;
		default:
			add(&b, byte ? 0x88 : 0x89, 1);
			add_memory(&b, reg, address);
			e.kind = INSN_STORE_REG;
		}
		CHECK_NOTE("%d: %u bits, %zu bytes, rex 0x%02x, %02x %02x %02x %02x %02x %02x", i,
			   mode, b.n, rex, b.bytes[0], b.bytes[1], b.bytes[2], b.bytes[3],
			   b.bytes[4], b.bytes[5]);
		ok = decode(b.bytes, b.n + check_below(4), mode_of((uint8_t)mode), &insn);
		CHECK(ok == (b.n <= INSN_MAX));
		if (ok)
			check_insn(&insn, &e, b.n);
		CHECK(!decode(b.bytes, check_below(b.n), mode_of((uint8_t)mode), &insn));
	}
}

/* Any bytes: never a look behind the end, and more bytes change no answer. */
static void noise(void)
{
	check_seed(0x6e6f697365);
	for (int i = 0; i < 500000; i++) {
		uint8_t bytes[24];
		enum insn_mode mode = mode_of((uint8_t)(16 << check_below(3)));
		size_t n = check_below(sizeof(bytes) + 1);
		struct insn insn, again;

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)check_rand();
		CHECK_NOTE("%d", i);
		if (!decode(bytes, n, mode, &insn))
			continue;
		CHECK(decode(bytes, insn.length, mode, &again));
		CHECK_MEM(&again, &insn, sizeof(insn));
		CHECK(!decode(bytes, insn.length - 1u, mode, &again));
	}
}

int main(void)
{
	CHECK_RUN(by_assembler);
	CHECK_RUN(rex_not_last);
	CHECK_RUN(built);
	CHECK_RUN(noise);
	return check_done();
}
