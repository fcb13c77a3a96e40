/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/vmbus: GPADLs as they should not be, and as many as there can be. */
#include "vmbus-guest.h"

static bool is_refused(void)
{
	return CHECK_OUT("lg") && CHECK(word_at(&out.list[1], 16) != 0);
}

static void test_page_count(void)
{
	CHECK_EQ(vmbus_gpadl_page_count(0, 1), 1);
	CHECK_EQ(vmbus_gpadl_page_count(0, 4096), 1);
	CHECK_EQ(vmbus_gpadl_page_count(1, 4096), 2);
	CHECK_EQ(vmbus_gpadl_page_count(4095, 1), 1);
	CHECK_EQ(vmbus_gpadl_page_count(4095, 2), 2);
	CHECK_EQ(vmbus_gpadl_page_count(4096, 1), 0);
	CHECK_EQ(vmbus_gpadl_page_count(0, 0), 0);
	/* 16 bits tell the size of this one, and not of the next. */
	CHECK_EQ(vmbus_gpadl_page_count(0, 8190 * 4096), 8190);
	CHECK_EQ(vmbus_gpadl_page_count(1, 8190 * 4096), 0);
	CHECK_EQ(vmbus_gpadl_page_count(4095, UINT32_MAX), 0);
}

/* A first message for relid 1 and GPADL 10, with words of it changed. */
static bool send_header(uint16_t ranges_size, uint16_t ranges, uint32_t length, uint32_t offset,
			size_t bytes)
{
	struct vmbus_msg_gpadl_header header = { .header.type = 8,
						 .relid = 1,
						 .gpadl = 10,
						 .ranges_size = ranges_size,
						 .range_count = ranges,
						 .length = length,
						 .offset = offset };
	uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };

	memcpy(message, &header, sizeof(header));
	return guest_send(message, sizeof(header) + bytes);
}

static void test_bad_headers(void)
{
	static const struct {
		const char *name;
		uint16_t ranges_size, ranges;
		uint32_t length, offset;
		size_t bytes;
	} rows[] = {
		{ "no range", 16, 0, 4096, 0, 8 },
		{ "two ranges", 32, 2, 4096, 0, 8 },
		{ "no bytes", 8, 1, 0, 0, 0 },
		{ "no bytes at an offset", 16, 1, 0, 8, 8 },
		{ "an offset of a page", 24, 1, 4096, 4096, 16 },
		{ "an offset that is too large", 16, 1, 4096, UINT32_MAX, 8 },
		{ "a page number too many", 16, 1, 4096, 0, 16 },
		{ "part of a page number", 24, 1, 8192, 0, 12 },
		{ "a size that is too small", 8, 1, 4096, 0, 8 },
		{ "a size that is too large", 24, 1, 4096, 0, 8 },
		{ "a size that is not one", 17, 1, 4096, 0, 8 },
		{ "the next page not counted", 16, 1, 4096, 1, 8 },
		{ "as large as can be", 8, 1, UINT32_MAX, 0, 8 },
		{ "its size does not fit", 8, 1, 8192u * 4096 - 4096, 0, 8 },
		{ "its size does not fit", (8 + 8191 * 8) & 0xffff, 1, 8191u * 4096, 0, 8 },
	};

	connect_with(VMBUS_VERSION(5, 3), 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("%s", rows[i].name);
		CHECK(send_header(rows[i].ranges_size, rows[i].ranges, rows[i].length,
				  rows[i].offset, rows[i].bytes));
		is_refused();
		CHECK_EQ(server->gpadls.count, 0);
		CHECK_EQ(server->gpadls.pages, 0);
	}
	CHECK_EQ(server->counters.refused, sizeof(rows) / sizeof(rows[0]));
	CHECK_NOTE("no such channel");
	CHECK(guest_gpadl(2, 10, 0, 4096));
	is_refused();
	CHECK(guest_gpadl(0, 10, 0, 4096));
	is_refused();
	CHECK_NOTE("right");
	CHECK(send_header(24, 1, 4096, 1, 16));
	CHECK_OUT("g");
	CHECK_EQ(word_at(&out.list[0], 16), 0);
}

static void test_bodies(void)
{
	connect_with(VMBUS_VERSION(5, 3), 2);
	CHECK(!guest_gpadl_body(10, 0, 1));
	/* A body without any page number, a header too: slow, but no fault. */
	CHECK(guest_gpadl_header(1, 10, 0, 3 * 4096, 0));
	CHECK(guest_gpadl_body(10, 0, 0));
	CHECK_OUT("");
	CHECK(guest_gpadl_body(10, 0, 2));
	CHECK_OUT("");
	CHECK(!guest_teardown(1, 10));
	CHECK(guest_gpadl_body(10, 2, 1));
	CHECK_OUT("g");
	CHECK(!guest_gpadl_body(10, 3, 1));
	CHECK_OUT("l");
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(server->gpadls.list[0]->pfns[i], pfn_of(10, i));
	/* More than are wanted: it is as if it never was. */
	CHECK(guest_gpadl_header(2, 11, 0, 30 * 4096, HEADER_PFNS));
	CHECK(guest_gpadl_body(11, HEADER_PFNS, 5));
	is_refused();
	CHECK_EQ(word_at(&out.list[1], 8), 2);
	CHECK(!guest_gpadl_body(11, HEADER_PFNS, 4));
	CHECK_EQ(server->gpadls.count, 1);
	/* Two at once, on two channels; the id of one in the making is taken for both. */
	CHECK(guest_gpadl_header(1, 12, 0, 30 * 4096, HEADER_PFNS));
	CHECK(guest_gpadl_header(2, 13, 0, 30 * 4096, HEADER_PFNS));
	CHECK(guest_gpadl(2, 12, 0, 4096));
	is_refused();
	CHECK(guest_gpadl(1, 10, 0, 4096));
	is_refused();
	CHECK(guest_gpadl_body(12, HEADER_PFNS, 2));
	CHECK(guest_gpadl_body(13, HEADER_PFNS, 4));
	CHECK_OUT("g");
	CHECK_EQ(word_at(&out.list[0], 8), 2);
	CHECK(guest_gpadl_body(12, HEADER_PFNS + 2, 2));
	CHECK_OUT("g");
	CHECK_EQ(word_at(&out.list[0], 8), 1);
	/* Not of this channel. */
	CHECK(!guest_teardown(2, 12));
	CHECK(!guest_teardown(1, 99));
	CHECK(!guest_teardown(3, 12));
	CHECK(guest_teardown(1, 12));
	CHECK_OUT("t");
	CHECK_EQ(word_at(&out.list[0], 8), 12);
}

/* Page numbers are the guest's; nothing here looks at them. */
static void test_count_cap(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	for (uint32_t i = 0; i < VMBUS_GPADLS_MAX; i++) {
		/* Every second one stays in the making. */
		CHECK(guest_gpadl_header(1, 100 + i, 0, 4096 * (1 + i % 2), 1));
		CHECK_EQ(out.count, 1 - i % 2);
	}
	CHECK(guest_gpadl(1, 1, 0, 4096));
	is_refused();
	CHECK(guest_gpadl_header(1, 1, 0, 8192, 1));
	is_refused();
	CHECK(guest_teardown(1, 100));
	CHECK_OUT("t");
	CHECK(guest_gpadl(1, 1, 0, 4096));
	CHECK_OUT("g");
	CHECK(guest_gpadl(1, 2, 0, 4096));
	is_refused();
	CHECK_EQ(server->gpadls.count, VMBUS_GPADLS_MAX);
}

static void test_pages_cap(void)
{
	uint32_t id = 0, left = VMBUS_GPADL_PAGES_MAX;

	connect_with(VMBUS_VERSION(5, 3), 1);
	for (; left >= 8190; left -= 8190) {
		CHECK(guest_gpadl_header(1, ++id, 0, 8190 * 4096, HEADER_PFNS));
		CHECK_OUT("");
	}
	REQUIRE(left > 2);
	CHECK(guest_gpadl_header(1, 200, 0, (left + 1) * 4096, HEADER_PFNS));
	is_refused();
	CHECK(guest_gpadl_header(1, 200, 0, left * 4096, HEADER_PFNS));
	CHECK_OUT("");
	CHECK_EQ(server->gpadls.pages, VMBUS_GPADL_PAGES_MAX);
	CHECK(guest_gpadl(1, 201, 0, 1));
	is_refused();
	/* Room comes back with a failed one, and with all of a connection. */
	CHECK(guest_gpadl_body(200, 0, BODY_PFNS) || left < HEADER_PFNS + BODY_PFNS);
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK_EQ(server->gpadls.pages, 0);
	CHECK_EQ(server->gpadls.count, 0);
}

/* The most that a single step can give: all of a channel's GPADLs at once. */
static void test_longest_answer(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	open_channel(1, 10, 0, 0);
	for (uint32_t i = 1; i < VMBUS_GPADLS_MAX; i++)
		CHECK(guest_gpadl(1, 100 + i, 0, 4096));
	for (uint32_t i = 1; i < VMBUS_GPADLS_MAX; i++) {
		CHECK(guest_teardown(1, 100 + i));
		CHECK_OUT("R");
	}
	CHECK(guest_teardown(1, 10));
	CHECK(guest_close(1));
	CHECK(host_closed(0, 0));
	CHECK_EQ(out.count, VMBUS_GPADLS_MAX);
	CHECK_EQ(server->gpadls.count, 0);
	CHECK(!server->overflow);
}

/* A guest that does nothing but make GPADLs, of any kind, and never stops. */
static void test_flood(void)
{
	check_seed(0x67706164);
	connect_with(VMBUS_VERSION(5, 3), 2);
	for (uint32_t i = 0; i < 60000; i++) {
		uint32_t id = (uint32_t)check_below(6000);
		uint32_t pages = 1 + (uint32_t)check_below(check_below(4) ? 30 : 9000);
		struct vmbus_event event = { .type = VMBUS_EVENT_MESSAGE };
		struct vmbus_msg_gpadl_header header = {
			.header.type = 8,
			.relid = (uint32_t)check_below(4),
			.gpadl = id,
			.ranges_size = (uint16_t)(8 + 8 * pages),
			.range_count = 1,
			.length = pages * 4096,
		};
		uint8_t bytes[VMBUS_MESSAGE_MAX] = { 0 };

		memcpy(bytes, &header, sizeof(header));
		event.message = bytes;
		event.size = sizeof(header) + 8 * check_below(HEADER_PFNS + 1);
		if (check_below(3) == 0) {
			struct vmbus_msg_gpadl_body body = { .header.type = 9, .gpadl = id };

			memcpy(bytes, &body, sizeof(body));
			event.size = sizeof(body) + 8 * check_below(BODY_PFNS + 1);
		}
		vmbus_server_step(server, &event, &out);
		CHECK(out.count <= 2);
		CHECK(server->gpadls.count <= VMBUS_GPADLS_MAX);
		CHECK(server->gpadls.pages <= VMBUS_GPADL_PAGES_MAX);
		if (i % 10000 == 0)
			CHECK(vmbus_server_valid(server));
	}
	CHECK(server->gpadls.count > 200);
	CHECK(host_reset());
	CHECK_EQ(server->gpadls.count, 0);
}

int main(void)
{
	CHECK_RUN(test_page_count);
	CHECK_RUN(test_bad_headers);
	CHECK_RUN(test_bodies);
	CHECK_RUN(test_pages_cap);
	CHECK_RUN(test_flood);
	CHECK_RUN(test_count_cap);
	CHECK_RUN(test_longest_answer);
	vmbus_server_free(server);
	return check_done();
}
