/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent's local APIC: a filter in front of the physical one.
 *
 * The parent owns the physical local APIC of each CPU, as it owns all devices:
 * its timer, its in-service and request registers and its EOI are the
 * hardware's, so that neither a device interrupt nor a tick leaves guest mode.
 * What hv must see are the few writes by which one CPU reaches for another
 * (INIT, start-up and NMI by the ICR) or takes the APIC away from hv
 * (APIC_BASE). This file decides about them; it is pure, the caller acts.
 *
 * xAPIC: the register page is mapped read-only, each write is decoded and comes
 * here. x2APIC: only the ICR and APIC_BASE are intercepted.
 *
 * Sources: AMD APM volume 2, chapter 16; Intel SDM volume 3, chapter 11.
 */
#ifndef HV_X86_VLAPIC_H
#define HV_X86_VLAPIC_H

#include "core/types.h"

/* Register offsets in the xAPIC page; the x2APIC MSR is 0x800 + offset / 16. */
#define APIC_ID 0x020
#define APIC_VERSION 0x030
#define APIC_EOI 0x0b0
#define APIC_TPR 0x080
#define APIC_LDR 0x0d0
#define APIC_DFR 0x0e0
#define APIC_SVR 0x0f0
#define APIC_ISR 0x100
#define APIC_IRR 0x200
#define APIC_ESR 0x280
#define APIC_ICR 0x300
#define APIC_ICR2 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PERF 0x340
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TMICT 0x380
#define APIC_TMCCT 0x390
#define APIC_TDCR 0x3e0
#define APIC_SELF_IPI 0x3f0 /* x2APIC alone */
#define APIC_LVT_MASKED BIT32(16)
#define APIC_SVR_ENABLE BIT32(8)

#define APIC_DEFAULT_BASE 0xfee00000ul

#define APIC_BASE_BSP BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

enum vlapic_mode {
	VLAPIC_DISABLED,
	VLAPIC_XAPIC,
	VLAPIC_X2APIC,
};

enum vlapic_startup {
	VLAPIC_RUNNING,
	VLAPIC_WAIT_SIPI,
};

/* One CPU's. Written by that CPU only; other CPUs read id, mode, ldr and dfr to
 * see whether an IPI is meant for it. */
struct vlapic {
	u32 id;
	enum vlapic_mode mode;
	enum vlapic_startup startup;
	bool bsp;
	bool has_x2apic; /* the CPU can be switched to x2APIC */
	u32 ldr; /* xAPIC logical destination, bits 31:24; x2APIC's follows from id */
	u32 dfr; /* xAPIC destination format, bits 31:28 */
	u32 icr_high; /* xAPIC: what the parent wrote to ICR2 */
};

enum vlapic_shorthand {
	IPI_TO_DEST = 0,
	IPI_TO_SELF = 1,
	IPI_TO_ALL = 2,
	IPI_TO_OTHERS = 3,
};

enum vlapic_action {
	VLAPIC_IGNORE, /* no effect, as on hardware or by policy */
	VLAPIC_PASS, /* the same write goes to the hardware */
	VLAPIC_INIT, /* INIT to the CPUs of the IPI */
	VLAPIC_SIPI, /* start-up to the CPUs of the IPI */
	VLAPIC_NMI, /* NMI to the CPUs of the IPI */
	VLAPIC_FAULT, /* #GP in the parent */
};

struct vlapic_ipi {
	u8 vector; /* start-up: page number of the first instruction */
	enum vlapic_shorthand shorthand;
	bool logical;
	u32 dest; /* 8 bits wide in xAPIC mode, 32 in x2APIC mode */
};

/* As after power-on, with the APIC in the mode that base (the MSR) tells. */
void vlapic_reset(struct vlapic *v, u32 id, u64 base, bool has_x2apic);

/* What an INIT does: waits for a start-up IPI; mode and id stay. */
void vlapic_init_signal(struct vlapic *v);

/* The parent had the xAPIC's page to itself: takes over what stands there. */
void vlapic_sync(struct vlapic *v, u32 ldr, u32 dfr, u32 icr_high);

/* Takes a start-up IPI. Returns true when the CPU was waiting for one. */
bool vlapic_start(struct vlapic *v);

/* The parent writes the ICR: value is 64 bits in x2APIC mode; in xAPIC mode the
 * low half, the high half is what it wrote to ICR2. *ipi is set in any case.
 * VLAPIC_FAULT in x2APIC mode alone. */
enum vlapic_action vlapic_write_icr(const struct vlapic *v, u64 value, struct vlapic_ipi *ipi);

/* The parent writes a register of the xAPIC page other than the ICR's low half,
 * 32 bits at offset (multiple of 4, below 0x1000). */
enum vlapic_action vlapic_write_xapic(struct vlapic *v, u32 offset, u32 value);

/* The parent writes APIC_BASE. VLAPIC_FAULT, VLAPIC_IGNORE (no change) or
 * VLAPIC_PASS: mode is then the new one and the hardware is to follow. */
enum vlapic_action vlapic_write_base(struct vlapic *v, u64 value);

/* The value APIC_BASE reads as. */
u64 vlapic_read_base(const struct vlapic *v);

/* Is the IPI, sent by sender, meant for target? */
bool vlapic_ipi_matches(const struct vlapic *target, const struct vlapic *sender,
			const struct vlapic_ipi *ipi);

#endif
