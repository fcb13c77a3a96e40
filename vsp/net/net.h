/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network card for stock guests (hv_netvsc): a device of class NETWORK for whoever
 * connects it with the guest, and a backend that takes and gives Ethernet frames.
 *
 * All happens on the event loop's thread. A process that takes up the work of one that
 * ended makes the card as it was (same configuration, same kind of backend): what the
 * guest has agreed on comes from the channel's memo. Frames that were under way may be
 * lost, as on any network.
 */
#ifndef VSP_NET_H
#define VSP_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct device;
struct event_base;
struct net;
struct net_backend;

#define NET_QUEUES_MAX 64u
#define NET_MTU_MIN 576u
#define NET_MTU_MAX 65521u
#define NET_MTU_DEFAULT 1500u

struct net_config {
	uint8_t mac[6]; /* a unicast address */
	bool mac_fixed; /* the guest may not choose another one */
	uint32_t mtu; /* largest payload of a frame, bytes; NET_MTU_MIN .. NET_MTU_MAX. The
		       * guest starts with 1500 and may ask for up to this. 0: the default */
	uint32_t queues; /* channels that the guest may have, 1 .. NET_QUEUES_MAX; 0: as many
			  * as the backend has queues */
	uint64_t speed; /* bits a second, told to the guest; 0: 10 Gbit/s */
};

/*
 * backend: belongs to the card from now on, also when this fails. NULL with errno set:
 * EINVAL: a value out of range; ENOMEM.
 */
struct net *net_new(const struct net_config *config, struct net_backend *backend);

/* Its channels are closed already. net may be NULL. */
void net_free(struct net *net);

/* To be offered: VMBUS_CLASS_NETWORK, with sub-channels. Lives as long as net. */
struct device *net_device(struct net *net);

/* The cable: in at first. The guest is told. With it out nothing is sent or received. */
void net_link(struct net *net, bool up);

/* As the guest sees it: received is what came for it. Since net_new(). */
struct net_statistics {
	uint64_t rx_bytes, rx_packets; /* given to the guest */
	uint64_t rx_drops; /* no buffer of the guest was free, or it takes no frames now */
	uint64_t rx_errors; /* too long, or no frame at all */
	uint64_t tx_bytes, tx_packets; /* given to the backend */
	uint64_t tx_drops; /* the backend could not take them */
	uint64_t tx_errors; /* what the guest sent was malformed or too long */
	uint64_t signals_in, signals_out; /* of all channels, from the guest and to it */
};
void net_statistics(const struct net *net, struct net_statistics *statistics);

/* How things stand between the guest and the card. */
struct net_state {
	uint32_t version; /* of NVSP, as 0x60001; 0: nothing agreed on */
	uint32_t channels; /* open now */
	uint32_t mtu; /* the guest's */
	uint8_t mac[6]; /* the guest's */
	bool link; /* the cable is in */
	bool receiving; /* the guest takes frames */
};
void net_state(const struct net *net, struct net_state *state);

/* ---- backends ---- */

/*
 * Descriptors that read and write one frame at a time, a queue each: queues of one tap
 * device, or SOCK_SEQPACKET or SOCK_DGRAM sockets that are connected. They are made
 * non-blocking, belong to the backend from now on and are closed at its end, also when
 * this fails.
 *
 * headers: before each frame there is a struct virtio_net_hdr (10 bytes, the header of a
 * tap with IFF_VNET_HDR). With it the guest is offered to leave checksums and the cutting
 * of large TCP segments to the host. Whoever opened a tap has set TUNSETVNETHDRSZ to 10
 * and by TUNSETOFFLOAD at most TUN_F_CSUM: the backend says so itself when the guest takes
 * segments that are larger than its MTU.
 * NULL with errno set.
 */
struct net_backend *net_backend_fd(struct event_base *base, const int *fds, unsigned int count,
				   bool headers);

/* A port of the host that leads to the guest. */
struct net_forward {
	bool udp; /* else TCP */
	struct in_addr host; /* address of the host, INADDR_ANY: all */
	uint16_t host_port; /* all ports in host byte order */
	struct in_addr guest; /* 0: the first address that DHCP gives */
	uint16_t guest_port;
};

/* Addresses of 0 are chosen: 10.0.2.0/24, host .2, DNS .3, DHCP from .15. */
struct net_user_config {
	struct in_addr network, mask, host, dns, dhcp;
	bool ipv6; /* fec0::/64 beside IPv4 */
	bool restricted; /* nothing but DHCP and the forwards */
	bool host_loopback; /* the address `host` leads to the host's 127.0.0.1: to what listens
			     * there, and to whoever asked from there by a forward of UDP */
	const char *hostname; /* told by DHCP; may be NULL */
	uint32_t mtu; /* 0: NET_MTU_DEFAULT */
	const struct net_forward *forwards;
	unsigned int forward_count;
};

/*
 * A network in the process itself, without any privilege: DHCP, DNS, and the guest's
 * connections as the process's own sockets. Connections do not outlive the process.
 * NULL with errno set; *forward, unless NULL, is then the number of the forward that
 * could not be had, or forward_count.
 */
struct net_backend *net_backend_user(struct event_base *base, const struct net_user_config *config,
				     unsigned int *forward);

/* Only of one that was given to no card. May be NULL. */
void net_backend_free(struct net_backend *backend);

#endif
