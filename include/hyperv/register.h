/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Registers of a virtual processor: names, values, and the page that holds the most
 * used ones (TLFS 6.0b, chapter 7 and appendix A).
 */
#ifndef HYPERV_REGISTER_H
#define HYPERV_REGISTER_H

#include <hyperv/types.h>

/* Execution state. EXPLICIT_SUSPEND and INTERCEPT_SUSPEND: bit 0, suspended. */
#define HV_REGISTER_EXPLICIT_SUSPEND 0x00000000u
#define HV_REGISTER_INTERCEPT_SUSPEND 0x00000001u
#define HV_REGISTER_DISPATCH_SUSPEND 0x00000003u
#define HV_REGISTER_INTERNAL_ACTIVITY_STATE 0x00000004u
#define HV_REGISTER_SUSPENDED 1ull

/* INTERNAL_ACTIVITY_STATE: waiting for SIPI, in HLT, idle by the guest idle MSR. */
#define HV_ACTIVITY_STARTUP_SUSPEND (1ull << 0)
#define HV_ACTIVITY_HALT_SUSPEND (1ull << 1)
#define HV_ACTIVITY_IDLE_SUSPEND (1ull << 2)

/* What CPUID tells a guest about the hypervisor, 128 bits: EAX, EBX, ECX, EDX. */
#define HV_REGISTER_HYPERVISOR_VERSION 0x00000100u
#define HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO 0x00000200u
#define HV_REGISTER_FEATURES_INFO 0x00000201u
#define HV_REGISTER_IMPLEMENTATION_LIMITS_INFO 0x00000202u
#define HV_REGISTER_HARDWARE_FEATURES_INFO 0x00000203u

#define HV_REGISTER_GUEST_CRASH_P0 0x00000210u
#define HV_REGISTER_GUEST_CRASH_P1 0x00000211u
#define HV_REGISTER_GUEST_CRASH_P2 0x00000212u
#define HV_REGISTER_GUEST_CRASH_P3 0x00000213u
#define HV_REGISTER_GUEST_CRASH_P4 0x00000214u
#define HV_REGISTER_GUEST_CRASH_CTL 0x00000215u

/* Events that wait to be delivered. */
#define HV_REGISTER_PENDING_INTERRUPTION 0x00010002u
#define HV_REGISTER_INTERRUPT_STATE 0x00010003u
#define HV_REGISTER_PENDING_EVENT0 0x00010004u
#define HV_REGISTER_PENDING_EVENT1 0x00010005u
#define HV_REGISTER_DELIVERABILITY_NOTIFICATIONS 0x00010006u

/* General registers in the processor's own order, RAX 0 to R15 15. */
#define HV_X64_REGISTER_RAX 0x00020000u
#define HV_X64_REGISTER_RCX 0x00020001u
#define HV_X64_REGISTER_RDX 0x00020002u
#define HV_X64_REGISTER_RBX 0x00020003u
#define HV_X64_REGISTER_RSP 0x00020004u
#define HV_X64_REGISTER_RBP 0x00020005u
#define HV_X64_REGISTER_RSI 0x00020006u
#define HV_X64_REGISTER_RDI 0x00020007u
#define HV_X64_REGISTER_R8 0x00020008u
#define HV_X64_REGISTER_R9 0x00020009u
#define HV_X64_REGISTER_R10 0x0002000au
#define HV_X64_REGISTER_R11 0x0002000bu
#define HV_X64_REGISTER_R12 0x0002000cu
#define HV_X64_REGISTER_R13 0x0002000du
#define HV_X64_REGISTER_R14 0x0002000eu
#define HV_X64_REGISTER_R15 0x0002000fu
#define HV_X64_REGISTER_RIP 0x00020010u
#define HV_X64_REGISTER_RFLAGS 0x00020011u

/* XMM0 + n for n 0..15, FP_MMX0 + n for n 0..7. */
#define HV_X64_REGISTER_XMM0 0x00030000u
#define HV_X64_REGISTER_XMM15 0x0003000fu
#define HV_X64_REGISTER_FP_MMX0 0x00030010u
#define HV_X64_REGISTER_FP_MMX7 0x00030017u
#define HV_X64_REGISTER_FP_CONTROL_STATUS 0x00030018u
#define HV_X64_REGISTER_XMM_CONTROL_STATUS 0x00030019u

#define HV_X64_REGISTER_CR0 0x00040000u
#define HV_X64_REGISTER_CR2 0x00040001u
#define HV_X64_REGISTER_CR3 0x00040002u
#define HV_X64_REGISTER_CR4 0x00040003u
#define HV_X64_REGISTER_CR8 0x00040004u
#define HV_X64_REGISTER_XFEM 0x00040005u /* XCR0 */

#define HV_X64_REGISTER_DR0 0x00050000u
#define HV_X64_REGISTER_DR1 0x00050001u
#define HV_X64_REGISTER_DR2 0x00050002u
#define HV_X64_REGISTER_DR3 0x00050003u
#define HV_X64_REGISTER_DR6 0x00050004u
#define HV_X64_REGISTER_DR7 0x00050005u

#define HV_X64_REGISTER_ES 0x00060000u
#define HV_X64_REGISTER_CS 0x00060001u
#define HV_X64_REGISTER_SS 0x00060002u
#define HV_X64_REGISTER_DS 0x00060003u
#define HV_X64_REGISTER_FS 0x00060004u
#define HV_X64_REGISTER_GS 0x00060005u
#define HV_X64_REGISTER_LDTR 0x00060006u
#define HV_X64_REGISTER_TR 0x00060007u

#define HV_X64_REGISTER_IDTR 0x00070000u
#define HV_X64_REGISTER_GDTR 0x00070001u

/* Model-specific registers that are virtual. */
#define HV_X64_REGISTER_TSC 0x00080000u
#define HV_X64_REGISTER_EFER 0x00080001u
#define HV_X64_REGISTER_KERNEL_GS_BASE 0x00080002u
#define HV_X64_REGISTER_APIC_BASE 0x00080003u
#define HV_X64_REGISTER_PAT 0x00080004u
#define HV_X64_REGISTER_SYSENTER_CS 0x00080005u
#define HV_X64_REGISTER_SYSENTER_EIP 0x00080006u
#define HV_X64_REGISTER_SYSENTER_ESP 0x00080007u
#define HV_X64_REGISTER_STAR 0x00080008u
#define HV_X64_REGISTER_LSTAR 0x00080009u
#define HV_X64_REGISTER_CSTAR 0x0008000au
#define HV_X64_REGISTER_SFMASK 0x0008000bu
#define HV_X64_REGISTER_INITIAL_APIC_ID 0x0008000cu
#define HV_X64_REGISTER_MSR_MTRR_CAP 0x0008000du
#define HV_X64_REGISTER_MSR_MTRR_DEF_TYPE 0x0008000eu
/* BASE0 + n and MASK0 + n for n 0..15. */
#define HV_X64_REGISTER_MSR_MTRR_PHYS_BASE0 0x00080010u
#define HV_X64_REGISTER_MSR_MTRR_PHYS_MASK0 0x00080040u
#define HV_X64_REGISTER_MSR_MTRR_FIX64K00000 0x00080070u
#define HV_X64_REGISTER_MSR_MTRR_FIX16K80000 0x00080071u
#define HV_X64_REGISTER_MSR_MTRR_FIX16KA0000 0x00080072u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KC0000 0x00080073u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KC8000 0x00080074u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KD0000 0x00080075u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KD8000 0x00080076u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KE0000 0x00080077u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KE8000 0x00080078u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KF0000 0x00080079u
#define HV_X64_REGISTER_MSR_MTRR_FIX4KF8000 0x0008007au
#define HV_X64_REGISTER_TSC_AUX 0x0008007bu
#define HV_X64_REGISTER_BNDCFGS 0x0008007cu
#define HV_X64_REGISTER_DEBUG_CTL 0x0008007du
#define HV_X64_REGISTER_SPEC_CTRL 0x00080084u
#define HV_X64_REGISTER_XSS 0x0008008bu
#define HV_X64_REGISTER_U_CET 0x0008008cu
#define HV_X64_REGISTER_S_CET 0x0008008du
#define HV_X64_REGISTER_SSP 0x0008008eu
#define HV_X64_REGISTER_PL0_SSP 0x0008008fu
#define HV_X64_REGISTER_PL1_SSP 0x00080090u
#define HV_X64_REGISTER_PL2_SSP 0x00080091u
#define HV_X64_REGISTER_PL3_SSP 0x00080092u
#define HV_X64_REGISTER_INTERRUPT_SSP_TABLE_ADDR 0x00080093u
#define HV_X64_REGISTER_TSC_DEADLINE 0x00080095u
#define HV_X64_REGISTER_TSC_ADJUST 0x00080096u
#define HV_X64_REGISTER_MSR_IA32_MISC_ENABLE 0x000800a0u

/* The synthetic MSRs (guest.h) under their register names. */
#define HV_REGISTER_VP_RUNTIME 0x00090000u
#define HV_X64_REGISTER_HYPERCALL 0x00090001u
#define HV_REGISTER_GUEST_OS_ID 0x00090002u
#define HV_REGISTER_VP_INDEX 0x00090003u
#define HV_REGISTER_TIME_REF_COUNT 0x00090004u
#define HV_REGISTER_VP_ASSIST_PAGE 0x00090013u
#define HV_REGISTER_REFERENCE_TSC 0x00090017u

/* SINT0 + n for n 0..15. */
#define HV_REGISTER_SINT0 0x000a0000u
#define HV_REGISTER_SCONTROL 0x000a0010u
#define HV_REGISTER_SVERSION 0x000a0011u
#define HV_REGISTER_SIEFP 0x000a0012u
#define HV_REGISTER_SIMP 0x000a0013u
#define HV_REGISTER_EOM 0x000a0014u

/* Timer n of 0..3 has CONFIG + 2n and COUNT + 2n. */
#define HV_REGISTER_STIMER0_CONFIG 0x000b0000u
#define HV_REGISTER_STIMER0_COUNT 0x000b0001u

struct hv_x64_segment_register {
	__u64 base;
	__u32 limit; /* in bytes, as the processor uses it: granularity applied */
	__u16 selector;
	__u16 attributes; /* HV_X64_SEGMENT_* */
};

#define HV_X64_SEGMENT_TYPE 0x000fu
#define HV_X64_SEGMENT_NON_SYSTEM (1u << 4)
#define HV_X64_SEGMENT_DPL_SHIFT 5
#define HV_X64_SEGMENT_DPL 0x0060u
#define HV_X64_SEGMENT_PRESENT (1u << 7)
#define HV_X64_SEGMENT_RESERVED 0x0f00u
#define HV_X64_SEGMENT_AVAILABLE (1u << 12)
#define HV_X64_SEGMENT_LONG (1u << 13)
#define HV_X64_SEGMENT_DEFAULT (1u << 14)
#define HV_X64_SEGMENT_GRANULARITY (1u << 15)

struct hv_x64_table_register {
	__u16 pad[3];
	__u16 limit;
	__u64 base;
};

struct hv_x64_fp_register {
	__u64 mantissa;
	__u16 exponent_and_sign; /* biased exponent, bit 15: sign */
	__u16 reserved[3];
};

struct hv_x64_fp_control_status {
	__u16 control;
	__u16 status;
	__u8 tag; /* abridged, one bit a register, as FXSAVE has it */
	__u8 reserved;
	__u16 last_opcode;
	__u64 last_rip;
};

struct hv_x64_xmm_control_status {
	__u64 last_rdp;
	__u32 mxcsr;
	__u32 mxcsr_mask;
};

/* Every value of a register fills 16 bytes; what is narrower is zero-extended. */
union hv_register_value {
	struct hv_u128 reg128;
	__u64 reg64;
	__u32 reg32;
	__u16 reg16;
	__u8 reg8;
	__u32 cpuid[4]; /* EAX, EBX, ECX, EDX */
	struct hv_x64_segment_register segment;
	struct hv_x64_table_register table;
	struct hv_x64_fp_register fp;
	struct hv_x64_fp_control_status fp_control_status;
	struct hv_x64_xmm_control_status xmm_control_status;
};

/* One element of a list of registers to set. */
struct hv_register_assoc {
	__u32 name; /* HV_REGISTER_*, HV_X64_REGISTER_* */
	__u32 reserved1;
	__u64 reserved2;
	union hv_register_value value;
};

/* PENDING_INTERRUPTION, low half; the error code is the high half. */
#define HV_X64_PENDING_VALID (1ull << 0)
#define HV_X64_PENDING_TYPE_SHIFT 1
#define HV_X64_PENDING_TYPE (7ull << HV_X64_PENDING_TYPE_SHIFT)
#define HV_X64_PENDING_ERROR_CODE_VALID (1ull << 4)
#define HV_X64_PENDING_LENGTH_SHIFT 5
#define HV_X64_PENDING_LENGTH (15ull << HV_X64_PENDING_LENGTH_SHIFT)
#define HV_X64_PENDING_NESTED (1ull << 9)
#define HV_X64_PENDING_RESERVED (0x3full << 10)
#define HV_X64_PENDING_VECTOR_SHIFT 16
#define HV_X64_PENDING_VECTOR (0xffffull << HV_X64_PENDING_VECTOR_SHIFT)
#define HV_X64_PENDING_ERROR_CODE_SHIFT 32

/* Values of HV_X64_PENDING_TYPE. */
#define HV_X64_PENDING_INTERRUPT 0u
#define HV_X64_PENDING_NMI 2u
#define HV_X64_PENDING_EXCEPTION 3u
#define HV_X64_PENDING_SOFTWARE_INTERRUPT 4u
#define HV_X64_PENDING_PRIVILEGED_SOFTWARE_EXCEPTION 5u
#define HV_X64_PENDING_SOFTWARE_EXCEPTION 6u

/* INTERRUPT_STATE. */
#define HV_X64_INTERRUPT_SHADOW (1ull << 0)
#define HV_X64_NMI_MASKED (1ull << 1)

/* PENDING_EVENT0 with an exception: the low word; the high one is its parameter. */
#define HV_X64_EVENT_PENDING (1ull << 0)
#define HV_X64_EVENT_TYPE_SHIFT 1
#define HV_X64_EVENT_TYPE (7ull << HV_X64_EVENT_TYPE_SHIFT)
#define HV_X64_EVENT_ERROR_CODE_VALID (1ull << 8)
#define HV_X64_EVENT_VECTOR_SHIFT 16
#define HV_X64_EVENT_VECTOR (0xffffull << HV_X64_EVENT_VECTOR_SHIFT)
#define HV_X64_EVENT_ERROR_CODE_SHIFT 32
#define HV_X64_EVENT_TYPE_EXCEPTION 0u

/* Groups of the register page, as bit numbers of its field dirty. */
#define HV_X64_REGISTER_CLASS_GENERAL 0
#define HV_X64_REGISTER_CLASS_IP 1
#define HV_X64_REGISTER_CLASS_XMM 2
#define HV_X64_REGISTER_CLASS_SEGMENT 3
#define HV_X64_REGISTER_CLASS_FLAGS 4
#define HV_X64_REGISTER_CLASS_MASK 0x1fu

#define HV_VP_REGISTER_PAGE_VERSION_1 1u
#define HV_VP_REGISTER_PAGE_MAX_VECTORS 7

/*
 * The register page of a VP, valid while the VP is suspended or has a message. Who
 * changes a field sets its class in dirty before the VP runs again; from cr0 on
 * nothing is taken back.
 */
struct hv_vp_register_page {
	__u16 version; /* HV_VP_REGISTER_PAGE_VERSION_1 */
	__u8 isvalid;
	__u8 reserved0;
	__u32 dirty; /* 1 << HV_X64_REGISTER_CLASS_* */
	union {
		struct {
			__u64 rax;
			__u64 rcx;
			__u64 rdx;
			__u64 rbx;
			__u64 rsp;
			__u64 rbp;
			__u64 rsi;
			__u64 rdi;
			__u64 r8;
			__u64 r9;
			__u64 r10;
			__u64 r11;
			__u64 r12;
			__u64 r13;
			__u64 r14;
			__u64 r15;
		};
		__u64 gp_registers[16];
	};
	__u64 rip;
	__u64 rflags;
	__u64 reserved1;
	struct hv_u128 xmm[6];
	union {
		struct {
			struct hv_x64_segment_register es;
			struct hv_x64_segment_register cs;
			struct hv_x64_segment_register ss;
			struct hv_x64_segment_register ds;
			struct hv_x64_segment_register fs;
			struct hv_x64_segment_register gs;
		};
		struct hv_x64_segment_register segments[6];
	};
	__u64 cr0;
	__u64 cr3;
	__u64 cr4;
	__u64 cr8;
	__u64 efer;
	__u64 dr7;
	__u64 pending_interruption; /* HV_X64_PENDING_* */
	__u64 interrupt_state; /* HV_X64_INTERRUPT_SHADOW, HV_X64_NMI_MASKED */
	__u64 instruction_emulation_hints;
	__u64 xfem;
	__u8 reserved2[256];
	__u8 vector_count;
	__u8 vectors[HV_VP_REGISTER_PAGE_MAX_VECTORS];
};

_Static_assert(sizeof(struct hv_x64_segment_register) == 16, "HV_X64_SEGMENT_REGISTER");
_Static_assert(sizeof(struct hv_x64_table_register) == 16, "HV_X64_TABLE_REGISTER");
_Static_assert(sizeof(union hv_register_value) == 16, "HV_REGISTER_VALUE");
_Static_assert(sizeof(struct hv_register_assoc) == 32, "HV_REGISTER_ASSOC");
_Static_assert(__builtin_offsetof(struct hv_vp_register_page, gp_registers) == 8, "GPRs");
_Static_assert(__builtin_offsetof(struct hv_vp_register_page, rip) == 136, "RIP");
_Static_assert(__builtin_offsetof(struct hv_vp_register_page, xmm) == 160, "XMM");
_Static_assert(__builtin_offsetof(struct hv_vp_register_page, segments) == 256, "segments");
_Static_assert(__builtin_offsetof(struct hv_vp_register_page, cr0) == 352, "CR0");
_Static_assert(__builtin_offsetof(struct hv_vp_register_page, vector_count) == 688, "vectors");

#endif
