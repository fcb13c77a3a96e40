/* SPDX-License-Identifier: GPL-2.0-only */
/* Tap devices: the parent's end of a network card. */
#ifndef HVD_TAP_H
#define HVD_TAP_H

#include <stdbool.h>

#include "domain.h"
#include "failure.h"

#define TAP_QUEUES_MAX 8u

struct tap {
	int fds[TAP_QUEUES_MAX]; /* one for each queue */
	unsigned int queues;
	char name[DOMAIN_TARGET_MAX];
};

/*
 * Makes the device of a card that is no user network, puts it in its bridge and sets it
 * up. It must not be there before, and goes away when its descriptors are closed. Frames
 * have a struct virtio_net_hdr of 10 bytes before them.
 */
bool tap_open(struct tap *tap, const struct domain_card *card, struct failure *failure);
void tap_close(struct tap *tap);

#endif
