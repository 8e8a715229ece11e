/*
 * credential_process: a program of the user's prints keys (as botocore 1.44 reads them,
 * credentials.py, ProcessProvider: JSON with "Version": 1). It is started without a shell, its
 * command line cut into words as the AWS CLI cuts it. It reads nothing (our standard input may be
 * the logs), and what it says on standard error is not shown: nobody knows what a helper prints
 * there.
 */
#include "aws/credentials_internal.h"

#include "aws/words.h"
#include "base/clock.h"
#include "base/io.h"
#include "codec/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 64, ANSWER_MAX = 64 * 1024, TIMEOUT_MS = 60 * 1000, LOOK_MS = 50 };

static enum status failed(const struct link *l, const char *why, struct err *err)
{
    return err_set(err, ERR_ACCESS,
                   "credential_process of the profile %.100s %s; run it by hand to see why",
                   l->profile, why);
}

static enum status start(const struct link *l, char *const *words, int out, pid_t *pid,
                         struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t how;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return err_nomem(err);
    if (posix_spawnattr_init(&how) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return err_nomem(err);
    }
    /* Signals as a program expects to find them, whatever this one ignores or holds back. */
    int code = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (code == 0)
        code = posix_spawnattr_setsigmask(&how, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(&how, &all);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    /* libcurl opens its sockets without CLOEXEC; a helper that stays would keep them open. */
    if (code == 0)
        code = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (code == 0)
        code = posix_spawnp(pid, words[0], &actions, &how, words, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&actions);
    if (code == 0)
        return OK;
    return failed(l, code == ENOENT ? "cannot be started: no such program" : "cannot be started",
                  err);
}

/* Reads until the end of the pipe; false when the time is over, too much comes or nobody waits any
 * more. */
static bool read_all(const struct asking *a, int fd, int64_t end_us, struct buf *out)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        size_t got = 0;
        if (clock_monotonic_us() >= end_us || asking_is_cancelled(a))
            return false;
        if (poll(&p, 1, LOOK_MS) <= 0)
            continue;
        if (out->n == out->max ||
            io_read(fd, out->p + out->n, out->max - out->n, &got, "credential_process", NULL) != OK)
            return false;
        if (got == 0)
            return true;
        out->n += got;
    }
}

/* Waits for a child that has closed its output, or ends it. */
static bool reap(const struct asking *a, pid_t pid, int64_t end_us, bool *ended)
{
    int state = 0;
    pid_t got = 0;
    while (*ended && (got = waitpid(pid, &state, WNOHANG)) == 0) {
        *ended = clock_monotonic_us() < end_us && !asking_is_cancelled(a);
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    }
    if (!*ended)
        kill(pid, SIGKILL);
    while (!*ended && (got = waitpid(pid, &state, 0)) < 0 && errno == EINTR)
        ;
    return *ended && got == pid && WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

static enum status run(const struct asking *a, const struct link *l, char *const *words,
                       struct buf *out, struct err *err)
{
    int fds[2];
    pid_t pid = 0;
    int64_t end_us = clock_monotonic_us() + TIMEOUT_MS * (US_PER_SECOND / 1000);
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_errno(err, errno, "cannot start credential_process");
    enum status status = start(l, words, fds[1], &pid, err);
    close(fds[1]);
    if (status == OK) {
        bool ended = read_all(a, fds[0], end_us, out);
        bool fine = reap(a, pid, end_us, &ended);
        if (!ended && asking_is_cancelled(a))
            status = err_set(err, ERR_INTERRUPTED, "interrupted");
        else if (!ended)
            status = failed(l, "took longer than a minute, or printed too much", err);
        else if (!fine)
            status = failed(l, "failed", err);
    }
    close(fds[0]);
    return status;
}

static enum status read_answer(const struct link *l, struct str json, struct aws_keys *out,
                               struct err *err)
{
    struct field f[] = {{.name = "AccessKeyId"},
                        {.name = "SecretAccessKey"},
                        {.name = "SessionToken"},
                        {.name = "Expiration"},
                        {.name = "Version"}};
    struct buf room;
    buf_init(&room, FIELDS_MAX);
    enum status status = fields_of_json(json, NULL, f, 5, &room, NULL);
    if (status != OK)
        status = failed(l, "printed no JSON object", err);
    else if (!str_eq(f[4].value, STR("1")))
        status = failed(l, "should print \"Version\": 1", err);
    else
        status = keys_of_fields(out, f, "credential_process", err);
    fields_wipe(&room);
    return status;
}

enum status process_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                         struct err *err)
{
    char *words[WORDS_MAX + 1] = {NULL};
    struct str line = str_from(l->command);
    struct buf answer;
    char *room = malloc(line.n + 1);
    if (!room)
        return err_nomem(err);
    buf_init(&answer, ANSWER_MAX);
    enum status status = OK;
    int n = words_split(line, room, words, WORDS_MAX);
    if (n < 1)
        status = failed(l, "has an open quote or too many words", err);
    else if (!buf_reserve(&answer, ANSWER_MAX))
        status = err_nomem(err);
    if (status == OK) {
        words[n] = NULL;
        status = run(a, l, words, &answer, err);
    }
    if (status == OK)
        status = read_answer(l, buf_view(&answer), out, err);
    fields_wipe(&answer);
    /* The command line may hold a password. */
    secret_wipe(room, line.n + 1);
    free(room);
    return status;
}
