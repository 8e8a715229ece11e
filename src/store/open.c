/*
 * Opening a store: which file is one, how a new one is made, which settings hold.
 *
 * WAL with synchronous=NORMAL: a batch costs no fsync of its own, a crash of the machine loses at
 * most whole batches at the end (they are read again), never part of one.
 */
#include "store/store_internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite itself refuses blobs of 10^9 bytes. */
enum { BLOB_MAX = 1000 * 1000 * 1000 };

static const char schema[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE symbol(block INTEGER PRIMARY KEY, names BLOB NOT NULL) STRICT;"
    "CREATE TABLE series(block INTEGER PRIMARY KEY, labels BLOB NOT NULL) STRICT;"
    "CREATE TABLE fact(id INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT;"
    "CREATE TABLE exchange(id INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT;"
    "CREATE TABLE name(block INTEGER PRIMARY KEY, names BLOB NOT NULL) STRICT;"
    "CREATE TABLE offer(block INTEGER PRIMARY KEY, names BLOB NOT NULL) STRICT;"
    "CREATE TABLE recent(id INTEGER PRIMARY KEY, slots BLOB NOT NULL) STRICT;"
    "CREATE TABLE seen(id INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT;";

enum status store_run_sql(struct store *s, const char *sql, const char *doing, struct err *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(s, err, doing);
    return OK;
}

/* "file:" URI of any path: no byte of it may mean something to SQLite. */
char *store_uri(const char *path, bool immutable)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = strlen(path);
    char *uri = malloc(n * 3 + 64), *p = uri;
    if (!uri)
        return NULL;
    p = stpcpy(p, path[0] == '/' ? "file://" : "file:./");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)path[i];
        if (c == '%' || c == '?' || c == '#' || c <= ' ' || c >= 0x7f) {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        } else {
            *p++ = (char)c;
        }
    }
    stpcpy(p, immutable ? "?immutable=1" : "");
    return uri;
}

static enum status connect_db(struct store *s, bool immutable, struct err *err)
{
    char *uri = store_uri(s->path, immutable);
    if (!uri)
        return err_nomem(err);
    /* A reader, too, where it may: the last connection to leave clears away -wal and -shm, and one
     * that cannot write would leave them. SQLite takes what the file's rights allow. */
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    int code = sqlite3_open_v2(uri, &s->db, flags, NULL);
    free(uri);
    if (!s->db)
        return err_nomem(err);
    if (code != SQLITE_OK)
        return db_error(s, err, "open it");
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, 5000);
    /* The file may come from anybody: its schema must not make us run anything. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return OK;
}

static int query_int(struct store *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(st);
    return code;
}

static enum status not_a_store(const struct store *s, struct err *err)
{
    return err_set(err, ERR_PARSE,
                   "'%.200s' is not a store of assay; give the file that assay ingest made",
                   s->path);
}

static enum status check_version(struct store *s, int64_t version, struct err *err)
{
    if (version == STORE_VERSION ||
        (s->old_too && version >= STORE_OLDEST && version < STORE_VERSION)) {
        s->version = (int)version;
        return OK;
    }
    if (version >= STORE_OLDEST && version < STORE_VERSION)
        return err_set(
            err, ERR_VERSION,
            "store '%.160s' has the older version %lld; assay store migrate --store FILE "
            "[--backup COPY] makes it version %d",
            s->path, (long long)version, STORE_VERSION);
    return err_set(err, ERR_VERSION,
                   "store '%.200s' has version %lld, this assay knows %d; use the assay that "
                   "made it or make a new store from the logs",
                   s->path, (long long)version, STORE_VERSION);
}

/* Whose file is it? *fresh when it is empty and may become a store. */
static enum status recognise(struct store *s, bool *fresh, struct err *err)
{
    int64_t application = 0, version = 0, tables = 0;
    int code = query_int(s, "PRAGMA application_id", &application);
    if (code == SQLITE_OK)
        code = query_int(s, "PRAGMA user_version", &version);
    if (code == SQLITE_OK)
        code = query_int(s, "SELECT count(*) FROM sqlite_schema", &tables);
    if ((code & 0xff) == SQLITE_NOTADB)
        return not_a_store(s, err);
    if (code != SQLITE_OK)
        return db_error(s, err, "read it");
    *fresh = application == 0 && version == 0 && tables == 0;
    if (*fresh)
        return s->mode == STORE_WRITE && !s->old_too ? OK : not_a_store(s, err);
    if (application != STORE_APPLICATION)
        return not_a_store(s, err);
    return check_version(s, version, err);
}

/*
 * A reader in a folder it cannot write has no place for SQLite's shared memory. Without pending
 * changes the file alone is the whole store, and can be read as one that does not change.
 */
static enum status recognise_unwritable(struct store *s, bool *fresh, struct err *err)
{
    struct err first = {0};
    enum status status = recognise(s, fresh, &first);
    if (s->mode == STORE_READ && status == ERR_ACCESS) {
        char *wal = sqlite3_mprintf("%s-wal", s->path);
        struct stat st;
        bool pending = wal && stat(wal, &st) == 0 && st.st_size > 0;
        sqlite3_free(wal);
        if (pending)
            return err_set(err, ERR_ACCESS,
                           "store '%.160s' has changes that are not yet in the file; it can only "
                           "be read where its folder is writable",
                           s->path);
        sqlite3_close(s->db);
        s->db = NULL;
        TRY(connect_db(s, true, err));
        return recognise(s, fresh, err);
    }
    if (status != OK && err)
        *err = first;
    return status;
}

static enum status make_key(struct store *s, struct err *err)
{
    struct hash_key key = hash_key_random();
    const uint64_t bytes[] = {htole64(key.k0), htole64(key.k1)};
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_META_PUT, &st, err));
    sqlite3_bind_text(st, 1, "hash_key", -1, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, bytes, sizeof bytes, SQLITE_STATIC); /* a copy could fail */
    return db_run(s, st, err);
}

static enum status load_key(struct store *s, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_META_GET, &st, err));
    sqlite3_bind_text(st, 1, "hash_key", -1, SQLITE_STATIC);
    bool row;
    TRY(db_step(s, st, &row, err));
    struct unpack u = row ? db_blob(st, 0) : unpack_of(NULL, 0);
    uint64_t bytes[2];
    bool good = row && (size_t)(u.end - u.p) == sizeof bytes;
    if (good)
        memcpy(bytes, u.p, sizeof bytes);
    sqlite3_reset(st);
    if (!good)
        return db_damaged(s, err, "it has no hash key");
    s->key = (struct hash_key){le64toh(bytes[0]), le64toh(bytes[1])};
    return OK;
}

static enum status make_schema(struct store *s, struct err *err)
{
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             STORE_APPLICATION, STORE_VERSION);
    /* What retention frees can be given back page by page only if that is settled here. */
    enum status status =
        store_run_sql(s, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; BEGIN IMMEDIATE",
                      "make it", err);
    if (status == OK)
        status = store_run_sql(s, schema, "make its tables", err);
    if (status == OK)
        status = store_run_sql(s, rollup_schema, "make its tables", err);
    if (status == OK)
        status = store_run_sql(s, files_schema, "make its tables", err);
    if (status == OK)
        status = store_run_sql(s, kept_schema, "make its tables", err);
    if (status == OK)
        status = store_run_sql(s, naming_schema, "make its tables", err);
    if (status == OK)
        status = store_run_sql(s, marks, "make it", err);
    if (status == OK)
        status = make_key(s, err);
    if (status == OK)
        status = store_run_sql(s, "COMMIT", "make it", err);
    if (status != OK && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Makes the file, readable to its owner alone, because facts are personal data. */
static enum status make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot make the store '%.200s'", path);
    if (fd >= 0)
        close(fd);
    return OK;
}

static enum status check_file(const struct store *s, struct err *err)
{
    struct stat st;
    if (stat(s->path, &st) != 0)
        return err_errno(err, errno, "cannot open the store '%.200s'", s->path);
    if (!S_ISREG(st.st_mode))
        return not_a_store(s, err);
    if (access(s->path, s->mode == STORE_WRITE ? R_OK | W_OK : R_OK) != 0)
        return err_errno(err, errno, "cannot %s the store '%.200s'",
                         s->mode == STORE_WRITE ? "write" : "read", s->path);
    return OK;
}

static enum status open_writer(struct store *s, bool fresh, struct err *err)
{
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return err_set(err, ERR_ACCESS, "store '%.200s' cannot be written: the file is read-only",
                       s->path);
    /* Fewer, larger checkpoints: folding the recent keys changes most pages of `seen`. */
    TRY(store_run_sql(s,
                      "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;"
                      "PRAGMA wal_autocheckpoint=8192; PRAGMA journal_size_limit=67108864",
                      "set it up", err));
    if (fresh)
        TRY(make_schema(s, err));
    else /* a copy may have lost it */
        TRY(store_run_sql(s, "PRAGMA journal_mode=WAL", "set it up", err));
    if (s->old_too)
        return OK;
    TRY(store_run_sql(s, profiles_schema, "make a table", err));
    s->pending = malloc(BATCH * sizeof *s->pending);
    s->pending_exchange = malloc(BATCH * sizeof *s->pending_exchange);
    s->fresh = malloc(BATCH * sizeof *s->fresh);
    s->known = malloc(BATCH * sizeof *s->known);
    s->slice = slice_new();
    if (!s->pending || !s->pending_exchange || !s->fresh || !s->known || !s->slice)
        return err_nomem(err);
    TRY(cube_new(&s->cube, err));
    return naming_open(s, err);
}

static enum status open_parts(struct store *s, struct err *err)
{
    if (s->mode == STORE_WRITE) {
        TRY(lock_acquire(s->path, &s->lock_fd, err));
        if (!s->old_too)
            TRY(make_file(s->path, err));
    }
    TRY(check_file(s, err));
    TRY(connect_db(s, false, err));
    bool fresh = false;
    TRY(recognise_unwritable(s, &fresh, err));
    if (s->mode == STORE_WRITE)
        TRY(open_writer(s, fresh, err));
    else
        TRY(store_run_sql(s, "PRAGMA cache_size=-8000; PRAGMA query_only=1", "set it up", err));
    return load_key(s, err);
}

enum status store_open(const char *path, enum store_mode mode, struct store **out, struct err *err)
{
    return store_connect(path, mode, false, out, err);
}

enum status store_connect(const char *path, enum store_mode mode, bool old_too, struct store **out,
                          struct err *err)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->mode = mode;
    s->old_too = old_too;
    s->version = STORE_VERSION;
    s->lock_fd = -1;
    buf_init(&s->out, BLOB_MAX);
    buf_init(&s->present, BLOB_MAX);
    buf_init(&s->packed, BLOB_MAX);
    arena_init(&s->scratch);
    buf_init(&s->log, BLOB_MAX);
    for (int i = 0; i < CHUNK_TABLES; i++)
        buf_init(&s->chunk[i].bytes, BLOB_MAX);
    s->path = strdup(path);
    enum status status = s->path ? open_parts(s, err) : err_nomem(err);
    if (status != OK) {
        store_close(s);
        return status;
    }
    *out = s;
    return OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->in_batch)
        store_rollback(s);
    snapshot_end(s);
    for (int i = 0; i < STMTS; i++)
        sqlite3_finalize(s->stmt[i]);
    sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        lock_release(s->path, s->lock_fd);
    cube_free(s->cube);
    naming_fini(s);
    buf_fini(&s->out);
    buf_fini(&s->present);
    recent_forget(s);
    buf_fini(&s->log);
    for (int i = 0; i < CHUNK_TABLES; i++)
        buf_fini(&s->chunk[i].bytes);
    free(s->merged);
    free(s->slice);
    free(s->pending);
    free(s->pending_exchange);
    buf_fini(&s->packed);
    vocabulary_fini(s);
    arena_fini(&s->scratch);
    free(s->fresh);
    free(s->known);
    free(s->loaded_ids);
    reprice_free(s->repricing);
    free(s->path);
    free(s);
}

struct hash_key store_hash_key(const struct store *s)
{
    return s->key;
}

enum status store_durable(struct store *s, struct err *err)
{
    return store_run_sql(s, "PRAGMA synchronous=FULL", "make its commits durable", err);
}
