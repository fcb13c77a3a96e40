/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv-vsp, the program, where there is no partition: what hvd may get wrong. The first
 * argument is the program.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "process.h"

#define INSTANCE "4f8c1c44-93d1-4c2e-9a35-1f2e3d4c5b6a"
#define INVALID "org.varlink.service.InvalidParameter"

static void test_common(void)
{
	static const char *const methods[] = {
		"Provide",
		"{\"devices\":[{\"class\":\"scsi\",\"instance\":\"" INSTANCE "\"}],\"socket_fd\":0}",
		"Withdraw",
		"{\"instance\":\"" INSTANCE "\"}",
		"PowerOff",
		"{}",
		"Reboot",
		"{\"reason\":\"for a test\"}",
		"SendKeys",
		"{\"codes\":[30],\"hold_ms\":10}",
		"SetTime",
		"{}",
		NULL,
	};

	process_check_common(methods);
}

static void test_configure(void)
{
	static const struct {
		const char *parameters, *error, *message;
	} rows[] = {
		{ "{\"name\":\"\",\"vcpus\":1,\"partition_fd\":0}", "BadConfiguration", "name" },
		{ "{\"name\":\"a\\u0007\",\"vcpus\":1,\"partition_fd\":0}", "BadConfiguration",
		  "name" },
		{ "{\"name\":\"n\",\"vcpus\":0,\"partition_fd\":0}", "BadConfiguration", "vcpus" },
		{ "{\"name\":\"n\",\"vcpus\":65,\"partition_fd\":0}", "BadConfiguration", "vcpus" },
		{ "{\"name\":\"n\",\"vcpus\":1,\"partition_fd\":2}", "BadConfiguration",
		  "no descriptor 2" },
		/* Memory it has, but no ports. */
		{ "{\"name\":\"n\",\"vcpus\":1,\"partition_fd\":0}", "BadConfiguration",
		  "not an attached partition" },
		{ "{\"name\":\"n\",\"vcpus\":1,\"partition_fd\":1}", "BadConfiguration",
		  "not an attached partition" },
		{ "{\"name\":\"n\",\"vcpus\":1,\"partition_fd\":-1}", INVALID, NULL },
		{ "{\"name\":\"n\",\"vcpus\":99999999999,\"partition_fd\":0}", INVALID, NULL },
		{ "{\"name\":7,\"vcpus\":1,\"partition_fd\":0}", INVALID, NULL },
		{ "{\"vcpus\":1,\"partition_fd\":0}", INVALID, NULL },
	};

	process_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		process_give_away(process_file(1u << 20));
		process_give_away(open("/dev/null", O_RDWR | O_CLOEXEC));
		process_call("Configure", "%s", rows[i].parameters);
		process_failed(rows[i].error, rows[i].message);
		process_call("SetTime", "{}");
		process_failed("Failed", "no partition");
	}
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

static void test_status(void)
{
	sd_varlink *subscriber;
	sd_json_variant *event;

	process_begin();
	CHECK(process_call("Status", "{}"));
	CHECK_EQ(process_number(process.answer, "pid"), process.pid);
	CHECK_STR(process_text(process.answer, "heartbeat"), "none");
	CHECK(!process_text(process.answer, "version"));
	CHECK_EQ(process_number(process.answer, "channels"), 0);
	process_call("Subscribe", "{}");
	process_failed("org.varlink.service.ExpectedMore", NULL);
	subscriber = process_subscribe();
	event = process_event(subscriber);
	if (CHECK(event)) {
		CHECK_STR(process_text(event, "heartbeat"), "none");
		CHECK_EQ(process_number(event, "sequence"), 0);
		CHECK_EQ(process_number(event, "entries"), 0);
		CHECK(!process_text(event, "warning"));
	}
	CHECK(process_call("Stop", "{}"));
	CHECK(!process_event(subscriber));
	sd_varlink_close_unref(subscriber);
	CHECK_INT(process_end(), 0);
}

int main(int argc, char **argv)
{
	REQUIRE(argc == 2);
	process_setup(argv[1], "org.mullion.Vsp");
	CHECK_RUN(test_common);
	CHECK_RUN(test_configure);
	CHECK_RUN(test_status);
	process_teardown();
	return check_done();
}
