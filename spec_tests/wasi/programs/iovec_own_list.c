/* A list of buffers that is read into itself: what it says is decided before.
   @file file \u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000rest */
#include "wasi.h"

static char buffer[16];
static iovec list[2];

int main(void) {
  u32 count = 0;
  int fd = must_open("file", 0, FD_READ);
  list[0] = (iovec){list, 8};
  list[1] = (iovec){buffer, 8};
  say("read", fd_read(fd, list, 2, &count));
  show("count at least 8", count >= 8);
  check("the first is overwritten", list[0].at == 0 && list[0].size == 0);
  check("the second is as it was", list[1].at == buffer && list[1].size == 8);
  return 0;
}
