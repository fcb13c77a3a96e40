/* SPDX-License-Identifier: GPL-2.0-only */
/* hvd: options, and the parts put together. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adopt.h"
#include "events.h"
#include "log.h"
#include "mullion_version.h"
#include "node.h"
#include "operation.h"
#include "partition.h"
#include "server.h"
#include "spawn.h"

#define EXIT_USAGE 2

static void help(void)
{
	puts("Usage: hvd [OPTION...]\n"
	     "\n"
	     "The daemon that keeps Mullion's partitions. See hvd(8).\n"
	     "\n"
	     "  --config DIR         definitions (/etc/mullion/partitions)\n"
	     "  --networks DIR       definitions of guests' networks (/etc/mullion/networks)\n"
	     "  --run DIR            sockets and what runs (/run/mullion)\n"
	     "  --device FILE        the hypervisor (/dev/mullion)\n"
	     "  --mshv FILE          what workers make partitions with (/dev/mshv)\n"
	     "  --spawn PROGRAM      start workers from this program, not by systemd\n"
	     "  --spawn-vsp PROGRAM, --spawn-storage PROGRAM, --spawn-net PROGRAM,\n"
	     "  --spawn-gpu PROGRAM, --spawn-image PROGRAM with it, for what serves a guest's devices\n"
	     "  --without-hypervisor for tests: start workers that need none\n"
	     "  --version, --help");
}

static bool read_options(int count, char **arguments, struct settings *settings, int *status)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "networks", required_argument, NULL, 'n' },
		{ "run", required_argument, NULL, 'r' },
		{ "device", required_argument, NULL, 'd' },
		{ "mshv", required_argument, NULL, 'm' },
		{ "spawn", required_argument, NULL, 's' },
		{ "spawn-vsp", required_argument, NULL, 'V' },
		{ "spawn-storage", required_argument, NULL, 'S' },
		{ "spawn-net", required_argument, NULL, 'N' },
		{ "spawn-gpu", required_argument, NULL, 'G' },
		{ "spawn-image", required_argument, NULL, 'I' },
		{ "without-hypervisor", no_argument, NULL, 'w' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*status = EXIT_SUCCESS;
	/* One thread reads options here. */
	while ((option = getopt_long(count, arguments, "h", options, NULL)) >=
	       0) { /* NOLINT(concurrency-mt-unsafe) */
		switch (option) {
		case 'c':
			settings->config = optarg;
			break;
		case 'n':
			settings->networks = optarg;
			break;
		case 'r':
			settings->run = optarg;
			break;
		case 'd':
			settings->device = optarg;
			break;
		case 'm':
			settings->mshv = optarg;
			break;
		case 's':
			settings->programs[PEER_WORKER] = optarg;
			break;
		case 'V':
			settings->programs[PEER_VSP] = optarg;
			break;
		case 'S':
			settings->programs[PEER_STORAGE] = optarg;
			break;
		case 'N':
			settings->programs[PEER_NET] = optarg;
			break;
		case 'G':
			settings->programs[PEER_GPU] = optarg;
			break;
		case 'I':
			settings->image = optarg;
			break;
		case 'w':
			settings->without_hypervisor = true;
			break;
		case 'v':
			printf("hvd %s\n", MULLION_BUILD);
			return false;
		case 'h':
			help();
			return false;
		default:
			*status = EXIT_USAGE;
			return false;
		}
	}
	if (optind == count)
		return true;
	fprintf(stderr, "hvd: unexpected word '%s'\n", arguments[optind]);
	*status = EXIT_USAGE;
	return false;
}

static bool open_store(struct store *store, const char *path)
{
	int error = store_open(store, path);

	if (error)
		log_error("%s: %s", path, strerror(-error));
	return !error;
}

/* The directories, and what is in them. */
static bool open_stores(struct hvd *hvd)
{
	char live[256];

	if (mkdir(hvd->settings.run, 0755) < 0 && errno != EEXIST) {
		log_error("%s: %s", hvd->settings.run, strerror(errno));
		return false;
	}
	snprintf(live, sizeof(live), "%s/live", hvd->settings.run);
	if (!open_store(&hvd->definitions, hvd->settings.config))
		return false;
	if (open_store(&hvd->live, live))
		return true;
	store_close(&hvd->definitions);
	return false;
}

static void on_news(evutil_socket_t fd, short what, void *context)
{
	struct hvd *hvd = context;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	for (struct partition *at = hvd->partitions; at; at = at->next)
		operation_look(at);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	(void)number, (void)what;
	event_base_loopbreak(context);
}

/* The events of the daemon itself; NULL where there is nothing to wait for. */
struct own_events {
	struct event *terminate, *interrupt, *news;
};

static bool own_events_start(struct own_events *events, struct hvd *hvd)
{
	events->terminate = evsignal_new(hvd->base, SIGTERM, on_signal, hvd->base);
	events->interrupt = evsignal_new(hvd->base, SIGINT, on_signal, hvd->base);
	if (!events->terminate || !events->interrupt)
		return false;
	event_add(events->terminate, NULL);
	event_add(events->interrupt, NULL);
	if (hvd->hypervisor.watch < 0)
		return true;
	events->news =
		event_new(hvd->base, hvd->hypervisor.watch, EV_READ | EV_PERSIST, on_news, hvd);
	return events->news && event_add(events->news, NULL) == 0;
}

static void own_events_end(struct own_events *events)
{
	struct event *all[] = { events->terminate, events->interrupt, events->news };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i])
			event_free(all[i]);
	}
}

static bool serve(struct hvd *hvd)
{
	struct own_events events = { 0 };
	bool good = own_events_start(&events, hvd);

	hvd->spawner = spawner_new(hvd);
	hvd->events = events_new(hvd);
	if (good && hvd->spawner && hvd->events) {
		adopt_definitions(hvd);
		adopt_running(hvd);
		hvd->server = server_new(hvd);
	}
	good = hvd->server != NULL;
	if (good) {
		adopt_autostart(hvd);
		sd_notify(0, "READY=1");
		event_base_dispatch(hvd->base);
		sd_notify(0, "STOPPING=1");
	}
	/* Workers stay: the next hvd finds them. */
	while (hvd->partitions)
		partition_remove(hvd->partitions);
	server_free(hvd->server);
	events_free(hvd->events);
	spawner_free(hvd->spawner);
	own_events_end(&events);
	return good;
}

int main(int count, char **arguments)
{
	struct hvd hvd = {
		.settings = {
			.config = "/etc/mullion/partitions",
			.networks = "/etc/mullion/networks",
			.run = "/run/mullion",
			.device = "/dev/mullion",
			.mshv = "/dev/mshv",
		},
	};
	int status;
	bool good;

	if (!read_options(count, arguments, &hvd.settings, &status))
		return status;
	signal(SIGPIPE, SIG_IGN);
	hvd.base = event_base_new();
	if (!hvd.base || !open_stores(&hvd))
		return EXIT_FAILURE;
	hypervisor_open(&hvd.hypervisor, hvd.settings.device, hvd.settings.mshv);
	node_cpus(&hvd.online);
	good = serve(&hvd);
	hypervisor_close(&hvd.hypervisor);
	store_close(&hvd.live);
	store_close(&hvd.definitions);
	event_base_free(hvd.base);
	domain_library_end();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
