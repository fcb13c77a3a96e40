/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that is a test: its command line names one of the functions below. What
 * it finds it prints on the UART; the debug-exit port tells how it went.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART 0x3f8
#define UART_LSR (UART + 5)
#define DEBUG_EXIT 0xf4
#define NOBODY 0x1230 /* ports that nobody has */

#define EXIT_GOOD 0x10
#define EXIT_BAD 0x11

#define MULTIBOOT_BOOT_MAGIC 0x2badb002u
#define PVH_MAGIC 0x336ec578u

struct multiboot_info {
	uint32_t flags, lower_kib, upper_kib, boot_device, cmdline, module_count, modules;
};

struct pvh_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp;
};

struct environment {
	const char *test;
	const char *module;
	uint32_t module_size;
	uint32_t rsdp; /* 0: not told */
};

void kernel_main(uint32_t magic, const void *info);
void lose_interrupts(void);

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void print(const char *text)
{
	for (; *text; text++) {
		while (!(in8(UART_LSR) & 0x20))
			;
		out8(UART, (uint8_t)*text);
	}
}

static void print_hex(uint32_t value)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		out8(UART, (uint8_t)"0123456789abcdef"[value >> shift & 15]);
}

_Noreturn static void finish(bool good)
{
	out8(DEBUG_EXIT, good ? EXIT_GOOD : EXIT_BAD);
	for (;;)
		__asm__ volatile("hlt");
}

static void expect(const char *what, uint32_t got, uint32_t want)
{
	print(what);
	print(" ");
	print_hex(got);
	print(got == want ? "\n" : " is wrong\n");
	if (got != want)
		finish(false);
}

static bool same(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return *a == *b;
}

/* ---- The tests ---- */

static void test_hello(const struct environment *environment)
{
	print("module: ");
	for (uint32_t i = 0; i < environment->module_size; i++)
		out8(UART, (uint8_t)environment->module[i]);
	print("\n");
	if (environment->rsdp)
		expect("root pointer", *(const uint32_t *)(uintptr_t)environment->rsdp, 0x20445352);
	finish(true);
}

static void test_ports(const struct environment *environment)
{
	uint32_t eax = 0x11223344;

	(void)environment;
	__asm__ volatile("inb %1, %%al" : "+a"(eax) : "Nd"((uint16_t)NOBODY));
	expect("inb", eax, 0x112233ff);
	eax = 0x11223344;
	__asm__ volatile("inw %1, %%ax" : "+a"(eax) : "Nd"((uint16_t)NOBODY));
	expect("inw", eax, 0x1122ffff);
	__asm__ volatile("inl %1, %%eax" : "=a"(eax) : "Nd"((uint16_t)NOBODY));
	expect("inl", eax, 0xffffffff);
	out8(UART + 7, 0x5a); /* four registers of the UART at once: 4 to 7 */
	__asm__ volatile("inl %1, %%eax" : "=a"(eax) : "Nd"((uint16_t)(UART + 4)));
	expect("uart", eax, 0x5ab06000);
	finish(true);
}

static void test_strings(const struct environment *environment)
{
	static const char text[] = "a string that goes out by one instruction\n";
	static uint8_t bytes[10000];
	const char *from = text;
	uint32_t count = sizeof(text) - 1;
	uint8_t *to = bytes + 1;

	(void)environment;
	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(UART) : "memory");
	expect("left", count, 0);
	expect("forward", (uint32_t)(from - text), sizeof(text) - 1);
	count = 2000;
	__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(NOBODY) : "memory");
	expect("back", (uint32_t)(to - bytes), 8001);
	expect("before", bytes[0], 0);
	expect("after", bytes[8001], 0);
	count = 0;
	for (uint32_t i = 1; i <= 8000; i++)
		count += bytes[i];
	expect("sum", count, 8000 * 255);
	finish(true);
}

static void test_hole(const struct environment *environment)
{
	volatile uint32_t *nobody = (volatile uint32_t *)0xd0000000;
	volatile uint32_t *ioapic = (volatile uint32_t *)0xfec00000;

	(void)environment;
	*nobody = 1;
	expect("nobody", *nobody, 0xffffffff);
	expect("byte", *(volatile uint8_t *)nobody, 0xff);
	ioapic[0] = 1;
	expect("ioapic", ioapic[4], 0x00170011);
	ioapic[0] = 0x18;
	ioapic[4] = 0x1003b;
	expect("entry", ioapic[4], 0x1003b);
	finish(true);
}

/* All of memory, in each large page: it is there, zero, and its own. */
static void test_memory(const struct environment *environment)
{
	(void)environment;
	for (uint32_t at = 0x400000; at < 0x4000000; at += 0x1ff000) {
		volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)at;

		if (*word)
			expect("not zero", at, 0);
		*word = at;
	}
	for (uint32_t at = 0x400000; at < 0x4000000; at += 0x1ff000)
		if (*(volatile uint32_t *)(uintptr_t)at != at)
			expect("changed", at, 0);
	print("memory is good\n");
	finish(true);
}

static void test_poweroff(const struct environment *environment)
{
	(void)environment;
	out8(0x600, 5 << 2 | 0x20);
}

static void test_reset(const struct environment *environment)
{
	(void)environment;
	out8(0xcf9, 0x06);
}

/* Memory that a reset has not cleared would tell that it was there before. */
static void test_reset_once(const struct environment *environment)
{
	volatile uint32_t *mark = (volatile uint32_t *)0x3000000;

	(void)environment;
	expect("mark", *mark, 0);
	*mark = 1;
	print("up\n");
	out8(0xcf9, 0x06);
}

static void test_triple_fault(const struct environment *environment)
{
	(void)environment;
	lose_interrupts();
}

static void test_nowhere(const struct environment *environment)
{
	(void)environment;
	*(volatile uint32_t *)0x80000000 = 1;
	finish(true);
}

static void test_execute_nowhere(const struct environment *environment)
{
	(void)environment;
	((void (*)(void))0xd0000000)();
	finish(true);
}

static void test_spin(const struct environment *environment)
{
	(void)environment;
	print("spinning\n");
	for (;;)
		__asm__ volatile("pause");
}

static void test_halt(const struct environment *environment)
{
	(void)environment;
	print("halting\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

static const struct {
	const char *name;
	void (*run)(const struct environment *environment);
} tests[] = {
	{ "hello", test_hello },
	{ "ports", test_ports },
	{ "strings", test_strings },
	{ "hole", test_hole },
	{ "memory", test_memory },
	{ "poweroff", test_poweroff },
	{ "reset", test_reset },
	{ "reset-once", test_reset_once },
	{ "triple-fault", test_triple_fault },
	{ "nowhere", test_nowhere },
	{ "execute-nowhere", test_execute_nowhere },
	{ "spin", test_spin },
	{ "halt", test_halt },
};

/* The command line's last word names the test. */
static const char *last_word(const char *text)
{
	const char *word = text;

	for (; *text; text++)
		if (*text == ' ')
			word = text + 1;
	return word;
}

static void look(uint32_t magic, const void *info, struct environment *environment)
{
	const struct multiboot_info *multiboot = info;
	const struct pvh_info *pvh = info;

	if (magic == MULTIBOOT_BOOT_MAGIC) {
		const uint32_t *module = (const uint32_t *)(uintptr_t)multiboot->modules;

		print("by multiboot\n");
		environment->test = last_word((const char *)(uintptr_t)multiboot->cmdline);
		if (multiboot->module_count) {
			environment->module = (const char *)(uintptr_t)module[0];
			environment->module_size = module[1] - module[0];
		}
	} else if (pvh->magic == PVH_MAGIC) {
		const uint64_t *module = (const uint64_t *)(uintptr_t)pvh->modules;

		print("by PVH\n");
		environment->test = last_word((const char *)(uintptr_t)pvh->cmdline);
		environment->rsdp = (uint32_t)pvh->rsdp;
		if (pvh->module_count) {
			environment->module = (const char *)(uintptr_t)module[0];
			environment->module_size = (uint32_t)module[1];
		}
	}
}

void kernel_main(uint32_t magic, const void *info)
{
	struct environment environment = { .test = "" };

	look(magic, info, &environment);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (same(tests[i].name, environment.test))
			tests[i].run(&environment);
	print("no test of that name, or it came back\n");
	finish(false);
}
