/* SPDX-License-Identifier: GPL-2.0-only */
/* What follows from what; how shares reach hv; the interface's words are ours. */
#include <errno.h>

#include "check.h"
#include "hypervisor.h"
#include "interface.h"
#include "lifecycle.h"

#include <hyperv/hypercall.h>

static void test_allowed(void)
{
	/* shutoff starting running paused stopping crashed */
	static const char *const table[REQUEST_COUNT] = {
		[REQUEST_START] = "y.....",  [REQUEST_DESTROY] = ".yyyyy",
		[REQUEST_RESET] = "..yy.y",  [REQUEST_SUSPEND] = "..y...",
		[REQUEST_RESUME] = "...y..", [REQUEST_CONSOLE] = "..yy.y",
	};

	for (int request = 0; request < REQUEST_COUNT; request++) {
		CHECK(lifecycle_verb((enum request)request)[0]);
		for (int state = 0; state < STATE_COUNT; state++) {
			CHECK_NOTE("request %d in %s", request, state_names[state]);
			CHECK_EQ(lifecycle_allows((enum state)state, (enum request)request),
				 table[request][state] == 'y');
		}
	}
}

static void test_endings(void)
{
	struct domain domain = { .on_poweroff = DOMAIN_RESTART,
				 .on_reboot = DOMAIN_DESTROY,
				 .on_crash = DOMAIN_PRESERVE };

	CHECK_EQ(lifecycle_ended(REASON_POWEROFF, &domain), VERDICT_RESTART);
	CHECK_EQ(lifecycle_ended(REASON_REBOOT, &domain), VERDICT_STOP);
	CHECK_EQ(lifecycle_ended(REASON_PANIC, &domain), VERDICT_KEEP);
	CHECK_EQ(lifecycle_ended(REASON_TRIPLE_FAULT, &domain), VERDICT_KEEP);
	CHECK_EQ(lifecycle_ended(REASON_FAILED, &domain), VERDICT_KEEP);
	CHECK_EQ(lifecycle_ended(REASON_LOST, &domain), VERDICT_STOP);
	CHECK_EQ(lifecycle_ended(REASON_DEBUG_EXIT, &domain), VERDICT_STOP);
	domain.on_crash = DOMAIN_RESTART;
	CHECK_EQ(lifecycle_ended(REASON_LOST, &domain), VERDICT_RESTART);
	CHECK_EQ(lifecycle_ended(REASON_DEBUG_EXIT, &domain), VERDICT_STOP);
	domain.on_crash = DOMAIN_DESTROY;
	CHECK_EQ(lifecycle_ended(REASON_PANIC, &domain), VERDICT_STOP);
	CHECK_EQ(lifecycle_end_event(REASON_POWEROFF), EVENT_STOPPED);
	CHECK_EQ(lifecycle_end_event(REASON_REQUESTED), EVENT_STOPPED);
	CHECK_EQ(lifecycle_end_event(REASON_LOST), EVENT_CRASHED);
	CHECK_EQ(lifecycle_end_event(REASON_PANIC), EVENT_CRASHED);
}

static const sd_varlink_symbol *type(const char *name)
{
	for (size_t i = 0; org_mullion.symbols[i]; i++) {
		if (org_mullion.symbols[i]->symbol_type == SD_VARLINK_ENUM_TYPE &&
		    strcmp(org_mullion.symbols[i]->name, name) == 0)
			return org_mullion.symbols[i];
	}
	return NULL;
}

/* The interface's enumerations are the enums, word by word. */
static void check_words(const char *name, const char *const words[], size_t count)
{
	const sd_varlink_symbol *symbol = type(name);
	size_t i = 0;

	REQUIRE(symbol);
	for (; symbol->fields[i].name; i++) {
		REQUIRE(i < count);
		CHECK_STR(words[i], symbol->fields[i].name);
	}
	CHECK_EQ(i, count);
}

static void test_words(void)
{
	static const char *const actions[] = { "destroy", "restart", "preserve" };

	check_words("State", state_names, STATE_COUNT);
	check_words("Reason", reason_names, REASON_COUNT);
	check_words("EventType", event_names, EVENT_COUNT);
	check_words("Action", actions, 3);
	for (int i = 0; i < 3; i++)
		CHECK_STR(domain_action_name((enum domain_action)i), actions[i]);
	CHECK_INT(name_index(state_names, STATE_COUNT, "paused"), STATE_PAUSED);
	CHECK_INT(name_index(state_names, STATE_COUNT, "pause"), -1);
}

/* A device that takes notes. */
static struct {
	unsigned long calls[80];
	struct mullion_property properties[8];
	struct mullion_affinity affinities[64];
	unsigned int property_count, affinity_count, count;
	unsigned int fail_at;
} device;

static int fake_ioctl(int fd, unsigned long call, void *argument)
{
	CHECK_EQ(fd, 7);
	if (device.count++ == device.fail_at) {
		errno = ENOENT;
		return -1;
	}
	if (call == MULLION_IOC_PROPERTY)
		device.properties[device.property_count++] = *(struct mullion_property *)argument;
	else if (call == MULLION_IOC_AFFINITY)
		device.affinities[device.affinity_count++] = *(struct mullion_affinity *)argument;
	else
		CHECK(false);
	return 0;
}

static uint64_t property(uint32_t code)
{
	uint64_t value = UINT64_MAX;

	for (unsigned int i = 0; i < device.property_count; i++) {
		CHECK_EQ(device.properties[i].id, 3);
		CHECK_EQ(device.properties[i].reserved, 0);
		if (device.properties[i].code == code)
			value = device.properties[i].value; /* the last one counts */
	}
	return value;
}

static void test_shares(void)
{
	struct hypervisor hypervisor = { .fd = 7, .ioctl = fake_ioctl };
	struct domain domain = { .vcpus = 3, .weight = 77, .period = 100000 };

	device.fail_at = 99;
	CHECK_INT(hypervisor_set_schedule(&hypervisor, 3, &domain), 0);
	CHECK_EQ(property(HV_PARTITION_PROPERTY_CPU_WEIGHT), 77);
	CHECK_EQ(property(HV_PARTITION_PROPERTY_CPU_CAP), 0);
	CHECK_EQ(property(HV_PARTITION_PROPERTY_CPU_RESERVE), 0);
	CHECK_EQ(device.affinity_count, 0);
	memset(&device, 0, sizeof(device));
	device.fail_at = 99;
	domain.quota = 50000;
	domain.reserve = 1;
	domain.pins[2].words[0] = 6;
	CHECK_INT(hypervisor_set_schedule(&hypervisor, 3, &domain), 0);
	CHECK_EQ(property(HV_PARTITION_PROPERTY_CPU_CAP), HV_CPU_SHARE_WHOLE / 2);
	CHECK(property(HV_PARTITION_PROPERTY_CPU_RESERVE) > 0);
	REQUIRE(device.affinity_count == 1);
	CHECK_EQ(device.affinities[0].id, 3);
	CHECK_EQ(device.affinities[0].vp, 2);
	CHECK_EQ(device.affinities[0].cpus[0], 6);
	for (device.fail_at = 0; device.fail_at < 5; device.fail_at++) {
		device.count = device.property_count = device.affinity_count = 0;
		CHECK_INT(hypervisor_set_schedule(&hypervisor, 3, &domain), -ENOENT);
	}
	hypervisor.fd = -1;
	CHECK_INT(hypervisor_set_schedule(&hypervisor, 3, &domain), -ENODEV);
}

/* What SetSchedule writes is what it reads. */
static void test_thousandths(void)
{
	struct domain domain = { 0 };

	for (uint32_t cap = 0; cap <= DOMAIN_SHARE_MAX; cap++) {
		domain_set_shares(&domain, cap, cap / 3);
		CHECK_EQ(domain_cap(&domain), cap);
		CHECK_EQ(domain_reserve(&domain), cap / 3);
	}
	domain.period = 1000000;
	domain.quota = 1;
	CHECK_EQ(domain_cap(&domain), 1);
}

static void test_panic_lines(void)
{
	static const struct {
		const char *text, *line;
	} rows[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "one", "one" },
		{ "one\ntwo\n\n", "two" },
		{ "[ 1.0] Kernel panic - not syncing: why\n[ 1.1] CPU: 0\n",
		  "Kernel panic - not syncing: why" },
	};
	char text[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "%s", rows[i].text);
		CHECK_STR(lifecycle_panic_line(text), rows[i].line);
	}
}

int main(void)
{
	CHECK_RUN(test_panic_lines);
	CHECK_RUN(test_allowed);
	CHECK_RUN(test_endings);
	CHECK_RUN(test_words);
	CHECK_RUN(test_shares);
	CHECK_RUN(test_thousandths);
	return check_done();
}
