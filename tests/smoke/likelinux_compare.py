# SPDX-License-Identifier: BSD-3-Clause
"""Plays cases to both listeners and finds where the answers differ."""
import itertools

from likelinux_lab import HOSTS, client_address
from likelinux_talk import Player, Talk
from netlab import CLIENT

SHARE = 0.25  # of a time, by which the other may differ


def ack_of(words):
    return int(words[words.index("ack") + 1]) if "ack" in words else None


def joined(section):
    """A wait's answers without what depends on when an application writes: bare ACKs that a
    later segment includes, and whether a FIN rides on the last data."""
    out = []
    for index, (after, text) in enumerate(section):
        words = text.split()
        number = ack_of(words)
        later = [other.split() for _, other in section[index + 1:]]
        bare = words[0] == "." and words[1].endswith("(0)") and "sack" not in text and \
            "win" not in words and words not in later
        if bare and any((ack_of(other) or number - 1) >= number for other in later) and \
                all((ack_of(other.split()) or 0) < number for _, other in section[:index]):
            continue
        last = out[-1][1].split() if out else []
        if words[0] == "F." and last and last[0] in (".", "P.") and last[2:] == words[2:] and \
                last[1].split("(")[0].endswith(":" + words[1].split(":")[0]) and \
                not last[1].endswith("(0)"):
            out[-1] = (out[-1][0], " ".join(["F" + last[0], *last[1:]]))
            continue
        out.append((after, text))
    return out


def shown(section):
    """A wait's answers as one line; "+0.2" before one that took so long."""
    return " | ".join(text if after < 0.1 else f"+{after:.1f} {text}"
                      for after, text in section) or "silence"


def same(linux, terminus, slack):
    return [text for _, text in linux] == [text for _, text in terminus] and all(
        abs(a - b) <= slack + SHARE * max(a, b) for (a, _), (b, _) in zip(linux, terminus))


class Difference:
    """What the sides answered in the first wait of a talk in which they differ."""

    def __init__(self, name, wait, linux, terminus):
        self.name, self.wait, self.linux, self.terminus = name, wait, linux, terminus

    def __str__(self):
        return (f"{self.name}, wait {self.wait}:\n    linux     {self.linux}\n"
                f"    terminus  {self.terminus}")


class Comparison:
    """run() plays cases; a talk that went differently is played again, up to twice, since a busy
    machine is late sometimes."""

    def __init__(self, sides, sockets, allowed, per_second):
        self.player = Player(sides, sockets)
        self.sides = sides
        self.allowed = allowed
        self.per_second = per_second
        self.hosts = itertools.cycle(HOSTS)
        self.sports = {family: itertools.count(1024) for family in (4, 6)}

    def run(self, cases):
        """cases: pairs of a Case and a family. Returns the differences that are not allowed, a
        list by each pair of name and family."""
        left = {(case, family, label): None for case, family in cases for label in case.talks}
        for speed in (1.0, 0.4, 0.2):
            left = self._round(list(left), self.per_second * speed)
            if not left:
                break
        found = {(case.name, family): [] for case, family in cases}
        for (case, family, _), difference in left.items():
            found[case.name, family].append(difference)
        return found

    def _round(self, jobs, per_second):
        pairs = []
        for case, family, label in jobs:
            sport = next(self.sports[family])
            client = client_address(next(self.hosts)) if case.stranger else CLIENT
            pairs.append([Talk(side, family, sport, client[family], case, label)
                          for side in self.sides])
        self.player.play([talk for pair in pairs for talk in pair], per_second)
        compared = {job: self._difference(job, *pair) for job, pair in zip(jobs, pairs)}
        return {job: difference for job, difference in compared.items() if difference}

    def _difference(self, job, linux, terminus):
        """The first one; what follows an allowed one is its consequence."""
        case, family, label = job
        name = f"{case.name} {label}".strip()
        for wait, (a, b) in enumerate(zip(linux.answers, terminus.answers)):
            a, b = joined(a), joined(b)
            if not same(a, b, case.slack):
                if self.allowed.row(name, shown(a), shown(b)):
                    return None
                return Difference(f"{name} (IPv{family})", wait, shown(a), shown(b))
        return None
