/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child's registers by the TLFS's names (hyperv/register.h), for who speaks for
 * it. The VP has settled and the partition's lock is held, or the caller is on
 * its CPU.
 */
#ifndef HV_CORE_REGISTERS_H
#define HV_CORE_REGISTERS_H

#include <hyperv/register.h>

#include "core/types.h"

struct child;

/* HV_STATUS: INVALID_PARAMETER when there is no such register, or it cannot hold the
 * value; nothing has changed then. */
u16 register_get(struct child *c, u32 name, union hv_register_value *value);
u16 register_set(struct child *c, u32 name, const union hv_register_value *value);

/* The register page: all of it filled in; what it calls dirty taken back, as far as
 * registers can hold it. */
void registers_to_page(struct child *c);
void registers_from_page(struct child *c);

#endif
