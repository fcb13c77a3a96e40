/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk through the guest's page tables. They are the guest's to change at any
 * time: each entry is copied once and every address is checked by parent_read. */
#include "x86/guest.h"

#include "core/parent.h"
#include "x86/asm.h"

static bool translate(const struct vp_mode *mode, u64 linear, gpa_t *gpa)
{
	u64 table = mode->cr3 & PTE_ADDR;
	u64 entry;

	if (!(mode->cr0 & CR0_PG)) {
		*gpa = GPA(linear & UINT32_MAX);
		return true;
	}
	if (!(mode->efer & EFER_LMA))
		return false;
	for (int level = mode->cr4 & CR4_LA57 ? 5 : 4; level > 0; level--) {
		int shift = PAGE_SHIFT + 9 * (level - 1);

		if (!parent_read(GPA(table + ((linear >> shift) & 511) * 8), &entry, 8) ||
		    !(entry & PTE_P))
			return false;
		if (level == 1 || (level <= 3 && (entry & PTE_PS))) {
			u64 in_page = BIT(shift) - 1;

			*gpa = GPA((entry & PTE_ADDR & ~in_page) | (linear & in_page));
			return true;
		}
		table = entry & PTE_ADDR;
	}
	return false;
}

size_t guest_read_linear(const struct vp_mode *mode, u64 linear, u8 *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		u64 chunk = min_u64(n - done, PAGE_SIZE - ((linear + done) & (PAGE_SIZE - 1)));
		gpa_t gpa;

		if (!translate(mode, linear + done, &gpa) || !parent_read(gpa, buf + done, chunk))
			break;
		done += chunk;
	}
	return done;
}
