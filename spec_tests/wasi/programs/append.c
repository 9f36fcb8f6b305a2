/* Appending: to the end wherever the offset is, and switched on and off.
   @file file start */
#include "wasi.h"

static void flags(const char *label, int fd) {
  fdstat stat = {0};
  fd_fdstat_get(fd, &stat);
  show(label, stat.flags);
}

int main(void) {
  u64 position = 0;
  u32 count;
  int fd = open_at(ROOT, 0, "file", 0, READ_WRITE, APPEND);
  flags("flags", fd);
  say("write", write_text(fd, " one"));
  say("seek", fd_seek(fd, 0, WHENCE_SET, &position));
  say("write", write_text(fd, " two"));
  say("seek", fd_seek(fd, 0, WHENCE_SET, &position));
  show_rest("file", fd);
  say("switch it off", fd_fdstat_set_flags(fd, 0));
  flags("flags", fd);
  say("seek", fd_seek(fd, 0, WHENCE_SET, &position));
  say("write", write_text(fd, "START"));
  iovec one = {"S", 1};
  say("pwrite", fd_pwrite(fd, &one, 1, 0, &count));
  say("switch it on", fd_fdstat_set_flags(fd, APPEND));
  flags("flags", fd);
  say("write", write_text(fd, "!"));
  say("seek", fd_seek(fd, 0, WHENCE_SET, &position));
  show_rest("file", fd);
  return 0;
}
