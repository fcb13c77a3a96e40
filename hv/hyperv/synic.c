/* SPDX-License-Identifier: GPL-2.0-only */
/* The synthetic interrupt controller, see synic.h. Pure. */
#include "hyperv/synic.h"

#include <hyperv/status.h>

#include "core/string.h"

void synic_reset(struct synic *s)
{
	s->scontrol = s->siefp = s->simp = 0;
	for (u32 i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		s->sint[i] = HV_SINT_MASKED;
	s->due = (struct vector_set){ 0 };
	s->queue->count = 0;
	s->queue->used = 0;
}

static bool unmasked(u64 sint)
{
	return !(sint & (HV_SINT_MASKED | HV_SINT_POLLING));
}

static void interrupt(struct synic *s, u32 sint)
{
	if (unmasked(s->sint[sint]))
		vector_add(&s->due, s->sint[sint] & HV_SINT_VECTOR);
}

static bool accepts(const struct synic *s, u64 page_msr)
{
	return s->scontrol & HV_SCONTROL_ENABLE && page_msr & HV_MSR_PAGE_ENABLE;
}

static void *get_page(const struct synic *s, u64 page_msr)
{
	return accepts(s, page_msr) ? s->pages->page(s->pages->ctx, page_msr >> PAGE_SHIFT) : NULL;
}

/* The guest empties a slot by clearing its type and then looks for the flag, hv sets
 * the flag and then looks at the type once more: one of the two sees the other. */
static bool slot_free(struct hv_message *slot)
{
	if (!__atomic_load_n(&slot->header.message_type, __ATOMIC_ACQUIRE))
		return true;
	__atomic_fetch_or(&slot->header.message_flags, HV_MESSAGE_PENDING, __ATOMIC_SEQ_CST);
	return !__atomic_load_n(&slot->header.message_type, __ATOMIC_SEQ_CST);
}

/* The type, which the guest polls, comes last. */
static bool put(struct synic *s, struct hv_message_page *page, u32 sint,
		const struct hv_message *message)
{
	struct hv_message *slot = &page->slots[sint];
	size_t rest = offsetof(struct hv_message, header.payload_size);

	if (!slot_free(slot))
		return false;
	memcpy((u8 *)slot + rest, (const u8 *)message + rest, sizeof(*slot) - rest);
	__atomic_store_n(&slot->header.message_type, message->header.message_type,
			 __ATOMIC_RELEASE);
	interrupt(s, sint);
	return true;
}

/* Delivers what waits, oldest first, as far as slots are free. Returns the SINTs of
 * which something still waits: a later message must not overtake it. */
static u32 deliver(struct synic *s)
{
	struct hv_message_page *page = get_page(s, s->simp);
	struct synic_queue *q = s->queue;
	u32 blocked = 0;
	u8 kept = 0;

	if (!page)
		return UINT32_MAX;
	for (u8 i = 0; i < q->count; i++) {
		u8 index = q->order[i], sint = q->sint[index];

		if (!(blocked & BIT32(sint)) && put(s, page, sint, &q->messages[index])) {
			q->used &= (u16)~BIT32(index);
			continue;
		}
		blocked |= BIT32(sint);
		q->order[kept++] = index;
	}
	q->count = kept;
	return blocked;
}

u16 synic_post(struct synic *s, u32 sint, const struct hv_message *message)
{
	struct synic_queue *q = s->queue;
	u8 index = 0;

	if (sint >= HV_SYNIC_SINT_COUNT || message->header.message_type == HVMSG_NONE ||
	    message->header.payload_size > HV_MESSAGE_PAYLOAD_SIZE)
		return HV_STATUS_INVALID_PARAMETER;
	if (!accepts(s, s->simp))
		return HV_STATUS_INVALID_SYNIC_STATE;
	deliver(s);
	if (q->count == SYNIC_QUEUED_MAX)
		return HV_STATUS_INSUFFICIENT_BUFFERS;
	while (q->used & BIT32(index))
		index++;
	q->used |= (u16)BIT32(index);
	q->order[q->count++] = index;
	q->sint[index] = (u8)sint;
	q->messages[index] = *message;
	q->messages[index].header.message_flags = 0;
	deliver(s);
	return HV_STATUS_SUCCESS;
}

bool synic_try_post(struct synic *s, u32 sint, const struct hv_message *message)
{
	return !(deliver(s) & BIT32(sint)) && put(s, get_page(s, s->simp), sint, message);
}

u16 synic_signal(struct synic *s, u32 sint, u32 flag, bool *newly)
{
	struct hv_event_flags_page *page = get_page(s, s->siefp);

	*newly = false;
	if (sint >= HV_SYNIC_SINT_COUNT || flag >= HV_EVENT_FLAGS_COUNT)
		return HV_STATUS_INVALID_PARAMETER;
	if (!page)
		return HV_STATUS_INVALID_SYNIC_STATE;
	*newly = !(
		__atomic_fetch_or(&page->flags[sint][flag / 64], BIT(flag % 64), __ATOMIC_SEQ_CST) &
		BIT(flag % 64));
	if (*newly)
		interrupt(s, sint);
	return s->sint[sint] & HV_SINT_MASKED ? HV_STATUS_INVALID_SYNIC_STATE : HV_STATUS_SUCCESS;
}

/* What the guest can write, NULL if the MSR is none of these. */
static u64 *stored(struct synic *s, u32 msr)
{
	if (msr >= HV_X64_MSR_SINT0 && msr <= HV_X64_MSR_SINT15)
		return &s->sint[msr - HV_X64_MSR_SINT0];
	switch (msr) {
	case HV_X64_MSR_SCONTROL:
		return &s->scontrol;
	case HV_X64_MSR_SIEFP:
		return &s->siefp;
	case HV_X64_MSR_SIMP:
		return &s->simp;
	default:
		return NULL;
	}
}

bool synic_read(struct synic *s, u32 msr, u64 *value)
{
	const u64 *r = stored(s, msr);

	*value = r ? *r : msr == HV_X64_MSR_SVERSION ? HV_SYNIC_VERSION_1 : 0;
	return r || msr == HV_X64_MSR_SVERSION || msr == HV_X64_MSR_EOM;
}

bool synic_write(struct synic *s, u32 msr, u64 value)
{
	u64 *r = stored(s, msr);

	if (!r && msr != HV_X64_MSR_EOM)
		return false;
	if (msr >= HV_X64_MSR_SINT0 && !(value & HV_SINT_MASKED) &&
	    (value & HV_SINT_VECTOR) < HV_SYNIC_FIRST_VALID_VECTOR)
		return false;
	if (r)
		*r = value;
	deliver(s);
	return true;
}

void synic_auto_eoi(const struct synic *s, struct vector_set *vectors)
{
	*vectors = (struct vector_set){ 0 };
	for (u32 i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
		if (unmasked(s->sint[i]) && s->sint[i] & HV_SINT_AUTO_EOI)
			vector_add(vectors, s->sint[i] & HV_SINT_VECTOR);
	}
}
