/*
 * Parts that the files exchange*.c share: texts as they stand in JSON, content blocks in both
 * forms, what was gathered while a request was walked.
 *
 * Texts are compared and hashed as they stand between their quotes: the same text is escaped the
 * same way by the same writer, and decoding all of a request would cost more than reading it. Where
 * two writers must agree (the prompt of a sub-agent: once in an answer, once in a request) the text
 * is decoded first.
 */
#ifndef ASSAY_INGEST_EXCHANGE_INTERNAL_H
#define ASSAY_INGEST_EXCHANGE_INTERNAL_H

#include "ingest/exchange.h"

#include "base/hash.h"
#include "model/name.h"
#include "model/offer.h"

/* The kinds of JSON text that hashes tell apart. Hashes are stored, so the numbers stay. */
enum seed {
    SEED_TEXT = 1,
    SEED_JSON,
    SEED_MESSAGE,
    SEED_SYSTEM,
    SEED_ID,
    SEED_INPUT,
    SEED_PROMPT,
    SEED_OFFER,
    SEED_DIRECTORY,
    SEED_NAME,
    SEED_BLOCK, /* types of blocks are added to it */
    SEED_SESSION = 32,
};

enum {
    RAW_NAME_MAX = EXCHANGE_NAME_MAX * 6, /* a name with every byte escaped */
    CACHE_SLOTS = 256,                    /* powers of two */
    NAME_SLOTS = 1024,
    OPENING_SLOTS = 256,
    LISTINGS = 64,         /* reminders of one request that list what it offers */
    OFFER_TOOLS = 4096,    /* entries of tools[] that go into the offer */
    OFFER_ITEMS = 8192,    /* names of all kinds in one offer */
    OFFER_TEXT = 48 << 10, /* bytes */
    OFFER_SERVERS = 256,
    DECODE_MAX = 4 << 20, /* bytes of one text that is decoded */
    MEDIA_BYTES = 6144,   /* an image weighs some 1,600 tokens, however long its base64 is */
    JSON_DEPTH = 32,      /* of values whose members are hashed one by one */
    OPEN_USES = 8,
};

/* A content block, in whichever form. */
enum block_type {
    BLOCK_TEXT,
    BLOCK_USE,
    BLOCK_RESULT,
    BLOCK_MEDIA,
    BLOCK_OTHER,
    BLOCK_MARK, /* cachePoint: no part of the message */
};

struct block {
    enum block_type type;
    struct str text;          /* BLOCK_TEXT: as it stands */
    struct str id, name;      /* BLOCK_USE, BLOCK_RESULT: as they stand */
    struct json_cursor whole; /* due at the block */
    struct json_cursor inner; /* BLOCK_USE: due at input; BLOCK_RESULT: at content */
    size_t inner_bytes;       /* as it stands */
    bool has_inner, error;
    bool marked;    /* cache_control: clients move it from request to request */
    uint32_t other; /* bytes of members that are none of the above */
};

/* A tool use as found. It is named when the request's offer is known, which tells the servers. */
struct found_use {
    struct str name, id; /* as they stand */
    struct json_cursor input;
    bool has_input, answered, error;
    uint64_t id_hash;
};

struct found_uses {
    struct found_use v[EXCHANGE_USES];
    uint32_t n;
};

/* A tool use of a stream that has not ended. */
struct open_use {
    bool used;
    int64_t index;  /* of the block */
    uint32_t place; /* in the list of uses made */
    struct found_use use;
    struct buf pieces; /* of the input */
};

/* A reminder that lists something. */
struct listing {
    struct str text; /* as it stands */
    uint64_t hash;   /* of it, trimmed */
    enum harness_mark mark;
};

struct tool_entry {
    struct str name; /* as it stands */
    uint32_t bytes;
};

/* What a set of tools and listings amounts to. */
struct offer_slot {
    uint64_t hash; /* 0: empty */
    uint32_t symbol;
    uint32_t part[PARTS];
    uint32_t cut;
    bool is_cut;
    struct str *servers; /* known ones, longest first; texts of the symbol table */
    size_t servers_n;
    struct harness_verdict verdict; /* by names of tools */
    uint32_t repository;            /* named by a reminder; 0 */
};

struct system_slot {
    uint64_t hash; /* 0: empty */
    struct harness_verdict verdict;
    uint32_t system, environment; /* bytes */
    uint32_t repository;
};

struct name_slot {
    uint64_t hash; /* 0: empty */
    uint32_t symbol;
};

struct opening_slot {
    uint64_t raw, decoded;
};

/* --- what is remembered of requests: exchange_known.c --- */

enum known_kind { KNOWN_SYSTEM, KNOWN_TOOLS, KNOWN_MESSAGES, KNOWN_KINDS };

enum {
    KNOWN_SLOTS = 256,    /* of conversations */
    KNOWN_SLOTS_FEW = 32, /* of system texts, of sets of tools */
    KNOWN_ISSUED = 16,    /* parts of one request */
    KNOWN_PARTS = 8,      /* system texts; listings among messages */
    KNOWN_TOOLS_MAX = 256,
};

/* A text in such a part: of the system, a listing, a tool's name. Places count from the gap. */
struct known_text {
    uint32_t at, n;
    uint32_t other; /* a listing's mark, a tool's bytes */
    uint64_t hash;
};

/* What the first messages of a request amount to when they are walked with little work. */
struct walked {
    uint32_t n;                         /* messages */
    uint32_t history, pending, prompts; /* see read_messages */
    uint32_t listings;
    const char *end; /* of the last one's bytes */
};

struct known {
    uint64_t head; /* 0: empty */
    uint64_t end;  /* of the last bytes */
    struct hash_lanes lanes;
    uint32_t from, n;       /* bytes between the array's bracket and the gap, bytes of the gap */
    uint32_t mark;          /* a colon in the gap */
    uint16_t depth;         /* of the array's elements */
    uint32_t slot;          /* which one this is */
    uint64_t used, written; /* when: clocks */
    uint32_t texts_n;
    struct known_text texts[KNOWN_PARTS]; /* of tools: known_tools */
    struct walked walked;                 /* messages: n counts message 0, the rest does not */
    uint64_t digest[EXCHANGE_RECENT];     /* of the message at position % EXCHANGE_RECENT; 0 */
};

/* A known part of the text in work that was left out of its index. */
struct known_issued {
    struct known what;
    enum known_kind kind;
    const char *gap;
    bool taken;
};

struct exchange_reader {
    struct symbols *symbols;
    struct exchange_room *budget, own;
    const struct harness_rules *rules;
    struct hash_key key;
    bool repository_names;

    /* Remembered from call to call. */
    struct offer_slot offers[CACHE_SLOTS];
    struct system_slot systems[CACHE_SLOTS];
    struct name_slot names[NAME_SLOTS];
    struct opening_slot openings[OPENING_SLOTS];
    struct known known[KNOWN_KINDS][KNOWN_SLOTS];
    struct known_text known_tools[KNOWN_SLOTS_FEW][KNOWN_TOOLS_MAX];
    uint64_t known_clock;
    /* Of the text that was asked about. */
    struct str asked;
    struct known_issued issued[KNOWN_ISSUED];
    size_t issued_n;

    /* Of the call that is read. */
    struct exchange x;
    struct harness_verdict verdict;      /* of system blocks, principal, user id */
    struct harness_verdict last_verdict; /* of the last user block */
    bool failed;                         /* memory was short */
    bool seen_tools, seen_system, seen_messages;
    bool billing_subagent;
    int64_t max_tokens;
    struct str version, entrypoint;
    char label[2][EXCHANGE_NAME_MAX]; /* what they point to */
    char session[SESSION_ID_MAX];
    struct str only_text; /* text of the only message, when there is one */

    struct tool_entry tools[OFFER_TOOLS];
    uint32_t tools_n;
    uint64_t tools_hash;
    struct listing listings[LISTINGS];
    uint32_t listings_n;
    uint64_t listings_hash;
    struct offer_slot *offer; /* of this call; NULL until worked out */
    struct str separator;     /* in names of tools of this harness */

    struct found_uses earlier;
    struct open_use open[OPEN_USES];
    int open_n;
    struct tool_use uses[2][EXCHANGE_USES]; /* made, earlier */
    uint32_t commands[EXCHANGE_USES];

    struct buf scratch, text;
    struct arena arena; /* while an offer is worked out */
    struct {
        struct str names[OFFER_ITEMS], loaded[OFFER_TOOLS], servers[OFFER_SERVERS];
        struct offer_item items[OFFER_ITEMS];
    } room;             /* for the same; pages that no offer needs are never touched */
    struct json *json;  /* for inputs put together from pieces */
    struct json *whole; /* for requests whose index lacks something that must be read */
    bool unknown;       /* such a request */
};

#define KEY_IS(key, literal)                                                                       \
    ((key).n == sizeof(literal) - 1 && memcmp((key).p, literal, sizeof(literal) - 1) == 0)

/* --- exchange_text.c: texts as they stand --- */

/* Without white space before it, or at both ends, escaped or not. */
struct str raw_skip_blank(struct str raw);
struct str raw_trim(struct str raw);
/* The first bytes without white space before them, decoded if they must be, for comparing. */
struct str raw_head(struct str raw, char *room, size_t n);
/* Bytes of the decoded text. */
uint32_t raw_size(struct str raw);
/* The decoded text in r->scratch, at most DECODE_MAX bytes of it. */
struct str raw_decode(struct exchange_reader *r, struct str raw, struct buf *into);
/* Never 0. */
uint64_t raw_hash(const struct exchange_reader *r, uint64_t seed, struct str raw);
/* Of the decoded, trimmed text: what a sub-agent is told. Never 0. */
uint64_t prompt_hash(struct exchange_reader *r, struct str raw, uint64_t known);
/* Hash of a value that does not depend on the order of members, on white space between tokens or
 * on cache_control. */
uint64_t json_hash(struct exchange_reader *r, struct json_cursor *c, int depth);
static inline void add_bytes(uint32_t *sum, size_t n)
{
    *sum = n > UINT32_MAX - *sum ? UINT32_MAX : *sum + (uint32_t)n;
}

/* --- exchange_names.c: names, and what only stands where one should --- */

/* The text when it has the form of a name or is empty; otherwise NOT_A_NAME, counted in *cut. */
struct str fit_text(struct str text, enum name_form form, uint32_t *cut);
/* The same of a raw text: the name borrows from it or from `room`. */
struct str fit_name(struct str raw, enum name_form form, char room[RAW_NAME_MAX], uint32_t *cut);
/* What names of tools make of a server's name: anything but letters, digits, _ and - becomes _.
 * "" when it is too long. */
struct str safe_server(struct str text, char room[EXCHANGE_NAME_MAX]);
/*
 * A server's name, made safe. People may give servers names with blanks; what has not the form of a
 * name is one only when the names of tools bear it too (`known`), otherwise it is NOT_A_NAME and
 * counted.
 */
struct str fit_server(struct str text, const struct str *known, size_t n,
                      char room[EXCHANGE_NAME_MAX], uint32_t *cut);
/* A session id, in r->session: as it is, or a keyed hash when it has not the form of an id, so that
 * its calls still meet. "" when it is too long: two of them could look the same when cut. */
struct str fit_session(struct exchange_reader *r, struct str id);
uint32_t symbol_of_text(struct exchange_reader *r, struct str text);
/* Symbol of a name that fits or a part of one, remembered; 0 for "". */
uint32_t symbol_of_name(struct exchange_reader *r, struct str name);

/* --- exchange_blocks.c --- */

/* The block that is due at *c, which is left behind it. */
void block_read(struct json_cursor *c, struct block *b);
/* Bytes as they stand, without names of members. */
uint32_t block_bytes(const struct block *b);
/* Of normalised content; 0 for BLOCK_MARK. */
uint64_t block_hash(struct exchange_reader *r, const struct block *b);

/* --- exchange_known.c --- */

/* When the next thing in the array that was entered is a gap: steps over it and tells what is
 * known; else NULL. */
const struct known_issued *known_take(struct exchange_reader *r, enum known_kind kind,
                                      struct json_cursor *c);
/* Whether something was left out of the index of this body and not taken. */
bool known_left(struct exchange_reader *r, struct str body);
/* A slot for a part (gap) of the array that begins behind the bracket before `array`, for the
 * caller to fill; NULL when it is not to be remembered. `before`: known of a part that begins at
 * the same place, or NULL. */
struct known *known_remember(struct exchange_reader *r, enum known_kind kind, uint16_t depth,
                             const char *array, struct str gap, const struct known_issued *before);
/* What the array, or the value, that was entered or read last ends with. */
static inline const char *place_behind(const struct json_cursor *c)
{
    return c->p + json_offset_behind(c);
}

/* --- exchange_system.c --- */
void read_system(struct exchange_reader *r, struct json_cursor *c);
void read_metadata(struct exchange_reader *r, struct json_cursor *c);

/* --- exchange_content.c --- */
enum role { ROLE_OTHER, ROLE_USER, ROLE_ASSISTANT };

enum mode {
    LIGHT, /* bytes as they stand */
    FIRST, /* message 0, when it is not in the tail */
    TAIL,
};

/* What one message amounts to. */
struct message {
    enum mode mode;
    enum role role;
    bool has_result, continued;
    bool marked;              /* holds a mark of the cache */
    uint32_t bytes;           /* as they stand, without listings */
    uint32_t human, typed;    /* blocks; typed ones count where no tool result stands beside them */
    uint32_t commands, media; /* commands: since the last local output */
    uint32_t interrupts;
    uint32_t typed_bytes; /* decoded */
    struct str last;      /* last block when it is a text, as it stands */
};

/* Walks the content that is due, of a message whose mode and role are set. */
void read_content(struct exchange_reader *r, struct json_cursor *c, struct message *m);

/* --- exchange_messages.c --- */
void read_messages(struct exchange_reader *r, struct json_cursor *c);

/* --- exchange_tools.c --- */
void read_tools(struct exchange_reader *r, struct json_cursor *c);
/* A listing found in the messages. */
void add_listing(struct exchange_reader *r, struct str raw, uint64_t hash, enum harness_mark mark);
/* Works out r->offer, once all tools and listings are known. */
void find_offer(struct exchange_reader *r);

/* --- exchange_offer.c --- */
/* The working directory that a line names; 0 when it names none. */
uint32_t line_directory(struct exchange_reader *r, struct str line);
void make_offer(struct exchange_reader *r, struct offer_slot *slot);

/* --- exchange_uses.c --- */
struct mcp_name {
    struct str server, tool;
    bool is;
};
/* Splits the name of a tool; `servers` are known ones, longest first. */
struct mcp_name mcp_split(struct str name, const struct str *servers, size_t n,
                          struct str separator);
/* Hash of the id of a use; 0 when it has none. */
static inline uint64_t use_id(const struct exchange_reader *r, struct str id)
{
    return id.n ? raw_hash(r, SEED_ID, id) : 0;
}
/* Gives a use its kind, names and hashes. */
void name_use(struct exchange_reader *r, const struct found_use *f, struct tool_use *u);
/* A use that the answer makes, whole. */
void make_use(struct exchange_reader *r, const struct found_use *f);

/* --- exchange_answer.c --- */
void read_answer(struct exchange_reader *r, struct json_cursor *c);

#endif
