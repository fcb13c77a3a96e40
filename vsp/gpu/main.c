/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-gpu: the screen and the GPU of one partition. */
#include "program.h"
#include "service.h"

int main(int argc, char **argv)
{
	return service_main(&gpu_program, argc, argv);
}
