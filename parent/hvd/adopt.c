/* SPDX-License-Identifier: GPL-2.0-only */
/* Coming up, see adopt.h. */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "operation.h"
#include "partition.h"
#include "spawn.h"

static struct domain *read_domain(const struct store *store, const char *name)
{
	struct domain_error error = { 0 };
	struct domain *domain;
	char *text = store_read(store, name);

	if (!text) {
		log_error("%s.xml: %s", name, strerror(errno));
		return NULL;
	}
	domain = domain_parse(text, strlen(text), &error);
	free(text);
	if (!domain) {
		log_error("%s.xml:%u: %s", name, error.line, error.message);
	} else if (strcmp(domain->name, name) != 0 || sd_id128_is_null(domain->uuid)) {
		log_error("%s.xml: is not what hvd has written", name);
		domain_free(domain);
		domain = NULL;
	}
	return domain;
}

static void add_definition(void *context, const char *name)
{
	struct hvd *hvd = context;
	struct domain *domain = read_domain(&hvd->definitions, name);
	struct partition *partition;

	if (!domain)
		return;
	if (partition_by_uuid(hvd, domain->uuid)) {
		log_error("%s.xml: its UUID is another partition's", name);
		domain_free(domain);
		return;
	}
	partition = partition_add(hvd, domain);
	if (!partition)
		return;
	partition->persistent = true;
	partition->autostart = store_has_autostart(&hvd->definitions, name);
}

void adopt_definitions(struct hvd *hvd)
{
	int error = store_list(&hvd->definitions, add_definition, hvd);

	if (error)
		log_error("%s: %s", hvd->settings.config, strerror(-error));
}

/* The partition that was started from that file. */
static void add_live(void *context, const char *name)
{
	struct hvd *hvd = context;
	struct domain *live = read_domain(&hvd->live, name);
	struct partition *partition = partition_by_name(hvd, name);

	if (!live)
		return;
	if (!partition) {
		struct domain *config = domain_copy(live);

		partition = config ? partition_add(hvd, config) : NULL;
	}
	if (!partition) {
		domain_free(live);
		return;
	}
	partition->live = live;
	partition->started = store_time(&hvd->live, name);
	operation_adopt(partition);
}

/* A worker that nobody has a note of: it is shown, and can be destroyed. */
static void add_orphan(void *context, const char *name)
{
	struct hvd *hvd = context;
	struct partition *partition = partition_by_name(hvd, name);
	struct domain *domain;

	if (partition && partition->live)
		return;
	log_warning("a worker for %s is there, and nothing says why", name);
	if (!partition) {
		domain = calloc(1, sizeof(*domain));
		if (!domain)
			return;
		domain->name = strdup(name);
		domain->kernel = strdup("/");
		domain->vcpus = 1;
		domain->weight = DOMAIN_WEIGHT_DEFAULT;
		domain->period = DOMAIN_PERIOD_DEFAULT;
		if (!domain->name || !domain->kernel || sd_id128_randomize(&domain->uuid) < 0) {
			domain_free(domain);
			return;
		}
		partition = partition_add(hvd, domain);
	}
	if (!partition)
		return;
	partition->live = domain_copy(partition->config);
	snprintf(partition->why.detail, sizeof(partition->why.detail),
		 "orphan: not started by hvd");
	if (partition->live)
		operation_adopt(partition);
}

/* What hv runs for others: another VMM's, or that of a worker that is still going. */
static void log_strangers(struct hvd *hvd)
{
	struct mullion_partition_info info;
	uint64_t id = 1;

	while (hypervisor_partition(&hvd->hypervisor, id, &info) == 0 && info.id >= id) {
		char name[MULLION_NAME_MAX];

		info.name[sizeof(info.name) - 1] = '\0';
		partition_clean(name, sizeof(name), info.name);
		if (!partition_by_name(hvd, name))
			log_notice("the hypervisor has a partition %llu (%s) that is not ours",
				   (unsigned long long)info.id, name);
		id = info.id + 1;
	}
}

void adopt_running(struct hvd *hvd)
{
	int error = store_list(&hvd->live, add_live, hvd);

	if (error)
		log_error("%s: %s", hvd->settings.run, strerror(-error));
	spawner_list(hvd->spawner, add_orphan, hvd);
	log_strangers(hvd);
}

/* Whether this is the first hvd since the parent has booted. */
static bool is_first(const struct hvd *hvd)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/booted", hvd->settings.run);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void adopt_autostart(struct hvd *hvd)
{
	struct operation_order order = { .kind = OPERATION_START, .why = { .code = -1 } };
	struct failure failure;

	if (!is_first(hvd))
		return;
	for (struct partition *at = hvd->partitions; at; at = at->next) {
		if (at->autostart && at->state == STATE_SHUTOFF &&
		    !operation_queue(at, &order, &failure))
			log_error("%s: %s", partition_name(at), failure.message);
	}
}
