/* Out of the directory to where nothing is yet: nothing comes into being there.
   @mkdir dir
   @file file x
   @link out ../outside
   @link new ../outside/new */
#include "wasi.h"

static const char *const paths[] = {
  "../new", "dir/../../new", "../outside/new", "out/new", "new", "dir/../out/new", "/new", "out/../new",
};

int main(void) {
  for (u32 i = 0; i < sizeof paths / sizeof *paths; i++) {
    const char *path = paths[i];
    u32 size = strlen(path);
    text("path", path, size);
    try_open("  create, following", ROOT, 1, path, CREAT, READ_WRITE);
    try_open("  create exclusively", ROOT, 1, path, CREAT | EXCL, READ_WRITE);
    say("  create a directory", path_create_directory(ROOT, path, size));
    say("  symlink", path_symlink(P("x"), ROOT, path, size));
    say("  link", path_link(ROOT, 0, P("file"), ROOT, path, size));
  }
  say("rename to it", path_rename(ROOT, P("file"), ROOT, P("out/new")));
  return 0;
}
