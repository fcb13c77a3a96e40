/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual processor, and the table of operations that a vendor (svm/, later
 * vmx/) provides for it.
 *
 * A VP is used by the CPU it runs on alone; other CPUs reach it by requests
 * (vp_request), which interrupt it with an NMI. The protocol counts: the CPU
 * that sets the first bit sends exactly one NMI. Bits are taken when it comes, or
 * before that where the CPU is in hv anyway; then its NMI is still due. An NMI that
 * finds no bits and is not due is the guest's own.
 */
#ifndef HV_CORE_VP_H
#define HV_CORE_VP_H

#include <mullion/stats.h>

#include "core/sched.h"
#include "core/types.h"
#include "x86/decode.h"
#include "x86/switch.h"
#include "x86/vlapic.h"

struct cpu;
struct vp;

/* General registers, numbered as instructions encode them. */
enum {
	REG_RAX,
	REG_RCX,
	REG_RDX,
	REG_RBX,
	REG_RSP,
	REG_RBP,
	REG_RSI,
	REG_RDI,
	REG_R8,
	REG_R15 = 15,
	REG_COUNT = 16,
};

/* Layout shared with svm/run.S. */
struct vp_regs {
	u64 r[REG_COUNT];
	u64 rip;
	u64 rflags;
};

/* Why guest mode was left; set by the vendor's run. */
struct vp_exit {
	enum mullion_exit reason;
	u64 code; /* the vendor's own number, for messages */
	union {
		struct { /* MSR_READ, MSR_WRITE, APIC_ICR, APIC_OTHER */
			u32 msr;
			bool msr_write;
		};
		struct { /* GPA_FAULT */
			gpa_t gpa;
			bool write;
			bool fetch;
		};
		struct { /* OTHER: an exception of the guest's own, 0: none */
			u8 exception;
		};
		struct { /* INTR_WINDOW: the guest has returned from its NMI handler, by
			  * an IRET that is done */
			bool nmi_done;
		};
		struct { /* IO */
			u16 port;
			u8 io_size; /* 1, 2 or 4 */
			bool io_in;
			bool io_string;
			bool io_rep;
			u8 io_segment; /* string: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS */
			u8 io_address; /* string: address size in bytes */
		};
	};
	/* Bytes at RIP when the CPU told them, else 0. */
	u8 insn_count;
	u8 insn[INSN_MAX];
};

/* What address translation and decoding need to know. */
struct vp_mode {
	enum insn_mode insn;
	u64 cs_base;
	u64 cr0, cr3, cr4, efer;
	u8 cpl;
};

enum vp_request {
	VP_REQ_INIT = 1, /* INIT */
	VP_REQ_SIPI = 2, /* start-up, at sipi_page */
	VP_REQ_NMI = 4, /* an NMI of the guest's own making */
	VP_REQ_RESCHED = 8, /* its CPU looks whose turn it is */
	VP_REQ_FLUSH = 16, /* the parent's map has less in it than before */
	VP_REQ_SENT = 32, /* no request: an NMI that stands for those above is on its way */
};

/* What makes a VP leave guest mode beside that which always does. A child leaves
 * it for every interrupt and HLT. */
enum vp_exits {
	VP_EXITS_HLT = 1, /* the parent's */
	VP_EXITS_TIMER = 2, /* the parent's: the registers of the local APIC's timer */
	VP_EXITS_WINDOW = 4, /* a child's: as soon as it can take an interrupt */
};

/* A segment register. attributes: as in a descriptor, bits 40..55 of it, the
 * limit's in between 0 (TLFS, HV_X64_SEGMENT_REGISTER). */
struct vp_segment {
	u64 base;
	u32 limit;
	u16 selector;
	u16 attributes;
};

/* The registers that lie with the vendor. */
struct vp_state {
	struct vp_segment es, cs, ss, ds, fs, gs, ldtr, tr;
	struct vp_segment gdtr, idtr; /* base and limit */
	u64 cr0, cr2, cr3, cr4;
	u64 efer; /* as the guest sees it */
	u64 dr6, dr7;
	u64 pat;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	/* An event that is delivered on the next entry. */
	bool event;
	u8 event_type; /* 0 interrupt, 2 NMI, 3 exception */
	u8 event_vector;
	bool event_has_error;
	u32 event_error;
	bool shadow; /* interrupts wait for one more instruction */
};

struct vp_vendor;
struct child;

#define VP_VENDOR_WORDS 8

struct vp {
	struct vp_regs regs;
	struct vp_exit exit;
	u32 index;
	struct cpu *cpu; /* the parent's: its own; a child's: where it runs or ran last */
	struct child *child; /* NULL: the parent's */
	struct vlapic lapic; /* the parent's */
	u32 exits; /* enum vp_exits in force */
	struct mullion_vp_stats *stats;
	u64 last_tsc; /* when the current account (guest, hv, wait) began */
	struct sched_vp sched;

	u32 requests; /* the parent's: enum vp_request bits; any CPU, atomic */
	bool resent; /* an NMI more than requests may come; any CPU, atomic */
	u64 sent_tsc; /* when the last NMI for them was sent; any CPU, atomic */
	u32 sipi_page; /* written before VP_REQ_SIPI is set */

	bool nmi_pending; /* to be injected */
	bool nmi_blocked; /* one was injected and has not returned */
	bool halted; /* in HLT, as far as hv sees it */
	u64 taken[4]; /* the parent's: vectors that hv's IDT took and it has not had yet */
	struct switched switched;
	u64 vendor[VP_VENDOR_WORDS]; /* the vendor's part */
};

/*
 * One table for each vendor. "Own CPU" means: called on the CPU that the VP
 * runs on, between its runs.
 */
struct vp_vendor {
	const char *name;
	/* MULLION_NATIVE_* (parent.h) that set_native can do. */
	u32 native;
	/* Can this CPU do it? NULL, or what is missing. */
	const char *(*probe)(void);
	/* Once, boot CPU: allocates what all CPUs share. */
	void (*init)(void);
	/* Each CPU before its first run; vendor memory was allocated by cpu_alloc. */
	void (*cpu_init)(struct cpu *cpu);
	/* Makes the vendor's part of the VP; page is its own, zeroed. */
	void (*vp_init)(struct vp *vp, void *page);
	void *(*vp_page)(const struct vp *vp);
	/* Own CPU: state as after INIT. */
	void (*vp_reset)(struct vp *vp);
	/* Own CPU: after vp_reset, real mode at address, below 1 MiB. */
	void (*vp_start_real)(struct vp *vp, u32 address);
	/* Own CPU: after vp_reset, 64-bit mode with flat segments, paging by cr3. */
	void (*vp_start_long)(struct vp *vp, u64 rip, u64 rsp, u64 cr3, u64 gdt);
	/* Own CPU: runs the guest until it exits; fills vp->exit and vp->regs. */
	void (*run)(struct vp *vp);
	/* Own CPU: lets a pending NMI, or interrupt, reach hv's IDT. */
	void (*take_nmi)(void);
	void (*take_irq)(void);
	/* Own CPU: the same, asleep until there is one; wait_irq wakes for NMIs too. */
	void (*wait_nmi)(void);
	void (*wait_irq)(void);
	/* Own CPU: exactly these of enum vp_exits. */
	void (*set_exits)(struct vp *vp, u32 exits);
	/* Own CPU: nothing that the CPU remembers of the VP's maps holds any more. */
	void (*flush)(struct vp *vp);
	/* Own CPU: exactly these of MULLION_NATIVE_* do not exit; none after
	 * vp_reset. */
	void (*set_native)(struct vp *vp, u32 native);
	/* Own CPU: an exception that the guest takes on entry. */
	void (*inject_exception)(struct vp *vp, u8 vector, bool has_error, u32 error);
	/* Own CPU: an interrupt that a child takes on entry (IF is set). */
	void (*inject_interrupt)(struct vp *vp, u8 vector);
	/* Own CPU: is there an event that the next entry delivers? */
	bool (*event_queued)(const struct vp *vp);
	/* Own CPU: can an interrupt be injected now? */
	bool (*can_interrupt)(const struct vp *vp);
	/* Own CPU: a child's task priority, CR8. */
	u8 (*get_tpr)(const struct vp *vp);
	void (*set_tpr)(struct vp *vp, u8 tpr);
	/* The VP is on no CPU, or the caller is on it. */
	void (*get_state)(const struct vp *vp, struct vp_state *state);
	void (*set_state)(struct vp *vp, const struct vp_state *state);
	/* The VP is on no CPU: the TSC that it reads is the CPU's plus this. */
	void (*set_tsc_offset)(struct vp *vp, u64 offset);
	/* Own CPU: an NMI on entry; the end of its handler exits as INTR_WINDOW. */
	void (*inject_nmi)(struct vp *vp);
	/* nmi_blocked was changed otherwise: the guest returned from its NMI handler, or its
	 * registers were set. The VP runs nowhere meanwhile. */
	void (*nmi_block_changed)(struct vp *vp);
	/* Own CPU: steps over the intercepted instruction, of length bytes when the
	 * CPU does not know it, and ends its interrupt shadow. */
	void (*advance)(struct vp *vp, u8 length);
	/* Ends an interrupt shadow. */
	void (*end_shadow)(struct vp *vp);
	/* Own CPU: bytes of the intercepted instruction, 0 when the CPU does not tell. */
	u8 (*insn_length)(const struct vp *vp);
	/* Own CPU: does the CPU itself tell where the next instruction is? */
	bool (*knows_next_rip)(const struct vp *vp);
	/* As get_state. */
	void (*get_mode)(const struct vp *vp, struct vp_mode *mode);
	/* Own CPU: reads and writes of MSRs that only the vendor knows about.
	 * Return false for #GP. */
	bool (*msr_read)(struct vp *vp, u32 msr, u64 *value);
	bool (*msr_write)(struct vp *vp, u32 msr, u64 value);
	/* The instruction by which a guest calls hv. */
	u8 vmcall[3];
	/* CPUID bits that the vendor's own use of the CPU hides. */
	void (*cpuid_filter)(u32 leaf, u32 subleaf, u32 regs[4]);
	/* Prints the guest's state to the log. */
	void (*dump)(const struct vp *vp);
};

extern const struct vp_vendor svm_vendor;

/* The vendor of this machine; set once before VPs exist. */
extern const struct vp_vendor *vendor;

/* Any CPU: asks the parent's VP for something; see enum vp_request. */
void vp_request(struct vp *vp, enum vp_request what);

/* The MULLION_FEATURE_* bits of this machine. */
u32 hv_features(void);

/* Own CPU: general-protection fault in the guest. */
void vp_inject_gp(struct vp *vp);

/* Own CPU: the bytes of the instruction at RIP, n of them in buf (INSN_MAX). */
size_t vp_fetch_insn(struct vp *vp, u8 *buf);

/* Own CPU: steps over the intercepted instruction, which is length bytes long
 * but for prefixes. */
void vp_skip(struct vp *vp, u8 length);

/* Prints the VP's registers to the log. */
void vp_dump(const struct vp *vp);

/* Own CPU: adds the time since the last call to a counter of the VP's. */
void vp_account(struct vp *vp, __u64 *counter);

#endif
