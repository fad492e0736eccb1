/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/instance.h"

#include <dirent.h>
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

#define LOCK_NAME  "terminus.lock"
#define LOCK_TRIES 10

/* Of DPDK's telemetry; one that was there before adds a number. */
#define SOCKET_PREFIX "dpdk_telemetry."
#define SOCKET_NAME   SOCKET_PREFIX "v2"

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

/* A predecessor removes the file when it ends: what has been locked may be one that
 * nobody finds any more. */
static bool is_at(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
	       mine.st_dev == there.st_dev;
}

/* The locked file, or -1 with the reason; *again: it went away meanwhile. */
static int lock_file(const char *path, const char *name, bool *again, struct report *r)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	*again = fd < 0 && errno == ENOENT;
	if (fd < 0) {
		report_error(r, "cannot open %s: %s: run as root", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		report_holder(fd, name, r);
	} else if (is_at(fd, path)) {
		return fd;
	} else {
		*again = true;
		report_error(r, "cannot lock %s: it is removed again and again", path);
	}
	close(fd);
	return -1;
}

/* A socket's path is shorter than other paths may be. */
static bool check_length(const char *dir, struct report *r)
{
	size_t limit = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" SOCKET_NAME);

	if (strlen(dir) <= limit)
		return true;
	return report_error(r,
			    "%s is %zu characters too long for the control socket in it: shorten "
			    "RUNTIME_DIRECTORY or XDG_RUNTIME_DIR, or the name (instance:)",
			    dir, strlen(dir) - limit);
}

/* Leaves the directory's path in `dir`. */
static int lock_name(const char *name, char dir[INSTANCE_DIR_MAX], struct report *r)
{
	char root[INSTANCE_PATH_MAX], path[INSTANCE_DIR_MAX + sizeof(LOCK_NAME)];
	bool again = true;
	int fd = -1;

	instance_root(root, sizeof(root));
	snprintf(dir, INSTANCE_DIR_MAX, "%s/%s", root, name);
	snprintf(path, sizeof(path), "%s/%s", dir, LOCK_NAME);
	if (!check_length(dir, r))
		return -1;
	for (int i = 0; i < LOCK_TRIES && again; i++) {
		if (!make_dir(root, r) || !make_dir(dir, r))
			return -1;
		fd = lock_file(path, name, &again, r);
		if (fd >= 0)
			break;
	}
	if (fd >= 0 && (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", getpid()) < 0))
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
	*in = (struct instance){0};
	in->lock = lock_name(conf->instance, in->dir, r);
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

/* DPDK removes its socket when the process exits: too late for the directory. */
static void remove_sockets(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, SOCKET_PREFIX, strlen(SOCKET_PREFIX)) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

void instance_release(struct instance *in)
{
	char path[INSTANCE_DIR_MAX + sizeof(LOCK_NAME)];

	for (uint16_t i = 0; i < in->nb_interfaces; i++)
		close(in->interfaces[i]);
	/* While the lock is held, so that a successor's files are never the ones removed. */
	remove_sockets(in->dir);
	snprintf(path, sizeof(path), "%s/%s", in->dir, LOCK_NAME);
	unlink(path);
	rmdir(in->dir);
	close(in->lock);
}
