/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv-storage, the program: what hvd may get wrong, and a guest whose requests outlive the
 * processes that serve them. The first argument is the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <vmbus/storage.h>

#include "check.h"
#include "process-guest.h"
#include "process.h"
#include "scsi.h"

#define INSTANCE "4f8c1c44-93d1-4c2e-9a35-1f2e3d4c5b6a"
#define DISK "\"read_only\":false,\"cache\":\"writeback\",\"discard\":true"
#define ADDED "{\"lun\":0,\"fd\":0,\"name\":\"a\"," DISK "}"
#define DISK_SIZE (1 << 20)
#define DISK_LARGER (2 << 20)

static void test_common(void)
{
	static const char *const methods[] = {
		"Stats",       "{}",	  "RemoveDisk",		  "{\"lun\":1}", "ResizeDisk",
		"{\"lun\":1}", "AddDisk", "{\"disk\":" ADDED "}", NULL,
	};

	process_check_common(methods);
}

/* ---- Configure ---- */

/* Descriptors that go with each: 0 memory, 1 a socket, 2 a disk, 3 a pipe, 4 a stream, 5 a
 * disk that cannot be written, 6 an empty one. */
static void give_all(void)
{
	int pair[2], stream[2], ends[2], disk = process_file(DISK_SIZE);
	char path[64];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == 0);
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	process_give_away(process_file(GUEST_MEMORY));
	process_give_away(pair[1]);
	process_give(disk);
	process_give_away(ends[0]);
	process_give_away(stream[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", disk);
	process_give_away(open(path, O_RDONLY | O_CLOEXEC));
	process_give_away(process_file(0));
	close(disk);
	close(pair[0]);
	close(stream[0]);
	close(ends[1]);
}

static void configure(const char *begin, const char *disks)
{
	give_all();
	process_call("Configure", "{%s,\"disks\":[%s]}", begin, disks);
}

#define BEGIN "\"name\":\"n\",\"instance\":\"" INSTANCE "\",\"subs\":0"
#define FDS ",\"partition_fd\":0,\"socket_fd\":1"
#define INVALID "org.varlink.service.InvalidParameter"
#define ONE "{\"lun\":0,\"fd\":2,\"name\":\"a\"," DISK "}"

static const struct {
	const char *begin, *disks, *error, *message;
} wrong[] = {
	{ "\"name\":\"\",\"instance\":\"" INSTANCE "\",\"subs\":0" FDS, ONE, "BadConfiguration",
	  "name" },
	{ "\"name\":\"n\",\"instance\":\"4f8c1c44-93d1-4c2e-9a35-1f2e3d4c5b6\",\"subs\":0" FDS, ONE,
	  "BadConfiguration", "instance" },
	{ "\"name\":\"n\",\"instance\":\"00000000-0000-0000-0000-000000000000\",\"subs\":0" FDS,
	  ONE, "BadConfiguration", "instance" },
	{ "\"name\":\"n\",\"instance\":\"" INSTANCE "\",\"subs\":17" FDS, ONE, "BadConfiguration",
	  "subs" },
	{ "\"name\":\"n\",\"instance\":\"" INSTANCE "\",\"subs\":-1" FDS, ONE, INVALID, NULL },
	{ BEGIN ",\"partition_fd\":7,\"socket_fd\":1", ONE, "BadConfiguration",
	  "partition_fd: no descriptor 7" },
	{ BEGIN ",\"partition_fd\":3,\"socket_fd\":1", ONE, "BadConfiguration", "partition_fd" },
	{ BEGIN ",\"partition_fd\":0,\"socket_fd\":0", ONE, "BadConfiguration", "socket_fd: no" },
	{ BEGIN ",\"partition_fd\":0,\"socket_fd\":4", ONE, "BadConfiguration", "socket_fd: not" },
	{ BEGIN ",\"partition_fd\":0,\"socket_fd\":2",
	  "{\"lun\":0,\"fd\":2,\"name\":\"a\"," DISK "}", "BadConfiguration", "socket_fd: no" },
	{ BEGIN ",\"partition_fd\":0", ONE, INVALID, NULL },
	{ BEGIN FDS ",\"extra\":1", ONE, INVALID, NULL },
	{ BEGIN FDS, "{\"lun\":64,\"fd\":2,\"name\":\"a\"," DISK "}", "BadConfiguration",
	  "LUN 64" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":2,\"name\":\"\"," DISK "}", "BadConfiguration", "name" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":9,\"name\":\"a\"," DISK "}", "BadConfiguration",
	  "fd: no descriptor 9" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":3,\"name\":\"a\"," DISK "}", "BadConfiguration",
	  "disk a: it is neither" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":5,\"name\":\"a\"," DISK "}", "Denied",
	  "disk a: the file is not open" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":6,\"name\":\"a\"," DISK "}", "BadConfiguration",
	  "disk a: it is neither" },
	{ BEGIN FDS, ONE ",{\"lun\":0,\"fd\":5,\"name\":\"b\"," DISK "}", "BadConfiguration",
	  "disk b: its LUN is taken" },
	{ BEGIN FDS, ONE ",{\"lun\":1,\"fd\":2,\"name\":\"b\"," DISK "}", "BadConfiguration",
	  "fd: no descriptor 2" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"logical_block\":1000," DISK "}",
	  "BadConfiguration", "disk a: blocks" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"logical_block\":0," DISK "}",
	  "BadConfiguration", "disk a: a block of 0" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"discard_granularity\":0," DISK "}",
	  "BadConfiguration", "disk a: a block of 0" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"discard_granularity\":5000," DISK "}",
	  "BadConfiguration", "disk a: space is freed" },
	{ BEGIN FDS,
	  "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"serial\":\"123456789012345678901234567890123\"," DISK
	  "}",
	  "BadConfiguration", "disk a: the serial" },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"identity\":\"me\"," DISK "}", INVALID,
	  NULL },
	{ BEGIN FDS, "{\"lun\":0,\"fd\":-1,\"name\":\"a\"," DISK "}", INVALID, NULL },
	{ BEGIN FDS, "{\"fd\":2,\"name\":\"a\"," DISK "}", INVALID, NULL },
	{ BEGIN FDS,
	  "{\"lun\":0,\"fd\":2,\"name\":\"a\",\"read_only\":false,\"cache\":\"maybe\","
	  "\"discard\":true}",
	  INVALID, NULL },
	{ BEGIN FDS, "7", INVALID, NULL },
};

static void test_wrong(void)
{
	process_begin();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_NOTE("row %zu", i);
		configure(wrong[i].begin, wrong[i].disks);
		process_failed(wrong[i].error, wrong[i].message);
		/* Nothing was made. */
		process_call("Stats", "{}");
		process_failed("Failed", "no controller");
	}
	CHECK_NOTE("at last");
	configure(BEGIN FDS, ONE);
	CHECK(!process.error);
	configure(BEGIN FDS, ONE);
	process_failed("Failed", "already");
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

static void test_no_descriptors(void)
{
	process_begin();
	process_call("Configure", "{" BEGIN FDS ",\"disks\":[]}");
	process_failed("BadConfiguration", "partition_fd: no descriptor 0");
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

/* ---- disks that come and go ---- */

static uint64_t statistic(uint32_t lun, const char *field)
{
	sd_json_variant *disks;

	REQUIRE(process_call("Stats", "{}"));
	disks = sd_json_variant_by_key(process.answer, "disks");
	for (size_t i = 0; i < sd_json_variant_elements(disks); i++) {
		sd_json_variant *disk = sd_json_variant_by_index(disks, i);

		if (process_number(disk, "lun") == lun)
			return process_number(disk, field);
	}
	return UINT64_MAX;
}

static void check_event(sd_varlink *subscriber, uint64_t sequence, const char *kind)
{
	sd_json_variant *event = process_event(subscriber);

	if (!CHECK(event))
		return;
	CHECK_EQ(process_number(event, "sequence"), sequence);
	CHECK(process_number(event, "time_ns") > 0);
	CHECK_STR(process_text(event, "kind"), kind);
}

static void test_disks(void)
{
	int disk = process_file(DISK_SIZE);
	sd_varlink *subscriber;

	process_begin();
	process_call("Subscribe", "{}");
	process_failed("org.varlink.service.ExpectedMore", NULL);
	configure(BEGIN FDS, "");
	CHECK(!process.error);
	subscriber = process_subscribe();
	check_event(subscriber, 0, "started");
	process_give(disk);
	CHECK(process_call("AddDisk", "{\"disk\":{\"lun\":63,\"fd\":0,\"name\":\"a\"," DISK "}}"));
	CHECK_EQ(statistic(63, "size"), DISK_SIZE);
	process_give(disk);
	process_call("AddDisk", "{\"disk\":{\"lun\":63,\"fd\":0,\"name\":\"b\"," DISK "}}");
	process_failed("BadConfiguration", "disk b: its LUN is taken");
	process_call("ResizeDisk", "{\"lun\":62}");
	process_failed("BadConfiguration", "no disk 62");
	REQUIRE(ftruncate(disk, DISK_LARGER) == 0);
	CHECK(process_call("ResizeDisk", "{\"lun\":63}"));
	CHECK_EQ(process_number(process.answer, "size"), DISK_LARGER);
	REQUIRE(ftruncate(disk, 0) == 0);
	process_call("ResizeDisk", "{\"lun\":63}");
	process_failed("BadConfiguration", "empty");
	CHECK_EQ(statistic(63, "size"), DISK_LARGER);
	CHECK(process_call("RemoveDisk", "{\"lun\":63}"));
	check_event(subscriber, 1, "removed");
	process_call("RemoveDisk", "{\"lun\":63}");
	process_failed("BadConfiguration", "no disk 63");
	CHECK_EQ(statistic(63, "size"), UINT64_MAX);
	sd_varlink_close_unref(subscriber);
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	close(disk);
}

static bool has_ended(sd_varlink *subscriber)
{
	struct pollfd look = { .fd = sd_varlink_get_fd(subscriber) };

	return poll(&look, 1, 0) == 1 && (look.revents & POLLHUP);
}

/* One that does not read is cut off, and keeps nobody else waiting. */
static void test_deaf_subscriber(void)
{
	int disk = process_file(DISK_SIZE);
	sd_varlink *deaf, *all[20];
	sd_json_variant *event;
	uint64_t last = 0, sent = 0;

	process_begin();
	configure(BEGIN FDS, "");
	deaf = process_subscribe();
	/* The process has it before what follows. */
	usleep(100000);
	for (unsigned int i = 0; i < 10000 && !has_ended(deaf); i++) {
		process_give(disk);
		REQUIRE(process_call("AddDisk",
				     "{\"disk\":{\"lun\":0,\"fd\":0,\"name\":\"a\"," DISK "}}"));
		REQUIRE(process_call("RemoveDisk", "{\"lun\":0}"));
		sent++;
	}
	CHECK(has_ended(deaf));
	while ((event = process_event(deaf)))
		last = process_number(event, "sequence");
	/* What it has not heard of is more than what may wait for it. */
	CHECK(last > 0 && last + 200 < sent);
	sd_varlink_close_unref(deaf);
	/* As many as there can be; those that come after are told. */
	for (unsigned int i = 0; i < 20; i++) {
		all[i] = process_subscribe();
		CHECK_NOTE("subscriber %u", i);
		CHECK(!process_event(all[i]) == (i >= 16));
	}
	for (unsigned int i = 0; i < 20; i++)
		sd_varlink_close_unref(all[i]);
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	close(disk);
}

/* ---- locks ---- */

/* Another open file of the same one. */
static int open_again(int fd, int access)
{
	char path[64];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, access | O_CLOEXEC);
	REQUIRE(other >= 0);
	return other;
}

static void lock(int fd, short type)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

	REQUIRE(fcntl(fd, F_OFD_SETLK, &whole) == 0);
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A process that has the file locked for so long, as one that was killed while the kernel
 * writes for it. */
static pid_t hold(int disk, unsigned int ms)
{
	int ready[2];
	char byte;
	pid_t pid;

	REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		lock(open_again(disk, O_RDWR), F_WRLCK);
		byte = 1;
		REQUIRE(write(ready[1], &byte, 1) == 1);
		usleep(ms * 1000);
		_exit(0);
	}
	close(ready[1]);
	REQUIRE(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	return pid;
}

static void configure_disk(int disk, const char *description)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	process_give_away(process_file(GUEST_MEMORY));
	process_give_away(pair[1]);
	process_give(disk);
	process_call("Configure", "{" BEGIN FDS ",\"disks\":[%s]}", description);
	close(pair[0]);
}

/* What the process before has left under way is waited for. */
static void test_lock_waits(void)
{
	int disk = process_file(DISK_SIZE), given = open_again(disk, O_RDWR);
	uint64_t begin = milliseconds();
	pid_t holder = hold(disk, 700);

	process_begin();
	configure_disk(given, ONE);
	CHECK(!process.error);
	CHECK(milliseconds() - begin >= 700);
	REQUIRE(waitpid(holder, NULL, 0) == holder);
	CHECK_EQ(statistic(0, "size"), DISK_SIZE);
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	close(given);
	close(disk);
}

#define READ_ONLY "\"read_only\":true,\"cache\":\"writeback\",\"discard\":false"

/* A disk that comes to others is refused at once; one that is read only shares. */
static void test_lock_refuses(void)
{
	int disk = process_file(DISK_SIZE), other = open_again(disk, O_RDWR);
	int given = open_again(disk, O_RDWR), reader = open_again(disk, O_RDONLY);

	process_begin();
	configure_disk(given, "");
	CHECK(!process.error);
	lock(other, F_RDLCK);
	process_give(given);
	process_call("AddDisk", "{\"disk\":" ADDED "}");
	process_failed("NoResources", "disk a: its file is locked");
	process_give(reader);
	CHECK(process_call("AddDisk",
			   "{\"disk\":{\"lun\":1,\"fd\":0,\"name\":\"b\"," READ_ONLY "}}"));
	lock(other, F_UNLCK);
	process_give(given);
	process_call("AddDisk", "{\"disk\":" ADDED "}");
	process_failed("NoResources", "disk a: its file is locked");
	CHECK(process_call("RemoveDisk", "{\"lun\":1}"));
	close(reader);
	process_give(given);
	CHECK(process_call("AddDisk", "{\"disk\":" ADDED "}"));
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	close(given);
	close(other);
	close(disk);
}

/* ---- a guest ---- */

static struct process_guest guest;

/* Starts a process that serves the guest's disk. */
static void begin_with_guest(int disk, bool resumed)
{
	process_begin();
	process_give(guest.memory);
	process_give_away(process_guest_socket(&guest));
	process_give(disk);
	CHECK(process_call("Configure", "{" BEGIN FDS ",\"disks\":[" ONE "]}"));
	CHECK(process_guest_open(&guest, resumed));
}

/* A question whose answer has come. */
static struct vstor_packet ask(struct vstor_packet question)
{
	struct vstor_packet answer = { 0 };
	struct ring_packet packet;

	REQUIRE(process_guest_send(&guest, VMBUS_PACKET_INBAND, VMBUS_PACKET_ANSWER_WANTED, 7, NULL,
				   0, &question, sizeof(question)));
	REQUIRE(process_guest_receive(&guest, &packet, 10000));
	CHECK_EQ(packet.type, VMBUS_PACKET_COMPLETION);
	CHECK_EQ(packet.transaction, 7);
	if (CHECK_EQ(packet.payload_size, sizeof(answer)))
		memcpy(&answer, packet.payload, sizeof(answer));
	CHECK_EQ(answer.operation, VSTOR_COMPLETE_IO);
	return answer;
}

static void negotiate(void)
{
	struct vstor_packet answer;

	ask((struct vstor_packet){ .operation = VSTOR_BEGIN_INITIALIZATION });
	answer = ask((struct vstor_packet){ .operation = VSTOR_QUERY_PROTOCOL_VERSION,
					    .version.version = VSTOR_VERSION_6_2 });
	CHECK_EQ(answer.status, VSTOR_STATUS_SUCCESS);
	answer = ask((struct vstor_packet){ .operation = VSTOR_QUERY_PROPERTIES });
	CHECK_EQ(answer.status, VSTOR_STATUS_SUCCESS);
	answer = ask((struct vstor_packet){ .operation = VSTOR_END_INITIALIZATION });
	CHECK_EQ(answer.status, VSTOR_STATUS_SUCCESS);
}

#define BLOCK 512u
#define PAGE 4096u

/* Reads one page of the disk into a page of the guest's. */
static bool send_read(uint32_t page, uint32_t disk_page)
{
	struct {
		struct vmbus_gpa_direct direct;
		struct vmbus_gpa_range range;
		uint64_t pfn;
	} header = { .direct = { .range_count = 1 },
		     .range = { .length = PAGE },
		     .pfn = GUEST_FREE + page };
	struct vstor_packet packet = {
		.operation = VSTOR_EXECUTE_SRB,
		.srb = { .size = sizeof(packet.srb),
			 .cdb_size = 10,
			 .sense_size = VSTOR_SENSE_MAX,
			 .direction = VSTOR_DATA_IN,
			 .data_size = PAGE,
			 .cdb = { SCSI_READ_10 } },
	};

	scsi_put32(packet.srb.cdb + 2, disk_page * (PAGE / BLOCK));
	scsi_put16(packet.srb.cdb + 7, PAGE / BLOCK);
	return process_guest_send(&guest, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_ANSWER_WANTED,
				  page + 1, &header, sizeof(header), &packet, sizeof(packet));
}

/* The page of the disk that a page of the guest's is read from. */
static uint32_t source_of(uint32_t page)
{
	return page * 37 % (DISK_SIZE / PAGE);
}

static void fill_disk(int disk)
{
	for (uint32_t at = 0; at < (uint32_t)DISK_SIZE; at += 8) {
		uint64_t word = at * 0x9e3779b97f4a7c15u;

		REQUIRE(pwrite(disk, &word, sizeof(word), at) == sizeof(word));
	}
}

#define READS 1500u

/* What came of each read. */
static struct reads {
	bool answered[READS];
	uint32_t sent, done;
} reads;

static void take_answer(int disk, const struct ring_packet *packet)
{
	uint8_t want[PAGE], got[PAGE];
	uint32_t page = (uint32_t)packet->transaction - 1;
	const struct vstor_packet *answer = (const void *)packet->payload;

	REQUIRE(packet->type == VMBUS_PACKET_COMPLETION && page < reads.sent);
	CHECK_NOTE("read %u", page);
	CHECK(!reads.answered[page]);
	reads.answered[page] = true;
	reads.done++;
	CHECK_EQ(answer->srb.srb_status, VSTOR_SRB_SUCCESS);
	CHECK_EQ(answer->srb.data_size, PAGE);
	REQUIRE(pread(disk, want, PAGE, (off_t)source_of(page) * PAGE) == PAGE);
	REQUIRE(guest_read(guest.guest, (uint64_t)(GUEST_FREE + page) * PAGE, got, PAGE));
	CHECK_MEM(got, want, PAGE);
}

/* Some requests, some answers: at random more of the first, so that both rings fill. In a
 * third of the rounds answers are waited for: else a quick guest and a process that has just
 * begun get nowhere. */
static void go_on(int disk)
{
	const unsigned int patience = check_below(3) ? 0 : 10000; /* ms */
	struct ring_packet packet;

	for (uint64_t i = check_below(60); i > 0 && reads.sent < READS; i--) {
		if (!send_read(reads.sent, source_of(reads.sent)))
			break;
		reads.sent++;
	}
	for (uint64_t i = check_below(reads.sent < READS ? 50 : 70); i > 0; i--) {
		if (reads.done == reads.sent || !process_guest_receive(&guest, &packet, patience))
			break;
		take_answer(disk, &packet);
	}
}

/* Whenever the process dies, each request is answered by this one or the next, once. */
static void test_resume(void)
{
	int disk = process_file(DISK_SIZE);
	struct ring_packet packet;
	unsigned int deaths = 0;

	check_seed(1);
	fill_disk(disk);
	process_guest_new(&guest, INSTANCE, 16, 2);
	begin_with_guest(disk, false);
	negotiate();
	while (reads.sent < READS && deaths < 150) {
		go_on(disk);
		if (check_below(6) != 0)
			continue;
		usleep((useconds_t)check_below(2000));
		kill(process.pid, SIGKILL);
		CHECK_INT(process_end(), -SIGKILL);
		deaths++;
		begin_with_guest(disk, true);
	}
	CHECK(deaths > 3 && deaths < 150);
	while (reads.done < reads.sent && process_guest_receive(&guest, &packet, 10000))
		take_answer(disk, &packet);
	CHECK_NOTE("after %u processes", deaths);
	CHECK_EQ(reads.done, READS);
	CHECK(!process_guest_receive(&guest, &packet, 100));
	CHECK(statistic(0, "reads") > 0);
	CHECK(statistic(0, "read_bytes") == statistic(0, "reads") * PAGE);
	CHECK_EQ(statistic(0, "errors"), 0);
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	process_guest_free(&guest);
	close(disk);
}

/* A request that a process had taken and not answered is the next one's: the ring for
 * answers is full when it dies. */
static void test_journal(void)
{
	int disk = process_file(DISK_SIZE);
	struct ring_packet packet;

	memset(&reads, 0, sizeof(reads));
	fill_disk(disk);
	process_guest_new(&guest, INSTANCE, 16, 1);
	begin_with_guest(disk, false);
	negotiate();
	/* 46 answers fit; all of these are taken. */
	while (reads.sent < 200) {
		REQUIRE(send_read(reads.sent, source_of(reads.sent)));
		reads.sent++;
		for (unsigned int i = 0; i < 500 && ring_waiting(&guest.out) && reads.sent == 200;
		     i++)
			usleep(10000);
	}
	for (unsigned int i = 0; i < 1000 && statistic(0, "reads") < 200; i++)
		usleep(10000);
	CHECK_EQ(statistic(0, "reads"), 200);
	kill(process.pid, SIGKILL);
	CHECK_INT(process_end(), -SIGKILL);
	begin_with_guest(disk, true);
	while (reads.done < reads.sent && process_guest_receive(&guest, &packet, 10000))
		take_answer(disk, &packet);
	CHECK_NOTE("at the end");
	CHECK_EQ(reads.done, 200);
	CHECK(!process_guest_receive(&guest, &packet, 100));
	/* This process has done those that the guest had not heard of. */
	CHECK(statistic(0, "reads") >= 150 && statistic(0, "reads") < 200);
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
	process_guest_free(&guest);
	close(disk);
}

/* hv-vsp closes the channel; and one that is not ours is refused. */
static void test_link(void)
{
	int disk = process_file(DISK_SIZE);
	struct link_message message = { 0 };
	struct vmbus_guid instance;

	process_guest_new(&guest, INSTANCE, 4, 4);
	begin_with_guest(disk, false);
	negotiate();
	process_guest_say(&guest, &message, LINK_CLOSE, -1);
	process_guest_link(&guest, &message);
	CHECK_EQ(message.type, LINK_CLOSED);
	instance = guest.instance;
	guest.instance.bytes[3] ^= 1;
	CHECK(!process_guest_open(&guest, false));
	guest.instance = instance;
	/* hv-vsp goes away: the process stays for hvd to ask. */
	close(guest.link);
	guest.link = -1;
	CHECK_EQ(statistic(0, "reads"), 0);
	kill(process.pid, SIGINT);
	CHECK_INT(process_end(), 0);
	process_guest_free(&guest);
	close(disk);
}

int main(int argc, char **argv)
{
	REQUIRE(argc == 2);
	process_setup(argv[1], "org.mullion.Storage");
	CHECK_RUN(test_common);
	CHECK_RUN(test_wrong);
	CHECK_RUN(test_no_descriptors);
	CHECK_RUN(test_disks);
	CHECK_RUN(test_deaf_subscriber);
	CHECK_RUN(test_lock_waits);
	CHECK_RUN(test_lock_refuses);
	CHECK_RUN(test_resume);
	CHECK_RUN(test_journal);
	CHECK_RUN(test_link);
	process_teardown();
	return check_done();
}
