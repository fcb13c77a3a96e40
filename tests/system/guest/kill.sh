#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: kill.sh DIRECTORY
#
# Workers and the daemon are killed at random moments. A guest whose worker dies is
# gone, in hv too; its neighbours go on. One whose daemon dies goes on, and the next
# daemon has it. In the end no page is missing. MULLION_TEST_SEED repeats a run.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
seed=$((${MULLION_TEST_SEED:-$RANDOM}))
say "seed $seed"

script() {
	echo "RANDOM=$seed"
	cat <<'EOS'
booted
define warm 2 160 'mark:up sleep:1000'
start warm
says warm 'mark up'
hvctl destroy warm
sleep 1
before=$(accounts)

define neighbour 2 160 'beat:1000000'
start neighbour
says neighbour 'beat 5'
with_neighbour=$(accounts | grep -v donated)
goes_on() {
	said neighbour beat || true
	says neighbour beat 20 $((SAID + 6))
}
# Up to so many milliseconds.
pause() {
	local ms=$((RANDOM % $1))
	echo "-- after $ms ms"
	rest $((ms / 1000)).$(printf '%03d' $((ms % 1000)))
}
# settled NAME: hvd knows what has become of it.
settled() {
	local until=$((SECONDS + 60)) state
	until state=$(hvctl domstate "$1" 2>/dev/null) && [[ $state != st*ing ]]; do
		[ $SECONDS -lt $until ] || fail "$1 stays $state"
		rest 0.4
	done
	echo "-- $1: $(hvctl domstate "$1" --reason)"
}
# What the round has left of the victim is destroyed.
and_gone() {
	[ "$(hvctl domstate victim)" = shutoff ] || hvctl destroy victim ||
		fail "round $1: it cannot be destroyed"
	same "$(hvctl domstate victim)" shutoff "round $1: state"
	balance "$with_neighbour" "round $1"
}

define victim 2 160 'stress:1000'
killed=0
for round in 1 2 3 4 5 6 7 8; do
	hvctl start victim >/dev/null 2>&1 &
	begun=$!
	pause $((round * 700))
	if pkill -KILL -f 'hv-worker.*/victim/'; then
		killed=$((killed + 1))
	else
		echo '-- there is no worker yet'
	fi
	wait $begun || true
	settled victim
	and_gone "$round"
	goes_on "round $round"
done
check "workers were killed: $killed" test $killed -gt 0

daemon() {
	systemctl show --value -p MainPID mullion-hvd
}
for round in 1 2 3 4 5 6 7 8; do
	old=$(daemon)
	hvctl start victim >/dev/null 2>&1 &
	begun=$!
	pause $((round * 700))
	kill -KILL "$old"
	wait $begun || true
	until [ "$(daemon)" != "$old" ] && [ "$(daemon)" != 0 ]; do
		rest 0.4
	done
	settled neighbour
	same "$(hvctl domstate neighbour --reason)" 'running (adopted)' "round $round: state of the neighbour"
	settled victim
	goes_on "round $round"
	and_gone "$round"
done

hvctl destroy neighbour
balance "$before" 'all of it'
same "$(hvctl list --format name)" '' 'what is left'
check 'no worker is left' test -z "$(pgrep hv-worker)"
kernel_is_content
EOS
}
script | guests 400 || fail "killing, with seed $seed"
