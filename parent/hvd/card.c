/* SPDX-License-Identifier: GPL-2.0-only */
/* One card more, see card.h: hv-net makes it, then VMBus's server offers it. */
#include "card.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices-config.h"
#include "json.h"

struct adding {
	struct partition *partition;
	struct domain *device; /* with the name of its tap */
	int socket; /* the server's end of the pair; -1: given away */
	devices_done done;
	void *context;
	struct failure failure; /* why it is taken back */
};

static void adding_free(struct adding *adding)
{
	if (!adding)
		return;
	if (adding->socket >= 0)
		close(adding->socket);
	domain_free(adding->device);
	free(adding);
}

static void settle(struct adding *adding, const struct failure *failure)
{
	devices_done done = adding->done;
	void *context = adding->context;
	struct failure copy;

	if (failure)
		copy = *failure;
	adding_free(adding);
	done(context, failure ? &copy : NULL, NULL);
}

/* Whatever this says, the card was not offered, and why not is known. */
static void on_taken_back(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct adding *adding = context;

	(void)failure, (void)reply;
	settle(adding, &adding->failure);
}

static void take_back(struct adding *adding, const struct failure *failure)
{
	const struct domain *live = adding->partition->live;
	JSON_AUTO sd_json_variant *parameters = NULL;
	struct failure ignored;
	sd_id128_t instance;

	adding->failure = *failure;
	if (live) {
		instance = devices_card_instance(live, &adding->device->cards[0]);
		sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_UUID("instance", instance));
	}
	if (!parameters || !devices_call(adding->partition->devices, PEER_NET, "RemoveCard",
					 parameters, on_taken_back, adding, &ignored))
		settle(adding, failure);
}

static void on_provided(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct adding *adding = context;
	struct domain_error error;
	struct failure own;

	(void)reply;
	if (failure) {
		take_back(adding, failure);
	} else if (!domain_add_devices(adding->partition->live, adding->device, &error)) {
		fail_domain(&own, &error);
		take_back(adding, &own);
	} else {
		settle(adding, NULL);
	}
}

static void on_added(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct adding *adding = context;
	struct partition *partition = adding->partition;
	struct peer *vsp = devices_peer(partition->devices, PEER_VSP);
	JSON_AUTO sd_json_variant *parameters = NULL;
	struct failure own;

	(void)reply;
	if (failure) {
		settle(adding, failure);
		return;
	}
	fail(&own, FAILURE_BUSY, "out of memory");
	if (vsp)
		parameters = devices_offer_card(partition, vsp, &adding->device->cards[0],
						adding->socket);
	close(adding->socket);
	adding->socket = -1;
	if (!parameters && vsp)
		peer_drop_fds(vsp);
	if (!parameters || !devices_call(partition->devices, PEER_VSP, "Provide", parameters,
					 on_provided, adding, &own))
		take_back(adding, &own);
}

/* Its description, and its end of a socket pair, for hv-net. NULL with failure. */
static sd_json_variant *describe(struct adding *adding, struct failure *failure)
{
	struct partition *partition = adding->partition;
	struct peer *net = devices_peer(partition->devices, PEER_NET);
	JSON_AUTO sd_json_variant *card = NULL;
	sd_json_variant *json = NULL;
	int pair[2], index;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		fail(failure, FAILURE_BUSY, "no socket");
		return NULL;
	}
	adding->socket = pair[0];
	index = peer_add_fd(net, pair[1]);
	close(pair[1]);
	card = index < 0 ? NULL : devices_card(partition, net, &adding->device->cards[0], failure);
	if (index < 0)
		fail(failure, FAILURE_BUSY, "too many files");
	else if (card && sd_json_buildo(&json, SD_JSON_BUILD_PAIR_VARIANT("card", card),
					SD_JSON_BUILD_PAIR_INTEGER("socket_fd", index)) < 0)
		fail(failure, FAILURE_BUSY, "out of memory");
	if (!json)
		peer_drop_fds(net);
	return json;
}

bool card_add(struct partition *partition, const struct domain *device, devices_done done,
	      void *context, struct failure *failure)
{
	struct adding *adding = calloc(1, sizeof(*adding));
	JSON_AUTO sd_json_variant *parameters = NULL;

	if (!adding)
		return fail(failure, FAILURE_BUSY, "out of memory");
	*adding = (struct adding){
		.partition = partition,
		.device = domain_copy(device),
		.socket = -1,
		.done = done,
		.context = context,
	};
	if (!adding->device)
		fail(failure, FAILURE_BUSY, "out of memory");
	else
		parameters = describe(adding, failure);
	if (parameters && devices_call(partition->devices, PEER_NET, "AddCard", parameters,
				       on_added, adding, failure))
		return true;
	adding_free(adding);
	return false;
}
