/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv's command line: console=com1|com2|none, log=error|warn|info|debug,
 * panic=SECONDS, maxcpus=N. Pure. docs/hv-options.md tells what they mean.
 */
#include <mullion/log.h>

#include "boot/boot.h"
#include "core/string.h"

struct choice {
	const char *word;
	u32 value;
};

static const struct choice consoles[] = { { "com1", 0x3f8 }, { "com2", 0x2f8 }, { "none", 0 }, {} };
static const struct choice levels[] = { { "error", MULLION_LOG_ERROR },
					{ "warn", MULLION_LOG_WARN },
					{ "info", MULLION_LOG_INFO },
					{ "debug", MULLION_LOG_DEBUG },
					{} };

static bool is(const char *word, size_t n, const char *text)
{
	return strlen(text) == n && strncmp(word, text, n) == 0;
}

static bool choose(const char *word, size_t n, const struct choice *choices, u32 *value)
{
	for (; choices->word; choices++) {
		if (is(word, n, choices->word)) {
			*value = choices->value;
			return true;
		}
	}
	return false;
}

static bool number(const char *word, size_t n, u32 max, u32 *value)
{
	u32 v = 0;

	if (!n || n > 6)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		v = v * 10 + (u32)(word[i] - '0');
	}
	*value = v;
	return v <= max;
}

static bool set(struct options *o, const char *name, size_t name_n, const char *word, size_t n)
{
	u32 v;

	if (is(name, name_n, "console") && choose(word, n, consoles, &v))
		o->console_port = (u16)v;
	else if (is(name, name_n, "log") && choose(word, n, levels, &v))
		o->log_level = v;
	else if (is(name, name_n, "panic") && number(word, n, 3600, &v))
		o->panic_timeout = v;
	else if (is(name, name_n, "maxcpus") && number(word, n, CPUS_MAX, &v) && v)
		o->max_cpus = v;
	else
		return false;
	return true;
}

void options_parse(const char *text, struct options *o,
		   void (*unknown)(const char *word, size_t length))
{
	*o = (struct options){
		.console_port = 0x3f8,
		.log_level = MULLION_LOG_INFO,
		.max_cpus = CPUS_MAX,
	};
	while (*text) {
		size_t n = 0, equals;

		while (text[n] && text[n] != ' ')
			n++;
		for (equals = 0; equals < n && text[equals] != '='; equals++)
			;
		if (n && (equals == n || !set(o, text, equals, text + equals + 1, n - equals - 1)))
			unknown(text, n);
		text += n;
		while (*text == ' ')
			text++;
	}
}
