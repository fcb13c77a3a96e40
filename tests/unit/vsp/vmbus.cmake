# SPDX-License-Identifier: GPL-2.0-only
#
# The VMBus server's protocol, between a guest and a host that are made up.

set(_vmbus check connection emit gpadl-message gpadl offer open save server)
list(TRANSFORM _vmbus PREPEND "${VSP}/vmbus/")
list(TRANSFORM _vmbus APPEND ".c")
foreach(_name server gpadl save)
	mullion_unit_test(vmbus-${_name} SOURCES vmbus-${_name}-test.c ${_vmbus}
		INCLUDES "${VSP}/vmbus")
endforeach()
