/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mullion.Worker: see service.h. Each method looks at the state first, then
 * at what it was given; the machine does the rest.
 */
#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-json.h>
#include <time.h>
#include <unistd.h>

#include "interface.h"
#include "mullion_version.h"

#define NAME "org.mullion.Worker"
#define SUBSCRIBERS_MAX 16u

#define JSON_AUTO __attribute__((cleanup(sd_json_variant_unrefp)))

struct service {
	struct machine *machine;
	sd_event *event;
	sd_varlink_server *server;
	sd_varlink *subscribers[SUBSCRIBERS_MAX]; /* NULL: free */
	uint64_t sequence;
	uint64_t changed_ns; /* CLOCK_REALTIME of the last change */
};

/* ---- Answers ---- */

static int reply_error(sd_varlink *link, const struct error *error)
{
	static const struct {
		enum error_kind kind;
		const char *id;
	} ids[] = {
		{ ERROR_CONFIG, NAME ".BadConfiguration" },
		{ ERROR_RESOURCES, NAME ".NoResources" },
		{ ERROR_UNSUPPORTED, NAME ".Unsupported" },
		{ ERROR_DENIED, NAME ".Denied" },
	};
	const char *id = NAME ".Failed";

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i].kind == error->kind)
			id = ids[i].id;
	return sd_varlink_errorbo(link, id, SD_JSON_BUILD_PAIR_STRING("message", error->text));
}

static int reply_state(sd_varlink *link, const struct machine *machine)
{
	return sd_varlink_errorbo(link, NAME ".WrongState",
				  SD_JSON_BUILD_PAIR_STRING("state", state_names[machine->state]));
}

static int reply(sd_varlink *link, struct service *service, bool good, const struct error *error)
{
	if (good)
		return sd_varlink_reply(link, NULL);
	if (error->kind == ERROR_STATE)
		return reply_state(link, service->machine);
	return reply_error(link, error);
}

static int no_parameters(sd_varlink *link, sd_json_variant *parameters, struct service *service)
{
	static const sd_json_dispatch_field none[] = { { .name = NULL } };

	return sd_varlink_dispatch(link, parameters, none, service);
}

/* ---- Events ---- */

static int make_event(const struct service *service, sd_json_variant **event)
{
	const struct machine *machine = service->machine;
	const struct end *end = &machine->end;

	return sd_json_buildo(
		event, SD_JSON_BUILD_PAIR_UNSIGNED("sequence", service->sequence),
		SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", service->changed_ns),
		SD_JSON_BUILD_PAIR_STRING("state", state_names[machine->state]),
		SD_JSON_BUILD_PAIR_STRING("reason", reason_names[end->reason]),
		SD_JSON_BUILD_PAIR_CONDITION(end->detail[0], "detail",
					     SD_JSON_BUILD_STRING(end->detail)),
		SD_JSON_BUILD_PAIR_CONDITION(end->reason == REASON_DEBUG_EXIT, "code",
					     SD_JSON_BUILD_UNSIGNED(end->code)),
		SD_JSON_BUILD_PAIR_CONDITION(machine->partition.fd >= 0, "partition_id",
					     SD_JSON_BUILD_UNSIGNED(machine->partition.id)));
}

static void notify(const struct service *service, sd_varlink *link)
{
	sd_json_variant *event JSON_AUTO = NULL;

	/* A subscriber that cannot be told is one that has gone. */
	if (make_event(service, &event) >= 0)
		sd_varlink_notifybo(link, SD_JSON_BUILD_PAIR_VARIANT("event", event));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_change(struct machine *machine)
{
	struct service *service = machine->context;

	service->sequence++;
	service->changed_ns = now_ns();
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
		if (service->subscribers[i])
			notify(service, service->subscribers[i]);
}

static void forget(struct service *service, const sd_varlink *link)
{
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
		if (service->subscribers[i] == link)
			service->subscribers[i] = sd_varlink_unref(service->subscribers[i]);
}

/* ---- Configure ---- */

/* The fields as they come. */
struct given {
	const char *name, *loader, *kernel_name, *initrd_name, *cmdline;
	sd_id128_t uuid;
	uint64_t memory, vram;
	uint32_t vcpus;
	uint32_t kernel_fd, initrd_fd, mshv_fd; /* UINT32_MAX: none */
	bool hugepages, debug_exit;
};

#define FIELD(name, type, dispatch, flags)                            \
	{ #name, SD_JSON_VARIANT_##type, sd_json_dispatch_##dispatch, \
	  offsetof(struct given, name), flags }

static const sd_json_dispatch_field config_fields[] = {
	FIELD(name, STRING, const_string, SD_JSON_MANDATORY),
	FIELD(uuid, STRING, id128, SD_JSON_NULLABLE),
	FIELD(memory, NUMBER, uint64, SD_JSON_MANDATORY),
	FIELD(vram, NUMBER, uint64, SD_JSON_NULLABLE),
	FIELD(hugepages, BOOLEAN, stdbool, SD_JSON_NULLABLE),
	FIELD(vcpus, NUMBER, uint32, SD_JSON_MANDATORY),
	FIELD(loader, STRING, const_string, SD_JSON_NULLABLE),
	FIELD(kernel_fd, NUMBER, uint32, SD_JSON_MANDATORY),
	FIELD(kernel_name, STRING, const_string, SD_JSON_NULLABLE),
	FIELD(initrd_fd, NUMBER, uint32, SD_JSON_NULLABLE),
	FIELD(initrd_name, STRING, const_string, SD_JSON_NULLABLE),
	FIELD(cmdline, STRING, const_string, SD_JSON_NULLABLE),
	FIELD(mshv_fd, NUMBER, uint32, SD_JSON_NULLABLE),
	FIELD(debug_exit, BOOLEAN, stdbool, SD_JSON_NULLABLE),
	{ .name = NULL },
};

static bool copy(char **to, const char *from, struct error *error)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to || error_errno(error, ENOMEM, "configuration");
}

static bool take(sd_varlink *link, int *fd, uint32_t index, const char *field, struct error *error)
{
	if (index == UINT32_MAX)
		return true;
	*fd = sd_varlink_take_fd(link, index);
	return *fd >= 0 || error_set(error, ERROR_CONFIG,
				     "%s: no descriptor %u came with the message", field, index);
}

static bool make_config(sd_varlink *link, const struct given *given, struct config *config,
			struct error *error)
{
	*config = CONFIG_EMPTY;
	config->uuid = given->uuid;
	config->memory = given->memory;
	config->vram = given->vram;
	config->vcpus = given->vcpus;
	config->hugepages = given->hugepages;
	config->debug_exit = given->debug_exit;
	return copy(&config->name, given->name, error) &&
	       copy(&config->loader, given->loader, error) &&
	       copy(&config->kernel_name, given->kernel_name, error) &&
	       copy(&config->initrd_name, given->initrd_name, error) &&
	       copy(&config->cmdline, given->cmdline, error) &&
	       take(link, &config->kernel, given->kernel_fd, "kernel_fd", error) &&
	       take(link, &config->initrd, given->initrd_fd, "initrd_fd", error) &&
	       take(link, &config->mshv, given->mshv_fd, "mshv_fd", error);
}

/* The console is made with the first configuration and stays. */
static bool need_console(struct machine *machine, struct error *error)
{
	return console_path(machine->console) ||
	       console_open_pty(machine->console, machine->event, error);
}

static int on_configure(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field fields[] = {
		{ "config", SD_JSON_VARIANT_OBJECT, sd_json_dispatch_variant_noref, 0,
		  SD_JSON_MANDATORY },
		{ .name = NULL },
	};
	struct service *service = userdata;
	struct given given = { .kernel_fd = UINT32_MAX,
			       .initrd_fd = UINT32_MAX,
			       .mshv_fd = UINT32_MAX };
	sd_json_variant *object = NULL;
	const char *bad = NULL;
	struct config config;
	struct error error;
	int result;

	(void)flags;
	result = sd_varlink_dispatch(link, parameters, fields, &object);
	if (result != 0)
		return result;
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	if (sd_json_dispatch_full(object, config_fields, NULL, 0, &given, &bad) < 0)
		return sd_varlink_error_invalid_parameter_name(link, bad ? bad : "config");
	if (service->machine->state != STATE_IDLE)
		return reply_state(link, service->machine);
	if (!make_config(link, &given, &config, &error)) {
		config_clear(&config);
		return reply_error(link, &error);
	}
	if (!need_console(service->machine, &error)) {
		config_clear(&config);
		return reply_error(link, &error);
	}
	if (!machine_configure(service->machine, &config, &error))
		return reply_error(link, &error);
	return sd_varlink_replybo(
		link, SD_JSON_BUILD_PAIR_STRING("pty", console_path(service->machine->console)));
}

/* ---- The other methods ---- */

static int on_hello(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	int result = no_parameters(link, parameters, userdata);

	(void)flags;
	if (result != 0)
		return result;
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("abi", INTERFACE_ABI),
				  SD_JSON_BUILD_PAIR_STRING("build", MULLION_BUILD),
				  SD_JSON_BUILD_PAIR_UNSIGNED("pid", (uint64_t)getpid()));
}

static int on_start(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	struct service *service = userdata;
	int result = no_parameters(link, parameters, service);
	struct error error;

	(void)flags;
	if (result != 0)
		return result;
	if (service->machine->state != STATE_CREATED)
		return reply_state(link, service->machine);
	return reply(link, service, machine_run(service->machine, &error), &error);
}

static int on_suspend(sd_varlink *link, sd_json_variant *parameters,
		      sd_varlink_method_flags_t flags, void *userdata)
{
	struct service *service = userdata;
	int result = no_parameters(link, parameters, service);
	struct error error;

	(void)flags;
	if (result != 0)
		return result;
	if (service->machine->state != STATE_RUNNING)
		return reply_state(link, service->machine);
	return reply(link, service, machine_suspend(service->machine, &error), &error);
}

static int on_resume(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	struct service *service = userdata;
	int result = no_parameters(link, parameters, service);
	struct error error;

	(void)flags;
	if (result != 0)
		return result;
	if (service->machine->state != STATE_SUSPENDED)
		return reply_state(link, service->machine);
	return reply(link, service, machine_run(service->machine, &error), &error);
}

static int on_reset(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	struct service *service = userdata;
	int result = no_parameters(link, parameters, service);
	struct error error;

	(void)flags;
	if (result != 0)
		return result;
	if (service->machine->state == STATE_IDLE)
		return reply_state(link, service->machine);
	return reply(link, service, machine_reset(service->machine, &error), &error);
}

static int on_stop(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		   void *userdata)
{
	struct service *service = userdata;
	int result = no_parameters(link, parameters, service);

	(void)flags;
	if (result != 0)
		return result;
	machine_destroy(service->machine);
	result = sd_varlink_reply(link, NULL);
	sd_varlink_flush(link);
	sd_event_exit(service->event, 0);
	return result;
}

static int on_status(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
		     void *userdata)
{
	const struct machine *machine = ((struct service *)userdata)->machine;
	const struct config *config = &machine->config;
	const char *pty = console_path(machine->console);
	const struct end *end = &machine->end;
	bool made = machine->state != STATE_IDLE;
	int result = no_parameters(link, parameters, userdata);

	(void)flags;
	if (result != 0)
		return result;
	return sd_varlink_replybo(
		link, SD_JSON_BUILD_PAIR_STRING("state", state_names[machine->state]),
		SD_JSON_BUILD_PAIR_STRING("reason", reason_names[end->reason]),
		SD_JSON_BUILD_PAIR_CONDITION(end->detail[0], "detail",
					     SD_JSON_BUILD_STRING(end->detail)),
		SD_JSON_BUILD_PAIR_CONDITION(end->reason == REASON_DEBUG_EXIT, "code",
					     SD_JSON_BUILD_UNSIGNED(end->code)),
		SD_JSON_BUILD_PAIR_UNSIGNED("pid", (uint64_t)getpid()),
		SD_JSON_BUILD_PAIR_CONDITION(made, "name", SD_JSON_BUILD_STRING(config->name)),
		SD_JSON_BUILD_PAIR_CONDITION(made && !sd_id128_is_null(config->uuid), "uuid",
					     SD_JSON_BUILD_UUID(config->uuid)),
		SD_JSON_BUILD_PAIR_CONDITION(machine->partition.fd >= 0, "partition_id",
					     SD_JSON_BUILD_UNSIGNED(machine->partition.id)),
		SD_JSON_BUILD_PAIR_CONDITION(pty != NULL, "pty", SD_JSON_BUILD_STRING(pty)),
		SD_JSON_BUILD_PAIR_CONDITION(made, "vcpus", SD_JSON_BUILD_UNSIGNED(config->vcpus)),
		SD_JSON_BUILD_PAIR_CONDITION(made, "memory",
					     SD_JSON_BUILD_UNSIGNED(config->memory)),
		SD_JSON_BUILD_PAIR_UNSIGNED("console_bytes", console_written(machine->console)));
}

static int on_subscribe(sd_varlink *link, sd_json_variant *parameters,
			sd_varlink_method_flags_t flags, void *userdata)
{
	struct error full = { .kind = ERROR_RESOURCES, .text = "too many subscribers" };
	struct service *service = userdata;
	int result = no_parameters(link, parameters, service);

	if (result != 0)
		return result;
	if (!(flags & SD_VARLINK_METHOD_MORE))
		return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		if (service->subscribers[i])
			continue;
		service->subscribers[i] = sd_varlink_ref(link);
		notify(service, link);
		return 0;
	}
	return reply_error(link, &full);
}

/* ---- The server ---- */

static int on_connect(sd_varlink_server *server, sd_varlink *link, void *userdata)
{
	(void)server;
	(void)userdata;
	return sd_varlink_set_allow_fd_passing_input(link, true);
}

static void on_disconnect(sd_varlink_server *server, sd_varlink *link, void *userdata)
{
	(void)server;
	forget(userdata, link);
}

static int listen_on(struct service *service, const char *path)
{
	int count = sd_listen_fds(true), result = 0;

	for (int i = 0; i < count && result >= 0; i++)
		result = sd_varlink_server_listen_fd(service->server, SD_LISTEN_FDS_START + i);
	if (result >= 0 && path)
		result = sd_varlink_server_listen_address(service->server, path, 0600);
	if (result >= 0 && count <= 0 && !path)
		result = -EDESTADDRREQ;
	return result;
}

static int set_up(struct service *service, const char *path)
{
	int result = sd_varlink_server_new(&service->server, SD_VARLINK_SERVER_INHERIT_USERDATA);

	if (result < 0)
		return result;
	sd_varlink_server_set_userdata(service->server, service);
	sd_varlink_server_set_info(service->server, "Mullion", "hv-worker", MULLION_BUILD, NULL);
	result = sd_varlink_server_add_interface(service->server, &vl_interface_org_mullion_worker);
	if (result >= 0)
		result = sd_varlink_server_bind_method_many(
			service->server, NAME ".Hello", on_hello, NAME ".Configure", on_configure,
			NAME ".Start", on_start, NAME ".Suspend", on_suspend, NAME ".Resume",
			on_resume, NAME ".Reset", on_reset, NAME ".Stop", on_stop, NAME ".Status",
			on_status, NAME ".Subscribe", on_subscribe);
	if (result >= 0)
		result = sd_varlink_server_bind_connect(service->server, on_connect);
	if (result >= 0)
		result = sd_varlink_server_bind_disconnect(service->server, on_disconnect);
	if (result >= 0)
		result = listen_on(service, path);
	if (result >= 0)
		result = sd_varlink_server_attach_event(service->server, service->event, 0);
	return result;
}

struct service *service_new(struct machine *machine, sd_event *event, const char *path,
			    struct error *error)
{
	struct service *service = calloc(1, sizeof(*service));
	int result;

	if (!service) {
		error_fill_errno(error, ENOMEM, "service");
		return NULL;
	}
	service->machine = machine;
	service->event = event;
	service->changed_ns = now_ns();
	machine->changed = on_change;
	machine->context = service;
	result = set_up(service, path);
	if (result >= 0)
		return service;
	if (result == -EDESTADDRREQ)
		error_fill(error, ERROR_USAGE, "no socket: neither --listen nor one of systemd's");
	else
		error_fill_errno(error, -result, "%s", path ? path : "systemd's socket");
	service_free(service);
	return NULL;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	service->machine->changed = NULL;
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
		sd_varlink_unref(service->subscribers[i]);
	sd_varlink_server_shutdown(service->server);
	sd_varlink_server_unref(service->server);
	free(service);
}
