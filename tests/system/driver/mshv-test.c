/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/mshv and what /dev/mullion has for partitions, as docs/abi-mshv.md and
 * mullion/uapi.h promise them: runs in the parent, under hv, as root. Every way to
 * ask wrongly has its own errno; whatever a program leaves open or is killed in, hv
 * gets every page back.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>
#include <hyperv/message.h>
#include <hyperv/mshv.h>
#include <hyperv/status.h>
#include <mullion/uapi.h>

#define PAGE 4096ul

static int mshv, mullion;

/* The errno of a call that fails, 0 of one that does not. */
static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

/* Where nothing can be read or written. */
static void *nowhere(void)
{
	return (void *)(uintptr_t)0xdead0000;
}

/* ---- Helpers that make things ---- */

static int new_partition(void)
{
	struct mshv_create_partition create = {
		.pt_flags = 1u << MSHV_PT_BIT_LAPIC | 1u << MSHV_PT_BIT_X2APIC,
	};
	int fd = ioctl(mshv, MSHV_CREATE_PARTITION, &create);

	REQUIRE(fd >= 0);
	return fd;
}

static int active_partition(void)
{
	int fd = new_partition();

	REQUIRE(ioctl(fd, MSHV_INITIALIZE_PARTITION) == 0);
	return fd;
}

static int new_vp(int partition, uint32_t index)
{
	struct mshv_create_vp create = { .vp_index = index };
	int fd = ioctl(partition, MSHV_CREATE_VP, &create);

	REQUIRE(fd >= 0);
	return fd;
}

static uint64_t id_of(int partition)
{
	uint64_t id = 0;

	REQUIRE(ioctl(partition, MULLION_IOC_GET_ID, &id) == 0);
	return id;
}

static char *new_memory(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(memory != MAP_FAILED);
	return memory;
}

static int set_memory(int partition, uint64_t gfn, const void *memory, uint64_t size,
		      unsigned int flags)
{
	struct mshv_user_mem_region region = {
		.size = size,
		.guest_pfn = gfn,
		.userspace_addr = (uintptr_t)memory,
		.flags = (uint8_t)flags,
	};

	return error_of(ioctl(partition, MSHV_SET_GUEST_MEMORY, &region));
}

#define WRITABLE (1u << MSHV_SET_MEM_BIT_WRITABLE)
#define EXECUTABLE (1u << MSHV_SET_MEM_BIT_EXECUTABLE)
#define UNMAP (1u << MSHV_SET_MEM_BIT_UNMAP)

/* ---- Accounts: what hv has of the parent's memory ---- */

static struct mullion_partition_info parent_info(void)
{
	struct mullion_partition_query query = { .id = 0 };

	REQUIRE(ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0);
	return query.info;
}

static void nap(void)
{
	static const struct timespec time = { .tv_nsec = 10000000 };

	nanosleep(&time, NULL);
}

/* There is no partition, and hv has no page. */
static void balanced(void)
{
	struct mullion_partition_query query = { .id = 1 };
	struct mullion_partition_info info;
	int i;

	for (i = 0; i < 500 && ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0; i++)
		nap();
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_PARTITION, &query)), ENOENT);
	info = parent_info();
	CHECK_EQ(info.pool_pages, 0);
	CHECK_EQ(info.pool_free, 0);
	CHECK_EQ(info.mapped_pages, 0);
}

/* ---- The device ---- */

static void create_partition(void)
{
	struct mshv_create_partition_v2 create = { .pt_flags = 0 };
	int fd;

	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, NULL)), EFAULT);
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(mshv, MSHV_RUN_VP, &create)), ENOTTY);
	CHECK_INT(error_of(ioctl(mshv, _IOW(MSHV_IOCTL, 0, create), &create)), ENOTTY);
	create.pt_flags = 1u << 4;
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, &create)), EINVAL);
	create.pt_flags = 1ull << 63;
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, &create)), EINVAL);
	create.pt_flags = 0;
	create.pt_isolation = 1;
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, &create)), EINVAL);
	create.pt_isolation = 0;
	fd = ioctl(mshv, MSHV_CREATE_PARTITION, &create);
	CHECK(fd >= 0);
	close(fd);

	create.pt_flags = 1u << MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES | 1u << MSHV_PT_BIT_LAPIC;
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, &create)), EINVAL);
	create.pt_num_cpu_fbanks = MSHV_NUM_CPU_FEATURES_BANKS;
	create.pt_rsvd[5] = 1;
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, &create)), EINVAL);
	create.pt_rsvd[5] = 0;
	create.pt_rsvd1[1] = 1;
	CHECK_INT(error_of(ioctl(mshv, MSHV_CREATE_PARTITION, &create)), EINVAL);
	create.pt_rsvd1[1] = 0;
	fd = ioctl(mshv, MSHV_CREATE_PARTITION, &create);
	CHECK(fd >= 0);
	close(fd);
	balanced();
}

/* ---- A partition's life ---- */

static void life(void)
{
	struct mshv_create_vp create = { .vp_index = 0 };
	int partition = new_partition(), other = new_partition();
	uint64_t id = 0, other_id = 0;

	CHECK_INT(error_of(ioctl(partition, MULLION_IOC_GET_ID, nowhere())), EFAULT);
	id = id_of(partition);
	other_id = id_of(other);
	CHECK(id != 0 && other_id != 0 && id != other_id);
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_VP, &create)), EIO); /* too early */
	CHECK_INT(error_of(ioctl(partition, MSHV_INITIALIZE_PARTITION)), 0);
	CHECK_INT(error_of(ioctl(partition, MSHV_INITIALIZE_PARTITION)), 0);
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_PARTITION, nowhere())), ENOTTY);
	CHECK_INT(error_of(ioctl(partition, _IO(MSHV_IOCTL, 0x30))), ENOTTY);
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_VP, nowhere())), EFAULT);
	create.vp_index = 256;
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_VP, &create)), EINVAL);
	create.vp_index = 255; /* more than hv has */
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_VP, &create)), EINVAL);
	create.vp_index = UINT32_MAX;
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_VP, &create)), EINVAL);
	close(new_vp(partition, 0));
	create.vp_index = 0;
	CHECK_INT(error_of(ioctl(partition, MSHV_CREATE_VP, &create)), EEXIST);
	close(new_vp(partition, 5));
	close(partition);
	close(other);
	balanced();
}

static void name(void)
{
	struct mullion_partition_query query = { .id = 0 };
	struct mullion_name given = { .uuid = { 1, 2, 3 }, .name = "guest" };
	int partition = new_partition();

	CHECK_INT(error_of(ioctl(partition, MULLION_IOC_SET_NAME, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(partition, MULLION_IOC_SET_NAME, &given)), 0);
	query.id = id_of(partition);
	REQUIRE(ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0);
	CHECK_EQ(query.info.id, id_of(partition));
	CHECK_STR(query.info.name, "guest");
	CHECK_MEM(query.info.uuid, given.uuid, sizeof(given.uuid));
	CHECK_EQ(query.info.state, MULLION_PARTITION_CREATED);
	memset(given.name, 'x', sizeof(given.name));
	CHECK_INT(error_of(ioctl(partition, MULLION_IOC_SET_NAME, &given)), EINVAL);
	close(partition);
	balanced();
}

/* ---- Memory ---- */

static void memory_refused(void)
{
	int partition = active_partition();
	char *memory = new_memory(8 * PAGE);
	struct mshv_user_mem_region region = {
		.size = PAGE, .guest_pfn = 1, .userspace_addr = (uintptr_t)memory, .rsvd = { 0 }
	};

	CHECK_INT(error_of(ioctl(partition, MSHV_SET_GUEST_MEMORY, nowhere())), EFAULT);
	region.rsvd[6] = 1;
	CHECK_INT(error_of(ioctl(partition, MSHV_SET_GUEST_MEMORY, &region)), EINVAL);
	CHECK_INT(set_memory(partition, 1, memory, 0, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, 1, memory, PAGE + 1, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, 1, memory + 8, PAGE, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, 1, memory, PAGE, 8), EINVAL);
	CHECK_INT(set_memory(partition, 1, memory, PAGE, 0x80 | WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, UINT64_MAX, memory, 2 * PAGE, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, 1ull << 52, memory, PAGE, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, (1ull << 52) - 1, memory, PAGE, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, 1, memory, UINT64_MAX & -PAGE, WRITABLE), EINVAL);
	CHECK_INT(set_memory(partition, 1, (void *)0x10000000, PAGE, WRITABLE), EFAULT);
	CHECK_INT(set_memory(partition, 1, (void *)(1ul << 63), PAGE, WRITABLE), EFAULT);
	/* The second half is not there: nothing of it stays pinned or mapped. */
	munmap(memory + 4 * PAGE, 4 * PAGE);
	CHECK_INT(set_memory(partition, 1, memory, 8 * PAGE, WRITABLE), EFAULT);
	mprotect(memory, PAGE, PROT_READ);
	CHECK_INT(set_memory(partition, 1, memory, PAGE, WRITABLE), EFAULT);
	CHECK_EQ(parent_info().mapped_pages, 0);
	munmap(memory, 4 * PAGE);
	close(partition);
	balanced();
}

static void memory_regions(void)
{
	int partition = active_partition();
	char *memory = new_memory(16 * PAGE);

	CHECK_INT(set_memory(partition, 16, memory, 4 * PAGE, WRITABLE), 0);
	CHECK_EQ(parent_info().mapped_pages, 4);
	CHECK_INT(set_memory(partition, 16, memory + 4 * PAGE, PAGE, WRITABLE), EEXIST);
	CHECK_INT(set_memory(partition, 19, memory + 4 * PAGE, PAGE, WRITABLE), EEXIST);
	CHECK_INT(set_memory(partition, 15, memory + 4 * PAGE, 2 * PAGE, WRITABLE), EEXIST);
	CHECK_INT(set_memory(partition, 10, memory + 4 * PAGE, 12 * PAGE, WRITABLE), EEXIST);
	CHECK_INT(set_memory(partition, 20, memory + 4 * PAGE, PAGE, WRITABLE), 0);
	CHECK_INT(set_memory(partition, 15, memory + 5 * PAGE, PAGE, 0), 0);
	CHECK_EQ(parent_info().mapped_pages, 6);
	/* A page that one guest has is not to be had a second time. */
	CHECK(set_memory(partition, 100, memory, PAGE, WRITABLE) != 0);
	CHECK_EQ(parent_info().mapped_pages, 6);
	/* Unmapping: exactly, or what is not there. */
	CHECK_INT(set_memory(partition, 16, memory, 3 * PAGE, UNMAP), EINVAL);
	CHECK_INT(set_memory(partition, 17, memory, 4 * PAGE, UNMAP), EINVAL);
	CHECK_INT(set_memory(partition, 16, memory + PAGE, 4 * PAGE, UNMAP), EINVAL);
	CHECK_INT(set_memory(partition, 200, memory, 4 * PAGE, UNMAP), 0);
	CHECK_INT(set_memory(partition, 16, memory, 4 * PAGE, UNMAP), 0);
	CHECK_INT(set_memory(partition, 16, memory, 4 * PAGE, UNMAP), 0);
	CHECK_EQ(parent_info().mapped_pages, 2);
	CHECK_INT(set_memory(partition, 16, memory, 4 * PAGE, WRITABLE | EXECUTABLE), 0);
	/* The mapping may go before the guest does: the pages stay. */
	munmap(memory, 16 * PAGE);
	CHECK_EQ(parent_info().mapped_pages, 6);
	close(partition);
	balanced();
}

/* Large pages, and memory of which hv maps some large and some small. */
static void memory_large(void)
{
	const size_t size = 8ul << 20;
	int partition = active_partition();
	char *memory = mmap(NULL, size + (2ul << 20), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = (char *)(((uintptr_t)memory + (2ul << 20) - 1) & -(2ul << 20));
	uint64_t pages = size / PAGE;

	REQUIRE(memory != MAP_FAILED);
	madvise(aligned, size, MADV_HUGEPAGE);
	memset(aligned, 1, size);
	CHECK_INT(set_memory(partition, 0x200, aligned, size, WRITABLE), 0);
	CHECK_EQ(parent_info().mapped_pages, pages);
	CHECK_INT(set_memory(partition, 0x200, aligned, size, UNMAP), 0);
	CHECK_EQ(parent_info().mapped_pages, 0);
	/* Not congruent, then congruent with edges. */
	CHECK_INT(set_memory(partition, 0x201, aligned, size, WRITABLE), 0);
	CHECK_INT(set_memory(partition, 0x201, aligned, size, UNMAP), 0);
	CHECK_INT(set_memory(partition, 0x203, aligned + 3 * PAGE, size - 5 * PAGE, WRITABLE), 0);
	CHECK_EQ(parent_info().mapped_pages, pages - 5);
	munmap(memory, size + (2ul << 20));
	close(partition);
	balanced();
}

/* ---- Hypercalls of the VMM's ---- */

static int hvcall(int fd, uint16_t code, uint16_t reps, const void *input, size_t in_size,
		  void *output, size_t out_size, struct mshv_root_hvcall *back)
{
	struct mshv_root_hvcall call = {
		.code = code,
		.reps = reps,
		.in_sz = (uint16_t)in_size,
		.out_sz = (uint16_t)out_size,
		.in_ptr = (uintptr_t)input,
		.out_ptr = (uintptr_t)output,
	};
	int error = error_of(ioctl(fd, MSHV_ROOT_HVCALL, &call));

	if (back)
		*back = call;
	return error;
}

struct get_registers {
	struct hv_input_get_vp_registers head;
	uint32_t names[4];
};

struct set_register {
	struct hv_input_set_vp_registers head;
	struct hv_register_assoc element;
};

static int set_register(int vp, uint32_t index, uint32_t name, union hv_register_value value)
{
	struct set_register set = { .head = { .vp_index = index },
				    .element = { .name = name, .value = value } };

	return hvcall(vp, HVCALL_SET_VP_REGISTERS, 1, &set, sizeof(set), NULL, 0, NULL);
}

static int set_register64(int vp, uint32_t name, uint64_t value)
{
	return set_register(vp, 0, name, (union hv_register_value){ .reg64 = value });
}

static uint64_t get_register64(int vp, uint32_t name)
{
	struct get_registers get = { .head = { .vp_index = 0 }, .names = { name } };
	union hv_register_value value = { .reg64 = 0 };

	CHECK_INT(hvcall(vp, HVCALL_GET_VP_REGISTERS, 1, &get, 20, &value, sizeof(value), NULL), 0);
	return value.reg64;
}

static void hvcalls(void)
{
	struct hv_input_get_partition_property property = {
		.partition_id = 0x1234, /* the kernel knows better */
		.property_code = HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
	};
	struct hv_input_set_partition_property set = {
		.property_code = HV_PARTITION_PROPERTY_CPU_WEIGHT,
		.property_value = 200,
	};
	int partition = active_partition(), vp = new_vp(partition, 0);
	struct mshv_root_hvcall call = { .code = HVCALL_GET_PARTITION_PROPERTY,
					 .in_sz = sizeof(property),
					 .in_ptr = (uintptr_t)&property };
	struct mshv_root_hvcall back;
	char page[8192];
	uint64_t value = 0;

	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, &property, sizeof(property),
			 &value, sizeof(value), &back),
		  0);
	CHECK_EQ(back.status, HV_STATUS_SUCCESS);
	CHECK_EQ(back.reps, 0);
	property.property_code = 0x7fffffff;
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, &property, sizeof(property),
			 &value, sizeof(value), &back),
		  EIO);
	CHECK_EQ(back.status, HV_STATUS_UNKNOWN_PROPERTY);

	CHECK_INT(error_of(ioctl(partition, MSHV_ROOT_HVCALL, nowhere())), EFAULT);
	call.status = 1;
	CHECK_INT(error_of(ioctl(partition, MSHV_ROOT_HVCALL, &call)), EINVAL);
	call.status = 0;
	call.rsvd[5] = 1;
	CHECK_INT(error_of(ioctl(partition, MSHV_ROOT_HVCALL, &call)), EINVAL);
	memset(page, 0, sizeof(page));
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, page, 4, page, 8, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, page, 4097, page, 8, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, page, 16, page, 4097, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, page, 16, page, 0, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, page, 16, NULL, 8, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, NULL, 16, page, 8, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, nowhere(), 16, page, 8, NULL),
		  EFAULT);
	property.property_code = HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES;
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, &property, 16, nowhere(), 8,
			 NULL),
		  EFAULT);
	CHECK_INT(hvcall(vp, HVCALL_GET_VP_REGISTERS, 0x1000, page, 4096, page, 4096, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_DELETE_PARTITION, 0, page, 8, NULL, 0, NULL), EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_DEPOSIT_MEMORY, 1, page, 16, NULL, 0, NULL), EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_MAP_GPA_PAGES, 1, page, 32, NULL, 0, NULL), EINVAL);
	CHECK_INT(hvcall(partition, MULLION_CALL_RUN_VP, 0, page, 8, NULL, 0, NULL), EINVAL);
	/* Properties by the partition's own file only. */
	CHECK_INT(hvcall(vp, HVCALL_SET_PARTITION_PROPERTY, 0, &set, sizeof(set), NULL, 0, NULL),
		  EINVAL);
	CHECK_INT(hvcall(partition, HVCALL_SET_PARTITION_PROPERTY, 0, &set, sizeof(set), NULL, 0,
			 NULL),
		  0);
	close(vp);
	close(partition);
	balanced();
}

static void registers(void)
{
	int partition = active_partition(), vp = new_vp(partition, 0);
	struct get_registers get = { .head = { .vp_index = 0 },
				     .names = { HV_X64_REGISTER_RAX, HV_X64_REGISTER_RIP,
						HV_X64_REGISTER_R15, 0x7fffffff } };
	union hv_register_value values[4];
	struct mshv_root_hvcall back;

	CHECK_INT(set_register64(vp, HV_X64_REGISTER_RAX, 0x1122334455667788), 0);
	CHECK_INT(set_register64(vp, HV_X64_REGISTER_RIP, 0x1234), 0);
	CHECK_INT(set_register64(vp, HV_X64_REGISTER_R15, UINT64_MAX), 0);
	memset(values, 0xff, sizeof(values));
	CHECK_INT(hvcall(vp, HVCALL_GET_VP_REGISTERS, 3, &get, sizeof(get), values,
			 3 * sizeof(values[0]), &back),
		  0);
	CHECK_EQ(back.reps, 3);
	CHECK_EQ(values[0].reg128.low, 0x1122334455667788);
	CHECK_EQ(values[0].reg128.high, 0);
	CHECK_EQ(values[1].reg64, 0x1234);
	CHECK_EQ(values[2].reg64, UINT64_MAX);
	/* What comes before the wrong one is done, and told. */
	CHECK(hvcall(vp, HVCALL_GET_VP_REGISTERS, 4, &get, sizeof(get), values, sizeof(values),
		     &back) != 0);
	CHECK_EQ(back.reps, 3);
	CHECK(back.status != HV_STATUS_SUCCESS);
	/* A VP that is not there. */
	get.head.vp_index = 7;
	CHECK_INT(hvcall(vp, HVCALL_GET_VP_REGISTERS, 1, &get, sizeof(get), values, sizeof(values),
			 &back),
		  EINVAL);
	CHECK_EQ(back.status, HV_STATUS_INVALID_VP_INDEX);
	/* The partition's file will do too. */
	get.head.vp_index = 0;
	CHECK_INT(hvcall(partition, HVCALL_GET_VP_REGISTERS, 1, &get, 20, values, 16, NULL), 0);
	close(vp);
	close(partition);
	balanced();
}

/* ---- A guest ---- */

/*
 * Flat 32-bit code at 0x1000, in a page that is written too; 0x2000 is read-only.
 * Nothing at 0x9000 and 0xa000.
 */
static const unsigned char code[] = {
	0xb0, 0x42, /* mov $0x42,%al */
	0xe6, 0x10, /* out %al,$0x10 */
	0xe4, 0x11, /* in $0x11,%al */
	0xa2, 0x00, 0x18, 0x00, 0x00, /* mov %al,0x1800 */
	0xa3, 0x00, 0x90, 0x00, 0x00, /* mov %eax,0x9000 */
	0xc7, 0x05, 0x00, 0xa0, 0x00, 0x00, 0x78, 0x56, 0x34, 0x12, /* movl $0x12345678,0xa000 */
	0xc7, 0x05, 0x00, 0xa0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, /* movl $1,0xa000 */
	0xc6, 0x05, 0x00, 0x20, 0x00, 0x00, 0x01, /* movb $1,0x2000 */
	0xf4, /* hlt */
	0xeb, 0xfd, /* jmp to the hlt */
};
#define CODE_OUT 0x1002u
#define CODE_IN 0x1004u
#define CODE_UNMAPPED 0x100bu
#define CODE_BELL 0x1010u
#define CODE_NO_MATCH 0x101au
#define CODE_READ_ONLY 0x1024u
#define CODE_HLT 0x102bu

static const unsigned char loop[] = { 0xeb, 0xfe };

struct guest {
	int partition, vp;
	char *memory; /* two pages, at 0x1000 */
	struct hv_vp_register_page *page;
};

static void flat_segment(int vp, uint32_t name, uint16_t selector, uint16_t attributes)
{
	union hv_register_value value = {
		.segment = { .limit = UINT32_MAX, .selector = selector, .attributes = attributes }
	};

	CHECK_INT(set_register(vp, 0, name, value), 0);
}

static void add_synic(int partition)
{
	struct hv_input_set_partition_property set = {
		.property_code = HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
		.property_value = HV_SYNTHETIC_HYPERVISOR_PRESENT | HV_SYNTHETIC_HV1 |
				  HV_SYNTHETIC_SYNIC | HV_SYNTHETIC_HYPERCALL_MSRS,
	};

	CHECK_INT(hvcall(partition, HVCALL_SET_PARTITION_PROPERTY, 0, &set, sizeof(set), NULL, 0,
			 NULL),
		  0);
}

static struct guest new_guest(const unsigned char *program, size_t size)
{
	struct guest guest = { .partition = new_partition(), .memory = new_memory(2 * PAGE) };

	add_synic(guest.partition);
	REQUIRE(ioctl(guest.partition, MSHV_INITIALIZE_PARTITION) == 0);
	memcpy(guest.memory, program, size);
	CHECK_INT(set_memory(guest.partition, 1, guest.memory, PAGE, WRITABLE | EXECUTABLE), 0);
	CHECK_INT(set_memory(guest.partition, 2, guest.memory + PAGE, PAGE, 0), 0);
	guest.vp = new_vp(guest.partition, 0);
	guest.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, guest.vp, 0);
	REQUIRE(guest.page != MAP_FAILED);
	flat_segment(guest.vp, HV_X64_REGISTER_CS, 8, 0xc09b);
	flat_segment(guest.vp, HV_X64_REGISTER_DS, 16, 0xc093);
	flat_segment(guest.vp, HV_X64_REGISTER_ES, 16, 0xc093);
	flat_segment(guest.vp, HV_X64_REGISTER_SS, 16, 0xc093);
	CHECK_INT(set_register64(guest.vp, HV_X64_REGISTER_CR0, 0x11), 0);
	CHECK_INT(set_register64(guest.vp, HV_X64_REGISTER_RFLAGS, 2), 0);
	CHECK_INT(set_register64(guest.vp, HV_X64_REGISTER_RIP, 0x1000), 0);
	return guest;
}

static void end_guest(struct guest *guest)
{
	munmap(guest->page, PAGE);
	munmap(guest->memory, 2 * PAGE);
	close(guest->vp);
	close(guest->partition);
}

static struct hv_message message;

static int run(const struct guest *guest)
{
	memset(&message, 0xff, sizeof(message));
	return error_of(ioctl(guest->vp, MSHV_RUN_VP, &message));
}

/* Behind the instruction at rip, which is length bytes long. */
static void skip(const struct guest *guest, uint64_t rip, unsigned int length)
{
	CHECK_EQ(guest->page->rip, rip);
	guest->page->rip = rip + length;
	guest->page->dirty |= 1u << HV_X64_REGISTER_CLASS_IP;
}

static void intercepts(const struct guest *guest, int bell)
{
	const struct hv_x64_io_port_message *io = (const void *)message.bytes;
	const struct hv_x64_memory_message *memory = (const void *)message.bytes;
	uint64_t count = 0;

	REQUIRE(run(guest) == 0);
	CHECK_EQ(message.header.message_type, HVMSG_X64_IO_PORT_INTERCEPT);
	CHECK_EQ(io->header.vp_index, 0);
	CHECK_EQ(io->header.access_type, HV_X64_ACCESS_WRITE);
	CHECK_EQ(io->header.length_and_cr8 & 15, 2);
	CHECK_EQ(io->header.rip, CODE_OUT);
	CHECK_EQ(io->port_number, 0x10);
	CHECK_EQ(io->access_info & HV_X64_IO_ACCESS_SIZE, 1);
	CHECK_EQ(io->rax & 0xff, 0x42);
	CHECK_EQ(guest->page->rax & 0xff, 0x42);
	CHECK_EQ(get_register64(guest->vp, HV_X64_REGISTER_RIP), CODE_OUT);
	skip(guest, CODE_OUT, 2);

	/* What the VMM could not read is not lost. */
	CHECK_INT(error_of(ioctl(guest->vp, MSHV_RUN_VP, nowhere())), EFAULT);
	REQUIRE(run(guest) == 0);
	CHECK_EQ(message.header.message_type, HVMSG_X64_IO_PORT_INTERCEPT);
	CHECK_EQ(io->header.access_type, HV_X64_ACCESS_READ);
	CHECK_EQ(io->port_number, 0x11);
	guest->page->rax = 0x55;
	guest->page->dirty |= 1u << HV_X64_REGISTER_CLASS_GENERAL;
	skip(guest, CODE_IN, 2);

	REQUIRE(run(guest) == 0);
	CHECK_EQ(guest->memory[0x800], 0x55);
	CHECK_EQ(message.header.message_type, HVMSG_UNMAPPED_GPA);
	CHECK_EQ(memory->header.access_type, HV_X64_ACCESS_WRITE);
	CHECK_EQ(memory->gpa, 0x9000);
	CHECK(memory->instruction_byte_count >= 5);
	CHECK_MEM(memory->instruction_bytes, code + (CODE_UNMAPPED - 0x1000), 5);
	skip(guest, CODE_UNMAPPED, 5);

	/* The doorbell's store, and after it the one that does not ring it. */
	REQUIRE(run(guest) == 0);
	CHECK_INT(read(bell, &count, sizeof(count)), sizeof(count));
	CHECK_EQ(count, 1);
	CHECK_EQ(message.header.message_type, HVMSG_UNMAPPED_GPA);
	CHECK_EQ(memory->gpa, 0xa000);
	CHECK_INT(read(bell, &count, sizeof(count)), -1);
	skip(guest, CODE_NO_MATCH, 10);

	REQUIRE(run(guest) == 0);
	CHECK_EQ(message.header.message_type, HVMSG_GPA_INTERCEPT);
	CHECK_EQ(memory->header.access_type, HV_X64_ACCESS_WRITE);
	CHECK_EQ(memory->gpa, 0x2000);
	skip(guest, CODE_READ_ONLY, 7);
}

/* Page tables of 32-bit paging: the directory at 0x1000, in memory that can be written;
 * a table at 0x2000, in memory that cannot. */
static void make_tables(const struct guest *guest)
{
	static const uint32_t directory[] = {
		0x2007, /* the table */
		0x9007, /* a table without memory */
		0x200083, /* a large page with a reserved bit */
		0x400087, /* a large page */
	};
	static const uint32_t table[] = {
		0x1007, /* anybody's */
		0x1001, /* the kernel's, read-only */
		0x7003, /* the kernel's; no memory */
		0x1006, /* not present */
	};

	memcpy(guest->memory, directory, sizeof(directory));
	memcpy(guest->memory + PAGE, table, sizeof(table));
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_CR3, 0x1000), 0);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_CR4, 0x10), 0);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_CR0, 0x80010011), 0);
}

static int translate(int fd, struct hv_input_translate_virtual_address in,
		     struct hv_output_translate_virtual_address *out)
{
	memset(out, 0xff, sizeof(*out));
	return hvcall(fd, HVCALL_TRANSLATE_VIRTUAL_ADDRESS, 0, &in, sizeof(in), out, sizeof(*out),
		      NULL);
}

#define R HV_TRANSLATE_GVA_VALIDATE_READ
#define W HV_TRANSLATE_GVA_VALIDATE_WRITE
#define X HV_TRANSLATE_GVA_VALIDATE_EXECUTE
#define EXEMPT HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT
#define SET HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS
#define USER HV_TRANSLATE_GVA_USER_ACCESS

static void check_translations(const struct guest *guest, bool user)
{
	static const struct {
		uint64_t page, flags, gpa_page;
		uint32_t result, result_of_user;
	} rows[] = {
		{ 0, R | W | X, 1, HV_TRANSLATE_GVA_SUCCESS, HV_TRANSLATE_GVA_SUCCESS },
		{ 1, R, 1, HV_TRANSLATE_GVA_SUCCESS, HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION },
		{ 1, R | USER, 0, HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION,
		  HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION },
		{ 1, 0, 1, HV_TRANSLATE_GVA_SUCCESS, HV_TRANSLATE_GVA_SUCCESS },
		{ 1, R | EXEMPT, 1, HV_TRANSLATE_GVA_SUCCESS, HV_TRANSLATE_GVA_SUCCESS },
		{ 1, W | EXEMPT, 0, HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION,
		  HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION },
		/* Whether there is memory is another question. */
		{ 2, W | EXEMPT, 7, HV_TRANSLATE_GVA_SUCCESS, HV_TRANSLATE_GVA_SUCCESS },
		{ 3, R, 0, HV_TRANSLATE_GVA_PAGE_NOT_PRESENT, HV_TRANSLATE_GVA_PAGE_NOT_PRESENT },
		{ 3, 0, 0, HV_TRANSLATE_GVA_PAGE_NOT_PRESENT, HV_TRANSLATE_GVA_PAGE_NOT_PRESENT },
		{ 0x400, R, 0, HV_TRANSLATE_GVA_GPA_UNMAPPED, HV_TRANSLATE_GVA_GPA_UNMAPPED },
		{ 0x800, R, 0, HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS,
		  HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS },
		{ 0xc12, R, 0x412, HV_TRANSLATE_GVA_SUCCESS, HV_TRANSLATE_GVA_SUCCESS },
		{ 0x1000, 0, 0, HV_TRANSLATE_GVA_PAGE_NOT_PRESENT,
		  HV_TRANSLATE_GVA_PAGE_NOT_PRESENT },
	};
	struct hv_output_translate_virtual_address out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu, %s", i, user ? "user" : "kernel");
		CHECK_INT(translate(guest->vp,
				    (struct hv_input_translate_virtual_address){
					    .control_flags = rows[i].flags,
					    .gva_page = rows[i].page },
				    &out),
			  0);
		CHECK_EQ(out.result_code, user ? rows[i].result_of_user : rows[i].result);
		if (out.result_code == HV_TRANSLATE_GVA_SUCCESS)
			CHECK_EQ(out.gpa_page, rows[i].gpa_page);
		CHECK_EQ(out.overlay_page, 0);
	}
	CHECK_NOTE("end");
}

static void translations(void)
{
	static const struct hv_input_translate_virtual_address wrong[] = {
		{ .vp_index = 7 },
		{ .padding = 1 },
		{ .control_flags = 1ul << 8 },
		{ .control_flags = 1ul << 56 }, /* a VTL */
		{ .control_flags = R | USER | EXEMPT },
		{ .gva_page = 1ul << 52 },
	};
	struct guest guest = new_guest(loop, sizeof(loop));
	struct hv_output_translate_virtual_address out;
	void *memory = guest.memory;
	uint32_t *directory = memory;

	/* Without paging. */
	CHECK_INT(translate(guest.vp,
			    (struct hv_input_translate_virtual_address){ .gva_page = 0x98765 },
			    &out),
		  0);
	CHECK_EQ(out.result_code, HV_TRANSLATE_GVA_SUCCESS);
	CHECK_EQ(out.gpa_page, 0x98765);
	make_tables(&guest);
	check_translations(&guest, false);
	CHECK_EQ(directory[0], 0x2007);
	CHECK_EQ(directory[3], 0x400087);
	/* What the CPU would set, as far as there is a place for it. */
	CHECK_INT(translate(guest.vp,
			    (struct hv_input_translate_virtual_address){ .control_flags = R | SET },
			    &out),
		  0);
	CHECK_EQ(out.result_code, HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS);
	CHECK_EQ(directory[0], 0x2027);
	for (int write = 0; write < 2; write++) {
		CHECK_INT(translate(guest.vp,
				    (struct hv_input_translate_virtual_address){
					    .control_flags = SET | (write ? W : R),
					    .gva_page = 0xc00 },
				    &out),
			  0);
		CHECK_EQ(out.result_code, HV_TRANSLATE_GVA_SUCCESS);
		CHECK_EQ(directory[3], write ? 0x4000e7 : 0x4000a7);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_NOTE("row %zu", i);
		CHECK_INT(translate(guest.vp, wrong[i], &out), EINVAL);
	}
	flat_segment(guest.vp, HV_X64_REGISTER_CS, 0x1b, 0xc0fb);
	flat_segment(guest.vp, HV_X64_REGISTER_SS, 0x23, 0xc0f3);
	check_translations(&guest, true);
	end_guest(&guest);
	balanced();
}

/* Asks CPUID for leaf 0x80000006 and then for 1, and tells what it hears. */
static const unsigned char asking[] = {
	0xb8, 0x06, 0x00, 0x00, 0x80, /* mov $0x80000006,%eax */
	0xb9, 0x07, 0x00, 0x00, 0x00, /* mov $7,%ecx */
	0x0f, 0xa2, /* cpuid */
	0xe6, 0x10, /* out %al,$0x10 */
	0xb8, 0x01, 0x00, 0x00, 0x00, /* mov $1,%eax */
	0x0f, 0xa2, /* cpuid */
	0xe6, 0x10, /* out %al,$0x10 */
};
#define ASKING_HIGH 0x100cu
#define ASKING_ONE 0x1015u

struct cpuid_values {
	struct hv_input_get_vp_cpuid_values head;
	struct hv_cpuid_leaf_info leaves[3];
};

static void cpuid_results(void)
{
	struct guest guest = new_guest(asking, sizeof(asking));
	struct hv_input_register_intercept_result in = {
		.intercept_type = HV_INTERCEPT_TYPE_X64_CPUID,
		.cpuid = { .eax_in = 0x80000006,
			   .ecx_in = 7,
			   .subleaf_specific = 1,
			   .always_override = 1,
			   .eax = 0x11111111,
			   .eax_mask = UINT32_MAX,
			   .ebx = 0x22222222,
			   .ebx_mask = UINT32_MAX,
			   .ecx = 0x33333333,
			   .ecx_mask = UINT32_MAX,
			   .edx = 0x44444444,
			   .edx_mask = UINT32_MAX },
	};
	struct cpuid_values ask = {
		.head = { .flags = HV_CPUID_VALUES_REGISTERED | HV_CPUID_VALUES_OF_VP_XFEM },
		.leaves = { { .eax = 0x80000006, .ecx = 7 }, { .eax = 0x80000006 }, { .eax = 1 } },
	};
	struct hv_output_get_vp_cpuid_values told[3], own[3];
	struct mshv_root_hvcall back;
	const size_t size = offsetof(struct hv_input_register_intercept_result, padding);

	CHECK_INT(hvcall(guest.vp, HVCALL_REGISTER_INTERCEPT_RESULT, 0, &in, size, NULL, 0, NULL),
		  0);
	/* For all VPs: the model, of leaf 1. */
	in.vp_index = HV_ANY_VP;
	in.cpuid = (struct hv_x64_cpuid_result){
		.eax_in = 1, .always_override = 1, .eax = 0x00abcdef, .eax_mask = UINT32_MAX
	};
	CHECK_INT(hvcall(guest.vp, HVCALL_REGISTER_INTERCEPT_RESULT, 0, &in, size, NULL, 0, NULL),
		  0);
	in.vp_index = 7;
	CHECK_INT(hvcall(guest.vp, HVCALL_REGISTER_INTERCEPT_RESULT, 0, &in, size, NULL, 0, NULL),
		  EINVAL);
	in.vp_index = 0;
	in.cpuid.padding = 1;
	CHECK_INT(hvcall(guest.vp, HVCALL_REGISTER_INTERCEPT_RESULT, 0, &in, size, NULL, 0, NULL),
		  EINVAL);
	in.cpuid.padding = 0;
	in.intercept_type = HV_INTERCEPT_TYPE_EXCEPTION;
	CHECK_INT(hvcall(guest.vp, HVCALL_REGISTER_INTERCEPT_RESULT, 0, &in, size, NULL, 0, NULL),
		  EINVAL);

	CHECK_INT(hvcall(guest.vp, HVCALL_GET_VP_CPUID_VALUES, 3, &ask, sizeof(ask), told,
			 sizeof(told), &back),
		  0);
	CHECK_EQ(back.reps, 3);
	CHECK_EQ(told[0].eax, 0x11111111);
	CHECK_EQ(told[0].edx, 0x44444444);
	CHECK(told[1].eax != 0x11111111);
	CHECK_EQ(told[2].eax, 0x00abcdef);
	ask.head.flags = HV_CPUID_VALUES_OF_VP_XFEM;
	CHECK_INT(hvcall(guest.vp, HVCALL_GET_VP_CPUID_VALUES, 3, &ask, sizeof(ask), own,
			 sizeof(own), NULL),
		  0);
	CHECK_MEM(&own[0], &told[1], sizeof(own[0]));
	CHECK(own[2].eax != 0x00abcdef);
	CHECK_EQ(own[2].edx, told[2].edx);
	ask.head.flags = 4;
	CHECK_INT(hvcall(guest.vp, HVCALL_GET_VP_CPUID_VALUES, 3, &ask, sizeof(ask), own,
			 sizeof(own), NULL),
		  EINVAL);

	/* What the guest hears. */
	REQUIRE(run(&guest) == 0);
	CHECK_EQ((uint32_t)guest.page->rax, 0x11111111);
	CHECK_EQ((uint32_t)guest.page->rbx, 0x22222222);
	CHECK_EQ((uint32_t)guest.page->rcx, 0x33333333);
	CHECK_EQ((uint32_t)guest.page->rdx, 0x44444444);
	skip(&guest, ASKING_HIGH, 2);
	REQUIRE(run(&guest) == 0);
	CHECK_EQ((uint32_t)guest.page->rax, 0x00abcdef);
	CHECK_EQ((uint32_t)guest.page->rdx, told[2].edx);
	CHECK_EQ(guest.page->rip, ASKING_ONE);
	end_guest(&guest);
	balanced();
}

static void on_alarm(int number)
{
	(void)number;
}

/* A signal every 50 ms, until it is called with 0. */
static void ring_alarm(long us)
{
	struct itimerval timer = { .it_interval = { .tv_usec = us },
				   .it_value = { .tv_usec = us } };
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int new_bell(int partition, uint32_t flags, uint64_t match, uint32_t length)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct mshv_user_ioeventfd bell = {
		.datamatch = match, .addr = 0xa000, .len = length, .fd = fd, .flags = flags
	};

	REQUIRE(fd >= 0);
	CHECK_INT(error_of(ioctl(partition, MSHV_IOEVENTFD, &bell)), 0);
	return fd;
}

static void runs(void)
{
	struct guest guest = new_guest(code, sizeof(code));
	int bell = new_bell(guest.partition, 1u << MSHV_IOEVENTFD_BIT_DATAMATCH, 0x12345678, 4);

	intercepts(&guest, bell);
	/* Halted, until the signal; again, as often as one likes. */
	ring_alarm(50000);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(run(&guest), EINTR);
		CHECK(get_register64(guest.vp, HV_X64_REGISTER_RIP) >= CODE_HLT);
	}
	ring_alarm(0);
	close(bell);
	end_guest(&guest);
	balanced();
}

static void busy(void)
{
	struct guest guest = new_guest(loop, sizeof(loop));

	ring_alarm(50000);
	for (int i = 0; i < 10; i++)
		CHECK_INT(run(&guest), EINTR);
	ring_alarm(0);
	CHECK_EQ(get_register64(guest.vp, HV_X64_REGISTER_RIP), 0x1000);
	end_guest(&guest);
	balanced();
}

/* Until a signal: these guests say nothing. */
static void *runner(void *fd)
{
	struct hv_message mine = { .header = { .message_type = HVMSG_NONE } };

	CHECK_INT(error_of(ioctl(*(int *)fd, MSHV_RUN_VP, &mine)), EINTR);
	CHECK_INT(mine.header.message_type, HVMSG_NONE);
	return NULL;
}

/* A VP runs while its partition is asked and told things; one VP has one runner. */
static void while_it_runs(void)
{
	struct guest guest = new_guest(loop, sizeof(loop));
	struct get_registers get = { .head = { .vp_index = 0 }, .names = { HV_X64_REGISTER_RIP } };
	char *memory = new_memory(PAGE);
	struct sigaction action = { .sa_handler = on_alarm };
	struct hv_output_translate_virtual_address gpa;
	union hv_register_value value;
	pthread_t thread;

	sigaction(SIGALRM, &action, NULL);
	REQUIRE(pthread_create(&thread, NULL, runner, &guest.vp) == 0);
	for (int i = 0; i < 10; i++)
		nap();
	CHECK_INT(set_memory(guest.partition, 50, memory, PAGE, WRITABLE), 0);
	CHECK_INT(set_memory(guest.partition, 50, memory, PAGE, UNMAP), 0);
	/* Its registers are not to be had now, nor what depends on them. */
	CHECK(hvcall(guest.partition, HVCALL_GET_VP_REGISTERS, 1, &get, 20, &value, sizeof(value),
		     NULL) != 0);
	CHECK_INT(translate(guest.partition, (struct hv_input_translate_virtual_address){ 0 },
			    &gpa),
		  EIO);
	pthread_kill(thread, SIGALRM);
	pthread_join(thread, NULL);
	CHECK_EQ(get_register64(guest.vp, HV_X64_REGISTER_RIP), 0x1000);
	munmap(memory, PAGE);
	end_guest(&guest);
	balanced();
}

static void register_page(void)
{
	struct guest guest = new_guest(loop, sizeof(loop));

	CHECK_EQ(guest.page->version, HV_VP_REGISTER_PAGE_VERSION_1);
	CHECK(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, guest.vp, 0) == MAP_FAILED);
	CHECK_INT(errno, EINVAL);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, guest.vp, PAGE) == MAP_FAILED);
	CHECK_INT(errno, EINVAL);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, guest.vp, 0) == MAP_FAILED);
	CHECK_INT(errno, EINVAL);
	/* Garbage is the guest's own trouble. */
	memset(guest.page, 0xff, PAGE);
	ring_alarm(50000);
	(void)run(&guest);
	ring_alarm(0);
	end_guest(&guest);
	balanced();
}

static void vp_calls(void)
{
	int partition = active_partition(), vp = new_vp(partition, 0);

	CHECK_INT(error_of(ioctl(vp, MSHV_CREATE_VP, nowhere())), ENOTTY);
	CHECK_INT(error_of(ioctl(vp, MSHV_INITIALIZE_PARTITION)), ENOTTY);
	CHECK_INT(error_of(ioctl(vp, _IOR(MSHV_IOCTL, 0, char[255]), nowhere())), ENOTTY);
	close(partition);
	close(vp);
	balanced();
}

/* ---- More than registers ---- */

static int vp_state(int vp, unsigned long command, uint8_t type, void *buffer, uint32_t size,
		    uint32_t *back)
{
	struct mshv_get_set_vp_state state = { .type = type,
					       .buf_sz = size,
					       .buf_ptr = (uintptr_t)buffer };
	int error = error_of(ioctl(vp, command, &state));

	if (back)
		*back = state.buf_sz;
	return error;
}

static void states(void)
{
	int partition = active_partition(), vp = new_vp(partition, 0);
	struct mshv_get_set_vp_state state = { .rsvd = { 0, 0, 1 }, .buf_sz = PAGE };
	char *page = new_memory(2 * PAGE), *copy = new_memory(PAGE);
	struct hv_x64_lapic_state *lapic = (void *)page;
	uint32_t size = 0;

	state.buf_ptr = (uintptr_t)page;
	CHECK_INT(error_of(ioctl(vp, MSHV_GET_VP_STATE, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(vp, MSHV_GET_VP_STATE, &state)), EINVAL);
	for (unsigned long i = 0; i < 2; i++) {
		unsigned long command = i ? MSHV_SET_VP_STATE : MSHV_GET_VP_STATE;

		CHECK_INT(vp_state(vp, command, MSHV_VP_STATE_COUNT, page, PAGE, NULL), EINVAL);
		CHECK_INT(vp_state(vp, command, MSHV_VP_STATE_LAPIC, page, 0, NULL), EINVAL);
		CHECK_INT(vp_state(vp, command, MSHV_VP_STATE_LAPIC, page, 2048, NULL), EINVAL);
		CHECK_INT(vp_state(vp, command, MSHV_VP_STATE_LAPIC, page + 8, PAGE, NULL), EINVAL);
		CHECK_INT(vp_state(vp, command, MSHV_VP_STATE_LAPIC, nowhere(), PAGE, NULL),
			  EFAULT);
	}
	CHECK_INT(vp_state(vp, MSHV_GET_VP_STATE, MSHV_VP_STATE_LAPIC, page, PAGE, &size), 0);
	CHECK_EQ(size, PAGE);
	lapic->spurious = 0x1ff;
	CHECK_INT(vp_state(vp, MSHV_SET_VP_STATE, MSHV_VP_STATE_LAPIC, page, 2 * PAGE, NULL), 0);
	memset(copy, 0xff, PAGE);
	CHECK_INT(vp_state(vp, MSHV_GET_VP_STATE, MSHV_VP_STATE_LAPIC, copy, PAGE, NULL), 0);
	CHECK_EQ(((struct hv_x64_lapic_state *)copy)->spurious, 0x1ff);
	CHECK_INT(vp_state(vp, MSHV_GET_VP_STATE, MSHV_VP_STATE_XSAVE, page, PAGE, &size), 0);
	CHECK(size > 512 && size <= PAGE);
	CHECK_INT(vp_state(vp, MSHV_SET_VP_STATE, MSHV_VP_STATE_XSAVE, page, PAGE, NULL), 0);
	CHECK_INT(vp_state(vp, MSHV_GET_VP_STATE, MSHV_VP_STATE_XSAVE, copy, PAGE, NULL), 0);
	CHECK_MEM(copy, page, PAGE);
	memset(page, 0xff, PAGE); /* no such components, no such MXCSR */
	CHECK(vp_state(vp, MSHV_SET_VP_STATE, MSHV_VP_STATE_XSAVE, page, PAGE, NULL) != 0);
	munmap(page, 2 * PAGE);
	munmap(copy, PAGE);
	close(vp);
	close(partition);
	balanced();
}

/* ---- Interrupts ---- */

static int set_routes(int partition, uint32_t nr, uint32_t gsi, uint32_t high, uint32_t data)
{
	struct {
		struct mshv_user_irq_table table;
		struct mshv_user_irq_entry entries[2];
	} routes = { .table = { .nr = nr } };

	for (int i = 0; i < 2; i++)
		routes.entries[i] = (struct mshv_user_irq_entry){
			.gsi = gsi, .address_lo = 0xfee00000, .address_hi = high, .data = data
		};
	return error_of(ioctl(partition, MSHV_SET_MSI_ROUTING, &routes));
}

static int irqfd(int partition, int fd, int resample, uint32_t gsi, uint32_t flags)
{
	struct mshv_user_irqfd irqfd = {
		.fd = fd, .resamplefd = resample, .gsi = gsi, .flags = flags
	};

	return error_of(ioctl(partition, MSHV_IRQFD, &irqfd));
}

/* Switches the local APIC on and halts; its handler of vector 0x30 tells the VMM. */
static const unsigned char halting[] = {
	0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0x00, 0x00, /* movl $0x1ff,0xfee000f0 */
	0xfb, /* sti */
	0xf4, /* hlt */
	0xeb, 0xfd, /* jmp to the hlt */
};
static const unsigned char handler[] = {
	0xe6, 0x20, /* out %al,$0x20 */
	0xa3, 0xb0, 0x00, 0xe0, 0xfe, /* mov %eax,0xfee000b0 */
	0xcf, /* iret */
};
#define HANDLER 0x1100u
#define GDT 0x1300u
#define IDT 0x1400u
#define STACK 0x2000u

static void set_table(int vp, uint32_t name, uint64_t base, uint16_t limit)
{
	union hv_register_value value = { .table = { .base = base, .limit = limit } };

	CHECK_INT(set_register(vp, 0, name, value), 0);
}

static struct guest new_halting_guest(void)
{
	static const uint64_t gdt[3] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
	static const uint64_t gate = 0x00008e0000080000 | HANDLER;
	struct guest guest = new_guest(halting, sizeof(halting));

	memcpy(guest.memory + HANDLER - 0x1000, handler, sizeof(handler));
	memcpy(guest.memory + GDT - 0x1000, gdt, sizeof(gdt));
	memcpy(guest.memory + IDT - 0x1000 + 0x30 * sizeof(gate), &gate, sizeof(gate));
	set_table(guest.vp, HV_X64_REGISTER_GDTR, GDT, sizeof(gdt) - 1);
	set_table(guest.vp, HV_X64_REGISTER_IDTR, IDT, 0x31 * sizeof(gate) - 1);
	CHECK_INT(set_register64(guest.vp, HV_X64_REGISTER_RSP, STACK), 0);
	return guest;
}

/* Runs the guest until the handler has told something, or for a while. */
static bool interrupted(const struct guest *guest)
{
	const struct hv_x64_io_port_message *io = (const void *)message.bytes;
	int error;

	ring_alarm(100000);
	error = run(guest);
	ring_alarm(0);
	if (error)
		CHECK_INT(error, EINTR);
	if (error)
		return false;
	CHECK_EQ(message.header.message_type, HVMSG_X64_IO_PORT_INTERCEPT);
	CHECK_EQ(io->port_number, 0x20);
	skip(guest, HANDLER, 2);
	return true;
}

/* The same, however slow the machine is. */
static bool comes(const struct guest *guest)
{
	for (int i = 0; i < 20; i++) {
		if (interrupted(guest))
			return true;
	}
	return false;
}

/* The handler is this vector's too. */
static void take_vector(const struct guest *guest, unsigned int vector)
{
	char *idt = guest->memory + IDT - 0x1000;

	memcpy(idt + (size_t)vector * 8, idt + (size_t)0x30 * 8, 8);
}

/* A page fault that the VMM found: an exception with error code and CR2. */
static void pending_event(void)
{
	static const uint64_t refused[] = {
		HV_X64_EVENT_PENDING | 2ul << HV_X64_EVENT_VECTOR_SHIFT,
		HV_X64_EVENT_PENDING | 32ul << HV_X64_EVENT_VECTOR_SHIFT,
		HV_X64_EVENT_PENDING | 14ul << HV_X64_EVENT_VECTOR_SHIFT |
			1ul << HV_X64_EVENT_TYPE_SHIFT,
		14ul << HV_X64_EVENT_VECTOR_SHIFT,
	};
	struct guest guest = new_halting_guest();
	union hv_register_value value = { .reg64 = 0 };
	uint32_t error;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK_INT(set_register64(guest.vp, HV_REGISTER_PENDING_EVENT0, refused[i]), EINVAL);
	CHECK_INT(set_register64(guest.vp, HV_REGISTER_PENDING_EVENT0, 0), 0);
	take_vector(&guest, 14);
	value.reg128.low = HV_X64_EVENT_PENDING | HV_X64_EVENT_ERROR_CODE_VALID |
			   14ul << HV_X64_EVENT_VECTOR_SHIFT | 6ul << HV_X64_EVENT_ERROR_CODE_SHIFT;
	value.reg128.high = 0x123456;
	CHECK_INT(set_register(guest.vp, 0, HV_REGISTER_PENDING_EVENT0, value), 0);
	CHECK(get_register64(guest.vp, HV_REGISTER_PENDING_INTERRUPTION) & HV_X64_PENDING_VALID);
	CHECK_INT(set_register64(guest.vp, HV_REGISTER_PENDING_EVENT0, 0),
		  0); /* takes nothing back */
	REQUIRE(comes(&guest));
	CHECK_EQ(get_register64(guest.vp, HV_X64_REGISTER_CR2), 0x123456);
	memcpy(&error, guest.memory + STACK - 16 - 0x1000, sizeof(error));
	CHECK_EQ(error, 6);
	end_guest(&guest);
	balanced();
}

/* Bits of EFER that the guest was not told of are a fault, not a state that the CPU
 * does not run. */
static void strange_efer(void)
{
	static const unsigned char writing[] = {
		0xb9, 0x80, 0x00, 0x00, 0xc0, /* mov $0xc0000080,%ecx */
		0x31, 0xd2, /* xor %edx,%edx */
		0xb8, 0x00, 0x00, 0x00, 0x00, /* mov the value,%eax */
		0x0f, 0x30, /* wrmsr */
		0xe6, 0x21, /* out %al,$0x21 */
	};
	static const uint32_t values[] = { 1u << 13, 1u << 14, 1u << 15, 1u << 21, 1u << 12, 2 };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct guest guest = new_halting_guest();
		uint32_t rip;

		CHECK_NOTE("EFER 0x%x", values[i]);
		memcpy(guest.memory, writing, sizeof(writing));
		memcpy(guest.memory + 8, &values[i], sizeof(values[i]));
		take_vector(&guest, 13);
		REQUIRE(comes(&guest));
		memcpy(&rip, guest.memory + STACK - 12 - 0x1000, sizeof(rip));
		CHECK_EQ(rip, 0x100c);
		end_guest(&guest);
	}
	balanced();
}

/* Exceptions that leave the guest on their way, since they could come for ever. */
static void single_step(void)
{
	static const unsigned char stepping[] = {
		0x90, /* nop */
		0xf1, /* int1 */
		0xf4, /* hlt */
	};
	struct guest guest = new_halting_guest();
	uint32_t rip;

	memcpy(guest.memory, stepping, sizeof(stepping));
	take_vector(&guest, 1);
	CHECK_INT(set_register64(guest.vp, HV_X64_REGISTER_RFLAGS, 0x102), 0);
	REQUIRE(comes(&guest));
	memcpy(&rip, guest.memory + STACK - 12 - 0x1000, sizeof(rip));
	CHECK_EQ(rip, 0x1001);
	CHECK_EQ(get_register64(guest.vp, HV_X64_REGISTER_DR6) & 0x4000, 0x4000);
	CHECK_INT(set_register64(guest.vp, HV_X64_REGISTER_RSP, STACK), 0);
	guest.page->rip = 0x1001; /* the page still says that it is new */
	REQUIRE(comes(&guest));
	memcpy(&rip, guest.memory + STACK - 12 - 0x1000, sizeof(rip));
	CHECK_EQ(rip, 0x1002);
	end_guest(&guest);
	balanced();
}

#define DEASSIGN (1u << MSHV_IRQFD_BIT_DEASSIGN)
#define RESAMPLE (1u << MSHV_IRQFD_BIT_RESAMPLE)

static void routing_refused(void)
{
	int partition = active_partition();
	struct mshv_user_irq_table table = { .nr = 1, .rsvd = 1 };

	CHECK_INT(error_of(ioctl(partition, MSHV_SET_MSI_ROUTING, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(partition, MSHV_SET_MSI_ROUTING, &table)), EINVAL);
	CHECK_INT(set_routes(partition, MSHV_MAX_GUEST_IRQS + 1, 5, 0, 0x30), EINVAL);
	CHECK_INT(set_routes(partition, 1, MSHV_MAX_GUEST_IRQS, 0, 0x30), EINVAL);
	CHECK_INT(set_routes(partition, 1, 5, 1, 0x30), EINVAL);
	CHECK_INT(set_routes(partition, 2, 5, 0, 0x30), EINVAL); /* the same line twice */
	CHECK_INT(set_routes(partition, 1, 4095, 0, 0x30), 0);
	CHECK_INT(set_routes(partition, 0, 0, 0, 0), 0);
	close(partition);
	balanced();
}

static void irqfd_refused(void)
{
	int partition = active_partition(), fd = eventfd(0, EFD_CLOEXEC);

	CHECK_INT(error_of(ioctl(partition, MSHV_IRQFD, nowhere())), EFAULT);
	CHECK_INT(irqfd(partition, fd, 0, 5, 4), EINVAL);
	CHECK_INT(irqfd(partition, fd, 0, MSHV_MAX_GUEST_IRQS, 0), EINVAL);
	CHECK_INT(irqfd(partition, -1, 0, 5, 0), EBADF);
	CHECK_INT(irqfd(partition, mshv, 0, 5, 0), EINVAL);
	CHECK_INT(irqfd(partition, -1, 0, 5, DEASSIGN), EBADF);
	CHECK_INT(irqfd(partition, fd, 0, 5, DEASSIGN), 0);
	CHECK_INT(irqfd(partition, fd, fd, 5, RESAMPLE), EINVAL); /* no level-triggered line */
	CHECK_INT(set_routes(partition, 1, 5, 0, 0xc030), 0);
	CHECK_INT(irqfd(partition, fd, -1, 5, RESAMPLE), EBADF);
	CHECK_INT(irqfd(partition, fd, fd, 5, RESAMPLE), 0);
	CHECK_INT(irqfd(partition, fd, 0, 6, 0), EBUSY);
	close(fd);
	close(partition);
	balanced();
}

static void irqfds(void)
{
	struct guest guest = new_halting_guest();
	int fd = eventfd(0, EFD_CLOEXEC), second = eventfd(1, EFD_CLOEXEC);
	uint64_t one = 1;

	CHECK(!interrupted(&guest));
	CHECK_INT(irqfd(guest.partition, fd, 0, 5, 0), 0);
	CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one)); /* a line that means nothing */
	CHECK(!interrupted(&guest));
	CHECK_INT(set_routes(guest.partition, 1, 5, 0, 0x30), 0);
	CHECK(!interrupted(&guest));
	for (int i = 0; i < 3; i++) {
		CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one));
		CHECK(comes(&guest));
		CHECK(!interrupted(&guest));
	}
	CHECK_INT(irqfd(guest.partition, fd, 0, 6, DEASSIGN), 0); /* another line: nothing */
	CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one));
	CHECK(comes(&guest));
	CHECK_INT(irqfd(guest.partition, fd, 0, 5, DEASSIGN), 0);
	CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one));
	CHECK(!interrupted(&guest));
	/* It was signalled before it was assigned. */
	CHECK_INT(irqfd(guest.partition, second, 0, 5, 0), 0);
	CHECK(comes(&guest));
	/* A closed one is forgotten; its partition may go first. */
	close(second);
	CHECK_INT(irqfd(guest.partition, fd, 0, 5, 0), 0);
	end_guest(&guest);
	balanced();
	CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one));
	close(fd);
}

/* A signal to an eventfd interrupts a VP that another thread runs and that is halted. */
static void *signaller(void *fd)
{
	uint64_t one = 1;

	for (int i = 0; i < 20; i++) {
		nap();
		CHECK_INT(write(*(int *)fd, &one, sizeof(one)), sizeof(one));
	}
	return NULL;
}

static void wakes_up(void)
{
	struct guest guest = new_halting_guest();
	int fd = eventfd(0, EFD_CLOEXEC), count = 0;
	pthread_t thread;

	CHECK(!interrupted(&guest));
	CHECK_INT(set_routes(guest.partition, 1, 5, 0, 0x30), 0);
	CHECK_INT(irqfd(guest.partition, fd, 0, 5, 0), 0);
	REQUIRE(pthread_create(&thread, NULL, signaller, &fd) == 0);
	/* Two may become one where the guest is slower than the signals. */
	while (interrupted(&guest))
		count++;
	pthread_join(thread, NULL);
	CHECK(count > 0 && count <= 20);
	close(fd);
	end_guest(&guest);
	balanced();
}

static int ioeventfd(int partition, int fd, uint64_t address, uint32_t length, uint32_t flags,
		     uint64_t match)
{
	struct mshv_user_ioeventfd bell = {
		.datamatch = match, .addr = address, .len = length, .fd = fd, .flags = flags
	};

	return error_of(ioctl(partition, MSHV_IOEVENTFD, &bell));
}

static void doorbells_refused(void)
{
	const uint32_t match = 1u << MSHV_IOEVENTFD_BIT_DATAMATCH;
	const uint32_t deassign = 1u << MSHV_IOEVENTFD_BIT_DEASSIGN;
	int partition = active_partition(), fd = eventfd(0, EFD_CLOEXEC);
	struct mshv_user_ioeventfd bell = { .addr = 0x1000, .fd = fd, .rsvd = { 0, 0, 0, 1 } };

	CHECK_INT(error_of(ioctl(partition, MSHV_IOEVENTFD, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(partition, MSHV_IOEVENTFD, &bell)), EINVAL);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, 8, 0), EINVAL);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, 1u << MSHV_IOEVENTFD_BIT_PIO, 0), EOPNOTSUPP);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 3, 0, 0), EINVAL);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 0, match, 7), EINVAL);
	CHECK_INT(ioeventfd(partition, fd, UINT64_MAX, 4, 0, 0), EINVAL);
	CHECK_INT(ioeventfd(partition, -1, 0x1000, 4, 0, 0), EBADF);
	CHECK_INT(ioeventfd(partition, mshv, 0x1000, 4, 0, 0), EINVAL);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, match, 7), 0);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, match, 7), EEXIST);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, match, 8), 0);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 0, 0, 0), EEXIST);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, deassign, 0), ENOENT);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, match | deassign, 7), 0);
	CHECK_INT(ioeventfd(partition, fd, 0x1000, 4, match | deassign, 7), ENOENT);
	close(fd);
	close(partition);
	balanced();
}

/* ---- What a guest has touched ---- */

static int access_bitmap(int partition, unsigned int type, unsigned int op, uint64_t base,
			 uint64_t count, void *bitmap)
{
	struct mshv_gpap_access_bitmap access = { .access_type = (uint8_t)type,
						  .access_op = (uint8_t)op,
						  .page_count = count,
						  .gpap_base = base,
						  .bitmap_ptr = (uintptr_t)bitmap };

	return error_of(ioctl(partition, MSHV_GET_GPAP_ACCESS_BITMAP, &access));
}

static void access_states(void)
{
	const unsigned int dirty = MSHV_GPAP_ACCESS_TYPE_DIRTY, clear = MSHV_GPAP_ACCESS_OP_CLEAR;
	struct guest guest = new_guest(code, sizeof(code));
	struct mshv_gpap_access_bitmap access = { .rsvd = { 1 }, .page_count = 1, .bitmap_ptr = 8 };
	unsigned char bitmap[1024];

	CHECK_INT(error_of(ioctl(guest.partition, MSHV_GET_GPAP_ACCESS_BITMAP, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(guest.partition, MSHV_GET_GPAP_ACCESS_BITMAP, &access)), EINVAL);
	CHECK_INT(access_bitmap(guest.partition, 2, 0, 1, 1, bitmap), EINVAL);
	CHECK_INT(access_bitmap(guest.partition, dirty, 3, 1, 1, bitmap), EINVAL);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 1, 0, bitmap), EINVAL);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 1, 1, NULL), EINVAL);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, UINT64_MAX, 2, bitmap), EINVAL);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 1, 1, nowhere()), EFAULT);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 1, 1ull << 51, nowhere()), EFAULT);

	CHECK_INT(access_bitmap(guest.partition, dirty, clear, 0, 8, bitmap), 0);
	/* Up to the store into 0x1800, which is behind the second message. */
	REQUIRE(run(&guest) == 0);
	skip(&guest, CODE_OUT, 2);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 0, 8, bitmap), 0);
	CHECK_EQ(bitmap[0], 0);
	REQUIRE(run(&guest) == 0);
	skip(&guest, CODE_IN, 2);
	REQUIRE(run(&guest) == 0);
	memset(bitmap, 0xff, sizeof(bitmap));
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 0, 5000, bitmap), 0);
	CHECK_EQ(bitmap[0], 1u << 1);
	for (size_t i = 1; i < 625; i++)
		CHECK_EQ(bitmap[i], 0);
	CHECK_EQ(bitmap[625], 0xff);
	CHECK_INT(access_bitmap(guest.partition, dirty, clear, 1, 1, bitmap), 0);
	CHECK_EQ(bitmap[0], 1);
	CHECK_INT(access_bitmap(guest.partition, dirty, 0, 1, 1, bitmap), 0);
	CHECK_EQ(bitmap[0], 0);
	end_guest(&guest);
	balanced();
}

/* ---- Descriptors that go in any order, and programs that are killed ---- */

static void orders(void)
{
	for (int i = 0; i < 6; i++) {
		static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
		struct guest guest = new_guest(loop, sizeof(loop));
		int fds[3] = { guest.partition, guest.vp, new_vp(guest.partition, 1) };

		CHECK_NOTE("order %d", i);
		ring_alarm(20000);
		CHECK_INT(run(&guest), EINTR);
		close(fds[order[i][0]]);
		if (order[i][0] != 1)
			CHECK_INT(run(&guest), EINTR);
		ring_alarm(0);
		close(fds[order[i][1]]);
		close(fds[order[i][2]]);
		/* The mapping of the register page is what is left. */
		CHECK_EQ(parent_info().mapped_pages, 2);
		munmap(guest.page, PAGE);
		munmap(guest.memory, 2 * PAGE);
		balanced();
	}
}

/* Each child does this much and then waits for its end, or runs its VP. */
static void victim(int stage)
{
	struct guest guest;
	struct hv_message mine;
	int fd;

	if (stage == 0)
		(void)new_partition();
	if (stage == 1)
		(void)new_vp(active_partition(), 3);
	if (stage >= 2) {
		guest = stage == 3 ? new_guest(code + (CODE_HLT - 0x1000), 3) :
				     new_guest(loop, sizeof(loop));
		(void)new_bell(guest.partition, 0, 0, 0);
		fd = eventfd(0, EFD_CLOEXEC);
		CHECK_INT(irqfd(guest.partition, fd, 0, 5, 0), 0);
		if (stage == 4)
			close(guest.partition);
		for (;;)
			(void)ioctl(guest.vp, MSHV_RUN_VP, &mine);
	}
	for (;;)
		pause();
}

static void killed(void)
{
	for (int round = 0; round < 20; round++) {
		int stage = round % 5, status;
		pid_t child = fork();

		CHECK_NOTE("stage %d", stage);
		REQUIRE(child >= 0);
		if (!child) {
			victim(stage);
			_exit(1);
		}
		for (int i = 0; i < 1 + round / 5 * 3; i++)
			nap();
		kill(child, SIGKILL);
		REQUIRE(waitpid(child, &status, 0) == child);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		balanced();
	}
}

/* ---- /dev/mullion ---- */

static void listing(void)
{
	struct mullion_partition_query query = { .id = 0 };
	int first = new_partition(), second = active_partition();
	uint64_t id = id_of(first), next = id_of(second);

	close(new_vp(second, 0));
	REQUIRE(ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0);
	CHECK_EQ(query.info.id, 0);
	query.id = 1;
	REQUIRE(ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0);
	CHECK_EQ(query.info.id, id);
	CHECK_EQ(query.info.state, MULLION_PARTITION_CREATED);
	CHECK_EQ(query.info.vp_count, 0);
	CHECK_EQ(query.info.weight, HV_CPU_WEIGHT_DEFAULT);
	query.id = id + 1;
	REQUIRE(ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0);
	CHECK_EQ(query.info.id, next);
	CHECK_EQ(query.info.state, MULLION_PARTITION_ACTIVE);
	CHECK_EQ(query.info.vp_count, 1);
	CHECK(query.info.pool_pages > 0);
	query.id = next + 1;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_PARTITION, &query)), ENOENT);
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_PARTITION, nowhere())), EFAULT);
	close(first);
	close(second);
	balanced();
}

static int set_property(uint64_t id, uint32_t code_of, uint64_t value)
{
	struct mullion_property property = { .id = id, .code = code_of, .value = value };

	return error_of(ioctl(mullion, MULLION_IOC_PROPERTY, &property));
}

static void shares(void)
{
	struct mullion_partition_query query;
	struct mullion_property property = { .reserved = 1 };
	struct mullion_affinity affinity = { .vp = 0, .cpus = { 1 } };
	int partition = active_partition(), vp = new_vp(partition, 0);
	uint64_t id = id_of(partition);

	property.id = affinity.id = id;
	property.code = HV_PARTITION_PROPERTY_CPU_WEIGHT;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_PROPERTY, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_PROPERTY, &property)), EINVAL);
	CHECK_INT(set_property(id, HV_PARTITION_PROPERTY_CPU_WEIGHT, 0), EINVAL);
	CHECK_INT(set_property(id, HV_PARTITION_PROPERTY_CPU_WEIGHT, 10001), EINVAL);
	CHECK_INT(set_property(id, HV_PARTITION_PROPERTY_CPU_CAP, 65537), EINVAL);
	CHECK_INT(set_property(id, HV_PARTITION_PROPERTY_TIME_FREEZE, 0), EINVAL);
	CHECK_INT(set_property(id + 1000, HV_PARTITION_PROPERTY_CPU_WEIGHT, 5), ENOENT);
	CHECK_INT(set_property(id, HV_PARTITION_PROPERTY_CPU_WEIGHT, 10000), 0);
	CHECK_INT(set_property(id, HV_PARTITION_PROPERTY_CPU_CAP, 30000), 0);
	query.id = id;
	REQUIRE(ioctl(mullion, MULLION_IOC_PARTITION, &query) == 0);
	CHECK_EQ(query.info.weight, 10000);
	CHECK_EQ(query.info.cap, 30000);

	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_AFFINITY, &affinity)), 0);
	affinity.cpus[0] = 0;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_AFFINITY, &affinity)), EINVAL);
	affinity.cpus[3] = 1ull << 63;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_AFFINITY, &affinity)), EINVAL);
	affinity.cpus[0] = 1;
	affinity.vp = 9;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_AFFINITY, &affinity)), EINVAL);
	affinity.vp = 0;
	affinity.id = id + 1000;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_AFFINITY, &affinity)), ENOENT);
	affinity.id = id;
	affinity.reserved = 1;
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_AFFINITY, &affinity)), EINVAL);
	close(vp);
	close(partition);
	balanced();
}

static uint64_t take(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void watches(void)
{
	int file = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC), partition;
	int any = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
	    one = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct mullion_watch watch = { .id = 0, .eventfd = any };

	CHECK_INT(error_of(ioctl(file, MULLION_IOC_WATCH, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_WATCH, &watch)), 0);
	watch.eventfd = -1;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_WATCH, &watch)), EBADF);
	watch.eventfd = mshv;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_WATCH, &watch)), EINVAL);
	watch.eventfd = one;
	watch.reserved = 1;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_WATCH, &watch)), EINVAL);
	watch.reserved = 0;
	CHECK_EQ(take(any), 0);
	partition = new_partition();
	CHECK_EQ(take(any), 1);
	watch.id = id_of(partition);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_WATCH, &watch)), 0);
	close(new_partition());
	CHECK_EQ(take(any), 2);
	CHECK_EQ(take(one), 0);
	close(partition);
	balanced();
	CHECK_EQ(take(any), 1);
	CHECK_EQ(take(one), 1);
	close(file);
	close(new_partition());
	CHECK_EQ(take(any), 0);
	close(any);
	close(one);
	balanced();
}

/* Somebody who has the file, but may not manage partitions. */
static void not_allowed(void)
{
	struct mullion_attach attach = { .id = 1 };
	struct mullion_partition_query query = { .id = 0 };
	struct mullion_hv_info info;
	pid_t child = fork();
	int status = 0;

	REQUIRE(child >= 0);
	if (!child) {
		bool ok = setuid(65534) == 0 &&
			  error_of(ioctl(mullion, MULLION_IOC_PARTITION, &query)) == EPERM &&
			  error_of(ioctl(mullion, MULLION_IOC_ATTACH, &attach)) == EPERM &&
			  error_of(ioctl(mullion, MULLION_IOC_INFO, &info)) == 0 &&
			  access(MSHV_DEVICE, R_OK) < 0 && errno == EACCES;

		_exit(ok ? 0 : 1);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
}

/* ---- Attached files ---- */

static int attach_to(uint64_t id)
{
	struct mullion_attach attach = { .id = id };

	return ioctl(mullion, MULLION_IOC_ATTACH, &attach);
}

static void attaching(void)
{
	struct mullion_attach attach = { .reserved = 1 };
	struct mullion_signal signal_of = { .vp = 0 };
	int partition = active_partition(), file;
	struct pollfd ready = { .events = POLLIN };

	attach.id = id_of(partition);
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_ATTACH, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(mullion, MULLION_IOC_ATTACH, &attach)), EINVAL);
	CHECK_INT(error_of(attach_to(attach.id + 1000)), ENOENT);
	file = attach_to(attach.id);
	REQUIRE(file >= 0);
	ready.fd = file;
	CHECK_INT(poll(&ready, 1, 0), 0);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_ATTACH, &attach)), ENOTTY);
	/* It keeps no partition alive. */
	close(partition);
	balanced();
	CHECK_INT(poll(&ready, 1, 1000), 1);
	CHECK_EQ(ready.revents, POLLHUP);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_SIGNAL_EVENT, &signal_of)), ENODEV);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, PAGE) == MAP_FAILED);
	CHECK_INT(errno, ENODEV);
	close(file);
}

static sigjmp_buf faulted;

static void on_fault(int number)
{
	siglongjmp(faulted, number);
}

/* Does reading there end in SIGBUS? */
static bool is_gone(const volatile char *memory)
{
	struct sigaction action = { .sa_handler = on_fault }, before;
	volatile bool gone = false;

	sigaction(SIGBUS, &action, &before);
	if (sigsetjmp(faulted, 1))
		gone = true;
	else
		(void)*memory;
	sigaction(SIGBUS, &before, NULL);
	return gone;
}

static char *map_guest(int file, uint64_t gpa, size_t size, int protection, int flags)
{
	return mmap(NULL, size, protection, flags, file, (off_t)gpa);
}

static void attached_memory(void)
{
	struct guest guest = new_guest(loop, sizeof(loop));
	int file = attach_to(id_of(guest.partition));
	char *seen;

	REQUIRE(file >= 0);
	guest.memory[100] = 7;
	seen = map_guest(file, 0x1000, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	REQUIRE(seen != MAP_FAILED);
	CHECK_EQ(seen[100], 7);
	seen[101] = 8;
	CHECK_EQ(guest.memory[101], 8);
	CHECK(map_guest(file, 0x1000, PAGE, PROT_READ, MAP_PRIVATE) == MAP_FAILED);
	CHECK_INT(errno, EINVAL);
	CHECK(map_guest(file, 0x1000, 3 * PAGE, PROT_READ, MAP_SHARED) == MAP_FAILED);
	CHECK_INT(errno, EFAULT);
	CHECK(map_guest(file, 0, 2 * PAGE, PROT_READ, MAP_SHARED) == MAP_FAILED);
	CHECK_INT(errno, EFAULT);
	CHECK(map_guest(file, 0x3000, PAGE, PROT_READ, MAP_SHARED) == MAP_FAILED);
	CHECK_INT(errno, EFAULT);
	/* Read-only for the guest, and for whoever serves it, also in part. */
	CHECK(map_guest(file, 0x1000, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED);
	CHECK_INT(errno, EACCES);
	CHECK(map_guest(file, 0x2000, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED);
	CHECK_INT(errno, EACCES);
	CHECK(!is_gone(seen));
	/* The guest loses it: so does everybody. */
	CHECK_INT(set_memory(guest.partition, 1, guest.memory, PAGE, UNMAP), 0);
	CHECK(is_gone(seen));
	munmap(seen, PAGE);
	seen = map_guest(file, 0x2000, PAGE, PROT_READ, MAP_SHARED);
	REQUIRE(seen != MAP_FAILED);
	CHECK(!is_gone(seen));
	end_guest(&guest);
	balanced();
	CHECK(is_gone(seen));
	munmap(seen, PAGE);
	close(file);
}

static void ports(void)
{
	int partition = active_partition(), vp = new_vp(partition, 0);
	int file = attach_to(id_of(partition)), second = attach_to(id_of(partition));
	struct mullion_port port = { .connection = 1, .type = MULLION_PORT_MESSAGE };
	struct mullion_port unbind = { .connection = 1, .eventfd = -1 };
	struct mullion_message post = { .connection = 1 };
	struct mullion_signal set = { .flag = 2048 };

	REQUIRE(file >= 0 && second >= 0);
	port.eventfd = eventfd(0, EFD_CLOEXEC);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, nowhere())), EFAULT);
	port.connection = 1u << 24;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port)), EINVAL);
	port.connection = 1;
	port.type = 3;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port)), EINVAL);
	port.type = MULLION_PORT_MESSAGE;
	port.reserved = 1;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port)), EINVAL);
	port.reserved = 0;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port)), 0);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port)), EEXIST);
	CHECK_INT(error_of(ioctl(second, MULLION_IOC_BIND_PORT, &port)), EEXIST);
	CHECK_INT(error_of(ioctl(second, MULLION_IOC_UNBIND_PORT, &unbind)), ENOENT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_READ_MESSAGE, &post)), EAGAIN);
	post.connection = 2;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_READ_MESSAGE, &post)), ENOENT);
	unbind.type = 1;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_UNBIND_PORT, &unbind)), EINVAL);
	unbind.type = 0;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_UNBIND_PORT, &unbind)), 0);
	CHECK_INT(error_of(ioctl(second, MULLION_IOC_BIND_PORT, &port)), 0);
	port.connection = 2;
	port.type = MULLION_PORT_EVENT;
	CHECK_INT(error_of(ioctl(second, MULLION_IOC_BIND_PORT, &port)), 0);

	CHECK_INT(error_of(ioctl(file, MULLION_IOC_SIGNAL_EVENT, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_SIGNAL_EVENT, &set)), EINVAL);
	set.flag = 0;
	set.sint = 16;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_SIGNAL_EVENT, &set)), EINVAL);
	set.sint = 2;
	set.vp = 9;
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_SIGNAL_EVENT, &set)), EINVAL);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_POST_MESSAGE, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_POST_MESSAGE, &post)), EINVAL);
	/* The partition goes while its ports are bound, the files after it. */
	close(vp);
	close(partition);
	balanced();
	close(file);
	close(second);
	close(port.eventfd);
}

/* ---- Attached files: memory, time ---- */

static int list_memory(int file, void *ranges, uint32_t room, uint32_t *count)
{
	struct mullion_memory memory = { .count = room, .ranges = (uintptr_t)ranges };
	int error = error_of(ioctl(file, MULLION_IOC_MEMORY, &memory));

	*count = memory.count;
	return error;
}

/* Regions, entered in no order: 0x10 to 0x14 in two, 0x16 read-only, 0x17 and 0x1e. */
static void many_regions(int partition, char *memory)
{
	CHECK_INT(set_memory(partition, 0x14, memory, PAGE, WRITABLE), 0);
	CHECK_INT(set_memory(partition, 0x1e, memory + PAGE, PAGE, WRITABLE | EXECUTABLE), 0);
	CHECK_INT(set_memory(partition, 0x16, memory + 2 * PAGE, PAGE, EXECUTABLE), 0);
	CHECK_INT(set_memory(partition, 0x10, memory + 3 * PAGE, 4 * PAGE, WRITABLE), 0);
	CHECK_INT(set_memory(partition, 0x17, memory + 7 * PAGE, PAGE, WRITABLE), 0);
}

static void ranges_refused(int file)
{
	struct mullion_memory memory = { .reserved = 1 };
	struct mullion_range ranges[3];
	uint32_t count;

	CHECK_INT(error_of(ioctl(file, MULLION_IOC_MEMORY, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_MEMORY, &memory)), EINVAL);
	CHECK_INT(list_memory(file, ranges, MULLION_RANGES_MAX + 1, &count), EINVAL);
	CHECK_INT(list_memory(file, nowhere(), 3, &count), EFAULT);
	CHECK_INT(list_memory(file, NULL, 0, &count), ENOBUFS);
	CHECK_EQ(count, 3);
	memset(ranges, 0xff, sizeof(ranges));
	CHECK_INT(list_memory(file, ranges, 2, &count), ENOBUFS);
	CHECK_EQ(count, 3);
	CHECK_EQ(ranges[0].gpa, UINT64_MAX);
}

static void memory_ranges(void)
{
	static const struct mullion_range want[] = {
		{ 0x10000, 5 * PAGE },
		{ 0x17000, PAGE },
		{ 0x1e000, PAGE },
	};
	int partition = active_partition(), file = attach_to(id_of(partition));
	char *memory = new_memory(8 * PAGE), *seen;
	static struct mullion_range ranges[MULLION_RANGES_MAX];
	uint32_t count;

	REQUIRE(file >= 0);
	CHECK_INT(list_memory(file, NULL, 0, &count), 0);
	CHECK_EQ(count, 0);
	many_regions(partition, memory);
	ranges_refused(file);
	CHECK_INT(list_memory(file, ranges, MULLION_RANGES_MAX, &count), 0);
	CHECK_EQ(count, 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(ranges[i].gpa, want[i].gpa);
		CHECK_EQ(ranges[i].size, want[i].size);
	}
	REQUIRE(ranges[0].size == want[0].size);
	CHECK_INT(list_memory(file, ranges, 3, &count), 0);

	/* What touches can be mapped at once; it goes region by region. */
	seen = map_guest(file, ranges[0].gpa, ranges[0].size, PROT_READ | PROT_WRITE, MAP_SHARED);
	REQUIRE(seen != MAP_FAILED);
	for (unsigned int i = 0; i < 5; i++)
		seen[i * PAGE] = (char)(i + 1);
	CHECK_EQ(memory[0], 5);
	CHECK_EQ(memory[3 * PAGE], 1);
	CHECK_EQ(memory[6 * PAGE], 4);
	CHECK_INT(set_memory(partition, 0x14, memory, PAGE, UNMAP), 0);
	CHECK(!is_gone(seen + 3 * PAGE));
	CHECK(is_gone(seen + 4 * PAGE));
	CHECK_INT(list_memory(file, ranges, 3, &count), 0);
	CHECK_EQ(ranges[0].size, 4 * PAGE);
	munmap(seen, 5 * PAGE);
	CHECK(map_guest(file, 0x10000, 5 * PAGE, PROT_READ, MAP_SHARED) == MAP_FAILED);
	CHECK_INT(errno, EFAULT);
	close(partition);
	balanced();
	CHECK_INT(list_memory(file, ranges, 3, &count), ENODEV);
	munmap(memory, 8 * PAGE);
	close(file);
}

static int memory_file(int file, uint64_t gpa, struct mullion_memory_file *args)
{
	*args = (struct mullion_memory_file){ .gpa = gpa };
	return error_of(ioctl(file, MULLION_IOC_MEMORY_FILE, args));
}

static void files_refused(int file)
{
	struct mullion_memory_file args;

	CHECK_INT(error_of(ioctl(file, MULLION_IOC_MEMORY_FILE, nowhere())), EFAULT);
	for (unsigned int i = 0; i < 4; i++) {
		args = (struct mullion_memory_file){ .gpa = 0x10000,
						     .size = i == 0,
						     .offset = i == 1,
						     .fd = i == 2 ? -1 : 0,
						     .reserved = i == 3 };
		CHECK_INT(error_of(ioctl(file, MULLION_IOC_MEMORY_FILE, &args)), EINVAL);
	}
	CHECK_INT(memory_file(file, 0xf000, &args), EFAULT);
	CHECK_INT(memory_file(file, UINT64_MAX, &args), EFAULT);
}

/* Four pages of memory in a file with these seals, of which the guest has the last two. */
static char *sealed_memory(int partition, uint64_t gfn, int seals, int flags, unsigned int rights)
{
	int memory = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *bytes;

	REQUIRE(memory >= 0 && !ftruncate(memory, 4 * PAGE));
	REQUIRE(!fcntl(memory, F_ADD_SEALS, seals));
	bytes = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, flags, memory, 0);
	REQUIRE(bytes != MAP_FAILED);
	close(memory);
	CHECK_INT(set_memory(partition, gfn, bytes + 2 * PAGE, 2 * PAGE, rights), 0);
	return bytes;
}

static void memory_files(void)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int partition = active_partition(), file = attach_to(id_of(partition));
	struct mullion_memory_file args;
	char *memory[5], *seen;

	REQUIRE(file >= 0);
	memory[0] = sealed_memory(partition, 0x10, seals, MAP_SHARED, WRITABLE);
	memory[1] = sealed_memory(partition, 0x20, seals & ~F_SEAL_SHRINK, MAP_SHARED, WRITABLE);
	memory[2] = sealed_memory(partition, 0x30, seals, MAP_PRIVATE, WRITABLE);
	memory[3] = new_memory(4 * PAGE);
	memory[4] = sealed_memory(partition, 0x50, seals, MAP_SHARED, EXECUTABLE);
	CHECK_INT(set_memory(partition, 0x40, memory[3], 2 * PAGE, WRITABLE), 0);
	files_refused(file);
	for (uint64_t gfn = 0x20; gfn <= 0x40; gfn += 0x10)
		CHECK_INT(memory_file(file, gfn * PAGE, &args), EOPNOTSUPP);
	CHECK_INT(memory_file(file, 0x50000, &args), EACCES);
	CHECK_INT(memory_file(file, 0x11000 + 5, &args), 0);
	CHECK_EQ(args.gpa, 0x10000);
	CHECK_EQ(args.size, 2 * PAGE);
	CHECK_EQ(args.offset, 2 * PAGE);
	CHECK_INT(ftruncate(args.fd, PAGE), -1);
	seen = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, args.fd,
		    (off_t)args.offset);
	REQUIRE(seen != MAP_FAILED);
	close(args.fd);
	seen[PAGE] = 42;
	CHECK_EQ(memory[0][3 * PAGE], 42);
	/* It is the VMM's, whatever becomes of the guest. */
	CHECK_INT(set_memory(partition, 0x10, memory[0] + 2 * PAGE, 2 * PAGE, UNMAP), 0);
	CHECK_INT(memory_file(file, 0x10000, &args), EFAULT);
	seen[0] = 43;
	CHECK_EQ(memory[0][2 * PAGE], 43);
	close(partition);
	balanced();
	CHECK_INT(memory_file(file, 0x20000, &args), ENODEV);
	munmap(seen, 2 * PAGE);
	for (unsigned int i = 0; i < 5; i++)
		munmap(memory[i], 4 * PAGE);
	close(file);
}

static void reference_time(void)
{
	int partition = active_partition(), file = attach_to(id_of(partition));
	struct hv_input_get_partition_property property = {
		.property_code = HV_PARTITION_PROPERTY_REFERENCE_TIME
	};
	uint64_t first = 0, second = 0, third = 0;

	CHECK_INT(error_of(ioctl(file, MULLION_IOC_REFERENCE_TIME, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_REFERENCE_TIME, &first)), 0);
	nap();
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_REFERENCE_TIME, &second)), 0);
	CHECK_INT(hvcall(partition, HVCALL_GET_PARTITION_PROPERTY, 0, &property, sizeof(property),
			 &third, sizeof(third), NULL),
		  0);
	CHECK(second - first >= 99000);
	CHECK(second - first < 100000000);
	CHECK(third >= second && third - second < 100000000);
	close(partition);
	balanced();
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_REFERENCE_TIME, &first)), ENODEV);
	close(file);
}

/* ---- Attached files: a guest with a SynIC ---- */

#define SIEFP 0x3000u
#define SIMP 0x4000u

/* SINTs 2 and 3 of VP 0 are vector 0x30; VP 1 has its SynIC off. */
struct synic_guest {
	struct guest guest;
	int other_vp, file;
	struct hv_event_flags_page *flags;
	struct hv_message_page *messages;
};

/* mov $msr,%ecx; mov $value,%eax; xor %edx,%edx; wrmsr */
static char *emit_wrmsr(char *at, uint32_t msr, uint32_t value)
{
	*at = (char)0xb9;
	memcpy(at + 1, &msr, sizeof(msr));
	at[5] = (char)0xb8;
	memcpy(at + 6, &value, sizeof(value));
	memcpy(at + 10, "\x31\xd2\x0f\x30", 4);
	return at + 14;
}

/* Sets its SynIC up and goes on with the program. */
static struct synic_guest new_synic_guest(const unsigned char *program, size_t size)
{
	struct guest guest = new_halting_guest();
	char start[128], *at = start, *pages = new_memory(2 * PAGE);
	struct synic_guest synic = { .guest = guest };

	at = emit_wrmsr(at, HV_X64_MSR_SIEFP, SIEFP | 1);
	at = emit_wrmsr(at, HV_X64_MSR_SIMP, SIMP | 1);
	at = emit_wrmsr(at, HV_X64_MSR_SINT0 + 2, 0x30);
	at = emit_wrmsr(at, HV_X64_MSR_SINT0 + 3, 0x30);
	at = emit_wrmsr(at, HV_X64_MSR_SCONTROL, 1);
	memcpy(guest.memory, start, (size_t)(at - start));
	memcpy(guest.memory + (at - start), program, size);
	CHECK_INT(set_memory(guest.partition, SIEFP / PAGE, pages, 2 * PAGE, WRITABLE), 0);
	synic.flags = (void *)pages;
	synic.messages = (void *)(pages + PAGE);
	synic.other_vp = new_vp(guest.partition, 1);
	synic.file = attach_to(id_of(guest.partition));
	REQUIRE(synic.file >= 0);
	CHECK(!interrupted(&guest));
	return synic;
}

static void end_synic_guest(struct synic_guest *synic)
{
	close(synic->other_vp);
	end_guest(&synic->guest);
	munmap(synic->flags, 2 * PAGE);
}

/* Was it set? It is not any more. */
static bool take_flag(const struct synic_guest *synic, unsigned int sint, unsigned int flag)
{
	uint64_t bit = 1ull << flag % 64;

	return __atomic_fetch_and(&synic->flags->flags[sint][flag / 64], ~bit, __ATOMIC_SEQ_CST) &
	       bit;
}

/* The same, as soon as somebody sets it. */
static bool comes_flag(const struct synic_guest *synic, unsigned int sint, unsigned int flag)
{
	for (int i = 0; i < 500; i++) {
		if (take_flag(synic, sint, flag))
			return true;
		nap();
	}
	return false;
}

static int bind_signal(int file, int fd, uint32_t vp, uint32_t sint, uint32_t flag)
{
	struct mullion_signal_binding binding = {
		.eventfd = fd, .vp = vp, .sint = sint, .flag = flag
	};

	return error_of(ioctl(file, MULLION_IOC_BIND_SIGNAL, &binding));
}

static int unbind_signal(int file, int fd)
{
	struct mullion_signal_binding binding = { .eventfd = fd };

	return error_of(ioctl(file, MULLION_IOC_UNBIND_SIGNAL, &binding));
}

static void give(int fd)
{
	uint64_t one = 1;

	CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one));
}

static int new_eventfd(unsigned int count)
{
	int fd = eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC);

	REQUIRE(fd >= 0);
	return fd;
}

static void signals_refused(void)
{
	int partition = active_partition(), vp = new_vp(partition, 0);
	int file = attach_to(id_of(partition)), fds[MULLION_SIGNALS_MAX + 1];
	struct mullion_signal_binding binding = { .eventfd = new_eventfd(0), .reserved = 1 };

	REQUIRE(file >= 0);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_SIGNAL, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_SIGNAL, &binding)), EINVAL);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_UNBIND_SIGNAL, nowhere())), EFAULT);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_UNBIND_SIGNAL, &binding)), EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		binding = (struct mullion_signal_binding){
			.eventfd = binding.eventfd, .vp = i == 0, .sint = i == 1, .flag = i == 2
		};
		CHECK_INT(error_of(ioctl(file, MULLION_IOC_UNBIND_SIGNAL, &binding)), EINVAL);
	}
	CHECK_INT(bind_signal(file, binding.eventfd, 1, 2, 5), EINVAL);
	CHECK_INT(bind_signal(file, binding.eventfd, 256, 2, 5), EINVAL);
	CHECK_INT(bind_signal(file, binding.eventfd, UINT32_MAX, 2, 5), EINVAL);
	CHECK_INT(bind_signal(file, binding.eventfd, 0, 16, 5), EINVAL);
	CHECK_INT(bind_signal(file, binding.eventfd, 0, 0x10002, 5), EINVAL);
	CHECK_INT(bind_signal(file, binding.eventfd, 0, 2, 2048), EINVAL);
	CHECK_INT(bind_signal(file, -1, 0, 2, 5), EBADF);
	CHECK_INT(bind_signal(file, mshv, 0, 2, 5), EINVAL);
	CHECK_INT(unbind_signal(file, -1), EBADF);
	CHECK_INT(unbind_signal(file, mshv), EINVAL);
	CHECK_INT(unbind_signal(file, binding.eventfd), ENOENT);

	for (uint32_t i = 0; i <= MULLION_SIGNALS_MAX; i++) {
		fds[i] = new_eventfd(0);
		CHECK_INT(bind_signal(file, fds[i], 0, 2, i), i < MULLION_SIGNALS_MAX ? 0 : ENOSPC);
	}
	CHECK_INT(bind_signal(file, fds[7], 0, 3, 8), 0); /* anew */
	CHECK_INT(bind_signal(file, fds[MULLION_SIGNALS_MAX], 0, 2, 5), ENOSPC);
	CHECK_INT(unbind_signal(file, fds[7]), 0);
	CHECK_INT(bind_signal(file, fds[MULLION_SIGNALS_MAX], 0, 2, 5), 0);
	CHECK_INT(bind_signal(file, fds[7], 0, 2, 5), ENOSPC);
	close(fds[9]);
	CHECK_INT(bind_signal(file, fds[7], 0, 2, 5), 0);
	close(vp);
	close(partition);
	balanced();
	CHECK_INT(bind_signal(file, fds[0], 0, 2, 5), ENODEV);
	CHECK_INT(unbind_signal(file, fds[0]), ENODEV);
	close(file);
	for (int i = 0; i <= MULLION_SIGNALS_MAX; i++) {
		if (i != 9)
			close(fds[i]);
	}
	close(binding.eventfd);
}

/* From another process, which has nothing else. */
static void give_from_afar(int fd)
{
	pid_t child = fork();
	int status = 1;

	REQUIRE(child >= 0);
	if (!child) {
		give(fd);
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
}

/* Aimed at another SINT, at a VP that does not listen, and back. */
static void aim_anew(const struct synic_guest *synic, int fd)
{
	CHECK_INT(bind_signal(synic->file, fd, 0, 3, 2047), 0);
	give(fd);
	CHECK(take_flag(synic, 3, 2047));
	CHECK(!take_flag(synic, 2, 5));
	CHECK(comes(&synic->guest));
	CHECK_INT(bind_signal(synic->file, fd, 1, 3, 2047), 0);
	give(fd);
	CHECK(!take_flag(synic, 3, 2047));
	CHECK_EQ(take(fd), 0);
	CHECK(!interrupted(&synic->guest));
	CHECK_INT(bind_signal(synic->file, fd, 0, 2, 5), 0);
	give(fd);
	CHECK(take_flag(synic, 2, 5));
	CHECK(comes(&synic->guest));
}

/* An eventfd that was signalled before, and that goes while it is bound. */
static void early_and_closed(const struct synic_guest *synic)
{
	int fd = new_eventfd(1), copy = dup(fd);

	CHECK_INT(bind_signal(synic->file, fd, 0, 2, 6), 0);
	CHECK(take_flag(synic, 2, 6));
	CHECK(comes(&synic->guest));
	CHECK_EQ(take(fd), 0);
	close(fd);
	give(copy);
	CHECK(take_flag(synic, 2, 6));
	CHECK(comes(&synic->guest));
	close(copy);
	fd = new_eventfd(0);
	CHECK_INT(unbind_signal(synic->file, fd), ENOENT);
	close(fd);
}

static void signals(void)
{
	struct synic_guest synic = new_synic_guest(halting, sizeof(halting));
	int fd = new_eventfd(0), second = new_eventfd(0);

	CHECK_INT(bind_signal(synic.file, fd, 0, 2, 5), 0);
	CHECK(!take_flag(&synic, 2, 5));
	for (int i = 0; i < 3; i++) {
		give(fd);
		CHECK(take_flag(&synic, 2, 5));
		CHECK(comes(&synic.guest));
		CHECK(!interrupted(&synic.guest));
	}
	give_from_afar(fd);
	CHECK_EQ(take(fd), 0);
	CHECK(take_flag(&synic, 2, 5));
	CHECK(comes(&synic.guest));
	/* A flag that is still set is no news. */
	give(fd);
	CHECK(comes(&synic.guest));
	give(fd);
	CHECK(!interrupted(&synic.guest));
	CHECK(take_flag(&synic, 2, 5));
	aim_anew(&synic, fd);
	early_and_closed(&synic);
	/* Two eventfds with one flag; one goes. */
	CHECK_INT(bind_signal(synic.file, second, 0, 2, 5), 0);
	CHECK_INT(unbind_signal(synic.file, fd), 0);
	give(fd);
	CHECK(!take_flag(&synic, 2, 5));
	CHECK_EQ(take(fd), 1);
	CHECK_INT(unbind_signal(synic.file, fd), ENOENT);
	give(second);
	CHECK(take_flag(&synic, 2, 5));
	/* The partition goes, then the file. */
	end_synic_guest(&synic);
	balanced();
	give(second);
	CHECK_INT(unbind_signal(synic.file, second), ENODEV);
	close(synic.file);
	(void)take(second);
	give(second);
	CHECK_EQ(take(second), 1);
	close(fd);
	close(second);
}

/* Partition, attached file and eventfd go in any order. */
static void signal_orders(void)
{
	static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (int i = 0; i < 6; i++) {
		struct synic_guest synic = new_synic_guest(halting, sizeof(halting));
		int fd = new_eventfd(0);

		CHECK_NOTE("order %d", i);
		CHECK_INT(bind_signal(synic.file, fd, 0, 2, 5), 0);
		for (int j = 0; j < 3; j++) {
			if (order[i][j] == 0)
				end_synic_guest(&synic);
			else
				close(order[i][j] == 1 ? synic.file : fd);
		}
		balanced();
	}
	CHECK_NOTE("end");
}

#define FLOOD 5000

struct flood {
	const struct synic_guest *synic;
	int fd;
	bool over;
};

/* No signal is lost, whichever flag it goes to: it is set before write() returns. */
static void *flooder(void *of)
{
	struct flood *flood = of;
	unsigned int lost = 0;

	for (int i = 0; i < FLOOD; i++) {
		bool one, other;

		give(flood->fd);
		one = take_flag(flood->synic, 2, 5);
		other = take_flag(flood->synic, 3, 9);
		lost += one == other;
	}
	CHECK_EQ(lost, 0);
	__atomic_store_n(&flood->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* A flood of signals to a VP that runs, while the eventfd is aimed here and there. */
static void signal_flood(void)
{
	struct synic_guest synic = new_synic_guest(loop, sizeof(loop));
	struct flood flood = { .synic = &synic, .fd = new_eventfd(0) };
	struct sigaction action = { .sa_handler = on_alarm };
	pthread_t vp, thread;
	unsigned int aims = 0;

	sigaction(SIGALRM, &action, NULL);
	CHECK_INT(bind_signal(synic.file, flood.fd, 0, 2, 5), 0);
	REQUIRE(pthread_create(&vp, NULL, runner, &synic.guest.vp) == 0);
	REQUIRE(pthread_create(&thread, NULL, flooder, &flood) == 0);
	for (; !__atomic_load_n(&flood.over, __ATOMIC_ACQUIRE); aims++) {
		int error = aims % 2 ? bind_signal(synic.file, flood.fd, 0, 2, 5) :
				       bind_signal(synic.file, flood.fd, 0, 3, 9);

		if (error)
			CHECK_INT(error, 0);
	}
	pthread_join(thread, NULL);
	CHECK(aims > 2);
	/* The last aim holds. */
	CHECK_INT(bind_signal(synic.file, flood.fd, 0, 3, 9), 0);
	give(flood.fd);
	CHECK(take_flag(&synic, 3, 9));
	CHECK(!take_flag(&synic, 2, 5));
	pthread_kill(vp, SIGALRM);
	pthread_join(vp, NULL);
	end_synic_guest(&synic);
	balanced();
	close(synic.file);
	close(flood.fd);
}

/* Bindings come and go, and the partition at last, while somebody signals on and on. */
static void signal_storm(void)
{
	struct synic_guest synic = new_synic_guest(halting, sizeof(halting));
	int fd = new_eventfd(0), file, status;
	uint64_t one = 1;
	pid_t child = fork();

	REQUIRE(child >= 0);
	while (!child) {
		if (write(fd, &one, sizeof(one)) != sizeof(one) && errno != EAGAIN)
			_exit(1);
	}
	for (int i = 0; i < 30; i++) {
		file = attach_to(id_of(synic.guest.partition));
		CHECK_INT(bind_signal(file, fd, 0, 2, 5), 0);
		CHECK_INT(bind_signal(synic.file, fd, 0, 3, 5), 0);
		if (i % 2)
			CHECK_INT(unbind_signal(file, fd), 0);
		close(file);
		CHECK(comes_flag(&synic, 3, 5));
	}
	/* The child has the partition's files too: it ends with the child. */
	end_synic_guest(&synic);
	nap();
	kill(child, SIGKILL);
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status));
	balanced();
	close(synic.file);
	close(fd);
}

/* ---- Attached files: messages ---- */

static int post(int file, uint32_t sint, uint32_t type)
{
	struct mullion_message user = { .sint = sint };
	struct hv_message mine = { .header = { .message_type = type, .payload_size = 8 } };

	memcpy(user.message, &mine, sizeof(mine));
	return error_of(ioctl(file, MULLION_IOC_POST_MESSAGE, &user));
}

/* One in the slot, 15 behind it; a slot that is free again takes the next. */
static void posts(void)
{
	struct synic_guest synic = new_synic_guest(halting, sizeof(halting));
	struct hv_message *slot = &synic.messages->slots[2];

	for (uint32_t i = 1; i <= 16; i++)
		CHECK_INT(post(synic.file, 2, i), 0);
	CHECK(comes(&synic.guest));
	for (uint32_t i = 1; i <= 5; i++) {
		CHECK_INT(post(synic.file, 2, 16 + i), EAGAIN);
		CHECK_INT(post(synic.file, 3, 16 + i), EAGAIN);
		CHECK_EQ(slot->header.message_type, i);
		CHECK(slot->header.message_flags & HV_MESSAGE_PENDING);
		slot->header.message_type = HVMSG_NONE;
		CHECK_INT(post(synic.file, 2, 16 + i), 0);
		CHECK_EQ(slot->header.message_type, i + 1);
	}
	end_synic_guest(&synic);
	balanced();
	close(synic.file);
}

#define TABLES 0x3000u
#define HYPERCALL 0x6000u
#define INPUT 0x7000u

/* 64-bit: posts the message of INPUT and, if that went well, counts it up. The hypercall
 * page is there. */
static const unsigned char posting[] = {
	0xb9, 0x5c, 0x00, 0x00, 0x00, /* mov $0x5c,%ecx */
	0xba, 0x00, 0x70, 0x00, 0x00, /* mov $0x7000,%edx */
	0x45, 0x31, 0xc0, /* xor %r8d,%r8d */
	0xb8, 0x00, 0x60, 0x00, 0x00, /* mov $0x6000,%eax */
	0xff, 0xd0, /* call *%rax */
	0x66, 0x85, 0xc0, /* test %ax,%ax */
	0x75, 0xe7, /* jne to the first */
	0xff, 0x04, 0x25, 0x10, 0x70, 0x00, 0x00, /* incl 0x7010 */
	0xeb, 0xde, /* jmp to the first */
};

static void to_64_bits(const struct guest *guest, char *pages)
{
	uint64_t entries[3] = { TABLES + PAGE + 3, TABLES + 2 * PAGE + 3, 0x83 };

	for (unsigned int i = 0; i < 3; i++)
		memcpy(pages + i * PAGE, &entries[i], sizeof(entries[i]));
	flat_segment(guest->vp, HV_X64_REGISTER_CS, 8, 0xa09b);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_RSP, STACK), 0);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_CR3, TABLES), 0);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_CR4, 0x20), 0);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_EFER, 0x500), 0);
	CHECK_INT(set_register64(guest->vp, HV_X64_REGISTER_CR0, 0x80000011), 0);
}

/* Takes all messages that there are; each bears the next number. Returns how many. */
static unsigned int drain(int file, uint32_t *next)
{
	struct mullion_message user = { .connection = 1 };
	struct hv_message got;
	unsigned int count = 0;
	uint32_t number;

	while (ioctl(file, MULLION_IOC_READ_MESSAGE, &user) == 0) {
		memcpy(&got, user.message, sizeof(got));
		memcpy(&number, got.bytes, sizeof(number));
		if (number != *next)
			CHECK_EQ(number, *next);
		*next = number + 1;
		count++;
	}
	CHECK_INT(errno, EAGAIN);
	return count;
}

#define MESSAGES 3000

/* A guest posts as fast as it can: whoever reads the eventfd, then messages until there
 * is none, is woken for each that comes after that. */
static void message_port(void)
{
	struct guest guest = new_guest(loop, sizeof(loop));
	struct hv_input_post_message input = { .connection_id = 1,
					       .message_type = 1,
					       .payload_size = 8 };
	char *pages = new_memory(5 * PAGE), *at = guest.memory;
	int file = attach_to(id_of(guest.partition));
	struct mullion_port port = { .connection = 1, .type = MULLION_PORT_MESSAGE };
	struct pollfd ready = { .events = POLLIN };
	struct sigaction action = { .sa_handler = on_alarm };
	unsigned int wakeups = 0;
	uint32_t next = 0;
	pthread_t thread;

	sigaction(SIGALRM, &action, NULL);
	at = emit_wrmsr(at, HV_X64_MSR_GUEST_OS_ID, 1);
	at = emit_wrmsr(at, HV_X64_MSR_HYPERCALL, HYPERCALL | 1);
	memcpy(at, posting, sizeof(posting));
	memcpy(pages + INPUT - TABLES, &input, sizeof(input));
	CHECK_INT(set_memory(guest.partition, TABLES / PAGE, pages, 5 * PAGE,
			     WRITABLE | EXECUTABLE),
		  0);
	to_64_bits(&guest, pages);
	ready.fd = port.eventfd = new_eventfd(0);
	CHECK_INT(error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port)), 0);
	REQUIRE(pthread_create(&thread, NULL, runner, &guest.vp) == 0);
	for (; next < MESSAGES; wakeups++) {
		if (poll(&ready, 1, 20000) != 1)
			break;
		CHECK(take(port.eventfd) != 0);
		(void)drain(file, &next);
	}
	CHECK(next >= MESSAGES);
	printf("%u messages in %u wake-ups\n", next, wakeups);
	pthread_kill(thread, SIGALRM);
	pthread_join(thread, NULL);
	close(file);
	end_guest(&guest);
	munmap(pages, 5 * PAGE);
	close(port.eventfd);
	balanced();
}

#define PORTS 120

static int bind_event_port(int file, uint32_t connection, int fd)
{
	struct mullion_port port = { .connection = connection,
				     .type = MULLION_PORT_EVENT,
				     .eventfd = fd };

	return error_of(ioctl(file, MULLION_IOC_BIND_PORT, &port));
}

/* As many ports as VMBus wants, again and again. */
static void many_ports(void)
{
	int partition = active_partition(), file = attach_to(id_of(partition)), second;
	int fd = new_eventfd(0);
	uint64_t used = 0;

	for (uint32_t round = 0; round < 3; round++) {
		struct mullion_partition_info info;

		CHECK_NOTE("round %u", round);
		for (uint32_t i = 0; i < PORTS; i++)
			CHECK_INT(bind_event_port(file, 1000 + i, fd), 0);
		info = parent_info();
		if (round)
			CHECK_EQ(info.pool_pages - info.pool_free, used);
		used = info.pool_pages - info.pool_free;
		for (uint32_t i = 0; i < PORTS; i++) {
			struct mullion_port unbind = { .connection = 1000 + i * 7 % PORTS,
						       .eventfd = -1 };

			CHECK_INT(error_of(ioctl(file, MULLION_IOC_UNBIND_PORT, &unbind)), 0);
		}
	}
	/* Room for all of them again, and for no more. */
	for (uint32_t i = 0; i < 128; i++)
		CHECK_INT(bind_event_port(file, i, fd), 0);
	CHECK_INT(bind_event_port(file, 128, fd), EIO);
	close(file);
	second = attach_to(id_of(partition));
	CHECK_INT(bind_event_port(second, 5, fd), 0);
	close(partition);
	balanced();
	close(second);
	close(fd);
}

/* Many at once, and one after the other, cost nothing that stays. */
static void many(void)
{
	int fds[40];

	for (int i = 0; i < 40; i++)
		fds[i] = active_partition();
	for (int i = 0; i < 40; i++)
		close(fds[(i * 7) % 40]);
	balanced();
	for (int i = 0; i < 50; i++) {
		struct guest guest = new_guest(loop, sizeof(loop));

		end_guest(&guest);
	}
	balanced();
}

#define TEST(name) { #name, name }

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(balanced),
	TEST(create_partition),
	TEST(life),
	TEST(name),
	TEST(memory_refused),
	TEST(memory_regions),
	TEST(memory_large),
	TEST(hvcalls),
	TEST(registers),
	TEST(vp_calls),
	TEST(states),
	TEST(translations),
	TEST(cpuid_results),
	TEST(pending_event),
	TEST(strange_efer),
	TEST(single_step),
	TEST(runs),
	TEST(busy),
	TEST(while_it_runs),
	TEST(register_page),
	TEST(routing_refused),
	TEST(irqfd_refused),
	TEST(irqfds),
	TEST(wakes_up),
	TEST(doorbells_refused),
	TEST(access_states),
	TEST(orders),
	TEST(killed),
	TEST(listing),
	TEST(shares),
	TEST(watches),
	TEST(not_allowed),
	TEST(attaching),
	TEST(attached_memory),
	TEST(ports),
	TEST(memory_ranges),
	TEST(memory_files),
	TEST(reference_time),
	TEST(signals_refused),
	TEST(signals),
	TEST(signal_orders),
	TEST(signal_flood),
	TEST(signal_storm),
	TEST(posts),
	TEST(message_port),
	TEST(many_ports),
	TEST(many),
};

/* All of them, or those that are named. */
static bool is_wanted(const char *name_of, int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name_of))
			return true;
	}
	return argc == 1;
}

int main(int argc, char *argv[])
{
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	mshv = open(MSHV_DEVICE, O_RDWR | O_CLOEXEC);
	mullion = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC);
	if (mshv < 0 || mullion < 0) {
		perror("the devices");
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!is_wanted(tests[i].name, argc, argv))
			continue;
		printf("%s\n", tests[i].name);
		check_state.test = tests[i].name;
		check_state.note[0] = 0;
		tests[i].run();
	}
	return check_done();
}
