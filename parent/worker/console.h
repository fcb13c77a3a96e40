/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's console: a UART whose line ends at a pseudo-terminal, or at the
 * worker's own standard streams, and a ring that keeps the last of what was said.
 *
 * Who opens the terminal when nobody had it open reads first what the ring holds.
 * A reader that is too slow misses the oldest; the guest never waits.
 */
#ifndef WORKER_CONSOLE_H
#define WORKER_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"

#define CONSOLE_RING 65536ul

struct console;

/* raise is called, on any thread, when the UART's interrupt line rises. */
struct console *console_new(void (*raise)(void *context), void *context, struct error *error);
void console_free(struct console *console);

/* The other end of the line; one of them, once. */
bool console_open_pty(struct console *console, sd_event *event, struct error *error);
bool console_open_stdio(struct console *console, sd_event *event, struct error *error);

/* Where the pseudo-terminal is, or NULL. */
const char *console_path(const struct console *console);

/* Bytes that the guest has written so far. */
uint64_t console_written(struct console *console);

/* Takes what is still in the ring to the standard output, for the worker's end. */
void console_flush(struct console *console);

/* The UART (uart.h); any thread. */
void console_reset(struct console *console);
uint8_t console_read(struct console *console, unsigned reg);
void console_write(struct console *console, unsigned reg, uint8_t value);

#endif
