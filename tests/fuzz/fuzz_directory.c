/*
 * Directories and ARNs: the first line of the input is an ARN, the rest is the file. All parts of a
 * principal lie inside its ARN, and a file is refused with a message or can be searched.
 */
#include "model/directory.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct str part, struct str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct str arn = str_cut(&text, '\n');
    struct principal p = principal_parse(arn);
    assert(within(p.session, arn) && within(p.path, arn) && within(p.session_id, arn));
    assert(within(p.role, arn) && within(p.person, arn) && within(p.account, arn));

    struct directory *d;
    struct err err = {0};
    if (directory_load(text.p ? text : STR(""), "fuzz", &d, &err) != OK) {
        assert(err.text[0]);
        return 0;
    }
    struct directory_entry e = directory_find(d, arn, &p);
    assert(e.team.p && e.cost_centre.p && e.person.p);
    directory_free(d);
    return 0;
}
