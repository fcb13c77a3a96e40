/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keyboard and mouse for guests. Linux's drivers: hyperv_keyboard and hid_hyperv.
 *
 * Each is a struct device for channel.h: its owner offers it to a guest, with class
 * VMBUS_CLASS_KEYBOARD or VMBUS_CLASS_MOUSE, and frees it when it is offered no more and
 * its channel is closed. Calls about a device of another kind give INPUT_INVALID. All is
 * called on the event loop's thread.
 *
 * What the guest has no room for waits in a bounded queue, in order. When that is full
 * the newest is dropped, and the caller is told.
 */
#ifndef VSP_INPUT_H
#define VSP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmbus/guid.h>

#include "channel.h"

enum input_result {
	INPUT_OK = 0, /* sent, or it waits for room */
	INPUT_NOT_READY, /* the guest has no driver, or is not that far yet */
	INPUT_FULL, /* dropped: the guest does not read */
	INPUT_BUSY, /* keys are held down by input_keyboard_press() */
	INPUT_NO_KEY, /* a key that the keyboard has not */
	INPUT_INVALID, /* an argument */
};

/* For a person, as "the guest is not ready". */
const char *input_text(enum input_result result);

struct input_counters {
	uint64_t sent; /* events in the ring */
	uint64_t dropped; /* events that the queue had no room for */
	unsigned int waiting; /* events in the queue */
};

/* False: a device of another kind. */
bool input_count(const struct device *device, struct input_counters *counters);

/* True: the guest's driver has said that it is ready. */
bool input_is_ready(const struct device *device);

/* device may be NULL, and must not be open. */
void input_free(struct device *device);

/* ---- keyboard ---- */

#define INPUT_KEYBOARD_QUEUE 256u /* events; a key needs one, Pause two */
#define INPUT_PRESS_MAX 16u

/* NULL: no memory. */
struct device *input_keyboard_new(void);

struct input_key {
	uint16_t code; /* as Linux numbers keys: KEY_A is 30 */
	bool down;
};

/* All or nothing. */
enum input_result input_keyboard_send(struct device *device, const struct input_key *keys,
				      unsigned int count);

/*
 * Presses keys one after the other, holds all, and releases them in the reverse order
 * after hold_ms: what `send-key` does. count: 1 to INPUT_PRESS_MAX. Room for the release
 * is kept free in the queue.
 */
enum input_result input_keyboard_press(struct device *device, const uint16_t *codes,
				       unsigned int count, uint32_t hold_ms);

/*
 * Names of keys, as Linux has them ("KEY_LEFTCTRL") and virsh's send-key takes them, for
 * those that the keyboard has. input_key_code(): 0 where there is none;
 * input_key_name(): NULL.
 */
uint16_t input_key_code(const char *name);
const char *input_key_name(uint16_t code);

/* Each name once: for help and completion. NULL behind the last. */
const char *input_key_at(unsigned int index);

/* ---- mouse ---- */

#define INPUT_MOUSE_QUEUE 64u /* reports */
#define INPUT_MOUSE_MAX 32767u /* the largest coordinate: the right and lower border */

#define INPUT_MOUSE_LEFT 1u
#define INPUT_MOUSE_RIGHT 2u
#define INPUT_MOUSE_MIDDLE 4u
#define INPUT_MOUSE_SIDE 8u
#define INPUT_MOUSE_EXTRA 16u
#define INPUT_MOUSE_BUTTONS 31u

struct device *input_mouse_new(void);

/* Where the pointer is; INPUT_INVALID beyond INPUT_MOUSE_MAX. A move that waits is
 * replaced by the next one. */
enum input_result input_mouse_move(struct device *device, uint16_t x, uint16_t y);

/* The buttons that are down. */
enum input_result input_mouse_buttons(struct device *device, uint8_t buttons);

/* Steps of the wheel: up and to the right are positive, at most 127 each way. */
enum input_result input_mouse_wheel(struct device *device, int vertical, int horizontal);

#endif
