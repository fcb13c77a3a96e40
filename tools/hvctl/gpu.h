/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvd tells of a guest's GPU, for a person and as JSON. */
#ifndef HVCTL_GPU_H
#define HVCTL_GPU_H

#include "client.h"
#include "reply.h"

/* An answer of GpuInfo. Errors are reported. */
enum hvctl_status gpu_print_info(const struct cli_call *call, sd_json_variant *answer);

/* The limits of an answer's Video, after they were set. */
enum hvctl_status gpu_print_limits(const struct cli_call *call, sd_json_variant *answer);

/* A Video as JSON, with units in the names. */
enum hvctl_status gpu_video_json(sd_json_variant **object, sd_json_variant *video);

/* GpuStats, a label and a number on each line. */
enum hvctl_status gpu_print_stats(sd_json_variant *stats);

/* The same as JSON. */
enum hvctl_status gpu_stats_json(sd_json_variant **object, sd_json_variant *stats);

#endif
