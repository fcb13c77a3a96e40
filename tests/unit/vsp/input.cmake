# SPDX-License-Identifier: GPL-2.0-only

include("${CMAKE_CURRENT_LIST_DIR}/utils.cmake")
mullion_unit_test(vsp-input SOURCES input-test.c LIBRARIES vsp-utils-tested
	DEFINITIONS _GNU_SOURCE)
