/* SPDX-License-Identifier: GPL-2.0-only */
/* A 16550A without time: see uart.h. */
#include "uart.h"

#include <string.h>

/* Registers by offset; DLAB in LCR turns the first two into the divisor. */
enum {
	RBR_THR,
	IER,
	IIR_FCR,
	LCR,
	MCR,
	LSR,
	MSR,
	SCR
};

#define IER_RX 0x01
#define IER_TX 0x02
#define IER_LINE 0x04
#define IER_MODEM 0x08
#define IER_MASK 0x0f

#define IIR_MODEM 0x00
#define IIR_NONE 0x01
#define IIR_TX 0x02
#define IIR_RX 0x04
#define IIR_LINE 0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS 0xc0

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define FCR_KEPT 0xc9 /* trigger level, DMA mode, enable */

#define LCR_BREAK 0x40
#define LCR_DLAB 0x80

#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_DATA 0x01
#define LSR_OVERRUN 0x02
#define LSR_BREAK 0x10
#define LSR_EMPTY 0x60 /* holding register and shifter */

#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

static bool fifos(const struct uart *uart)
{
	return uart->fcr & FCR_ENABLE;
}

static unsigned depth(const struct uart *uart)
{
	return fifos(uart) ? UART_FIFO : 1;
}

/* Bytes that make "data available" rather than "timeout". */
static unsigned trigger(const struct uart *uart)
{
	static const uint8_t levels[4] = { 1, 4, 8, 14 };

	return fifos(uart) ? levels[uart->fcr >> 6] : 1;
}

/* In loop mode the outputs come back as the inputs. */
static uint8_t modem_lines(const struct uart *uart)
{
	uint8_t lines = 0;

	if (!(uart->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (uart->mcr & MCR_RTS)
		lines |= MSR_CTS;
	if (uart->mcr & MCR_DTR)
		lines |= MSR_DSR;
	if (uart->mcr & MCR_OUT1)
		lines |= MSR_RI;
	if (uart->mcr & MCR_OUT2)
		lines |= MSR_DCD;
	return lines;
}

/* Deltas are kept until the guest reads them; that of RI is its falling edge. */
static void lines_changed(struct uart *uart)
{
	uint8_t now = modem_lines(uart), changed = now ^ uart->msr_seen;

	changed &= (uint8_t)~(now & MSR_RI);
	uart->msr_delta |= (uint8_t)(changed >> 4);
	uart->msr_seen = now;
}

void uart_reset(struct uart *uart)
{
	*uart = (struct uart){ .thr_interrupt = false };
	uart->msr_seen = modem_lines(uart);
}

static uint8_t identify(const struct uart *uart)
{
	if ((uart->ier & IER_LINE) && uart->errors)
		return IIR_LINE;
	if ((uart->ier & IER_RX) && uart->count)
		return uart->count >= trigger(uart) ? IIR_RX : IIR_TIMEOUT;
	if ((uart->ier & IER_TX) && uart->thr_interrupt)
		return IIR_TX;
	if ((uart->ier & IER_MODEM) && uart->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

bool uart_interrupt(const struct uart *uart)
{
	return identify(uart) != IIR_NONE && (uart->mcr & MCR_OUT2) && !(uart->mcr & MCR_LOOP);
}

unsigned uart_room(const struct uart *uart)
{
	/* In loop mode the line is cut off. */
	return uart->mcr & MCR_LOOP ? 0 : depth(uart) - uart->count;
}

static void put(struct uart *uart, uint8_t byte)
{
	if (uart->count >= depth(uart)) {
		uart->errors |= LSR_OVERRUN;
		return;
	}
	uart->fifo[(uart->head + uart->count++) % UART_FIFO] = byte;
}

void uart_receive(struct uart *uart, uint8_t byte)
{
	if (!(uart->mcr & MCR_LOOP))
		put(uart, byte);
}

static uint8_t take(struct uart *uart)
{
	uint8_t byte = uart->fifo[uart->head];

	if (!uart->count)
		return 0;
	uart->head = (uart->head + 1) % UART_FIFO;
	uart->count--;
	return byte;
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t iir = identify(uart);

	if (iir == IIR_TX)
		uart->thr_interrupt = false;
	return iir | (fifos(uart) ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct uart *uart)
{
	uint8_t lsr = LSR_EMPTY | uart->errors | (uart->count ? LSR_DATA : 0);

	uart->errors = 0;
	return lsr;
}

static uint8_t read_msr(struct uart *uart)
{
	uint8_t msr = modem_lines(uart) | uart->msr_delta;

	uart->msr_delta = 0;
	return msr;
}

uint8_t uart_read(struct uart *uart, unsigned reg)
{
	if (reg < 2 && (uart->lcr & LCR_DLAB))
		return uart->divisor[reg];
	switch (reg) {
	case RBR_THR:
		return take(uart);
	case IER:
		return uart->ier;
	case IIR_FCR:
		return read_iir(uart);
	case LCR:
		return uart->lcr;
	case MCR:
		return uart->mcr;
	case LSR:
		return read_lsr(uart);
	case MSR:
		return read_msr(uart);
	default:
		return uart->scr;
	}
}

static int transmit(struct uart *uart, uint8_t byte)
{
	uart->thr_interrupt = true;
	if (!(uart->mcr & MCR_LOOP))
		return byte;
	put(uart, byte);
	return -1;
}

static void write_ier(struct uart *uart, uint8_t value)
{
	/* Enabling "transmitter empty" while it is empty interrupts at once. */
	if ((value & IER_TX) && !(uart->ier & IER_TX))
		uart->thr_interrupt = true;
	uart->ier = value & IER_MASK;
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	bool switched = (value ^ uart->fcr) & FCR_ENABLE;

	uart->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (switched || ((value & FCR_ENABLE) && (value & FCR_CLEAR_RX)))
		uart->head = uart->count = 0;
}

static void write_lcr(struct uart *uart, uint8_t value)
{
	/* A break that is looped back arrives as a zero with its flag. */
	if ((value & ~uart->lcr & LCR_BREAK) && (uart->mcr & MCR_LOOP)) {
		put(uart, 0);
		uart->errors |= LSR_BREAK;
	}
	uart->lcr = value;
}

int uart_write(struct uart *uart, unsigned reg, uint8_t value)
{
	if (reg < 2 && (uart->lcr & LCR_DLAB)) {
		uart->divisor[reg] = value;
		return -1;
	}
	switch (reg) {
	case RBR_THR:
		return transmit(uart, value);
	case IER:
		write_ier(uart, value);
		break;
	case IIR_FCR:
		write_fcr(uart, value);
		break;
	case LCR:
		write_lcr(uart, value);
		break;
	case MCR:
		uart->mcr = value & MCR_MASK;
		lines_changed(uart);
		break;
	case SCR:
		uart->scr = value;
		break;
	default: /* LSR and MSR are for the factory's tests */
		break;
	}
	return -1;
}
