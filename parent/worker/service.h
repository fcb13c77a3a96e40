/* SPDX-License-Identifier: GPL-2.0-only */
/* org.mullion.Worker: the machine as a varlink service. */
#ifndef WORKER_SERVICE_H
#define WORKER_SERVICE_H

#include <systemd/sd-event.h>

#include "error.h"
#include "machine.h"

struct service;

/* Sockets are those that systemd gives, or one that is made at path. */
struct service *service_new(struct machine *machine, sd_event *event, const char *path,
			    struct error *error);
void service_free(struct service *service);

#endif
