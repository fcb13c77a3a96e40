/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A provider whose process ends at any store that somebody else sees, and the next one
 * that takes up its channel. Each process is a child; it has the guest in it too, whose
 * state is in shared memory. The guest sees an answer to each request exactly once, and
 * the provider gets no request again whose answer was published.
 *
 * Guest and provider sleep unless they are signalled: a signal that is lost shows too.
 */
#include <sys/wait.h>

#include "channel-guest.h"

#define REQUESTS 400u
#define CRASHED 42

enum request_state {
	NOT_SENT,
	SENT,
	ANSWERED, /* and published */
	SEEN,
};

/* Shared by all processes. */
struct world {
	struct rig rig;
	uint32_t count; /* requests of this walk */
	uint32_t sent, seen;
	uint8_t state[REQUESTS]; /* enum request_state */
	bool wanted_room; /* the guest waits for a signal before it sends more */
	bool guest_awake;
	uint32_t lives;
};

static struct world *world;

/* ---- of one process ---- */

static uint64_t crash_in; /* points; 0: never */
static bool armed;
static struct ticket {
	uint32_t ticket, request;
} tickets[CHANNEL_TICKETS];
static uint32_t ticket_count;
static uint32_t chance; /* of 16: an answer is given at once */
static uint32_t drowsy; /* steps until a guest that was signalled reads, at most */

static void end_process(int code)
{
	fflush(NULL);
	_exit(check_state.failures ? EXIT_FAILURE : code);
}

void crash_point(void)
{
	if (armed && crash_in && !--crash_in)
		end_process(CRASHED);
}

/* ---- the provider ---- */

static size_t size_of(uint64_t transaction)
{
	return transaction * 56 % 320;
}

static void answer(struct channel *channel, uint32_t i)
{
	struct ticket ticket = tickets[i];
	uint8_t bytes[512];
	size_t size = 180 + size_of(ticket.request + 3);

	tickets[i] = tickets[--ticket_count];
	memset(bytes, (int)ticket.request + 1, size);
	CHECK_EQ(channel_transaction(channel, ticket.ticket), ticket.request);
	channel_answer(channel, ticket.ticket, bytes, size);
}

static void on_packet(struct channel *channel, const struct packet *packet)
{
	uint64_t request = packet->transaction;

	CHECK_NOTE("request %" PRIu64 ", life %u", request, world->lives);
	CHECK_EQ(packet->size, (size_of(request) + 7) / 8 * 8);
	if (packet->size)
		CHECK_EQ(packet->payload[0], request & 0xff);
	if (packet->ticket == CHANNEL_NO_TICKET)
		return;
	REQUIRE(request < REQUESTS && ticket_count < CHANNEL_TICKETS);
	CHECK_EQ(world->state[request], SENT);
	for (uint32_t i = 0; i < ticket_count; i++)
		CHECK(tickets[i].request != request && tickets[i].ticket != packet->ticket);
	tickets[ticket_count++] =
		(struct ticket){ .ticket = packet->ticket, .request = (uint32_t)request };
	if (check_below(16) < chance)
		answer(channel, (uint32_t)check_below(ticket_count));
}

static const struct channel_ops ops = { .packet = on_packet };

static bool on_open(struct device *device, struct channel *channel)
{
	(void)device;
	channel->ops = &ops;
	return true;
}

static void on_complain(struct device *device, uint32_t sub, const char *text)
{
	(void)device, (void)sub;
	CHECK_NOTE("%s", text);
	CHECK(false);
}

static void on_closed(struct device *device, uint32_t sub)
{
	(void)device, (void)sub;
}

static const struct device_ops device_ops = { .open = on_open };
static const struct channel_owner owner = { .closed = on_closed, .complain = on_complain };

/* ---- the guest ---- */

static void send_some(struct rig *rig)
{
	if (world->wanted_room)
		return;
	for (uint64_t n = check_below(24); n && world->sent < world->count; n--) {
		uint32_t request = world->sent;
		uint32_t size = ring_packet_size(0, size_of(request));

		if (!check_below(4))
			rig_ask(rig, request, size_of(request), false);
		if (!rig_ask(rig, request, size_of(request), true)) {
			/* Half of the times it looks again by itself. */
			world->wanted_room = check_below(2) && !ring_want_room(&rig->up, size);
			break;
		}
		world->state[request] = SENT;
		world->sent++;
	}
	rig_publish(rig);
}

static void on_answer(struct rig *rig, const struct ring_packet *packet)
{
	uint64_t request = packet->transaction;

	(void)rig;
	CHECK_NOTE("answer %" PRIu64 ", life %u", request, world->lives);
	REQUIRE(request < REQUESTS);
	CHECK(packet->type == VMBUS_PACKET_COMPLETION);
	CHECK(world->state[request] == SENT || world->state[request] == ANSWERED);
	world->state[request] = SEEN;
	world->seen++;
}

/* What the guest could read by now is published. */
static void look_at_answers(const struct rig *rig)
{
	struct ring copy = rig->down;
	struct ring_packet packet;
	_Alignas(8) uint8_t buffer[1024];

	while (ring_read(&copy, buffer, sizeof(buffer), &packet) == RING_OK) {
		if (packet.transaction < REQUESTS && world->state[packet.transaction] == SENT)
			world->state[packet.transaction] = ANSWERED;
	}
}

static void guest_step(struct rig *rig)
{
	look_at_answers(rig);
	if (rig_signalled(rig)) {
		world->guest_awake = true;
		world->wanted_room = false;
	}
	if (world->guest_awake && !check_below(drowsy)) {
		world->guest_awake = false;
		rig_drain(rig, on_answer);
	}
	send_some(rig);
}

/* ---- a process ---- */

static struct channel *start(struct rig *rig)
{
	struct channel_parts parts = rig_parts(rig);
	struct channel *channel;

	rig->base = parts.base = event_base_new();
	REQUIRE(rig->base);
	parts.resumed = world->lives > 0;
	armed = true;
	channel = channel_open(&parts, &owner);
	armed = false;
	REQUIRE(channel);
	return channel;
}

/* Until all is done, or the end comes. */
static void live(uint64_t seed)
{
	struct rig *rig = &world->rig;
	struct channel *channel;
	uint32_t idle = 0, seen = 0;

	check_state.random = seed;
	chance = check_below(2) ? 16 : (uint32_t)check_below(17);
	drowsy = 1 + (uint32_t)check_below(20);
	look_at_answers(rig);
	channel = start(rig);
	while (world->seen < world->count && idle < 20000) {
		guest_step(rig);
		armed = true;
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		if (ticket_count && !check_below(3))
			answer(channel, (uint32_t)check_below(ticket_count));
		armed = false;
		idle = seen == world->seen ? idle + 1 : 0;
		seen = world->seen;
	}
	CHECK_NOTE("sent %u, waiting %u", world->sent, ticket_count);
	CHECK_EQ(world->seen, world->count);
	armed = true;
	channel_close(channel);
	armed = false;
	end_process(EXIT_SUCCESS);
}

/* Returns the exit code. */
static int process(uint64_t crash)
{
	uint64_t seed = check_rand();
	int status = -1;
	pid_t child;

	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		crash_in = crash;
		live(seed);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	world->lives++;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static void new_world(uint32_t count)
{
	rig_reset(&world->rig);
	rig_new_journal(&world->rig);
	rig_signalled(&world->rig);
	world->count = count;
	world->sent = world->seen = world->lives = 0;
	memset(world->state, NOT_SENT, sizeof(world->state));
	world->wanted_room = world->guest_awake = false;
}

/* One end at each point there is, of a short life. */
static void test_each_point(void)
{
	uint64_t seed = check_rand();
	int code = CRASHED;

	for (uint64_t point = 1; code == CRASHED; point++) {
		check_state.random = seed;
		new_world(40);
		code = process(point);
		CHECK_NOTE("point %" PRIu64, point);
		CHECK(code == CRASHED || code == EXIT_SUCCESS);
		if (code == CRASHED)
			CHECK_INT(process(0), EXIT_SUCCESS);
	}
}

/* One end after the other, some of them while the next process has hardly begun. */
static void test_walk(void)
{
	for (int walk = 0; walk < 12; walk++) {
		int code = CRASHED;

		new_world(REQUESTS);
		while (code == CRASHED && world->lives < 60)
			code = process(1 + check_below(check_below(4) ? 1500 : 60));
		CHECK_NOTE("walk %d, life %u", walk, world->lives);
		CHECK(code == CRASHED || code == EXIT_SUCCESS);
		if (code == CRASHED)
			CHECK_INT(process(0), EXIT_SUCCESS);
		CHECK_EQ(world->seen, REQUESTS);
	}
}

int main(void)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	REQUIRE(world != MAP_FAILED);
	check_seed(0x6a6f75726e616c31);
	rig_new(&world->rig, NULL, &device_ops, 1, 1);
	CHECK_RUN(test_each_point);
	CHECK_RUN(test_walk);
	rig_free(&world->rig);
	return check_done();
}
