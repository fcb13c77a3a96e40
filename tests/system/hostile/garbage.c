/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code that is none: random bytes, in 64-bit mode or in real mode on the second
 * processor. It ends the guest, or it does not.
 */
#include "vp.h"

#define CODE 0x200000ul
#define CODE_SIZE 0x10000ul
#define REAL_MODE_PAGE 0x30u

void lose_interrupts(void);

static void fill(uint64_t at, uint64_t size)
{
	for (uint64_t i = 0; i < size; i += 8)
		*(volatile uint64_t *)(at + i) = random64();
}

void garbage(struct vp *vp)
{
	uint64_t registers = 0;

	for (uint64_t i = 0; i < option("skip", 0); i++)
		(void)random64();
	if (has_word("nowhere"))
		((void (*)(void))0xd0000000ul)();
	if (has_word("triple-fault")) {
		lose_interrupts();
		__asm__ volatile("ud2");
	}
	if (has_word("real-mode") && !vp->index) {
		fill(REAL_MODE_PAGE << 12, 0x1000);
		send_other(0x4500);
		send_other(0x4600 | REAL_MODE_PAGE);
		for (;;)
			__asm__ volatile("pause");
	}
	fill(CODE, CODE_SIZE);
	if (has_word("no-interrupts"))
		lose_interrupts();
	print("garbage\n");
	registers = random64();
	__asm__ volatile("movq %0, %%rax\n\tmovq %0, %%rcx\n\tmovq %0, %%rdx\n\tmovq %0, %%rbx\n\t"
			 "movq %0, %%rdi\n\tmovq %0, %%r8\n\tjmp *%1"
			 :
			 : "r"(registers), "r"(CODE + 0x8000)
			 : "rax", "rcx", "rdx", "rbx", "rdi", "r8", "memory");
	__builtin_unreachable();
}
