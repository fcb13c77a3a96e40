#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: program-test.sh HVCTL DIRECTORY
#
# hvctl as scripts and shells see it where there is no hypervisor: exit
# statuses, what goes to which stream, JSON, the man page and the completions
# in DIRECTORY.

set -uo pipefail

HVCTL=$1
MADE=$2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failures=0

VERBS=(attach-device autostart blockresize completion console create define destroy
	detach-device dmesg dominfo domstate domstats dumpxml edit event gpu help list nodeinfo reboot
	reset resume schedinfo screenshot send-key shutdown start suspend top undefine validate vcpupin version
	wait)

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# expect STATUS STDOUT-PATTERN STDERR-PATTERN WORD... : patterns are bash's, of
# the whole output; '' is no output.
expect() {
	local status=$1 out=$2 err=$3 got
	shift 3
	"$HVCTL" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
	got=$?
	[ "$got" -eq "$status" ] || fail "hvctl $*: exit status $got, not $status"
	# shellcheck disable=SC2053 # patterns
	[[ $(cat "$WORK/out") == $out ]] || fail "hvctl $*: printed: $(cat "$WORK/out")"
	# shellcheck disable=SC2053
	[[ $(cat "$WORK/err") == $err ]] || fail "hvctl $*: said: $(cat "$WORK/err")"
}

# complete_bash WORD... : what bash offers for the last of the words, sorted.
complete_bash() {
	COMP_WORDS=(hvctl "$@")
	COMP_CWORD=$#
	_hvctl
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '
}

expect_words() {
	local want=$1 got
	shift
	got=$(complete_bash "$@")
	[ "$got" = "$want" ] || fail "bash completes 'hvctl $*' with: $got"
}

NO_HV='no Mullion hypervisor under this machine (is mullion_root loaded?)'

statuses() {
	expect 2 '' "hvctl: no verb is named (see 'hvctl help')"
	expect 2 '' "hvctl: unknown verb 'dmseg' (did you mean 'dmesg'[?])" dmseg
	expect 2 '' '{"schema":1,"error":{"code":2,"message":"unknown verb *"}}' dmseg --json
	expect 2 '' "hvctl: unknown verb '?x1b?2J'" $'\e[2J'
	expect 2 '' 'hvctl: domstats: --count needs --interval' domstats --count 1
	expect 0 'Usage: hvctl *Verbs:*' '' help
	expect 0 'Usage: hvctl *Verbs:*' '' --help
	expect 0 'Usage: hvctl dmesg*--follow*' '' help dmesg
	expect 0 'Usage: hvctl dmesg*--follow*' '' dmesg --help
	expect 0 'hvctl [0-9]*.*.* *' '' --version
	"$HVCTL" help >/dev/full 2>"$WORK/err"
	[ $? -eq 1 ] || fail "a full disk is not noticed"
	[ "$(cat "$WORK/err")" = 'hvctl: cannot write the output: No space left on device' ] ||
		fail "a full disk: $(cat "$WORK/err")"
}

no_hypervisor() {
	if [ -e /dev/mullion ]; then
		echo "this machine has /dev/mullion: what happens without it is not tested"
		return
	fi
	expect 6 'hvctl  *' "hvctl: $NO_HV" version
	expect 6 '{"schema":1,"hvctl":{"build":"*"},"hv":null,"hvd":null}' \
		"{\"schema\":1,\"error\":{\"code\":6,\"message\":\"$NO_HV\"}}" version --json
	expect 6 '' "hvctl: $NO_HV" dmesg
	expect 6 '' "hvctl: $NO_HV" dmesg --follow --timeout 1
	expect 6 '' "hvctl: $NO_HV" domstats 0
	expect 6 '' "{\"schema\":1,\"error\":{\"code\":6,*" domstats 0 --json
	expect 6 '' "hvctl: $NO_HV" top
}

no_daemon() {
	local missing="no daemon at $WORK/none: No such file or directory (is hvd running[?])"
	expect 6 '' "hvctl: $missing" --connect "$WORK/none" list
	expect 6 '' "{\"schema\":1,\"error\":{\"code\":6,\"message\":\"$missing\"}}" \
		--connect="$WORK/none" destroy web --json
	expect 2 '' 'hvctl: --connect: the name of the socket is too long' \
		--connect "$(printf '%0200d' 0)" list
}

completions() {
	: >"$WORK/a.xml"
	bash -n "$MADE/hvctl.bash" || fail "bash does not take its completion"
	# shellcheck source=/dev/null
	. "$MADE/hvctl.bash"
	expect_words "${VERBS[*]}" ''
	expect_words 'define destroy detach-device dmesg dominfo domstate domstats dumpxml' d
	expect_words 'version' --json -q ve
	expect_words '--format' --fo
	expect_words 'json name table' --format ''
	expect_words 'json' --format = j
	expect_words 'json' dmesg --format = j
	expect_words 'json name table' dmesg --format =
	expect_words 'dmesg' --format json dm
	expect_words 'dmesg' --format = json dm
	expect_words 'debug error info warn' dmesg --level ''
	expect_words '--follow --format' dmesg --level info --fo
	expect_words 'bash fish zsh' completion ''
	expect_words '' completion bash ''
	expect_words 'dominfo domstate domstats' help dom
	expect_words "$WORK/a.xml" define "$WORK/a"
	expect_words "$WORK/a.xml" --connect "$WORK/a"
	expect_words "$WORK/a.xml" list --connect = "$WORK/a"
	expect_words 'running' wait web r
	expect_words 'started stopped' event --type st
	# shellcheck disable=SC2317 # the completion calls it
	hvctl() { [ "$*" = 'list --all --format name' ] && printf 'db\nweb\n'; }
	expect_words 'db web' start ''
	expect_words 'web' start --ignore-state w
	unset -f hvctl
	expect_words '' dmesg --timeout ''
	if command -v zsh >/dev/null; then
		zsh -n "$MADE/hvctl.zsh" || fail "zsh does not take its completion"
	fi
	if command -v fish >/dev/null; then
		fish -n "$MADE/hvctl.fish" || fail "fish does not take its completion"
	fi
}

man_page() {
	local verb
	grep -q '^\.TH HVCTL 1 "" "Mullion [0-9]*\.[0-9]*\.[0-9]*" "Mullion"$' "$MADE/hvctl.1" ||
		fail "the man page has no title"
	! grep -q '@' "$MADE/hvctl.1" || fail "the man page has an unfilled line"
	for verb in "${VERBS[@]}"; do
		grep -q "^\\.SS \"hvctl $verb" "$MADE/hvctl.1" || fail "the man page lacks $verb"
	done
	if command -v groff >/dev/null; then
		groff -man -Tutf8 -ww -z "$MADE/hvctl.1" >"$WORK/groff" 2>&1
		[ ! -s "$WORK/groff" ] || fail "groff: $(cat "$WORK/groff")"
	fi
}

statuses
no_hypervisor
no_daemon
completions
man_page
[ "$failures" -eq 0 ] || { echo "$failures failed" && exit 1; }
