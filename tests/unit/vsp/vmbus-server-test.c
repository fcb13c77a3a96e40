/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/vmbus: connections, offers, opening and closing, as stock guests do it and as none
 * does.
 */
#include "vmbus-guest.h"

static const uint32_t spoken[] = {
	VMBUS_VERSION(4, 0), VMBUS_VERSION(4, 1), VMBUS_VERSION(5, 0),
	VMBUS_VERSION(5, 1), VMBUS_VERSION(5, 2), VMBUS_VERSION(5, 3),
};

static void test_version(void)
{
	static const uint32_t refused[] = { 0,		 13,	      1 << 16 | 1, 2 << 16 | 4,
					    3 << 16,	 4 << 16 | 2, 5 << 16 | 4, 6 << 16,
					    0xffffffffu, 0x30005 };

	for (size_t i = 0; i < 10; i++) {
		CHECK_NOTE("version 0x%x", refused[i]);
		new_server();
		CHECK(guest_contact(refused[i], 3));
		CHECK_OUT("lv");
		CHECK_EQ(out.list[1].post.vp, 3);
		CHECK_EQ(out.list[1].post.size, 16);
		CHECK_EQ(word_at(&out.list[1], 8), 0);
		CHECK_EQ(vmbus_server_version(server), 0);
		CHECK(!guest_request_offers());
		CHECK_OUT("l");
	}
	for (size_t i = 0; i < 6; i++) {
		CHECK_NOTE("version 0x%x", spoken[i]);
		new_server();
		CHECK(guest_contact(spoken[i], 2));
		CHECK_OUT("cv");
		CHECK_EQ(out.list[0].version, spoken[i]);
		CHECK_EQ(out.list[1].post.vp, 2);
		/* supported, connected; then the connection to post to, or the version. */
		CHECK_EQ(word_at(&out.list[1], 8), 1);
		CHECK_EQ(word_at(&out.list[1], 12), i < 2 ? spoken[i] : 4);
		CHECK_EQ(vmbus_server_version(server), spoken[i]);
	}
}

/* Messages to another SINT or trust level than the one that there is. */
static void test_contact_target(void)
{
	struct vmbus_msg_contact contact = { .header = { .type = 14 },
					     .version = VMBUS_VERSION(5, 3),
					     .sint = 2 };

	new_server();
	contact.vp = VPS;
	CHECK(!guest_send(&contact, sizeof(contact)));
	CHECK_OUT("l");
	contact.vp = VPS - 1;
	contact.sint = 3;
	CHECK(guest_send(&contact, sizeof(contact)));
	CHECK_OUT("lv");
	contact.sint = 2;
	contact.vtl = 2;
	CHECK(guest_send(&contact, sizeof(contact)));
	CHECK_OUT("lv");
	contact.vtl = 0;
	CHECK(guest_send(&contact, sizeof(contact)));
	CHECK_OUT("cv");
	/* Below 5.0 these bytes are a page's address. */
	new_server();
	contact.version = VMBUS_VERSION(4, 1);
	contact.sint = 9;
	CHECK(guest_send(&contact, sizeof(contact)));
	CHECK_OUT("cv");
}

/* Every field where Linux reads it. */
static void test_offer_on_the_wire(void)
{
	struct vmbus_device device = device_of(7);
	const struct vmbus_action *offer = &out.list[0];
	uint16_t word;

	new_server();
	device.flags = VMBUS_OFFER_ENUMERATE | VMBUS_OFFER_PIPE;
	device.mmio_megabytes = 0x1234;
	CHECK(step(&(struct vmbus_event){ .type = VMBUS_EVENT_OFFER, .offer = &device }));
	CHECK_EQ(out.count, 0);
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 1));
	CHECK(guest_request_offers());
	CHECK_OUT("oa");
	CHECK_EQ(offer->post.vp, 1);
	CHECK_EQ(offer->post.size, 196);
	CHECK_EQ(word_at(offer, 0), 1);
	CHECK_EQ(word_at(offer, 4), 0);
	CHECK_MEM(&offer->post.bytes[8], device.class.bytes, 16);
	CHECK_MEM(&offer->post.bytes[24], device.instance.bytes, 16);
	CHECK_EQ(word_at(offer, 56), 0x12340011);
	CHECK_MEM(&offer->post.bytes[60], device.user, 120);
	CHECK_EQ(word_at(offer, 180), 0); /* first channel */
	CHECK_EQ(word_at(offer, 184), 1); /* relid */
	memcpy(&word, &offer->post.bytes[188], 2);
	CHECK_EQ(word, 0); /* no monitor page */
	memcpy(&word, &offer->post.bytes[190], 2);
	CHECK_EQ(word, 1); /* dedicated interrupt */
	CHECK_EQ(word_at(offer, 192), 0x2001);
	CHECK_EQ(out.list[1].post.size, 8);
}

/* What Linux does from boot to shutdown, with a network card that has three channels. */
static void test_linux_life(void)
{
	const struct vmbus_open *open;
	struct vmbus_pages pages;

	new_server();
	CHECK(host_offer(9));
	CHECK(host_offer(3));
	CHECK(guest_contact(VMBUS_VERSION(6, 0), 0));
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(guest_request_offers());
	CHECK_OUT("ooa");
	CHECK_EQ(word_at(&out.list[0], 184), 1);
	CHECK_EQ(out.list[0].post.bytes[24], 3 + 1); /* by number */
	CHECK_EQ(word_at(&out.list[1], 184), 2);
	CHECK_EQ(out.list[1].post.bytes[24], 9 + 1);

	/* vmbus_open: rings of 128 pages each. */
	CHECK(guest_gpadl(2, 0xe1e10, 0, 256 * 4096));
	CHECK_OUT("g");
	CHECK_EQ(word_at(&out.list[0], 8), 2);
	CHECK_EQ(word_at(&out.list[0], 12), 0xe1e10);
	CHECK_EQ(word_at(&out.list[0], 16), 0);
	CHECK(guest_open(2, 0xe1e10, 0xe1e10, 3, 128));
	CHECK_OUT("BO");
	CHECK_EQ(out.list[0].bind.connection, 0x2002);
	CHECK_EQ(out.list[1].device, 9);
	CHECK_EQ(out.list[1].sub, 0);
	open = &out.list[1].open;
	CHECK_EQ(open->ring.count, 256);
	CHECK_EQ(open->ring.length, 256 * 4096);
	for (uint32_t i = 0; i < 256; i++)
		CHECK_EQ(open->ring.pfns[i], pfn_of(0xe1e10, i));
	CHECK_EQ(open->downstream, 128);
	CHECK_EQ(open->vp, 3);
	CHECK_EQ(open->flag, 2);
	CHECK_EQ(open->connection, 0x2002);
	CHECK(!open->resumed);
	CHECK_EQ(open->user[0], 0x10);
	CHECK_EQ(open->user[119], 0x10);
	CHECK(host_opened(9, 0, true));
	CHECK_OUT("P");
	CHECK_EQ(word_at(&out.list[0], 8), 2);
	CHECK_EQ(word_at(&out.list[0], 12), 0xe1e10);
	CHECK_EQ(word_at(&out.list[0], 16), 0);

	/* netvsc: a receive buffer, sub-channels, one of them moved to another VP. */
	CHECK(guest_gpadl(2, 0xe1e11, 0, 4096 * 4096));
	CHECK_OUT("g");
	CHECK(vmbus_server_gpadl(server, 9, 0, 0xe1e11, &pages));
	CHECK_EQ(pages.count, 4096);
	CHECK_EQ(pages.pfns[4095], pfn_of(0xe1e11, 4095));
	CHECK(!vmbus_server_gpadl(server, 3, 0, 0xe1e11, &pages));
	CHECK(host_subs(9, 2));
	CHECK_OUT("oo");
	CHECK_EQ(word_at(&out.list[0], 180), 1);
	CHECK_EQ(word_at(&out.list[1], 180), 2);
	CHECK_EQ(word_at(&out.list[0], 184), 3);
	CHECK_EQ(word_at(&out.list[0], 192), 0x2003);
	open_channel(3, 0xe1e12, 9, 1);
	open_channel(4, 0xe1e13, 9, 2);
	CHECK(guest_modify(4, 2));
	CHECK_OUT("M");
	CHECK_EQ(out.list[0].vp, 2);
	CHECK(host_modified(9, 2, true));
	CHECK_OUT("m");
	CHECK_EQ(word_at(&out.list[0], 8), 4);
	CHECK_EQ(word_at(&out.list[0], 12), 0);

	/* The interface goes down: sub-channels first, each with its rings. */
	CHECK(guest_close(4));
	CHECK_OUT("UC");
	CHECK_EQ(out.list[0].bind.connection, 0x2004);
	CHECK(guest_teardown(4, 0xe1e13));
	CHECK_OUT("");
	CHECK(host_closed(9, 2));
	CHECK_OUT("t");
	CHECK_EQ(word_at(&out.list[0], 8), 0xe1e13);
	CHECK(guest_close(3));
	CHECK(host_closed(9, 1));
	CHECK_OUT("");
	CHECK(guest_teardown(3, 0xe1e12));
	CHECK_OUT("t");
	CHECK(guest_close(2));
	CHECK_OUT("rrUC");
	CHECK(guest_release(3));
	CHECK(guest_release(4));
	CHECK_OUT("");
	CHECK(guest_teardown(2, 0xe1e11));
	CHECK_OUT("");
	CHECK(host_closed(9, 0));
	CHECK_OUT("t");
	CHECK(guest_teardown(2, 0xe1e10));
	CHECK_OUT("t");

	/* And up again: new sub-channels have new relids. */
	open_channel(2, 0xe1e20, 9, 0);
	CHECK(host_subs(9, 1));
	CHECK_OUT("o");
	CHECK_EQ(word_at(&out.list[0], 184), 5);
	open_channel(5, 0xe1e21, 9, 1);

	CHECK(guest_unload());
	CHECK_OUT("UCUC");
	CHECK_EQ(out.list[1].sub, 1);
	CHECK_EQ(out.list[3].sub, 0);
	CHECK(host_closed(9, 0));
	CHECK_OUT("");
	CHECK(host_closed(9, 1));
	CHECK_OUT("du");
	CHECK_EQ(out.list[0].reason, VMBUS_DISCONNECT_UNLOAD);
	CHECK_EQ(server->gpadls.count, 0);
}

/* A provider that holds a GPADL is asked for it, and the guest is told after that. */
static void test_gpadl_of_open_channel(void)
{
	struct vmbus_pages pages;

	connect_with(VMBUS_VERSION(5, 3), 1);
	open_channel(1, 10, 0, 0);
	CHECK(guest_gpadl(1, 11, 100, 5000));
	CHECK(vmbus_server_gpadl(server, 0, 0, 11, &pages));
	CHECK_EQ(pages.offset, 100);
	CHECK_EQ(pages.length, 5000);
	CHECK_EQ(pages.count, 2);
	CHECK(guest_teardown(1, 11));
	CHECK_OUT("R");
	CHECK_EQ(out.list[0].gpadl, 11);
	CHECK(!vmbus_server_gpadl(server, 0, 0, 11, &pages));
	CHECK(!guest_teardown(1, 11));
	/* Its id is not free before. */
	CHECK(guest_gpadl(1, 11, 0, 4096));
	CHECK_OUT("lg");
	CHECK(word_at(&out.list[1], 16) != 0);
	CHECK(!host_let_go(0, 0, 10));
	CHECK(!host_let_go(0, 1, 11));
	CHECK(host_let_go(0, 0, 11));
	CHECK_OUT("t");
	CHECK(!host_let_go(0, 0, 11));
	CHECK(guest_gpadl(1, 11, 0, 4096));
	CHECK_OUT("g");

	/* The rings' own goes with the channel, whatever the guest wants. */
	CHECK(guest_teardown(1, 10));
	CHECK_OUT("");
	CHECK(!host_let_go(0, 0, 10));
	/* What was asked for and not given back when the channel closes. */
	CHECK(guest_teardown(1, 11));
	CHECK_OUT("R");
	CHECK(guest_close(1));
	CHECK(host_closed(0, 0));
	CHECK_OUT("tt");
	CHECK_EQ(server->gpadls.count, 0);
}

static void test_reopen_while_closing(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	open_channel(1, 10, 0, 0);
	CHECK(guest_close(1));
	CHECK_OUT("UC");
	CHECK(guest_gpadl(1, 11, 0, 8 * 4096));
	CHECK(guest_open(1, 77, 11, 2, 3));
	CHECK_OUT("");
	CHECK(!guest_open(1, 78, 11, 2, 3));
	CHECK(!guest_close(1));
	CHECK(!guest_release(1));
	CHECK(host_closed(0, 0));
	CHECK_OUT("BO");
	CHECK_EQ(out.list[1].open.gpadl, 11);
	CHECK_EQ(out.list[1].open.vp, 2);
	CHECK_EQ(out.list[1].open.downstream, 3);
	CHECK(host_opened(0, 0, true));
	CHECK_EQ(word_at(&out.list[0], 12), 77);

	/* The provider says no; then the guest tries again with the same rings. */
	CHECK(guest_close(1));
	CHECK(guest_open(1, 79, 11, 2, 3));
	CHECK(host_closed(0, 0));
	CHECK_OUT("BO");
	CHECK(host_opened(0, 0, false));
	CHECK_OUT("PU");
	CHECK_EQ(word_at(&out.list[0], 12), 79);
	CHECK(word_at(&out.list[0], 16) != 0);
	CHECK(!host_opened(0, 0, true));
	CHECK(guest_open(1, 80, 11, 2, 3));
	CHECK_OUT("BO");
	/* Rings torn down meanwhile stay until a no. */
	CHECK(guest_teardown(1, 11));
	CHECK_OUT("");
	CHECK(host_opened(0, 0, false));
	CHECK_OUT("PUt");

	/* Rings torn down before the open that waits for them. */
	open_channel(1, 20, 0, 0);
	CHECK(guest_close(1));
	CHECK(guest_gpadl(1, 21, 0, 8 * 4096));
	CHECK(guest_open(1, 81, 21, 0, 4));
	CHECK(guest_teardown(1, 21));
	CHECK_OUT("P");
	CHECK_EQ(word_at(&out.list[0], 12), 81);
	CHECK(word_at(&out.list[0], 16) != 0);
	CHECK(host_closed(0, 0));
	CHECK_OUT("t");
}

/* Not even a guest that closes the first channel first has two of a name with the host. */
static void test_reopen_waits_for_subs(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	open_channel(1, 10, 0, 0);
	CHECK(host_subs(0, 2));
	open_channel(2, 12, 0, 1);
	CHECK(guest_close(1));
	CHECK_OUT("UCrrUC");
	CHECK_EQ(out.list[1].sub, 1);
	CHECK_EQ(out.list[5].sub, 0);
	CHECK(!host_subs(0, 3));
	CHECK(guest_open(1, 5, 10, 0, 4));
	CHECK_OUT("");
	CHECK(host_closed(0, 0));
	CHECK_OUT("");
	CHECK(guest_open(3, 6, 10, 0, 4));
	CHECK_OUT("P"); /* was taken away */
	CHECK(host_closed(0, 1));
	CHECK_OUT("BO");
	CHECK(host_opened(0, 0, true));
	/* The old ones are still the guest's. */
	CHECK(host_subs(0, 1));
	CHECK_OUT("o");
	CHECK_EQ(word_at(&out.list[0], 184), 4);
	CHECK(guest_release(2));
	CHECK(guest_release(3));
	open_channel(4, 13, 0, 1);
}

static void test_subs_refused(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	CHECK(!host_subs(0, 1)); /* not open */
	open_channel(1, 10, 0, 0);
	CHECK(!host_subs(0, 0));
	CHECK(!host_subs(1, 1));
	CHECK(host_subs(0, 2));
	CHECK(!host_subs(0, 2));
	CHECK(!host_subs(0, 1));
	CHECK(host_subs(0, 3));
	CHECK_OUT("o");
	CHECK(!host_subs(0, VMBUS_CHANNELS_MAX));
	CHECK(!host_subs(0, UINT32_MAX));
	CHECK_OUT("");
	CHECK(host_subs(0, VMBUS_CHANNELS_MAX - 1));
	CHECK_EQ(vmbus_server_room(server), 0);
	CHECK(!host_offer(1));
}

/* Numbers of sub-channels are not used again while the device is open, and have 16 bits. */
static void test_subs_run_out(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	open_channel(1, 10, 0, 0);
	for (uint32_t sub = 1; sub <= UINT16_MAX; sub++) {
		CHECK(host_subs(0, sub));
		CHECK_OUT("o");
		CHECK_EQ(word_at(&out.list[0], 180), sub);
		CHECK(guest_release(word_at(&out.list[0], 184)));
	}
	CHECK(!host_subs(0, UINT16_MAX + 1));
	CHECK(guest_close(1));
	CHECK(host_closed(0, 0));
	open_channel(1, 11, 0, 0);
	CHECK(host_subs(0, 1));
}

static void test_modify(void)
{
	for (size_t i = 0; i < 6; i++) {
		bool answered = spoken[i] >= VMBUS_VERSION(5, 3);

		CHECK_NOTE("version 0x%x", spoken[i]);
		connect_with(spoken[i], 1);
		if (spoken[i] < VMBUS_VERSION(4, 1)) {
			open_channel(1, 10, 0, 0);
			CHECK(!guest_modify(1, 1));
			CHECK_OUT("l");
			continue;
		}
		CHECK(guest_modify(1, 1)); /* not open */
		CHECK_OUT(answered ? "lm" : "l");
		open_channel(1, 10, 0, 0);
		CHECK(guest_modify(1, VPS));
		CHECK_OUT(answered ? "lm" : "l");
		CHECK(guest_modify(5, 1));
		CHECK_OUT(answered ? "lm" : "l");
		CHECK(guest_modify(1, 3));
		CHECK_OUT("M");
		/* Again, before the answer. */
		CHECK(guest_modify(1, 2) == !answered);
		CHECK_OUT(answered ? "l" : "");
		CHECK(host_modified(0, 0, false));
		CHECK_OUT(answered ? "m" : "M");
		if (answered)
			CHECK(word_at(&out.list[0], 12) != 0);
		else
			CHECK_EQ(out.list[0].vp, 2);
		CHECK(host_modified(0, 0, true) == !answered);
		CHECK_EQ(server->channels[0].open.vp, answered ? 0 : 2);
		CHECK(!host_modified(0, 0, true));
		/* A close ends it. */
		CHECK(guest_modify(1, 1));
		CHECK(guest_close(1));
		CHECK(!host_modified(0, 0, true));
		CHECK(host_closed(0, 0));
	}
}

static void test_rescind(void)
{
	/* Unknown to the guest. */
	new_server();
	CHECK(!host_rescind(0));
	CHECK(host_offer(0));
	CHECK(host_rescind(0));
	CHECK_OUT("G");
	CHECK(!host_rescind(0));
	CHECK(host_offer(0));
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(host_rescind(0));
	CHECK_OUT("G");
	CHECK(guest_request_offers());
	CHECK_OUT("a");
	/* While connected: offered at once. */
	CHECK(host_offer(1));
	CHECK_OUT("o");
	CHECK(host_rescind(1));
	CHECK_OUT("r");
	CHECK_EQ(word_at(&out.list[0], 8), 1);
	CHECK(!host_rescind(1));
	CHECK(!host_offer(1)); /* the number is not free */
	CHECK(guest_release(1));
	CHECK_OUT("G");
	CHECK(!guest_release(1));
	CHECK(host_offer(1));
	CHECK_OUT("o");
	CHECK_EQ(word_at(&out.list[0], 184), 2); /* not the same relid at once */

	/* Opening: the answer of the host comes too late. */
	CHECK(guest_gpadl(2, 10, 0, 8 * 4096));
	CHECK(guest_open(2, 5, 10, 0, 4));
	CHECK(host_rescind(1));
	CHECK_OUT("PUCr");
	CHECK(word_at(&out.list[0], 16) != 0);
	CHECK(!host_opened(1, 0, true));
	CHECK(guest_release(2));
	CHECK_OUT("");
	CHECK(host_closed(1, 0));
	CHECK_OUT("G");
	CHECK_EQ(server->gpadls.count, 0);
	CHECK(!host_closed(1, 0));

	/* Open; the guest closes what is closed already, and makes GPADLs for nothing. */
	CHECK(host_offer(2));
	open_channel(3, 10, 2, 0);
	CHECK(guest_gpadl_header(3, 12, 0, 30 * 4096, HEADER_PFNS));
	CHECK(host_rescind(2));
	CHECK_OUT("UCr");
	CHECK(guest_close(3));
	CHECK_OUT("");
	CHECK(guest_modify(3, 0));
	CHECK_OUT("m");
	CHECK(guest_open(3, 6, 10, 0, 4));
	CHECK_OUT("P");
	CHECK(guest_gpadl(3, 11, 0, 4096));
	CHECK_OUT("g");
	CHECK(guest_teardown(3, 10));
	CHECK_OUT("");
	CHECK(host_closed(2, 0));
	CHECK_OUT("t");
	CHECK(guest_teardown(3, 11));
	CHECK_OUT("t");
	CHECK(guest_release(3));
	CHECK_OUT("G");
	CHECK_EQ(server->gpadls.count, 0);

	/* Closing, with an open that waits. */
	CHECK(host_offer(3));
	open_channel(4, 10, 3, 0);
	CHECK(guest_close(4));
	CHECK(guest_open(4, 9, 10, 0, 4));
	CHECK(host_rescind(3));
	CHECK_OUT("Pr");
	CHECK_EQ(word_at(&out.list[0], 12), 9);
	CHECK(host_closed(3, 0));
	CHECK_OUT("");
	CHECK(guest_release(4));
	CHECK_OUT("G");
}

static void test_rescind_with_subs(void)
{
	connect_with(VMBUS_VERSION(5, 3), 1);
	open_channel(1, 10, 0, 0);
	CHECK(host_subs(0, 2));
	open_channel(2, 11, 0, 1);
	CHECK(host_rescind(0));
	CHECK_OUT("UCrrUCr");
	CHECK_EQ(word_at(&out.list[2], 8), 2);
	CHECK_EQ(word_at(&out.list[3], 8), 3);
	CHECK_EQ(word_at(&out.list[6], 8), 1);
	CHECK(host_closed(0, 1));
	CHECK(host_closed(0, 0));
	CHECK(guest_release(1));
	CHECK_OUT("");
	CHECK(guest_release(3));
	CHECK_OUT("");
	CHECK(guest_release(2));
	CHECK_OUT("G");
	CHECK_EQ(server->counters.channels, 0);
}

/* Linux knows a device by its instance: the next of the name waits for the last to go. */
static void test_instance_again(void)
{
	struct vmbus_device device = device_of(0);
	uint32_t number = 99;

	connect_with(VMBUS_VERSION(5, 3), 1);
	CHECK(!host_offer_as(5, 0)); /* the same instance twice */
	CHECK(vmbus_server_find(server, &device.class, &device.instance, &number));
	CHECK_EQ(number, 0);
	CHECK(host_rescind(0));
	CHECK(!vmbus_server_find(server, &device.class, &device.instance, &number));
	CHECK(host_offer_as(5, 0));
	CHECK_OUT("");
	CHECK(vmbus_server_find(server, &device.class, &device.instance, &number));
	CHECK_EQ(number, 5);
	CHECK(guest_release(1));
	CHECK_OUT("Go");
	CHECK_EQ(word_at(&out.list[1], 184), 2);
	/* A new connection has no old one. */
	CHECK(host_rescind(5));
	CHECK(host_offer_as(6, 0));
	CHECK_OUT("");
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK_OUT("Gdcv");
	CHECK(guest_request_offers());
	CHECK_OUT("oa");
	CHECK_EQ(word_at(&out.list[0], 184), 1);
}

static void test_release(void)
{
	/* The guest does not want it (no memory): not offered again in this connection. */
	connect_with(VMBUS_VERSION(5, 3), 2);
	CHECK(guest_gpadl(1, 10, 0, 4096));
	CHECK(guest_gpadl_header(1, 11, 0, 30 * 4096, HEADER_PFNS));
	CHECK(guest_release(1));
	CHECK_OUT("");
	CHECK_EQ(server->gpadls.count, 0);
	CHECK(!guest_release(1));
	CHECK(!guest_open(1, 1, 10, 0, 4));
	CHECK(host_rescind(0));
	CHECK_OUT("G");
	/* Open: no. */
	open_channel(2, 10, 1, 0);
	CHECK(!guest_release(2));
	/* A sub-channel is gone with it. */
	CHECK(host_subs(1, 1));
	CHECK(guest_release(3));
	CHECK_OUT("");
	CHECK_EQ(server->counters.channels, 1);
	/* While the host is closing: its GPADLs last until then, without a word. */
	CHECK(guest_close(2));
	CHECK(guest_release(2));
	CHECK_EQ(server->gpadls.count, 1);
	CHECK(host_closed(1, 0));
	CHECK_OUT("");
	CHECK_EQ(server->gpadls.count, 0);
	/* The next kernel gets it. */
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK_OUT("dcv");
	CHECK(guest_request_offers());
	CHECK_OUT("oa");
	CHECK(!guest_request_offers());
}

/* Another kernel in the same partition, without a word of farewell. */
static void test_kexec(void)
{
	connect_with(VMBUS_VERSION(5, 3), 2);
	open_channel(1, 10, 0, 0);
	CHECK(guest_gpadl(1, 11, 0, 4096));
	CHECK(guest_gpadl(2, 12, 0, 8 * 4096));
	CHECK(guest_open(2, 1, 12, 0, 4)); /* not answered yet */
	CHECK(guest_gpadl_header(2, 13, 0, 30 * 4096, HEADER_PFNS));
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 3));
	CHECK_OUT("UCUC");
	/* Nothing else is heard until all is closed. */
	CHECK(!guest_request_offers());
	CHECK(!guest_gpadl_body(13, 26, 4));
	CHECK(!guest_release(1));
	CHECK(!host_opened(1, 0, true));
	CHECK(host_closed(0, 0));
	CHECK_OUT("");
	CHECK(host_closed(1, 0));
	CHECK_OUT("dcv");
	CHECK_EQ(out.list[0].reason, VMBUS_DISCONNECT_CONTACT);
	CHECK_EQ(out.list[2].post.vp, 3);
	CHECK_EQ(server->gpadls.count, 0);
	CHECK(guest_request_offers());
	CHECK_OUT("ooa");
	CHECK_EQ(word_at(&out.list[0], 184), 1);
	CHECK_EQ(out.list[0].post.bytes[24], 1);
	open_channel(1, 10, 0, 0);

	/* It asks for versions from the top, and crashes while it waits for the last. */
	CHECK(guest_contact(VMBUS_VERSION(6, 0), 2));
	CHECK_OUT("lUC");
	CHECK(guest_contact(VMBUS_VERSION(5, 2), 1));
	CHECK_OUT("");
	CHECK(guest_unload());
	CHECK_OUT("");
	CHECK(host_closed(0, 0));
	CHECK_OUT("du");
	CHECK_EQ(out.list[1].post.vp, 1);
	CHECK(!guest_unload());
	CHECK_OUT("l");

	/* A version that is not spoken ends the old connection as well. */
	CHECK(guest_contact(VMBUS_VERSION(5, 2), 0));
	CHECK_OUT("cv");
	CHECK(guest_contact(VMBUS_VERSION(3, 0), 0));
	CHECK_OUT("ldv");
	CHECK_EQ(vmbus_server_version(server), 0);
}

static void test_unload_and_reset(void)
{
	/* A kdump kernel comes while the crashed one waits. */
	connect_with(VMBUS_VERSION(4, 0), 1);
	open_channel(1, 10, 0, 0);
	CHECK(guest_unload());
	CHECK_OUT("UC");
	CHECK(guest_unload());
	CHECK_OUT("");
	CHECK(guest_contact(VMBUS_VERSION(4, 1), 2));
	CHECK_OUT("");
	CHECK(host_closed(0, 0));
	CHECK_OUT("dcv");
	CHECK_EQ(out.list[1].version, VMBUS_VERSION(4, 1));

	CHECK(guest_request_offers());
	open_channel(1, 10, 0, 0);
	CHECK(guest_close(1));
	CHECK(host_reset());
	CHECK_OUT("");
	CHECK(!guest_unload());
	CHECK(host_closed(0, 0));
	CHECK_OUT("d");
	CHECK_EQ(out.list[0].reason, VMBUS_DISCONNECT_RESET);
	CHECK(host_reset());
	CHECK_OUT("d");
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(host_reset());
	CHECK_OUT("d");
	/* A device that goes while all is closing. */
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(guest_request_offers());
	open_channel(1, 10, 0, 0);
	CHECK(host_subs(0, 1));
	CHECK(guest_unload());
	CHECK_OUT("UC");
	CHECK(host_rescind(0));
	CHECK_OUT("");
	CHECK(host_closed(0, 0));
	CHECK_OUT("Gdu");
	CHECK_EQ(server->counters.channels, 0);
}

/* Relids go around, and none is taken that the guest still has. */
static void test_relids_go_around(void)
{
	uint32_t relid = 0;

	connect_with(VMBUS_VERSION(5, 3), 3);
	for (uint32_t i = 0; i < 3 * VMBUS_RELIDS; i++) {
		CHECK_NOTE("round %u", i);
		CHECK(host_offer(5));
		CHECK_OUT("o");
		relid = relid == 0 || relid == VMBUS_RELIDS - 1 ? 4 : relid + 1;
		CHECK_EQ(word_at(&out.list[0], 184), relid);
		CHECK_EQ(word_at(&out.list[0], 192), 0x2000 + relid);
		CHECK(host_rescind(5));
		CHECK(guest_release(relid));
		CHECK_OUT("G");
	}
}

static void test_channels_cap(void)
{
	new_server();
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		CHECK(host_offer(VMBUS_CHANNELS_MAX - i));
	CHECK(!host_offer(0));
	CHECK_EQ(vmbus_server_room(server), 0);
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(guest_request_offers());
	CHECK_EQ(out.count, VMBUS_CHANNELS_MAX + 1);
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		CHECK_EQ(word_at(&out.list[i], 184), i + 1);
		CHECK_EQ(out.list[i].post.bytes[24], (uint8_t)(i + 2));
	}
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		open_channel(i + 1, i + 1, i + 1, 0);
	CHECK(guest_unload());
	CHECK_EQ(out.count, 2 * VMBUS_CHANNELS_MAX);
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		CHECK(host_closed(i + 1, 0));
	CHECK_OUT("du");
	CHECK(host_rescind(1));
	CHECK(host_offer(0));
	CHECK(!host_offer(1));
}

/* Requests to open that no driver makes. */
static void test_open_refused(void)
{
	static const struct {
		const char *name;
		uint32_t gpadl, vp, downstream;
	} rows[] = {
		{ "no GPADL", 99, 0, 4 },
		{ "another channel's", 20, 0, 4 },
		{ "one in the making", 21, 0, 4 },
		{ "an offset", 22, 0, 4 },
		{ "half a page", 23, 0, 4 },
		{ "no VP", 10, VPS, 4 },
		{ "interrupts off", 10, UINT32_MAX, 4 },
		{ "nothing at all up", 10, 0, 0 },
		{ "no data up", 10, 0, 1 },
		{ "no data down", 10, 0, 7 },
		{ "nothing at all down", 10, 0, 8 },
		{ "behind the end", 10, 0, 9 },
		{ "far behind the end", 10, 0, UINT32_MAX },
		{ "a page", 24, 0, 1 },
		{ "too large up", 25, 0, VMBUS_RING_PAGES_MAX + 2 },
		{ "too large down", 25, 0, 2 },
	};

	connect_with(VMBUS_VERSION(5, 3), 2);
	CHECK(guest_gpadl(1, 10, 0, 8 * 4096));
	CHECK(guest_gpadl(2, 20, 0, 8 * 4096));
	CHECK(guest_gpadl_header(1, 21, 0, 30 * 4096, HEADER_PFNS));
	CHECK(guest_gpadl(1, 22, 8, 7 * 4096));
	CHECK(guest_gpadl(1, 23, 0, 8 * 4096 - 8));
	CHECK(guest_gpadl(1, 24, 0, 4096));
	CHECK(guest_gpadl(1, 25, 0, (VMBUS_RING_PAGES_MAX + 4) * 4096));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("%s", rows[i].name);
		CHECK(guest_open(1, 7, rows[i].gpadl, rows[i].vp, rows[i].downstream));
		CHECK_OUT("lP");
		CHECK_EQ(word_at(&out.list[1], 8), 1);
		CHECK_EQ(word_at(&out.list[1], 12), 7);
		CHECK(word_at(&out.list[1], 16) != 0);
	}
	CHECK_EQ(server->counters.refused, sizeof(rows) / sizeof(rows[0]));
	/* The smallest, and the largest up. */
	CHECK(guest_open(1, 7, 10, 0, 2));
	CHECK_OUT("BO");
	CHECK(host_opened(0, 0, false));
	CHECK(guest_open(1, 7, 25, VPS - 1, VMBUS_RING_PAGES_MAX + 1));
	CHECK_OUT("BO");
}

/* ---- every message in every state ---- */

enum where {
	NEVER, /* connected */
	FRESH, /* no offers asked for */
	OFFERED, /* relid 1, with GPADL 10, and 12 in the making */
	OPENING,
	OPEN,
	CLOSING,
	RESCINDED, /* while open */
	LEAVING, /* UNLOAD, while open */
	WHERE_COUNT
};

static void go_to(enum where where)
{
	new_server();
	CHECK(host_offer(0));
	if (where > NEVER)
		CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	if (where < OFFERED)
		return;
	CHECK(guest_request_offers());
	CHECK(guest_gpadl(1, 10, 0, 8 * 4096));
	CHECK(guest_gpadl_header(1, 12, 0, 27 * 4096, HEADER_PFNS));
	if (where >= OPENING)
		CHECK(guest_open(1, 3, 10, 0, 4));
	if (where >= OPEN)
		CHECK(host_opened(0, 0, true));
	if (where == CLOSING)
		CHECK(guest_close(1));
	if (where == RESCINDED)
		CHECK(host_rescind(0));
	if (where == LEAVING)
		CHECK(guest_unload());
}

/* Sends one that is right for relid 1. */
static bool send_type(uint32_t type, size_t cut)
{
	uint8_t bytes[VMBUS_MESSAGE_MAX] = { 0 };
	size_t size = 8;

	memcpy(bytes, &type, 4);
	if (type == 3 || type == 16) {
		size = 8;
	} else if (type == 5) {
		struct vmbus_msg_open open = {
			.header.type = 5, .relid = 1, .open = 4, .gpadl = 10, .downstream = 4
		};
		size = sizeof(open);
		memcpy(bytes, &open, size);
	} else if (type == 8) {
		struct vmbus_msg_gpadl_header header = { .header.type = 8,
							 .relid = 1,
							 .gpadl = 11,
							 .ranges_size = 16,
							 .range_count = 1,
							 .length = 4096 };
		size = sizeof(header) + 8;
		memcpy(bytes, &header, sizeof(header));
	} else if (type == 9) {
		struct vmbus_msg_gpadl_body body = { .header.type = 9, .gpadl = 12 };

		size = sizeof(body) + 8;
		memcpy(bytes, &body, sizeof(body));
	} else if (type == 14) {
		struct vmbus_msg_contact contact = { .header.type = 14,
						     .version = VMBUS_VERSION(5, 3),
						     .sint = 2 };
		size = sizeof(contact);
		memcpy(bytes, &contact, size);
	} else {
		uint32_t words[4] = { type, 0, 1, type == 11 ? 10 : 0 };

		size = type == 7 || type == 13 ? 12 : 16;
		memcpy(bytes, words, 16);
	}
	return guest_send(bytes, size - cut);
}

/* The least that a message of the type has. */
static size_t least(uint32_t type)
{
	static const size_t sizes[23] = { [3] = 8,   [5] = 148, [7] = 12,  [8] = 28, [9] = 16,
					  [11] = 16, [13] = 12, [14] = 40, [16] = 8, [22] = 16 };

	return sizes[type];
}

static void test_messages_by_state(void)
{
	/* As CHECK_OUT has it, by state in the order of enum where; "l": dropped. */
	static const struct {
		uint32_t type;
		const char *out[WHERE_COUNT];
	} rows[] = {
		{ 3, { "l", "oa", "l", "l", "l", "l", "l", "l" } },
		{ 5, { "l", "l", "BO", "l", "l", "", "P", "l" } },
		{ 7, { "l", "l", "l", "l", "UC", "l", "", "l" } },
		{ 8, { "l", "lg", "g", "g", "g", "g", "g", "l" } },
		{ 9, { "l", "l", "g", "g", "g", "g", "g", "l" } },
		{ 11, { "l", "l", "t", "", "", "", "", "l" } },
		{ 13, { "l", "l", "", "l", "l", "", "", "l" } },
		{ 14, { "cv", "dcv", "dcv", "UC", "UC", "", "", "" } },
		{ 16, { "l", "du", "du", "UC", "UC", "", "", "" } },
		{ 22, { "l", "lm", "lm", "lm", "M", "lm", "m", "l" } },
	};
	static const uint32_t others[] = {
		0,  1,	2,  4,	6,  10, 12, 15, 17,  18,      19,
		20, 21, 23, 24, 25, 26, 27, 28, 255, 0x10000, UINT32_MAX
	};

	for (enum where where = NEVER; where < WHERE_COUNT; where++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint32_t type = rows[i].type;
			size_t whole = type == 8 || type == 9 ? least(type) + 8 : least(type);
			const char *want = rows[i].out[where];

			CHECK_NOTE("type %u, state %d", type, where);
			for (size_t size = 0; size < least(type); size++) {
				go_to(where);
				CHECK(!send_type(type, whole - size));
				CHECK_OUT("l");
			}
			go_to(where);
			CHECK(send_type(type, 0) == (strcmp(want, "l") != 0));
			CHECK_OUT(want);
			CHECK_EQ(server->counters.dropped, strcmp(want, "l") == 0);
		}
		go_to(where);
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			CHECK_NOTE("type %u, state %d", others[i], where);
			CHECK(!send_type(others[i], 0));
			CHECK_OUT("l");
			CHECK_EQ(server->counters.dropped, i + 1);
		}
	}
}

/* Longer than needed is no fault; longer than a message can be is none. */
static void test_long_messages(void)
{
	uint8_t bytes[VMBUS_MESSAGE_MAX + 1] = { 3 };

	new_server();
	CHECK(guest_contact(VMBUS_VERSION(5, 3), 0));
	CHECK(!guest_send(bytes, sizeof(bytes)));
	CHECK(guest_send(bytes, VMBUS_MESSAGE_MAX));
	CHECK_OUT("a");
}

int main(void)
{
	CHECK_RUN(test_version);
	CHECK_RUN(test_contact_target);
	CHECK_RUN(test_offer_on_the_wire);
	CHECK_RUN(test_linux_life);
	CHECK_RUN(test_gpadl_of_open_channel);
	CHECK_RUN(test_reopen_while_closing);
	CHECK_RUN(test_reopen_waits_for_subs);
	CHECK_RUN(test_subs_refused);
	CHECK_RUN(test_subs_run_out);
	CHECK_RUN(test_modify);
	CHECK_RUN(test_rescind);
	CHECK_RUN(test_rescind_with_subs);
	CHECK_RUN(test_instance_again);
	CHECK_RUN(test_release);
	CHECK_RUN(test_kexec);
	CHECK_RUN(test_unload_and_reset);
	CHECK_RUN(test_relids_go_around);
	CHECK_RUN(test_channels_cap);
	CHECK_RUN(test_open_refused);
	CHECK_RUN(test_messages_by_state);
	CHECK_RUN(test_long_messages);
	vmbus_server_free(server);
	return check_done();
}
