// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plain stores of x86. Pure: a host test drives it. Where the address is does
 * not matter, hv has told it; only how many bytes it takes.
 */
#include "store.h"

struct decoder {
	const __u8 *bytes;
	__u32 count, at;
	int failed; /* it wanted more bytes than there are, or what is not decoded here */
};

static __u8 next_byte(struct decoder *d)
{
	if (d->at >= d->count) {
		d->failed = 1;
		return 0;
	}
	return d->bytes[d->at++];
}

static __u64 next_bytes(struct decoder *d, __u32 size)
{
	__u64 value = 0;
	__u32 i;

	for (i = 0; i < size; i++)
		value |= (__u64)next_byte(d) << (8 * i);
	return value;
}

struct prefixes {
	int operand; /* 66 */
	int address; /* 67 */
	__u8 rex; /* 0: none */
};

/* Returns the opcode. REX counts only right before it. */
static __u8 read_prefixes(struct decoder *d, int long_mode, struct prefixes *p)
{
	__u8 byte;

	for (;;) {
		byte = next_byte(d);
		if (d->failed)
			return 0;
		if (byte == 0x66)
			p->operand = 1;
		else if (byte == 0x67)
			p->address = 1;
		else if (long_mode && (byte & 0xf0) == 0x40)
			p->rex = byte;
		else if (byte != 0x26 && byte != 0x2e && byte != 0x36 && byte != 0x3e &&
			 byte != 0x64 && byte != 0x65)
			return byte;
		if ((byte & 0xf0) != 0x40)
			p->rex = 0;
	}
}

/* Skips what follows ModRM to make an address of memory (32 or 64 bits). */
static void skip_address(struct decoder *d, __u8 modrm)
{
	__u8 mod = modrm >> 6, rm = modrm & 7, sib;

	if (mod == 3)
		d->failed = 1; /* a register */
	if (rm == 4) {
		sib = next_byte(d);
		if (mod == 0 && (sib & 7) == 5)
			next_bytes(d, 4);
	}
	if (mod == 1)
		next_bytes(d, 1);
	else if (mod == 2 || (mod == 0 && rm == 5))
		next_bytes(d, 4);
}

static __u64 truncate(__u64 value, __u32 size)
{
	return size == 8 ? value : value & ((1ull << (8 * size)) - 1);
}

/* AH, CH, DH and BH are there only without REX. */
static __u64 read_register(const __u64 *registers, int number, __u32 size, int rex)
{
	if (size == 1 && !rex && number >= 4)
		return registers[number - 4] >> 8 & 0xff;
	return truncate(registers[number], size);
}

/* A constant of 32 bits is sign-extended to 64. */
static __u64 read_constant(struct decoder *d, __u32 size)
{
	__u64 value = next_bytes(d, size == 8 ? 4 : size);

	if (size == 8 && value >> 31)
		value |= ~0ull << 32;
	return value;
}

int mullion_decode_store(const __u8 *bytes, __u32 count, int long_mode, const __u64 *registers,
			 struct store *store)
{
	struct decoder d = { .bytes = bytes, .count = count < 15 ? count : 15 };
	struct prefixes p = { 0 };
	__u8 opcode = read_prefixes(&d, long_mode, &p), modrm;
	__u32 wide = p.rex & 8 ? 8 : p.operand ? 2 : 4;

	if (p.address && !long_mode)
		return 0; /* addresses of 16 bits have a form of their own */
	store->size = opcode & 1 ? wide : 1;
	switch (opcode) {
	case 0x88:
	case 0x89:
		modrm = next_byte(&d);
		skip_address(&d, modrm);
		store->value = read_register(registers, (modrm >> 3 & 7) | (p.rex & 4) << 1,
					     store->size, p.rex);
		break;
	case 0xa2:
	case 0xa3:
		next_bytes(&d, long_mode && !p.address ? 8 : 4);
		store->value = truncate(registers[0], store->size);
		break;
	case 0xc6:
	case 0xc7:
		modrm = next_byte(&d);
		if (modrm >> 3 & 7)
			return 0;
		skip_address(&d, modrm);
		store->value = read_constant(&d, store->size);
		break;
	default:
		return 0;
	}
	store->length = d.at;
	return !d.failed;
}
