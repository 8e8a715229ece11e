/*
 * From an older version to this one.
 *
 *     3 -> 4   `kept`: since when facts are kept (kept.c); pages that are free can be given back
 *
 * Only assay's first release wrote stores that are still about, version 3. A further step is a
 * further entry of `steps`, which run one after the other in one transaction.
 */
#include "store/upkeep.h"

#include "store/store_internal.h"

#include <stdio.h>

/* From version STORE_OLDEST + its place to the next. */
static const char *const steps[] = {kept_schema};
_Static_assert(sizeof steps / sizeof steps[0] == STORE_VERSION - STORE_OLDEST,
               "a step to each version");

/* By itself a transaction; until the next one it is the old version, and nothing else for it. */
static enum status renew_file(struct store *s, struct err *err)
{
    TRY(store_run_sql(s, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM", "write it anew", err));
    sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return OK;
}

static enum status run_steps(struct store *s, struct err *err)
{
    char mark[64];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d", STORE_VERSION);
    TRY(db_do(s, STMT_BEGIN_WRITE, err));
    for (int i = s->version - STORE_OLDEST; i < STORE_VERSION - STORE_OLDEST; i++)
        TRY(store_run_sql(s, steps[i], "bring it to this version", err));
    TRY(store_run_sql(s, mark, "bring it to this version", err));
    return db_do(s, STMT_COMMIT, err);
}

enum status store_migrate(const char *path, int *from, int *to, struct err *err)
{
    struct store *s = NULL;
    TRY(store_connect(path, STORE_WRITE, true, &s, err));
    int was = s->version;
    enum status status = OK;
    if (was < STORE_VERSION) {
        status = renew_file(s, err);
        if (status == OK)
            status = run_steps(s, err);
        if (status != OK)
            store_rollback(s);
    }
    store_close(s);
    if (status == OK) {
        *from = was;
        *to = STORE_VERSION;
    }
    return status;
}
