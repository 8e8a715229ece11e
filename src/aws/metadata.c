/* The servers beside a program: see metadata.h. */
#include "aws/metadata.h"

#include "net/retry.h"

enum { ANSWER_MAX = 64 * 1024 };

enum status metadata_ask(const struct asking *a, const struct metadata_patience *p,
                         const char *method, const struct uri *base, struct str target,
                         struct str headers, struct http_answer *out, struct err *err)
{
    struct http_client *http = NULL;
    struct http_options options = {.connect_timeout_ms = p->timeout_ms,
                                   .stall_timeout_ms = p->timeout_ms,
                                   .total_timeout_ms = 2 * p->timeout_ms,
                                   .cancel = a->cancel};
    struct http_request r = {.method = method,
                             .scheme = base->scheme,
                             .host = base->host,
                             .port = base->port,
                             .target = target,
                             .headers = headers,
                             .secret = true};
    struct http_body_limits limits = {.memory_max = ANSWER_MAX};
    struct retry again;
    TRY(http_new(&options, &http, err));
    retry_init(&again, p->attempts, (uint64_t)clock_monotonic_us());
    for (;;) {
        enum status status = http_send(http, &r, &limits, out, err);
        int64_t ms = -1;
        if (status == OK ? out->status >= 500 || out->status == 429
                         : status == ERR_IO || status == ERR_TRUNCATED)
            ms = retry_next(&again, RETRY_THROTTLED_MS, -1);
        if (ms < 0) {
            http_free(http);
            return status;
        }
        retry_wait(ms, a->cancel);
        if (asking_is_cancelled(a)) {
            http_free(http);
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        }
    }
}

enum status metadata_keys(const struct http_answer *a, const char *what, struct aws_keys *out,
                          struct err *err)
{
    struct field f[] = {{.name = "AccessKeyId"},
                        {.name = "SecretAccessKey"},
                        {.name = "Token"},
                        {.name = "Expiration"},
                        {.name = "Code"}};
    struct buf room;
    buf_init(&room, FIELDS_MAX);
    enum status status = fields_of_json(buf_view(&a->body), NULL, f, 5, &room, NULL);
    if (status != OK)
        status = err_set(err, ERR_PARSE, "%s did not answer in JSON", what);
    else if (f[4].value.n > 0 && !str_eq(f[4].value, STR("Success")))
        status =
            err_set(err, ERR_ACCESS, "%s has no keys: the role that it names cannot be used", what);
    else
        status = keys_of_fields(out, f, what, err);
    fields_wipe(&room);
    return status;
}
