/*
 * S3 as far as reading logs needs it: listings page by page, and objects.
 *
 *     struct s3_bucket *b;                         shared by the threads that read it
 *     s3_bucket_new(STR("logs"), NULL, false, &b, &err);
 *     struct s3_listing l;
 *     struct s3_page page;
 *     s3_listing_init(&l, &(struct s3_query){.prefix = STR("AWSLogs/")});
 *     s3_page_init(&page);
 *     while (!l.ended && s3_list(client, b, &l, &page, &err) == OK)
 *         for (size_t i = 0; i < page.n; i++) … page.objects[i].key …
 *
 * The bucket is part of the host name with AWS, and of the path with endpoints of the user's own
 * and where the name has a dot (a certificate's wildcard covers one label) or other characters than
 * host names have (old buckets of us-east-1). Its Region need not be known: S3 tells it, and it is
 * remembered for all threads.
 *
 * Sources: Amazon S3 API reference, ListObjectsV2 and GetObject; user guide, "Virtual hosting of
 * buckets", "Using Requester Pays buckets" (read 2026-11).
 */
#ifndef ASSAY_AWS_S3_H
#define ASSAY_AWS_S3_H

#include "aws/call.h"
#include "base/arena.h"
#include "base/clock.h"

enum {
    S3_KEY_MAX = 1024, /* bytes of a key, by S3's rules */
    S3_PAGE_KEYS = 1000,
};

struct s3_bucket;

/* region: where to ask first; NULL: the client's, or us-east-1, which knows where all are.
 * ERR_USAGE: no name that a bucket may have; an access point goes by its alias, not by its ARN. */
enum status s3_bucket_new(struct str name, const char *region, bool requester_pays,
                          struct s3_bucket **out, struct err *err) MUST_USE;
void s3_bucket_free(struct s3_bucket *b);
/* Zero-terminated; lives as long as b. */
struct str s3_bucket_name(const struct s3_bucket *b);

/* What to list; borrowed while the listing lasts. */
struct s3_query {
    struct str prefix;
    struct str start_after; /* only keys behind this one; it need not exist */
    bool by_folder;         /* what has a further slash behind the prefix becomes one folder */
    int max_keys;           /* 0: 1000 */
};

/* A listing between its pages. One that gets nowhere (a token that repeats, a page that ends where
 * the one before did) is ERR_PARSE rather than endless. */
struct s3_listing {
    struct s3_query query;
    bool ended;          /* there are no more pages */
    struct buf token;    /* private, as is all below */
    struct buf furthest; /* the greatest name of the pages so far */
    int empty_pages;
};

void s3_listing_init(struct s3_listing *l, const struct s3_query *q);
void s3_listing_fini(struct s3_listing *l);
/* Goes on behind `key` (copied), which is behind all that was listed: what lies between is passed
 * over without being listed. */
enum status s3_listing_jump(struct s3_listing *l, struct str key, struct err *err) MUST_USE;
/* Goes on where it was, by the last key instead of the token: a token may be too old by now. */
void s3_listing_resume(struct s3_listing *l);

struct s3_object {
    struct str key;      /* decoded; any bytes, zeros too */
    int64_t size;        /* -1 when the server does not say */
    int64_t modified_us; /* LastModified; 0 when unreadable */
    /* In a storage class that nothing can be read from (GLACIER, DEEP_ARCHIVE), and not restored:
     * user guide, "Working with archived objects" (read 2026-11). */
    bool archived;
};

/* One page; its texts live until it is filled again. */
struct s3_page {
    struct s3_object *objects;
    size_t n;
    struct str *folders; /* with the slash at their end */
    size_t folders_n;
    struct arena arena; /* private, as is all below */
    struct aws_answer answer;
    size_t cap, folders_cap;
};

void s3_page_init(struct s3_page *p);
void s3_page_fini(struct s3_page *p);

/*
 * The next page of a listing that has not ended. As aws_send; also ERR_PARSE: no XML of this kind,
 * a DOCTYPE, or a listing that gets nowhere; ERR_LIMIT: more than 8 MiB. Then the listing is where
 * it was. Needs s3:ListBucket.
 */
enum status s3_list(struct aws_client *c, struct s3_bucket *b, struct s3_listing *l,
                    struct s3_page *p, struct err *err) MUST_USE;
/* After an ERR_ACCESS of s3_list: S3 knows who asks, and does not allow it. False: the keys are
 * unknown, expired or none, the clock is wrong …, which says nothing about this prefix. */
bool s3_page_denied(const struct s3_page *p);

/*
 * An object as a whole; key: 1 to 1024 bytes. As aws_send; needs s3:GetObject, and kms:Decrypt
 * where the object is encrypted with a key of KMS. With `look` only whether it is there (and may be
 * read): nothing of it is fetched.
 */
enum status s3_get(struct aws_client *c, struct s3_bucket *b, struct str key, bool look,
                   const struct http_body_limits *limits, struct aws_answer *a,
                   struct err *err) MUST_USE;

#endif
