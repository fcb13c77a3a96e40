/* SPDX-License-Identifier: GPL-2.0-only */
/* parent/worker/options.c and config.c. */
#include "check.h"

#include "config.h"
#include "options.h"
#include "guest-memory.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct options options;
static struct error error;

/* The parser writes nothing, but main()'s words are not const. */
static bool parse(const char *const *words)
{
	return options_parse(&options, (char *const *)(uintptr_t)words, &error);
}

static void test_good(void)
{
	REQUIRE(parse(WORDS("--run", "--kernel", "/k", "--memory=2G", "--vcpus", "4", "--cmdline",
			    "a=b --c", "--console", "pty", "--debug-exit", "--initrd=")));
	CHECK(options.run && options.debug_exit && options.pty && !options.hugepages);
	CHECK_STR(options.kernel, "/k");
	CHECK_STR(options.cmdline, "a=b --c");
	CHECK_STR(options.initrd, "");
	CHECK_EQ(options.memory, GIB(2));
	CHECK_EQ(options.vcpus, 4);
	REQUIRE(parse((const char *const[]){ NULL }));
	CHECK_EQ(options.memory, MIB(256));
	CHECK_EQ(options.vcpus, 1);
	CHECK(parse(WORDS("--help", "--run")));
}

static void test_bad(void)
{
	static const struct {
		const char *words[5];
		const char *text;
	} rows[] = {
		{ { "--kernle", "x" }, "unknown option '--kernle'" },
		{ { "--" }, "unknown option" },
		{ { "kernel" }, "unknown option 'kernel'" },
		{ { "-h" }, "unknown option '-h'" },
		{ { "--run" }, "--kernel is missing" },
		{ { "--run", "--kernel" }, "needs a value" },
		{ { "--run=yes" }, "takes no value" },
		{ { "--memory", "1T" }, "no size" },
		{ { "--memory", "-1" }, "no size" },
		{ { "--memory", "" }, "no size" },
		{ { "--memory", "1MM" }, "no size" },
		{ { "--memory", "18446744073709551616" }, "no size" },
		{ { "--memory", "18014398509481984K" }, "no size" },
		{ { "--vcpus", "65536" }, "no number" },
		{ { "--console", "tty" }, "neither stdio nor pty" },
		{ { "--run", "--kernel=x", "--listen", "y" }, "exclude" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		CHECK(!parse(rows[i].words));
		CHECK_EQ(error.kind, ERROR_USAGE);
		CHECK(strstr(error.text, rows[i].text) != NULL);
	}
}

static void test_sizes(void)
{
	uint64_t size;

	CHECK(options_size("0", &size) && size == 0);
	CHECK(options_size("18446744073709551615", &size) && size == UINT64_MAX);
	CHECK(options_size("18014398509481983K", &size) && size == UINT64_MAX << 10);
	CHECK(options_size("3M", &size) && size == MIB(3));
}

static struct config make(void)
{
	struct config config = CONFIG_EMPTY;

	config.memory = MIB(64);
	config.kernel = 1000; /* never used */
	return config;
}

static bool check(struct config *config)
{
	bool good = config_check(config, &error);

	config->kernel = -1;
	config_clear(config);
	return good;
}

static void test_config(void)
{
	struct config config = make();

	REQUIRE(config_check(&config, &error));
	CHECK_STR(config.cmdline, "");
	CHECK_STR(config.name, "guest");
	CHECK(check(&config));
	config = make();
	config.memory += 4096;
	CHECK(!check(&config));
	config = make();
	config.memory = 0;
	CHECK(!check(&config));
	config = make();
	config.vcpus = 0;
	CHECK(!check(&config));
	config = make();
	config.vcpus = CONFIG_VCPUS_MAX;
	CHECK(check(&config));
	config = make();
	config.vcpus = CONFIG_VCPUS_MAX + 1;
	CHECK(!check(&config));
	config = make();
	config.loader = strdup("elf");
	CHECK(!check(&config));
	CHECK(strstr(error.text, "unknown loader 'elf'") != NULL);
	config = make();
	config.loader = strdup("pvh");
	CHECK(check(&config));
	config = make();
	config.name = strdup("");
	CHECK(!check(&config));
	config = make();
	config.name = strdup("0123456789012345678901234567890123456789012345678901234567890123");
	CHECK(!check(&config));
	config = make();
	config.kernel = -1;
	CHECK(!check(&config));
	CHECK_EQ(error.kind, ERROR_CONFIG);
}

int main(void)
{
	CHECK_RUN(test_good);
	CHECK_RUN(test_bad);
	CHECK_RUN(test_sizes);
	CHECK_RUN(test_config);
	return check_done();
}
