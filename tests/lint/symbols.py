# SPDX-License-Identifier: BSD-3-Clause
"""The core's objects import nothing but the mem* family: no clock, no allocator,
no lock, no output, no DPDK. Argument: the core's static library."""

import subprocess
import sys

from tree import finish

# What compilers call on their own. __stack_chk_fail: distributions turn it on;
# bcmp: clang's cheaper memcmp; __cpu_model: what the processor can do.
ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "memchr", "bcmp", "__stack_chk_fail",
           "_GLOBAL_OFFSET_TABLE_", "__cpu_model", "__memcpy_chk", "__memmove_chk", "__memset_chk"}
SANITIZED = ("__asan_", "__ubsan_", "__tsan_", "__msan_", "__sanitizer_", "__gcov_", "__llvm_profile")


def symbols(library, option):
    out = subprocess.run(["nm", option, "-P", library], check=True, capture_output=True, text=True)
    return [line.split()[0] for line in out.stdout.splitlines()
            if line and not line.endswith(":")]


def main():
    library = sys.argv[1]
    undefined = set(symbols(library, "--undefined-only"))
    defined = set(symbols(library, "--defined-only"))
    if any(name.startswith(SANITIZED) for name in undefined):
        print("instrumented: sanitizers and coverage import symbols of their own")
        sys.exit(77)
    foreign = undefined - defined - ALLOWED
    finish([f"the core imports {name}" for name in sorted(foreign)], len(defined))


if __name__ == "__main__":
    main()
