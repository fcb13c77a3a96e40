/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A document against domain.xsd: see domain-xml.h.
 *
 * First the names, by a walk of our own through document and schema side by side:
 * it knows the place exactly, finds the name that was meant, and tells a slip from
 * what libvirt has and Mullion has not. Then the schema proper, by libxml2.
 */
#include "domain-xml.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <libxml/xmlschemastypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/hvctl/suggest.h"
#include "domain-xsd.h"

/* Elements of libvirt's format that do not exist here. */
static const char *const foreign[] = {
	"bandwidth",
	"blkiotune",
	"boot",
	"bootmenu",
	"channel",
	"clock",
	"controller",
	"cpu",
	"crypto",
	"disk",
	"emulator",
	"filesystem",
	"firmware",
	"genid",
	"graphics",
	"hostdev",
	"hub",
	"idmap",
	"input",
	"interface",
	"iommu",
	"iothreads",
	"keywrap",
	"launchSecurity",
	"lease",
	"loader",
	"locked",
	"maxMemory",
	"memballoon",
	"memoryTune",
	"nosharepages",
	"numa",
	"numatune",
	"nvram",
	"on_lockfailure",
	"panic",
	"parallel",
	"perf",
	"pm",
	"redirdev",
	"resource",
	"rng",
	"seclabel",
	"shmem",
	"smartcard",
	"smbios",
	"sound",
	"sysinfo",
	"topology",
	"tpm",
	"vcpus",
	"video",
	"vsock",
	"watchdog",
};

/* One for the life of the process: its content never changes. */
static struct {
	xmlDocPtr document;
	xmlSchemaPtr schema;
} xsd;

void domain_schema_end(void)
{
	xmlSchemaFree(xsd.schema);
	xmlFreeDoc(xsd.document);
	memset(&xsd, 0, sizeof(xsd));
	xmlSchemaCleanupTypes();
	xmlCleanupParser();
}

static bool load_schema(struct domain_error *error)
{
	xmlSchemaParserCtxtPtr parser;

	if (xsd.schema)
		return true;
	xsd.document = xmlReadMemory((const char *)domain_xsd, (int)domain_xsd_size, NULL, NULL,
				     XML_PARSE_NONET);
	parser = xsd.document ? xmlSchemaNewDocParserCtxt(xsd.document) : NULL;
	if (parser)
		xsd.schema = xmlSchemaParse(parser);
	xmlSchemaFreeParserCtxt(parser);
	if (xsd.schema)
		return true;
	xmlFreeDoc(xsd.document);
	xsd.document = NULL;
	return domain_complain(error, DOMAIN_FAILED, 0, "the schema cannot be loaded");
}

static bool is_xsd(const xmlNode *node, const char *kind)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, kind) == 0;
}

static bool attribute_is(xmlNodePtr node, const char *attribute, const char *value)
{
	xmlChar *text = xmlGetNoNsProp(node, BAD_CAST attribute);
	bool same = text && strcmp((const char *)text, value) == 0;

	xmlFree(text);
	return same;
}

/* The next node of a walk through all below top that does not enter declarations. */
static xmlNodePtr walk(xmlNodePtr top, xmlNodePtr at)
{
	bool closed = at != top && (is_xsd(at, "element") || is_xsd(at, "attribute"));

	if (at->children && !closed)
		return at->children;
	while (at != top && !at->next)
		at = at->parent;
	return at == top ? NULL : at->next;
}

/* The declaration of kind by the name in a type; NULL: it has none. */
static xmlNodePtr declared(xmlNodePtr type, const char *kind, const char *name)
{
	for (xmlNodePtr at = type; at; at = walk(type, at)) {
		if (at != type && is_xsd(at, kind) && attribute_is(at, "name", name))
			return at;
	}
	return NULL;
}

/* The complex type of an element's declaration; NULL: it has a simple one. */
static xmlNodePtr type_of(xmlNodePtr declaration)
{
	xmlNodePtr root = xmlDocGetRootElement(xsd.document), found = NULL;
	xmlChar *name = xmlGetNoNsProp(declaration, BAD_CAST "type");

	for (xmlNodePtr at = root->children; at && name && !found; at = at->next) {
		if (is_xsd(at, "complexType") && attribute_is(at, "name", (const char *)name))
			found = at;
	}
	xmlFree(name);
	return found;
}

static bool is_foreign(const char *name)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (strcmp(foreign[i], name) == 0)
			return true;
	}
	return false;
}

/* "unknown KIND 'NAME'", and what may have been meant. */
static bool unknown(struct domain_error *error, xmlNodePtr in, xmlNodePtr type, long line,
		    const char *kind, const char *name)
{
	struct suggest suggest = { .word = name };
	const char *best;
	xmlChar *known[64];
	size_t count = 0;

	for (xmlNodePtr at = type; at && count < 64; at = walk(type, at)) {
		if (at == type || !is_xsd(at, kind))
			continue;
		known[count] = xmlGetNoNsProp(at, BAD_CAST "name");
		if (known[count])
			suggest_add(&suggest, (const char *)known[count++]);
	}
	best = suggest_best(&suggest);
	domain_complain(error, DOMAIN_BAD, (unsigned int)line,
			best ? "<%s>: unknown %s '%s' (did you mean '%s'?)" :
			       "<%s>: unknown %s '%s'",
			(const char *)in->name, kind, name, best);
	while (count)
		xmlFree(known[--count]);
	return false;
}

static bool check_attributes(xmlNodePtr node, xmlNodePtr type, struct domain_error *error)
{
	for (xmlAttrPtr at = node->properties; at; at = at->next) {
		const char *name = (const char *)at->name;

		if (at->ns || !type || !declared(type, "attribute", name))
			return unknown(error, node, type, xmlGetLineNo(node), "attribute", name);
	}
	return true;
}

static bool is_again(xmlNodePtr node)
{
	for (xmlNodePtr at = node->prev; at; at = at->prev) {
		if (at->type == XML_ELEMENT_NODE && xmlStrEqual(at->name, node->name))
			return true;
	}
	return false;
}

/* Whether an element may stand where it stands, by its name. */
static bool check_place(xmlNodePtr node, xmlNodePtr type, xmlNodePtr declaration,
			struct domain_error *error)
{
	const char *name = (const char *)node->name;
	unsigned int line = (unsigned int)xmlGetLineNo(node);

	if (!declaration && !node->ns && is_foreign(name))
		return domain_complain(error, DOMAIN_UNSUPPORTED, line,
				       "<%s>: element '%s' is not supported",
				       (const char *)node->parent->name, name);
	if (!declaration)
		return unknown(error, node->parent, type, line, "element", name);
	if (is_again(node) && !attribute_is(declaration, "maxOccurs", "unbounded"))
		return domain_complain(error, DOMAIN_BAD, line, "<%s>: element '%s' is there twice",
				       (const char *)node->parent->name, name);
	return true;
}

/* All names at and below node; the reader has bounded the depth. */
static bool check_names(xmlNodePtr node, xmlNodePtr type, struct domain_error *error)
{
	if (!check_attributes(node, type, error))
		return false;
	/* What lies in metadata is somebody else's. */
	if (type && attribute_is(type, "name", "metadata"))
		return true;
	for (xmlNodePtr at = node->children; at; at = at->next) {
		xmlNodePtr declaration = NULL;

		if (at->type != XML_ELEMENT_NODE)
			continue;
		if (type && !at->ns)
			declaration = declared(type, "element", (const char *)at->name);
		if (!check_place(at, type, declaration, error) ||
		    !check_names(at, type_of(declaration), error))
			return false;
	}
	return true;
}

/* The declaration of what may be a document by that name; NULL: there is none. */
static xmlNodePtr declared_alone(const char *name)
{
	xmlNodePtr at = xmlDocGetRootElement(xsd.document)->children;

	while (at && !(is_xsd(at, "element") && attribute_is(at, "name", name)))
		at = at->next;
	return at;
}

static enum domain_document document_kind(const char *name)
{
	if (strcmp(name, "domain") == 0)
		return DOMAIN_DOCUMENT;
	return strcmp(name, "network") == 0 ? DOMAIN_NETWORK_FILE : DOMAIN_DEVICE;
}

static bool check_root(xmlNodePtr root, enum domain_document kind, struct domain_error *error)
{
	static const char *const wanted[] = {
		[DOMAIN_DOCUMENT] = "definition, which is a <domain>",
		[DOMAIN_DEVICE] = "device: a <disk> or an <interface>",
		[DOMAIN_NETWORK_FILE] = "network's definition, which is a <network>",
	};
	const char *name = (const char *)root->name;
	xmlNodePtr declaration = declared_alone(name);

	if (!declaration || root->ns || document_kind(name) != kind)
		return domain_complain(error, DOMAIN_BAD, (unsigned int)xmlGetLineNo(root),
				       "<%s>: not a %s", name, wanted[kind]);
	return check_names(root, type_of(declaration), error);
}

/*
 * libxml2's sentence without its own way to begin and end it: "Element 'E': S.",
 * "Element 'E', attribute 'A': S.", in front of S perhaps "[facet 'F'] ".
 */
static void say(struct domain_error *error, unsigned int line, const char *element,
		const char *sentence)
{
	const char *text = sentence, *behind, *facet;
	char attribute[96] = "";
	size_t length;

	behind = strncmp(text, "Element '", 9) == 0 ? strchr(text + 9, '\'') : NULL;
	if (behind && strncmp(behind + 1, ", attribute '", 13) == 0) {
		text = behind + 3;
		behind = strchr(behind + 14, '\'');
		if (behind)
			snprintf(attribute, sizeof(attribute),
				 "%.*s: ", (int)(behind + 1 - text > 80 ? 80 : behind + 1 - text),
				 text);
	}
	if (behind && strncmp(behind + 1, ": ", 2) == 0)
		text = behind + 3;
	facet = strncmp(text, "[facet '", 8) == 0 ? strstr(text, "'] ") : NULL;
	text = facet ? facet + 3 : text;
	length = strlen(text);
	while (length && strchr(".\n ", text[length - 1]))
		length--;
	domain_complain(error, DOMAIN_BAD, line, "<%s>: %s%.*s", element, attribute, (int)length,
			text);
}

static void on_error(void *context, xmlErrorPtr found)
{
	struct domain_error *error = context;
	const xmlNode *node = found->node;
	char name[80];

	if (error->problem != DOMAIN_OK)
		return;
	snprintf(name, sizeof(name), "%s", "domain");
	if (node && node->type == XML_ATTRIBUTE_NODE) {
		/* Its value is what is wrong. */
		snprintf(name, sizeof(name), "%.60s", (const char *)node->parent->name);
		node = node->parent;
	} else if (node) {
		snprintf(name, sizeof(name), "%.60s", (const char *)node->name);
	}
	say(error, node ? (unsigned int)xmlGetLineNo((xmlNodePtr)(uintptr_t)node) : 0, name,
	    found->message ? found->message : "not as the schema says");
}

static bool check_schema(xmlDocPtr document, struct domain_error *error)
{
	xmlSchemaValidCtxtPtr context = xmlSchemaNewValidCtxt(xsd.schema);
	int result;

	if (!context)
		return domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
	error->problem = DOMAIN_OK;
	xmlSchemaSetValidStructuredErrors(context, on_error, error);
	result = xmlSchemaValidateDoc(context, document);
	xmlSchemaFreeValidCtxt(context);
	if (result && error->problem == DOMAIN_OK)
		domain_complain(error, DOMAIN_FAILED, 0, "the schema cannot be applied");
	return !result;
}

bool domain_schema_check(xmlDocPtr document, enum domain_document kind, struct domain_error *error)
{
	return load_schema(error) && check_root(xmlDocGetRootElement(document), kind, error) &&
	       check_schema(document, error);
}
