/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices of a guest: see board.h. */
#include "board.h"

#include "console.h"
#include "guest-memory.h"

void board_reset(struct board *board)
{
	pthread_mutex_lock(&board->lock);
	ioapic_reset(&board->ioapic);
	pthread_mutex_unlock(&board->lock);
	board->ports.rtc_index = 0;
	console_reset(board->ports.console);
}

bool board_read(struct board *board, uint64_t gpa, uint64_t *value)
{
	if (gpa - HOLE_IOAPIC >= IOAPIC_SIZE)
		return false;
	pthread_mutex_lock(&board->lock);
	*value = ioapic_read(&board->ioapic, (uint32_t)(gpa - HOLE_IOAPIC));
	pthread_mutex_unlock(&board->lock);
	return true;
}

bool board_write(struct board *board, uint64_t gpa, uint64_t value)
{
	if (gpa - HOLE_IOAPIC >= IOAPIC_SIZE)
		return false;
	pthread_mutex_lock(&board->lock);
	ioapic_write(&board->ioapic, (uint32_t)(gpa - HOLE_IOAPIC), (uint32_t)value);
	pthread_mutex_unlock(&board->lock);
	return true;
}

void board_raise(struct board *board, unsigned pin)
{
	struct interrupt interrupt;
	bool sent;

	pthread_mutex_lock(&board->lock);
	sent = ioapic_raise(&board->ioapic, pin, &interrupt);
	pthread_mutex_unlock(&board->lock);
	if (sent)
		board->send(board->context, &interrupt);
}
