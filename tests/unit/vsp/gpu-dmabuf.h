/* SPDX-License-Identifier: GPL-2.0-only */
/* dma-bufs for tests: empty files of whom the test says how long somebody has them. */
#ifndef GPU_DMABUF_H
#define GPU_DMABUF_H

#include <stdbool.h>

/* How many pieces the last one was made of. */
extern unsigned int fake_dmabuf_pieces;
/* All are in use. */
extern bool fake_dmabuf_used;
/* The next ones fail with it; 0: none. */
extern int fake_dmabuf_error;

#endif
