/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XML that nobody vouches for, made a tree: see domain-xml.h.
 *
 * Entities are never expanded, nothing is ever loaded, and libxml2's own limits
 * stay on. A DOCTYPE is noticed by a flag of our own, since a parser that was told
 * to stop may still hand out a document that it calls well-formed.
 */
#include "domain-xml.h"

#include <libxml/parser.h>
#include <libxml/SAX2.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES)

struct reader {
	struct domain_error *error;
	bool failed; /* error is filled in */
	unsigned int depth;
};

static void refuse(xmlParserCtxtPtr parser, const char *message)
{
	struct reader *reader = parser->_private;

	if (!reader->failed)
		domain_complain(reader->error, DOMAIN_BAD,
				(unsigned int)xmlSAX2GetLineNumber(parser), "%s", message);
	reader->failed = true;
	xmlStopParser(parser);
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	(void)name, (void)external, (void)system;
	refuse(context, "a DOCTYPE is not allowed");
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		     int namespace_count, const xmlChar **namespaces, int attribute_count,
		     int defaulted_count, const xmlChar **attributes)
{
	xmlParserCtxtPtr parser = context;
	struct reader *reader = parser->_private;

	if (++reader->depth > DOMAIN_DEPTH_MAX)
		refuse(parser, "elements are nested too deep");
	else
		xmlSAX2StartElementNs(context, name, prefix, uri, namespace_count, namespaces,
				      attribute_count, defaulted_count, attributes);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *reader = ((xmlParserCtxtPtr)context)->_private;

	reader->depth--;
	xmlSAX2EndElementNs(context, name, prefix, uri);
}

/* Only the first error counts: the rest may be its consequence. */
static void on_error(void *context, xmlErrorPtr found)
{
	xmlParserCtxtPtr parser = context;
	struct reader *reader = parser->_private;

	if (reader->failed || found->level < XML_ERR_ERROR)
		return;
	reader->failed = true;
	domain_complain(reader->error, DOMAIN_BAD, found->line > 0 ? (unsigned int)found->line : 0,
			"not well-formed: %.*s",
			(int)strcspn(found->message ? found->message : "?", "\n"),
			found->message ? found->message : "?");
	if (found->int2 > 0)
		reader->error->column = (unsigned int)found->int2;
}

static bool is_utf8(const char *xml, size_t size, struct domain_error *error)
{
	char *copy;
	bool good;

	if (size > DOMAIN_XML_MAX)
		return domain_complain(error, DOMAIN_BAD, 0, "larger than %zu bytes",
				       DOMAIN_XML_MAX);
	if (!size)
		return domain_complain(error, DOMAIN_BAD, 0, "empty");
	if (memchr(xml, '\0', size))
		return domain_complain(error, DOMAIN_BAD, 0, "not a text in UTF-8");
	copy = strndup(xml, size);
	if (!copy)
		return domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
	good = xmlCheckUTF8((const unsigned char *)copy);
	free(copy);
	return good || domain_complain(error, DOMAIN_BAD, 0, "not a text in UTF-8");
}

/* What the file says of itself must be so, or a second reader sees something else. */
static bool says_utf8(xmlDocPtr document, struct domain_error *error)
{
	const char *encoding = (const char *)document->encoding;

	if (!encoding || strcasecmp(encoding, "UTF-8") == 0 || strcasecmp(encoding, "ASCII") == 0 ||
	    strcasecmp(encoding, "US-ASCII") == 0)
		return true;
	return domain_complain(error, DOMAIN_BAD, 1, "encoding '%s': only UTF-8 is read", encoding);
}

xmlDocPtr domain_xml_read(const char *xml, size_t size, struct domain_error *error)
{
	struct reader reader = { .error = error };
	xmlParserCtxtPtr parser;
	xmlDocPtr document;

	if (!is_utf8(xml, size, error))
		return NULL;
	parser = xmlNewParserCtxt();
	if (!parser) {
		domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
		return NULL;
	}
	parser->_private = &reader;
	parser->sax->internalSubset = on_doctype;
	parser->sax->externalSubset = on_doctype;
	parser->sax->startElementNs = on_start;
	parser->sax->endElementNs = on_end;
	parser->sax->serror = on_error;
	document = xmlCtxtReadMemory(parser, xml, (int)size, NULL, NULL, OPTIONS);
	if (document && !reader.failed && !says_utf8(document, error))
		reader.failed = true;
	if (!document && !reader.failed)
		domain_complain(error, DOMAIN_BAD, 0, "not well-formed");
	xmlFreeParserCtxt(parser);
	if (!reader.failed)
		return document;
	xmlFreeDoc(document);
	return NULL;
}
