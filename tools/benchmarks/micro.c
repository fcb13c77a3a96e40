/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel that measures what single exits and round trips cost its guest, in TSC
 * ticks. It sees the Hyper-V interface and nothing else of the hypervisor, so that
 * it is the same guest in hv-worker and in QEMU with KVM. The last word of its
 * command line says what it does:
 *
 *   rows    measures each row many times, and prints median, least and 99th
 *           percentile, in lines as guest.c has them
 *   memory  says "bench: memory" and waits a moment, while its host looks
 *   spin    keeps all of its processors busy for ever
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>

#define UART 0x3f8
#define UART_LSR (UART + 5)
#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1
#define DEBUG_EXIT 0xf4
#define NOBODY 0x1230 /* a port that nobody has */

#define EXIT_GOOD 0x10
#define EXIT_BAD 0x11

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_X2APIC 0xc00u
#define X2APIC_EOI 0x80bu
#define X2APIC_SVR 0x80fu
#define X2APIC_ICR 0x830u
#define SVR_ENABLE 0x1ffu
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define ICR_FIXED 0x4000u
#define ICR_OTHERS 0xc0000u

#define TRAMPOLINE 0x8000u
#define SECOND 1ull /* APIC id of the second processor */
#define TICKS_A_LITTLE 50000000ull

#define COUNT 2000
#define WARM_UP 50

/* QEMU's hyperv-testdev: what it is told at its port. */
#define TESTDEV 0x3000
#define TESTDEV_MESSAGES 4u
#define TESTDEV_EVENTS 6u

/* Connections, which whoever serves them answers on the SINT above. */
#define MESSAGES 1u
#define EVENTS 2u

enum vector {
	VECTOR_PING = 0x40,
	VECTOR_PONG,
	VECTOR_MESSAGE,
	VECTOR_EVENT,
	VECTORS
};

struct pvh_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp;
};

struct interrupt_frame;

void kernel_main(const struct pvh_info *info);
void second_main(void);
extern const uint8_t trampoline[], trampoline_end[];

static struct {
	uint16_t low, selector, type, middle;
	uint32_t high, reserved;
} idt[VECTORS];

static volatile uint32_t came[VECTORS]; /* interrupts, by vector */
static volatile bool second_is_up, second_halts;

static uint8_t hypercall_page[4096] __attribute__((aligned(4096)));
static struct hv_message_page message_page __attribute__((aligned(4096)));
static struct hv_event_flags_page event_page __attribute__((aligned(4096)));
static struct hv_input_post_message post __attribute__((aligned(4096)));

/* ---- The processor ---- */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return low | (uint64_t)high << 32;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static uint64_t tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return low | (uint64_t)high << 32;
}

static void wait_a_little(void)
{
	for (uint64_t start = tsc(); tsc() - start < TICKS_A_LITTLE;)
		__asm__ volatile("pause");
}

/* ---- What it says ---- */

static void put(char c)
{
	while (!(in8(UART_LSR) & 0x20))
		;
	out8(UART, (uint8_t)c);
}

static void print(const char *text)
{
	while (*text)
		put(*text++);
}

static void print_number(uint64_t n)
{
	char digits[20];
	unsigned int length = 0;

	do
		digits[length++] = (char)('0' + n % 10);
	while (n /= 10);
	while (length)
		put(digits[--length]);
}

_Noreturn static void finish(bool good)
{
	out8(DEBUG_EXIT, good ? EXIT_GOOD : EXIT_BAD);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	print("bench: failed: micro: ");
	print(what);
	print("\n");
	finish(false);
}

/* ---- Interrupts ---- */

static void end_interrupt(void)
{
	wrmsr(X2APIC_EOI, 0);
}

static void send(uint64_t to, uint32_t command)
{
	wrmsr(X2APIC_ICR, to << 32 | command);
}

__attribute__((interrupt)) static void on_ping(struct interrupt_frame *frame)
{
	(void)frame;
	end_interrupt();
	send(0, ICR_FIXED | VECTOR_PONG);
}

__attribute__((interrupt)) static void on_pong(struct interrupt_frame *frame)
{
	(void)frame;
	came[VECTOR_PONG]++;
	end_interrupt();
}

__attribute__((interrupt)) static void on_message(struct interrupt_frame *frame)
{
	struct hv_message *slot = &message_page.slots[MESSAGES + 1];
	bool pending;

	(void)frame;
	__atomic_store_n(&slot->header.message_type, HVMSG_NONE, __ATOMIC_SEQ_CST);
	pending = __atomic_load_n(&slot->header.message_flags, __ATOMIC_SEQ_CST) & 1;
	if (pending)
		wrmsr(HV_X64_MSR_EOM, 0);
	came[VECTOR_MESSAGE]++;
	end_interrupt();
}

__attribute__((interrupt)) static void on_event(struct interrupt_frame *frame)
{
	(void)frame;
	__atomic_store_n(&event_page.flags[EVENTS + 1][0], 0, __ATOMIC_SEQ_CST);
	came[VECTOR_EVENT]++;
	end_interrupt();
}

static void set_gate(enum vector vector, void (*handler)(struct interrupt_frame *))
{
	uint64_t at = (uint64_t)handler;

	idt[vector].low = (uint16_t)at;
	idt[vector].selector = 8;
	idt[vector].type = 0x8e00;
	idt[vector].middle = (uint16_t)(at >> 16);
	idt[vector].high = (uint32_t)(at >> 32);
}

/* Firmware may have left its timer on. */
static void mask_pics(void)
{
	out8(PIC1_MASK, 0xff);
	out8(PIC2_MASK, 0xff);
}

static void start_processor(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	wrmsr(X2APIC_SVR, SVR_ENABLE);
}

/* Until one more has come; the answer cannot be lost between look and halt. */
static void wait_for(enum vector vector, uint32_t seen, bool halting)
{
	while (came[vector] == seen)
		if (halting)
			__asm__ volatile("sti; hlt; cli" : : : "memory");
		else
			__asm__ volatile("sti; pause; cli" : : : "memory");
}

void second_main(void)
{
	start_processor();
	second_is_up = true;
	for (;;)
		if (second_halts)
			__asm__ volatile("sti; hlt" : : : "memory");
		else
			__asm__ volatile("sti; pause" : : : "memory");
}

/* All at once: they have one stack, but only one of them is sent interrupts. */
static void start_others(void)
{
	for (const uint8_t *from = trampoline; from < trampoline_end; from++)
		((volatile uint8_t *)(uintptr_t)TRAMPOLINE)[from - trampoline] = *from;
	send(0, ICR_OTHERS | ICR_INIT);
	wait_a_little();
	send(0, ICR_OTHERS | ICR_STARTUP | TRAMPOLINE >> 12);
	for (unsigned int i = 0; i < 100 && !second_is_up; i++)
		wait_a_little();
}

/* ---- Hyper-V ---- */

static uint64_t hypercall(uint64_t control, uint64_t input)
{
	register uint64_t output __asm__("r8") = 0;
	uint64_t result;

	__asm__ volatile("call *%[page]"
			 : "=a"(result), "+c"(control), "+d"(input), "+r"(output)
			 : [page] "r"(hypercall_page)
			 : "r9", "r10", "r11", "memory", "cc");
	return result;
}

static void start_hyperv(void)
{
	uint32_t a = HV_CPUID_VENDOR, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	require(b == HV_CPUID_VENDOR_EBX, "there is no Hyper-V interface");
	wrmsr(HV_X64_MSR_GUEST_OS_ID, HV_GUEST_OS_ID_OPEN_SOURCE | 1);
	wrmsr(HV_X64_MSR_HYPERCALL, (uint64_t)hypercall_page | HV_MSR_PAGE_ENABLE);
	wrmsr(HV_X64_MSR_SIMP, (uint64_t)&message_page | HV_MSR_PAGE_ENABLE);
	wrmsr(HV_X64_MSR_SIEFP, (uint64_t)&event_page | HV_MSR_PAGE_ENABLE);
	wrmsr(HV_X64_MSR_SINT0 + MESSAGES + 1, VECTOR_MESSAGE);
	wrmsr(HV_X64_MSR_SINT0 + EVENTS + 1, VECTOR_EVENT);
	wrmsr(HV_X64_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

/* The host binds the connections, or the test device does. */
static void open_connections(void)
{
	print("bench: ports\n");
	out32(TESTDEV, MESSAGES << 24 | TESTDEV_MESSAGES << 16 | (MESSAGES + 1));
	out32(TESTDEV, EVENTS << 24 | TESTDEV_EVENTS << 16 | (EVENTS + 1));
	post = (struct hv_input_post_message){
		.connection_id = MESSAGES,
		.message_type = 1,
		.payload_size = 8,
	};
	for (unsigned int i = 0; i < 100; i++) {
		if (!(hypercall(HVCALL_POST_MESSAGE, (uint64_t)&post) & HV_RESULT_STATUS)) {
			wait_for(VECTOR_MESSAGE, 0, true);
			return;
		}
		wait_a_little();
	}
	require(false, "nobody serves the guest's connections");
}

/* ---- The rows ---- */

static void do_hypercall(void)
{
	hypercall(0xfff, 0); /* a code that there is not */
}

static void do_cpuid(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void do_msr(void)
{
	(void)rdmsr(MSR_APIC_BASE);
}

static void do_port(void)
{
	out8(NOBODY, 0);
}

static void do_ipi(void)
{
	uint32_t seen = came[VECTOR_PONG];

	send(SECOND, ICR_FIXED | VECTOR_PING);
	wait_for(VECTOR_PONG, seen, false);
}

static void do_message(void)
{
	uint32_t seen = came[VECTOR_MESSAGE];

	/* As Linux does: whoever serves it may not be ready for another one yet. */
	while (hypercall(HVCALL_POST_MESSAGE, (uint64_t)&post) & HV_RESULT_STATUS)
		__asm__ volatile("pause");
	wait_for(VECTOR_MESSAGE, seen, true);
}

static void do_event(void)
{
	uint32_t seen = came[VECTOR_EVENT];

	require(!(hypercall(HVCALL_SIGNAL_EVENT | HV_CALL_FAST, EVENTS) & HV_RESULT_STATUS),
		"an event was not taken");
	wait_for(VECTOR_EVENT, seen, true);
}

static void sort(uint64_t *values, size_t count)
{
	for (size_t gap = count / 2; gap; gap /= 2)
		for (size_t i = gap; i < count; i++) {
			uint64_t value = values[i];
			size_t at = i;

			for (; at >= gap && values[at - gap] > value; at -= gap)
				values[at] = values[at - gap];
			values[at] = value;
		}
}

static void print_field(const char *name, uint64_t value)
{
	print(",\"");
	print(name);
	print("\":");
	print_number(value);
}

static void measure(const char *row, void (*operation)(void))
{
	static uint64_t ticks[COUNT];

	for (unsigned int i = 0; i < WARM_UP; i++)
		operation();
	print("bench: begin ");
	print(row);
	print("\n");
	for (unsigned int i = 0; i < COUNT; i++) {
		uint64_t start = tsc();

		operation();
		ticks[i] = tsc() - start;
	}
	print("bench: end ");
	print(row);
	print("\n");
	sort(ticks, COUNT);
	print("bench: {\"row\":\"");
	print(row);
	print("\"");
	print_field("count", COUNT);
	print_field("ticks", ticks[COUNT / 2]);
	print_field("least", ticks[0]);
	print_field("p99", ticks[COUNT * 99 / 100]);
	print("}\n");
}

static void measure_rows(void)
{
	start_hyperv();
	start_others();
	require(second_is_up, "the second processor does not start");
	measure("null-hypercall", do_hypercall);
	measure("cpuid-exit", do_cpuid);
	measure("msr-exit", do_msr);
	measure("port-exit", do_port);
	measure("ipi", do_ipi);
	second_halts = true;
	do_ipi();
	measure("ipi-halted", do_ipi);
	open_connections();
	measure("message", do_message);
	measure("event", do_event);
	finish(true);
}

_Noreturn static void spin_for_ever(void)
{
	start_others();
	print("bench: spinning\n");
	for (;;)
		__asm__ volatile("pause");
}

static bool ends_with(const char *text, const char *word)
{
	const char *last = text;

	for (; *text; text++)
		if (*text == ' ')
			last = text + 1;
	while (*last && *last == *word)
		last++, word++;
	return *last == *word;
}

void kernel_main(const struct pvh_info *info)
{
	const char *cmdline = (const char *)(uintptr_t)info->cmdline;
	bool rows = ends_with(cmdline, "rows"), spin = ends_with(cmdline, "spin");

	set_gate(VECTOR_PING, on_ping);
	set_gate(VECTOR_PONG, on_pong);
	set_gate(VECTOR_MESSAGE, on_message);
	set_gate(VECTOR_EVENT, on_event);
	mask_pics();
	start_processor();
	if (rows)
		measure_rows();
	if (spin)
		spin_for_ever();
	require(ends_with(cmdline, "memory"), "what shall it do?");
	print("bench: memory\n");
	for (unsigned int i = 0; i < 50; i++)
		wait_a_little();
	finish(true);
}
