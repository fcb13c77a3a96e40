/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of methods share. */
#ifndef HVD_METHODS_H
#define HVD_METHODS_H

#include "failure.h"
#include "hvd.h"
#include "partition.h"
#include "server.h"

/* The parameters of every method: what was not given is as it was before. */
struct parameters {
	const char *partition;
	const char *xml;
	const char *file;
	const char *cpus;
	const char *scope;
	const char *target;
	sd_json_variant *types;
	sd_json_variant *keys;
	uint64_t hold_ms;
	uint64_t vcpu;
	uint64_t weight, cap, reserve, memory; /* UINT64_MAX: not given */
	uint64_t display, width, height;
	uint64_t file_fd;
	bool paused;
	bool inactive;
	bool config;
	bool enable;
};

/* Reads the parameters, those in the table (ended by {}) and no others; < 0: answered. */
int methods_read(sd_varlink *link, sd_json_variant *json, const sd_json_dispatch_field *table,
		 struct parameters *parameters);

/* The partition of a call whose only parameter that is; NULL: answered, *result says how. */
struct partition *methods_partition(sd_varlink *link, sd_json_variant *json, int *result);

/* {"schema": 1} */
int methods_done(sd_varlink *link);

/* {"schema": 1, name: value}; value NULL: out of memory. */
int methods_answer(sd_varlink *link, const char *name, sd_json_variant *value);

/* The journal's line for a change: who does what to which partition. */
void methods_note(sd_varlink *link, const char *what, const char *name);

/* Writes a partition's definition to the disk. */
bool methods_save(struct partition *partition, const struct domain *domain,
		  struct failure *failure);

/* What is changed: copies of the definitions, which become them when all went well. */
struct methods_change {
	struct partition *partition;
	struct domain *live; /* NULL: not this */
	struct domain *config; /* NULL: not this */
};

/* By the parameter scope, which may be NULL: what runs, or else the definition. */
bool methods_change_begin(struct methods_change *change, struct partition *partition,
			  const char *scope, struct failure *failure);
void methods_change_free(struct methods_change *change);

/* methods-define.c, methods-tune.c, methods-device.c, methods-gpu.c, methods.c */
int method_validate(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_define(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_undefine(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_dump_xml(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_create(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_set_autostart(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_get_pins(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_pin_vcpu(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_get_schedule(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_set_schedule(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_shutdown(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_reboot(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_send_keys(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_attach_device(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_detach_device(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_resize_disk(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_device_stats(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_gpu_info(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_set_gpu(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_set_display(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int method_screenshot(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);

#endif
