/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The storage protocol on a controller's channels (include/vmbus/storage.h).
 *
 * A question is taken only in its state. One that a process before this one took and did
 * not answer comes again, and its state may be the next one already: that is as good.
 */
#include <vmbus/storage.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller.h"
#include "disk.h"

/* The smallest packet of a question, and of a command: what Linux and others send. */
#define PACKET_MIN 16u
#define COMMAND_MIN 48u

/* A packet that is not answered yet. */
struct request {
	struct scsi_command command;
	struct link *link;
	struct request *next; /* of resets */
	uint32_t ticket;
	uint32_t size; /* of the packet, and so of the answer */
	uint64_t began; /* CLOCK_MONOTONIC, ns */
	struct vstor_packet packet;
	struct iovec iov[];
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void answer(struct link *link, uint32_t ticket, struct vstor_packet *packet, uint32_t size,
		   uint32_t status)
{
	packet->operation = VSTOR_COMPLETE_IO;
	packet->flags = 0;
	packet->status = status;
	channel_answer(link->channel, ticket, packet, size);
}

/* ---- SCSI commands ---- */

static void count(struct disk *disk, const struct request *request)
{
	const struct scsi_command *command = &request->command;
	struct storage_stats *stats = &disk->stats;
	uint64_t nsec = now() - request->began;

	if (command->kind == SCSI_KIND_OTHER)
		return;
	if (command->status != SCSI_GOOD) {
		stats->errors++;
		return;
	}
	switch (command->kind) {
	case SCSI_KIND_READ:
		stats->reads++;
		stats->read_bytes += command->bytes;
		stats->read_nsec += nsec;
		break;
	case SCSI_KIND_WRITE:
		stats->writes++;
		stats->write_bytes += command->bytes;
		stats->write_nsec += nsec;
		break;
	case SCSI_KIND_FLUSH:
		stats->flushes++;
		stats->flush_nsec += nsec;
		break;
	default:
		stats->discards++;
		stats->discard_bytes += command->bytes;
		stats->discard_nsec += nsec;
		break;
	}
}

static uint32_t put_result(const struct scsi_command *command, struct vstor_srb *srb)
{
	uint8_t room = srb->sense_size < VSTOR_SENSE_MAX ? srb->sense_size : VSTOR_SENSE_MAX;

	srb->scsi_status = (uint8_t)command->status;
	srb->data_size = command->transferred;
	srb->sense_size = 0;
	if (command->status == SCSI_GOOD) {
		srb->srb_status = VSTOR_SRB_SUCCESS;
		return VSTOR_STATUS_SUCCESS;
	}
	if (command->status == SCSI_BUSY) {
		srb->srb_status = VSTOR_SRB_BUSY;
		return VSTOR_STATUS_BUSY;
	}
	srb->srb_status = command->no_unit ? VSTOR_SRB_INVALID_LUN : VSTOR_SRB_ERROR;
	srb->sense_size = room < SCSI_SENSE_SIZE ? room : SCSI_SENSE_SIZE;
	if (srb->sense_size) {
		srb->srb_status |= VSTOR_SRB_SENSE_VALID;
		memset(srb->sense, 0, sizeof(srb->sense));
		memcpy(srb->sense, command->sense, srb->sense_size);
	}
	return command->no_unit ? VSTOR_STATUS_NO_DEVICE : VSTOR_STATUS_IO_ERROR;
}

static void answer_resets(struct storage *storage)
{
	while (storage->resets && !storage->busy) {
		struct request *reset = storage->resets;

		storage->resets = reset->next;
		answer(reset->link, reset->ticket, &reset->packet, reset->size,
		       VSTOR_STATUS_SUCCESS);
		free(reset);
	}
}

static void let_go(struct link *link)
{
	if (link->closed && !link->busy) {
		channel_let_go(link->channel);
		free(link);
	}
}

static void command_done(struct scsi_command *command)
{
	struct request *request =
		(struct request *)((char *)command - offsetof(struct request, command));
	struct link *link = request->link;
	struct storage *storage = link->storage;
	uint32_t status = put_result(command, &request->packet.srb);

	if (command->disk) {
		count(command->disk, request);
		command->disk->stats.in_flight--;
		disk_put(command->disk);
	}
	link->busy--;
	storage->busy--;
	if (!link->closed)
		answer(link, request->ticket, &request->packet, request->size, status);
	free(request);
	answer_resets(storage);
	let_go(link);
}

/* The memory of all ranges, as far as the command says. -1: it is not the guest's, or
 * there is less. */
static int find_memory(const struct guest *guest, const struct packet *packet, uint32_t size,
		       struct iovec *iov)
{
	int pieces = 0;

	for (uint32_t i = 0; i < packet->range_count && size; i++) {
		const struct packet_range *range = &packet->ranges[i];
		uint32_t length = range->length < size ? range->length : size;
		int more = guest_iov(guest, range->pfns, range->pfn_count, range->offset, length,
				     iov + pieces, CONTROLLER_PIECES - pieces);

		if (more < 0)
			return -1;
		pieces += more;
		size -= length;
	}
	return size ? -1 : pieces;
}

static void refuse_command(struct link *link, uint32_t ticket, struct vstor_packet *packet,
			   uint32_t size, uint8_t srb_status, uint32_t status)
{
	packet->srb.srb_status = srb_status;
	packet->srb.scsi_status = srb_status == VSTOR_SRB_BUSY ? SCSI_BUSY : SCSI_GOOD;
	packet->srb.sense_size = 0;
	packet->srb.data_size = 0;
	answer(link, ticket, packet, size, status);
}

static void fill_command(struct request *request, struct storage *storage, int pieces)
{
	struct scsi_command *command = &request->command;
	const struct vstor_srb *srb = &request->packet.srb;

	if (!srb->path && !srb->target) {
		command->luns = storage->luns;
		command->attention = storage->memo->attention;
		if (srb->lun < STORAGE_LUNS)
			command->disk = storage->disks[srb->lun];
	}
	command->scratch = &storage->scratch;
	command->lun = srb->lun;
	memcpy(command->cdb, srb->cdb, srb->cdb_size);
	command->cdb_size = srb->cdb_size;
	command->direction = srb->direction == VSTOR_DATA_OUT ? SCSI_DATA_OUT :
			     srb->direction == VSTOR_DATA_IN  ? SCSI_DATA_IN :
								SCSI_DATA_EITHER;
	command->iov = request->iov;
	command->iov_count = pieces;
	command->size = srb->data_size;
	command->done = command_done;
}

static void start_command(struct link *link, uint32_t ticket, struct vstor_packet *packet,
			  uint32_t size, const struct iovec *iov, int pieces)
{
	size_t bytes = (size_t)pieces * sizeof(*iov);
	struct storage *storage = link->storage;
	struct request *request = calloc(1, sizeof(*request) + bytes);

	if (!request) {
		refuse_command(link, ticket, packet, size, VSTOR_SRB_BUSY, VSTOR_STATUS_BUSY);
		return;
	}
	request->link = link;
	request->ticket = ticket;
	request->size = size;
	request->packet = *packet;
	request->began = now();
	memcpy(request->iov, iov, bytes);
	fill_command(request, storage, pieces);
	link->busy++;
	storage->busy++;
	if (request->command.disk) {
		disk_get(request->command.disk);
		request->command.disk->stats.in_flight++;
	}
	target_start(&request->command);
}

static void execute(struct link *link, const struct packet *from, struct vstor_packet *packet,
		    uint32_t size)
{
	struct vstor_srb *srb = &packet->srb;
	struct iovec *iov = link->storage->pieces;
	int pieces = -1;

	if (size < COMMAND_MIN) {
		answer(link, from->ticket, packet, size, VSTOR_STATUS_INVALID_PARAMETER);
		return;
	}
	if (srb->data_size <= DISK_TRANSFER_MAX && srb->cdb_size <= VSTOR_CDB_MAX && srb->cdb_size)
		pieces = find_memory(link->channel->guest, from, srb->data_size, iov);
	if (pieces < 0)
		refuse_command(link, from->ticket, packet, size, VSTOR_SRB_INVALID_REQUEST,
			       VSTOR_STATUS_INVALID_PARAMETER);
	else
		start_command(link, from->ticket, packet, size, iov, pieces);
}

/* ---- Resets ---- */

/* All commands that came before are answered before it is. None is taken back. */
static void reset(struct link *link, uint32_t ticket, const struct vstor_packet *packet,
		  uint32_t size)
{
	struct storage *storage = link->storage;
	struct request *request = calloc(1, sizeof(*request)), **last = &storage->resets;
	bool one = packet->operation == VSTOR_RESET_LUN;

	if (!request) {
		struct vstor_packet busy = *packet;

		answer(link, ticket, &busy, size, VSTOR_STATUS_BUSY);
		return;
	}
	for (uint32_t lun = 0; lun < STORAGE_LUNS; lun++) {
		if (storage->luns >> lun & 1 && (!one || packet->srb.lun == lun))
			storage->memo->attention[lun] |= ATTENTION_RESET;
	}
	request->link = link;
	request->ticket = ticket;
	request->size = size;
	request->packet = *packet;
	while (*last)
		last = &(*last)->next;
	*last = request;
	answer_resets(storage);
}

static void forget_resets(struct storage *storage, const struct link *link)
{
	struct request **at = &storage->resets, *reset;

	while ((reset = *at)) {
		if (reset->link != link) {
			at = &reset->next;
			continue;
		}
		*at = reset->next;
		free(reset);
	}
}

/* ---- Getting to know one another ---- */

static bool is_known_version(uint16_t version)
{
	return version == VSTOR_VERSION_6_2 || version == VSTOR_VERSION_6_0 ||
	       version == VSTOR_VERSION_5_1;
}

static uint32_t take_version(struct storage *storage, const struct vstor_packet *packet)
{
	if (!is_known_version(packet->version.version))
		return VSTOR_STATUS_REVISION_MISMATCH;
	storage->memo->version = packet->version.version;
	storage->memo->state = VSTOR_PROPERTIES;
	return VSTOR_STATUS_SUCCESS;
}

static uint32_t tell_properties(struct storage *storage, struct vstor_packet *packet)
{
	uint32_t subs = storage->options.subs;

	memset(&packet->bytes, 0, sizeof(packet->bytes));
	packet->properties = (struct vstor_properties){
		.max_sub_channels = (uint16_t)subs,
		.flags = subs ? VSTOR_MULTI_CHANNEL : 0,
		.max_transfer = DISK_TRANSFER_MAX,
	};
	storage->memo->state = VSTOR_END;
	return VSTOR_STATUS_SUCCESS;
}

static uint32_t make_subs(struct storage *storage, const struct vstor_packet *packet)
{
	uint32_t subs = packet->sub_channels;

	if (subs > storage->options.subs)
		return VSTOR_STATUS_INVALID_PARAMETER;
	if (subs > storage->memo->subs) {
		if (!channel_offer_subs(storage->first->channel, subs))
			return VSTOR_STATUS_INVALID_PARAMETER;
		storage->memo->subs = subs;
	}
	return VSTOR_STATUS_SUCCESS;
}

/* Whether a question that belongs to a state may be answered now. */
static bool is_in(const struct storage *storage, enum vstor_state state, bool replayed)
{
	return storage->memo->state == state || (replayed && storage->memo->state == state + 1u);
}

/* The state's question; INVALID_STATE for one out of order. */
static uint32_t negotiate(struct storage *storage, struct vstor_packet *packet, bool replayed)
{
	struct controller_memo *memo = storage->memo;

	switch (packet->operation) {
	case VSTOR_BEGIN_INITIALIZATION:
		if (!is_in(storage, VSTOR_BEGIN, replayed))
			break;
		memo->state = VSTOR_VERSION;
		return VSTOR_STATUS_SUCCESS;
	case VSTOR_QUERY_PROTOCOL_VERSION:
		if (!is_in(storage, VSTOR_VERSION, replayed))
			break;
		return take_version(storage, packet);
	case VSTOR_QUERY_PROPERTIES:
		if (!is_in(storage, VSTOR_PROPERTIES, replayed))
			break;
		return tell_properties(storage, packet);
	case VSTOR_END_INITIALIZATION:
		if (!is_in(storage, VSTOR_END, replayed))
			break;
		if (memo->state == VSTOR_END)
			controller_all_known(storage);
		memo->state = VSTOR_READY;
		return VSTOR_STATUS_SUCCESS;
	case VSTOR_CREATE_SUB_CHANNELS:
		if (memo->state != VSTOR_END && memo->state != VSTOR_READY)
			break;
		return make_subs(storage, packet);
	default:
		return VSTOR_STATUS_INVALID_REQUEST;
	}
	return VSTOR_STATUS_INVALID_STATE;
}

/* ---- Channels ---- */

/* A sub-channel is there after negotiation; where both are taken up, in any order, the
 * first channel's memo may not have come yet. */
static bool is_ready(const struct link *link)
{
	const struct storage *storage = link->storage;

	if (storage->first)
		return storage->memo->state == VSTOR_READY;
	return link->channel->resumed;
}

static void take(struct link *link, const struct packet *from, struct vstor_packet *packet,
		 uint32_t size)
{
	uint32_t status = VSTOR_STATUS_INVALID_STATE;

	switch (packet->operation) {
	case VSTOR_EXECUTE_SRB:
		if (is_ready(link)) {
			execute(link, from, packet, size);
			return;
		}
		break;
	case VSTOR_RESET_LUN:
	case VSTOR_RESET_ADAPTER:
	case VSTOR_RESET_BUS:
		if (is_ready(link)) {
			reset(link, from->ticket, packet, size);
			return;
		}
		break;
	default:
		if (!link->channel->sub)
			status = negotiate(link->storage, packet, from->replayed);
		break;
	}
	answer(link, from->ticket, packet, size, status);
}

static void on_packet(struct channel *channel, const struct packet *from)
{
	struct vstor_packet packet = { 0 };
	struct link *link = channel->context;
	uint32_t size = from->size < sizeof(packet) ? from->size : (uint32_t)sizeof(packet);

	if (from->type == VMBUS_PACKET_COMPLETION)
		return; /* nothing was asked */
	if (size < PACKET_MIN || from->ticket == CHANNEL_NO_TICKET) {
		channel_broken(channel, "a storage packet of %u bytes%s", from->size,
			       from->ticket == CHANNEL_NO_TICKET ? " that wants no answer" : "");
		return;
	}
	memcpy(&packet, from->payload, size);
	take(link, from, &packet, size);
}

static bool send_rescan(struct storage *storage)
{
	struct vstor_packet packet = { .operation = VSTOR_ENUMERATE_BUS };
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	enum channel_send sent =
		channel_send(storage->first->channel, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, &part, 1);

	return sent == CHANNEL_SENT;
}

void vstor_rescan(struct storage *storage)
{
	struct controller_memo *memo = storage->memo;

	if (!storage->first || memo->state != VSTOR_READY || !memo->rescan || !send_rescan(storage))
		return;
	channel_flush(storage->first->channel);
	memo->rescan = 0;
}

static void on_ready(struct channel *channel)
{
	struct link *link = channel->context;

	if (link == link->storage->first && link->storage->memo->rescan &&
	    send_rescan(link->storage))
		link->storage->memo->rescan = 0;
}

static const struct channel_ops channel_ops = { .packet = on_packet, .ready = on_ready };

static bool is_sane(const struct controller_memo *memo)
{
	return memo->form == CONTROLLER_MEMO_FORM && memo->state <= VSTOR_READY &&
	       memo->subs <= STORAGE_SUBS_MAX;
}

/* Takes up the memo of a process before this one, or begins a new one. */
static void open_first(struct storage *storage, struct link *link)
{
	struct controller_memo *memo = link->channel->memo;

	_Static_assert(sizeof(*memo) <= CHANNEL_MEMO, "it is kept in the channel's memo");
	storage->first = link;
	if (!link->channel->resumed || !is_sane(memo)) {
		memset(memo, 0, sizeof(*memo));
		memo->form = CONTROLLER_MEMO_FORM;
	}
	for (uint32_t lun = 0; lun < STORAGE_LUNS && memo->state == VSTOR_READY; lun++)
		memo->attention[lun] |= storage->own.attention[lun];
	storage->memo = memo;
	controller_tell(storage);
}

static bool vstor_open(struct device *device, struct channel *channel)
{
	struct storage *storage = device->context;
	struct link *link;

	if (channel->sub > storage->options.subs || (!channel->sub && storage->first) ||
	    (channel->sub && !channel->resumed && storage->memo->state < VSTOR_END))
		return false;
	link = calloc(1, sizeof(*link));
	if (!link)
		return false;
	link->storage = storage;
	link->channel = channel;
	channel->ops = &channel_ops;
	channel->context = link;
	if (!channel->sub)
		open_first(storage, link);
	return true;
}

static void vstor_close(struct device *device, struct channel *channel)
{
	struct storage *storage = device->context;
	struct link *link = channel->context;

	forget_resets(storage, link);
	link->closed = true;
	if (link == storage->first) {
		storage->first = NULL;
		storage->memo = &storage->own;
		memset(&storage->own, 0, sizeof(storage->own));
	}
	if (link->busy)
		channel->held = true;
	else
		free(link);
}

const struct device_ops vstor_device_ops = { .open = vstor_open, .close = vstor_close };
