/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processes of a guest's devices, see devices.h.
 *
 * Each has a stage. Whatever happens moves one process to another stage and has step()
 * called in a turn of its own, which does what follows for all of them: start the
 * server, configure it, start the providers, configure each with one end of a socket
 * pair, and give the other end to the server.
 */
#include "devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "card.h"
#include "devices-config.h"
#include "events.h"
#include "guest.h"
#include "image.h"
#include "json.h"
#include "log.h"
#include "operation.h"
#include "peer.h"
#include "server.h"
#include "spawn.h"

/* Tries of 50 ms, as for a worker. */
#define START_TRIES 1200u
#define ADOPT_TRIES 10u
#define CALL_SECONDS 20u
/* Mesa and its compiler come up. */
#define GPU_CONFIGURE_SECONDS 60u
/* The guest has a say in how long this takes. */
#define ASK_SECONDS 120u
#define STOP_SECONDS 5u
/* So long a process that was told to end, or was killed, may still be there. */
#define LEAVE_SECONDS 6
/* A provider that has died is started again after this, but not so often within so long. */
#define RESTART_MS 250
/* The same for what a person looks at. */
#define GPU_RESTART_MS 20
#define DEATHS_MAX 10u
#define DEATHS_SECONDS 60u
/* Events about devices that a guest may cause, in one second. */
#define REPORTS_MAX 10u

#define NS UINT64_C(1000000000)

enum stage {
	STAGE_NONE = 0, /* not there */
	STAGE_COMING, /* started or looked for */
	STAGE_READY, /* it answers */
	STAGE_PREPARING, /* the images of its disks come up */
	STAGE_PREPARED,
	STAGE_CONFIGURING,
	STAGE_CONFIGURED, /* a provider that the server does not know yet */
	STAGE_OFFERING,
	STAGE_UP,
	STAGE_WAITING, /* has died; the timer decides what follows */
	STAGE_ENDING,
	STAGE_LOST, /* has died, and stays so */
};

/* Somebody waits for the end of a call. */
struct ask {
	struct ask *next;
	struct process *process;
	devices_done done;
	void *context;
};

struct process {
	struct devices *devices;
	enum peer_role role;
	enum stage stage;
	struct peer *peer;
	struct event *timer; /* WAITING, ENDING */
	int socket; /* the server's end of the pair, until it is given away; -1 */
	bool adopting; /* COMING, READY: it was started by an hvd before this one */
	unsigned int deaths; /* since first_death */
	uint64_t first_death; /* CLOCK_REALTIME in ns */
	char why[PARTITION_DETAIL]; /* WAITING, LOST */
	struct ask *asks;
	/* A device that comes with this process's start or with its image: who waits for
	 * that, and what goes when it fails. */
	struct ask *attaching;
	struct domain *attached;
};

struct devices {
	struct partition *partition;
	struct process processes[PEER_COUNT]; /* the worker's is not used */
	struct event *kick; /* calls step() */
	bool wanted; /* there is a guest */
	struct guest guest;
	struct images *images;
	unsigned int reports; /* since report_time */
	uint64_t report_time; /* CLOCK_REALTIME in ns */

	/* A start that is under way, and how it has come to nothing. */
	bool starting;
	bool failed;
	struct failure failure;
	void (*started)(struct partition *partition, const struct failure *failure);
	void (*ended)(struct partition *partition); /* when all are gone */
};

#define FIRST_ROLE PEER_VSP

static void kick(struct devices *devices)
{
	static const struct timeval now = { 0 };

	event_add(devices->kick, &now);
}

static const char *name_of(const struct process *process)
{
	return partition_name(process->devices->partition);
}

static struct spawner *spawner_of(const struct process *process)
{
	return process->devices->partition->hvd->spawner;
}

static void set_timer(struct process *process, unsigned int milliseconds)
{
	struct timeval time = { .tv_sec = milliseconds / 1000,
				.tv_usec = (suseconds_t)(milliseconds % 1000) * 1000 };

	event_add(process->timer, &time);
}

/* ---- what is told ---- */

/* A guest may be the cause, again and again. */
static bool may_tell(struct devices *devices)
{
	uint64_t now = partition_now();

	if (now - devices->report_time >= NS) {
		devices->report_time = now;
		devices->reports = 0;
	}
	return devices->reports++ < REPORTS_MAX;
}

/* device: what clients call it, or the name of a process. */
static void report(struct devices *devices, const char *device, const char *what)
{
	if (!may_tell(devices))
		return;
	log_warning("%s: %s: %s", partition_name(devices->partition), device, what);
	events_emit_device(devices->partition, EVENT_DEVICE_ERROR, device, what);
}

static void guest_changed(struct devices *devices)
{
	events_emit(devices->partition, EVENT_HEARTBEAT);
}

const struct guest *devices_guest(const struct devices *devices)
{
	return &devices->guest;
}

int devices_pid(const struct devices *devices, enum peer_role role)
{
	const struct process *process = &devices->processes[role];

	return process->peer ? peer_pid(process->peer) : 0;
}

/* ---- how one comes to its end ---- */

static void settle(struct ask *ask, const struct failure *failure, sd_json_variant *reply)
{
	devices_done done = ask->done;
	void *context = ask->context;

	free(ask);
	done(context, failure, reply);
}

/* Everybody who waits for this process waits in vain. */
static void settle_all(struct process *process, const struct failure *failure)
{
	while (process->asks) {
		struct ask *first = process->asks;

		process->asks = first->next;
		settle(first, failure, NULL);
	}
}

static void remove_from_live(struct partition *partition, const struct domain *devices)
{
	if (!partition->live)
		return;
	for (size_t i = 0; i < devices->disk_count; i++)
		domain_remove_disk(partition->live, devices->disks[i].target);
	for (size_t i = 0; i < devices->card_count; i++)
		domain_remove_card(partition->live, devices->cards[i].mac);
}

/* The device that came with the process's start is there, or is not and goes. */
static void settle_attach(struct process *process, const struct failure *failure)
{
	struct ask *ask = process->attaching;
	struct domain *attached = process->attached;

	if (!ask)
		return;
	process->attaching = NULL;
	process->attached = NULL;
	if (failure) {
		remove_from_live(process->devices->partition, attached);
		if (attached->disk_count)
			images_release(process->devices->images, attached->disks[0].target);
	}
	domain_free(attached);
	settle(ask, failure, NULL);
}

/* Nothing that this one has asked for matters any more, wherever it has. */
static void cancel_calls(struct process *process)
{
	peer_cancel(process->peer, process);
	peer_cancel(process->devices->processes[PEER_VSP].peer, process);
}

/* Nothing of the process is left here. */
static void forget(struct process *process, enum stage stage)
{
	struct failure failure;

	if (process->devices->wanted)
		fail(&failure, FAILURE_FAILED, "the %s of %s has ended",
		     peer_role_name(process->role), name_of(process));
	else
		fail(&failure, FAILURE_WRONG_STATE, "the guest of %s has ended", name_of(process));
	cancel_calls(process);
	peer_free(process->peer);
	process->peer = NULL;
	if (process->role == PEER_GPU)
		process->devices->guest.screen[0] = '\0';
	settle_all(process, &failure);
	if (process->socket >= 0)
		close(process->socket);
	process->socket = -1;
	event_del(process->timer);
	process->stage = stage;
	kick(process->devices);
}

static void kill_and_forget(struct process *process, enum stage stage)
{
	spawner_kill(spawner_of(process), process->role, name_of(process));
	spawner_clean(spawner_of(process), process->role, name_of(process));
	forget(process, stage);
}

static void on_stopped(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct process *process = context;

	(void)reply;
	/* After its answer it goes by itself, which on_lost() sees. */
	if (failure && process->stage == STAGE_ENDING)
		spawner_kill(spawner_of(process), process->role, name_of(process));
}

static void end_process(struct process *process)
{
	switch (process->stage) {
	case STAGE_NONE:
	case STAGE_ENDING:
		break;
	case STAGE_WAITING:
	case STAGE_LOST:
		forget(process, STAGE_NONE);
		break;
	case STAGE_COMING:
		kill_and_forget(process, STAGE_NONE);
		break;
	case STAGE_READY:
	case STAGE_PREPARING:
	case STAGE_PREPARED:
	case STAGE_CONFIGURING:
	case STAGE_CONFIGURED:
	case STAGE_OFFERING:
	case STAGE_UP:
		process->stage = STAGE_ENDING;
		cancel_calls(process);
		set_timer(process, LEAVE_SECONDS * 1000);
		if (!peer_call(process->peer, "Stop", NULL, STOP_SECONDS, on_stopped, process))
			spawner_kill(spawner_of(process), process->role, name_of(process));
		break;
	}
}

/* Not as it should be: it is no more, and what follows is step()'s or the timer's. */
static void died(struct process *process, const char *why)
{
	struct devices *devices = process->devices;
	struct failure failure;

	partition_clean(process->why, sizeof(process->why), why);
	if (devices->starting && !devices->failed) {
		fail(&devices->failure, FAILURE_FAILED, "%s", why);
		devices->failed = true;
	}
	kill_and_forget(process, STAGE_WAITING);
	set_timer(process, process->role == PEER_GPU ? GPU_RESTART_MS : RESTART_MS);
	fail(&failure, FAILURE_FAILED, "%s", why);
	settle_attach(process, &failure);
}

static void died_of(struct process *process, const struct failure *failure)
{
	struct devices *devices = process->devices;

	if (devices->starting && !devices->failed) {
		devices->failure = *failure;
		devices->failed = true;
	}
	settle_attach(process, failure);
	died(process, failure->message);
}

/* ---- coming up ---- */

static void call_failed(struct process *process, const char *what)
{
	char why[128];

	snprintf(why, sizeof(why), "the %s of %s %s", peer_role_name(process->role),
		 name_of(process), what);
	died(process, why);
}

static void on_configured(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct process *process = context;

	(void)reply;
	if (failure) {
		died_of(process, failure);
		return;
	}
	process->stage = process->role == PEER_VSP ? STAGE_UP : STAGE_CONFIGURED;
	kick(process->devices);
}

/* A provider gets its end of a socket pair; the server has none. */
static void configure(struct process *process)
{
	struct partition *partition = process->devices->partition;
	JSON_AUTO sd_json_variant *parameters = NULL;
	unsigned int seconds = process->role == PEER_GPU ? GPU_CONFIGURE_SECONDS : CALL_SECONDS;
	struct failure failure;
	int pair[2] = { -1, -1 };

	if (process->role != PEER_VSP &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		call_failed(process, "gets no socket");
		return;
	}
	process->socket = pair[0];
	parameters = devices_config(partition, process->peer, process->role, pair[1], &failure);
	if (pair[1] >= 0)
		close(pair[1]);
	process->stage = STAGE_CONFIGURING;
	if (!parameters)
		died_of(process, &failure);
	else if (!peer_call(process->peer, "Configure", parameters, seconds, on_configured,
			    process))
		call_failed(process, "cannot be called");
}

static void on_offered(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct process *process = context;

	(void)reply;
	if (failure) {
		died_of(process, failure);
		return;
	}
	process->stage = STAGE_UP;
	settle_attach(process, NULL);
	kick(process->devices);
}

/* Tells the server of a provider. The answer is the provider's matter. */
static void offer(struct process *process)
{
	struct devices *devices = process->devices;
	struct peer *vsp = devices->processes[PEER_VSP].peer;
	JSON_AUTO sd_json_variant *parameters =
		devices_offer(devices->partition, vsp, process->role, process->socket);

	close(process->socket);
	process->socket = -1;
	process->stage = STAGE_OFFERING;
	if (!parameters)
		peer_drop_fds(vsp);
	if (!parameters ||
	    !peer_call(vsp, "Provide", parameters, CALL_SECONDS, on_offered, process))
		call_failed(process, "cannot be offered to the guest");
}

static void on_guest_told(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct process *process = context;

	if (!failure && guest_take_status(&process->devices->guest, reply))
		guest_changed(process->devices);
}

/* What the guest tells of itself has changed, or is not known yet. */
static void ask_status(struct process *process)
{
	peer_call(process->peer, "Status", NULL, CALL_SECONDS, on_guest_told, process);
}

/* Whether what a process tells of itself in Stats is that it was configured. */
static bool serves(enum peer_role role, sd_json_variant *stats)
{
	sd_json_variant *all = NULL;

	if (role == PEER_GPU)
		return json_number(json_object(stats, "statistics"), "memory_max");
	all = json_array(stats, role == PEER_STORAGE ? "disks" : "cards");
	return all && sd_json_variant_elements(all);
}

/* Whether one that was found serves anything: an hvd that ended in the midst of starting it
 * has left one that does not. */
static void on_found(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct process *process = context;

	if (failure || !serves(process->role, reply)) {
		died(process, "it was found without its configuration");
		return;
	}
	process->stage = STAGE_UP;
	process->adopting = false;
	kick(process->devices);
}

static void found(struct process *process)
{
	process->stage = STAGE_CONFIGURING;
	if (process->role == PEER_VSP) {
		process->stage = STAGE_UP;
		process->adopting = false;
		ask_status(process);
	} else if (!peer_call(process->peer, "Stats", NULL, CALL_SECONDS, on_found, process)) {
		call_failed(process, "cannot be called");
	}
}

static void on_ready(void *context)
{
	struct process *process = context;

	process->stage = STAGE_READY;
	if (process->adopting)
		found(process);
	kick(process->devices);
}

static void on_failed(void *context, const struct failure *failure)
{
	died_of(context, failure);
}

static void on_lost(void *context)
{
	struct process *process = context;
	char why[128];

	if (process->stage == STAGE_ENDING) {
		spawner_clean(spawner_of(process), process->role, name_of(process));
		forget(process, STAGE_NONE);
		return;
	}
	snprintf(why, sizeof(why), "the %s of %s has died", peer_role_name(process->role),
		 name_of(process));
	died(process, why);
}

static void storage_news(struct devices *devices, sd_json_variant *event)
{
	const char *kind = json_text(event, "kind"), *detail = json_text(event, "detail");
	char disk[DOMAIN_TARGET_MAX];
	char text[PARTITION_DETAIL], clean[PARTITION_DETAIL];

	if (strcmp(kind, "started") == 0)
		return;
	domain_target((uint32_t)json_number(event, "lun"), disk);
	if (strcmp(kind, "removed") == 0) {
		events_emit_device(devices->partition, EVENT_DEVICE_REMOVED, disk, NULL);
		images_release(devices->images, disk);
		return;
	}
	partition_clean(clean, sizeof(clean), detail[0] ? detail : kind);
	snprintf(text, sizeof(text), "%.40s: %.200s", kind, clean);
	partition_clean(clean, sizeof(clean), text);
	report(devices, disk, detail[0] ? clean : kind);
}

static void gpu_news(struct devices *devices, sd_json_variant *event)
{
	const char *kind = json_text(event, "kind");
	char detail[PARTITION_DETAIL];

	partition_clean(detail, sizeof(detail), json_text(event, "detail"));
	if (strcmp(kind, "renderer_lost") == 0)
		report(devices, "gpu", detail[0] ? detail : "its contexts are lost");
	else if (strcmp(kind, "context_lost") == 0)
		report(devices, "gpu", detail[0] ? detail : "a context is lost");
	if (guest_take_screen(&devices->guest, event) && may_tell(devices))
		events_emit(devices->partition, EVENT_SCREEN);
}

static void vsp_news(struct process *process, sd_json_variant *event)
{
	struct devices *devices = process->devices;
	uint64_t entries = json_number(event, "entries");
	char warning[PARTITION_DETAIL];

	if (guest_take_event(&devices->guest, event))
		guest_changed(devices);
	if (entries != devices->guest.entries && process->stage == STAGE_UP)
		ask_status(process);
	devices->guest.entries = entries;
	partition_clean(warning, sizeof(warning), json_text(event, "warning"));
	if (warning[0])
		report(devices, "vmbus", warning);
}

static void on_news(void *context, sd_json_variant *event)
{
	struct process *process = context;

	if (process->stage == STAGE_ENDING || !event)
		return;
	if (process->role == PEER_VSP)
		vsp_news(process, event);
	else if (process->role == PEER_STORAGE)
		storage_news(process->devices, event);
	else if (process->role == PEER_GPU)
		gpu_news(process->devices, event);
}

static const struct peer_hooks hooks = {
	.ready = on_ready,
	.failed = on_failed,
	.lost = on_lost,
	.news = on_news,
};

static void reach(struct process *process, unsigned int tries)
{
	process->stage = STAGE_COMING;
	process->peer = peer_new(process->devices->partition->hvd, process->role, name_of(process),
				 tries, &hooks, process);
	if (!process->peer)
		call_failed(process, "cannot be reached: out of memory");
}

/* Before it begins; what comes to nothing of it is in the journal. */
static bool limit(struct process *process, struct failure *failure)
{
	const struct domain *live = process->devices->partition->live;
	struct spawner_limits limits;

	if (process->role != PEER_GPU)
		return true;
	limits = devices_gpu_limits(live);
	return spawner_limit(spawner_of(process), process->role, name_of(process), &limits, NULL,
			     NULL, failure);
}

static void launch(struct process *process)
{
	struct failure failure;

	process->adopting = false;
	if (limit(process, &failure) &&
	    spawner_start(spawner_of(process), process->role, name_of(process), &failure))
		reach(process, START_TRIES);
	else
		died_of(process, &failure);
}

void devices_process_failed(struct devices *devices, enum peer_role role, const char *why)
{
	struct process *process = &devices->processes[role];
	struct failure failure;

	if (process->stage != STAGE_COMING || process->adopting)
		return;
	fail(&failure, FAILURE_FAILED, "the %s of %s does not come up: %s", peer_role_name(role),
	     name_of(process), why);
	died_of(process, &failure);
}

/* ---- what follows ---- */

/* Whether a guest of that definition has devices of a provider. */
static bool has_work(const struct domain *domain, enum peer_role role)
{
	switch (role) {
	case PEER_STORAGE:
		return domain->disk_count > 0;
	case PEER_NET:
		return domain->card_count > 0;
	case PEER_GPU:
		return domain_has_screen(domain);
	default:
		return false;
	}
}

/* Whether it has any, all of which need VMBus. */
static bool has_devices(const struct domain *domain)
{
	return has_work(domain, PEER_STORAGE) || has_work(domain, PEER_NET) ||
	       has_work(domain, PEER_GPU);
}

static bool is_needed(const struct process *process)
{
	const struct devices *devices = process->devices;
	const struct domain *live = devices->partition->live;

	if (process->role == PEER_VSP)
		return true;
	if (devices->processes[PEER_VSP].stage == STAGE_LOST || !live)
		return false;
	return has_work(live, process->role);
}

/* The disk whose image was to be shown is the guest's now, or is not. */
static void on_disk_attached(void *context, const struct failure *failure, sd_json_variant *reply)
{
	(void)reply;
	settle_attach(context, failure);
}

/* A disk for a controller that is there. */
static bool add_disk(struct devices *devices, const struct domain_disk *disk, devices_done done,
		     void *context, struct failure *failure)
{
	struct process *storage = &devices->processes[PEER_STORAGE];
	JSON_AUTO sd_json_variant *json =
		devices_disk(devices->partition, storage->peer, disk, failure);
	JSON_AUTO sd_json_variant *parameters = NULL;

	if (!json || sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_VARIANT("disk", json)) < 0) {
		peer_drop_fds(storage->peer);
		return false;
	}
	return devices_call(devices, PEER_STORAGE, "AddDisk", parameters, done, context, failure);
}

/* The image of a disk that comes to others is shown, or is not. */
static void attach_shown(struct process *storage, const struct failure *failure)
{
	struct failure own;

	if (failure)
		settle_attach(storage, failure);
	else if (!add_disk(storage->devices, &storage->attached->disks[0], on_disk_attached,
			   storage, &own))
		settle_attach(storage, &own);
}

static void on_images(struct partition *partition, const struct failure *failure)
{
	struct process *storage = &partition->devices->processes[PEER_STORAGE];

	if (storage->stage == STAGE_UP && storage->attaching)
		attach_shown(storage, failure);
	if (storage->stage != STAGE_PREPARING)
		return;
	if (failure)
		died_of(storage, failure);
	else
		storage->stage = STAGE_PREPARED;
	kick(storage->devices);
}

/* Disks whose images are not raw are shown as raw files before their provider opens them. */
static void prepare(struct process *storage)
{
	struct partition *partition = storage->devices->partition;
	struct failure failure;

	storage->stage = STAGE_PREPARING;
	for (size_t i = 0; i < partition->live->disk_count; i++) {
		if (!devices_disk_is_free(partition, &partition->live->disks[i], &failure)) {
			died_of(storage, &failure);
			return;
		}
	}
	images_start(storage->devices->images, true, on_images);
}

static void on_image_lost(struct partition *partition, const char *target)
{
	report(partition->devices, target, "the process that reads its image has died");
}

/* Returns whether the process is where it should be. */
static bool advance(struct process *process)
{
	const struct process *vsp = &process->devices->processes[PEER_VSP];
	bool may_begin = process == vsp || vsp->stage == STAGE_UP;

	if (!is_needed(process) && process->stage != STAGE_UP)
		return true;
	if (process->stage == STAGE_NONE)
		launch(process);
	else if (process->stage == STAGE_READY && may_begin && process->role == PEER_STORAGE)
		prepare(process);
	else if ((process->stage == STAGE_READY || process->stage == STAGE_PREPARED) && may_begin)
		configure(process);
	else if (process->stage == STAGE_CONFIGURED && may_begin)
		offer(process);
	return process->stage == STAGE_UP;
}

static void start_is_over(struct devices *devices)
{
	bool failed = devices->failed;
	struct failure failure = devices->failure;

	devices->starting = devices->failed = false;
	devices->started(devices->partition, failed ? &failure : NULL);
}

bool devices_are_gone(const struct devices *devices)
{
	for (int role = FIRST_ROLE; role < PEER_COUNT; role++) {
		if (devices->processes[role].stage != STAGE_NONE)
			return false;
	}
	return true;
}

static void end_is_over(struct devices *devices)
{
	void (*ended)(struct partition *partition) = devices->ended;

	devices->ended = NULL;
	if (ended)
		ended(devices->partition);
	else
		operation_go_on(devices->partition);
}

static void step(evutil_socket_t fd, short what, void *context)
{
	struct devices *devices = context;
	bool complete = true;

	(void)fd, (void)what;
	/* Their process has written all: the images themselves are next. */
	if (!devices->wanted && devices->processes[PEER_STORAGE].stage == STAGE_NONE)
		images_end(devices->images);
	if (!devices->wanted) {
		if (devices->starting && devices_are_gone(devices))
			start_is_over(devices);
		else if (devices_are_gone(devices))
			end_is_over(devices);
		return;
	}
	for (int role = FIRST_ROLE; role < PEER_COUNT && !devices->failed; role++)
		complete = advance(&devices->processes[role]) && complete;
	if (devices->starting && (complete || devices->failed))
		start_is_over(devices);
}

/* Whether it has died too often; counts. */
static bool is_hopeless(struct process *process)
{
	uint64_t now = partition_now();

	if (!process->deaths || now - process->first_death > DEATHS_SECONDS * NS) {
		process->deaths = 0;
		process->first_death = now;
	}
	return ++process->deaths >= DEATHS_MAX;
}

static void give_up(struct process *process, const char *why)
{
	struct devices *devices = process->devices;
	struct partition *partition = devices->partition;

	process->stage = STAGE_LOST;
	partition_clean(partition->why.detail, sizeof(partition->why.detail), why);
	report(devices, peer_role_name(process->role), why);
	if (process->role != PEER_VSP)
		return;
	/* Those behind it have nobody any more that they could work for. */
	memset(&devices->guest, 0, sizeof(devices->guest));
	snprintf(devices->guest.heartbeat, sizeof(devices->guest.heartbeat), "lost");
	guest_changed(devices);
	for (int role = FIRST_ROLE + 1; role < PEER_COUNT; role++)
		end_process(&devices->processes[role]);
}

/* One that has died while the guest runs. */
static void bury(struct process *process)
{
	struct devices *devices = process->devices;
	char why[2 * PARTITION_DETAIL];

	if (!is_needed(process)) {
		process->stage = STAGE_NONE;
	} else if (process->role == PEER_VSP) {
		snprintf(why, sizeof(why), "%s: the guest has lost its devices", process->why);
		give_up(process, why);
	} else if (is_hopeless(process)) {
		snprintf(why, sizeof(why), "%s has died %u times within a minute, and stays so: %s",
			 peer_role_name(process->role), process->deaths, process->why);
		give_up(process, why);
	} else {
		report(devices, peer_role_name(process->role), process->why);
		process->stage = STAGE_NONE;
		kick(devices);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct process *process = context;
	const struct devices *devices = process->devices;

	(void)fd, (void)what;
	if (process->stage == STAGE_ENDING) {
		log_warning("the %s of %s does not go away", peer_role_name(process->role),
			    name_of(process));
		kill_and_forget(process, STAGE_NONE);
		return;
	}
	if (process->stage != STAGE_WAITING || !devices->wanted)
		return;
	/* What ends with the partition is no accident, but may be seen first. */
	if (operation_is_changing(devices->partition))
		set_timer(process, RESTART_MS);
	else if (devices->partition->state == STATE_RUNNING ||
		 devices->partition->state == STATE_PAUSED)
		bury(process);
	else
		process->stage = STAGE_LOST;
}

/* ---- for the operations ---- */

/* What an hvd before this one has left and nobody needs. */
static void sweep(struct devices *devices)
{
	for (int role = FIRST_ROLE; role < PEER_COUNT; role++) {
		struct process *process = &devices->processes[role];

		if (process->stage == STAGE_NONE &&
		    spawner_is_known(spawner_of(process), process->role, name_of(process)))
			kill_and_forget(process, STAGE_NONE);
	}
}

/* Is it served? Devices need it, whatever else the definition says. */
static bool has_vmbus(const struct partition *partition)
{
	const struct domain *live = partition->live;

	return spawner_has(partition->hvd->spawner, PEER_VSP) &&
	       (!live->no_vmbus || has_devices(live));
}

void devices_start(struct devices *devices,
		   void (*done)(struct partition *partition, const struct failure *failure))
{
	struct partition *partition = devices->partition;
	bool needed = has_devices(partition->live);

	sweep(devices);
	for (int role = PEER_COUNT - 1; role >= FIRST_ROLE; role--) {
		end_process(&devices->processes[role]);
		devices->processes[role].deaths = 0;
	}
	memset(&devices->guest, 0, sizeof(devices->guest));
	devices->started = done;
	devices->starting = devices->wanted = true;
	devices->failed = false;
	for (int role = FIRST_ROLE; role < PEER_COUNT; role++) {
		const struct process *process = &devices->processes[role];

		if (spawner_has(spawner_of(process), process->role) ||
		    (role == PEER_VSP ? !needed : !is_needed(process)))
			continue;
		devices->failed = true;
		fail(&devices->failure, FAILURE_UNSUPPORTED,
		     "there is no %s here, and %s has devices that need it",
		     peer_role_name(process->role), partition_name(partition));
	}
	if (devices->failed || has_vmbus(partition))
		snprintf(devices->guest.heartbeat, sizeof(devices->guest.heartbeat), "none");
	else
		/* A guest without devices on VMBus. */
		devices->wanted = false;
	kick(devices);
}

void devices_cancel(struct devices *devices)
{
	devices->starting = devices->failed = false;
	devices->ended = NULL;
}

void devices_end(struct devices *devices, void (*done)(struct partition *partition))
{
	struct failure failure;

	devices_cancel(devices);
	fail(&failure, FAILURE_WRONG_STATE, "the guest of %s has ended",
	     partition_name(devices->partition));
	for (int role = FIRST_ROLE; role < PEER_COUNT; role++)
		settle_attach(&devices->processes[role], &failure);
	devices->wanted = false;
	devices->ended = done;
	memset(&devices->guest, 0, sizeof(devices->guest));
	sweep(devices);
	/* The providers first: what they have under way is the server's to answer. */
	for (int role = PEER_COUNT - 1; role >= FIRST_ROLE; role--)
		end_process(&devices->processes[role]);
	kick(devices);
}

void devices_adopt(struct devices *devices)
{
	devices->wanted = has_vmbus(devices->partition);
	for (int role = FIRST_ROLE; role < PEER_COUNT && devices->wanted; role++) {
		struct process *process = &devices->processes[role];

		if (role == PEER_STORAGE)
			images_adopt(devices->images);
		if (spawner_is_known(spawner_of(process), process->role, name_of(process))) {
			process->adopting = true;
			reach(process, ADOPT_TRIES);
		} else if (role == PEER_VSP) {
			died(process, "hv-vsp is not there");
		}
	}
	kick(devices);
}

void devices_set_time(struct devices *devices)
{
	struct process *vsp = &devices->processes[PEER_VSP];

	if (vsp->stage == STAGE_UP)
		peer_call(vsp->peer, "SetTime", NULL, CALL_SECONDS, NULL, vsp);
}

/* ---- for clients ---- */

static void on_asked(void *context, const struct failure *failure, sd_json_variant *reply)
{
	struct ask *ask = context, **at = &ask->process->asks;

	while (*at != ask)
		at = &(*at)->next;
	*at = ask->next;
	settle(ask, failure, reply);
}

static struct ask *ask_new(struct process *process, devices_done done, void *context)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (ask)
		*ask = (struct ask){ .process = process, .done = done, .context = context };
	return ask;
}

bool devices_is_up(const struct devices *devices, enum peer_role role)
{
	return devices->processes[role].stage == STAGE_UP;
}

struct peer *devices_peer(const struct devices *devices, enum peer_role role)
{
	return devices->processes[role].peer;
}

bool devices_call(struct devices *devices, enum peer_role role, const char *method,
		  sd_json_variant *parameters, devices_done done, void *context,
		  struct failure *failure)
{
	struct process *process = &devices->processes[role];
	struct ask *ask;

	if (process->stage != STAGE_UP) {
		if (process->peer)
			peer_drop_fds(process->peer);
		if (process->stage != STAGE_NONE && process->stage != STAGE_LOST)
			return fail(failure, FAILURE_BUSY, "the %s of %s is busy",
				    peer_role_name(role), name_of(process));
		return fail(failure, FAILURE_UNSUPPORTED, "%s has no %s now", name_of(process),
			    peer_role_name(role));
	}
	ask = ask_new(process, done, context);
	if (!ask || !peer_call(process->peer, method, parameters,
			       role == PEER_VSP ? ASK_SECONDS : CALL_SECONDS, on_asked, ask)) {
		free(ask);
		return fail(failure, FAILURE_BUSY, "too much is asked of %s already",
			    name_of(process));
	}
	ask->next = process->asks;
	process->asks = ask;
	return true;
}

bool devices_attach(struct devices *devices, const struct domain *device, devices_done done,
		    void *context, struct failure *failure)
{
	struct process *process = &devices->processes[device->disk_count ? PEER_STORAGE : PEER_NET];
	struct domain_error error;
	bool shown;

	if (devices->processes[PEER_VSP].stage != STAGE_UP ||
	    !spawner_has(spawner_of(process), process->role))
		return fail(failure, FAILURE_UNSUPPORTED, "the guest of %s has no VMBus",
			    name_of(process));
	if (process->attaching || (process->stage != STAGE_UP && process->stage != STAGE_NONE))
		return fail(failure, FAILURE_BUSY, "the %s of %s is busy",
			    peer_role_name(process->role), name_of(process));
	if (device->disk_count &&
	    !devices_disk_is_free(devices->partition, &device->disks[0], failure))
		return false;
	shown = device->disk_count && device->disks[0].format != DOMAIN_RAW;
	if (shown && images_has(devices->images, device->disks[0].target))
		return fail(failure, FAILURE_BUSY, "the image of %s before is still in use",
			    device->disks[0].target);
	if (device->disk_count && !shown && process->stage == STAGE_UP)
		return add_disk(devices, &device->disks[0], done, context, failure);
	if (device->card_count && process->stage == STAGE_UP)
		return card_add(devices->partition, device, done, context, failure);
	process->attached = domain_copy(device);
	process->attaching = ask_new(process, done, context);
	if (!process->attaching || !process->attached ||
	    !domain_add_devices(devices->partition->live, device, &error)) {
		free(process->attaching);
		domain_free(process->attached);
		process->attaching = NULL;
		process->attached = NULL;
		return fail(failure, FAILURE_BUSY, "out of memory");
	}
	if (shown && process->stage == STAGE_UP) {
		images_start(devices->images, false, on_images);
		return true;
	}
	kick(devices);
	return true;
}

void devices_trim(struct devices *devices)
{
	struct process *net = &devices->processes[PEER_NET];

	images_trim(devices->images);
	if (!is_needed(net))
		end_process(net);
}

/* ---- memory ---- */

struct devices *devices_new(struct partition *partition)
{
	struct devices *devices = calloc(1, sizeof(*devices));
	struct event_base *base = partition->hvd->base;
	bool good;

	if (!devices)
		return NULL;
	devices->partition = partition;
	devices->kick = evtimer_new(base, step, devices);
	devices->images = images_new(partition, on_image_lost);
	good = devices->kick && devices->images;
	for (int role = FIRST_ROLE; role < PEER_COUNT; role++) {
		struct process *process = &devices->processes[role];

		process->devices = devices;
		process->role = (enum peer_role)role;
		process->socket = -1;
		process->timer = evtimer_new(base, on_timer, process);
		good = good && process->timer;
	}
	if (good)
		return devices;
	devices_free(devices);
	return NULL;
}

void devices_free(struct devices *devices)
{
	struct failure failure;

	if (!devices)
		return;
	for (int role = FIRST_ROLE; role < PEER_COUNT; role++) {
		struct process *process = &devices->processes[role];

		if (process->stage == STAGE_ENDING)
			kill_and_forget(process, STAGE_NONE);
		else if (process->peer)
			forget(process, STAGE_NONE);
		fail(&failure, FAILURE_FAILED, "the daemon ends");
		settle_attach(process, &failure);
		if (process->timer)
			event_free(process->timer);
	}
	if (devices->kick)
		event_free(devices->kick);
	images_free(devices->images);
	free(devices);
}
