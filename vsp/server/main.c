/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-vsp: the VMBus server of one partition. */
#include "program.h"
#include "service.h"

int main(int argc, char **argv)
{
	return service_main(&vsp_program, argc, argv);
}
