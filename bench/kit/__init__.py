# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmark programs written in Python share: a lab, the load generator, what CPUs and
memory were used for, and the lines that are printed.

The network namespaces themselves are those of the smoke tests.
"""
import os
import pathlib
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]


def use_build(directory):
    """Says which build the programs come from; before anything of it is imported."""
    os.environ["TERMINUS_BUILD"] = str(pathlib.Path(directory).resolve())


def build():
    """The directory of the build in use."""
    return REPO / os.environ.get("TERMINUS_BUILD", "build")


sys.path.append(str(REPO / "tests" / "smoke"))
