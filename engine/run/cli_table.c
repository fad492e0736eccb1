/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cli_table.h"

#include <stdarg.h>
#include <stdlib.h>

#define GAP 2 /* spaces between columns */

void table_start(struct table *t, FILE *out, const struct table_column *columns, int nb_columns)
{
	*t = (struct table){.out = out, .columns = columns, .nb_columns = nb_columns};
	for (int c = 0; c < nb_columns; c++)
		t->width[c] = (int)strlen(columns[c].title);
	t->cells = calloc((size_t)nb_columns * TABLE_ROWS_HELD, sizeof(*t->cells));
	t->notes = calloc(TABLE_ROWS_HELD, sizeof(*t->notes));
}

/* Blanks are held back until text follows: no line ends in any. */
static void print_cell(struct table *t, int c, const char *text)
{
	int fill = MAX(t->width[c] - (int)strlen(text), 0);

	if (t->columns[c].right)
		t->blanks += fill;
	if (*text) {
		fprintf(t->out, "%*s%s", t->blanks, "", text);
		t->blanks = 0;
	}
	t->blanks += GAP + (t->columns[c].right ? 0 : fill);
	if (c == t->nb_columns - 1) {
		fputc('\n', t->out);
		t->blanks = 0;
	}
}

static void flush(struct table *t)
{
	for (int c = 0; !t->titled && c < t->nb_columns; c++)
		print_cell(t, c, t->columns[c].title);
	t->titled = true;
	for (int i = 0; t->cells && i < t->nb_cells; i++) {
		int row = i / t->nb_columns, c = i % t->nb_columns;

		print_cell(t, c, t->cells[i] ? t->cells[i] : "");
		free(t->cells[i]);
		t->cells[i] = NULL;
		if (c < t->nb_columns - 1 || !t->notes || !t->notes[row])
			continue;
		fprintf(t->out, "%s\n", t->notes[row]);
		free(t->notes[row]);
		t->notes[row] = NULL;
	}
	t->nb_cells = 0;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	int c = t->nb_cells % t->nb_columns, n;
	va_list ap;

	if (!t->cells)
		return;
	if (t->nb_cells == t->nb_columns * TABLE_ROWS_HELD)
		flush(t);
	va_start(ap, fmt);
	n = vasprintf(&t->cells[t->nb_cells], fmt, ap);
	va_end(ap);
	if (n < 0)
		t->cells[t->nb_cells] = NULL;
	t->width[c] = MAX(t->width[c], n);
	t->nb_cells++;
}

void table_note(struct table *t, const char *text)
{
	if (t->notes && t->nb_cells > 0)
		t->notes[t->nb_cells / t->nb_columns - 1] = strdup(text);
}

void table_end(struct table *t)
{
	flush(t);
	free(t->cells);
	free(t->notes);
	*t = (struct table){0};
}
