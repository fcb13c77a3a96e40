/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What integration components have in common: a channel, the agreement on versions, one
 * message under way, and a timer. A component embeds struct ic as its first member.
 *
 * The agreed versions and the last transaction are in the channel's memo, so that a
 * provider's next process goes on with them and heeds no answer that was meant for the
 * one before.
 */
#ifndef VSP_IC_H
#define VSP_IC_H

#include <vmbus/utils.h>

#include "utils.h"

struct event;
struct ic;

struct ic_class {
	uint16_t type; /* enum vmbus_ic_type, of its messages */
	const struct vmbus_ic_version *versions;
	unsigned int version_count; /* at most IC_VERSIONS */

	/* The guest has opened the channel. May be NULL. Nothing can be sent yet. */
	void (*opened)(struct ic *ic);
	/* Versions are agreed on. resumed: by the process before this one. */
	void (*ready)(struct ic *ic, bool resumed);
	/* The answer to the last message. Data is aligned to nothing. False: such an answer
	 * comes from no driver. */
	bool (*answer)(struct ic *ic, uint32_t status, const uint8_t *data, uint32_t size);
	/* After UTILS_READY: ic_after() is over. */
	void (*tick)(struct ic *ic);
	/* After UTILS_READY and CHANNEL_FULL: there is room. May be NULL. */
	void (*room)(struct ic *ic);
	/* Nothing can be sent any more: the channel is closed or of no use. May come more
	 * than once. May be NULL. */
	void (*closed)(struct ic *ic);
	/* Frees what the component has allocated beside itself. May be NULL. */
	void (*free)(struct ic *ic);
};

#define IC_VERSIONS 8u

struct ic {
	struct device device;
	const struct ic_class *class;
	struct channel *channel; /* NULL: closed */
	struct event *timer; /* as long as there is a channel */
	enum utils_state state;
	bool started; /* the first turn after the channel was opened is over */
	bool waiting; /* for the answer to the last message */
	uint8_t transaction; /* of the last message */
	struct vmbus_ic_version frame, message;
};

/* A component of size bytes, zeros behind struct ic. NULL: no memory. */
void *ic_new(const struct ic_class *class, size_t size);

/* The component behind a device; NULL: it is of another class. */
void *ic_of(const struct device *device, const struct ic_class *class);

/* Sends a message of the class's type, when UTILS_READY. Its answer, and no earlier
 * one's, comes to class->answer(). */
enum channel_send ic_send(struct ic *ic, const void *data, size_t size);

/* The last message's answer will not be heeded. */
void ic_forget(struct ic *ic);

/* class->tick() after so long; replaces an earlier one. */
void ic_after(struct ic *ic, uint32_t milliseconds);

#endif
