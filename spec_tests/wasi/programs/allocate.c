/* Allocation only grows a file.
   @file file hello */
#include "wasi.h"

static void allocate(const char *label, int fd, u64 offset, u64 length) {
  filestat stat;
  int error = fd_allocate(fd, offset, length);
  say(label, error);
  if (!fd_filestat_get(fd, &stat))
    show("size", stat.size);
}

int main(void) {
  int fd = must_open("file", 0, READ_WRITE);
  allocate("within", fd, 0, 3);
  allocate("over the end", fd, 4, 6);
  allocate("behind the end", fd, 20, 5);
  allocate("nothing", fd, 0, 0);
  allocate("too much", fd, 1ull << 62, 1ull << 62);
  allocate("more than there are numbers", fd, ~0ull, 2);
  say("a directory", fd_allocate(ROOT, 0, 10));
  say("standard output", fd_allocate(1, 0, 10));
  say("nothing open", fd_allocate(99, 0, 10));
  return 0;
}
