/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl's verbs from the command line to their output and exit status, against
 * a daemon that answers what a table says, right or wrong (daemon.h).
 */
#include "check.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "daemon.h"
#include "error.h"

#define MAX_WORDS 16
#define UUID "11111111-2222-3333-4444-555555555555"

/* A Partition of the interface, and a PartitionInfo's further fields. */
#define FIELDS(name, state, reason)                                                                \
	"\"name\":\"" name "\",\"uuid\":\"" UUID "\",\"state\":\"" state "\",\"reason\":\"" reason \
	"\",\"persistent\":true,\"autostart\":false,\"vcpus\":2,\"memory\":536870912"
#define MORE                                                                          \
	",\"hugepages\":false,\"on_poweroff\":\"destroy\",\"on_reboot\":\"restart\"," \
	"\"on_crash\":\"preserve\",\"kernel\":\"/boot/vmlinuz\","                     \
	"\"schedule\":{\"weight\":100,\"cap\":0,\"reserve\":125},\"pins\":[]"
#define INFO(state, reason) "{\"schema\":1,\"partition\":{" FIELDS("web", state, reason) MORE "}}"
#define EVENT(type, state, reason)                                                                  \
	"+{\"schema\":1,\"event\":{\"sequence\":7,\"time_ns\":1700000000123456789,\"type\":\"" type \
	"\",\"name\":\"web\",\"uuid\":\"" UUID "\",\"state\":\"" state "\",\"reason\":\"" reason    \
	"\"}}"
#define FIRST(state, reason) "+{\"schema\":1,\"partitions\":[{" FIELDS("web", state, reason) "}]}"
#define WEB "{\"partition\":\"web\"}\n"
#define BY_UUID "{\"partition\":\"" UUID "\"}\n"
#define NAMED "{\"schema\":1,\"name\":\"web\",\"uuid\":\"" UUID "\"}\n"

static char *output, *errors;
static const char *requests;

/* Splits at blanks; "_" stands for one. */
static size_t split(char *copy, char **words)
{
	size_t count = 0;
	char *rest;

	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		REQUIRE(count < MAX_WORDS);
		words[count++] = word;
	}
	words[count] = NULL;
	return count;
}

/* Runs a command line with its output kept, and its exit status returned. */
static enum hvctl_status run_at(const char *socket, const char *command)
{
	FILE *out = stdout, *err = stderr;
	struct cli_call call = { .deadline = UINT64_MAX };
	char copy[400], error[400], *words[MAX_WORDS + 1];
	size_t output_size, errors_size;
	enum hvctl_status status;
	struct cli_line line;

	CHECK_NOTE("%s", command);
	snprintf(copy, sizeof(copy), "--connect %s %s", socket, command);
	split(copy, words);
	if (!cli_parse(&line, words, error, sizeof(error)))
		check_fail(__FILE__, __LINE__, "%s", error);
	REQUIRE(line.verb);
	call.line = &line;
	if (line.globals.timeout_ns)
		call.deadline = clock_now() + line.globals.timeout_ns;
	error_setup(line.globals.format == HVCTL_JSON, line.globals.quiet, false);
	free(output);
	free(errors);
	stdout = open_memstream(&output, &output_size);
	stderr = open_memstream(&errors, &errors_size);
	status = line.verb->run(&call);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	cli_free(&line);
	return status;
}

static enum hvctl_status run_fd(const char *command, const struct answer *answers, int fd)
{
	enum hvctl_status status;
	char socket[100];

	snprintf(socket, sizeof(socket), "%s", daemon_socket());
	daemon_start(answers, fd);
	status = run_at(socket, command);
	requests = daemon_stop();
	return status;
}

static enum hvctl_status run(const char *command, const struct answer *answers)
{
	return run_fd(command, answers, -1);
}

/* Status, output and requests of a command that writes no error. */
static void good(const char *command, const struct answer *answers, const char *want,
		 const char *want_requests)
{
	CHECK_EQ(run(command, answers), HVCTL_OK);
	CHECK_STR(output, want);
	CHECK_STR(errors, "");
	CHECK_STR(requests, want_requests);
}

/* Status and error of a command that prints nothing. */
static void bad(const char *command, const struct answer *answers, enum hvctl_status status,
		const char *want)
{
	CHECK_EQ(run(command, answers), status);
	CHECK_STR(output, "");
	CHECK_STR(errors, want);
}

#define ANSWERS(...) ((const struct answer[]){ __VA_ARGS__, { NULL, NULL, NULL } })

static void list(void)
{
	const struct answer *answers = ANSWERS(
		{ "List",
		  "{\"schema\":1,\"partitions\":[{" FIELDS(
			  "db", "shutoff", "none") "},"
						   "{\"id\":3,\"new\":[],\"title\":null," FIELDS(
							   "web", "running", "started") "}]}",
		  NULL });

	good("list", answers,
	     "ID  NAME  STATE    VCPUS    MIB  AUTOSTART\n"
	     " 3  web   running      2  512.0  no\n",
	     "List{}\n");
	good("list --all --no-headers", answers,
	     "-  db   shutoff  2  512.0  no\n"
	     "3  web  running  2  512.0  no\n",
	     "List{}\n");
	good("list --inactive --format name", answers, "db\n", "List{}\n");
	good("list --json", answers,
	     "{\"schema\":1,\"partitions\":[{\"name\":\"web\",\"uuid\":\"" UUID "\",\"id\":3,"
	     "\"state\":\"running\",\"reason\":\"started\",\"persistent\":true,"
	     "\"autostart\":false,\"vcpus\":2,\"memory_bytes\":536870912}]}\n",
	     "List{}\n");
	good("list --json", ANSWERS({ "List", "{\"schema\":1,\"partitions\":[]}", NULL }),
	     "{\"schema\":1,\"partitions\":[]}\n", "List{}\n");
	/* What a name may not hold does no harm. */
	good("list --no-headers",
	     ANSWERS({ "List",
		       "{\"partitions\":[{" FIELDS("\\u001b[2J\\u009b", "running", "started") "}]}",
		       NULL }),
	     "-  \\x1b[2J\\xc2\\x9b  running  2  512.0  no\n", "List{}\n");
}

static void states(void)
{
	good("domstate web", ANSWERS({ "Info", INFO("running", "started"), NULL }), "running\n",
	     "Info" WEB);
	good("domstate web --reason", ANSWERS({ "Info", INFO("running", "started"), NULL }),
	     "running (started)\n", "Info" WEB);
	good("domstate web --reason",
	     ANSWERS({ "Info",
		       "{\"partition\":{\"detail\":\"Attempted to kill init!\",\"code\":9," FIELDS(
			       "web", "crashed", "panic") "}}",
		       NULL }),
	     "crashed (panic: Attempted to kill init!, code 9)\n", "Info" WEB);
	good("domstate web --json", ANSWERS({ "Info", INFO("shutoff", "poweroff"), NULL }),
	     "{\"schema\":1,\"name\":\"web\",\"state\":\"shutoff\",\"reason\":\"poweroff\"}\n",
	     "Info" WEB);
	good("dominfo web",
	     ANSWERS({ "Info",
		       "{\"partition\":{\"id\":3,\"title\":\"\\u00dcber\",\"worker_pid\":77," FIELDS(
			       "web", "running",
			       "started") ",\"hugepages\":true,\"on_poweroff\":\"destroy\",\"on_reboot\":\"restart\","
					  "\"on_crash\":\"preserve\",\"kernel\":\"/k\",\"cmdline\":\"console=ttyS0\","
					  "\"schedule\":{\"weight\":100,\"cap\":500,\"reserve\":125},"
					  "\"pins\":[{\"vcpu\":1,\"cpus\":\"2-3\"}]}}",
		       NULL }),
	     "name        web\n"
	     "title       \xc3\x9c"
	     "ber\n"
	     "uuid        " UUID "\n"
	     "id          3\n"
	     "state       running (started)\n"
	     "persistent  yes\n"
	     "autostart   no\n"
	     "VCPUs       2\n"
	     "pinned      VCPU 1 on CPUs 2-3\n"
	     "memory      512.0 MiB, huge pages\n"
	     "weight      100\n"
	     "cap         50.0 %\n"
	     "reserve     12.5 %\n"
	     "on_poweroff destroy\n"
	     "on_reboot   restart\n"
	     "on_crash    preserve\n"
	     "kernel      /k\n"
	     "cmdline     console=ttyS0\n"
	     "worker      77\n",
	     "Info" WEB);
	good("dominfo web --json", ANSWERS({ "Info", INFO("shutoff", "none"), NULL }),
	     "{\"schema\":1,\"partition\":{\"name\":\"web\",\"uuid\":\"" UUID "\","
	     "\"state\":\"shutoff\",\"reason\":\"none\",\"persistent\":true,\"autostart\":false,"
	     "\"vcpus\":2,\"memory_bytes\":536870912,\"hugepages\":false,"
	     "\"on_poweroff\":\"destroy\",\"on_reboot\":\"restart\",\"on_crash\":\"preserve\","
	     "\"kernel\":\"/boot/vmlinuz\",\"schedule\":{\"weight\":100,\"cap_permille\":0,"
	     "\"reserve_permille\":125},\"pins\":[]}}\n",
	     "Info" WEB);
}

/* The verbs that do one thing to one partition. */
static void life(void)
{
	static const struct {
		const char *verb;
		const char *method;
	} verbs[] = {
		{ "reboot", "Reboot" },	    { "destroy", "Destroy" },	{ "reset", "Reset" },
		{ "resume", "Resume" },	    { "shutdown", "Shutdown" }, { "suspend", "Suspend" },
		{ "undefine", "Undefine" },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct answer *answers = ANSWERS({ "Info", INFO("running", "started"), NULL },
						       { verbs[i].method, "{\"schema\":1}", NULL });
		const struct answer *wrong = ANSWERS(
			{ "Info", INFO("crashed", "panic"), NULL },
			{ verbs[i].method,
			  "WrongState {\"message\":\"it is crashed\",\"state\":\"crashed\"}",
			  NULL });
		char command[80], want[200];

		snprintf(command, sizeof(command), "%s web", verbs[i].verb);
		snprintf(want, sizeof(want), "Info" WEB "%s" BY_UUID, verbs[i].method);
		good(command, answers, "", want);
		bad(command, wrong, HVCTL_WRONG_STATE, "hvctl: it is crashed\n");
		CHECK_STR(requests, want);
		snprintf(command, sizeof(command), "%s web --json", verbs[i].verb);
		good(command, answers, NAMED, want);
		bad(command, wrong, HVCTL_WRONG_STATE,
		    "{\"schema\":1,\"error\":{\"code\":4,\"message\":\"it is crashed\"}}\n");
		snprintf(command, sizeof(command), "%s web --dry-run", verbs[i].verb);
		if (strcmp(verbs[i].verb, "resume") == 0)
			bad(command, answers, HVCTL_WRONG_STATE,
			    "hvctl: partition 'web' is running\n");
		else
			good(command, answers, "", "Info" WEB);
		CHECK_STR(requests, "Info" WEB);
	}
	good("autostart web",
	     ANSWERS({ "Info", INFO("shutoff", "none"), NULL }, { "SetAutostart", "{}", NULL }), "",
	     "Info" WEB "SetAutostart{\"partition\":\"" UUID "\",\"enable\":true}\n");
	good("autostart web --disable --json",
	     ANSWERS({ "Info", INFO("shutoff", "none"), NULL }, { "SetAutostart", "{}", NULL }),
	     NAMED, "Info" WEB "SetAutostart{\"partition\":\"" UUID "\",\"enable\":false}\n");
}

/* A state that is reached already is no error for those who say so, and only that one. */
static void ignored_states(void)
{
	const struct answer *off = ANSWERS(
		{ "Info", INFO("shutoff", "none"), NULL },
		{ "Destroy", "WrongState {\"message\":\"it is off\",\"state\":\"shutoff\"}", NULL },
		{ "Shutdown", "WrongState {\"message\":\"it is off\",\"state\":\"shutoff\"}",
		  NULL });
	const struct answer *on = ANSWERS(
		{ "Info", INFO("running", "started"), NULL },
		{ "Start", "WrongState {\"message\":\"it runs\",\"state\":\"running\"}", NULL });
	const struct answer *crashed = ANSWERS(
		{ "Info", INFO("crashed", "panic"), NULL },
		{ "Start", "WrongState {\"message\":\"it is crashed\",\"state\":\"crashed\"}",
		  NULL });

	bad("destroy web", off, HVCTL_WRONG_STATE, "hvctl: it is off\n");
	good("destroy web --ignore-state --json", off, NAMED, "Info" WEB "Destroy" BY_UUID);
	good("destroy web --ignore-state --dry-run", off, "", "Info" WEB);
	bad("destroy web --dry-run", off, HVCTL_WRONG_STATE, "hvctl: partition 'web' is shutoff\n");
	good("shutdown web --ignore-state", off, "", "Info" WEB "Shutdown" BY_UUID);
	bad("start web", on, HVCTL_WRONG_STATE, "hvctl: it runs\n");
	good("start web --ignore-state --json", on, NAMED,
	     "Info" WEB "Start{\"partition\":\"" UUID "\",\"paused\":false}\n");
	bad("start web --ignore-state", crashed, HVCTL_WRONG_STATE, "hvctl: it is crashed\n");
}

static void start(void)
{
	const struct answer *answers = ANSWERS({ "Info", INFO("shutoff", "none"), NULL },
					       { "Start", "{\"schema\":1,\"id\":5}", NULL });

	good("start web", answers, "",
	     "Info" WEB "Start{\"partition\":\"" UUID "\",\"paused\":false}\n");
	good("start web --json --paused", answers,
	     "{\"schema\":1,\"name\":\"web\",\"uuid\":\"" UUID "\",\"id\":5}\n",
	     "Info" WEB "Start{\"partition\":\"" UUID "\",\"paused\":true}\n");
	good("start web --dry-run", answers, "", "Info" WEB);
	bad("start web",
	    ANSWERS({ "Info", INFO("shutoff", "none"), NULL }, { "Start", "{}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon's answer is not understood (its field 'id')\n");
	bad("start web",
	    ANSWERS({ "Info", INFO("shutoff", "none"), NULL },
		    { "Start", "Busy {\"message\":\"no memory\"}", NULL }),
	    HVCTL_BUSY, "hvctl: no memory\n");
}

/* A console that has said something and ended. */
static int make_console(const char *text)
{
	int ends[2];

	REQUIRE(pipe(ends) == 0);
	REQUIRE(write(ends[1], text, strlen(text)) == (ssize_t)strlen(text));
	close(ends[1]);
	return ends[0];
}

/* Standard input and output as files, since the console does not use stdio. */
static void on_files(const char *command, const struct answer *answers, enum hvctl_status status,
		     const char *want, const char *want_requests)
{
	int saved_in = dup(STDIN_FILENO), saved_out = dup(STDOUT_FILENO), fd, none;
	char path[] = "/tmp/hvctl-test-XXXXXX", text[100] = "";

	fd = mkstemp(path);
	none = open("/dev/null", O_RDONLY);
	REQUIRE(fd >= 0 && none >= 0 && saved_in >= 0 && saved_out >= 0);
	unlink(path);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	dup2(none, STDIN_FILENO);
	int console = make_console("Hello\r\n");
	enum hvctl_status got = run_fd(command, answers, console);

	close(console);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO);
	close(saved_in);
	close(saved_out);
	close(none);
	REQUIRE(pread(fd, text, sizeof(text) - 1, 0) >= 0);
	close(fd);
	CHECK_EQ(got, status);
	CHECK_STR(text, want);
	CHECK_STR(requests, want_requests);
}

static void consoles(void)
{
	static const char attach[] = "@{\"schema\":1,\"console\":\"/dev/pts/3\",\"console_fd\":0}";
	const struct answer *answers =
		ANSWERS({ "Info", INFO("shutoff", "none"), NULL }, { "Start", "{\"id\":5}", NULL },
			{ "Create", "{\"name\":\"web\",\"uuid\":\"" UUID "\",\"id\":5}", NULL },
			{ "Console", attach, NULL }, { "Resume", "{}", NULL });

	on_files("console web", ANSWERS({ "Console", attach, NULL }), HVCTL_OK, "Hello\r\n",
		 "Console" WEB);
	bad("console web", ANSWERS({ "Console", "{\"console\":\"x\",\"console_fd\":0}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon sent no console\n");
	bad("console web", ANSWERS({ "Console", "{\"console_fd\":18446744073709551615}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon sent no console\n");
	bad("console web", ANSWERS({ "Console", "Denied {\"message\":\"read-only\"}", NULL }),
	    HVCTL_DENIED, "hvctl: read-only\n");
	/* It runs only when its console is there. */
	on_files("start web --console", answers, HVCTL_OK, "Hello\r\n",
		 "Info" WEB "Start{\"partition\":\"" UUID "\",\"paused\":true}\nConsole" BY_UUID
		 "Resume" BY_UUID);
	on_files("start web --console --paused", answers, HVCTL_OK, "Hello\r\n",
		 "Info" WEB "Start{\"partition\":\"" UUID "\",\"paused\":true}\nConsole" BY_UUID);
	on_files("create /dev/null --console", answers, HVCTL_OK, "Hello\r\n",
		 "Create{\"xml\":\"\",\"file\":\"/dev/null\",\"paused\":true}\nConsole" BY_UUID
		 "Resume" BY_UUID);
	/* One that had been started before is only joined. */
	on_files("start web --console --ignore-state",
		 ANSWERS({ "Info", INFO("running", "started"), NULL },
			 { "Start", "WrongState {\"message\":\"x\",\"state\":\"running\"}", NULL },
			 { "Console", attach, NULL }),
		 HVCTL_OK, "Hello\r\n",
		 "Info" WEB "Start{\"partition\":\"" UUID "\",\"paused\":true}\nConsole" BY_UUID);
	/* Without a console it runs all the same. */
	bad("start web --console",
	    ANSWERS({ "Info", INFO("shutoff", "none"), NULL }, { "Start", "{\"id\":5}", NULL },
		    { "Console", "Failed {\"message\":\"no pty\"}", NULL },
		    { "Resume", "{}", NULL }),
	    HVCTL_FAILED, "hvctl: no pty\n");
	CHECK(strstr(requests, "Resume" BY_UUID));
}

static void shutdown_waits(void)
{
	static const char off[] = EVENT("stopped", "shutoff", "poweroff");
	static const char busy[] = EVENT("changed", "running", "started");
	const struct answer *answers = ANSWERS({ "Info", INFO("running", "started"), NULL },
					       { "Subscribe", FIRST("running", "started"), NULL },
					       { "Shutdown", "{}",
						 EVENT("changed", "running", "started") "\n" EVENT(
							 "stopped", "shutoff", "poweroff") });
	const struct answer *stays = ANSWERS({ "Info", INFO("running", "started"), NULL },
					     { "Subscribe", FIRST("running", "started"), NULL },
					     { "Shutdown", "{}", busy }, { "Destroy", "{}", NULL });
	const struct answer *races = ANSWERS(
		{ "Info", INFO("running", "started"), NULL },
		{ "Subscribe", FIRST("shutoff", "poweroff"), NULL },
		{ "Shutdown", "WrongState {\"message\":\"x\",\"state\":\"shutoff\"}", NULL });
	const struct answer *cannot =
		ANSWERS({ "Info", INFO("running", "started"), NULL },
			{ "Subscribe", FIRST("running", "started"), NULL },
			{ "Shutdown", "Unsupported {\"message\":\"cannot ask\"}", off },
			{ "Destroy", "{}", NULL });
	static const char asked[] = "Info" WEB "Subscribe" BY_UUID "Shutdown" BY_UUID;

	good("shutdown web --wait --json", answers, NAMED, asked);
	good("shutdown web --wait --force-after 60", answers, "", asked);
	bad("shutdown web --wait --timeout 0.1", stays, HVCTL_TIMEOUT, "hvctl: the time is over\n");
	CHECK_STR(requests, asked);
	CHECK_EQ(run("shutdown web --force-after 0.1", stays), HVCTL_OK);
	CHECK_STR(errors, "hvctl: partition 'web' has not shut down: it is ended\n");
	CHECK_STR(requests, "Info" WEB "Subscribe" BY_UUID "Shutdown" BY_UUID "Destroy" BY_UUID);
	good("shutdown web --wait --ignore-state", races, "", asked);
	bad("shutdown web --wait", races, HVCTL_WRONG_STATE, "hvctl: x\n");
	bad("shutdown web --wait", cannot, HVCTL_UNSUPPORTED, "hvctl: cannot ask\n");
	CHECK_EQ(run("shutdown web --force-after 60", cannot), HVCTL_OK);
	CHECK_STR(errors, "hvctl: partition 'web' cannot be asked to shut down: it is ended\n");
	CHECK(strstr(requests, "Destroy" BY_UUID));
}

static char directory[] = "/tmp/hvctl-files-XXXXXX";

/* Writes a file in the directory; its path is valid until the next call. */
static const char *file(const char *name, const char *bytes, size_t count)
{
	static char path[100];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "we");
	REQUIRE(out && fwrite(bytes, 1, count, out) == count && fclose(out) == 0);
	return path;
}

static const char *command_with(const char *format, const char *path)
{
	static char command[200];
	const char *at = strchr(format, '@');

	snprintf(command, sizeof(command), "%.*s%s%s", (int)(at - format), format, path, at + 1);
	return command;
}

static void definitions(void)
{
	const char *path = file("web.xml", "<domain\tx='\xc3\xbc'/>\n", 17);
	const struct answer *answers = ANSWERS(
		{ "Validate", "{\"schema\":1,\"name\":\"web\"}", NULL },
		{ "Define",
		  "{\"schema\":1,\"name\":\"web\",\"uuid\":\"" UUID "\",\"replaced\":true}", NULL },
		{ "Create", "{\"schema\":1,\"name\":\"web\",\"uuid\":\"" UUID "\",\"id\":5}",
		  NULL });
	char request[300], want[400];

	snprintf(request, sizeof(request),
		 "{\"xml\":\"<domain\\tx='\xc3\xbc'/>\\n\",\"file\":\"%s\"", path);
	snprintf(want, sizeof(want), "Validate%s}\n", request);
	good(command_with("validate @", path), answers, "", want);
	good(command_with("validate @ --json", path), answers, "{\"schema\":1,\"name\":\"web\"}\n",
	     want);
	good(command_with("define @ --dry-run --format name", path), answers, "web\n", want);
	good(command_with("create @ --dry-run", path), answers, "", want);
	snprintf(want, sizeof(want), "Define%s}\n", request);
	good(command_with("define @", path), answers, "", want);
	good(command_with("define @ --json", path), answers,
	     "{\"schema\":1,\"name\":\"web\",\"uuid\":\"" UUID "\",\"replaced\":true}\n", want);
	snprintf(want, sizeof(want), "Create%s}\n", request);
	good(command_with("create @ --format name", path), answers, "web\n", want);
	snprintf(want, sizeof(want), "Create%s,\"paused\":true}\n", request);
	good(command_with("create @ --json --paused", path), answers,
	     "{\"schema\":1,\"name\":\"web\",\"uuid\":\"" UUID "\",\"id\":5}\n", want);
	good("dumpxml web", ANSWERS({ "DumpXml", "{\"xml\":\"<domain>\\n\"}", NULL }), "<domain>\n",
	     "DumpXml{\"partition\":\"web\",\"inactive\":false}\n");
	good("dumpxml web --inactive --json",
	     ANSWERS({ "DumpXml", "{\"xml\":\"<domain>\\n\"}", NULL }),
	     "{\"schema\":1,\"xml\":\"<domain>\\n\"}\n",
	     "DumpXml{\"partition\":\"web\",\"inactive\":true}\n");
	unlink(path);
}

/* The line that everybody greps for, and the object. */
static void bad_definitions(void)
{
	const char *path = file("vm.xml", "<domain/>", 9);
	const struct answer *answers = ANSWERS(
		{ "Define",
		  "BadConfiguration {\"message\":\"<source>: unknown attribute 'fiel'\",\"file\":\"vm.xml\","
		  "\"line\":10,\"column\":3}",
		  NULL },
		{ "Create",
		  "Unsupported {\"message\":\"<disk>: not supported\",\"file\":\"vm.xml\",\"line\":4}",
		  NULL },
		{ "Validate", "BadConfiguration {\"message\":\"empty\"}", NULL });
	char want[200];

	bad(command_with("define @", path), answers, HVCTL_BAD_CONFIGURATION,
	    "hvctl: vm.xml:10: <source>: unknown attribute 'fiel'\n");
	bad(command_with("define @ --json", path), answers, HVCTL_BAD_CONFIGURATION,
	    "{\"schema\":1,\"error\":{\"code\":5,\"message\":\"<source>: unknown attribute 'fiel'\","
	    "\"file\":\"vm.xml\",\"line\":10}}\n");
	bad(command_with("create @", path), answers, HVCTL_UNSUPPORTED,
	    "hvctl: vm.xml:4: <disk>: not supported\n");
	/* Without a line, the file is named all the same. */
	snprintf(want, sizeof(want), "hvctl: %s: empty\n", path);
	bad(command_with("validate @", path), answers, HVCTL_BAD_CONFIGURATION, want);
	snprintf(want, sizeof(want),
		 "{\"schema\":1,\"error\":{\"code\":5,\"message\":\"empty\",\"file\":\"%s\"}}\n",
		 path);
	bad(command_with("validate @ --json", path), answers, HVCTL_BAD_CONFIGURATION, want);
	unlink(path);
}

/* What hvctl itself finds: nothing is asked then. */
static void bad_files(void)
{
	const struct answer *none = ANSWERS({ NULL, NULL, NULL });
	char *large = malloc((1 << 20) + 1), want[200];
	const char *path;

	bad("define /nonexistent/vm.xml", none, HVCTL_FAILED,
	    "hvctl: cannot open /nonexistent/vm.xml: No such file or directory\n");
	bad("define /tmp", none, HVCTL_FAILED, "hvctl: cannot read /tmp: Is a directory\n");
	path = file("vm.xml", "<domain>\n\n\xff", 11);
	snprintf(want, sizeof(want), "hvctl: %s:3: not text in UTF-8\n", path);
	bad(command_with("define @", path), none, HVCTL_BAD_CONFIGURATION, want);
	path = file("vm.xml", "a\0b", 3);
	snprintf(want, sizeof(want), "hvctl: %s:1: not text in UTF-8\n", path);
	bad(command_with("validate @", path), none, HVCTL_BAD_CONFIGURATION, want);
	REQUIRE(large);
	memset(large, 'x', (1 << 20) + 1);
	path = file("vm.xml", large, (1 << 20) + 1);
	snprintf(want, sizeof(want), "hvctl: %s: longer than 1048576 bytes\n", path);
	bad(command_with("create @", path), none, HVCTL_BAD_CONFIGURATION, want);
	CHECK_STR(requests, "");
	/* One byte less is hvd's to judge. */
	path = file("vm.xml", large, 1 << 20);
	CHECK_EQ(run(command_with("validate @", path),
		     ANSWERS({ "Validate", "{\"name\":\"x\"}", NULL })),
		 HVCTL_OK);
	unlink(path);
	free(large);
}

#define XML "{\"xml\":\"<name>web</name>\\n\"}"
#define DUMP "DumpXml{\"partition\":\"" UUID "\",\"inactive\":true}\n"

static void edit(void)
{
	const struct answer *answers = ANSWERS(
		{ "Info", INFO("running", "started"), NULL }, { "DumpXml", XML, NULL },
		{ "Validate", "{\"name\":\"web\"}", NULL }, { "DumpXml", XML, NULL },
		{ "Define", "{\"name\":\"web\",\"uuid\":\"" UUID "\",\"replaced\":true}", NULL });
	const char *at;

	setenv("TMPDIR", directory, 1);
	setenv("VISUAL", "", 1);
	setenv("EDITOR", "sed -i s/web/WEB/", 1);
	CHECK_EQ(run("edit web --json", answers), HVCTL_OK);
	CHECK_STR(output, NAMED);
	at = strstr(requests, "Define{\"xml\":\"<name>WEB</name>\\n\",\"file\":\"/tmp/");
	CHECK(at && strchr(at, '\n')[1] == '\0');
	CHECK(strncmp(requests, "Info" WEB DUMP "Validate{\"xml\":\"<name>WEB", 60) == 0);
	setenv("VISUAL", "true", 1); /* goes before EDITOR */
	good("edit web", answers, "", "Info" WEB DUMP);
	setenv("VISUAL", "false", 1);
	bad("edit web", answers, HVCTL_FAILED, "hvctl: the editor 'false' failed\n");
	setenv("VISUAL", "echo '<' >>", 1);
	bad("edit web",
	    ANSWERS({ "Info", INFO("running", "started"), NULL }, { "DumpXml", XML, NULL },
		    { "Validate",
		      "BadConfiguration {\"message\":\"no\",\"file\":\"x.xml\",\"line\":2}",
		      NULL }),
	    HVCTL_BAD_CONFIGURATION, "hvctl: x.xml:2: no\n");
	bad("edit web",
	    ANSWERS({ "Info", INFO("running", "started"), NULL }, { "DumpXml", XML, NULL },
		    { "Validate", "{\"name\":\"web\"}", NULL },
		    { "DumpXml", "{\"xml\":\"else\"}", NULL }),
	    HVCTL_WRONG_STATE, "hvctl: partition 'web' was defined anew meanwhile\n");
	CHECK_EQ(run("edit web",
		     ANSWERS({ "Info", INFO("running", "started"), NULL }, { "DumpXml", XML, NULL },
			     { "Validate", "{\"name\":\"db\"}", NULL })),
		 HVCTL_BAD_CONFIGURATION);
	CHECK(strstr(errors, "<name>: 'db' would be another partition than 'web'\n"));
	CHECK(!strstr(requests, "Define"));
	unsetenv("TMPDIR");
	/* Nothing stays behind. */
	CHECK(rmdir(directory) == 0);
	REQUIRE(mkdtemp(strcpy(directory, "/tmp/hvctl-files-XXXXXX")));
}

static void tuning(void)
{
	static const char schedule[] =
		"{\"schema\":1,\"schedule\":{\"weight\":200,\"cap\":0,\"reserve\":125}}";
	static const char pins[] =
		"{\"pins\":[{\"vcpu\":0,\"cpus\":\"0-3\"},{\"vcpu\":1,\"cpus\":\"2\"}]}";
	const struct answer *answers =
		ANSWERS({ "Info", INFO("shutoff", "none"), NULL },
			{ "GetSchedule", schedule, NULL }, { "SetSchedule", schedule, NULL },
			{ "GetPins", pins, NULL }, { "PinVcpu", "{}", NULL });

	good("schedinfo web", answers, "weight      200\ncap         none\nreserve     12.5 %\n",
	     "Info" WEB "GetSchedule{\"partition\":\"" UUID "\",\"config\":false}\n");
	good("schedinfo web --config --json", answers,
	     "{\"schema\":1,\"schedule\":{\"weight\":200,\"cap_permille\":0,\"reserve_permille\":125}}\n",
	     "Info" WEB "GetSchedule{\"partition\":\"" UUID "\",\"config\":true}\n");
	bad("schedinfo web --live", answers, HVCTL_WRONG_STATE,
	    "hvctl: partition 'web' is shutoff\n");
	CHECK_EQ(run("schedinfo web --weight 200", answers), HVCTL_OK);
	CHECK_STR(requests, "SetSchedule{\"partition\":\"web\",\"weight\":200}\n");
	CHECK_EQ(run("schedinfo web --cap 0 --reserve 12.5 --live --config", answers), HVCTL_OK);
	CHECK_STR(
		requests,
		"SetSchedule{\"partition\":\"web\",\"cap\":0,\"reserve\":125,\"scope\":\"both\"}\n");
	good("vcpupin web", answers, "VCPU  CPUS\n   0  0-3\n   1  2\n",
	     "Info" WEB "GetPins{\"partition\":\"" UUID "\",\"config\":false}\n");
	CHECK_EQ(run("vcpupin web 1 --json", answers), HVCTL_OK);
	CHECK_STR(output, "{\"schema\":1,\"pins\":[{\"vcpu\":1,\"cpus\":\"2\"}]}\n");
	bad("vcpupin web 2", answers, HVCTL_FAILED,
	    "hvctl: partition 'web' has no virtual processor 2\n");
	good("vcpupin web 1 0-3,^2", answers, "",
	     "PinVcpu{\"partition\":\"web\",\"vcpu\":1,\"cpus\":\"0-3,^2\"}\n");
	good("vcpupin web 1 0 --config", answers, "",
	     "PinVcpu{\"partition\":\"web\",\"vcpu\":1,\"cpus\":\"0\",\"scope\":\"config\"}\n");
	bad("vcpupin web one 0", answers, HVCTL_USAGE,
	    "hvctl: vcpupin: 'one' is no number of a virtual processor\n");
	bad("vcpupin web",
	    ANSWERS({ "Info", INFO("shutoff", "none"), NULL },
		    { "GetPins", "{\"pins\":[1]}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon's answer is not understood (its field 'vcpu')\n");
}

static void node(void)
{
	static const char answer[] =
		"{\"schema\":1,\"hostname\":\"h\",\"kernel\":\"6.12\",\"cpus\":4,\"memory_bytes\":8589934592,"
		"\"free_bytes\":4294967296,\"hugepages\":0,\"hugepages_free\":0,\"hugepage_bytes\":2097152,"
		"\"hypervisor\":null,\"partitions\":2,\"running\":1,\"vcpus_running\":3}";

	good("nodeinfo", ANSWERS({ "NodeInfo", answer, NULL }),
	     "host            h\n"
	     "kernel          6.12\n"
	     "CPU model       -\n"
	     "CPUs            4\n"
	     "memory          8192.0 MiB\n"
	     "free for guests 4096.0 MiB\n"
	     "huge pages      0\n"
	     "  free          0\n"
	     "  of            2.0 MiB\n"
	     "hypervisor      -\n"
	     "backend         -\n"
	     "partitions      2\n"
	     "  running       1\n"
	     "  their VCPUs   3\n",
	     "NodeInfo{}\n");
	good("nodeinfo --json", ANSWERS({ "NodeInfo", answer, NULL }),
	     "{\"schema\":1,\"node\":{\"hostname\":\"h\",\"kernel\":\"6.12\",\"cpus\":4,"
	     "\"memory_bytes\":8589934592,\"free_bytes\":4294967296,\"hugepages\":0,"
	     "\"hugepages_free\":0,\"hugepage_bytes\":2097152,\"partitions\":2,\"running\":1,"
	     "\"vcpus_running\":3}}\n",
	     "NodeInfo{}\n");
	bad("nodeinfo", ANSWERS({ "NodeInfo", "{\"hostname\":\"h\"}", NULL }), HVCTL_FAILED,
	    "hvctl: the daemon's answer is not understood (its field 'kernel')\n");
}

/* Whether there is a hypervisor depends on the machine: only what hvd adds is looked at. */
static void version(void)
{
	run("version --json",
	    ANSWERS({ "Version", "{\"version\":\"1.2.3\",\"build\":\"1.2.3 abc debug\"}", NULL }));
	CHECK(strstr(output, ",\"hvd\":{\"version\":\"1.2.3\",\"build\":\"1.2.3 abc debug\"}}\n"));
	run("version",
	    ANSWERS({ "Version", "{\"version\":\"1.2.3\",\"build\":\"1.2.3 abc\\u001b\"}", NULL }));
	CHECK(strstr(output, "\nhvd         1.2.3 abc\\x1b\n"));
	run("version", ANSWERS({ "Version", "!", NULL }));
	CHECK(strstr(output, "\nhvd         -\n"));
	CHECK(!strstr(errors, "daemon"));
}

static void events(void)
{
	static const char first[] = "+{\"schema\":1,\"partitions\":[]}";
	const struct answer *answers = ANSWERS({ "Subscribe", first,
						 EVENT("started", "running", "started") "\n" EVENT(
							 "stopped", "shutoff", "poweroff") });
	char *line;

	setenv("TZ", "UTC", 1);
	good("event", answers, "2023-11-14 22:13:20.123 web: started, running (started)\n",
	     "Subscribe{}\n");
	good("event web --type started --type crashed --json", answers,
	     "{\"schema\":1,\"sequence\":7,\"time_ns\":1700000000123456789,\"type\":\"started\","
	     "\"name\":\"web\",\"uuid\":\"" UUID
	     "\",\"state\":\"running\",\"reason\":\"started\"}\n",
	     "Subscribe{\"partition\":\"web\",\"types\":[\"started\",\"crashed\"]}\n");
	CHECK_EQ(run("event --loop --timeout 0.2", answers), HVCTL_TIMEOUT);
	line = strchr(output, '\n');
	CHECK(line &&
	      strcmp(line + 1, "2023-11-14 22:13:20.123 web: stopped, shutoff (poweroff)\n") == 0);
	CHECK_STR(errors, "hvctl: the time is over\n");
	bad("event --timeout 0.1", ANSWERS({ "Subscribe", first, NULL }), HVCTL_TIMEOUT,
	    "hvctl: the time is over\n");
	bad("event", ANSWERS({ "Subscribe", "+{\"partitions\":[]}\n!", NULL }), HVCTL_UNREACHABLE,
	    "hvctl: the connection to the daemon ended\n");
	bad("event", ANSWERS({ "Subscribe", "+{\"partitions\":[]}\n{\"event\":null}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon's answer is not understood (its field 'event')\n");
	bad("event", ANSWERS({ "Subscribe", "{\"partitions\":[]}", NULL }), HVCTL_UNREACHABLE,
	    "hvctl: the daemon tells no more events\n");
	bad("event",
	    ANSWERS({ "Subscribe", "+{\"partitions\":[]}\n+{\"event\":{\"type\":1}}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon's answer is not understood (its field 'sequence')\n");
	bad("event", ANSWERS({ "Subscribe", "+{\"partitions\":[]}\n#garbage", NULL }), HVCTL_FAILED,
	    "hvctl: the daemon's answer is not understood (Invalid argument)\n");
	bad("event db",
	    ANSWERS({ "Subscribe", "NoSuchPartition {\"message\":\"no partition 'db'\"}", NULL }),
	    HVCTL_NO_PARTITION, "hvctl: no partition 'db'\n");
}

static void waits(void)
{
	static const char first[] = FIRST("running", "started");

	good("wait web running", ANSWERS({ "Subscribe", first, NULL }), "", "Subscribe" WEB);
	good("wait web shutoff",
	     ANSWERS({ "Subscribe", first,
		       EVENT("paused", "paused", "requested") "\n" EVENT("stopped", "shutoff",
									 "poweroff") }),
	     "", "Subscribe" WEB);
	good("wait web paused",
	     ANSWERS({ "Subscribe", first, EVENT("paused", "paused", "requested") }), "",
	     "Subscribe" WEB);
	good("wait web crashed",
	     ANSWERS({ "Subscribe", first, EVENT("crashed", "crashed", "panic") }), "",
	     "Subscribe" WEB);
	good("wait web crashed",
	     ANSWERS({ "Subscribe", first, EVENT("stopped", "shutoff", "triple_fault") }), "",
	     "Subscribe" WEB);
	good("wait web crashed",
	     ANSWERS({ "Subscribe", first, EVENT("crashed", "running", "restarted") }), "",
	     "Subscribe" WEB);
	bad("wait web crashed --timeout 0.1",
	    ANSWERS({ "Subscribe", first, EVENT("stopped", "shutoff", "poweroff") }), HVCTL_TIMEOUT,
	    "hvctl: the time is over\n");
	bad("wait web running",
	    ANSWERS({ "Subscribe", FIRST("shutoff", "none"),
		      EVENT("undefined", "shutoff", "none") }),
	    HVCTL_NO_PARTITION, "hvctl: partition 'web' is gone\n");
	good("wait web paused",
	     ANSWERS({ "Subscribe", first,
		       EVENT("undefined", "running", "started") "\n" EVENT("paused", "paused",
									   "requested") }),
	     "", "Subscribe" WEB);
	bad("wait web shutoff", ANSWERS({ "Subscribe", "+{\"partitions\":[]}", NULL }),
	    HVCTL_FAILED, "hvctl: the daemon's answer is not understood (its field 'name')\n");
}

/* Each error of the interface, and those of varlink, on one verb that reads and one that changes. */
static void faults(void)
{
	static const struct {
		const char *text;
		enum hvctl_status status;
		const char *want;
	} table[] = {
		{ "Failed {\"message\":\"m\"}", HVCTL_FAILED, "m" },
		{ "Failed {}", HVCTL_FAILED, "failed" },
		{ "Failed {\"message\":7}", HVCTL_FAILED, "failed" },
		{ "Failed {\"message\":\"a\\nb\\u001b\"}", HVCTL_FAILED, "a\\x0ab\\x1b" },
		{ "NoSuchPartition {\"message\":\"m\"}", HVCTL_NO_PARTITION, "m" },
		{ "WrongState {\"message\":\"m\"}", HVCTL_WRONG_STATE, "m" },
		{ "BadConfiguration {\"message\":\"m\"}", HVCTL_BAD_CONFIGURATION, "m" },
		{ "BadConfiguration {\"message\":\"m\",\"line\":-1}", HVCTL_BAD_CONFIGURATION,
		  "m" },
		{ "Unsupported {\"message\":\"m\"}", HVCTL_UNSUPPORTED, "m" },
		{ "Denied {\"message\":\"m\"}", HVCTL_DENIED, "m" },
		{ "Timeout {\"message\":\"m\"}", HVCTL_TIMEOUT, "m" },
		{ "Busy {\"message\":\"m\"}", HVCTL_BUSY, "m" },
		{ "Strange {\"message\":\"m\"}", HVCTL_FAILED, "m" },
		{ "Strange {}", HVCTL_FAILED, "org.mullion.Strange" },
		{ "org.varlink.service.MethodNotFound {\"method\":\"x\"}", HVCTL_UNSUPPORTED,
		  "the daemon does not know this method (is it of another version?)" },
		{ "org.varlink.service.InvalidParameter {\"parameter\":\"x\"}", HVCTL_UNSUPPORTED,
		  "the daemon does not accept a parameter (is it of another version?)" },
		{ "org.varlink.service.PermissionDenied {}", HVCTL_DENIED, "permission denied" },
		{ "!", HVCTL_UNREACHABLE, "the connection to the daemon ended" },
		{ "#{\"parameters\":\n!", HVCTL_FAILED, NULL },
		{ "#garbage", HVCTL_FAILED, NULL },
		{ "#[]", HVCTL_UNREACHABLE, NULL },
		{ "#\"x\"", HVCTL_UNREACHABLE, NULL },
		{ "#{}", HVCTL_FAILED, NULL },
		{ "#{\"parameters\":3}", HVCTL_UNREACHABLE, NULL },
		{ "#{\"error\":3}", HVCTL_UNREACHABLE, NULL },
		{ "{}", HVCTL_FAILED,
		  "the daemon's answer is not understood (its field 'partition')" },
		{ "{\"partition\":[]}", HVCTL_FAILED,
		  "the daemon's answer is not understood (its field 'partition')" },
		{ "{\"partition\":{}}", HVCTL_FAILED,
		  "the daemon's answer is not understood (its field 'name')" },
		{ "{\"partition\":{\"name\":\"web\",\"uuid\":3}}", HVCTL_FAILED,
		  "the daemon's answer is not understood (its field 'uuid')" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct answer *answers = ANSWERS({ "Info", table[i].text, NULL });
		static const char *const commands[] = { "domstate web", "destroy web",
							"dominfo web --json" };

		for (size_t k = 0; k < 3; k++) {
			enum hvctl_status status = run(commands[k], answers);

			CHECK_NOTE("%s: %s", commands[k], table[i].text);
			CHECK_EQ(status, table[i].status);
			CHECK_STR(output, "");
			if (table[i].want)
				CHECK(strstr(errors,
					     k < 2 ? table[i].want : "\"error\":{\"code\":"));
			CHECK(strchr(errors, '\n') && strchr(errors, '\n')[1] == '\0');
		}
	}
}

/* Each verb, when the daemon breaks off, says nothing it understands, or nothing at all. */
static void any_verb_fails(void)
{
	static const char *const commands[] = {
		"list",
		"dominfo web",
		"domstate web",
		"start web",
		"start web --console",
		"create /dev/null",
		"shutdown web",
		"shutdown web --wait",
		"reboot web",
		"destroy web",
		"reset web",
		"suspend web",
		"resume web",
		"autostart web",
		"console web",
		"validate /dev/null",
		"define /dev/null",
		"undefine web",
		"dumpxml web",
		"edit web",
		"vcpupin web",
		"vcpupin web 0 1",
		"schedinfo web",
		"schedinfo web --weight 1",
		"event",
		"wait web running",
		"nodeinfo",
		NULL,
	};
	static const char *const methods[] = { "List",	      "Info",	   "Create",  "Validate",
					       "Define",      "Console",   "DumpXml", "PinVcpu",
					       "SetSchedule", "Subscribe", "NodeInfo" };
	struct answer answers[12] = { 0 };
	char command[80];

	for (size_t i = 0; commands[i]; i++) {
		for (size_t k = 0; k < 11; k++)
			answers[k] = (struct answer){ methods[k], "!", NULL };
		CHECK_EQ(run(commands[i], answers), HVCTL_UNREACHABLE);
		CHECK_STR(errors, "hvctl: the connection to the daemon ended\n");
		for (size_t k = 0; k < 11; k++)
			answers[k].text = "{\"schema\":1}";
		CHECK_EQ(run(commands[i], answers),
			 strcmp(commands[i], "vcpupin web 0 1") == 0 ? HVCTL_OK : HVCTL_FAILED);
		for (size_t k = 0; k < 11; k++)
			answers[k].text = NULL;
		snprintf(command, sizeof(command), "%s --timeout 0.02", commands[i]);
		CHECK_EQ(run(command, answers), HVCTL_TIMEOUT);
		CHECK_EQ(run_at("/nonexistent/hvd.sock", commands[i]), HVCTL_UNREACHABLE);
		CHECK_STR(errors,
			  "hvctl: no daemon at /nonexistent/hvd.sock: No such file or directory "
			  "(is hvd running?)\n");
		CHECK_STR(output, "");
	}
	CHECK_EQ(run_at("/dev/null", "list --json"), HVCTL_UNREACHABLE);
	CHECK_STR(errors,
		  "{\"schema\":1,\"error\":{\"code\":6,\"message\":\"no daemon at /dev/null: "
		  "Connection refused (is hvd running?)\"}}\n");
}

/* Answers with a few characters changed: the sanitizers watch. */
static void any_answers(void)
{
	static const struct {
		const char *command;
		const char *method;
		const char *text;
	} table[] = {
		{ "list --all", "List",
		  "{\"schema\":1,\"partitions\":[{" FIELDS("web", "running", "started") "}]}" },
		{ "dominfo web", "Info", INFO("running", "started") },
		{ "dominfo web --json", "Info", INFO("running", "started") },
		{ "domstate web --reason", "Info", INFO("crashed", "panic") },
		{ "dumpxml web", "DumpXml", XML },
		{ "schedinfo web --cap 1", "SetSchedule",
		  "{\"schedule\":{\"weight\":100,\"cap\":0,\"reserve\":0}}" },
		{ "event --loop --timeout 0.01", "Subscribe",
		  "+{\"partitions\":[]}\n" EVENT("stopped", "shutoff", "poweroff") },
		{ "wait web paused --timeout 0.01", "Subscribe",
		  FIRST("running", "started") "\n" EVENT("paused", "paused", "requested") },
	};
	static const char characters[] = "{}[]\",:0129-+.eE\\untfalse #!";
	unsigned good_ones = 0;

	check_seed(0xa25);
	for (int round = 0; round < 1500; round++) {
		size_t i = check_below(sizeof(table) / sizeof(table[0]));
		struct answer answers[2] = { { table[i].method, NULL, NULL } };
		enum hvctl_status status;
		char text[1200];

		snprintf(text, sizeof(text), "%s", table[i].text);
		for (uint64_t k = check_below(3); k < 3; k++)
			text[check_below(strlen(text))] =
				characters[check_below(sizeof(characters) - 1)];
		/* A line of a daemon's table that is no message would end the test. */
		for (char *line = text; line; line = strchr(line, '\n')) {
			line += *line == '\n';
			if (*line != '{' && *line != '+' && *line != '#')
				*line = '#';
		}
		answers[0].text = text;
		status = run(table[i].command, answers);
		CHECK(status <= HVCTL_BUSY);
		CHECK((status == HVCTL_OK) == (errors[0] == '\0'));
		good_ones += status == HVCTL_OK;
	}
	CHECK(good_ones > 50);
}

/* An answer in pieces, and one that is large, are as good as any. */
static void large_answers(void)
{
	size_t size = 600000;
	char *text = malloc(size + 100);

	REQUIRE(text);
	snprintf(text, size, "{\"xml\":\"");
	memset(text + 8, 'x', size);
	snprintf(text + 8 + size, 90, "\"}");
	CHECK_EQ(run("dumpxml web", ANSWERS({ "DumpXml", text, NULL })), HVCTL_OK);
	CHECK_EQ(strlen(output), size);
	free(text);
	good("wait web paused",
	     ANSWERS({ "Subscribe",
		       FIRST("running", "started") "\n%50\n" EVENT("paused", "paused", "requested"),
		       NULL }),
	     "", "Subscribe" WEB);
}

int main(void)
{
	REQUIRE(mkdtemp(directory));
	CHECK_RUN(list);
	CHECK_RUN(states);
	CHECK_RUN(life);
	CHECK_RUN(ignored_states);
	CHECK_RUN(start);
	CHECK_RUN(consoles);
	CHECK_RUN(shutdown_waits);
	CHECK_RUN(definitions);
	CHECK_RUN(bad_definitions);
	CHECK_RUN(bad_files);
	CHECK_RUN(edit);
	CHECK_RUN(tuning);
	CHECK_RUN(node);
	CHECK_RUN(version);
	CHECK_RUN(events);
	CHECK_RUN(waits);
	CHECK_RUN(faults);
	CHECK_RUN(any_verb_fails);
	CHECK_RUN(large_answers);
	CHECK_RUN(any_answers);
	rmdir(directory);
	free(output);
	free(errors);
	return check_done();
}
