/* SPDX-License-Identifier: GPL-2.0-only */
/* The instruction decoder, see decode.h. Pure. */
#include "x86/decode.h"

#define REX_W 8
#define REX_R 4

struct cursor {
	const u8 *bytes;
	size_t n;
	size_t at;
	bool short_of; /* ran past the end */
	enum insn_mode mode;
	bool opsize; /* 0x66 */
	bool addrsize; /* 0x67 */
	u8 rex;
};

static u8 next(struct cursor *c)
{
	if (c->at >= c->n || c->at >= INSN_MAX) {
		c->short_of = true;
		return 0;
	}
	return c->bytes[c->at++];
}

static void skip(struct cursor *c, size_t count)
{
	while (count--)
		next(c);
}

/* Prefixes; returns the first byte that is none. */
static u8 prefixes(struct cursor *c)
{
	for (;;) {
		u8 b = next(c);

		switch (b) {
		case 0x66:
			c->opsize = true;
			break;
		case 0x67:
			c->addrsize = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0xf0:
		case 0xf2:
		case 0xf3:
			break;
		default:
			if (c->mode == INSN_64 && (b & 0xf0) == 0x40) {
				/* Directly before the opcode: a prefix behind it is
				 * taken for an opcode, and there is none such. */
				c->rex = b;
				b = next(c);
			}
			return b;
		}
		if (c->short_of)
			return 0;
	}
}

static unsigned int address_bits(const struct cursor *c)
{
	switch (c->mode) {
	case INSN_64:
		return c->addrsize ? 32 : 64;
	case INSN_32:
		return c->addrsize ? 16 : 32;
	default:
		return c->addrsize ? 32 : 16;
	}
}

/* Skips the memory operand that modrm begins. Returns false for a register. */
static bool memory_operand(struct cursor *c, u8 modrm)
{
	unsigned int mod = modrm >> 6;
	unsigned int rm = modrm & 7;

	if (mod == 3)
		return false;
	if (address_bits(c) == 16) {
		skip(c, mod == 1 ? 1 : (mod == 2 || rm == 6) ? 2 : 0);
		return true;
	}
	if (rm == 4) {
		u8 sib = next(c);

		if (mod == 0 && (sib & 7) == 5)
			skip(c, 4);
	} else if (mod == 0 && rm == 5) {
		skip(c, 4);
	}
	skip(c, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return true;
}

static u8 operand_size(const struct cursor *c)
{
	if (c->rex & REX_W)
		return 8;
	if (c->mode == INSN_16)
		return c->opsize ? 4 : 2;
	return c->opsize ? 2 : 4;
}

/* n bytes, little endian, sign-extended. */
static u64 immediate(struct cursor *c, size_t n)
{
	u64 v = 0;
	unsigned int shift = 64 - 8 * (unsigned int)n;

	for (size_t i = 0; i < n; i++)
		v |= (u64)next(c) << (8 * i);
	return (u64)((s64)(v << shift) >> shift);
}

static enum insn_kind store(struct cursor *c, struct insn *insn, u8 opcode)
{
	bool byte = !(opcode & 1);
	u8 modrm = next(c);

	if (!memory_operand(c, modrm))
		return INSN_UNKNOWN;
	insn->size = byte ? 1 : operand_size(c);
	insn->reg = (u8)(((modrm >> 3) & 7) | (c->rex & REX_R ? 8 : 0));
	insn->high_byte = byte && !c->rex && insn->reg >= 4;
	if (insn->high_byte)
		insn->reg &= 3;
	switch (opcode) {
	case 0x86:
	case 0x87:
		return INSN_XCHG;
	case 0x88:
	case 0x89:
		return INSN_STORE_REG;
	default: /* 0xc6, 0xc7: only /0 is mov */
		if (modrm & 0x38)
			return INSN_UNKNOWN;
		insn->imm = immediate(c, insn->size == 8 ? 4 : insn->size);
		return INSN_STORE_IMM;
	}
}

/* mov %al/%eax, moffs */
static enum insn_kind store_moffs(struct cursor *c, struct insn *insn, u8 opcode)
{
	insn->size = opcode & 1 ? operand_size(c) : 1;
	insn->reg = 0;
	skip(c, address_bits(c) / 8);
	return INSN_STORE_REG;
}

static enum insn_kind two_bytes(struct cursor *c)
{
	switch (next(c)) {
	case 0x01:
		switch (next(c)) {
		case 0xc1:
		case 0xd9:
			return INSN_VMMCALL;
		default:
			return INSN_UNKNOWN;
		}
	case 0x30:
		return INSN_WRMSR;
	case 0x32:
		return INSN_RDMSR;
	case 0xa2:
		return INSN_CPUID;
	default:
		return INSN_UNKNOWN;
	}
}

bool insn_decode(const u8 *bytes, size_t n, enum insn_mode mode, struct insn *insn)
{
	struct cursor c = { .bytes = bytes, .n = n, .mode = mode };
	u8 opcode = prefixes(&c);
	enum insn_kind kind;

	*insn = (struct insn){ 0 };
	switch (opcode) {
	case 0x0f:
		kind = two_bytes(&c);
		break;
	case 0x86:
	case 0x87:
	case 0x88:
	case 0x89:
	case 0xc6:
	case 0xc7:
		kind = store(&c, insn, opcode);
		break;
	case 0xa2:
	case 0xa3:
		kind = store_moffs(&c, insn, opcode);
		break;
	case 0xf4:
		kind = INSN_HLT;
		break;
	default:
		kind = INSN_UNKNOWN;
	}
	if (c.short_of)
		kind = INSN_UNKNOWN;
	insn->kind = kind;
	insn->length = (u8)c.at;
	return kind != INSN_UNKNOWN;
}
