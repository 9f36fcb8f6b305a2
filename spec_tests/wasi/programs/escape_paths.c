/* Out of the directory by what a path says: absolute ones, and too many steps up.
   @mkdir dir
   @file file x */
#include "wasi.h"

static const char *const paths[] = {
  "/", "/etc/passwd", "//etc/passwd", "/outside/secret", "/proc/self/fd", "/proc/self/fd/3", "/dev/stdin",
  "..", "../", "../.", "../outside/secret", "./../outside/secret", "dir/../../outside/secret",
  "dir/.././../outside/secret", "dir//..//..//outside/secret", "../dir0/file", "dir/../../dir0/file",
  "../../../../../../../../etc/passwd", "dir/../..", "..//", "file/../../outside/secret",
};

int main(void) {
  filestat stat;
  char buffer[64];
  u32 used;
  int dir = must_open("dir", DIRECTORY, 0);
  for (u32 i = 0; i < sizeof paths / sizeof *paths; i++) {
    const char *path = paths[i];
    u32 size = strlen(path);
    text("path", path, size);
    for (int lookup = 0; lookup < 2; lookup++) {
      try_open("  open", ROOT, lookup, path, 0, FD_READ);
      try_open("  open as a directory", ROOT, lookup, path, DIRECTORY, 0);
      say("  stat", path_filestat_get(ROOT, lookup, path, size, &stat));
    }
    try_open("  open from below", dir, 0, path, 0, FD_READ);
    try_open("  create", ROOT, 0, path, CREAT | TRUNC, READ_WRITE);
    say("  set times", path_filestat_set_times(ROOT, 0, path, size, 0, 0, ATIM | MTIM));
    say("  create a directory", path_create_directory(ROOT, path, size));
    say("  remove a directory", path_remove_directory(ROOT, path, size));
    say("  unlink", path_unlink_file(ROOT, path, size));
    say("  readlink", path_readlink(ROOT, path, size, buffer, sizeof buffer, &used));
    say("  symlink", path_symlink(P("x"), ROOT, path, size));
    say("  rename from", path_rename(ROOT, path, size, ROOT, P("taken")));
    say("  rename to", path_rename(ROOT, P("file"), ROOT, path, size));
    say("  link from", path_link(ROOT, 0, path, size, ROOT, P("taken")));
    say("  link to", path_link(ROOT, 0, P("file"), ROOT, path, size));
  }
  return 0;
}
