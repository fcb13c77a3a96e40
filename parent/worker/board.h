/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices of a guest, and how their interrupts find their way: the UART's line
 * is pin 4 of an I/O APIC, which sends messages to the local APICs.
 */
#ifndef WORKER_BOARD_H
#define WORKER_BOARD_H

#include <pthread.h>

#include "ioapic.h"
#include "ports.h"

#define BOARD_UART_PIN 4u /* as dsdt.asl has it */

struct board {
	struct ports ports;
	pthread_mutex_t lock; /* of ioapic */
	struct ioapic ioapic;
	/* Sends an interrupt to the guest's local APICs; any thread. */
	void (*send)(void *context, const struct interrupt *interrupt);
	void *context;
};

/* Everything as after power-up. The console is reset too. */
void board_reset(struct board *board);

/* A memory-mapped register; false when there is no device at gpa. */
bool board_read(struct board *board, uint64_t gpa, uint64_t *value);
bool board_write(struct board *board, uint64_t gpa, uint64_t value);

/* An interrupt line has risen. */
void board_raise(struct board *board, unsigned pin);

#endif
