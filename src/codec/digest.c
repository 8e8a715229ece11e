/* Digests by OpenSSL: see digest.h. Only one-shot calls, which clean up behind themselves. */
#include "codec/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits.h>

/* OpenSSL may be too short of memory even to say so: then its queue of errors is empty. */
static enum status refused(const char *what, struct err *err)
{
    unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0 || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
        return err_nomem(err);
    err_set(err, ERR_IO, "the crypto library of this system refuses %s", what);
    if (err)
        err->native = ERR_GET_REASON(code);
    return ERR_IO;
}

/* Where memory ran out while OpenSSL 3.0 set itself up, it stays without its context and would read
 * through a null pointer at the first digest; this call is the one that tells. */
static enum status ready(struct err *err)
{
    return OSSL_LIB_CTX_get0_global_default() ? OK : err_nomem(err);
}

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)(s.p ? s.p : "");
}

enum status sha256_of(struct str bytes, struct sha256 *out, struct err *err)
{
    struct sha256 digest;
    TRY(ready(err));
    if (!EVP_Digest(bytes_of(bytes), bytes.n, digest.b, NULL, EVP_sha256(), NULL))
        return refused("SHA-256", err);
    *out = digest;
    return OK;
}

enum status hmac_sha256(struct str key, struct str bytes, struct sha256 *out, struct err *err)
{
    struct sha256 digest;
    if (key.n > INT_MAX)
        return err_set(err, ERR_LIMIT, "a key of %zu bytes is too long", key.n);
    TRY(ready(err));
    if (!HMAC(EVP_sha256(), bytes_of(key), (int)key.n, bytes_of(bytes), bytes.n, digest.b, NULL))
        return refused("HMAC with SHA-256", err);
    *out = digest;
    secret_wipe(&digest, sizeof digest); /* often a key itself */
    return OK;
}

enum status sha1_hex(struct str bytes, char out[2 * SHA1_BYTES + 1], struct err *err)
{
    unsigned char digest[SHA1_BYTES];
    TRY(ready(err));
    if (!EVP_Digest(bytes_of(bytes), bytes.n, digest, NULL, EVP_sha1(), NULL))
        return refused("SHA-1", err);
    hex_lower(out, digest, sizeof digest);
    out[2 * SHA1_BYTES] = '\0';
    return OK;
}

void hex_lower(char *out, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}

bool secret_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void secret_wipe(void *p, size_t n)
{
    if (n > 0)
        OPENSSL_cleanse(p, n);
}
