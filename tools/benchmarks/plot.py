# SPDX-License-Identifier: GPL-2.0-only
"""Plots, as SVG."""

from xml.sax.saxutils import escape

LEFT, TOP, BAR, GAP, LENGTH = 90, 70, 14, 14, 560
# By place; in this order from above.
COLOURS = {"direct": "#9aa5b1", "kvm": "#d08770", "mullion": "#4c78a8"}


def text(x, y, said, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{escape(said)}</text>'


def bar(y, length, colour, said):
    return (f'<rect x="{LEFT}" y="{y}" width="{max(length, 1):.1f}" height="{BAR}" fill="{colour}"/>' +
            text(LEFT + length + 5, y + BAR - 3, said, 'font-size="11"'))


def scene(name, entry, places, y):
    """Bars of frames per second; the longest of a scene has the whole length."""
    rates = {place: entry[place]["fps"]["median"] for place in places if entry[place]}
    yield text(LEFT - 8, y + len(places) * BAR / 2 + 4, name, 'text-anchor="end"')
    for number, place in enumerate(places):
        if place in rates:
            yield bar(y + number * BAR, LENGTH * rates[place] / max(rates.values()), COLOURS[place],
                      f"{rates[place]:.4g} /s")


def legend(places, titles):
    for number, place in enumerate(places):
        x = LEFT + number * 110
        yield f'<rect x="{x}" y="{TOP - 30}" width="{BAR}" height="{BAR}" fill="{COLOURS[place]}"/>'
        yield text(x + BAR + 6, TOP - 18, titles[place])


def of_gpu(result, titles):
    """tools/bench gpu: frames per second of each scene in each place."""
    around, rows = result["around"], result["rows"]
    places = [place for place in COLOURS if any(e[place] for e in rows.values())]
    step = len(places) * BAR + GAP
    lines = list(legend(places, titles))
    for number, (name, entry) in enumerate(rows.items()):
        lines += scene(name, entry, places, TOP + number * step)
    head = f"Frames per second at {around['size']}, {around['qemu']}, {around['cpus']} CPUs, {around['date'][:10]}"
    width, height = LEFT + LENGTH + 110, TOP + len(rows) * step + 10
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      'font-family="sans-serif" font-size="13">',
                      f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
                      text(LEFT, 24, head, 'font-weight="bold"'), *lines, "</svg>", ""])
