/* Reading what messages name: see sqs.h. A reader has one client, however many buckets there are.
 */
#include "source/sqs_internal.h"

#include "source/key.h"
#include "source/room.h"

#include <stdlib.h>
#include <sys/stat.h>

/* As in s3_reader.c. */
static const struct http_body_limits item_limits = {.memory_max = 1 << 20,
                                                    .file_max = UINT64_C(64) << 30};
static const struct http_body_limits body_limits = {.memory_max = 1 << 20, .file_max = 1 << 30};

struct sqs_reader {
    struct source_reader base;
    struct aws_client *client;
    struct sqs_part *now; /* the last object that was opened */
};

static struct sqs_source *source_of(const struct source_reader *r)
{
    return (struct sqs_source *)r->source;
}

enum status sqs_reader_new(struct source *base, struct source_reader **out, struct err *err)
{
    enum { ATTEMPTS = 8 };
    struct sqs_source *s = (struct sqs_source *)base;
    const struct aws_client_options o = {.credentials = s->credentials,
                                         .region = s->region,
                                         .cancel = &s->stopped,
                                         .attempts = ATTEMPTS};
    struct sqs_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    enum status status = aws_client_new(&o, &r->client, err);
    if (status != OK) {
        free(r);
        return status;
    }
    *out = &r->base;
    return OK;
}

void sqs_reader_free(struct source_reader *base)
{
    struct sqs_reader *r = (struct sqs_reader *)base;
    aws_client_free(r->client);
    free(r);
}

/* The answer's body becomes the caller's, as far as it is a file. */
static void take_body(struct aws_answer *a, struct source_bytes *out)
{
    out->fd = a->http.body_fd;
    a->http.body_fd = -1;
    out->bytes = out->fd < 0 ? buf_view(&a->http.body) : STR_NONE;
}

static int64_t length_of(const struct source_bytes *b)
{
    struct stat st;
    if (b->fd < 0)
        return (int64_t)b->bytes.n;
    return fstat(b->fd, &st) == 0 ? (int64_t)st.st_size : 0;
}

enum status sqs_open(struct source_reader *base, const struct source_item *item,
                     struct source_bytes *out, struct err *err)
{
    struct sqs_reader *r = (struct sqs_reader *)base;
    struct sqs_source *s = source_of(base);
    struct sqs_part *p = item->ticket;
    struct err why = {0};
    if (p->refused) {
        *out = (struct source_bytes){.fd = -1, .delivery_us = TIME_NONE, .refused = p->of->reason};
        return OK;
    }
    r->now = p;
    atomic_store(&p->gone, false);
    atomic_store(&p->no_bodies, false);
    struct str key = str_skip(str_from(p->name), 5 + s3_bucket_name(p->bucket->s3).n + 1);
    enum status status =
        s3_get(r->client, p->bucket->s3, key, false, &item_limits, &base->room->item, &why);
    atomic_store(&p->opened, (int)status);
    if (status == OK) {
        sqs_read_well(s);
        struct key_facts facts = key_facts(key);
        *out = (struct source_bytes){
            .account = facts.account, .region = facts.region, .delivery_us = facts.hour_us};
        take_body(&base->room->item, out);
        atomic_store(&p->bytes, length_of(out));
        return OK;
    }
    /* A bucket that is not there may come back; an object that is not there was deleted. */
    if (status == ERR_NOT_FOUND && strcmp(base->room->item.code, "NoSuchKey") == 0)
        atomic_store(&p->gone, true);
    else if (status != ERR_INTERRUPTED && status != ERR_NOMEM)
        sqs_read_ill(s, status, why.text);
    if (err)
        *err = why;
    return status;
}

/* Refused bodies are asked for again for half a day: whoever is to allow it may be asleep. Then the
 * calls stay without: a queue of messages that can never be read to their end helps nobody. */
static bool is_late(const struct sqs_source *s, const struct sqs_part *p)
{
    int64_t since = p->of->first_us;
    return aws_client_now_us(s->client) - since >= SQS_BODIES_TIMES * s->give_up_us;
}

enum status sqs_body(struct source_reader *base, const char *name, struct str uri, struct str key,
                     bool look, struct source_bytes *out, struct err *err)
{
    (void)name;
    (void)key;
    struct sqs_reader *r = (struct sqs_reader *)base;
    struct sqs_source *s = source_of(base);
    struct sqs_part *p = r->now;
    struct err why = {0};
    struct str rest = str_skip(uri, 5), in = str_cut(&rest, '/');
    struct s3_bucket *bucket = rest.n > 0 ? sqs_body_bucket(s, p->bucket, in, rest) : NULL;
    if (!bucket)
        return err_set(err, ERR_ACCESS, "the body is not in a bucket that may be read for bodies");
    enum status status =
        s3_get(r->client, bucket, rest, look, &body_limits, &base->room->body, &why);
    if (status == OK) {
        sqs_well(s, SQS_BODIES);
        *out = (struct source_bytes){.fd = -1, .delivery_us = TIME_NONE};
        if (!look)
            take_body(&base->room->body, out);
        return OK;
    }
    if (err)
        *err = why;
    if (status == ERR_NOT_FOUND || status == ERR_INTERRUPTED || status == ERR_NOMEM)
        return status;
    sqs_ill(s, SQS_BODIES, why.text);
    if (status == ERR_ACCESS && is_late(s, p))
        return status;
    if (status == ERR_ACCESS)
        sqs_tell_redrive(s);
    atomic_store(&p->no_bodies, true);
    return ERR_IO; /* worth another attempt */
}
