#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: bridge.sh DIRECTORY
#
# Guests in a bridge of the parent's and in networks that hvd makes: addresses by DHCP,
# TCP between guests, with the parent and with the world outside, which sees the parent's
# address and cannot begin. A restart of hvd changes nothing; what cannot be is refused
# with its reason.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 800 <<'EOS' || fail "guests in networks of the parent"
booted
card() {
	echo "<devices><interface type=\"$1\"><mac address=\"02:00:00:00:00:$2\"/><source $3/></interface></devices>"
}
mkdir -p /srv/www
dd if=/dev/zero of=/srv/www/zeros bs=1M count=4 status=none

# A bridge of somebody else's.
ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip link set br0 up
busybox httpd -p 10.9.0.1:80 -h /srv/www
# The world outside: a machine that knows no way to the guests' addresses.
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip addr add 198.51.100.1/24 dev uplink && ip link set uplink up
ip -n outside addr add 198.51.100.2/24 dev eth0 && ip -n outside link set eth0 up
ip netns exec outside busybox httpd -p 198.51.100.2:80 -h /srv/www
cat >/etc/mullion/networks/lab.xml <<'END'
<network>
  <name>lab</name>
  <forward mode="nat"/>
  <bridge name="lab-br"/>
  <ip address="192.168.77.1" netmask="255.255.255.0">
    <dhcp>
      <range start="192.168.77.100" end="192.168.77.120"/>
      <host mac="02:00:00:00:00:11" ip="192.168.77.11"/>
    </dhcp>
  </ip>
</network>
END

define own 1 160 'vmbus address:10.9.0.2/24 serve ping:10.9.0.1 fetch:10.9.0.1 content wait' "$(card bridge 01 'bridge="br0"')"
define lab1 1 160 'vmbus net serve ping:198.51.100.2 fetch:198.51.100.2 content wait' "$(card network 11 'network="lab"')"
define lab2 1 160 'vmbus net ping:192.168.77.11 fetch:192.168.77.11 content wait' "$(card network 12 'network="lab"')"
define stock 1 160 'vmbus net serve fetch:198.51.100.2 content wait' "$(card network 13 'network="default"')"
for name in own lab1 lab2 stock; do
	start $name
done
# fetched FROM: 4 MiB by HTTP.
fetched() {
	same "$(busybox wget -q -T 20 -O - "http://$1/zeros" | wc -c)" 4194304 "bytes from $1"
}

says own 'fetch: 10.9.0.1 has sent 4 MiB'
fetched 10.9.0.2
says lab1 'has 192.168.77.11/24'
says lab1 'fetch: 198.51.100.2 has sent 4 MiB'
says lab2 'has 192.168.77.1'
says lab2 'fetch: 192.168.77.11 has sent 4 MiB'
says stock 'has 192.168.231.'
says stock 'fetch: 198.51.100.2 has sent 4 MiB'
fetched 192.168.77.11
for name in own lab1 lab2 stock; do
	says $name 'the kernel is content'
done

# From outside, by somebody who knows the way.
ip -n outside route add 192.168.77.0/24 via 198.51.100.1
! ip netns exec outside busybox wget -q -T 3 -O /dev/null 192.168.77.11/zeros || fail 'the outside reaches a guest'
echo 'ok: nobody outside reaches a guest'

# Numbers of the card are those of its tap, seen from the other end.
tap=$(hvctl dominfo lab1 | grep -o 'vnet[0-9]*')
check 'the tap is in its bridge' [ -e "/sys/class/net/lab-br/brif/$tap" ]
hvctl domstats lab1 --net
hvctl domstats lab1 --net --json >/tmp/stats
read -r rx tx < <(python3 -c 'import json; i = json.load(open("/tmp/stats"))["interfaces"][0]; print(i["rx_bytes"], i["tx_bytes"])')
check "it received 4 MiB, $rx bytes" [ "$rx" -gt 4194304 ]
check "it sent 8 MiB, $tx bytes" [ "$tx" -gt 8388608 ]

systemctl restart mullion-hvd
hvctl wait lab1 running --timeout 30
fetched 192.168.77.11
hvctl dumpxml lab1 | grep 'lab-br' || fail 'the bridge is not told'
# Without guests it stays, for the next ones.
hvctl destroy lab1 && hvctl destroy lab2
check 'the bridge stays' [ -e /sys/class/net/lab-br/bridge ]
start lab1
says lab1 'has 192.168.77.11/24'
says lab1 'fetch: 198.51.100.2 has sent 4 MiB'

# refused STATUS TEXT NAME: it does not start, with that in the reason.
refused() {
	local status=0
	hvctl start "$3" 2>/tmp/refused || status=$?
	same "$status" "$1" "status of $3"
	check "$(cat /tmp/refused)" grep -qF -- "$2" /tmp/refused
}
network() {
	sed -e "s/lab-br/$2/" -e "s/>lab</>$1</" -e "s/192\.168\.77/$3/g" /etc/mullion/networks/lab.xml >"/etc/mullion/networks/$1.xml"
}
for name in taken theirs same; do
	network $name "$name-br" 10.77.0
	define $name 1 160 'wait' "$(card network 20 "network=\"$name\"")"
done
network taken taken-br 198.51.100
refused 5 "its addresses are those of the parent's 'uplink' too" taken
network theirs uplink 10.77.0
refused 5 "'uplink' is no bridge" theirs
network same lab-br 10.78.0
refused 5 "its bridge 'lab-br' is that of another network" same
sed -i 's/<range/<rang/' /etc/mullion/networks/same.xml
refused 5 "/etc/mullion/networks/same.xml:7: <dhcp>: unknown element 'rang' (did you mean 'range'?)" same
rm /etc/mullion/networks/same.xml
refused 5 "there is no network 'same'" same
check 'nothing is left of them' [ "$(ls /run/mullion/network | xargs)" = 'lab-br.conf lab-br.nft mullion0.conf mullion0.nft' ]

hvctl destroy lab1
systemctl stop mullion-network@lab-br
check 'it is gone' [ ! -e /sys/class/net/lab-br ]
check 'its rules too' [ "$(nft list tables | grep -c lab-br)" = 0 ]
for name in own stock; do
	hvctl destroy $name
	ends $name 'shutoff (requested)'
done
kernel_is_content
EOS
