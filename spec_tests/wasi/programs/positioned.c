/* Positioned reading and writing leaves the offset where it is.
   @file file 0123456789 */
#include "wasi.h"

int main(void) {
  char buffer[16] = "................";
  u32 count = 99;
  u64 position;
  int fd = must_open("file", 0, READ_WRITE);
  iovec into[] = {{buffer, 2}, {buffer + 4, 2}}, from[] = {{"ab", 2}, {"cd", 2}};
  say("read two", read_some(fd, buffer, 2, &count));
  say("pread", fd_pread(fd, into, 2, 5, &count));
  show("count", count);
  text("buffer", buffer, 8);
  say("pread over the end", fd_pread(fd, into, 2, 9, &count));
  show("count", count);
  say("pread behind the end", fd_pread(fd, into, 2, 1000, &count));
  show("count", count);
  say("pwrite", fd_pwrite(fd, from, 2, 4, &count));
  show("count", count);
  say("pwrite behind the end", fd_pwrite(fd, from, 1, 12, &count));
  say("tell", fd_tell(fd, &position));
  show("position", position);
  int reader = must_open("file", 0, FD_READ), writer = must_open("file", 0, FD_WRITE);
  say("pwrite what was opened to read", fd_pwrite(reader, from, 1, 0, &count));
  say("pread what was opened to write", fd_pread(writer, into, 1, 0, &count));
  say("pread a directory", fd_pread(ROOT, into, 1, 0, &count));
  say("pwrite a directory", fd_pwrite(ROOT, from, 1, 0, &count));
  say("pread nothing open", fd_pread(99, into, 1, 0, &count));
  say("pwrite nothing open", fd_pwrite(99, from, 1, 0, &count));
  say("pread no buffers", fd_pread(fd, into, 0, 0, &count));
  show("count", count);
  say("pread at no offset", fd_pread(fd, into, 1, 1ull << 63, &count));
  say("pwrite at no offset", fd_pwrite(fd, from, 1, ~0ull, &count));
  return 0;
}
