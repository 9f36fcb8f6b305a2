/* Rights: what a directory lacks, and that they can only be given up.
   @file file hello
   @mkdir dir */
#include "wasi.h"

static void rights(const char *label, int fd, u64 of) {
  fdstat stat = {0};
  int error = fd_fdstat_get(fd, &stat);
  if (error)
    say(label, error);
  else
    check(label, (stat.base & of) == of);
}

int main(void) {
  char buffer[8];
  u32 count;
  fdstat stat = {0};
  int fd = must_open("file", 0, READ_WRITE);
  say("directory", fd_fdstat_get(ROOT, &stat));
  show("type", stat.type);
  rights("a directory has FD_SEEK", ROOT, FD_SEEK);
  rights("a directory has FD_FILESTAT_SET_SIZE", ROOT, FD_FILESTAT_SET_SIZE);
  rights("a directory has PATH_OPEN", ROOT, PATH_OPEN);
  rights("a directory has FD_READDIR", ROOT, FD_READDIR);
  say("file", fd_fdstat_get(fd, &stat));
  show("type", stat.type);
  rights("a file has FD_READ, FD_WRITE, FD_SEEK, FD_TELL", fd, READ_WRITE | FD_SEEK | FD_TELL);
  rights("a file has PATH_OPEN", fd, PATH_OPEN);
  rights("what was opened to read has FD_WRITE", must_open("file", 0, FD_READ), FD_WRITE);
  rights("what was opened to write has FD_READ", must_open("file", 0, FD_WRITE), FD_READ);
  rights("a directory opened with none has PATH_OPEN", must_open("dir", DIRECTORY, 0), PATH_OPEN);
  rights("nothing open", 99, 0);

  fd_fdstat_get(fd, &stat);
  say("give up writing", fd_fdstat_set_rights(fd, stat.base & ~FD_WRITE, stat.inheriting));
  say("write", write_text(fd, "x"));
  say("read", read_some(fd, buffer, 1, &count));
  say("get it back", fd_fdstat_set_rights(fd, stat.base, stat.inheriting));
  say("write", write_text(fd, "x"));
  say("give up all", fd_fdstat_set_rights(fd, 0, 0));
  say("read", read_some(fd, buffer, 1, &count));
  fdstat root = {0};
  fd_fdstat_get(ROOT, &root);
  say("give up the size of files", fd_fdstat_set_rights(ROOT, root.base & ~PATH_FILESTAT_SET_SIZE, root.inheriting));
  try_open("empty", ROOT, 0, "file", TRUNC, FD_WRITE);
  try_open("empty without a right to anything", ROOT, 0, "file", TRUNC, 0);
  say("give up writing beneath", fd_fdstat_set_rights(ROOT, root.base & ~PATH_FILESTAT_SET_SIZE,
                                                     root.inheriting & ~FD_WRITE));
  try_open("write", ROOT, 0, "file", 0, FD_WRITE);
  int below = must_open("dir", DIRECTORY, 0);
  try_open("create below", below, 0, "new", CREAT, READ_WRITE);
  say("give up opening", fd_fdstat_set_rights(ROOT, 0, 0));
  try_open("open", ROOT, 0, "file", 0, FD_READ);
  say("nothing open", fd_fdstat_set_rights(99, 0, 0));
  return 0;
}
