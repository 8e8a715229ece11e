/*
 * The text of a conversation as a client keeps it: what stands in front of the messages, the
 * messages that have been answered, and the user's last message, which alone carries the cache
 * mark (so an old message changes its bytes when the next one comes, as with real clients). Each
 * request repeats all of it: talk_request hands out the pieces, nothing is copied.
 *
 * Both dialects are written: Anthropic Messages and Converse. Without a text pool (bodies are off)
 * every function does nothing.
 */
#ifndef ASSAY_SIM_TALK_H
#define ASSAY_SIM_TALK_H

#include "model/exchange.h"
#include "sim/call.h"
#include "sim/text.h"

enum { SIZES_SERVERS = 3 };

/* Bytes of a request by part, as model/exchange.h defines them, and of the MCP servers in it. */
struct sizes {
    uint32_t part[PARTS];
    struct server_size {
        uint32_t schema, name, note;
    } server[SIZES_SERVERS];
};

struct talk {
    const struct text *text; /* NULL: bodies are off */
    bool converse;
    bool one_hour;      /* cache marks ask for one hour */
    bool no_mark;       /* no cache mark on the last message */
    struct buf head;    /* up to the bracket that opens the messages */
    struct buf settled; /* answered messages, with commas between */
    struct buf last;    /* blocks of the last user message; the last block lacks its brace */
    struct buf tail;    /* from the bracket that closes the messages on */
    size_t text_at;     /* where the text of a single block begins in last */
    int blocks;
    bool has_result;   /* a block is a tool result */
    uint32_t messages; /* settled */
    /* Sizes of the head, of message 0 once it is settled with what later ones list, and of the last
     * message. */
    struct sizes of_head, of_first, of_last;
};

void talk_init(struct talk *t, const struct text *text, bool converse);
void talk_fini(struct talk *t);
/* Forgets the messages (a new thread, a compaction); head and tail stay. */
void talk_clear(struct talk *t);

/* A text block of the user: open, append escaped text to t->last, close. The block is counted as
 * `part`; PARTS: by the caller. */
void talk_open_text(struct talk *t);
void talk_close_text(struct talk *t, enum request_part part);
/* The same in one step, for text that is escaped already. */
void talk_text(struct talk *t, struct str escaped, enum request_part part);
/* An image of the user, without text. */
void talk_image(struct talk *t, struct str base64);
/* A tool result. as_array: content is an array of blocks (Converse always). */
void talk_open_result(struct talk *t, const char *id, bool as_array);
void talk_close_result(struct talk *t, bool as_array, bool failed);
/* A result that is a reference to a tool, which the client loads. */
void talk_loaded_result(struct talk *t, const char *id, const char *tool);
/* One more tool behind those that the head offers. */
void talk_add_tool(struct talk *t, struct str schema);

/* The model has answered with these blocks: settles both messages. */
void talk_answered(struct talk *t, struct str blocks);
/* The pieces of the request's body; returns how many. */
int talk_request(const struct talk *t, struct str out[CALL_SLICES]);
/* Sizes of the present request; results and history are not counted. */
struct sizes talk_sizes(const struct talk *t);
/* False when memory ran short in any of the parts. */
bool talk_ok(const struct talk *t);

#endif
