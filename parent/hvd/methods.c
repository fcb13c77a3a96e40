/* SPDX-License-Identifier: GPL-2.0-only */
/* What clients may call: org.mullion.varlink. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "methods.h"

#include "events.h"
#include "interface.h"
#include "log.h"
#include "mullion_version.h"
#include "node.h"
#include "operation.h"
#include "peer.h"

#define STRING_OF(number) STRING_OF_TEXT(number)
#define STRING_OF_TEXT(number) #number
#define VERSION_TEXT                     \
	STRING_OF(MULLION_VERSION_MAJOR) \
	"." STRING_OF(MULLION_VERSION_MINOR) "." STRING_OF(MULLION_VERSION_PATCH)

static const sd_json_dispatch_field partition_table[] = {
	{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
	  offsetof(struct parameters, partition), SD_JSON_MANDATORY },
	{ 0 },
};

static const sd_json_dispatch_field nothing_table[] = { { 0 } };

int methods_read(sd_varlink *link, sd_json_variant *json, const sd_json_dispatch_field *table,
		 struct parameters *parameters)
{
	int result = sd_varlink_dispatch(link, json, table, parameters);

	/* A positive result says that the error was answered. */
	return result > 0 ? -EINVAL : result;
}

struct partition *methods_partition(sd_varlink *link, sd_json_variant *json, int *result)
{
	struct parameters parameters = { 0 };
	struct partition *partition;
	struct failure failure;

	*result = methods_read(link, json, partition_table, &parameters);
	if (*result < 0)
		return NULL;
	partition = partition_find(connection_hvd(sd_varlink_get_userdata(link)),
				   parameters.partition, &failure);
	if (!partition)
		*result = failure_reply(&failure, link, NULL);
	return partition;
}

int methods_done(sd_varlink *link)
{
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1));
}

int methods_answer(sd_varlink *link, const char *name, sd_json_variant *value)
{
	if (!value)
		return sd_varlink_error_errno(link, -ENOMEM);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				  SD_JSON_BUILD_PAIR_VARIANT(name, value));
}

void methods_note(sd_varlink *link, const char *what, const char *name)
{
	log_info("%s %s (%s)", what, name, connection_who(sd_varlink_get_userdata(link)));
}

void methods_change_free(struct methods_change *change)
{
	domain_free(change->live);
	domain_free(change->config);
	*change = (struct methods_change){ .partition = change->partition };
}

bool methods_change_begin(struct methods_change *change, struct partition *partition,
			  const char *scope, struct failure *failure)
{
	bool both = scope && strcmp(scope, "both") == 0;
	bool live = scope ? both || strcmp(scope, "live") == 0 : partition->live != NULL;
	bool config = scope ? both || strcmp(scope, "config") == 0 : !live;

	*change = (struct methods_change){ .partition = partition };
	if (live && (!partition->live || !partition->id)) {
		fail(failure, FAILURE_WRONG_STATE, "%s does not run", partition_name(partition));
		failure->state = state_names[partition->state];
		return false;
	}
	if (config && !partition->persistent) {
		fail(failure, FAILURE_WRONG_STATE, "%s has no definition",
		     partition_name(partition));
		failure->state = state_names[partition->state];
		return false;
	}
	if (live)
		change->live = domain_copy(partition->live);
	if (config)
		change->config = domain_copy(partition->config);
	if ((!live || change->live) && (!config || change->config))
		return true;
	methods_change_free(change);
	return fail(failure, FAILURE_BUSY, "out of memory");
}

/* ---- questions ---- */

static int method_version(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			  void *userdata)
{
	const struct hvd *hvd = connection_hvd(userdata);
	struct mullion_hv_info info;
	bool hv;
	int result = methods_read(link, json, nothing_table, NULL);

	(void)flags;
	if (result < 0)
		return result;
	hv = hypervisor_info(&hvd->hypervisor, &info) == 0;
	info.build[sizeof(info.build) - 1] = '\0';
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				  SD_JSON_BUILD_PAIR_STRING("version", VERSION_TEXT),
				  SD_JSON_BUILD_PAIR_STRING("build", MULLION_BUILD),
				  SD_JSON_BUILD_PAIR_CONDITION(hv, "hypervisor",
							       SD_JSON_BUILD_STRING(info.build)));
}

static int method_node_info(sd_varlink *link, sd_json_variant *json,
			    sd_varlink_method_flags_t flags, void *userdata)
{
	JSON_AUTO sd_json_variant *node = NULL;
	int result = methods_read(link, json, nothing_table, NULL);

	(void)flags;
	if (result < 0)
		return result;
	node = node_json(connection_hvd(userdata));
	return node ? sd_varlink_reply(link, node) : sd_varlink_error_errno(link, -ENOMEM);
}

static int method_list(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		       void *userdata)
{
	JSON_AUTO sd_json_variant *all = NULL;
	int result = methods_read(link, json, nothing_table, NULL);

	(void)flags;
	if (result < 0)
		return result;
	result = sd_json_variant_new_array(&all, NULL, 0);
	for (struct partition *at = connection_hvd(userdata)->partitions; at && result >= 0;
	     at = at->next) {
		JSON_AUTO sd_json_variant *one = partition_json(at);

		result = one ? sd_json_variant_append_array(&all, one) : -ENOMEM;
	}
	return methods_answer(link, "partitions", result < 0 ? NULL : all);
}

static int method_info(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		       void *userdata)
{
	JSON_AUTO sd_json_variant *info = NULL;
	int result;
	const struct partition *partition = methods_partition(link, json, &result);

	(void)flags, (void)userdata;
	if (!partition)
		return result;
	info = partition_json_info(partition);
	return methods_answer(link, "partition", info);
}

static int add_stats(sd_json_variant **all, const struct partition *partition)
{
	JSON_AUTO sd_json_variant *one = partition_json_stats(partition);

	return one ? sd_json_variant_append_array(all, one) : -ENOMEM;
}

static int method_stats(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, partition), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct hvd *hvd = connection_hvd(userdata);
	JSON_AUTO sd_json_variant *all = NULL;
	struct parameters parameters = { 0 };
	const struct partition *only = NULL;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	if (parameters.partition) {
		only = partition_find(hvd, parameters.partition, &failure);
		if (only && only->state == STATE_SHUTOFF)
			fail(&failure, FAILURE_WRONG_STATE, "%s does not run",
			     partition_name(only));
		if (!only || only->state == STATE_SHUTOFF)
			return failure_reply(&failure, link, NULL);
	}
	result = sd_json_variant_new_array(&all, NULL, 0);
	for (const struct partition *at = hvd->partitions; at && result >= 0; at = at->next) {
		if (only ? at == only : at->state != STATE_SHUTOFF)
			result = add_stats(&all, at);
	}
	return methods_answer(link, "partitions", result < 0 ? NULL : all);
}

/* ---- what is done to partitions ---- */

static int request(sd_varlink *link, struct partition *partition, enum operation_kind kind,
		   bool paused)
{
	struct operation_order order = {
		.kind = kind, .client = link, .paused = paused, .why = { .code = -1 }
	};
	struct failure failure;

	return operation_queue(partition, &order, &failure) ? 0 :
							      failure_reply(&failure, link, NULL);
}

static int method_start(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, partition), SD_JSON_MANDATORY },
		{ "paused", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
		  offsetof(struct parameters, paused), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct parameters parameters = { 0 };
	struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition)
		return failure_reply(&failure, link, NULL);
	methods_note(link, "start", partition_name(partition));
	return request(link, partition, OPERATION_START, parameters.paused);
}

static int simple(sd_varlink *link, sd_json_variant *json, enum operation_kind kind,
		  const char *what)
{
	int result;
	struct partition *partition = methods_partition(link, json, &result);

	if (!partition)
		return result;
	methods_note(link, what, partition_name(partition));
	return request(link, partition, kind, false);
}

static int method_destroy(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			  void *userdata)
{
	(void)flags, (void)userdata;
	return simple(link, json, OPERATION_DESTROY, "destroy");
}

static int method_reset(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *userdata)
{
	(void)flags, (void)userdata;
	return simple(link, json, OPERATION_RESET, "reset");
}

static int method_suspend(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			  void *userdata)
{
	(void)flags, (void)userdata;
	return simple(link, json, OPERATION_SUSPEND, "suspend");
}

static int method_resume(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			 void *userdata)
{
	(void)flags, (void)userdata;
	return simple(link, json, OPERATION_RESUME, "resume");
}

/* The terminal that a worker names has to be one, and its own: not an administrator's. */
static int open_console(const struct partition *partition, struct failure *failure)
{
	int fd = open(partition->console, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;

	if (fd < 0) {
		fail_errno(failure, errno, "the console of %s", partition_name(partition));
		return -1;
	}
	if (fstat(fd, &status) == 0 && isatty(fd) && partition->worker &&
	    peer_is_user(partition->worker, status.st_uid) && fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	close(fd);
	fail(failure, FAILURE_FAILED, "the console of %s is no terminal of its worker",
	     partition_name(partition));
	return -1;
}

static int method_console(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			  void *userdata)
{
	int result, fd, index;
	const struct partition *partition = methods_partition(link, json, &result);
	struct failure failure;

	(void)flags, (void)userdata;
	if (!partition)
		return result;
	if (!partition_check(partition, REQUEST_CONSOLE, &failure))
		return failure_reply(&failure, link, NULL);
	if (!partition->console[0]) {
		fail(&failure, FAILURE_FAILED, "%s has no console", partition_name(partition));
		return failure_reply(&failure, link, NULL);
	}
	fd = open_console(partition, &failure);
	if (fd < 0)
		return failure_reply(&failure, link, NULL);
	methods_note(link, "console of", partition_name(partition));
	index = sd_varlink_push_fd(link, fd);
	if (index < 0) {
		close(fd);
		return index;
	}
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				  SD_JSON_BUILD_PAIR_STRING("console", partition->console),
				  SD_JSON_BUILD_PAIR_INTEGER("console_fd", index));
}

/* ---- events ---- */

static int read_types(sd_json_variant *list, unsigned int *types)
{
	*types = (1u << EVENT_COUNT) - 1;
	if (!list)
		return 0;
	*types = 0;
	for (size_t i = 0; i < sd_json_variant_elements(list); i++) {
		sd_json_variant *one = sd_json_variant_by_index(list, i);
		int type =
			sd_json_variant_is_string(one) ?
				name_index(event_names, EVENT_COUNT, sd_json_variant_string(one)) :
				-1;

		if (type < 0)
			return -EINVAL;
		*types |= 1u << type;
	}
	return 0;
}

static int method_subscribe(sd_varlink *link, sd_json_variant *json,
			    sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, partition), SD_JSON_NULLABLE },
		{ "types", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_variant_noref,
		  offsetof(struct parameters, types), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct hvd *hvd = connection_hvd(userdata);
	struct parameters parameters = { 0 };
	const struct partition *only = NULL;
	struct failure failure;
	unsigned int types;
	int result = methods_read(link, json, table, &parameters);

	if (result < 0)
		return result;
	if (!(flags & SD_VARLINK_METHOD_MORE))
		return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
	if (read_types(parameters.types, &types) < 0)
		return sd_varlink_error_invalid_parameter_name(link, "types");
	if (parameters.partition) {
		only = partition_find(hvd, parameters.partition, &failure);
		if (!only)
			return failure_reply(&failure, link, NULL);
	}
	if (!events_subscribe(hvd->events, userdata, only ? partition_name(only) : NULL, types,
			      &failure))
		return failure_reply(&failure, link, NULL);
	return 0;
}

/* ---- the table ---- */

static int method_denied(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			 void *userdata)
{
	struct failure failure;

	(void)json, (void)flags, (void)userdata;
	fail(&failure, FAILURE_DENIED, "this needs the socket that is not read-only");
	return failure_reply(&failure, link, NULL);
}

int methods_bind(sd_varlink_server *server, bool read_only)
{
	static const struct {
		const char *name;
		sd_varlink_method_t method;
		bool changes;
	} methods[] = {
		{ "org.mullion.Version", method_version, false },
		{ "org.mullion.NodeInfo", method_node_info, false },
		{ "org.mullion.Validate", method_validate, false },
		{ "org.mullion.Define", method_define, true },
		{ "org.mullion.Undefine", method_undefine, true },
		{ "org.mullion.DumpXml", method_dump_xml, false },
		{ "org.mullion.List", method_list, false },
		{ "org.mullion.Info", method_info, false },
		{ "org.mullion.Stats", method_stats, false },
		{ "org.mullion.Start", method_start, true },
		{ "org.mullion.Create", method_create, true },
		{ "org.mullion.Shutdown", method_shutdown, true },
		{ "org.mullion.Reboot", method_reboot, true },
		{ "org.mullion.SendKeys", method_send_keys, true },
		{ "org.mullion.AttachDevice", method_attach_device, true },
		{ "org.mullion.DetachDevice", method_detach_device, true },
		{ "org.mullion.ResizeDisk", method_resize_disk, true },
		{ "org.mullion.DeviceStats", method_device_stats, false },
		{ "org.mullion.GpuInfo", method_gpu_info, false },
		{ "org.mullion.SetGpu", method_set_gpu, true },
		{ "org.mullion.SetDisplay", method_set_display, true },
		{ "org.mullion.Screenshot", method_screenshot, true },
		{ "org.mullion.Destroy", method_destroy, true },
		{ "org.mullion.Reset", method_reset, true },
		{ "org.mullion.Suspend", method_suspend, true },
		{ "org.mullion.Resume", method_resume, true },
		{ "org.mullion.SetAutostart", method_set_autostart, true },
		{ "org.mullion.Console", method_console, true },
		{ "org.mullion.GetPins", method_get_pins, false },
		{ "org.mullion.PinVcpu", method_pin_vcpu, true },
		{ "org.mullion.GetSchedule", method_get_schedule, false },
		{ "org.mullion.SetSchedule", method_set_schedule, true },
		{ "org.mullion.Subscribe", method_subscribe, false },
	};
	int error = sd_varlink_server_add_interface(server, &org_mullion);

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && error >= 0; i++)
		error = sd_varlink_server_bind_method(
			server, methods[i].name,
			read_only && methods[i].changes ? method_denied : methods[i].method);
	return error;
}
