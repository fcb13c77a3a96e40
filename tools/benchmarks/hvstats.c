/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's statistics, see hvstats.h. */
#include "hvstats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mullion/uapi.h>

static const char *const exit_names[MULLION_EXIT_COUNT] = {
	[MULLION_EXIT_INTERRUPT] = "interrupt",
	[MULLION_EXIT_NMI] = "nmi",
	[MULLION_EXIT_INIT] = "init",
	[MULLION_EXIT_INTR_WINDOW] = "intr-window",
	[MULLION_EXIT_CPUID] = "cpuid",
	[MULLION_EXIT_MSR_READ] = "msr-read",
	[MULLION_EXIT_MSR_WRITE] = "msr-write",
	[MULLION_EXIT_APIC_ICR] = "apic-icr",
	[MULLION_EXIT_APIC_OTHER] = "apic-other",
	[MULLION_EXIT_IO] = "io",
	[MULLION_EXIT_HLT] = "hlt",
	[MULLION_EXIT_HYPERCALL] = "hypercall",
	[MULLION_EXIT_GPA_FAULT] = "gpa-fault",
	[MULLION_EXIT_SHUTDOWN] = "shutdown",
	[MULLION_EXIT_VIRT_INSTRUCTION] = "virt-instruction",
	[MULLION_EXIT_OTHER] = "other",
	[MULLION_EXIT_XSETBV] = "xsetbv",
	[MULLION_EXIT_CACHE] = "cache",
	[MULLION_EXIT_RDPMC] = "rdpmc",
	[MULLION_EXIT_INVALID] = "invalid",
};

static const struct mullion_stats *shared; /* NULL: no hv here */

void fail(const char *what)
{
	printf("bench: failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

bool hvstats_map(void)
{
	struct mullion_hv_info info = { 0 };
	int fd = open(MULLION_DEVICE, O_RDONLY | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return false;
	if (ioctl(fd, MULLION_IOC_INFO, &info))
		fail("MULLION_IOC_INFO");
	memory = mmap(NULL, info.stats_size, PROT_READ, MAP_SHARED, fd, MULLION_MMAP_STATS);
	if (memory == MAP_FAILED)
		fail("mapping hv's statistics");
	close(fd);
	shared = memory;
	if (shared->magic != MULLION_STATS_MAGIC || shared->version != MULLION_STATS_VERSION)
		fail("hv's statistics have another version");
	return true;
}

void hvstats_read(struct vp_set *set, bool children)
{
	struct mullion_vp_stats *vp = set->vp;

	for (uint32_t i = 0; shared && i < shared->entry_count && vp < set->vp + VPS_MAX; i++) {
		memcpy(vp,
		       (const char *)shared + shared->entries_offset +
			       (size_t)i * shared->entry_size,
		       sizeof(*vp));
		vp += vp->state != MULLION_VP_ABSENT && (vp->partition != 0) == children;
	}
	set->count = (unsigned int)(vp - set->vp);
}

uint64_t hvstats_ns(uint64_t ticks)
{
	return shared->tsc_hz ? (uint64_t)((double)ticks * 1e9 / (double)shared->tsc_hz) : 0;
}

static void print_vp(const struct mullion_vp_stats *a, const struct mullion_vp_stats *b)
{
	printf("{\"partition\":%" PRIu32 ",\"vp\":%" PRIu32 ",\"entries\":%" PRIu64
	       ",\"guest_ns\":%" PRIu64 ",\"hv_ns\":%" PRIu64 ",\"wait_ns\":%" PRIu64
	       ",\"ready_ns\":%" PRIu64 ",\"injected\":%" PRIu64 ",\"messages\":%" PRIu64
	       ",\"steals\":%" PRIu64 ",\"preemptions\":%" PRIu64 ",\"exits\":{",
	       b->partition, b->vp, (uint64_t)(b->entries - a->entries),
	       hvstats_ns(b->guest_ticks - a->guest_ticks), hvstats_ns(b->hv_ticks - a->hv_ticks),
	       hvstats_ns(b->wait_ticks - a->wait_ticks),
	       hvstats_ns(b->ready_ticks - a->ready_ticks),
	       (uint64_t)(b->interrupts - a->interrupts), (uint64_t)(b->messages - a->messages),
	       (uint64_t)(b->steals - a->steals), (uint64_t)(b->preemptions - a->preemptions));
	for (unsigned int e = 0, n = 0; e < MULLION_EXIT_COUNT; e++)
		if (b->exits[e] != a->exits[e])
			printf("%s\"%s\":%" PRIu64, n++ ? "," : "", exit_names[e],
			       (uint64_t)(b->exits[e] - a->exits[e]));
	printf("}}");
}

static const struct mullion_vp_stats *same_vp(const struct vp_set *set,
					      const struct mullion_vp_stats *vp)
{
	static const struct mullion_vp_stats zeros;

	for (unsigned int i = 0; i < set->count; i++)
		if (set->vp[i].partition == vp->partition && set->vp[i].vp == vp->vp)
			return &set->vp[i];
	return &zeros;
}

void hvstats_print(const struct vp_set *before, const struct vp_set *after)
{
	printf("\"vps\":[");
	for (unsigned int i = 0; i < after->count; i++) {
		if (i)
			printf(",");
		print_vp(same_vp(before, &after->vp[i]), &after->vp[i]);
	}
	printf("]");
}
