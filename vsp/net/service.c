/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mullion.Network: the cards of one partition, from Configure to the process's end.
 * What was made by a call that fails is undone before its answer.
 *
 * A card that is taken away is freed when the guest has closed its channels; the call
 * waits for that.
 */
#include "service.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "given.h"
#include "interface-network.h"
#include "link.h"
#include "parse.h"
#include "partition.h"
#include "program.h"

#define CARDS_MAX 32u
/* How long a guest may take to close the channels of a card, and how often we look. */
#define REMOVE_MS 15000
#define LOOK_MS 20

struct card {
	struct net *net; /* NULL: free */
	struct link *link; /* its own; NULL: that of Configure */
	struct vmbus_guid instance;
	char name[GIVEN_NAME_MAX + 1];
	/* while it is taken away */
	struct event *look; /* NULL: it is not */
	int looks;
	sd_varlink *asked; /* NULL: nobody waits any more */
};

static struct cards {
	struct service *service;
	struct guest *guest;
	struct link *link; /* of all cards that have none of their own; NULL: not configured */
	struct card cards[CARDS_MAX];
} self;

static bool need_link(struct error *error)
{
	return self.link || error_set(error, ERROR_FAILED, "there is no partition yet");
}

/* ---- cards ---- */

static struct card *find(const struct vmbus_guid *instance)
{
	for (unsigned int i = 0; i < CARDS_MAX; i++) {
		struct card *card = &self.cards[i];

		if (card->net && memcmp(&card->instance, instance, sizeof(*instance)) == 0)
			return card;
	}
	return NULL;
}

/* By its name in a call. NULL with error. */
static struct card *find_named(const char *instance, struct error *error)
{
	struct vmbus_guid guid;
	struct card *card;

	if (!need_link(error))
		return NULL;
	if (!parse_guid(instance, &guid)) {
		error_fill(error, ERROR_CONFIG, "instance: not a GUID");
		return NULL;
	}
	card = find(&guid);
	if (!card)
		error_fill(error, ERROR_CONFIG, "instance: there is no such card");
	return card;
}

static struct card *free_place(void)
{
	for (unsigned int i = 0; i < CARDS_MAX; i++)
		if (!self.cards[i].net)
			return &self.cards[i];
	return NULL;
}

/* NULL with error. */
static struct card *add(struct given_card *given, struct error *error)
{
	struct card *card = free_place();
	struct net *net;

	if (!card)
		error_fill(error, ERROR_RESOURCES, "more than %u cards", CARDS_MAX);
	else if (find(&given->instance))
		error_fill(error, ERROR_CONFIG, "card %s: its instance is taken", given->name);
	if (!card || find(&given->instance))
		return NULL;
	net = given_card_make(service_base(self.service), given, error);
	if (!net)
		return NULL;
	*card = (struct card){ .net = net, .instance = given->instance };
	snprintf(card->name, sizeof(card->name), "%s", given->name);
	return card;
}

/* Its channels are closed. */
static void drop(struct card *card)
{
	if (card->look)
		event_free(card->look);
	sd_varlink_unref(card->asked);
	link_free(card->link);
	net_free(card->net);
	*card = (struct card){ 0 };
}

static void drop_all(void)
{
	for (unsigned int i = 0; i < CARDS_MAX; i++)
		if (self.cards[i].net)
			drop(&self.cards[i]);
}

/* ---- Configure, AddCard ---- */

/* context: the card that has the link for itself, or NULL. */
static struct device *find_device(void *context, const struct vmbus_guid *instance)
{
	struct card *card = find(instance);

	return card && !card->look && (card->link ? card : NULL) == context ?
		       net_device(card->net) :
		       NULL;
}

static void on_link_end(void *context)
{
	const struct card *card = context;

	/* Where a card was withdrawn its socket has nothing to do any more. */
	if (!card)
		notice("hv-vsp is gone: the guest has no network any more");
}

struct given {
	const char *name;
	uint32_t partition_fd, socket_fd;
	sd_json_variant *cards;
};

static bool check_given(const struct given *given, struct error *error)
{
	if (self.link)
		return error_set(error, ERROR_FAILED, "there is a partition already");
	if (!is_name(given->name, GIVEN_NAME_MAX))
		return error_set(error, ERROR_CONFIG, "the partition's name is no name");
	if (sd_json_variant_elements(given->cards) > CARDS_MAX)
		return error_set(error, ERROR_CONFIG, "more than %u cards", CARDS_MAX);
	return true;
}

/* One card. As given_card_read(). */
static int read_and_add(sd_varlink *link, sd_json_variant *json, struct card **added,
			struct error *error)
{
	struct given_card card;
	int result = given_card_read(link, json, &card, error);

	*added = result == 0 ? add(&card, error) : NULL;
	given_card_drop(&card);
	return result == 0 ? !*added : result;
}

/* socket becomes the link's, or is closed. */
static bool connect_cards(int partition, int socket, struct error *error)
{
	self.guest = partition_guest(partition, false, error);
	if (self.guest) {
		self.link = link_new(service_base(self.service), socket, self.guest, find_device,
				     on_link_end, NULL);
		if (self.link)
			return true;
		error_fill_errno(error, errno, "socket_fd");
	}
	guest_free(self.guest);
	self.guest = NULL;
	close(socket);
	return false;
}

static bool connect_given(sd_varlink *link, const struct given *given, struct error *error)
{
	int partition, socket;
	bool good;

	if (!service_take(link, given->partition_fd, "partition_fd", &partition, error))
		return false;
	good = service_take_socket(link, given->socket_fd, "socket_fd", &socket, error) &&
	       connect_cards(partition, socket, error);
	close(partition);
	return good;
}

static int on_configure(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(given, name, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, partition_fd, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, socket_fd, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		SERVICE_FIELD(given, cards, ARRAY, sd_json_dispatch_variant_noref,
			      SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct given given = { 0 };
	struct card *card;
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &given);

	(void)flags;
	if (result != 0)
		return result;
	if (!check_given(&given, &error))
		return service_reply_error(userdata, link, &error);
	for (size_t i = 0; i < sd_json_variant_elements(given.cards) && result == 0; i++)
		result =
			read_and_add(link, sd_json_variant_by_index(given.cards, i), &card, &error);
	if (result == 0)
		result = !connect_given(link, &given, &error);
	if (result != 0)
		drop_all();
	return result < 0 ? result : service_reply(userdata, link, result == 0, &error);
}

struct addition {
	sd_json_variant *card;
	uint32_t socket_fd; /* UINT32_MAX: missing */
};

/* The card gets a link of its own. */
static bool connect_card(sd_varlink *link, uint32_t socket_fd, struct card *card,
			 struct error *error)
{
	int socket;

	if (!service_take_socket(link, socket_fd, "socket_fd", &socket, error))
		return false;
	card->link = link_new(service_base(self.service), socket, self.guest, find_device,
			      on_link_end, card);
	if (card->link)
		return true;
	error_fill_errno(error, errno, "socket_fd");
	close(socket);
	return false;
}

static int on_add(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		  void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(addition, card, OBJECT, sd_json_dispatch_variant_noref,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(addition, socket_fd, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_NULLABLE),
		{ .name = NULL },
	};
	struct addition given = { .socket_fd = UINT32_MAX };
	struct card *card;
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &given);

	(void)flags;
	if (result != 0)
		return result;
	if (!need_link(&error))
		return service_reply_error(userdata, link, &error);
	result = read_and_add(link, given.card, &card, &error);
	if (result == 0 && given.socket_fd != UINT32_MAX &&
	    !connect_card(link, given.socket_fd, card, &error)) {
		drop(card);
		result = 1;
	}
	return result < 0 ? result : service_reply(userdata, link, result == 0, &error);
}

/* ---- RemoveCard ---- */

static void answer(struct card *card, bool good, const struct error *error)
{
	if (!card->asked)
		return;
	service_reply(self.service, card->asked, good, error);
	card->asked = sd_varlink_unref(card->asked);
	service_answered(self.service);
}

static bool is_open(const struct card *card)
{
	return link_open_channels(card->link ? card->link : self.link, net_device(card->net)) != 0;
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct card *card = context;
	struct error error;

	(void)fd, (void)what;
	if (!is_open(card)) {
		answer(card, true, NULL);
		drop(card);
	} else if (++card->looks * LOOK_MS >= REMOVE_MS) {
		error_fill(&error, ERROR_FAILED, "card %s: the guest does not let go of it",
			   card->name);
		answer(card, false, &error);
		event_free(card->look);
		card->look = NULL;
	}
}

/* The guest needs a moment: looks again and again. */
static bool start_looking(struct card *card, sd_varlink *link, struct error *error)
{
	static const struct timeval period = { .tv_usec = LOOK_MS * 1000L };

	card->look = event_new(service_base(self.service), -1, EV_PERSIST, on_look, card);
	if (!card->look || event_add(card->look, &period) < 0) {
		if (card->look)
			event_free(card->look);
		card->look = NULL;
		return error_errno(error, ENOMEM, "card %s", card->name);
	}
	card->looks = 0;
	card->asked = sd_varlink_ref(link);
	return true;
}

/* The only parameter of a method. */
static int take_instance(sd_varlink *link, sd_json_variant *parameters, const char **instance)
{
	static const sd_json_dispatch_field fields[] = {
		{ "instance", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		  SD_JSON_MANDATORY },
		{ .name = NULL },
	};

	return sd_varlink_dispatch(link, parameters, fields, instance);
}

static int on_remove(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	const char *instance = NULL;
	struct card *card;
	struct error error;
	int result = take_instance(link, parameters, &instance);

	(void)flags;
	if (result != 0)
		return result;
	card = find_named(instance, &error);
	if (!card)
		return service_reply_error(userdata, link, &error);
	if (card->look) {
		error_fill(&error, ERROR_FAILED, "card %s is being removed already", card->name);
		return service_reply_error(userdata, link, &error);
	}
	if (is_open(card))
		return start_looking(card, link, &error) ?
			       0 :
			       service_reply_error(userdata, link, &error);
	drop(card);
	return sd_varlink_reply(link, NULL);
}

static void on_gone(struct service *service, const sd_varlink *link)
{
	(void)service;
	for (unsigned int i = 0; i < CARDS_MAX; i++)
		if (self.cards[i].asked == link)
			self.cards[i].asked = sd_varlink_unref(self.cards[i].asked);
}

/* ---- the other methods ---- */

struct link_wanted {
	const char *instance;
	bool up;
};

static int on_set_link(sd_varlink *link, sd_json_variant *parameters,
		       sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(link_wanted, instance, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(link_wanted, up, BOOLEAN, sd_json_dispatch_stdbool,
			      SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct link_wanted wanted = { 0 };
	struct card *card;
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &wanted);

	(void)flags;
	if (result != 0)
		return result;
	card = find_named(wanted.instance, &error);
	if (card)
		net_link(card->net, wanted.up);
	return service_reply(userdata, link, card != NULL, &error);
}

static int add_statistics(sd_json_variant **array, const struct card *card)
{
	struct net_statistics statistics;
	char instance[GUID_TEXT];

	format_guid(&card->instance, instance);
	net_statistics(card->net, &statistics);
	return sd_json_variant_append_arraybo(
		array, SD_JSON_BUILD_PAIR_STRING("instance", instance),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_bytes", statistics.rx_bytes),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_packets", statistics.rx_packets),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_drops", statistics.rx_drops),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_errors", statistics.rx_errors),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_bytes", statistics.tx_bytes),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_packets", statistics.tx_packets),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_drops", statistics.tx_drops),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_errors", statistics.tx_errors));
}

static int on_stats(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	sd_json_variant *array JSON_AUTO = NULL;
	struct error error;
	int result = service_no_parameters(link, parameters);

	(void)flags;
	if (result != 0)
		return result;
	if (!need_link(&error))
		return service_reply_error(userdata, link, &error);
	result = sd_json_variant_new_array(&array, NULL, 0);
	for (unsigned int i = 0; i < CARDS_MAX && result >= 0; i++)
		if (self.cards[i].net)
			result = add_statistics(&array, &self.cards[i]);
	return result < 0 ? result :
			    sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("cards", array));
}

/* ---- the program ---- */

static void begin(struct service *service)
{
	self.service = service;
}

static void end(struct service *service)
{
	(void)service;
	/* Cards let go of their channels at once. */
	for (unsigned int i = 0; i < CARDS_MAX; i++) {
		link_free(self.cards[i].link);
		self.cards[i].link = NULL;
	}
	link_free(self.link);
	self.link = NULL;
	drop_all();
	guest_free(self.guest);
	self.guest = NULL;
}

static const struct service_method methods[] = {
	{ "Configure", on_configure }, { "AddCard", on_add }, { "RemoveCard", on_remove },
	{ "SetLink", on_set_link },    { "Stats", on_stats },
};

const struct service_program net_program = {
	.name = "hv-net",
	.about = "Serves the network cards of one partition to its guest, as hvd directs.\n",
	.interface_name = "org.mullion.Network",
	.interface = &org_mullion_Network,
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.begin = begin,
	.end = end,
	.gone = on_gone,
};
