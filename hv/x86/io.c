/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port accesses of the parent that exit: the ACPI sleep registers, because a
 * machine that wakes from S3 would come back without hv. Everything else goes
 * straight to the hardware.
 */
#include "boot/boot.h"
#include "core/exits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/vp.h"
#include "x86/asm.h"

#define SLEEP_ENABLE BIT32(13) /* ACPI 6.5, table 4.14 */
#define FACS_WAKING_VECTOR 12 /* ACPI 6.5, table 5.12 */
#define FACS_X_WAKING_VECTOR 24

/* An OS that means to wake up again has said where. */
static bool waking_vector_set(void)
{
	const u8 *facs;

	if (!boot_acpi.facs || boot_acpi.facs >= GIB(4))
		return false;
	facs = phys_to_virt(HPA(boot_acpi.facs));
	return *(const volatile u32 *)(facs + FACS_WAKING_VECTOR) ||
	       *(const volatile u64 *)(facs + FACS_X_WAKING_VECTOR);
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

static void io_out(struct vp *vp)
{
	u32 v = (u32)vp->regs.r[REG_RAX];

	if (vp->exit.io_size > 1 && (v & SLEEP_ENABLE)) {
		if (waking_vector_set()) {
			log_warn("parent asked for suspend to RAM: refused, hv would not be "
				 "there after it");
			return;
		}
		log_info("parent switches the machine off");
	}
	port_out(vp->exit.port, vp->exit.io_size, v);
}

void exit_io(struct vp *vp)
{
	if (vp->exit.io_string) {
		vp_inject_gp(vp);
		return;
	}
	if (vp->exit.io_in)
		io_in(vp);
	else
		io_out(vp);
	vp_skip(vp, 1);
}
