/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shell completions made from the tables. Names of options, verbs and choices
 * are plain words; sentences are quoted for the shell.
 */
#include "complete.h"

#include <string.h>

#include "cli.h"

#define LIST_PARTITIONS "hvctl list --all --format name 2>/dev/null"

/* Prints text for the inside of a quoted word, special characters escaped. */
static void print_quoted(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", out);
		else if (strchr(special, *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void print_words(FILE *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
}

static void print_verb_names(FILE *out)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", cli_verbs[i]->name);
}

/* bash */

static void bash_option_names(FILE *out, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		fprintf(out, " --%s", options->name);
		if (options->letter)
			fprintf(out, " -%c", options->letter);
	}
}

/* "SCOPE:--NAME", and "SCOPE:-N" where the option has a letter: a case's pattern. */
static void bash_pattern(FILE *out, const char *scope, const struct cli_option *option)
{
	fprintf(out, "%s:--%s", scope, option->name);
	if (option->letter)
		fprintf(out, " | %s:-%c", scope, option->letter);
	fputc(')', out);
}

/* What "words=" is set to. Names of files are not words: they may have blanks. */
static void bash_words(FILE *out, enum cli_words words, const char *const *choices)
{
	switch (words) {
	case CLI_CHOICES:
		fputc('\'', out);
		if (choices)
			print_words(out, choices);
		fputc('\'', out);
		break;
	case CLI_FILES:
		fputs("'' files=1", out);
		break;
	case CLI_PARTITIONS:
		fputs("$(" LIST_PARTITIONS ")", out);
		break;
	case CLI_VERBS:
		fputc('\'', out);
		print_verb_names(out);
		fputc('\'', out);
		break;
	}
}

/* Cases for the options that take a value. */
static void bash_values(FILE *out, const char *scope, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		if (!options->value)
			continue;
		fputc('\t', out);
		bash_pattern(out, scope, options);
		fputs(" words=", out);
		bash_words(out, options->words, options->choices);
		fputs(" ;;\n", out);
	}
}

/* Cases that leave out the value of an option: one word, or "=" and one. */
static void bash_skips(FILE *out, const char *scope, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		if (!options->value)
			continue;
		fputs("\t\t", out);
		bash_pattern(out, scope, options);
		fputs(" [[ ${COMP_WORDS[i + 1]-} == '=' ]] && ((i++))\n"
		      "\t\t\t((i++)) ;;\n",
		      out);
	}
}

static void bash_verb(FILE *out, const struct cli_verb *verb)
{
	fprintf(out, "\t%s:-*) words='", verb->name);
	bash_option_names(out, verb->options);
	bash_option_names(out, cli_global_options);
	fputs("' ;;\n", out);
	for (size_t i = 0; verb->operands && verb->operands[i].name; i++) {
		fprintf(out, "\t%s:*:%zu) words=", verb->name, i);
		bash_words(out, verb->operands[i].words, verb->operands[i].choices);
		fputs(" ;;\n", out);
	}
}

void complete_bash(FILE *out)
{
	fputs("# bash completion for hvctl, made by: hvctl completion bash\n"
	      "_hvctl()\n"
	      "{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	      "\tlocal verb='' operands=0 words='' files='' i\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [[ $cur == '=' ]]; then\n"
	      "\t\tcur=''\n"
	      "\telif [[ $prev == '=' && COMP_CWORD -gt 1 ]]; then\n"
	      "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	      "\tfi\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase $verb:${COMP_WORDS[i]} in\n",
	      out);
	bash_skips(out, "*", cli_global_options);
	for (size_t i = 0; cli_verbs[i]; i++)
		bash_skips(out, cli_verbs[i]->name, cli_verbs[i]->options);
	fputs("\t\t*:-*) ;;\n"
	      "\t\t:*) verb=${COMP_WORDS[i]} ;;\n"
	      "\t\t*) ((operands++)) ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase $verb:$prev in\n",
	      out);
	for (size_t i = 0; cli_verbs[i]; i++)
		bash_values(out, cli_verbs[i]->name, cli_verbs[i]->options);
	bash_values(out, "*", cli_global_options);
	fputs("\t*) case $verb:$cur:$operands in\n"
	      "\t:-*) words='",
	      out);
	bash_option_names(out, cli_global_options);
	fputs("' ;;\n\t:*) words='", out);
	print_verb_names(out);
	fputs("' ;;\n", out);
	for (size_t i = 0; cli_verbs[i]; i++)
		bash_verb(out, cli_verbs[i]);
	fputs("\tesac ;;\n"
	      "\tesac\n"
	      "\tif [[ $files ]]; then\n"
	      "\t\tcompopt -o filenames 2>/dev/null\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "}\n"
	      "complete -F _hvctl hvctl\n",
	      out);
}

/* zsh */

/* The last part of an argument for zsh's _arguments: what to offer. */
static void zsh_words(FILE *out, enum cli_words words, const char *const *choices)
{
	switch (words) {
	case CLI_CHOICES:
		if (!choices)
			break;
		fputc('(', out);
		print_words(out, choices);
		fputc(')', out);
		break;
	case CLI_FILES:
		fputs("_files", out);
		break;
	case CLI_PARTITIONS:
		fputs("_hvctl_partitions", out);
		break;
	case CLI_VERBS:
		fputs("_hvctl_verbs", out);
		break;
	}
}

/* One argument for zsh's _arguments for each way to type the option. */
static void zsh_option(FILE *out, const struct cli_option *option, char letter)
{
	if (letter)
		fprintf(out, " \\\n\t\t\t'-%c%s[", letter, option->value ? "+" : "");
	else
		fprintf(out, " \\\n\t\t\t'--%s%s[", option->name, option->value ? "=" : "");
	print_quoted(out, option->help, "[]:\\");
	fputc(']', out);
	if (option->value) {
		fprintf(out, ":%s:", option->value);
		zsh_words(out, option->words, option->choices);
	}
	fputc('\'', out);
}

static void zsh_options(FILE *out, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		zsh_option(out, options, 0);
		if (options->letter)
			zsh_option(out, options, options->letter);
	}
}

static void zsh_operand(FILE *out, const struct cli_operand *operand)
{
	fprintf(out, " \\\n\t\t\t'%s:%s:",
		operand->many	  ? "*" :
		operand->required ? "" :
				    ":",
		operand->name);
	zsh_words(out, operand->words, operand->choices);
	fputc('\'', out);
}

void complete_zsh(FILE *out)
{
	fputs("#compdef hvctl\n"
	      "# zsh completion for hvctl, made by: hvctl completion zsh\n"
	      "_hvctl_partitions()\n"
	      "{\n"
	      "\tlocal -a partitions\n"
	      "\tpartitions=(${(f)\"$(" LIST_PARTITIONS ")\"})\n"
	      "\t_describe -t partitions partition partitions\n"
	      "}\n"
	      "_hvctl_verbs()\n"
	      "{\n"
	      "\tlocal -a verbs\n"
	      "\tverbs=(\n",
	      out);
	for (size_t i = 0; cli_verbs[i]; i++) {
		fprintf(out, "\t\t'%s:", cli_verbs[i]->name);
		print_quoted(out, cli_verbs[i]->summary, ":\\");
		fputs("'\n", out);
	}
	fputs("\t)\n"
	      "\t_describe -t verbs verb verbs\n"
	      "}\n"
	      "_hvctl()\n"
	      "{\n"
	      "\tlocal context state state_descr line\n"
	      "\tlocal -a global\n"
	      "\ttypeset -A opt_args\n"
	      "\tglobal=(",
	      out);
	zsh_options(out, cli_global_options);
	fputs("\n\t)\n"
	      "\t_arguments -C $global ':verb:_hvctl_verbs' '*:: :->arguments'\n"
	      "\t[[ $state == arguments ]] || return\n"
	      "\tcase $line[1] in\n",
	      out);
	for (size_t i = 0; cli_verbs[i]; i++) {
		fprintf(out, "\t%s)\n\t\t_arguments $global", cli_verbs[i]->name);
		zsh_options(out, cli_verbs[i]->options);
		for (const struct cli_operand *o = cli_verbs[i]->operands; o && o->name; o++)
			zsh_operand(out, o);
		fputs("\n\t\t;;\n", out);
	}
	fputs("\tesac\n"
	      "}\n"
	      "if [[ $funcstack[1] == _hvctl ]]; then\n"
	      "\t_hvctl \"$@\"\n"
	      "else\n"
	      "\tcompdef _hvctl hvctl\n"
	      "fi\n",
	      out);
}

/* fish */

static void fish_options(FILE *out, const char *verb, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		fputs("complete -c hvctl", out);
		if (verb)
			fprintf(out, " -n '__fish_seen_subcommand_from %s'", verb);
		if (options->letter)
			fprintf(out, " -s %c", options->letter);
		fprintf(out, " -l %s", options->name);
		if (options->value)
			fputs(options->words == CLI_FILES ? " -r -F" : " -x", out);
		if (options->choices) {
			fputs(" -a '", out);
			print_words(out, options->choices);
			fputc('\'', out);
		}
		fputs(" -d '", out);
		print_quoted(out, options->help, "\\");
		fputs("'\n", out);
	}
}

static void fish_operand(FILE *out, const char *verb, const struct cli_operand *operand)
{
	fprintf(out, "complete -c hvctl -n '__fish_seen_subcommand_from %s'", verb);
	if (operand->words == CLI_FILES) {
		fputs(" -F\n", out);
		return;
	}
	fputs(" -a '", out);
	if (operand->words == CLI_PARTITIONS)
		fputs("(" LIST_PARTITIONS ")", out);
	else if (operand->words == CLI_VERBS)
		print_verb_names(out);
	else if (operand->choices)
		print_words(out, operand->choices);
	fputs("' -d '", out);
	print_quoted(out, operand->help, "\\");
	fputs("'\n", out);
}

void complete_fish(FILE *out)
{
	fputs("# fish completion for hvctl, made by: hvctl completion fish\n"
	      "complete -c hvctl -f\n",
	      out);
	fish_options(out, NULL, cli_global_options);
	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct cli_verb *verb = cli_verbs[i];

		fprintf(out, "complete -c hvctl -n __fish_use_subcommand -a %s -d '", verb->name);
		print_quoted(out, verb->summary, "\\");
		fputs("'\n", out);
		fish_options(out, verb->name, verb->options);
		for (const struct cli_operand *o = verb->operands; o && o->name; o++)
			fish_operand(out, verb->name, o);
	}
}
