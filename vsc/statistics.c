// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver counts, in debugfs (dri/N/mullion_gpu): a name and a number a line.
 * Divide by flushes for figures of a frame.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>

#include "driver.h"

#define COUNTERS(X)      \
	X(messages)      \
	X(bytes)         \
	X(signals)       \
	X(waits)         \
	X(submits)       \
	X(submit_bytes)  \
	X(submit_copies) \
	X(submit_pages)  \
	X(transfers)     \
	X(flushes)       \
	X(cursors)       \
	X(fences)        \
	X(wakes)         \
	X(resets)

static int statistics_show(struct seq_file *file, void *data)
{
	const struct mgpu *gpu = file->private;
	const struct mgpu_statistics *statistics = &gpu->statistics;

	seq_printf(file, "renderer %s\n", gpu->welcome.renderer);
	seq_printf(file, "generation %u\n", READ_ONCE(gpu->generation));
#define SHOW(name) seq_printf(file, #name " %llu\n", READ_ONCE(statistics->name));
	COUNTERS(SHOW)
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(statistics);

void mgpu_statistics_init(struct drm_minor *minor)
{
	debugfs_create_file("mullion_gpu", 0444, minor->debugfs_root, to_mgpu(minor->dev),
			    &statistics_fops);
}
