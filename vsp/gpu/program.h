/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-gpu, the program. */
#ifndef VSP_GPU_PROGRAM_H
#define VSP_GPU_PROGRAM_H

struct service_program;

/* org.mullion.Gpu on the screen and the GPU of one partition. */
extern const struct service_program gpu_program;

#endif
