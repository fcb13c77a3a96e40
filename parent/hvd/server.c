/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets and connections, see server.h. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "events.h"
#include "log.h"
#include "mullion_version.h"
#include "pump.h"

#define GROUP "mullion"

struct endpoint {
	struct server *server;
	sd_varlink_server *varlink;
	struct event *accept;
	int fd;
	bool read_only;
};

struct connection {
	struct connection *next;
	struct endpoint *endpoint;
	sd_varlink *link;
	struct pump *pump;
	unsigned int unsent; /* notifications since all was sent */
	struct event *cut; /* ends it, outside of whatever runs now */
};

struct server {
	struct hvd *hvd;
	struct endpoint endpoints[2];
	struct connection *connections;
};

/* What one client, and all together, may have open. A client that sends half a
 * message of the largest size holds 16 MiB. */
static const struct {
	const char *name;
	mode_t mode;
	unsigned int connections;
	unsigned int per_uid;
} sockets[2] = {
	{ "hvd.sock", 0660, 256, 128 },
	{ "hvd-ro.sock", 0666, 64, 8 },
};

struct hvd *connection_hvd(const struct connection *connection)
{
	return connection->endpoint->server->hvd;
}

bool connection_is_read_only(const struct connection *connection)
{
	return connection->endpoint->read_only;
}

const char *connection_who(const struct connection *connection)
{
	static char who[64];
	uid_t uid = (uid_t)-1;
	pid_t pid = 0;

	sd_varlink_get_peer_uid(connection->link, &uid);
	sd_varlink_get_peer_pid(connection->link, &pid);
	snprintf(who, sizeof(who), "uid %u, pid %d", (unsigned int)uid, (int)pid);
	return who;
}

/* One that the server does not have any more. */
static void connection_release(struct connection *connection)
{
	events_forget(connection_hvd(connection)->events, connection);
	event_free(connection->cut);
	pump_free(connection->pump);
	sd_varlink_set_userdata(connection->link, NULL);
	sd_varlink_close_unref(connection->link);
	free(connection);
}

static void connection_free(struct connection *connection)
{
	struct connection **at = &connection->endpoint->server->connections;

	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	connection_release(connection);
}

static void on_end(void *context)
{
	connection_free(context);
}

static void on_cut(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd, (void)what;
	log_warning("%s does not read its events and is disconnected", connection_who(connection));
	connection_free(connection);
}

void connection_notify(struct connection *connection, const char *field, sd_json_variant *json)
{
	static const struct timeval now = { 0 };

	if (!(sd_varlink_get_events(connection->link) & POLLOUT))
		connection->unsent = 0;
	if (++connection->unsent > EVENTS_QUEUE_MAX ||
	    sd_varlink_notifybo(connection->link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				SD_JSON_BUILD_PAIR_VARIANT(field, json)) < 0)
		event_add(connection->cut, &now);
	pump_update(connection->pump);
}

void connection_update(sd_varlink *link)
{
	struct connection *connection = sd_varlink_get_userdata(link);

	if (connection)
		pump_update(connection->pump);
}

/* What drives the link; false: no memory, and all is as before. */
static bool connection_start(struct connection *connection)
{
	struct hvd *hvd = connection_hvd(connection);

	connection->cut = evtimer_new(hvd->base, on_cut, connection);
	if (!connection->cut)
		return false;
	connection->pump = pump_new(hvd->base, &pump_varlink, connection->link, on_end, connection);
	if (!connection->pump)
		event_free(connection->cut);
	return connection->pump;
}

/* A connection with its link; 0 or -errno. The descriptor is the link's then. */
static int connection_make(struct endpoint *endpoint, int fd, struct connection **made)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int error;

	if (!connection)
		return -ENOMEM;
	connection->endpoint = endpoint;
	error = sd_varlink_server_add_connection(endpoint->varlink, fd, &connection->link);
	if (error < 0) {
		free(connection);
		return error;
	}
	*made = connection;
	return 0;
}

static void connection_new(struct endpoint *endpoint, int fd)
{
	struct connection *connection;
	int error = connection_make(endpoint, fd, &connection);

	if (error < 0) {
		log_warning("a client is turned away: %s", strerror(-error));
		close(fd);
		return;
	}
	if (!connection_start(connection)) {
		sd_varlink_close(connection->link);
		free(connection);
		return;
	}
	sd_varlink_ref(connection->link);
	sd_varlink_set_userdata(connection->link, connection);
	if (!endpoint->read_only) {
		sd_varlink_set_allow_fd_passing_output(connection->link, 1);
		sd_varlink_set_allow_fd_passing_input(connection->link, 1);
	}
	connection->next = endpoint->server->connections;
	endpoint->server->connections = connection;
}

static void on_accept(evutil_socket_t socket, short what, void *context)
{
	struct endpoint *endpoint = context;
	int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd >= 0)
		connection_new(endpoint, fd);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_warning("no connection can be taken: %s", strerror(errno));
}

/* ---- the sockets ---- */

/* The group that may change things; without it only root may. */
static void set_group(const char *path)
{
	char buffer[4096];
	struct group group, *found = NULL;

	if (getgrnam_r(GROUP, &group, buffer, sizeof(buffer), &found) || !found)
		return;
	if (chown(path, (uid_t)-1, found->gr_gid) < 0)
		log_warning("%s: %s", path, strerror(errno));
}

/* The socket of that name that systemd has opened for us; -1: none. Whoever connects
 * while there is no hvd then waits for the next one. */
static int passed_socket(const char *name)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names), fd = -1;

	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	return fd;
}

/* An older hvd's socket lies in the way when that was killed. */
static int open_socket(const char *directory, const char *name, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int result;

	if (fd < 0)
		return -errno;
	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory,
			     name) >= sizeof(address.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	unlink(address.sun_path);
	/* Never open wider than it will be. */
	mask = umask(0177);
	result = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (result == 0 && mode == 0660)
		set_group(address.sun_path);
	if (result < 0 || chmod(address.sun_path, mode) < 0 || listen(fd, 64) < 0) {
		result = -errno;
		close(fd);
		return result;
	}
	return fd;
}

static bool endpoint_start(struct endpoint *endpoint, size_t index)
{
	struct hvd *hvd = endpoint->server->hvd;
	int error;

	endpoint->read_only = index == 1;
	endpoint->fd = passed_socket(sockets[index].name);
	if (endpoint->fd < 0)
		endpoint->fd =
			open_socket(hvd->settings.run, sockets[index].name, sockets[index].mode);
	if (endpoint->fd < 0) {
		log_error("%s/%s: %s", hvd->settings.run, sockets[index].name,
			  strerror(-endpoint->fd));
		return false;
	}
	error = sd_varlink_server_new(&endpoint->varlink, SD_VARLINK_SERVER_ACCOUNT_UID);
	if (error >= 0)
		error = sd_varlink_server_set_info(endpoint->varlink, "Mullion", "hvd",
						   MULLION_BUILD, NULL);
	if (error >= 0)
		error = methods_bind(endpoint->varlink, endpoint->read_only);
	if (error < 0) {
		log_error("varlink: %s", strerror(-error));
		return false;
	}
	sd_varlink_server_set_connections_max(endpoint->varlink, sockets[index].connections);
	sd_varlink_server_set_connections_per_uid_max(endpoint->varlink, sockets[index].per_uid);
	endpoint->accept =
		event_new(hvd->base, endpoint->fd, EV_READ | EV_PERSIST, on_accept, endpoint);
	return endpoint->accept && event_add(endpoint->accept, NULL) == 0;
}

struct server *server_new(struct hvd *hvd)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->hvd = hvd;
	for (size_t i = 0; i < 2; i++) {
		server->endpoints[i].server = server;
		server->endpoints[i].fd = -1;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!endpoint_start(&server->endpoints[i], i)) {
			server_free(server);
			return NULL;
		}
	}
	return server;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	while (server->connections) {
		struct connection *first = server->connections;

		server->connections = first->next;
		connection_release(first);
	}
	for (size_t i = 0; i < 2; i++) {
		struct endpoint *endpoint = &server->endpoints[i];

		if (endpoint->accept)
			event_free(endpoint->accept);
		if (endpoint->fd >= 0)
			close(endpoint->fd);
		sd_varlink_server_unref(endpoint->varlink);
	}
	free(server);
}
