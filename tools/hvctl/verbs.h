/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs, each in its own file verb-NAME.c. */
#ifndef HVCTL_VERBS_H
#define HVCTL_VERBS_H

#include "cli.h"
#include "shared.h"

extern const struct cli_verb verb_attach_device;
extern const struct cli_verb verb_autostart;
extern const struct cli_verb verb_blockresize;
extern const struct cli_verb verb_completion;
extern const struct cli_verb verb_console;
extern const struct cli_verb verb_create;
extern const struct cli_verb verb_define;
extern const struct cli_verb verb_destroy;
extern const struct cli_verb verb_detach_device;
extern const struct cli_verb verb_dmesg;
extern const struct cli_verb verb_dominfo;
extern const struct cli_verb verb_domstate;
extern const struct cli_verb verb_domstats;
extern const struct cli_verb verb_dumpxml;
extern const struct cli_verb verb_edit;
extern const struct cli_verb verb_event;
extern const struct cli_verb verb_gpu;
extern const struct cli_verb verb_help;
extern const struct cli_verb verb_list;
extern const struct cli_verb verb_nodeinfo;
extern const struct cli_verb verb_reboot;
extern const struct cli_verb verb_reset;
extern const struct cli_verb verb_resume;
extern const struct cli_verb verb_schedinfo;
extern const struct cli_verb verb_screenshot;
extern const struct cli_verb verb_send_key;
extern const struct cli_verb verb_shutdown;
extern const struct cli_verb verb_start;
extern const struct cli_verb verb_suspend;
extern const struct cli_verb verb_top;
extern const struct cli_verb verb_undefine;
extern const struct cli_verb verb_validate;
extern const struct cli_verb verb_vcpupin;
extern const struct cli_verb verb_version;
extern const struct cli_verb verb_wait;

/*
 * What dmesg, domstats and top do once hv's memory is mapped. Errors are reported.
 * Unit tests call them with memory of their own.
 */
enum hvctl_status dmesg_show(const struct cli_call *call, const struct shared *log);
enum hvctl_status domstats_show(const struct cli_call *call, const struct shared *memory);
enum hvctl_status top_show(const struct cli_call *call, const struct shared *memory);

#endif
