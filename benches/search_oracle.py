#!/usr/bin/env python3
"""Compares `turnpack search` with a full scan that knows nothing of turnpack.

    benches/search_oracle.py PROGRAM VAULT FOLDER [NAME...] [--queries N] [--seed S]

VAULT holds the files FOLDER/*.jsonl (or only those NAMEd). For each file N queries are drawn from its own text: words, parts of words, ids, CJK,
phrases, characters with accents, regular expressions, and strings that are nowhere. The lines that match are found by
reading every line with Python's json, and must be exactly those that `turnpack search --source FILE` counts and, where
they are few, names. Exit 1 at a difference.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import unicodedata

BORDER = "\n\ue0ff\n"  # between the strings of a record: nothing is drawn that could match it


def strings(value):
    if isinstance(value, str):
        yield value
        if value.lstrip(" \t\r\n")[:1] in ("{", "["):
            try:
                inner = json.loads(value, strict=False)
            except (ValueError, RecursionError):
                return
            yield from strings(inner)
    elif isinstance(value, list):
        for element in value:
            yield from strings(element)
    elif isinstance(value, Pairs):
        for _, element in value.pairs:
            yield from strings(element)


class Pairs:
    """An object with all its entries, repeated keys included."""

    def __init__(self, pairs):
        self.pairs = pairs


def strings_of(line):
    try:
        value = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return [line]
    return list(strings(value))


_loads = json.loads
json.loads = lambda text, **more: _loads(text, object_pairs_hook=Pairs, **more)


def fold(text):
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if not unicodedata.combining(c)).casefold()


def draw(rng, records):
    """A query, the options it needs, and how the scan looks for it."""
    text = rng.choice(rng.choice(records) or [""]) or "nothing"
    at = rng.randrange(len(text))
    if rng.random() < 0.15:
        # JSON in strings: what begins inside an escape, and keys.
        quoted = [each for each in rng.choice(records) if each[:1] in ("{", "[") and "\\" in each]
        if quoted:
            text = rng.choice(quoted)
            at = rng.choice([m.start() for m in re.finditer(r"\\", text)]) + 1 + rng.choice([0, 0, 0, 1, 2, 3])
            at = min(at, len(text) - 1)
    kind = rng.random()
    part = text[at : at + rng.randint(1, 25)]
    if kind < 0.45:
        query = part
    elif kind < 0.6:
        words = re.findall(r"\w+", text[max(0, at - 40) : at + 40]) or [part]
        query = " ".join(words[:2]) if rng.random() < 0.3 else rng.choice(words)
    elif kind < 0.68:
        query = part + rng.choice("qzxj")
    elif kind < 0.76:
        return part.split("\n")[0] or "x", ["-i"], "i"
    elif kind < 0.84:
        word = rng.choice(re.findall(r"\w+", text) or ["x"])[:25]
        return word, ["-w"], "w"
    elif kind < 0.9:
        query = fold(part.split("\n")[0])
        return (query, ["--fold"], "fold") if query and query.isascii() else (part, [], "")
    else:
        words = re.findall(r"[A-Za-z]{2,12}", text) or ["x"]
        one, two = rng.choice(words), rng.choice(words)
        query = rng.choice([f"{one}.*{two}", f"{one}|{two}", f"^{one}", f"{one}$", f"{one[:-1]}[a-z]{{1,3}}\\b", f"{one}\\s?[0-9]"])
        return query, ["-E"], "E"
    query = query.replace("\ud800", "")
    return query or "x", [], ""


def matcher(query, how):
    if how == "i":
        return re.compile(re.escape(query), re.I).search
    if how == "w":
        return re.compile(rf"(?<!\w){re.escape(query)}(?!\w)").search
    if how == "E":
        return re.compile(query, re.M).search
    return lambda text: query in text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("vault")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all-sources", action="store_true", help="the vault holds one file only: leave --source out")
    args = parser.parse_args()
    wrong = 0
    for file in sorted(args.folder.glob("*.jsonl")):
        if args.names and file.stem not in args.names:
            continue
        with open(file, "rb") as lines:
            records = [strings_of(line.rstrip(b"\n").decode("utf-8", "surrogateescape")) for line in lines]
        joined = [BORDER + BORDER.join(each) + BORDER for each in records]
        folded = None
        rng = random.Random(args.seed)
        for number in range(args.queries):
            query, options, how = draw(rng, records)
            if any(0xD800 <= ord(c) < 0xE000 or c in "\0\ue0ff" for c in query):
                continue
            if how == "fold":
                folded = folded or [fold(text) for text in joined]
            found = matcher(query, how)
            if how == "" and query.strip("\n") != query:
                # A line feed at an end of the query would be found in the border: string by string.
                expected = [at + 1 for at, each in enumerate(records) if any(found(text) for text in each)]
            else:
                expected = [at + 1 for at, text in enumerate(folded if how == "fold" else joined) if found(text)]
            command = [args.program, "--vault", args.vault, "search", *options]
            command += [] if args.all_sources else ["--source", file.name]
            many = len(expected) > 300
            command += ["-c"] if many else ["--sort", "source"]
            outcome = subprocess.run([*command, f"--pattern={query}"], capture_output=True)
            if outcome.returncode not in (0, 1):
                got = outcome.stderr.decode()
            elif many:
                got, expected = int(outcome.stdout), len(expected)
            else:
                head = re.compile(rb"^.*?%b:(\d+): " % re.escape(file.name.encode()))
                got = [int(m.group(1)) for m in map(head.match, outcome.stdout.split(b"\n")) if m]
            if got != expected:
                wrong += 1
                print(f"{file.name}: {options} {query!r}\n  expected {str(expected)[:200]}\n  got      {str(got)[:200]}")
            if number % 50 == 49:
                print(f"{file.name}: {number + 1} queries, {wrong} wrong", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
