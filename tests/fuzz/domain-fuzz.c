/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Definitions of partitions. An input is either the file itself or, since chance
 * finds no XML, a row of pieces of which files are made. What is read is written and
 * read again: it must be the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "fuzz.h"

static const char *const pieces[] = {
	"<domain type='mullion'>",
	"</domain>",
	"<name>vm</name>",
	"<uuid>0123456789abcdef0123456789abcdef</uuid>",
	"<memory>65536</memory>",
	"<memory unit='TiB'>",
	"</memory>",
	"<os><kernel>/k</kernel></os>",
	"<os><kernel>/k</kernel><initrd>/i</initrd><cmdline>a &amp; b</cmdline></os>",
	"<vcpu>2</vcpu>",
	"<vcpu cpuset='",
	"<cputune>",
	"</cputune>",
	"<vcpupin vcpu='0' cpuset='",
	"'/>",
	"'>",
	"<shares>5</shares>",
	"<period>1000</period>",
	"<quota>",
	"</quota>",
	"<reserve>3</reserve>",
	"0-3,^2",
	"4",
	"-1",
	"99999999999999999999",
	"<metadata>",
	"<a xmlns='urn:a'>",
	"</a>",
	"</metadata>",
	"<x:b xmlns:x='urn:x' x:c='d'/>",
	"<description>",
	"</description>",
	"<![CDATA[",
	"]]>",
	"<!--",
	"-->",
	"<?pi ?>",
	"<!DOCTYPE a [<!ENTITY b 'c'>]>",
	"&b;",
	"&lt;",
	"&#13;",
	"<?xml version='1.0' encoding='UTF-8'?>",
	"<devices><console type='pty'/></devices>",
	"<devices>",
	"</devices>",
	"<disk type='file'>",
	"<disk type='block' device='disk'>",
	"</disk>",
	"<source file='/a'/>",
	"<source dev='/b'/>",
	"<target dev='sda'/>",
	"<target dev='sdbl' bus='scsi'/>",
	"<driver type='qcow2' cache='none' discard='unmap'/>",
	"<readonly/>",
	"<interface type='user'>",
	"<interface type='bridge'>",
	"</interface>",
	"<mac address='02:00:00:00:00:01'/>",
	"<source bridge='br0'/>",
	"<portForward proto='udp' address='::1'>",
	"</portForward>",
	"<range start='80' to='8080'/>",
	"<link state='down'/>",
	"<input type='mouse' bus='vmbus'/>",
	"<os/>",
	"<memtune><hard_limit>65536</hard_limit></memtune>",
	"<currentMemory>65536</currentMemory>",
	"<on_crash>preserve</on_crash>",
	"<title>",
	"</title>",
	"\xc3\xa9",
	"\n",
	" ",
};

static void wrong(const char *what)
{
	fprintf(stderr, "domain: %s\n", what);
	abort();
}

/* Writes what was read, and expects to read the same. */
static void check_round_trip(const struct domain *domain)
{
	struct domain_error error = { 0 };
	char *text = domain_format(domain, NULL), *again;
	struct domain *back;

	if (!text)
		wrong("cannot be written");
	back = domain_parse(text, strlen(text), &error);
	if (!back)
		wrong(error.message);
	again = domain_format(back, NULL);
	if (!again || strcmp(text, again) != 0)
		wrong("is another one when it is read again");
	domain_free(back);
	free(again);
	free(text);
}

static void try(const char *xml, size_t size)
{
	struct domain_error error = { 0 };
	struct domain *domain = domain_parse(xml, size, &error);

	if (domain)
		check_round_trip(domain);
	else if (error.problem == DOMAIN_OK || !error.message[0] || strchr(error.message, '\n'))
		wrong("is refused without a proper reason");
	domain_free(domain);
}

/* A file that is nearly one, with the pieces in it. */
static size_t build(const uint8_t *data, size_t size, char *xml, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		const char *piece = pieces[data[i] % (sizeof(pieces) / sizeof(pieces[0]))];
		size_t length = strlen(piece);

		if (used + length > room)
			break;
		memcpy(xml + used, piece, length);
		used += length;
	}
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "<domain type='mullion'><name>vm</name><memory>65536</memory>"
				     "<os><kernel>/k</kernel></os>";
	static const char after[] = "</domain>";
	static char xml[16384];
	size_t used;

	if (!size)
		return 0;
	if (data[0] % 3 == 0) {
		try((const char *)data + 1, size - 1);
		return 0;
	}
	used = data[0] % 3 == 1 ? sizeof(before) - 1 : 0;
	memcpy(xml, before, used);
	used += build(data + 1, size - 1, xml + used, sizeof(xml) - used - sizeof(after));
	memcpy(xml + used, after, sizeof(after) - 1);
	used += sizeof(after) - 1;
	try(xml, used);
	return 0;
}
