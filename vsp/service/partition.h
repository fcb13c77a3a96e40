/* SPDX-License-Identifier: GPL-2.0-only */
/* The partition that a process is given. */
#ifndef VSP_PARTITION_H
#define VSP_PARTITION_H

#include "error.h"

struct guest;

/* The guest's memory behind partition_fd, which stays the caller's; pinnable: see
 * attached_guest(). NULL with error. */
struct guest *partition_guest(int fd, bool pinnable, struct error *error);

/* Is it an attached partition, for more than its memory? */
bool partition_check(int fd, struct error *error);

/* What went wrong with partition_fd, by its errno; is false. */
bool partition_error(struct error *error, int number);

#endif
