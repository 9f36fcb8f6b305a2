/* No descriptor is a socket that data could go through.
   @file file x */
#include "wasi.h"

int main(void) {
  char buffer[4];
  iovec one = {buffer, 4};
  u32 size;
  u16 flags;
  int file = must_open("file", 0, READ_WRITE);
  int fds[] = {0, 1, ROOT, file, 99};
  for (u32 i = 0; i < sizeof fds / sizeof *fds; i++) {
    say("receive", sock_recv(fds[i], &one, 1, 0, &size, &flags));
    say("send", sock_send(fds[i], &one, 1, 0, &size));
    say("shut down", sock_shutdown(fds[i], 3));
  }
  return 0;
}
