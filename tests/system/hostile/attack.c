/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls, MSRs and whatever else reaches the hypervisor, from both processors at
 * once: most with a sense in them, so that they get past the first check, the rest
 * with none. "count" says how many accesses, "seed" which.
 *
 * Two things are left out, as the guest would only end itself by them: writing code
 * or data of its own, and INIT to the first processor.
 */
#include <hyperv/guest.h>
#include <hyperv/hypercall.h>

#include "vp.h"

/* Pages that may be written to by anybody. */
#define SCRATCH 0x1000000ul
#define SCRATCH_SIZE 0x1000000ul
/* Where devices would be, but for the APICs. */
#define HOLE 0xd0000000ul
#define HOLE_SIZE 0x2e000000ul

#define MSR_EFER 0xc0000080u

#define STIMER_CONFIG(sint, vector, flags)                                                         \
	((uint64_t)(sint) << HV_STIMER_SINT_SHIFT | (uint64_t)(vector) << HV_STIMER_VECTOR_SHIFT | \
	 (flags))

static uint64_t total; /* accesses for each processor */

/* ---- Values ---- */

static uint64_t bits(void)
{
	uint64_t value;

	switch (random_below(6)) {
	case 0:
		return random64();
	case 1:
		return 1ull << random_below(64);
	case 2:
		return ~(1ull << random_below(64));
	case 3:
		return random_below(300);
	case 4:
		return 0 - random_below(3);
	default: /* few bits */
		value = random64();
		value &= random64();
		return value & random64();
	}
}

static uint8_t *scratch(void)
{
	return (uint8_t *)(SCRATCH + (random_below(SCRATCH_SIZE) & ~7ul));
}

static uint64_t gpa(void)
{
	switch (random_below(12)) {
	case 0:
		return HOLE + random_below(HOLE_SIZE);
	case 1:
		return 0x4000000 + random_below(0x10000000); /* above memory, if it has 64 MiB */
	case 2:
		return random64() | 1ull << (40 + random_below(24));
	case 3:
		return (uint64_t)scratch() | 0xff8; /* at a page's end */
	default:
		return (uint64_t)scratch();
	}
}

/* A page for hv to use, or for it not to. */
static uint64_t page_msr(void)
{
	return (gpa() & ~0xfffull) | random_below(4);
}

static uint8_t vector(void)
{
	return (uint8_t)(one_in(4) ? random64() : 32 + random_below(8));
}

/* ---- Hypercalls ---- */

static const uint16_t calls[] = {
	HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE,
	HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST,
	HVCALL_NOTIFY_LONG_SPIN_WAIT,
	HVCALL_SEND_IPI,
	HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX,
	HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX,
	HVCALL_SEND_IPI_EX,
	HVCALL_POST_MESSAGE,
	HVCALL_SIGNAL_EVENT,
	HVCALL_RETARGET_INTERRUPT,
	0x0099, /* start virtual processor */
	0x8001, /* extended query capabilities */
};

static void random_call(void)
{
	uint64_t control = bits();

	if (one_in(2))
		control = (control & ~0xffffull) | calls[random_below(sizeof(calls) / 2)];
	if (one_in(4))
		control = (control & 0xffff) | random_below(2) << 16;
	hypercall(control, one_in(2) ? gpa() : bits(), one_in(2) ? gpa() : bits());
}

/* Processors that there are, and others. */
static uint64_t vp_mask(void)
{
	return one_in(3) ? bits() : random_below(4);
}

/* A VP set from its format on: its banks are the variable header. Returns how many
 * words it claims to have. */
static uint64_t put_set(uint64_t *at)
{
	uint64_t mask = one_in(2) ? random_below(4) : bits();
	uint64_t banks = 0;

	at[0] = one_in(8) ? bits() : one_in(3);
	at[1] = mask;
	for (uint64_t left = mask; left; left &= left - 1)
		banks++;
	for (uint64_t i = 0; i < 64; i++)
		at[2 + i] = vp_mask();
	return one_in(6) ? random_below(0x400) : banks;
}

/* In a page, or running out of it. */
static uint64_t *input(void)
{
	uint64_t page = (uint64_t)scratch() & ~0xfffull;

	if (page == SCRATCH + SCRATCH_SIZE - 0x1000)
		page = SCRATCH;
	return (uint64_t *)(page + (one_in(10) ? random_below(0x200) * 8 : 0));
}

static void flush_call(void)
{
	bool ex = one_in(2), list = one_in(2);
	uint64_t *in = input(), control, words = 3;

	in[0] = bits();
	in[1] = one_in(8) ? bits() : random_below(16);
	in[2] = vp_mask();
	control = list ? HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST : HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE;
	if (ex) {
		control = list ? HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX :
				 HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX;
		words = put_set(in + 2);
		control |= words << HV_CALL_VARIABLE_HEADER_SHIFT;
	}
	if (list)
		control |= random_below(one_in(4) ? 0x1000 : 300) << HV_CALL_REP_COUNT_SHIFT;
	if (one_in(10))
		control |= random_below(0x1000) << HV_CALL_REP_START_SHIFT;
	hypercall(control, (uint64_t)in, one_in(4) ? bits() : 0);
}

static void ipi_call(void)
{
	uint64_t *in = input();

	if (one_in(2)) {
		hypercall(HVCALL_SEND_IPI | HV_CALL_FAST, vector(), vp_mask());
		return;
	}
	in[0] = one_in(10) ? bits() : vector();
	hypercall(HVCALL_SEND_IPI_EX | put_set(in + 1) << HV_CALL_VARIABLE_HEADER_SHIFT,
		  (uint64_t)in, 0);
}

/* Nobody has bound a port: each is refused, by one reason or another. */
static void connection_call(void)
{
	uint64_t *in = input(), connection = one_in(2) ? random_below(8) : bits();

	if (one_in(2)) {
		hypercall(HVCALL_SIGNAL_EVENT | HV_CALL_FAST, connection | random_below(4096) << 32,
			  0);
		return;
	}
	in[0] = connection;
	in[1] = (one_in(4) ? bits() : 1) | random_below(300) << 32;
	hypercall(one_in(2) ? HVCALL_POST_MESSAGE : HVCALL_SIGNAL_EVENT, (uint64_t)in, 0);
}

/* ---- MSRs ---- */

static void random_msr(void)
{
	static const uint32_t places[] = { 0, 0x40000000, 0xc0000000, 0xc0010000, 0x4b564d00 };
	uint32_t msr = places[random_below(5)] + (uint32_t)random_below(one_in(2) ? 0x120 : 0x2000);
	uint64_t value;

	if (one_in(10))
		msr = (uint32_t)random64();
	if (msr == HV_X64_MSR_GUEST_IDLE)
		return; /* sleep() does it */
	/* What could write the guest's own code, or what others below do with sense. */
	if (one_in(2) || msr == HV_X64_MSR_HYPERCALL || msr == HV_X64_MSR_REFERENCE_TSC ||
	    msr == HV_X64_MSR_SIMP || msr == HV_X64_MSR_SIEFP ||
	    msr == MSR_X2APIC + APIC_ICR / 16 || msr == MSR_APIC_BASE)
		msr_read(msr, &value);
	else
		msr_write(msr, bits());
}

static void pages(void)
{
	switch (random_below(6)) {
	case 0:
		msr_write(HV_X64_MSR_REFERENCE_TSC, page_msr());
		break;
	case 1:
		/* Bit 1 would lock it. */
		msr_write(HV_X64_MSR_HYPERCALL, page_msr() & ~2ull);
		break;
	case 2:
		msr_write(HV_X64_MSR_SIMP, page_msr());
		break;
	case 3:
		msr_write(HV_X64_MSR_SIEFP, page_msr());
		break;
	case 4:
		msr_write(HV_X64_MSR_VP_ASSIST_PAGE, page_msr());
		break;
	default:
		msr_write(HV_X64_MSR_GUEST_OS_ID, one_in(4) ? 0 : HV_GUEST_OS_ID_OPEN_SOURCE);
	}
}

static void synic(void)
{
	uint32_t sint = HV_X64_MSR_SINT0 + (uint32_t)random_below(16);
	uint64_t value;

	switch (random_below(5)) {
	case 0:
		msr_write(HV_X64_MSR_SCONTROL, one_in(4) ? bits() : 1);
		break;
	case 1:
		msr_write(HV_X64_MSR_EOM, one_in(2) ? 0 : bits());
		break;
	case 2:
		msr_read(sint, &value);
		break;
	default:
		msr_write(sint, one_in(6) ? bits() :
					    vector() | (one_in(3) ? HV_SINT_MASKED : 0) |
						    (one_in(3) ? HV_SINT_AUTO_EOI : 0) |
						    (one_in(5) ? HV_SINT_POLLING : 0));
	}
}

static void timers(void)
{
	uint32_t config = HV_X64_MSR_STIMER0_CONFIG + 2 * (uint32_t)random_below(HV_STIMER_COUNT);
	uint64_t now, count;

	msr_read(HV_X64_MSR_TIME_REF_COUNT, &now);
	switch (random_below(5)) {
	case 0:
		count = 0;
		break;
	case 1:
		count = random_below(200); /* a period, or long ago */
		break;
	case 2:
		count = bits();
		break;
	default:
		count = now + random_below(100000);
	}
	if (one_in(2))
		msr_write(config + 1, count);
	msr_write(config, one_in(8) ? bits() :
				      STIMER_CONFIG(random_below(16), vector(), random_below(16)) |
					      (one_in(2) ? HV_STIMER_DIRECT_MODE : 0));
	if (one_in(2))
		msr_write(config + 1, count);
}

static void crash(void)
{
	uint64_t value;

	msr_write(HV_X64_MSR_CRASH_P0 + (uint32_t)random_below(5), one_in(2) ? gpa() : bits());
	msr_write(HV_X64_MSR_CRASH_CTL,
		  one_in(2) ? bits() : HV_CRASH_CTL_NOTIFY | HV_CRASH_CTL_MESSAGE);
	msr_read(HV_X64_MSR_CRASH_P0 + (uint32_t)random_below(6), &value);
}

/* ---- The local APIC ---- */

/* Not INIT or start-up, but for those that there are not. */
static uint64_t icr(void)
{
	uint64_t value = (one_in(2) ? bits() : vector()) & ~0x700ull;
	static const uint8_t modes[] = { 0, 0, 0, 1, 2, 3, 4, 7 };
	uint64_t dest = one_in(2) ? random_below(2) : bits() & 0xffffffff;
	uint64_t mode = modes[random_below(8)];

	if (one_in(10))
		return (value & 0x3f0ff) | (5 + random_below(2)) << 8 |
		       (2 + random_below(62)) << 32; /* physical, nobody's */
	if (mode == 4 && !second_is_up())
		mode = 0;
	return (value & 0xcffff) | mode << 8 | dest << 32;
}

static void apic(void)
{
	uint32_t offset = (uint32_t)random_below(0x40) * 16;
	uint64_t base, value = one_in(2) ? bits() : vector() | random_below(4) << 16;

	msr_read(MSR_APIC_BASE, &base);
	if (one_in(40))
		msr_write(MSR_APIC_BASE, one_in(4) ? bits() : base ^ 1ull << (8 + random_below(4)));
	if (one_in(40))
		apic_enable();
	msr_read(MSR_APIC_BASE, &base);
	if (offset == APIC_ICR)
		value = icr();
	if (one_in(3))
		msr_read(MSR_X2APIC + offset / 16, &value);
	else if (!(base & APIC_BASE_ENABLE) || (base & APIC_BASE_X2APIC))
		msr_write(MSR_X2APIC + offset / 16,
			  offset == APIC_ICR || one_in(4) ? value : value & 0x100ff);
	else if (one_in(3))
		(void)*(volatile uint32_t *)(APIC_PAGE + offset);
	else
		apic_write(offset, value);
}

/* ---- The rest ---- */

static void every_cpuid(void)
{
	static const uint32_t firsts[] = { 0, 0x40000000, 0x80000000, 0x40000080, 0xc0000000 };
	uint32_t r[4];

	cpuid(one_in(4) ? (uint32_t)random64() :
			  firsts[random_below(5)] + (uint32_t)random_below(0x28),
	      (uint32_t)random_below(one_in(8) ? ~0ull : 70), r);
}

/* Ports that end the guest, or what it prints on, are left alone. */
static void port(void)
{
	uint16_t at = (uint16_t)random64();

	if ((at | 7) == 0x3ff || (at | 7) == 0xf7 || (at | 7) == 0x67 || (at | 0xf) == 0x60f ||
	    (at | 7) == 0xcff)
		return;
	if (one_in(2))
		in8(at);
	else
		out8(at, (uint8_t)random64());
}

static void hole(void)
{
	volatile uint32_t *at = (volatile uint32_t *)(HOLE + (random_below(HOLE_SIZE) & ~3ul));

	if (one_in(2))
		(void)*at;
	else
		*at = (uint32_t)random64();
}

static void instructions(void)
{
	uint64_t value;

	switch (random_below(11)) {
	case 0:
		set_xcr0((uint32_t)random_below(3), one_in(2) ? bits() : 1 | random_below(16));
		break;
	case 1:
		TRY("wbinvd");
		break;
	case 2:
		TRY("xorl %%ecx, %%ecx; rdpmc");
		break;
	case 3:
		TRY("movl $0x1000, %%eax; vmrun");
		break;
	case 4:
		TRY("movl $0x2000000, %%eax; vmsave");
		break;
	case 5:
		TRY("clgi");
		break;
	case 6:
		TRY("pushfq; orq $0x100, (%%rsp); popfq; nop; nop");
		break;
	case 7:
		TRY(".byte 0xf1"); /* INT1 */
		break;
	case 8:
		TRY("movl $0x2000000, %%eax; xorl %%ecx, %%ecx; xorl %%edx, %%edx; monitor");
		break;
	case 9:
		if (msr_read(MSR_EFER, &value))
			msr_write(MSR_EFER, value ^ 1ull << random_below(24));
		break;
	default:
		TRY("vmcall"); /* the other maker's */
	}
}

/* The second processor sleeps, until the first one's NMI. */
static void sleep(void)
{
	uint64_t value;

	if (!vp_self()->index)
		return;
	apic_enable();
	if (one_in(2))
		__asm__ volatile("hlt");
	else
		msr_read(HV_X64_MSR_GUEST_IDLE, &value);
}

static void let_in(void)
{
	__asm__ volatile("sti; nop; nop; cli");
}

static const struct {
	void (*run)(void);
	uint32_t weight;
} actions[] = {
	{ random_call, 120 }, { flush_call, 60 },   { ipi_call, 60 },	 { connection_call, 60 },
	{ random_msr, 200 },  { pages, 100 },	    { synic, 100 },	 { timers, 80 },
	{ crash, 5 },	      { apic, 150 },	    { every_cpuid, 40 }, { port, 2 },
	{ hole, 2 },	      { instructions, 30 }, { sleep, 2 },	 { let_in, 300 },
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void one_access(void)
{
	static uint32_t all;
	uint32_t sum = 0, at;

	if (!all) {
		for (uint32_t i = 0; i < ACTIONS; i++)
			sum += actions[i].weight;
		all = sum;
	}
	at = (uint32_t)random_below(all);
	for (uint32_t i = 0; i < ACTIONS; i++) {
		if (at < actions[i].weight) {
			actions[i].run();
			return;
		}
		at -= actions[i].weight;
	}
}

/* The first processor keeps the second one awake, and begins it anew now and then. */
static void look_after(const struct vp *vp)
{
	if (vp->index)
		return;
	if (vp->done % 64 == 0)
		wake_second();
	if (vp->done % 4096 == 0)
		start_second();
	if (vp->done % (total / 8 + 1) == 0) {
		print("accesses ");
		print_number(vp->done);
		print(" and ");
		print_number(vp_at(1)->done);
		print("\n");
	}
}

static void end(void)
{
	struct vp *first = vp_at(0), *second = vp_at(1);

	for (uint64_t i = 1; !second->finished; i++) {
		if (i % 1000 == 0)
			wake_second();
		if (i % 100000 == 0)
			start_second();
		__asm__ volatile("pause");
	}
	print("accesses ");
	print_number(first->done + second->done);
	print(", faults ");
	print_number(first->faults + second->faults);
	print(", interrupts ");
	print_number(first->interrupts + second->interrupts);
	print("\n");
	if (first->faults < total / 20 || first->faults > total || second->done < total ||
	    first->interrupts < total / 1000 || !second->nmis)
		die("that cannot be", second->interrupts);
	finish(true);
}

void attack(struct vp *vp)
{
	uint64_t cr4;

	total = option("count", 10000) / 2;
	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4 | 1 << 18)); /* OSXSAVE */
	if (!vp->done)
		msr_write(HV_X64_MSR_GUEST_OS_ID, HV_GUEST_OS_ID_OPEN_SOURCE);
	if (!vp->index && !vp->done)
		msr_write(HV_X64_MSR_HYPERCALL, SCRATCH | 1);
	apic_enable();
	while (vp->done < total) {
		look_after(vp);
		one_access();
		vp->done++;
	}
	if (!vp->index)
		end();
	vp->finished = true;
	for (;;)
		__asm__ volatile("cli; hlt");
}
