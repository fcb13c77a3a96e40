#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Usage: scenes-test.py PROGRAM: the pictures of tools/bench gpu's scenes, drawn by this
machine's Mesa on the CPU. That they are the same each time, that pixels are what is known
without drawing them, and else that their mean colours are those of a picture that was
looked at."""

import json
import os
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
SIZE = ["--size", "192x144"]
GRID_TOLERANCE = 3  # of 255: other processors and versions of Mesa round in other ways
# What "grid" was when the picture was looked at.
GRIDS = {
    "build":
        "1a1a331a1a331a1a332822351f1d331a1a331a1a331a1a331a1a331a1a336a534b6b554d7457492622361a1a331a1a33"
        "1a1a331a1a338d695172574b7e5f4e4e3b3c1a1a331a1a331a1a331a1a339c75594733346c5044483232201e341a1a33"
        "1a1a331a1a3393715a48373b75594b5545471a1a331a1a331a1a331a1a332522365344471f1d341a1a331a1a331a1a33",
    "texture":
        "00331a00331a572e296138294840233145200f3b1c00331a00331a00331a622c3878383c7c4d3d7b613a3e512800331a"
        "00331a00331a6c2b4979394e7b4d4f795d4b4b583800331a00331a00331a772d5e7f4065754659785b5c595f4c00331a"
        "00331a05321d792c6d77386a7c4d707a5c6e62615d00331a00331a02331b1231270e352406331e01331b00331a00331a",
    "desktop":
        "0b06ea130eea2b06ea330eea5317da7559b17e56b18258b5483bac4448ac4e48ac283ebb6419b67c5fa27c66a27d6ca6"
        "6c5b936965936074931c6894720e9365368f56518f4e668f5a34735b3c736d49797a4b7a4a857b448c7b34886f338e6a"
        "5f073f5f173f7b626d7e7072668e7262926f31a64c1fb73f7309146b21145854364d6347417648468b481fc0220be114",
}
# Mesa's own leaks are none of ours.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "LIBGL_ALWAYS_SOFTWARE": "1"}


def check(ok, what):
    if not ok:
        sys.exit(f"FAILED: {what}")


def call(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False,
                          env=ENVIRONMENT, timeout=60, **options)


def drawn(*arguments):
    done = call(*arguments)
    check(done.returncode == 0, f"{' '.join(arguments)}: status {done.returncode}, {done.stderr}")
    return json.loads(done.stdout)


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % (1 << 64)
    return f"{value:016x}"


def near(grid, other):
    pairs = zip(bytes.fromhex(grid), bytes.fromhex(other), strict=True)
    return all(abs(a - b) <= GRID_TOLERANCE for a, b in pairs)


def test_picture_file(scene):
    """What is written is what the hash is of."""
    with tempfile.TemporaryDirectory() as folder:
        said = drawn("--size", "48x32", "--frames", "2", "--picture", f"{folder}/p", scene)
        with open(f"{folder}/p", "rb") as file:
            kind, size, depth, pixels = file.read().split(b"\n", 3)
    check((kind, size, depth) == (b"P6", b"48 32", b"255"), "the head of the picture's file")
    lines = [pixels[at:at + 144] for at in range(0, len(pixels), 144)]
    check(len(lines) == 32 and fnv(b"".join(reversed(lines))) == said["hash"], "the picture's file")


def test_scene(scene):
    few, many = drawn(*SIZE, "--frames", "3", scene), drawn(*SIZE, "--frames", "12", scene)
    check(few["hash"] == many["hash"], f"{scene}: pictures of the same frame differ")
    check((few["frames"], many["frames"]) == (3, 12), f"{scene}: frames")
    check(0 < many["median_ns"] <= many["p99_ns"] <= many["max_ns"] <= many["seconds"] * 1e9 + 1,
          f"{scene}: times {many}")
    if scene in GRIDS:
        check(near(few["grid"], GRIDS[scene]), f"{scene}: grid is {few['grid']}")
        check(few["expected"] is None, f"{scene}: knows all pixels")
    else:
        check(few["expected"] is True, f"{scene}: pixels are not what they should be: {few['grid']}")
    return few["hash"]


def test_step(scene):
    """Nothing is drawn before a line comes, and nothing is said before the next one."""
    with subprocess.Popen([PROGRAM, *SIZE, "--frames", "2", "--step", scene], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as program:
        for word in ("ready", "drawn"):
            check(program.stdout.readline() == word + "\n", f"--step says {word}")
            program.stdin.write("\n")
            program.stdin.flush()
        check(json.loads(program.stdout.readline())["frames"] == 2, "--step: the result")
    check(call("--step", scene, stdin=subprocess.DEVNULL).returncode == 1, "--step without lines")


def test_amount(scene):
    once, twice = drawn(*SIZE, scene), drawn(*SIZE, "--amount", "2", scene)
    check(twice["frames"] == 2 * once["frames"], "--amount")


def test_usage(scene):
    for arguments in ([], ["nowhere"], [scene, scene], ["--size", "640", scene],
                      ["--size", "0x480", scene], ["--size", "640x470", scene], ["--size", "640x480x", scene], ["--size", "-1x4", scene],
                      ["--size", "9999x1", scene], ["--frames", "0", scene], ["--frames", "2x", scene], ["--amount", "0", scene],
                      ["--frames", "99999999999999999999", scene], ["--what", scene]):
        check(call(*arguments).returncode == 2, f"takes {arguments}")
    check(call("--frames", "1", "--picture", "/nowhere/p", scene).returncode == 1, "a picture to nowhere")


def main():
    scenes = [scene for scene in call("--list").stdout.split() if scene != "screen"]
    check(set(GRIDS) < set(scenes), f"scenes {scenes}")
    hashes = [test_scene(scene) for scene in scenes]
    check(len(set(hashes)) == len(scenes), "two scenes have the same picture")
    test_picture_file("small")
    test_step("small")
    if not os.path.exists("/dev/dri"):
        check(call("screen").returncode == 1, "a screen where there is none")
    test_amount("nothing")
    test_usage("small")


main()
