/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ends of a link (vsp/channel/link.h), each with an other end that says what it
 * likes: the provider's end in vsp/channel/link.c, and hv-vsp's in vsp/server/remote.c
 * with a guest that opens and closes. Nothing leaks, and of descriptors none is left.
 */
#include "fuzz.h"

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmbus/message.h>

#include "host.h"
#include "journal.h"
#include "link.h"

#define MEMORY (32u * 4096)
#define RING_PAGES 4u
#define MESSAGES 24u /* fewer than a socket takes before somebody reads it */

static struct event_base *base;
static struct guest *memory;
static int journal, signals, other;
static unsigned int open_count;

static void run(void)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	FUZZ_CHECK(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- the provider's end ---- */

static struct channel *held[4];
static uint8_t how; /* the device behaves, bits */

static void on_packet(struct channel *channel, const struct packet *packet)
{
	channel_answer(channel, packet->ticket, "", 1);
}

static const struct channel_ops ops = { .packet = on_packet };

static void ask(struct channel *channel)
{
	uint64_t *pfns;
	uint32_t offset, length;

	if (how & 1)
		channel_offer_subs(channel, 1);
	if (!(how & 2) || !channel_gpadl(channel, 5, &pfns, &offset, &length))
		return;
	FUZZ_CHECK(pfns && length && offset < 4096);
	free(pfns);
}

static bool on_open(struct device *device, struct channel *channel)
{
	(void)device;
	channel->ops = &ops;
	ask(channel);
	open_count += !(how & 4);
	return !(how & 4);
}

static void on_close(struct device *device, struct channel *channel)
{
	(void)device;
	ask(channel);
	open_count--;
	channel->held = how & 8 && !held[channel->sub & 3];
	if (channel->held)
		held[channel->sub & 3] = channel;
}

static const struct device_ops device_ops = { .open = on_open, .close = on_close };
static struct device device;

static struct device *find(void *context, const struct vmbus_guid *instance)
{
	(void)context;
	return instance->bytes[0] ? NULL : &device;
}

static void on_end(void *context)
{
	(void)context;
}

static void let_go(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct channel *channel = held[i];

		held[i] = NULL;
		if (channel)
			channel_let_go(channel);
	}
}

static unsigned int add_fds(int *fds, uint64_t op, const struct link_message *message)
{
	static const uint64_t pfns[2 * RING_PAGES] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	unsigned int count = op & 64 ? (unsigned int)(op >> 8) % (LINK_FDS + 1) : 0;

	if (message->type == LINK_OPEN && !(op & 128))
		count = LINK_FDS;
	if (message->type == LINK_GPADL && !(op & 128))
		count = 1;
	fds[0] = link_pages_write(pfns, 2 * RING_PAGES);
	fds[1] = fds[2] = signals;
	fds[3] = journal;
	FUZZ_CHECK(fds[0] >= 0);
	return count;
}

/* One message of the input. */
static void say(const uint8_t **data, size_t *size)
{
	uint64_t op = fuzz_u64(data, size, 2);
	struct link_message message = { .type = op & 15, .sub = op >> 4 & 3 };
	int fds[LINK_FDS];
	unsigned int count = add_fds(fds, op, &message);

	if (message.type == LINK_OPEN)
		message.open.pfn_count = 2 * RING_PAGES, message.open.downstream = RING_PAGES;
	if (op & 0x2000)
		fuzz_take(data, size, &message.open, 16);
	else
		message.open.vp = (uint32_t)fuzz_u64(data, size, 1);
	if ((op & 0xc000) == 0xc000)
		message.instance.bytes[0] = 1;
	if ((op & 0xf000) == 0x9000)
		send(other, &message, (op & 255) % sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		link_send(other, &message, fds, count, MSG_DONTWAIT);
	close(fds[0]);
}

static void provider_end(const uint8_t *data, size_t size)
{
	int pair[2];
	struct link *link;

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	other = pair[1];
	device = (struct device){ .ops = &device_ops };
	how = (uint8_t)fuzz_u64(&data, &size, 1);
	link = link_new(base, pair[0], memory, find, on_end, NULL);
	FUZZ_CHECK(link);
	for (unsigned int n = 0; size && n < MESSAGES; n++) {
		say(&data, &size);
		/* What waits for an answer would wait for ever. */
		if (!(how & 3))
			run();
	}
	shutdown(other, SHUT_WR);
	for (unsigned int n = 0; n < MESSAGES; n++)
		run();
	FUZZ_CHECK(!open_count);
	link_free(link);
	let_go();
	FUZZ_CHECK(!device.host);
	close(other);
}

/* ---- hv-vsp's end ---- */

static void on_connected(void *context, uint32_t version)
{
	(void)context, (void)version;
}

static void on_warning(void *context, const char *text)
{
	(void)context;
	FUZZ_CHECK(strlen(text) < 256);
}

static void on_lost(void *context, int provider)
{
	(void)context, (void)provider;
}

static const struct host_calls calls = {
	.connected = on_connected, .warning = on_warning, .provider_lost = on_lost, .ended = on_end
};

static void guest_says(const void *message, uint32_t size)
{
	fake_message(VMBUS_CONNECTION_NEW, VMBUS_MESSAGE_TYPE, message, size);
}

static void guest_words(uint32_t type, uint32_t a, uint32_t b)
{
	uint32_t words[60] = { type, 0, a, b };

	guest_says(words, 16);
}

static void guest_opens(uint32_t relid)
{
	_Alignas(8) uint8_t gpadl[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_msg_gpadl_header header = { .header = { .type = VMBUS_MSG_GPADL_HEADER },
						 .relid = relid,
						 .gpadl = relid,
						 .ranges_size = 8 + 8 * 2 * RING_PAGES,
						 .range_count = 1,
						 .length = 2 * RING_PAGES * 4096 };
	uint8_t open[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_msg_open request = { .header = { .type = VMBUS_MSG_OPEN_CHANNEL },
					  .relid = relid,
					  .gpadl = relid,
					  .downstream = RING_PAGES };

	memcpy(gpadl, &header, sizeof(header));
	for (uint64_t i = 0; i < 2 * RING_PAGES; i++)
		memcpy(gpadl + sizeof(header) + 8 * i, &i, 8);
	guest_says(gpadl, (uint32_t)sizeof(header) + 8 * 2 * RING_PAGES);
	memcpy(open, &request, sizeof(request));
	guest_says(open, sizeof(request));
}

static void guest_acts(uint64_t op)
{
	uint32_t relid = 1 + (op >> 4 & 3);

	switch (op & 7) {
	case 0 ... 2:
		guest_opens(relid);
		break;
	case 3 ... 4:
		guest_words(VMBUS_MSG_CLOSE_CHANNEL, relid, 0);
		guest_words(VMBUS_MSG_GPADL_TEARDOWN, relid, relid);
		break;
	case 5:
		guest_words(VMBUS_MSG_MODIFY_CHANNEL, relid, op >> 6 & 1);
		break;
	case 6:
		guest_words(VMBUS_MSG_RELID_RELEASED, relid, 0);
		break;
	default:
		guest_words(VMBUS_MSG_UNLOAD, 0, 0);
	}
}

static void guest_connects(void)
{
	uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_msg_contact contact = { .header = { .type = VMBUS_MSG_INITIATE_CONTACT },
					     .version = VMBUS_VERSION(5, 3),
					     .sint = VMBUS_SINT };

	memcpy(message, &contact, sizeof(contact));
	guest_says(message, sizeof(contact));
	guest_words(VMBUS_MSG_REQUEST_OFFERS, 0, 0);
}

/* A provider, the one before is gone. */
static void provide(struct host *host)
{
	static const struct host_device what; /* all zeros */
	int pair[2];

	if (other >= 0)
		close(other);
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	other = pair[1];
	host_provide(host, &what, 1, pair[0]);
}

static void host_end(const uint8_t *data, size_t size)
{
	static const struct vmbus_guid instance; /* all zeros */
	struct host *host;

	fake_new(MEMORY);
	host = host_new(base, fake.file, 2, &calls, NULL);
	FUZZ_CHECK(host);
	other = -1;
	provide(host);
	guest_connects();
	run();
	guest_opens(1);
	while (size) {
		uint64_t op = fuzz_u64(&data, &size, 1);

		fake.post_count = 0;
		if (op & 128)
			guest_acts(op);
		else if ((op & 15) == 1)
			provide(host);
		else if ((op & 15) == 2)
			guest_connects();
		else if (op == 3)
			host_withdraw(host, &instance);
		else
			say(&data, &size);
		if (op & 64)
			run();
	}
	run();
	host_free(host);
	fake_end();
	close(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int before;

	if (!base) {
		const struct guest_range range = { 0, MEMORY };
		int file = memfd_create("guest", MFD_CLOEXEC);

		base = event_base_new();
		FUZZ_CHECK(base && file >= 0 && !ftruncate(file, MEMORY));
		memory = guest_new(file, &range, 1);
		close(file);
		journal = journal_create(4096);
		signals = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		FUZZ_CHECK(memory && journal >= 0 && signals >= 0);
		before = descriptors();
	}
	if (!size)
		return 0;
	if (data[0] & 1)
		provider_end(data + 1, size - 1);
	else
		host_end(data + 1, size - 1);
	FUZZ_CHECK(descriptors() == before);
	return 0;
}
