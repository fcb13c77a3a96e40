/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test kernel's beginnings: multiboot 1 and PVH in one file. Both are 32-bit
 * protected mode without paging.
 */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 3
#define NOTE_PHYS32_ENTRY 18

	.section .multiboot, "a"
	.align 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, NOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long pvh_start

	.text
	.globl multiboot_start
multiboot_start:
	movl $stack_end, %esp
	pushl %ebx
	pushl %eax
	call kernel_main
1:	hlt
	jmp 1b

pvh_start:
	movl $stack_end, %esp
	pushl %ebx
	pushl $0
	call kernel_main
1:	hlt
	jmp 1b

/* A segment limit of 0: any interrupt after this is a triple fault. */
	.globl lose_interrupts
lose_interrupts:
	lidt 1f
	ud2
	.align 8
1:	.word 0
	.long 0

	.bss
	.align 16
	.skip 4096
stack_end:

	.section .note.GNU-stack, "", @progbits
