/*
 * URIs (RFC 3986) as far as AWS needs them: percent-encoding of keys and query values, and cutting
 * an address into its parts.
 */
#ifndef ASSAY_CODEC_URI_H
#define ASSAY_CODEC_URI_H

#include "base/buf.h"

/*
 * Appends raw, percent-encoded as Signature Version 4 wants it: letters, digits and -._~ stay, all
 * other bytes become %XX with upper-case digits, a blank %20 (Amazon S3 API reference,
 * "Authenticating Requests: Using the Authorization Header", UriEncode(), read 2026-11). With
 * keep_slash "/" stays, too: for paths. Out of memory or room: out's sticky status.
 */
void uri_encode(struct buf *out, struct str raw, bool keep_slash);

/*
 * Appends the decoded bytes of s. With plus_is_space "+" is a blank (HTML forms, and the keys in
 * S3's event notifications). False, and out as before, on a "%" without two hex digits behind it;
 * false also when out is full (its status is then set). The bytes may be anything, also NUL.
 */
bool uri_decode(struct str s, bool plus_is_space, struct buf *out);

/* Parts of an address; all but the scheme are borrowed from the text, none is decoded. */
struct uri {
    struct str scheme; /* "http", "https" or "s3" in lower case, however it was written; static */
    struct str host;   /* without the port; an IPv6 address keeps its brackets */
    struct str path;   /* from the first "/" behind the host; "" when there is none */
    struct str query;  /* without "?" */
    int port;          /* 1 to 65535; 0: none given */
};

/*
 * An absolute URI, scheme://host[:port][/path][?query]. False on any other scheme, on a user name
 * or a fragment, on an empty or odd host, and on blanks and control characters.
 *
 * s3://bucket/key is not a real URI but how the AWS CLI writes an object: all behind the bucket's
 * name is the path, raw, with any character, "?" and "#" too; a bucket's name has no port, but may
 * be an access point's ARN with colons.
 */
bool uri_parse(struct str text, struct uri *out);

#endif
