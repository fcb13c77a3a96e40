/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hv's IDT does. An exception in hv is a bug of hv's and panics, except at
 * the two MSR instructions that may fault. An NMI is counted, the interrupted
 * code looks at the reason. An interrupt is remembered for the code that opened the
 * gate (core/parent_vp.c).
 */
#include "x86/trap.h"

#include "core/cpu.h"
#include "core/panic.h"
#include "x86/asm.h"
#include "x86/trap_fixup.h"

struct gate {
	u16 offset0;
	u16 selector;
	u8 ist;
	u8 type;
	u16 offset1;
	u32 offset2;
	u32 reserved;
};

#define GATE_INTERRUPT 0x8e

extern const u8 trap_stubs[];
extern const struct {
	u64 at;
	u64 to;
	u64 kind;
} trap_fixups[], trap_fixups_end[];

static struct gate idt[256] __aligned(16);

void trap_init(void)
{
	for (u32 i = 0; i < 256; i++) {
		u64 stub = (u64)trap_stubs + 16ul * i;

		idt[i] = (struct gate){
			.offset0 = (u16)stub,
			.selector = SEL_CODE64,
			.type = GATE_INTERRUPT,
			.offset1 = (u16)(stub >> 16),
			.offset2 = (u32)(stub >> 32),
		};
	}
	idt[VECTOR_DF].ist = IST_DF;
	idt[VECTOR_NMI].ist = IST_NMI;
	idt[VECTOR_MC].ist = IST_MC;
}

void trap_load(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed idtr = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

/* Goes on at the place that trap_fixup.h names for this one, if it does. */
static bool fix_up(struct trap_frame *f, u64 kind)
{
	for (u32 i = 0; &trap_fixups[i] < trap_fixups_end; i++) {
		if (trap_fixups[i].kind == kind && trap_fixups[i].at == f->rip) {
			f->rip = trap_fixups[i].to;
			return true;
		}
	}
	return false;
}

void trap_handle(struct trap_frame *f)
{
	if (f->vector == VECTOR_NMI) {
		this_cpu()->nmi_count++;
		if (panic_in_progress())
			cpu_stop();
		fix_up(f, TRAP_FIXUP_EVENT);
		return;
	}
	if (f->vector >= 32) {
		this_cpu()->irq_vector = f->vector;
		/* One at a time: the next stays pending in the local APIC. */
		f->rflags &= ~RFLAGS_IF;
		fix_up(f, TRAP_FIXUP_EVENT);
		return;
	}
	if (f->vector == VECTOR_GP && fix_up(f, TRAP_FIXUP_GP))
		return;
	panic_frame(f, "exception %lu in hv", f->vector);
}
