/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sockets of hvd and who is connected to them: hvd.sock for those who may
 * change something, hvd-ro.sock for everybody.
 */
#ifndef HVD_SERVER_H
#define HVD_SERVER_H

#include <sys/types.h>

#include "hvd.h"
#include "varlink.h"

struct connection;
struct server;

/* Opens the sockets, or takes those of systemd. NULL after it has logged why not. */
struct server *server_new(struct hvd *hvd);
void server_free(struct server *server);

/* Of a link's userdata. */
struct hvd *connection_hvd(const struct connection *connection);
bool connection_is_read_only(const struct connection *connection);

/* "uid 0, pid 17", for the journal; valid until the next call. */
const char *connection_who(const struct connection *connection);

/* One more answer to a call with "more": {"schema": 1, field: json}. */
void connection_notify(struct connection *connection, const char *field, sd_json_variant *json);

/* To be called when a link was given an answer outside of its own method. */
void connection_update(sd_varlink *link);

/* methods.c: makes a server know all methods; read_only: or deny those that change. */
int methods_bind(sd_varlink_server *server, bool read_only);

#endif
