# SPDX-License-Identifier: BSD-3-Clause
"""Values on the command lines of the benchmark programs written in Python."""
import argparse

from kit import cpu


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("give a number from 1")
    return value


def cpu_pair(text):
    pair = tuple(map(int, text.split(",")))
    if len(pair) != 2 or pair[0] == pair[1] or not set(pair) <= set(cpu.allowed()):
        raise argparse.ArgumentTypeError(
            f"give two of the CPUs {','.join(map(str, cpu.allowed()))}")
    return pair
