#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: providers.sh DIRECTORY
#
# The processes that serve a guest's disk and its network are killed, 20 times, while
# the guest writes and reads back: it sees neither an error nor a wrong byte, and its
# kernel nothing to complain about.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 500 <<'EOS' || fail "a guest whose providers are killed"
booted
truncate -s 64M /srv/disk.img
define dev 2 256 'vmbus net churn:40 net content wait' '<devices>
<disk type="file"><source file="/srv/disk.img"/><target dev="sda"/></disk>
<interface type="user"/>
</devices>'
start dev
says dev 'churn: round 1'
for ((n = 1; n <= 20; n++)); do
	replaced dev hv-storage
	[ $((n % 5)) != 0 ] || replaced dev hv-net
	# hvd gives a process up that dies ten times within a minute.
	sleep 6.5
done
echo 'ok: killed and replaced: hv-storage 20 times, hv-net 4 times'
says dev 'churn: round 40' 200
until [ "$(console dev | grep -c 'answers$')" = 2 ]; do
	! console dev | grep -q FAILED || fail "$(console dev | grep -m1 FAILED)"
	sleep 0.5
done
says dev 'guest: the kernel is content'
hvctl shutdown dev --wait --timeout 60 || fail 'no shutdown'
ends dev 'shutoff (poweroff)'
kernel_is_content
EOS
