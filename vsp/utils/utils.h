/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Integration components for guests: shutdown, time, heartbeat, and keys and values.
 * Linux has drivers for them in hv_utils; keys and values need a daemon besides
 * (hv_kvp_daemon, Debian's package hyperv-daemons).
 *
 * A component is a struct device for channel.h: its owner offers it to a guest, with the
 * class below and as a pipe, and frees it when it is offered no more and its channel is
 * closed. Calls about a device of another kind give UTILS_INVALID. All is called, and
 * calls back, on the event loop's thread; no component is freed within a callback.
 *
 * One message is under way at a time, so a guest that does not answer gets no heap of
 * them. What a guest says is copied, checked and bounded.
 */
#ifndef VSP_UTILS_H
#define VSP_UTILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmbus/guid.h>

#include "channel.h"

/* Classes: VMBUS_CLASS_SHUTDOWN, _TIMESYNC, _HEARTBEAT and _KVP. */

enum utils_result {
	UTILS_OK = 0,
	UTILS_NOT_READY, /* the guest has no driver, or is not that far yet */
	UTILS_BUSY, /* one is under way, or the guest reads nothing */
	UTILS_UNSUPPORTED, /* not with this guest's version, or not at all */
	UTILS_INVALID, /* an argument */
};

/* For a person, as "the guest is not ready". */
const char *utils_text(enum utils_result result);

enum utils_state {
	UTILS_CLOSED = 0, /* the guest has not opened it */
	UTILS_NEGOTIATING, /* it has, and has not answered yet */
	UTILS_READY,
	UTILS_FAILED, /* no version in common, or the guest did what no driver does */
};

struct utils_status {
	enum utils_state state;
	uint16_t frame[2]; /* major, minor; 0 before UTILS_READY */
	uint16_t message[2];
};

struct utils_status utils_status(const struct device *device);

/* device may be NULL, and must not be open. */
void utils_free(struct device *device);

/* ---- shutdown ---- */

enum utils_power {
	UTILS_POWER_OFF = 0,
	UTILS_REBOOT,
	UTILS_HIBERNATE, /* always UTILS_UNSUPPORTED */
};

enum utils_answer {
	UTILS_ACCEPTED = 0, /* the guest begins with it; when it is done shows elsewhere */
	UTILS_REFUSED, /* its status tells why */
	UTILS_NO_ANSWER, /* within UTILS_SHUTDOWN_ANSWER_MS */
	UTILS_GONE, /* the channel was closed first */
};

#define UTILS_SHUTDOWN_ANSWER_MS 30000u

struct utils_shutdown_calls {
	/* Once for each request that gave UTILS_OK. May be NULL. */
	void (*answered)(void *context, enum utils_power what, enum utils_answer answer,
			 uint32_t status);
};

/* NULL: no memory. calls stays the caller's. */
struct device *utils_shutdown_new(const struct utils_shutdown_calls *calls, void *context);

/* reason: UTF-8 for the guest's log, cut to what a message has room for; NULL: none.
 * seconds: what the guest is told that it has; Linux does not care. */
enum utils_result utils_shutdown_request(struct device *device, enum utils_power what, bool force,
					 uint32_t seconds, const char *reason);

/* For tests: another time than UTILS_SHUTDOWN_ANSWER_MS. */
void utils_shutdown_patience(struct device *device, uint32_t milliseconds);

/* ---- time ---- */

#define UTILS_TIMESYNC_PERIOD_MS 5000u

struct utils_timesync_calls {
	/* The partition's reference counter now, 100 ns. False: not known, then nothing is
	 * sent this time. */
	bool (*reference_time)(void *context, uint64_t *time);
};

/*
 * Sends the host's time: to set the clock by when the guest has opened the channel, then
 * as samples every period_ms (0: UTILS_TIMESYNC_PERIOD_MS), which Linux serves as
 * /dev/ptp_hyperv. A guest whose provider was restarted gets samples only.
 */
struct device *utils_timesync_new(const struct utils_timesync_calls *calls, void *context,
				  uint32_t period_ms);

/* The partition has stood still, and goes on: its clock is to be set, now or as soon as
 * the guest is ready. */
enum utils_result utils_timesync_set(struct device *device);

/* ---- heartbeat ---- */

#define UTILS_HEARTBEAT_PERIOD_MS 2000u
#define UTILS_HEARTBEAT_BEATS 3u

enum utils_heartbeat {
	UTILS_HEARTBEAT_NONE = 0, /* no driver has answered */
	UTILS_HEARTBEAT_OK,
	UTILS_HEARTBEAT_LOST, /* so many beats went without an answer */
};

struct utils_heartbeat_options {
	uint32_t period_ms; /* 0: UTILS_HEARTBEAT_PERIOD_MS */
	uint32_t lost_after; /* beats; 0: UTILS_HEARTBEAT_BEATS */
	/* The state has changed. May be NULL. */
	void (*changed)(void *context, enum utils_heartbeat state);
};

struct device *utils_heartbeat_new(const struct utils_heartbeat_options *options, void *context);
enum utils_heartbeat utils_heartbeat_state(const struct device *device);

/* ---- keys and values ---- */

#define UTILS_KVP_KEYS 64u /* at most, of all pools */
#define UTILS_KVP_BYTES 65536u /* at most, of all keys and values */
#define UTILS_KVP_PERIOD_MS 30000u

enum utils_kvp {
	UTILS_KVP_NONE = 0, /* no driver */
	UTILS_KVP_WAITING, /* a driver that has told nothing yet: Linux's waits for its daemon */
	UTILS_KVP_NO_DAEMON, /* the driver says so, by failing */
	UTILS_KVP_OK, /* the table is what the guest said last */
	UTILS_KVP_SILENT, /* it answered once, and does not now: the table is old */
};

/* For a person, as "no hv_kvp_daemon runs in the guest". */
const char *utils_kvp_text(enum utils_kvp state);

struct utils_kvp_entry {
	uint8_t pool; /* VMBUS_KVP_AUTO: of the system; VMBUS_KVP_GUEST: of its programs */
	const char *key; /* UTF-8, printable, not empty; no key comes twice in a pool */
	const char *value; /* UTF-8, printable; numbers in decimal */
};

struct utils_kvp_options {
	uint32_t period_ms; /* 0: UTILS_KVP_PERIOD_MS */
	uint32_t patience_ms; /* how long an answer may take; 0: 60 s (Linux gives up at 30) */
	/* The table was read anew, or the state has changed. May be NULL. */
	void (*changed)(void *context, enum utils_kvp state);
};

struct device *utils_kvp_new(const struct utils_kvp_options *options, void *context);
enum utils_kvp utils_kvp_state(const struct device *device);

/* The table, from the device's memory: until the loop's next turn. Returns how many. */
unsigned int utils_kvp_table(const struct device *device, const struct utils_kvp_entry **entries);

/* The value of a key, pool VMBUS_KVP_AUTO first; NULL: none. As utils_kvp_table(). */
const char *utils_kvp_value(const struct device *device, const char *key);

/* Entries that the guest sent and that the last table does not have: too many or too
 * large, no text, or twice. */
unsigned int utils_kvp_skipped(const struct device *device);

/* Reads the table anew, now; changed() comes when that is done. UTILS_OK too where it is
 * being read already. */
enum utils_result utils_kvp_refresh(struct device *device);

/* An interface's addresses; each a list parted by semicolons, UTF-8. */
struct utils_kvp_ip {
	const char *address, *subnet, *gateway, *dns;
	bool dhcp;
};

/*
 * Asks for the addresses of the interface with that MAC address. done comes once, with
 * NULL where the guest could not tell. UTILS_UNSUPPORTED: the guest's driver cannot.
 */
enum utils_result utils_kvp_ip(struct device *device, const uint8_t mac[6],
			       void (*done)(void *context, const struct utils_kvp_ip *ip),
			       void *context);

#endif
