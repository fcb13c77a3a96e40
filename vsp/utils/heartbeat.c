/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks a guest every now and then whether its kernel still answers. What it answers does
 * not matter.
 */
#include "ic.h"

struct heartbeat {
	struct ic ic;
	struct utils_heartbeat_options options;
	void *context;
	enum utils_heartbeat state;
	uint64_t sequence;
	uint32_t missed; /* beats since the last answer */
};

static void set_state(struct heartbeat *heartbeat, enum utils_heartbeat state)
{
	if (heartbeat->state == state)
		return;
	heartbeat->state = state;
	if (heartbeat->options.changed)
		heartbeat->options.changed(heartbeat->context, state);
}

static void beat(struct heartbeat *heartbeat)
{
	struct vmbus_ic_heartbeat message = { .sequence = heartbeat->sequence };

	/* Where it finds no room, that beat counts as missed. */
	if (ic_send(&heartbeat->ic, &message, sizeof(message)) == CHANNEL_SENT)
		heartbeat->sequence += 2;
	else
		heartbeat->ic.waiting = true;
}

static void ready(struct ic *ic, bool resumed)
{
	struct heartbeat *heartbeat = (struct heartbeat *)ic;

	(void)resumed;
	heartbeat->missed = 0;
	beat(heartbeat);
	ic_after(ic, heartbeat->options.period_ms);
}

static bool answer_came(struct ic *ic, uint32_t status, const uint8_t *data, uint32_t size)
{
	struct heartbeat *heartbeat = (struct heartbeat *)ic;

	(void)status;
	(void)data;
	if (size < sizeof(uint64_t))
		return false;
	heartbeat->missed = 0;
	set_state(heartbeat, UTILS_HEARTBEAT_OK);
	return true;
}

static void tick(struct ic *ic)
{
	struct heartbeat *heartbeat = (struct heartbeat *)ic;
	uint32_t lost = heartbeat->options.lost_after;

	ic_after(ic, heartbeat->options.period_ms);
	if (ic->waiting) {
		heartbeat->missed++;
		if (heartbeat->missed >= lost)
			set_state(heartbeat, UTILS_HEARTBEAT_LOST);
		/* One more now and then: the guest may have lost the last one. */
		if (heartbeat->missed % lost)
			return;
	}
	beat(heartbeat);
}

static void closed(struct ic *ic)
{
	set_state((struct heartbeat *)ic, UTILS_HEARTBEAT_NONE);
}

static const struct vmbus_ic_version versions[] = { { 1, 0 }, { 3, 0 } };

static const struct ic_class class = {
	.type = VMBUS_IC_HEARTBEAT,
	.versions = versions,
	.version_count = sizeof(versions) / sizeof(versions[0]),
	.ready = ready,
	.answer = answer_came,
	.tick = tick,
	.closed = closed,
};

struct device *utils_heartbeat_new(const struct utils_heartbeat_options *options, void *context)
{
	struct heartbeat *heartbeat = ic_new(&class, sizeof(*heartbeat));

	if (!heartbeat)
		return NULL;
	if (options)
		heartbeat->options = *options;
	if (!heartbeat->options.period_ms)
		heartbeat->options.period_ms = UTILS_HEARTBEAT_PERIOD_MS;
	if (!heartbeat->options.lost_after)
		heartbeat->options.lost_after = UTILS_HEARTBEAT_BEATS;
	heartbeat->context = context;
	return &heartbeat->ic.device;
}

enum utils_heartbeat utils_heartbeat_state(const struct device *device)
{
	const struct heartbeat *heartbeat = ic_of(device, &class);

	return heartbeat ? heartbeat->state : UTILS_HEARTBEAT_NONE;
}
