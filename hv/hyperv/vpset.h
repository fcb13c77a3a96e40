/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sets of VPs that a guest names in its hypercalls, decoded in this one place.
 * Pure. Source: TLFS 6.0b, section 7.8.7.3 (sparse virtual processor sets).
 */
#ifndef HV_HYPERV_VPSET_H
#define HV_HYPERV_VPSET_H

#include "core/types.h"

/* VPs of a partition: one set of them is one word, bit i is the VP with index i. */
#define VPS_MAX 64

/*
 * An HV_VP_SET: banks of 64 VPs, of which only those that valid_banks names are
 * there, banks[0..count) in the order of its bits. VPs that are not in present
 * are left out of the set, as the TLFS lets a guest name VPs that there are not.
 *
 * Returns false, *set unchanged, when the format is unknown or count is not the
 * number of bits in valid_banks. banks may be NULL if count is 0.
 */
bool vpset_decode(u64 format, u64 valid_banks, const u64 *banks, u32 count, u64 present, u64 *set);

#endif
