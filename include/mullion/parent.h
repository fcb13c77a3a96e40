/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Hypercalls that only the parent partition may make, beside the TLFS's own.
 *
 * Convention (TLFS 6.0b, chapter 3, x64): CPL 0, 64-bit mode, VMMCALL or
 * VMCALL by the processor's vendor. RCX = call code in bits 15:0, all other
 * bits zero for the calls below; RDX = GPA of the input, R8 = GPA of the
 * output. RAX returns the status in bits 15:0. Every other register is kept.
 * From CPL above 0 the instruction raises #UD.
 *
 * A GPA handed in must be 8-byte aligned, lie in RAM that is the parent's,
 * and its structure must not cross a 4 KiB page.
 */
#ifndef MULLION_PARENT_H
#define MULLION_PARENT_H

#if defined(__KERNEL__)
#include <linux/types.h>
#elif !defined(_LINUX_TYPES_H) /* else the kernel's user headers came first */
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
#endif

/* Counted up when a structure or a call here changes incompatibly. */
#define MULLION_PARENT_ABI 1u

/* Status codes: TLFS 6.0b, appendix B, the same numbers. */
#define MULLION_STATUS_SUCCESS 0x0000u
#define MULLION_STATUS_INVALID_CALL 0x0002u
#define MULLION_STATUS_INVALID_INPUT 0x0003u
#define MULLION_STATUS_INVALID_ALIGNMENT 0x0004u
#define MULLION_STATUS_INVALID_PARAMETER 0x0005u
#define MULLION_STATUS_ACCESS_DENIED 0x0006u

/*
 * Version, log and statistics.
 * Before: R8 = GPA of a struct mullion_hv_info; RDX = 0.
 * Success: the structure is filled in.
 * INVALID_INPUT: reserved bits of RCX or RDX are set.
 * INVALID_ALIGNMENT: R8 is not 8-byte aligned or the structure crosses a page.
 * INVALID_PARAMETER: R8 is not in the parent's memory.
 */
#define MULLION_CALL_GET_INFO 0xf001u

/*
 * The parent's kernel tells why it dies; hv prints it and keeps it in the log.
 * Before: RDX = GPA of a struct mullion_crash; R8 = 0.
 * Success: logged. The call returns, so that the kernel can go on dying.
 * INVALID_INPUT, INVALID_ALIGNMENT, INVALID_PARAMETER: as above, for RDX;
 * INVALID_PARAMETER also when length is above MULLION_CRASH_TEXT or
 * reserved is not 0.
 */
#define MULLION_CALL_PARENT_CRASH 0xf002u

/*
 * What of the calling CPU needs no hv any more: set by the parent once the CPU
 * has identified itself and is online, cleared before another one is started.
 * Before: RDX = MULLION_NATIVE_* bits that hv's features announce; R8 = 0.
 * Success: exactly these run without hv on this CPU, until the next call or
 * until an INIT reaches the CPU.
 * INVALID_PARAMETER: a bit is not announced.
 */
#define MULLION_CALL_SET_NATIVE 0xf003u

/* CPUID answers as the hardware does: no hypervisor leaves, hv's hidden bits
 * visible (what they stand for stays hv's all the same). */
#define MULLION_NATIVE_CPUID (1u << 0)
/* IPIs go to the hardware as they are, in xAPIC mode all of the APIC's page is
 * the hardware's. INIT and start-up are then not to be sent: an INIT ends the
 * machine, a start-up is lost. */
#define MULLION_NATIVE_ICR (1u << 1)

#define MULLION_CRASH_TEXT 1016u

struct mullion_crash {
	__u32 length; /* bytes of text used, no terminating NUL needed */
	__u32 reserved; /* 0 */
	char text[MULLION_CRASH_TEXT]; /* '\n' ends a line; other bytes outside
					* 0x20..0x7e are printed as '?' */
};

/* What MULLION_CALL_GET_INFO returns. Fields are only ever added at the end. */
struct mullion_hv_info {
	__u32 size; /* bytes that hv filled in, this field included */
	__u32 abi; /* MULLION_PARENT_ABI */
	__u32 version; /* MULLION_VERSION(major, minor) */
	__u32 patch;
	__u32 features; /* MULLION_FEATURE_*, cpuid.h */
	__u32 cpu_count; /* CPUs in guest mode */
	__u64 tsc_hz; /* TSC ticks per second, as measured at boot */
	__u64 log_gpa; /* struct mullion_log (log.h); page aligned, read-only */
	__u64 log_size; /* bytes, a multiple of 4096 */
	__u64 stats_gpa; /* struct mullion_stats (stats.h); page aligned, read-only */
	__u64 stats_size; /* bytes, a multiple of 4096 */
	__u64 memory_bytes; /* RAM that hv keeps for itself */
	char backend[8]; /* "svm" or "vmx", NUL padded */
	char build[64]; /* what was built, NUL terminated: version, commit, build type */
	char options[128]; /* hv's command line as read, NUL terminated, cut if longer */
};

#endif
