/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a guest's memory by linear address, for instruction bytes. */
#ifndef HV_X86_GUEST_H
#define HV_X86_GUEST_H

#include "core/vp.h"

/* Up to n bytes from linear; fewer, perhaps none, when a page is not there or
 * the paging mode is none that a 64-bit parent uses (off, or long mode with 4
 * or 5 levels). Access rights are not checked: the CPU has executed there. */
size_t guest_read_linear(const struct vp_mode *mode, u64 linear, u8 *buf, size_t n);

#endif
