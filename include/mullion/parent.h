/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Hypercalls that only the parent partition may make, beside the TLFS's own
 * (hyperv/hypercall.h).
 *
 * Convention (TLFS 6.0b, chapter 3, x64): CPL 0, 64-bit mode, VMMCALL or
 * VMCALL by the processor's vendor. RCX = call code in bits 15:0, all other
 * bits zero for the calls below; RDX = GPA of the input, R8 = GPA of the
 * output. RAX returns the status in bits 15:0. Every other register is kept.
 * From CPL above 0 the instruction raises #UD.
 *
 * The TLFS's calls with a list take the count of its elements in RCX bits
 * 43:32 and the first one to do in bits 59:48, and return in RAX bits 43:32 how
 * many are done. A long call gives interrupts a chance in between: hv moves the
 * start in RCX on and lets the instruction be executed again, so RCX is not kept.
 *
 * A GPA handed in must be 8-byte aligned, lie in RAM that is the parent's,
 * and its structure must not cross a 4 KiB page.
 *
 * A page frame of RAM has one owner:
 *   parent  in the parent's map, any use
 *   hv      hv's own, never in a map
 *   donated out of the parent's map, in no partition's pool (MULLION_CALL_DONATE)
 *   pool    out of the parent's map, in one child's pool (HvCallDepositMemory)
 *   mapped  in the parent's map and at one GPA of one child (HvCallMapGpaPages)
 *   shared  in the parent's map, and hv reads and writes it (vp page, event page ...)
 * A call that wants a page in one state refuses it in any other.
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
typedef int32_t __s32;
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
 * the hardware's (but for its timer, while there are children). INIT and start-up
 * are then not to be sent: an INIT ends the machine, a start-up is lost. */
#define MULLION_NATIVE_ICR (1u << 1)

/*
 * Memory for children, in blocks of 2 MiB.
 * Before: RDX = GPA of the block, a multiple of 2 MiB, all of it the parent's RAM
 * and not mapped or shared; R8 = 0.
 * DONATE, success: its 512 pages are donated: the parent must not touch them.
 * RECLAIM, before: all of them are donated. Success: they are the parent's again
 * and hold zeros.
 * INVALID_ALIGNMENT: not a multiple of 2 MiB. INVALID_PARAMETER: a page is in
 * another state. Nothing has changed then.
 */
#define MULLION_CALL_DONATE 0xf004u
#define MULLION_CALL_RECLAIM 0xf005u
#define MULLION_BLOCK_SIZE 0x200000u

/*
 * Makes a VP, created and not yet bound, reachable for its runner.
 * Before: RDX = GPA of a struct mullion_bind_vp; R8 = 0.
 * Success: both pages are shared until the VP is deleted. The VP is suspended.
 * INVALID_PARTITION_ID, INVALID_VP_INDEX: there is none. INVALID_VP_STATE: bound
 * already. INVALID_PARAMETER: a page is not the parent's, event is out of range.
 */
#define MULLION_CALL_BIND_VP 0xf006u

/*
 * Lets a VP run, from where its message or suspension left it; the registers that
 * the register page marks dirty are taken first. If the VP can run on the calling
 * CPU it does so at once, in the caller's place: the call returns when the VP has
 * a message, when it blocks or its turn ends, or when there is an interrupt for
 * the parent. A caller that finds no message then (struct mullion_vp_page, state)
 * waits for the VP's event, which comes on the CPU that made the call.
 * Before: RDX = partition id, R8 = VP index.
 * Success: the VP is runnable, or has a message already.
 * INVALID_VP_STATE: not bound, or its partition is not initialised.
 */
#define MULLION_CALL_RUN_VP 0xf007u

/*
 * Suspends a VP.
 * Before: RDX = partition id, R8 = VP index.
 * Success: it does not run, its registers stand still, and its page's state is
 * SUSPENDED, or MESSAGE if it had come to that before.
 */
#define MULLION_CALL_STOP_VP 0xf008u

/*
 * How hv reaches the parent on the calling CPU: a page of flags, and a vector that
 * it raises there when it has set one. Before this, and after it was withdrawn, no
 * child runs on the CPU.
 * Before: RDX = GPA of a page for struct mullion_cpu_events, or 0 to withdraw; R8 =
 * the vector, 32..255, or 0.
 * Success: the page (zeroed by the caller) is shared until it is withdrawn.
 */
#define MULLION_CALL_SET_EVENTS 0xf009u

/*
 * The deadline in the calling CPU's event page has passed: hv does what is due.
 * Before: RDX = 0, R8 = 0.
 */
#define MULLION_CALL_TICK 0xf00au

/*
 * What a partition is and has.
 * Before: RDX = the smallest id that is of interest, R8 = GPA of a struct
 * mullion_partition_info. Id 0 is the parent itself.
 * Success: filled in for the first partition from that id on.
 * INVALID_PARTITION_ID: there is none from there on.
 */
#define MULLION_CALL_GET_PARTITION 0xf00bu

/* Names a partition, for people. Before: RDX = GPA of a struct
 * mullion_partition_name. INVALID_PARAMETER: the name has no end. */
#define MULLION_CALL_SET_NAME 0xf00cu

/* Which CPUs a VP may run on. Before: RDX = GPA of a struct mullion_vp_affinity.
 * INVALID_PARAMETER: the mask has none of hv's CPUs. */
#define MULLION_CALL_SET_AFFINITY 0xf00du

/*
 * Binds a connection id of a child to the parent: what its HvCallPostMessage or
 * HvCallSignalEvent names by that id sets the event on the CPU that the child runs
 * on, messages after they were put into the ring.
 * Before: RDX = GPA of a struct mullion_bind_port; R8 = 0.
 * INVALID_PARAMETER: the id is bound already, or a field is wrong.
 * INSUFFICIENT_MEMORY: the partition's pool is empty.
 * UNBIND: the same structure, only partition and connection are looked at; when
 * it returns hv does not touch the ring any more.
 */
#define MULLION_CALL_BIND_PORT 0xf00eu
#define MULLION_CALL_UNBIND_PORT 0xf00fu

/* hv's CPU that the calling CPU is, in RAX bits 63:32. RDX = 0, R8 = 0. */
#define MULLION_CALL_GET_CPU 0xf010u

struct mullion_bind_vp {
	__u64 partition;
	__u32 vp;
	__u32 event; /* flag that stands for the VP, below MULLION_EVENTS_MAX */
	__u64 page_gpa; /* of struct mullion_vp_page; page aligned */
	__u64 registers_gpa; /* of struct hv_vp_register_page, page aligned; 0: none */
};

enum mullion_vp_page_state {
	MULLION_VP_PAGE_RUN = 0, /* hv's: running, runnable or blocked */
	MULLION_VP_PAGE_MESSAGE = 1, /* message holds why the VP stopped */
	MULLION_VP_PAGE_SUSPENDED = 2,
};

/* One page for each VP. hv writes it while the state is RUN, the parent only
 * reads. state is written last (release). */
struct mullion_vp_page {
	__u8 message[256]; /* struct hv_message, hyperv/message.h */
	__u32 state; /* enum mullion_vp_page_state */
	__u32 news; /* counts up when something became of the partition (GET_PARTITION); the
		     * VP's event is set then too, in any state */
	__u8 padding[4096 - 264];
};

/* Words of 64 flags; the page is full. */
#define MULLION_EVENT_WORDS 496u
#define MULLION_EVENTS_MAX (64u * MULLION_EVENT_WORDS)

/*
 * One page for each CPU. hv sets flag e by an atomic or of flags[e / 64], then of
 * bit (e / 64) % 64 of summary[e / 64 / 64], then raises the vector. The reader
 * exchanges a summary word with 0, then each of its flag words.
 */
struct mullion_cpu_events {
	__u64 deadline; /* TSC at which hv wants MULLION_CALL_TICK on this CPU; ~0: never.
			 * hv's timer raises the vector then. */
	__u64 reserved[7];
	__u64 summary[8];
	__u64 flags[MULLION_EVENT_WORDS];
};

enum mullion_partition_state {
	MULLION_PARTITION_CREATED = 0,
	MULLION_PARTITION_ACTIVE = 1, /* initialised */
	MULLION_PARTITION_FINALIZED = 2, /* its VPs are stopped for good */
};

#define MULLION_NAME_MAX 64u
#define MULLION_REASON_MAX 160u

/* Fields are only ever added at the end. Pages are of 4 KiB. */
struct mullion_partition_info {
	__u32 size; /* bytes that hv filled in */
	__u32 state; /* enum mullion_partition_state */
	__u64 id;
	__u8 uuid[16];
	char name[MULLION_NAME_MAX]; /* NUL terminated */
	__u32 vp_count;
	__u32 weight; /* 1..10000 */
	__u32 cap; /* of one CPU for each VP, 0..65536, 0: none */
	__u32 reserve; /* the same unit */
	__u64 pool_pages; /* deposited; of the parent: donated, deposited ones included */
	__u64 pool_free; /* of these not in use; of the parent: not deposited */
	__u64 mapped_pages; /* of the parent: mapped into any child */
	__u64 table_pages; /* of the pool, in its GPA map */
	__u32 crashed; /* the guest has written its crash registers */
	__u32 reserved;
	__u64 crash[5]; /* P0..P4 as it wrote them */
	char crash_text[2560]; /* of what P3 and P4 point to: from the line with Linux's reason on,
				  * or the end; NUL terminated, printable */
	char reason[MULLION_REASON_MAX]; /* why hv stopped it, NUL terminated; "" it did not */
};

struct mullion_partition_name {
	__u64 partition;
	__u8 uuid[16];
	char name[MULLION_NAME_MAX];
};

struct mullion_vp_affinity {
	__u64 partition;
	__u32 vp;
	__u32 reserved; /* 0 */
	__u64 cpus[4]; /* bit i of word w: hv's CPU 64 * w + i */
};

enum mullion_port_type {
	MULLION_PORT_MESSAGE = 1,
	MULLION_PORT_EVENT = 2,
};

struct mullion_bind_port {
	__u64 partition;
	__u32 connection; /* 24 bits */
	__u32 type; /* enum mullion_port_type */
	__u32 event; /* flag that stands for the port */
	__u32 reserved; /* 0 */
	__u64 ring_gpa; /* messages: of struct mullion_message_ring, page aligned; else 0 */
};

#define MULLION_RING_MESSAGES 15u

/* Messages of a port. Positions count messages and never wrap; message p lies in
 * slot p % MULLION_RING_MESSAGES. hv writes slot and head (release) while
 * head - tail is below the number of slots, and else tells the guest to try again
 * (HV_STATUS_INSUFFICIENT_BUFFERS). The parent writes tail. hv believes no more
 * of tail than that slot numbers are in range. */
struct mullion_message_ring {
	__u64 head;
	__u64 tail;
	__u8 reserved[240];
	__u8 messages[MULLION_RING_MESSAGES][256]; /* struct hv_message */
};

_Static_assert(sizeof(struct mullion_vp_page) == 4096, "a page");
_Static_assert(sizeof(struct mullion_cpu_events) == 4096, "a page");
_Static_assert(sizeof(struct mullion_message_ring) == 4096, "a page");

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
