/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions: what is read from good XML, what is said about any other. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "domain.h"

static struct domain_error error;

static struct domain *parse(const char *xml)
{
	memset(&error, 0, sizeof(error));
	return domain_parse(xml, strlen(xml), &error);
}

/* A definition with something more in it, which begins on line 5. */
static struct domain *parse_with(const char *more)
{
	char *xml = NULL;
	struct domain *domain;

	REQUIRE(asprintf(&xml,
			 "<domain type='mullion'>\n<name>vm</name>\n<memory>65536</memory>\n"
			 "<os><kernel>/k</kernel></os>\n%s\n</domain>\n",
			 more) > 0);
	domain = parse(xml);
	free(xml);
	return domain;
}

static void expect(const char *message, unsigned int line, enum domain_problem problem)
{
	CHECK_STR(error.message, message);
	CHECK_EQ(error.line, line);
	CHECK_EQ(error.problem, problem);
}

static void test_smallest(void)
{
	struct domain *domain = parse_with("");

	REQUIRE(domain);
	CHECK_STR(domain->name, "vm");
	CHECK(sd_id128_is_null(domain->uuid));
	CHECK_EQ(domain->memory, 65536u * 1024);
	CHECK_EQ(domain->vcpus, 1);
	CHECK_EQ(domain->weight, 100);
	CHECK_EQ(domain_cap(domain), 0);
	CHECK_EQ(domain_reserve(domain), 0);
	CHECK_STR(domain->kernel, "/k");
	CHECK(!domain->initrd && !domain->cmdline && !domain->title && !domain->metadata);
	CHECK_EQ(domain->on_poweroff, DOMAIN_DESTROY);
	CHECK_EQ(domain->on_reboot, DOMAIN_RESTART);
	CHECK_EQ(domain->on_crash, DOMAIN_DESTROY);
	CHECK_EQ(domain->lines.name, 2);
	CHECK_EQ(domain->lines.memory, 3);
	CHECK_EQ(domain->lines.kernel, 4);
	CHECK(!domain_cpus(domain, 0));
	domain_free(domain);
}

static const char everything[] =
	"<?xml version='1.0' encoding='utf-8'?>\n"
	"<!-- about -->\n"
	"<domain type=\"mullion\" id='7' xmlns:m='urn:m'>\n"
	"  <on_crash>preserve</on_crash>\n"
	"  <name>a.b-c_D9</name>\n"
	"  <uuid>0123456789abcdef0123456789ABCDEF</uuid>\n"
	"  <title>T &lt;&amp;&gt; \xc3\xa9</title>\n"
	"  <description>one\n two &#13; <![CDATA[<three>]]></description>\n"
	"  <metadata><m:x a='1'>y<m:z/></m:x><o xmlns='urn:o'/></metadata>\n"
	"  <memory unit='MiB'>63</memory>\n"
	"  <currentMemory unit='KiB'>64512</currentMemory>\n"
	"  <memoryBacking><hugepages/></memoryBacking>\n"
	"  <memtune><hard_limit unit='G'>1</hard_limit><min_guarantee>1</min_guarantee></memtune>\n"
	"  <vcpu placement='static' cpuset='0-3,^1'>4</vcpu>\n"
	"  <cputune><vcpupin vcpu='3' cpuset='2'/><shares>250</shares><period>50000</period>"
	"<quota>25000</quota><reserve>100</reserve><vcpupin vcpu='0' cpuset='0,2'/></cputune>\n"
	"  <os><type arch='x86_64'>hvm</type><kernel>/boot/k &amp; l</kernel>"
	"<initrd>/i</initrd><cmdline>console=ttyS0 'a' \"b\"</cmdline></os>\n"
	"  <features><debug-exit state='on'/></features>\n"
	"  <on_poweroff>restart</on_poweroff><on_reboot> destroy </on_reboot>\n"
	"  <devices><console type='pty' tty='/dev/pts/9'><target type='serial' port='0'/></console>"
	"<serial type='pty'/>\n"
	"  <disk device='disk' type='file'><target bus='scsi' dev='sdb'/>"
	"<driver type='qcow2' cache='none' discard='unmap'/><source file='/a &amp; b'/><readonly/>"
	"<serial>S-1</serial><blockio logical_block_size='512' physical_block_size='4096'/></disk>\n"
	"  <disk type='block'><source dev='/dev/x'/><target dev='sda'/></disk>\n"
	"  <interface type='user'><mac address='02:0A:ff:00:00:01'/>"
	"<portForward proto='tcp' address='127.0.0.1'><range start='2222' to='22'/>"
	"<range start='80'/></portForward><portForward proto='udp'><range start='53'/></portForward>"
	"<mtu size='1400'/></interface>\n"
	"  <interface type='bridge'><source bridge='br0'/><target dev='tap0'/>"
	"<driver queues='4'/><link state='down'/></interface>\n"
	"  <interface type='ethernet'/>\n"
	"  <interface type='network'><source network='lab' bridge='lab0'/></interface>\n"
	"  <input type='keyboard' bus='vmbus'/><input type='mouse' bus='vmbus'/>\n"
	"  <video><model type='mullion' heads='1' vram='131072' primary='yes'>"
	"<acceleration accel3d='yes' rendernode='/dev/dri/renderD&lt;128'/>"
	"<resolution x='1920' y='1080'/><gputune><cap>150</cap><weight>200</weight>"
	"<memory unit='MiB'>100</memory></gputune></model></video></devices>\n"
	"</domain>\n";

static void check_disks(const struct domain *domain)
{
	const struct domain_disk *disk = &domain->disks[0];

	REQUIRE(domain->disk_count == 2);
	CHECK_STR(disk->target, "sda");
	CHECK_STR(disk->source, "/dev/x");
	CHECK(disk->block && !disk->read_only && !disk->discard && !disk->serial);
	CHECK_EQ(disk->cache, DOMAIN_CACHE_WRITEBACK);
	CHECK_EQ(disk->format, DOMAIN_RAW);
	CHECK_EQ(disk->logical_block + disk->physical_block, 0);
	disk = &domain->disks[1];
	CHECK(domain_disk(domain, "sdb") == disk && !domain_disk(domain, "sdc"));
	CHECK_STR(disk->source, "/a & b");
	CHECK_STR(disk->serial, "S-1");
	CHECK(!disk->block && disk->read_only && disk->discard);
	CHECK_EQ(disk->cache, DOMAIN_CACHE_NONE);
	CHECK_EQ(disk->format, DOMAIN_QCOW2);
	CHECK_EQ(disk->physical_block, 4096);
	CHECK_EQ(disk->line, 21);
	CHECK_EQ(domain_lun("sda"), 0);
	CHECK_EQ(domain_lun("sdz"), 25);
	CHECK_EQ(domain_lun("sdaa"), 26);
	CHECK_EQ(domain_lun("sdbl"), 63);
}

static void check_video(const struct domain *domain)
{
	const struct domain_video *video = &domain->video;

	CHECK_EQ(video->model, DOMAIN_VIDEO_MULLION);
	CHECK(domain_has_screen(domain) && domain_has_gpu(domain));
	CHECK_EQ(domain_vram(domain), 128u << 20);
	CHECK_STR(video->render_node, "/dev/dri/renderD<128");
	CHECK_EQ(video->width, 1920);
	CHECK_EQ(video->height, 1080);
	CHECK_EQ(video->memory, 100u << 20);
	CHECK_EQ(video->weight, 200);
	CHECK_EQ(video->cap, 150);
}

static void check_cards(const struct domain *domain)
{
	const struct domain_card *card = &domain->cards[0];
	char mac[DOMAIN_MAC_TEXT];

	REQUIRE(domain->card_count == 4);
	domain_mac_format(card->mac, mac);
	CHECK_STR(mac, "02:0a:ff:00:00:01");
	CHECK(domain_card(domain, card->mac) == card);
	CHECK_EQ(card->network, DOMAIN_USER);
	CHECK_EQ(card->mtu, 1400);
	REQUIRE(card->forward_count == 3);
	CHECK_STR(card->forwards[0].address, "127.0.0.1");
	CHECK_EQ(card->forwards[0].host, 2222);
	CHECK_EQ(card->forwards[0].guest, 22);
	CHECK_EQ(card->forwards[1].guest, 80);
	CHECK(card->forwards[2].udp && !card->forwards[2].address[0]);
	card++;
	CHECK_EQ(card->network, DOMAIN_BRIDGE);
	CHECK_STR(card->bridge, "br0");
	CHECK_STR(card->target, "tap0");
	CHECK_EQ(card->queues, 4);
	CHECK(card->unplugged && !card[1].unplugged);
	CHECK_EQ(card[1].network, DOMAIN_ETHERNET);
	CHECK(!card[1].target[0] && !card[1].queues && !card[1].source[0]);
	CHECK_EQ(card[2].network, DOMAIN_NETWORK);
	CHECK_STR(card[2].source, "lab");
	CHECK_STR(card[2].bridge, "lab0");
}

static void test_everything(void)
{
	struct domain *domain = parse(everything);
	char uuid[SD_ID128_UUID_STRING_MAX];

	CHECK_STR(error.message, "");
	REQUIRE(domain);
	CHECK_STR(domain->name, "a.b-c_D9");
	CHECK_STR(sd_id128_to_uuid_string(domain->uuid, uuid),
		  "01234567-89ab-cdef-0123-456789abcdef");
	CHECK_STR(domain->title, "T <&> \xc3\xa9");
	CHECK_STR(domain->description, "one\n two \r <three>");
	CHECK(domain->metadata && strstr(domain->metadata, "<m:x a=\"1\">y<m:z/></m:x>"));
	CHECK_EQ(domain->memory, 63u << 20);
	CHECK_EQ(domain_guest_memory(domain), 64u << 20);
	CHECK(domain->hugepages && domain->debug_exit && domain->console && domain->serial);
	CHECK_EQ(domain->hard_limit, 1u << 30);
	CHECK_EQ(domain->min_guarantee, 1024);
	CHECK_EQ(domain->vcpus, 4);
	CHECK_EQ(domain->weight, 250);
	CHECK_EQ(domain_cap(domain), 500);
	CHECK_EQ(domain_reserve(domain), 2);
	CHECK_EQ(domain->cpus.words[0], 0xd);
	CHECK_EQ(domain_cpus(domain, 0)->words[0], 0x5);
	CHECK_EQ(domain_cpus(domain, 1)->words[0], 0xd);
	CHECK_EQ(domain_cpus(domain, 3)->words[0], 0x4);
	CHECK_STR(domain->kernel, "/boot/k & l");
	CHECK_STR(domain->initrd, "/i");
	CHECK_STR(domain->cmdline, "console=ttyS0 'a' \"b\"");
	CHECK_EQ(domain->on_poweroff, DOMAIN_RESTART);
	CHECK_EQ(domain->on_reboot, DOMAIN_DESTROY);
	CHECK_EQ(domain->on_crash, DOMAIN_PRESERVE);
	check_disks(domain);
	check_video(domain);
	check_cards(domain);
	CHECK(domain->keyboard && domain->mouse);
	domain_free(domain);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_disk(const struct domain_disk *a, const struct domain_disk *b)
{
	return same_text(a->source, b->source) && same_text(a->serial, b->serial) &&
	       strcmp(a->target, b->target) == 0 && a->block == b->block &&
	       a->format == b->format && a->cache == b->cache && a->discard == b->discard &&
	       a->read_only == b->read_only && a->logical_block == b->logical_block &&
	       a->physical_block == b->physical_block;
}

static bool same_card(const struct domain_card *a, const struct domain_card *b)
{
	bool good = memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->network == b->network &&
		    strcmp(a->bridge, b->bridge) == 0 && strcmp(a->source, b->source) == 0 &&
		    strcmp(a->target, b->target) == 0 && a->mtu == b->mtu &&
		    a->queues == b->queues && a->unplugged == b->unplugged &&
		    a->forward_count == b->forward_count;

	for (size_t i = 0; good && i < a->forward_count; i++)
		good = strcmp(a->forwards[i].address, b->forwards[i].address) == 0 &&
		       a->forwards[i].udp == b->forwards[i].udp &&
		       a->forwards[i].host == b->forwards[i].host &&
		       a->forwards[i].guest == b->forwards[i].guest;
	return good;
}

static bool same_video(const struct domain_video *a, const struct domain_video *b)
{
	return a->model == b->model && a->vram == b->vram && a->width == b->width &&
	       a->height == b->height && a->accel3d == b->accel3d &&
	       same_text(a->render_node, b->render_node) && a->memory == b->memory &&
	       a->weight == b->weight && a->cap == b->cap;
}

static bool same_devices(const struct domain *a, const struct domain *b)
{
	bool good = a->disk_count == b->disk_count && a->card_count == b->card_count &&
		    a->keyboard == b->keyboard && a->mouse == b->mouse &&
		    same_video(&a->video, &b->video);

	for (size_t i = 0; good && i < a->disk_count; i++)
		good = same_disk(&a->disks[i], &b->disks[i]);
	for (size_t i = 0; good && i < a->card_count; i++)
		good = same_card(&a->cards[i], &b->cards[i]);
	return good;
}

/* Everything but the lines, and what metadata looks like. */
static bool same(const struct domain *a, const struct domain *b)
{
	return same_devices(a, b) && same_text(a->name, b->name) &&
	       sd_id128_equal(a->uuid, b->uuid) && same_text(a->title, b->title) &&
	       same_text(a->description, b->description) && same_text(a->kernel, b->kernel) &&
	       same_text(a->initrd, b->initrd) && same_text(a->cmdline, b->cmdline) &&
	       a->memory == b->memory && a->hard_limit == b->hard_limit &&
	       a->min_guarantee == b->min_guarantee && a->hugepages == b->hugepages &&
	       a->vcpus == b->vcpus && a->weight == b->weight && a->period == b->period &&
	       a->quota == b->quota && a->reserve == b->reserve &&
	       memcmp(&a->cpus, &b->cpus, sizeof(a->cpus)) == 0 &&
	       memcmp(a->pins, b->pins, sizeof(a->pins)) == 0 && a->debug_exit == b->debug_exit &&
	       a->no_vmbus == b->no_vmbus && a->console == b->console && a->serial == b->serial &&
	       a->on_poweroff == b->on_poweroff && a->on_reboot == b->on_reboot &&
	       a->on_crash == b->on_crash;
}

/* Writing and reading again changes nothing, and writing that gives the same text. */
static void check_round_trip(const struct domain *domain)
{
	struct domain_live live = { .id = 5, .tty = "/dev/pts/3" };
	char *text = domain_format(domain, NULL), *again, *running;
	struct domain *copy, *back;

	REQUIRE(text);
	back = parse(text);
	CHECK_STR(error.message, "");
	REQUIRE(back);
	CHECK(same(domain, back));
	again = domain_format(back, NULL);
	CHECK_STR(again, text);
	copy = domain_copy(domain);
	REQUIRE(copy);
	CHECK(same(domain, copy) && same_text(domain->metadata, copy->metadata));
	domain_free(back);
	running = domain_format(copy, &live);
	CHECK(running && strstr(running, " id='5'"));
	back = parse(running);
	CHECK(back && same(back, domain));
	domain_free(back);
	domain_free(copy);
	free(running);
	free(again);
	free(text);
}

/* Text from a few characters, those that XML treats in its own way above all. */
static char *random_text(size_t most, bool lines)
{
	static const char *const pieces[] = { "<",  ">",     "&",	 "'",  "\"", "]]>", "a",
					      " z", "&amp;", "\xc3\xa9", "\t", "=",  "\n",  "\r" };
	size_t count = check_below(most), length = 1;
	char *text = calloc(1, most * 8 + 2);

	REQUIRE(text);
	text[0] = '/';
	while (count--) {
		const char *piece = pieces[check_below(lines ? 14 : 12)];

		memcpy(text + length, piece, strlen(piece));
		length += strlen(piece);
	}
	return text;
}

/* Devices as the definition above has them, a random choice of them. */
static void random_devices(struct domain *domain)
{
	struct domain *from = parse(everything);
	struct domain_error ignored;

	REQUIRE(from);
	domain->keyboard = check_below(2);
	domain->mouse = check_below(2);
	for (size_t i = from->disk_count; i--;) {
		from->disks[i].read_only = check_below(2);
		from->disks[i].cache = (enum domain_cache)check_below(3);
		from->disks[i].logical_block = check_below(2) ? 512 : 0;
		if (!check_below(3))
			domain_remove_disk(from, from->disks[i].target);
	}
	for (size_t i = from->card_count; i--;) {
		from->cards[i].mac[0] = 2;
		from->cards[i].mac[1] = (uint8_t)i;
		from->cards[i].unplugged = check_below(2);
		if (!check_below(3))
			domain_remove_card(from, from->cards[i].mac);
	}
	CHECK(domain_add_devices(domain, from, &ignored));
	CHECK_EQ(domain->disk_count, from->disk_count);
	domain_free(from);
}

/* A screen or none. */
static void random_video(struct domain_video *video)
{
	video->model = (enum domain_model)check_below(4);
	if (video->model <= DOMAIN_VIDEO_NONE)
		return;
	video->vram = (uint64_t)(32 + check_below(225)) << 21;
	video->width = 480 + (uint32_t)check_below(1400);
	video->height = 480 + (uint32_t)check_below(1400);
	video->accel3d = video->model == DOMAIN_VIDEO_MULLION && check_below(2);
	video->render_node = video->accel3d && check_below(2) ? random_text(20, false) : NULL;
	video->memory = DOMAIN_GPU_MEMORY_MIN + check_below(DOMAIN_GPU_MEMORY_MAX >> 1);
	video->weight = 1 + (uint32_t)check_below(10000);
	video->cap = (uint32_t)check_below(6401);
}

static void random_domain(struct domain *domain)
{
	memset(domain, 0, sizeof(*domain));
	domain->name = strdup("vm-1");
	if (check_below(2))
		sd_id128_randomize(&domain->uuid);
	domain->title = check_below(2) ? random_text(9, false) : NULL;
	domain->description = check_below(2) ? random_text(30, true) : NULL;
	if (check_below(2))
		domain->metadata =
			strdup("<metadata><a xmlns=\"urn:a\" b=\"&lt;\">c</a></metadata>");
	domain->memory = 1 + check_below(UINT64_C(1) << (10 + check_below(33)));
	domain->hard_limit = check_below(2) ? domain->memory + check_below(99999) : 0;
	domain->min_guarantee = check_below(domain->memory + 1);
	domain->hugepages = check_below(2);
	domain->vcpus = 1 + (uint32_t)check_below(DOMAIN_VCPUS_MAX);
	domain->weight = 1 + (uint32_t)check_below(10000);
	domain->period = 1000 + (uint32_t)check_below(999001);
	domain->quota = (uint32_t)check_below(domain->period + 1);
	domain->reserve =
		(uint32_t)check_below((domain->quota ? domain->quota : domain->period) + 1);
	domain->console = check_below(2);
	domain->serial = check_below(2);
	domain->debug_exit = check_below(2);
	domain->no_vmbus = check_below(2);
	for (size_t i = 0; i < CPUSET_WORDS && check_below(2); i++)
		domain->cpus.words[i] = check_rand();
	for (uint32_t i = 0; i < domain->vcpus; i++) {
		if (!check_below(3))
			domain->pins[i].words[check_below(4)] = check_rand() | 1;
	}
	domain->kernel = random_text(20, false);
	domain->initrd = check_below(2) ? random_text(20, false) : NULL;
	domain->cmdline = check_below(2) ? random_text(99, false) : NULL;
	domain->on_poweroff = (enum domain_action)check_below(2);
	domain->on_reboot = (enum domain_action)check_below(2);
	domain->on_crash = (enum domain_action)check_below(3);
	random_devices(domain);
	random_video(&domain->video);
}

static void test_round_trip(void)
{
	struct domain *domain = parse(everything);

	REQUIRE(domain);
	check_round_trip(domain);
	domain_free(domain);
	check_seed(0x5eed0001);
	for (int i = 0; i < 300; i++) {
		domain = malloc(sizeof(*domain));
		REQUIRE(domain);
		random_domain(domain);
		CHECK_NOTE("domain %d", i);
		check_round_trip(domain);
		domain_free(domain);
	}
}

#define DISK "<disk type='file'><source file='/a'/><target dev='sda'/></disk>"
#define CARD "<interface type='user'><mac address='02:00:00:00:00:01'/></interface>"

/* Without a kernel there is something else to start. */
static void test_boot(void)
{
	static const char begin[] =
		"<domain type='mullion'>\n<name>a</name>\n<memory>1024</memory>\n";
	char xml[500];
	struct domain *domain;

	snprintf(xml, sizeof(xml), "%s<os/>\n<devices>" DISK "</devices></domain>", begin);
	domain = parse(xml);
	CHECK_STR(error.message, "");
	REQUIRE(domain);
	CHECK(!domain->kernel && domain_kernel(domain)[0] == '/' && domain_initrd(domain) &&
	      domain_cmdline(domain));
	CHECK(domain_open_kernel(domain, &error) < 0);
	CHECK_EQ(error.problem, DOMAIN_UNSUPPORTED);
	CHECK(strstr(error.message, "loader"));
	CHECK_EQ(error.line, 4);
	check_round_trip(domain);
	domain_free(domain);
	snprintf(xml, sizeof(xml), "%s<os/>\n</domain>", begin);
	CHECK(!parse(xml));
	expect("<os>: neither a <kernel> nor a <disk> to boot from", 4, DOMAIN_BAD);
	snprintf(xml, sizeof(xml),
		 "%s<os>\n<initrd>/a</initrd></os><devices>" DISK "</devices></domain>", begin);
	CHECK(!parse(xml));
	expect("<initrd>: without a <kernel>", 5, DOMAIN_BAD);
	snprintf(xml, sizeof(xml),
		 "%s<os>\n<cmdline>a</cmdline></os><devices>" DISK "</devices></domain>", begin);
	domain = parse(xml);
	REQUIRE(domain);
	CHECK_STR(domain_cmdline(domain), "a");
	check_round_trip(domain);
	domain_free(domain);
}

static struct domain *parse_device(const char *xml)
{
	memset(&error, 0, sizeof(error));
	return domain_parse_device(xml, strlen(xml), &error);
}

static void test_device(void)
{
	struct domain *domain = parse_with("<devices>" CARD "</devices>");
	struct domain *disk = parse_device("\n" DISK), *card = parse_device(CARD);

	REQUIRE(domain && disk && card);
	CHECK_EQ(disk->disk_count, 1);
	CHECK_EQ(disk->disks[0].line, 2);
	CHECK_EQ(card->card_count, 1);
	CHECK(domain_add_devices(domain, disk, &error));
	CHECK(!domain_add_devices(domain, disk, &error));
	expect("<disk>: there is a disk 'sda' already", 2, DOMAIN_BAD);
	CHECK(!domain_add_devices(domain, card, &error));
	check_round_trip(domain);
	domain_remove_disk(domain, "sda");
	domain_remove_card(domain, card->cards[0].mac);
	CHECK(!domain->disk_count && !domain->card_count);
	domain_free(disk);
	domain_free(card);
	domain_free(domain);
	CHECK(!parse_device("\n<domain type='mullion'/>"));
	expect("<domain>: not a device: a <disk> or an <interface>", 2, DOMAIN_BAD);
	CHECK(!parse_device("<network/>"));
	CHECK(!parse_device("<disk type='file'/>"));
	CHECK_EQ(error.line, 1);
	CHECK(!parse(DISK));
	expect("<disk>: not a definition, which is a <domain>", 1, DOMAIN_BAD);
}

/* Addresses are made up once and stay. */
static void test_complete(void)
{
	static const char two[] =
		"<devices><interface type='user'/><interface type='user'/></devices>";
	struct domain *first = parse_with(two), *again = parse_with(two);

	REQUIRE(first && again);
	CHECK(domain_complete(first, NULL));
	CHECK_EQ(first->cards[0].mac[0] & 3, 2);
	CHECK(memcmp(first->cards[0].mac, first->cards[1].mac, 6) != 0);
	CHECK(domain_complete(again, first));
	CHECK(same_devices(first, again));
	domain_free(first);
	domain_free(again);
}

static void test_image(void)
{
	char path[] = "/tmp/domain-test-XXXXXX";
	struct domain_disk disk = { .source = path, .line = 7 };
	int fd = mkstemp(path), opened;

	REQUIRE(fd >= 0);
	opened = domain_open_disk(&disk, &error);
	CHECK(opened >= 0 && (fcntl(opened, F_GETFL) & O_ACCMODE) == O_RDWR);
	close(opened);
	disk.read_only = true;
	opened = domain_open_disk(&disk, &error);
	CHECK(opened >= 0 && (fcntl(opened, F_GETFL) & O_ACCMODE) == O_RDONLY);
	close(opened);
	disk.format = DOMAIN_QCOW2;
	CHECK(domain_open_disk(&disk, &error) < 0);
	CHECK_EQ(error.line, 7);
	CHECK(strstr(error.message, "qcow2"));
	CHECK(write(fd, "QFI\xfb", 4) == 4);
	opened = domain_open_disk(&disk, &error);
	CHECK(opened >= 0);
	close(opened);
	disk.format = DOMAIN_RAW;
	disk.block = true;
	CHECK(domain_open_disk(&disk, &error) < 0);
	CHECK(strstr(error.message, "not a block device"));
	close(fd);
	unlink(path);
	CHECK(domain_open_disk(&disk, &error) < 0);
	CHECK(strstr(error.message, "No such file"));
}

static void test_said(void)
{
	static const struct {
		const char *more;
		unsigned int line;
		const char *message;
	} rows[] = {
		{ "<vcpu>0</vcpu>", 5,
		  "<vcpu>: The value '0' is less than the minimum value allowed ('1')" },
		{ "<vcpu>65</vcpu>", 5,
		  "<vcpu>: The value '65' is greater than the maximum value allowed ('64')" },
		{ "<vcpu>\n0</vcpu>", 5,
		  "<vcpu>: ' 0' is not a valid value of the atomic type 'vcpus'" },
		{ "<vcpu>two</vcpu>", 5,
		  "<vcpu>: 'two' is not a valid value of the atomic type 'vcpus'" },
		{ "<vcpu plcement='static'>1</vcpu>", 5,
		  "<vcpu>: unknown attribute 'plcement' (did you mean 'placement'?)" },
		{ "<vcpu\n  placement='auto'\n>1</vcpu>", 7,
		  "<vcpu>: attribute 'placement': The value 'auto' is not an element of the set {'static'}" },
		{ "\n<cputun/>", 6,
		  "<domain>: unknown element 'cputun' (did you mean 'cputune'?)" },
		{ "<quux/>", 5, "<domain>: unknown element 'quux'" },
		{ "<name>b</name>", 5, "<domain>: element 'name' is there twice" },
		{ "<cputune>\n<shares>1</shares>\n<shares>1</shares></cputune>", 7,
		  "<cputune>: element 'shares' is there twice" },
		{ "<cputune><shares>0</shares></cputune>", 5,
		  "<shares>: The value '0' is less than the minimum value allowed ('1')" },
		{ "<cputune><quota>0</quota></cputune>", 5,
		  "<quota>: no time at all (-1 is no cap)" },
		{ "<cputune><period>1000</period>\n<quota>1001</quota></cputune>", 6,
		  "<quota>: more than <period>" },
		{ "<cputune><quota>10</quota>\n<reserve>11</reserve></cputune>", 6,
		  "<reserve>: more than <quota>" },
		{ "<vcpu>2</vcpu><cputune>\n<vcpupin vcpu='2' cpuset='0'/></cputune>", 6,
		  "<vcpupin>: virtual processor 2 of 2 (they count from 0)" },
		{ "<cputune><vcpupin vcpu='0' cpuset='0'/>\n<vcpupin vcpu='0' cpuset='1'/></cputune>",
		  6, "<vcpupin>: virtual processor 0 is there twice" },
		{ "<cputune><vcpupin vcpu='0' cpuset='3-1'/></cputune>", 5,
		  "<vcpupin>: '3-1' is not a set of CPUs below 256" },
		{ "<cputune><vcpupin vcpu='0'/></cputune>", 5,
		  "<vcpupin>: The attribute 'cpuset' is required but missing" },
		{ "<uuid>00000000-0000-0000-0000-000000000000</uuid>", 5,
		  "<uuid>: the UUID of nothing" },
		{ "<currentMemory>65537</currentMemory>", 5,
		  "<currentMemory>: more than <memory>" },
		{ "<memtune>\n<hard_limit>65535</hard_limit></memtune>", 6,
		  "<hard_limit>: less than <memory>" },
		{ "<memtune><min_guarantee>65537</min_guarantee></memtune>", 5,
		  "<min_guarantee>: more than <memory>" },
		{ "<memtune><hard_limit unit='TiB'>99999999999</hard_limit></memtune>", 5,
		  "<hard_limit>: not a size that memory can have" },
		{ "<memtune><hard_limit>0</hard_limit></memtune>", 5,
		  "<hard_limit>: The value '0' is less than the minimum value allowed ('1')" },
		{ "<os/>", 5, "<domain>: element 'os' is there twice" },
		{ "<metadata><a/></metadata>", 5, NULL },
		{ "<on_crash>explode</on_crash>", 5, NULL },
		{ "<title>a\nb</title>", 5, NULL },
		{ "stray text", 0, NULL },
		{ "<vcpu>1", 6, NULL },
		{ "&bomb;", 5, NULL },
		{ "<title>\x01</title>", 5, NULL },
		{ "<x:y xmlns:x='urn:x'/>", 5, "<domain>: unknown element 'y'" },
		{ "<vcpu x:placement='static' xmlns:x='urn:x'>1</vcpu>", 5, NULL },
		{ "<title a='b'>x</title>", 5, "<title>: unknown attribute 'a'" },
		{ "<devices><disk type='file'>\n<source fiel='/a'/><target dev='sda'/></disk></devices>",
		  6, "<source>: unknown attribute 'fiel' (did you mean 'file'?)" },
		{ "<devices><disk type='file'>\n<source dev='/a'/><target dev='sda'/></disk></devices>",
		  6, "<source>: the attribute 'file' is required" },
		{ "<devices><disk type='block'>\n<source dev='/a' file='/b'/><target dev='sda'/></disk>"
		  "</devices>",
		  6, "<source>: attribute 'file' of another type" },
		{ "<devices>\n<disk type='file'><source file='a'/><target dev='sda'/></disk></devices>",
		  6, NULL },
		{ "<devices>\n<disk type='file'><source file='/a'/><target dev='vda'/></disk></devices>",
		  6, NULL },
		{ "<devices>\n<disk type='file'><source file='/a'/><target dev='sdbm'/></disk></devices>",
		  6, NULL },
		{ "<devices>\n<disk type='network'/></devices>", 6,
		  "<disk>: attribute 'type': The value 'network' is not an element of the set {'file', "
		  "'block'}" },
		{ "<devices>" DISK "\n" DISK "</devices>", 6,
		  "<disk>: there is a disk 'sda' already" },
		{ "<devices><disk type='file'><source file='/a'/><target dev='sda'/>\n"
		  "<blockio logical_block_size='4096' physical_block_size='512'/></disk></devices>",
		  6, "<blockio>: the physical size is less than the logical one" },
		{ "<devices>\n<interface type='direct'/></devices>", 6, NULL },
		{ "<devices>\n<interface type='bridge'/></devices>", 6,
		  "<interface>: a <source> with the bridge is missing" },
		{ "<devices>\n<interface type='network'/></devices>", 6,
		  "<interface>: a <source> with the network is missing" },
		{ "<devices><interface type='bridge'>\n<source network='a'/></interface></devices>",
		  6, "<source>: the attribute 'bridge' is required" },
		{ "<devices><interface type='bridge'>\n<source network='a' bridge='b'/></interface>"
		  "</devices>",
		  6, "<source>: attribute 'network' of another type" },
		{ "<devices><interface type='network'>\n<source bridge='a'/></interface></devices>",
		  6, "<source>: the attribute 'network' is required" },
		{ "<devices><interface type='user'>\n<source bridge='a'/></interface></devices>", 6,
		  "<source>: not with an interface of type 'user'" },
		{ "<devices><interface type='ethernet'>\n<portForward proto='tcp'><range start='1'/>"
		  "</portForward></interface></devices>",
		  6, "<portForward>: not with an interface of type 'ethernet'" },
		{ "<devices><interface type='user'>\n<portForward proto='tcp' address='1.2.3'>"
		  "<range start='1'/></portForward></interface></devices>",
		  6, "<portForward>: '1.2.3' is not an address" },
		{ "<devices><interface type='user'><portForward proto='tcp'><range start='1'/>\n"
		  "<range start='1' to='2'/></portForward></interface></devices>",
		  6, "<range>: port 1 is there twice" },
		{ "<devices><interface type='user'><portForward proto='tcp'>\n<range start='0'/>"
		  "</portForward></interface></devices>",
		  6, NULL },
		{ "<devices><interface type='user'>\n<mac address='00:00:00:00:00:00'/></interface>"
		  "</devices>",
		  6, "<mac>: the address of nothing" },
		{ "<devices><interface type='user'>\n<mac address='01:00:00:00:00:00'/></interface>"
		  "</devices>",
		  6, NULL },
		{ "<devices>" CARD "\n" CARD "</devices>", 6,
		  "<interface>: there is one with the address 02:00:00:00:00:01 already" },
		{ "<devices><interface type='user'/><interface type='user'/><interface type='user'/>"
		  "<interface type='user'/><interface type='user'/><interface type='user'/>"
		  "<interface type='user'/><interface type='user'/>\n<interface type='user'/></devices>",
		  6, "<interface>: more than 8" },
		{ "<devices><input type='mouse' bus='vmbus'/>\n<input type='mouse' bus='vmbus'/></devices>",
		  6, "<input>: the mouse is there twice" },
		{ "<devices>\n<input type='mouse' bus='usb'/></devices>", 6, NULL },
		{ "<devices><video>\n<model type='qxl'/></video></devices>", 6, NULL },
		{ "<devices>\n<video/></devices>", 6, NULL },
		{ "<devices><video><model type='none'/></video>\n<video><model type='none'/>"
		  "</video></devices>",
		  6, "<devices>: element 'video' is there twice" },
		{ "<devices><video>\n<model type='hyperv' ram='1'/></video></devices>", 6,
		  "<model>: unknown attribute 'ram' (did you mean 'vram'?)" },
		{ "<devices><video>\n<model type='hyperv' heads='2'/></video></devices>", 6, NULL },
		{ "<devices><video>\n<model type='hyperv' vram='16383'/></video></devices>", 6,
		  "<model>: attribute 'vram': The value '16383' is less than the minimum value "
		  "allowed ('16384')" },
		{ "<devices><video>\n<model type='hyperv' vram='524289'/></video></devices>", 6,
		  NULL },
		{ "<devices><video>\n<model type='hyperv' vram='-2048'/></video></devices>", 6,
		  NULL },
		{ "<devices><video>\n<model type='hyperv' vram='17000'/></video></devices>", 6,
		  "<model>: attribute 'vram': not a multiple of 2048" },
		{ "<devices><video><model type='none'>\n<acceleration/></model></video></devices>",
		  5, "<model>: one of type 'none' has nothing in it" },
		{ "<devices><video><model type='hyperv'>\n<acceleration accel3d='yes'/></model>"
		  "</video></devices>",
		  6, "<acceleration>: a model of type 'hyperv' has none" },
		{ "<devices><video><model type='mullion'>\n<acceleration accel3d='no' "
		  "rendernode='/r'/></model></video></devices>",
		  6, "<acceleration>: a render node, and no acceleration" },
		{ "<devices><video><model type='hyperv'>\n<acceleration rendernode='/r'/></model>"
		  "</video></devices>",
		  6, "<acceleration>: a render node, and no acceleration" },
		{ "<devices><video><model type='mullion'>\n<acceleration rendernode='r'/></model>"
		  "</video></devices>",
		  6, NULL },
		{ "<devices><video><model type='mullion' vram='16384'>\n<resolution x='4095' "
		  "y='1080'/></model></video></devices>",
		  6,
		  "<resolution>: 4095 by 1080 needs 17276 KiB, and the screen has 16384 of vram" },
		{ "<devices><video><model type='hyperv'>\n<resolution x='4096' y='480'/></model>"
		  "</video></devices>",
		  6, NULL },
		{ "<devices><video><model type='hyperv'>\n<resolution x='640'/></model></video>"
		  "</devices>",
		  6, NULL },
		{ "<devices><video><model type='mullion'><gputune>\n<memory>1024</memory></gputune>"
		  "</model></video></devices>",
		  6, "<memory>: less than 16 MiB" },
		{ "<devices><video><model type='mullion'><gputune>\n<memory unit='TiB'>2</memory>"
		  "</gputune></model></video></devices>",
		  6, "<memory>: more than 1048576 MiB" },
		{ "<devices><video><model type='mullion'><gputune>\n<weight>0</weight></gputune>"
		  "</model></video></devices>",
		  6, NULL },
		{ "<devices><video><model type='mullion'><gputune>\n<cap>6401</cap></gputune>"
		  "</model></video></devices>",
		  6, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct domain *domain = parse_with(rows[i].more);

		CHECK_NOTE("%.100s", rows[i].more);
		CHECK(!domain);
		CHECK_EQ(error.problem, DOMAIN_BAD);
		if (rows[i].message)
			CHECK_STR(error.message, rows[i].message);
		if (rows[i].line)
			CHECK_EQ(error.line, rows[i].line);
		CHECK(error.message[0] && !strchr(error.message, '\n'));
		domain_free(domain);
	}
}

/* What is left out of a screen. */
static void test_video(void)
{
	struct domain *domain =
		parse_with("<devices><video><model type='mullion'/></video></devices>");
	const struct domain_video *video = domain ? &domain->video : NULL;

	REQUIRE(video);
	CHECK(domain_has_gpu(domain) && video->accel3d && !video->render_node);
	CHECK_EQ(domain_vram(domain), DOMAIN_VRAM_DEFAULT);
	CHECK_EQ(video->width, DOMAIN_WIDTH_DEFAULT);
	CHECK_EQ(video->height, DOMAIN_HEIGHT_DEFAULT);
	CHECK_EQ(video->memory, DOMAIN_GPU_MEMORY_DEFAULT);
	CHECK_EQ(video->weight, 100);
	CHECK_EQ(video->cap, 0);
	domain_free(domain);
	domain = parse_with("<devices><video><model type='mullion'><acceleration accel3d='no'/>"
			    "</model></video></devices>");
	REQUIRE(domain);
	CHECK(domain_has_screen(domain) && !domain_has_gpu(domain));
	CHECK_EQ(domain_vram(domain), DOMAIN_VRAM_DEFAULT);
	domain_free(domain);
	domain = parse_with("<devices><video><model type='hyperv'/></video></devices>");
	REQUIRE(domain);
	CHECK(domain_has_screen(domain) && !domain_has_gpu(domain) && !domain->video.accel3d);
	domain_free(domain);
	domain = parse_with("<devices><video><model type='none'/></video></devices>");
	REQUIRE(domain);
	CHECK(!domain_has_screen(domain) && !domain_vram(domain));
	domain_free(domain);
	domain = parse_with("");
	REQUIRE(domain);
	CHECK(!domain_has_screen(domain) && !domain_vram(domain));
	domain_free(domain);
}

/* A render node is one, not any file. */
static void test_render_node(void)
{
	static const struct {
		const char *path, *message;
	} rows[] = {
		{ "/dev/null", "<acceleration>: /dev/null: not a GPU's render node" },
		{ "/tmp", "<acceleration>: /tmp: Is a directory" },
		{ "/nowhere/card0", "<acceleration>: /nowhere/card0: No such file or directory" },
	};
	char xml[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct domain *domain;

		snprintf(xml, sizeof(xml),
			 "<devices><video><model type='mullion'>\n<acceleration rendernode='%s'/>"
			 "</model></video></devices>",
			 rows[i].path);
		domain = parse_with(xml);
		REQUIRE(domain);
		CHECK_EQ(domain_open_render_node(domain, &error), -1);
		expect(rows[i].message, 6, DOMAIN_BAD);
		domain_free(domain);
	}
}

/* The sentence that the reference asks for, but for elements that do not exist yet. */
static void test_slip(void)
{
	CHECK(!parse("<domain type='mullion'>\n<name>a</name>\n<memory>1024</memory>\n<os>\n"
		     "<kernel>/k</kernel>\n</os>\n<cputune>\n<!--\n-->\n"
		     "<vcpupin vcpu='0' cpuest='0'/>\n</cputune>\n</domain>"));
	expect("<vcpupin>: unknown attribute 'cpuest' (did you mean 'cpuset'?)", 10, DOMAIN_BAD);
}

static void test_unsupported(void)
{
	CHECK(!parse_with("<devices>\n<hostdev/></devices>"));
	expect("<devices>: element 'hostdev' is not supported", 6, DOMAIN_UNSUPPORTED);
	CHECK(!parse_with("<clock offset='utc'/>"));
	expect("<domain>: element 'clock' is not supported", 5, DOMAIN_UNSUPPORTED);
	CHECK(!parse_with("<currentMemory>1</currentMemory>"));
	expect("<currentMemory>: less than <memory> is not supported", 5, DOMAIN_UNSUPPORTED);
}

static void test_missing(void)
{
	CHECK(!parse("<domain type='mullion'>\n<name>a</name></domain>"));
	CHECK_EQ(error.line, 1);
	CHECK(strstr(error.message, "Missing child element(s)"));
	CHECK(!parse("<domain type='kvm'><name>a</name></domain>"));
	CHECK(strstr(error.message, "'kvm'"));
	CHECK(!parse("<domain><name>a</name></domain>"));
	CHECK(strstr(error.message, "'type'"));
	CHECK(!parse("<volume/>"));
	expect("<volume>: not a definition, which is a <domain>", 1, DOMAIN_BAD);
	CHECK(!parse("<domain xmlns='urn:x'/>"));
	CHECK_EQ(error.problem, DOMAIN_BAD);
}

static void test_names(void)
{
	static const char *const bad[] = { "",	  "12",	  "-a",	      ".",   "..",    ".a", "a b",
					   "a/b", "a\nb", "\xc3\xa9", " a ", "a&lt;", "%s", NULL };
	char long_name[66], xml[400];

	for (size_t i = 0; bad[i]; i++) {
		snprintf(xml, sizeof(xml),
			 "<domain type='mullion'><name>%s</name><memory>1</memory><os><kernel>/k"
			 "</kernel></os></domain>",
			 bad[i]);
		CHECK_NOTE("%s", bad[i]);
		CHECK(!parse(xml));
		CHECK_EQ(error.problem, DOMAIN_BAD);
		CHECK(!domain_name_is_valid(bad[i]));
	}
	memset(long_name, 'a', sizeof(long_name));
	long_name[64] = '\0';
	CHECK(!domain_name_is_valid(long_name));
	long_name[63] = '\0';
	CHECK(domain_name_is_valid(long_name));
	CHECK(domain_name_is_valid("0a") && domain_name_is_valid("_") &&
	      domain_name_is_valid("a.b-c"));
	CHECK(!domain_name_is_valid("01234567-89ab-cdef-0123-456789abcdef"));
	CHECK(!domain_name_is_valid("0123456789abcdef0123456789abcdef"));
}

/* What XML allows and would cost the reader dearly, or show it other people's files. */
static void test_hostile(void)
{
	char *large = malloc(DOMAIN_XML_MAX + 2), *at;

	CHECK(!parse("<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>\n"
		     "<domain type='mullion'><name>&a;</name></domain>"));
	expect("a DOCTYPE is not allowed", 1, DOMAIN_BAD);
	CHECK(!parse("<!DOCTYPE domain SYSTEM 'http://localhost/x.dtd'>\n<domain/>"));
	expect("a DOCTYPE is not allowed", 1, DOMAIN_BAD);
	CHECK(!parse("\n\n<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>"
		     "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;'>]><domain>&c;</domain>"));
	expect("a DOCTYPE is not allowed", 3, DOMAIN_BAD);
	CHECK(!parse("<!DOCTYPE domain><domain type='mullion'><name>a</name><memory>1</memory>"
		     "<os><kernel>/k</kernel></os></domain>"));
	expect("a DOCTYPE is not allowed", 1, DOMAIN_BAD);
	CHECK(!parse("<domain type='mullion' xmlns:xi='http://www.w3.org/2001/XInclude'>"
		     "<xi:include href='/etc/passwd'/></domain>"));
	CHECK_STR(error.message, "<domain>: unknown element 'include'");
	/* Deep: in metadata, where every name is allowed. */
	REQUIRE(large);
	at = large + sprintf(large, "<domain type='mullion'>\n<metadata>");
	for (int i = 0; i < 1000; i++)
		at += sprintf(at, "<a xmlns='urn:a'>");
	CHECK(!parse(large));
	expect("elements are nested too deep", 2, DOMAIN_BAD);
	/* Large. */
	memset(large, ' ', DOMAIN_XML_MAX + 1);
	memcpy(large, "<a/>", 4);
	memset(&error, 0, sizeof(error));
	CHECK(!domain_parse(large, DOMAIN_XML_MAX, &error));
	CHECK_STR(error.message, "<a>: not a definition, which is a <domain>");
	CHECK(!domain_parse(large, DOMAIN_XML_MAX + 1, &error));
	expect("larger than 1048576 bytes", 0, DOMAIN_BAD);
	free(large);
	/* Long names and values are cut in messages. */
	large = malloc(4096);
	REQUIRE(large);
	memset(large, 'x', 4095);
	memcpy(large, "<domain ", 8);
	memcpy(large + 4080, "='1'/>", 7);
	CHECK(!parse(large));
	CHECK(strlen(error.message) < DOMAIN_MESSAGE);
	free(large);
}

static void test_encodings(void)
{
	static const char utf16[] = "\xff\xfe<\0a\0/\0>\0";

	CHECK(!domain_parse(utf16, sizeof(utf16) - 1, &error));
	expect("not a text in UTF-8", 0, DOMAIN_BAD);
	CHECK(!domain_parse("", 0, &error));
	expect("empty", 0, DOMAIN_BAD);
	CHECK(!parse("<domain type='mullion'><title>\xe9</title></domain>"));
	expect("not a text in UTF-8", 0, DOMAIN_BAD);
	CHECK(!parse("<domain type='mullion'><title>\xed\xa0\x80</title></domain>"));
	CHECK_EQ(error.problem, DOMAIN_BAD);
	CHECK(!parse("<?xml version='1.0' encoding='ISO-8859-1'?><domain type='mullion'/>"));
	CHECK_STR(error.message, "encoding 'ISO-8859-1': only UTF-8 is read");
	CHECK(!parse("<?xml version='1.0' encoding='UTF-7'?><domain type='mullion'/>"));
	CHECK_EQ(error.problem, DOMAIN_BAD);
	CHECK(!parse("\xef\xbb\xbf<domain type='mullion'/>"));
	CHECK(strstr(error.message, "Missing child"));
}

/* One line is wrong wherever it stands: the message names it. */
static void test_lines(void)
{
	for (unsigned int line = 5; line < 70000; line = line * 3 + 1) {
		char *more = calloc(1, line + 16);

		REQUIRE(more);
		memset(more, '\n', line - 5);
		memcpy(more + line - 5, "<vcpus/>", 9);
		CHECK(!parse_with(more));
		CHECK_EQ(error.line, line);
		free(more);
	}
}

/* A change of one byte is read or refused, never worse; sanitizers watch. */
static void test_mutations(void)
{
	char xml[sizeof(everything)];
	unsigned int good = 0;

	check_seed(0x5eed0002);
	for (int i = 0; i < 4000; i++) {
		struct domain *domain;

		memcpy(xml, everything, sizeof(xml));
		for (uint64_t n = 1 + check_below(3); n; n--)
			xml[check_below(sizeof(xml) - 1)] =
				(char)(check_below(4) ? 32 + check_below(95) : check_rand() & 0xff);
		memset(&error, 0, sizeof(error));
		domain = domain_parse(xml, sizeof(xml) - 1, &error);
		if (domain)
			good++;
		else
			CHECK(error.problem != DOMAIN_OK && error.problem != DOMAIN_FAILED);
		domain_free(domain);
	}
	/* Both ways are taken. */
	CHECK_NOTE("%u are good", good);
	CHECK(good > 20 && good < 3980);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static void test_machine(void)
{
	struct domain_host host = { .memory = 1u << 30, .cpus.words = { 0x3 } };
	char kernel[] = "/tmp/domain-test-XXXXXX";
	unsigned char head[0x400] = { 0 };
	struct domain *domain = parse_with("<vcpu>2</vcpu><cputune>\n"
					   "<vcpupin vcpu='1' cpuset='1'/></cputune>");
	int fd = mkstemp(kernel);

	REQUIRE(domain && fd >= 0);
	close(fd);
	CHECK(!domain_check(domain, &host, &error));
	expect("<kernel>: /k: No such file or directory", 4, DOMAIN_BAD);
	free(domain->kernel);
	domain->kernel = strdup(kernel);
	CHECK(!domain_check(domain, &host, &error));
	CHECK(strstr(error.message, "not a bzImage"));
	head[0x1fe] = 0x55, head[0x1ff] = 0xaa;
	memcpy(head + 0x202, "HdrS\x0f\x02", 6);
	write_file(kernel, head, sizeof(head));
	CHECK(!domain_check(domain, &host, &error));
	CHECK(strstr(error.message, "has no 64-bit entry"));
	head[0x236] = 1;
	write_file(kernel, head, sizeof(head));
	CHECK(domain_check(domain, &host, &error));
	domain->initrd = strdup("/tmp");
	CHECK(!domain_check(domain, &host, &error));
	CHECK_STR(error.message, "<initrd>: /tmp: not a file");
	free(domain->initrd);
	domain->initrd = NULL;
	domain->pins[1].words[0] = 0x6;
	CHECK(!domain_check(domain, &host, &error));
	expect("<vcpupin>: there is no CPU 2", 6, DOMAIN_BAD);
	host.memory = (64u << 20) - 1;
	CHECK(!domain_check(domain, &host, &error));
	expect("<memory>: 64 MiB; this machine has 63", 3, DOMAIN_BAD);
	write_file(kernel, "\177ELF\2", 5);
	fd = domain_open_kernel(domain, &error);
	CHECK(fd >= 0);
	close(fd);
	unlink(kernel);
	domain_free(domain);
}

static void test_cpusets(void)
{
	static const char *const bad[] = {
		"",    ",",  "1,",   "-1", "1-", "256",	 "0-256",
		"2-1", "^1", "1,^1", "a",  "1 ", "1--2", "99999999999999999999",
		"^^1", NULL
	};
	char text[CPUSET_TEXT];
	struct cpuset set, back;

	for (size_t i = 0; bad[i]; i++) {
		CHECK_NOTE("%s", bad[i]);
		CHECK(!cpuset_parse(&set, bad[i]));
	}
	CHECK(cpuset_parse(&set, "0-255,^1-254"));
	cpuset_format(&set, text);
	CHECK_STR(text, "0,255");
	CHECK(cpuset_parse(&set, "7,3,4,5"));
	cpuset_format(&set, text);
	CHECK_STR(text, "3-5,7");
	check_seed(0x5eed0003);
	for (int i = 0; i < 2000; i++) {
		for (size_t w = 0; w < CPUSET_WORDS; w++)
			set.words[w] = check_rand() & (check_below(2) ? check_rand() : 0);
		set.words[0] |= 1;
		/* Every second CPU: the longest text there is. */
		if (i == 0)
			memset(&set, 0x55, sizeof(set));
		cpuset_format(&set, text);
		CHECK(cpuset_parse(&back, text));
		CHECK_MEM(&back, &set, sizeof(set));
	}
}

int main(void)
{
	CHECK_RUN(test_smallest);
	CHECK_RUN(test_everything);
	CHECK_RUN(test_round_trip);
	CHECK_RUN(test_said);
	CHECK_RUN(test_video);
	CHECK_RUN(test_render_node);
	CHECK_RUN(test_slip);
	CHECK_RUN(test_unsupported);
	CHECK_RUN(test_missing);
	CHECK_RUN(test_names);
	CHECK_RUN(test_hostile);
	CHECK_RUN(test_encodings);
	CHECK_RUN(test_lines);
	CHECK_RUN(test_mutations);
	CHECK_RUN(test_machine);
	CHECK_RUN(test_boot);
	CHECK_RUN(test_device);
	CHECK_RUN(test_complete);
	CHECK_RUN(test_image);
	CHECK_RUN(test_cpusets);
	domain_library_end();
	return check_done();
}
