/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts and kills the processes of partitions: as systemd's units mullion-ROLE@NAME,
 * or, where settings name the programs, as children of hvd's own, without any of the
 * walls that the units put around them.
 *
 * A process listens on the socket DIR/NAME/socket, DIR being the role's name in the
 * directory for what runs. hvd's own children have their process id beside it.
 */
#ifndef HVD_SPAWN_H
#define HVD_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "hvd.h"

struct spawner;

/* "PARTITION:TARGET", with its end. */
#define IMAGE_NAME_MAX (DOMAIN_NAME_MAX + DOMAIN_TARGET_MAX + 1u)

struct spawner *spawner_new(struct hvd *hvd);
void spawner_free(struct spawner *spawner);

/* Whether there is a program for that role. */
bool spawner_has(const struct spawner *spawner, enum peer_role role);

/*
 * Has the process of that role and name started. Whether it comes up shows on its
 * socket; if systemd refuses, operation_process_failed() is called.
 */
bool spawner_start(struct spawner *spawner, enum peer_role role, const char *name,
		   struct failure *failure);

/* What a process may have. */
struct spawner_limits {
	uint64_t memory; /* bytes */
	uint32_t weight; /* of its time on the CPUs; 100 is usual */
	uint32_t cap; /* percent of one CPU; 0: none */
};

/*
 * Has the process of that role and name limited so, also one that is started later. done,
 * which may be NULL, tells how it went, perhaps from within; hvd's own children have no
 * limits, which is no failure. False with failure: done will not come.
 */
bool spawner_limit(struct spawner *spawner, enum peer_role role, const char *name,
		   const struct spawner_limits *limits,
		   void (*done)(void *context, const struct failure *failure), void *context,
		   struct failure *failure);

/* Kills it; that it is gone shows on the connection. */
void spawner_kill(struct spawner *spawner, enum peer_role role, const char *name);

/* It is gone: what it left behind goes too. */
void spawner_clean(struct spawner *spawner, enum peer_role role, const char *name);

/* The path of its socket; false: it would not fit. */
bool spawner_socket(const struct spawner *spawner, enum peer_role role, const char *name,
		    char *path, size_t size);

/* Whether it has a place in the directory: it may be there. */
bool spawner_is_known(const struct spawner *spawner, enum peer_role role, const char *name);

/*
 * The same for what shows an image as a raw file (image.h): a program with the options of
 * QEMU's storage daemon. It is asked to end, and its directory goes.
 */
bool spawner_start_image(struct spawner *spawner, const char *name, const char *blockdev,
			 const char *export, struct failure *failure);
void spawner_end_image(struct spawner *spawner, const char *name);

/* What tells its process from one before it, as far as can be seen; 0: there is none. */
uint64_t spawner_image(const struct spawner *spawner, const char *name);

/*
 * Has the unit of a network's bridge started, or with rules read what was written for it,
 * and with configuration networkd do so. Only by systemd. What comes to nothing later is
 * in the journal.
 */
bool spawner_need_network(struct spawner *spawner, const char *bridge, bool rules,
			  bool configuration, struct failure *failure);

/* Calls each(context, name) for every worker that has a place in the directory. */
void spawner_list(struct spawner *spawner, void (*each)(void *context, const char *name),
		  void *context);

#endif
