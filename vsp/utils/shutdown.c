/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks a guest to power off or to reboot, and hears whether it will. Linux's driver
 * answers at once and begins then.
 */
#include <string.h>

#include "ic.h"
#include "text.h"

struct shutdown {
	struct ic ic;
	const struct utils_shutdown_calls *calls;
	void *context;
	uint32_t patience; /* ms */
	bool asked;
	enum utils_power what; /* that was asked for */
};

static void answered(struct shutdown *shutdown, enum utils_answer answer, uint32_t status)
{
	if (!shutdown->asked)
		return;
	shutdown->asked = false;
	if (shutdown->calls && shutdown->calls->answered)
		shutdown->calls->answered(shutdown->context, shutdown->what, answer, status);
}

/* A request of the process before this one has nobody any more who waits for it. */
static void ready(struct ic *ic, bool resumed)
{
	(void)ic;
	(void)resumed;
}

static bool answer_came(struct ic *ic, uint32_t status, const uint8_t *data, uint32_t size)
{
	struct shutdown *shutdown = (struct shutdown *)ic;

	(void)data;
	(void)size;
	answered(shutdown, status == VMBUS_IC_OK ? UTILS_ACCEPTED : UTILS_REFUSED, status);
	return true;
}

static void tick(struct ic *ic)
{
	answered((struct shutdown *)ic, UTILS_NO_ANSWER, 0);
}

static void closed(struct ic *ic)
{
	answered((struct shutdown *)ic, UTILS_GONE, 0);
}

static const struct vmbus_ic_version versions[] = { { 1, 0 }, { 3, 0 }, { 3, 1 }, { 3, 2 } };

static const struct ic_class class = {
	.type = VMBUS_IC_SHUTDOWN,
	.versions = versions,
	.version_count = sizeof(versions) / sizeof(versions[0]),
	.ready = ready,
	.answer = answer_came,
	.tick = tick,
	.closed = closed,
};

struct device *utils_shutdown_new(const struct utils_shutdown_calls *calls, void *context)
{
	struct shutdown *shutdown = ic_new(&class, sizeof(*shutdown));

	if (!shutdown)
		return NULL;
	shutdown->calls = calls;
	shutdown->context = context;
	shutdown->patience = UTILS_SHUTDOWN_ANSWER_MS;
	return &shutdown->ic.device;
}

void utils_shutdown_patience(struct device *device, uint32_t milliseconds)
{
	struct shutdown *shutdown = ic_of(device, &class);

	if (shutdown)
		shutdown->patience = milliseconds;
}

enum utils_result utils_shutdown_request(struct device *device, enum utils_power what, bool force,
					 uint32_t seconds, const char *reason)
{
	struct shutdown *shutdown = ic_of(device, &class);
	struct vmbus_ic_shutdown message = {
		.reason = VMBUS_SHUTDOWN_PLANNED,
		.timeout = seconds,
		.flags = force ? VMBUS_SHUTDOWN_FORCE : 0,
	};
	enum channel_send sent;

	if (what == UTILS_HIBERNATE)
		return UTILS_UNSUPPORTED;
	if (!shutdown || (what != UTILS_POWER_OFF && what != UTILS_REBOOT))
		return UTILS_INVALID;
	if (shutdown->ic.state != UTILS_READY)
		return UTILS_NOT_READY;
	if (shutdown->asked)
		return UTILS_BUSY;
	/* A guest of an early version refuses a flag that it does not know. */
	if (what == UTILS_REBOOT)
		message.flags |= VMBUS_SHUTDOWN_RESTART;
	text_to_utf16(reason ? reason : "", message.text, sizeof(message.text));
	sent = ic_send(&shutdown->ic, &message, sizeof(message));
	if (sent != CHANNEL_SENT)
		return sent == CHANNEL_FULL ? UTILS_BUSY : UTILS_NOT_READY;
	shutdown->asked = true;
	shutdown->what = what;
	ic_after(&shutdown->ic, shutdown->patience);
	return UTILS_OK;
}
