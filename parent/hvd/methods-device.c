/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest and its devices: Shutdown, Reboot, SendKeys, AttachDevice, DetachDevice,
 * ResizeDisk, DeviceStats. All but the first steps of them are answered when a process
 * that serves the guest has answered.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices-config.h"
#include "devices.h"
#include "events.h"
#include "input.h"
#include "json.h"
#include "log.h"
#include "methods.h"
#include "waiter.h"

#define HOLD_MS 100u
#define HOLD_MAX_MS 60000u
#define KEYS_MAX 16u

#define PARTITION_FIELD                                                       \
	{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, \
	  offsetof(struct parameters, partition), SD_JSON_MANDATORY }

/* ---- Shutdown, Reboot, SendKeys ---- */

static void on_done(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	struct failure own;

	(void)reply;
	if (!failure) {
		waiter_grant(waiter);
		return;
	}
	own = *failure;
	/* The guest is there: it is not so far. */
	if (own.kind == FAILURE_WRONG_STATE)
		own.state = state_names[waiter->partition->state];
	waiter_refuse(waiter, &own);
}

/* A guest that ends before it has answered has done what it was asked for. */
static void on_asked(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	bool ended = failure && failure->kind == FAILURE_WRONG_STATE &&
		     waiter->partition->state != STATE_RUNNING;

	on_done(context, ended ? NULL : failure, reply);
}

/* Asks the guest's server; the client is answered when it is. */
static int call_guest(sd_varlink *link, struct partition *partition, const char *method,
		      sd_json_variant *parameters, devices_done done)
{
	struct waiter *waiter;
	struct failure failure;

	if (!waiter_check_running(partition, &failure))
		return failure_reply(&failure, link, NULL);
	if (!devices_is_up(partition->devices, PEER_VSP)) {
		fail(&failure, FAILURE_UNSUPPORTED, "the guest of %s cannot be asked; see destroy",
		     partition_name(partition));
		return failure_reply(&failure, link, NULL);
	}
	waiter = waiter_new(link, partition);
	if (!waiter)
		return waiter_no_memory(link);
	return devices_call(partition->devices, PEER_VSP, method, parameters, done, waiter,
			    &failure) ?
		       0 :
		       waiter_refuse_now(waiter, &failure);
}

static int ask(sd_varlink *link, sd_json_variant *json, const char *method, const char *what)
{
	int result;
	struct partition *partition = methods_partition(link, json, &result);

	if (!partition)
		return result;
	methods_note(link, what, partition_name(partition));
	return call_guest(link, partition, method, NULL, on_asked);
}

int method_shutdown(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	(void)flags, (void)userdata;
	return ask(link, json, "PowerOff", "shut down");
}

int method_reboot(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		  void *userdata)
{
	(void)flags, (void)userdata;
	return ask(link, json, "Reboot", "reboot");
}

/* The numbers of keys by their names; NULL with failure. */
static sd_json_variant *key_codes(sd_json_variant *keys, struct failure *failure)
{
	sd_json_variant *codes = NULL;
	size_t count = keys ? sd_json_variant_elements(keys) : 0;

	if (!count || count > KEYS_MAX) {
		fail(failure, FAILURE_BAD_CONFIGURATION, "1 to %u keys are sent at once", KEYS_MAX);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		sd_json_variant *key = sd_json_variant_by_index(keys, i);
		const char *name = sd_json_variant_is_string(key) ? sd_json_variant_string(key) :
								    "";
		uint16_t code = input_key_code(name);

		if (!code)
			fail(failure, FAILURE_BAD_CONFIGURATION, "there is no key '%.40s'", name);
		if (!code ||
		    sd_json_variant_append_arrayb(&codes, SD_JSON_BUILD_UNSIGNED(code)) < 0)
			return sd_json_variant_unref(codes);
	}
	return codes;
}

int method_send_keys(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		{ "keys", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_variant_noref,
		  offsetof(struct parameters, keys), SD_JSON_MANDATORY },
		{ "hold_ms", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64,
		  offsetof(struct parameters, hold_ms), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct parameters parameters = { .hold_ms = HOLD_MS };
	JSON_AUTO sd_json_variant *codes = NULL, *call = NULL;
	struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	codes = partition ? key_codes(parameters.keys, &failure) : NULL;
	if (codes && parameters.hold_ms > HOLD_MAX_MS) {
		fail(&failure, FAILURE_BAD_CONFIGURATION, "keys are held for at most %u ms",
		     HOLD_MAX_MS);
		return failure_reply(&failure, link, NULL);
	}
	if (!codes)
		return failure_reply(&failure, link, NULL);
	if (sd_json_buildo(&call, SD_JSON_BUILD_PAIR_VARIANT("codes", codes),
			   SD_JSON_BUILD_PAIR_UNSIGNED("hold_ms", parameters.hold_ms)) < 0)
		return waiter_no_memory(link);
	methods_note(link, "send keys to", partition_name(partition));
	return call_guest(link, partition, "SendKeys", call, on_done);
}

/* ---- AttachDevice, DetachDevice ---- */

/* What clients call the one device of a domain. */
static const char *device_name(const struct domain *device, char text[static DOMAIN_MAC_TEXT])
{
	if (device->disk_count)
		return device->disks[0].target;
	domain_mac_format(device->cards[0].mac, text);
	return text;
}

/* Whether the domain has that device. */
static bool has_device(const struct domain *domain, const struct domain *device)
{
	return device->disk_count ? domain_disk(domain, device->disks[0].target) != NULL :
				    domain_card(domain, device->cards[0].mac) != NULL;
}

static void remove_device(struct domain *domain, const struct domain *device)
{
	if (device->disk_count)
		domain_remove_disk(domain, device->disks[0].target);
	else
		domain_remove_card(domain, device->cards[0].mac);
}

/* The definition with the device, or without it. */
static bool change_config(struct partition *partition, const struct domain *device, bool add,
			  struct failure *failure)
{
	struct domain *config = domain_copy(partition->config);
	struct domain_error error = { 0 };

	if (!config)
		return fail(failure, FAILURE_BUSY, "out of memory");
	if (!add)
		remove_device(config, device);
	else if (!domain_add_devices(config, device, &error))
		fail_domain(failure, &error);
	if (error.problem != DOMAIN_OK || !methods_save(partition, config, failure)) {
		domain_free(config);
		return false;
	}
	domain_free(partition->config);
	partition->config = config;
	events_emit(partition, EVENT_CHANGED);
	return true;
}

static void settle_config(struct waiter *waiter, bool add)
{
	struct failure failure;

	if (!waiter->config || change_config(waiter->partition, waiter->device, add, &failure))
		waiter_grant(waiter);
	else
		waiter_refuse(waiter, &failure);
}

static void on_attached(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	struct partition *partition = waiter->partition;
	struct domain_error ignored;
	char mac[DOMAIN_MAC_TEXT];

	(void)reply;
	if (failure) {
		waiter_refuse(waiter, failure);
		return;
	}
	if (!has_device(partition->live, waiter->device))
		domain_add_devices(partition->live, waiter->device, &ignored);
	partition_note_live(partition);
	events_emit_device(partition, EVENT_DEVICE_ADDED, device_name(waiter->device, mac), NULL);
	settle_config(waiter, true);
}

/* The guest has it no more. A disk's event comes when its file is closed. */
static void on_detached(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	struct partition *partition = waiter->partition;
	char mac[DOMAIN_MAC_TEXT];

	(void)reply;
	if (failure) {
		waiter_refuse(waiter, failure);
		return;
	}
	remove_device(partition->live, waiter->device);
	partition_note_live(partition);
	if (waiter->device->card_count)
		events_emit_device(partition, EVENT_DEVICE_REMOVED,
				   device_name(waiter->device, mac), NULL);
	devices_trim(partition->devices);
	settle_config(waiter, false);
}

/* The parameters of a call about one card. */
static sd_json_variant *card_parameters(const struct waiter *waiter)
{
	const struct domain *live = waiter->partition->live;
	sd_id128_t instance = devices_card_instance(live, &waiter->device->cards[0]);
	sd_json_variant *json = NULL;

	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_UUID("instance", instance));
	return json;
}

/* The guest has let go of a card, as far as VMBus goes; its provider is next. */
static void on_withdrawn(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	JSON_AUTO sd_json_variant *parameters = NULL;
	struct failure own;

	(void)reply;
	if (failure) {
		waiter_refuse(waiter, failure);
		return;
	}
	parameters = card_parameters(waiter);
	if (!devices_call(waiter->partition->devices, PEER_NET, "RemoveCard", parameters,
			  on_detached, waiter, &own))
		waiter_refuse(waiter, &own);
}

static bool detach(struct waiter *waiter, struct failure *failure)
{
	struct devices *devices = waiter->partition->devices;
	const struct domain *device = waiter->device;
	JSON_AUTO sd_json_variant *parameters = NULL;

	if (device->card_count) {
		parameters = card_parameters(waiter);
		return devices_call(devices, PEER_VSP, "Withdraw", parameters, on_withdrawn, waiter,
				    failure);
	}
	sd_json_buildo(&parameters,
		       SD_JSON_BUILD_PAIR_UNSIGNED("lun", domain_lun(device->disks[0].target)));
	return devices_call(devices, PEER_STORAGE, "RemoveDisk", parameters, on_detached, waiter,
			    failure);
}

/* Both definitions that are to change allow it. */
static bool check_change(const struct methods_change *change, const struct domain *device, bool add,
			 struct domain_error *error)
{
	struct domain *domains[] = { change->live, change->config };
	unsigned int line = device->disk_count ? device->disks[0].line : device->cards[0].line;
	char mac[DOMAIN_MAC_TEXT];

	for (size_t i = 0; i < 2; i++) {
		if (!domains[i])
			continue;
		if (add && !domain_add_devices(domains[i], device, error))
			return false;
		if (!add && !has_device(domains[i], device))
			return domain_complain(error, DOMAIN_BAD, line,
					       "%s: there is no such device",
					       device_name(device, mac));
	}
	return true;
}

/* The device that a client sends, checked as far as it stands alone. */
static struct domain *take_device(const struct parameters *parameters, bool add,
				  struct domain_error *error)
{
	static const uint8_t none[6];
	struct domain *device =
		domain_parse_device(parameters->xml, strlen(parameters->xml), error);
	int fd = -1;

	if (!device)
		return NULL;
	if (add && device->disk_count) {
		fd = domain_open_disk(&device->disks[0], error);
		if (fd >= 0)
			close(fd);
	}
	if (!add && device->card_count && memcmp(device->cards[0].mac, none, sizeof(none)) == 0)
		domain_complain(error, DOMAIN_BAD, device->cards[0].line,
				"<interface>: which one? The <mac> is missing");
	if (add && !domain_complete(device, NULL))
		domain_complain(error, DOMAIN_FAILED, 0, "no random numbers");
	if (error->problem == DOMAIN_OK)
		return device;
	domain_free(device);
	return NULL;
}

/* One that may begin; takes device over. */
static int change_device(sd_varlink *link, const struct methods_change *change,
			 struct domain *device, bool add)
{
	struct waiter *waiter = waiter_new(link, change->partition);
	struct failure failure;
	bool begun;

	if (!waiter) {
		domain_free(device);
		return waiter_no_memory(link);
	}
	waiter->device = device;
	waiter->config = change->config;
	if (!change->live) {
		/* The definition alone: at once. */
		settle_config(waiter, add);
		return 0;
	}
	begun = add ? devices_attach(change->partition->devices, device, on_attached, waiter,
				     &failure) :
		      detach(waiter, &failure);
	return begun ? 0 : waiter_refuse_now(waiter, &failure);
}

static int method_change_device(sd_varlink *link, sd_json_variant *json, struct hvd *hvd, bool add)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		{ "xml", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, xml), SD_JSON_MANDATORY },
		{ "file", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, file), SD_JSON_NULLABLE },
		{ "scope", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, scope), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct parameters parameters = { 0 };
	struct domain_error error = { 0 };
	struct methods_change change;
	struct partition *partition;
	struct domain *device;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	if (result < 0)
		return result;
	partition = partition_find(hvd, parameters.partition, &failure);
	if (!partition || !methods_change_begin(&change, partition, parameters.scope, &failure))
		return failure_reply(&failure, link, NULL);
	device = take_device(&parameters, add, &error);
	if (!device || !check_change(&change, device, add, &error)) {
		fail_domain(&failure, &error);
		result = failure_reply(&failure, link, parameters.file);
		domain_free(device);
	} else {
		methods_note(link, add ? "attach a device to" : "detach a device from",
			     partition_name(partition));
		result = change_device(link, &change, device, add);
	}
	methods_change_free(&change);
	return result;
}

int method_attach_device(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			 void *userdata)
{
	(void)flags;
	return method_change_device(link, json, connection_hvd(userdata), true);
}

int method_detach_device(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			 void *userdata)
{
	(void)flags;
	return method_change_device(link, json, connection_hvd(userdata), false);
}

/* ---- ResizeDisk ---- */

static void on_resized(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;

	if (failure) {
		waiter_refuse(waiter, failure);
		return;
	}
	sd_varlink_replybo(waiter->client, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
			   SD_JSON_BUILD_PAIR_UNSIGNED("size", json_number(reply, "size")));
	connection_update(waiter->client);
	waiter_free(waiter);
}

static bool check_resize(const struct partition *partition, const char *target,
			 struct failure *failure)
{
	const struct domain_disk *disk = domain_disk(partition->live, target);

	if (!disk)
		return fail(failure, FAILURE_BAD_CONFIGURATION, "%s has no disk '%.40s'",
			    partition_name(partition), target);
	/* Nobody but its own process may write to it. */
	if (disk->format != DOMAIN_RAW)
		return fail(failure, FAILURE_UNSUPPORTED,
			    "%s: an image in the format %s gets another size while it is not in "
			    "use",
			    disk->target, domain_format_name(disk->format));
	return true;
}

int method_resize_disk(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		       void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		{ "target", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, target), SD_JSON_MANDATORY },
		{ 0 },
	};
	struct parameters parameters = { 0 };
	JSON_AUTO sd_json_variant *call = NULL;
	struct partition *partition;
	struct waiter *waiter;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition || !waiter_check_running(partition, &failure))
		return failure_reply(&failure, link, NULL);
	if (!check_resize(partition, parameters.target, &failure))
		return failure_reply(&failure, link, NULL);
	waiter = waiter_new(link, partition);
	sd_json_buildo(&call, SD_JSON_BUILD_PAIR_UNSIGNED("lun", domain_lun(parameters.target)));
	if (!waiter)
		return waiter_no_memory(link);
	methods_note(link, "resize a disk of", partition_name(partition));
	return devices_call(partition->devices, PEER_STORAGE, "ResizeDisk", call, on_resized,
			    waiter, &failure) ?
		       0 :
		       waiter_refuse_now(waiter, &failure);
}

/* ---- DeviceStats ---- */

/* The disks that both the definition and the process know, with the former's names. */
static sd_json_variant *disks_json(const struct domain *live, sd_json_variant *reply)
{
	sd_json_variant *from = json_array(reply, "disks"), *all = NULL;
	size_t count = from ? sd_json_variant_elements(from) : 0;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; live && i < count; i++) {
		JSON_AUTO sd_json_variant *one =
			sd_json_variant_ref(sd_json_variant_by_index(from, i));
		char target[DOMAIN_TARGET_MAX];
		const struct domain_disk *disk;

		domain_target((uint32_t)json_number(one, "lun"), target);
		disk = domain_disk(live, target);
		if (disk && sd_json_variant_set_field_string(&one, "target", target) >= 0 &&
		    sd_json_variant_set_field_string(&one, "source", disk->source) >= 0)
			sd_json_variant_append_array(&all, one);
	}
	return all;
}

static bool is_of(const struct domain *live, const struct domain_card *card, const char *instance)
{
	sd_id128_t id;

	return sd_id128_from_string(instance, &id) >= 0 &&
	       sd_id128_equal(id, devices_card_instance(live, card));
}

static sd_json_variant *cards_json(const struct domain *live, sd_json_variant *reply)
{
	sd_json_variant *from = json_array(reply, "cards"), *all = NULL;
	size_t count = from ? sd_json_variant_elements(from) : 0;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; live && i < count * live->card_count; i++) {
		const struct domain_card *card = &live->cards[i % live->card_count];
		JSON_AUTO sd_json_variant *one =
			sd_json_variant_ref(sd_json_variant_by_index(from, i / live->card_count));
		char mac[DOMAIN_MAC_TEXT];

		if (!is_of(live, card, json_text(one, "instance")))
			continue;
		domain_mac_format(card->mac, mac);
		if (sd_json_variant_set_field_string(&one, "mac", mac) >= 0 &&
		    (!card->target[0] ||
		     sd_json_variant_set_field_string(&one, "target", card->target) >= 0))
			sd_json_variant_append_array(&all, one);
	}
	return all;
}

static void tell_stats(struct waiter *waiter)
{
	sd_varlink_replybo(waiter->client, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
			   SD_JSON_BUILD_PAIR_VARIANT("disks", waiter->disks),
			   SD_JSON_BUILD_PAIR_VARIANT("interfaces", waiter->cards),
			   SD_JSON_BUILD_PAIR_CONDITION(waiter->gpu != NULL, "gpu",
							SD_JSON_BUILD_VARIANT(waiter->gpu)));
	connection_update(waiter->client);
	waiter_free(waiter);
}

static void on_gpu_stats(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;

	if (failure && failure->kind == FAILURE_WRONG_STATE) {
		waiter_refuse(waiter, failure);
		return;
	}
	waiter->gpu = failure ? NULL : json_clean(json_object(reply, "statistics"));
	tell_stats(waiter);
}

static void on_card_stats(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	struct failure own;

	if (failure && failure->kind == FAILURE_WRONG_STATE) {
		waiter_refuse(waiter, failure);
		return;
	}
	waiter->cards = cards_json(waiter->partition->live, failure ? NULL : reply);
	if (!devices_call(waiter->partition->devices, PEER_GPU, "Stats", NULL, on_gpu_stats, waiter,
			  &own))
		on_gpu_stats(waiter, &own, NULL);
}

/* What cannot tell is left out. */
static void on_disk_stats(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	struct failure own;

	if (failure && failure->kind == FAILURE_WRONG_STATE) {
		waiter_refuse(waiter, failure);
		return;
	}
	waiter->disks = disks_json(waiter->partition->live, failure ? NULL : reply);
	if (!devices_call(waiter->partition->devices, PEER_NET, "Stats", NULL, on_card_stats,
			  waiter, &own))
		on_card_stats(waiter, &own, NULL);
}

int method_device_stats(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *userdata)
{
	int result;
	struct partition *partition = methods_partition(link, json, &result);
	struct waiter *waiter;
	struct failure failure;

	(void)flags, (void)userdata;
	if (!partition)
		return result;
	if (partition->state == STATE_SHUTOFF) {
		fail(&failure, FAILURE_WRONG_STATE, "%s does not run", partition_name(partition));
		failure.state = state_names[partition->state];
		return failure_reply(&failure, link, NULL);
	}
	waiter = waiter_new(link, partition);
	if (!waiter)
		return waiter_no_memory(link);
	if (!devices_call(partition->devices, PEER_STORAGE, "Stats", NULL, on_disk_stats, waiter,
			  &failure))
		on_disk_stats(waiter, &failure, NULL);
	return 0;
}
