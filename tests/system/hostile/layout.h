/* SPDX-License-Identifier: GPL-2.0-only */
/* Where things lie in the guest, for C and the assembler. */
#ifndef HOSTILE_LAYOUT_H
#define HOSTILE_LAYOUT_H

#define STACK_SIZE 0x4000 /* each stack is aligned to it, and holds its VP's struct vp */
#define START_PAGE 0x20000 /* where the second processor starts */

#endif
