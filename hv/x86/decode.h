/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction decoder: lengths of the instructions that exit, for CPUs that
 * do not tell the next RIP, and the stores by which xAPIC registers are written.
 * No more than that: whoever writes an APIC register by another instruction is
 * outside what the manuals allow (Intel SDM volume 3, 11.4.1: 32-bit, aligned).
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
	INSN_STORE_REG, /* mov %reg, mem */
	INSN_STORE_IMM, /* mov $imm, mem */
	INSN_XCHG, /* xchg %reg, mem */
};

struct insn {
	enum insn_kind kind;
	u8 length; /* bytes, 1..15 */
	u8 size; /* stores: operand size in bytes, 1, 2, 4 or 8 */
	u8 reg; /* STORE_REG, XCHG: 0..15 as encoded (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp ...) */
	bool high_byte; /* reg means ah, ch, dh, bh (size 1 without REX) */
	u64 imm; /* STORE_IMM: sign-extended */
};

/* Decodes the instruction at bytes (n of them are there). Returns false, kind
 * INSN_UNKNOWN, when it is none of the above or longer than n. */
bool insn_decode(const u8 *bytes, size_t n, enum insn_mode mode, struct insn *insn);

#endif
