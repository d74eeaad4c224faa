"""Decision vectors over the Python sample.   driver.py LIBRARY < input > answers"""

import os
import struct
import sys
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../samples/python"))
from upswing import NO_BUCKET, Client, Subject  # noqa: E402

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LETTERS = {1: "bool", 2: "int", 3: "double", 4: "string", 5: "json"}


def to_hex(text):
    return text.hex() or "."


def from_hex(text):
    return b"" if text == "." else bytes.fromhex(text)


def bits(value):
    return struct.pack(">d", value).hex()


def double(text):
    return struct.unpack(">d", bytes.fromhex(text))[0]


def value_text(value):
    if value.type == 0:
        return "none"
    shown = {1: lambda: str(value.boolean), 2: lambda: str(value.integer), 3: lambda: bits(value.real)}
    return LETTERS[value.type] + ":" + shown.get(value.type, lambda: to_hex(bytes(value.text)))()


def answer(client, letter, d):
    bucket = "-" if d.bucket == NO_BUCKET else d.bucket
    return (f"{letter} {to_hex(bytes(d.key))} {client.reason(d)} {to_hex(bytes(d.experiment))} "
            f"{to_hex(bytes(d.variant))} {bucket} {d.rule_index} {d.iteration} {d.phase} {d.catalog_version} "
            f"{to_hex(bytes(d.unit_type))} {value_text(d.value)}")


def main(library):
    client = None
    subject = None
    for line in sys.stdin:
        letter, *words = line.split()
        if letter == "C":
            if client:
                client.destroy()
            client = Client(library, bundled_catalog=from_hex(words[0]))
        elif letter == "S":
            client.supply_catalog(from_hex(words[0]))
        elif letter == "U":
            subject = Subject(client)
        elif letter == "u":
            subject.set_unit(from_hex(words[0]), from_hex(words[1]))
        elif letter == "s":
            subject.set(from_hex(words[0]), from_hex(words[1]))
        elif letter == "i":
            subject.set(from_hex(words[0]), int(words[1]))
        elif letter == "d":
            subject.set(from_hex(words[0]), double(words[1]))
        elif letter == "b":
            subject.set(from_hex(words[0]), words[1] == "1")
        elif letter == "t":
            subject.set(from_hex(words[0]), EPOCH + timedelta(milliseconds=int(words[1])))
        elif letter == "l":
            subject.set(from_hex(words[0]), [from_hex(word) for word in words[1:]])
        elif letter in "EFPp":
            ask = {"E": client.decide, "F": client.decide_flag, "P": client.peek, "p": client.peek_flag}[letter]
            print(answer(client, letter, ask(from_hex(words[0]), subject)))
        else:
            key, otherwise = from_hex(words[0]), words[1]
            if letter == "B":
                got = "1" if client.flag(key, subject, otherwise == "1") else "0"
            elif letter == "I":
                got = str(client.flag(key, subject, int(otherwise)))
            elif letter == "D":
                got = bits(client.flag(key, subject, double(otherwise)))
            elif letter == "T":
                got = to_hex(client.flag(key, subject, from_hex(otherwise)))
            else:
                got = to_hex(client.json(key, subject, from_hex(otherwise)))
            print(letter, words[0], got)


if __name__ == "__main__":
    main(sys.argv[1])
