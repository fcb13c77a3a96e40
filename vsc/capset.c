// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capsets: asked of hv-gpu once each, then kept for all programs until there is another
 * hv-gpu. What a program has in its hands is freed with the device only: a few kilobytes
 * for each hv-gpu that was asked.
 */
#include <linux/slab.h>

#include "driver.h"

#define ANSWER_TIME (10 * HZ)

struct mgpu_capset {
	struct list_head link;
	u32 capset, version;
	u32 generation;
	u32 size; /* as hv-gpu answered; 0: there is none */
	bool answered; /* display_lock */
	u32 room;
	u8 data[];
};

u32 mgpu_capset_copy_size(const struct mgpu_capset *capset)
{
	return capset->size;
}

const void *mgpu_capset_data(const struct mgpu_capset *capset)
{
	return capset->data;
}

static const struct mullion_gpu_capset_info *info_of(const struct mgpu *gpu, u32 id, u32 version)
{
	for (u32 i = 0; i < gpu->welcome.capset_count; i++) {
		const struct mullion_gpu_capset_info *info = &gpu->welcome.capsets[i];

		if (info->capset == id && version <= info->version && info->size &&
		    info->size < MULLION_GPU_MESSAGE_MAX / 2)
			return info;
	}
	return NULL;
}

static struct mgpu_capset *find(struct mgpu *gpu, u32 id, u32 version)
{
	struct mgpu_capset *capset;

	list_for_each_entry(capset, &gpu->capsets, link)
		if (capset->capset == id && capset->version == version &&
		    capset->generation == READ_ONCE(gpu->generation))
			return capset;
	return NULL;
}

static struct mgpu_capset *new(struct mgpu *gpu, u32 id, u32 version, u32 size)
{
	struct mgpu_capset *capset = kzalloc(struct_size(capset, data, size), GFP_KERNEL);

	if (!capset)
		return NULL;
	capset->capset = id;
	capset->version = version;
	capset->room = size;
	return capset;
}

static void set_asked(struct mgpu *gpu, struct mgpu_capset *capset)
{
	spin_lock_bh(&gpu->display_lock);
	gpu->asked = capset;
	spin_unlock_bh(&gpu->display_lock);
}

static int send_question(struct mgpu *gpu, struct mgpu_capset *capset)
{
	struct mullion_gpu_get_capset *message;
	int error = mgpu_lock(gpu, MGPU_INTERRUPTIBLE);

	if (error)
		return error;
	capset->generation = gpu->generation;
	message = mgpu_message(gpu, MULLION_GPU_GET_CAPSET, 0, sizeof(*message));
	if (!IS_ERR(message)) {
		message->capset = capset->capset;
		message->version = capset->version;
		mgpu_send(gpu);
	}
	mgpu_unlock(gpu);
	return PTR_ERR_OR_ZERO(message);
}

static int ask(struct mgpu *gpu, struct mgpu_capset *capset)
{
	long left;
	int error;

	set_asked(gpu, capset);
	error = send_question(gpu, capset);
	if (!error) {
		left = wait_event_interruptible_timeout(
			gpu->answers, READ_ONCE(capset->answered) || !mgpu_ready(gpu), ANSWER_TIME);
		if (left < 0)
			error = -ERESTARTSYS;
		else if (!READ_ONCE(capset->answered))
			error = mgpu_ready(gpu) ? -EBUSY : -EIO;
	}
	set_asked(gpu, NULL);
	return error;
}

int mgpu_capset(struct mgpu *gpu, u32 id, u32 version, const struct mgpu_capset **found)
{
	const struct mullion_gpu_capset_info *info = info_of(gpu, id, version);
	struct mgpu_capset *capset;
	int error = 0;

	if (!info)
		return -EINVAL;
	if (mutex_lock_interruptible(&gpu->capsets_lock))
		return -ERESTARTSYS;
	capset = find(gpu, id, version);
	if (!capset) {
		capset = new (gpu, id, version, info->size);
		error = capset ? ask(gpu, capset) : -ENOMEM;
		if (error)
			kfree(capset);
		else
			list_add(&capset->link, &gpu->capsets);
	}
	mutex_unlock(&gpu->capsets_lock);
	if (!error && !capset->size)
		error = -EINVAL;
	*found = capset;
	return error;
}

/* From the channel's callback. */
void mgpu_capset_answer(struct mgpu *gpu, const struct mullion_gpu_capset *answer, u32 size)
{
	struct mgpu_capset *asked;

	size -= sizeof(*answer);
	spin_lock(&gpu->display_lock);
	asked = gpu->asked;
	if (asked && asked->capset == answer->capset && asked->version == answer->version &&
	    !asked->answered) {
		asked->size = min(size, asked->room);
		memcpy(asked->data, answer->data, asked->size);
		WRITE_ONCE(asked->answered, true);
	}
	spin_unlock(&gpu->display_lock);
	wake_up_all(&gpu->answers);
}

void mgpu_capsets_forget(struct mgpu *gpu)
{
	struct mgpu_capset *capset, *next;

	list_for_each_entry_safe(capset, next, &gpu->capsets, link) kfree(capset);
	INIT_LIST_HEAD(&gpu->capsets);
}
