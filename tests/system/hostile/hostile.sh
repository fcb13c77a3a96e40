#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: hostile.sh DIRECTORY
#
# A guest with two processors that does to the hypervisor whatever it can, in both at
# once, beside one that must not notice (DIRECTORY holds hostile/hostile-guest and
# driver/mshv-test). MULLION_HOSTILE_COUNT accesses, a million unless it says so, and
# MULLION_HOSTILE_SEED.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../lib.sh"
THREADS=single
needs_hv

count=${MULLION_HOSTILE_COUNT:-1000000}
seed=${MULLION_HOSTILE_SEED:-1}

{
	cat "$(dirname "$0")/neighbour.sh"
	printf 'count=%s seed=%s\n' "$count" "$seed"
	cat <<'EOS'
	booted
	accounts_balance
	lines=$(log_lines)
	neighbour_begins
	status=0
	"$worker" --run --memory 64M --vcpus 2 --debug-exit --name hostile --kernel "$guest" \
		--cmdline "seed=$seed count=$count" </dev/null >/tmp/hostile 2>&1 || status=$?
	tail -n 20 /tmp/hostile
	same "$status" 33 "exit status of the hostile guest (seed $seed)"
	neighbour_is_undisturbed
	hv_is_content
	lines=$(($(log_lines) - lines))
	check "$lines more lines in the log of hv" [ "$lines" -le 20 ]
	neighbour_ends
	accounts_balance
	kernel_is_content
EOS
} | machine $((200 + count / 5000)) --append tsc=reliable --share "$1" || fail "a guest did more than it may"
