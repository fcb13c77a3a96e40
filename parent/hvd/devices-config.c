/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration of a guest's devices, see devices-config.h. */
#include "devices-config.h"

#include <errno.h>
#include <fcntl.h>
#include <mullion/vram.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"
#include "image.h"
#include "tap.h"

/* A channel more for each virtual processor beside the first; a guest takes fewer. */
#define SUB_CHANNELS_MAX 7u

/* A UUID from that of the partition and a name of at most 16 bytes. */
static sd_id128_t derive(const struct domain *domain, const char *name)
{
	sd_id128_t application = { 0 }, result = domain->uuid;

	memcpy(application.bytes, name, strnlen(name, sizeof(application.bytes)));
	sd_id128_get_app_specific(domain->uuid, application, &result);
	return result;
}

sd_id128_t devices_controller_instance(const struct domain *domain)
{
	return derive(domain, "scsi0");
}

sd_id128_t devices_card_instance(const struct domain *domain, const struct domain_card *card)
{
	char name[20];

	snprintf(name, sizeof(name), "net%02x%02x%02x%02x%02x%02x", card->mac[0], card->mac[1],
		 card->mac[2], card->mac[3], card->mac[4], card->mac[5]);
	return derive(domain, name);
}

/* The screen's and the GPU's. */
static sd_id128_t video_instance(const struct domain *domain)
{
	return derive(domain, "video0");
}

static sd_id128_t gpu_instance(const struct domain *domain)
{
	return derive(domain, "gpu0");
}

/* Gives along what stands for the partition; its index, or -1 with failure. */
static int attach(struct partition *partition, struct peer *peer, struct failure *failure)
{
	struct hvd *hvd = partition->hvd;
	int fd = hypervisor_attach(&hvd->hypervisor, partition->id), index;

	if (fd == -ENODEV && hvd->settings.without_hypervisor)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(failure, -fd, "the partition of %s cannot be attached to",
			   partition_name(partition));
		return -1;
	}
	index = peer_add_fd(peer, fd);
	close(fd);
	if (index < 0)
		fail_errno(failure, EMFILE, "%s", partition_name(partition));
	return index;
}

static sd_json_variant *no_memory(struct failure *failure)
{
	fail(failure, FAILURE_BUSY, "out of memory");
	return NULL;
}

#define QCOW2_MAGIC "QFI\xfb"
#define QCOW2_CLUSTER_BITS 20u /* a number of 32 bits, big endian, in the header */
#define QCOW2_BITS_MIN 12u /* less than a page is nothing that a guest gives back */
#define QCOW2_BITS_MAX 21u

/* Bytes that an image frees at least at once; 0: a raw one, or not known. Nothing but a
 * hint comes of what the file says. */
static uint32_t discard_granularity(const struct domain_disk *disk)
{
	unsigned char header[QCOW2_CLUSTER_BITS + 4] = { 0 };
	uint32_t bits;
	ssize_t got;
	int fd;

	if (disk->format != DOMAIN_QCOW2)
		return 0;
	fd = open(disk->source, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return 0;
	got = pread(fd, header, sizeof(header), 0);
	close(fd);
	if (got != sizeof(header) || memcmp(header, QCOW2_MAGIC, 4) != 0)
		return 0;
	bits = header[QCOW2_CLUSTER_BITS + 3];
	if (bits < QCOW2_BITS_MIN)
		bits = QCOW2_BITS_MIN;
	return bits <= QCOW2_BITS_MAX ? UINT32_C(1) << bits : 0;
}

static sd_json_variant *disk_json(const struct partition *partition, int fd,
				  const struct domain_disk *disk)
{
	sd_id128_t identity = derive(partition->live, disk->target);
	uint32_t granularity = discard_granularity(disk);
	sd_json_variant *json = NULL;

	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_UNSIGNED("lun", domain_lun(disk->target)),
		       SD_JSON_BUILD_PAIR_INTEGER("fd", fd),
		       SD_JSON_BUILD_PAIR_STRING("name", disk->target),
		       SD_JSON_BUILD_PAIR_BOOLEAN("read_only", disk->read_only),
		       SD_JSON_BUILD_PAIR_STRING("cache", domain_cache_name(disk->cache)),
		       SD_JSON_BUILD_PAIR_BOOLEAN("discard", disk->discard),
		       SD_JSON_BUILD_PAIR_CONDITION(disk->serial != NULL, "serial",
						    SD_JSON_BUILD_STRING(disk->serial)),
		       SD_JSON_BUILD_PAIR_CONDITION(disk->logical_block != 0, "logical_block",
						    SD_JSON_BUILD_UNSIGNED(disk->logical_block)),
		       SD_JSON_BUILD_PAIR_CONDITION(disk->physical_block != 0, "physical_block",
						    SD_JSON_BUILD_UNSIGNED(disk->physical_block)),
		       SD_JSON_BUILD_PAIR_CONDITION(granularity != 0, "discard_granularity",
						    SD_JSON_BUILD_UNSIGNED(granularity)),
		       SD_JSON_BUILD_PAIR_UUID("identity", identity));
	return json;
}

static bool is_same_file(const struct stat *a, const char *path)
{
	struct stat b;

	if (stat(path, &b) < 0)
		return false;
	return S_ISBLK(a->st_mode) ? S_ISBLK(b.st_mode) && a->st_rdev == b.st_rdev :
				     a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

/* Whether a disk of a partition that runs is in the way: the same file, and one of both
 * writes. */
static bool is_in_the_way(const struct domain_disk *other, const struct domain_disk *disk,
			  const struct stat *status)
{
	return (!disk->read_only || !other->read_only) && is_same_file(status, other->source);
}

/* Two guests that write to one image, or one to another's, leave nothing of it; nor does
 * one by two disks. */
bool devices_disk_is_free(const struct partition *partition, const struct domain_disk *disk,
			  struct failure *failure)
{
	struct stat status;

	if (stat(disk->source, &status) < 0)
		return true;
	for (const struct partition *at = partition->hvd->partitions; at; at = at->next) {
		for (size_t i = 0; at->live && i < at->live->disk_count; i++) {
			const struct domain_disk *other = &at->live->disks[i];

			if (at == partition && strcmp(other->target, disk->target) == 0)
				continue;
			if (is_in_the_way(other, disk, &status))
				return fail(failure, FAILURE_BUSY,
					    "%s is in use by the partition '%s', as %s",
					    disk->source, partition_name(at), other->target);
		}
	}
	return true;
}

sd_json_variant *devices_disk(const struct partition *partition, struct peer *peer,
			      const struct domain_disk *disk, struct failure *failure)
{
	struct domain_error error = { 0 };
	struct domain_disk shown = *disk;
	char path[256];
	sd_json_variant *json;
	int fd, index;

	if (!devices_disk_is_free(partition, disk, failure))
		return NULL;
	if (disk->format != DOMAIN_RAW) {
		/* What it is shown as. */
		images_path(partition, disk, path, sizeof(path));
		shown.source = path;
		shown.format = DOMAIN_RAW;
	}
	fd = domain_open_disk(&shown, &error);
	if (fd < 0) {
		fail_domain(failure, &error);
		/* The definition that was given has other lines than what is asked now. */
		failure->line = 0;
		return NULL;
	}
	index = peer_add_fd(peer, fd);
	close(fd);
	json = index < 0 ? NULL : disk_json(partition, index, disk);
	return json ? json : no_memory(failure);
}

static sd_json_variant *forwards_json(const struct domain_card *card)
{
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; i < card->forward_count; i++) {
		const struct domain_forward *at = &card->forwards[i];

		if (sd_json_variant_append_arraybo(
			    &all, SD_JSON_BUILD_PAIR_BOOLEAN("udp", at->udp),
			    SD_JSON_BUILD_PAIR_CONDITION(at->address[0] != 0, "host_address",
							 SD_JSON_BUILD_STRING(at->address)),
			    SD_JSON_BUILD_PAIR_UNSIGNED("host_port", at->host),
			    SD_JSON_BUILD_PAIR_UNSIGNED("guest_port", at->guest)) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

/* The descriptors of a tap device's queues as indices. */
static sd_json_variant *queues_json(struct peer *peer, const struct tap *tap)
{
	sd_json_variant *all = NULL;

	for (unsigned int i = 0; i < tap->queues; i++) {
		int index = peer_add_fd(peer, tap->fds[i]);

		if (index < 0 ||
		    sd_json_variant_append_arrayb(&all, SD_JSON_BUILD_INTEGER(index)) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

static sd_json_variant *card_json(const struct partition *partition, const struct domain_card *card,
				  sd_json_variant *queues)
{
	JSON_AUTO sd_json_variant *forwards = forwards_json(card);
	sd_id128_t instance = devices_card_instance(partition->live, card);
	char mac[DOMAIN_MAC_TEXT];
	sd_json_variant *json = NULL;
	bool user = card->network == DOMAIN_USER;
	unsigned int count = card->queues ? card->queues : 1;

	domain_mac_format(card->mac, mac);
	if (!forwards)
		return NULL;
	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_UUID("instance", instance),
		       SD_JSON_BUILD_PAIR_STRING("name", card->target[0] ? card->target : mac),
		       SD_JSON_BUILD_PAIR_STRING("mac", mac),
		       SD_JSON_BUILD_PAIR_CONDITION(card->mtu != 0, "mtu",
						    SD_JSON_BUILD_UNSIGNED(card->mtu)),
		       SD_JSON_BUILD_PAIR_CONDITION(!user, "queues", SD_JSON_BUILD_UNSIGNED(count)),
		       SD_JSON_BUILD_PAIR_BOOLEAN("link", !card->unplugged),
		       SD_JSON_BUILD_PAIR_STRING("backend", user ? "user" : "tap"),
		       SD_JSON_BUILD_PAIR_CONDITION(!user, "tap_fds",
						    SD_JSON_BUILD_VARIANT(queues)),
		       SD_JSON_BUILD_PAIR_CONDITION(!user, "headers", SD_JSON_BUILD_BOOLEAN(true)),
		       SD_JSON_BUILD_PAIR_CONDITION(user && card->forward_count, "forwards",
						    SD_JSON_BUILD_VARIANT(forwards)),
		       SD_JSON_BUILD_PAIR_CONDITION(user, "hostname",
						    SD_JSON_BUILD_STRING(partition->live->name)));
	return json;
}

/* The bridge of a card that leads to a network; it comes up with its first guest. */
static bool find_bridge(struct hvd *hvd, struct domain_card *card, struct failure *failure)
{
	struct domain_error error = { 0 };
	struct network network;

	if (card->network != DOMAIN_NETWORK)
		return true;
	if (!network_find(hvd->settings.networks, card->source, &network, &error))
		return fail_domain(failure, &error);
	memcpy(card->bridge, network.bridge, sizeof(card->bridge));
	return bridge_need(hvd, &network, failure);
}

sd_json_variant *devices_card(const struct partition *partition, struct peer *peer,
			      struct domain_card *card, struct failure *failure)
{
	JSON_AUTO sd_json_variant *queues = NULL;
	sd_json_variant *json;
	struct tap tap;

	if (card->network != DOMAIN_USER) {
		if (!find_bridge(partition->hvd, card, failure) || !tap_open(&tap, card, failure))
			return NULL;
		queues = queues_json(peer, &tap);
		/* What runs shows the name that the kernel has chosen. */
		memcpy(card->target, tap.name, sizeof(card->target));
		tap_close(&tap);
		if (!queues)
			return no_memory(failure);
	}
	json = card_json(partition, card, queues);
	return json ? json : no_memory(failure);
}

static sd_json_variant *all_disks(const struct partition *partition, struct peer *peer,
				  struct failure *failure)
{
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return no_memory(failure);
	for (size_t i = 0; i < partition->live->disk_count; i++) {
		JSON_AUTO sd_json_variant *one =
			devices_disk(partition, peer, &partition->live->disks[i], failure);

		if (!one)
			return sd_json_variant_unref(all);
		if (sd_json_variant_append_array(&all, one) < 0) {
			sd_json_variant_unref(all);
			return no_memory(failure);
		}
	}
	return all;
}

static sd_json_variant *all_cards(const struct partition *partition, struct peer *peer,
				  struct failure *failure)
{
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return no_memory(failure);
	for (size_t i = 0; i < partition->live->card_count; i++) {
		JSON_AUTO sd_json_variant *one =
			devices_card(partition, peer, &partition->live->cards[i], failure);

		if (!one)
			return sd_json_variant_unref(all);
		if (sd_json_variant_append_array(&all, one) < 0) {
			sd_json_variant_unref(all);
			return no_memory(failure);
		}
	}
	return all;
}

static unsigned int sub_channels(const struct domain *domain)
{
	return domain->vcpus - 1 < SUB_CHANNELS_MAX ? domain->vcpus - 1 : SUB_CHANNELS_MAX;
}

static int storage_config(struct partition *partition, int attached, int socket,
			  sd_json_variant *disks, sd_json_variant **json)
{
	const struct domain *domain = partition->live;
	sd_id128_t instance = devices_controller_instance(domain);

	return sd_json_buildo(json, SD_JSON_BUILD_PAIR_STRING("name", domain->name),
			      SD_JSON_BUILD_PAIR_UUID("instance", instance),
			      SD_JSON_BUILD_PAIR_UNSIGNED("subs", sub_channels(domain)),
			      SD_JSON_BUILD_PAIR_INTEGER("partition_fd", attached),
			      SD_JSON_BUILD_PAIR_INTEGER("socket_fd", socket),
			      SD_JSON_BUILD_PAIR_VARIANT("disks", disks));
}

static int net_config(struct partition *partition, int attached, int socket, sd_json_variant *cards,
		      sd_json_variant **json)
{
	return sd_json_buildo(json, SD_JSON_BUILD_PAIR_STRING("name", partition->live->name),
			      SD_JSON_BUILD_PAIR_INTEGER("partition_fd", attached),
			      SD_JSON_BUILD_PAIR_INTEGER("socket_fd", socket),
			      SD_JSON_BUILD_PAIR_VARIANT("cards", cards));
}

static int vsp_config(struct partition *partition, int attached, sd_json_variant **json)
{
	return sd_json_buildo(json, SD_JSON_BUILD_PAIR_STRING("name", partition->live->name),
			      SD_JSON_BUILD_PAIR_UNSIGNED("vcpus", partition->live->vcpus),
			      SD_JSON_BUILD_PAIR_INTEGER("partition_fd", attached));
}

/* Gives the render node along; its index, or -1 with failure, or where it has none. */
static int render_node(const struct partition *partition, struct peer *peer,
		       struct failure *failure)
{
	struct domain_error error = { 0 };
	int fd, index;

	failure->kind = FAILURE_NONE;
	if (!partition->live->video.render_node)
		return -1;
	fd = domain_open_render_node(partition->live, &error);
	if (fd < 0) {
		fail_domain(failure, &error);
		/* The definition that was given has other lines than what is asked now. */
		failure->line = 0;
		return -1;
	}
	index = peer_add_fd(peer, fd);
	close(fd);
	if (index < 0)
		no_memory(failure);
	return index;
}

static int gpu_config(struct partition *partition, int attached, int socket, int node,
		      sd_json_variant **json)
{
	const struct domain *domain = partition->live;
	const struct domain_video *video = &domain->video;
	sd_id128_t screen = video_instance(domain), gpu = gpu_instance(domain);

	return sd_json_buildo(json, SD_JSON_BUILD_PAIR_STRING("name", domain->name),
			      SD_JSON_BUILD_PAIR_UUID("video", screen),
			      SD_JSON_BUILD_PAIR_CONDITION(domain_has_gpu(domain), "gpu",
							   SD_JSON_BUILD_UUID(gpu)),
			      SD_JSON_BUILD_PAIR_INTEGER("partition_fd", attached),
			      SD_JSON_BUILD_PAIR_INTEGER("socket_fd", socket),
			      SD_JSON_BUILD_PAIR_UNSIGNED("vram_gpa", MULLION_VRAM_GPA),
			      SD_JSON_BUILD_PAIR_UNSIGNED("vram_size", video->vram),
			      SD_JSON_BUILD_PAIR_CONDITION(node >= 0, "render_fd",
							   SD_JSON_BUILD_INTEGER(node)),
			      SD_JSON_BUILD_PAIR_UNSIGNED("memory_max", video->memory),
			      SD_JSON_BUILD_PAIR_UNSIGNED("width", video->width),
			      SD_JSON_BUILD_PAIR_UNSIGNED("height", video->height));
}

/* What Mesa and its compiler need, whatever the guest does. */
#define RENDERER_MEMORY (UINT64_C(1) << 30)

struct spawner_limits devices_gpu_limits(const struct domain *domain)
{
	/* What the guest may have counts what it asked for; a copy on the way counts too. */
	return (struct spawner_limits){
		.memory = RENDERER_MEMORY + 2 * domain->video.memory,
		.weight = domain->video.weight,
		.cap = domain->video.cap,
	};
}

/* A provider's, which has a socket. */
static sd_json_variant *provider_config(struct partition *partition, struct peer *peer,
					enum peer_role role, int attached, int socket,
					struct failure *failure)
{
	JSON_AUTO sd_json_variant *devices = NULL;
	sd_json_variant *json = NULL;
	int error, node;

	if (role == PEER_GPU) {
		node = render_node(partition, peer, failure);
		if (failure->kind != FAILURE_NONE)
			return NULL;
		error = gpu_config(partition, attached, socket, node, &json);
		return error < 0 ? no_memory(failure) : json;
	}
	devices = role == PEER_STORAGE ? all_disks(partition, peer, failure) :
					 all_cards(partition, peer, failure);
	if (!devices)
		return NULL;
	error = role == PEER_STORAGE ? storage_config(partition, attached, socket, devices, &json) :
				       net_config(partition, attached, socket, devices, &json);
	return error < 0 ? no_memory(failure) : json;
}

sd_json_variant *devices_config(struct partition *partition, struct peer *peer, enum peer_role role,
				int socket, struct failure *failure)
{
	int attached = attach(partition, peer, failure);
	int index = socket < 0 ? -1 : peer_add_fd(peer, socket);
	sd_json_variant *json = NULL;

	if (attached < 0)
		return NULL;
	if (role == PEER_VSP)
		return vsp_config(partition, attached, &json) < 0 ? no_memory(failure) : json;
	if (index < 0)
		return no_memory(failure);
	return provider_config(partition, peer, role, attached, index, failure);
}

/* window: bytes that the guest may place in its address space for it. */
static int add_window_offer(sd_json_variant **all, const char *class, sd_id128_t instance,
			    uint64_t window)
{
	return sd_json_variant_append_arraybo(
		all, SD_JSON_BUILD_PAIR_STRING("class", class),
		SD_JSON_BUILD_PAIR_UUID("instance", instance),
		SD_JSON_BUILD_PAIR_CONDITION(window != 0, "mmio_megabytes",
					     SD_JSON_BUILD_UNSIGNED(window >> 20)));
}

static int add_offer(sd_json_variant **all, const char *class, sd_id128_t instance)
{
	return add_window_offer(all, class, instance, 0);
}

static int add_screen_offers(sd_json_variant **all, const struct domain *domain)
{
	int error = add_window_offer(all, "video", video_instance(domain), domain_vram(domain));

	if (error < 0 || !domain_has_gpu(domain))
		return error;
	return add_offer(all, "gpu", gpu_instance(domain));
}

sd_json_variant *devices_offer_card(const struct partition *partition, struct peer *vsp,
				    const struct domain_card *card, int socket)
{
	JSON_AUTO sd_json_variant *all = NULL;
	sd_json_variant *json = NULL;
	int index = peer_add_fd(vsp, socket);

	if (index >= 0 &&
	    add_offer(&all, "network", devices_card_instance(partition->live, card)) >= 0)
		sd_json_buildo(&json, SD_JSON_BUILD_PAIR_VARIANT("devices", all),
			       SD_JSON_BUILD_PAIR_INTEGER("socket_fd", index));
	return json;
}

sd_json_variant *devices_offer(const struct partition *partition, struct peer *vsp,
			       enum peer_role role, int socket)
{
	const struct domain *domain = partition->live;
	JSON_AUTO sd_json_variant *all = NULL;
	sd_json_variant *json = NULL;
	int index = peer_add_fd(vsp, socket), error = 0;

	if (index < 0)
		return NULL;
	if (role == PEER_STORAGE)
		error = add_offer(&all, "scsi", devices_controller_instance(domain));
	if (role == PEER_GPU)
		error = add_screen_offers(&all, domain);
	for (size_t i = 0; role == PEER_NET && i < domain->card_count && error >= 0; i++)
		error = add_offer(&all, "network",
				  devices_card_instance(domain, &domain->cards[i]));
	if (error >= 0)
		sd_json_buildo(&json, SD_JSON_BUILD_PAIR_VARIANT("devices", all),
			       SD_JSON_BUILD_PAIR_INTEGER("socket_fd", index));
	return json;
}
