/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Networks brought up, see bridge.h.
 *
 * What others are told lies in files: BRIDGE.nft (nft(8)) and BRIDGE.conf (sysctl.d(5))
 * for the unit, and a .network file for networkd. Before there is a bridge of that name
 * its rules are on their way: packets are forwarded only once those are in place, since
 * the unit does both.
 */
#include "bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn.h"

#define NETWORKD_DIRECTORY "/run/systemd/network"
#define TEXT_MAX 16384u

/* ---- files ---- */

/* What a network's files begin with: whose they are. */
#define OWNER "# Made by hvd for the network '%s'.\n"

struct text {
	char bytes[TEXT_MAX];
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->size, sizeof(text->bytes) - text->size, format,
			   arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text->bytes) - text->size)
		text->size += (size_t)length;
}

static const char *format_address(uint32_t address, char text[static INET_ADDRSTRLEN])
{
	struct in_addr in = { .s_addr = htonl(address) };

	inet_ntop(AF_INET, &in, text, INET_ADDRSTRLEN);
	return text;
}

/* For networkd (systemd.network(5)). */
static void put_network(struct text *out, const struct network *network)
{
	uint32_t base = network_base(network), first = ntohl(network->first.s_addr);
	char address[INET_ADDRSTRLEN], mac[DOMAIN_MAC_TEXT];

	add(out, OWNER "[Match]\nName=%s\n\n[Link]\nRequiredForOnline=no\n\n", network->name,
	    network->bridge);
	add(out,
	    "[Network]\nAddress=%s/%u\nConfigureWithoutCarrier=yes\nLinkLocalAddressing=no\n"
	    "IPv6AcceptRA=no\nDHCPServer=%s\n",
	    format_address(ntohl(network->address.s_addr), address), network->prefix,
	    network->dhcp ? "yes" : "no");
	if (!network->dhcp)
		return;
	add(out, "\n[DHCPServer]\nPoolOffset=%" PRIu32 "\nPoolSize=%" PRIu32 "\n", first - base,
	    ntohl(network->last.s_addr) - first + 1);
	if (!network->nat)
		add(out, "EmitRouter=no\nEmitDNS=no\nEmitNTP=no\n");
	for (size_t i = 0; i < network->host_count; i++) {
		domain_mac_format(network->hosts[i].mac, mac);
		add(out, "\n[DHCPServerStaticLease]\nMACAddress=%s\nAddress=%s\n", mac,
		    format_address(ntohl(network->hosts[i].address.s_addr), address));
	}
}

/* For nft: a table of its own, put in place of the one before. */
static void put_rules(struct text *out, const struct network *network)
{
	const char *bridge = network->bridge;
	char base[INET_ADDRSTRLEN];

	format_address(network_base(network), base);
	add(out, OWNER "destroy table inet mullion_%s\ntable inet mullion_%s {\n", network->name,
	    bridge, bridge);
	add(out, "\tchain forward {\n\t\ttype filter hook forward priority filter;\n");
	/* Where frames of a bridge come here too (br_netfilter). */
	add(out, "\t\tiifname \"%s\" oifname \"%s\" accept\n", bridge, bridge);
	if (network->nat) {
		add(out, "\t\toifname \"%s\" ct state established,related accept\n", bridge);
		add(out, "\t\tiifname \"%s\" ip saddr %s/%u accept\n", bridge, base,
		    network->prefix);
	}
	add(out, "\t\tiifname \"%s\" drop\n\t\toifname \"%s\" drop\n\t}\n", bridge, bridge);
	if (network->nat)
		add(out,
		    "\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat;\n"
		    "\t\tip saddr %s/%u ip daddr != { %s/%u, 224.0.0.0/4, 255.255.255.255 } "
		    "masquerade\n\t}\n",
		    base, network->prefix, base, network->prefix);
	add(out, "}\n");
}

static void put_settings(struct text *out, const struct network *network)
{
	add(out, OWNER "%s", network->name, network->nat ? "net.ipv4.ip_forward = 1\n" : "");
}

/* 0 or an errno. *changed: the file was another one. */
static int write_file(const char *path, const struct text *text, bool *changed)
{
	char before[TEXT_MAX], next[160];
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	ssize_t size = fd < 0 ? -1 : read(fd, before, sizeof(before));

	if (fd >= 0)
		close(fd);
	if (size == (ssize_t)text->size && memcmp(before, text->bytes, text->size) == 0)
		return 0;
	*changed = true;
	snprintf(next, sizeof(next), "%s.next", path);
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return errno;
	/* networkd is nobody special. */
	if (fchmod(fd, 0644) < 0 || write(fd, text->bytes, text->size) != (ssize_t)text->size)
		error = errno ? errno : EIO;
	close(fd);
	if (!error && rename(next, path) < 0)
		error = errno;
	if (error)
		unlink(next);
	return error;
}

static bool write_by(const char *path, const struct network *network,
		     void (*put)(struct text *out, const struct network *network), bool *changed,
		     struct failure *failure)
{
	struct text text = { 0 };
	int error;

	put(&text, network);
	error = write_file(path, &text, changed);
	return !error || fail_errno(failure, error, "the network '%s': %s", network->name, path);
}

static bool make_directory(const char *path, struct failure *failure)
{
	if (mkdir(path, 0755) == 0) {
		/* As networkd has to read it. */
		chmod(path, 0755);
		return true;
	}
	return errno == EEXIST || fail_errno(failure, errno, "%s", path);
}

/* Two networks of one bridge would take it from each other. */
static bool check_owner(const char *path, const struct network *network, struct failure *failure)
{
	char owner[128], line[128] = "";
	FILE *file = fopen(path, "re");

	if (!file)
		return true;
	snprintf(owner, sizeof(owner), OWNER, network->name);
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	if (!line[0] || strcmp(line, owner) == 0)
		return true;
	return fail(failure, FAILURE_BAD_CONFIGURATION,
		    "the network '%s': its bridge '%s' is that of another network", network->name,
		    network->bridge);
}

static bool write_files(const struct hvd *hvd, const struct network *network, bool *rules,
			bool *configuration, struct failure *failure)
{
	char directory[128], path[160];

	snprintf(directory, sizeof(directory), "%.100s/network", hvd->settings.run);
	if (!make_directory(directory, failure) || !make_directory(NETWORKD_DIRECTORY, failure))
		return false;
	snprintf(path, sizeof(path), "%s/%s.nft", directory, network->bridge);
	if (!check_owner(path, network, failure) ||
	    !write_by(path, network, put_rules, rules, failure))
		return false;
	snprintf(path, sizeof(path), "%s/%s.conf", directory, network->bridge);
	if (!write_by(path, network, put_settings, rules, failure))
		return false;
	snprintf(path, sizeof(path), NETWORKD_DIRECTORY "/10-mullion-%s.network", network->bridge);
	return write_by(path, network, put_network, configuration, failure);
}

/* ---- what is there ---- */

struct route {
	const char *interface;
	uint32_t destination, mask; /* in network byte order */
};

/* One of the lines; what is no route has no mask. */
static bool read_route(char *line, struct route *route)
{
	char *fields[8];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		fields[i] = strsep(&line, "\t");
		if (!fields[i])
			return false;
	}
	route->interface = fields[0];
	route->destination = (uint32_t)strtoul(fields[1], NULL, 16);
	route->mask = (uint32_t)strtoul(fields[7], NULL, 16);
	return true;
}

/* A route of the parent's to some of the network's addresses, by another interface
 * (proc_pid_net(5), route). */
static bool check_routes(const struct network *network, struct failure *failure)
{
	uint32_t base = network_base(network), mask = network_mask(network), common;
	FILE *file = fopen("/proc/net/route", "re");
	struct route route;
	bool good = true;
	char line[256];

	while (file && good && fgets(line, sizeof(line), file)) {
		if (!read_route(line, &route) || !route.mask ||
		    strcmp(route.interface, network->bridge) == 0)
			continue;
		common = ntohl(route.mask) & mask;
		if ((ntohl(route.destination) & common) == (base & common))
			good = fail(failure, FAILURE_BAD_CONFIGURATION,
				    "the network '%s': its addresses are those of the parent's "
				    "'%s' too",
				    network->name, route.interface);
	}
	if (file)
		fclose(file);
	return good;
}

/* What has the bridge's name is one. */
static bool check_name(const struct network *network, bool *there, struct failure *failure)
{
	char path[64];

	*there = if_nametoindex(network->bridge);
	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", network->bridge);
	if (!*there || access(path, F_OK) == 0)
		return true;
	return fail(failure, FAILURE_BAD_CONFIGURATION, "the network '%s': '%s' is no bridge",
		    network->name, network->bridge);
}

static bool make_bridge(const struct network *network, struct failure *failure)
{
	int any_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (any_socket < 0 ||
	    (ioctl(any_socket, SIOCBRADDBR, network->bridge) < 0 && errno != EEXIST))
		error = errno;
	if (any_socket >= 0)
		close(any_socket);
	return !error || fail_errno(failure, error, "the network '%s': its bridge '%s'",
				    network->name, network->bridge);
}

bool bridge_need(struct hvd *hvd, const struct network *network, struct failure *failure)
{
	bool there, rules = false, configuration = false;

	if (hvd->settings.programs[PEER_WORKER])
		return fail(failure, FAILURE_UNSUPPORTED,
			    "the network '%s': there is no systemd to serve it", network->name);
	if (!check_name(network, &there, failure) || !check_routes(network, failure) ||
	    !write_files(hvd, network, &rules, &configuration, failure) ||
	    !spawner_need_network(hvd->spawner, network->bridge, rules, configuration || !there,
				  failure))
		return false;
	return there || make_bridge(network, failure);
}
