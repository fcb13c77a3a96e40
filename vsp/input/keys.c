/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of the keyboard. Up to 88 Linux numbers most keys by their scan code; what
 * newer keyboards added has the prefix E0 and codes of its own.
 *
 * Facts: numbers from Linux's include/uapi/linux/input-event-codes.h; scan codes from
 * "Keyboard Scan Code Specification", Microsoft, set 1.
 */
#include "keys.h"

#include <linux/input-event-codes.h>
#include <stddef.h>
#include <string.h>

#include "input.h"

#define SAME(name) { "KEY_" #name, KEY_##name, 0, KEY_##name, 0 }
#define PLAIN(name, scan) { "KEY_" #name, KEY_##name, 0, scan, 0 }
#define E0(name, scan) { "KEY_" #name, KEY_##name, 0xe0, scan, 0 }

static const struct key keys[] = {
	SAME(ESC),
	SAME(1),
	SAME(2),
	SAME(3),
	SAME(4),
	SAME(5),
	SAME(6),
	SAME(7),
	SAME(8),
	SAME(9),
	SAME(0),
	SAME(MINUS),
	SAME(EQUAL),
	SAME(BACKSPACE),
	SAME(TAB),
	SAME(Q),
	SAME(W),
	SAME(E),
	SAME(R),
	SAME(T),
	SAME(Y),
	SAME(U),
	SAME(I),
	SAME(O),
	SAME(P),
	SAME(LEFTBRACE),
	SAME(RIGHTBRACE),
	SAME(ENTER),
	SAME(LEFTCTRL),
	SAME(A),
	SAME(S),
	SAME(D),
	SAME(F),
	SAME(G),
	SAME(H),
	SAME(J),
	SAME(K),
	SAME(L),
	SAME(SEMICOLON),
	SAME(APOSTROPHE),
	SAME(GRAVE),
	SAME(LEFTSHIFT),
	SAME(BACKSLASH),
	SAME(Z),
	SAME(X),
	SAME(C),
	SAME(V),
	SAME(B),
	SAME(N),
	SAME(M),
	SAME(COMMA),
	SAME(DOT),
	SAME(SLASH),
	SAME(RIGHTSHIFT),
	SAME(KPASTERISK),
	SAME(LEFTALT),
	SAME(SPACE),
	SAME(CAPSLOCK),
	SAME(F1),
	SAME(F2),
	SAME(F3),
	SAME(F4),
	SAME(F5),
	SAME(F6),
	SAME(F7),
	SAME(F8),
	SAME(F9),
	SAME(F10),
	SAME(NUMLOCK),
	SAME(SCROLLLOCK),
	SAME(KP7),
	SAME(KP8),
	SAME(KP9),
	SAME(KPMINUS),
	SAME(KP4),
	SAME(KP5),
	SAME(KP6),
	SAME(KPPLUS),
	SAME(KP1),
	SAME(KP2),
	SAME(KP3),
	SAME(KP0),
	SAME(KPDOT),
	SAME(102ND),
	SAME(F11),
	SAME(F12),
	PLAIN(SYSRQ, 0x54),
	PLAIN(KPEQUAL, 0x59),
	PLAIN(KPJPCOMMA, 0x5c),
	PLAIN(KATAKANAHIRAGANA, 0x70),
	PLAIN(RO, 0x73),
	PLAIN(ZENKAKUHANKAKU, 0x76),
	PLAIN(HIRAGANA, 0x77),
	PLAIN(KATAKANA, 0x78),
	PLAIN(HENKAN, 0x79),
	PLAIN(MUHENKAN, 0x7b),
	PLAIN(YEN, 0x7d),
	PLAIN(KPCOMMA, 0x7e),
	E0(PREVIOUSSONG, 0x10),
	E0(NEXTSONG, 0x19),
	E0(KPENTER, 0x1c),
	E0(RIGHTCTRL, 0x1d),
	E0(MUTE, 0x20),
	E0(CALC, 0x21),
	E0(PLAYPAUSE, 0x22),
	E0(STOPCD, 0x24),
	E0(VOLUMEDOWN, 0x2e),
	E0(VOLUMEUP, 0x30),
	E0(HOMEPAGE, 0x32),
	E0(KPSLASH, 0x35),
	E0(PRINT, 0x37),
	E0(RIGHTALT, 0x38),
	E0(HOME, 0x47),
	E0(UP, 0x48),
	E0(PAGEUP, 0x49),
	E0(LEFT, 0x4b),
	E0(RIGHT, 0x4d),
	E0(END, 0x4f),
	E0(DOWN, 0x50),
	E0(PAGEDOWN, 0x51),
	E0(INSERT, 0x52),
	E0(DELETE, 0x53),
	E0(LEFTMETA, 0x5b),
	E0(RIGHTMETA, 0x5c),
	E0(COMPOSE, 0x5d),
	E0(POWER, 0x5e),
	E0(SLEEP, 0x5f),
	E0(WAKEUP, 0x63),
	E0(SEARCH, 0x65),
	E0(BOOKMARKS, 0x66),
	E0(REFRESH, 0x67),
	E0(STOP, 0x68),
	E0(FORWARD, 0x69),
	E0(BACK, 0x6a),
	E0(COMPUTER, 0x6b),
	E0(MAIL, 0x6c),
	E0(MEDIA, 0x6d),
	/* Control and Num Lock, by the prefix. */
	{ "KEY_PAUSE", KEY_PAUSE, 0xe1, 0x1d, 0x45 },
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

const struct key *key_find(uint16_t code)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].code == code)
			return &keys[i];
	}
	return NULL;
}

uint16_t input_key_code(const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (!strcmp(keys[i].name, name))
			return keys[i].code;
	}
	return 0;
}

const char *input_key_name(uint16_t code)
{
	const struct key *key = key_find(code);

	return key ? key->name : NULL;
}

const char *input_key_at(unsigned int index)
{
	return index < KEY_COUNT ? keys[index].name : NULL;
}
