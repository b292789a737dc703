#!/usr/bin/env python3
"""Holds the includes of the sources against the order of the folders.

usage: folder_order.py [--table] [ROOT]      ROOT: of a checkout; by default the one that this file lies in

Without a flag it names each include that goes against the order, with file, line and the two folders, and exits with
status 1 if there is one. --table prints the lines of each folder, how many includes go from which folder to which, and
the two-way streets: pairs of folders that include each other.
"""
import argparse
import collections
import pathlib
import re
import sys

# The folders, each with those at the top that it may include. Tests may include everything.
TOP = {
    "data": (),
    "kernels": (),
    "runtime": ("data", "kernels"),
    "trainer": ("data", "kernels", "runtime"),
    "cli": ("data", "kernels", "runtime", "trainer"),
}

# The rooms inside of them, the lowest first: a room may include itself and those before it. A file belongs to the
# innermost room that it lies in. A folder that is not listed, like runtime/cascade/pipeline, is part of the one around
# it.
ROOMS = (
    "data/files",        # what all files are read and written with, errors, random numbers
    "data",              # datasets and their files
    "data/import",
    "data/generated",
    "kernels",
    "runtime",           # statistics, foreign text, warnings: files of runtime/ itself
    "runtime/tuning",    # what a kernel looks up; a device holds it
    "runtime/opencl",
    "runtime/ops",
    "runtime/network",
    "runtime/energy",
    "runtime/cascade",   # with pipeline/ and policies/
    "runtime/study/answers",   # what the stages say of images
    "runtime/study/runs",      # what runs cost
    "runtime/study/tradeoff",  # accuracy against cost
    "runtime/classifier",      # a model file and image files: the library in three lines
    "runtime/tuner",     # finds what kernels look up, those of policies too
    "trainer",
    "cli",
    "cli/report",
    "cli/profile",
    "cli/sweep",
)

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def room_of(path):
    """The room of a path from the root, or None if it lies in none."""
    folder = pathlib.PurePosixPath(path).parent
    for candidate in (folder, *folder.parents):
        if str(candidate) in ROOMS:
            return str(candidate)
    return None


def allowed(source, target):
    source_top, target_top = source.split("/")[0], target.split("/")[0]
    if source_top != target_top:
        return target_top in TOP[source_top]
    return ROOMS.index(target) <= ROOMS.index(source)


def sources(root):
    for top in TOP:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cpp", ".cl") and path.is_file():
                yield path.relative_to(root).as_posix()


def includes(root, file):
    """(line, path) of each include of `file` that is written from the root. Kernels name files beside them."""
    for number, line in enumerate((root / file).read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found and "/" in found[1]:
            yield number, found[1]


def wrong_includes(root):
    """A line of text for each include against the order."""
    for file in sources(root):
        source = room_of(file)
        if source is None:
            yield f"{file}: lies in no folder of the list"
            continue
        for number, target_file in includes(root, file):
            if target_file.split("/")[0] not in (*TOP, "tests"):
                continue
            target = room_of(target_file)
            if target is None or not allowed(source, target):
                yield f"{file}:{number}: {source} must not include {target or 'tests'} ({target_file})"


def print_table(root):
    lines, files, streets = collections.Counter(), collections.Counter(), collections.Counter()
    for file in sources(root):
        folder = str(pathlib.PurePosixPath(file).parent)
        files[folder] += 1
        lines[folder] += len((root / file).read_text(encoding="utf-8").splitlines())
        for _, target_file in includes(root, file):
            target = str(pathlib.PurePosixPath(target_file).parent)
            if target != folder and target.split("/")[0] in TOP:
                streets[folder, target] += 1
    print("folder                          files   lines   includes of")
    for folder in sorted(files):
        targets = ", ".join(f"{b} {n}" for (a, b), n in sorted(streets.items()) if a == folder)
        print(f"{folder:30} {files[folder]:6} {lines[folder]:7}   {targets}")
    two_way = [(a, b) for a, b in sorted(streets) if a < b and (b, a) in streets]
    print("\ntwo-way streets:" + ("" if two_way else " none"))
    for a, b in two_way:
        kind = "" if siblings(a, b) else "   (one lies in the other)"
        print(f"{a} -> {b}: {streets[a, b]}, back: {streets[b, a]}{kind}")


def siblings(a, b):
    return not (a.startswith(b + "/") or b.startswith(a + "/"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    settings = parser.parse_args()
    if settings.table:
        print_table(settings.root)
        return 0
    wrong = list(wrong_includes(settings.root))
    for text in wrong:
        print(text)
    if not wrong:
        print("no include goes against the order of the folders")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
