/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/utils: integration components, with a guest that does what Linux's hv_utils does,
 * one that is late or silent, and ones that send anything.
 */
#include <time.h>

#include "text.h"
#include "utils-guest.h"

/* ---- All components ---- */

static uint64_t reference = 1000;

static bool reference_time(void *context, uint64_t *time)
{
	(void)context;
	reference += 10;
	*time = reference;
	return true;
}

static const struct utils_timesync_calls timesync_calls = { reference_time };

static const struct component {
	const char *name;
	uint16_t type;
	struct vmbus_ic_version versions[6];
	unsigned int count;
} components[] = {
	{ "shutdown", VMBUS_IC_SHUTDOWN, { { 1, 0 }, { 3, 0 }, { 3, 1 }, { 3, 2 } }, 4 },
	{ "timesync", VMBUS_IC_TIMESYNC, { { 1, 0 }, { 3, 0 }, { 4, 0 } }, 3 },
	{ "heartbeat", VMBUS_IC_HEARTBEAT, { { 1, 0 }, { 3, 0 } }, 2 },
	{ "kvp", VMBUS_IC_KVP, { { 1, 0 }, { 3, 0 }, { 4, 0 } }, 3 },
};
#define COMPONENTS (sizeof(components) / sizeof(components[0]))

static struct device *create(const struct component *component)
{
	struct device *device;

	if (component->type == VMBUS_IC_SHUTDOWN)
		device = utils_shutdown_new(NULL, NULL);
	else if (component->type == VMBUS_IC_TIMESYNC)
		device = utils_timesync_new(&timesync_calls, NULL, 1);
	else if (component->type == VMBUS_IC_HEARTBEAT)
		device = utils_heartbeat_new(NULL, NULL);
	else
		device = utils_kvp_new(NULL, NULL);
	REQUIRE(device);
	return device;
}

static void check_offer(const struct message *message, const struct component *component)
{
	static const struct vmbus_ic_version frames[] = { { 1, 0 }, { 3, 0 } };
	struct vmbus_ic_negotiate head;
	struct vmbus_ic_version got[8];

	memcpy(&head, message->data, sizeof(head));
	memcpy(got, message->data + sizeof(head), sizeof(got));
	CHECK_EQ(head.frame_count, 2);
	CHECK_EQ(head.message_count, component->count);
	CHECK_EQ(message->ic.size, sizeof(head) + (2 + component->count) * sizeof(got[0]));
	for (unsigned int i = 0; i < 2 + component->count; i++) {
		const struct vmbus_ic_version *want = i < 2 ? &frames[i] :
							      &component->versions[i - 2];

		CHECK_EQ(got[i].major, want->major);
		CHECK_EQ(got[i].minor, want->minor);
	}
}

static void negotiates_each_version(void)
{
	struct message message;

	for (size_t c = 0; c < COMPONENTS; c++) {
		struct device *device = create(&components[c]);

		for (unsigned int i = 0; i < 2 * components[c].count; i++) {
			struct vmbus_ic_version frame = { i % 2 ? 3 : 1, 0 };
			struct vmbus_ic_version version = components[c].versions[i / 2];
			struct utils_status status;

			CHECK_NOTE("%s %u.%u", components[c].name, version.major, version.minor);
			REQUIRE(fake_open(&fake, base, device, false));
			CHECK_EQ(utils_status(device).state, UTILS_NEGOTIATING);
			if (!take(&message, VMBUS_IC_NEGOTIATE))
				return;
			check_offer(&message, &components[c]);
			agree(&message, frame, version);
			status = utils_status(device);
			CHECK_EQ(status.state, UTILS_READY);
			CHECK_EQ(status.frame[0], frame.major);
			CHECK_EQ(status.message[0], version.major);
			CHECK_EQ(status.message[1], version.minor);
			CHECK(!fake.broken);
			fake_close(&fake);
			CHECK_EQ(utils_status(device).state, UTILS_CLOSED);
		}
		utils_free(device);
	}
}

/* Linux that has no version in common sends counts of 0. */
static void no_version_in_common(void)
{
	struct message message;

	for (size_t c = 0; c < COMPONENTS; c++) {
		struct device *device = create(&components[c]);

		REQUIRE(fake_open(&fake, base, device, false));
		if (!take(&message, VMBUS_IC_NEGOTIATE))
			return;
		memset(message.data, 0, 16);
		message.ic.size = 16;
		give(&message);
		CHECK_EQ(utils_status(device).state, UTILS_FAILED);
		CHECK(!fake.broken);
		/* Nothing comes any more, and nothing is heard. */
		give(&message);
		fake_run(base, 5);
		CHECK(!fake_take(&fake));
		CHECK(!fake.broken);
		close_and_free(device);
	}
}

static void shorten(struct message *message, unsigned int row)
{
	switch (row) {
	case 0: /* half of the negotiation */
		message->ic.size = 8;
		break;
	case 1: /* more than there is */
		message->ic.size = (uint16_t)(message->pipe.size - sizeof(message->ic) + 1);
		break;
	case 2:
		message->pipe.size = sizeof(message->ic) - 1;
		break;
	case 3: /* beyond the packet, as give() makes it */
		message->pipe.type = 7;
		break;
	case 4:
		message->ic.type = VMBUS_IC_SHUTDOWN + 100;
		break;
	case 5: /* two frames */
		message->data[0] = 2;
		break;
	case 6: /* a frame that was not offered */
		message->data[8] = 9;
		break;
	case 7: /* such a version of messages */
		message->data[14] = 77;
		break;
	case 8: /* one count of 0 */
		message->data[2] = 0;
		break;
	default:
		break;
	}
}

static void bad_negotiations(void)
{
	static const struct vmbus_ic_version frame = { 3, 0 };
	struct message message;

	for (unsigned int row = 0; row < 9; row++) {
		struct device *device = create(&components[row % COMPONENTS]);
		struct vmbus_ic_negotiate head = { .frame_count = 1, .message_count = 1 };

		CHECK_NOTE("row %u, %s", row, components[row % COMPONENTS].name);
		REQUIRE(fake_open(&fake, base, device, false));
		if (!take(&message, VMBUS_IC_NEGOTIATE))
			return;
		memcpy(message.data, &head, sizeof(head));
		memcpy(message.data + 8, &frame, sizeof(frame));
		memcpy(message.data + 12, &frame, sizeof(frame));
		message.ic.size = 16;
		shorten(&message, row);
		give(&message);
		CHECK(fake.broken);
		CHECK_EQ(utils_status(device).state, UTILS_FAILED);
		fake_run(base, 3);
		close_and_free(device);
	}
}

static void bad_packets(void)
{
	struct device *device = create(&components[0]);
	uint8_t bytes[64] = { 1, 0, 0, 0, 200, 0, 0, 0 };

	for (unsigned int row = 0; row < 5; row++) {
		CHECK_NOTE("row %u", row);
		open_with(device, 3, 2);
		if (row == 0) /* nothing */
			fake_put(&fake, bytes, 0);
		else if (row == 1) /* half a header */
			fake_put(&fake, bytes, 24);
		else if (row == 2) /* sizes beyond the packet */
			fake_put(&fake, bytes, sizeof(bytes));
		else if (row == 3) /* no message at all */
			fake_put_type(&fake, VMBUS_PACKET_GPA_DIRECT, bytes, sizeof(bytes), true);
		else { /* no answer */
			bytes[4] = 20;
			fake_put(&fake, bytes, sizeof(bytes));
		}
		CHECK(fake.broken);
		CHECK_EQ(utils_status(device).state, UTILS_FAILED);
		CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL),
			 UTILS_NOT_READY);
		CHECK_EQ(fake.answers, row == 3);
		fake_close(&fake);
	}
	utils_free(device);
}

static void completions_are_given_and_ignored(void)
{
	struct device *device = create(&components[0]);
	uint8_t bytes[8] = { 0 };
	struct message message;

	REQUIRE(fake_open(&fake, base, device, false));
	if (!take(&message, VMBUS_IC_NEGOTIATE))
		return;
	fake_put_type(&fake, VMBUS_PACKET_COMPLETION, bytes, sizeof(bytes), false);
	CHECK(!fake.broken);
	message.ic.flags = VMBUS_IC_RESPONSE;
	message.ic.transaction++; /* an answer to nothing */
	fake_put_type(&fake, VMBUS_PACKET_INBAND, &message,
		      sizeof(message.pipe) + message.pipe.size, true);
	CHECK_EQ(fake.answers, 1);
	CHECK(!fake.broken);
	CHECK_EQ(utils_status(device).state, UTILS_NEGOTIATING);
	close_and_free(device);
}

/* The question waits for room, and then comes once. */
static void negotiation_waits_for_room(void)
{
	for (size_t c = 0; c < COMPONENTS; c++) {
		struct device *device = create(&components[c]);
		struct message message;

		REQUIRE(fake_open(&fake, base, device, false));
		fake.room = 0;
		fake_run(base, 3);
		CHECK(!fake_take(&fake));
		fake_room(&fake, 8);
		take(&message, VMBUS_IC_NEGOTIATE);
		fake_run(base, 3);
		CHECK(!fake_take(&fake));
		close_and_free(device);
	}
}

static void resumes(void)
{
	struct message message, old;

	for (size_t c = 0; c < COMPONENTS; c++) {
		const struct component *component = &components[c];
		struct device *device = create(component);

		CHECK_NOTE("%s", component->name);
		open_with(device, component->versions[1].major, component->versions[1].minor);
		if (component->type == VMBUS_IC_SHUTDOWN)
			utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL);
		take(&old, component->type);
		fake_close(&fake);
		utils_free(device);

		device = create(component);
		REQUIRE(fake_open(&fake, base, device, true));
		CHECK_EQ(utils_status(device).state, UTILS_READY);
		CHECK_EQ(utils_status(device).message[0], component->versions[1].major);
		fake_run(base, 1);
		/* What the process before has asked does not matter. */
		give(&old);
		CHECK(!fake.broken);
		if (component->type == VMBUS_IC_SHUTDOWN)
			CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL),
				 UTILS_OK);
		take(&message, component->type);
		CHECK_EQ(message.ic.transaction, old.ic.transaction + 1);
		CHECK_EQ(message.ic.message.major, component->versions[1].major);
		close_and_free(device);
	}
}

/* A process that ended before the guest had answered: it is asked again. */
static void resumes_within_negotiation(void)
{
	struct device *device = create(&components[0]);
	struct message first, second;

	REQUIRE(fake_open(&fake, base, device, false));
	take(&first, VMBUS_IC_NEGOTIATE);
	fake_close(&fake);
	REQUIRE(fake_open(&fake, base, device, true));
	take(&second, VMBUS_IC_NEGOTIATE);
	agree(&first, (struct vmbus_ic_version){ 3, 0 }, (struct vmbus_ic_version){ 3, 2 });
	CHECK_EQ(utils_status(device).state, UTILS_NEGOTIATING);
	agree(&second, (struct vmbus_ic_version){ 3, 0 }, (struct vmbus_ic_version){ 3, 2 });
	CHECK_EQ(utils_status(device).state, UTILS_READY);
	agree(&second, (struct vmbus_ic_version){ 3, 0 }, (struct vmbus_ic_version){ 3, 1 });
	CHECK_EQ(utils_status(device).message[1], 2);
	close_and_free(device);
}

static void memo_that_cannot_be(void)
{
	struct device *device = create(&components[0]);

	open_with(device, 3, 2);
	fake_close(&fake);
	memset(fake.memo + 8, 0xff, 4); /* the version of the messages */
	REQUIRE(fake_open(&fake, base, device, true));
	CHECK_EQ(utils_status(device).state, UTILS_NEGOTIATING);
	close_and_free(device);
}

static void other_kinds(void)
{
	struct device *shutdown = create(&components[0]), *kvp = create(&components[3]);
	struct fake second = { 0 };

	CHECK_EQ(utils_shutdown_request(kvp, UTILS_REBOOT, false, 0, NULL), UTILS_INVALID);
	CHECK_EQ(utils_timesync_set(kvp), UTILS_INVALID);
	CHECK_EQ(utils_kvp_refresh(shutdown), UTILS_INVALID);
	CHECK_EQ(utils_heartbeat_state(shutdown), UTILS_HEARTBEAT_NONE);
	CHECK_EQ(utils_kvp_state(shutdown), UTILS_KVP_NONE);
	/* One channel each, and no sub-channels. */
	REQUIRE(fake_open(&fake, base, shutdown, false));
	CHECK(!fake_open(&second, base, shutdown, false));
	fake_end(&second);
	close_and_free(shutdown);
	utils_free(kvp);
	utils_free(NULL);
}

/* ---- shutdown ---- */

static struct {
	unsigned int count;
	enum utils_power what;
	enum utils_answer answer;
	uint32_t status;
} answers;

static void answered(void *context, enum utils_power what, enum utils_answer answer,
		     uint32_t status)
{
	(void)context;
	answers.count++;
	answers.what = what;
	answers.answer = answer;
	answers.status = status;
}

static const struct utils_shutdown_calls shutdown_calls = { answered };

static struct device *shutdown_device(void)
{
	struct device *device = utils_shutdown_new(&shutdown_calls, NULL);

	REQUIRE(device);
	memset(&answers, 0, sizeof(answers));
	return device;
}

static void asks_and_hears(void)
{
	static const struct {
		enum utils_power what;
		bool force;
		uint32_t flags, status;
		enum utils_answer answer;
	} rows[] = {
		{ UTILS_POWER_OFF, false, 0, VMBUS_IC_OK, UTILS_ACCEPTED },
		{ UTILS_POWER_OFF, true, 1, VMBUS_IC_OK, UTILS_ACCEPTED },
		{ UTILS_REBOOT, false, 2, VMBUS_IC_OK, UTILS_ACCEPTED },
		{ UTILS_REBOOT, true, 3, VMBUS_IC_FAIL, UTILS_REFUSED },
		{ UTILS_POWER_OFF, false, 0, 5, UTILS_REFUSED },
	};
	struct device *device = shutdown_device();
	struct message message;

	open_with(device, 3, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmbus_ic_shutdown data;

		CHECK_EQ(utils_shutdown_request(device, rows[i].what, rows[i].force, 60,
						"h\xc3\xa4"),
			 UTILS_OK);
		CHECK_EQ(utils_shutdown_request(device, rows[i].what, false, 0, NULL), UTILS_BUSY);
		if (!take(&message, VMBUS_IC_SHUTDOWN))
			return;
		memcpy(&data, message.data, sizeof(data));
		CHECK_EQ(message.ic.size, sizeof(data));
		CHECK_EQ(data.flags, rows[i].flags);
		CHECK_EQ(data.timeout, 60);
		CHECK_EQ(data.reason, VMBUS_SHUTDOWN_PLANNED);
		CHECK_MEM(data.text, "h\0\xe4\0\0", 6);
		CHECK_EQ(answers.count, i);
		message.ic.status = rows[i].status;
		give(&message);
		CHECK_EQ(answers.count, i + 1);
		CHECK_EQ(answers.what, rows[i].what);
		CHECK_EQ(answers.answer, rows[i].answer);
		CHECK_EQ(answers.status, rows[i].status);
		/* Once more: it is not heard again. */
		give(&message);
		CHECK_EQ(answers.count, i + 1);
		CHECK(!fake.broken);
	}
	close_and_free(device);
	CHECK_EQ(answers.count, sizeof(rows) / sizeof(rows[0]));
}

static void not_ready_and_not_possible(void)
{
	struct device *device = shutdown_device();

	CHECK_EQ(utils_shutdown_request(device, UTILS_POWER_OFF, false, 0, NULL), UTILS_NOT_READY);
	CHECK_STR(utils_text(UTILS_NOT_READY), "the guest is not ready");
	REQUIRE(fake_open(&fake, base, device, false));
	fake_run(base, 1);
	CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL), UTILS_NOT_READY);
	fake_close(&fake);
	open_with(device, 1, 0);
	CHECK_EQ(utils_shutdown_request(device, UTILS_HIBERNATE, false, 0, NULL),
		 UTILS_UNSUPPORTED);
	fake.room = 0;
	CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL), UTILS_BUSY);
	fake_room(&fake, 1);
	CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL), UTILS_OK);
	CHECK_EQ(answers.count, 0);
	close_and_free(device);
	CHECK_EQ(answers.count, 1);
	CHECK_EQ(answers.answer, UTILS_GONE);
}

static void no_answer(void)
{
	struct device *device = shutdown_device();
	struct message message;

	utils_shutdown_patience(device, 5);
	open_with(device, 3, 0);
	CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL), UTILS_OK);
	take(&message, VMBUS_IC_SHUTDOWN);
	for (unsigned int i = 0; !answers.count && i < SOON; i++)
		fake_run(base, 1);
	CHECK_EQ(answers.count, 1);
	CHECK_EQ(answers.answer, UTILS_NO_ANSWER);
	give(&message); /* too late */
	CHECK_EQ(answers.count, 1);
	CHECK(!fake.broken);
	CHECK_EQ(utils_shutdown_request(device, UTILS_REBOOT, false, 0, NULL), UTILS_OK);
	close_and_free(device);
}

static void long_reasons(void)
{
	struct device *device = shutdown_device();
	struct vmbus_ic_shutdown data;
	struct message message;
	char reason[4000];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	open_with(device, 3, 2);
	CHECK_EQ(utils_shutdown_request(device, UTILS_POWER_OFF, false, 0, reason), UTILS_OK);
	if (take(&message, VMBUS_IC_SHUTDOWN)) {
		memcpy(&data, message.data, sizeof(data));
		CHECK_EQ(data.text[VMBUS_SHUTDOWN_TEXT - 4], 'x');
		CHECK_EQ(data.text[VMBUS_SHUTDOWN_TEXT - 2], 0);
		CHECK_EQ(data.text[VMBUS_SHUTDOWN_TEXT - 1], 0);
	}
	close_and_free(device);
}

/* ---- time ---- */

static uint64_t host_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return VMBUS_TIME_EPOCH + (uint64_t)now.tv_sec * 10000000 + (uint64_t)now.tv_nsec / 100;
}

static void check_time(const struct message *message, uint8_t flags, uint64_t since)
{
	struct vmbus_ic_time_reference data;

	memcpy(&data, message->data, sizeof(data));
	CHECK_EQ(message->ic.size, sizeof(data));
	CHECK_EQ(data.flags, flags);
	CHECK(data.parent >= since && data.parent <= host_time());
	CHECK(data.reference > 1000 && data.reference <= reference);
}

static void sync_then_samples(void)
{
	struct device *device = utils_timesync_new(&timesync_calls, NULL, 2);
	uint64_t since = host_time();
	struct message message;

	open_with(device, 4, 0);
	for (unsigned int i = 0; i < 4 && take(&message, VMBUS_IC_TIMESYNC); i++) {
		check_time(&message, i ? VMBUS_TIME_SAMPLE : VMBUS_TIME_SYNC, since);
		since = host_time();
		give(&message);
	}
	CHECK(fake.flushes);
	/* The partition has stood still. */
	CHECK_EQ(utils_timesync_set(device), UTILS_OK);
	if (take(&message, VMBUS_IC_TIMESYNC))
		check_time(&message, VMBUS_TIME_SYNC, since);
	give(&message);
	if (take(&message, VMBUS_IC_TIMESYNC))
		check_time(&message, VMBUS_TIME_SAMPLE, since);
	close_and_free(device);
}

static void time_of_early_versions(void)
{
	struct device *device = utils_timesync_new(&timesync_calls, NULL, 2);
	uint64_t since = host_time();
	struct vmbus_ic_time data;
	struct message message;

	open_with(device, 3, 0);
	if (take(&message, VMBUS_IC_TIMESYNC)) {
		memcpy(&data, message.data, sizeof(data));
		CHECK_EQ(message.ic.size, sizeof(data));
		CHECK_EQ(data.flags, VMBUS_TIME_SYNC);
		CHECK(data.parent >= since && data.parent <= host_time());
	}
	close_and_free(device);
}

/* A guest that does not answer finds one message, and one more now and then. */
static void silent_guest_gets_few_samples(void)
{
	struct device *device = utils_timesync_new(&timesync_calls, NULL, 50);
	struct message message;

	open_with(device, 4, 0);
	take(&message, VMBUS_IC_TIMESYNC);
	fake_run(base, 200);
	CHECK(!fake_take(&fake));
	take(&message, VMBUS_IC_TIMESYNC); /* after twelve periods */
	close_and_free(device);
}

static void sync_waits_for_room(void)
{
	struct device *device = utils_timesync_new(&timesync_calls, NULL, 60000);
	struct message message;

	CHECK_EQ(utils_timesync_set(device), UTILS_OK); /* nobody is there yet */
	open_with(device, 4, 0);
	take(&message, VMBUS_IC_TIMESYNC);
	give(&message);
	fake.room = 0;
	CHECK_EQ(utils_timesync_set(device), UTILS_BUSY);
	fake_room(&fake, 2);
	if (take(&message, VMBUS_IC_TIMESYNC))
		check_time(&message, VMBUS_TIME_SYNC, 0);
	CHECK(!fake_take(&fake));
	close_and_free(device);
}

static void resumed_guest_gets_a_sample(void)
{
	struct device *device = utils_timesync_new(&timesync_calls, NULL, 2);
	struct message message;

	open_with(device, 4, 0);
	fake_close(&fake);
	utils_free(device);
	device = utils_timesync_new(&timesync_calls, NULL, 2);
	REQUIRE(fake_open(&fake, base, device, true));
	if (take(&message, VMBUS_IC_TIMESYNC))
		check_time(&message, VMBUS_TIME_SAMPLE, 0);
	close_and_free(device);
}

/* ---- heartbeat ---- */

static struct {
	unsigned int count;
	enum utils_heartbeat state;
} beats;

static void heart_changed(void *context, enum utils_heartbeat state)
{
	(void)context;
	beats.count++;
	beats.state = state;
}

static void until(enum utils_heartbeat state)
{
	for (unsigned int i = 0; beats.state != state && i < SOON; i++)
		fake_run(base, 1);
	CHECK_EQ(beats.state, state);
}

static void beats_and_loss(void)
{
	struct utils_heartbeat_options options = { 2, 3, heart_changed };
	struct device *device = utils_heartbeat_new(&options, NULL);
	struct message message;

	memset(&beats, 0, sizeof(beats));
	open_with(device, 3, 0);
	CHECK_EQ(utils_heartbeat_state(device), UTILS_HEARTBEAT_NONE);
	for (uint64_t i = 0; i < 3 && take(&message, VMBUS_IC_HEARTBEAT); i++) {
		CHECK_EQ(message.ic.size, sizeof(struct vmbus_ic_heartbeat));
		message.data[0]++;
		give(&message);
		CHECK_EQ(utils_heartbeat_state(device), UTILS_HEARTBEAT_OK);
		CHECK_EQ(beats.count, 1);
	}
	take(&message, VMBUS_IC_HEARTBEAT);
	until(UTILS_HEARTBEAT_LOST);
	CHECK_EQ(beats.count, 2);
	CHECK(fake.count <= 1);
	/* It is back: with the last beat, or the one that came when it was lost. */
	if (fake.count)
		take(&message, VMBUS_IC_HEARTBEAT);
	give(&message);
	CHECK_EQ(utils_heartbeat_state(device), UTILS_HEARTBEAT_OK);
	close_and_free(device);
	CHECK_EQ(beats.state, UTILS_HEARTBEAT_NONE);
	CHECK_EQ(beats.count, 4);
}

static void beats_without_room_and_answer(void)
{
	struct utils_heartbeat_options options = { 1, 2, heart_changed };
	struct device *device = utils_heartbeat_new(&options, NULL);

	memset(&beats, 0, sizeof(beats));
	open_with(device, 1, 0);
	fake.room = 0;
	until(UTILS_HEARTBEAT_LOST);
	CHECK_EQ(beats.count, 1);
	fake_close(&fake);
	open_with(device, 1, 0);
	CHECK_EQ(beats.state, UTILS_HEARTBEAT_NONE);
	close_and_free(device);
}

static void short_beat_is_broken(void)
{
	struct device *device = utils_heartbeat_new(NULL, NULL);
	struct message message;

	open_with(device, 3, 0);
	take(&message, VMBUS_IC_HEARTBEAT);
	message.ic.size = 7;
	give(&message);
	CHECK(fake.broken);
	CHECK_EQ(utils_status(device).state, UTILS_FAILED);
	close_and_free(device);
}

/* ---- text ---- */

static void text_both_ways(void)
{
	static const struct {
		const char *utf8, *back;
	} rows[] = {
		{ "plain", "plain" },
		{ "\xc2\xa1\xdf\xbf", "\xc2\xa1\xdf\xbf" },
		{ "\xe0\xa0\x80\xef\xbf\xbd", "\xe0\xa0\x80\xef\xbf\xbd" },
		{ "\xf0\x90\x80\x80\xf4\x8f\xbf\xbd", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbd" },
		{ "\xf0\x9f\x98\x80.", "\xf0\x9f\x98\x80." },
		/* what is no UTF-8: alone, cut, too long, half a pair, too large */
		{ "\x80.", "?." },
		{ "\xc3", "?" },
		{ "\xe2\x82", "??" },
		{ "\xc0\x80", "?" },
		{ "\xed\xa0\x80", "?" },
		{ "\xf5\x80\x80\x80", "?" },
		{ "\xff", "?" },
		/* what does not print */
		{ "a\x1b[31mb\x7f", "a [31mb" },
		{ "a\xc2\x9b\xe2\x80\x8f"
		  "b\xef\xbb\xbf",
		  "a  b" },
		{ " \n", "" },
	};
	uint8_t units[64] = { 0 };
	char text[64] = "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		text_to_utf16(rows[i].utf8, units, sizeof(units));
		CHECK_INT(text_from_utf16(units, sizeof(units), text, sizeof(text)),
			  (int)strlen(rows[i].back));
		CHECK_STR(text, rows[i].back);
	}
}

static void text_in_little_room(void)
{
	uint8_t units[8] = { 0 };
	char text[8] = "";

	text_to_utf16("\xf0\x9f\x98\x80\xf0\x9f\x98\x80", units, 8);
	CHECK_MEM(units, "\x3d\xd8\x00\xde\0", 6);
	CHECK_INT(text_from_utf16(units, 4, text, 5), 4);
	CHECK_INT(text_from_utf16(units, 4, text, 4), -1);
	CHECK_INT(text_from_utf16(units, 3, text, 8), -1);
	CHECK_INT(text_from_utf16((const uint8_t *)"\x00\xd8\x00\xe0", 4, text, 8), -1);
	CHECK_INT(text_from_utf16((const uint8_t *)"\x00\xd8\xff\xdb", 4, text, 8), -1);
	CHECK_INT(text_from_utf16(units, 0, text, 1), 0);
	CHECK_INT(text_from_utf16(units, 0, text, 0), -1);
	/* From right to left, from here on. */
	CHECK_INT(text_from_utf16((const uint8_t *)"a\0\x2e\x20"
						   "b\0",
				  6, text, 8),
		  3);
	CHECK_STR(text, "a b");
	text_to_utf16("x", units, 2);
	CHECK_MEM(units, "\0", 2);
}

/* ---- anything ---- */

/* Guests that send noise, or answers with some of it. */
static void floods(void)
{
	check_seed(0x75746c73);
	for (unsigned int round = 0; round < 400; round++) {
		struct device *device = create(&components[check_below(COMPONENTS)]);
		struct message message;

		REQUIRE(fake_open(&fake, base, device, false));
		fake_run(base, 0);
		for (unsigned int i = 0; i < 50; i++) {
			const struct fake_packet *packet = fake_take(&fake);

			if (packet)
				memcpy(&message, packet->bytes, sizeof(message));
			message.ic.flags = VMBUS_IC_RESPONSE | VMBUS_IC_TRANSACTION;
			if (packet && message.ic.type == VMBUS_IC_NEGOTIATE) {
				message.data[0] = message.data[2] = 1;
				memmove(message.data + 12, message.data + 16, 4);
			}
			if (check_below(4) == 0)
				((uint8_t *)&message)[check_below(HEAD + 40)] =
					(uint8_t)check_rand();
			fake_put_type(&fake, check_below(40) ? VMBUS_PACKET_INBAND : 11, &message,
				      check_below(30) ? 3000 : check_below(64),
				      check_below(8) == 0);
			fake_room(&fake, check_below(20) ? 10 : 0);
			CHECK(fake.count <= 10);
			if (check_below(16) == 0)
				fake_run(base, 0);
		}
		close_and_free(device);
	}
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	CHECK_RUN(text_both_ways);
	CHECK_RUN(text_in_little_room);
	CHECK_RUN(negotiates_each_version);
	CHECK_RUN(no_version_in_common);
	CHECK_RUN(bad_negotiations);
	CHECK_RUN(bad_packets);
	CHECK_RUN(completions_are_given_and_ignored);
	CHECK_RUN(negotiation_waits_for_room);
	CHECK_RUN(resumes);
	CHECK_RUN(resumes_within_negotiation);
	CHECK_RUN(memo_that_cannot_be);
	CHECK_RUN(other_kinds);
	CHECK_RUN(asks_and_hears);
	CHECK_RUN(not_ready_and_not_possible);
	CHECK_RUN(no_answer);
	CHECK_RUN(long_reasons);
	CHECK_RUN(sync_then_samples);
	CHECK_RUN(time_of_early_versions);
	CHECK_RUN(silent_guest_gets_few_samples);
	CHECK_RUN(sync_waits_for_room);
	CHECK_RUN(resumed_guest_gets_a_sample);
	CHECK_RUN(beats_and_loss);
	CHECK_RUN(beats_without_room_and_answer);
	CHECK_RUN(short_beat_is_broken);
	CHECK_RUN(floods);
	fake_end(&fake);
	event_base_free(base);
	return check_done();
}
