/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mullion.Vsp: the host of one partition, from Configure to the process's end. What
 * was made by a call that fails is undone before its answer.
 */
#include "service.h"

#include <errno.h>
#include <mullion/gpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "host.h"
#include "interface-vsp.h"
#include "light.h"
#include "pace.h"
#include "parse.h"
#include "partition.h"
#include "program.h"

#define NAME_MAX_LENGTH 128u
#define VCPUS_MAX 64u
/* What a provider may have, in one call. */
#define PROVIDED_MAX VMBUS_CHANNELS_MAX
#define HOLD_MAX_MS 60000u
/* How things stand is told at most once within so long. */
#define NEWS_MS 200u
/* What a guest is told that it has; see UTILS_SHUTDOWN_ANSWER_MS for what we wait. */
#define SHUTDOWN_SECONDS 120u

static struct server {
	struct service *service;
	struct pace *news; /* of how things stand */
	struct host *host; /* NULL: not configured */
	struct device *devices[LIGHTS];
	uint32_t version; /* of VMBus; 0: the guest is not connected */
	uint64_t entries; /* how often keys and values were read */
	sd_varlink *asked; /* who waits for the guest's answer about its shutdown; may be NULL */
} self;

static bool need_host(struct error *error)
{
	return self.host || error_set(error, ERROR_FAILED, "there is no partition yet");
}

/* ---- how things stand ---- */

static const char *heartbeat_name(void)
{
	static const char *const names[] = {
		[UTILS_HEARTBEAT_NONE] = "none",
		[UTILS_HEARTBEAT_OK] = "ok",
		[UTILS_HEARTBEAT_LOST] = "lost",
	};

	return names[self.host ? utils_heartbeat_state(self.devices[LIGHT_HEARTBEAT]) :
				 UTILS_HEARTBEAT_NONE];
}

static const char *version_text(char text[24])
{
	snprintf(text, 24, "%u.%u", self.version >> 16, self.version & 0xffff);
	return text;
}

/* NULL: no memory. */
static sd_json_variant *make_event(const char *warning)
{
	sd_json_variant *event = NULL;
	char version[24];

	sd_json_buildo(&event,
		       SD_JSON_BUILD_PAIR_CONDITION(self.version != 0, "version",
						    SD_JSON_BUILD_STRING(version_text(version))),
		       SD_JSON_BUILD_PAIR_STRING("heartbeat", heartbeat_name()),
		       SD_JSON_BUILD_PAIR_UNSIGNED("entries", self.entries),
		       SD_JSON_BUILD_PAIR_CONDITION(warning != NULL, "warning",
						    SD_JSON_BUILD_STRING(warning)));
	return event;
}

static void tell(const char *warning)
{
	char line[sizeof(((struct error *)0)->text)];
	sd_json_variant *event JSON_AUTO = NULL;

	if (warning) {
		error_clean(line, warning, sizeof(line));
		notice("%s", line);
	}
	event = make_event(warning ? line : NULL);
	service_notify(self.service, event);
}

static void on_news(void *context)
{
	(void)context;
	tell(NULL);
}

static void on_connected(void *context, uint32_t version)
{
	(void)context;
	self.version = version;
	pace_changed(self.news);
}

static void on_warning(void *context, const char *text)
{
	(void)context;
	tell(text);
}

static void on_provider_lost(void *context, int provider)
{
	(void)context;
	notice("provider %d is gone; its devices wait for the next one", provider);
}

static void on_ended(void *context)
{
	(void)context;
	notice("the partition has ended");
}

static void on_heartbeat(void *context, enum utils_heartbeat state)
{
	(void)context, (void)state;
	pace_changed(self.news);
}

static void on_entries(void *context, enum utils_kvp state)
{
	(void)context, (void)state;
	self.entries++;
	pace_changed(self.news);
}

static bool reference_time(void *context, uint64_t *time)
{
	(void)context;
	return self.host && host_reference_time(self.host, time);
}

/* ---- shutdown ---- */

/* The guest begins with it, or error says why not. */
static bool judge(enum utils_answer answer, uint32_t status, struct error *error)
{
	switch (answer) {
	case UTILS_ACCEPTED:
		return true;
	case UTILS_REFUSED:
		return error_set(error, ERROR_FAILED, "the guest refuses (status 0x%08x)", status);
	case UTILS_NO_ANSWER:
		return error_set(error, ERROR_FAILED, "the guest has not answered in %u seconds",
				 UTILS_SHUTDOWN_ANSWER_MS / 1000);
	default:
		return error_set(error, ERROR_FAILED, "the guest's driver went away");
	}
}

static void on_answered(void *context, enum utils_power what, enum utils_answer answer,
			uint32_t status)
{
	sd_varlink *link = self.asked;
	struct error error;
	bool good = judge(answer, status, &error);
	char line[sizeof(error.text)];

	(void)context;
	if (!good) {
		snprintf(line, sizeof(line), "%s: %.200s",
			 what == UTILS_REBOOT ? "reboot" : "power-off", error.text);
		tell(line);
	}
	if (!link)
		return;
	self.asked = NULL;
	service_reply(self.service, link, good, &error);
	sd_varlink_unref(link);
	service_answered(self.service);
}

static void on_gone(struct service *service, const sd_varlink *link)
{
	(void)service;
	if (self.asked == link)
		self.asked = sd_varlink_unref(self.asked);
}

static bool utils_good(enum utils_result result, struct error *error)
{
	static const enum error_kind kinds[] = {
		[UTILS_NOT_READY] = ERROR_NOT_READY,
		[UTILS_BUSY] = ERROR_FAILED,
		[UTILS_UNSUPPORTED] = ERROR_UNSUPPORTED,
		[UTILS_INVALID] = ERROR_CONFIG,
	};

	if (result == UTILS_OK)
		return true;
	return error_set(error, kinds[result], "%s", utils_text(result));
}

static int ask(struct service *service, sd_varlink *link, sd_json_variant *parameters,
	       enum utils_power what)
{
	static const sd_json_dispatch_field fields[] = {
		{ "reason", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		  SD_JSON_NULLABLE },
		{ .name = NULL },
	};
	const char *reason = NULL;
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &reason);

	if (result != 0)
		return result;
	if (!need_host(&error) ||
	    !utils_good(utils_shutdown_request(self.devices[LIGHT_SHUTDOWN], what, true,
					       SHUTDOWN_SECONDS, reason),
			&error))
		return service_reply_error(service, link, &error);
	/* Answered by on_answered(); nobody waits there: a request under way is BUSY. */
	self.asked = sd_varlink_ref(link);
	return 0;
}

static int on_power_off(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	(void)flags;
	return ask(userdata, link, parameters, UTILS_POWER_OFF);
}

static int on_reboot(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	(void)flags;
	return ask(userdata, link, parameters, UTILS_REBOOT);
}

/* ---- Configure ---- */

static const struct host_calls host_calls = {
	.connected = on_connected,
	.warning = on_warning,
	.provider_lost = on_provider_lost,
	.ended = on_ended,
};

static const struct light_calls light_calls = {
	.shutdown = { .answered = on_answered },
	.timesync = { .reference_time = reference_time },
	.heartbeat = on_heartbeat,
	.entries = on_entries,
};

static void unmake(void)
{
	host_free(self.host);
	self.host = NULL;
	light_free(self.devices);
	self.version = 0;
	pace_free(self.news);
	self.news = NULL;
}

/* All or nothing. */
static bool make(int partition, uint32_t vcpus, struct error *error)
{
	self.news = pace_new(service_base(self.service), NEWS_MS, on_news, NULL);
	if (!self.news || !light_new(self.devices, &light_calls, NULL)) {
		unmake();
		return error_errno(error, ENOMEM, "devices");
	}
	self.host = host_new(service_base(self.service), partition, vcpus, &host_calls, NULL);
	if (!self.host) {
		partition_error(error, errno);
		unmake();
		return false;
	}
	if (light_offer(self.devices, self.host))
		return true;
	unmake();
	return error_set(error, ERROR_RESOURCES, "the devices cannot be offered");
}

struct given {
	const char *name;
	uint32_t vcpus, partition_fd;
};

static bool configure(sd_varlink *link, const struct given *given, struct error *error)
{
	int partition;
	bool made;

	if (self.host)
		return error_set(error, ERROR_FAILED, "there is a partition already");
	if (!is_name(given->name, NAME_MAX_LENGTH))
		return error_set(error, ERROR_CONFIG, "the partition's name is no name");
	if (!given->vcpus || given->vcpus > VCPUS_MAX)
		return error_set(error, ERROR_CONFIG, "vcpus: not 1 to %u", VCPUS_MAX);
	if (!service_take(link, given->partition_fd, "partition_fd", &partition, error))
		return false;
	made = partition_check(partition, error) && make(partition, given->vcpus, error);
	close(partition);
	return made;
}

static int on_configure(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(given, name, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(given, vcpus, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		SERVICE_FIELD(given, partition_fd, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct given given = { 0 };
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &given);

	(void)flags;
	if (result != 0)
		return result;
	return service_reply(userdata, link, configure(link, &given, &error), &error);
}

/* ---- devices of providers ---- */

struct described {
	const char *class, *instance;
	uint32_t mmio_megabytes;
};

static bool find_class(const char *name, struct host_device *what, struct error *error)
{
	const struct {
		const char *name;
		struct vmbus_guid class;
		bool pipe;
		uint32_t packet_max;
	} classes[] = {
		{ "scsi", VMBUS_CLASS_SCSI, false, 0 },
		{ "network", VMBUS_CLASS_NETWORK, false, 0 },
		{ "video", VMBUS_CLASS_VIDEO, true, 0 },
		{ "gpu", VMBUS_GUID_OF(MULLION_GPU_CLASS), false, CHANNEL_PACKET_GPU },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcmp(classes[i].name, name) == 0) {
			what->class = classes[i].class;
			what->pipe = classes[i].pipe;
			what->packet_max = classes[i].packet_max;
			return true;
		}
	}
	return error_set(error, ERROR_UNSUPPORTED,
			 "class: devices of this class cannot be offered");
}

static bool convert(const struct described *from, struct host_device *to, struct error *error)
{
	*to = (struct host_device){ 0 };
	if (!find_class(from->class, to, error))
		return false;
	if (!parse_guid(from->instance, &to->instance))
		return error_set(error, ERROR_CONFIG, "instance: not a GUID");
	if (from->mmio_megabytes > UINT16_MAX)
		return error_set(error, ERROR_CONFIG, "mmio_megabytes: more than %u", UINT16_MAX);
	to->mmio_megabytes = (uint16_t)from->mmio_megabytes;
	return true;
}

static bool is_new(const struct host_device *devices, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&devices[i].instance, &devices[count].instance,
			   sizeof(devices[i].instance)) == 0)
			return error_set(error, ERROR_CONFIG, "two devices of one instance");
	return true;
}

/* 0; negative: the caller was answered, what the method returns; positive: error. */
static int read_devices(sd_varlink *link, sd_json_variant *array, struct host_device *devices,
			struct error *error)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(described, class, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(described, instance, STRING, sd_json_dispatch_const_string,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(described, mmio_megabytes, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_NULLABLE),
		{ .name = NULL },
	};

	for (size_t i = 0; i < sd_json_variant_elements(array); i++) {
		struct described described = { .mmio_megabytes = UINT32_MAX };
		const char *bad = NULL;

		/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
		if (sd_json_dispatch_full(sd_json_variant_by_index(array, i), fields, NULL, 0,
					  &described, &bad) < 0)
			return sd_varlink_error_invalid_parameter_name(link, bad ? bad : "devices");
		if (described.mmio_megabytes == UINT32_MAX)
			described.mmio_megabytes = 0;
		if (!convert(&described, &devices[i], error) || !is_new(devices, i, error))
			return 1;
	}
	return 0;
}

static bool provide(sd_varlink *link, const struct host_device *devices, unsigned int count,
		    uint32_t socket_fd, struct error *error)
{
	int fd;

	if (!service_take_socket(link, socket_fd, "socket_fd", &fd, error))
		return false;
	if (host_provide(self.host, devices, count, fd) >= 0)
		return true;
	if (errno == EEXIST)
		return error_set(error, ERROR_CONFIG,
				 "a device of that instance is there and lives");
	if (errno == EINVAL)
		return error_set(error, ERROR_CONFIG, "devices that cannot be offered");
	return error_errno(error, errno, "devices");
}

struct provided {
	sd_json_variant *devices;
	uint32_t socket_fd;
};

static int on_provide(sd_varlink *link, sd_json_variant *parameters,
		      sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		SERVICE_FIELD(provided, devices, ARRAY, sd_json_dispatch_variant_noref,
			      SD_JSON_MANDATORY),
		SERVICE_FIELD(provided, socket_fd, NUMBER, sd_json_dispatch_uint32,
			      SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct host_device devices[PROVIDED_MAX];
	struct provided provided = { 0 };
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &provided);
	size_t count;

	(void)flags;
	if (result != 0)
		return result;
	count = sd_json_variant_elements(provided.devices);
	if (!need_host(&error))
		return service_reply_error(userdata, link, &error);
	if (!count || count > PROVIDED_MAX) {
		error_fill(&error, ERROR_CONFIG, "devices: not 1 to %u", PROVIDED_MAX);
		return service_reply_error(userdata, link, &error);
	}
	result = read_devices(link, provided.devices, devices, &error);
	if (result < 0)
		return result;
	return service_reply(userdata, link,
			     result == 0 && provide(link, devices, (unsigned int)count,
						    provided.socket_fd, &error),
			     &error);
}

static bool withdraw(const char *instance, struct error *error)
{
	struct vmbus_guid guid;

	if (!need_host(error))
		return false;
	if (!parse_guid(instance, &guid))
		return error_set(error, ERROR_CONFIG, "instance: not a GUID");
	return host_withdraw(self.host, &guid) ||
	       error_set(error, ERROR_CONFIG, "instance: there is no such device");
}

static int on_withdraw(sd_varlink *link, sd_json_variant *parameters,
		       sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		{ "instance", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		  SD_JSON_MANDATORY },
		{ .name = NULL },
	};
	const char *instance = NULL;
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &instance);

	(void)flags;
	if (result != 0)
		return result;
	return service_reply(userdata, link, withdraw(instance, &error), &error);
}

/* ---- keys, time ---- */

struct pressed {
	uint16_t codes[INPUT_PRESS_MAX];
	unsigned int count; /* larger than INPUT_PRESS_MAX: too many */
	uint32_t hold_ms;
};

static int dispatch_codes(const char *name, sd_json_variant *json, sd_json_dispatch_flags_t flags,
			  void *userdata)
{
	struct pressed *pressed = userdata;
	size_t count = sd_json_variant_elements(json);

	(void)name, (void)flags;
	pressed->count = count > INPUT_PRESS_MAX ? INPUT_PRESS_MAX + 1 : (unsigned int)count;
	for (size_t i = 0; i < count && i < INPUT_PRESS_MAX; i++) {
		sd_json_variant *code = sd_json_variant_by_index(json, i);

		if (!sd_json_variant_is_unsigned(code))
			return -EINVAL;
		/* No key has number 0: it stands for all that are too large. */
		if (sd_json_variant_unsigned(code) <= UINT16_MAX)
			pressed->codes[i] = (uint16_t)sd_json_variant_unsigned(code);
	}
	return 0;
}

static bool press(const struct pressed *pressed, struct error *error)
{
	static const enum error_kind kinds[] = {
		[INPUT_NOT_READY] = ERROR_NOT_READY, [INPUT_FULL] = ERROR_FAILED,
		[INPUT_BUSY] = ERROR_FAILED,	     [INPUT_NO_KEY] = ERROR_CONFIG,
		[INPUT_INVALID] = ERROR_CONFIG,
	};
	enum input_result result;

	if (!need_host(error))
		return false;
	if (!pressed->count || pressed->count > INPUT_PRESS_MAX)
		return error_set(error, ERROR_CONFIG, "codes: not 1 to %u keys", INPUT_PRESS_MAX);
	if (pressed->hold_ms > HOLD_MAX_MS)
		return error_set(error, ERROR_CONFIG, "hold_ms: more than %u", HOLD_MAX_MS);
	result = input_keyboard_press(self.devices[LIGHT_KEYBOARD], pressed->codes, pressed->count,
				      pressed->hold_ms);
	return result == INPUT_OK || error_set(error, kinds[result], "%s", input_text(result));
}

static int on_send_keys(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		{ "codes", SD_JSON_VARIANT_ARRAY, dispatch_codes, 0, SD_JSON_MANDATORY },
		SERVICE_FIELD(pressed, hold_ms, NUMBER, sd_json_dispatch_uint32, SD_JSON_MANDATORY),
		{ .name = NULL },
	};
	struct pressed pressed = { 0 };
	struct error error;
	int result = sd_varlink_dispatch(link, parameters, fields, &pressed);

	(void)flags;
	if (result != 0)
		return result;
	return service_reply(userdata, link, press(&pressed, &error), &error);
}

static int on_set_time(sd_varlink *link, sd_json_variant *parameters,
		       sd_varlink_method_flags_t flags, void *userdata)
{
	struct error error;
	int result = service_no_parameters(link, parameters);
	bool good;

	(void)flags;
	if (result != 0)
		return result;
	good = need_host(&error) &&
	       utils_good(utils_timesync_set(self.devices[LIGHT_TIMESYNC]), &error);
	return service_reply(userdata, link, good, &error);
}

/* ---- Status, Subscribe ---- */

static int add_entries(sd_json_variant **array)
{
	const struct utils_kvp_entry *entries = NULL;
	unsigned int count = self.host ? utils_kvp_table(self.devices[LIGHT_KVP], &entries) : 0;
	int result = sd_json_variant_new_array(array, NULL, 0);

	for (unsigned int i = 0; i < count && result >= 0; i++)
		result = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_STRING("key", entries[i].key),
			SD_JSON_BUILD_PAIR_STRING("value", entries[i].value));
	return result;
}

static int on_status(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	sd_json_variant *entries JSON_AUTO = NULL;
	struct vmbus_counters counters = { 0 };
	enum utils_kvp kvp = UTILS_KVP_NONE;
	bool shutdown = false, keyboard = false;
	char version[24];
	int result = service_no_parameters(link, parameters);

	(void)flags, (void)userdata;
	if (result == 0)
		result = add_entries(&entries);
	if (result < 0)
		return result;
	if (self.host) {
		host_count(self.host, &counters);
		kvp = utils_kvp_state(self.devices[LIGHT_KVP]);
		shutdown = utils_status(self.devices[LIGHT_SHUTDOWN]).state == UTILS_READY;
		keyboard = input_is_ready(self.devices[LIGHT_KEYBOARD]);
	}
	return sd_varlink_replybo(
		link, SD_JSON_BUILD_PAIR_UNSIGNED("pid", (uint64_t)getpid()),
		SD_JSON_BUILD_PAIR_CONDITION(self.version != 0, "version",
					     SD_JSON_BUILD_STRING(version_text(version))),
		SD_JSON_BUILD_PAIR_STRING("heartbeat", heartbeat_name()),
		SD_JSON_BUILD_PAIR_BOOLEAN("shutdown_ready", shutdown),
		SD_JSON_BUILD_PAIR_BOOLEAN("keyboard_ready", keyboard),
		SD_JSON_BUILD_PAIR_VARIANT("entries", entries),
		SD_JSON_BUILD_PAIR_STRING("entries_state", utils_kvp_text(kvp)),
		SD_JSON_BUILD_PAIR_UNSIGNED("messages", counters.messages),
		SD_JSON_BUILD_PAIR_UNSIGNED("dropped", counters.dropped),
		SD_JSON_BUILD_PAIR_UNSIGNED("channels", counters.channels),
		SD_JSON_BUILD_PAIR_UNSIGNED("gpadls", counters.gpadls));
}

static int on_subscribe(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *event JSON_AUTO = NULL;
	int result = service_no_parameters(link, parameters);

	if (result != 0)
		return result;
	event = make_event(NULL);
	return service_subscribe(userdata, link, flags, event);
}

/* ---- the program ---- */

static void begin(struct service *service)
{
	self.service = service;
}

static void end(struct service *service)
{
	(void)service;
	self.asked = sd_varlink_unref(self.asked);
	unmake();
}

static const struct service_method methods[] = {
	{ "Configure", on_configure }, { "Provide", on_provide }, { "Withdraw", on_withdraw },
	{ "PowerOff", on_power_off },  { "Reboot", on_reboot },	  { "SendKeys", on_send_keys },
	{ "SetTime", on_set_time },    { "Status", on_status },	  { "Subscribe", on_subscribe },
};

const struct service_program vsp_program = {
	.name = "hv-vsp",
	.about = "Serves VMBus to the guest of one partition, as hvd directs.\n",
	.interface_name = "org.mullion.Vsp",
	.interface = &org_mullion_Vsp,
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.begin = begin,
	.end = end,
	.gone = on_gone,
};
