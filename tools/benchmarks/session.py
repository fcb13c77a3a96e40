# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmarks of tools/bench have in common: options, runs in turn beside
each other on a machine that may be disturbed, and what was around."""

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import machine
import medium
import report


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"bench: {message} (-h shows the usage)", file=sys.stderr)
        sys.exit(2)


def some_of(known):
    """The type of an option that is a list of these names, or all."""
    def convert(text):
        names = list(known) if text == "all" else text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no '{name}', but {', '.join(known)}")
        return [name for name in known if name in names]
    return convert


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"wants a number above 0, not '{text}'")
    return int(text)


def parser():
    """Of the options that all benchmarks have."""
    result = Parser(prog="bench", add_help=False, allow_abbrev=False)
    result.add_argument("--pairs", type=positive, default=3)
    result.add_argument("--cpus", type=positive, default=2)
    result.add_argument("--hv-options", default="")
    result.add_argument("--preset", default="release")
    result.add_argument("--json")
    result.add_argument("--timeout", type=positive, default=300)
    result.add_argument("--quiet", type=positive, default=0)
    return result


def parse(using, arguments):
    """And what a machine is told unless the benchmark says otherwise."""
    settings = using.parse_args(arguments)
    if "|" in settings.hv_options:
        using.error("--hv-options cannot hold '|'")
    settings.devices, settings.guest_memory = False, machine.MEMORY
    settings.micro, settings.sched = [], []
    return settings


def with_boot(rows):
    """The machine always tells when init began."""
    return ["boot"] + [row for row in rows if row != "boot"]


def note(text):
    if not os.environ.get("MULLION_QUIET"):
        print(f"bench: {text}", file=sys.stderr, flush=True)


class Quiet:
    """Waits for the others on this machine to stop, for some time in all."""

    LOOK = 2  # seconds
    CALM = 0.1  # CPUs: go on
    DISTURBED = 0.3  # CPUs: what was measured meanwhile is doubtful

    def __init__(self, seconds):
        self.left = seconds

    def wait(self):
        while self.left > 0 and machine.OtherLoad().wait(self.LOOK) > self.CALM:
            self.left -= self.LOOK

    def again(self, run, seconds):
        """Whether to repeat a run that took so long."""
        if run.facts["others"] <= self.DISTURBED or self.left <= 0:
            return False
        self.left -= seconds
        return True


def run_once(work, config, settings, port, turn, quiet):
    """A finished Run; or raises RunFailed."""
    while True:
        quiet.wait()
        run = machine.Run(work, config, settings, port,
                          os.path.join(machine.LOGS, f"{config.name}-{turn + 1}.log"))
        started = time.monotonic()
        run.run()
        note(f"pair {turn + 1} of {settings.pairs}, {config.name}: init after "
             f"{run.rows['boot']['ns'] / 1e9:.2f} s; others used {run.facts['others']:.2f} CPUs")
        if not quiet.again(run, time.monotonic() - started):
            return run
        note("that was disturbed: once more")


def measure(work, settings, configs, failures):
    """runs[name][round]: a Run, or None where it failed."""
    peer = machine.NetPeer()
    peer.start()
    quiet = Quiet(settings.quiet)
    runs = {c.name: [None] * settings.pairs for c in configs}
    for turn in range(settings.pairs):
        # Who begins changes, so that a machine that warms up favours nobody.
        at = turn % len(configs)
        for config in configs[at:] + configs[:at]:
            try:
                runs[config.name][turn] = run_once(work, config, settings, peer.port, turn, quiet)
            except machine.RunFailed as error:
                log = f"build/log/bench/{config.name}-{turn + 1}.log"
                failures.append({"run": config.name, "pair": turn + 1, "why": str(error),
                                 "log": log})
                note(f"pair {turn + 1}, {config.name}: FAILED: {error} ({log})")
    return runs


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]


def host_cpu():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown"


def when_and_what(settings):
    """Date, what was measured, and on what."""
    commit = first_line("git", "-C", medium.TOP, "rev-parse", "--short=12", "HEAD")
    if first_line("git", "-C", medium.TOP, "status", "--porcelain", "hv", "include", "parent", "vsp"):
        commit += " with changes"
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": commit, "preset": settings.preset,
            "qemu": first_line("qemu-system-x86_64", "--version"),
            "host_cpu": host_cpu(), "host_cpus": os.cpu_count()}


def surroundings(settings, kernel, runs):
    every = [r for of in runs.values() for r in of if r is not None]
    facts = {name: next((r.facts for r in of if r is not None), {}) for name, of in runs.items()}
    return {**when_and_what(settings),
            "hv": next((f["hv"] for f in facts.values() if "hv" in f), None),
            "kernel": kernel, "cpus": settings.cpus,
            "pairs": settings.pairs, "hv_options": settings.hv_options,
            "other_load": report.spread([r.facts["others"] for r in every]),
            "machines": {name: {k: f.get(k) for k in ("clocksource", "apic", "options")}
                         for name, f in facts.items()}}


def describe(around):
    yield (f"{around['date']}, {around['qemu']}, TCG, {around['cpus']} CPUs, on "
           f"{around['host_cpus']} x {around['host_cpu']}")
    yield f"commit {around['commit']}, preset {around['preset']}; hv says: {around['hv']}"
    yield f"kernel {around['kernel']}; {around['pairs']} pairs; medians, ratios within the pairs"
    for name, facts in around["machines"].items():
        yield f"  {name}: APIC {facts['apic']}, clocksource {facts['clocksource']}" + \
            (f", hv options '{facts['options']}'" if facts["options"] else "")
    load = around["other_load"]
    yield (f"others on this machine used {load['median']:.2f} CPUs, at most {load['max']:.2f}" +
           (": the figures are disturbed" if load["max"] > Quiet.DISTURBED else ""))


def clear_logs():
    os.makedirs(machine.LOGS, exist_ok=True)
    for name in os.listdir(machine.LOGS):
        os.unlink(os.path.join(machine.LOGS, name))


def build_and_measure(settings, configs, with_guests, failures):
    """The kernel's release, and the runs by name."""
    clear_logs()
    note(f"building {settings.preset}")
    medium.tool(os.path.join(medium.TOP, "tools", "build"), settings.preset, *medium.TARGETS)
    with tempfile.TemporaryDirectory(prefix="mullion-bench.") as work:
        kernel = medium.make_medium(work, settings.preset, with_guests)
        if settings.devices:
            medium.make_scratch(work, 64)
        runs = measure(work, settings, configs, failures)
    if not any(r for of in runs.values() for r in of):
        raise medium.Failure("no machine did its load: see build/log/bench/")
    return kernel, runs


def show_failures(failures):
    for failure in failures:
        print(f"\nFAILED, pair {failure['pair']}, {failure['run']}: {failure['why']} ({failure['log']})")


def write_json(path, result):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


def stop(number, _):
    """As an exception, so that the machine and the files go, too."""
    sys.exit(128 + number)


def run_as_program(benchmark):
    """Ends the program with what benchmark() returns, or why it could not."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, stop)
    try:
        sys.exit(benchmark())
    except (medium.Failure, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
