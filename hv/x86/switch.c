/* SPDX-License-Identifier: GPL-2.0-only */
/* Sources: Intel SDM volume 1, chapter 13; AMD APM volume 2, 11.5. */
#include "x86/switch.h"

#include "core/cpu.h"
#include "core/parent.h"
#include "core/string.h"
#include "core/vp.h"
#include "x86/asm.h"

/* AMX: 17 tile configuration, 18 tile data. Their area alone would be 8 KiB. */
#define XCR0_AMX (BIT(17) | BIT(18))
#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)
#define XCR0_MPX (BIT(3) | BIT(4))
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))

/* Offsets in the XSAVE area (Intel SDM volume 1, 13.4). */
#define AREA_MXCSR 24
#define AREA_MXCSR_MASK 28
#define AREA_HEADER 512
#define AREA_MIN 576 /* legacy area and header */
#define FCW_INIT 0x37f
#define MXCSR_INIT 0x1f80

static u64 xcr0_all; /* what the CPU has, 0 without XSAVE */
static u64 xcr0_child;
static u64 area_pages;
static u32 mxcsr_mask;
static bool has_tsc_aux;
static bool has_ibpb;

struct xsave_header {
	u64 xstate_bv;
	u64 xcomp_bv;
	u64 reserved[6];
};

static void xsetbv(u64 value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)value), "d"((u32)(value >> 32)));
}

static u64 xgetbv(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (u64)hi << 32;
}

static void xsave(void *area, u64 mask)
{
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}

static void xrstor(const void *area, u64 mask)
{
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}

/* The states that fit into a page in the standard format. */
static u64 states_in_a_page(u64 mask)
{
	for (u32 i = 2; i < 63; i++) {
		struct cpuid_regs r;

		if (!(mask & BIT(i)))
			continue;
		r = cpuid(0xd, i);
		if ((u64)r.eax + r.ebx > PAGE_SIZE)
			mask &= ~BIT(i);
	}
	return mask;
}

static u32 read_mxcsr_mask(void)
{
	static u8 area[512] __aligned(16);
	u32 mask;

	__asm__ volatile("fxsave64 %0" : "=m"(area));
	memcpy(&mask, area + AREA_MXCSR_MASK, sizeof(mask));
	return mask ? mask : 0xffbf;
}

bool switch_init(void)
{
	struct cpuid_regs r;

	area_pages = 1;
	has_tsc_aux = cpuid(0x80000001, 0).edx & BIT32(27);
	has_ibpb = cpuid(0x80000000, 0).eax >= 0x80000008 && (cpuid(0x80000008, 0).ebx & BIT32(12));
	if (cpuid(0, 0).eax < 0xd || !(cpuid(1, 0).ecx & BIT32(26)))
		return false;
	r = cpuid(0xd, 0);
	xcr0_all = r.eax | (u64)r.edx << 32;
	xcr0_child = states_in_a_page(xcr0_all & ~XCR0_AMX);
	area_pages = align_up(r.ecx, PAGE_SIZE) / PAGE_SIZE;
	mxcsr_mask = read_mxcsr_mask();
	return true;
}

u64 switch_pages(void)
{
	return area_pages;
}

u64 switch_child_xcr0(void)
{
	return xcr0_child;
}

void switch_reset(struct switched *s)
{
	u16 fcw = FCW_INIT;
	u32 mxcsr = MXCSR_INIT;

	memset(s->area, 0, PAGE_SIZE);
	memcpy(s->area, &fcw, sizeof(fcw));
	memcpy((u8 *)s->area + AREA_MXCSR, &mxcsr, sizeof(mxcsr));
	memset(s->dr, 0, sizeof(s->dr));
	s->xcr0 = XCR0_X87;
	s->tsc_aux = 0;
	s->on = NULL;
}

static u64 mask_of(const struct vp *vp)
{
	return vp->child ? xcr0_child : xcr0_all;
}

static void save_debug(u64 dr[4])
{
	__asm__ volatile("mov %%db0, %0\n\t"
			 "mov %%db1, %1\n\t"
			 "mov %%db2, %2\n\t"
			 "mov %%db3, %3"
			 : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
}

static void load_debug(const u64 dr[4])
{
	__asm__ volatile("mov %0, %%db0\n\t"
			 "mov %1, %%db1\n\t"
			 "mov %2, %%db2\n\t"
			 "mov %3, %%db3"
			 :
			 : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
}

static void save(struct vp *vp)
{
	struct switched *s = &vp->switched;

	save_debug(s->dr);
	if (has_tsc_aux)
		s->tsc_aux = rdmsr(MSR_TSC_AUX);
	if (!xcr0_all)
		return;
	s->xcr0 = xgetbv();
	xsetbv(xcr0_all);
	xsave(s->area, mask_of(vp));
	xsetbv(s->xcr0);
}

static void load(struct vp *vp)
{
	const struct switched *s = &vp->switched;

	load_debug(s->dr);
	if (has_tsc_aux)
		wrmsr(MSR_TSC_AUX, s->tsc_aux);
	if (!xcr0_all)
		return;
	xsetbv(xcr0_all);
	xrstor(s->area, mask_of(vp));
	xsetbv(s->xcr0);
}

void switch_leave(struct vp *vp)
{
	if (vp->cpu->loaded == vp && vp->switched.on == vp->cpu)
		save(vp);
}

/* A child was saved when its turn ended; the parent's VP never leaves its CPU and
 * is saved when a child comes. */
void switch_to(struct vp *vp)
{
	struct cpu *cpu = vp->cpu;

	if (cpu->loaded == vp && vp->switched.on == cpu)
		return;
	if (!cpu->loaded || cpu->loaded == cpu->vp) {
		if (vp == cpu->vp)
			goto done; /* the first entry of all */
		save(cpu->vp);
	}
	if (has_ibpb)
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	load(vp);
done:
	cpu->loaded = vp;
	vp->switched.on = cpu;
}

void switch_set_xcr0(struct vp *vp, u64 value)
{
	vp->switched.xcr0 = value;
	xsetbv(value);
}

/* Intel SDM volume 1, 13.3. */
bool switch_xcr0_valid(u64 value)
{
	u64 avx512 = value & XCR0_AVX512;

	if ((value & ~xcr0_child) || !(value & XCR0_X87))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	if (avx512 && (avx512 != XCR0_AVX512 || !(value & XCR0_AVX)))
		return false;
	return !(value & XCR0_MPX) || (value & XCR0_MPX) == XCR0_MPX;
}

/* What XRSTOR raises #GP for. */
static bool area_valid(const u8 *area)
{
	struct xsave_header h;
	u32 mxcsr;

	memcpy(&h, area + AREA_HEADER, sizeof(h));
	memcpy(&mxcsr, area + AREA_MXCSR, sizeof(mxcsr));
	if ((h.xstate_bv & ~xcr0_child) || h.xcomp_bv || (mxcsr & ~mxcsr_mask))
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(h.reserved); i++) {
		if (h.reserved[i])
			return false;
	}
	return true;
}

bool switch_import(struct switched *s, u64 gpa)
{
	u8 old[AREA_MIN];

	memcpy(old, s->area, sizeof(old));
	if (gpa % PAGE_SIZE || !parent_read(GPA(gpa), s->area, AREA_MIN))
		return false;
	if (!area_valid(s->area)) {
		memcpy(s->area, old, sizeof(old));
		return false;
	}
	parent_read(GPA(gpa + AREA_MIN), (u8 *)s->area + AREA_MIN, PAGE_SIZE - AREA_MIN);
	s->on = NULL;
	return true;
}

bool switch_set_legacy(struct switched *s, u32 offset, const void *from, u32 size)
{
	u8 *area = s->area;
	u8 old[16];

	memcpy(old, area + offset, size);
	memcpy(area + offset, from, size);
	if (!area_valid(area)) {
		memcpy(area + offset, old, size);
		return false;
	}
	area[AREA_HEADER] |= XCR0_X87 | XCR0_SSE; /* not in their initial state any more */
	s->on = NULL;
	return true;
}
