/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One physical CPU. Found through GS, which belongs to hv whenever hv runs.
 * Fields are the CPU's own unless they say otherwise.
 */
#ifndef HV_CORE_CPU_H
#define HV_CORE_CPU_H

#include "core/alarm.h"
#include "core/layout.h"
#include "core/types.h"
#include "x86/ptimer.h"

struct mullion_cpu_events;
struct vp;

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap;
} __packed;

struct cpu {
	struct cpu *self; /* at GS:0 */
	u32 index;
	u32 apic_id;
	struct vp *vp; /* the parent's VP on this CPU; set before the CPU starts */
	struct vp *current; /* whose turn it is: that one, or a child's */
	struct vp *loaded; /* whose registers are in the CPU (switch.h); compare, never follow */
	struct vp *yield_to; /* the parent gives it its turn; own CPU */
	bool resched; /* look whose turn it is before anything runs */
	bool asleep; /* nobody's turn: waiting in hv */
	u32 in_parent; /* the parent is in guest mode; other CPUs read it */
	u64 seq; /* odd while a child runs or its exit is handled; other CPUs read it */
	struct ptimer timer;
	struct alarms alarms;
	struct mullion_cpu_events *events; /* NULL: no child may run here */
	u8 event_vector;
	u64 asid_generation; /* the vendor's */
	u32 asid_next;
	u8 *stack; /* lowest byte */
	u32 online; /* set by the CPU itself when it runs in C */
	u32 panicking; /* it has begun to panic */
	u64 irq_vector; /* the last interrupt that hv's IDT took, 0: none */
	u64 nmi_count; /* NMIs that hv's IDT took */
	hpa_t host_save; /* the vendor's page for host state */
	void *vendor; /* the vendor's per-CPU state */
	u64 gdt[5];
	struct tss tss;
};

extern struct cpu *cpus[];
extern u32 cpu_count;

static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}

/* Makes a CPU structure with its stacks out of hv's memory. */
struct cpu *cpu_alloc(u32 index, u32 apic_id);

/* Loads GDT, TSS, IDT, GS base and control registers of the running CPU. */
void cpu_load(struct cpu *cpu);

/* Starts the CPUs with these APIC IDs, the running one excepted; those that do
 * not come are reported and left out. Runs on the boot CPU, after vendor->init.
 * They wait in hv until smp_release. */
void smp_start(const u32 *apic_ids, u32 count);

/* Every CPU has its VP: the started ones begin to wait for a start-up IPI. */
void smp_release(void);

/* Where a started CPU goes on, with its own stack. */
__noreturn void smp_entry(struct cpu *cpu);

#endif
