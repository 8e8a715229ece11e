/* All SQL that is run more than once: a table of statements, prepared at first use. */
#ifndef ASSAY_STORE_STATEMENTS_INTERNAL_H
#define ASSAY_STORE_STATEMENTS_INTERNAL_H

#include "query/about.h"

/* FILE_COLUMNS and its kin are made of ABOUT_MAP: a new counter changes the schema, so it needs a
 * new STORE_VERSION. */
#define FILE_COLUMNS "files,bytes,records,skipped,quarantined,files_failed"
_Static_assert(ABOUT_COUNTS == 6, "FILE_COLUMNS names them all: raise STORE_VERSION");
#define FILE_UPSERT                                                                                \
    "INSERT INTO file(path,size,mtime_ns,options," FILE_COLUMNS                                    \
    ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) ON CONFLICT(path) DO UPDATE SET "                    \
    "size=?2,mtime_ns=?3,options=?4,files=?5,bytes=?6,records=?7,skipped=?8,quarantined=?9,"       \
    "files_failed=?10 RETURNING id"
#define TOTALS_UPDATE                                                                              \
    "UPDATE files_total SET files=files+?1,bytes=bytes+?2,records=records+?3,"                     \
    "skipped=skipped+?4,quarantined=quarantined+?5,files_failed=files_failed+?6,"                  \
    "since_us=min(coalesce(since_us,?7),coalesce(?7,since_us)),"                                   \
    "up_to_us=max(coalesce(up_to_us,?8),coalesce(?8,up_to_us))"

#define CHUNK_AT(table) "SELECT id,v FROM " table " WHERE id<=?1 ORDER BY id DESC LIMIT 1"
#define CHUNK_AFTER(table) "SELECT id FROM " table " WHERE id>?1 ORDER BY id LIMIT 1"
#define CHUNK_RANGE(table)                                                                         \
    "SELECT id,v FROM " table " WHERE id>=coalesce((SELECT id FROM " table                         \
    " WHERE id<=?1 ORDER BY id DESC LIMIT 1),?1) AND id<=?2 ORDER BY id"

/* id, SQL. Prepared at first use, finalized at close. */
#define STMT_MAP(X)                                                                                \
    X(STMT_BEGIN_WRITE, "BEGIN IMMEDIATE")                                                         \
    X(STMT_BEGIN_READ, "BEGIN")                                                                    \
    X(STMT_COMMIT, "COMMIT")                                                                       \
    X(STMT_META_GET, "SELECT value FROM meta WHERE name=?1")                                       \
    X(STMT_META_PUT, "INSERT OR REPLACE INTO meta(name,value) VALUES(?1,?2)")                      \
    X(STMT_FACT_AT, CHUNK_AT("fact"))                                                              \
    X(STMT_FACT_NEXT, CHUNK_AFTER("fact"))                                                         \
    X(STMT_FACT_RANGE, CHUNK_RANGE("fact"))                                                        \
    X(STMT_FACT_PUT, "INSERT OR REPLACE INTO fact(id,v) VALUES(?1,?2)")                            \
    X(STMT_FACT_DROP, "DELETE FROM fact WHERE id=?1")                                              \
    X(STMT_EXCHANGE_AT, CHUNK_AT("exchange"))                                                      \
    X(STMT_EXCHANGE_NEXT, CHUNK_AFTER("exchange"))                                                 \
    X(STMT_EXCHANGE_RANGE, CHUNK_RANGE("exchange"))                                                \
    X(STMT_EXCHANGE_PUT, "INSERT OR REPLACE INTO exchange(id,v) VALUES(?1,?2)")                    \
    X(STMT_EXCHANGE_DROP, "DELETE FROM exchange WHERE id=?1")                                      \
    X(STMT_EXCHANGE_ANY, "SELECT 1 FROM exchange LIMIT 1")                                         \
    X(STMT_NAMES, "SELECT block,names FROM name ORDER BY block")                                   \
    X(STMT_NAMES_PUT, "INSERT OR REPLACE INTO name(block,names) VALUES(?1,?2)")                    \
    X(STMT_OFFERS, "SELECT block,names FROM offer ORDER BY block")                                 \
    X(STMT_OFFERS_PUT, "INSERT OR REPLACE INTO offer(block,names) VALUES(?1,?2)")                  \
    X(STMT_SEEN_AT, CHUNK_AT("seen"))                                                              \
    X(STMT_SEEN_NEXT, CHUNK_AFTER("seen"))                                                         \
    X(STMT_SEEN_RANGE, CHUNK_RANGE("seen"))                                                        \
    X(STMT_SEEN_PUT, "INSERT OR REPLACE INTO seen(id,v) VALUES(?1,?2)")                            \
    X(STMT_SEEN_DROP, "DELETE FROM seen WHERE id=?1")                                              \
    X(STMT_SEEN_ANY, "SELECT 1 FROM seen LIMIT 1")                                                 \
    X(STMT_RECENT, "SELECT slots FROM recent ORDER BY id")                                         \
    X(STMT_RECENT_PUT, "INSERT INTO recent(slots) VALUES(?1)")                                     \
    X(STMT_RECENT_CLEAR, "DELETE FROM recent")                                                     \
    X(STMT_ROLLUP_GET, "SELECT cells FROM rollup WHERE id=?1")                                     \
    X(STMT_ROLLUP_PUT, "INSERT OR REPLACE INTO rollup(id,cells) VALUES(?1,?2)")                    \
    X(STMT_ROLLUP_DROP, "DELETE FROM rollup WHERE id=?1")                                          \
    X(STMT_ROLLUP_RANGE, "SELECT id,cells FROM rollup WHERE id>=?1 AND id<?2 ORDER BY id")         \
    X(STMT_TOTAL_GET, "SELECT sums,series,counts FROM total WHERE id=?1")                          \
    X(STMT_TOTAL_PUT, "INSERT OR REPLACE INTO total(id,sums,series,counts) VALUES(?1,?2,?3,?4)")   \
    X(STMT_TOTAL_DROP, "DELETE FROM total WHERE id=?1")                                            \
    X(STMT_TOTAL_PARTS, "SELECT id,sums,series,counts FROM total WHERE id>=?1 AND id<?2")          \
    X(STMT_PROFILES, "SELECT arn,status,model,geo,scope,name,tags,asked_us FROM profile ORDER BY " \
                     "arn")                                                                        \
    X(STMT_PROFILE_PUT, "INSERT OR REPLACE INTO profile(arn,status,model,geo,scope,name,tags,"     \
                        "asked_us) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)")                               \
    X(STMT_PROFILE_TABLE, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name='profile'")     \
    X(STMT_TOTAL_RANGE, "SELECT id,sums,series FROM total WHERE id>=?1 AND id<?2 ORDER BY id")     \
    X(STMT_ROLLUP_PARTS, "SELECT id,cells FROM rollup WHERE id>=?1 AND id<?2")                     \
    X(STMT_ROLLUP_COUNT, "SELECT count(*) FROM rollup")                                            \
    X(STMT_TOTAL_COUNT, "SELECT count(*) FROM total")                                              \
    X(STMT_TOTAL_NEXT, "SELECT id FROM total WHERE id>=?1 ORDER BY id LIMIT 1")                    \
    X(STMT_SYMBOLS, "SELECT block,names FROM symbol ORDER BY block")                               \
    X(STMT_SYMBOLS_PUT, "INSERT OR REPLACE INTO symbol(block,names) VALUES(?1,?2)")                \
    X(STMT_SERIES, "SELECT block,labels FROM series ORDER BY block")                               \
    X(STMT_SERIES_PUT, "INSERT OR REPLACE INTO series(block,labels) VALUES(?1,?2)")                \
    X(STMT_SYMBOLS_LAST, "SELECT block,names FROM symbol ORDER BY block DESC LIMIT 1")             \
    X(STMT_SYMBOL_BLOCK, "SELECT names FROM symbol WHERE block=?1")                                \
    X(STMT_SYMBOL_AT, "SELECT lo,id FROM symbol_at WHERE k=?1")                                    \
    X(STMT_SYMBOL_AT_PUT, "INSERT INTO symbol_at(k,lo,id) VALUES(?1,?2,?3)")                       \
    X(STMT_SYMBOL_AT_COUNT, "SELECT count(*) FROM symbol_at")                                      \
    X(STMT_SERIES_LAST, "SELECT block,labels FROM series ORDER BY block DESC LIMIT 1")             \
    X(STMT_SERIES_BLOCK, "SELECT labels FROM series WHERE block=?1")                               \
    X(STMT_SERIES_AT, "SELECT lo,id FROM series_at WHERE k=?1")                                    \
    X(STMT_SERIES_AT_PUT, "INSERT INTO series_at(k,lo,id) VALUES(?1,?2,?3)")                       \
    X(STMT_SERIES_AT_COUNT, "SELECT count(*) FROM series_at")                                      \
    X(STMT_FILE_GET, "SELECT id,size,mtime_ns,options," FILE_COLUMNS " FROM file WHERE path=?1")   \
    X(STMT_FILE_PUT, FILE_UPSERT)                                                                  \
    X(STMT_TOTALS_GET, "SELECT " FILE_COLUMNS ",since_us,up_to_us FROM files_total")               \
    X(STMT_TOTALS_PUT, TOTALS_UPDATE)                                                              \
    X(STMT_QUARANTINE_DROP, "DELETE FROM quarantine WHERE file=?1")                                \
    X(STMT_QUARANTINE_TRIM, "DELETE FROM quarantine WHERE file=?1 AND id<=(SELECT id FROM "        \
                            "quarantine WHERE file=?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)")        \
    X(STMT_QUARANTINE_PUT, "INSERT INTO quarantine(file,path,at,reason) VALUES(?1,?2,?3,?4)")      \
    X(STMT_QUARANTINE, "SELECT path,at,reason FROM quarantine ORDER BY path,at,id")                \
    X(STMT_KEPT_GET, "SELECT facts_since_us,sums_since_us,sweep,late,dropped FROM kept")           \
    X(STMT_KEPT_PUT, "UPDATE kept SET facts_since_us=?1,sums_since_us=?2,sweep=?3,late=?4,"        \
                     "dropped=?5")                                                                 \
    X(STMT_FACT_NTH, "SELECT id FROM fact ORDER BY id LIMIT 1 OFFSET ?1")                          \
    X(STMT_FACT_CUT, "DELETE FROM fact WHERE id<?1")                                               \
    X(STMT_EXCHANGE_CUT, "DELETE FROM exchange WHERE id<?1")                                       \
    X(STMT_TOTAL_CUT, "DELETE FROM total WHERE id<?1")                                             \
    X(STMT_FREE_PAGES, "PRAGMA freelist_count")

enum stmt {
#define STMT_ENUM(id, sql) id,
    STMT_MAP(STMT_ENUM)
#undef STMT_ENUM
        STMTS
};

#endif
