/* SPDX-License-Identifier: GPL-2.0-only */
/* See watchdog.h. Lock order: `lock` is a leaf. */
#include "watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stopped;
static pthread_t thread;
static bool running, stop;
static unsigned int limit; /* seconds */
static uint64_t entered; /* when, seconds + 1; 0: not inside */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec + 1;
}

void watchdog_enter(void)
{
	__atomic_store_n(&entered, now(), __ATOMIC_RELAXED);
}

void watchdog_leave(void)
{
	__atomic_store_n(&entered, 0, __ATOMIC_RELAXED);
}

static void look(void)
{
	uint64_t since = __atomic_load_n(&entered, __ATOMIC_RELAXED);

	if (!since || now() - since <= limit)
		return;
	notice("the renderer is stuck for more than %u seconds: the process ends", limit);
	_exit(ERROR_FAILED);
}

static void *run(void *context)
{
	struct timespec until;

	(void)context;
	pthread_mutex_lock(&lock);
	while (!stop) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&stopped, &lock, &until);
		look();
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

bool watchdog_start(unsigned int seconds)
{
	pthread_condattr_t attributes;

	limit = seconds;
	stop = false;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stopped, &attributes);
	pthread_condattr_destroy(&attributes);
	errno = pthread_create(&thread, NULL, run, NULL);
	running = !errno;
	return running;
}

void watchdog_stop(void)
{
	if (!running)
		return;
	pthread_mutex_lock(&lock);
	stop = true;
	pthread_cond_signal(&stopped);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&stopped);
	running = false;
}
