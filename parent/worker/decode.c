/* SPDX-License-Identifier: GPL-2.0-only */
/* Decoding MOV: see decode.h. */
#include "decode.h"

#include <string.h>

#define REX_W 0x08u
#define REX_R 0x04u

/* Bytes that are read one by one; ended says that there was one too few. */
struct cursor {
	const uint8_t *bytes;
	unsigned count, at;
	bool ended;
};

struct prefixes {
	bool operand; /* 66 */
	bool address; /* 67 */
	uint8_t rex;
};

/* What an opcode does; size 0: 2, 4 or 8 by mode and prefixes. */
struct opcode {
	uint16_t code; /* 0x0fNN: two bytes */
	uint8_t size;
	enum {
		FORM_MODRM,
		FORM_IMMEDIATE,
		FORM_OFFSET
	} form;
	bool write, extend, sign;
};

static const struct opcode opcodes[] = {
	{ .code = 0x88, .size = 1, .write = true },
	{ .code = 0x89, .write = true },
	{ .code = 0x8a, .size = 1 },
	{ .code = 0x8b },
	{ .code = 0xa0, .size = 1, .form = FORM_OFFSET },
	{ .code = 0xa1, .form = FORM_OFFSET },
	{ .code = 0xa2, .size = 1, .form = FORM_OFFSET, .write = true },
	{ .code = 0xa3, .form = FORM_OFFSET, .write = true },
	{ .code = 0xc6, .size = 1, .form = FORM_IMMEDIATE, .write = true },
	{ .code = 0xc7, .form = FORM_IMMEDIATE, .write = true },
	{ .code = 0x0fb6, .size = 1, .extend = true },
	{ .code = 0x0fb7, .size = 2, .extend = true },
	{ .code = 0x0fbe, .size = 1, .extend = true, .sign = true },
	{ .code = 0x0fbf, .size = 2, .extend = true, .sign = true },
};

static uint8_t next(struct cursor *cursor)
{
	if (cursor->at < cursor->count)
		return cursor->bytes[cursor->at++];
	cursor->ended = true;
	return 0;
}

static uint64_t next_number(struct cursor *cursor, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)next(cursor) << (8 * i);
	return value;
}

/* Returns the first byte that is no prefix. REX counts only directly before it. */
static uint8_t read_prefixes(struct cursor *cursor, enum code_size code, struct prefixes *prefixes)
{
	uint8_t byte;

	*prefixes = (struct prefixes){ .rex = 0 };
	for (;;) {
		byte = next(cursor);
		if (byte == 0x66)
			prefixes->operand = true;
		else if (byte == 0x67)
			prefixes->address = true;
		else if (!memchr("\x26\x2e\x36\x3e\x64\x65", byte, 6))
			break;
	}
	if (code == CODE_64 && (byte & 0xf0) == 0x40) {
		prefixes->rex = byte;
		byte = next(cursor);
	}
	return byte;
}

static const struct opcode *find(uint16_t code)
{
	for (unsigned i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (opcodes[i].code == code)
			return &opcodes[i];
	return NULL;
}

static unsigned operand_size(enum code_size code, const struct prefixes *prefixes)
{
	if (prefixes->rex & REX_W)
		return 8;
	return (code == CODE_16) != prefixes->operand ? 2 : 4;
}

static unsigned address_size(enum code_size code, const struct prefixes *prefixes)
{
	if (code == CODE_64)
		return prefixes->address ? 4 : 8;
	return (code == CODE_16) != prefixes->address ? 2 : 4;
}

/* Steps over SIB and displacement; false when the operand is a register. */
static bool skip_operand(struct cursor *cursor, uint8_t modrm, unsigned address)
{
	unsigned mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3)
		return false;
	if (address == 2) {
		next_number(cursor, mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
		return true;
	}
	if (rm == 4)
		rm = next(cursor) & 7; /* the base, in SIB */
	if (rm == 5 && mod == 0)
		mod = 2; /* none, but a displacement of 32 bits */
	next_number(cursor, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return true;
}

/* The register field as a register; without REX the bytes 4..7 are AH..BH. */
static void set_register(struct move *move, uint8_t modrm, const struct prefixes *prefixes)
{
	move->reg = modrm >> 3 & 7;
	if (prefixes->rex & REX_R)
		move->reg |= 8;
	if ((move->write ? move->size : move->target) == 1 && !prefixes->rex && move->reg >= 4) {
		move->reg &= 3;
		move->high = true;
	}
}

static bool read_operands(struct cursor *cursor, const struct opcode *opcode, enum code_size code,
			  const struct prefixes *prefixes, struct move *move)
{
	unsigned address = address_size(code, prefixes);
	uint8_t modrm;

	if (opcode->form == FORM_OFFSET) {
		next_number(cursor, address);
		return true;
	}
	modrm = next(cursor);
	if (!skip_operand(cursor, modrm, address))
		return false;
	if (opcode->form == FORM_MODRM) {
		set_register(move, modrm, prefixes);
		return true;
	}
	if (modrm >> 3 & 7)
		return false;
	move->immediate = true;
	move->value = next_number(cursor, move->size > 4 ? 4 : move->size);
	if (move->size == 8)
		move->value = (uint64_t)(int64_t)(int32_t)move->value;
	return true;
}

bool decode_move(const uint8_t *bytes, unsigned count, enum code_size code, struct move *move)
{
	struct cursor cursor = { .bytes = bytes, .count = count < DECODE_MAX ? count : DECODE_MAX };
	struct prefixes prefixes;
	const struct opcode *opcode;
	uint8_t byte = read_prefixes(&cursor, code, &prefixes);

	opcode = find(byte == 0x0f ? 0x0f00u | next(&cursor) : byte);
	if (!opcode)
		return false;
	*move = (struct move){ .write = opcode->write, .sign = opcode->sign };
	move->size = opcode->size ? opcode->size : (uint8_t)operand_size(code, &prefixes);
	move->target = opcode->extend ? (uint8_t)operand_size(code, &prefixes) : move->size;
	if (!read_operands(&cursor, opcode, code, &prefixes, move))
		return false;
	move->length = (uint8_t)cursor.at;
	return !cursor.ended;
}

static uint64_t mask(unsigned size)
{
	return size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

uint64_t decode_load(const struct move *move, uint64_t before, uint64_t value)
{
	unsigned spare = 64 - 8u * move->size;

	if (move->sign)
		value = (uint64_t)((int64_t)(value << spare) >> spare);
	else
		value &= mask(move->size);
	if (move->high)
		return (before & ~0xff00ull) | (value & 0xff) << 8;
	if (move->target == 4) /* clears the upper half */
		return value & mask(4);
	return (before & ~mask(move->target)) | (value & mask(move->target));
}

uint64_t decode_store(const struct move *move, uint64_t reg)
{
	if (move->immediate)
		return move->value & mask(move->size);
	return (move->high ? reg >> 8 : reg) & mask(move->size);
}
