# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# In the parent, behind inside.sh: hostile guests, and the guest beside them that counts
# its beats. /run/share is the folder of the system tests' programs.

worker=/usr/libexec/mullion/hv-worker
share=/run/share
guest=$share/hostile/hostile-guest

# Nothing of the parent's memory is hv's.
accounts_balance() {
	"$share/driver/mshv-test" balanced >/tmp/balanced 2>&1 || { cat /tmp/balanced && fail "pages are missing"; }
	echo 'ok: hv has no page, there is no partition'
}

log_lines() {
	hvctl dmesg | wc -l
}

neighbour_begins() {
	"$worker" --run --memory 64M --debug-exit --name neighbour --kernel "$guest" --cmdline beat \
		</dev/null >/tmp/neighbour 2>&1 &
	neighbour=$!
	for _ in $(seq 40); do
		grep -q ^beat /tmp/neighbour && return
		rest 0.5
	done
	cat /tmp/neighbour
	fail "the neighbour does not beat"
}

beats() {
	awk '/^beat/ { n = $2 + 0 } END { print n + 0 }' /tmp/neighbour
}

# The neighbour has gone on meanwhile, no gap was a second long, its memory is its own.
neighbour_is_undisturbed() {
	local before gap
	before=$(beats)
	for _ in $(seq 20); do
		[ "$(beats)" -gt "$before" ] && break
		rest 0.5
	done
	tail -n 2 /tmp/neighbour
	check "the neighbour lives" kill -0 "$neighbour"
	check "the neighbour beats on, $(beats) now" [ "$(beats)" -gt "$before" ]
	gap=$(awk '/^beat/ && $5 > gap { gap = $5 } END { print gap + 0 }' /tmp/neighbour)
	check "its longest gap is $gap ms" [ "$gap" -lt 1000 ]
}

neighbour_ends() {
	kill "$neighbour"
	wait "$neighbour" || fail "the neighbour's exit status is $?"
}

hv_is_content() {
	local complaints
	complaints=$(hvctl dmesg | grep -iE 'panic|assert|killed|backtrace|ended with') || true
	[ -z "$complaints" ] || fail "hv complains: $complaints"
	echo 'ok: no complaint in the log of hv'
}
