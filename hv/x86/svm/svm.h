/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of svm/ share. Nothing outside of this folder includes it. */
#ifndef HV_X86_SVM_SVM_H
#define HV_X86_SVM_SVM_H

#include "core/vp.h"
#include "x86/svm/vmcb.h"

/* The vendor's part of struct vp. */
struct svm_vp {
	struct vmcb *vmcb;
	hpa_t vmcb_pa;
	u32 native; /* MULLION_NATIVE_* in force */
	/* A child's: holds on asid_cpu as long as its generation does. */
	u32 asid;
	u64 asid_generation; /* 0: it has none */
	struct cpu *asid_cpu;
	/* The NMI handler's IRET at this place has exited and was not executed yet. */
	bool at_iret;
	u64 iret_rip;
};

_Static_assert(sizeof(struct svm_vp) <= sizeof(((struct vp *)0)->vendor), "VP_VENDOR_WORDS");

static inline struct svm_vp *svm(const struct vp *vp)
{
	return (struct svm_vp *)(uintptr_t)vp->vendor;
}

static inline struct vmcb *vmcb_of(const struct vp *vp)
{
	return svm(vp)->vmcb;
}

/* Once, boot CPU: the bitmaps, for the parent and for children. */
void svm_intercepts_init(void);

/* Writes into the VMCB what vp->exits, its NMI state and native ask for. */
void svm_intercepts_set(struct vp *vp);

/* state.c, for the vendor's table. */
void svm_vp_reset(struct vp *vp);
void svm_vp_start_real(struct vp *vp, u32 address);
void svm_vp_start_long(struct vp *vp, u64 rip, u64 rsp, u64 cr3, u64 gdt);
void svm_get_mode(const struct vp *vp, struct vp_mode *mode);
void svm_get_state(const struct vp *vp, struct vp_state *state);
void svm_set_state(struct vp *vp, const struct vp_state *state);

#endif
