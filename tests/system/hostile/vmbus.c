/* SPDX-License-Identifier: GPL-2.0-only */
/* Connection, messages, GPADLs: see vmbus.h. */
#include "vmbus.h"

#define UNITS_PER_MS 10000u /* of the reference counter */
#define VECTOR_VMBUS 0x42u
#define VECTOR_TIMER 0x43u
#define NAP_MS 2ul
/* Memory to take, from here to the end of 64 MiB. */
#define MEMORY 0x1000000ul
#define MEMORY_END 0x4000000ul
#define INBOX 16384u

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

uint64_t bus_seen[32];
struct vmbus_msg_offer bus_offers[OFFERS_MAX];
uint32_t bus_offer_count;

static struct hv_message_page *sim;
static struct hv_event_flags_page *sief;
static struct message *inbox; /* of INBOX: what came while something was posted */
static uint32_t inbox_first, inbox_count;

/* ---- Time ---- */

static uint64_t now(void)
{
	uint64_t value = 0;

	if (!msr_read(HV_X64_MSR_TIME_REF_COUNT, &value))
		die("no reference counter", 0);
	return value;
}

uint64_t now_ms(void)
{
	return now() / UNITS_PER_MS;
}

/* Those that come after this raise an interrupt again. */
static void forget_signals(void)
{
	for (uint32_t i = 0; i < HV_EVENT_FLAGS_COUNT / 64; i++)
		__atomic_store_n(&sief->flags[VMBUS_SINT][i], 0, __ATOMIC_SEQ_CST);
}

void nap(void)
{
	forget_signals();
	msr_write(HV_X64_MSR_STIMER0_COUNT, now() + NAP_MS * UNITS_PER_MS);
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* ---- Telling ---- */

void tell(const char *name, const char *what, uint64_t number)
{
	print("vmbus: ");
	print(name);
	print(": ");
	print(what);
	print(" ");
	print_number(number);
	print("\n");
}

void expect(const char *what, uint64_t is, uint64_t must)
{
	if (is == must)
		return;
	print("vmbus: FAILED: ");
	print(what);
	print(": ");
	print_number(is);
	print(", not ");
	print_number(must);
	print("\n");
	finish(false);
}

/* ---- Memory ---- */

void *memory_take(uint32_t pages)
{
	static uint64_t next = MEMORY;
	uint64_t at = next;

	next += (uint64_t)pages * PAGE;
	expect("memory is left", next <= MEMORY_END, true);
	return (void *)at;
}

void memory_pfns(const void *at, uint32_t pages, uint64_t *pfns)
{
	for (uint32_t i = 0; i < pages; i++)
		pfns[i] = (uintptr_t)at / PAGE + i;
}

/* ---- SynIC ---- */

void bus_message_page(bool on)
{
	msr_write(HV_X64_MSR_SIMP, (uintptr_t)sim | (on ? HV_MSR_PAGE_ENABLE : 0));
	if (on)
		msr_write(HV_X64_MSR_EOM, 0);
}

void bus_begin(void)
{
	void *call_page = memory_take(1);

	sim = memory_take(1);
	sief = memory_take(1);
	inbox = memory_take(INBOX * sizeof(*inbox) / PAGE + 1);
	apic_enable();
	msr_write(HV_X64_MSR_GUEST_OS_ID, HV_GUEST_OS_ID_OPEN_SOURCE);
	msr_write(HV_X64_MSR_HYPERCALL, (uintptr_t)call_page | HV_MSR_PAGE_ENABLE);
	msr_write(HV_X64_MSR_SIEFP, (uintptr_t)sief | HV_MSR_PAGE_ENABLE);
	msr_write(HV_X64_MSR_SINT0 + VMBUS_SINT, VECTOR_VMBUS);
	msr_write(HV_X64_MSR_SCONTROL, HV_SCONTROL_ENABLE);
	bus_message_page(true);
	msr_write(HV_X64_MSR_STIMER0_CONFIG, HV_STIMER_DIRECT_MODE | HV_STIMER_AUTO_ENABLE |
						     VECTOR_TIMER << HV_STIMER_VECTOR_SHIFT);
}

/* ---- Messages ---- */

uint64_t bus_try_post(uint32_t connection, uint32_t type, const void *bytes, uint32_t size)
{
	static struct hv_input_post_message input __attribute__((aligned(256)));

	input.connection_id = connection;
	input.message_type = type;
	input.payload_size = size;
	memcpy(input.payload, bytes, size < sizeof(input.payload) ? size : sizeof(input.payload));
	return hypercall(HVCALL_POST_MESSAGE, (uintptr_t)&input, 0) & 0xffff;
}

/* From SynIC's slot. */
static bool take(struct message *message)
{
	struct hv_message *slot = &sim->slots[VMBUS_SINT];

	if (!__atomic_load_n(&slot->header.message_type, __ATOMIC_ACQUIRE))
		return false;
	expect("type of a message", slot->header.message_type, VMBUS_MESSAGE_TYPE);
	message->size = slot->header.payload_size;
	memcpy(message->bytes, slot->bytes, sizeof(message->bytes));
	__atomic_store_n(&slot->header.message_type, HVMSG_NONE, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&slot->header.message_flags, __ATOMIC_SEQ_CST) & HV_MESSAGE_PENDING)
		msr_write(HV_X64_MSR_EOM, 0);
	if (message->header.type < 32)
		bus_seen[message->header.type]++;
	return true;
}

static bool fill_inbox(void)
{
	if (!take(&inbox[(inbox_first + inbox_count) % INBOX]))
		return false;
	expect("room in the inbox", ++inbox_count < INBOX, true);
	return true;
}

bool bus_take(struct message *message)
{
	if (!inbox_count)
		return take(message);
	*message = inbox[inbox_first];
	inbox_first = (inbox_first + 1) % INBOX;
	inbox_count--;
	return true;
}

void bus_post(const void *bytes, uint32_t size)
{
	uint64_t until = now_ms() + PATIENCE_MS, status;

	for (;;) {
		status = bus_try_post(VMBUS_CONNECTION_NEW, VMBUS_MESSAGE_TYPE, bytes, size);
		if (status == HV_STATUS_SUCCESS)
			return;
		expect("status of a post", status, HV_STATUS_INSUFFICIENT_BUFFERS);
		expect("the host takes messages", now_ms() < until, true);
		if (!fill_inbox())
			nap();
	}
}

void bus_post_type(uint32_t type)
{
	struct vmbus_message_header header = { .type = type };

	bus_post(&header, sizeof(header));
}

void bus_expect(struct message *message, uint32_t type)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	for (;;) {
		if (bus_take(message)) {
			if (message->header.type == type)
				return;
			continue;
		}
		if (now_ms() > until)
			die("FAILED: the host does not answer with a message", type);
		nap();
	}
}

void bus_fence(void)
{
	struct vmbus_msg_gpadl_header fence = {
		.header = { .type = VMBUS_MSG_GPADL_HEADER },
		.gpadl = gpadl_id(),
	};
	struct message message;

	bus_post(&fence, sizeof(fence));
	do {
		bus_expect(&message, VMBUS_MSG_GPADL_CREATED);
	} while (message.created.gpadl != fence.gpadl);
	expect("a GPADL of nothing is refused", message.created.status != VMBUS_STATUS_OK, true);
}

/* ---- The connection ---- */

bool bus_try_contact(uint32_t version)
{
	struct vmbus_msg_contact contact = {
		.header = { .type = VMBUS_MSG_INITIATE_CONTACT },
		.version = version,
		.sint = VMBUS_SINT,
	};
	struct message message;

	bus_post(&contact, sizeof(contact));
	bus_expect(&message, VMBUS_MSG_VERSION_RESPONSE);
	expect("state of the connection", message.version.state, 0);
	return message.version.supported;
}

void bus_request_offers(void)
{
	uint64_t until = now_ms() + PATIENCE_MS;
	struct message message;

	bus_offer_count = 0;
	bus_post_type(VMBUS_MSG_REQUEST_OFFERS);
	while (now_ms() < until) {
		if (!bus_take(&message)) {
			nap();
			continue;
		}
		if (message.header.type == VMBUS_MSG_ALL_OFFERS_DELIVERED)
			return;
		expect("an offer", message.header.type, VMBUS_MSG_OFFER_CHANNEL);
		expect("not too many offers", bus_offer_count < OFFERS_MAX, true);
		bus_offers[bus_offer_count++] = message.offer;
	}
	die("FAILED: the offers do not end", bus_offer_count);
}

void bus_connect(void)
{
	expect("version 5.3 is spoken", bus_try_contact(VMBUS_VERSION(5, 3)), true);
	bus_request_offers();
}

void bus_unload(void)
{
	struct message message;

	bus_post_type(VMBUS_MSG_UNLOAD);
	bus_expect(&message, VMBUS_MSG_UNLOAD_RESPONSE);
}

const struct vmbus_msg_offer *bus_find(struct vmbus_guid class)
{
	for (uint32_t i = 0; i < bus_offer_count; i++) {
		bool same = true;

		for (uint32_t k = 0; k < sizeof(class); k++)
			same &= bus_offers[i].class.bytes[k] == class.bytes[k];
		if (same)
			return &bus_offers[i];
	}
	return NULL;
}

/* ---- GPADLs ---- */

uint32_t gpadl_id(void)
{
	static uint32_t last = 0x10000;

	return ++last;
}

uint32_t gpadl_post_header(uint32_t relid, uint32_t id, const uint64_t *pfns, uint32_t count)
{
	struct {
		struct vmbus_msg_gpadl_header head;
		uint64_t pfns[26];
	} __attribute__((packed)) message = {
		.head = {
			.header = { .type = VMBUS_MSG_GPADL_HEADER },
			.relid = relid,
			.gpadl = id,
			.ranges_size = (uint16_t)(8 + count * 8),
			.range_count = 1,
			.length = count * PAGE,
		},
	};
	uint32_t some = count < 26 ? count : 26;

	memcpy(message.pfns, pfns, some * sizeof(*pfns));
	bus_post(&message, (uint32_t)sizeof(message.head) + some * 8);
	return some;
}

static void post_body(uint32_t id, const uint64_t *pfns, uint32_t count)
{
	struct {
		struct vmbus_msg_gpadl_body head;
		uint64_t pfns[28];
	} __attribute__((packed)) message = {
		.head = { .header = { .type = VMBUS_MSG_GPADL_BODY }, .gpadl = id },
	};

	memcpy(message.pfns, pfns, count * sizeof(*pfns));
	bus_post(&message, (uint32_t)sizeof(message.head) + count * 8);
}

uint32_t gpadl_make(uint32_t relid, uint32_t id, const uint64_t *pfns, uint32_t count)
{
	uint32_t done = gpadl_post_header(relid, id, pfns, count), some;
	struct message message;

	for (; done < count; done += some) {
		some = count - done < 28 ? count - done : 28;
		post_body(id, pfns + done, some);
	}
	do {
		bus_expect(&message, VMBUS_MSG_GPADL_CREATED);
	} while (message.created.gpadl != id);
	return message.created.status;
}

void gpadl_post_teardown(uint32_t relid, uint32_t id)
{
	struct vmbus_msg_gpadl_teardown teardown = {
		.header = { .type = VMBUS_MSG_GPADL_TEARDOWN },
		.relid = relid,
		.gpadl = id,
	};

	bus_post(&teardown, sizeof(teardown));
}

void gpadl_teardown(uint32_t relid, uint32_t id)
{
	struct message message;

	gpadl_post_teardown(relid, id);
	do {
		bus_expect(&message, VMBUS_MSG_GPADL_TORNDOWN);
	} while (message.torndown.gpadl != id);
}
