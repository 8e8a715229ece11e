/*
 * What is known of application inference profiles. The table is made by whoever opens the store for
 * writing, so it needs no version of its own: an assay that does not know it passes it over.
 *
 * Tags are number of tags, then of each the lengths and bytes of key and value.
 */
#include "store/store_internal.h"

const char profiles_schema[] =
    "CREATE TABLE IF NOT EXISTS profile(arn TEXT PRIMARY KEY, status INTEGER NOT NULL,"
    " model TEXT NOT NULL, geo TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL,"
    " tags BLOB NOT NULL, asked_us INTEGER NOT NULL) STRICT, WITHOUT ROWID";

static void put_text(struct buf *b, struct str text)
{
    uint8_t bytes[PACK_VARINT_MAX];
    buf_append(b, bytes, (size_t)(pack_u64(bytes, text.n) - bytes));
    buf_str(b, text);
}

static enum status pack_tags(struct store *s, const struct profile *p, struct err *err)
{
    uint8_t bytes[PACK_VARINT_MAX];
    buf_reset(&s->out);
    buf_append(&s->out, bytes, (size_t)(pack_u64(bytes, p->tags_n) - bytes));
    for (size_t i = 0; i < p->tags_n; i++) {
        put_text(&s->out, p->tags[i].key);
        put_text(&s->out, p->tags[i].value);
    }
    return buf_status(&s->out) == OK ? OK : err_nomem(err);
}

static bool take_text(struct unpack *u, struct str *out)
{
    uint64_t n = unpack_u64(u);
    if (u->bad || n > (uint64_t)(u->end - u->p))
        return false;
    *out = str_of((const char *)u->p, (size_t)n);
    u->p += n;
    return true;
}

static bool unpack_tags(struct unpack u, struct tag tags[PROFILE_TAGS], struct profile *p)
{
    uint64_t n = unpack_u64(&u);
    bool good = !u.bad && n <= PROFILE_TAGS;
    for (uint64_t i = 0; good && i < n; i++)
        good = take_text(&u, &tags[i].key) && take_text(&u, &tags[i].value);
    p->tags = tags;
    p->tags_n = good ? (size_t)n : 0;
    return good && u.p == u.end;
}

static bool bind_text(sqlite3_stmt *st, int at, struct str text)
{
    return sqlite3_bind_text64(st, at, text.n ? text.p : "", text.n, SQLITE_STATIC, SQLITE_UTF8) ==
           SQLITE_OK;
}

static enum status put_profile(struct store *s, const struct store_profile *p, struct err *err)
{
    const struct profile *is = &p->profile;
    struct profiles one; /* its limits, and the ARN in lower case */
    sqlite3_stmt *st = NULL;
    profiles_init(&one);
    enum status status = profiles_add(&one, is, err);
    if (status == OK)
        status = pack_tags(s, &one.v[0], err);
    if (status == OK)
        status = db_get(s, STMT_PROFILE_PUT, &st, err);
    if (status == OK) {
        is = &one.v[0];
        bool bound = bind_text(st, 1, is->arn) && bind_text(st, 3, is->base) &&
                     bind_text(st, 4, is->geo) && bind_text(st, 5, model_scope_name(is->scope)) &&
                     bind_text(st, 6, is->name) &&
                     sqlite3_bind_blob64(st, 7, s->out.p, s->out.n, SQLITE_STATIC) == SQLITE_OK;
        sqlite3_bind_int(st, 2, (int)p->status);
        sqlite3_bind_int64(st, 8, p->asked_us);
        status = bound ? db_run(s, st, err) : db_error(s, err, "write");
        sqlite3_clear_bindings(st);
    }
    profiles_fini(&one);
    return status;
}

enum status store_put_profile(struct store *s, const struct store_profile *p, struct err *err)
{
    if (!s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': no batch is open", s->path);
    enum status status = put_profile(s, p, err);
    if (status != OK)
        store_rollback(s);
    return status;
}

static struct str column(sqlite3_stmt *st, int at)
{
    const unsigned char *text = sqlite3_column_text(st, at);
    return text ? str_of((const char *)text, (size_t)sqlite3_column_bytes(st, at)) : STR("");
}

static bool read_row(sqlite3_stmt *st, struct tag tags[PROFILE_TAGS], struct store_profile *p)
{
    int64_t status = sqlite3_column_int64(st, 1);
    *p = (struct store_profile){.profile = {.arn = column(st, 0),
                                            .base = column(st, 2),
                                            .geo = column(st, 3),
                                            .name = column(st, 5),
                                            .scope = model_scope_from(column(st, 4))},
                                .status = (enum store_profile_status)status,
                                .asked_us = sqlite3_column_int64(st, 7)};
    return status >= 0 && status < STORE_PROFILE_STATUSES &&
           unpack_tags(db_blob(st, 6), tags, &p->profile);
}

enum status store_profiles(struct store *s, store_profile_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int64_t one;
    bool more;
    TRY(db_i64(s, STMT_PROFILE_TABLE, 0, &one, &more, err));
    if (more)
        TRY(db_get(s, STMT_PROFILES, &st, err));
    while (more) {
        struct store_profile p;
        struct tag tags[PROFILE_TAGS];
        TRY(db_step(s, st, &more, err));
        if (!more)
            break;
        enum status status =
            read_row(st, tags, &p) ? each(ctx, &p, err) : db_damaged(s, err, "a profile");
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
    return OK;
}

enum status store_profile_arns(struct store *s, uint32_t *from, store_arn_fn each, void *ctx,
                               struct err *err)
{
    const struct symbols *met = s->naming.profiles; /* the first one is the empty text */
    for (uint32_t n = symbols_count(met); *from + 1 < n; ++*from)
        TRY(each(ctx, model_id_parse(symbols_text(met, *from + 1)).arn, err));
    return OK;
}
