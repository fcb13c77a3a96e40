#version 450
// SPDX-License-Identifier: GPL-2.0-only
// A triangle that turns: corner and colour come from a buffer, the angle with each frame.
layout(location = 0) in vec2 corner;
layout(location = 1) in vec3 colour;
layout(location = 0) out vec3 shade;
layout(push_constant) uniform Frame {
	float angle;
} frame;

void main()
{
	float s = sin(frame.angle), c = cos(frame.angle);

	gl_Position = vec4(mat2(c, s, -s, c) * corner, 0.0, 1.0);
	shade = colour;
}
