/* SPDX-License-Identifier: GPL-2.0-only */
/* The registry: what is defined, what runs, and what is known about it. */
#ifndef HVD_PARTITION_H
#define HVD_PARTITION_H

#include "failure.h"
#include "hvd.h"
#include "lifecycle.h"

struct devices;
struct operation;
struct peer;

#define PARTITION_DETAIL 256u

/* Why a guest has ended, or is about to be ended. */
struct ending {
	enum reason reason;
	int code; /* -1: none */
	char detail[PARTITION_DETAIL]; /* "": none */
};

struct partition {
	struct partition *next;
	struct hvd *hvd;
	struct domain *config; /* the definition; of a transient one too */
	struct domain *live; /* what was started; NULL: shutoff */
	bool persistent;
	bool autostart;

	enum state state;
	struct ending why; /* of the state */
	uint64_t since; /* of the state, CLOCK_REALTIME in ns; 0: never was another */
	uint64_t started; /* the same, of the guest; 0: shutoff */
	uint64_t last_start; /* the same, also when it has ended */

	/* Of one that runs. */
	struct peer *worker; /* NULL: none */
	uint64_t id; /* hv's; 0: not known */
	int worker_pid; /* 0: not known */
	char console[64]; /* path of the terminal; "": none */
	bool never_ran; /* started paused: its worker waits for Start */
	bool without_devices; /* never_ran, and what serves them is started before it runs */
	bool panicked; /* hv has told us of this guest's crash */

	struct devices *devices; /* what serves its devices; there without a guest too */

	/* What is being done; see operation.h. */
	struct operation *operations; /* the first is under way */
	struct event *kick; /* goes on with the operations */
	struct event *timer; /* of the first one */
	bool news; /* the worker has something to tell */
	bool removed; /* to be freed when its operations are done */
};

/* The definition that counts: of what runs, else the next start's. */
const struct domain *partition_domain(const struct partition *partition);

const char *partition_name(const struct partition *partition);

/* A new entry, shutoff. Takes domain over, also when it fails: NULL. */
struct partition *partition_add(struct hvd *hvd, struct domain *domain);

/* Takes it out of the registry and frees it; nothing may be under way. */
void partition_remove(struct partition *partition);

/* By name, UUID or id; NULL with failure filled in. */
struct partition *partition_find(struct hvd *hvd, const char *text, struct failure *failure);

struct partition *partition_by_name(struct hvd *hvd, const char *name);
struct partition *partition_by_uuid(struct hvd *hvd, sd_id128_t uuid);

/* Writes down what runs, for an hvd after this one. 0 or -errno. */
int partition_note_live(const struct partition *partition);

/* New state and reason, without an event. why: NULL: only the reason. */
void partition_set_state(struct partition *partition, enum state state, enum reason reason,
			 const struct ending *why);

/* False with failure filled in when the state does not allow the request. */
bool partition_check(const struct partition *partition, enum request request,
		     struct failure *failure);

/* As JSON; NULL: no memory. To be unreferenced. */
sd_json_variant *partition_json(const struct partition *partition);
sd_json_variant *partition_json_info(const struct partition *partition);
sd_json_variant *partition_json_stats(const struct partition *partition);
sd_json_variant *partition_json_video(const struct domain *domain); /* NULL: no screen, too */
sd_json_variant *partition_json_schedule(const struct domain *domain);
sd_json_variant *partition_json_pins(const struct partition *partition, const struct domain *domain,
				     bool all);

/* Copies what others have written: printable ASCII on one line, cut to size. */
void partition_clean(char *to, size_t size, const char *from);

uint64_t partition_now(void); /* CLOCK_REALTIME in ns */

#endif
