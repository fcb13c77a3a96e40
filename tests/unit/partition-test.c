/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent's calls about partitions, as the parent makes them: by registers and pages
 * of its memory. Behind them lie calls.c, parent_calls.c, partition.c, port.c, parent.c and
 * what those use; VPs, the scheduler and the flush are stood in for here.
 */
#include "check.h"

#include <mullion/parent.h>

#include "core/calls.h"
#include "core/cpu.h"
#include "core/events.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/parent.h"
#include "core/partition.h"
#include "core/port.h"
#include "core/vp.h"
#include "ram.h"
#include "x86/switch.h"
#include "x86/tsc.h"

#define IN MIB(1) /* the parent's pages for calls */
#define OUT (MIB(1) + PAGE_SIZE)
#define RING (MIB(1) + 2 * PAGE_SIZE)
#define HV_BASE_PA MIB(2) /* hv's memory: tables of the parent's map, table of frames */
#define HV_PAGES_SIZE MIB(6)
#define BLOCK MIB(8) /* what is donated */
#define GUEST (MIB(16) >> PAGE_SHIFT) /* frames that are mapped */

uint64_t tsc_hz = 2000000000;
struct cpu *cpus[2];
uint32_t cpu_count = 2;

static struct cpu cpu_structs[2];
static struct vp parent_vps[2];
static uint64_t tables;
static unsigned int flushes, errors, destroyed;
static uint32_t event_set, events;
static uint32_t refuse_share_of = UINT32_MAX; /* VP index */

void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	exit(EXIT_FAILURE);
}

void log_line(enum mullion_log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
	errors++;
}

uint64_t memory_alloc_table(void *ctx)
{
	(void)ctx;
	return HV_BASE_PA + PAGE_SIZE * tables++;
}

void parent_flush(void)
{
}

void partition_flush(struct partition *p)
{
	CHECK_EQ(p->lock.next, p->lock.serving + 1);
	flushes++;
}

void events_set(struct cpu *cpu, u32 event)
{
	CHECK(cpu == cpus[1]);
	event_set = event;
	events++;
}

u64 switch_child_xcr0(void)
{
	return 7;
}

bool vp_set_share(struct vp *vp, const u32 share[SHARES])
{
	if (vp->index == refuse_share_of && share[SHARE_RESERVE] > 1000)
		return false;
	vp->regs.r[0] = share[SHARE_WEIGHT];
	vp->regs.r[1] = share[SHARE_CAP];
	vp->regs.r[2] = share[SHARE_RESERVE];
	return true;
}

void vp_destroy(struct partition *p, struct vp *vp)
{
	CHECK(p->vps[vp->index] == vp);
	p->vps[vp->index] = NULL;
	p->vp_count--;
	pool_free(&p->pool, vp);
	destroyed++;
}

/* What the lead call for it does, as far as it matters here. */
static struct vp *add_vp(u64 id, u32 index)
{
	struct partition *p = partition_find(id);
	struct vp *vp = pool_alloc(&p->pool);

	REQUIRE(vp);
	vp->index = index;
	p->vps[index] = vp;
	p->vp_count++;
	spin_unlock(&p->lock);
	return vp;
}

static void start(void)
{
	ram_make();
	CHECK_NOTE("start");
	memset(&parent, 0, sizeof(parent));
	ram_make_map(&parent.memory);
	parent.image_base = HV_BASE_PA;
	parent.image_size = MIB(2);
	parent.arena_base = HV_BASE_PA + MIB(2);
	parent.arena_size = MIB(2);
	parent.frames_base = HV_BASE_PA + MIB(4);
	parent.frames_size = MIB(2);
	parent.ram_end = RAM_END;
	parent.share[SHARE_WEIGHT] = 1000;
	REQUIRE(memmap_normalize(&parent.memory));
	REQUIRE(memmap_set(&parent.memory, HV_BASE_PA, HV_PAGES_SIZE, MEM_RESERVED));
	log_area = (struct shared_area){ phys_to_virt(HPA(HV_BASE_PA + MIB(3))), PAGE_SIZE };
	stats_area = log_area;
	tables = 0;
	parent_map_build(36, true);
	for (u32 i = 0; i < 2; i++) {
		cpus[i] = &cpu_structs[i];
		cpus[i]->vp = &parent_vps[i];
		parent_vps[i].index = 100 + i;
	}
	flushes = errors = destroyed = events = 0;
}

/* Nothing of what the test did is left. */
static void finish(void)
{
	CHECK_NOTE("end");
	for (uint64_t i = 0; i < RAM_FRAMES; i++) {
		uint64_t pa = i << PAGE_SHIFT;
		bool hv = pa >= HV_BASE_PA && pa < HV_BASE_PA + HV_PAGES_SIZE;

		CHECK_EQ(frames_owner(i), hv		? FRAME_HV :
					  ram_usable(i) ? FRAME_PARENT :
							  FRAME_NONE);
	}
	ram_check();
	CHECK_EQ(errors, 0);
	CHECK(!partition_find_from(0));
}

static const struct call *const call_tables[] = { partition_calls, NULL };

static unsigned int executions; /* of the instruction, by the last call */

/* As the CPU: the instruction is executed until it is behind. */
static u64 call(u64 rcx, u64 rdx, u64 r8)
{
	u64 result;

	for (executions = 1; !call_make(call_tables, parent_vps, &rcx, rdx, r8, &result);
	     executions++)
		REQUIRE(executions < 100000);
	return result;
}

static void *at(u64 pa)
{
	return phys_to_virt(HPA(pa));
}

static u64 rep(u64 code, u64 count)
{
	return code | count << HV_CALL_REP_COUNT_SHIFT;
}

static u64 done(u64 status, u64 reps)
{
	return status | reps << HV_RESULT_REPS_SHIFT;
}

static u64 call_id(u64 code, u64 id)
{
	memcpy(at(IN), &id, 8);
	return call(code, IN, 0);
}

static u64 deposit(u64 id, u64 first, u64 count)
{
	u64 *in = at(IN);

	in[0] = id;
	for (u64 i = 0; i < count; i++)
		in[1 + i] = first + i;
	return call(rep(HVCALL_DEPOSIT_MEMORY, count), IN, 0);
}

static u64 withdraw(u64 id, u64 count)
{
	memset(at(IN), 0, 16);
	memcpy(at(IN), &id, 8);
	return call(rep(HVCALL_WITHDRAW_MEMORY, count), IN, OUT);
}

static u64 create(u64 *id)
{
	struct hv_input_create_partition *in = at(IN);
	u64 result;

	memset(in, 0, sizeof(*in));
	in->flags = HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED;
	in->disabled_processor_features[1] = 5;
	result = call(HVCALL_CREATE_PARTITION, IN, OUT);
	memcpy(id, at(OUT), 8);
	return result;
}

static u64 map(u64 id, u64 gfn, u64 frame, u64 count, u32 flags)
{
	struct hv_input_map_gpa_pages *in = at(IN);

	*in = (struct hv_input_map_gpa_pages){ id, gfn, flags, 0 };
	for (u64 i = 0; i < count; i++)
		in->source_pages[i] = frame + i * (flags & HV_MAP_GPA_LARGE_PAGE ? 512 : 1);
	return call(rep(HVCALL_MAP_GPA_PAGES, count), IN, 0);
}

static u64 unmap(u64 id, u64 gfn, u64 count, u32 flags)
{
	struct hv_input_unmap_gpa_pages *in = at(IN);

	*in = (struct hv_input_unmap_gpa_pages){ id, gfn, flags, 0 };
	return call(rep(HVCALL_UNMAP_GPA_PAGES, count), IN, 0);
}

static u64 set_property(u64 id, u32 code, u64 value)
{
	struct hv_input_set_partition_property *in = at(IN);

	*in = (struct hv_input_set_partition_property){ id, code, 0, value };
	return call(HVCALL_SET_PARTITION_PROPERTY, IN, 0);
}

static u64 get_property(u64 id, u32 code, u64 *value)
{
	struct hv_input_get_partition_property *in = at(IN);
	u64 result;

	*in = (struct hv_input_get_partition_property){ id, code, 0 };
	result = call(HVCALL_GET_PARTITION_PROPERTY, IN, OUT);
	memcpy(value, at(OUT), 8);
	return result;
}

static const struct mullion_partition_info *info(u64 id)
{
	memset(at(OUT), 0x55, PAGE_SIZE);
	CHECK_EQ(call(MULLION_CALL_GET_PARTITION, id, OUT), HV_STATUS_SUCCESS);
	return at(OUT);
}

/* A partition with so many pages in its pool, out of BLOCK; *next is the next page. */
static u64 make(u64 *next, u64 pages)
{
	u64 id;

	CHECK_EQ(deposit(HV_PARTITION_ID_SELF, (*next)++, 1), done(0, 1));
	CHECK_EQ(create(&id), HV_STATUS_SUCCESS);
	if (pages)
		CHECK_EQ(deposit(id, *next, pages), done(0, pages));
	*next += pages;
	return id;
}

static u64 donate_block(void)
{
	CHECK_EQ(call(MULLION_CALL_DONATE, BLOCK, 0), 0);
	return BLOCK >> PAGE_SHIFT;
}

static void reclaim_block(void)
{
	while (withdraw(HV_PARTITION_ID_SELF, 1) == done(0, 1))
		;
	CHECK_EQ(call(MULLION_CALL_RECLAIM, BLOCK, 0), 0);
}

#define RWX (HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE)

/* From the first page to the last, with each refusal that order demands. */
static void life(void)
{
	const struct mullion_partition_info *i;
	u64 id, next, pages[300];

	start();
	CHECK_EQ(call(MULLION_CALL_DONATE, BLOCK + PAGE_SIZE, 0), HV_STATUS_INVALID_ALIGNMENT);
	CHECK_EQ(call(MULLION_CALL_DONATE, BLOCK, 8), HV_STATUS_INVALID_HYPERCALL_INPUT);
	CHECK_EQ(call(MULLION_CALL_DONATE, HV_BASE_PA, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(call(MULLION_CALL_RECLAIM, BLOCK, 0), HV_STATUS_INVALID_PARAMETER);
	next = donate_block();
	CHECK_EQ(create(&id), HV_STATUS_INSUFFICIENT_MEMORY);
	CHECK_EQ(deposit(77, next, 1), done(HV_STATUS_INVALID_PARTITION_ID, 0));
	CHECK_EQ(deposit(HV_PARTITION_ID_SELF, next - 1, 1), done(HV_STATUS_INVALID_PARAMETER, 0));
	id = make(&next, 0);
	CHECK_EQ(call_id(HVCALL_INITIALIZE_PARTITION, id), HV_STATUS_INSUFFICIENT_MEMORY);
	CHECK_EQ(map(id, 0, GUEST, 1, RWX), done(HV_STATUS_INSUFFICIENT_MEMORY, 0));
	CHECK_EQ(deposit(id, next, 70), done(0, 70));
	CHECK_EQ(executions, 2);
	/* The 3rd is in the pool already. */
	CHECK_EQ(deposit(id, next + 68, 4), done(HV_STATUS_INVALID_PARAMETER, 0));
	next += 70;
	CHECK_EQ(call_id(HVCALL_INITIALIZE_PARTITION, id), 0);
	CHECK_EQ(call_id(HVCALL_INITIALIZE_PARTITION, id), HV_STATUS_INVALID_PARTITION_STATE);
	CHECK_EQ(call_id(HVCALL_INITIALIZE_PARTITION, id + 1), HV_STATUS_INVALID_PARTITION_ID);
	add_vp(id, 0);
	add_vp(id, 63);

	CHECK_EQ(map(id, 0x100000, GUEST, 500, RWX), done(0, 500));
	CHECK_EQ(executions, 8);
	CHECK_EQ(map(id, 0x200000, GUEST + 512, 3, RWX | HV_MAP_GPA_LARGE_PAGE), done(0, 3));
	/* 498 is there already. */
	CHECK_EQ(map(id, 0x1fffff - 100, GUEST + 512ul * 4, 102, RWX),
		 done(HV_STATUS_INVALID_PARAMETER, 101));
	CHECK_EQ(flushes, 0);
	CHECK_EQ(unmap(id, 0x100000, 100, 0), done(0, 100));
	CHECK_EQ(flushes, 2);
	CHECK_EQ(unmap(id, 0x100000, 100, 0), done(0, 100));
	CHECK_EQ(flushes, 2);
	CHECK_EQ(unmap(id, 0x200001, 1, HV_UNMAP_GPA_LARGE_PAGE),
		 done(HV_STATUS_INVALID_PARAMETER, 0));
	CHECK_EQ(unmap(id, 0x200000, 1, HV_UNMAP_GPA_LARGE_PAGE), done(0, 1));
	CHECK_EQ(unmap(id, GFN_END - 1, 2, 0), done(HV_STATUS_INVALID_PARAMETER, 0));
	CHECK_EQ(unmap(id, GFN_END - 1, 1, 0), done(0, 1));
	CHECK_EQ(unmap(id, GFN_END - 512, 2, HV_UNMAP_GPA_LARGE_PAGE),
		 done(HV_STATUS_INVALID_PARAMETER, 0));
	CHECK_EQ(unmap(id, ~0ul, 1, 0), done(HV_STATUS_INVALID_PARAMETER, 0));
	CHECK_EQ(unmap(id, 0, 1, 4), done(HV_STATUS_INVALID_PARAMETER, 0));

	i = info(id - 1 ? id - 1 : 1);
	CHECK_EQ(i->size, sizeof(*i));
	CHECK_EQ(i->id, id);
	CHECK_EQ(i->state, MULLION_PARTITION_ACTIVE);
	CHECK_EQ(i->vp_count, 2);
	CHECK_EQ(i->weight, 100);
	CHECK_EQ(i->pool_pages, 70);
	CHECK_EQ(i->mapped_pages, 400 + 1024 + 101);
	CHECK_EQ(i->pool_free, 70 - 2 - i->table_pages);
	i = info(0);
	CHECK_EQ(i->id, 0);
	CHECK_EQ(i->vp_count, 2);
	CHECK_EQ(i->pool_pages, 512);
	CHECK_EQ(i->pool_free, 512 - 71);
	CHECK_EQ(i->mapped_pages, 400 + 1024 + 101);
	CHECK_EQ(call(MULLION_CALL_GET_PARTITION, id + 1, OUT), HV_STATUS_INVALID_PARTITION_ID);

	flushes = 0;
	CHECK_EQ(call_id(HVCALL_FINALIZE_PARTITION, id), 0);
	CHECK_EQ(executions, 3);
	CHECK_EQ(flushes, 1); /* before the map came apart */
	CHECK_EQ(destroyed, 2);
	CHECK_EQ(frames_count(FRAME_MAPPED), 0);
	CHECK_EQ(map(id, 0, GUEST, 1, RWX), done(HV_STATUS_INVALID_PARTITION_STATE, 0));
	CHECK_EQ(deposit(id, next, 1), done(HV_STATUS_INVALID_PARTITION_STATE, 0));
	CHECK_EQ(call_id(HVCALL_FINALIZE_PARTITION, id), 0);
	i = info(id);
	CHECK_EQ(i->state, MULLION_PARTITION_FINALIZED);
	CHECK_EQ(i->pool_free, 70);
	CHECK_EQ(withdraw(id, 300), done(HV_STATUS_NO_RESOURCES, 70));
	memcpy(pages, at(OUT), sizeof(pages));
	for (u64 k = 0; k < 70; k++) {
		CHECK_EQ(frames_owner(pages[k]), FRAME_DONATED);
		CHECK(pages[k] >= next - 70 && pages[k] < next);
	}
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0);
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), HV_STATUS_INVALID_PARTITION_ID);
	reclaim_block();
	finish();
}

/* What a partition cannot be created with. */
static void creation(void)
{
	static const struct hv_input_create_partition rows[] = {
		{ .flags = 1 }, { .flags = 1ul << 63 }, { .padding = 1 }, { .isolation = 1 }
	};
	u64 next;

	start();
	next = donate_block();
	CHECK_EQ(deposit(HV_PARTITION_ID_SELF, next, 2), done(0, 2));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(at(IN), &rows[i], sizeof(rows[i]));
		CHECK_EQ(call(HVCALL_CREATE_PARTITION, IN, OUT), HV_STATUS_INVALID_PARAMETER);
	}
	CHECK_EQ(parent.pool.free, 2);
	reclaim_block();
	finish();
}

/* Registers that do not fit, for each call. */
static void refusals(void)
{
	static const u64 bits[] = { 16, 17, 27, 31, 44, 47, 60, 63 };
	u64 next, id;

	start();
	next = donate_block();
	id = make(&next, 20);
	memset(at(IN), 0, PAGE_SIZE);
	memcpy(at(IN), &id, 8);
	for (const struct call *c = partition_calls; c->code; c++) {
		u64 control = c->code | (c->flags & CALL_REP ? 1ul << 32 : 0);
		u64 rdx = c->flags & CALL_RDX ? 1 : IN;
		u64 r8 = c->flags & CALL_R8 || !c->output_size ? 0 : OUT;
		u64 bad_rdx[] = {
			IN + 4, IN + PAGE_SIZE - 8, MIB(1) - PAGE_SIZE, RAM_END, BLOCK, HV_BASE_PA,
			~7ul
		};

		CHECK_NOTE("call %x", c->code);
		for (size_t b = 0; b < ARRAY_SIZE(bits); b++)
			CHECK_EQ(call(control | 1ul << bits[b], rdx, r8),
				 HV_STATUS_INVALID_HYPERCALL_INPUT);
		if (c->flags & CALL_REP) {
			CHECK_EQ(call(c->code, rdx, r8), HV_STATUS_INVALID_HYPERCALL_INPUT);
			CHECK_EQ(call(control | 1ul << 48, rdx, r8),
				 done(HV_STATUS_INVALID_HYPERCALL_INPUT, 1));
			/* A list that runs out of its page. */
			if (c->element_size)
				CHECK_EQ(call(rep(c->code, 512), rdx, r8),
					 HV_STATUS_INVALID_ALIGNMENT);
		} else {
			CHECK_EQ(call(control | 1ul << 32, rdx, r8),
				 HV_STATUS_INVALID_HYPERCALL_INPUT);
		}
		for (size_t b = 0; !(c->flags & CALL_RDX) && b < ARRAY_SIZE(bad_rdx); b++) {
			u64 status = call(control, bad_rdx[b], r8);
			bool crosses = bad_rdx[b] % PAGE_SIZE + c->input_size + c->element_size >
				       PAGE_SIZE;

			if (b != 1 || crosses)
				CHECK_EQ(status, !b || crosses ? HV_STATUS_INVALID_ALIGNMENT :
								 HV_STATUS_INVALID_PARAMETER);
		}
		if (!c->output_size && !(c->flags & CALL_R8))
			CHECK_EQ(call(control, rdx, OUT), HV_STATUS_INVALID_HYPERCALL_INPUT);
		if (c->output_size) {
			CHECK_EQ(call(control, rdx, 0), HV_STATUS_INVALID_PARAMETER);
			CHECK_EQ(call(control, rdx, OUT + 1), HV_STATUS_INVALID_ALIGNMENT);
			CHECK_EQ(call(control, rdx, BLOCK), HV_STATUS_INVALID_PARAMETER);
		}
	}
	CHECK_EQ(call(0x3fff, 0, 0), HV_STATUS_INVALID_HYPERCALL_CODE);
	CHECK_EQ(call(0, 0, 0), HV_STATUS_INVALID_HYPERCALL_CODE);
	/* Only its pool is left as it was: the rows above deleted the partition, or not. */
	if (call_id(HVCALL_DELETE_PARTITION, id))
		CHECK(!partition_find_from(0));
	reclaim_block();
	finish();
}

static void properties(void)
{
	static const struct {
		u32 code;
		u64 value;
		u16 status; /* of a created one */
		u16 active;
	} rows[] = {
		{ HV_PARTITION_PROPERTY_CPU_WEIGHT, 1, 0, 0 },
		{ HV_PARTITION_PROPERTY_CPU_WEIGHT, 10000, 0, 0 },
		{ HV_PARTITION_PROPERTY_CPU_WEIGHT, 0, 10, 10 },
		{ HV_PARTITION_PROPERTY_CPU_WEIGHT, 10001, 10, 10 },
		{ HV_PARTITION_PROPERTY_CPU_CAP, 65536, 0, 0 },
		{ HV_PARTITION_PROPERTY_CPU_CAP, 65537, 10, 10 },
		{ HV_PARTITION_PROPERTY_CPU_CAP, 1ul << 32, 10, 10 },
		{ HV_PARTITION_PROPERTY_CPU_RESERVE, 500, 0, 0 },
		{ HV_PARTITION_PROPERTY_CPU_RESERVE, 65537, 10, 10 },
		{ HV_PARTITION_PROPERTY_TIME_FREEZE, 1, 0, 0 },
		{ HV_PARTITION_PROPERTY_TIME_FREEZE, 2, 10, 10 },
		{ HV_PARTITION_PROPERTY_REFERENCE_TIME, 123456789012345, 0, 0 },
		{ HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING, 1, 0, 0 },
		{ HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING, 3, 10, 10 },
		{ HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION, 1, 0, 0 },
		{ HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION, 2, 10, 10 },
		{ HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES, 3, 0, 7 },
		{ HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0, 1, 9, 9 },
		{ HV_PARTITION_PROPERTY_SUSPEND, 1, 9, 9 },
	};
	u64 next, id, value;
	struct vp *vp;

	start();
	next = donate_block();
	id = make(&next, 8);
	for (int active = 0; active < 2; active++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			u64 want = active ? rows[i].active : rows[i].status;

			CHECK_NOTE("row %zu active %d", i, active);
			CHECK_EQ(set_property(id, rows[i].code, rows[i].value), want);
			if (want)
				continue;
			CHECK_EQ(get_property(id, rows[i].code, &value), 0);
			CHECK_EQ(value, rows[i].value);
		}
		if (!active)
			CHECK_EQ(call_id(HVCALL_INITIALIZE_PARTITION, id), 0);
	}
	CHECK_EQ(get_property(id, HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1, &value), 0);
	CHECK_EQ(value, ~5ul);
	CHECK_EQ(get_property(id, HV_PARTITION_PROPERTY_XSAVE_STATES, &value), 0);
	CHECK_EQ(value, 7);
	CHECK_EQ(get_property(id, HV_PARTITION_PROPERTY_SUSPEND, &value),
		 HV_STATUS_UNKNOWN_PROPERTY);
	CHECK_EQ(set_property(id + 1, HV_PARTITION_PROPERTY_CPU_CAP, 1),
		 HV_STATUS_INVALID_PARTITION_ID);

	/* VPs are told, all of them or none. */
	vp = add_vp(id, 3);
	add_vp(id, 5);
	refuse_share_of = 5;
	CHECK_EQ(set_property(id, HV_PARTITION_PROPERTY_CPU_WEIGHT, 200), 0);
	CHECK_EQ(set_property(id, HV_PARTITION_PROPERTY_CPU_RESERVE, 900), 0);
	CHECK_EQ(vp->regs.r[0], 200);
	CHECK_EQ(vp->regs.r[2], 900);
	CHECK_EQ(set_property(id, HV_PARTITION_PROPERTY_CPU_RESERVE, 1001),
		 HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
	CHECK_EQ(vp->regs.r[2], 900);
	CHECK_EQ(info(id)->reserve, 900);
	refuse_share_of = UINT32_MAX;

	/* The parent's own. */
	CHECK_EQ(set_property(0, HV_PARTITION_PROPERTY_CPU_WEIGHT, 77), 0);
	CHECK_EQ(parent_vps[0].regs.r[0], 77);
	CHECK_EQ(parent_vps[1].regs.r[0], 77);
	CHECK_EQ(get_property(HV_PARTITION_ID_SELF, HV_PARTITION_PROPERTY_CPU_WEIGHT, &value), 0);
	CHECK_EQ(value, 77);
	CHECK_EQ(info(0)->weight, 77);
	CHECK_EQ(set_property(0, HV_PARTITION_PROPERTY_TIME_FREEZE, 1), HV_STATUS_UNKNOWN_PROPERTY);
	CHECK_EQ(get_property(0, HV_PARTITION_PROPERTY_TIME_FREEZE, &value),
		 HV_STATUS_UNKNOWN_PROPERTY);
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0);
	reclaim_block();
	finish();
}

static void names(void)
{
	struct mullion_partition_name *name = at(IN);
	u64 next, id;

	start();
	next = donate_block();
	id = make(&next, 1);
	*name = (struct mullion_partition_name){ .partition = id, .uuid = { 1, 2 }, .name = "one" };
	CHECK_EQ(call(MULLION_CALL_SET_NAME, IN, 0), 0);
	CHECK_STR(info(id)->name, "one");
	CHECK_EQ(info(id)->uuid[1], 2);
	memset(name->name, 'x', sizeof(name->name));
	CHECK_EQ(call(MULLION_CALL_SET_NAME, IN, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_STR(info(id)->name, "one");
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0);
	reclaim_block();
	finish();
}

static u64 bind(u64 id, u32 connection, u32 type, u32 event, u64 ring)
{
	struct mullion_bind_port *in = at(IN);

	*in = (struct mullion_bind_port){ id, connection, type, event, 0, ring };
	return call(MULLION_CALL_BIND_PORT, IN, 0);
}

static u64 unbind(u64 id, u32 connection)
{
	struct mullion_bind_port *in = at(IN);

	*in = (struct mullion_bind_port){ .partition = id, .connection = connection };
	return call(MULLION_CALL_UNBIND_PORT, IN, 0);
}

static void ports(void)
{
	struct mullion_message_ring *ring = at(RING);
	struct hv_message message;
	struct partition *p;
	u64 next, id, bound = 0;

	start();
	next = donate_block();
	id = make(&next, 0);
	CHECK_EQ(bind(id, 5, MULLION_PORT_EVENT, 9, 0), HV_STATUS_INSUFFICIENT_MEMORY);
	CHECK_EQ(deposit(id, next, 2), done(0, 2));
	CHECK_EQ(bind(id, 5, 0, 9, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 5, 3, 9, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 5, MULLION_PORT_EVENT, 9, RING), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 1u << 24, MULLION_PORT_EVENT, 9, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 5, MULLION_PORT_EVENT, MULLION_EVENTS_MAX, 0),
		 HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 4, MULLION_PORT_MESSAGE, 8, RING + 8), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 4, MULLION_PORT_MESSAGE, 8, BLOCK), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 5, MULLION_PORT_EVENT, MULLION_EVENTS_MAX - 1, 0), 0);
	ring->head = 99;
	CHECK_EQ(bind(id, 4, MULLION_PORT_MESSAGE, 8, RING), 0);
	CHECK_EQ(ring->head, 0);
	CHECK_EQ(frames_owner(RING >> PAGE_SHIFT), FRAME_SHARED);
	CHECK_EQ(bind(id, 4, MULLION_PORT_EVENT, 8, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(bind(id, 6, MULLION_PORT_MESSAGE, 8, RING), HV_STATUS_INVALID_PARAMETER);

	p = partition_find(id);
	spin_unlock(&p->lock);
	CHECK_EQ(port_send(p, 4, NULL, cpus[1]), HV_STATUS_INVALID_CONNECTION_ID);
	CHECK_EQ(port_send(p, 0, NULL, cpus[1]), HV_STATUS_INVALID_CONNECTION_ID);
	CHECK_EQ(events, 0);
	CHECK_EQ(port_send(p, 5, NULL, cpus[1]), 0);
	CHECK_EQ(event_set, MULLION_EVENTS_MAX - 1);
	CHECK_EQ(port_send(p, 5, &message, cpus[1]), HV_STATUS_INVALID_CONNECTION_ID);
	for (u64 k = 0; k < 100; k++) {
		bool room = k - ring->tail < MULLION_RING_MESSAGES;

		memset(&message, (int)k, sizeof(message));
		CHECK_EQ(port_send(p, 4, &message, cpus[1]),
			 room ? 0 : HV_STATUS_INSUFFICIENT_BUFFERS);
		if (room) {
			CHECK_EQ(event_set, 8);
			CHECK_EQ(ring->head, k + 1);
			CHECK_MEM(ring->messages[k % MULLION_RING_MESSAGES], &message, 256);
		} else {
			ring->tail += 3;
			k--;
		}
	}
	/* Whatever the parent writes, nothing but its ring is written to. */
	ring->head = 0x1234567;
	ring->tail = ~0ul / 2;
	CHECK_EQ(port_send(p, 4, &message, cpus[1]), HV_STATUS_INSUFFICIENT_BUFFERS);
	ring->tail = 99;
	CHECK_EQ(port_send(p, 4, &message, cpus[1]), 0);
	CHECK_EQ(ring->head, 101);

	while (bind(id, (u32)(1000 + bound), MULLION_PORT_EVENT, 1, 0) == 0)
		bound++;
	CHECK_EQ(bound, PAGE_SIZE / 32 - 2);
	CHECK_EQ(bind(id, 999999, MULLION_PORT_EVENT, 1, 0), HV_STATUS_NO_RESOURCES);
	CHECK_EQ(unbind(id, 1003), 0);
	CHECK_EQ(unbind(id, 1003), HV_STATUS_INVALID_CONNECTION_ID);
	CHECK_EQ(bind(id, 999999, MULLION_PORT_EVENT, 1, 0), 0);
	CHECK_EQ(unbind(id, 4), 0);
	CHECK_EQ(frames_owner(RING >> PAGE_SHIFT), FRAME_PARENT);
	CHECK_EQ(port_send(p, 4, &message, cpus[1]), HV_STATUS_INVALID_CONNECTION_ID);
	CHECK_EQ(bind(id, 4, MULLION_PORT_MESSAGE, 8, RING), 0);
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0); /* with the ports bound */
	reclaim_block();
	finish();
}

/* What hv reads of a guest's memory, and how it marks an entry of its page tables. */
static void guest_memory(void)
{
	struct partition *p;
	u64 next, id, *words = at((GUEST + 1) << PAGE_SHIFT), value = 0;

	start();
	next = donate_block();
	id = make(&next, 8);
	p = partition_find(id);
	CHECK(!partition_read(p, GPA(0), &value, 8)); /* there is no map yet */
	CHECK(!partition_mark(p, GPA(0), 8, 0, 1));
	spin_unlock(&p->lock);
	CHECK_EQ(map(id, 0x1000, GUEST + 1, 1, RWX), done(0, 1));
	CHECK_EQ(map(id, 0x1001, GUEST + 2, 1, HV_MAP_GPA_READABLE), done(0, 1));
	p = partition_find(id);
	words[0] = 0x1122334455667788;
	words[511] = 0x8877665544332211;
	CHECK(partition_read(p, GPA(0x1000ff8), &value, 8));
	CHECK_EQ(value, 0x8877665544332211);
	CHECK(!partition_read(p, GPA(0x1002000), &value, 8));
	CHECK(!partition_read(p, GPA(~7ul), &value, 8));
	CHECK(partition_mark(p, GPA(0x1000000), 8, 0x1122334455667788, 0x60));
	CHECK_EQ(words[0], 0x11223344556677e8);
	CHECK(partition_mark(p, GPA(0x1000004), 4, 0x11223344, 3));
	CHECK_EQ(words[0], 0x11223347556677e8);
	/* It is another entry by now. */
	CHECK(partition_mark(p, GPA(0x1000000), 8, 0x1122334455667788, 0x600));
	CHECK_EQ(words[0], 0x11223347556677e8);
	CHECK(!partition_mark(p, GPA(0x1001000), 8, 0, 0x20)); /* read-only */
	CHECK(!partition_mark(p, GPA(0x1002000), 8, 0, 0x20));
	CHECK_EQ(words[512], 0);
	spin_unlock(&p->lock);
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0);
	reclaim_block();
	finish();
}

static void access(void)
{
	struct hv_input_get_gpa_pages_access_states *in = at(IN);
	u8 *state = at(OUT);
	struct partition *p;
	u64 next, id;

	start();
	next = donate_block();
	id = make(&next, 8);
	*in = (struct hv_input_get_gpa_pages_access_states){ id, 0, 0x1000 };
	CHECK_EQ(call(rep(HVCALL_GET_GPA_PAGES_ACCESS_STATES, 9), IN, OUT),
		 done(HV_STATUS_INVALID_PARTITION_STATE, 0));
	CHECK_EQ(map(id, 0x1000, GUEST, 200, RWX), done(0, 200));
	p = partition_find(id);
	CHECK(gpamap_page(&p->map, 0x1003, true));
	CHECK(gpamap_page(&p->map, 0x1005, false));
	CHECK(gpamap_page(&p->map, 0x1000 + 199, true));
	spin_unlock(&p->lock);
	for (int round = 0; round < 2; round++) {
		*in = (struct hv_input_get_gpa_pages_access_states){ id, HV_GPA_ACCESS_CLEAR_DIRTY,
								     0x1000 };
		flushes = 0;
		CHECK_EQ(call(rep(HVCALL_GET_GPA_PAGES_ACCESS_STATES, 300), IN, OUT), done(0, 300));
		CHECK(flushes);
		for (int k = 0; k < 300; k++)
			CHECK_EQ(state[k], (k == 3 || k == 199 ? (round ? 1 : 3) : 0) | (k == 5));
	}
	in->flags = 16;
	CHECK_EQ(call(rep(HVCALL_GET_GPA_PAGES_ACCESS_STATES, 3), IN, OUT),
		 done(HV_STATUS_INVALID_PARAMETER, 0));
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0);
	reclaim_block();
	finish();
}

/* The same steps with every number of pages in the pool: each shortage is told, changes
 * nothing, and one more page lets the call go on. */
static void shortages(void)
{
	u64 next, id, result;
	unsigned int shortages = 0;

	start();
	next = donate_block();
	id = make(&next, 0);
	for (int step = 0; step < 6;) {
		u64 mapped = frames_count(FRAME_MAPPED);

		switch (step) {
		case 0:
			result = call_id(HVCALL_INITIALIZE_PARTITION, id);
			break;
		case 1:
			result = map(id, 0x1000, GUEST, 10, RWX);
			break;
		case 2:
			result = map(id, 0x200000, GUEST + 512, 1, RWX | HV_MAP_GPA_LARGE_PAGE);
			break;
		case 3:
			result = unmap(id, 0x200010, 3, 0);
			break;
		case 4:
			result = bind(id, 3, MULLION_PORT_MESSAGE, 1, RING);
			break;
		default:
			result = map(id, 0xfffffffff, GUEST + 20, 1, RWX);
		}
		if ((u16)result == HV_STATUS_INSUFFICIENT_MEMORY) {
			CHECK_EQ(result >> HV_RESULT_REPS_SHIFT, 0);
			CHECK_EQ(frames_count(FRAME_MAPPED), mapped);
			CHECK_EQ(info(id)->pool_free, 0);
			CHECK_EQ(deposit(id, next++, 1), done(0, 1));
			shortages++;
			continue;
		}
		CHECK_EQ((u16)result, 0);
		step++;
	}
	CHECK_EQ(shortages, 1 + 3 + 1 + 1 + 1 + 3);
	CHECK_EQ(info(id)->pool_free, 0);
	CHECK_EQ(call_id(HVCALL_DELETE_PARTITION, id), 0);
	reclaim_block();
	finish();
}

/* Calls with anything in them; now and then a word that means something. */
static void random_calls(void)
{
	static u8 page[PAGE_SIZE];
	u64 id, next;

	check_seed(0x63616c6c73);
	start();
	next = donate_block();
	for (int i = 0; i < 4; i++)
		make(&next, 3 * (u64)i);
	for (int step = 0; step < 100000; step++) {
		const struct call *c = &partition_calls[check_below(17)];
		u64 count = check_below(3) ? check_below(9) : check_below(4096);
		u64 words[] = { check_below(7),
				check_below(64),
				GUEST + check_below(64),
				(BLOCK >> PAGE_SHIFT) + check_below(512),
				RWX,
				RWX | HV_MAP_GPA_LARGE_PAGE,
				RING,
				check_rand(),
				check_below(1u << 20) };
		u64 rcx = c->code | (c->flags & CALL_REP ? count << 32 : 0);
		u64 anywhere = check_rand();
		u64 rdx = check_below(30) ? IN : anywhere & check_rand();
		u64 r8 = c->output_size ? OUT : 0;

		if (c->code == HVCALL_DELETE_PARTITION && check_below(50))
			continue;
		if (c->code == HVCALL_FINALIZE_PARTITION && check_below(20))
			continue;
		if (c->flags & CALL_RDX)
			rdx = c->code == MULLION_CALL_GET_PARTITION ? check_below(8) :
								      MIB(2) * check_below(33);
		if (!check_below(100))
			rcx ^= 1ul << check_below(64);
		for (size_t i = 0; i < 64; i++)
			memcpy(page + 8 * i, &words[check_below(9)], 8);
		id = 1 + check_below(8);
		memcpy(page, &id, 8);
		if (!check_below(10))
			memset(page, 0xff, 8);
		if (frames_owner(IN >> PAGE_SHIFT) == FRAME_PARENT)
			memcpy(at(IN), page, sizeof(page));
		call(rcx, rdx, r8);
		if (step % 1000 == 0)
			ram_check();
		if (step % 10000 == 0)
			CHECK(frames_count(FRAME_MAPPED) == info(0)->mapped_pages);
	}
	/* The pages for calls may have been mapped or donated by one of them. */
	for (struct partition *p; (p = partition_find_from(0));) {
		while (!partition_finalize(p))
			;
		while (!partition_delete(p))
			;
	}
	for (u64 frame; pool_withdraw(&parent.pool, &frame);)
		;
	for (u64 pa = 0; pa < RAM_END; pa += MIB(2))
		call(MULLION_CALL_RECLAIM, pa, 0);
	finish();
}

int main(void)
{
	CHECK_RUN(life);
	CHECK_RUN(creation);
	CHECK_RUN(refusals);
	CHECK_RUN(properties);
	CHECK_RUN(names);
	CHECK_RUN(ports);
	CHECK_RUN(guest_memory);
	CHECK_RUN(access);
	CHECK_RUN(shortages);
	CHECK_RUN(random_calls);
	return check_done();
}
