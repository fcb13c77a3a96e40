/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of server/ share. */
#ifndef VSP_SERVER_STATE_H
#define VSP_SERVER_STATE_H

#include <linux/types.h> /* before <mullion/parent.h>, which has them too */

#include <event2/event.h>
#include <mullion/uapi.h>

#include "channel.h"
#include "host.h"

#define HOST_DEVICES VMBUS_CHANNELS_MAX
#define HOST_PROVIDERS 16u

/* A channel between BIND and its end: a port of the partition, and who has the channel. */
enum port_state {
	PORT_FREE = 0,
	PORT_BOUND, /* the guest's signals are counted; nobody has the channel */
	PORT_OPENING, /* its provider was asked, or will be when there is one */
	PORT_OPEN,
	PORT_CLOSING, /* its provider was told, or has still to let go */
};

struct port {
	enum port_state state;
	uint32_t device, sub; /* of the protocol core */
	uint32_t connection;
	int signal_in, signal_out, journal; /* -1: none */
	bool bound; /* signal_in, to the connection */
	struct channel *channel; /* of a device of this process; NULL: else */
	bool handed; /* the provider that lives has it */
	bool was_open; /* the guest knows it as open: no answer is expected */
	bool served; /* a provider had it that is gone: the next one resumes it */
	bool vp_due; /* its provider is still to hear of the VP */
	int replaces; /* number of the device whose work it does; -1: none */
	uint64_t *pfns; /* of both rings */
	uint32_t pfn_count, downstream, vp, flag;
};

struct host_offer {
	bool used;
	bool withdrawn; /* until the core says GONE */
	/* A channel does its work: the guest is not to have it, but comes to have it again. */
	bool hidden;
	bool unknown; /* to the core: it has said GONE since */
	struct host_device what;
	struct vmbus_guid instance;
	struct device *local; /* NULL: a provider's */
	uint32_t packet_max; /* bytes */
	int provider; /* index; -1: none lives */
};

struct provider {
	struct host *host;
	int fd; /* -1: free */
	struct event *readable;
};

/* A message that the guest has no room for now. */
struct waiting_post {
	struct waiting_post *next;
	uint32_t vp;
	uint32_t size;
	uint8_t bytes[VMBUS_MESSAGE_MAX];
};

struct queued_event {
	struct queued_event *next;
	struct vmbus_event event;
	struct vmbus_device offer;
};

struct host {
	struct event_base *base;
	const struct host_calls *calls;
	void *context;
	int partition; /* of MULLION_IOC_ATTACH */
	struct guest *guest;
	struct vmbus_server *server;
	struct vmbus_actions *actions;
	bool stepping;
	bool freed; /* by its owner; lives until devices have let go of their channels */
	struct queued_event *queue, **queue_end;
	bool ended, ended_told;

	int message_fd; /* eventfd: messages wait */
	unsigned int bound_messages; /* connections */
	struct event *message, *gone, *retry, *tell;
	struct event *vps; /* tells providers of VPs */
	struct waiting_post *posts, **posts_end;

	struct host_offer offers[HOST_DEVICES]; /* by the core's device number */
	struct port ports[VMBUS_CHANNELS_MAX];
	struct provider providers[HOST_PROVIDERS];

	/* What the owner has still to be told. */
	bool version_changed;
	uint32_t lost_providers; /* bits */
	struct {
		time_t since; /* of the period; seconds, monotonic */
		unsigned int count, left_out;
	} warnings;
};

/* Gives an event to the protocol core and does what follows, now or after what is being
 * done. False: no memory. */
bool host_event(struct host *host, const struct vmbus_event *event);

struct port *host_port(struct host *host, uint32_t device, uint32_t sub);

/* The port's provider said yes or no. */
void host_opened(struct host *host, struct port *port, bool ok);
/* It has let go. */
void host_closed(struct host *host, struct port *port);

/* The port's channel does the work of that device from now on. */
void host_replaces(struct host *host, struct port *port, int number);

/* A line for the administrator, rate-limited. */
void host_warn(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes the callback of that kind come from the loop. */
void host_tell_later(struct host *host);

/* ---- remote.c ---- */

/* False: the provider is not there; the port waits for one. */
bool remote_open(struct host *host, struct port *port);
/* False: the provider is not there: nobody has to let go. */
bool remote_close(struct host *host, struct port *port);
/* Soon, and only the latest: a guest may change it faster than the provider listens. */
void remote_set_vp(struct host *host, struct port *port);
/* Tells those that are due. False: some are still. */
bool remote_tell_vps(struct host *host);
int remote_add(struct host *host, int socket);
void remote_drop(struct host *host, int number);
/* Its end of the socket is closed, which the loop has not seen yet. */
bool remote_is_gone(const struct host *host, int number);

#endif
