/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card on a tap device, in a network namespace of its own: this host's kernel
 * takes what the card leaves to it, and leaves to the card what a kernel leaves.
 */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "net-packets.h"
#include "net-vsc.h"

#define SKIPPED 77
#define TURNS 2000
#define LARGE 40000u

static const struct net_config config = { .mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };
/* The tap's own end is 192.0.2.1. */
static const uint8_t own[4] = { 192, 0, 2, 2 };
static struct ends ends = { .mac_from = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 },
			    .from = { 192, 0, 2, 2 },
			    .to = { 192, 0, 2, 1 } };

static uint8_t frame[70000], got[70000], message[70000], info[100];

/* ---- the tap ---- */

static bool set_up(const char name[IFNAMSIZ])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(0xc0000201) } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };
	bool good;

	if (fd < 0)
		return false;
	memcpy(request.ifr_name, name, IFNAMSIZ);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	good = !ioctl(fd, SIOCSIFADDR, &request);
	address.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	good = good && !ioctl(fd, SIOCSIFNETMASK, &request);
	good = good && !ioctl(fd, SIOCGIFHWADDR, &request);
	memcpy(ends.mac_to, request.ifr_hwaddr.sa_data, 6);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	good = good && !ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return good;
}

/* As whoever opens one for a guest does. -1: it cannot be. */
static int open_tap(void)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd, size = 10;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -1;
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!ioctl(fd, TUNSETIFF, &request) && !ioctl(fd, TUNSETVNETHDRSZ, &size) &&
	    !ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) && set_up(request.ifr_name))
		return fd;
	close(fd);
	return -1;
}

/* ---- the guest ---- */

/* The next frame of IPv4 and this protocol, in got. 0: none comes. */
static uint32_t next(struct vsc *vsc, uint8_t protocol)
{
	const uint8_t *found;
	uint8_t reply[42];
	uint32_t size;

	for (unsigned int i = 0; i < TURNS; i++) {
		while (vsc_next(vsc, message)) {
			found = find_frame(message, &size);
			memcpy(got, found, size);
			if (answer_arp(got, own, config.mac, reply))
				vsc_send_frame(vsc, reply, sizeof(reply), NULL, 0);
			else if (!memcmp(got + 12, "\x08\x00", 2) && got[23] == protocol)
				return size;
		}
		vsc_turn(vsc);
		poll(NULL, 0, 1);
	}
	return 0;
}

static int host_socket(int type, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(0xc0000201) },
				       .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	REQUIRE(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static uint32_t leave_checksum(uint32_t kind)
{
	return make_info(info, RNDIS_INFO_CHECKSUM, RNDIS_CHECKSUM_IPV4 | kind | 34u << 16);
}

/* As a sender does that leaves the checksum to others: the sum of the pseudo-header. */
static void unfinish(uint32_t size, uint32_t check)
{
	put16(frame + 34 + check, ones_sum(frame + 26, 8, size - 34 + frame[23]));
}

static void udp(struct vsc *vsc)
{
	struct sockaddr_in guest = { .sin_family = AF_INET,
				     .sin_addr = { htonl(0xc0000202) },
				     .sin_port = htons(4000) };
	int fd = host_socket(SOCK_DGRAM, 5000);
	uint8_t bytes[1472];
	uint32_t size, value = 0, sum;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 3);
	ends.from_port = 4000;
	ends.to_port = 5000;
	size = make_udp(frame, &ends, bytes, sizeof(bytes));
	unfinish(size, 6);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, info, leave_checksum(RNDIS_CHECKSUM_UDP)),
		 NVSP_STATUS_SUCCESS);
	CHECK_INT(recv(fd, got, sizeof(got), 0), sizeof(bytes));
	CHECK_MEM(got, bytes, sizeof(bytes));
	/* The other way the kernel leaves it open, and the card fills it in. */
	CHECK_INT(sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&guest, sizeof(guest)),
		  sizeof(bytes));
	REQUIRE(next(vsc, PACKETS_UDP) == size);
	CHECK_MEM(got + 42, bytes, sizeof(bytes));
	sum = get16(got + 40);
	CHECK(sum);
	put16(got + 40, 0);
	CHECK_EQ(sum, transport_sum(got, size));
	CHECK(find_info(message, RNDIS_INFO_CHECKSUM, &value));
	CHECK_EQ(value, RNDIS_CHECKED_UDP);
	close(fd);
}

/* A connection, and a segment that the kernel cuts. */
static void tcp(struct vsc *vsc)
{
	int fd = host_socket(SOCK_STREAM, 5001), peer;
	uint32_t size, sequence, read_bytes = 0, length;
	static uint8_t bytes[LARGE];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i / 7);
	CHECK_INT(listen(fd, 1), 0);
	ends.from_port = 4001;
	ends.to_port = 5001;
	size = make_tcp(frame, &ends, 99, 0, 2, "", 0);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	REQUIRE(next(vsc, PACKETS_TCP) >= 54);
	CHECK_EQ(got[47], 0x12);
	sequence = get32(got + 38) + 1;
	size = make_tcp(frame, &ends, 100, sequence, 0x10, "", 0);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
	peer = accept(fd, NULL, NULL);
	REQUIRE(peer >= 0);
	size = make_tcp(frame, &ends, 100, sequence, 0x18, bytes, sizeof(bytes));
	memset(frame + 16, 0, 2);
	memset(frame + 24, 0, 2);
	memset(frame + 50, 0xab, 2);
	length = make_info(info, RNDIS_INFO_LARGE_SEND, RNDIS_LARGE_SEND_2 | 34u << 20 | 1460u);
	CHECK_EQ(vsc_send_frame(vsc, frame, size, info, length), NVSP_STATUS_SUCCESS);
	for (unsigned int i = 0; i < TURNS && read_bytes < LARGE; i++) {
		ssize_t n = recv(peer, got + read_bytes, LARGE - read_bytes, MSG_DONTWAIT);

		read_bytes += n > 0 ? (uint32_t)n : 0;
		vsc_turn(vsc);
		poll(NULL, 0, 1);
	}
	CHECK_EQ(read_bytes, LARGE);
	CHECK_MEM(got, bytes, LARGE);
	close(peer);
	close(fd);
}

int main(void)
{
	struct event_base *base = event_base_new();
	int fd = open_tap();
	struct vsc *vsc;

	if (fd < 0) {
		printf("no tap device can be made here\n");
		event_base_free(base);
		return SKIPPED;
	}
	vsc = vsc_new_with(base, &config, net_backend_fd(base, &fd, 1, true));
	vsc_connect(vsc, NVSP_VERSION_61, 1500);
	check_state.test = "udp";
	udp(vsc);
	check_state.test = "tcp";
	tcp(vsc);
	vsc_free(vsc);
	return check_done();
}
