# SPDX-License-Identifier: GPL-2.0-only
"""What the measured machines boot from: a small disk with GRUB, hv, the build
root's stock kernel and an initramfs; where there are guests, also a disk with the
VMMs."""

import os
import shutil
import subprocess

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
HERE = os.path.join(TOP, "tools", "benchmarks")

# What is measured, of the build.
TARGETS = ["hv", "mullion_root", "hv-worker"]
# What the parent's image holds.
PRODUCTS = ["hv/all", "parent/driver/all", "parent/hvd/all", "parent/worker/all", "vsp/all", "tools/hvctl/all"]

# virtio, its PCI transport and rings are part of the kernel.
MODULES = ["virtio_blk", "virtio_net"]
HOST_MODULES = ["kvm-amd", "crc32c_generic", "ext4"]
QEMU = "/usr/bin/qemu-system-x86_64"
# What QEMU reads at run time, beside its libraries.
FIRMWARE = ["/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/kvmvapic.bin",
            "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/pvh.bin",
            "/usr/share/qemu/efi-virtio.rom"]


class Failure(Exception):
    """Ends the benchmark, in one line."""


def tool(*command, **options):
    """Runs a tool that has nothing to say unless it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          **options)
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()
        why = next((line for line in said if "error: " in line), said[-1] if said else "no message")
        raise Failure(f"{os.path.basename(command[0])} failed: {why}")
    return done.stdout.decode(errors="replace")


def kernel_release():
    """The kernel whose headers mullion_root.ko was built with."""
    found = [n for n in os.listdir("/lib/modules") if os.path.exists(f"/boot/vmlinuz-{n}")]
    if len(found) != 1:
        raise Failure(f"the build root has {len(found)} kernels, not one")
    return found[0]


def busybox():
    """Debian's static busybox."""
    # What it says while it fetches is no part of the path.
    return tool(os.path.join(TOP, "tools", "lib", "debian-file"), "trixie", "busybox-static",
                "./usr/bin/busybox", env={**os.environ, "MULLION_QUIET": "1"}).strip()


def with_dependencies(release, names):
    """The modules' files in the order in which they can be loaded."""
    needs = {}
    with open(f"/lib/modules/{release}/modules.dep", encoding="ascii") as file:
        for line in file:
            module, _, others = line.partition(":")
            needs[module] = others.split()
    order = []

    def add(module):
        for other in reversed(needs[module]):
            add(other)
        if module not in order:
            order.append(module)

    for name in names:
        found = [m for m in needs if os.path.basename(m).split(".")[0] == name]
        if not found:
            raise Failure(f"the kernel has no module {name}")
        add(found[0])
    return order


def put_modules(release, names, tree, first):
    """Uncompressed, numbered in loading order; what lies there already is left out."""
    os.makedirs(f"{tree}/modules", exist_ok=True)
    for number, module in enumerate(with_dependencies(release, names), first):
        source = f"/lib/modules/{release}/{module}"
        target = f"{tree}/modules/{number:02d}-{os.path.basename(module).removesuffix('.xz')}"
        with open(target, "wb") as file:
            command = ["xz", "-dc", source] if source.endswith(".xz") else ["cat", source]
            subprocess.run(command, stdout=file, check=True)


def find_product(preset, name):
    for folder, _, files in os.walk(os.path.join(TOP, "build", preset)):
        if name in files:
            return os.path.join(folder, name)
    raise Failure(f"build/{preset} holds no {name}")


def archive(tree, target):
    """Uncompressed, so that no row measures a decompressor."""
    with open(target, "wb") as file:
        subprocess.run("find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0",
                       shell=True, cwd=tree, stdout=file, check=True)


def compile_program(name, target, *sources):
    tool("gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s",
         f"-I{TOP}/include", "-o", f"{target}/{name}", *(f"{HERE}/{source}" for source in sources))


def compile_kernel(target):
    """micro, the freestanding one."""
    tool("gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib",
         "-static", "-fno-pie", "-no-pie", "-mno-red-zone", "-mgeneral-regs-only",
         "-fno-stack-protector", "-fcf-protection=none", f"-I{TOP}/include",
         f"-Wl,-T,{HERE}/micro.ld,--build-id=none,--no-warn-rwx-segments", "-o", target,
         f"{HERE}/micro.S", f"{HERE}/micro.c")


def make_initrd(work, preset, release):
    tree = f"{work}/initrd.tree"
    for folder in ("bin", "dev", "proc", "sys", "modules/hv"):
        os.makedirs(f"{tree}/{folder}")
    shutil.copy(busybox(), f"{tree}/bin/busybox")
    compile_program("guest", f"{tree}/bin", "guest.c", "hvstats.c")
    put_modules(release, MODULES, tree, 10)
    shutil.copy(find_product(preset, "mullion_root.ko"), f"{tree}/modules/hv/")
    shutil.copy(f"{HERE}/init", tree)
    archive(tree, f"{work}/medium/boot/initrd")


def make_medium(work, preset, with_guests):
    """The disk to boot from: work/medium.img; where guests run, also work/peer.img."""
    release = kernel_release()
    os.makedirs(f"{work}/medium/boot/grub")
    make_initrd(work, preset, release)
    shutil.copy(f"/boot/vmlinuz-{release}", f"{work}/medium/boot/vmlinuz")
    shutil.copy(find_product(preset, "hv.elf"), f"{work}/medium/boot/")
    shutil.copy(f"{HERE}/grub.cfg", f"{work}/medium/boot/grub/")
    if with_guests:
        make_host_initrd(work, release)
        make_peer(work, preset)
    tool("grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", f"{work}/medium.img", f"{work}/medium")
    return release


def make_host_initrd(work, release):
    """The same initramfs, and what a host needs: one archive behind the other."""
    extra, boot = f"{work}/host.tree", f"{work}/medium/boot"
    os.makedirs(f"{extra}/bin")
    compile_program("host", f"{extra}/bin", "host.c", "hvstats.c")
    compile_program("sched", f"{extra}/bin", "sched.c", "hvstats.c")
    put_modules(release, HOST_MODULES, extra, 20)
    shutil.copy(f"{HERE}/init-host", extra)
    archive(extra, f"{work}/host.initrd")
    with open(f"{boot}/initrd-host", "wb") as file:
        for part in (f"{boot}/initrd", f"{work}/host.initrd"):
            with open(part, "rb") as source:
                shutil.copyfileobj(source, file)


def put_program(tree, path, target):
    """A program and its libraries."""
    libraries = [w for line in tool("ldd", path).splitlines() for w in line.split()
                 if w.startswith("/")]
    for source, place in [(path, target)] + [(library, library) for library in libraries]:
        # Debian's /lib and /lib64 are links into /usr.
        place = tree + (place if place.startswith("/usr") else "/usr" + place)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copy(source, place)


def make_peer(work, preset):
    """The disk with the VMMs and what they boot: work/peer.img."""
    tree = make_qemu_tree(work)
    put_program(tree, find_product(preset, "hv-worker"), "/usr/libexec/mullion/hv-worker")
    shutil.copy(f"{work}/medium/boot/vmlinuz", tree)
    shutil.copy(f"{work}/medium/boot/initrd", tree)
    compile_kernel(f"{tree}/micro")
    make_peer_image(work, tree)


def make_qemu_tree(work):
    """What a chroot with QEMU in it needs."""
    tree = f"{work}/peer"
    for folder in ("dev", "tmp", "proc"):
        os.makedirs(f"{tree}/{folder}")
    put_program(tree, QEMU, QEMU)
    for path in FIRMWARE:
        os.makedirs(os.path.dirname(tree + path), exist_ok=True)
        shutil.copy(path, tree + path)
    for link in ("lib", "lib64", "bin"):
        os.symlink(f"usr/{link}", f"{tree}/{link}")
    return tree


def make_peer_image(work, tree):
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", tree,
         f"{work}/peer.img", "256M")


def make_scratch(work, mebibytes):
    """The disk that the disk rows use. Written, so that no row fills holes."""
    with open(f"{work}/scratch.img", "wb") as file:
        for _ in range(mebibytes):
            file.write(bytes(1 << 20))
