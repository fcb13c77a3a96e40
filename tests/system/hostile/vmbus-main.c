/* SPDX-License-Identifier: GPL-2.0-only */
/* vmbus-guest: does to the VMBus server what its command line names, and sleeps then. */
#include "vmbus-devices.h"
#include "vmbus-scenarios.h"

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "protocol", scenario_protocol }, { "gpadls", scenario_gpadls },
	{ "deaf", scenario_deaf },	   { "rounds", scenario_rounds },
	{ "rings", scenario_rings },	   { "packets", scenario_packets },
};

void run_vp(struct vp *vp)
{
	if (vp->index)
		rewrite();
	bus_begin();
	for (uint32_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (has_word(scenarios[i].name))
			scenarios[i].run();
	}
	print("vmbus: at the end\n");
	for (;;)
		nap();
}
