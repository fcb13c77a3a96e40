/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An I/O APIC without lines of its own: registers, and what a pin that rises sends.
 * There is no end of interrupt: level-triggered entries work like edges. The caller
 * serialises. Source: Intel, 82093AA data sheet.
 */
#ifndef WORKER_IOAPIC_H
#define WORKER_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define IOAPIC_PINS 24u
#define IOAPIC_SIZE 0x20u /* bytes of registers */

struct ioapic {
	uint8_t id;
	uint8_t select;
	uint64_t entries[IOAPIC_PINS];
};

struct interrupt {
	uint8_t vector;
	uint8_t destination;
	uint8_t mode; /* delivery mode, as in the local APIC's ICR */
	bool logical;
};

void ioapic_reset(struct ioapic *ioapic);

/* offset is that of the access in the page. */
uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t offset);
void ioapic_write(struct ioapic *ioapic, uint32_t offset, uint32_t value);

/* A pin (below IOAPIC_PINS) has risen: true when that sends an interrupt. */
bool ioapic_raise(const struct ioapic *ioapic, unsigned pin, struct interrupt *interrupt);

#endif
