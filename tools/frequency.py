#!/usr/bin/env python3
"""Writes src/rule/frequency.bin: how rare each pair of neighbouring bytes is in source text.

usage: frequency.py DIR... > src/rule/frequency.bin
       frequency.py --words src/rule/keywords/words.txt DIR...    the frequent words and their number per million bytes

The table was made from the working trees of rust-lang/cargo, nats-io/nats-server, gitleaks/gitleaks, apache/kafka, git/git,
redis/redis, BurntSushi/ripgrep, juice-shop/juice-shop, rails/rails and psf/requests, each at its newest commit in November 2026.
Every file of at most 1 MiB without a NUL byte counts, the folders with equal weight: a large repository must not drown a small
one in another language.

Bytes fall into 64 classes: ASCII with bit 5 set, so that letters lose their case (see src/rule/frequency.rs). The file holds 64
bytes for single classes and 64 x 64 for pairs, each 8 times the surprise in bits, at most 255.
"""
import collections
import math
import os
import re
import sys

# Words below this share of all bytes are as rare as their letters say.
FREQUENT = 20e-6

CLASS = [(((b | 0x20) & 0x40) >> 1) | (b & 0x1F) if b < 128 else 255 for b in range(256)]
FOLD = bytes(CLASS)


def files(folder):
    for root, dirs, names in os.walk(folder):
        dirs[:] = sorted(d for d in dirs if d != ".git")
        for name in sorted(names):
            path = os.path.join(root, name)
            if not os.path.islink(path) and os.path.isfile(path) and os.path.getsize(path) <= 1 << 20:
                with open(path, "rb") as file:
                    data = file.read()
                if b"\0" not in data:
                    yield data


def words(table, folders):
    """Prints the table anew: the short literals it has now, and every word of source text that is frequent."""
    names = [line.split(" ")[0] for line in open(table, encoding="utf-8")]
    shares = collections.Counter()
    for folder in folders:
        text = [data.lower() for data in files(folder)]
        total = max(sum(map(len, text)), 1) * len(folders)
        found = collections.Counter()
        for data in text:
            found.update(re.findall(rb"[a-z]{4,16}", data))
        for name, count in found.items():
            shares[name.decode()] += count / total
        # Parts of words and punctuation are counted wherever they stand.
        for name in names:
            if len(name) < 4 or not name.isalpha():
                shares[name] += sum(data.count(name.encode()) for data in text) / total
    for name, share in sorted(shares.items()):
        if share >= FREQUENT:
            print(f"{name} {share * 1e6:.1f}")


def main():
    if sys.argv[1:2] == ["--words"]:
        words(sys.argv[2], sys.argv[3:])
        return
    single, pairs = [0.0] * 64, [0.0] * 4096
    for folder in sys.argv[1:]:
        ones, twos = [0] * 256, [0] * 65536
        for data in files(folder):
            folded = data.translate(FOLD)
            for value in set(folded):
                ones[value] += folded.count(bytes([value]))
            for a, b in zip(folded, folded[1:]):
                twos[a << 8 | b] += 1
        total = max(sum(ones), 1)
        for a in range(64):
            single[a] += ones[a] / total
            for b in range(64):
                pairs[a << 6 | b] += twos[a << 8 | b] / total
    floor = 2.0**-32
    share = 1 / max(len(sys.argv) - 1, 1)
    surprise = [min(255, round(-8 * math.log2(max(p * share, floor)))) for p in single + pairs]
    sys.stdout.buffer.write(bytes(surprise))


if __name__ == "__main__":
    main()
