/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network without privileges (libslirp) behind a card: DHCP, UDP and TCP by frames
 * made by hand, against real sockets of this host.
 */
#include "check.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net-packets.h"
#include "net-vsc.h"

#define TURNS 2000

static const struct net_config config = { .mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };
static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
/* As DHCP says. */
static const uint8_t own[4] = { 10, 0, 2, 15 }, gateway[4] = { 10, 0, 2, 2 };

static uint8_t frame[2000], got[2000];
static uint8_t gateway_mac[6];

/* Between the guest and somebody. */
static struct ends between(const uint8_t *mac, const uint8_t *from, const uint8_t *to,
			   uint32_t from_port, uint32_t to_port)
{
	struct ends ends = { .from_port = (uint16_t)from_port, .to_port = (uint16_t)to_port };

	memcpy(ends.mac_to, mac, 6);
	memcpy(ends.mac_from, config.mac, 6);
	memcpy(ends.from, from, 4);
	memcpy(ends.to, to, 4);
	return ends;
}

/* ---- the guest ---- */

static struct vsc *new_vsc(const struct net_user_config *user)
{
	struct event_base *base = event_base_new();
	struct net_backend *backend = net_backend_user(base, user, NULL);
	struct vsc *vsc;

	REQUIRE(backend);
	vsc = vsc_new_with(base, &config, backend);
	vsc_connect(vsc, NVSP_VERSION_61, 1500);
	return vsc;
}

/* Answers questions for our address, so that others can be told. */
static bool is_arp(struct vsc *vsc, const uint8_t *asked)
{
	uint8_t reply[42];

	if (!answer_arp(asked, own, config.mac, reply))
		return false;
	memcpy(gateway_mac, asked + 6, 6);
	CHECK_EQ(vsc_send_frame(vsc, reply, sizeof(reply), NULL, 0), NVSP_STATUS_SUCCESS);
	return true;
}

/* The next frame of IPv4 and this protocol, in got. 0: none comes. */
static uint32_t next(struct vsc *vsc, uint8_t protocol)
{
	uint8_t message[2000];
	const uint8_t *found;
	uint32_t size;

	for (unsigned int i = 0; i < TURNS; i++) {
		while (vsc_next(vsc, message)) {
			found = find_frame(message, &size);
			memcpy(got, found, size);
			if (!is_arp(vsc, got) && !memcmp(got + 12, "\x08\x00", 2) &&
			    got[23] == protocol)
				return size;
		}
		vsc_turn(vsc);
		poll(NULL, 0, 1);
	}
	return 0;
}

/* ---- DHCP ---- */

static uint32_t make_dhcp(uint8_t kind, const uint8_t *options, uint32_t size)
{
	struct ends ends = between(everybody, (const uint8_t[4]){ 0 },
				   (const uint8_t *)"\xff\xff\xff\xff", 68, 67);
	uint8_t dhcp[300] = { 1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78 };

	memcpy(dhcp + 28, config.mac, 6);
	memcpy(dhcp + 236, "\x63\x82\x53\x63\x35\x01", 6);
	dhcp[242] = kind;
	memcpy(dhcp + 243, options, size);
	dhcp[243 + size] = 0xff;
	return make_udp(frame, &ends, dhcp, sizeof(dhcp));
}

static const uint8_t *find_option(uint8_t option)
{
	for (const uint8_t *at = got + 282; at < got + 580 && *at != 0xff; at += 2 + at[1]) {
		if (*at == option)
			return at + 2;
	}
	return NULL;
}

static void dhcp(void)
{
	static const uint8_t request[] = { 50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2 };
	const struct net_user_config user = { .hostname = "pane" };
	struct vsc *vsc = new_vsc(&user);
	const uint8_t *found;
	uint32_t size = make_dhcp(1, everybody, 0);

	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	REQUIRE(next(vsc, 17) > 282);
	CHECK_EQ(get16(got + 36), 68);
	CHECK_EQ(got[42], 2);
	CHECK_MEM(got + 46, "\x12\x34\x56\x78", 4);
	CHECK_MEM(got + 58, own, 4);
	found = find_option(53);
	REQUIRE(found);
	CHECK_EQ(*found, 2); /* an offer */
	size = make_dhcp(3, request, sizeof(request));
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	REQUIRE(next(vsc, 17) > 282);
	CHECK_MEM(got + 58, own, 4);
	found = find_option(53);
	REQUIRE(found);
	CHECK_EQ(*found, 5); /* agreed */
	found = find_option(1);
	REQUIRE(found);
	CHECK_MEM(found, "\xff\xff\xff\x00", 4);
	found = find_option(3);
	REQUIRE(found);
	CHECK_MEM(found, gateway, 4);
	found = find_option(6);
	REQUIRE(found);
	CHECK_MEM(found, "\x0a\x00\x02\x03", 4);
	found = find_option(12);
	REQUIRE(found);
	CHECK_MEM(found, "pane", 4);
	vsc_free(vsc);
}

/* ---- sockets of the host ---- */

static int host_socket(int type, struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	REQUIRE(fd >= 0 && !bind(fd, (struct sockaddr *)address, size));
	REQUIRE(!getsockname(fd, (struct sockaddr *)address, &size));
	return fd;
}

/* A port that is free, most likely. */
static uint16_t free_port(int type)
{
	struct sockaddr_in address;
	int fd = host_socket(type, &address);

	close(fd);
	return ntohs(address.sin_port);
}

/* Turns until something can be read. */
static ssize_t host_read(struct vsc *vsc, int fd, void *bytes, size_t size)
{
	for (unsigned int i = 0; i < TURNS; i++) {
		ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

		if (n >= 0)
			return n;
		vsc_turn(vsc);
		poll(NULL, 0, 1);
	}
	return -1;
}

/* Out to a socket of the host, and back. */
static void udp(void)
{
	const struct net_user_config user = { .host_loopback = true };
	struct vsc *vsc = new_vsc(&user);
	struct sockaddr_in address, from;
	socklen_t from_size = sizeof(from);
	uint8_t bytes[100];
	int fd = host_socket(SOCK_DGRAM, &address);

	for (unsigned int i = 0; i < 3; i++) {
		struct ends ends = between(everybody, own, gateway, 4000, ntohs(address.sin_port));
		uint32_t size = make_udp(frame, &ends, "question", 8);

		CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
		REQUIRE(recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
				 &from_size) == 8);
		CHECK_MEM(bytes, "question", 8);
		CHECK_INT(sendto(fd, "answer", 6, 0, (struct sockaddr *)&from, from_size), 6);
		REQUIRE(next(vsc, 17) >= 48);
		CHECK_MEM(got + 26, gateway, 4);
		CHECK_MEM(got + 30, own, 4);
		CHECK_EQ(get16(got + 36), 4000);
		CHECK_MEM(got + 42, "answer", 6);
	}
	close(fd);
	vsc_free(vsc);
}

/* What listens on the host's own address is not for guests, unless they may. */
static void no_loopback(void)
{
	const struct net_user_config user = { 0 };
	struct vsc *vsc = new_vsc(&user);
	struct sockaddr_in address;
	int fd = host_socket(SOCK_DGRAM, &address);
	uint8_t bytes[10];
	struct ends ends = between(everybody, own, gateway, 4000, ntohs(address.sin_port));
	uint32_t size = make_udp(frame, &ends, "question", 8);

	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	for (unsigned int i = 0; i < 20; i++) {
		vsc_turn(vsc);
		poll(NULL, 0, 1);
	}
	CHECK_INT(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	close(fd);
	vsc_free(vsc);
}

/* Ports of the host that lead to the guest. */
static void forward(void)
{
	struct net_forward forwards[2] = {
		{ .udp = true, .host = { htonl(INADDR_LOOPBACK) }, .guest_port = 5000 },
		{ .host = { htonl(INADDR_LOOPBACK) }, .guest_port = 5001 },
	};
	const struct net_user_config user = { .host_loopback = true,
					      .forwards = forwards,
					      .forward_count = 2 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	uint32_t size, sequence;
	struct ends ends;
	struct vsc *vsc;
	char bytes[10];
	int fd;

	forwards[0].host_port = free_port(SOCK_DGRAM);
	forwards[1].host_port = free_port(SOCK_STREAM);
	vsc = new_vsc(&user);
	/* libslirp knows a guest by what it has heard from it. */
	ends = between(everybody, own, gateway, 4000, 9);
	size = make_udp(frame, &ends, "hello", 5);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	REQUIRE(fd >= 0);
	address.sin_port = htons(forwards[0].host_port);
	CHECK_INT(sendto(fd, "ping", 4, 0, (struct sockaddr *)&address, sizeof(address)), 4);
	REQUIRE(next(vsc, 17) >= 46);
	CHECK_EQ(get16(got + 36), 5000);
	CHECK_MEM(got + 42, "ping", 4);
	ends = between(gateway_mac, own, got + 26, 5000, get16(got + 34));
	size = make_udp(frame, &ends, "pong", 4);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	CHECK_INT(host_read(vsc, fd, bytes, sizeof(bytes)), 4);
	CHECK_MEM(bytes, "pong", 4);
	close(fd);

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(fd >= 0);
	address.sin_port = htons(forwards[1].host_port);
	REQUIRE(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	REQUIRE(next(vsc, 6) >= 54);
	CHECK_EQ(got[47], 2); /* SYN */
	CHECK_EQ(get16(got + 36), 5001);
	ends = between(gateway_mac, own, got + 26, 5001, get16(got + 34));
	sequence = get32(got + 38) + 1;
	size = make_tcp(frame, &ends, 1000, sequence, 0x12, "", 0);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	CHECK_INT(send(fd, "over TCP", 8, 0), 8);
	do
		REQUIRE(next(vsc, 6) >= 54);
	while (get16(got + 16) == 40);
	CHECK_MEM(got + 54, "over TCP", 8);
	size = make_tcp(frame, &ends, 1001, sequence + 8, 0x18, "and back", 8);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	CHECK_INT(host_read(vsc, fd, bytes, sizeof(bytes)), 8);
	CHECK_MEM(bytes, "and back", 8);
	close(fd);
	vsc_free(vsc);
}

/* A port that somebody else has. */
static void no_forward(void)
{
	struct sockaddr_in address;
	int fd = host_socket(SOCK_STREAM, &address);
	struct net_forward forwards[2] = {
		{ .host = { htonl(INADDR_LOOPBACK) }, .host_port = free_port(SOCK_STREAM) },
		{ .host = { htonl(INADDR_LOOPBACK) }, .host_port = ntohs(address.sin_port) },
	};
	const struct net_user_config user = { .forwards = forwards, .forward_count = 2 };
	struct event_base *base = event_base_new();
	unsigned int which = 77;

	CHECK_INT(listen(fd, 1), 0);
	CHECK(!net_backend_user(base, &user, &which));
	CHECK_EQ(which, 1);
	event_base_free(base);
	close(fd);
}

/* Garbage in frames: libslirp's own checks, but also that nothing is left waiting. */
static void garbage(void)
{
	const struct net_user_config user = { .ipv6 = true };
	struct vsc *vsc = new_vsc(&user);
	struct ends ends = between(everybody, own, gateway, 4000, 9);
	struct received received;

	check_seed(0x511);
	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t size = 14 + (uint32_t)check_below(200);

		if (i % 3 == 0)
			size = make_dhcp((uint8_t)i, everybody, 0);
		else if (i % 3 == 1)
			size = make_udp(frame, &ends, got, 20);
		for (uint64_t n = check_below(4); n; n--)
			frame[check_below(size)] = (uint8_t)check_rand();
		vsc_send_frame(vsc, frame, size, NULL, 0);
		vsc_turn(vsc);
		while (vsc_receive(vsc, 0, &received))
			vsc_give_back(vsc, 0, received.transaction);
		vsc->channels[0]->sent_count = vsc->seen[0] = 0;
	}
	CHECK_EQ(vsc->channels[0]->open_count, 0);
	vsc_free(vsc);
}

int main(void)
{
	CHECK_RUN(dhcp);
	CHECK_RUN(udp);
	CHECK_RUN(no_loopback);
	CHECK_RUN(forward);
	CHECK_RUN(no_forward);
	CHECK_RUN(garbage);
	return check_done();
}
