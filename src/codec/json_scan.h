/*
 * The seam to simdjson: its first stage only, behind a C interface. Included by json.c alone.
 */
#ifndef ASSAY_CODEC_JSON_SCAN_H
#define ASSAY_CODEC_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_scan;

enum json_scan_result {
    SCAN_OK,
    SCAN_NOMEM,
    SCAN_UTF8,
    SCAN_CONTROL,
    SCAN_OPEN_STRING,
    SCAN_OTHER
};

/* NULL when memory is short. */
struct json_scan *json_scan_new(void);
void json_scan_free(struct json_scan *s);
/* Makes room for texts of up to n bytes: 0 or -1 when memory is short. */
int json_scan_reserve(struct json_scan *s, size_t n);
/* Indexes n > 0 bytes, n at most what was reserved, with 64 readable bytes behind them. */
enum json_scan_result json_scan_run(struct json_scan *s, const char *p, size_t n,
                                    const uint32_t **at, size_t *at_n);

#ifdef __cplusplus
}
#endif

#endif
