# SPDX-License-Identifier: GPL-2.0-only
#
# The storage provider: its target on a disk in memory, its protocol with a channel that
# is none, its files through the kernel.

get_target_property(_sources vsp-storage SOURCES)
list(TRANSFORM _sources PREPEND "${VSP}/storage/")
add_library(vsp-storage-tested STATIC ${_sources} storage-fake.c)
set_source_files_properties("${VSP}/storage/file.c" PROPERTIES
	COMPILE_OPTIONS "-include;${CMAKE_CURRENT_SOURCE_DIR}/storage-short.h")
target_compile_definitions(vsp-storage-tested PRIVATE _GNU_SOURCE)
target_include_directories(vsp-storage-tested PUBLIC "${VSP}/storage")
target_link_libraries(vsp-storage-tested PUBLIC
	mullion_include mullion_warnings mullion_hardening mullion_sanitize
	PkgConfig::LIBEVENT PkgConfig::LIBURING)

foreach(_name target vstor file)
	mullion_unit_test(storage-${_name} SOURCES storage-${_name}-test.c
		LIBRARIES vsp-storage-tested DEFINITIONS _GNU_SOURCE)
endforeach()
