/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-storage: the disks of one partition. */
#include "../service/service.h"
#include "program.h"

int main(int argc, char **argv)
{
	return service_main(&storage_program, argc, argv);
}
