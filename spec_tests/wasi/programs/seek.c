/* Positions of files.
   @file file 0123456789 */
#include "wasi.h"

static void seek(const char *label, int fd, s64 delta, int whence) {
  u64 position = 0;
  int error = fd_seek(fd, delta, whence, &position);
  if (error)
    say(label, error);
  else
    show(label, position);
}

int main(void) {
  u64 position = 0;
  int fd = must_open("file", 0, READ_WRITE);
  seek("set", fd, 3, WHENCE_SET);
  show_rest("rest", fd);
  seek("current", fd, -2, WHENCE_CUR);
  seek("end", fd, -4, WHENCE_END);
  show_rest("rest", fd);
  seek("behind the end", fd, 5, WHENCE_END);
  say("tell", fd_tell(fd, &position));
  show("position", position);
  say("write", write_text(fd, "x"));
  seek("before the beginning", fd, -1, WHENCE_SET);
  seek("before the beginning from the end", fd, -100, WHENCE_END);
  seek("before the beginning from here", fd, -100, WHENCE_CUR);
  seek("still there", fd, 0, WHENCE_CUR);
  seek("a directory", ROOT, 0, WHENCE_CUR);
  say("tell a directory", fd_tell(ROOT, &position));
  seek("nothing open", 99, 0, WHENCE_SET);
  say("tell nothing open", fd_tell(99, &position));
  return 0;
}
