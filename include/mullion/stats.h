/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * hv's statistics: memory that hv writes and the parent maps read-only (GPA
 * and size: struct mullion_hv_info). struct mullion_stats stands at its start,
 * entry i at entries_offset + i * entry_size. The parent's VPs come first; the
 * others are a child's or ABSENT, and are given to another VP when theirs is gone:
 * a reader that finds partition and vp the same before and after has one VP's.
 *
 * Each entry has one writer, the CPU that the VP runs on; each counter is an
 * aligned 64-bit word that only grows, so a reader needs no lock. Counters of
 * one entry are not one snapshot.
 */
#ifndef MULLION_STATS_H
#define MULLION_STATS_H

#include <mullion/parent.h>

#define MULLION_STATS_MAGIC 0x544154532d4c554dull /* "MUL-STAT" */
#define MULLION_STATS_VERSION 2u

/* Why a VP left guest mode. Generic names; the vendor's codes stay in hv. */
enum mullion_exit {
	MULLION_EXIT_INTERRUPT = 0, /* a physical interrupt, while a child runs */
	MULLION_EXIT_NMI = 1, /* an NMI: the guest's own, or a kick by another CPU */
	MULLION_EXIT_INIT = 2, /* an INIT signal that did not come through the ICR */
	MULLION_EXIT_INTR_WINDOW = 3, /* the guest can take a waiting interrupt or NMI now */
	MULLION_EXIT_CPUID = 4,
	MULLION_EXIT_MSR_READ = 5,
	MULLION_EXIT_MSR_WRITE = 6, /* other than the two below */
	MULLION_EXIT_APIC_ICR = 7, /* an IPI is sent, in either APIC mode */
	MULLION_EXIT_APIC_OTHER = 8, /* any other intercepted APIC access */
	MULLION_EXIT_IO = 9,
	MULLION_EXIT_HLT = 10,
	MULLION_EXIT_HYPERCALL = 11,
	MULLION_EXIT_GPA_FAULT = 12, /* an access that the GPA map does not allow */
	MULLION_EXIT_SHUTDOWN = 13, /* a triple fault */
	MULLION_EXIT_VIRT_INSTRUCTION = 14, /* VMRUN and its kin */
	MULLION_EXIT_OTHER = 15,
	MULLION_EXIT_XSETBV = 16, /* these and the next: children alone */
	MULLION_EXIT_CACHE = 17, /* INVD, WBINVD */
	MULLION_EXIT_RDPMC = 18,
	MULLION_EXIT_INVALID = 19, /* a state that the CPU does not run */
	MULLION_EXIT_COUNT = 20,
};

enum mullion_vp_state {
	MULLION_VP_ABSENT = 0, /* this entry is not used */
	MULLION_VP_WAIT_SIPI = 1, /* after INIT, before the start-up IPI */
	MULLION_VP_RUNNING = 2,
	MULLION_VP_HALTED = 3, /* in HLT, seen by hv */
	MULLION_VP_DEAD = 4, /* stopped by hv, see the log */
};

/* All times are in TSC ticks (struct mullion_stats, tsc_hz). */
struct mullion_vp_stats {
	__u32 partition; /* 0 is the parent */
	__u32 vp; /* VP index within the partition */
	__u32 cpu; /* physical CPU it runs on */
	__u32 state; /* enum mullion_vp_state */
	__u64 entries; /* times guest mode was entered */
	__u64 guest_ticks; /* in guest mode, up to the last exit. A guest whose HLT does
			    * not exit halts in it. */
	__u64 hv_ticks; /* in hv on the VP's behalf */
	__u64 wait_ticks; /* halted or waiting for SIPI, as far as hv sees it */
	__u64 interrupts; /* interrupts and NMIs that hv injected */
	__u64 entered_tsc; /* TSC at the entry that has not ended yet: now - entered_tsc
			    * belongs to guest_ticks too. 0: in hv. It is cleared before
			    * guest_ticks grows: a reader that finds it the same before and
			    * after reading guest_ticks counts nothing twice. */
	__u64 ready_ticks; /* it could have run but another VP did */
	__u64 steals; /* times it went on at another CPU */
	__u64 preemptions; /* times it lost a CPU that it could have used on */
	__u64 messages; /* times it stopped for its runner */
	__u64 exits[MULLION_EXIT_COUNT]; /* by enum mullion_exit */
};

struct mullion_stats {
	__u64 magic; /* MULLION_STATS_MAGIC */
	__u32 version; /* MULLION_STATS_VERSION */
	__u32 entries_offset; /* bytes from this structure to entry 0 */
	__u32 entry_size; /* bytes: at least sizeof(struct mullion_vp_stats) */
	__u32 entry_count;
	__u64 tsc_hz; /* ticks per second */
	__u64 boot_tsc; /* TSC when hv started */
};

#endif
