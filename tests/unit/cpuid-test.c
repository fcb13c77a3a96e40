/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/cpuid.c: what CPUID tells a child. */
#include "check.h"

#include <hyperv/hypercall.h>

#include "hyperv/cpuid.h"

enum {
	A,
	B,
	C,
	D
};

/* --- A CPU of the test's. --- */

static struct {
	u32 leaf, subleaf;
	u32 r[4];
} cpu[64];
static u32 cpu_leaves;
static u32 cpu_other; /* all registers of every other leaf */

static void native(u32 leaf, u32 subleaf, u32 r[4])
{
	for (u32 i = 0; i < 4; i++)
		r[i] = cpu_other;
	for (u32 i = 0; i < cpu_leaves; i++) {
		if (cpu[i].leaf == leaf && cpu[i].subleaf == subleaf)
			memcpy(r, cpu[i].r, sizeof(cpu[i].r));
	}
}

static void has(u32 leaf, u32 subleaf, u32 a, u32 b, u32 c, u32 d)
{
	cpu[cpu_leaves].leaf = leaf;
	cpu[cpu_leaves].subleaf = subleaf;
	memcpy(cpu[cpu_leaves++].r, (u32[]){ a, b, c, d }, 16);
}

#define SYNTHETIC                                                                              \
	(HV_SYNTHETIC_HYPERVISOR_PRESENT | HV_SYNTHETIC_HV1 | HV_SYNTHETIC_REFERENCE_COUNTER | \
	 HV_SYNTHETIC_SYNIC | HV_SYNTHETIC_TIMERS | HV_SYNTHETIC_HYPERCALL_MSRS |              \
	 HV_SYNTHETIC_VP_INDEX | HV_SYNTHETIC_REFERENCE_TSC | HV_SYNTHETIC_FREQUENCY_MSRS |    \
	 HV_SYNTHETIC_DIRECT_TIMERS | HV_SYNTHETIC_SIGNAL_EVENTS)

static struct cpuid_vp vp;

/* A CPU that has every bit, and a VP that may use all but AMX of it. */
static void start(u32 other)
{
	cpu_leaves = 0;
	cpu_other = other;
	vp = (struct cpuid_vp){
		.native = native, .count = 1, .xcr0 = 7, .xcr0_mask = 0x2e7, .synthetic = SYNTHETIC
	};
}

static u32 ask(u32 leaf, u32 subleaf, u32 reg)
{
	u32 r[4] = { 1, 2, 3, 4 };

	cpuid_answer(&vp, leaf, subleaf, r);
	return r[reg];
}

static bool all_zero(u32 leaf, u32 subleaf)
{
	return !(ask(leaf, subleaf, A) | ask(leaf, subleaf, B) | ask(leaf, subleaf, C) |
		 ask(leaf, subleaf, D));
}

/* --- Features, by name. --- */

struct bit {
	const char *name;
	u32 leaf, subleaf, reg, bit;
};

static const struct bit hidden[] = {
	{ "DTES64", 1, 0, C, 2 },
	{ "MONITOR", 1, 0, C, 3 },
	{ "DS-CPL", 1, 0, C, 4 },
	{ "VMX", 1, 0, C, 5 },
	{ "SMX", 1, 0, C, 6 },
	{ "EIST", 1, 0, C, 7 },
	{ "TM2", 1, 0, C, 8 },
	{ "PDCM", 1, 0, C, 15 },
	{ "TSC deadline", 1, 0, C, 24 },
	{ "PSN", 1, 0, D, 18 },
	{ "DS", 1, 0, D, 21 },
	{ "ACPI", 1, 0, D, 22 },
	{ "TM", 1, 0, D, 29 },
	{ "PBE", 1, 0, D, 31 },
	{ "TSC_ADJUST", 7, 0, B, 1 },
	{ "SGX", 7, 0, B, 2 },
	{ "HLE", 7, 0, B, 4 },
	{ "RTM", 7, 0, B, 11 },
	{ "RDT-M", 7, 0, B, 12 },
	{ "MPX", 7, 0, B, 14 },
	{ "RDT-A", 7, 0, B, 15 },
	{ "PT", 7, 0, B, 25 },
	{ "WAITPKG", 7, 0, C, 5 },
	{ "CET_SS", 7, 0, C, 7 },
	{ "TME", 7, 0, C, 13 },
	{ "KL", 7, 0, C, 23 },
	{ "bus lock", 7, 0, C, 24 },
	{ "ENQCMD", 7, 0, C, 29 },
	{ "SGX_LC", 7, 0, C, 30 },
	{ "PKS", 7, 0, C, 31 },
	{ "UINTR", 7, 0, D, 5 },
	{ "SRBDS_CTRL", 7, 0, D, 9 },
	{ "RTM always aborts", 7, 0, D, 11 },
	{ "TSX_FORCE_ABORT", 7, 0, D, 13 },
	{ "hybrid", 7, 0, D, 15 },
	{ "PCONFIG", 7, 0, D, 18 },
	{ "LBR", 7, 0, D, 19 },
	{ "CET_IBT", 7, 0, D, 20 },
	{ "AMX_BF16", 7, 0, D, 22 },
	{ "AMX_TILE", 7, 0, D, 24 },
	{ "AMX_INT8", 7, 0, D, 25 },
	{ "SPEC_CTRL", 7, 0, D, 26 },
	{ "STIBP", 7, 0, D, 27 },
	{ "L1D_FLUSH", 7, 0, D, 28 },
	{ "ARCH_CAPABILITIES", 7, 0, D, 29 },
	{ "CORE_CAPABILITIES", 7, 0, D, 30 },
	{ "SSBD", 7, 0, D, 31 },
	{ "FRED", 7, 1, A, 17 },
	{ "LAM", 7, 1, A, 26 },
	{ "XSAVES", 0xd, 1, A, 3 },
	{ "XFD", 0xd, 1, A, 4 },
	{ "XCR0 AMX", 0xd, 0, A, 17 },
	{ "XCR0 AMX data", 0xd, 0, A, 18 },
	{ "XSS", 0xd, 1, C, 8 },
	{ "SVM", 0x80000001, 0, C, 2 },
	{ "OSVW", 0x80000001, 0, C, 9 },
	{ "IBS", 0x80000001, 0, C, 10 },
	{ "SKINIT", 0x80000001, 0, C, 12 },
	{ "LWP", 0x80000001, 0, C, 15 },
	{ "node id", 0x80000001, 0, C, 19 },
	{ "PERFCTR_CORE", 0x80000001, 0, C, 23 },
	{ "PERFCTR_NB", 0x80000001, 0, C, 24 },
	{ "PERFCTR_LLC", 0x80000001, 0, C, 28 },
	{ "MWAITX", 0x80000001, 0, C, 29 },
	{ "core performance boost", 0x80000007, 0, D, 9 },
	{ "hardware P-states", 0x80000007, 0, D, 7 },
	{ "RDPRU", 0x80000008, 0, B, 4 },
	{ "INVLPGB", 0x80000008, 0, B, 3 },
	{ "IBPB", 0x80000008, 0, B, 12 },
	{ "AMD STIBP", 0x80000008, 0, B, 15 },
	{ "PPIN", 0x80000008, 0, B, 23 },
	{ "AMD SSBD", 0x80000008, 0, B, 24 },
	{ "VIRT_SSBD", 0x80000008, 0, B, 25 },
};

static const struct bit shown[] = {
	{ "SSE3", 1, 0, C, 0 },
	{ "x2APIC", 1, 0, C, 21 },
	{ "AVX", 1, 0, C, 28 },
	{ "hypervisor", 1, 0, C, 31 },
	{ "XSAVE", 1, 0, C, 26 },
	{ "TSC", 1, 0, D, 4 },
	{ "APIC", 1, 0, D, 9 },
	{ "MTRR", 1, 0, D, 12 },
	{ "PAT", 1, 0, D, 16 },
	{ "SSE2", 1, 0, D, 26 },
	{ "FSGSBASE", 7, 0, B, 0 },
	{ "AVX2", 7, 0, B, 5 },
	{ "SMEP", 7, 0, B, 7 },
	{ "SMAP", 7, 0, B, 20 },
	{ "PKU", 7, 0, C, 3 },
	{ "ARAT", 6, 0, A, 2 },
	{ "XSAVEOPT", 0xd, 1, A, 0 },
	{ "SYSCALL", 0x80000001, 0, D, 11 },
	{ "NX", 0x80000001, 0, D, 20 },
	{ "LM", 0x80000001, 0, D, 29 },
	{ "RDTSCP", 0x80000001, 0, D, 27 },
	{ "LAHF", 0x80000001, 0, C, 0 },
	{ "invariant TSC", 0x80000007, 0, D, 8 },
};

static void features(void)
{
	start(UINT32_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		CHECK_NOTE("%s", hidden[i].name);
		CHECK_EQ(ask(hidden[i].leaf, hidden[i].subleaf, hidden[i].reg) >> hidden[i].bit & 1,
			 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		CHECK_NOTE("%s", shown[i].name);
		CHECK_EQ(ask(shown[i].leaf, shown[i].subleaf, shown[i].reg) >> shown[i].bit & 1, 1);
	}
	/* A CPU that has nothing: what hv itself gives remains. */
	start(0);
	CHECK_EQ(ask(1, 0, C), 1u << 31 | 1u << 21);
	CHECK_EQ(ask(7, 0, B) | ask(7, 0, C) | ask(7, 0, D), 0);
	CHECK_EQ(ask(6, 0, A), 4);
}

/* Leaves that nobody decided about are empty, and there is a highest one. */
static void unknown_leaves(void)
{
	static const u32 known[] = { 0, 1, 2, 4, 6, 7, 0xb, 0xd, 0x1f };

	start(UINT32_MAX);
	for (u32 leaf = 0; leaf < 0x200; leaf++) {
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= known[i] == leaf;
		CHECK_NOTE("leaf 0x%x", leaf);
		CHECK(is_known || all_zero(leaf, 0));
		CHECK(all_zero(0x40000100 + leaf, 0));
		CHECK(all_zero(0xc0000000 + leaf, 0));
		if (leaf > 0x21)
			CHECK(all_zero(0x80000000 + leaf, 0));
	}
	for (u32 leaf = 0x80000009; leaf < 0x80000021; leaf++) {
		if (leaf >= 0x80000019 && leaf != 0x8000001b && leaf != 0x8000001c &&
		    leaf != 0x8000001f && leaf != 0x80000020)
			continue;
		CHECK_NOTE("leaf 0x%x", leaf);
		CHECK(all_zero(leaf, 0)); /* SVM, IBS, LWP, SEV, QoS */
	}
	CHECK(all_zero(7, 2));
	CHECK_EQ(ask(7, 0, A), 1);
	CHECK_EQ(ask(0, 0, A), 0x1f);
	CHECK_EQ(ask(0x80000000, 0, A), 0x80000021);
	has(0, 0, 0x16, 'G', 'I', 'n');
	has(0x80000000, 0, 0x80000008, 0, 0, 0);
	CHECK_EQ(ask(0, 0, A), 0x16);
	CHECK_EQ(ask(0, 0, C), 'I');
	CHECK_EQ(ask(0x80000000, 0, A), 0x80000008);
	has(0, 0, 1, 0, 0, 0);
	start(0);
	CHECK_EQ(ask(0, 0, A), 0xd);
}

static void mirrors(void)
{
	start(UINT32_MAX);
	for (u32 bits = 0; bits < 4; bits++) {
		vp.cr4 = (bits & 1 ? 1ul << 18 : 0) | (bits & 2 ? 1ul << 22 : 0);
		CHECK_EQ(ask(1, 0, C) >> 27 & 1, bits & 1);
		CHECK_EQ(ask(7, 0, C) >> 4 & 1, bits >> 1);
	}
	vp.xcr0_mask = 7; /* no PKRU */
	CHECK_EQ(ask(7, 0, C) >> 3 & 3, 0);
	vp.xcr0_mask = 0;
	CHECK_EQ(ask(1, 0, C) >> 26 & 1, 0);
	CHECK(all_zero(0xd, 0) && all_zero(0xd, 1) && all_zero(0xd, 2));
}

/* As Linux's topology code reads it: each VP a core of one thread, all in a package. */
static void topology(void)
{
	static const u32 counts[] = { 1, 2, 3, 4, 5, 8, 17, 63, 64 };

	for (int amd = 0; amd < 2; amd++) {
		start(UINT32_MAX);
		has(0, 0, 0x20, amd ? 0x68747541 : 0x756e6547, 0, 0);
		has(1, 0, 0xffffffff, 0xff000800 | 0xff << 16, 0, 0);
		for (u32 level = 0; level < 4; level++) {
			u32 cache = 0xffffc000 | (level < 2 ? 1 : level) << 5 | 1;

			has(4, level, cache, 0x1234, 0x5678, 1);
			has(0x8000001d, level, cache, 0x1234, 0x5678, 1);
		}
		has(4, 4, 0xffffffe0, 9, 9, 9); /* no cache any more */
		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			u32 count = counts[i], bits = 0;

			while (1u << bits < count)
				bits++;
			vp.count = count;
			for (vp.index = 0; vp.index < count; vp.index++) {
				CHECK_NOTE("amd %d: VP %u of %u", amd, vp.index, count);
				CHECK_EQ(ask(1, 0, B), vp.index << 24 | (1u << bits) << 16 | 0x800);
				CHECK_EQ(ask(1, 0, D) >> 28 & 1, count > 1);
				for (u32 leaf = 0xb; leaf <= 0x1f; leaf += 0x14) {
					CHECK_EQ(ask(leaf, 0, A), 0);
					CHECK_EQ(ask(leaf, 0, B), 1);
					CHECK_EQ(ask(leaf, 0, C), 0x100);
					CHECK_EQ(ask(leaf, 1, A), bits);
					CHECK_EQ(ask(leaf, 1, B), count);
					CHECK_EQ(ask(leaf, 1, C), 0x201);
					CHECK_EQ(ask(leaf, 2, B), 0);
					CHECK_EQ(ask(leaf, 2, C), 2);
					CHECK_EQ(ask(leaf, 1, D), vp.index);
					CHECK_EQ(ask(leaf, 7, D), vp.index);
				}
				CHECK_EQ(ask(0x80000008, 0, C), bits << 12 | (count - 1));
				CHECK_EQ(ask(0x8000001e, 0, A), vp.index);
				CHECK_EQ(ask(0x8000001e, 0, B), vp.index);
				CHECK_EQ(ask(0x8000001e, 0, C), 0);
			}
			CHECK_EQ(ask(0x80000001, 0, C) >> 1 & 1, amd && count > 1);
			for (u32 level = 0; level < 4; level++) {
				u32 shared = level == 3 ? (1u << bits) - 1 : 0;

				CHECK_EQ(ask(4, level, A) >> 14 & 0xfff, shared);
				CHECK_EQ(ask(4, level, A) >> 26, (1u << bits) - 1);
				CHECK_EQ(ask(0x8000001d, level, A) >> 14, shared);
				CHECK_EQ(ask(4, level, B), 0x1234);
				CHECK_EQ(ask(0x8000001d, level, C), 0x5678);
			}
			CHECK_EQ(ask(4, 4, A) & 0x1f, 0);
		}
	}
}

static void xsave(void)
{
	/* Component: size, offset, aligned in the compacted form. */
	static const struct {
		u32 i, size, offset, aligned;
	} parts[] = { { 2, 256, 576, 0 },   { 5, 40, 1088, 0 }, { 6, 512, 1152, 1 },
		      { 7, 1024, 1664, 1 }, { 9, 8, 2688, 0 },	{ 17, 64, 2752, 0 },
		      { 18, 8192, 2816, 1 } };

	start(0);
	has(1, 0, 0, 0, 1 << 26, 0);
	has(0xd, 0, 0x602e7, 11008, 11008, 0);
	has(0xd, 1, 0x1f, 11008, 0x1800, 0);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		has(0xd, parts[i].i, parts[i].size, parts[i].offset, parts[i].aligned << 1, 0);
	for (u64 xcr0 = 1; xcr0 < 0x400; xcr0 += 2) {
		u32 size = 576, compacted = 576;

		if (xcr0 & ~vp.xcr0_mask)
			continue;
		vp.xcr0 = xcr0;
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			if (!(xcr0 >> parts[i].i & 1))
				continue;
			size = parts[i].offset + parts[i].size;
			if (parts[i].aligned)
				compacted = (compacted + 63) / 64 * 64;
			compacted += parts[i].size;
		}
		CHECK_NOTE("XCR0 0x%" PRIx64, xcr0);
		CHECK_EQ(ask(0xd, 0, A), 0x2e7);
		CHECK_EQ(ask(0xd, 0, B), size);
		CHECK_EQ(ask(0xd, 0, C), 2696);
		CHECK_EQ(ask(0xd, 0, D), 0);
		CHECK_EQ(ask(0xd, 1, A), 7);
		CHECK_EQ(ask(0xd, 1, B), compacted);
		CHECK_EQ(ask(0xd, 1, C) | ask(0xd, 1, D), 0);
	}
	for (u32 i = 2; i < 70; i++) {
		u32 size = 0, offset = 0, aligned = 0;

		for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
			if (parts[p].i == i && vp.xcr0_mask >> i & 1)
				size = parts[p].size, offset = parts[p].offset,
				aligned = parts[p].aligned;
		}
		CHECK_NOTE("component %u", i);
		CHECK_EQ(ask(0xd, i, A), size);
		CHECK_EQ(ask(0xd, i, B), offset);
		CHECK_EQ(ask(0xd, i, C), aligned << 1);
	}
}

static void hypervisor(void)
{
	static const struct {
		u64 feature;
		u32 leaf, reg, bit;
	} rows[] = {
		{ HV_SYNTHETIC_REFERENCE_COUNTER, 3, A, 1 },
		{ HV_SYNTHETIC_SYNIC, 3, A, 2 },
		{ HV_SYNTHETIC_TIMERS, 3, A, 3 },
		{ HV_SYNTHETIC_APIC_MSRS, 3, A, 4 },
		{ HV_SYNTHETIC_HYPERCALL_MSRS, 3, A, 5 },
		{ HV_SYNTHETIC_VP_INDEX, 3, A, 6 },
		{ HV_SYNTHETIC_REFERENCE_TSC, 3, A, 9 },
		{ HV_SYNTHETIC_GUEST_IDLE, 3, A, 10 },
		{ HV_SYNTHETIC_FREQUENCY_MSRS, 3, A, 11 },
		{ HV_SYNTHETIC_SYNIC, 3, B, 4 },
		{ HV_SYNTHETIC_SIGNAL_EVENTS, 3, B, 5 },
		{ HV_SYNTHETIC_GUEST_IDLE, 3, D, 5 },
		{ HV_SYNTHETIC_FREQUENCY_MSRS, 3, D, 8 },
		{ HV_SYNTHETIC_HV1, 3, D, 10 },
		{ HV_SYNTHETIC_DIRECT_TIMERS, 3, D, 19 },
		{ HV_SYNTHETIC_TLB_FLUSH, 4, A, 2 },
		{ HV_SYNTHETIC_APIC_MSRS, 4, A, 3 },
		{ HV_SYNTHETIC_HV1, 4, A, 9 },
		{ HV_SYNTHETIC_CLUSTER_IPI, 4, A, 10 },
		{ HV_SYNTHETIC_EXTENDED_MASKS, 4, A, 11 },
		{ HV_SYNTHETIC_HV1, 4, A, 5 },
	};

	start(UINT32_MAX);
	CHECK(ask(0x40000000, 0, A) >= 0x40000005 && ask(0x40000000, 0, A) <= 0x4000ffff);
	CHECK_EQ(ask(0x40000000, 0, B), 0x7263694d);
	CHECK_EQ(ask(0x40000000, 0, C), 0x666f736f);
	CHECK_EQ(ask(0x40000000, 0, D), 0x76482074);
	CHECK_EQ(ask(0x40000001, 0, A), 0x31237648);
	CHECK_EQ(ask(0x40000005, 0, A), 64);
	CHECK_EQ(ask(0x40000004, 0, B), UINT32_MAX);
	CHECK(all_zero(0x40000082, 0));
	/* Root partition's privileges: never. */
	CHECK_EQ(ask(0x40000003, 0, B) & (1 | 1 << 12), 0);
	for (u32 bit = 0; bit < 64; bit++) {
		u32 want[2][4] = { { 0 } };

		vp.synthetic = 1 | 1ul << bit;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			if (rows[i].feature == 1ul << bit)
				want[rows[i].leaf - 3][rows[i].reg] |= 1u << rows[i].bit;
		}
		if (1ul << bit == HV_SYNTHETIC_HV1)
			want[1][B] = UINT32_MAX;
		for (u32 i = 0; i < 8; i++) {
			CHECK_NOTE("feature %u leaf %u register %u", bit, 3 + i / 4, i % 4);
			CHECK_EQ(ask(0x40000003 + i / 4, 0, i % 4), want[i / 4][i % 4]);
		}
		CHECK_EQ(cpuid_access(vp.synthetic), want[0][A]);
	}
	vp.synthetic = 0;
	for (u32 leaf = 0; leaf < 0x100; leaf++)
		CHECK(all_zero(0x40000000 + leaf, 0));
}

static void disabled(void)
{
	/* A few of hv_partition_processor_features by their place in CPUID. */
	static const struct {
		u32 feature, leaf, reg, bit;
	} rows[] = {
		{ 0, 1, C, 0 },		  { 1, 0x80000001, C, 0 },   { 15, 0x80000001, D, 26 },
		{ 16, 1, C, 25 },	  { 18, 1, C, 17 },	     { 23, 7, B, 7 },
		{ 35, 7, B, 20 },	  { 38, 0x80000001, D, 27 }, { 57, 7, C, 22 },
		{ 65, 0x80000007, D, 8 }, { 68, 7, C, 16 },
	};
	static const u32 leaves[] = { 1, 7, 0x80000001, 0x80000007, 0x80000008 };
	u32 effective = 0;

	start(UINT32_MAX);
	for (u32 feature = 0; feature < 128; feature++) {
		u32 lost = 0;

		for (size_t l = 0; l < ARRAY_SIZE(leaves); l++) {
			for (u32 reg = A; reg <= D; reg++) {
				u32 full, less;

				vp.disabled[0] = vp.disabled[1] = 0;
				full = ask(leaves[l], 0, reg);
				vp.disabled[feature / 64] = 1ul << feature % 64;
				less = ask(leaves[l], 0, reg);
				CHECK_NOTE("feature %u leaf 0x%x register %u", feature, leaves[l],
					   reg);
				CHECK_EQ(less & ~full, 0);
				for (u32 bit = 0; bit < 32; bit++)
					lost += (full & ~less) >> bit & 1;
			}
		}
		CHECK(lost <= 1);
		effective += lost;
	}
	CHECK_EQ(effective, 48);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		vp.disabled[0] = vp.disabled[1] = 0;
		vp.disabled[rows[i].feature / 64] = 1ul << rows[i].feature % 64;
		CHECK_NOTE("feature %u", rows[i].feature);
		CHECK_EQ(ask(rows[i].leaf, 0, rows[i].reg) >> rows[i].bit & 1, 0);
	}
}

int main(void)
{
	CHECK_RUN(features);
	CHECK_RUN(unknown_leaves);
	CHECK_RUN(mirrors);
	CHECK_RUN(topology);
	CHECK_RUN(xsave);
	CHECK_RUN(hypervisor);
	CHECK_RUN(disabled);
	return check_done();
}
