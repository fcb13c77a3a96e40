# SPDX-License-Identifier: GPL-2.0-only
#
# Integration components, keyboard and mouse behind a channel without rings. Included by
# input.cmake too.

if(NOT TARGET vsp-utils-tested)
	add_library(vsp-utils-tested STATIC "${CMAKE_CURRENT_LIST_DIR}/utils-fake.c")
	foreach(_part utils input)
		get_target_property(_sources vsp-${_part} SOURCES)
		list(TRANSFORM _sources PREPEND "${VSP}/${_part}/")
		target_sources(vsp-utils-tested PRIVATE ${_sources})
	endforeach()
	target_compile_definitions(vsp-utils-tested PRIVATE _GNU_SOURCE)
	target_include_directories(vsp-utils-tested PUBLIC
		"${CMAKE_CURRENT_LIST_DIR}" "${VSP}/channel" "${VSP}/utils" "${VSP}/input")
	target_link_libraries(vsp-utils-tested PUBLIC
		mullion_include mullion_warnings mullion_hardening mullion_sanitize PkgConfig::LIBEVENT)
	foreach(_name utils kvp)
		mullion_unit_test(vsp-${_name} SOURCES ${_name}-test.c LIBRARIES vsp-utils-tested
			DEFINITIONS _GNU_SOURCE)
	endforeach()
endif()
