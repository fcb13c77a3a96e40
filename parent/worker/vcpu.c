/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of a virtual processor: see vcpu.h. */
#include "vcpu.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"

#define RFLAGS_DF (1ull << 10)
#define VECTOR_PF 14u
#define PF_WRITE 2u
#define PF_USER 4u

/* Repetitions of a string instruction before the guest may take an interrupt. */
#define STRING_MAX 256u

/* Lines about accesses to nowhere before they are no news any more. */
#define NOWHERE_LINES 10

/* What an instruction changes, collected and then set at once. */
struct changes {
	struct hv_register_assoc list[6];
	unsigned count;
};

static void change(struct changes *changes, uint32_t name, uint64_t value)
{
	changes->list[changes->count++] =
		(struct hv_register_assoc){ .name = name, .value.reg64 = value };
}

__attribute__((format(printf, 4, 5))) static void fail(const struct vcpu *vcpu,
						       const struct hv_x64_intercept_header *header,
						       struct end *end, const char *format, ...)
{
	va_list arguments;
	int used;

	end->reason = REASON_FAILED;
	used = snprintf(end->detail, sizeof(end->detail), "VP %u at 0x%" PRIx64 ": ", vcpu->index,
			(uint64_t)header->rip);
	va_start(arguments, format);
	vsnprintf(end->detail + used, sizeof(end->detail) - (size_t)used, format, arguments);
	va_end(arguments);
}

static struct hv_vp_register_page *page_of(const struct vcpu *vcpu)
{
	return vcpu->page && vcpu->page->isvalid ? vcpu->page : NULL;
}

/* One register by the page; false when the page has not got it. */
static bool set_in_page(struct hv_vp_register_page *page, uint32_t name, uint64_t value)
{
	if (name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_R15) {
		page->gp_registers[name - HV_X64_REGISTER_RAX] = value;
		page->dirty |= 1u << HV_X64_REGISTER_CLASS_GENERAL;
		return true;
	}
	if (name == HV_X64_REGISTER_RIP) {
		page->rip = value;
		page->dirty |= 1u << HV_X64_REGISTER_CLASS_IP;
		return true;
	}
	return false;
}

static void apply(struct vcpu *vcpu, const struct hv_x64_intercept_header *header,
		  struct changes *changes, struct end *end)
{
	struct hv_vp_register_page *page = page_of(vcpu);
	unsigned left = 0;

	for (unsigned i = 0; i < changes->count; i++)
		if (!page ||
		    !set_in_page(page, changes->list[i].name, changes->list[i].value.reg64))
			changes->list[left++] = changes->list[i];
	if (left && !vcpu->access->set(vcpu->vp, changes->list, left))
		fail(vcpu, header, end, "the hypervisor refuses the registers");
}

static bool get_register(struct vcpu *vcpu, uint32_t name, uint64_t *value)
{
	const struct hv_vp_register_page *page = page_of(vcpu);
	union hv_register_value answer;

	if (page && name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_R15) {
		*value = page->gp_registers[name - HV_X64_REGISTER_RAX];
		return true;
	}
	if (!vcpu->access->get(vcpu->vp, &name, &answer, 1))
		return false;
	*value = answer.reg64;
	return true;
}

static enum code_size code_size(const struct hv_x64_intercept_header *header)
{
	if ((header->execution_state & HV_X64_STATE_EFER_LMA) &&
	    (header->cs.attributes & HV_X64_SEGMENT_LONG))
		return CODE_64;
	return header->cs.attributes & HV_X64_SEGMENT_DEFAULT ? CODE_32 : CODE_16;
}

static uint64_t next_rip(const struct hv_x64_intercept_header *header, unsigned length)
{
	uint64_t rip = header->rip + length;

	return code_size(header) == CODE_64 ? rip : (uint32_t)rip;
}

/* ---- Guest memory by virtual address ---- */

/* What the last translation found, so that a string costs one for each page. */
struct window {
	uint64_t page; /* of the virtual address; 1: none */
	uint8_t *bytes;
};

static void inject_page_fault(struct vcpu *vcpu, const struct hv_x64_intercept_header *header,
			      uint64_t gva, bool write, uint32_t result, struct end *end)
{
	uint64_t code = (result == HV_TRANSLATE_GVA_PAGE_NOT_PRESENT ? 0 : 1) |
			(write ? PF_WRITE : 0) |
			((header->execution_state & HV_X64_STATE_CPL) == 3 ? PF_USER : 0);
	struct hv_register_assoc event = { .name = HV_REGISTER_PENDING_EVENT0 };

	event.value.reg128.low = HV_X64_EVENT_PENDING |
				 (uint64_t)HV_X64_EVENT_TYPE_EXCEPTION << HV_X64_EVENT_TYPE_SHIFT |
				 HV_X64_EVENT_ERROR_CODE_VALID |
				 (uint64_t)VECTOR_PF << HV_X64_EVENT_VECTOR_SHIFT |
				 code << HV_X64_EVENT_ERROR_CODE_SHIFT;
	event.value.reg128.high = gva;
	if (!vcpu->access->set(vcpu->vp, &event, 1))
		fail(vcpu, header, end, "the hypervisor refuses a page fault");
}

/* False when there is no memory: then the guest has its page fault, or its end. */
static bool open_window(struct vcpu *vcpu, const struct hv_x64_intercept_header *header,
			struct window *window, uint64_t gva, bool write, struct end *end)
{
	uint64_t page = gva & ~(GUEST_PAGE - 1ull), gpa = 0;
	uint32_t result;

	if (window->page == page)
		return true;
	if (!vcpu->access->translate(vcpu->vp, page, write, &result, &gpa)) {
		fail(vcpu, header, end, "the hypervisor does not translate 0x%" PRIx64, gva);
		return false;
	}
	window->bytes = result == HV_TRANSLATE_GVA_SUCCESS ?
				ram_at(vcpu->ram, gpa & ~(GUEST_PAGE - 1ull), GUEST_PAGE) :
				NULL;
	if (window->bytes) {
		window->page = page;
		return true;
	}
	if (result >= HV_TRANSLATE_GVA_GPA_UNMAPPED || result == HV_TRANSLATE_GVA_SUCCESS)
		fail(vcpu, header, end, "there is no memory at 0x%" PRIx64, gva);
	else
		inject_page_fault(vcpu, header, gva, write, result, end);
	return false;
}

/* size bytes of value to or from memory, which may cross a page. */
static bool move_value(struct vcpu *vcpu, const struct hv_x64_intercept_header *header,
		       struct window *window, uint64_t gva, bool write, unsigned size,
		       uint32_t *value, struct end *end)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < size; i++) {
		uint8_t *byte;

		if (!open_window(vcpu, header, window, gva + i, write, end))
			return false;
		byte = window->bytes + (gva + i) % GUEST_PAGE;
		if (write)
			__atomic_store_n(byte, (uint8_t)(*value >> (8 * i)), __ATOMIC_RELAXED);
		else
			bytes |= (uint32_t)__atomic_load_n(byte, __ATOMIC_RELAXED) << (8 * i);
	}
	if (!write)
		*value = bytes;
	return true;
}

/* ---- Ports ---- */

static uint64_t merge(uint64_t before, uint64_t value, unsigned size)
{
	switch (size) {
	case 1:
		return (before & ~0xffull) | (value & 0xff);
	case 2:
		return (before & ~0xffffull) | (value & 0xffff);
	case 4:
		return value & 0xffffffff;
	default:
		return value;
	}
}

/* A string instruction as its bytes tell: prefixes and an opcode. */
struct string {
	unsigned length; /* 0: the bytes do not hold it */
	unsigned width; /* bytes of an address */
};

static struct string decode_string(const struct hv_x64_io_port_message *io)
{
	static const char prefixes[] = "\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3";
	enum code_size code = code_size(&io->header);
	bool other = false;
	unsigned i = 0;
	uint8_t byte = 0;

	for (; i < io->instruction_byte_count && i < DECODE_MAX; i++) {
		byte = io->instruction_bytes[i];
		if (byte == 0x67)
			other = true;
		else if (!memchr(prefixes, byte, sizeof(prefixes) - 1) &&
			 !(code == CODE_64 && (byte & 0xf0) == 0x40))
			break;
	}
	return (struct string){
		.length = byte >= 0x6c && byte <= 0x6f ? i + 1 : 0,
		.width = code == CODE_64	    ? (other ? 4 : 8) :
			 (code == CODE_16) != other ? 2 :
						      4,
	};
}

/* One element; false when the instruction cannot go on here. */
static bool string_element(struct vcpu *vcpu, const struct hv_x64_io_port_message *io,
			   struct window *window, uint64_t gva, struct end *end)
{
	bool in = io->header.access_type == HV_X64_ACCESS_READ;
	unsigned size = io->access_info & HV_X64_IO_ACCESS_SIZE;
	struct ports *ports = &vcpu->board->ports;
	uint32_t value = 0;

	if (in) {
		/* The memory first: a port must not be read in vain. */
		if (!open_window(vcpu, &io->header, window, gva, true, end) ||
		    !open_window(vcpu, &io->header, window, gva + size - 1, true, end))
			return false;
		value = ports_read(ports, io->port_number, size);
	}
	if (!move_value(vcpu, &io->header, window, gva, in, size, &value, end))
		return false;
	if (!in)
		ports_write(ports, io->port_number, size, value, end);
	return true;
}

/* INS and OUTS. What is left of a long repetition comes as another message. */
static void handle_string(struct vcpu *vcpu, const struct hv_x64_io_port_message *io,
			  const struct string *string, struct end *end)
{
	bool in = io->header.access_type == HV_X64_ACCESS_READ;
	bool rep = io->access_info & HV_X64_IO_REP;
	unsigned size = io->access_info & HV_X64_IO_ACCESS_SIZE, done = 0;
	unsigned width = string->width;
	uint64_t mask = width == 8 ? ~0ull : (1ull << (8 * width)) - 1;
	uint64_t index = in ? io->rdi : io->rsi, count = rep ? io->rcx & mask : 1;
	uint64_t base = code_size(&io->header) == CODE_64 ? 0 : in ? io->es.base : io->ds.base;
	uint64_t step = io->header.rflags & RFLAGS_DF ? -(uint64_t)size : size;
	struct window window = { .page = 1 };
	struct changes changes = { .count = 0 };

	while (done < count && done < STRING_MAX && end->reason == REASON_NONE) {
		if (!string_element(vcpu, io, &window, base + (index & mask), end))
			break;
		index = merge(index, index + step, width);
		done++;
	}
	if (end->reason == REASON_FAILED)
		return;
	change(&changes, in ? HV_X64_REGISTER_RDI : HV_X64_REGISTER_RSI, index);
	if (rep)
		change(&changes, HV_X64_REGISTER_RCX,
		       merge(io->rcx, (io->rcx & mask) - done, width));
	if (done == count)
		change(&changes, HV_X64_REGISTER_RIP, next_rip(&io->header, string->length));
	apply(vcpu, &io->header, &changes, end);
}

static void handle_port(struct vcpu *vcpu, const void *payload, struct end *end)
{
	const struct hv_x64_io_port_message *io = payload;
	unsigned size = io->access_info & HV_X64_IO_ACCESS_SIZE;
	unsigned length = io->header.length_and_cr8 & 0x0f;
	struct string string = { .length = length };
	struct changes changes = { .count = 0 };
	uint32_t value;

	if (io->access_info & HV_X64_IO_STRING) {
		string = decode_string(io);
		length = string.length;
	}
	if (!length || (size != 1 && size != 2 && size != 4)) {
		fail(vcpu, &io->header, end, "a port access of %u bytes, an instruction of %u",
		     size, length);
		return;
	}
	if (io->access_info & HV_X64_IO_STRING) {
		handle_string(vcpu, io, &string, end);
		return;
	}
	if (io->header.access_type == HV_X64_ACCESS_WRITE) {
		ports_write(&vcpu->board->ports, io->port_number, size, (uint32_t)io->rax, end);
	} else {
		value = ports_read(&vcpu->board->ports, io->port_number, size);
		change(&changes, HV_X64_REGISTER_RAX, merge(io->rax, value, size));
	}
	change(&changes, HV_X64_REGISTER_RIP, next_rip(&io->header, length));
	apply(vcpu, &io->header, &changes, end);
}

/* ---- Memory ---- */

static const char *access_name(const struct hv_x64_memory_message *memory)
{
	switch (memory->header.access_type) {
	case HV_X64_ACCESS_READ:
		return "reads";
	case HV_X64_ACCESS_WRITE:
		return "writes";
	default:
		return "executes";
	}
}

static void tell_nowhere(const struct vcpu *vcpu, const struct hv_x64_memory_message *memory)
{
	static atomic_uint lines;

	if (atomic_load(&lines) < NOWHERE_LINES && atomic_fetch_add(&lines, 1) < NOWHERE_LINES)
		notice("VP %u at 0x%" PRIx64 " %s 0x%" PRIx64 ", where no device is", vcpu->index,
		       (uint64_t)memory->header.rip, access_name(memory), (uint64_t)memory->gpa);
}

/* The instruction as the message has it, or else as memory has it. */
static bool fetch(struct vcpu *vcpu, const struct hv_x64_memory_message *memory, uint8_t *bytes,
		  unsigned *count, struct end *end)
{
	const struct hv_x64_intercept_header *header = &memory->header;
	uint64_t base = code_size(header) == CODE_64 ? 0 : header->cs.base;
	struct window window = { .page = 1 };
	uint32_t byte;

	*count = memory->instruction_byte_count;
	if (*count > sizeof(memory->instruction_bytes))
		*count = sizeof(memory->instruction_bytes);
	memcpy(bytes, memory->instruction_bytes, *count);
	if (*count)
		return true;
	for (; *count < DECODE_MAX; (*count)++) {
		/* The next page need not be there when the instruction ends before it. */
		if ((base + header->rip + *count) % GUEST_PAGE == 0 && *count)
			break;
		if (!move_value(vcpu, header, &window, base + header->rip + *count, false, 1, &byte,
				end))
			return false;
		bytes[*count] = (uint8_t)byte;
	}
	return true;
}

static void do_move(struct vcpu *vcpu, const struct hv_x64_memory_message *memory,
		    const struct move *move, struct end *end)
{
	uint32_t name = HV_X64_REGISTER_RAX + move->reg;
	struct changes changes = { .count = 0 };
	uint64_t value = 0;
	bool found;

	if (!move->immediate && !get_register(vcpu, name, &value)) {
		fail(vcpu, &memory->header, end, "the hypervisor does not tell a register");
		return;
	}
	if (move->write) {
		found = board_write(vcpu->board, memory->gpa, decode_store(move, value));
	} else {
		uint64_t loaded = ~0ull;

		found = board_read(vcpu->board, memory->gpa, &loaded);
		change(&changes, name, decode_load(move, value, loaded));
	}
	if (!found)
		tell_nowhere(vcpu, memory);
	change(&changes, HV_X64_REGISTER_RIP, next_rip(&memory->header, move->length));
	apply(vcpu, &memory->header, &changes, end);
}

/*
 * In the hole for devices, what is not there reads as ones and drops writes, as on
 * a PC. Anywhere else the guest has lost its way.
 */
static void handle_memory(struct vcpu *vcpu, const void *payload, struct end *end)
{
	const struct hv_x64_memory_message *memory = payload;
	uint8_t bytes[sizeof(memory->instruction_bytes)];
	struct move move;
	unsigned count;

	if (memory->gpa < RAM_LOW_MAX || memory->gpa >= RAM_HIGH_BASE ||
	    memory->header.access_type > HV_X64_ACCESS_WRITE) {
		fail(vcpu, &memory->header, end, "%s memory that is not there (0x%" PRIx64 ")",
		     access_name(memory), (uint64_t)memory->gpa);
		return;
	}
	if (!fetch(vcpu, memory, bytes, &count, end))
		return;
	if (decode_move(bytes, count, code_size(&memory->header), &move) &&
	    move.write == (memory->header.access_type == HV_X64_ACCESS_WRITE)) {
		do_move(vcpu, memory, &move, end);
		return;
	}
	fail(vcpu, &memory->header, end,
	     "%s a device at 0x%" PRIx64 " with instruction %02x %02x %02x %02x",
	     access_name(memory), (uint64_t)memory->gpa, bytes[0], bytes[1], bytes[2], bytes[3]);
}

/* ---- The rest ---- */

/* Where the stack was and what could not be reached says most about why. */
static void handle_unrecoverable(struct vcpu *vcpu, const void *payload, struct end *end)
{
	static const uint32_t names[] = { HV_X64_REGISTER_RSP, HV_X64_REGISTER_CR2,
					  HV_X64_REGISTER_CR3 };
	union hv_register_value values[3];

	if (vcpu->access->get(vcpu->vp, names, values, 3))
		fail(vcpu, payload, end,
		     "triple fault (rsp 0x%" PRIx64 ", cr2 0x%" PRIx64 ", cr3 0x%" PRIx64 ")",
		     (uint64_t)values[0].reg64, (uint64_t)values[1].reg64,
		     (uint64_t)values[2].reg64);
	else
		fail(vcpu, payload, end, "triple fault");
	end->reason = REASON_TRIPLE_FAULT;
}

static void handle_bad_register(struct vcpu *vcpu, const void *payload, struct end *end)
{
	fail(vcpu, payload, end, "its registers hold what no processor can");
}

static void handle_unsupported(struct vcpu *vcpu, const void *payload, struct end *end)
{
	fail(vcpu, payload, end, "uses what the hypervisor has not");
}

static void handle_nothing(struct vcpu *vcpu, const void *payload, struct end *end)
{
	(void)vcpu;
	(void)payload;
	(void)end;
}

static const struct {
	uint32_t type;
	void (*handle)(struct vcpu *vcpu, const void *payload, struct end *end);
} handlers[] = {
	{ HVMSG_X64_IO_PORT_INTERCEPT, handle_port },
	{ HVMSG_UNMAPPED_GPA, handle_memory },
	{ HVMSG_GPA_INTERCEPT, handle_memory },
	{ HVMSG_UNRECOVERABLE_EXCEPTION, handle_unrecoverable },
	{ HVMSG_INVALID_VP_REGISTER_VALUE, handle_bad_register },
	{ HVMSG_UNSUPPORTED_FEATURE, handle_unsupported },
	{ HVMSG_X64_APIC_EOI, handle_nothing },
	{ HVMSG_X64_HALT, handle_nothing },
	{ HVMSG_NONE, handle_nothing },
};

void vcpu_handle(struct vcpu *vcpu, const struct hv_message *message, struct end *end)
{
	const void *payload = message->payload;

	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == message->header.message_type) {
			handlers[i].handle(vcpu, payload, end);
			return;
		}
	}
	fail(vcpu, payload, end, "a message of type 0x%x, which is not known",
	     message->header.message_type);
}
