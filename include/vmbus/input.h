/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Keyboard and mouse, as they lie in in-band packets. All fields are little-endian,
 * nothing is aligned.
 *
 * The guest begins, with the version that it speaks. A keyboard's messages are a
 * packet's payload. A mouse's lie in a pipe: struct vmbus_pipe, struct vmbus_hid, then
 * what the type says; having accepted the version, the host describes the device and the
 * guest acknowledges that.
 *
 * Facts: Linux, drivers/input/serio/hyperv-keyboard.c, drivers/hid/hid-hyperv.c; USB
 * Device Class Definition for HID 1.11, 6.2.1.
 */
#ifndef VMBUS_INPUT_H
#define VMBUS_INPUT_H

#include <vmbus/ring.h>
#include <vmbus/utils.h>

/* ---- keyboard ---- */

#define VMBUS_KEYBOARD_VERSION 0x00010000u /* 1.0 */

enum vmbus_keyboard_type {
	VMBUS_KEYBOARD_REQUEST = 1, /* guest */
	VMBUS_KEYBOARD_RESPONSE = 2,
	VMBUS_KEYBOARD_EVENT = 3,
	VMBUS_KEYBOARD_LEDS = 4, /* guest */
};

struct vmbus_keyboard_request {
	__u32 type;
	__u32 version;
} VMBUS_PACKED;

struct vmbus_keyboard_response {
	__u32 type;
	__u32 status; /* VMBUS_KEYBOARD_ACCEPTED or 0 */
} VMBUS_PACKED;

#define VMBUS_KEYBOARD_ACCEPTED 1u

struct vmbus_keyboard_event {
	__u32 type;
	__u16 code; /* of an XT keyboard, without the bit of a release */
	__u16 reserved;
	__u32 info; /* VMBUS_KEYBOARD_BREAK .. */
} VMBUS_PACKED;

#define VMBUS_KEYBOARD_BREAK 2u /* released */
#define VMBUS_KEYBOARD_E0 4u /* the code has this prefix */
#define VMBUS_KEYBOARD_E1 8u

/* ---- mouse ---- */

#define VMBUS_HID_VERSION 0x00020000u /* 2.0 */

enum vmbus_hid_type {
	VMBUS_HID_REQUEST = 0, /* guest */
	VMBUS_HID_RESPONSE = 1,
	VMBUS_HID_INFO = 2,
	VMBUS_HID_INFO_ACK = 3, /* guest */
	VMBUS_HID_REPORT = 4,
};

struct vmbus_hid {
	__u32 type;
	__u32 size; /* bytes that follow */
} VMBUS_PACKED;

struct vmbus_hid_request {
	struct vmbus_hid header;
	__u32 version;
} VMBUS_PACKED;

/* In the pipe it must not be padded to more than 16 bytes. */
struct vmbus_hid_response {
	struct vmbus_hid header;
	__u32 version; /* as it was asked for */
	__u8 accepted;
} VMBUS_PACKED;

/* HID 1.11, 6.2.1: one descriptor, of the reports. */
struct vmbus_hid_descriptor {
	__u8 length; /* of this */
	__u8 type; /* VMBUS_HID_DESCRIPTOR */
	__u16 release; /* of HID, BCD */
	__u8 country;
	__u8 count; /* of what follows: 1 */
	__u8 report_type; /* VMBUS_HID_REPORT_DESCRIPTOR */
	__u16 report_length; /* bytes */
} VMBUS_PACKED;

#define VMBUS_HID_DESCRIPTOR 0x21u
#define VMBUS_HID_REPORT_DESCRIPTOR 0x22u

/* The report descriptor follows. Linux changes its byte 14 from 0x25 to 0x29. */
struct vmbus_hid_info {
	struct vmbus_hid header;
	__u32 size; /* of this and what follows up to the descriptor: 32 */
	__u16 vendor;
	__u16 product;
	__u16 version;
	__u16 reserved[11];
	struct vmbus_hid_descriptor descriptor;
} VMBUS_PACKED;

/* A report follows. */
struct vmbus_hid_report {
	struct vmbus_hid header;
} VMBUS_PACKED;

_Static_assert(sizeof(struct vmbus_keyboard_request) == 8, "struct synth_kbd_protocol_request");
_Static_assert(sizeof(struct vmbus_keyboard_response) == 8, "struct synth_kbd_protocol_response");
_Static_assert(sizeof(struct vmbus_keyboard_event) == 12, "struct synth_kbd_keystroke");
_Static_assert(sizeof(struct vmbus_hid_request) == 12, "struct synthhid_protocol_request");
_Static_assert(sizeof(struct vmbus_hid_response) == 13, "struct synthhid_protocol_response");
_Static_assert(sizeof(struct vmbus_hid_descriptor) == 9, "struct hid_descriptor");
_Static_assert(sizeof(struct vmbus_hid_info) == 49, "struct synthhid_device_info");

#endif
