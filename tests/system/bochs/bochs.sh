#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: bochs.sh HV INIT
#
# Boots hv and the build root's stock kernel on Bochs, with INIT as all there is
# in the initramfs. Passes when INIT said so.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../lib.sh"
needs_hv

if [ ! -e /etc/mullion-build-root ]; then
	exec "$TOP/tools/in-root" env "MULLION_TEST=$TEST" "MULLION_LOGS=$LOGS" "$0" "$@"
fi
hv=$1 init=$2
iso=$WORK/iso

mkdir -p "$iso/boot/grub" "$WORK/initrd"/{dev,proc,sys} "$LOGS"
cp "$init" "$WORK/initrd/init"
mknod "$WORK/initrd/dev/console" c 5 1
(cd "$WORK/initrd" && find . | cpio --quiet -o -H newc) >"$iso/boot/initrd"
cp "$hv" "$iso/boot/hv.elf"
cp /boot/vmlinuz-* "$iso/boot/vmlinuz"
cat >"$iso/boot/grub/grub.cfg" <<EOF
serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
menuentry hv {
	multiboot2 /boot/hv.elf log=debug
	module2 /boot/vmlinuz console=ttyS0 quiet
	module2 /boot/initrd
}
EOF
grub-mkrescue -o "$WORK/boot.iso" "$iso" >"$WORK/mkrescue" 2>&1 || {
	tail "$WORK/mkrescue"
	fail "no boot medium"
}

# SeaBIOS: with Bochs's own BIOS GRUB 2.12 breaks its heap before it enters hv.
cat >"$WORK/bochsrc" <<EOF
display_library: rfb, options="timeout=0"
config_interface: textconfig
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
cpu: model=ryzen, count=1, ips=80000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0-master: type=cdrom, path=$WORK/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$SERIAL
clock: sync=none
log: $LOGS/$TEST.bochs.log
EOF
echo c >"$WORK/rc"
rm -f "$SERIAL"
# Bochs's exit status says little: the shutdown that INIT asks for is a panic.
timeout 500 bochs -q -f "$WORK/bochsrc" -rc "$WORK/rc" >"$WORK/bochs" 2>&1 || true

tail -n 60 "$SERIAL"
grep -q '(hv) svm: .*with next RIP' "$SERIAL" || fail "this Bochs does not save the next RIP"
grep -q '^bochs: pass' "$SERIAL" || fail "the parent did not get to its end"
