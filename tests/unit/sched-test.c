/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/sched.c on simulated CPUs.
 *
 * The simulation is exact: a CPU picks when its deadline comes, when it is kicked
 * and when its VP's work is done, and the simulation keeps its own account of who
 * ran where and for how long. The shares that a test expects come from water
 * filling (the fluid that an ideal scheduler would pour), not from the scheduler.
 */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "core/sched.h"

#define MS 1000000ul /* ticks: 1 GHz */
#define SECOND (1000 * MS)
#define US 1000ul
#define CPUS 4
#define VPS 40
#define NEVER UINT64_MAX

struct sim_vp {
	struct sched_vp s; /* first: the scheduler's pointer is ours */
	bool used;
	uint64_t burst; /* works so long, */
	uint64_t pause; /* then sleeps so long; 0: always works */
	uint64_t left; /* of the burst */
	uint64_t wake_at; /* NEVER: it does not sleep */
	uint64_t run; /* the simulation's account */
	uint64_t ran_at; /* end of its last run */
	uint64_t longest_wait; /* runnable but not running */
	uint64_t runnable_since;
};

struct sim_cpu {
	struct sched_vp *vp;
	uint64_t deadline;
	bool kicked;
	uint64_t busy;
	uint64_t next_irq, irq_every; /* NEVER: none */
	uint64_t irq_at; /* the one that its parent has not seen yet */
	uint64_t latency; /* the worst */
	bool offline;
};

static struct sim_vp vps[VPS];
static struct sim_cpu cpu[CPUS];
static uint32_t cpus;
static uint64_t now;
static uint64_t removed_run; /* of those that are no more */
static uint64_t late; /* a CPU comes so late after its deadline, at most */
static uint64_t idle_with_waiters; /* CPU ticks lost while somebody waited */

static struct sim_vp *parent_of(uint32_t c)
{
	return &vps[c];
}

static void kick_cpu(uint32_t c)
{
	if (c < CPUS)
		__atomic_store_n(&cpu[c].kicked, true, __ATOMIC_SEQ_CST);
}

/* The scheduler's state is static: CPUs of an earlier simulation are offline and
 * their parents blocked. */
static void sim_start(uint32_t count)
{
	static bool initialised;

	now += SECOND;
	if (!initialised)
		sched_init(1000 * MS, kick_cpu);
	initialised = true;
	for (uint32_t i = 0; i < VPS; i++) {
		if (vps[i].used && i >= CPUS)
			while (!sched_remove(&vps[i].s, now))
				;
	}
	memset(vps, 0, sizeof(vps));
	memset(cpu, 0, sizeof(cpu));
	cpus = count;
	idle_with_waiters = removed_run = 0;
	for (uint32_t c = 0; c < CPUS; c++) {
		sched_cpu_init(c, &parent_of(c)->s);
		sched_set_cpu_online(c, c < count, now);
		cpu[c] = (struct sim_cpu){
			.deadline = NEVER, .kicked = true, .next_irq = NEVER, .irq_at = NEVER
		};
		parent_of(c)->wake_at = NEVER;
		parent_of(c)->used = true;
	}
}

static void set_online(uint32_t c, bool online)
{
	cpu[c].offline = !online;
	sched_set_cpu_online(c, online, now);
}

/* All VPs leave their CPUs, so that the next simulation finds them idle. */
static void sim_end(void)
{
	for (uint32_t i = CPUS; i < VPS; i++) {
		if (vps[i].used)
			sched_remove(&vps[i].s, now);
	}
	for (uint32_t c = 0; c < CPUS; c++) {
		while (sched_pick(c, now))
			sched_block(c, now);
	}
	for (uint32_t i = CPUS; i < VPS; i++) {
		if (vps[i].used)
			CHECK(sched_remove(&vps[i].s, now));
		vps[i].used = false;
	}
}

static struct sim_vp *add(uint32_t weight)
{
	struct sim_vp *v = &vps[CPUS];

	while (v->used)
		v++;
	REQUIRE(v < vps + VPS);
	memset(v, 0, sizeof(*v));
	v->used = true;
	v->wake_at = NEVER;
	v->left = NEVER;
	v->ran_at = now;
	sched_add(&v->s);
	REQUIRE(sched_set_params(&v->s, weight, 0, 0, now));
	v->runnable_since = now;
	sched_wake(&v->s, now);
	return v;
}

static void wake(struct sim_vp *v)
{
	v->wake_at = NEVER;
	v->runnable_since = now;
	sched_wake(&v->s, now);
}

/* Works for burst ticks, sleeps for pause ticks, and so on. */
static void set_work(struct sim_vp *v, uint64_t burst, uint64_t pause)
{
	v->burst = burst;
	v->pause = pause;
	v->left = pause ? burst : NEVER;
}

static void pick(uint32_t c)
{
	struct sim_cpu *p = &cpu[c];
	struct sim_vp *v;

	p->kicked = false;
	p->vp = sched_pick(c, now);
	p->deadline = sched_deadline(c);
	if (late && p->deadline < NEVER - late)
		p->deadline += check_below(late);
	v = (struct sim_vp *)p->vp;
	if (!v)
		return;
	if (v->runnable_since != NEVER && now - v->runnable_since > v->longest_wait)
		v->longest_wait = now - v->runnable_since;
	v->runnable_since = NEVER;
	if (v == parent_of(c) && p->irq_at != NEVER) {
		if (now - p->irq_at > p->latency)
			p->latency = now - p->irq_at;
		p->irq_at = NEVER;
	}
}

static void step_cpu(uint32_t c)
{
	struct sim_cpu *p = &cpu[c];
	struct sim_vp *v = (struct sim_vp *)p->vp;

	if (now >= p->next_irq) {
		if (p->irq_at == NEVER && p->vp != &parent_of(c)->s)
			p->irq_at = now;
		p->next_irq = now + p->irq_every;
		sched_boost(c, now);
		p->kicked = true;
	}
	if (v && !v->left) {
		if (sched_block(c, now)) {
			v->wake_at = v->pause == NEVER ? NEVER : now + v->pause;
			p->vp = NULL;
		}
		v->left = v->burst;
		p->kicked = true;
	}
	if (p->kicked || now >= p->deadline) {
		struct sched_vp *last = p->vp;

		pick(c);
		if (last && last != p->vp)
			((struct sim_vp *)last)->runnable_since = now;
	}
}

static bool somebody_waits(void)
{
	for (uint32_t i = 0; i < VPS; i++) {
		if (vps[i].used && vps[i].s.state == SCHED_QUEUED)
			return true;
	}
	return false;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next moment at which something happens, at most end. */
static uint64_t next_event(uint64_t end)
{
	for (uint32_t c = 0; c < cpus; c++) {
		struct sim_vp *v = (struct sim_vp *)cpu[c].vp;

		end = earlier(end, earlier(cpu[c].deadline, cpu[c].next_irq));
		if (cpu[c].kicked)
			end = now;
		if (v && v->left != NEVER)
			end = earlier(end, now + v->left);
	}
	for (uint32_t i = 0; i < VPS; i++) {
		if (vps[i].used)
			end = earlier(end, vps[i].wake_at);
	}
	return end < now ? now : end;
}

static void pass_time(uint64_t ticks)
{
	bool waiting = ticks && somebody_waits();

	now += ticks;
	for (uint32_t c = 0; c < cpus; c++) {
		struct sim_vp *v = (struct sim_vp *)cpu[c].vp;

		if (!v) {
			idle_with_waiters += waiting && !cpu[c].offline ? ticks : 0;
			continue;
		}
		v->run += ticks;
		cpu[c].busy += ticks;
		if (v->left != NEVER)
			v->left -= ticks;
	}
}

static void sim_run(uint64_t ticks)
{
	uint64_t end = now + ticks, stuck = 0;

	while (now < end) {
		uint64_t before = now;

		pass_time(next_event(end) - now);
		for (uint32_t i = 0; i < VPS; i++) {
			if (vps[i].used && now >= vps[i].wake_at)
				wake(&vps[i]);
		}
		for (uint32_t c = 0; c < cpus; c++)
			step_cpu(c);
		/* A kick that causes a kick, and so on for ever? */
		stuck = now == before ? stuck + 1 : 0;
		REQUIRE(stuck < 1000);
	}
}

/* Each VP's account is the simulation's, to the tick. */
static void check_accounts(void)
{
	uint64_t run = removed_run, busy = 0;

	for (uint32_t i = 0; i < VPS; i++) {
		if (!vps[i].used)
			continue;
		CHECK_EQ(sched_read_stats(&vps[i].s, now).run, vps[i].run);
		run += vps[i].run;
	}
	for (uint32_t c = 0; c < cpus; c++)
		busy += cpu[c].busy;
	CHECK_EQ(run, busy);
}

static void forget_accounts(void)
{
	for (uint32_t i = 0; i < VPS; i++) {
		if (vps[i].used)
			sched_read_stats(&vps[i].s, now);
	}
	for (uint32_t i = 0; i < VPS; i++) {
		removed_run = vps[i].run = 0;
		vps[i].longest_wait = 0;
		memset(&vps[i].s.stats, 0, sizeof(vps[i].s.stats));
	}
	for (uint32_t c = 0; c < CPUS; c++)
		cpu[c].busy = 0;
}

struct wanted {
	uint32_t weight;
	double most; /* CPUs that it can use */
	double share; /* what it is due, CPUs */
};

/* Pours CPUs over VPs by weight, none above what it can use. */
static void pour(struct wanted *w, size_t n, double capacity)
{
	bool full[VPS] = { false }, again = true;

	while (again) {
		double weights = 0, left = capacity;

		again = false;
		for (size_t i = 0; i < n; i++) {
			if (full[i])
				left -= w[i].share;
			else
				weights += w[i].weight;
		}
		for (size_t i = 0; i < n; i++) {
			if (full[i])
				continue;
			w[i].share = left * w[i].weight / weights;
			if (w[i].share >= w[i].most) {
				w[i].share = w[i].most;
				full[i] = again = true;
			}
		}
	}
}

/* Within 3 %, or what a slice more or less makes. */
static bool near(uint64_t run, double want, uint64_t slack)
{
	double off = (double)run - want;

	return off <= want * 0.03 + (double)slack && -off <= want * 0.03 + (double)slack;
}

#define CHECK_SHARE(v, cpus_wanted, time)                                                \
	do {                                                                             \
		check_note("ran %.4f CPUs, due %.4f", (double)(v)->run / (double)(time), \
			   (double)(cpus_wanted));                                       \
		CHECK(near((v)->run, (double)(cpus_wanted) * (double)(time), 2 * MS));   \
		check_note(" ");                                                         \
		check_state.note[0] = '\0';                                              \
	} while (0)

/* Children that always work, by weight, on count CPUs. */
static void compete(uint32_t count, const uint32_t *weights, size_t n)
{
	struct wanted w[VPS];
	struct sim_vp *v[VPS];

	sim_start(count);
	for (size_t i = 0; i < n; i++) {
		w[i] = (struct wanted){ weights[i], 1, 0 };
		v[i] = add(weights[i]);
	}
	pour(w, n, count);
	sim_run(10 * SECOND);
	for (size_t i = 0; i < n; i++) {
		check_note("%u CPUs, VP %zu of %zu, weight %u: ran %.4f CPUs, due %.4f", count, i,
			   n, weights[i], (double)v[i]->run / (double)(10 * SECOND), w[i].share);
		CHECK(near(v[i]->run, w[i].share * 10 * (double)SECOND, 2 * MS));
		/* Nobody starves: with the least weight it waits for its slice of 1 ms. */
		CHECK((double)v[i]->longest_wait < 2 * (double)(20 * MS) / w[i].share);
	}
	check_state.note[0] = '\0';
	CHECK_EQ(idle_with_waiters, 0);
	check_accounts();
	sim_end();
}

#define COMPETE(count, ...)                                                    \
	do {                                                                   \
		static const uint32_t weights[] = { __VA_ARGS__ };             \
		compete(count, weights, sizeof(weights) / sizeof(weights[0])); \
	} while (0)

static void test_weights(void)
{
	COMPETE(1, 100, 100);
	COMPETE(1, 100, 200, 300);
	COMPETE(1, 1, 10000);
	COMPETE(1, 1, 10);
	COMPETE(2, 100, 200, 300);
	COMPETE(2, 1, 2, 3);
	COMPETE(2, 100, 100, 100);
	COMPETE(2, 100, 100, 1000);
	COMPETE(2, 100);
	COMPETE(2, 1, 10000, 10000);
	COMPETE(2, 1, 10000, 100, 100);
	COMPETE(4, 100, 100, 100, 100, 100);
	COMPETE(4, 100, 200, 300, 400, 500, 600, 700);
	COMPETE(4, 10000, 10000, 1, 1, 1, 1);
	COMPETE(4, 10, 20, 40, 80, 160, 320, 640, 1280);
	COMPETE(4, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,
		100, 100, 100, 300);
}

/* Random weights, within a factor that 10 s can resolve. */
static void test_random_weights(void)
{
	check_seed(0x5c4ed);
	for (int round = 0; round < 60; round++) {
		uint32_t weights[12];
		size_t n = 1 + check_below(12);

		for (size_t i = 0; i < n; i++)
			weights[i] = (uint32_t)(50 + check_below(950));
		compete((uint32_t)(1 + check_below(CPUS)), weights, n);
	}
}

static void set(struct sim_vp *v, uint32_t weight, double cap, double reserve)
{
	CHECK(sched_set_params(&v->s, weight, (uint32_t)(cap * SCHED_WHOLE_CPU),
			       (uint32_t)(reserve * SCHED_WHOLE_CPU), now));
}

static void test_caps(void)
{
	static const double caps[] = { 0.01, 0.1, 0.25, 0.5, 0.9 };
	struct sim_vp *a, *b, *c;

	/* Alone: nothing but the cap keeps it back. */
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		sim_start(1);
		a = add(100);
		set(a, 100, caps[i], 0);
		sim_run(10 * SECOND);
		CHECK_SHARE(a, caps[i], 10 * SECOND);
		check_accounts();
		sim_end();
	}
	/* What one does not get the others do. */
	sim_start(2);
	a = add(1000);
	b = add(100);
	c = add(100);
	set(a, 1000, 0.2, 0);
	sim_run(10 * SECOND);
	CHECK_SHARE(a, 0.2, 10 * SECOND);
	CHECK_SHARE(b, 0.9, 10 * SECOND);
	CHECK_SHARE(c, 0.9, 10 * SECOND);
	CHECK_EQ(idle_with_waiters, 0);
	/* The cap goes: the VP comes back at once, also if it was throttled. */
	a->run = 0;
	set(a, 1000, 0, 0);
	sim_run(SECOND);
	CHECK_SHARE(a, 1, SECOND);
	sim_end();
	/* All of a CPU is no cap. */
	sim_start(1);
	a = add(100);
	set(a, 100, 1, 0);
	sim_run(SECOND);
	CHECK_EQ(a->run, SECOND);
	sim_end();
	/* What a CPU runs over the cap is paid off later. */
	late = MS;
	for (size_t i = 0; i < 2; i++) {
		sim_start(1);
		a = add(100);
		set(a, 100, i ? 0.03 : 0.0003, 0);
		sim_run(10 * SECOND);
		CHECK(near(a->run, i ? 0.3 * SECOND : 0.003 * SECOND, MS));
		sim_end();
	}
	late = 0;
}

static void test_reserves(void)
{
	struct sim_vp *a, *b, *c, *parent;

	sim_start(1);
	a = add(1);
	b = add(1000);
	c = add(1000);
	set(a, 1, 0, 0.3);
	sim_run(10 * SECOND);
	CHECK_SHARE(a, 0.3, 10 * SECOND);
	CHECK_SHARE(b, 0.35, 10 * SECOND);
	CHECK_SHARE(c, 0.35, 10 * SECOND);
	/* 70 % are left to book, on the one CPU. */
	CHECK(!sched_set_params(&b->s, 1000, 0, (uint32_t)(0.71 * SCHED_WHOLE_CPU), now));
	set(b, 1000, 0, 0.7);
	CHECK(!sched_set_params(&c->s, 1000, 0, 66, now));
	set(b, 1000, 0, 0);
	set(c, 1000, 0, 0.7);
	sim_end();

	/* More VPs with reserves than CPUs, beside parents that burn. */
	sim_start(2);
	for (uint32_t i = 0; i < 2; i++)
		wake(parent = parent_of(i));
	for (uint32_t i = 0; i < 2; i++)
		parent_of(i)->left = NEVER;
	a = add(10);
	b = add(10);
	c = add(10);
	set(a, 10, 0, 0.4);
	set(b, 10, 0, 0.4);
	set(c, 10, 0.6, 0.6);
	CHECK(!sched_set_params(&parent->s, 1000, 0, (uint32_t)(0.5 * SCHED_WHOLE_CPU), now));
	sim_run(10 * SECOND);
	CHECK_SHARE(a, 0.4, 10 * SECOND);
	CHECK_SHARE(b, 0.4, 10 * SECOND);
	CHECK_SHARE(c, 0.6, 10 * SECOND);
	check_accounts();
	sim_end();
}

static void test_parameters(void)
{
	uint64_t nowhere[SCHED_MASK_WORDS] = { 0 }, only_0[SCHED_MASK_WORDS] = { 1 };
	struct sim_vp *a, *b;

	sim_start(2);
	a = add(100);
	b = add(100);
	CHECK(!sched_set_params(&a->s, 0, 0, 0, now));
	CHECK(!sched_set_params(&a->s, SCHED_WEIGHT_MAX + 1, 0, 0, now));
	CHECK(sched_set_params(&a->s, SCHED_WEIGHT_MAX, 0, 0, now));
	CHECK(!sched_set_params(&a->s, 1, SCHED_WHOLE_CPU + 1, 0, now));
	CHECK(!sched_set_params(&a->s, 1, 0, SCHED_WHOLE_CPU + 1, now));
	CHECK(!sched_set_params(&a->s, 1, 100, 101, now));
	CHECK(sched_set_params(&a->s, 1, 100, 100, now));
	CHECK_EQ(a->s.share.weight, 1);
	/* A reserve has to fit where the VP may run. */
	CHECK(sched_set_params(&a->s, 1, 0, SCHED_WHOLE_CPU, now));
	CHECK(sched_set_params(&b->s, 1, 0, SCHED_WHOLE_CPU, now));
	CHECK(!sched_set_affinity(&a->s, nowhere, now));
	CHECK(sched_set_affinity(&a->s, only_0, now) + sched_set_affinity(&b->s, only_0, now) == 1);
	sim_end();
}

/* A parent that sleeps until an interrupt comes and works a little each time,
 * beside children that always work. */
static void test_parent_latency(void)
{
	sim_start(4);
	for (uint32_t i = 0; i < 8; i++)
		add(100 + 1000 * (i % 2));
	for (uint32_t c = 0; c < 4; c++) {
		set_work(parent_of(c), 50 * US, NEVER);
		cpu[c].irq_every = 1 * MS + c * (7 * US);
		cpu[c].next_irq = now + MS + c * (100 * US);
	}
	sim_run(10 * SECOND);
	for (uint32_t c = 0; c < 4; c++) {
		CHECK_EQ(cpu[c].latency, 0);
		CHECK_SHARE(parent_of(c), 50.0 * US / (double)cpu[c].irq_every, 10 * SECOND);
	}
	check_accounts();
	CHECK_EQ(idle_with_waiters, 0);
	sim_end();
}

/* One that burns does not get more by interrupts than its weight gives it. */
static void test_parent_burns(void)
{
	for (uint32_t weight = 100; weight <= 1000; weight += 900) {
		struct sim_vp *a, *b, *p = parent_of(0);
		double all = weight + 200;

		sim_start(1);
		a = add(100);
		b = add(100);
		set(p, weight, 0, 0);
		p->left = NEVER;
		cpu[0].irq_every = 200 * US;
		cpu[0].next_irq = now;
		sim_run(10 * SECOND);
		CHECK_SHARE(p, weight / all, 10 * SECOND);
		CHECK_SHARE(a, 100 / all, 10 * SECOND);
		CHECK_SHARE(b, 100 / all, 10 * SECOND);
		sim_end();
	}
}

/* Who sleeps most of the time gets what it asks for, soon, and saves up nothing. */
static void test_sleepers(void)
{
	struct sim_vp *busy[6], *sleeper, *bursty;

	sim_start(2);
	for (int i = 0; i < 6; i++)
		busy[i] = add(100);
	sleeper = add(100);
	set_work(sleeper, 200 * US, 5 * MS);
	sim_run(SECOND);
	forget_accounts();
	sim_run(10 * SECOND);
	CHECK(near(sleeper->run, 10.0 * SECOND * 200 / 5200, 2 * MS));
	CHECK(sleeper->longest_wait <= 2 * MS);
	for (int i = 1; i < 6; i++)
		CHECK(near(busy[i]->run, (double)busy[0]->run, 5 * MS));
	CHECK_EQ(idle_with_waiters, 0);
	check_accounts();
	/* Slept for long: its share from then on, and not what it missed. */
	bursty = add(100);
	set_work(bursty, 1 * US, 20 * SECOND);
	sim_run(20 * SECOND);
	set_work(bursty, 0, 0);
	wake(bursty);
	bursty->run = 0;
	set_work(sleeper, 0, 0);
	sim_run(SECOND);
	CHECK(bursty->run > SECOND * 2 / 8 * 97 / 100 - 30 * MS);
	CHECK(bursty->run < SECOND * 2 / 8 * 103 / 100 + 60 * MS);
	sim_end();
}

/* The same on one CPU, where nobody else's queue sets things right. */
static void test_long_sleep(void)
{
	struct sim_vp *busy, *sleeper;

	sim_start(1);
	busy = add(100);
	sleeper = add(100);
	set_work(sleeper, 1 * US, 20 * SECOND);
	sim_run(20 * SECOND);
	set_work(sleeper, 0, 0);
	wake(sleeper);
	busy->run = 0;
	sim_run(SECOND);
	CHECK_SHARE(busy, 0.5, SECOND);
	sim_end();
}

/* Who had its share and comes back soon waits its turn, but has one. */
static void test_short_sleep(void)
{
	struct sim_vp *busy, *other;

	sim_start(1);
	busy = add(100);
	other = add(100);
	set_work(other, 5 * MS, 10 * US);
	sim_run(10 * SECOND);
	CHECK_SHARE(busy, 0.5, 10 * SECOND);
	CHECK_SHARE(other, 0.5, 10 * SECOND);
	sim_end();
}

static void tie(struct sim_vp *v, uint64_t first_word)
{
	uint64_t mask[SCHED_MASK_WORDS] = { first_word };

	CHECK(sched_set_affinity(&v->s, mask, now));
}

static void test_affinity(void)
{
	struct sim_vp *a, *b, *c, *d;
	uint64_t steals;

	/* Two tied to each CPU: a half each, nothing moves. */
	sim_start(2);
	tie(a = add(100), 1);
	tie(b = add(100), 1);
	tie(c = add(100), 2);
	tie(d = add(300), 2);
	sim_run(SECOND);
	steals = sched_read_stats(&a->s, now).steals;
	a->run = b->run = c->run = d->run = 0;
	sim_run(10 * SECOND);
	CHECK_SHARE(a, 0.5, 10 * SECOND);
	CHECK_SHARE(b, 0.5, 10 * SECOND);
	CHECK_SHARE(c, 0.25, 10 * SECOND);
	CHECK_SHARE(d, 0.75, 10 * SECOND);
	CHECK_EQ(sched_read_stats(&a->s, now).steals, steals);
	/* While they run and wait: CPU 1 for all. */
	tie(a, 2);
	tie(b, 2);
	a->run = b->run = c->run = d->run = 0;
	sim_run(10 * SECOND);
	CHECK_SHARE(a, 1.0 / 6, 10 * SECOND);
	CHECK_SHARE(b, 1.0 / 6, 10 * SECOND);
	CHECK_SHARE(c, 1.0 / 6, 10 * SECOND);
	CHECK_SHARE(d, 3.0 / 6, 10 * SECOND);
	/* Nowhere: it waits and is not lost. */
	tie(a, 0);
	sim_run(SECOND);
	a->run = 0;
	sim_run(SECOND);
	CHECK_EQ(a->run, 0);
	CHECK_EQ(a->s.state, SCHED_STRANDED);
	tie(a, 3);
	sim_run(SECOND);
	CHECK(a->run > SECOND / 2);
	sim_end();

	/* One that wakes goes to an idle CPU at once. */
	sim_start(2);
	tie(a = add(100), 1);
	tie(b = add(100), 1);
	set_work(b, MS, SECOND);
	sim_run(SECOND);
	tie(b, 3);
	forget_accounts();
	sim_run(5 * SECOND);
	CHECK(b->run >= 4 * MS);
	CHECK_EQ(b->longest_wait, 0);
	CHECK_EQ(a->run, 5 * SECOND);
	sim_end();
}

/* One tied to a CPU of its own for long, and one of little weight: their virtual
 * times are far from the others'. Freed, they compete fairly at once. */
static void test_drifted_apart(void)
{
	struct sim_vp *v[4];

	sim_start(4);
	tie(v[0] = add(1), 1);
	tie(v[1] = add(10000), 2);
	tie(v[2] = add(100), 4);
	tie(v[3] = add(100), 4);
	sim_run(100 * SECOND);
	for (int i = 0; i < 4; i++) {
		set(v[i], 100, 0, 0);
		tie(v[i], i % 2 ? 3 : 7);
	}
	set_online(3, false);
	set_online(2, false);
	for (int i = 0; i < 4; i++)
		v[i]->run = 0;
	sim_run(10 * SECOND);
	for (int i = 0; i < 4; i++)
		CHECK_SHARE(v[i], 0.5, 10 * SECOND);
	CHECK_EQ(cpu[2].vp == NULL, 1);
	sim_end();
}

static void test_hotplug(void)
{
	struct sim_vp *v[6];

	sim_start(3);
	for (int i = 0; i < 6; i++)
		v[i] = add(100);
	wake(parent_of(2));
	parent_of(2)->left = NEVER;
	sim_run(SECOND);
	/* The offline CPU's parent goes on there, alone. */
	set_online(2, false);
	sim_run(0);
	for (int i = 0; i < 6; i++)
		v[i]->run = 0;
	parent_of(2)->run = 0;
	sim_run(10 * SECOND);
	for (int i = 0; i < 6; i++)
		CHECK_SHARE(v[i], 2.0 / 6, 10 * SECOND);
	CHECK_SHARE(parent_of(2), 1, 10 * SECOND);
	/* All offline: they wait, and come back. */
	set_online(0, false);
	set_online(1, false);
	for (int i = 0; i < 6; i++)
		v[i]->run = 0;
	sim_run(SECOND);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(v[i]->run, 0);
	set_online(1, true);
	sim_run(10 * SECOND);
	for (int i = 0; i < 6; i++)
		CHECK_SHARE(v[i], 1.0 / 6, 10 * SECOND);
	/* Removing: the rest share what it had. */
	CHECK_EQ(idle_with_waiters, 0);
	for (int i = 0; i < 5; i++) {
		if (!sched_remove(&v[i]->s, now))
			sim_run(0);
		sim_run(US);
		CHECK(sched_remove(&v[i]->s, now));
		CHECK(cpu[1].vp != &v[i]->s);
		v[i]->used = false;
	}
	v[5]->run = 0;
	sim_run(SECOND);
	CHECK_EQ(v[5]->run, SECOND);
	sim_end();
}

/* The parent gives its turn away: the child runs next, wherever it waited, but not
 * more than its share, nor above its cap. */
static void test_yield(void)
{
	struct sim_vp *a, *b, *c, *p;
	int granted = 0;

	sim_start(2);
	p = parent_of(0);
	set(p, 100, 0, 0);
	wake(p);
	p->left = NEVER;
	a = add(100);
	b = add(100);
	c = add(100);
	sim_run(SECOND);
	forget_accounts();
	for (int i = 0; i < 10000; i++) {
		bool waits = a->s.state == SCHED_QUEUED;

		if (sched_yield_to(0, &a->s, now)) {
			CHECK(waits);
			CHECK_EQ(sched_deadline(0), 0);
			pick(0);
			CHECK(cpu[0].vp == &a->s);
			granted++;
		}
		sim_run(MS);
	}
	CHECK(granted > 1000);
	CHECK_SHARE(a, 0.5, 10 * SECOND);
	CHECK_SHARE(b, 0.5, 10 * SECOND);
	CHECK_SHARE(c, 0.5, 10 * SECOND);
	CHECK(!sched_yield_to(0, &p->s, now));
	/* Its cap holds. */
	set(a, 100, 0.1, 0);
	sim_run(SECOND);
	a->run = 0;
	for (int i = 0; i < 4000; i++) {
		sched_yield_to(0, &a->s, now);
		pick(0);
		sim_run(2500 * US);
	}
	CHECK_SHARE(a, 0.1, 10 * SECOND);
	sim_end();
}

/* An interrupt ends the turn that the parent gave away. */
static void test_interrupt_in_yield(void)
{
	struct sim_vp *a, *p = parent_of(0);

	sim_start(1);
	a = add(100);
	sim_run(SECOND);
	p->left = NEVER;
	wake(p);
	sim_run(100 * US);
	CHECK(cpu[0].vp == &p->s);
	CHECK(sched_yield_to(0, &a->s, now));
	pick(0);
	CHECK(cpu[0].vp == &a->s);
	sched_boost(0, now);
	pick(0);
	CHECK(cpu[0].vp == &p->s);
	sim_end();
}

/* A wake that comes before the VP has blocked is not lost. */
static void test_wake_while_running(void)
{
	struct sim_vp *a;

	sim_start(1);
	a = add(100);
	sim_run(MS);
	CHECK(cpu[0].vp == &a->s);
	sched_wake(&a->s, now);
	CHECK(!sched_block(0, now));
	pick(0);
	CHECK(cpu[0].vp == &a->s);
	CHECK(sched_block(0, now));
	CHECK_EQ(a->s.state, SCHED_BLOCKED);
	CHECK(!sched_block(0, now));
	pick(0);
	CHECK(!cpu[0].vp);
	CHECK_EQ(sched_deadline(0), NEVER);
	sched_wake(&a->s, now);
	CHECK(cpu[0].kicked);
	/* An interrupt finds the parent asleep, then running: that one it takes itself. */
	sched_boost(0, now);
	pick(0);
	CHECK(cpu[0].vp == &parent_of(0)->s);
	sched_boost(0, now);
	CHECK(sched_block(0, now));
	pick(0);
	CHECK(cpu[0].vp == &a->s);
	sim_end();
}

/* Who is where: each VP in the one place that its state names. */
static void check_places(void)
{
	for (uint32_t i = 0; i < VPS; i++) {
		uint32_t on = 0;

		if (!vps[i].used)
			continue;
		for (uint32_t c = 0; c < cpus; c++) {
			on += cpu[c].vp == &vps[i].s;
			if (cpu[c].vp == &vps[i].s)
				CHECK_EQ(vps[i].s.cpu, c);
		}
		CHECK_EQ(on, vps[i].s.state == SCHED_RUNNING);
		/* A sleeper sleeps, and no other child does. */
		if (i >= CPUS)
			CHECK_EQ(vps[i].s.state == SCHED_BLOCKED, vps[i].wake_at != NEVER);
	}
}

/* Nobody runs, or waits, where it must not. */
static void check_allowed(void)
{
	for (uint32_t i = CPUS; i < VPS; i++) {
		const struct sched_vp *s = &vps[i].s;
		bool placed = s->state == SCHED_RUNNING || s->state == SCHED_QUEUED;

		if (vps[i].used && placed)
			CHECK((s->mask[0] >> s->cpu & 1) && !cpu[s->cpu].offline);
		if (vps[i].used && s->state == SCHED_STRANDED) {
			for (uint32_t c = 0; c < cpus; c++)
				CHECK(!(s->mask[0] >> c & 1) || cpu[c].offline);
		}
	}
}

static void random_operation(struct sim_vp *v)
{
	uint32_t c = (uint32_t)check_below(cpus);

	switch (check_below(10)) {
	case 0:
		tie(v, check_rand() & 15 & check_rand());
		break;
	case 1:
		tie(v, 15);
		break;
	case 2:
		sched_set_params(&v->s, (uint32_t)(1 + check_below(SCHED_WEIGHT_MAX)),
				 (uint32_t)(check_below(2) * check_below(SCHED_WHOLE_CPU / 4)), 0,
				 now);
		break;
	case 3:
		set_online(c, check_below(3) > 0);
		break;
	case 4:
		sched_yield_to(c, &v->s, now);
		cpu[c].kicked = true;
		break;
	case 5:
		set_work(v, 1 + check_below(5 * MS), check_below(2) * check_below(5 * MS));
		break;
	case 6:
		sched_wake(&v->s, now);
		v->wake_at = NEVER;
		break;
	case 7:
		for (uint32_t i = 0; i < cpus; i++) {
			sched_remove(&v->s, now);
			pick(i);
		}
		CHECK(sched_remove(&v->s, now));
		v->used = false;
		removed_run += v->run;
		add(1 + (uint32_t)check_below(1000));
		break;
	case 8:
		sched_boost(c, now);
		cpu[c].kicked = true;
		break;
	default:
		break;
	}
}

static void test_random_operations(void)
{
	check_seed(0x09e7a7e);
	sim_start(4);
	for (uint32_t c = 0; c < 4; c++)
		set_work(parent_of(c), 300 * US, NEVER);
	for (int i = 0; i < 12; i++)
		add(100);
	for (int step = 0; step < 30000; step++) {
		check_note("step %d", step);
		random_operation(&vps[CPUS + check_below(12)]);
		sim_run(1 + check_below(2 * MS));
		for (uint32_t c = 0; c < cpus; c++)
			step_cpu(c);
		check_places();
		check_allowed();
	}
	check_state.note[0] = '\0';
	check_accounts();
	/* Nobody got lost: with all CPUs and no caps all of them run. */
	for (uint32_t c = 0; c < 4; c++)
		set_online(c, true);
	for (int i = CPUS; i < CPUS + 12; i++) {
		set(&vps[i], 100, 0, 0);
		tie(&vps[i], 15);
		set_work(&vps[i], 0, 0);
		wake(&vps[i]);
	}
	sim_run(10 * SECOND);
	forget_accounts();
	sim_run(10 * SECOND);
	for (int i = CPUS; i < CPUS + 12; i++)
		CHECK_SHARE(&vps[i], 4.0 / 12, 10 * SECOND);
	sim_end();
}

/* --- threads: each is a CPU; nobody may be on two of them --- */

#define THREADS 2
#define THREAD_VPS 10

static struct sched_vp shared[THREAD_VPS];
static uint32_t owner[THREAD_VPS + THREADS]; /* CPU + 1 */
static uint64_t thread_clock, picked[THREAD_VPS];
static uint32_t users[THREAD_VPS]; /* who counts as one may name the VP */
static bool gone[THREAD_VPS];
static uint32_t faults;
static bool stop;

static uint32_t *owner_of(const struct sched_vp *vp)
{
	if (vp >= shared && vp < shared + THREAD_VPS)
		return &owner[vp - shared];
	return &owner[THREAD_VPS + (uint32_t)((const struct sim_vp *)vp - vps)];
}

static uint64_t thread_now(void)
{
	return __atomic_add_fetch(&thread_clock, 20 * US, __ATOMIC_RELAXED);
}

static uint64_t xorshift(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

/* Operations that any CPU may call at any time. */
static void disturb(uint64_t r, uint32_t c)
{
	uint32_t i = (uint32_t)(r >> 8) % THREAD_VPS;
	struct sched_vp *vp = &shared[i];
	uint64_t mask[SCHED_MASK_WORDS] = { (r >> 40) % 4 };

	__atomic_fetch_add(&users[i], 1, __ATOMIC_SEQ_CST);
	switch (__atomic_load_n(&gone[i], __ATOMIC_SEQ_CST) ? 1 : r % 16) {
	case 0:
		sched_set_affinity(vp, mask, thread_now());
		break;
	case 1:
		sched_set_cpu_online(c, (r >> 16) % 4, thread_now());
		break;
	case 2:
		sched_boost(c, thread_now());
		break;
	case 3:
		sched_yield_to(c, vp, thread_now());
		break;
	case 4:
		sched_read_stats(vp, thread_now());
		break;
	case 5:
		sched_set_params(vp, 1 + (uint32_t)(r >> 16) % 1000,
				 (uint32_t)(r >> 32) % 2 * 30000, 0, thread_now());
		break;
	default:
		sched_wake(vp, thread_now());
		break;
	}
	__atomic_fetch_sub(&users[i], 1, __ATOMIC_SEQ_CST);
}

static void *cpu_thread(void *argument)
{
	uint32_t c = (uint32_t)(uintptr_t)argument;
	uint64_t random = 0x9e3779b97f4a7c15u * (c + 1);
	struct sched_vp *vp = NULL;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t r = xorshift(&random);

		if (vp)
			__atomic_store_n(owner_of(vp), 0, __ATOMIC_SEQ_CST);
		if (vp && r % 7 == 0)
			sched_block(c, thread_now());
		vp = sched_pick(c, thread_now());
		if (vp && __atomic_exchange_n(owner_of(vp), c + 1, __ATOMIC_SEQ_CST))
			__atomic_fetch_add(&faults, 1, __ATOMIC_SEQ_CST);
		if (vp && vp >= shared && vp < shared + THREAD_VPS)
			__atomic_fetch_add(&picked[vp - shared], 1, __ATOMIC_RELAXED);
		sched_deadline(c);
		disturb(xorshift(&random), c);
		/* Rather here than with a lock held. */
		sched_yield();
	}
	if (vp)
		__atomic_store_n(owner_of(vp), 0, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The main thread adds and removes. */
static void add_and_remove(void)
{
	struct timespec pause = { 0, 200000 };
	time_t end = time(NULL) + 2;
	uint32_t i = 0;

	for (int round = 0; round < 200 && (round < 20 || time(NULL) < end);
	     round++, i = (i + 1) % THREAD_VPS) {
		int tries = 0;

		__atomic_store_n(&gone[i], true, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&users[i], __ATOMIC_SEQ_CST))
			nanosleep(&pause, NULL);
		while (!sched_remove(&shared[i], thread_now()) && ++tries < 100000)
			nanosleep(&pause, NULL);
		if (tries == 100000)
			__atomic_fetch_add(&faults, 1, __ATOMIC_SEQ_CST);
		if (round % 16 == 0)
			nanosleep(&pause, NULL);
		sched_add(&shared[i]);
		sched_wake(&shared[i], thread_now());
		__atomic_store_n(&gone[i], false, __ATOMIC_SEQ_CST);
	}
}

static void test_threads(void)
{
	pthread_t threads[THREADS];

	sim_start(THREADS);
	thread_clock = now;
	for (uint32_t i = 0; i < THREAD_VPS; i++)
		sched_add(&shared[i]);
	for (uintptr_t c = 0; c < THREADS; c++)
		REQUIRE(!pthread_create(&threads[c], NULL, cpu_thread, (void *)c));
	add_and_remove();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t c = 0; c < THREADS; c++)
		REQUIRE(!pthread_join(threads[c], NULL));
	CHECK_EQ(faults, 0);
	now = thread_clock;
	/* Nobody got lost. */
	for (uint32_t c = 0; c < THREADS; c++)
		sched_set_cpu_online(c, true, now);
	for (uint32_t i = 0; i < THREAD_VPS; i++) {
		uint64_t all[SCHED_MASK_WORDS] = { 3 };

		picked[i] = 0;
		CHECK(sched_set_affinity(&shared[i], all, now));
		CHECK(sched_set_params(&shared[i], 100, 0, 0, now));
		sched_wake(&shared[i], now);
	}
	for (int i = 0; i < 1000; i++) {
		now += MS;
		for (uint32_t c = 0; c < THREADS; c++) {
			struct sched_vp *vp = sched_pick(c, now);

			if (vp && vp >= shared && vp < shared + THREAD_VPS)
				picked[vp - shared]++;
		}
	}
	for (uint32_t i = 0; i < THREAD_VPS; i++) {
		check_note("VP %u", i);
		CHECK(picked[i] > 50);
		sched_remove(&shared[i], now);
	}
	sim_end();
	for (uint32_t i = 0; i < THREAD_VPS; i++)
		CHECK(sched_remove(&shared[i], now));
}

int main(void)
{
	CHECK_RUN(test_weights);
	CHECK_RUN(test_random_weights);
	CHECK_RUN(test_caps);
	CHECK_RUN(test_reserves);
	CHECK_RUN(test_parameters);
	CHECK_RUN(test_parent_latency);
	CHECK_RUN(test_parent_burns);
	CHECK_RUN(test_sleepers);
	CHECK_RUN(test_long_sleep);
	CHECK_RUN(test_short_sleep);
	CHECK_RUN(test_affinity);
	CHECK_RUN(test_drifted_apart);
	CHECK_RUN(test_hotplug);
	CHECK_RUN(test_yield);
	CHECK_RUN(test_interrupt_in_yield);
	CHECK_RUN(test_wake_while_running);
	CHECK_RUN(test_random_operations);
	CHECK_RUN(test_threads);
	return check_done();
}
