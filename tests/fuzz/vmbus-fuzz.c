/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/vmbus: messages of a guest and events of a host in any order, and images of a
 * server that are not what was saved. Messages are mostly of a known type and with small
 * numbers, so that they get somewhere.
 */
#include "fuzz.h"

#include "server.h"
#include "state.h"

#define VPS 3u

static struct vmbus_actions actions;

/* What a host would trip over. */
static void check(const struct vmbus_server *server)
{
	FUZZ_CHECK(!server->overflow);
	FUZZ_CHECK(vmbus_server_valid(server));
	for (uint32_t i = 0; i < actions.count; i++) {
		const struct vmbus_action *action = &actions.list[i];
		const struct vmbus_open *open = &action->open;

		if (action->type == VMBUS_ACTION_POST)
			FUZZ_CHECK(action->post.size >= 8 &&
				   action->post.size <= VMBUS_MESSAGE_MAX && action->post.vp < VPS);
		if (action->type != VMBUS_ACTION_OPEN)
			continue;
		FUZZ_CHECK(open->vp < VPS && open->flag && open->flag < VMBUS_RELIDS);
		FUZZ_CHECK(open->downstream >= 2 && open->ring.count >= open->downstream + 2);
		for (uint32_t page = 0; page < open->ring.count; page++)
			FUZZ_CHECK(open->ring.pfns[page] != 1); /* reads them all */
	}
}

static void message(struct vmbus_server *server, const uint8_t **data, size_t *size)
{
	/* Nothing behind it may be read: exactly as large as it says. */
	size_t bytes = fuzz_u64(data, size, 1);
	uint8_t *copy = malloc(bytes ? bytes : 1), shape = (uint8_t)fuzz_u64(data, size, 1);
	struct vmbus_event event = { .type = VMBUS_EVENT_MESSAGE, .message = copy, .size = bytes };

	if (!copy)
		abort();
	fuzz_take(data, size, copy, bytes);
	if (shape < 240 && bytes >= 8) {
		memset(copy, 0, 8);
		copy[0] = shape % 25;
		/* Words with one byte's worth of number. */
		for (size_t i = 8; i + 4 <= bytes && i < 28 && shape % 5; i += 4) {
			uint32_t word = copy[i] % 16;

			memcpy(&copy[i], &word, 4);
		}
	}
	vmbus_server_step(server, &event, &actions);
	free(copy);
}

/* The usual way in, so that the rest has something to go on. */
static void contact(struct vmbus_server *server, uint64_t version)
{
	struct vmbus_msg_contact contact = { .header.type = VMBUS_MSG_INITIATE_CONTACT,
					     .version = (uint32_t)version << 16,
					     .sint = VMBUS_SINT };
	struct vmbus_message_header request = { .type = VMBUS_MSG_REQUEST_OFFERS };

	contact.version += version == 5 ? 3 : 0;
	vmbus_server_step(server,
			  &(struct vmbus_event){ .type = VMBUS_EVENT_MESSAGE,
						 .message = &contact,
						 .size = sizeof(contact) },
			  &actions);
	check(server);
	vmbus_server_step(server,
			  &(struct vmbus_event){ .type = VMBUS_EVENT_MESSAGE,
						 .message = &request,
						 .size = sizeof(request) },
			  &actions);
}

/* Rings of 2 and 3 pages. */
static void open_channel(struct vmbus_server *server, uint32_t relid, uint32_t gpadl)
{
	struct {
		struct vmbus_msg_gpadl_header header;
		uint64_t pfns[5];
	} __attribute__((packed)) list = { .header = { .header.type = VMBUS_MSG_GPADL_HEADER,
						       .relid = relid,
						       .gpadl = gpadl,
						       .ranges_size = 48,
						       .range_count = 1,
						       .length = 5 * 4096 } };
	struct vmbus_msg_open open = { .header.type = VMBUS_MSG_OPEN_CHANNEL,
				       .relid = relid,
				       .gpadl = gpadl,
				       .downstream = 2 };

	vmbus_server_step(server,
			  &(struct vmbus_event){ .type = VMBUS_EVENT_MESSAGE,
						 .message = &list,
						 .size = sizeof(list) },
			  &actions);
	check(server);
	vmbus_server_step(server,
			  &(struct vmbus_event){ .type = VMBUS_EVENT_MESSAGE,
						 .message = &open,
						 .size = sizeof(open) },
			  &actions);
}

static void host(struct vmbus_server *server, uint64_t type, const uint8_t **data, size_t *size)
{
	struct vmbus_device device = { .number = (uint32_t)fuzz_u64(data, size, 1) % 8 };
	struct vmbus_event event = {
		.type = VMBUS_EVENT_OFFER + (uint32_t)(type % VMBUS_EVENT_RESET),
		.device = device.number,
		.offer = &device,
		.ok = type & 64,
		.sub = (uint32_t)fuzz_u64(data, size, 1) % 4,
		.gpadl = (uint32_t)fuzz_u64(data, size, 1) % 16,
	};

	device.instance.bytes[0] = (uint8_t)(device.number / (1 + event.sub % 2));
	event.subs = event.gpadl;
	vmbus_server_step(server, &event, &actions);
}

/* The server goes on from its image, where one byte may be another. */
static struct vmbus_server *load(struct vmbus_server *server, uint64_t at, uint64_t byte)
{
	size_t size = vmbus_server_save(server, NULL, 0);
	uint8_t *image = malloc(size);
	struct vmbus_server *next;
	uint64_t sum = 0xcbf29ce484222325u;

	if (!image)
		abort();
	vmbus_server_save(server, image, size);
	if (byte && at % size >= 16) {
		image[at % size] ^= (uint8_t)byte;
		for (size_t i = 16; i < size; i++)
			sum = (sum ^ image[i]) * 0x100000001b3u;
		memcpy(&image[8], &sum, 8);
	}
	next = vmbus_server_load(image, size, VPS);
	FUZZ_CHECK(next || byte);
	free(image);
	if (!next)
		return server;
	vmbus_server_free(server);
	if (byte) {
		/* Another host as well. */
		vmbus_server_resume(next, &actions);
		check(next);
	}
	actions.count = 0;
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmbus_server *server = vmbus_server_new(VPS);

	if (!server)
		abort();
	actions.count = 0;
	while (size) {
		uint32_t op = (uint32_t)fuzz_u64(&data, &size, 1);
		uint64_t at;

		switch (op % 8) {
		case 0:
		case 1:
			message(server, &data, &size);
			break;
		case 2:
			contact(server, 3 + op / 8 % 4);
			break;
		case 3:
			open_channel(server, 1 + op / 8 % 4, 1 + op / 32);
			break;
		case 4:
			at = fuzz_u64(&data, &size, 2);
			server = load(server, at, op & 8 ? fuzz_u64(&data, &size, 1) : 0);
			break;
		default:
			host(server, op / 8, &data, &size);
			break;
		}
		check(server);
	}
	vmbus_server_free(server);
	return 0;
}
