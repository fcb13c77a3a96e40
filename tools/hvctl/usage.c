/* SPDX-License-Identifier: GPL-2.0-only */
/* Help on a terminal, made from the tables. */
#include "usage.h"

#include <string.h>

#define WIDTH 80
#define INDENT 28 /* where explanations begin */

const struct usage_status usage_statuses[] = {
	{ HVCTL_OK, "Done" },
	{ HVCTL_FAILED, "Failed" },
	{ HVCTL_USAGE, "The command line was not understood" },
	{ HVCTL_NO_PARTITION, "No such partition" },
	{ HVCTL_WRONG_STATE, "The partition is in a state that does not allow it" },
	{ HVCTL_BAD_CONFIGURATION, "Bad configuration" },
	{ HVCTL_UNREACHABLE, "Whoever is asked is not there: the hypervisor or the daemon" },
	{ HVCTL_UNSUPPORTED, "Not supported" },
	{ HVCTL_DENIED, "Permission denied" },
	{ HVCTL_TIMEOUT, "Not done in the time that --timeout allows" },
	{ HVCTL_BUSY, "Busy, or out of resources" },
	{ HVCTL_OK, NULL },
};

const char *usage_format_name(enum hvctl_format format)
{
	const struct cli_option *option = cli_global_options;

	while (strcmp(option->name, "format") != 0)
		option++;
	return option->choices[format];
}

/* The words of text in lines, column telling where the pen stands. */
static void print_wrapped(FILE *out, size_t indent, size_t column, const char *text)
{
	while (*text) {
		size_t gap = strspn(text, " \n");
		size_t paragraph = 0;
		size_t word;

		for (size_t i = 0; i < gap; i++)
			paragraph += text[i] == '\n';
		text += gap;
		word = strcspn(text, " \n");
		if (paragraph > 1)
			fputc('\n', out);
		if (paragraph > 1 || (column > indent && column + 1 + word > WIDTH)) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)word, text);
		column += word;
		text += word;
	}
	fputc('\n', out);
}

/* A label at the left, its explanation beside it or, if it is long, below. */
static void print_item(FILE *out, const char *label, const char *help)
{
	int used = fprintf(out, "  %s", label);

	if (used + 2 > INDENT) {
		fputc('\n', out);
		used = 0;
	}
	fprintf(out, "%*s", INDENT - used, "");
	print_wrapped(out, INDENT, INDENT, help);
}

static void print_option(FILE *out, const struct cli_option *option)
{
	char label[80], help[300];
	size_t used;

	snprintf(label, sizeof(label), "%c%c%c --%s%s%s", option->letter ? '-' : ' ',
		 option->letter ? option->letter : ' ', option->letter ? ',' : ' ', option->name,
		 option->value ? " " : "", option->value ? option->value : "");
	snprintf(help, sizeof(help), "%s", option->help);
	for (size_t i = 0; option->choices && option->choices[i]; i++) {
		used = strlen(help);
		snprintf(help + used, sizeof(help) - used, "%s%s%s", i ? ", " : " (",
			 option->choices[i], option->choices[i + 1] ? "" : ")");
	}
	print_item(out, label, help);
}

static void print_options(FILE *out, const char *heading, const struct cli_option *options)
{
	fprintf(out, "\n%s:\n", heading);
	for (; options->name; options++)
		print_option(out, options);
}

void usage_synopsis(FILE *out, const struct cli_verb *verb)
{
	fputs(verb->name, out);
	if (verb->options)
		fputs(" [OPTION...]", out);
	for (const struct cli_operand *o = verb->operands; o && o->name; o++)
		fprintf(out, o->required ? " %s%s" : " [%s]%s", o->name, o->many ? "..." : "");
}

static void print_verb(FILE *out, const struct cli_verb *verb)
{
	fputs("Usage: hvctl ", out);
	usage_synopsis(out, verb);
	fputs("\n\n", out);
	print_wrapped(out, 0, 0, verb->description);
	if (verb->operands)
		fputc('\n', out);
	for (const struct cli_operand *o = verb->operands; o && o->name; o++)
		print_item(out, o->name, o->help);
	if (verb->options)
		print_options(out, "Options", verb->options);
	if (verb->examples)
		fputs("\nExamples:\n", out);
	for (const struct cli_example *e = verb->examples; e && e->command; e++)
		fprintf(out, "  %s\n      %s\n", e->command, e->help);
	fputs("\nOptions of all verbs: hvctl help\n", out);
}

void usage_print(FILE *out, const struct cli_verb *verb)
{
	if (verb) {
		print_verb(out, verb);
		return;
	}
	fputs("Usage: hvctl [OPTION...] VERB [ARGUMENT...]\n\n"
	      "Shows and controls the Mullion hypervisor from its parent partition.\n\n"
	      "Verbs:\n",
	      out);
	for (size_t i = 0; cli_verbs[i]; i++)
		print_item(out, cli_verbs[i]->name, cli_verbs[i]->summary);
	print_options(out, "Options of all verbs", cli_global_options);
	fputs("\nA verb's own options and arguments: hvctl help VERB\n", out);
}
