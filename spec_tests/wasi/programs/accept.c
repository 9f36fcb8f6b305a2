/* No descriptor is a socket that accepts.
   @file file x
   @unstable no: it came with the second snapshot */
#include "wasi.h"

int main(void) {
  int accepted;
  int file = must_open("file", 0, READ_WRITE);
  int fds[] = {0, 1, ROOT, file, 99};
  for (u32 i = 0; i < sizeof fds / sizeof *fds; i++)
    say("accept", sock_accept(fds[i], 0, &accepted));
  return 0;
}
