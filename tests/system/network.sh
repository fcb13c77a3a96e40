#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: network.sh virtio|e1000e|intx CPUS bios|uefi
#
# The parent boots to multi-user under hv, which has all CPUs. Network load, in both
# directions, with the data checked. The peer is the runner, which QEMU's user network
# shows at 10.0.2.2.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
kind=$1
machine_kind "$2" "$3"

case $kind in
virtio) card=virtio-net-pci how=PCI-MSIX append='' ;;
e1000e) card=e1000e how=PCI-MSI append='' ;;
intx) card=virtio-net-pci how='IO-APIC.*fasteoi' append=pci=nomsi ;;
esac

random_file "$WORK/down" 32
download=$(free_port)
upload=$(free_port)
iperf=$(free_port)
background python3 -m http.server --bind 127.0.0.1 --directory "$WORK" "$download" >/dev/null 2>&1
background socat -u "TCP-LISTEN:$upload,bind=127.0.0.1" "CREATE:$WORK/up"
background iperf3 -s -B 127.0.0.1 -p "$iperf" >/dev/null
wait_for_port "$download"
wait_for_port "$upload"
wait_for_port "$iperf"

machine 240 "${KIND[@]}" --net none --append "$append" -- -netdev user,id=peer -device "$card,netdev=peer" <<EOS || fail "network load in the parent"
booted
$WHOLE
for ((i = 0; i < 100; i++)); do
	ip route | grep -q ^default && break
	rest 0.2
done
ip -br address
check 'an address by DHCP' grep -q ^default <(ip route)
card=\$(basename /sys/class/net/en*)
irq=" (\$card|\$(basename "\$(readlink "/sys/class/net/\$card/device")"))(-|,|\$)"
grep -E "\$irq" /proc/interrupts
check 'the card interrupts by $how' grep -qE "$how.*\$irq" /proc/interrupts
before=\$(irq_count "\$irq")

cd /tmp
busybox wget -q http://10.0.2.2:$download/down
same "\$(sha256sum <down | cut -d' ' -f1)" $(sha256_of "$WORK/down") 'sha256 of what came down'
busybox nc 10.0.2.2 $upload <down
iperf3 -c 10.0.2.2 -p $iperf -t 5 | tail -n 4
iperf3 -c 10.0.2.2 -p $iperf -t 5 -R | tail -n 4

after=\$(irq_count "\$irq")
echo "interrupts of the card: \$((after - before))"
check 'the card interrupted more than 500 times' test \$((after - before)) -gt 500
kernel_is_content
EOS

cmp "$WORK/up" "$WORK/down" || fail "what the parent sent is not what it had received"
say "what went up is what came down"
