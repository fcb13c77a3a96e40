/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent/worker/vcpu.c with a processor made of arrays: messages in, registers and
 * memory out, with the register page and without it.
 */
#include "vcpu.h"

#include "check.h"
#include "console.h"

#define MEMORY MIB(2)
#define PAGES 4ul /* virtual pages from VIRTUAL on are backwards in memory */
#define VIRTUAL 0x7000000000ull
#define PHYSICAL 0x100000ull

/* What the hypervisor would keep. */
static struct {
	uint64_t registers[18]; /* RAX..R15, RIP, RFLAGS */
	struct hv_register_assoc event;
	unsigned sets, gets, translations;
	bool refuse;
} fake;

static struct hv_vp_register_page page;
static uint8_t memory[MEMORY];
static struct ram ram = { .bytes = memory, .low = MEMORY, .fd = -1 };
static struct board board = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct vcpu vcpu;
static struct end end;
static struct interrupt sent;
static unsigned sent_count;

static bool fake_get(void *vp, const uint32_t *names, union hv_register_value *values,
		     unsigned count)
{
	(void)vp;
	fake.gets++;
	for (unsigned i = 0; i < count; i++)
		values[i].reg64 = names[i] <= HV_X64_REGISTER_RFLAGS ?
					  fake.registers[names[i] - HV_X64_REGISTER_RAX] :
					  0xc000 + names[i];
	return !fake.refuse;
}

static bool fake_set(void *vp, const struct hv_register_assoc *registers, unsigned count)
{
	(void)vp;
	fake.sets++;
	for (unsigned i = 0; i < count && !fake.refuse; i++) {
		if (registers[i].name == HV_REGISTER_PENDING_EVENT0)
			fake.event = registers[i];
		else
			fake.registers[registers[i].name - HV_X64_REGISTER_RAX] =
				registers[i].value.reg64;
	}
	return !fake.refuse;
}

static uint8_t *virtual_byte(uint64_t gva)
{
	uint64_t n = (gva - VIRTUAL) / GUEST_PAGE;

	REQUIRE(n < PAGES);
	return memory + PHYSICAL + (PAGES - 1 - n) * GUEST_PAGE + gva % GUEST_PAGE;
}

static bool fake_translate(void *vp, uint64_t gva, bool write, uint32_t *result, uint64_t *gpa)
{
	(void)vp;
	(void)write;
	fake.translations++;
	*result = HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;
	if (gva >= VIRTUAL && gva < VIRTUAL + PAGES * GUEST_PAGE) {
		*result = HV_TRANSLATE_GVA_SUCCESS;
		*gpa = (uint64_t)(virtual_byte(gva) - memory);
	} else if (gva < MEMORY) {
		*result = HV_TRANSLATE_GVA_SUCCESS;
		*gpa = gva;
	} else if (gva == 0xbad000) {
		*result = HV_TRANSLATE_GVA_GPA_UNMAPPED;
	}
	return !fake.refuse;
}

static const struct vp_access fake_access = { fake_get, fake_set, fake_translate };

static void on_send(void *context, const struct interrupt *interrupt)
{
	(void)context;
	sent = *interrupt;
	sent_count++;
}

/* with_page: by turns with the register page, without one, with one that is not
 * valid. The registers' values are in the one place that must be asked. */
static void begin(unsigned with_page)
{
	memset(&fake, 0, sizeof(fake));
	memset(&page, 0, sizeof(page));
	memset(memory, 0, sizeof(memory));
	page.isvalid = with_page % 3 == 0;
	vcpu = (struct vcpu){ .index = 3,
			      .access = &fake_access,
			      .page = with_page % 3 == 1 ? NULL : &page,
			      .board = &board,
			      .ram = &ram };
	board.send = on_send;
	sent_count = 0;
	end = (struct end){ .reason = REASON_NONE };
	board_reset(&board);
}

static bool paged(void)
{
	return vcpu.page && vcpu.page->isvalid;
}

static uint64_t get(uint32_t name)
{
	if (paged())
		return name == HV_X64_REGISTER_RIP ? page.rip :
						     page.gp_registers[name - HV_X64_REGISTER_RAX];
	return fake.registers[name - HV_X64_REGISTER_RAX];
}

static void put(uint32_t name, uint64_t value)
{
	if (paged())
		page.gp_registers[name - HV_X64_REGISTER_RAX] = value;
	else
		fake.registers[name - HV_X64_REGISTER_RAX] = value;
}

static struct hv_x64_intercept_header make_header(unsigned access, unsigned length)
{
	return (struct hv_x64_intercept_header){
		.vp_index = 3,
		.length_and_cr8 = (uint8_t)(0xa0 | length),
		.access_type = (uint8_t)access,
		.execution_state = HV_X64_STATE_CR0_PE | HV_X64_STATE_EFER_LMA,
		.cs.attributes = HV_X64_SEGMENT_LONG,
		.rip = 0xffffffff81000000,
	};
}

static void handle(uint32_t type, const void *payload, size_t size)
{
	struct hv_message message = { .header.message_type = type };

	memcpy(message.payload, payload, size);
	vcpu_handle(&vcpu, &message, &end);
}

static struct hv_x64_io_port_message make_io(bool in, uint16_t port, unsigned size, uint64_t rax)
{
	return (struct hv_x64_io_port_message){
		.header = make_header(in ? HV_X64_ACCESS_READ : HV_X64_ACCESS_WRITE, 2),
		.port_number = port,
		.access_info = (uint8_t)size,
		.rax = rax,
	};
}

/* The hypervisor tells a string instruction's bytes instead of its length. */
static void make_string(struct hv_x64_io_port_message *io, const char *code, uint8_t count)
{
	io->access_info |= HV_X64_IO_STRING | (count > 1 ? HV_X64_IO_REP : 0);
	io->header.length_and_cr8 = 0;
	io->instruction_byte_count = 15; /* what follows it is there too */
	memset(io->instruction_bytes, 0x66, sizeof(io->instruction_bytes));
	memcpy(io->instruction_bytes, code, count);
}

static void do_io(const struct hv_x64_io_port_message *io)
{
	handle(HVMSG_X64_IO_PORT_INTERCEPT, io, sizeof(*io));
}

/* Nobody's port reads as ones, in as much of RAX as IN writes. */
static void test_in(void)
{
	static const struct {
		unsigned size;
		uint64_t want;
	} rows[] = { { 1, 0x11223344556677ff }, { 2, 0x112233445566ffff }, { 4, 0xffffffff } };

	for (unsigned with_page = 0; with_page < 3; with_page++) {
		for (size_t i = 0; i < 3; i++) {
			struct hv_x64_io_port_message io =
				make_io(true, 0x1234, rows[i].size, 0x1122334455667788);

			CHECK_NOTE("page %u, size %u", with_page, rows[i].size);
			begin(with_page);
			do_io(&io);
			CHECK_EQ(get(HV_X64_REGISTER_RAX), rows[i].want);
			CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000002);
			CHECK_EQ(end.reason, REASON_NONE);
			/* The page saves the hypercall. */
			CHECK_EQ(fake.sets, paged() ? 0 : 1);
			if (paged())
				CHECK_EQ(page.dirty, 1u << HV_X64_REGISTER_CLASS_GENERAL |
							     1u << HV_X64_REGISTER_CLASS_IP);
		}
	}
}

static void test_out(void)
{
	struct hv_x64_io_port_message io = make_io(false, PORT_UART, 1, 0x1141);
	uint64_t before;

	for (unsigned with_page = 0; with_page < 3; with_page++) {
		begin(with_page);
		before = console_written(board.ports.console);
		do_io(&io);
		CHECK_EQ(console_written(board.ports.console), before + 1);
		CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000002);
		CHECK_EQ(get(HV_X64_REGISTER_RAX), 0); /* not touched */
	}
	/* In 32 bits the instruction pointer wraps there. */
	begin(1);
	io.header.execution_state = HV_X64_STATE_CR0_PE;
	io.header.rip = 0xffffffff;
	do_io(&io);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 1);
}

static void test_ends(void)
{
	static const struct {
		uint16_t port;
		unsigned size;
		uint32_t value;
		bool debug_exit;
		enum reason reason;
		uint8_t code;
	} rows[] = {
		{ PORT_SLEEP_CONTROL, 1, 5 << 2 | 0x20, false, REASON_POWEROFF, 0 },
		{ PORT_SLEEP_CONTROL, 1, 5 << 2, false, REASON_NONE, 0 },
		{ PORT_SLEEP_CONTROL, 1, 3 << 2 | 0x20, false, REASON_NONE, 0 },
		{ PORT_SLEEP_STATUS, 1, 0x80, false, REASON_NONE, 0 },
		{ PORT_RESET, 1, 0x06, false, REASON_REBOOT, 0 },
		{ PORT_RESET, 1, 0x02, false, REASON_NONE, 0 },
		{ PORT_KEYBOARD_COMMAND, 1, 0xfe, false, REASON_REBOOT, 0 },
		{ PORT_KEYBOARD_COMMAND, 1, 0xd1, false, REASON_NONE, 0 },
		{ PORT_DEBUG_EXIT, 1, 0x10, false, REASON_NONE, 0 },
		{ PORT_DEBUG_EXIT, 4, 0x10, true, REASON_DEBUG_EXIT, 0x10 },
		{ 0xcf8, 4, 0x80000600, false, REASON_REBOOT, 0 }, /* 0xcf9 is among them */
		{ 0xcfc, 4, 0xffffffff, false, REASON_NONE, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hv_x64_io_port_message io =
			make_io(false, rows[i].port, rows[i].size, rows[i].value);

		CHECK_NOTE("row %zu", i);
		begin(0);
		board.ports.debug_exit = rows[i].debug_exit;
		do_io(&io);
		CHECK_EQ(end.reason, rows[i].reason);
		CHECK_EQ(end.code, rows[i].code);
	}
	board.ports.debug_exit = false;
}

/* OUTS to the console: what memory has, over pages that do not lie together. */
static void test_outs(void)
{
	struct hv_x64_io_port_message io = make_io(false, PORT_UART, 1, 0);
	uint64_t before;

	begin(1);
	make_string(&io, "\xf3\x6e", 2);
	io.rcx = 600;
	io.rsi = VIRTUAL + GUEST_PAGE - 100;
	before = console_written(board.ports.console);
	do_io(&io);
	/* A part, then the rest, as the guest executes it again. */
	CHECK_EQ(get(HV_X64_REGISTER_RCX), 600 - 256);
	CHECK_EQ(get(HV_X64_REGISTER_RSI), VIRTUAL + GUEST_PAGE + 156);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0);
	CHECK_EQ(fake.translations, 2);
	for (unsigned i = 0; i < 2; i++) {
		io.rcx = get(HV_X64_REGISTER_RCX);
		io.rsi = get(HV_X64_REGISTER_RSI);
		do_io(&io);
	}
	CHECK_EQ(get(HV_X64_REGISTER_RCX), 0);
	CHECK_EQ(get(HV_X64_REGISTER_RSI), VIRTUAL + GUEST_PAGE + 500);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000002);
	CHECK_EQ(console_written(board.ports.console), before + 600);
}

static void test_ins(void)
{
	struct hv_x64_io_port_message io = make_io(true, 0x1234, 4, 0);

	/* Backwards, an element across two pages. */
	begin(0);
	make_string(&io, "\xf3\x6d", 2);
	io.header.rflags = 1 << 10;
	io.rcx = 3;
	io.rdi = VIRTUAL + GUEST_PAGE + 2;
	do_io(&io);
	CHECK_EQ(get(HV_X64_REGISTER_RDI), VIRTUAL + GUEST_PAGE - 10);
	CHECK_EQ(get(HV_X64_REGISTER_RCX), 0);
	for (uint64_t gva = VIRTUAL + GUEST_PAGE - 6; gva < VIRTUAL + GUEST_PAGE + 6; gva++)
		CHECK_EQ(*virtual_byte(gva), 0xff);
	CHECK_EQ(*virtual_byte(VIRTUAL + GUEST_PAGE - 7), 0);
	CHECK_EQ(*virtual_byte(VIRTUAL + GUEST_PAGE + 6), 0);

	/* Nothing to do is done. */
	begin(1);
	io.rcx = 0;
	do_io(&io);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000002);
	CHECK_EQ(fake.translations, 0);

	/* 16-bit addresses wrap and leave the rest of the registers alone. */
	begin(1);
	io = make_io(true, 0x1234, 1, 0);
	make_string(&io, "\xf3\x6c", 2);
	io.header.execution_state = 0;
	io.header.cs.attributes = 0;
	io.es.base = 0x20000;
	io.rcx = 0xabcd0002;
	io.rdi = 0x1234ffff;
	do_io(&io);
	CHECK_EQ(memory[0x2ffff], 0xff);
	CHECK_EQ(memory[0x20000], 0xff);
	CHECK_EQ(get(HV_X64_REGISTER_RDI), 0x12340001);
	CHECK_EQ(get(HV_X64_REGISTER_RCX), 0xabcd0000);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0x81000002);

	/* One element, 32-bit addresses in 64 bits, and a REX that says nothing. */
	begin(1);
	io = make_io(true, 0x1234, 1, 0);
	make_string(&io, "\x67\x40\x6c", 3);
	io.access_info &= (uint8_t)~HV_X64_IO_REP;
	io.rdi = 0xffffffff00001000;
	io.rcx = 7;
	do_io(&io);
	CHECK_EQ(memory[0x1000], 0xff);
	CHECK_EQ(get(HV_X64_REGISTER_RDI), 0x1001);
	CHECK_EQ(get(HV_X64_REGISTER_RCX), 0); /* not touched */
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000003);

	/* Bytes that are another instruction, or end too early. */
	begin(1);
	make_string(&io, "\xf3\x90", 2);
	do_io(&io);
	CHECK_EQ(end.reason, REASON_FAILED);
	begin(1);
	make_string(&io, "\xf3\x6c", 2);
	io.instruction_byte_count = 1;
	do_io(&io);
	CHECK_EQ(end.reason, REASON_FAILED);
}

/* A page that is not there is the guest's page fault, with what is done counted. */
static void test_string_fault(void)
{
	struct hv_x64_io_port_message io = make_io(true, 0x1234, 2, 0);

	begin(1);
	make_string(&io, "\xf3\x6d", 2);
	io.header.execution_state |= 3;
	io.rcx = 10;
	io.rdi = VIRTUAL + PAGES * GUEST_PAGE - 4;
	do_io(&io);
	CHECK_EQ(end.reason, REASON_NONE);
	CHECK_EQ(get(HV_X64_REGISTER_RCX), 8);
	CHECK_EQ(get(HV_X64_REGISTER_RDI), VIRTUAL + PAGES * GUEST_PAGE);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0);
	CHECK_EQ(fake.event.name, HV_REGISTER_PENDING_EVENT0);
	CHECK_EQ(fake.event.value.reg128.low & 1, 1);
	CHECK_EQ(fake.event.value.reg128.low >> 16 & 0xffff, 14);
	CHECK_EQ(fake.event.value.reg128.low >> 32, 6); /* user, write, not present */
	CHECK_EQ(fake.event.value.reg128.high, VIRTUAL + PAGES * GUEST_PAGE);

	begin(1);
	io.rdi = 0xbad000; /* a page that leads nowhere */
	do_io(&io);
	CHECK_EQ(end.reason, REASON_FAILED);
	CHECK(strstr(end.detail, "VP 3 at 0xffffffff81000000") != NULL);
}

static struct hv_x64_memory_message make_memory(bool write, uint64_t gpa, const char *code,
						uint8_t count)
{
	struct hv_x64_memory_message message = {
		.header = make_header(write ? HV_X64_ACCESS_WRITE : HV_X64_ACCESS_READ, 0),
		.gpa = gpa,
		.instruction_byte_count = count,
	};

	memcpy(message.instruction_bytes, code, count);
	return message;
}

static void do_memory(const struct hv_x64_memory_message *message)
{
	handle(HVMSG_UNMAPPED_GPA, message, sizeof(*message));
}

static uint32_t ioapic(uint8_t select, bool write, uint32_t value)
{
	/* mov %ecx,(%rax); mov %edx,0x10(%rax); mov 0x10(%rax),%ebx */
	struct hv_x64_memory_message message;

	put(HV_X64_REGISTER_RCX, select);
	message = make_memory(true, HOLE_IOAPIC, "\x89\x08", 2);
	do_memory(&message);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000002);
	if (write) {
		put(HV_X64_REGISTER_RDX, 0xaaaaaaaa00000000 | value);
		message = make_memory(true, HOLE_IOAPIC + 0x10, "\x89\x50\x10\xff", 4);
	} else {
		put(HV_X64_REGISTER_RBX, ~0ull);
		message = make_memory(false, HOLE_IOAPIC + 0x10, "\x8b\x58\x10\xff", 4);
	}
	do_memory(&message);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), 0xffffffff81000003);
	return write ? 0 : (uint32_t)get(HV_X64_REGISTER_RBX);
}

/* The UART's way to a processor, by the guest's own instructions. */
static void test_interrupt(void)
{
	struct hv_x64_io_port_message mcr = make_io(false, PORT_UART + 4, 1, 0x08);
	struct hv_x64_io_port_message ier = make_io(false, PORT_UART + 1, 1, 0x02);

	for (unsigned with_page = 0; with_page < 3; with_page++) {
		begin(with_page);
		CHECK_EQ(ioapic(1, false, 0) >> 16, IOAPIC_PINS - 1);
		CHECK_EQ(ioapic(0x10 + 2 * BOARD_UART_PIN, false, 0), 0x10000);
		do_io(&mcr);
		do_io(&ier);
		CHECK_EQ(sent_count, 0); /* masked */
		ier.rax = 0;
		do_io(&ier);
		ioapic(0x10 + 2 * BOARD_UART_PIN, true, 0x0000893b);
		ioapic(0x11 + 2 * BOARD_UART_PIN, true, 0x02000000);
		CHECK_EQ(ioapic(0x11 + 2 * BOARD_UART_PIN, false, 0), 0x02000000);
		ier.rax = 2;
		do_io(&ier);
		CHECK_EQ(sent_count, 1);
		CHECK_EQ(sent.vector, 0x3b);
		CHECK_EQ(sent.destination, 2);
		CHECK_EQ(sent.mode, 1);
		CHECK(sent.logical);
	}
}

/* Nothing there: ones and no effect in the hole, an end elsewhere. */
static void test_nowhere(void)
{
	struct hv_x64_memory_message message = make_memory(false, 0xd0000000, "\x48\x8b\x00", 3);

	begin(0);
	do_memory(&message);
	CHECK_EQ(get(HV_X64_REGISTER_RAX), ~0ull);
	CHECK_EQ(end.reason, REASON_NONE);
	/* The message without bytes: memory has them. */
	begin(1);
	message.instruction_byte_count = 0;
	message.header.rip = VIRTUAL + GUEST_PAGE - 3; /* up to the page's end, not further */
	memcpy(virtual_byte(VIRTUAL + GUEST_PAGE - 3), "\x48\x8b\x00", 3);
	do_memory(&message);
	CHECK_EQ(get(HV_X64_REGISTER_RAX), ~0ull);
	CHECK_EQ(get(HV_X64_REGISTER_RIP), VIRTUAL + GUEST_PAGE);
	CHECK_EQ(fake.translations, 1);

	static const uint64_t lost[] = { MEMORY, GIB(3) - 1, GIB(4), UINT64_MAX };

	for (size_t i = 0; i < 4; i++) {
		begin(0);
		message = make_memory(true, lost[i], "\x89\x08", 2);
		do_memory(&message);
		CHECK_EQ(end.reason, REASON_FAILED);
		CHECK(strstr(end.detail, "writes memory that is not there") != NULL);
		CHECK_EQ(page.dirty, 0);
	}
	begin(0);
	message = make_memory(false, 0xd0000000, "\xf3\xa4", 2);
	do_memory(&message);
	CHECK_EQ(end.reason, REASON_FAILED);
	CHECK(strstr(end.detail, "f3 a4") != NULL);
	begin(0);
	message = make_memory(false, 0xd0000000, "\x8b\x00", 2);
	message.header.access_type = HV_X64_ACCESS_EXECUTE;
	do_memory(&message);
	CHECK_EQ(end.reason, REASON_FAILED);
	/* An instruction that does the other thing than the intercept says. */
	begin(0);
	message = make_memory(true, 0xd0000000, "\x8b\x00", 2);
	do_memory(&message);
	CHECK_EQ(end.reason, REASON_FAILED);
}

static void test_other_messages(void)
{
	static const struct {
		uint32_t type;
		enum reason reason;
	} rows[] = {
		{ HVMSG_UNRECOVERABLE_EXCEPTION, REASON_TRIPLE_FAULT },
		{ HVMSG_INVALID_VP_REGISTER_VALUE, REASON_FAILED },
		{ HVMSG_UNSUPPORTED_FEATURE, REASON_FAILED },
		{ HVMSG_X64_APIC_EOI, REASON_NONE },
		{ HVMSG_X64_HALT, REASON_NONE },
		{ HVMSG_NONE, REASON_NONE },
		{ HVMSG_X64_MSR_INTERCEPT, REASON_FAILED },
		{ 0x12345678, REASON_FAILED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hv_x64_intercept_header header = make_header(0, 2);

		CHECK_NOTE("message 0x%x", rows[i].type);
		begin(0);
		handle(rows[i].type, &header, sizeof(header));
		CHECK_EQ(end.reason, rows[i].reason);
		CHECK_EQ(end.detail[0] != '\0', rows[i].reason != REASON_NONE);
		CHECK_EQ(fake.sets + page.dirty, 0);
	}
	begin(0);
	handle(HVMSG_UNRECOVERABLE_EXCEPTION, &rows, sizeof(struct hv_x64_intercept_header));
	CHECK(strstr(end.detail, "cr2 0x4c001, cr3 0x4c002)") != NULL);
}

/* A hypervisor that refuses, or tells what cannot be, ends the guest. */
static void test_refusals(void)
{
	struct hv_x64_io_port_message io = make_io(true, 0x1234, 1, 0);
	struct hv_x64_memory_message message = make_memory(false, 0xd0000000, "\x8b\x00", 2);

	begin(1);
	fake.refuse = true;
	do_io(&io);
	CHECK_EQ(end.reason, REASON_FAILED);
	begin(1);
	fake.refuse = true;
	do_memory(&message);
	CHECK_EQ(end.reason, REASON_FAILED);
	for (unsigned size = 0; size < 8; size++) {
		begin(0);
		io.access_info = (uint8_t)size;
		do_io(&io);
		CHECK_EQ(end.reason,
			 size == 1 || size == 2 || size == 4 ? REASON_NONE : REASON_FAILED);
	}
	begin(0);
	io = make_io(true, 0x1234, 1, 0);
	io.header.length_and_cr8 = 0xf0;
	do_io(&io);
	CHECK_EQ(end.reason, REASON_FAILED);
}

/* Any message at all: no crash, and no memory but the guest's. */
static void test_random(void)
{
	static const uint32_t types[] = { HVMSG_X64_IO_PORT_INTERCEPT, HVMSG_UNMAPPED_GPA,
					  HVMSG_GPA_INTERCEPT, HVMSG_UNRECOVERABLE_EXCEPTION };

	check_seed(0x4d5347);
	begin(1);
	for (unsigned i = 0; i < 20000; i++) {
		struct hv_message message = { .header.message_type = types[check_below(4)] };

		for (size_t n = 0; n < sizeof(message.payload) / 8; n++)
			message.payload[n] = check_below(3) ? check_rand() :
							      VIRTUAL + check_below(4 * GUEST_PAGE);
		if (check_below(2)) /* a likely access */
			message.bytes[42] = (uint8_t)check_below(0x20);
		end = (struct end){ .reason = REASON_NONE };
		vcpu.page = check_below(2) ? &page : NULL;
		page.isvalid = (uint8_t)check_below(2);
		vcpu_handle(&vcpu, &message, &end);
		CHECK(end.reason < REASON_COUNT);
		CHECK(memchr(end.detail, 0, sizeof(end.detail)) != NULL);
	}
}

static void on_raise(void *context)
{
	(void)context;
	board_raise(&board, BOARD_UART_PIN);
}

int main(void)
{
	struct error error;

	board.ports.console = console_new(on_raise, NULL, &error);
	REQUIRE(board.ports.console);
	CHECK_RUN(test_in);
	CHECK_RUN(test_out);
	CHECK_RUN(test_ends);
	CHECK_RUN(test_outs);
	CHECK_RUN(test_ins);
	CHECK_RUN(test_string_fault);
	CHECK_RUN(test_interrupt);
	CHECK_RUN(test_nowhere);
	CHECK_RUN(test_other_messages);
	CHECK_RUN(test_refusals);
	CHECK_RUN(test_random);
	console_free(board.ports.console);
	return check_done();
}
