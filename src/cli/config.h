/*
 * assay.yaml: what `assay serve` reads, keeps and shows. This is the file as a struct, with every
 * default filled in, so that whoever runs something never asks "was it given?".
 *
 *     struct config *c;
 *     int code = config_open(given, &c);         given: the argument of -c, or NULL
 *     if (code != EXIT_DONE)
 *         return code;                           everything was said on standard error
 *     for (int i = 0; i < c->sources_n; i++) …
 *     config_close(c);
 *
 * The keys stand in one table (config_schema.c), from which parsing, messages, `assay config
 * example`, `assay config show` and the page assay.yaml(5) are made. All mistakes of a file are
 * told, not only the first, as `assay.yaml:12: sources[2].pol: unknown key; did you mean poll?`.
 *
 * Everything in a struct config lives as long as the struct. It is not changed after it was read,
 * so any thread may look at it.
 */
#ifndef ASSAY_CLI_CONFIG_H
#define ASSAY_CLI_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

enum {
    CONFIG_FILE_MAX = 1 << 20, /* bytes of a file */
    CONFIG_SOURCES_MAX = 256,
    CONFIG_LIST_MAX = 32, /* entries of any other list; as many as options may be repeated */
    CONFIG_MISTAKES_SHOWN = 20,
};

struct config_list {
    const char **v;
    int n;
};

enum config_kind { CONFIG_S3, CONFIG_SQS, CONFIG_CLOUDWATCH, CONFIG_PUSH, CONFIG_KINDS };

/* A text that was not given is NULL, unless something else is said. */
struct config_source {
    enum config_kind kind; /* by the form of url; push has none, but listen */
    const char *name;      /* never NULL, unique, only letters, digits and ._:/- */
    /* s3://bucket[/prefix], https://host/account/queue, cloudwatch:GROUP; of push NULL. */
    const char *url;
    const char *profile, *region; /* where NULL, not even the file's top says one */
    const char *role_arn, *external_id;
    struct config_list body_buckets; /* names, without s3:// */
    /* sqs: the only ones whose objects are read; none: any. Where none were given, those of the
     * other sources. */
    struct config_list buckets;
    bool requester_pays;
    int64_t poll_s;    /* s3, cloudwatch: between two looks; 0 for the others */
    int64_t window_s;  /* s3: how far back hours are listed again; 0 for the others */
    int64_t overlap_s; /* cloudwatch: how far back events are asked for again; 0 for the others */
    int64_t since_us;  /* s3, cloudwatch: nothing from before; TIME_NONE: from the beginning */
    int64_t rate;      /* s3, cloudwatch: requests per second; 0: the source's own choice */
    /* push; files are openable paths. */
    const char *listen;            /* host:port, [ipv6]:port */
    const char *certificate, *key; /* both or none; none only where it listens on loopback */
    const char *access_key_file;   /* NULL only where it listens on loopback */
    int64_t max_body;              /* bytes of a request, also inflated; 0 for the others */
    int64_t line;                  /* of the file, for messages */
};

enum config_log { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum config_log_level { CONFIG_ERROR, CONFIG_WARNING, CONFIG_INFO, CONFIG_DEBUG };

struct config {
    const char *path;  /* of the file itself, as it was given or found */
    const char *store; /* never NULL */
    bool store_is_default;
    const char *level;                             /* "counts" or "content", as --level */
    const char *profiles, *prices, *harness_rules; /* paths or NULL, as the options */
    struct config_list discounts;                  /* each one right for pricing_discount */
    bool repository_names;
    bool resolve_profiles; /* ask AWS about application inference profiles that are not known */
    int64_t threads;       /* 1 to 64 */
    int64_t max_line, max_inflated, max_ratio; /* as the options, never 0 */
    const char *profile, *region;  /* of all sources that do not say otherwise; already in them */
    struct config_source *sources; /* at least one */
    int sources_n;
    const char *status_listen;                  /* host:port; NULL: off */
    int64_t keep_facts_days, keep_rollups_days; /* 0: for ever */
    enum config_log log;
    enum config_log_level log_level;
    struct arena arena; /* private: where all of the above lives */
};

/* What was found in a file: whole lines, at most CONFIG_MISTAKES_SHOWN mistakes and a line that
 * counts the rest. Values that could be a secret or a text are not in them. */
struct config_findings {
    struct buf mistakes, warnings;
    int mistakes_n, warnings_n;
};

void config_findings_init(struct config_findings *f);
void config_findings_fini(struct config_findings *f);

/*
 * The file to read: `given` when it is not NULL, else $ASSAY_CONFIG, else
 * $XDG_CONFIG_HOME/assay/assay.yaml (~/.config), else /etc/assay/assay.yaml; of the last two the
 * first that is there. ERR_USAGE: there is none; the message names the places.
 */
enum status config_find(const char *given, struct buf *path, struct err *err) MUST_USE;

/*
 * Reads and checks a file; other files that it names are looked at, too, but not read. ERR_PARSE:
 * it has mistakes, which stand in `f`, or (then there is none) it is too large. ERR_USAGE,
 * ERR_ACCESS, ERR_IO: it could not be read; `err` says why. Warnings may stand in `f` whenever it
 * is OK.
 */
enum status config_read_file(const char *path, struct config **out, struct config_findings *f,
                             struct err *err) MUST_USE;
/* As above for a text; `files` off: nothing outside of the text is looked at. now_us is what
 * `since: 30d` counts from. */
enum status config_read_text(struct str text, const char *path, bool files, int64_t now_us,
                             struct config **out, struct config_findings *f,
                             struct err *err) MUST_USE;
void config_close(struct config *c);

/* config_find and config_read_file for a command: prints warnings, mistakes and failures to
 * standard error and returns an exit code; *out is only written with EXIT_DONE. */
int config_open(const char *given, struct config **out);

/* -c FILE, for all commands with a configuration; `file` is a const char **. */
/* clang-format off */
#define CONFIG_OPTIONS(file)                                                                       \
    {"c", OPTION_TEXT, (file), "FILE", "the configuration; default: see assay.yaml(5)"},           \
    {"config", OPTION_TEXT, (file), "FILE", "the same"}
/* clang-format on */

/* What of it goes into a struct reading, for reading_open; `r` borrows from it. */
struct reading;
void config_reading(const struct config *c, struct reading *r);

/* Makes the directory of the store, with those above it that are missing (mode 0700). */
enum status config_make_state(const struct config *c, struct err *err) MUST_USE;

/* "s3", "sqs", "cloudwatch", "push". */
const char *config_kind_name(enum config_kind kind);
/* host is 127.0.0.0/8, [::1] or localhost. */
bool config_is_loopback(const char *listen);

/* "30s", "5m", "48h", "7d". */
void config_put_duration(struct buf *out, int64_t s);

/* The complete, commented file with the defaults, and the effective values of one. */
void config_write_example(struct buf *out);
void config_write(const struct config *c, struct buf *out);

#endif
