/* SPDX-License-Identifier: GPL-2.0-only */
/* org.mullion.Worker as libsystemd wants it: the same as the text in
 * include/mullion/org.mullion.Worker.varlink. */
#ifndef WORKER_INTERFACE_H
#define WORKER_INTERFACE_H

#include <systemd/sd-varlink.h>

#define INTERFACE_ABI 1u

extern const sd_varlink_interface vl_interface_org_mullion_worker;

#endif
