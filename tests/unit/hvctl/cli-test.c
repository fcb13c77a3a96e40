/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl's command line: parsing, its tables, suggestions, text. */
#include "check.h"

#include <ctype.h>

#include "cli.h"
#include "suggest.h"
#include "table.h"
#include "text.h"

#define MAX_WORDS 24

static struct cli_line line;
static char error[200];

/* Splits at blanks; "_" stands for an empty word. */
static bool parse(const char *command)
{
	static char copy[200];
	static char *words[MAX_WORDS + 1];
	size_t count = 0;
	char *rest;

	snprintf(copy, sizeof(copy), "%s", command);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		REQUIRE(count < MAX_WORDS);
		words[count++] = strcmp(word, "_") == 0 ? word + 1 : word;
	}
	words[count] = NULL;
	cli_free(&line);
	error[0] = '\0';
	CHECK_NOTE("%s", command);
	return cli_parse(&line, words, error, sizeof(error));
}

static void good_lines(void)
{
	CHECK(parse("version"));
	CHECK_STR(line.verb->name, "version");
	CHECK_EQ(line.globals.format, HVCTL_TABLE);
	CHECK_EQ(line.globals.timeout_ns, 0);
	CHECK(!line.settings);

	CHECK(parse("--json -q version"));
	CHECK_EQ(line.globals.format, HVCTL_JSON);
	CHECK(line.globals.quiet);
	CHECK(!line.globals.verbose);
	CHECK(parse("version -qv --format json --timeout 2.5"));
	CHECK(line.globals.quiet && line.globals.verbose);
	CHECK_EQ(line.globals.format, HVCTL_JSON);
	CHECK_EQ(line.globals.timeout_ns, 2500000000);
	CHECK(parse("--json version --format=table"));
	CHECK_EQ(line.globals.format, HVCTL_TABLE);

	CHECK(parse("domstats --no-headers 0 --interval=1"));
	CHECK_EQ(line.operand_count, 1);
	CHECK_STR(line.operands[0], "0");
	CHECK(line.globals.no_headers);
	CHECK(line.settings != NULL);
	CHECK(parse("domstats -- --json"));
	CHECK_STR(line.operands[0], "--json");
	CHECK_EQ(line.globals.format, HVCTL_TABLE);
	CHECK(parse("domstats -"));
	CHECK_STR(line.operands[0], "-");
	CHECK(parse("domstats _"));
	CHECK_STR(line.operands[0], "");
	CHECK(parse("dmesg -f"));
	CHECK(parse("-- dmesg"));

	CHECK(parse("--connect /run/x list"));
	CHECK_STR(line.globals.connect, "/run/x");
	CHECK(parse("list --connect=/run/x=y"));
	CHECK_STR(line.globals.connect, "/run/x=y");
	CHECK(parse("event --type started --type=crashed"));
	CHECK_EQ(*(unsigned *)((char *)line.settings + line.verb->options[1].offset),
		 1 << 2 | 1 << 7);
	for (size_t i = 0; i < 4; i++) {
		static const char *const lines[] = { "top -n 5", "top -n5", "top -bn5",
						     "top --count 5" };

		CHECK(parse(lines[i]));
		CHECK_EQ(*(uint64_t *)((char *)line.settings + line.verb->options[1].offset), 5);
	}
	CHECK(parse("schedinfo web --cap 12.5"));
	CHECK_EQ(*(uint64_t *)((char *)line.settings + line.verb->options[1].offset), 125);

	/* With --help the rest of the line need not be complete. */
	CHECK(parse("completion --help"));
	CHECK(line.globals.help);
	CHECK(parse("--help"));
	CHECK(!line.verb);
	CHECK(parse("--version"));
}

static void expect(const char *command, const char *want)
{
	CHECK(!parse(command));
	CHECK_STR(error, want);
}

static void bad_lines(void)
{
	expect("", "no verb is named (see 'hvctl help')");
	expect("--json", "no verb is named (see 'hvctl help')");
	expect("dmseg", "unknown verb 'dmseg' (did you mean 'dmesg'?)");
	expect("frobnicate", "unknown verb 'frobnicate'");
	expect("_", "unknown verb ''");
	expect("--jsn version", "unknown option '--jsn' (did you mean '--json'?)");
	expect("--follow dmesg", "unknown option '--follow'");
	expect("dmesg --folow", "dmesg: unknown option '--folow' (did you mean '--follow'?)");
	expect("dmesg --levle=x", "dmesg: unknown option '--levle' (did you mean '--level'?)");
	expect("dmesg --fol", "dmesg: unknown option '--fol'");
	expect("dmesg --=x", "dmesg: unknown option '--'");
	expect("dmesg -qx", "dmesg: unknown option '-x'");
	expect("dmesg --level", "dmesg: --level needs a value");
	expect("dmesg --level inf", "dmesg: --level: unknown value 'inf' (did you mean 'info'?)");
	expect("dmesg --level=", "dmesg: --level: unknown value '' (error, warn, info or debug)");
	expect("dmesg --follow=yes", "dmesg: --follow takes no value");
	expect("dmesg 0", "dmesg: unexpected argument '0'");
	expect("dmesg --format name", "dmesg: cannot print as name");
	expect("completion", "completion: SHELL is missing");
	expect("completion bsh", "completion: unknown SHELL 'bsh' (did you mean 'bash'?)");
	expect("completion tcsh", "completion: unknown SHELL 'tcsh' (bash, zsh or fish)");
	expect("help hepl", "help: unknown verb 'hepl' (did you mean 'help'?)");
	expect("domstats 0 1", "domstats: unexpected argument '1'");
	expect("domstats 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
	       "domstats: too many arguments");
	expect("send-key", "send-key: NAME is missing");
	expect("send-key web", "send-key: KEY is missing");
	expect("send-key web a --holdtime 60001",
	       "send-key: --holdtime: '60001' is not between 0 and 60000");
	expect("attach-device web", "attach-device: FILE is missing");
	expect("domstats --interval 0", "domstats: --interval: '0' is not between 0.01 and 86400");
	expect("domstats --interval -1", "domstats: --interval: '-1' is no number of seconds");
	expect("domstats --count 0",
	       "domstats: --count: '0' is not between 1 and 18446744073709551615");
	expect("domstats --count 1x", "domstats: --count: '1x' is no number");
	expect("top -n", "top: --count needs a value");
	expect("top -nb", "top: --count: 'b' is no number");
	expect("--connect", "--connect needs a value");
	expect("--connect= list", "--connect needs a value");
	expect("event --type strated",
	       "event: --type: unknown value 'strated' (did you mean 'started'?)");
	expect("schedinfo x --cap 100.1", "schedinfo: --cap: '100.1' is not between 0 and 100");
	expect("schedinfo x --cap 1.25", "schedinfo: --cap: '1.25' is no percentage");
	expect("schedinfo x --weight 0", "schedinfo: --weight: '0' is not between 1 and 10000");
	expect("wait web", "wait: CONDITION is missing");
	expect("wait web runing", "wait: unknown CONDITION 'runing' (did you mean 'running'?)");
	expect("start", "start: NAME is missing");
	expect("--timeout 0 version", "--timeout: '0' is not between 1e-09 and 1e+09");
}

/* Words of any length and content: the sanitizers watch. */
static void any_words(void)
{
	static const char *const parts[] = { "--",	 "-",	 "=",	  "json", "dmesg",
					     "domstats", "q",	 "level", "1.5",  "interval",
					     "\033[2J",	 "\xff", "f",	  "help", "timeout" };
	char words[6][400];

	check_seed(0xc11);
	for (int round = 0; round < 20000; round++) {
		char *list[7] = { NULL };
		uint64_t count = check_below(7);

		for (uint64_t i = 0; i < count; i++) {
			uint64_t pieces = check_below(check_below(8) ? 4 : 60);

			words[i][0] = '\0';
			for (uint64_t k = 0; k < pieces; k++)
				strncat(words[i], parts[check_below(15)],
					sizeof(words[i]) - strlen(words[i]) - 1);
			list[i] = words[i];
		}
		cli_free(&line);
		if (!cli_parse(&line, list, error, sizeof(error)))
			CHECK(error[0] && strlen(error) < sizeof(error));
		else
			CHECK(line.verb || line.globals.help || line.globals.version);
		cli_wants_json(list);
	}
}

static bool wants_json(const char *a, const char *b)
{
	char first[20], second[20];
	char *words[] = { first, second, NULL };

	snprintf(first, sizeof(first), "%s", a);
	snprintf(second, sizeof(second), "%s", b);
	return cli_wants_json(words);
}

static void json_wanted(void)
{
	CHECK(wants_json("dmseg", "--json"));
	CHECK(wants_json("--format", "json"));
	CHECK(wants_json("--format=json", "x"));
	CHECK(!wants_json("--", "--json"));
	CHECK(!wants_json("--format", "table"));
	CHECK(!wants_json("dmesg", "--format"));
}

static void check_options(const struct cli_option *options, size_t settings_size)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		static const size_t sizes[] = {
			[CLI_FLAG] = sizeof(bool),	  [CLI_SET] = sizeof(unsigned),
			[CLI_CHOICE] = sizeof(unsigned),  [CLI_CHOICES_SET] = sizeof(unsigned),
			[CLI_NUMBER] = sizeof(uint64_t),  [CLI_PERCENT] = sizeof(uint64_t),
			[CLI_SECONDS] = sizeof(uint64_t), [CLI_TEXT] = sizeof(const char *),
		};
		bool chooses = o->kind == CLI_CHOICE || o->kind == CLI_CHOICES_SET;
		size_t size = sizes[o->kind];

		CHECK_NOTE("--%s", o->name);
		CHECK(o->offset % size == 0 && o->offset + size <= settings_size);
		CHECK((o->value != NULL) == (o->kind != CLI_FLAG && o->kind != CLI_SET));
		CHECK((o->choices != NULL) == chooses);
		CHECK(o->words == CLI_CHOICES || o->kind == CLI_TEXT);
		CHECK(o->minimum <= o->maximum);
		CHECK(isupper((unsigned char)o->help[0]) && o->help[strlen(o->help) - 1] != '.');
		for (const struct cli_option *other = options; other != o; other++) {
			CHECK(strcmp(other->name, o->name) != 0);
			CHECK(!o->letter || other->letter != o->letter);
		}
	}
}

/* What the parser, help and completions rely on. */
static void tables(void)
{
	check_options(cli_global_options, sizeof(struct cli_globals));
	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct cli_verb *verb = cli_verbs[i];
		bool optional = false;

		CHECK(verb->name && verb->summary && verb->description && verb->run);
		CHECK(verb->formats & CLI_FORMAT(HVCTL_TABLE));
		CHECK((verb->settings_size != 0) == (verb->defaults != NULL));
		CHECK(cli_find_verb(verb->name) == verb);
		check_options(verb->options, verb->settings_size);
		for (const struct cli_option *o = verb->options; o && o->name; o++)
			for (const struct cli_option *g = cli_global_options; g->name; g++)
				CHECK(strcmp(o->name, g->name) != 0 &&
				      (!o->letter || o->letter != g->letter));
		for (const struct cli_operand *o = verb->operands; o && o->name; o++) {
			CHECK(!(optional && o->required));
			optional = !o->required;
		}
	}
}

static void suggestions(void)
{
	struct suggest suggest = { .word = "destory" };

	CHECK_EQ(suggest_distance("", ""), 0);
	CHECK_EQ(suggest_distance("abc", ""), 3);
	CHECK_EQ(suggest_distance("", "abc"), 3);
	CHECK_EQ(suggest_distance("kitten", "sitting"), 3);
	CHECK_EQ(suggest_distance("ab", "ba"), 1);
	CHECK_EQ(suggest_distance("abcdef", "abdcef"), 1);
	CHECK_EQ(suggest_distance("ca", "abc"), 3);
	CHECK_EQ(suggest_distance("0123456789012345678901234567890123456789x", "x"), SIZE_MAX);
	CHECK(!suggest_best(&suggest));
	suggest_add(&suggest, "dominfo");
	CHECK(!suggest_best(&suggest));
	suggest_add(&suggest, "destroy");
	suggest_add(&suggest, "restore");
	CHECK_STR(suggest_best(&suggest), "destroy");
}

static void text(void)
{
	char out[16];
	uint64_t n;

	CHECK_STR(text_escape(out, sizeof(out), "a\tb\x7f", 4), "a\\x09b\\x7f");
	CHECK_STR(text_escape(out, sizeof(out), "\0", 1), "\\x00");
	CHECK_STR(text_escape(out, sizeof(out), "0123456789abcdef", 16), "0123456789abcde");
	CHECK_STR(text_escape(out, sizeof(out), "0123456789ab\n", 13), "0123456789ab");
	CHECK_STR(text_escape(out, 1, "x", 1), "");

	CHECK_STR(text_printable(out, sizeof(out), "a\tb\x7f"), "a\\x09b\\x7f");
	CHECK_STR(text_printable(out, sizeof(out), "\xc3\xbc\xc2\x9b\xe2\x82\xac"),
		  "\xc3\xbc\\xc2\\x9b\xe2\x82\xac");
	CHECK_STR(text_printable(out, sizeof(out), "0123456789abcd\xc3\xbc"), "0123456789abcd");
	CHECK_STR(text_printable(out, sizeof(out), "0123456789abc\xc3\xbcx"),
		  "0123456789abc\xc3\xbc");
	CHECK_STR(text_printable(out, 1, "x"), "");

	CHECK_EQ(text_valid("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 10), 10);
	for (size_t i = 1; i < 4; i++)
		CHECK_EQ(text_valid("\xf0\x9f\x98\x80", i), 0);
	CHECK_EQ(text_valid("ab\0c", 4), 2);
	CHECK_EQ(text_valid("\xc0\x80", 2), 0); /* overlong */
	CHECK_EQ(text_valid("\xe0\x9f\xbf", 3), 0);
	CHECK_EQ(text_valid("\xf0\x8f\xbf\xbf", 4), 0);
	CHECK_EQ(text_valid("\xed\xa0\x80", 3), 0); /* a surrogate */
	CHECK_EQ(text_valid("\xed\x9f\xbf\xee\x80\x80", 6), 6);
	CHECK_EQ(text_valid("\xf4\x8f\xbf\xbf", 4), 4);
	CHECK_EQ(text_valid("\xf4\x90\x80\x80", 4), 0); /* above U+10FFFF */
	CHECK_EQ(text_valid("\xe2\x28\xa1", 3), 0);
	CHECK_EQ(text_valid("\x80", 1), 0);

	CHECK(text_parse_percent("12.5", &n) && n == 125);
	CHECK(text_parse_percent("100", &n) && n == 1000);
	CHECK(!text_parse_percent("1.25", &n));
	CHECK(!text_parse_percent("50%", &n));

	CHECK(text_parse_number("0", &n) && n == 0);
	CHECK(text_parse_number("18446744073709551615", &n) && n == UINT64_MAX);
	CHECK(!text_parse_number("18446744073709551616", &n));
	CHECK(!text_parse_number("", &n));
	CHECK(!text_parse_number("+1", &n));
	CHECK(!text_parse_number("1 ", &n));
	CHECK(text_parse_seconds("0.000000001", &n) && n == 1);
	CHECK(text_parse_seconds("10", &n) && n == 10000000000);
	CHECK(text_parse_seconds("18446744073.709551615", &n) && n == UINT64_MAX);
	CHECK(!text_parse_seconds("18446744073.709551616", &n));
	CHECK(!text_parse_seconds("1.0000000001", &n));
	CHECK(!text_parse_seconds("1.", &n));
	CHECK(!text_parse_seconds(".5", &n));
	CHECK(!text_parse_seconds("1.5s", &n));
	CHECK(!text_parse_seconds("1.2.3", &n));
	CHECK(!text_parse_seconds("", &n));
}

static void print_table(bool headings, const char *want)
{
	struct table table = { 0 };
	char *output = NULL;
	size_t size;
	FILE *out = open_memstream(&output, &size);

	REQUIRE(out);
	table_column(&table, true, "N");
	table_column(&table, false, "NAME");
	for (int i = 0; i < 2; i++) {
		table_cell(&table, "%d", i * 100);
		table_cell(&table, "%s", i ? "b" : "long one");
	}
	table_cell(&table, "a row that is not whole");
	CHECK(table_print(&table, out, headings));
	table_free(&table);
	fclose(out);
	CHECK_STR(output, want);
	free(output);
}

static void printed_tables(void)
{
	struct table table = { 0 };

	print_table(true, "  N  NAME\n"
			  "  0  long one\n"
			  "100  b\n");
	print_table(false, "  0  long one\n"
			   "100  b\n");
	for (int i = 0; i <= TABLE_MAX_COLUMNS; i++)
		table_column(&table, false, "x");
	CHECK(!table_print(&table, stdout, true));
	table_free(&table);
}

int main(void)
{
	CHECK_RUN(good_lines);
	CHECK_RUN(bad_lines);
	CHECK_RUN(any_words);
	CHECK_RUN(json_wanted);
	CHECK_RUN(tables);
	CHECK_RUN(suggestions);
	CHECK_RUN(text);
	CHECK_RUN(printed_tables);
	cli_free(&line);
	return check_done();
}
