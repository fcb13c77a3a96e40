/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: what its files share.
 *
 * hypervisor.c finds hv and makes hypercalls, device.c serves /dev/mullion,
 * crash.c tells hv why this kernel dies, native.c takes from hv what a CPU does
 * without it, main.c puts them together. What hv told about itself at load
 * (mullion_hv_info()) does not change before unload.
 *
 * For children: calls.c makes hypercalls with structures, pool.c gives hv memory,
 * events.c hears of hv, hook.c of eventfds, mshv.c serves /dev/mshv by partition.c,
 * vp.c, state.c, memory.c, access.c, irq.c, doorbell.c (with store.c) and hvcall.c;
 * control.c and attach.c (with signal.c) are /dev/mullion's side, watch.c tells who
 * wants to know.
 */
#ifndef MULLION_ROOT_H
#define MULLION_ROOT_H

#include <linux/types.h>
#include <mullion/parent.h>

/*
 * Finds hv and asks it about itself. -ENODEV where there is no hv, or one of
 * another ABI; -EIO where hv answers what cannot be; -ENOMEM. Process context.
 */
int mullion_hypervisor_init(void);
void mullion_hypervisor_exit(void);

/* Owned by hypervisor.c, from a successful init to exit. Strings in it end. */
const struct mullion_hv_info *mullion_hv_info(void);

/*
 * Makes one hypercall and returns its status (MULLION_STATUS_*). Input and
 * output are physical addresses as parent.h asks for them, or 0 for none. Any
 * context; sleeps never, allocates nothing.
 */
u16 mullion_hypercall(u16 code, phys_addr_t input, phys_addr_t output);

/* The same for a whole control word, and what calls take in place of addresses;
 * returns the whole result word. */
u64 mullion_hypercall_result(u64 control, u64 input, u64 output);

/* Does hv serve children? */
bool mullion_serves_partitions(void);

int mullion_device_init(void);
void mullion_device_exit(void);

/* Does nothing where hv does not take crash reports. */
int mullion_crash_init(void);
void mullion_crash_exit(void);

/* Does nothing where hv has nothing to give. Process context. */
int mullion_native_init(void);
void mullion_native_exit(void);

#endif
