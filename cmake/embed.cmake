# SPDX-License-Identifier: GPL-2.0-only
#
# cmake -DINPUT=FILE -DOUTPUT=HEADER -DNAME=name -P embed.cmake
#
# Writes a header that has a file's bytes in it: name[] and name_size.

file(READ "${INPUT}" bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
get_filename_component(input "${INPUT}" NAME)
file(WRITE "${OUTPUT}"
	"/* SPDX-License-Identifier: GPL-2.0-only */\n"
	"/* Made from ${input} by cmake/embed.cmake. */\n"
	"#include <stddef.h>\n\n"
	"static const size_t ${NAME}_size = ${size};\n"
	"static const unsigned char ${NAME}[] = {\n${bytes}\n};\n")
