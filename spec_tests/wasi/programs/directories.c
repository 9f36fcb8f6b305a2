/* Making and removing directories.
   @file file x
   @mkdir full
   @file full/inner x
   @link link full
   @link broken nowhere */
#include "wasi.h"

int main(void) {
  say("create", path_create_directory(ROOT, P("dir")));
  say("create again", path_create_directory(ROOT, P("dir")));
  say("create with a slash", path_create_directory(ROOT, P("slash/")));
  say("create with slashes", path_create_directory(ROOT, P("slashes///")));
  say("create within", path_create_directory(ROOT, P("dir/sub")));
  say("create through a link", path_create_directory(ROOT, P("link/sub")));
  say("create over a file", path_create_directory(ROOT, P("file")));
  say("create beneath a file", path_create_directory(ROOT, P("file/sub")));
  say("create over a link", path_create_directory(ROOT, P("link")));
  say("create over a link to nowhere", path_create_directory(ROOT, P("broken")));
  say("create in nothing", path_create_directory(ROOT, P("nothing/sub")));
  say("create the root", path_create_directory(ROOT, P(".")));
  say("create with a dot", path_create_directory(ROOT, P("dot/.")));
  say("create nothing", path_create_directory(ROOT, P("")));
  say("create from nothing open", path_create_directory(99, P("x")));
  say("create from standard input", path_create_directory(0, P("x")));
  say("remove full", path_remove_directory(ROOT, P("full")));
  say("remove a file", path_remove_directory(ROOT, P("file")));
  say("remove a file with a slash", path_remove_directory(ROOT, P("file/")));
  say("remove a link", path_remove_directory(ROOT, P("link")));
  say("remove nothing", path_remove_directory(ROOT, P("nothing")));
  say("remove empty", path_remove_directory(ROOT, P("")));
  say("remove the root", path_remove_directory(ROOT, P(".")));
  say("remove with a slash", path_remove_directory(ROOT, P("dir/sub/")));
  say("remove with a slash at the top", path_remove_directory(ROOT, P("slash/")));
  say("remove", path_remove_directory(ROOT, P("dir")));
  say("remove with dots", path_remove_directory(ROOT, P("full/../slashes")));
  say("remove from nothing open", path_remove_directory(99, P("x")));
  say("remove from a file", path_remove_directory(must_open("file", 0, FD_READ), P("x")));
  return 0;
}
