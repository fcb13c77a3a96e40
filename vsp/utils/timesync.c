/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells a guest the host's time: see utils.h. Beside the time goes the value that the
 * partition's reference counter had then, so that it does not matter when the guest
 * reads it; message versions below 4.0 lack that.
 */
#include <stdlib.h>
#include <time.h>

#include "ic.h"

/* A guest that does not answer gets a message only each so many periods. */
#define SILENT_PERIODS 12u

struct timesync {
	struct ic ic;
	const struct utils_timesync_calls *calls;
	void *context;
	uint32_t period; /* ms */
	bool set; /* the guest is to set its clock by the next message */
	unsigned int silent; /* periods without an answer */
};

/* The host's time and the partition's, of as nearly the same moment as can be read. */
static bool read_clocks(struct timesync *timesync, uint64_t *parent, uint64_t *reference)
{
	uint64_t before, after, narrowest = UINT64_MAX;
	struct timespec now;

	for (unsigned int i = 0; i < 3; i++) {
		if (!timesync->calls->reference_time(timesync->context, &before))
			return false;
		clock_gettime(CLOCK_REALTIME, &now);
		if (!timesync->calls->reference_time(timesync->context, &after))
			return false;
		if (after < before || after - before >= narrowest)
			continue;
		narrowest = after - before;
		*reference = before + narrowest / 2;
		*parent = VMBUS_TIME_EPOCH + (uint64_t)now.tv_sec * 10000000 +
			  (uint64_t)now.tv_nsec / 100;
	}
	return narrowest != UINT64_MAX;
}

static enum channel_send put(struct timesync *timesync, uint8_t flags)
{
	struct vmbus_ic_time_reference message = { .flags = flags };
	struct vmbus_ic_time old = { .flags = flags };
	uint64_t parent, reference;

	if (!read_clocks(timesync, &parent, &reference))
		return CHANNEL_FULL;
	if (timesync->ic.message.major < 4) {
		old.parent = parent;
		return ic_send(&timesync->ic, &old, sizeof(old));
	}
	message.parent = parent;
	message.reference = reference;
	return ic_send(&timesync->ic, &message, sizeof(message));
}

static void send_time(struct timesync *timesync)
{
	if (put(timesync, timesync->set ? VMBUS_TIME_SYNC : VMBUS_TIME_SAMPLE) == CHANNEL_SENT)
		timesync->set = false;
}

static void ready(struct ic *ic, bool resumed)
{
	struct timesync *timesync = (struct timesync *)ic;

	if (!resumed)
		timesync->set = true;
	timesync->silent = 0;
	send_time(timesync);
	ic_after(ic, timesync->period);
}

static bool answer_came(struct ic *ic, uint32_t status, const uint8_t *data, uint32_t size)
{
	(void)status;
	(void)data;
	(void)size;
	((struct timesync *)ic)->silent = 0;
	return true;
}

static void tick(struct ic *ic)
{
	struct timesync *timesync = (struct timesync *)ic;

	if (!ic->waiting || ++timesync->silent % SILENT_PERIODS == 0)
		send_time(timesync);
	ic_after(ic, timesync->period);
}

static void room(struct ic *ic)
{
	struct timesync *timesync = (struct timesync *)ic;

	if (timesync->set)
		send_time(timesync);
}

static const struct vmbus_ic_version versions[] = { { 1, 0 }, { 3, 0 }, { 4, 0 } };

static const struct ic_class class = {
	.type = VMBUS_IC_TIMESYNC,
	.versions = versions,
	.version_count = sizeof(versions) / sizeof(versions[0]),
	.ready = ready,
	.answer = answer_came,
	.tick = tick,
	.room = room,
};

struct device *utils_timesync_new(const struct utils_timesync_calls *calls, void *context,
				  uint32_t period_ms)
{
	struct timesync *timesync = ic_new(&class, sizeof(*timesync));

	if (!timesync)
		return NULL;
	timesync->calls = calls;
	timesync->context = context;
	timesync->period = period_ms ? period_ms : UTILS_TIMESYNC_PERIOD_MS;
	return &timesync->ic.device;
}

enum utils_result utils_timesync_set(struct device *device)
{
	struct timesync *timesync = ic_of(device, &class);

	if (!timesync)
		return UTILS_INVALID;
	timesync->set = true;
	if (timesync->ic.state != UTILS_READY || !timesync->ic.started)
		return UTILS_OK;
	send_time(timesync);
	return timesync->set ? UTILS_BUSY : UTILS_OK;
}
