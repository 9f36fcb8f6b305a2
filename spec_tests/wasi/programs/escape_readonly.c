/* Nothing beneath a directory that may only be read is changed.
   @dirs readonly
   @file file hello
   @mkdir dir
   @link link file */
#include "wasi.h"

int main(void) {
  filestat stat;
  try_open("read", ROOT, 0, "file", 0, FD_READ);
  try_open("write", ROOT, 0, "file", 0, FD_WRITE);
  try_open("write through a link", ROOT, 1, "link", 0, FD_WRITE);
  try_open("read and write", ROOT, 0, "file", 0, READ_WRITE);
  try_open("empty", ROOT, 0, "file", TRUNC, FD_READ);
  try_open("create", ROOT, 0, "new", CREAT, FD_READ);
  try_open("create what is there", ROOT, 0, "file", CREAT, FD_READ);
  try_open("open a directory", ROOT, 0, "dir", DIRECTORY, 0);
  say("stat", path_filestat_get(ROOT, 0, P("file"), &stat));
  say("create a directory", path_create_directory(ROOT, P("new")));
  say("remove a directory", path_remove_directory(ROOT, P("dir")));
  say("unlink", path_unlink_file(ROOT, P("file")));
  say("rename", path_rename(ROOT, P("file"), ROOT, P("new")));
  say("link", path_link(ROOT, 0, P("file"), ROOT, P("new")));
  say("symlink", path_symlink(P("file"), ROOT, P("new")));
  say("set times", path_filestat_set_times(ROOT, 0, P("file"), 5, 5, ATIM | MTIM));
  int fd = must_open("file", 0, FD_READ);
  iovec one = {"x", 1};
  u32 count;
  say("write what is open", write_text(fd, "x"));
  say("pwrite", fd_pwrite(fd, &one, 1, 0, &count));
  say("set size", fd_filestat_set_size(fd, 0));
  say("set times of what is open", fd_filestat_set_times(fd, 5, 5, ATIM | MTIM));
  say("set times of the directory", fd_filestat_set_times(ROOT, 5, 5, ATIM | MTIM));
  int dir = must_open("dir", DIRECTORY, 0);
  try_open("create beneath", dir, 0, "new", CREAT, READ_WRITE);
  say("create a directory beneath", path_create_directory(dir, P("new")));
  show_rest("file", fd);
  return 0;
}
