/* SPDX-License-Identifier: GPL-2.0-only */
/* What a child sees of its CPU and of Hyper-V: exits of CPUID, MSRs, hypercalls. */
#include "hyperv/child_exits.h"

#include <hyperv/status.h>

#include "core/child.h"
#include "core/log.h"
#include "core/partition.h"
#include "core/port.h"
#include "core/string.h"
#include "hyperv/cpuid.h"
#include "hyperv/guestcall.h"
#include "hyperv/override.h"
#include "x86/asm.h"
#include "x86/tsc.h"

#define APIC_HZ 1000000000 /* of its timer: it counts our nanoseconds */

/* --- CPUID. --- */

static void native(u32 leaf, u32 subleaf, u32 r[4])
{
	struct cpuid_regs n = cpuid(leaf, subleaf);

	r[0] = n.eax;
	r[1] = n.ebx;
	r[2] = n.ecx;
	r[3] = n.edx;
	vendor->cpuid_filter(leaf, subleaf, r);
}

void child_cpuid(const struct child *c, u32 leaf, u32 subleaf, u64 xcr0, bool overridden, u32 r[4])
{
	const struct partition *p = c->partition;
	struct vp_mode mode;

	vendor->get_mode(c->vp, &mode);
	cpuid_answer(
		&(struct cpuid_vp){
			.native = native,
			.index = c->vp->index,
			.count = p->vp_count,
			.cr4 = mode.cr4,
			.xcr0 = xcr0,
			.xcr0_mask = switch_child_xcr0(),
			.disabled = { p->disabled_features[0], p->disabled_features[1] },
			.synthetic = p->synthetic_features,
		},
		leaf, subleaf, r);
	if (overridden)
		override_apply(c->overrides, leaf, subleaf, r);
}

void child_exit_cpuid(struct vp *vp)
{
	u64 *regs = vp->regs.r;
	u32 r[4];

	child_cpuid(vp->child, (u32)regs[REG_RAX], (u32)regs[REG_RCX], vp->switched.xcr0, true, r);
	regs[REG_RAX] = r[0];
	regs[REG_RBX] = r[1];
	regs[REG_RCX] = r[2];
	regs[REG_RDX] = r[3];
	vp_skip(vp, 2);
}

/* --- MSRs. --- */

static bool apic_msr(struct child *c, u32 msr, bool write, u64 *value)
{
	bool synthetic = msr > APIC_MSR_LAST;
	u64 now = child_time(c) * 100;
	enum vapic_action action;
	struct vapic_out out;

	if (msr == MSR_APIC_BASE && write)
		return vapic_write_base(&c->apic, *value);
	if (msr == MSR_APIC_BASE) {
		*value = vapic_read_base(&c->apic);
		return true;
	}
	if (!write)
		return synthetic ? vapic_read_synthetic(&c->apic, msr, now, value) :
				   vapic_read_msr(&c->apic, msr, now, value);
	action = synthetic ? vapic_write_synthetic(&c->apic, msr, *value, now, &out) :
			     vapic_write_msr(&c->apic, msr, *value, now, &out);
	if (action == VAPIC_IPI)
		child_send_ipi(c->partition, &out.ipi);
	return action != VAPIC_FAULT;
}

static bool synic_msr(struct child *c, u32 msr, bool write, u64 *value)
{
	struct vector_set auto_eoi;
	u64 now = child_time(c);
	bool done;

	spin_lock(&c->synic.lock);
	if (msr >= STIMER_MSR_FIRST)
		done = write ? stimer_write(&c->timers, msr, *value, now) :
			       stimer_read(&c->timers, msr, value);
	else
		done = write ? synic_write(&c->synic, msr, *value) :
			       synic_read(&c->synic, msr, value);
	stimer_run(&c->timers, now, &c->synic);
	synic_auto_eoi(&c->synic, &auto_eoi);
	memcpy(c->apic.auto_eoi, &auto_eoi, sizeof(auto_eoi));
	child_deliver_due(c);
	spin_unlock(&c->synic.lock);
	return done;
}

/* The first VP's last words stay. */
static void write_crash(struct child *c, u32 msr, u64 value)
{
	struct partition *p = c->partition;
	/* Not on the stack: too large for it. */
	static char page[PAGE_SIZE];
	static struct spinlock lock;
	u32 size;
	u64 text;

	if (!crash_write(&c->crash, msr, value, &text, &size) ||
	    __atomic_exchange_n(&p->crash_begun, true, __ATOMIC_RELAXED))
		return;
	memcpy(p->crash, c->crash.p, sizeof(p->crash));
	spin_lock(&lock);
	if (!partition_read(p, GPA(text), page, size))
		size = 0;
	crash_keep(p->crash_text, sizeof(p->crash_text), page, size);
	spin_unlock(&lock);
	__atomic_store_n(&p->crashed, true, __ATOMIC_RELEASE);
	log_warn("partition %lu: the guest crashed: %lx %lx %lx %lx %lx", p->id, p->crash[0],
		 p->crash[1], p->crash[2], p->crash[3], p->crash[4]);
	child_tell_news(c);
}

/* TSC_AUX is in the CPU while its VP is (switch.h). */
static bool vendor_msr(struct vp *vp, u32 msr, bool write, u64 *value)
{
	if (msr == MSR_TSC_AUX)
		return write ? !(*value >> 32) && msr_write_safe(msr, *value) :
			       msr_read_safe(msr, value);
	return write ? vendor->msr_write(vp, msr, *value) : vendor->msr_read(vp, msr, value);
}

static bool access_msr(struct vp *vp, u32 msr, bool write, u64 *value)
{
	struct child *c = vp->child;
	struct partition *p = c->partition;
	const struct msr_context context = {
		.partition = &p->msrs,
		.vp = &c->msrs,
		.time = &p->time,
		.pages = &p->pages,
		.vmcall = vendor->vmcall,
		.access = cpuid_access(p->synthetic_features),
		/* Of interest to the MTRRs alone. */
		.physical_bits = msr >> 8 == 2 ? (u8)cpuid(0x80000008, 0).eax : 0,
		.index = vp->index,
		.tsc = rdtsc() + p->tsc_offset,
		.tsc_hz = tsc_hz,
		.apic_hz = APIC_HZ,
	};

	switch (write ? msr_write(&context, msr, *value) : msr_read(&context, msr, value)) {
	case MSR_DONE:
		return true;
	case MSR_TO_VENDOR:
		return vendor_msr(vp, msr, write, value);
	case MSR_TO_APIC:
		return apic_msr(c, msr, write, value);
	case MSR_TO_SYNIC:
	case MSR_TO_STIMER:
		return synic_msr(c, msr, write, value);
	case MSR_TO_CRASH:
		if (!write)
			return crash_read(&c->crash, msr, value);
		write_crash(c, msr, *value);
		return true;
	case MSR_TO_IDLE:
		vp->halted = true;
		c->idle = true;
		*value = 0;
		return true;
	case MSR_UNKNOWN:
		*value = 0;
		return READ_ONCE(p->ignore_unknown_msrs);
	default:
		return false;
	}
}

void child_exit_msr(struct vp *vp)
{
	u64 value = (u32)vp->regs.r[REG_RAX] | vp->regs.r[REG_RDX] << 32;

	if (!access_msr(vp, vp->exit.msr, vp->exit.msr_write, &value)) {
		vp_inject_gp(vp);
		return;
	}
	if (!vp->exit.msr_write) {
		vp->regs.r[REG_RAX] = (u32)value;
		vp->regs.r[REG_RDX] = value >> 32;
	}
	vp_skip(vp, 2);
}

/* --- Hypercalls. --- */

static u64 present(struct partition *p)
{
	u64 vps = 0;

	for (u32 i = 0; i < VPS_MAX; i++)
		vps |= __atomic_load_n(&p->vps[i], __ATOMIC_RELAXED) ? BIT(i) : 0;
	return vps;
}

static void send_vector(struct partition *p, u64 vps, u8 vector)
{
	for (u32 i = 0; i < VPS_MAX; i++) {
		struct vp *vp = vps & BIT(i) ? __atomic_load_n(&p->vps[i], __ATOMIC_ACQUIRE) : NULL;

		if (vp && vapic_post(&vp->child->apic, vector, false))
			child_kick(vp->child);
	}
}

static u64 act(struct vp *vp, struct guest_action *a)
{
	struct partition *p = vp->child->partition;

	switch (a->kind) {
	case GUEST_CALL_POST:
		a->message.header.port = a->connection;
		return port_send(p, a->connection, &a->message, vp->cpu);
	case GUEST_CALL_SIGNAL:
		return port_send(p, a->connection, NULL, vp->cpu);
	case GUEST_CALL_FLUSH:
		child_flush(vp->child, a->vps);
		break;
	case GUEST_CALL_IPI:
		send_vector(p, a->vps, a->vector);
		break;
	default:
		break;
	}
	return a->result;
}

void child_exit_hypercall(struct vp *vp)
{
	struct partition *p = vp->child->partition;
	u64 *r = vp->regs.r;
	struct guest_action action;
	struct vp_mode mode;

	vendor->get_mode(vp, &mode);
	if (mode.cpl || mode.insn != INSN_64 ||
	    !(READ_ONCE(p->msrs.hypercall) & HV_MSR_PAGE_ENABLE)) {
		vendor->inject_exception(vp, VECTOR_UD, false, 0);
		return;
	}
	guest_call_decode(
		&(struct guest_call){
			.control = r[REG_RCX],
			.input = r[REG_RDX],
			.output = r[REG_R8],
			.present = present(p),
			.read = partition_read,
			.ctx = p,
		},
		&action);
	r[REG_RAX] = act(vp, &action);
	vp_skip(vp, 3);
}
