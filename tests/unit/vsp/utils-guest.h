/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest for tests of integration components: it takes messages and answers them as
 * Linux's hv_utils does. */
#ifndef UTILS_GUEST_H
#define UTILS_GUEST_H

#include <event2/event.h>
#include <vmbus/utils.h>

#include "../check.h"
#include "utils-fake.h"
#include "utils.h"

#define SOON 5000u /* ms: longer than anything here takes */
#define HEAD (sizeof(struct vmbus_pipe) + sizeof(struct vmbus_ic))

static struct event_base *base;
static struct fake fake;

/* A message as it lies in a packet. */
struct message {
	struct vmbus_pipe pipe;
	struct vmbus_ic ic;
	uint8_t data[FAKE_PACKET - HEAD];
} VMBUS_PACKED;

static inline bool take(struct message *message, uint16_t type)
{
	const struct fake_packet *packet = fake_wait(&fake, SOON);

	memset(message, 0, sizeof(*message));
	if (!CHECK(packet))
		return false;
	memcpy(message, packet->bytes, sizeof(*message));
	CHECK_EQ(packet->type, VMBUS_PACKET_INBAND);
	CHECK_EQ(packet->flags, 0);
	CHECK_EQ(message->pipe.type, VMBUS_PIPE_DATA);
	CHECK_EQ(message->pipe.size, sizeof(message->ic) + message->ic.size);
	CHECK_EQ(packet->size, (sizeof(message->pipe) + message->pipe.size + 7) & ~7u);
	CHECK_EQ(message->ic.flags, VMBUS_IC_TRANSACTION | VMBUS_IC_REQUEST);
	CHECK_EQ(message->ic.status, 0);
	return CHECK_EQ(message->ic.type, type);
}

static inline void give(struct message *message)
{
	message->ic.flags = VMBUS_IC_TRANSACTION | VMBUS_IC_RESPONSE;
	fake_put(&fake, message, sizeof(message->pipe) + message->pipe.size);
}

/* As Linux does: the counts, then one version each in the place of those offered. */
static inline void agree(struct message *message, struct vmbus_ic_version frame,
			 struct vmbus_ic_version version)
{
	struct vmbus_ic_negotiate head = { .frame_count = 1, .message_count = 1 };

	memcpy(message->data, &head, sizeof(head));
	memcpy(message->data + sizeof(head), &frame, sizeof(frame));
	memcpy(message->data + sizeof(head) + sizeof(frame), &version, sizeof(version));
	message->ic.size = 16;
	give(message);
}

/* Opens the device's channel, and agrees on that version. */
static inline void open_with(struct device *device, uint16_t major, uint16_t minor)
{
	struct message message;

	REQUIRE(fake_open(&fake, base, device, false));
	if (take(&message, VMBUS_IC_NEGOTIATE))
		agree(&message, (struct vmbus_ic_version){ 3, 0 },
		      (struct vmbus_ic_version){ major, minor });
	CHECK_EQ(utils_status(device).state, UTILS_READY);
}

static inline void close_and_free(struct device *device)
{
	fake_close(&fake);
	CHECK_EQ(utils_status(device).state, UTILS_CLOSED);
	utils_free(device);
}

#endif
