/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parsing a command line by the tables of cli.h.
 *
 * Options may stand anywhere, a verb's own behind the verb; "--" ends them.
 * Names are never abbreviated: a script must not break when a verb gets a
 * further option.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "text.h"

#define SECOND_NS UINT64_C(1000000000)

static const char *const format_names[] = { "table", "json", "name", NULL };

const struct cli_option cli_global_options[] = {
	{ .name = "json",
	  .kind = CLI_SET,
	  .set = HVCTL_JSON,
	  .offset = offsetof(struct cli_globals, format),
	  .help = "Print JSON, the same as --format json" },
	{ .name = "format",
	  .kind = CLI_CHOICE,
	  .choices = format_names,
	  .value = "FORMAT",
	  .offset = offsetof(struct cli_globals, format),
	  .help = "Print a table (the default), JSON, or names alone" },
	{ .name = "no-headers",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct cli_globals, no_headers),
	  .help = "Leave out the headings of tables" },
	{ .name = "no-color",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct cli_globals, no_color),
	  .help = "Print no colours, not on a terminal either" },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct cli_globals, quiet),
	  .help = "Print no notices on standard error, only errors" },
	{ .name = "verbose",
	  .letter = 'v',
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct cli_globals, verbose),
	  .help = "Say on standard error what is being done" },
	{ .name = "timeout",
	  .kind = CLI_SECONDS,
	  .value = "SECONDS",
	  .minimum = 1,
	  .maximum = 1000000000 * SECOND_NS,
	  .offset = offsetof(struct cli_globals, timeout_ns),
	  .help = "Give up when a verb is not done by then, with exit status 9" },
	{ .name = "connect",
	  .kind = CLI_TEXT,
	  .value = "SOCKET",
	  .words = CLI_FILES,
	  .offset = offsetof(struct cli_globals, connect),
	  .help = "Talk to the daemon at this socket instead of the usual one" },
	{ .name = "help",
	  .letter = 'h',
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct cli_globals, help),
	  .help = "Explain hvctl, or the verb, and exit" },
	{ .name = "version",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct cli_globals, version),
	  .help = "Print hvctl's own version and exit" },
	{ .name = NULL },
};

/* A parse in progress. Each function returns false once error is written. */
struct parse {
	struct cli_line *line;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parse *parse, const char *format, ...)
{
	const struct cli_verb *verb = parse->line->verb;
	va_list arguments;
	int used = 0;

	if (verb)
		used = snprintf(parse->error, parse->error_size, "%s: ", verb->name);
	if (used < 0 || (size_t)used >= parse->error_size)
		return false;
	va_start(arguments, format);
	vsnprintf(parse->error + used, parse->error_size - (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

/* "what 'word'", with the best of the suggestions, or else without one. */
static bool fail_unknown(struct parse *parse, const char *what, const char *word,
			 const struct suggest *suggest)
{
	const char *best = suggest_best(suggest);

	if (best)
		return fail(parse, "%s '%s' (did you mean '%s'?)", what, word, best);
	return fail(parse, "%s '%s'", what, word);
}

const struct cli_verb *cli_find_verb(const char *name)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		if (strcmp(cli_verbs[i]->name, name) == 0)
			return cli_verbs[i];
	return NULL;
}

static const struct cli_option *find_long(const struct cli_option *options, const char *name,
					  size_t length)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

static bool find_choice(const char *const *choices, const char *word, unsigned *index)
{
	for (unsigned i = 0; choices[i]; i++) {
		if (strcmp(choices[i], word) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool fail_choice(struct parse *parse, const char *what, const char *word,
			const char *const *choices)
{
	struct suggest suggest = { .word = word };
	char list[160] = "";

	for (size_t i = 0; choices[i]; i++)
		suggest_add(&suggest, choices[i]);
	if (suggest_best(&suggest))
		return fail_unknown(parse, what, word, &suggest);
	for (size_t i = 0; choices[i]; i++) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s",
			 i == 0		? "" :
			 choices[i + 1] ? ", " :
					  " or ",
			 choices[i]);
	}
	return fail(parse, "%s '%s' (%s)", what, word, list);
}

/* The bytes at offset in the settings that the option's table describes. */
static void *variable(struct parse *parse, const struct cli_option *option, bool global)
{
	char *settings = global ? (char *)&parse->line->globals : parse->line->settings;

	return settings + option->offset;
}

/* How numbers are typed: what they are called, and how many of theirs make a typed 1. */
static const struct {
	const char *what;
	bool (*parse)(const char *text, uint64_t *number);
	double unit;
} numbers[] = {
	[CLI_NUMBER] = { "number", text_parse_number, 1 },
	[CLI_PERCENT] = { "percentage", text_parse_percent, 10 },
	[CLI_SECONDS] = { "number of seconds", text_parse_seconds, (double)SECOND_NS },
};

static bool store_number(struct parse *parse, const struct cli_option *option, uint64_t *number,
			 const char *value)
{
	if (!numbers[option->kind].parse(value, number))
		return fail(parse, "--%s: '%s' is no %s", option->name, value,
			    numbers[option->kind].what);
	if (*number >= option->minimum && *number <= option->maximum)
		return true;
	if (option->kind != CLI_NUMBER)
		return fail(parse, "--%s: '%s' is not between %g and %g", option->name, value,
			    (double)option->minimum / numbers[option->kind].unit,
			    (double)option->maximum / numbers[option->kind].unit);
	return fail(parse, "--%s: '%s' is not between %llu and %llu", option->name, value,
		    (unsigned long long)option->minimum, (unsigned long long)option->maximum);
}

static bool store_choice(struct parse *parse, const struct cli_option *option, unsigned *target,
			 const char *value)
{
	unsigned index;
	char what[64];

	if (!find_choice(option->choices, value, &index)) {
		snprintf(what, sizeof(what), "--%s: unknown value", option->name);
		return fail_choice(parse, what, value, option->choices);
	}
	if (option->kind == CLI_CHOICES_SET)
		*target |= 1u << index;
	else
		*target = index;
	return true;
}

/* value is NULL where none was typed. */
static bool store(struct parse *parse, const struct cli_option *option, bool global,
		  const char *value)
{
	void *target = variable(parse, option, global);

	if (option->kind == CLI_FLAG) {
		*(bool *)target = true;
		return true;
	}
	if (option->kind == CLI_SET) {
		*(unsigned *)target = option->set;
		return true;
	}
	if (!value)
		return fail(parse, "--%s needs a value", option->name);
	if (option->kind == CLI_TEXT) {
		if (!value[0])
			return fail(parse, "--%s needs a value", option->name);
		*(const char **)target = value;
		return true;
	}
	if (option->kind == CLI_CHOICE || option->kind == CLI_CHOICES_SET)
		return store_choice(parse, option, target, value);
	return store_number(parse, option, target, value);
}

static void suggest_options(struct suggest *suggest, const struct cli_option *options)
{
	for (; options && options->name; options++)
		suggest_add(suggest, options->name);
}

static bool fail_option(struct parse *parse, const char *name)
{
	const struct cli_verb *verb = parse->line->verb;
	struct suggest suggest = { .word = name };
	const char *best;

	if (verb)
		suggest_options(&suggest, verb->options);
	suggest_options(&suggest, cli_global_options);
	best = suggest_best(&suggest);
	if (best)
		return fail(parse, "unknown option '--%s' (did you mean '--%s'?)", name, best);
	return fail(parse, "unknown option '--%s'", name);
}

/*
 * word is behind the dashes, next the word after it or NULL. *used becomes true
 * when next was the option's value.
 */
static bool parse_long(struct parse *parse, const char *word, const char *next, bool *used)
{
	const struct cli_verb *verb = parse->line->verb;
	size_t length = strcspn(word, "=");
	const struct cli_option *option;
	const char *value = NULL;
	bool global = false;
	char name[64];

	option = find_long(verb ? verb->options : NULL, word, length);
	if (!option) {
		option = find_long(cli_global_options, word, length);
		global = true;
	}
	if (!option) {
		snprintf(name, sizeof(name), "%.*s", (int)(length < 63 ? length : 63), word);
		return fail_option(parse, name);
	}
	if (!option->value) {
		if (word[length])
			return fail(parse, "--%s takes no value", option->name);
	} else if (word[length]) {
		value = word + length + 1;
	} else {
		value = next;
		*used = next != NULL;
	}
	return store(parse, option, global, value);
}

/* Letters behind one dash; next and used as for parse_long(). */
static bool parse_letters(struct parse *parse, const char *letters, const char *next, bool *used)
{
	const struct cli_verb *verb = parse->line->verb;

	for (; *letters; letters++) {
		const struct cli_option *option;
		bool global = false;

		option = find_letter(verb ? verb->options : NULL, *letters);
		if (!option) {
			option = find_letter(cli_global_options, *letters);
			global = true;
		}
		if (!option)
			return fail(parse, "unknown option '-%c'", *letters);
		if (option->value && letters[1])
			return store(parse, option, global, letters + 1);
		*used = option->value && next;
		if (!store(parse, option, global, *used ? next : NULL))
			return false;
	}
	return true;
}

static bool fail_verb(struct parse *parse, const char *word)
{
	struct suggest suggest = { .word = word };

	for (size_t i = 0; cli_verbs[i]; i++)
		suggest_add(&suggest, cli_verbs[i]->name);
	return fail_unknown(parse, "unknown verb", word, &suggest);
}

static bool parse_verb(struct parse *parse, const char *word)
{
	const struct cli_verb *verb = cli_find_verb(word);

	if (!verb)
		return fail_verb(parse, word);
	if (verb->settings_size) {
		parse->line->settings = malloc(verb->settings_size);
		if (!parse->line->settings)
			return fail(parse, "out of memory");
		memcpy(parse->line->settings, verb->defaults, verb->settings_size);
	}
	parse->line->verb = verb;
	return true;
}

static bool parse_operand(struct parse *parse, const char *word)
{
	struct cli_line *line = parse->line;

	if (!line->verb)
		return parse_verb(parse, word);
	if (line->operand_count == CLI_MAX_OPERANDS)
		return fail(parse, "too many arguments");
	line->operands[line->operand_count++] = word;
	return true;
}

static bool check_operand(struct parse *parse, const struct cli_operand *operand, const char *word)
{
	char what[64];
	unsigned index;

	if (operand->words == CLI_VERBS)
		return cli_find_verb(word) || fail_verb(parse, word);
	if (!operand->choices || find_choice(operand->choices, word, &index))
		return true;
	snprintf(what, sizeof(what), "unknown %s", operand->name);
	return fail_choice(parse, what, word, operand->choices);
}

static bool check_operands(struct parse *parse)
{
	const struct cli_line *line = parse->line;
	const struct cli_operand *operand = line->verb->operands;
	bool again = false; /* operand is one of many that was there already */
	size_t n = 0;

	for (; operand && operand->name && n < line->operand_count; n++) {
		if (!check_operand(parse, operand, line->operands[n]))
			return false;
		again = operand->many;
		operand += !again;
	}
	if (operand && operand->name && operand->required && !again)
		return fail(parse, "%s is missing", operand->name);
	if (n < line->operand_count)
		return fail(parse, "unexpected argument '%s'", line->operands[n]);
	return true;
}

static bool check_format(struct parse *parse)
{
	const struct cli_line *line = parse->line;

	if (line->verb->formats & CLI_FORMAT(line->globals.format))
		return true;
	return fail(parse, "cannot print as %s", format_names[line->globals.format]);
}

bool cli_parse(struct cli_line *line, char *const *words, char *error, size_t error_size)
{
	struct parse parse = { .line = line, .error = error, .error_size = error_size };
	bool options = true;

	*line = (struct cli_line){ 0 };
	for (; *words; words++) {
		const char *word = *words;
		bool good, used = false;

		if (options && strcmp(word, "--") == 0) {
			options = false;
			continue;
		}
		if (options && word[0] == '-' && word[1] == '-')
			good = parse_long(&parse, word + 2, words[1], &used);
		else if (options && word[0] == '-' && word[1])
			good = parse_letters(&parse, word + 1, words[1], &used);
		else
			good = parse_operand(&parse, word);
		if (!good)
			return false;
		words += used;
	}
	if (line->globals.help || line->globals.version)
		return true;
	if (!line->verb)
		return fail(&parse, "no verb is named (see 'hvctl help')");
	return check_operands(&parse) && check_format(&parse);
}

void cli_free(struct cli_line *line)
{
	free(line->settings);
	line->settings = NULL;
}

bool cli_wants_json(char *const *words)
{
	for (; *words && strcmp(*words, "--") != 0; words++) {
		if (strcmp(*words, "--json") == 0 || strcmp(*words, "--format=json") == 0)
			return true;
		if (strcmp(*words, "--format") == 0 && words[1] && strcmp(words[1], "json") == 0)
			return true;
	}
	return false;
}
