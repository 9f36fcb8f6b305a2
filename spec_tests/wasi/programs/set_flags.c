/* Flags of descriptors: the synchronous kinds cannot be set.
   @file file x */
#include "wasi.h"

static void flags(const char *label, int fd) {
  fdstat stat = {0};
  int error = fd_fdstat_get(fd, &stat);
  if (error)
    say(label, error);
  else
    show(label, stat.flags);
}

int main(void) {
  int fd = must_open("file", 0, READ_WRITE);
  flags("at first", fd);
  say("nonblock", fd_fdstat_set_flags(fd, NONBLOCK));
  flags("flags", fd);
  say("append and nonblock", fd_fdstat_set_flags(fd, APPEND | NONBLOCK));
  flags("flags", fd);
  say("dsync", fd_fdstat_set_flags(fd, DSYNC));
  say("rsync", fd_fdstat_set_flags(fd, RSYNC));
  say("sync", fd_fdstat_set_flags(fd, SYNC));
  say("append and sync", fd_fdstat_set_flags(fd, APPEND | SYNC));
  flags("as before", fd);
  say("a directory", fd_fdstat_set_flags(ROOT, NONBLOCK));
  say("standard input", fd_fdstat_set_flags(0, NONBLOCK));
  say("nothing open", fd_fdstat_set_flags(99, 0));
  flags("nothing open", 99);
  int opened = open_at(ROOT, 0, "file", 0, FD_READ, NONBLOCK);
  flags("opened nonblock", opened);
  opened = open_at(ROOT, 0, "file", 0, FD_WRITE, SYNC);
  say("opened sync", opened < 0 ? -1 - opened : 0);
  opened = open_at(ROOT, 0, "file", 0, FD_WRITE, DSYNC);
  say("opened dsync", opened < 0 ? -1 - opened : 0);
  return 0;
}
