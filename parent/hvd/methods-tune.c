/* SPDX-License-Identifier: GPL-2.0-only */
/* Shares and pins: GetPins, PinVcpu, GetSchedule, SetSchedule. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "events.h"
#include "methods.h"

#define PARTITION_FIELD                                                       \
	{ "partition", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, \
	  offsetof(struct parameters, partition), SD_JSON_MANDATORY }
#define SCOPE_FIELD                                                       \
	{ "scope", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, \
	  offsetof(struct parameters, scope), SD_JSON_NULLABLE }

static const sd_json_dispatch_field get_table[] = {
	PARTITION_FIELD,
	{ "config", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
	  offsetof(struct parameters, config), SD_JSON_NULLABLE },
	{ 0 },
};

/* hv first: it may refuse, in the midst of it. If it or the disk does, it gets back what
 * it had. */
static bool change_apply(struct methods_change *change, struct failure *failure)
{
	struct partition *partition = change->partition;
	struct hvd *hvd = partition->hvd;
	int error = 0;

	if (change->live)
		error = hypervisor_set_schedule(&hvd->hypervisor, partition->id, change->live);
	if (error && !hvd->settings.without_hypervisor) {
		hypervisor_set_schedule(&hvd->hypervisor, partition->id, partition->live);
		methods_change_free(change);
		return fail_errno(failure, -error, "the hypervisor refuses");
	}
	if (change->config && !methods_save(partition, change->config, failure)) {
		if (change->live)
			hypervisor_set_schedule(&hvd->hypervisor, partition->id, partition->live);
		methods_change_free(change);
		return false;
	}
	if (change->live) {
		domain_free(partition->live);
		partition->live = change->live;
	}
	if (change->config) {
		domain_free(partition->config);
		partition->config = change->config;
	}
	events_emit(partition, EVENT_CHANGED);
	return true;
}

static const struct domain *domain_of(const struct partition *partition, bool config)
{
	return config ? partition->config : partition_domain(partition);
}

int method_get_pins(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	JSON_AUTO sd_json_variant *pins = NULL;
	struct parameters parameters = { 0 };
	const struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, get_table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition)
		return failure_reply(&failure, link, NULL);
	pins = partition_json_pins(partition, domain_of(partition, parameters.config), true);
	return methods_answer(link, "pins", pins);
}

static bool set_pin(struct domain *domain, const struct hvd *hvd, uint64_t vcpu,
		    const struct cpuset *cpus, struct failure *failure)
{
	unsigned int cpu = cpuset_first_beyond(cpus, &hvd->online);

	if (vcpu >= domain->vcpus)
		return fail(failure, FAILURE_BAD_CONFIGURATION,
			    "virtual processor %" PRIu64 " of %" PRIu32 " (they count from 0)",
			    vcpu, domain->vcpus);
	if (cpu < CPUSET_MAX)
		return fail(failure, FAILURE_BAD_CONFIGURATION, "there is no CPU %u", cpu);
	domain->pins[vcpu] = *cpus;
	return true;
}

int method_pin_vcpu(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		{ "vcpu", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64,
		  offsetof(struct parameters, vcpu), SD_JSON_MANDATORY },
		{ "cpus", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		  offsetof(struct parameters, cpus), SD_JSON_MANDATORY },
		SCOPE_FIELD,
		{ 0 },
	};
	struct hvd *hvd = connection_hvd(userdata);
	struct parameters parameters = { 0 };
	struct partition *partition;
	struct failure failure;
	struct methods_change change;
	struct cpuset cpus;
	int result = methods_read(link, json, table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	if (!cpuset_parse(&cpus, parameters.cpus)) {
		fail(&failure, FAILURE_BAD_CONFIGURATION, "'%.80s' is not a set of CPUs below %u",
		     parameters.cpus, CPUSET_MAX);
		return failure_reply(&failure, link, NULL);
	}
	partition = partition_find(hvd, parameters.partition, &failure);
	if (!partition || !methods_change_begin(&change, partition, parameters.scope, &failure))
		return failure_reply(&failure, link, NULL);
	if ((change.live && !set_pin(change.live, hvd, parameters.vcpu, &cpus, &failure)) ||
	    (change.config && !set_pin(change.config, hvd, parameters.vcpu, &cpus, &failure))) {
		methods_change_free(&change);
		return failure_reply(&failure, link, NULL);
	}
	if (!change_apply(&change, &failure))
		return failure_reply(&failure, link, NULL);
	methods_note(link, "pin", partition_name(partition));
	return methods_done(link);
}

int method_get_schedule(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *userdata)
{
	JSON_AUTO sd_json_variant *schedule = NULL;
	struct parameters parameters = { 0 };
	const struct partition *partition;
	struct failure failure;
	int result = methods_read(link, json, get_table, &parameters);

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition)
		return failure_reply(&failure, link, NULL);
	schedule = partition_json_schedule(domain_of(partition, parameters.config));
	return methods_answer(link, "schedule", schedule);
}

static bool set_schedule(struct domain *domain, const struct parameters *parameters,
			 struct failure *failure)
{
	uint64_t weight = parameters->weight == UINT64_MAX ? domain->weight : parameters->weight;
	uint64_t cap = parameters->cap == UINT64_MAX ? domain_cap(domain) : parameters->cap;
	uint64_t reserve = parameters->reserve == UINT64_MAX ? domain_reserve(domain) :
							       parameters->reserve;

	if (!weight || weight > DOMAIN_WEIGHT_MAX)
		return fail(failure, FAILURE_BAD_CONFIGURATION, "the weight is 1 to %u",
			    DOMAIN_WEIGHT_MAX);
	if (cap > DOMAIN_SHARE_MAX || reserve > DOMAIN_SHARE_MAX)
		return fail(failure, FAILURE_BAD_CONFIGURATION,
			    "cap and reserve are thousandths of a CPU, at most %u",
			    DOMAIN_SHARE_MAX);
	if (cap && reserve > cap)
		return fail(failure, FAILURE_BAD_CONFIGURATION, "the reserve is more than the cap");
	domain->weight = (uint32_t)weight;
	/* Period and quota stay as they were written if they say the same. */
	if (cap != domain_cap(domain) || reserve != domain_reserve(domain))
		domain_set_shares(domain, (uint32_t)cap, (uint32_t)reserve);
	return true;
}

int method_set_schedule(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		PARTITION_FIELD,
		{ "weight", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64,
		  offsetof(struct parameters, weight), SD_JSON_NULLABLE },
		{ "cap", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64,
		  offsetof(struct parameters, cap), SD_JSON_NULLABLE },
		{ "reserve", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64,
		  offsetof(struct parameters, reserve), SD_JSON_NULLABLE },
		SCOPE_FIELD,
		{ 0 },
	};
	struct parameters parameters = { .weight = UINT64_MAX,
					 .cap = UINT64_MAX,
					 .reserve = UINT64_MAX };
	JSON_AUTO sd_json_variant *schedule = NULL;
	struct partition *partition;
	struct failure failure;
	struct methods_change change;
	int result = methods_read(link, json, table, &parameters);
	bool config;

	(void)flags;
	if (result < 0)
		return result;
	partition = partition_find(connection_hvd(userdata), parameters.partition, &failure);
	if (!partition || !methods_change_begin(&change, partition, parameters.scope, &failure))
		return failure_reply(&failure, link, NULL);
	config = change.config && !change.live;
	if ((change.live && !set_schedule(change.live, &parameters, &failure)) ||
	    (change.config && !set_schedule(change.config, &parameters, &failure))) {
		methods_change_free(&change);
		return failure_reply(&failure, link, NULL);
	}
	if (!change_apply(&change, &failure))
		return failure_reply(&failure, link, NULL);
	methods_note(link, "schedule", partition_name(partition));
	schedule = partition_json_schedule(domain_of(partition, config));
	return methods_answer(link, "schedule", schedule);
}
