/* SPDX-License-Identifier: GPL-2.0-only */
/* The bare machine under the guest, see vp.h. */
#include "vp.h"

#define UART 0x3f8
#define UART_LSR (UART + 5)
#define DEBUG_EXIT 0xf4
#define PVH_MAGIC 0x336ec578u
#define CODE64 0x10

struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, reserved;
};

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline;
};

extern uint8_t stacks[2][STACK_SIZE];
extern const uint8_t interrupts[256][16];
extern const uint8_t start_page[], start_page_end[];
extern uint32_t start_info;

void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void vp_main(struct vp *vp);
void interrupt(struct frame *frame);

/* ---- What the compiler may call ---- */

void *memset(void *to, int value, size_t size)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

/* ---- The console ---- */

void print(const char *text)
{
	for (; *text; text++) {
		while (!(in8(UART_LSR) & 0x20))
			;
		out8(UART, (uint8_t)*text);
	}
}

void print_number(uint64_t value)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	print(digits + at);
}

_Noreturn void finish(bool good)
{
	out8(DEBUG_EXIT, good ? EXIT_GOOD : EXIT_BAD);
	for (;;)
		__asm__ volatile("cli; hlt");
}

_Noreturn void die(const char *what, uint64_t value)
{
	print("VP ");
	print_number(vp_self()->index);
	print(": ");
	print(what);
	print(" ");
	print_number(value);
	print("\n");
	finish(false);
}

/* ---- The command line ---- */

const char *command_line(void)
{
	const struct start_info *info = (const struct start_info *)(uintptr_t)start_info;

	return info->magic == PVH_MAGIC ? (const char *)info->cmdline : "";
}

/* Behind the word and what follows it at once; NULL: it is not there. */
static const char *find_word(const char *word, char end)
{
	for (const char *at = command_line(); *at;) {
		const char *w = word;

		while (*w && *at == *w) {
			at++;
			w++;
		}
		if (!*w && (*at == end || (end == ' ' && !*at)))
			return *at ? at + 1 : at;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return NULL;
}

bool has_word(const char *word)
{
	return find_word(word, ' ');
}

uint64_t option(const char *name, uint64_t fallback)
{
	const char *at = find_word(name, '=');
	uint64_t value = 0;

	if (!at)
		return fallback;
	for (; *at >= '0' && *at <= '9'; at++)
		value = 10 * value + (uint64_t)(*at - '0');
	return value;
}

/* ---- Random numbers: SplitMix64 ---- */

uint64_t random64(void)
{
	uint64_t z = vp_self()->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* ---- The local APIC ---- */

void apic_write(uint32_t offset, uint64_t value)
{
	uint64_t base;
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	base = low;
	if (!(base & APIC_BASE_ENABLE))
		return;
	if (base & APIC_BASE_X2APIC) {
		__asm__ volatile("wrmsr"
				 :
				 : "c"(MSR_X2APIC + offset / 16), "a"((uint32_t)value),
				   "d"((uint32_t)(value >> 32)));
		return;
	}
	if (offset == APIC_ICR)
		*(volatile uint32_t *)(APIC_PAGE + APIC_ICR2) = (uint32_t)(value >> 32) << 24;
	*(volatile uint32_t *)(APIC_PAGE + offset) = (uint32_t)value;
}

void apic_enable(void)
{
	uint64_t base;

	if (!msr_read(MSR_APIC_BASE, &base))
		die("no APIC_BASE", 0);
	if (!(base & APIC_BASE_ENABLE))
		msr_write(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	apic_write(APIC_SVR, 0x1ff);
}

void send_other(uint32_t command)
{
	apic_enable();
	apic_write(APIC_ICR, command | (uint64_t)(1 - vp_self()->index) << 32);
}

void start_second(void)
{
	struct vp *second = vp_at(1);

	if (second->starting && !second->up)
		return;
	second->starting = true;
	second->up = false;
	memcpy((void *)START_PAGE, start_page, (size_t)(start_page_end - start_page));
	send_other(0x4500); /* INIT */
	send_other(0x4600 | START_PAGE >> 12);
}

bool second_is_up(void)
{
	return vp_at(1)->up;
}

void wake_second(void)
{
	if (second_is_up())
		send_other(0x4400);
}

/* ---- Interrupts ---- */

/* Nothing here raises the exceptions from 16 on. With one interrupt that was let in the flag is cleared: however many wait, the
 * processor gets on. */
void interrupt(struct frame *frame)
{
	struct vp *vp = vp_self();

	if (frame->vector == 2) {
		vp->nmis++;
	} else if (frame->vector >= 16) {
		vp->interrupts++;
		frame->rflags &= ~(1ull << 9);
		apic_write(APIC_EOI, 0);
	} else if (vp->resume) {
		vp->faults++;
		frame->rip = vp->resume;
		frame->rflags &= ~(1ull << 8); /* single steps end */
		vp->resume = 0;
	} else {
		print("rip ");
		print_number(frame->rip);
		print(": ");
		die("exception", frame->vector);
	}
}

static void load_interrupts(void)
{
	static struct gate idt[256];
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	for (uint32_t i = 0; i < 256; i++) {
		uint64_t at = (uintptr_t)interrupts[i];

		idt[i] = (struct gate){ (uint16_t)at, CODE64, 0x8e00, (uint16_t)(at >> 16), 0, 0 };
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

struct vp *vp_at(uint32_t index)
{
	return (struct vp *)stacks[index];
}

void vp_main(struct vp *vp)
{
	if (!vp->running) {
		vp->index = vp != vp_at(0);
		vp->random = option("seed", 1) + vp->index * 0x123456789abcdefu;
		vp->running = true;
	}
	vp->resume = 0;
	load_interrupts();
	vp->up = true;
	run_vp(vp);
}
