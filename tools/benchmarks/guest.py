# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench guest: a Mullion guest beside a KVM guest. See tools/bench -h."""

import sys

import report
import session
from machine import Config

ROWS = ["micro", "boot", "cpuid", "sha", "fork", "dd", "sleep", "idle"]
GUEST_MEMORY = "512M"
KVM = Config("kvm", "kvm")


def parse(arguments):
    parser = session.parser()
    parser.add_argument("--rows", type=session.some_of(ROWS), default=ROWS)
    settings = session.parse(parser, arguments)
    settings.guest_memory = GUEST_MEMORY
    settings.micro = ["rows", "memory"] if "micro" in settings.rows else []
    settings.rows = session.with_boot([row for row in settings.rows if row != "micro"])
    return settings


def show(result):
    print("\n".join(session.describe(result["around"])))
    if result["micro"]:
        print("\nsingle exits and round trips, in TSC ticks of the guest: medians")
        print("\n".join(report.micro_table(result["micro"])))
    if result["memory"]:
        print("\n" + report.memory_line(result["memory"]))
    print("\nLinux: time")
    print("\n".join(report.beside_table(result["rows"])))
    print("\nLinux: exits")
    print("\n".join(report.beside_exit_table(result["rows"])))
    print("\n" + report.behind_line(result["micro"], result["rows"]))
    session.show_failures(result["failures"])


def main():
    settings, failures = parse(sys.argv[1:]), []
    configs = [KVM, Config("mullion", "mullion", hv_options=settings.hv_options, base="kvm")]
    kernel, runs = session.build_and_measure(settings, configs, True, failures)
    result = {"schema": 1, "around": session.surroundings(settings, kernel, runs),
              "rows": report.beside(runs["mullion"], runs["kvm"],
                                    ["boot", "total"] + settings.rows[1:]),
              "micro": report.micro(runs["mullion"], runs["kvm"]),
              "memory": report.memory(runs["mullion"]), "failures": failures,
              "runs": {name: [r and r.rows for r in of] for name, of in runs.items()}}
    show(result)
    if settings.json:
        session.write_json(settings.json, result)
    return 1 if failures else 0


if __name__ == "__main__":
    session.run_as_program(main)
