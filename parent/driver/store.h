/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plain stores of x86: what a driver rings a doorbell with. No more than this is
 * decoded here; the VMM emulates the rest.
 */
#ifndef MULLION_STORE_H
#define MULLION_STORE_H

#include <hyperv/types.h>

struct store {
	__u32 length; /* of the instruction, in bytes */
	__u32 size; /* of what it stores: 1, 2, 4 or 8 */
	__u64 value;
};

/*
 * Decodes MOV of a register or a constant into memory (AMD APM volume 3: 88, 89, A2,
 * A3, C6 /0, C7 /0) from count bytes. registers: RAX to R15 in the processor's order.
 * long_mode: 64-bit code, else 32-bit code. Returns 0, the store undefined, when it
 * is anything else or not whole.
 */
int mullion_decode_store(const __u8 *bytes, __u32 count, int long_mode, const __u64 *registers,
			 struct store *store);

#endif
