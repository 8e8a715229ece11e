/*
 * The book: what happened in the sessions of a simulation, written down by those who make it
 * happen, and what that amounts to. It knows which sub-agent it started and which call it made
 * twice; nothing here is read back from a log. truth.h says what becomes of it.
 *
 *     struct note *n = note_new(book, caller, "uuid" or NULL, true);
 *     uint32_t main = note_thread(n, CALL_MAIN, NOTE_NONE, "");
 *     … the call goes through sim_emit, which passes it to book_call …
 *     uint32_t use = note_use(n, main, TOOL_MCP, "tickets", "search", serial);
 *     note_result(n, use, false);
 *     note_end(n);
 *
 * A note is NULL when nothing can be seen of the session (logs without bodies); every function
 * takes that. Memory that runs short is remembered and told by book_ok.
 */
#ifndef ASSAY_SIM_BOOK_H
#define ASSAY_SIM_BOOK_H

#include "base/money.h"
#include "codec/jsonw.h"
#include "model/invocation.h"
#include "sim/call.h"
#include "sim/talk.h"

#define NOTE_NONE UINT32_MAX

struct book;
struct note;

enum status book_new(struct book **out, struct err *err) MUST_USE;
void book_free(struct book *b);
bool book_ok(const struct book *b);

/* Everything that sim_emit knows of a call: counts and price as a reader sees them. */
void book_call(struct book *b, const struct call *c, const struct invocation *v);

/* The session's side of a call. */
struct note_call {
    uint32_t thread;
    bool retry;                   /* the request was made before, and seen */
    uint32_t prompts, interrupts; /* in the tail */
    uint32_t history_prompts;     /* in all messages */
    bool history;                 /* an assistant's message is in it */
    bool continued;               /* begins with a summary */
    const struct sizes *sizes;    /* NULL: not known */
};

/* id NULL: the client gives none. `user` is the ARN. */
struct note *note_new(struct book *b, struct str user, const char *id);
/* Names of the servers that struct sizes numbers; they live as long as the note. */
void note_server(struct note *n, uint32_t at, const char *name);
uint32_t note_thread(struct note *n, enum call_kind kind, uint32_t parent, const char *name);
/* Two sub-agents of this session began with the very same request. */
void note_identical(struct note *n);
/* A use in the newest call. Equal serials have equal input. */
uint32_t note_use(struct note *n, uint32_t thread, enum tool_kind kind, const char *server,
                  const char *name, uint64_t serial);
/* The request with its result was seen. */
void note_result(struct note *n, uint32_t use, bool error);
void note_command(struct note *n, const char *name);
/* Offered in a request that was seen; again is nothing new. */
void note_offer(struct note *n, enum tool_kind kind, const char *name);
/* Calls seen so far, and when the last one began. */
uint32_t note_calls(const struct note *n);
int64_t note_last_s(const struct note *n);
/* Works it out, adds it to the book and frees it. */
void note_end(struct note *n);

/* The sections of truth.json; false when memory is short, now or before. */
bool book_write(const struct book *b, struct jsonw *w) MUST_USE;

#endif
