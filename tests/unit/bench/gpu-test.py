#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What tools/bench gpu makes of what its machines print: ratios, pictures, rows that were
lost, aims, the tables and the plot. The machines are lines in here."""

import contextlib
import io
import json
import os
import sys
import xml.dom.minidom

sys.dont_write_bytecode = True
TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tools", "benchmarks"))

import gpu  # pylint: disable=wrong-import-position
import guests  # pylint: disable=wrong-import-position
import plot  # pylint: disable=wrong-import-position

GRID = "10" * 144


def check(ok, what):
    if not ok:
        sys.exit(f"FAILED: {what}")


def result(scene, seconds, **more):
    return json.dumps({"scene": scene, "frames": 10, "operations": 2, "renderer": "r", "seconds": seconds,
                       "median_ns": 5, "p99_ns": 9, "max_ns": 9, "submit_ns": 6, "hash": "aa",
                       "grid": GRID, "expected": None, **more})


def hv(exits):
    return "hv " + json.dumps([{"vcpus": [{"guest_ns": 10 * exits, "hv_ns": 0, "exits": {"halt": exits},
                                           "exits_total": exits}]}])


def a_gpu(signals):
    return "gpu " + json.dumps({"schema": 1, "disks": [], "gpu": {
        "signals_in": signals, "command_bytes": 1000 * signals, "transfer_bytes": 500 * signals,
        "fences": signals, "fence_ns": 3000 * signals}})


def row(place, scene, before, after, said):
    return [f"before {place} {scene}", *before, f"begin {place} {scene}", f"end {place} {scene}",
            f"after {place} {scene}", *after, f"result {said}"]


def run_of(vmm, lines):
    run = gpu.Run("/nowhere", vmm, None, "/nowhere")
    run.pid = os.getpid()  # whose CPU time is looked at
    for line in lines:
        run.line(f"bench: {line}")
    return run


def kvm_counts(exits, kicks):
    return [f"count kvm.exits {exits}", f"count kvm.halt_exits {exits}", f"count signals {kicks}",
            "count cpu_ns.vcpu 5", "count cpu_ns.qemu 2", "count irq.virtio 1"]


def one_round(mullion_seconds, **more):
    """direct takes 1 s, KVM 4 s."""
    ours = run_of("mullion", row("direct", "nothing", [], [], result("nothing", 1)) +
                  row("direct", "build", [], [], result("build", 1)) +
                  row("mullion", "nothing", [hv(0), a_gpu(0)], [hv(5), a_gpu(2)], result("nothing", 1)) +
                  row("mullion", "build", [hv(10), a_gpu(10)], [hv(35), a_gpu(32)],
                      result("build", mullion_seconds, **more)) +
                  ["lost mullion small no answer, the guest ended"])
    theirs = run_of("kvm", row("kvm", "nothing", kvm_counts(0, 0), kvm_counts(10, 1), result("nothing", 1)) +
                    row("kvm", "build", kvm_counts(20, 2), kvm_counts(130, 43), result("build", 4)))
    return {"direct": ours, "mullion": ours, "kvm": theirs}


def near(value, wanted):
    return abs(value - wanted) < 1e-9


def test_ratios():
    entry = gpu.compare([one_round(1.25), one_round(2), one_round(1.05)], "build")
    check(near(entry["to_kvm"]["median"], 1.25 / 4) and entry["ahead"], "to virtio")
    check(near(entry["to_direct"]["median"], 1.25) and entry["of_direct_met"] is False, "of direct: missed")
    check(near(entry["kvm_to_direct"]["median"], 4), "virtio of direct")
    check(near(entry["mullion"]["fps"]["median"], 8), "frames per second")
    check(gpu.compare([one_round(1.11)], "build")["of_direct_met"] is True, "of direct: met")
    check(gpu.compare([one_round(4.1)], "build")["ahead"] is False, "behind")


def test_counts():
    entry = gpu.compare([one_round(1)], "build")
    ours, theirs = entry["mullion"]["each"], entry["kvm"]["each"]
    check(near(ours["exits"], 2) and near(ours["hv.halt"], 2), f"exits {ours}")
    check(near(ours["signals"], 2) and near(ours["copied"], 3000) and near(ours["host_fence_ns"], 3000),
          f"hv-gpu's counters {ours}")
    check(near(theirs["exits"], 10) and near(theirs["signals"], 4) and "copied" not in theirs, f"KVM's {theirs}")
    check(guests.reasons(theirs) == "halt 10.00", guests.reasons(theirs))


def test_pictures():
    off_by_two = GRID[:-2] + "12"
    other = GRID[:-2] + "20"
    for more, wanted in (({}, "same"), ({"hash": "bb", "grid": off_by_two}, "near"),
                         ({"hash": "bb", "grid": other}, "DIFFERENT"), ({"expected": False}, "WRONG")):
        check(gpu.compare([one_round(1, **more)], "build")["picture"] == wanted, wanted)


def test_lost():
    rounds = [one_round(1)]
    check(gpu.lost_rows(rounds) == [{"round": 1, "row": "mullion small", "why": "no answer, the guest ended"}],
          "a row that was lost")
    entry = gpu.compare(rounds, "small")
    check(entry["mullion"] is None and entry["to_kvm"] is None and entry["picture"] is None, "no figures of it")


def test_output():
    rows = {name: gpu.compare([one_round(1)], name) for name in ("build", "small")}
    around = {name: "x" for name in ("date", "commit", "preset", "qemu", "cpus", "threads", "size", "rounds")}
    whole = {"rows": rows, "around": {**around, "renderers": {"kvm": "virgl <&>"}, "other_load": None},
             "lost": gpu.lost_rows([one_round(1)]), "failures": []}
    json.dumps(whole)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        gpu.show(whole)
    for part in ("100 %", "ahead of virtio-gpu-gl in every scene: met", "LOST, round 1, mullion small"):
        check(part in said.getvalue(), f"the tables lack '{part}':\n{said.getvalue()}")
    whole["around"]["qemu"] = "<QEMU & Co>"
    picture = xml.dom.minidom.parseString(plot.of_gpu(whole, gpu.TITLES))
    bars = [e for e in picture.getElementsByTagName("rect") if e.getAttribute("fill") == plot.COLOURS["kvm"]]
    check(len(bars) == 2 and near(float(bars[1].getAttribute("width")), plot.LENGTH / 4), "the plot's bars")


def main():
    test_ratios()
    test_counts()
    test_pictures()
    test_lost()
    test_output()


main()
