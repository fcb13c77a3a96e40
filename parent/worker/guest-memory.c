/* SPDX-License-Identifier: GPL-2.0-only */
/* Where guest memory lies: see guest-memory.h. Pure; guest-memory-create.c takes it. */
#include "guest-memory.h"

void ram_layout(struct ram *ram, uint64_t size, uint64_t vram)
{
	ram->low = size < RAM_LOW_MAX ? size : RAM_LOW_MAX;
	ram->high = size - ram->low;
	ram->vram = vram;
}

uint64_t ram_size(const struct ram *ram)
{
	return ram->low + ram->high + ram->vram;
}

void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t size)
{
	if (gpa < ram->low && size <= ram->low - gpa)
		return ram->bytes + gpa;
	if (gpa >= MULLION_VRAM_GPA && gpa - MULLION_VRAM_GPA < ram->vram) {
		gpa -= MULLION_VRAM_GPA;
		return size <= ram->vram - gpa ? ram->bytes + ram->low + ram->high + gpa : NULL;
	}
	if (gpa < RAM_HIGH_BASE)
		return NULL;
	gpa -= RAM_HIGH_BASE;
	if (gpa < ram->high && size <= ram->high - gpa)
		return ram->bytes + ram->low + gpa;
	return NULL;
}

unsigned ram_map(const struct ram *ram, struct ram_range *table)
{
	unsigned n = 0;

	table[n++] = (struct ram_range){ 0, LOW_END, RAM_USABLE };
	table[n++] = (struct ram_range){ LOW_END, MIB(1) - LOW_END, RAM_RESERVED };
	table[n++] = (struct ram_range){ MIB(1), ram->low - MIB(1), RAM_USABLE };
	if (ram->high)
		table[n++] = (struct ram_range){ RAM_HIGH_BASE, ram->high, RAM_USABLE };
	return n;
}
