/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv's console: a 16550 in port space that the parent may drive at the same
 * time. hv never changes the parent's settings and never waits for it.
 */
#ifndef HV_CORE_CONSOLE_H
#define HV_CORE_CONSOLE_H

#include "core/types.h"

/* port 0: no console. Sets 115200 8N1 with FIFOs; called once, before the
 * parent runs. A port without a UART is noticed and not used. */
void console_init(u16 port);

/* "(hv) " text newline. The log's lock is held. */
void console_line(const char *text, size_t n);

#endif
