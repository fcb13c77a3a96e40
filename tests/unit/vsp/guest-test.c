/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/channel/guest.c with a memory file in a partition's place. */
#include "guest.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul
#define PAGES 64u

static int fd;

/* A file of so many pages, each filled with its number. */
static int new_file(uint32_t pages)
{
	int file = memfd_create("guest", MFD_CLOEXEC);
	uint8_t page[PAGE];

	REQUIRE(file >= 0);
	for (uint32_t i = 0; i < pages; i++) {
		memset(page, (int)i, sizeof(page));
		REQUIRE(pwrite(file, page, PAGE, (off_t)i * PAGE) == PAGE);
	}
	return file;
}

static struct guest *new_guest(void)
{
	const struct guest_range ranges[] = { { 0, 8 * PAGE }, { 16 * PAGE, 32 * PAGE } };
	struct guest *guest;

	fd = new_file(PAGES);
	guest = guest_new(fd, ranges, 2);
	REQUIRE(guest);
	return guest;
}

static void end_guest(struct guest *guest)
{
	guest_free(guest);
	close(fd);
}

static void test_new(void)
{
	static const struct guest_range bad[] = {
		{ 1, PAGE },
		{ 0, PAGE + 1 },
		{ 0, 0 },
		{ UINT64_MAX - PAGE + 1, PAGE },
		{ 1ul << 63, 1ul << 63 },
	};
	struct guest_range many[65];
	int file = new_file(65);

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_NOTE("range %u", i);
		errno = 0;
		CHECK(!guest_new(file, &bad[i], 1));
		CHECK_INT(errno, EINVAL);
	}
	CHECK_NOTE("none");
	CHECK(!guest_new(file, bad, 0) && errno == EINVAL);
	CHECK_NOTE("no file");
	CHECK(!guest_new(-1, &(struct guest_range){ 0, PAGE }, 1) && errno == EBADF);
	CHECK_NOTE("many");
	for (unsigned int i = 0; i < 65; i++)
		many[i] = (struct guest_range){ (uint64_t)i * PAGE, PAGE };
	CHECK(!guest_new(file, many, 65) && errno == EINVAL);
	guest_free(guest_new(file, many, 64));
	guest_free(NULL);
	close(file);
}

/* The second range from a file of its own, at another offset. */
static void test_file(void)
{
	struct guest *guest = new_guest();
	int file = new_file(PAGES + 3);
	uint64_t offset = 0;
	uint8_t byte = 0;

	CHECK(!guest_is_pinnable(guest));
	errno = 0;
	CHECK(!guest_use_file(guest, 2, file, 0) && errno == EINVAL);
	CHECK(!guest_use_file(guest, 1, -1, 0) && errno == EBADF);
	CHECK(!guest_use_file(guest, 1, file, 1) && errno == EINVAL);
	CHECK(guest_read(guest, 16 * PAGE, &byte, 1) && byte == 16);
	CHECK(guest_use_file(guest, 1, file, 3 * PAGE));
	CHECK(!guest_use_file(guest, 1, file, 3 * PAGE));
	/* The bytes are where it says they are, and the file is the guest's own. */
	CHECK_INT(guest_file(guest, guest_at(guest, 7 * PAGE, 1), PAGE, &offset), -1);
	CHECK_INT(guest_file(guest, &byte, 1, &offset), -1);
	CHECK_INT(guest_file(guest, guest_at(guest, 47 * PAGE, 1), 2 * PAGE, &offset), -1);
	close(file);
	file = guest_file(guest, guest_at(guest, 20 * PAGE, 1), 2 * PAGE, &offset);
	CHECK_EQ(offset, 7 * PAGE);
	CHECK(pread(file, &byte, 1, (off_t)offset) == 1 && byte == 7);
	CHECK(guest_read(guest, 16 * PAGE, &byte, 1) && byte == 3);
	CHECK(guest_read(guest, 7 * PAGE, &byte, 1) && byte == 7);
	CHECK(!guest_is_pinnable(guest));
	CHECK(guest_use_file(guest, 0, fd, 0));
	CHECK(guest_is_pinnable(guest));
	CHECK(guest_read(guest, 7 * PAGE, &byte, 1) && byte == 7);
	end_guest(guest);
}

static void test_bounds(void)
{
	static const struct {
		uint64_t gpa, size;
		bool there;
	} table[] = {
		{ 0, 1, true },
		{ 0, 8 * PAGE, true },
		{ 0, 8 * PAGE + 1, false },
		{ 8 * PAGE - 1, 1, true },
		{ 8 * PAGE - 1, 2, false },
		{ 8 * PAGE, 1, false },
		{ 16 * PAGE - 1, 1, false },
		{ 16 * PAGE, 32 * PAGE, true },
		{ 16 * PAGE, UINT64_MAX, false },
		{ 47 * PAGE, PAGE, true },
		{ 48 * PAGE, 1, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 2, false },
		{ 1, UINT64_MAX, false },
	};
	struct guest *guest = new_guest();
	uint8_t bytes[16] = { 0 };

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CHECK_NOTE("row %u", i);
		CHECK(!guest_at(guest, table[i].gpa, table[i].size) == !table[i].there);
	}
	CHECK_NOTE("copies");
	CHECK(guest_read(guest, 17 * PAGE - 1, bytes, 2));
	CHECK(bytes[0] == 16 && bytes[1] == 17);
	bytes[0] = 0xee;
	CHECK(!guest_read(guest, 8 * PAGE - 1, bytes, 2) && bytes[0] == 0xee);
	CHECK(!guest_write(guest, 8 * PAGE - 1, bytes, 2));
	CHECK(guest_read(guest, 8 * PAGE - 1, bytes, 1) && bytes[0] == 7);
	CHECK(guest_write(guest, 20 * PAGE, "there", 6));
	CHECK(pread(fd, bytes, 6, 20 * PAGE) == 6 && !memcmp(bytes, "there", 6));
	CHECK(!guest_is_gone(guest));
	end_guest(guest);
}

static void test_maps(void)
{
	static const uint64_t pfns[] = { 3, 20, 21, 7, 7 }, bad[] = { 3, 9 },
			      far[] = { UINT64_MAX }, far2[] = { UINT64_MAX / PAGE };
	struct guest *guest = new_guest();
	uint8_t *at = guest_map_pages(guest, pfns, 5, 1), *again;

	REQUIRE(at);
	for (uint32_t i = 0; i < 9; i++) {
		CHECK_NOTE("page %u", i);
		CHECK_EQ(at[i * PAGE + 5], pfns[i < 5 ? i : i - 4]);
	}
	CHECK_NOTE("wrap");
	again = at + 4 * PAGE;
	memcpy(at + 5 * PAGE - 4, "wrapped", 8);
	CHECK(!memcmp(at + PAGE, "ped", 4) && !memcmp(again + PAGE, "ped", 4));
	memcpy(at + PAGE + 100, "one", 4);
	CHECK(!memcmp(again + PAGE + 100, "one", 4));
	CHECK(guest_write(guest, 20 * PAGE + 100, "two", 4) && !memcmp(at + PAGE + 100, "two", 4));
	guest_unmap_pages(at, 5, 1);

	CHECK_NOTE("refused");
	errno = 0;
	CHECK(!guest_map_pages(guest, bad, 2, 1) && errno == EFAULT);
	CHECK(!guest_map_pages(guest, far, 1, 0) && errno == EFAULT);
	CHECK(!guest_map_pages(guest, far2, 1, 0) && errno == EFAULT);
	CHECK(!guest_map_pages(guest, pfns, 0, 0) && errno == EINVAL);
	CHECK(!guest_map_pages(guest, pfns, 2, 3) && errno == EINVAL);
	at = guest_map_pages(guest, pfns, 3, 3);
	CHECK(at && at[2 * PAGE] == 21);
	guest_unmap_pages(at, 3, 3);
	guest_unmap_pages(NULL, 3, 3);
	end_guest(guest);
}

static void test_iov(void)
{
	static const uint64_t run[] = { 16, 17, 18, 20, 4 }, bad[] = { 7, 8 },
			      far[] = { 1ul << 52, UINT64_MAX };
	struct guest *guest = new_guest();
	struct iovec iov[4];

	CHECK_INT(guest_iov(guest, run, 5, 100, 5 * PAGE - 100, iov, 4), 3);
	CHECK(iov[0].iov_base == guest_at(guest, 16 * PAGE + 100, 1));
	CHECK_EQ(iov[0].iov_len, 3 * PAGE - 100);
	CHECK(iov[1].iov_base == guest_at(guest, 20 * PAGE, 1) && iov[1].iov_len == PAGE);
	CHECK(iov[2].iov_base == guest_at(guest, 4 * PAGE, 1) && iov[2].iov_len == PAGE);
	CHECK_INT(guest_iov(guest, run, 5, 0, 5 * PAGE, iov, 3), 3);
	CHECK_INT(guest_iov(guest, run, 5, 0, 5 * PAGE, iov, 2), -1);
	CHECK_INT(guest_iov(guest, run, 5, 1, 5 * PAGE, iov, 4), -1);
	CHECK_INT(guest_iov(guest, run, 5, PAGE - 1, 2, iov, 4), 1);
	CHECK_EQ(iov[0].iov_len, 2);
	CHECK_INT(guest_iov(guest, run, 1, PAGE - 1, 2, iov, 4), -1);
	CHECK_INT(guest_iov(guest, run, 5, PAGE, 1, iov, 4), -1);
	CHECK_INT(guest_iov(guest, run, 5, UINT32_MAX, 1, iov, 4), -1);
	CHECK_INT(guest_iov(guest, run, 5, PAGE - 1, UINT32_MAX, iov, 4), -1);
	CHECK_INT(guest_iov(guest, run, 0, 0, 0, iov, 4), 0);
	CHECK_INT(guest_iov(guest, run, 1, 0, 1, iov, 0), -1);
	CHECK_INT(guest_iov(guest, bad, 2, 0, 2 * PAGE, iov, 4), -1);
	CHECK_INT(guest_iov(guest, far, 2, 0, PAGE, iov, 4), -1);
	CHECK_INT(guest_iov(guest, far + 1, 1, 0, PAGE, iov, 4), -1);
	end_guest(guest);
}

static void *read_all(void *context)
{
	const uint8_t *at = context;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 32 * PAGE; i++)
		sum += __atomic_load_n(&at[i], __ATOMIC_RELAXED);
	return (void *)(uintptr_t)(sum ? 1 : 0);
}

/* The memory goes away under mappings that several threads look at. */
static void test_gone(void)
{
	static const uint64_t pfns[] = { 16, 17, 30 };
	struct guest *guest = new_guest(), *other;
	uint8_t *at = guest_map_pages(guest, pfns, 3, 1), byte = 1;
	int other_fd = fd;
	pthread_t threads[4];

	other = new_guest();
	REQUIRE(at);
	CHECK_EQ(ftruncate(other_fd, 0), 0);
	CHECK(!guest_is_gone(guest));
	for (int i = 0; i < 4; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, read_all,
					guest_at(guest, 16 * PAGE, 1)));
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(threads[i], &result);
		CHECK(!result);
	}
	CHECK(guest_is_gone(guest) && !guest_is_gone(other));
	CHECK(guest_read(guest, 0, &byte, 1) && !byte);
	CHECK(guest_write(guest, 5, "x", 1));
	CHECK_EQ(at[PAGE] + at[3 * PAGE], 0);
	at[2 * PAGE] = 1;
	CHECK(guest_read(other, 16 * PAGE, &byte, 1) && byte == 16);
	guest_unmap_pages(at, 3, 1);
	guest_free(guest);
	close(other_fd);
	end_guest(other);
}

/* A fault elsewhere ends the process as it would have without us. */
static void test_foreign(void)
{
	struct guest *guest = new_guest();
	uint8_t *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 60 * PAGE);
	int status = 0;
	pid_t child;

	REQUIRE(at != MAP_FAILED && !ftruncate(fd, 50 * PAGE));
	fflush(NULL);
	child = fork();
	if (!child) {
		/* The sanitizer's report is no news. */
		close(STDERR_FILENO);
		_exit(*(volatile uint8_t *)at);
	}
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
	CHECK(!guest_is_gone(guest));
	munmap(at, PAGE);
	end_guest(guest);
}

int main(void)
{
	CHECK_RUN(test_new);
	CHECK_RUN(test_file);
	CHECK_RUN(test_bounds);
	CHECK_RUN(test_maps);
	CHECK_RUN(test_iov);
	CHECK_RUN(test_gone);
	CHECK_RUN(test_foreign);
	return check_done();
}
