/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions that C has no word for, and the numbers of MSRs and CR bits. */
#ifndef HV_X86_ASM_H
#define HV_X86_ASM_H

#include "core/types.h"

#define MSR_TSC 0x00000010u
#define MSR_APIC_BASE 0x0000001bu
#define MSR_TSC_ADJUST 0x0000003bu
#define MSR_PRED_CMD 0x00000049u
#define PRED_CMD_IBPB BIT(0)
#define MSR_SYSENTER_CS 0x00000174u
#define MSR_SYSENTER_ESP 0x00000175u
#define MSR_SYSENTER_EIP 0x00000176u
#define MSR_PAT 0x00000277u
#define MSR_TSC_DEADLINE 0x000006e0u
#define MSR_X2APIC 0x00000800u
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_SFMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX 0xc0000103u
#define MSR_PATCH_LOADER 0xc0010020u
#define MSR_VM_CR 0xc0010114u
#define MSR_IGNNE 0xc0010115u
#define MSR_SMM_CTL 0xc0010116u
#define MSR_VM_HSAVE_PA 0xc0010117u
#define MSR_SVM_KEY 0xc0010118u
#define MSR_SYSCFG 0xc0010010u

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)
#define EFER_SVME BIT(12)
#define EFER_LMSLE BIT(13)
#define EFER_FFXSR BIT(14)
#define EFER_TCE BIT(15)
#define EFER_AIBRSE BIT(21)

#define VM_CR_R_INIT BIT(1)
#define VM_CR_SVMDIS BIT(4)

#define CR0_PE BIT(0)
#define CR0_ET BIT(4)
#define CR0_WP BIT(16)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_MCE BIT(6)
#define CR4_PGE BIT(7)
#define CR4_LA57 BIT(12)
#define CR4_OSXSAVE BIT(18)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define CR4_PKE BIT(22)
#define CR4_UMIP BIT(11)

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_TF BIT(8)
#define RFLAGS_IF BIT(9)

#define VECTOR_DB 1
#define VECTOR_DF 8
#define VECTOR_UD 6
#define VECTOR_NMI 2
#define VECTOR_TS 10
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_AC 17
#define VECTOR_MC 18

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* An unsupported MSR panics; see msr_read_safe for numbers that a guest chose. */
static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return ((u64)hi << 32) | lo;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

/* Return false when the CPU raised #GP. (entry.S) */
bool msr_read_safe(u32 msr, u64 *value);
bool msr_write_safe(u32 msr, u64 value);

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return ((u64)hi << 32) | lo;
}

static inline void out8(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void out16(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline u32 in32(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void out32(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline u64 read_cr2(void)
{
	u64 v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static inline u64 read_cr3(void)
{
	u64 v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline void write_cr3(u64 v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static inline u64 read_cr4(void)
{
	u64 v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static inline void write_cr4(u64 v)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}

static inline u32 read_mmio32(const volatile void *p)
{
	u32 v;

	__asm__ volatile("movl %1, %0" : "=r"(v) : "m"(*(const volatile u32 *)p) : "memory");
	return v;
}

static inline void write_mmio32(volatile void *p, u32 v)
{
	__asm__ volatile("movl %1, %0" : "=m"(*(volatile u32 *)p) : "r"(v) : "memory");
}

#endif
