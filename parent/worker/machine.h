/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's life: memory, partition, one thread for each virtual processor, and
 * the states of org.mullion.Worker. All functions belong to the event loop's
 * thread; what the processors' threads have to say arrives there too.
 */
#ifndef WORKER_MACHINE_H
#define WORKER_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <systemd/sd-event.h>

#include "board.h"
#include "config.h"
#include "console.h"
#include "partition.h"
#include "guest-memory.h"

enum state {
	STATE_IDLE,
	STATE_CREATED,
	STATE_RUNNING,
	STATE_SUSPENDED,
	STATE_STOPPED,
	STATE_COUNT
};

extern const char *const state_names[STATE_COUNT];

struct machine;

struct processor {
	struct machine *machine;
	struct vp vp;
	struct vcpu vcpu;
	pthread_t thread;
};

struct machine {
	struct config config;
	enum state state;
	struct end end; /* with STATE_STOPPED */
	sd_event *event;
	void (*changed)(struct machine *machine); /* state or end have */
	void *context; /* changed's */

	struct console *console; /* once configured; kept to the worker's end */
	struct board board;
	struct ram ram;
	struct partition partition;
	struct processor processors[CONFIG_VCPUS_MAX];
	unsigned threads; /* of processors that have one */

	/* Between the threads. */
	pthread_mutex_t lock;
	pthread_cond_t condition;
	atomic_bool run; /* the processors shall run */
	bool quit; /* their threads shall end */
	unsigned running; /* threads that are not waiting */
	struct end ended; /* what a processor reports, once */
	int report; /* eventfd behind it */
	sd_event_source *report_source;
};

bool machine_init(struct machine *machine, sd_event *event, struct error *error);
void machine_free(struct machine *machine);

/*
 * IDLE to CREATED. Takes config over, also when it fails (it is then empty).
 * console is open.
 */
bool machine_configure(struct machine *machine, struct config *config, struct error *error);

/* CREATED or SUSPENDED to RUNNING. */
bool machine_run(struct machine *machine, struct error *error);

/* RUNNING to SUSPENDED. */
bool machine_suspend(struct machine *machine, struct error *error);

/* Anything but IDLE to CREATED, in a new partition with the same configuration.
 * When that fails the guest is STOPPED for that reason. */
bool machine_reset(struct machine *machine, struct error *error);

/* Gives the partition and the memory back. */
void machine_destroy(struct machine *machine);

#endif
