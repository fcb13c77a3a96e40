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
 * come to compete the distance is cut down: a VP that enters a queue, by waking
 * or moving, to [-LAG, +LAG] (-BONUS when it wakes) around the queue's least virtual time;
 * a VP that runs, to -LAG of those that wait elsewhere and could take its place.
 * These bounds are ticks of the VP's own run time. So nobody saves up CPU time,
 * nobody pays for long, and wrap-around is harmless, since a comparison that is
 * wrong by wrap-around does not survive the first contact.
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
 * none of them. A child may be in the waiting list of a CPU that it must not use,
 * after a change of affinity: nobody takes it from there but expel(), which sends
 * it on before the queue's lock is given up for good.
 *
 * Locks. settings serialises adding, removing, parameters, affinity and online; it
 * is taken before any queue's lock. Queues' locks are taken in the order of
 * CPUs; lock_second() keeps to it and may give up the held one for a moment. No
 * VP found before that may be looked at after it, unless a caller vouches for its
 * memory. Counts of waiting VPs, idle bits and online are also read without a
 * lock, as hints; what is decided by them is checked again under the locks, and a
 * chance missed comes again at the end of a slice.
 *
 * Queues hold a handful of VPs: lists are not sorted, a pick scans them.
 */
#include "core/sched.h"

#include "core/lock.h"

/* In ticks; settings.ms is a millisecond. */
#define SLICE_MIN (1 * settings.ms)
#define SLICE_MAX (10 * settings.ms) /* and the time in which all of a queue have a turn */
#define MARGIN (1 * settings.ms)
#define BONUS (3 * settings.ms)
#define LAG WINDOW
#define BOOST (1 * settings.ms)
#define CREDIT (10 * settings.ms)
#define WINDOW (50 * settings.ms)

#define PROBES 8

/* A tick of weight 1 in virtual time; one of the greatest weight is 1. */
#define VTIME_SCALE SCHED_WEIGHT_MAX

struct queue {
	struct spinlock lock;
	u32 count; /* in waiting; hint */
	struct sched_vp *waiting;
	struct sched_vp *aside;
	struct sched_vp *running;
	struct sched_vp *parent;
	u64 vtime; /* least of those that run and wait; does not go back */
	u64 charged; /* up to when running was charged */
	u64 slice_end; /* of running */
	u64 next_release; /* of those aside */
	u32 cursor; /* the CPU looked at last */
	bool online; /* hint */
	bool resched; /* running must be put to the test */
	u64 reserved; /* booked here; of the lock of settings */
} __aligned(64);

static struct queue queues[CPUS_MAX];
static u64 idle_cpus[SCHED_MASK_WORDS]; /* hint: CPUs without a VP that nobody kicked yet */

static u64 latest_vtime; /* hint: of the queue where a VP waited last */

static struct {
	struct spinlock lock;
	u32 cpus; /* no CPU from this on */
	u64 ms;
	void (*kick)(u32 cpu);
} settings;

static u32 index_of(const struct queue *q)
{
	return (u32)(q - queues);
}

static bool before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* Without overflow for any number of ticks that a machine lives. */
static u64 to_vtime(const struct sched_vp *vp, u64 ticks)
{
	return ticks / vp->weight * VTIME_SCALE + ticks % vp->weight * VTIME_SCALE / vp->weight;
}

static u64 budget(u32 part)
{
	return max_u64((WINDOW * part) / SCHED_WHOLE_CPU, 1);
}

static void list_add(struct sched_vp **list, struct sched_vp *vp)
{
	vp->next = *list;
	vp->link = list;
	if (vp->next)
		vp->next->link = &vp->next;
	*list = vp;
}

static void list_remove(struct sched_vp *vp)
{
	*vp->link = vp->next;
	if (vp->next)
		vp->next->link = vp->link;
}

static void set_count(struct queue *q, u32 count)
{
	__atomic_store_n(&q->count, count, __ATOMIC_RELAXED);
}

static void set_idle(const struct queue *q, bool idle)
{
	u32 cpu = index_of(q);

	if (idle)
		__atomic_fetch_or(&idle_cpus[cpu / 64], BIT(cpu % 64), __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&idle_cpus[cpu / 64], ~BIT(cpu % 64), __ATOMIC_SEQ_CST);
}

static bool is_online(const struct queue *q)
{
	return __atomic_load_n(&q->online, __ATOMIC_RELAXED);
}

static bool allowed(const struct sched_vp *vp, const struct queue *q)
{
	u32 cpu = index_of(q);

	return (vp->mask[cpu / 64] & BIT(cpu % 64)) && (vp->parent || is_online(q));
}

/* Locks the queue that the VP belongs to. */
static struct queue *lock_vp(const struct sched_vp *vp)
{
	while (true) {
		struct queue *q = &queues[__atomic_load_n(&vp->cpu, __ATOMIC_RELAXED)];

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

/* Begins a new window when the old one is over. */
static void refresh(struct sched_vp *vp, u64 now)
{
	u64 windows, paid;

	if (now < vp->window_end)
		return;
	windows = (now - vp->window_end) / WINDOW + 1;
	paid = vp->cap ? windows * budget(vp->cap) : vp->used;
	vp->used -= min_u64(paid, vp->used);
	vp->window_end += windows * WINDOW;
}

static u32 rank(struct sched_vp *vp, u64 now)
{
	refresh(vp, now);
	if (vp->boost)
		return vp->parent ? 3 : 2;
	return vp->reserve && vp->used < budget(vp->reserve);
}

/* Is a to run before b, with margin ticks of its own to spare? */
static bool better(struct sched_vp *a, struct sched_vp *b, u64 margin, u64 now)
{
	u32 rank_a = rank(a, now), rank_b = rank(b, now);

	if (rank_a != rank_b)
		return rank_a > rank_b;
	return before(a->vtime + to_vtime(a, margin), b->vtime);
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

/* Brings the queue's virtual time up to date; false when the queue is empty. */
static bool advance(struct queue *q)
{
	struct sched_vp *least = q->running;

	for (struct sched_vp *vp = q->waiting; vp; vp = vp->next) {
		if (!least || before(vp->vtime, least->vtime))
			least = vp;
	}
	if (least && before(q->vtime, least->vtime))
		q->vtime = least->vtime;
	return least;
}

/* A VP comes into the queue: bounds what it is behind or ahead. */
static void settle(struct queue *q, struct sched_vp *vp, u64 behind)
{
	if (!advance(q))
		q->vtime = __atomic_load_n(&latest_vtime, __ATOMIC_RELAXED);
	if (before(vp->vtime, q->vtime - to_vtime(vp, behind)))
		vp->vtime = q->vtime - to_vtime(vp, behind);
	else if (before(q->vtime + to_vtime(vp, LAG), vp->vtime))
		vp->vtime = q->vtime + to_vtime(vp, LAG);
}

/* Charges the VP that runs. The CPU's own or another one. */
static void charge(struct queue *q, u64 now)
{
	struct sched_vp *vp = q->running;
	u64 ticks, most;

	if (!vp || now <= q->charged)
		return;
	ticks = now - q->charged;
	q->charged = now;
	vp->stats.run += ticks;
	vp->used += ticks;
	refresh(vp, now);
	vp->boost -= min_u64(ticks, vp->boost);
	vp->vtime += to_vtime(vp, ticks);
	advance(q);
	if (q->waiting)
		__atomic_store_n(&latest_vtime, q->vtime, __ATOMIC_RELAXED);
	most = q->vtime + to_vtime(vp, LAG);
	if (before(most, vp->vtime))
		vp->vtime = most;
}

/* Makes a VP that is in no list wait in q, aside if its cap is used up. */
static void enqueue(struct queue *q, struct sched_vp *vp, u64 now)
{
	refresh(vp, now);
	if (vp->cap && vp->used >= budget(vp->cap)) {
		vp->state = SCHED_THROTTLED;
		vp->boost = 0;
		vp->release = vp->window_end + (vp->used / budget(vp->cap) - 1) * WINDOW;
		q->next_release = min_u64(q->next_release, vp->release);
		list_add(&q->aside, vp);
		return;
	}
	vp->state = SCHED_QUEUED;
	vp->since = now;
	list_add(&q->waiting, vp);
	set_count(q, q->count + 1);
}

/* Takes a VP out of the list that it is in. */
static void dequeue(struct queue *q, struct sched_vp *vp, u64 now)
{
	list_remove(vp);
	if (vp->state == SCHED_QUEUED) {
		vp->stats.wait += max_u64(now, vp->since) - vp->since;
		set_count(q, q->count - 1);
	}
}

/* Both queues are locked; the VP is in neither's lists. */
static void change_queue(struct sched_vp *vp, struct queue *to, u64 behind)
{
	__atomic_store_n(&vp->cpu, index_of(to), __ATOMIC_RELAXED);
	vp->boost = 0;
	vp->stats.steals++;
	settle(to, vp, behind);
}

static void set_slice(struct queue *q, u64 now)
{
	struct sched_vp *vp = q->running;
	u64 weights = vp->weight, slice;

	q->slice_end = UINT64_MAX;
	if (q->waiting) {
		for (struct sched_vp *other = q->waiting; other; other = other->next)
			weights += other->weight;
		slice = min_u64(max_u64(SLICE_MAX * vp->weight / weights, SLICE_MIN), SLICE_MAX);
		q->slice_end = now + (vp->boost ? vp->boost : slice);
	}
	refresh(vp, now);
	if (vp->cap)
		q->slice_end = min_u64(q->slice_end,
				       now + budget(vp->cap) - min_u64(vp->used, budget(vp->cap)));
}

static void kick(struct queue *q)
{
	q->resched = true;
	set_idle(q, false);
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

static u32 cpus_known(void)
{
	return __atomic_load_n(&settings.cpus, __ATOMIC_RELAXED);
}

/* The least loaded queue that the VP may be in, or NULL. */
static struct queue *find_queue(const struct sched_vp *vp)
{
	struct queue *found = NULL;
	u32 least = UINT32_MAX;

	for (u32 cpu = 0; cpu < cpus_known(); cpu++) {
		struct queue *q = &queues[cpu];
		u64 idle = __atomic_load_n(&idle_cpus[cpu / 64], __ATOMIC_RELAXED);
		u32 load = __atomic_load_n(&q->count, __ATOMIC_RELAXED) + !(idle & BIT(cpu % 64));

		if (load < least && allowed(vp, q)) {
			least = load;
			found = q;
		}
	}
	return found;
}

/* An idle CPU's queue that nobody else gets at the same time, or NULL. */
static struct queue *claim_idle(const struct sched_vp *vp)
{
	for (u32 i = 0; i < SCHED_MASK_WORDS; i++) {
		u64 bits = __atomic_load_n(&idle_cpus[i], __ATOMIC_SEQ_CST) & vp->mask[i];
		u64 bit = bits & -bits;

		if (bit && (__atomic_fetch_and(&idle_cpus[i], ~bit, __ATOMIC_SEQ_CST) & bit))
			return &queues[i * 64 + (u32)__builtin_ctzl(bit)];
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
		struct queue *to = find_queue(vp);

		if (!to) {
			dequeue(q, vp, now);
			vp->state = SCHED_STRANDED;
			list_add(&q->aside, vp);
			continue;
		}
		lock_second(q, to);
		vp = misfit(q);
		if (vp && allowed(vp, to)) {
			dequeue(q, vp, now);
			change_queue(vp, to, LAG);
			enqueue(to, vp, now);
			notify(to, vp, now);
		}
		spin_unlock(&to->lock);
	}
}

/* CPUs came: tries again for those that had none. */
static void rescue(struct queue *q, u64 now)
{
	for (struct sched_vp *next, *vp = q->aside; vp; vp = next) {
		next = vp->next;
		if (vp->state != SCHED_STRANDED)
			continue;
		dequeue(q, vp, now);
		enqueue(q, vp, now);
		if (allowed(vp, q))
			notify(q, vp, now);
	}
	expel(q, now);
}

/* Brings back those whose window is over. */
static void release(struct queue *q, u64 now)
{
	if (now < q->next_release)
		return;
	q->next_release = UINT64_MAX;
	for (struct sched_vp *next, *vp = q->aside; vp; vp = next) {
		next = vp->next;
		if (vp->state == SCHED_THROTTLED && now >= vp->release) {
			dequeue(q, vp, now);
			settle(q, vp, BONUS);
			enqueue(q, vp, now);
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
		dequeue(other, theirs, now);
		change_queue(theirs, q, LAG);
		enqueue(q, theirs, now);
		mine = best(q, q, NULL, now);
	}
	spare = best(q, other, mine, now);
	running = other->running;
	if (!spare)
		return;
	if (running) {
		advance(q);
		least = q->vtime - to_vtime(running, LAG);
		if (before(running->vtime, least))
			running->vtime = least;
	}
	if (!other->resched && (!running || better(spare, running, MARGIN, now)))
		kick(other);
}

static void look_around(struct queue *q, u64 now)
{
	u32 probes = PROBES, cpus = cpus_known();

	for (u32 i = 0; i < cpus && (probes || !q->waiting); i++) {
		struct queue *other;

		q->cursor = (q->cursor + 1) % cpus;
		other = &queues[q->cursor];
		/* Nothing to take and nothing to offer? */
		if (other == q ||
		    (!__atomic_load_n(&other->count, __ATOMIC_RELAXED) && q->count < 2))
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
	if (vp->removing) {
		vp->state = SCHED_NONE;
		return;
	}
	enqueue(q, vp, now);
	vp->stats.preemptions += vp->state == SCHED_QUEUED;
}

static void dispatch(struct queue *q, struct sched_vp *vp, u64 now)
{
	dequeue(q, vp, now);
	set_idle(q, false);
	vp->state = SCHED_RUNNING;
	vp->woken = false;
	q->running = vp;
	q->charged = now;
	set_slice(q, now);
}

struct sched_vp *sched_pick(u32 cpu, u64 now)
{
	struct queue *q = &queues[cpu];
	struct sched_vp *last, *vp;

	spin_lock(&q->lock);
	last = vp = q->running;
	if (vp && !q->resched && now < min_u64(q->slice_end, q->next_release)) {
		vp->woken = false;
		spin_unlock(&q->lock);
		return vp;
	}
	charge(q, now);
	q->resched = false;
	if (last)
		put_back(q, last, now);
	release(q, now);
	expel(q, now);
	/* First say so, then look: who is woken meanwhile comes here. */
	set_idle(q, !q->waiting && is_online(q));
	look_around(q, now);
	vp = best(q, q, NULL, now);
	q->slice_end = UINT64_MAX;
	if (vp)
		dispatch(q, vp, now);
	if (vp && vp == last)
		vp->stats.preemptions--;
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
	bool blocked = false;

	spin_lock(&q->lock);
	vp = q->running;
	if (vp && (vp->removing || !vp->woken)) {
		charge(q, now);
		q->running = NULL;
		vp->boost = 0;
		vp->state = vp->removing ? SCHED_NONE : SCHED_BLOCKED;
		blocked = true;
	}
	spin_unlock(&q->lock);
	return blocked;
}

void sched_wake(struct sched_vp *vp, u64 now)
{
	struct queue *q = lock_vp(vp), *to = NULL;

	vp->woken = true;
	if (vp->state == SCHED_BLOCKED && (q->running || q->waiting))
		to = claim_idle(vp);
	if (to && to != q) {
		lock_second(q, to);
		if (&queues[vp->cpu] == q && vp->state == SCHED_BLOCKED && allowed(vp, to)) {
			change_queue(vp, to, BONUS);
			spin_unlock(&q->lock);
			q = to;
		} else {
			spin_unlock(&to->lock);
		}
	}
	if (&queues[vp->cpu] == q && vp->state == SCHED_BLOCKED) {
		charge(q, now);
		settle(q, vp, BONUS);
		enqueue(q, vp, now);
		notify(q, vp, now);
		expel(q, now);
	}
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
	charge(q, now);
	vp->woken = true;
	if (vp->state == SCHED_BLOCKED) {
		settle(q, vp, BONUS);
		enqueue(q, vp, now);
	}
	if (vp->state == SCHED_QUEUED) {
		if (has_credit(q, vp))
			vp->boost = BOOST;
		notify(q, vp, now);
	}
	spin_unlock(&q->lock);
}

bool sched_yield_to(u32 cpu, struct sched_vp *vp, u64 now)
{
	struct queue *q = &queues[cpu], *from = lock_vp(vp);
	bool done = false;

	if (from != q)
		lock_second(from, q);
	if (&queues[vp->cpu] == from && vp->state == SCHED_QUEUED && allowed(vp, q) &&
	    has_credit(from, vp)) {
		charge(q, now);
		if (from != q) {
			dequeue(from, vp, now);
			change_queue(vp, q, LAG);
			enqueue(q, vp, now);
		}
		vp->boost = BOOST;
		if (q->running)
			q->running->boost = 0;
		q->resched = true;
		done = true;
	}
	if (from != q)
		spin_unlock(&from->lock);
	spin_unlock(&q->lock);
	return done;
}

/* Books the VP's reserve, new or old, on a CPU of the mask that has room. */
static bool book(struct sched_vp *vp, u32 reserve, const u64 *mask)
{
	u32 home = reserve ? cpus_known() : vp->home;

	for (u32 cpu = 0; reserve && cpu < cpus_known() && home == cpus_known(); cpu++) {
		u64 others = queues[cpu].reserved - (cpu == vp->home ? vp->reserve : 0);

		if ((mask[cpu / 64] & BIT(cpu % 64)) && is_online(&queues[cpu]) &&
		    others + reserve <= SCHED_WHOLE_CPU)
			home = cpu;
	}
	if (home == cpus_known())
		return false;
	queues[vp->home].reserved -= vp->reserve;
	queues[home].reserved += reserve;
	vp->home = home;
	return true;
}

bool sched_set_params(struct sched_vp *vp, u32 weight, u32 cap, u32 reserve, u64 now)
{
	struct queue *q;
	bool fits;

	if (!weight || weight > SCHED_WEIGHT_MAX || cap > SCHED_WHOLE_CPU ||
	    reserve > (cap ? cap : SCHED_WHOLE_CPU))
		return false;
	spin_lock(&settings.lock);
	fits = book(vp, reserve, vp->mask);
	if (fits) {
		q = lock_vp(vp);
		charge(q, now);
		vp->weight = weight;
		/* A whole CPU is no cap: no VP has more. */
		vp->cap = cap == SCHED_WHOLE_CPU ? 0 : cap;
		vp->reserve = reserve;
		settle(q, vp, LAG);
		if (vp->state == SCHED_RUNNING)
			kick(q);
		if (vp->state == SCHED_THROTTLED) {
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

bool sched_set_affinity(struct sched_vp *vp, const u64 mask[SCHED_MASK_WORDS], u64 now)
{
	struct queue *q;
	bool fits;

	spin_lock(&settings.lock);
	fits = book(vp, vp->reserve, mask);
	if (fits) {
		q = lock_vp(vp);
		for (u32 i = 0; i < SCHED_MASK_WORDS; i++)
			vp->mask[i] = mask[i];
		if (vp->state == SCHED_RUNNING && !allowed(vp, q))
			kick(q);
		rescue(q, now);
		spin_unlock(&q->lock);
	}
	spin_unlock(&settings.lock);
	return fits;
}

void sched_set_cpu_online(u32 cpu, bool online, u64 now)
{
	struct queue *q = &queues[cpu];

	spin_lock(&settings.lock);
	spin_lock(&q->lock);
	__atomic_store_n(&q->online, online, __ATOMIC_RELAXED);
	kick(q);
	expel(q, now);
	spin_unlock(&q->lock);
	for (u32 i = 0; online && i < cpus_known(); i++) {
		spin_lock(&queues[i].lock);
		rescue(&queues[i], now);
		spin_unlock(&queues[i].lock);
	}
	spin_unlock(&settings.lock);
}

void sched_add(struct sched_vp *vp)
{
	struct queue *q;

	*vp = (struct sched_vp){ .state = SCHED_BLOCKED, .weight = SCHED_WEIGHT_DEFAULT };
	for (u32 i = 0; i < SCHED_MASK_WORDS; i++)
		vp->mask[i] = UINT64_MAX;
	spin_lock(&settings.lock);
	q = find_queue(vp);
	if (!q)
		q = &queues[0];
	vp->cpu = index_of(q);
	vp->vtime = __atomic_load_n(&latest_vtime, __ATOMIC_RELAXED);
	spin_unlock(&settings.lock);
}

bool sched_remove(struct sched_vp *vp, u64 now)
{
	struct queue *q;
	bool gone;

	spin_lock(&settings.lock);
	book(vp, 0, vp->mask);
	q = lock_vp(vp);
	vp->reserve = 0;
	charge(q, now);
	if (vp->state == SCHED_RUNNING) {
		vp->removing = true;
		kick(q);
	} else {
		if (vp->state != SCHED_BLOCKED && vp->state != SCHED_NONE)
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

	*parent = (struct sched_vp){
		.cpu = cpu,
		.home = cpu,
		.state = SCHED_BLOCKED,
		.parent = true,
		.weight = SCHED_WEIGHT_PARENT,
	};
	parent->mask[cpu / 64] = BIT(cpu % 64);
	spin_lock(&settings.lock);
	spin_lock(&q->lock);
	q->parent = parent;
	q->slice_end = q->next_release = UINT64_MAX;
	q->cursor = cpu;
	__atomic_store_n(&q->online, true, __ATOMIC_RELAXED);
	spin_unlock(&q->lock);
	if (cpu >= settings.cpus)
		__atomic_store_n(&settings.cpus, cpu + 1, __ATOMIC_RELAXED);
	spin_unlock(&settings.lock);
}

void sched_init(u64 ticks_per_second, void (*kick_cpu)(u32 cpu))
{
	settings.ms = ticks_per_second / 1000;
	settings.kick = kick_cpu;
}
