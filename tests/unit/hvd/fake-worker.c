/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that speaks org.mullion.Worker and has no guest: for hvd's tests.
 *
 * What it is to do wrong stands in the command line of the kernel that it is given:
 *   fail-configure, fail-reset   that call fails
 *   hang-suspend                 Suspend is never answered
 *   pty=PATH                     what it calls its console
 *   want-vram=BYTES              Configure fails with another size, 0 meaning none
 * and it obeys signals as a guest would: SIGUSR1 powers off, SIGUSR2 reboots, SIGHUP
 * is a triple fault, SIGWINCH ends a test kernel.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <systemd/sd-varlink.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *state;
	const char *reason;
	char cmdline[256];
	char name[64];
	char pty[64];
	unsigned long id;
	unsigned long sequence;
	sd_varlink *subscriber;
	sd_event *event;
	int terminal;
} worker = { .state = "idle", .reason = "none", .terminal = -1 };

static int status_json(sd_json_variant **json)
{
	int code = strcmp(worker.reason, "debug_exit") == 0;

	return sd_json_buildo(
		json, SD_JSON_BUILD_PAIR_STRING("state", worker.state),
		SD_JSON_BUILD_PAIR_STRING("reason", worker.reason),
		SD_JSON_BUILD_PAIR_CONDITION(strcmp(worker.reason, "triple_fault") == 0, "detail",
					     SD_JSON_BUILD_STRING("vcpu 0 at 0x10 \x1b[31m")),
		SD_JSON_BUILD_PAIR_CONDITION(code, "code", SD_JSON_BUILD_INTEGER(42)),
		SD_JSON_BUILD_PAIR_INTEGER("pid", getpid()),
		SD_JSON_BUILD_PAIR_CONDITION(worker.id != 0, "partition_id",
					     SD_JSON_BUILD_UNSIGNED(worker.id)),
		SD_JSON_BUILD_PAIR_CONDITION(worker.pty[0], "pty",
					     SD_JSON_BUILD_STRING(worker.pty)),
		SD_JSON_BUILD_PAIR_UNSIGNED("console_bytes", 0));
}

static void tell(void)
{
	sd_json_variant *event = NULL;

	if (!worker.subscriber)
		return;
	sd_json_buildo(&event, SD_JSON_BUILD_PAIR_UNSIGNED("sequence", ++worker.sequence),
		       SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", (uint64_t)time(NULL) * 1000000000),
		       SD_JSON_BUILD_PAIR_STRING("state", worker.state),
		       SD_JSON_BUILD_PAIR_STRING("reason", worker.reason));
	sd_varlink_notifybo(worker.subscriber, SD_JSON_BUILD_PAIR_VARIANT("event", event));
	sd_json_variant_unref(event);
}

static void become(const char *state, const char *reason)
{
	worker.state = state;
	worker.reason = reason;
	tell();
}

static int wrong_state(sd_varlink *link)
{
	return sd_varlink_errorbo(link, "org.mullion.Worker.WrongState",
				  SD_JSON_BUILD_PAIR_STRING("state", worker.state));
}

static int refuse(sd_varlink *link, const char *what)
{
	return sd_varlink_errorbo(link, "org.mullion.Worker.BadConfiguration",
				  SD_JSON_BUILD_PAIR_STRING("message", what));
}

static bool told(const char *word)
{
	return strstr(worker.cmdline, word);
}

static int on_hello(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *data)
{
	(void)json, (void)flags, (void)data;
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_INTEGER("abi", 1),
				  SD_JSON_BUILD_PAIR_STRING("build", "fake"),
				  SD_JSON_BUILD_PAIR_INTEGER("pid", getpid()));
}

static unsigned long new_id(void)
{
	return (unsigned long)getpid() * 100 + worker.id % 100 + 1;
}

static void open_terminal(void)
{
	const char *word = strstr(worker.cmdline, "pty=");

	if (word) {
		sscanf(word, "pty=%63s", worker.pty);
		return;
	}
	worker.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (worker.terminal < 0 || grantpt(worker.terminal) || unlockpt(worker.terminal) ||
	    ptsname_r(worker.terminal, worker.pty, sizeof(worker.pty)) ||
	    write(worker.terminal, "hello\n", 6) != 6)
		worker.pty[0] = '\0';
}

static bool has_vram(sd_json_variant *config)
{
	sd_json_variant *vram = sd_json_variant_by_key(config, "vram");
	const char *word = strstr(worker.cmdline, "want-vram=");

	return !word || strtoull(word + strlen("want-vram="), NULL, 10) ==
				(vram ? sd_json_variant_unsigned(vram) : 0);
}

static int on_configure(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *data)
{
	sd_json_variant *config = sd_json_variant_by_key(json, "config");
	sd_json_variant *kernel = config ? sd_json_variant_by_key(config, "kernel_fd") : NULL;
	sd_json_variant *cmdline = config ? sd_json_variant_by_key(config, "cmdline") : NULL;
	char byte;

	(void)flags, (void)data;
	if (strcmp(worker.state, "idle") != 0)
		return wrong_state(link);
	if (!kernel || pread(sd_varlink_peek_fd(link, (size_t)sd_json_variant_unsigned(kernel)),
			     &byte, 1, 0) != 1)
		return refuse(link, "no kernel came");
	if (cmdline)
		snprintf(worker.cmdline, sizeof(worker.cmdline), "%s",
			 sd_json_variant_string(cmdline));
	if (!has_vram(config))
		return refuse(link, "another vram than was wanted");
	if (told("fail-configure"))
		return refuse(link, "told to\x1b fail");
	open_terminal();
	worker.id = new_id();
	become("created", "none");
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_STRING("pty", worker.pty));
}

static int on_start(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *data)
{
	(void)json, (void)flags, (void)data;
	if (strcmp(worker.state, "created") != 0)
		return wrong_state(link);
	become("running", "none");
	return sd_varlink_reply(link, NULL);
}

static int on_suspend(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		      void *data)
{
	(void)json, (void)flags, (void)data;
	if (strcmp(worker.state, "running") != 0)
		return wrong_state(link);
	if (told("hang-suspend"))
		return 0;
	become("suspended", "none");
	return sd_varlink_reply(link, NULL);
}

static int on_resume(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		     void *data)
{
	(void)json, (void)flags, (void)data;
	if (strcmp(worker.state, "suspended") != 0)
		return wrong_state(link);
	become("running", "none");
	return sd_varlink_reply(link, NULL);
}

static int on_reset(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *data)
{
	(void)json, (void)flags, (void)data;
	if (strcmp(worker.state, "idle") == 0)
		return wrong_state(link);
	if (told("fail-reset"))
		return refuse(link, "told to fail");
	worker.id = new_id();
	become("created", "none");
	return sd_varlink_reply(link, NULL);
}

static int on_flushed(sd_event_source *source, void *data)
{
	(void)source, (void)data;
	return sd_event_exit(worker.event, 0);
}

static int on_stop(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		   void *data)
{
	(void)json, (void)flags, (void)data;
	sd_varlink_reply(link, NULL);
	sd_varlink_flush(link);
	return sd_event_add_defer(worker.event, NULL, on_flushed, NULL);
}

static int on_status(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		     void *data)
{
	sd_json_variant *status = NULL;
	int result = status_json(&status);

	(void)json, (void)flags, (void)data;
	if (result >= 0)
		result = sd_varlink_reply(link, status);
	sd_json_variant_unref(status);
	return result;
}

static int on_subscribe(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *data)
{
	(void)json, (void)flags, (void)data;
	sd_varlink_unref(worker.subscriber);
	worker.subscriber = sd_varlink_ref(link);
	tell();
	return 0;
}

static int on_connect(sd_varlink_server *server, sd_varlink *link, void *data)
{
	(void)server, (void)data;
	return sd_varlink_set_allow_fd_passing_input(link, true);
}

static void on_disconnect(sd_varlink_server *server, sd_varlink *link, void *data)
{
	(void)server, (void)data;
	if (link == worker.subscriber)
		worker.subscriber = sd_varlink_unref(link);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source, (void)data;
	switch (info->ssi_signo) {
	case SIGUSR1:
		become("stopped", "poweroff");
		break;
	case SIGUSR2:
		become("stopped", "reboot");
		break;
	case SIGHUP:
		become("stopped", "triple_fault");
		break;
	case SIGWINCH:
		become("stopped", "debug_exit");
		break;
	default:
		return sd_event_exit(worker.event, 0);
	}
	return 0;
}

int main(int count, char **arguments)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGWINCH, SIGTERM };
	sd_varlink_server *server = NULL;
	int result;

	if (count != 3 || strcmp(arguments[1], "--listen") != 0)
		return 2;
	if (sd_event_default(&worker.event) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sd_event_add_signal(worker.event, NULL, signals[i] | SD_EVENT_SIGNAL_PROCMASK,
				    on_signal, NULL);
	result = sd_varlink_server_new(&server, 0);
	if (result >= 0)
		result = sd_varlink_server_bind_method_many(
			server, "org.mullion.Worker.Hello", on_hello,
			"org.mullion.Worker.Configure", on_configure, "org.mullion.Worker.Start",
			on_start, "org.mullion.Worker.Suspend", on_suspend,
			"org.mullion.Worker.Resume", on_resume, "org.mullion.Worker.Reset",
			on_reset, "org.mullion.Worker.Stop", on_stop, "org.mullion.Worker.Status",
			on_status, "org.mullion.Worker.Subscribe", on_subscribe);
	if (result >= 0)
		result = sd_varlink_server_bind_connect(server, on_connect);
	if (result >= 0)
		result = sd_varlink_server_bind_disconnect(server, on_disconnect);
	if (result >= 0)
		result = sd_varlink_server_listen_address(server, arguments[2], 0600);
	if (result >= 0)
		result = sd_varlink_server_attach_event(server, worker.event, 0);
	if (result >= 0)
		result = sd_event_loop(worker.event);
	return result < 0 ? 1 : 0;
}
