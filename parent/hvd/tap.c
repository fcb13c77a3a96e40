/* SPDX-License-Identifier: GPL-2.0-only */
/* Tap devices, see tap.h (Linux, Documentation/networking/tuntap.rst). */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN_DEVICE "/dev/net/tun"
#define HEADER_SIZE 10 /* struct virtio_net_hdr without num_buffers */
/* The kernel puts the first free number in its place. */
#define NAME_PATTERN "vnet%d"

void tap_close(struct tap *tap)
{
	while (tap->queues)
		close(tap->fds[--tap->queues]);
}

/* One more queue of the device; the first makes it: that of another guest, which has the
 * same name, would take it for one more queue of its own. 0 or an errno. */
static int add_queue(struct tap *tap)
{
	unsigned int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE |
			     (tap->queues ? 0u : IFF_TUN_EXCL);
	struct ifreq request = { .ifr_flags = (short)flags };
	int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK), header = HEADER_SIZE;
	int error;

	if (fd < 0)
		return errno;
	memcpy(request.ifr_name, tap->name, sizeof(tap->name));
	if (ioctl(fd, TUNSETIFF, &request) == 0 && ioctl(fd, TUNSETVNETHDRSZ, &header) == 0 &&
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0) {
		memcpy(tap->name, request.ifr_name, sizeof(tap->name));
		tap->fds[tap->queues++] = fd;
		return 0;
	}
	error = errno;
	close(fd);
	return error;
}

static bool set_up(const struct tap *tap, const struct domain_card *card, int any_socket,
		   struct failure *failure)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, tap->name, sizeof(tap->name));
	request.ifr_mtu = (int)card->mtu;
	if (card->mtu && ioctl(any_socket, SIOCSIFMTU, &request) < 0)
		return fail_errno(failure, errno, "%s: the MTU %u", tap->name,
				  (unsigned int)card->mtu);
	if (card->bridge[0]) {
		struct ifreq bridge = { .ifr_ifindex = (int)if_nametoindex(tap->name) };

		memcpy(bridge.ifr_name, card->bridge, sizeof(card->bridge));
		if (ioctl(any_socket, SIOCBRADDIF, &bridge) < 0 && errno != EBUSY)
			return fail_errno(failure, errno, "%s cannot be added to the bridge '%s'",
					  tap->name, card->bridge);
	}
	if (ioctl(any_socket, SIOCGIFFLAGS, &request) < 0)
		return fail_errno(failure, errno, "%s", tap->name);
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	if (ioctl(any_socket, SIOCSIFFLAGS, &request) < 0)
		return fail_errno(failure, errno, "%s cannot be set up", tap->name);
	return true;
}

bool tap_open(struct tap *tap, const struct domain_card *card, struct failure *failure)
{
	unsigned int queues = card->queues ? card->queues : 1;
	int any_socket, error = 0;
	bool good;

	*tap = (struct tap){ 0 };
	snprintf(tap->name, sizeof(tap->name), "%s", card->target[0] ? card->target : NAME_PATTERN);
	/* A name that the kernel gave before may be another's by now. */
	if (strncmp(card->target, "vnet", 4) == 0 && if_nametoindex(card->target))
		snprintf(tap->name, sizeof(tap->name), "%s", NAME_PATTERN);
	while (!error && tap->queues < queues && tap->queues < TAP_QUEUES_MAX)
		error = add_queue(tap);
	if (error) {
		fail_errno(failure, error, "no tap device '%s'",
			   card->target[0] ? card->target : "vnet");
		tap_close(tap);
		return false;
	}
	any_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	good = any_socket >= 0 ? set_up(tap, card, any_socket, failure) :
				 fail_errno(failure, errno, "no socket");
	if (any_socket >= 0)
		close(any_socket);
	if (!good)
		tap_close(tap);
	return good;
}
