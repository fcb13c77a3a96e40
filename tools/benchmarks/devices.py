# SPDX-License-Identifier: GPL-2.0-only
"""The guest part of tools/bench vmbus: disks and a card of a Mullion guest beside those
of a KVM guest with virtio, in the same emulated machine. See tools/bench -h. What runs in
the machine is devices.sh, which also says what its lines mean."""

import os
import tempfile
import time

import guests
import machine
import medium
import report
import session

DISK_ROWS = ["read-4k-1", "read-4k-32", "write-4k-1", "write-4k-32", "read-1m", "write-1m"]
NET_ROWS = ["net-send", "net-receive"]
ROWS = DISK_ROWS + NET_ROWS
VMMS = ("kvm", "mullion")
NET_OPERATION = 65536  # bytes, so that counts of a card can be told for an operation


def add_options(parser):
    """To those of the rings."""
    parser.add_argument("--machines", type=session.positive, default=3)
    parser.add_argument("--amount", type=session.positive, default=1)
    parser.add_argument("--cpus", type=session.positive, default=2)
    parser.add_argument("--threads", choices=["single", "multi"], default="multi")
    parser.add_argument("--vhost", action="store_true")
    parser.add_argument("--hv-options", default="")
    parser.add_argument("--timeout", type=session.positive, default=900)


def nothing_of(row):
    """The row that is taken off a row's counts."""
    return "net-nothing" if row in NET_ROWS else "disk-nothing"


class Run(guests.Run):
    SCRIPT = "devices.sh"

    def values(self):
        wanted = self.settings.rows
        rows = [row for kind in (DISK_ROWS, NET_ROWS) if any(r in wanted for r in kind)
                for row in [nothing_of(kind[0])] + [r for r in kind if r in wanted]]
        return {**super().values(), "ROWS": " ".join(rows), "VHOST": "on" if self.settings.vhost else "off"}

    def disks(self):
        return [f"{self.work}/debian.img", f"{self.work}/peer.img"]


# ---- What a row says ----

def outcome(row, result):
    """Operations and bytes in a second, seconds, and operations in all."""
    if row in NET_ROWS:
        received = result["end"]["sum_received"]
        return {"bytes_per_second": received["bits_per_second"] / 8, "seconds": received["seconds"],
                "operations": received["bytes"] / NET_OPERATION}
    job = result["jobs"][0]["read" if row.startswith("read") else "write"]
    if job["short_ios"] or job["drop_ios"]:
        raise machine.RunFailed(f"row {row}: fio has lost operations")
    return {"bytes_per_second": job["bw_bytes"], "iops": job["iops"], "seconds": job["runtime"] / 1e3,
            "operations": job["total_ios"], "p50_ns": job["clat_ns"]["percentile"]["50.000000"],
            "p99_ns": job["clat_ns"]["percentile"]["99.000000"]}


def each(run, name):
    """A row of a run: what came out, and what was counted for each operation. None: the
    machine has not come so far."""
    row = run.rows.get(name, {})
    if "result" not in row:
        return None
    result = outcome(name, row["result"])
    result["each"] = guests.each(row, run.rows[nothing_of(name)], result["operations"])
    return result


def compare(runs, name):
    """A row of all pairs. The ratio is KVM's throughput to Mullion's: above 1 we are behind."""
    found = {vmm: [each(r, name) for r in runs[vmm]] for vmm in VMMS}
    pairs = [(k, m) for k, m in zip(found["kvm"], found["mullion"]) if k and m]
    result = {"runs": found,
              "ratio": report.spread([k["bytes_per_second"] / m["bytes_per_second"] for k, m in pairs]),
              "cpu_ratio": report.spread([m["each"]["machine_ns"] / k["each"]["machine_ns"] for k, m in pairs])}
    for vmm in VMMS:
        of = [r for r in found[vmm] if r]
        result[vmm] = {what: report.spread([r[what] for r in of]) for what in (of[0] if of else {})
                       if what != "each"}
        result[vmm]["each"] = {n: report.median(r["each"].get(n, 0) for r in of)
                               for n in sorted({n for r in of for n in r["each"]})}
    if result["ratio"]:
        result["met"] = result["ratio"]["median"] <= 1
    return result


# ---- Tables ----

def amount(name, of):
    if "iops" in of and "4k" in name:
        return f"{of['iops']['median']:.0f} IOPS"
    return f"{of['bytes_per_second']['median'] / 1e6:.1f} MB/s"


def table(rows):
    lines = [["row", "virtio", "Mullion", "ratio", "min..max", "CPU ratio", "p99 us: virtio", "Mullion",
              "at or ahead"]]
    for name, e in rows.items():
        if not e["ratio"]:
            continue
        tail = [f"{e[vmm]['p99_ns']['median'] / 1e3:.0f}" if "p99_ns" in e[vmm] else "-" for vmm in VMMS]
        lines.append([name, amount(name, e["kvm"]), amount(name, e["mullion"]), report.number(e["ratio"]),
                      f"{e['ratio']['min']:.2f}..{e['ratio']['max']:.2f}", report.number(e["cpu_ratio"])] +
                     tail + [report.verdict(e, "met")])
    return report.layout(lines)


TICKS, INTERRUPTS = ("irq.LOC", "irq.HVS"), ("irq.virtio", "irq.HYP")
COUNTS = [("exits", "exits"), ("ticks", TICKS), ("interrupts", INTERRUPTS), ("wake-ups", "host_wakeups"), ("syscalls", "syscalls"),
          ("CPU us", "cpu_ns"), ("host's", "host_cpu_ns")]


def cell(each_of, name):
    if isinstance(name, tuple):
        return f"{sum(each_of.get(n, 0) for n in name):.2f}"
    value = each_of.get(name, 0)
    return f"{value / 1e3:.0f}" if name.endswith("cpu_ns") else f"{value:.2f}"


def count_table(rows):
    lines = [["row", ""] + [title for title, _ in COUNTS] + ["by reason"]]
    for name, e in rows.items():
        for title, vmm in (("virtio", "kvm"), ("Mullion", "mullion")):
            if e[vmm]["each"]:
                lines.append([name, title] + [cell(e[vmm]["each"], what) for _, what in COUNTS] +
                             [guests.reasons(e[vmm]["each"])])
    return report.layout(report.left_last(lines))


def show(result):
    around = result["around"]
    print(f"\n{around['date']}, commit {around['commit']}, preset {around['preset']}, {around['qemu']}, TCG, "
          f"{around['cpus']} CPUs ({around['threads']})")
    print(f"disks and cards of guests: {around['pairs']} pairs; virtio-net "
          f"{'by vhost' if around['vhost'] else 'by QEMU'}; ratios of throughput, virtio to Mullion")
    for vmm, said in around["guests"].items():
        print(f"  {vmm}: {said}")
    load = around["other_load"]
    if load:
        print(f"others on this machine used {load['median']:.2f} CPUs, at most {load['max']:.2f}" +
              (": the figures are disturbed" if load["max"] > session.Quiet.DISTURBED else ""))
    print("\n".join(table(result["rows"])))
    print("\nfor an operation (of a card: 64 KiB)")
    print("\n".join(count_table(result["rows"])))
    print("\n" + report.behind_line(result["rows"]).replace("KVM", "virtio"))
    session.show_failures(result["failures"])


# ---- Measuring ----

def prepare(work, settings):
    """The parent's image, the guests' disk and its key, and the disk with QEMU."""
    session.note(f"building {settings.preset}")
    medium.tool(os.path.join(medium.TOP, "tools", "build"), settings.preset, *medium.PRODUCTS)
    medium.tool(os.path.join(medium.TOP, "tools", "image"), "--preset", settings.preset)
    medium.tool(os.path.join(medium.TOP, "tests", "system", "guest", "disk-image"), f"{work}/debian.img")
    os.makedirs(f"{work}/share")
    os.rename(f"{work}/debian.img.key", f"{work}/share/key")
    medium.make_peer_image(work, medium.make_qemu_tree(work))


def measure(work, settings, failures):
    os.makedirs(machine.LOGS, exist_ok=True)
    runs = {vmm: [None] * settings.machines for vmm in VMMS}
    for turn in range(settings.machines):
        # Who begins changes, so that a machine that warms up favours nobody.
        for vmm in VMMS[turn % 2:] + VMMS[:turn % 2]:
            log = os.path.join(machine.LOGS, f"vmbus-{vmm}-{turn + 1}.log")
            run, started = Run(work, vmm, settings, log), time.monotonic()
            try:
                run.run()
                session.note(f"pair {turn + 1} of {settings.machines}, {vmm}: {time.monotonic() - started:.0f} s; "
                             f"others used {run.facts['others']:.2f} CPUs")
            except machine.RunFailed as error:
                failures.append({"run": vmm, "pair": turn + 1, "why": str(error), "log": log})
                session.note(f"pair {turn + 1}, {vmm}: FAILED: {error} ({log})")
            runs[vmm][turn] = run  # what it has done of its rows counts
    return runs


def around_of(settings, runs):
    every = [r for of in runs.values() for r in of]
    kernels = {vmm: next((r.facts["guest"] for r in runs[vmm] if "guest" in r.facts), None) for vmm in VMMS}
    return {**session.when_and_what(settings), "pairs": settings.machines, "amount": settings.amount,
            "cpus": settings.cpus, "threads": settings.threads, "vhost": settings.vhost, "guests": kernels,
            "other_load": report.spread([r.facts["others"] for r in every if "others" in r.facts])}


def bench(settings):
    """As in the JSON output."""
    failures = []
    session.clear_logs()
    with tempfile.TemporaryDirectory(prefix="mullion-bench.") as work:
        prepare(work, settings)
        runs = measure(work, settings, failures)
    return {"around": around_of(settings, runs), "failures": failures,
            "rows": {name: compare(runs, name) for name in settings.rows if name in ROWS}}
