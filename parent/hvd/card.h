/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network card more for a guest that has some: to the process that serves those, with a
 * socket of its own to VMBus's server. The others do not notice.
 */
#ifndef HVD_CARD_H
#define HVD_CARD_H

#include "devices.h"

/*
 * As devices_attach(), where hv-net is up: the card is part of the partition's live
 * definition when done says that all went well.
 */
bool card_add(struct partition *partition, const struct domain *device, devices_done done,
	      void *context, struct failure *failure);

#endif
