/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition's definition: libvirt's domain format (domain.xsd), read from XML
 * that nobody vouches for, checked, and written again.
 *
 * Reading goes in steps, each of which refuses all that the next need not see:
 * size and encoding; well-formed XML without a DOCTYPE and not too deep; no names
 * but those of the schema; the schema; what a schema cannot say. What depends on
 * the machine is domain_check()'s. Nothing is loaded from anywhere meanwhile.
 */
#ifndef HVD_DOMAIN_H
#define HVD_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-id128.h>

#include "cpuset.h"

#define DOMAIN_XML_MAX ((size_t)1024 * 1024) /* bytes */
#define DOMAIN_DEPTH_MAX 32u /* elements within each other */
#define DOMAIN_VCPUS_MAX 64u
#define DOMAIN_NAME_MAX 64u /* with its end */
#define DOMAIN_WEIGHT_DEFAULT 100u
#define DOMAIN_WEIGHT_MAX 10000u
#define DOMAIN_PERIOD_DEFAULT 100000u /* microseconds */
#define DOMAIN_SHARE_MAX 1000u /* of cap and reserve: a whole CPU */
#define DOMAIN_DISKS_MAX 64u /* their LUNs */
#define DOMAIN_CARDS_MAX 8u
#define DOMAIN_FORWARDS_MAX 64u /* of one card */
#define DOMAIN_TARGET_MAX 16u /* IFNAMSIZ: with its end */
#define DOMAIN_NETWORK_MAX 32u /* a network's name, with its end */
#define DOMAIN_MAC_TEXT 18u
#define DOMAIN_VRAM_DEFAULT (64u << 20) /* bytes; its bounds: mullion/vram.h */
#define DOMAIN_WIDTH_DEFAULT 1280u /* pixels */
#define DOMAIN_HEIGHT_DEFAULT 800u
#define DOMAIN_GPU_MEMORY_DEFAULT (UINT64_C(512) << 20) /* bytes */
#define DOMAIN_GPU_MEMORY_MIN (16u << 20)
#define DOMAIN_GPU_MEMORY_MAX (UINT64_C(1) << 40)
#define DOMAIN_GPU_CAP_MAX 6400u /* percent of one CPU */

enum domain_action {
	DOMAIN_DESTROY = 0,
	DOMAIN_RESTART = 1,
	DOMAIN_PRESERVE = 2,
};

enum domain_format {
	DOMAIN_RAW = 0,
	DOMAIN_QCOW2 = 1,
};

/* As in org.mullion.Storage, in its order. */
enum domain_cache {
	DOMAIN_CACHE_NONE = 0,
	DOMAIN_CACHE_WRITEBACK = 1,
	DOMAIN_CACHE_WRITETHROUGH = 2,
};

/* A disk. The strings are its own. */
struct domain_disk {
	char *source; /* path */
	char *serial; /* NULL: not given */
	char target[DOMAIN_TARGET_MAX]; /* "sda" */
	bool block; /* source is a block device */
	enum domain_format format;
	enum domain_cache cache;
	bool discard;
	bool read_only;
	uint32_t logical_block; /* bytes; 0: not given */
	uint32_t physical_block; /* bytes; 0: not given */
	unsigned int line;
};

enum domain_network {
	DOMAIN_USER = 0,
	DOMAIN_BRIDGE = 1,
	DOMAIN_ETHERNET = 2,
	DOMAIN_NETWORK = 3,
};

/* A port of the parent that leads to the guest. */
struct domain_forward {
	char address[46]; /* the parent's, as text; "": every one */
	bool udp;
	uint16_t host;
	uint16_t guest;
};

/* A network card. */
struct domain_card {
	uint8_t mac[6]; /* all 0: to be made up */
	enum domain_network network;
	char bridge[DOMAIN_TARGET_MAX]; /* with BRIDGE; with NETWORK, of what runs */
	char source[DOMAIN_NETWORK_MAX]; /* with NETWORK: its name */
	char target[DOMAIN_TARGET_MAX]; /* "": not given */
	uint32_t mtu; /* 0: not given */
	uint32_t queues; /* 0: not given */
	bool unplugged;
	struct domain_forward *forwards; /* its own */
	size_t forward_count;
	unsigned int line;
};

enum domain_model {
	DOMAIN_NO_VIDEO = 0, /* the element is not there */
	DOMAIN_VIDEO_NONE, /* it is, and says that there is no screen */
	DOMAIN_VIDEO_HYPERV, /* the synthetic video device */
	DOMAIN_VIDEO_MULLION, /* and the GPU */
};

/* The screen. All but model count only when there is one. */
struct domain_video {
	enum domain_model model;
	uint64_t vram; /* bytes of guest memory for it */
	uint32_t width, height; /* pixels that the guest is asked for */
	bool accel3d;
	char *render_node; /* NULL: the renderer draws on the CPU */
	uint64_t memory; /* bytes of the renderer's resources */
	uint32_t weight; /* of the renderer's process, 1..DOMAIN_WEIGHT_MAX */
	uint32_t cap; /* percent of one CPU that it gets; 0: no cap */
	unsigned int line;
	unsigned int node_line; /* of the render node */
};

/* Lines of the file where something stands that the machine may not have; 0: none. */
struct domain_lines {
	unsigned int name;
	unsigned int uuid;
	unsigned int memory;
	unsigned int vcpu;
	unsigned int kernel;
	unsigned int initrd;
	unsigned int pins[DOMAIN_VCPUS_MAX];
};

/* The strings are the domain's own; NULL: not there. */
struct domain {
	char *name;
	sd_id128_t uuid; /* null: not given */
	char *title;
	char *description;
	char *metadata; /* the element, as XML */
	uint64_t memory; /* bytes, as given */
	uint64_t hard_limit; /* bytes; 0: not given */
	uint64_t min_guarantee; /* bytes; 0: not given */
	bool hugepages;
	uint32_t vcpus; /* 1..DOMAIN_VCPUS_MAX */
	uint32_t weight; /* 1..DOMAIN_WEIGHT_MAX */
	uint32_t period; /* microseconds */
	uint32_t quota; /* microseconds of period; 0: no cap */
	uint32_t reserve; /* microseconds of period */
	struct cpuset cpus; /* of those without a pin; empty: any */
	struct cpuset pins[DOMAIN_VCPUS_MAX]; /* empty: not pinned */
	char *kernel; /* NULL: Mullion's loader, which starts what the first disk holds */
	char *initrd;
	char *cmdline;
	struct domain_disk *disks; /* by LUN, ascending */
	size_t disk_count;
	struct domain_card *cards; /* as they stand */
	size_t card_count;
	struct domain_video video;
	bool keyboard; /* the element is there */
	bool mouse;
	bool debug_exit;
	bool no_vmbus; /* no server is started: the guest has no drivers for it */
	bool console; /* the element is there */
	bool serial;
	enum domain_action on_poweroff;
	enum domain_action on_reboot;
	enum domain_action on_crash;
	struct domain_lines lines;
};

enum domain_problem {
	DOMAIN_OK = 0,
	DOMAIN_BAD, /* whoever wrote it has to change it */
	DOMAIN_UNSUPPORTED, /* libvirt has it, Mullion has not */
	DOMAIN_FAILED, /* no memory, no library */
};

#define DOMAIN_MESSAGE 320u

struct domain_error {
	enum domain_problem problem;
	unsigned int line; /* from 1; 0: no place */
	unsigned int column; /* from 1; 0: not known */
	char message[DOMAIN_MESSAGE]; /* one line of UTF-8 without control characters */
};

/*
 * Reads a definition; NULL with error filled in when there is something wrong.
 * The caller frees what it gets.
 */
struct domain *domain_parse(const char *xml, size_t size, struct domain_error *error);

/*
 * The same for a <disk> or an <interface> alone: a domain with that one device, and
 * otherwise empty.
 */
struct domain *domain_parse_device(const char *xml, size_t size, struct domain_error *error);

void domain_free(struct domain *domain);

/* A domain of its own with the same content; NULL: no memory. */
struct domain *domain_copy(const struct domain *domain);

/* What only a partition that runs has. */
struct domain_live {
	uint64_t id;
	const char *tty;
};

/* The definition as XML; live may be NULL. To be freed; NULL: no memory. */
char *domain_format(const struct domain *domain, const struct domain_live *live);

/* Bytes of guest memory: memory, rounded up to 2 MiB. */
uint64_t domain_guest_memory(const struct domain *domain);

/* cap and reserve in thousandths of a CPU, rounded up; cap 0: none. */
uint32_t domain_cap(const struct domain *domain);
uint32_t domain_reserve(const struct domain *domain);

/* Sets period, quota and reserve so that the two above give these values. */
void domain_set_shares(struct domain *domain, uint32_t cap, uint32_t reserve);

/* The CPUs of a virtual processor; NULL: any. */
const struct cpuset *domain_cpus(const struct domain *domain, uint32_t vcpu);

/* Whether text could be a partition's name: see domain.xsd. */
bool domain_name_is_valid(const char *text);

const char *domain_action_name(enum domain_action action);

/* ---- devices (domain-device.c) ---- */

/* The LUN that a target's name stands for. */
uint32_t domain_lun(const char *target);

/* The name that stands for a LUN below DOMAIN_DISKS_MAX, or "disk". */
void domain_target(uint32_t lun, char target[static DOMAIN_TARGET_MAX]);

/* NULL: there is none. */
const struct domain_disk *domain_disk(const struct domain *domain, const char *target);
const struct domain_card *domain_card(const struct domain *domain, const uint8_t *mac);

/*
 * Adds copies of the devices of another domain to this one's. False with error filled
 * in when one is there already, or there are too many.
 */
bool domain_add_devices(struct domain *domain, const struct domain *devices,
			struct domain_error *error);

void domain_remove_disk(struct domain *domain, const char *target);
void domain_remove_card(struct domain *domain, const uint8_t *mac);

/* Makes up what is missing, cards' addresses, or takes it from the definition before,
 * which may be NULL. False: no random numbers. */
bool domain_complete(struct domain *domain, const struct domain *before);

void domain_mac_format(const uint8_t *mac, char text[static DOMAIN_MAC_TEXT]);

/* Frees the devices, or makes a copy's its own; false: no memory, and it has none. */
void domain_free_devices(struct domain *domain);
bool domain_own_devices(struct domain *domain);

/*
 * An open image or block device; -1 with error filled in. Whether it is what the
 * definition says is found too.
 */
int domain_open_disk(const struct domain_disk *disk, struct domain_error *error);

const char *domain_cache_name(enum domain_cache cache);
const char *domain_format_name(enum domain_format format);
const char *domain_network_name(enum domain_network network);

/* ---- the screen (domain-video.c) ---- */

const char *domain_model_name(enum domain_model model);

/* Whether the guest has a screen, and whether it has a GPU beside it. */
bool domain_has_screen(const struct domain *domain);
bool domain_has_gpu(const struct domain *domain);

/* Bytes of guest memory for the screen, beside the other; 0: it has none. */
uint64_t domain_vram(const struct domain *domain);

/* Opens its render node, which there is; -1 with error filled in. */
int domain_open_render_node(const struct domain *domain, struct domain_error *error);

/* What of the machine a definition is compared with. */
struct domain_host {
	uint64_t memory; /* bytes */
	struct cpuset cpus; /* that are online */
	const char *networks; /* directory of networks' definitions */
	bool without_files; /* which files there are is not said, nor which networks */
};

/*
 * Whether this machine can run the domain: its memory, its CPUs, its files. False
 * with error filled in when not.
 */
bool domain_check(const struct domain *domain, const struct domain_host *host,
		  struct domain_error *error);

/* The paths and the command line of what is started: the definition's or the loader's. */
const char *domain_kernel(const struct domain *domain);
const char *domain_initrd(const struct domain *domain); /* NULL: none */
const char *domain_cmdline(const struct domain *domain); /* NULL: none */

/*
 * Opens the kernel, or what is not there to be one, to read; -1 with error filled
 * in. What is wrong with the file itself is found too.
 */
int domain_open_kernel(const struct domain *domain, struct domain_error *error);

/* The same for the initrd; without one it is -1 and DOMAIN_OK. */
int domain_open_initrd(const struct domain *domain, struct domain_error *error);

/* Frees what reading has kept for the next time. */
void domain_library_end(void);

/* Fills error in; returns false. For those who check. */
__attribute__((format(printf, 4, 5))) bool domain_complain(struct domain_error *error,
							   enum domain_problem problem,
							   unsigned int line, const char *format,
							   ...);

#endif
