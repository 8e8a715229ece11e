/* Metrics as text: see metrics.h. What there is stands in two tables. */
#include "report/metrics.h"

#include "base/io.h"
#include "codec/jsonw.h"

#include <sys/resource.h>
#include <unistd.h>

enum kind { COUNTER, GAUGE, SECONDS /* a gauge: an instant */, CPU /* a counter of time */ };

struct row {
    const char *name, *help;
    enum kind kind;
    size_t at; /* of an int64_t in the structure */
};

#define PROCESS(field) offsetof(struct metrics, field)
static const struct row process[] = {
    {"items_read_total", "Files, objects and deliveries read.", COUNTER, PROCESS(items)},
    {"read_bytes_total", "Bytes read, after decompression.", COUNTER, PROCESS(bytes)},
    {"records_total", "Invocation records decoded.", COUNTER, PROCESS(records)},
    {"invocations_total", "Invocations handed to the store, also those that it had.", COUNTER,
     PROCESS(invocations)},
    {"quarantined_total", "Broken records.", COUNTER, PROCESS(quarantined)},
    {"problems_total", "Things that could not be read or listed.", COUNTER, PROCESS(problems)},
    {"last_commit_timestamp_seconds", "When the store was last written to.", SECONDS,
     PROCESS(committed_us)},
    {"start_timestamp_seconds", "When the process began.", SECONDS, PROCESS(started_us)},
    {"resident_memory_bytes", "Memory of the process.", GAUGE, PROCESS(memory_bytes)},
    {"cpu_seconds_total", "Processor time of the process, user and system.", CPU, PROCESS(cpu_us)},
};

#define SOURCE(field) offsetof(struct source_state, field)
static const struct row source[] = {
    {"source_items_named_total", "Items given out for reading, repeated ones each time.", COUNTER,
     SOURCE(named)},
    {"source_items_kept_total", "Items that were read and are in the store.", COUNTER,
     SOURCE(kept)},
    {"source_items_known_total", "Items that were in the store before, and not read.", COUNTER,
     SOURCE(known)},
    {"source_items_again_total", "Of those kept, items of which bodies were missing.", COUNTER,
     SOURCE(again)},
    {"source_items_failed_total", "Items that could not be read; most are tried again.", COUNTER,
     SOURCE(failed)},
    {"source_refused_total",
     "Requests that a push source refused, and messages that went into quarantine as a whole.",
     COUNTER, SOURCE(refused)},
    {"source_skipped_total", "Things that the server told of and that hold no records.", COUNTER,
     SOURCE(skipped)},
    {"source_bytes_total", "Bytes of the items kept, as delivered.", COUNTER, SOURCE(bytes)},
    {"source_waiting", "Items that wait to be read or committed, as the source estimates.", GAUGE,
     SOURCE(waiting)},
    {"source_oldest_timestamp_seconds", "When the oldest thing in work was sent.", SECONDS,
     SOURCE(oldest_us)},
    {"source_last_success_timestamp_seconds", "When the source last worked.", SECONDS,
     SOURCE(success_us)},
    {"source_last_error_timestamp_seconds", "When it last did not.", SECONDS, SOURCE(error_us)},
    {"source_up_to_timestamp_seconds", "How far the newest thing kept reaches.", SECONDS,
     SOURCE(up_to_us)},
};

void metrics_init(struct metrics *m)
{
    memset(m, 0, sizeof *m);
    m->version = ASSAY_VERSION;
    m->now_us = clock_now_us();
    m->started_us = m->committed_us = TIME_NONE;
    m->store_bytes = m->memory_bytes = m->cpu_us = -1;
}

void metrics_measure(struct metrics *m)
{
    char room[256];
    struct buf text;
    struct rusage used;
    int64_t pages;
    /* Sizes in pages: all of it, then what is resident (proc(5)). */
    buf_on(&text, room, sizeof room);
    if (io_read_file("/proc/self/statm", &text, NULL) == OK) {
        struct str rest = buf_view(&text);
        str_cut(&rest, ' ');
        if (str_to_i64(str_cut(&rest, ' '), &pages))
            m->memory_bytes = pages * sysconf(_SC_PAGESIZE);
    }
    if (getrusage(RUSAGE_SELF, &used) == 0)
        m->cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * US_PER_SECOND +
                    used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* In quotes, with the three escapes that the form has. Other control characters would end the
 * reading of the whole page. */
static void label(struct buf *out, const char *name, const char *value)
{
    char room[1024];
    size_t n = 0;
    for (; value[n] && n < sizeof room; n++) {
        unsigned char c = (unsigned char)value[n];
        room[n] = c < ' ' && c != '\n' ? '?' : (char)c;
    }
    buf_printf(out, "{%s=", name);
    struct jsonw w = jsonw_start(out, 0);
    jsonw_str(&w, str_of(room, n));
    buf_str(out, STR("} "));
}

static void head(struct buf *out, const char *name, const char *help, enum kind kind)
{
    buf_printf(out, "# HELP assay_%s %s\n# TYPE assay_%s %s\n", name, help, name,
               kind == COUNTER || kind == CPU ? "counter" : "gauge");
}

static void value(struct buf *out, enum kind kind, int64_t v)
{
    if (kind == SECONDS || kind == CPU)
        buf_printf(out, "%lld.%06lld\n", (long long)(v / US_PER_SECOND),
                   (long long)(v % US_PER_SECOND));
    else
        buf_printf(out, "%lld\n", (long long)v);
}

static int64_t field(const void *structure, const struct row *row)
{
    int64_t v;
    memcpy(&v, (const char *)structure + row->at, sizeof v);
    return v;
}

static void write_sources(const struct metrics *m, const struct row *row, struct buf *out)
{
    bool begun = false;
    for (int i = 0; i < m->sources_n; i++) {
        const struct source_state *s = &m->sources[i];
        if (!s->name[0] || field(s, row) < 0)
            continue;
        if (!begun)
            head(out, row->name, row->help, row->kind);
        begun = true;
        buf_printf(out, "assay_%s", row->name);
        label(out, "source", s->name);
        value(out, row->kind, field(s, row));
    }
}

static void write_failing(const struct metrics *m, struct buf *out)
{
    if (m->sources_n > 0)
        head(out, "source_failing", "1: the last thing that the source tried did not work.", GAUGE);
    for (int i = 0; i < m->sources_n; i++)
        if (m->sources[i].name[0]) {
            buf_str(out, STR("assay_source_failing"));
            label(out, "source", m->sources[i].name);
            value(out, GAUGE, m->sources[i].failing);
        }
}

void metrics_write(const struct metrics *m, struct buf *out)
{
    struct buf none;
    char room[4096];
    buf_on(&none, room, sizeof room);
    head(out, "info", "The version that runs.", GAUGE);
    buf_str(out, STR("assay_info"));
    label(out, "version", m->version);
    value(out, GAUGE, 1);
    head(out, "healthy", "1: /healthz answers ok.", GAUGE);
    buf_printf(out, "assay_healthy %d\n", metrics_health(m, &none));
    for (size_t i = 0; i < sizeof process / sizeof process[0]; i++) {
        const struct row *row = &process[i];
        if (field(m, row) < 0)
            continue;
        head(out, row->name, row->help, row->kind);
        buf_printf(out, "assay_%s ", row->name);
        value(out, row->kind, field(m, row));
    }
    if (m->started_us >= 0 && m->now_us >= m->started_us) {
        head(out, "uptime_seconds", "How long the process runs.", GAUGE);
        buf_printf(out, "assay_uptime_seconds %lld\n",
                   (long long)((m->now_us - m->started_us) / US_PER_SECOND));
    }
    if (m->store && m->store_bytes >= 0) {
        head(out, "store_bytes", "Size of the store, with its log.", GAUGE);
        buf_str(out, STR("assay_store_bytes"));
        label(out, "path", m->store);
        value(out, GAUGE, m->store_bytes);
    }
    for (size_t i = 0; i < sizeof source / sizeof source[0]; i++)
        write_sources(m, &source[i], out);
    write_failing(m, out);
}

/* An error of long ago that nothing came after, as one wrong key that was sent to a source which
 * waits for deliveries, is no failure that lasts. */
static bool fails_long(const struct metrics *m, int i)
{
    const struct source_state *s = &m->sources[i];
    return s->name[0] && s->failing && m->patience_us[i] > 0 &&
           m->failing_us[i] > m->patience_us[i] && m->now_us - s->error_us <= m->patience_us[i];
}

bool metrics_health(const struct metrics *m, struct buf *out)
{
    bool well = true;
    if (m->failure && m->failure[0]) {
        buf_printf(out, "the store is not written: %s\n", m->failure);
        well = false;
    }
    for (int i = 0; i < m->sources_n; i++) {
        const struct source_state *s = &m->sources[i];
        if (!fails_long(m, i))
            continue;
        buf_printf(out, "%s: failing for more than %lld s: %s\n", s->name,
                   (long long)(m->patience_us[i] / US_PER_SECOND), s->error);
        well = false;
    }
    if (well)
        buf_str(out, STR("ok\n"));
    return well;
}
