# SPDX-License-Identifier: GPL-2.0-only
"""Timer load, run in the parent: timers.py SECONDS.

One thread pinned to each CPU counts the expirations of a 5 ms timer and
sleeps in between; all of them watch CLOCK_MONOTONIC as they take turns. Exits
1 when a timer was early or lost, or the clock went back between CPUs.
"""

import os
import sys
import threading
import time

PERIOD_NS = 5_000_000
SECONDS = int(sys.argv[1])

failures = []
clock_lock = threading.Lock()
clock_last = 0


def watch_clock(cpu):
    """CLOCK_MONOTONIC as seen here is not behind what another CPU saw before."""
    global clock_last
    with clock_lock:
        now = time.monotonic_ns()
        if now < clock_last:
            failures.append(f"CPU {cpu}: the clock went back by {clock_last - now} ns")
        clock_last = now


def check_cpu(cpu):
    os.sched_setaffinity(0, {cpu})
    timer = os.timerfd_create(time.CLOCK_MONOTONIC)
    start = time.monotonic_ns()
    os.timerfd_settime_ns(timer, initial=PERIOD_NS, interval=PERIOD_NS)
    started = time.monotonic_ns()
    expirations = sleeps = 0
    late = 0
    while time.monotonic_ns() - start < SECONDS * 1_000_000_000:
        expirations += int.from_bytes(os.read(timer, 8), sys.byteorder)
        watch_clock(cpu)
        before = time.monotonic_ns()
        time.sleep(0.001)
        slept = time.monotonic_ns() - before
        sleeps += 1
        late = max(late, slept - 1_000_000)
        if slept < 1_000_000:
            failures.append(f"CPU {cpu}: a sleep of 1 ms took {slept} ns")
    # The last read waits for an expiration that is due but whose tick is still to come, and
    # counts what has expired up to then.
    due = (time.monotonic_ns() - started) // PERIOD_NS
    expirations += int.from_bytes(os.read(timer, 8), sys.byteorder)
    due_at_most = (time.monotonic_ns() - start) // PERIOD_NS
    os.close(timer)
    print(f"CPU {cpu}: {expirations} of {due} expirations, {sleeps} sleeps, the latest by {late / 1e6:.1f} ms")
    if not due <= expirations <= due_at_most:
        failures.append(f"CPU {cpu}: {expirations} expirations where {due} were due")
    if late > 1_000_000_000:
        failures.append(f"CPU {cpu}: a sleep of 1 ms came back {late / 1e6:.0f} ms late")


threads = [threading.Thread(target=check_cpu, args=(cpu,)) for cpu in sorted(os.sched_getaffinity(0))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for failure in failures[:10]:
    print("FAILED:", failure)
sys.exit(1 if failures else 0)
