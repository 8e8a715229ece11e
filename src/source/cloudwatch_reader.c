/* What readers ask of the CloudWatch source: the bytes of a page, which the naming has fetched
 * already, and bodies, which lie in S3. */
#include "source/cloudwatch_internal.h"

#include "source/room.h"

#include <stdlib.h>

struct reader {
    struct source_reader base;
    struct aws_client *client; /* for bodies; NULL until there is one */
};

enum status cloudwatch_reader_new(struct source *base, struct source_reader **out, struct err *err)
{
    (void)base;
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    *out = &r->base;
    return OK;
}

void cloudwatch_reader_free(struct source_reader *base)
{
    struct reader *r = (struct reader *)base;
    aws_client_free(r->client);
    free(r);
}

/* A page stays where it is until it is handed back, which is after it was read. */
enum status cloudwatch_open(struct source_reader *r, const struct source_item *item,
                            struct source_bytes *out, struct err *err)
{
    (void)err;
    const struct cloudwatch *s = (const struct cloudwatch *)r->source;
    const struct page *p = item->ticket;
    *out = (struct source_bytes){
        .fd = -1,
        .bytes = p ? buf_view(&p->body) : STR(""),
        .account = p ? str_from(p->group->account) : STR(""),
        .region = str_from(s->region),
        .delivery_us = TIME_NONE,
    };
    return OK;
}

static enum status need_client(struct reader *r, struct cloudwatch *s, struct err *err)
{
    const struct aws_client_options o = {
        .credentials = s->o.credentials, .region = s->region, .cancel = &s->stopped};
    return r->client ? OK : aws_client_new(&o, &r->client, err);
}

enum status cloudwatch_body(struct source_reader *base, const char *name, struct str uri,
                            struct str key, bool look, struct source_bytes *out, struct err *err)
{
    (void)name;
    (void)key;
    struct reader *r = (struct reader *)base;
    struct cloudwatch *s = (struct cloudwatch *)base->source;
    const struct s3_bodies bodies = {.places = s->places,
                                     .places_n = s->places_n,
                                     .watch = s->watch,
                                     .gauge = &s->gauge,
                                     .shown = s->operand,
                                     .told = &s->bodies_told};
    TRY(need_client(r, s, err));
    return s3_bodies_get(&bodies, r->client, uri, look, &base->room->body, out, err);
}
