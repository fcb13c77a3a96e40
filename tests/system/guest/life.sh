#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: life.sh DIRECTORY
#
# What can become of a guest: suspended and resumed, reset, rebooted and powered off
# from within, a panic that reaches the parent, and what the definition says is done
# then.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 400 <<'EOS' || fail "a guest's life"
booted

# Beats come while it runs, none while it is suspended, and none is lost.
define suspended 2 160 'beat:150 content poweroff'
start suspended
for _ in 1 2 3; do
	said suspended beat || true
	says suspended beat 90 $((SAID + 10))
	hvctl suspend suspended
	same "$(hvctl domstate suspended)" paused state
	hvctl suspend suspended && fail 'it can be suspended twice'
	rest 0.5 # what is on its way arrives
	said suspended beat
	beats=$SAID
	rest 2
	said suspended beat
	same "$SAID" "$beats" 'beats after two seconds'
	hvctl resume suspended
	same "$(hvctl domstate suspended --reason)" 'running (resumed)' state
done
ends suspended 'shutoff (poweroff)'
says suspended 'guest: the kernel is content'
same "$(console suspended | grep -o 'beat [0-9]*' | cut -d' ' -f2 | xargs)" "$(seq 150 | xargs)" beats

define reset 2 160 'mark:up sleep:1000'
start reset
says reset 'mark up'
hvctl reset reset
same "$(hvctl domstate reset --reason)" 'running (reset)' state
says reset 'mark up' 90 2
hvctl suspend reset
hvctl reset reset
says reset 'mark up' 90 3
hvctl destroy reset
same "$(hvctl domstate reset --reason)" 'shutoff (requested)' state

define reboots 2 160 'mark:up reboot'
start reboots
says reboots 'mark up' 90 3
hvctl destroy reboots
define once 1 160 'mark:up reboot' '<on_reboot>destroy</on_reboot>'
start once
ends once 'shutoff (reboot)'

# The panic's reason reaches the parent by the guest's crash registers.
panic='panic: Kernel panic - not syncing: sysrq triggered crash'
define panics 2 160 panic
start panics
hvctl wait panics crashed --timeout 90 || fail 'its panic is not noticed'
ends panics "shutoff ($panic)"
define kept 2 160 panic '<on_crash>preserve</on_crash>'
start kept
hvctl wait kept crashed --timeout 90 || fail 'its panic is not noticed'
same "$(hvctl domstate kept --reason)" "crashed ($panic)" state
same "$(hvctl domstate kept --json | grep -o '"reason":"[a-z]*"')" '"reason":"panic"' 'reason'
hvctl reset kept
hvctl wait kept crashed --timeout 90 || fail 'its second panic is not noticed'
hvctl destroy kept
define again 2 160 'mark:up panic' '<on_crash>restart</on_crash>'
start again
says again 'mark up' 90 3
hvctl destroy again
same "$(hvctl list --format name)" '' 'what is left'
kernel_is_content
EOS
