/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/version.h"

#include "mullion_version.h"

const char hv_build[] = MULLION_BUILD;
