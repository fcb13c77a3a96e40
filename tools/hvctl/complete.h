/* SPDX-License-Identifier: GPL-2.0-only */
/* Shell completions made from the tables of cli.h. */
#ifndef HVCTL_COMPLETE_H
#define HVCTL_COMPLETE_H

#include <stdio.h>

void complete_bash(FILE *out);
void complete_zsh(FILE *out);
void complete_fish(FILE *out);

#endif
