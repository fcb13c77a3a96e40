/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls of a child: decoded and checked here, done by the caller. Pure.
 *
 * The caller has seen to it that the call comes from 64-bit mode at CPL 0, and that
 * the guest has enabled its hypercall page (else #UD: a guest that has not looked for
 * Hyper-V means something else by the instruction). The register convention is the
 * TLFS's; input in XMM registers is not announced and refused.
 *
 * Lists of addresses to flush are not read: hv flushes all of the VPs' translations,
 * which is always allowed.
 *
 * Source: TLFS 6.0b, chapters 3, 9.4, 10.5, 11.10.
 */
#ifndef HV_HYPERV_GUESTCALL_H
#define HV_HYPERV_GUESTCALL_H

#include <hyperv/message.h>

#include "core/types.h"

struct guest_call {
	u64 control, input, output; /* RCX, RDX, R8 */
	u64 present; /* the partition's VPs: bit i is the one with index i */
	/* Copies size bytes, which cross no page, of the guest's memory to buffer; false
	 * if there is none. Called once at most. */
	bool (*read)(void *ctx, gpa_t gpa, void *buffer, u64 size);
	void *ctx;
};

enum guest_call_kind {
	GUEST_CALL_NOTHING, /* result says all */
	GUEST_CALL_POST, /* message, to connection; result gets the status */
	GUEST_CALL_SIGNAL, /* flag, of connection; result gets the status */
	GUEST_CALL_FLUSH, /* the VPs in vps, before the call returns */
	GUEST_CALL_IPI, /* vector, fixed and edge-triggered, to the VPs in vps */
	GUEST_CALL_YIELD, /* the VP waits for another one */
};

struct guest_action {
	enum guest_call_kind kind;
	u64 result; /* RAX; as it is if what is to be done succeeds */
	u64 vps;
	u32 connection;
	u16 flag;
	u8 vector;
	struct hv_message message; /* type, payload and its size are set, the rest is 0 */
};

void guest_call_decode(const struct guest_call *call, struct guest_action *action);

#endif
