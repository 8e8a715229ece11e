/* Shared by book.c (writing down), book_fold.c (arithmetic) and book_json.c (truth.json). */
#ifndef ASSAY_SIM_BOOK_INTERNAL_H
#define ASSAY_SIM_BOOK_INTERNAL_H

#include "base/symbols.h"
#include "sim/book.h"

/* A growing list; `failed` in the book when memory is short. */
struct list {
    void *v;
    uint32_t n, cap;
};

struct noted_call {
    struct note_call in;
    int64_t time_s;
    enum call_kind kind;
    bool error, cold;
    int64_t context, cached, written, read, written_1h;
    int64_t cold_tokens;
    int64_t cost;
    uint32_t agents; /* sub-agents that its answer started */
};

struct noted_use {
    uint32_t thread, server, name; /* symbols */
    enum tool_kind kind;
    bool error;
    uint64_t serial;
};

struct noted_thread {
    enum call_kind kind;
    uint32_t parent, name, depth, calls;
};

struct noted_server {
    uint32_t name;
    int64_t schema, names, note;
};

struct noted_offer {
    enum tool_kind kind;
    uint32_t name;
};

struct note {
    struct book *book;
    uint32_t user; /* symbol */
    char id[64];   /* "": inferred */
    bool identical;
    struct list calls, uses, threads, offers, commands;
    struct noted_server server[SIZES_SERVERS];
    uint32_t first_part[PARTS]; /* of the first main call */
    bool sized;
};

/* Sums over all sessions. */
struct book_row {
    uint32_t kind, server, name; /* what of them a section needs; symbols */
    int64_t calls, errors, users, sessions, offered, commands, threads;
    int64_t schema, names, note;
    money_sum cost;
};

/* Rows by key: an open-addressed index of a list. */
struct book_table {
    struct list rows;
    uint64_t *key;
    uint32_t *at;
    uint32_t cap;
};

struct fixed_name {
    const char *name;
    uint32_t id;
};

struct book {
    struct symbols *names;
    struct fixed_name harness, version; /* of the newest call */
    bool failed;
    struct book_table harnesses, versions, kinds, tools, servers, skills, agents;
    struct book_table users; /* pairs of tool and user, to count users */
    int64_t recognised, with_body, calls;
    int64_t sessions, inferred, listed, alone;
    struct buf rows; /* sessions as JSON, one a line */
};

enum { BOOK_ROWS_MAX = 64 << 20 };

uint32_t book_name(struct book *b, const char *name);
/* The row of a key, made when it is new; NULL when memory is short. */
struct book_row *book_row(struct book *b, struct book_table *t, uint64_t key);
void *list_add(struct book *b, struct list *l, size_t size);

/* What a session amounts to. */
struct note_sum {
    int64_t prompts, turns, retries, tool_calls, tool_errors, agents, fan_out, depth;
    int64_t compactions, interrupts, peak_context, first_context, active_s, per_minute, loop;
    int64_t cold_restarts, cold_tokens, generations;
    bool seen_whole;
    money_sum cost, cost_kind[CALL_KINDS], cost_retries;
};
void note_fold(struct note *n, struct note_sum *sum);
void note_write(const struct note *n, const struct note_sum *sum, struct buf *out);

#endif
