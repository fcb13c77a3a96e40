/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How the parent partition finds Mullion: the hypervisor CPUID leaves.
 *
 * CPUID.1:ECX[31] is set. Leaf MULLION_CPUID_BASE answers
 *   EAX = highest Mullion leaf, EBX:ECX:EDX = MULLION_SIGNATURE_*.
 * Before anything else a reader checks all three signature words.
 *
 * A second, public leaf range (KVM's, at MULLION_CPUID_KVM_BASE) is there so
 * that a stock Linux takes x2APIC without interrupt remapping; it announces
 * no KVM feature. Source: Linux arch/x86/kernel/apic/apic.c,
 * try_to_enable_x2apic(); Documentation/virt/kvm/x86/cpuid.rst.
 *
 * Child partitions never see these leaves; they see the TLFS's.
 */
#ifndef MULLION_CPUID_H
#define MULLION_CPUID_H

#define MULLION_CPUID_BASE 0x40000000u
#define MULLION_CPUID_KVM_BASE 0x40000100u

/* "Mullion\0\0\0\0\0" in EBX, ECX, EDX. */
#define MULLION_SIGNATURE_EBX 0x6c6c754du
#define MULLION_SIGNATURE_ECX 0x006e6f69u
#define MULLION_SIGNATURE_EDX 0x00000000u

/* EAX = parent interface version (MULLION_PARENT_ABI). */
#define MULLION_CPUID_INTERFACE 0x40000001u
/* EAX = MULLION_VERSION(major, minor), EBX = patch level. */
#define MULLION_CPUID_VERSION 0x40000002u
/* EAX = MULLION_FEATURE_* bits. */
#define MULLION_CPUID_FEATURES 0x40000003u
#define MULLION_CPUID_MAX MULLION_CPUID_FEATURES

#define MULLION_VERSION(major, minor) (((major) << 16) | (minor))

/* The log ring can be mapped (parent.h, struct mullion_hv_info). */
#define MULLION_FEATURE_LOG (1u << 0)
/* The statistics page can be mapped. */
#define MULLION_FEATURE_STATS (1u << 1)
/* MULLION_CALL_PARENT_CRASH is served. */
#define MULLION_FEATURE_CRASH (1u << 2)
/* MULLION_CALL_SET_NATIVE takes MULLION_NATIVE_CPUID, MULLION_NATIVE_ICR. */
#define MULLION_FEATURE_NATIVE_CPUID (1u << 3)
#define MULLION_FEATURE_NATIVE_ICR (1u << 4)
/* Children: the calls from MULLION_CALL_DONATE on and the TLFS's. */
#define MULLION_FEATURE_PARTITIONS (1u << 5)

#endif
