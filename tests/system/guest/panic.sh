#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: panic.sh DIRECTORY
#
# A guest's kernel panics while its VMBus devices are in use. It says goodbye to VMBus
# (UNLOAD) and waits for the answer before it tells why it dies; then comes what the
# definition says, and the next kernel has all devices again. One that begins anew
# without a word has them too.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 900 <<'EOS' || fail "a guest that panics with its devices in use"
booted
truncate -s 64M /srv/disk.img
panic='panic: Kernel panic - not syncing: sysrq triggered crash'
before=$(accounts)

# devices NAME STEPS [XML...]: defined, with a disk and a card in use before STEPS.
devices() {
	local name=$1 steps=$2
	shift 2
	define "$name" 2 256 "vmbus disk:1 net busy $steps" '<devices>
<disk type="file"><source file="/srv/disk.img"/><target dev="sda"/></disk>
<interface type="user"/>
</devices>' "$@"
}

# let_go NAME: VMBus was unloaded. Without an answer Linux waits for 100 s and says so.
let_go() {
	! console "$1" | grep 'UNLOAD did not complete' || fail "$1: UNLOAD is not answered"
	! hvctl dominfo "$1" | grep '^VMBus' || fail "$1: VMBus is still connected"
	echo "ok: $1 has let go of VMBus"
}

# What Linux says of an UNLOAD that takes its time is to be seen.
for kernel in "$KERNEL" "$GUESTS/vmlinuz-debian12"; do
	name=kept-${kernel##*-}
	KERNEL=$kernel KERNEL_OPTIONS=loglevel=7 devices "$name" panic '<on_crash>preserve</on_crash>'
	start "$name"
	hvctl wait "$name" heartbeat --timeout 180 || fail 'no heartbeat'
	hvctl wait "$name" crashed --timeout 180 || fail 'its panic is not noticed'
	same "$(hvctl domstate "$name" --reason)" "crashed ($panic)" 'state'
	let_go "$name"
	hvctl destroy "$name"
	balance "$before" 'a guest that was kept'
done

# It begins anew by itself after a second; what the definition says is done once.
KERNEL_OPTIONS='quiet panic=1' devices again panic '<on_crash>restart</on_crash>'
start again
says again 'guest: vmbus: 8 devices' 300 2
says again 'answers' 300 2
hvctl destroy again
KERNEL_OPTIONS='quiet panic=1' devices gone panic
start gone
ends gone "shutoff ($panic)" 180

devices silent sysrq:b
start silent
says silent 'guest: vmbus: 8 devices' 300 2
says silent 'answers' 300 2
hvctl destroy silent
balance "$before" 'guests that panicked'
kernel_is_content
EOS
