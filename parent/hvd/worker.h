/* SPDX-License-Identifier: GPL-2.0-only */
/* What a worker says of itself: org.mullion.Worker.Status. */
#ifndef HVD_WORKER_H
#define HVD_WORKER_H

#include "lifecycle.h"
#include "varlink.h"

struct worker_status {
	enum worker_state state;
	enum reason reason; /* NONE, POWEROFF, REBOOT, TRIPLE_FAULT, DEBUG_EXIT or FAILED */
	int code; /* -1: none */
	int pid;
	uint64_t id; /* 0: none */
	uint64_t memory; /* bytes; 0: not known */
	uint32_t vcpus; /* 0: not known */
	char detail[256];
	char console[64]; /* "": none, or nothing that we would open */
};

/* False: it is no status. */
bool worker_status_read(sd_json_variant *json, struct worker_status *status);

#endif
