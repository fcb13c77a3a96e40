/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The EOI without an exit: before a VP is entered with an interrupt in service whose
 * end nobody waits for, hv sets "no EOI required" in the VP's assist page. The guest
 * clears the bit instead of writing an EOI; hv finds that at the next exit and ends the
 * interrupt then. Pure.
 *
 * The bit is the guest's only while the VP is in guest mode: outside it is clear, and
 * the APIC's state is whole. What the guest does to the page meanwhile concerns its own
 * interrupts alone.
 *
 * Source: TLFS 6.0b, chapter 10, "EOI Assist".
 */
#ifndef HV_HYPERV_ASSIST_H
#define HV_HYPERV_ASSIST_H

#include "hyperv/guestpage.h"
#include "x86/vapic.h"

/* msr: what the guest wrote to HV_X64_MSR_VP_ASSIST_PAGE. Returns whether the bit has
 * been set: then assist_leave is due after the VP has been in guest mode. */
bool assist_enter(const struct guest_pages *pages, u64 msr, const struct vapic *apic);
void assist_leave(const struct guest_pages *pages, u64 msr, struct vapic *apic);

#endif
