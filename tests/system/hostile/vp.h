/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bare machine under the guest: two processors, instructions that may fault,
 * interrupts that are counted, a console, random numbers.
 */
#ifndef HOSTILE_VP_H
#define HOSTILE_VP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

#define EXIT_GOOD 0x10
#define EXIT_BAD 0x11

/* At the lowest address of the processor's stack; a start-up IPI leaves it as it is. */
struct vp {
	uint32_t index;
	bool running; /* it has been here before */
	volatile bool starting, up; /* the second's: an NMI before it is up would end it */
	uint64_t resume; /* where an exception goes on; 0: none is expected */
	uint64_t faults, interrupts, nmis;
	uint64_t random;
	volatile uint64_t done; /* accesses */
	volatile bool finished;
};

struct vp *vp_at(uint32_t index);

/* The processor's own. */
static inline struct vp *vp_self(void)
{
	uint64_t rsp;

	__asm__ volatile("movq %%rsp, %0" : "=r"(rsp));
	return (struct vp *)(rsp & ~(uint64_t)(STACK_SIZE - 1));
}

/* The second processor starts, or starts again, at what vp_main does; not while it is
 * about to. */
void start_second(void);
bool second_is_up(void);

/* An NMI to it, once it can take it. */
void wake_second(void);

/* Each begins here; the guest's own. */
void run_vp(struct vp *vp);

/* ---- Instructions. False, or an unchanged result: it faulted. ---- */

#define MAY_FAULT "leaq 1f(%%rip), %%r11\n\tmovq %%r11, %[resume]\n\t"
#define RESUME [resume] "=m"(vp_self()->resume)

static inline bool msr_write(uint32_t msr, uint64_t value)
{
	struct vp *vp = vp_self();
	uint64_t faults = vp->faults;

	__asm__ volatile(MAY_FAULT "wrmsr\n1:"
			 : [resume] "=m"(vp->resume)
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "r11", "memory");
	vp->resume = 0;
	return vp->faults == faults;
}

static inline bool msr_read(uint32_t msr, uint64_t *value)
{
	struct vp *vp = vp_self();
	uint64_t faults = vp->faults;
	uint32_t low = 0, high = 0;

	__asm__ volatile(MAY_FAULT "rdmsr\n1:"
			 : [resume] "=m"(vp->resume), "+a"(low), "+d"(high)
			 : "c"(msr)
			 : "r11", "memory");
	vp->resume = 0;
	*value = low | (uint64_t)high << 32;
	return vp->faults == faults;
}

static inline uint64_t hypercall(uint64_t control, uint64_t input, uint64_t output)
{
	struct vp *vp = vp_self();
	uint64_t result = control;

	__asm__ volatile("mov %[output], %%r8\n" MAY_FAULT "vmmcall\n1:"
			 : [resume] "=m"(vp->resume), "+a"(result), "+c"(control), "+d"(input)
			 : [output] "r"(output)
			 : "r8", "r11", "memory");
	vp->resume = 0;
	return result;
}

static inline bool set_xcr0(uint32_t index, uint64_t value)
{
	struct vp *vp = vp_self();
	uint64_t faults = vp->faults;

	__asm__ volatile(MAY_FAULT "xsetbv\n1:"
			 : [resume] "=m"(vp->resume)
			 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "r11", "memory");
	vp->resume = 0;
	return vp->faults == faults;
}

/* Any code at all, as long as it comes back or faults. */
#define TRY(code)                                                               \
	do {                                                                    \
		struct vp *me = vp_self();                                      \
		__asm__ volatile(MAY_FAULT code "\n1:"                          \
				 : [resume] "=m"(me->resume)                    \
				 :                                              \
				 : "rax", "rcx", "rdx", "r11", "memory", "cc"); \
		me->resume = 0;                                                 \
	} while (0)

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(subleaf));
}

static inline uint64_t tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* ---- The local APIC ---- */

#define APIC_PAGE 0xfee00000ul
#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ENABLE (1ull << 11)
#define MSR_X2APIC 0x800u
#define APIC_EOI 0x0b0u
#define APIC_SVR 0x0f0u
#define APIC_ICR 0x300u
#define APIC_ICR2 0x310u

/* By its page or its MSRs, as it is; while it is off nothing happens. */
void apic_write(uint32_t offset, uint64_t value);

/* It is on afterwards, in either mode, and takes interrupts. */
void apic_enable(void);

/* To the other processor: a low half of the ICR. */
void send_other(uint32_t command);

/* ---- Random numbers ---- */

uint64_t random64(void);

/* Below limit, which is not 0. */
static inline uint64_t random_below(uint64_t limit)
{
	return random64() % limit;
}

static inline bool one_in(uint64_t n)
{
	return random_below(n) == 0;
}

/* ---- The console ---- */

void print(const char *text);
void print_number(uint64_t value);
_Noreturn void finish(bool good);
_Noreturn void die(const char *what, uint64_t value);

/* ---- The command line ---- */

const char *command_line(void);

/* "name=NUMBER" among the words, or fallback. */
uint64_t option(const char *name, uint64_t fallback);
bool has_word(const char *word);

/* ---- What hostile-guest can be ---- */

void attack(struct vp *vp);
void beat(struct vp *vp);
void garbage(struct vp *vp);

#endif
