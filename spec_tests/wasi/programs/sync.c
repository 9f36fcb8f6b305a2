/* Synchronisation and advice.
   @file file hello */
#include "wasi.h"

int main(void) {
  int fd = must_open("file", 0, READ_WRITE);
  say("sync", fd_sync(fd));
  say("datasync", fd_datasync(fd));
  for (int advice = 0; advice < 6; advice++)
    say("advise", fd_advise(fd, 0, 5, advice));
  say("advise to the end", fd_advise(fd, 2, 0, 3));
  say("advise on too much", fd_advise(fd, 1ull << 63, 1ull << 63, 0));
  say("sync a directory", fd_sync(ROOT));
  say("datasync a directory", fd_datasync(ROOT));
  say("advise on a directory", fd_advise(ROOT, 0, 5, 0));
  say("sync standard output", fd_sync(1));
  say("sync nothing open", fd_sync(99));
  say("datasync nothing open", fd_datasync(99));
  say("advise on nothing open", fd_advise(99, 0, 5, 0));
  return 0;
}
