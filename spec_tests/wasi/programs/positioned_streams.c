/* The standard streams have no positions. */
#include "wasi.h"

int main(void) {
  char buffer[4];
  u32 count;
  u64 position;
  iovec one = {buffer, 4};
  say("pread input", fd_pread(0, &one, 1, 0, &count));
  say("pwrite output", fd_pwrite(1, &one, 1, 0, &count));
  say("pwrite input", fd_pwrite(0, &one, 1, 0, &count));
  say("pread output", fd_pread(1, &one, 1, 0, &count));
  for (int fd = 0; fd < 3; fd++) {
    say("seek", fd_seek(fd, 0, WHENCE_SET, &position));
    say("tell", fd_tell(fd, &position));
  }
  return 0;
}
