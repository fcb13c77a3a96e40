# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench parent: what hv costs the parent. See tools/bench -h."""

import sys
from dataclasses import replace

import report
import session
from machine import Config

ROWS = ["boot", "cpuid", "sha", "fork", "dd", "sleep", "disk-read", "disk-write", "net-send",
        "net-receive", "idle"]


BARE = {"bare": Config("bare", "bare"), "bare-xapic": Config("bare-xapic", "bare", ",-x2apic")}
MODES = {
    "default": Config("default", "hv", base="bare"),
    "exiting": Config("exiting", "hv", driver="native=0", base="bare"),
    "xapic": Config("xapic", "hv", ",-x2apic", base="bare-xapic"),
}
KVM = Config("kvm", "kvm", base="bare")


def parse(arguments):
    parser = session.parser()
    parser.add_argument("--modes", type=session.some_of(MODES), default=["default"])
    parser.add_argument("--peer", choices=["kvm"])
    parser.add_argument("--rows", type=session.some_of(ROWS), default=ROWS)
    settings = session.parse(parser, arguments)
    settings.rows, settings.devices = session.with_boot(settings.rows), True
    return settings


def configurations(settings):
    """Each bare machine stands before what is compared with it."""
    modes = [MODES[name] for name in settings.modes]
    if settings.hv_options:
        modes = [replace(m, hv_options=f"{m.hv_options} {settings.hv_options}".strip())
                 for m in modes]
    if settings.peer:
        modes.append(KVM)
    return [c for base in BARE.values()
            for c in ([base] + [m for m in modes if m.base == base.name])
            if any(m.base == base.name for m in modes)]


def show(result):
    print("\n".join(session.describe(result["around"])))
    for mode in result["modes"]:
        print(f"\n{mode['mode']}: time")
        print("\n".join(report.time_table(mode, result["around"]["peer"])))
        print(f"\n{mode['mode']}: exits")
        print("\n".join(report.exit_table(mode)))
        idle = report.idle_line(mode)
        if idle:
            print(idle)
    session.show_failures(result["failures"])


def shown_rows(settings):
    """As asked for; total is what our own clock says of the boot."""
    return ["boot", "total"] + settings.rows[1:]


def main():
    settings, failures = parse(sys.argv[1:]), []
    kernel, runs = session.build_and_measure(settings, configurations(settings), settings.peer,
                                             failures)
    rows, none = shown_rows(settings), [None] * settings.pairs
    modes = [report.measured(name, runs[name], runs[MODES[name].base], runs.get("kvm", none),
                             runs.get("bare", none), rows) for name in settings.modes]
    result = {"schema": 1, "around": session.surroundings(settings, kernel, runs), "modes": modes,
              "failures": failures,
              "runs": {name: [r and r.rows for r in of] for name, of in runs.items()}}
    result["around"]["peer"] = settings.peer
    show(result)
    if settings.json:
        session.write_json(settings.json, result)
    return 1 if failures else 0


if __name__ == "__main__":
    session.run_as_program(main)
