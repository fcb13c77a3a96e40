/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions of networks: what is read, and what is refused with which words. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "network.h"

static struct domain_error error;
static struct network network;

static bool parse(const char *xml)
{
	memset(&error, 0, sizeof(error));
	return network_parse(xml, strlen(xml), &network, &error);
}

/* The element of its address stands on line 4. */
static bool parse_ip(const char *ip)
{
	char xml[16384];

	snprintf(xml, sizeof(xml),
		 "<network>\n<name>lab</name>\n<bridge name='lab0'/>\n%s</network>\n", ip);
	return parse(xml);
}

static const char *text_of(struct in_addr address)
{
	static char text[INET_ADDRSTRLEN];

	return inet_ntop(AF_INET, &address, text, sizeof(text));
}

static void test_everything(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0xab };

	REQUIRE(parse("<network><ip address='10.1.2.1' netmask='255.255.254.0'><dhcp>"
		      "<range start='10.1.2.9' end='10.1.3.254'/>"
		      "<host mac='02:00:00:00:00:ab' ip='10.1.2.2'/></dhcp></ip>"
		      "<bridge name='lab-br.1'/><forward mode='nat'/><name>lab</name></network>"));
	CHECK_STR(network.name, "lab");
	CHECK_STR(network.bridge, "lab-br.1");
	CHECK(network.nat && network.dhcp);
	CHECK_STR(text_of(network.address), "10.1.2.1");
	CHECK_EQ(network.prefix, 23);
	CHECK_EQ(network_mask(&network), 0xfffffe00);
	CHECK_EQ(network_base(&network), 0x0a010200);
	CHECK_STR(text_of(network.first), "10.1.2.9");
	CHECK_STR(text_of(network.last), "10.1.3.254");
	REQUIRE(network.host_count == 1);
	CHECK_MEM(network.hosts[0].mac, mac, sizeof(mac));
	CHECK_STR(text_of(network.hosts[0].address), "10.1.2.2");
	REQUIRE(parse_ip("<ip address='192.168.5.1' prefix='30'/>"));
	CHECK(!network.nat && !network.dhcp && !network.host_count);
}

static void test_wrong(void)
{
	static const struct {
		const char *ip, *message;
	} rows[] = {
		{ "<ip address='10.0.0.1'/>",
		  "<ip>: one of the attributes 'netmask' and 'prefix' is required" },
		{ "<ip address='10.0.0.1' prefix='24' netmask='255.255.255.0'/>",
		  "<ip>: one of the attributes 'netmask' and 'prefix' is required" },
		{ "<ip address='10.0.0.1' netmask='255.0.255.0'/>",
		  "<ip>: netmask: not a mask of 8 to 30 bits" },
		{ "<ip address='10.0.0.1' netmask='255.255.255.255'/>",
		  "<ip>: netmask: not a mask of 8 to 30 bits" },
		{ "<ip address='10.0.0.1' netmask='0.0.0.0'/>",
		  "<ip>: netmask: not a mask of 8 to 30 bits" },
		{ "<ip address='10.0.0.1' prefix='31'/>", NULL },
		{ "<ip address='10.0.0' prefix='24'/>", NULL },
		{ "<ip address='10.0.0.256' prefix='24'/>",
		  "<ip>: address '10.0.0.256': not an IPv4 address" },
		{ "<ip address='10.0.0.0' prefix='24'/>",
		  "<ip>: address: not an address of a host in the network" },
		{ "<ip address='10.0.0.255' prefix='24'/>",
		  "<ip>: address: not an address of a host in the network" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp/></ip>", NULL },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.1.2' "
		  "end='10.0.0.9'/></dhcp></ip>",
		  "<range>: start: not an address of a host in the network" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.9' "
		  "end='10.0.0.2'/></dhcp></ip>",
		  "<range>: it ends before it starts" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' "
		  "end='10.0.0.9'/><host mac='02:00:00:00:00:01' ip='10.0.0.1'/></dhcp></ip>",
		  "<host>: ip: the parent's own address" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' "
		  "end='10.0.0.9'/><host mac='02:00:00:00:00:01' ip='10.0.0.2'/>"
		  "<host mac='02:00:00:00:00:01' ip='10.0.0.3'/></dhcp></ip>",
		  "<host>: there is one with that address already" },
		{ "<ip address='10.0.0.1' prefix='24'><dhpc/></ip>",
		  "<ip>: unknown element 'dhpc' (did you mean 'dhcp'?)" },
		{ "<ip address='10.0.0.1' prefix='24'/><forward mode='route'/>", NULL },
		{ "<ip address='10.0.0.1' prefix='24'/><name>two</name>",
		  "<network>: element 'name' is there twice" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("%s", rows[i].ip);
		CHECK(!parse_ip(rows[i].ip));
		CHECK_EQ(error.problem, DOMAIN_BAD);
		CHECK_EQ(error.line, 4);
		if (rows[i].message)
			CHECK_STR(error.message, rows[i].message);
	}
	CHECK_NOTE("roots");
	CHECK(!parse("<domain type='mullion'/>"));
	CHECK_STR(error.message, "<domain>: not a network's definition, which is a <network>");
	CHECK(!parse("<network><name>a b</name><bridge name='b'/>"
		     "<ip address='10.0.0.1' prefix='24'/></network>"));
	CHECK(!parse("<network><name>a</name><bridge name='sixteen-letters-'/>"
		     "<ip address='10.0.0.1' prefix='24'/></network>"));
	CHECK(!parse("<network><name>a</name><ip address='10.0.0.1' prefix='24'/></network>"));
	CHECK(!parse(""));
}

/* As many hosts as there may be, and one more. */
static void test_hosts(void)
{
	char ip[8192];
	size_t size;

	for (unsigned int count = NETWORK_HOSTS_MAX; count <= NETWORK_HOSTS_MAX + 1; count++) {
		size = (size_t)snprintf(ip, sizeof(ip),
					"<ip address='10.0.0.1' prefix='24'><dhcp>"
					"<range start='10.0.0.2' end='10.0.0.9'/>");
		for (unsigned int i = 0; i < count; i++)
			size += (size_t)snprintf(ip + size, sizeof(ip) - size,
						 "<host mac='02:00:00:00:00:%02x' ip='10.0.0.%u'/>",
						 i, i + 2);
		snprintf(ip + size, sizeof(ip) - size, "</dhcp></ip>");
		CHECK_EQ(parse_ip(ip), count == NETWORK_HOSTS_MAX);
	}
	CHECK_STR(error.message, "<host>: more than 64");
}

static bool find(const char *directory, const char *name)
{
	memset(&error, 0, sizeof(error));
	return network_find(directory, name, &network, &error);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.xml", directory, name);
	file = fopen(path, "we");
	REQUIRE(file && fputs(text, file) >= 0);
	fclose(file);
}

static void test_files(void)
{
	static const char lab[] = "<network><name>lab</name><bridge name='b'/>\n"
				  "<ip address='10.0.0.1' prefix='24'/></network>";
	char directory[] = "/tmp/network-test-XXXXXX", wanted[128], path[128];

	REQUIRE(mkdtemp(directory));
	CHECK(find(directory, "default"));
	CHECK_STR(network.name, "default");
	CHECK(network.nat && network.dhcp);
	CHECK(!find(directory, "lab"));
	snprintf(wanted, sizeof(wanted), "<source>: there is no network 'lab' (no %s/lab.xml)",
		 directory);
	CHECK_STR(error.message, wanted);
	write_file(directory, "lab", lab);
	CHECK(find(directory, "lab"));
	CHECK_STR(network.bridge, "b");
	/* One of that name takes the place of the one that is always there. */
	write_file(directory, "default", lab);
	CHECK(!find(directory, "default"));
	snprintf(wanted, sizeof(wanted), "%s/default.xml: it is that of the network 'lab'",
		 directory);
	CHECK_STR(error.message, wanted);
	write_file(directory, "default", "<network>\n<brigde/></network>");
	CHECK(!find(directory, "default"));
	snprintf(wanted, sizeof(wanted),
		 "%s/default.xml:2: <network>: unknown element 'brigde' (did you mean 'bridge'?)",
		 directory);
	CHECK_STR(error.message, wanted);
	CHECK_EQ(error.line, 0);
	for (const char *const *name = (const char *const[]){ "lab", "default", NULL }; *name;
	     name++) {
		snprintf(path, sizeof(path), "%s/%s.xml", directory, *name);
		unlink(path);
	}
	/* No file at all. */
	snprintf(path, sizeof(path), "%s/lab.xml", directory);
	REQUIRE(mkdir(path, 0700) == 0);
	CHECK(!find(directory, "lab"));
	CHECK_EQ(error.problem, DOMAIN_FAILED);
	rmdir(path);
	rmdir(directory);
}

int main(void)
{
	CHECK_RUN(test_everything);
	CHECK_RUN(test_wrong);
	CHECK_RUN(test_hosts);
	CHECK_RUN(test_files);
	domain_library_end();
	return check_done();
}
