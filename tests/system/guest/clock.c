/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's clock beside the parent's. Runs in the parent; the guest runs "agent
 * clock", whose page of memory is mapped here too (clock-page.h). ID is the partition's
 * number, GPA the page's address.
 *
 *   clock ask ID GPA            prints "PARENT GUEST WIDTH", nanoseconds of both
 *                               CLOCK_MONOTONIC; exit status 3: nobody answers
 *   clock drift ID GPA SECONDS  compares what passes on both, fails from LIMIT on
 *
 * A question brackets the answer: the guest has read its clock after the parent's
 * first reading and before the second one. Of many exchanges the narrowest is taken.
 * Two of them bound what has passed in the parent while the guest's clock went from
 * one answer to the other, whatever scheduling came in between; no assumption about
 * how long either way takes is needed.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <mullion/uapi.h>

#include "clock-page.h"

#define SECOND UINT64_C(1000000000)
#define PATIENCE (10 * SECOND) /* for one answer: the slowest take 1 s, on a busy machine 2 */
#define LOOK (SECOND / 2) /* so long the narrowest exchange is looked for, */
#define LOOK_ON (5 * SECOND) /* and so much longer for one that is as narrow as */
#define NARROW (SECOND / 5000) /* this */
#define LIMIT 50.0 /* parts per million */
#define PAUSE 4 /* seconds between two samples */
#define NO_ANSWER 3

struct sample {
	uint64_t before, after; /* the parent's clock */
	uint64_t guest, raw;
};

static volatile struct clock_page *page;
static uint64_t slowest; /* answer, ns */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void map_page(uint64_t id, uint64_t gpa)
{
	struct mullion_attach attach = { .id = id };
	int device = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC);
	int partition = device < 0 ? -1 : ioctl(device, MULLION_IOC_ATTACH, &attach);

	if (partition < 0) {
		perror("clock: attach");
		exit(1);
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, partition, (off_t)gpa);
	if (page == MAP_FAILED) {
		perror("clock: mmap");
		exit(1);
	}
}

static bool exchange(struct sample *sample)
{
	uint64_t question = page->answer + 1;

	sample->before = now();
	__atomic_store_n(&page->question, question, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&page->answer, __ATOMIC_SEQ_CST) != question) {
		if (now() - sample->before > PATIENCE) {
			fprintf(stderr, "clock: no answer within %" PRIu64 " s\n",
				PATIENCE / SECOND);
			return false;
		}
		__builtin_ia32_pause(); /* the emulator turns to the other CPUs */
	}
	sample->after = now();
	if (sample->after - sample->before > slowest)
		slowest = sample->after - sample->before;
	sample->guest = page->monotonic;
	sample->raw = page->raw;
	return true;
}

static bool ask(struct sample *best)
{
	uint64_t end = now() + LOOK;
	struct sample sample;

	if (!exchange(best))
		return false;
	while (now() < end || (best->after - best->before > NARROW && now() < end + LOOK_ON)) {
		if (!exchange(&sample))
			return false;
		if (sample.after - sample.before < best->after - best->before)
			*best = sample;
		/* Whoever else wants the CPU, the guest for one. */
		usleep(100);
	}
	return true;
}

/* Parts per million by which the guest's clock goes faster than the parent's: within
 * these bounds. */
static void bounds(const struct sample *first, const struct sample *last, uint64_t passed,
		   double *least, double *most)
{
	double longest = (double)(last->after - first->before);
	double shortest = (double)(last->before - first->after);

	*least = ((double)passed / longest - 1) * 1e6;
	*most = ((double)passed / shortest - 1) * 1e6;
}

static bool compare(const char *name, const struct sample *first, const struct sample *last,
		    uint64_t passed)
{
	double least, most;

	bounds(first, last, passed, &least, &most);
	printf("%s: %+.1f to %+.1f ppm after %.1f s\n", name, least, most,
	       (double)(last->before - first->after) / 1e9);
	return least > -LIMIT && most < LIMIT;
}

static int drift(unsigned int seconds)
{
	struct sample first, last;
	bool good = false;

	if (!ask(&first))
		return NO_ANSWER;
	do {
		sleep(PAUSE);
		if (!ask(&last))
			return NO_ANSWER;
		if (last.guest <= first.guest || last.raw <= first.raw) {
			printf("the guest's clock goes back\n");
			return 1;
		}
		good = compare("CLOCK_MONOTONIC", &first, &last, last.guest - first.guest);
		good &= compare("CLOCK_MONOTONIC_RAW", &first, &last, last.raw - first.raw);
	} while (last.after - first.before < seconds * SECOND);
	printf("exchanges took %" PRIu64 " and %" PRIu64 " ns, the slowest of all %" PRIu64 " ms\n",
	       first.after - first.before, last.after - last.before, slowest / 1000000);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct sample sample;

	if (argc < 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	map_page(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
	if (argc == 5 && strcmp(argv[1], "drift") == 0)
		return drift((unsigned int)strtoul(argv[4], NULL, 10));
	if (strcmp(argv[1], "ask") != 0)
		return 2;
	if (!ask(&sample))
		return NO_ANSWER;
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
	       sample.before + (sample.after - sample.before) / 2, sample.guest,
	       sample.after - sample.before);
	return 0;
}
