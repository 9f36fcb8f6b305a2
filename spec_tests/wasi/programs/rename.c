/* Renaming.
   @file file first
   @file other second
   @mkdir dir
   @mkdir empty
   @mkdir full
   @file full/inner x
   @link link file */
#include "wasi.h"

static void rename_at(const char *label, const char *from, const char *to) {
  say(label, path_rename(ROOT, from, strlen(from), ROOT, to, strlen(to)));
}

int main(void) {
  rename_at("file", "file", "renamed");
  rename_at("onto another", "renamed", "other");
  rename_at("onto itself", "other", "other");
  rename_at("into a directory", "other", "dir/file");
  rename_at("with dots", "dir/../dir/file", "dir/./other");
  rename_at("directory with a slash", "dir/", "moved/");
  rename_at("file to a slash", "moved/other", "moved/x/");
  rename_at("file with a slash", "moved/other/", "moved/x");
  rename_at("directory onto an empty one", "moved", "empty");
  rename_at("directory onto a full one", "empty", "full");
  rename_at("directory onto a file", "full", "empty/other");
  rename_at("file onto a directory", "empty/other", "full");
  rename_at("directory into itself", "full", "full/sub");
  rename_at("link", "link", "moved link");
  rename_at("nothing", "nothing", "something");
  rename_at("into nothing", "empty/other", "nothing/x");
  rename_at("empty", "", "x");
  rename_at("to empty", "full", "");
  rename_at("the root", ".", "x");
  rename_at("to the root", "full", ".");
  say("from nothing open", path_rename(99, P("full"), ROOT, P("x")));
  say("to nothing open", path_rename(ROOT, P("full"), 99, P("x")));
  say("from a file", path_rename(must_open("full/inner", 0, FD_READ), P("x"), ROOT, P("y")));
  return 0;
}
