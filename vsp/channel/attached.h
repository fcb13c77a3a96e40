/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's memory behind a file of MULLION_IOC_ATTACH. */
#ifndef VSP_ATTACHED_H
#define VSP_ATTACHED_H

#include "guest.h"

/*
 * pinnable: mapped from the VMM's own files where there are such (MULLION_IOC_MEMORY_FILE).
 * A plain file is taken too, as memory from GPA 0 on: for tests. NULL with errno set.
 */
struct guest *attached_guest(int fd, bool pinnable);

#endif
