/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test guests' own program. What it finds it prints on stdout behind "agent: ";
 * its exit status tells whether all was as it must be. Linked statically.
 *
 *   stress SECONDS    timers, wake-ups across CPUs, remapped memory and computing
 *                     on every CPU at once, each with its result checked
 *   clock             answers questions for the time in a page of memory, whose
 *                     address it prints (clock-page.h)
 *   beat COUNT        a line with its number and the time, ten a second
 *   picture SEED      fills the first of /dev/fb* with the picture of ../graphics/pattern.h
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fb.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../graphics/pattern.h"
#include "clock-page.h"

#define CPUS_MAX 64
#define SECOND UINT64_C(1000000000)
#define PAGE UINT64_C(4096)

static unsigned int cpus;
static atomic_bool stop;
static atomic_uint failures;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	char line[512], text[480];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(line, sizeof(line), "agent: %s\n", text);
	/* In one piece, whoever else writes. */
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		exit(1);
}

/* The first few are told, all count. */
#define fail(...)                                       \
	do {                                            \
		if (atomic_fetch_add(&failures, 1) < 8) \
			say("FAILED: " __VA_ARGS__);    \
	} while (0)

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("CPU %u cannot be used: %s", cpu, strerror(errno));
}

/* ---- timers: none early, and time goes on alike on all CPUs ---- */

struct timers {
	unsigned int cpu;
	uint64_t count;
};

/* The latest time that any CPU has seen. */
static _Atomic uint64_t latest;

static void publish(uint64_t time)
{
	uint64_t seen = atomic_load(&latest);

	while (seen < time && !atomic_compare_exchange_weak(&latest, &seen, time))
		;
}

static void *run_timers(void *context)
{
	struct timers *timers = context;
	uint64_t until, seen, time;

	pin(timers->cpu);
	while (!atomic_load(&stop)) {
		until = now(CLOCK_MONOTONIC) + 500000 + timers->count * 7919 % 2000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
				&(struct timespec){ .tv_sec = (time_t)(until / SECOND),
						    .tv_nsec = (long)(until % SECOND) },
				NULL);
		seen = atomic_load(&latest);
		time = now(CLOCK_MONOTONIC);
		if (time < until)
			fail("CPU %u: a timer %" PRIu64 " ns early", timers->cpu, until - time);
		if (time < seen)
			fail("CPU %u: %" PRIu64 " ns behind another CPU", timers->cpu, seen - time);
		publish(time);
		timers->count++;
	}
	return NULL;
}

/* ---- a token that goes around the CPUs: each hop wakes a thread elsewhere ---- */

struct ring {
	unsigned int cpu;
	uint64_t count;
};

static _Atomic uint32_t token; /* whose turn it is: token % cpus */

static void futex_wait(uint32_t value)
{
	syscall(SYS_futex, &token, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(void)
{
	syscall(SYS_futex, &token, FUTEX_WAKE_PRIVATE, CPUS_MAX, NULL, NULL, 0);
}

static void *run_ring(void *context)
{
	struct ring *ring = context;
	uint32_t value;

	pin(ring->cpu);
	while (!atomic_load(&stop)) {
		value = atomic_load(&token);
		if (value % cpus != ring->cpu) {
			futex_wait(value);
			continue;
		}
		if (!atomic_compare_exchange_strong(&token, &value, value + 1))
			fail("CPU %u: its token %u is now %u", ring->cpu, ring->cpu, value);
		ring->count++;
		futex_wake();
	}
	futex_wake();
	return NULL;
}

/* ---- memory that is mapped anew all the time: no CPU may see an old page ---- */

#define WINDOWS 8u
#define ROUND 32u /* pages that take turns in one window */

struct window {
	_Atomic uint64_t version; /* what the window holds at least */
	void *at;
	volatile uint64_t *pages; /* all of its pages, beside */
	int file;
};

static struct window windows[WINDOWS];

struct reader {
	unsigned int cpu;
	uint64_t count;
};

static bool make_windows(void)
{
	for (unsigned int i = 0; i < WINDOWS; i++) {
		struct window *window = &windows[i];

		window->file = memfd_create("window", 0);
		if (window->file < 0 || ftruncate(window->file, ROUND * PAGE) < 0)
			return false;
		window->pages = mmap(NULL, ROUND * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				     window->file, 0);
		window->at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, window->file, 0);
		if (window->pages == MAP_FAILED || window->at == MAP_FAILED)
			return false;
	}
	return true;
}

/* The next page takes the window's place, then everybody may rely on it. */
static void turn(struct window *window)
{
	uint64_t version = atomic_load(&window->version) + 1;
	unsigned int page = (unsigned int)(version % ROUND);

	window->pages[page * (PAGE / sizeof(uint64_t))] = version;
	if (mmap(window->at, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, window->file,
		 (off_t)(page * PAGE)) == MAP_FAILED)
		fail("a page cannot be mapped: %s", strerror(errno));
	atomic_store(&window->version, version);
}

static void *run_mapper(void *context)
{
	uint64_t *count = context;

	while (!atomic_load(&stop)) {
		turn(&windows[*count % WINDOWS]);
		++*count;
		if (*count % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void *run_reader(void *context)
{
	struct reader *reader = context;

	pin(reader->cpu);
	while (!atomic_load(&stop)) {
		struct window *window = &windows[reader->count % WINDOWS];
		uint64_t least = atomic_load(&window->version),
			 found = *(volatile uint64_t *)window->at;
		uint64_t most = atomic_load(&window->version) + 1;

		if (found < least || found > most)
			fail("CPU %u: page %" PRIu64 " where %" PRIu64 " to %" PRIu64 " must be",
			     reader->cpu, found, least, most);
		reader->count++;
		if (reader->count % 4096 == 0)
			usleep(500);
	}
	return NULL;
}

/* ---- computing in memory, and copies on write ---- */

struct sums {
	unsigned int cpu;
	uint64_t count;
};

#define WORDS (UINT64_C(256) * 1024 / sizeof(uint64_t))

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static void fill(uint64_t *words, uint64_t seed)
{
	for (uint64_t i = 0; i < WORDS; i++)
		words[i] = seed = next(seed);
}

static bool holds(const uint64_t *words, uint64_t seed)
{
	for (uint64_t i = 0; i < WORDS; i++)
		if (words[i] != (seed = next(seed)))
			return false;
	return true;
}

/* A child writes to what was its parent's; the parent still has its own. */
static bool child_keeps_apart(uint64_t *words, uint64_t seed)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		fill(words, seed + 1);
		_exit(holds(words, seed + 1) ? 0 : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static void *run_sums(void *context)
{
	struct sums *sums = context;
	uint64_t *words = mmap(NULL, WORDS * sizeof(*words), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pin(sums->cpu);
	if (words == MAP_FAILED) {
		fail("out of memory");
		return NULL;
	}
	while (!atomic_load(&stop)) {
		uint64_t seed = 0x9e3779b97f4a7c15u * ++sums->count + sums->cpu;

		fill(words, seed);
		if (sums->count % 8 == 1 && !child_keeps_apart(words, seed))
			fail("CPU %u: a child's memory is wrong", sums->cpu);
		if (!holds(words, seed))
			fail("CPU %u: memory holds other than was written", sums->cpu);
		/* Pages given back are new ones, and zero. */
		madvise(words, WORDS * sizeof(*words), MADV_DONTNEED);
		if (words[sums->count % WORDS])
			fail("CPU %u: a new page is not zero", sums->cpu);
		usleep(500);
	}
	return NULL;
}

/* ---- what the kernel counted ---- */

/* Interrupts on each CPU in the lines of these labels. */
static void count_interrupts(const char *const *labels, uint64_t counts[CPUS_MAX])
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[2048], *at;

	memset(counts, 0, CPUS_MAX * sizeof(counts[0]));
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		bool wanted = false;

		at = line + strspn(line, " ");
		for (const char *const *label = labels; *label; label++)
			wanted |= strncmp(at, *label, strlen(*label)) == 0;
		at += strcspn(at, ":") + 1;
		for (unsigned int i = 0; wanted && i < cpus; i++)
			counts[i] += strtoull(at, &at, 10);
	}
	fclose(file);
}

static const char *const timer_labels[] = { "HVS:", NULL };
static const char *const call_labels[] = { "RES:", "CAL:", NULL };

struct interrupts {
	uint64_t timers[CPUS_MAX], calls[CPUS_MAX];
};

static void take_interrupts(struct interrupts *interrupts)
{
	count_interrupts(timer_labels, interrupts->timers);
	count_interrupts(call_labels, interrupts->calls);
}

/* ---- all of it ---- */

static struct interrupts before, after;
static struct timers timers[CPUS_MAX];
static struct ring rings[CPUS_MAX];
static struct reader readers[CPUS_MAX];
static struct sums sums[CPUS_MAX];
static pthread_t threads[4 * CPUS_MAX + 1];
static unsigned int thread_count;

static void begin(void *(*run)(void *context), void *context)
{
	int error = pthread_create(&threads[thread_count], NULL, run, context);

	if (error) {
		say("FAILED: no thread: %s", strerror(error));
		exit(1);
	}
	thread_count++;
}

static void begin_on(unsigned int cpu)
{
	timers[cpu].cpu = rings[cpu].cpu = readers[cpu].cpu = sums[cpu].cpu = cpu;
	begin(run_timers, &timers[cpu]);
	begin(run_ring, &rings[cpu]);
	begin(run_reader, &readers[cpu]);
	begin(run_sums, &sums[cpu]);
}

static void judge(unsigned int cpu)
{
	uint64_t ticks = after.timers[cpu] - before.timers[cpu];
	uint64_t calls = after.calls[cpu] - before.calls[cpu];

	say("CPU %u: %" PRIu64 " timers, %" PRIu64 " hops, %" PRIu64 " reads, %" PRIu64
	    " sums; interrupts: %" PRIu64 " timer, %" PRIu64 " from other CPUs",
	    cpu, timers[cpu].count, rings[cpu].count, readers[cpu].count, sums[cpu].count, ticks,
	    calls);
	if (!timers[cpu].count || !rings[cpu].count || !readers[cpu].count || !sums[cpu].count)
		fail("CPU %u did nothing of one kind", cpu);
	if (!ticks)
		fail("CPU %u had no synthetic timer's interrupt", cpu);
	if (cpus > 1 && !calls)
		fail("CPU %u had no interrupt from another one", cpu);
}

static int stress(unsigned int seconds)
{
	uint64_t mapped = 0;

	if (!make_windows()) {
		say("FAILED: no memory to map");
		return 1;
	}
	take_interrupts(&before);
	begin(run_mapper, &mapped);
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		begin_on(cpu);
	sleep(seconds);
	atomic_store(&stop, true);
	futex_wake();
	for (unsigned int i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	take_interrupts(&after);
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		judge(cpu);
	say("stress: %u CPUs, %u s, %" PRIu64 " pages mapped, %u failures", cpus, seconds, mapped,
	    atomic_load(&failures));
	return atomic_load(&failures) ? 1 : 0;
}

/* ---- the clock ---- */

static uint64_t frame_of(const volatile void *at)
{
	uint64_t entry = 0;
	int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (file < 0 || pread(file, &entry, sizeof(entry),
			      (off_t)((uintptr_t)at / PAGE * sizeof(entry))) != sizeof(entry))
		entry = 0;
	close(file);
	return entry >> 63 ? entry & ((UINT64_C(1) << 55) - 1) : 0;
}

static int serve_clock(void)
{
	volatile struct clock_page *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	uint64_t frame;

	if (page == MAP_FAILED)
		return 1;
	page->answer = 0;
	frame = frame_of(page);
	if (!frame)
		return 1;
	say("clock page at 0x%" PRIx64, frame * PAGE);
	for (;;) {
		uint64_t question = page->question;

		if (question == page->answer) {
			__builtin_ia32_pause();
			continue;
		}
		page->monotonic = now(CLOCK_MONOTONIC);
		page->raw = now(CLOCK_MONOTONIC_RAW);
		atomic_thread_fence(memory_order_seq_cst);
		page->answer = question;
	}
}

static int beat(unsigned int count)
{
	for (unsigned int i = 1; i <= count; i++) {
		usleep(100000);
		say("beat %u at %" PRIu64, i, now(CLOCK_MONOTONIC));
	}
	return 0;
}

#define LINES 16u

/* Its number is not 0 where one driver took over from another. */
static int open_screen(void)
{
	char path[] = "/dev/fb0";
	int file;

	do {
		file = open(path, O_RDWR);
	} while (file < 0 && path[7]++ < '7');
	return file;
}

/* Several lines at a time: Linux takes the damage of just one whole line for none. */
static int show_picture(uint32_t seed)
{
	static uint32_t lines[LINES * 4096];
	struct fb_var_screeninfo mode;
	struct fb_fix_screeninfo memory;
	int file = open_screen();

	if (file < 0 || ioctl(file, FBIOGET_VSCREENINFO, &mode) < 0 ||
	    ioctl(file, FBIOGET_FSCREENINFO, &memory) < 0) {
		say("FAILED: no screen: %s", strerror(errno));
		return 1;
	}
	say("picture %" PRIu32 " of %ux%u, %u bits", seed, mode.xres, mode.yres,
	    mode.bits_per_pixel);
	if (mode.bits_per_pixel != 32 || memory.line_length > 4096 * sizeof(lines[0]))
		return 1;
	for (uint32_t y = 0; y < mode.yres; y += LINES) {
		uint32_t count = mode.yres - y < LINES ? mode.yres - y : LINES;
		size_t size = (size_t)count * memory.line_length;

		for (uint32_t i = 0; i < count; i++)
			for (uint32_t x = 0; x < mode.xres; x++)
				lines[i * (memory.line_length / 4) + x] =
					pattern_colour(x, y + i, seed);
		if (pwrite(file, lines, size, (off_t)y * memory.line_length) != (ssize_t)size)
			return 1;
	}
	close(file);
	return 0;
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > CPUS_MAX)
		return 1;
	if (argc == 3 && strcmp(argv[1], "stress") == 0)
		return stress(number(argv[2]));
	if (argc == 2 && strcmp(argv[1], "clock") == 0)
		return serve_clock();
	if (argc == 3 && strcmp(argv[1], "beat") == 0)
		return beat(number(argv[2]));
	if (argc == 3 && strcmp(argv[1], "picture") == 0)
		return show_picture(number(argv[2]));
	say("FAILED: called wrongly");
	return 2;
}
