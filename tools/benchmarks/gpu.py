# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench gpu: the same scenes drawn directly in the parent, in a Mullion guest, and in
a KVM guest with QEMU's virtio-gpu-gl, in the same emulated machine. See tools/bench -h. What
runs in the machine is gpu.sh, what draws is gpu/scenes.c."""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time

import guests
import machine
import medium
import plot
import report
import session

ROWS = ["build", "texture", "desktop", "small", "upload", "readback", "fence", "screen"]
PLACES = ("direct", "mullion", "kvm")
TITLES = {"direct": "direct", "mullion": "Mullion", "kvm": "virtio"}
# Where the renderer is what takes the time: a guest should draw at 90 % of direct.
RENDERER_BOUND = ("build", "texture", "desktop")
OF_DIRECT_AIM = 0.9
NOTHING = "nothing"
GRID_TOLERANCE = 3  # of 255


def size(text):
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found or any(int(n) % 16 or int(n) > 4096 for n in found.groups()):
        raise argparse.ArgumentTypeError(f"wants WIDTHxHEIGHT, multiples of 16 up to 4096, not '{text}'")
    return text


def parse(arguments):
    parser = session.Parser(prog="bench", add_help=False, allow_abbrev=False)
    parser.add_argument("--rows", type=session.some_of(ROWS), default=ROWS)
    parser.add_argument("--vmms", type=session.some_of(PLACES), default=list(PLACES))
    parser.add_argument("--machines", type=session.positive, default=3)
    parser.add_argument("--amount", type=session.positive, default=1)
    parser.add_argument("--size", type=size, default="640x480")
    parser.add_argument("--cpus", type=session.positive, default=2)
    parser.add_argument("--threads", choices=["single", "multi"], default="multi")
    parser.add_argument("--hv-options", default="")
    parser.add_argument("--timeout", type=session.positive, default=1200)
    parser.add_argument("--preset", default="release")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    return parser.parse_args(arguments)


def machines_of(settings):
    """What is measured in each machine of a round, by the VMM that it has."""
    result = {}
    for place in settings.vmms:
        result.setdefault("kvm" if place == "kvm" else "mullion", []).append(place)
    return result


class Run(guests.Run):
    SCRIPT = "gpu.sh"

    def values(self):
        settings = self.settings
        return {**super().values(), "PLACES": " ".join(machines_of(settings)[self.vmm]),
                "SCENES": " ".join(settings.rows), "SIZE": settings.size}

    def disks(self):
        return [f"{self.work}/disk.img"]

    def qemu_arguments(self):
        # virtio-gpu-gl draws by a device of DRM only.
        return super().qemu_arguments() + (["-device", "bochs-display"] if self.vmm == "kvm" else [])

    def line(self, line):
        word, _, rest = line.partition("bench: ")[2].partition(" ")
        if word == "lost":
            place, scene, why = rest.split(" ", 2)
            self.rows.setdefault(f"{place} {scene}", {})["lost"] = why
        elif word == "gpu":
            self.counts.update(of_gpu(rest))
        else:
            super().line(line)


def of_gpu(text):
    """hv-gpu's counters; none where it has none to tell."""
    said = json.loads(text).get("gpu") if text else None
    return {f"gpu.{name}": value for name, value in (said or {}).items()}


# ---- What a row says ----

def each(run, place, scene):
    """A row of a run; None: the machine has not come so far."""
    row = run and run.rows.get(f"{place} {scene}", {})
    if not row or "result" not in row:
        return None
    said = row["result"]
    frames, seconds = said["frames"], said["seconds"]
    result = {"fps": frames / seconds, "frame_ns": seconds * 1e9 / frames, "median_ns": said["median_ns"],
              "p99_ns": said["p99_ns"], "renderer": said["renderer"], "hash": said["hash"],
              "grid": said["grid"], "expected": said["expected"],
              "operation_ns": seconds * 1e9 / frames / said["operations"],
              "submit_ns": said["submit_ns"] / said["operations"], "machine_ns": (row["end"] - row["begin"]) / frames}
    nothing = run.rows.get(f"{place} {NOTHING}", {})
    if "result" in nothing and row["after"]:
        result["each"] = with_gpu(guests.each(row, nothing, frames))
    return result


def with_gpu(of):
    """What both have, under one name: signals both ways, bytes copied, a fence's time."""
    if any(name.startswith("gpu.") for name in of):
        of["signals"] = of.get("gpu.signals_in", 0)
        of["copied"] = of.get("gpu.command_bytes", 0) + of.get("gpu.transfer_bytes", 0)
        if of.get("gpu.fences"):
            of["host_fence_ns"] = of.get("gpu.fence_ns", 0) / of["gpu.fences"]
    if "kvm.mmio_exits" in of:
        # virtio-gpu-pci has no ioeventfd: a guest's signal leaves KVM for QEMU.
        of["signals"] = of.get("signals", 0) + of["kvm.mmio_exits"]
    of["interrupts"] = sum(of.get(name, 0) for name in ("irq.virtio", "irq.HYP"))
    return of


def near(one, other):
    return all(abs(a - b) <= GRID_TOLERANCE for a, b in zip(bytes.fromhex(one), bytes.fromhex(other)))


def picture(entries):
    """Of all places and rounds: "same" pixels, "near" (the same but for rounding), or
    "DIFFERENT"."""
    if any(e["expected"] is False for e in entries):
        return "WRONG"
    if len({e["hash"] for e in entries}) == 1:
        return "same"
    return "near" if all(near(e["grid"], entries[0]["grid"]) for e in entries) else "DIFFERENT"


def middle(found):
    """The medians of a place."""
    taken = [e for e in found if e]
    if not taken:
        return None
    result = {name: report.spread([e[name] for e in taken])
              for name in ("fps", "frame_ns", "median_ns", "p99_ns", "operation_ns", "submit_ns", "machine_ns")}
    result["renderer"] = taken[0]["renderer"]
    counted = [e["each"] for e in taken if "each" in e]
    result["each"] = {n: report.median([c.get(n, 0) for c in counted])
                      for n in sorted({n for c in counted for n in c})}
    return result


def compare(rounds, scene):
    """A scene of all rounds. Ratios are of frame times within a round: below 1 Mullion is
    ahead."""
    found = {place: [each(r.get(place), place, scene) for r in rounds] for place in PLACES}
    result = {"runs": found, **{place: middle(found[place]) for place in PLACES}}
    for base in ("direct", "kvm"):
        pairs = [(b, m) for b, m in zip(found[base], found["mullion"]) if b and m]
        result[f"to_{base}"] = report.spread([m["frame_ns"] / b["frame_ns"] for b, m in pairs])
        result[f"cpu_to_{base}"] = report.spread([m["machine_ns"] / b["machine_ns"] for b, m in pairs
                                                  if b["machine_ns"]])
    pairs = [(b, m) for b, m in zip(found["direct"], found["kvm"]) if b and m]
    result["kvm_to_direct"] = report.spread([k["frame_ns"] / d["frame_ns"] for d, k in pairs])
    entries = [e for of in found.values() for e in of if e]
    result["picture"] = picture(entries) if entries else None
    result["ahead"] = result["to_kvm"]["median"] <= 1 if result["to_kvm"] else None
    if scene in RENDERER_BOUND and result["to_direct"]:
        result["of_direct_met"] = 1 / result["to_direct"]["median"] >= OF_DIRECT_AIM
    return result


# ---- Tables ----

def fps(entry):
    return f"{entry['fps']['median']:.4g}" if entry else "-"


def times(entry):
    return f"{entry['median_ns']['median'] / 1e6:.2f}/{entry['p99_ns']['median'] / 1e6:.2f}" if entry else "-"


def range_of(spread):
    return f"{spread['min']:.2f}..{spread['max']:.2f}" if spread else "-"


def of_direct(spread):
    return f"{100 / spread['median']:.0f} %" if spread else "-"


def table(rows):
    lines = [["scene", "frames/s: direct", "virtio", "Mullion", "to virtio", "min..max", "CPU", "ahead",
              "of direct: virtio", "Mullion", "90 %", "ms, median/p99: direct", "virtio", "Mullion", "picture"]]
    for name, e in rows.items():
        lines.append([name, fps(e["direct"]), fps(e["kvm"]), fps(e["mullion"]), report.number(e["to_kvm"]),
                      range_of(e["to_kvm"]), report.number(e["cpu_to_kvm"]), report.verdict(e, "ahead"),
                      of_direct(e["kvm_to_direct"]), of_direct(e["to_direct"]), report.verdict(e, "of_direct_met")] +
                     [times(e[place]) for place in ("direct", "kvm", "mullion")] + [e["picture"] or "-"])
    return report.layout(lines)


def single_lines(rows):
    """Microseconds of single operations, as the program in the guest sees them."""
    for name, what, title in (("fence", "median_ns", "a fence, from its submission until it was waited for"),
                              ("small", "submit_ns", "a small submission, until its call returned"),
                              ("small", "operation_ns", "a small submission, until it was drawn")):
        said = [f"{TITLES[place]} {rows[name][place][what]['median'] / 1e3:.1f}" for place in PLACES
                if name in rows and rows[name][place]]
        if said:
            yield f"{title}, us: {', '.join(said)}"


COUNTS = [("exits", "exits"), ("signals", "signals"), ("interrupts", "interrupts"),
          ("wake-ups", "host_wakeups"), ("syscalls", "syscalls"), ("KB copied", "copied"),
          ("fence us", "host_fence_ns"), ("CPU ms", "cpu_ns"), ("host's", "host_cpu_ns")]
SCALES = {"copied": 1e3, "host_fence_ns": 1e3, "cpu_ns": 1e6, "host_cpu_ns": 1e6}


def count_table(rows):
    lines = [["scene", ""] + [title for title, _ in COUNTS] + ["by reason"]]
    for name, e in rows.items():
        for place in ("kvm", "mullion"):
            of = e[place] and e[place]["each"]
            if of:
                lines.append([name, TITLES[place]] +
                             [f"{of[what] / SCALES.get(what, 1):.2f}" if what in of else "-" for _, what in COUNTS] +
                             [guests.reasons(of)])
    return report.layout(report.left_last(lines)) if len(lines) > 1 else []


def aim_lines(rows):
    behind = [name for name, e in rows.items() if e["ahead"] is False]
    if any(e["ahead"] is not None for e in rows.values()):
        yield "aim, ahead of virtio-gpu-gl in every scene: " + \
            (f"NOT met, behind in {', '.join(behind)}" if behind else "met")
    bound = {name: e["of_direct_met"] for name, e in rows.items() if "of_direct_met" in e}
    if bound:
        missed = [name for name, met in bound.items() if not met]
        yield "aim, 90 % of direct where the renderer is the bottleneck: " + \
            (f"NOT met in {', '.join(missed)}" if missed else "met")


def show(result):
    around, rows = result["around"], result["rows"]
    print(f"{around['date']}, commit {around['commit']}, preset {around['preset']}, {around['qemu']}, TCG, "
          f"{around['cpus']} CPUs ({around['threads']})")
    print(f"scenes at {around['size']}, {around['rounds']} rounds; medians, ratios of frame times within a round")
    for place, renderer in around["renderers"].items():
        print(f"  {TITLES[place]}: {renderer}")
    load = around["other_load"]
    if load:
        print(f"others on this machine used {load['median']:.2f} CPUs, at most {load['max']:.2f}" +
              (": the figures are disturbed" if load["max"] > session.Quiet.DISTURBED else ""))
    print("\n".join(table(rows)))
    print("\n".join(single_lines(rows)))
    counts = count_table(rows)
    if counts:
        print("\nfor a frame")
        print("\n".join(counts))
    print("\n" + "\n".join(aim_lines(rows)))
    for lost in result["lost"]:
        print(f"LOST, round {lost['round']}, {lost['row']}: {lost['why']}")
    session.show_failures(result["failures"])


# ---- Measuring ----

def products(vmms):
    return medium.PRODUCTS + ["bench-scenes"] + (["vsc/all"] if "mullion" in vmms else [])


def prepare(work, settings):
    """The parent's image, the disk with Mesa and QEMU, and what is put into guests."""
    session.note(f"building {settings.preset}")
    medium.tool(os.path.join(medium.TOP, "tools", "build"), settings.preset, *products(settings.vmms))
    medium.tool(os.path.join(medium.TOP, "tools", "image"), "--preset", settings.preset)
    medium.tool(os.path.join(medium.HERE, "gpu", "disk"), f"{work}/disk.img")
    os.makedirs(f"{work}/share")
    os.rename(f"{work}/disk.img.key", f"{work}/share/key")
    shutil.copy(medium.find_product(settings.preset, "bench-scenes"), f"{work}/share/")
    if "mullion" in settings.vmms:
        shutil.copy(medium.find_product(settings.preset, "mullion_gpu.ko"), f"{work}/share/")


def run_one(work, settings, vmm, turn, failures):
    """A Run; what it has done of its rows counts."""
    log = os.path.join(machine.LOGS, f"gpu-{vmm}-{turn + 1}.log")
    run, started = Run(work, vmm, settings, log), time.monotonic()
    try:
        run.run()
        session.note(f"round {turn + 1} of {settings.machines}, {vmm}: {time.monotonic() - started:.0f} s; "
                     f"others used {run.facts['others']:.2f} CPUs")
    except machine.RunFailed as error:
        failures.append({"run": vmm, "pair": turn + 1, "why": str(error), "log": log})
        session.note(f"round {turn + 1}, {vmm}: FAILED: {error} ({log})")
    return run


def measure(work, settings, failures):
    """rounds[n][place]: the Run that had it."""
    places = machines_of(settings)
    rounds = []
    for turn in range(settings.machines):
        # Who begins changes, so that a machine that warms up favours nobody.
        at = turn % len(places)
        order = list(places)[at:] + list(places)[:at]
        runs = {vmm: run_one(work, settings, vmm, turn, failures) for vmm in order}
        rounds.append({place: runs[vmm] for vmm in places for place in places[vmm]})
    return rounds


def lost_rows(rounds):
    return [{"round": n + 1, "row": name, "why": row["lost"]}
            for n, runs in enumerate(rounds) for run in set(runs.values())
            for name, row in run.rows.items() if "lost" in row]


def around_of(settings, rounds, rows):
    every = [run for runs in rounds for run in set(runs.values())]
    renderers = {place: next((e[place]["renderer"] for e in rows.values() if e[place]), None) for place in PLACES}
    return {**session.when_and_what(settings), "rounds": settings.machines, "amount": settings.amount,
            "size": settings.size, "cpus": settings.cpus, "threads": settings.threads,
            "renderers": {place: renderer for place, renderer in renderers.items() if renderer},
            "other_load": report.spread([r.facts["others"] for r in every if "others" in r.facts])}


def main():
    settings, failures = parse(sys.argv[1:]), []
    session.clear_logs()
    with tempfile.TemporaryDirectory(prefix="mullion-bench.") as work:
        prepare(work, settings)
        rounds = measure(work, settings, failures)
    rows = {name: compare(rounds, name) for name in settings.rows}
    result = {"schema": 1, "around": around_of(settings, rounds, rows), "rows": rows,
              "lost": lost_rows(rounds), "failures": failures}
    show(result)
    if settings.json:
        session.write_json(settings.json, result)
    if settings.plot:
        with open(settings.plot, "w", encoding="utf-8") as file:
            file.write(plot.of_gpu(result, TITLES))
    return 1 if failures or result["lost"] else 0


if __name__ == "__main__":
    session.run_as_program(main)
