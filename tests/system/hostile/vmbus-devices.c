/* SPDX-License-Identifier: GPL-2.0-only */
/* See vmbus-devices.h. */
#include "vmbus-devices.h"

#include <vmbus/input.h>
#include <vmbus/net.h>
#include <vmbus/storage.h>
#include <vmbus/utils.h>

#define RECEIVE_PAGES 16u
#define SEND_PAGES 8u

void *memcpy(void *to, const void *from, size_t size);

static struct packet packet;

/* ---- Integration components ---- */

struct ic_message {
	struct vmbus_pipe pipe;
	struct vmbus_ic ic;
	uint8_t data[64];
} VMBUS_PACKED;

/* Returns the type of what was asked. */
static uint32_t ic_serve(struct channel *channel, struct vmbus_ic_version version)
{
	struct {
		struct vmbus_ic_negotiate head;
		struct vmbus_ic_version frame, message;
	} VMBUS_PACKED chosen = { { 1, 1, 0 }, { 3, 0 }, version };
	struct ic_message message;

	expect("the host asks", channel_wait(channel, &packet, PATIENCE_MS), true);
	expect("size of what it asks", packet.size >= 28 && packet.size <= sizeof(message), true);
	memcpy(&message, packet.payload, packet.size);
	if (message.ic.type == VMBUS_IC_NEGOTIATE) {
		memcpy(message.data, &chosen, sizeof(chosen));
		message.ic.size = sizeof(chosen);
		message.pipe.size = sizeof(message.ic) + sizeof(chosen);
	}
	message.ic.flags = VMBUS_IC_TRANSACTION | VMBUS_IC_RESPONSE;
	expect("room for an answer",
	       channel_send(channel, VMBUS_PACKET_INBAND, 0, ++channel->transaction, NULL, 0,
			    &message, message.pipe.size + (uint32_t)sizeof(message.pipe)),
	       true);
	return message.ic.type;
}

void heartbeat_serve(struct channel *channel)
{
	ic_serve(channel, (struct vmbus_ic_version){ 3, 0 });
}

static void heartbeat_talk(struct channel *channel)
{
	const struct vmbus_ic_version version = { 3, 0 };

	expect("first question", ic_serve(channel, version), VMBUS_IC_NEGOTIATE);
	expect("a heartbeat", ic_serve(channel, version), VMBUS_IC_HEARTBEAT);
}

static void timesync_talk(struct channel *channel)
{
	const struct vmbus_ic_version version = { 4, 0 };

	expect("first question", ic_serve(channel, version), VMBUS_IC_NEGOTIATE);
	expect("the time", ic_serve(channel, version), VMBUS_IC_TIMESYNC);
}

/* ---- Input ---- */

static void keyboard_talk(struct channel *channel)
{
	struct vmbus_keyboard_request request = { VMBUS_KEYBOARD_REQUEST, VMBUS_KEYBOARD_VERSION };
	struct vmbus_keyboard_response response;

	channel_send(channel, VMBUS_PACKET_INBAND, 0, ++channel->transaction, NULL, 0, &request,
		     sizeof(request));
	expect("the keyboard answers", channel_wait(channel, &packet, PATIENCE_MS), true);
	memcpy(&response, packet.payload, sizeof(response));
	expect("type of its answer", response.type, VMBUS_KEYBOARD_RESPONSE);
	expect("its answer", response.status, VMBUS_KEYBOARD_ACCEPTED);
}

static void mouse_talk(struct channel *channel)
{
	struct {
		struct vmbus_pipe pipe;
		struct vmbus_hid_request request;
	} VMBUS_PACKED ask = {
		{ VMBUS_PIPE_DATA, sizeof(ask.request) },
		{ { VMBUS_HID_REQUEST, 4 }, VMBUS_HID_VERSION },
	};
	struct {
		struct vmbus_pipe pipe;
		struct vmbus_hid_response response;
	} VMBUS_PACKED answer;

	channel_send(channel, VMBUS_PACKET_INBAND, 0, ++channel->transaction, NULL, 0, &ask,
		     sizeof(ask));
	expect("the mouse answers", channel_wait(channel, &packet, PATIENCE_MS), true);
	memcpy(&answer, packet.payload, sizeof(answer));
	expect("type of its answer", answer.response.header.type, VMBUS_HID_RESPONSE);
	expect("its answer", answer.response.accepted, 1);
}

/* ---- Storage ---- */

static void storage_question(struct channel *channel, struct vstor_packet *question)
{
	expect("room for a question",
	       channel_send(channel, VMBUS_PACKET_INBAND, VMBUS_PACKET_ANSWER_WANTED,
			    ++channel->transaction, NULL, 0, question, sizeof(*question)),
	       true);
	channel_expect(channel, &packet, channel->transaction);
	expect("size of its answer", packet.size, sizeof(*question));
	memcpy(question, packet.payload, sizeof(*question));
	expect("storage answers", question->operation, VSTOR_COMPLETE_IO);
	expect("storage agrees", question->status, VSTOR_STATUS_SUCCESS);
}

/* A command with one page of memory. */
static bool storage_command(struct channel *channel, uint64_t transaction, const uint8_t *cdb,
			    uint32_t size, uint64_t pfn)
{
	struct {
		struct vmbus_gpa_direct head;
		struct vmbus_gpa_range range;
		uint64_t pfn;
	} memory = { { 0, 1 }, { size, 0 }, pfn };
	struct vstor_packet command = { .operation = VSTOR_EXECUTE_SRB };

	command.srb.size = sizeof(command.srb);
	command.srb.cdb_size = 10;
	command.srb.sense_size = VSTOR_SENSE_MAX;
	command.srb.direction = VSTOR_DATA_IN;
	command.srb.data_size = size;
	memcpy(command.srb.cdb, cdb, 10);
	return channel_send(channel, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_ANSWER_WANTED,
			    transaction, &memory, sizeof(memory), &command, sizeof(command));
}

bool storage_ask(struct channel *channel, uint64_t transaction, uint64_t pfn)
{
	static const uint8_t inquiry[10] = { 0x12, 0, 0, 0, 36 };

	return storage_command(channel, transaction, inquiry, 36, pfn);
}

static void storage_talk(struct channel *channel)
{
	static const uint8_t read[10] = { 0x28, [8] = 8 };
	struct vstor_packet question = { .operation = VSTOR_BEGIN_INITIALIZATION };
	struct vstor_packet answer;
	static void *page;

	if (!page)
		page = memory_take(1);
	storage_question(channel, &question);
	question = (struct vstor_packet){ .operation = VSTOR_QUERY_PROTOCOL_VERSION };
	question.version.version = VSTOR_VERSION_6_2;
	storage_question(channel, &question);
	question = (struct vstor_packet){ .operation = VSTOR_QUERY_PROPERTIES };
	storage_question(channel, &question);
	question = (struct vstor_packet){ .operation = VSTOR_END_INITIALIZATION };
	storage_question(channel, &question);
	/* The first command may be answered by a unit attention. */
	for (int i = 0; i < 4; i++) {
		storage_command(channel, ++channel->transaction, read, PAGE,
				(uintptr_t)page / PAGE);
		channel_expect(channel, &packet, channel->transaction);
		memcpy(&answer, packet.payload, sizeof(answer));
		if (answer.srb.srb_status == VSTOR_SRB_SUCCESS)
			break;
	}
	expect("a block is read", answer.srb.srb_status, VSTOR_SRB_SUCCESS);
	expect("bytes of it", answer.srb.data_size, PAGE);
}

/* ---- Network ---- */

static uint8_t *receive_buffer, *send_buffer, *control;
static uint32_t receive_gpadl, send_gpadl;

static void nvsp_ask(struct channel *channel, struct nvsp_message *message)
{
	expect("room for a message",
	       channel_send(channel, VMBUS_PACKET_INBAND, VMBUS_PACKET_ANSWER_WANTED,
			    ++channel->transaction, NULL, 0, message, sizeof(*message)),
	       true);
	channel_expect(channel, &packet, channel->transaction);
	memcpy(message, packet.payload,
	       packet.size < sizeof(*message) ? packet.size : sizeof(*message));
}

static uint32_t buffer_make(const struct channel *channel, const void *at, uint32_t pages)
{
	uint64_t pfns[RECEIVE_PAGES];
	uint32_t id = gpadl_id();

	memory_pfns(at, pages, pfns);
	expect("GPADL of a buffer", gpadl_make(channel->relid, id, pfns, pages), VMBUS_STATUS_OK);
	return id;
}

static void network_buffers(struct channel *channel)
{
	struct nvsp_message message = { .type = NVSP_RECEIVE_BUFFER };

	receive_gpadl = buffer_make(channel, receive_buffer, RECEIVE_PAGES);
	message.u.buffer.gpadl = receive_gpadl;
	message.u.buffer.id = 0xcafe;
	nvsp_ask(channel, &message);
	expect("type of the answer", message.type, NVSP_RECEIVE_BUFFER_COMPLETE);
	expect("the receive buffer is taken", message.u.receive_buffer_complete.status,
	       NVSP_STATUS_SUCCESS);
	send_gpadl = buffer_make(channel, send_buffer, SEND_PAGES);
	message = (struct nvsp_message){ .type = NVSP_SEND_BUFFER };
	message.u.buffer.gpadl = send_gpadl;
	nvsp_ask(channel, &message);
	expect("type of the answer", message.type, NVSP_SEND_BUFFER_COMPLETE);
	expect("the send buffer is taken", message.u.send_buffer_complete.status,
	       NVSP_STATUS_SUCCESS);
}

/* RNDIS's first message, in a page that the packet names. */
static void network_initialize(struct channel *channel)
{
	struct {
		struct vmbus_gpa_direct head;
		struct vmbus_gpa_range range;
		uint64_t pfn;
	} memory = { { 0, 1 }, { 24, 0 }, (uintptr_t)control / PAGE };
	struct rndis_header header = { RNDIS_INITIALIZE, 24 };
	struct rndis_initialize initialize = { 1, 1, 0, 0x4000 };
	struct nvsp_message message = { .type = NVSP_RNDIS };
	uint32_t answered;

	memcpy(control, &header, sizeof(header));
	memcpy(control + sizeof(header), &initialize, sizeof(initialize));
	message.u.rndis = (struct nvsp_rndis){ NVSP_CHANNEL_CONTROL, NVSP_NO_SECTION, 0 };
	channel_send(channel, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_ANSWER_WANTED,
		     ++channel->transaction, &memory, sizeof(memory), &message, sizeof(message));
	channel_expect(channel, &packet, channel->transaction);
	memcpy(&answered, receive_buffer, sizeof(answered));
	expect("RNDIS answers", answered, RNDIS_INITIALIZE | RNDIS_COMPLETE);
}

static void network_talk(struct channel *channel)
{
	struct nvsp_message message = { .type = NVSP_INIT };

	if (!control) {
		receive_buffer = memory_take(RECEIVE_PAGES);
		send_buffer = memory_take(SEND_PAGES);
		control = memory_take(1);
	}
	receive_buffer[0] = 0;
	message.u.init.version = message.u.init.version_max = NVSP_VERSION_61;
	nvsp_ask(channel, &message);
	expect("type of the answer", message.type, NVSP_INIT_COMPLETE);
	expect("NVSP 6.1 is spoken", message.u.init_complete.status, NVSP_STATUS_SUCCESS);
	network_buffers(channel);
	network_initialize(channel);
}

/* ---- All ---- */

struct device devices[DEVICES] = {
	[HEARTBEAT] = { { .name = "heartbeat", .class = VMBUS_CLASS_HEARTBEAT }, heartbeat_talk },
	[TIMESYNC] = { { .name = "timesync", .class = VMBUS_CLASS_TIMESYNC }, timesync_talk },
	[KEYBOARD] = { { .name = "keyboard", .class = VMBUS_CLASS_KEYBOARD }, keyboard_talk },
	[MOUSE] = { { .name = "mouse", .class = VMBUS_CLASS_MOUSE }, mouse_talk },
	[STORAGE] = { { .name = "storage", .class = VMBUS_CLASS_SCSI }, storage_talk },
	[NETWORK] = { { .name = "network", .class = VMBUS_CLASS_NETWORK }, network_talk },
};

void devices_find(void)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		channel_find(&devices[i].channel);
	receive_gpadl = send_gpadl = 0;
}

void device_close(struct device *device)
{
	channel_close(&device->channel);
	if (device != &devices[NETWORK])
		return;
	if (receive_gpadl)
		gpadl_teardown(device->channel.relid, receive_gpadl);
	if (send_gpadl)
		gpadl_teardown(device->channel.relid, send_gpadl);
	receive_gpadl = send_gpadl = 0;
}

void device_works(struct device *device)
{
	channel_open(&device->channel);
	device->talk(&device->channel);
	device_close(device);
}
