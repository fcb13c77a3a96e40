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

static unsigned int line_of(const xmlNode *node)
{
	long line = xmlGetLineNo((xmlNodePtr)(uintptr_t)node);

	return line > 0 ? (unsigned int)line : 0;
}

/* The child element by that name; NULL: there is none, or no parent to have it. */
static xmlNodePtr child(xmlNodePtr parent, const char *name)
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

/* The text of an element, to be freed; NULL: no memory. */
static char *text_of(xmlNodePtr node)
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
		*text = text_of(node);
	return !node || *text || no_memory(parse);
}

/* The text of an attribute in a buffer; false: not there, or longer than any of ours. */
static bool attribute(xmlNodePtr node, const char *name, char *text, size_t size)
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

	return attribute(node, "state", state, sizeof(state)) && strcmp(state, "on") == 0;
}

/* A number that the schema has bounded; otherwise without the element. */
static bool take_number(struct parse *parse, xmlNodePtr node, uint64_t otherwise, uint64_t *number)
{
	char *text = NULL;

	*number = otherwise;
	if (!node)
		return true;
	if (!take_text(parse, node, &text))
		return false;
	*number = strtoull(text, NULL, 10);
	free(text);
	return true;
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

	if (!attribute(node, "unit", unit, sizeof(unit)))
		return KIB;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, unit) == 0)
			return units[i].bytes;
	}
	return KIB;
}

/* Bytes; 0 without the element. */
static bool take_memory(struct parse *parse, xmlNodePtr node, uint64_t *bytes)
{
	uint64_t number, unit;

	if (!take_number(parse, node, 0, &number))
		return false;
	unit = unit_of(node);
	if (node && (!number || number > MEMORY_MAX / unit))
		return domain_complain(parse->error, DOMAIN_BAD, line_of(node),
				       "<%s>: not a size that memory can have",
				       (const char *)node->name);
	*bytes = number * unit;
	return true;
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
	parse->domain->lines.uuid = node ? line_of(node) : 0;
	if (node && (sd_id128_from_string(plain, &parse->domain->uuid) < 0 ||
		     sd_id128_is_null(parse->domain->uuid)))
		return domain_complain(parse->error, DOMAIN_BAD, line_of(node),
				       "<uuid>: the UUID of nothing");
	return true;
}

static bool take_names(struct parse *parse, xmlNodePtr root)
{
	struct domain *domain = parse->domain;
	xmlNodePtr name = child(root, "name");

	if (!take_text(parse, name, &domain->name))
		return false;
	domain->lines.name = line_of(name);
	if (!domain_name_is_valid(domain->name))
		return domain_complain(parse->error, DOMAIN_BAD, line_of(name),
				       "<name>: '%s' could be taken for an id or a UUID",
				       domain->name);
	return take_uuid(parse, child(root, "uuid")) &&
	       take_text(parse, child(root, "title"), &domain->title) &&
	       take_text(parse, child(root, "description"), &domain->description);
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
	xmlNodePtr memory = child(root, "memory"), current = child(root, "currentMemory");
	xmlNodePtr tune = child(root, "memtune");
	uint64_t current_bytes = 0;

	if (!take_memory(parse, memory, &domain->memory) ||
	    !take_memory(parse, current, &current_bytes) ||
	    !take_memory(parse, child(tune, "hard_limit"), &domain->hard_limit) ||
	    !take_memory(parse, child(tune, "min_guarantee"), &domain->min_guarantee))
		return false;
	domain->lines.memory = line_of(memory);
	domain->hugepages = child(child(root, "memoryBacking"), "hugepages");
	if (current && current_bytes > domain->memory)
		return domain_complain(parse->error, DOMAIN_BAD, line_of(current),
				       "<currentMemory>: more than <memory>");
	if (current && current_bytes < domain->memory)
		return domain_complain(parse->error, DOMAIN_UNSUPPORTED, line_of(current),
				       "<currentMemory>: less than <memory> is not supported");
	if (domain->hard_limit && domain->hard_limit < domain->memory)
		return domain_complain(parse->error, DOMAIN_BAD, line_of(child(tune, "hard_limit")),
				       "<hard_limit>: less than <memory>");
	if (domain->min_guarantee > domain->memory)
		return domain_complain(parse->error, DOMAIN_BAD,
				       line_of(child(tune, "min_guarantee")),
				       "<min_guarantee>: more than <memory>");
	return true;
}

static bool take_cpuset(struct parse *parse, xmlNodePtr node, struct cpuset *cpus)
{
	xmlChar *text = node ? xmlGetNoNsProp(node, BAD_CAST "cpuset") : NULL;
	bool good = !text || cpuset_parse(cpus, (const char *)text);

	if (!good)
		domain_complain(parse->error, DOMAIN_BAD, line_of(node),
				"<%s>: '%.80s' is not a set of CPUs below %u",
				(const char *)node->name, (const char *)text, CPUSET_MAX);
	xmlFree(text);
	return good;
}

static bool take_pin(struct parse *parse, xmlNodePtr node)
{
	struct domain *domain = parse->domain;
	unsigned int line = line_of(node);
	char text[24];
	unsigned long vcpu;

	if (!attribute(node, "vcpu", text, sizeof(text)))
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
	xmlNodePtr quota = child(tune, "quota"), reserve = child(tune, "reserve");
	uint64_t weight, period, quota_us, reserve_us;
	uint64_t none = UINT64_MAX; /* as strtoull() reads -1 */

	if (!take_number(parse, child(tune, "shares"), DOMAIN_WEIGHT_DEFAULT, &weight) ||
	    !take_number(parse, child(tune, "period"), DOMAIN_PERIOD_DEFAULT, &period) ||
	    !take_number(parse, quota, none, &quota_us) ||
	    !take_number(parse, reserve, 0, &reserve_us))
		return false;
	if (!quota_us)
		return domain_complain(parse->error, DOMAIN_BAD, line_of(quota),
				       "<quota>: no time at all (-1 is no cap)");
	if (quota_us != none && quota_us > period)
		return domain_complain(parse->error, DOMAIN_BAD, line_of(quota),
				       "<quota>: more than <period>");
	if (reserve_us > period)
		return domain_complain(parse->error, DOMAIN_BAD, line_of(reserve),
				       "<reserve>: more than <period>");
	if (reserve_us > quota_us)
		return domain_complain(parse->error, DOMAIN_BAD, line_of(reserve),
				       "<reserve>: more than <quota>");
	domain->weight = (uint32_t)weight;
	domain->period = (uint32_t)period;
	domain->quota = quota_us == none ? 0 : (uint32_t)quota_us;
	domain->reserve = (uint32_t)reserve_us;
	return true;
}

static bool take_cpus(struct parse *parse, xmlNodePtr root)
{
	xmlNodePtr vcpu = child(root, "vcpu"), tune = child(root, "cputune");
	uint64_t vcpus;

	if (!take_number(parse, vcpu, 1, &vcpus) ||
	    !take_cpuset(parse, vcpu, &parse->domain->cpus) || !take_shares(parse, tune))
		return false;
	parse->domain->vcpus = (uint32_t)vcpus;
	parse->domain->lines.vcpu = vcpu ? line_of(vcpu) : 0;
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
	xmlNodePtr os = child(root, "os"), initrd = child(os, "initrd");

	domain->lines.kernel = line_of(child(os, "kernel"));
	domain->lines.initrd = initrd ? line_of(initrd) : 0;
	domain->debug_exit = is_on(child(child(root, "features"), "debug-exit"));
	domain->console = child(child(root, "devices"), "console");
	domain->serial = child(child(root, "devices"), "serial");
	return take_text(parse, child(os, "kernel"), &domain->kernel) &&
	       take_text(parse, initrd, &domain->initrd) &&
	       take_text(parse, child(os, "cmdline"), &domain->cmdline);
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

	return take_names(parse, root) && take_metadata(parse, child(root, "metadata")) &&
	       take_sizes(parse, root) && take_cpus(parse, root) && take_os(parse, root) &&
	       take_action(parse, child(root, "on_poweroff"), DOMAIN_DESTROY,
			   &domain->on_poweroff) &&
	       take_action(parse, child(root, "on_reboot"), DOMAIN_RESTART, &domain->on_reboot) &&
	       take_action(parse, child(root, "on_crash"), DOMAIN_DESTROY, &domain->on_crash);
}

struct domain *domain_parse(const char *xml, size_t size, struct domain_error *error)
{
	struct parse parse = { .error = error };
	xmlDocPtr document = domain_xml_read(xml, size, error);

	if (!document)
		return NULL;
	if (domain_schema_check(document, error)) {
		parse.domain = calloc(1, sizeof(*parse.domain));
		if (!parse.domain) {
			no_memory(&parse);
		} else if (!take_all(&parse, xmlDocGetRootElement(document))) {
			domain_free(parse.domain);
			parse.domain = NULL;
		}
	}
	xmlFreeDoc(document);
	return parse.domain;
}

void domain_library_end(void)
{
	domain_schema_end();
}
