/*
 * Runs a fuzz target on every file of a directory, in the order of their names, and prints TAP: the
 * seeds are regression tests. A crash or a sanitizer's report ends the program, which the test
 * runner counts as a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay(const char *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return -1;
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (file == NULL || fstat(fileno(file), &st) != 0 || st.st_size < 0) {
        if (file != NULL)
            fclose(file);
        return -1;
    }
    /* Exactly as large as the seed, so that reading behind its end is seen. */
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    int result = -1;
    if (data != NULL && fread(data, 1, size, file) == size)
        result = LLVMFuzzerTestOneInput(data, size);
    free(data);
    fclose(file);
    return result;
}

int main(int argc, char **argv)
{
    struct dirent **seeds = NULL;
    int n = argc == 2 ? scandir(argv[1], &seeds, is_seed, alphasort) : -1;
    if (n < 0) {
        puts("Bail out! usage: replay DIRECTORY");
        return 1;
    }
    printf("1..%d\n", n);
    int failed = 0;
    for (int i = 0; i < n; i++) {
        printf("# %s\n", seeds[i]->d_name);
        fflush(stdout);
        int result = replay(argv[1], seeds[i]->d_name);
        printf("%s %d - %s\n", result == 0 ? "ok" : "not ok", i + 1, seeds[i]->d_name);
        failed += result != 0;
        free(seeds[i]);
    }
    free(seeds);
    return failed > 0;
}
