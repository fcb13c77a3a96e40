#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: providers.sh DIRECTORY
#
# The processes that serve a guest's disk and its network are killed again and again
# while the guest writes and reads back: it sees neither an error nor a wrong byte, and
# its kernel nothing to complain about. (fio.sh does that to a Debian, 20 times.)

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 800 <<'EOS' || fail "a guest whose providers are killed"
booted
truncate -s 64M /srv/disk.img
define dev 2 256 'vmbus net churn:40 net content wait' '<devices>
<disk type="file"><source file="/srv/disk.img"/><target dev="sda"/></disk>
<interface type="user"/>
</devices>'
start dev
rounds() {
	console dev | grep -c 'churn: round'
}
says dev 'churn: round 1'
# hvd gives a process up that dies ten times within a minute.
for ((n = 1; n <= 9; n++)); do
	before=$(rounds)
	replaced dev hv-storage
	[ $((n % 3)) != 0 ] || replaced dev hv-net
	until=$((SECONDS + 60))
	until [ "$(rounds)" -gt $((before + 1)) ] || [ "$(rounds)" = 40 ]; do
		! console dev | grep -q FAILED || fail "$(console dev | grep -m1 FAILED)"
		[ $SECONDS -lt $until ] || fail 'the guest does not go on'
		sleep 0.2
	done
done
echo 'ok: killed and replaced: hv-storage 9 times, hv-net 3 times'
says dev 'churn: round 40' 400
until [ "$(console dev | grep -c 'answers$')" = 2 ]; do
	! console dev | grep -q FAILED || fail "$(console dev | grep -m1 FAILED)"
	sleep 0.5
done
says dev 'guest: the kernel is content'
hvctl shutdown dev --wait --timeout 60 || fail 'no shutdown'
ends dev 'shutoff (poweroff)'
kernel_is_content
EOS
