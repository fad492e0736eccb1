/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text in aligned columns. Rows are held back until there are some hundred, so
 * that columns are as wide as their widest cell and a listing of millions still
 * flows; after that columns only grow.
 */
#pragma once

#include <stdio.h>

#include "engine/base/compiler.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_ROWS_HELD   512

struct table_column {
	const char *title;
	bool right; /* aligned: numbers */
};

struct table {
	FILE *out;
	const struct table_column *columns;
	int nb_columns;
	int width[TABLE_COLUMNS_MAX];
	int blanks;   /* to print before the next text */
	bool titled;  /* the titles are out */
	int nb_cells; /* held */
	char **cells; /* TABLE_ROWS_HELD rows; NULL: no memory, or empty */
	char **notes; /* a line below each row, NULL: none */
};

/* `columns` outlives the table. */
void table_start(struct table *t, FILE *out, const struct table_column *columns, int nb_columns);

/* The next cell of the row; after the last one the row is complete. */
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A line below the row that was completed last. */
void table_note(struct table *t, const char *text);

/* Prints what is held and frees everything. Titles are printed in any case. */
void table_end(struct table *t);
