# SPDX-License-Identifier: GPL-2.0-only
#
# mullion_version: link it to include "mullion_version.h", which says what is
# built. The header is made at build time, not at configure time, so that the
# commit in it is true; it is rewritten only when it changes.

set(MULLION_COMMIT "" CACHE STRING "the commit to name in the build; empty asks git")

set(_version_dir "${PROJECT_BINARY_DIR}/generated")
string(TOLOWER "${CMAKE_BUILD_TYPE}" _build_type)
if(MULLION_SANITIZE)
	set(_build_type sanitize)
endif()
find_package(Git QUIET)

add_custom_target(mullion_version_header
	COMMAND "${CMAKE_COMMAND}"
		"-DSOURCE_DIR=${PROJECT_SOURCE_DIR}"
		"-DTEMPLATE=${CMAKE_CURRENT_LIST_DIR}/mullion_version.h.in"
		"-DOUTPUT=${_version_dir}/mullion_version.h"
		"-DGIT=${GIT_EXECUTABLE}"
		"-DCOMMIT=${MULLION_COMMIT}"
		"-DBUILD_TYPE=${_build_type}"
		"-DMAJOR=${PROJECT_VERSION_MAJOR}"
		"-DMINOR=${PROJECT_VERSION_MINOR}"
		"-DPATCH=${PROJECT_VERSION_PATCH}"
		-P "${CMAKE_CURRENT_LIST_DIR}/write-version.cmake"
	BYPRODUCTS "${_version_dir}/mullion_version.h"
	COMMENT "" VERBATIM)

add_library(mullion_version INTERFACE)
target_include_directories(mullion_version INTERFACE "${_version_dir}")
add_dependencies(mullion_version mullion_version_header)
