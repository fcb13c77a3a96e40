/* SPDX-License-Identifier: GPL-2.0-only */
/* What hostile-guest is, by its command line. */
#include "vp.h"

void run_vp(struct vp *vp)
{
	if (has_word("beat"))
		beat(vp);
	else if (has_word("garbage"))
		garbage(vp);
	else
		attack(vp);
	die("it came back", 0);
}
