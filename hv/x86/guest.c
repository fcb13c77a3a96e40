/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk through the guest's page tables, see guest.h. They are the guest's to
 * change at any time: each entry is copied once, every address is the reader's to
 * check. */
#include "x86/guest.h"

#include <hyperv/hypercall.h>

#include "x86/asm.h"
#include "x86/paging.h"

/* 32-bit paging, a page of 4 MiB: bits 20:13 are address bits 39:32. */
#define PDE32_HIGH(entry) (((entry) >> 13 & 0xff) << 32)

#define LEVELS_MAX 5

struct walk {
	int levels;
	u32 entry_size;
	u32 index_bits;
	u64 root;
	/* The entries, by their level less one. */
	struct {
		gpa_t gpa;
		u64 value;
	} entries[LEVELS_MAX];
};

static bool is_long(const struct vp_mode *mode)
{
	return mode->efer & EFER_LMA;
}

static bool is_pae(const struct vp_mode *mode)
{
	return is_long(mode) || (mode->cr4 & CR4_PAE);
}

static struct walk walk_of(const struct vp_mode *mode)
{
	struct walk w = { .entry_size = 8, .index_bits = 9 };

	if (is_long(mode)) {
		w.levels = mode->cr4 & CR4_LA57 ? 5 : 4;
		w.root = mode->cr3 & PTE_ADDR;
	} else if (is_pae(mode)) {
		w.levels = 3;
		w.root = mode->cr3 & 0xffffffe0u;
	} else {
		w.levels = 2;
		w.entry_size = 4;
		w.index_bits = 10;
		w.root = mode->cr3 & 0xfffff000u;
	}
	return w;
}

/* Where a large page cannot be its bit is reserved, but in 32-bit paging. */
static bool is_leaf(const struct vp_mode *mode, int level, u64 entry)
{
	bool large = is_pae(mode) ? level <= 3 : mode->cr4 & CR4_PSE;

	return level == 1 || (large && (entry & PTE_PS));
}

/* shift: of the page, if the entry is one. */
static u64 reserved_bits(const struct vp_mode *mode, int level, bool leaf, u32 shift)
{
	u64 bits = mode->efer & EFER_NXE ? 0 : PTE_NX;

	if (!is_pae(mode))
		return leaf && level == 2 ? BIT(21) : 0;
	if (!is_long(mode))
		bits |= level == 3 ? 0xfff00000000001e6ul : 0x7ff0000000000000ul;
	if (level >= 4)
		bits |= PTE_PS;
	if (leaf && level > 1) /* bit 12 is PAT */
		bits |= (BIT(shift) - 1) & ~(BIT(13) - 1);
	return bits;
}

static bool allowed(const struct vp_mode *mode, u64 rights, bool nx, u32 access)
{
	if ((access & GUEST_USER) && !(rights & PTE_U))
		return false;
	if ((access & GUEST_WRITE) && !(rights & PTE_W) &&
	    ((access & GUEST_USER) || (mode->cr0 & CR0_WP)))
		return false;
	return !(nx && (access & GUEST_EXECUTE));
}

static gpa_t leaf_address(const struct vp_mode *mode, u64 entry, u64 linear, u32 shift)
{
	u64 in_page = BIT(shift) - 1;
	u64 high = !is_pae(mode) && shift > PAGE_SHIFT ? PDE32_HIGH(entry) : 0;

	return GPA((entry & PTE_ADDR & ~in_page) | high | (linear & in_page));
}

/* From the top, as a CPU does it. PAE's third level has no such bits. */
static u32 mark(const struct guest_memory *memory, const struct vp_mode *mode, const struct walk *w,
		int leaf, u32 access)
{
	for (int level = w->levels; level >= leaf; level--) {
		u64 value = w->entries[level - 1].value;
		u64 bits = PTE_A | (level == leaf && (access & GUEST_WRITE) ? PTE_D : 0);

		if ((level == 3 && !is_long(mode)) || !(bits & ~value))
			continue;
		if (!memory->mark(memory->ctx, w->entries[level - 1].gpa, w->entry_size, value,
				  bits))
			return HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS;
	}
	return HV_TRANSLATE_GVA_SUCCESS;
}

u32 guest_translate(const struct guest_memory *memory, const struct vp_mode *mode, u64 linear,
		    u32 access, gpa_t *gpa)
{
	struct walk w = walk_of(mode);
	u64 table = w.root, rights = PTE_W | PTE_U;
	u32 shift = PAGE_SHIFT + w.index_bits * (u32)w.levels;
	bool nx = false;

	if (mode->insn != INSN_64)
		linear &= UINT32_MAX;
	if (!(mode->cr0 & CR0_PG)) {
		*gpa = GPA(linear);
		return HV_TRANSLATE_GVA_SUCCESS;
	}
	if (is_long(mode) && (u64)((s64)(linear << (64 - shift)) >> (64 - shift)) != linear)
		return HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;
	for (int level = w.levels; level > 0; level--) {
		u64 entry = 0;
		bool leaf;

		shift -= w.index_bits;
		table += (linear >> shift & (BIT(w.index_bits) - 1)) * w.entry_size;
		if (!memory->read(memory->ctx, GPA(table), &entry, w.entry_size))
			return HV_TRANSLATE_GVA_GPA_UNMAPPED;
		w.entries[level - 1].gpa = GPA(table);
		w.entries[level - 1].value = entry;
		if (!(entry & PTE_P))
			return HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;
		leaf = is_leaf(mode, level, entry);
		if (entry & reserved_bits(mode, level, leaf, shift))
			return HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS;
		if (level < 3 || is_long(mode)) /* PAE's third level has no rights */
			rights &= entry;
		nx |= entry & PTE_NX;
		if (leaf) {
			*gpa = leaf_address(mode, entry, linear, shift);
			if (!allowed(mode, rights, nx, access))
				return HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION;
			return access & GUEST_MARK ? mark(memory, mode, &w, level, access) :
						     HV_TRANSLATE_GVA_SUCCESS;
		}
		table = entry & PTE_ADDR;
	}
	return HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;
}

size_t guest_read_linear(const struct guest_memory *memory, const struct vp_mode *mode, u64 linear,
			 u8 *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		u64 chunk = min_u64(n - done, PAGE_SIZE - ((linear + done) & (PAGE_SIZE - 1)));
		gpa_t gpa;

		if (guest_translate(memory, mode, linear + done, 0, &gpa) !=
			    HV_TRANSLATE_GVA_SUCCESS ||
		    !memory->read(memory->ctx, gpa, buf + done, chunk))
			break;
		done += chunk;
	}
	return done;
}
