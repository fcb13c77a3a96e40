/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual processor, and the table of operations that a vendor (svm/, later
 * vmx/) provides for it.
 *
 * A VP is used by the CPU it runs on alone; other CPUs reach it by requests
 * (vp_request), which interrupt it with an NMI. The protocol counts: the CPU
 * that sets the first bit sends exactly one NMI, the NMI takes all bits, and an
 * NMI that finds none is the guest's own.
 */
#ifndef HV_CORE_VP_H
#define HV_CORE_VP_H

#include <mullion/stats.h>

#include "core/types.h"
#include "x86/decode.h"
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
		struct { /* IO: no string instruction is intercepted */
			u16 port;
			u8 io_size; /* 1, 2 or 4 */
			bool io_in;
			bool io_string;
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
};

/* How physical interrupts reach the VP that owns them. */
enum vp_irq_mode {
	/* Straight through its IDT: neither they nor HLT leave guest mode. */
	VP_IRQ_DIRECT,
	/* hv takes each and injects it; HLT leaves guest mode, so that the CPU can
	 * be given to another VP. End of interrupt goes to the hardware. */
	VP_IRQ_RELAY,
};

struct vp_vendor;

struct vp {
	struct vp_regs regs;
	struct vp_exit exit;
	u32 index;
	struct cpu *cpu;
	struct vlapic lapic;
	enum vp_irq_mode irq_mode;
	struct mullion_vp_stats *stats;
	u64 last_tsc; /* when the current account (guest, hv, wait) began */

	u32 requests; /* enum vp_request bits; any CPU, atomic */
	u32 sipi_page; /* written before VP_REQ_SIPI is set */

	bool nmi_pending; /* to be injected */
	bool nmi_blocked; /* one was injected and has not returned */
	void *vendor; /* the vendor's part */
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
	/* Boot CPU: allocates the vendor's part of the VP. */
	void (*vp_alloc)(struct vp *vp);
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
	/* Own CPU: interrupts and HLT direct or relayed. */
	void (*set_irq_mode)(struct vp *vp, enum vp_irq_mode mode);
	/* Own CPU: exactly these of MULLION_NATIVE_* do not exit; none after
	 * vp_reset. */
	void (*set_native)(struct vp *vp, u32 native);
	/* Own CPU: an exception that the guest takes on entry. */
	void (*inject_exception)(struct vp *vp, u8 vector, bool has_error, u32 error);
	/* Own CPU: an interrupt that the guest can take on entry (IF is set). */
	void (*inject_interrupt)(struct vp *vp, u8 vector);
	/* Own CPU: is there an event that the next entry delivers? */
	bool (*event_queued)(const struct vp *vp);
	/* Own CPU: an NMI on entry; the end of its handler exits as INTR_WINDOW. */
	void (*inject_nmi)(struct vp *vp);
	/* Own CPU: the guest returned from its NMI handler. */
	void (*nmi_done)(struct vp *vp);
	/* Own CPU: steps over the intercepted instruction, of length bytes when the
	 * CPU does not know it, and ends its interrupt shadow. */
	void (*advance)(struct vp *vp, u8 length);
	/* Own CPU: does the CPU itself tell where the next instruction is? */
	bool (*knows_next_rip)(const struct vp *vp);
	void (*get_mode)(const struct vp *vp, struct vp_mode *mode);
	/* Own CPU: reads and writes of MSRs that only the vendor knows about.
	 * Return false for #GP. */
	bool (*msr_read)(struct vp *vp, u32 msr, u64 *value);
	bool (*msr_write)(struct vp *vp, u32 msr, u64 value);
	/* CPUID bits that the vendor's own use of the CPU hides. */
	void (*cpuid_filter)(u32 leaf, u32 subleaf, u32 regs[4]);
	/* Prints the guest's state to the log. */
	void (*dump)(const struct vp *vp);
};

extern const struct vp_vendor svm_vendor;

/* The vendor of this machine; set once before VPs exist. */
extern const struct vp_vendor *vendor;

/* Makes the parent's VP for a CPU; boot CPU, before the CPU enters vp_loop. */
struct vp *vp_create(struct cpu *cpu, enum vp_irq_mode irq_mode);

/* Own CPU: takes the APIC as firmware left it. */
void vp_init_lapic(struct vp *vp);

/* Runs the CPU's VP for ever: from wait-for-SIPI unless it was started. */
__noreturn void vp_loop(struct vp *vp);

/* Any CPU: asks the VP for something; see enum vp_request. */
void vp_request(struct vp *vp, enum vp_request what);

/* The MULLION_FEATURE_NATIVE_* bits of this machine. */
u32 native_features(void);

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
