/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: a child partition, as /dev/mshv makes it.
 *
 * Its users are its file and those of its VPs. When the last one is closed, in
 * whatever state it is, the partition ends: VPs, memory, hv's objects. The files of
 * those who serve its ports (attach.c) only keep the structure: they find it ended.
 *
 * Locks, in the order they are taken: life, lock or memory.lock, mmap_lock,
 * memory.regions_lock. None is held while a VP runs.
 */
#ifndef MULLION_PARTITION_H
#define MULLION_PARTITION_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <hyperv/mshv.h>
#include <mullion/parent.h>
#include "events.h"
#include "hook.h"

struct file;
struct hv_vp_register_page;
struct mullion_memory_file;
struct mullion_range;

/* The user's ABI has room for so many; hv may have fewer. */
#define MSHV_MAX_VPS 256

struct mshv_partition;

/* A VP lives as long as its partition. */
struct mshv_vp {
	struct mshv_partition *partition;
	u32 index;
	struct mutex lock; /* of its runner: one at a time, all of its ioctls but RUN's kin */
	wait_queue_head_t queue; /* the runner waits here for the page's state */
	struct mullion_event event;
	struct mullion_vp_page *page; /* shared with hv */
	u32 news; /* what the page said of these, for the event's handler */
	struct hv_vp_register_page *registers; /* shared with hv and the VMM */
	bool undelivered; /* the message could not be copied to the VMM; guarded by lock */
};

/* The guest's memory; memory.c. */
struct partition_memory {
	struct mutex lock; /* one change at a time */
	struct rw_semaphore regions_lock; /* regions, for those who only look */
	struct list_head regions; /* of struct region, by address */
};

/* Interrupts and doorbells; irq.c, doorbell.c. */
struct partition_irqs {
	struct mutex lock; /* whoever changes something */
	struct mullion_hooks irqfds; /* of struct irqfd; read under RCU */
	struct irq_routes __rcu *routes;
	struct list_head doorbells; /* of struct doorbell; read under RCU */
};

struct mshv_partition {
	u64 id;
	refcount_t users;
	struct kref refs; /* one of all users, one of each attached file */

	struct rw_semaphore life; /* held for reading by who needs hv's partition */
	bool ended; /* hv has it no more */
	bool killed; /* hv has stopped it, and told why */

	struct mutex lock; /* initialized, vps */
	bool initialized;
	struct mshv_vp *vps[MSHV_MAX_VPS]; /* entered complete (release) */

	struct partition_memory memory;
	struct partition_irqs irqs;
	struct work_struct changed; /* hv has news of it */

	struct mutex attached_lock;
	struct list_head attached; /* of struct attached; attach.c */
};

/* partition.c */

/* Makes one and returns its file's descriptor, or an errno. */
long mullion_partition_create(const struct mshv_create_partition_v2 *arguments);

/* For another file of the partition, and when it is closed. */
void mullion_partition_use(struct mshv_partition *partition);
void mullion_partition_drop(struct mshv_partition *partition);

/* The partition of this id with a reference on the structure, or NULL. */
struct mshv_partition *mullion_partition_find(u64 id);
void mullion_partition_unref(struct mshv_partition *partition);

/* vp.c */

/* Makes a VP and returns its file's descriptor. The partition's lock is held. */
long mullion_vp_create(struct mshv_partition *partition, u32 index);

/* hv has it no more. */
void mullion_vp_free(struct mshv_vp *vp);

/* state.c: MSHV_GET_VP_STATE, MSHV_SET_VP_STATE; the VP's lock is held. */
long mullion_vp_state(struct mshv_vp *vp, struct mshv_get_set_vp_state __user *user, bool set);

/* memory.c */

void mullion_memory_init(struct partition_memory *memory);
long mullion_memory_set(struct mshv_partition *partition, const struct mshv_user_mem_region *user);

/* hv has none of it mapped any more. */
void mullion_memory_release(struct mshv_partition *partition);

/* Has the guest all of [gfn, gfn + count)? Tells whether it may write everywhere there. */
bool mullion_memory_has(struct mshv_partition *partition, u64 gfn, u64 count, bool *writable);

/* Where the guest may write, by address, what is contiguous as one: the first room
 * ranges. Returns how many there are. */
u32 mullion_memory_ranges(struct mshv_partition *partition, struct mullion_range *ranges, u32 room);

/* The file of the region that args->gpa lies in, with a reference, and the rest of args.
 * EFAULT: there is no region; EACCES: the guest may not write it, who has the file could;
 * EOPNOTSUPP: it has no file. */
struct file *mullion_memory_file(struct mshv_partition *partition,
				 struct mullion_memory_file *args);

/* A page fault on the guest's page gfn: insert puts the page frame there, which stays
 * the guest's meanwhile. SIGBUS where it has none. */
vm_fault_t mullion_memory_fault(struct mshv_partition *partition, u64 gfn, struct vm_fault *fault,
				vm_fault_t (*insert)(struct vm_fault *fault, unsigned long pfn));

/* access.c: MSHV_GET_GPAP_ACCESS_BITMAP. */
long mullion_access_bitmap(struct mshv_partition *partition,
			   const struct mshv_gpap_access_bitmap *user);

/* irq.c */

void mullion_partition_irqs_init(struct partition_irqs *irqs);
long mullion_irqfd(struct mshv_partition *partition, const struct mshv_user_irqfd *user);
long mullion_msi_routing(struct mshv_partition *partition, struct mshv_user_irq_table __user *user);
void mullion_partition_irqs_release(struct mshv_partition *partition);

/* An interrupt with this vector has ended in the guest: signals who waits for that.
 * Returns whether anybody did. */
bool mullion_irq_acknowledged(struct mshv_partition *partition, u32 vector);

/* doorbell.c */

long mullion_ioeventfd(struct mshv_partition *partition, const struct mshv_user_ioeventfd *user);
void mullion_doorbells_release(struct mshv_partition *partition);

/* The VP stopped at a store outside of its memory. Rings the doorbell there, if there
 * is one, and moves the VP on. Returns whether it did. */
bool mullion_doorbell_ring(struct mshv_vp *vp);

/* hvcall.c: MSHV_ROOT_HVCALL; of_vp: on a VP's file. */
long mullion_root_hvcall(struct mshv_partition *partition, struct mshv_root_hvcall __user *user,
			 bool of_vp);

/* signal.c: MULLION_IOC_SIGNAL_EVENT, BIND_SIGNAL, UNBIND_SIGNAL; the partition has not
 * ended. One caller at a time for each list of signals. */
long mullion_signal_event(struct mshv_partition *partition, const void __user *argument);
long mullion_signal_bind(struct mshv_partition *partition, struct mullion_hooks *signals,
			 const void __user *argument);
long mullion_signal_unbind(struct mullion_hooks *signals, const void __user *argument);

/* attach.c */

/* A file that stands for the partition; takes over the caller's reference. */
long mullion_attach(struct mshv_partition *partition);

/* The guest's pages [gfn, gfn + count) are not mapped by attached files any more. */
void mullion_attached_unmap(struct mshv_partition *partition, u64 gfn, u64 count);

/* The partition has ended: tells everybody. */
void mullion_attached_end(struct mshv_partition *partition);

/* mshv.c */

extern const struct file_operations mullion_partition_fops;
extern const struct file_operations mullion_vp_fops;

/* Does nothing where hv serves no children. */
int mullion_mshv_init(void);
void mullion_mshv_exit(void);

#endif
