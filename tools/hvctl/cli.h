/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line as tables. Parsing, --help, the man page and the shell
 * completions all come from them, so they cannot disagree.
 *
 * Every string in a table is static. Sentences in "help" and "summary" begin
 * with a capital and end without a full stop; they are plain ASCII.
 */
#ifndef HVCTL_CLI_H
#define HVCTL_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hvctl.h"

enum cli_kind {
	CLI_FLAG, /* bool := true */
	CLI_SET, /* unsigned := .set */
	CLI_CHOICE, /* unsigned := index in .choices */
	CLI_NUMBER, /* uint64_t, .minimum to .maximum */
	CLI_CHOICES_SET, /* unsigned |= 1 << index in .choices; may be given again */
	CLI_PERCENT, /* uint64_t thousandths, .minimum to .maximum; typed in percent */
	CLI_SECONDS, /* uint64_t nanoseconds, .minimum to .maximum; typed in seconds */
	CLI_TEXT, /* const char * := the value, which is not empty */
};

/* What a shell offers for an operand or an option's value. */
enum cli_words {
	CLI_CHOICES, /* .choices, or nothing without */
	CLI_FILES,
	CLI_PARTITIONS,
	CLI_VERBS, /* operands only */
};

/* A table of these ends with a NULL name. */
struct cli_option {
	const char *name; /* without its dashes */
	char letter; /* or 0; its value is the rest of the word, or the next word */
	enum cli_kind kind;
	size_t offset; /* of the variable in the settings */
	const char *value; /* how help calls the value; NULL where there is none */
	const char *const *choices; /* ends with NULL */
	enum cli_words words;
	unsigned set;
	uint64_t minimum;
	uint64_t maximum;
	const char *help;
};

/* A table of these ends with a NULL name; required ones come first. */
struct cli_operand {
	const char *name; /* as in NAME */
	bool required;
	bool many; /* the last one: one or more */
	enum cli_words words;
	const char *const *choices; /* ends with NULL; nothing else is accepted */
	const char *help;
};

struct cli_example {
	const char *command; /* NULL ends the table */
	const char *help;
};

struct cli_call;

struct cli_verb {
	const char *name;
	const char *summary;
	const char *description; /* for the man page: paragraphs, "\n\n" between */
	const struct cli_operand *operands; /* NULL: none */
	const struct cli_option *options; /* NULL: none */
	const struct cli_example *examples; /* NULL: none */
	const void *defaults; /* initial settings, settings_size bytes */
	size_t settings_size; /* 0: none */
	unsigned formats; /* bits CLI_FORMAT(...) that it can print */
	enum hvctl_status (*run)(const struct cli_call *call);
};

#define CLI_FORMAT(format) (1u << (format))
#define CLI_MAX_OPERANDS 20

struct cli_globals {
	unsigned format; /* enum hvctl_format */
	bool no_headers;
	bool no_color;
	bool quiet;
	bool verbose;
	bool help;
	bool version;
	uint64_t timeout_ns; /* 0: no limit */
	const char *connect; /* hvd's socket; NULL: the usual one */
};

/* A command line that was understood. */
struct cli_line {
	struct cli_globals globals;
	const struct cli_verb *verb; /* NULL: none was named */
	void *settings; /* the verb's, owned by the line */
	const char *operands[CLI_MAX_OPERANDS];
	size_t operand_count;
};

/* What a verb's run() gets. */
struct cli_call {
	const struct cli_line *line;
	uint64_t deadline; /* clock_now() at which it gives up; UINT64_MAX: never */
};

/* The tables. cli_verbs ends with NULL, in the order in which help lists them. */
extern const struct cli_option cli_global_options[];
extern const struct cli_verb *const cli_verbs[];

/* The verb of that name, or NULL. */
const struct cli_verb *cli_find_verb(const char *name);

/*
 * Parses words (argv without the program's name, ending with NULL; they must
 * outlive line). Returns false after writing one line without newline into
 * error. line must be freed by cli_free() in both cases. With --help or
 * --version, operands and format are not checked.
 */
bool cli_parse(struct cli_line *line, char *const *words, char *error, size_t error_size);
void cli_free(struct cli_line *line);

/* Whether the words ask for JSON, for errors before parsing got so far. */
bool cli_wants_json(char *const *words);

#endif
