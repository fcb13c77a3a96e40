/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that speaks org.mullion.Vsp, Storage, Network or Gpu, by the directory that its
 * socket is in, and has no guest: for hvd's tests. Each call is a line of the file
 * "calls" two directories above its own:
 *
 *   ROLE PID METHOD PARAMETERS
 *
 * What it is to do wrong stands in the partition's name:
 *   fail-ROLE   Configure fails
 *   die-ROLE    the process ends instead of answering Configure
 *   deaf        the guest cannot be asked
 *   stay        Stop does not end it
 *   full        AddDisk and AddCard fail
 *   once        Provide works once
 * Descriptors of tap devices stay open until it ends.
 *
 * It obeys signals: SIGUSR1 is the guest's driver that answers (Vsp), or a disk
 * without room (Storage); SIGUSR2 is the guest that tells its addresses. For those of Gpu
 * see fake-gpu.c.
 */
#include "fake-devices.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct fake fake = { .heartbeat = "none", .socket = -1 };

void note(const char *method, sd_json_variant *json)
{
	FILE *file = fopen(fake.calls, "ae");
	char *text = NULL;

	if (!file)
		return;
	sd_json_variant_format(json, SD_JSON_FORMAT_CENSOR_SENSITIVE, &text);
	fprintf(file, "%s %d %s %s\n", fake.role, getpid(), method, text ? text : "{}");
	fclose(file);
	free(text);
}

static bool told(const char *word)
{
	char both[32];

	snprintf(both, sizeof(both), "%s-%s", word, fake.role);
	return strstr(fake.name, both) || strcmp(fake.name, word) == 0;
}

int refuse(sd_varlink *link, const char *error, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.%s", fake.interface, error);
	return sd_varlink_errorbo(link, name, SD_JSON_BUILD_PAIR_STRING("message", what));
}

/* The descriptor whose index is a field's value; -1. */
int descriptor(sd_varlink *link, sd_json_variant *json, const char *field)
{
	sd_json_variant *index = sd_json_variant_by_key(json, field);

	return index ? sd_varlink_peek_fd(link, (size_t)sd_json_variant_unsigned(index)) : -1;
}

static int add_lun(sd_json_variant **all, sd_json_variant *disk)
{
	return sd_json_variant_append_arraybo(
		all, SD_JSON_BUILD_PAIR_VARIANT("lun", sd_json_variant_by_key(disk, "lun")),
		SD_JSON_BUILD_PAIR_UNSIGNED("size", 1048576),
		SD_JSON_BUILD_PAIR_UNSIGNED("reads", 7),
		SD_JSON_BUILD_PAIR_UNSIGNED("read_bytes", 28672),
		SD_JSON_BUILD_PAIR_UNSIGNED("read_ns", 70),
		SD_JSON_BUILD_PAIR_UNSIGNED("writes", 3),
		SD_JSON_BUILD_PAIR_UNSIGNED("write_bytes", 1536),
		SD_JSON_BUILD_PAIR_UNSIGNED("write_ns", 30),
		SD_JSON_BUILD_PAIR_UNSIGNED("flushes", 1),
		SD_JSON_BUILD_PAIR_UNSIGNED("flush_ns", 9),
		SD_JSON_BUILD_PAIR_UNSIGNED("discards", 0),
		SD_JSON_BUILD_PAIR_UNSIGNED("discard_bytes", 0),
		SD_JSON_BUILD_PAIR_UNSIGNED("errors", 0));
}

static int add_instance(sd_json_variant **all, sd_json_variant *card)
{
	return sd_json_variant_append_arraybo(
		all,
		SD_JSON_BUILD_PAIR_VARIANT("instance", sd_json_variant_by_key(card, "instance")),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_bytes", 100),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_packets", 2),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_drops", 0),
		SD_JSON_BUILD_PAIR_UNSIGNED("rx_errors", 0),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_bytes", 50),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_packets", 1),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_drops", 0),
		SD_JSON_BUILD_PAIR_UNSIGNED("tx_errors", 0));
}

static bool is_gpu(void)
{
	return strcmp(fake.role, "gpu") == 0;
}

static bool is_net(void)
{
	return strcmp(fake.role, "net") == 0;
}

void tell(sd_json_variant *event)
{
	if (fake.subscriber)
		sd_varlink_notifybo(fake.subscriber, SD_JSON_BUILD_PAIR_VARIANT("event", event));
}

static void tell_vsp(void)
{
	sd_json_variant *event = NULL;
	bool there = strcmp(fake.heartbeat, "ok") == 0;

	sd_json_buildo(&event, SD_JSON_BUILD_PAIR_UNSIGNED("sequence", ++fake.sequence),
		       SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", (uint64_t)time(NULL) * 1000000000),
		       SD_JSON_BUILD_PAIR_CONDITION(there, "version", SD_JSON_BUILD_STRING("5.3")),
		       SD_JSON_BUILD_PAIR_STRING("heartbeat", fake.heartbeat),
		       SD_JSON_BUILD_PAIR_UNSIGNED("entries", fake.entries));
	tell(event);
	sd_json_variant_unref(event);
}

static void tell_storage(const char *kind, unsigned int lun)
{
	sd_json_variant *event = NULL;

	sd_json_buildo(&event, SD_JSON_BUILD_PAIR_UNSIGNED("sequence", ++fake.sequence),
		       SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", (uint64_t)time(NULL) * 1000000000),
		       SD_JSON_BUILD_PAIR_STRING("kind", kind),
		       SD_JSON_BUILD_PAIR_UNSIGNED("lun", lun));
	tell(event);
	sd_json_variant_unref(event);
}

static int on_hello(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *data)
{
	(void)json, (void)flags, (void)data;
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_INTEGER("abi", 1),
				  SD_JSON_BUILD_PAIR_STRING("build", "fake"),
				  SD_JSON_BUILD_PAIR_INTEGER("pid", getpid()));
}

/* Keeps the descriptors of a card's tap device. */
static bool keep_taps(sd_varlink *link, sd_json_variant *card)
{
	sd_json_variant *fds = sd_json_variant_by_key(card, "tap_fds");

	for (size_t i = 0; fds && i < sd_json_variant_elements(fds); i++) {
		int fd = sd_varlink_peek_fd(
			link, (size_t)sd_json_variant_unsigned(sd_json_variant_by_index(fds, i)));

		if (fd < 0 || fcntl(fd, F_DUPFD_CLOEXEC, 3) < 0)
			return false;
	}
	return true;
}

/* All descriptors that a configuration speaks of have come. */
static bool is_complete(sd_varlink *link, sd_json_variant *json)
{
	const char *field = strcmp(fake.role, "storage") == 0 ? "fd" : NULL;

	if (descriptor(link, json, "partition_fd") < 0)
		return false;
	for (size_t i = 0; field && i < sd_json_variant_elements(fake.parts); i++) {
		int fd = descriptor(link, sd_json_variant_by_index(fake.parts, i), field);

		if (fd < 0 || fcntl(fd, F_GETFL) < 0)
			return false;
	}
	for (size_t i = 0; is_net() && i < sd_json_variant_elements(fake.parts); i++) {
		if (!keep_taps(link, sd_json_variant_by_index(fake.parts, i)))
			return false;
	}
	return true;
}

static int on_configure(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *data)
{
	sd_json_variant *parts = sd_json_variant_by_key(json, is_net() ? "cards" : "disks");

	(void)flags, (void)data;
	note("Configure", json);
	snprintf(fake.name, sizeof(fake.name), "%s",
		 sd_json_variant_string(sd_json_variant_by_key(json, "name")));
	if (told("die"))
		_exit(1);
	if (told("fail"))
		return refuse(link, "BadConfiguration", "told to fail");
	fake.parts = sd_json_variant_ref(parts);
	if (is_gpu() && !gpu_configure(link, json))
		return refuse(link, "BadConfiguration", "descriptors are missing");
	if (!is_complete(link, json))
		return refuse(link, "BadConfiguration", "descriptors are missing");
	/* Kept open, so that the other end sees this process's end. */
	if (parts || is_gpu())
		fake.socket = fcntl(descriptor(link, json, "socket_fd"), F_DUPFD_CLOEXEC, 3);
	return sd_varlink_reply(link, NULL);
}

static int on_provide(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		      void *data)
{
	int fd = descriptor(link, json, "socket_fd"), type = 0;
	socklen_t size = sizeof(type);

	(void)flags, (void)data;
	note("Provide", json);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_SEQPACKET)
		return refuse(link, "BadConfiguration", "no socket of the right kind");
	if (fake.provided && strcmp(fake.name, "once") == 0)
		return refuse(link, "NoResources", "once is enough");
	fake.provided = true;
	fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return sd_varlink_reply(link, NULL);
}

/* A call that is noted and nothing else. */
#define NOTED(function, method)                                          \
	static int function(sd_varlink *link, sd_json_variant *json,     \
			    sd_varlink_method_flags_t flags, void *data) \
	{                                                                \
		(void)flags, (void)data;                                 \
		note(method, json);                                      \
		return sd_varlink_reply(link, NULL);                     \
	}
NOTED(on_withdraw, "Withdraw")
NOTED(on_keys, "SendKeys")
NOTED(on_time, "SetTime")
NOTED(on_remove_card, "RemoveCard")
NOTED(on_link, "SetLink")

static int ask(sd_varlink *link, const char *method, sd_json_variant *json)
{
	note(method, json);
	if (strcmp(fake.name, "deaf") == 0)
		return refuse(link, "NotReady", "the guest is not ready");
	return sd_varlink_reply(link, NULL);
}

static int on_power_off(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *data)
{
	(void)flags, (void)data;
	return ask(link, "PowerOff", json);
}

static int on_reboot(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		     void *data)
{
	(void)flags, (void)data;
	return ask(link, "Reboot", json);
}

static int add_part(sd_varlink *link, const char *method, sd_json_variant *part)
{
	note(method, part);
	if (strcmp(fake.name, "full") == 0)
		return refuse(link, "NoResources", "full");
	sd_json_variant_append_array(&fake.parts, part);
	return sd_varlink_reply(link, NULL);
}

static int on_add_disk(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		       void *data)
{
	(void)flags, (void)data;
	return add_part(link, "AddDisk", sd_json_variant_by_key(json, "disk"));
}

static int on_add_card(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		       void *data)
{
	(void)flags, (void)data;
	if (descriptor(link, json, "socket_fd") < 0 ||
	    !keep_taps(link, sd_json_variant_by_key(json, "card")))
		return refuse(link, "BadConfiguration", "descriptors are missing");
	return add_part(link, "AddCard", sd_json_variant_by_key(json, "card"));
}

static int on_remove_disk(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			  void *data)
{
	unsigned int lun =
		(unsigned int)sd_json_variant_unsigned(sd_json_variant_by_key(json, "lun"));

	(void)flags, (void)data;
	note("RemoveDisk", json);
	tell_storage("removed", lun);
	return sd_varlink_reply(link, NULL);
}

static int on_resize(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		     void *data)
{
	(void)flags, (void)data;
	note("ResizeDisk", json);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("size", 2097152));
}

static int on_stats(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		    void *data)
{
	sd_json_variant *all = NULL;
	int result = sd_json_variant_new_array(&all, NULL, 0);

	(void)json, (void)flags, (void)data;
	for (size_t i = 0; fake.parts && i < sd_json_variant_elements(fake.parts) && result >= 0;
	     i++) {
		sd_json_variant *part = sd_json_variant_by_index(fake.parts, i);

		result = is_net() ? add_instance(&all, part) : add_lun(&all, part);
	}
	if (result >= 0)
		result = sd_varlink_replybo(
			link, SD_JSON_BUILD_PAIR_VARIANT(is_net() ? "cards" : "disks", all));
	sd_json_variant_unref(all);
	return result;
}

#define ENTRY(name, text)                                            \
	SD_JSON_BUILD_OBJECT(SD_JSON_BUILD_PAIR_STRING("key", name), \
			     SD_JSON_BUILD_PAIR_STRING("value", text))

static int on_status(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		     void *data)
{
	sd_json_variant *entries = NULL;
	bool there = strcmp(fake.heartbeat, "ok") == 0;

	(void)json, (void)flags, (void)data;
	sd_json_variant_new_array(&entries, NULL, 0);
	if (fake.entries)
		sd_json_variant_append_arrayb(&entries, ENTRY("OSName", "Debian\x1b"));
	if (fake.entries)
		sd_json_variant_append_arrayb(&entries, ENTRY("OSVersion", "13"));
	if (fake.entries)
		sd_json_variant_append_arrayb(&entries,
					      ENTRY("FullyQualifiedDomainName", "g.test"));
	if (fake.entries)
		sd_json_variant_append_arrayb(&entries, ENTRY("NetworkAddressIPv4",
							      "10.0.2.15;127.0.0.1;nonsense"));
	if (fake.entries)
		sd_json_variant_append_arrayb(&entries,
					      ENTRY("NetworkAddressIPv6", "fe80::1;2001:db8::2"));
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_INTEGER("pid", getpid()),
				  SD_JSON_BUILD_PAIR_CONDITION(there, "version",
							       SD_JSON_BUILD_STRING("5.3")),
				  SD_JSON_BUILD_PAIR_STRING("heartbeat", fake.heartbeat),
				  SD_JSON_BUILD_PAIR_BOOLEAN("shutdown_ready", true),
				  SD_JSON_BUILD_PAIR_BOOLEAN("keyboard_ready", true),
				  SD_JSON_BUILD_PAIR_VARIANT("entries", entries),
				  SD_JSON_BUILD_PAIR_STRING("entries_state", "ready"),
				  SD_JSON_BUILD_PAIR_UNSIGNED("messages", 0),
				  SD_JSON_BUILD_PAIR_UNSIGNED("dropped", 0),
				  SD_JSON_BUILD_PAIR_UNSIGNED("channels", 0),
				  SD_JSON_BUILD_PAIR_UNSIGNED("gpadls", 0));
}

static int on_flushed(sd_event_source *source, void *data)
{
	(void)source, (void)data;
	return sd_event_exit(fake.event, 0);
}

static int on_stop(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
		   void *data)
{
	(void)flags, (void)data;
	note("Stop", json);
	sd_varlink_reply(link, NULL);
	sd_varlink_flush(link);
	if (strcmp(fake.name, "stay") == 0)
		return 0;
	return sd_event_add_defer(fake.event, NULL, on_flushed, NULL);
}

static int on_subscribe(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,
			void *data)
{
	(void)json, (void)flags, (void)data;
	sd_varlink_unref(fake.subscriber);
	fake.subscriber = sd_varlink_ref(link);
	if (strcmp(fake.role, "vsp") == 0)
		tell_vsp();
	else if (is_gpu())
		tell_gpu("started");
	else
		tell_storage("started", 0);
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
	if (link == fake.subscriber)
		fake.subscriber = sd_varlink_unref(link);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source, (void)data;
	if (info->ssi_signo == SIGTERM)
		return sd_event_exit(fake.event, 0);
	if (strcmp(fake.role, "storage") == 0) {
		tell_storage("no_space", 0);
		return 0;
	}
	if (is_gpu()) {
		gpu_signal((int)info->ssi_signo);
		return 0;
	}
	fake.heartbeat = "ok";
	fake.entries += info->ssi_signo == SIGUSR2;
	tell_vsp();
	return 0;
}

static int bind_methods(sd_varlink_server *server)
{
	static const struct {
		const char *interface;
		const char *name;
		sd_varlink_method_t method;
	} methods[] = {
		{ NULL, "Hello", on_hello },
		{ NULL, "Configure", on_configure },
		{ NULL, "Stop", on_stop },
		{ "org.mullion.Vsp", "Provide", on_provide },
		{ "org.mullion.Vsp", "Withdraw", on_withdraw },
		{ "org.mullion.Vsp", "PowerOff", on_power_off },
		{ "org.mullion.Vsp", "Reboot", on_reboot },
		{ "org.mullion.Vsp", "SendKeys", on_keys },
		{ "org.mullion.Vsp", "SetTime", on_time },
		{ "org.mullion.Vsp", "Status", on_status },
		{ "org.mullion.Vsp", "Subscribe", on_subscribe },
		{ "org.mullion.Storage", "AddDisk", on_add_disk },
		{ "org.mullion.Storage", "RemoveDisk", on_remove_disk },
		{ "org.mullion.Storage", "ResizeDisk", on_resize },
		{ "org.mullion.Storage", "Stats", on_stats },
		{ "org.mullion.Storage", "Subscribe", on_subscribe },
		{ "org.mullion.Gpu", "Subscribe", on_subscribe },
		{ "org.mullion.Gpu", "Info", on_gpu_info },
		{ "org.mullion.Gpu", "Stats", on_gpu_stats },
		{ "org.mullion.Gpu", "SetDisplay", on_set_display },
		{ "org.mullion.Gpu", "Screenshot", on_screenshot },
		{ "org.mullion.Network", "AddCard", on_add_card },
		{ "org.mullion.Network", "RemoveCard", on_remove_card },
		{ "org.mullion.Network", "SetLink", on_link },
		{ "org.mullion.Network", "Stats", on_stats },
	};
	char names[sizeof(methods) / sizeof(methods[0])][64];
	int result = 0;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && result >= 0; i++) {
		if (methods[i].interface && fake.interface &&
		    strcmp(methods[i].interface, fake.interface) != 0)
			continue;
		snprintf(names[i], sizeof(names[i]), "%s.%s", fake.interface, methods[i].name);
		result = sd_varlink_server_bind_method(server, names[i], methods[i].method);
	}
	return result;
}

/* Cuts the last part of a path off, and returns it; NULL: there is none. */
static char *cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/* RUN/ROLE/NAME/socket */
static bool find_role(const char *socket)
{
	static char path[200];
	const char *role;

	snprintf(path, sizeof(path), "%s", socket);
	cut(path);
	cut(path);
	role = cut(path);
	if (!role)
		return false;
	snprintf(fake.calls, sizeof(fake.calls), "%s/calls", path);
	fake.role = role;
	fake.interface = strcmp(role, "vsp") == 0     ? "org.mullion.Vsp" :
			 strcmp(role, "storage") == 0 ? "org.mullion.Storage" :
			 strcmp(role, "net") == 0     ? "org.mullion.Network" :
			 strcmp(role, "gpu") == 0     ? "org.mullion.Gpu" :
							NULL;
	return fake.interface;
}

int main(int count, char **arguments)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGTERM };
	sd_varlink_server *server = NULL;
	int result;

	if (count != 3 || strcmp(arguments[1], "--listen") != 0 || !find_role(arguments[2]))
		return 2;
	if (sd_event_default(&fake.event) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sd_event_add_signal(fake.event, NULL, signals[i] | SD_EVENT_SIGNAL_PROCMASK,
				    on_signal, NULL);
	result = sd_varlink_server_new(&server, SD_VARLINK_SERVER_ACCOUNT_UID);
	if (result >= 0)
		result = bind_methods(server);
	if (result >= 0)
		result = sd_varlink_server_bind_connect(server, on_connect);
	if (result >= 0)
		result = sd_varlink_server_bind_disconnect(server, on_disconnect);
	if (result >= 0)
		result = sd_varlink_server_listen_address(server, arguments[2], 0600);
	if (result >= 0)
		result = sd_varlink_server_attach_event(server, fake.event, 0);
	if (result >= 0)
		result = sd_event_loop(fake.event);
	return result < 0 ? 1 : 0;
}
