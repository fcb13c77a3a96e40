/* SPDX-License-Identifier: GPL-2.0-only */
/* The end: of hv by its own fault, or of the parent. Nothing here takes a lock
 * that a stopped CPU may hold. */
#include "core/panic.h"

#include <stdarg.h>

#include "boot/boot.h"
#include "core/cpu.h"
#include "core/format.h"
#include "core/log.h"
#include "core/memory.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/trap.h"
#include "x86/tsc.h"

#define BACKTRACE_MAX 24

static u32 panic_owner; /* index of the CPU that panics, plus 1 */
static u32 timeout_s;

/* The compiler's stack canary: the value, and what a function does that finds
 * another one. hv_main makes it unpredictable. */
u64 __stack_chk_guard = 0x00f1e2d3c4b5a697;
__noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	panic("stack overwritten");
}

void panic_set_timeout(u32 seconds)
{
	timeout_s = seconds;
}

bool panic_in_progress(void)
{
	return __atomic_load_n(&panic_owner, __ATOMIC_ACQUIRE) != 0;
}

void cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Returns false when this CPU lost the race, or panics within its panic. */
static bool begin(void)
{
	u32 expected = 0;
	u32 me = cpu_count ? this_cpu()->index + 1 : 1;

	if (!__atomic_compare_exchange_n(&panic_owner, &expected, me, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return false;
	log_panic_mode();
	for (u32 i = 0; i < cpu_count; i++) {
		if (i + 1 != me && READ_ONCE(cpus[i]->online))
			apic_send_nmi(cpus[i]->apic_id);
	}
	tsc_delay_us(10000);
	return true;
}

static __noreturn void finish(void)
{
	if (timeout_s) {
		log_error("resetting the machine in %u s", timeout_s);
		for (u32 i = 0; i < timeout_s; i++)
			tsc_delay_us(1000000);
		machine_reset();
	}
	log_error("halted");
	cpu_stop();
}

static void print_registers(const struct trap_frame *f)
{
	log_error("rip %016lx rsp %016lx rflags %lx cs %lx vector %lu error %lx cr2 %lx", f->rip,
		  f->rsp, f->rflags, f->cs, f->vector, f->error, read_cr2());
	log_error("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	log_error("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	log_error("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
	log_error("r13 %016lx r14 %016lx r15 %016lx cr3 %lx", f->r13, f->r14, f->r15, read_cr3());
}

static bool on_stack(u64 p, u64 low)
{
	return p >= low && p <= low + STACK_SIZE - 16 && p % 8 == 0;
}

/* hv is built with frame pointers. Only this CPU's stack is walked. */
static void print_backtrace(u64 rbp, u64 rip)
{
	u64 low;

	log_error("backtrace: %lx", rip);
	if (!cpu_count)
		return;
	low = (u64)this_cpu()->stack;
	for (u32 i = 0; i < BACKTRACE_MAX && on_stack(rbp, low); i++) {
		const u64 *frame = (const u64 *)rbp;

		if (!frame[1])
			break;
		log_error("  from %lx", frame[1]);
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
}

void panic_frame(const struct trap_frame *frame, const char *fmt, ...)
{
	char text[200];
	va_list args;

	irq_disable();
	if (!begin())
		cpu_stop();
	va_start(args, fmt);
	hv_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	log_error("panic on CPU %u: %s", cpu_count ? this_cpu()->index : 0, text);
	print_registers(frame);
	print_backtrace(frame->rbp, frame->rip);
	finish();
}

void panic(const char *fmt, ...)
{
	char text[200];
	va_list args;

	irq_disable();
	if (!begin())
		cpu_stop();
	va_start(args, fmt);
	hv_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	log_error("panic on CPU %u: %s", cpu_count ? this_cpu()->index : 0, text);
	print_backtrace((u64)__builtin_frame_address(0), (u64)__builtin_return_address(0));
	finish();
}

void parent_dead(void)
{
	irq_disable();
	if (!begin())
		cpu_stop();
	log_error("parent killed");
	finish();
}

static void reset_by_acpi(void)
{
	const struct acpi_info *a = &boot_acpi;

	if (!a->reset_supported)
		return;
	switch (a->reset_space) {
	case 0: /* registers of that kind lie below 4 GiB, where PHYSMAP always is */
		if (a->reset_address >= GIB(4))
			return;
		*(volatile u8 *)phys_to_virt(HPA(a->reset_address)) = a->reset_value;
		break;
	case 1:
		out8((u16)a->reset_address, a->reset_value);
		break;
	case 2: /* device, function and register on bus 0 */
		out32(0xcf8, 0x80000000u | ((u32)(a->reset_address >> 32) & 0x1f) << 11 |
				     ((u32)(a->reset_address >> 16) & 7) << 8 |
				     ((u32)a->reset_address & 0xfc));
		out8((u16)(0xcfc + (a->reset_address & 3)), a->reset_value);
		break;
	default:
		break;
	}
	tsc_delay_us(100000);
}

void machine_reset(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __packed no_idt = { 0 };

	irq_disable();
	reset_by_acpi();
	out8(0xcf9, 0x02);
	out8(0xcf9, 0x06);
	tsc_delay_us(100000);
	out8(0x64, 0xfe);
	tsc_delay_us(100000);
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	cpu_stop();
}
