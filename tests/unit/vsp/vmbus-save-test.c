/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/vmbus: a server's image, whole, cut off and changed, and what a new host is told. */
#include "vmbus-guest.h"

static uint8_t image[1 << 20];

static size_t save(void)
{
	size_t size = vmbus_server_save(server, NULL, 0);

	REQUIRE(size <= sizeof(image));
	CHECK_EQ(vmbus_server_save(server, image, sizeof(image)), size);
	return size;
}

/* Something of everything: open, opening, closing with an open that waits, sub-channels,
 * modifying, GPADLs in each state, a rescinded channel, one released, one never offered. */
static void make_rich(void)
{
	connect_with(VMBUS_VERSION(5, 2), 8);
	open_channel(1, 10, 0, 0);
	CHECK(host_subs(0, 3));
	open_channel(9, 11, 0, 1);
	CHECK(guest_modify(9, 3));
	CHECK(guest_modify(9, 2));
	CHECK(guest_gpadl(1, 12, 4, 90 * 4096));
	CHECK(guest_gpadl(1, 13, 0, 4096));
	CHECK(guest_teardown(1, 13));
	CHECK_OUT("R");
	CHECK(guest_gpadl_header(2, 14, 0, 40 * 4096, HEADER_PFNS));
	CHECK(guest_gpadl(2, 15, 0, 8 * 4096));
	CHECK(guest_open(2, 70, 15, 1, 4));
	open_channel(3, 16, 2, 0);
	CHECK(guest_close(3));
	CHECK(guest_teardown(3, 16));
	CHECK(guest_gpadl(3, 17, 0, 8 * 4096));
	CHECK(guest_open(3, 71, 17, 1, 4));
	CHECK(host_rescind(3));
	CHECK(guest_release(5));
	open_channel(6, 18, 5, 0);
	CHECK(host_rescind(5));
	CHECK(host_rescind(6));
	CHECK(host_offer_as(60, 6));
}

static void test_whole(void)
{
	static uint8_t again[sizeof(image)];
	struct vmbus_server *loaded;
	size_t size;

	make_rich();
	size = save();
	memset(again, 0x55, sizeof(again));
	CHECK_EQ(vmbus_server_save(server, again, size - 1), size);
	CHECK_EQ(again[0], 0x55);
	loaded = vmbus_server_load(image, size, VPS);
	REQUIRE(loaded);
	CHECK(vmbus_server_valid(loaded));
	CHECK_EQ(vmbus_server_save(loaded, again, sizeof(again)), size);
	CHECK_MEM(again, image, size);
	CHECK(!vmbus_server_load(image, size, VPS + 1));
	CHECK(!vmbus_server_load(image, size, VPS - 1));
	vmbus_server_free(loaded);
	/* One that has seen nothing yet. */
	new_server();
	size = save();
	loaded = vmbus_server_load(image, size, VPS);
	CHECK(loaded != NULL);
	vmbus_server_free(loaded);
}

static void test_cut_off_or_changed(void)
{
	size_t size;

	make_rich();
	size = save();
	for (size_t i = 0; i < size; i++) {
		uint8_t *copy = malloc(i + 1);

		REQUIRE(copy);
		memcpy(copy, image, i);
		CHECK_NOTE("%zu of %zu bytes", i, size);
		CHECK(!vmbus_server_load(copy, i, VPS));
		free(copy);
	}
	CHECK(!vmbus_server_load(image, size + 1, VPS));
	for (size_t i = 0; i < size; i++) {
		CHECK_NOTE("byte %zu of %zu", i, size);
		for (unsigned int bit = (unsigned int)i % 4; bit < 8; bit += 4) {
			image[i] ^= (uint8_t)(1u << bit);
			CHECK(!vmbus_server_load(image, size, VPS));
			image[i] ^= (uint8_t)(1u << bit);
		}
	}
}

/* The sum, as anybody can make it. */
static void seal(size_t size)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 16; i < size; i++)
		sum = (sum ^ image[i]) * 0x100000001b3u;
	memcpy(&image[8], &sum, 8);
}

/*
 * One that is sealed but wrong is refused, or is a state that can be: then it bears
 * whatever comes.
 */
static void test_changed_and_sealed(void)
{
	unsigned int taken = 0, refused = 0;
	struct vmbus_server *sane;
	size_t size;

	check_seed(0x73617665);
	make_rich();
	sane = server;
	size = save();
	for (unsigned int i = 0; i < 12000; i++) {
		/* Words of the header and the channels more often than page numbers. */
		size_t at = check_below(2) ? check_below(size / 4) * 4 : check_below(150) * 4;
		uint32_t word, was;

		memcpy(&was, &image[at], 4);
		word = check_below(2) ? (uint32_t)check_below(20) : was ^ 1u << check_below(32);
		memcpy(&image[at], &word, 4);
		seal(size);
		server = vmbus_server_load(image, size, VPS);
		memcpy(&image[at], &was, 4);
		if (!server) {
			refused++;
			continue;
		}
		taken++;
		CHECK_NOTE("word at %zu: 0x%x", at, word);
		CHECK(vmbus_server_valid(server));
		vmbus_server_resume(server, &out);
		CHECK(vmbus_server_valid(server));
		guest_close(1);
		guest_open(3, 9, 17, 0, 4);
		host_closed(0, 1);
		host_closed(0, 0);
		host_rescind(60);
		guest_contact(VMBUS_VERSION(5, 3), 0);
		guest_request_offers();
		vmbus_server_free(server);
	}
	server = sane;
	CHECK(taken > 500);
	CHECK(refused > 1000);
}

/* Sealed, of the size that it says, but with something behind its end; or too many parts. */
static void test_more_than_all(void)
{
	uint64_t size, longer;
	uint32_t gpadls;

	make_rich();
	size = save();
	longer = size + 8;
	memset(&image[size], 0, 8);
	memcpy(&image[16], &longer, 8);
	seal(longer);
	CHECK(!vmbus_server_load(image, longer, VPS));
	memcpy(&image[16], &size, 8);
	seal(size);
	memcpy(&gpadls, &image[64], 4);
	CHECK_EQ(gpadls, server->gpadls.count);
	gpadls++;
	memcpy(&image[64], &gpadls, 4);
	seal(size);
	CHECK(!vmbus_server_load(image, size, VPS));
	gpadls--;
	memcpy(&image[64], &gpadls, 4);
	seal(size);
	vmbus_server_free(server);
	server = vmbus_server_load(image, size, VPS);
	REQUIRE(server);
}

static void resume(void)
{
	size_t size = save();
	struct vmbus_server *loaded = vmbus_server_load(image, size, VPS);

	REQUIRE(loaded);
	vmbus_server_free(server);
	server = loaded;
	vmbus_server_resume(server, &out);
	CHECK(vmbus_server_valid(server));
}

static void test_resume(void)
{
	struct vmbus_device device = device_of(6);
	uint32_t number = 0;

	make_rich();
	resume();
	/*
	 * Channel 1 as it was open, with what it was to give back; channel 2, which was never
	 * answered; sub-channel 9 with its other VP; then channel 3, whose closing is over:
	 * rings back, and opened; channel 6 is closed, for the guest to release.
	 */
	CHECK_OUT("BORBOBOMtBO");
	CHECK_EQ(out.list[1].device, 0);
	CHECK(out.list[1].open.resumed);
	CHECK_EQ(out.list[1].open.gpadl, 10);
	CHECK_EQ(out.list[1].open.flag, 1);
	CHECK_EQ(out.list[0].bind.connection, 0x2001);
	CHECK_EQ(out.list[1].open.ring.pfns[7], pfn_of(10, 7));
	CHECK_EQ(out.list[1].open.user[0], 10);
	CHECK_EQ(out.list[2].gpadl, 13);
	CHECK_EQ(out.list[4].device, 1);
	CHECK(!out.list[4].open.resumed);
	CHECK_EQ(out.list[6].sub, 1);
	CHECK(out.list[6].open.resumed);
	CHECK_EQ(out.list[7].vp, 3);
	CHECK_EQ(word_at(&out.list[8], 8), 16);
	CHECK_EQ(out.list[10].device, 2);
	CHECK_EQ(out.list[10].open.gpadl, 17);
	CHECK(!out.list[10].open.resumed);

	CHECK(host_opened(1, 0, true));
	CHECK_EQ(word_at(&out.list[0], 12), 70);
	CHECK(host_opened(2, 0, true));
	CHECK_EQ(word_at(&out.list[0], 12), 71);
	CHECK(host_modified(0, 1, true));
	CHECK_OUT("M"); /* the one that came meanwhile */
	CHECK_EQ(out.list[0].vp, 2);
	CHECK(host_let_go(0, 0, 13));
	CHECK_OUT("t");
	CHECK(guest_gpadl_body(14, HEADER_PFNS, 14));
	CHECK_OUT("g");
	CHECK(guest_release(6));
	CHECK_OUT("G");
	CHECK(vmbus_server_find(server, &device.class, &device.instance, &number));
	CHECK_EQ(number, 60);
	CHECK(guest_release(7));
	CHECK_OUT("Go");
	CHECK_EQ(word_at(&out.list[1], 184), 12); /* after the last one, as before */
	CHECK(guest_release(4));
	CHECK_OUT("G");
	/* A device that the new host does not have. */
	CHECK(host_rescind(0));
	CHECK_OUT("UCrrrUCr");
}

/* A guest that waits for all to be closed waits no longer. */
static void test_resume_while_leaving(void)
{
	connect_with(VMBUS_VERSION(5, 3), 2);
	open_channel(1, 10, 0, 0);
	open_channel(2, 11, 1, 0);
	CHECK(guest_unload());
	resume();
	CHECK_OUT("du");
	CHECK_EQ(server->gpadls.count, 0);
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(guest_request_offers());
	CHECK_OUT("ooa");
	open_channel(1, 10, 0, 0);
	CHECK(guest_contact(VMBUS_VERSION(5, 1), 3));
	resume();
	CHECK_OUT("dcv");
	CHECK_EQ(out.list[1].version, VMBUS_VERSION(5, 1));
	CHECK_EQ(out.list[2].post.vp, 3);
}

int main(void)
{
	CHECK_RUN(test_whole);
	CHECK_RUN(test_cut_off_or_changed);
	CHECK_RUN(test_changed_and_sealed);
	CHECK_RUN(test_more_than_all);
	CHECK_RUN(test_resume);
	CHECK_RUN(test_resume_while_leaving);
	vmbus_server_free(server);
	return check_done();
}
