/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Hypercalls: control word, call codes, inputs and outputs (TLFS 6.0b, chapter 3
 * and the chapters of the calls).
 *
 * x64: RCX = control word, RDX and R8 = GPAs of input and output (or, with the fast
 * bit, the input's 16 bytes), RAX = result word. Input and output are 8-byte
 * aligned and do not cross a page. A list follows its input at once.
 */
#ifndef HYPERV_HYPERCALL_H
#define HYPERV_HYPERCALL_H

#include <hyperv/message.h>

/* Control word. */
#define HV_CALL_CODE 0xffffull
#define HV_CALL_FAST (1ull << 16)
#define HV_CALL_VARIABLE_HEADER_SHIFT 17 /* size in 8 bytes */
#define HV_CALL_VARIABLE_HEADER (0x3ffull << HV_CALL_VARIABLE_HEADER_SHIFT)
#define HV_CALL_NESTED (1ull << 31)
#define HV_CALL_REP_COUNT_SHIFT 32
#define HV_CALL_REP_COUNT (0xfffull << HV_CALL_REP_COUNT_SHIFT)
#define HV_CALL_REP_START_SHIFT 48
#define HV_CALL_REP_START (0xfffull << HV_CALL_REP_START_SHIFT)
#define HV_CALL_REP_MAX 0xfffu
/* Bits 30:27, 47:44 and 63:60. */
#define HV_CALL_RESERVED 0xf000f00078000000ull

/* Result word: the status (status.h) and the repetitions done. */
#define HV_RESULT_STATUS 0xffffull
#define HV_RESULT_REPS_SHIFT 32
#define HV_RESULT_REPS (0xfffull << HV_RESULT_REPS_SHIFT)

#define HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE 0x0002u
#define HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST 0x0003u
#define HVCALL_NOTIFY_LONG_SPIN_WAIT 0x0008u
#define HVCALL_SEND_IPI 0x000bu
#define HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX 0x0013u
#define HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX 0x0014u
#define HVCALL_SEND_IPI_EX 0x0015u
#define HVCALL_CREATE_PARTITION 0x0040u
#define HVCALL_INITIALIZE_PARTITION 0x0041u
#define HVCALL_FINALIZE_PARTITION 0x0042u
#define HVCALL_DELETE_PARTITION 0x0043u
#define HVCALL_GET_PARTITION_PROPERTY 0x0044u
#define HVCALL_SET_PARTITION_PROPERTY 0x0045u
#define HVCALL_GET_PARTITION_ID 0x0046u
#define HVCALL_DEPOSIT_MEMORY 0x0048u
#define HVCALL_WITHDRAW_MEMORY 0x0049u
#define HVCALL_MAP_GPA_PAGES 0x004bu
#define HVCALL_UNMAP_GPA_PAGES 0x004cu
#define HVCALL_INSTALL_INTERCEPT 0x004du
#define HVCALL_CREATE_VP 0x004eu
#define HVCALL_DELETE_VP 0x004fu
#define HVCALL_GET_VP_REGISTERS 0x0050u
#define HVCALL_SET_VP_REGISTERS 0x0051u
#define HVCALL_TRANSLATE_VIRTUAL_ADDRESS 0x0052u
#define HVCALL_CLEAR_VIRTUAL_INTERRUPT 0x0056u
#define HVCALL_POST_MESSAGE 0x005cu
#define HVCALL_SIGNAL_EVENT 0x005du
#define HVCALL_RETARGET_INTERRUPT 0x007eu
#define HVCALL_REGISTER_INTERCEPT_RESULT 0x0091u
#define HVCALL_ASSERT_VIRTUAL_INTERRUPT 0x0094u
#define HVCALL_SIGNAL_EVENT_DIRECT 0x00c0u
#define HVCALL_POST_MESSAGE_DIRECT 0x00c1u
#define HVCALL_GET_GPA_PAGES_ACCESS_STATES 0x00c9u
#define HVCALL_GET_VP_STATE 0x00e3u
#define HVCALL_SET_VP_STATE 0x00e4u
#define HVCALL_GET_VP_CPUID_VALUES 0x00f4u
#define HVCALL_GET_PARTITION_PROPERTY_EX 0x0101u

/* ---- Partitions ---- */

struct hv_proximity_domain_info {
	__u32 domain_id;
	__u32 flags;
};

/* HVCALL_CREATE_PARTITION, flags. */
#define HV_PARTITION_CREATION_FLAG_GPA_SUPER_PAGES_ENABLED (1ull << 4)
#define HV_PARTITION_CREATION_FLAG_EXO_PARTITION (1ull << 8)
#define HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED (1ull << 13)
#define HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE_ENABLED (1ull << 19)
#define HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE (1ull << 22)

struct hv_input_create_partition {
	__u64 flags; /* HV_PARTITION_CREATION_FLAG_* */
	struct hv_proximity_domain_info proximity;
	__u32 compatibility_version;
	__u32 padding;
	__u64 disabled_processor_features[2];
	__u64 disabled_xsave_features;
	__u64 isolation; /* 0: none */
};

struct hv_output_create_partition {
	__u64 partition_id;
};

/* INITIALIZE_PARTITION, FINALIZE_PARTITION, DELETE_PARTITION. */
struct hv_input_partition {
	__u64 partition_id;
};

#define HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS 0x00010000u
#define HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES 0x00010001u
#define HV_PARTITION_PROPERTY_SUSPEND 0x00020000u
#define HV_PARTITION_PROPERTY_CPU_RESERVE 0x00020001u
#define HV_PARTITION_PROPERTY_CPU_CAP 0x00020002u
#define HV_PARTITION_PROPERTY_CPU_WEIGHT 0x00020003u
#define HV_PARTITION_PROPERTY_CPU_GROUP_ID 0x00020004u
#define HV_PARTITION_PROPERTY_TIME_FREEZE 0x00030003u
#define HV_PARTITION_PROPERTY_REFERENCE_TIME 0x00030005u
#define HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET 0x00050003u
#define HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING 0x00050005u
#define HV_PARTITION_PROPERTY_IMPLEMENTED_PHYSICAL_ADDRESS_BITS 0x00050010u
#define HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION 0x00050017u
#define HV_PARTITION_PROPERTY_PROCESSOR_VENDOR 0x00060000u
#define HV_PARTITION_PROPERTY_PROCESSOR_FEATURES_DEPRECATED 0x00060001u
#define HV_PARTITION_PROPERTY_PROCESSOR_XSAVE_FEATURES 0x00060002u
#define HV_PARTITION_PROPERTY_PROCESSOR_CL_FLUSH_SIZE 0x00060003u
#define HV_PARTITION_PROPERTY_COMPATIBILITY_VERSION 0x00060005u
#define HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH 0x00060006u
#define HV_PARTITION_PROPERTY_XSAVE_STATES 0x00060007u
#define HV_PARTITION_PROPERTY_MAX_XSAVE_DATA_SIZE 0x00060008u
#define HV_PARTITION_PROPERTY_PROCESSOR_CLOCK_FREQUENCY 0x00060009u
#define HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0 0x0006000au
#define HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1 0x0006000bu
#define HV_PARTITION_PROPERTY_GUEST_OS_ID 0x00070000u
#define HV_PARTITION_PROPERTY_VMM_CAPABILITIES 0x00090007u

/* CPU_RESERVE and CPU_CAP: 65536 is one whole processor for each VP; cap 0: none.
 * CPU_WEIGHT: 1 to 10000, 100 unless set. */
#define HV_CPU_SHARE_WHOLE 0x10000u
#define HV_CPU_WEIGHT_MAX 10000u
#define HV_CPU_WEIGHT_DEFAULT 100u

/* Values of UNIMPLEMENTED_MSR_ACTION. */
#define HV_UNIMPLEMENTED_MSR_ACTION_FAULT 0u
#define HV_UNIMPLEMENTED_MSR_ACTION_IGNORE_WRITE_READ_ZERO 1u

struct hv_input_get_partition_property {
	__u64 partition_id;
	__u32 property_code; /* HV_PARTITION_PROPERTY_* */
	__u32 padding;
};

struct hv_output_get_partition_property {
	__u64 property_value;
};

struct hv_input_set_partition_property {
	__u64 partition_id;
	__u32 property_code;
	__u32 padding;
	__u64 property_value;
};

/* SYNTHETIC_PROC_FEATURES: what of the interface a guest is shown. */
#define HV_SYNTHETIC_HYPERVISOR_PRESENT (1ull << 0)
#define HV_SYNTHETIC_HV1 (1ull << 1)
#define HV_SYNTHETIC_VP_RUNTIME (1ull << 2)
#define HV_SYNTHETIC_REFERENCE_COUNTER (1ull << 3)
#define HV_SYNTHETIC_SYNIC (1ull << 4)
#define HV_SYNTHETIC_TIMERS (1ull << 5)
#define HV_SYNTHETIC_APIC_MSRS (1ull << 6)
#define HV_SYNTHETIC_HYPERCALL_MSRS (1ull << 7)
#define HV_SYNTHETIC_VP_INDEX (1ull << 8)
#define HV_SYNTHETIC_REFERENCE_TSC (1ull << 9)
#define HV_SYNTHETIC_GUEST_IDLE (1ull << 10)
#define HV_SYNTHETIC_FREQUENCY_MSRS (1ull << 11)
#define HV_SYNTHETIC_EXTENDED_GVA_RANGES (1ull << 15)
#define HV_SYNTHETIC_FAST_OUTPUT (1ull << 18)
#define HV_SYNTHETIC_START_VP (1ull << 20)
#define HV_SYNTHETIC_DIRECT_TIMERS (1ull << 22)
#define HV_SYNTHETIC_EXTENDED_MASKS (1ull << 24)
#define HV_SYNTHETIC_TLB_FLUSH (1ull << 25)
#define HV_SYNTHETIC_CLUSTER_IPI (1ull << 26)
#define HV_SYNTHETIC_LONG_SPIN_WAIT (1ull << 27)
#define HV_SYNTHETIC_SIGNAL_EVENTS (1ull << 29)
#define HV_SYNTHETIC_RETARGET_INTERRUPT (1ull << 30)

/* ---- Memory ---- */

/* HVCALL_DEPOSIT_MEMORY, rep; the list holds page numbers. */
struct hv_input_deposit_memory {
	__u64 partition_id;
	__u64 pages[];
};

/* HVCALL_WITHDRAW_MEMORY, rep; the output is a list of page numbers. NO_RESOURCES
 * when fewer are left than were asked for. */
struct hv_input_withdraw_memory {
	__u64 partition_id;
	struct hv_proximity_domain_info proximity;
};

/* Map flags. */
#define HV_MAP_GPA_PERMISSIONS_NONE 0x0u
#define HV_MAP_GPA_READABLE 0x1u
#define HV_MAP_GPA_WRITABLE 0x2u
#define HV_MAP_GPA_KERNEL_EXECUTABLE 0x4u
#define HV_MAP_GPA_USER_EXECUTABLE 0x8u
#define HV_MAP_GPA_EXECUTABLE 0xcu
#define HV_MAP_GPA_PERMISSIONS_MASK 0xfu
#define HV_MAP_GPA_ADJUSTABLE 0x8000u
#define HV_MAP_GPA_NO_ACCESS 0x10000u
#define HV_MAP_GPA_NOT_CACHED 0x200000u
#define HV_MAP_GPA_LARGE_PAGE 0x80000000u

#define HV_UNMAP_GPA_LARGE_PAGE 0x2u

/*
 * HVCALL_MAP_GPA_PAGES, rep. Page numbers, of 4 KiB pages always. With
 * HV_MAP_GPA_LARGE_PAGE one repetition maps 512 pages, from the page in the list on
 * at the next 512 pages; both are then multiples of 512.
 */
struct hv_input_map_gpa_pages {
	__u64 target_partition_id;
	__u64 target_gpa_base;
	__u32 map_flags; /* HV_MAP_GPA_* */
	__u32 padding;
	__u64 source_pages[];
};

/* HVCALL_UNMAP_GPA_PAGES, rep; a repetition is one page, or 512 with
 * HV_UNMAP_GPA_LARGE_PAGE. */
struct hv_input_unmap_gpa_pages {
	__u64 target_partition_id;
	__u64 target_gpa_base;
	__u32 unmap_flags;
	__u32 padding;
};

#define HV_GPA_ACCESS_CLEAR_ACCESSED (1ull << 0)
#define HV_GPA_ACCESS_SET_ACCESSED (1ull << 1)
#define HV_GPA_ACCESS_CLEAR_DIRTY (1ull << 2)
#define HV_GPA_ACCESS_SET_DIRTY (1ull << 3)
#define HV_GPA_ACCESS_MASK 0xfull

/* HVCALL_GET_GPA_PAGES_ACCESS_STATES, rep: flags say what is done to each page's
 * state after it was read. The output is one byte a page. */
struct hv_input_get_gpa_pages_access_states {
	__u64 partition_id;
	__u64 flags; /* HV_GPA_ACCESS_* */
	__u64 gpa_base; /* page number */
};

#define HV_GPA_PAGE_ACCESSED (1u << 0)
#define HV_GPA_PAGE_DIRTY (1u << 1)

/* ---- Virtual processors ---- */

struct hv_input_create_vp {
	__u64 partition_id;
	__u32 vp_index;
	__u8 padding[3];
	__u8 subnode_type;
	__u64 subnode_id;
	struct hv_proximity_domain_info proximity;
	__u64 flags;
};

struct hv_input_delete_vp {
	__u64 partition_id;
	__u32 vp_index;
	__u32 reserved;
};

/* HVCALL_GET_VP_REGISTERS, rep; the output is a list of union hv_register_value. */
struct hv_input_get_vp_registers {
	__u64 partition_id;
	__u32 vp_index;
	__u8 input_vtl; /* 0 */
	__u8 padding[3];
	__u32 names[];
};

/* HVCALL_SET_VP_REGISTERS, rep. */
struct hv_input_set_vp_registers {
	__u64 partition_id;
	__u32 vp_index;
	__u8 input_vtl; /* 0 */
	__u8 padding[3];
	struct hv_register_assoc elements[];
};

#define HV_TRANSLATE_GVA_VALIDATE_READ (1ull << 0)
#define HV_TRANSLATE_GVA_VALIDATE_WRITE (1ull << 1)
#define HV_TRANSLATE_GVA_VALIDATE_EXECUTE (1ull << 2)
#define HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT (1ull << 3)
#define HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS (1ull << 4)
#define HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT (1ull << 5)
#define HV_TRANSLATE_GVA_SUPERVISOR_ACCESS (1ull << 6)
#define HV_TRANSLATE_GVA_USER_ACCESS (1ull << 7)

#define HV_TRANSLATE_GVA_SUCCESS 0u
#define HV_TRANSLATE_GVA_PAGE_NOT_PRESENT 1u
#define HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION 2u
#define HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS 3u
#define HV_TRANSLATE_GVA_GPA_UNMAPPED 4u
#define HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS 5u
#define HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS 6u

struct hv_input_translate_virtual_address {
	__u64 partition_id;
	__u32 vp_index;
	__u32 padding;
	__u64 control_flags; /* HV_TRANSLATE_GVA_* */
	__u64 gva_page; /* page number */
};

struct hv_output_translate_virtual_address {
	__u32 result_code; /* HV_TRANSLATE_GVA_SUCCESS ... */
	__u8 cache_type; /* HV_CACHE_TYPE_* */
	__u8 overlay_page; /* bit 0 */
	__u8 reserved[2];
	__u64 gpa_page; /* page number */
};

/* intercept_type of HVCALL_REGISTER_INTERCEPT_RESULT and INSTALL_INTERCEPT. */
#define HV_INTERCEPT_TYPE_X64_IO_PORT 0u
#define HV_INTERCEPT_TYPE_X64_MSR 1u
#define HV_INTERCEPT_TYPE_X64_CPUID 2u
#define HV_INTERCEPT_TYPE_EXCEPTION 3u
#define HV_INTERCEPT_TYPE_MMIO 5u
#define HV_INTERCEPT_TYPE_HYPERCALL 8u
#define HV_INTERCEPT_TYPE_X64_MSR_INDEX 12u

/* In what the VP is told of leaf eax_in, bits that the mask has set come from the value,
 * the rest as without it. */
struct hv_x64_cpuid_result {
	__u32 eax_in;
	__u32 ecx_in;
	__u8 subleaf_specific; /* 0: for every ECX */
	__u8 always_override; /* 0: only if the hypervisor has nothing to tell */
	__u16 padding;
	__u32 eax;
	__u32 eax_mask;
	__u32 ebx;
	__u32 ebx_mask;
	__u32 ecx;
	__u32 ecx_mask;
	__u32 edx;
	__u32 edx_mask;
};

struct hv_x64_msr_result {
	__u32 msr_index;
	__u32 access_type;
	__u32 action; /* HV_UNIMPLEMENTED_MSR_ACTION_* */
};

/* HVCALL_REGISTER_INTERCEPT_RESULT; HV_ANY_VP: for all VPs that there are. */
struct hv_input_register_intercept_result {
	__u64 partition_id;
	__u32 vp_index;
	__u32 intercept_type; /* X64_CPUID, X64_MSR */
	union {
		struct hv_x64_cpuid_result cpuid;
		struct hv_x64_msr_result msr;
	};
	__u32 padding; /* not part of the call: 60 bytes are its input */
};

#define HV_CPUID_VALUES_OF_VP_XFEM (1u << 0) /* as the VP has set it; else each element's */
#define HV_CPUID_VALUES_REGISTERED (1u << 1) /* with what INTERCEPT_RESULT registered */

struct hv_cpuid_leaf_info {
	__u32 eax;
	__u32 ecx;
	__u64 xfem;
	__u64 xss;
};

/* HVCALL_GET_VP_CPUID_VALUES, rep; the output is a list of hv_output_get_vp_cpuid_values. */
struct hv_input_get_vp_cpuid_values {
	__u64 partition_id;
	__u32 vp_index;
	__u32 flags; /* HV_CPUID_VALUES_* */
	__u32 reserved;
	__u32 padding;
	struct hv_cpuid_leaf_info elements[];
};

struct hv_output_get_vp_cpuid_values {
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
};

#define HV_VP_STATE_TYPE_PAGES (1u << 31) /* the data lies in listed pages */
#define HV_VP_STATE_LAPIC (0u | HV_VP_STATE_TYPE_PAGES)
#define HV_VP_STATE_XSAVE (1u | HV_VP_STATE_TYPE_PAGES)
#define HV_VP_STATE_SIM_PAGE (2u | HV_VP_STATE_TYPE_PAGES)
#define HV_VP_STATE_SIEF_PAGE (3u | HV_VP_STATE_TYPE_PAGES)
#define HV_VP_STATE_SYNTHETIC_TIMERS 4u

/* HVCALL_GET_VP_STATE and HVCALL_SET_VP_STATE. The list, or with SET the data itself,
 * is the variable header; GET returns data that is in no pages as its output. */
struct hv_input_vp_state {
	__u64 partition_id;
	__u32 vp_index;
	__u8 input_vtl; /* 0 */
	__u8 padding[3];
	__u32 type; /* HV_VP_STATE_* */
	__u32 reserved;
	__u64 xsave_flags; /* 0 */
	__u64 xsave_states; /* XSAVE: components, as in XCR0 */
	__u64 pages[]; /* numbers of those that hold the data, or the data */
};

/* HV_VP_STATE_LAPIC: the registers of the local APIC, by their numbers in xAPIC. */
struct hv_x64_lapic_state {
	__u32 id;
	__u32 version;
	__u32 ldr;
	__u32 dfr;
	__u32 spurious;
	__u32 isr[8];
	__u32 tmr[8];
	__u32 irr[8];
	__u32 esr;
	__u32 icr_high;
	__u32 icr_low;
	__u32 lvt_timer;
	__u32 lvt_thermal;
	__u32 lvt_perfmon;
	__u32 lvt_lint0;
	__u32 lvt_lint1;
	__u32 lvt_error;
	__u32 lvt_cmci;
	__u32 error_status;
	__u32 initial_count;
	__u32 counter_value;
	__u32 divide_configuration;
	__u32 remote_read;
};

/* One of the four in the data of HV_VP_STATE_SYNTHETIC_TIMERS. */
struct hv_stimer_state {
	__u32 flags; /* bit 0: a message was not delivered yet */
	__u32 reserved;
	__u64 config;
	__u64 count;
	__u64 adjustment;
	__u64 undelivered_expiration_time;
};

/* ---- Interrupts ---- */

#define HV_X64_INTERRUPT_TYPE_FIXED 0u
#define HV_X64_INTERRUPT_TYPE_LOWESTPRIORITY 1u
#define HV_X64_INTERRUPT_TYPE_SMI 2u
#define HV_X64_INTERRUPT_TYPE_REMOTEREAD 3u
#define HV_X64_INTERRUPT_TYPE_NMI 4u
#define HV_X64_INTERRUPT_TYPE_INIT 5u
#define HV_X64_INTERRUPT_TYPE_SIPI 6u
#define HV_X64_INTERRUPT_TYPE_EXTINT 7u
#define HV_X64_INTERRUPT_TYPE_LOCALINT0 8u
#define HV_X64_INTERRUPT_TYPE_LOCALINT1 9u

/* High half of the interrupt control, the type is the low one. */
#define HV_INTERRUPT_LEVEL_TRIGGERED (1ull << 32)
#define HV_INTERRUPT_LOGICAL_DESTINATION (1ull << 33)

struct hv_input_assert_virtual_interrupt {
	__u64 partition_id;
	__u64 control; /* HV_X64_INTERRUPT_TYPE_* | HV_INTERRUPT_* */
	__u64 destination; /* APIC id, or a logical destination */
	__u32 vector;
	__u8 target_vtl; /* 0 */
	__u8 reserved[3];
};

/* HVCALL_SIGNAL_EVENT_DIRECT: the parent sets an event flag of a child's SINT. */
struct hv_input_signal_event_direct {
	__u64 partition_id;
	__u32 vp_index;
	__u8 target_vtl; /* 0 */
	__u8 sint;
	__u16 flag_number; /* 0..2047 */
};

struct hv_output_signal_event_direct {
	__u8 newly_signaled;
	__u8 reserved[7];
};

/* HVCALL_POST_MESSAGE_DIRECT: the parent puts a message into a child's SINT. */
struct hv_input_post_message_direct {
	__u64 partition_id;
	__u32 vp_index;
	__u8 target_vtl; /* 0 */
	__u8 padding0[3];
	__u8 sint;
	__u8 padding1[3];
	__u8 message[HV_MESSAGE_SIZE]; /* struct hv_message, 4-byte aligned here */
	__u32 padding2;
};

/* ---- A guest's own calls ---- */

#define HV_CONNECTION_ID_MASK 0x00ffffffu

struct hv_input_post_message {
	__u32 connection_id;
	__u32 reserved;
	__u32 message_type; /* below HVMSG_HYPERVISOR, not HVMSG_NONE */
	__u32 payload_size;
	__u8 payload[HV_MESSAGE_PAYLOAD_SIZE];
};

/* HVCALL_SIGNAL_EVENT, fast too. */
struct hv_input_signal_event {
	__u32 connection_id;
	__u16 flag_number;
	__u16 reserved;
};

/* A set of VPs. SPARSE_4K: bit b of valid_bank_mask says that bank b (VPs 64b to
 * 64b + 63) has a word, in rising order. ALL: neither mask nor words count. */
#define HV_GENERIC_SET_SPARSE_4K 0ull
#define HV_GENERIC_SET_ALL 1ull
#define HV_VPS_PER_BANK 64
#define HV_BANKS_MAX 64

struct hv_vp_set {
	__u64 format; /* HV_GENERIC_SET_* */
	__u64 valid_bank_mask;
	__u64 banks[];
};

#define HV_FLUSH_ALL_PROCESSORS (1ull << 0)
#define HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES (1ull << 1)
#define HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY (1ull << 2)
#define HV_FLUSH_USE_EXTENDED_RANGE_FORMAT (1ull << 3)
#define HV_FLUSH_MASK 0xfull

/* FLUSH_VIRTUAL_ADDRESS_SPACE (without the list), FLUSH_VIRTUAL_ADDRESS_LIST (rep).
 * Bits 11:0 of a range count the pages behind its first. */
struct hv_input_flush {
	__u64 address_space; /* CR3 */
	__u64 flags; /* HV_FLUSH_* */
	__u64 processor_mask; /* VPs 0..63 */
	__u64 ranges[];
};

/* The _EX calls: the set is a variable header, ranges follow its banks. */
struct hv_input_flush_ex {
	__u64 address_space;
	__u64 flags;
	__u64 set_format; /* struct hv_vp_set from here on */
	__u64 set_valid_bank_mask;
	__u64 banks[];
};

/* HVCALL_SEND_IPI, fast too. */
struct hv_input_send_ipi {
	__u32 vector; /* 16..255 */
	__u8 target_vtl; /* 0 */
	__u8 reserved[3];
	__u64 processor_mask; /* VPs 0..63 */
};

/* HVCALL_SEND_IPI_EX: the set is a variable header. */
struct hv_input_send_ipi_ex {
	__u32 vector;
	__u8 target_vtl;
	__u8 reserved[3];
	__u64 set_format; /* struct hv_vp_set from here on */
	__u64 set_valid_bank_mask;
	__u64 banks[];
};

_Static_assert(sizeof(struct hv_input_create_partition) == 56, "CREATE_PARTITION");
_Static_assert(sizeof(struct hv_input_get_partition_property) == 16, "GET_PARTITION_PROPERTY");
_Static_assert(sizeof(struct hv_input_set_partition_property) == 24, "SET_PARTITION_PROPERTY");
_Static_assert(sizeof(struct hv_input_withdraw_memory) == 16, "WITHDRAW_MEMORY");
_Static_assert(sizeof(struct hv_input_map_gpa_pages) == 24, "MAP_GPA_PAGES");
_Static_assert(sizeof(struct hv_input_unmap_gpa_pages) == 24, "UNMAP_GPA_PAGES");
_Static_assert(sizeof(struct hv_input_get_gpa_pages_access_states) == 24, "ACCESS_STATES");
_Static_assert(sizeof(struct hv_input_create_vp) == 40, "CREATE_VP");
_Static_assert(sizeof(struct hv_input_delete_vp) == 16, "DELETE_VP");
_Static_assert(sizeof(struct hv_input_get_vp_registers) == 16, "GET_VP_REGISTERS");
_Static_assert(sizeof(struct hv_input_set_vp_registers) == 16, "SET_VP_REGISTERS");
_Static_assert(sizeof(struct hv_input_translate_virtual_address) == 32, "TRANSLATE");
_Static_assert(sizeof(struct hv_output_translate_virtual_address) == 16, "TRANSLATE");
_Static_assert(sizeof(struct hv_x64_cpuid_result) == 44, "CPUID result");
_Static_assert(sizeof(struct hv_input_register_intercept_result) == 64, "INTERCEPT_RESULT");
_Static_assert(sizeof(struct hv_cpuid_leaf_info) == 24, "GET_VP_CPUID_VALUES");
_Static_assert(sizeof(struct hv_input_get_vp_cpuid_values) == 24, "GET_VP_CPUID_VALUES");
_Static_assert(sizeof(struct hv_input_vp_state) == 40, "GET_VP_STATE");
_Static_assert(sizeof(struct hv_x64_lapic_state) == 176, "LAPIC state");
_Static_assert(sizeof(struct hv_stimer_state) == 40, "timer state");
_Static_assert(sizeof(struct hv_input_assert_virtual_interrupt) == 32, "ASSERT_INTERRUPT");
_Static_assert(sizeof(struct hv_input_signal_event_direct) == 16, "SIGNAL_EVENT_DIRECT");
_Static_assert(__builtin_offsetof(struct hv_input_post_message_direct, message) == 20,
	       "POST_MESSAGE_DIRECT");
_Static_assert(sizeof(struct hv_input_post_message) == 256, "POST_MESSAGE");
_Static_assert(sizeof(struct hv_input_signal_event) == 8, "SIGNAL_EVENT");
_Static_assert(sizeof(struct hv_input_flush) == 24, "FLUSH");
_Static_assert(sizeof(struct hv_input_flush_ex) == 32, "FLUSH_EX");
_Static_assert(sizeof(struct hv_input_send_ipi) == 16, "SEND_IPI");
_Static_assert(sizeof(struct hv_input_send_ipi_ex) == 24, "SEND_IPI_EX");

#endif
