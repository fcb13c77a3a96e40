#version 450
// SPDX-License-Identifier: GPL-2.0-only
// Rings over the corners' colours: more to calculate than a plain triangle has.
layout(location = 0) in vec3 shade;
layout(location = 0) out vec4 colour;

void main()
{
	float ring = 0.75 + 0.25 * cos(dot(gl_FragCoord.xy, gl_FragCoord.xy) * 0.002);

	colour = vec4(shade * ring, 1.0);
}
