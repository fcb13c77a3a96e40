/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tools/bench vmbus: our VMBus ring (vsp/vmbus/ring.c) beside a virtio split ring that
 * does the same work.
 *
 *   bench-ring PACKETS SIZE BATCH PAIRS MILLISECONDS
 *
 * A producer and a consumer on two CPUs. The producer copies packets of SIZE bytes in,
 * publishes BATCH of them together, signals by an eventfd when the ring says so, and
 * sleeps while there is no room. The consumer copies them out, gives room back after at
 * most TURN packets, and sleeps when nothing is left. Either ring has room for PACKETS.
 * The rings take turns, PAIRS times; each turn prints a line of JSON. Before it asks for
 * signals, our reader looks for a moment whether more comes; "looking" is the virtio ring
 * with a device that does so too.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "ring.h"
#include "ring-map.h"
#include "virtio-ring.h"

#define TURN 64u
#define LINE 64u
/* What only one of the two threads uses shares no line with what the other does. */
#define APART __attribute__((aligned(2 * LINE)))

/* Both read it, and nobody writes it during a turn: so it lies apart, too. */
static struct {
	uint32_t packets, size, batch;
	uint64_t until;
} work APART;

struct end {
	int event, peer_event;
	uint64_t count, signals, sleeps, cpu_ns;
	uint8_t *bytes; /* its private buffer */
};

static struct end producer APART, consumer APART;
static _Atomic bool done APART;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

static uint64_t now_of(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static void signal_peer(struct end *end, bool really)
{
	if (!really)
		return;
	end->signals++;
	need(eventfd_write(end->peer_event, 1) == 0, "eventfd");
}

static void sleep_on(struct end *end)
{
	eventfd_t value;

	end->sleeps++;
	need(eventfd_read(end->event, &value) == 0, "eventfd");
}

/* Not each time: the clock costs as much as a small packet. */
static bool time_is_up(void)
{
	static uint32_t turn APART;

	turn += work.batch;
	if (turn < TURN)
		return false;
	turn = 0;
	return now_of(CLOCK_MONOTONIC) >= work.until;
}

static void run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	need(pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0, "affinity");
}

/* ---- VMBus ---- */

static struct ring_map map APART;
static struct ring writer APART, reader APART;

static void vmbus_open(void)
{
	uint32_t bytes = work.packets * ring_packet_size(0, work.size) + 8;

	map = ring_map_new((bytes + VMBUS_PAGE_SIZE - 1) / VMBUS_PAGE_SIZE * VMBUS_PAGE_SIZE);
	memset(map.data, 0, map.size);
	memset(map.data + map.size, 0, map.size);
	need(ring_reader_init(&reader, map.header, map.data, map.size) &&
		     ring_writer_init(&writer, map.header, map.data, map.size),
	     "ring");
	ring_offer_room_signals(&reader);
}

static void vmbus_close(void)
{
	ring_map_free(&map);
}

static void vmbus_send(void)
{
	const struct iovec part = { .iov_base = producer.bytes, .iov_len = work.size };

	while (ring_write(&writer, VMBUS_PACKET_INBAND, 0, producer.count, NULL, 0, &part, 1) !=
	       RING_OK) {
		signal_peer(&producer, ring_publish(&writer));
		/* As virtio's drivers: when three quarters are free. */
		while (!ring_want_room(&writer, map.size / 4 * 3))
			sleep_on(&producer);
	}
	producer.count++;
}

static void vmbus_produce(void)
{
	do {
		for (uint32_t i = 0; i < work.batch; i++)
			vmbus_send();
		signal_peer(&producer, ring_publish(&writer));
	} while (!time_is_up());
}

/* False: empty. */
static bool vmbus_turn(void)
{
	struct ring_packet packet;
	uint32_t n = 0;

	/* What unmasking found due, or the last turn. */
	signal_peer(&consumer, ring_release(&reader));
	while (n < TURN && ring_read(&reader, consumer.bytes, work.size + 16, &packet) == RING_OK)
		n++;
	consumer.count += n;
	return n == TURN;
}

static void vmbus_consume(void)
{
	for (;;) {
		ring_mask(&reader);
		while (vmbus_turn())
			;
		if (ring_unmask(&reader))
			continue;
		if (done && !ring_waiting(&reader))
			break;
		sleep_on(&consumer);
	}
}

/* ---- virtio ---- */

static struct virtio_driver driver APART;
static struct virtio_device device APART;
static uint8_t *virtio_memory APART;
static size_t virtio_size;

static size_t lines(size_t bytes)
{
	return (bytes + LINE - 1) / LINE * LINE;
}

static void virtio_open(void)
{
	size_t descriptors = lines(work.packets * sizeof(struct virtio_descriptor));
	size_t available = lines(6 + work.packets * 2), used = lines(LINE + work.packets * 8 + 2);
	int fd = memfd_create("virtio", MFD_CLOEXEC);
	struct virtio_queue q = { .size = work.packets, .buffer_size = work.size };

	virtio_size = descriptors + available + used + (size_t)work.packets * work.size;
	need(fd >= 0 && ftruncate(fd, (off_t)virtio_size) == 0, "memfd");
	virtio_memory = mmap(NULL, virtio_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(virtio_memory != MAP_FAILED, "mmap");
	close(fd);
	memset(virtio_memory, 0, virtio_size);
	q.descriptors = (void *)virtio_memory;
	q.available = (void *)(virtio_memory + descriptors);
	q.used = (void *)(virtio_memory + descriptors + available);
	q.used_ring = (void *)(q.used + 2);
	q.buffers = virtio_memory + descriptors + available + used;
	driver = (struct virtio_driver){ .queue = q, .free = calloc(work.packets, 2) };
	device = (struct virtio_device){ .queue = q };
	need(driver.free, "memory");
	while (driver.free_count < work.packets) {
		driver.free[driver.free_count] = (uint16_t)(work.packets - 1 - driver.free_count);
		driver.free_count++;
	}
}

static void virtio_close(void)
{
	munmap(virtio_memory, virtio_size);
	free(driver.free);
}

static void virtio_send_one(void)
{
	while (!virtio_send(&driver, producer.bytes, work.size)) {
		signal_peer(&producer, virtio_publish(&driver));
		while (!virtio_want_used(&driver, (uint16_t)(work.packets / 4 * 3)))
			sleep_on(&producer);
	}
	producer.count++;
}

static void virtio_produce(void)
{
	do {
		for (uint32_t i = 0; i < work.batch; i++)
			virtio_send_one();
		signal_peer(&producer, virtio_publish(&driver));
	} while (!time_is_up());
}

static bool virtio_turn(void)
{
	uint32_t n = 0;

	while (n < TURN && virtio_receive(&device, consumer.bytes, work.size))
		n++;
	consumer.count += n;
	signal_peer(&consumer, virtio_release(&device));
	return n == TURN;
}

/* As our reader does before it asks for signals. */
static bool virtio_comes_soon(void)
{
	for (unsigned int i = 0; i < 100; i++) {
		if (virtio_look(&device.queue.available[1]) != device.next)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

static void virtio_consume_looking(bool looks)
{
	for (;;) {
		while (virtio_turn())
			;
		if ((looks && virtio_comes_soon()) || virtio_unmask(&device))
			continue;
		if (done && virtio_look(&device.queue.available[1]) == device.next)
			break;
		sleep_on(&consumer);
	}
}

static void virtio_consume(void)
{
	virtio_consume_looking(false);
}

static void virtio_look_and_consume(void)
{
	virtio_consume_looking(true);
}

/* ---- turns ---- */

static const struct kind {
	const char *name;
	void (*open)(void);
	void (*close)(void);
	void (*produce)(void);
	void (*consume)(void);
} kinds[] = {
	{ "vmbus", vmbus_open, vmbus_close, vmbus_produce, vmbus_consume },
	{ "virtio", virtio_open, virtio_close, virtio_produce, virtio_consume },
	{ "looking", virtio_open, virtio_close, virtio_produce, virtio_look_and_consume },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void *consume(void *kind)
{
	run_on(1);
	((const struct kind *)kind)->consume();
	consumer.cpu_ns = now_of(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

static void *produce(void *kind)
{
	run_on(0);
	((const struct kind *)kind)->produce();
	producer.cpu_ns = now_of(CLOCK_THREAD_CPUTIME_ID);
	done = true;
	need(eventfd_write(producer.peer_event, 1) == 0, "eventfd");
	return NULL;
}

static void prepare(void)
{
	uint8_t *const buffers[2] = { producer.bytes, consumer.bytes };
	const int events[2] = { producer.event, consumer.event };
	eventfd_t value;

	producer = (struct end){ .event = events[0], .peer_event = events[1], .bytes = buffers[0] };
	consumer = (struct end){ .event = events[1], .peer_event = events[0], .bytes = buffers[1] };
	(void)eventfd_write(events[0], 1);
	(void)eventfd_write(events[1], 1);
	eventfd_read(events[0], &value);
	eventfd_read(events[1], &value);
	done = false;
}

static void turn(const struct kind *kind, unsigned int pair, uint64_t milliseconds)
{
	uint64_t begin;
	pthread_t threads[2];
	union {
		const struct kind *from;
		void *to;
	} argument = { .from = kind };

	prepare();
	kind->open();
	begin = now_of(CLOCK_MONOTONIC);
	work.until = begin + milliseconds * 1000000;
	need(pthread_create(&threads[1], NULL, consume, argument.to) == 0 &&
		     pthread_create(&threads[0], NULL, produce, argument.to) == 0,
	     "thread");
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	need(producer.count == consumer.count, "packets were lost");
	printf("{\"ring\": \"%s\", \"pair\": %u, \"packets\": %" PRIu64 ", \"ns\": %" PRIu64
	       ", \"cpu_ns\": %" PRIu64 ", \"signals\": %" PRIu64 ", \"room_signals\": %" PRIu64
	       ", \"sleeps\": %" PRIu64 ", \"room_sleeps\": %" PRIu64 "}\n",
	       kind->name, pair, consumer.count, now_of(CLOCK_MONOTONIC) - begin,
	       producer.cpu_ns + consumer.cpu_ns, producer.signals, consumer.signals,
	       consumer.sleeps, producer.sleeps);
	fflush(stdout);
	kind->close();
}

static uint32_t number(const char *text, uint32_t most)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value == 0 || value > most) {
		fprintf(stderr, "bench-ring: %s: not from 1 to %u\n", text, most);
		exit(2);
	}
	return (uint32_t)value;
}

/* A packet and what of its header a reader copies with it. */
static uint8_t *private_buffer(void)
{
	const size_t unit = (size_t)2 * LINE, whole = (work.size + LINE + unit - 1) / unit * unit;
	uint8_t *bytes = aligned_alloc(unit, whole);

	if (bytes)
		memset(bytes, 0x5a, whole);
	need(bytes != NULL, "memory");
	return bytes;
}

int main(int argc, char **argv)
{
	unsigned int pairs, milliseconds;

	if (argc != 6) {
		fprintf(stderr, "usage: bench-ring PACKETS SIZE BATCH PAIRS MILLISECONDS\n");
		return 2;
	}
	work.packets = number(argv[1], 32768);
	work.size = number(argv[2], 65536);
	work.batch = number(argv[3], 32768);
	pairs = number(argv[4], 1000);
	milliseconds = number(argv[5], 60000);
	if (work.packets & (work.packets - 1)) {
		fprintf(stderr, "bench-ring: %u is no power of 2\n", work.packets);
		return 2;
	}
	producer.bytes = private_buffer();
	consumer.bytes = private_buffer();
	producer.event = eventfd(0, EFD_CLOEXEC);
	consumer.event = eventfd(0, EFD_CLOEXEC);
	need(producer.event >= 0 && consumer.event >= 0, "begin");
	for (unsigned int pair = 0; pair < pairs; pair++) {
		for (unsigned int i = 0; i < KINDS; i++)
			turn(&kinds[(pair + i) % KINDS], pair, milliseconds);
	}
	return EXIT_SUCCESS;
}
