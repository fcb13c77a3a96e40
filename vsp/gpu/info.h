/* SPDX-License-Identifier: GPL-2.0-only */
/* What org.mullion.Gpu tells, as JSON. */
#ifndef VSP_GPU_INFO_H
#define VSP_GPU_INFO_H

#include "gpu.h"
#include "renderer.h"
#include "varlink.h"

struct video;

enum source {
	SOURCE_NONE,
	SOURCE_VIDEO,
	SOURCE_GPU,
};

const char *source_name(enum source source);

/* Each may be NULL but video. problem: why there is no 3D, or "". */
struct info_parts {
	const struct gpu *gpu;
	const struct video *video;
	const struct renderer *renderer;
	const char *problem;
	enum source source;
	uint64_t memory_max;
};

/* Answers Info and Stats; what the method returns. */
int info_reply(sd_varlink *link, const struct info_parts *parts);
int info_reply_statistics(sd_varlink *link, const struct info_parts *parts);

#endif
