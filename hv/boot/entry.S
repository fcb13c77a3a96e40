/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the boot loader to hv_main, and from a start-up IPI to smp_entry.
 *
 * The loader puts the image at any multiple of 2 MiB below 4 GiB and enters in
 * 32-bit protected mode without paging (Multiboot2 2.0, section 3.3), from BIOS
 * and EFI alike. Everything before paging is on is position independent.
 */
#include "core/layout.h"

#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900
#define CR0_PG_WP_PE 0x80010001
#define CR4_PAE_PGE 0xa0
#define PAGE_TABLE 0x63 /* present, writable, accessed, dirty */
#define OFFSET(symbol) (symbol - HV_BASE) /* from the image's first byte */
#define PAGE_LARGE 0xe3 /* the same, 2 MiB */

	.section .boot, "awx"

	.align 8
multiboot2_header:
	.long 0xe85250d6
	.long 0 /* i386 */
	.long multiboot2_end - multiboot2_header
	.long -(0xe85250d6 + 0 + (multiboot2_end - multiboot2_header))
	/* Framebuffer: any, and not needed. The parent's screen. */
	.short 5, 1
	.long 20
	.long 0, 0, 0
	.align 8
	/* Relocatable: 16 MiB .. 4 GiB, on 2 MiB, as high as it goes. */
	.short 10, 0
	.long 24
	.long 0x1000000, 0xffffffff, HV_IMAGE_SIZE, 2
	.align 8
	.short 0, 0
	.long 8
multiboot2_end:

	.code32
	.globl hv_entry
hv_entry:
	cli
	cld
	mov %eax, %esi
	mov %ebx, %edi
	/* No stack yet: borrow the reserved word of the boot information. */
	lea 8(%ebx), %esp
	call 1f
1:	pop %ebp
	sub $OFFSET(1b), %ebp
	lea OFFSET(boot_stack_end)(%ebp), %esp

	/* Four tables of 2 MiB pages for the first 4 GiB. */
	lea OFFSET(boot_pd)(%ebp), %ebx
	xor %ecx, %ecx
2:	mov %ecx, %eax
	shl $21, %eax
	or $PAGE_LARGE, %eax
	mov %eax, (%ebx, %ecx, 8)
	inc %ecx
	cmp $2048, %ecx
	jb 2b
	/* A table above them, for the identity and the physmap. */
	lea OFFSET(boot_pdpt)(%ebp), %ecx
	lea PAGE_TABLE(%ebx), %eax
	mov %eax, 0(%ecx)
	add $0x1000, %eax
	mov %eax, 8(%ecx)
	add $0x1000, %eax
	mov %eax, 16(%ecx)
	add $0x1000, %eax
	mov %eax, 24(%ecx)
	/* The image at HV_BASE. */
	lea OFFSET(boot_pd_image)(%ebp), %ebx
	lea PAGE_LARGE(%ebp), %eax
	mov %eax, (%ebx)
	lea OFFSET(boot_pdpt_image)(%ebp), %edx
	lea PAGE_TABLE(%ebx), %eax
	mov %eax, (510 * 8)(%edx)
	lea OFFSET(boot_pml4)(%ebp), %ebx
	lea PAGE_TABLE(%ecx), %eax
	mov %eax, (0 * 8)(%ebx)
	mov %eax, (256 * 8)(%ebx)
	lea PAGE_TABLE(%edx), %eax
	mov %eax, (511 * 8)(%ebx)

	mov $CR4_PAE_PGE, %eax
	mov %eax, %cr4
	mov %ebx, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME_NXE, %eax
	wrmsr
	mov $CR0_PG_WP_PE, %eax
	mov %eax, %cr0

	lea OFFSET(boot_gdt)(%ebp), %eax
	sub $16, %esp
	movw $(boot_gdt_end - boot_gdt - 1), (%esp)
	mov %eax, 2(%esp)
	lgdt (%esp)
	lea OFFSET(entry64)(%ebp), %eax
	push $SEL_CODE64
	push %eax
	lret

	.code64
entry64:
	mov $SEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %esi, %edx
	mov %ebp, %esi
	mov %edi, %edi
	movabs $entry_high, %rax
	jmp *%rax

	.align 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
boot_gdt_end:

/*
 * A started CPU begins here in real mode, in a copy of this code in a page below
 * 1 MiB (CS is the page). trampoline_data is filled in the copy.
 */
	.globl trampoline_start, trampoline_end, trampoline_data
	.code16
trampoline_start:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	movzwl %ax, %ebx
	shl $4, %ebx
	lea (trampoline_gdt - trampoline_start)(%ebx), %eax
	mov %eax, (trampoline_gdtr - trampoline_start + 2)
	lea (trampoline32 - trampoline_start)(%ebx), %eax
	mov %eax, (trampoline_jump - trampoline_start)
	lgdtl (trampoline_gdtr - trampoline_start)
	mov $0x11, %eax
	mov %eax, %cr0
	ljmpl *(trampoline_jump - trampoline_start)

	.code32
trampoline32:
	mov $0x20, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $CR4_PAE_PGE, %eax
	mov %eax, %cr4
	mov (trampoline_data - trampoline_start)(%ebx), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME_NXE, %eax
	wrmsr
	mov $CR0_PG_WP_PE, %eax
	mov %eax, %cr0
	lea (trampoline64 - trampoline_start)(%ebx), %eax
	mov %eax, (trampoline_jump64 - trampoline_start)(%ebx)
	ljmpl *(trampoline_jump64 - trampoline_start)(%ebx)

	.code64
trampoline64:
	mov $SEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov (trampoline_data - trampoline_start + 8)(%rbx), %rsp
	mov (trampoline_data - trampoline_start + 16)(%rbx), %rdi
	mov (trampoline_data - trampoline_start + 24)(%rbx), %rax
	xor %ebp, %ebp
	jmp *%rax

	.align 8
trampoline_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
trampoline_gdtr:
	.short . - trampoline_gdt - 1
	.long 0
	.align 4
trampoline_jump:
	.long 0
	.short 0x18
trampoline_jump64:
	.long 0
	.short SEL_CODE64
	.align 8
trampoline_data:
	.quad 0 /* CR3, below 4 GiB, with the identity for this page */
	.quad 0 /* stack */
	.quad 0 /* struct cpu */
	.quad 0 /* where to go */
trampoline_end:

	.section .text, "ax"
entry_high:
	lea boot_stack_end(%rip), %rsp
	xor %ebp, %ebp
	call hv_main
	ud2

	.section .bss.boot, "aw", @nobits
	.align 4096
	.globl boot_pml4
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4 * 4096
boot_pdpt_image:
	.skip 4096
boot_pd_image:
	.skip 4096
	.align 16
	.globl boot_stack
boot_stack:
	.skip STACK_SIZE
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
