/* Pools of generated text: see text.h. */
#include "sim/text.h"

#include "sim/words.h"

#include <stdlib.h>

enum {
    POOL_BYTES = 2 << 20,
    SHORTEST_LINE = 4, /* for counting how many lines can fit */
    TOPIC_BYTES = 40 << 10,
    RECENT_LINES = 40,
    TOPIC_NAMES = 80,
    TOPIC_PHRASES = 200,
};

/* Escapes as common JSON writers do: short forms, \u00XX for other controls, UTF-8 as it is. */
static void add_escaped(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '"' || c == '\\') {
            buf_char(b, '\\');
            buf_char(b, c);
        } else if (c == '\t') {
            buf_append(b, "\\t", 2);
        } else if ((unsigned char)c < 0x20) {
            buf_printf(b, "\\u%04x", (unsigned)c);
        } else {
            buf_char(b, c);
        }
    }
}

static void add_word(struct buf *b, const char *word)
{
    add_escaped(b, word, strlen(word));
}

/* Commoner words stand first in the list; the square of a uniform draw prefers them. */
static const char *common_word(struct rng *r)
{
    uint32_t x = rng_below(r, 1 << 16);
    return WORDS_TEXT.v[((uint64_t)x * x * WORDS_TEXT.n) >> 32];
}

static void make_identifier(struct buf *b, struct rng *r, bool type_name)
{
    uint32_t parts = rng_between(r, 1, 2);
    bool snake = !type_name && rng_one_in(r, 2);
    for (uint32_t i = 0; i < parts; i++) {
        const char *word = words_pick(&WORDS_CODE, r);
        bool capital = type_name || (i > 0 && !snake);
        if (i > 0 && snake)
            buf_char(b, '_');
        buf_char(b, capital ? (char)(word[0] - 'a' + 'A') : word[0]);
        buf_append(b, word + 1, strlen(word + 1));
    }
}

/*
 * What some pages of text are about. Real sources and notes repeat their own names and turns of
 * phrase; texts drawn word by word would compress far worse than logs do.
 */
struct topic {
    struct buf bytes;
    struct span {
        uint32_t at, n;
    } name[TOPIC_NAMES], type[TOPIC_NAMES], phrase[TOPIC_PHRASES];
};

static struct span since(const struct buf *b, size_t at)
{
    return (struct span){(uint32_t)at, (uint32_t)(b->n - at)};
}

static void make_topic(struct topic *t, struct rng *r)
{
    struct buf *b = &t->bytes;
    buf_rewind(b);
    for (int i = 0; i < TOPIC_NAMES; i++) {
        size_t at = b->n;
        make_identifier(b, r, false);
        t->name[i] = since(b, at);
        at = b->n;
        make_identifier(b, r, true);
        t->type[i] = since(b, at);
    }
    for (int i = 0; i < TOPIC_PHRASES; i++) {
        size_t at = b->n;
        for (uint32_t n = rng_between(r, 3, 9); n; n--) {
            add_word(b, common_word(r));
            buf_append(b, " ", n > 1);
        }
        t->phrase[i] = since(b, at);
    }
}

static void add_span(struct buf *b, const struct topic *t, struct span s)
{
    buf_append(b, t->bytes.p + s.at, s.n);
}

/* Few of a topic's names carry most of its lines. */
static struct span favourite(struct rng *r, const struct span *list, uint32_t n)
{
    return list[rng_skewed(r, 0, n - 1)];
}

static void add_path(struct buf *b, struct rng *r)
{
    static const char *const ends[] = {".ts", ".py", ".c", ".go", "_test.go", ".test.ts", ".md"};
    buf_printf(b, "src/%s/%s_%s%s", words_pick(&WORDS_CODE, r), words_pick(&WORDS_CODE, r),
               words_pick(&WORDS_CODE, r), ends[rng_below(r, 7)]);
}

static void add_placeholder(struct buf *b, struct rng *r, const struct topic *topic, char what)
{
    switch (what) {
    case 'i':
        add_span(b, topic, favourite(r, topic->name, TOPIC_NAMES));
        break;
    case 'C':
        add_span(b, topic, favourite(r, topic->type, TOPIC_NAMES));
        break;
    case 'w':
        add_word(b, common_word(r));
        break;
    case 'n':
        buf_printf(b, "%u", rng_skewed(r, 1, 999));
        break;
    case 'p':
        add_path(b, r);
        break;
    case 'h':
        buf_printf(b, "%07x", rng_below(r, 1 << 28));
        break;
    default:
        buf_char(b, what);
    }
}

static void add_template(struct buf *b, struct rng *r, const struct topic *topic, const char *t)
{
    for (; *t; t++) {
        if (*t == '%' && t[1])
            add_placeholder(b, r, topic, *++t);
        else
            add_escaped(b, t, 1);
    }
}

static void add_sentence(struct buf *b, struct rng *r, const struct topic *topic)
{
    for (uint32_t n = rng_between(r, 2, 5), i = 0; i < n; i++) {
        if (i)
            buf_char(b, ' ');
        if (rng_one_in(r, 9)) {
            buf_char(b, '`');
            add_span(b, topic, favourite(r, topic->name, TOPIC_NAMES));
            buf_char(b, '`');
        } else if (rng_one_in(r, 7)) {
            add_word(b, common_word(r));
        } else {
            add_span(b, topic, favourite(r, topic->phrase, TOPIC_PHRASES));
        }
    }
}

static void add_sentences(struct buf *b, struct rng *r, const struct topic *topic)
{
    if (rng_one_in(r, 5))
        buf_append(b, "- ", 2);
    else if (rng_one_in(r, 16))
        buf_append(b, "## ", 3);
    for (uint32_t sentences = rng_between(r, 1, 2); sentences; sentences--) {
        add_sentence(b, r, topic);
        buf_append(b, ". ", sentences > 1 ? 2 : 1);
    }
}

/* Per cent of lines that stand a little above already: closing braces and boilerplate, tables and
 * logs. Chosen so that gzip -6 makes a file of whole records about four times smaller, a little
 * more than C sources (3.9) and English documentation (2.5 to 2.9), for a request is both and JSON.
 */
static const uint32_t repeated[TEXT_KINDS] = {
    [TEXT_PROSE] = 4,
    [TEXT_CODE] = 15,
    [TEXT_OUTPUT] = 20,
};

static void repeat_line(struct text_pool *pool, struct rng *r)
{
    uint32_t i = pool->lines_n - 1 - rng_below(r, RECENT_LINES);
    struct buf *b = &pool->bytes;
    uint32_t n = pool->line[i + 1] - pool->line[i] - 2;
    if (buf_reserve(b, n))
        buf_append(b, b->p + pool->line[i], n);
}

static enum status make_pool(struct text_pool *pool, enum text_kind kind, struct rng *r,
                             struct err *err)
{
    struct buf *b = &pool->bytes;
    buf_init(b, POOL_BYTES + (64 << 10));
    pool->line = malloc((POOL_BYTES / SHORTEST_LINE + 2) * sizeof *pool->line);
    if (!pool->line)
        return err_nomem(err);
    struct topic topic;
    buf_init(&topic.bytes, TOPIC_BYTES);
    for (size_t next_topic = 0;
         b->n < POOL_BYTES && buf_status(b) == OK && buf_status(&topic.bytes) == OK;) {
        size_t start = b->n;
        if (start >= next_topic) {
            make_topic(&topic, r);
            next_topic += TOPIC_BYTES;
        }
        if (pool->lines_n > RECENT_LINES && rng_below(r, 100) < repeated[kind])
            repeat_line(pool, r);
        else if (kind == TEXT_PROSE)
            add_sentences(b, r, &topic);
        else
            add_template(b, r, &topic,
                         words_pick(kind == TEXT_CODE ? &WORDS_LINES : &WORDS_OUTPUT, r));
        buf_append(b, "\\n", 2);
        /* Very short lines belong to the line before: slices shall have something in them. */
        if (b->n - start >= 16 || pool->lines_n == 0)
            pool->line[pool->lines_n++] = (uint32_t)start;
        pool->line[pool->lines_n] = (uint32_t)b->n;
    }
    bool ok = buf_status(b) == OK && buf_status(&topic.bytes) == OK;
    buf_fini(&topic.bytes);
    return ok ? OK : err_nomem(err);
}

enum status text_init(struct text *t, uint64_t seed, struct err *err)
{
    *t = (struct text){0};
    for (int kind = 0; kind < TEXT_KINDS; kind++) {
        struct rng r;
        rng_seed(&r, seed, UINT64_C(0x7e87) + (uint64_t)kind);
        enum status status = make_pool(&t->pool[kind], (enum text_kind)kind, &r, err);
        if (status != OK) {
            text_fini(t);
            return status;
        }
    }
    return OK;
}

void text_fini(struct text *t)
{
    for (int kind = 0; kind < TEXT_KINDS; kind++) {
        buf_fini(&t->pool[kind].bytes);
        free(t->pool[kind].line);
        t->pool[kind].line = NULL;
    }
}

/* The first line that begins at or behind `offset`. */
static uint32_t line_behind(const struct text_pool *pool, size_t offset)
{
    uint32_t low = 0, high = pool->lines_n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pool->line[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct str text_take(const struct text *t, enum text_kind kind, struct rng *r, size_t n)
{
    const struct text_pool *pool = &t->pool[kind];
    if (n > POOL_BYTES / 2)
        n = POOL_BYTES / 2;
    uint32_t from = rng_below(r, line_behind(pool, POOL_BYTES - n));
    uint32_t to = line_behind(pool, pool->line[from] + n);
    if (to > from + 1 && pool->line[to] - pool->line[from] > n)
        to--;
    if (to == from)
        to++;
    /* Without the escaped newline at the end. */
    return str_of(pool->bytes.p + pool->line[from], pool->line[to] - pool->line[from] - 2);
}

void text_append(const struct text *t, enum text_kind kind, struct rng *r, size_t n,
                 struct buf *out)
{
    size_t done = 0;
    while (done < n) {
        struct str s = text_take(t, kind, r, n - done);
        if (done)
            buf_append(out, "\\n", 2);
        buf_str(out, s);
        done += s.n + 2;
    }
}

/* Escapes are those of add_escaped: \u00XX stands for one byte, every other one has two. */
uint32_t text_decoded(struct str escaped)
{
    size_t n = 0;
    for (size_t i = 0; i < escaped.n; i++, n++)
        if (escaped.p[i] == '\\' && ++i < escaped.n && escaped.p[i] == 'u')
            i += 4;
    return (uint32_t)n;
}
