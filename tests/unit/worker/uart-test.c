/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent/worker/uart.c: what a driver's probe looks for, each interrupt, and a
 * random walk beside a queue.
 */
#include "check.h"

#include "uart.h"

enum {
	DATA,
	IER,
	IIR,
	LCR,
	MCR,
	LSR,
	MSR,
	SCR,
	FCR = IIR
};

static struct uart uart;

static void begin(void)
{
	memset(&uart, 0xa5, sizeof(uart));
	uart_reset(&uart);
}

/* After power-up nothing is enabled, the line is idle, the peer is ready. */
static void test_reset(void)
{
	begin();
	CHECK_EQ(uart_read(&uart, IER), 0);
	CHECK_EQ(uart_read(&uart, IIR), 0x01);
	CHECK_EQ(uart_read(&uart, LCR), 0);
	CHECK_EQ(uart_read(&uart, MCR), 0);
	CHECK_EQ(uart_read(&uart, LSR), 0x60);
	CHECK_EQ(uart_read(&uart, MSR), 0xb0);
	CHECK_EQ(uart_read(&uart, DATA), 0);
	CHECK_EQ(uart_room(&uart), 1);
	CHECK(!uart_interrupt(&uart));
}

/* The steps by which drivers tell a 16550A from its relatives. */
static void test_probe(void)
{
	begin();
	uart_write(&uart, IER, 0x00);
	CHECK_EQ(uart_read(&uart, IER), 0x00);
	uart_write(&uart, IER, 0xff); /* no bit of an XScale or a sleep mode sticks */
	CHECK_EQ(uart_read(&uart, IER), 0x0f);
	uart_write(&uart, IER, 0x00);
	uart_write(&uart, SCR, 0x5a);
	CHECK_EQ(uart_read(&uart, SCR), 0x5a);

	/* Loop: RTS and OUT2 come back as CTS and DCD. */
	uart_write(&uart, MCR, 0x10 | 0x0a);
	CHECK_EQ(uart_read(&uart, MSR) & 0xf0, 0x90);
	uart_write(&uart, MCR, 0x10 | 0x05);
	CHECK_EQ(uart_read(&uart, MSR) & 0xf0, 0x60);
	uart_write(&uart, MCR, 0);

	/* FIFOs that work, and are 16 long: bit 5 is that of a 16750. */
	CHECK_EQ(uart_read(&uart, IIR) >> 6, 0);
	uart_write(&uart, FCR, 0x01);
	CHECK_EQ(uart_read(&uart, IIR) >> 5, 6);
	uart_write(&uart, LCR, 0xbf); /* no enhanced registers behind this value */
	CHECK(uart_read(&uart, IIR) != 0);
	uart_write(&uart, FCR, 0x21);
	CHECK_EQ(uart_read(&uart, IIR) >> 5, 6);

	/* The divisor is there only with DLAB. */
	uart_write(&uart, LCR, 0x83);
	uart_write(&uart, DATA, 0x01);
	uart_write(&uart, IER, 0x02);
	CHECK_EQ(uart_read(&uart, DATA), 0x01);
	CHECK_EQ(uart_read(&uart, IER), 0x02);
	uart_write(&uart, LCR, 0x03);
	CHECK_EQ(uart_read(&uart, IER), 0x00);
	CHECK_EQ(uart_read(&uart, LCR), 0x03);
}

/* Enabling "transmitter empty" interrupts at once, each time; reading IIR
 * acknowledges; so does nothing else but a byte brings it back. */
static void test_transmit_interrupt(void)
{
	begin();
	uart_write(&uart, MCR, 0x08);
	uart_write(&uart, IER, 0x02);
	CHECK(uart_interrupt(&uart));
	CHECK_EQ(uart_read(&uart, IIR), 0x02);
	CHECK(!uart_interrupt(&uart));
	CHECK_EQ(uart_read(&uart, IIR), 0x01);
	uart_write(&uart, IER, 0x00);
	uart_write(&uart, IER, 0x02);
	CHECK_EQ(uart_read(&uart, IIR), 0x02);
	CHECK_INT(uart_write(&uart, DATA, 'x'), 'x');
	CHECK(uart_interrupt(&uart));
	CHECK_EQ(uart_read(&uart, LSR) & 0x60, 0x60);
	uart_write(&uart, IER, 0x03); /* stays enabled: no new one beside the waiting */
	CHECK_EQ(uart_read(&uart, IIR), 0x02);
	uart_write(&uart, IER, 0x02);
	CHECK_EQ(uart_read(&uart, IIR), 0x01);
	/* OUT2 is the gate to the interrupt line. */
	uart_write(&uart, DATA, 'y');
	CHECK(uart_interrupt(&uart));
	uart_write(&uart, MCR, 0x00);
	CHECK(!uart_interrupt(&uart));
}

static void test_trigger_levels(void)
{
	static const unsigned levels[4] = { 1, 4, 8, 14 };

	for (unsigned i = 0; i < 4; i++) {
		begin();
		CHECK_NOTE("level %u", levels[i]);
		uart_write(&uart, MCR, 0x08);
		uart_write(&uart, IER, 0x01);
		uart_write(&uart, FCR, (uint8_t)(i << 6 | 1));
		for (unsigned n = 1; n <= UART_FIFO; n++) {
			uart_receive(&uart, (uint8_t)n);
			CHECK_EQ(uart_read(&uart, IIR), n >= levels[i] ? 0xc4 : 0xcc);
			CHECK(uart_interrupt(&uart));
			CHECK_EQ(uart_room(&uart), UART_FIFO - n);
		}
		for (unsigned n = 1; n <= UART_FIFO; n++)
			CHECK_EQ(uart_read(&uart, DATA), n);
		CHECK_EQ(uart_read(&uart, IIR), 0xc1);
		CHECK(!uart_interrupt(&uart));
	}
}

static void test_overrun_and_priority(void)
{
	begin();
	uart_write(&uart, IER, 0x0f);
	uart_read(&uart, IIR); /* the transmitter's */
	uart_receive(&uart, 'a');
	uart_receive(&uart, 'b'); /* without FIFOs one fits */
	CHECK_EQ(uart_read(&uart, IIR), 0x06);
	CHECK_EQ(uart_read(&uart, LSR), 0x63);
	CHECK_EQ(uart_read(&uart, LSR), 0x61);
	CHECK_EQ(uart_read(&uart, IIR), 0x04);
	CHECK_EQ(uart_read(&uart, DATA), 'a');
	CHECK_EQ(uart_read(&uart, IIR), 0x01);
	uart_write(&uart, MCR, 0x10); /* the peer's lines fall off */
	CHECK_EQ(uart_read(&uart, IIR), 0x00);
	CHECK_EQ(uart_read(&uart, MSR), 0x0b);
	CHECK_EQ(uart_read(&uart, MSR), 0x00);
	CHECK_EQ(uart_read(&uart, IIR), 0x01);
	uart_write(&uart, MCR, 0x14); /* RI: only its falling edge counts */
	CHECK_EQ(uart_read(&uart, MSR), 0x40);
	uart_write(&uart, MCR, 0x10);
	CHECK_EQ(uart_read(&uart, MSR), 0x04);
}

static void test_loop(void)
{
	begin();
	uart_write(&uart, FCR, 0x01);
	uart_write(&uart, MCR, 0x18);
	CHECK_EQ(uart_room(&uart), 0);
	uart_receive(&uart, 'q'); /* the line is cut off */
	CHECK_INT(uart_write(&uart, DATA, 'z'), -1);
	CHECK_EQ(uart_read(&uart, LSR), 0x61);
	CHECK_EQ(uart_read(&uart, DATA), 'z');
	uart_write(&uart, IER, 0x02);
	CHECK(!uart_interrupt(&uart));
	uart_write(&uart, LCR, 0x40);
	CHECK_EQ(uart_read(&uart, LSR), 0x71);
	CHECK_EQ(uart_read(&uart, DATA), 0);
}

static void test_clearing(void)
{
	begin();
	uart_write(&uart, FCR, 0x01);
	uart_receive(&uart, 1);
	uart_receive(&uart, 2);
	uart_write(&uart, FCR, 0x05); /* the transmitter's FIFO only */
	CHECK_EQ(uart_room(&uart), UART_FIFO - 2);
	uart_write(&uart, FCR, 0x03);
	CHECK_EQ(uart_room(&uart), UART_FIFO);
	uart_receive(&uart, 3);
	uart_write(&uart, FCR, 0x00); /* switching clears */
	CHECK_EQ(uart_room(&uart), 1);
	CHECK_EQ(uart_read(&uart, LSR) & 1, 0);
}

/* Any access at any time, beside a queue that knows what must come out. */
static void test_random(void)
{
	uint8_t queue[UART_FIFO], next = 0;
	unsigned count = 0;

	check_seed(0x16550);
	begin();
	uart_write(&uart, FCR, 0x01);
	for (unsigned step = 0; step < 200000; step++) {
		unsigned reg = (unsigned)check_below(8);

		CHECK_NOTE("step %u", step);
		switch (check_below(4)) {
		case 0:
			if (count < UART_FIFO)
				queue[count++] = next;
			uart_receive(&uart, next++);
			break;
		case 1:
			if (count) {
				CHECK_EQ(uart_read(&uart, DATA), queue[0]);
				memmove(queue, queue + 1, --count);
			}
			break;
		case 2:
			if (reg != DATA)
				uart_read(&uart, reg);
			break;
		default: /* all but what empties the queue or loops */
			if (reg == DATA)
				CHECK_INT(uart_write(&uart, DATA, next), next);
			else if (reg == MCR)
				uart_write(&uart, MCR, (uint8_t)check_below(16));
			else if (reg != LCR && reg != FCR)
				uart_write(&uart, reg, (uint8_t)check_rand());
			break;
		}
		CHECK_EQ(uart_room(&uart), UART_FIFO - count);
		CHECK_EQ(uart_read(&uart, LSR) & 1, count > 0);
	}
}

int main(void)
{
	CHECK_RUN(test_reset);
	CHECK_RUN(test_probe);
	CHECK_RUN(test_transmit_interrupt);
	CHECK_RUN(test_trigger_levels);
	CHECK_RUN(test_overrun_and_priority);
	CHECK_RUN(test_loop);
	CHECK_RUN(test_clearing);
	CHECK_RUN(test_random);
	return check_done();
}
