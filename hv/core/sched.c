/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler of VPs, see sched.h.
 *
 * Shares. A VP's virtual time advances while it runs, the slower the greater its
 * weight; who is least advanced runs next. All queues count in the same virtual
 * time. That, and moving VPs between them, makes weights hold over all CPUs: a CPU
 * that picks also looks at other queues, takes a VP that waits there and is less
 * advanced than all that wait here (a steal), and kicks a CPU that runs one more
 * advanced than those it leaves waiting, so that this CPU steals (an offer). A
 * difference below MARGIN moves nobody. A CPU without a VP looks at all queues, a
 * busy one at PROBES of them, in turn. A CPU whose VPs nobody waits for has no
 * deadline and takes no lock but its own.
 *
 * Bounded memory. Virtual times of VPs that do not compete drift apart: one that
 * slept, one whose weight is worth more than the whole CPU which is all it can
 * use, one that is tied to a quiet CPU. Such a lead is owed to nobody. Where two
 * come to compete the distance is cut down: a VP that moves to a queue is at most LAG
 * behind or ahead of the least virtual time there, one that wakes at most BONUS
 * behind; one that runs is at most LAG behind those that wait elsewhere and could
 * take its place. These are ticks of the VP's own run time. So nobody saves up CPU
 * time, nobody pays for long, and wrap-around is harmless: a comparison that it
 * makes wrong does not survive the first contact.
 *
 * Order of choice (rank): a boosted parent, a boosted child, those that have not
 * had their reserve, the rest; by virtual time within a rank. Time is charged
 * alike in all ranks. A boost lasts BOOST ticks and is granted to who is no more
 * than CREDIT ahead: a parent that burns CPU time runs out of it and competes by
 * weight. sched_yield_to is a boost for the child.
 *
 * Caps and reserves are counted in windows of fixed length. A VP over its cap sits
 * aside until the window in which its excess is paid off. A reserve is booked on
 * one CPU that the VP may use (its home), 100 % at most on each; this is only the
 * proof that it fits, the VP runs anywhere. A CPU that goes offline keeps what is
 * booked on it.
 *
 * Places. A VP belongs to one queue at any time and is, by its state, on the CPU
 * (running), in the waiting list, in the list aside (throttled, stranded) or in
 * none of them. After a change of affinity a child may be in the waiting list of a
 * CPU that it must not use: it does not run there, and expel() sends it on before
 * the queue's lock is given up for good.
 *
 * Locks. settings serialises adding, removing, parameters, affinity and online; it
 * is taken before any queue's lock. Queues' locks are taken in the order of
 * CPUs; lock_second() keeps to it and may give up the held one for a moment. No
 * VP found before that may be looked at after it, unless a caller vouches for its
 * memory. Hints are read without a lock; what is decided by them is checked again
 * under the locks, and a chance missed comes again at the end of a slice.
 *
 * Queues hold a handful of VPs: lists are not sorted, a pick scans them.
 */
#include "core/sched.h"

#include "core/lock.h"

#define SLICE_MIN (1 * settings.ms)
#define SLICE_MAX (10 * settings.ms) /* and the time in which all of a queue have a turn */
#define MARGIN (1 * settings.ms)
#define BONUS (3 * settings.ms)
#define LAG (50 * settings.ms)
#define BOOST (1 * settings.ms)
#define CREDIT (10 * settings.ms)
#define WINDOW (50 * settings.ms)

#define PROBES 8

/* Virtual time per tick at weight 1; at the greatest weight it is 1. */
#define VTIME_SCALE SCHED_WEIGHT_MAX

struct queue {
	struct spinlock lock;
	u32 count; /* in waiting; hint */
	struct sched_vp *waiting, *aside; /* lists */
	struct sched_vp *running;
	struct sched_vp *parent;
	u64 vtime; /* least of those that run and wait; does not go back */
	u64 charged; /* up to when running was charged */
	u64 slice_end; /* of running */
	u64 next_release; /* of those aside */
	u64 reserved; /* booked here; under settings.lock */
	u32 cursor; /* the CPU looked at last */
	bool resched; /* running must be put to the test */
} __aligned(64);

static struct queue queues[CPUS_MAX];

/* Hints: CPUs that take children, and those of them that have nothing to run and
 * were not kicked. */
static u64 online_cpus[SCHED_MASK_WORDS], idle_cpus[SCHED_MASK_WORDS];
/* Hint: the virtual time where VPs competed last. */
static u64 latest_vtime;

static struct {
	struct spinlock lock;
	u32 cpus; /* no CPU from this on; does not change */
	u64 ms; /* ticks */
	void (*kick)(u32 cpu);
} settings;

#define hint(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define set_hint(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELAXED)

static u32 index_of(const struct queue *q)
{
	return (u32)(q - queues);
}

static void set_bit(u64 *map, const struct queue *q, bool on)
{
	u64 *word = &map[index_of(q) / 64], bit = BIT(index_of(q) % 64);

	if (on)
		__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
}

static bool has_bit(const u64 *map, const struct queue *q)
{
	return hint(map[index_of(q) / 64]) & BIT(index_of(q) % 64);
}

static bool allowed(const struct sched_vp *vp, const struct queue *q)
{
	if (vp->parent)
		return &queues[vp->cpu] == q;
	return has_bit(vp->mask, q) && has_bit(online_cpus, q);
}

/* Locks the queue that the VP belongs to. */
static struct queue *lock_vp(const struct sched_vp *vp)
{
	while (true) {
		struct queue *q = &queues[hint(vp->cpu)];

		spin_lock(&q->lock);
		if (&queues[vp->cpu] == q)
			return q;
		spin_unlock(&q->lock);
	}
}

static void lock_second(struct queue *held, struct queue *q)
{
	if (q > held) {
		spin_lock(&q->lock);
	} else if (!spin_trylock(&q->lock)) {
		spin_unlock(&held->lock);
		spin_lock(&q->lock);
		spin_lock(&held->lock);
	}
}

/* Virtual times wrap around. */
static bool before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* Without overflow for any number of ticks that a machine lives. */
static u64 to_vtime(const struct sched_vp *vp, u64 ticks)
{
	u32 weight = vp->share.weight;

	return ticks / weight * VTIME_SCALE + ticks % weight * VTIME_SCALE / weight;
}

/* Begins a new window when the old one is over: each pays off one cap. */
static void refresh(struct sched_vp *vp, u64 now)
{
	u64 windows;

	if (now < vp->window_end)
		return;
	windows = (now - vp->window_end) / WINDOW + 1;
	vp->used -= windows > vp->used / vp->cap ? vp->used : windows * vp->cap;
	vp->window_end += windows * WINDOW;
}

static u32 rank(struct sched_vp *vp, u64 now)
{
	refresh(vp, now);
	if (vp->boost)
		return vp->parent ? 3 : 2;
	return vp->used < vp->reserve;
}

/* Is a to run before b, with margin ticks of its own to spare? */
static bool better(struct sched_vp *a, struct sched_vp *b, u64 margin, u64 now)
{
	u32 rank_a = rank(a, now), rank_b = rank(b, now);

	return rank_a != rank_b ? rank_a > rank_b :
				  before(a->vtime + to_vtime(a, margin), b->vtime);
}

/* The best of those that wait in q and may run on to, except one; or NULL. */
static struct sched_vp *best(struct queue *q, const struct queue *to, const struct sched_vp *except,
			     u64 now)
{
	struct sched_vp *found = NULL;

	for (struct sched_vp *vp = q->waiting; vp; vp = vp->next) {
		if (vp != except && allowed(vp, to) && (!found || better(vp, found, 0, now)))
			found = vp;
	}
	return found;
}

/* Brings the queue's virtual time up to date. An empty one has none of its own. */
static void advance(struct queue *q)
{
	struct sched_vp *least = q->running;

	for (struct sched_vp *vp = q->waiting; vp; vp = vp->next) {
		if (!least || before(vp->vtime, least->vtime))
			least = vp;
	}
	if (!least)
		q->vtime = hint(latest_vtime);
	else if (before(q->vtime, least->vtime))
		q->vtime = least->vtime;
	if (q->waiting)
		set_hint(latest_vtime, q->vtime);
}

/* Bounds what a VP of the queue is behind and ahead. */
static void settle(struct queue *q, struct sched_vp *vp, u64 behind)
{
	u64 least, most;

	advance(q);
	least = q->vtime - to_vtime(vp, behind);
	most = q->vtime + to_vtime(vp, LAG);
	if (before(vp->vtime, least))
		vp->vtime = least;
	if (before(most, vp->vtime))
		vp->vtime = most;
}

/* Charges the VP that runs; on any CPU. */
static void charge(struct queue *q, u64 now)
{
	struct sched_vp *vp = q->running;
	u64 ticks;

	if (!vp || now <= q->charged)
		return;
	ticks = now - q->charged;
	q->charged = now;
	vp->stats.run += ticks;
	vp->used += ticks;
	vp->boost -= min_u64(ticks, vp->boost);
	vp->vtime += to_vtime(vp, ticks);
	refresh(vp, now);
	settle(q, vp, LAG);
}

static void list_add(struct sched_vp **list, struct sched_vp *vp)
{
	vp->next = *list;
	vp->link = list;
	if (vp->next)
		vp->next->link = &vp->next;
	*list = vp;
}

/* Puts a VP that is in no list into one: aside when its cap is used up. */
static void enqueue(struct queue *q, struct sched_vp *vp, u64 now)
{
	refresh(vp, now);
	if (vp->used >= vp->cap) {
		vp->state = SCHED_THROTTLED;
		vp->boost = 0;
		vp->release = vp->window_end + (vp->used / vp->cap - 1) * WINDOW;
		q->next_release = min_u64(q->next_release, vp->release);
		list_add(&q->aside, vp);
	} else {
		vp->state = SCHED_QUEUED;
		vp->since = now;
		list_add(&q->waiting, vp);
		set_hint(q->count, q->count + 1);
	}
}

/* Is the VP in a list? */
static bool is_listed(const struct sched_vp *vp)
{
	return vp->state != SCHED_NONE && vp->state != SCHED_BLOCKED && vp->state != SCHED_RUNNING;
}

static void dequeue(struct queue *q, struct sched_vp *vp, u64 now)
{
	*vp->link = vp->next;
	if (vp->next)
		vp->next->link = vp->link;
	if (vp->state == SCHED_QUEUED) {
		vp->stats.wait += max_u64(now, vp->since) - vp->since;
		set_hint(q->count, q->count - 1);
	}
}

/* The VP belongs to another queue now; both are locked. */
static void change_queue(struct sched_vp *vp, const struct queue *to)
{
	set_hint(vp->cpu, index_of(to));
	vp->stats.steals++;
	vp->boost = 0;
}

static void move(struct queue *from, struct queue *to, struct sched_vp *vp, u64 now)
{
	dequeue(from, vp, now);
	change_queue(vp, to);
	settle(to, vp, LAG);
	enqueue(to, vp, now);
}

static void set_slice(struct queue *q, u64 now)
{
	struct sched_vp *vp = q->running;
	u64 ticks = UINT64_MAX - now, weights = vp->share.weight;

	if (q->waiting) {
		for (struct sched_vp *other = q->waiting; other; other = other->next)
			weights += other->share.weight;
		ticks = max_u64(SLICE_MAX * vp->share.weight / weights, SLICE_MIN);
		if (vp->boost)
			ticks = vp->boost;
	}
	refresh(vp, now);
	q->slice_end = now + min_u64(ticks, vp->cap - min_u64(vp->used, vp->cap));
}

static void kick(struct queue *q)
{
	q->resched = true;
	set_bit(idle_cpus, q, false);
	settings.kick(index_of(q));
}

/* A VP came into q: does the CPU have to know? */
static void notify(struct queue *q, struct sched_vp *vp, u64 now)
{
	u64 slice_end = q->slice_end;

	charge(q, now);
	if (!q->running || vp->state == SCHED_THROTTLED || better(vp, q->running, MARGIN, now)) {
		kick(q);
	} else if (q->count == 1) {
		set_slice(q, now);
		q->slice_end = min_u64(q->slice_end, slice_end);
		settings.kick(index_of(q));
	}
}

/* The first CPU of the map that the VP may use; its queue or NULL. */
static struct queue *find_queue(const struct sched_vp *vp, const u64 *map)
{
	for (u32 i = 0; i < SCHED_MASK_WORDS; i++) {
		u64 bits = hint(map[i]) & vp->mask[i];

		if (bits)
			return &queues[i * 64 + (u32)__builtin_ctzl(bits)];
	}
	return NULL;
}

static struct sched_vp *misfit(struct queue *q)
{
	struct sched_vp *vp = q->waiting;

	while (vp && allowed(vp, q))
		vp = vp->next;
	return vp;
}

/* Sends on all that wait here and must not. */
static void expel(struct queue *q, u64 now)
{
	struct sched_vp *vp;

	while ((vp = misfit(q))) {
		struct queue *to = find_queue(vp, idle_cpus) ?: find_queue(vp, online_cpus);

		if (!to) {
			dequeue(q, vp, now);
			vp->state = SCHED_STRANDED;
			list_add(&q->aside, vp);
			continue;
		}
		lock_second(q, to);
		vp = misfit(q);
		if (vp && allowed(vp, to)) {
			move(q, to, vp, now);
			notify(to, vp, now);
		}
		spin_unlock(&to->lock);
	}
}

/* Back from aside: those whose window is over, or those that were stranded. */
static void bring_back(struct queue *q, enum sched_state state, u64 now)
{
	if (state == SCHED_THROTTLED)
		q->next_release = UINT64_MAX;
	for (struct sched_vp *next, *vp = q->aside; vp; vp = next) {
		next = vp->next;
		if (vp->state == state && (state == SCHED_STRANDED || now >= vp->release)) {
			dequeue(q, vp, now);
			settle(q, vp, BONUS);
			enqueue(q, vp, now);
			notify(q, vp, now);
		} else if (vp->state == SCHED_THROTTLED) {
			q->next_release = min_u64(q->next_release, vp->release);
		}
	}
}

/* q is about to pick and looks at another queue: a steal, an offer. */
static void visit(struct queue *q, struct queue *other, u64 now)
{
	struct sched_vp *mine = best(q, q, NULL, now), *theirs, *spare, *running;
	u64 least;

	charge(other, now);
	theirs = best(other, q, NULL, now);
	if (theirs && (!mine || better(theirs, mine, MARGIN, now))) {
		move(other, q, theirs, now);
		mine = best(q, q, NULL, now);
	}
	spare = best(q, other, mine, now);
	running = other->running;
	if (spare && running) {
		advance(q);
		least = q->vtime - to_vtime(running, LAG);
		if (before(running->vtime, least))
			running->vtime = least;
	}
	if (spare && !other->resched && (!running || better(spare, running, MARGIN, now)))
		kick(other);
}

static void look_around(struct queue *q, u64 now)
{
	u32 probes = PROBES;

	for (u32 i = 0; i < settings.cpus && (probes || !q->waiting); i++) {
		struct queue *other;

		q->cursor = (q->cursor + 1) % settings.cpus;
		other = &queues[q->cursor];
		/* Nothing to take and nothing to offer? */
		if (other == q || (!hint(other->count) && q->count < 2))
			continue;
		lock_second(q, other);
		visit(q, other, now);
		spin_unlock(&other->lock);
		probes -= probes > 0;
	}
}

/* The VP that ran leaves the CPU, runnable. */
static void put_back(struct queue *q, struct sched_vp *vp, u64 now)
{
	q->running = NULL;
	vp->state = SCHED_NONE;
	if (!vp->removing)
		enqueue(q, vp, now);
	vp->stats.preemptions += vp->state == SCHED_QUEUED;
}

struct sched_vp *sched_pick(u32 cpu, u64 now)
{
	struct queue *q = &queues[cpu];
	struct sched_vp *last, *vp;

	spin_lock(&q->lock);
	last = vp = q->running;
	if (!vp || q->resched || now >= min_u64(q->slice_end, q->next_release)) {
		charge(q, now);
		if (last)
			put_back(q, last, now);
		if (now >= q->next_release)
			bring_back(q, SCHED_THROTTLED, now);
		q->resched = false;
		expel(q, now);
		/* First say so, then look: who is woken meanwhile comes here. */
		set_bit(idle_cpus, q, !q->waiting && has_bit(online_cpus, q));
		look_around(q, now);
		vp = best(q, q, NULL, now);
		q->slice_end = UINT64_MAX;
	}
	if (vp && !q->running) {
		set_bit(idle_cpus, q, false);
		dequeue(q, vp, now);
		vp->state = SCHED_RUNNING;
		vp->stats.preemptions -= vp == last;
		q->running = vp;
		q->charged = now;
		set_slice(q, now);
	}
	if (vp)
		vp->woken = false;
	spin_unlock(&q->lock);
	return vp;
}

u64 sched_deadline(u32 cpu)
{
	struct queue *q = &queues[cpu];
	u64 deadline;

	spin_lock(&q->lock);
	deadline = q->resched ? 0 : min_u64(q->slice_end, q->next_release);
	spin_unlock(&q->lock);
	return deadline;
}

bool sched_block(u32 cpu, u64 now)
{
	struct queue *q = &queues[cpu];
	struct sched_vp *vp;
	bool blocks;

	spin_lock(&q->lock);
	vp = q->running;
	blocks = vp && (vp->removing || !vp->woken);
	if (blocks) {
		charge(q, now);
		q->running = NULL;
		vp->boost = 0;
		vp->state = vp->removing ? SCHED_NONE : SCHED_BLOCKED;
	}
	spin_unlock(&q->lock);
	return blocks;
}

/* A blocked VP becomes runnable, in its queue. */
static void unblock(struct queue *q, struct sched_vp *vp, u64 now)
{
	charge(q, now);
	settle(q, vp, BONUS);
	enqueue(q, vp, now);
	notify(q, vp, now);
	expel(q, now);
}

static bool is_blocked_in(const struct sched_vp *vp, const struct queue *q)
{
	return &queues[vp->cpu] == q && vp->state == SCHED_BLOCKED;
}

void sched_wake(struct sched_vp *vp, u64 now)
{
	struct queue *q = lock_vp(vp), *idle = NULL;

	vp->woken = true;
	if (vp->state == SCHED_BLOCKED && (q->running || q->waiting))
		idle = find_queue(vp, idle_cpus);
	if (idle && idle != q) {
		lock_second(q, idle);
		if (is_blocked_in(vp, q) && allowed(vp, idle)) {
			settle(q, vp, BONUS);
			change_queue(vp, idle);
			unblock(idle, vp, now);
		}
		spin_unlock(&idle->lock);
	}
	if (is_blocked_in(vp, q))
		unblock(q, vp, now);
	spin_unlock(&q->lock);
}

/* Is the VP so little ahead in its queue that it may be preferred? */
static bool has_credit(struct queue *q, const struct sched_vp *vp)
{
	advance(q);
	return !before(q->vtime + to_vtime(vp, CREDIT), vp->vtime);
}

void sched_boost(u32 cpu, u64 now)
{
	struct queue *q = &queues[cpu];
	struct sched_vp *vp;

	spin_lock(&q->lock);
	vp = q->parent;
	if (vp->state == SCHED_BLOCKED)
		unblock(q, vp, now);
	charge(q, now);
	if (vp->state == SCHED_QUEUED && has_credit(q, vp)) {
		vp->boost = BOOST;
		notify(q, vp, now);
	}
	spin_unlock(&q->lock);
}

bool sched_yield_to(u32 cpu, struct sched_vp *vp, u64 now)
{
	struct queue *q = &queues[cpu], *from = lock_vp(vp);
	bool yields;

	if (from != q)
		lock_second(from, q);
	yields = &queues[vp->cpu] == from && vp->state == SCHED_QUEUED && allowed(vp, q) &&
		 has_credit(from, vp);
	if (yields) {
		charge(q, now);
		if (from != q)
			move(from, q, vp, now);
		vp->boost = BOOST;
		if (q->running)
			q->running->boost = 0;
		q->resched = true;
	}
	if (from != q)
		spin_unlock(&from->lock);
	spin_unlock(&q->lock);
	return yields;
}

/* Books the reserve on a CPU that has room, in place of the VP's last one. */
static bool book(struct sched_vp *vp, u32 reserve, const u64 *mask)
{
	u32 home = 0;

	queues[vp->home].reserved -= vp->share.reserve;
	while (reserve && home < settings.cpus &&
	       !(has_bit(mask, &queues[home]) && has_bit(online_cpus, &queues[home]) &&
		 queues[home].reserved + reserve <= SCHED_WHOLE_CPU))
		home++;
	if (home == settings.cpus) {
		queues[vp->home].reserved += vp->share.reserve;
		return false;
	}
	queues[home].reserved += reserve;
	vp->home = home;
	return true;
}

static void set_share(struct sched_vp *vp, struct sched_share share)
{
	vp->share = share;
	vp->reserve = WINDOW * share.reserve / SCHED_WHOLE_CPU;
	vp->cap = WINDOW * share.cap / SCHED_WHOLE_CPU + 1;
	/* Nobody has more than a whole CPU. */
	if (!share.cap || share.cap == SCHED_WHOLE_CPU)
		vp->cap = UINT64_MAX;
}

/* NULL for what stays. */
static bool change(struct sched_vp *vp, const struct sched_share *share, const u64 *mask, u64 now)
{
	struct queue *q;
	bool fits;

	spin_lock(&settings.lock);
	fits = book(vp, share ? share->reserve : vp->share.reserve, mask ? mask : vp->mask);
	if (fits) {
		q = lock_vp(vp);
		charge(q, now);
		if (share)
			set_share(vp, *share);
		for (u32 i = 0; mask && i < SCHED_MASK_WORDS; i++)
			vp->mask[i] = mask[i];
		settle(q, vp, LAG);
		if (vp->state == SCHED_RUNNING) {
			kick(q);
		} else if (is_listed(vp)) {
			dequeue(q, vp, now);
			enqueue(q, vp, now);
			notify(q, vp, now);
			expel(q, now);
		}
		spin_unlock(&q->lock);
	}
	spin_unlock(&settings.lock);
	return fits;
}

bool sched_set_params(struct sched_vp *vp, u32 weight, u32 cap, u32 reserve, u64 now)
{
	struct sched_share share = { weight, cap, reserve };

	return weight && weight <= SCHED_WEIGHT_MAX && cap <= SCHED_WHOLE_CPU &&
	       reserve <= (cap ? cap : SCHED_WHOLE_CPU) && change(vp, &share, NULL, now);
}

bool sched_set_affinity(struct sched_vp *vp, const u64 mask[SCHED_MASK_WORDS], u64 now)
{
	return change(vp, NULL, mask, now);
}

void sched_set_cpu_online(u32 cpu, bool online, u64 now)
{
	spin_lock(&settings.lock);
	set_bit(online_cpus, &queues[cpu], online);
	for (u32 i = 0; i < settings.cpus; i++) {
		struct queue *q = &queues[i];

		spin_lock(&q->lock);
		if (i == cpu)
			kick(q);
		bring_back(q, SCHED_STRANDED, now);
		expel(q, now);
		spin_unlock(&q->lock);
	}
	spin_unlock(&settings.lock);
}

/* A VP as it is at first, in no list of the CPU's queue. */
static void start(struct sched_vp *vp, u32 cpu, u32 weight)
{
	*vp = (struct sched_vp){ .state = SCHED_BLOCKED, .cpu = cpu, .home = cpu };
	vp->vtime = hint(latest_vtime);
	set_share(vp, (struct sched_share){ .weight = weight });
}

void sched_add(struct sched_vp *vp)
{
	start(vp, 0, SCHED_WEIGHT_DEFAULT);
	for (u32 i = 0; i < SCHED_MASK_WORDS; i++)
		vp->mask[i] = UINT64_MAX;
}

bool sched_remove(struct sched_vp *vp, u64 now)
{
	struct queue *q;
	bool gone;

	spin_lock(&settings.lock);
	q = lock_vp(vp);
	queues[vp->home].reserved -= vp->share.reserve;
	vp->share.reserve = 0;
	if (vp->state == SCHED_RUNNING) {
		vp->removing = true;
		kick(q);
	} else {
		if (is_listed(vp))
			dequeue(q, vp, now);
		vp->state = SCHED_NONE;
	}
	gone = vp->state == SCHED_NONE;
	spin_unlock(&q->lock);
	spin_unlock(&settings.lock);
	return gone;
}

struct sched_stats sched_read_stats(struct sched_vp *vp, u64 now)
{
	struct queue *q = lock_vp(vp);
	struct sched_stats stats;

	charge(q, now);
	stats = vp->stats;
	if (vp->state == SCHED_QUEUED)
		stats.wait += max_u64(now, vp->since) - vp->since;
	spin_unlock(&q->lock);
	return stats;
}

void sched_cpu_init(u32 cpu, struct sched_vp *parent)
{
	struct queue *q = &queues[cpu];

	start(parent, cpu, SCHED_WEIGHT_PARENT);
	parent->parent = true;
	parent->mask[cpu / 64] = BIT(cpu % 64);
	q->parent = parent;
	q->slice_end = q->next_release = UINT64_MAX;
	q->cursor = cpu;
	if (cpu >= settings.cpus)
		settings.cpus = cpu + 1;
}

void sched_init(u64 ticks_per_second, void (*kick_cpu)(u32 cpu))
{
	settings.ms = ticks_per_second / 1000;
	settings.kick = kick_cpu;
}
