#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: tuning.sh DIRECTORY
#
# Weight, cap, reserve and the CPUs of a guest's four virtual processors change all
# the time, at random, while it works: it does not notice. MULLION_TEST_SEED repeats
# a run.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
seed=$((${MULLION_TEST_SEED:-$RANDOM}))
say "seed $seed"

script() {
	echo "RANDOM=$seed"
	cat <<'EOS'
booted
define guest 4 256 'facts mark:up stress:40 content poweroff'
define other 1 160 'load sleep:1000'
start other
start guest
says guest 'mark up'
begin=$SECONDS changes=0
while [ $((SECONDS - begin)) -lt 35 ]; do
	weight=$((RANDOM % 1000 + 1)) cap=$((RANDOM % 3 * 25)) reserve=$((RANDOM % 20))
	hvctl schedinfo guest --weight $weight --cap $cap --reserve 0 >/dev/null
	[ $cap != 0 ] || hvctl schedinfo guest --reserve $reserve >/dev/null
	same "$(hvctl schedinfo guest --json | grep -o '"weight":[0-9]*')" "\"weight\":$weight" schedinfo >/dev/null
	vp=$((RANDOM % 4)) cpus=$((RANDOM % 3))
	[ $cpus != 2 ] || cpus=0-1
	hvctl vcpupin guest $vp $cpus >/dev/null
	same "$(hvctl vcpupin guest $vp --no-headers | awk '{ print $2 }')" $cpus vcpupin >/dev/null
	changes=$((changes + 3))
done
echo "$changes changes"
# Full speed for what is left to do.
hvctl schedinfo guest --cap 0 --reserve 0 --weight 1000
for vp in 0 1 2 3; do
	hvctl vcpupin guest $vp 0-1
done
hvctl domstats guest
ends guest 'shutoff (poweroff)'
console guest | grep ^agent:
says guest 'stress: 4 CPUs, 40 s'
says guest 'guest: the kernel is content'
hvctl destroy other
kernel_is_content
EOS
}
script | guests 300 || fail "tuning, with seed $seed"
