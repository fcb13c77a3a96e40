#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: serial.sh
#
# Serial load under hv: the parent's console, which it shares with hv, carries
# 4000 lines at full speed and in order; a second port (an edge-triggered ISA
# line through the IOAPIC) brings in 256 KiB whole.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
lines=4000

head -c 196608 /dev/urandom | base64 -w 100 >"$WORK/in"
mkfifo "$WORK/com2.in" "$WORK/com2.out"
# Sends when the parent has the port open and says so, since opening one empties
# it. QEMU reads the fifo only as fast as the parent reads its port.
# shellcheck disable=SC2016
background bash -c 'read -r _ <"$2"; { cat "$0"; exec sleep 600; } >"$1"' "$WORK/in" "$WORK/com2.in" "$WORK/com2.out"

machine 240 -- -chardev "pipe,id=com2,path=$WORK/com2" -serial chardev:com2 <<EOS || fail "serial load in the parent"
systemctl stop serial-getty@ttyS0
booted
before=\$(irq_count ' ttyS1')
exec 3<>/dev/ttyS1
stty 115200 raw -echo <&3
echo ready >&3
head -c $(stat -c %s "$WORK/in") <&3 >/tmp/in
same "\$(sha256sum </tmp/in | cut -d' ' -f1)" $(sha256_of "$WORK/in") 'sha256 of what came in on ttyS1'
grep -E ' ttyS' /proc/interrupts
check 'ttyS1 interrupts by an edge' grep -qE 'IO-APIC.*edge.* ttyS1' /proc/interrupts

stty -F /dev/ttyS0 115200 raw -echo
{
	printf '\n---begin---\n'
	for ((i = 1; i <= $lines; i++)); do
		echo "line \$i of $lines: abcdefghijklmnopqrstuvwxyz0123456789"
	done
	echo ---end---
} >/dev/ttyS0
kernel_is_content
EOS

tr -d '\r' <"$SERIAL" | sed -n '/^---begin---$/,/^---end---$/p' | grep '^line' >"$WORK/got" || true
for ((i = 1; i <= lines; i++)); do
	echo "line $i of $lines: abcdefghijklmnopqrstuvwxyz0123456789"
done >"$WORK/wanted"
diff "$WORK/wanted" "$WORK/got" | head -n 10 || true
cmp -s "$WORK/wanted" "$WORK/got" || fail "the console lost or changed what the parent wrote"
say "$lines lines came through the console whole and in order"
