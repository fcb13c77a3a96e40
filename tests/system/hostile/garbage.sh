#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: garbage.sh DIRECTORY
#
# Guests that end themselves: a triple fault, code where no memory is, random bytes as
# code, in 64-bit and in real mode. Each is stopped with a reason, or goes on as it can
# until it is told to end; the one beside them does not notice. (DIRECTORY holds
# hostile/hostile-guest and driver/mshv-test.)

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../lib.sh"
THREADS=single
needs_hv

{
	cat "$(dirname "$0")/neighbour.sh"
	cat <<'EOS'
	# ends STATUS... : what the last guest may have ended with.
	ends() {
		local want
		for want; do
			[ "$status" = "$want" ] && return
		done
		cat /tmp/out
		fail "exit status $status of '$words'"
	}

	run() {
		words=$1
		status=0
		timeout 3 "$worker" --run --memory 64M --vcpus 2 --debug-exit --no-reboot --kernel "$guest" \
			--cmdline "garbage $words" </dev/null >/tmp/out 2>&1 || status=$?
	}

	booted
	accounts_balance
	neighbour_begins

	run triple-fault
	ends 1
	check "a triple fault is told" grep -q "triple fault" /tmp/out
	run nowhere
	ends 1
	check "code that is not there is told" grep -q "executes memory that is not there" /tmp/out

	# 0: it met the port that ends a machine; 1: stopped; 35: it has told of an
	# exception; 124: it is at it still.
	stopped=0
	for seed in $(seq 24); do
		case $((seed % 3)) in
		0) run "seed=$seed real-mode" ;;
		1) run "seed=$seed no-interrupts" ;;
		2) run "seed=$seed" ;;
		esac
		ends 0 1 35 124
		[ "$status" != 1 ] || stopped=$((stopped + 1))
		[ "$status" != 1 ] || tail -n 1 /tmp/out
	done
	check "$stopped of 24 were stopped" [ "$stopped" -ge 8 ]

	neighbour_is_undisturbed
	hv_is_content
	neighbour_ends
	accounts_balance
	kernel_is_content
EOS
} | machine 400 --append tsc=reliable --share "$1" || fail "a guest did more than it may"
