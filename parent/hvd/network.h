/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Networks for guests: a bridge of the parent's with an address, DHCP, and NAT to the
 * outside. Their definitions are files in libvirt's network format, NAME.xml in a
 * directory of their own, read whenever a guest comes to one. The network "default" is
 * there without a file.
 */
#ifndef HVD_NETWORK_H
#define HVD_NETWORK_H

#include <netinet/in.h>

#include "domain.h"

#define NETWORK_DEFAULT "default"
#define NETWORK_HOSTS_MAX 64u

/* A card that always gets the same address. */
struct network_host {
	uint8_t mac[6];
	struct in_addr address;
};

struct network {
	char name[DOMAIN_NETWORK_MAX];
	char bridge[DOMAIN_TARGET_MAX];
	bool nat; /* guests reach others than themselves and the parent */
	struct in_addr address; /* the parent's */
	unsigned int prefix; /* bits; 8..30 */
	bool dhcp;
	struct in_addr first, last; /* what DHCP gives out */
	struct network_host hosts[NETWORK_HOSTS_MAX];
	size_t host_count;
};

/* Reads a definition. False with error filled in when there is something wrong. */
bool network_parse(const char *xml, size_t size, struct network *network,
		   struct domain_error *error);

/* Reads the definition of that name; the error's line is that of no file of the caller's. */
bool network_find(const char *directory, const char *name, struct network *network,
		  struct domain_error *error);

/* The network's own address, and its mask, in host byte order. */
uint32_t network_mask(const struct network *network);
uint32_t network_base(const struct network *network);

#endif
