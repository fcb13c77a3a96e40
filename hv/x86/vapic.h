/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child's local APIC, all of it in software. (The parent's, vlapic.h, is a
 * filter before a physical APIC that keeps the registers; here there is no
 * hardware behind, and every register is ours.) Pure: time comes as a parameter,
 * IPIs leave as a structure that the caller routes.
 *
 * xAPIC and x2APIC with six local vectors and a timer of 1 GHz; no suppression of
 * EOI broadcasts, no TSC-deadline mode, no SMI, no 8259 behind LINT0. The ID is the VP's index and
 * cannot be written.
 *
 * Locking: everything belongs to the CPU that runs the VP or, while none does,
 * to whoever holds the VP. The exceptions say so: vapic_post() and its kin, and
 * the look at a target that an IPI takes, come from any CPU at any time.
 *
 * Time ("now") is the partition's, in nanoseconds, and must not go back by more
 * than CPUs' clocks differ.
 *
 * Sources: Intel SDM volume 3, chapter 11; AMD APM volume
 * 2, chapter 16. Where they leave a choice it is said.
 */
#ifndef HV_X86_VAPIC_H
#define HV_X86_VAPIC_H

#include <hyperv/hypercall.h>

#include "x86/vlapic.h" /* register offsets, APIC_BASE, modes, shorthands */

#define APIC_APR 0x090
#define APIC_PPR 0x0a0
#define APIC_RRD 0x0c0
#define APIC_TMR 0x180
#define APIC_IRR 0x200
#define APIC_ERRORS 0x290 /* none of the guest's: errors since the ESR was written */
#define APIC_LVT_CMCI 0x2f0 /* none of the guest's: there is none */
#define APIC_TMCCT 0x390
#define APIC_TDCR 0x3e0
#define APIC_SELF_IPI 0x3f0 /* x2APIC only */

/* The MSRs of x2APIC mode: all of them come to vapic_read_msr and its sister. */
#define APIC_MSR_FIRST 0x800u
#define APIC_MSR_LAST 0x8ffu

#define APIC_ESR_SEND_VECTOR BIT32(5)
#define APIC_ESR_RECEIVE_VECTOR BIT32(6)
#define APIC_ESR_REGISTER BIT32(7)

/* A periodic timer expires at most once in so many nanoseconds: periods that are
 * shorter are counted right and delivered together. */
#define VAPIC_MIN_PERIOD 20000u

#define VAPIC_LVTS 6u /* timer, thermal, performance, LINT0, LINT1, error */

/* What an interrupt message says: as the ICR has it, and above that local pins.
 * TLFS's HV_INTERRUPT_TYPE has the same numbers. */
enum vapic_delivery {
	VAPIC_FIXED = 0,
	VAPIC_LOWEST = 1,
	VAPIC_NMI = 4,
	VAPIC_INIT = 5,
	VAPIC_SIPI = 6,
	VAPIC_LINT0 = 8, /* an edge at the pin: its local vector decides */
	VAPIC_LINT1 = 9,
};

#define VAPIC_NO_SENDER UINT32_MAX

/* An interrupt message: an IPI, or a device's (sender VAPIC_NO_SENDER, shorthand
 * IPI_TO_DEST). */
struct vapic_ipi {
	u32 sender; /* the VP's index */
	u32 dest; /* 8 bits, or 32 if wide */
	u32 mode; /* enum vapic_delivery; others are dropped */
	enum vlapic_shorthand shorthand;
	u8 vector; /* start-up: page number of the first instruction */
	bool logical;
	bool wide; /* x2APIC's format: 32 bits, broadcast 0xffffffff, not 0xff */
	bool level; /* EOI is to be reported: devices only */
};

enum vapic_action {
	VAPIC_DONE,
	VAPIC_FAULT, /* #GP in the guest; nothing has changed */
	VAPIC_IPI, /* out->ipi is to be sent */
	VAPIC_EOI, /* out->vector has ended; out->level says how it came */
};

struct vapic_out {
	struct vapic_ipi ipi;
	u8 vector;
	bool level;
};

/* What an INIT resets. */
struct vapic_regs {
	/* The register at offset o of the xAPIC page is reg[o / 16]; those that follow
	 * from others are not kept. DFR's bits 27:0 are set. */
	u32 reg[64];
	bool counting; /* the timer is to expire */
	u64 start; /* when the count was APIC_TMICT */
	bool nmi; /* one waits for the guest */
};

struct vapic {
	u32 id;
	enum vlapic_mode mode; /* other CPUs read mode, LDR, DFR, SVR, TPR, ISR */
	enum vlapic_startup startup;
	bool bsp;
	bool has_x2apic;
	struct vapic_regs regs;
	u32 auto_eoi[8]; /* vectors that never are in service */
	u32 seen_tmcct; /* what a VMM read or set last */

	/* Written by any CPU, atomically. */
	u32 posted_any __aligned(64); /* something below is set since the last vapic_sync */
	u32 posted_events; /* BIT32(enum vapic_delivery) */
	u32 posted_page; /* of the last start-up IPI */
	u32 posted[8], posted_level[8]; /* vector v: bit v % 32 of word v / 32 */
};

/* As after power-on, in the mode that base (the MSR) tells. The BSP runs, the
 * others wait for a start-up IPI. No CPU may post meanwhile. */
void vapic_reset(struct vapic *v, u32 id, u64 base, bool has_x2apic);

/* --- Registers. --- */

/* The guest reads or writes its xAPIC page: 32 bits at offset, below 0x1000. Call
 * it in VLAPIC_XAPIC alone. What is no register reads 0 and is told by the ESR. */
u32 vapic_read_xapic(struct vapic *v, u32 offset, u64 now);
enum vapic_action vapic_write_xapic(struct vapic *v, u32 offset, u32 value, u64 now,
				    struct vapic_out *out);

/* The guest reads or writes an MSR from APIC_MSR_FIRST to APIC_MSR_LAST, in any
 * mode. Reading returns false for #GP. */
bool vapic_read_msr(const struct vapic *v, u32 msr, u64 now, u64 *value);
enum vapic_action vapic_write_msr(struct vapic *v, u32 msr, u64 value, u64 now,
				  struct vapic_out *out);

/* Hyper-V's MSRs for EOI, ICR and TPR: in x2APIC mode they are that mode's, in xAPIC
 * mode the page's registers, the ICR's halves together. EOI cannot be read. */
bool vapic_read_synthetic(struct vapic *v, u32 msr, u64 now, u64 *value);
enum vapic_action vapic_write_synthetic(struct vapic *v, u32 msr, u64 value, u64 now,
					struct vapic_out *out);

/* The guest writes APIC_BASE; false for #GP. The page cannot be moved. */
bool vapic_write_base(struct vapic *v, u64 value);

/* A VMM writes APIC_BASE: any mode from any mode, and who is BSP. From x2APIC to
 * xAPIC, where the guest cannot get at once, it means a reset of the registers. */
bool vapic_set_base(struct vapic *v, u64 value);

u64 vapic_read_base(const struct vapic *v);

/* The low half of the ICR is written, the high half stands in APIC_ICR2. */
enum vapic_action vapic_write_icr(struct vapic *v, u32 low, struct vapic_out *out);

/* Ends the vector in service with the highest priority. VAPIC_DONE if none is. */
enum vapic_action vapic_end(struct vapic *v, struct vapic_out *out);

/* Would ending the vector in service with the highest priority concern nobody but the
 * guest? Nothing waits for it, and no device is to be told. False if none is. */
bool vapic_ends_unseen(const struct vapic *v);

/* CR8: the upper four bits of the task priority. Setting clears the lower. */
u8 vapic_cr8(const struct vapic *v);
void vapic_set_cr8(struct vapic *v, u8 value);

/* --- The timer. --- */

/* When vapic_expire has something to do next; UINT64_MAX: never. */
u64 vapic_deadline(const struct vapic *v);

/* Raises what is due, one interrupt however late. Harmless when nothing is. */
void vapic_expire(struct vapic *v, u64 now);

/* --- Interrupts of the own VP. --- */

/* An interrupt arrives. Lost while the APIC is disabled, as on hardware. */
void vapic_accept(struct vapic *v, u8 vector, bool level);

/* The vector that can be delivered now, by priority; 0 if none. */
u8 vapic_highest(const struct vapic *v);

/* The vector has been delivered: in service, unless it ends by itself. */
void vapic_take(struct vapic *v, u8 vector);

/* The vector needs no EOI, or needs it again (SynIC's auto-EOI). */
void vapic_set_auto_eoi(struct vapic *v, u8 vector, bool on);

/* --- From other CPUs. --- */

/* Posts an interrupt (vector 16..255), lock-free, from any CPU. Returns true when
 * the target needs a kick: nothing has been posted since its last vapic_sync. */
bool vapic_post(struct vapic *target, u8 vector, bool level);

/* The same for any message; who is meant has been decided. Modes that there are
 * not (SMI, ExtINT) are dropped. */
bool vapic_post_ipi(struct vapic *target, const struct vapic_ipi *ipi);

/* Takes in what was posted. Returns BIT32(VAPIC_INIT) if the VP is to be reset,
 * BIT32(VAPIC_SIPI) if it then starts at *page (4 KiB, real mode), or both. */
u32 vapic_sync(struct vapic *v, u8 *page);

/* Is the message meant for target? To be asked for each VP of the partition; a
 * target in another mode than the sender reads the destination in its own way. */
bool vapic_ipi_matches(const struct vapic *target, const struct vapic_ipi *ipi);

/* Lowest priority: the better of two targets that match. best is NULL at first
 * and remains NULL while no candidate can take an interrupt. */
struct vapic *vapic_better(struct vapic *best, struct vapic *candidate);

/* --- The whole state. --- */

/* Each field is a register as the guest reads it in its APIC's mode; error_status
 * is APIC_ERRORS. Not in there: APIC_BASE, CR8, whether the VP waits for its start,
 * and what has been posted and not taken in (vapic_sync comes before). */
void vapic_export(struct vapic *v, u64 now, struct hv_x64_lapic_state *state);

/* Sets all but what is not the guest's to set: ID, version, and in x2APIC mode
 * LDR. Returns false, nothing changed, when a register cannot hold its value.
 * Setting what was exported or imported last changes nothing, the timer included. */
bool vapic_import(struct vapic *v, u64 now, const struct hv_x64_lapic_state *state);

#endif
