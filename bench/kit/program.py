# SPDX-License-Identifier: BSD-3-Clause
"""What the programs that measure on links share: options, and what has to be so before they
begin."""
import argparse
import os
import sys

from kit import cpu, use_build


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


def parser(name, text):
    """A parser with the options that all have."""
    made = argparse.ArgumentParser(prog=name, description=text,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seconds", type=positive, default=3,
                      help="measured of each run (%(default)s)")
    made.add_argument("--json", action="store_true", help="prints JSON, an object a line")
    made.add_argument("--cpus", metavar="CLIENT,SERVER", type=cpu_pair,
                      help="which CPUs (the first two)")
    made.add_argument("--build", default="build", metavar="DIR", help="the built tree (build)")
    return made


def choosy_parser(name, text, only):
    """The same for one that does several things, again and again; `only`: what --only names."""
    made = parser(name, text)
    made.add_argument("--repeat", type=positive, default=5, help="repetitions (5)")
    made.add_argument("--only", metavar="NAME,...", default="", help=only)
    return made


def chosen(name, only, known):
    """The names in `only`; exits when one of them is not known."""
    names = {word for word in only.split(",") if word}
    unknown = names - set(known)
    if unknown:
        sys.exit(f"{name}: --only: there is no {sorted(unknown)[0]}: give some of "
                 f"{', '.join(sorted(known))}")
    return names


def prepare(name, args):
    """Returns the CPUs of the generator and of who serves; exits when something is missing. What
    is imported from then on knows the build."""
    if os.geteuid() != 0:
        sys.exit(f"{name}: network namespaces need root: sudo ./dev bench {name}")
    if not args.cpus and len(cpu.allowed()) < 2:
        sys.exit(f"{name}: two CPUs are needed, one for the generator and one that serves; "
                 f"this process may use CPU {cpu.allowed()[0]} only")
    use_build(args.build)
    from kit import tgen
    from netns import CommandError, interrupt_on_signals

    interrupt_on_signals()
    try:
        tgen.program()
    except CommandError as error:
        sys.exit(f"{name}: {error}")
    return args.cpus or tuple(cpu.allowed()[:2])
