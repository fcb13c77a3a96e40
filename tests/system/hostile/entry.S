/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beginnings of both processors, and of every interrupt. The first one comes by
 * PVH, in 32-bit protected mode; the second by a start-up IPI, in real mode in the
 * page to which start_page was copied. Both go to 64-bit mode, with an identity map
 * of 4 GiB, and from there to vp_main with their stack's lowest address.
 */
#include "layout.h"

#define NOTE_PHYS32_ENTRY 18
#define MSR_EFER 0xc0000080
#define CODE32 0x08
#define CODE64 0x10
#define DATA 0x18

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, NOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long pvh_start

	.text
	.code32
	.globl pvh_start
pvh_start:
	movl %ebx, start_info
	lgdt gdt_pointer
	movl $stacks, %esi
	jmp enter_long

ap_start:
	movw $DATA, %ax
	movw %ax, %ds
	movl $stacks + STACK_SIZE, %esi

/* ESI: the stack's lowest address. */
enter_long:
	movl $level4, %eax
	movl %eax, %cr3
	movl $0x20, %eax /* PAE */
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $0x100, %eax /* LME */
	wrmsr
	movl $0x80010011, %eax /* PG, WP, ET, PE */
	movl %eax, %cr0
	ljmp $CODE64, $start64

	.code64
start64:
	movw $DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movl %esi, %edi
	leaq STACK_SIZE(%rdi), %rsp
	call vp_main
	ud2

/* Real mode, at offset 0 of a segment. */
	.code16
	.globl start_page, start_page_end
start_page:
	cli
	movw %cs, %ax
	movw %ax, %ds
	lgdtl gdt_pointer_copy - start_page
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $CODE32, $ap_start
	.align 8
gdt_pointer_copy:
	.word gdt_end - gdt - 1
	.long gdt
start_page_end:

/* Stubs of 16 bytes, so that a vector's lies at interrupts + 16 * vector. */
	.code64
	.align 16
	.globl interrupts
interrupts:
	.set vector, 0
	.rept 256
	.align 16
	/* Exceptions with an error code. From 16 on there are interrupts alone here. */
	.if (vector == 8) || ((vector >= 10) && (vector <= 14))
	.else
	pushq $0
	.endif
	pushq $vector
	jmp interrupted
	.set vector, vector + 1
	.endr

	.align 16
interrupted:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	movq %rsp, %rbx
	andq $-16, %rsp
	call interrupt
	movq %rbx, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

/* A limit of 0: whatever interrupts after this is a triple fault. */
	.globl lose_interrupts
lose_interrupts:
	lidt no_interrupts
	ret

	.data
	.align 8
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt
no_interrupts:
	.word 0
	.quad 0
	.globl start_info
	.align 4
start_info:
	.long 0

	.align 4096
level4:
	.quad level3 + 7
	.fill 511, 8, 0
level3:
	.quad level2 + 0x0007, level2 + 0x1007, level2 + 0x2007, level2 + 0x3007
	.fill 508, 8, 0
level2:
	.set page, 0
	.rept 2048
	.quad page + 0x87
	.set page, page + 0x200000
	.endr

	.bss
	.align STACK_SIZE
	.globl stacks
stacks:
	.skip 2 * STACK_SIZE

	.section .note.GNU-stack, "", @progbits
