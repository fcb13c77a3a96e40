/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Messages: what a SynIC message slot holds, and what a VP's intercepts tell the
 * parent (TLFS 6.0b, sections 11.7 and 13; appendix D for x64).
 */
#ifndef HYPERV_MESSAGE_H
#define HYPERV_MESSAGE_H

#include <hyperv/register.h>

#define HV_MESSAGE_SIZE 256
#define HV_MESSAGE_PAYLOAD_SIZE 240

/* Types from here on are the hypervisor's own: no partition can post one. */
#define HVMSG_HYPERVISOR 0x80000000u

#define HVMSG_NONE 0x00000000u
#define HVMSG_UNMAPPED_GPA 0x80000000u
#define HVMSG_GPA_INTERCEPT 0x80000001u
#define HVMSG_TIMER_EXPIRED 0x80000010u
#define HVMSG_INVALID_VP_REGISTER_VALUE 0x80000020u
#define HVMSG_UNRECOVERABLE_EXCEPTION 0x80000021u
#define HVMSG_UNSUPPORTED_FEATURE 0x80000022u
#define HVMSG_OPAQUE_INTERCEPT 0x8000003fu
#define HVMSG_HYPERCALL_INTERCEPT 0x80000050u
#define HVMSG_SYNIC_SINT_INTERCEPT 0x80000061u
#define HVMSG_SYNIC_SINT_DELIVERABLE 0x80000062u
#define HVMSG_X64_IO_PORT_INTERCEPT 0x80010000u
#define HVMSG_X64_MSR_INTERCEPT 0x80010001u
#define HVMSG_X64_CPUID_INTERCEPT 0x80010002u
#define HVMSG_X64_EXCEPTION_INTERCEPT 0x80010003u
#define HVMSG_X64_APIC_EOI 0x80010004u
#define HVMSG_X64_LEGACY_FP_ERROR 0x80010005u
#define HVMSG_X64_HALT 0x80010007u
#define HVMSG_X64_INTERRUPTION_DELIVERABLE 0x80010008u
#define HVMSG_X64_SIPI_INTERCEPT 0x80010009u

/* message_flags: another message waits for the slot. */
#define HV_MESSAGE_PENDING 1u

struct hv_message_header {
	__u32 message_type; /* HVMSG_* */
	__u8 payload_size; /* bytes, at most HV_MESSAGE_PAYLOAD_SIZE */
	__u8 message_flags;
	__u8 reserved[2];
	union {
		__u64 sender; /* partition id */
		__u32 port; /* of a message that a partition posted: 24 bits */
	};
};

struct hv_message {
	struct hv_message_header header;
	union {
		__u64 payload[HV_MESSAGE_PAYLOAD_SIZE / 8];
		__u8 bytes[HV_MESSAGE_PAYLOAD_SIZE];
	};
};

/* HVMSG_TIMER_EXPIRED, times in 100 ns of the partition's reference time. */
struct hv_timer_message {
	__u32 timer_index;
	__u32 reserved;
	__u64 expiration_time;
	__u64 delivery_time;
};

/* execution_state of an intercept. */
#define HV_X64_STATE_CPL 0x0003u
#define HV_X64_STATE_CR0_PE (1u << 2)
#define HV_X64_STATE_CR0_AM (1u << 3)
#define HV_X64_STATE_EFER_LMA (1u << 4)
#define HV_X64_STATE_DEBUG_ACTIVE (1u << 5)
#define HV_X64_STATE_INTERRUPTION_PENDING (1u << 6)
#define HV_X64_STATE_VTL 0x0780u
#define HV_X64_STATE_INTERRUPT_SHADOW (1u << 12)

#define HV_X64_ACCESS_READ 0u
#define HV_X64_ACCESS_WRITE 1u
#define HV_X64_ACCESS_EXECUTE 2u

/* How every intercept message's payload begins: the VP as the instruction found it. */
struct hv_x64_intercept_header {
	__u32 vp_index;
	__u8 length_and_cr8; /* bits 3:0 instruction length, 0: not known; 7:4 CR8 */
	__u8 access_type; /* HV_X64_ACCESS_* */
	__u16 execution_state; /* HV_X64_STATE_* */
	struct hv_x64_segment_register cs;
	__u64 rip;
	__u64 rflags;
};

/* access_info of an I/O port intercept. */
#define HV_X64_IO_ACCESS_SIZE 0x07u /* 1, 2 or 4 bytes */
#define HV_X64_IO_STRING (1u << 3)
#define HV_X64_IO_REP (1u << 4)

/* HVMSG_X64_IO_PORT_INTERCEPT. */
struct hv_x64_io_port_message {
	struct hv_x64_intercept_header header;
	__u16 port_number;
	__u8 access_info; /* HV_X64_IO_* */
	__u8 instruction_byte_count;
	__u32 reserved;
	__u64 rax;
	__u8 instruction_bytes[16];
	struct hv_x64_segment_register ds;
	struct hv_x64_segment_register es;
	__u64 rcx;
	__u64 rsi;
	__u64 rdi;
};

/* access_info of a memory intercept. */
#define HV_X64_MEMORY_GVA_VALID (1u << 0)
#define HV_X64_MEMORY_GVA_GPA_VALID (1u << 1)
#define HV_X64_MEMORY_OUTPUT_PENDING (1u << 2)

#define HV_CACHE_TYPE_UNCACHED 0u
#define HV_CACHE_TYPE_WRITE_COMBINING 1u
#define HV_CACHE_TYPE_WRITE_THROUGH 4u
#define HV_CACHE_TYPE_WRITE_PROTECTED 5u
#define HV_CACHE_TYPE_WRITE_BACK 6u

/* HVMSG_UNMAPPED_GPA; HVMSG_GPA_INTERCEPT where the page is mapped with less rights. */
struct hv_x64_memory_message {
	struct hv_x64_intercept_header header;
	__u32 cache_type; /* HV_CACHE_TYPE_* */
	__u8 instruction_byte_count; /* 0: not read */
	__u8 access_info; /* HV_X64_MEMORY_* */
	__u8 tpr_priority;
	__u8 reserved;
	__u64 gva;
	__u64 gpa;
	__u8 instruction_bytes[16];
};

/* HVMSG_X64_MSR_INTERCEPT. */
struct hv_x64_msr_message {
	struct hv_x64_intercept_header header;
	__u32 msr;
	__u32 reserved;
	__u64 rdx;
	__u64 rax;
};

/* HVMSG_X64_CPUID_INTERCEPT: the input, and what the hypervisor would answer. */
struct hv_x64_cpuid_message {
	struct hv_x64_intercept_header header;
	__u64 rax;
	__u64 rcx;
	__u64 rdx;
	__u64 rbx;
	__u64 default_rax;
	__u64 default_rcx;
	__u64 default_rdx;
	__u64 default_rbx;
};

/* HVMSG_UNRECOVERABLE_EXCEPTION (a triple fault) and HVMSG_X64_HALT. */
struct hv_x64_state_message {
	struct hv_x64_intercept_header header;
};

/* HVMSG_X64_APIC_EOI. */
struct hv_x64_apic_eoi_message {
	__u32 vp_index;
	__u32 vector;
};

/* HVMSG_X64_INTERRUPTION_DELIVERABLE. */
struct hv_x64_deliverable_message {
	struct hv_x64_intercept_header header;
	__u8 type; /* HV_X64_PENDING_INTERRUPT, HV_X64_PENDING_NMI */
	__u8 reserved[7];
};

/* HVMSG_X64_SIPI_INTERCEPT. */
struct hv_x64_sipi_message {
	struct hv_x64_intercept_header header;
	__u32 target_vp_index;
	__u32 vector;
};

_Static_assert(sizeof(struct hv_message_header) == 16, "HV_MESSAGE_HEADER");
_Static_assert(sizeof(struct hv_message) == HV_MESSAGE_SIZE, "HV_MESSAGE");
_Static_assert(sizeof(struct hv_timer_message) == 24, "HV_TIMER_MESSAGE_PAYLOAD");
_Static_assert(sizeof(struct hv_x64_intercept_header) == 40, "intercept header");
_Static_assert(__builtin_offsetof(struct hv_x64_io_port_message, rax) == 48, "I/O: RAX");
_Static_assert(sizeof(struct hv_x64_io_port_message) == 128, "I/O port message");
_Static_assert(__builtin_offsetof(struct hv_x64_memory_message, gva) == 48, "memory: GVA");
_Static_assert(sizeof(struct hv_x64_memory_message) == 80, "memory message");
_Static_assert(sizeof(struct hv_x64_msr_message) == 64, "MSR message");
_Static_assert(sizeof(struct hv_x64_cpuid_message) == 104, "CPUID message");
_Static_assert(sizeof(struct hv_x64_apic_eoi_message) == 8, "EOI message");
_Static_assert(sizeof(struct hv_x64_deliverable_message) == 48, "deliverable message");
_Static_assert(sizeof(struct hv_x64_sipi_message) == 48, "SIPI message");

#endif
