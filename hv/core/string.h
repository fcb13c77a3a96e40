/* SPDX-License-Identifier: GPL-2.0-only */
/* The few memory and string functions hv needs; C's own names and meaning. */
#ifndef HV_CORE_STRING_H
#define HV_CORE_STRING_H

#include <stddef.h>

void *memcpy(void *dest, const void *src, size_t n);
void *memmove(void *dest, const void *src, size_t n);
void *memset(void *dest, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strncmp(const char *a, const char *b, size_t n);

#endif
