"""Whose bytes the linker kept, from its map.

    sizes.py MAP [LIMIT_BYTES]

Counts what lies in the file after stripping (code, constants, data, unwind tables) by origin: our objects, of which
functions that are Abseil's, FlatBuffers' or the C++ library's templates are told apart by their names, and archives.
Exits 1 if our own part, templates included, is above the limit.
"""

import collections
import re
import sys

KEPT = re.compile(r"\.(text|rodata|data|data\.rel\.ro|eh_frame|gcc_except_table|init_array|tdata|eh_frame_hdr)\b")


def origin(section, path):
    if "libupswing.a(" in path:
        if re.search(r"N?K?4absl|absl", section):
            return "in our objects: Abseil's templates"
        if "11flatbuffers" in section:
            return "in our objects: FlatBuffers' templates"
        if re.search(r"_ZN?K?(St|9__gnu_cxx)", section):
            return "in our objects: the C++ library's templates"
        if "dictionary.cpp" in path:
            return "in our objects: the dictionary of batches"
        return "in our objects: ours"
    match = re.search(r"lib([A-Za-z0-9_+]+)\.a\(", path)
    if match:
        return "Abseil" if match.group(1).startswith("absl") else match.group(1)
    return "the program and its start-up code"


def main(path, limit=None):
    text = open(path).read()
    text = text[text.index("Linker script and memory map"):]
    # A long name stands on a line of its own.
    text = re.sub(r"\n (\.[^\s]+)\n\s+0x", r"\n \1 0x", text)
    sizes = collections.Counter()
    for match in re.finditer(r"^ (\.\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$", text, re.M):
        section, address, size, file = match.groups()
        if int(address, 16) != 0 and KEPT.match(section):
            sizes[origin(section, file)] += int(size, 16)
    ours = sum(size for name, size in sizes.items() if name.startswith("in our objects"))
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{size:>9,}  {name}")
    print(f"{ours:>9,}  all in our objects" + (f" (limit {int(limit):,})" if limit else ""))
    if ours == 0:
        sys.exit("nothing of ours in the map")
    return 1 if limit and ours > int(limit) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
