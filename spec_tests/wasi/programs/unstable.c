/* The first snapshot: other numbers of whence, a shorter filestat, a longer subscription, the same rest.
   @args argument
   @env NAME=value
   @file file 0123456789
   @mkdir dir
   @link link file
   @wasmtime no: its Python package defines the second snapshot only */
#ifndef UNSTABLE
#define UNSTABLE
#endif
#include "wasi.h"

int main(void) {
  u32 count, size;
  u64 position = 0, time = 0;
  char buffer[64];
  int fd = must_open("file", 0, READ_WRITE);
  say("args", args_sizes_get(&count, &size));
  show("count", count);
  show("size", size);
  say("environ", environ_sizes_get(&count, &size));
  show("size", size);
  say("seek from the end", fd_seek(fd, -3, 1, &position));
  show("position", position);
  say("seek from here", fd_seek(fd, -3, 0, &position));
  show("position", position);
  say("seek from the beginning", fd_seek(fd, 2, 2, &position));
  show("position", position);
  say("tell", fd_tell(fd, &position));
  show("position", position);
  filestat stat;
  memset(&stat, 0xaa, sizeof stat);
  u64 behind[8];
  memset(behind, 0xaa, sizeof behind);
  say("filestat", fd_filestat_get(fd, (filestat *)behind));
  memcpy(&stat, behind, sizeof stat);
  show("size of the record", sizeof stat);
  show("type", stat.type);
  show("links", stat.nlink);
  show("size", stat.size);
  check("nothing behind it", behind[7] == 0xaaaaaaaaaaaaaaaaull);
  say("filestat by path", path_filestat_get(ROOT, 1, P("link"), &stat));
  show("size", stat.size);
  say("clock", clock_time_get(REALTIME, 1, &time));
  check("after 2020", time > 1577836800000000000ull);
  subscription one = {17, CLOCK};
  one.clock.identifier = 5, one.clock.id = MONOTONIC, one.clock.timeout = 10000000;
  event happened;
  show("size of a subscription", sizeof one);
  say("poll", poll_oneoff(&one, &happened, 1, &count));
  show("events", count);
  show("userdata", happened.userdata);
  show("type", happened.type);
  say("random", random_get(buffer, 8));
  say("create a directory", path_create_directory(ROOT, P("new")));
  say("rename", path_rename(ROOT, P("new"), ROOT, P("renamed")));
  say("remove it", path_remove_directory(ROOT, P("renamed")));
  say("symlink", path_symlink(P("file"), ROOT, P("made")));
  say("readlink", path_readlink(ROOT, P("made"), buffer, 64, &count));
  text("target", buffer, count);
  say("link", path_link(ROOT, 0, P("file"), ROOT, P("hard")));
  say("unlink", path_unlink_file(ROOT, P("made")));
  say("yield", sched_yield());
  say("outside", path_create_directory(ROOT, P("../new")));
  proc_exit(3);
  return 0;
}
