/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to hv-gpu: messages are written where the ring has them, by one sender at a
 * time.
 *
 *	error = mgpu_lock(gpu, how);
 *	message = mgpu_message(gpu, type, context, size);   waits for room; zeros
 *	... fills it ...
 *	mgpu_send(gpu);
 *	mgpu_unlock(gpu);
 */
#ifndef MGPU_CHANNEL_H
#define MGPU_CHANNEL_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <mullion/gpu.h>

struct mgpu;

enum mgpu_channel_state {
	MGPU_CLOSED,
	MGPU_GREETING, /* HELLO is the only message */
	MGPU_READY,
	MGPU_RESETTING, /* hv-gpu has died: no messages until HELLO */
	MGPU_GONE, /* for good */
};

struct mgpu_channel {
	struct mutex lock;
	wait_queue_head_t room;
	enum mgpu_channel_state state; /* RESET changes it at any time: see mgpu_change_state() */
	bool patient; /* how lock was taken */
	u32 size; /* bytes of the message that is being written */
	u32 write; /* where it lies */
};

/* What is counted, to be seen in debugfs. Under channel.lock, but for wakes. */
struct mgpu_statistics {
	u64 messages, bytes, signals, waits;
	u64 submits, submit_bytes, submit_copies, submit_pages;
	u64 transfers, flushes, cursors;
	u64 fences, armed, wakes, resets;
};

enum mgpu_patience {
	MGPU_INTERRUPTIBLE, /* for a program: until a signal */
	MGPU_PATIENT, /* for the kernel: some seconds */
};

#define MGPU_PATIENCE (5 * HZ)

/* 0; -EIO: hv-gpu is not there now; -ENODEV: nor will be; -ERESTARTSYS. */
int mgpu_lock(struct mgpu *gpu, enum mgpu_patience patience);
/* Also when it is not ready. */
void mgpu_lock_any(struct mgpu *gpu);
void mgpu_unlock(struct mgpu *gpu);

/* The message, of so many bytes with its header, as zeros with type, context and size; or
 * as mgpu_lock(), or -ETIMEDOUT. */
void *mgpu_message(struct mgpu *gpu, u16 type, u32 context, u32 size);
void mgpu_send(struct mgpu *gpu);

enum mgpu_channel_state mgpu_state(const struct mgpu *gpu);
void mgpu_set_state(struct mgpu *gpu, enum mgpu_channel_state state);
/* False: it was another. */
bool mgpu_change_state(struct mgpu *gpu, enum mgpu_channel_state from, enum mgpu_channel_state to);
bool mgpu_ready(const struct mgpu *gpu);

void mgpu_channel_init(struct mgpu *gpu);
void mgpu_channel_opened(struct mgpu *gpu);

#endif
