/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * micro's beginnings: PVH (32-bit protected mode without paging) to 64-bit mode with
 * 4 GiB mapped as they are, and the same for the second processor from real mode.
 */
#define NOTE_PHYS32_ENTRY 18
#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define TABLE 0x3 /* present, writable */
#define LARGE 0x83
#define CODE64 0x08
#define DATA 0x10
#define CODE32 0x18

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 8, NOTE_PHYS32_ENTRY
	.asciz "Xen"
	.quad pvh_start

	.text
	.code32
	.globl pvh_start
pvh_start:
	movl %ebx, %esi
	movl $tables + 0x1000 + TABLE, tables
	movl $directories + TABLE, %eax
	movl $tables + 0x1000, %edi
1:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	cmpl $directories + 0x4000 + TABLE, %eax
	jne 1b
	movl $LARGE, %eax
	movl $directories, %edi
2:	movl %eax, (%edi)
	addl $8, %edi
	addl $0x200000, %eax
	jnc 2b
	movl $stack_end, %esp
	movl $kernel_main, %ebp
	lgdt gdt_pointer
	jmp to_long_mode

	.globl second_start32
second_start32:
	movl $second_stack_end, %esp
	movl $second_main, %ebp

/* To the function in EBP, with ESI as its argument. */
to_long_mode:
	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $tables, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	ljmp $CODE64, $1f
	.code64
1:	movl %esp, %esp
	movl %ebp, %ebp
	movl %esi, %edi
	call *%rbp
2:	hlt
	jmp 2b

/* Copied to a page below 1 MiB, where the start-up IPI points. */
	.code16
	.globl trampoline, trampoline_end
trampoline:
	cli
	movw %cs, %ax
	movw %ax, %ds
	lgdtl gdt_pointer_copy - trampoline
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $CODE32, $second_start32
gdt_pointer_copy:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.section .rodata
	.align 8
gdt:	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cf9b000000ffff
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt

	.bss
	.align 4096
tables:	.skip 2 * 4096
directories:
	.skip 4 * 4096
	.skip 16384
stack_end:
	.skip 16384
second_stack_end:

	.section .note.GNU-stack, "", @progbits
