/* Across two preopened directories: what a link means is decided where it is followed, and `..` of a directory that
   moved leads nowhere else.
   @dirs two
   @mkdir deep
   @mkdir deep/er
   @file deep/er/file x */
#include "wasi.h"

int main(void) {
  int held = must_open("deep/er", DIRECTORY, 0);
  say("link that stays inside", path_symlink(P("../../deep"), ROOT, P("deep/er/up")));
  try_open("it does", ROOT, 1, "deep/er/up/er/file", 0, FD_READ);
  say("move it to the other", path_rename(ROOT, P("deep/er"), OTHER, P("er")));
  try_open("the link leads out of there", OTHER, 1, "er/up/er/file", 0, FD_READ);
  try_open("and to the neighbour", OTHER, 1, "er/../../outside/secret", 0, FD_READ);
  try_open("what is held", held, 0, "file", 0, FD_READ);
  try_open("and above", held, 0, "..", DIRECTORY, 0);
  try_open("and above", held, 1, "up", DIRECTORY, 0);
  say("link to the neighbour", path_symlink(P("../dir0/deep"), OTHER, P("neighbour")));
  try_open("is not followed", OTHER, 1, "neighbour", DIRECTORY, 0);
  try_open("nor here", ROOT, 1, "../dir1/er/file", 0, FD_READ);
  say("hard link across", path_link(OTHER, 0, P("er/file"), ROOT, P("linked")));
  say("onto the other root", path_rename(ROOT, P("deep"), OTHER, P("..")));
  say("the root away", path_rename(ROOT, P("."), OTHER, P("root")));
  return 0;
}
