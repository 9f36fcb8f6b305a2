/* Out of the directory through links that the guest makes, moves and replaces.
   @mkdir a
   @mkdir a/b
   @file a/file inside */
#include "wasi.h"

int main(void) {
  say("link up", path_symlink(P(".."), ROOT, P("a/up")));
  say("link far up", path_symlink(P("../../outside"), ROOT, P("a/b/out")));
  say("link that is fine where it is made", path_symlink(P("../../a"), ROOT, P("a/b/far")));
  say("link to a link", path_symlink(P("a/up/a/up"), ROOT, P("twice")));
  try_open("up", ROOT, 1, "a/up/a/file", 0, FD_READ);
  try_open("up and out", ROOT, 1, "a/up/../outside/secret", 0, FD_READ);
  try_open("far up", ROOT, 1, "a/b/out/secret", 0, FD_READ);
  try_open("far up from a directory in between", must_open("a", DIRECTORY, 0), 1, "b/far/file", 0, FD_READ);
  try_open("fine from the root", ROOT, 1, "a/b/far/file", 0, FD_READ);
  try_open("twice", ROOT, 1, "twice/a/file", 0, FD_READ);
  /* Moved up a level, the same links lead elsewhere. */
  say("move it up", path_rename(ROOT, P("a/b"), ROOT, P("b")));
  try_open("out", ROOT, 1, "b/out/secret", 0, FD_READ);
  try_open("far", ROOT, 1, "b/far/file", 0, FD_READ);
  try_open("to dir0's neighbour", ROOT, 1, "b/out/../outside/secret", 0, FD_READ);
  /* A directory that is held open while a link takes its place. */
  int held = must_open("a", DIRECTORY, 0);
  say("move away", path_rename(ROOT, P("a"), ROOT, P("moved")));
  say("link in its place", path_symlink(P("../outside"), ROOT, P("a")));
  try_open("through the link", ROOT, 1, "a/secret", 0, FD_READ);
  try_open("through what is held", held, 0, "file", 0, FD_READ);
  try_open("above what is held", held, 0, "../a/secret", 0, FD_READ);
  say("remove through the link", path_unlink_file(ROOT, P("a/secret")));
  say("put it back", path_unlink_file(ROOT, P("a")));
  return 0;
}
