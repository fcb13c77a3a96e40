/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients whose answer comes when a process that serves their guest has answered. */
#ifndef HVD_WAITER_H
#define HVD_WAITER_H

#include "methods.h"

/* A client that waits, and what for. */
struct waiter {
	sd_varlink *client;
	struct hvd *hvd;
	sd_id128_t uuid; /* of the partition */
	struct partition *partition; /* looked at only when all went well */
	struct domain *device; /* AttachDevice, DetachDevice */
	bool config; /* the definition is changed too */
	char target[DOMAIN_TARGET_MAX]; /* ResizeDisk */
	sd_json_variant *disks, *cards, *gpu; /* DeviceStats; gpu: NULL: none */
	/* SetGpu: what is set, in the definition if config, in what runs if live. */
	bool live;
	uint64_t memory, weight, cap; /* UINT64_MAX: stays */
};

/* NULL: no memory. */
struct waiter *waiter_new(sd_varlink *client, struct partition *partition);
void waiter_free(struct waiter *waiter);

/* Answers what was not answered within its method, and frees the waiter. */
void waiter_refuse(struct waiter *waiter, const struct failure *failure);
void waiter_grant(struct waiter *waiter);

/* Answers within a method; failure is filled in. The waiter is freed. */
int waiter_refuse_now(struct waiter *waiter, const struct failure *failure);

int waiter_no_memory(sd_varlink *link);

/* False with failure when no guest runs. */
bool waiter_check_running(const struct partition *partition, struct failure *failure);

#endif
