/* All that is ready by the end of the wait is told, in the order of the subscriptions.
   @file file hello
   @wasmtime no: it tells of the one or of both, as its threads happen to run */
#include "wasi.h"

int main(void) {
  int fd = must_open("file", 0, READ_WRITE);
  subscription both[] = {{1, FD_READ_READY}, {2, FD_WRITE_READY}, {3, FD_READ_READY}};
  event events[3];
  u32 stored = 0;
  both[0].fd = both[1].fd = both[2].fd = fd;
  say("poll", poll_oneoff(both, events, 3, &stored));
  show("events", stored);
  for (u32 i = 0; i < stored; i++) {
    show("userdata", events[i].userdata);
    show("type", events[i].type);
  }
  return 0;
}
