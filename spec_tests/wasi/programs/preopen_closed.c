/* A preopened directory that is closed is gone, and what was opened through it stays.
   @mkdir dir
   @file dir/inner hello */
#include "wasi.h"

int main(void) {
  prestat stat;
  int dir = must_open("dir", DIRECTORY, 0);
  say("close", fd_close(ROOT));
  say("close again", fd_close(ROOT));
  say("prestat", fd_prestat_get(ROOT, &stat));
  try_open("open", ROOT, 0, "dir/inner", 0, FD_READ);
  try_open("open through what stayed", dir, 0, "inner", 0, FD_READ);
  try_open("its parent", dir, 0, "..", DIRECTORY, 0);
  int fd = open_at(dir, 0, "inner", 0, FD_READ, 0);
  show("the number is used again", fd);
  say("it is no preopened directory", fd_prestat_get(fd, &stat));
  show_rest("file", fd);
  return 0;
}
