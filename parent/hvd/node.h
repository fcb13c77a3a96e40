/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine that hvd runs on. */
#ifndef HVD_NODE_H
#define HVD_NODE_H

#include "hvd.h"
#include "varlink.h"

/* Bytes of RAM that the parent has. */
uint64_t node_memory(void);

/* CPUs that are online. */
void node_cpus(struct cpuset *cpus);

/* The answer of NodeInfo; NULL: no memory. */
sd_json_variant *node_json(const struct hvd *hvd);

#endif
