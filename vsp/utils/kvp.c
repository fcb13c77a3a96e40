/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads keys and values out of a guest: see utils.h. The host asks for one index of a
 * pool after the other until the guest says that there is no more. A new table is put
 * together beside the old one and takes its place when it is complete.
 *
 * Linux's driver passes questions on to its daemon. Without one it leaves the agreement
 * on versions unanswered for a while (55 s), then makes it and fails each question.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ic.h"
#include "text.h"

#define PATIENCE_MS 60000u
#define TEXT_MAX(bytes) ((bytes) / 2 * 3 + 1) /* UTF-8 of so many bytes of UTF-16 */

struct table {
	unsigned int count, skipped;
	size_t used; /* of text */
	struct utils_kvp_entry entries[UTILS_KVP_KEYS];
	char text[UTILS_KVP_BYTES];
};

enum work {
	IDLE = 0,
	READ, /* the answer will be the key of an index */
	ADDRESSES, /* or addresses */
};

struct kvp {
	struct ic ic;
	struct utils_kvp_options options;
	void *context;
	enum utils_kvp state;
	enum work work;
	bool reading; /* a table, from pools[pool] and index on */
	unsigned int pool;
	uint32_t index;
	struct table *table, *next;
	/* Addresses are wanted. */
	void (*ip_done)(void *context, const struct utils_kvp_ip *ip);
	void *ip_context;
	uint8_t mac[6];
};

static const uint8_t pools[] = { VMBUS_KVP_AUTO, VMBUS_KVP_GUEST };
#define POOL_COUNT (sizeof(pools) / sizeof(pools[0]))

const char *utils_kvp_text(enum utils_kvp state)
{
	switch (state) {
	case UTILS_KVP_NONE:
		return "the guest has no driver for it (Linux: hv_utils)";
	case UTILS_KVP_WAITING:
		return "the guest has told nothing yet (Linux: does hv_kvp_daemon run?)";
	case UTILS_KVP_NO_DAEMON:
		return "no hv_kvp_daemon runs in the guest";
	case UTILS_KVP_OK:
		return "as the guest said last";
	case UTILS_KVP_SILENT:
		break;
	}
	return "old: the guest does not answer any more";
}

static void tell(struct kvp *kvp)
{
	if (kvp->options.changed)
		kvp->options.changed(kvp->context, kvp->state);
}

static void set_state(struct kvp *kvp, enum utils_kvp state)
{
	if (kvp->state == state)
		return;
	kvp->state = state;
	tell(kvp);
}

/* ---- The table ---- */

/* A value as text; the length, or -1. */
static int value_text(const struct vmbus_kvp_enumerate *data, char *to, size_t room)
{
	uint64_t number = 0;

	switch (data->type) {
	case VMBUS_KVP_STRING:
		if (data->value_size > sizeof(data->value))
			return -1;
		return text_from_utf16(data->value, data->value_size, to, room);
	case VMBUS_KVP_U32:
		memcpy(&number, data->value, sizeof(uint32_t));
		break;
	case VMBUS_KVP_U64:
		memcpy(&number, data->value, sizeof(uint64_t));
		break;
	default:
		return -1;
	}
	return snprintf(to, room, "%llu", (unsigned long long)number);
}

static bool has_key(const struct table *table, uint8_t pool, const char *key)
{
	for (unsigned int i = 0; i < table->count; i++) {
		if (table->entries[i].pool == pool && !strcmp(table->entries[i].key, key))
			return true;
	}
	return false;
}

static bool add_entry(struct table *table, uint8_t pool, const struct vmbus_kvp_enumerate *data)
{
	char key[TEXT_MAX(VMBUS_KVP_KEY)], value[TEXT_MAX(VMBUS_KVP_VALUE)];
	struct utils_kvp_entry *entry = &table->entries[table->count];
	int key_length, value_length;
	char *to = table->text + table->used;

	if (table->count == UTILS_KVP_KEYS || data->key_size > sizeof(data->key))
		return false;
	key_length = text_from_utf16(data->key, data->key_size, key, sizeof(key));
	value_length = value_text(data, value, sizeof(value));
	if (key_length <= 0 || value_length < 0 || has_key(table, pool, key) ||
	    (size_t)key_length + (size_t)value_length + 2 > sizeof(table->text) - table->used)
		return false;
	entry->pool = pool;
	entry->key = memcpy(to, key, (size_t)key_length + 1);
	entry->value = memcpy(to + key_length + 1, value, (size_t)value_length + 1);
	table->used += (size_t)key_length + (size_t)value_length + 2;
	table->count++;
	return true;
}

static void clear(struct table *table)
{
	table->count = table->skipped = 0;
	table->used = 0;
}

/* ---- Asking ---- */

static void question(struct kvp *kvp, const void *message, size_t size, enum work work)
{
	/* Without room for it patience decides, or room(). */
	kvp->work = ic_send(&kvp->ic, message, size) == CHANNEL_SENT ? work : IDLE;
	ic_after(&kvp->ic, kvp->options.patience_ms);
}

static void ask_addresses(struct kvp *kvp)
{
	struct vmbus_kvp_ip message = {
		.operation = VMBUS_KVP_GET_IP,
		.family = VMBUS_KVP_IPV4 | VMBUS_KVP_IPV6,
	};
	char mac[18];

	snprintf(mac, sizeof(mac), "%02X:%02X:%02X:%02X:%02X:%02X", kvp->mac[0], kvp->mac[1],
		 kvp->mac[2], kvp->mac[3], kvp->mac[4], kvp->mac[5]);
	text_to_utf16(mac, message.adapter, sizeof(message.adapter));
	question(kvp, &message, sizeof(message), ADDRESSES);
}

static void ask_key(struct kvp *kvp)
{
	struct vmbus_kvp_enumerate message = {
		.operation = VMBUS_KVP_ENUMERATE,
		.pool = pools[kvp->pool],
		.index = kvp->index,
	};

	question(kvp, &message, sizeof(message), READ);
}

/* What is to be asked next, with nothing under way. */
static void go_on(struct kvp *kvp)
{
	kvp->work = IDLE;
	if (kvp->ip_done)
		ask_addresses(kvp);
	else if (kvp->reading)
		ask_key(kvp);
	else
		ic_after(&kvp->ic, kvp->options.period_ms);
}

static void begin(struct kvp *kvp)
{
	kvp->reading = true;
	kvp->pool = 0;
	kvp->index = 0;
	clear(kvp->next);
	if (kvp->work == IDLE)
		go_on(kvp);
}

static void addresses_done(struct kvp *kvp, const struct utils_kvp_ip *ip)
{
	void (*done)(void *context, const struct utils_kvp_ip *ip) = kvp->ip_done;

	kvp->ip_done = NULL;
	if (done)
		done(kvp->ip_context, ip);
}

/* ---- Answers ---- */

/* The guest has not told all: what it told before stays. */
static void give_up(struct kvp *kvp, enum utils_kvp without_table)
{
	kvp->reading = false;
	set_state(kvp, kvp->table->count ? UTILS_KVP_SILENT : without_table);
}

static void complete(struct kvp *kvp)
{
	struct table *table = kvp->table;

	kvp->reading = false;
	kvp->table = kvp->next;
	kvp->next = table;
	kvp->state = UTILS_KVP_OK;
	tell(kvp);
}

static void next_pool(struct kvp *kvp)
{
	kvp->index = 0;
	if (++kvp->pool == POOL_COUNT)
		complete(kvp);
}

static bool key_came(struct kvp *kvp, uint32_t status, const uint8_t *bytes, uint32_t size)
{
	struct vmbus_kvp_enumerate data;

	if (status == VMBUS_IC_NO_MORE) {
		next_pool(kvp);
		return true;
	}
	if (status != VMBUS_IC_OK) {
		/* A guest may lack the second pool, but nobody the first. */
		if (kvp->pool)
			next_pool(kvp);
		else
			give_up(kvp, UTILS_KVP_NO_DAEMON);
		return true;
	}
	if (size < sizeof(data))
		return false;
	memcpy(&data, bytes, sizeof(data));
	if (!add_entry(kvp->next, pools[kvp->pool], &data))
		kvp->next->skipped++;
	if (++kvp->index == UTILS_KVP_KEYS)
		next_pool(kvp);
	return true;
}

static bool addresses_came(struct kvp *kvp, uint32_t status, const uint8_t *bytes, uint32_t size)
{
	struct text {
		char address[TEXT_MAX(2 * VMBUS_KVP_ADDRESS)];
		char subnet[TEXT_MAX(2 * VMBUS_KVP_ADDRESS)];
		char gateway[TEXT_MAX(2 * VMBUS_KVP_GATEWAY)];
		char dns[TEXT_MAX(2 * VMBUS_KVP_ADDRESS)];
	};
	struct vmbus_kvp_ip data;
	struct text *text;

	if (status == VMBUS_IC_OK && size < sizeof(data))
		return false;
	text = status == VMBUS_IC_OK ? malloc(sizeof(*text)) : NULL;
	if (!text) {
		addresses_done(kvp, NULL);
		return true;
	}
	memcpy(&data, bytes, sizeof(data));
	if (text_from_utf16(data.address, sizeof(data.address), text->address,
			    sizeof(text->address)) < 0 ||
	    text_from_utf16(data.subnet, sizeof(data.subnet), text->subnet, sizeof(text->subnet)) <
		    0 ||
	    text_from_utf16(data.gateway, sizeof(data.gateway), text->gateway,
			    sizeof(text->gateway)) < 0 ||
	    text_from_utf16(data.dns, sizeof(data.dns), text->dns, sizeof(text->dns)) < 0) {
		addresses_done(kvp, NULL);
	} else {
		struct utils_kvp_ip ip = {
			.address = text->address,
			.subnet = text->subnet,
			.gateway = text->gateway,
			.dns = text->dns,
			.dhcp = data.dhcp,
		};

		addresses_done(kvp, &ip);
	}
	free(text);
	return true;
}

static bool answer_came(struct ic *ic, uint32_t status, const uint8_t *data, uint32_t size)
{
	struct kvp *kvp = (struct kvp *)ic;
	enum work work = kvp->work;
	bool ok = true;

	/* Still set while callbacks come: what they ask for waits for go_on(). */
	if (work == READ)
		ok = key_came(kvp, status, data, size);
	else if (work == ADDRESSES)
		ok = addresses_came(kvp, status, data, size);
	if (ok)
		go_on(kvp);
	return ok;
}

/* ---- The component ---- */

static void opened(struct ic *ic)
{
	set_state((struct kvp *)ic, UTILS_KVP_WAITING);
}

static void ready(struct ic *ic, bool resumed)
{
	(void)resumed;
	begin((struct kvp *)ic);
}

/* The answer took too long, there was no room to ask, or it is time to ask again. */
static void tick(struct ic *ic)
{
	struct kvp *kvp = (struct kvp *)ic;

	if (!kvp->reading && kvp->work == IDLE && !kvp->ip_done) {
		begin(kvp);
		return;
	}
	ic_forget(ic);
	/* As in answer_came(): callbacks only leave wishes for go_on(). */
	kvp->work = READ;
	if (kvp->reading)
		give_up(kvp, UTILS_KVP_WAITING);
	addresses_done(kvp, NULL);
	go_on(kvp);
}

static void room(struct ic *ic)
{
	struct kvp *kvp = (struct kvp *)ic;

	if (kvp->work == IDLE && (kvp->reading || kvp->ip_done))
		go_on(kvp);
}

static void closed(struct ic *ic)
{
	struct kvp *kvp = (struct kvp *)ic;

	kvp->reading = false;
	kvp->work = IDLE;
	clear(kvp->table);
	clear(kvp->next);
	addresses_done(kvp, NULL);
	set_state(kvp, UTILS_KVP_NONE);
}

static void free_tables(struct ic *ic)
{
	free(((struct kvp *)ic)->table);
	free(((struct kvp *)ic)->next);
}

/* Linux knows these; 5.0 has addresses in another form. */
static const struct vmbus_ic_version versions[] = { { 1, 0 }, { 3, 0 }, { 4, 0 } };

static const struct ic_class class = {
	.type = VMBUS_IC_KVP,
	.versions = versions,
	.version_count = sizeof(versions) / sizeof(versions[0]),
	.opened = opened,
	.ready = ready,
	.answer = answer_came,
	.tick = tick,
	.room = room,
	.closed = closed,
	.free = free_tables,
};

struct device *utils_kvp_new(const struct utils_kvp_options *options, void *context)
{
	struct kvp *kvp = ic_new(&class, sizeof(*kvp));

	if (!kvp)
		return NULL;
	kvp->table = calloc(1, sizeof(*kvp->table));
	kvp->next = calloc(1, sizeof(*kvp->next));
	if (!kvp->table || !kvp->next) {
		utils_free(&kvp->ic.device);
		return NULL;
	}
	if (options)
		kvp->options = *options;
	if (!kvp->options.period_ms)
		kvp->options.period_ms = UTILS_KVP_PERIOD_MS;
	if (!kvp->options.patience_ms)
		kvp->options.patience_ms = PATIENCE_MS;
	kvp->context = context;
	kvp->ic.device.packet_max = 8192;
	return &kvp->ic.device;
}

enum utils_kvp utils_kvp_state(const struct device *device)
{
	const struct kvp *kvp = ic_of(device, &class);

	return kvp ? kvp->state : UTILS_KVP_NONE;
}

unsigned int utils_kvp_table(const struct device *device, const struct utils_kvp_entry **entries)
{
	const struct kvp *kvp = ic_of(device, &class);

	*entries = NULL;
	if (!kvp)
		return 0;
	*entries = kvp->table->entries;
	return kvp->table->count;
}

const char *utils_kvp_value(const struct device *device, const char *key)
{
	const struct kvp *kvp = ic_of(device, &class);

	/* In the order of pools[]. */
	for (unsigned int i = 0; kvp && i < kvp->table->count; i++) {
		if (!strcmp(kvp->table->entries[i].key, key))
			return kvp->table->entries[i].value;
	}
	return NULL;
}

unsigned int utils_kvp_skipped(const struct device *device)
{
	const struct kvp *kvp = ic_of(device, &class);

	return kvp ? kvp->table->skipped : 0;
}

enum utils_result utils_kvp_refresh(struct device *device)
{
	struct kvp *kvp = ic_of(device, &class);

	if (!kvp)
		return UTILS_INVALID;
	if (kvp->ic.state != UTILS_READY || !kvp->ic.started)
		return UTILS_NOT_READY;
	if (!kvp->reading)
		begin(kvp);
	return UTILS_OK;
}

enum utils_result utils_kvp_ip(struct device *device, const uint8_t mac[6],
			       void (*done)(void *context, const struct utils_kvp_ip *ip),
			       void *context)
{
	struct kvp *kvp = ic_of(device, &class);

	if (!kvp || !done)
		return UTILS_INVALID;
	if (kvp->ic.state != UTILS_READY || !kvp->ic.started)
		return UTILS_NOT_READY;
	if (kvp->ic.message.major < 4)
		return UTILS_UNSUPPORTED;
	if (kvp->ip_done)
		return UTILS_BUSY;
	kvp->ip_done = done;
	kvp->ip_context = context;
	memcpy(kvp->mac, mac, sizeof(kvp->mac));
	if (kvp->work == IDLE && !kvp->reading)
		go_on(kvp);
	return UTILS_OK;
}
