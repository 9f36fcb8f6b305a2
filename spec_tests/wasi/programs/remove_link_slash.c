/* What removes a link that has a slash behind it: it means the directory, which is not removed through it.
   @mkdir dir
   @link link dir */
#include "wasi.h"

int main(void) {
  say("remove", path_remove_directory(ROOT, P("link/")));
  say("unlink", path_unlink_file(ROOT, P("link/")));
  return 0;
}
