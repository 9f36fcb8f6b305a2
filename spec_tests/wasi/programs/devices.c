/* A host that gives its devices to a guest: what they do to it, and that none leads out.
   @host /dev /dev */
#include "wasi.h"

static char buffer[16];

int main(void) {
  u32 count = 0;
  u64 position;
  fdstat stat = {0};
  int fd = open_at(OTHER, 0, "full", 0, READ_WRITE, 0);
  check("full opens", fd >= 0);
  say("its attributes", fd_fdstat_get(fd, &stat));
  show("its type", stat.type);
  say("write", write_text(fd, "x"));
  say("read", read_some(fd, buffer, 8, &count));
  show("count", count);
  fd_close(fd);
  fd = open_at(OTHER, 0, "null", 0, READ_WRITE, 0);
  say("write to null", write_text(fd, "x"));
  say("read from null", read_some(fd, buffer, 8, &count));
  show("count", count);
  say("seek", fd_seek(fd, 0, WHENCE_SET, &position));
  fd_close(fd);
  fd = open_at(OTHER, 0, "urandom", 0, FD_READ, 0);
  say("read random bytes", read_some(fd, buffer, 16, &count));
  show("count", count);
  fd_close(fd);
  try_open("the host's standard input", OTHER, 1, "stdin", 0, FD_READ);
  try_open("the host's descriptors", OTHER, 1, "fd", DIRECTORY, 0);
  try_open("one of them", OTHER, 1, "fd/0", 0, FD_READ);
  try_open("a new one", OTHER, 1, "fd/77", CREAT, FD_WRITE);
  return 0;
}
