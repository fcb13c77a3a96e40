/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's I/O ports. All are bytes: a wider access is that many of them. A
 * port that nobody has reads as ones and drops writes.
 */
#ifndef WORKER_PORTS_H
#define WORKER_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#define PORT_KEYBOARD_COMMAND 0x64u /* 0xfe pulses the reset line; nothing else is there */
#define PORT_RTC 0x70u /* index, data */
#define PORT_DEBUG_EXIT 0xf4u
#define PORT_UART 0x3f8u
#define PORT_SLEEP_CONTROL 0x600u /* ACPI 6.4, 4.8.3.7 */
#define PORT_SLEEP_STATUS 0x601u
#define PORT_RESET 0xcf9u

#define RESET_VALUE 0x06u /* reset the processor, hard */
#define SLEEP_S5 0x05u /* as dsdt.asl has it */

/* Why a guest has ended; the names are those of org.mullion.Worker. */
enum reason {
	REASON_NONE,
	REASON_POWEROFF,
	REASON_REBOOT,
	REASON_TRIPLE_FAULT,
	REASON_DEBUG_EXIT,
	REASON_FAILED,
	REASON_COUNT,
};

extern const char *const reason_names[REASON_COUNT];

struct end {
	enum reason reason; /* REASON_NONE: it has not */
	uint8_t code; /* with REASON_DEBUG_EXIT */
	char detail[160]; /* for a person; may be empty */
};

struct console;

struct ports {
	struct console *console;
	bool debug_exit;
	_Atomic uint8_t rtc_index;
};

/* size is 1, 2 or 4. Any thread. */
uint32_t ports_read(struct ports *ports, uint16_t port, unsigned size);

/* Fills end in when the write ends the guest. */
void ports_write(struct ports *ports, uint16_t port, unsigned size, uint32_t value,
		 struct end *end);

#endif
