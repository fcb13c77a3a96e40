/* SPDX-License-Identifier: GPL-2.0-only */
/* See given.h. */
#include "given.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frame.h"
#include "parse.h"
#include "service.h"

/* A number that is missing: 0 is one that was given, and wrong. */
#define MISSING UINT32_MAX
#define HOSTNAME_MAX 63u

/* The fields as they come. */
struct fields {
	const char *instance, *name, *mac, *backend, *hostname;
	uint32_t mtu, queues;
	bool link, headers;
	sd_json_variant *tap_fds, *forwards; /* NULL: missing */
};

#define FIELD(field, kind, dispatch, flags) SERVICE_FIELD(fields, field, kind, dispatch, flags)

static const sd_json_dispatch_field table[] = {
	FIELD(instance, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(name, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(mac, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(mtu, NUMBER, sd_json_dispatch_uint32, SD_JSON_NULLABLE),
	FIELD(queues, NUMBER, sd_json_dispatch_uint32, SD_JSON_NULLABLE),
	FIELD(link, BOOLEAN, sd_json_dispatch_stdbool, SD_JSON_MANDATORY),
	FIELD(backend, STRING, sd_json_dispatch_const_string, SD_JSON_MANDATORY),
	FIELD(tap_fds, ARRAY, sd_json_dispatch_variant_noref, SD_JSON_NULLABLE),
	FIELD(headers, BOOLEAN, sd_json_dispatch_stdbool, SD_JSON_NULLABLE),
	FIELD(forwards, ARRAY, sd_json_dispatch_variant_noref, SD_JSON_NULLABLE),
	FIELD(hostname, STRING, sd_json_dispatch_const_string, SD_JSON_NULLABLE),
	{ .name = NULL },
};

/* ---- what every card has ---- */

static bool check_numbers(const struct fields *fields, struct error *error)
{
	if (fields->mtu != MISSING && (fields->mtu < NET_MTU_MIN || fields->mtu > NET_MTU_MAX))
		return error_set(error, ERROR_CONFIG, "card %s: mtu: not %u to %u", fields->name,
				 NET_MTU_MIN, NET_MTU_MAX);
	if (fields->queues != MISSING && (!fields->queues || fields->queues > NET_QUEUES_MAX))
		return error_set(error, ERROR_CONFIG, "card %s: queues: not 1 to %u", fields->name,
				 NET_QUEUES_MAX);
	return true;
}

static bool take_common(const struct fields *fields, struct given_card *card, struct error *error)
{
	if (!is_name(fields->name, GIVEN_NAME_MAX))
		return error_set(error, ERROR_CONFIG, "a card's name is no name");
	if (!parse_guid(fields->instance, &card->instance))
		return error_set(error, ERROR_CONFIG, "card %s: instance: not a GUID",
				 fields->name);
	if (!parse_mac(fields->mac, card->config.mac))
		return error_set(error, ERROR_CONFIG, "card %s: mac: not a station's address",
				 fields->name);
	if (!check_numbers(fields, error))
		return false;
	card->name = fields->name;
	card->config.mtu = fields->mtu == MISSING ? NET_MTU_DEFAULT : fields->mtu;
	card->config.queues = fields->queues == MISSING ? 1 : fields->queues;
	card->link = fields->link;
	card->user = strcmp(fields->backend, "user") == 0;
	if (!card->user && strcmp(fields->backend, "tap") != 0)
		return error_set(error, ERROR_CONFIG, "card %s: no such backend", fields->name);
	return true;
}

/* ---- tap ---- */

/* A socket that keeps frames apart and leads somewhere. */
static bool is_frame_socket(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int type = 0;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
		return false;
	size = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       (type == SOCK_SEQPACKET || type == SOCK_DGRAM);
}

/* A queue of a tap device that was made as the card needs it. */
static bool is_tap(int fd, bool headers)
{
	struct ifreq request = { 0 };
	int size = 0;

	if (ioctl(fd, TUNGETIFF, &request) < 0 || !(request.ifr_flags & IFF_TAP) ||
	    !(request.ifr_flags & IFF_NO_PI) || headers != !!(request.ifr_flags & IFF_VNET_HDR))
		return false;
	return !headers ||
	       (ioctl(fd, TUNGETVNETHDRSZ, &size) == 0 && size == (int)sizeof(struct frame_header));
}

static bool check_descriptor(const struct given_card *card, int fd, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_errno(error, errno, "card %s: tap_fds", card->name);
	if (S_ISSOCK(status.st_mode) ? is_frame_socket(fd) : is_tap(fd, card->headers))
		return true;
	return error_set(error, ERROR_CONFIG,
			 "card %s: tap_fds: not a queue of a tap, or not with such headers",
			 card->name);
}

static bool take_tap(sd_varlink *link, const struct fields *fields, struct given_card *card,
		     struct error *error)
{
	size_t count = fields->tap_fds ? sd_json_variant_elements(fields->tap_fds) : 0;

	if (fields->forwards || fields->hostname)
		return error_set(error, ERROR_CONFIG,
				 "card %s: forwards and hostname are not for a tap", card->name);
	if (!count || count > NET_QUEUES_MAX)
		return error_set(error, ERROR_CONFIG, "card %s: tap_fds: not 1 to %u", card->name,
				 NET_QUEUES_MAX);
	card->headers = fields->headers;
	for (size_t i = 0; i < count; i++) {
		sd_json_variant *index = sd_json_variant_by_index(fields->tap_fds, i);
		uint64_t number = sd_json_variant_is_unsigned(index) ?
					  sd_json_variant_unsigned(index) :
					  UINT32_MAX;

		if (!service_take(link, number < UINT32_MAX ? (uint32_t)number : UINT32_MAX,
				  "tap_fds", &card->fds[card->fd_count], error))
			return false;
		if (!check_descriptor(card, card->fds[card->fd_count++], error))
			return false;
	}
	return true;
}

/* ---- user ---- */

struct forward_fields {
	bool udp;
	const char *host_address;
	uint16_t host_port, guest_port;
};

static const sd_json_dispatch_field forward_table[] = {
	SERVICE_FIELD(forward_fields, udp, BOOLEAN, sd_json_dispatch_stdbool, SD_JSON_MANDATORY),
	SERVICE_FIELD(forward_fields, host_address, STRING, sd_json_dispatch_const_string,
		      SD_JSON_NULLABLE),
	SERVICE_FIELD(forward_fields, host_port, NUMBER, sd_json_dispatch_uint16,
		      SD_JSON_MANDATORY),
	SERVICE_FIELD(forward_fields, guest_port, NUMBER, sd_json_dispatch_uint16,
		      SD_JSON_MANDATORY),
	{ .name = NULL },
};

/* As given_card_read(). */
static int read_forward(sd_varlink *link, sd_json_variant *json, struct given_card *card,
			struct error *error)
{
	struct net_forward *forward = &card->forwards[card->forward_count];
	struct forward_fields fields = { 0 };
	const char *bad = NULL;

	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	if (sd_json_dispatch_full(json, forward_table, NULL, 0, &fields, &bad) < 0)
		return sd_varlink_error_invalid_parameter_name(link, bad ? bad : "forwards");
	*forward = (struct net_forward){
		.udp = fields.udp,
		.host = { .s_addr = htonl(INADDR_ANY) },
		.host_port = fields.host_port,
		.guest_port = fields.guest_port,
	};
	if (!fields.host_port || !fields.guest_port)
		return !error_set(error, ERROR_CONFIG, "card %s: forwards: port 0", card->name);
	if (fields.host_address && inet_pton(AF_INET, fields.host_address, &forward->host) != 1)
		return !error_set(error, ERROR_CONFIG,
				  "card %s: forwards: host_address: not an IPv4 address",
				  card->name);
	card->forward_count++;
	return 0;
}

static bool is_hostname(const char *text)
{
	size_t length = strlen(text);

	return length && length <= HOSTNAME_MAX && text[0] != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
		       length;
}

/* As given_card_read(). */
static int take_user(sd_varlink *link, const struct fields *fields, struct given_card *card,
		     struct error *error)
{
	size_t count = fields->forwards ? sd_json_variant_elements(fields->forwards) : 0;

	if (fields->tap_fds || fields->headers)
		return !error_set(error, ERROR_CONFIG, "card %s: tap_fds and headers are for a tap",
				  card->name);
	if (fields->hostname && !is_hostname(fields->hostname))
		return !error_set(error, ERROR_CONFIG, "card %s: hostname: not a host's name",
				  card->name);
	card->hostname = fields->hostname;
	if (count > GIVEN_FORWARDS_MAX)
		return !error_set(error, ERROR_CONFIG, "card %s: forwards: more than %u",
				  card->name, GIVEN_FORWARDS_MAX);
	for (size_t i = 0; i < count; i++) {
		int result = read_forward(link, sd_json_variant_by_index(fields->forwards, i), card,
					  error);

		if (result != 0)
			return result;
	}
	return 0;
}

/* ---- the whole ---- */

int given_card_read(sd_varlink *link, sd_json_variant *json, struct given_card *card,
		    struct error *error)
{
	struct fields fields = { .mtu = MISSING, .queues = MISSING };
	const char *bad = NULL;

	*card = (struct given_card){ 0 };
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	if (sd_json_dispatch_full(json, table, NULL, 0, &fields, &bad) < 0)
		return sd_varlink_error_invalid_parameter_name(link, bad ? bad : "card");
	if (!take_common(&fields, card, error))
		return 1;
	if (card->user)
		return take_user(link, &fields, card, error);
	return !take_tap(link, &fields, card, error);
}

void given_card_drop(struct given_card *card)
{
	for (unsigned int i = 0; i < card->fd_count; i++)
		close(card->fds[i]);
	card->fd_count = 0;
}

static struct net_backend *make_user(struct event_base *base, const struct given_card *card,
				     struct error *error)
{
	struct net_user_config config = {
		.hostname = card->hostname,
		.mtu = card->config.mtu,
		.forwards = card->forwards,
		.forward_count = card->forward_count,
	};
	unsigned int forward = card->forward_count;
	struct net_backend *backend = net_backend_user(base, &config, &forward);

	if (backend)
		return backend;
	if (forward < card->forward_count)
		error_fill_errno(error, errno, "card %s: port %u of the host", card->name,
				 card->forwards[forward].host_port);
	else
		error_fill_errno(error, errno, "card %s: user network", card->name);
	return NULL;
}

static struct net_backend *make_tap(struct event_base *base, struct given_card *card,
				    struct error *error)
{
	unsigned int count = card->fd_count;
	struct net_backend *backend;

	card->fd_count = 0;
	backend = net_backend_fd(base, card->fds, count, card->headers);
	if (!backend)
		error_fill_errno(error, errno, "card %s: tap_fds", card->name);
	return backend;
}

struct net *given_card_make(struct event_base *base, struct given_card *card, struct error *error)
{
	struct net_backend *backend = card->user ? make_user(base, card, error) :
						   make_tap(base, card, error);
	struct net *net = backend ? net_new(&card->config, backend) : NULL;

	if (net)
		net_link(net, card->link);
	else if (backend)
		error_fill_errno(error, errno, "card %s", card->name);
	return net;
}
