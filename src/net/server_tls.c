/*
 * The certificate of a server: see server_internal.h. GnuTLS is what libmicrohttpd speaks TLS with;
 * it asks here in each handshake which certificate to show, so that a new one counts from the next
 * connection on. What it gets it frees by itself, so each handshake is given its own copy, made
 * from the PEM texts (about 0.1 ms).
 */
#include "net/server_internal.h"

#include "base/io.h"
#include "codec/digest.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>

enum { PEM_MAX = 1 << 20, CHAIN_MAX = 16 };

const char SERVER_TLS_PRIORITIES[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct pair {
    struct buf certificate, key;
};

struct server_tls {
    const char *certificate, *key;
    pthread_mutex_t lock; /* of the pair */
    struct pair pair;
};

static void pair_fini(struct pair *p)
{
    secret_wipe(p->key.p, p->key.n);
    buf_fini(&p->certificate);
    buf_fini(&p->key);
}

static gnutls_datum_t datum(const struct buf *b)
{
    return (gnutls_datum_t){(unsigned char *)b->p, (unsigned)b->n};
}

static void free_chain(gnutls_pcert_st *chain, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        gnutls_pcert_deinit(&chain[i]);
    gnutls_free(chain);
}

/* For one handshake; 0, or what GnuTLS says. */
static int unpack(const struct pair *p, gnutls_pcert_st **chain, unsigned *n, gnutls_privkey_t *key)
{
    gnutls_datum_t certificate = datum(&p->certificate), secret = datum(&p->key);
    gnutls_pcert_st *list = gnutls_calloc(CHAIN_MAX, sizeof *list);
    unsigned got = CHAIN_MAX;
    if (!list)
        return GNUTLS_E_MEMORY_ERROR;
    int failure =
        gnutls_pcert_list_import_x509_raw(list, &got, &certificate, GNUTLS_X509_FMT_PEM, 0);
    if (failure < 0) {
        gnutls_free(list);
        return failure;
    }
    failure = gnutls_privkey_init(key);
    if (failure >= 0) {
        failure = gnutls_privkey_import_x509_raw(*key, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (failure < 0)
            gnutls_privkey_deinit(*key);
    }
    if (failure < 0) {
        free_chain(list, got);
        return failure;
    }
    *chain = list;
    *n = got;
    return 0;
}

/* That they can be read, and belong together. */
static int check(const struct pair *p)
{
    gnutls_certificate_credentials_t all;
    gnutls_datum_t certificate = datum(&p->certificate), secret = datum(&p->key);
    int failure = gnutls_certificate_allocate_credentials(&all);
    if (failure < 0)
        return failure;
    failure = gnutls_certificate_set_x509_key_mem(all, &certificate, &secret, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(all);
    return failure;
}

static enum status read_pair(const struct server_tls *t, struct pair *p, struct err *err)
{
    buf_init(&p->certificate, PEM_MAX);
    buf_init(&p->key, PEM_MAX);
    enum status status = io_read_file(t->certificate, &p->certificate, err);
    if (status == OK)
        status = io_read_file(t->key, &p->key, err);
    int failure = status == OK ? check(p) : 0;
    if (failure == GNUTLS_E_MEMORY_ERROR)
        status = err_nomem(err);
    else if (failure < 0)
        status = err_set(err, ERR_USAGE, "%s with key %s: %s", t->certificate, t->key,
                         gnutls_strerror(failure));
    if (status != OK)
        pair_fini(p);
    return status;
}

enum status server_tls_new(const char *certificate, const char *key, struct server_tls **out,
                           struct err *err)
{
    struct server_tls *t = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err);
    t->certificate = certificate;
    t->key = key;
    enum status status = read_pair(t, &t->pair, err);
    if (status != OK) {
        free(t);
        return status;
    }
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return OK;
}

enum status server_tls_reload(struct server_tls *t, struct err *err)
{
    struct pair fresh;
    TRY(read_pair(t, &fresh, err));
    pthread_mutex_lock(&t->lock);
    struct pair old = t->pair;
    t->pair = fresh;
    pthread_mutex_unlock(&t->lock);
    pair_fini(&old);
    return OK;
}

void server_tls_free(struct server_tls *t)
{
    if (!t)
        return;
    pair_fini(&t->pair);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static int retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                    gnutls_pcert_st **chain, unsigned *chain_n, gnutls_ocsp_data_st **ocsp,
                    unsigned *ocsp_n, gnutls_privkey_t *key, unsigned *flags)
{
    (void)info;
    struct server_tls *t = server_tls_of(gnutls_session_get_ptr(session));
    *ocsp = NULL;
    *ocsp_n = 0;
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    if (!t)
        return -1;
    pthread_mutex_lock(&t->lock);
    int failure = unpack(&t->pair, chain, chain_n, key);
    pthread_mutex_unlock(&t->lock);
    return failure < 0 ? -1 : 0;
}

server_tls_hook server_tls_retrieve(void)
{
    return (server_tls_hook)retrieve;
}
