/* SPDX-License-Identifier: GPL-2.0-only */
/* What is being done to a partition, see operation.h. */
#include "operation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "events.h"
#include "log.h"
#include "peer.h"
#include "server.h"
#include "spawn.h"
#include "worker.h"

/* Seconds that a worker gets for a call. Configuring takes and clears all memory. */
#define CONFIGURE_SECONDS 120u
#define CALL_SECONDS 20u
#define STOP_SECONDS 15u
#define LEAVE_SECONDS 5
/* Tries of 50 ms to reach a worker that was just started, or one that may be there. One
 * that does not come up at all is heard of otherwise. */
#define START_TRIES 1200u
#define ADOPT_TRIES 10u
/* So often a worker is killed before whoever asked for it is told that it stays. */
#define KILLS_MAX 4u
/* A guest that comes to nothing at once is not restarted faster than this. */
#define RESTART_SECONDS 1

struct operation {
	struct operation *next;
	struct operation_order order;
	unsigned int kills; /* DESTROY: of a worker that stays */
	struct failure failure; /* RESET: why it came to nothing */
	bool begun;
};

void operation_go_on(struct partition *partition)
{
	static const struct timeval now = { 0 };

	event_add(partition->kick, &now);
}

static bool is_under_way(const struct partition *partition, enum operation_kind kind)
{
	const struct operation *first = partition->operations;

	return first && first->begun && first->order.kind == kind;
}

bool operation_is_changing(const struct partition *partition)
{
	return is_under_way(partition, OPERATION_START) ||
	       is_under_way(partition, OPERATION_RESET) ||
	       is_under_way(partition, OPERATION_DESTROY);
}

static bool enqueue_internal(struct partition *partition, enum operation_kind kind,
			     const struct ending *why)
{
	struct operation_order order = { .kind = kind, .why = { .code = -1 } };
	struct failure failure;

	if (why)
		order.why = *why;
	if (operation_queue(partition, &order, &failure))
		return true;
	log_error("%s: %s", partition_name(partition), failure.message);
	return false;
}

/* ---- how an operation ends ---- */

static void answer(const struct operation *operation, struct partition *partition,
		   const struct failure *failure)
{
	sd_varlink *client = operation->order.client;
	bool start = operation->order.kind == OPERATION_START && partition->id;

	if (!client)
		return;
	if (failure)
		failure_reply(failure, client, NULL);
	else if (operation->order.create)
		sd_varlink_replybo(client, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				   SD_JSON_BUILD_PAIR_STRING("name", partition_name(partition)),
				   SD_JSON_BUILD_PAIR_UUID("uuid", partition->config->uuid),
				   SD_JSON_BUILD_PAIR_UNSIGNED("id", partition->id));
	else
		sd_varlink_replybo(client, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				   SD_JSON_BUILD_PAIR_CONDITION(
					   start, "id", SD_JSON_BUILD_UNSIGNED(partition->id)));
	connection_update(client);
	sd_varlink_unref(client);
}

/* The operation that is under way is over. */
static void finish(struct partition *partition, const struct failure *failure)
{
	struct operation *operation = partition->operations;

	event_del(partition->timer);
	partition->operations = operation->next;
	answer(operation, partition, failure);
	free(operation);
	operation_go_on(partition);
}

static void kill_worker(struct partition *partition)
{
	spawner_kill(partition->hvd->spawner, PEER_WORKER, partition_name(partition));
}

/* The worker is gone or will be: nothing of the guest is left. */
static void forget_guest(struct partition *partition)
{
	devices_end(partition->devices, NULL);
	peer_free(partition->worker);
	partition->worker = NULL;
	spawner_clean(partition->hvd->spawner, PEER_WORKER, partition_name(partition));
	store_remove(&partition->hvd->live, partition_name(partition));
	domain_free(partition->live);
	partition->live = NULL;
	partition->id = 0;
	partition->started = 0;
	partition->worker_pid = 0;
	partition->console[0] = '\0';
	partition->never_ran = false;
	partition->without_devices = false;
	partition->panicked = false;
	partition->news = false;
	partition->removed = !partition->persistent;
}

/* Shutoff, and everybody is told. */
static void end_guest(struct partition *partition, const struct ending *why)
{
	struct ending ending = *why;

	forget_guest(partition);
	partition_set_state(partition, STATE_SHUTOFF, ending.reason, &ending);
	events_emit(partition, lifecycle_end_event(ending.reason));
	log_info("%s has ended: %s%s%s", partition_name(partition), reason_names[ending.reason],
		 ending.detail[0] ? ": " : "", ending.detail);
}

/* An ending that is hvd's own finding. */
static struct ending ending_of(enum reason reason, const struct failure *failure)
{
	struct ending ending = { .reason = reason, .code = -1 };

	if (failure)
		partition_clean(ending.detail, sizeof(ending.detail), failure->message);
	return ending;
}

static void start_failed(struct partition *partition, const struct failure *failure)
{
	struct ending ending = ending_of(REASON_FAILED, failure);
	bool asked = partition->operations->order.client;

	if (partition->worker)
		kill_worker(partition);
	log_error("%s does not start: %s", partition_name(partition), failure->message);
	if (asked) {
		forget_guest(partition);
		partition_set_state(partition, STATE_SHUTOFF, REASON_FAILED, &ending);
	} else {
		end_guest(partition, &ending);
	}
	finish(partition, failure);
}

/* ---- start and reset ---- */

static void on_started(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;
	const struct operation_order *order = &partition->operations->order;
	bool reset = order->kind == OPERATION_RESET;
	enum reason reason = order->why.reason;

	(void)reply;
	if (failure) {
		start_failed(partition, failure);
		return;
	}
	if (!reason)
		reason = reset ? REASON_RESET : REASON_STARTED;
	partition->started = partition->last_start = partition_now();
	partition->never_ran = false;
	partition_set_state(partition, STATE_RUNNING, reason, NULL);
	events_emit(partition, reset ? EVENT_RESET : EVENT_STARTED);
	finish(partition, NULL);
}

static void hold(struct partition *partition)
{
	partition->started = partition_now();
	partition->never_ran = true;
	partition_set_state(partition, STATE_PAUSED, REASON_REQUESTED, NULL);
	events_emit(partition, EVENT_STARTED);
	events_emit(partition, EVENT_PAUSED);
	finish(partition, NULL);
}

static void no_call(struct failure *failure)
{
	fail(failure, FAILURE_FAILED, "the worker cannot be called");
}

/* Takes over what a worker says of itself that does not change by itself. */
static void take_status(struct partition *partition, const struct worker_status *status)
{
	partition->id = status->id;
	partition->worker_pid = status->pid;
	memcpy(partition->console, status->console, sizeof(partition->console));
}

/* The guest has all that it was promised: it runs, or waits for that. */
static void on_devices(struct partition *partition, const struct failure *failure)
{
	struct failure own;

	/* With the names that tap devices have got. */
	if (!failure && partition->live->card_count)
		partition_note_live(partition);
	if (failure) {
		start_failed(partition, failure);
	} else if (partition->operations->order.paused) {
		hold(partition);
	} else if (!peer_call(partition->worker, "Start", NULL, CALL_SECONDS, on_started,
			      partition)) {
		no_call(&own);
		start_failed(partition, &own);
	}
}

/* The partition is there and does not run: what has to be set before it does. */
static void on_made(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;
	struct hvd *hvd = partition->hvd;
	struct worker_status status;
	struct failure own;
	int error;

	if (!failure && (!worker_status_read(reply, &status) || !status.id)) {
		fail(&own, FAILURE_FAILED, "the worker does not say which partition it has");
		failure = &own;
	}
	if (failure) {
		start_failed(partition, failure);
		return;
	}
	take_status(partition, &status);
	partition->panicked = false;
	error = hypervisor_set_schedule(&hvd->hypervisor, status.id, partition->live);
	if (error && !hvd->settings.without_hypervisor) {
		fail_errno(&own, -error, "its share of the CPUs cannot be set");
		start_failed(partition, &own);
	} else {
		devices_start(partition->devices, on_devices);
	}
}

static void on_configured(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;
	struct failure own;

	(void)reply;
	if (!failure &&
	    peer_call(partition->worker, "Status", NULL, CALL_SECONDS, on_made, partition))
		return;
	if (!failure) {
		no_call(&own);
		failure = &own;
	}
	start_failed(partition, failure);
}

static int add_fd(struct peer *worker, int fd)
{
	return fd < 0 ? -1 : peer_add_fd(worker, fd);
}

/* Has the worker make the partition; the files are the caller's. */
static bool configure(struct partition *partition, int kernel, int initrd)
{
	const struct domain *domain = partition->live;
	const char *cmdline = domain_cmdline(domain);
	uint64_t vram = domain_vram(domain);
	JSON_AUTO sd_json_variant *config = NULL;
	JSON_AUTO sd_json_variant *parameters = NULL;
	int kernel_index = add_fd(partition->worker, kernel);
	int initrd_index = add_fd(partition->worker, initrd);
	int mshv_index = add_fd(partition->worker, partition->hvd->hypervisor.mshv);

	if (kernel_index < 0 || (initrd >= 0 && initrd_index < 0))
		return false;
	if (sd_json_buildo(
		    &config, SD_JSON_BUILD_PAIR_STRING("name", domain->name),
		    SD_JSON_BUILD_PAIR_UUID("uuid", domain->uuid),
		    SD_JSON_BUILD_PAIR_UNSIGNED("memory", domain_guest_memory(domain)),
		    SD_JSON_BUILD_PAIR_CONDITION(vram != 0, "vram", SD_JSON_BUILD_UNSIGNED(vram)),
		    SD_JSON_BUILD_PAIR_BOOLEAN("hugepages", domain->hugepages),
		    SD_JSON_BUILD_PAIR_UNSIGNED("vcpus", domain->vcpus),
		    SD_JSON_BUILD_PAIR_INTEGER("kernel_fd", kernel_index),
		    SD_JSON_BUILD_PAIR_STRING("kernel_name", domain_kernel(domain)),
		    SD_JSON_BUILD_PAIR_CONDITION(initrd >= 0, "initrd_fd",
						 SD_JSON_BUILD_INTEGER(initrd_index)),
		    SD_JSON_BUILD_PAIR_CONDITION(initrd >= 0, "initrd_name",
						 SD_JSON_BUILD_STRING(domain_initrd(domain))),
		    SD_JSON_BUILD_PAIR_CONDITION(cmdline != NULL, "cmdline",
						 SD_JSON_BUILD_STRING(cmdline)),
		    SD_JSON_BUILD_PAIR_CONDITION(mshv_index >= 0, "mshv_fd",
						 SD_JSON_BUILD_INTEGER(mshv_index)),
		    SD_JSON_BUILD_PAIR_BOOLEAN("debug_exit", domain->debug_exit)) < 0 ||
	    sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_VARIANT("config", config)) < 0)
		return false;
	return peer_call(partition->worker, "Configure", parameters, CONFIGURE_SECONDS,
			 on_configured, partition);
}

/* Opens the files and hands them over; they may have changed since they were checked. */
static void on_worker_ready(struct partition *partition)
{
	struct domain_error error = { 0 };
	struct failure failure;
	int kernel = domain_open_kernel(partition->live, &error);
	int initrd = kernel < 0 ? -1 : domain_open_initrd(partition->live, &error);
	bool called = false;

	if (kernel < 0 || error.problem != DOMAIN_OK) {
		fail_domain(&failure, &error);
		/* The definition that was given has other lines than what is asked now. */
		failure.line = 0;
	} else {
		called = configure(partition, kernel, initrd);
		if (!called)
			no_call(&failure);
	}
	if (initrd >= 0)
		close(initrd);
	if (kernel >= 0)
		close(kernel);
	if (!called)
		start_failed(partition, &failure);
}

static const struct peer_hooks hooks;

static bool launch(struct partition *partition, struct failure *failure)
{
	struct hvd *hvd = partition->hvd;
	const char *name = partition_name(partition);
	int error;

	if (hvd->hypervisor.mshv < 0 && !hvd->settings.without_hypervisor)
		return fail(failure, FAILURE_UNSUPPORTED, "there is no hypervisor (%s)",
			    hvd->settings.mshv);
	partition->live = domain_copy(partition->config);
	error = partition->live ? partition_note_live(partition) : -ENOMEM;
	if (error)
		return fail_errno(failure, -error, "%s: what runs cannot be noted", name);
	if (!spawner_start(hvd->spawner, PEER_WORKER, name, failure))
		return false;
	partition->worker = peer_new(hvd, PEER_WORKER, name, START_TRIES, &hooks, partition);
	return partition->worker || fail(failure, FAILURE_BUSY, "out of memory");
}

static void begin_start(struct partition *partition)
{
	struct failure failure;

	if (launch(partition, &failure))
		partition_set_state(partition, STATE_STARTING, REASON_NONE, NULL);
	else
		start_failed(partition, &failure);
}

/* What the client hears is why the reset has failed, whatever became of the devices. */
static void on_restored(struct partition *partition, const struct failure *failure)
{
	struct failure why = partition->operations->failure;

	if (failure)
		log_error("%s has lost its devices: %s", partition_name(partition),
			  failure->message);
	finish(partition, &why);
}

static void on_reset(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;
	struct ending ending;

	(void)reply;
	if (!failure) {
		on_configured(context, NULL, NULL);
	} else if (partition->operations->order.client) {
		/* The guest is as it was, and gets its devices again. */
		partition->operations->failure = *failure;
		devices_start(partition->devices, on_restored);
	} else {
		/* One that had ended and cannot begin again. */
		ending = ending_of(REASON_FAILED, failure);
		enqueue_internal(partition, OPERATION_DESTROY, &ending);
		finish(partition, failure);
	}
}

/* An operation of one call that either changes the state or does not. */
static void call(struct partition *partition, const char *method, unsigned int seconds,
		 peer_done done)
{
	struct failure failure;

	if (partition->worker &&
	    peer_call(partition->worker, method, NULL, seconds, done, partition))
		return;
	no_call(&failure);
	done(partition, &failure, NULL);
}

static void reset_worker(struct partition *partition)
{
	call(partition, "Reset", CONFIGURE_SECONDS, on_reset);
}

/* Devices end before the guest's memory goes: what is on its way to a disk is still
 * there to be written. */
static void begin_reset(struct partition *partition)
{
	devices_end(partition->devices, reset_worker);
}

/* ---- suspend and resume ---- */

static void on_suspended(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;

	(void)reply;
	if (!failure) {
		partition_set_state(partition, STATE_PAUSED, REASON_REQUESTED, NULL);
		events_emit(partition, EVENT_PAUSED);
	}
	finish(partition, failure);
}

static void on_resumed(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;

	(void)reply;
	if (!failure) {
		if (!partition->never_ran)
			devices_set_time(partition->devices);
		partition->never_ran = false;
		partition_set_state(partition, STATE_RUNNING, REASON_RESUMED, NULL);
		events_emit(partition, EVENT_RESUMED);
	}
	finish(partition, failure);
}

static void begin_resume(struct partition *partition)
{
	call(partition, partition->never_ran ? "Start" : "Resume", CALL_SECONDS, on_resumed);
}

static void on_late_devices(struct partition *partition, const struct failure *failure)
{
	if (failure) {
		finish(partition, failure);
		return;
	}
	partition->without_devices = false;
	begin_resume(partition);
}

static void on_kept(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;
	struct ending why = partition->operations->order.why;

	/* One that does not run is as good. */
	(void)failure, (void)reply;
	partition_set_state(partition, STATE_CRASHED, why.reason, &why);
	events_emit(partition, EVENT_CRASHED);
	finish(partition, NULL);
}

/* ---- destroy ---- */

static void leave_time(struct partition *partition, int seconds)
{
	struct timeval time = { .tv_sec = seconds };

	event_add(partition->timer, &time);
}

/* What is left is that the worker goes, which on_lost() sees. */
static void on_stopped(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;

	(void)reply;
	if (failure)
		kill_worker(partition);
	leave_time(partition, LEAVE_SECONDS);
}

static void on_devices_gone(struct partition *partition)
{
	struct ending why = partition->operations->order.why;

	if (!why.reason)
		why.reason = REASON_REQUESTED;
	end_guest(partition, &why);
	finish(partition, NULL);
}

/* The worker is gone. Whoever asked is answered when nothing uses the disks any more. */
static void destroyed(struct partition *partition)
{
	event_del(partition->timer);
	peer_free(partition->worker);
	partition->worker = NULL;
	devices_end(partition->devices, on_devices_gone);
}

static void stop_worker(struct partition *partition)
{
	call(partition, "Stop", STOP_SECONDS, on_stopped);
}

/* As begin_reset(). */
static void begin_destroy(struct partition *partition)
{
	partition_set_state(partition, STATE_STOPPING, partition->why.reason, &partition->why);
	devices_end(partition->devices, stop_worker);
}

/* ---- what the worker tells by itself ---- */

static struct ending ending_of_status(struct partition *partition,
				      const struct worker_status *status)
{
	struct ending ending = { .reason = status->reason, .code = status->code };
	struct mullion_partition_info info;

	if (ending.reason == REASON_NONE)
		ending.reason = REASON_FAILED;
	memcpy(ending.detail, status->detail, sizeof(ending.detail));
	if (!ending.detail[0] &&
	    !hypervisor_partition(&partition->hvd->hypervisor, partition->id, &info) &&
	    info.id == partition->id) {
		info.reason[sizeof(info.reason) - 1] = '\0';
		partition_clean(ending.detail, sizeof(ending.detail), info.reason);
	}
	return ending;
}

/* The guest has come to an end, or is to. */
static void guest_ended(struct partition *partition, const struct ending *ending)
{
	struct ending again = { .reason = REASON_RESTARTED, .code = -1 };

	switch (lifecycle_ended(ending->reason, partition->live)) {
	case VERDICT_STOP:
		enqueue_internal(partition, OPERATION_DESTROY, ending);
		break;
	case VERDICT_KEEP:
		enqueue_internal(partition, OPERATION_KEEP, ending);
		break;
	case VERDICT_RESTART:
		if (lifecycle_is_failure(ending->reason)) {
			partition_set_state(partition, STATE_CRASHED, ending->reason, ending);
			events_emit(partition, EVENT_CRASHED);
		}
		enqueue_internal(partition, OPERATION_RESET, &again);
		break;
	}
}

/* The guest of a worker that hvd did not start itself in this life. */
static void adopt_state(struct partition *partition, const struct worker_status *status)
{
	if (status->state == WORKER_RUNNING || status->state == WORKER_STOPPED)
		partition_set_state(partition, STATE_RUNNING, REASON_ADOPTED, &partition->why);
	else
		partition_set_state(partition, STATE_PAUSED, REASON_ADOPTED, &partition->why);
	partition->never_ran = status->state == WORKER_CREATED;
	/* Of one that never ran nobody can tell whether its devices were complete. */
	partition->without_devices = partition->never_ran;
	if (!partition->never_ran)
		devices_adopt(partition->devices);
	log_notice("%s was found %s", partition_name(partition), state_names[partition->state]);
}

static void on_checked(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct partition *partition = context;
	struct worker_status status;
	struct ending ending;

	if (failure || !worker_status_read(reply, &status)) {
		finish(partition, NULL);
		return;
	}
	take_status(partition, &status);
	if (partition->state == STATE_STARTING)
		adopt_state(partition, &status);
	if (status.state == WORKER_IDLE) {
		/* hvd ended in the midst of starting it. */
		ending = (struct ending){ .reason = REASON_FAILED, .code = -1 };
		enqueue_internal(partition, OPERATION_DESTROY, &ending);
	} else {
		/* A panic counts for more than how the guest then stopped. */
		operation_look(partition);
		if (status.state == WORKER_STOPPED && !partition->panicked &&
		    partition->state != STATE_CRASHED) {
			ending = ending_of_status(partition, &status);
			guest_ended(partition, &ending);
		}
	}
	finish(partition, NULL);
}

static void on_ready(void *context)
{
	struct partition *partition = context;

	if (is_under_way(partition, OPERATION_START))
		on_worker_ready(partition);
	else
		enqueue_internal(partition, OPERATION_CHECK, NULL);
}

static void on_failed(void *context, const struct failure *failure)
{
	struct partition *partition = context;
	struct ending ending = ending_of(REASON_LOST, NULL);

	if (is_under_way(partition, OPERATION_START)) {
		start_failed(partition, failure);
		return;
	}
	if (is_under_way(partition, OPERATION_DESTROY)) {
		destroyed(partition);
		return;
	}
	/* It died while there was no hvd to see it, or did not come up in all the time. */
	kill_worker(partition);
	end_guest(partition, &ending);
	operation_go_on(partition);
}

static void on_news(void *context, sd_json_variant *event)
{
	struct partition *partition = context;

	(void)event;
	partition->news = true;
	operation_go_on(partition);
}

static void on_lost(void *context)
{
	struct partition *partition = context;
	struct operation *current = partition->operations;
	struct ending ending = { .reason = REASON_LOST,
				 .code = -1,
				 .detail = "the worker has died" };
	bool again = partition->live && partition->live->on_crash == DOMAIN_RESTART;
	struct failure failure;

	if (is_under_way(partition, OPERATION_DESTROY)) {
		destroyed(partition);
		return;
	}
	/* One that only does not answer any more must not live on unseen. */
	kill_worker(partition);
	end_guest(partition, &ending);
	if (current && current->begun) {
		fail(&failure, FAILURE_FAILED, "the worker of %s has died",
		     partition_name(partition));
		finish(partition, &failure);
	}
	ending = (struct ending){ .reason = REASON_RESTARTED, .code = -1 };
	if (again && enqueue_internal(partition, OPERATION_START, &ending))
		partition->removed = false;
	operation_go_on(partition);
}

static const struct peer_hooks hooks = {
	.ready = on_ready,
	.failed = on_failed,
	.news = on_news,
	.lost = on_lost,
};

void operation_process_failed(struct partition *partition, enum peer_role role, const char *why)
{
	struct failure failure;

	if (role != PEER_WORKER) {
		devices_process_failed(partition->devices, role, why);
		return;
	}
	if (partition->state != STATE_STARTING || !is_under_way(partition, OPERATION_START))
		return;
	fail(&failure, FAILURE_FAILED, "the worker of %s does not come up: %s",
	     partition_name(partition), why);
	start_failed(partition, &failure);
}

void operation_adopt(struct partition *partition)
{
	partition_set_state(partition, STATE_STARTING, REASON_NONE, &partition->why);
	partition->worker = peer_new(partition->hvd, PEER_WORKER, partition_name(partition),
				     ADOPT_TRIES, &hooks, partition);
	if (!partition->worker)
		log_error("%s cannot be adopted: out of memory", partition_name(partition));
}

void operation_look(struct partition *partition)
{
	struct ending ending = { .reason = REASON_PANIC, .code = -1 };
	struct mullion_partition_info info;

	if (partition->panicked || !partition->id ||
	    (partition->state != STATE_RUNNING && partition->state != STATE_PAUSED) ||
	    hypervisor_partition(&partition->hvd->hypervisor, partition->id, &info) ||
	    info.id != partition->id || !info.crashed)
		return;
	partition->panicked = true;
	info.crash_text[sizeof(info.crash_text) - 1] = '\0';
	partition_clean(ending.detail, sizeof(ending.detail),
			lifecycle_panic_line(info.crash_text));
	if (!ending.detail[0])
		snprintf(ending.detail, sizeof(ending.detail),
			 "crash registers %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64,
			 (uint64_t)info.crash[0], (uint64_t)info.crash[1], (uint64_t)info.crash[2],
			 (uint64_t)info.crash[3], (uint64_t)info.crash[4]);
	guest_ended(partition, &ending);
}

/* ---- the line ---- */

static bool allowed(const struct partition *partition, const struct operation *operation,
		    struct failure *failure)
{
	static const enum request requests[] = {
		[OPERATION_START] = REQUEST_START,   [OPERATION_DESTROY] = REQUEST_DESTROY,
		[OPERATION_RESET] = REQUEST_RESET,   [OPERATION_SUSPEND] = REQUEST_SUSPEND,
		[OPERATION_RESUME] = REQUEST_RESUME, [OPERATION_KEEP] = REQUEST_DESTROY,
		[OPERATION_CHECK] = REQUEST_DESTROY,
	};

	return partition_check(partition, requests[operation->order.kind], failure);
}

/* A guest that ends as soon as it begins is not to take a CPU for that. */
static bool has_to_wait(const struct partition *partition, const struct operation_order *order)
{
	return order->why.reason == REASON_RESTARTED &&
	       partition_now() - partition->last_start < RESTART_SECONDS * UINT64_C(1000000000);
}

static void begin(struct partition *partition)
{
	struct operation *operation = partition->operations;
	struct failure failure;

	operation->begun = true;
	if (!allowed(partition, operation, &failure)) {
		finish(partition, &failure);
		return;
	}
	if (has_to_wait(partition, &operation->order)) {
		leave_time(partition, RESTART_SECONDS);
		return;
	}
	switch (operation->order.kind) {
	case OPERATION_START:
		begin_start(partition);
		break;
	case OPERATION_DESTROY:
		begin_destroy(partition);
		break;
	case OPERATION_RESET:
		begin_reset(partition);
		break;
	case OPERATION_SUSPEND:
		call(partition, "Suspend", CALL_SECONDS, on_suspended);
		break;
	case OPERATION_RESUME:
		if (partition->without_devices)
			devices_start(partition->devices, on_late_devices);
		else
			begin_resume(partition);
		break;
	case OPERATION_KEEP:
		call(partition, "Suspend", CALL_SECONDS, on_kept);
		break;
	case OPERATION_CHECK:
		call(partition, "Status", CALL_SECONDS, on_checked);
		break;
	}
}

static void on_kick(evutil_socket_t fd, short what, void *context)
{
	struct partition *partition = context;

	(void)fd, (void)what;
	if (partition->operations) {
		if (!partition->operations->begun)
			begin(partition);
		return;
	}
	if (partition->news && partition->worker) {
		partition->news = false;
		enqueue_internal(partition, OPERATION_CHECK, NULL);
	} else if (partition->removed && devices_are_gone(partition->devices)) {
		partition_remove(partition);
	}
}

/* Neither by itself nor by force so far: once more, for as long as it takes. The
 * kernel keeps a process that is in the midst of a call. */
static void kill_again(struct partition *partition)
{
	struct operation *operation = partition->operations;
	struct failure failure;

	log_warning("the worker of %s does not go away", partition_name(partition));
	kill_worker(partition);
	leave_time(partition, LEAVE_SECONDS);
	if (++operation->kills < KILLS_MAX)
		return;
	fail(&failure, FAILURE_TIMEOUT, "the worker of %s does not go away",
	     partition_name(partition));
	answer(operation, partition, &failure);
	operation->order.client = NULL;
}

/* Only a restart that waits and a destroy that waits have set it. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct partition *partition = context;

	(void)fd, (void)what;
	if (!partition->operations)
		return;
	if (partition->operations->order.kind == OPERATION_START)
		begin_start(partition);
	else if (partition->operations->order.kind == OPERATION_RESET)
		begin_reset(partition);
	else
		kill_again(partition);
}

bool operation_setup(struct partition *partition, struct event_base *base)
{
	partition->kick = evtimer_new(base, on_kick, partition);
	partition->timer = partition->kick ? evtimer_new(base, on_timer, partition) : NULL;
	if (!partition->timer && partition->kick)
		event_free(partition->kick);
	return partition->timer;
}

void operation_end(struct partition *partition)
{
	while (partition->operations) {
		struct operation *first = partition->operations;

		partition->operations = first->next;
		sd_varlink_unref(first->order.client);
		free(first);
	}
	event_free(partition->kick);
	event_free(partition->timer);
}

/* Destroying: whatever else was to be done will not be. */
static void abort_others(struct partition *partition)
{
	bool under_way = partition->operations && partition->operations->begun;
	struct failure failure;

	fail(&failure, FAILURE_FAILED, "%s is destroyed meanwhile", partition_name(partition));
	if (under_way) {
		peer_cancel(partition->worker, partition);
		devices_cancel(partition->devices);
		kill_worker(partition);
	}
	while (partition->operations)
		finish(partition, &failure);
}

static struct operation *make(const struct operation_order *order)
{
	struct operation *operation = calloc(1, sizeof(*operation));

	if (!operation)
		return NULL;
	operation->order = *order;
	sd_varlink_ref(operation->order.client);
	return operation;
}

/* The current call of the worker is nobody's any more: it is not waited for. */
static void destroy_at_once(struct partition *partition)
{
	struct operation *operation = partition->operations;
	bool reached = partition->worker && partition->id;

	if (partition->state == STATE_SHUTOFF)
		return;
	operation->begun = true;
	if (reached) {
		partition_set_state(partition, STATE_STOPPING, partition->why.reason,
				    &partition->why);
		leave_time(partition, LEAVE_SECONDS);
	} else {
		destroyed(partition);
	}
}

bool operation_queue(struct partition *partition, const struct operation_order *order,
		     struct failure *failure)
{
	struct operation **at = &partition->operations;
	struct operation *operation;
	unsigned int count = 0;
	bool jump = order->kind == OPERATION_DESTROY && order->client && *at && (*at)->begun &&
		    (*at)->order.kind != OPERATION_DESTROY;

	for (; *at; at = &(*at)->next)
		count++;
	if (count >= OPERATIONS_MAX)
		return fail(failure, FAILURE_BUSY, "too much is to be done to %s already",
			    partition_name(partition));
	operation = make(order);
	if (!operation)
		return fail(failure, FAILURE_BUSY, "out of memory");
	if (jump) {
		abort_others(partition);
		partition->operations = operation;
		destroy_at_once(partition);
	} else {
		*at = operation;
	}
	operation_go_on(partition);
	return true;
}
