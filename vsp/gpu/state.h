/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The GPU from within: what its files share.
 *
 * Blame. A message that cannot be done is the fault of its context, which is lost by it;
 * with context 0 the message is dropped and the guest told. A context that is lost has
 * nothing in the renderer any more; its id stays taken until the guest destroys it.
 * A resource that could not be made is LOST in the same way: its id stays taken, and what
 * names it is dropped without a word.
 */
#ifndef VSP_GPU_STATE_H
#define VSP_GPU_STATE_H

#include "channel.h"
#include "decode.h"
#include "gpu.h"
#include "renderer.h"

/* ---- fences ---- */

/* A row of numbers that count upwards; its slot is the guest's memory. */
struct timeline {
	struct mullion_gpu_slot *slot;
	uint64_t last; /* the largest that was asked for */
	uint64_t given; /* the renderer has a fence for it, or needs none */
	uint64_t done; /* as it was stored */
	uint64_t told; /* what was wanted when the guest was signalled last */
	uint64_t since; /* when the first one after `given` was asked for, ns */
};

/* One of the renderer's, for all of a timeline up to a number. */
struct fence {
	struct fence *next;
	uint64_t id, number, since;
	uint32_t ring; /* the timeline's */
	uint32_t row; /* the renderer's */
};

/* ---- contexts ---- */

struct context {
	uint32_t id; /* 0: the driver's own */
	uint32_t capset, rings;
	char name[64];
	bool lost;
	char why[112];
	uint64_t due; /* bit of a ring: its timeline has numbers without a fence */
	uint64_t probe, probe_since; /* fence that shows that its process lives; 0: none; ns */
	struct fence *fences, **fences_end; /* the oldest first */
	struct timeline timelines[]; /* rings */
};

/* ---- resources ---- */

enum resource_kind {
	RESOURCE_PLAIN,
	RESOURCE_DRAWN, /* the renderer's */
	RESOURCE_LOST,
};

struct resource {
	struct resource *next; /* of the same bucket */
	uint32_t id;
	enum resource_kind kind;
	uint64_t size; /* of a PLAIN one, bytes */
	uint32_t target, format, width, height; /* of a DRAWN one */
	uint64_t memory; /* what it counts for, bytes */
	struct iovec *pieces; /* its pages, in order */
	uint32_t piece_count, piece_room;
	uint32_t page_count, page_total; /* known, and that there will be */
	bool given; /* the renderer has the pieces */
	struct shared *shared; /* of a PLAIN one; NULL: it is not */
};

#define RESOURCE_BUCKETS 4096u

/* What contexts have of a resource. It stays when that is destroyed, until no process has it
 * any more: it is leaving. */
struct shared {
	int dmabuf;
	/* Of one that is leaving: */
	struct shared *next;
	uint64_t before; /* the last number of RING_RETURNED that was asked for before it */
	uint64_t since; /* ns */
};

/* ---- the screen ---- */

/* What a display shows; resource NULL: nothing. */
struct picture {
	struct resource *resource;
	uint32_t x, y, width, height;
	enum image_format format;
	uint32_t stride; /* of a PLAIN one */
	uint64_t offset;
};

struct cursor {
	bool shown;
	uint32_t hot_x, hot_y;
	uint32_t pixels[MULLION_GPU_CURSOR_SIZE * MULLION_GPU_CURSOR_SIZE];
};

struct display {
	bool connected;
	uint32_t width, height; /* asked for */
	struct picture next, now; /* the next FLUSH makes it so */
	struct cursor cursor;
};

/* ---- the whole ---- */

enum session_state {
	SESSION_CLOSED,
	SESSION_WAITING, /* for HELLO */
	SESSION_REFUSED, /* no version in common */
	SESSION_WORKING,
};

/* A message that found no room in the ring. */
struct unsent {
	struct unsent *next;
	uint32_t size;
	uint8_t bytes[];
};

struct gpu {
	struct device device;
	struct gpu_config config;
	struct renderer *renderer; /* NULL: none */
	const struct gpu_calls *calls;
	void *context;

	struct channel *channel; /* NULL: closed */
	enum session_state state;
	uint64_t features; /* of both */
	char driver[32], kernel[64], problem[160];
	struct unsent *unsent, **unsent_end;

	/* Shared pages; NULL without a session. */
	uint8_t *shared;
	uint32_t shared_pages;

	struct mullion_gpu_capset_info capsets[MULLION_GPU_CAPSETS_MAX];
	uint32_t capset_count;

	struct context *own; /* NULL without a session */
	struct context *contexts[MULLION_GPU_CONTEXTS_MAX];
	uint32_t context_count;

	uint64_t fence_id; /* of the last one */
	unsigned int fences; /* that the renderer owes */
	uint64_t progress_at; /* when one was done last, probes aside; ns */
	/* Of context 0 in sessions that are over: the renderer still owes them. */
	struct fence *orphans, **orphans_end;
	bool fences_due; /* a context may have timelines that are due */
	uint64_t turn_began; /* ns; 0: not yet */
	bool signal_due;

	struct shared *leaving, **leaving_end; /* in the order that they were destroyed in */
	struct resource *buckets[RESOURCE_BUCKETS];
	uint32_t resource_count;
	uint64_t memory;
	void *commands; /* room for those that lie in the guest's memory */
	size_t commands_room;

	struct display displays[MULLION_GPU_DISPLAYS_MAX];
	struct gpu_statistics statistics; /* without what is counted when asked */
};

uint64_t now_ns(void);

/* ---- session.c ---- */

/* Sends a message, now or when there is room. bytes: header included, which is filled in. */
void session_send(struct gpu *gpu, uint32_t type, void *bytes, uint32_t size);
void session_packet(struct gpu *gpu, const struct packet *packet);
void session_turn(struct gpu *gpu);
void session_ready(struct gpu *gpu);
void session_begin(struct gpu *gpu, struct channel *channel);
void session_end(struct gpu *gpu);
/* The message cannot be done: see above. */
void session_fault(struct gpu *gpu, struct context *context, enum mullion_gpu_reason reason,
		   uint32_t type, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* No more than so much at a time is taken from a guest that does not read. */
void session_throttle(struct gpu *gpu);

/* ---- fence.c ---- */

/* Its slot is number `slot`, which exists. */
void timeline_begin(const struct gpu *gpu, struct timeline *timeline, uint32_t slot);
/* False: the number is not larger than the last one. */
bool fence_ask(struct gpu *gpu, struct context *context, uint32_t ring, uint64_t number);
/* All of them are done: nobody will ask what became of them. */
void fence_drop(struct gpu *gpu, struct context *context);
/* The same of the driver's own ones at a session's end. */
void fence_drop_own(struct gpu *gpu);
/* Nobody will tell of any more. */
void fence_forget(struct gpu *gpu);
/* The numbers of a timeline up to that are done. */
void fence_store(struct gpu *gpu, struct timeline *timeline, uint64_t number);
/* Gives the renderer a fence for each timeline that is due. */
void fence_give(struct gpu *gpu);
/* Signals the guest if something that it waits for is done. */
void fence_signal(struct gpu *gpu);
/* What the renderer tells. */
void fence_done(void *context, const struct renderer_fence *fences, unsigned int count);

/* ---- context.c ---- */

struct context *context_new(uint32_t id, uint32_t rings);
struct context *context_find(const struct gpu *gpu, uint32_t id); /* NULL: there is none */
/* Another process draws for it, which can end alone. */
bool context_has_process(const struct context *context);
void context_create(struct gpu *gpu, const struct message *message);
void context_destroy(struct gpu *gpu, struct context *context);
/* It can do no more; tells nobody. */
void context_lose(struct gpu *gpu, struct context *context, const char *why);
void context_drop_all(struct gpu *gpu);

/* ---- resource.c ---- */

struct resource *resource_find(const struct gpu *gpu, uint32_t id);
/* NULL after a fault: there is none, or it is LOST, which is no fault. */
struct resource *resource_named(struct gpu *gpu, struct context *context,
				const struct message *message, uint32_t id);
void resource_attach(struct gpu *gpu, struct context *context, const struct message *message);
void resource_plain(struct gpu *gpu, struct context *context, const struct message *message);
void resource_create(struct gpu *gpu, struct context *context, const struct message *message);
void resource_destroy(struct gpu *gpu, struct context *context, const struct message *message);
void resource_pages(struct gpu *gpu, struct context *context, const struct message *message);
void resource_drop_all(struct gpu *gpu);

/* ---- share.c ---- */

void resource_share(struct gpu *gpu, struct context *context, const struct message *message);
/* The renderer has it no more. */
void share_leave(struct gpu *gpu, struct resource *resource);
/* What no process has any more is the guest's again. */
void share_look(struct gpu *gpu);
/* A session ends, and with it the numbers that would tell: waits a while until nobody has
 * what it shared. */
void share_wait(struct gpu *gpu);
void share_forget(struct gpu *gpu);

/* ---- submit.c, transfer.c ---- */

void submit(struct gpu *gpu, struct context *context, const struct message *message);
void submit_pages(struct gpu *gpu, struct context *context, const struct message *message);
void transfer(struct gpu *gpu, struct context *context, const struct message *message);

/* ---- screen.c ---- */

void screen_scanout(struct gpu *gpu, struct context *context, const struct message *message);
void screen_flush(struct gpu *gpu, struct context *context, const struct message *message);
void screen_cursor(struct gpu *gpu, struct context *context, const struct message *message);
/* The resource is gone, or the pages that it is looked at in are. */
void screen_forget(struct gpu *gpu, const struct resource *resource);
/* It is the renderer's now: what shows it goes on, if that can be. */
void screen_promote(struct gpu *gpu, const struct resource *resource);
void screen_drop_all(struct gpu *gpu);
/* Tells the guest of a display. */
void screen_tell(struct gpu *gpu, uint32_t number);

#endif
