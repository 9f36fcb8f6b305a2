/* Attributes of files, by descriptor and by path.
   @file file hello
   @mkdir dir
   @file dir/inner x
   @link link file
   @link dirlink dir
   @link broken nowhere */
#include "wasi.h"

static filestat stat;

static void by_path(const char *label, const char *path, int lookup) {
  memset(&stat, 0xaa, sizeof stat);
  int error = path_filestat_get(ROOT, lookup, path, strlen(path), &stat);
  say(label, error);
  if (!error) {
    show("  type", stat.type);
    if (stat.type == 4)
      show("  size", stat.size);
  }
}

int main(void) {
  int fd = must_open("file", 0, FD_READ);
  say("by descriptor", fd_filestat_get(fd, &stat));
  filestat same = stat;
  show("type", stat.type);
  show("size", stat.size);
  show("links", stat.nlink);
  check("times are of this century", stat.mtim > 946684800000000000ull && stat.ctim > 946684800000000000ull);
  by_path("by path", "file", 0);
  check("the same file", stat.dev == same.dev && stat.ino == same.ino && stat.mtim == same.mtim);
  by_path("directory", "dir", 0);
  check("another file", stat.ino != same.ino);
  by_path("directory with a slash", "dir/", 0);
  by_path("within", "dir/inner", 0);
  check("another file", stat.ino != same.ino);
  by_path("the root", ".", 0);
  by_path("up and down", "dir/../file", 0);
  by_path("link", "link", 0);
  by_path("link, followed", "link", SYMLINK_FOLLOW);
  check("the same file", stat.ino == same.ino);
  by_path("link to a directory", "dirlink", 0);
  by_path("link to a directory, followed", "dirlink", SYMLINK_FOLLOW);
  by_path("through a link", "dirlink/inner", 0);
  by_path("link to nowhere", "broken", 0);
  by_path("link to nowhere, followed", "broken", SYMLINK_FOLLOW);
  by_path("file with a slash", "file/", 0);
  by_path("beneath a file", "file/inner", 0);
  by_path("nothing", "nothing", 0);
  by_path("empty", "", 0);
  say("root by descriptor", fd_filestat_get(ROOT, &stat));
  show("type", stat.type);
  say("nothing open", fd_filestat_get(99, &stat));
  say("path from a file", path_filestat_get(fd, 0, P("file"), &stat));
  say("path from nothing open", path_filestat_get(99, 0, P("file"), &stat));
  return 0;
}
