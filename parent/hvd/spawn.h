/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts and kills worker processes: as systemd's units mullion-worker@NAME, or,
 * where settings name the program, as children of hvd's own, without any of the
 * walls that the unit puts around them.
 *
 * A worker listens on the socket DIR/NAME/socket, DIR being "worker" in the
 * directory for what runs. hvd's own children have their process id beside it.
 */
#ifndef HVD_SPAWN_H
#define HVD_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "hvd.h"

struct spawner;

struct spawner *spawner_new(struct hvd *hvd);
void spawner_free(struct spawner *spawner);

/*
 * Has the worker of that name started. Whether it comes up shows on its socket; if
 * systemd refuses, operation_worker_failed() is called.
 */
bool spawner_start(struct spawner *spawner, const char *name, struct failure *failure);

/* Kills it; that it is gone shows on the connection. */
void spawner_kill(struct spawner *spawner, const char *name);

/* It is gone: what it left behind goes too. */
void spawner_clean(struct spawner *spawner, const char *name);

/* The path of a worker's socket; false: it would not fit. */
bool spawner_socket(const struct spawner *spawner, const char *name, char *path, size_t size);

/* Calls each(context, name) for every worker that has a place in the directory. */
void spawner_list(struct spawner *spawner, void (*each)(void *context, const char *name),
		  void *context);

#endif
