#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: network.sh DIRECTORY
#
# The network cards of a stock Debian 13 under load, one in a user network and one with
# two queues in a network of hvd's: TCP both ways, large segments and checksums left to
# the parent, both queues at work and the guest's table obeyed, the process that serves
# them killed in between, cards that come and go.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

cp --sparse=always "$SHARE/disk/debian13.img" "$WORK/disk.img"
guests 1000 --memory 3G --disk "$WORK/disk.img" <<'EOS' || fail "a guest's network cards"
booted
cat >/etc/mullion/networks/lab.xml <<'END'
<network>
  <name>lab</name>
  <bridge name="lab0"/>
  <ip address="10.9.0.1" prefix="24">
    <dhcp>
      <range start="10.9.0.100" end="10.9.0.120"/>
      <host mac="02:00:00:00:00:21" ip="10.9.0.2"/>
      <host mac="02:00:00:00:00:22" ip="10.9.0.3"/>
    </dhcp>
  </ip>
</network>
END
card() {
	echo "<interface type=\"network\"><mac address=\"02:00:00:00:00:$1\"/><source network=\"lab\"/><driver queues=\"2\"/></interface>"
}
disk_definition deb 2 1024 2222 "$(debian_disk)" "$(card 21)" >/tmp/deb.xml
hvctl define /tmp/deb.xml || fail 'it cannot be defined'
start deb
# The parent, as a user network's guests reach it: by an address that is nowhere else.
ip addr add 10.8.0.1/32 dev lo
iperf3 --server --daemon
reachable 2222

# What the guest calls its cards; by_tap COMMAND...: not by the user network.
named() {
	in_guest 2222 "cd /sys/class/net && grep -l $1 */address | cut -d/ -f1"
}
by_tap() {
	at_guest 10.9.0.2 22 "$@"
}
eth=$(named 02:00:00:00:00:21)
until by_tap true; do
	rest 0.5
done
echo "ok: a login at 10.9.0.2, which is $eth"

# The numbers of the card with that address: field FIELD [ADDRESS].
field() {
	hvctl domstats deb --net --json | python3 -c 'import json, sys
print(next(i for i in json.load(sys.stdin)["interfaces"] if i["mac"] == sys.argv[2])[sys.argv[1]])' "$1" "${2-02:00:00:00:00:21}"
}
# A counter of the guest's own.
counter() {
	by_tap "ethtool -S $eth" | awk -v name="$1:" '$1 == name { print $2 }'
}
# more WHAT NOW BEFORE LEAST
more() {
	check "$1: $(($2 - $3))" [ $(($2 - $3)) -ge "$4" ]
}
# carry SECONDS OPTION...: iperf3 in the guest; $BYTES is what has come to its other end. Its
# server may be busy with its last test, and gives up where the machine is very slow.
carry() {
	local seconds=$1 until=$((SECONDS + 120))
	shift
	until by_tap iperf3 -t "$seconds" "$@" --json >/tmp/iperf.json; do
		grep -qE 'busy|control socket' /tmp/iperf.json || fail "iperf3: $(tail -n 3 /tmp/iperf.json)"
		[ $SECONDS -lt $until ] || fail "iperf3: $(tail -n 3 /tmp/iperf.json)"
		sleep 1
	done
	BYTES=$(python3 -c 'import json; print(json.load(open("/tmp/iperf.json"))["end"]["sum_received"]["bytes"])')
	RATE="$((BYTES * 8 / seconds / 1000000)) Mbit/s"
}

# Queues and offloads, as the guest sees them.
same "$(by_tap "ls /sys/class/net/$eth/device/channels | wc -l")" 2 'channels'
same "$(by_tap "ethtool -l $eth" | awk '/^Current/ { now = 1 } now && /Combined/ { print $2 }')" 2 'combined queues'
by_tap "ethtool -k $eth" >/tmp/offloads
for offload in rx-checksumming tx-checksumming tcp-segmentation-offload tx-tcp6-segmentation large-receive-offload; do
	check "$offload is on" grep -q "^[[:space:]]*$offload: on" /tmp/offloads
done

# The tap, both ways. Which queue a connection gets is chance: with sixteen, each has some.
# Linux asks for large segments only when its switch for them is touched.
by_tap "ethtool -K $eth lro off && ethtool -K $eth lro on"
for way in '' --reverse; do
	rx=$(field rx_bytes) rx_packets=$(field rx_packets) tx=$(field tx_bytes) tx_packets=$(field tx_packets)
	for queue in 0 1; do
		declare "rx_$queue=$(counter rx_queue_${queue}_packets)" "tx_$queue=$(counter tx_queue_${queue}_packets)"
	done
	carry 3 -c 10.9.0.1 -P 16 $way
	echo "ok: tap ${way:-forward}: $RATE"
	if [ -z "$way" ]; then
		more 'bytes sent' "$(field tx_bytes)" "$tx" "$BYTES"
		size=$((($(field tx_bytes) - tx) / ($(field tx_packets) - tx_packets)))
		for queue in 0 1; do
			before=tx_$queue
			more "packets sent by queue $queue" "$(counter tx_queue_${queue}_packets)" "${!before}" 50
		done
	else
		more 'bytes received' "$(field rx_bytes)" "$rx" "$BYTES"
		size=$((($(field rx_bytes) - rx) / ($(field rx_packets) - rx_packets)))
		for queue in 0 1; do
			before=rx_$queue
			more "packets received by queue $queue" "$(counter rx_queue_${queue}_packets)" "${!before}" 50
		done
	fi
	# Segments that are larger than any frame on a wire went as they were.
	check "$size bytes in a packet" [ "$size" -gt 2000 ]
done
# The guest wants all at its first queue.
by_tap "ethtool -X $eth weight 1 0"
rx_0=$(counter rx_queue_0_packets) rx_1=$(counter rx_queue_1_packets)
carry 2 -c 10.9.0.1 -P 4 --reverse
more 'packets received by queue 0' "$(counter rx_queue_0_packets)" "$rx_0" 50
same "$(counter rx_queue_1_packets)" "$rx_1" 'packets received by queue 1'
by_tap "ethtool -X $eth equal 2"

# The user network.
for way in '' --reverse; do
	carry 3 -c 10.8.0.1 $way
	echo "ok: user network ${way:-forward}: $RATE"
done
same "$(field rx_errors) $(field tx_errors)" '0 0' 'errors'

# TCP goes on when the process is another one.
for way in '' --reverse; do
	by_tap iperf3 -c 10.9.0.1 -t 12 $way --json >/tmp/killed.json &
	job=$!
	for ((n = 1; n <= 3; n++)); do
		sleep 2
		replaced deb hv-net
	done
	wait $job || fail "iperf3: $(tail -n 3 /tmp/killed.json)"
	echo "ok: ${way:-forward}: a connection that has seen four hv-net"
done
in_guest 2222 true || reachable 2222 60

# A card comes, and goes; whoever uses the others does not notice.
in_guest 2222 'echo here; sleep 1000; echo gone' >/tmp/session 2>&1 &
session=$!
until grep -q here /tmp/session; do
	rest 0.3
done
pid=$(pid_of deb hv-net)
card 22 >/tmp/card.xml
for round in 1 2; do
	hvctl attach-device deb /tmp/card.xml || fail 'no third card'
	until at_guest 10.9.0.3 22 true; do
		rest 0.5
	done
	check "round $round: 10.9.0.3 answers" [ "$(named 02:00:00:00:00:22)" ]
	hvctl domstats deb --net
	hvctl detach-device deb /tmp/card.xml || fail 'it stays'
	same "$(named 02:00:00:00:00:22)" '' 'the third card'
done
same "$(pid_of deb hv-net)" "$pid" 'hv-net'
check 'the session goes on' kill -0 $session
kill $session
by_tap true || fail '10.9.0.2 does not answer any more'
complaints=$(by_tap dmesg | grep -iE 'hv_netvsc.*(error|fail|unable)|WARNING:|BUG:|Call Trace|NETDEV WATCHDOG' || true)
same "$complaints" '' 'what the guest complains of'
hvctl destroy deb
kernel_is_content
EOS
