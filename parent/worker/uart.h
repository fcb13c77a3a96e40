/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A as a state machine: registers and a receive FIFO, no time, no I/O. The
 * line is infinitely fast: the transmitter is always empty. The caller serialises.
 * Source of the registers' meaning: National Semiconductor, PC16550D data sheet.
 */
#ifndef WORKER_UART_H
#define WORKER_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_REGISTERS 8u
#define UART_FIFO 16u

struct uart {
	uint8_t ier, lcr, mcr, scr, fcr;
	uint8_t divisor[2];
	uint8_t errors; /* overrun, break: the sticky bits of LSR */
	uint8_t msr_seen; /* lines as the last MSR read found them */
	uint8_t msr_delta;
	bool thr_interrupt; /* "transmitter empty" not yet acknowledged */
	uint8_t fifo[UART_FIFO];
	unsigned head, count;
};

/* The state after power-up; a peer is connected and ready. */
void uart_reset(struct uart *uart);

/* reg is 0..7. */
uint8_t uart_read(struct uart *uart, unsigned reg);

/* reg is 0..7. Returns the byte that goes out on the line, or -1. */
int uart_write(struct uart *uart, unsigned reg, uint8_t value);

/* How many bytes uart_receive() takes without losing one. */
unsigned uart_room(const struct uart *uart);

/* A byte comes in on the line; without room it is lost, and the guest told so. */
void uart_receive(struct uart *uart, uint8_t byte);

/* The interrupt line: on a PC the chip's output, gated by OUT2. */
bool uart_interrupt(const struct uart *uart);

#endif
