/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The physical local APIC of the running CPU, in whichever mode it is. hv sends
 * IPIs and resets it; everything else is the parent's (vlapic.h).
 */
#ifndef HV_X86_APIC_H
#define HV_X86_APIC_H

#include "core/types.h"

u32 apic_id(void);
u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 value);

/* Writes the whole ICR: dest is an APIC ID or a logical destination, low the
 * lower half. In xAPIC mode the upper half is left as it was: the parent may be
 * between its two writes. */
void apic_write_icr(u32 dest, u32 low);

/* An interrupt to the running CPU itself. */
void apic_send_self(u8 vector);

/* Is the vector's bit set in this register of 256 (APIC_ISR, APIC_TMR, APIC_IRR)? */
bool apic_test(u32 reg, u8 vector);

/* Does what is in service, or the task priority, keep this vector back? */
bool apic_blocks(u8 vector);

void apic_send_nmi(u32 dest);
void apic_send_init(u32 dest);
void apic_send_startup(u32 dest, u8 page);

/* As an INIT leaves it: disabled by software, all local vectors masked, timer
 * stopped, nothing in service. */
void apic_soft_reset(void);

/* Follows the parent from one mode to another; base is the new MSR value. A
 * disabled APIC would be deaf to hv's NMIs: then it is reset to a software-
 * disabled xAPIC instead. */
void apic_set_base(u64 base);

#endif
