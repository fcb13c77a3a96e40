/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoding the instructions by which a guest reaches memory-mapped registers: MOV
 * with one memory operand, MOVZX, MOVSX. Where the memory is, the intercept says.
 * Source: Intel SDM volume 2, chapter 2 and MOV; AMD APM volume 3.
 */
#ifndef WORKER_DECODE_H
#define WORKER_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#define DECODE_MAX 15u /* bytes of an instruction */

enum code_size {
	CODE_16,
	CODE_32,
	CODE_64
};

struct move {
	uint8_t length; /* of the instruction */
	uint8_t size; /* of the access: 1, 2, 4, 8 */
	uint8_t target; /* a read's: bytes of the register that are written */
	uint8_t reg; /* in the processor's order, RAX 0 */
	bool high; /* AH, CH, DH, BH for reg 0..3 */
	bool write; /* to memory */
	bool sign; /* a read's: extended with its sign */
	bool immediate; /* a write's: of value, not of reg */
	uint64_t value;
};

/* False when the instruction is none of these or count bytes do not hold it. */
bool decode_move(const uint8_t *bytes, unsigned count, enum code_size code, struct move *move);

/* The register after a read that found value in memory. */
uint64_t decode_load(const struct move *move, uint64_t before, uint64_t value);

/* What a write of the register puts into memory. */
uint64_t decode_store(const struct move *move, uint64_t reg);

#endif
