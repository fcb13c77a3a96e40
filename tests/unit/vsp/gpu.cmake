# SPDX-License-Identifier: GPL-2.0-only
#
# The GPU: its messages with a renderer that is none, and with virglrenderer on the CPU.

get_target_property(_sources vsp-gpu SOURCES)
list(TRANSFORM _sources PREPEND "${VSP}/gpu/")
add_library(vsp-gpu-tested STATIC ${_sources} gpu-fake.c gpu-dmabuf.c "${VSP}/channel/guest.c" "${VSP}/video/edid.c")
target_compile_definitions(vsp-gpu-tested PRIVATE _GNU_SOURCE)
target_include_directories(vsp-gpu-tested PUBLIC "${VSP}/gpu" "${VSP}/video" "${VSP}/channel")
target_link_libraries(vsp-gpu-tested PUBLIC
	mullion_include mullion_warnings mullion_hardening mullion_sanitize Threads::Threads)

mullion_unit_test(gpu SOURCES gpu-test.c gpu-renderer.c DEFINITIONS _GNU_SOURCE
	LIBRARIES vsp-gpu-tested)
mullion_unit_test(gpu-virgl SOURCES gpu-virgl-test.c "${VSP}/gpu/renderer-virgl.c"
	"${VSP}/gpu/vulkan-server.c" "${VSP}/gpu/watchdog.c" "${VSP}/service/error.c" INCLUDES "${VSP}/service"
	DEFINITIONS _GNU_SOURCE
	LIBRARIES vsp-gpu-tested PkgConfig::LIBEVENT PkgConfig::VIRGL PkgConfig::EGL)
# Mesa keeps what it has made until the process ends.
set_tests_properties(unit.gpu-virgl PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
mullion_unit_test(gpu-watchdog SOURCES gpu-watchdog-test.c "${VSP}/gpu/watchdog.c"
	"${VSP}/service/error.c" INCLUDES "${VSP}/gpu" "${VSP}/service" DEFINITIONS _GNU_SOURCE
	LIBRARIES Threads::Threads)
