/* SPDX-License-Identifier: GPL-2.0-only */
/* The parent's local APIC filter, see vlapic.h. Pure. */
#include "x86/vlapic.h"

/* ICR, low half. */
#define ICR_VECTOR(x) ((u8)((x) & 0xff))
#define ICR_MODE(x) (((x) >> 8) & 7)
#define ICR_LOGICAL BIT(11)
#define ICR_ASSERT BIT(14)
#define ICR_LEVEL BIT(15)
#define ICR_SHORTHAND(x) (((x) >> 18) & 3)
/* x2APIC: #GP when set. Bit 12, once delivery status, is ignored by some CPUs. */
#define ICR_X2APIC_RESERVED 0xfff32000u

enum icr_mode {
	ICR_FIXED = 0,
	ICR_LOWEST = 1,
	ICR_SMI = 2,
	ICR_NMI = 4,
	ICR_INIT = 5,
	ICR_STARTUP = 6,
};

static enum vlapic_mode base_mode(u64 base)
{
	if (!(base & APIC_BASE_ENABLE))
		return VLAPIC_DISABLED;
	return base & APIC_BASE_X2APIC ? VLAPIC_X2APIC : VLAPIC_XAPIC;
}

void vlapic_reset(struct vlapic *v, u32 id, u64 base, bool has_x2apic)
{
	*v = (struct vlapic){
		.id = id,
		.mode = base_mode(base),
		.startup = VLAPIC_RUNNING,
		.bsp = base & APIC_BASE_BSP,
		.has_x2apic = has_x2apic,
		.dfr = UINT32_MAX,
	};
}

void vlapic_init_signal(struct vlapic *v)
{
	v->startup = VLAPIC_WAIT_SIPI;
	v->ldr = 0;
	v->dfr = UINT32_MAX;
	v->icr_high = 0;
}

void vlapic_sync(struct vlapic *v, u32 ldr, u32 dfr, u32 icr_high)
{
	v->ldr = ldr & 0xff000000u;
	v->dfr = dfr | 0x0fffffffu;
	v->icr_high = icr_high;
}

bool vlapic_start(struct vlapic *v)
{
	if (v->startup != VLAPIC_WAIT_SIPI)
		return false;
	v->startup = VLAPIC_RUNNING;
	return true;
}

enum vlapic_action vlapic_write_icr(const struct vlapic *v, u64 value, struct vlapic_ipi *ipi)
{
	u32 low = (u32)value;

	*ipi = (struct vlapic_ipi){
		.vector = ICR_VECTOR(low),
		.shorthand = (enum vlapic_shorthand)ICR_SHORTHAND(low),
		.logical = low & ICR_LOGICAL,
		.dest = v->mode == VLAPIC_X2APIC ? (u32)(value >> 32) : v->icr_high >> 24,
	};
	if (v->mode == VLAPIC_X2APIC && (low & ICR_X2APIC_RESERVED))
		return VLAPIC_FAULT;
	switch (ICR_MODE(low)) {
	case ICR_FIXED:
	case ICR_LOWEST:
		return VLAPIC_PASS;
	case ICR_NMI:
		return VLAPIC_NMI;
	case ICR_INIT:
		/* De-assert only synchronises arbitration, on CPUs long gone. */
		if ((low & ICR_LEVEL) && !(low & ICR_ASSERT))
			return VLAPIC_IGNORE;
		return VLAPIC_INIT;
	case ICR_STARTUP:
		return VLAPIC_SIPI;
	default: /* SMI belongs to firmware; the rest is reserved */
		return VLAPIC_IGNORE;
	}
}

enum vlapic_action vlapic_write_xapic(struct vlapic *v, u32 offset, u32 value)
{
	switch (offset) {
	case APIC_ID: /* hv finds CPUs by their ID */
		return VLAPIC_IGNORE;
	case APIC_ICR2:
		v->icr_high = value;
		return VLAPIC_PASS;
	case APIC_LDR:
		v->ldr = value & 0xff000000u;
		return VLAPIC_PASS;
	case APIC_DFR:
		v->dfr = value | 0x0fffffffu;
		return VLAPIC_PASS;
	default:
		return VLAPIC_PASS;
	}
}

u64 vlapic_read_base(const struct vlapic *v)
{
	return APIC_DEFAULT_BASE | (v->bsp ? APIC_BASE_BSP : 0) |
	       (v->mode != VLAPIC_DISABLED ? APIC_BASE_ENABLE : 0) |
	       (v->mode == VLAPIC_X2APIC ? APIC_BASE_X2APIC : 0);
}

/* Intel SDM volume 3, figure 11-27: the ways between the modes. The page stays
 * where it is, and who is BSP was settled by firmware. */
enum vlapic_action vlapic_write_base(struct vlapic *v, u64 value)
{
	u64 settable = APIC_BASE_ENABLE | (v->has_x2apic ? APIC_BASE_X2APIC : 0);
	u64 old = vlapic_read_base(v);
	enum vlapic_mode mode = base_mode(value);

	if ((value ^ old) & ~settable)
		return VLAPIC_FAULT;
	if (mode == VLAPIC_DISABLED && (value & APIC_BASE_X2APIC))
		return VLAPIC_FAULT;
	if (mode == v->mode)
		return VLAPIC_IGNORE;
	if (v->mode == VLAPIC_X2APIC && mode == VLAPIC_XAPIC)
		return VLAPIC_FAULT;
	if (v->mode == VLAPIC_DISABLED && mode == VLAPIC_X2APIC)
		return VLAPIC_FAULT;
	v->mode = mode;
	return VLAPIC_PASS;
}

static bool matches_logical_x2(const struct vlapic *t, u32 dest)
{
	return (t->id >> 4) == (dest >> 16) && (BIT32(t->id & 15) & dest & 0xffff);
}

static bool matches_logical_x1(const struct vlapic *t, u32 dest)
{
	u32 ldr = t->ldr >> 24;

	if (dest == 0xff)
		return true;
	if (t->dfr >> 28 == 0xf) /* flat */
		return ldr & dest;
	return (ldr >> 4) == (dest >> 4) && (ldr & dest & 0xf);
}

/* Destination fields are the sender's format: all CPUs are in one mode, and
 * while Linux moves them one by one it sends no logical IPI. */
static bool matches_dest(const struct vlapic *t, const struct vlapic *s,
			 const struct vlapic_ipi *ipi)
{
	if (s->mode == VLAPIC_X2APIC) {
		if (ipi->dest == UINT32_MAX)
			return true;
		return ipi->logical ? matches_logical_x2(t, ipi->dest) : t->id == ipi->dest;
	}
	if (ipi->logical)
		return matches_logical_x1(t, ipi->dest);
	return ipi->dest == 0xff || t->id == ipi->dest;
}

bool vlapic_ipi_matches(const struct vlapic *target, const struct vlapic *sender,
			const struct vlapic_ipi *ipi)
{
	switch (ipi->shorthand) {
	case IPI_TO_SELF:
		return target == sender;
	case IPI_TO_ALL:
		return true;
	case IPI_TO_OTHERS:
		return target != sender;
	default:
		return matches_dest(target, sender, ipi);
	}
}
