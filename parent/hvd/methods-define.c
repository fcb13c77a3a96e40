/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions: Validate, Define, Undefine, DumpXml, Create, SetAutostart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "methods.h"
#include "node.h"
#include "operation.h"

static const sd_json_dispatch_field xml_table[] = {
	{ "xml", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
	  offsetof(struct parameters, xml), SD_JSON_MANDATORY },
	{ "file", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
	  offsetof(struct parameters, file), SD_JSON_NULLABLE },
	{ 0 },
};

static const sd_json_dispatch_field create_table[] = {
	{ "xml", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
	  offsetof(struct parameters, xml), SD_JSON_MANDATORY },
	{ "file", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
	  offsetof(struct parameters, file), SD_JSON_NULLABLE },
	{ "paused", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
	  offsetof(struct parameters, paused), SD_JSON_NULLABLE },
	{ 0 },
};

/* A name or UUID that another partition has. */
static bool check_identity(struct hvd *hvd, const struct domain *domain, struct domain_error *error)
{
	const struct partition *same_name = partition_by_name(hvd, domain->name);
	const struct partition *same_uuid =
		sd_id128_is_null(domain->uuid) ? NULL : partition_by_uuid(hvd, domain->uuid);
	char uuid[SD_ID128_UUID_STRING_MAX];

	if (same_name && !sd_id128_equal(same_name->config->uuid, domain->uuid))
		return domain_complain(error, DOMAIN_BAD, domain->lines.name,
				       "<name>: '%s' is in use by the partition %s", domain->name,
				       sd_id128_to_uuid_string(same_name->config->uuid, uuid));
	if (same_uuid && strcmp(partition_name(same_uuid), domain->name) != 0)
		return domain_complain(error, DOMAIN_BAD, domain->lines.uuid,
				       "<uuid>: in use by the partition '%s'",
				       partition_name(same_uuid));
	return true;
}

/* The definition that a client sends, checked in all respects; NULL: answered. */
static struct domain *take_domain(sd_varlink *link, const struct parameters *parameters)
{
	const struct connection *connection = sd_varlink_get_userdata(link);
	struct hvd *hvd = connection_hvd(connection);
	struct domain_host host = { .memory = node_memory(),
				    .cpus = hvd->online,
				    .networks = hvd->settings.networks };
	struct domain_error error = { 0 };
	struct domain *domain = domain_parse(parameters->xml, strlen(parameters->xml), &error);
	struct failure failure;

	/* Not everybody is to learn which files there are. */
	host.without_files = connection_is_read_only(connection);
	if (domain && check_identity(hvd, domain, &error) && domain_check(domain, &host, &error))
		return domain;
	domain_free(domain);
	fail_domain(&failure, &error);
	failure_reply(&failure, link, parameters->file);
	return NULL;
}

int method_validate(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	struct parameters parameters = { 0 };
	struct domain *domain;
	int result = methods_read(link, json, xml_table, &parameters);

	(void)flags, (void)userdata;
	domain = result < 0 ? NULL : take_domain(link, &parameters);
	if (!domain)
		return result;
	result = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				    SD_JSON_BUILD_PAIR_STRING("name", domain->name));
	domain_free(domain);
	return result;
}

bool methods_save(struct partition *partition, const struct domain *domain, struct failure *failure)
{
	char *xml = domain_format(domain, NULL);
	int error = xml ? store_write(&partition->hvd->definitions, domain->name, xml) : -ENOMEM;

	free(xml);
	return !error ||
	       fail_errno(failure, -error, "the definition of %s cannot be written", domain->name);
}

/* The entry for a new definition; takes domain over. NULL: failure is filled in. */
static struct partition *add(struct hvd *hvd, struct domain *domain, struct failure *failure)
{
	struct partition *partition = NULL;

	if (hvd->partition_count >= HVD_PARTITIONS_MAX)
		fail(failure, FAILURE_BUSY, "there are %u partitions already", HVD_PARTITIONS_MAX);
	if (hvd->partition_count >= HVD_PARTITIONS_MAX) {
		domain_free(domain);
		return NULL;
	}
	if ((sd_id128_is_null(domain->uuid) && sd_id128_randomize(&domain->uuid) < 0) ||
	    !domain_complete(domain, NULL)) {
		domain_free(domain);
		fail(failure, FAILURE_FAILED, "no random numbers");
		return NULL;
	}
	partition = partition_add(hvd, domain);
	if (!partition)
		fail(failure, FAILURE_BUSY, "out of memory");
	return partition;
}

/* Replaces or adds; NULL with failure, and nothing has changed. Takes domain over. */
static struct partition *define(struct hvd *hvd, struct domain *domain, struct failure *failure)
{
	struct partition *partition = partition_by_name(hvd, domain->name);

	if (!partition) {
		partition = add(hvd, domain, failure);
		if (partition && !methods_save(partition, partition->config, failure)) {
			partition_remove(partition);
			return NULL;
		}
	} else if (domain_complete(domain, partition->config) &&
		   methods_save(partition, domain, failure)) {
		domain_free(partition->config);
		partition->config = domain;
	} else {
		domain_free(domain);
		return NULL;
	}
	if (partition) {
		partition->persistent = true;
		partition->removed = false;
	}
	return partition;
}

int method_define(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		  void *userdata)
{
	struct hvd *hvd = connection_hvd(userdata);
	struct parameters parameters = { 0 };
	struct partition *partition;
	struct failure failure;
	struct domain *domain;
	bool replaced;
	int result = methods_read(link, json, xml_table, &parameters);

	(void)flags;
	domain = result < 0 ? NULL : take_domain(link, &parameters);
	if (!domain)
		return result;
	replaced = partition_by_name(hvd, domain->name);
	partition = define(hvd, domain, &failure);
	if (!partition)
		return failure_reply(&failure, link, parameters.file);
	methods_note(link, "define", partition_name(partition));
	events_emit(partition, EVENT_DEFINED);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				  SD_JSON_BUILD_PAIR_STRING("name", partition_name(partition)),
				  SD_JSON_BUILD_PAIR_UUID("uuid", partition->config->uuid),
				  SD_JSON_BUILD_PAIR_BOOLEAN("replaced", replaced));
}

int method_undefine(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	int result, error;
	struct partition *partition = methods_partition(link, json, &result);
	struct failure failure;

	(void)flags, (void)userdata;
	if (!partition)
		return result;
	if (!partition->persistent) {
		fail(&failure, FAILURE_WRONG_STATE, "%s has no definition",
		     partition_name(partition));
		failure.state = state_names[partition->state];
		return failure_reply(&failure, link, NULL);
	}
	error = store_remove(&partition->hvd->definitions, partition_name(partition));
	if (error && error != -ENOENT) {
		fail_errno(&failure, -error, "the definition of %s cannot be removed",
			   partition_name(partition));
		return failure_reply(&failure, link, NULL);
	}
	methods_note(link, "undefine", partition_name(partition));
	partition->persistent = false;
	partition->autostart = false;
	events_emit(partition, EVENT_UNDEFINED);
	if (partition->state == STATE_SHUTOFF && !partition->operations)
		partition_remove(partition);
	else
		partition->removed = partition->state == STATE_SHUTOFF;
	return methods_done(link);
}

int method_dump_xml(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, partition), SD_JSON_MANDATORY },
		{ "inactive", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
		  offsetof(struct parameters, inactive), SD_JSON_NULLABLE },
		{ 0 },
	};
	struct parameters parameters = { 0 };
	const struct partition *partition;
	struct domain_live live;
	struct failure failure;
	bool running;
	char *xml;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition)
		return failure_reply(&failure, link, NULL);
	running = partition->live && !parameters.inactive;
	live = (struct domain_live){ .id = partition->id,
				     .tty = partition->console[0] ? partition->console : NULL };
	xml = domain_format(running ? partition->live : partition->config,
			    running && partition->id ? &live : NULL);
	if (!xml)
		return sd_varlink_error_errno(link, -ENOMEM);
	result = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
				    SD_JSON_BUILD_PAIR_STRING("xml", xml));
	free(xml);
	return result;
}

int method_create(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		  void *userdata)
{
	struct operation_order order = {
		.kind = OPERATION_START, .client = link, .create = true, .why = { .code = -1 }
	};
	struct hvd *hvd = connection_hvd(userdata);
	struct parameters parameters = { 0 };
	struct partition *partition = NULL;
	struct failure failure;
	struct domain *domain;
	int result = methods_read(link, json, create_table, &parameters);

	(void)flags;
	domain = result < 0 ? NULL : take_domain(link, &parameters);
	if (!domain)
		return result;
	order.paused = parameters.paused;
	if (partition_by_name(hvd, domain->name)) {
		fail(&failure, FAILURE_BAD_CONFIGURATION, "<name>: '%s' is defined already",
		     domain->name);
		failure.line = domain->lines.name;
		domain_free(domain);
	} else {
		partition = add(hvd, domain, &failure);
	}
	if (!partition)
		return failure_reply(&failure, link, parameters.file);
	methods_note(link, "create", partition_name(partition));
	if (!operation_queue(partition, &order, &failure)) {
		partition_remove(partition);
		return failure_reply(&failure, link, parameters.file);
	}
	return 0;
}

int method_set_autostart(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			 void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, partition), SD_JSON_MANDATORY },
		{ "enable", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
		  offsetof(struct parameters, enable), SD_JSON_MANDATORY },
		{ 0 },
	};
	struct hvd *hvd = connection_hvd(userdata);
	struct parameters parameters = { 0 };
	struct partition *partition;
	struct failure failure;
	int error, result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(hvd, parameters.partition, &failure);
	if (!partition)
		return failure_reply(&failure, link, NULL);
	if (!partition->persistent) {
		fail(&failure, FAILURE_WRONG_STATE, "%s has no definition",
		     partition_name(partition));
		failure.state = state_names[partition->state];
		return failure_reply(&failure, link, NULL);
	}
	error = store_set_autostart(&hvd->definitions, partition_name(partition),
				    parameters.enable);
	if (error) {
		fail_errno(&failure, -error, "the autostart of %s cannot be changed",
			   partition_name(partition));
		return failure_reply(&failure, link, NULL);
	}
	methods_note(link, parameters.enable ? "autostart" : "no autostart of",
		     partition_name(partition));
	partition->autostart = parameters.enable;
	events_emit(partition, EVENT_CHANGED);
	return methods_done(link);
}
