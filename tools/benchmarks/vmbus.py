# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench vmbus: our VMBus ring beside a virtio split ring, and a guest's disks and
card beside virtio's (devices.py). See tools/bench -h."""

import argparse
import datetime
import json
import os
import sys

import devices
import machine
import medium
import report
import session

SIZES, BATCHES = [64, 256, 1024, 4096, 16384, 65536], [1, 4, 16, 64]
RINGS = ("vmbus", "virtio", "looking")


def numbers(text):
    try:
        return [session.positive(word) for word in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"wants numbers above 0: {error}")


def parse(arguments):
    parser = session.Parser(prog="bench", add_help=False, allow_abbrev=False)
    parser.add_argument("--rows", type=session.some_of(["rings"] + devices.ROWS), default=["rings"])
    parser.add_argument("--pairs", type=session.positive, default=9)
    parser.add_argument("--sizes", type=numbers, default=SIZES)
    parser.add_argument("--batches", type=numbers, default=BATCHES)
    parser.add_argument("--milliseconds", type=session.positive, default=50)
    parser.add_argument("--preset", default="release")
    parser.add_argument("--json")
    devices.add_options(parser)
    return parser.parse_args(arguments)


def room(size):
    """Packets that either ring holds."""
    return 256 if size <= 4096 else 128


def run(settings, size, batch):
    """runs[ring]: what each turn counted, in the order of the pairs."""
    program = medium.find_product(settings.preset, "bench-ring")
    said = medium.tool(program, *(str(n) for n in (room(size), size, batch, settings.pairs,
                                                   settings.milliseconds)))
    turns = [json.loads(line) for line in said.splitlines()]
    return {ring: [t for t in turns if t["ring"] == ring] for ring in RINGS}


def each(turn, what):
    """For a packet."""
    return turn[what] / turn["packets"]


def row(size, batch, runs):
    """As in the JSON output. Ratios are of vmbus to virtio, of the pairs."""
    result = {"size": size, "batch": batch}
    for ring in RINGS:
        result[ring] = {what: report.spread([each(turn, what) for turn in runs[ring]])
                        for what in ("ns", "cpu_ns", "signals", "room_signals")}
        result[ring]["packets_per_second"] = 1e9 / result[ring]["ns"]["median"]
    for name, what, ring in (("ratio", "ns", "virtio"), ("cpu_ratio", "cpu_ns", "virtio"),
                             ("looking_ratio", "ns", "looking"), ("looking_cpu_ratio", "cpu_ns", "looking")):
        result[name] = report.spread([each(ours, what) / each(other, what)
                                      for ours, other in zip(runs["vmbus"], runs[ring])])
    return result


def signals(entry):
    return f"{entry['signals']['median'] + entry['room_signals']['median']:.3f}"


def table(rows):
    lines = [["bytes", "batch", "packets/s", "ns", "virtio", "ratio", "min..max", "cpu ns", "virtio",
              "ratio", "min..max", "signals", "virtio", "looking", "cpu"]]
    for r in rows:
        ours, other = r["vmbus"], r["virtio"]
        line = [f"{r['size']}", f"{r['batch']}", f"{ours['packets_per_second']:.0f}"]
        for what, ratio in (("ns", r["ratio"]), ("cpu_ns", r["cpu_ratio"])):
            line += [f"{ours[what]['median']:.0f}", f"{other[what]['median']:.0f}",
                     report.number(ratio), f"{ratio['min']:.2f}..{ratio['max']:.2f}"]
        lines.append(line + [signals(ours), signals(other), report.number(r["looking_ratio"]),
                             report.number(r["looking_cpu_ratio"])])
    return report.layout(lines)


def behind_line(rows):
    behind = [f"{r['size']}/{r['batch']} ({report.number(r['ratio'])}, cpu {report.number(r['cpu_ratio'])})"
              for r in rows if r["ratio"]["median"] > 1]
    return "aim, at or ahead of virtio in every row: " + \
        (f"NOT met, behind in {', '.join(behind)}" if behind else "met")


def show(result):
    around = result["around"]
    print(f"{around['date']}, on {around['host_cpus']} x {around['host_cpu']}, preset {around['preset']}")
    print(f"{around['pairs']} pairs of {around['milliseconds']} ms; medians of a packet, ratios to "
          "virtio within the pairs")
    print(f"others on this machine used {around['other_load']:.2f} CPUs before" +
          (": ratios of the clock mean little" if around["other_load"] > session.Quiet.DISTURBED else ""))
    print("\n".join(table(result["rows"])))
    print(behind_line(result["rows"]))


def measure_rings(settings):
    """As in the JSON output."""
    if len(os.sched_getaffinity(0)) < 2:
        raise medium.Failure("a producer and a consumer need two CPUs")
    session.note(f"building {settings.preset}")
    medium.tool(os.path.join(medium.TOP, "tools", "build"), settings.preset, "bench-ring")
    around = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "preset": settings.preset, "pairs": settings.pairs,
              "milliseconds": settings.milliseconds, "host_cpu": session.host_cpu(),
              "host_cpus": os.cpu_count(), "other_load": machine.OtherLoad().wait(2)}
    rows = [row(size, batch, run(settings, size, batch))
            for size in settings.sizes for batch in settings.batches]
    return {"around": around, "rows": rows}


def main():
    settings, result = parse(sys.argv[1:]), {"schema": 2}
    if "rings" in settings.rows:
        result["rings"] = measure_rings(settings)
        show(result["rings"])
    if any(row in devices.ROWS for row in settings.rows):
        result["devices"] = devices.bench(settings)
        devices.show(result["devices"])
    if settings.json:
        session.write_json(settings.json, result)
    return 1 if result.get("devices", {}).get("failures") else 0


if __name__ == "__main__":
    session.run_as_program(main)
