/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv-worker as hvd sees it, where there is no hypervisor: the program is started
 * with a socket, and asked. Its first argument is the program.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>
#include <unistd.h>

#include "check.h"

#define NAME "org.mullion.Worker."

static const char *program;
static char directory[] = "/tmp/hv-worker-test-XXXXXX";
static char socket_path[64];
static sd_varlink *connection;
static pid_t worker;

static sd_json_variant *answer; /* borrowed, until the next call */
static const char *error_id; /* NULL: none */

static void call(const char *method, const char *parameters)
{
	sd_json_variant *object = NULL;
	char name[64];

	snprintf(name, sizeof(name), NAME "%s", method);
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	REQUIRE(sd_json_parse(parameters, 0, &object, NULL, NULL) >= 0);
	REQUIRE(sd_varlink_call(connection, name, object, &answer, &error_id) >= 0);
	sd_json_variant_unref(object);
}

static const char *text(const char *field)
{
	sd_json_variant *value = sd_json_variant_by_key(answer, field);

	return value && sd_json_variant_is_string(value) ? sd_json_variant_string(value) : NULL;
}

static uint64_t number(const char *field)
{
	return sd_json_variant_unsigned(sd_json_variant_by_key(answer, field));
}

static void begin(void)
{
	worker = fork();
	REQUIRE(worker >= 0);
	if (worker == 0) {
		execl(program, program, "--listen", socket_path, (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 500 && access(socket_path, F_OK) < 0; i++)
		usleep(10000);
	REQUIRE(sd_varlink_connect_address(&connection, socket_path) >= 0);
	REQUIRE(sd_varlink_set_allow_fd_passing_output(connection, true) >= 0);
}

static int end(void)
{
	int status;

	connection = sd_varlink_close_unref(connection);
	REQUIRE(waitpid(worker, &status, 0) == worker);
	unlink(socket_path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int make_file(const char *bytes, size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	return fd;
}

static void test_hello(void)
{
	begin();
	call("Hello", "{}");
	CHECK(!error_id);
	CHECK_EQ(number("abi"), 1);
	CHECK_EQ(number("pid"), worker);
	call("Status", "{}");
	CHECK_STR(text("state"), "idle");
	CHECK_STR(text("reason"), "none");
	CHECK(!text("pty"));
	call("Stop", "{}");
	CHECK(!error_id);
	CHECK_INT(end(), 0);
}

static void test_wrong_state(void)
{
	static const char *const methods[] = { "Start", "Suspend", "Resume", "Reset" };

	begin();
	for (size_t i = 0; i < 4; i++) {
		CHECK_NOTE("%s", methods[i]);
		call(methods[i], "{}");
		CHECK_STR(error_id, NAME "WrongState");
		CHECK_STR(text("state"), "idle");
		call(methods[i], "{\"x\":1}");
		CHECK_STR(error_id, "org.varlink.service.InvalidParameter");
	}
	call("Nonsense", "{}");
	CHECK_STR(error_id, "org.varlink.service.MethodNotFound");
	call("Subscribe", "{}");
	CHECK_STR(error_id, "org.varlink.service.ExpectedMore");
	kill(worker, SIGTERM);
	CHECK_INT(end(), 0);
}

/* mshv_fd 0 is the kernel's place: a null device is no /dev/mshv. */
static void configure(const char *config, const char *kernel, size_t size)
{
	char parameters[512];

	snprintf(parameters, sizeof(parameters), "{\"config\":{%s}}", config);
	REQUIRE(sd_varlink_push_fd(connection, open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0);
	REQUIRE(sd_varlink_push_fd(connection, make_file(kernel, size)) >= 0);
	call("Configure", parameters);
}

static void test_bad_configuration(void)
{
	static const struct {
		const char *config, *error, *message;
	} rows[] = {
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"mshv_fd\":0,\"kernel_fd\":1,"
		  "\"kernel_name\":\"/k\"",
		  NAME "BadConfiguration", "/k: not a kernel" },
		{ "\"name\":\"n\",\"memory\":4194305,\"vcpus\":1,\"mshv_fd\":0,\"kernel_fd\":1",
		  NAME "BadConfiguration", "multiple of 2 MiB" },
		{ "\"name\":\"n\",\"memory\":1125899906842624,\"vcpus\":1,\"mshv_fd\":0,"
		  "\"kernel_fd\":1",
		  NAME "BadConfiguration", "this machine has" },
		{ "\"name\":\"n\",\"memory\":4194304,\"vram\":16777217,\"vcpus\":1,"
		  "\"mshv_fd\":0,\"kernel_fd\":1",
		  NAME "BadConfiguration", "video memory: not 16 to 512 MiB" },
		{ "\"name\":\"n\",\"memory\":4194304,\"vram\":4194304,\"vcpus\":1,\"mshv_fd\":0,"
		  "\"kernel_fd\":1",
		  NAME "BadConfiguration", "video memory" },
		{ "\"name\":\"n\",\"memory\":4194304,\"vram\":-1,\"vcpus\":1,\"kernel_fd\":0",
		  "org.varlink.service.InvalidParameter", NULL },
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":65,\"mshv_fd\":0,\"kernel_fd\":1",
		  NAME "BadConfiguration", "65 virtual processors" },
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"mshv_fd\":0,\"kernel_fd\":2",
		  NAME "BadConfiguration", "kernel_fd: no descriptor 2" },
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"mshv_fd\":0,\"kernel_fd\":0",
		  NAME "BadConfiguration", "no descriptor 0" },
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"mshv_fd\":1,\"kernel_fd\":0",
		  NAME "BadConfiguration", "not a regular file" },
		{ "\"memory\":4194304,\"vcpus\":1,\"kernel_fd\":0",
		  "org.varlink.service.InvalidParameter", NULL },
		{ "\"name\":\"n\",\"memory\":-1,\"vcpus\":1,\"kernel_fd\":0",
		  "org.varlink.service.InvalidParameter", NULL },
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"kernel_fd\":0,\"disk\":1",
		  "org.varlink.service.InvalidParameter", NULL },
		{ "\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"kernel_fd\":0,"
		  "\"uuid\":\"nobody\"",
		  "org.varlink.service.InvalidParameter", NULL },
	};

	begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		configure(rows[i].config, "no kernel", 9);
		CHECK_STR(error_id, rows[i].error);
		if (rows[i].message && CHECK(text("message")))
			if (!CHECK(strstr(text("message"), rows[i].message) != NULL))
				CHECK_STR(text("message"), rows[i].message);
		call("Status", "{}");
		CHECK_STR(text("state"), "idle");
	}
	call("Stop", "{}");
	CHECK_INT(end(), 0);
}

/* A kernel that loads, but a device that makes no partitions. */
static void test_no_hypervisor(void)
{
	static char kernel[4096];
	uint32_t header[8] = { 0x1badb002, 1u << 16, -(0x1badb002u + (1u << 16)),
			       0x100000,   0x100000, 0,
			       0,	   0x100020 };

	memcpy(kernel, header, sizeof(header));
	begin();
	configure("\"name\":\"n\",\"memory\":4194304,\"vcpus\":1,\"mshv_fd\":0,\"kernel_fd\":1",
		  kernel, sizeof(kernel));
	CHECK_STR(error_id, NAME "Unsupported");
	CHECK(text("message") && strstr(text("message"), "partition") != NULL);
	call("Status", "{}");
	CHECK_STR(text("state"), "idle");
	call("Stop", "{}");
	CHECK_INT(end(), 0);
}

int main(int argc, char **argv)
{
	REQUIRE(argc == 2);
	program = argv[1];
	REQUIRE(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	CHECK_RUN(test_hello);
	CHECK_RUN(test_wrong_state);
	CHECK_RUN(test_bad_configuration);
	CHECK_RUN(test_no_hypervisor);
	rmdir(directory);
	return check_done();
}
