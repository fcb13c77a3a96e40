# SPDX-License-Identifier: GPL-2.0-only
#
# Run by mullion_version_header in every build, see MullionVersion.cmake.

if(NOT COMMIT AND GIT)
	# safe.directory: in the build root the tree may belong to another user.
	execute_process(
		COMMAND "${GIT}" -c "safe.directory=${SOURCE_DIR}"
			describe --always --exclude * --abbrev=12 --dirty=+
		WORKING_DIRECTORY "${SOURCE_DIR}"
		OUTPUT_VARIABLE COMMIT
		OUTPUT_STRIP_TRAILING_WHITESPACE
		ERROR_QUIET)
endif()
if(NOT COMMIT)
	set(COMMIT "unknown")
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
