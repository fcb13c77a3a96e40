/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-storage, the program. */
#ifndef VSP_STORAGE_PROGRAM_H
#define VSP_STORAGE_PROGRAM_H

struct service_program;

/* org.mullion.Storage on one controller. */
extern const struct service_program storage_program;

#endif
