/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl dominfo */
#include <stdio.h>
#include <time.h>

#include "gpu.h"
#include "life.h"
#include "tuning.h"
#include "text.h"
#include "verbs.h"

/* What a PartitionInfo has beside a Partition. */
struct info {
	struct partition partition;
	const char *description;
	const char *actions[3]; /* on power-off, reboot and crash */
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	const char *console;
	struct schedule schedule;
	sd_json_variant *pins;
	sd_json_variant *disks;
	sd_json_variant *interfaces;
	const char *guest[3]; /* as guest_names */
	uint64_t pids[4]; /* as pid_names */
	sd_json_variant *video; /* or NULL */
	uint64_t since_ns;
	uint64_t started_ns;
	uint64_t worker_pid;
	bool hugepages;
};

static const char *const action_names[] = { "on_poweroff", "on_reboot", "on_crash" };
static const char *const guest_names[] = { "vmbus", "guest_os", "guest_hostname" };
static const char *const guest_labels[] = { "VMBus", "guest", "guest name" };
static const char *const pid_names[] = { "vsp_pid", "storage_pid", "net_pid", "gpu_pid" };
static const char *const pid_labels[] = { "hv-vsp", "hv-storage", "hv-net", "hv-gpu" };

#define PIDS (sizeof(pid_names) / sizeof(pid_names[0]))

static enum hvctl_status read_info(struct info *info, sd_json_variant *object)
{
	struct reply reply = { .object = object };
	struct reply schedule;

	partition_read(&info->partition, &reply);
	for (size_t i = 0; i < 3; i++) {
		info->actions[i] = reply_text(&reply, action_names[i], true);
		info->guest[i] = reply_text(&reply, guest_names[i], false);
	}
	for (size_t i = 0; i < PIDS; i++)
		info->pids[i] = reply_number(&reply, pid_names[i], false);
	info->video = reply_object(&reply, "video", false);
	info->disks = reply_array(&reply, "disks", false);
	info->interfaces = reply_array(&reply, "interfaces", false);
	info->description = reply_text(&reply, "description", false);
	info->kernel = reply_text(&reply, "kernel", true);
	info->initrd = reply_text(&reply, "initrd", false);
	info->cmdline = reply_text(&reply, "cmdline", false);
	info->console = reply_text(&reply, "console", false);
	info->since_ns = reply_number(&reply, "since_ns", false);
	info->started_ns = reply_number(&reply, "started_ns", false);
	info->worker_pid = reply_number(&reply, "worker_pid", false);
	info->hugepages = reply_flag(&reply, "hugepages", true);
	info->pins = reply_array(&reply, "pins", true);
	schedule = (struct reply){ .object = reply_object(&reply, "schedule", true) };
	if (reply.fault)
		return reply_check(&reply);
	schedule_read(&info->schedule, &schedule);
	return reply_check(&schedule);
}

/* Lines "LABEL  value"; what is missing has none. */
static void print_text(const char *label, const char *text)
{
	char printable[1024];

	if (text)
		printf("%-12s%s\n", label, text_printable(printable, sizeof(printable), text));
}

static void print_number(const char *label, uint64_t number)
{
	if (number != REPLY_NO_NUMBER)
		printf("%-12s%llu\n", label, (unsigned long long)number);
}

/* Nanoseconds of CLOCK_REALTIME, in this machine's time zone. */
static void print_time(const char *label, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm broken;
	char text[64];

	if (ns == REPLY_NO_NUMBER || !localtime_r(&seconds, &broken))
		return;
	strftime(text, sizeof(text), "%F %T %z", &broken);
	printf("%-12s%s\n", label, text);
}

static void print_pins(sd_json_variant *pins)
{
	for (size_t i = 0; i < sd_json_variant_elements(pins); i++) {
		struct reply reply = { .object = sd_json_variant_by_index(pins, i) };
		uint64_t vcpu = reply_number(&reply, "vcpu", true);
		const char *cpus = reply_text(&reply, "cpus", true);
		char printable[256];

		if (!reply.fault)
			printf("%-12sVCPU %llu on CPUs %s\n", i ? "" : "pinned",
			       (unsigned long long)vcpu,
			       text_printable(printable, sizeof(printable), cpus));
	}
}

static void print_part(const char *label, bool first, const char *text)
{
	char printable[1024];

	printf("%-12s%s\n", first ? label : "", text_printable(printable, sizeof(printable), text));
}

/* "sda  /a/b (qcow2, read-only)" */
static void print_disks(sd_json_variant *disks)
{
	for (size_t i = 0; disks && i < sd_json_variant_elements(disks); i++) {
		struct reply reply = { .object = sd_json_variant_by_index(disks, i) };
		const char *target = reply_text(&reply, "target", true);
		const char *source = reply_text(&reply, "source", true);
		const char *format = reply_text(&reply, "format", true);
		bool read_only = reply_flag(&reply, "read_only", true);
		char text[900];

		snprintf(text, sizeof(text), "%s  %.800s (%s%s)", target, source, format,
			 read_only ? ", read-only" : "");
		if (!reply.fault)
			print_part("disk", !i, text);
	}
}

/* "02:..  bridge br0 (vnet0, unplugged)" */
static void print_interfaces(sd_json_variant *interfaces)
{
	for (size_t i = 0; interfaces && i < sd_json_variant_elements(interfaces); i++) {
		struct reply reply = { .object = sd_json_variant_by_index(interfaces, i) };
		const char *mac = reply_text(&reply, "mac", true);
		const char *type = reply_text(&reply, "type", true);
		const char *source = reply_text(&reply, "source", false);
		const char *target = reply_text(&reply, "target", false);
		bool link = reply_flag(&reply, "link", true);
		char text[400];

		snprintf(text, sizeof(text), "%s  %s%s%s%s%s%s", mac, type, source ? " " : "",
			 source ? source : "", target ? ", " : "", target ? target : "",
			 link ? "" : ", unplugged");
		if (!reply.fault)
			print_part("interface", !i, text);
	}
}

/* "mullion, 1280x800, 64.0 MiB, drawn by gpu" */
static void print_video(sd_json_variant *video, const char *drawn)
{
	struct reply reply = { .object = video };
	const char *model = video ? reply_text(&reply, "model", true) : NULL;
	uint64_t width, height, vram;
	char text[200];

	if (!video)
		return;
	width = reply_number(&reply, "width", true);
	height = reply_number(&reply, "height", true);
	vram = reply_number(&reply, "vram", true);
	snprintf(text, sizeof(text), "%s, %llux%llu, %.1f MiB%s%s", model,
		 (unsigned long long)width, (unsigned long long)height, (double)vram / (1 << 20),
		 drawn ? ", drawn by " : "", drawn ? drawn : "");
	if (!reply.fault)
		print_part("screen", true, text);
}

/* What the guest says of itself. */
static void print_guest(const struct info *info)
{
	char text[512];

	for (size_t i = 0; i < 3; i++)
		print_text(guest_labels[i], info->guest[i]);
	print_text("heartbeat", info->partition.heartbeat);
	if (partition_addresses(text, sizeof(text), &info->partition))
		print_text("addresses", text);
}

static void print_table(const struct info *info)
{
	const struct partition *partition = &info->partition;
	char state[600], why[512];

	snprintf(state, sizeof(state), "%s (%s)", partition->state,
		 partition_why(why, sizeof(why), partition));
	print_text("name", partition->name);
	print_text("title", partition->title);
	print_text("description", info->description);
	print_text("uuid", partition->uuid);
	print_number("id", partition->id);
	print_text("state", state);
	print_time("since", info->since_ns);
	print_time("started", info->started_ns);
	print_text("persistent", partition->persistent ? "yes" : "no");
	print_text("autostart", partition->autostart ? "yes" : "no");
	print_number("VCPUs", partition->vcpus);
	print_pins(info->pins);
	printf("%-12s%.1f MiB%s\n", "memory", (double)partition->memory / (1 << 20),
	       info->hugepages ? ", huge pages" : "");
	schedule_print(&info->schedule);
	for (size_t i = 0; i < 3; i++)
		print_text(action_names[i], info->actions[i]);
	print_text("kernel", info->kernel);
	print_text("initrd", info->initrd);
	print_text("cmdline", info->cmdline);
	print_disks(info->disks);
	print_interfaces(info->interfaces);
	print_video(info->video, partition->screen);
	print_guest(info);
	print_text("console", info->console);
	print_number("worker", info->worker_pid);
	for (size_t i = 0; i < PIDS; i++)
		print_number(pid_labels[i], info->pids[i]);
}

/* Adds a text or a number that is there. */
static int add_text(sd_json_variant **object, const char *name, const char *text)
{
	return text ? sd_json_variant_set_field_string(object, name, text) : 0;
}

static int add_number(sd_json_variant **object, const char *name, uint64_t number)
{
	return number == REPLY_NO_NUMBER ? 0 :
					   sd_json_variant_set_field_unsigned(object, name, number);
}

/* video: NULL: none. */
static int add_info(sd_json_variant **object, const struct info *info, sd_json_variant *video)
{
	sd_json_variant *schedule JSON_AUTO = NULL;
	int errors = schedule_json(&schedule, &info->schedule);

	/* The first one that fails leaves a bit, whatever the others do. */
	errors |= sd_json_variant_set_field_boolean(object, "hugepages", info->hugepages);
	for (size_t i = 0; i < 3; i++) {
		errors |= add_text(object, action_names[i], info->actions[i]);
		errors |= add_text(object, guest_names[i], info->guest[i]);
	}
	for (size_t i = 0; i < PIDS; i++)
		errors |= add_number(object, pid_names[i], info->pids[i]);
	if (video)
		errors |= sd_json_variant_set_field(object, "video", video);
	if (info->disks)
		errors |= sd_json_variant_set_field(object, "disks", info->disks);
	if (info->interfaces)
		errors |= sd_json_variant_set_field(object, "interfaces", info->interfaces);
	errors |= add_text(object, "description", info->description);
	errors |= add_text(object, "kernel", info->kernel);
	errors |= add_text(object, "initrd", info->initrd);
	errors |= add_text(object, "cmdline", info->cmdline);
	errors |= add_text(object, "console", info->console);
	errors |= add_number(object, "since_ns", info->since_ns);
	errors |= add_number(object, "started_ns", info->started_ns);
	errors |= add_number(object, "worker_pid", info->worker_pid);
	errors |= sd_json_variant_set_field(object, "schedule", schedule);
	errors |= sd_json_variant_set_field(object, "pins", info->pins);
	return errors < 0 ? -ENOMEM : 0;
}

static enum hvctl_status print(const struct cli_call *call, const struct info *info)
{
	sd_json_variant *object JSON_AUTO = NULL, *video JSON_AUTO = NULL;
	enum hvctl_status status = HVCTL_OK;
	int error;

	if (call->line->globals.format != HVCTL_JSON) {
		print_table(info);
		return HVCTL_OK;
	}
	if (info->video)
		status = gpu_video_json(&video, info->video);
	if (status != HVCTL_OK)
		return status;
	error = partition_json(&object, &info->partition);
	if (error >= 0)
		error = add_info(&object, info, video);
	return error < 0 ? json_failed(error) :
			   json_show(!call->line->globals.no_color,
				     SD_JSON_BUILD_PAIR_VARIANT("partition", object));
}

static enum hvctl_status run(const struct cli_call *call)
{
	sd_json_variant *object JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;
	struct info info;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = partition_find(&client, call->line->operands[0], &info.partition, &object);
	if (status == HVCTL_OK)
		status = read_info(&info, object);
	if (status == HVCTL_OK)
		status = print(call, &info);
	client_close(&client);
	return status;
}

static const struct cli_example examples[] = {
	{ "hvctl dominfo web", "What it is and how it does" },
	{ "hvctl dominfo web --json | jq .partition.worker_pid", "The process that runs it" },
	{ "hvctl dominfo web --json | jq -r '.partition.addresses[0]'", "Where to reach it" },
	{ NULL, NULL },
};

const struct cli_verb verb_dominfo = {
	.name = "dominfo",
	.summary = "Show a partition",
	.description =
		"Shows what is known of a partition: its definition in short, its state and since "
		"when, its share of the CPUs, its disks, network interfaces and screen, and while it runs "
		"its console, its processes, and what the guest says of itself: the version of "
		"VMBus, whether its drivers answer (heartbeat), and where it has Hyper-V's daemon "
		"for that its system, name and addresses.",
	.operands = life_operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
