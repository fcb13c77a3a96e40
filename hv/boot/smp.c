/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting the other CPUs, one after the other. Each comes up in a page below
 * 1 MiB that hv borrows from the parent before the parent runs.
 */
#include "boot/boot.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/parent.h"
#include "core/string.h"
#include "core/parent_vp.h"
#include "core/run.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/tsc.h"
#include "x86/vlapic.h"

#define START_TIMEOUT_US 1000000

extern const u8 trampoline_start[], trampoline_end[], trampoline_data[];
extern u8 boot_pml4[], image_start[];

struct trampoline {
	u64 cr3;
	u64 stack;
	u64 cpu;
	u64 entry;
};

static u64 hv_cr3;
static u64 boot_apic_base; /* mode bits of the boot CPU's APIC_BASE */
static u32 parent_ready; /* set when every VP is there */

/* In the highest free page below 640 KiB, which *page tells. */
static struct trampoline *place_trampoline(u64 *page)
{
	struct trampoline *t;

	if (!memmap_find(&parent.memory, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, KIB(640), NULL, 0, page))
		panic("no page below 640 KiB to start CPUs in");
	memcpy(phys_to_virt(HPA(*page)), trampoline_start,
	       (u64)(trampoline_end - trampoline_start));
	t = phys_to_virt(HPA(*page + (u64)(trampoline_data - trampoline_start)));
	t->cr3 = parent.image_base + (u64)(boot_pml4 - image_start);
	t->entry = (u64)smp_entry;
	return t;
}

static bool start_one(struct cpu *cpu, struct trampoline *t, u64 page)
{
	t->stack = (u64)(cpu->stack + STACK_SIZE);
	t->cpu = (u64)cpu;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	apic_send_init(cpu->apic_id);
	tsc_delay_us(10000);
	/* The second one is for CPUs that miss the first (Intel SDM volume 3,
	 * 9.4.4); a started CPU ignores it. */
	for (u32 try = 0; try < 2; try++) {
		apic_send_startup(cpu->apic_id, (u8)(page >> PAGE_SHIFT));
		for (u32 us = 0; us < START_TIMEOUT_US; us += 10) {
			if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
				return true;
			tsc_delay_us(10);
			if (try == 0 && us >= 20000)
				break;
		}
	}
	return false;
}

void smp_start(const u32 *apic_ids, u32 count)
{
	u32 me = apic_id();
	u64 page;
	struct trampoline *t = place_trampoline(&page);

	hv_cr3 = read_cr3();
	boot_apic_base = rdmsr(MSR_APIC_BASE);
	for (u32 i = 0; i < count; i++) {
		struct cpu *cpu;

		if (apic_ids[i] == me)
			continue;
		cpu = cpu_alloc(cpu_count, apic_ids[i]);
		if (!start_one(cpu, t, page)) {
			log_error("CPU with APIC ID %u does not start, going on without it",
				  apic_ids[i]);
			/* Should it still come, it must find neither another's stack nor
			 * the parent's code: this page stays its own. */
			t->entry = (u64)cpu_stop;
			if (!memmap_set(&parent.memory, page, PAGE_SIZE, MEM_RESERVED))
				panic("the memory map is too long");
			t = place_trampoline(&page);
			continue;
		}
		cpus[cpu_count++] = cpu;
	}
}

void smp_release(void)
{
	__atomic_store_n(&parent_ready, 1, __ATOMIC_RELEASE);
}

void smp_entry(struct cpu *cpu)
{
	const char *missing;

	write_cr3(hv_cr3);
	cpu_load(cpu);
	if ((boot_apic_base & APIC_BASE_X2APIC) && !(rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC))
		wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	missing = vendor->probe();
	if (missing)
		panic("APIC ID %u: %s", cpu->apic_id, missing);
	vendor->cpu_init(cpu);
	__atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&parent_ready, __ATOMIC_ACQUIRE))
		cpu_relax();
	if (!cpu->vp)
		cpu_stop(); /* it came too late */
	parent_vp_init_lapic(cpu->vp);
	vlapic_init_signal(&cpu->vp->lapic);
	cpu_loop(cpu);
}
