/* SPDX-License-Identifier: GPL-2.0-only */
/* Cards as org.mullion.Network describes them. */
#ifndef VSP_NET_GIVEN_H
#define VSP_NET_GIVEN_H

#include <vmbus/guid.h>

#include "error.h"
#include "net.h"
#include "varlink.h"

#define GIVEN_NAME_MAX 128u
#define GIVEN_FORWARDS_MAX 64u

/* A card that is to be. What it points to lives as long as the message. */
struct given_card {
	const char *name;
	struct vmbus_guid instance;
	struct net_config config;
	bool link;
	bool user; /* else a tap */
	/* of a tap */
	int fds[NET_QUEUES_MAX]; /* ours as long as fd_count is not 0 */
	unsigned int fd_count;
	bool headers;
	/* of a user network */
	struct net_forward forwards[GIVEN_FORWARDS_MAX];
	unsigned int forward_count;
	const char *hostname; /* may be NULL */
};

/*
 * Reads the description and takes its descriptors. 0; negative: the caller was answered,
 * and that is what the method returns; positive: error says why not. card is always to be
 * dropped.
 */
int given_card_read(sd_varlink *link, sd_json_variant *json, struct given_card *card,
		    struct error *error);
/* Closes the descriptors if they are still ours. */
void given_card_drop(struct given_card *card);

/* Makes the card; the descriptors are gone then in any case. NULL with error. */
struct net *given_card_make(struct event_base *base, struct given_card *card, struct error *error);

#endif
