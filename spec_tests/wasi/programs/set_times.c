/* Times of files are set: to given ones, to now, each alone.
   @file file x
   @mkdir dir
   @link link file */
#include "wasi.h"

static void times(const char *label, int error, const char *path) {
  filestat stat;
  say(label, error);
  if (error || path_filestat_get(ROOT, 0, path, strlen(path), &stat))
    return;
  show("  atim", stat.atim < 1000000000000 ? stat.atim : 1);
  show("  mtim", stat.mtim < 1000000000000 ? stat.mtim : 1);
}

int main(void) {
  int fd = must_open("file", 0, READ_WRITE);
  int dir = must_open("dir", DIRECTORY, 0);
  times("both", fd_filestat_set_times(fd, 5000000000, 7000000000, ATIM | MTIM), "file");
  times("one", fd_filestat_set_times(fd, 9000000000, 9000000000, MTIM), "file");
  times("the other", fd_filestat_set_times(fd, 11000000000, 9000000000, ATIM), "file");
  times("now", fd_filestat_set_times(fd, 3000000000, 3000000000, MTIM_NOW), "file");
  times("neither", fd_filestat_set_times(fd, 3000000000, 3000000000, 0), "file");
  times("nanoseconds", fd_filestat_set_times(fd, 123456789012, 9999999999, ATIM | MTIM), "file");
  times("one given, the other now", fd_filestat_set_times(fd, 5000000000, 0, ATIM | MTIM_NOW), "file");
  times("a directory", fd_filestat_set_times(dir, 5000000000, 7000000000, ATIM | MTIM), "dir");
  times("by path", path_filestat_set_times(ROOT, 0, P("file"), 13000000000, 17000000000, ATIM | MTIM), "file");
  times("through a link", path_filestat_set_times(ROOT, 1, P("link"), 19000000000, 23000000000, ATIM | MTIM), "file");
  times("of a link", path_filestat_set_times(ROOT, 0, P("link"), 29000000000, 31000000000, ATIM | MTIM), "link");
  times("and not of its target", 0, "file");
  times("both kinds of one", fd_filestat_set_times(fd, 0, 0, ATIM | ATIM_NOW), "file");
  times("both kinds of the other", fd_filestat_set_times(fd, 0, 0, MTIM | MTIM_NOW), "file");
  times("both kinds by path", path_filestat_set_times(ROOT, 0, P("file"), 0, 0, MTIM | MTIM_NOW), "file");
  say("nothing there", path_filestat_set_times(ROOT, 0, P("nothing"), 0, 0, ATIM));
  say("nothing open", fd_filestat_set_times(99, 0, 0, ATIM));
  say("path from nothing open", path_filestat_set_times(99, 0, P("file"), 0, 0, ATIM));
  say("path from a file", path_filestat_set_times(fd, 0, P("file"), 0, 0, ATIM));
  return 0;
}
