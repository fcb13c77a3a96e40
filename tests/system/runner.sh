#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: runner.sh
#
# What the system tests rely on: tools/qemu tells a command's success from its
# failure, from the time being up and from a machine that died, and the checks
# of inside.sh do fail.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# ends WITH TEXT -- tools/qemu arguments
ends() {
	local status=0 wanted=$1 text=$2
	shift 3
	"$TOP/tools/qemu" ${MULLION_IMAGE:+--image "$MULLION_IMAGE"} --log "$SERIAL" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
	[ "$status" = "$wanted" ] || { cat "$WORK/err" && fail "tools/qemu $1: status $status, not $wanted"; }
	grep -qF -- "$text" "$WORK/err" || { cat "$WORK/err" && fail "tools/qemu $1: no word of '$text'"; }
	say "tools/qemu $1: status $status: $(grep -F -m1 -- "$text" "$WORK/err")"
}

ends 2 "unknown argument '--no-such'" -- --no-such
ends 2 '--cpus wants a number' -- --cpus none
ends 2 '--exec wants a value' -- --exec
ends 2 'no such file' -- --disk "$WORK/nothing"
ends 124 'time was up' -- --exec true --timeout 1
[ -z "${MULLION_BARE-}" ] || set -- --bare
ends 125 'the machine ended before the command did' -- --exec 'echo b >/proc/sysrq-trigger; sleep 60' --timeout 200 "$@"

mkdir "$WORK/share"
status=0
machine 200 --share "$WORK/share" <<'EOS' || status=$?
echo 'to standard error' >&2
echo given >/run/share/file
must_fail() {
	if ("$@") >/dev/null; then fail "'$*' succeeds"; else echo "ok: '$*' fails"; fi
}
kernel_is_content
echo 'BUG: a complaint, made up' >/dev/kmsg
must_fail kernel_is_content
must_fail same 1 2 'numbers'
must_fail check nothing false
[ "$(irq_count '^ *LOC:')" -gt 100 ] || fail 'irq_count counts nothing'
[ "$(irq_count_cpu '^ *LOC:' 1)" -gt 50 ] || fail 'irq_count_cpu counts nothing'
[ "$(irq_count 'no such interrupt')" = 0 ] || fail 'irq_count counts what is not there'
exit 42
EOS
[ "$status" = 42 ] || fail "status $status, not the command's 42"
grep -qx 'to standard error' "$OUTPUT" || fail "standard error is lost"
[ "$(cat "$WORK/share/file")" = given ] || fail "the shared folder is not shared"
