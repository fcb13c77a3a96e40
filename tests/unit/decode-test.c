/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/decode.c. The assembler is the witness: it encodes the instructions of
 * the tables, the decoder must say what their text says. Then encodings are put
 * together at random, with prefixes that the assembler would not write. What an
 * instruction does with its operands is compared with the CPU's doing.
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
	uint8_t reg_size; /* 0: as size */
	bool sign, to_reg;
	enum insn_op op;
};

#define NO 0, 0, false, 0, 0, false, false, 0
#define REG(size, reg) size, reg, false, 0, 0, false, false, 0
#define HIGH(reg) 1, reg, true, 0, 0, false, false, 0
#define IMM(size, imm) size, 0, false, (uint64_t)(imm), 0, false, false, 0
#define EXTEND(size, reg_size, reg, sign) size, reg, false, 0, reg_size, sign, false, 0
#define ALU(op, size, reg) size, reg, false, 0, 0, false, false, INSN_##op
#define ALU_HIGH(op, reg) 1, reg, true, 0, 0, false, false, INSN_##op
#define TO_REG(op, size, reg) size, reg, false, 0, 0, false, true, INSN_##op
#define ALU_IMM(op, size, imm) size, 0, false, (uint64_t)(imm), 0, false, false, INSN_##op

/* X(mode, text, kind, what is expected) */
#define ROWS(X)                                                                    \
	X(64, "cpuid", CPUID, NO)                                                  \
	X(64, "rdmsr", RDMSR, NO)                                                  \
	X(64, "wrmsr", WRMSR, NO)                                                  \
	X(64, "hlt", HLT, NO)                                                      \
	X(64, "vmcall", VMMCALL, NO)                                               \
	X(64, "vmmcall", VMMCALL, NO)                                              \
	X(32, "cpuid", CPUID, NO)                                                  \
	X(32, "hlt", HLT, NO)                                                      \
	X(16, "wrmsr", WRMSR, NO)                                                  \
	X(16, "rdmsr", RDMSR, NO)                                                  \
	X(16, "hlt", HLT, NO)                                                      \
	X(16, "vmmcall", VMMCALL, NO)                                              \
	X(64, "movl %eax, (%rdi)", STORE_REG, REG(4, 0))                           \
	X(64, "movl %ecx, 0x300(%rdi)", STORE_REG, REG(4, 1))                      \
	X(64, "movl %r15d, 0x300(%r8)", STORE_REG, REG(4, 15))                     \
	X(64, "movl %esi, (%rsp)", STORE_REG, REG(4, 6))                           \
	X(64, "movl %esi, (%r12)", STORE_REG, REG(4, 6))                           \
	X(64, "movl %ebp, (%rbp)", STORE_REG, REG(4, 5))                           \
	X(64, "movl %ebp, (%r13)", STORE_REG, REG(4, 5))                           \
	X(64, "movl %ebx, -8(%rax,%rcx,8)", STORE_REG, REG(4, 3))                  \
	X(64, "movl %ebx, 0x12345(%rax,%r9,2)", STORE_REG, REG(4, 3))              \
	X(64, "movl %ebx, (,%rcx,4)", STORE_REG, REG(4, 3))                        \
	X(64, "movl %r9d, (%rbp,%rcx,4)", STORE_REG, REG(4, 9))                    \
	X(64, "movl %edx, 0x1234(%rip)", STORE_REG, REG(4, 2))                     \
	X(64, "movl %edx, -0xdf000", STORE_REG, REG(4, 2))                         \
	X(64, "movl %edx, -0xdf000(%eax)", STORE_REG, REG(4, 2))                   \
	X(64, "movl %edx, %gs:-0xdf000", STORE_REG, REG(4, 2))                     \
	X(64, "movq %rdx, (%rax)", STORE_REG, REG(8, 2))                           \
	X(64, "movq %r10, 8(%rax)", STORE_REG, REG(8, 10))                         \
	X(64, "movw %r10w, 8(%rax)", STORE_REG, REG(2, 10))                        \
	X(64, "movw %dx, (%rax)", STORE_REG, REG(2, 2))                            \
	X(64, "movb %dl, (%rax)", STORE_REG, REG(1, 2))                            \
	X(64, "movb %sil, (%rax)", STORE_REG, REG(1, 6))                           \
	X(64, "movb %spl, (%rax)", STORE_REG, REG(1, 4))                           \
	X(64, "movb %r12b, (%rax)", STORE_REG, REG(1, 12))                         \
	X(64, "movb %ah, (%rcx)", STORE_REG, HIGH(0))                              \
	X(64, "movb %ch, (%rcx)", STORE_REG, HIGH(1))                              \
	X(64, "movb %dh, (%rcx)", STORE_REG, HIGH(2))                              \
	X(64, "movb %bh, (%rcx)", STORE_REG, HIGH(3))                              \
	X(32, "movb %bh, (%ecx)", STORE_REG, HIGH(3))                              \
	X(64, "movabsl %eax, 0x123456789abcdef0", STORE_REG, REG(4, 0))            \
	X(64, "movabsq %rax, 0x123456789abcdef0", STORE_REG, REG(8, 0))            \
	X(64, "movabsw %ax, 0x123456789abcdef0", STORE_REG, REG(2, 0))             \
	X(64, "movabsb %al, 0x123456789abcdef0", STORE_REG, REG(1, 0))             \
	X(64, "addr32 movabsl %eax, 0x12345678", STORE_REG, REG(4, 0))             \
	X(32, "movl %eax, 0xfee00300", STORE_REG, REG(4, 0))                       \
	X(32, "movl %esi, 0xfee00300", STORE_REG, REG(4, 6))                       \
	X(32, "movl %esi, (%bx,%si)", STORE_REG, REG(4, 6))                        \
	X(32, "movl %esi, 4(%bx)", STORE_REG, REG(4, 6))                           \
	X(32, "movl %esi, 0x1234(%bp,%di)", STORE_REG, REG(4, 6))                  \
	X(32, "addr16 movl %esi, 0x1234", STORE_REG, REG(4, 6))                    \
	X(32, "movw %si, 4(%ebx,%esi,2)", STORE_REG, REG(2, 6))                    \
	X(16, "movw %ax, 0x1234", STORE_REG, REG(2, 0))                            \
	X(16, "movw %cx, 0x1234", STORE_REG, REG(2, 1))                            \
	X(16, "movl %ecx, (%bp)", STORE_REG, REG(4, 1))                            \
	X(16, "movl %ecx, (%si)", STORE_REG, REG(4, 1))                            \
	X(16, "movl %ecx, 0x300(%edi)", STORE_REG, REG(4, 1))                      \
	X(16, "movl %eax, (%esp)", STORE_REG, REG(4, 0))                           \
	X(64, "movl $0, 0xb0(%rdi)", STORE_IMM, IMM(4, 0))                         \
	X(64, "movl $0xc4500, 0x300(%rdi)", STORE_IMM, IMM(4, 0xc4500))            \
	X(64, "movl $-2, 0x300(%rdi,%rax,8)", STORE_IMM, IMM(4, -2))               \
	X(64, "movl $0x7fffffff, 0x1234(%rip)", STORE_IMM, IMM(4, 0x7fffffff))     \
	X(64, "movl $0, -0xdff50", STORE_IMM, IMM(4, 0))                           \
	X(64, "movq $-3, (%r8)", STORE_IMM, IMM(8, -3))                            \
	X(64, "movw $0x8000, (%r8)", STORE_IMM, IMM(2, -32768))                    \
	X(64, "movb $0x80, (%r8)", STORE_IMM, IMM(1, -128))                        \
	X(64, "movb $0x7f, 1(%rax)", STORE_IMM, IMM(1, 0x7f))                      \
	X(32, "movl $0x12345678, 0xfee00300", STORE_IMM, IMM(4, 0x12345678))       \
	X(32, "movw $0x1234, (%bx)", STORE_IMM, IMM(2, 0x1234))                    \
	X(16, "movw $0x1234, (%bx)", STORE_IMM, IMM(2, 0x1234))                    \
	X(16, "movl $0x12345678, 0x10(%ebx)", STORE_IMM, IMM(4, 0x12345678))       \
	X(64, "xchgl %eax, (%rdi)", XCHG, REG(4, 0))                               \
	X(64, "xchgl %r11d, 0xb0(%rdi)", XCHG, REG(4, 11))                         \
	X(64, "lock xchgl %edx, 0xb0(%rdi)", XCHG, REG(4, 2))                      \
	X(64, "xchgb %dh, (%rdi)", XCHG, HIGH(2))                                  \
	X(32, "xchgl %ecx, 0xfee000b0", XCHG, REG(4, 1))                           \
	X(64, "movl (%rdi), %eax", LOAD, REG(4, 0))                                \
	X(64, "movl -0x7f(%r12), %r14d", LOAD, REG(4, 14))                         \
	X(64, "movq 0x20(%rdi), %rsp", LOAD, REG(8, 4))                            \
	X(64, "movw 0x20(%rdi), %si", LOAD, REG(2, 6))                             \
	X(64, "movb 0x20(%rdi), %sil", LOAD, REG(1, 6))                            \
	X(64, "movb 0x20(%rdi), %bh", LOAD, HIGH(3))                               \
	X(32, "movl 0xfee00020, %eax", LOAD, REG(4, 0))                            \
	X(32, "movl 0xfee00020, %ecx", LOAD, REG(4, 1))                            \
	X(32, "movb 0xfee00020, %al", LOAD, REG(1, 0))                             \
	X(32, "addr16 movw 0x1234, %ax", LOAD, REG(2, 0))                          \
	X(16, "movl (%bx), %edx", LOAD, REG(4, 2))                                 \
	X(64, "movabsl 0x123456789abcdef0, %eax", LOAD, REG(4, 0))                 \
	X(64, "movabsq 0x123456789abcdef0, %rax", LOAD, REG(8, 0))                 \
	X(64, "addr32 movabsb 0x12345678, %al", LOAD, REG(1, 0))                   \
	X(64, "movzbl (%rdi), %eax", LOAD, EXTEND(1, 4, 0, false))                 \
	X(64, "movzbl (%rdi), %esp", LOAD, EXTEND(1, 4, 4, false))                 \
	X(64, "movzbw (%rdi), %di", LOAD, EXTEND(1, 2, 7, false))                  \
	X(64, "movzbq (%rdi), %r9", LOAD, EXTEND(1, 8, 9, false))                  \
	X(64, "movzwl 2(%rdi), %ecx", LOAD, EXTEND(2, 4, 1, false))                \
	X(64, "movzwq 2(%rdi), %rcx", LOAD, EXTEND(2, 8, 1, false))                \
	X(64, "movsbl (%rdi,%rax,4), %ecx", LOAD, EXTEND(1, 4, 1, true))           \
	X(64, "movsbw (%rdi), %cx", LOAD, EXTEND(1, 2, 1, true))                   \
	X(64, "movsbq (%rdi), %r15", LOAD, EXTEND(1, 8, 15, true))                 \
	X(64, "movswl (%rdi), %ecx", LOAD, EXTEND(2, 4, 1, true))                  \
	X(64, "movswq (%rdi), %rcx", LOAD, EXTEND(2, 8, 1, true))                  \
	X(64, "movslq (%rdi), %rcx", LOAD, EXTEND(4, 8, 1, true))                  \
	X(64, ".byte 0x63, 0x07", LOAD, EXTEND(4, 4, 0, true)) /* movsxd of old */ \
	X(64, ".byte 0x66, 0x63, 0x07", LOAD, EXTEND(2, 2, 0, true))               \
	X(32, "movzbl (%bx), %edx", LOAD, EXTEND(1, 4, 2, false))                  \
	X(16, "movzbw (%bx), %dx", LOAD, EXTEND(1, 2, 2, false))                   \
	X(16, "movzwl (%bx), %edx", LOAD, EXTEND(2, 4, 2, false))                  \
	X(64, "addl %ecx, (%rdi)", ALU_REG, ALU(ADD, 4, 1))                        \
	X(64, "orl %eax, (%rdi)", ALU_REG, ALU(OR, 4, 0))                          \
	X(64, "lock orl %r8d, 0xf0(%rdi)", ALU_REG, ALU(OR, 4, 8))                 \
	X(64, "andb %dh, (%rdi)", ALU_REG, ALU_HIGH(AND, 2))                       \
	X(64, "andb %dil, (%rdi)", ALU_REG, ALU(AND, 1, 7))                        \
	X(64, "subq %rdx, (%rdi)", ALU_REG, ALU(SUB, 8, 2))                        \
	X(64, "xorw %dx, (%rdi)", ALU_REG, ALU(XOR, 2, 2))                         \
	X(64, "cmpl %edx, (%rdi)", ALU_REG, ALU(CMP, 4, 2))                        \
	X(64, "testl %edx, (%rdi)", ALU_REG, ALU(TEST, 4, 2))                      \
	X(64, "testb %ah, (%rdi)", ALU_REG, ALU_HIGH(TEST, 0))                     \
	X(64, "addl (%rdi), %ecx", ALU_REG, TO_REG(ADD, 4, 1))                     \
	X(64, "orw (%rdi), %cx", ALU_REG, TO_REG(OR, 2, 1))                        \
	X(64, "andl (%rdi), %r10d", ALU_REG, TO_REG(AND, 4, 10))                   \
	X(64, "subl (%rdi), %ecx", ALU_REG, TO_REG(SUB, 4, 1))                     \
	X(64, "xorb (%rdi), %cl", ALU_REG, TO_REG(XOR, 1, 1))                      \
	X(64, "cmpl (%rdi), %ecx", ALU_REG, TO_REG(CMP, 4, 1))                     \
	X(32, "cmpl 0xfee00390, %eax", ALU_REG, TO_REG(CMP, 4, 0))                 \
	X(64, "testl $0x1000, 0x300(%rdi)", ALU_IMM, ALU_IMM(TEST, 4, 0x1000))     \
	X(64, "testb $0x80, 0x301(%rdi)", ALU_IMM, ALU_IMM(TEST, 1, -128))         \
	X(64, "testq $-2, (%rdi)", ALU_IMM, ALU_IMM(TEST, 8, -2))                  \
	X(64, "orl $0x100, 0xf0(%rdi)", ALU_IMM, ALU_IMM(OR, 4, 0x100))            \
	X(64, "orl $1, 0xf0(%rdi)", ALU_IMM, ALU_IMM(OR, 4, 1))                    \
	X(64, "andl $-17, 0xf0(%rdi)", ALU_IMM, ALU_IMM(AND, 4, -17))              \
	X(64, "andl $0xfffeffff, (%r13)", ALU_IMM, ALU_IMM(AND, 4, -65537))        \
	X(64, "addw $0x1234, (%rdi)", ALU_IMM, ALU_IMM(ADD, 2, 0x1234))            \
	X(64, "subb $3, (%rdi)", ALU_IMM, ALU_IMM(SUB, 1, 3))                      \
	X(64, "xorq $0x12345678, (%rdi)", ALU_IMM, ALU_IMM(XOR, 8, 0x12345678))    \
	X(64, "cmpb $7, (%rdi)", ALU_IMM, ALU_IMM(CMP, 1, 7))                      \
	X(64, "cmpl $0, 0x390(%rip)", ALU_IMM, ALU_IMM(CMP, 4, 0))                 \
	X(32, "testl $0x1000, 0xfee00300", ALU_IMM, ALU_IMM(TEST, 4, 0x1000))      \
	X(16, "testw $0x1000, (%bx)", ALU_IMM, ALU_IMM(TEST, 2, 0x1000))           \
	X(64, "xsetbv", OTHER, NO)                                                 \
	X(64, "rdtsc", OTHER, NO)                                                  \
	X(64, "rdtscp", OTHER, NO)                                                 \
	X(64, "rdpmc", OTHER, NO)                                                  \
	X(64, "invd", OTHER, NO)                                                   \
	X(64, "wbinvd", OTHER, NO)                                                 \
	X(64, "wbnoinvd", OTHER, NO)                                               \
	X(64, "monitor", OTHER, NO)                                                \
	X(64, "mwait", OTHER, NO)                                                  \
	X(64, "monitorx", OTHER, NO)                                               \
	X(64, "mwaitx", OTHER, NO)                                                 \
	X(64, "pause", OTHER, NO)                                                  \
	X(64, "movq %cr0, %rax", OTHER, NO)                                        \
	X(64, "movq %r9, %cr8", OTHER, NO)                                         \
	X(64, "movq %rsp, %cr3", OTHER, NO)                                        \
	X(64, "movq %db7, %rbp", OTHER, NO)                                        \
	X(64, "movq %r12, %db0", OTHER, NO)                                        \
	X(32, "movl %ebx, %cr4", OTHER, NO)                                        \
	X(64, "inb $0x60, %al", OTHER, NO)                                         \
	X(64, "inl $0x60, %eax", OTHER, NO)                                        \
	X(64, "outb %al, $0x80", OTHER, NO)                                        \
	X(64, "outw %ax, $0x80", OTHER, NO)                                        \
	X(64, "inb %dx, %al", OTHER, NO)                                           \
	X(64, "inl %dx, %eax", OTHER, NO)                                          \
	X(64, "outb %al, %dx", OTHER, NO)                                          \
	X(32, "outw %ax, %dx", OTHER, NO)                                          \
	X(64, "rep insb", OTHER, NO)                                               \
	X(64, "insl", OTHER, NO)                                                   \
	X(64, "rep outsw", OTHER, NO)                                              \
	X(16, "outsb", OTHER, NO)                                                  \
	/* Neither exits nor is used on an APIC's registers. */                    \
	X(64, "nop", UNKNOWN, NO)                                                  \
	X(64, "repne nop", UNKNOWN, NO)                                            \
	X(64, "movl %eax, %edi", UNKNOWN, NO)                                      \
	X(64, "movzbl %al, %edi", UNKNOWN, NO)                                     \
	X(64, "movslq %eax, %rdi", UNKNOWN, NO)                                    \
	X(64, "xchgl %ecx, %edi", UNKNOWN, NO)                                     \
	X(64, "orl %ecx, %edi", UNKNOWN, NO)                                       \
	X(64, "testl %ecx, %edi", UNKNOWN, NO)                                     \
	X(64, "testl $1, %edi", UNKNOWN, NO)                                       \
	X(64, "cmpl $1, %edi", UNKNOWN, NO)                                        \
	X(64, "cmpl $1, %eax", UNKNOWN, NO)                                        \
	X(64, "movl $5, %edi", UNKNOWN, NO)                                        \
	X(64, "adcl %eax, (%rdi)", UNKNOWN, NO)                                    \
	X(64, "sbbl (%rdi), %eax", UNKNOWN, NO)                                    \
	X(64, "adcl $1, (%rdi)", UNKNOWN, NO)                                      \
	X(64, "sbbb $1, (%rdi)", UNKNOWN, NO)                                      \
	X(64, "incl (%rdi)", UNKNOWN, NO)                                          \
	X(64, "notl (%rdi)", UNKNOWN, NO)                                          \
	X(64, "negb (%rdi)", UNKNOWN, NO)                                          \
	X(64, "btl $12, (%rdi)", UNKNOWN, NO)                                      \
	X(64, "pushq (%rdi)", UNKNOWN, NO)                                         \
	X(64, "stosl", UNKNOWN, NO)                                                \
	X(64, "movsl", UNKNOWN, NO)                                                \
	X(64, "movntil %eax, (%rdi)", UNKNOWN, NO)                                 \
	X(64, "movups %xmm0, (%rdi)", UNKNOWN, NO)                                 \
	X(64, "cmpxchgl %eax, (%rdi)", UNKNOWN, NO)                                \
	X(64, ".byte 0xc7, 0x0f, 0, 0, 0, 0", UNKNOWN, NO) /* none of /1 to /7 */  \
	X(64, ".byte 0xc6, 0x3f, 0", UNKNOWN, NO)                                  \
	X(64, "vmrun", UNKNOWN, NO)                                                \
	X(64, "vmload", UNKNOWN, NO)                                               \
	X(64, "xgetbv", UNKNOWN, NO)                                               \
	X(64, "syscall", UNKNOWN, NO)                                              \
	X(64, "xabort $0", UNKNOWN, NO)                                            \
	X(32, "incl %eax", UNKNOWN, NO)                                            \
	X(32, "arpl %ax, (%ebx)", UNKNOWN, NO)                                     \
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
	if (e->kind < INSN_LOAD)
		return;
	CHECK_EQ(insn->size, e->size);
	CHECK_EQ(insn->reg_size, e->reg_size ? e->reg_size : e->size);
	CHECK_EQ(insn->imm, e->imm);
	CHECK_EQ(insn->reg, e->reg);
	CHECK_EQ(insn->op, e->op);
	CHECK(insn->high_byte == e->high_byte);
	CHECK(insn->sign == e->sign);
	CHECK(insn->to_reg == e->to_reg);
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
		switch (check_below(14)) {
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
			e.reg = 0;
			e.high_byte = false;
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
		case 7:
			add(&b, byte ? 0x8a : 0x8b, 1);
			add_memory(&b, reg, address);
			e.kind = INSN_LOAD;
			break;
		case 8:
			e.sign = check_below(2);
			add(&b, 0x0f, 1);
			add(&b, (e.sign ? 0xbeu : 0xb6u) + !byte, 1);
			add_memory(&b, reg, address);
			e.size = byte ? 1 : 2;
			e.reg = (uint8_t)(reg | (rex & 4 ? 8 : 0));
			e.high_byte = false;
			e.reg_size = (uint8_t)operand;
			e.kind = INSN_LOAD;
			break;
		case 9:
		case 10: {
			static const uint8_t ops[] = { 0, 1, 4, 5, 6, 7 };

			e.op = (enum insn_op)ops[check_below(6)];
			e.to_reg = check_below(2);
			e.kind = INSN_ALU_REG;
			if (check_below(5) == 0) {
				e.op = INSN_TEST;
				e.to_reg = false;
			}
			add(&b,
			    e.op == INSN_TEST ?
				    0x84u + !byte :
				    (unsigned int)e.op << 3 | (byte ? 0 : 1) | (e.to_reg ? 2 : 0),
			    1);
			add_memory(&b, reg, address);
			break;
		}
		case 11: {
			static const uint8_t ops[] = { 0, 1, 4, 5, 6, 7 };
			bool small = !byte && check_below(2);
			size_t n = small || byte ? 1 : operand == 2 ? 2 : 4;
			uint64_t imm = check_rand();

			e.op = (enum insn_op)ops[check_below(6)];
			add(&b, small ? 0x83 : byte ? 0x80 : 0x81, 1);
			add_memory(&b, (unsigned int)e.op, address);
			add(&b, imm, n);
			e.imm = n == 1 ? (uint64_t)(int8_t)imm :
				n == 2 ? (uint64_t)(int16_t)imm :
					 (uint64_t)(int32_t)imm;
			e.reg = 0;
			e.high_byte = false;
			e.kind = INSN_ALU_IMM;
			break;
		}
		case 12:
			add(&b, 0x0f, 1);
			add(&b, 0x20 + check_below(4), 1);
			add(&b, 0xc0 | check_rand(), 1);
			e.kind = INSN_OTHER;
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

/* What the CPU does: the instruction alone, the operand in memory at (%rdi). */
#define RUNS(X)                        \
	X(64, "movl (%rdi), %ecx")     \
	X(64, "movq (%rdi), %rcx")     \
	X(64, "movw (%rdi), %cx")      \
	X(64, "movb (%rdi), %cl")      \
	X(64, "movb (%rdi), %ch")      \
	X(64, "movb (%rdi), %sil")     \
	X(64, "movl (%rdi), %r9d")     \
	X(64, "movb (%rdi), %r9b")     \
	X(64, "movzbl (%rdi), %ecx")   \
	X(64, "movzbw (%rdi), %cx")    \
	X(64, "movzbq (%rdi), %rcx")   \
	X(64, "movzwl (%rdi), %ecx")   \
	X(64, "movzwq (%rdi), %r9")    \
	X(64, "movsbl (%rdi), %ecx")   \
	X(64, "movsbw (%rdi), %cx")    \
	X(64, "movsbq (%rdi), %rcx")   \
	X(64, "movswl (%rdi), %ecx")   \
	X(64, "movswq (%rdi), %rcx")   \
	X(64, "movslq (%rdi), %rcx")   \
	X(64, "movl %ecx, (%rdi)")     \
	X(64, "movq %r9, (%rdi)")      \
	X(64, "movw %cx, (%rdi)")      \
	X(64, "movb %cl, (%rdi)")      \
	X(64, "movb %dh, (%rdi)")      \
	X(64, "movl $-5, (%rdi)")      \
	X(64, "movq $-5, (%rdi)")      \
	X(64, "movb $5, (%rdi)")       \
	X(64, "movw $0x1234, (%rdi)")  \
	X(64, "xchgl %ecx, (%rdi)")    \
	X(64, "xchgq %rcx, (%rdi)")    \
	X(64, "xchgw %cx, (%rdi)")     \
	X(64, "xchgb %cl, (%rdi)")     \
	X(64, "xchgb %dh, (%rdi)")     \
	X(64, "addl %ecx, (%rdi)")     \
	X(64, "addb %dh, (%rdi)")      \
	X(64, "addw %cx, (%rdi)")      \
	X(64, "addq %rcx, (%rdi)")     \
	X(64, "addl (%rdi), %ecx")     \
	X(64, "addb (%rdi), %ch")      \
	X(64, "addq $-3, (%rdi)")      \
	X(64, "addb $0x7f, (%rdi)")    \
	X(64, "subl %ecx, (%rdi)")     \
	X(64, "subb %cl, (%rdi)")      \
	X(64, "subq (%rdi), %rcx")     \
	X(64, "subw $0x7fff, (%rdi)")  \
	X(64, "subl $1, (%rdi)")       \
	X(64, "cmpl %ecx, (%rdi)")     \
	X(64, "cmpl (%rdi), %ecx")     \
	X(64, "cmpb %dh, (%rdi)")      \
	X(64, "cmpq $-1, (%rdi)")      \
	X(64, "cmpw (%rdi), %cx")      \
	X(64, "orl %ecx, (%rdi)")      \
	X(64, "orb (%rdi), %dh")       \
	X(64, "orl $0x100, (%rdi)")    \
	X(64, "orq $-0x80, (%rdi)")    \
	X(64, "andl %ecx, (%rdi)")     \
	X(64, "andw (%rdi), %cx")      \
	X(64, "andl $-0x11, (%rdi)")   \
	X(64, "andb $0xf, (%rdi)")     \
	X(64, "xorl %ecx, (%rdi)")     \
	X(64, "xorq (%rdi), %rcx")     \
	X(64, "xorb $0x55, (%rdi)")    \
	X(64, "testl %ecx, (%rdi)")    \
	X(64, "testb %dh, (%rdi)")     \
	X(64, "testl $0x1000, (%rdi)") \
	X(64, "testq $-2, (%rdi)")     \
	X(64, "testb $0x80, (%rdi)")   \
	X(64, "testw %cx, (%rdi)")

#define RUN_CODE(mode, text) "run \"" text "\"\n"
#define RUN_TEXT(mode, text) text,

/* 32 bytes each: the length, the instruction and a return. */
__asm__(".macro run text\n"
	".byte 2f - 1f\n"
	"1: \\text\n"
	"2: ret\n"
	".fill 30 - (2b - 1b), 1, 0xcc\n"
	".endm\n"
	".pushsection .text\n"
	"run_rows:\n" RUNS(
		RUN_CODE) ".popsection\n"
			  /* void run_row(code, regs[16], flags, mem): rcx, rdx, rsi, r9 and the flags go
	 * in and out. */
			  ".pushsection .text\n"
			  "run_row:\n"
			  "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n"
			  "mov %rdi, %rbx\n mov %rsi, %rbp\n mov %rdx, %r12\n mov %rcx, %rdi\n"
			  "mov 8(%rbp), %rcx\n mov 16(%rbp), %rdx\n mov 48(%rbp), %rsi\n mov 72(%rbp), %r9\n"
			  "push (%r12)\n popf\n call *%rbx\n pushf\n pop (%r12)\n cld\n"
			  "mov %rcx, 8(%rbp)\n mov %rdx, 16(%rbp)\n mov %rsi, 48(%rbp)\n mov %r9, 72(%rbp)\n"
			  "pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
			  ".popsection\n");

extern const uint8_t run_rows[];
void run_row(const void *code, uint64_t *regs, uint64_t *flags, void *mem);

static const char *const run_texts[] = { RUNS(RUN_TEXT) };

static uint64_t operand(void)
{
	static const uint64_t edges[] = { 0,	      1,	  0x7f,	     0x80,
					  0xff,	      0x7fff,	  0x8000,    0x7fffffff,
					  0x80000000, 0xffffffff, 1ul << 63, ~0ul };

	return check_below(2) ? edges[check_below(sizeof(edges) / sizeof(edges[0]))] : check_rand();
}

static void as_the_cpu(void)
{
	const uint64_t arithmetic = 0x8d5;

	check_seed(0x637075);
	for (size_t i = 0; i < sizeof(run_texts) / sizeof(run_texts[0]); i++) {
		const uint8_t *code = run_rows + 32 * i + 1;
		struct insn insn;

		CHECK_NOTE("%s", run_texts[i]);
		REQUIRE(insn_decode(code, code[-1], INSN_64, &insn));
		/* Of what is here only a store reads nothing. */
		CHECK_EQ(insn_reads(&insn),
			 strncmp(run_texts[i], "mov", 3) != 0 ||
				 strchr(run_texts[i], '(') < strchr(run_texts[i], ','));
		for (int k = 0; k < 500; k++) {
			uint64_t regs[16] = { 0 }, got[16], mem = operand(), after = mem, junk;
			uint64_t flags = 0x202 | (check_rand() & arithmetic), got_flags = flags;
			uint64_t known = arithmetic, value, mask;

			regs[1] = operand();
			regs[2] = operand();
			regs[6] = operand();
			regs[9] = operand();
			memcpy(got, regs, sizeof(got));
			mask = insn.size == 8 ? ~0ul : (1ul << (8 * insn.size)) - 1;
			junk = check_rand() & ~mask; /* what lies behind the operand */
			value = insn_execute(&insn, insn_reads(&insn) ? (mem & mask) | junk : junk,
					     got, &got_flags);
			run_row(code, regs, &flags, &after);
			CHECK_MEM(got, regs, sizeof(regs));
			if (insn_writes(&insn)) {
				CHECK_EQ(value & ~mask, 0);
				CHECK_EQ((mem & ~mask) | value, after);
			} else {
				CHECK_EQ(mem, after);
			}
			if (insn.kind == INSN_ALU_REG || insn.kind == INSN_ALU_IMM)
				known &= insn.op == INSN_ADD || insn.op == INSN_SUB ||
							 insn.op == INSN_CMP ?
						 ~0ul :
						 ~0x10ul;
			CHECK_EQ(got_flags & known, flags & known);
			CHECK_EQ(got_flags & ~arithmetic, 0x202);
		}
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
	CHECK_RUN(as_the_cpu);
	CHECK_RUN(noise);
	return check_done();
}
