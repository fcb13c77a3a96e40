/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv-net, the program: what hvd may get wrong, and a guest that gets frames from a socket,
 * also from a process that took up the work of one that died. The first argument is the
 * program.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmbus/net.h>

#include "check.h"
#include "process-guest.h"
#include "process.h"

#define INSTANCE "9c1d4a52-0b7e-4c1f-8d6a-3e2f1a0b9c8d"
#define OTHER "9c1d4a52-0b7e-4c1f-8d6a-3e2f1a0b9c8e"
#define MAC "\"mac\":\"52:54:00:12:34:56\""
#define TAP "\"link\":true,\"backend\":\"tap\""
#define USER "\"link\":true,\"backend\":\"user\""
#define ONE "{\"instance\":\"" INSTANCE "\",\"name\":\"a\"," MAC "," TAP ",\"tap_fds\":[2]}"
#define TWO "{\"instance\":\"" OTHER "\",\"name\":\"b\"," MAC "," USER ",\"hostname\":\"guest\"}"
#define INVALID "org.varlink.service.InvalidParameter"

static void test_common(void)
{
	static const char *const methods[] = {
		"Stats",      "{}",
		"RemoveCard", "{\"instance\":\"" INSTANCE "\"}",
		"SetLink",    "{\"instance\":\"" INSTANCE "\",\"up\":true}",
		"AddCard",    "{\"card\":" TWO "}",
		NULL,
	};

	process_check_common(methods);
}

/* ---- Configure ---- */

/* Descriptors that go with each: 0 memory, 1 a socket of hv-vsp, 2 a socket for frames, 3 a
 * stream, 4 a pipe, 5 a plain file. The other end of 2 is returned. */
static int give_all(void)
{
	int pair[2], frames[2], stream[2], ends[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == 0);
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	process_give_away(process_file(GUEST_MEMORY));
	process_give_away(pair[1]);
	process_give_away(frames[1]);
	process_give_away(stream[1]);
	process_give_away(ends[0]);
	process_give_away(process_file(4096));
	close(pair[0]);
	close(stream[0]);
	close(ends[1]);
	return frames[0];
}

#define CARD(rest) "{\"instance\":\"" INSTANCE "\",\"name\":\"a\"," rest "}"

static const struct {
	const char *fds, *cards, *error, *message;
} wrong[] = {
	{ "\"partition_fd\":0,\"socket_fd\":3", ONE, "BadConfiguration", "socket_fd: not" },
	{ "\"partition_fd\":0,\"socket_fd\":9", ONE, "BadConfiguration", "no descriptor 9" },
	{ "\"partition_fd\":4,\"socket_fd\":1", ONE, "BadConfiguration", "partition_fd: not" },
	{ "\"partition_fd\":0", ONE, INVALID, NULL },
	{ NULL, ONE "," ONE, "BadConfiguration", "no descriptor 2" },
	{ NULL, TWO "," TWO, "BadConfiguration", "card b: its instance is taken" },
	{ NULL, CARD("\"mac\":\"52:54:00:12:34\"," USER), "BadConfiguration", "card a: mac" },
	{ NULL, CARD("\"mac\":\"53:54:00:12:34:56\"," USER), "BadConfiguration", "card a: mac" },
	{ NULL, CARD("\"mac\":\"00:00:00:00:00:00\"," USER), "BadConfiguration", "card a: mac" },
	{ NULL, CARD("\"mac\":\"52:54:00:12:34:5g\"," USER), "BadConfiguration", "card a: mac" },
	{ NULL, CARD(MAC ",\"mtu\":575," USER), "BadConfiguration", "card a: mtu" },
	{ NULL, CARD(MAC ",\"mtu\":65522," USER), "BadConfiguration", "card a: mtu" },
	{ NULL, CARD(MAC ",\"queues\":0," USER), "BadConfiguration", "card a: queues" },
	{ NULL, CARD(MAC ",\"queues\":65," USER), "BadConfiguration", "card a: queues" },
	{ NULL, CARD(MAC "," USER ",\"tap_fds\":[2]"), "BadConfiguration", "for a tap" },
	{ NULL, CARD(MAC "," USER ",\"headers\":true"), "BadConfiguration", "for a tap" },
	{ NULL, CARD(MAC "," USER ",\"hostname\":\"a b\""), "BadConfiguration", "hostname" },
	{ NULL,
	  CARD(MAC "," USER ",\"forwards\":[{\"udp\":false,\"host_port\":0,\"guest_port\":22}]"),
	  "BadConfiguration", "port 0" },
	{ NULL,
	  CARD(MAC "," USER ",\"forwards\":[{\"udp\":false,\"host_address\":\"nowhere\","
		   "\"host_port\":2222,\"guest_port\":22}]"),
	  "BadConfiguration", "host_address" },
	{ NULL,
	  CARD(MAC "," USER
		   ",\"forwards\":[{\"udp\":false,\"host_port\":65536,\"guest_port\":22}]"),
	  INVALID, NULL },
	{ NULL, CARD(MAC "," TAP), "BadConfiguration", "tap_fds: not 1 to" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[]"), "BadConfiguration", "tap_fds: not 1 to" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[3]"), "BadConfiguration", "not a queue" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[4]"), "BadConfiguration", "not a queue" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[5]"), "BadConfiguration", "not a queue" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[2,7]"), "BadConfiguration", "no descriptor 7" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[-1]"), "BadConfiguration", "no descriptor" },
	{ NULL, CARD(MAC "," TAP ",\"tap_fds\":[2],\"hostname\":\"a\""), "BadConfiguration",
	  "not for a tap" },
	{ NULL, CARD(MAC ",\"link\":true,\"backend\":\"wire\""), INVALID, NULL },
	{ NULL, CARD(MAC), INVALID, NULL },
	{ NULL, "{\"instance\":\"x\",\"name\":\"a\"," MAC "," USER "}", "BadConfiguration",
	  "instance" },
	{ NULL, "{\"instance\":\"" INSTANCE "\",\"name\":\"\"," MAC "," USER "}",
	  "BadConfiguration", "name" },
};

static void configure(const char *fds, const char *cards)
{
	close(give_all());
	process_call("Configure", "{\"name\":\"n\",%s,\"cards\":[%s]}",
		     fds ? fds : "\"partition_fd\":0,\"socket_fd\":1", cards);
}

static void test_wrong(void)
{
	process_begin();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_NOTE("row %zu", i);
		configure(wrong[i].fds, wrong[i].cards);
		process_failed(wrong[i].error, wrong[i].message);
		/* Nothing was made. */
		process_call("Stats", "{}");
		process_failed("Failed", "no partition");
	}
	CHECK_NOTE("at last");
	configure(NULL, ONE "," TWO);
	CHECK(!process.error);
	configure(NULL, "");
	process_failed("Failed", "already");
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

static uint64_t statistic(const char *instance, const char *field)
{
	sd_json_variant *cards;

	REQUIRE(process_call("Stats", "{}"));
	cards = sd_json_variant_by_key(process.answer, "cards");
	for (size_t i = 0; i < sd_json_variant_elements(cards); i++) {
		sd_json_variant *card = sd_json_variant_by_index(cards, i);

		if (strcmp(process_text(card, "instance"), instance) == 0)
			return process_number(card, field);
	}
	return UINT64_MAX;
}

static void test_cards(void)
{
	process_begin();
	configure(NULL, "");
	CHECK(!process.error);
	CHECK(process_call("AddCard", "{\"card\":" TWO "}"));
	CHECK_EQ(statistic(OTHER, "rx_packets"), 0);
	process_call("AddCard", "{\"card\":" TWO "}");
	process_failed("BadConfiguration", "taken");
	CHECK(process_call("SetLink", "{\"instance\":\"" OTHER "\",\"up\":false}"));
	process_call("SetLink", "{\"instance\":\"" INSTANCE "\",\"up\":false}");
	process_failed("BadConfiguration", "no such card");
	process_call("RemoveCard", "{\"instance\":\"here\"}");
	process_failed("BadConfiguration", "not a GUID");
	CHECK(process_call("RemoveCard", "{\"instance\":\"" OTHER "\"}"));
	CHECK_EQ(statistic(OTHER, "rx_packets"), UINT64_MAX);
	process_call("RemoveCard", "{\"instance\":\"" OTHER "\"}");
	process_failed("BadConfiguration", "no such card");
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

/* ---- a guest ---- */

#define PAGE 4096u
#define RECEIVE_PAGES 128u
#define RECEIVE_GPADL 0xe1e10u
#define RECEIVE_PAGE (GUEST_FREE + 1)
#define RECEIVE_ID 0xcafeu

static struct process_guest guest;
static int frames; /* the network's end */

/* Answers the provider's question about the receive buffer. */
static void tell_gpadl(void)
{
	struct link_message message;
	uint64_t pfns[RECEIVE_PAGES];
	int fd;

	process_guest_link(&guest, &message);
	CHECK_EQ(message.type, LINK_GET_GPADL);
	CHECK_EQ(message.gpadl, RECEIVE_GPADL);
	for (uint32_t i = 0; i < RECEIVE_PAGES; i++)
		pfns[i] = RECEIVE_PAGE + i;
	fd = link_pages_write(pfns, RECEIVE_PAGES);
	REQUIRE(fd >= 0);
	message.pages.count = RECEIVE_PAGES;
	message.pages.offset = 0;
	message.pages.length = RECEIVE_PAGES * PAGE;
	process_guest_say(&guest, &message, LINK_GPADL, fd);
	close(fd);
}

static void begin_with_guest(bool resumed)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	frames = pair[0];
	process_begin();
	process_give(guest.memory);
	process_give_away(process_guest_socket(&guest));
	process_give_away(pair[1]);
	CHECK(process_call("Configure",
			   "{\"name\":\"n\",\"partition_fd\":0,\"socket_fd\":1,\"cards\":[" ONE
			   "]}"));
	process_guest_offer(&guest, resumed);
	/* The card wants the buffer again that it knows of. */
	if (resumed)
		tell_gpadl();
	CHECK(process_guest_opened(&guest));
}

static void send_nvsp(const struct nvsp_message *message, bool wants_answer)
{
	REQUIRE(process_guest_send(&guest, VMBUS_PACKET_INBAND,
				   wants_answer ? VMBUS_PACKET_ANSWER_WANTED : 0, 7, NULL, 0,
				   message, sizeof(*message)));
}

/* The next packet is that answer. */
static struct nvsp_message take_answer(uint32_t type)
{
	struct nvsp_message answer = { 0 };
	struct ring_packet packet;

	REQUIRE(process_guest_receive(&guest, &packet, 10000));
	CHECK_EQ(packet.type, VMBUS_PACKET_COMPLETION);
	CHECK_EQ(packet.transaction, 7);
	memcpy(&answer, packet.payload,
	       packet.payload_size < sizeof(answer) ? packet.payload_size : sizeof(answer));
	CHECK_EQ(answer.type, type);
	return answer;
}

/* What lies in the receive buffer, size bytes at most; its packet is answered. The type of
 * the RNDIS message; 0: none came. */
static uint32_t take_rndis(uint8_t *bytes, size_t size)
{
	struct nvsp_message done = { .type = NVSP_RNDIS_COMPLETE,
				     .u.status.status = NVSP_STATUS_SUCCESS };
	struct ring_packet packet;
	struct {
		struct vmbus_transfer_pages pages;
		struct vmbus_transfer_range range;
	} header;
	struct rndis_header rndis;

	if (!CHECK(process_guest_receive(&guest, &packet, 10000)) ||
	    !CHECK_EQ(packet.type, VMBUS_PACKET_TRANSFER_PAGES))
		return 0;
	REQUIRE(packet.extra_size == sizeof(header));
	memcpy(&header, packet.extra, sizeof(header));
	CHECK_EQ(header.pages.buffer, RECEIVE_ID);
	CHECK_EQ(header.pages.range_count, 1);
	memset(bytes, 0, size);
	if (size > header.range.length)
		size = header.range.length;
	REQUIRE(guest_read(guest.guest, (uint64_t)RECEIVE_PAGE * PAGE + header.range.offset, bytes,
			   size));
	memcpy(&rndis, bytes, sizeof(rndis));
	REQUIRE(process_guest_send(&guest, VMBUS_PACKET_COMPLETION, 0, packet.transaction, NULL, 0,
				   &done, sizeof(done)));
	return rndis.type;
}

/* A control message of the guest, in memory of its own, and the type of its answer. */
static uint32_t control(const void *message, uint32_t size)
{
	struct {
		struct vmbus_gpa_direct direct;
		struct vmbus_gpa_range range;
		uint64_t pfn;
	} header = { .direct = { .range_count = 1 },
		     .range = { .length = size },
		     .pfn = GUEST_FREE };
	struct nvsp_message nvsp = {
		.type = NVSP_RNDIS,
		.u.rndis = { .channel = NVSP_CHANNEL_CONTROL, .section = NVSP_NO_SECTION },
	};
	uint8_t answer[256];
	uint32_t type;

	REQUIRE(guest_write(guest.guest, (uint64_t)GUEST_FREE * PAGE, message, size));
	REQUIRE(process_guest_send(&guest, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_ANSWER_WANTED, 7,
				   &header, sizeof(header), &nvsp, sizeof(nvsp)));
	type = take_rndis(answer, sizeof(answer));
	take_answer(NVSP_RNDIS_COMPLETE);
	return type;
}

static void negotiate(void)
{
	struct nvsp_message message = {
		.type = NVSP_INIT,
		.u.init = { .version = NVSP_VERSION_61, .version_max = NVSP_VERSION_61 },
	};
	struct nvsp_message answer;

	send_nvsp(&message, true);
	answer = take_answer(NVSP_INIT_COMPLETE);
	CHECK_EQ(answer.u.init_complete.status, NVSP_STATUS_SUCCESS);
	message =
		(struct nvsp_message){ .type = NVSP_NDIS_CONFIG, .u.ndis_config.frame_size = 1514 };
	send_nvsp(&message, false);
	message = (struct nvsp_message){ .type = NVSP_NDIS_VERSION, .u.ndis_version = { 6, 30 } };
	send_nvsp(&message, false);
	message = (struct nvsp_message){ .type = NVSP_RECEIVE_BUFFER,
					 .u.buffer = { RECEIVE_GPADL, RECEIVE_ID, 0 } };
	send_nvsp(&message, true);
	tell_gpadl();
	answer = take_answer(NVSP_RECEIVE_BUFFER_COMPLETE);
	CHECK_EQ(answer.u.receive_buffer_complete.status, NVSP_STATUS_SUCCESS);
}

static void start_card(void)
{
	struct {
		struct rndis_header header;
		struct rndis_initialize initialize;
	} initialize = { { RNDIS_INITIALIZE, sizeof(initialize) }, { 1, 1, 0, 0x4000 } };
	struct {
		struct rndis_header header;
		struct rndis_request request;
		uint32_t filter;
	} filter = { { RNDIS_SET, sizeof(filter) },
		     { 2, OID_GEN_CURRENT_PACKET_FILTER, 4, sizeof(struct rndis_request), 0 },
		     RNDIS_FILTER_DIRECTED | RNDIS_FILTER_BROADCAST };

	CHECK_EQ(control(&initialize, sizeof(initialize)), RNDIS_INITIALIZE | RNDIS_COMPLETE);
	CHECK_EQ(control(&filter, sizeof(filter)), RNDIS_SET | RNDIS_COMPLETE);
}

/* Sends a frame from the network; the next frame that the guest gets is that one. The state
 * of the link may be told before. */
static void check_frame(uint8_t mark)
{
	struct {
		struct rndis_header header;
		struct rndis_packet packet;
		uint8_t rest[256];
	} got = { 0 };
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	size_t at;

	memset(frame + 14, mark, sizeof(frame) - 14);
	CHECK_NOTE("frame %u", mark);
	REQUIRE(send(frames, frame, sizeof(frame), 0) == (ssize_t)sizeof(frame));
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t type = take_rndis((uint8_t *)&got, sizeof(got));

		if (type != RNDIS_INDICATE) {
			CHECK_EQ(type, RNDIS_PACKET);
			break;
		}
	}
	at = sizeof(got.header) + got.packet.offset;
	if (CHECK_EQ(got.packet.size, sizeof(frame)) && CHECK(at + sizeof(frame) <= sizeof(got)))
		CHECK_MEM((const uint8_t *)&got + at, frame, sizeof(frame));
}

/* RemoveCard is answered when the guest has let go. */
static void check_remove(void)
{
	sd_varlink *caller = process_connect();
	struct link_message message = { 0 };
	sd_json_variant *parameters = NULL;

	REQUIRE(sd_varlink_bind_reply(caller, process_on_reply) >= 0);
	REQUIRE(sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("instance", INSTANCE)) >= 0);
	REQUIRE(sd_varlink_invoke(caller, "org.mullion.Network.RemoveCard", parameters) >= 0);
	REQUIRE(sd_varlink_flush(caller) >= 0);
	sd_json_variant_unref(parameters);
	usleep(200000);
	REQUIRE(sd_varlink_process(caller) == 0);
	CHECK(statistic(INSTANCE, "rx_packets") != UINT64_MAX);
	process_call("RemoveCard", "{\"instance\":\"" INSTANCE "\"}");
	process_failed("Failed", "already");
	process_guest_say(&guest, &message, LINK_CLOSE, -1);
	process_guest_link(&guest, &message);
	CHECK_EQ(message.type, LINK_CLOSED);
	CHECK(process_reply(caller));
	CHECK_EQ(statistic(INSTANCE, "rx_packets"), UINT64_MAX);
	sd_varlink_close_unref(caller);
}

static void test_guest(void)
{
	process_guest_new(&guest, INSTANCE, 4, 4);
	begin_with_guest(false);
	negotiate();
	start_card();
	check_frame(1);
	CHECK_EQ(statistic(INSTANCE, "rx_packets"), 1);
	CHECK_EQ(statistic(INSTANCE, "rx_bytes"), 60);
	kill(process.pid, SIGKILL);
	CHECK_INT(process_end(), -SIGKILL);
	close(frames);

	begin_with_guest(true);
	check_frame(2);
	CHECK_EQ(statistic(INSTANCE, "rx_packets"), 1);
	check_remove();
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	close(frames);
	process_guest_free(&guest);
}

#define ADDED(index, socket)                                                   \
	"{\"card\":{\"instance\":\"" INSTANCE "\",\"name\":\"a\"," MAC "," TAP \
	",\"tap_fds\":[" index "]},\"socket_fd\":" socket "}"

/* Configured without a card; the end of its socket that is hv-vsp's. */
static int begin_empty(void)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	process_begin();
	process_give(guest.memory);
	process_give_away(pair[1]);
	CHECK(process_call("Configure",
			   "{\"name\":\"n\",\"partition_fd\":0,\"socket_fd\":1,\"cards\":[]}"));
	return pair[0];
}

static void give_added(void)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	frames = pair[0];
	process_give_away(process_guest_socket(&guest));
	process_give_away(pair[1]);
}

static bool is_at_end(int socket)
{
	struct pollfd look = { .fd = socket, .events = POLLIN };
	char byte;

	return poll(&look, 1, 10000) == 1 && recv(socket, &byte, 1, 0) <= 0;
}

/* A card that comes later has a socket of its own, until it is removed. */
static void test_added(void)
{
	int first;

	process_guest_new(&guest, INSTANCE, 4, 4);
	first = begin_empty();
	give_added();
	process_call("AddCard", ADDED("1", "2"));
	process_failed("BadConfiguration", "no descriptor 2");
	CHECK_EQ(statistic(INSTANCE, "rx_packets"), UINT64_MAX);
	close(frames);
	give_added();
	CHECK(process_call("AddCard", ADDED("1", "0")));
	CHECK(process_guest_open(&guest, false));
	negotiate();
	start_card();
	check_frame(1);
	check_remove();
	CHECK(is_at_end(guest.link));
	close(frames);
	/* The same card again, and it is not known at the first socket. */
	give_added();
	CHECK(process_call("AddCard", ADDED("1", "0")));
	close(guest.link);
	guest.link = first;
	process_guest_offer(&guest, false);
	CHECK(!process_guest_opened(&guest));
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	close(frames);
	process_guest_free(&guest);
}

int main(int argc, char **argv)
{
	REQUIRE(argc == 2);
	process_setup(argv[1], "org.mullion.Network");
	CHECK_RUN(test_common);
	CHECK_RUN(test_wrong);
	CHECK_RUN(test_cards);
	CHECK_RUN(test_guest);
	CHECK_RUN(test_added);
	process_teardown();
	return check_done();
}
