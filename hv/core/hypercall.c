/* SPDX-License-Identifier: GPL-2.0-only */
/* The parent's hypercalls: the instruction, and the calls about hv itself. */
#include <mullion/parent.h>

#include "boot/boot.h"
#include "core/calls.h"
#include "core/cpu.h"
#include "core/exits.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/parent.h"
#include "core/string.h"
#include "core/version.h"
#include "core/vp.h"
#include "x86/asm.h"
#include "x86/tsc.h"

static void copy_text(char *dest, size_t size, const char *src)
{
	size_t n = min_u64(strlen(src), size - 1);

	memset(dest, 0, size);
	memcpy(dest, src, n);
}

u32 hv_features(void)
{
	return MULLION_FEATURE_LOG | MULLION_FEATURE_STATS | MULLION_FEATURE_CRASH |
	       (switch_child_xcr0() ? MULLION_FEATURE_PARTITIONS : 0) |
	       (vendor->native & MULLION_NATIVE_CPUID ? MULLION_FEATURE_NATIVE_CPUID : 0) |
	       (vendor->native & MULLION_NATIVE_ICR ? MULLION_FEATURE_NATIVE_ICR : 0);
}

static u16 get_info(struct call_frame *f)
{
	struct mullion_hv_info info = {
		.size = sizeof(info),
		.abi = MULLION_PARENT_ABI,
		.version = HV_VERSION,
		.patch = HV_PATCH,
		.features = hv_features(),
		.cpu_count = cpu_count,
		.tsc_hz = tsc_hz,
		.log_gpa = virt_to_phys(log_area.base).v,
		.log_size = log_area.size,
		.stats_gpa = virt_to_phys(stats_area.base).v,
		.stats_size = stats_area.size,
		.memory_bytes = parent_hv_bytes(),
	};

	copy_text(info.backend, sizeof(info.backend), vendor->name);
	copy_text(info.build, sizeof(info.build), hv_build);
	copy_text(info.options, sizeof(info.options), boot.options);
	return call_output(f, 0, &info);
}

/* The parent's last words, one log record for each line. */
static void log_crash(const char *text, u32 length)
{
	u32 start = 0;

	for (u32 i = 0; i <= length; i++) {
		if (i < length && text[i] != '\n' && i - start < 160)
			continue;
		if (i > start)
			log_error("parent panic: %.*s", (int)(i - start), text + start);
		start = i < length && text[i] == '\n' ? i + 1 : i;
	}
}

static u16 parent_crash(struct call_frame *f)
{
	/* Not on the stack: too large for it. */
	static struct mullion_crash crash;
	static struct spinlock lock;
	u16 status = MULLION_STATUS_INVALID_PARAMETER;

	spin_lock(&lock);
	if (parent_read(GPA(f->rdx), &crash, sizeof(crash)) && crash.length <= MULLION_CRASH_TEXT &&
	    !crash.reserved) {
		for (u32 i = 0; i < crash.length; i++) {
			if ((crash.text[i] < 0x20 || crash.text[i] > 0x7e) && crash.text[i] != '\n')
				crash.text[i] = '?';
		}
		log_crash(crash.text, crash.length);
		status = MULLION_STATUS_SUCCESS;
	}
	spin_unlock(&lock);
	return status;
}

static u16 set_native(struct call_frame *f)
{
	if (f->rdx & ~(u64)vendor->native)
		return MULLION_STATUS_INVALID_PARAMETER;
	vendor->set_native(f->vp, (u32)f->rdx);
	apic_take_over(f->vp);
	return MULLION_STATUS_SUCCESS;
}

static const struct call hv_calls[] = {
	{ MULLION_CALL_GET_INFO, 0, 0, 0, sizeof(struct mullion_hv_info), get_info },
	{ MULLION_CALL_PARENT_CRASH, 0, 0, sizeof(struct mullion_crash), 0, parent_crash },
	{ MULLION_CALL_SET_NATIVE, CALL_RDX, 0, 0, 0, set_native },
	{ 0 },
};

static const struct call *const tables[] = { hv_calls, vp_calls, partition_calls, NULL };

void exit_hypercall(struct vp *vp)
{
	u64 *r = vp->regs.r;
	struct vp_mode mode;

	vendor->get_mode(vp, &mode);
	if (mode.cpl != 0 || mode.insn != INSN_64) {
		vendor->inject_exception(vp, VECTOR_UD, false, 0);
		return;
	}
	if (call_make(tables, vp, &r[REG_RCX], r[REG_RDX], r[REG_R8], &r[REG_RAX]))
		vp_skip(vp, 3);
}
