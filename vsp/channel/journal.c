/* SPDX-License-Identifier: GPL-2.0-only */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

/* What another process may see must not be moved about by the compiler. */
#define store(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)

static size_t packets_at(void)
{
	return (sizeof(struct journal_file) + PAGE - 1) / PAGE * PAGE;
}

size_t journal_size(uint32_t packet_max)
{
	return packets_at() + (size_t)CHANNEL_TICKETS * packet_max;
}

int journal_create(uint32_t packet_max)
{
	int error, fd = memfd_create("mullion-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)journal_size(packet_max)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool is_valid(const struct journal_file *file, uint32_t packet_max)
{
	return file->magic == JOURNAL_MAGIC && file->version == JOURNAL_VERSION &&
	       file->packet_max == packet_max;
}

/* What the last process left half done. */
static void settle(struct journal *journal, uint32_t read_index, uint32_t write_index)
{
	struct journal_file *file = journal->file;

	for (uint32_t i = 0; i < CHANNEL_TICKETS; i++) {
		struct journal_slot *slot = &file->slots[i];
		bool unread = slot->turn == file->turn && read_index == file->taken_from;
		bool seen = slot->state == JOURNAL_ANSWERED && write_index != file->answered_from;

		if (slot->state != JOURNAL_FREE && (unread || seen))
			store(slot->state, JOURNAL_FREE);
		else if (slot->state != JOURNAL_FREE)
			store(slot->state, JOURNAL_TAKEN);
		journal->free_count += slot->state == JOURNAL_FREE;
	}
	journal_begin_turn(journal, read_index);
}

bool journal_open(struct journal *journal, int fd, uint32_t packet_max, uint32_t read_index,
		  uint32_t write_index)
{
	struct stat status;
	void *at;

	*journal = (struct journal){ .size = journal_size(packet_max) };
	if (fstat(fd, &status) < 0)
		return false;
	if (status.st_size != (off_t)journal->size) {
		errno = EINVAL;
		return false;
	}
	at = mmap(NULL, journal->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return false;
	journal->file = at;
	journal->packets = (uint8_t *)at + packets_at();
	if (!journal->file->magic) {
		journal->file->version = JOURNAL_VERSION;
		journal->file->packet_max = packet_max;
		store(journal->file->magic, JOURNAL_MAGIC);
	}
	if (!is_valid(journal->file, packet_max)) {
		journal_close(journal);
		errno = EINVAL;
		return false;
	}
	settle(journal, read_index, write_index);
	return true;
}

void journal_close(struct journal *journal)
{
	if (journal->file)
		munmap(journal->file, journal->size);
	journal->file = NULL;
}

static void *packet_at(const struct journal *journal, uint32_t slot)
{
	return journal->packets + (size_t)slot * journal->file->packet_max;
}

void *journal_room(struct journal *journal, uint32_t *slot)
{
	if (!journal->free_count)
		return NULL;
	while (journal->file->slots[journal->hint].state != JOURNAL_FREE)
		journal->hint = (journal->hint + 1) % CHANNEL_TICKETS;
	*slot = journal->hint;
	return packet_at(journal, *slot);
}

void journal_begin_turn(struct journal *journal, uint32_t read_index)
{
	/* In this order: a process that ends in between has taken nothing in the turn. */
	store(journal->file->turn, journal->file->turn + 1);
	store(journal->file->taken_from, read_index);
}

void journal_take(struct journal *journal, uint32_t slot)
{
	struct journal_slot *s = &journal->file->slots[slot];

	s->turn = journal->file->turn;
	s->order = ++journal->file->order;
	store(s->state, JOURNAL_TAKEN);
	journal->free_count--;
}

bool journal_is_taken(const struct journal *journal, uint32_t slot)
{
	return slot < CHANNEL_TICKETS && journal->file->slots[slot].state == JOURNAL_TAKEN;
}

void journal_answer(struct journal *journal, uint32_t slot, uint32_t write_index)
{
	if (!journal->answered_count)
		store(journal->file->answered_from, write_index);
	journal->answered[journal->answered_count++] = slot;
	store(journal->file->slots[slot].state, JOURNAL_ANSWERED);
}

void journal_published(struct journal *journal)
{
	while (journal->answered_count) {
		uint32_t slot = journal->answered[--journal->answered_count];

		store(journal->file->slots[slot].state, JOURNAL_FREE);
		journal->free_count++;
	}
}

void *journal_replay(struct journal *journal, uint64_t *after, uint32_t *slot)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < CHANNEL_TICKETS; i++) {
		const struct journal_slot *s = &journal->file->slots[i];

		if (s->state == JOURNAL_TAKEN && s->order > *after && s->order < next) {
			next = s->order;
			*slot = i;
		}
	}
	if (next == UINT64_MAX)
		return NULL;
	*after = next;
	return packet_at(journal, *slot);
}
