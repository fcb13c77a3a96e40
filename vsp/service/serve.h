/* SPDX-License-Identifier: GPL-2.0-only */
/* The service itself, for service_main(). */
#ifndef VSP_SERVE_H
#define VSP_SERVE_H

#include "service.h"

/* Sockets are those that systemd gives, or one that is made at path. NULL with error. */
struct service *service_new(const struct service_program *program, struct event_base *base,
			    const char *path, struct error *error);
void service_free(struct service *service);

#endif
