# SPDX-License-Identifier: GPL-2.0-only
#
# The VMBus server's protocol, between a guest and a host that are made up. The fuzz
# target has the same sources.

set(VMBUS_SERVER check connection emit gpadl-message gpadl offer open save server)
list(TRANSFORM VMBUS_SERVER REPLACE "(.+)" "${VSP}/vmbus/\\1.c")
foreach(_name server gpadl save walk)
	mullion_unit_test(vmbus-${_name} SOURCES vmbus-${_name}-test.c ${VMBUS_SERVER}
		INCLUDES "${VSP}/vmbus")
endforeach()
