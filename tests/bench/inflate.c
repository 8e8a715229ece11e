/*
 * The limit: reading files and inflating them with ISA-L into a buffer that is used again and
 * again, one thread, CRC checked, nothing else. Prints the inflated bytes. File names come on
 * stdin, one a line.
 */
#include <isa-l/igzip_lib.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

static uint8_t in[CHUNK];
static uint8_t out[CHUNK];

/* Inflated bytes of a file, or -1. */
static int64_t inflate_file(const char *path, struct inflate_state *state)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int64_t total = 0;
    ssize_t n;
    isal_inflate_init(state);
    state->crc_flag = ISAL_GZIP;
    while ((n = read(fd, in, sizeof in)) > 0) {
        state->next_in = in;
        state->avail_in = (uint32_t)n;
        do {
            if (state->block_state == ISAL_BLOCK_FINISH) {
                /* Another member. */
                uint8_t *next_in = state->next_in;
                uint32_t avail_in = state->avail_in;
                isal_inflate_reset(state);
                state->crc_flag = ISAL_GZIP;
                state->next_in = next_in;
                state->avail_in = avail_in;
            }
            state->next_out = out;
            state->avail_out = sizeof out;
            if (isal_inflate(state) != ISAL_DECOMP_OK) {
                close(fd);
                return -1;
            }
            total += (int64_t)(sizeof out - state->avail_out);
        } while (state->avail_in > 0 || state->avail_out == 0);
    }
    close(fd);
    return n < 0 ? -1 : total;
}

int main(void)
{
    static struct inflate_state state;
    char path[4096];
    int64_t total = 0;
    while (fgets(path, sizeof path, stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        int64_t n = inflate_file(path, &state);
        if (n < 0) {
            fprintf(stderr, "inflate: cannot read %s\n", path);
            return 1;
        }
        total += n;
    }
    printf("%lld\n", (long long)total);
    return 0;
}
