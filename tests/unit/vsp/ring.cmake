# SPDX-License-Identifier: GPL-2.0-only
#
# One end of a ring against models, hostile peers and a sleeping peer.

find_package(Threads REQUIRED)
foreach(_name ring ring-threads)
	mullion_unit_test(vsp-${_name} SOURCES ${_name}-test.c "${VSP}/vmbus/ring.c"
		INCLUDES "${VSP}/vmbus" DEFINITIONS _GNU_SOURCE LIBRARIES Threads::Threads)
endforeach()
