#!/usr/bin/env python3
"""Draws performance.svg from the JSON of `bench_suite cascade --json FILE`: plot_cascade.py FILE > performance.svg

Four panels, one for each thing that is varied. Dots are measured; the dashed line is what multiply-adds alone predict,
scaled to the dot with the most of them.
"""
import json
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 330, 230, 60, 45, 35
PANELS = [  # varied, axis, where x comes from, where y comes from, y axis, logarithmic x
    ("images", "images", "images", "ms", "ms", False),
    ("batch", "batch size", "batch", "ms_per_image", "ms an image", True),
    ("depth", "stages of resnet-20, half go on", "stages", "ms_per_image", "ms an image", False),
    ("survivors", "share that goes on to resnet-56", "survivors", "ms_per_image", "ms an image", False),
]


def nice_step(largest):
    """A step of 1, 2 or 5 times a power of ten, of which 3 to 6 reach `largest`."""
    power = 1e-6
    while True:
        for digit in (1, 2, 5):
            if largest / (digit * power) <= 6:
                return digit * power
        power *= 10


def panel(rows, spec, x0, y0):
    varied, x_title, x_key, y_key, y_title, logarithmic = spec
    points = sorted((row[x_key], row[y_key], row["mmac_per_image"]) for row in rows if row["varied"] == varied)
    if y_key == "ms":  # of all images together
        points = [(x, y, mmac * x) for x, y, mmac in points]
    by_macs = max(points, key=lambda p: p[2])
    fastest = min(y / macs for _, y, macs in points if macs == by_macs[2])
    predicted = [(x, fastest * macs) for x, _, macs in points]
    top = 1.08 * max([y for _, y, _ in points] + [y for _, y in predicted])
    xs = [x for x, _, _ in points]

    def place_x(x):
        if logarithmic:
            share = (len(bin(int(x))) - len(bin(int(xs[0])))) / (len(bin(int(xs[-1]))) - len(bin(int(xs[0]))))
        else:
            share = x / xs[-1]
        return x0 + LEFT + share * (WIDTH - LEFT - 20)

    def place_y(y):
        return y0 + HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - TOP)

    def path(pairs):
        return " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in pairs)

    out = [f'<text x="{x0 + LEFT}" y="{y0 + 20}" class="title">{y_title}</text>']
    step = nice_step(top)
    for i in range(int(top / step) + 1):
        y = place_y(i * step)
        out.append(f'<line x1="{x0 + LEFT}" y1="{y:.1f}" x2="{x0 + WIDTH - 20}" y2="{y:.1f}" class="grid"/>')
        out.append(f'<text x="{x0 + LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{i * step:g}</text>')
    for x in xs:
        out.append(f'<text x="{place_x(x):.1f}" y="{y0 + HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:g}</text>')
    middle = x0 + (LEFT + WIDTH - 20) / 2
    out.append(f'<text x="{middle:.1f}" y="{y0 + HEIGHT - 10}" text-anchor="middle">{x_title}</text>')
    out.append(f'<polyline points="{path(predicted)}" class="predicted"/>')
    out.append(f'<polyline points="{path([(x, y) for x, y, _ in points])}" class="measured"/>')
    out += [f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3"/>' for x, y, _ in points]
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)["cascade"]["rows"]
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}" width="{2 * WIDTH}">')
    print("<style>text{font:11px sans-serif;fill:#333} .title{font-weight:bold} .grid{stroke:#ddd}"
          " polyline{fill:none;stroke:#1565c0;stroke-width:1.5} .predicted{stroke:#999;stroke-dasharray:5 4}"
          " circle{fill:#1565c0}</style>")
    print(f'<rect width="{2 * WIDTH}" height="{2 * HEIGHT}" fill="#fff"/>')
    for i, spec in enumerate(PANELS):
        print("\n".join(panel(rows, spec, i % 2 * WIDTH, i // 2 * HEIGHT)))
    print("</svg>")


if __name__ == "__main__":
    main()
