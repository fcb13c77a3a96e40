/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl's log reader against a ring that hv's own writer fills, at rest and
 * while it is being overwritten, and against rings that no writer makes.
 */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/logring.h"
#include "log-print.h"
#include "log-reader.h"

#define RING_SIZE 4096u

static struct mullion_log *new_ring(size_t size)
{
	struct mullion_log *ring = calloc(1, size);

	REQUIRE(ring);
	logring_init(ring, size);
	return ring;
}

static struct shared share(struct mullion_log *ring)
{
	return (struct shared){ .memory = ring, .size = RING_SIZE };
}

/* The text that record number n has: its length and its bytes follow from n. */
static size_t text_of(uint64_t n, char *text)
{
	size_t length = (size_t)(n * 7919 % 200);

	for (size_t i = 0; i < length; i++)
		text[i] = (char)('!' + (n + i) % 90);
	return length;
}

static void write_numbered(struct mullion_log *ring)
{
	char text[MULLION_LOG_TEXT_MAX];
	uint64_t n = ring->sequence;
	size_t length = text_of(n, text);

	logring_write(ring, (enum mullion_log_level)(n % 4), (u16)n, n * 1000, text, length);
}

static void check_numbered(const struct log_record *record)
{
	char text[MULLION_LOG_TEXT_MAX];
	uint64_t n = record->sequence;
	size_t length = text_of(n, text);

	CHECK_NOTE("record %llu", (unsigned long long)n);
	CHECK_EQ(record->level, n % 4);
	CHECK_EQ(record->cpu, n % 65536);
	CHECK_EQ(record->time_ns, n * 1000);
	if (CHECK_EQ(record->length, length))
		CHECK_MEM(record->text, text, length);
}

static void empty(void)
{
	struct mullion_log *ring = new_ring(RING_SIZE);
	struct shared shared = share(ring);
	struct log_reader reader;
	struct log_record record;

	REQUIRE(log_reader_open(&reader, &shared, true));
	CHECK_EQ(log_reader_next(&reader, &record), LOG_END);
	write_numbered(ring);
	CHECK_EQ(log_reader_next(&reader, &record), LOG_RECORD);
	check_numbered(&record);
	CHECK_EQ(record.lost, 0);
	CHECK_EQ(log_reader_next(&reader, &record), LOG_END);
	free(ring);
}

/* Many times around the ring, the reader keeping up or falling behind. */
static void keeps_order(void)
{
	struct mullion_log *ring = new_ring(RING_SIZE);
	struct shared shared = share(ring);
	struct log_reader reader;
	struct log_record record;
	uint64_t expected = 0, lost = 0;

	check_seed(0x106);
	write_numbered(ring); /* what is lost counts from the first record read */
	REQUIRE(log_reader_open(&reader, &shared, true));
	for (int round = 0; round < 2000; round++) {
		uint64_t burst = round ? check_below(60) : 0;

		for (uint64_t i = 0; i < burst; i++)
			write_numbered(ring);
		while (log_reader_next(&reader, &record) == LOG_RECORD) {
			check_numbered(&record);
			CHECK_EQ(record.sequence, expected + record.lost);
			lost += record.lost;
			expected = record.sequence + 1;
		}
		CHECK_EQ(expected, ring->sequence);
	}
	CHECK(lost > 0);
	free(ring);
}

static void boots(void)
{
	struct mullion_log *ring = new_ring(RING_SIZE);
	struct shared shared = share(ring);
	struct log_reader reader;
	struct log_record record;

	for (int i = 0; i < 5; i++)
		write_numbered(ring);
	REQUIRE(logring_init(ring, RING_SIZE));
	for (int i = 0; i < 3; i++)
		write_numbered(ring);

	REQUIRE(log_reader_open(&reader, &shared, false));
	CHECK_EQ(reader.boot, 2);
	for (uint64_t n = 5; n < 8; n++) {
		REQUIRE(log_reader_next(&reader, &record) == LOG_RECORD);
		CHECK_EQ(record.sequence, n);
		CHECK(record.this_boot);
		CHECK_EQ(record.lost, 0);
	}
	CHECK_EQ(log_reader_next(&reader, &record), LOG_END);

	REQUIRE(log_reader_open(&reader, &shared, true));
	for (uint64_t n = 0; n < 8; n++) {
		REQUIRE(log_reader_next(&reader, &record) == LOG_RECORD);
		CHECK_EQ(record.sequence, n);
		CHECK_EQ(record.this_boot, n >= 5);
	}
	CHECK_EQ(reader.position, reader.end);

	/* Once this boot fills the ring, "all" and "this" are the same. */
	while (ring->tail <= ring->boot_head)
		write_numbered(ring);
	REQUIRE(log_reader_open(&reader, &shared, false));
	CHECK_EQ(reader.position, ring->tail);
	free(ring);
}

/* So many records may the writer be ahead: several times the ring. */
#define RACE_AHEAD 60

struct race {
	struct mullion_log *ring;
	uint64_t records;
	atomic_uint_fast64_t read;
	atomic_bool done;
};

static void *race_writer(void *argument)
{
	struct race *race = argument;

	for (uint64_t i = 0; i < race->records; i++) {
		while (i > race->read + RACE_AHEAD)
			sched_yield();
		write_numbered(race->ring);
	}
	race->done = true;
	return NULL;
}

/*
 * The writer laps the reader all the time. Every record that is delivered is
 * whole; delivered and lost ones together are all.
 */
static void overwritten_while_read(void)
{
	struct race race = { .ring = new_ring(RING_SIZE), .records = 20000 };
	struct shared shared = share(race.ring);
	uint64_t expected = 0, delivered = 0, lost = 0;
	struct log_reader reader;
	struct log_record record;
	pthread_t writer;
	bool last = false;

	REQUIRE(log_reader_open(&reader, &shared, true));
	REQUIRE(pthread_create(&writer, NULL, race_writer, &race) == 0);
	for (;;) {
		enum log_result result;

		last = race.done;
		result = log_reader_next(&reader, &record);
		if (result == LOG_END && last)
			break;
		REQUIRE(result != LOG_DAMAGED);
		if (result == LOG_END)
			continue;
		check_numbered(&record);
		/* Before the first record nothing counts as lost. */
		lost += delivered ? record.lost : record.sequence;
		expected = record.sequence + 1;
		race.read = expected;
		delivered++;
	}
	pthread_join(writer, NULL);
	CHECK_EQ(expected, race.records);
	CHECK_EQ(delivered + lost, race.records);
	CHECK(delivered > 1000);
	CHECK(lost > 1000);
	printf("%llu records read, %llu overwritten before\n", (unsigned long long)delivered,
	       (unsigned long long)lost);
	free(race.ring);
}

/* A sound ring with one thing changed, and what the reader then says. */
static void expect_damage(void (*spoil)(struct mullion_log *ring), const char *what)
{
	struct mullion_log *ring = new_ring(RING_SIZE);
	struct shared shared = share(ring);
	struct log_reader reader;
	struct log_record record;
	enum log_result result = LOG_RECORD;

	CHECK_NOTE("%s", what);
	for (int i = 0; i < 100; i++)
		write_numbered(ring);
	spoil(ring);
	if (log_reader_open(&reader, &shared, true)) {
		while (result == LOG_RECORD)
			result = log_reader_next(&reader, &record);
		CHECK_EQ(result, LOG_DAMAGED);
	}
	CHECK_STR(reader.damage, what);
	free(ring);
}

static struct mullion_log_record *oldest(struct mullion_log *ring)
{
	return (struct mullion_log_record *)((char *)ring + ring->data_offset +
					     ring->tail % ring->data_size);
}

static void spoil_magic(struct mullion_log *ring)
{
	ring->magic++;
}

static void spoil_version(struct mullion_log *ring)
{
	ring->version++;
}

static void spoil_size_to_odd(struct mullion_log *ring)
{
	ring->data_size -= 8;
}

static void spoil_size_to_zero(struct mullion_log *ring)
{
	ring->data_size = 0;
}

static void spoil_size_to_more(struct mullion_log *ring)
{
	ring->data_size *= 2;
}

static void spoil_offset_to_end(struct mullion_log *ring)
{
	ring->data_offset = RING_SIZE + 8;
}

static void spoil_offset_to_header(struct mullion_log *ring)
{
	ring->data_offset = 8;
}

static void spoil_head_alignment(struct mullion_log *ring)
{
	ring->head++;
}

static void spoil_head_back(struct mullion_log *ring)
{
	ring->head = ring->tail - 8;
}

static void spoil_head_far(struct mullion_log *ring)
{
	ring->head += ring->data_size;
}

static void spoil_head_inside(struct mullion_log *ring)
{
	ring->head = ring->tail + 8;
}

static void spoil_boot_head(struct mullion_log *ring)
{
	ring->boot_head = ring->head + 8;
}

static void spoil_length(struct mullion_log *ring)
{
	oldest(ring)->length = MULLION_LOG_TEXT_MAX + 1;
}

static void spoil_length_most(struct mullion_log *ring)
{
	oldest(ring)->length = UINT32_MAX;
}

static void spoil_length_beyond_head(struct mullion_log *ring)
{
	ring->head = ring->tail + 32;
	oldest(ring)->length = 9;
}

static void spoil_level(struct mullion_log *ring)
{
	oldest(ring)->level = MULLION_LOG_DEBUG + 1;
}

static void spoil_sequence(struct mullion_log *ring)
{
	oldest(ring)->sequence = UINT64_MAX - 1;
}

static void damage(void)
{
	expect_damage(spoil_magic, "it does not begin as a log");
	expect_damage(spoil_version, "it has another version");
	expect_damage(spoil_size_to_odd, "its size is not a power of two");
	expect_damage(spoil_size_to_zero, "its size is not a power of two");
	expect_damage(spoil_size_to_more, "its data lies outside of it");
	expect_damage(spoil_offset_to_end, "its data lies outside of it");
	expect_damage(spoil_offset_to_header, "its data lies outside of it");
	expect_damage(spoil_head_alignment, "a position is not a multiple of 8");
	expect_damage(spoil_head_back, "head and tail do not fit");
	expect_damage(spoil_head_far, "head and tail do not fit");
	expect_damage(spoil_head_inside, "it ends within a record");
	expect_damage(spoil_boot_head, "this boot's records begin behind the end");
	expect_damage(spoil_length, "a record is too long");
	expect_damage(spoil_length_most, "a record is too long");
	expect_damage(spoil_length_beyond_head, "a record reaches beyond the end");
	expect_damage(spoil_level, "a record has an unknown level");
	expect_damage(spoil_sequence, "a record's number runs backwards");
}

static void too_small(void)
{
	static uint64_t memory[7];
	struct shared shared = { .memory = memory, .size = sizeof(memory) };
	struct log_reader reader;

	CHECK(!log_reader_open(&reader, &shared, true));
	CHECK_STR(reader.damage, "it is too small");
}

/* Any bytes at all: the sanitizers see to it that nothing outside is touched. */
static void any_bytes(void)
{
	struct mullion_log *ring = new_ring(RING_SIZE);
	struct shared shared = share(ring);
	uint64_t records = 0;

	check_seed(0xa11);
	for (int round = 0; round < 20000; round++) {
		struct log_reader reader;
		struct log_record record;
		uint64_t changes = 1 + check_below(8);

		if (round % 100 == 0) {
			memset(ring, 0, RING_SIZE);
			logring_init(ring, RING_SIZE);
			for (int i = 0; i < 100; i++)
				write_numbered(ring);
		}
		for (uint64_t i = 0; i < changes; i++) {
			size_t limit = check_below(2) ? sizeof(*ring) : RING_SIZE;

			((unsigned char *)ring)[check_below(limit)] = (unsigned char)check_rand();
		}
		/* Often whole as far as the header goes, or else no record is reached. */
		if (check_below(2)) {
			ring->magic = MULLION_LOG_MAGIC;
			ring->version = MULLION_LOG_VERSION;
			ring->data_offset = sizeof(*ring);
			ring->data_size = 2048;
			ring->tail = check_below(64) * 8;
			ring->head = ring->tail + check_below(257) * 8;
			ring->boot_head = 0;
		}
		if (!log_reader_open(&reader, &shared, check_below(2)))
			continue;
		while (log_reader_next(&reader, &record) == LOG_RECORD)
			records++;
	}
	CHECK(records > 1000);
	free(ring);
}

static void check_line(const struct log_record *record, bool color, const char *want)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	REQUIRE(out);
	log_print(out, record, color);
	fclose(out);
	CHECK_STR(line, want);
	free(line);
}

static void printed(void)
{
	struct log_record record = {
		.level = MULLION_LOG_ERROR,
		.cpu = 3,
		.time_ns = 12034567890,
		.sequence = 7,
		.length = 11,
		.text = "a\033[2Jb\xff\n\\\"",
	};
	sd_json_variant *object = NULL;
	char *text = NULL;

	check_line(&record, false, "[   12.034567] cpu3 error: a\\x1b[2Jb\\xff\\x0a\\\"\\x00\n");
	check_line(&record, true,
		   "\033[31m[   12.034567] cpu3 error: a\\x1b[2Jb\\xff\\x0a\\\"\\x00\033[0m\n");
	REQUIRE(log_json(&object, &record, true) >= 0);
	REQUIRE(sd_json_variant_format(object, SD_JSON_FORMAT_NEWLINE, &text) >= 0);
	CHECK_STR(text, "{\"schema\":1,\"sequence\":7,\"this_boot\":false,\"time_ns\":12034567890,"
			"\"cpu\":3,\"level\":\"error\",\"lost\":0,"
			"\"text\":\"a\\\\x1b[2Jb\\\\xff\\\\x0a\\\\\\\"\\\\x00\"}\n");
	free(text);
	sd_json_variant_unref(object);

	record.level = MULLION_LOG_INFO;
	record.length = 0;
	check_line(&record, true, "[   12.034567] cpu3 info: \n");
}

int main(void)
{
	CHECK_RUN(empty);
	CHECK_RUN(keeps_order);
	CHECK_RUN(boots);
	CHECK_RUN(overwritten_while_read);
	CHECK_RUN(damage);
	CHECK_RUN(too_small);
	CHECK_RUN(any_bytes);
	CHECK_RUN(printed);
	return check_done();
}
