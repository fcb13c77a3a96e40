/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the fake process of a guest's devices share, see fake-devices.c. */
#ifndef HVD_FAKE_DEVICES_H
#define HVD_FAKE_DEVICES_H

#include <stdbool.h>
#include <systemd/sd-event.h>
#include <systemd/sd-varlink.h>

struct fake {
	const char *role; /* "vsp", "storage", "net", "gpu" */
	const char *interface;
	char calls[256];
	char name[64];
	const char *heartbeat;
	unsigned long entries;
	unsigned long sequence;
	sd_json_variant *parts; /* disks or cards */
	sd_varlink *subscriber;
	sd_event *event;
	int socket;
	bool provided;
};

extern struct fake fake;

/* A line of the file "calls". */
void note(const char *method, sd_json_variant *json);

/* Answers with an error of the interface. */
int refuse(sd_varlink *link, const char *error, const char *what);

/* The descriptor whose index is a field's value; -1. */
int descriptor(sd_varlink *link, sd_json_variant *json, const char *field);

void tell(sd_json_variant *event);

/* ---- hv-gpu (fake-gpu.c) ---- */

bool gpu_configure(sd_varlink *link, sd_json_variant *json);
void gpu_signal(int number);
void tell_gpu(const char *kind);
int on_gpu_info(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int on_gpu_stats(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int on_set_display(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);
int on_screenshot(sd_varlink *, sd_json_variant *, sd_varlink_method_flags_t, void *);

#endif
