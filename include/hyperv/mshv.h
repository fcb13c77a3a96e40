/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * /dev/mshv: the ioctls that Linux defines and its VMMs use, as far as
 * mullion_root.ko serves them. docs/abi-mshv.md says what each does here.
 *
 * Names and numbers are those of Linux's uapi/linux/mshv.h (since 6.15): include
 * one or the other.
 */
#ifndef HYPERV_MSHV_H
#define HYPERV_MSHV_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif
#include <hyperv/types.h>

#define MSHV_DEVICE "/dev/mshv"
#define MSHV_IOCTL 0xb8
#define MSHV_HV_PAGE_SIZE 0x1000
#define MSHV_RUN_VP_BUF_SZ 256
#define MSHV_NUM_CPU_FEATURES_BANKS 2

/* ---- /dev/mshv ---- */

/* Bit numbers of pt_flags. */
#define MSHV_PT_BIT_LAPIC 0
#define MSHV_PT_BIT_X2APIC 1
#define MSHV_PT_BIT_GPA_SUPER_PAGES 2
#define MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES 3 /* the structure is the second version */
#define MSHV_PT_FLAGS_MASK 0xfu

#define MSHV_PT_ISOLATION_NONE 0

struct mshv_create_partition {
	__u64 pt_flags; /* 1 << MSHV_PT_BIT_* */
	__u64 pt_isolation; /* MSHV_PT_ISOLATION_NONE */
};

/* The call's number says 16 bytes; with the flag above all of this is read. */
struct mshv_create_partition_v2 {
	__u64 pt_flags;
	__u64 pt_isolation;
	__u16 pt_num_cpu_fbanks; /* MSHV_NUM_CPU_FEATURES_BANKS */
	__u8 pt_rsvd[6];
	__u64 pt_cpu_fbanks[MSHV_NUM_CPU_FEATURES_BANKS]; /* disabled features */
	__u64 pt_rsvd1[2];
	__u64 pt_disabled_xsave;
};

/* Returns a partition's file descriptor. */
#define MSHV_CREATE_PARTITION _IOW(MSHV_IOCTL, 0x00, struct mshv_create_partition)

/* ---- A partition ---- */

struct mshv_create_vp {
	__u32 vp_index;
};

/* Bit numbers of flags. */
#define MSHV_SET_MEM_BIT_WRITABLE 0
#define MSHV_SET_MEM_BIT_EXECUTABLE 1
#define MSHV_SET_MEM_BIT_UNMAP 2
#define MSHV_SET_MEM_FLAGS_MASK 0x7u

struct mshv_user_mem_region {
	__u64 size; /* bytes, whole pages */
	__u64 guest_pfn;
	__u64 userspace_addr; /* page aligned */
	__u8 flags; /* 1 << MSHV_SET_MEM_BIT_* */
	__u8 rsvd[7];
};

#define MSHV_IRQFD_BIT_DEASSIGN 0
#define MSHV_IRQFD_BIT_RESAMPLE 1
#define MSHV_IRQFD_FLAGS_MASK 0x3u

struct mshv_user_irqfd {
	__s32 fd; /* eventfd */
	__s32 resamplefd; /* eventfd, with RESAMPLE */
	__u32 gsi;
	__u32 flags; /* 1 << MSHV_IRQFD_BIT_* */
};

#define MSHV_IOEVENTFD_BIT_DATAMATCH 0
#define MSHV_IOEVENTFD_BIT_PIO 1
#define MSHV_IOEVENTFD_BIT_DEASSIGN 2
#define MSHV_IOEVENTFD_FLAGS_MASK 0x7u

struct mshv_user_ioeventfd {
	__u64 datamatch;
	__u64 addr; /* GPA */
	__u32 len; /* 0 (any), 1, 2, 4, 8 */
	__s32 fd; /* eventfd */
	__u32 flags; /* 1 << MSHV_IOEVENTFD_BIT_* */
	__u8 rsvd[4];
};

struct mshv_user_irq_entry {
	__u32 gsi;
	__u32 address_lo; /* MSI address and data, as a PCI device has them */
	__u32 address_hi; /* 0 */
	__u32 data;
};

#define MSHV_MAX_GUEST_IRQS 4096

struct mshv_user_irq_table {
	__u32 nr; /* at most MSHV_MAX_GUEST_IRQS */
	__u32 rsvd;
	struct mshv_user_irq_entry entries[];
};

#define MSHV_GPAP_ACCESS_TYPE_ACCESSED 0
#define MSHV_GPAP_ACCESS_TYPE_DIRTY 1
#define MSHV_GPAP_ACCESS_TYPE_COUNT 2

#define MSHV_GPAP_ACCESS_OP_NOOP 0
#define MSHV_GPAP_ACCESS_OP_CLEAR 1
#define MSHV_GPAP_ACCESS_OP_SET 2
#define MSHV_GPAP_ACCESS_OP_COUNT 3

struct mshv_gpap_access_bitmap {
	__u8 access_type;
	__u8 access_op; /* after the state was read */
	__u8 rsvd[6];
	__u64 page_count;
	__u64 gpap_base; /* page number */
	__u64 bitmap_ptr; /* (page_count + 7) / 8 bytes */
};

/* One hypercall of the few that a VMM may make; the partition id at the start of the
 * input is put there by the kernel. */
struct mshv_root_hvcall {
	__u16 code;
	__u16 reps; /* back: repetitions done */
	__u16 in_sz; /* bytes, list included; at most a page */
	__u16 out_sz; /* bytes, at most a page */
	__u16 status; /* back: HV_STATUS_* */
	__u8 rsvd[6];
	__u64 in_ptr;
	__u64 out_ptr;
};

#define MSHV_INITIALIZE_PARTITION _IO(MSHV_IOCTL, 0x00)
#define MSHV_CREATE_VP _IOW(MSHV_IOCTL, 0x01, struct mshv_create_vp)
#define MSHV_SET_GUEST_MEMORY _IOW(MSHV_IOCTL, 0x02, struct mshv_user_mem_region)
#define MSHV_IRQFD _IOW(MSHV_IOCTL, 0x03, struct mshv_user_irqfd)
#define MSHV_IOEVENTFD _IOW(MSHV_IOCTL, 0x04, struct mshv_user_ioeventfd)
#define MSHV_SET_MSI_ROUTING _IOW(MSHV_IOCTL, 0x05, struct mshv_user_irq_table)
#define MSHV_GET_GPAP_ACCESS_BITMAP _IOWR(MSHV_IOCTL, 0x06, struct mshv_gpap_access_bitmap)
#define MSHV_ROOT_HVCALL _IOWR(MSHV_IOCTL, 0x07, struct mshv_root_hvcall) /* a VP's too */

/* ---- A VP ---- */

struct mshv_run_vp {
	__u8 msg_buf[MSHV_RUN_VP_BUF_SZ]; /* struct hv_message */
};

#define MSHV_VP_STATE_LAPIC 0
#define MSHV_VP_STATE_XSAVE 1
#define MSHV_VP_STATE_SIMP 2
#define MSHV_VP_STATE_SIEFP 3
#define MSHV_VP_STATE_SYNTHETIC_TIMERS 4
#define MSHV_VP_STATE_COUNT 5

struct mshv_get_set_vp_state {
	__u8 type; /* MSHV_VP_STATE_* */
	__u8 rsvd[3];
	__u32 buf_sz; /* whole pages; back: bytes of the state */
	__u64 buf_ptr; /* page aligned */
};

#define MSHV_RUN_VP _IOR(MSHV_IOCTL, 0x00, struct mshv_run_vp)
#define MSHV_GET_VP_STATE _IOWR(MSHV_IOCTL, 0x01, struct mshv_get_set_vp_state)
#define MSHV_SET_VP_STATE _IOWR(MSHV_IOCTL, 0x02, struct mshv_get_set_vp_state)

/* mmap of a VP: this times the page size is the offset. */
#define MSHV_VP_MMAP_OFFSET_REGISTERS 0
#define MSHV_VP_MMAP_OFFSET_INTERCEPT_MESSAGE 1

_Static_assert(sizeof(struct mshv_create_partition_v2) == 64, "second version");
_Static_assert(MSHV_CREATE_PARTITION == 0x4010b800, "ioctl");
_Static_assert(MSHV_INITIALIZE_PARTITION == 0xb800, "ioctl");
_Static_assert(MSHV_CREATE_VP == 0x4004b801, "ioctl");
_Static_assert(MSHV_SET_GUEST_MEMORY == 0x4020b802, "ioctl");
_Static_assert(MSHV_IRQFD == 0x4010b803, "ioctl");
_Static_assert(MSHV_IOEVENTFD == 0x4020b804, "ioctl");
_Static_assert(MSHV_SET_MSI_ROUTING == 0x4008b805, "ioctl");
_Static_assert(MSHV_GET_GPAP_ACCESS_BITMAP == 0xc020b806, "ioctl");
_Static_assert(MSHV_ROOT_HVCALL == 0xc020b807, "ioctl");
_Static_assert(MSHV_RUN_VP == 0x8100b800, "ioctl");
_Static_assert(MSHV_GET_VP_STATE == 0xc010b801, "ioctl");
_Static_assert(MSHV_SET_VP_STATE == 0xc010b802, "ioctl");

#endif
