/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory, see guest.h.
 *
 * A partition that ends takes its memory out of our mappings; the access that meets that
 * gets SIGBUS. The handler puts zeros in the mapping's place and the access goes on.
 *
 * Lock order: `lock` is a leaf. Nobody touches guest memory with it held, so the handler
 * can take it.
 */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define RANGES_MAX 64u

struct map {
	struct map *next;
	struct guest *guest;
	uint8_t *at;
	size_t size;
};

struct guest {
	int fd;
	bool gone; /* atomic */
	unsigned int count;
	struct guest_range ranges[RANGES_MAX];
	uint8_t *bytes[RANGES_MAX];
	unsigned int pinnable; /* ranges with a file of their own */
	struct {
		int fd; /* -1: none */
		uint64_t offset; /* of the range in it */
	} files[RANGES_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *maps; /* all of the process; under lock */
static struct sigaction before; /* what SIGBUS did before us; set once */

static struct map *find_map(const uint8_t *at)
{
	struct map *map = maps;

	while (map && (at < map->at || at >= map->at + map->size))
		map = map->next;
	return map;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	int error = errno;
	struct map *map;
	bool ours = false;

	pthread_mutex_lock(&lock);
	map = find_map(info->si_addr);
	if (map) {
		__atomic_store_n(&map->guest->gone, true, __ATOMIC_RELAXED);
		ours = mmap(map->at, map->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
			    0) != MAP_FAILED;
	}
	pthread_mutex_unlock(&lock);
	errno = error;
	if (ours)
		return;
	(void)number, (void)context;
	/* Not ours: the access is made again, and ends as it would have without us. */
	sigaction(SIGBUS, &before, NULL);
}

static void catch_bus_errors(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &before);
}

static bool add_map(struct guest *guest, void *at, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct map *map = malloc(sizeof(*map));

	if (!map)
		return false;
	pthread_once(&once, catch_bus_errors);
	*map = (struct map){ .guest = guest, .at = at, .size = size };
	pthread_mutex_lock(&lock);
	map->next = maps;
	maps = map;
	pthread_mutex_unlock(&lock);
	return true;
}

static void remove_map(const void *at)
{
	struct map **link, *map = NULL;

	pthread_mutex_lock(&lock);
	for (link = &maps; *link && (*link)->at != at; link = &(*link)->next)
		;
	if (*link) {
		map = *link;
		*link = map->next;
	}
	pthread_mutex_unlock(&lock);
	free(map);
}

static void unmap(void *at, size_t size)
{
	remove_map(at);
	munmap(at, size);
}

static bool is_valid(const struct guest_range *range)
{
	return range->size && !(range->gpa % PAGE) && !(range->size % PAGE) &&
	       range->gpa + range->size > range->gpa;
}

struct guest *guest_new(int fd, const struct guest_range *ranges, unsigned int count)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	guest->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	for (unsigned int i = 0; guest->fd >= 0 && i < count && i < RANGES_MAX; i++) {
		uint8_t *at;

		if (!is_valid(&ranges[i])) {
			errno = EINVAL;
			break;
		}
		at = mmap(NULL, ranges[i].size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->fd,
			  (off_t)ranges[i].gpa);
		if (at == MAP_FAILED)
			break;
		if (!add_map(guest, at, ranges[i].size)) {
			munmap(at, ranges[i].size);
			break;
		}
		guest->ranges[i] = ranges[i];
		guest->bytes[i] = at;
		guest->files[i].fd = -1;
		guest->count = i + 1;
	}
	if (guest->count && guest->count == count)
		return guest;
	if (!count || count > RANGES_MAX)
		errno = EINVAL;
	guest_free(guest);
	return NULL;
}

bool guest_use_file(struct guest *guest, unsigned int range, int fd, uint64_t offset)
{
	size_t size;
	void *at;
	int own;

	errno = EINVAL;
	if (range >= guest->count || guest->files[range].fd >= 0)
		return false;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return false;
	size = guest->ranges[range].size;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, own, (off_t)offset);
	if (at == MAP_FAILED || !add_map(guest, at, size)) {
		int error = errno;

		if (at != MAP_FAILED)
			munmap(at, size);
		close(own);
		errno = error;
		return false;
	}
	unmap(guest->bytes[range], size);
	guest->bytes[range] = at;
	guest->files[range].fd = own;
	guest->files[range].offset = offset;
	guest->pinnable++;
	return true;
}

bool guest_is_pinnable(const struct guest *guest)
{
	return guest->pinnable == guest->count;
}

int guest_file(const struct guest *guest, const void *at, size_t size, uint64_t *offset)
{
	uintptr_t address = (uintptr_t)at;

	for (unsigned int i = 0; i < guest->count; i++) {
		uint64_t in = address - (uintptr_t)guest->bytes[i];

		if (address < (uintptr_t)guest->bytes[i] || in >= guest->ranges[i].size ||
		    size > guest->ranges[i].size - in)
			continue;
		*offset = guest->files[i].offset + in;
		return guest->files[i].fd;
	}
	return -1;
}

void guest_free(struct guest *guest)
{
	int error = errno;

	if (!guest)
		return;
	for (unsigned int i = 0; i < guest->count; i++) {
		unmap(guest->bytes[i], guest->ranges[i].size);
		if (guest->files[i].fd >= 0)
			close(guest->files[i].fd);
	}
	if (guest->fd >= 0)
		close(guest->fd);
	free(guest);
	errno = error;
}

void *guest_at(const struct guest *guest, uint64_t gpa, uint64_t size)
{
	for (unsigned int i = 0; i < guest->count; i++) {
		const struct guest_range *range = &guest->ranges[i];
		uint64_t offset = gpa - range->gpa;

		if (gpa >= range->gpa && offset < range->size && size <= range->size - offset)
			return guest->bytes[i] + offset;
	}
	return NULL;
}

bool guest_read(const struct guest *guest, uint64_t gpa, void *to, size_t size)
{
	const void *from = guest_at(guest, gpa, size);

	if (from)
		memcpy(to, from, size);
	return from;
}

bool guest_write(const struct guest *guest, uint64_t gpa, const void *from, size_t size)
{
	void *to = guest_at(guest, gpa, size);

	if (to)
		memcpy(to, from, size);
	return to;
}

bool guest_is_gone(const struct guest *guest)
{
	return __atomic_load_n(&guest->gone, __ATOMIC_RELAXED);
}

/* ---- pages one behind the other ---- */

static size_t pages_size(uint32_t count, uint32_t twice)
{
	return ((size_t)count + (count - twice)) * PAGE;
}

/* How many of the pages follow the first one in the guest's memory too. */
static uint32_t run_length(const uint64_t *pfns, uint32_t count)
{
	uint32_t n = 1;

	while (n < count && pfns[n] == pfns[0] + n)
		n++;
	return n;
}

static bool place(const struct guest *guest, uint8_t *at, const uint64_t *pfns, uint32_t count)
{
	for (uint32_t i = 0, n; i < count; i += n) {
		n = run_length(pfns + i, count - i);
		if (pfns[i] > UINT64_MAX / PAGE ||
		    !guest_at(guest, pfns[i] * PAGE, (uint64_t)n * PAGE)) {
			errno = EFAULT;
			return false;
		}
		if (mmap(at + (size_t)i * PAGE, (size_t)n * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, guest->fd, (off_t)(pfns[i] * PAGE)) == MAP_FAILED)
			return false;
	}
	return true;
}

void *guest_map_pages(const struct guest *guest, const uint64_t *pfns, uint32_t count,
		      uint32_t twice)
{
	size_t size;
	uint8_t *at;

	if (!count || twice > count) {
		errno = EINVAL;
		return NULL;
	}
	size = pages_size(count, twice);
	at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (place(guest, at, pfns, count) &&
	    place(guest, at + (size_t)count * PAGE, pfns + twice, count - twice) &&
	    add_map((struct guest *)(uintptr_t)guest, at, size))
		return at;
	munmap(at, size);
	return NULL;
}

void guest_unmap_pages(void *map, uint32_t count, uint32_t twice)
{
	if (map)
		unmap(map, pages_size(count, twice));
}

/* ---- memory that a request names ---- */

int guest_iov(const struct guest *guest, const uint64_t *pfns, uint32_t count, uint32_t offset,
	      uint32_t length, struct iovec *iov, int max)
{
	int pieces = 0;

	if (offset >= PAGE || ((uint64_t)offset + length + PAGE - 1) / PAGE > count)
		return -1;
	for (uint32_t i = 0; length; i++, offset = 0) {
		uint32_t size = length < PAGE - offset ? length : PAGE - offset;
		uint8_t *at = pfns[i] > UINT64_MAX / PAGE ?
				      NULL :
				      guest_at(guest, pfns[i] * PAGE + offset, size);
		struct iovec *last = pieces ? &iov[pieces - 1] : NULL;

		length -= size;
		if (!at)
			return -1;
		if (last && (uint8_t *)last->iov_base + last->iov_len == at) {
			last->iov_len += size;
			continue;
		}
		if (pieces == max)
			return -1;
		iov[pieces++] = (struct iovec){ .iov_base = at, .iov_len = size };
	}
	return pieces;
}
