/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entry points of hv's IDT, MSR accesses that may fault, and the thunks for
 * indirect branches.
 */
#include "x86/trap_fixup.h"

	.section .text, "ax"

/* One stub of 16 bytes for each vector: a uniform frame, then the common part. */
	.align 16
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.align 16
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	push $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	cld
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call trap_handle
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

/* bool msr_read_safe(u32 msr, u64 *value), bool msr_write_safe(u32 msr, u64 value) */
	.globl msr_read_safe, msr_write_safe
msr_read_safe:
	mov %edi, %ecx
1:	rdmsr
	FIXUP 1b, msr_fault_exit, TRAP_FIXUP_GP
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, (%rsi)
	mov $1, %eax
	ret
msr_write_safe:
	mov %edi, %ecx
	mov %esi, %eax
	mov %rsi, %rdx
	shr $32, %rdx
1:	wrmsr
	FIXUP 1b, msr_fault_exit, TRAP_FIXUP_GP
	mov $1, %eax
	ret
msr_fault_exit:
	xor %eax, %eax
	ret

/* The compiler calls these instead of branching through a register. */
	.macro thunk reg
	.globl __x86_indirect_thunk_\reg
	.align 16
__x86_indirect_thunk_\reg:
	call 2f
1:	pause
	lfence
	jmp 1b
2:	mov %\reg, (%rsp)
	ret
	int3
	.endm
	thunk rax
	thunk rcx
	thunk rdx
	thunk rbx
	thunk rbp
	thunk rsi
	thunk rdi
	thunk r8
	thunk r9
	thunk r10
	thunk r11
	thunk r12
	thunk r13
	thunk r14
	thunk r15

	.section .note.GNU-stack, "", @progbits
