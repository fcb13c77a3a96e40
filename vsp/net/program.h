/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-net, the program. */
#ifndef VSP_NET_PROGRAM_H
#define VSP_NET_PROGRAM_H

struct service_program;

/* org.mullion.Network on the cards of one partition. */
extern const struct service_program net_program;

#endif
