/* Options in common of the commands that read logs: see reading.h. */
#include "cli/reading.h"

#include "base/io.h"

#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Notes on standard error before it only counts: enough to see what is wrong. */
enum { TROUBLES_SHOWN = 5 };

void reading_init(struct reading *r)
{
    *r = (struct reading){.level = "content", .quarantine_fd = -1};
    remote_init(&r->remote);
}

void reading_fini(struct reading *r)
{
    source_close(r->source);
    free(r->files);
    remote_fini(&r->remote);
    series_free(r->series);
    symbols_free(r->symbols);
    pricing_free(r->pricing);
    harness_rules_free(r->rules);
    if (r->quarantine_fd != STDERR_FILENO)
        io_close(r->quarantine_fd);
}

enum status reading_file(const char *path, struct buf *out, struct err *err)
{
    buf_init(out, (size_t)16 << 20);
    enum status status = io_read_file(path, out, err);
    if (status != OK)
        buf_fini(out);
    /* A file named on the command line that is not there is a mistake of usage. */
    if (status == ERR_NOT_FOUND && err)
        err->status = ERR_USAGE;
    return status == ERR_NOT_FOUND ? ERR_USAGE : status;
}

typedef enum status (*pricing_part)(struct pricing *, struct str, const char *, struct err *);

static enum status load_part(struct reading *r, const char *path, pricing_part part,
                             struct err *err)
{
    if (!path)
        return OK;
    struct buf text;
    TRY(reading_file(path, &text, err));
    enum status status = part(r->pricing, buf_view(&text), path, err);
    buf_fini(&text);
    return status;
}

static enum status load_rules(struct reading *r, struct err *err)
{
    if (!r->harness_rules)
        return harness_rules_new(STR(""), "", &r->rules, err);
    struct buf text;
    TRY(reading_file(r->harness_rules, &text, err));
    enum status status = harness_rules_new(buf_view(&text), r->harness_rules, &r->rules, err);
    buf_fini(&text);
    return status;
}

static enum status open_quarantine(struct reading *r, struct err *err)
{
    if (!r->quarantine)
        return OK;
    if (strcmp(r->quarantine, "-") == 0) {
        r->quarantine_fd = STDERR_FILENO;
        return OK;
    }
    r->quarantine_fd = open(r->quarantine, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (r->quarantine_fd < 0)
        return err_errno(err, errno, "cannot create %.200s", r->quarantine);
    return OK;
}

int reading_threads(const struct reading *r)
{
    if (r->threads > 0)
        return r->threads > CREW_MAX ? CREW_MAX : (int)r->threads;
    for (int i = 0; i < r->operands_n; i++)
        if (remote_is(r->operands[i]))
            return REMOTE_THREADS;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > 16 ? 16 : (int)online;
}

/* Files up to this size are inflated in one go. Each thread needs five times as much memory, and
 * all together are to stay within some 40 MiB. */
static size_t whole_files(int threads)
{
    const size_t all = (size_t)8 << 20, most = (size_t)4 << 20;
    size_t each = all / (size_t)threads;
    return each < most ? each : most;
}

enum status reading_open(struct reading *r, char *const *operands, int n, struct err *err)
{
    r->operands = operands;
    r->operands_n = n;
    bool counts = strcmp(r->level, "counts") == 0;
    if (!counts && strcmp(r->level, "content") != 0)
        return err_set(err, ERR_USAGE, "--level is counts or content, not '%.40s'", r->level);
    if (r->max_line && (r->max_line < 1024 || r->max_line > INT64_C(1) << 31))
        return err_set(err, ERR_USAGE, "--max-line is from 1k to 2G");
    if (r->max_ratio > UINT32_MAX)
        return err_set(err, ERR_USAGE, "--max-ratio is too large");
    TRY(pricing_new(&r->pricing, err));
    TRY(load_part(r, r->prices, pricing_override, err));
    TRY(load_part(r, r->profiles, pricing_profiles, err));
    for (int i = 0; i < r->discounts.n; i++)
        TRY(pricing_discount(r->pricing, str_from(r->discounts.v[i]), err));
    TRY(load_rules(r, err));
    TRY(open_quarantine(r, err));
    TRY(symbols_new(&r->symbols, err));
    TRY(series_new(r->symbols, &r->series, err));
    exchange_room_init(&r->room);
    r->env = (struct intake_env){
        .series = r->series,
        .pricing = r->pricing,
        .key = hash_key_random(),
        .detail = counts ? DETAIL_COUNTS : DETAIL_CONTENT,
        .limits = {(size_t)r->max_line, (uint64_t)r->max_inflated, (uint32_t)r->max_ratio,
                   whole_files(reading_threads(r))},
        .repository_names = r->repository_names,
        .room = &r->room,
        .rules = r->rules,
    };
    r->progress_wanted = !r->quiet && isatty(STDERR_FILENO);
    r->started_us = clock_monotonic_us();
    return OK;
}

/* The operands that are files as one source, and each of the others as another. */
static enum status make_sources(struct reading *r, char **files, struct source **made, int *n,
                                struct err *err)
{
    int files_n = 0;
    for (int i = 0; i < r->operands_n; i++) {
        if (!remote_is(r->operands[i])) {
            files[files_n++] = r->operands[i];
            continue;
        }
        TRY(remote_source(&r->remote, r->operands[i], &made[*n], err));
        (*n)++;
    }
    if (files_n == 0 && *n > 0)
        return OK;
    TRY(source_local_new(files, files_n, &made[*n], err));
    (*n)++;
    return OK;
}

enum status reading_source(struct reading *r, struct err *err)
{
    enum { AHEAD = 1024 };
    int n = 0;
    struct source **made = calloc((size_t)r->operands_n + 1, sizeof *made);
    r->files = calloc((size_t)r->operands_n + 1, sizeof *r->files);
    enum status status =
        made && r->files ? make_sources(r, r->files, made, &n, err) : err_nomem(err);
    if (status == OK && (n > 1 || remote_is(r->operands[0])))
        status = source_several_new(made, n, AHEAD, &r->source, err);
    else if (status == OK)
        r->source = made[0];
    for (int i = 0; i < n && status != OK; i++)
        source_close(made[i]);
    free(made);
    return status;
}

void reading_want_exchange(struct reading *r)
{
    r->env.exchange = true;
}

void reading_use_key(struct reading *r, struct hash_key key)
{
    r->env.key = key;
}

uint32_t reading_fingerprint(const struct reading *r)
{
    const uint64_t parts[] = {
        pricing_fingerprint(r->pricing),
        (uint64_t)r->env.detail,
        (uint64_t)r->max_line,
        (uint64_t)r->max_inflated,
        (uint64_t)r->max_ratio,
        harness_rules_fingerprint(r->rules),
        r->repository_names,
    };
    return (uint32_t)hash64((struct hash_key){0, 0}, parts, sizeof parts);
}

/* Names of files are hostile too: control bytes must not reach the terminal. */
static size_t printable(char *out, size_t cap, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < cap; text++)
        out[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    out[n] = '\0';
    return n;
}

static void clear_progress(struct reading *r)
{
    if (r->progress_shown)
        fputs("\r\033[K", stderr);
    r->progress_shown = false;
}

void reading_note(void *ctx, struct str text)
{
    struct reading *r = ctx;
    clear_progress(r);
    while (!r->quiet && text.n > 0) {
        struct str line = str_cut(&text, '\n');
        fprintf(stderr, "assay: %.*s\n", STR_ARG(line));
    }
}

void reading_trouble(void *ctx, const struct crew_trouble *t)
{
    struct reading *r = ctx;
    char path[1024], line[1280];
    printable(path, sizeof path, t->path);
    int n = t->offset >= 0 ? snprintf(line, sizeof line, "%s:%lld: %s\n", path,
                                      (long long)t->offset, t->reason)
                           : snprintf(line, sizeof line, "%s: %s\n", path, t->reason);
    if (n < 0)
        return;
    size_t length = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (r->quarantine_fd >= 0) {
        /* The list is a help; that it cannot be written must not stop the count. */
        if (r->quarantine_fd == STDERR_FILENO)
            clear_progress(r);
        if (io_write_all(r->quarantine_fd, line, length, "the list", NULL) != OK)
            r->quarantine_fd = -1;
        return;
    }
    if (r->quiet || r->troubles_shown > TROUBLES_SHOWN)
        return;
    clear_progress(r);
    if (r->troubles_shown++ == TROUBLES_SHOWN)
        fputs("assay: … more of that; --quarantine FILE lists all\n", stderr);
    else
        fprintf(stderr, "assay: %.*s", (int)length, line);
}

/* What is left of the run, if it goes on as it went so far; "" while that says nothing. */
static void put_left(struct buf *out, int64_t elapsed_ms, int64_t position)
{
    const int64_t million = 1000000, least = 10000;
    if (position < least || position >= million || elapsed_ms < 2000)
        return;
    int64_t s = elapsed_ms * (million - position) / position / 1000 + 1;
    if (s < 3600)
        buf_printf(out, " ~%lld:%02lld left", (long long)(s / 60), (long long)(s % 60));
    else
        buf_printf(out, " ~%lldh %02lldm left", (long long)(s / 3600), (long long)(s / 60 % 60));
}

static void put_bar(struct buf *out, int64_t elapsed_ms, const struct crew_progress *p)
{
    enum { CELLS = 16, PERCENT = 10000, CELL = 1000000 / CELLS };
    static const char spinner[] = "|/-\\";
    if (p->position < 0) {
        buf_printf(out, "%c reading:", spinner[elapsed_ms / 200 % 4]);
        return;
    }
    size_t full = (size_t)(p->position / CELL);
    buf_char(out, '[');
    buf_fill(out, '#', full);
    buf_fill(out, '.', CELLS - full);
    buf_printf(out, "] %s%lld%%", p->estimated ? "~" : "", (long long)(p->position / PERCENT));
    put_left(out, elapsed_ms, p->position);
    buf_char(out, ',');
}

/* A line that wraps could not be taken back. */
static size_t terminal_width(void)
{
    enum { USUAL = 80 };
    struct winsize size;
    bool told = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return told ? size.ws_col : USUAL;
}

static void show_progress(void *ctx, const struct crew_progress *p)
{
    struct reading *r = ctx;
    int64_t elapsed_ms = (clock_monotonic_us() - r->started_us) / 1000;
    if (p->finished) {
        clear_progress(r);
        return;
    }
    if (elapsed_ms < 500)
        return;
    char room[256];
    struct buf line;
    buf_on(&line, room, sizeof room);
    put_bar(&line, elapsed_ms, p);
    buf_printf(&line, " %lld files, %lld MB, %lld records (%lld/s)", (long long)p->files,
               (long long)(p->bytes / 1000000), (long long)p->records,
               (long long)(p->records * 1000 / elapsed_ms));
    size_t width = terminal_width();
    fprintf(stderr, "\r\033[K%.*s", (int)(line.n < width ? line.n : width - 1), line.p);
    fflush(stderr);
    r->progress_shown = true;
}

reading_watcher reading_progress(const struct reading *r)
{
    return r->progress_wanted ? show_progress : NULL;
}
