/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCK_NAME "terminus.lock"

void instance_root(char *out, size_t size)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");

	/* The same choice as in EAL's eal_create_runtime_dir(). */
	if (!dir && getuid() == 0)
		dir = "/var/run";
	if (!dir)
		dir = getenv("XDG_RUNTIME_DIR");
	snprintf(out, size, "%s/dpdk", dir ? dir : "/tmp");
}

static bool make_dir(const char *path, struct report *r)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	return report_error(r, "cannot make %s: %s: run as root or set XDG_RUNTIME_DIR", path,
			    strerror(errno));
}

/* Who holds the lock wrote its process number into the file. */
static void report_holder(int fd, const char *name, struct report *r)
{
	char pid[16] = "";
	ssize_t n = read(fd, pid, sizeof(pid) - 1);

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	report_error(r,
		     "instance \"%s\" is already running (pid %s): stop it, or give this one "
		     "another name with instance:",
		     name, *pid ? pid : "unknown");
}

static int lock_name(const char *name, struct report *r)
{
	char root[INSTANCE_PATH_MAX], path[2 * INSTANCE_PATH_MAX];
	int fd;

	instance_root(root, sizeof(root));
	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (!make_dir(root, r) || !make_dir(path, r))
		return -1;
	snprintf(path, sizeof(path), "%s/%s/%s", root, name, LOCK_NAME);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		report_error(r, "cannot open %s: %s: run as root", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		report_holder(fd, name, r);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", getpid()) < 0)
		report_notice(r, "cannot write to %s: %s", path, strerror(errno));
	return fd;
}

/* The kernel interface below a device, "" when there is none. */
static void interface_of(const char *device, char name[IFNAMSIZ])
{
	const char *at = strstr(device, ",iface=");
	size_t n = at ? strcspn(at + 7, ",") : 0;

	name[0] = '\0';
	if (n > 0 && n < IFNAMSIZ)
		snprintf(name, IFNAMSIZ, "%.*s", (int)n, at + 7);
}

/* A name that one socket of this network namespace can have at a time, as the
 * interface's name is valid in this namespace only. */
static int claim_interface(const char *file, const struct conf_port *port, struct report *r)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char name[IFNAMSIZ];
	int fd, n;

	interface_of(port->device, name);
	/* A leading NUL makes it an abstract name: no file that could be left. */
	n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "terminus interface %s", name);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		report_error(r, "no socket to claim an interface with: %s", strerror(errno));
		return -1;
	}
	if (!*name ||
	    bind(fd, (struct sockaddr *)&addr,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
		return fd;
	close(fd);
	report_error(r,
		     "%s:%d: interface %s is already in use by a terminus: give each port one "
		     "of its own",
		     file, port->line, name);
	return -1;
}

bool instance_claim(struct instance *in, const struct conf *conf, struct report *r)
{
	*in = (struct instance){.lock = lock_name(conf->instance, r)};
	if (in->lock < 0)
		return false;
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		int fd = claim_interface(conf->file, &conf->ports[i], r);

		if (fd < 0) {
			instance_release(in);
			return false;
		}
		in->interfaces[in->nb_interfaces++] = fd;
	}
	return true;
}

void instance_release(struct instance *in)
{
	for (uint16_t i = 0; i < in->nb_interfaces; i++)
		close(in->interfaces[i]);
	close(in->lock);
}
