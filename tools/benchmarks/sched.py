# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench sched: hv's scheduler against what it was told, and the parent's timers
beside busy children. See tools/bench -h."""

import sys

import report
import session
from machine import Config

MEASUREMENTS = ["shares", "idle", "busy"]


def parse(arguments):
    parser = session.parser()
    parser.add_argument("--rows", type=session.some_of(MEASUREMENTS), default=MEASUREMENTS)
    settings = session.parse(parser, arguments)
    settings.sched, settings.rows = settings.rows, ["boot"]
    return settings


def show(result):
    print("\n".join(session.describe(result["around"])))
    if result["shares"]:
        print("\nshares of CPUs, in %, of competing partitions")
        print("\n".join(report.share_table(result["shares"])))
        print(report.missed_line(result["shares"]))
    if result["latency"]:
        print("\nlateness of a timer each ms on each CPU of the parent, in microseconds")
        print("\n".join(report.latency_table(result["latency"])))
    session.show_failures(result["failures"])


def main():
    settings, failures = parse(sys.argv[1:]), []
    configs = [Config("bare", "kvm", vmm="none"),
               Config("mullion", "mullion", hv_options=settings.hv_options, base="bare")]
    kernel, runs = session.build_and_measure(settings, configs, True, failures)
    result = {"schema": 1, "around": session.surroundings(settings, kernel, runs),
              "shares": report.shares(runs["mullion"]),
              "latency": report.latencies(runs["mullion"], runs["bare"]), "failures": failures,
              "runs": {name: [r and r.rows for r in of] for name, of in runs.items()}}
    show(result)
    if settings.json:
        session.write_json(settings.json, result)
    return 1 if failures else 0


if __name__ == "__main__":
    session.run_as_program(main)
