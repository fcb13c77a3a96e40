/* SPDX-License-Identifier: GPL-2.0-only */
/* What this hv is. */
#ifndef HV_CORE_VERSION_H
#define HV_CORE_VERSION_H

#include <mullion/cpuid.h>

#include "mullion_version.h"

#define HV_VERSION MULLION_VERSION(MULLION_VERSION_MAJOR, MULLION_VERSION_MINOR)
#define HV_PATCH MULLION_VERSION_PATCH

/* "0.1.0 1a2b3c4 debug" */
extern const char hv_build[];

#endif
