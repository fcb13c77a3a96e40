/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a document that the schema allows to a struct domain, see domain.h. The
 * schema has bounded every number's text and every name; what it cannot say is
 * checked here, with the line where it stands.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain-xml.h"

/* More than any machine has; keeps sums of sizes in range. */
#define MEMORY_MAX (UINT64_C(1) << 46)

#define KB UINT64_C(1000)
#define KIB UINT64_C(1024)

struct parse {
	struct domain *domain;
	struct domain_error *error;
};

unsigned int domain_xml_line(const xmlNode *node)
{
	long line = xmlGetLineNo((xmlNodePtr)(uintptr_t)node);

	return line > 0 ? (unsigned int)line : 0;
}

xmlNodePtr domain_xml_child(xmlNodePtr parent, const char *name)
{
	for (xmlNodePtr at = parent ? parent->children : NULL; at; at = at->next) {
		if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0)
			return at;
	}
	return NULL;
}

static bool no_memory(struct parse *parse)
{
	return domain_complain(parse->error, DOMAIN_FAILED, 0, "out of memory");
}

static void trim(char *text)
{
	size_t begin = strspn(text, " \t\r\n"), length;

	memmove(text, text + begin, strlen(text + begin) + 1);
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
}

char *domain_xml_text(xmlNodePtr node)
{
	xmlChar *content = xmlNodeGetContent(node);
	char *text = content ? strdup((const char *)content) : NULL;

	xmlFree(content);
	return text;
}

/* The same into *text, which stays NULL without the element. */
static bool take_text(struct parse *parse, xmlNodePtr node, char **text)
{
	if (node)
		*text = domain_xml_text(node);
	return !node || *text || no_memory(parse);
}

bool domain_xml_attribute(xmlNodePtr node, const char *name, char *text, size_t size)
{
	xmlChar *value = node ? xmlGetNoNsProp(node, BAD_CAST name) : NULL;
	bool fits = value && strlen((const char *)value) < size;

	if (fits)
		memcpy(text, value, strlen((const char *)value) + 1);
	xmlFree(value);
	return fits;
}

static bool is_on(xmlNodePtr node)
{
	char state[8];

	return domain_xml_attribute(node, "state", state, sizeof(state)) &&
	       strcmp(state, "on") == 0;
}

bool domain_xml_element_number(xmlNodePtr node, uint64_t otherwise, uint64_t *number,
			       struct domain_error *error)
{
	char *text;

	*number = otherwise;
	if (!node)
		return true;
	text = domain_xml_text(node);
	if (!text)
		return domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
	*number = strtoull(text, NULL, 10);
	free(text);
	return true;
}

static bool take_number(struct parse *parse, xmlNodePtr node, uint64_t otherwise, uint64_t *number)
{
	return domain_xml_element_number(node, otherwise, number, parse->error);
}

static uint64_t unit_of(xmlNodePtr node)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{ "b", 1 },
		{ "bytes", 1 },
		{ "KB", KB },
		{ "k", KIB },
		{ "KiB", KIB },
		{ "MB", KB * KB },
		{ "M", KIB * KIB },
		{ "MiB", KIB * KIB },
		{ "GB", KB * KB * KB },
		{ "G", KIB * KIB * KIB },
		{ "GiB", KIB * KIB * KIB },
		{ "TB", KB * KB * KB * KB },
		{ "T", KIB * KIB * KIB * KIB },
		{ "TiB", KIB * KIB * KIB * KIB },
	};
	char unit[8];

	if (!domain_xml_attribute(node, "unit", unit, sizeof(unit)))
		return KIB;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, unit) == 0)
			return units[i].bytes;
	}
	return KIB;
}

bool domain_xml_size(xmlNodePtr node, uint64_t *bytes, struct domain_error *error)
{
	uint64_t number, unit = unit_of(node);

	if (!domain_xml_element_number(node, 0, &number, error))
		return false;
	if (!number || number > MEMORY_MAX / unit)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<%s>: not a size that memory can have",
				       (const char *)node->name);
	*bytes = number * unit;
	return true;
}

/* Bytes; 0 without the element. */
static bool take_memory(struct parse *parse, xmlNodePtr node, uint64_t *bytes)
{
	*bytes = 0;
	return !node || domain_xml_size(node, bytes, parse->error);
}

static bool take_uuid(struct parse *parse, xmlNodePtr node)
{
	char *text = NULL, plain[33];
	size_t length = 0;

	if (!take_text(parse, node, &text))
		return false;
	for (size_t i = 0; text && text[i]; i++) {
		if (isxdigit((unsigned char)text[i]) && length < 32)
			plain[length++] = text[i];
	}
	plain[length] = '\0';
	free(text);
	parse->domain->lines.uuid = node ? domain_xml_line(node) : 0;
	if (node && (sd_id128_from_string(plain, &parse->domain->uuid) < 0 ||
		     sd_id128_is_null(parse->domain->uuid)))
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(node),
				       "<uuid>: the UUID of nothing");
	return true;
}

static bool take_names(struct parse *parse, xmlNodePtr root)
{
	struct domain *domain = parse->domain;
	xmlNodePtr name = domain_xml_child(root, "name");

	if (!take_text(parse, name, &domain->name))
		return false;
	domain->lines.name = domain_xml_line(name);
	if (!domain_name_is_valid(domain->name))
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(name),
				       "<name>: '%s' could be taken for an id or a UUID",
				       domain->name);
	return take_uuid(parse, domain_xml_child(root, "uuid")) &&
	       take_text(parse, domain_xml_child(root, "title"), &domain->title) &&
	       take_text(parse, domain_xml_child(root, "description"), &domain->description);
}

/* The element as it stands, with the namespaces that it uses. */
static bool take_metadata(struct parse *parse, xmlNodePtr node)
{
	/* The copy has the declarations that the original has from around it. */
	xmlNodePtr copy = node ? xmlDocCopyNode(node, node->doc, 1) : NULL;
	xmlBufferPtr buffer = copy ? xmlBufferCreate() : NULL;

	if (buffer && xmlNodeDump(buffer, node->doc, copy, 0, 0) > 0)
		parse->domain->metadata = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	xmlFreeNode(copy);
	return !node || parse->domain->metadata || no_memory(parse);
}

static bool take_sizes(struct parse *parse, xmlNodePtr root)
{
	struct domain *domain = parse->domain;
	xmlNodePtr memory = domain_xml_child(root, "memory"),
		   current = domain_xml_child(root, "currentMemory");
	xmlNodePtr tune = domain_xml_child(root, "memtune");
	uint64_t current_bytes = 0;

	if (!take_memory(parse, memory, &domain->memory) ||
	    !take_memory(parse, current, &current_bytes) ||
	    !take_memory(parse, domain_xml_child(tune, "hard_limit"), &domain->hard_limit) ||
	    !take_memory(parse, domain_xml_child(tune, "min_guarantee"), &domain->min_guarantee))
		return false;
	domain->lines.memory = domain_xml_line(memory);
	domain->hugepages = domain_xml_child(domain_xml_child(root, "memoryBacking"), "hugepages");
	if (current && current_bytes > domain->memory)
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(current),
				       "<currentMemory>: more than <memory>");
	if (current && current_bytes < domain->memory)
		return domain_complain(parse->error, DOMAIN_UNSUPPORTED, domain_xml_line(current),
				       "<currentMemory>: less than <memory> is not supported");
	if (domain->hard_limit && domain->hard_limit < domain->memory)
		return domain_complain(parse->error, DOMAIN_BAD,
				       domain_xml_line(domain_xml_child(tune, "hard_limit")),
				       "<hard_limit>: less than <memory>");
	if (domain->min_guarantee > domain->memory)
		return domain_complain(parse->error, DOMAIN_BAD,
				       domain_xml_line(domain_xml_child(tune, "min_guarantee")),
				       "<min_guarantee>: more than <memory>");
	return true;
}

static bool take_cpuset(struct parse *parse, xmlNodePtr node, struct cpuset *cpus)
{
	xmlChar *text = node ? xmlGetNoNsProp(node, BAD_CAST "cpuset") : NULL;
	bool good = !text || cpuset_parse(cpus, (const char *)text);

	if (!good)
		domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(node),
				"<%s>: '%.80s' is not a set of CPUs below %u",
				(const char *)node->name, (const char *)text, CPUSET_MAX);
	xmlFree(text);
	return good;
}

static bool take_pin(struct parse *parse, xmlNodePtr node)
{
	struct domain *domain = parse->domain;
	unsigned int line = domain_xml_line(node);
	char text[24];
	unsigned long vcpu;

	if (!domain_xml_attribute(node, "vcpu", text, sizeof(text)))
		return domain_complain(parse->error, DOMAIN_BAD, line,
				       "<vcpupin>: not a virtual processor");
	vcpu = strtoul(text, NULL, 10);
	if (vcpu >= domain->vcpus)
		return domain_complain(parse->error, DOMAIN_BAD, line,
				       "<vcpupin>: virtual processor %lu of %" PRIu32
				       " (they count from 0)",
				       vcpu, domain->vcpus);
	if (!cpuset_is_empty(&domain->pins[vcpu]))
		return domain_complain(parse->error, DOMAIN_BAD, line,
				       "<vcpupin>: virtual processor %lu is there twice", vcpu);
	domain->lines.pins[vcpu] = line;
	return take_cpuset(parse, node, &domain->pins[vcpu]);
}

static bool take_shares(struct parse *parse, xmlNodePtr tune)
{
	struct domain *domain = parse->domain;
	xmlNodePtr quota = domain_xml_child(tune, "quota"),
		   reserve = domain_xml_child(tune, "reserve");
	uint64_t weight, period, quota_us, reserve_us;
	uint64_t none = UINT64_MAX; /* as strtoull() reads -1 */

	if (!take_number(parse, domain_xml_child(tune, "shares"), DOMAIN_WEIGHT_DEFAULT, &weight) ||
	    !take_number(parse, domain_xml_child(tune, "period"), DOMAIN_PERIOD_DEFAULT, &period) ||
	    !take_number(parse, quota, none, &quota_us) ||
	    !take_number(parse, reserve, 0, &reserve_us))
		return false;
	if (!quota_us)
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(quota),
				       "<quota>: no time at all (-1 is no cap)");
	if (quota_us != none && quota_us > period)
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(quota),
				       "<quota>: more than <period>");
	if (reserve_us > period)
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(reserve),
				       "<reserve>: more than <period>");
	if (reserve_us > quota_us)
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(reserve),
				       "<reserve>: more than <quota>");
	domain->weight = (uint32_t)weight;
	domain->period = (uint32_t)period;
	domain->quota = quota_us == none ? 0 : (uint32_t)quota_us;
	domain->reserve = (uint32_t)reserve_us;
	return true;
}

static bool take_cpus(struct parse *parse, xmlNodePtr root)
{
	xmlNodePtr vcpu = domain_xml_child(root, "vcpu"), tune = domain_xml_child(root, "cputune");
	uint64_t vcpus;

	if (!take_number(parse, vcpu, 1, &vcpus) ||
	    !take_cpuset(parse, vcpu, &parse->domain->cpus) || !take_shares(parse, tune))
		return false;
	parse->domain->vcpus = (uint32_t)vcpus;
	parse->domain->lines.vcpu = vcpu ? domain_xml_line(vcpu) : 0;
	for (xmlNodePtr at = tune ? tune->children : NULL; at; at = at->next) {
		if (at->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)at->name, "vcpupin") == 0 && !take_pin(parse, at))
			return false;
	}
	return true;
}

static bool take_os(struct parse *parse, xmlNodePtr root)
{
	struct domain *domain = parse->domain;
	xmlNodePtr os = domain_xml_child(root, "os"), initrd = domain_xml_child(os, "initrd");

	xmlNodePtr kernel = domain_xml_child(os, "kernel");
	xmlNodePtr features = domain_xml_child(root, "features");
	xmlNodePtr vmbus = domain_xml_child(features, "vmbus");

	/* Without a kernel it is the place where one could be. */
	domain->lines.kernel = domain_xml_line(kernel ? kernel : os);
	domain->lines.initrd = domain_xml_line(initrd ? initrd : os);
	domain->debug_exit = is_on(domain_xml_child(features, "debug-exit"));
	domain->no_vmbus = vmbus && !is_on(vmbus);
	domain->console = domain_xml_child(domain_xml_child(root, "devices"), "console");
	domain->serial = domain_xml_child(domain_xml_child(root, "devices"), "serial");
	return take_text(parse, kernel, &domain->kernel) &&
	       take_text(parse, initrd, &domain->initrd) &&
	       take_text(parse, domain_xml_child(os, "cmdline"), &domain->cmdline);
}

/* Without a kernel there is a disk, and no initrd, which only a kernel gets. */
static bool check_boot(struct parse *parse, xmlNodePtr root)
{
	const struct domain *domain = parse->domain;
	xmlNodePtr os = domain_xml_child(root, "os");

	if (!domain->kernel && domain->initrd)
		return domain_complain(parse->error, DOMAIN_BAD, domain->lines.initrd,
				       "<initrd>: without a <kernel>");
	if (!domain->kernel && !domain->disk_count)
		return domain_complain(parse->error, DOMAIN_BAD, domain_xml_line(os),
				       "<os>: neither a <kernel> nor a <disk> to boot from");
	return true;
}

static bool take_devices(struct parse *parse, xmlNodePtr devices)
{
	for (xmlNodePtr at = devices ? devices->children : NULL; at; at = at->next) {
		if (at->type == XML_ELEMENT_NODE &&
		    !domain_take_device(parse->domain, at, parse->error))
			return false;
	}
	return true;
}

static bool take_action(struct parse *parse, xmlNodePtr node, enum domain_action otherwise,
			enum domain_action *action)
{
	char *text = NULL;

	*action = otherwise;
	if (!take_text(parse, node, &text))
		return false;
	if (text)
		trim(text);
	for (int i = DOMAIN_DESTROY; text && i <= DOMAIN_PRESERVE; i++) {
		if (strcmp(text, domain_action_name((enum domain_action)i)) == 0)
			*action = (enum domain_action)i;
	}
	free(text);
	return true;
}

static bool take_all(struct parse *parse, xmlNodePtr root)
{
	struct domain *domain = parse->domain;

	return take_names(parse, root) &&
	       take_metadata(parse, domain_xml_child(root, "metadata")) &&
	       take_sizes(parse, root) && take_cpus(parse, root) && take_os(parse, root) &&
	       take_devices(parse, domain_xml_child(root, "devices")) && check_boot(parse, root) &&
	       take_action(parse, domain_xml_child(root, "on_poweroff"), DOMAIN_DESTROY,
			   &domain->on_poweroff) &&
	       take_action(parse, domain_xml_child(root, "on_reboot"), DOMAIN_RESTART,
			   &domain->on_reboot) &&
	       take_action(parse, domain_xml_child(root, "on_crash"), DOMAIN_DESTROY,
			   &domain->on_crash);
}

/* What a document says, by take. */
static struct domain *parse(const char *xml, size_t size, enum domain_document kind,
			    struct domain_error *error,
			    bool (*take)(struct parse *parse, xmlNodePtr root))
{
	struct parse parse = { .error = error };
	xmlDocPtr document = domain_xml_read(xml, size, error);

	if (!document)
		return NULL;
	if (domain_schema_check(document, kind, error)) {
		parse.domain = calloc(1, sizeof(*parse.domain));
		if (!parse.domain) {
			no_memory(&parse);
		} else if (!take(&parse, xmlDocGetRootElement(document))) {
			domain_free(parse.domain);
			parse.domain = NULL;
		}
	}
	xmlFreeDoc(document);
	return parse.domain;
}

struct domain *domain_parse(const char *xml, size_t size, struct domain_error *error)
{
	return parse(xml, size, DOMAIN_DOCUMENT, error, take_all);
}

static bool take_alone(struct parse *parse, xmlNodePtr root)
{
	return domain_take_device(parse->domain, root, parse->error);
}

struct domain *domain_parse_device(const char *xml, size_t size, struct domain_error *error)
{
	return parse(xml, size, DOMAIN_DEVICE, error, take_alone);
}

void domain_library_end(void)
{
	domain_schema_end();
}
