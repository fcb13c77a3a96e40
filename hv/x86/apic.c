/* SPDX-License-Identifier: GPL-2.0-only */
#include "x86/apic.h"

#include "core/layout.h"
#include "x86/asm.h"
#include "x86/vapic.h"
#include "x86/vlapic.h"

#define ICR_NMI 0x00000400u
#define ICR_INIT_ASSERT 0x0000c500u
#define ICR_STARTUP 0x00000600u
#define ICR_BUSY BIT32(12)
#define ICR_SELF (1u << 18)

static bool x2apic(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

static volatile u32 *page_reg(u32 reg)
{
	return (volatile u32 *)(APIC_WINDOW + reg);
}

u32 apic_read(u32 reg)
{
	if (x2apic())
		return (u32)rdmsr(MSR_X2APIC + reg / 16);
	return read_mmio32(page_reg(reg));
}

void apic_write(u32 reg, u32 value)
{
	if (x2apic())
		wrmsr(MSR_X2APIC + reg / 16, value);
	else
		write_mmio32(page_reg(reg), value);
}

u32 apic_id(void)
{
	u32 id = apic_read(APIC_ID);

	return x2apic() ? id : id >> 24;
}

void apic_write_icr(u32 dest, u32 low)
{
	u32 parents;

	if (x2apic()) {
		/* Writes of x2APIC registers do not wait for earlier stores, which
		 * the receiver is going to look for. */
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)dest << 32 | (low & ~ICR_BUSY));
		return;
	}
	parents = read_mmio32(page_reg(APIC_ICR2));
	while (read_mmio32(page_reg(APIC_ICR)) & ICR_BUSY)
		cpu_relax();
	write_mmio32(page_reg(APIC_ICR2), dest << 24);
	write_mmio32(page_reg(APIC_ICR), low);
	write_mmio32(page_reg(APIC_ICR2), parents);
}

void apic_send_self(u8 vector)
{
	if (x2apic())
		wrmsr(MSR_X2APIC + APIC_SELF_IPI / 16, vector);
	else
		apic_write_icr(0, ICR_SELF | vector);
}

bool apic_test(u32 reg, u8 vector)
{
	return apic_read(reg + vector / 32 * 16u) >> vector % 32 & 1;
}

bool apic_blocks(u8 vector)
{
	return (apic_read(APIC_PPR) & 0xff) >> 4 >= (u32)vector >> 4;
}

void apic_send_nmi(u32 dest)
{
	apic_write_icr(dest, ICR_NMI);
}

void apic_send_init(u32 dest)
{
	apic_write_icr(dest, ICR_INIT_ASSERT);
}

void apic_send_startup(u32 dest, u8 page)
{
	apic_write_icr(dest, ICR_STARTUP | page);
}

/* In the order in which CPUs came to have them (Intel SDM volume 3, 11.5.1). */
static const u16 lvts[] = {
	APIC_LVT_TIMER, APIC_LVT_LINT0, APIC_LVT_LINT1,
	APIC_LVT_ERROR, APIC_LVT_PERF,	APIC_LVT_THERMAL,
};

void apic_soft_reset(void)
{
	u32 last = apic_read(APIC_VERSION) >> 16 & 0xff;

	for (u32 i = 0; i < ARRAY_SIZE(lvts) && i <= last; i++)
		apic_write(lvts[i], APIC_LVT_MASKED);
	apic_write(APIC_TMICT, 0);
	apic_write(APIC_TPR, 0);
	/* At most one interrupt of each of 16 priority classes is in service. */
	for (u32 i = 0; i < 16; i++)
		apic_write(APIC_EOI, 0);
	if (!x2apic()) {
		apic_write(APIC_LDR, 0);
		apic_write(APIC_DFR, UINT32_MAX);
	}
	apic_write(APIC_SVR, 0xff);
}

void apic_set_base(u64 base)
{
	if (base & APIC_BASE_ENABLE) {
		wrmsr(MSR_APIC_BASE, base);
		return;
	}
	base &= ~APIC_BASE_X2APIC;
	wrmsr(MSR_APIC_BASE, base);
	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	apic_soft_reset();
}
