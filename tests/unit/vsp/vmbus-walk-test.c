/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/vmbus: a guest and a host that do anything in any order, right and wrong, and a
 * server that is saved and loaded in between.
 *
 * A model stands beside it that knows nothing of the server's insides. It has what the
 * guest was told (by relid) and what the host was told (by device and sub), says of each
 * event before it is sent whether it is to be dropped, and of each action whether it may
 * come. When the host has answered everything, nothing that the guest waits for is open.
 */
#include "vmbus-guest.h"

#define DEVICES 10u
#define SUBS 3u
#define GPADLS 40u
#define NOBODY UINT32_MAX

enum view {
	SHUT,
	ASKED, /* open was asked for */
	OPENED,
};

struct guest_channel {
	bool known, rescinded;
	uint32_t device, sub;
	enum view view;
	uint32_t number, gpadl, vp, downstream; /* of the last open */
	bool modifying; /* 5.3 and later: an answer is due */
};

struct host_channel {
	bool busy, answered, closing; /* between OPEN and CLOSED or a refusal */
	uint32_t relid, gpadl, connection;
	bool bound;
	bool modify;
	uint32_t vp, vp_wish; /* signals go to; the last that was asked for */
};

struct host_device {
	bool there, rescinded; /* until GONE */
	bool offered; /* in this connection */
	bool released; /* by the guest, in this connection */
	uint32_t instance;
	uint32_t subs; /* wanted since the last open */
};

struct page_list {
	bool there, whole, torn, asked; /* asked: the host was, to release it */
	uint32_t relid, device, sub;
	uint32_t pages, filled;
	bool aligned; /* fit for rings */
	bool silent; /* the guest has no interest in its end */
};

enum link {
	APART,
	TOGETHER,
	PARTING,
};

static struct model {
	enum link link;
	uint32_t version, vp;
	bool offers;
	enum vmbus_disconnect reason;
	uint32_t contact; /* asked for; with reason CONTACT */
	struct guest_channel guest[VMBUS_RELIDS];
	struct host_channel host[DEVICES][SUBS + 1];
	struct host_device device[DEVICES];
	struct page_list gpadl[GPADLS];
	uint32_t number; /* of opens */
} m;

/* What the step that is going on must give, beside what it may: counted down to 0. */
static struct {
	int created[GPADLS]; /* 1: well, -1: failure */
	int failed_open; /* relid whose open fails at once */
	bool version, unloaded;
	int delivered;
	int failed_modify; /* relid + 1 */
} due;

static bool spoken(uint32_t version)
{
	return (version >= VMBUS_VERSION(4, 0) && version <= VMBUS_VERSION(4, 1)) ||
	       (version >= VMBUS_VERSION(5, 0) && version <= VMBUS_VERSION(5, 3));
}

static bool anything_busy(void)
{
	for (uint32_t d = 0; d < DEVICES; d++)
		for (uint32_t s = 0; s <= SUBS; s++)
			if (m.host[d][s].busy)
				return true;
	return false;
}

/* ---- what came out ---- */

static void see_offer(const struct vmbus_action *action)
{
	uint32_t relid = word_at(action, 184), device, sub = word_at(action, 180) & 0xffff;
	struct guest_channel *channel = &m.guest[relid % VMBUS_RELIDS];

	/* mmio megabytes have the number, see offer() */
	device = word_at(action, 56) >> 16;
	REQUIRE(device < DEVICES && sub <= SUBS);
	CHECK(m.link == TOGETHER && m.offers);
	CHECK(relid > 0 && relid < VMBUS_RELIDS && !channel->known);
	CHECK_EQ(word_at(action, 192), 0x2000 + relid);
	CHECK(m.device[device].there && !m.device[device].rescinded);
	for (uint32_t i = 1; i < VMBUS_RELIDS; i++) {
		const struct guest_channel *other = &m.guest[i];

		if (!other->known)
			continue;
		/* Linux would take it for the one that it has. */
		if (m.device[other->device].instance == m.device[device].instance)
			CHECK(sub && other->device == device);
		if (other->device == device && other->sub == sub)
			CHECK(other->rescinded);
	}
	if (sub)
		CHECK(m.host[device][0].busy && !m.host[device][0].closing);
	else
		m.device[device].offered = true;
	*channel = (struct guest_channel){ .known = true, .device = device, .sub = sub };
}

static void see_message(const struct vmbus_action *action)
{
	uint32_t a = word_at(action, 8), b = word_at(action, 12), c = word_at(action, 16);
	struct guest_channel *channel = &m.guest[a % VMBUS_RELIDS];
	struct page_list *list;

	CHECK_EQ(action->post.vp, m.vp);
	switch (word_at(action, 0)) {
	case 1:
		see_offer(action);
		break;
	case 2:
		CHECK(channel->known && !channel->rescinded);
		CHECK(channel->view != ASKED); /* was answered before */
		channel->rescinded = true;
		channel->view = SHUT;
		break;
	case 4:
		CHECK(due.delivered-- == 1);
		break;
	case 6:
		CHECK(channel->known);
		if (due.failed_open == (int)a) {
			CHECK(c != 0);
			CHECK_EQ(b, m.number);
			due.failed_open = 0;
			break;
		}
		CHECK(channel->view == ASKED);
		CHECK_EQ(channel->number, b);
		channel->view = c ? SHUT : OPENED;
		break;
	case 10:
		REQUIRE(b < GPADLS);
		CHECK(due.created[b] == (c ? -1 : 1));
		due.created[b] = 0;
		break;
	case 12:
		REQUIRE(a < GPADLS);
		list = &m.gpadl[a];
		CHECK(list->there && list->torn && !list->silent);
		CHECK(!m.host[list->device][list->sub].busy ||
		      m.host[list->device][list->sub].gpadl != a);
		list->there = false;
		break;
	case 15:
		CHECK(due.version);
		due.version = false;
		break;
	case 17:
		CHECK(due.unloaded);
		due.unloaded = false;
		break;
	case 24:
		CHECK(m.version >= VMBUS_VERSION(5, 3));
		if (due.failed_modify) {
			CHECK_EQ(a, due.failed_modify - 1);
			CHECK(b != 0);
			due.failed_modify = 0;
			break;
		}
		CHECK(channel->modifying);
		channel->modifying = false;
		break;
	default:
		CHECK(false);
	}
}

static void forget_connection(void)
{
	CHECK(!anything_busy());
	memset(m.guest, 0, sizeof(m.guest));
	memset(m.gpadl, 0, sizeof(m.gpadl));
	for (uint32_t d = 0; d < DEVICES; d++)
		m.device[d].offered = m.device[d].released = false;
}

static void see_open(const struct vmbus_action *action, bool resuming)
{
	struct host_channel *channel = &m.host[action->device][action->sub];
	const struct vmbus_open *open = &action->open;
	const struct guest_channel *guest = &m.guest[open->flag % VMBUS_RELIDS];
	const struct page_list *list = &m.gpadl[open->gpadl % GPADLS];

	CHECK(!channel->busy && channel->bound);
	CHECK(guest->known && !guest->rescinded && guest->device == action->device &&
	      guest->sub == action->sub);
	CHECK(open->resumed ? guest->view == OPENED && resuming : guest->view == ASKED);
	CHECK_EQ(open->gpadl, guest->gpadl);
	CHECK_EQ(open->downstream, guest->downstream);
	CHECK_EQ(open->user[60], guest->number & 0xff);
	CHECK_EQ(open->connection, channel->connection);
	CHECK_EQ(open->connection, 0x2000 + open->flag);
	CHECK(list->there && list->whole && list->relid == open->flag);
	CHECK_EQ(open->ring.count, list->pages);
	for (uint32_t i = 0; i < list->pages; i++)
		CHECK_EQ(open->ring.pfns[i], pfn_of(open->gpadl, i));
	if (!open->resumed)
		CHECK_EQ(open->vp, guest->vp);
	if (!action->sub)
		for (uint32_t s = 1; s <= SUBS; s++)
			CHECK(!m.host[action->device][s].busy || open->resumed);
	channel->busy = true;
	channel->answered = open->resumed;
	channel->closing = false;
	channel->relid = open->flag;
	channel->gpadl = open->gpadl;
	channel->vp = open->vp;
	if (!action->sub && !open->resumed)
		m.device[action->device].subs = 0;
}

static void see_close(const struct vmbus_action *action)
{
	struct host_channel *channel = &m.host[action->device][action->sub];

	CHECK(channel->busy && !channel->closing && !channel->bound);
	if (!action->sub)
		for (uint32_t s = 1; s <= SUBS; s++)
			CHECK(!m.host[action->device][s].busy || m.host[action->device][s].closing);
	channel->closing = true;
	channel->modify = false;
}

static void see(const struct vmbus_action *action, bool resuming)
{
	struct host_channel *channel = &m.host[0][0];
	struct page_list *list;

	if (action->type >= VMBUS_ACTION_BIND && action->type <= VMBUS_ACTION_GONE) {
		REQUIRE(action->device < DEVICES);
		REQUIRE(action->type == VMBUS_ACTION_GONE || action->sub <= SUBS);
		channel =
			&m.host[action->device][action->type == VMBUS_ACTION_GONE ? 0 : action->sub];
	}
	switch (action->type) {
	case VMBUS_ACTION_POST:
		see_message(action);
		break;
	case VMBUS_ACTION_BIND:
		CHECK(!channel->bound && !channel->busy);
		for (uint32_t d = 0; d < DEVICES; d++)
			for (uint32_t s = 0; s <= SUBS; s++)
				CHECK(!m.host[d][s].bound ||
				      m.host[d][s].connection != action->bind.connection);
		channel->bound = true;
		channel->connection = action->bind.connection;
		break;
	case VMBUS_ACTION_UNBIND:
		CHECK(channel->bound);
		CHECK_EQ(channel->connection, action->bind.connection);
		channel->bound = false;
		break;
	case VMBUS_ACTION_OPEN:
		see_open(action, resuming);
		break;
	case VMBUS_ACTION_CLOSE:
		see_close(action);
		break;
	case VMBUS_ACTION_RELEASE_GPADL:
		REQUIRE(action->gpadl < GPADLS);
		list = &m.gpadl[action->gpadl];
		CHECK(channel->busy && !channel->closing && channel->gpadl != action->gpadl);
		CHECK(list->there && list->torn && !list->asked);
		CHECK(list->device == action->device && list->sub == action->sub);
		list->asked = true;
		break;
	case VMBUS_ACTION_MODIFY:
		CHECK(channel->busy && channel->answered && !channel->closing && !channel->modify);
		channel->modify = true;
		if (!resuming)
			CHECK_EQ(action->vp, channel->vp_wish);
		channel->vp = action->vp;
		break;
	case VMBUS_ACTION_GONE:
		CHECK(m.device[action->device].there && m.device[action->device].rescinded);
		for (uint32_t s = 0; s <= SUBS; s++)
			CHECK(!m.host[action->device][s].busy);
		for (uint32_t i = 1; i < VMBUS_RELIDS; i++)
			CHECK(!m.guest[i].known || m.guest[i].device != action->device ||
			      m.link != TOGETHER);
		m.device[action->device].there = false;
		break;
	case VMBUS_ACTION_CONNECTED:
		CHECK(due.version);
		CHECK_EQ(action->version, m.contact);
		break;
	case VMBUS_ACTION_DISCONNECTED:
		CHECK_EQ(action->reason, m.reason);
		CHECK(m.link == PARTING || m.reason == VMBUS_DISCONNECT_RESET);
		forget_connection();
		m.link = APART;
		due.version = m.reason == VMBUS_DISCONNECT_CONTACT;
		due.unloaded = m.reason == VMBUS_DISCONNECT_UNLOAD;
		break;
	case VMBUS_ACTION_LOG:
		CHECK(action->log.text && action->log.text[0]);
		break;
	}
}

/* After a step: its actions, and that nothing is missing. */
static void look(bool resuming)
{
	for (uint32_t i = 0; i < out.count; i++)
		see(&out.list[i], resuming);
	for (uint32_t i = 0; i < GPADLS; i++) {
		CHECK_EQ(due.created[i], 0);
		due.created[i] = 0;
	}
	CHECK(!due.version && !due.unloaded && !due.failed_open && !due.delivered &&
	      !due.failed_modify);
	memset(&due, 0, sizeof(due));
	if (m.link == PARTING)
		CHECK(anything_busy());
	if (m.link == APART && m.reason == VMBUS_DISCONNECT_CONTACT && m.contact) {
		m.link = TOGETHER;
		m.version = m.contact;
		m.offers = false;
	}
	if (m.link != PARTING)
		m.reason = VMBUS_DISCONNECT_NONE;
	CHECK_EQ(vmbus_server_version(server), m.link == TOGETHER ? m.version : 0);
	out.count = 0; /* seen */
}

static void leave(enum vmbus_disconnect reason)
{
	m.reason = reason;
	if (m.link == APART) {
		due.version = reason == VMBUS_DISCONNECT_CONTACT;
		return;
	}
	m.link = PARTING;
	m.offers = false;
	for (uint32_t i = 1; i < VMBUS_RELIDS; i++) {
		m.guest[i].view = SHUT;
		m.guest[i].modifying = false;
	}
	for (uint32_t i = 0; i < GPADLS; i++)
		m.gpadl[i].silent = true;
}

/* ---- what the guest does ---- */

static uint32_t any_relid(void)
{
	uint32_t known[VMBUS_RELIDS], count = 0;

	for (uint32_t i = 1; i < VMBUS_RELIDS; i++)
		if (m.guest[i].known)
			known[count++] = i;
	if (!count || check_below(20) == 0)
		return (uint32_t)check_below(VMBUS_RELIDS + 2);
	return known[check_below(count)];
}

static struct guest_channel *known(uint32_t relid)
{
	static struct guest_channel none;

	none = (struct guest_channel){ .known = false };
	return m.link == TOGETHER && relid < VMBUS_RELIDS && m.guest[relid].known ?
		       &m.guest[relid] :
		       &none;
}

static void do_contact(void)
{
	static const uint32_t versions[] = {
		VMBUS_VERSION(6, 0), VMBUS_VERSION(5, 3), VMBUS_VERSION(5, 3),
		VMBUS_VERSION(5, 2), VMBUS_VERSION(5, 1), VMBUS_VERSION(5, 0),
		VMBUS_VERSION(4, 1), VMBUS_VERSION(4, 0), VMBUS_VERSION(3, 0),
	};
	uint32_t version = versions[check_below(sizeof(versions) / sizeof(versions[0]))];
	uint32_t vp = (uint32_t)check_below(VPS + 1);

	if (vp < VPS) {
		m.vp = vp;
		m.contact = spoken(version) ? version : 0;
		leave(VMBUS_DISCONNECT_CONTACT);
	}
	CHECK(guest_contact(version, vp) == (vp < VPS));
}

static void do_request(void)
{
	bool right = m.link == TOGETHER && !m.offers;

	if (right) {
		m.offers = true;
		due.delivered = 1;
	}
	CHECK(guest_request_offers() == right);
}

static void do_gpadl(void)
{
	static const uint32_t sizes[] = { 1, 2, 4, 4, 6, 8, 8, 26, 27, 40, 54, 55, 60 };
	uint32_t id = (uint32_t)check_below(GPADLS), relid = any_relid();
	uint32_t pages = sizes[check_below(sizeof(sizes) / sizeof(sizes[0]))];
	uint32_t offset = check_below(8) ? 0 : 16;
	uint32_t first = pages < HEADER_PFNS ? pages : HEADER_PFNS;
	const struct guest_channel *channel = known(relid);
	struct page_list *list = &m.gpadl[id];

	if (check_below(5) == 0)
		first = (uint32_t)check_below(HEADER_PFNS + 1);
	if (m.link == TOGETHER && (!channel->known || list->there || first > pages)) {
		due.created[id] = -1;
	} else if (m.link == TOGETHER) {
		*list = (struct page_list){ .there = true,
					    .whole = first == pages,
					    .relid = relid,
					    .device = channel->device,
					    .sub = channel->sub,
					    .pages = pages,
					    .filled = first,
					    .aligned = !offset };
		due.created[id] = list->whole;
	}
	CHECK(guest_gpadl_header(relid, id, offset, pages * 4096 - offset, first) ==
	      (m.link == TOGETHER));
}

static void do_body(void)
{
	uint32_t id = (uint32_t)check_below(GPADLS);
	uint32_t count;
	struct page_list *list;
	bool right;

	/* One that waits for it, mostly. */
	for (uint32_t i = 0; i < GPADLS; i++)
		if (check_below(10) && m.gpadl[i].there && !m.gpadl[i].whole)
			id = i;
	list = &m.gpadl[id];
	count = list->pages - list->filled;
	if (count > BODY_PFNS || check_below(8) == 0)
		count = (uint32_t)check_below(BODY_PFNS + 1);
	right = m.link == TOGETHER && list->there && !list->whole;
	if (right && count > list->pages - list->filled) {
		list->there = false;
		due.created[id] = -1;
	} else if (right) {
		list->filled += count;
		list->whole = list->filled == list->pages;
		due.created[id] = list->whole;
	}
	CHECK(guest_gpadl_body(id, list->filled - (right && list->there ? count : 0), count) ==
	      right);
}

static uint32_t gpadl_for(uint32_t relid)
{
	for (uint32_t i = 0, id = (uint32_t)check_below(GPADLS); i < GPADLS; i++)
		if (m.gpadl[(id + i) % GPADLS].there && m.gpadl[(id + i) % GPADLS].relid == relid)
			return (id + i) % GPADLS;
	return (uint32_t)check_below(GPADLS);
}

static void do_open(void)
{
	uint32_t relid = any_relid(), id = gpadl_for(relid), vp = (uint32_t)check_below(VPS);
	const struct page_list *list = &m.gpadl[id];
	uint32_t downstream = check_below(8) ? list->pages / 2 : (uint32_t)check_below(9);
	struct guest_channel *channel = known(relid);
	bool right = channel->known && channel->view == SHUT;
	bool opens;

	if (check_below(20) == 0)
		vp = VPS;
	opens = right && !channel->rescinded && vp < VPS && list->there && list->whole &&
		!list->torn && list->relid == relid && list->aligned && downstream >= 2 &&
		downstream + 2 <= list->pages;
	m.number++;
	if (opens) {
		channel->view = ASKED;
		channel->number = m.number;
		channel->gpadl = id;
		channel->vp = vp;
		channel->downstream = downstream;
	} else if (right) {
		due.failed_open = (int)relid;
	}
	CHECK(guest_open(relid, m.number, id, vp, downstream) == right);
}

static void do_close(void)
{
	uint32_t relid = any_relid();
	struct guest_channel *channel = known(relid);
	bool right = channel->known && (channel->rescinded || channel->view == OPENED);

	if (right) {
		channel->view = SHUT;
		channel->modifying = false;
	}
	CHECK(guest_close(relid) == right);
}

static void do_teardown(void)
{
	uint32_t relid = any_relid(), id = gpadl_for(relid);
	struct page_list *list = &m.gpadl[id];
	bool right = known(relid)->known && list->there && list->whole && !list->torn &&
		     list->relid == relid;

	if (right)
		list->torn = true;
	CHECK(guest_teardown(relid, id) == right);
	if (right)
		/* At once where the host has nothing to do with it. */
		CHECK((summary()[0] == 't' || (summary()[0] == 'P' && summary()[1] == 't')) ==
		      !m.host[list->device][list->sub].busy);
}

/* The host's side of that channel, not of another of its name. */
static bool is_hosts(uint32_t relid)
{
	const struct guest_channel *channel = known(relid);
	const struct host_channel *host = &m.host[channel->device][channel->sub];

	return channel->known && host->busy && host->relid == relid;
}

static void do_release(void)
{
	uint32_t relid = any_relid();
	struct guest_channel *channel = known(relid);
	bool right = channel->known && channel->view == SHUT;

	/* Who has nothing of it open does not throw all away as often. */
	if (right && !channel->rescinded && check_below(4))
		return;
	if (right) {
		bool busy = is_hosts(relid);

		channel->known = false;
		if (!channel->sub)
			m.device[channel->device].released = true;
		for (uint32_t i = 0; i < GPADLS; i++) {
			struct page_list *list = &m.gpadl[i];

			if (!list->there || list->relid != relid)
				continue;
			list->silent = list->torn = true;
			if (!busy || !list->whole)
				list->there = false;
		}
	}
	CHECK(guest_release(relid) == right);
}

static void do_modify(void)
{
	uint32_t relid = any_relid(), vp = (uint32_t)check_below(VPS + 1);
	struct guest_channel *channel = known(relid);
	bool old = m.version < VMBUS_VERSION(5, 3);
	bool right = m.link == TOGETHER && m.version >= VMBUS_VERSION(4, 1);
	bool good = right && channel->known && channel->view == OPENED && vp < VPS;

	if (good && (old || !channel->modifying)) {
		channel->modifying = !old;
		m.host[channel->device][channel->sub].vp_wish = vp;
	} else if (good) {
		right = false;
	} else if (right && !old) {
		due.failed_modify = (int)relid + 1;
	}
	CHECK(guest_modify(relid, vp) == right);
}

static void do_unload(void)
{
	bool right = m.link != APART && m.reason != VMBUS_DISCONNECT_RESET;

	if (right)
		leave(VMBUS_DISCONNECT_UNLOAD);
	CHECK(guest_unload() == right);
}

static void do_nonsense(void)
{
	static const uint32_t types[] = { 0, 1, 2, 4, 6, 10, 12, 15, 17, 18, 21, 23, 24, 99 };
	uint8_t bytes[VMBUS_MESSAGE_MAX];
	uint32_t type = types[check_below(sizeof(types) / sizeof(types[0]))];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)check_rand();
	memcpy(bytes, &type, sizeof(type));
	CHECK(!guest_send(bytes, check_below(sizeof(bytes) + 1)));
	CHECK_OUT("l");
}

/* ---- what the host does ---- */

static void do_offer(void)
{
	uint32_t number = (uint32_t)check_below(DEVICES);
	uint32_t instance = check_below(3) ? number : (uint32_t)check_below(DEVICES);
	struct vmbus_device device = device_of(instance);
	bool right = !m.device[number].there;

	for (uint32_t d = 0; d < DEVICES; d++)
		if (m.device[d].there && !m.device[d].rescinded && m.device[d].instance == instance)
			right = false;
	if (right)
		m.device[number] = (struct host_device){ .there = true, .instance = instance };
	device.number = number;
	device.mmio_megabytes = (uint16_t)number;
	CHECK(step(&(struct vmbus_event){ .type = VMBUS_EVENT_OFFER, .offer = &device }) == right);
}

static void do_rescind(void)
{
	uint32_t device = (uint32_t)check_below(DEVICES);
	bool right = m.device[device].there && !m.device[device].rescinded;

	m.device[device].rescinded |= right;
	CHECK(host_rescind(device) == right);
}

static void do_subs(void)
{
	uint32_t device = (uint32_t)check_below(DEVICES), subs = (uint32_t)check_below(SUBS + 1);
	const struct host_channel *primary = &m.host[device][0];
	bool right = primary->busy && primary->answered && !primary->closing &&
		     subs > m.device[device].subs;

	if (right)
		m.device[device].subs = subs;
	CHECK(host_subs(device, subs) == right);
	CHECK_EQ(out.count > 0, right);
}

static void answer_open(uint32_t d, uint32_t s)
{
	struct host_channel *channel = &m.host[d][s];
	bool right = channel->busy && !channel->answered && !channel->closing;
	bool ok = check_below(8);

	if (right) {
		channel->answered = ok;
		channel->busy = ok;
	}
	CHECK(host_opened(d, s, ok) == right);
}

static void answer_close(uint32_t d, uint32_t s)
{
	struct host_channel *channel = &m.host[d][s];
	bool right = channel->busy && channel->closing;
	uint32_t relid = channel->relid;

	if (right) {
		channel->busy = false;
		/* Those that nobody asks for any more end with it. */
		for (uint32_t i = 0; i < GPADLS; i++)
			if (m.gpadl[i].there && m.gpadl[i].silent && m.gpadl[i].relid == relid)
				m.gpadl[i].there = false;
	}
	CHECK(host_closed(d, s) == right);
	look(false);
	/* Whatever the guest wanted back of this channel, it has. */
	for (uint32_t i = 0; right && i < GPADLS && m.link == TOGETHER; i++)
		CHECK(!m.gpadl[i].there || !m.gpadl[i].torn || m.gpadl[i].device != d ||
		      m.gpadl[i].sub != s || m.gpadl[i].relid != relid || m.host[d][s].busy);
}

static void answer_gpadl(uint32_t id)
{
	const struct page_list *list = &m.gpadl[id];
	bool right = list->there && list->asked && m.host[list->device][list->sub].busy &&
		     !m.host[list->device][list->sub].closing;

	CHECK(host_let_go(list->device, list->sub, id) == right);
	if (right)
		CHECK_OUT("t");
}

static void answer_modify(uint32_t d, uint32_t s)
{
	struct host_channel *channel = &m.host[d][s];
	bool right = channel->modify;

	channel->modify = false;
	CHECK(host_modified(d, s, check_below(4)) == right);
}

static void do_answer(void)
{
	uint32_t d = (uint32_t)check_below(DEVICES);
	uint32_t s = check_below(2) ? 0 : (uint32_t)check_below(SUBS + 1);

	switch (check_below(5)) {
	case 0:
	case 1:
		answer_open(d, s);
		break;
	case 2:
		answer_close(d, s);
		break;
	case 3:
		answer_gpadl((uint32_t)check_below(GPADLS));
		break;
	default:
		answer_modify(d, s);
		break;
	}
}

static void do_reset(void)
{
	m.reason = VMBUS_DISCONNECT_RESET;
	if (m.link != APART)
		leave(VMBUS_DISCONNECT_RESET);
	CHECK(host_reset());
}

/* ---- another process ---- */

static uint8_t image[1 << 18], again[1 << 18];

static void do_load(void)
{
	size_t size = vmbus_server_save(server, image, sizeof(image));
	struct vmbus_server *loaded;

	REQUIRE(size <= sizeof(image));
	loaded = vmbus_server_load(image, size, VPS);
	REQUIRE(loaded);
	CHECK_EQ(vmbus_server_save(loaded, again, sizeof(again)), size);
	CHECK_MEM(again, image, size);
	vmbus_server_free(server);
	server = loaded;
	out.count = 0;
}

/* The host ends as well, and a new one takes up all that stands. */
static void do_resume(void)
{
	struct model before;

	do_load();
	before = m;
	memset(m.host, 0, sizeof(m.host));
	for (uint32_t i = 0; i < GPADLS; i++) {
		struct page_list *list = &m.gpadl[i];
		const struct host_channel *old = &before.host[list->device][list->sub];

		list->asked = false;
		if (list->there && list->silent && old->closing && old->relid == list->relid)
			list->there = false;
	}
	vmbus_server_resume(server, &out);
	CHECK(vmbus_server_valid(server));
	look(true);
	for (uint32_t d = 0; d < DEVICES; d++) {
		for (uint32_t s = 0; s <= SUBS; s++) {
			const struct host_channel *old = &before.host[d][s], *new = &m.host[d][s];

			if (!old->busy || old->closing)
				continue;
			CHECK(new->busy &&new->relid == old->relid &&new->bound);
			CHECK(new->answered == old->answered &&new->modify == old->modify);
			m.host[d][s].vp_wish = old->vp_wish;
		}
	}
	for (uint32_t i = 0; i < GPADLS; i++)
		if (m.gpadl[i].there && before.gpadl[i].asked &&
		    m.host[m.gpadl[i].device][m.gpadl[i].sub].answered)
			CHECK(m.gpadl[i].asked);
}

/* ---- the walk ---- */

/* The host answers all; then nothing waits. */
static void settle(void)
{
	for (bool more = true; more;) {
		more = false;
		for (uint32_t d = 0; d < DEVICES; d++) {
			for (uint32_t s = 0; s <= SUBS; s++) {
				struct host_channel *channel = &m.host[d][s];

				if (!channel->busy ||
				    (channel->answered && !channel->closing && !channel->modify))
					continue;
				more = true;
				if (channel->closing)
					answer_close(d, s);
				else if (!channel->answered)
					answer_open(d, s);
				else
					answer_modify(d, s);
				look(false);
			}
		}
		for (uint32_t i = 0; i < GPADLS; i++) {
			if (m.gpadl[i].there && m.gpadl[i].asked) {
				answer_gpadl(i);
				look(false);
				more = true;
			}
		}
	}
	CHECK(m.link != PARTING);
	for (uint32_t i = 1; i < VMBUS_RELIDS; i++)
		CHECK(m.guest[i].view != ASKED && !m.guest[i].modifying);
	for (uint32_t i = 0; i < GPADLS; i++) {
		const struct page_list *list = &m.gpadl[i];

		/* What is left of those torn down holds rings. */
		if (list->there && list->torn)
			CHECK(m.host[list->device][list->sub].busy &&
			      m.host[list->device][list->sub].gpadl == i);
	}
	/* Every device that can be offered is. */
	for (uint32_t d = 0; d < DEVICES && m.link == TOGETHER && m.offers; d++) {
		bool known_to_guest = false, shadowed = false;

		if (!m.device[d].there || m.device[d].rescinded || m.device[d].released)
			continue;
		for (uint32_t i = 1; i < VMBUS_RELIDS; i++) {
			if (!m.guest[i].known)
				continue;
			known_to_guest |= m.guest[i].device == d && !m.guest[i].sub;
			shadowed |= m.guest[i].device != d &&
				    m.device[m.guest[i].device].instance == m.device[d].instance;
		}
		CHECK(known_to_guest || shadowed);
	}
}

static void walk_step(void)
{
	static void (*const often[])(void) = {
		do_gpadl,  do_gpadl,	do_body,     do_body,	 do_open,    do_open,	do_open,
		do_close,  do_close,	do_answer,   do_answer,	 do_answer,  do_answer, do_answer,
		do_answer, do_teardown, do_teardown, do_release, do_release, do_modify, do_offer,
		do_offer,  do_subs,	do_subs,     do_request, do_request,
	};
	static void (*const seldom[])(void) = {
		do_contact, do_contact, do_unload,  do_nonsense, do_nonsense,
		do_rescind, do_rescind, do_rescind, do_reset,
	};

	if (m.link == APART && check_below(4) == 0)
		do_contact();
	else if (check_below(m.link == TOGETHER ? 30 : 12))
		often[check_below(sizeof(often) / sizeof(often[0]))]();
	else
		seldom[check_below(sizeof(seldom) / sizeof(seldom[0]))]();
	look(false);
}

static void test_walk(void)
{
	unsigned long opens = 0, loads = 0, connections = 0;
	struct vmbus_counters counters;

	check_seed(0x77616c6b);
	for (unsigned int round = 0; round < 200; round++) {
		memset(&m, 0, sizeof(m));
		new_server();
		for (unsigned int i = 0; i < 1500; i++) {
			check_note("round %u, step %u", round, i);
			walk_step();
			if (check_below(40) == 0) {
				vmbus_server_count(server, &counters);
				opens += counters.opens;
				connections += counters.connections;
				loads++;
				if (check_below(2))
					do_load();
				else
					do_resume();
			}
			if (check_below(100) == 0)
				settle();
		}
		settle();
	}
	printf("%lu opens, %lu connections, %lu loads\n", opens, connections, loads);
	CHECK(opens > 1000);
	CHECK(connections > 100);
}

int main(void)
{
	CHECK_RUN(test_walk);
	vmbus_server_free(server);
	return check_done();
}
