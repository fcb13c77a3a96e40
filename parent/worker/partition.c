/* SPDX-License-Identifier: GPL-2.0-only */
/* A partition by /dev/mshv: see partition.h. */
#include "partition.h"

#include <errno.h>
#include <hyperv/status.h>
#include <mullion/uapi.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a guest is offered of the interface: all that hv has. */
#define SYNTHETIC_FEATURES                                                                    \
	(HV_SYNTHETIC_HYPERVISOR_PRESENT | HV_SYNTHETIC_HV1 | HV_SYNTHETIC_VP_RUNTIME |       \
	 HV_SYNTHETIC_REFERENCE_COUNTER | HV_SYNTHETIC_SYNIC | HV_SYNTHETIC_TIMERS |          \
	 HV_SYNTHETIC_APIC_MSRS | HV_SYNTHETIC_HYPERCALL_MSRS | HV_SYNTHETIC_VP_INDEX |       \
	 HV_SYNTHETIC_REFERENCE_TSC | HV_SYNTHETIC_GUEST_IDLE | HV_SYNTHETIC_FREQUENCY_MSRS | \
	 HV_SYNTHETIC_DIRECT_TIMERS | HV_SYNTHETIC_EXTENDED_MASKS | HV_SYNTHETIC_TLB_FLUSH |  \
	 HV_SYNTHETIC_CLUSTER_IPI | HV_SYNTHETIC_SIGNAL_EVENTS)

#define REGISTERS_MAX 32u

/* One hypercall by the kernel; error is filled in when there is one. */
static bool hypercall(int fd, uint16_t code, unsigned reps, const void *in, size_t in_size,
		      void *out, size_t out_size, struct error *error)
{
	struct mshv_root_hvcall call = {
		.code = code,
		.reps = (uint16_t)reps,
		.in_sz = (uint16_t)in_size,
		.out_sz = (uint16_t)out_size,
		.in_ptr = (uintptr_t)in,
		.out_ptr = (uintptr_t)out,
	};

	if (ioctl(fd, MSHV_ROOT_HVCALL, &call) < 0) {
		if (call.status)
			return error_set(error, ERROR_FAILED,
					 "hypercall 0x%02x: %s (hypervisor's status 0x%x)", code,
					 strerror(errno), call.status);
		return error_errno(error, errno, "hypercall 0x%02x", code);
	}
	if (call.status != HV_STATUS_SUCCESS || call.reps != reps)
		return error_set(error, ERROR_FAILED, "hypercall 0x%02x: hypervisor's status 0x%x",
				 code, call.status);
	return true;
}

static bool set_property(struct partition *partition, uint32_t code, uint64_t value,
			 struct error *error)
{
	struct hv_input_set_partition_property input = { .property_code = code,
							 .property_value = value };

	return hypercall(partition->fd, HVCALL_SET_PARTITION_PROPERTY, 0, &input, sizeof(input),
			 NULL, 0, error);
}

static bool create(struct partition *partition, int mshv, struct error *error)
{
	struct mshv_create_partition_v2 create = {
		.pt_flags = 1ull << MSHV_PT_BIT_LAPIC | 1ull << MSHV_PT_BIT_X2APIC |
			    1ull << MSHV_PT_BIT_GPA_SUPER_PAGES |
			    1ull << MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES,
		.pt_isolation = MSHV_PT_ISOLATION_NONE,
		.pt_num_cpu_fbanks = MSHV_NUM_CPU_FEATURES_BANKS,
	};

	partition->fd = ioctl(mshv, MSHV_CREATE_PARTITION, &create);
	if (partition->fd < 0)
		return error_errno(error, errno, "cannot make a partition");
	return true;
}

static bool name(struct partition *partition, const struct config *config, struct error *error)
{
	struct mullion_name name = { .name = "" };
	__u64 id;

	memcpy(name.uuid, config->uuid.bytes, sizeof(name.uuid));
	strncpy(name.name, config->name, sizeof(name.name) - 1);
	if (ioctl(partition->fd, MULLION_IOC_SET_NAME, &name) < 0)
		return error_errno(error, errno, "cannot name the partition");
	if (ioctl(partition->fd, MULLION_IOC_GET_ID, &id) < 0)
		return error_errno(error, errno, "cannot ask for the partition's id");
	partition->id = id;
	return true;
}

static bool initialize(struct partition *partition, struct error *error)
{
	if (ioctl(partition->fd, MSHV_INITIALIZE_PARTITION) < 0)
		return error_errno(error, errno, "cannot initialise the partition");
	return true;
}

bool partition_create(struct partition *partition, int mshv, const struct config *config,
		      struct error *error)
{
	*partition = (struct partition){ .fd = -1 };
	if (create(partition, mshv, error) &&
	    set_property(partition, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
			 SYNTHETIC_FEATURES, error) &&
	    initialize(partition, error) && name(partition, config, error) &&
	    partition_freeze(partition, true, error))
		return true;
	partition_close(partition);
	return false;
}

void partition_close(struct partition *partition)
{
	if (partition->fd >= 0)
		close(partition->fd);
	*partition = (struct partition){ .fd = -1 };
}

static bool map(struct partition *partition, uint64_t gpa, const uint8_t *bytes, uint64_t size,
		struct error *error)
{
	struct mshv_user_mem_region region = {
		.size = size,
		.guest_pfn = gpa >> HV_PAGE_SHIFT,
		.userspace_addr = (uintptr_t)bytes,
		.flags = 1u << MSHV_SET_MEM_BIT_WRITABLE | 1u << MSHV_SET_MEM_BIT_EXECUTABLE,
	};

	if (!size || ioctl(partition->fd, MSHV_SET_GUEST_MEMORY, &region) == 0)
		return true;
	return error_errno(error, errno, "cannot give the guest %llu MiB of memory",
			   (unsigned long long)size >> 20);
}

bool partition_map(struct partition *partition, const struct ram *ram, struct error *error)
{
	return map(partition, 0, ram->bytes, ram->low, error) &&
	       map(partition, RAM_HIGH_BASE, ram->bytes + ram->low, ram->high, error) &&
	       map(partition, MULLION_VRAM_GPA, ram->bytes + ram->low + ram->high, ram->vram,
		   error);
}

bool partition_freeze(struct partition *partition, bool frozen, struct error *error)
{
	return set_property(partition, HV_PARTITION_PROPERTY_TIME_FREEZE, frozen, error);
}

bool partition_interrupt(struct partition *partition, const struct interrupt *interrupt)
{
	struct hv_input_assert_virtual_interrupt input = {
		.control = interrupt->mode |
			   (interrupt->logical ? HV_INTERRUPT_LOGICAL_DESTINATION : 0),
		.destination = interrupt->destination,
		.vector = interrupt->vector,
	};
	struct error error;

	return hypercall(partition->fd, HVCALL_ASSERT_VIRTUAL_INTERRUPT, 0, &input, sizeof(input),
			 NULL, 0, &error);
}

/* ---- Virtual processors ---- */

static bool get_registers(void *context, const uint32_t *names, union hv_register_value *values,
			  unsigned count)
{
	struct {
		struct hv_input_get_vp_registers header;
		__u32 names[REGISTERS_MAX];
	} input = { .header = { .vp_index = ((struct vp *)context)->index } };
	struct error error;

	if (count > REGISTERS_MAX)
		return false;
	memcpy(input.names, names, count * sizeof(names[0]));
	return hypercall(((struct vp *)context)->fd, HVCALL_GET_VP_REGISTERS, count, &input,
			 sizeof(input.header) + count * sizeof(names[0]), values,
			 count * sizeof(values[0]), &error);
}

static bool set_registers(struct vp *vp, const struct hv_register_assoc *registers, unsigned count,
			  struct error *error)
{
	struct {
		struct hv_input_set_vp_registers header;
		struct hv_register_assoc elements[REGISTERS_MAX];
	} input = { .header = { .vp_index = vp->index } };

	if (count > REGISTERS_MAX)
		return error_set(error, ERROR_FAILED, "%u registers at once", count);
	memcpy(input.elements, registers, count * sizeof(registers[0]));
	return hypercall(vp->fd, HVCALL_SET_VP_REGISTERS, count, &input,
			 sizeof(input.header) + count * sizeof(registers[0]), NULL, 0, error);
}

static bool set_quietly(void *context, const struct hv_register_assoc *registers, unsigned count)
{
	struct error error;

	return set_registers(context, registers, count, &error);
}

static bool translate(void *context, uint64_t gva, bool write, uint32_t *result, uint64_t *gpa)
{
	struct hv_input_translate_virtual_address input = {
		.vp_index = ((struct vp *)context)->index,
		.control_flags = HV_TRANSLATE_GVA_VALIDATE_READ |
				 (write ? HV_TRANSLATE_GVA_VALIDATE_WRITE : 0),
		.gva_page = gva >> HV_PAGE_SHIFT,
	};
	struct hv_output_translate_virtual_address output;
	struct error error;

	if (!hypercall(((struct vp *)context)->fd, HVCALL_TRANSLATE_VIRTUAL_ADDRESS, 0, &input,
		       sizeof(input), &output, sizeof(output), &error))
		return false;
	*result = output.result_code;
	*gpa = output.gpa_page << HV_PAGE_SHIFT | (gva & (GUEST_PAGE - 1));
	return true;
}

const struct vp_access vp_access = {
	.get = get_registers,
	.set = set_quietly,
	.translate = translate,
};

bool vp_create(struct vp *vp, struct partition *partition, unsigned index, struct error *error)
{
	struct mshv_create_vp create = { .vp_index = index };
	void *page;

	*vp = (struct vp){ .index = index };
	vp->fd = ioctl(partition->fd, MSHV_CREATE_VP, &create);
	if (vp->fd < 0)
		return error_errno(error, errno, "cannot make virtual processor %u", index);
	page = mmap(NULL, HV_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd,
		    MSHV_VP_MMAP_OFFSET_REGISTERS * (off_t)HV_PAGE_SIZE);
	vp->page = page == MAP_FAILED ? NULL : page;
	return true;
}

void vp_close(struct vp *vp)
{
	if (vp->page)
		munmap(vp->page, HV_PAGE_SIZE);
	if (vp->fd >= 0)
		close(vp->fd);
	*vp = (struct vp){ .fd = -1 };
}

/* ---- The boot processor's first registers ---- */

#define CR0_PE 0x1ull
#define CR0_ET 0x10ull
#define CR0_PG 0x80000000ull
#define CR4_PAE 0x20ull
#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull
#define RFLAGS_FIXED 0x2ull

#define SEGMENT_CODE 0x0bu /* type: execute, read, accessed */
#define SEGMENT_DATA 0x03u /* read, write, accessed */
#define SEGMENT_TASK 0x0bu /* busy */

struct registers {
	struct hv_register_assoc list[REGISTERS_MAX];
	unsigned count;
};

static union hv_register_value *add(struct registers *registers, uint32_t name)
{
	struct hv_register_assoc *element = &registers->list[registers->count++];

	*element = (struct hv_register_assoc){ .name = name };
	return &element->value;
}

static void add_segments(struct registers *registers, bool long_mode)
{
	static const uint32_t data[] = { HV_X64_REGISTER_DS, HV_X64_REGISTER_ES, HV_X64_REGISTER_SS,
					 HV_X64_REGISTER_FS, HV_X64_REGISTER_GS };
	const uint16_t flat = HV_X64_SEGMENT_NON_SYSTEM | HV_X64_SEGMENT_PRESENT |
			      HV_X64_SEGMENT_GRANULARITY;
	struct hv_x64_segment_register segment = { .limit = 0xffffffff, .selector = BOOT_CODE };

	segment.attributes = flat | SEGMENT_CODE |
			     (long_mode ? HV_X64_SEGMENT_LONG : HV_X64_SEGMENT_DEFAULT);
	add(registers, HV_X64_REGISTER_CS)->segment = segment;
	segment.selector = BOOT_DATA;
	segment.attributes = flat | SEGMENT_DATA | HV_X64_SEGMENT_DEFAULT;
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		add(registers, data[i])->segment = segment;
	add(registers, HV_X64_REGISTER_TR)->segment = (struct hv_x64_segment_register){
		.limit = 0x67,
		.selector = BOOT_TASK,
		.attributes = HV_X64_SEGMENT_PRESENT | SEGMENT_TASK,
	};
	add(registers, HV_X64_REGISTER_GDTR)->table =
		(struct hv_x64_table_register){ .limit = BOOT_TASK + 16 - 1, .base = LOW_GDT };
}

bool vp_boot(struct vp *vp, const struct boot *boot, struct error *error)
{
	struct registers registers = { .count = 0 };

	add(&registers, HV_X64_REGISTER_EFER)->reg64 = boot->long_mode ? EFER_LME | EFER_LMA : 0;
	add(&registers, HV_X64_REGISTER_CR4)->reg64 = boot->long_mode ? CR4_PAE : 0;
	add(&registers, HV_X64_REGISTER_CR3)->reg64 = boot->long_mode ? LOW_TABLES : 0;
	add(&registers, HV_X64_REGISTER_CR0)->reg64 = CR0_PE | CR0_ET |
						      (boot->long_mode ? CR0_PG : 0);
	add_segments(&registers, boot->long_mode);
	add(&registers, HV_X64_REGISTER_RAX)->reg64 = boot->rax;
	add(&registers, HV_X64_REGISTER_RBX)->reg64 = boot->rbx;
	add(&registers, HV_X64_REGISTER_RSI)->reg64 = boot->rsi;
	add(&registers, HV_X64_REGISTER_RSP)->reg64 = boot->rsp;
	add(&registers, HV_X64_REGISTER_RIP)->reg64 = boot->rip;
	add(&registers, HV_X64_REGISTER_RFLAGS)->reg64 = RFLAGS_FIXED;
	return set_registers(vp, registers.list, registers.count, error);
}

int vp_run(struct vp *vp, struct hv_message *message)
{
	_Static_assert(sizeof(*message) == sizeof(struct mshv_run_vp), "RUN_VP's buffer");
	return ioctl(vp->fd, MSHV_RUN_VP, message) < 0 ? errno : 0;
}
