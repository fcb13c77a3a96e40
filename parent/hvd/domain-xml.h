/* SPDX-License-Identifier: GPL-2.0-only */
/* The steps of reading a definition, for domain-parse.c. */
#ifndef HVD_DOMAIN_XML_H
#define HVD_DOMAIN_XML_H

#include <libxml/tree.h>

#include "domain.h"

/*
 * Well-formed XML in UTF-8 without a DOCTYPE, not too large and not too deep; NULL
 * with error filled in for anything else. To be freed with xmlFreeDoc().
 */
xmlDocPtr domain_xml_read(const char *xml, size_t size, struct domain_error *error);

/* What a document may be. */
enum domain_document {
	DOMAIN_DOCUMENT = 0, /* a <domain> */
	DOMAIN_DEVICE, /* a device that stands alone */
	DOMAIN_NETWORK_FILE, /* a <network> */
};

/* Whether the document is as domain.xsd says, and of that kind; error is filled in when not. */
bool domain_schema_check(xmlDocPtr document, enum domain_document kind, struct domain_error *error);

void domain_schema_end(void);

/* ---- nodes (domain-parse.c) ---- */

/* The line that a node stands on; 0: not known. */
unsigned int domain_xml_line(const xmlNode *node);

/* The child element by that name; NULL: there is none, or no parent to have it. */
xmlNodePtr domain_xml_child(xmlNodePtr parent, const char *name);

/* The text of an element, to be freed; NULL: no memory. */
char *domain_xml_text(xmlNodePtr node);

/* The text of an attribute in a buffer; false: not there, or longer than any of ours. */
bool domain_xml_attribute(xmlNodePtr node, const char *name, char *text, size_t size);

/* A number in an attribute that the schema has checked; 0 without it. */
uint32_t domain_xml_number(xmlNodePtr node, const char *name);

/* The same for an Ethernet address; without it mac stays as it is. */
void domain_xml_mac(xmlNodePtr node, const char *name, uint8_t mac[static 6]);

/* A number that the schema has bounded; otherwise without the element. */
bool domain_xml_element_number(xmlNodePtr node, uint64_t otherwise, uint64_t *number,
			       struct domain_error *error);

/* Bytes of a size with its unit, more than nothing. */
bool domain_xml_size(xmlNodePtr node, uint64_t *bytes, struct domain_error *error);

/* ---- devices (domain-device.c) ---- */

/* Reads one device, or leaves what is none alone. */
bool domain_take_device(struct domain *domain, xmlNodePtr node, struct domain_error *error);

/* The same for a <video> (domain-video.c). */
bool domain_take_video(struct domain *domain, xmlNodePtr node, struct domain_error *error);

#endif
