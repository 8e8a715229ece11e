/* The buffers behind struct source_room (source.h). Included by the files of this room only. */
#ifndef ASSAY_SOURCE_ROOM_H
#define ASSAY_SOURCE_ROOM_H

#include "aws/call.h"
#include "source/source.h"

struct source_room {
    struct aws_answer item, body;
};

#endif
