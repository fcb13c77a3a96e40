/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest tells of itself, see guest.h. */
#include "guest.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "partition.h"

/* What the guest's daemon calls its entries (Linux, tools/hv/hv_kvp_daemon.c). */
#define OS_NAME "OSName"
#define OS_VERSION "OSVersion"
#define HOST_NAME "FullyQualifiedDomainName"
#define IPV4 "NetworkAddressIPv4"
#define IPV6 "NetworkAddressIPv6"

/* Returns whether it is another text than before. */
static bool take(char *to, size_t size, const char *text)
{
	char before[1024];

	snprintf(before, sizeof(before), "%s", to);
	partition_clean(to, size, text);
	return strcmp(before, to) != 0;
}

bool guest_take_event(struct guest *guest, sd_json_variant *event)
{
	bool changed = take(guest->version, sizeof(guest->version), json_text(event, "version"));

	return take(guest->heartbeat, sizeof(guest->heartbeat), json_text(event, "heartbeat")) ||
	       changed;
}

static const char *entry(sd_json_variant *entries, const char *key)
{
	size_t count = entries ? sd_json_variant_elements(entries) : 0;

	for (size_t i = 0; i < count; i++) {
		sd_json_variant *one = sd_json_variant_by_index(entries, i);

		if (strcmp(json_text(one, "key"), key) == 0)
			return json_text(one, "value");
	}
	return "";
}

/* Adds those of a list with semicolons between that are addresses, and not of one network
 * card alone. */
static void add_addresses(char *to, size_t size, int family, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, ";"), used = strlen(to);
		char text[INET6_ADDRSTRLEN], back[INET6_ADDRSTRLEN];
		struct in6_addr address;

		snprintf(text, sizeof(text), "%.*s", (int)(length > 63 ? 63 : length), list);
		list += length + (list[length] == ';');
		if (inet_pton(family, text, &address) != 1 ||
		    !inet_ntop(family, &address, back, sizeof(back)) ||
		    (family == AF_INET6 &&
		     (IN6_IS_ADDR_LINKLOCAL(&address) || IN6_IS_ADDR_LOOPBACK(&address))) ||
		    (family == AF_INET && back[0] == '1' && strncmp(back, "127.", 4) == 0) ||
		    used + strlen(back) + 2 > size)
			continue;
		snprintf(to + used, size - used, "%s%s", used ? " " : "", back);
	}
}

bool guest_take_status(struct guest *guest, sd_json_variant *status)
{
	sd_json_variant *entries = json_array(status, "entries");
	const char *version = entry(entries, OS_VERSION);
	char addresses[sizeof(guest->addresses)] = "", os[sizeof(guest->os)];
	bool changed = guest_take_event(guest, status);

	snprintf(os, sizeof(os), "%.120s%s%.120s", entry(entries, OS_NAME), version[0] ? " " : "",
		 version);
	add_addresses(addresses, sizeof(addresses), AF_INET, entry(entries, IPV4));
	add_addresses(addresses, sizeof(addresses), AF_INET6, entry(entries, IPV6));
	changed |= take(guest->os, sizeof(guest->os), os);
	changed |= take(guest->hostname, sizeof(guest->hostname), entry(entries, HOST_NAME));
	changed |= take(guest->addresses, sizeof(guest->addresses), addresses);
	return changed;
}

bool guest_take_screen(struct guest *guest, sd_json_variant *event)
{
	static const char *const sources[] = { "none", "video", "gpu" };
	const char *source = json_text(event, "source");

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		bool known = guest->screen[0];

		if (strcmp(sources[i], source) != 0 || strcmp(guest->screen, source) == 0)
			continue;
		snprintf(guest->screen, sizeof(guest->screen), "%s", sources[i]);
		return known || i > 0;
	}
	return false;
}

sd_json_variant *guest_addresses(const struct guest *guest)
{
	sd_json_variant *all = NULL;
	const char *at = guest->addresses;

	while (*at) {
		size_t length = strcspn(at, " ");
		char text[INET6_ADDRSTRLEN];

		snprintf(text, sizeof(text), "%.*s", (int)length, at);
		at += length + (at[length] == ' ');
		if (sd_json_variant_append_arrayb(&all, SD_JSON_BUILD_STRING(text)) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}
