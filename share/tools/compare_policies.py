#!/usr/bin/env python3
"""Policies at equal multiply-adds: reads what `cascadecl sweep` wrote and prints Markdown.

    compare_policies.py OUT.json... [--at 0.3,0.35,...]

Each seed's points, ordered by cost, make a curve of accuracy over cost, interpolated linearly at the costs asked for
(shares of the largest stage's multiply-adds). A row is the mean over the seeds and, with two or more, the sample
standard deviation. "-" stands where a curve does not reach. The last tables are differences to the threshold policy
that is best at each cost, among those that answer with the last stage visited and among those with fitted answers.
Files after the first add their points, named by the policies' input.
"""
import argparse
import json
import statistics

THRESHOLDS = ("confidence", "margin", "entropy", "combined-confidence", "combined-margin", "combined-entropy")
FITTED = ("learned", "ann")


def curves(files):
    """{(policy, combine): {seed: [(cost, accuracy in percent)]}}, and points that are no curve."""
    lines, single = {}, {}
    for path in files:
        with open(path) as file:
            sweep = json.load(file)
        seen = sweep.get("settings", {}).get("policy_input", "sorted")
        for point in sweep["points"]:
            policy = point["policy"]
            place = (point["mac_fraction"], 100 * point["top1"])
            if policy not in FITTED + THRESHOLDS:
                single[f"{policy} {point['parameter']:g}" if point["parameter"] is not None else policy,
                       point["combine"]] = place
                continue
            name = f"{policy} ({seen})" if policy in FITTED and seen != "sorted" else policy
            if point.get("joint_loss"):
                name += f", joint {point['joint_loss']}"
            seeds = lines.setdefault((name, point["combine"]), {})
            seeds.setdefault(point["seed"] if policy in FITTED else None, []).append(place)
    return lines, single


def at(curve, cost):
    """Accuracy at a cost, None outside the curve. Of points with one cost the better counts."""
    curve = sorted(dict(sorted(curve)).items())
    for (x0, y0), (x1, y1) in zip(curve, curve[1:]):
        if x0 <= cost <= x1:
            return y0 + (y1 - y0) * (cost - x0) / (x1 - x0)
    return None


def cell(values, signed=False):
    if any(value is None for value in values):
        return "-"
    text = f"{statistics.mean(values):{'+' if signed else ''}.2f}"
    return text if len(values) == 1 else f"{text} ± {statistics.stdev(values):.2f}"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("files", nargs="+")
    arguments.add_argument("--at", default="0.25,0.3,0.35,0.4,0.45,0.5,0.55,0.6")
    options = arguments.parse_args()
    costs = [float(text) for text in options.at.split(",")]
    lines, single = curves(options.files)
    head = ["policy", "answer", *(f"{100 * cost:g} %" for cost in costs)]
    table(["policy", "answer", "cost", "top-1"],
          [[name, combine, f"{100 * x:.1f} %", f"{y:.2f}"] for (name, combine), (x, y) in single.items()])
    table(head, [[*key, *(cell([at(curve, cost) for curve in seeds.values()]) for cost in costs)]
                 for key, seeds in lines.items()])

    for answer in ("last", "fitted"):
        bars = []
        for cost in costs:
            known = [at(seeds[None], cost) for (name, combine), seeds in lines.items()
                     if name in THRESHOLDS and combine == answer]
            bars.append(max((value for value in known if value is not None), default=None))
        if all(bar is None for bar in bars):
            continue
        rows = []
        for key, seeds in lines.items():
            row = []
            for cost, bar in zip(costs, bars):
                values = [at(curve, cost) for curve in seeds.values()]
                row.append("-" if bar is None or None in values else cell([value - bar for value in values], True))
            rows.append([*key, *row])
        print(f"Less the best threshold with {answer} answers:\n")
        table(head, rows)


if __name__ == "__main__":
    main()
