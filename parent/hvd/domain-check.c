/* SPDX-License-Identifier: GPL-2.0-only */
/* A definition against the machine it is to run on, see domain.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain.h"
#include "loader.h"
#include "network.h"

/* Where a bzImage (Linux, Documentation/arch/x86/boot.rst) and a multiboot kernel say
 * what they are. */
#define HEAD_SIZE 8192u
#define BZIMAGE_BOOT_FLAG 0x1feu
#define BZIMAGE_MAGIC 0x202u
#define BZIMAGE_VERSION 0x206u
#define BZIMAGE_XLOADFLAGS 0x236u
#define BZIMAGE_MIN_VERSION 0x020cu
#define MULTIBOOT_MAGIC 0x1badb002u

static bool check_cpus(const struct domain *domain, const struct domain_host *host,
		       struct domain_error *error)
{
	unsigned int cpu = cpuset_first_beyond(&domain->cpus, &host->cpus);

	if (cpu < CPUSET_MAX)
		return domain_complain(error, DOMAIN_BAD, domain->lines.vcpu,
				       "<vcpu>: there is no CPU %u", cpu);
	for (uint32_t i = 0; i < domain->vcpus; i++) {
		cpu = cpuset_first_beyond(&domain->pins[i], &host->cpus);
		if (cpu < CPUSET_MAX)
			return domain_complain(error, DOMAIN_BAD, domain->lines.pins[i],
					       "<vcpupin>: there is no CPU %u", cpu);
	}
	return true;
}

static unsigned int get16(const unsigned char *at)
{
	return at[0] | (unsigned int)at[1] << 8;
}

static bool is_multiboot(const unsigned char *head, size_t size)
{
	static const unsigned char magic[] = { MULTIBOOT_MAGIC & 0xff, MULTIBOOT_MAGIC >> 8 & 0xff,
					       MULTIBOOT_MAGIC >> 16 & 0xff,
					       MULTIBOOT_MAGIC >> 24 };

	for (size_t at = 0; at + sizeof(magic) <= size; at += 4) {
		if (memcmp(head + at, magic, sizeof(magic)) == 0)
			return true;
	}
	return false;
}

const char *domain_kernel(const struct domain *domain)
{
	return domain->kernel ? domain->kernel : LOADER_KERNEL;
}

const char *domain_initrd(const struct domain *domain)
{
	return domain->kernel ? domain->initrd : LOADER_INITRD;
}

const char *domain_cmdline(const struct domain *domain)
{
	return domain->kernel || domain->cmdline ? domain->cmdline : LOADER_CMDLINE;
}

static bool check_head(const struct domain *domain, const unsigned char *head, size_t size,
		       struct domain_error *error)
{
	bool bzimage = size > BZIMAGE_XLOADFLAGS && get16(head + BZIMAGE_BOOT_FLAG) == 0xaa55 &&
		       memcmp(head + BZIMAGE_MAGIC, "HdrS", 4) == 0;

	if (bzimage && (get16(head + BZIMAGE_VERSION) < BZIMAGE_MIN_VERSION ||
			!(head[BZIMAGE_XLOADFLAGS] & 1)))
		return domain_complain(error, DOMAIN_BAD, domain->lines.kernel,
				       "<kernel>: %s: has no 64-bit entry", domain_kernel(domain));
	if (!bzimage && !(size > 4 && memcmp(head, "\177ELF", 4) == 0) && !is_multiboot(head, size))
		return domain_complain(
			error, DOMAIN_BAD, domain->lines.kernel,
			"<kernel>: %s: not a bzImage, nor an ELF or multiboot kernel",
			domain_kernel(domain));
	return true;
}

/* An open regular file; -1 with error filled in. */
static int open_file(const char *element, const char *path, unsigned int line,
		     struct domain_error *error)
{
	/* Not to wait for the other end of a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0) {
		domain_complain(error, DOMAIN_BAD, line, "<%s>: %s: %s", element, path,
				strerror(errno));
		return -1;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	domain_complain(error, DOMAIN_BAD, line, "<%s>: %s: not a file", element, path);
	close(fd);
	return -1;
}

int domain_open_kernel(const struct domain *domain, struct domain_error *error)
{
	unsigned char head[HEAD_SIZE];
	int fd = open_file("kernel", domain_kernel(domain), domain->lines.kernel, error);
	ssize_t size;

	if (fd < 0 && !domain->kernel)
		domain_complain(error, DOMAIN_UNSUPPORTED, domain->lines.kernel,
				"<os>: without a <kernel> this needs Mullion's loader, and there "
				"is no " LOADER_KERNEL);
	if (fd < 0)
		return -1;
	size = pread(fd, head, sizeof(head), 0);
	if (size >= 0 && check_head(domain, head, (size_t)size, error))
		return fd;
	if (size < 0)
		domain_complain(error, DOMAIN_BAD, domain->lines.kernel, "<kernel>: %s: %s",
				domain_kernel(domain), strerror(errno));
	close(fd);
	return -1;
}

int domain_open_initrd(const struct domain *domain, struct domain_error *error)
{
	const char *path = domain_initrd(domain);

	error->problem = DOMAIN_OK;
	return path ? open_file("initrd", path, domain->lines.initrd, error) : -1;
}

/* What an image begins with that is not raw (QEMU, docs/interop/qcow2.rst). */
static bool is_qcow2(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       memcmp(magic, "QFI\xfb", sizeof(magic)) == 0;
}

/* A raw disk may begin with anything that its guest writes; only what is to be qcow2 has to
 * say so. */
static bool check_image(const struct domain_disk *disk, int fd, struct domain_error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return domain_complain(error, DOMAIN_BAD, disk->line, "<disk>: %s: %s",
				       disk->source, strerror(errno));
	if (disk->block ? !S_ISBLK(status.st_mode) : !S_ISREG(status.st_mode))
		return domain_complain(error, DOMAIN_BAD, disk->line, "<disk>: %s: not a %s",
				       disk->source, disk->block ? "block device" : "file");
	if (disk->format == DOMAIN_QCOW2 && !is_qcow2(fd))
		return domain_complain(error, DOMAIN_BAD, disk->line,
				       "<disk>: %s: not an image in the format qcow2",
				       disk->source);
	return true;
}

int domain_open_disk(const struct domain_disk *disk, struct domain_error *error)
{
	int access = disk->read_only ? O_RDONLY : O_RDWR;
	int fd = open(disk->source, access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		domain_complain(error, DOMAIN_BAD, disk->line, "<disk>: %s: %s", disk->source,
				strerror(errno));
		return -1;
	}
	if (check_image(disk, fd, error) && fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool check_disks(const struct domain *domain, struct domain_error *error)
{
	for (size_t i = 0; i < domain->disk_count; i++) {
		int fd = domain_open_disk(&domain->disks[i], error);

		if (fd < 0)
			return false;
		close(fd);
	}
	return true;
}

static bool check_networks(const struct domain *domain, const char *directory,
			   struct domain_error *error)
{
	struct network network;

	for (size_t i = 0; i < domain->card_count; i++) {
		const struct domain_card *card = &domain->cards[i];

		if (card->network == DOMAIN_NETWORK &&
		    !network_find(directory, card->source, &network, error)) {
			error->line = card->line;
			return false;
		}
	}
	return true;
}

static bool check_render_node(const struct domain *domain, struct domain_error *error)
{
	int fd;

	if (!domain->video.render_node)
		return true;
	fd = domain_open_render_node(domain, error);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool domain_check(const struct domain *domain, const struct domain_host *host,
		  struct domain_error *error)
{
	uint64_t memory = domain_guest_memory(domain) + domain_vram(domain);
	int fd;

	if (memory > host->memory)
		return domain_complain(error, DOMAIN_BAD, domain->lines.memory,
				       "<memory>: %" PRIu64 " MiB; this machine has %" PRIu64,
				       memory >> 20, host->memory >> 20);
	if (!check_cpus(domain, host, error))
		return false;
	if (host->without_files)
		return true;
	fd = domain_open_kernel(domain, error);
	if (fd < 0)
		return false;
	close(fd);
	fd = domain_open_initrd(domain, error);
	if (fd >= 0)
		close(fd);
	return error->problem == DOMAIN_OK && check_disks(domain, error) &&
	       check_networks(domain, host->networks, error) && check_render_node(domain, error);
}
