/* Private to net/: a request before it is sent, an answer while it arrives. */
#ifndef ASSAY_NET_HTTP_INTERNAL_H
#define ASSAY_NET_HTTP_INTERNAL_H

#include "net/http.h"

/* ERR_USAGE when its parts cannot be put together to an URL that means them. */
enum status request_check(const struct http_request *r, struct err *err) MUST_USE;
int request_port(const struct http_request *r);
bool request_port_is_default(const struct http_request *r);
/* For loopback, and for the addresses where AWS hands out keys: link-local IPv4, and fd00:ec2::254
 * and its neighbours (instance metadata, EKS Pod Identity). No proxy may be between. */
bool request_is_direct(const struct http_request *r);

/* Takes what libcurl hands over. A failure stays: it is the reason why the transfer is given up. */
struct arrival {
    struct http_answer *answer;
    struct http_body_limits limits;
    uint64_t header_bytes; /* with those of 1xx answers and trailers */
    bool head_done;        /* the empty line behind the headers came */
    bool interim;          /* of an answer 1xx: a real one follows */
    enum status status;
    struct err err;
};

/* For an empty answer; what a secret one will hold is wiped when it is emptied. */
enum status arrival_begin(struct arrival *in, struct http_answer *a,
                          const struct http_body_limits *l, bool secret, struct err *err) MUST_USE;
/* One header line with its end, or the empty one; false: give up. */
bool arrival_header(struct arrival *in, struct str line);
/* Bytes of the body. `length` is the Content-Length, -1 when not known; false: give up. */
bool arrival_body(struct arrival *in, struct str bytes, int64_t length);
/* All came: checks that it is a whole answer; the file goes to its first byte. */
enum status arrival_end(struct arrival *in, struct err *err) MUST_USE;
/* Empties an answer; its memory stays. */
void answer_clear(struct http_answer *a);

#endif
