/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/events.h"

#include <mullion/parent.h>

#include "core/cpu.h"
#include "core/parent_vp.h"
#include "x86/apic.h"

#define WORDS 8 /* of the summary */

void events_set(struct cpu *cpu, u32 event)
{
	struct mullion_cpu_events *page = __atomic_load_n(&cpu->events, __ATOMIC_ACQUIRE);
	u32 word = event / 64;
	u64 before;

	if (!page || word >= MULLION_EVENT_WORDS)
		return;
	__atomic_fetch_or(&page->flags[word], BIT(event % 64), __ATOMIC_SEQ_CST);
	before = __atomic_fetch_or(&page->summary[word / 64], BIT(word % 64), __ATOMIC_SEQ_CST);
	if (before & BIT(word % 64))
		return; /* the vector is on its way */
	if (cpu != this_cpu())
		apic_write_icr(cpu->apic_id, cpu->event_vector);
	else if (cpu->current == cpu->vp)
		apic_send_self(cpu->event_vector);
	else
		parent_vp_take(cpu->vp, cpu->event_vector);
}

bool events_pending(const struct cpu *cpu)
{
	u64 any = 0;

	for (u32 i = 0; cpu->events && i < WORDS; i++)
		any |= READ_ONCE(cpu->events->summary[i]);
	return any;
}

void events_use(struct cpu *cpu, void *page, u8 vector)
{
	cpu->event_vector = vector;
	if (page)
		((struct mullion_cpu_events *)page)->deadline = UINT64_MAX;
	__atomic_store_n(&cpu->events, page, __ATOMIC_RELEASE);
}
