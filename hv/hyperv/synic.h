/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP's synthetic interrupt controller: sixteen sources (SINTs), each with a slot
 * for one message and 2048 event flags in pages of the guest's. Pure.
 *
 * Locking: others post to it (the parent, other VPs, timers), so every function
 * below but synic_reset is called with the lock held, also those for the guest's own
 * MSRs. Interrupts that become due are added to a set; whoever holds the lock posts
 * them to the VP's local APIC, and clears the set, before giving the lock back.
 *
 * A message for a slot that the guest has not emptied waits in a queue, and the slot
 * says so: the guest then writes EOM. Messages of one SINT arrive in the order in
 * which they were posted; none is lost but by synic_reset.
 *
 * Source: TLFS 6.0b, chapter 11.
 */
#ifndef HV_HYPERV_SYNIC_H
#define HV_HYPERV_SYNIC_H

#include <hyperv/guest.h>

#include "core/lock.h"
#include "core/types.h"
#include "hyperv/guestpage.h"

#define SYNIC_MSR_FIRST HV_X64_MSR_SCONTROL
#define SYNIC_MSR_LAST HV_X64_MSR_SINT15

#define SYNIC_QUEUED_MAX 15

/* Messages that wait, of all SINTs; a page. */
struct synic_queue {
	struct hv_message messages[SYNIC_QUEUED_MAX];
	u8 sint[SYNIC_QUEUED_MAX]; /* of messages[i] */
	u8 order[SYNIC_QUEUED_MAX]; /* the first count: indexes, oldest first */
	u8 count;
	u16 used; /* bit i: messages[i] waits */
};

_Static_assert(sizeof(struct synic_queue) <= PAGE_SIZE, "a page of the pool");

/* Vectors of a local APIC: vector v is bit v % 64 of word v / 64. */
struct vector_set {
	u64 words[4];
};

struct synic {
	struct spinlock lock;
	u64 scontrol, siefp, simp;
	u64 sint[HV_SYNIC_SINT_COUNT];
	struct vector_set due; /* edge-triggered interrupts */

	/* The owner's, set before synic_reset. */
	struct synic_queue *queue;
	const struct guest_pages *pages;
};

/* As after power-on: everything off and masked, nothing waits. */
void synic_reset(struct synic *s);

/* The guest's MSRs from SYNIC_MSR_FIRST to SYNIC_MSR_LAST. False: #GP, nothing has
 * changed. Reserved bits are kept as written. After a write, messages that now can be
 * delivered have been; timers may want the same (stimer_run), and after one to a SINT
 * the local APIC wants to know synic_auto_eoi. */
bool synic_read(struct synic *s, u32 msr, u64 *value);
bool synic_write(struct synic *s, u32 msr, u64 value);

/* The vectors that need no EOI. */
void synic_auto_eoi(const struct synic *s, struct vector_set *vectors);

/*
 * Posts a message; its flags are hv's to write. A masked SINT gets it without an
 * interrupt.
 * INVALID_PARAMETER: sint, message type (none) or payload size is out of range.
 * INVALID_SYNIC_STATE: the guest has the controller or its messages switched off.
 * INSUFFICIENT_BUFFERS: too many wait; the sender tries again later.
 */
u16 synic_post(struct synic *s, u32 sint, const struct hv_message *message);

/* The same for a sender with a buffer of its own (a timer): false if the message has
 * to wait there; the guest's EOM is then the time to try again. sint is below 16. */
bool synic_try_post(struct synic *s, u32 sint, const struct hv_message *message);

/*
 * Sets an event flag. *newly: it was clear, and is set now.
 * INVALID_PARAMETER: sint or flag is out of range.
 * INVALID_SYNIC_STATE: the controller or its flags are switched off, or the page is
 * not there; or the SINT is masked, then the flag is set all the same.
 */
u16 synic_signal(struct synic *s, u32 sint, u32 flag, bool *newly);

static inline void vector_add(struct vector_set *set, u32 vector)
{
	set->words[vector / 64] |= BIT(vector % 64);
}

#endif
