/* Out of the directory through symbolic links, the host's and the guest's own.
   @mkdir dir
   @file file x
   @link out ../outside
   @link secret ../outside/secret
   @link absolute /etc/passwd
   @link root /
   @link dir/up ..
   @link dir/upup ../..
   @link proc /proc/self/fd
   @link home ../dir0
   @link around dir/up/../../dir0/file */
#include "wasi.h"

static void all(const char *path) {
  filestat stat;
  char buffer[64];
  u32 size = strlen(path), used;
  text("path", path, size);
  for (int lookup = 0; lookup < 2; lookup++) {
    try_open(lookup ? "  open, following" : "  open", ROOT, lookup, path, 0, FD_READ);
    try_open(lookup ? "  create, following" : "  create", ROOT, lookup, path, CREAT | TRUNC, READ_WRITE);
    try_open(lookup ? "  open as a directory, following" : "  open as a directory", ROOT, lookup, path, DIRECTORY, 0);
    say(lookup ? "  stat, following" : "  stat", path_filestat_get(ROOT, lookup, path, size, &stat));
  }
  say("  set times, following", path_filestat_set_times(ROOT, 1, path, size, 0, 0, ATIM | MTIM));
  say("  readlink", path_readlink(ROOT, path, size, buffer, sizeof buffer, &used));
  say("  create a directory", path_create_directory(ROOT, path, size));
  say("  remove a directory", path_remove_directory(ROOT, path, size));
}

int main(void) {
  all("out");
  all("out/");
  all("out/secret");
  all("out/.");
  all("out/..");
  all("out/../dir0/file");
  all("secret");
  all("absolute");
  all("root/etc/passwd");
  all("dir/upup/outside/secret");
  all("dir/up/out/secret");
  all("dir/up/../outside/secret");
  all("proc/3");
  all("home/file");
  all("around");
  say("unlink through a link", path_unlink_file(ROOT, P("out/secret")));
  say("rename through a link", path_rename(ROOT, P("out/secret"), ROOT, P("taken")));
  say("rename into a link", path_rename(ROOT, P("file"), ROOT, P("out/file")));
  say("link through a link", path_link(ROOT, 0, P("out/secret"), ROOT, P("taken")));
  say("link, following", path_link(ROOT, SYMLINK_FOLLOW, P("secret"), ROOT, P("taken")));
  return 0;
}
