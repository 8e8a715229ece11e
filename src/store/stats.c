/* What takes up how much: see upkeep.h. */
#include "store/upkeep.h"

#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Pages of a table with those of its indexes; the free ones are nobody's. */
static const char table_sizes[] =
    "SELECT t.name, (SELECT sum(d.pgsize) FROM dbstat d JOIN sqlite_schema x ON x.name=d.name"
    " WHERE d.aggregate=TRUE AND x.tbl_name=t.name)"
    " FROM sqlite_schema t WHERE t.type='table' ORDER BY t.name";
static const char table_names[] =
    "SELECT name, -1 FROM sqlite_schema WHERE type='table' ORDER BY name";

static enum status prepare(struct store *s, const char *sql, sqlite3_stmt **st, struct err *err)
{
    if (sqlite3_prepare_v2(s->db, sql, -1, st, NULL) != SQLITE_OK)
        return db_error(s, err, "read it");
    return OK;
}

static enum status one_number(struct store *s, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = false;
    TRY(prepare(s, sql, &st, err));
    enum status status = db_step(s, st, &row, err);
    *out = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return status;
}

/* Schema names are the file's: only ours are asked about. */
static bool is_plain(const char *name)
{
    return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name);
}

static enum status count_rows(struct store *s, struct store_table *t, struct err *err)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\"", t->name);
    return one_number(s, sql, &t->rows, err);
}

static enum status read_tables(struct store *s, sqlite3_stmt *st, struct store_stats *out,
                               struct err *err)
{
    for (;;) {
        bool row;
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        const char *name = (const char *)sqlite3_column_text(st, 0);
        struct store_table t = {.bytes = sqlite3_column_int64(st, 1)};
        if (!name || strlen(name) >= sizeof t.name || !is_plain(name) ||
            out->tables_n == STORE_TABLES)
            continue;
        memcpy(t.name, name, strlen(name) + 1);
        TRY(count_rows(s, &t, err));
        out->tables[out->tables_n++] = t;
    }
}

static enum status measure_tables(struct store *s, struct store_stats *out, struct err *err)
{
    sqlite3_stmt *st = NULL;
    /* SQLITE_ERROR: it has no such table as dbstat. */
    int code = sqlite3_prepare_v2(s->db, table_sizes, -1, &st, NULL);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_ERROR)
        return db_error(s, err, "read it");
    if (code != SQLITE_OK)
        TRY(prepare(s, table_names, &st, err));
    enum status status = read_tables(s, st, out, err);
    sqlite3_finalize(st);
    return status;
}

static enum status count_names(struct store *s, struct store_stats *out, struct err *err)
{
    uint32_t symbols, series;
    TRY(names_count(s, &symbols, &series, err));
    out->symbols = symbols;
    out->series = series;
    return vocabulary_measure(s, out, err);
}

/* Calls before `kept` are those of whole hours. */
static enum status count_kept(struct store *s, struct store_stats *out, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    out->calls_kept = 0;
    TRY(db_get(s, STMT_TOTAL_RANGE, &st, err));
    int64_t first = s->kept.facts_since_us / US_PER_HOUR, end = STORE_TIME_END / US_PER_HOUR;
    sqlite3_bind_int64(st, 1, bucket_row_in(s->version, FIRST_CELLS, first));
    sqlite3_bind_int64(st, 2, bucket_row_in(s->version, FIRST_CELLS, end));
    for (;;) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        out->calls_kept += unpack_invocations(db_blob(st, 1));
    }
}

static enum status measure(struct store *s, struct store_stats *out, struct err *err)
{
    TRY(one_number(s, "PRAGMA page_size", &out->page_size, err));
    TRY(one_number(s, "PRAGMA page_count", &out->pages, err));
    TRY(one_number(s, "PRAGMA freelist_count", &out->free_pages, err));
    TRY(measure_tables(s, out, err));
    TRY(one_number(s, "SELECT count(*) FROM file", &out->files, err));
    TRY(one_number(s, "SELECT count(*) FROM quarantine", &out->quarantined, err));
    TRY(store_about(s, &out->about, err));
    TRY(count_kept(s, out, err));
    return count_names(s, out, err);
}

static int64_t size_of(const char *path, const char *suffix)
{
    struct stat st;
    char *name = NULL;
    if (asprintf(&name, "%s%s", path, suffix) < 0)
        return 0;
    int64_t size = stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
    free(name);
    return size;
}

enum status store_stats(const char *path, struct store_stats *out, struct err *err)
{
    struct store *s = NULL;
    TRY(store_connect(path, STORE_READ, true, &s, err));
    struct store_stats made = {.version = s->version, .newest = STORE_VERSION};
    made.bytes = size_of(path, "");
    made.wal_bytes = size_of(path, "-wal");
    enum status status = snapshot_begin(s, err);
    if (status == OK)
        status = measure(s, &made, err);
    store_close(s);
    if (status == OK)
        *out = made;
    return status;
}
