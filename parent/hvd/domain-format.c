/* SPDX-License-Identifier: GPL-2.0-only */
/* A definition as XML, see domain.h: what domain_parse() makes the same domain of. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"

static const char *entity_of(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '\'':
		return "&apos;";
	case '"':
		return "&quot;";
	case '\r': /* a reader would make a line feed of it */
		return "&#13;";
	case '\t': /* and of this, in an attribute, a blank */
		return "&#9;";
	default:
		return NULL;
	}
}

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		const char *entity = entity_of(*text);

		if (entity)
			fputs(entity, out);
		else
			fputc(*text, out);
	}
}

/* <name>text</name>, if there is a text. */
static void put_text(FILE *out, const char *indent, const char *name, const char *text)
{
	if (!text)
		return;
	fprintf(out, "%s<%s>", indent, name);
	put_escaped(out, text);
	fprintf(out, "</%s>\n", name);
}

static void put_number(FILE *out, const char *name, uint64_t number)
{
	fprintf(out, "    <%s>%" PRIu64 "</%s>\n", name, number, name);
}

/* In the largest of three units that says it in full. */
static void put_memory(FILE *out, const char *indent, const char *name, uint64_t bytes)
{
	const char *unit = bytes % 1024 ? "b" : "KiB";

	fprintf(out, "%s<%s unit='%s'>%" PRIu64 "</%s>\n", indent, name, unit,
		bytes % 1024 ? bytes : bytes / 1024, name);
}

static void put_memory_tuning(FILE *out, const struct domain *domain)
{
	put_memory(out, "  ", "memory", domain->memory);
	put_memory(out, "  ", "currentMemory", domain->memory);
	if (domain->hugepages)
		fputs("  <memoryBacking>\n    <hugepages/>\n  </memoryBacking>\n", out);
	if (!domain->hard_limit && !domain->min_guarantee)
		return;
	fputs("  <memtune>\n", out);
	if (domain->hard_limit)
		put_memory(out, "    ", "hard_limit", domain->hard_limit);
	if (domain->min_guarantee)
		put_memory(out, "    ", "min_guarantee", domain->min_guarantee);
	fputs("  </memtune>\n", out);
}

static void put_cpus(FILE *out, const struct domain *domain)
{
	char text[CPUSET_TEXT];

	fputs("  <vcpu placement='static'", out);
	if (!cpuset_is_empty(&domain->cpus)) {
		cpuset_format(&domain->cpus, text);
		fprintf(out, " cpuset='%s'", text);
	}
	fprintf(out, ">%" PRIu32 "</vcpu>\n  <cputune>\n", domain->vcpus);
	put_number(out, "shares", domain->weight);
	put_number(out, "period", domain->period);
	if (domain->quota)
		put_number(out, "quota", domain->quota);
	if (domain->reserve)
		put_number(out, "reserve", domain->reserve);
	for (uint32_t i = 0; i < domain->vcpus; i++) {
		if (cpuset_is_empty(&domain->pins[i]))
			continue;
		cpuset_format(&domain->pins[i], text);
		fprintf(out, "    <vcpupin vcpu='%" PRIu32 "' cpuset='%s'/>\n", i, text);
	}
	fputs("  </cputune>\n", out);
}

static void put_os(FILE *out, const struct domain *domain)
{
	fputs("  <os>\n    <type arch='x86_64'>hvm</type>\n", out);
	put_text(out, "    ", "kernel", domain->kernel);
	put_text(out, "    ", "initrd", domain->initrd);
	put_text(out, "    ", "cmdline", domain->cmdline);
	fputs("  </os>\n", out);
	if (!domain->debug_exit && !domain->no_vmbus)
		return;
	fputs("  <features>\n", out);
	if (domain->debug_exit)
		fputs("    <debug-exit state='on'/>\n", out);
	if (domain->no_vmbus)
		fputs("    <vmbus state='off'/>\n", out);
	fputs("  </features>\n", out);
}

static void put_device(FILE *out, const char *name, const struct domain_live *live,
		       const char *target)
{
	fprintf(out, "    <%s type='pty'", name);
	if (live && live->tty) {
		fputs(" tty='", out);
		put_escaped(out, live->tty);
		fputs("'", out);
	}
	fprintf(out, ">\n      <target %sport='0'/>\n    </%s>\n", target, name);
}

/* An attribute. */
static void put_attribute(FILE *out, const char *name, const char *text)
{
	fprintf(out, " %s='", name);
	put_escaped(out, text);
	fputs("'", out);
}

static void put_blocks(FILE *out, const struct domain_disk *disk)
{
	if (!disk->logical_block && !disk->physical_block)
		return;
	fputs("      <blockio", out);
	if (disk->logical_block)
		fprintf(out, " logical_block_size='%" PRIu32 "'", disk->logical_block);
	if (disk->physical_block)
		fprintf(out, " physical_block_size='%" PRIu32 "'", disk->physical_block);
	fputs("/>\n", out);
}

static void put_disk(FILE *out, const struct domain_disk *disk)
{
	fprintf(out, "    <disk type='%s' device='disk'>\n", disk->block ? "block" : "file");
	fprintf(out, "      <driver type='%s' cache='%s' discard='%s'/>\n",
		domain_format_name(disk->format), domain_cache_name(disk->cache),
		disk->discard ? "unmap" : "ignore");
	fputs("      <source", out);
	put_attribute(out, disk->block ? "dev" : "file", disk->source);
	fprintf(out, "/>\n      <target dev='%s' bus='scsi'/>\n", disk->target);
	if (disk->read_only)
		fputs("      <readonly/>\n", out);
	put_text(out, "      ", "serial", disk->serial);
	put_blocks(out, disk);
	fputs("    </disk>\n", out);
}

static void put_forward(FILE *out, const struct domain_forward *forward)
{
	fprintf(out, "      <portForward proto='%s'", forward->udp ? "udp" : "tcp");
	if (forward->address[0])
		put_attribute(out, "address", forward->address);
	fprintf(out, ">\n        <range start='%u' to='%u'/>\n      </portForward>\n",
		forward->host, forward->guest);
}

static void put_card(FILE *out, const struct domain_card *card)
{
	static const uint8_t none[6];
	char mac[DOMAIN_MAC_TEXT];

	domain_mac_format(card->mac, mac);
	fprintf(out, "    <interface type='%s'>\n", domain_network_name(card->network));
	if (memcmp(card->mac, none, sizeof(none)) != 0)
		fprintf(out, "      <mac address='%s'/>\n", mac);
	if (card->source[0])
		fprintf(out, "      <source network='%s'%s%s%s/>\n", card->source,
			card->bridge[0] ? " bridge='" : "", card->bridge,
			card->bridge[0] ? "'" : "");
	else if (card->bridge[0])
		fprintf(out, "      <source bridge='%s'/>\n", card->bridge);
	if (card->target[0])
		fprintf(out, "      <target dev='%s'/>\n", card->target);
	if (card->queues)
		fprintf(out, "      <driver queues='%" PRIu32 "'/>\n", card->queues);
	if (card->mtu)
		fprintf(out, "      <mtu size='%" PRIu32 "'/>\n", card->mtu);
	if (card->unplugged)
		fputs("      <link state='down'/>\n", out);
	for (size_t i = 0; i < card->forward_count; i++)
		put_forward(out, &card->forwards[i]);
	fputs("    </interface>\n", out);
}

static void put_acceleration(FILE *out, const struct domain_video *video)
{
	fprintf(out, "        <acceleration accel3d='%s'", video->accel3d ? "yes" : "no");
	if (video->render_node)
		put_attribute(out, "rendernode", video->render_node);
	fputs("/>\n", out);
}

static void put_gpu_tuning(FILE *out, const struct domain_video *video)
{
	fputs("        <gputune>\n", out);
	put_memory(out, "          ", "memory", video->memory);
	fprintf(out, "          <weight>%" PRIu32 "</weight>\n", video->weight);
	if (video->cap)
		fprintf(out, "          <cap>%" PRIu32 "</cap>\n", video->cap);
	fputs("        </gputune>\n", out);
}

static void put_video(FILE *out, const struct domain *domain)
{
	const struct domain_video *video = &domain->video;

	if (video->model == DOMAIN_NO_VIDEO)
		return;
	fprintf(out, "    <video>\n      <model type='%s'", domain_model_name(video->model));
	if (!domain_has_screen(domain)) {
		fputs("/>\n    </video>\n", out);
		return;
	}
	fprintf(out, " vram='%" PRIu64 "' heads='1'>\n", video->vram / 1024);
	put_acceleration(out, video);
	fprintf(out, "        <resolution x='%" PRIu32 "' y='%" PRIu32 "'/>\n", video->width,
		video->height);
	put_gpu_tuning(out, video);
	fputs("      </model>\n    </video>\n", out);
}

static void put_devices(FILE *out, const struct domain *domain, const struct domain_live *live)
{
	fputs("  <devices>\n", out);
	for (size_t i = 0; i < domain->disk_count; i++)
		put_disk(out, &domain->disks[i]);
	for (size_t i = 0; i < domain->card_count; i++)
		put_card(out, &domain->cards[i]);
	put_video(out, domain);
	if (domain->keyboard)
		fputs("    <input type='keyboard' bus='vmbus'/>\n", out);
	if (domain->mouse)
		fputs("    <input type='mouse' bus='vmbus'/>\n", out);
	if (domain->serial)
		put_device(out, "serial", live, "");
	if (domain->console)
		put_device(out, "console", live, "type='serial' ");
	fputs("  </devices>\n", out);
}

static void put_domain(FILE *out, const struct domain *domain, const struct domain_live *live)
{
	char uuid[SD_ID128_UUID_STRING_MAX];

	fputs("<domain type='mullion'", out);
	if (live)
		fprintf(out, " id='%" PRIu64 "'", live->id);
	fputs(">\n", out);
	put_text(out, "  ", "name", domain->name);
	if (!sd_id128_is_null(domain->uuid))
		put_text(out, "  ", "uuid", sd_id128_to_uuid_string(domain->uuid, uuid));
	put_text(out, "  ", "title", domain->title);
	put_text(out, "  ", "description", domain->description);
	if (domain->metadata)
		fprintf(out, "  %s\n", domain->metadata);
	put_memory_tuning(out, domain);
	put_cpus(out, domain);
	put_os(out, domain);
	fprintf(out, "  <on_poweroff>%s</on_poweroff>\n", domain_action_name(domain->on_poweroff));
	fprintf(out, "  <on_reboot>%s</on_reboot>\n", domain_action_name(domain->on_reboot));
	fprintf(out, "  <on_crash>%s</on_crash>\n", domain_action_name(domain->on_crash));
	put_devices(out, domain, live);
	fputs("</domain>\n", out);
}

char *domain_format(const struct domain *domain, const struct domain_live *live)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (!out)
		return NULL;
	put_domain(out, domain, live);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return NULL;
	}
	return text;
}
