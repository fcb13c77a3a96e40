/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls: decode and check, then act. The registers are the TLFS's (6.0b,
 * chapter 3). Calls are found in one const table.
 */
#include <mullion/parent.h>

#include "boot/boot.h"
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

#define NO_MEMORY 0 /* the register must be 0 */
#define IN_REGISTER UINT16_MAX /* the register is the input */

struct call {
	u16 code;
	u16 input_size; /* bytes at RDX, NO_MEMORY or IN_REGISTER */
	u16 output_size; /* bytes at R8, or NO_MEMORY */
	u16 (*run)(struct vp *vp, u64 input, gpa_t output);
};

static void copy_text(char *dest, size_t size, const char *src)
{
	size_t n = min_u64(strlen(src), size - 1);

	memset(dest, 0, size);
	memcpy(dest, src, n);
}

u32 native_features(void)
{
	return (vendor->native & MULLION_NATIVE_CPUID ? MULLION_FEATURE_NATIVE_CPUID : 0) |
	       (vendor->native & MULLION_NATIVE_ICR ? MULLION_FEATURE_NATIVE_ICR : 0);
}

static u16 get_info(struct vp *vp, u64 input, gpa_t output)
{
	struct mullion_hv_info info = {
		.size = sizeof(info),
		.abi = MULLION_PARENT_ABI,
		.version = HV_VERSION,
		.patch = HV_PATCH,
		.features = HV_FEATURES | native_features(),
		.cpu_count = cpu_count,
		.tsc_hz = tsc_hz,
		.log_gpa = virt_to_phys(log_area.base).v,
		.log_size = log_area.size,
		.stats_gpa = virt_to_phys(stats_area.base).v,
		.stats_size = stats_area.size,
		.memory_bytes = parent_hv_bytes(),
	};

	(void)vp;
	(void)input;
	copy_text(info.backend, sizeof(info.backend), vendor->name);
	copy_text(info.build, sizeof(info.build), hv_build);
	copy_text(info.options, sizeof(info.options), boot.options);
	return parent_write(output, &info, sizeof(info)) ? MULLION_STATUS_SUCCESS :
							   MULLION_STATUS_INVALID_PARAMETER;
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

static u16 parent_crash(struct vp *vp, u64 input, gpa_t output)
{
	/* Not on the stack: too large for it. */
	static struct mullion_crash crash;
	static struct spinlock lock;
	u16 status = MULLION_STATUS_INVALID_PARAMETER;

	(void)vp;
	(void)output;
	spin_lock(&lock);
	if (parent_read(GPA(input), &crash, sizeof(crash)) && crash.length <= MULLION_CRASH_TEXT &&
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

static u16 set_native(struct vp *vp, u64 input, gpa_t output)
{
	(void)output;
	if (input & ~(u64)vendor->native)
		return MULLION_STATUS_INVALID_PARAMETER;
	vendor->set_native(vp, (u32)input);
	apic_take_over(vp);
	return MULLION_STATUS_SUCCESS;
}

static const struct call calls[] = {
	{ MULLION_CALL_GET_INFO, NO_MEMORY, sizeof(struct mullion_hv_info), get_info },
	{ MULLION_CALL_PARENT_CRASH, sizeof(struct mullion_crash), NO_MEMORY, parent_crash },
	{ MULLION_CALL_SET_NATIVE, IN_REGISTER, NO_MEMORY, set_native },
};

static u16 check_gpa(u64 gpa, u16 size)
{
	if (size == IN_REGISTER)
		return MULLION_STATUS_SUCCESS;
	if (size == NO_MEMORY)
		return gpa ? MULLION_STATUS_INVALID_INPUT : MULLION_STATUS_SUCCESS;
	if (gpa % 8 || (gpa & (PAGE_SIZE - 1)) + size > PAGE_SIZE)
		return MULLION_STATUS_INVALID_ALIGNMENT;
	return MULLION_STATUS_SUCCESS;
}

static u16 dispatch(struct vp *vp, u64 control, u64 input, u64 output)
{
	for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		u16 status;

		if (c->code != (u16)control)
			continue;
		if (control >> 16)
			return MULLION_STATUS_INVALID_INPUT;
		status = check_gpa(input, c->input_size);
		if (!status)
			status = check_gpa(output, c->output_size);
		return status ? status : c->run(vp, input, GPA(output));
	}
	return MULLION_STATUS_INVALID_CALL;
}

void exit_hypercall(struct vp *vp)
{
	u64 *r = vp->regs.r;
	struct vp_mode mode;

	vendor->get_mode(vp, &mode);
	if (mode.cpl != 0 || mode.insn != INSN_64) {
		vendor->inject_exception(vp, VECTOR_UD, false, 0);
		return;
	}
	r[REG_RAX] = dispatch(vp, r[REG_RCX], r[REG_RDX], r[REG_R8]);
	vp_skip(vp, 3);
}
