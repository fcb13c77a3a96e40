/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's own exceptions, NMIs and interrupts. Layout shared with trap_entry.S. */
#ifndef HV_X86_TRAP_H
#define HV_X86_TRAP_H

#include "core/types.h"

struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector;
	u64 error;
	u64 rip, cs, rflags, rsp, ss;
};

struct cpu;

/* IST slots: these can strike when the stack cannot be trusted. */
#define IST_DF 1
#define IST_NMI 2
#define IST_MC 3

/* Fills the interrupt descriptor table; once, by the boot CPU. */
void trap_init(void);

/* Makes the running CPU use it. */
void trap_load(void);

/* Every vector ends here (trap_entry.S). */
void trap_handle(struct trap_frame *frame);

#endif
