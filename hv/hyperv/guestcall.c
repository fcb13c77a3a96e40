/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls of children, see guestcall.h. Pure. */
#include "hyperv/guestcall.h"

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "core/string.h"
#include "hyperv/vpset.h"

/* What calls there are. The VPs that one is for stand in its input from word set on: as
 * a mask, or as an HV_VP_SET, whose banks are the variable header. */
static const struct row {
	u16 code;
	u16 size; /* of the fixed input, bytes */
	u8 kind; /* enum guest_call_kind */
	u8 set; /* 0: none */
	bool banks;
	bool list; /* of 8-byte elements */
} rows[] = {
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, 24, GUEST_CALL_FLUSH, 2, false, false },
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST, 24, GUEST_CALL_FLUSH, 2, false, true },
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX, 32, GUEST_CALL_FLUSH, 2, true, false },
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX, 32, GUEST_CALL_FLUSH, 2, true, true },
	{ HVCALL_NOTIFY_LONG_SPIN_WAIT, 8, GUEST_CALL_YIELD, 0, false, false },
	{ HVCALL_SEND_IPI, 16, GUEST_CALL_IPI, 1, false, false },
	{ HVCALL_SEND_IPI_EX, 24, GUEST_CALL_IPI, 1, true, false },
	{ HVCALL_POST_MESSAGE, 256, GUEST_CALL_POST, 0, false, false },
	{ HVCALL_SIGNAL_EVENT, 8, GUEST_CALL_SIGNAL, 0, false, false },
};

/* The input without its list. */
union input {
	u64 words[sizeof(struct hv_input_flush_ex) / 8 + HV_BANKS_MAX];
	struct hv_input_post_message post;
	struct hv_input_signal_event signal;
};

static u16 get_message(const struct hv_input_post_message *in, struct guest_action *a)
{
	if (in->message_type == HVMSG_NONE || in->message_type >= HVMSG_HYPERVISOR ||
	    in->payload_size > HV_MESSAGE_PAYLOAD_SIZE)
		return HV_STATUS_INVALID_PARAMETER;
	a->message.header.message_type = in->message_type;
	a->message.header.payload_size = (u8)in->payload_size;
	memcpy(a->message.bytes, in->payload, in->payload_size);
	return HV_STATUS_SUCCESS;
}

/* Fills in what the kind of the action needs. */
static u16 decode(const struct row *row, const union input *in, u32 banks, u64 present,
		  struct guest_action *a)
{
	const u64 *set = &in->words[row->set];

	if (row->banks && !vpset_decode(set[0], set[1], &set[2], banks, present, &a->vps))
		return HV_STATUS_INVALID_PARAMETER;
	if (row->set && !row->banks)
		a->vps = *set & present;
	switch (row->kind) {
	case GUEST_CALL_FLUSH:
		if (in->words[1] & ~HV_FLUSH_MASK)
			return HV_STATUS_INVALID_PARAMETER;
		if (in->words[1] & HV_FLUSH_ALL_PROCESSORS)
			a->vps = present;
		break;
	case GUEST_CALL_IPI: /* the vector's high half: this VTL, and reserved */
		if (in->words[0] < HV_SYNIC_FIRST_VALID_VECTOR || in->words[0] > 255)
			return HV_STATUS_INVALID_PARAMETER;
		a->vector = (u8)in->words[0];
		break;
	case GUEST_CALL_POST:
	case GUEST_CALL_SIGNAL:
		a->connection = in->signal.connection_id; /* in both the first */
		if (a->connection & ~HV_CONNECTION_ID_MASK)
			return HV_STATUS_INVALID_CONNECTION_ID;
		if (row->kind == GUEST_CALL_POST)
			return get_message(&in->post, a);
		a->flag = in->signal.flag_number;
		break;
	default:
		break;
	}
	return HV_STATUS_SUCCESS;
}

/* Takes the input, once: what is decoded does not change any more. */
static u16 get_input(const struct guest_call *call, const struct row *row, union input *in,
		     u32 banks, u32 count)
{
	u32 start = call->control >> HV_CALL_REP_START_SHIFT & HV_CALL_REP_MAX;
	size_t size = row->size + 8ul * banks;
	size_t all = size + 8ul * count;
	bool fast = call->control & HV_CALL_FAST;

	if (call->control & (HV_CALL_RESERVED | HV_CALL_NESTED) ||
	    (row->list ? start >= count : start | count) ||
	    banks > (row->banks ? HV_BANKS_MAX : 0) || (fast && all > 16))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (fast) {
		in->words[0] = call->input;
		in->words[1] = call->output;
		return HV_STATUS_SUCCESS;
	}
	if (call->input % 8 || call->input % PAGE_SIZE + all > PAGE_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	return call->read(call->ctx, GPA(call->input), in, size) ?
		       HV_STATUS_SUCCESS :
		       HV_STATUS_INVALID_HYPERCALL_INPUT;
}

void guest_call_decode(const struct guest_call *call, struct guest_action *action)
{
	u32 banks = (call->control & HV_CALL_VARIABLE_HEADER) >> HV_CALL_VARIABLE_HEADER_SHIFT;
	u32 count = call->control >> HV_CALL_REP_COUNT_SHIFT & HV_CALL_REP_MAX;
	const struct row *row = rows;
	union input in;
	u16 status;

	*action = (struct guest_action){ .result = HV_STATUS_INVALID_HYPERCALL_CODE };
	while (row->code != (u16)call->control) {
		if (++row == rows + ARRAY_SIZE(rows))
			return;
	}
	status = get_input(call, row, &in, banks, count);
	if (!status)
		status = decode(row, &in, banks, call->present, action);
	if (!status)
		action->kind = row->kind;
	action->result = status ? status : (u64)count << HV_RESULT_REPS_SHIFT;
}
