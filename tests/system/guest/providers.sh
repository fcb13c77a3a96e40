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
says dev 'churn: round 1'
# hvd gives a process up that dies ten times within a minute.
for ((n = 1; n <= 9; n++)); do
	said dev 'churn: round'
	before=$SAID
	replaced dev hv-storage
	[ $((n % 3)) != 0 ] || replaced dev hv-net
	says dev 'churn: round' 60 $((before < 38 ? before + 2 : 40))
done
echo 'ok: killed and replaced: hv-storage 9 times, hv-net 3 times'
says dev 'churn: round 40' 400
says dev answers 240 2
says dev 'guest: the kernel is content'
hvctl shutdown dev --wait --timeout 60 || fail 'no shutdown'
ends dev 'shutoff (poweroff)'
kernel_is_content
EOS
