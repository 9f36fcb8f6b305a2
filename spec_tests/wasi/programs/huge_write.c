/* A megabyte at once. */
#include "wasi.h"

static char buffer[1 << 20];

int main(void) {
  u32 count = 0, total = 0;
  u64 position;
  memset(buffer, 'm', sizeof buffer);
  int fd = must_open("file", CREAT, READ_WRITE);
  iovec rest = {buffer, sizeof buffer};
  while (rest.size && !fd_write(fd, &rest, 1, &count)) {
    rest.at = (const char *)rest.at + count;
    rest.size -= count;
  }
  say("tell", fd_tell(fd, &position));
  show("position", position);
  fd_seek(fd, 0, WHENCE_SET, &position);
  iovec all = {buffer, sizeof buffer};
  while (!fd_read(fd, &all, 1, &count) && count)
    total += count;
  show("read", total);
  return 0;
}
