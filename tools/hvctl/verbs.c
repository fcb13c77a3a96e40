/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs, in the order in which help lists them. A new one adds a line. */
#include "verbs.h"

const struct cli_verb *const cli_verbs[] = {
	&verb_list,	 &verb_dominfo,	      &verb_domstate,	   &verb_domstats,
	&verb_start,	 &verb_create,	      &verb_shutdown,	   &verb_reboot,
	&verb_destroy,	 &verb_reset,	      &verb_suspend,	   &verb_resume,
	&verb_autostart, &verb_console,	      &verb_send_key,	   &verb_screenshot,
	&verb_validate,	 &verb_define,	      &verb_undefine,	   &verb_dumpxml,
	&verb_edit,	 &verb_attach_device, &verb_detach_device, &verb_blockresize,
	&verb_vcpupin,	 &verb_schedinfo,     &verb_gpu,	   &verb_event,
	&verb_wait,	 &verb_top,	      &verb_nodeinfo,	   &verb_dmesg,
	&verb_version,	 &verb_completion,    &verb_help,	   NULL,
};
