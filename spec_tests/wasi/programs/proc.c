/* A host that gives its own entry in /proc to a guest: the links there are not of the usual kind, they lead without a
   path, and are not followed all the same.
   @host /proc/self /proc */
#include "wasi.h"

static void both(const char *path, int oflags) {
  text("path", path, strlen(path));
  try_open("  open", OTHER, 0, path, oflags, oflags ? 0 : FD_READ);
  try_open("  open, following", OTHER, SYMLINK_FOLLOW, path, oflags, oflags ? 0 : FD_READ);
}

int main(void) {
  filestat stat;
  char buffer[64];
  u32 used;
  both("root", DIRECTORY);
  both("root/", DIRECTORY);
  both("root/etc/passwd", 0);
  both("cwd", DIRECTORY);
  both("cwd/.", DIRECTORY);
  both("cwd/..", DIRECTORY);
  both("exe", 0);
  both("task/../root/etc/passwd", 0);
  say("stat through a link", path_filestat_get(OTHER, 0, P("root/etc/passwd"), &stat));
  say("stat following", path_filestat_get(OTHER, SYMLINK_FOLLOW, P("exe"), &stat));
  say("readlink", path_readlink(OTHER, P("exe"), buffer, sizeof buffer, &used));
  say("hard link", path_link(OTHER, 0, P("root/etc/passwd"), ROOT, P("taken")));
  say("hard link, following", path_link(OTHER, SYMLINK_FOLLOW, P("exe"), ROOT, P("taken")));
  return 0;
}
