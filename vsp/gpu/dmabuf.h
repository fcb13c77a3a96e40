/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of a guest as a dma-buf, by the VMM's file that the guest's memory lies in. */
#ifndef VSP_GPU_DMABUF_H
#define VSP_GPU_DMABUF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct guest;

/* The kernel makes dma-bufs for us; to be asked before the others. */
bool dmabuf_can(void);
/* Pieces of our mapping of the guest's memory, whole pages, in order. The file, the caller's;
 * -1 with errno set: EFAULT where a piece lies in no such file. */
int dmabuf_make(const struct guest *guest, const struct iovec *pieces, uint32_t count);
/* Somebody else has it too: an open file of another process, a mapping, a device. */
bool dmabuf_is_in_use(int fd);

#endif
