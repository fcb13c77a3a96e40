/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Booting: read what the loader and firmware say, take memory, take the CPUs,
 * hand the machine to the parent. One CPU until smp_start; every step either
 * succeeds or panics with what is missing.
 */
#include "boot/boot.h"

#include "core/console.h"
#include "core/cpu.h"
#include "core/frames.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/parent.h"
#include "core/parent_vp.h"
#include "core/run.h"
#include "core/stats.h"
#include "core/string.h"
#include "core/version.h"
#include "core/vp.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/paging.h"
#include "x86/ptimer.h"
#include "x86/switch.h"
#include "x86/trap.h"
#include "x86/tsc.h"
#include "x86/vlapic.h"

#define LOG_SIZE KIB(256)
#define CPU_PAGES 24 /* struct cpu, stacks, VP, vendor's pages: 13 for SVM */
#define FIXED_PAGES 64 /* hv's tables, bitmaps */
#define STATS_ENTRIES 640 /* VPs that are counted, the parent's included */

struct boot_info boot;
struct acpi_info boot_acpi;

extern u8 image_start[], text_start[], rodata_start[], data_start[], image_end[];
extern u8 boot_stack[];

static struct options options;

/* The boot CPU needs a structure before there is memory. */
static struct cpu boot_cpu;
static u8 boot_ist[3][IST_STACK_SIZE] __aligned(16);

static void start_boot_cpu(void)
{
	boot_cpu.self = &boot_cpu;
	boot_cpu.stack = boot_stack;
	for (u32 i = 0; i < 3; i++)
		boot_cpu.tss.ist[i] = (u64)(boot_ist[i] + IST_STACK_SIZE);
	boot_cpu.tss.iomap = sizeof(boot_cpu.tss);
	trap_init();
	cpu_load(&boot_cpu);
	cpus[0] = &boot_cpu;
	cpu_count = 1;
	boot_cpu.online = 1;
}

static void unknown_option(const char *word, size_t length)
{
	log_warn("unknown option '%.*s'", (int)length, word);
}

static void ignore_option(const char *word, size_t length)
{
	(void)word;
	(void)length;
}

/* The console first, so that the rest can be complained about on it. */
static void read_loader(u32 magic, u64 mbi)
{
	const char *error = "not entered by a multiboot2 loader";

	if (magic == MULTIBOOT2_BOOT_MAGIC)
		error = multiboot2_parse(phys_to_virt(HPA(mbi)), mbi, MIB(4), &boot);
	options_parse(boot.options, &options, ignore_option);
	console_init(options.console_port);
	log_set_console_level((enum mullion_log_level)options.log_level);
	panic_set_timeout(options.panic_timeout);
	log_info("Mullion %s", hv_build);
	options_parse(boot.options, &options, unknown_option);
	if (error)
		panic("%s", error);
	if (!boot.kernel.size)
		panic("no module: the boot entry names no kernel for the parent");
	if (boot.efi_boot_services)
		panic("the loader left EFI boot services running");
	if (!memmap_normalize(&boot.map))
		panic("the memory map is too long");
}

/* Only the first 4 GiB are mapped yet; firmware keeps its tables there. */
static const void *map_table(u64 pa, u64 size)
{
	return pa < GIB(4) && size < GIB(4) - pa ? phys_to_virt(HPA(pa)) : NULL;
}

static void read_acpi(void)
{
	const char *error = acpi_parse(boot.rsdp, boot.rsdp_size, map_table, &boot_acpi);

	if (error)
		panic("ACPI: %s", error);
	if (boot_acpi.apic_base != APIC_DEFAULT_BASE)
		panic("local APICs at %lx are not supported", boot_acpi.apic_base);
	if (boot_acpi.cpus_dropped)
		log_warn("%u CPUs beyond %u are not used", boot_acpi.cpus_dropped, CPUS_MAX);
	if (boot_acpi.cpu_count > options.max_cpus)
		boot_acpi.cpu_count = options.max_cpus;
}

static u32 address_bits(void)
{
	u32 bits = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;

	return bits < 48 ? bits : 48; /* four levels reach no further */
}

static bool has_1g_pages(void)
{
	return cpuid(0x80000001, 0).edx & BIT32(26);
}

static u64 physmap_end(void)
{
	return max_u64(GIB(4), align_up(memmap_end(&boot.map, MEM_USABLE), GIB(1)));
}

static u64 arena_size(void)
{
	u64 pages = FIXED_PAGES + boot_acpi.cpu_count * CPU_PAGES + LOG_SIZE / PAGE_SIZE +
		    stats_size(STATS_ENTRIES) / PAGE_SIZE +
		    parent_map_pages(address_bits(), has_1g_pages(),
				     memmap_end(&boot.map, MEM_USABLE)) +
		    (physmap_end() >> 30) + 8;

	return align_up(pages * PAGE_SIZE, MIB(2));
}

/* The table of frames can be anywhere: it is used when all of RAM is mapped. */
static void take_frames(const struct memrange *avoid, u32 count)
{
	parent.ram_end = memmap_end(&boot.map, MEM_USABLE);
	parent.frames_size = align_up(frames_size(parent.ram_end), MIB(2));
	if (!memmap_find(&boot.map, parent.frames_size, MIB(2), MIB(1), parent.ram_end, avoid,
			 count, &parent.frames_base))
		panic("no %lu KiB of memory for the table of frames", parent.frames_size / 1024);
}

/* The arena: below 4 GiB, since a starting CPU can load only such a CR3, and in
 * whole 2 MiB pages, so that the parent's map stays coarse. The same machine
 * gives the same place each time, where the last boot's log may still be: not at
 * the end of memory, where loaders put their heap and modules. */
static void take_memory(u64 image, u64 mbi)
{
	u64 size = arena_size();
	struct memrange avoid[] = {
		{ image, HV_IMAGE_SIZE, MEM_RESERVED },
		{ boot.kernel.base, boot.kernel.size, MEM_RESERVED },
		{ boot.initrd.base, boot.initrd.size, MEM_RESERVED },
		{ align_down(mbi, PAGE_SIZE), MIB(4), MEM_RESERVED },
		{ 0, 0, MEM_RESERVED }, /* the arena, once it has a place */
	};
	u64 quiet = memmap_end(&boot.map, MEM_USABLE) / 2;
	u64 base;

	if (!memmap_find(&boot.map, size, MIB(2), MIB(1), min_u64(quiet, GIB(2)), avoid,
			 ARRAY_SIZE(avoid), &base) &&
	    !memmap_find(&boot.map, size, MIB(2), MIB(1), GIB(4), avoid, ARRAY_SIZE(avoid), &base))
		panic("no %lu KiB of memory below 4 GiB", size / 1024);
	parent.memory = boot.map;
	parent.image_base = image;
	parent.image_size = HV_IMAGE_SIZE;
	parent.arena_base = base;
	parent.arena_size = size;
	avoid[ARRAY_SIZE(avoid) - 1] = (struct memrange){ base, size, MEM_RESERVED };
	take_frames(avoid, ARRAY_SIZE(avoid));
	if (!memmap_set(&parent.memory, image, HV_IMAGE_SIZE, MEM_RESERVED) ||
	    !memmap_set(&parent.memory, base, size, MEM_RESERVED) ||
	    !memmap_set(&parent.memory, parent.frames_base, parent.frames_size, MEM_RESERVED))
		panic("the memory map is too long");
	/* The log must not be cleared: it may hold the last boot's. */
	log_area.base = phys_to_virt(HPA(base));
	log_area.size = LOG_SIZE;
	memory_init(HPA(base + LOG_SIZE), size - LOG_SIZE);
	stats_area.size = stats_size(STATS_ENTRIES);
	stats_area.base = memory_alloc(stats_area.size / PAGE_SIZE, PAGE_SIZE);
}

static void map_section(struct pagetable *pt, u64 image, const u8 *from, const u8 *to, u64 flags)
{
	u64 offset = (u64)(from - image_start);

	if (!pt_map(pt, (u64)from, image + offset, (u64)(to - from), flags))
		panic("no memory for hv's page tables");
}

/* hv's final address space: code, constants and data each with their rights,
 * RAM at PHYSMAP, no identity. */
static void map_hv(u64 image)
{
	struct pagetable pt = {
		.format = &pt_format_x86,
		.has_1g = has_1g_pages(),
		.virt_offset = PHYSMAP,
		.alloc_page = memory_alloc_table,
	};
	u64 data = PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX;

	if (!pt_init(&pt) || !pt_map(&pt, PHYSMAP, 0, physmap_end(), data))
		panic("no memory for hv's page tables");
	map_section(&pt, image, image_start, text_start, PTE_P | PTE_A | PTE_NX);
	map_section(&pt, image, text_start, rodata_start, PTE_P | PTE_A);
	map_section(&pt, image, rodata_start, data_start, PTE_P | PTE_A | PTE_NX);
	map_section(&pt, image, data_start, image_end, data);
	if (!pt_map(&pt, APIC_WINDOW, APIC_DEFAULT_BASE, PAGE_SIZE, data | PTE_PCD | PTE_PWT))
		panic("no memory for hv's page tables");
	write_cr3(pt.root);
}

static void take_cpus(void)
{
	const char *missing = vendor->probe();

	if (missing)
		panic("%s", missing);
	if (!switch_init())
		log_warn("the CPU has no XSAVE: no child partitions");
	ptimer_calibrate();
	vendor->init();
	boot_cpu.apic_id = apic_id();
	boot_cpu.host_save = virt_to_phys(memory_alloc(1, PAGE_SIZE));
	boot_cpu.vendor = memory_alloc(1, PAGE_SIZE);
	vendor->cpu_init(&boot_cpu);
	smp_start(boot_acpi.apic_id, boot_acpi.cpu_count);
}

static void make_parent(void)
{
	parent_map_build(address_bits(), has_1g_pages());
	for (u32 i = 0; i < cpu_count; i++)
		parent_vp_create(cpus[i]);
	run_init();
}

static __noreturn void start_parent(void)
{
	struct vp *vp = boot_cpu.vp;
	struct linux_entry entry = { 0 };
	const char *error = linux_load(&entry);

	if (error)
		panic("parent: %s", error);
	log_info("%u CPU%s, %lu MHz, %lu KiB for hv at %lx and %lx, %s", cpu_count,
		 cpu_count == 1 ? "" : "s", tsc_hz / 1000000, parent_hv_bytes() / 1024,
		 parent.image_base, parent.arena_base, vendor->name);
	log_info("starting the parent");
	parent_vp_init_lapic(vp);
	vendor->vp_reset(vp);
	vendor->vp_start_long(vp, entry.rip, entry.rsp, entry.cr3, entry.gdt);
	vp->regs.r[REG_RSI] = entry.zero_page;
	smp_release();
	cpu_loop(&boot_cpu);
}

/* From entry.S: physical addresses of the boot information and of the image,
 * and the loader's magic number. Paging is on, the first 4 GiB are mapped. */
__noreturn void hv_main(u64 mbi, u64 image, u32 magic);

void hv_main(u64 mbi, u64 image, u32 magic)
{
	tsc_boot = rdtsc();
	__stack_chk_guard ^= tsc_boot * 0x9e3779b97f4a7c15;
	vendor = &svm_vendor;
	start_boot_cpu();
	read_loader(magic, mbi);
	read_acpi();
	take_memory(image, mbi);
	map_hv(image);
	log_use(log_area.base, log_area.size);
	tsc_calibrate(boot_acpi.pm_timer_port);
	stats_init(stats_area.base, STATS_ENTRIES);
	take_cpus();
	make_parent();
	start_parent();
}
