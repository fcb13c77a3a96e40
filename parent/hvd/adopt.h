/* SPDX-License-Identifier: GPL-2.0-only */
/* What there is when hvd comes up: definitions, and partitions that already run. */
#ifndef HVD_ADOPT_H
#define HVD_ADOPT_H

#include "hvd.h"

/* Reads all definitions; what is wrong with one is logged. */
void adopt_definitions(struct hvd *hvd);

/* Finds what runs, and connects to it; how it is shows later. */
void adopt_running(struct hvd *hvd);

/* Once for each boot of the parent: starts what is to be started then. */
void adopt_autostart(struct hvd *hvd);

#endif
