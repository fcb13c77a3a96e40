/* SPDX-License-Identifier: GPL-2.0-only */
/* An I/O APIC: see ioapic.h. */
#include "ioapic.h"

#define SELECT 0x00u
#define WINDOW 0x10u

#define REGISTER_ID 0x00u
#define REGISTER_VERSION 0x01u
#define REGISTER_ARBITRATION 0x02u
#define REGISTER_ENTRIES 0x10u

#define VERSION 0x11u

#define ENTRY_MODE_SHIFT 8
#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_READ_ONLY ((1ull << 12) | (1ull << 14)) /* pending, remote IRR */
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_USED 0xff0000000001ffffull

void ioapic_reset(struct ioapic *ioapic)
{
	*ioapic = (struct ioapic){ .id = 0 };
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->entries[pin] = ENTRY_MASKED;
}

static uint32_t read_register(const struct ioapic *ioapic)
{
	unsigned n = ioapic->select - REGISTER_ENTRIES;

	switch (ioapic->select) {
	case REGISTER_ID:
	case REGISTER_ARBITRATION:
		return (uint32_t)ioapic->id << 24;
	case REGISTER_VERSION:
		return VERSION | (IOAPIC_PINS - 1) << 16;
	default:
		break;
	}
	if (ioapic->select < REGISTER_ENTRIES || n / 2 >= IOAPIC_PINS)
		return 0;
	return (uint32_t)(ioapic->entries[n / 2] >> (n % 2 * 32));
}

static void write_register(struct ioapic *ioapic, uint32_t value)
{
	unsigned n = ioapic->select - REGISTER_ENTRIES, shift = n % 2 * 32;
	uint64_t *entry;

	if (ioapic->select == REGISTER_ID)
		ioapic->id = value >> 24 & 0x0f;
	if (ioapic->select < REGISTER_ENTRIES || n / 2 >= IOAPIC_PINS)
		return;
	entry = &ioapic->entries[n / 2];
	*entry &= ~(0xffffffffull << shift);
	*entry |= (uint64_t)value << shift;
	*entry &= ENTRY_USED & ~ENTRY_READ_ONLY;
}

uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t offset)
{
	if (offset == SELECT)
		return ioapic->select;
	return offset == WINDOW ? read_register(ioapic) : 0;
}

void ioapic_write(struct ioapic *ioapic, uint32_t offset, uint32_t value)
{
	if (offset == SELECT)
		ioapic->select = (uint8_t)value;
	else if (offset == WINDOW)
		write_register(ioapic, value);
}

bool ioapic_raise(const struct ioapic *ioapic, unsigned pin, struct interrupt *interrupt)
{
	uint64_t entry = ioapic->entries[pin];

	*interrupt = (struct interrupt){
		.vector = (uint8_t)entry,
		.destination = (uint8_t)(entry >> 56),
		.mode = entry >> ENTRY_MODE_SHIFT & 7,
		.logical = entry & ENTRY_LOGICAL,
	};
	return !(entry & ENTRY_MASKED);
}
