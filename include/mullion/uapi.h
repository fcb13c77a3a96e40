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

#define MULLION_MMAP_LOG 0x00000000ul
#define MULLION_MMAP_STATS 0x10000000ul

#endif
