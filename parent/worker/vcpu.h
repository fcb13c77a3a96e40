/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a virtual processor's messages make the worker do: one function by message
 * type, on registers and memory that are reached through a small table, so that a
 * test can stand in for the hypervisor.
 */
#ifndef WORKER_VCPU_H
#define WORKER_VCPU_H

#include <linux/types.h> /* before the ABI headers, which else make these types */

#include <hyperv/hypercall.h>

#include "board.h"
#include "guest-memory.h"

/* The hypervisor's side of a virtual processor. Each returns false when the
 * hypervisor refuses. */
struct vp_access {
	bool (*get)(void *vp, const uint32_t *names, union hv_register_value *values,
		    unsigned count);
	bool (*set)(void *vp, const struct hv_register_assoc *registers, unsigned count);
	/* result is HV_TRANSLATE_GVA_*; gpa is set with HV_TRANSLATE_GVA_SUCCESS. */
	bool (*translate)(void *vp, uint64_t gva, bool write, uint32_t *result, uint64_t *gpa);
};

struct vcpu {
	unsigned index;
	const struct vp_access *access;
	void *vp; /* what access is given */
	struct hv_vp_register_page *page; /* NULL: only access */
	struct board *board;
	const struct ram *ram;
};

/*
 * Does what the message asks for, so that the processor can go on. When the guest
 * has ended with it, end is filled in.
 */
void vcpu_handle(struct vcpu *vcpu, const struct hv_message *message, struct end *end);

#endif
