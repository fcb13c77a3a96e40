/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: who wants to know when something becomes of a partition
 * (MULLION_IOC_WATCH).
 */
#ifndef MULLION_WATCH_H
#define MULLION_WATCH_H

#include <linux/list.h>
#include <linux/types.h>

/* The watches of one open file; guarded by watch.c. */
struct mullion_watches {
	struct list_head list;
};

void mullion_watches_init(struct mullion_watches *watches);

/* Signals eventfd, a descriptor of the caller, whenever something happens to the
 * partition (0: any). EBADF, EINVAL for no eventfd, ENOMEM, EMFILE. */
int mullion_watch_add(struct mullion_watches *watches, u64 id, int eventfd);

/* When it returns none of them is signalled any more. */
void mullion_watches_release(struct mullion_watches *watches);

/* Tells all who watch the partition. Process context. */
void mullion_watch_signal(u64 id);

#endif
