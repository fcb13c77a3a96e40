# SPDX-License-Identifier: GPL-2.0-only
#
# The synthetic screen behind a channel without rings.

get_target_property(_video vsp-video SOURCES)
list(TRANSFORM _video PREPEND "${VSP}/video/")
mullion_unit_test(vsp-video SOURCES video-test.c utils-fake.c "${VSP}/channel/guest.c" ${_video}
	INCLUDES "${VSP}/channel" "${VSP}/video" DEFINITIONS _GNU_SOURCE
	LIBRARIES PkgConfig::LIBEVENT)
