/* Removing files.
   @file file x
   @file open stays
   @mkdir dir
   @link link file
   @link dirlink dir
   @link broken nowhere */
#include "wasi.h"

int main(void) {
  int fd = must_open("open", 0, FD_READ);
  filestat stat;
  say("directory", path_unlink_file(ROOT, P("dir")));
  say("directory with a slash", path_unlink_file(ROOT, P("dir/")));
  say("file with a slash", path_unlink_file(ROOT, P("file/")));
  say("nothing", path_unlink_file(ROOT, P("nothing")));
  say("empty", path_unlink_file(ROOT, P("")));
  say("the root", path_unlink_file(ROOT, P(".")));
  say("beneath a file", path_unlink_file(ROOT, P("file/x")));
  say("link", path_unlink_file(ROOT, P("link")));
  say("link to a directory", path_unlink_file(ROOT, P("dirlink")));
  say("link to nowhere", path_unlink_file(ROOT, P("broken")));
  say("file", path_unlink_file(ROOT, P("file")));
  say("file again", path_unlink_file(ROOT, P("file")));
  say("open", path_unlink_file(ROOT, P("open")));
  show_rest("it can still be read", fd);
  fd_filestat_get(fd, &stat);
  show("links", stat.nlink);
  say("from nothing open", path_unlink_file(99, P("x")));
  say("from a file", path_unlink_file(fd, P("x")));
  return 0;
}
