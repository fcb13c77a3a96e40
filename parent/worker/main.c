/* SPDX-License-Identifier: GPL-2.0-only */
/* hv-worker: one guest, as a service or by itself. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "machine.h"
#include "mullion_version.h"
#include "options.h"
#include "service.h"

/* The UART's interrupt line has risen. */
static void on_uart(void *context)
{
	board_raise(&((struct machine *)context)->board, BOARD_UART_PIN);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)info;
	(void)userdata;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static bool handle_signals(sd_event *event, struct error *error)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int result = sd_event_add_signal(event, NULL, signals[i] | SD_EVENT_SIGNAL_PROCMASK,
						 on_signal, NULL);

		if (result < 0)
			return error_errno(error, -result, "signals");
	}
	return true;
}

/* ---- By itself ---- */

struct alone {
	struct machine *machine;
	bool no_reboot;
	int status; /* the worker's exit status */
};

static int status_of(const struct end *end)
{
	switch (end->reason) {
	case REASON_POWEROFF:
	case REASON_REBOOT:
		return 0;
	case REASON_DEBUG_EXIT:
		return (end->code << 1 | 1) & 0xff;
	default:
		return ERROR_FAILED;
	}
}

static bool restart(struct machine *machine)
{
	struct error error;

	if (machine_reset(machine, &error) && machine_run(machine, &error))
		return true;
	error_print(&error);
	return false;
}

/* Deferred from on_change(), which runs in the midst of the machine's work. */
static int on_end(sd_event_source *source, void *userdata)
{
	struct alone *alone = userdata;
	struct machine *machine = alone->machine;

	sd_event_source_unref(source);
	if (machine->end.reason == REASON_REBOOT && !alone->no_reboot) {
		if (restart(machine))
			return 0;
		alone->status = ERROR_FAILED;
		return sd_event_exit(machine->event, 0);
	}
	if (machine->end.detail[0])
		notice("%s", machine->end.detail);
	alone->status = status_of(&machine->end);
	return sd_event_exit(machine->event, 0);
}

static void on_change(struct machine *machine)
{
	sd_event_source *source;

	if (machine->state == STATE_STOPPED)
		sd_event_add_defer(machine->event, &source, on_end, machine->context);
}

static bool open_file(int *fd, const char *path, struct error *error)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0)
		return true;
	error_fill_errno(error, errno, "%s", path);
	if (errno == ENOENT)
		error->kind = ERROR_CONFIG;
	return false;
}

static bool copy(char **to, const char *from, struct error *error)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to || error_errno(error, ENOMEM, "configuration");
}

static bool make_config(struct config *config, const struct options *options, struct error *error)
{
	*config = CONFIG_EMPTY;
	config->memory = options->memory;
	config->vcpus = options->vcpus;
	config->vram = options->vram;
	config->hugepages = options->hugepages;
	config->debug_exit = options->debug_exit;
	if (options->uuid && sd_id128_from_string(options->uuid, &config->uuid) < 0)
		return error_set(error, ERROR_USAGE, "--uuid: '%s' is no UUID", options->uuid);
	return copy(&config->name, options->name, error) &&
	       copy(&config->loader, options->loader, error) &&
	       copy(&config->cmdline, options->cmdline, error) &&
	       copy(&config->kernel_name, options->kernel, error) &&
	       copy(&config->initrd_name, options->initrd, error) &&
	       open_file(&config->kernel, options->kernel, error) &&
	       (!options->initrd || open_file(&config->initrd, options->initrd, error));
}

static bool open_console(struct machine *machine, const struct options *options,
			 struct error *error)
{
	if (!options->pty)
		return console_open_stdio(machine->console, machine->event, error);
	if (!console_open_pty(machine->console, machine->event, error))
		return false;
	notice("console on %s", console_path(machine->console));
	return true;
}

static int run_alone(struct machine *machine, const struct options *options)
{
	struct alone alone = { .machine = machine, .no_reboot = options->no_reboot };
	struct config config;
	struct error error;
	int result;

	if (!make_config(&config, options, &error)) {
		config_clear(&config);
		return error_print(&error);
	}
	if (!machine_configure(machine, &config, &error))
		return error_print(&error);
	/* Only now: messages up to here go to a terminal that is not raw. */
	if (!open_console(machine, options, &error) || !machine_run(machine, &error))
		return error_print(&error);
	machine->changed = on_change;
	machine->context = &alone;
	result = sd_event_loop(machine->event);
	console_flush(machine->console);
	machine->changed = NULL;
	machine->context = NULL;
	return result < 0 ? ERROR_FAILED : alone.status;
}

/* ---- As a service ---- */

static int serve(struct machine *machine, const struct options *options)
{
	struct service *service;
	struct error error;
	int result;

	service = service_new(machine, machine->event, options->listen, &error);
	if (!service)
		return error_print(&error);
	sd_notify(false, "READY=1");
	result = sd_event_loop(machine->event);
	service_free(service);
	return result < 0 ? ERROR_FAILED : 0;
}

static int run(const struct options *options)
{
	static struct machine machine;
	sd_event *event = NULL;
	struct error error;
	int status;

	if (sd_event_default(&event) < 0) {
		error_fill(&error, ERROR_FAILED, "no event loop");
		return error_print(&error);
	}
	if (!handle_signals(event, &error) || !machine_init(&machine, event, &error))
		return error_print(&error);
	machine.console = console_new(on_uart, &machine, &error);
	if (!machine.console)
		return error_print(&error);
	status = options->run ? run_alone(&machine, options) : serve(&machine, options);
	machine_free(&machine);
	sd_event_unref(event);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct error error;

	if (argc < 1)
		return ERROR_USAGE;
	if (!options_parse(&options, argv + 1, &error))
		return error_print(&error);
	if (options.help) {
		options_help();
		return 0;
	}
	if (options.version) {
		printf("hv-worker %s\n", MULLION_BUILD);
		return 0;
	}
	return run(&options);
}
