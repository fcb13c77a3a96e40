/* SPDX-License-Identifier: GPL-2.0-only */
/* See request.h. */
#include <vmbus/storage.h>

#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller.h"
#include "disk.h"

/* The smallest packet of a command: that of old versions. */
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

void request_answer(struct link *link, uint32_t ticket, struct vstor_packet *packet, uint32_t size,
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
		request_answer(reset->link, reset->ticket, &reset->packet, reset->size,
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
		request_answer(link, request->ticket, &request->packet, request->size, status);
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
	request_answer(link, ticket, packet, size, status);
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
	command->io.pinnable = guest_is_pinnable(request->link->channel->guest);
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

void request_execute(struct link *link, const struct packet *from, struct vstor_packet *packet,
		     uint32_t size)
{
	struct vstor_srb *srb = &packet->srb;
	struct iovec *iov = link->storage->pieces;
	int pieces = -1;

	if (size < COMMAND_MIN) {
		request_answer(link, from->ticket, packet, size, VSTOR_STATUS_INVALID_PARAMETER);
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
void request_reset(struct link *link, uint32_t ticket, const struct vstor_packet *packet,
		   uint32_t size)
{
	struct storage *storage = link->storage;
	struct request *request = calloc(1, sizeof(*request)), **last = &storage->resets;
	bool one = packet->operation == VSTOR_RESET_LUN;

	if (!request) {
		struct vstor_packet busy = *packet;

		request_answer(link, ticket, &busy, size, VSTOR_STATUS_BUSY);
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

void request_forget_resets(struct storage *storage, const struct link *link)
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
