/* Symbolic links in circles, and long chains of them.
   @link a b
   @link b a
   @link self self
   @link inner self/x
   @file file x */
#include "wasi.h"

int main(void) {
  filestat stat;
  u32 used;
  char buffer[8], from[] = "chain00", to[] = "chain00";
  try_open("circle, followed", ROOT, 1, "a", 0, FD_READ);
  try_open("circle, not followed", ROOT, 0, "a", 0, FD_READ);
  try_open("through a circle", ROOT, 0, "a/file", 0, FD_READ);
  try_open("through itself", ROOT, 0, "self/x", 0, FD_READ);
  try_open("as a directory", ROOT, 1, "self", DIRECTORY, 0);
  try_open("create", ROOT, 1, "self", CREAT, FD_WRITE);
  say("stat, followed", path_filestat_get(ROOT, 1, P("self"), &stat));
  say("stat, not followed", path_filestat_get(ROOT, 0, P("self"), &stat));
  say("readlink", path_readlink(ROOT, P("self"), buffer, 8, &used));
  say("create a directory", path_create_directory(ROOT, P("self")));
  say("create a directory beneath", path_create_directory(ROOT, P("self/x")));
  say("unlink beneath", path_unlink_file(ROOT, P("inner/x")));
  path_symlink(P("file"), ROOT, P("chain00"));
  for (int i = 1; i < 50; i++) {
    from[5] = '0' + i / 10, from[6] = '0' + i % 10;
    to[5] = '0' + (i - 1) / 10, to[6] = '0' + (i - 1) % 10;
    path_symlink(P(to), ROOT, P(from));
  }
  try_open("a chain of ten", ROOT, 1, "chain09", 0, FD_READ);
  try_open("a chain of forty", ROOT, 1, "chain39", 0, FD_READ);
  try_open("a chain of fifty", ROOT, 1, "chain49", 0, FD_READ);
  say("unlink", path_unlink_file(ROOT, P("self")));
  for (int i = 0; i < 50; i++) {
    from[5] = '0' + i / 10, from[6] = '0' + i % 10;
    path_unlink_file(ROOT, P(from));
  }
  return 0;
}
