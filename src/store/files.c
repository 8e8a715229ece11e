/*
 * What was read of which file, what of it was broken, and the totals over all files. The totals
 * (with the period of all records) are kept as a row, because a year of hourly files in many
 * Regions is a quarter of a million rows.
 */
#include "store/store_internal.h"

const char files_schema[] =
    "CREATE TABLE file(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL, options INTEGER NOT NULL, files INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, records INTEGER NOT NULL, skipped INTEGER NOT NULL,"
    " quarantined INTEGER NOT NULL, files_failed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE quarantine(id INTEGER PRIMARY KEY, file INTEGER NOT NULL, path TEXT NOT NULL,"
    " at INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;"
    "CREATE INDEX quarantine_file ON quarantine(file);"
    "CREATE TABLE files_total(id INTEGER PRIMARY KEY, files INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, records INTEGER NOT NULL, skipped INTEGER NOT NULL,"
    " quarantined INTEGER NOT NULL, files_failed INTEGER NOT NULL,"
    " since_us INTEGER, up_to_us INTEGER) STRICT;"
    "INSERT INTO files_total VALUES(1,0,0,0,0,0,0,NULL,NULL);";

/* Text of a slice that may be empty; SQLite takes NULL for no value. */
static int bind_str(sqlite3_stmt *st, int at, struct str text)
{
    return sqlite3_bind_text64(st, at, text.p ? text.p : "", text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

struct known_file {
    int64_t size, mtime_ns, options;
    int64_t n[ABOUT_COUNTS];
};

static enum status get_file(struct store *s, struct str path, struct known_file *f, bool *found,
                            struct err *err)
{
    sqlite3_stmt *st = NULL;
    *f = (struct known_file){0};
    TRY(db_get(s, STMT_FILE_GET, &st, err));
    if (bind_str(st, 1, path) != SQLITE_OK)
        return db_error(s, err, "look up a file");
    TRY(db_step(s, st, found, err));
    if (!*found)
        return OK;
    f->size = sqlite3_column_int64(st, 1);
    f->mtime_ns = sqlite3_column_int64(st, 2);
    f->options = sqlite3_column_int64(st, 3);
    for (int i = 0; i < ABOUT_COUNTS; i++)
        f->n[i] = sqlite3_column_int64(st, 4 + i);
    sqlite3_reset(st);
    return OK;
}

enum status store_file_done(struct store *s, const struct store_file *file, bool *done,
                            struct err *err)
{
    struct known_file known;
    bool found;
    TRY(get_file(s, file->path, &known, &found, err));
    *done = found && known.size == file->size && known.mtime_ns == file->mtime_ns &&
            known.options == file->options;
    return OK;
}

enum status store_file_position(struct store *s, struct str path, int64_t *mtime_ns,
                                struct err *err)
{
    struct known_file known;
    bool found;
    TRY(get_file(s, path, &known, &found, err));
    *mtime_ns = found ? known.mtime_ns : 0;
    return OK;
}

static enum status put_row(struct store *s, const struct store_file *file, int64_t *id,
                           struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_FILE_PUT, &st, err));
    if (bind_str(st, 1, file->path) != SQLITE_OK)
        return db_error(s, err, "write a file's position");
    sqlite3_bind_int64(st, 2, file->size);
    sqlite3_bind_int64(st, 3, file->mtime_ns);
    sqlite3_bind_int64(st, 4, file->options);
    for (int i = 0; i < ABOUT_COUNTS; i++)
        sqlite3_bind_int64(st, 5 + i, file->about.n[i]);
    bool row;
    TRY(db_step(s, st, &row, err));
    *id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return OK;
}

static void bind_time(sqlite3_stmt *st, int at, int64_t time_us)
{
    if (time_us == TIME_NONE)
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_int64(st, at, time_us);
}

static int64_t column_time(sqlite3_stmt *st, int at)
{
    return sqlite3_column_type(st, at) == SQLITE_NULL ? TIME_NONE : sqlite3_column_int64(st, at);
}

static enum status put_totals(struct store *s, const struct store_file *file,
                              const struct known_file *before, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_TOTALS_PUT, &st, err));
    for (int i = 0; i < ABOUT_COUNTS; i++)
        sqlite3_bind_int64(st, 1 + i, file->about.n[i] - before->n[i]);
    bind_time(st, 1 + ABOUT_COUNTS, file->about.since_us);
    bind_time(st, 2 + ABOUT_COUNTS, file->about.up_to_us);
    return db_run(s, st, err);
}

static enum status drop_quarantine(struct store *s, int64_t file, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_QUARANTINE_DROP, &st, err));
    sqlite3_bind_int64(st, 1, file);
    return db_run(s, st, err);
}

static enum status put_quarantine(struct store *s, int64_t file, const struct store_quarantine *q,
                                  size_t n, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_QUARANTINE_PUT, &st, err));
    for (size_t i = 0; i < n; i++) {
        sqlite3_bind_int64(st, 1, file);
        sqlite3_bind_int64(st, 3, q[i].offset);
        if (bind_str(st, 2, q[i].path) != SQLITE_OK || bind_str(st, 4, q[i].reason) != SQLITE_OK)
            return db_error(s, err, "write the quarantine");
        TRY(db_run(s, st, err));
    }
    return OK;
}

/* Of what grows for ever only the newest entries stay. */
static enum status trim_quarantine(struct store *s, int64_t file, struct err *err)
{
    enum { GROWING_ENTRIES = 1000 };
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_QUARANTINE_TRIM, &st, err));
    sqlite3_bind_int64(st, 1, file);
    sqlite3_bind_int64(st, 2, GROWING_ENTRIES);
    return db_run(s, st, err);
}

/* The whole of what grows, from what is known of it and a further part. */
static struct store_file grown(const struct store_file *part, const struct known_file *before)
{
    struct store_file all = *part;
    for (int i = 0; i < ABOUT_COUNTS; i++)
        all.about.n[i] += before->n[i];
    if (before->mtime_ns > all.mtime_ns)
        all.mtime_ns = before->mtime_ns;
    all.about.n[ABOUT_FILES] = 1;
    return all;
}

static enum status put_file(struct store *s, const struct store_file *file,
                            const struct store_quarantine *q, size_t q_n, struct err *err)
{
    struct known_file before;
    bool found;
    int64_t id = 0;
    TRY(get_file(s, file->path, &before, &found, err));
    struct store_file whole = file->grows ? grown(file, &before) : *file;
    TRY(put_row(s, &whole, &id, err));
    TRY(put_totals(s, &whole, &before, err));
    if (!file->grows)
        TRY(drop_quarantine(s, id, err));
    TRY(put_quarantine(s, id, q, q_n, err));
    return file->grows && q_n > 0 ? trim_quarantine(s, id, err) : OK;
}

enum status store_put_file(struct store *s, const struct store_file *file,
                           const struct store_quarantine *q, size_t q_n, struct err *err)
{
    if (!s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': no batch is open", s->path);
    enum status status = put_file(s, file, q, q_n, err);
    if (status != OK)
        store_rollback(s);
    return status;
}

static struct str column_str(sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    size_t n = (size_t)sqlite3_column_bytes(st, column);
    return text ? str_of((const char *)text, n) : STR("");
}

enum status store_quarantine(struct store *s, store_quarantine_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_QUARANTINE, &st, err));
    for (;;) {
        bool row;
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        const struct store_quarantine q = {
            .path = column_str(st, 0),
            .offset = sqlite3_column_int64(st, 1),
            .reason = column_str(st, 2),
        };
        enum status status = each(ctx, &q, err);
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
}

/* The coarsest totals cover all facts with the fewest rows. */
static enum status count_invocations(struct store *s, int64_t *n, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    struct sums sums = {0};
    TRY(db_get(s, STMT_TOTAL_RANGE, &st, err));
    sqlite3_bind_int64(st, 1, bucket_row_in(s->version, LEVELS - 1, 0));
    sqlite3_bind_int64(st, 2, bucket_row_in(s->version, LEVELS, 0));
    for (;;) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            break;
        struct unpack u = db_blob(st, 1);
        unpack_sums(&u, &sums);
        if (u.bad) {
            sqlite3_reset(st);
            return db_damaged(s, err, "a total cannot be read");
        }
    }
    *n = sums.count[COUNT_INVOCATIONS];
    return OK;
}

static enum status read_about(struct store *s, struct about *about, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, STMT_TOTALS_GET, &st, err));
    TRY(db_step(s, st, &row, err));
    if (!row)
        return db_damaged(s, err, "the totals of the files are missing");
    for (int i = 0; i < ABOUT_COUNTS; i++)
        about->n[i] = sqlite3_column_int64(st, i);
    about->since_us = column_time(st, ABOUT_COUNTS);
    about->up_to_us = column_time(st, ABOUT_COUNTS + 1);
    sqlite3_reset(st);
    about->calls_since_us = s->kept.facts_since_us;
    about->sums_since_us = s->kept.sums_since_us;
    about->late = s->kept.late;
    about->dropped = s->kept.dropped;
    about->edges_moved = s->edges_moved;
    about->calls_missing = s->calls_missing;
    if (about->since_us != TIME_NONE && about->since_us < s->kept.sums_since_us)
        about->since_us = s->kept.sums_since_us;
    return count_invocations(s, &about->invocations, err);
}

enum status store_about(struct store *s, struct about *about, struct err *err)
{
    struct about made = {0};
    bool mine = !s->in_snapshot && !s->in_batch;
    if (mine)
        TRY(snapshot_begin(s, err));
    enum status status = read_about(s, &made, err);
    if (mine)
        snapshot_end(s);
    if (status == OK)
        *about = made;
    return status;
}
