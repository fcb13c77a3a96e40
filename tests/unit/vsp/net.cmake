# SPDX-License-Identifier: GPL-2.0-only
#
# The network card, on channels and guest memory of its own (net-fake.h).

set(_net "${VSP}/net")
get_target_property(_sources vsp-net SOURCES)
list(TRANSFORM _sources PREPEND "${_net}/")
add_library(net-tested STATIC ${_sources} net-fake.c net-vsc.c)
target_compile_definitions(net-tested PRIVATE _GNU_SOURCE)
target_include_directories(net-tested PUBLIC "${_net}" "${VSP}/channel"
	PRIVATE "${PROJECT_SOURCE_DIR}/tests/unit")
target_link_libraries(net-tested PUBLIC
	mullion_include mullion_warnings mullion_hardening mullion_sanitize
	PkgConfig::LIBEVENT slirp)

mullion_unit_test(net-frame SOURCES net-frame-test.c LIBRARIES net-tested)
foreach(_name control data tap user)
	mullion_unit_test(net-${_name} SOURCES net-${_name}-test.c LIBRARIES net-tested
		DEFINITIONS _GNU_SOURCE)
endforeach()
# Where tap devices cannot be made.
set_tests_properties(unit.net-tap PROPERTIES SKIP_RETURN_CODE 77)
