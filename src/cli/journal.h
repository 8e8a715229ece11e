/*
 * What a daemon says: one line an event, as text for people and the journal of systemd, or as JSON.
 * Lines hold names, sizes, times and reasons, never a record's text or a key; control characters of
 * names are escaped.
 */
#ifndef ASSAY_CLI_JOURNAL_H
#define ASSAY_CLI_JOURNAL_H

#include "base/err.h"

#include <stdbool.h>

enum journal_level { JOURNAL_ERROR, JOURNAL_WARNING, JOURNAL_INFO, JOURNAL_DEBUG, JOURNAL_LEVELS };

struct journal {
    int fd;
    bool json;
    enum journal_level level; /* less important lines are left out */
};

/* `what` is the source or file that a line is about, "" for none. Any thread; a line is written at
 * once, and one that cannot be written is lost. */
void journal_line(const struct journal *j, enum journal_level level, const char *what,
                  const char *fmt, ...) PRINTF_LIKE(4, 5);
/* "error", "warning" …; false for another word. */
bool journal_level_of(const char *word, enum journal_level *level);

/* Tells systemd ("READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…", "STATUS=…",
 * "WATCHDOG=1") through $NOTIFY_SOCKET, as sd_notify(3) describes; nothing happens without it. */
void journal_notify(const char *state);

#endif
