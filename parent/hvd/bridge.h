/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network of guests on the parent. hvd makes the bridge and says the rest to those who
 * do it: systemd-networkd gives the bridge its address and serves DHCP there; the unit
 * mullion-network@BRIDGE lets the packets through, translates their addresses, and keeps
 * others out. It stays when the last guest has left, for the next one; stopping the unit
 * takes it away.
 */
#ifndef HVD_BRIDGE_H
#define HVD_BRIDGE_H

#include "failure.h"
#include "hvd.h"
#include "network.h"

/*
 * Has the network come up, or change to what is said now. What takes longer than this
 * call takes comes later: a guest that asks for an address asks again. False with failure.
 */
bool bridge_need(struct hvd *hvd, const struct network *network, struct failure *failure);

#endif
