# SPDX-License-Identifier: GPL-2.0-only
#
# Channels as providers have them, with rings in a memory file and a guest that is made
# up; the link between hv-vsp and a provider; and hv-vsp's host with a partition that is none.

find_package(Threads REQUIRED)
set(_vmbus check connection emit gpadl-message gpadl offer open ring save server)
list(TRANSFORM _vmbus REPLACE "(.+)" "${VSP}/vmbus/\\1.c")
add_library(vsp-channel-tested STATIC ${_vmbus} "${VSP}/channel/channel.c"
	"${VSP}/channel/guest.c" "${VSP}/channel/journal.c" "${VSP}/channel/link.c")
target_compile_definitions(vsp-channel-tested PUBLIC _GNU_SOURCE)
target_include_directories(vsp-channel-tested PUBLIC "${VSP}/channel" "${VSP}/vmbus")
target_link_libraries(vsp-channel-tested PUBLIC
	mullion_include mullion_warnings mullion_hardening mullion_sanitize
	PkgConfig::LIBEVENT Threads::Threads)

foreach(_name guest channel link)
	mullion_unit_test(vsp-${_name} SOURCES ${_name}-test.c LIBRARIES vsp-channel-tested)
endforeach()
# A process may end between any two stores of the journal's.
mullion_unit_test(vsp-journal SOURCES journal-test.c "${VSP}/channel/journal.c"
	INCLUDES "${VSP}/channel" "${VSP}/vmbus" DEFINITIONS _GNU_SOURCE)
mullion_unit_test(vsp-channel-crash SOURCES channel-crash-test.c "${VSP}/channel/channel.c"
	"${VSP}/channel/guest.c" "${VSP}/channel/journal.c" "${VSP}/vmbus/ring.c"
	INCLUDES "${VSP}/channel" "${VSP}/vmbus" DEFINITIONS _GNU_SOURCE
	LIBRARIES PkgConfig::LIBEVENT Threads::Threads)
target_compile_options(unit-vsp-channel-crash PRIVATE
	-include "${CMAKE_CURRENT_SOURCE_DIR}/channel-crash.h")
# The partition's calls and memory are the test's.
mullion_unit_test(vsp-host SOURCES host-test.c host-fake.c "${VSP}/server/host.c"
	"${VSP}/server/remote.c" "${VSP}/channel/attached.c" "${VSP}/channel/guest.c"
	INCLUDES "${VSP}/server" LIBRARIES vsp-channel-tested)
target_compile_options(unit-vsp-host PRIVATE -include "${CMAKE_CURRENT_SOURCE_DIR}/host-fake.h")
mullion_unit_test(vsp-pace SOURCES pace-test.c "${VSP}/server/pace.c" INCLUDES "${VSP}/server"
	DEFINITIONS _GNU_SOURCE LIBRARIES PkgConfig::LIBEVENT)
