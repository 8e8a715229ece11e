/*
 * Keys of a container (as in botocore 1.44, utils.py, ContainerMetadataFetcher):
 * ECS gives a path on 169.254.170.2, EKS Pod Identity and others a whole address, with a token that
 * a file holds and that changes. Keys travel in the answer, so an address without TLS counts only
 * on this machine or its link.
 */
#include "aws/metadata.h"

#include "base/io.h"
#include "codec/digest.h"

#include <arpa/inet.h>

enum { TOKEN_MAX = 16 * 1024 };

static bool is_local(struct str host)
{
    static const char *const known[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                        "localhost", "[::1]"};
    char text[64];
    struct in_addr address;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_eq_nocase(host, str_from(known[i])))
            return true;
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static enum status address(const struct asking *a, struct uri *uri, struct buf *target,
                           struct err *err)
{
    const char *path = machine_variable(a->machine, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *whole = machine_variable(a->machine, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (path) {
        *uri = (struct uri){.scheme = STR("http"), .host = STR("169.254.170.2")};
        if (path[0] != '/')
            buf_char(target, '/');
        buf_str(target, str_from(path));
        return OK;
    }
    if (!whole)
        return err_set(err, ERR_USAGE,
                       "credential_source is EcsContainer, but neither "
                       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set");
    if (!uri_parse(str_from(whole), uri) || str_eq(uri->scheme, STR("s3")))
        return err_set(err, ERR_USAGE,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI is no http or https address");
    if (!str_eq(uri->scheme, STR("https")) && !is_local(uri->host))
        return err_set(err, ERR_USAGE,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI: the host %.*s is refused; without TLS "
                       "only loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 are asked",
                       (int)(uri->host.n < 60 ? uri->host.n : 60), uri->host.p);
    buf_str(target, uri->path.n ? uri->path : STR("/"));
    if (uri->query.n) {
        buf_char(target, '?');
        buf_str(target, uri->query);
    }
    return OK;
}

/* Appends the value of the header; nothing when there is none. */
static enum status token(const struct asking *a, struct buf *out, struct err *err)
{
    const char *file = machine_variable(a->machine, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *value = machine_variable(a->machine, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file)
        TRY(io_read_file(file, out, err));
    else
        buf_str(out, str_from(value));
    struct str t = str_trim(buf_view(out));
    for (size_t i = 0; i < t.n; i++)
        if ((unsigned char)t.p[i] < ' ')
            return err_set(err, ERR_USAGE,
                           "the container's authorization token holds the end of a line");
    return buf_status(out) == OK ? OK : err_set(err, ERR_LIMIT, "the token is too long");
}

enum status container_keys(const struct asking *a, struct aws_keys *out, struct err *err)
{
    static const struct metadata_patience patience = {.timeout_ms = 2000, .attempts = 3};
    struct buf target, secret, headers;
    struct http_answer answer;
    struct uri uri;
    buf_init(&target, 8192);
    buf_init(&secret, TOKEN_MAX);
    buf_init(&headers, TOKEN_MAX + 64);
    http_answer_init(&answer);
    enum status status = address(a, &uri, &target, err);
    if (status == OK && (!buf_reserve(&secret, TOKEN_MAX) || !buf_reserve(&headers, TOKEN_MAX)))
        status = err_nomem(err);
    if (status == OK)
        status = token(a, &secret, err);
    if (status == OK) {
        struct str t = str_trim(buf_view(&secret));
        buf_str(&headers, STR("Accept: application/json\n"));
        if (t.n > 0) {
            buf_str(&headers, STR("Authorization: "));
            buf_str(&headers, t);
            buf_char(&headers, '\n');
        }
        status = metadata_ask(a, &patience, "GET", &uri, buf_view(&target), buf_view(&headers),
                              &answer, err);
    }
    if (status == OK && answer.status != 200)
        status = err_set(err, ERR_ACCESS, "the container's credentials server said HTTP %d",
                         answer.status);
    if (status == OK)
        status = metadata_keys(&answer, "the container's credentials server", out, err);
    if (status == OK)
        asking_go_on(a, out);
    http_answer_fini(&answer);
    fields_wipe(&headers);
    fields_wipe(&secret);
    buf_fini(&target);
    return status;
}
