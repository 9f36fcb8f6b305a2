/* Hard links.
   @file file hello
   @mkdir dir
   @link link file
   @link dirlink dir
   @link broken nowhere */
#include "wasi.h"

static void link_at(const char *label, int lookup, const char *from, const char *to) {
  say(label, path_link(ROOT, lookup, from, strlen(from), ROOT, to, strlen(to)));
}

int main(void) {
  filestat stat, same;
  link_at("file", 0, "file", "dir/hard");
  path_filestat_get(ROOT, 0, P("file"), &stat);
  path_filestat_get(ROOT, 0, P("dir/hard"), &same);
  check("the same file", stat.ino == same.ino && stat.nlink == 2 && same.nlink == 2);
  link_at("onto another", 0, "file", "dir/hard");
  link_at("onto a directory", 0, "file", "dir");
  link_at("onto a link to nowhere", 0, "file", "broken");
  link_at("directory", 0, "dir", "x");
  link_at("directory with a slash", 0, "dir/", "x");
  link_at("nothing", 0, "nothing", "x");
  link_at("into nothing", 0, "file", "nothing/x");
  link_at("file with a slash", 0, "file/", "x");
  link_at("to a slash", 0, "file", "x/");
  link_at("to a link with a slash", 0, "file", "broken/");
  link_at("empty", 0, "", "x");
  link_at("to empty", 0, "file", "");
  link_at("link", 0, "link", "second link");
  path_filestat_get(ROOT, 0, P("second link"), &stat);
  show("its type", stat.type);
  link_at("link, followed", SYMLINK_FOLLOW, "link", "x");
  link_at("link to nowhere, followed", SYMLINK_FOLLOW, "broken", "x");
  say("from nothing open", path_link(99, 0, P("file"), ROOT, P("x")));
  say("to nothing open", path_link(ROOT, 0, P("file"), 99, P("x")));
  return 0;
}
