/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks, network cards and what else stands in <devices>: read, see domain-xml.h,
 * compared, added and removed, see domain.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "domain-xml.h"

/* A value of an attribute, in the order of its enum; ends with NULL. */
static const char *const formats[] = { "raw", "qcow2", NULL };
static const char *const caches[] = { "none", "writeback", "writethrough", NULL };
static const char *const networks[] = { "user", "bridge", "ethernet", "network", NULL };

const char *domain_format_name(enum domain_format format)
{
	return formats[format];
}

const char *domain_cache_name(enum domain_cache cache)
{
	return caches[cache];
}

const char *domain_network_name(enum domain_network network)
{
	return networks[network];
}

void domain_mac_format(const uint8_t *mac, char text[static DOMAIN_MAC_TEXT])
{
	snprintf(text, DOMAIN_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
}

uint32_t domain_lun(const char *target)
{
	const char *letters = target + 2;

	/* sda to sdz, then sdaa: as numbers with 26 digits, none of which is 0. */
	if (!letters[1])
		return (uint32_t)(letters[0] - 'a');
	return 26 * (uint32_t)(letters[0] - 'a' + 1) + (uint32_t)(letters[1] - 'a');
}

void domain_target(uint32_t lun, char target[static DOMAIN_TARGET_MAX])
{
	if (lun >= DOMAIN_DISKS_MAX)
		snprintf(target, DOMAIN_TARGET_MAX, "disk");
	else if (lun < 26)
		snprintf(target, DOMAIN_TARGET_MAX, "sd%c", 'a' + (int)lun);
	else
		snprintf(target, DOMAIN_TARGET_MAX, "sd%c%c", 'a' + (int)(lun / 26) - 1,
			 'a' + (int)(lun % 26));
}

static bool has_mac(const struct domain_card *card)
{
	static const uint8_t none[6];

	return memcmp(card->mac, none, sizeof(none)) != 0;
}

const struct domain_disk *domain_disk(const struct domain *domain, const char *target)
{
	for (size_t i = 0; i < domain->disk_count; i++) {
		if (strcmp(domain->disks[i].target, target) == 0)
			return &domain->disks[i];
	}
	return NULL;
}

const struct domain_card *domain_card(const struct domain *domain, const uint8_t *mac)
{
	for (size_t i = 0; i < domain->card_count; i++) {
		if (memcmp(domain->cards[i].mac, mac, sizeof(domain->cards[i].mac)) == 0)
			return &domain->cards[i];
	}
	return NULL;
}

/* ---- memory ---- */

static void disk_free(struct domain_disk *disk)
{
	free(disk->source);
	free(disk->serial);
}

void domain_free_devices(struct domain *domain)
{
	for (size_t i = 0; i < domain->disk_count; i++)
		disk_free(&domain->disks[i]);
	for (size_t i = 0; i < domain->card_count; i++)
		free(domain->cards[i].forwards);
	free(domain->disks);
	free(domain->cards);
	free(domain->video.render_node);
	domain->video.render_node = NULL;
	domain->disks = NULL;
	domain->cards = NULL;
	domain->disk_count = domain->card_count = 0;
}

/* Puts a copy in between, at its LUN; false: no memory. */
static bool add_disk(struct domain *domain, const struct domain_disk *disk)
{
	struct domain_disk *disks =
		reallocarray(domain->disks, domain->disk_count + 1, sizeof(*disks));
	struct domain_disk copy = *disk;
	size_t at = 0;

	if (!disks)
		return false;
	domain->disks = disks;
	copy.source = strdup(disk->source);
	copy.serial = disk->serial ? strdup(disk->serial) : NULL;
	if (!copy.source || (disk->serial && !copy.serial)) {
		disk_free(&copy);
		return false;
	}
	while (at < domain->disk_count && domain_lun(disks[at].target) < domain_lun(copy.target))
		at++;
	memmove(&disks[at + 1], &disks[at], (domain->disk_count - at) * sizeof(*disks));
	disks[at] = copy;
	domain->disk_count++;
	return true;
}

static bool add_card(struct domain *domain, const struct domain_card *card)
{
	struct domain_card *cards =
		reallocarray(domain->cards, domain->card_count + 1, sizeof(*cards));
	struct domain_card copy = *card;

	if (!cards)
		return false;
	domain->cards = cards;
	copy.forwards = NULL;
	if (card->forward_count) {
		copy.forwards = reallocarray(NULL, card->forward_count, sizeof(*copy.forwards));
		if (!copy.forwards)
			return false;
		memcpy(copy.forwards, card->forwards, card->forward_count * sizeof(*copy.forwards));
	}
	cards[domain->card_count++] = copy;
	return true;
}

bool domain_own_devices(struct domain *domain)
{
	struct domain others = *domain;
	const char *node = others.video.render_node;
	bool good;

	domain->video.render_node = node ? strdup(node) : NULL;
	good = !node || domain->video.render_node;
	domain->disks = NULL;
	domain->cards = NULL;
	domain->disk_count = domain->card_count = 0;
	for (size_t i = 0; good && i < others.disk_count; i++)
		good = add_disk(domain, &others.disks[i]);
	for (size_t i = 0; good && i < others.card_count; i++)
		good = add_card(domain, &others.cards[i]);
	if (!good)
		domain_free_devices(domain);
	return good;
}

/* ---- adding and removing ---- */

static bool check_disk(const struct domain *domain, const struct domain_disk *disk,
		       struct domain_error *error)
{
	if (domain_disk(domain, disk->target))
		return domain_complain(error, DOMAIN_BAD, disk->line,
				       "<disk>: there is a disk '%s' already", disk->target);
	return true;
}

static bool check_card(const struct domain *domain, const struct domain_card *card,
		       struct domain_error *error)
{
	char mac[DOMAIN_MAC_TEXT];

	domain_mac_format(card->mac, mac);
	if (domain->card_count >= DOMAIN_CARDS_MAX)
		return domain_complain(error, DOMAIN_BAD, card->line, "<interface>: more than %u",
				       DOMAIN_CARDS_MAX);
	if (has_mac(card) && domain_card(domain, card->mac))
		return domain_complain(error, DOMAIN_BAD, card->line,
				       "<interface>: there is one with the address %s already",
				       mac);
	for (size_t i = 0; i < domain->card_count; i++) {
		if (card->target[0] && strcmp(domain->cards[i].target, card->target) == 0)
			return domain_complain(error, DOMAIN_BAD, card->line,
					       "<interface>: there is one with the target '%s' "
					       "already",
					       card->target);
	}
	return true;
}

static bool no_memory(struct domain_error *error)
{
	return domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
}

bool domain_add_devices(struct domain *domain, const struct domain *devices,
			struct domain_error *error)
{
	for (size_t i = 0; i < devices->disk_count; i++) {
		if (!check_disk(domain, &devices->disks[i], error))
			return false;
		if (!add_disk(domain, &devices->disks[i]))
			return no_memory(error);
	}
	for (size_t i = 0; i < devices->card_count; i++) {
		if (!check_card(domain, &devices->cards[i], error))
			return false;
		if (!add_card(domain, &devices->cards[i]))
			return no_memory(error);
	}
	return true;
}

void domain_remove_disk(struct domain *domain, const char *target)
{
	for (size_t i = 0; i < domain->disk_count; i++) {
		if (strcmp(domain->disks[i].target, target) != 0)
			continue;
		disk_free(&domain->disks[i]);
		domain->disk_count--;
		memmove(&domain->disks[i], &domain->disks[i + 1],
			(domain->disk_count - i) * sizeof(domain->disks[0]));
	}
}

void domain_remove_card(struct domain *domain, const uint8_t *mac)
{
	for (size_t i = 0; i < domain->card_count; i++) {
		if (memcmp(domain->cards[i].mac, mac, sizeof(domain->cards[i].mac)) != 0)
			continue;
		free(domain->cards[i].forwards);
		domain->card_count--;
		memmove(&domain->cards[i], &domain->cards[i + 1],
			(domain->card_count - i) * sizeof(domain->cards[0]));
	}
}

bool domain_complete(struct domain *domain, const struct domain *before)
{
	for (size_t i = 0; i < domain->card_count; i++) {
		struct domain_card *card = &domain->cards[i];

		if (has_mac(card))
			continue;
		if (before && i < before->card_count &&
		    !domain_card(domain, before->cards[i].mac)) {
			memcpy(card->mac, before->cards[i].mac, sizeof(card->mac));
			continue;
		}
		if (getrandom(card->mac, sizeof(card->mac), 0) != (ssize_t)sizeof(card->mac))
			return false;
		/* One of those that nobody has given out, and of one card. */
		card->mac[0] = (uint8_t)((card->mac[0] & 0xfc) | 2);
	}
	return true;
}

/* ---- reading ---- */

/* The index of an attribute's value, which the schema has checked; otherwise without. */
static unsigned int choice(xmlNodePtr node, const char *name, const char *const *values,
			   unsigned int otherwise)
{
	char text[24];

	if (!domain_xml_attribute(node, name, text, sizeof(text)))
		return otherwise;
	for (unsigned int i = 0; values[i]; i++) {
		if (strcmp(values[i], text) == 0)
			return i;
	}
	return otherwise;
}

uint32_t domain_xml_number(xmlNodePtr node, const char *name)
{
	char text[24];

	return domain_xml_attribute(node, name, text, sizeof(text)) ?
		       (uint32_t)strtoul(text, NULL, 10) :
		       0;
}

/* The source of a disk, in the attribute that its type says and in no other. */
static bool take_source(struct domain_disk *disk, xmlNodePtr node, struct domain_error *error)
{
	const char *wanted = disk->block ? "dev" : "file", *other = disk->block ? "file" : "dev";
	xmlChar *value = xmlGetNoNsProp(node, BAD_CAST wanted);

	if (!value)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<source>: the attribute '%s' is required", wanted);
	disk->source = strdup((const char *)value);
	xmlFree(value);
	if (!disk->source)
		return no_memory(error);
	if (xmlHasProp(node, BAD_CAST other))
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<source>: attribute '%s' of another type", other);
	return true;
}

static bool read_disk(struct domain_disk *disk, xmlNodePtr node, struct domain_error *error)
{
	static const char *const types[] = { "file", "block", NULL };
	static const char *const discards[] = { "ignore", "unmap", NULL };
	xmlNodePtr driver = domain_xml_child(node, "driver");
	xmlNodePtr serial = domain_xml_child(node, "serial");
	xmlNodePtr blocks = domain_xml_child(node, "blockio");

	disk->line = domain_xml_line(node);
	disk->block = choice(node, "type", types, 0);
	disk->format = (enum domain_format)choice(driver, "type", formats, DOMAIN_RAW);
	disk->cache = (enum domain_cache)choice(driver, "cache", caches, DOMAIN_CACHE_WRITEBACK);
	disk->discard = choice(driver, "discard", discards, 0);
	disk->read_only = domain_xml_child(node, "readonly");
	disk->logical_block = domain_xml_number(blocks, "logical_block_size");
	disk->physical_block = domain_xml_number(blocks, "physical_block_size");
	domain_xml_attribute(domain_xml_child(node, "target"), "dev", disk->target,
			     sizeof(disk->target));
	if (serial) {
		disk->serial = domain_xml_text(serial);
		if (!disk->serial)
			return no_memory(error);
	}
	if (disk->block && disk->format != DOMAIN_RAW)
		return domain_complain(error, DOMAIN_UNSUPPORTED, domain_xml_line(driver),
				       "<driver>: type '%s' needs a disk of type 'file'",
				       formats[disk->format]);
	if (disk->physical_block && disk->physical_block < disk->logical_block)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(blocks),
				       "<blockio>: the physical size is less than the logical one");
	return take_source(disk, domain_xml_child(node, "source"), error);
}

static bool take_disk(struct domain *domain, xmlNodePtr node, struct domain_error *error)
{
	struct domain_disk disk = { 0 };
	bool good = read_disk(&disk, node, error) && check_disk(domain, &disk, error) &&
		    (add_disk(domain, &disk) || no_memory(error));

	disk_free(&disk);
	return good;
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool same_port(const struct domain_forward *a, const struct domain_forward *b)
{
	return a->udp == b->udp && a->host == b->host && strcmp(a->address, b->address) == 0;
}

static bool add_forward(struct domain_card *card, const struct domain_forward *forward,
			xmlNodePtr node, struct domain_error *error)
{
	struct domain_forward *forwards;

	if (card->forward_count >= DOMAIN_FORWARDS_MAX)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<range>: more than %u", DOMAIN_FORWARDS_MAX);
	for (size_t i = 0; i < card->forward_count; i++) {
		if (same_port(&card->forwards[i], forward))
			return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
					       "<range>: port %u is there twice", forward->host);
	}
	forwards = reallocarray(card->forwards, card->forward_count + 1, sizeof(*forwards));
	if (!forwards)
		return no_memory(error);
	forwards[card->forward_count++] = *forward;
	card->forwards = forwards;
	return true;
}

static bool take_forward(struct domain_card *card, xmlNodePtr node, struct domain_error *error)
{
	static const char *const protocols[] = { "tcp", "udp", NULL };
	struct domain_forward forward = { .udp = choice(node, "proto", protocols, 0) };

	if (domain_xml_attribute(node, "address", forward.address, sizeof(forward.address)) &&
	    !is_address(forward.address))
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<portForward>: '%s' is not an address", forward.address);
	for (xmlNodePtr at = node->children; at; at = at->next) {
		if (at->type != XML_ELEMENT_NODE)
			continue;
		forward.host = (uint16_t)domain_xml_number(at, "start");
		forward.guest = (uint16_t)domain_xml_number(at, "to");
		if (!forward.guest)
			forward.guest = forward.host;
		if (!add_forward(card, &forward, at, error))
			return false;
	}
	return true;
}

void domain_xml_mac(xmlNodePtr node, const char *name, uint8_t mac[static 6])
{
	char text[DOMAIN_MAC_TEXT];

	if (!domain_xml_attribute(node, name, text, sizeof(text)))
		return;
	for (size_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
}

/* Where a card leads: in the attribute that its type says and, with a bridge, in no other. */
static bool check_source(const struct domain_card *card, xmlNodePtr node,
			 struct domain_error *error)
{
	bool bridge = card->network == DOMAIN_BRIDGE;

	if (!bridge && card->network != DOMAIN_NETWORK)
		return true;
	if (!node)
		return domain_complain(error, DOMAIN_BAD, card->line,
				       "<interface>: a <source> with the %s is missing",
				       bridge ? "bridge" : "network");
	if (!(bridge ? card->bridge : card->source)[0])
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<source>: the attribute '%s' is required",
				       bridge ? "bridge" : "network");
	if (bridge && card->source[0])
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<source>: attribute 'network' of another type");
	return true;
}

/* What belongs to another type of interface than this is, or is missing for it. */
static bool check_network(const struct domain_card *card, xmlNodePtr node,
			  struct domain_error *error)
{
	static const struct {
		const char *name;
		unsigned int of; /* bits of enum domain_network */
	} parts[] = {
		{ "source", 1u << DOMAIN_BRIDGE | 1u << DOMAIN_NETWORK },
		{ "target", 1u << DOMAIN_BRIDGE | 1u << DOMAIN_NETWORK | 1u << DOMAIN_ETHERNET },
		{ "driver", 1u << DOMAIN_BRIDGE | 1u << DOMAIN_NETWORK | 1u << DOMAIN_ETHERNET },
		{ "portForward", 1u << DOMAIN_USER },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		xmlNodePtr part = domain_xml_child(node, parts[i].name);

		if (part && !(parts[i].of >> card->network & 1))
			return domain_complain(error, DOMAIN_BAD, domain_xml_line(part),
					       "<%s>: not with an interface of type '%s'",
					       parts[i].name, networks[card->network]);
	}
	return check_source(card, domain_xml_child(node, "source"), error);
}

static bool read_card(struct domain_card *card, xmlNodePtr node, struct domain_error *error)
{
	static const char *const states[] = { "up", "down", NULL };
	static const uint8_t zero[6];
	xmlNodePtr mac = domain_xml_child(node, "mac");

	card->line = domain_xml_line(node);
	card->network = (enum domain_network)choice(node, "type", networks, DOMAIN_USER);
	domain_xml_mac(mac, "address", card->mac);
	card->mtu = domain_xml_number(domain_xml_child(node, "mtu"), "size");
	card->queues = domain_xml_number(domain_xml_child(node, "driver"), "queues");
	card->unplugged = choice(domain_xml_child(node, "link"), "state", states, 0);
	domain_xml_attribute(domain_xml_child(node, "source"), "bridge", card->bridge,
			     sizeof(card->bridge));
	domain_xml_attribute(domain_xml_child(node, "source"), "network", card->source,
			     sizeof(card->source));
	domain_xml_attribute(domain_xml_child(node, "target"), "dev", card->target,
			     sizeof(card->target));
	if (mac && memcmp(card->mac, zero, sizeof(zero)) == 0)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(mac),
				       "<mac>: the address of nothing");
	if (!check_network(card, node, error))
		return false;
	for (xmlNodePtr at = node->children; at; at = at->next) {
		if (at->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)at->name, "portForward") == 0 &&
		    !take_forward(card, at, error))
			return false;
	}
	return true;
}

static bool take_card(struct domain *domain, xmlNodePtr node, struct domain_error *error)
{
	struct domain_card card = { 0 };
	bool good = read_card(&card, node, error) && check_card(domain, &card, error) &&
		    (add_card(domain, &card) || no_memory(error));

	free(card.forwards);
	return good;
}

static bool take_input(struct domain *domain, xmlNodePtr node, struct domain_error *error)
{
	static const char *const types[] = { "keyboard", "mouse", NULL };
	unsigned int type = choice(node, "type", types, 0);
	bool *there = type ? &domain->mouse : &domain->keyboard;

	if (*there)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<input>: the %s is there twice", types[type]);
	*there = true;
	return true;
}

bool domain_take_device(struct domain *domain, xmlNodePtr node, struct domain_error *error)
{
	const char *name = (const char *)node->name;

	if (strcmp(name, "disk") == 0)
		return take_disk(domain, node, error);
	if (strcmp(name, "interface") == 0)
		return take_card(domain, node, error);
	if (strcmp(name, "video") == 0)
		return domain_take_video(domain, node, error);
	return strcmp(name, "input") != 0 || take_input(domain, node, error);
}
