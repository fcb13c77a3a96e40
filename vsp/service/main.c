/* SPDX-License-Identifier: GPL-2.0-only */
/* The common main(): options, signals, the loop. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "mullion_version.h"
#include "serve.h"

struct options {
	const char *listen; /* path of the socket; a pointer into the command line */
	bool help, version;
};

static bool parse(struct options *options, char *const *words, struct error *error)
{
	*options = (struct options){ 0 };
	for (; *words; words++) {
		const char *word = *words;

		if (strcmp(word, "--help") == 0)
			options->help = true;
		else if (strcmp(word, "--version") == 0)
			options->version = true;
		else if (strncmp(word, "--listen=", 9) == 0)
			options->listen = word + 9;
		else if (strcmp(word, "--listen") != 0)
			return error_set(error, ERROR_USAGE, "unknown option '%s' (see --help)",
					 word);
		else if (*++words)
			options->listen = *words;
		else
			return error_set(error, ERROR_USAGE, "--listen needs a value");
	}
	return true;
}

static void help(const struct service_program *program)
{
	printf("Usage: %s [--listen PATH]\n\n"
	       "%s\n"
	       "  --listen PATH  Serve %s on a socket at PATH, not on\n"
	       "                 the one that systemd gives\n"
	       "  --help         Print this and exit\n"
	       "  --version      Print the version and exit\n",
	       program->name, program->about, program->interface_name);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	(void)number, (void)what;
	event_base_loopbreak(context);
}

/* Runs until Stop or a signal. */
static int run(const struct service_program *program, struct event_base *base, const char *path)
{
	struct error error;
	struct service *service = service_new(program, base, path, &error);
	int result;

	if (!service)
		return error_print(&error);
	program->begin(service);
	sd_notify(false, "READY=1");
	result = event_base_dispatch(base);
	sd_notify(false, "STOPPING=1");
	program->end(service);
	service_free(service);
	return result < 0 ? ERROR_FAILED : 0;
}

static int run_with_signals(const struct service_program *program, const char *path)
{
	struct event_base *base = event_base_new();
	struct event *terminate = base ? evsignal_new(base, SIGTERM, on_signal, base) : NULL;
	struct event *interrupt = base ? evsignal_new(base, SIGINT, on_signal, base) : NULL;
	struct error error;
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (terminate && interrupt && event_add(terminate, NULL) == 0 &&
	    event_add(interrupt, NULL) == 0) {
		status = run(program, base, path);
	} else {
		error_fill_errno(&error, ENOMEM, "event loop");
		status = error_print(&error);
	}
	if (interrupt)
		event_free(interrupt);
	if (terminate)
		event_free(terminate);
	if (base)
		event_base_free(base);
	return status;
}

int service_main(const struct service_program *program, int argc, char *const *argv)
{
	struct options options;
	struct error error;

	error_name(program->name);
	if (argc < 1)
		return ERROR_USAGE;
	if (!parse(&options, argv + 1, &error))
		return error_print(&error);
	if (options.help) {
		help(program);
		return 0;
	}
	if (options.version) {
		printf("%s %s\n", program->name, MULLION_BUILD);
		return 0;
	}
	return run_with_signals(program, options.listen);
}
