/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes hvctl(1) at build time: man TEMPLATE prints the template with its lines
 * @SYNOPSIS@, @OPTIONS@, @VERBS@ and @STATUS@ replaced by what the tables say,
 * and @VERSION@ by the version. Never installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "mullion_version.h"
#include "usage.h"

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

static const char version[] =
	TEXT(MULLION_VERSION_MAJOR) "." TEXT(MULLION_VERSION_MINOR) "." TEXT(MULLION_VERSION_PATCH);

/* Plain text for roff: minus signs, backslashes, no requests by accident. */
static void print_text(const char *text)
{
	bool line_start = true;

	for (; *text; text++) {
		if (strncmp(text, "\n\n", 2) == 0) {
			fputs("\n.PP\n", stdout);
			text++;
			line_start = true;
			continue;
		}
		if (line_start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
		line_start = *text == '\n';
	}
}

static void print_option(const struct cli_option *option)
{
	fputs(".TP\n", stdout);
	if (option->letter)
		printf("\\fB\\-%c\\fR, ", option->letter);
	fputs("\\fB", stdout);
	fputs("\\-\\-", stdout);
	print_text(option->name);
	fputs("\\fR", stdout);
	if (option->value)
		printf(" \\fI%s\\fR", option->value);
	putchar('\n');
	print_text(option->help);
	for (size_t i = 0; option->choices && option->choices[i]; i++)
		printf("%s\\fB%s\\fR", i ? ", " : ":\n", option->choices[i]);
	fputs(".\n", stdout);
}

static void print_verb(const struct cli_verb *verb)
{
	fputs(".SS \"hvctl ", stdout);
	usage_synopsis(stdout, verb);
	fputs("\"\n", stdout);
	print_text(verb->description);
	putchar('\n');
	for (const struct cli_operand *o = verb->operands; o && o->name; o++) {
		printf(".TP\n\\fI%s\\fR\n", o->name);
		print_text(o->help);
		fputs(".\n", stdout);
	}
	for (const struct cli_option *o = verb->options; o && o->name; o++)
		print_option(o);
	for (const struct cli_example *e = verb->examples; e && e->command; e++) {
		fputs(".PP\n", stdout);
		print_text(e->help);
		fputs(":\n.PP\n.RS\n.EX\n", stdout);
		print_text(e->command);
		fputs("\n.EE\n.RE\n", stdout);
	}
}

static void print_statuses(void)
{
	for (const struct usage_status *s = usage_statuses; s->help; s++) {
		printf(".TP\n\\fB%d\\fR\n", s->status);
		print_text(s->help);
		fputs(".\n", stdout);
	}
}

static void print_line(const char *line)
{
	const char *at = strstr(line, "@VERSION@");

	if (strcmp(line, "@SYNOPSIS@\n") == 0) {
		for (size_t i = 0; cli_verbs[i]; i++) {
			fputs(i ? ".br\n.B hvctl\n" : ".B hvctl\n", stdout);
			usage_synopsis(stdout, cli_verbs[i]);
			putchar('\n');
		}
	} else if (strcmp(line, "@OPTIONS@\n") == 0) {
		for (const struct cli_option *o = cli_global_options; o->name; o++)
			print_option(o);
	} else if (strcmp(line, "@VERBS@\n") == 0) {
		for (size_t i = 0; cli_verbs[i]; i++)
			print_verb(cli_verbs[i]);
	} else if (strcmp(line, "@STATUS@\n") == 0) {
		print_statuses();
	} else if (at) {
		printf("%.*s%s%s", (int)(at - line), line, version, at + strlen("@VERSION@"));
	} else {
		fputs(line, stdout);
	}
}

int main(int argc, char **argv)
{
	char line[512];
	FILE *template;

	if (argc != 2) {
		fputs("Usage: man TEMPLATE\n", stderr);
		return EXIT_FAILURE;
	}
	template = fopen(argv[1], "re");
	if (!template) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return EXIT_FAILURE;
	}
	while (fgets(line, sizeof(line), template))
		print_line(line);
	fclose(template);
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
