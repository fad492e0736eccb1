/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration asks of the machine that it is to run on. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/config_reader.h"

#define CPUS_MAX (INT16_MAX + 1)

/* "0-3,8": the CPUs of the set, as taskset writes them; cut when too long. */
static void print_cpus(const cpu_set_t *set, size_t set_size, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (int first = 0, last; first < CPUS_MAX && n < size; first = last + 1) {
		last = first;
		if (!CPU_ISSET_S(first, set_size, set))
			continue;
		while (last + 1 < CPUS_MAX && CPU_ISSET_S(last + 1, set_size, set))
			last++;
		n += (size_t)snprintf(out + n, size - n, "%s%d", n ? "," : "", first);
		if (last > first && n < size)
			n += (size_t)snprintf(out + n, size - n, "-%d", last);
	}
}

static bool check_cpus(const struct conf *conf, const cpu_set_t *set, size_t set_size,
		       struct config_error *err)
{
	const struct config_file *file = CONTAINER_OF(conf, const struct config_file, conf);
	char allowed[128];

	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		int cpu = conf->worker_cpu[i];

		if (cpu < 0 || CPU_ISSET_S(cpu, set_size, set))
			continue;
		print_cpus(set, set_size, allowed, sizeof(allowed));
		return config_error_set(err, conf->file, file->workers_line, "workers.cpus",
					"CPU %d is not among those this process may use: write "
					"some of %s",
					cpu, allowed);
	}
	return true;
}

static bool check_worker_cpus(const struct conf *conf, struct config_error *err)
{
	size_t set_size = CPU_ALLOC_SIZE(CPUS_MAX);
	cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
	bool ok;

	if (!set)
		return config_error_set(err, conf->file, 0, "", "out of memory");
	CPU_ZERO_S(set_size, set);
	if (sched_getaffinity(0, set_size, set) == 0)
		ok = check_cpus(conf, set, set_size, err);
	else
		ok = config_error_set(err, conf->file, 0, "workers.cpus",
				      "can't tell which CPUs there are: %s", strerror(errno));
	CPU_FREE(set);
	return ok;
}

static bool check_replay(const struct conf *conf, uint16_t port, struct config_error *err)
{
	const struct conf_port *p = &conf->ports[port];
	const char *file = p->device + strlen(CONFIG_REPLAY_PREFIX);
	char path[32];
	struct stat st;

	if (strncmp(p->device, CONFIG_REPLAY_PREFIX, strlen(CONFIG_REPLAY_PREFIX)) != 0)
		return true;
	snprintf(path, sizeof(path), "ports[%u].device", port);
	if (stat(file, &st) != 0 || access(file, R_OK) != 0)
		return config_error_set(err, conf->file, p->line, path,
					"can't read \"%s\": %s: write the path of a pcapng file",
					file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return config_error_set(err, conf->file, p->line, path,
					"\"%s\" is not a regular file: write the path of a pcapng "
					"file",
					file);
	return true;
}

/* The file itself comes into being later; its directory must be there. */
static bool check_record(const struct conf *conf, uint16_t port, struct config_error *err)
{
	const struct conf_port *p = &conf->ports[port];
	char dir[CONF_DEVICE_MAX], path[32];
	const char *slash = strrchr(p->record, '/');
	size_t len = slash ? (size_t)(slash - p->record) : 0;
	struct stat st;

	if (!*p->record)
		return true;
	snprintf(path, sizeof(path), "ports[%u].record", port);
	snprintf(dir, sizeof(dir), "%.*s%s", (int)len, p->record, slash == p->record ? "/" : "");
	if (access(slash ? dir : ".", W_OK) != 0)
		return config_error_set(err, conf->file, p->line, path,
					"can't write into the directory of \"%s\": %s: make it or "
					"choose another",
					p->record, strerror(errno));
	if (stat(p->record, &st) == 0 && !S_ISREG(st.st_mode))
		return config_error_set(err, conf->file, p->line, path,
					"\"%s\" is there and is no regular file: write the path of "
					"a file",
					p->record);
	return true;
}

static bool check_secret(const struct conf *conf, struct config_error *err)
{
	uint8_t secret[CONFIG_SECRET];
	bool ok = !*conf->cookie_secret_file || config_read_secret(conf, secret, err);

	explicit_bzero(secret, sizeof(secret));
	return ok;
}

bool config_check_machine(const struct conf *conf, struct config_error *err)
{
	memset(err, 0, sizeof(*err));
	if (!check_worker_cpus(conf, err) || !check_secret(conf, err))
		return false;
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		if (!check_replay(conf, i, err) || !check_record(conf, i, err))
			return false;
	}
	return true;
}
