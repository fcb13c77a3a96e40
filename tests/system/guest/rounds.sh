#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: rounds.sh DIRECTORY WORKER-GUEST
#
# 200 guests are made, started and destroyed, two at a time, each in another moment of
# its life: afterwards hv's account of memory and the parent's pinned pages are what
# they were.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
cp "$2" "$SHARE/worker-guest"

guests 500 <<'EOS' || fail "200 rounds"
booted
cp /run/share/worker-guest "$GUESTS"
# Guests that nobody asks for anything: what serves VMBus has rounds of its own.
OFF='<features><vmbus state="off"/></features>'
for name in one two; do
	KERNEL=$GUESTS/worker-guest
	definition $name 2 8 spin "$OFF" | sed '/<initrd>/d' >/tmp/$name-spin.xml
	definition $name 1 8 halt "$OFF" | sed '/<initrd>/d' >/tmp/$name-halt.xml
	KERNEL=/boot/vmlinuz-$(uname -r)
	definition $name 2 160 'sleep:1000' "$OFF" >/tmp/$name-linux.xml
done

# round NAME KIND SECONDS
round() {
	hvctl create "/tmp/$1-$2.xml" || return
	[ "$3" = 0 ] || sleep "$3"
	hvctl destroy "$1"
}

# One round before, for what is made once.
round one linux 3 || fail 'the first round'
sleep 1
before=$(accounts)
begin=$SECONDS
for ((n = 1; n <= 100; n++)); do
	case $((n % 10)) in
	0) kind=linux pause=$((n / 20)).$((n % 7)) ;;
	[13579]) kind=spin pause=0 ;;
	*) kind=halt pause=0 ;;
	esac
	round one $kind $pause &
	round two halt 0 || fail "round $n: of the second one"
	wait $! || fail "round $n: of the first one"
done
echo "200 rounds took $((SECONDS - begin)) s"
balance "$before" '200 rounds'
same "$(hvctl list --all --format name)" '' 'what is left'
kernel_is_content
EOS
