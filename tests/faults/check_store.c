/* check_store STORE: does everything in it agree? Exit code 0, or what does not, and 1. */
#include "store/store.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct store *s = NULL;
    struct err err = {0};
    if (argc != 2)
        return 2;
    enum status status = store_open(argv[1], STORE_READ, &s, &err);
    if (status == OK)
        status = store_check(s, &err);
    store_close(s);
    if (status != OK)
        fprintf(stderr, "%s\n", err.text);
    return status != OK;
}
