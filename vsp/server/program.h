/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-vsp, the program. */
#ifndef VSP_SERVER_PROGRAM_H
#define VSP_SERVER_PROGRAM_H

struct service_program;

/* org.mullion.Vsp on the host (host.h) and the light devices (light.h). */
extern const struct service_program vsp_program;

#endif
