/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/mshv as the worker uses it: a partition, its memory and virtual processors.
 * Everything dies with the descriptors.
 */
#ifndef WORKER_PARTITION_H
#define WORKER_PARTITION_H

#include <linux/types.h> /* before the ABI headers, which else make these types */

#include <hyperv/mshv.h>

#include "config.h"
#include "loader.h"
#include "guest-memory.h"
#include "vcpu.h"

struct partition {
	int fd; /* -1: none */
	uint64_t id;
};

struct vp {
	int fd; /* -1: none */
	unsigned index;
	struct hv_vp_register_page *page; /* NULL: the kernel offers none */
};

extern const struct vp_access vp_access; /* for a struct vp */

/* Makes and initialises a partition; its reference time stands still. mshv is an
 * open /dev/mshv. */
bool partition_create(struct partition *partition, int mshv, const struct config *config,
		      struct error *error);
void partition_close(struct partition *partition);

/* All of ram, where guest-memory.h says, for reading, writing and executing. */
bool partition_map(struct partition *partition, const struct ram *ram, struct error *error);

/* Whether the guest's reference time stands still. */
bool partition_freeze(struct partition *partition, bool frozen, struct error *error);

/* To the guest's local APICs. */
bool partition_interrupt(struct partition *partition, const struct interrupt *interrupt);

/* The processor waits for a start-up interrupt, unless vp_boot() is called. */
bool vp_create(struct vp *vp, struct partition *partition, unsigned index, struct error *error);
void vp_close(struct vp *vp);

/* Gives the boot processor the registers that the kernel begins with. */
bool vp_boot(struct vp *vp, const struct boot *boot, struct error *error);

/* Runs the processor until it has a message. Returns 0, or an errno: EINTR when a
 * signal came first. */
int vp_run(struct vp *vp, struct hv_message *message);

#endif
