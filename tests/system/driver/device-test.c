/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/mullion as mullion/uapi.h promises it: runs in the parent, under hv.
 * Every way to ask wrongly has its own errno, and there is none to write.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mullion/cpuid.h>
#include <mullion/log.h>
#include <mullion/stats.h>
#include <mullion/uapi.h>

#define PAGE 4096u

static int reader, writer; /* the device, open for reading; for both */
static struct mullion_hv_info info;

/* The errno of a call that fails, 0 of one that does not. */
static int error_of(long result)
{
	return result == -1 ? errno : 0;
}

static int map_error(int fd, size_t size, int protection, int flags, off_t offset)
{
	void *memory = mmap(NULL, size, protection, flags, fd, offset);

	if (memory == MAP_FAILED)
		return errno;
	munmap(memory, size);
	return 0;
}

static void node(void)
{
	struct stat status;

	REQUIRE(fstat(reader, &status) == 0);
	CHECK_EQ(status.st_mode, S_IFCHR | 0600);
	CHECK_EQ(status.st_uid, 0);
}

static void get_info(void)
{
	memset(&info, 0xff, sizeof(info));
	REQUIRE(ioctl(reader, MULLION_IOC_INFO, &info) == 0);
	CHECK_EQ(info.size, sizeof(info));
	CHECK_EQ(info.abi, MULLION_PARENT_ABI);
	CHECK_EQ(info.cpu_count, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	CHECK(info.tsc_hz > 100000000);
	CHECK(info.log_gpa && info.log_gpa % PAGE == 0 && info.log_size % PAGE == 0);
	CHECK(info.stats_gpa && info.stats_gpa % PAGE == 0 && info.stats_size % PAGE == 0);
	CHECK(memchr(info.backend, '\0', sizeof(info.backend)) != NULL);
	CHECK(memchr(info.build, '\0', sizeof(info.build)) != NULL);
	CHECK(memchr(info.options, '\0', sizeof(info.options)) != NULL);
}

/* Programs built for a shorter or a longer structure. */
static void other_sizes(void)
{
	unsigned char bytes[2048];
	struct mullion_hv_info copy;

	memset(bytes, 0xff, sizeof(bytes));
	CHECK_INT(ioctl(reader, _IOC(_IOC_READ, MULLION_IOC_MAGIC, 0, 16), bytes), 0);
	memcpy(&copy, bytes, sizeof(copy));
	CHECK_EQ(copy.size, 16);
	CHECK_EQ(copy.abi, MULLION_PARENT_ABI);
	CHECK_EQ(bytes[16], 0xff);

	memset(bytes, 0xff, sizeof(bytes));
	CHECK_INT(ioctl(reader, _IOC(_IOC_READ, MULLION_IOC_MAGIC, 0, 1024), bytes), 0);
	memcpy(&copy, bytes, sizeof(copy));
	CHECK_EQ(copy.size, sizeof(copy));
	for (size_t i = sizeof(copy); i < 1024; i++)
		CHECK_EQ(bytes[i], 0);
	CHECK_EQ(bytes[1024], 0xff);

	CHECK_INT(error_of(ioctl(reader, _IOC(_IOC_READ, MULLION_IOC_MAGIC, 0, 4), bytes)), ENOTTY);
	CHECK_INT(error_of(ioctl(reader, _IOC(_IOC_READ, MULLION_IOC_MAGIC, 0, 0), bytes)), ENOTTY);
}

static void bad_calls(void)
{
	char *pages =
		mmap(NULL, 2ul * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte = 0;

	REQUIRE(pages != MAP_FAILED);
	munmap(pages + PAGE, PAGE);
	CHECK_INT(error_of(ioctl(reader, MULLION_IOC_INFO, NULL)), EFAULT);
	CHECK_INT(error_of(ioctl(reader, MULLION_IOC_INFO, pages + PAGE - 8)), EFAULT);
	CHECK_INT(error_of(ioctl(reader, _IOC(_IOC_READ, MULLION_IOC_MAGIC, 0, 8192), pages)),
		  EFAULT);
	CHECK_INT(error_of(ioctl(reader, _IOR(MULLION_IOC_MAGIC, 1, info), pages)), ENOTTY);
	CHECK_INT(error_of(ioctl(reader, _IOW(MULLION_IOC_MAGIC, 0, info), pages)), ENOTTY);
	CHECK_INT(error_of(ioctl(reader, _IOR('x', 0, info), pages)), ENOTTY);
	CHECK_INT(error_of(read(reader, &byte, 1)), EINVAL);
	CHECK_INT(error_of(write(writer, &byte, 1)), EINVAL);
	CHECK_INT(error_of(lseek(reader, 1, SEEK_SET)), ESPIPE);
	munmap(pages, PAGE);
}

static void bad_maps(off_t offset, size_t size)
{
	CHECK_NOTE("offset 0x%lx", (unsigned long)offset);
	CHECK_INT(map_error(reader, size, PROT_READ, MAP_SHARED, offset), 0);
	CHECK_INT(map_error(reader, PAGE, PROT_READ, MAP_SHARED, offset), 0);
	CHECK_INT(map_error(writer, size, PROT_READ, MAP_SHARED, offset), 0);
	CHECK_INT(map_error(reader, size + 1, PROT_READ, MAP_SHARED, offset), EINVAL);
	CHECK_INT(map_error(reader, 1ul << 40, PROT_READ, MAP_SHARED, offset), EINVAL);
	CHECK_INT(map_error(reader, PAGE, PROT_READ, MAP_SHARED, offset + PAGE), EINVAL);
	CHECK_INT(map_error(reader, PAGE, PROT_READ, MAP_SHARED, offset + (off_t)(1ul << 62)),
		  EINVAL);
	CHECK_INT(map_error(reader, PAGE, PROT_READ, MAP_PRIVATE, offset), EINVAL);
	CHECK_INT(map_error(writer, PAGE, PROT_READ, MAP_PRIVATE, offset), EINVAL);
	CHECK_INT(map_error(writer, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, offset), EINVAL);
	CHECK_INT(map_error(writer, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, offset), EPERM);
	CHECK_INT(map_error(writer, PAGE, PROT_WRITE, MAP_SHARED, offset), EPERM);
	CHECK_INT(map_error(reader, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, offset), EPERM);
	/* Linux itself: the file is not open for writing. */
	CHECK_INT(map_error(reader, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, offset), EACCES);
}

static void maps(void)
{
	bad_maps(MULLION_MMAP_LOG, info.log_size);
	bad_maps(MULLION_MMAP_STATS, info.stats_size);
}

/* A mapping once made cannot become more than it is. */
static void stays_read_only(void)
{
	char *memory =
		mmap(NULL, info.stats_size, PROT_READ, MAP_SHARED, writer, MULLION_MMAP_STATS);
	uint64_t magic = 0, zero = 0;
	int own;

	REQUIRE(memory != MAP_FAILED);
	memcpy(&magic, memory, sizeof(magic));
	CHECK_EQ(magic, MULLION_STATS_MAGIC);
	CHECK_INT(error_of(mprotect(memory, PAGE, PROT_READ | PROT_WRITE)), EACCES);
	CHECK_INT(error_of(mprotect(memory, PAGE, PROT_READ | PROT_EXEC)), EACCES);
	CHECK(mremap(memory, info.stats_size, info.stats_size + PAGE, MREMAP_MAYMOVE) ==
	      MAP_FAILED);

	/* The back door by which a debugger writes to read-only memory. */
	own = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	REQUIRE(own >= 0);
	CHECK(pwrite(own, &zero, sizeof(zero), (off_t)(uintptr_t)memory) == -1);
	close(own);
	memcpy(&magic, memory, sizeof(magic));
	CHECK_EQ(magic, MULLION_STATS_MAGIC);
	munmap(memory, info.stats_size);
}

/* The mapping lives on without the descriptor it came from. */
static void outlives_descriptor(void)
{
	int fd = open(MULLION_DEVICE, O_RDONLY | O_CLOEXEC);
	struct mullion_log *log;

	REQUIRE(fd >= 0);
	log = mmap(NULL, info.log_size, PROT_READ, MAP_SHARED, fd, MULLION_MMAP_LOG);
	REQUIRE(log != MAP_FAILED);
	close(fd);
	CHECK_EQ(log->magic, MULLION_LOG_MAGIC);
	CHECK(log->head > log->tail);
	munmap(log, info.log_size);
}

int main(void)
{
	reader = open(MULLION_DEVICE, O_RDONLY | O_CLOEXEC);
	writer = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC);
	if (reader < 0 || writer < 0) {
		perror(MULLION_DEVICE);
		return EXIT_FAILURE;
	}
	CHECK_RUN(node);
	CHECK_RUN(get_info);
	CHECK_RUN(other_sizes);
	CHECK_RUN(bad_calls);
	CHECK_RUN(maps);
	CHECK_RUN(stays_read_only);
	CHECK_RUN(outlives_descriptor);
	return check_done();
}
