/* SPDX-License-Identifier: BSD-3-Clause */
/* The file with the secret that machines share. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/config_reader.h"

#define KEY "tcp.cookie_secret_file"

static bool fail(const struct conf *conf, struct config_error *err, const char *what)
{
	const struct config_file *file = CONTAINER_OF(conf, const struct config_file, conf);

	return config_error_set(err, conf->file, file->cookie_secret_line, KEY, "\"%s\" %s",
				conf->cookie_secret_file, what);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits, and blanks and newlines behind them. */
static bool parse(const char *text, size_t len, uint8_t secret[CONFIG_SECRET])
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	if (len != 2 * CONFIG_SECRET)
		return false;
	for (size_t i = 0; i < CONFIG_SECRET; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_open(const struct conf *conf, int fd, uint8_t secret[CONFIG_SECRET],
		      struct config_error *err)
{
	char text[4 * CONFIG_SECRET];
	struct stat st;
	ssize_t n;
	bool ok;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(conf, err,
			    "is not a regular file: give one with 64 hexadecimal digits");
	/* Who has it can open connections as anyone. */
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return fail(conf, err,
			    "is open to others than its owner: make it chmod 600, and its contents "
			    "new if they were not meant to see them");
	n = read(fd, text, sizeof(text));
	ok = n > 0 && parse(text, (size_t)n, secret);
	explicit_bzero(text, sizeof(text));
	if (ok)
		return true;
	return fail(conf, err,
		    "does not hold 64 hexadecimal digits: make it with openssl rand -hex 32");
}

bool config_read_secret(const struct conf *conf, uint8_t secret[CONFIG_SECRET],
			struct config_error *err)
{
	int fd = open(conf->cookie_secret_file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char why[128];
	bool ok;

	memset(err, 0, sizeof(*err));
	if (fd < 0) {
		snprintf(why, sizeof(why),
			 "can't be opened: %s: check the path and its permissions",
			 strerror(errno));
		return fail(conf, err, why);
	}
	ok = read_open(conf, fd, secret, err);
	close(fd);
	return ok;
}
