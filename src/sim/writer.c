/* Files of the simulated delivery: see writer.h. */
#include "sim/writer.h"

#include "base/clock.h"
#include "base/io.h"
#include "codec/gz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    FILE_JSON = 8 << 20,    /* a file is cut when it holds so much */
    STREAM_MAX = 256 << 20, /* ceiling of a buffer */
    DEFLATE_LEVEL = 1,
};

void writer_init(struct writer *w, const char *dir, const struct org *org, uint64_t seed,
                 int64_t slot_s)
{
    *w = (struct writer){.dir = dir, .org = org, .slot_s = slot_s};
    rng_seed(&w->rng, seed, UINT64_C(0xf11e));
    buf_init(&w->gzip, STREAM_MAX);
    buf_init(&w->plain, STREAM_MAX);
    for (int i = 0; i < ORG_ACCOUNTS * ORG_REGIONS; i++) {
        w->stream[i].hour = w->stream[i].data_hour = -1;
        buf_init(&w->stream[i].json, STREAM_MAX);
        buf_init(&w->stream[i].late, STREAM_MAX);
    }
}

void writer_fini(struct writer *w)
{
    buf_fini(&w->gzip);
    buf_fini(&w->plain);
    for (int i = 0; i < ORG_ACCOUNTS * ORG_REGIONS; i++) {
        buf_fini(&w->stream[i].json);
        buf_fini(&w->stream[i].late);
    }
}

/* mkdir -p, trying the whole path first: its parents are nearly always there. */
static enum status make_dirs(char *path, struct err *err)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return OK;
    if (errno != ENOENT)
        return err_errno(err, errno, "cannot create the folder %.200s", path);
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        int failed = mkdir(path, 0755) != 0 && errno != EEXIST ? errno : 0;
        if (failed)
            return err_errno(err, failed, "cannot create the folder %.200s", path);
        *p = '/';
    }
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot create the folder %.200s", path);
    return OK;
}

/* Like io_write_file, without waiting for the disk: a corpus can be made again. */
static enum status write_new_file(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_errno(err, errno, "cannot create %.200s", path);
    enum status status = io_write_all(fd, bytes.p, bytes.n, path, err);
    io_close(fd);
    return status;
}

static int stream_dir(const struct writer *w, uint32_t account, uint32_t region, bool local,
                      char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/AWSLogs/%s/BedrockModelInvocationLogs/%s",
                    local ? w->dir : "s3://" SIM_BUCKET, w->org->account[account],
                    REGIONS[region].name);
}

static int hour_dir(const struct writer *w, uint32_t account, uint32_t region, int64_t time_s,
                    bool local, char out[PATH_MAX])
{
    struct civil c = civil_from_us(time_s * US_PER_SECOND);
    int n = stream_dir(w, account, region, local, out);
    if (n < 0 || n > PATH_MAX - 160) /* room for the name of a file */
        return -1;
    return n + snprintf(out + n, PATH_MAX - (size_t)n, "/%04d/%02d/%02d/%02d", (int)c.year, c.month,
                        c.day, c.hour);
}

static enum status too_long(const struct writer *w, struct err *err)
{
    return err_set(err, ERR_USAGE, "the path %.100s… is too long", w->dir);
}

static enum status compress(struct writer *w, struct str bytes, struct err *err)
{
    buf_rewind(&w->gzip);
    TRY(gz_deflate(bytes, DEFLATE_LEVEL, &w->gzip, err));
    w->json_bytes += (int64_t)bytes.n;
    w->gzip_bytes += (int64_t)w->gzip.n;
    w->files++;
    return OK;
}

static enum status cut(struct writer *w, uint32_t at, struct err *err)
{
    struct stream *s = &w->stream[at];
    if (s->json.n) {
        char path[PATH_MAX];
        int n = hour_dir(w, at / ORG_REGIONS, at % ORG_REGIONS, s->time_s, true, path);
        if (n < 0)
            return too_long(w, err);
        if (s->hour != s->time_s / 3600)
            TRY(make_dirs(path, err));
        s->hour = s->time_s / 3600;
        struct civil c = civil_from_us(s->time_s * US_PER_SECOND);
        snprintf(path + n, PATH_MAX - (size_t)n, "/%04d%02d%02dT%02d%02d%02d%03uZ_%016llx.json.gz",
                 (int)c.year, c.month, c.day, c.hour, c.minute, c.second, rng_below(&w->rng, 1000),
                 (unsigned long long)rng_u64(&w->rng));
        TRY(compress(w, buf_view(&s->json), err));
        TRY(write_new_file(path, buf_view(&w->gzip), err));
    }
    buf_rewind(&s->json);
    if (s->late.n) {
        buf_str(&s->json, buf_view(&s->late));
        buf_rewind(&s->late);
        w->late_n++;
    }
    return buf_status(&s->json) == OK ? OK : err_nomem(err);
}

enum status writer_at(struct writer *w, uint8_t account, uint8_t region, int64_t time_s,
                      struct stream **out, struct err *err)
{
    uint32_t at = (uint32_t)account * ORG_REGIONS + region;
    struct stream *s = &w->stream[at];
    int64_t slot = time_s / w->slot_s;
    if (s->time_s && (slot != s->slot || s->json.n >= FILE_JSON))
        TRY(cut(w, at, err));
    s->slot = slot;
    s->time_s = time_s;
    *out = s;
    return OK;
}

void writer_again(struct stream *s, size_t from)
{
    if (s->late.n == 0)
        buf_append(&s->late, s->json.p + from, s->json.n - from);
}

void writer_object_path(const struct writer *w, uint8_t account, uint8_t region, int64_t time_s,
                        const char *request_id, const char *kind, bool local, struct buf *path)
{
    char dir[PATH_MAX];
    if (hour_dir(w, account, region, time_s, local, dir) < 0)
        dir[0] = 0;
    buf_printf(path, "%s/data/%s_%s.json.gz", dir, request_id, kind);
}

enum status writer_object(struct writer *w, uint8_t account, uint8_t region, int64_t time_s,
                          const char *request_id, const char *kind, const struct str *pieces, int n,
                          struct err *err)
{
    struct stream *s = &w->stream[(uint32_t)account * ORG_REGIONS + region];
    char path[PATH_MAX];
    int end = hour_dir(w, account, region, time_s, true, path);
    if (end < 0)
        return too_long(w, err);
    end += snprintf(path + end, PATH_MAX - (size_t)end, "/data");
    if (s->data_hour != time_s / 3600)
        TRY(make_dirs(path, err));
    s->data_hour = time_s / 3600;
    snprintf(path + end, PATH_MAX - (size_t)end, "/%s_%s.json.gz", request_id, kind);
    buf_rewind(&w->plain);
    for (int i = 0; i < n; i++)
        buf_str(&w->plain, pieces[i]);
    if (buf_status(&w->plain) != OK)
        return err_nomem(err);
    TRY(compress(w, buf_view(&w->plain), err));
    return write_new_file(path, buf_view(&w->gzip), err);
}

enum status writer_finish(struct writer *w, struct err *err)
{
    for (uint32_t i = 0; i < ORG_ACCOUNTS * ORG_REGIONS; i++) {
        struct stream *s = &w->stream[i];
        if (!s->time_s)
            continue;
        TRY(cut(w, i, err));
        s->time_s += 300; /* what is left is a copy: it comes some minutes later */
        TRY(cut(w, i, err));
    }
    return OK;
}

enum status writer_permission_checks(struct writer *w, struct err *err)
{
    for (uint32_t i = 0; i < ORG_ACCOUNTS * ORG_REGIONS; i++) {
        char path[PATH_MAX];
        if (!w->stream[i].time_s)
            continue;
        int n = stream_dir(w, i / ORG_REGIONS, i % ORG_REGIONS, true, path);
        if (n < 0 || n > PATH_MAX - 160)
            return too_long(w, err);
        snprintf(path + n, PATH_MAX - (size_t)n, "/amazon-bedrock-logs-permission-check");
        TRY(write_new_file(path, STR(""), err));
    }
    return OK;
}
