/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine, see node.h. */
#include "node.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "partition.h"

#define FILE_SIZE 8192u

/* The beginning of a file of /proc or /sys; "" when it cannot be read. */
static void read_file(const char *path, char text[static FILE_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, FILE_SIZE - 1);

	if (fd >= 0)
		close(fd);
	text[size > 0 ? size : 0] = '\0';
}

/* The number behind "name:"; 0 when it is not there. */
static uint64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

uint64_t node_memory(void)
{
	char text[FILE_SIZE];

	read_file("/proc/meminfo", text);
	return field(text, "MemTotal:") * 1024;
}

void node_cpus(struct cpuset *cpus)
{
	char text[FILE_SIZE];

	read_file("/sys/devices/system/cpu/online", text);
	text[strcspn(text, "\n")] = '\0';
	if (!cpuset_parse(cpus, text)) {
		memset(cpus, 0, sizeof(*cpus));
		for (long cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1; cpu >= 0; cpu--)
			cpuset_add(cpus, (unsigned int)cpu);
	}
}

static void cpu_model(char *model, size_t size)
{
	char text[FILE_SIZE], *at, *end;

	read_file("/proc/cpuinfo", text);
	at = strstr(text, "model name");
	at = at ? strchr(at, ':') : NULL;
	end = at ? strchr(at, '\n') : NULL;
	if (end)
		*end = '\0';
	partition_clean(model, size, at && at[1] ? at + 2 : "");
}

static unsigned int count_cpus(const struct cpuset *cpus)
{
	unsigned int count = 0;

	for (unsigned int cpu = 0; cpu < CPUSET_MAX; cpu++)
		count += cpuset_has(cpus, cpu);
	return count;
}

/* What is reserved of the pages that a definition's hugepages means. */
static uint64_t huge_pages(const char *file)
{
	char path[96], text[FILE_SIZE];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s", file);
	read_file(path, text);
	return strtoull(text, NULL, 10);
}

static void count_running(const struct hvd *hvd, unsigned int *running, unsigned int *vcpus)
{
	*running = *vcpus = 0;
	for (const struct partition *at = hvd->partitions; at; at = at->next) {
		if (at->state == STATE_SHUTOFF)
			continue;
		*running += 1;
		*vcpus += partition_domain(at)->vcpus;
	}
}

sd_json_variant *node_json(const struct hvd *hvd)
{
	char memory[FILE_SIZE], model[96];
	struct mullion_hv_info info;
	bool hv = hypervisor_info(&hvd->hypervisor, &info) == 0;
	unsigned int running, vcpus;
	sd_json_variant *json = NULL;
	struct utsname name;

	uname(&name);
	read_file("/proc/meminfo", memory);
	cpu_model(model, sizeof(model));
	count_running(hvd, &running, &vcpus);
	info.build[sizeof(info.build) - 1] = info.backend[sizeof(info.backend) - 1] = '\0';
	sd_json_buildo(
		&json, SD_JSON_BUILD_PAIR_UNSIGNED("schema", 1),
		SD_JSON_BUILD_PAIR_STRING("hostname", name.nodename),
		SD_JSON_BUILD_PAIR_STRING("kernel", name.release),
		SD_JSON_BUILD_PAIR_CONDITION(model[0], "cpu_model", SD_JSON_BUILD_STRING(model)),
		SD_JSON_BUILD_PAIR_UNSIGNED("cpus", count_cpus(&hvd->online)),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_bytes", field(memory, "MemTotal:") * 1024),
		SD_JSON_BUILD_PAIR_UNSIGNED("free_bytes", field(memory, "MemAvailable:") * 1024),
		SD_JSON_BUILD_PAIR_UNSIGNED("hugepages", huge_pages("nr_hugepages")),
		SD_JSON_BUILD_PAIR_UNSIGNED("hugepages_free", huge_pages("free_hugepages")),
		SD_JSON_BUILD_PAIR_UNSIGNED("hugepage_bytes", 2u << 20),
		SD_JSON_BUILD_PAIR_CONDITION(hv, "hypervisor", SD_JSON_BUILD_STRING(info.build)),
		SD_JSON_BUILD_PAIR_CONDITION(hv, "backend", SD_JSON_BUILD_STRING(info.backend)),
		SD_JSON_BUILD_PAIR_CONDITION(hv, "hypervisor_memory_bytes",
					     SD_JSON_BUILD_UNSIGNED(info.memory_bytes)),
		SD_JSON_BUILD_PAIR_CONDITION(hv, "tsc_hz", SD_JSON_BUILD_UNSIGNED(info.tsc_hz)),
		SD_JSON_BUILD_PAIR_UNSIGNED("partitions", hvd->partition_count),
		SD_JSON_BUILD_PAIR_UNSIGNED("running", running),
		SD_JSON_BUILD_PAIR_UNSIGNED("vcpus_running", vcpus));
	return json;
}
