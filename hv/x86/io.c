/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port accesses of the parent that exit: the ACPI sleep registers, because a
 * machine that wakes from S3 would come back without hv. Instead, the parent is
 * woken at once where it asked to be. Everything else goes straight to the
 * hardware.
 */
#include "boot/boot.h"
#include "core/exits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/vp.h"
#include "x86/asm.h"

#define SLEEP_ENABLE BIT32(13) /* ACPI 6.5, table 4.14 */
#define FACS_WAKING_VECTOR 12 /* ACPI 6.5, table 5.12 */

/* An OS that means to wake up again has said where: below 1 MiB, in real mode.
 * 0: it means to be off. */
static u32 waking_vector(void)
{
	if (!boot_acpi.facs || boot_acpi.facs >= GIB(4))
		return 0;
	return READ_ONCE(*(u32 *)phys_to_virt(HPA(boot_acpi.facs + FACS_WAKING_VECTOR)));
}

static u32 port_in(u16 port, u8 size)
{
	u32 v;

	switch (size) {
	case 1:
		return in8(port);
	case 2:
		__asm__ volatile("inw %1, %w0" : "=a"(v) : "Nd"(port));
		return v & 0xffff;
	default:
		return in32(port);
	}
}

static void port_out(u16 port, u8 size, u32 v)
{
	switch (size) {
	case 1:
		out8(port, (u8)v);
		break;
	case 2:
		out16(port, (u16)v);
		break;
	default:
		out32(port, v);
	}
}

static void io_in(struct vp *vp)
{
	u64 mask = vp->exit.io_size == 4 ? UINT32_MAX : BIT(8 * vp->exit.io_size) - 1;
	u32 v = port_in(vp->exit.port, vp->exit.io_size);
	u64 *rax = &vp->regs.r[REG_RAX];

	/* A 32-bit result clears the upper half, smaller ones keep the rest. */
	*rax = vp->exit.io_size == 4 ? v : (*rax & ~mask) | (v & mask);
}

/* Returns false when the VP was started anew. */
static bool io_out(struct vp *vp)
{
	u32 v = (u32)vp->regs.r[REG_RAX];
	u32 wake;

	if (vp->exit.io_size > 1 && (v & SLEEP_ENABLE)) {
		wake = waking_vector();
		if (wake && wake < MIB(1)) {
			log_warn("parent asked for suspend to RAM: woken at once");
			vendor->vp_reset(vp);
			vendor->vp_start_real(vp, wake);
			return false;
		}
		log_info("parent switches the machine off");
	}
	port_out(vp->exit.port, vp->exit.io_size, v);
	return true;
}

void exit_io(struct vp *vp)
{
	if (vp->exit.io_string) {
		vp_inject_gp(vp);
		return;
	}
	if (vp->exit.io_in)
		io_in(vp);
	else if (!io_out(vp))
		return;
	vp_skip(vp, 1);
}
