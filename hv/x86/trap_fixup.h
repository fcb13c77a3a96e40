/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places in assembly where an exception or event is expected, and where to go
 * on then. Shared by assembly and C.
 *
 * TRAP_FIXUP_GP     a #GP there is an answer: the MSR does not exist
 * TRAP_FIXUP_EVENT  an NMI or interrupt that comes before the HLT at this place
 *                   would be slept through: step over the HLT
 */
#ifndef HV_X86_TRAP_FIXUP_H
#define HV_X86_TRAP_FIXUP_H

#define TRAP_FIXUP_GP 1
#define TRAP_FIXUP_EVENT 2

#ifdef __ASSEMBLER__
/* clang-format off */
	.macro FIXUP at, to, kind
	.pushsection .fixups, "a"
	.quad \at, \to, \kind
	.popsection
	.endm
/* clang-format on */
#endif

#endif
