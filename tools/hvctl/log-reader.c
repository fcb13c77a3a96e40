/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader's side of the log ring: see log-reader.h and mullion/log.h.
 *
 * hv moves tail before it overwrites a record. So a record that was copied out
 * is whole if tail, loaded after the copy, is not beyond its position; else the
 * copy is thrown away and reading goes on from the oldest record left.
 */
#include "log-reader.h"

#include <string.h>

#define HEAD offsetof(struct mullion_log, head)
#define TAIL offsetof(struct mullion_log, tail)

/*
 * So often one record may be overwritten while it is read. Each time reading
 * starts anew at the oldest record, a whole ring ahead of where hv writes; only
 * a ring that is not hv's can go on like this.
 */
#define MAX_RETRIES 1000

/* Bytes that a text of that length takes in the ring. */
static uint64_t text_room(uint32_t length)
{
	return ((uint64_t)length + 7) / 8 * 8;
}

static bool damaged(struct log_reader *reader, const char *what)
{
	reader->damage = what;
	return false;
}

/*
 * Head and tail of one moment, checked. Both only grow; tail is the same before
 * and after head is loaded, so it was the same then.
 */
static bool load_ends(struct log_reader *reader, uint64_t *head, uint64_t *tail)
{
	for (unsigned i = 0; i < MAX_RETRIES; i++) {
		*tail = shared_load(&reader->ring, TAIL);
		*head = shared_load(&reader->ring, HEAD);
		if (shared_load(&reader->ring, TAIL) != *tail)
			continue;
		if (*head % 8 || *tail % 8)
			return damaged(reader, "a position is not a multiple of 8");
		if (*tail > *head || *head - *tail > reader->data_size)
			return damaged(reader, "head and tail do not fit");
		return true;
	}
	return damaged(reader, "it does not hold still");
}

bool log_reader_open(struct log_reader *reader, const struct shared *ring, bool all_boots)
{
	struct mullion_log log;
	uint64_t head, tail;

	*reader = (struct log_reader){ .ring = *ring };
	if (ring->size < sizeof(log))
		return damaged(reader, "it is too small");
	shared_copy(&log, ring, 0, sizeof(log));
	if (log.magic != MULLION_LOG_MAGIC)
		return damaged(reader, "it does not begin as a log");
	if (log.version != MULLION_LOG_VERSION)
		return damaged(reader, "it has another version");
	if (log.data_size < 8 || (log.data_size & (log.data_size - 1)))
		return damaged(reader, "its size is not a power of two");
	if (log.data_offset < sizeof(log) || log.data_offset % 8 || log.data_offset > ring->size ||
	    log.data_size > ring->size - log.data_offset)
		return damaged(reader, "its data lies outside of it");
	reader->data_offset = log.data_offset;
	reader->data_size = log.data_size;
	if (!load_ends(reader, &head, &tail))
		return false;
	if (log.boot_head % 8 || log.boot_head > head)
		return damaged(reader, "this boot's records begin behind the end");
	reader->end = head;
	reader->boot_head = log.boot_head;
	reader->boot = log.boot;
	reader->position = all_boots || log.boot_head < tail ? tail : log.boot_head;
	return true;
}

/* Copies from a position in the ring, around its end if need be. */
static void copy_out(const struct log_reader *reader, void *to, uint64_t position, size_t length)
{
	size_t offset = (size_t)(position % reader->data_size);
	size_t first = (size_t)reader->data_size - offset;

	if (first > length)
		first = length;
	shared_copy(to, &reader->ring, reader->data_offset + offset, first);
	if (first < length)
		shared_copy((char *)to + first, &reader->ring, reader->data_offset, length - first);
}

/*
 * Whether what was copied from position on was whole. If not, the position is
 * moved to the oldest record left.
 */
static bool was_whole(struct log_reader *reader)
{
	uint64_t tail;

	shared_copies_done();
	tail = shared_load(&reader->ring, TAIL);
	if (tail <= reader->position)
		return true;
	reader->position = tail;
	return false;
}

/* What the copied header says; NULL when it may be so. */
static const char *header_fault(const struct log_reader *reader,
				const struct mullion_log_record *header, uint64_t head)
{
	uint64_t room = head - reader->position - sizeof(*header);

	if (header->length > MULLION_LOG_TEXT_MAX)
		return "a record is too long";
	if (text_room(header->length) > room)
		return "a record reaches beyond the end";
	if (header->level > MULLION_LOG_DEBUG)
		return "a record has an unknown level";
	if (reader->started && header->sequence < reader->sequence)
		return "a record's number runs backwards";
	return NULL;
}

static void accept(struct log_reader *reader, const struct mullion_log_record *header,
		   struct log_record *record)
{
	record->level = (enum mullion_log_level)header->level;
	record->cpu = header->cpu;
	record->sequence = header->sequence;
	record->time_ns = header->time_ns;
	record->lost = reader->started ? header->sequence - reader->sequence : 0;
	record->this_boot = reader->position >= reader->boot_head;
	record->length = header->length;
	reader->sequence = header->sequence + 1;
	reader->started = true;
	reader->position += sizeof(*header) + text_room(header->length);
}

enum log_result log_reader_next(struct log_reader *reader, struct log_record *record)
{
	for (unsigned i = 0; i < MAX_RETRIES; i++) {
		struct mullion_log_record header;
		uint64_t head, tail;

		if (!load_ends(reader, &head, &tail))
			return LOG_DAMAGED;
		if (reader->position < tail)
			reader->position = tail;
		if (reader->position == head)
			return LOG_END;
		if (reader->position > head || head - reader->position < sizeof(header)) {
			damaged(reader, "it ends within a record");
			return LOG_DAMAGED;
		}
		copy_out(reader, &header, reader->position, sizeof(header));
		if (!was_whole(reader))
			continue;
		if ((reader->damage = header_fault(reader, &header, head)))
			return LOG_DAMAGED;
		copy_out(reader, record->text, reader->position + sizeof(header), header.length);
		if (!was_whole(reader))
			continue;
		accept(reader, &header, record);
		return LOG_RECORD;
	}
	damaged(reader, "it does not hold still");
	return LOG_DAMAGED;
}
