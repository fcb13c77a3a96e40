/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/logring.c. The reader here follows include/mullion/log.h and nothing
 * else; what it reads is compared with a list of all that was written.
 */
#include "check.h"

#include "core/logring.h"

#define PAGE 4096ul

struct written {
	uint32_t length;
	uint8_t level;
	uint16_t cpu;
	uint64_t time_ns;
	uint64_t sequence;
	char text[MULLION_LOG_TEXT_MAX];
};

struct model {
	struct written *list;
	size_t count;
	size_t room;
};

static char *ring_byte(struct mullion_log *ring, uint64_t pos)
{
	return (char *)ring + ring->data_offset + pos % ring->data_size;
}

static void read_bytes(struct mullion_log *ring, uint64_t pos, void *dest, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)dest)[i] = *ring_byte(ring, pos + i);
}

static void write_bytes(struct mullion_log *ring, uint64_t pos, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*ring_byte(ring, pos + i) = ((const char *)src)[i];
}

static uint64_t record_bytes(uint32_t length)
{
	return (sizeof(struct mullion_log_record) + length + 7) / 8 * 8;
}

static struct mullion_log *new_area(size_t size)
{
	struct mullion_log *ring = aligned_alloc(64, size);

	REQUIRE(ring);
	memset(ring, 0, size);
	return ring;
}

static void remember(struct model *m, const struct mullion_log *ring, uint8_t level, uint16_t cpu,
		     uint64_t time_ns, const char *text, size_t length)
{
	struct written *w;

	if (m->count == m->room) {
		struct written *more;

		m->room = m->room ? m->room * 2 : 64;
		more = realloc(m->list, m->room * sizeof(*m->list));
		REQUIRE(more);
		m->list = more;
	}
	w = &m->list[m->count++];
	w->length = length < MULLION_LOG_TEXT_MAX ? (uint32_t)length : MULLION_LOG_TEXT_MAX;
	w->level = level;
	w->cpu = cpu;
	w->time_ns = time_ns;
	w->sequence = ring->sequence;
	memcpy(w->text, text, w->length);
}

/* The ring must hold exactly the newest records of the model, as many as fit. */
static void compare(struct mullion_log *ring, const struct model *m)
{
	uint64_t pos = ring->head;
	size_t i = m->count, oldest;

	CHECK(ring->tail <= ring->head);
	CHECK(ring->head - ring->tail <= ring->data_size);
	CHECK_EQ(ring->head % 8, 0);
	CHECK_EQ(ring->tail % 8, 0);
	while (i > 0 && ring->head - (pos - record_bytes(m->list[i - 1].length)) <= ring->data_size)
		pos -= record_bytes(m->list[--i].length);
	oldest = i;
	CHECK_EQ(ring->tail, pos);
	for (pos = ring->tail, i = oldest; pos < ring->head && i < m->count; i++) {
		struct mullion_log_record r;
		char text[MULLION_LOG_TEXT_MAX];
		const struct written *w = &m->list[i];

		read_bytes(ring, pos, &r, sizeof(r));
		CHECK_EQ(r.length, w->length);
		if (r.length != w->length)
			return;
		CHECK_EQ(r.level, w->level);
		CHECK_EQ(r.reserved, 0);
		CHECK_EQ(r.cpu, w->cpu);
		CHECK_EQ(r.time_ns, w->time_ns);
		CHECK_EQ(r.sequence, w->sequence);
		read_bytes(ring, pos + sizeof(r), text, r.length);
		CHECK_MEM(text, w->text, r.length);
		pos += record_bytes(r.length);
	}
	CHECK_EQ(i, m->count);
	CHECK_EQ(pos, ring->head);
}

static void fresh(void)
{
	static const size_t sizes[] = { PAGE, 2 * PAGE, 3 * PAGE, 16 * PAGE, 5000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct mullion_log *ring = malloc(sizes[i]);

		REQUIRE(ring);
		CHECK_NOTE("size %zu", sizes[i]);
		memset(ring, 0xa5, sizes[i]);
		CHECK(!logring_init(ring, sizes[i]));
		CHECK_EQ(ring->magic, MULLION_LOG_MAGIC);
		CHECK_EQ(ring->version, MULLION_LOG_VERSION);
		CHECK(ring->data_offset >= sizeof(*ring));
		CHECK(ring->data_size && !(ring->data_size & (ring->data_size - 1)));
		CHECK(ring->data_offset + ring->data_size <= sizes[i]);
		CHECK(ring->data_offset + 2 * ring->data_size > sizes[i]);
		CHECK_EQ(ring->head, 0);
		CHECK_EQ(ring->tail, 0);
		CHECK_EQ(ring->sequence, 0);
		CHECK_EQ(ring->boot, 1);
		CHECK_EQ(ring->boot_head, 0);
		free(ring);
	}
}

static void boundaries(void)
{
	static const size_t lengths[] = {
		0,
		1,
		7,
		8,
		9,
		MULLION_LOG_TEXT_MAX - 1,
		MULLION_LOG_TEXT_MAX,
		MULLION_LOG_TEXT_MAX + 1,
		3ul * MULLION_LOG_TEXT_MAX,
	};
	struct mullion_log *ring = new_area(PAGE);
	struct model m = { 0 };
	char text[3 * MULLION_LOG_TEXT_MAX];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	logring_init(ring, PAGE);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CHECK_NOTE("length %zu", lengths[i]);
		remember(&m, ring, MULLION_LOG_DEBUG, 0xffff, UINT64_MAX, text, lengths[i]);
		logring_write(ring, MULLION_LOG_DEBUG, 0xffff, UINT64_MAX, text, lengths[i]);
		compare(ring, &m);
	}
	free(m.list);
	free(ring);
}

static void random_writes(void)
{
	check_seed(0x6c6f6772696e67);
	for (int round = 0; round < 20; round++) {
		size_t size = PAGE * (1 + check_below(5));
		struct mullion_log *ring = new_area(size);
		struct model m = { 0 };
		uint64_t boots = 1;

		logring_init(ring, size);
		for (int i = 0; i < 2000; i++) {
			char text[2 * MULLION_LOG_TEXT_MAX] = { 0 };
			size_t most = check_below(10) ? 100 : sizeof(text);
			size_t length = check_below(most);
			uint8_t level = (uint8_t)check_below(4);
			uint16_t cpu = (uint16_t)check_rand();
			uint64_t time_ns = check_rand();

			CHECK_NOTE("round %d write %d", round, i);
			for (size_t k = 0; k < length; k++)
				text[k] = (char)check_rand();
			remember(&m, ring, level, cpu, time_ns, text, length);
			logring_write(ring, level, cpu, time_ns, text, length);
			if (i % 16 == 0)
				compare(ring, &m);
			if (check_below(200) == 0) { /* another boot finds it */
				CHECK(logring_init(ring, size));
				CHECK_EQ(ring->boot, ++boots);
				CHECK_EQ(ring->boot_head, ring->head);
				compare(ring, &m);
			}
		}
		compare(ring, &m);
		free(m.list);
		free(ring);
	}
}

/* Memory of an earlier boot in which one thing is wrong: it must be given up. */
static void unsound(void)
{
	enum {
		CASES = 14
	};
	char text[100] = "the same text in every record";

	for (int i = 0; i <= CASES; i++) {
		struct mullion_log *ring = new_area(PAGE);
		struct mullion_log_record r;
		bool kept;

		logring_init(ring, PAGE);
		for (int k = 0; k < 100; k++)
			logring_write(ring, MULLION_LOG_INFO, 0, 1, text, sizeof(text));
		read_bytes(ring, ring->tail, &r, sizeof(r));
		switch (i) {
		case 0: /* nothing wrong */
			break;
		case 1:
			ring->magic ^= 1;
			break;
		case 2:
			ring->version++;
			break;
		case 3:
			ring->data_offset += 8;
			break;
		case 4:
			ring->data_size *= 2;
			break;
		case 5:
			ring->data_size = 0;
			break;
		case 6:
			ring->tail = ring->head + 8;
			break;
		case 7:
			ring->head += ring->data_size;
			break;
		case 8:
			ring->tail += 4;
			break;
		case 9:
			ring->head -= 8;
			break;
		case 10:
			ring->head = UINT64_MAX - 7;
			ring->tail = ring->head - 1024;
			break;
		case 11:
			r.length = MULLION_LOG_TEXT_MAX + 1;
			write_bytes(ring, ring->tail, &r, sizeof(r));
			break;
		case 12:
			r.length = UINT32_MAX;
			write_bytes(ring, ring->tail, &r, sizeof(r));
			break;
		case 13:
			r.level = MULLION_LOG_DEBUG + 1;
			write_bytes(ring, ring->tail, &r, sizeof(r));
			break;
		default: /* a length that leads past head */
			r.length += 8;
			write_bytes(ring, ring->tail, &r, sizeof(r));
		}
		CHECK_NOTE("case %d", i);
		kept = logring_init(ring, PAGE);
		CHECK(kept == (i == 0));
		CHECK(kept || (ring->head == 0 && ring->tail == 0 && ring->boot == 1));
		free(ring);
	}
}

/* Memory with anything in it: logring_init decides, then the ring works. */
static void hostile_area(void)
{
	check_seed(0x686f7374696c65);
	for (int i = 0; i < 20000; i++) {
		struct mullion_log *ring = new_area(PAGE);
		uint64_t sound_head;
		uint64_t pos;

		logring_init(ring, PAGE);
		for (uint64_t k = check_below(80); k > 0; k--)
			logring_write(ring, MULLION_LOG_INFO, 0, 1, "some text", check_below(10));
		for (uint64_t k = check_below(4); k > 0; k--) {
			size_t where = check_below(2) ? check_below(sizeof(*ring)) :
							check_below(PAGE);

			((unsigned char *)ring)[where] = (unsigned char)check_rand();
		}
		CHECK_NOTE("area %d", i);
		logring_init(ring, PAGE);
		for (int k = 0; k < 60; k++)
			logring_write(ring, MULLION_LOG_WARN, 1, 2, "after", 5);
		sound_head = ring->head;
		CHECK(sound_head - ring->tail <= ring->data_size);
		for (pos = ring->tail; pos < sound_head;) {
			struct mullion_log_record r;

			read_bytes(ring, pos, &r, sizeof(r));
			if (!CHECK(r.length <= MULLION_LOG_TEXT_MAX))
				break;
			pos += record_bytes(r.length);
		}
		CHECK_EQ(pos, sound_head);
		free(ring);
	}
}

/* An empty ring that was left is sound too, unless its positions are not. */
static void left_empty(void)
{
	static const struct {
		uint64_t position;
		bool sound;
	} rows[] = { { 0, true }, { 8, true }, { 2048, true }, { 4, false }, { 1ul << 63, false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mullion_log *ring = new_area(PAGE);

		CHECK_NOTE("row %zu", i);
		logring_init(ring, PAGE);
		ring->head = rows[i].position;
		ring->tail = rows[i].position;
		CHECK(logring_init(ring, PAGE) == rows[i].sound);
		CHECK_EQ(ring->head, rows[i].sound ? rows[i].position : 0);
		CHECK_EQ(ring->boot, rows[i].sound ? 2 : 1);
		free(ring);
	}
}

/* From rings that have wrapped at every place that they can. */
static void copy(void)
{
	for (unsigned int count = 1; count < 300; count++) {
		struct mullion_log *from = new_area(PAGE), *to = new_area(4 * PAGE);
		struct model m = { 0 }, left = { 0 };
		uint64_t bytes = 0;
		size_t first;

		CHECK_NOTE("%u records", count);
		logring_init(from, PAGE);
		logring_init(to, 4 * PAGE);
		for (unsigned int i = 0; i < count; i++) {
			char text[40];
			int n = snprintf(text, sizeof(text), "line %u%.*s", i, (int)(i % 20),
					 "....................");

			remember(&m, from, MULLION_LOG_INFO, (uint16_t)i, ~(uint64_t)i, text,
				 (size_t)n);
			logring_write(from, MULLION_LOG_INFO, (uint16_t)i, ~(uint64_t)i, text,
				      (size_t)n);
		}
		for (first = m.count; first > 0; first--) {
			bytes += record_bytes(m.list[first - 1].length);
			if (bytes > from->data_size)
				break;
		}
		left.list = m.list + first;
		left.count = m.count - first;
		for (size_t i = 0; i < left.count; i++)
			left.list[i].sequence = i;
		logring_copy(to, from);
		compare(to, &left);
		free(m.list);
		free(from);
		free(to);
	}
}

int main(void)
{
	CHECK_RUN(fresh);
	CHECK_RUN(boundaries);
	CHECK_RUN(random_writes);
	CHECK_RUN(unsound);
	CHECK_RUN(hostile_area);
	CHECK_RUN(left_empty);
	CHECK_RUN(copy);
	return check_done();
}
