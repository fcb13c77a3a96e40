/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/boot/options.c: what hv's command line sets, and what it complains about. */
#include "check.h"

#include <mullion/log.h>

#include "boot/boot.h"

static char complaints[4096];

static void unknown(const char *word, size_t length)
{
	size_t n = strlen(complaints);

	CHECK(length > 0);
	snprintf(complaints + n, sizeof(complaints) - n, "%s%.*s", n ? "," : "", (int)length, word);
}

/* From a heap block, so that a look behind the text is seen. */
static void parse(const char *text, struct options *o)
{
	char *copy = strdup(text);

	REQUIRE(copy != NULL);
	complaints[0] = '\0';
	memset(o, 0xa5, sizeof(*o));
	options_parse(copy, o, unknown);
	free(copy);
}

#define DEFAULTS 0x3f8, MULLION_LOG_INFO, 0, CPUS_MAX

static const struct {
	const char *text;
	uint16_t port;
	uint32_t level;
	uint32_t timeout, cpus;
	const char *complaints;
} rows[] = {
	{ "", DEFAULTS, "" },
	{ "   ", DEFAULTS, "" },
	{ "console=com1", DEFAULTS, "" },
	{ "console=com2", 0x2f8, MULLION_LOG_INFO, 0, CPUS_MAX, "" },
	{ "console=none", 0, MULLION_LOG_INFO, 0, CPUS_MAX, "" },
	{ "log=error", 0x3f8, MULLION_LOG_ERROR, 0, CPUS_MAX, "" },
	{ "log=warn", 0x3f8, MULLION_LOG_WARN, 0, CPUS_MAX, "" },
	{ "log=debug", 0x3f8, MULLION_LOG_DEBUG, 0, CPUS_MAX, "" },
	{ "log=debug log=info", DEFAULTS, "" }, /* the last one counts */
	{ "panic=0", DEFAULTS, "" },
	{ "panic=3600", 0x3f8, MULLION_LOG_INFO, 3600, CPUS_MAX, "" },
	{ "panic=3601", DEFAULTS, "panic=3601" },
	{ "panic=", DEFAULTS, "panic=" },
	{ "panic=-1", DEFAULTS, "panic=-1" },
	{ "panic=5s", DEFAULTS, "panic=5s" },
	{ "panic=4294967297", DEFAULTS, "panic=4294967297" }, /* 1, if it wrapped */
	{ "maxcpus=1", 0x3f8, MULLION_LOG_INFO, 0, 1, "" },
	{ "maxcpus=256", 0x3f8, MULLION_LOG_INFO, 0, 256, "" },
	{ "maxcpus=257", DEFAULTS, "maxcpus=257" },
	{ "maxcpus=0", DEFAULTS, "maxcpus=0" },
	{ "maxcpus=9 panic=90", 0x3f8, MULLION_LOG_INFO, 90, 9, "" },
	{ "  console=com2   panic=7  log=debug  ", 0x2f8, MULLION_LOG_DEBUG, 7, CPUS_MAX, "" },
	{ "quiet log=warn splash=1", 0x3f8, MULLION_LOG_WARN, 0, CPUS_MAX, "quiet,splash=1" },
	{ "log", DEFAULTS, "log" },
	{ "=", DEFAULTS, "=" },
	{ "=warn", DEFAULTS, "=warn" },
	{ "log=", DEFAULTS, "log=" },
	{ "log=war", DEFAULTS, "log=war" },
	{ "log=warning", DEFAULTS, "log=warning" },
	{ "log=warn=1", DEFAULTS, "log=warn=1" },
	{ "LOG=warn", DEFAULTS, "LOG=warn" },
	{ "console=com3", DEFAULTS, "console=com3" },
	{ "log=2", DEFAULTS, "log=2" },
};

static void table(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;

		CHECK_NOTE("'%s'", rows[i].text);
		parse(rows[i].text, &o);
		CHECK_EQ(o.console_port, rows[i].port);
		CHECK_EQ(o.log_level, rows[i].level);
		CHECK_EQ(o.panic_timeout, rows[i].timeout);
		CHECK_EQ(o.max_cpus, rows[i].cpus);
		CHECK_STR(complaints, rows[i].complaints);
	}
}

/* Rows strung together, and any bytes: values stay within their limits. */
static void noise(void)
{
	check_seed(0x6f7074696f6e73);
	for (int i = 0; i < 100000; i++) {
		char text[80] = "";
		struct options o;

		if (check_below(2)) {
			for (uint64_t n = check_below(sizeof(text)), k = 0; k < n; k++)
				text[k] = "=  irqelaypnic012389\x80\x7f"[check_below(21)];
		} else {
			const char *a = rows[check_below(sizeof(rows) / sizeof(rows[0]))].text;
			const char *b = rows[check_below(sizeof(rows) / sizeof(rows[0]))].text;

			snprintf(text, sizeof(text), "%s %.30s", a, b);
		}
		CHECK_NOTE("'%s'", text);
		parse(text, &o);
		CHECK(o.console_port == 0 || o.console_port == 0x3f8 || o.console_port == 0x2f8);
		CHECK(o.log_level <= MULLION_LOG_DEBUG);
		CHECK(o.panic_timeout <= 3600);
		CHECK(o.max_cpus >= 1 && o.max_cpus <= CPUS_MAX);
	}
}

int main(void)
{
	CHECK_RUN(table);
	CHECK_RUN(noise);
	return check_done();
}
