/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-net: the network cards of one partition. */
#include "program.h"
#include "service.h"

int main(int argc, char **argv)
{
	return service_main(&net_program, argc, argv);
}
