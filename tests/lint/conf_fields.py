# SPDX-License-Identifier: BSD-3-Clause
"""A setting that nothing reads is a lie as well: each field of engine/conf.h is
read outside of the loader that fills it in."""

import re

from tree import files, finish, read, strip_comments

HEADER = "engine/conf.h"
LOADER = re.compile(r"^engine/run/config")

# Where a thing was written, for messages, and how many there are to be freed.
LOADERS_OWN = {"line", "nb_bodies"}


def fields(text):
    """Pairs of struct and field."""
    found = []
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, re.S):
        for declaration in body.split(";"):
            declarators = re.sub(r"^\s*(const |struct |enum |unsigned )*\w+", "", declaration, count=1)
            found += [(name, field) for field in
                      re.findall(r"(?:^|,)\s*\**\s*([a-z_]\w*)\s*(?:\[[^\]]*\])*\s*(?=,|$)",
                                 declarators.strip())]
    return found


def main():
    all_fields = fields(strip_comments(read(HEADER)))
    code = "".join(strip_comments(read(p))
                   for p in files(".c", ".h", folders=("engine", "drivers"), top=False)
                   if p != HEADER and not LOADER.match(p))
    finish([f"{HEADER}: {struct}.{field} is read nowhere but in the loader"
            for struct, field in all_fields
            if field not in LOADERS_OWN and not re.search(rf"(\.|->){field}\b", code)],
           len(all_fields))


if __name__ == "__main__":
    main()
