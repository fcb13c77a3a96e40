/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl edit */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "definition.h"
#include "error.h"
#include "life.h"
#include "verbs.h"

#define PATH_SIZE 256

/* A definition that is being edited. */
struct edit {
	struct client *client;
	const struct partition *partition;
	const char *before; /* as hvd had it */
	char path[PATH_SIZE]; /* of the file that the editor gets */
};

static enum hvctl_status dump(struct client *client, const char *uuid, sd_json_variant **owner,
			      const char **xml)
{
	sd_json_variant *parameters = NULL;
	struct reply reply = { 0 };
	enum hvctl_status status;
	int error;

	error = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("partition", uuid),
			       SD_JSON_BUILD_PAIR_BOOLEAN("inactive", true));
	if (error < 0)
		return json_failed(error);
	status = client_call(client, "DumpXml", parameters, owner);
	if (status != HVCTL_OK)
		return status;
	reply.object = *owner;
	*xml = reply_text(&reply, "xml", true);
	return reply_check(&reply);
}

static enum hvctl_status write_file(struct edit *edit)
{
	const char *directory = getenv("TMPDIR");
	bool usable = directory && directory[0] == '/' && !strchr(directory, '\'') &&
		      strlen(directory) < PATH_SIZE - 32;
	size_t length = strlen(edit->before);
	ssize_t written;
	int fd;

	/* The shell gets the path between quotes. */
	snprintf(edit->path, sizeof(edit->path), "%s/hvctl-XXXXXX.xml",
		 usable ? directory : "/tmp");
	fd = mkostemps(edit->path, 4, O_CLOEXEC);
	if (fd < 0)
		return error_errno(errno, "cannot make %s", edit->path);
	written = write(fd, edit->before, length);
	if (close(fd) == 0 && written == (ssize_t)length)
		return HVCTL_OK;
	unlink(edit->path);
	return error_report(HVCTL_FAILED, "cannot write %s", edit->path);
}

/* $VISUAL and $EDITOR may have arguments: the shell takes them apart. */
static enum hvctl_status run_editor(const struct edit *edit)
{
	const char *editor = getenv("VISUAL");
	char command[1024];
	int status;

	if (!editor || !editor[0])
		editor = getenv("EDITOR");
	if (!editor || !editor[0])
		editor = "vi";
	if ((size_t)snprintf(command, sizeof(command), "%s '%s'", editor, edit->path) >=
	    sizeof(command))
		return error_report(HVCTL_USAGE, "edit: the editor's command is too long");
	/* NOLINTNEXTLINE(cert-env33-c): the user's own command, with the user's own rights */
	status = system(command);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return HVCTL_OK;
	return error_report(HVCTL_FAILED, "the editor '%s' failed", editor);
}

/* The name that the edited definition has is the partition's own, still. */
static enum hvctl_status check_name(const struct edit *edit, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	const char *name = reply_text(&reply, "name", true);
	enum hvctl_status status = reply_check(&reply);

	if (status != HVCTL_OK || strcmp(name, edit->partition->name) == 0)
		return status;
	return error_in_file(HVCTL_BAD_CONFIGURATION, edit->path, 0,
			     "<name>: '%s' would be another partition than '%s'", name,
			     edit->partition->name);
}

/* Another one's change must not be lost: the definition is still what was edited. */
static enum hvctl_status check_unchanged(const struct edit *edit)
{
	sd_json_variant *owner JSON_AUTO = NULL;
	enum hvctl_status status;
	const char *now = "";

	status = dump(edit->client, edit->partition->uuid, &owner, &now);
	if (status != HVCTL_OK || strcmp(now, edit->before) == 0)
		return status;
	return error_report(HVCTL_WRONG_STATE, "partition '%s' was defined anew meanwhile",
			    edit->partition->name);
}

static enum hvctl_status define(const struct edit *edit, const char *xml)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;

	status = definition_call(edit->client, "Validate", xml, edit->path, false, &answer);
	if (status == HVCTL_OK)
		status = check_name(edit, answer);
	if (status == HVCTL_OK)
		status = check_unchanged(edit);
	if (status == HVCTL_OK)
		status = definition_call(edit->client, "Define", xml, edit->path, false, NULL);
	return status;
}

/* *changed is false where nothing was edited. */
static enum hvctl_status edit_once(const struct edit *edit, bool *changed)
{
	enum hvctl_status status;
	const char *name = NULL;
	char *xml = NULL;

	status = run_editor(edit);
	if (status != HVCTL_OK)
		return status;
	status = definition_read(edit->path, &xml, &name);
	if (status != HVCTL_OK)
		return status;
	*changed = strcmp(xml, edit->before) != 0;
	if (*changed)
		status = define(edit, xml);
	free(xml);
	return status;
}

/* Whether the person at the terminal wants to mend what is wrong. */
static bool ask_again(void)
{
	char answer[16];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	fputs("Edit it again? [Y/n] ", stderr);
	return fgets(answer, sizeof(answer), stdin) && answer[0] != 'n' && answer[0] != 'N';
}

static enum hvctl_status edit_file(const struct edit *edit, bool *changed)
{
	enum hvctl_status status;

	do {
		status = edit_once(edit, changed);
	} while ((status == HVCTL_BAD_CONFIGURATION || status == HVCTL_UNSUPPORTED) && ask_again());
	return status;
}

static enum hvctl_status edit_definition(struct life_target *target, const struct cli_call *call)
{
	struct edit edit = {
		.client = &target->client,
		.partition = &target->partition,
		.before = "",
	};
	sd_json_variant *owner JSON_AUTO = NULL;
	enum hvctl_status status;
	bool changed = false;

	status = dump(edit.client, edit.partition->uuid, &owner, &edit.before);
	if (status == HVCTL_OK)
		status = write_file(&edit);
	if (status != HVCTL_OK)
		return status;
	status = edit_file(&edit, &changed);
	/* What a person has typed is not thrown away. */
	if (status != HVCTL_OK && changed && isatty(STDERR_FILENO))
		error_notice("what you edited is kept in %s", edit.path);
	else
		unlink(edit.path);
	if (status != HVCTL_OK)
		return status;
	return life_print(call, edit.partition->name, edit.partition->uuid, REPLY_NO_NUMBER,
			  changed ? "its definition is replaced" : "nothing was changed");
}

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct life_target target;

	status = life_open(&target, call);
	if (status == HVCTL_OK)
		status = edit_definition(&target, call);
	life_close(&target);
	return status;
}

static const struct cli_example examples[] = {
	{ "EDITOR=nano hvctl edit web", "Change its definition by hand" },
	{ "EDITOR=\"sed -i s/Debian12/Debian13/\" hvctl edit web", "Or by a command" },
	{ NULL, NULL },
};

const struct cli_verb verb_edit = {
	.name = "edit",
	.summary = "Edit a partition's definition",
	.description =
		"Opens the definition of a partition in $VISUAL, $EDITOR or vi, then checks it and "
		"defines it anew; a partition that runs goes on as it is until its next start. When "
		"something is wrong with it, or it was defined anew meanwhile, nothing is changed; "
		"on a terminal it can be edited again, and what was typed is kept in its file. The "
		"name cannot be changed.",
	.operands = life_operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
