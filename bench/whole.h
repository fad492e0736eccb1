/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The benchmarks that measure the engine as `terminus` is built, optimised as a whole when it is
 * linked. That takes long, so they are one program, which goes by the name it is called by:
 * bench_flood, bench_handover, ... Each of these is what main() would be, with its arguments and
 * its exit status.
 */
#pragma once

int flood_main(int argc, char **argv);
int handover_main(int argc, char **argv);
int handshake_main(int argc, char **argv);
int loop_main(int argc, char **argv);
int proxy_main(int argc, char **argv);
int request_main(int argc, char **argv);
int scale_main(int argc, char **argv);
int shards_main(int argc, char **argv);
int transfer_main(int argc, char **argv);
