/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions of networks, see network.h. */
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain-xml.h"

#define FILE_MAX ((size_t)65536) /* bytes */

static const char default_network[] =
	"<network>\n"
	"  <name>" NETWORK_DEFAULT "</name>\n"
	"  <forward mode='nat'/>\n"
	"  <bridge name='mullion0'/>\n"
	"  <ip address='192.168.231.1' prefix='24'>\n"
	"    <dhcp><range start='192.168.231.2' end='192.168.231.254'/></dhcp>\n"
	"  </ip>\n"
	"</network>\n";

uint32_t network_mask(const struct network *network)
{
	return network->prefix ? UINT32_MAX << (32 - network->prefix) : 0;
}

uint32_t network_base(const struct network *network)
{
	return ntohl(network->address.s_addr) & network_mask(network);
}

/* ---- addresses ---- */

/* False: the attribute is none, whatever the schema thinks of it. */
static bool take_address(xmlNodePtr node, const char *name, struct in_addr *address,
			 struct domain_error *error)
{
	char text[INET_ADDRSTRLEN] = "";

	domain_xml_attribute(node, name, text, sizeof(text));
	if (inet_pton(AF_INET, text, address) == 1)
		return true;
	return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
			       "<%s>: %s '%s': not an IPv4 address", (const char *)node->name, name,
			       text);
}

/* One that a host of the network can have. */
static bool take_host_address(const struct network *network, xmlNodePtr node, const char *name,
			      struct in_addr *address, struct domain_error *error)
{
	uint32_t host, hosts = ~network_mask(network);

	if (!take_address(node, name, address, error))
		return false;
	host = ntohl(address->s_addr);
	if ((host & ~hosts) == network_base(network) && (host & hosts) && (host & hosts) != hosts)
		return true;
	return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
			       "<%s>: %s: not an address of a host in the network",
			       (const char *)node->name, name);
}

/* The mask as its number of bits; 0: it is no mask. */
static unsigned int prefix_of(struct in_addr mask)
{
	uint32_t bits = ~ntohl(mask.s_addr);

	return bits & (bits + 1) ? 0 : 32 - (unsigned int)__builtin_popcount(bits);
}

static bool take_prefix(struct network *network, xmlNodePtr ip, struct domain_error *error)
{
	bool prefix = xmlHasProp(ip, BAD_CAST "prefix"), mask = xmlHasProp(ip, BAD_CAST "netmask");
	struct in_addr address;

	network->prefix = domain_xml_number(ip, "prefix");
	if (prefix == mask)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(ip),
				       "<ip>: one of the attributes 'netmask' and 'prefix' is "
				       "required");
	if (mask && !take_address(ip, "netmask", &address, error))
		return false;
	if (mask)
		network->prefix = prefix_of(address);
	if (network->prefix >= 8 && network->prefix <= 30)
		return true;
	return domain_complain(error, DOMAIN_BAD, domain_xml_line(ip),
			       "<ip>: netmask: not a mask of 8 to 30 bits");
}

/* ---- DHCP ---- */

static bool take_range(struct network *network, xmlNodePtr range, struct domain_error *error)
{
	if (!take_host_address(network, range, "start", &network->first, error) ||
	    !take_host_address(network, range, "end", &network->last, error))
		return false;
	if (ntohl(network->first.s_addr) <= ntohl(network->last.s_addr))
		return true;
	return domain_complain(error, DOMAIN_BAD, domain_xml_line(range),
			       "<range>: it ends before it starts");
}

static bool take_host(struct network *network, xmlNodePtr node, struct domain_error *error)
{
	struct network_host host = { 0 };

	if (network->host_count == NETWORK_HOSTS_MAX)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<host>: more than %u", NETWORK_HOSTS_MAX);
	domain_xml_mac(node, "mac", host.mac);
	if (!take_host_address(network, node, "ip", &host.address, error))
		return false;
	for (size_t i = 0; i < network->host_count; i++) {
		if (memcmp(network->hosts[i].mac, host.mac, sizeof(host.mac)) == 0 ||
		    network->hosts[i].address.s_addr == host.address.s_addr)
			return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
					       "<host>: there is one with that address already");
	}
	if (host.address.s_addr == network->address.s_addr)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<host>: ip: the parent's own address");
	network->hosts[network->host_count++] = host;
	return true;
}

static bool take_dhcp(struct network *network, xmlNodePtr dhcp, struct domain_error *error)
{
	if (!dhcp)
		return true;
	network->dhcp = true;
	if (!take_range(network, domain_xml_child(dhcp, "range"), error))
		return false;
	for (xmlNodePtr at = dhcp->children; at; at = at->next) {
		if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, "host") == 0 &&
		    !take_host(network, at, error))
			return false;
	}
	return true;
}

/* ---- the whole ---- */

static bool take_name(struct network *network, xmlNodePtr node, struct domain_error *error)
{
	char *text = domain_xml_text(node);

	if (!text)
		return domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
	snprintf(network->name, sizeof(network->name), "%s", text);
	free(text);
	return true;
}

static bool take_all(struct network *network, xmlNodePtr root, struct domain_error *error)
{
	xmlNodePtr ip = domain_xml_child(root, "ip");
	struct in_addr address;

	network->nat = domain_xml_child(root, "forward");
	domain_xml_attribute(domain_xml_child(root, "bridge"), "name", network->bridge,
			     sizeof(network->bridge));
	if (!take_name(network, domain_xml_child(root, "name"), error) ||
	    !take_address(ip, "address", &network->address, error) ||
	    !take_prefix(network, ip, error))
		return false;
	return take_host_address(network, ip, "address", &address, error) &&
	       take_dhcp(network, domain_xml_child(ip, "dhcp"), error);
}

bool network_parse(const char *xml, size_t size, struct network *network,
		   struct domain_error *error)
{
	xmlDocPtr document = domain_xml_read(xml, size, error);
	bool good;

	*network = (struct network){ 0 };
	if (!document)
		return false;
	good = domain_schema_check(document, DOMAIN_NETWORK_FILE, error) &&
	       take_all(network, xmlDocGetRootElement(document), error);
	xmlFreeDoc(document);
	return good;
}

/* The content of a file, to be freed; NULL with errno set. */
static char *read_all(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), error = EFBIG;
	struct stat status;
	char *text = NULL;
	ssize_t got;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		error = EINVAL;
	} else if (status.st_size <= (off_t)FILE_MAX) {
		text = malloc(FILE_MAX);
		got = text ? read(fd, text, FILE_MAX) : -1;
		error = errno;
		if (got >= 0) {
			*size = (size_t)got;
			close(fd);
			return text;
		}
	}
	free(text);
	close(fd);
	errno = error;
	return NULL;
}

static bool parse_file(const char *path, const char *name, const char *text, size_t size,
		       struct network *network, struct domain_error *error)
{
	struct domain_error found = { 0 };

	if (!network_parse(text, size, network, &found))
		return domain_complain(error, found.problem, 0, "%s:%u: %.180s", path, found.line,
				       found.message);
	if (strcmp(network->name, name) == 0)
		return true;
	return domain_complain(error, DOMAIN_BAD, 0, "%s: it is that of the network '%s'", path,
			       network->name);
}

bool network_find(const char *directory, const char *name, struct network *network,
		  struct domain_error *error)
{
	char path[128], *text;
	size_t size;
	bool good;

	*network = (struct network){ 0 };
	snprintf(path, sizeof(path), "%.80s/%s.xml", directory, name);
	text = read_all(path, &size);
	if (!text && errno == ENOENT && strcmp(name, NETWORK_DEFAULT) == 0)
		return network_parse(default_network, sizeof(default_network) - 1, network, error);
	if (!text && errno == ENOENT)
		return domain_complain(error, DOMAIN_BAD, 0,
				       "<source>: there is no network '%s' (no %s)", name, path);
	if (!text)
		return domain_complain(error, DOMAIN_FAILED, 0, "%s: %s", path, strerror(errno));
	good = parse_file(path, name, text, size, network, error);
	free(text);
	return good;
}
