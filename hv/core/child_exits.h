/* SPDX-License-Identifier: GPL-2.0-only */
/* The exits of a child's VP. */
#ifndef HV_CORE_CHILD_EXITS_H
#define HV_CORE_CHILD_EXITS_H

struct vp;

/* Own CPU: handles vp->exit. The VP goes on, has nothing to do, or stops with a
 * message. */
void child_exit(struct vp *vp);

#endif
