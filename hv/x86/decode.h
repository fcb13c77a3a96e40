/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction decoder: lengths of the instructions that exit, for CPUs that
 * do not tell the next RIP, and what reaches a device's registers in memory: mov
 * in all its forms, exchange, and arithmetic with one operand in memory.
 * Nothing else: who uses an APIC register by another instruction is outside what
 * the manuals allow (Intel SDM volume 3, 11.4.1: 32-bit, aligned).
 *
 * Where the operand lies is not decoded: the CPU tells its guest physical address.
 *
 * Sources: AMD APM volume 3, chapters 1 and 2 and appendix A.
 */
#ifndef HV_X86_DECODE_H
#define HV_X86_DECODE_H

#include "core/types.h"

#define INSN_MAX 15

enum insn_mode {
	INSN_16,
	INSN_32,
	INSN_64,
};

enum insn_kind {
	INSN_UNKNOWN, /* not one of the below; the length is not known */
	INSN_CPUID,
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_HLT,
	INSN_VMMCALL, /* VMCALL too */
	INSN_OTHER, /* exits, nothing but the length is told: see decode.c */
	/* Below: one operand lies in memory. */
	INSN_LOAD, /* mov, movzx, movsx, movsxd mem, %reg */
	INSN_ALU_REG, /* op %reg, mem; to_reg: op mem, %reg */
	INSN_ALU_IMM, /* op $imm, mem */
	/* Below: mem is written. */
	INSN_STORE_REG, /* mov %reg, mem */
	INSN_STORE_IMM, /* mov $imm, mem */
	INSN_XCHG, /* xchg %reg, mem */
};

/* As the opcodes number them. ADC and SBB are not decoded. */
enum insn_op {
	INSN_ADD = 0,
	INSN_OR = 1,
	INSN_AND = 4,
	INSN_SUB = 5,
	INSN_XOR = 6,
	INSN_CMP = 7,
	INSN_TEST = 8,
};

struct insn {
	enum insn_kind kind;
	u8 length; /* bytes, 1..15 */
	u8 size; /* the operand in memory: 1, 2, 4 or 8 bytes */
	u8 reg; /* not for *_IMM: 0..15 as encoded (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp ...) */
	u8 reg_size; /* 1, 2, 4 or 8; other than size in loads that extend */
	bool high_byte; /* reg means ah, ch, dh, bh (reg_size 1 without REX) */
	bool sign; /* LOAD: what is wider than memory is filled with the sign */
	bool to_reg; /* ALU_REG */
	enum insn_op op; /* ALU_* */
	u64 imm; /* *_IMM: sign-extended */
};

/* Decodes the instruction at bytes (n of them are there). Returns false, kind
 * INSN_UNKNOWN, when it is none of the above or longer than n. */
bool insn_decode(const u8 *bytes, size_t n, enum insn_mode mode, struct insn *insn);

/* Does the instruction, with an operand in memory, read it; does it write it? */
bool insn_reads(const struct insn *insn);
bool insn_writes(const struct insn *insn);

/* Executes an instruction with an operand in memory: mem is what it reads there,
 * of insn->size bytes (the rest is ignored). Changes regs (by encoded number) and
 * the arithmetic flags of *rflags. Returns what it writes there, zero-extended;
 * without a meaning unless insn_writes. */
u64 insn_execute(const struct insn *insn, u64 mem, u64 regs[16], u64 *rflags);

#endif
