/* SPDX-License-Identifier: GPL-2.0-only */
/* libsystemd's varlink and JSON, for the compiler and for sparse. */
#ifndef VSP_VARLINK_H
#define VSP_VARLINK_H

#ifdef __CHECKER__
#define __EDG__ /* for EDG libsystemd leaves out what sparse cannot parse: typed enumerations */
#endif
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>

/* A variable of type sd_json_variant * that lets go of its value by itself. */
#define JSON_AUTO __attribute__((cleanup(sd_json_variant_unrefp)))

#endif
