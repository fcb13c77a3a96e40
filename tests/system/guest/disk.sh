#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: disk.sh DIRECTORY
#
# A stock Debian 13, with nothing of ours inside, boots from its own disk, gets an
# address, lets one in by ssh, tells its system and its address to hvctl dominfo, and shuts
# down when hvctl asks for it.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

cp --sparse=always "$SHARE/disk/debian13.img" "$WORK/disk.img"
guests 700 --memory 3G --disk "$WORK/disk.img" <<'EOS' || fail "a guest that boots from its disk"
booted
disk_definition deb 2 1024 2222 "$(debian_disk)" >/tmp/deb.xml
hvctl define /tmp/deb.xml || fail 'it cannot be defined'
start deb
says deb 'mullion: starting sda' 180
hvctl wait deb heartbeat --timeout 300 || fail 'no heartbeat'
echo 'ok: a heartbeat'
hvctl wait deb ip --timeout 300 || fail 'no address'
hvctl dominfo deb
check 'its system' grep -q 'Debian GNU/Linux' <(hvctl dominfo deb)
check 'its address' grep -q '10\.0\.2\.15' <(hvctl dominfo deb)
banner=
until=$((SECONDS + 180))
until [[ $banner = SSH-2.0-* ]]; do
	[ $SECONDS -lt $until ] || fail "ssh does not answer: '$banner'"
	banner=$(timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/2222 && head -n 1 <&3' 2>/dev/null | tr -d '\r') || true
	rest 0.5
done
echo "ok: $banner"
reachable 2222
same "$(in_guest 2222 hostname)" guest 'its name'
hvctl domstats deb --block
hvctl domstats deb --net
hvctl shutdown deb --wait --timeout 180 || fail 'no shutdown'
ends deb 'shutoff (poweroff)'
check 'it said goodbye' grep -q 'reboot: Power down' <(console deb)
kernel_is_content
EOS
