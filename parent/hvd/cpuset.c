/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPUs, see cpuset.h. */
#include "cpuset.h"

#include <stdio.h>
#include <string.h>

bool cpuset_has(const struct cpuset *set, unsigned int cpu)
{
	return cpu < CPUSET_MAX && (set->words[cpu / 64] >> (cpu % 64) & 1);
}

void cpuset_add(struct cpuset *set, unsigned int cpu)
{
	if (cpu < CPUSET_MAX)
		set->words[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static void cpuset_remove(struct cpuset *set, unsigned int cpu)
{
	set->words[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
}

bool cpuset_is_empty(const struct cpuset *set)
{
	return !(set->words[0] | set->words[1] | set->words[2] | set->words[3]);
}

unsigned int cpuset_first_beyond(const struct cpuset *set, const struct cpuset *other)
{
	unsigned int cpu = 0;

	while (cpu < CPUSET_MAX && (!cpuset_has(set, cpu) || cpuset_has(other, cpu)))
		cpu++;
	return cpu;
}

/* The number at *text, which moves behind it; -1 when there is none or it is too large. */
static int take_cpu(const char **text)
{
	unsigned int cpu = 0;
	const char *at = *text;

	while (*at >= '0' && *at <= '9' && cpu < CPUSET_MAX)
		cpu = cpu * 10 + (unsigned int)(*at++ - '0');
	if (at == *text || cpu >= CPUSET_MAX)
		return -1;
	*text = at;
	return (int)cpu;
}

bool cpuset_parse(struct cpuset *set, const char *text)
{
	memset(set, 0, sizeof(*set));
	for (;; text++) {
		bool out = *text == '^';
		int first, last;

		text += out;
		first = last = take_cpu(&text);
		if (first >= 0 && *text == '-') {
			text++;
			last = take_cpu(&text);
		}
		if (first < 0 || last < first)
			return false;
		for (int cpu = first; cpu <= last; cpu++) {
			if (out)
				cpuset_remove(set, (unsigned int)cpu);
			else
				cpuset_add(set, (unsigned int)cpu);
		}
		if (*text != ',')
			break;
	}
	return !*text && !cpuset_is_empty(set);
}

void cpuset_format(const struct cpuset *set, char text[static CPUSET_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int cpu = 0; cpu < CPUSET_MAX; cpu++) {
		unsigned int last = cpu;

		if (!cpuset_has(set, cpu))
			continue;
		while (cpuset_has(set, last + 1))
			last++;
		used += (size_t)snprintf(text + used, CPUSET_TEXT - used,
					 last > cpu ? "%s%u-%u" : "%s%u", used ? "," : "", cpu,
					 last);
		cpu = last;
	}
}
