/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/utils/kvp.c: keys, values and addresses out of guests whose daemon answers, is not
 * there, or has odd text and too much of it.
 */
#include "text.h"
#include "utils-guest.h"

/* ---- keys and values ---- */

static struct {
	unsigned int count;
	enum utils_kvp state;
} told;

static void kvp_changed(void *context, enum utils_kvp state)
{
	(void)context;
	told.count++;
	told.state = state;
}

static struct device *kvp_device(uint32_t period, uint32_t patience)
{
	struct utils_kvp_options options = { period, patience, kvp_changed };
	struct device *device = utils_kvp_new(&options, NULL);

	REQUIRE(device);
	memset(&told, 0, sizeof(told));
	return device;
}

/* As Linux makes it: plain text to UTF-16 with a 0. */
static uint32_t utf16(uint8_t *to, size_t room, const char *from)
{
	size_t length = strlen(from);

	text_to_utf16(from, to, room);
	return (uint32_t)(2 * (length + 1));
}

struct pair {
	const char *key, *value;
};

/* Answers one question, as Linux and its daemon do. False: it was the last index. */
static bool tell_pair(struct message *message, const struct pair *pairs, uint32_t count,
		      uint8_t *pool)
{
	struct vmbus_kvp_enumerate data;

	memcpy(&data, message->data, sizeof(data));
	CHECK_EQ(message->ic.size, sizeof(data));
	CHECK_EQ(data.operation, VMBUS_KVP_ENUMERATE);
	*pool = data.pool;
	if (data.index >= count) {
		message->ic.status = VMBUS_IC_NO_MORE;
		give(message);
		return false;
	}
	data.type = VMBUS_KVP_STRING;
	data.key_size = utf16(data.key, sizeof(data.key), pairs[data.index].key);
	data.value_size = utf16(data.value, sizeof(data.value), pairs[data.index].value);
	memcpy(message->data, &data, sizeof(data));
	give(message);
	return true;
}

static const struct pair of_system[] = {
	{ "FullyQualifiedDomainName", "getaddrinfo failed\n" },
	{ "IntegrationServicesVersion", "3.1" },
	{ "NetworkAddressIPv4", "192.0.2.7" },
	{ "OSName", "Debian \xc3\x89" },
	{ "OSBuildNumber", "" },
};
static const struct pair of_programs[] = { { "OSName", "another" }, { "role", "db" } };

static void tell_all(void)
{
	struct message message;
	uint8_t pool;

	while (take(&message, VMBUS_IC_KVP) && tell_pair(&message, of_system, 5, &pool))
		CHECK_EQ(pool, VMBUS_KVP_AUTO);
	while (take(&message, VMBUS_IC_KVP) && tell_pair(&message, of_programs, 2, &pool))
		CHECK_EQ(pool, VMBUS_KVP_GUEST);
}

static void reads_a_table(void)
{
	const struct utils_kvp_entry *entries;
	struct device *device = kvp_device(60000, 0);

	open_with(device, 4, 0);
	CHECK_EQ(told.state, UTILS_KVP_WAITING);
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_WAITING);
	tell_all();
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_OK);
	CHECK_EQ(told.count, 2);
	CHECK_EQ(utils_kvp_table(device, &entries), 7);
	CHECK_STR(entries[0].value, "getaddrinfo failed");
	CHECK_STR(entries[3].key, "OSName");
	CHECK_STR(entries[3].value, "Debian \xc3\x89");
	CHECK_STR(entries[4].value, "");
	CHECK_EQ(entries[6].pool, VMBUS_KVP_GUEST);
	CHECK_STR(utils_kvp_value(device, "OSName"), "Debian \xc3\x89");
	CHECK_STR(utils_kvp_value(device, "role"), "db");
	CHECK(!utils_kvp_value(device, "none"));
	CHECK_EQ(utils_kvp_skipped(device), 0);
	CHECK(!fake_take(&fake));
	/* On demand; twice is once. */
	CHECK_EQ(utils_kvp_refresh(device), UTILS_OK);
	CHECK_EQ(utils_kvp_refresh(device), UTILS_OK);
	tell_all();
	CHECK_EQ(told.count, 3);
	CHECK_EQ(utils_kvp_table(device, &entries), 7);
	close_and_free(device);
	CHECK_EQ(told.state, UTILS_KVP_NONE);
}

static void reads_again_and_again(void)
{
	struct device *device = kvp_device(2, 0);

	open_with(device, 3, 0);
	tell_all();
	tell_all();
	tell_all();
	CHECK_EQ(told.count, 4);
	close_and_free(device);
}

/* Without its daemon Linux fails each question. */
static void no_daemon(void)
{
	struct device *device = kvp_device(2, 0);
	const struct utils_kvp_entry *entries;
	struct message message;

	open_with(device, 4, 0);
	take(&message, VMBUS_IC_KVP);
	message.ic.status = VMBUS_IC_FAIL;
	give(&message);
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_NO_DAEMON);
	CHECK_EQ(utils_kvp_table(device, &entries), 0);
	/* It was started. */
	tell_all();
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_OK);
	/* It was stopped: what it said last stays, and is called old. */
	take(&message, VMBUS_IC_KVP);
	message.ic.status = VMBUS_IC_FAIL;
	give(&message);
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_SILENT);
	CHECK_EQ(utils_kvp_table(device, &entries), 7);
	close_and_free(device);
}

static void nobody_answers(void)
{
	struct device *device = kvp_device(60000, 3);
	struct message message;

	/* Not even which version: the driver waits for its daemon. */
	REQUIRE(fake_open(&fake, base, device, false));
	take(&message, VMBUS_IC_NEGOTIATE);
	fake_run(base, 10);
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_WAITING);
	CHECK_EQ(utils_kvp_refresh(device), UTILS_NOT_READY);
	CHECK(!fake_take(&fake));
	agree(&message, (struct vmbus_ic_version){ 3, 0 }, (struct vmbus_ic_version){ 4, 0 });
	tell_all();
	CHECK_EQ(utils_kvp_refresh(device), UTILS_OK);
	take(&message, VMBUS_IC_KVP);
	for (unsigned int i = 0; told.state != UTILS_KVP_SILENT && i < SOON; i++)
		fake_run(base, 1);
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_SILENT);
	message.ic.status = VMBUS_IC_NO_MORE; /* too late */
	give(&message);
	CHECK(!fake_take(&fake));
	CHECK_EQ(utils_kvp_refresh(device), UTILS_OK);
	tell_all();
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_OK);
	close_and_free(device);
}

static void questions_wait_for_room(void)
{
	struct device *device = kvp_device(60000, 60000);

	open_with(device, 4, 0);
	tell_all();
	fake.room = 0;
	CHECK_EQ(utils_kvp_refresh(device), UTILS_OK);
	CHECK(!fake_take(&fake));
	fake_room(&fake, 100);
	tell_all();
	CHECK_EQ(told.count, 3);
	close_and_free(device);
}

/* One entry in a pool of one, as the row spoils it. */
static void odd_entry(struct vmbus_kvp_enumerate *data, unsigned int row)
{
	switch (row) {
	case 0: /* odd sizes */
		data->key_size = 5;
		break;
	case 1:
		data->value_size = 3;
		break;
	case 2: /* too large */
		data->key_size = VMBUS_KVP_KEY + 2;
		break;
	case 3:
		data->value_size = UINT32_MAX - 1;
		break;
	case 4: /* half of a pair, alone, behind another, at the end */
		memcpy(data->value, "\x00\xd8\x41\x00", 4);
		break;
	case 5:
		memcpy(data->value, "\x00\xdc", 2);
		break;
	case 6:
		data->value_size = 2;
		memcpy(data->value, "\x00\xd8", 2);
		break;
	case 7: /* no key */
		data->key_size = 0;
		break;
	case 8:
		memset(data->key, 0, 2);
		break;
	case 9: /* a key of nothing that prints */
		memcpy(data->key, "\x1b\0\x0a\0\0", 6);
		break;
	default: /* a type that nobody has */
		data->type = 3;
		break;
	}
}

static void odd_entries_are_skipped(void)
{
	struct device *device = kvp_device(60000, 0);
	const struct utils_kvp_entry *entries;
	struct vmbus_kvp_enumerate data;
	struct message message;
	char key[8];

	open_with(device, 4, 0);
	for (unsigned int row = 0; row <= 11; row++) {
		if (!take(&message, VMBUS_IC_KVP))
			return;
		memcpy(&data, message.data, sizeof(data));
		CHECK_EQ(data.index, row);
		data.type = VMBUS_KVP_STRING;
		snprintf(key, sizeof(key), "key%u", row);
		data.key_size = utf16(data.key, sizeof(data.key), key);
		data.value_size = utf16(data.value, sizeof(data.value), "value");
		if (row < 11)
			odd_entry(&data, row);
		memcpy(message.data, &data, sizeof(data));
		give(&message);
	}
	for (unsigned int i = 0; i < 2 && take(&message, VMBUS_IC_KVP); i++) {
		message.ic.status = VMBUS_IC_NO_MORE;
		give(&message);
	}
	CHECK_EQ(utils_kvp_table(device, &entries), 1);
	CHECK_EQ(utils_kvp_skipped(device), 11);
	CHECK_STR(utils_kvp_value(device, "key11"), "value");
	CHECK(!fake.broken);
	close_and_free(device);
}

static void numbers_and_full_sizes(void)
{
	struct device *device = kvp_device(60000, 0);
	struct vmbus_kvp_enumerate data;
	uint64_t number = 0xfedcba9876543210;
	struct message message;
	char key[4] = "k?";

	open_with(device, 4, 0);
	for (unsigned int row = 0; row < 4 && take(&message, VMBUS_IC_KVP); row++) {
		memcpy(&data, message.data, sizeof(data));
		key[1] = (char)('0' + row);
		data.key_size = utf16(data.key, sizeof(data.key), key);
		data.type = row == 0 ? VMBUS_KVP_U32 : row == 1 ? VMBUS_KVP_U64 : VMBUS_KVP_STRING;
		memcpy(data.value, &number, sizeof(number));
		data.value_size = 8;
		if (row >= 2) { /* all of it text, without a 0 */
			for (size_t i = 0; i < sizeof(data.value); i += 2)
				memcpy(data.value + i, row == 2 ? "\x12\x34" : "a", 2);
			data.value_size = sizeof(data.value);
		}
		memcpy(message.data, &data, sizeof(data));
		give(&message);
	}
	for (unsigned int i = 0; i < 2 && take(&message, VMBUS_IC_KVP); i++) {
		message.ic.status = VMBUS_IC_NO_MORE;
		give(&message);
	}
	CHECK_STR(utils_kvp_value(device, "k0"), "1985229328");
	CHECK_STR(utils_kvp_value(device, "k1"), "18364758544493064720");
	CHECK_EQ(strlen(utils_kvp_value(device, "k2")), 3 * 1024);
	CHECK_EQ(strlen(utils_kvp_value(device, "k3")), 1024);
	close_and_free(device);
}

/* A guest that has ever more keys: bounded in number and bytes. */
static void endless_pools(void)
{
	const struct utils_kvp_entry *entries;
	struct device *device = kvp_device(60000, 0);
	struct vmbus_kvp_enumerate data;
	unsigned int questions = 0;
	struct message message;
	char key[16];

	open_with(device, 4, 0);
	for (; told.state != UTILS_KVP_OK && questions < 1000; questions++) {
		if (!take(&message, VMBUS_IC_KVP))
			return;
		memcpy(&data, message.data, sizeof(data));
		snprintf(key, sizeof(key), "key%u", questions);
		data.type = VMBUS_KVP_STRING;
		data.key_size = utf16(data.key, sizeof(data.key), key);
		for (size_t i = 0; i < sizeof(data.value); i += 2)
			memcpy(data.value + i, "\x12\x34", 2);
		data.value_size = sizeof(data.value);
		memcpy(message.data, &data, sizeof(data));
		give(&message);
	}
	CHECK_EQ(questions, 2 * UTILS_KVP_KEYS);
	CHECK_EQ(utils_kvp_table(device, &entries), UTILS_KVP_BYTES / (3 * 1024 + 7));
	CHECK_EQ(utils_kvp_skipped(device), questions - utils_kvp_table(device, &entries));
	close_and_free(device);
}

static void twice_is_once(void)
{
	static const struct pair twins[] = { { "a", "1" }, { "a", "2" } };
	struct device *device = kvp_device(60000, 0);
	struct message message;
	uint8_t pool;

	open_with(device, 4, 0);
	while (take(&message, VMBUS_IC_KVP) && tell_pair(&message, twins, 2, &pool))
		;
	while (take(&message, VMBUS_IC_KVP) && tell_pair(&message, twins, 0, &pool))
		;
	CHECK_STR(utils_kvp_value(device, "a"), "1");
	CHECK_EQ(utils_kvp_skipped(device), 1);
	close_and_free(device);
}

static void short_answer_is_broken(void)
{
	struct device *device = kvp_device(60000, 0);
	const struct utils_kvp_entry *entries;
	struct message message;

	open_with(device, 4, 0);
	tell_all();
	utils_kvp_refresh(device);
	take(&message, VMBUS_IC_KVP);
	message.ic.size--;
	give(&message);
	CHECK(fake.broken);
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_NONE);
	CHECK_EQ(utils_kvp_table(device, &entries), 0);
	close_and_free(device);
}

/* ---- addresses ---- */

static struct {
	unsigned int count;
	bool known, dhcp;
	char address[64], dns[64];
} addresses;

static void addresses_came(void *context, const struct utils_kvp_ip *ip)
{
	(void)context;
	addresses.count++;
	addresses.known = ip;
	if (!ip)
		return;
	snprintf(addresses.address, sizeof(addresses.address), "%s", ip->address);
	snprintf(addresses.dns, sizeof(addresses.dns), "%s", ip->dns);
	addresses.dhcp = ip->dhcp;
}

static const uint8_t mac[] = { 0x02, 0xab, 0xcd, 0, 1, 0xef };

static bool take_ip(struct message *message, struct vmbus_kvp_ip *data)
{
	char text[64] = "";

	if (!take(message, VMBUS_IC_KVP))
		return false;
	memcpy(data, message->data, sizeof(*data));
	CHECK_EQ(message->ic.size, sizeof(*data));
	CHECK_EQ(data->operation, VMBUS_KVP_GET_IP);
	text_from_utf16(data->adapter, sizeof(data->adapter), text, sizeof(text));
	CHECK_STR(text, "02:AB:CD:00:01:EF");
	return true;
}

static void reads_addresses(void)
{
	struct device *device = kvp_device(60000, 0);
	struct vmbus_kvp_ip data;
	struct message message;

	memset(&addresses, 0, sizeof(addresses));
	CHECK(device->packet_max >= sizeof(struct vmbus_packet) + HEAD + sizeof(data));
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_NOT_READY);
	open_with(device, 4, 0);
	tell_all();
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_OK);
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_BUSY);
	if (!take_ip(&message, &data))
		return;
	utf16(data.address, sizeof(data.address), "192.0.2.7;2001:db8::1;");
	utf16(data.dns, sizeof(data.dns), "192.0.2.1");
	data.dhcp = 1;
	memcpy(message.data, &data, sizeof(data));
	give(&message);
	CHECK_EQ(addresses.count, 1);
	CHECK(addresses.known && addresses.dhcp);
	CHECK_STR(addresses.address, "192.0.2.7;2001:db8::1;");
	CHECK_STR(addresses.dns, "192.0.2.1");
	/* The guest does not know that interface. */
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_OK);
	take_ip(&message, &data);
	message.ic.status = VMBUS_IC_FAIL;
	give(&message);
	CHECK_EQ(addresses.count, 2);
	CHECK(!addresses.known);
	/* No text. */
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_OK);
	take_ip(&message, &data);
	memcpy(data.gateway, "\x00\xdc", 2);
	memcpy(message.data, &data, sizeof(data));
	give(&message);
	CHECK_EQ(addresses.count, 3);
	CHECK(!addresses.known);
	/* The channel goes first. */
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_OK);
	close_and_free(device);
	CHECK_EQ(addresses.count, 4);
}

static void addresses_within_a_table(void)
{
	struct device *device = kvp_device(60000, 0);
	struct vmbus_kvp_ip data;
	struct message message;
	uint8_t pool;

	memset(&addresses, 0, sizeof(addresses));
	open_with(device, 4, 0);
	take(&message, VMBUS_IC_KVP);
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_OK);
	CHECK(!fake_take(&fake));
	tell_pair(&message, of_system, 5, &pool);
	take_ip(&message, &data);
	give(&message);
	CHECK_EQ(addresses.count, 1);
	CHECK(addresses.known);
	tell_all();
	CHECK_EQ(utils_kvp_state(device), UTILS_KVP_OK);
	fake_close(&fake);
	open_with(device, 3, 0);
	CHECK_EQ(utils_kvp_ip(device, mac, addresses_came, NULL), UTILS_UNSUPPORTED);
	close_and_free(device);
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	CHECK_RUN(reads_a_table);
	CHECK_RUN(reads_again_and_again);
	CHECK_RUN(no_daemon);
	CHECK_RUN(nobody_answers);
	CHECK_RUN(questions_wait_for_room);
	CHECK_RUN(odd_entries_are_skipped);
	CHECK_RUN(numbers_and_full_sizes);
	CHECK_RUN(endless_pools);
	CHECK_RUN(twice_is_once);
	CHECK_RUN(short_answer_is_broken);
	CHECK_RUN(reads_addresses);
	CHECK_RUN(addresses_within_a_table);
	fake_end(&fake);
	event_base_free(base);
	return check_done();
}
