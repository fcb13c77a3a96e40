/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * /dev/mullion, made by mullion_root.ko: the parent's programs reach hv here.
 *
 * MULLION_IOC_INFO fills a struct mullion_hv_info (parent.h). Any opener may
 * ask; the node's mode decides who opens it. A caller with a shorter or longer
 * structure gets what both have. Errors: EFAULT; ENOTTY for a size below that of
 * the first version and for any other call.
 *
 * mmap: offset MULLION_MMAP_LOG maps hv's log ring (log.h), offset
 * MULLION_MMAP_STATS its statistics (stats.h). Shared, read-only, at most the
 * size that MULLION_IOC_INFO tells. Errors: EPERM for a writable or executable
 * mapping, EINVAL for a private one, another offset or a larger size, ENODEV when
 * hv has none.
 *
 * The calls below need CAP_SYS_ADMIN beside the open file, since they reach every
 * partition: EPERM. Reserved fields are 0: EINVAL. No such partition: ENOENT.
 *
 * MULLION_IOC_PARTITION: in.id is the smallest id of interest, out is the first
 * partition from there on; ENOENT when there is none. Id 0 is the parent.
 * MULLION_IOC_WATCH: the eventfd is signalled when the partition (0: any) crashes,
 * is stopped by hv, is made or goes away; until this file is closed.
 * MULLION_IOC_PROPERTY: sets weight, cap or reserve (HV_PARTITION_PROPERTY_CPU_*);
 * EINVAL for another code or a value out of range.
 * MULLION_IOC_AFFINITY: cpus are this kernel's numbers; EINVAL: none is online.
 * MULLION_IOC_ATTACH: returns a file that stands for the partition, for whoever
 * serves its ports. It keeps no partition alive: once that is gone calls fail with
 * ENODEV, and poll tells POLLHUP. mmap at offset GPA maps the guest's memory
 * (shared, also across regions that touch; EFAULT where the guest has none).
 *
 * On an attached file:
 * MULLION_IOC_BIND_PORT: eventfd is signalled for each event, or when a message
 * waits; until UNBIND or close. EEXIST: the connection is bound.
 * MULLION_IOC_READ_MESSAGE: takes the next message of a bound port; EAGAIN: none.
 * MULLION_IOC_POST_MESSAGE: EAGAIN: the guest's slot and queue are full.
 * MULLION_IOC_SIGNAL_EVENT: sets an event flag of a SINT.
 * MULLION_IOC_BIND_SIGNAL: each signal of the eventfd, by whoever has it, sets that
 * flag, until UNBIND, or until this file or the eventfd is closed. An eventfd that is
 * bound is aimed anew. ENOSPC: MULLION_SIGNALS_MAX are bound.
 * MULLION_IOC_MEMORY: where the guest has memory that it may write, by address;
 * ENOBUFS: more than count ranges, which is how many then.
 * MULLION_IOC_REFERENCE_TIME: the partition's reference counter now, 100 ns.
 * MULLION_IOC_MEMORY_FILE: the file that the VMM has the guest's memory in, where that
 * is a sealed one: EOPNOTSUPP where it is not; EACCES where the guest may not write.
 *
 * On a partition of /dev/mshv (hyperv/mshv.h):
 * MULLION_IOC_SET_NAME, MULLION_IOC_GET_ID.
 */
#ifndef MULLION_UAPI_H
#define MULLION_UAPI_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif
#include <mullion/parent.h>

#define MULLION_DEVICE "/dev/mullion"

#define MULLION_IOC_MAGIC 0xb9
#define MULLION_IOC_INFO _IOR(MULLION_IOC_MAGIC, 0x00, struct mullion_hv_info)

struct mullion_partition_query {
	__u64 id;
	struct mullion_partition_info info;
};

struct mullion_watch {
	__u64 id;
	__s32 eventfd;
	__u32 reserved;
};

struct mullion_property {
	__u64 id;
	__u32 code;
	__u32 reserved;
	__u64 value;
};

struct mullion_affinity {
	__u64 id;
	__u32 vp;
	__u32 reserved;
	__u64 cpus[4];
};

struct mullion_attach {
	__u64 id;
	__u64 reserved;
};

struct mullion_port {
	__u32 connection;
	__u32 type; /* enum mullion_port_type; 0 for UNBIND */
	__s32 eventfd; /* -1 for UNBIND */
	__u32 reserved;
};

struct mullion_message {
	__u32 connection; /* READ */
	__u32 vp; /* POST */
	__u32 sint; /* POST */
	__u32 reserved;
	__u8 message[256]; /* struct hv_message */
};

struct mullion_signal {
	__u32 vp;
	__u32 sint;
	__u32 flag; /* 0..2047 */
	__u32 reserved;
};

struct mullion_signal_binding {
	__s32 eventfd;
	__u32 vp; /* these three 0 for UNBIND */
	__u32 sint;
	__u32 flag; /* 0..2047 */
	__u32 reserved;
};

#define MULLION_SIGNALS_MAX 256 /* for one file */

struct mullion_range {
	__u64 gpa; /* bytes; a multiple of 4096 */
	__u64 size; /* bytes */
};

struct mullion_memory {
	__u32 count; /* in: room, at most MULLION_RANGES_MAX; out: how many there are */
	__u32 reserved;
	__u64 ranges; /* address of the caller's array of struct mullion_range */
};

#define MULLION_RANGES_MAX 4096

struct mullion_memory_file {
	__u64 gpa; /* in: any in the region; out: the region's first; bytes */
	__u64 size; /* out: of the region, bytes */
	__u64 offset; /* out: of the region in the file, bytes */
	__s32 fd; /* out: the file, the caller's to close */
	__u32 reserved;
};

struct mullion_name {
	__u8 uuid[16];
	char name[MULLION_NAME_MAX];
};

#define MULLION_IOC_PARTITION _IOWR(MULLION_IOC_MAGIC, 0x01, struct mullion_partition_query)
#define MULLION_IOC_WATCH _IOW(MULLION_IOC_MAGIC, 0x02, struct mullion_watch)
#define MULLION_IOC_PROPERTY _IOW(MULLION_IOC_MAGIC, 0x03, struct mullion_property)
#define MULLION_IOC_AFFINITY _IOW(MULLION_IOC_MAGIC, 0x04, struct mullion_affinity)
#define MULLION_IOC_ATTACH _IOW(MULLION_IOC_MAGIC, 0x05, struct mullion_attach)

#define MULLION_IOC_BIND_PORT _IOW(MULLION_IOC_MAGIC, 0x10, struct mullion_port)
#define MULLION_IOC_UNBIND_PORT _IOW(MULLION_IOC_MAGIC, 0x11, struct mullion_port)
#define MULLION_IOC_READ_MESSAGE _IOWR(MULLION_IOC_MAGIC, 0x12, struct mullion_message)
#define MULLION_IOC_POST_MESSAGE _IOW(MULLION_IOC_MAGIC, 0x13, struct mullion_message)
#define MULLION_IOC_SIGNAL_EVENT _IOW(MULLION_IOC_MAGIC, 0x14, struct mullion_signal)
#define MULLION_IOC_BIND_SIGNAL _IOW(MULLION_IOC_MAGIC, 0x15, struct mullion_signal_binding)
#define MULLION_IOC_UNBIND_SIGNAL _IOW(MULLION_IOC_MAGIC, 0x16, struct mullion_signal_binding)
#define MULLION_IOC_MEMORY _IOWR(MULLION_IOC_MAGIC, 0x17, struct mullion_memory)
#define MULLION_IOC_REFERENCE_TIME _IOR(MULLION_IOC_MAGIC, 0x18, __u64)
#define MULLION_IOC_MEMORY_FILE _IOWR(MULLION_IOC_MAGIC, 0x19, struct mullion_memory_file)

#define MULLION_IOC_SET_NAME _IOW(MULLION_IOC_MAGIC, 0x20, struct mullion_name)
#define MULLION_IOC_GET_ID _IOR(MULLION_IOC_MAGIC, 0x21, __u64)

#define MULLION_MMAP_LOG 0x00000000ul
#define MULLION_MMAP_STATS 0x10000000ul

#endif
