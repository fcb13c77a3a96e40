/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child's MSRs: one table says which there are and who answers for each. Pure.
 *
 * A VP is asked for its own MSRs alone, by the CPU that handles its exit, without a lock
 * but the reference time's. The few that a partition shares are words that VPs may
 * write at the same time: each sees one or the other, and hv needs no more of them.
 *
 * Of the architecture's MSRs those are there that a stock kernel reads without being
 * ready for a fault; they say that there is nothing to configure.
 *
 * Sources: TLFS 6.0b, chapters 3, 9, 11, 12; Intel SDM volume 4; AMD PPRs.
 */
#ifndef HV_HYPERV_MSR_H
#define HV_HYPERV_MSR_H

#include "core/types.h"
#include "hyperv/guestpage.h"
#include "hyperv/reftime.h"

/* What a partition's VPs share. Zero when it is created. */
struct msr_partition {
	u64 os_id;
	u64 hypercall;
};

#define MSR_MTRR_PAIRS 8u
#define MSR_MTRR_CAP (0x500u | MSR_MTRR_PAIRS) /* fixed ranges too, write-combining */
#define MSR_MTRR_DEFAULT (2 * MSR_MTRR_PAIRS + 11)

struct msr_vp {
	u64 assist_page;
	/* PHYSBASE0, PHYSMASK0, PHYSBASE1 ...; the fixed ranges in order; the default
	 * type. Stored for the guest: its memory is what its page tables say. */
	u64 mtrr[MSR_MTRR_DEFAULT + 1];
};

/* The rest that answers depend on. */
struct msr_context {
	struct msr_partition *partition;
	struct msr_vp *vp;
	struct reftime *time;
	const struct guest_pages *pages;
	const u8 *vmcall; /* the hypercall instruction, 3 bytes */
	u32 access; /* HV_ACCESS_* (cpuid.h) */
	u8 physical_bits; /* of a guest physical address */
	u64 index; /* of the VP */
	u64 tsc; /* as the VP reads it */
	u64 tsc_hz, apic_hz;
};

/* Who answers. */
enum msr_result {
	MSR_DONE,
	MSR_FAULT, /* #GP, nothing has changed */
	MSR_UNKNOWN, /* #GP, or what the partition's property says */
	MSR_TO_VENDOR, /* the CPU's own register */
	MSR_TO_APIC, /* APIC_BASE, x2APIC's registers, Hyper-V's EOI, ICR, TPR */
	MSR_TO_SYNIC, /* synic_read, synic_write, then stimer_run */
	MSR_TO_STIMER, /* stimer_read, stimer_write, then stimer_run */
	MSR_TO_CRASH, /* crash_read, crash_write */
	MSR_TO_IDLE, /* read as 0: the VP sleeps until an interrupt is pending; writes fault */
};

/* As after INIT: MTRRs on, all memory write-back, as firmware would leave it. */
void msr_reset(struct msr_vp *vp);

enum msr_result msr_read(const struct msr_context *c, u32 msr, u64 *value);
enum msr_result msr_write(const struct msr_context *c, u32 msr, u64 value);

#endif
