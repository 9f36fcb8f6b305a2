/* Reading and writing through lists of buffers.
   @file file hello world */
#include "wasi.h"

int main(void) {
  char a[4] = "....", b[8] = "........";
  u32 count = 99;
  int fd = must_open("file", 0, READ_WRITE);
  iovec scattered[] = {{a, 3}, {a, 0}, {b, 4}};
  say("read", fd_read(fd, scattered, 3, &count));
  show("count", count);
  text("first", a, 4);
  text("second", b, 8);
  iovec gathered[] = {{"AB", 2}, {0, 0}, {"CDEFGHIJ", 8}};
  say("write", fd_write(fd, gathered, 3, &count));
  show("count", count);
  say("read at the end", fd_read(fd, scattered, 3, &count));
  show("count", count);
  say("no buffers", fd_read(fd, scattered, 0, &count));
  show("count", count);
  say("no buffers", fd_write(fd, gathered, 0, &count));
  show("count", count);
  say("empty buffers", fd_write(fd, gathered + 1, 1, &count));
  show("count", count);
  int reader = must_open("file", 0, FD_READ);
  int writer = must_open("file", 0, FD_WRITE);
  say("write what was opened to read", write_text(reader, "x"));
  say("read what was opened to write", read_some(writer, a, 3, &count));
  show_rest("file", reader);
  say("write a directory", write_text(ROOT, "x"));
  say("read a directory", read_some(ROOT, a, 3, &count));
  say("write nothing open", write_text(99, "x"));
  say("read nothing open", read_some(99, a, 3, &count));
  say("read standard output", read_some(1, a, 3, &count));
  say("write standard input", write_text(0, "x"));
  return 0;
}
