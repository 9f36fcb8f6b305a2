/* What cannot be waited for. */
#include "wasi.h"

static event events[4];
static u32 stored;

int main(void) {
  subscription one = {1, FD_READ_READY};
  one.fd = 99;
  say("nothing open", poll_oneoff(&one, events, 1, &stored));
  one.fd = 1;
  say("standard output to read", poll_oneoff(&one, events, 1, &stored));
  one.tag = FD_WRITE_READY;
  one.fd = 0;
  say("standard input to write", poll_oneoff(&one, events, 1, &stored));
  one.tag = 3;
  say("no type", poll_oneoff(&one, events, 1, &stored));
  return 0;
}
