/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parent's VPs and the children's have in common. */
#include "core/vp.h"

#include "core/child.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/parent.h"
#include "core/partition.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/guest.h"
#include "x86/tsc.h"

const struct vp_vendor *vendor;

void vp_account(struct vp *vp, __u64 *counter)
{
	u64 now = rdtsc();

	WRITE_ONCE(*counter, *counter + (now - vp->last_tsc));
	vp->last_tsc = now;
}

/* An NMI that a CPU has not taken for a second may be lost (an emulator does that). Where
 * it is not, the two merge, or the second one finds nothing: answer_nmi knows. */
void vp_request(struct vp *vp, enum vp_request what)
{
	u32 before = __atomic_fetch_or(&vp->requests, (u32)what | VP_REQ_SENT, __ATOMIC_ACQ_REL);
	u64 now = rdtsc();

	if ((before & VP_REQ_SENT) &&
	    now - __atomic_load_n(&vp->sent_tsc, __ATOMIC_RELAXED) < tsc_hz)
		return;
	if (before & VP_REQ_SENT)
		__atomic_store_n(&vp->resent, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&vp->sent_tsc, now, __ATOMIC_RELAXED);
	apic_send_nmi(vp->cpu->apic_id);
}

void vp_inject_gp(struct vp *vp)
{
	vendor->inject_exception(vp, VECTOR_GP, true, 0);
}

void vp_dump(const struct vp *vp)
{
	const u64 *r = vp->regs.r;

	log_error("VP %u rip %016lx rflags %lx rsp %016lx", vp->index, vp->regs.rip,
		  vp->regs.rflags, r[REG_RSP]);
	log_error("rax %016lx rbx %016lx rcx %016lx rdx %016lx", r[REG_RAX], r[REG_RBX], r[REG_RCX],
		  r[REG_RDX]);
	log_error("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r[REG_RSI], r[REG_RDI], r[REG_RBP],
		  r[REG_R8]);
	log_error("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r[9], r[10], r[11], r[12]);
	log_error("r13 %016lx r14 %016lx r15 %016lx", r[13], r[14], r[15]);
	vendor->dump(vp);
}

static bool read_parent(void *ctx, gpa_t gpa, void *buf, u64 size)
{
	(void)ctx;
	return parent_read(gpa, buf, size);
}

size_t vp_fetch_insn(struct vp *vp, u8 *buf)
{
	struct guest_memory memory = { .read = read_parent };
	struct vp_mode mode;

	if (vp->exit.insn_count) {
		__builtin_memcpy(buf, vp->exit.insn, vp->exit.insn_count);
		return vp->exit.insn_count;
	}
	if (vp->child)
		memory = (struct guest_memory){ .read = partition_read,
						.ctx = vp->child->partition };
	vendor->get_mode(vp, &mode);
	return guest_read_linear(&memory, &mode, mode.cs_base + vp->regs.rip, buf, INSN_MAX);
}

void vp_skip(struct vp *vp, u8 length)
{
	u8 bytes[INSN_MAX];
	struct insn insn;
	struct vp_mode mode;
	size_t n;

	if (!vendor->knows_next_rip(vp)) {
		/* Only prefixes can make it longer than it is. */
		vendor->get_mode(vp, &mode);
		n = vp_fetch_insn(vp, bytes);
		if (insn_decode(bytes, n, mode.insn, &insn))
			length = insn.length;
	}
	vendor->advance(vp, length);
}
