/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a guest sees: CPUID leaves, synthetic MSRs, the pages of its interrupt
 * controller, timers and reference time (TLFS 6.0b, chapters 2, 11, 12).
 */
#ifndef HYPERV_GUEST_H
#define HYPERV_GUEST_H

#include <hyperv/message.h>

/* ---- CPUID ---- */

#define HV_CPUID_VENDOR 0x40000000u /* EAX: highest leaf; EBX, ECX, EDX: vendor */
#define HV_CPUID_INTERFACE 0x40000001u
#define HV_CPUID_VERSION 0x40000002u
#define HV_CPUID_FEATURES 0x40000003u
#define HV_CPUID_HINTS 0x40000004u
#define HV_CPUID_LIMITS 0x40000005u /* EAX: VPs, EBX: logical processors */
#define HV_CPUID_HARDWARE 0x40000006u
#define HV_CPUID_NESTED 0x4000000au
#define HV_CPUID_VS_INTERFACE 0x40000081u
#define HV_CPUID_VS_PROPERTIES 0x40000082u

/* "Microsoft Hv" in EBX, ECX, EDX, and "Hv#1" in EAX of the next leaf. */
#define HV_CPUID_VENDOR_EBX 0x7263694du
#define HV_CPUID_VENDOR_ECX 0x666f736fu
#define HV_CPUID_VENDOR_EDX 0x76482074u
#define HV_CPUID_INTERFACE_HV1 0x31237648u

/* FEATURES, EAX: MSRs that the partition may use. */
#define HV_ACCESS_VP_RUNTIME (1u << 0)
#define HV_ACCESS_REFERENCE_COUNTER (1u << 1)
#define HV_ACCESS_SYNIC (1u << 2)
#define HV_ACCESS_SYNTHETIC_TIMERS (1u << 3)
#define HV_ACCESS_APIC_MSRS (1u << 4)
#define HV_ACCESS_HYPERCALL_MSRS (1u << 5)
#define HV_ACCESS_VP_INDEX (1u << 6)
#define HV_ACCESS_RESET (1u << 7)
#define HV_ACCESS_STATS (1u << 8)
#define HV_ACCESS_REFERENCE_TSC (1u << 9)
#define HV_ACCESS_GUEST_IDLE (1u << 10)
#define HV_ACCESS_FREQUENCY_MSRS (1u << 11)
#define HV_ACCESS_REENLIGHTENMENT (1u << 13)
#define HV_ACCESS_TSC_INVARIANT (1u << 15)

/* FEATURES, EBX: calls that it may make. */
#define HV_MAY_CREATE_PARTITIONS (1u << 0)
#define HV_MAY_ACCESS_PARTITION_ID (1u << 1)
#define HV_MAY_POST_MESSAGES (1u << 4)
#define HV_MAY_SIGNAL_EVENTS (1u << 5)
#define HV_MAY_CREATE_PORT (1u << 6)
#define HV_MAY_CONNECT_PORT (1u << 7)
#define HV_MAY_MANAGE_CPUS (1u << 12)

/* FEATURES, EDX. */
#define HV_FEATURE_XMM_INPUT (1u << 4)
#define HV_FEATURE_IDLE_STATE (1u << 5)
#define HV_FEATURE_FREQUENCY_MSRS (1u << 8)
#define HV_FEATURE_CRASH_MSRS (1u << 10)
#define HV_FEATURE_EXTENDED_GVA_RANGES (1u << 14)
#define HV_FEATURE_XMM_OUTPUT (1u << 15)
#define HV_FEATURE_DIRECT_TIMERS (1u << 19)

/* HINTS, EAX: what the guest had better do. EBX: spins before it says that it
 * waits long, ~0: never. */
#define HV_HINT_ADDRESS_SPACE_SWITCH (1u << 0)
#define HV_HINT_LOCAL_TLB_FLUSH (1u << 1)
#define HV_HINT_REMOTE_TLB_FLUSH (1u << 2)
#define HV_HINT_APIC_MSRS (1u << 3)
#define HV_HINT_RESET_MSR (1u << 4)
#define HV_HINT_RELAXED_TIMING (1u << 5)
#define HV_HINT_NO_AUTO_EOI (1u << 9)
#define HV_HINT_CLUSTER_IPI (1u << 10)
#define HV_HINT_EXTENDED_MASKS (1u << 11)
#define HV_HINT_NESTED (1u << 12)
#define HV_SPIN_NEVER_NOTIFY 0xffffffffu

/* ---- MSRs ---- */

#define HV_X64_MSR_GUEST_OS_ID 0x40000000u
#define HV_X64_MSR_HYPERCALL 0x40000001u
#define HV_X64_MSR_VP_INDEX 0x40000002u
#define HV_X64_MSR_RESET 0x40000003u
#define HV_X64_MSR_VP_RUNTIME 0x40000010u
#define HV_X64_MSR_TIME_REF_COUNT 0x40000020u
#define HV_X64_MSR_REFERENCE_TSC 0x40000021u
#define HV_X64_MSR_TSC_FREQUENCY 0x40000022u
#define HV_X64_MSR_APIC_FREQUENCY 0x40000023u
#define HV_X64_MSR_EOI 0x40000070u
#define HV_X64_MSR_ICR 0x40000071u
#define HV_X64_MSR_TPR 0x40000072u
#define HV_X64_MSR_VP_ASSIST_PAGE 0x40000073u
#define HV_X64_MSR_SCONTROL 0x40000080u
#define HV_X64_MSR_SVERSION 0x40000081u
#define HV_X64_MSR_SIEFP 0x40000082u
#define HV_X64_MSR_SIMP 0x40000083u
#define HV_X64_MSR_EOM 0x40000084u
#define HV_X64_MSR_SINT0 0x40000090u
#define HV_X64_MSR_SINT15 0x4000009fu
/* Timer n of 0..3 has CONFIG + 2n and COUNT + 2n. */
#define HV_X64_MSR_STIMER0_CONFIG 0x400000b0u
#define HV_X64_MSR_STIMER0_COUNT 0x400000b1u
#define HV_X64_MSR_STIMER3_COUNT 0x400000b7u
#define HV_X64_MSR_GUEST_IDLE 0x400000f0u
#define HV_X64_MSR_CRASH_P0 0x40000100u
#define HV_X64_MSR_CRASH_P4 0x40000104u
#define HV_X64_MSR_CRASH_CTL 0x40000105u
#define HV_X64_MSR_REENLIGHTENMENT_CONTROL 0x40000106u
#define HV_X64_MSR_TSC_EMULATION_CONTROL 0x40000107u
#define HV_X64_MSR_TSC_EMULATION_STATUS 0x40000108u
#define HV_X64_MSR_TSC_INVARIANT_CONTROL 0x40000118u

/* HYPERCALL, REFERENCE_TSC, VP_ASSIST_PAGE, SIEFP, SIMP: a page of the guest, its
 * number in bits 63:12. */
#define HV_MSR_PAGE_ENABLE (1ull << 0)
#define HV_MSR_PAGE_GPA (~0xfffull)
#define HV_HYPERCALL_LOCKED (1ull << 1)
#define HV_HYPERCALL_RESERVED 0xffcull
#define HV_RESET_NOW (1ull << 0)
#define HV_TSC_INVARIANT_EXPOSE (1ull << 0)

/* GUEST_OS_ID: bit 63 says open source; then bits 62:56 are the kind of system, 47:16
 * its version. */
#define HV_GUEST_OS_ID_OPEN_SOURCE (1ull << 63)
#define HV_GUEST_OS_ID_TYPE_SHIFT 56
#define HV_GUEST_OS_ID_TYPE 0x7full
#define HV_GUEST_OS_ID_TYPE_LINUX 1u
#define HV_GUEST_OS_ID_VERSION_SHIFT 16

/* CRASH_CTL: NOTIFY is written once P0..P4 are; MESSAGE: P3 is the GPA of a text,
 * P4 its bytes. Reading it tells which of both hv takes. */
#define HV_CRASH_CTL_MESSAGE (1ull << 62)
#define HV_CRASH_CTL_NOTIFY (1ull << 63)

/* ---- Interrupt controller ---- */

#define HV_SYNIC_SINT_COUNT 16
#define HV_SYNIC_VERSION_1 1u
#define HV_SYNIC_FIRST_VALID_VECTOR 16u
#define HV_SYNIC_VMBUS_SINT 2

#define HV_SCONTROL_ENABLE (1ull << 0)

#define HV_SINT_VECTOR 0xffull
#define HV_SINT_MASKED (1ull << 16)
#define HV_SINT_AUTO_EOI (1ull << 17)
#define HV_SINT_POLLING (1ull << 18)
#define HV_SINT_AS_INTERCEPT (1ull << 19)
#define HV_SINT_PROXY (1ull << 20)

/* The page in SIMP: one slot a SINT, empty when its type is HVMSG_NONE. */
struct hv_message_page {
	struct hv_message slots[HV_SYNIC_SINT_COUNT];
};

#define HV_EVENT_FLAGS_COUNT 2048u

/* The page in SIEFP: 2048 flags a SINT. */
struct hv_event_flags_page {
	__u64 flags[HV_SYNIC_SINT_COUNT][HV_EVENT_FLAGS_COUNT / 64];
};

/* ---- Time ---- */

/* Reference time counts 100 ns. */
#define HV_REFERENCE_HZ 10000000u

#define HV_STIMER_COUNT 4
#define HV_STIMER_ENABLE (1ull << 0)
#define HV_STIMER_PERIODIC (1ull << 1)
#define HV_STIMER_LAZY (1ull << 2)
#define HV_STIMER_AUTO_ENABLE (1ull << 3)
#define HV_STIMER_VECTOR_SHIFT 4
#define HV_STIMER_VECTOR (0xffull << HV_STIMER_VECTOR_SHIFT)
#define HV_STIMER_DIRECT_MODE (1ull << 12)
#define HV_STIMER_SINT_SHIFT 16
#define HV_STIMER_SINT (0xfull << HV_STIMER_SINT_SHIFT)
#define HV_STIMER_RESERVED 0xfffffffffff0e000ull

/*
 * The page in REFERENCE_TSC. Reference time = (TSC * scale >> 64) + offset, read
 * between two equal values of sequence; sequence 0 says to read the MSR instead.
 */
struct hv_reference_tsc_page {
	__u32 sequence;
	__u32 reserved1;
	__u64 scale;
	__s64 offset;
	__u64 reserved2[509];
};

/* The page in VP_ASSIST_PAGE, what of it matters without virtual secure mode. */
struct hv_vp_assist_page {
	__u32 apic_assist; /* bit 0: no EOI required */
	__u32 reserved;
	__u8 rest[4088];
};

_Static_assert(sizeof(struct hv_message_page) == 4096, "SIM page");
_Static_assert(sizeof(struct hv_event_flags_page) == 4096, "SIEF page");
_Static_assert(sizeof(struct hv_reference_tsc_page) == 4096, "reference TSC page");
_Static_assert(sizeof(struct hv_vp_assist_page) == 4096, "VP assist page");

#endif
