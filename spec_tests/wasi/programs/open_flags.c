/* How a file is opened: creating, exclusively, emptying, as a directory.
   @file file hello
   @mkdir dir */
#include "wasi.h"

static void open_and_show(const char *label, const char *path, int oflags, u64 rights) {
  int fd = open_at(ROOT, 0, path, oflags, rights, 0);
  if (fd < 0)
    say(label, -1 - fd);
  else {
    show_rest(label, fd);
    fd_close(fd);
  }
}

int main(void) {
  open_and_show("what is there", "file", 0, FD_READ);
  open_and_show("what is not there", "new", 0, FD_READ);
  open_and_show("create", "new", CREAT, READ_WRITE);
  open_and_show("create what is there", "file", CREAT, READ_WRITE);
  open_and_show("exclusively", "new", CREAT | EXCL, READ_WRITE);
  open_and_show("exclusively new", "newer", CREAT | EXCL, READ_WRITE);
  open_and_show("without a right to anything", "file", 0, 0);
  open_and_show("to write only", "file", 0, FD_WRITE);
  open_and_show("empty it without a right to anything", "file", TRUNC, 0);
  open_and_show("it is empty", "file", 0, FD_READ);
  say("write what was created to be read", write_text(must_open("read", CREAT, FD_READ), "x"));
  int fd = must_open("file", TRUNC, READ_WRITE);
  say("write", write_text(fd, "again"));
  open_and_show("empty it to read", "file", TRUNC, FD_READ);
  open_and_show("empty and create", "newest", CREAT | TRUNC, READ_WRITE);
  try_open("a directory", ROOT, 0, "dir", 0, FD_READ);
  try_open("a directory as one", ROOT, 0, "dir", DIRECTORY, FD_READDIR);
  try_open("a directory to write", ROOT, 0, "dir", 0, FD_WRITE);
  try_open("a directory as one to write", ROOT, 0, "dir", DIRECTORY, FD_WRITE);
  try_open("a file as a directory", ROOT, 0, "file", DIRECTORY, 0);
  try_open("create a directory", ROOT, 0, "newdir", CREAT | DIRECTORY, 0);
  try_open("create over a directory", ROOT, 0, "dir", CREAT, READ_WRITE);
  try_open("empty a directory", ROOT, 0, "dir", TRUNC, READ_WRITE);
  try_open("exclusively without creating", ROOT, 0, "file", EXCL, FD_READ);
  try_open("the root itself", ROOT, 0, ".", DIRECTORY, 0);
  try_open("from a file", fd, 0, "file", 0, FD_READ);
  try_open("from standard input", 0, 0, "file", 0, FD_READ);
  try_open("from nothing open", 99, 0, "file", 0, FD_READ);
  try_open("in what is not there", ROOT, 0, "nothing/file", CREAT, FD_WRITE);
  return 0;
}
