# SPDX-License-Identifier: GPL-2.0-only
#
# mullion_include   the ABI headers, for everybody
# mullion_sanitize  ASan and UBSan; the first finding ends the program
# mullion_warnings  the warnings of all our C
# mullion_user      the above and hardening, for programs in user space

add_library(mullion_include INTERFACE)
target_include_directories(mullion_include INTERFACE "${PROJECT_SOURCE_DIR}/include")

add_library(mullion_warnings INTERFACE)
target_compile_options(mullion_warnings INTERFACE
	-Wall -Wextra -Werror
	-Wconversion -Wshadow -Wvla
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef
	-Wformat=2 -Wimplicit-fallthrough)

add_library(mullion_sanitize INTERFACE)
target_compile_options(mullion_sanitize INTERFACE
	-fsanitize=address,undefined
	-fno-sanitize-recover=all
	-fno-omit-frame-pointer
	-U_FORTIFY_SOURCE) # ASan checks the plain functions, not the fortified ones
# Static: such a program also runs where the libraries are not, as in the parent.
target_link_options(mullion_sanitize INTERFACE
	-fsanitize=address,undefined -static-libasan -static-libubsan)

# Static libraries and objects of ours end up in PIE programs: -fPIE for all.
add_library(mullion_hardening INTERFACE)
target_compile_options(mullion_hardening INTERFACE
	-fPIE
	-fstack-protector-strong
	-fstack-clash-protection
	-fcf-protection=full
	-ftrivial-auto-var-init=zero)
target_link_options(mullion_hardening INTERFACE
	-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

add_library(mullion_user INTERFACE)
target_link_libraries(mullion_user INTERFACE
	mullion_include mullion_warnings mullion_hardening)
if(MULLION_SANITIZE)
	target_link_libraries(mullion_user INTERFACE mullion_sanitize)
else()
	target_compile_options(mullion_user INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
