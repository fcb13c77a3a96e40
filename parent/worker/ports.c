/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O ports: see ports.h. */
#include "ports.h"

#include <time.h>

#include "console.h"
#include "rtc.h"
#include "uart.h"

#define KEYBOARD_RESET 0xfeu
#define RESET_CPU 0x04u
#define SLEEP_ENABLE 0x20u
#define SLEEP_TYPE(value) (((value) >> 2) & 7u)

const char *const reason_names[REASON_COUNT] = {
	[REASON_NONE] = "none",
	[REASON_POWEROFF] = "poweroff",
	[REASON_REBOOT] = "reboot",
	[REASON_TRIPLE_FAULT] = "triple_fault",
	[REASON_DEBUG_EXIT] = "debug_exit",
	[REASON_FAILED] = "failed",
};

/* offset counts from the first port of a device. */
struct device {
	uint16_t first, count;
	uint8_t (*read)(struct ports *ports, unsigned offset);
	void (*write)(struct ports *ports, unsigned offset, uint8_t value, struct end *end);
};

static uint8_t read_zero(struct ports *ports, unsigned offset)
{
	(void)ports;
	(void)offset;
	return 0;
}

static void drop(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)ports;
	(void)offset;
	(void)value;
	(void)end;
}

static void write_keyboard(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)ports;
	(void)offset;
	if (value == KEYBOARD_RESET)
		end->reason = REASON_REBOOT;
}

static uint8_t read_rtc(struct ports *ports, unsigned offset)
{
	return offset ? rtc_read(ports->rtc_index & 0x7f, time(NULL)) : 0xff;
}

static void write_rtc(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)end;
	if (!offset)
		ports->rtc_index = value;
}

static uint8_t read_uart(struct ports *ports, unsigned offset)
{
	return console_read(ports->console, offset);
}

static void write_uart(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)end;
	console_write(ports->console, offset, value);
}

static uint8_t read_debug_exit(struct ports *ports, unsigned offset)
{
	(void)offset;
	return ports->debug_exit ? 0 : 0xff;
}

static void write_debug_exit(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)offset;
	if (!ports->debug_exit)
		return;
	end->reason = REASON_DEBUG_EXIT;
	end->code = value;
}

static void write_sleep(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)ports;
	(void)offset;
	if ((value & SLEEP_ENABLE) && SLEEP_TYPE(value) == SLEEP_S5)
		end->reason = REASON_POWEROFF;
}

static void write_reset(struct ports *ports, unsigned offset, uint8_t value, struct end *end)
{
	(void)ports;
	(void)offset;
	if (value & RESET_CPU)
		end->reason = REASON_REBOOT;
}

static const struct device devices[] = {
	{ PORT_UART, UART_REGISTERS, read_uart, write_uart },
	{ PORT_RTC, 2, read_rtc, write_rtc },
	{ PORT_KEYBOARD_COMMAND, 1, read_zero, write_keyboard },
	{ PORT_DEBUG_EXIT, 1, read_debug_exit, write_debug_exit },
	{ PORT_SLEEP_CONTROL, 1, read_zero, write_sleep },
	{ PORT_SLEEP_STATUS, 1, read_zero, drop },
	{ PORT_RESET, 1, read_zero, write_reset },
};

static const struct device *find(unsigned port)
{
	for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (port >= devices[i].first && port - devices[i].first < devices[i].count)
			return &devices[i];
	return NULL;
}

uint32_t ports_read(struct ports *ports, uint16_t port, unsigned size)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < size; i++) {
		const struct device *device = find(port + i);
		uint32_t byte = device ? device->read(ports, port + i - device->first) : 0xff;

		value |= byte << (8 * i);
	}
	return value;
}

void ports_write(struct ports *ports, uint16_t port, unsigned size, uint32_t value, struct end *end)
{
	for (unsigned i = 0; i < size; i++) {
		const struct device *device = find(port + i);

		if (device)
			device->write(ports, port + i - device->first, (uint8_t)(value >> (8 * i)),
				      end);
	}
}
