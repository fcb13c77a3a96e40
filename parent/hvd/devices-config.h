/* SPDX-License-Identifier: GPL-2.0-only */
/* What the processes of a guest's devices are told: for devices.c. */
#ifndef HVD_DEVICES_CONFIG_H
#define HVD_DEVICES_CONFIG_H

#include "partition.h"
#include "peer.h"
#include "spawn.h"

/*
 * Parameters of Configure, with the descriptors given along to the peer's next call.
 * socket: the provider's end of the pair. NULL with failure.
 */
sd_json_variant *devices_config(struct partition *partition, struct peer *peer, enum peer_role role,
				int socket, struct failure *failure);

/* Parameters of org.mullion.Vsp.Provide for the devices of that role's process. */
sd_json_variant *devices_offer(const struct partition *partition, struct peer *vsp,
			       enum peer_role role, int socket);

/* The same for one card more, which has a socket of its own. */
sd_json_variant *devices_offer_card(const struct partition *partition, struct peer *vsp,
				    const struct domain_card *card, int socket);

/* One disk or card as Configure, AddDisk and AddCard have it; the same. */
sd_json_variant *devices_disk(const struct partition *partition, struct peer *peer,
			      const struct domain_disk *disk, struct failure *failure);
sd_json_variant *devices_card(const struct partition *partition, struct peer *peer,
			      struct domain_card *card, struct failure *failure);

/* What the guest knows a device by: always the same for a partition and its device. */
sd_id128_t devices_controller_instance(const struct domain *domain);
sd_id128_t devices_card_instance(const struct domain *domain, const struct domain_card *card);

/* What the process of a partition's screen and GPU may have. */
struct spawner_limits devices_gpu_limits(const struct domain *domain);

/* Whether no guest that runs has the disk's file but by this disk, or all only read it. */
bool devices_disk_is_free(const struct partition *partition, const struct domain_disk *disk,
			  struct failure *failure);

#endif
