/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/channel/journal.c: what a process that has ended leaves to the next one. How it goes
 * together with rings is channel-crash-test.c's. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

#define MAX 4096u

static struct journal journal;
static int fd = -1;

static void new_journal(void)
{
	journal_close(&journal);
	if (fd >= 0)
		close(fd);
	fd = journal_create(MAX);
	REQUIRE(fd >= 0 && journal_open(&journal, fd, MAX, 0, 0));
}

/* Another process takes it up, with the rings at these indices. */
static void next_process(uint32_t read_index, uint32_t write_index)
{
	journal_close(&journal);
	REQUIRE(journal_open(&journal, fd, MAX, read_index, write_index));
}

static uint32_t take(uint8_t byte)
{
	uint32_t slot = UINT32_MAX;
	uint8_t *room = journal_room(&journal, &slot);

	REQUIRE(room);
	memset(room, byte, MAX);
	journal_take(&journal, slot);
	return slot;
}

/* The bytes of what is given again, in order. */
static const char *replays(void)
{
	static char text[CHANNEL_TICKETS + 1];
	uint64_t after = 0;
	uint32_t slot, count = 0;
	const uint8_t *packet;

	while ((packet = journal_replay(&journal, &after, &slot))) {
		CHECK(packet[0] == packet[MAX - 1] && journal_is_taken(&journal, slot));
		text[count++] = (char)packet[0];
	}
	text[count] = '\0';
	CHECK_EQ(journal.free_count, CHANNEL_TICKETS - count);
	return text;
}

static void test_open(void)
{
	struct journal other;
	int small = journal_create(MAX / 2);

	new_journal();
	CHECK_EQ(journal.free_count, CHANNEL_TICKETS);
	CHECK_INT(ftruncate(fd, 0), -1);
	CHECK_INT(ftruncate(fd, 1 << 24), -1);
	CHECK_EQ(lseek(fd, 0, SEEK_END), (off_t)journal_size(MAX));
	CHECK(!journal_open(&other, fd, 2 * MAX, 0, 0) && errno == EINVAL);
	CHECK(!journal_open(&other, small, MAX, 0, 0) && errno == EINVAL);
	CHECK(!journal_open(&other, -1, MAX, 0, 0) && errno == EBADF);
	journal.file->version++;
	CHECK(!journal_open(&other, fd, MAX, 0, 0) && errno == EINVAL);
	journal.file->version--;
	journal.file->magic++;
	CHECK(!journal_open(&other, fd, MAX, 0, 0) && errno == EINVAL);
	journal_close(&other);
	close(small);
}

static void test_slots(void)
{
	uint32_t slots[CHANNEL_TICKETS], slot;

	new_journal();
	for (uint32_t i = 0; i < CHANNEL_TICKETS; i++)
		slots[i] = take('x');
	CHECK(!journal_room(&journal, &slot));
	CHECK(!journal_is_taken(&journal, CHANNEL_TICKETS));
	CHECK(!journal_is_taken(&journal, CHANNEL_NO_TICKET));
	journal_answer(&journal, slots[77], 0);
	CHECK(!journal_is_taken(&journal, slots[77]) && !journal_room(&journal, &slot));
	journal_published(&journal);
	CHECK(journal_room(&journal, &slot) && slot == slots[77]);
	take('y');
	next_process(8, 8);
	CHECK_EQ(strlen(replays()), CHANNEL_TICKETS);
	CHECK(!journal_room(&journal, &slot));
}

/* Read from 100 on, written from 200 on, ended somewhere. */
static void test_ends(void)
{
	uint32_t a, b, c;

	CHECK_NOTE("taken, not given back: read again");
	new_journal();
	journal_begin_turn(&journal, 96);
	take('a');
	next_process(96, 200);
	CHECK_STR(replays(), "");

	CHECK_NOTE("taken, given back");
	new_journal();
	journal_begin_turn(&journal, 96);
	take('a');
	take('b');
	next_process(136, 200);
	CHECK_STR(replays(), "ab");
	next_process(136, 200);
	CHECK_STR(replays(), "ab");

	CHECK_NOTE("of two turns the first was given back");
	journal_begin_turn(&journal, 136);
	take('c');
	next_process(136, 200);
	CHECK_STR(replays(), "ab");

	CHECK_NOTE("a turn began, nothing was taken");
	new_journal();
	journal_begin_turn(&journal, 96);
	a = take('a');
	b = take('b');
	c = take('c');
	journal_begin_turn(&journal, 160);
	next_process(160, 200);
	CHECK_STR(replays(), "abc");

	CHECK_NOTE("answered, not published");
	journal_answer(&journal, a, 200);
	journal_answer(&journal, b, 200);
	next_process(160, 200);
	CHECK_STR(replays(), "abc");

	CHECK_NOTE("answered and published");
	journal_answer(&journal, c, 200);
	journal_answer(&journal, a, 200);
	next_process(160, 248);
	CHECK_STR(replays(), "b");

	CHECK_NOTE("answered, published, told");
	journal_answer(&journal, b, 248);
	journal_published(&journal);
	next_process(160, 272);
	CHECK_STR(replays(), "");

	CHECK_NOTE("answered in its turn, neither seen");
	journal_begin_turn(&journal, 160);
	a = take('d');
	journal_answer(&journal, a, 272);
	next_process(160, 272);
	CHECK_STR(replays(), "");
}

static void test_memo(void)
{
	new_journal();
	for (uint32_t i = 0; i < CHANNEL_MEMO; i++)
		CHECK_EQ(journal.file->memo[i], 0);
	memcpy(journal.file->memo + CHANNEL_MEMO - 5, "kept", 5);
	next_process(0, 0);
	CHECK_STR((char *)journal.file->memo + CHANNEL_MEMO - 5, "kept");
}

int main(void)
{
	CHECK_RUN(test_open);
	CHECK_RUN(test_slots);
	CHECK_RUN(test_ends);
	CHECK_RUN(test_memo);
	journal_close(&journal);
	close(fd);
	return check_done();
}
