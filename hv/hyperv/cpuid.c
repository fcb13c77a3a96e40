/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID for children, see cpuid.h. Pure. */
#include "hyperv/cpuid.h"

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>

#include "core/string.h"
#include "hyperv/vpset.h"

enum {
	A,
	B,
	C,
	D
};

#define ALL UINT32_MAX
#define ANY UINT32_MAX /* every subleaf */

/* What is let through: of the CPU's answer to the leaves first..last, with this
 * subleaf. What is in no row is 0. */
static const struct {
	u32 first, last, subleaf;
	u32 bits[4];
} rows[] = {
	{ 0, 0, ANY, { ALL, ALL, ALL, ALL } },
	{ 1, 1, ANY, { ALL, 0x0000ffff, 0x76fa3203, 0x1f8bfbff } },
	{ 2, 2, ANY, { ALL, ALL, ALL, ALL } }, /* caches and TLBs */
	{ 4, 4, ANY, { 0x03ffffff, ALL, ALL, ALL } }, /* caches */
	{ 7, 7, 0, { ALL, 0xf1bf27e9, 0x1a415f4e, 0x0080451c } },
	{ 7, 7, 1, { 0x00801cb7, 0, 0, 0x00004430 } },
	{ 0xd, 0xd, 1, { 0x00000007, 0, 0, 0 } }, /* XSAVEOPT, XSAVEC, XGETBV of 1 */
	{ 0xd, 0xd, ANY, { ALL, ALL, 0x00000002, 0 } },
	{ 0x80000000, 0x80000000, ANY, { ALL, ALL, ALL, ALL } },
	{ 0x80000001, 0x80000001, ANY, { ALL, 0, 0x006109f3, 0xedd3fbff } },
	{ 0x80000002, 0x80000006, ANY, { ALL, ALL, ALL, ALL } }, /* name; caches, TLBs */
	{ 0x80000007, 0x80000007, ANY, { 0, 0, 0, 0x00000100 } }, /* invariant TSC */
	{ 0x80000008, 0x80000008, ANY, { 0x0000ffff, 0x00000205, 0, 0 } },
	{ 0x80000019, 0x8000001a, ANY, { ALL, ALL, 0, 0 } }, /* TLBs; widths of units */
	{ 0x8000001d, 0x8000001d, ANY, { 0x03ffffff, ALL, ALL, ALL } }, /* caches */
	{ 0x80000021, 0x80000021, ANY, { 0x00000045, 0, 0, 0 } },
};

/*
 * Where the bits of HV_PARTITION_PROPERTY_PROCESSOR_FEATURES lie in CPUID: of those that
 * hv lets through.
 */
#define AT(feature, leaf, reg, bit) { feature, reg, bit, leaf }
#define X 0x80000000u

static const struct {
	u8 feature, reg, bit;
	u32 leaf;
} features[] = {
	AT(0, 1, C, 0),	      AT(1, X + 1, C, 0),   AT(2, 1, C, 9),	  AT(3, 1, C, 19),
	AT(4, 1, C, 20),      AT(5, X + 1, C, 6),   AT(6, X + 1, C, 11),  AT(7, 1, C, 23),
	AT(8, 1, C, 13),      AT(9, X + 1, C, 4),   AT(10, X + 1, C, 5),  AT(11, X + 1, C, 7),
	AT(12, X + 1, D, 22), AT(13, X + 1, D, 31), AT(14, X + 1, D, 30), AT(15, X + 1, D, 26),
	AT(16, 1, C, 25),     AT(17, 1, C, 1),	    AT(18, 1, C, 17),	  AT(19, X + 1, C, 16),
	AT(20, 1, C, 29),     AT(21, 1, C, 30),	    AT(22, 7, B, 0),	  AT(23, 7, B, 7),
	AT(24, 7, B, 9),      AT(25, 7, B, 3),	    AT(26, 7, B, 8),	  AT(29, 1, C, 22),
	AT(32, 7, B, 18),     AT(33, 7, B, 19),	    AT(34, X + 1, C, 8),  AT(35, 7, B, 20),
	AT(38, X + 1, D, 27), AT(39, 7, B, 23),	    AT(40, 7, B, 24),	  AT(41, 7, B, 29),
	AT(43, 7, B, 10),     AT(49, 7, D, 4),	    AT(57, 7, C, 22),	  AT(58, 7, C, 2),
	AT(60, 7, D, 10),     AT(65, X + 7, D, 8),  AT(66, X + 8, B, 0),  AT(68, 7, C, 16),
	AT(77, 7, C, 27),     AT(78, 7, C, 28),	    AT(79, 7, C, 25),	  AT(80, 7, D, 14)
};

/* What HV_SYNTHETIC_* mean in Hyper-V's leaves, but for those of cpuid_access. */
static const struct {
	u64 feature;
	u32 leaf, reg, bits;
} announced[] = {
	{ HV_SYNTHETIC_SYNIC, HV_CPUID_FEATURES, B, HV_MAY_POST_MESSAGES },
	{ HV_SYNTHETIC_SIGNAL_EVENTS, HV_CPUID_FEATURES, B, HV_MAY_SIGNAL_EVENTS },
	{ HV_SYNTHETIC_GUEST_IDLE, HV_CPUID_FEATURES, D, HV_FEATURE_IDLE_STATE },
	{ HV_SYNTHETIC_FREQUENCY_MSRS, HV_CPUID_FEATURES, D, HV_FEATURE_FREQUENCY_MSRS },
	{ HV_SYNTHETIC_DIRECT_TIMERS, HV_CPUID_FEATURES, D, HV_FEATURE_DIRECT_TIMERS },
	{ HV_SYNTHETIC_HV1, HV_CPUID_FEATURES, D, HV_FEATURE_CRASH_MSRS },
	{ HV_SYNTHETIC_HV1, HV_CPUID_HINTS, A, HV_HINT_RELAXED_TIMING | HV_HINT_NO_AUTO_EOI },
	{ HV_SYNTHETIC_HV1, HV_CPUID_HINTS, B, HV_SPIN_NEVER_NOTIFY },
	{ HV_SYNTHETIC_APIC_MSRS, HV_CPUID_HINTS, A, HV_HINT_APIC_MSRS },
	{ HV_SYNTHETIC_TLB_FLUSH, HV_CPUID_HINTS, A, HV_HINT_REMOTE_TLB_FLUSH },
	{ HV_SYNTHETIC_CLUSTER_IPI, HV_CPUID_HINTS, A, HV_HINT_CLUSTER_IPI },
	{ HV_SYNTHETIC_EXTENDED_MASKS, HV_CPUID_HINTS, A, HV_HINT_EXTENDED_MASKS },
};

/* HV_SYNTHETIC_REFERENCE_COUNTER to VP_INDEX, and REFERENCE_TSC to FREQUENCY_MSRS, are in
 * the order of HV_ACCESS_*. */
u32 cpuid_access(u64 synthetic)
{
	return (u32)((synthetic >> 2 & 0x7e) | (synthetic & 0xe00));
}

static void hypervisor_leaf(const struct cpuid_vp *vp, u32 leaf, u32 r[4])
{
	if (!(vp->synthetic & HV_SYNTHETIC_HYPERVISOR_PRESENT))
		return;
	switch (leaf) {
	case HV_CPUID_VENDOR:
		r[A] = HV_CPUID_HARDWARE; /* the highest */
		r[B] = HV_CPUID_VENDOR_EBX;
		r[C] = HV_CPUID_VENDOR_ECX;
		r[D] = HV_CPUID_VENDOR_EDX;
		break;
	case HV_CPUID_INTERFACE:
		r[A] = vp->synthetic & HV_SYNTHETIC_HV1 ? HV_CPUID_INTERFACE_HV1 : 0;
		break;
	case HV_CPUID_VERSION: /* of the interface: 10.0 */
		r[B] = 10 << 16;
		break;
	case HV_CPUID_LIMITS:
		r[A] = VPS_MAX;
		break;
	case HV_CPUID_FEATURES:
		r[A] = cpuid_access(vp->synthetic);
		break;
	default:
		break;
	}
	for (u32 i = 0; i < ARRAY_SIZE(announced); i++) {
		if (announced[i].leaf == leaf && vp->synthetic & announced[i].feature)
			r[announced[i].reg] |= announced[i].bits;
	}
}

/* Bits that number all the VPs. */
static u32 id_bits(const struct cpuid_vp *vp)
{
	u32 bits = 0;

	while (BIT32(bits) < vp->count)
		bits++;
	return bits;
}

/* Bytes of an XSAVE area with these components, in the standard form or compacted. */
static u32 xsave_size(const struct cpuid_vp *vp, u64 components, bool compacted)
{
	u32 size = 512 + 64, r[4];

	for (u32 i = 2; i < 63; i++) {
		if (!(components >> i & 1))
			continue;
		vp->native(0xd, i, r);
		if (!compacted)
			size = (u32)max_u64(size, (u64)r[B] + r[A]);
		else
			size = (r[C] & 2 ? (u32)align_up(size, 64) : size) + r[A];
	}
	return size;
}

static void xsave_leaf(const struct cpuid_vp *vp, u32 subleaf, u32 r[4])
{
	u64 mask = vp->xcr0_mask;

	if (!mask || (subleaf > 1 && (subleaf > 62 || !(mask >> subleaf & 1)))) {
		memset(r, 0, 4 * sizeof(r[0]));
	} else if (subleaf == 0) {
		r[A] = (u32)mask;
		r[B] = xsave_size(vp, vp->xcr0, false);
		r[C] = xsave_size(vp, mask, false);
		r[D] = (u32)(mask >> 32);
	} else if (subleaf == 1 && r[A] & 2) {
		r[B] = xsave_size(vp, vp->xcr0, true);
	}
}

/* Leaves 4 and 0x8000001d: the third level is everybody's, the others a core's own. */
static void cache_leaf(const struct cpuid_vp *vp, u32 leaf, u32 r[4])
{
	u32 ids = BIT32(id_bits(vp)) - 1;

	if (!(r[A] & 0x1f))
		return;
	r[A] &= 0x3fff;
	r[A] |= (r[A] >> 5 & 7) >= 3 ? ids << 14 : 0;
	r[A] |= leaf == 4 ? ids << 26 : 0;
}

/* Leaves 0xb and 0x1f: a core of one thread, a package of all cores. */
static void topology_leaf(const struct cpuid_vp *vp, u32 subleaf, u32 r[4])
{
	r[A] = subleaf == 1 ? id_bits(vp) : 0;
	r[B] = subleaf == 0 ? 1 : subleaf == 1 ? vp->count : 0;
	r[C] = (subleaf & 0xff) | (subleaf < 2 ? (subleaf + 1) << 8 : 0);
	r[D] = vp->index;
}

static void disable(const struct cpuid_vp *vp, u32 leaf, u32 r[4])
{
	for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].leaf == leaf &&
		    vp->disabled[features[i].feature / 64] >> features[i].feature % 64 & 1)
			r[features[i].reg] &= ~BIT32(features[i].bit);
	}
}

static void compute(const struct cpuid_vp *vp, u32 leaf, u32 subleaf, u32 r[4])
{
	bool several = vp->count > 1;
	u32 n[4];

	switch (leaf) {
	case 0:
		/* So far that the topology is in it. */
		r[A] = (u32)max_u64(min_u64(r[A], 0x1f), 0xd);
		break;
	case 1:
		r[B] |= vp->index << 24 | (u32)min_u64(BIT32(id_bits(vp)), 255) << 16;
		r[C] |= BIT32(31) | BIT32(21); /* a hypervisor; x2APIC */
		if (!vp->xcr0_mask)
			r[C] &= ~BIT32(26); /* XSAVE */
		if (vp->cr4 & BIT(18)) /* OSXSAVE mirrors it */
			r[C] |= BIT32(27);
		r[D] = (r[D] & ~BIT32(28)) | (several ? BIT32(28) : 0); /* HTT */
		break;
	case 4:
	case 0x8000001d:
		cache_leaf(vp, leaf, r);
		break;
	case 6: /* the local APIC's timer never stops */
		r[A] = BIT32(2);
		break;
	case 7:
		if (subleaf)
			break;
		r[A] = (u32)min_u64(r[A], 1); /* subleaves */
		if (!(vp->xcr0_mask & BIT(9))) /* no PKRU, no PKU */
			r[C] &= ~BIT32(3);
		if (r[C] & BIT32(3) && vp->cr4 & BIT(22)) /* OSPKE mirrors it */
			r[C] |= BIT32(4);
		break;
	case 0xb:
	case 0x1f:
		topology_leaf(vp, subleaf, r);
		break;
	case 0xd:
		xsave_leaf(vp, subleaf, r);
		break;
	case 0x80000000:
		r[A] = (u32)min_u64(r[A], 0x80000021);
		break;
	case 0x80000001: /* AMD's word for: they are cores, not threads */
		vp->native(0, 0, n);
		r[C] &= ~BIT32(1);
		if (several && (n[B] == 0x68747541 || n[B] == 0x6f677948)) /* "Auth", "Hygo" */
			r[C] |= BIT32(1);
		break;
	case 0x80000008:
		r[C] = id_bits(vp) << 12 | (vp->count - 1);
		break;
	case 0x8000001e:
		vp->native(0x80000001, 0, n);
		if (n[C] & BIT32(22)) { /* TOPOEXT */
			r[A] = vp->index;
			r[B] = vp->index & 0xff;
		}
		break;
	default:
		break;
	}
}

void cpuid_answer(const struct cpuid_vp *vp, u32 leaf, u32 subleaf, u32 r[4])
{
	u32 native[4];

	memset(r, 0, 4 * sizeof(r[0]));
	if (leaf >> 28 == 4) {
		hypervisor_leaf(vp, leaf, r);
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (leaf < rows[i].first || leaf > rows[i].last ||
		    (rows[i].subleaf != ANY && rows[i].subleaf != subleaf))
			continue;
		vp->native(leaf, subleaf, native);
		for (u32 reg = A; reg <= D; reg++)
			r[reg] = native[reg] & rows[i].bits[reg];
		break;
	}
	compute(vp, leaf, subleaf, r);
	disable(vp, leaf, r);
}
