/* What a daemon says: see journal.h. */
#include "cli/journal.h"

#include "base/clock.h"
#include "codec/jsonw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const words[JOURNAL_LEVELS] = {"error", "warning", "info", "debug"};

bool journal_level_of(const char *word, enum journal_level *level)
{
    for (int i = 0; i < JOURNAL_LEVELS; i++) {
        if (strcmp(word, words[i]) == 0) {
            *level = (enum journal_level)i;
            return true;
        }
    }
    return false;
}

static void put_json(struct buf *out, const char *time, const char *level, const char *what,
                     const char *text)
{
    struct jsonw w = jsonw_start(out, 0);
    jsonw_object(&w);
    jsonw_key(&w, STR("time"));
    jsonw_str(&w, str_from(time));
    jsonw_key(&w, STR("level"));
    jsonw_str(&w, str_from(level));
    if (what[0]) {
        jsonw_key(&w, STR("source"));
        jsonw_str(&w, str_from(what));
    }
    jsonw_key(&w, STR("message"));
    jsonw_str(&w, str_from(text));
    jsonw_end(&w);
}

static void put_plain(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++)
        buf_char(out, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
}

void journal_line(const struct journal *j, enum journal_level level, const char *what,
                  const char *fmt, ...)
{
    char text[1024], time[TIME_TEXT], room[8192];
    struct buf line;
    va_list args;
    if (level > j->level)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    time_format(time, clock_now_us());
    buf_on(&line, room, sizeof room);
    if (j->json) {
        put_json(&line, time, words[level], what, text);
    } else {
        buf_printf(&line, "%s %-7s ", time, words[level]);
        put_plain(&line, what);
        buf_str(&line, what[0] ? STR(": ") : STR(""));
        put_plain(&line, text);
    }
    buf_char(&line, '\n');
    /* One write a line, so that lines of several threads do not mix. */
    ssize_t written = write(j->fd, line.p, line.n);
    (void)written;
}

void journal_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract socket */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    ssize_t sent =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
    (void)sent;
    close(fd);
}
