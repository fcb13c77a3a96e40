/* SPDX-License-Identifier: GPL-2.0-only */
/* 16550 output by polling. Registers: National Semiconductor PC16550D. */
#include "core/console.h"

#include "x86/asm.h"

enum uart {
	UART_DATA = 0,
	UART_IER = 1,
	UART_FCR = 2,
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_SCRATCH = 7,
};

#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define LSR_THR_EMPTY 0x20

static u16 base;

static u16 reg(enum uart r)
{
	return (u16)(base + r);
}

void console_init(u16 port)
{
	base = port;
	if (!base)
		return;
	out8(reg(UART_SCRATCH), 0x5a);
	if (in8(reg(UART_SCRATCH)) != 0x5a) {
		base = 0;
		return;
	}
	out8(reg(UART_IER), 0);
	out8(reg(UART_LCR), LCR_DLAB | LCR_8N1);
	out8(reg(UART_DATA), 1); /* 115200 */
	out8(reg(UART_IER), 0);
	out8(reg(UART_LCR), LCR_8N1);
	out8(reg(UART_FCR), 0x07);
	out8(reg(UART_MCR), 0x03);
}

static void put(char c)
{
	/* A UART that stalls costs one line some characters, not the machine. */
	for (u32 i = 0; i < 100000 && !(in8(reg(UART_LSR)) & LSR_THR_EMPTY); i++)
		cpu_relax();
	out8(reg(UART_DATA), (u8)c);
}

static void put_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(s[i]);
}

void console_line(const char *text, size_t n)
{
	u8 lcr;

	if (!base)
		return;
	/* The parent may be in the middle of setting the divisor: the data
	 * register then is another one. */
	lcr = in8(reg(UART_LCR));
	if (lcr & LCR_DLAB)
		out8(reg(UART_LCR), lcr & (u8)~LCR_DLAB);
	put_text("(hv) ", 5);
	put_text(text, n);
	put_text("\r\n", 2);
	if (lcr & LCR_DLAB)
		out8(reg(UART_LCR), lcr);
}
