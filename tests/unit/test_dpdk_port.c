/* SPDX-License-Identifier: BSD-3-Clause */
/* The DPDK side: what is decided before EAL starts, then ports over virtual
 * devices in one process on normal pages. With root, net_af_packet is tested on
 * the loopback of a network namespace that this process makes for itself. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/dpdk_devargs.h"
#include "drivers/dpdk_eal.h"
#include "drivers/dpdk_port.h"
#include "drivers/dpdk_quiet.h"
#include "drivers/fault_port.h"
#include "drivers/pcapng_reader.h"
#include "drivers/port_open.h"
#include "tests/unit/scratch.h"
#include "tests/unit/skip.h"

#define NB_BUFS 8192u

/* What all tests share; made before the first one. */
struct world {
	char dir[64]; /* for files of this run */
	struct conf_port port;
	struct conf conf;
	struct dpdk_eal eal;
	struct dpdk_pools pools;
	struct buf_ops bufs;
};

static void set_conf(struct world *w)
{
	w->port = (struct conf_port){.name = "front", .mtu = 1500, .rx_ring = 256, .tx_ring = 256,
				     .line = 12};
	w->conf = (struct conf){.file = (char *)(uintptr_t)"test.yaml", .nb_workers = 2,
				.nb_ports = 1, .ports = &w->port,
				.memory = {.huge_pages = CONF_HUGE_NEVER, .buffers = NB_BUFS}};
	memset(w->conf.worker_cpu, 0xff, sizeof(w->conf.worker_cpu));
	snprintf(w->conf.instance, sizeof(w->conf.instance), "test-%d", (int)getpid());
}

/* Each test begins with the same configuration. */
static int fresh_conf(void **state)
{
	set_conf(*state);
	return 0;
}

/* Only the loopback of a fresh namespace may carry test traffic. */
static bool enter_own_netns(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) != 0)
		return false;
	close(fd);
	return true;
}

static int world_up(void **state)
{
	struct dpdk_memory_need need = {.bytes = 128u << 20};
	struct world *w = calloc(1, sizeof(*w));
	struct report report = {0};

	snprintf(w->dir, sizeof(w->dir), "/tmp/test_dpdk_port.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	/* Where EAL keeps its sockets. */
	setenv("RUNTIME_DIRECTORY", w->dir, 1);
	set_conf(w);
	if (!dpdk_eal_init(&w->eal, &w->conf, &need, &report) ||
	    !dpdk_pools_create(&w->conf, &w->pools, &report)) {
		print_error("%s\n", report.error);
		return -1;
	}
	w->bufs = dpdk_pools_ops(&w->pools, 0);
	*state = w;
	return 0;
}

static int world_down(void **state)
{
	struct world *w = *state;

	dpdk_pools_free(&w->pools);
	dpdk_eal_fini(&w->eal);
	scratch_remove(w->dir);
	free(w);
	return 0;
}

/* ---- Before EAL ---- */

static struct dpdk_huge two_sizes(uint64_t free_2m, uint64_t free_1g)
{
	return (struct dpdk_huge){.nb_sizes = 2, .sizes = {{2048, 100, free_2m, 16ull << 30},
							   {1048576, 4, free_1g, 32ull << 30}}};
}

static void test_huge_pages_are_planned(void **state)
{
	struct dpdk_memory_need need = {.bytes = 139u << 20, .piece = 100u << 20};
	struct dpdk_memory_plan plan;
	struct dpdk_huge have = two_sizes(70, 0);
	struct report r = {0};

	(void)state;
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_AUTO, &need, &plan, &r));
	assert_true(plan.huge);
	assert_string_equal(r.notice, "");
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_NEVER, &need, &plan, &r));
	assert_false(plan.huge);
	assert_string_equal(r.notice, "");

	have = two_sizes(69, 0);
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_AUTO, &need, &plan, &r));
	assert_false(plan.huge);
	assert_string_equal(r.notice,
			    "running on normal pages, which is slower: not enough huge pages: 70 "
			    "of 2 MB are needed and 69 are free: reserve them with: echo 101 > "
			    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	assert_false(dpdk_huge_plan(&have, CONF_HUGE_REQUIRE, &need, &plan, &r));
	assert_string_equal(r.error,
			    "not enough huge pages, and memory.huge_pages is \"require\": 70 of 2 "
			    "MB are needed and 69 are free: reserve them with: echo 101 > "
			    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");

	have = two_sizes(0, 1);
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_REQUIRE, &need, &plan, &r));
	assert_true(plan.huge);
	have.nb_sizes = 0;
	assert_false(dpdk_huge_plan(&have, CONF_HUGE_REQUIRE, &need, &plan, &r));
	assert_string_equal(r.error, "not enough huge pages, and memory.huge_pages is \"require\": "
				     "this kernel offers none");
}

/* What is above 16 GB in one piece takes pages of 1 GB, and above 32 GB there are none. */
static void test_pieces_have_a_limit(void **state)
{
	struct dpdk_memory_need need = {.bytes = 18ull << 30, .piece = 16ull << 30};
	struct dpdk_memory_plan plan;
	struct dpdk_huge have = two_sizes(20000, 0);
	struct report r = {0};

	(void)state;
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_REQUIRE, &need, &plan, &r));
	need.piece++;
	assert_false(dpdk_huge_plan(&have, CONF_HUGE_REQUIRE, &need, &plan, &r));
	assert_string_equal(r.error,
			    "not enough huge pages, and memory.huge_pages is \"require\": 18 of "
			    "1024 MB are needed and 0 are free: reserve them with: echo 22 > "
			    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
	have = two_sizes(20000, 18);
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_REQUIRE, &need, &plan, &r));
	need.piece = (32ull << 30) + 1;
	assert_true(dpdk_huge_plan(&have, CONF_HUGE_AUTO, &need, &plan, &r));
	assert_false(plan.huge);
	assert_string_equal(r.notice,
			    "running on normal pages, which is slower: not enough huge pages: a "
			    "worker's memory is one piece of 32768 MB, and DPDK makes none above "
			    "32768 MB of them: use more workers, or lower the limits in memory");
}

static void put_number(const char *dir, const char *file, int value)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d\n", value);
	fclose(f);
}

static void test_huge_pages_are_probed(void **state)
{
	struct world *w = *state;
	struct dpdk_huge have;
	char root[128], dir[192];

	snprintf(root, sizeof(root), "%s/hugepages", w->dir);
	assert_int_equal(mkdir(root, 0700), 0);
	dpdk_huge_probe(root, &have);
	assert_int_equal(have.nb_sizes, 0);

	snprintf(dir, sizeof(dir), "%s/hugepages-1048576kB", root);
	assert_int_equal(mkdir(dir, 0700), 0);
	put_number(dir, "nr_hugepages", 1);
	snprintf(dir, sizeof(dir), "%s/hugepages-2048kB", root);
	assert_int_equal(mkdir(dir, 0700), 0);
	put_number(dir, "nr_hugepages", 64);
	put_number(dir, "free_hugepages", 50);
	put_number(dir, "resv_hugepages", 20);
	dpdk_huge_probe(root, &have);
	assert_int_equal(have.nb_sizes, 2);
	assert_int_equal(have.sizes[0].page_kb, 2048);
	assert_int_equal(have.sizes[0].reserved, 64);
	assert_int_equal(have.sizes[0].free, 30);
	assert_int_equal(have.sizes[1].page_kb, 1048576);
	assert_int_equal(have.sizes[1].free, 0);
	dpdk_huge_probe("/nonexistent", &have);
	assert_int_equal(have.nb_sizes, 0);
}

static void expect_args(const struct conf *conf, bool huge, const char *want)
{
	struct dpdk_memory_plan plan = {.huge = huge, .bytes = (100u << 20) + 1};
	struct dpdk_args a;
	struct report r = {0};
	cpu_set_t cpus;
	char line[1024] = "";

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CPU_SET(1, &cpus);
	CPU_SET(2, &cpus);
	CPU_SET(8, &cpus);
	assert_true(dpdk_args_build(conf, &plan, &cpus, &a, &r));
	assert_null(a.argv[a.argc]);
	for (int i = 0; i < a.argc; i++) {
		strcat(line, i > 0 ? " " : "");
		strcat(line, a.argv[i]);
	}
	assert_string_equal(line, want);
	dpdk_args_free(&a);
}

static void test_eal_arguments(void **state)
{
	struct conf_port ports[3] = {{.device = "net_af_packet0,iface=eth1"},
				     {.device = "pcapng:a.pcapng"},
				     {.device = "01:00.0,arg=1"}};
	struct conf conf = {.nb_workers = 2, .worker_cpu = {8, -1}, .nb_ports = 2, .ports = ports,
			    .instance = "demo"};
	struct dpdk_memory_plan plan = {0};
	struct dpdk_args a;
	struct report r = {0};
	cpu_set_t cpus;

	(void)state;
	expect_args(&conf, false,
		    "terminus --file-prefix=demo --lcores=0@(0-2,8),1@8,2@(0-2,8) --main-lcore=0 "
		    "--log-level=*:error --no-huge --no-shconf -m 101 --no-pci --iova-mode=va");
	conf.nb_ports = 3;
	conf.nb_workers = 1;
	expect_args(&conf, true,
		    "terminus --file-prefix=demo --lcores=0@(0-2,8),1@8 --main-lcore=0 "
		    "--log-level=*:error --in-memory --single-file-segments -a 01:00.0,arg=1");

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	assert_false(dpdk_args_build(&conf, &plan, &cpus, &a, &r));
	assert_string_equal(r.error, "workers.cpus: CPU 8 is not available to this process, which "
				     "may use 1: choose among these");
}

static void test_device_strings(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(dpdk_device_kind("net_ring0"), DPDK_DEVICE_VIRTUAL);
	assert_int_equal(dpdk_device_kind("vdev:net_ring0"), DPDK_DEVICE_VIRTUAL);
	assert_int_equal(dpdk_device_kind("virtio_user0,path=/x:00.0"), DPDK_DEVICE_VIRTUAL);
	assert_int_equal(dpdk_device_kind("nonsense"), DPDK_DEVICE_VIRTUAL);
	assert_int_equal(dpdk_device_kind("01:00.0"), DPDK_DEVICE_BUS);
	assert_int_equal(dpdk_device_kind("0000:af:10.7,x=y"), DPDK_DEVICE_BUS);
	assert_int_equal(dpdk_device_kind("auxiliary:mlx5_core.sf.2"), DPDK_DEVICE_BUS);

	dpdk_device_name("vdev:net_ring0,a=b", text, sizeof(text));
	assert_string_equal(text, "net_ring0");
	dpdk_device_name("01:00.1,x=y", text, sizeof(text));
	assert_string_equal(text, "0000:01:00.1");
	dpdk_device_name("pci:0001:01:00.1", text, sizeof(text));
	assert_string_equal(text, "0001:01:00.1");

	assert_true(dpdk_device_arg("net_x0,xiface=no,iface=eth1,q=2", "iface", text,
				    sizeof(text)));
	assert_string_equal(text, "eth1");
	assert_true(dpdk_device_arg("net_x0,iface=", "iface", text, sizeof(text)));
	assert_string_equal(text, "");
	assert_false(dpdk_device_arg("iface=eth1", "iface", text, sizeof(text)));
}

static void expect_cause(const char *log_line, const char *library_line, const char *want)
{
	struct dpdk_quiet q;
	FILE *log = dpdk_quiet_log();
	char cause[40];

	assert_non_null(log);
	dpdk_quiet_begin(&q);
	fprintf(stderr, "an earlier step complained\n");
	dpdk_quiet_restart(&q);
	fputs(library_line, stderr);
	fputs(log_line, log);
	fflush(log);
	dpdk_quiet_end(&q, cause, sizeof(cause));
	fclose(log);
	assert_string_equal(cause, want);
}

static void test_causes_are_collected(void **state)
{
	(void)state;
	expect_cause("", "", "");
	expect_cause("", "libfoo: no.\nmore\n", "libfoo: no");
	expect_cause("pmd_open(): it broke: EIO.\nsecond\n", "libfoo: warning\n", "it broke: EIO");
	expect_cause("tab\there\n", "", "tab here");
	expect_cause("a line that is longer than the forty bytes it goes to\n", "",
		     "a line that is longer than the forty by");
}

/* ---- Memory and pools ---- */

static void test_memory_for_shards(void **state)
{
	struct report r = {0};
	uint8_t *mem = dpdk_mem_alloc("table", 5000000, 0, &r);

	(void)state;
	assert_non_null(mem);
	assert_int_equal((uintptr_t)mem % CACHE_LINE, 0);
	for (size_t i = 0; i < 5000000; i += 4096)
		assert_int_equal(mem[i], 0);
	memset(mem, 0xff, 5000000);
	dpdk_mem_free(mem);
	mem = dpdk_mem_alloc("table", 5000000, 7, &r); /* no such node: any will do */
	assert_non_null(mem);
	for (size_t i = 0; i < 5000000; i += 4096)
		assert_int_equal(mem[i], 0);
	dpdk_mem_free(mem);
	assert_null(dpdk_mem_alloc("table", 1ull << 40, 0, &r));
	assert_string_equal(r.error, "no 1048577 MB of memory left for table: reserve more huge "
				     "pages or lower the limits in memory");
}

static void test_bufs_sit_behind_mbufs(void **state)
{
	struct world *w = *state;
	struct buf **all = calloc(NB_BUFS, sizeof(*all)), *one;

	assert_int_equal(dpdk_pools_in_use(&w->pools), 0);
	assert_false(w->bufs.alloc_bulk(w->bufs.ctx, all, NB_BUFS + 1));
	assert_int_equal(dpdk_pools_in_use(&w->pools), 0);
	assert_int_equal(w->bufs.total, NB_BUFS);
	assert_int_equal(w->bufs.available(w->bufs.ctx), NB_BUFS);
	assert_true(w->bufs.alloc_bulk(w->bufs.ctx, all, NB_BUFS));
	assert_int_equal(w->bufs.available(w->bufs.ctx), 0);
	assert_int_equal(dpdk_pools_in_use(&w->pools), NB_BUFS);
	assert_false(w->bufs.alloc_bulk(w->bufs.ctx, &one, 1));
	for (uint32_t i = 0; i < NB_BUFS; i++) {
		struct buf *b = all[i];
		struct rte_mbuf *m = dpdk_mbuf_of_buf(b);

		assert_ptr_equal(dpdk_buf_of_mbuf(m), b);
		assert_int_equal((uintptr_t)b % CACHE_LINE, 0);
		assert_ptr_equal(b->start, m->buf_addr);
		assert_int_equal(buf_headroom(b), BUF_HEADROOM);
		assert_true(buf_tailroom(b) >= BUF_DATAROOM);
		assert_int_equal(b->flags, 0);
		assert_int_equal(rte_mbuf_refcnt_read(m), 1);
		b->flags = BUF_KEEP;
		b->len = 5;
	}
	w->bufs.free_bulk(w->bufs.ctx, all, NB_BUFS);
	assert_int_equal(dpdk_pools_in_use(&w->pools), 0);
	free(all);
}

/* ---- Ports ---- */

static struct port *open_device(struct world *w, const char *device, struct report *r)
{
	*r = (struct report){0};
	snprintf(w->port.device, sizeof(w->port.device), "%s", device);
	return port_open(&w->conf, 0, &w->bufs, &w->pools, r);
}

static struct port *must_open(struct world *w, const char *device)
{
	struct report r;
	struct port *p = open_device(w, device, &r);

	assert_string_equal(r.error, "");
	assert_non_null(p);
	assert_string_equal(p->name, "front");
	return p;
}

static struct buf *make_frame(struct world *w, uint32_t len, uint8_t fill)
{
	struct buf *b;

	assert_true(w->bufs.alloc_bulk(w->bufs.ctx, &b, 1));
	b->len = len;
	memset(b->data, fill, len);
	return b;
}

static void drop(struct world *w, struct buf *b)
{
	w->bufs.free_bulk(w->bufs.ctx, &b, 1);
}

static void close_and_expect_no_leak(struct world *w, struct port *p)
{
	port_close(p);
	assert_int_equal(dpdk_pools_in_use(&w->pools), 0);
}

/* Buffers until there are none, all within what AF_XDP shows the kernel of their pool. */
static void test_af_xdp_sees_every_buf(void **state)
{
	struct buf *all[NB_BUFS], *b;
	struct report report = {0};
	struct world *w = *state;
	const struct rte_mempool *mp;
	uint32_t n = 0, shown;
	const uint8_t *end;

	dpdk_pools_free(&w->pools);
	snprintf(w->port.device, sizeof(w->port.device), "net_af_xdp0,iface=lo");
	assert_true(dpdk_pools_create(&w->conf, &w->pools, &report));
	w->bufs = dpdk_pools_ops(&w->pools, 0);
	mp = w->pools.by_worker[0];
	shown = dpdk_pool_objects_without_gaps(mp);
	end = (uint8_t *)STAILQ_FIRST(&mp->mem_list)->addr +
	      (size_t)shown * (mp->header_size + mp->elt_size + mp->trailer_size);
	while (n < NB_BUFS && w->bufs.alloc_bulk(w->bufs.ctx, &b, 1)) {
		assert_true(b->start + b->room <= end);
		all[n++] = b;
	}
	assert_true(n >= NB_BUFS - 1);
	w->bufs.free_bulk(w->bufs.ctx, all, n);
	dpdk_pools_free(&w->pools);
	fresh_conf(state);
	assert_true(dpdk_pools_create(&w->conf, &w->pools, &report));
	w->bufs = dpdk_pools_ops(&w->pools, 0);
}

static void test_ring_carries_frames(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");
	struct buf *b[4], *got[8];
	struct port_stats st;

	assert_int_equal(p->nb_queues, 2);
	assert_int_equal(p->mtu, 1500);
	assert_int_equal(p->caps & PORT_RSS, 0);
	assert_int_equal(p->mac[0] & 1, 0);
	assert_true(p->ops->link_up(p));
	for (uint8_t i = 0; i < 4; i++)
		b[i] = make_frame(w, 60 + i, i);
	b[1]->data += 2; /* as an engine does that made the header shorter */
	b[1]->len -= 2;
	assert_int_equal(port_tx(p, 1, b, 4, 0), 4);
	assert_int_equal(port_rx(p, 0, got, 8, 0), 0);
	assert_int_equal(port_rx(p, 1, got, 8, 0), 4);
	assert_int_equal(got[1]->len, 59);
	assert_int_equal(buf_headroom(got[1]), BUF_HEADROOM + 2);
	assert_int_equal(got[3]->len, 63);
	for (uint8_t i = 0; i < 4; i++) {
		assert_ptr_equal(got[i], b[i]);
		assert_int_equal(got[i]->data[10], i);
		assert_int_equal(got[i]->flags, 0);
		drop(w, got[i]);
	}
	p->ops->stats(p, &st);
	assert_int_equal(st.rx_frames, 4);
	assert_int_equal(st.tx_frames, 4);
	close_and_expect_no_leak(w, p);
}

/* A kept buf is the port's as well until it has left; whoever receives the same
 * mbuf gets memory of his own. */
static void test_kept_bufs(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");
	struct buf *kept = make_frame(w, 1500, 0x5a), *got;

	kept->flags = BUF_KEEP;
	assert_int_equal(port_tx(p, 0, &kept, 1, 0), 1);
	assert_true(w->bufs.in_port(w->bufs.ctx, kept));
	assert_int_equal(port_rx(p, 0, &got, 1, 0), 1);
	assert_ptr_not_equal(got, kept);
	assert_int_equal(got->len, 1500);
	assert_int_equal(buf_headroom(got), BUF_HEADROOM);
	assert_memory_equal(got->data, kept->data, 1500);
	assert_false(w->bufs.in_port(w->bufs.ctx, kept));
	drop(w, got);
	drop(w, kept);
	close_and_expect_no_leak(w, p);
}

static void test_full_ring_gives_bufs_back(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");
	uint32_t sent = 0;
	struct buf *b[32], *got[64];
	uint16_t k;

	do {
		for (int i = 0; i < 32; i++) {
			b[i] = make_frame(w, 60, 1);
			b[i]->flags = i % 2 ? BUF_KEEP : 0;
		}
		k = port_tx(p, 0, b, 32, 0);
		for (int i = 0; i < 32; i++) {
			if (b[i]->flags & BUF_KEEP || i >= k) {
				assert_int_equal(w->bufs.in_port(w->bufs.ctx, b[i]),
						 i < k && i % 2);
				drop(w, b[i]);
			}
		}
		sent += k;
		assert_true(sent < NB_BUFS);
	} while (k == 32);
	while ((k = port_rx(p, 0, got, 64, 0)) > 0) {
		w->bufs.free_bulk(w->bufs.ctx, got, k);
		sent -= k;
	}
	assert_int_equal(sent, 0);
	close_and_expect_no_leak(w, p);
}

/* Puts an mbuf on the ring as a driver would deliver it. */
static void inject(struct port *p, struct rte_mbuf *m)
{
	assert_int_equal(rte_eth_tx_burst(dpdk_port_id(p), 0, &m, 1), 1);
}

static struct rte_mbuf *chain(struct world *w, uint16_t first, uint16_t second)
{
	struct rte_mbuf *a = rte_pktmbuf_alloc(w->pools.by_worker[0]);
	struct rte_mbuf *b = rte_pktmbuf_alloc(w->pools.by_worker[0]);

	memset(rte_pktmbuf_append(a, first), 0x11, first);
	memset(rte_pktmbuf_append(b, second), 0x22, second);
	assert_int_equal(rte_pktmbuf_chain(a, b), 0);
	return a;
}

static void test_segments_are_joined(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");
	struct port_stats st;
	struct buf *got[2];

	inject(p, chain(w, 1000, 500));
	assert_int_equal(port_rx(p, 0, got, 2, 0), 1);
	assert_int_equal(got[0]->len, 1500);
	assert_int_equal(got[0]->data[999], 0x11);
	assert_int_equal(got[0]->data[1000], 0x22);
	assert_int_equal(dpdk_mbuf_of_buf(got[0])->nb_segs, 1);
	drop(w, got[0]);

	/* More than a buf holds; the frame behind it is not affected. */
	inject(p, chain(w, 2000, 1000));
	inject(p, chain(w, 30, 30));
	assert_int_equal(port_rx(p, 0, got, 2, 0), 1);
	assert_int_equal(got[0]->len, 60);
	drop(w, got[0]);
	p->ops->stats(p, &st);
	assert_int_equal(st.rx_errors, 1);
	close_and_expect_no_leak(w, p);
}

static void test_stripped_vlan_tag_is_put_back(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");
	struct rte_mbuf *m = dpdk_mbuf_of_buf(make_frame(w, 0, 0));
	static const uint8_t want[] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
				       0xaa, 0xaa, 0xaa, 0x81, 0x00, 0x00, 0x64, 0xaa, 0xaa};
	struct buf *got;

	rte_pktmbuf_reset(m);
	memset(rte_pktmbuf_append(m, 60), 0xaa, 60);
	m->vlan_tci = 100;
	m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	inject(p, m);
	assert_int_equal(port_rx(p, 0, &got, 1, 0), 1);
	assert_int_equal(got->len, 64);
	assert_memory_equal(got->data, want, sizeof(want));
	drop(w, got);
	close_and_expect_no_leak(w, p);
}

static void test_receive_flags(void **state)
{
	static const struct {
		uint64_t ol;
		uint32_t flags;
	} cases[] = {
		{0, 0},
		{RTE_MBUF_F_RX_IP_CKSUM_GOOD, BUF_RX_IP_CSUM_OK},
		{RTE_MBUF_F_RX_L4_CKSUM_GOOD, BUF_RX_L4_CSUM_OK},
		{RTE_MBUF_F_RX_L4_CKSUM_NONE, BUF_RX_L4_CSUM_OK},
		{RTE_MBUF_F_RX_IP_CKSUM_NONE, BUF_RX_IP_CSUM_OK},
		{RTE_MBUF_F_RX_IP_CKSUM_BAD, BUF_RX_CSUM_BAD},
		{RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD,
		 BUF_RX_IP_CSUM_OK | BUF_RX_CSUM_BAD},
		/* A hash by a key that is not ours. */
		{RTE_MBUF_F_RX_RSS_HASH, 0},
	};
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(w->pools.by_worker[0]);
		struct buf *got;

		rte_pktmbuf_append(m, 60);
		m->ol_flags = cases[i].ol;
		inject(p, m);
		assert_int_equal(port_rx(p, 0, &got, 1, 0), 1);
		assert_int_equal(got->flags, cases[i].flags);
		drop(w, got);
	}
	close_and_expect_no_leak(w, p);
}

static void test_transmit_offload_fields(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_ring0");
	struct buf *b = make_frame(w, 74, 0);
	struct rte_mbuf *m;

	b->flags = BUF_TX_IP_CSUM | BUF_TX_L4_CSUM;
	b->l2_len = 18;
	b->l3_len = 20;
	b->l4_len = 40;
	assert_int_equal(port_tx(p, 0, &b, 1, 0), 1);
	assert_int_equal(rte_eth_rx_burst(dpdk_port_id(p), 0, &m, 1), 1);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
					      RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(m->l2_len, 18);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->l4_len, 40);

	b->flags = BUF_TX_L4_CSUM | BUF_TX_IPV6;
	assert_int_equal(port_tx(p, 0, &b, 1, 0), 1);
	assert_int_equal(rte_eth_rx_burst(dpdk_port_id(p), 0, &m, 1), 1);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM);

	b->flags = 0; /* nothing of an earlier use may remain */
	assert_int_equal(port_tx(p, 0, &b, 1, 0), 1);
	assert_int_equal(rte_eth_rx_burst(dpdk_port_id(p), 0, &m, 1), 1);
	assert_int_equal(m->ol_flags, 0);
	rte_pktmbuf_free(m);
	close_and_expect_no_leak(w, p);
}

static void test_pcap_device(void **state)
{
	struct world *w = *state;
	struct report r = {0};
	struct pcapng_reader *reader;
	struct pcapng_packet packet;
	char path[128], device[192];
	struct buf *b[2];
	struct port *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/out.pcap", w->dir);
	snprintf(device, sizeof(device), "net_pcap0,rx_iface=lo,tx_pcap=%s", path);
	w->conf.nb_workers = 1;
	p = must_open(w, device);
	b[0] = make_frame(w, 60, 1);
	b[1] = make_frame(w, 1514, 2);
	assert_int_equal(port_tx(p, 0, b, 2, 0), 2);
	close_and_expect_no_leak(w, p);

	f = fopen(path, "rb");
	assert_non_null(f);
	reader = pcapng_reader_open(f, &r);
	assert_non_null(reader);
	assert_true(pcapng_reader_next(reader, &packet));
	assert_int_equal(packet.len, 60);
	assert_true(pcapng_reader_next(reader, &packet));
	assert_int_equal(packet.len, 1514);
	assert_int_equal(packet.data[1513], 2);
	pcapng_reader_close(reader);
	fclose(f);
}

static void test_null_device(void **state)
{
	struct world *w = *state;
	struct port *p = must_open(w, "net_null0,size=100");
	struct buf *b[32];

	assert_int_equal(port_rx(p, 1, b, 32, 0), 32);
	for (int i = 0; i < 32; i++)
		assert_int_equal(b[i]->len, 100);
	assert_int_equal(port_tx(p, 1, b, 32, 0), 32);
	close_and_expect_no_leak(w, p);
}

static bool lo_is_promiscuous(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	close(fd);
	return ifr.ifr_flags & IFF_PROMISC;
}

static void test_af_packet(void **state)
{
	struct world *w = *state;
	struct buf *kept, *got = NULL;
	struct port *p;
	bool found = false;

	/* The kernel's fan-out is not our RSS, whatever the number of queues. */
	p = must_open(w, "net_af_packet0,iface=lo,qpairs=2");
	assert_int_equal(p->nb_queues, 2);
	assert_int_equal(p->caps & (PORT_RSS | PORT_RX_HASH), 0);
	port_close(p);

	p = must_open(w, "net_af_packet0,iface=lo");
	assert_int_equal(p->nb_queues, 1);
	assert_true(p->ops->link_up(p));
	assert_true(lo_is_promiscuous());
	kept = make_frame(w, 600, 0);
	kept->data[12] = 0x88; /* local experimental ethertype 0x88b5 */
	kept->data[13] = 0xb5;
	kept->flags = BUF_KEEP;
	memset(kept->data + 14, 0x77, 586);
	assert_int_equal(port_tx(p, 0, &kept, 1, 0), 1);
	for (int i = 0; i < 2000 && !found; i++) {
		if (port_rx(p, 0, &got, 1, 0) == 0) {
			usleep(1000);
			continue;
		}
		found = got->len == 600 && memcmp(got->data, kept->data, 600) == 0;
		drop(w, got);
	}
	assert_true(found);
	assert_false(w->bufs.in_port(w->bufs.ctx, kept));
	drop(w, kept);
	close_and_expect_no_leak(w, p);
	assert_false(lo_is_promiscuous());
}

static void expect_error(struct world *w, const char *device, const char *error)
{
	struct report r;

	assert_null(open_device(w, device, &r));
	assert_string_equal(r.error, error);
}

static void test_errors_say_what_to_do(void **state)
{
	struct world *w = *state;
	struct report r;
	struct port *p;

	expect_error(w, "net_foo0",
		     "test.yaml:12: port \"front\": DPDK has no driver for a device called "
		     "net_foo0: correct device, as in net_af_packet0,iface=eth0 or 0000:01:00.0");
	expect_error(w, "net_af_packet0",
		     "test.yaml:12: port \"front\": device net_af_packet0 names no network "
		     "interface: add ,iface=NAME to it");
	expect_error(w, "net_af_packet0,iface=nosuch9",
		     "test.yaml:12: port \"front\": there is no network interface \"nosuch9\" "
		     "here: create it or correct iface= (ip link shows them)");
	expect_error(w, "ffff:ff:1f.7",
		     "test.yaml:12: port \"front\": there is no PCI device ffff:ff:1f.7: list "
		     "them with: dpdk-devbind.py --status-dev net");
	expect_error(w, "pcapng:/nonexistent",
		     "test.yaml:12: port \"front\": cannot open the capture file /nonexistent: No "
		     "such file or directory: check the path");
	w->port.mtu = 1;
	assert_null(open_device(w, "net_ring0", &r));
	assert_non_null(strstr(r.error, "device net_ring0 takes an MTU of "));
	assert_non_null(strstr(r.error, ", not 1: correct mtu"));
	w->port.mtu = 1500;

	p = must_open(w, "net_ring0");
	expect_error(w, "net_ring0",
		     "test.yaml:12: port \"front\": device net_ring0 is in use by another program "
		     "or port: stop that one first");
	close_and_expect_no_leak(w, p);
	close_and_expect_no_leak(w, must_open(w, "net_ring0"));
}

/* Somebody else's, which is not started and thus could be closed. */
static void test_taken_device_is_left_alone(void **state)
{
	struct rte_eth_dev_info info;
	uint16_t id;

	assert_int_equal(rte_dev_probe("net_null7"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null7", &id), 0);
	expect_error(*state, "net_null7",
		     "test.yaml:12: port \"front\": device net_null7 is in use by another program "
		     "or port: stop that one first");
	assert_true(rte_eth_dev_is_valid_port(id));
	assert_int_equal(rte_eth_dev_info_get(id, &info), 0);
	assert_int_equal(rte_eth_dev_close(id), 0);
	assert_int_equal(rte_dev_remove(info.device), 0);
}

static void test_stack_of_wraps(void **state)
{
	struct world *w = *state;
	char device[CONF_DEVICE_MAX];
	struct fault_stats fs;
	struct buf *b, *got[4];
	struct report r;
	struct port *p;

	snprintf(w->port.record, sizeof(w->port.record), "%s/rec.pcapng", w->dir);
	w->port.fault = (struct conf_fault){.enabled = true, .seed = 1, .duplicate_ppm = 1000000};
	p = must_open(w, "net_ring0");
	b = make_frame(w, 60, 9);
	assert_int_equal(port_tx(p, 0, &b, 1, 0), 1);
	assert_int_equal(port_rx(p, 0, got, 4, 0), 2);
	drop(w, got[0]);
	drop(w, got[1]);
	close_and_expect_no_leak(w, p);

	/* What was recorded, replayed with everything lost. */
	snprintf(device, sizeof(device), "pcapng-fast:%s/rec.pcapng", w->dir);
	w->port.record[0] = '\0';
	w->port.fault = (struct conf_fault){.enabled = true, .seed = 1, .drop_ppm = 1000000};
	p = must_open(w, device);
	assert_int_equal(port_rx(p, 0, got, 4, 0), 0);
	fault_port_stats(p, &fs);
	assert_int_equal(fs.dropped, 2);
	close_and_expect_no_leak(w, p);

	snprintf(w->port.record, sizeof(w->port.record), "/nonexistent/rec.pcapng");
	assert_null(open_device(w, "net_ring0", &r));
	assert_string_equal(r.error, "test.yaml:12: port \"front\": cannot record to "
				     "/nonexistent/rec.pcapng: No such file or directory: name a "
				     "file that can be written");
	assert_int_equal(dpdk_pools_in_use(&w->pools), 0);
	set_conf(w);
	close_and_expect_no_leak(w, must_open(w, "net_ring0"));
}

int main(void)
{
	/* EAL's threads are born into it as well. */
	const bool own_netns = enter_own_netns();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_huge_pages_are_planned, fresh_conf),
		cmocka_unit_test_setup(test_pieces_have_a_limit, fresh_conf),
		cmocka_unit_test_setup(test_huge_pages_are_probed, fresh_conf),
		cmocka_unit_test_setup(test_eal_arguments, fresh_conf),
		cmocka_unit_test_setup(test_device_strings, fresh_conf),
		cmocka_unit_test_setup(test_causes_are_collected, fresh_conf),
		cmocka_unit_test_setup(test_memory_for_shards, fresh_conf),
		cmocka_unit_test_setup(test_bufs_sit_behind_mbufs, fresh_conf),
		cmocka_unit_test_setup(test_af_xdp_sees_every_buf, fresh_conf),
		cmocka_unit_test_setup(test_ring_carries_frames, fresh_conf),
		cmocka_unit_test_setup(test_kept_bufs, fresh_conf),
		cmocka_unit_test_setup(test_full_ring_gives_bufs_back, fresh_conf),
		cmocka_unit_test_setup(test_segments_are_joined, fresh_conf),
		cmocka_unit_test_setup(test_stripped_vlan_tag_is_put_back, fresh_conf),
		cmocka_unit_test_setup(test_receive_flags, fresh_conf),
		cmocka_unit_test_setup(test_transmit_offload_fields, fresh_conf),
		unit_test_if(own_netns, test_pcap_device, fresh_conf, "needs root"),
		cmocka_unit_test_setup(test_null_device, fresh_conf),
		unit_test_if(own_netns, test_af_packet, fresh_conf, "needs root"),
		cmocka_unit_test_setup(test_errors_say_what_to_do, fresh_conf),
		cmocka_unit_test_setup(test_taken_device_is_left_alone, fresh_conf),
		cmocka_unit_test_setup(test_stack_of_wraps, fresh_conf),
	};

	return cmocka_run_group_tests_name("dpdk_port", tests, world_up, world_down);
}
