/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual machine control block. Source: AMD APM volume 2, appendix B
 * (layout) and C (exit codes), revision 3.41. */
#ifndef HV_X86_SVM_VMCB_H
#define HV_X86_SVM_VMCB_H

#include "core/types.h"

struct vmcb_segment {
	u16 selector;
	u16 attributes; /* descriptor bits 40..47 and 52..55 */
	u32 limit;
	u64 base;
};

struct vmcb {
	/* Control area. */
	u32 intercept_cr;
	u32 intercept_dr;
	u32 intercept_exceptions;
	u32 intercept1; /* INTERCEPT1_* */
	u32 intercept2; /* INTERCEPT2_* */
	u32 intercept3;
	u8 reserved0[0x40 - 0x18];
	u64 iopm;
	u64 msrpm;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved1[3];
	u64 int_control; /* INT_CONTROL_* */
	u64 int_state; /* INT_STATE_* */
	u64 exit_code;
	u64 exit_info1;
	u64 exit_info2;
	u64 exit_int_info; /* EVENT_* */
	u64 np_control;
	u8 reserved2[0xa8 - 0x98];
	u64 event_inject; /* EVENT_* */
	u64 n_cr3;
	u64 lbr_control;
	u32 clean;
	u32 reserved3;
	u64 next_rip;
	u8 insn_count;
	u8 insn[15];
	u8 reserved4[0x400 - 0xe0];
	/* State save area. */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved5[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved6;
	u64 efer;
	u8 reserved7[0x548 - 0x4d8];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved8[0x5d8 - 0x580];
	u64 rsp;
	u64 s_cet;
	u64 ssp;
	u64 isst_addr;
	u64 rax;
	u64 star, lstar, cstar, sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved9[0x668 - 0x648];
	u64 g_pat;
	u8 reserved10[0x1000 - 0x670];
};

_Static_assert(offsetof(struct vmcb, iopm) == 0x40, "APM B-1");
_Static_assert(offsetof(struct vmcb, int_control) == 0x60, "APM B-1");
_Static_assert(offsetof(struct vmcb, np_control) == 0x90, "APM B-1");
_Static_assert(offsetof(struct vmcb, event_inject) == 0xa8, "APM B-1");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "APM B-1");
_Static_assert(offsetof(struct vmcb, insn) == 0xd1, "APM B-1");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM B-2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM B-2");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "APM B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM B-2");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM B-2");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "APM B-2");
_Static_assert(sizeof(struct vmcb) == 0x1000, "a page");

#define INTERCEPT1_INTR BIT32(0)
#define INTERCEPT1_NMI BIT32(1)
#define INTERCEPT1_INIT BIT32(3)
#define INTERCEPT1_VINTR BIT32(4)
#define INTERCEPT1_RDPMC BIT32(15)
#define INTERCEPT1_CPUID BIT32(18)
#define INTERCEPT1_IRET BIT32(20)
#define INTERCEPT1_INVD BIT32(22)
#define INTERCEPT1_HLT BIT32(24)
#define INTERCEPT1_INVLPGA BIT32(26)
#define INTERCEPT1_IOIO BIT32(27)
#define INTERCEPT1_MSR BIT32(28)
#define INTERCEPT1_SHUTDOWN BIT32(31)

#define INTERCEPT2_VMRUN BIT32(0)
#define INTERCEPT2_VMMCALL BIT32(1)
#define INTERCEPT2_VMLOAD BIT32(2)
#define INTERCEPT2_VMSAVE BIT32(3)
#define INTERCEPT2_STGI BIT32(4)
#define INTERCEPT2_CLGI BIT32(5)
#define INTERCEPT2_SKINIT BIT32(6)
#define INTERCEPT2_WBINVD BIT32(9)
#define INTERCEPT2_MONITOR BIT32(10)
#define INTERCEPT2_MWAIT BIT32(11)
#define INTERCEPT2_MWAIT_ARMED BIT32(12)
#define INTERCEPT2_XSETBV BIT32(13)
#define INTERCEPT2_RDPRU BIT32(14)

#define INT_CONTROL_TPR 0x0ful
#define INT_CONTROL_IRQ BIT(8)
#define INT_CONTROL_IGNORE_TPR BIT(20)
#define INT_CONTROL_VECTOR_SHIFT 32
#define INT_CONTROL_MASKING BIT(24) /* RFLAGS.IF and CR8 are the guest's own */

#define PARENT_ASID 1

#define TLB_FLUSH_ALL 1
#define INT_STATE_SHADOW BIT(0)
#define NP_ENABLE BIT(0)

#define EVENT_VECTOR 0xfful
#define EVENT_TYPE (7ul << 8)
#define EVENT_TYPE_INTERRUPT (0ul << 8)
#define EVENT_TYPE_NMI (2ul << 8)
#define EVENT_TYPE_EXCEPTION (3ul << 8)
#define EVENT_HAS_ERROR BIT(11)
#define EVENT_VALID BIT(31)

enum svm_exit_code {
	SVM_EXIT_EXCEPTION = 0x40, /* and the vector */
	SVM_EXIT_INTR = 0x60,
	SVM_EXIT_NMI = 0x61,
	SVM_EXIT_INIT = 0x63,
	SVM_EXIT_VINTR = 0x64,
	SVM_EXIT_RDPMC = 0x6f,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_IRET = 0x74,
	SVM_EXIT_INVD = 0x76,
	SVM_EXIT_HLT = 0x78,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IOIO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82,
	SVM_EXIT_VMSAVE = 0x83,
	SVM_EXIT_STGI = 0x84,
	SVM_EXIT_CLGI = 0x85,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_WBINVD = 0x89,
	SVM_EXIT_MONITOR = 0x8a,
	SVM_EXIT_MWAIT = 0x8b,
	SVM_EXIT_MWAIT_ARMED = 0x8c,
	SVM_EXIT_XSETBV = 0x8d,
	SVM_EXIT_RDPRU = 0x8e,
	SVM_EXIT_NPF = 0x400,
	SVM_EXIT_INVALID = 0xffffffff,
};

/* IOIO, exit_info1. */
#define IOIO_IN BIT(0)
#define IOIO_STRING BIT(2)
#define IOIO_REP BIT(3)
#define IOIO_SIZE(x) (((x) >> 4) & 7)
#define IOIO_ADDRESS(x) ((u8)(((x) >> 7 & 7) << 1))
#define IOIO_SEGMENT(x) ((u8)((x) >> 10 & 7)) /* with decode assists */
#define IOIO_SEGMENT_DS 3
#define IOIO_PORT(x) ((u16)((x) >> 16))

/* NPF, exit_info1. */
#define NPF_WRITE BIT(1)
#define NPF_FETCH BIT(4)

#endif
