/* What readers of one thread read into: see source.h. */
#include "source/room.h"

#include <stdlib.h>

enum status source_room_new(struct source_room **out, struct err *err)
{
    struct source_room *room = calloc(1, sizeof *room);
    if (!room)
        return err_nomem(err);
    aws_answer_init(&room->item);
    aws_answer_init(&room->body);
    *out = room;
    return OK;
}

void source_room_free(struct source_room *room)
{
    if (!room)
        return;
    aws_answer_fini(&room->item);
    aws_answer_fini(&room->body);
    free(room);
}
