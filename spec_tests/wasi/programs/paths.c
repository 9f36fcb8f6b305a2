/* Paths at the edge of what one is.
   @file file hello
   @mkdir dir
   @file dir/inner x */
#include "wasi.h"

static char longest[6000];

static void open_size(const char *label, const char *path, u32 size) {
  int fd = -1;
  int error = path_open(ROOT, 0, path, size, 0, FD_READ, 0, 0, &fd);
  say(label, error);
  if (!error)
    fd_close(fd);
}

int main(void) {
  filestat stat;
  open_size("empty", "", 0);
  open_size("a dot", P("."));
  open_size("dots", P("./././file"));
  open_size("slashes", P("dir///inner"));
  open_size("up and down", P("dir/../dir/../file"));
  open_size("a slash behind a file", P("file/"));
  open_size("a dot behind a file", P("file/."));
  open_size("up from a file", P("file/.."));
  open_size("a slash behind a directory", P("dir/"));
  open_size("a dot behind a directory", P("dir/."));
  open_size("up from what is not there", P("nothing/../file"));
  open_size("a NUL at the end", "file\0", 5);
  open_size("a NUL within", "fi\0le", 5);
  open_size("a NUL behind a slash", "dir\0/inner", 10);
  open_size("only a NUL", "\0", 1);
  open_size("a NUL before steps up", P("file\0/../../outside/secret"));
  open_size("a NUL behind steps up", P("../outside/secret\0"));
  open_size("not UTF-8", "\xff\xfe", 2);
  open_size("half a character", "\xc3", 1);
  open_size("a surrogate", "\xed\xa0\x80", 3);
  open_size("too long an encoding", "\xc0\xae\xc0\xae", 4);
  say("create what is not UTF-8", path_create_directory(ROOT, "\xff", 1));
  say("create with a NUL", path_create_directory(ROOT, "a\0b", 3));
  say("stat with a NUL", path_filestat_get(ROOT, 0, "file\0", 5, &stat));
  say("unlink with a NUL", path_unlink_file(ROOT, "file\0", 5));
  say("rename with a NUL", path_rename(ROOT, P("file"), ROOT, "x\0y", 3));
  say("link with a NUL", path_link(ROOT, 0, P("file"), ROOT, "x\0y", 3));
  say("symlink with a NUL", path_symlink("x\0y", 3, ROOT, P("x")));
  memset(longest, 'a', sizeof longest);
  open_size("255 characters", longest, 255);
  open_size("256 characters", longest, 256);
  say("create 255 characters", path_create_directory(ROOT, longest, 255));
  say("create 256 characters", path_create_directory(ROOT, longest, 256));
  say("remove 255 characters", path_remove_directory(ROOT, longest, 255));
  open_size("4095 characters", longest, 4095);
  open_size("6000 characters", longest, 6000);
  for (u32 i = 0; i < sizeof longest; i += 2)
    longest[i] = '.', longest[i + 1] = '/';
  memcpy(longest + 4000, "file", 4);
  open_size("2000 dots", longest, 4004);
  for (u32 i = 0; i + 6 < 3900; i += 7)
    memcpy(longest + i, "dir/../", 7);
  memcpy(longest + 3899, "file", 4);
  open_size("557 times up and down", longest, 3903);
  return 0;
}
