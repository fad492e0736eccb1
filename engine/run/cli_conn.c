/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections in the format of ss -tano and ss -i. */
#include <inttypes.h>
#include <stdarg.h>

#include "engine/run/cli_json.h"
#include "engine/run/cli_show.h"

/* RFC 9293's names, and those of ss(8). */
static const char *state_word(const char *state)
{
	static const char *const words[][2] = {
	    {"ESTABLISHED", "ESTAB"},     {"SYN_SENT", "SYN-SENT"},
	    {"SYN_RECEIVED", "SYN-RECV"}, {"FIN_WAIT_1", "FIN-WAIT-1"},
	    {"FIN_WAIT_2", "FIN-WAIT-2"}, {"TIME_WAIT", "TIME-WAIT"},
	    {"CLOSE_WAIT", "CLOSE-WAIT"}, {"LAST_ACK", "LAST-ACK"},
	    {"CLOSED", "UNCONN"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(state, words[i][0]) == 0)
			return words[i][1];
	return state;
}

const char *show_time(char buf[SHOW_TIME_MAX], uint64_t ms)
{
	uint64_t min = ms / 60000, sec = ms / 1000 % 60;

	if (min > 9 || (min && !sec))
		snprintf(buf, SHOW_TIME_MAX, "%" PRIu64 "min", min);
	else if (min)
		snprintf(buf, SHOW_TIME_MAX, "%" PRIu64 "min%" PRIu64 "sec", min, sec);
	else if (sec > 9 || (sec && ms % 1000 == 0))
		snprintf(buf, SHOW_TIME_MAX, "%" PRIu64 "sec", sec);
	else if (sec)
		snprintf(buf, SHOW_TIME_MAX, "%" PRIu64 ".%03" PRIu64 "sec", sec, ms % 1000);
	else
		snprintf(buf, SHOW_TIME_MAX, "%" PRIu64 "ms", ms);
	return buf;
}

struct line {
	char text[512];
	size_t at;
};

static void add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->at, sizeof(l->text) - l->at, fmt, ap);
	va_end(ap);
	l->at = MIN(l->at + (size_t)MAX(n, 0), sizeof(l->text) - 1);
}

static void add_path(struct line *l, const json_t *row)
{
	uint64_t mss = number_of(row, "mss"), ssthresh = number_of(row, "ssthresh");

	if (number_of(row, "rto_us"))
		add(l, " rto:%" PRIu64, number_of(row, "rto_us") / 1000);
	if (number_of(row, "srtt_us"))
		add(l, " rtt:%.3f/%.3f", (double)number_of(row, "srtt_us") / 1000,
		    (double)number_of(row, "rttvar_us") / 1000);
	if (mss)
		add(l, " mss:%" PRIu64, mss);
	if (mss && number_of(row, "cwnd"))
		add(l, " cwnd:%" PRIu64, number_of(row, "cwnd") / mss);
	if (mss && ssthresh && ssthresh != UINT32_MAX)
		add(l, " ssthresh:%" PRIu64, ssthresh / mss);
	if (number_of(row, "snd_wnd"))
		add(l, " snd_wnd:%" PRIu64, number_of(row, "snd_wnd"));
}

/* The line that -i adds; congestion window and threshold in segments. */
static void show_internal(struct table *t, const json_t *row)
{
	struct line l = {.text = "\t", .at = 1};
	char time[SHOW_TIME_MAX];

	add(&l, "%s%s", number_of(row, "timestamps") ? " ts" : "",
	    number_of(row, "sack") ? " sack" : "");
	if (number_of(row, "wscale"))
		add(&l, " wscale:%" PRIu64 ",%" PRIu64, number_of(row, "snd_wscale"),
		    number_of(row, "rcv_wscale"));
	add_path(&l, row);
	if (number_of(row, "age_ms"))
		add(&l, " age:%s", show_time(time, number_of(row, "age_ms")));
	if (number_of(row, "idle_ms"))
		add(&l, " lastrcv:%s", show_time(time, number_of(row, "idle_ms")));
	add(&l, " worker:%" PRIu64, number_of(row, "worker"));
	table_note(t, l.text);
}

void show_connections_start(struct table *t, FILE *out)
{
	static const struct table_column columns[] = {
	    {"State", false},
	    {"Recv-Q", true},
	    {"Send-Q", true},
	    {"Local Address:Port", false},
	    {"Peer Address:Port", false},
	    {"Owner", false},
	    {"Timer", false},
	};

	table_start(t, out, columns, ARRAY_SIZE(columns));
}

static bool is_listener(const json_t *row)
{
	return strcmp(text_of(row, "state"), "LISTEN") == 0;
}

static void owner_cell(struct table *t, const json_t *row)
{
	if (*text_of(row, "pool") && *text_of(row, "backend"))
		table_cell(t, "backend:%s/%s", text_of(row, "pool"), text_of(row, "backend"));
	else if (is_listener(row))
		table_cell(t, "listener:%s", text_of(row, "name"));
	else
		table_cell(t, "listener:%s", text_of(row, "listener"));
}

void show_connection(struct table *t, const json_t *row, bool internal)
{
	const char *timer = text_of(row, "timer");
	char time[SHOW_TIME_MAX];

	table_cell(t, "%s", state_word(text_of(row, "state")));
	table_cell(t, "%" PRIu64, number_of(row, "recv_q"));
	table_cell(t, "%" PRIu64, number_of(row, "send_q"));
	table_cell(t, "%s", text_of(row, "local"));
	table_cell(t, "%s", text_of(row, "remote"));
	owner_cell(t, row);
	if (*timer && strcmp(timer, "off") != 0)
		table_cell(t, "timer:(%s,%s,%" PRIu64 ")", timer,
			   show_time(time, number_of(row, "timer_ms")), number_of(row, "retries"));
	else
		table_cell(t, "%s", "");
	if (internal && !is_listener(row))
		show_internal(t, row);
}
