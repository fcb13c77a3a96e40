/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keyboard and mouse have in common: a channel, a turn after it was opened, and
 * what is due to be sent. Each embeds struct input as its first member.
 */
#ifndef VSP_INPUT_CLASS_H
#define VSP_INPUT_CLASS_H

#include <vmbus/input.h>

#include "input.h"

struct event;
struct input;

struct input_class {
	const char *name;
	/* The guest has opened the channel; channel->resumed may be set. Nothing can be
	 * sent yet. False: no memory. */
	bool (*opened)(struct input *input);
	/* The first turn after that. */
	void (*started)(struct input *input);
	/* A message from the guest. NULL: good; else what is wrong with it. */
	const char *(*message)(struct input *input, const uint8_t *data, uint32_t size);
	/* Sends what is due and what waits, until there is no room. */
	void (*pump)(struct input *input);
	/* Forgets all: the channel is closed, or of no use any more. May come more than
	 * once. */
	void (*closed)(struct input *input);
};

struct input {
	struct device device;
	const struct input_class *class;
	struct channel *channel; /* NULL: closed, or the guest has broken it */
	struct channel *opened; /* NULL: closed */
	struct event *start;
	bool ready; /* the guest's driver is */
	struct input_counters counters;
};

void *input_new(const struct input_class *class, size_t size);

/* The device as one of that class, or NULL. */
void *input_of(const struct device *device, const struct input_class *class);

/* An in-band packet. True: sent, or it never will be; false: no room now. */
bool input_put(struct input *input, const void *data, size_t size);

#endif
