# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the system tests share. Each test is a script that boots machines with
# tools/qemu, prints what it sees, and fails at the first thing that is not as
# it must be. Sourced.
#
# From ctest come MULLION_IMAGE (the parent image), MULLION_LOGS (a folder for
# serial logs) and MULLION_TEST (the test's name). With MULLION_BARE=1 the
# machines run without hv: what is then wrong is the image's or the test's
# fault. Tests about hv itself refuse that. MULLION_HV_OPTIONS are words for hv's
# command line. MULLION_CHILD is a test kernel (tests/system/worker): then a child that
# spins runs on each CPU of the parent, beside the script.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
TEST=${MULLION_TEST:-$(basename "$0" .sh)}
LOGS=${MULLION_LOGS:-$TOP/build/log}
WORK=$(mktemp -d /tmp/mullion-test.XXXXXX)
SERIAL=$LOGS/$TEST.serial.log
# The machine's own dying words, and those of hv, for the last machine run.
OUTPUT=$WORK/output
JOBS_TO_END=()
# A script in whose machine partitions run sets single: see tools/qemu, --threads.
THREADS=multi
[ -z "${MULLION_CHILD-}" ] || THREADS=single

cleanup() {
	local job
	for job in ${JOBS_TO_END+"${JOBS_TO_END[@]}"}; do
		kill "$job" 2>/dev/null || true
	done
	rm -rf "$WORK"
}
trap cleanup EXIT

fail() {
	printf 'FAILED: %s\n' "$*"
	exit 1
}

say() {
	printf -- '-- %s\n' "$*"
}

needs_hv() {
	[ -z "${MULLION_BARE-}" ] || fail "this test is about hv, it says nothing on the bare machine"
}

# machine_kind CPUS bios|uefi: options for such a machine, in KIND, and what its script says
# to see that all of it is there, in WHOLE. (A child that runs keeps hv's driver.)
machine_kind() {
	KIND=(--cpus "$1")
	[ "$2" = bios ] || KIND+=(--uefi)
	WHOLE="parent_is_whole $1 $2"
	[ -n "${MULLION_BARE-}${MULLION_CHILD-}" ] || WHOLE+="; hv_is_whole $1"
}

# machine SECONDS [tools/qemu option...] [-- QEMU argument...]
# Boots the parent and runs the script on standard input in it, after the
# functions of inside.sh. Its output is shown and kept in $OUTPUT, its exit
# status returned.
machine() {
	local seconds=$1 status=0 under=() command
	shift
	[ -z "${MULLION_BARE-}" ] || under=(--bare)
	[ -z "${MULLION_HV_OPTIONS-}" ] || under+=(--hv-options "$MULLION_HV_OPTIONS")
	command=$(cat "$TOP/tests/system/inside.sh"; [ -z "${MULLION_CHILD-}" ] || echo share_the_cpus; cat)
	[ -z "${MULLION_CHILD-}" ] || under+=(--disk "$MULLION_CHILD")
	mkdir -p "$LOGS"
	"$TOP/tools/qemu" ${MULLION_IMAGE:+--image "$MULLION_IMAGE"} ${under+"${under[@]}"} \
		--threads "$THREADS" --timeout "$seconds" --log "$SERIAL" --exec "$command" "$@" 2>&1 | tee "$OUTPUT" || status=$?
	say "status $status, serial console in $SERIAL"
	return "$status"
}

# serial_has TEXT...: each is part of a line on the serial console, in this order.
serial_has() {
	local text line rest
	rest=$(tr -d '\r' <"$SERIAL")
	for text; do
		line=$(grep -F -m1 -- "$text" <<<"$rest") || fail "the serial console does not say '$text' (at that point)"
		say "serial: $line"
		rest=${rest#*"$text"}
	done
}

serial_has_not() {
	local text
	for text; do
		! grep -F -- "$text" "$SERIAL" || fail "the serial console says '$text'"
	done
}

# background COMMAND...: ended with the test.
background() {
	"$@" &
	JOBS_TO_END+=($!)
}

# A TCP port of this machine that is free now.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for_port PORT
wait_for_port() {
	local i
	for ((i = 0; i < 50; i++)); do
		ss -Hltn "sport = :$1" | grep -q . && return
		sleep 0.1
	done
	fail "nothing listens on port $1"
}

sha256_of() {
	sha256sum "$1" | cut -d' ' -f1
}

# random_file FILE MIB
random_file() {
	head -c "$2M" /dev/urandom >"$1"
}
