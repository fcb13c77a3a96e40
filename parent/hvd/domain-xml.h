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

/* Whether the document is as domain.xsd says; error is filled in when not. */
bool domain_schema_check(xmlDocPtr document, struct domain_error *error);

void domain_schema_end(void);

#endif
