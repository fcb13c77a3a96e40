// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: doorbells: a guest's store to an address without memory that becomes
 * an eventfd's signal (MSHV_IOEVENTFD), before the VMM hears of it. A store that
 * cannot be decoded goes to the VMM, as one that has no doorbell does.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/overflow.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <hyperv/message.h>
#include "partition.h"
#include "store.h"

struct doorbell {
	struct list_head list;
	struct rcu_head rcu;
	u64 gpa;
	u32 length; /* of the store; 0: any */
	bool has_match;
	u64 match; /* the value that rings it, if it has one */
	struct eventfd_ctx *eventfd;
};

#define X86_RFLAGS_TF BIT(8)

static bool rings(const struct doorbell *doorbell, u64 gpa, const struct store *store)
{
	return doorbell->gpa == gpa && (!doorbell->length || doorbell->length == store->size) &&
	       (!doorbell->has_match || doorbell->match == store->value);
}

static bool is_doorbell(struct mshv_partition *partition, u64 gpa)
{
	struct doorbell *doorbell;

	list_for_each_entry_rcu(doorbell, &partition->irqs.doorbells, list)
	{
		if (doorbell->gpa == gpa)
			return true;
	}
	return false;
}

static bool ring(struct mshv_partition *partition, u64 gpa, const struct store *store)
{
	struct doorbell *doorbell;

	list_for_each_entry_rcu(doorbell, &partition->irqs.doorbells, list)
	{
		if (rings(doorbell, gpa, store)) {
			eventfd_signal(doorbell->eventfd);
			return true;
		}
	}
	return false;
}

/* The store, from the bytes in the message; 16-bit code is the VMM's. */
static bool decode(const struct mshv_vp *vp, const struct hv_x64_memory_message *message,
		   struct store *store)
{
	bool long_mode = message->header.execution_state & HV_X64_STATE_EFER_LMA &&
			 message->header.cs.attributes & HV_X64_SEGMENT_LONG;

	if (!long_mode && !(message->header.cs.attributes & HV_X64_SEGMENT_DEFAULT))
		return false;
	return mullion_decode_store(message->instruction_bytes,
				    min_t(u32, message->instruction_byte_count,
					  sizeof(message->instruction_bytes)),
				    long_mode, vp->registers->gp_registers, store);
}

bool mullion_doorbell_ring(struct mshv_vp *vp)
{
	const struct hv_message *message = (const void *)vp->page->message;
	const struct hv_x64_memory_message *memory = (const void *)message->bytes;
	struct store store;
	bool rang;

	rcu_read_lock();
	rang = memory->header.access_type == HV_X64_ACCESS_WRITE && vp->registers->isvalid &&
	       !(memory->header.rflags & X86_RFLAGS_TF) &&
	       is_doorbell(vp->partition, memory->gpa) && decode(vp, memory, &store) &&
	       ring(vp->partition, memory->gpa, &store);
	rcu_read_unlock();
	if (rang) {
		vp->registers->rip = memory->header.rip + store.length;
		vp->registers->dirty |= 1u << HV_X64_REGISTER_CLASS_IP;
	}
	return rang;
}

static void free_doorbell(struct doorbell *doorbell)
{
	eventfd_ctx_put(doorbell->eventfd);
	kfree_rcu(doorbell, rcu);
}

static bool are_same(const struct doorbell *a, const struct doorbell *b)
{
	return a->gpa == b->gpa && a->length == b->length && a->has_match == b->has_match &&
	       (!a->has_match || a->match == b->match);
}

/* Could a store ring both? */
static bool collide(const struct doorbell *a, const struct doorbell *b)
{
	return a->gpa == b->gpa && (!a->length || !b->length || a->length == b->length) &&
	       (!a->has_match || !b->has_match || a->match == b->match);
}

static int assign(struct mshv_partition *partition, const struct doorbell *wanted)
{
	struct doorbell *doorbell, *other;

	list_for_each_entry(other, &partition->irqs.doorbells, list) {
		if (collide(other, wanted))
			return -EEXIST;
	}
	doorbell = kmemdup(wanted, sizeof(*wanted), GFP_KERNEL_ACCOUNT);
	if (!doorbell)
		return -ENOMEM;
	list_add_rcu(&doorbell->list, &partition->irqs.doorbells);
	return 0;
}

static int deassign(struct mshv_partition *partition, const struct doorbell *wanted)
{
	struct doorbell *doorbell;

	list_for_each_entry(doorbell, &partition->irqs.doorbells, list) {
		if (are_same(doorbell, wanted) && doorbell->eventfd == wanted->eventfd) {
			list_del_rcu(&doorbell->list);
			/* Whoever rings it has left before the eventfd may go. */
			synchronize_rcu();
			free_doorbell(doorbell);
			return 0;
		}
	}
	return -ENOENT;
}

static bool is_valid(const struct mshv_user_ioeventfd *user)
{
	u64 end;

	if (user->flags & ~MSHV_IOEVENTFD_FLAGS_MASK ||
	    memchr_inv(user->rsvd, 0, sizeof(user->rsvd)) ||
	    check_add_overflow(user->addr, (u64)user->len, &end))
		return false;
	switch (user->len) {
	case 0:
		return !(user->flags & 1u << MSHV_IOEVENTFD_BIT_DATAMATCH);
	case 1:
	case 2:
	case 4:
	case 8:
		return true;
	default:
		return false;
	}
}

long mullion_ioeventfd(struct mshv_partition *partition, const struct mshv_user_ioeventfd *user)
{
	struct doorbell wanted = {
		.gpa = user->addr,
		.length = user->len,
		.has_match = user->flags & 1u << MSHV_IOEVENTFD_BIT_DATAMATCH,
		.match = user->datamatch,
	};
	bool remove = user->flags & 1u << MSHV_IOEVENTFD_BIT_DEASSIGN;
	int error;

	if (user->flags & 1u << MSHV_IOEVENTFD_BIT_PIO)
		return -EOPNOTSUPP;
	if (!is_valid(user))
		return -EINVAL;
	wanted.eventfd = eventfd_ctx_fdget(user->fd);
	if (IS_ERR(wanted.eventfd))
		return PTR_ERR(wanted.eventfd);
	if (mutex_lock_killable(&partition->irqs.lock)) {
		eventfd_ctx_put(wanted.eventfd);
		return -EINTR;
	}
	error = remove ? deassign(partition, &wanted) : assign(partition, &wanted);
	mutex_unlock(&partition->irqs.lock);
	/* A new doorbell keeps the reference. */
	if (remove || error)
		eventfd_ctx_put(wanted.eventfd);
	return error;
}

/* Nobody runs a VP any more. */
void mullion_doorbells_release(struct mshv_partition *partition)
{
	struct doorbell *doorbell, *next;

	list_for_each_entry_safe(doorbell, next, &partition->irqs.doorbells, list)
	{
		list_del(&doorbell->list);
		free_doorbell(doorbell);
	}
}
