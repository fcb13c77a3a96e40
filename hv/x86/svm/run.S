/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch, and the ways to let a pending event reach hv's IDT.
 *
 * hv runs with GIF = 0 from svm_cpu_init on: interrupts, NMIs and INITs stay
 * pending until the guest runs (and exits, or takes them) or until one of the
 * functions below opens the gate for an instruction.
 */
#include "x86/trap_fixup.h"

#define REG(n) (8 * (n))(%rdi)

	.section .text, "ax"

/*
 * void svm_switch(u64 *regs, u64 guest_pa, u64 host_pa)
 *
 * regs as in struct vp_regs; rax and rsp lie in the VMCB. VMRUN itself keeps
 * nothing of the host but rip, rsp, rax, rflags, control registers and segment
 * selectors: FS, GS, TR and the syscall MSRs go through VMSAVE and VMLOAD.
 */
	.globl svm_switch
svm_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdx
	push %rdi
	mov %rsi, %rax
	mov REG(1), %rcx
	mov REG(2), %rdx
	mov REG(3), %rbx
	mov REG(5), %rbp
	mov REG(6), %rsi
	mov REG(8), %r8
	mov REG(9), %r9
	mov REG(10), %r10
	mov REG(11), %r11
	mov REG(12), %r12
	mov REG(13), %r13
	mov REG(14), %r14
	mov REG(15), %r15
	mov REG(7), %rdi

	/* A child cannot hold interrupts back: its interrupt flag is virtual, and
	 * the host's, in force instead, is set. */
	vmload %rax
	sti
	vmrun %rax
	cli
	vmsave %rax

	push %rdi
	mov 8(%rsp), %rdi
	mov %rcx, REG(1)
	mov %rdx, REG(2)
	mov %rbx, REG(3)
	mov %rbp, REG(5)
	mov %rsi, REG(6)
	mov %r8, REG(8)
	mov %r9, REG(9)
	mov %r10, REG(10)
	mov %r11, REG(11)
	mov %r12, REG(12)
	mov %r13, REG(13)
	mov %r14, REG(14)
	mov %r15, REG(15)
	pop %rcx
	mov %rcx, REG(7)

	mov 8(%rsp), %rax
	vmload %rax

	add $16, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

/* Takes a pending NMI, then a pending interrupt, into hv's IDT. */
	.globl svm_take_nmi, svm_take_irq, svm_wait_nmi, svm_wait_irq
svm_take_nmi:
	stgi
	nop
	clgi
	ret

svm_take_irq:
	sti
	stgi
	nop
	cli
	clgi
	ret

/* The same, but sleeps until there is one. */
svm_wait_nmi:
	stgi
1:	hlt
2:	clgi
	ret
	FIXUP 1b, 2b, TRAP_FIXUP_EVENT

svm_wait_irq:
	sti
	stgi
1:	hlt
2:	cli
	clgi
	ret
	FIXUP 1b, 2b, TRAP_FIXUP_EVENT

	.section .note.GNU-stack, "", @progbits
