/* Symbolic links are made and read.
   @file file hello
   @mkdir dir */
#include "wasi.h"

static void symlink_at(const char *label, const char *target, const char *path) {
  say(label, path_symlink(target, strlen(target), ROOT, path, strlen(path)));
}

static void read_link(const char *path, u32 size) {
  char buffer[64];
  u32 used = 99;
  memset(buffer, 'x', sizeof buffer);
  int error = path_readlink(ROOT, path, strlen(path), buffer, size, &used);
  if (error)
    say(path, error);
  else {
    text(path, buffer, used + 1);
    show("  used", used);
  }
}

int main(void) {
  u32 used;
  char buffer[8];
  symlink_at("to a file", "file", "link");
  symlink_at("to a directory", "dir", "dirlink");
  symlink_at("to nowhere", "no/where", "broken");
  symlink_at("in a directory", "../file", "dir/link");
  symlink_at("over a file", "x", "file");
  symlink_at("over a directory", "x", "dir");
  symlink_at("over a link to nowhere", "x", "broken");
  symlink_at("with a slash", "x", "new/");
  symlink_at("over a directory with a slash", "x", "dir/");
  symlink_at("over a file with a slash", "x", "file/");
  symlink_at("over a link with a slash", "x", "broken/");
  symlink_at("into nothing", "x", "nothing/link");
  symlink_at("to an absolute path", "/etc/passwd", "absolute");
  symlink_at("to an empty path", "", "empty");
  symlink_at("at an empty path", "x", "");
  read_link("link", 64);
  read_link("link", 2);
  read_link("link", 0);
  read_link("broken", 64);
  read_link("dir/link", 64);
  read_link("dirlink/link", 64);
  read_link("file", 64);
  read_link("dir", 64);
  read_link("nothing", 64);
  read_link("", 64);
  say("symlink from nothing open", path_symlink(P("x"), 99, P("y")));
  say("readlink from nothing open", path_readlink(99, P("link"), buffer, 8, &used));
  say("readlink from a file", path_readlink(must_open("file", 0, FD_READ), P("link"), buffer, 8, &used));
  return 0;
}
