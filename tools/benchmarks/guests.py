# SPDX-License-Identifier: GPL-2.0-only
"""Machines with a guest of Mullion or of KVM in them, in which a script measures rows
(devices.sh, gpu.sh; machine.sh is what they share): from the start of one to its end."""

import json
import os
import shlex
import subprocess

import machine
import medium


class Run:
    """One machine. A script is that of SCRIPT behind machine.sh and lines that set its
    values; what it prints is in rows and facts afterwards."""

    SCRIPT = None

    def __init__(self, work, vmm, settings, log):
        self.work, self.vmm, self.settings, self.log = work, vmm, settings, log
        self.rows, self.facts = {}, {}
        self.row, self.counts, self.pid = None, None, 0

    def values(self):
        """Of the script's variables."""
        return {"VMM": self.vmm, "AMOUNT": self.settings.amount, "VCPUS": self.settings.cpus}

    def disks(self):
        return []

    def qemu_arguments(self):
        return ["-snapshot"]

    def script(self):
        lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in self.values().items()]
        for name in ("machine.sh", self.SCRIPT):
            with open(os.path.join(medium.HERE, name), encoding="utf-8") as file:
                lines.append(file.read())
        return "".join(lines)

    def command(self):
        settings = self.settings
        image = os.path.join(medium.TOP, "build", settings.preset, "parent.img")
        result = [os.path.join(medium.TOP, "tools", "qemu"), "--image", image, "--cpus", str(settings.cpus),
                  "--memory", "3G", "--threads", settings.threads, "--timeout", str(settings.timeout),
                  "--log", self.log, "--share", f"{self.work}/share", "--exec", self.script()]
        for disk in self.disks():
            result += ["--disk", disk]
        if self.vmm == "kvm":
            result.append("--bare")
        elif settings.hv_options:
            result += ["--hv-options", settings.hv_options]
        return result + ["--"] + self.qemu_arguments()

    def run(self):
        """Raises machine.RunFailed; afterwards rows and facts are complete."""
        others = machine.OtherLoad()
        with open(self.log + ".out", "w", 1, encoding="utf-8") as log, \
                subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace") as qemu:
            try:
                self.pid = qemu.pid
                for line in qemu.stdout:
                    log.write(line)
                    self.line(line.strip())
            finally:
                qemu.terminate()
        self.facts["others"] = others.cpus()
        if "done" not in self.facts:
            raise machine.RunFailed(self.facts.get("failed", f"it ended with status {qemu.returncode}"))

    def line(self, line):
        at = line.find("bench: ")
        if at < 0:
            return
        word, _, rest = line[at + len("bench: "):].partition(" ")
        if word in ("before", "after"):
            self.row = self.rows.setdefault(rest, {})
            self.counts = self.row[word] = {}
        elif word in ("begin", "end"):
            self.row[word] = machine.cpu_ns(child(self.pid))
        elif word == "count":
            name, value = rest.split()
            self.counts[name] = self.counts.get(name, 0) + int(value)
        elif word == "hv":
            self.counts.update(of_hv(json.loads(rest)))
        elif word == "result":
            self.row["result"] = json.loads(rest)
        else:
            self.facts[word] = rest


def child(pid):
    """QEMU, which tools/qemu has started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for number in file.read().split():
            with open(f"/proc/{number}/comm", encoding="ascii") as name:
                if name.read().startswith("qemu-system"):
                    return int(number)
    return 0


def of_hv(said):
    """hvctl's statistics under the names of counters."""
    partition = said["partitions"][0] if isinstance(said, dict) else said[0]
    result = {}
    for vcpu in partition["vcpus"]:
        for name, value in [("cpu_ns.vcpu", vcpu["guest_ns"] + vcpu["hv_ns"])] + \
                [(f"hv.{n}", v) for n, v in vcpu["exits"].items()] + [("exits", vcpu["exits_total"])]:
            result[name] = result.get(name, 0) + value
    return result


def counted(row):
    """What was counted over a row."""
    return {name: row["after"][name] - row["before"].get(name, 0) for name in row["after"]}


def each(row, base, operations):
    """What was counted for each operation of a row, less what was counted over the one
    that does nothing."""
    counts, less = counted(row), counted(base)
    if "kvm.exits" in counts:
        counts["exits"], less["exits"] = counts["kvm.exits"], less["kvm.exits"]
    counts["machine_ns"], less["machine_ns"] = (r["end"] - r["begin"] for r in (row, base))
    for kind in ("cpu_ns", "wakeups"):
        for of in (counts, less):
            of[kind] = sum(value for n, value in of.items() if n.startswith(kind + "."))
            of["host_" + kind] = of[kind] - of.get(kind + ".vcpu", 0)
    return {n: (value - less.get(n, 0)) / operations for n, value in counts.items()}


def reasons(each_of):
    """Exits by reason, the most frequent one first."""
    found = {n.partition(".")[2].removesuffix("_exits"): v for n, v in each_of.items()
             if (n.startswith("hv.") or n == "kvm.insn_emulation" or n.endswith("_exits")) and v > 0.05}
    return ", ".join(f"{n} {v:.2f}" for n, v in sorted(found.items(), key=lambda item: -item[1]))
