/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture that both sides know: tiles, each of a colour that follows from its place and
 * a number, so that a pixel in a wrong place, an older picture, or swapped colours are
 * seen. PATTERN_GLSL says the same to a GPU; all of it is in whole numbers.
 */
#ifndef TEST_PATTERN_H
#define TEST_PATTERN_H

#include <stdint.h>

#define PATTERN_TILE 16u

/* 0xRRGGBB of a pixel, counted from the upper left. */
static inline uint32_t pattern_colour(uint32_t x, uint32_t y, uint32_t seed)
{
	uint32_t hash = (x / PATTERN_TILE) * 73856093u ^ (y / PATTERN_TILE) * 19349663u ^
			seed * 83492791u;

	hash ^= hash >> 13;
	hash *= 0x5bd1e995u;
	hash ^= hash >> 15;
	return hash & 0xffffff;
}

/* height: of the whole, as GL counts lines from below. */
#define PATTERN_GLSL                                                     \
	"#version 300 es\n"                                              \
	"precision highp float;\n"                                       \
	"precision highp int;\n"                                         \
	"uniform uint height, seed;\n"                                   \
	"out vec4 colour;\n"                                             \
	"void main() {\n"                                                \
	"	uint x = uint(gl_FragCoord.x);\n"                              \
	"	uint y = height - 1u - uint(gl_FragCoord.y);\n"                \
	"	uint hash = (x / 16u) * 73856093u ^ (y / 16u) * 19349663u ^\n" \
	"		    seed * 83492791u;\n"                                      \
	"	hash ^= hash >> 13;\n"                                         \
	"	hash *= 0x5bd1e995u;\n"                                        \
	"	hash ^= hash >> 15;\n"                                         \
	"	colour = vec4(uvec4(hash >> 16 & 255u, hash >> 8 & 255u,\n"    \
	"			    hash & 255u, 255u)) / 255.0;\n"                          \
	"}\n"

#endif
