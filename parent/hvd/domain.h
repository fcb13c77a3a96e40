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

enum domain_action {
	DOMAIN_DESTROY = 0,
	DOMAIN_RESTART = 1,
	DOMAIN_PRESERVE = 2,
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
	char *kernel;
	char *initrd;
	char *cmdline;
	bool debug_exit;
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

/* What of the machine a definition is compared with. */
struct domain_host {
	uint64_t memory; /* bytes */
	struct cpuset cpus; /* that are online */
	bool without_files; /* which files there are is not said */
};

/*
 * Whether this machine can run the domain: its memory, its CPUs, its files. False
 * with error filled in when not.
 */
bool domain_check(const struct domain *domain, const struct domain_host *host,
		  struct domain_error *error);

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
