/* Shared by config*.c: the table of keys, and what is under way while a file is read. */
#ifndef ASSAY_CLI_CONFIG_INTERNAL_H
#define ASSAY_CLI_CONFIG_INTERNAL_H

#include "cli/config.h"
#include "codec/yaml_tree.h"

/* What a value is; value_types (config_value.c) has the words for it. */
enum config_type {
    TYPE_TEXT,
    TYPE_NAME,   /* of a source */
    TYPE_URL,    /* of a source; its kind hangs on it */
    TYPE_PATH,   /* relative to the file; made absolute */
    TYPE_SECRET, /* a path, too, but never shown in a message */
    TYPE_REGION,
    TYPE_ROLE,             /* ARN of a role */
    TYPE_ADDRESS,          /* host:port */
    TYPE_SWITCHED_ADDRESS, /* as above, or off: NULL */
    TYPE_WORD,             /* one of `words`, kept as text */
    TYPE_CHOICE,           /* one of `words`, kept as its number (an enum) */
    TYPE_FLAG,             /* bool */
    TYPE_COUNT,            /* this and the next are int64_t */
    TYPE_SIZE,
    TYPE_DURATION, /* seconds */
    TYPE_DAYS,     /* 0: for ever */
    TYPE_TIME,     /* microseconds, or TIME_NONE */
    TYPE_BUCKETS,  /* struct config_list */
    TYPE_DISCOUNTS,
    TYPE_SOURCES,
};

/* Where a key may stand. */
enum {
    OF_S3 = 1 << CONFIG_S3,
    OF_SQS = 1 << CONFIG_SQS,
    OF_CLOUDWATCH = 1 << CONFIG_CLOUDWATCH,
    OF_PUSH = 1 << CONFIG_PUSH,
    OF_SOURCES = OF_S3 | OF_SQS | OF_CLOUDWATCH | OF_PUSH,
    OF_TOP = 1 << CONFIG_KINDS,
};

struct config_key {
    const char *name;
    enum config_type type;
    unsigned of;
    size_t offset;        /* in struct config or struct config_source */
    const char *fallback; /* the default as one would write it; NULL: none */
    int64_t least, most;  /* of numbers, in the unit of the field */
    const char *words;    /* "text|json" */
    const char *sample;   /* for the example where there is no default */
    const char *help;     /* one line, without a full stop */
};

extern const struct config_key config_keys[];
enum { CONFIG_KEYS = 39 };
const struct config_key *config_key_find(struct str name, unsigned of);

struct config_finding {
    int64_t line;
    const char *text; /* the whole line, in the arena of the config */
};

struct config_reading {
    struct config *c;
    bool files;
    int64_t now_us;
    const char *directory; /* absolute where the system tells, no slash at the end */
    int64_t top_lines[CONFIG_KEYS];
    int64_t (*lines)[CONFIG_KEYS]; /* of each source, by index of the key; 0: not given */
    struct config_finding mistakes[CONFIG_MISTAKES_SHOWN], warnings[CONFIG_MISTAKES_SHOWN];
    int mistakes_n, warnings_n; /* all of them, also those without room */
    bool no_memory;
};

/* What a message is about: a key of the top (source < 0) or of a source; key may be "". */
#define CONFIG_PLACE 96
const char *config_place(char out[CONFIG_PLACE], int source, const char *key);
void config_mistake(struct config_reading *r, int64_t line, const char *place, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void config_warning(struct config_reading *r, int64_t line, const char *place, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* A copy in the arena; "" and no_memory when there is none. */
const char *config_keep(struct config_reading *r, struct str text);

/* Reads a written value into the field of `base` (struct config or config_source). */
struct config_spot {
    const struct config_key *key;
    void *base;
    int64_t line;
    const char *place;
};
void config_value(struct config_reading *r, const struct config_spot *s,
                  const struct yaml_node *node);
/* As above for the table's own defaults. */
void config_default(struct config_reading *r, const struct config_key *key, void *base);
/* The field as one would write it; false when there is nothing to write. Not for lists. */
bool config_value_text(const struct config_key *key, const void *base, struct buf *out);
/* "from 1s to 1d", for messages and the manual; false when any is right. */
bool config_range_text(const struct config_key *key, struct buf *out);
/* "a time such as 30s or 5m". */
const char *config_wanted(enum config_type type);
static inline bool config_is_list(enum config_type type)
{
    return type >= TYPE_BUCKETS;
}
/* Forms, see config_form.c. The kind that a URL shows by its beginning; CONFIG_KINDS: none. */
enum config_kind config_url_kind(struct str url);
bool config_bucket_is_name(struct str name);
bool config_is_address(struct str text);
/* What a text of a type should be; NULL when it is. */
const char *config_text_fault(enum config_type type, struct str text);

/* What no single value tells: see config_check.c. */
void config_check(struct config_reading *r);

#endif
