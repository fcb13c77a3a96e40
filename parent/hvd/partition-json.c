/* SPDX-License-Identifier: GPL-2.0-only */
/* A partition as org.mullion.varlink shows it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "guest.h"
#include "partition.h"

#define UUID(domain) SD_JSON_BUILD_PAIR_UUID("uuid", (domain)->uuid)

/* A pair only if there is a text. */
#define TEXT(name, text) \
	SD_JSON_BUILD_PAIR_CONDITION((text) != NULL && (text)[0], name, SD_JSON_BUILD_STRING(text))

#define NUMBER(name, known, number) \
	SD_JSON_BUILD_PAIR_CONDITION(known, name, SD_JSON_BUILD_UNSIGNED(number))

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

sd_json_variant *partition_json(const struct partition *partition)
{
	const struct domain *domain = partition_domain(partition);
	const struct guest *guest = devices_guest(partition->devices);
	JSON_AUTO sd_json_variant *addresses = guest_addresses(guest);
	sd_json_variant *json = NULL;

	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("name", domain->name), UUID(domain),
		       NUMBER("id", partition->id != 0, partition->id),
		       TEXT("heartbeat", guest->heartbeat), TEXT("screen", guest->screen),
		       SD_JSON_BUILD_PAIR_CONDITION(addresses != NULL, "addresses",
						    SD_JSON_BUILD_VARIANT(addresses)),
		       SD_JSON_BUILD_PAIR_STRING("state", state_names[partition->state]),
		       SD_JSON_BUILD_PAIR_STRING("reason", reason_names[partition->why.reason]),
		       TEXT("detail", partition->why.detail),
		       SD_JSON_BUILD_PAIR_CONDITION(partition->why.code >= 0, "code",
						    SD_JSON_BUILD_INTEGER(partition->why.code)),
		       TEXT("title", text_or_empty(domain->title)),
		       SD_JSON_BUILD_PAIR_BOOLEAN("persistent", partition->persistent),
		       SD_JSON_BUILD_PAIR_BOOLEAN("autostart", partition->autostart),
		       SD_JSON_BUILD_PAIR_UNSIGNED("vcpus", domain->vcpus),
		       SD_JSON_BUILD_PAIR_UNSIGNED("memory", domain_guest_memory(domain)));
	return json;
}

sd_json_variant *partition_json_schedule(const struct domain *domain)
{
	sd_json_variant *json = NULL;

	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_UNSIGNED("weight", domain->weight),
		       SD_JSON_BUILD_PAIR_UNSIGNED("cap", domain_cap(domain)),
		       SD_JSON_BUILD_PAIR_UNSIGNED("reserve", domain_reserve(domain)));
	return json;
}

sd_json_variant *partition_json_pins(const struct partition *partition, const struct domain *domain,
				     bool all)
{
	sd_json_variant *pins = NULL;
	char text[CPUSET_TEXT];

	if (sd_json_variant_new_array(&pins, NULL, 0) < 0)
		return NULL;
	for (uint32_t vcpu = 0; vcpu < domain->vcpus; vcpu++) {
		const struct cpuset *cpus = domain_cpus(domain, vcpu);

		if (!cpus && !all)
			continue;
		cpuset_format(cpus ? cpus : &partition->hvd->online, text);
		if (sd_json_variant_append_arraybo(&pins, SD_JSON_BUILD_PAIR_UNSIGNED("vcpu", vcpu),
						   SD_JSON_BUILD_PAIR_STRING("cpus", text)) < 0)
			break;
	}
	return pins;
}

static sd_json_variant *disks_json(const struct domain *domain)
{
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; i < domain->disk_count; i++) {
		const struct domain_disk *disk = &domain->disks[i];

		if (sd_json_variant_append_arraybo(
			    &all, SD_JSON_BUILD_PAIR_STRING("target", disk->target),
			    SD_JSON_BUILD_PAIR_STRING("source", disk->source),
			    SD_JSON_BUILD_PAIR_STRING("format", domain_format_name(disk->format)),
			    SD_JSON_BUILD_PAIR_BOOLEAN("read_only", disk->read_only)) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

static sd_json_variant *interfaces_json(const struct domain *domain)
{
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; i < domain->card_count; i++) {
		const struct domain_card *card = &domain->cards[i];
		char mac[DOMAIN_MAC_TEXT];

		domain_mac_format(card->mac, mac);
		if (sd_json_variant_append_arraybo(
			    &all, SD_JSON_BUILD_PAIR_STRING("mac", mac),
			    SD_JSON_BUILD_PAIR_STRING("type", domain_network_name(card->network)),
			    TEXT("source", card->source[0] ? card->source : card->bridge),
			    TEXT("target", card->target),
			    SD_JSON_BUILD_PAIR_BOOLEAN("link", !card->unplugged)) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

sd_json_variant *partition_json_video(const struct domain *domain)
{
	const struct domain_video *video = &domain->video;
	sd_json_variant *json = NULL;

	if (!domain_has_screen(domain))
		return NULL;
	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("model", domain_model_name(video->model)),
		       SD_JSON_BUILD_PAIR_UNSIGNED("vram", video->vram),
		       SD_JSON_BUILD_PAIR_UNSIGNED("width", video->width),
		       SD_JSON_BUILD_PAIR_UNSIGNED("height", video->height),
		       SD_JSON_BUILD_PAIR_BOOLEAN("accel3d", video->accel3d),
		       TEXT("render_node", text_or_empty(video->render_node)),
		       SD_JSON_BUILD_PAIR_UNSIGNED("memory", video->memory),
		       SD_JSON_BUILD_PAIR_UNSIGNED("weight", video->weight),
		       SD_JSON_BUILD_PAIR_UNSIGNED("cap", video->cap));
	return json;
}

/* A process's id, as long as it is there. */
#define PID(name, role)                                                           \
	SD_JSON_BUILD_PAIR_CONDITION(devices_pid(partition->devices, role), name, \
				     SD_JSON_BUILD_INTEGER(devices_pid(partition->devices, role)))

sd_json_variant *partition_json_info(const struct partition *partition)
{
	const struct domain *domain = partition_domain(partition);
	const struct guest *guest = devices_guest(partition->devices);
	JSON_AUTO sd_json_variant *disks = disks_json(domain);
	JSON_AUTO sd_json_variant *interfaces = interfaces_json(domain);
	JSON_AUTO sd_json_variant *video = partition_json_video(domain);
	JSON_AUTO sd_json_variant *pins = partition_json_pins(partition, domain, false);
	JSON_AUTO sd_json_variant *schedule = partition_json_schedule(domain);
	sd_json_variant *json = partition_json(partition);

	if (!json || !pins || !schedule || !disks || !interfaces ||
	    sd_json_variant_merge_objectbo(
		    &json, TEXT("description", text_or_empty(domain->description)),
		    SD_JSON_BUILD_PAIR_BOOLEAN("hugepages", domain->hugepages),
		    SD_JSON_BUILD_PAIR_STRING("on_poweroff",
					      domain_action_name(domain->on_poweroff)),
		    SD_JSON_BUILD_PAIR_STRING("on_reboot", domain_action_name(domain->on_reboot)),
		    SD_JSON_BUILD_PAIR_STRING("on_crash", domain_action_name(domain->on_crash)),
		    SD_JSON_BUILD_PAIR_STRING("kernel", domain_kernel(domain)),
		    TEXT("initrd", text_or_empty(domain_initrd(domain))),
		    TEXT("cmdline", text_or_empty(domain_cmdline(domain))),
		    SD_JSON_BUILD_PAIR_VARIANT("schedule", schedule),
		    SD_JSON_BUILD_PAIR_VARIANT("pins", pins),
		    NUMBER("since_ns", partition->since != 0, partition->since),
		    NUMBER("started_ns", partition->started != 0, partition->started),
		    SD_JSON_BUILD_PAIR_CONDITION(partition->worker_pid, "worker_pid",
						 SD_JSON_BUILD_INTEGER(partition->worker_pid)),
		    PID("vsp_pid", PEER_VSP), PID("storage_pid", PEER_STORAGE),
		    PID("net_pid", PEER_NET), PID("gpu_pid", PEER_GPU),
		    SD_JSON_BUILD_PAIR_VARIANT("disks", disks),
		    SD_JSON_BUILD_PAIR_VARIANT("interfaces", interfaces),
		    SD_JSON_BUILD_PAIR_CONDITION(video != NULL, "video",
						 SD_JSON_BUILD_VARIANT(video)),
		    TEXT("vmbus", guest->version), TEXT("guest_os", guest->os),
		    TEXT("guest_hostname", guest->hostname),
		    TEXT("console", partition->console)) < 0)
		return sd_json_variant_unref(json);
	return json;
}

/* Field number (from 1) of a line of /proc/PID/stat; 0: it is not there. */
static uint64_t stat_field(const char *line, unsigned int number)
{
	/* Field 2, in parentheses, may hold anything. */
	const char *at = strrchr(line, ')');

	for (unsigned int i = 2; at && i < number; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

/* What /proc tells of a process: CPU time in ns and resident bytes. */
static bool process_use(int pid, uint64_t *cpu_ns, uint64_t *rss_bytes)
{
	uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	char path[32], line[512];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (size <= 0)
		return false;
	line[size] = '\0';
	*cpu_ns = (stat_field(line, 14) + stat_field(line, 15)) * tick;
	*rss_bytes = stat_field(line, 24) * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

sd_json_variant *partition_json_stats(const struct partition *partition)
{
	const struct domain *domain = partition_domain(partition);
	JSON_AUTO sd_json_variant *schedule = partition_json_schedule(domain);
	struct mullion_partition_info info;
	bool known = partition->id &&
		     !hypervisor_partition(&partition->hvd->hypervisor, partition->id, &info) &&
		     info.id == partition->id;
	uint64_t cpu_ns = 0, rss = 0;
	bool process = partition->worker_pid && process_use(partition->worker_pid, &cpu_ns, &rss);
	sd_json_variant *json = NULL;

	if (!known)
		memset(&info, 0, sizeof(info));
	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_STRING("name", domain->name), UUID(domain),
		       SD_JSON_BUILD_PAIR_UNSIGNED("id", partition->id),
		       SD_JSON_BUILD_PAIR_STRING("state", state_names[partition->state]),
		       SD_JSON_BUILD_PAIR_UNSIGNED("vcpus", domain->vcpus),
		       SD_JSON_BUILD_PAIR_UNSIGNED("memory", domain_guest_memory(domain)),
		       NUMBER("mapped_bytes", known, info.mapped_pages * 4096),
		       NUMBER("pool_bytes", known, info.pool_pages * 4096),
		       NUMBER("pool_free_bytes", known, info.pool_free * 4096),
		       NUMBER("table_bytes", known, info.table_pages * 4096),
		       SD_JSON_BUILD_PAIR_CONDITION(partition->worker_pid, "worker_pid",
						    SD_JSON_BUILD_INTEGER(partition->worker_pid)),
		       NUMBER("worker_cpu_ns", process, cpu_ns),
		       NUMBER("worker_rss_bytes", process, rss),
		       SD_JSON_BUILD_PAIR_VARIANT("schedule", schedule));
	return json;
}
