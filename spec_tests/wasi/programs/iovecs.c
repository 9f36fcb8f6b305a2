/* Lists of buffers: many, overlapping, touching their own list.
   @file file abcdefghijklmnopqrstuvwxyz */
#include "wasi.h"

static char buffer[4096];
static iovec many[2000];

int main(void) {
  u32 count = 0;
  u64 position;
  int fd = must_open("file", 0, READ_WRITE);
  for (u32 i = 0; i < 2000; i++)
    many[i] = (iovec){buffer + i, i % 2};
  say("2000 buffers", fd_read(fd, many, 2000, &count));
  show("count", count);
  text("odd places", buffer, 8);
  fd_seek(fd, 0, WHENCE_SET, &position);
  iovec overlapping[] = {{buffer, 4}, {buffer + 2, 4}};
  memset(buffer, '.', sizeof buffer);
  say("overlapping", fd_read(fd, overlapping, 2, &count));
  show("count", count);
  text("data", buffer, 8);
  iovec same[] = {{"xy", 2}, {"xy", 2}, {"xy", 2}};
  fd_seek(fd, 0, WHENCE_SET, &position);
  say("one buffer thrice", fd_write(fd, same, 3, &count));
  show("count", count);
  fd_seek(fd, 0, WHENCE_SET, &position);
  show_rest("file", fd);
  return 0;
}
