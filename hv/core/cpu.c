/* SPDX-License-Identifier: GPL-2.0-only */
/* CPU structures and the state of the running CPU. */
#include "core/cpu.h"

#include "core/memory.h"
#include "x86/asm.h"
#include "x86/paging.h"
#include "x86/trap.h"

#include "boot/acpi.h"

struct cpu *cpus[CPUS_MAX];
u32 cpu_count;

struct cpu *cpu_alloc(u32 index, u32 apic_id)
{
	struct cpu *cpu = memory_alloc(1, PAGE_SIZE);
	u8 *stack = memory_alloc(STACK_SIZE / PAGE_SIZE, PAGE_SIZE);

	_Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "one page");
	cpu->self = cpu;
	cpu->index = index;
	cpu->apic_id = apic_id;
	cpu->stack = stack;
	for (u32 i = 0; i < 3; i++) {
		u8 *ist = memory_alloc(IST_STACK_SIZE / PAGE_SIZE, PAGE_SIZE);

		cpu->tss.ist[i] = (u64)(ist + IST_STACK_SIZE);
	}
	cpu->tss.iomap = sizeof(cpu->tss);
	cpu->host_save = virt_to_phys(memory_alloc(1, PAGE_SIZE));
	cpu->vendor = memory_alloc(1, PAGE_SIZE);
	return cpu;
}

static void fill_gdt(struct cpu *cpu)
{
	u64 base = (u64)&cpu->tss;

	cpu->gdt[SEL_CODE64 / 8] = 0x00af9b000000ffff;
	cpu->gdt[SEL_DATA / 8] = 0x00cf93000000ffff;
	cpu->gdt[SEL_TSS / 8] = (sizeof(cpu->tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 |
				(base >> 24 & 0xff) << 56;
	cpu->gdt[SEL_TSS / 8 + 1] = base >> 32;
}

void cpu_load(struct cpu *cpu)
{
	struct {
		u16 limit;
		u64 base;
	} __packed gdtr = { sizeof(cpu->gdt) - 1, (u64)cpu->gdt };
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_PGE;

	fill_gdt(cpu);
	__asm__ volatile("lgdt %0\n\t"
			 "ltr %w1\n\t"
			 "mov %2, %%ds\n\t"
			 "mov %2, %%es\n\t"
			 "mov %2, %%ss\n\t"
			 "mov %3, %%fs\n\t"
			 "mov %3, %%gs"
			 :
			 : "m"(gdtr), "r"((u32)SEL_TSS), "r"((u32)SEL_DATA), "r"(0)
			 : "memory");
	wrmsr(MSR_GS_BASE, (u64)cpu);
	wrmsr(MSR_PAT, 0x0007040600070406);
	if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & BIT32(7)))
		cr4 |= CR4_SMEP;
	if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & BIT32(20)))
		cr4 |= CR4_SMAP;
	if (cpuid(1, 0).ecx & BIT32(26))
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
	trap_load();
}
