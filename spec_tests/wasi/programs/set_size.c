/* The size of a file is set, up and down.
   @file file 0123456789 */
#include "wasi.h"

int main(void) {
  filestat stat;
  int fd = must_open("file", 0, READ_WRITE);
  say("shrink", fd_filestat_set_size(fd, 4));
  show_rest("file", fd);
  say("grow", fd_filestat_set_size(fd, 6));
  fd_filestat_get(fd, &stat);
  show("size", stat.size);
  say("no size", fd_filestat_set_size(fd, 1ull << 63));
  int reader = must_open("file", 0, FD_READ);
  say("what was opened to read", fd_filestat_set_size(reader, 0));
  say("a directory", fd_filestat_set_size(ROOT, 0));
  say("standard output", fd_filestat_set_size(1, 0));
  say("nothing open", fd_filestat_set_size(99, 0));
  return 0;
}
