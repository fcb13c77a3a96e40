#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: disk.sh virtio|ahci|intx CPUS bios|uefi
#
# The parent boots to multi-user under hv, which has all CPUs. Disk load, with every byte
# checked: by the runner, which makes one disk and reads another, and by fio in the parent.
# virtio and ahci interrupt by MSI; intx is the level-triggered line through the IOAPIC.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
kind=$1
machine_kind "$2" "$3"

# What /proc/interrupts calls the disks' interrupt, and how it must come.
case $kind in
virtio) irq='virtio[0-9]+-req' how=PCI-MSI ;;
ahci) irq='ahci' how=PCI-MSI ;;
intx) irq='virtio[0-9]' how='IO-APIC.*fasteoi' ;;
esac

options=("${KIND[@]}")
[ "$kind" != intx ] || options+=(--append pci=nomsi)
options+=(--)
random_file "$WORK/given" 64
truncate -s 64M "$WORK/taken" "$WORK/scratch"
port=0
for disk in given taken scratch; do
	options+=(-drive "if=none,id=$disk,format=raw,cache=unsafe,file=$WORK/$disk")
	if [ "$kind" = ahci ]; then
		options+=(-device "ide-hd,drive=$disk,serial=$disk,bus=ide.$port")
	else
		options+=(-device "virtio-blk-pci,drive=$disk,serial=$disk")
	fi
	port=$((port + 1))
done

machine 240 "${options[@]}" <<EOS || fail "disk load in the parent"
booted
$WHOLE
disk() {
	lsblk -dnpo NAME,SERIAL | awk -v serial="\$1" '\$2 == serial { print \$1 }'
}
grep -E '$irq' /proc/interrupts
check 'the disks interrupt by $how' grep -qE '$how.*$irq' /proc/interrupts
before=\$(irq_count '$irq')

same "\$(sha256sum <"\$(disk given)" | cut -d' ' -f1)" $(sha256_of "$WORK/given") 'sha256 of a disk as the runner wrote it'
dd if="\$(disk given)" of="\$(disk taken)" bs=64k iflag=direct oflag=direct conv=fsync 2>&1 | tail -n 1
fio --name=check --filename="\$(disk scratch)" --rw=randrw --bsrange=512-64k --size=48m --ioengine=libaio \\
	--iodepth=8 --direct=1 --verify=crc32c --verify_fatal=1 --do_verify=1 --output-format=terse --minimal >/dev/null ||
	fail 'fio reads other data than it wrote'
echo 'ok: fio read what it wrote'

after=\$(irq_count '$irq')
echo "interrupts of the disks: \$((after - before))"
check 'the disks interrupted more than 1000 times' test \$((after - before)) -gt 1000
kernel_is_content
EOS

[ "$(sha256_of "$WORK/taken")" = "$(sha256_of "$WORK/given")" ] || fail "the parent wrote other data than it read"
[ -n "${MULLION_BARE-}" ] || serial_has '(hv) Mullion' '(hv) starting the parent'
say "the disk that the parent wrote holds what the one it read holds"
