/*
 * Keys of objects in the layout that Bedrock writes,
 * {prefix/}AWSLogs/{account}/BedrockModelInvocationLogs/{region}/YYYY/MM/DD/HH/{name}, whatever
 * stands in front of it: a bucket, a directory (bedrock-logs facts, 3).
 */
#ifndef ASSAY_SOURCE_KEY_H
#define ASSAY_SOURCE_KEY_H

#include "base/clock.h"

struct key_facts {
    struct str account, region; /* "" outside the layout */
    int64_t hour_us;            /* TIME_NONE when the key names none */
    bool is_body;               /* lies under data/ */
};
struct key_facts key_facts(struct str key);

/* Neither a body nor the permission check: an object that may hold records. */
bool key_is_record(struct str key);

/* Year, month, day and hour of a key in the layout, as many of them as it has, and how many; 0
 * outside the layout. */
int key_time(struct str key, int64_t part[4]);

/* Where the last element "AWSLogs" of a path begins, with a slash behind it; -1 without one. */
ptrdiff_t key_layout(struct str path);

/* Where in the layout a directory stands, by what its entries are. */
enum key_stage {
    STAGE_NONE, /* outside */
    STAGE_ACCOUNTS,
    STAGE_KINDS,
    STAGE_REGIONS,
    STAGE_YEARS,
    STAGE_MONTHS,
    STAGE_DAYS,
    STAGE_HOURS,
};
enum key_stage key_stage(struct str directory);

/* Elements of a path, one after another: false behind the last. *rest becomes STR_NONE there. */
bool key_element(struct str *rest, struct str *element);
bool key_all_digits(struct str s);

#endif
