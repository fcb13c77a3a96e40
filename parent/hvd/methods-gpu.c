/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's screen and its GPU: GpuInfo, SetGpu, SetDisplay, Screenshot. All but the
 * definition's part of SetGpu are answered when hv-gpu, or systemd, has answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices-config.h"
#include "devices.h"
#include "events.h"
#include "json.h"
#include "waiter.h"

#define PARTITION_FIELD                                                       \
	{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, \
	  offsetof(struct parameters, partition), SD_JSON_MANDATORY }
#define NUMBER_FIELD(name, flags)                                   \
	{ #name, SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64, \
	  offsetof(struct parameters, name), flags }

static bool no_screen(const struct partition *partition, struct failure *failure)
{
	return fail(failure, FAILURE_UNSUPPORTED, "%s has no screen (no <video> in its definition)",
		    partition_name(partition));
}

/* Whether there is a guest with a screen. */
static bool check_screen(const struct partition *partition, struct failure *failure)
{
	if (partition->state != STATE_SHUTOFF && partition->live)
		return domain_has_screen(partition->live) || no_screen(partition, failure);
	fail(failure, FAILURE_WRONG_STATE, "%s does not run", partition_name(partition));
	failure->state = state_names[partition->state];
	return false;
}

/* The guest is there: it is not so far. */
static void refuse(struct waiter *waiter, const struct failure *failure)
{
	struct failure own = *failure;

	if (own.kind == FAILURE_WRONG_STATE)
		own.state = state_names[waiter->partition->state];
	waiter_refuse(waiter, &own);
}

/* Asks hv-gpu; the client is answered when it is. */
static int ask(sd_varlink *link, struct partition *partition, const char *method,
	       sd_json_variant *parameters, devices_done done)
{
	struct waiter *waiter = waiter_new(link, partition);
	struct failure failure;

	if (!waiter)
		return waiter_no_memory(link);
	return devices_call(partition->devices, PEER_GPU, method, parameters, done, waiter,
			    &failure) ?
		       0 :
		       waiter_refuse_now(waiter, &failure);
}

/* ---- GpuInfo ---- */

static void on_info(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	JSON_AUTO sd_json_variant *gpu = NULL, *video = NULL;

	if (failure) {
		refuse(waiter, failure);
		return;
	}
	gpu = json_clean(reply);
	video = partition_json_video(waiter->partition->live);
	if (gpu && video)
		sd_varlink_replybo(waiter->client, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				   SD_JSON_BUILD_PAIR_VARIANT("gpu", gpu),
				   SD_JSON_BUILD_PAIR_VARIANT("video", video));
	else
		sd_varlink_error_errno(waiter->client, -ENOMEM);
	connection_update(waiter->client);
	waiter_free(waiter);
}

int method_gpu_info(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	int result;
	struct partition *partition = methods_partition(link, json, &result);
	struct failure failure;

	(void)flags, (void)userdata;
	if (!partition)
		return result;
	if (!check_screen(partition, &failure))
		return failure_reply(&failure, link, NULL);
	return ask(link, partition, "Info", NULL, on_info);
}

/* ---- SetDisplay ---- */

static void on_done(void *context, const struct failure *failure, sd_json_variant *reply)
{
	(void)reply;
	if (failure)
		refuse(context, failure);
	else
		waiter_grant(context);
}

int method_set_display(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		       void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		NUMBER_FIELD(display, SD_JSON_NULLABLE),
		NUMBER_FIELD(width, SD_JSON_MANDATORY),
		NUMBER_FIELD(height, SD_JSON_MANDATORY),
		{ 0 },
	};
	struct parameters parameters = { 0 };
	JSON_AUTO sd_json_variant *call = NULL;
	struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition || !check_screen(partition, &failure))
		return failure_reply(&failure, link, NULL);
	if (sd_json_buildo(&call, SD_JSON_BUILD_PAIR_UNSIGNED("display", parameters.display),
			   SD_JSON_BUILD_PAIR_BOOLEAN("connected", true),
			   SD_JSON_BUILD_PAIR_UNSIGNED("width", parameters.width),
			   SD_JSON_BUILD_PAIR_UNSIGNED("height", parameters.height)) < 0)
		return waiter_no_memory(link);
	methods_note(link, "set a display of", partition_name(partition));
	return ask(link, partition, "SetDisplay", call, on_done);
}

/* ---- Screenshot ---- */

static void on_screenshot(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct waiter *waiter = context;
	JSON_AUTO sd_json_variant *clean = NULL;

	if (failure) {
		refuse(waiter, failure);
		return;
	}
	clean = json_clean(reply);
	sd_varlink_replybo(waiter->client, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
			   SD_JSON_BUILD_PAIR_UNSIGNED("width", json_number(clean, "width")),
			   SD_JSON_BUILD_PAIR_UNSIGNED("height", json_number(clean, "height")),
			   SD_JSON_BUILD_PAIR_STRING("source", json_text(clean, "source")));
	connection_update(waiter->client);
	waiter_free(waiter);
}

/* A client's file, to be closed; -1 with failure. hv-gpu must not come to wait for a reader:
 * it is no pipe. */
static int take_file(sd_varlink *link, uint64_t index, struct failure *failure)
{
	int fd = sd_varlink_take_fd(link, index), mode = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	struct stat status;

	if (mode >= 0 && (mode & O_ACCMODE) != O_RDONLY && fstat(fd, &status) == 0 &&
	    S_ISREG(status.st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	fail(failure, FAILURE_BAD_CONFIGURATION,
	     "file_fd: no file came with the message that can be written to");
	return -1;
}

int method_screenshot(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		      void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		NUMBER_FIELD(display, SD_JSON_NULLABLE),
		NUMBER_FIELD(file_fd, SD_JSON_MANDATORY),
		{ 0 },
	};
	struct parameters parameters = { 0 };
	JSON_AUTO sd_json_variant *call = NULL;
	struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters), fd, index;

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition || !check_screen(partition, &failure))
		return failure_reply(&failure, link, NULL);
	fd = take_file(link, parameters.file_fd, &failure);
	if (fd < 0)
		return failure_reply(&failure, link, NULL);
	index = devices_is_up(partition->devices, PEER_GPU) ?
			peer_add_fd(devices_peer(partition->devices, PEER_GPU), fd) :
			0;
	close(fd);
	if (index < 0 ||
	    sd_json_buildo(&call, SD_JSON_BUILD_PAIR_UNSIGNED("display", parameters.display),
			   SD_JSON_BUILD_PAIR_INTEGER("fd", index)) < 0)
		return waiter_no_memory(link);
	methods_note(link, "screenshot of", partition_name(partition));
	return ask(link, partition, "Screenshot", call, on_screenshot);
}

/* ---- SetGpu ---- */

static void set_limits(struct domain_video *video, uint64_t memory, uint64_t weight, uint64_t cap)
{
	if (memory != UINT64_MAX)
		video->memory = memory;
	if (weight != UINT64_MAX)
		video->weight = (uint32_t)weight;
	if (cap != UINT64_MAX)
		video->cap = (uint32_t)cap;
}

static bool check_limits(const struct parameters *parameters, struct failure *failure)
{
	uint64_t weight = parameters->weight, cap = parameters->cap;

	if (weight != UINT64_MAX && (!weight || weight > DOMAIN_WEIGHT_MAX))
		return fail(failure, FAILURE_BAD_CONFIGURATION, "the weight is 1 to %u",
			    DOMAIN_WEIGHT_MAX);
	if (cap != UINT64_MAX && cap > DOMAIN_GPU_CAP_MAX)
		return fail(failure, FAILURE_BAD_CONFIGURATION,
			    "the cap is in percent of a CPU, at most %u", DOMAIN_GPU_CAP_MAX);
	if (parameters->memory < DOMAIN_GPU_MEMORY_MIN)
		return fail(failure, FAILURE_BAD_CONFIGURATION,
			    "the GPU's memory is at least %u MiB", DOMAIN_GPU_MEMORY_MIN >> 20);
	if (parameters->memory != UINT64_MAX && parameters->memory > DOMAIN_GPU_MEMORY_MAX)
		return fail(failure, FAILURE_BAD_CONFIGURATION,
			    "the GPU's memory is at most %" PRIu64 " MiB",
			    DOMAIN_GPU_MEMORY_MAX >> 20);
	return true;
}

/* The partition that was asked about, if it is still there. */
static struct partition *find(const struct waiter *waiter)
{
	struct partition *at = waiter->hvd->partitions;

	while (at && at != waiter->partition)
		at = at->next;
	return at && sd_id128_equal(at->config->uuid, waiter->uuid) ? at : NULL;
}

/* In a copy, which becomes the definition when it is kept. */
static bool set_config(struct partition *partition, const struct waiter *waiter,
		       struct failure *failure)
{
	struct domain *config = domain_copy(partition->config);

	if (!config)
		return fail(failure, FAILURE_BUSY, "out of memory");
	set_limits(&config->video, waiter->memory, waiter->weight, waiter->cap);
	if (!methods_save(partition, config, failure)) {
		domain_free(config);
		return false;
	}
	domain_free(partition->config);
	partition->config = config;
	return true;
}

/* What systemd has set is what runs from now on, and what was defined is kept. Both may
 * have changed otherwise meanwhile. */
static void on_limited(void *context, const struct failure *failure)
{
	struct waiter *waiter = context;
	struct partition *partition = find(waiter);
	JSON_AUTO sd_json_variant *video = NULL;
	struct failure own;

	if (!failure && !partition) {
		fail(&own, FAILURE_NO_SUCH_PARTITION, "the partition is gone");
		failure = &own;
	}
	if (!failure && waiter->config && !set_config(partition, waiter, &own))
		failure = &own;
	if (failure) {
		waiter_refuse(waiter, failure);
		return;
	}
	if (waiter->live && partition->live) {
		set_limits(&partition->live->video, UINT64_MAX, waiter->weight, waiter->cap);
		partition_note_live(partition);
	}
	events_emit(partition, EVENT_CHANGED);
	video = partition_json_video(waiter->live ? partition_domain(partition) :
						    partition->config);
	methods_answer(waiter->client, "video", video);
	connection_update(waiter->client);
	waiter_free(waiter);
}

/* One that may begin. */
static int change_limits(sd_varlink *link, const struct methods_change *change,
			 const struct parameters *parameters)
{
	struct partition *partition = change->partition;
	struct waiter *waiter = waiter_new(link, partition);
	struct spawner_limits limits;
	struct failure failure;

	if (!waiter)
		return waiter_no_memory(link);
	waiter->live = change->live;
	waiter->config = change->config;
	waiter->memory = parameters->memory;
	waiter->weight = parameters->weight;
	waiter->cap = parameters->cap;
	if (!change->live) {
		on_limited(waiter, NULL);
		return 0;
	}
	set_limits(&change->live->video, UINT64_MAX, waiter->weight, waiter->cap);
	limits = devices_gpu_limits(change->live);
	return spawner_limit(partition->hvd->spawner, PEER_GPU, partition_name(partition), &limits,
			     on_limited, waiter, &failure) ?
		       0 :
		       waiter_refuse_now(waiter, &failure);
}

/* Whether what is to be changed can be. */
static bool check_change(const struct methods_change *change, const struct parameters *parameters,
			 struct failure *failure)
{
	const struct domain *domains[] = { change->live, change->config };

	if (change->live && parameters->memory != UINT64_MAX)
		return fail(
			failure, FAILURE_UNSUPPORTED,
			"the GPU's memory changes with the next start: in the definition alone");
	for (size_t i = 0; i < 2; i++) {
		if (domains[i] && !domain_has_screen(domains[i]))
			return no_screen(change->partition, failure);
	}
	return true;
}

int method_set_gpu(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		   void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		NUMBER_FIELD(memory, SD_JSON_NULLABLE),
		NUMBER_FIELD(weight, SD_JSON_NULLABLE),
		NUMBER_FIELD(cap, SD_JSON_NULLABLE),
		{ "scope", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, scope), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct parameters parameters = { .memory = UINT64_MAX,
					 .weight = UINT64_MAX,
					 .cap = UINT64_MAX };
	struct methods_change change;
	struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition || !check_limits(&parameters, &failure) ||
	    !methods_change_begin(&change, partition, parameters.scope, &failure))
		return failure_reply(&failure, link, NULL);
	if (check_change(&change, &parameters, &failure)) {
		methods_note(link, "limit the GPU of", partition_name(partition));
		result = change_limits(link, &change, &parameters);
	} else {
		result = failure_reply(&failure, link, NULL);
	}
	methods_change_free(&change);
	return result;
}
