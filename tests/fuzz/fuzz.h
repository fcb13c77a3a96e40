/* SPDX-License-Identifier: GPL-2.0-only */
/* What fuzz targets use: pieces of the input, and checks that end the program. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                   \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* Takes size bytes of the input; what is missing is 0. */
static inline void fuzz_take(const uint8_t **data, size_t *left, void *to, size_t size)
{
	size_t n = size < *left ? size : *left;

	memset(to, 0, size);
	memcpy(to, *data, n);
	*data += n;
	*left -= n;
}

static inline uint64_t fuzz_u64(const uint8_t **data, size_t *left, size_t size)
{
	uint64_t value = 0;

	fuzz_take(data, left, &value, size);
	return value;
}

#endif
