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
	bool rep; /* 0xf3 */
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
			break;
		case 0xf3:
			c->rep = true;
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

/* ModRM: an operand of size bytes in memory and a register of reg_size. Returns
 * ModRM's middle digit, or -1 when both are registers. */
static int operands(struct cursor *c, struct insn *insn, u8 size, u8 reg_size)
{
	u8 modrm = next(c);
	u8 digit = (modrm >> 3) & 7;

	if (!memory_operand(c, modrm))
		return -1;
	insn->size = size;
	insn->reg_size = reg_size;
	insn->reg = (u8)(digit | (c->rex & REX_R ? 8 : 0));
	insn->high_byte = reg_size == 1 && !c->rex && digit >= 4;
	if (insn->high_byte)
		insn->reg &= 3;
	return digit;
}

/* %al/%eax and an absolute address. */
static enum insn_kind moffs(struct cursor *c, struct insn *insn, u8 size, enum insn_kind kind)
{
	insn->size = size;
	insn->reg_size = size;
	skip(c, address_bits(c) / 8);
	return kind;
}

/* Opcodes below 0x40: bits 5:3 are the operation, bit 1 the direction. The rest is
 * test, which has but one. */
static enum insn_kind alu_reg(struct cursor *c, struct insn *insn, u8 opcode, u8 size)
{
	insn->op = opcode >= 0x40 ? INSN_TEST : (enum insn_op)(opcode >> 3);
	insn->to_reg = opcode & 2;
	if (operands(c, insn, size, size) < 0 || insn->op == 2 || insn->op == 3)
		return INSN_UNKNOWN;
	return INSN_ALU_REG;
}

/* 0x80, 0x81, 0x83: the digit is the operation; 0xf6, 0xf7: 0 is test; 0xc6, 0xc7:
 * 0 is mov. */
static enum insn_kind with_imm(struct cursor *c, struct insn *insn, u8 opcode, u8 size)
{
	int digit = operands(c, insn, size, size);

	if (digit < 0 || (opcode >= 0xc0 && digit != 0) || digit == 2 || digit == 3)
		return INSN_UNKNOWN;
	insn->reg = 0;
	insn->high_byte = false;
	insn->op = opcode >= 0xf0 ? INSN_TEST : (enum insn_op)digit;
	insn->imm = immediate(c, opcode == 0x83 ? 1 : min_u64(size, 4));
	return opcode == 0xc6 || opcode == 0xc7 ? INSN_STORE_IMM : INSN_ALU_IMM;
}

static enum insn_kind load(struct cursor *c, struct insn *insn, u8 size, bool sign)
{
	insn->sign = sign;
	return operands(c, insn, size, operand_size(c)) < 0 ? INSN_UNKNOWN : INSN_LOAD;
}

static enum insn_kind group_7(u8 modrm)
{
	switch (modrm) {
	case 0xc1:
	case 0xd9:
		return INSN_VMMCALL;
	case 0xc8: /* monitor */
	case 0xc9: /* mwait */
	case 0xd1: /* xsetbv */
	case 0xf9: /* rdtscp */
	case 0xfa: /* monitorx */
	case 0xfb: /* mwaitx */
		return INSN_OTHER;
	default:
		return INSN_UNKNOWN;
	}
}

static enum insn_kind two_bytes(struct cursor *c, struct insn *insn)
{
	u8 opcode = next(c);

	switch (opcode) {
	case 0x01:
		return group_7(next(c));
	case 0x20 ... 0x23: /* mov of control and debug registers: ModRM is registers */
		next(c);
		return INSN_OTHER;
	case 0x08: /* invd */
	case 0x09: /* wbinvd */
	case 0x31: /* rdtsc */
	case 0x33: /* rdpmc */
		return INSN_OTHER;
	case 0x30:
		return INSN_WRMSR;
	case 0x32:
		return INSN_RDMSR;
	case 0xa2:
		return INSN_CPUID;
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
		return load(c, insn, opcode & 1 ? 2 : 1, opcode & 8);
	default:
		return INSN_UNKNOWN;
	}
}

static enum insn_kind one_byte(struct cursor *c, struct insn *insn, u8 opcode)
{
	static const enum insn_kind moves[] = { INSN_XCHG, INSN_STORE_REG, INSN_LOAD };
	u8 size = opcode & 1 ? operand_size(c) : 1;

	if (opcode < 0x40 && (opcode & 7) < 4)
		return alu_reg(c, insn, opcode, size);
	switch (opcode) {
	case 0x63: /* movsxd; in other modes arpl */
		return c->mode == INSN_64 ? load(c, insn, (u8)min_u64(size, 4), true) :
					    INSN_UNKNOWN;
	case 0x80:
	case 0x81:
	case 0x83:
	case 0xc6:
	case 0xc7:
	case 0xf6:
	case 0xf7:
		return with_imm(c, insn, opcode, size);
	case 0x84:
	case 0x85:
		return alu_reg(c, insn, opcode, size);
	case 0x86 ... 0x8b:
		return operands(c, insn, size, size) < 0 ? INSN_UNKNOWN :
							   moves[(opcode - 0x86) / 2];
	case 0x90: /* pause */
		return c->rep ? INSN_OTHER : INSN_UNKNOWN;
	case 0xa0:
	case 0xa1:
		return moffs(c, insn, size, INSN_LOAD);
	case 0xa2:
	case 0xa3:
		return moffs(c, insn, size, INSN_STORE_REG);
	case 0xe4 ... 0xe7: /* in, out with the port behind */
		next(c);
		return INSN_OTHER;
	case 0x6c ... 0x6f: /* ins, outs */
	case 0xec ... 0xef: /* in, out by %dx */
		return INSN_OTHER;
	case 0xf4:
		return INSN_HLT;
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
	kind = opcode == 0x0f ? two_bytes(&c, insn) : one_byte(&c, insn, opcode);
	if (c.short_of)
		kind = INSN_UNKNOWN;
	insn->kind = kind;
	insn->length = (u8)c.at;
	return kind != INSN_UNKNOWN;
}

bool insn_reads(const struct insn *insn)
{
	return insn->kind >= INSN_LOAD && insn->kind != INSN_STORE_REG &&
	       insn->kind != INSN_STORE_IMM;
}

bool insn_writes(const struct insn *insn)
{
	if (insn->kind == INSN_ALU_REG || insn->kind == INSN_ALU_IMM)
		return !insn->to_reg && insn->op != INSN_CMP && insn->op != INSN_TEST;
	return insn->kind >= INSN_STORE_REG;
}

static u64 low_bytes(u64 value, u8 size)
{
	return size == 8 ? value : value & (BIT(8 * size) - 1);
}

static u64 get_reg(const struct insn *insn, const u64 regs[16])
{
	return low_bytes(regs[insn->reg] >> (insn->high_byte ? 8 : 0), insn->reg_size);
}

/* 32 bits clear the upper half, less than that keeps the rest. */
static void set_reg(const struct insn *insn, u64 regs[16], u64 value)
{
	u64 *reg = &regs[insn->reg];
	u64 mask = low_bytes(UINT64_MAX, insn->reg_size) << (insn->high_byte ? 8 : 0);

	if (insn->reg_size == 4)
		*reg = 0;
	*reg = (*reg & ~mask) | ((value << (insn->high_byte ? 8 : 0)) & mask);
}

static u64 arithmetic(const struct insn *insn, u64 a, u64 b, u64 *rflags)
{
	bool subtract = insn->op == INSN_SUB || insn->op == INSN_CMP;
	unsigned int sign = 8u * insn->size - 1;
	u64 r, carry = 0, overflow = 0, flags;

	switch (insn->op) {
	case INSN_ADD:
	case INSN_SUB:
	case INSN_CMP:
		r = low_bytes(subtract ? a - b : a + b, insn->size);
		carry = subtract ? a < b : r < a;
		overflow = (a ^ r) & (subtract ? a ^ b : b ^ r);
		break;
	case INSN_OR:
		r = a | b;
		break;
	case INSN_XOR:
		r = a ^ b;
		break;
	default:
		r = a & b;
	}
	flags = carry | (overflow >> sign & 1) << 11 | (r >> sign & 1) << 7 | (u64)!r << 6 |
		(u64)!__builtin_parity((u8)r) << 2;
	/* Auxiliary carry: of logic it is undefined. */
	if (subtract || insn->op == INSN_ADD)
		flags |= (a ^ b ^ r) & 0x10;
	*rflags = (*rflags & ~0x8d5ul) | flags;
	return r;
}

u64 insn_execute(const struct insn *insn, u64 mem, u64 regs[16], u64 *rflags)
{
	u64 other = insn->kind == INSN_ALU_IMM || insn->kind == INSN_STORE_IMM ?
			    low_bytes(insn->imm, insn->size) :
			    get_reg(insn, regs);
	u64 result = other;

	mem = low_bytes(mem, insn->size);
	if (insn->kind == INSN_ALU_REG || insn->kind == INSN_ALU_IMM) {
		result = insn->to_reg ? arithmetic(insn, other, mem, rflags) :
					arithmetic(insn, mem, other, rflags);
		if (insn->to_reg && insn->op != INSN_CMP)
			set_reg(insn, regs, result);
	}
	if (insn->sign && mem >> (8 * insn->size - 1))
		mem |= ~low_bytes(UINT64_MAX, insn->size);
	if (insn->kind == INSN_LOAD || insn->kind == INSN_XCHG)
		set_reg(insn, regs, mem);
	return result;
}
