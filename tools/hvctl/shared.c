/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that hv writes while hvctl reads it: see shared.h. */
#include "shared.h"

#include <stdlib.h>
#include <string.h>

/* Whatever the memory holds, it is read by words. */
typedef uint64_t __attribute__((may_alias)) shared_word;

static const shared_word *word_at(const struct shared *shared, size_t offset, size_t length)
{
	if (offset % sizeof(shared_word) || offset > shared->size || length > shared->size - offset)
		abort();
	return (const shared_word *)((const char *)shared->memory + offset);
}

uint64_t shared_load(const struct shared *shared, size_t offset)
{
	return __atomic_load_n(word_at(shared, offset, sizeof(uint64_t)), __ATOMIC_ACQUIRE);
}

void shared_copy(void *to, const struct shared *shared, size_t offset, size_t length)
{
	size_t whole = (length + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	const shared_word *from = word_at(shared, offset, whole * sizeof(uint64_t));
	char *bytes = to;

	for (; length; from++) {
		uint64_t word = __atomic_load_n(from, __ATOMIC_RELAXED);
		size_t n = length < sizeof(word) ? length : sizeof(word);

		memcpy(bytes, &word, n);
		bytes += n;
		length -= n;
	}
}

void shared_copies_done(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}
