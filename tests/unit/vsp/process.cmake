# SPDX-License-Identifier: GPL-2.0-only
#
# A folder of its own: options that storage.cmake sets for a source are not for here.

add_subdirectory(process)
