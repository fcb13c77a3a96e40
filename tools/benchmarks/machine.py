# SPDX-License-Identifier: GPL-2.0-only
"""Runs one machine and collects what it prints. The guest's lines are described
in guest.c."""

import json
import os
import re
import resource
import select
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass

from medium import TOP

LOGS = os.path.join(TOP, "build", "log", "bench")
MEMORY, HOST_MEMORY = "1G", "2G"

# Entries of GRUB's menu whose machine runs a guest, which is then what is measured.
WITH_GUEST = ("kvm", "mullion")

# What hv or the kernel print when nothing more will come.
DEATH = re.compile(r"^\(hv\) (parent killed|panic)|^\[[ 0-9.]+\] ---\[ end Kernel panic")

# The guest's clock may differ from ours by that much over a row: a share, and
# seconds in which a line reaches us (from a guest through two consoles).
CLOCK_SHARE, CLOCK_SECONDS, CLOCK_SECONDS_GUEST = 0.03, 0.2, 1.0


@dataclass(frozen=True)
class Config:
    """One way to run the machine."""
    name: str
    entry: str  # of GRUB's menu
    cpu: str = ""
    hv_options: str = ""
    driver: str = ""  # mullion_root's parameter
    base: str = ""  # the machine beside it, with which it is compared
    vmm: str = ""  # what runs guests, where it is not the entry's

    @property
    def with_guest(self):
        return self.entry in WITH_GUEST


class RunFailed(Exception):
    """The machine did not do all of its rows."""


class NetPeer(threading.Thread):
    """The other end of the network rows, on the loopback: takes or sends bytes."""

    BLOCK = 64 * 1024

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                try:
                    self.serve(connection)
                except OSError:
                    pass  # the guest's side reports it

    def serve(self, connection):
        order, left = struct.unpack(">cQ", connection.recv(9, socket.MSG_WAITALL))
        block = bytearray(self.BLOCK)
        while left > 0:
            part = memoryview(block)[:min(left, self.BLOCK)]
            if order == b"s":
                connection.sendall(part)
                left -= len(part)
            else:
                count = connection.recv_into(part)
                if not count:
                    return
                left -= count
        if order == b"r":
            connection.sendall(b".")
        connection.recv(1)  # until the guest closes


def cpu_ns(pid):
    """CPU time that a process has used, as clock_getcpuclockid(3) finds it."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return 0


class OtherLoad:
    """CPUs of this machine that others used meanwhile: they disturb what is measured."""

    def __init__(self):
        self.start = self.sample()

    @staticmethod
    def sample():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(n) for n in file.readline().split()[1:]]
        # user nice system idle iowait irq softirq steal
        busy = sum(fields[:3] + fields[5:8]) / os.sysconf("SC_CLK_TCK")
        own = 0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            own += usage.ru_utime + usage.ru_stime
        return time.monotonic(), busy - own

    def wait(self, seconds):
        time.sleep(seconds)
        return self.cpus()

    def cpus(self):
        now, others = self.sample()
        return max(0.0, (others - self.start[1]) / (now - self.start[0]))


class Run:
    """One machine from its start to its end."""

    def __init__(self, work, config, settings, port, log):
        self.work, self.config, self.settings = work, config, settings
        self.port, self.log = port, log
        self.rows, self.facts, self.begun, self.marks = {}, {}, {}, {}
        self.pid = 0

    def arguments(self):
        settings, config = self.settings, self.config
        rows = ",".join(r for r in settings.rows)
        linux = (f"console=ttyS0,115200 quiet panic=-1 bench_rows={rows} bench_port={self.port} "
                 f"bench_cpus={settings.cpus} bench_memory={settings.guest_memory} bench_address=10.0.2.15 "
                 f"bench_micro={','.join(settings.micro)}")
        if config.driver:
            linux += f" bench_driver={config.driver}"
        if config.with_guest:
            linux += f" rdinit=/init-host bench_vmm={config.vmm or config.entry}"
        if settings.sched:
            linux += f" bench_sched={','.join(settings.sched)}"
        boot = f"{self.work}/smbios"
        with open(boot, "w", encoding="ascii") as file:
            file.write(f"org.mullion.boot:{config.entry}|{config.hv_options}|{linux}")
        disks = [("medium", "boot", "on")]
        if settings.devices:
            disks.append(("scratch", "scratch", "off"))
        if config.with_guest:
            disks.append(("peer", "peer", "on"))
        # Where partitions run, one thread (docs/architecture.md, "Under QEMU"); but
        # QEMU then delivers what KVM injects twice so often that its guests do not
        # boot, so the machines of this pair have a thread for each CPU.
        threads = "single" if settings.sched else "multi"
        arguments = ["qemu-system-x86_64", "-machine", "q35", "-accel", f"tcg,thread={threads}",
                     "-cpu", "max,+svm,+npt" + config.cpu, "-smp", str(settings.cpus),
                     "-m", HOST_MEMORY if config.with_guest else MEMORY,
                     "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                     "-serial", "stdio", "-nic",
                     "user,model=virtio-net-pci" if settings.devices else "none",
                     "-smbios", f"type=11,path={boot}"]
        for number, (name, serial, read_only) in enumerate(disks):
            arguments += ["-drive", f"if=none,id=d{number},format=raw,readonly={read_only},"
                                    f"file={self.work}/{name}.img",
                          "-device", f"virtio-blk-pci,drive=d{number},serial={serial}" +
                                     (",bootindex=1" if number == 0 else "")]
        return arguments

    def run(self):
        """Raises RunFailed; afterwards rows and facts are complete."""
        others = OtherLoad()
        started = time.monotonic()
        self.marks["qemu"] = started
        with open(self.log, "wb") as log:
            with subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, cwd=self.work,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
                self.pid = qemu.pid
                try:
                    self.follow(qemu.stdout, log, started + self.settings.timeout)
                finally:
                    qemu.kill()
                    qemu.wait()
        self.facts["others"] = others.cpus()
        self.check()

    def follow(self, pipe, log, deadline):
        pending = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise RunFailed(f"not done after {self.settings.timeout} s")
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return
            log.write(data)
            log.flush()
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self.line(line.decode(errors="replace").strip())

    def line(self, line):
        if DEATH.search(line):
            raise RunFailed(line)
        # GRUB's terminal sets colours before it prints.
        at = line.find("bench: ")
        if at < 0:
            return
        said, now = line[at + len("bench: "):], time.monotonic()
        if said.startswith("{"):
            try:
                self.facts_of(json.loads(said), now)
            except ValueError:
                raise RunFailed(f"a line that is no JSON: {said[:60]}") from None
        elif said.startswith("begin "):
            self.begun[said.split()[1]] = (now, cpu_ns(self.pid))
        elif said.startswith("end "):
            self.end(said.split()[1], now)
        elif said.startswith("failed"):
            raise RunFailed(said)
        else:
            self.marks[said] = now

    def facts_of(self, facts, now):
        name = facts.pop("row", None)
        if name is None:
            self.facts.update(facts)
            return
        self.rows.setdefault(name, {}).update(facts)
        if name == "boot" and "ns" in facts:
            self.marks["init"] = now

    def end(self, name, now):
        """Of a row, as our clock and QEMU's CPU time have it."""
        if name not in self.begun:
            raise RunFailed(f"row {name} ends without having begun")
        began, used = self.begun[name]
        self.rows.setdefault(name, {}).update(our_ns=int((now - began) * 1e9),
                                              cpu_ns=cpu_ns(self.pid) - used)

    def clock_seconds(self):
        return CLOCK_SECONDS_GUEST if self.config.with_guest else CLOCK_SECONDS

    def check(self):
        if "done" not in self.marks:
            raise RunFailed("the machine ended before its load did")
        for name in self.settings.rows:
            row = self.rows.get(name)
            if row is None or "ns" not in row:
                raise RunFailed(f"no row {name}")
            if row.get("status", 0):
                raise RunFailed(f"row {name}: the load ended with status {row['status']}")
            if "our_ns" in row and abs(row["our_ns"] - row["ns"]) > \
                    row["our_ns"] * CLOCK_SHARE + self.clock_seconds() * 1e9:
                raise RunFailed(f"row {name}: the guest's clock says {row['ns'] / 1e9:.2f} s, "
                                f"ours {row['our_ns'] / 1e9:.2f} s")
        if self.config.entry in ("hv", "mullion") and "hv" not in self.facts:
            raise RunFailed("hv does not answer: is its driver loaded?")
        # Of a guest its host has told.
        if not self.config.with_guest:
            self.rows["total"] = {"ns": int((self.marks["init"] - self.marks["qemu"]) * 1e9)}
