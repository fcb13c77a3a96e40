/* SPDX-License-Identifier: GPL-2.0-only */
/* See gpu-dmabuf.h. */
#include "gpu-dmabuf.h"

#include <errno.h>
#include <sys/mman.h>

#include "dmabuf.h"

unsigned int fake_dmabuf_pieces;
bool fake_dmabuf_used;
int fake_dmabuf_error;

bool dmabuf_can(void)
{
	return true;
}

int dmabuf_make(const struct guest *guest, const struct iovec *pieces, uint32_t count)
{
	(void)guest, (void)pieces;
	fake_dmabuf_pieces = count;
	errno = fake_dmabuf_error;
	return fake_dmabuf_error ? -1 : memfd_create("dmabuf", MFD_CLOEXEC);
}

bool dmabuf_is_in_use(int fd)
{
	(void)fd;
	return fake_dmabuf_used;
}
